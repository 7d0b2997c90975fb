//! Heads in a bucket with object lock: not even who holds its credentials can remove or replace one before its time
//! (`spec` B1.8). A head is an object; versions are read, so that a delete marker or a second object hides nothing.

use super::{
    anchor::{Anchor, Look},
    merkle::{Checkpoint, Hash, Note},
    remote::{Answer, call},
};
use crate::kms::{Credentials, Request, sign};
use crate::seal::digest;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use salus_core::{Env, Error, Result};
use std::time::Duration;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Heads that a verification reads at least, the newest: two days of them at one in ten minutes.
const NEWEST: usize = 300;
/// And so many of the older ones, at places that chance picks: whoever rewrote the log has to hope.
const SAMPLE: usize = 50;

/// A bucket, and who may write there.
pub struct S3Anchor {
    endpoint: String,
    host: String,
    bucket: String,
    prefix: String,
    region: String,
    days: u16,
    credentials: Credentials,
    env: Env,
}

/// Where the bucket is.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// `https://s3.REGION.amazonaws.com`, or that of another service with the same interface.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// The bucket, which has object lock.
    pub name: String,
    /// What keys begin with.
    pub prefix: String,
    /// For how many days a head cannot be removed.
    pub days: u16,
}

/// A body and headers of a request.
type Sent<'a> = (&'a [u8], &'a [(&'a str, &'a str)]);

/// A version of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    key: String,
    number: String,
    /// When it was put there, as far as the bucket says.
    at: Option<OffsetDateTime>,
}

impl Version {
    /// From one element of a list.
    fn parse(text: &str) -> Option<Self> {
        let at = between(text, "LastModified").and_then(|at| OffsetDateTime::parse(&at, &Rfc3339).ok());
        Some(Self { key: between(text, "Key")?, number: between(text, "VersionId")?, at })
    }
}

impl S3Anchor {
    /// `credentials` is the text of a file of lines `name = value`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an address, a name or credentials that are none.
    pub fn new(bucket: Bucket, credentials: &str) -> Result<Self> {
        let plain =
            |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-./".contains(&b));
        if bucket.name.is_empty() || bucket.name.contains('/') || !plain(&bucket.name) || !plain(&bucket.prefix) {
            let why = "Bucket and prefix are of lower-case letters, digits, dots and hyphens";
            return Err(Error::invalid("audit_s3.bucket", "not_a_name", why));
        }
        if bucket.days == 0 {
            return Err(Error::invalid("audit_s3.days", "out_of_range", "Is a number of days, at least 1"));
        }
        let usual = format!("https://s3.{}.amazonaws.com", bucket.region);
        let endpoint = bucket.endpoint.unwrap_or(usual).trim_end_matches('/').to_owned();
        let host = crate::kms::host("audit_s3.endpoint", &endpoint)?;
        let credentials = Credentials::parse("audit_s3.credentials", credentials)?;
        let prefix = bucket.prefix.trim_matches('/').to_owned();
        let (region, days) = (bucket.region, bucket.days);
        Ok(Self { endpoint, host, bucket: bucket.name, prefix, region, days, credentials, env: Env::default() })
    }

    /// Keys in the order in which the newest comes first, because a list begins with the smallest.
    fn key(&self, head: &Checkpoint) -> String {
        format!("{}/e{:010}/{:020}", self.prefix, i32::MAX - head.epoch(), u64::MAX - head.size)
    }

    fn ask(&self, method: &str, key: &str, query: &[(&str, &str)], (body, more): Sent<'_>) -> Result<Answer> {
        let path = if key.is_empty() { format!("/{}", self.bucket) } else { format!("/{}/{key}", self.bucket) };
        let sum = hex::encode(digest(body));
        let mut headers = vec![("x-amz-content-sha256", sum.as_str())];
        headers.extend_from_slice(more);
        let (method, query) = (method.to_owned(), encoded(query));
        let request = Request {
            method: &method,
            host: &self.host,
            path: &path,
            query: &query,
            headers: &headers,
            body,
            region: &self.region,
            service: "s3",
        };
        let signed = sign(&self.credentials, &request, self.env.now())?;
        let address = format!("{}{path}{}{query}", self.endpoint, if query.is_empty() { "" } else { "?" });
        let verb = method.parse().map_err(Error::internal)?;
        let answer = call(&self.name(), |client| {
            let call = client.request(verb, address).body(body.to_vec());
            Ok(signed.iter().fold(call, |call, (name, value)| call.header(name, value)))
        })?;
        match answer.status {
            200 => Ok(answer),
            403 => Err(self.failed("refuses the credentials, or they may not do this")),
            404 => Err(self.failed("does not know this bucket or object")),
            status => Err(self.failed(&format!("answered {status}"))),
        }
    }

    fn failed(&self, why: &str) -> Error {
        Error::Unavailable(format!("the anchor {} {why}", self.name()))
    }

    /// Versions of heads, the newest first, of keys that follow one: the first `most`, and more as long as they are not known
    /// to be older than `since`.
    fn versions(&self, after: Option<&str>, most: usize, since: Option<OffsetDateTime>) -> Result<Vec<Version>> {
        let (mut all, mut from) = (Vec::<Version>::new(), None::<(String, String)>);
        let young = |v: &Version| since.is_some_and(|since| v.at.is_none_or(|at| at >= since));
        let prefix = format!("{}/e", self.prefix);
        loop {
            let page = most.min(1000).to_string();
            let mut query = vec![("max-keys", page.as_str()), ("prefix", prefix.as_str()), ("versions", "")];
            if let Some((key, version)) = &from {
                query.extend([("key-marker", key.as_str()), ("version-id-marker", version.as_str())]);
            } else if let Some(key) = after {
                query.push(("key-marker", key));
            }
            query.sort_unstable();
            let answer = self.ask("GET", "", &query, (b"", &[]))?;
            let text = String::from_utf8(answer.body).map_err(|_| self.failed("answers in another form"))?;
            for version in text.split("<Version>").skip(1) {
                all.push(Version::parse(version).ok_or_else(|| self.failed("answers in another form"))?);
            }
            let next = between(&text, "NextKeyMarker").zip(between(&text, "NextVersionIdMarker"));
            let enough = all.len() >= most && !all.last().is_some_and(young);
            if enough || between(&text, "IsTruncated").as_deref() != Some("true") || next.is_none() {
                return Ok(all
                    .into_iter()
                    .enumerate()
                    .filter(|(n, v)| *n < most || young(v))
                    .map(|(_, v)| v)
                    .collect());
            }
            from = next;
        }
    }

    /// Some of the versions that follow a key: each is the next one after a place that chance picks.
    fn sample(&self, last: &str) -> Result<Vec<Version>> {
        let place = |text: &str| text.trim_start_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().ok();
        let mut parts = last.rsplit('/').map(place);
        let (Some(Some(size)), Some(Some(epoch))) = (parts.next(), parts.next()) else {
            return Err(self.failed("holds a key of another form"));
        };
        // As they stand in keys: the greater the older.
        let (sizes, epochs) = ((u64::MAX - size).max(1), i32::MAX.unsigned_abs().into());
        let older = u64::saturating_sub(epochs, epoch).max(1);
        let mut found = Vec::new();
        for _ in 0..SAMPLE {
            let (_, chance) = self.env.id().as_u64_pair();
            let (epoch, size) = (epoch + chance % older, u64::MAX - (chance >> 16) % sizes);
            let after = format!("{}/e{epoch:010}/{size:020}", self.prefix);
            found.extend(self.versions(Some(&after), 1, None)?);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// A version, which must be locked.
    fn read(&self, Version { key, number, .. }: &Version) -> Result<String> {
        let answer = self.ask("GET", key, &[("versionId", number)], (b"", &[]))?;
        if answer.header("x-amz-object-lock-mode") != Some("COMPLIANCE") {
            return Err(
                self.failed("holds a head that is not locked: the bucket needs object lock, and the right to set it")
            );
        }
        String::from_utf8(answer.body).map_err(|_| self.failed("holds something else than heads"))
    }
}

impl Anchor for S3Anchor {
    fn name(&self) -> String {
        format!("s3:{}/{}", self.bucket, self.prefix)
    }

    /// Each head is an object that is paid for until its lock ends.
    fn every(&self) -> Duration {
        Duration::from_mins(10)
    }

    fn keep(&self, note: &str, _: u64, _: &[Hash]) -> Result<()> {
        let head = Note::parse(note).and_then(|n| n.claim());
        let key = self.key(&head.ok_or_else(|| Error::internal("a head of our own cannot be read"))?);
        let until = self.env.now() + time::Duration::days(i64::from(self.days));
        let until = until.replace_nanosecond(0).map_err(Error::internal)?.format(&Rfc3339).map_err(Error::internal)?;
        let sum = STANDARD.encode(digest(note.as_bytes()));
        let lock = [
            ("x-amz-checksum-sha256", sum.as_str()),
            ("x-amz-object-lock-mode", "COMPLIANCE"),
            ("x-amz-object-lock-retain-until-date", until.as_str()),
        ];
        let stored = self.ask("PUT", &key, &[], (note.as_bytes(), &lock))?;
        let Some(version) = stored.header("x-amz-version-id").filter(|v| *v != "null") else {
            return Err(self.failed("keeps no versions: the bucket needs object lock"));
        };
        let read = self.read(&Version { key, number: version.to_owned(), at: None })?;
        if read == note { Ok(()) } else { Err(self.failed("does not read back what was written")) }
    }

    fn kept(&self) -> Result<Vec<String>> {
        self.versions(None, usize::MAX, None)?.iter().rev().map(|version| self.read(version)).collect()
    }

    fn looked_at(&self, look: Look) -> Result<(Vec<String>, Option<String>)> {
        let since = match look {
            Look::Every => return Ok((self.kept()?, None)),
            Look::Newest => None,
            // The clock of the bucket is another.
            Look::Since(at) => Some(at - time::Duration::HOUR),
        };
        let mut versions = self.versions(None, NEWEST, since)?;
        let (newest, mut part) = (versions.len(), None);
        if newest >= NEWEST {
            let older = self.sample(&versions[newest - 1].key)?;
            let older: Vec<Version> = older.into_iter().filter(|version| !versions.contains(version)).collect();
            part = Some(format!(
                "the newest {newest} heads were read, and {} of the older ones by chance: salus audit verify --every-head",
                older.len()
            ));
            versions.extend(older);
        }
        let heads = versions.iter().rev().map(|version| self.read(version)).collect::<Result<_>>()?;
        Ok((heads, part))
    }

    fn newest(&self) -> Result<Option<String>> {
        self.versions(None, 1, None)?.first().map(|version| self.read(version)).transpose()
    }
}

/// What stands in the first element of this name.
fn between(text: &str, name: &str) -> Option<String> {
    let rest = text.split_once(&format!("<{name}>"))?.1;
    rest.split_once(&format!("</{name}>")).map(|(value, _)| value.to_owned())
}

/// A query in the order given, encoded as the signature wants it.
fn encoded(query: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String {
        text.bytes()
            .map(|b| {
                let plain = b.is_ascii_alphanumeric() || b"-._~".contains(&b);
                if plain { char::from(b).to_string() } else { format!("%{b:02X}") }
            })
            .collect()
    };
    query.iter().map(|(n, v)| format!("{}={}", encode(n), encode(v))).collect::<Vec<_>>().join("&")
}
