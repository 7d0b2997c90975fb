//! Reading a backup: nothing of it is believed before the root key has confirmed the manifest, and no file before it
//! is the one the manifest names. Every refusal names the file and comes before anything is written.

use super::{
    Archive, BASE, CODE, FORMAT, Label, MANIFEST, Manifest, Meter, PgBackRest, Print, ROOT, at, changed, passphrase,
    pgbackrest, read,
};
use crate::{
    cluster::{Recovery, Until, recovered, unpack, unpack_laid},
    migrate::Files,
    seal::{RootFile, RootKey, Secret},
};
use salus_core::{Error, Result};
use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};
use time::OffsetDateTime;

/// A backup whose manifest is confirmed.
pub struct Backup {
    dir: PathBuf,
    manifest: Manifest,
    /// None where pgBackRest has the archive.
    key: Option<Secret>,
    root: Arc<RootKey>,
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
            Some(root.open_backup_key(manifest.id, &wrapped)?)
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
        self.verify_files()?;
        let failed = |e: io::Error| Error::Unavailable(format!("tar cannot be run: {e}"));
        let mut command = Command::new("tar");
        command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin").args(["-t", "-z", "-f", "-"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(failed)?;
        let (Some(mut pipe), Some(mut out)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::internal("tar without pipes"));
        };
        let list = std::thread::spawn(move || {
            let mut text = String::new();
            out.read_to_string(&mut text).map(|_| text)
        });
        let fed = self.decrypt(&mut pipe);
        drop(pipe);
        let status = child.wait().map_err(failed)?;
        let list = list.join().ok().and_then(io::Result::ok).unwrap_or_default();
        fed?;
        let holds = |name: &str| list.lines().any(|line| line.trim_start_matches("./") == name);
        match ["backup_label", "backup_manifest", "global/pg_control", "PG_VERSION"].iter().find(|n| !holds(n)) {
            Some(name) => Err(Error::Unavailable(format!("the archive in {BASE} holds no {name}"))),
            None if status.success() => Ok(()),
            None => Err(Error::Unavailable(format!("the archive in {BASE} cannot be read by tar"))),
        }
    }

    /// Whether every file is the one that was written.
    fn verify_files(&self) -> Result<()> {
        for (name, print) in &self.manifest.files {
            let path = self.dir.join(name);
            let mut file = File::open(&path).map_err(|e| at(&path, &e))?;
            let mut meter = Meter::new(io::sink());
            let bytes = io::copy(&mut file, &mut meter).map_err(|e| at(&path, &e))?;
            if bytes != print.bytes {
                return Err(Error::Unavailable(format!(
                    "{} has {bytes} bytes and was written with {}: it was cut or changed",
                    path.display(),
                    print.bytes
                )));
            }
            if meter.finish().1 != *print {
                return Err(changed(&path));
            }
        }
        Ok(())
    }

    /// Writes the clear archive into `to`, and compares it with the manifest.
    fn decrypt(&self, to: &mut dyn Write) -> Result<()> {
        let path = self.dir.join(BASE);
        let key = self.key.as_ref().ok_or_else(|| Error::internal("an archive of pgBackRest was asked for here"))?;
        let file = BufReader::new(File::open(&path).map_err(|e| at(&path, &e))?);
        let mut identity = age::scrypt::Identity::new(passphrase(key));
        identity.set_max_work_factor(2);
        let decryptor = age::Decryptor::new_buffered(file).map_err(|_| changed(&path))?;
        let mut clear =
            decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map_err(|_| changed(&path))?;
        let mut meter = Meter::new(to);
        io::copy(&mut clear, &mut meter).map_err(|e| match e.kind() {
            io::ErrorKind::BrokenPipe => {
                Error::Unavailable("tar ended before the archive did: is the disk full?".into())
            }
            _ => at(&path, &e),
        })?;
        meter.flush().map_err(|e| at(&path, &e))?;
        if meter.finish().1 == self.manifest.archive { Ok(()) } else { Err(changed(&path)) }
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
        let newest = Files::embedded()?.newest();
        let Manifest { source, .. } = &self.manifest;
        if source.schema > newest {
            return Err(Error::Unavailable(format!(
                "the backup has schema {}, and this program knows {newest}: use Salus {} or newer",
                source.schema, self.manifest.program
            )));
        }
        refuse_filled(home)?;
        let made = match &self.manifest.pgbackrest {
            Some(label) => self.lay(home, to, label, pgbackrest_config),
            None => self.unpack(home, to),
        };
        let made = made.and_then(|()| RootFile::at(home, None).put(&read(&self.dir.join(ROOT))?));
        if made.is_err() {
            for part in ["cluster", "log", "keys"] {
                fs::remove_dir_all(home.join(part)).ok();
            }
        }
        made
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
        unpack(home, (source.postgres / 10_000, &recovery), |pipe| self.decrypt(pipe), lay)
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

fn parse(dir: &Path) -> Result<(Manifest, Vec<u8>)> {
    let path = dir.join(MANIFEST);
    let text = read(&path)?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|e| Error::Unavailable(format!("{} is not a backup's manifest: {e}", path.display())))?;
    // What is read and written by name is never outside the directory.
    let elsewhere = manifest.pgbackrest.is_some();
    let names: &[&str] = if elsewhere { &[ROOT] } else { &[BASE, ROOT] };
    let known = manifest.files.len() == names.len() && names.iter().all(|name| manifest.files.contains_key(*name));
    match manifest.format {
        FORMAT if known && !elsewhere => Ok((manifest, text)),
        pgbackrest::FORMAT if known && elsewhere => Ok((manifest, text)),
        FORMAT | pgbackrest::FORMAT => Err(changed(&path)),
        other => Err(Error::Unavailable(format!(
            "{} has format {other}: this program reads {FORMAT} and {}",
            path.display(),
            pgbackrest::FORMAT
        ))),
    }
}
