//! Signed tokens of others (JWS, RFC 7515, and JWT, RFC 7519), only where a standard demands them: we sign none.
//!
//! Holds: a key has one algorithm, and a token that names another is refused; only signatures by key pairs are known,
//! so there is no "none" and no HMAC to confuse one with; keys come from the set we were given, never from the token
//! (`jku`, `jwk`, `x5u`, `x5c` are refused); times must be numbers; a critical extension is refused.

use aws_lc_rs::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use std::fmt;
use time::{Duration, OffsetDateTime};

/// Longest token that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;
/// By how much clocks may differ.
const SKEW: Duration = Duration::seconds(60);

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is told in words by its Display")]
pub enum Refusal {
    Malformed,
    Algorithm,
    Key,
    Type,
    Critical,
    Signature,
    Issuer,
    Audience,
    Times,
    Expired,
    TooEarly,
    Nonce,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "it is no signed token",
            Self::Algorithm => "its algorithm is not that of a key pair that is known here",
            Self::Key => "its key is not in the issuer's set, or it brings one along",
            Self::Type => "it is of another type",
            Self::Critical => "it demands an extension",
            Self::Signature => "its signature is wrong",
            Self::Issuer => "another issuer made it",
            Self::Audience => "it is for somebody else",
            Self::Times => "a time that it must have is missing or is no number",
            Self::Expired => "it has expired",
            Self::TooEarly => "it does not hold yet",
            Self::Nonce => "it answers another question",
        })
    }
}

/// A public key of a set, with its one algorithm.
#[derive(Debug, Clone)]
pub struct Key {
    id: Option<String>,
    algorithm: &'static Algorithm,
    material: Material,
}

#[derive(Debug, Clone)]
enum Material {
    Bytes(Vec<u8>),
    Rsa(Vec<u8>, Vec<u8>),
}

#[derive(Debug)]
struct Algorithm {
    name: &'static str,
    check: Check,
}

#[derive(Debug)]
enum Check {
    Point(&'static str, &'static dyn VerificationAlgorithm),
    Rsa(&'static RsaParameters),
}

/// What is verified, by its name (RFC 7518, RFC 8037).
static ALGORITHMS: [Algorithm; 10] = [
    Algorithm { name: "EdDSA", check: Check::Point("Ed25519", &signature::ED25519) },
    Algorithm { name: "ES256", check: Check::Point("P-256", &signature::ECDSA_P256_SHA256_FIXED) },
    Algorithm { name: "ES384", check: Check::Point("P-384", &signature::ECDSA_P384_SHA384_FIXED) },
    Algorithm { name: "ES512", check: Check::Point("P-521", &signature::ECDSA_P521_SHA512_FIXED) },
    Algorithm { name: "RS256", check: Check::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256) },
    Algorithm { name: "RS384", check: Check::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384) },
    Algorithm { name: "RS512", check: Check::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512) },
    Algorithm { name: "PS256", check: Check::Rsa(&signature::RSA_PSS_2048_8192_SHA256) },
    Algorithm { name: "PS384", check: Check::Rsa(&signature::RSA_PSS_2048_8192_SHA384) },
    Algorithm { name: "PS512", check: Check::Rsa(&signature::RSA_PSS_2048_8192_SHA512) },
];

fn bytes(value: &Value) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(value.as_str()?).ok()
}

impl Key {
    /// A key of a set (JWK, RFC 7517). `None` for one that is for something else, or of a kind that is not known. A key
    /// that names no algorithm has the usual one of its kind.
    #[must_use]
    pub fn from_jwk(jwk: &Value) -> Option<Self> {
        if jwk["use"].as_str().is_some_and(|u| u != "sig") {
            return None;
        }
        let usual = match (jwk["kty"].as_str()?, jwk["crv"].as_str()) {
            ("RSA", _) => "RS256",
            ("OKP", Some("Ed25519")) => "EdDSA",
            ("EC", Some("P-256")) => "ES256",
            ("EC", Some("P-384")) => "ES384",
            ("EC", Some("P-521")) => "ES512",
            _ => return None,
        };
        let name = jwk["alg"].as_str().unwrap_or(usual);
        let algorithm = ALGORITHMS.iter().find(|a| a.name == name)?;
        let material = match (&algorithm.check, jwk["kty"].as_str()?) {
            (Check::Rsa(_), "RSA") => Material::Rsa(bytes(&jwk["n"])?, bytes(&jwk["e"])?),
            (Check::Point(curve, _), "OKP") if jwk["crv"] == *curve => Material::Bytes(bytes(&jwk["x"])?),
            (Check::Point(curve, _), "EC") if jwk["crv"] == *curve => {
                Material::Bytes([&[4][..], &bytes(&jwk["x"])?, &bytes(&jwk["y"])?].concat())
            }
            _ => return None,
        };
        Some(Self { id: jwk["kid"].as_str().map(str::to_owned), algorithm, material })
    }

    /// The keys of a set that can be used.
    #[must_use]
    pub fn from_set(set: &Value) -> Vec<Self> {
        set["keys"].as_array().into_iter().flatten().filter_map(Self::from_jwk).collect()
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match (&self.algorithm.check, &self.material) {
            (Check::Point(_, algorithm), Material::Bytes(key)) => {
                UnparsedPublicKey::new(*algorithm, key).verify(message, signature).is_ok()
            }
            (Check::Rsa(parameters), Material::Rsa(n, e)) => {
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
            }
            _ => false,
        }
    }
}

/// A token whose signature holds: head and content.
#[derive(Debug)]
pub struct Signed {
    /// The head.
    pub head: Map<String, Value>,
    /// What was signed.
    pub content: Vec<u8>,
}

/// Checks the signature of a compact token by one of these keys.
///
/// # Errors
/// [`Refusal`] says why.
pub fn verify(token: &str, keys: &[Key]) -> Result<Signed, Refusal> {
    if token.len() > LONGEST {
        return Err(Refusal::Malformed);
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [head, content, signature] = parts[..] else { return Err(Refusal::Malformed) };
    let signed = &token.as_bytes()[..head.len() + 1 + content.len()];
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Malformed);
    let (signature, content) = (decode(signature)?, decode(content)?);
    let head: Map<String, Value> = serde_json::from_slice(&decode(head)?).map_err(|_| Refusal::Malformed)?;
    let name = head.get("alg").and_then(Value::as_str).ok_or(Refusal::Malformed)?;
    if !ALGORITHMS.iter().any(|a| a.name == name) {
        return Err(Refusal::Algorithm);
    }
    if ["jku", "jwk", "x5u", "x5c"].iter().any(|member| head.contains_key(*member)) {
        return Err(Refusal::Key);
    }
    if head.contains_key("crit") || head.contains_key("b64") {
        return Err(Refusal::Critical);
    }
    let id = match head.get("kid") {
        None => None,
        Some(Value::String(id)) => Some(id),
        Some(_) => return Err(Refusal::Key),
    };
    let named: Vec<&Key> = keys.iter().filter(|k| id.is_none() || k.id.as_ref() == id).collect();
    if named.is_empty() {
        return Err(Refusal::Key);
    }
    // A key is used with its own algorithm; the head only says which key may be meant.
    let fitting: Vec<&&Key> = named.iter().filter(|k| k.algorithm.name == name).collect();
    if fitting.is_empty() {
        return Err(Refusal::Algorithm);
    }
    if fitting.iter().any(|key| key.verify(signed, &signature)) {
        Ok(Signed { head, content })
    } else {
        Err(Refusal::Signature)
    }
}

/// What a token must be.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Who made it.
    pub issuer: &'a str,
    /// For whom.
    pub audience: &'a str,
    /// Types that its head may name; with an empty text among them it may name none.
    pub types: &'a [&'a str],
    /// Whether it must say from when it holds. Tokens of `OpenID` Connect need not.
    pub not_before: bool,
    /// Now.
    pub now: OffsetDateTime,
}

/// Checks signature and claims of a token, and returns the claims.
///
/// # Errors
/// [`Refusal`] says why.
pub fn claims(token: &str, keys: &[Key], expected: Expected<'_>) -> Result<Map<String, Value>, Refusal> {
    let Signed { head, content } = verify(token, keys)?;
    let kind = match head.get("typ") {
        None => "",
        Some(kind) => kind.as_str().filter(|k| !k.is_empty()).ok_or(Refusal::Type)?,
    };
    if !expected.types.iter().any(|t| t.eq_ignore_ascii_case(kind)) {
        return Err(Refusal::Type);
    }
    let claims: Map<String, Value> = serde_json::from_slice(&content).map_err(|_| Refusal::Malformed)?;
    if claims.get("iss").and_then(Value::as_str) != Some(expected.issuer) {
        return Err(Refusal::Issuer);
    }
    audience(&claims, expected.audience)?;
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        // A whole number or one with a fraction (NumericDate); a text is neither.
        Some(Value::Number(n)) => n.as_f64().map(Some).ok_or(Refusal::Times),
        Some(_) => Err(Refusal::Times),
    };
    #[allow(clippy::cast_precision_loss, reason = "seconds since 1970 are exact for a long time to come")]
    let (now, skew) = (expected.now.unix_timestamp() as f64, SKEW.as_seconds_f64());
    let (expires, begins, issued) = (time("exp")?.ok_or(Refusal::Times)?, time("nbf")?, time("iat")?);
    if expected.not_before && begins.is_none() {
        return Err(Refusal::Times);
    }
    if expires + skew <= now {
        return Err(Refusal::Expired);
    }
    if begins.into_iter().chain(issued).any(|at| at > now + skew) {
        return Err(Refusal::TooEarly);
    }
    Ok(claims)
}

/// Meant for us; one for several must say that we asked for it (`OpenID` Connect Core 3.1.3.7).
fn audience(claims: &Map<String, Value>, ours: &str) -> Result<(), Refusal> {
    let party = claims.get("azp").map(|azp| azp.as_str() == Some(ours));
    let meant = match claims.get("aud") {
        Some(Value::String(one)) => one == ours,
        Some(Value::Array(all)) => {
            all.iter().any(|a| a.as_str() == Some(ours)) && (all.len() == 1 || party == Some(true))
        }
        _ => false,
    };
    if meant && party != Some(false) { Ok(()) } else { Err(Refusal::Audience) }
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
