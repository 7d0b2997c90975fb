//! Reading a backup: nothing of it is believed before the root key has confirmed the manifest, and no file before it
//! is the one the manifest names. Every refusal names the file and comes before anything is written.

use super::{
    Archive, BASE, BASE_GZIP, CODE, DUMP, FORMAT, FORMAT_GZIP, FORMAT_LOGICAL, Kind, Label, MANIFEST, Manifest, Meter,
    OPERATOR, PgBackRest, Print, ROOT, at, changed, passphrase, pgbackrest, read,
};
use crate::{
    cluster::{AT_ONCE, Recovery, Until, recovered, unpack, unpack_laid, widen},
    migrate::Files,
    seal::{RootFile, RootKey, Secret},
};
use age::{secrecy::ExposeSecret as _, x25519};
use salus_core::{Error, Result};
use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};
use time::OffsetDateTime;

/// A backup whose manifest is confirmed.
pub struct Backup {
    pub(super) dir: PathBuf,
    pub(super) manifest: Manifest,
    /// None where pgBackRest has the archive.
    key: Option<Secret>,
    root: Arc<RootKey>,
}

/// The archive's file, and what tar must be told to read what is in it.
struct Base {
    name: &'static str,
    tar: Option<&'static str>,
}

/// Up to which moment a restore goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// The end of the backup: nothing but its own files is needed.
    Backup,
    /// This moment: the last change that was committed before it.
    Time(OffsetDateTime),
    /// The end of the archived log.
    Latest,
}

impl Backup {
    /// Opens a backup with the text of an identity that opens its root key.
    ///
    /// # Errors
    /// [`Error::Unavailable`], naming the file that is missing or changed, or saying that the identity is another.
    pub fn open(dir: &Path, identity: &str) -> Result<Self> {
        let sealed = read(&dir.join(ROOT))?;
        let (manifest, _) = parse(dir)?;
        if manifest.files.get(ROOT) != Some(&Print::of(&sealed)) {
            return Err(changed(&dir.join(ROOT)));
        }
        let root = RootFile::unlock_with(&sealed, identity).map_err(|e| match e {
            Error::Unavailable(why) => Error::Unavailable(format!("{}: {why}", dir.join(ROOT).display())),
            other => other,
        })?;
        Self::open_as(dir, &Arc::new(root))
    }

    /// Tries to open a backup with an identity that has nothing to do with it, and tells how long it took to be refused.
    ///
    /// # Errors
    /// [`Error::Internal`] when it is opened.
    pub fn refuse_stranger(dir: &Path) -> Result<Duration> {
        let (began, stranger) = (Instant::now(), x25519::Identity::generate());
        match Self::open(dir, stranger.to_string().expose_secret()) {
            Err(_) => Ok(began.elapsed()),
            Ok(_) => Err(Error::internal("a backup was opened by an identity that has nothing to do with it")),
        }
    }

    /// Opens a backup with the root key itself.
    ///
    /// # Errors
    /// As [`Backup::open`].
    pub fn open_as(dir: &Path, root: &Arc<RootKey>) -> Result<Self> {
        let (manifest, text) = parse(dir)?;
        let code = read(&dir.join(CODE))?;
        let code = std::str::from_utf8(&code).ok().and_then(|text| hex::decode(text.trim()).ok());
        let right = root.manifest_code(&text)?;
        if code.is_none_or(|code| aws_lc_rs::constant_time::verify_slices_are_equal(&code, &right).is_err()) {
            return Err(Error::Unavailable(format!(
                "{} and {} do not belong together, or not to this root key: one of them was changed",
                dir.join(MANIFEST).display(),
                dir.join(CODE).display()
            )));
        }
        let key = if manifest.pgbackrest.is_some() {
            None
        } else {
            let wrapped = hex::decode(&manifest.wrapped_key).map_err(|_| changed(&dir.join(MANIFEST)))?;
            Some(root.open_backup_key_beside(manifest.id, &wrapped, &dir.join(ROOT))?)
        };
        Ok(Self { dir: dir.to_owned(), manifest, key, root: Arc::clone(root) })
    }

    /// What the backup says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Reads every file, decrypts the archive and lists it, and compares all with the manifest.
    ///
    /// # Errors
    /// [`Error::Unavailable`] naming the first file that differs.
    pub fn verify(&self) -> Result<()> {
        let base = self.base()?;
        for (name, print) in self.manifest.files.iter().filter(|(name, _)| *name != base.name) {
            self.verify_file(name, print)?;
        }
        if self.manifest.kind == Kind::Logical {
            return self.verify_dump();
        }
        let failed = |e: io::Error| Error::Unavailable(format!("tar cannot be run: {e}"));
        let mut command = Command::new("tar");
        command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin").args(["-t", "-f", "-"]);
        command.args(AT_ONCE).args(base.tar);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(failed)?;
        let (Some(mut pipe), Some(mut out)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::internal("tar without pipes"));
        };
        let list = thread::spawn(move || {
            let mut text = String::new();
            out.read_to_string(&mut text).map(|_| text)
        });
        widen(&pipe);
        let fed = self.decrypt(&mut pipe);
        drop(pipe);
        let status = child.wait().map_err(failed)?;
        let list = list.join().ok().and_then(io::Result::ok).unwrap_or_default();
        fed?;
        let holds = |name: &str| list.lines().any(|line| line.trim_start_matches("./") == name);
        match ["backup_label", "backup_manifest", "global/pg_control", "PG_VERSION"].iter().find(|n| !holds(n)) {
            Some(name) => Err(Error::Unavailable(format!("the archive in {} holds no {name}", base.name))),
            None if status.success() => Ok(()),
            None => Err(Error::Unavailable(format!("the archive in {} cannot be read by tar", base.name))),
        }
    }

    /// Whether every file is the one that was written.
    pub(super) fn verify_files(&self) -> Result<()> {
        self.manifest.files.iter().try_for_each(|(name, print)| self.verify_file(name, print))
    }

    pub(super) fn verify_file(&self, name: &str, print: &Print) -> Result<()> {
        let path = self.dir.join(name);
        let mut file = whole(&path, print)?;
        let mut meter = Meter::new(io::sink());
        io::copy(&mut file, &mut meter).map_err(|e| at(&path, &e))?;
        if meter.finish().1 == *print { Ok(()) } else { Err(changed(&path)) }
    }

    /// How the archive lies here.
    fn base(&self) -> Result<Base> {
        match self.manifest.format {
            FORMAT => Ok(Base { name: BASE, tar: None }),
            FORMAT_LOGICAL => Ok(Base { name: DUMP, tar: None }),
            FORMAT_GZIP => Ok(Base { name: BASE_GZIP, tar: Some("-z") }),
            _ => Err(Error::internal("an archive of pgBackRest was asked for here")),
        }
    }

    /// Writes the archive into `to` as tar or `pg_restore` takes it, and compares it and its file with the manifest. One thread reads
    /// and opens, this one unpacks what is open.
    pub(super) fn decrypt(&self, to: &mut dyn Write) -> Result<()> {
        let base = self.base()?;
        let path = self.dir.join(base.name);
        let (Some(key), Some(print)) = (&self.key, self.manifest.files.get(base.name)) else {
            return Err(Error::internal("a backup without its archive"));
        };
        let unpacked: Box<dyn Write + '_> = match base.tar {
            Some(_) => Box::new(to),
            None => Box::new(zstd::stream::write::Decoder::new(to).map_err(|e| at(&path, &e))?),
        };
        let mut meter = Meter::new(unpacked);
        let (give, parts) = mpsc::sync_channel(AHEAD);
        let (passed, sealed) = thread::scope(|scope| {
            // What gives ends with its thread, and so does what is taken.
            let opening = scope.spawn(|| {
                let give = give;
                open(&path, (key, print), &give)
            });
            let passed = pass(parts, &mut meter);
            (passed, opening.join())
        });
        passed.map_err(|e| match e.kind() {
            io::ErrorKind::BrokenPipe => {
                Error::Unavailable("what unpacks the archive ended before it: is the disk full?".into())
            }
            _ => at(&path, &e),
        })?;
        let sealed = sealed.map_err(|_| Error::internal("reading a backup ended without an answer"))??;
        let same = meter.finish().1 == self.manifest.archive && sealed == *print;
        if same { Ok(()) } else { Err(changed(&path)) }
    }

    /// The archive of the log that goes on from this backup, from beside it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is none, or it is not what it was.
    pub fn archive(&self) -> Result<Archive> {
        let Some(id) = self.manifest.wal else {
            return Err(Error::Unavailable(format!(
                "{} has no archive of the write-ahead log: it comes back as of its end only (set backup_dir)",
                self.dir.display()
            )));
        };
        let beside = std::path::absolute(&self.dir).map_err(Error::internal)?;
        Archive::open(beside.parent().unwrap_or(Path::new("/")), id, &self.root)
    }

    /// Makes a cluster and its encrypted root key in `home`, which must be empty or missing. The cluster is not
    /// started, and no identity is put beside it. When it was started, call [`Backup::restored`]. The third is the file of
    /// pgBackRest's settings, for a backup that it has.
    ///
    /// # Errors
    /// [`Error::Unavailable`] before anything is written: a schema newer than this program, a file that is missing or
    /// changed, a filled directory. [`Error::Unavailable`] later, after which `home` is empty again.
    pub fn restore(&self, home: &Path, to: To, pgbackrest_config: Option<&Path>) -> Result<()> {
        self.refuse_newer()?;
        refuse_filled(home)?;
        let made = match &self.manifest.pgbackrest {
            Some(label) => self.lay(home, to, label, pgbackrest_config),
            None => self.unpack(home, to),
        };
        let made = made.and_then(|()| self.put_keys(home));
        if made.is_err() {
            Self::clear(home);
        }
        made
    }

    /// Refuses a schema that this program does not know.
    pub(super) fn refuse_newer(&self) -> Result<()> {
        let (Manifest { source, program, .. }, newest) = (&self.manifest, Files::embedded()?.newest());
        if source.schema <= newest {
            return Ok(());
        }
        Err(Error::Unavailable(format!(
            "the backup has schema {}, and this program knows {newest}: use Salus {program} or newer",
            source.schema
        )))
    }

    /// Puts the encrypted root key into a new data directory.
    pub(super) fn put_keys(&self, home: &Path) -> Result<()> {
        RootFile::at(home, None).put(&read(&self.dir.join(ROOT))?)
    }

    /// Removes what a restore that failed made in a directory that was empty before.
    pub fn clear(home: &Path) {
        for part in ["cluster", "log", "keys"] {
            fs::remove_dir_all(home.join(part)).ok();
        }
    }

    /// The data directory out of pgBackRest's repository.
    fn lay(&self, home: &Path, to: To, Label { stanza, label }: &Label, config: Option<&Path>) -> Result<()> {
        let until = match to {
            To::Backup => Until::Consistent,
            To::Time(time) => Until::Time(self.reachable(time)?),
            To::Latest => Until::End,
        };
        self.verify_files()?;
        let tool = PgBackRest::new(home, stanza, config)?;
        if tool.info()?.backup(label).is_none() {
            return Err(Error::Unavailable(format!(
                "{} belongs to backup {label}, which pgBackRest does not hold any more",
                self.dir.display()
            )));
        }
        unpack_laid(
            home,
            self.manifest.source.postgres / 10_000,
            |data| tool.lay(label, data),
            |data| Recovery::Fetched(tool.fetch(data), until),
        )
    }

    /// The data directory out of our own archive.
    fn unpack(&self, home: &Path, to: To) -> Result<()> {
        let source = &self.manifest.source;
        let (recovery, archive) = match to {
            To::Backup => (Recovery::Base, None),
            To::Time(time) => (Recovery::Log(Some(self.reachable(time)?)), Some(self.archive()?)),
            To::Latest => (Recovery::Log(None), Some(self.archive()?)),
        };
        self.verify_files()?;
        let lay = |wal: &Path| archive.as_ref().map_or(Ok(()), |a| a.lay(&self.manifest.start_lsn, wal));
        unpack(home, (source.postgres / 10_000, &recovery), (self.base()?.tar, |pipe| self.decrypt(pipe)), lay)
    }

    /// Refuses a time before the end of the backup: it holds what was written until then, and nothing of the order.
    fn reachable(&self, time: OffsetDateTime) -> Result<OffsetDateTime> {
        let end = self.manifest.ended_at;
        if time >= end {
            return Ok(time);
        }
        Err(Error::Unavailable(format!("{time} is before the end of this backup, {end}: take an earlier backup")))
    }

    /// Removes what the recovery of `home` needed, after its cluster was started once.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it cannot be removed.
    pub fn restored(home: &Path) -> Result<()> {
        recovered(home)
    }
}

/// Refuses a directory that holds anything.
///
/// # Errors
/// [`Error::Unavailable`] naming it.
pub fn refuse_filled(home: &Path) -> Result<()> {
    let entries = match fs::read_dir(home) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|e| at(home, &e))?,
    };
    match entries.into_iter().next() {
        None => Ok(()),
        Some(_) => Err(Error::Unavailable(format!(
            "{} is not empty: a backup is restored into a new or empty directory only",
            home.display()
        ))),
    }
}

/// Opens a file that has the length it was written with.
fn whole(path: &Path, print: &Print) -> Result<File> {
    let file = File::open(path).map_err(|e| at(path, &e))?;
    let bytes = file.metadata().map_err(|e| at(path, &e))?.len();
    if bytes == print.bytes {
        return Ok(file);
    }
    Err(Error::Unavailable(format!(
        "{} has {bytes} bytes and was written with {}: it was cut or changed",
        path.display(),
        print.bytes
    )))
}

/// Parts of an archive that may wait to be unpacked, and the bytes of each.
const AHEAD: usize = 4;
const PART: usize = 256 * 1024;

/// Unpacks what comes. When it fails, nothing more is taken, and who gives notices.
fn pass(parts: mpsc::Receiver<Vec<u8>>, to: &mut impl Write) -> io::Result<()> {
    for part in parts {
        to.write_all(&part)?;
    }
    to.flush()
}

/// Opens the file of an archive and gives it away part by part; the digest of all of the file.
fn open(path: &Path, (key, print): (&Secret, &Print), give: &mpsc::SyncSender<Vec<u8>>) -> Result<Print> {
    let mut file = BufReader::new(Meter::new(whole(path, print)?));
    let mut identity = age::scrypt::Identity::new(passphrase(key));
    identity.set_max_work_factor(2);
    let decryptor = age::Decryptor::new_buffered(&mut file).map_err(|_| changed(path))?;
    let mut clear = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map_err(|_| changed(path))?;
    loop {
        let mut part = Vec::with_capacity(PART);
        clear.by_ref().take(PART as u64).read_to_end(&mut part).map_err(|e| at(path, &e))?;
        // Nobody takes it any more: what unpacks says why.
        if part.is_empty() || give.send(part).is_err() {
            break;
        }
    }
    drop(clear);
    // What lies behind the last block belongs to the file too.
    io::copy(&mut file, &mut io::sink()).map_err(|e| at(path, &e))?;
    Ok(file.into_inner().finish().1)
}

fn parse(dir: &Path) -> Result<(Manifest, Vec<u8>)> {
    let path = dir.join(MANIFEST);
    let text = read(&path)?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|e| Error::Unavailable(format!("{} is not a backup's manifest: {e}", path.display())))?;
    // What is read and written by name is never outside the directory.
    let names: &[&str] = match manifest.format {
        FORMAT => &[BASE, ROOT],
        FORMAT_LOGICAL => &[DUMP, ROOT],
        FORMAT_GZIP => &[BASE_GZIP, ROOT],
        pgbackrest::FORMAT => &[ROOT],
        other => {
            return Err(Error::Unavailable(format!(
                "{} has format {other}: this program reads {FORMAT_GZIP} to {FORMAT_LOGICAL}",
                path.display()
            )));
        }
    };
    let belongs = |name: &str| names.contains(&name) || name == OPERATOR;
    let known =
        manifest.files.keys().all(|name| belongs(name)) && names.iter().all(|n| manifest.files.contains_key(*n));
    let elsewhere = (manifest.format == pgbackrest::FORMAT) == manifest.pgbackrest.is_some();
    let logical = (manifest.format == FORMAT_LOGICAL) == (manifest.kind == Kind::Logical);
    if known && elsewhere && logical { Ok((manifest, text)) } else { Err(changed(&path)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::Source;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    /// A backup as programs wrote it whose archive was `pg_basebackup`'s own gzip.
    fn of_format_1(dir: &Path, root: &RootKey) {
        let files = dir.with_extension("files");
        fs::create_dir_all(files.join("global")).unwrap();
        for name in ["backup_label", "backup_manifest", "global/pg_control", "PG_VERSION"] {
            fs::write(files.join(name), name).unwrap();
        }
        let tar = Command::new("tar").args(["-c", "-z", "-f", "-", "-C"]).arg(&files).arg(".").output().unwrap();
        fs::create_dir_all(dir).unwrap();
        let id = Uuid::from_u128(7);
        let (key, wrapped) = root.new_backup_key(id).unwrap();
        let mut recipient = age::scrypt::Recipient::new(passphrase(&key));
        recipient.set_work_factor(2);
        let recipients = std::iter::once(&recipient as &dyn age::Recipient);
        let mut sealed = Vec::new();
        let mut cipher = age::Encryptor::with_recipients(recipients).unwrap().wrap_output(&mut sealed).unwrap();
        cipher.write_all(&tar.stdout).unwrap();
        cipher.finish().unwrap();
        let manifest = Manifest {
            format: 1,
            kind: Kind::Base,
            id,
            began_at: OffsetDateTime::UNIX_EPOCH,
            ended_at: OffsetDateTime::UNIX_EPOCH,
            program: "0.1.0".into(),
            source: Source { postgres: 150_018, system_identifier: "1".into(), schema: 1, migrations: Vec::new() },
            start_lsn: "0/1".into(),
            stop_lsn: "0/2".into(),
            wal: None,
            pgbackrest: None,
            timeline: 1,
            root_key: root.fingerprint(),
            wrapped_key: hex::encode(&wrapped.0),
            archive: Print::of(&tar.stdout),
            files: BTreeMap::from([
                ("base.tar.gz.age".into(), Print::of(&sealed)),
                ("root.age".into(), Print::of(b"root")),
            ]),
            rows: BTreeMap::new(),
            changing: Vec::new(),
        };
        let text = serde_json::to_vec(&manifest).unwrap();
        fs::write(dir.join("base.tar.gz.age"), sealed).unwrap();
        fs::write(dir.join("root.age"), b"root").unwrap();
        fs::write(dir.join("manifest.mac"), hex::encode(root.manifest_code(&text).unwrap())).unwrap();
        fs::write(dir.join("manifest.json"), text).unwrap();
        fs::remove_dir_all(&files).unwrap();
    }

    #[test]
    fn a_backup_of_the_first_format_is_still_read() {
        let dir = std::env::temp_dir().join(format!("salus-format-1-{}", std::process::id()));
        let root = Arc::new(RootKey::ephemeral().unwrap());
        of_format_1(&dir, &root);
        let backup = Backup::open_as(&dir, &root).unwrap();
        backup.verify().unwrap();
        let mut archive = Vec::new();
        backup.decrypt(&mut archive).unwrap();
        assert!(archive.starts_with(&[0x1f, 0x8b]), "tar is given the gzip as it is, and told so");
        assert_eq!(backup.base().unwrap().tar, Some("-z"));
        let path = dir.join("base.tar.gz.age");
        let mut sealed = fs::read(&path).unwrap();
        sealed.push(0);
        fs::write(&path, &sealed).unwrap();
        assert!(backup.verify().unwrap_err().to_string().contains("was cut or changed"));
        sealed.pop();
        *sealed.last_mut().unwrap() ^= 1;
        fs::write(&path, &sealed).unwrap();
        assert!(backup.verify().is_err(), "one bit of the last block");
        fs::remove_dir_all(&dir).unwrap();
    }
}
