//! Suites of `salus conformance` for proofs of who somebody is: one-time codes, passkeys and signed tokens, run through
//! the code that checks them at the door.

use super::conformance::{json_files, scored};
use crate::output::Outcome;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::Subcommand;
use salus_core::{Error, Result};
use salus_domains::auth::{
    jwt::{self, Key},
    totp::{self, Hash},
    webauthn::{self, Answer, PublicKey, RelyingParty},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub enum CredentialSuite {
    /// One-time codes of RFC 6238 (TOTP) and RFC 4226 (HOTP).
    Otp {
        /// A file or folder of vectors as JSON.
        #[arg(long)]
        data: PathBuf,
    },
    /// Passkeys: registrations and proofs of the W3C's Web Authentication, and the same bent.
    Webauthn {
        /// A file or folder of vectors as JSON.
        #[arg(long)]
        data: PathBuf,
    },
    /// Signed tokens of RFC 7520 and RFC 8037: those by key pairs hold, all others are refused, and so is each one bent.
    Jose {
        /// The cookbook's folder.
        #[arg(long)]
        data: PathBuf,
    },
}

/// Runs a suite.
///
/// # Errors
/// [`Error::Invalid`] on `data` when it cannot be read.
pub fn run(suite: &CredentialSuite) -> Result<Outcome> {
    match suite {
        CredentialSuite::Otp { data } => otp(data),
        CredentialSuite::Webauthn { data } => passkeys(data),
        CredentialSuite::Jose { data } => jose(data),
    }
}

/// Each file with what is in it.
fn documents(data: &Path) -> Result<Vec<(String, Value)>> {
    let files = if data.is_file() { vec![data.to_owned()] } else { json_files(data)? };
    let read = |path: &PathBuf| {
        let unreadable =
            |e: &dyn std::fmt::Display| Error::invalid("data", "unreadable", format!("{}: {e}", path.display()));
        let bytes = std::fs::read(path).map_err(|e| unreadable(&e))?;
        let value = serde_json::from_slice(&bytes).map_err(|e| unreadable(&e))?;
        Ok((path.strip_prefix(data).unwrap_or(path).display().to_string(), value))
    };
    files.iter().map(read).collect()
}

fn hex(text: &str) -> Result<Vec<u8>> {
    let bytes = (0..text.len() / 2).map(|i| text.get(2 * i..2 * i + 2).and_then(|b| u8::from_str_radix(b, 16).ok()));
    let bytes: Option<Vec<u8>> = bytes.collect();
    bytes
        .filter(|_| text.len().is_multiple_of(2))
        .ok_or_else(|| Error::invalid("data", "unreadable", format!("{text} is no hex")))
}

#[derive(Deserialize)]
struct Code {
    algorithm: Option<String>,
    secret_hex: String,
    digits: u32,
    period: Option<u64>,
    time: Option<u64>,
    counter: Option<u64>,
    totp: Option<String>,
    hotp: Option<String>,
}

fn otp(data: &Path) -> Result<Outcome> {
    let (mut total, mut failed) = (0, Vec::new());
    for (file, value) in documents(data)? {
        let vectors: Vec<Code> =
            serde_json::from_value(value).map_err(|e| Error::invalid("data", "unreadable", format!("{file}: {e}")))?;
        for (at, v) in vectors.iter().enumerate() {
            total += 1;
            let counter = v.counter.or_else(|| Some(v.time? / v.period.unwrap_or(30).max(1)));
            let hash = Hash::named(v.algorithm.as_deref().unwrap_or("SHA1"));
            let secret = hex(&v.secret_hex)?;
            let got = counter.zip(hash).map(|(counter, hash)| totp::hotp(&secret, counter, hash, v.digits));
            let wanted = v.totp.as_ref().or(v.hotp.as_ref());
            if wanted.is_none() || got.as_ref() != wanted {
                failed.push(json!({"id": format!("{file}:{at}"), "wanted": wanted, "got": got}));
            }
        }
    }
    Ok(scored("otp", total, &failed))
}

#[derive(Deserialize)]
struct Passkey {
    name: String,
    rp_id: String,
    origin: String,
    credential_id: String,
    client_data_json: String,
    attestation_object: String,
    authenticator_data: String,
    client_data_json_2: String,
    signature: String,
}

/// A vector is a registration and a proof. Vectors of the W3C do not all verify the person, so that is not asked of
/// them here, as it is at the door; all else is.
fn passkeys(data: &Path) -> Result<Outcome> {
    let (mut total, mut failed) = (0, Vec::new());
    for (file, value) in documents(data)? {
        let vectors: Vec<Passkey> =
            serde_json::from_value(value).map_err(|e| Error::invalid("data", "unreadable", format!("{file}: {e}")))?;
        for v in &vectors {
            for (what, wanted, got) in passkey(v)? {
                total += 1;
                if wanted != got {
                    failed.push(json!({"id": format!("{}:{what}", v.name), "wanted": wanted, "got": got}));
                }
            }
        }
    }
    Ok(scored("webauthn", total, &failed))
}

/// What is tried, what must come of it, and what does.
fn passkey(v: &Passkey) -> Result<Vec<(&'static str, String, String)>> {
    let site = RelyingParty { id: v.rp_id.clone(), origin: v.origin.clone() };
    let other = RelyingParty { origin: "https://example.com".into(), ..site.clone() };
    let (create, object) = (hex(&v.client_data_json)?, hex(&v.attestation_object)?);
    let (get, told, signature) = (hex(&v.client_data_json_2)?, hex(&v.authenticator_data)?, hex(&v.signature)?);
    let challenge = |client: &[u8]| {
        let said: Value = serde_json::from_slice(client).unwrap_or_default();
        URL_SAFE_NO_PAD.decode(said["challenge"].as_str().unwrap_or_default()).unwrap_or_default()
    };
    let taken = || "taken".to_owned();
    let say = |r: std::result::Result<(), String>| r.map_or_else(|e| e, |()| "taken".to_owned());
    let register = |client: &[u8], asked: &[u8], site: &RelyingParty| {
        let made = webauthn::register(client, &object, asked, site, false).map_err(|e| e.to_string());
        made.and_then(|m| {
            (m.credential_id == hex(&v.credential_id).unwrap_or_default()).then_some(m).ok_or("another id".into())
        })
    };
    let made = register(&create, &challenge(&create), &site);
    let key = made.as_ref().ok().and_then(|m| PublicKey::parse(&m.public_key));
    let prove = |asked: &[u8], signature: &[u8], site: &RelyingParty| match &key {
        None => Err("there is no key".to_owned()),
        Some(key) => {
            let answer = Answer { client_data_json: &get, authenticator_data: &told, signature };
            webauthn::assert(answer, asked, site, (key, 0), false).map(|_| ()).map_err(|e| e.to_string())
        }
    };
    let mut bent = signature.clone();
    if let Some(last) = bent.last_mut() {
        *last ^= 1;
    }
    let asked = challenge(&get);
    Ok(vec![
        ("registration", taken(), say(made.map(|_| ()))),
        ("proof", taken(), say(prove(&asked, &signature, &site))),
        ("another site", webauthn::Refusal::WrongOrigin.to_string(), say(prove(&asked, &signature, &other))),
        ("another question", webauthn::Refusal::WrongChallenge.to_string(), say(prove(b"no", &signature, &site))),
        ("a bent signature", webauthn::Refusal::Signature.to_string(), say(prove(&asked, &bent, &site))),
    ])
}

fn jose(data: &Path) -> Result<Outcome> {
    let (mut total, mut failed) = (0, Vec::new());
    for (file, v) in documents(data)? {
        let Some(token) = v["output"]["compact"].as_str().filter(|t| t.split('.').count() == 3) else { continue };
        let mut jwk = v["input"]["key"].clone();
        let algorithm =
            v["signing"]["protected"]["alg"].as_str().or_else(|| v["input"]["alg"].as_str()).unwrap_or_default();
        jwk["alg"] = json!(algorithm);
        let keys: Vec<Key> = Key::from_jwk(&jwk).into_iter().collect();
        let payload = v["input"]["payload"].as_str().unwrap_or_default();
        let holds = jwt::verify(token, &keys).is_ok_and(|s| s.content == payload.as_bytes());
        let by_pair = !algorithm.starts_with("HS") && algorithm != "none" && !token.contains("..");
        total += 1;
        if holds != by_pair {
            failed.push(json!({"id": file, "wanted": by_pair, "got": holds}));
        }
        let Some((signed, signature)) = token.rsplit_once('.').filter(|_| by_pair) else { continue };
        total += 1;
        let bent: String = signature.chars().rev().collect();
        if jwt::verify(&format!("{signed}.{bent}"), &keys).is_ok() {
            failed.push(json!({"id": format!("{file}:bent"), "wanted": false, "got": true}));
        }
    }
    Ok(scored("jose", total, &failed))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails here has found its bug")]
mod tests {
    use super::*;

    const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

    #[test]
    fn no_score_falls() {
        let kept: toml::Table =
            toml::from_str(&std::fs::read_to_string(format!("{REPOSITORY}/expected-scores.toml")).unwrap()).unwrap();
        let data = |name: &str| PathBuf::from(format!("{REPOSITORY}/../shared/data/{name}"));
        for (suite, name) in [
            (CredentialSuite::Otp { data: data("otp") }, "otp"),
            (CredentialSuite::Webauthn { data: data("webauthn") }, "webauthn"),
            (CredentialSuite::Jose { data: data("jose-cookbook") }, "jose"),
        ] {
            let score = run(&suite).unwrap();
            assert!(score.ok, "{}", score.text);
            for column in ["passed", "total"] {
                assert!(score.json[column].as_i64() >= kept[name][column].as_integer(), "{column}: {}", score.text);
            }
        }
    }

    #[test]
    fn a_wrong_code_and_an_empty_folder_have_not_passed() {
        let folder = std::env::temp_dir().join(format!("salus-otp-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let suite = CredentialSuite::Otp { data: folder.clone() };
        assert!(!run(&suite).unwrap().ok);
        let wrong = json!([{"secret_hex": "3132", "digits": 6, "counter": 1, "hotp": "000000"}]);
        std::fs::write(folder.join("wrong.json"), wrong.to_string()).unwrap();
        let told = run(&suite).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(!told.ok && told.text.contains("0 of 1"), "{}", told.text);
    }
}
