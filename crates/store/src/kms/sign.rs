//! AWS Signature Version 4: the canonical request, its digest, and a key derived for the day,
//! the region and the service.

use crate::seal::{digest, hmac};
use aws_lc_rs::hmac as mac;
use salus_core::{Error, Result};
use time::{OffsetDateTime, macros::format_description};
use zeroize::Zeroizing;

/// Who signs.
pub(crate) struct Credentials {
    pub access: String,
    pub secret: Zeroizing<String>,
    pub session: Option<Zeroizing<String>>,
}

impl Credentials {
    /// From lines `aws_access_key_id = …`, `aws_secret_access_key = …` and perhaps `aws_session_token = …`, as in the file that
    /// AWS tools use.
    pub fn parse(field: &str, text: &str) -> Result<Self> {
        let value = |name: &str| {
            let lines = text.lines().filter_map(|l| l.split_once('='));
            lines
                .map(|(n, v)| (n.trim(), v.trim()))
                .find(|(n, v)| *n == name && !v.is_empty())
                .map(|(_, v)| v.to_owned())
        };
        let needed = |name: &str| {
            value(name).ok_or_else(|| Error::invalid(field, "required", format!("Has no line {name} = …")))
        };
        Ok(Self {
            access: needed("aws_access_key_id")?,
            secret: Zeroizing::new(needed("aws_secret_access_key")?),
            session: value("aws_session_token").map(Zeroizing::new),
        })
    }
}

/// What is signed.
pub(crate) struct Request<'a> {
    pub method: &'a str,
    pub host: &'a str,
    /// Of letters, digits and what stands for itself in a path.
    pub path: &'a str,
    /// Encoded, in the order of the names.
    pub query: &'a str,
    /// In lower case and in order; without host, date and token.
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
    pub region: &'a str,
    pub service: &'a str,
}

/// The headers to send besides `host`.
pub(crate) fn sign(who: &Credentials, request: &Request<'_>, at: OffsetDateTime) -> Result<Vec<(String, String)>> {
    let time = at.format(format_description!("[year][month][day]T[hour][minute][second]Z")).map_err(Error::internal)?;
    let day = &time[..8];
    let mut headers: Vec<(String, String)> =
        vec![("host".into(), request.host.into()), ("x-amz-date".into(), time.clone())];
    headers.extend(request.headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
    headers.extend(who.session.iter().map(|token| ("x-amz-security-token".to_owned(), token.as_str().to_owned())));
    headers.sort();
    let names = headers.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>().join(";");
    let lines = headers.iter().map(|(n, v)| format!("{n}:{v}")).collect::<Vec<_>>().join("\n");
    let canonical = format!(
        "{}\n{}\n{}\n{lines}\n\n{names}\n{}",
        request.method,
        request.path,
        request.query,
        hex::encode(digest(request.body))
    );
    let scope = format!("{day}/{}/{}/aws4_request", request.region, request.service);
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex::encode(digest(canonical.as_bytes())));
    let first = Zeroizing::new(format!("AWS4{}", who.secret.as_str()));
    let mut key = Zeroizing::new(first.as_bytes().to_vec());
    for part in [day, request.region, request.service, "aws4_request"] {
        key = Zeroizing::new(hmac(&mac::Key::new(mac::HMAC_SHA256, &key), &[part.as_bytes()]).to_vec());
    }
    let signature = hex::encode(hmac(&mac::Key::new(mac::HMAC_SHA256, &key), &[text.as_bytes()]));
    let line =
        format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", who.access);
    headers.retain(|(n, _)| n != "host");
    headers.push(("authorization".into(), line));
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    /// The cases get-vanilla and post-vanilla of the test suite that AWS publishes for this signature.
    #[test]
    fn signatures_are_those_of_the_published_suite() {
        let text = "[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n";
        let who = Credentials::parse("kms.credentials", text).unwrap();
        let cases = [
            ("GET", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            ("POST", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ];
        for (method, query, signature) in cases {
            let request = Request {
                method,
                host: "example.amazonaws.com",
                path: "/",
                query,
                headers: &[],
                body: b"",
                region: "us-east-1",
                service: "service",
            };
            let headers = sign(&who, &request, datetime!(2015-08-30 12:36:00 UTC)).unwrap();
            let line = &headers.iter().find(|(n, _)| n == "authorization").unwrap().1;
            assert!(line.ends_with(signature), "{method}: {line}");
        }
        assert!(Credentials::parse("kms.credentials", "aws_access_key_id = X\n").is_err());
    }
}
