//! Where a database stands: which files are applied, pending, changed since, or stopped half-way.

use std::{collections::BTreeMap, fmt};

use salus_core::Result;
use time::OffsetDateTime;
use tokio_postgres::Client;

use super::{Files, files, lock, refused, unreadable};

/// How one file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Applied, and the file is still the same.
    Applied,
    /// Not applied yet.
    Pending,
    /// Applied, and the file says something else now.
    Changed,
    /// Began outside a transaction and did not end: the next `up` resumes it.
    Failed,
    /// Being applied by another session at this moment.
    Running,
    /// Applied, but this build does not know it.
    Unknown,
}

/// One file and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The number of a migration; `None` for the bootstrap and the replaceable files.
    pub version: Option<i32>,
    /// The name of the migration or of the file.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// When it was applied last.
    pub applied_at: Option<OffsetDateTime>,
}

/// The whole picture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// The bootstrap first, then the replaceable files.
    pub replaceables: Vec<Row>,
    /// By version.
    pub migrations: Vec<Row>,
}

/// A row of `kernel.migrations`.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub name: String,
    pub checksum: String,
    pub running: bool,
    pub applied_at: OffsetDateTime,
}

/// What the database remembers of earlier runs; empty before `init`.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    pub migrations: BTreeMap<i32, Record>,
    pub replaceables: BTreeMap<String, (String, OffsetDateTime)>,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::Changed => "changed",
            Self::Failed => "failed",
            Self::Running => "running",
            Self::Unknown => "unknown",
        })
    }
}

impl Status {
    /// The highest applied version, 0 before the first.
    #[must_use]
    pub fn version(&self) -> i32 {
        self.migrations.iter().filter(|r| r.state != State::Pending).filter_map(|r| r.version).max().unwrap_or(0)
    }

    /// Whether nothing is left to do and nothing is wrong.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.replaceables.iter().chain(&self.migrations).all(|row| row.state == State::Applied)
    }

    /// Whether a file was changed, did not end, or is not known here.
    #[must_use]
    pub fn is_faulty(&self) -> bool {
        let faulty = [State::Changed, State::Failed, State::Unknown];
        self.replaceables.iter().chain(&self.migrations).any(|row| faulty.contains(&row.state))
    }
}

/// Compares the files with what the database remembers. Runs nothing.
pub async fn status(client: &Client, files: &Files) -> Result<Status> {
    let memory = Memory::read(client).await?;
    let stopped = if lock::held_elsewhere(client).await? { State::Running } else { State::Failed };
    let mut found = Status::default();
    for file in std::iter::once(&files.bootstrap).chain(&files.replaceables) {
        let kept = memory.replaceables.get(&file.name);
        let state = match kept {
            None => State::Pending,
            Some((checksum, _)) if *checksum == file.checksum => State::Applied,
            Some(_) => State::Changed,
        };
        let applied_at = kept.map(|(_, at)| *at);
        found.replaceables.push(Row { version: None, name: file.name.clone(), state, applied_at });
    }
    let mut unseen = memory.migrations;
    for migration in &files.migrations {
        let kept = unseen.remove(&migration.version);
        let state = match &kept {
            None => State::Pending,
            Some(record) if record.running => stopped,
            Some(record) if record.checksum == migration.up.checksum => State::Applied,
            Some(_) => State::Changed,
        };
        let applied_at = kept.map(|record| record.applied_at);
        found.migrations.push(Row {
            version: Some(migration.version),
            name: migration.name.clone(),
            state,
            applied_at,
        });
    }
    for (version, record) in unseen {
        let applied_at = Some(record.applied_at);
        found.migrations.push(Row { version: Some(version), name: record.name, state: State::Unknown, applied_at });
    }
    found.migrations.sort_by_key(|row| row.version);
    Ok(found)
}

impl Memory {
    /// Reads `kernel.migrations` and `kernel.replaceables`.
    pub(super) async fn read(client: &Client) -> Result<Self> {
        let failed = |e: tokio_postgres::Error| unreadable("reading what was applied", &e);
        let known =
            "SELECT to_regclass('kernel.migrations') IS NOT NULL AND to_regclass('kernel.replaceables') IS NOT NULL";
        let mut memory = Self::default();
        if !client.query_one(known, &[]).await.map_err(failed)?.get::<_, bool>(0) {
            return Ok(memory);
        }
        let sql = "SELECT version, name, checksum, state = 'running', applied_at FROM kernel.migrations";
        for row in client.query(sql, &[]).await.map_err(failed)? {
            let record = Record { name: row.get(1), checksum: row.get(2), running: row.get(3), applied_at: row.get(4) };
            memory.migrations.insert(row.get(0), record);
        }
        let sql = "SELECT name, checksum, applied_at FROM kernel.replaceables";
        for row in client.query(sql, &[]).await.map_err(failed)? {
            memory.replaceables.insert(row.get(0), (row.get(1), row.get(2)));
        }
        Ok(memory)
    }

    /// Refuses what this build must not touch: versions it does not know, files that are no longer what was applied.
    pub(super) fn check(&self, files: &Files) -> Result<()> {
        for (version, record) in self.migrations.iter().rev() {
            let name = format!("{version:05}_{}", record.name);
            let Some(migration) = files.migration(*version) else {
                let why = if *version > files.newest() {
                    format!(
                        "this database was migrated by a newer Salus: it has {name}, this build ends at {:05}; \
                             run that Salus or a newer one",
                        files.newest()
                    )
                } else {
                    format!(
                        "this database has the migration {name}, which this build does not know; \
                             run the Salus that applied it"
                    )
                };
                return Err(refused("newer_database", why));
            };
            if !record.running && record.checksum != migration.up.checksum {
                let why = format!(
                    "{} was changed after it was applied: an applied migration is never edited; \
                     bring the file back, or write a new migration",
                    migration.up.name
                );
                return Err(refused("migration_changed", why));
            }
        }
        Ok(())
    }

    /// Whether this replaceable file, or the bootstrap, is in force as it stands.
    pub(super) fn has(&self, file: &files::File) -> bool {
        self.replaceables.get(&file.name).is_some_and(|(checksum, _)| *checksum == file.checksum)
    }
}
