//! Whether the database itself is well: what it runs on, how it is set, how full and how busy it is.

use std::time::Duration;

use salus_core::Result;
use tokio_postgres::Client;

use super::unreadable;

/// A transaction older than this holds back vacuum and every migration.
const OLD_TRANSACTION: Duration = Duration::from_hours(1);

/// One look at the database.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[allow(clippy::struct_excessive_bools, reason = "each is a setting of the server, and shown as one")]
pub struct Health {
    /// The name of the database.
    pub database: String,
    /// The role that asked.
    pub role: String,
    /// The server's version, such as `15.18`.
    pub version: String,
    /// Whether this is a standby that only reads.
    pub standby: bool,
    /// Committed data survives a crash of the machine.
    pub fsync: bool,
    /// Torn pages are repaired after a crash.
    pub full_page_writes: bool,
    /// Pages carry checksums, so that rot on disk is noticed.
    pub data_checksums: bool,
    /// `on` or stronger: an acknowledged commit is on disk.
    pub synchronous_commit: String,
    /// Bytes on disk.
    pub size_bytes: i64,
    /// Sessions of this cluster.
    pub connections: i64,
    /// How many there may be.
    pub max_connections: i32,
    /// Age of the oldest open transaction in this database, in seconds.
    pub oldest_transaction_seconds: Option<i64>,
    /// What is not as it should be, in words; empty when all is well.
    pub problems: Vec<String>,
}

/// Asks the server.
pub async fn health(client: &Client) -> Result<Health> {
    let sql = "SELECT current_database()::text, current_user::text, split_part(current_setting('server_version'), ' ', 1),
        pg_is_in_recovery(), current_setting('fsync')::bool, current_setting('full_page_writes')::bool,
        current_setting('data_checksums')::bool, current_setting('synchronous_commit'),
        pg_database_size(current_database()), (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
        current_setting('max_connections')::int,
        (SELECT extract(epoch FROM clock_timestamp() - min(xact_start))::bigint FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid())";
    let row = client.query_one(sql, &[]).await.map_err(|e| unreadable("looking at the health of the database", &e))?;
    let mut health = Health {
        database: row.get(0),
        role: row.get(1),
        version: row.get(2),
        standby: row.get(3),
        fsync: row.get(4),
        full_page_writes: row.get(5),
        data_checksums: row.get(6),
        synchronous_commit: row.get(7),
        size_bytes: row.get(8),
        connections: row.get(9),
        max_connections: row.get(10),
        oldest_transaction_seconds: row.get(11),
        problems: Vec::new(),
    };
    health.problems = health.find_problems();
    Ok(health)
}

impl Health {
    fn find_problems(&self) -> Vec<String> {
        let old = self.oldest_transaction_seconds.and_then(|s| u64::try_from(s).ok()).map(Duration::from_secs);
        let checks = [
            (!self.fsync, "fsync is off: a crash of the machine loses or breaks data; set fsync = on".to_owned()),
            (
                !self.full_page_writes,
                "full_page_writes is off: a crash can leave torn pages; set full_page_writes = on".into(),
            ),
            (
                !self.data_checksums,
                "data checksums are off: rot on disk goes unnoticed; enable them with pg_checksums".into(),
            ),
            (
                matches!(self.synchronous_commit.as_str(), "off" | "local"),
                format!(
                    "synchronous_commit is {}: an acknowledged change can be lost; set it to on",
                    self.synchronous_commit
                ),
            ),
            (
                self.connections * 10 >= i64::from(self.max_connections) * 9,
                format!("{} of {} connections are in use", self.connections, self.max_connections),
            ),
            (
                old.is_some_and(|age| age > OLD_TRANSACTION),
                format!(
                    "a transaction has been open for {} minutes: it holds back vacuum and migrations",
                    old.unwrap_or_default().as_secs() / 60
                ),
            ),
        ];
        checks.into_iter().filter_map(|(wrong, words)| wrong.then_some(words)).collect()
    }
}
