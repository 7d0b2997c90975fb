//! How far the log is sealed, as everybody may ask: the sealer notes it each time, and whoever serves looks (`spec` B1.10).

use super::{
    alert::Alert,
    log,
    merkle::{Checkpoint, Note},
    plain,
};
use crate::{Db, Tx, tx::failure, unit::Unit};
use salus_core::{Ctx, Env, Error, PLATFORM, Result};
use time::{Duration, OffsetDateTime};
use tokio_postgres::Transaction;
use uuid::Uuid;

/// An event that waits longer raises an alert, and health says degraded.
pub const LATE: Duration = Duration::seconds(60);
/// While an event waits longer no health data leaves in bulk.
pub const TOO_LATE: Duration = Duration::minutes(15);
/// A clock that moves further than time itself is on the record.
const STEP: Duration = Duration::seconds(2);

/// Notes in the sealer's transaction what it had to leave, and raises the alert when that waits for long.
pub(super) async fn note(tx: &Transaction<'_>, env: &Env, horizon: &str) -> Result<()> {
    let sql = format!(
        "SELECT min(recorded_at) FROM ({}) e WHERE e.xact >= $1::text::xid8",
        log::events(tx, "recorded_at, xact").await?
    );
    let oldest: Option<OffsetDateTime> = tx.query_one(&sql, &[&horizon]).await.map_err(|e| plain(&e))?.get(0);
    let now = env.now();
    if oldest.is_some_and(|oldest| now - oldest > LATE) {
        let what = "Events wait for longer than a minute to be sealed: a transaction does not end";
        Alert::of_platform("sealing_late", what).raise(tx, env).await?;
    }
    let sql = "INSERT INTO audit.sealing AS s (sealed_at, oldest_unsealed_at) VALUES ($1, $2) \
               ON CONFLICT (one) DO UPDATE SET sealed_at = excluded.sealed_at, oldest_unsealed_at = excluded.oldest_unsealed_at";
    tx.execute(sql, &[&now, &oldest]).await.map_err(|e| plain(&e))?;
    Ok(())
}

/// The action of an event that tells that a clock was moved.
pub(super) const CLOCK_STEP: &str = "audit.clock.step";

impl Tx {
    /// The newest signed head, as it is told to whoever gets something: with it they can tell later whether the log was
    /// rewritten. It is not verified here. `None` before the first seal.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn audit_head(&mut self) -> Result<Option<Checkpoint>> {
        let rows = self.run("SELECT note FROM audit.checkpoints ORDER BY epoch DESC, size DESC LIMIT 1", &[]).await?;
        Ok(rows.first().and_then(|row| Note::parse(row.get(0))?.claim()))
    }
}

impl Db {
    /// For how long the oldest event has waited to be sealed, as far as it can be told: since the sealer last did its work,
    /// or since the event it had to leave. None when the log was never sealed and holds nothing.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn unsealed_for(&self) -> Result<Option<Duration>> {
        let mut unit = Unit::new(&self.0.pool, &Ctx::system(self.env(), PLATFORM), true);
        let sql = "SELECT coalesce((SELECT least(s.sealed_at, s.oldest_unsealed_at) FROM audit.sealing s), \
                     (SELECT min(recorded_at) FROM audit.activity_logs))";
        let rows = unit.query(sql, &[], true).await.map_err(|f| failure(&self.0.catalog, f))?;
        unit.commit(&[]).await.map_err(|f| failure(&self.0.catalog, f))?;
        let since: Option<OffsetDateTime> = rows.first().and_then(|row| row.get(0));
        Ok(since.map(|since| (self.env().now() - since).max(Duration::ZERO)))
    }

    /// Refuses while an event of a tenant waits for so long to be sealed that what leaves now could be denied later.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with what to do.
    pub async fn require_sealed(&self, tenant: Uuid) -> Result<()> {
        let mut unit = Unit::new(&self.0.pool, &Ctx::system(self.env(), tenant), true);
        let sql = "SELECT min(recorded_at) FROM audit.activity_logs WHERE recorded_at >= \
                     coalesce((SELECT least(s.sealed_at, s.oldest_unsealed_at) FROM audit.sealing s), '-infinity')";
        let rows = unit.query(sql, &[], true).await.map_err(|f| failure(&self.0.catalog, f))?;
        unit.commit(&[]).await.map_err(|f| failure(&self.0.catalog, f))?;
        let since: Option<OffsetDateTime> = rows.first().and_then(|row| row.get(0));
        match since.map(|since| self.env().now() - since) {
            Some(waits) if waits > TOO_LATE => Err(Error::Unavailable(format!(
                "nothing is exported while events of the audit log are not sealed, which they were not for {} minutes: see \
                 the server's log, or run salus audit seal",
                waits.whole_minutes()
            ))),
            _ => Ok(()),
        }
    }

    /// Notes in the audit log that the clock of this machine was moved, when it was: `before` and `passed` are what it
    /// said and how much time went by since. Whether it was.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the event cannot be written.
    pub async fn watch_clock(&self, before: OffsetDateTime, passed: std::time::Duration) -> Result<bool> {
        let passed = Duration::try_from(passed).map_err(Error::internal)?;
        let moved = self.env().now() - before - passed;
        if moved.abs() <= STEP {
            return Ok(false);
        }
        let mut tx = self.begin(Ctx::system(self.env(), PLATFORM), true).await?;
        let milliseconds = i64::try_from(moved.whole_milliseconds()).unwrap_or(i64::MAX);
        tx.note(serde_json::json!({"milliseconds": milliseconds}));
        tx.commit(CLOCK_STEP, "audit.activity_logs").await?;
        Ok(true)
    }

    /// Raises an alert of the platform from outside the sealer, which may be what does not work. Whether it is new.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn raise_alert(&self, kind: &str, what: &str) -> Result<bool> {
        let mut tx = self.begin(Ctx::system(self.env(), PLATFORM), false).await?;
        let (id, now) = (self.env().id(), self.env().now());
        let sql = "INSERT INTO audit.tamper_alerts (id, created_at, noted_on, kind, what) VALUES ($1, $2, $3, $4::text, $5::text) \
                   ON CONFLICT DO NOTHING RETURNING id";
        let new = !tx.run(sql, &[&id, &now, &now.date(), &kind, &what]).await?.is_empty();
        if new {
            tx.commit("audit.alert.raise", "audit.tamper_alerts").await?;
        } else {
            tx.undo().await;
        }
        Ok(new)
    }

    /// Keeps that everything was verified: the whole log (`log`), of which `root` is in hexadecimal, or all rows (`rows`).
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_verification(
        &self,
        scope: &str,
        began: OffsetDateTime,
        (checked, wrong): (u64, u64),
        root: Option<&str>,
    ) -> Result<()> {
        let mut tx = self.begin(Ctx::system(self.env(), PLATFORM), false).await?;
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let (id, now, state) = (self.env().id(), self.env().now(), if wrong == 0 { "CLEAN" } else { "MISMATCH" });
        let sql = "INSERT INTO audit.integrity_verification_runs (id, scope, started_at, finished_at, rows_checked, mismatches, state, root) \
                   VALUES ($1, $2::text, $3, $4, $5, $6, $7::text, $8::bytea)";
        let (checked, wrong) = (number(checked), number(wrong));
        let root = root.map(hex::decode).transpose().map_err(Error::internal)?;
        tx.run(sql, &[&id, &scope, &began, &now, &checked, &wrong, &state, &root]).await?;
        tx.finish_unrecorded().await
    }

    /// When the verification began that last found nothing wrong.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn last_found_whole(&self, scope: &str) -> Result<Option<OffsetDateTime>> {
        let mut tx = self.begin(Ctx::system(self.env(), PLATFORM), true).await?;
        let sql =
            "SELECT max(started_at) FROM audit.integrity_verification_runs WHERE scope = $1::text AND state = 'CLEAN'";
        let rows = tx.run(sql, &[&scope]).await?;
        tx.finish_unrecorded().await?;
        Ok(rows.first().and_then(|row| row.get(0)))
    }

    /// When everything was last verified.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn last_verification(&self, scope: &str) -> Result<Option<OffsetDateTime>> {
        let mut tx = self.begin(Ctx::system(self.env(), PLATFORM), true).await?;
        let sql = "SELECT max(finished_at) FROM audit.integrity_verification_runs WHERE scope = $1::text";
        let rows = tx.run(sql, &[&scope]).await?;
        tx.finish_unrecorded().await?;
        Ok(rows.first().and_then(|row| row.get(0)))
    }
}
