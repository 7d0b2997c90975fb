//! Receipts: what this process was told to be committed, in a file beside the database's reach (`spec` B1.4).
//!
//! The sealed log cannot speak for an event that was removed before it was sealed, nor for all of them after it was cut
//! back together with its heads. The writer's own list can. One file a run of a process, whose name nothing else has; a line is `A` (committed) or
//! `U` (the answer to COMMIT was lost), the writer's count, the event and its leaf hash. Lines are synced five times
//! a second and before a head is given away, so a power cut can lose the last 200 ms of receipts, never an event.

use super::{Event, merkle::Hash};
use crate::{fault_point, seal::fill_random};
use salus_core::{Error, Result};
use std::{
    collections::HashMap,
    fmt::Write as _,
    fs::{File, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use uuid::Uuid;

/// Between two syncs.
const SYNC: Duration = Duration::from_millis(200);

/// Bytes of receipts that may wait: those of some 70,000 events.
const OWED_MAX: usize = 8 << 20;

/// The file of this process.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    held: Mutex<Held>,
    unsynced: AtomicBool,
    /// Whoever waits for the disk: what another began to sync is not there before that one is done.
    syncing: Mutex<()>,
}

/// The file, and what could not be written to it yet.
#[derive(Debug, Default)]
struct Held {
    /// Made with the first receipt: most commands write no event.
    file: Option<File>,
    /// Whole lines that wait for room on the disk.
    owed: Vec<u8>,
}

impl Journal {
    /// Begins the file of this writer.
    pub(crate) fn begin(folder: &Path, writer: i32) -> Result<Arc<Self>> {
        let failed =
            |e: std::io::Error| Error::Unavailable(format!("{}: receipts cannot be kept: {e}", folder.display()));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        // Numbers of writers begin anew in a restored database: no two processes ever write to one file.
        let mut own = [0; 4];
        fill_random(&mut own)?;
        let own = hex::encode(own);
        let path = folder.join(format!("receipts-{writer:010}-{own}"));
        let journal = Arc::new(Self {
            path,
            held: Mutex::default(),
            unsynced: AtomicBool::new(false),
            syncing: Mutex::default(),
        });
        let watched = Arc::downgrade(&journal);
        let sync = move || {
            while let Some(journal) = watched.upgrade() {
                journal.sync();
                drop(journal);
                thread::sleep(SYNC);
            }
        };
        thread::Builder::new().name("audit-receipts".into()).spawn(sync).map_err(Error::internal)?;
        Ok(journal)
    }

    /// Notes events that were committed, or of which nobody knows.
    pub(crate) fn note(&self, events: &[Event], committed: bool) {
        let mut lines = String::with_capacity(events.len() * 120);
        for event in events {
            let _ = write!(lines, "{} {} {} ", if committed { 'A' } else { 'U' }, event.writer_seq, event.id);
            for byte in &event.leaf {
                let _ = write!(lines, "{byte:02x}");
            }
            lines.push('\n');
        }
        fault_point!("receipts.before_write");
        if let Err(e) = self.write(lines.as_bytes()) {
            tracing::error!(error = %e, events = events.len(), "receipts of audit events could not be written: they wait");
        }
    }

    /// Writes lines after those that are owed. What a full disk cut off is taken back and owed, so that the file has whole
    /// lines only and none is missing once there is room.
    fn write(&self, lines: &[u8]) -> std::io::Result<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Held { file, owed } = &mut *held;
        if owed.len() + lines.len() > OWED_MAX {
            tracing::error!(bytes = lines.len(), "receipts of audit events are lost: too many wait to be written");
        } else {
            owed.extend_from_slice(lines);
        }
        if owed.is_empty() {
            return Ok(());
        }
        let file = match file {
            Some(file) => file,
            None => file.insert(OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?),
        };
        let before = file.metadata()?.len();
        if let Err(e) = file.write_all(owed) {
            file.set_len(before)?;
            return Err(e);
        }
        owed.clear();
        fault_point!("receipts.written");
        self.unsynced.store(true, Ordering::Release);
        Ok(())
    }

    /// Puts on the disk what was noted.
    pub(super) fn sync(&self) {
        let _alone = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let owes = !self.held.lock().unwrap_or_else(PoisonError::into_inner).owed.is_empty();
        if owes && self.write(&[]).is_ok() {
            tracing::info!("receipts that waited were written");
        }
        if self.unsynced.swap(false, Ordering::AcqRel) {
            // Another descriptor of the same file, so that nobody waits for the disk to write a line.
            let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            let file = held.file.as_ref().map(File::try_clone);
            drop(held);
            if let Err(e) = file.transpose().and_then(|f| f.map_or(Ok(()), |f| f.sync_data())) {
                tracing::error!(error = %e, "receipts of audit events could not be synced");
            }
            fault_point!("receipts.synced");
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.sync();
    }
}

/// What the receipts of all folders say.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    /// Committed events and their leaves.
    pub(super) committed: HashMap<Uuid, Hash>,
    /// Lines that say nothing that can be read; the last one of a file may be cut.
    pub(super) unreadable: u64,
}

impl Receipts {
    /// Reads them; `None` where there is no folder.
    pub(super) fn read(folders: &[PathBuf]) -> Result<Option<Self>> {
        let mut all = Self::default();
        folders.iter().try_for_each(|folder| all.read_folder(folder))?;
        Ok((!folders.is_empty()).then_some(all))
    }

    fn read_folder(&mut self, folder: &Path) -> Result<()> {
        let failed =
            |e: std::io::Error| Error::Unavailable(format!("{}: receipts cannot be read: {e}", folder.display()));
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("receipts-")) {
                // What a torn sector left is a line that cannot be read, and no reason to read none.
                let bytes = std::fs::read(&path).map_err(failed)?;
                let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(&[][..], |end| &bytes[..end]);
                whole.split(|b| *b == b'\n').for_each(|line| self.take(&String::from_utf8_lossy(line)));
            }
        }
        Ok(())
    }

    fn take(&mut self, line: &str) {
        let parts: Vec<&str> = line.split(' ').collect();
        let read = || {
            let [kind, _, id, leaf] = parts[..] else { return None };
            let leaf: Hash = hex::decode(leaf).ok()?.try_into().ok()?;
            Some((kind == "A", id.parse().ok()?, leaf))
        };
        match read() {
            Some((true, id, leaf)) => _ = self.committed.insert(id, leaf),
            Some((false, ..)) => {}
            None => self.unreadable += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_sync_nothing_waits_for_the_disk() {
        let folder = std::env::temp_dir().join(format!("salus-journal-{}", std::process::id()));
        let journal = Journal::begin(&folder, 1).unwrap();
        for _ in 0..20 {
            journal.write(b"A 1 x y\n").unwrap();
            journal.sync();
            assert!(!journal.unsynced.load(Ordering::Acquire));
        }
        assert_eq!(std::fs::read(&journal.path).unwrap().len(), 20 * 8);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
