//! The list of erased persons outside the database: a file that only grows, one line a person, each with a code under the
//! root key over itself and the line before. A line that is changed, taken out of the middle or put in is noticed; lines cut off at
//! the end are not, except by the database, which has the same list.

use crate::seal::RootKey;
use salus_core::{Error, Result};
use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// The word of a line by which an erasure that was not done is taken back.
const TAKEN_BACK: &str = "not_done";

/// One erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: OffsetDateTime,
    /// Whose person it was.
    pub tenant: Uuid,
    /// The person.
    pub person: Uuid,
    /// Why.
    pub reason: String,
}

impl Entry {
    fn is_same(&self, other: &Self) -> bool {
        (self.tenant, self.person) == (other.tenant, other.person)
    }
}

/// The file.
#[derive(Debug, Clone)]
pub struct Ledger(PathBuf);

impl Ledger {
    /// The file need not be there yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn failed(&self, e: &dyn std::fmt::Display) -> Error {
        Error::Unavailable(format!("the erasure ledger {} cannot be used: {e}", self.0.display()))
    }

    /// The erasures that hold, the oldest first, after checking the code of each line. An incomplete last line is one whose
    /// erasure did not begin; one that was taken back is not among them.
    ///
    /// # Errors
    /// [`Error::Unavailable`] naming the line that is not what was written.
    pub fn entries(&self, root: &RootKey) -> Result<Vec<Entry>> {
        let mut hold: Vec<Entry> = Vec::new();
        for entry in self.read(root)?.0 {
            if entry.reason == TAKEN_BACK {
                if let Some(at) = hold.iter().rposition(|e| e.is_same(&entry)) {
                    hold.remove(at);
                }
            } else {
                hold.push(entry);
            }
        }
        Ok(hold)
    }

    /// Adds the erasures of another copy that are not in this one; how many.
    ///
    /// # Errors
    /// As [`Ledger::entries`]; nothing is ever taken out.
    pub(crate) fn take_in(&self, root: &RootKey, other: &Self) -> Result<usize> {
        let (mut known, mut added) = (self.entries(root)?, 0);
        for entry in other.entries(root)? {
            if !known.iter().any(|e| e.is_same(&entry)) {
                self.append(root, &entry)?;
                known.push(entry);
                added += 1;
            }
        }
        Ok(added)
    }

    /// Says that the erasure of the last line was not done after all: whoever asked was told so.
    pub(crate) fn take_back(&self, root: &RootKey, entry: &Entry) -> Result<()> {
        self.append(root, &Entry { reason: TAKEN_BACK.to_owned(), ..entry.clone() })
    }

    /// Entries, the last code, and the length of the whole lines.
    fn read(&self, root: &RootKey) -> Result<(Vec<Entry>, String, usize)> {
        let text = match fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(self.failed(&e)),
        };
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        let (mut entries, mut last) = (Vec::new(), String::new());
        for (i, line) in text[..whole].lines().enumerate() {
            let changed = || self.failed(&format!("line {} is not what was written there", i + 1));
            let (said, code) = line.rsplit_once(' ').ok_or_else(changed)?;
            if code != root.ledger_code(&last, said)? {
                return Err(changed());
            }
            entries.push(parse(said).ok_or_else(changed)?);
            code.clone_into(&mut last);
        }
        Ok((entries, last, whole))
    }

    /// Adds an entry; when this returns it is on the disk.
    pub(crate) fn append(&self, root: &RootKey, entry: &Entry) -> Result<()> {
        if let Some(dir) = self.0.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| self.failed(&e))?;
        }
        let open = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.0);
        let mut file = open.map_err(|e| self.failed(&e))?;
        file.lock().map_err(|e| self.failed(&e))?;
        let (_, last, whole) = self.read(root)?;
        file.set_len(whole as u64).map_err(|e| self.failed(&e))?;
        let at = entry.at.format(&Rfc3339).map_err(Error::internal)?;
        let said = format!("{at} {} {} {}", entry.tenant, entry.person, entry.reason);
        let line = format!("{said} {}\n", root.ledger_code(&last, &said)?);
        file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(|e| self.failed(&e))?;
        let dir = self.0.parent().map(File::open).transpose().map_err(|e| self.failed(&e))?;
        dir.map_or(Ok(()), |dir| dir.sync_all()).map_err(|e| self.failed(&e))
    }
}

fn parse(said: &str) -> Option<Entry> {
    let [at, tenant, person, reason] = said.split(' ').collect::<Vec<_>>()[..] else { return None };
    let at = OffsetDateTime::parse(at, &Rfc3339).ok()?;
    Some(Entry { at, tenant: tenant.parse().ok()?, person: person.parse().ok()?, reason: reason.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_or_missing_line_is_noticed_and_a_torn_one_is_not_there() {
        let root = RootKey::ephemeral().unwrap();
        let path = std::env::temp_dir().join(format!("salus-ledger-{}", std::process::id()));
        let ledger = Ledger::new(path.clone());
        let entry = |n| Entry {
            at: OffsetDateTime::UNIX_EPOCH,
            tenant: Uuid::from_u128(1),
            person: Uuid::from_u128(n),
            reason: "subject_request".into(),
        };
        for n in 1..=3 {
            ledger.append(&root, &entry(n)).unwrap();
        }
        let whole = fs::read_to_string(&path).unwrap();
        assert_eq!(ledger.entries(&root).unwrap(), [entry(1), entry(2), entry(3)]);
        assert!(ledger.entries(&RootKey::ephemeral().unwrap()).is_err(), "of another installation");
        fs::write(&path, format!("{whole}1970-01")).unwrap();
        ledger.append(&root, &entry(4)).unwrap();
        assert_eq!(ledger.entries(&root).unwrap().len(), 4);
        ledger.take_back(&root, &entry(2)).unwrap();
        let hold: Vec<Uuid> = ledger.entries(&root).unwrap().iter().map(|e| e.person).collect();
        assert_eq!(hold, [1, 3, 4].map(Uuid::from_u128), "what was taken back does not hold");
        let copy = Ledger::new(path.with_extension("copy"));
        copy.append(&root, &entry(4)).unwrap();
        copy.append(&root, &entry(2)).unwrap();
        assert_eq!((ledger.take_in(&root, &copy).unwrap(), ledger.take_in(&root, &copy).unwrap()), (1, 0));
        assert_eq!(ledger.entries(&root).unwrap().len(), 4, "nobody is taken out, and nobody is there twice");
        fs::remove_file(copy.path()).unwrap();
        let lines: Vec<&str> = whole.lines().collect();
        for wrong in
            [whole.replacen("0001", "0007", 1), format!("{}\n{}\n", lines[0], lines[2]), format!("{}\n", lines[1])]
        {
            fs::write(&path, wrong).unwrap();
            assert!(ledger.entries(&root).is_err());
        }
        fs::remove_file(&path).unwrap();
    }
}
