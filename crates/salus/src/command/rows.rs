//! Stored rows against the log: `salus audit verify --rows`, what a migration does about rows that it rewrites, and the
//! task of `salus serve` that looks at the schema and one row in a hundred every hour and at all rows every week (`spec`
//! B1.9), and runs every day the proofs that cost little, with a verification of the whole log.

use super::{
    backup::drill,
    prove,
    task::{Stop, Task, Trouble},
};
use crate::{output::Outcome, place::Place};
use salus_core::{Error, Result};
use salus_store::{
    Db,
    migrate::{self, Applied, Files},
    rows::{Fault, RowReport, is_marked},
    schema::{self, Difference},
};
use serde_json::json;
use std::{collections::HashMap, sync::Arc, time::Duration};
use time::OffsetDateTime;
use tokio_postgres::Client;
use uuid::Uuid;

/// Between two samples.
const EVERY: Duration = Duration::from_hours(1);
/// Of each hundred rows.
const PERCENT: f32 = 1.0;
/// All rows are looked at again after this, whoever looked and however often the server was started since.
const WEEK: time::Duration = time::Duration::days(7);
/// The same for the log.
const DAY: time::Duration = time::Duration::days(1);
/// What remembers that rows were being rewritten.
const MARK: &str = "kernel.unfinished_migration";
/// Rows that are named one by one.
const NAMED: usize = 200;

/// Holds every row of every tenant against the log.
pub async fn check(place: &Place, table: Option<&str>) -> Result<Outcome> {
    let db = place.db().await?;
    let reports = db.check_all_rows(table).await?;
    let faults: Vec<&Fault> = reports.iter().flat_map(|r| &r.faults).collect();
    let mut lines: Vec<String> = reports
        .iter()
        .flat_map(|r| r.faults.iter().map(move |f| (r, f)))
        .take(NAMED)
        .map(|(r, f)| format!("PROBLEM: {}: {} {} of tenant {}", f.kind.name(), f.table, f.row, r.tenant))
        .collect();
    if faults.len() > NAMED {
        lines.push(format!("… and {} more: --json names them all", faults.len() - NAMED));
    }
    let (rows, digests): (u64, u64) = (reports.iter().map(|r| r.rows).sum(), reports.iter().map(|r| r.digests).sum());
    let (alerts, seconds) =
        (reports.iter().map(|r| r.alerts).sum::<usize>(), reports.iter().map(|r| r.seconds).sum::<f64>());
    lines.push(format!(
        "{rows} rows of {} tenants held against {digests} digests in {seconds:.2} s; {alerts} new alerts",
        reports.len()
    ));
    let ok = faults.is_empty();
    lines.push(if ok { "Every row is as Salus last wrote it" } else { "ROWS WERE CHANGED BEHIND SALUS" }.to_owned());
    Ok(Outcome { json: json!({"ok": ok, "tampering": !ok, "tenants": reports}), text: lines.join("\n"), ok })
}

/// Applies what is pending. Rows that a migration rewrites are taken as it left them, on the record; what was wrong before
/// stays wrong.
pub async fn migrate(place: &Place, files: &Files, to: Option<i32>) -> Result<Vec<Applied>> {
    let mut admin = place.admin().await?;
    let plan = migrate::plan(&admin, files, to).await?;
    let pending: Vec<&str> = plan.iter().filter(|step| step.version.is_some()).map(|step| &*step.title).collect();
    let what = format!("migrated: {}", pending.join(", "));
    if !pending.is_empty() {
        expect(place, &mut admin, files, &what).await?;
    }
    let done = migrate::up(&mut admin, files, to).await?;
    attest(place, &admin, if pending.is_empty() { "migrations that had not ended" } else { &what }).await?;
    Ok(done)
}

/// What may be lost when migrations are taken back.
#[derive(Debug, Clone, Copy)]
pub struct Loss {
    /// Whether data may be lost at all.
    pub accepted: bool,
    /// The backup that has it.
    pub backup: Option<Uuid>,
}

/// Takes migrations back, in the same way.
pub async fn undo(place: &Place, files: &Files, to: i32, loss: Loss) -> Result<Vec<Applied>> {
    let mut admin = place.admin().await?;
    if loss.accepted {
        is_kept(&admin, loss.backup).await?;
    }
    let what = format!("taken back to {to:05}");
    expect(place, &mut admin, files, &what).await?;
    let done = migrate::down(&mut admin, files, to, loss.accepted).await?;
    // This program may know too little of an older schema: the mark stands until one looks at it that does not.
    if let Err(e) = attest(place, &admin, &what).await {
        tracing::warn!(error = %e, "rows that were rewritten are attested when migrations are applied again");
    }
    Ok(done)
}

/// Where rows are real, data is lost only while a backup has them that was taken since the last migration, and so was read
/// back with the schema as it is now.
async fn is_kept(admin: &Client, backup: Option<Uuid>) -> Result<()> {
    let unreadable = |e: tokio_postgres::Error| Error::Unavailable(format!("what is kept cannot be read: {e}"));
    if !has(admin, "kernel.installation").await? {
        return Ok(());
    }
    let sql = "SELECT coalesce(bool_or(production), false) FROM kernel.installation";
    if !admin.query_one(sql, &[]).await.map_err(unreadable)?.get::<_, bool>(0) {
        return Ok(());
    }
    let refused = |detail: String| Err(Error::Refused { code: "no_backup", detail });
    let Some(id) = backup else {
        return refused(
            "This database is marked production: data is lost only with --backup ID, of a backup since the last \
                        migration (salus backup, then salus backup list)"
                .into(),
        );
    };
    let sql = "SELECT EXISTS (SELECT FROM kernel.backups WHERE id = $1 AND gone_at IS NULL \
               AND began_at > (SELECT max(applied_at) FROM kernel.migrations))";
    if has(admin, "kernel.backups").await? && admin.query_one(sql, &[&id]).await.map_err(unreadable)?.get(0) {
        return Ok(());
    }
    refused(format!("No backup {id} is known that is there and was taken since the last migration: salus backup list"))
}

/// Keeps what differs from the log before rows are rewritten. Without keys there is no log yet, and without digests
/// nothing to hold rows against.
async fn expect(place: &Place, admin: &mut Client, files: &Files, what: &str) -> Result<()> {
    if !place.has_rows() || !has(admin, "audit.data_integrity_checksums").await? {
        return Ok(());
    }
    if !has(admin, MARK).await? {
        migrate::init(admin, files).await?;
    }
    place.db_as_it_is().await?.expect_rewrite(admin, what).await
}

/// Attests what migrations rewrote, these or some that did not end.
async fn attest(place: &Place, admin: &Client, reason: &str) -> Result<()> {
    let held = place.has_rows() && has(admin, MARK).await? && has(admin, "audit.data_integrity_checksums").await?;
    if held && is_marked(admin).await? {
        let taken = place.db_as_it_is().await?.attest_rewrite(admin, reason).await?;
        tracing::info!(rows = taken, "rows that were rewritten by migrations are on the record");
    }
    Ok(())
}

/// What of the schema is not as this program's migrations made it. That somebody changed it behind them is a sign of
/// tampering and raises an alert, unless a migration or another version of the program is at work.
pub async fn changed_schema(place: &Place, db: &Db) -> Result<Vec<Difference>> {
    let (admin, files) = (place.admin().await?, Files::embedded()?);
    let current = migrate::status(&admin, files).await?.is_current();
    let found = schema::verify(&admin).await?;
    // One may have begun meanwhile.
    if let Some(first) = found.first()
        && current
        && migrate::status(&admin, files).await?.is_current()
    {
        let more = if found.len() > 1 { format!(", and {} more", found.len() - 1) } else { String::new() };
        let what = format!("The schema was changed behind the migrations: {first}{more}");
        if db.raise_alert("schema_changed", &what).await? {
            tracing::error!(%first, differences = found.len(), "the schema was changed behind the migrations: see audit.tamper_alerts");
        }
    }
    Ok(found)
}

/// Whether the database has this table.
async fn has(admin: &Client, table: &str) -> Result<bool> {
    let sql = "SELECT to_regclass($1) IS NOT NULL";
    admin.query_one(sql, &[&table]).await.map(|row| row.get(0)).map_err(Error::internal)
}

/// Begins to look at rows and at the log.
pub fn begin(place: &Arc<Place>, db: Db) -> Task {
    let place = Arc::clone(place);
    Task::begin("rows", async move |stop: Stop| {
        let work = async {
            let mut places = HashMap::new();
            let (mut rows, mut proofs, mut looked) = (Trouble::default(), Trouble::default(), Trouble::default());
            loop {
                tokio::time::sleep(EVERY).await;
                let turn = async {
                    if is_due(&db, "rows", WEEK).await? { all(&db).await } else { some(&db, &mut places).await }
                };
                rows.after(turn.await, "rows are not checked", "rows are checked again");
                let turn = async { changed_schema(&place, &db).await.map(drop) };
                looked.after(turn.await, "the schema is not looked at", "the schema is looked at again");
                let turn = async {
                    note_drill(&place, &db).await?;
                    if is_due(&db, "log", DAY).await? { prove::daily(&place, &db).await.map(drop) } else { Ok(()) }
                };
                proofs.after(turn.await, "what is proved daily is not proved", "what is proved daily is proved again");
            }
        };
        tokio::select! {
            () = work => {}
            () = stop.told() => {}
        }
    })
}

async fn is_due(db: &Db, scope: &str, after: time::Duration) -> Result<bool> {
    let last = db.last_verification(scope).await?;
    Ok(last.is_none_or(|at| db.env().now() - at >= after))
}

/// Keeps in the database when the newest drill of this data directory was: alerts are made from there.
async fn note_drill(place: &Place, db: &Db) -> Result<()> {
    match drill::last(place).await? {
        Some((at, well)) => db.note_drill(at, well).await,
        None => Ok(()),
    }
}

async fn all(db: &Db) -> Result<()> {
    let began = db.env().now();
    let reports = db.check_all_rows(None).await?;
    reports.iter().for_each(tell);
    let (rows, faults) = (reports.iter().map(|r| r.rows).sum(), reports.iter().map(|r| r.faults.len() as u64).sum());
    db.note_verification("rows", began, (rows, faults), None).await
}

async fn some(db: &Db, places: &mut HashMap<Uuid, Option<OffsetDateTime>>) -> Result<()> {
    for tenant in db.served_tenants().await? {
        tell(&db.sample_rows(tenant, PERCENT, places.entry(tenant).or_default()).await?);
    }
    Ok(())
}

fn tell(report: &RowReport) {
    if report.alerts > 0 {
        let (tenant, rows) = (report.tenant, report.faults.len());
        tracing::error!(%tenant, rows, "rows were changed behind Salus: see audit.tamper_alerts");
    }
}
