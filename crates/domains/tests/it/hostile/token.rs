//! What holds of any bytes in the place of a signed token (JWT) or of a set of keys, whoever thinks them up.

use salus_domains::auth::jwt::{Expected, Key, claims, verify};
use serde_json::json;
use time::macros::datetime;

/// Public keys of which nobody has the other half: RFC 7517 appendix A.1, RFC 8037 appendix A.2.
fn keys() -> Vec<Key> {
    Key::from_set(&json!({"keys": [
        {"kty": "EC", "crv": "P-256", "kid": "1",
         "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"},
        {"kty": "OKP", "crv": "Ed25519", "kid": "2", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    ]}))
}

/// Nothing panics, and nothing is believed that these keys did not sign, with them or with keys that the bytes bring along.
pub fn any_bytes(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    assert!(verify(text, &keys()).is_err() && verify(text, &[]).is_err());
    let expected = Expected {
        issuer: "",
        audience: "",
        types: &["", "JWT"],
        not_before: false,
        now: datetime!(2026-11-30 12:00 UTC),
    };
    assert!(claims(text, &keys(), expected).is_err());
    let Ok(set) = serde_json::from_str(text) else { return };
    let brought = Key::from_set(&set);
    assert!(verify("eyJhbGciOiJFUzI1NiJ9.e30.AAAA", &brought).is_err());
}
