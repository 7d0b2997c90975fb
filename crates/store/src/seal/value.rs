//! One sealed value: header, padding, and the binding that makes a value worthless anywhere but in its own place.

use super::{Secret, expand, extract, nonce};
use crate::seal::ClassKey;
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hmac as mac,
};
use salus_core::{Error, Result};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};
use uuid::Uuid;
use zeroize::Zeroizing;

const MARK: [u8; 2] = [0xE5, 0x01];
const AES_GCM: u8 = 1;
const HEADER: usize = 11;
const NONCE: usize = 12;
const TAG: usize = 16;
/// Texts are padded to steps of this many bytes, so that a length tells little about a name.
const STEP: usize = 32;

/// What the clear bytes are; part of the binding, so that a date cannot pass for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Format {
    /// UTF-8, padded.
    Text = 1,
    /// ISO 8601 date, padded.
    Date = 2,
    /// JSON.
    Json = 3,
}

/// Where a value belongs. A value opens only under the binding it was sealed with.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// The tenant.
    pub tenant: Uuid,
    /// The registered number of the column (`kernel.fields.column_id`).
    pub column: u32,
    /// The row's id.
    pub row: Uuid,
    /// What the bytes are.
    pub format: Format,
}

/// A person's key, from which the keys of that person's values are derived. Cheap to clone; the first half of each
/// derivation is done once for a class key, because one row holds many values of one person.
#[derive(Clone)]
pub struct SubjectKey(Arc<Held>);

struct Held {
    secret: Secret,
    /// What HKDF extracted, by the fingerprint of the class key.
    extracted: Mutex<Vec<([u8; 32], mac::Key)>>,
}

impl SubjectKey {
    pub(crate) fn new(secret: Secret) -> Self {
        Self(Arc::new(Held { secret, extracted: Mutex::default() }))
    }

    /// The key of one column's values of this person.
    fn column(&self, class: &ClassKey, info: &[&[u8]]) -> Secret {
        let mut held = self.0.extracted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = held.iter().find(|(of, _)| of == class.fingerprint()) {
            return expand(key, info);
        }
        let key = extract(&self.0.secret[..], class.secret());
        let column = expand(&key, info);
        held.push((*class.fingerprint(), key));
        column
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectKey")
    }
}

impl Binding {
    /// `"salus-fle/v1" 00 | alg | key number | tenant | column | row | format`.
    fn additional_data(&self, key_no: u64) -> [u8; 59] {
        let mut aad = [0; 59];
        aad[..12].copy_from_slice(b"salus-fle/v1");
        aad[13] = AES_GCM;
        aad[14..22].copy_from_slice(&key_no.to_be_bytes());
        aad[22..38].copy_from_slice(self.tenant.as_bytes());
        aad[38..42].copy_from_slice(&self.column.to_be_bytes());
        aad[42..58].copy_from_slice(self.row.as_bytes());
        aad[58] = self.format as u8;
        aad
    }

    fn key(&self, class: &ClassKey, subject: Option<&SubjectKey>) -> Result<LessSafeKey> {
        let info: [&[u8]; 2] = [b"salus/fle/v1", &self.column.to_be_bytes()];
        let key = match subject {
            Some(subject) => subject.column(class, &info),
            None => expand(class.extracted(), &info),
        };
        let key = UnboundKey::new(&AES_256_GCM, &key[..]).map_err(|_| Error::internal("AES key refused"))?;
        Ok(LessSafeKey::new(key))
    }
}

/// Seals `clear` for its place under the class key, and under the subject's key when the column is bound to one.
///
/// # Errors
/// Only when the random source or the cipher fails.
pub fn seal(class: &ClassKey, subject: Option<&SubjectKey>, at: &Binding, clear: &[u8]) -> Result<Vec<u8>> {
    let nonce = nonce()?;
    let padded = if at.format == Format::Json { clear.len() } else { (clear.len() / STEP + 1) * STEP };
    let mut out = Vec::with_capacity(HEADER + NONCE + padded + TAG);
    out.extend_from_slice(&MARK);
    out.push(AES_GCM);
    out.extend_from_slice(&class.key_no.to_be_bytes());
    out.extend_from_slice(&nonce);
    out.extend_from_slice(clear);
    if at.format != Format::Json {
        out.push(0x80);
        out.resize(HEADER + NONCE + padded, 0);
    }
    let aad = Aad::from(at.additional_data(class.key_no));
    let tag = at
        .key(class, subject)?
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, &mut out[HEADER + NONCE..])
        .map_err(|_| Error::internal("sealing failed"))?;
    out.extend_from_slice(tag.as_ref());
    Ok(out)
}

/// The number of the key a sealed value names.
///
/// # Errors
/// [`Error::Internal`] when the bytes are no sealed value.
pub fn key_no(sealed: &[u8]) -> Result<u64> {
    if sealed.len() < HEADER + NONCE + TAG || sealed[..2] != MARK {
        return Err(Error::internal("not a sealed value"));
    }
    if sealed[2] != AES_GCM {
        return Err(Error::internal(format!("sealed with the unknown algorithm {}", sealed[2])));
    }
    let mut no = [0; 8];
    no.copy_from_slice(&sealed[3..HEADER]);
    Ok(u64::from_be_bytes(no))
}

/// Opens a value in the place it was sealed for.
///
/// # Errors
/// [`Error::Internal`] when it was changed, moved from another row, column or tenant, or sealed with another key.
pub fn open(class: &ClassKey, subject: Option<&SubjectKey>, at: &Binding, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let refused = || Error::internal(format!("a sealed value of row {} does not open: altered or moved", at.row));
    if key_no(sealed)? != class.key_no {
        return Err(refused());
    }
    let mut nonce = [0; NONCE];
    nonce.copy_from_slice(&sealed[HEADER..HEADER + NONCE]);
    let mut clear = Zeroizing::new(sealed[HEADER + NONCE..].to_vec());
    let aad = Aad::from(at.additional_data(class.key_no));
    let len = at
        .key(class, subject)?
        .open_in_place(Nonce::assume_unique_for_key(nonce), aad, &mut clear)
        .map_err(|_| refused())?
        .len();
    clear.truncate(len);
    if at.format != Format::Json {
        let end = clear.iter().rposition(|b| *b != 0).filter(|i| clear[*i] == 0x80).ok_or_else(refused)?;
        clear.truncate(end);
    }
    Ok(clear)
}

/// The same value under another class key. Its clear text does not leave this function: nothing is disclosed.
///
/// # Errors
/// As [`open`] and [`seal`].
pub(crate) fn reseal(
    from: &ClassKey,
    to: &ClassKey,
    subject: Option<&SubjectKey>,
    at: &Binding,
    sealed: &[u8],
) -> Result<Vec<u8>> {
    seal(to, subject, at, &open(from, subject, at, sealed)?)
}

/// What stands in the place of a value whose person's key was destroyed, when the class key is exchanged: of the same
/// length, with the number of the new key, and random. Nobody can open either; the old bytes need not be kept.
///
/// # Errors
/// Only when the random source fails.
pub(crate) fn forgotten(to: &ClassKey, sealed: &[u8]) -> Result<Vec<u8>> {
    let mut out = vec![0; sealed.len().max(HEADER + NONCE + TAG)];
    super::fill_random(&mut out[HEADER..])?;
    out[..2].copy_from_slice(&MARK);
    out[2] = AES_GCM;
    out[3..HEADER].copy_from_slice(&to.key_no.to_be_bytes());
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::random_secret;

    fn place() -> Binding {
        Binding { tenant: Uuid::from_u128(1), column: 7, row: Uuid::from_u128(2), format: Format::Text }
    }

    #[test]
    fn column_keys_are_those_of_hkdf() {
        let (class, secret) = (ClassKey::for_test(42), random_secret().unwrap());
        let info: [&[u8]; 2] = [b"salus/fle/v1", &7u32.to_be_bytes()];
        let whole = crate::seal::derive(&secret[..], class.secret(), &info).unwrap();
        let subject = SubjectKey::new(secret);
        for _ in 0..2 {
            assert_eq!(subject.column(&class, &info), whole);
        }
        assert_eq!(expand(class.extracted(), &info), crate::seal::derive(&[], class.secret(), &info).unwrap());
    }

    #[test]
    fn opens_only_where_it_was_sealed() {
        let class = ClassKey::for_test(42);
        let subject = SubjectKey::new(random_secret().unwrap());
        let at = place();
        let sealed = seal(&class, Some(&subject), &at, "Müller".as_bytes()).unwrap();
        assert_eq!(open(&class, Some(&subject), &at, &sealed).unwrap().as_slice(), "Müller".as_bytes());
        assert_eq!(sealed.len(), HEADER + NONCE + 32 + TAG);

        let moved = [
            Binding { tenant: Uuid::from_u128(9), ..at },
            Binding { column: 8, ..at },
            Binding { row: Uuid::from_u128(9), ..at },
            Binding { format: Format::Date, ..at },
        ];
        for other in moved {
            assert!(open(&class, Some(&subject), &other, &sealed).is_err(), "{other:?}");
        }
        assert!(open(&class, None, &at, &sealed).is_err());
        assert!(open(&class, Some(&SubjectKey::new(random_secret().unwrap())), &at, &sealed).is_err());
        assert!(open(&ClassKey::for_test(42), Some(&subject), &at, &sealed).is_err());
        for i in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[i] ^= 1;
            assert!(open(&class, Some(&subject), &at, &bent).is_err(), "byte {i}");
            assert!(open(&class, Some(&subject), &at, &sealed[..i]).is_err(), "cut at {i}");
        }
    }

    #[test]
    fn pads_every_length_and_gives_it_back() {
        let class = ClassKey::for_test(1);
        for len in 0..200 {
            let clear = vec![0u8; len];
            let sealed = seal(&class, None, &place(), &clear).unwrap();
            assert_eq!((sealed.len() - HEADER - NONCE - TAG) % STEP, 0);
            assert_eq!(open(&class, None, &place(), &sealed).unwrap().as_slice(), clear);
        }
        let json = Binding { format: Format::Json, ..place() };
        let sealed = seal(&class, None, &json, b"{}\0").unwrap();
        assert_eq!(open(&class, None, &json, &sealed).unwrap().as_slice(), b"{}\0");
    }
}
