//! The archive of the write-ahead log: with it a backup comes back as of any second since it was taken.
//!
//! The server copies each whole file of its log into a folder beside its data (`archive_command`). [`Archive::take`]
//! compresses and encrypts it into `wal-ID` beside the backups, reads it back, and only then removes the copy. Every
//! file is bound to its name and its archive. An archive belongs to one data directory for its life: a restored one
//! begins another, so that no two servers ever write under the same names. Pages of the log hold what tables hold:
//! sealed values are ciphertext, ids and times are not, and so the folder beside the data is as private as the data.

use super::{at, changed, create, passphrase, read, sync, write_file};
use crate::{
    cluster::Cluster,
    seal::{RootFile, RootKey, Secret, sha256},
};
use salus_core::{Env, Error, Result};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};
use time::OffsetDateTime;
use uuid::Uuid;

const DESCRIPTION: &str = "archive.json";
const CODE: &str = "archive.mac";
const ROOT: &str = "root.age";
const FORMAT: u32 = 1;
/// How a file of the archive ends.
const END: &str = ".gz.age";
/// First word of the clear text of a file.
const MAGIC: &str = "salus-wal/1";
/// A file of the log has this size, or another power of two where somebody chose it: initdb's default is kept here.
const SEGMENT: u64 = 16 << 20;
/// No file is larger than the largest that PostgreSQL permits.
const MAX: u64 = 1 << 31;

/// What an archive says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    format: u32,
    id: Uuid,
    #[serde(with = "time::serde::rfc3339")]
    made_at: OffsetDateTime,
    root_key: String,
    wrapped_key: String,
}

/// An archive that is open.
pub struct Archive {
    dir: PathBuf,
    id: Uuid,
    key: Secret,
}

/// What was taken.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Files.
    pub files: u64,
    /// Bytes of them before compression.
    pub bytes: u64,
}

/// The id of the archive that a data directory fills, when it fills one.
///
/// # Errors
/// [`Error::Unavailable`] when the file that says it cannot be read.
pub fn archive_of(home: &Path) -> Result<Option<Uuid>> {
    let path = id_file(home);
    match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| changed(&path)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(at(&path, &e)),
    }
}

fn id_file(home: &Path) -> PathBuf {
    home.join("cluster/archive.id")
}

/// Removes the archives of this root key below `out` that are neither in `needed` nor the newest: how many files were in them.
pub(super) fn remove_unneeded(out: &Path, needed: &BTreeSet<Uuid>, root: &RootKey) -> Result<u64> {
    let mut ours = Vec::new();
    for entry in fs::read_dir(out).map_err(|e| at(out, &e))? {
        let name = entry.map_err(|e| at(out, &e))?.file_name();
        let id = name.to_str().and_then(|name| name.strip_prefix("wal-")?.parse::<Uuid>().ok());
        // One of another installation is not ours to remove, nor one that is half there.
        if let Some(said) = id.and_then(|id| described(out, id, root).ok()) {
            ours.push((said.made_at, said.id));
        }
    }
    ours.sort_unstable();
    ours.pop();
    let mut files = 0;
    for (_, id) in ours.into_iter().filter(|(_, id)| !needed.contains(id)) {
        let dir = folder(out, id);
        files += names(&dir, END)?.len() as u64;
        let gone = out.join(format!(".wal-{id}.pruned"));
        fs::rename(&dir, &gone).and_then(|()| fs::remove_dir_all(&gone)).map_err(|e| at(&dir, &e))?;
    }
    Ok(files)
}

/// The folder of an archive among the backups.
fn folder(out: &Path, id: Uuid) -> PathBuf {
    out.join(format!("wal-{id}"))
}

/// What an archive says of itself, confirmed by the root key.
fn described(out: &Path, id: Uuid, root: &RootKey) -> Result<Description> {
    let dir = folder(out, id);
    let path = dir.join(DESCRIPTION);
    let text = read(&path)?;
    let code = hex::decode(read(&dir.join(CODE))?).map_err(|_| changed(&dir.join(CODE)))?;
    if aws_lc_rs::constant_time::verify_slices_are_equal(&code, &root.manifest_code(&text)?).is_err() {
        return Err(Error::Unavailable(format!("{} was changed, or belongs to another root key", path.display())));
    }
    let said: Description = serde_json::from_slice(&text).map_err(|_| changed(&path))?;
    if said.format != FORMAT || said.id != id {
        return Err(changed(&path));
    }
    Ok(said)
}

impl Description {
    fn wrapped(&self, dir: &Path) -> Result<Vec<u8>> {
        hex::decode(&self.wrapped_key).map_err(|_| changed(&dir.join(DESCRIPTION)))
    }
}

impl Archive {
    /// The archive of this data directory below `out`; begun now if there is none, or if the root key has a new version since:
    /// whoever was taken from its recipients has what opens the archive before.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the archive that was begun lies elsewhere or belongs to another root key.
    pub fn begin(cluster: &Cluster, (home, out): (&Path, &Path), keys: &RootFile, env: &Env) -> Result<Self> {
        let root = keys.unlock()?;
        if let Some(id) = archive_of(home)? {
            if root.is_newest_of(&described(out, id, &root)?.wrapped(&folder(out, id))?) {
                let archive = Self::open(out, id, &root)?;
                cluster.begin_spool()?;
                return Ok(archive);
            }
            fs::remove_file(id_file(home)).map_err(|e| at(&id_file(home), &e))?;
            tracing::info!(archive = %id, "the root key has a new version: another archive of the log is begun");
        }
        let id = env.id();
        let (_, wrapped) = root.new_backup_key(id)?;
        let description = Description {
            format: FORMAT,
            id,
            made_at: env.now(),
            root_key: root.fingerprint(),
            wrapped_key: hex::encode(&wrapped.0),
        };
        let dir = folder(out, id);
        fs::DirBuilder::new().recursive(true).create(out).map_err(|e| at(out, &e))?;
        let mut builder = fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700).create(&dir).map_err(|e| at(&dir, &e))?;
        let text = serde_json::to_vec_pretty(&description).map_err(Error::internal)?;
        write_file(&dir.join(DESCRIPTION), &text)?;
        write_file(&dir.join(CODE), hex::encode(root.manifest_code(&text)?).as_bytes())?;
        write_file(&dir.join(ROOT), &read(&keys.root)?)?;
        sync(&dir)?;
        sync(out)?;
        let archive = Self::open(out, id, &root)?;
        write_file(&id_file(home), id.to_string().as_bytes())?;
        cluster.begin_spool()?;
        Ok(archive)
    }

    /// Opens an archive that is there.
    ///
    /// # Errors
    /// [`Error::Unavailable`], naming the file that is missing, changed, or another root key's.
    pub fn open(out: &Path, id: Uuid, root: &RootKey) -> Result<Self> {
        let (dir, said) = (folder(out, id), described(out, id, root)?);
        let key = root.open_backup_key_beside(id, &said.wrapped(&dir)?, &dir.join(ROOT))?;
        Ok(Self { dir, id, key })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Takes every whole file out of the folder beside the data: encrypted, written, read back, and removed there.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; what was not taken stays where it is. A name under which the archive holds something else
    /// is refused: two servers must not fill one archive.
    pub fn take(&self, spool: &Path) -> Result<Taken> {
        let mut taken = Taken::default();
        for name in names(spool, "")? {
            let path = spool.join(&name);
            let clear = read(&path)?;
            self.put(&name, &clear)?;
            fs::remove_file(&path).map_err(|e| at(&path, &e))?;
            taken.files += 1;
            taken.bytes += clear.len() as u64;
        }
        Ok(taken)
    }

    fn put(&self, name: &str, clear: &[u8]) -> Result<()> {
        let path = self.dir.join(format!("{name}{END}"));
        if path.exists() {
            return if self.get(name)? == clear {
                Ok(())
            } else {
                Err(Error::Unavailable(format!(
                    "{} holds something else than this server's file of that name: does another server fill it?",
                    path.display()
                )))
            };
        }
        let half = self.dir.join(format!(".{name}.half"));
        fs::remove_file(&half)
            .or_else(|e| if e.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(at(&half, &e)) })?;
        let file = create(&half)?;
        let mut recipient = age::scrypt::Recipient::new(passphrase(&self.key));
        recipient.set_work_factor(2);
        let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
            .map_err(Error::internal)?;
        let failed = |e: std::io::Error| at(&half, &e);
        let mut cipher = encryptor.wrap_output(file).map_err(failed)?;
        cipher.write_all(self.head(name, clear).as_bytes()).map_err(failed)?;
        cipher.write_all(&gzip("-c", clear)?).map_err(failed)?;
        cipher.finish().and_then(|file| file.sync_all()).map_err(failed)?;
        if self.decode(&half, name)? != clear {
            return Err(Error::Unavailable(format!("{} does not read back as it was written", half.display())));
        }
        fs::rename(&half, &path).map_err(|e| at(&path, &e))?;
        sync(&self.dir)
    }

    /// First line of the clear text: which file of which archive, and what it must give.
    fn head(&self, name: &str, clear: &[u8]) -> String {
        format!("{MAGIC} {} {name} {} {}\n", self.id, clear.len(), hex::encode(sha256(&[clear])))
    }

    /// A file of the log in clear.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it is missing, changed, or was another file.
    pub fn get(&self, name: &str) -> Result<Vec<u8>> {
        self.decode(&self.dir.join(format!("{name}{END}")), name)
    }

    fn decode(&self, path: &Path, name: &str) -> Result<Vec<u8>> {
        let sealed = read(path)?;
        let mut identity = age::scrypt::Identity::new(passphrase(&self.key));
        identity.set_max_work_factor(2);
        let decryptor = age::Decryptor::new_buffered(&sealed[..]).map_err(|_| changed(path))?;
        let mut reader =
            decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map_err(|_| changed(path))?;
        let mut text = Vec::new();
        reader.read_to_end(&mut text).map_err(|_| changed(path))?;
        let end = text.iter().position(|byte| *byte == b'\n').ok_or_else(|| changed(path))?;
        let clear = gzip("-dc", &text[end + 1..])?;
        if text[..=end] == *self.head(name, &clear).as_bytes() { Ok(clear) } else { Err(changed(path)) }
    }

    /// Lays files in clear into a folder: all from this place of the log on, and what else a recovery asks for.
    ///
    /// # Errors
    /// As [`Archive::get`].
    pub fn lay(&self, start_lsn: &str, to: &Path) -> Result<()> {
        let from = segment_of(start_lsn)?;
        for name in self.names()?.iter().filter(|name| segment(name).is_none_or(|n| n >= from)) {
            write_file(&to.join(name), &self.get(name)?)?;
        }
        Ok(())
    }

    /// The files of the log that are here.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the folder cannot be read.
    pub fn names(&self) -> Result<Vec<String>> {
        names(&self.dir, END)
    }

    /// How far a recovery from this place gets: the last file of the unbroken sequence that begins there, and when it
    /// was written. `None` when the first one is missing.
    ///
    /// # Errors
    /// As [`Archive::names`].
    pub fn reach(&self, stop_lsn: &str, timeline: u32) -> Result<Option<(String, OffsetDateTime)>> {
        let (mut next, mut last) = (segment_of(stop_lsn)?, None);
        for name in self.names()?.iter().filter(|n| n.starts_with(&format!("{timeline:08X}"))) {
            match segment(name) {
                Some(n) if n == next => (next, last) = (next + 1, Some(name.clone())),
                _ => {}
            }
        }
        let Some(name) = last else { return Ok(None) };
        let path = self.dir.join(format!("{name}{END}"));
        let written = fs::metadata(&path).and_then(|m| m.modified()).map_err(|e| at(&path, &e))?;
        Ok(Some((name, written.into())))
    }

    /// Removes the files that no backup from this place on needs; how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when one cannot be removed.
    pub fn prune(&self, start_lsn: &str) -> Result<u64> {
        let from = segment_of(start_lsn)?;
        let mut removed = 0;
        for name in self.names()?.iter().filter(|name| segment(name).is_some_and(|n| n < from)) {
            let path = self.dir.join(format!("{name}{END}"));
            fs::remove_file(&path).map_err(|e| at(&path, &e))?;
            removed += 1;
        }
        Ok(removed)
    }
}

/// The number of a file of the log within its timeline, from its name of 24 digits; those of other files have none.
fn segment(name: &str) -> Option<u64> {
    let digits = name.get(..24).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let (log, part) = (u64::from_str_radix(&digits[8..16], 16).ok()?, u64::from_str_radix(&digits[16..], 16).ok()?);
    Some(log * (1 << 32) / SEGMENT + part)
}

/// The number of the file that holds a place such as `0/3000028`.
fn segment_of(lsn: &str) -> Result<u64> {
    let parsed = || {
        let (high, low) = lsn.split_once('/')?;
        let (high, low) = (u64::from_str_radix(high, 16).ok()?, u64::from_str_radix(low, 16).ok()?);
        Some(((high << 32) + low) / SEGMENT)
    };
    parsed().ok_or_else(|| Error::Unavailable(format!("{lsn:?} is no place in a write-ahead log")))
}

/// Names in a folder that end so, in order, without hidden and unfinished ones.
fn names(dir: &Path, end: &str) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).map_err(|e| at(dir, &e))? {
        let name = entry.map_err(|e| at(dir, &e))?.file_name().to_string_lossy().into_owned();
        let half = name.rsplit_once('.').is_some_and(|(_, last)| last == "part");
        let whole = name.strip_suffix(end).filter(|n| !n.starts_with('.') && !half);
        // A name of PostgreSQL's begins with a number of eight digits: what else lies there is none of ours.
        all.extend(
            whole.filter(|n| n.len() >= 8 && n.bytes().take(8).all(|b| b.is_ascii_hexdigit())).map(str::to_owned),
        );
    }
    all.sort_unstable();
    Ok(all)
}

/// Passes bytes through gzip.
fn gzip(how: &str, input: &[u8]) -> Result<Vec<u8>> {
    let failed = |e: std::io::Error| Error::Unavailable(format!("gzip cannot be run: {e}"));
    let mut command = Command::new("gzip");
    command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin").args(["-1", "-n", how]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(failed)?;
    let (Some(mut pipe), Some(out)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Error::internal("gzip without pipes"));
    };
    let output = thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut bytes = Vec::new();
            out.take(MAX).read_to_end(&mut bytes).map(|_| bytes)
        });
        // A gzip that ended early is told by its status.
        let fed = pipe.write_all(input);
        drop(pipe);
        reader.join().map_err(|_| Error::internal("gzip's reader ended"))?.and_then(|b| fed.map(|()| b)).map_err(failed)
    });
    let status = child.wait().map_err(failed)?;
    match output {
        Ok(bytes) if status.success() => Ok(bytes),
        Err(e) if status.success() => Err(e),
        _ => Err(Error::Unavailable("gzip does not read its input: it was changed".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_log_are_counted_through() {
        assert_eq!(segment("0000000100000000000000FF").unwrap() + 1, segment("000000010000000100000000").unwrap());
        assert_eq!(segment_of("0/3000028").unwrap(), segment("000000010000000000000003").unwrap());
        assert_eq!(segment_of("2/FF000000").unwrap(), segment("0000000200000002000000FF").unwrap());
        assert!(segment("00000002.history").is_none() && segment_of("3").is_err() && segment_of("/").is_err());
    }

    #[test]
    fn a_file_is_taken_once_and_opens_only_under_its_name() {
        let home = std::env::temp_dir().join(format!("salus-wal-{}", std::process::id()));
        let dir = home.join("wal-x");
        let spool = home.join("spool");
        fs::create_dir_all(&dir).unwrap();
        fs::create_dir_all(&spool).unwrap();
        let archive = Archive { dir: dir.clone(), id: Uuid::nil(), key: Secret::new([7; 32]) };
        let (first, second) = ("000000010000000000000001", "000000010000000000000002");
        let clear: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
        fs::write(spool.join(first), &clear).unwrap();
        fs::write(spool.join("000000010000000000000002.part"), b"half").unwrap();
        assert_eq!(archive.take(&spool).unwrap(), Taken { files: 1, bytes: 3_000_000 });
        assert_eq!(names(&spool, "").unwrap(), Vec::<String>::new());
        assert_eq!(archive.names().unwrap(), [first]);
        assert!(archive.get(first).unwrap() == clear);
        let sealed = fs::read(dir.join(format!("{first}{END}"))).unwrap();
        assert!(sealed.len() < 200_000 && sealed.starts_with(b"age-encryption.org/v1\n"));
        // The same again is nothing new; another content under the same name is refused and stays.
        fs::write(spool.join(first), &clear).unwrap();
        assert_eq!(archive.take(&spool).unwrap().files, 1);
        fs::write(spool.join(first), b"other").unwrap();
        assert!(archive.take(&spool).unwrap_err().to_string().contains("another server"));
        assert!(spool.join(first).exists());
        // Under another name, changed, or cut, it does not open.
        fs::write(dir.join(format!("{second}{END}")), &sealed).unwrap();
        assert!(archive.get(second).is_err());
        for changed in [&sealed[..sealed.len() - 1], &[&sealed[..900], b"x", &sealed[901..]].concat()] {
            fs::write(dir.join(format!("{first}{END}")), changed).unwrap();
            assert!(archive.get(first).is_err());
        }
        fs::remove_dir_all(&home).unwrap();
    }
}
