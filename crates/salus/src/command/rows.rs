//! Stored rows against the log: `salus audit verify --rows`, what a migration does about rows that it rewrites, and the
//! task of `salus serve` that looks at one row in a hundred every hour and at all of them every week (`spec` B1.9), and
//! verifies the log every day.

use super::task::{Stop, Task, Trouble};
use crate::{output::Outcome, place::Place};
use salus_core::{Error, Result};
use salus_store::{
    Db,
    audit::{self, Evidence},
    migrate::{self, Applied, Files},
    rows::{Fault, RowReport},
    runtime,
};
use serde_json::json;
use std::{collections::HashMap, sync::Arc, time::Duration};
use time::OffsetDateTime;
use uuid::Uuid;

/// Between two samples.
const EVERY: Duration = Duration::from_hours(1);
/// Of each hundred rows.
const PERCENT: f32 = 1.0;
/// All rows are looked at again after this, whoever looked and however often the server was started since.
const WEEK: time::Duration = time::Duration::days(7);
/// The same for the log.
const DAY: time::Duration = time::Duration::days(1);
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
    Ok(Outcome { json: json!({"ok": ok, "tenants": reports}), text: lines.join("\n"), ok })
}

/// Applies what is pending. Rows that a migration rewrites are taken as it left them, on the record; what was wrong before
/// stays wrong.
pub async fn migrate(place: &Place, files: &Files, to: Option<i32>) -> Result<Vec<Applied>> {
    let mut admin = place.admin().await?;
    let pending = migrate::plan(&admin, files, to).await?.iter().any(|step| step.version.is_some());
    // Without keys there is no log yet, and without digests nothing to hold rows against.
    let before = if pending && place.has_rows() && has_digests(&admin).await? {
        place.db_as_it_is().await?.row_faults().await?
    } else {
        Vec::new()
    };
    let done = migrate::up(&mut admin, files, to).await?;
    if pending && place.has_rows() && has_digests(&admin).await? {
        let names: Vec<&str> = done.iter().map(|step| step.title.as_str()).collect();
        let db = place.db_as_it_is().await?;
        let taken = db.attest_since(&before, &format!("migrated: {}", names.join(", "))).await?;
        if taken > 0 {
            tracing::info!(rows = taken, "rows that were rewritten by migrations are on the record");
        }
    }
    Ok(done)
}

/// Whether this database tells of the rows that are written.
async fn has_digests(admin: &tokio_postgres::Client) -> Result<bool> {
    let sql = "SELECT to_regclass('kernel.row_changes') IS NOT NULL AND to_regclass('audit.data_integrity_checksums') IS NOT NULL";
    admin.query_one(sql, &[]).await.map(|row| row.get(0)).map_err(salus_core::Error::internal)
}

/// Begins to look at rows and at the log.
pub fn begin(place: &Arc<Place>, db: Db) -> Task {
    let place = Arc::clone(place);
    Task::begin("rows", async move |stop: Stop| {
        let work = async {
            let mut places = HashMap::new();
            let (mut rows, mut log) = (Trouble::default(), Trouble::default());
            loop {
                tokio::time::sleep(EVERY).await;
                let turn = async {
                    if is_due(&db, "rows", WEEK).await? { all(&db).await } else { some(&db, &mut places).await }
                };
                rows.after(turn.await, "rows are not checked", "rows are checked again");
                let turn =
                    async { if is_due(&db, "log", DAY).await? { verify_log(&place, &db).await } else { Ok(()) } };
                log.after(turn.await, "the audit log is not verified", "the audit log is verified again");
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

/// The whole log, with what is kept of it on this machine. What is wrong becomes alerts.
async fn verify_log(place: &Place, db: &Db) -> Result<()> {
    let Some(log) = place.log()? else { return Ok(()) };
    let (began, anchor, receipts) = (db.env().now(), place.anchor(), place.receipts_of_all(Vec::new()));
    let verified = runtime::spawn(async move {
        let evidence = Evidence { anchors: vec![&anchor], receipts: &receipts };
        audit::verify(&log, &evidence).await
    });
    let report = verified.await.map_err(Error::internal)??;
    for problem in &report.problems {
        tracing::error!(%problem, "the audit log is not whole: see audit.tamper_alerts");
    }
    db.note_verification("log", began, (report.size, report.problems.len() as u64), Some(&report.root)).await
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
