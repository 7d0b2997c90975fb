//! Receipts: what this process was told to be committed, in a file beside the database's reach (`spec` B1.4).
//!
//! The sealed log cannot speak for an event that was removed before it was sealed, nor for all of them after it was cut
//! back together with its heads. The writer's own list can. One file a run of a process; a line is `A` (committed) or
//! `U` (the answer to COMMIT was lost), the writer's count, the event and its leaf hash. Lines are synced five times
//! a second, so a power cut can lose the last 200 ms of receipts, never an event.

use super::{Event, merkle::Hash};
use crate::fault_point;
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

/// The file of this process.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    /// Made with the first receipt: most commands write no event.
    file: Mutex<Option<File>>,
    unsynced: AtomicBool,
}

impl Journal {
    /// Begins the file of this writer.
    pub(crate) fn begin(folder: &Path, writer: i32) -> Result<Arc<Self>> {
        let failed =
            |e: std::io::Error| Error::Unavailable(format!("{}: receipts cannot be kept: {e}", folder.display()));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let path = folder.join(format!("receipts-{writer:010}"));
        let journal = Arc::new(Self { path, file: Mutex::new(None), unsynced: AtomicBool::new(false) });
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
            tracing::error!(error = %e, events = events.len(), "receipts of audit events could not be written");
        }
    }

    fn write(&self, lines: &[u8]) -> std::io::Result<()> {
        let mut held = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match held.as_mut() {
            Some(file) => file,
            None => held.insert(OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?),
        };
        file.write_all(lines)?;
        fault_point!("receipts.written");
        self.unsynced.store(true, Ordering::Release);
        Ok(())
    }

    fn sync(&self) {
        if self.unsynced.swap(false, Ordering::AcqRel) {
            // Another descriptor of the same file, so that nobody waits for the disk to write a line.
            let file = self.file.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(File::try_clone);
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

/// What the receipts of a folder say.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    /// Committed events and their leaves.
    pub(super) committed: HashMap<Uuid, Hash>,
    /// Lines that say nothing that can be read; the last one of a file may be cut.
    pub(super) unreadable: u64,
}

impl Receipts {
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let failed =
            |e: std::io::Error| Error::Unavailable(format!("{}: receipts cannot be read: {e}", folder.display()));
        let mut all = Self::default();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("receipts-")) {
                let text = std::fs::read_to_string(&path).map_err(failed)?;
                let whole = text.rfind('\n').map_or("", |end| &text[..end]);
                whole.lines().for_each(|line| all.take(line));
            }
        }
        Ok(all)
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
