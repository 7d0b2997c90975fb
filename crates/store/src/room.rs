//! Room on the disk of the database. Where it ran out the reserve beside a private cluster is given up by itself: on it the
//! events of reads are recorded, so that records can be read, while every change is refused until the reserve can be kept
//! again. Without a reserve nothing is recorded, and so nothing is answered.

use crate::{
    Db,
    cluster::{free_ballast, keep_again},
    tx::failure,
    unit::Failure,
};
use rustix::fs::statvfs;
use salus_core::{Ctx, Error, PLATFORM, Result};
use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};
use tokio_postgres::error::SqlState;

/// How long the database counts as full after it refused something for want of room.
const FULL: Duration = Duration::from_secs(5);
/// Between two looks at whether the reserve can be kept again.
const LOOK: Duration = Duration::from_secs(1);
/// A disk with fewer bytes free is full, whatever the server could still say when it ended.
const NONE: u64 = 1 << 20;

/// What is known of the room.
#[derive(Default)]
pub(crate) struct Room {
    held: Mutex<Held>,
    reserve: OnceLock<(PathBuf, u64)>,
}

#[derive(Default)]
struct Held {
    /// When the database last refused something because there was no room; none once there is room again.
    refused: Option<Instant>,
    /// Since when the reserve is given up, or when it was last tried to keep it again.
    given: Option<Instant>,
}

impl Room {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that something was refused for want of room, and gives the reserve up, once.
    fn is_full(&self) {
        let mut held = self.held();
        let first = held.refused.replace(Instant::now()).is_none();
        let Some((home, _)) = self.reserve.get().filter(|_| held.given.is_none()) else {
            if first {
                tracing::error!("the database has no room: nothing is recorded or answered");
            }
            return;
        };
        match free_ballast(home) {
            Ok(bytes) => {
                held.given = Some(Instant::now());
                tracing::error!(
                    mib = bytes >> 20,
                    "the disk is full: the room that was kept is given up, records are read and nothing is changed"
                );
            }
            Err(e) if first => tracing::error!(error = %e, "the disk is full: nothing is recorded or answered"),
            Err(_) => {}
        }
    }

    /// Whether there is room for changes: the reserve was not given up, or can be kept again.
    fn admits_changes(&self) -> bool {
        let (Some((home, mib)), mut held) = (self.reserve.get(), self.held()) else { return true };
        match held.given {
            None => true,
            Some(at) if at.elapsed() < LOOK => false,
            Some(_) if matches!(keep_again(home, *mib), Ok(true)) => {
                *held = Held::default();
                tracing::info!("there is room again, and some of it is kept: changes are taken");
                true
            }
            Some(_) => {
                held.given = Some(Instant::now());
                false
            }
        }
    }
}

impl Db {
    /// Lets the reserve in this data directory be given up when the disk is full, and kept again when it is not.
    pub fn keep_room(&self, home: PathBuf, mib: u64) {
        // The place does not change while a program runs.
        self.0.room.reserve.set((home, mib)).ok();
    }

    /// Whether changes are taken: not while the disk is full and what was kept for reading is used up.
    #[must_use]
    pub fn admits_changes(&self) -> bool {
        self.0.room.admits_changes()
    }

    /// Refuses a change while there is no room for it.
    pub(crate) fn refuse_without_room(&self) -> Result<()> {
        if self.admits_changes() {
            return Ok(());
        }
        Err(Error::Unavailable("the disk of the database is full: records can be read, nothing is changed".into()))
    }

    /// Whether the database has room. It has none for a while after it refused something for want of it, whatever small
    /// changes still found a page with space; then an event that asks is written, and kept where there is room again.
    pub async fn has_room(&self) -> bool {
        if !self.admits_changes() {
            return false;
        }
        let refused = self.0.room.held().refused;
        match refused {
            None => return true,
            Some(refused) if refused.elapsed() < FULL => return false,
            Some(_) => {}
        }
        let looked = async {
            let tx = self.begin(Ctx::system(self.env(), PLATFORM), false).await?;
            tx.commit("kernel.room.check", "kernel.settings").await
        };
        let room = looked.await.is_ok();
        if room {
            self.0.room.held().refused = None;
        }
        room
    }

    /// A failure as the caller sees it; one for want of room is remembered.
    pub(crate) fn failed(&self, f: Failure) -> Error {
        let full = match &f {
            Failure::Database(e) if e.code().is_some() => e.code() == Some(&SqlState::DISK_FULL),
            // A server that cannot write its log ends without a word.
            _ => self
                .0
                .room
                .reserve
                .get()
                .is_some_and(|(home, _)| statvfs(home).is_ok_and(|disk| disk.f_bavail * disk.f_frsize < NONE)),
        };
        if full {
            self.0.room.is_full();
        }
        failure(&self.0.catalog, f)
    }
}
