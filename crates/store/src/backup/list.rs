//! All backups of a folder, and which of them may go.

use super::{Archive, Backup, Kind, Label, MANIFEST, Manifest, Repository, at, wal::remove_unneeded};
use crate::seal::RootKey;
use salus_core::{Error, Result};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use time::OffsetDateTime;
use uuid::Uuid;

/// One backup.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Its directory.
    pub path: PathBuf,
    /// What it says of itself, when it opens under the root key.
    pub manifest: Option<Manifest>,
    /// Why it does not.
    pub problem: Option<String>,
    /// The last file of the archived log that a recovery from it reaches without a gap.
    pub reach: Option<String>,
    /// When that file was archived: a restore goes up to about then.
    #[serde(with = "time::serde::rfc3339::option")]
    pub reach_at: Option<OffsetDateTime>,
}

impl Entry {
    /// The backup of pgBackRest that it lies beside.
    #[must_use]
    pub fn label(&self) -> Option<&Label> {
        self.manifest.as_ref()?.pgbackrest.as_ref()
    }

    fn of(path: PathBuf, root: &Arc<RootKey>) -> Self {
        let mut entry = Self { path, manifest: None, problem: None, reach: None, reach_at: None };
        match Backup::open_as(&entry.path, root) {
            Err(e) => entry.problem = Some(e.to_string()),
            Ok(backup) => {
                let manifest = backup.manifest().clone();
                let reach = |a: Archive| a.reach(&manifest.stop_lsn, manifest.timeline);
                match manifest.wal.map(|_| backup.archive().and_then(reach)).transpose() {
                    Ok(reach) => (entry.reach, entry.reach_at) = reach.flatten().unzip(),
                    Err(e) => entry.problem = Some(e.to_string()),
                }
                entry.manifest = Some(manifest);
            }
        }
        entry
    }
}

/// The backups in a folder, oldest first. One that does not open is there with what is wrong with it.
///
/// # Errors
/// [`Error::Unavailable`] when the folder cannot be read.
pub fn list(out: &Path, root: &Arc<RootKey>) -> Result<Vec<Entry>> {
    let mut all = Vec::new();
    let entries = match fs::read_dir(out) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(all),
        entries => entries.map_err(|e| at(out, &e))?,
    };
    for entry in entries {
        let path = entry.map_err(|e| at(out, &e))?.path();
        let whole = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("salus-"));
        if whole && path.join(MANIFEST).exists() {
            all.push(Entry::of(path, root));
        }
    }
    // What cannot be read is told first.
    all.sort_by_key(|e| (e.manifest.as_ref().map(|m| m.began_at), e.path.clone()));
    Ok(all)
}

/// Removes the folders whose backup pgBackRest does not hold any more; which.
///
/// # Errors
/// [`Error::Unavailable`] when the folder cannot be read, or one in it cannot be removed.
pub fn prune_to(out: &Path, repository: &Repository, stanza: &str, root: &Arc<RootKey>) -> Result<Vec<PathBuf>> {
    let mut removed = Vec::new();
    for entry in list(out, root)? {
        let label = entry.manifest.and_then(|m| m.pgbackrest);
        if label.is_some_and(|l| l.stanza == stanza && repository.backup(&l.label).is_none()) {
            remove(&entry.path)?;
            removed.push(entry.path);
        }
    }
    Ok(removed)
}

/// Under a hidden name first: one that is half removed does not count as a backup.
fn remove(path: &Path) -> Result<()> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let gone = path.with_file_name(format!(".{name}.pruned"));
    fs::rename(path, &gone).and_then(|()| fs::remove_dir_all(&gone)).map_err(|e| at(path, &e))
}

/// Removes all but the newest `keep` backups of each kind, and the archived log that none of those needs. What does not open under
/// the root key is neither counted nor removed. Answers what was removed: backups, and files of the log.
///
/// # Errors
/// [`Error::Invalid`] when nothing would be left; [`Error::Unavailable`] when something cannot be removed.
pub fn prune(out: &Path, keep: usize, root: &Arc<RootKey>) -> Result<(Vec<PathBuf>, u64)> {
    if keep == 0 {
        return Err(Error::invalid("keep", "not_allowed", "Is at least 1: the last backup is never removed"));
    }
    let mut open: Vec<(PathBuf, Manifest)> =
        list(out, root)?.into_iter().filter_map(|e| Some((e.path, e.manifest?))).collect();
    // How long those are kept is pgBackRest's to say.
    open.retain(|(_, manifest)| manifest.pgbackrest.is_none());
    // Apart: a dump by the way must not push out the last backup that the log goes on from.
    let (base, logical): (Vec<_>, Vec<_>) = open.into_iter().partition(|(_, m)| m.kind == Kind::Base);
    let (mut removed, mut kept) = (Vec::new(), Vec::new());
    for mut of_kind in [base, logical] {
        kept.extend(of_kind.split_off(of_kind.len().saturating_sub(keep)));
        for (path, _) in of_kind {
            remove(&path)?;
            removed.push(path);
        }
    }
    // A backup that does not open may need any of the log: then none of it goes.
    if list(out, root)?.iter().any(|e| e.manifest.is_none()) {
        return Ok((removed, 0));
    }
    let mut needed: BTreeMap<Uuid, String> = BTreeMap::new();
    for (_, manifest) in kept.iter().rev() {
        if let Some(id) = manifest.wal {
            needed.insert(id, manifest.start_lsn.clone());
        }
    }
    let mut files = remove_unneeded(out, &needed.keys().copied().collect(), root)?;
    for (id, start) in needed {
        files += Archive::open(out, id, root)?.prune(&start)?;
    }
    Ok((removed, files))
}
