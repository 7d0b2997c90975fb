//! Persons' keys that were opened lately. A page of a list needs those of fifty persons, each unwrapped and derived from
//! again for every request; here they are kept, by the exact wrapped bytes they came from. So nobody is kept who was
//! erased: their row has no wrapped key to look up with. At most twice [`HALF`] persons are held, in a few megabytes,
//! and what is given up is wiped.

use super::SubjectKey;
use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
};
use uuid::Uuid;

/// Persons of one generation: when the younger has so many, the older is given up.
const HALF: usize = 8192;

/// The memory, of all tenants.
#[derive(Default)]
pub(crate) struct Persons(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    younger: HashMap<Id, Held>,
    older: HashMap<Id, Held>,
}

/// Tenant and person.
type Id = (Uuid, Uuid);

struct Held {
    wrapped: Box<[u8]>,
    key: SubjectKey,
}

impl fmt::Debug for Persons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Persons")
    }
}

impl Persons {
    /// The key that was opened from these bytes.
    pub(crate) fn get(&self, id: Id, wrapped: &[u8]) -> Option<SubjectKey> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = all.younger.get(&id) {
            return held.is(wrapped);
        }
        let held = all.older.remove(&id)?;
        let key = held.is(wrapped);
        all.keep(id, held);
        key
    }

    /// Keeps the key that these bytes opened to.
    pub(crate) fn keep(&self, id: Id, wrapped: &[u8], key: &SubjectKey) {
        let held = Held { wrapped: wrapped.into(), key: key.clone() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keep(id, held);
    }
}

impl Generations {
    fn keep(&mut self, id: Id, held: Held) {
        if self.younger.len() >= HALF {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(id, held);
    }
}

impl Held {
    fn is(&self, wrapped: &[u8]) -> Option<SubjectKey> {
        (*self.wrapped == *wrapped).then(|| self.key.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::random_secret;

    fn id(n: usize) -> Id {
        (Uuid::nil(), Uuid::from_u128(n as u128))
    }

    #[test]
    fn a_key_is_found_by_the_bytes_it_came_from_and_no_others() {
        let persons = Persons::default();
        persons.keep(id(1), b"one", &SubjectKey::new(random_secret().unwrap()));
        assert!(persons.get(id(1), b"one").is_some());
        assert!(persons.get(id(1), b"another").is_none());
        assert!(persons.get(id(2), b"one").is_none());
    }

    #[test]
    fn who_is_asked_for_stays_and_the_memory_does_not_grow_without_end() {
        let (persons, key) = (Persons::default(), SubjectKey::new(random_secret().unwrap()));
        for n in 0..5 * HALF {
            persons.keep(id(n), b"k", &key);
            assert!(persons.get(id(0), b"k").is_some(), "{n}");
        }
        assert!(persons.get(id(1), b"k").is_none());
        let all = persons.0.lock().unwrap();
        assert!(all.younger.len() + all.older.len() <= 2 * HALF);
    }
}
