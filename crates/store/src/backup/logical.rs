//! Logical backups: what `pg_dump` reads of one database in one snapshot, as the role that sees every tenant and writes
//! nothing, in its custom format; sealed values leave as ciphertext. They come from the private cluster and from a server of
//! one's own alike, and go into either, of the same major release or a newer one. There is no log that goes on from one.

use super::{
    Backup, DUMP, FORMAT_LOGICAL, Kind, Manifest, Source, To, count_rows, failed,
    write::{Draft, blocking, name},
};
use crate::{
    Address,
    cluster::{self, programs},
    migrate::{self, Files},
    seal::RootFile,
};
use salus_core::{Env, Error, Result};
use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    thread,
};
use tokio_postgres::Client;

/// A database that a dump comes from or goes into.
pub struct Server {
    address: Address,
    /// Where `pg_dump` and `pg_restore` are.
    bin_dir: PathBuf,
}

impl Server {
    /// The database at this address: of the private cluster, whose programs are known, or of another server, for which the
    /// programs of its release are looked for here.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it cannot be reached or its programs are not installed.
    pub async fn at(address: Address, own: Option<&cluster::Cluster>) -> Result<Self> {
        let bin_dir = if let Some(cluster) = own {
            cluster.bin_dir().to_owned()
        } else {
            let sql = "SELECT current_setting('server_version_num')::int";
            let version: i32 = address.connect().await?.query_one(sql, &[]).await.map_err(|e| failed(&e))?.get(0);
            programs(version / 10_000)?
        };
        Ok(Self { address, bin_dir })
    }

    /// One of the programs, which finds the database by its environment alone.
    fn program(&self, name: &str) -> Command {
        let mut command = plain(&self.bin_dir.join(name));
        command.envs(self.address.environment());
        command
    }
}

/// A program with nothing of our environment.
fn plain(path: &Path) -> Command {
    let mut command = Command::new(path);
    command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin");
    command
}

/// Takes a logical backup into a new directory below `out` and returns its path. The role of `server` is `salus_backup`, or
/// another that row-level security does not bind.
///
/// # Errors
/// [`Error::Unavailable`] in words that say what failed; then nothing is left below `out`.
pub async fn dump(server: &Server, keys: &RootFile, out: &Path, env: &Env) -> Result<(PathBuf, Manifest)> {
    let draft = Draft::begin(keys, out, env)?;
    let client = server.address.connect().await?;
    refuse_bound(&client).await?;
    // Rows are counted in the snapshot that is dumped, so that each number is exact. It is there as long as this transaction.
    let sql = "SET idle_in_transaction_session_timeout = 0; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    client.batch_execute(sql).await.map_err(|e| failed(&e))?;
    let sql = "SELECT pg_export_snapshot(), pg_current_wal_lsn()::text";
    let row = client.query_one(sql, &[]).await.map_err(|e| failed(&e))?;
    let (snapshot, lsn): (String, String) = (row.get(0), row.get(1));
    let source = Source::read(&client).await?;
    let mut manifest = Manifest {
        format: FORMAT_LOGICAL,
        kind: Kind::Logical,
        start_lsn: lsn.clone(),
        stop_lsn: lsn,
        rows: count_rows(&client).await?,
        ..draft.manifest(source)
    };
    let mut program = server.program("pg_dump");
    program.args(["--format=custom", "--compress=0", "--no-password"]).arg(format!("--snapshot={snapshot}"));
    let (half, whole) = (draft.half.clone(), draft.whole.clone());
    let (making, env) = (draft.making(keys), env.clone());
    let made = blocking(move || -> Result<Manifest> {
        making.run(("pg_dump", program), DUMP, &mut manifest)?;
        manifest.ended_at = env.now();
        making.finish(manifest)
    });
    let done = made.await.and_then(|manifest| {
        name(&half, &whole, out)?;
        Ok(manifest)
    });
    if done.is_err() {
        fs::remove_dir_all(&half).ok();
    }
    done.map(|manifest| (whole, manifest))
}

/// Refuses a role that would dump the rows of no tenant.
async fn refuse_bound(client: &Client) -> Result<()> {
    let sql = "SELECT current_user::text, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user";
    let row = client.query_one(sql, &[]).await.map_err(|e| failed(&e))?;
    if row.get(1) {
        return Ok(());
    }
    let role: String = row.get(0);
    Err(Error::Unavailable(format!(
        "the role {role} is bound by row-level security and would back up no tenant: ALTER ROLE {role} BYPASSRLS"
    )))
}

impl Backup {
    /// Reads the dump as `pg_restore` would, into nowhere, and compares all with the manifest.
    pub(super) fn verify_dump(&self) -> Result<()> {
        for (name, print) in self.manifest.files.iter().filter(|(name, _)| *name != DUMP) {
            self.verify_file(name, print)?;
        }
        let mut program = plain(&programs(self.manifest.source.postgres / 10_000)?.join("pg_restore"));
        program.arg("--file=/dev/null");
        self.feed(program)
    }

    /// Runs `pg_restore` on the dump.
    fn feed(&self, mut program: Command) -> Result<()> {
        let failed = |e: io::Error| Error::Unavailable(format!("pg_restore cannot be run: {e}"));
        program.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = program.spawn().map_err(failed)?;
        let (Some(mut pipe), Some(mut errors)) = (child.stdin.take(), child.stderr.take()) else {
            return Err(Error::internal("pg_restore without pipes"));
        };
        let said = thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).map(|_| text)
        });
        let fed = self.decrypt(&mut pipe);
        drop(pipe);
        let status = child.wait().map_err(failed)?;
        let said = said.join().ok().and_then(io::Result::ok).unwrap_or_default();
        if !status.success() {
            // Its first words say what is wrong; the rest may repeat rows.
            let first = said.lines().find(|line| line.contains("error")).unwrap_or("it told nothing");
            return Err(fed.err().unwrap_or_else(|| Error::Unavailable(format!("pg_restore failed: {first}"))));
        }
        fed
    }

    /// Refuses what a restore of a logical backup would refuse, and lays its keys into `home`, which is empty or missing.
    ///
    /// # Errors
    /// [`Error::Unavailable`] before anything is written: a moment that it cannot give, a schema newer than this program, a
    /// file that is missing or changed.
    pub fn begin_load(&self, home: &Path, to: To) -> Result<()> {
        if to != To::Backup {
            return Err(Error::Unavailable(format!(
                "{} is a logical backup, from which no log goes on: leave --to out, or take a base backup",
                self.dir.display()
            )));
        }
        self.refuse_newer()?;
        // The programs that are needed, before anything is written.
        programs(self.manifest.source.postgres / 10_000)?;
        super::refuse_filled(home)?;
        self.verify_files()?;
        self.put_keys(home)
    }

    /// Makes roles in the server of an empty database and loads the dump into it. `admin` is a connection to that database
    /// by its administrator, as `server` is.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database holds anything but what [`migrate::init`] makes; then nothing was written.
    /// Those of `pg_restore`.
    pub async fn load(self: &Arc<Self>, admin: &mut Client, server: &Server) -> Result<()> {
        let sql = "SELECT current_database()::text, EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                     WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' \
                     AND NOT (n.nspname = 'kernel' AND c.relname IN ('migrations', 'replaceables', 'unfinished_migration')))";
        let row = admin.query_one(sql, &[]).await.map_err(|e| failed(&e))?;
        if row.get(1) {
            let name: String = row.get(0);
            return Err(Error::Unavailable(format!(
                "the database {name} is not empty: a backup is loaded into an empty one only"
            )));
        }
        let files = Files::embedded()?;
        // For its roles, which a dump names and does not hold. What it makes in the database the dump brings.
        migrate::init(admin, files).await?;
        admin.batch_execute("DROP SCHEMA kernel, extensions CASCADE").await.map_err(|e| failed(&e))?;
        let database: String = row.get(0);
        let mut program = server.program("pg_restore");
        program.args(["--single-transaction", "--exit-on-error", "--no-password"]).arg(format!("--dbname={database}"));
        let backup = Arc::clone(self);
        blocking(move || backup.feed(program)).await?;
        // Privileges on the database itself are in no dump, nor are statistics.
        migrate::init(admin, files).await?;
        admin.batch_execute("ANALYZE").await.map_err(|e| failed(&e))
    }
}
