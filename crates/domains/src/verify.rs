//! `salus verify`: the checks a user runs after an installation, an upgrade or a restore, on the real database. What
//! it writes it takes back; the one thing that stays is the audit event of a read, which is what is being checked.
//!
//! Times are measured against the goals of the specification (000-9). Slowness is marked and fails nothing; what does
//! not work fails and says what to do.

use crate::{medical, operations, resources};
use salus_core::{Ctx, Error, PLATFORM, Result};
use salus_store::{Call, Db, Tx, dispatch, engine::NewRow, sql};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use time::OffsetDateTime;
use uuid::Uuid;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It works.
    Passed,
    /// It works, in more time than the goal.
    Slow,
    /// It does not work.
    Failed,
}

/// One check.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub milliseconds: f64,
    /// How long it should take at most.
    pub goal_milliseconds: Option<u64>,
    /// What was found, or what is wrong and what to do.
    pub message: String,
}

/// All checks.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// In the order in which they ran.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether everything works, be it slowly.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.checks.iter().all(|c| c.outcome != Outcome::Failed)
    }
}

const CONNECT: u64 = 100;
const SIMPLE: u64 = 50;
const JOIN: u64 = 200;
const BATCH: u64 = 200;

/// Runs every check; one that fails does not keep the others from running.
pub async fn verify(db: &Db) -> Report {
    let mut checks = vec![
        connection(db).await,
        timed("simple query", Some(SIMPLE), simple_query(db)).await,
        timed("schemas", None, schemas(db)).await,
        timed("extensions", None, extensions(db)).await,
        timed("foreign keys", None, foreign_keys(db)).await,
        timed("no orphans", None, Box::pin(orphans(db))).await,
        timed("tenancy rules", None, Box::pin(tenancy_rules(db))).await,
    ];
    checks.extend([
        timed("create, read, update, delete", None, Box::pin(one_row(db))).await,
        timed("batch of 10", Some(BATCH), Box::pin(batch(db))).await,
        timed("join of several tables", Some(JOIN), Box::pin(join(db))).await,
        timed("read across schemas", Some(JOIN), Box::pin(across(db))).await,
        timed("audit trail", None, Box::pin(audit_trail(db))).await,
    ]);
    Report { checks }
}

async fn timed(name: &'static str, goal: Option<u64>, work: impl Future<Output = Result<String>>) -> Check {
    let since = Instant::now();
    let told = work.await;
    check(name, goal, since.elapsed(), told)
}

fn check(name: &'static str, goal: Option<u64>, took: Duration, told: Result<String>) -> Check {
    let slow = goal.is_some_and(|goal| took > Duration::from_millis(goal));
    let (outcome, message) = match told {
        Err(Error::Internal(why)) => {
            let fix = "run salus db verify, which compares tables and grants with those of this version";
            (Outcome::Failed, format!("{why}: {fix}"))
        }
        Err(e) => (Outcome::Failed, e.to_string()),
        Ok(message) => (if slow { Outcome::Slow } else { Outcome::Passed }, message),
    };
    let milliseconds = (took.as_secs_f64() * 1e5).round() / 100.0;
    Check { name, outcome, milliseconds, goal_milliseconds: goal, message }
}

/// A failed check in words: what is wrong, and what to do.
fn wrong(what: impl Into<String>) -> Error {
    Error::Unavailable(what.into())
}

async fn connection(db: &Db) -> Check {
    let since = Instant::now();
    match db.connect_time().await {
        Ok(took) => check("connection", Some(CONNECT), took, Ok("a new connection answers".into())),
        Err(e) => check("connection", Some(CONNECT), since.elapsed(), Err(e)),
    }
}

async fn platform(db: &Db) -> Result<Tx> {
    db.begin(Ctx::operator(db.env(), PLATFORM), false).await
}

async fn simple_query(db: &Db) -> Result<String> {
    let mut tx = platform(db).await?;
    let row = tx.query_opt(sql!("SELECT count(*) FROM kernel.tenants WHERE state = 'active'"), &[]).await?;
    tx.undo().await;
    let tenants: i64 = row.map_or(0, |r| r.get(0));
    Ok(format!("{} active tenants", tenants - 1))
}

async fn schemas(db: &Db) -> Result<String> {
    let tables = resources().into_iter().map(|r| r.table);
    let wanted: BTreeSet<String> = tables
        .chain(["kernel.tenants", "audit.activity_logs", "extensions."])
        .filter_map(|t| t.split_once('.').map(|(schema, _)| schema.to_owned()))
        .collect();
    let wanted: Vec<String> = wanted.into_iter().collect();
    let mut tx = platform(db).await?;
    let sql = sql!(
        "SELECT s FROM unnest($1::text[]) s WHERE to_regnamespace(s) IS NULL OR NOT has_schema_privilege(s, 'USAGE')"
    );
    let missing = tx.query(sql, &[&wanted]).await?;
    tx.undo().await;
    let missing: Vec<String> = missing.iter().map(|r| r.get(0)).collect();
    if missing.is_empty() {
        Ok(wanted.join(", "))
    } else {
        Err(wrong(format!("missing or closed to this role: {}: run salus db migrate", missing.join(", "))))
    }
}

async fn extensions(db: &Db) -> Result<String> {
    let mut tx = platform(db).await?;
    let sql = sql!(
        "SELECT w, e.extversion FROM unnest(ARRAY['pg_trgm', 'pgcrypto', 'uuid-ossp']) w \
         LEFT JOIN pg_extension e ON e.extname = w ORDER BY 1"
    );
    let rows = tx.query(sql, &[]).await?;
    tx.undo().await;
    let named = |there: bool| {
        let of = rows.iter().filter(move |r| r.get::<_, Option<&str>>(1).is_some() == there);
        of.map(|r| {
            format!("{} {}", r.get::<_, &str>(0), r.get::<_, Option<&str>>(1).unwrap_or_default()).trim().to_owned()
        })
        .collect::<Vec<_>>()
        .join(", ")
    };
    let missing = named(false);
    if missing.is_empty() {
        return Ok(named(true));
    }
    Err(wrong(format!(
        "{missing} missing: install PostgreSQL's contrib modules, then run salus db migrate as administrator"
    )))
}

async fn foreign_keys(db: &Db) -> Result<String> {
    let mut tx = platform(db).await?;
    let sql = sql!(
        "SELECT k.conrelid::regclass::text || ' ' || k.conname, k.convalidated, \
                EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstraint = k.oid AND t.tgenabled = 'D') \
           FROM pg_constraint k WHERE k.contype = 'f' ORDER BY 1"
    );
    let rows = tx.query(sql, &[]).await?;
    tx.undo().await;
    let broken = |column: usize, when: bool| {
        let of = rows.iter().filter(move |r| r.get::<_, bool>(column) == when).map(|r| r.get::<_, String>(0));
        of.collect::<Vec<_>>()
    };
    let (unchecked, off) = (broken(1, false), broken(2, true));
    if rows.is_empty() {
        Err(wrong("there is none: run salus db migrate"))
    } else if !unchecked.is_empty() {
        Err(wrong(format!("not validated: {}: ALTER TABLE … VALIDATE CONSTRAINT", unchecked.join(", "))))
    } else if !off.is_empty() {
        Err(wrong(format!("switched off: {}: ALTER TABLE … ENABLE TRIGGER ALL", off.join(", "))))
    } else {
        Ok(format!("{} validated and enforced", rows.len()))
    }
}

async fn orphans(db: &Db) -> Result<String> {
    let counted = db.orphans().await?;
    if counted.orphans.is_empty() {
        return Ok(format!("{} references of {} tenants", counted.references, counted.tenants));
    }
    let found: Vec<String> =
        counted.orphans.iter().map(|o| format!("{} has {} in tenant {}", o.reference, o.rows, o.tenant)).collect();
    Err(wrong(format!("rows without the row they refer to: {}: restore them from a backup", found.join("; "))))
}

async fn tenancy_rules(db: &Db) -> Result<String> {
    let findings = db.lint().await?;
    match salus_store::lint::fatal(&findings) {
        Some(e) => Err(e),
        None => Ok(format!("T01 to T16 hold; {} other findings", findings.len())),
    }
}

/// A patient that nobody will ever see: what was made is taken back.
async fn one_row(db: &Db) -> Result<String> {
    let mut tx = platform(db).await?;
    let told = one_row_in(&mut tx).await;
    tx.undo().await;
    told
}

async fn one_row_in(tx: &mut Tx) -> Result<String> {
    let (id, table) = (tx.ctx.env.id(), medical::PATIENTS.table);
    let before = "Verification";
    let made = tx.create(table, patient(id, before)).await?;
    let read = tx.get(table, id, &[]).await?;
    if made.text("family_name") != before || read.text("family_name") != before {
        return Err(wrong("a sealed value is not read back as it was written: run salus keys doctor"));
    }
    let changed = tx.update(table, id, Some(1), members(json!({"family_name": "Verified"}))).await?;
    if changed.text("family_name") != "Verified" || changed.get("row_version") != Some(&json!(2)) {
        return Err(wrong("a change is not read back: the trigger touch is missing, run salus db verify"));
    }
    tx.query(sql!("DELETE FROM medical.patients WHERE id = $1"), &[&id]).await?;
    match tx.get(table, id, &[]).await {
        Err(Error::NotFound) => Ok("a sealed row was made, read, changed and removed, and nothing of it kept".into()),
        _ => Err(wrong("a removed row is still there: check who may delete from medical.patients")),
    }
}

async fn batch(db: &Db) -> Result<String> {
    let mut tx = platform(db).await?;
    let rows: Vec<NewRow> = (0..10).map(|i| patient(db.env().id(), &format!("Verification {i}"))).collect();
    let told = tx.insert(medical::PATIENTS.table, &rows).await;
    tx.undo().await;
    told.map(|()| "10 sealed rows in one statement, taken back".into())
}

fn patient(id: Uuid, name: &str) -> NewRow {
    NewRow { id, values: members(json!({"family_name": name, "given_names": "Scratch", "birth_date": "1980-02-29"})) }
}

fn members(value: Value) -> Map<String, Value> {
    if let Value::Object(members) = value { members } else { Map::new() }
}

/// The tenant with real rows that was made first, or the platform's own on an empty installation.
async fn some_tenant(db: &Db) -> Result<(Uuid, String)> {
    let mut tx = platform(db).await?;
    let sql =
        sql!("SELECT id, slug FROM kernel.tenants WHERE state = 'active' ORDER BY id = $1, created_at, id LIMIT 1");
    let row = tx.query_opt(sql, &[&PLATFORM]).await?;
    tx.undo().await;
    row.map(|r| (r.get(0), r.get(1))).ok_or_else(|| wrong("there is no active tenant: run salus db migrate"))
}

async fn join(db: &Db) -> Result<String> {
    let (tenant, slug) = some_tenant(db).await?;
    let mut tx = db.begin(Ctx::operator(db.env(), tenant), true).await?;
    let sql = sql!(
        "SELECT count(*) FROM (SELECT p.id, e.id, d.id, v.id FROM medical.patients p \
           LEFT JOIN records.encounters e ON e.tenant_id = p.tenant_id AND e.patient_id = p.id \
           LEFT JOIN records.diagnoses d ON d.tenant_id = e.tenant_id AND d.encounter_id = e.id \
           LEFT JOIN medical.providers v ON v.tenant_id = e.tenant_id AND v.id = e.provider_id \
          ORDER BY p.id DESC LIMIT 200) joined"
    );
    let row = tx.query_opt(sql, &[]).await?;
    tx.undo().await;
    Ok(format!("{} rows of four tables of {slug}", row.map_or(0, |r| r.get::<_, i64>(0))))
}

async fn across(db: &Db) -> Result<String> {
    let (tenant, slug) = some_tenant(db).await?;
    let mut tx = db.begin(Ctx::operator(db.env(), tenant), true).await?;
    let sql = sql!(
        "SELECT count(*) FROM (SELECT t.slug, u.id, p.id, s.recorded_at FROM kernel.tenants t \
           LEFT JOIN auth.users u ON u.tenant_id = t.id \
           LEFT JOIN auth.user_person_links k ON k.tenant_id = u.tenant_id AND k.user_id = u.id \
           LEFT JOIN medical.patients p ON p.tenant_id = k.tenant_id AND p.id = k.patient_id \
           LEFT JOIN audit.activity_logs s ON s.tenant_id = u.tenant_id AND s.actor_id = u.id \
          WHERE t.id = kernel.tenant() LIMIT 200) joined"
    );
    let row = tx.query_opt(sql, &[]).await?;
    tx.undo().await;
    Ok(format!("{} rows of kernel, auth, medical and audit of {slug}", row.map_or(0, |r| r.get::<_, i64>(0))))
}

/// A read through the door leaves exactly one event of its request.
async fn audit_trail(db: &Db) -> Result<String> {
    let ops = operations(db.catalog())?;
    let op = ops
        .iter()
        .find(|o| o.name == format!("{}.list", medical::PATIENTS.noun))
        .ok_or_else(|| Error::internal("patients are not listed"))?;
    let ctx = Ctx::operator(db.env(), PLATFORM);
    let (request, since) = (ctx.request, db.env().now() - time::Duration::minutes(1));
    let call = Call { query: vec![("limit".into(), "1".into())], ..Call::default() };
    dispatch(db, op, ctx, call).await?;
    let events = events_of(db, request, since).await?;
    match events.as_slice() {
        [action] if *action == op.name => Ok(format!("{action} was recorded")),
        [] => Err(wrong("a read left no event: check the grants on audit.activity_logs")),
        other => Err(wrong(format!("a read left {} events: {}", other.len(), other.join(", ")))),
    }
}

async fn events_of(db: &Db, request: Uuid, since: OffsetDateTime) -> Result<Vec<String>> {
    let mut tx = platform(db).await?;
    let sql = sql!(
        "SELECT action FROM audit.activity_logs WHERE recorded_at >= $1 \
            AND convert_from(header, 'UTF8')::jsonb ->> 'request' = $2::uuid::text"
    );
    let rows = tx.query(sql, &[&since, &request]).await?;
    tx.undo().await;
    Ok(rows.iter().map(|r| r.get(0)).collect())
}
