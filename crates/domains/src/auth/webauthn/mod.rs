//! Passkeys as the W3C's Web Authentication (level 3) has them: what a browser answers is checked here, without database
//! or clock. Section numbers are those of that document.
//!
//! Holds: type, challenge, origin and relying party must be ours, the person must have been verified, and the signature
//! must be of the kept key. Of attestations "none" and a packed one by the key itself are taken; one by a maker's
//! certificate is refused, because no list of makers is kept here.

mod cose;
mod data;

pub use cose::{ALGORITHMS, PublicKey};

use aws_lc_rs::{constant_time, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ciborium::Value as Cbor;
use data::AuthenticatorData;
use serde::Deserialize;
use std::fmt;
use uuid::Uuid;

/// Who asks: the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    /// Its domain.
    pub id: String,
    /// Scheme, domain and port, as the browser names it.
    pub origin: String,
}

/// A new passkey, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The device's name for it.
    pub credential_id: Vec<u8>,
    /// Its public key as COSE, to be kept.
    pub public_key: Vec<u8>,
    /// The device's counter.
    pub sign_count: u32,
    /// Model of the device.
    pub aaguid: Uuid,
    /// Whether the device keeps a copy elsewhere.
    pub is_backed_up: bool,
}

/// A proof by a passkey, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asserted {
    /// The device's counter.
    pub sign_count: u32,
    /// Whether the device keeps a copy elsewhere.
    pub is_backed_up: bool,
}

/// Why an answer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is told in words by its Display")]
pub enum Refusal {
    Malformed,
    WrongType,
    WrongChallenge,
    WrongOrigin,
    CrossOrigin,
    WrongRelyingParty,
    NotPresent,
    NotVerified,
    NoCredential,
    Algorithm,
    Attestation,
    Signature,
    Copied,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the answer cannot be read",
            Self::WrongType => "the answer is to another kind of question",
            Self::WrongChallenge => "the answer is to another question",
            Self::WrongOrigin => "the answer was made for another site",
            Self::CrossOrigin => "the answer was made inside another site",
            Self::WrongRelyingParty => "the passkey is of another site",
            Self::NotPresent => "nobody touched the device",
            Self::NotVerified => "the device did not verify who used it",
            Self::NoCredential => "the answer holds no new passkey",
            Self::Algorithm => "the passkey's kind of key is not taken",
            Self::Attestation => "the device's statement about itself is not taken",
            Self::Signature => "the signature is wrong",
            Self::Copied => "the device's counter did not grow: there may be a copy of the passkey",
        })
    }
}

/// What the browser says about the question (5.8.1). What else it says is left alone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

/// What is checked on every answer (7.1 steps 5 to 11, 7.2 steps 9 to 14).
fn client_data(json: &[u8], kind: &str, challenge: &[u8], site: &RelyingParty) -> Result<(), Refusal> {
    let said: ClientData = serde_json::from_slice(json).map_err(|_| Refusal::Malformed)?;
    if said.kind != kind {
        return Err(Refusal::WrongType);
    }
    let answered = URL_SAFE_NO_PAD.decode(&said.challenge).map_err(|_| Refusal::Malformed)?;
    if challenge.is_empty() || constant_time::verify_slices_are_equal(&answered, challenge).is_err() {
        return Err(Refusal::WrongChallenge);
    }
    if said.origin != site.origin {
        return Err(Refusal::WrongOrigin);
    }
    if said.cross_origin { Err(Refusal::CrossOrigin) } else { Ok(()) }
}

/// What is checked on every statement of a device (7.1 steps 13 to 18, 7.2 steps 15 to 19).
fn device_data(bytes: &[u8], site: &RelyingParty) -> Result<AuthenticatorData, Refusal> {
    let data = AuthenticatorData::parse(bytes).ok_or(Refusal::Malformed)?;
    if data.rp_id_hash != digest::digest(&digest::SHA256, site.id.as_bytes()).as_ref() {
        return Err(Refusal::WrongRelyingParty);
    }
    if !data.user_present {
        return Err(Refusal::NotPresent);
    }
    // A copy elsewhere of what cannot be copied is no statement of an honest device.
    if data.is_backed_up && !data.may_be_backed_up {
        return Err(Refusal::Malformed);
    }
    Ok(data)
}

/// Checks a new passkey (7.1). Whether the person must have been verified is the caller's to say.
///
/// # Errors
/// [`Refusal`] says why.
pub fn register(
    client_data_json: &[u8],
    attestation_object: &[u8],
    challenge: &[u8],
    site: &RelyingParty,
    verified: bool,
) -> Result<Registered, Refusal> {
    client_data(client_data_json, "webauthn.create", challenge, site)?;
    let object: Cbor = data::whole(attestation_object).ok_or(Refusal::Malformed)?;
    let member = |name: &str| data::member(&object, name);
    let bytes = member("authData").and_then(Cbor::as_bytes).ok_or(Refusal::Malformed)?;
    let told = device_data(bytes, site)?;
    if verified && !told.user_verified {
        return Err(Refusal::NotVerified);
    }
    let new = told.credential.ok_or(Refusal::NoCredential)?;
    let key = PublicKey::parse(&new.public_key).ok_or(Refusal::Algorithm)?;
    let statement = member("attStmt").ok_or(Refusal::Malformed)?;
    match member("fmt").and_then(Cbor::as_text) {
        Some("none") if statement.as_map().is_some_and(Vec::is_empty) => {}
        Some("packed") => packed(statement, &key, &signed(bytes, client_data_json))?,
        _ => return Err(Refusal::Attestation),
    }
    Ok(Registered {
        credential_id: new.id,
        public_key: new.public_key,
        sign_count: told.sign_count,
        aaguid: new.aaguid,
        is_backed_up: told.is_backed_up,
    })
}

/// A packed statement that the new key itself has signed (8.2.1); one with a certificate is refused.
fn packed(statement: &Cbor, key: &PublicKey, signed: &[u8]) -> Result<(), Refusal> {
    let member = |name: &str| data::member(statement, name);
    let algorithm = member("alg").and_then(Cbor::as_integer).and_then(|n| i64::try_from(n).ok());
    let signature = member("sig").and_then(Cbor::as_bytes);
    if member("x5c").is_some() || algorithm != Some(key.algorithm()) {
        return Err(Refusal::Attestation);
    }
    let right = signature.is_some_and(|signature| key.verify(signed, signature));
    if right { Ok(()) } else { Err(Refusal::Signature) }
}

/// What a device signs: its statement and the digest of the browser's.
fn signed(authenticator_data: &[u8], client_data_json: &[u8]) -> Vec<u8> {
    [authenticator_data, digest::digest(&digest::SHA256, client_data_json).as_ref()].concat()
}

/// What a browser answers when it was asked for a passkey.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// What the browser says.
    pub client_data_json: &'a [u8],
    /// What the device says.
    pub authenticator_data: &'a [u8],
    /// The device's signature over both.
    pub signature: &'a [u8],
}

/// Checks a proof by a kept passkey (7.2), which had this counter.
///
/// # Errors
/// [`Refusal`] says why; [`Refusal::Copied`] only for an answer that is right but for the counter.
pub fn assert(
    answer: Answer<'_>,
    challenge: &[u8],
    site: &RelyingParty,
    (key, counter): (&PublicKey, u32),
    verified: bool,
) -> Result<Asserted, Refusal> {
    client_data(answer.client_data_json, "webauthn.get", challenge, site)?;
    let told = device_data(answer.authenticator_data, site)?;
    if verified && !told.user_verified {
        return Err(Refusal::NotVerified);
    }
    if !key.verify(&signed(answer.authenticator_data, answer.client_data_json), answer.signature) {
        return Err(Refusal::Signature);
    }
    // Devices that do not count say zero for ever (6.1.1).
    if (told.sign_count > 0 || counter > 0) && told.sign_count <= counter {
        return Err(Refusal::Copied);
    }
    Ok(Asserted { sign_count: told.sign_count, is_backed_up: told.is_backed_up })
}

#[cfg(test)]
mod tests;
