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

/// A person's key, from which the keys of that person's values are derived. Cheap to clone; each is derived once,
/// because a person's record is read again and again.
#[derive(Clone)]
pub struct SubjectKey(Arc<Held>);

struct Held {
    secret: Secret,
    derived: Mutex<Vec<Derived>>,
}

/// What was derived under one class key.
struct Derived {
    /// Fingerprint of the class key.
    class: [u8; 32],
    /// What HKDF extracted.
    extracted: Secret,
    /// Keys by number of the column.
    columns: Vec<(u32, Secret)>,
}

impl SubjectKey {
    /// From its secret.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self(Arc::new(Held { secret, derived: Mutex::default() }))
    }

    /// Does something with the key of one column's values of this person.
    fn with_column<T>(&self, class: &ClassKey, column: u32, work: impl FnOnce(&Secret) -> T) -> T {
        let mut held = self.0.derived.lock().unwrap_or_else(PoisonError::into_inner);
        let at = held.iter().position(|d| d.class == *class.fingerprint()).unwrap_or_else(|| {
            let extracted = extract(&self.0.secret[..], class.secret());
            held.push(Derived { class: *class.fingerprint(), extracted, columns: Vec::new() });
            held.len() - 1
        });
        let Derived { extracted, columns, .. } = &mut held[at];
        let at = columns.iter().position(|(of, _)| *of == column).unwrap_or_else(|| {
            columns.push((column, expand(&mac::Key::new(mac::HMAC_SHA256, &extracted[..]), &info(column))));
            columns.len() - 1
        });
        work(&columns[at].1)
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
        let made = |key: &Secret| UnboundKey::new(&AES_256_GCM, &key[..]);
        let key = match subject {
            Some(subject) => subject.with_column(class, self.column, made),
            None => made(&expand(class.extracted(), &info(self.column))),
        };
        key.map(LessSafeKey::new).map_err(|_| Error::internal("AES key refused"))
    }
}

/// What a column's key is derived for (`spec` B2.2).
fn info(column: u32) -> [u8; 16] {
    let mut info = *b"salus/fle/v1\0\0\0\0";
    info[12..].copy_from_slice(&column.to_be_bytes());
    info
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
        let parts: [&[u8]; 2] = [b"salus/fle/v1", &7u32.to_be_bytes()];
        let whole = crate::seal::derive(&secret[..], class.secret(), &parts).unwrap();
        let subject = SubjectKey::new(secret);
        for _ in 0..2 {
            assert_eq!(subject.with_column(&class, 7, Clone::clone), whole);
        }
        assert_ne!(subject.with_column(&class, 8, Clone::clone), whole);
        assert_ne!(
            subject.with_column(&ClassKey::for_test(42), 7, Clone::clone),
            whole,
            "another class key, same number"
        );
        assert_eq!(expand(class.extracted(), &info(7)), crate::seal::derive(&[], class.secret(), &parts).unwrap());
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
