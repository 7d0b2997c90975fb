//! Taking a backup: the archive passes through memory only, from `pg_basebackup` into the cipher. The directory has a
//! name that begins with a dot until everything was written, synced, read back and found the same.

use super::{
    BASE, Backup, CODE, FORMAT, Kind, MANIFEST, Manifest, Meter, OPERATOR, Print, ROOT, Source, at, count_rows, create,
    failed, passphrase, split_counts, sync, write_file,
};
use crate::{
    cluster::Cluster,
    fault_point,
    seal::{RootFile, RootKey, Secret},
};
use salus_core::{Env, Error, Result};
use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder},
    io::{self, BufReader, Read},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    thread,
};
use time::{OffsetDateTime, macros::format_description};
use tokio_postgres::Client;
use uuid::Uuid;

/// Of zstd. What fills a database of ours is sealed, and no level makes it smaller.
const LEVEL: i32 = 1;
/// Bytes that are taken from `pg_basebackup` at a time: what a pipe holds.
const PIPE: usize = 64 * 1024;

/// Takes a backup of this cluster into a new directory below `out` and returns its path. `client` is a connection to
/// it as its administrator, `wal` the archive of its log, which lies below `out` too.
///
/// # Errors
/// [`Error::Unavailable`] in words that say what failed; then nothing is left below `out`.
pub async fn write(
    cluster: &Cluster,
    client: &Client,
    keys: &RootFile,
    (out, wal): (&Path, Option<Uuid>),
    env: &Env,
) -> Result<(PathBuf, Manifest)> {
    let draft = Draft::begin(keys, out, env)?;
    let source = Source::read(client).await?;
    // Keeps the log that the archive needs from being recycled; gone with this connection, however it ends.
    let slot = format!("salus_backup_{}", draft.id.simple());
    let sql = "SELECT pg_create_physical_replication_slot($1, true, true)";
    client.execute(sql, &[&slot]).await.map_err(|e| failed(&e))?;
    fault_point!("backup.slot_made");
    let rows = count_rows(client).await?;
    let (half, whole) = (draft.half.clone(), draft.whole.clone());
    let manifest = Manifest { wal, rows, ..draft.manifest(source) };
    let done = draft.making(keys).whole((dump_command(cluster), manifest), client, env).await.and_then(|manifest| {
        name(&half, &whole, out)?;
        Ok(manifest)
    });
    if done.is_err() {
        fs::remove_dir_all(&half).ok();
    }
    client.execute("SELECT pg_drop_replication_slot($1)", &[&slot]).await.ok();
    done.map(|manifest| (whole, manifest))
}

/// Gives what is whole its name.
pub(super) fn name(half: &Path, whole: &Path, out: &Path) -> Result<()> {
    fault_point!("backup.written");
    fs::rename(half, whole).map_err(|e| at(whole, &e))?;
    fault_point!("backup.named");
    sync(out)
}

/// A backup that is begun: its id, its names, and the key it gets.
pub(super) struct Draft {
    pub(super) id: Uuid,
    pub(super) half: PathBuf,
    pub(super) whole: PathBuf,
    began_at: OffsetDateTime,
    key: Secret,
    wrapped: Vec<u8>,
    root: Arc<RootKey>,
}

impl Draft {
    /// Refuses where the root key cannot be opened, or a backup of this second exists.
    pub(super) fn begin(keys: &RootFile, out: &Path, env: &Env) -> Result<Self> {
        let root = keys.unlock()?;
        let (began_at, id) = (env.now(), env.id());
        let name = began_at
            .format(format_description!("salus-[year][month][day]T[hour][minute][second]Z"))
            .map_err(Error::internal)?;
        let (half, whole) = (out.join(format!(".{name}.{id}.half")), out.join(&name));
        if whole.exists() {
            return Err(Error::Unavailable(format!("{} exists: nothing was written", whole.display())));
        }
        let (key, wrapped) = root.new_backup_key(id)?;
        Ok(Self { id, half, whole, began_at, key, wrapped: wrapped.0, root: Arc::new(root) })
    }

    /// What a base backup says of itself before it is taken.
    pub(super) fn manifest(&self, source: Source) -> Manifest {
        Manifest {
            format: FORMAT,
            kind: Kind::Base,
            id: self.id,
            began_at: self.began_at,
            ended_at: self.began_at,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            source,
            start_lsn: String::new(),
            stop_lsn: String::new(),
            wal: None,
            pgbackrest: None,
            timeline: 0,
            root_key: self.root.fingerprint(),
            wrapped_key: hex::encode(&self.wrapped),
            archive: Print::of(&[]),
            files: BTreeMap::new(),
            rows: BTreeMap::new(),
            changing: Vec::new(),
        }
    }

    /// What writes it.
    pub(super) fn making(self, keys: &RootFile) -> Making {
        let Self { half, key, root, .. } = self;
        Making { half, key, keys: [(ROOT, keys.root.clone()), (OPERATOR, keys.operator_kms())], root }
    }
}

/// What the blocking half of the work needs.
pub(super) struct Making {
    half: PathBuf,
    key: Secret,
    /// The files that open it, by their names in the backup. The second is there where a key service keeps the identity.
    keys: [(&'static str, PathBuf); 2],
    root: Arc<RootKey>,
}

impl Making {
    /// Everything up to the final name.
    async fn whole(self, (dump, draft): (Command, Manifest), client: &Client, env: &Env) -> Result<Manifest> {
        let (making, mut manifest) = blocking(move || self.archive(dump, draft)).await?;
        fault_point!("backup.archived");
        let after = count_rows(client).await?;
        (manifest.rows, manifest.changing) = split_counts(std::mem::take(&mut manifest.rows), &after);
        manifest.ended_at = env.now();
        blocking(move || making.finish(manifest)).await
    }

    /// Writes the two large files.
    fn archive(self, dump: Command, mut manifest: Manifest) -> Result<(Self, Manifest)> {
        let said = self.run(("pg_basebackup", dump), BASE, &mut manifest)?;
        let place = |what: &str| -> Result<String> {
            let found = said.lines().find_map(|line| line.split_once(what)?.1.split_whitespace().next());
            found.map(str::to_owned).ok_or_else(|| Error::internal(format!("pg_basebackup told no {what}")))
        };
        manifest.start_lsn = place("write-ahead log start point: ")?;
        let timeline = said.lines().find_map(|line| line.rsplit_once(" on timeline ")?.1.trim().parse().ok());
        manifest.timeline = timeline.ok_or_else(|| Error::internal("pg_basebackup told no timeline"))?;
        manifest.stop_lsn = place("write-ahead log end point: ")?;
        Ok((self, manifest))
    }

    /// Writes the key files, and what a program gives on its standard output into `file`: what it said besides.
    pub(super) fn run(
        &self,
        (name, mut program): (&str, Command),
        file: &str,
        manifest: &mut Manifest,
    ) -> Result<String> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.half).map_err(|e| at(&self.half, &e))?;
        for (name, path) in self.keys.iter().filter(|(name, path)| *name == ROOT || path.exists()) {
            let bytes = fs::read(path).map_err(|e| at(path, &e))?;
            write_file(&self.half.join(name), &bytes)?;
            manifest.files.insert((*name).to_owned(), Print::of(&bytes));
        }
        let failed = |e: io::Error| Error::Unavailable(format!("{name} cannot be run: {e}"));
        program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = program.spawn().map_err(failed)?;
        let (Some(mut archive), Some(mut errors)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(Error::internal("a program without output"));
        };
        let said = thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).map(|_| text)
        });
        let written = self.encrypt(&mut archive, file);
        // Closed before waiting, so that a dump whose reader failed ends too.
        drop(archive);
        let status = child.wait().map_err(failed)?;
        let said = said.join().ok().and_then(io::Result::ok).unwrap_or_default();
        let (clear, sealed) = written?;
        if !status.success() {
            let last: Vec<&str> = said.lines().rev().take(3).collect();
            return Err(Error::Unavailable(format!("{name} failed: {}", last.join("; "))));
        }
        manifest.archive = clear;
        manifest.files.insert(file.to_owned(), sealed);
        Ok(said)
    }

    /// Passes the archive through compression and the cipher into its file; what the cipher was given and what came out.
    fn encrypt(&self, archive: &mut impl Read, file: &str) -> Result<(Print, Print)> {
        let path = self.half.join(file);
        let failed = |e: io::Error| at(&path, &e);
        let mut recipient = age::scrypt::Recipient::new(passphrase(&self.key));
        recipient.set_work_factor(2);
        let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
            .map_err(Error::internal)?;
        let cipher = encryptor.wrap_output(Meter::new(create(&path)?)).map_err(failed)?;
        let mut packed = zstd::Encoder::new(Meter::new(cipher), LEVEL).map_err(failed)?;
        // A thread of its own: the cipher and the digests have this one.
        packed.multithread(1).map_err(failed)?;
        io::copy(&mut BufReader::with_capacity(PIPE, archive), &mut packed).map_err(failed)?;
        let (cipher, clear) = packed.finish().map_err(failed)?.finish();
        let (file, sealed) = cipher.finish().map_err(failed)?.finish();
        file.sync_all().map_err(failed)?;
        Ok((clear, sealed))
    }

    /// Writes the manifest and its code, and reads the whole backup back.
    pub(super) fn finish(self, manifest: Manifest) -> Result<Manifest> {
        let text = serde_json::to_vec_pretty(&manifest).map_err(Error::internal)?;
        write_file(&self.half.join(MANIFEST), &text)?;
        write_file(&self.half.join(CODE), hex::encode(self.root.manifest_code(&text)?).as_bytes())?;
        sync(&self.half)?;
        Backup::open_as(&self.half, &self.root)?.verify()?;
        Ok(manifest)
    }
}

/// `pg_basebackup` to its standard output, with the log the archive needs and PostgreSQL's list of files in it.
fn dump_command(cluster: &Cluster) -> Command {
    let mut command = Command::new(cluster.bin_dir().join("pg_basebackup"));
    command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin");
    command.arg("-h").arg(cluster.socket_dir()).args(["-U", "salus_admin", "--no-password", "--verbose"]);
    command.args(["-D", "-", "-F", "tar", "-X", "fetch", "-c", "fast", "-Z", "none", "-l", "salus backup"]);
    // Our manifest has the SHA-256 of the whole archive: PostgreSQL's list has to find only what unpacking loses.
    command.args(["--manifest-checksums=CRC32C"]);
    command
}

pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}
