//! Time stamps of heads by an authority (RFC 3161): somebody else's signature that a head was there at a time. The token is
//! kept in a file beside its head. What is checked is that the token is about this head, answers this request, and is signed
//! by an authority that the operator trusts ([`Authority`]); `openssl ts -verify` shows the same.

use super::{anchor::Anchor, authority::Authority, merkle::Hash, remote::call};
use crate::seal::digest;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use salus_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::{
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::PathBuf,
    time::Duration,
};
use time::OffsetDateTime;

/// An authority, and where its tokens are kept.
pub struct TimestampAnchor {
    address: String,
    authority: Authority,
    file: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Line {
    note: String,
    token: String,
}

/// SHA-256 with its parameters, as RFC 3161 writes it.
const SHA256: &[u8] = &[0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00];
/// The object identifier of SHA-256 alone: parameters may be left out.
const SHA256_OID: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
/// 1.2.840.113549.1.7.2, signed data.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// 1.2.840.113549.1.9.16.1.4, what a time stamp says.
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];

impl TimestampAnchor {
    /// `address` is that of the authority, `authority` who is believed, `file` where tokens are kept.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an address that is none.
    pub fn new(address: &str, authority: Authority, file: PathBuf) -> Result<Self> {
        if address.starts_with("https://") || address.starts_with("http://") {
            return Ok(Self { address: address.to_owned(), authority, file });
        }
        Err(Error::invalid(
            "audit_timestamp",
            "not_an_address",
            "Is http:// or https:// and the address of an authority",
        ))
    }

    fn failed(&self, why: &str) -> Error {
        Error::Unavailable(format!("the anchor {} {why}", self.name()))
    }

    fn lines(&self) -> Result<Vec<Line>> {
        match std::fs::read_to_string(&self.file) {
            Ok(text) => Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(self.failed(&format!("has a file that cannot be read: {}: {e}", self.file.display()))),
        }
    }

    fn write(&self, line: &Line) -> Result<()> {
        let failed = |e: &std::io::Error| {
            self.failed(&format!("has a file that cannot be written: {}: {e}", self.file.display()))
        };
        if let Some(folder) = self.file.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| failed(&e))?;
        }
        let mut text = serde_json::to_vec(line).map_err(Error::internal)?;
        // A line that was cut when the machine stopped is ended first; an empty one is passed over.
        text.insert(0, b'\n');
        text.push(b'\n');
        let open = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&self.file);
        let mut file = open.map_err(|e| failed(&e))?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(|e| failed(&e))
    }
}

impl Anchor for TimestampAnchor {
    fn name(&self) -> String {
        format!("time-stamp:{}", self.address)
    }

    /// Authorities serve many, some for money.
    fn every(&self) -> Duration {
        Duration::from_hours(1)
    }

    fn keep(&self, note: &str, _: u64, _: &[Hash]) -> Result<()> {
        let imprint = digest(note.as_bytes());
        let mut nonce = [0; 8];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| Error::internal("the random source failed"))?;
        // An INTEGER is signed, and its first byte is not needless.
        nonce[0] = nonce[0] & 0x7f | 0x40;
        let request = request(&imprint, &nonce);
        let answer = call(&self.name(), |client| {
            let call = client.post(&self.address).header("content-type", "application/timestamp-query");
            Ok(call.body(request))
        })?;
        if answer.status != 200 {
            return Err(self.failed(&format!("answered {}", answer.status)));
        }
        let token = granted(&answer.body).map_err(|why| self.failed(why))?;
        let said = stamped(token).ok_or_else(|| self.failed("answers in another form"))?;
        if said.imprint != imprint {
            return Err(self.failed("stamped something else"));
        }
        if said.nonce != Some(&nonce[..]) {
            return Err(self.failed("repeats an answer it gave before"));
        }
        self.authority.check(token, said.at).map_err(|why| self.failed(why))?;
        self.write(&Line { note: note.to_owned(), token: STANDARD.encode(token) })
    }

    fn kept(&self) -> Result<Vec<String>> {
        let mut kept = Vec::new();
        for Line { note, token } in self.lines()? {
            let token = STANDARD.decode(token).unwrap_or_default();
            let said = stamped(&token).filter(|said| said.imprint == digest(note.as_bytes()));
            let said = said.ok_or_else(|| self.failed("has a token in its file that is not about its head"))?;
            self.authority
                .check(&token, said.at)
                .map_err(|why| self.failed(&format!("has a token in its file, and {why}")))?;
            kept.push(note);
        }
        Ok(kept)
    }
}

/// `TimeStampReq`: version 1, the imprint, the nonce, and that the certificate be sent along.
fn request(imprint: &[u8], nonce: &[u8]) -> Vec<u8> {
    let imprint = der(0x30, &[SHA256, &der(0x04, imprint)].concat());
    der(0x30, &[&[0x02, 0x01, 0x01][..], &imprint, &der(0x02, nonce), &[0x01, 0x01, 0xff]].concat())
}

/// An element; those of a request are shorter than 128 bytes.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap_or(u8::MAX);
    [&[tag, length][..], content].concat()
}

/// The token of an answer that grants one.
fn granted(answer: &[u8]) -> std::result::Result<&[u8], &'static str> {
    let form = "answers in another form";
    let (mut body, _) = element(answer, 0x30).ok_or(form)?;
    let (mut status, token) = element(body, 0x30).ok_or(form)?;
    body = token;
    let (code, _) = element(status, 0x02).ok_or(form)?;
    status = code;
    // 0: granted; 1: granted with modifications.
    if !matches!(status, [0 | 1]) {
        return Err("does not grant a time stamp");
    }
    if element(body, 0x30).is_none() { Err(form) } else { Ok(body) }
}

/// What a token says.
struct Said<'a> {
    imprint: &'a [u8],
    at: OffsetDateTime,
    nonce: Option<&'a [u8]>,
}

/// `TSTInfo` inside the signed data of a token.
fn stamped(token: &[u8]) -> Option<Said<'_>> {
    let (content, _) = element(token, 0x30)?;
    let (kind, rest) = element(content, 0x06)?;
    let (explicit, _) = element(rest, 0xa0)?;
    let (signed, _) = element(explicit, 0x30)?;
    let (_, rest) = element(signed, 0x02)?;
    let (_, rest) = element(rest, 0x31)?;
    let (inner, _) = element(rest, 0x30)?;
    let (inner_kind, rest) = element(inner, 0x06)?;
    let (explicit, _) = element(rest, 0xa0)?;
    let (text, _) = element(explicit, 0x04)?;
    if kind != SIGNED_DATA || inner_kind != TST_INFO {
        return None;
    }
    let (info, _) = element(text, 0x30)?;
    let (_, rest) = element(info, 0x02)?;
    let (_, rest) = element(rest, 0x06)?;
    let (digested, rest) = element(rest, 0x30)?;
    let (algorithm, hash) = element(digested, 0x30)?;
    let (imprint, _) = element(hash, 0x04)?;
    if element(algorithm, 0x06)?.0 != SHA256_OID {
        return None;
    }
    let (_, rest) = element(rest, 0x02)?;
    let (at, mut rest) = element(rest, 0x18)?;
    // Accuracy and ordering may stand before the nonce.
    for tag in [0x30, 0x01] {
        if let Some((_, after)) = element(rest, tag) {
            rest = after;
        }
    }
    Some(Said { imprint, at: moment(at)?, nonce: element(rest, 0x02).map(|(nonce, _)| nonce) })
}

/// `GeneralizedTime` as DER has it: `YYYYMMDDHHMMSS`, perhaps a fraction, `Z`.
fn moment(text: &[u8]) -> Option<OffsetDateTime> {
    let (whole, rest) = std::str::from_utf8(text).ok()?.split_at_checked(14)?;
    let form = time::macros::format_description!("[year][month][day][hour][minute][second]");
    let at = time::PrimitiveDateTime::parse(whole, &form).ok()?;
    rest.ends_with('Z').then(|| at.assume_utc())
}

/// The content of the element at the beginning, when it has this tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |n, d| n << 8 | usize::from(*d)), rest)
        }
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    (*found == tag).then_some((content, after))
}
