//! A device with a passkey, in software: it answers what a browser is asked, for the site that it believes to see.

use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ciborium::Value as Cbor;
use serde_json::{Value, json};

/// Present and verified.
const FLAGS: u8 = 0x05;
/// A new passkey stands in the answer.
const NEW: u8 = 0x40;

/// A device that holds one passkey.
pub struct Authenticator {
    key: EcdsaKeyPair,
    id: Vec<u8>,
    /// Scheme, name and port of the page that it sees.
    pub origin: String,
    /// How often it has answered.
    pub counter: u32,
}

impl Authenticator {
    /// A new device before a page of this origin.
    ///
    /// # Panics
    /// When no key can be made.
    #[must_use]
    pub fn new(origin: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let id = digest::digest(&digest::SHA256, key.public_key().as_ref()).as_ref()[..16].to_vec();
        Self { key, id, origin: origin.to_owned(), counter: 0 }
    }

    /// Makes the passkey that it is asked for (`navigator.credentials.create`).
    ///
    /// # Panics
    /// When the answer cannot be written.
    #[must_use]
    pub fn create(&self, options: &Value) -> String {
        let mut data = self.data(options["rp"]["id"].as_str().unwrap_or_default(), FLAGS | NEW);
        data.extend([7; 16]);
        data.extend(u16::try_from(self.id.len()).expect("a short id").to_be_bytes());
        data.extend(&self.id);
        data.extend(self.public_key());
        let object = written(&Cbor::Map(vec![
            (Cbor::Text("fmt".into()), Cbor::Text("none".into())),
            (Cbor::Text("attStmt".into()), Cbor::Map(Vec::new())),
            (Cbor::Text("authData".into()), Cbor::Bytes(data)),
        ]));
        json!({
            "id": text(&self.id),
            "clientDataJson": text(&self.client("webauthn.create", options)),
            "attestationObject": text(&object),
        })
        .to_string()
    }

    /// Answers with the passkey (`navigator.credentials.get`), and counts.
    ///
    /// # Panics
    /// When the answer cannot be signed.
    pub fn get(&mut self, options: &Value, user: &[u8]) -> String {
        self.counter += 1;
        let data = self.data(options["rpId"].as_str().unwrap_or_default(), FLAGS);
        let client = self.client("webauthn.get", options);
        let mut signed = data.clone();
        signed.extend(digest::digest(&digest::SHA256, &client).as_ref());
        let signature = self.key.sign(&SystemRandom::new(), &signed).expect("a signature");
        json!({
            "id": text(&self.id),
            "clientDataJson": text(&client),
            "authenticatorData": text(&data),
            "signature": text(signature.as_ref()),
            "userHandle": text(user),
        })
        .to_string()
    }

    fn client(&self, kind: &str, options: &Value) -> Vec<u8> {
        json!({"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false})
            .to_string()
            .into_bytes()
    }

    fn data(&self, site: &str, flags: u8) -> Vec<u8> {
        let mut out = digest::digest(&digest::SHA256, site.as_bytes()).as_ref().to_vec();
        out.push(flags);
        out.extend(self.counter.to_be_bytes());
        out
    }

    /// The public key as COSE.
    fn public_key(&self) -> Vec<u8> {
        let point = self.key.public_key().as_ref();
        let number = |n: i64| Cbor::Integer(n.into());
        written(&Cbor::Map(vec![
            (number(1), number(2)),
            (number(3), number(-7)),
            (number(-1), number(1)),
            (number(-2), Cbor::Bytes(point[1..33].to_vec())),
            (number(-3), Cbor::Bytes(point[33..].to_vec())),
        ]))
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn written(value: &Cbor) -> Vec<u8> {
    let mut out = Vec::new();
    ciborium::into_writer(value, &mut out).expect("memory takes it");
    out
}
