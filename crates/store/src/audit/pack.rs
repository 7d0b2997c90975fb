//! An evidence pack: a zip of files under one signed list of their digests. It is checked without a database, by
//! [`check`] or by anybody with `unzip`, `sha256sum` and `openssl`: `manifest.txt` is what is signed, `manifest.sig` the
//! 64 bytes of the Ed25519 signature, `key.pem` the public key; `manifest.note` is the same as a C2SP signed-note. The
//! key is that of the audit log, which whoever checks notes from `salus audit verify`.

use super::{
    log::Log,
    merkle::{Note, VerifyingKey},
    plain,
};
use crate::seal::digest;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use salus_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::{Cursor, Read, Seek, Write},
};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

/// What the first line of the manifest ends with, behind the log's name: no head and no report can pass for it.
const KIND: &str = "/evidence";
/// Files of the signature itself, which no manifest can list.
const SIGNATURE: [&str; 4] = ["manifest.note", "manifest.txt", "manifest.sig", "key.pem"];
/// `SubjectPublicKeyInfo` of an Ed25519 key, before its 32 bytes (RFC 8410 section 4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// No pack of ours has a file near this.
const MOST: u64 = 256 << 20;

#[derive(Serialize, Deserialize)]
struct Manifest {
    about: Value,
    files: BTreeMap<String, String>,
}

/// What a pack turned out to be.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Checked {
    /// What the manifest says of itself.
    pub about: Value,
    /// Files whose digest is the signed one.
    pub files: Vec<String>,
    /// The key it was checked with.
    pub key: String,
    /// Whether that key was given, and not taken from the pack itself.
    pub key_given: bool,
    /// What is wrong.
    pub problems: Vec<String>,
}

/// The bytes of a pack. `about` is what its manifest says of itself; times in the zip are all 1980, so that the same
/// files give the same bytes.
///
/// # Errors
/// [`Error::Conflict`] when the log has no key yet; those of the database.
pub async fn seal(log: &Log, about: Value, files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>> {
    let mut client = log.connect().await?;
    let tx = client.transaction().await.map_err(|e| plain(&e))?;
    let nothing = || Error::Conflict {
        code: "not_sealed",
        detail: "The audit log has no signing key yet: run salus audit seal".into(),
    };
    let key = log.key(&tx).await?.ok_or_else(nothing)?;
    let listed = files.iter().map(|(name, bytes)| (name.clone(), hex::encode(digest(bytes)))).collect();
    let manifest = serde_json::to_string(&Manifest { about, files: listed }).map_err(Error::internal)?;
    let text = format!("{}{KIND}\n{manifest}\n", key.public().name());
    let note = key.sign_text(&text);
    let signature = raw(&note).ok_or_else(|| Error::internal("a note has no signature"))?;
    let mut all: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let pem = pem(key.public());
    let last: [&[u8]; 4] = [note.as_bytes(), text.as_bytes(), &signature, pem.as_bytes()];
    all.extend(SIGNATURE.into_iter().zip(last));
    archive(&all)
}

fn archive(files: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let form = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).unix_permissions(0o600);
    for (name, bytes) in files {
        zip.start_file(*name, form).map_err(Error::internal)?;
        zip.write_all(bytes).map_err(Error::internal)?;
    }
    Ok(zip.finish().map_err(Error::internal)?.into_inner())
}

/// The last signature of a note without name and key id.
fn raw(note: &str) -> Option<Vec<u8>> {
    let encoded = note.trim_end().rsplit_once(' ')?.1;
    STANDARD.decode(encoded).ok()?.get(4..).map(<[u8]>::to_vec)
}

fn pem(key: &VerifyingKey) -> String {
    let der = STANDARD.encode([&SPKI[..], key.bytes()].concat());
    format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n")
}

/// The key of a pack, under the name its manifest bears: whose it is, it does not show.
fn brought(files: &BTreeMap<String, Vec<u8>>) -> Option<VerifyingKey> {
    let pem = std::str::from_utf8(files.get("key.pem")?).ok()?;
    let der = STANDARD.decode(pem.lines().nth(1)?).ok()?;
    let key = der.strip_prefix(&SPKI)?.try_into().ok()?;
    let first = std::str::from_utf8(files.get("manifest.txt")?).ok()?.lines().next()?;
    Some(VerifyingKey::of(first.strip_suffix(KIND)?, key))
}

/// Whether a file begins as a zip does.
#[must_use]
pub fn is_one(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04")
}

/// Checks a pack. Without a `key` its own is used, which shows that it is whole and not whose it is.
///
/// # Errors
/// [`Error::Unavailable`] when it is no zip or cannot be read. Whatever else is wrong with it is in the answer.
pub fn check(pack: impl Read + Seek, key: Option<&VerifyingKey>) -> Result<Checked> {
    let mut done = Checked { key_given: key.is_some(), ..Checked::default() };
    let files = unpack(pack, &mut done)?;
    let Some(key) = key.cloned().or_else(|| brought(&files)) else {
        done.problems.push("it holds no key.pem, and none was given".into());
        return Ok(done);
    };
    done.key = key.to_string();
    let Some(manifest) = signed(&files, &key, &mut done.problems) else { return Ok(done) };
    for (name, told) in &manifest.files {
        match files.get(name) {
            Some(bytes) if hex::encode(digest(bytes)) == *told => done.files.push(name.clone()),
            Some(_) => done.problems.push(format!("{name} is not what was signed")),
            None => done.problems.push(format!("{name} is missing")),
        }
    }
    for name in files.keys().filter(|n| !manifest.files.contains_key(*n) && !SIGNATURE.contains(&n.as_str())) {
        done.problems.push(format!("{name} is not in the signed list"));
    }
    done.about = manifest.about;
    Ok(done)
}

fn unpack(pack: impl Read + Seek, done: &mut Checked) -> Result<BTreeMap<String, Vec<u8>>> {
    let unread = |e: &dyn std::fmt::Display| Error::Unavailable(format!("the pack cannot be read: {e}"));
    let mut zip = ZipArchive::new(pack).map_err(|e| unread(&e))?;
    let mut files = BTreeMap::new();
    for at in 0..zip.len() {
        let file = zip.by_index(at).map_err(|e| unread(&e))?;
        let name = file.name().map_err(|e| unread(&e))?.into_owned();
        let mut bytes = Vec::new();
        if file.take(MOST + 1).read_to_end(&mut bytes).map_err(|e| unread(&e))? as u64 > MOST {
            return Err(unread(&"a file in it is too long"));
        }
        if files.insert(name.clone(), bytes).is_some() {
            done.problems.push(format!("{name} is in it twice"));
        }
    }
    Ok(files)
}

/// The manifest, when the key signed it and its three forms say the same.
fn signed(files: &BTreeMap<String, Vec<u8>>, key: &VerifyingKey, problems: &mut Vec<String>) -> Option<Manifest> {
    let note = files.get("manifest.note").and_then(|bytes| std::str::from_utf8(bytes).ok());
    let opened = note.and_then(Note::parse).and_then(|n| n.signed("pack", key).map(str::to_owned).ok());
    let Some(text) = opened else {
        problems.push("its manifest is not signed by the key".into());
        return None;
    };
    let same = files.get("manifest.txt").is_some_and(|bytes| bytes == text.as_bytes())
        && files.get("manifest.sig").is_some_and(|bytes| note.and_then(raw).as_ref() == Some(bytes))
        && files.get("key.pem").is_some_and(|bytes| bytes == pem(key).as_bytes());
    if !same {
        problems.push("manifest.txt, manifest.sig or key.pem does not say what manifest.note says".into());
    }
    let (kind, json) = text.split_once('\n')?;
    let manifest = serde_json::from_str(json).ok().filter(|_| kind == format!("{}{KIND}", key.name()));
    if manifest.is_none() {
        problems.push("what is signed is no list of evidence".into());
    }
    manifest
}

#[cfg(test)]
mod tests {
    use super::super::merkle::SigningKey;
    use super::*;
    use crate::seal::Secret;
    use serde_json::json;

    type Change = fn(&mut BTreeMap<String, Vec<u8>>);

    fn pack(change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> Vec<u8> {
        let key = SigningKey::new("salus-1/audit", &Secret::new([3; 32])).unwrap();
        let listed = BTreeMap::from([("a.json".to_owned(), hex::encode(digest(b"{}")))]);
        let manifest = serde_json::to_string(&Manifest { about: json!({"period": "12m"}), files: listed }).unwrap();
        let text = format!("salus-1/audit{KIND}\n{manifest}\n");
        let note = key.sign_text(&text);
        let mut files = BTreeMap::from([
            ("a.json".to_owned(), b"{}".to_vec()),
            ("manifest.sig".to_owned(), raw(&note).unwrap()),
            ("manifest.note".to_owned(), note.into_bytes()),
            ("manifest.txt".to_owned(), text.into_bytes()),
            ("key.pem".to_owned(), pem(key.public()).into_bytes()),
        ]);
        change(&mut files);
        archive(&files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect::<Vec<_>>()).unwrap()
    }

    fn told(bytes: &[u8], key: Option<&VerifyingKey>) -> Checked {
        check(Cursor::new(bytes), key).unwrap()
    }

    #[test]
    fn is_whole_only_as_it_was_signed() {
        let key = SigningKey::new("salus-1/audit", &Secret::new([3; 32])).unwrap();
        let whole = told(&pack(|_| ()), Some(key.public()));
        assert_eq!((whole.problems.as_slice(), whole.files.as_slice()), (&[][..], &["a.json".to_owned()][..]));
        assert!(whole.key_given && whole.about["period"] == "12m");
        let own = told(&pack(|_| ()), None);
        assert_eq!((own.problems.len(), own.key_given, own.key), (0, false, key.public().to_string()));
        let other = SigningKey::new("salus-1/audit", &Secret::new([4; 32])).unwrap();
        assert_eq!(told(&pack(|_| ()), Some(other.public())).problems, ["its manifest is not signed by the key"]);
        let changes: [(&str, Change); 6] = [
            ("a.json is not what was signed", |f| f.get_mut("a.json").unwrap().push(b' ')),
            ("a.json is missing", |f| drop(f.remove("a.json"))),
            ("more.json is not in the signed list", |f| drop(f.insert("more.json".into(), vec![]))),
            ("manifest.txt, manifest.sig or", |f| f.get_mut("manifest.txt").unwrap().push(b' ')),
            ("manifest.txt, manifest.sig or", |f| f.get_mut("manifest.sig").unwrap()[0] ^= 1),
            ("its manifest is not signed", |f| f.get_mut("manifest.note").unwrap()[20] ^= 1),
        ];
        for (want, change) in changes {
            let problems = told(&pack(change), Some(key.public())).problems;
            assert!(problems.len() == 1 && problems[0].starts_with(want), "{want}: {problems:?}");
        }
    }

    #[test]
    fn any_flipped_byte_is_noticed_or_changes_nothing_that_is_read() {
        let key = SigningKey::new("salus-1/audit", &Secret::new([3; 32])).unwrap();
        let whole = pack(|_| ());
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x41;
            if let Ok(done) = check(Cursor::new(&bytes), Some(key.public()))
                && done.problems.is_empty()
            {
                assert_eq!(done.files, ["a.json"], "byte {at}: what is taken is what was signed");
                assert_eq!(done.about, json!({"period": "12m"}), "byte {at}");
            }
        }
    }

    #[test]
    fn a_head_or_a_report_is_no_pack() {
        let key = SigningKey::new("salus-1/audit", &Secret::new([3; 32])).unwrap();
        let note = key.sign_text("salus-1/audit/report\n{\"about\":{},\"files\":{}}\n");
        let bytes = pack(|files| {
            files.insert("manifest.note".into(), note.into_bytes());
        });
        assert!(
            told(&bytes, Some(key.public())).problems.contains(&"what is signed is no list of evidence".to_owned())
        );
        assert!(check(Cursor::new(b"no zip at all".to_vec()), None).is_err());
    }
}
