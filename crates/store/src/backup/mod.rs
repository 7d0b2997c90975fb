//! Backups: a directory of four files, of which an identity that opens the root key makes a running database again, and
//! nothing else does.
//!
//! `base.tar.zst.age` is `pg_basebackup`'s archive with the write-ahead log it needs, compressed and encrypted (age) under
//! a key of this backup alone; `root.age` is the root key as it lies in the data directory, encrypted to its recipients;
//! `manifest.json` says what is in them, with the backup's key wrapped under the root key; `manifest.mac` is its code
//! (HMAC-SHA-256) under a key derived from the root key. [`write()`] makes one, [`Backup`] reads one, [`list()`] knows
//! them all. In a logical backup `dump.zst.age` stands for the archive: what `pg_dump` reads in one snapshot, of a server
//! of any kind ([`dump()`], [`Backup::load`]). An [`Archive`] beside them holds the write-ahead log that goes on from there. Where pgBackRest takes the
//! backups, [`PgBackRest`] writes the same directory without the archive.

mod known;
mod list;
mod logical;
mod pgbackrest;
mod read;
mod wal;
mod write;

pub use known::Before;
pub use list::{Entry, list, prune, prune_to};
pub use logical::{Server, dump};
pub use pgbackrest::{Kept, Label, PgBackRest, Repository};
pub use read::{Backup, To, refuse_filled};
pub use wal::{Archive, Taken, archive_of};
pub use write::write;

use crate::{migrate::unreadable, seal::sha256};
use age::secrecy::SecretString;
use salus_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};
use time::OffsetDateTime;
use tokio_postgres::Client;
use uuid::Uuid;

const BASE: &str = "base.tar.zst.age";
/// The same in a backup of [`FORMAT_GZIP`].
const BASE_GZIP: &str = "base.tar.gz.age";
/// The same in a logical backup: `pg_dump`'s custom format.
const DUMP: &str = "dump.zst.age";
const ROOT: &str = "root.age";
/// The operator's identity as a key service wrapped it, where one keeps it.
const OPERATOR: &str = "operator.kms";
const MANIFEST: &str = "manifest.json";
const CODE: &str = "manifest.mac";
/// The layout described above. A number that is not known is refused.
const FORMAT: u32 = 3;
/// The layout of logical backups.
const FORMAT_LOGICAL: u32 = 4;
/// The first layout, whose archive `pg_basebackup` compressed; 2 is pgBackRest's.
const FORMAT_GZIP: u32 = 1;

/// What a backup is made of.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The files of the whole cluster, from which its log goes on.
    #[default]
    Base,
    /// The rows of one database, as `pg_dump` reads them in one snapshot.
    Logical,
}

impl Kind {
    /// Manifests of earlier formats do not say it.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    fn is_base(&self) -> bool {
        *self == Self::Base
    }
}

/// What a backup says of itself. Nothing in it is secret or about a person.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The layout of the directory.
    pub format: u32,
    /// What it is made of.
    #[serde(default, skip_serializing_if = "Kind::is_base")]
    pub kind: Kind,
    /// The backup's own id, to which its key is bound.
    pub id: Uuid,
    /// When it began. A change committed later may be missing.
    #[serde(with = "time::serde::rfc3339")]
    pub began_at: OffsetDateTime,
    /// When the archive was complete.
    #[serde(with = "time::serde::rfc3339")]
    pub ended_at: OffsetDateTime,
    /// The version of the program that took it.
    pub program: String,
    /// What was backed up.
    pub source: Source,
    /// Where the write-ahead log of the archive begins.
    pub start_lsn: String,
    /// The state that a restore gives: everything committed before this place of the log.
    pub stop_lsn: String,
    /// The archive of the log that goes on from here, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wal: Option<Uuid>,
    /// The backup of pgBackRest that holds the archive; then there is none here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pgbackrest: Option<Label>,
    /// The timeline of the write-ahead log.
    #[serde(default)]
    pub timeline: u32,
    /// A print of the root key that is needed.
    pub root_key: String,
    /// The backup's key, wrapped under the root key, in hex; empty where pgBackRest has the archive.
    pub wrapped_key: String,
    /// The archive before encryption.
    pub archive: Print,
    /// The files beside the manifest.
    pub files: BTreeMap<String, Print>,
    /// Rows of each table whose number was the same before and after the archive was taken.
    pub rows: BTreeMap<String, i64>,
    /// Tables whose number of rows changed meanwhile, so that no exact one can be told.
    pub changing: Vec<String>,
}

/// Length and SHA-256 of a sequence of bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Print {
    /// Bytes.
    pub bytes: u64,
    /// SHA-256, in hex.
    pub sha256: String,
}

/// The database that is backed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// As `server_version_num` writes it: 15.18 is 150018.
    pub postgres: i32,
    /// PostgreSQL's own name for the cluster.
    pub system_identifier: String,
    /// The highest applied migration.
    pub schema: i32,
    /// Every applied migration, as number, name and checksum.
    pub migrations: Vec<(i32, String, String)>,
}

impl Source {
    /// Asks the server.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while a migration is unfinished; those of the database.
    pub async fn read(client: &Client) -> Result<Self> {
        let sql = "SELECT current_setting('server_version_num')::int, system_identifier::text FROM pg_control_system()";
        let row = client.query_one(sql, &[]).await.map_err(|e| failed(&e))?;
        let sql = "SELECT version, name, checksum, state FROM kernel.migrations ORDER BY version";
        let mut migrations = Vec::new();
        for row in client.query(sql, &[]).await.map_err(|e| failed(&e))? {
            if row.get::<_, &str>(3) != "applied" {
                return Err(Error::Unavailable("a migration is unfinished: see salus db status".into()));
            }
            migrations.push((row.get(0), row.get(1), row.get(2)));
        }
        let schema = migrations.last().map_or(0, |m: &(i32, String, String)| m.0);
        Ok(Self { postgres: row.get(0), system_identifier: row.get(1), schema, migrations })
    }
}

/// Rows of every table, in one snapshot.
///
/// # Errors
/// Those of the database.
pub async fn count_rows(client: &Client) -> Result<BTreeMap<String, i64>> {
    let sql =
        "SELECT string_agg(format('SELECT %L, (SELECT count(*) FROM ONLY %s)', c.oid::regclass, c.oid::regclass), \
                 ' UNION ALL ')
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname NOT LIKE 'pg\\_%'
                  AND n.nspname <> 'information_schema'";
    let statement: Option<String> = client.query_one(sql, &[]).await.map_err(|e| failed(&e))?.get(0);
    let Some(statement) = statement else { return Ok(BTreeMap::new()) };
    let rows = client.query(&statement, &[]).await.map_err(|e| failed(&e))?;
    Ok(rows.iter().map(|r| (r.get(0), r.get(1))).collect())
}

/// Of two counts: the rows of each table that has the same in both, and the tables that do not.
fn split_counts(
    mut before: BTreeMap<String, i64>,
    after: &BTreeMap<String, i64>,
) -> (BTreeMap<String, i64>, Vec<String>) {
    let tables: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
    let changing: Vec<String> = tables.into_iter().filter(|table| before.get(table) != after.get(table)).collect();
    before.retain(|table, _| !changing.contains(table));
    (before, changing)
}

/// Counts and hashes what passes through.
struct Meter<T> {
    inner: T,
    bytes: u64,
    hash: aws_lc_rs::digest::Context,
}

impl<T> Meter<T> {
    fn new(inner: T) -> Self {
        Self { inner, bytes: 0, hash: aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256) }
    }

    fn count(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
    }

    fn finish(self) -> (T, Print) {
        (self.inner, Print { bytes: self.bytes, sha256: hex::encode(self.hash.finish()) })
    }
}

impl<T: io::Read> io::Read for Meter<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count(&buffer[..n]);
        Ok(n)
    }
}

impl<T: io::Write> io::Write for Meter<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.count(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Print {
    fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, sha256: hex::encode(sha256(&[bytes])) }
    }
}

/// A backup's key in the form age takes. It is 256 random bits, so that stretching it gains nothing.
fn passphrase(key: &crate::seal::Secret) -> SecretString {
    SecretString::from(hex::encode(&key[..]))
}

fn failed(error: &tokio_postgres::Error) -> Error {
    unreadable("reading the database for a backup", error)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| at(path, &e))
}

fn changed(path: &Path) -> Error {
    Error::Unavailable(format!("{} is not what was written: it was changed", path.display()))
}

fn create(path: &Path) -> Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|e| at(path, &e))
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = create(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| at(path, &e))
}

fn sync(dir: &Path) -> Result<()> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|e| at(dir, &e))
}

/// A failed file operation, with the file.
fn at(path: &Path, error: &io::Error) -> Error {
    Error::Unavailable(format!("{}: {error}", path.display()))
}
