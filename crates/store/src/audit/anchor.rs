//! Anchors: places outside the database where signed heads of the log are kept, so that whoever rewrites the log or
//! cuts it back is contradicted (`spec` B1.8).

use super::merkle::Hash;
use crate::fault_point;
use salus_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};
use time::OffsetDateTime;

/// Which heads of an anchor are held against the log.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// The newest, and some of the others.
    #[default]
    Newest,
    /// All that were kept since the log was last found whole, and some of the others.
    Since(OffsetDateTime),
    /// All.
    Every,
}

/// A place where heads are kept and cannot be taken back by who administers the database.
pub trait Anchor: Send + Sync {
    /// What it is called in reports.
    fn name(&self) -> String;

    /// How often it is given a head while the log grows.
    fn every(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// Whether the server may give it a head now, however much the log grew and however often it was restarted.
    fn is_due(&self) -> bool {
        true
    }

    /// Keeps a signed head; when this returns it is kept, and was read back. `proof` shows that the first `old` leaves
    /// are those of the newest head it keeps of the same epoch; without one `old` is 0.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it is not.
    fn keep(&self, note: &str, old: u64, proof: &[Hash]) -> Result<()>;

    /// All heads it keeps, oldest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when they cannot be read.
    fn kept(&self) -> Result<Vec<String>>;

    /// Heads to hold against the log: all, or a part of them where reading all would take ever longer, and then in words which.
    ///
    /// # Errors
    /// As [`Anchor::kept`].
    fn looked_at(&self, _: Look) -> Result<(Vec<String>, Option<String>)> {
        Ok((self.kept()?, None))
    }

    /// The newest of them.
    ///
    /// # Errors
    /// As [`Anchor::kept`].
    fn newest(&self) -> Result<Option<String>> {
        Ok(self.kept()?.pop())
    }
}

/// A file that only grows, one head a line as JSON. It protects as far as others cannot write it: put it on another
/// volume, owned by another account or append-only.
#[derive(Debug, Clone)]
pub struct FileAnchor(PathBuf);

/// The newest head is within so many bytes of the end.
const TAIL: u64 = 64 * 1024;

#[derive(Serialize, Deserialize)]
struct Line {
    note: String,
}

impl FileAnchor {
    /// The file need not be there yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    fn failed(&self, e: &dyn std::fmt::Display) -> Error {
        Error::Unavailable(format!("the anchor {} cannot be used: {e}", self.0.display()))
    }
}

impl Anchor for FileAnchor {
    fn name(&self) -> String {
        format!("file:{}", self.0.display())
    }

    fn keep(&self, note: &str, _: u64, _: &[Hash]) -> Result<()> {
        if let Some(folder) = self.0.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| self.failed(&e))?;
        }
        let mut line = serde_json::to_vec(&Line { note: note.to_owned() }).map_err(Error::internal)?;
        line.push(b'\n');
        let fresh = !self.0.exists();
        let open = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.0);
        let mut file = open.map_err(|e| self.failed(&e))?;
        // Ends a line that was cut when the machine stopped.
        if !tail(&mut file, 1).map_err(|e| self.failed(&e))?.iter().all(|byte| *byte == b'\n') {
            line.insert(0, b'\n');
        }
        file.write_all(&line).map_err(|e| self.failed(&e))?;
        fault_point!("anchor.file_written");
        file.sync_all().map_err(|e| self.failed(&e))?;
        if fresh {
            let folder = self.0.parent().unwrap_or(Path::new("/"));
            File::open(folder).and_then(|f| f.sync_all()).map_err(|e| self.failed(&e))?;
        }
        let read = self.newest()?;
        if read.as_deref() == Some(note) { Ok(()) } else { Err(self.failed(&"it does not read back what was written")) }
    }

    fn kept(&self) -> Result<Vec<String>> {
        let mut text = String::new();
        match File::open(&self.0) {
            Ok(mut file) => file.read_to_string(&mut text).map_err(|e| self.failed(&e))?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(self.failed(&e)),
        };
        Ok(text.lines().filter_map(note).collect())
    }

    fn newest(&self) -> Result<Option<String>> {
        match File::open(&self.0) {
            Ok(mut file) => {
                let bytes = tail(&mut file, TAIL).map_err(|e| self.failed(&e))?;
                Ok(String::from_utf8_lossy(&bytes).lines().rev().find_map(note))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.failed(&e)),
        }
    }
}

/// A line that was being written when the machine stopped was never reported as kept.
fn note(line: &str) -> Option<String> {
    serde_json::from_str::<Line>(line).ok().map(|l| l.note)
}

/// The last bytes of a file.
fn tail(file: &mut File, length: u64) -> std::io::Result<Vec<u8>> {
    let end = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(end.saturating_sub(length)))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_lines_and_passes_over_one_that_was_cut() {
        let folder = std::env::temp_dir().join(format!("salus-anchor-{}", std::process::id()));
        let anchor = FileAnchor::new(folder.join("heads"));
        assert_eq!(anchor.newest().unwrap(), None);
        anchor.keep("a\n1\n\nx\n", 0, &[]).unwrap();
        anchor.keep("b", 0, &[]).unwrap();
        OpenOptions::new().append(true).open(folder.join("heads")).unwrap().write_all(b"{\"note\":").unwrap();
        assert_eq!(anchor.kept().unwrap(), ["a\n1\n\nx\n", "b"]);
        assert_eq!(anchor.newest().unwrap().as_deref(), Some("b"));
        anchor.keep("c", 0, &[]).unwrap();
        assert_eq!(anchor.kept().unwrap(), ["a\n1\n\nx\n", "b", "c"]);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
