//! Persons' keys that were opened lately. A page of a list needs those of fifty persons, each unwrapped and derived from
//! again for every request; here they are kept. Nobody is found who was erased: one way to find a key is by the exact
//! wrapped bytes it came from, and an erased person's row has none; the other is by the state of the tenant's keys in
//! which it was read, and an erasure changes that (docs/decisions/0060). At most twice [`HALF`] persons are held, in some 50 MB,
//! and what is given up is wiped.

use super::SubjectKey;
use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
};
use uuid::Uuid;

/// Persons of one generation: when the younger has so many, the older is given up.
const HALF: usize = 32_768;

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
    /// The state of the tenant's keys when it was last read, if that was asked for.
    as_of: Option<Uuid>,
}

impl fmt::Debug for Persons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Persons")
    }
}

impl Persons {
    /// The key that was opened from these bytes.
    pub(crate) fn get(&self, id: Id, wrapped: &[u8]) -> Option<SubjectKey> {
        self.find(id, |held| *held.wrapped == *wrapped)
    }

    /// The key that was read in this state of the tenant's keys.
    pub(crate) fn get_as_of(&self, id: Id, state: Uuid) -> Option<SubjectKey> {
        self.find(id, |held| held.as_of == Some(state))
    }

    fn find(&self, id: Id, is: impl FnOnce(&Held) -> bool) -> Option<SubjectKey> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = all.younger.get(&id) {
            return is(held).then(|| held.key.clone());
        }
        let held = all.older.remove(&id)?;
        let key = is(&held).then(|| held.key.clone());
        all.keep(id, held);
        key
    }

    /// Keeps the key that these bytes opened to, and the state in which they were read.
    pub(crate) fn keep(&self, id: Id, wrapped: &[u8], key: &SubjectKey, as_of: Option<Uuid>) {
        let held = Held { wrapped: wrapped.into(), key: key.clone(), as_of };
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
        persons.keep(id(1), b"one", &SubjectKey::new(random_secret().unwrap()), None);
        assert!(persons.get(id(1), b"one").is_some());
        assert!(persons.get(id(1), b"another").is_none());
        assert!(persons.get(id(2), b"one").is_none());
    }

    #[test]
    fn a_key_is_found_by_the_state_it_was_read_in_and_no_other() {
        let (persons, key) = (Persons::default(), SubjectKey::new(random_secret().unwrap()));
        let [state, next] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        persons.keep(id(1), b"one", &key, None);
        assert!(persons.get_as_of(id(1), state).is_none(), "nobody said when it was read");
        persons.keep(id(1), b"one", &key, Some(state));
        assert!(persons.get_as_of(id(1), state).is_some());
        assert!(persons.get_as_of(id(1), next).is_none(), "somebody was erased since");
        assert!(persons.get(id(1), b"one").is_some());
    }

    #[test]
    fn who_is_asked_for_stays_and_the_memory_does_not_grow_without_end() {
        let (persons, key) = (Persons::default(), SubjectKey::new(random_secret().unwrap()));
        for n in 0..5 * HALF {
            persons.keep(id(n), b"k", &key, None);
            assert!(persons.get(id(0), b"k").is_some(), "{n}");
        }
        assert!(persons.get(id(1), b"k").is_none());
        let all = persons.0.lock().unwrap();
        assert!(all.younger.len() + all.older.len() <= 2 * HALF);
    }
}
