//! Web Push: a message for a browser none of whose pages is open, by way of the push service that the browser chose
//! (RFC 8030). The service knows us by the organization's key (VAPID, RFC 8292) and cannot read what it carries: a message is
//! encrypted for the browser (RFC 8291 over RFC 8188).
//!
//! What holds: all messages are of one length, so that the service learns nothing from it; a message that is sent again
//! takes the place of the first, at the service by its topic and on the screen by its tag.

use super::{Carrier, Letter};
use crate::agreement::{POINT, failed, own_key, shared};
use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::PrivateKey,
    hkdf::{HKDF_SHA256, KeyType, Prk, Salt},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::BoxFuture;
use salus_core::{Error, FieldError, Result};
use salus_store::{
    outbound::{Message, Origin, Outbound, Rules},
    seal,
};
use serde_json::json;
use time::{Duration, OffsetDateTime};

/// Bytes of a record as its head says; every service takes as much (RFC 8291 section 4).
const RECORD: u32 = 4096;
/// Bytes that every message of ours is filled up to.
const LENGTH: usize = 512;
/// How long a service keeps a message for a browser that is away.
const KEPT: Duration = Duration::hours(24);
/// How long a signed claim holds; RFC 8292 section 2 permits a day.
const CLAIMED: Duration = Duration::hours(12);

/// The code of the error when a service knows the browser no more: its subscription has ended.
pub(super) const GONE: &str = "push_gone";

/// What a message to a browser takes besides its text.
#[derive(Debug, Clone, Default)]
pub struct Parcel {
    /// Encrypted for the browser.
    pub body: Vec<u8>,
    /// By which the service knows us.
    pub authorization: String,
    /// Whether the device is to be woken for it.
    pub is_urgent: bool,
}

/// What a browser gave to be written to.
pub(super) struct Browser {
    /// Address at its push service.
    pub(super) endpoint: String,
    /// Its public key, a point.
    point: Vec<u8>,
    /// What it shares with us besides.
    secret: Vec<u8>,
}

/// The key pair of an organization.
pub(super) struct Vapid(EcdsaKeyPair);

impl Browser {
    /// Reads what a browser gave, keys as base64url.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the field: an address that must not be called, or a key that is none.
    pub(super) fn parse(endpoint: &str, p256dh: &str, auth: &str) -> Result<Self> {
        Rules::default().check(endpoint).map_err(|e| match e {
            Error::Invalid(all) => {
                let here = |f| FieldError { pointer: "/endpoint".into(), ..f };
                Error::Invalid(all.into_iter().map(here).collect())
            }
            other => other,
        })?;
        let wrong = |field: &str, message: &str| Error::invalid(field, "wrong_form", message);
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).unwrap_or_default();
        let (point, secret) = (decode(p256dh), decode(auth));
        // That it lies on the curve is known once something was agreed upon with it.
        let own = own_key()?;
        if point.len() != POINT || shared(&own, &point).is_err() {
            return Err(wrong("p256dh", "Is a point of P-256, 65 bytes as base64url, as the browser gives it"));
        }
        if secret.len() != 16 {
            return Err(wrong("auth", "Is 16 bytes as base64url, as the browser gives them"));
        }
        Ok(Self { endpoint: endpoint.to_owned(), point, secret })
    }

    /// Encrypts a text for the browser (RFC 8291 section 3.4), filled up to the length of all messages.
    ///
    /// # Errors
    /// [`Error::Internal`] for a text that is too long, or when the random source fails.
    fn encrypt(&self, text: &[u8]) -> Result<Vec<u8>> {
        let sender = own_key()?;
        let mut salt = [0; 16];
        seal::fill_random(&mut salt)?;
        if text.len() >= LENGTH {
            return Err(Error::internal("a push message is too long"));
        }
        self.record(text, (&sender, &salt), LENGTH)
    }

    /// One record (RFC 8188 section 2) of a text that is filled up to `length` bytes.
    fn record(&self, text: &[u8], (sender, salt): (&PrivateKey, &[u8; 16]), length: usize) -> Result<Vec<u8>> {
        let public = sender.compute_public_key().map_err(|_| failed())?;
        let info = [b"WebPush: info\0".as_slice(), &self.point, public.as_ref()];
        let both = shared(sender, &self.point)?;
        let input: [u8; 32] = expand(&Salt::new(HKDF_SHA256, &self.secret).extract(&both), &info)?;
        let prk = Salt::new(HKDF_SHA256, salt).extract(&input);
        let key: [u8; 16] = expand(&prk, &[b"Content-Encoding: aes128gcm\0"])?;
        let nonce: [u8; 12] = expand(&prk, &[b"Content-Encoding: nonce\0"])?;
        // The last record ends with a 2 and zeros.
        let mut content = [text, &[2]].concat();
        content.resize(content.len().max(length), 0);
        let key = UnboundKey::new(&AES_128_GCM, &key).map(LessSafeKey::new).map_err(|_| failed())?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut content)
            .map_err(|_| failed())?;
        let id = u8::try_from(public.as_ref().len()).map_err(|_| failed())?;
        Ok([&salt[..], &RECORD.to_be_bytes(), &[id], public.as_ref(), &content].concat())
    }

    /// A message to the browser, signed and encrypted. `contact` is who a service may ask about us.
    ///
    /// # Errors
    /// As for its parts.
    pub(super) fn parcel(
        &self,
        vapid: &Vapid,
        text: &str,
        (contact, at): (&str, OffsetDateTime),
        is_urgent: bool,
    ) -> Result<Parcel> {
        let origin = Rules::default().check(&self.endpoint)?.origin().ascii_serialization();
        let authorization = vapid.claim(&origin, contact, at)?;
        Ok(Parcel { body: self.encrypt(text.as_bytes())?, authorization, is_urgent })
    }
}

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

/// The second half of HKDF (RFC 5869 section 2.3).
fn expand<const N: usize>(prk: &Prk, info: &[&[u8]]) -> Result<[u8; N]> {
    let mut out = [0; N];
    prk.expand(info, Bytes(N)).and_then(|okm| okm.fill(&mut out)).map_err(|_| failed())?;
    Ok(out)
}

impl Vapid {
    /// A new pair; what is kept of it, as base64url.
    ///
    /// # Errors
    /// [`Error::Internal`] when the random source fails.
    pub(super) fn generate() -> Result<(Self, String)> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let kept = URL_SAFE_NO_PAD.encode(pkcs8.map_err(|_| failed())?.as_ref());
        Ok((Self::read(&kept)?, kept))
    }

    /// The pair that was kept.
    ///
    /// # Errors
    /// [`Error::Internal`] for anything else.
    pub(super) fn read(kept: &str) -> Result<Self> {
        let wrong = || Error::internal("the key for push services cannot be read");
        let pkcs8 = URL_SAFE_NO_PAD.decode(kept).map_err(|_| wrong())?;
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).map(Self).map_err(|_| wrong())
    }

    /// The public key as browsers take it.
    pub(super) fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref())
    }

    /// The value of `Authorization` for one service (RFC 8292 section 3).
    fn claim(&self, origin: &str, contact: &str, at: OffsetDateTime) -> Result<String> {
        let mut claims = json!({"aud": origin, "exp": (at + CLAIMED).unix_timestamp()});
        if !contact.is_empty() {
            claims["sub"] = json!(contact);
        }
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(json!({"typ": "JWT", "alg": "ES256"})), part(claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).map_err(|_| failed())?;
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()));
        Ok(format!("vapid t={token}, k={}", self.public()))
    }
}

/// Hands messages to push services.
pub struct WebPush {
    outbound: Outbound,
}

impl WebPush {
    /// By calls that go where calls may go.
    #[must_use]
    pub fn new(outbound: Outbound) -> Self {
        Self { outbound }
    }
}

impl Carrier for WebPush {
    fn name(&self) -> &'static str {
        "webpush"
    }

    fn carry<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let parcel = letter.parcel.as_ref().ok_or_else(|| Error::internal("a push message without its parcel"))?;
            let origin = Origin::of(&self.outbound.rules().check(&letter.to)?);
            let message = Message {
                headers: vec![
                    ("content-type", "application/octet-stream".into()),
                    ("content-encoding", "aes128gcm".into()),
                    ("ttl", KEPT.whole_seconds().to_string()),
                    ("urgency", if parcel.is_urgent { "high" } else { "normal" }.into()),
                    // 32 letters at most (RFC 8030 section 5.4): an id without its hyphens.
                    ("topic", letter.id.replace('-', "")),
                ],
                credential: Some((&origin, &parcel.authorization)),
                body: parcel.body.clone(),
            };
            match self.outbound.post(&letter.to, message).await? {
                200..=299 => Ok(()),
                404 | 410 => {
                    let detail = "The push service knows this browser no more".into();
                    Err(Error::Conflict { code: GONE, detail })
                }
                400..=428 | 430..=499 => {
                    Err(Error::Conflict { code: "push_refused", detail: "The push service refused it".into() })
                }
                _ => Err(Error::Unavailable("the push service did not take it".into())),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::agreement::ECDH_P256;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey as SignedBy};
    use serde_json::Value;
    use time::macros::datetime;

    // The example of RFC 8291, section 5 and appendix A.
    const TEXT: &str = "When I grow up, I want to be a watermelon";
    const SENDER: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
    const RECEIVER: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
    const POINT_OF_RECEIVER: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
    const SALT: &str = "DGv6ra1nlYgDCS1FRnbzlw";
    const MESSAGE: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    fn browser() -> Browser {
        Browser::parse("https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV", POINT_OF_RECEIVER, AUTH)
            .unwrap()
    }

    #[test]
    fn the_example_of_rfc_8291_comes_out_byte_for_byte() {
        let sender = PrivateKey::from_private_key(&ECDH_P256, &bytes(SENDER)).unwrap();
        let salt: [u8; 16] = bytes(SALT).try_into().unwrap();
        let made = browser().record(TEXT.as_bytes(), (&sender, &salt), TEXT.len() + 1).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(&made), MESSAGE);
        assert_eq!(opened(&bytes(MESSAGE)), [TEXT.as_bytes(), &[2]].concat());
    }

    /// What the browser of the example reads.
    fn opened(message: &[u8]) -> Vec<u8> {
        let own = PrivateKey::from_private_key(&ECDH_P256, &bytes(RECEIVER)).unwrap();
        let (salt, rest) = message.split_at(16);
        assert_eq!(rest[..5], [0, 0, 16, 0, 65], "records of 4096 bytes and the key of the sender");
        let (point, sealed) = rest[5..].split_at(POINT);
        let both = shared(&own, point).unwrap();
        let (receiver, auth) = (bytes(POINT_OF_RECEIVER), bytes(AUTH));
        let info = [b"WebPush: info\0".as_slice(), &receiver, point];
        let input: [u8; 32] = expand(&Salt::new(HKDF_SHA256, &auth).extract(&both), &info).unwrap();
        let prk = Salt::new(HKDF_SHA256, salt).extract(&input);
        let key: [u8; 16] = expand(&prk, &[b"Content-Encoding: aes128gcm\0"]).unwrap();
        let nonce: [u8; 12] = expand(&prk, &[b"Content-Encoding: nonce\0"]).unwrap();
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
        let mut sealed = sealed.to_vec();
        key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed).unwrap().to_vec()
    }

    #[test]
    fn messages_are_of_one_length_and_no_two_are_alike() {
        let (short, long) = (browser().encrypt(b"x").unwrap(), browser().encrypt(TEXT.as_bytes()).unwrap());
        assert_eq!((short.len(), long.len()), (86 + LENGTH + 16, 86 + LENGTH + 16));
        assert!(opened(&long).starts_with(&[TEXT.as_bytes(), &[2, 0]].concat()));
        assert_ne!(long, browser().encrypt(TEXT.as_bytes()).unwrap());
        assert!(browser().encrypt(&[b'x'; LENGTH]).is_err());
    }

    #[test]
    fn a_service_can_check_who_sends() {
        let (vapid, kept) = Vapid::generate().unwrap();
        assert_eq!(Vapid::read(&kept).unwrap().public(), vapid.public());
        let at = datetime!(2026-03-02 19:00 UTC);
        let parcel = browser().parcel(&vapid, TEXT, ("mailto:ops@salus.example", at), true).unwrap();
        let (token, key) = parcel.authorization.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(bytes(key).len(), POINT);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let by = SignedBy::new(&ECDSA_P256_SHA256_FIXED, bytes(key));
        by.verify(signed.as_bytes(), &bytes(signature)).unwrap();
        let (head, claims) = signed.split_once('.').unwrap();
        let read = |part: &str| serde_json::from_slice::<Value>(&bytes(part)).unwrap();
        assert_eq!(read(head), json!({"typ": "JWT", "alg": "ES256"}));
        let twelve_hours_on = datetime!(2026-03-03 07:00 UTC).unix_timestamp();
        let said =
            json!({"aud": "https://push.example.net", "exp": twelve_hours_on, "sub": "mailto:ops@salus.example"});
        assert_eq!(read(claims), said);
    }

    #[test]
    fn what_no_browser_gives_is_refused_by_name() {
        let field = |endpoint: &str, point: &str, auth: &str| match Browser::parse(endpoint, point, auth) {
            Err(Error::Invalid(all)) => all[0].pointer.clone(),
            other => panic!("{:?}", other.map(|b| b.endpoint)),
        };
        let fine = "https://push.example.net/x";
        for inside in ["http://push.example.net/x", "https://10.0.0.1/x", "https://localhost/x", "https://[::1]/x", ""]
        {
            assert_eq!(field(inside, POINT_OF_RECEIVER, AUTH), "/endpoint", "{inside}");
        }
        let mut off_the_curve = bytes(POINT_OF_RECEIVER);
        off_the_curve[64] ^= 1;
        assert_eq!(field(fine, &URL_SAFE_NO_PAD.encode(off_the_curve), AUTH), "/p256dh");
        assert_eq!(field(fine, "BCVx", AUTH), "/p256dh");
        assert_eq!(field(fine, POINT_OF_RECEIVER, "BTBZ"), "/auth");
    }
}
