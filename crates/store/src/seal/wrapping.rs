//! Keys that wrap keys, by number: the one in use, and older ones until nothing lies under them. A wrapped key names
//! the one above it (`02 | number (8) | nonce (12) | key | tag (16)`) and is only ever tried with that one. Before there
//! could be two, the last three parts stood alone: those belong to the oldest.

use super::{
    Secret, Wrapped,
    keyring::{cipher, unwrap, wrap},
};
use aws_lc_rs::aead::LessSafeKey;
use salus_core::{Error, Result};

/// Begins a wrapped key that names the one above it.
const NUMBERED: u8 = 2;
const ALONE: usize = 12 + 32 + 16;

/// Wrapping keys, the one in use first and the oldest last.
pub(crate) struct Wrapping(Vec<(u64, LessSafeKey)>);

impl Wrapping {
    /// From numbers and keys in that order.
    pub(crate) fn new<'a>(keys: impl Iterator<Item = (u64, &'a Secret)>) -> Result<Self> {
        keys.map(|(no, key)| Ok((no, cipher(key)?))).collect::<Result<_>>().map(Self)
    }

    /// The number of the key in use; none where there is no key.
    pub(crate) fn current(&self) -> Option<u64> {
        self.0.first().map(|(no, _)| *no)
    }

    /// Whether a wrapped key lies under the one in use.
    pub(crate) fn is_current(&self, wrapped: &[u8]) -> bool {
        match parts(wrapped).0 {
            Some(no) => self.current() == Some(no),
            None => self.0.len() == 1 && self.current() == Some(1),
        }
    }

    /// A key under the one in use.
    pub(crate) fn wrap(&self, aad: &[u8], secret: &Secret) -> Result<Wrapped> {
        let (no, with) = self.0.first().ok_or_else(|| Error::internal("there is no key to wrap with"))?;
        let wrapped = wrap(with, aad, secret)?;
        Ok(Wrapped([&[NUMBERED][..], &no.to_be_bytes(), &wrapped.0].concat()))
    }

    /// A key from its wrapped form.
    pub(crate) fn unwrap(&self, aad: &[u8], wrapped: &[u8]) -> Result<Secret> {
        let (above, body) = parts(wrapped);
        let with = match above {
            Some(no) => self.0.iter().find(|(of, _)| *of == no),
            None => self.0.last(),
        };
        let (_, with) = with.ok_or_else(|| Error::internal("the key that wrapped this one is not here"))?;
        unwrap(with, aad, body)
    }
}

/// The number of the key above, where a wrapped key names one, and the rest.
fn parts(wrapped: &[u8]) -> (Option<u64>, &[u8]) {
    match wrapped.split_first_chunk::<9>() {
        Some(([NUMBERED, no @ ..], body)) if body.len() == ALONE => (Some(u64::from_be_bytes(*no)), body),
        _ => (None, wrapped),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::random_secret;

    #[test]
    fn a_wrapped_key_opens_with_the_key_it_names_and_no_other() {
        let (old, new, inner) = (random_secret().unwrap(), random_secret().unwrap(), random_secret().unwrap());
        let first = Wrapping::new([(1, &old)].into_iter()).unwrap();
        let both = Wrapping::new([(2, &new), (1, &old)].into_iter()).unwrap();
        let second = Wrapping::new([(2, &new)].into_iter()).unwrap();
        let alone = wrap(&cipher(&old).unwrap(), b"here", &inner).unwrap();
        let (under_old, under_new) = (first.wrap(b"here", &inner).unwrap(), both.wrap(b"here", &inner).unwrap());
        for wrapped in [&alone, &under_old, &under_new] {
            assert_eq!(both.unwrap(b"here", &wrapped.0).unwrap(), inner);
            assert!(both.unwrap(b"there", &wrapped.0).is_err());
        }
        assert!(second.unwrap(b"here", &under_old.0).is_err(), "the old key is gone");
        assert_eq!(second.unwrap(b"here", &under_new.0).unwrap(), inner);
        assert_eq!(both.current(), Some(2));
    }
}
