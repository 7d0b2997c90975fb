//! Where time and ids come from. Everything that needs either takes an [`Env`], so that a test can fix both.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};
use time::OffsetDateTime;
use uuid::{Builder, Uuid};

/// The source of the current time.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// Microseconds since 1970 that only a test moves.
    Fixed(Arc<AtomicI64>),
}

/// The source of new ids.
#[derive(Debug, Clone, Default)]
pub enum Ids {
    /// `UUIDv7` from the clock and the machine's randomness.
    #[default]
    Random,
    /// `UUIDv7` from the clock and a counter: the same in every run.
    Counted(Arc<AtomicU64>),
}

/// Time and ids together, cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Env {
    /// What time it is.
    pub clock: Clock,
    /// What the next id is.
    pub ids: Ids,
}

impl Clock {
    /// A clock that stands at `at` until it is set again.
    #[must_use]
    pub fn fixed(at: OffsetDateTime) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(micros(at))))
    }

    /// The current time in UTC, to the microsecond, as PostgreSQL keeps it.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        match self {
            #[allow(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
            Self::System => {
                let now = OffsetDateTime::now_utc();
                now.replace_nanosecond(now.nanosecond() / 1000 * 1000).unwrap_or(now)
            }
            Self::Fixed(at) => from_micros(at.load(Ordering::SeqCst)),
        }
    }

    /// Moves a fixed clock; the machine's clock is left alone.
    pub fn set(&self, at: OffsetDateTime) {
        if let Self::Fixed(held) = self {
            held.store(micros(at), Ordering::SeqCst);
        }
    }
}

impl Env {
    /// A clock at `at` and ids counted from zero.
    #[must_use]
    pub fn fixed(at: OffsetDateTime) -> Self {
        Self { clock: Clock::fixed(at), ids: Ids::Counted(Arc::default()) }
    }

    /// The current time in UTC, to the microsecond.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// A new `UUIDv7` (RFC 9562).
    #[must_use]
    pub fn id(&self) -> Uuid {
        match &self.ids {
            #[allow(clippy::disallowed_methods, reason = "the one place that makes random ids")]
            Ids::Random => Uuid::now_v7(),
            Ids::Counted(next) => {
                let n = next.fetch_add(1, Ordering::SeqCst);
                let mut rest = [0; 10];
                rest[2..].copy_from_slice(&n.to_be_bytes());
                let millis = u64::try_from(micros(self.now()) / 1000).unwrap_or(0);
                Builder::from_unix_timestamp_millis(millis, &rest).into_uuid()
            }
        }
    }
}

fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

fn from_micros(us: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(us) * 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_fixed_env_repeats_itself() {
        let at = datetime!(2026-11-21 10:00 UTC);
        let (a, b) = (Env::fixed(at), Env::fixed(at));
        assert_eq!((a.now(), a.id(), a.id()), (b.now(), b.id(), b.id()));
        assert_ne!(a.id(), a.id());
        assert_eq!(a.id().get_version_num(), 7);
        a.clock.set(datetime!(2027-01-01 0:00 UTC));
        assert_eq!(a.now().year(), 2027);
    }
}
