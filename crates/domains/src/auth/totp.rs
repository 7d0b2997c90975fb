//! One-time codes from a shared secret: HOTP (RFC 4226) and TOTP (RFC 6238), and how an authenticator is given the
//! secret. Pure: the time comes from the caller.

use aws_lc_rs::hmac;
use salus_core::{Error, Result};
use std::fmt::Write as _;

/// Seconds that a code holds.
pub const PERIOD: i64 = 30;
/// Digits of a code.
pub const DIGITS: u32 = 6;
/// Bytes of a secret: as many as SHA-1 gives out (RFC 4226 section 4, R6).
pub const SECRET_BYTES: usize = 20;

/// The hash under a code. Authenticators of people know the first; the others are those of RFC 6238.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the standard's")]
pub enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

impl Hash {
    /// By the name that `otpauth` addresses and the vectors use.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "SHA1" => Some(Self::Sha1),
            "SHA256" => Some(Self::Sha256),
            "SHA512" => Some(Self::Sha512),
            _ => None,
        }
    }

    fn algorithm(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

/// The code of a counter (RFC 4226 section 5.3).
#[must_use]
pub fn hotp(secret: &[u8], counter: u64, hash: Hash, digits: u32) -> String {
    let mac = hmac::sign(&hmac::Key::new(hash.algorithm(), secret), &counter.to_be_bytes());
    let mac = mac.as_ref();
    let at = usize::from(mac.last().copied().unwrap_or(0) & 0x0f);
    let word = mac.get(at..at + 4).map_or(0, |b| u32::from_be_bytes([b[0] & 0x7f, b[1], b[2], b[3]]));
    let modulus = 10_u64.pow(digits);
    let width = digits as usize;
    format!("{:0width$}", u64::from(word) % modulus)
}

/// The step of 30 seconds that a time (seconds since 1970) is in.
#[must_use]
pub fn step(unix: i64) -> i64 {
    unix.div_euclid(PERIOD)
}

/// The step whose code this is: the present one, the one before or after, and none that is not later than `last`.
#[must_use]
pub fn matching_step(secret: &[u8], code: &str, unix: i64, last: Option<i64>) -> Option<i64> {
    let now = step(unix);
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    // All three are tried whatever comes of the first, in constant time.
    let mut found = None;
    for at in [now - 1, now, now + 1] {
        let Ok(counter) = u64::try_from(at) else { continue };
        let expected = hotp(secret, counter, Hash::Sha1, DIGITS);
        let same = aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), code.as_bytes()).is_ok();
        if same && last.is_none_or(|last| at > last) {
            found = Some(at);
        }
    }
    found
}

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Base 32 (RFC 4648) without padding, as authenticators take a secret that is typed.
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(5) {
        let mut word = [0; 8];
        word[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(word);
        for i in 0..(chunk.len() * 8).div_ceil(5) {
            let index = usize::try_from(bits >> (35 - 5 * i) & 31).unwrap_or(0);
            out.push(char::from(ALPHABET[index]));
        }
    }
    out
}

/// The bytes of a base 32 text; case, spaces and padding do not matter.
///
/// # Errors
/// [`Error::Internal`] for a text that is none: it comes from our own rows.
pub fn from_base32(text: &str) -> Result<Vec<u8>> {
    let (mut out, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for c in text.bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'=') {
        let value = ALPHABET.iter().position(|a| *a == c.to_ascii_uppercase());
        let value = value.and_then(|v| u32::try_from(v).ok()).ok_or_else(|| Error::internal("no base 32"))?;
        bits = (bits & 0x7f) << 5 | value;
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 0xff).unwrap_or(0));
        }
    }
    Ok(out)
}

/// The address that an authenticator reads from a QR code.
#[must_use]
pub fn address(secret: &[u8], issuer: &str, account: &str) -> String {
    let (issuer, account) = (percent(issuer), percent(account));
    let secret = base32(secret);
    format!("otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30")
}

fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn a_code_holds_for_its_step_and_the_neighbours_and_once() {
        let code = hotp(SECRET, 100, Hash::Sha1, DIGITS);
        for (unix, found) in [(2969, None), (2970, Some(100)), (3000, Some(100)), (3059, Some(100)), (3060, None)] {
            assert_eq!(matching_step(SECRET, &code, unix, None), found, "{unix}");
        }
        assert_eq!(matching_step(SECRET, &code, 3000, Some(99)), Some(100));
        assert_eq!(matching_step(SECRET, &code, 3000, Some(100)), None, "spent");
        assert_eq!(matching_step(SECRET, &code, 3000, Some(101)), None, "older than one that was used");
        let spaced = format!("{} {}", &code[..3], &code[3..]);
        assert_eq!(matching_step(SECRET, &spaced, 3000, None), Some(100));
        assert_eq!(matching_step(SECRET, "", 3000, None), None);
        assert_eq!(matching_step(SECRET, &code[..5], 3000, None), None);
    }

    #[test]
    fn base_32_goes_out_and_back() {
        for (bytes, text) in [(&b""[..], ""), (b"f", "MY"), (b"fo", "MZXQ"), (b"foobar", "MZXW6YTBOI")] {
            assert_eq!(base32(bytes), text);
            assert_eq!(from_base32(text).unwrap(), bytes);
        }
        assert_eq!(from_base32("mzxw 6ytb oi==").unwrap(), b"foobar");
        assert!(from_base32("m0").is_err());
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(from_base32(&base32(&bytes)).unwrap(), bytes);
    }

    #[test]
    fn the_address_names_issuer_and_account() {
        let address = address(SECRET, "North Clinic", "ada@north.example");
        assert!(address.starts_with("otpauth://totp/North%20Clinic:ada@north.example?secret=GEZDGNBVGY3TQOJQ"));
    }
}
