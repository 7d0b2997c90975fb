//! What would be done, as text: each step is the exact SQL that [`super::up`] and [`super::down`] send.
//!
//! A step inside a transaction is one message from `BEGIN` to `COMMIT`, so a connection that dies takes the whole
//! step with it. A `-- no-transaction` file is a list of messages between "running" and "applied".

use std::fmt::Write as _;

use salus_core::{Error, Result};
use tokio_postgres::Client;

use super::{File, Files, Migration, literal, normalise, refused, status::Memory, unreadable};

/// Every file sees the same settings, whatever the role or the database prescribes. A lock is not waited for
/// longer than 3 s, because everything behind it would wait too; the step is tried again.
const IN_TRANSACTION: &str = "\
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL search_path = '';
SET LOCAL timezone = 'UTC';
SET LOCAL check_function_bodies = off;
SET LOCAL client_min_messages = warning;
";
const AS_OWNER: &str = "SET LOCAL ROLE salus_owner;\n";
/// An index that is built concurrently waits for old transactions without holding anybody up: no lock timeout.
const IN_SESSION: &str = "\
SET lock_timeout = 0;
SET statement_timeout = 0;
SET search_path = '';
SET timezone = 'UTC';
SET client_min_messages = warning;
SET ROLE salus_owner;
";
/// Undoes [`IN_SESSION`].
pub(super) const OUT_OF_SESSION: &str = "\
RESET ROLE;
RESET lock_timeout;
RESET statement_timeout;
RESET search_path;
RESET timezone;
RESET client_min_messages;
";
const PARTITIONS: &str = "\
DO $$
BEGIN
  IF to_regclass('audit.activity_logs') IS NOT NULL
     AND to_regprocedure('audit.ensure_partitions(date, integer)') IS NOT NULL THEN
    CALL audit.ensure_partitions(now()::date, 12);
  END IF;
END $$;
";

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The number of the migration, if the step is one.
    pub version: Option<i32>,
    /// What the step is, such as `00002_audit.up.sql`.
    pub title: String,
    /// The messages, in order.
    pub(super) messages: Vec<Message>,
}

/// Text for one round trip, and where the files in it begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Message {
    pub sql: String,
    /// Name and first character of each file.
    files: Vec<(String, usize)>,
}

impl Step {
    /// The exact SQL.
    #[must_use]
    pub fn sql(&self) -> String {
        let mut text = String::new();
        for message in &self.messages {
            text.push_str(&message.sql);
        }
        text
    }

    /// Whether the step is done wholly or not at all.
    #[must_use]
    pub fn in_transaction(&self) -> bool {
        self.messages.len() == 1
    }
}

impl Message {
    fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), files: Vec::new() }
    }

    fn in_transaction(role: &str, body: impl FnOnce(&mut Self)) -> Self {
        let mut message = Self::new(format!("BEGIN;\n{IN_TRANSACTION}{role}"));
        body(&mut message);
        message.sql.push_str("COMMIT;\n");
        message
    }

    fn push_file(&mut self, file: &File) {
        self.files.push((file.name.clone(), self.sql.chars().count()));
        self.sql.push_str(&file.text);
        self.sql.push_str("\n;\n");
    }

    /// File and line of a character of this message.
    pub(super) fn place(&self, at: usize) -> Option<String> {
        let (name, start) = self.files.iter().rev().find(|(_, start)| *start <= at)?;
        let line = self.sql.chars().skip(*start).take(at - start).filter(|c| *c == '\n').count() + 1;
        Some(format!("{name} line {line}"))
    }
}

/// The steps from where the database stands to `target`, or to the newest migration. Nothing is run.
///
/// Refused when the database was migrated by a newer Salus or an applied file was changed.
pub async fn plan(client: &Client, files: &Files, target: Option<i32>) -> Result<Vec<Step>> {
    let target = known(files, target.unwrap_or_else(|| files.newest()))?;
    let memory = Memory::read(client).await?;
    memory.check(files)?;
    let mut steps = Vec::new();
    if !memory.has(&files.bootstrap) {
        steps.push(bootstrap(files));
    }
    steps.extend(replaceables(files, &memory));
    for migration in files.migrations.iter().filter(|m| m.version <= target) {
        let record = memory.migrations.get(&migration.version);
        if record.is_none_or(|r| r.running) {
            steps.push(forward(client, migration).await?);
        }
    }
    if !steps.is_empty() || partitions_run_short(client).await? {
        let message = Message::in_transaction(AS_OWNER, |m| m.sql.push_str(PARTITIONS));
        steps.push(Step { version: None, title: "partitions of the next 12 months".into(), messages: vec![message] });
    }
    Ok(steps)
}

/// The steps back to `target`, newest first.
pub(super) async fn backward(client: &Client, files: &Files, target: i32, accept_loss: bool) -> Result<Vec<Step>> {
    known(files, target)?;
    let memory = Memory::read(client).await?;
    memory.check(files)?;
    let applied: Vec<_> = files
        .migrations
        .iter()
        .rev()
        .filter(|m| m.version > target && memory.migrations.contains_key(&m.version))
        .collect();
    if !accept_loss && let Some((file, why)) = applied.iter().find_map(|m| Some((&m.down, m.down.lossy()?))) {
        let why = if why.is_empty() { "data goes with it" } else { why };
        return Err(refused(
            "data_loss",
            format!("{} loses data ({why}): take a backup, then say --accept-data-loss", file.name),
        ));
    }
    let mut steps = Vec::new();
    for migration in applied {
        let forget = format!("DELETE FROM kernel.migrations WHERE version = {};\n", migration.version);
        let messages = messages(client, migration, &migration.down, &forget).await?;
        steps.push(Step { version: Some(migration.version), title: migration.down.name.clone(), messages });
    }
    Ok(steps)
}

/// Roles, extensions and the kernel's own tables.
pub(super) fn bootstrap(files: &Files) -> Step {
    let message = Message::in_transaction("", |m| {
        m.push_file(&files.bootstrap);
        m.sql.push_str(&remember(&files.bootstrap));
    });
    Step { version: None, title: files.bootstrap.name.clone(), messages: vec![message] }
}

fn known(files: &Files, version: i32) -> Result<i32> {
    if version == 0 || files.migration(version).is_some() {
        return Ok(version);
    }
    Err(Error::invalid(
        "to",
        "unknown_migration",
        format!("there is no migration {version:05}; the newest is {:05}", files.newest()),
    ))
}

fn remember(file: &File) -> String {
    format!(
        "INSERT INTO kernel.replaceables AS r (name, checksum) VALUES ({}, {})\n  \
         ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, applied_at = clock_timestamp();\n",
        literal(&file.name),
        literal(&file.checksum)
    )
}

/// All changed files of functions, in one transaction.
fn replaceables(files: &Files, memory: &Memory) -> Option<Step> {
    let changed: Vec<_> = files.replaceables.iter().filter(|f| !memory.has(f)).collect();
    let ours = |name: &str| name == files.bootstrap.name || files.replaceables.iter().any(|f| f.name == name);
    let gone: Vec<_> = memory.replaceables.keys().filter(|name| !ours(name)).collect();
    if changed.is_empty() && gone.is_empty() {
        return None;
    }
    let names: Vec<_> = changed.iter().map(|f| f.name.as_str()).collect();
    let message = Message::in_transaction(AS_OWNER, |m| {
        for file in &changed {
            m.push_file(file);
            m.sql.push_str(&remember(file));
        }
        for name in gone {
            let _ = writeln!(m.sql, "DELETE FROM kernel.replaceables WHERE name = {};", literal(name));
        }
    });
    Some(Step { version: None, title: format!("functions: {}", names.join(", ")), messages: vec![message] })
}

async fn forward(client: &Client, migration: &Migration) -> Result<Step> {
    let record = record(migration, "applied", "(extract(epoch FROM clock_timestamp() - now()) * 1000)::int");
    let messages = messages(client, migration, &migration.up, &record).await?;
    Ok(Step { version: Some(migration.version), title: migration.up.name.clone(), messages })
}

/// The row of a migration. A row that says "running" is overwritten and keeps the time of its beginning till then.
fn record(migration: &Migration, state: &str, duration: &str) -> String {
    format!(
        "INSERT INTO kernel.migrations AS m (version, name, checksum, state, duration_ms)\n  \
         VALUES ({}, {}, {}, {}, {duration})\n  \
         ON CONFLICT (version) DO UPDATE SET name = excluded.name, checksum = excluded.checksum, state = excluded.state,\n    \
         duration_ms = (extract(epoch FROM clock_timestamp() - m.applied_at) * 1000)::int, applied_at = clock_timestamp();\n",
        migration.version,
        literal(&migration.name),
        literal(&migration.up.checksum),
        literal(state)
    )
}

async fn messages(client: &Client, migration: &Migration, file: &File, last: &str) -> Result<Vec<Message>> {
    if !file.outside_transaction() {
        return Ok(vec![Message::in_transaction(AS_OWNER, |m| {
            m.push_file(file);
            m.sql.push_str(last);
        })]);
    }
    let begin = record(migration, "running", "0");
    let mut messages = vec![Message::in_transaction(AS_OWNER, |m| m.sql.push_str(&begin)), Message::new(IN_SESSION)];
    for index in invalid_indexes(client, file).await? {
        messages.push(Message::new(format!("DROP INDEX CONCURRENTLY IF EXISTS {index};\n")));
    }
    for statement in normalise::statements(&file.text)? {
        let files = vec![(file.name.clone(), 0)];
        messages.push(Message { sql: format!("{statement};\n"), files });
    }
    messages.push(Message::new(OUT_OF_SESSION));
    messages.push(Message::in_transaction(AS_OWNER, |m| m.sql.push_str(last)));
    Ok(messages)
}

/// Indexes this file names that an interrupted build left behind: `IF NOT EXISTS` would keep them, invalid for ever.
async fn invalid_indexes(client: &Client, file: &File) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for token in normalise::tokens(&file.text)? {
        names.push(match token.text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
            Some(quoted) => quoted.replace("\"\"", "\""),
            None => token.text.to_lowercase(),
        });
    }
    let sql = "SELECT format('%I.%I', n.nspname, c.relname)
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE NOT i.indisvalid AND c.relkind = 'i' AND regexp_replace(c.relname, '_cc(new|old)[0-9]*$', '') = ANY ($1)
         AND n.nspname = ANY ($1) ORDER BY 1";
    let rows = client.query(sql, &[&names]).await.map_err(|e| unreadable("looking for invalid indexes", &e))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Whether the log has no partition for the month 11 months ahead.
async fn partitions_run_short(client: &Client) -> Result<bool> {
    let sql = "SELECT to_regclass('audit.activity_logs') IS NOT NULL AND to_regclass(
        'audit.activity_logs_' || to_char((now() AT TIME ZONE 'UTC') + interval '11 months', 'YYYYMM')) IS NULL";
    let row = client.query_one(sql, &[]).await.map_err(|e| unreadable("looking at the partitions", &e))?;
    Ok(row.get(0))
}
