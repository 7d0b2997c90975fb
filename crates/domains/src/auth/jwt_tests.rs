//! Every known way to bend a token is refused by its name (A42), and tokens of each kind of key are taken.

use super::*;
use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-29 10:00 UTC);

struct Issuer {
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

impl Issuer {
    fn new() -> Self {
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { ec, ed: Ed25519KeyPair::generate().unwrap() }
    }

    fn keys(&self) -> Vec<Key> {
        let point = self.ec.public_key().as_ref();
        let text = |b: &[u8]| URL_SAFE_NO_PAD.encode(b);
        let set = json!({"keys": [
            {"kty": "EC", "crv": "P-256", "kid": "ec", "x": text(&point[1..33]), "y": text(&point[33..])},
            {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": text(self.ed.public_key().as_ref())},
            {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
        ]});
        Key::from_set(&set)
    }

    fn token(&self, head: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", part(head), part(claims));
        let signature = if head["kid"] == "ed" {
            self.ed.sign(signed.as_bytes()).as_ref().to_vec()
        } else {
            self.ec.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref().to_vec()
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn head() -> Value {
    json!({"alg": "ES256", "kid": "ec", "typ": "JWT"})
}

fn right() -> Value {
    let now = NOW.unix_timestamp();
    json!({"iss": "https://id.example", "aud": "salus", "exp": now + 300, "nbf": now, "iat": now, "sub": "s"})
}

fn expected() -> Expected<'static> {
    Expected { issuer: "https://id.example", audience: "salus", types: &["JWT"], not_before: true, now: NOW }
}

fn with(base: Value, name: &str, value: Value) -> Value {
    let mut changed = base;
    changed[name] = value;
    changed
}

fn without(base: Value, name: &str) -> Value {
    let mut changed = base;
    changed.as_object_mut().unwrap().remove(name);
    changed
}

#[test]
fn tokens_of_each_key_are_taken() {
    let (issuer, keys) = (Issuer::new(), Issuer::keys);
    let keys = keys(&issuer);
    assert_eq!(keys.len(), 2, "a shared secret is no key of a pair");
    for head in [head(), json!({"alg": "EdDSA", "kid": "ed", "typ": "JWT"}), without(head(), "kid")] {
        assert_eq!(claims(&issuer.token(&head, &right()), &keys, expected()).unwrap()["sub"], "s");
    }
    let several = with(with(right(), "aud", json!(["salus", "other"])), "azp", json!("salus"));
    claims(&issuer.token(&head(), &several), &keys, expected()).unwrap();
    let lax = Expected { types: &["", "JWT"], not_before: false, ..expected() };
    claims(&issuer.token(&without(head(), "typ"), &without(right(), "nbf")), &keys, lax).unwrap();
}

#[test]
fn bent_heads_are_refused() {
    let issuer = Issuer::new();
    let keys = issuer.keys();
    for (member, value, why) in [
        ("alg", json!("none"), Refusal::Algorithm),
        ("alg", json!("None"), Refusal::Algorithm),
        ("alg", json!("HS256"), Refusal::Algorithm),
        ("alg", json!("RS256"), Refusal::Algorithm),
        ("alg", json!("EdDSA"), Refusal::Algorithm),
        ("alg", json!("ES384"), Refusal::Algorithm),
        ("alg", json!(1), Refusal::Malformed),
        ("kid", json!("../../dev/null"), Refusal::Key),
        ("kid", json!("' OR 1=1 --"), Refusal::Key),
        ("kid", json!("ed"), Refusal::Algorithm),
        ("kid", json!(["ec"]), Refusal::Key),
        ("jku", json!("https://evil.example/keys"), Refusal::Key),
        ("jwk", json!({"kty": "EC"}), Refusal::Key),
        ("x5u", json!("https://evil.example/cert"), Refusal::Key),
        ("x5c", json!(["MIIB"]), Refusal::Key),
        ("crit", json!(["exp"]), Refusal::Critical),
        ("b64", json!(false), Refusal::Critical),
        ("typ", json!("at+jwt"), Refusal::Type),
        ("typ", json!(""), Refusal::Type),
        ("typ", json!(7), Refusal::Type),
    ] {
        let token = issuer.token(&with(head(), member, value.clone()), &right());
        assert_eq!(claims(&token, &keys, expected()).unwrap_err(), why, "{member} {value}");
    }
    assert_eq!(claims(&issuer.token(&without(head(), "typ"), &right()), &keys, expected()).unwrap_err(), Refusal::Type);
}

#[test]
fn bent_claims_are_refused() {
    let issuer = Issuer::new();
    let keys = issuer.keys();
    let now = NOW.unix_timestamp();
    for (member, value, why) in [
        ("iss", json!("https://evil.example"), Refusal::Issuer),
        ("iss", json!("https://id.example/"), Refusal::Issuer),
        ("iss", json!(["https://id.example"]), Refusal::Issuer),
        ("aud", json!("other"), Refusal::Audience),
        ("aud", json!(["salus", "other"]), Refusal::Audience),
        ("aud", json!([]), Refusal::Audience),
        ("azp", json!("other"), Refusal::Audience),
        ("exp", json!("4102444800"), Refusal::Times),
        ("exp", json!(null), Refusal::Times),
        ("exp", json!(now - 61), Refusal::Expired),
        ("exp", json!(-1), Refusal::Expired),
        ("nbf", json!("0"), Refusal::Times),
        ("nbf", json!(now + 61), Refusal::TooEarly),
        ("iat", json!(now + 61), Refusal::TooEarly),
        ("iat", json!(true), Refusal::Times),
    ] {
        let token = issuer.token(&head(), &with(right(), member, value.clone()));
        assert_eq!(claims(&token, &keys, expected()).unwrap_err(), why, "{member} {value}");
    }
    for (member, why) in
        [("iss", Refusal::Issuer), ("aud", Refusal::Audience), ("exp", Refusal::Times), ("nbf", Refusal::Times)]
    {
        let token = issuer.token(&head(), &without(right(), member));
        assert_eq!(claims(&token, &keys, expected()).unwrap_err(), why, "without {member}");
    }
}

#[test]
fn bent_signatures_are_refused() {
    let issuer = Issuer::new();
    let keys = issuer.keys();
    let token = issuer.token(&head(), &right());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let refusal = |token: &str| claims(token, &keys, expected()).unwrap_err();
    assert_eq!(refusal(&format!("{signed}.")), Refusal::Signature);
    assert_eq!(refusal(signed), Refusal::Malformed);
    assert_eq!(refusal(&format!("{token}.{signature}")), Refusal::Malformed);
    assert_eq!(refusal(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode([0; 64]))), Refusal::Signature);
    assert_eq!(refusal(&"a".repeat(LONGEST + 1)), Refusal::Malformed);
    let other = Issuer::new().token(&head(), &right());
    assert_eq!(refusal(&other), Refusal::Signature, "another key of that name");
    let forged = format!("{}.{}.{signature}", part(&head()), part(&with(right(), "sub", json!("admin"))));
    assert_eq!(refusal(&forged), Refusal::Signature);
    // The public key as the secret of an HMAC.
    let public = issuer.ec.public_key().as_ref();
    let signed = format!("{}.{}", part(&json!({"alg": "HS256", "kid": "ec", "typ": "JWT"})), part(&right()));
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, public), signed.as_bytes());
    assert_eq!(refusal(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))), Refusal::Algorithm);
}

#[test]
fn the_public_key_of_an_rsa_pair_is_nobodys_secret() {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let bare = pair.public_key().as_ref().to_vec();
    let whole = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap().as_ref().to_vec();
    // The modulus stands in the DER form behind its head and a zero.
    let modulus = URL_SAFE_NO_PAD.encode(&bare[9..265]);
    let jwk = json!({"kty": "RSA", "kid": "rsa", "alg": "RS256", "n": modulus, "e": "AQAB"});
    let keys = Key::from_set(&json!({ "keys": [jwk.clone()] }));
    let signed = |alg: &str| format!("{}.{}", part(&json!({"alg": alg, "kid": "rsa", "typ": "JWT"})), part(&right()));
    let own = signed("RS256");
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), own.as_bytes(), &mut signature).unwrap();
    claims(&format!("{own}.{}", URL_SAFE_NO_PAD.encode(signature)), &keys, expected()).unwrap();
    // Every form in which a library may hold the public key, as the secret of an HMAC.
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&whole));
    for secret in [&bare[..], &whole, pem.as_bytes(), modulus.as_bytes(), jwk.to_string().as_bytes()] {
        for alg in ["HS256", "RS256"] {
            let forged = signed(alg);
            let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), forged.as_bytes());
            let told = claims(&format!("{forged}.{}", URL_SAFE_NO_PAD.encode(mac)), &keys, expected()).unwrap_err();
            let why = if alg == "HS256" { Refusal::Algorithm } else { Refusal::Signature };
            assert_eq!(told, why, "{alg}");
        }
    }
}
