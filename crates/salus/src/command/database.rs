//! `salus db`: the life of the database.

use super::rows::Loss;
use crate::{
    output::{Outcome, table},
    place::Place,
};
use clap::Subcommand;
use salus_core::{Ctx, Error, PLATFORM, Result};
use salus_store::{
    Db,
    audit::Outcome::Failed,
    migrate::{self, Applied, Files, Row},
    schema::{self, repair},
};
use serde_json::{Value, json};
use std::fmt::Write as _;
use tokio_postgres::Client;
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub enum DbCommand {
    /// Make roles, extensions and the kernel's own tables. May be run any number of times.
    Init,
    /// Apply what is pending.
    Migrate {
        /// Only up to and with this number.
        #[arg(long)]
        to: Option<i32>,
    },
    /// Which files are applied, pending, changed or failed.
    Status,
    /// The exact SQL that migrate would run; nothing is run.
    Plan {
        #[arg(long)]
        to: Option<i32>,
    },
    /// Undo migrations down to this number, which stays applied.
    Down {
        #[arg(long)]
        to: i32,
        /// Also undo migrations whose data is lost by it. Back up first.
        #[arg(long)]
        accept_data_loss: bool,
        /// The backup that has what is lost, taken since the last migration; needed where the database is marked production.
        #[arg(long, value_name = "ID", requires = "accept_data_loss")]
        backup: Option<Uuid>,
    },
    /// Compare the live catalogue with the expected one and name each difference.
    Verify,
    /// Plan the statements that bring a drifted database back without touching a row.
    Repair {
        /// Run them.
        #[arg(long)]
        apply: bool,
    },
    /// Take the checksum of a changed file as it is now, after you have read the difference.
    Accept {
        /// The migration's number.
        #[arg(long)]
        version: i32,
    },
    /// Load the demonstration tenants that are missing. Refused on production.
    Seed,
    /// Empty the database. Refused on production and when it holds a tenant that is no demonstration.
    Reset,
    /// Version, settings, size, connections; what is not as it should be.
    Health,
    /// Mark this database as production: reset and demonstration data are refused from then on.
    Production,
}

pub async fn run(place: &Place, command: DbCommand) -> Result<Outcome> {
    let files = Files::embedded()?;
    let mut admin = place.admin().await?;
    match command {
        DbCommand::Init => {
            let done = migrate::init(&mut admin, files).await?;
            Ok(Outcome::done(steps_json(std::slice::from_ref(&done)), "The database is ready for salus db migrate"))
        }
        DbCommand::Migrate { to } => {
            drop(admin);
            let done = super::rows::migrate(place, files, to).await?;
            Ok(Outcome::done(steps_json(&done), steps(&done, "Nothing was pending")))
        }
        DbCommand::Status => status(&admin, files).await,
        DbCommand::Plan { to } => {
            let steps = migrate::plan(&admin, files, to).await?;
            let sql: Vec<String> = steps.iter().map(|s| format!("-- {}\n{}", s.title, s.sql())).collect();
            let list: Vec<Value> =
                steps.iter().map(|s| json!({"version": s.version, "title": s.title, "sql": s.sql()})).collect();
            Ok(Outcome::done(
                json!({"steps": list}),
                if sql.is_empty() { "-- nothing is pending".into() } else { sql.join("\n") },
            ))
        }
        DbCommand::Down { to, accept_data_loss: accepted, backup } => {
            drop(admin);
            let done = super::rows::undo(place, files, to, Loss { accepted, backup }).await?;
            Ok(Outcome::done(steps_json(&done), steps(&done, "Nothing was to be undone")))
        }
        DbCommand::Verify => verify(&admin).await,
        DbCommand::Repair { apply } => repair_plan(place, &mut admin, apply).await,
        DbCommand::Accept { version } => accept(place, &mut admin, files, version).await,
        DbCommand::Seed => {
            super::demo::run(place, super::demo::DemoCommand::Load { names: Vec::new(), scale: None }).await
        }
        DbCommand::Reset => {
            let done = migrate::reset(&mut admin, files).await?;
            let mut text = "The database is empty and migrated".to_owned();
            for path in place.put_evidence_aside()? {
                let _ = write!(text, "\nKept of the former audit log: {}", path.display());
            }
            Ok(Outcome::done(steps_json(&done), text))
        }
        DbCommand::Health => health(&admin).await,
        DbCommand::Production => production(place, &admin).await,
    }
}

/// The log of the platform. It needs keys, which there are none of before the first server.
async fn log(place: &Place) -> Result<Option<Db>> {
    if place.keys().exists() { place.db_as_it_is().await.map(Some) } else { Ok(None) }
}

/// Writes what an operator did to the database, or failed to do, into the audit log of the platform. Says whether there
/// was a log to write to.
async fn record<T>(log: Option<Db>, action: &'static str, detail: Value, done: Result<T>) -> Result<(T, bool)> {
    let target = "kernel.migrations";
    let Some(db) = log else { return done.map(|done| (done, false)) };
    let mut tx = db.begin(Ctx::operator(db.env(), PLATFORM), false).await?;
    tx.note(detail);
    match done {
        Ok(done) => {
            tx.commit(action, target).await?;
            Ok((done, true))
        }
        Err(e) => {
            tx.abandon(action, target, Failed, e.code()).await?;
            Err(e)
        }
    }
}

/// Whether the audit log has it, in words to end a sentence with.
fn told(recorded: bool) -> &'static str {
    if recorded {
        ", and the audit log of the platform says so"
    } else {
        "; there are no keys yet, so no event was written"
    }
}

async fn accept(place: &Place, admin: &mut Client, files: &Files, version: i32) -> Result<Outcome> {
    let log = log(place).await?;
    let done = migrate::accept(admin, files, version).await;
    let ((), recorded) = record(log, "kernel.migration.accept", json!({"migration": version}), done).await?;
    let text = format!("Migration {version:05} is taken as it is now{}", told(recorded));
    Ok(Outcome::done(json!({"accepted": version, "recorded": recorded}), text))
}

async fn production(place: &Place, admin: &Client) -> Result<Outcome> {
    let log = log(place).await?;
    let done = admin.execute("UPDATE kernel.installation SET production = true", &[]).await.map_err(Error::internal);
    let (_, recorded) = record(log, "kernel.installation.production", json!({}), done).await?;
    let text = format!("This database is production now{}", told(recorded));
    Ok(Outcome::done(json!({"production": true, "recorded": recorded}), text))
}

fn steps_json(done: &[Applied]) -> Value {
    let list: Vec<Value> =
        done.iter().map(|s| json!({"version": s.version, "title": s.title, "ms": s.duration.as_millis()})).collect();
    json!({"steps": list})
}

fn steps(done: &[Applied], nothing: &str) -> String {
    if done.is_empty() {
        return nothing.to_owned();
    }
    let rows: Vec<Vec<String>> =
        done.iter().map(|s| vec![s.title.clone(), format!("{} ms", s.duration.as_millis())]).collect();
    table(&["step", "took"], &rows)
}

async fn status(admin: &Client, files: &Files) -> Result<Outcome> {
    let status = migrate::status(admin, files).await?;
    let rows = |list: &[Row]| -> Vec<Vec<String>> {
        let row = |r: &Row| {
            let at = r.applied_at.map(|at| at.to_string()).unwrap_or_default();
            vec![r.version.map(|v| format!("{v:05}")).unwrap_or_default(), r.name.clone(), r.state.to_string(), at]
        };
        list.iter().map(row).collect()
    };
    let all: Vec<Vec<String>> = [rows(&status.replaceables), rows(&status.migrations)].concat();
    let list: Vec<Value> =
        all.iter().map(|r| json!({"version": r[0], "name": r[1], "state": r[2], "applied_at": r[3]})).collect();
    let ok = status.is_current();
    Ok(Outcome {
        json: json!({"current": ok, "files": list}),
        text: table(&["number", "file", "state", "applied at"], &all),
        // What is pending is no fault.
        ok: !status.is_faulty(),
    })
}

async fn verify(admin: &Client) -> Result<Outcome> {
    let differences = schema::verify(admin).await?;
    let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
    let ok = differences.is_empty();
    let text = if ok {
        "The live catalogue is the expected one".to_owned()
    } else {
        format!("{}\n\n{} difference(s): see salus db repair", lines.join("\n"), lines.len())
    };
    Ok(Outcome { json: json!({"ok": ok, "differences": lines}), text, ok })
}

async fn repair_plan(place: &Place, admin: &mut Client, apply: bool) -> Result<Outcome> {
    let plan = repair::plan(&schema::verify(admin).await?, &schema::expected()?);
    let list: Vec<Value> = plan
        .iter()
        .map(|r| json!({"difference": r.difference.to_string(), "statement": r.statement, "note": r.note}))
        .collect();
    if !apply {
        let lines: Vec<String> = plan
            .iter()
            .map(|r| {
                format!(
                    "-- {}\n-- {}\n{}",
                    r.difference,
                    r.note,
                    r.statement.as_deref().unwrap_or("-- a person has to decide")
                )
            })
            .collect();
        let text = if lines.is_empty() { "-- nothing differs".into() } else { lines.join("\n\n") };
        return Ok(Outcome::done(json!({"plan": list}), text));
    }
    let done = repair::apply(admin, &plan).await;
    // Only now: what was drifted may have been the log itself.
    let statements: Vec<&str> = plan.iter().filter_map(|r| r.statement.as_deref()).collect();
    let detail = json!({"planned": statements});
    let (done, recorded) = record(log(place).await?, "kernel.catalogue.repair", detail, done).await?;
    let mut lines = vec![format!("{} difference(s) repaired{}", done.applied, told(recorded))];
    lines.extend(done.refused.iter().map(|(r, why)| format!("REFUSED {}: {why}", r.difference)));
    lines.extend(done.remaining.iter().map(|d| format!("STILL {d}")));
    let ok = done.remaining.is_empty();
    let left: Vec<String> = done.remaining.iter().map(ToString::to_string).collect();
    Ok(Outcome {
        json: json!({"ok": ok, "plan": list, "applied": done.applied, "remaining": left, "recorded": recorded}),
        text: lines.join("\n"),
        ok,
    })
}

async fn health(admin: &Client) -> Result<Outcome> {
    let health = migrate::health(admin).await?;
    let ok = health.problems.is_empty();
    let mut lines = vec![
        format!("PostgreSQL {} as {} on {}", health.version, health.role, health.database),
        format!(
            "{} MB on disk, {} of {} connections",
            health.size_bytes / 1_000_000,
            health.connections,
            health.max_connections
        ),
    ];
    lines.extend(health.problems.iter().map(|p| format!("PROBLEM: {p}")));
    if ok {
        lines.push("All is well".into());
    }
    Ok(Outcome { json: json!(health), text: lines.join("\n"), ok })
}
