//! `salus verify` and `salus doctor`: whether an installation works, and what is not as it should be.

use crate::{
    output::{Outcome, table},
    place::Place,
};
use clap::Subcommand;
use salus_core::{Ctx, Error, Result};
use salus_domains::{auth, verify};
use salus_store::{lint, migrate, scan::Scanner};
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum DoctorCommand {
    /// Break no rule of tenancy, performance or naming (T01–T16, P01–P02, N01–N11).
    Tenancy,
    /// Version, settings, size and connections of the database.
    Database,
    /// Whether every organization has a way back in: a person who manages accounts, and a sealed emergency credential.
    Accounts,
    /// Age of the newest backup, reach of the archived log, and the last drill.
    Backups,
    /// Whether every column that must be sealed is and is registered (N03, N06, N08), and which blind indexes tell too much.
    Crypto,
    /// Search heap files, indexes, write-ahead log and logs of the embedded cluster for values that must be sealed.
    PlaintextScan {
        /// A value that is stored sealed, such as a real patient's record number; any number of times.
        #[arg(long = "canary", required = true)]
        canaries: Vec<String>,
        /// Other files or folders to search, such as a backup.
        #[arg(long = "path")]
        paths: Vec<PathBuf>,
    },
}

pub async fn verify(place: &Place) -> Result<Outcome> {
    let report = verify::verify(&place.db().await?).await;
    let rows: Vec<Vec<String>> = report
        .checks
        .iter()
        .map(|c| {
            let goal = c.goal_milliseconds.map(|g| format!("< {g} ms")).unwrap_or_default();
            let outcome = format!("{:?}", c.outcome).to_lowercase();
            vec![outcome, c.name.to_owned(), format!("{:.1} ms", c.milliseconds), goal, c.message.clone()]
        })
        .collect();
    let ok = report.holds();
    Ok(Outcome {
        json: json!({"ok": ok, "checks": report.checks}),
        text: table(&["", "check", "took", "goal", ""], &rows),
        ok,
    })
}

pub async fn doctor(place: &Place, command: DoctorCommand) -> Result<Outcome> {
    match command {
        DoctorCommand::Tenancy => {
            let findings = lint::check(&place.admin().await?).await?;
            let rows: Vec<Vec<String>> = findings
                .iter()
                .map(|f| vec![f.rule.clone(), f.object.clone(), f.problem.clone(), f.fix.clone()])
                .collect();
            let ok = findings.is_empty();
            let text = if ok { "No rule is broken".into() } else { table(&["rule", "where", "what", "fix"], &rows) };
            Ok(Outcome { json: json!({"ok": ok, "findings": findings}), text, ok })
        }
        DoctorCommand::Database => {
            let health = migrate::health(&place.admin().await?).await?;
            let ok = health.problems.is_empty();
            let text = if ok { "The database is well".into() } else { health.problems.join("\n") };
            Ok(Outcome { json: json!({"ok": ok, "health": health}), text, ok })
        }
        DoctorCommand::Crypto => super::crypto::doctor(place).await,
        DoctorCommand::Accounts => accounts(place).await,
        DoctorCommand::Backups => super::backup::schedule::doctor(place).await,
        DoctorCommand::PlaintextScan { canaries, mut paths } => {
            if let Some(cluster) = place.cluster() {
                // What is only in memory has not been written yet: make the files say what they will say.
                place.admin().await?.batch_execute("CHECKPOINT").await.map_err(Error::internal)?;
                paths.push(place.config.home.join("cluster"));
                paths.push(place.config.home.join("log"));
                let _ = cluster;
            } else if paths.is_empty() {
                return Err(Error::invalid(
                    "path",
                    "required",
                    "Name the files to search: the database is not on this machine",
                ));
            }
            let scan = Scanner::new(&canaries)?.scan(&paths)?;
            let ok = scan.hits.is_empty();
            let mut lines: Vec<String> = scan
                .hits
                .iter()
                .map(|h| {
                    format!(
                        "IN CLEAR: canary {} in {} at byte {} ({})",
                        h.canary + 1,
                        h.file.display(),
                        h.offset,
                        h.form
                    )
                })
                .collect();
            lines.push(format!(
                "{} files, {} MB searched: {} value(s) in clear",
                scan.files,
                scan.bytes / 1_000_000,
                scan.hits.len()
            ));
            Ok(Outcome { json: json!({"ok": ok, "scan": scan}), text: lines.join("\n"), ok })
        }
    }
}

async fn accounts(place: &Place) -> Result<Outcome> {
    let db = place.db().await?;
    let (mut rows, mut told, mut unlisted) = (Vec::new(), Vec::new(), Vec::new());
    let list = auth::leaked_list(&db).await?;
    for tenant in db.tenants().await?.into_iter().filter(|t| t.state == "active") {
        let mut tx = db.begin(Ctx::operator(db.env(), tenant.id), true).await?;
        let ways = auth::ways_back(&mut tx).await?;
        if list.is_none() && auth::security(&mut tx).await?.breached_password_check {
            unlisted.push(tenant.slug.clone());
        }
        tx.finish_unrecorded().await?;
        let slug = &tenant.slug;
        let lacking = [
            (
                ways.administrator,
                "nobody active manages accounts",
                format!("salus user invite --tenant {slug} --role admin …"),
            ),
            (
                ways.emergency,
                "no emergency credential is sealed",
                format!("salus user seal-emergency --tenant {slug} --role admin"),
            ),
        ];
        for (_, problem, fix) in lacking.into_iter().filter(|(there, ..)| !there) {
            told.push(json!({"tenant": slug, "problem": problem, "fix": fix}));
            rows.push(vec![slug.clone(), problem.to_owned(), fix]);
        }
    }
    let ok = rows.is_empty();
    let mut text =
        if ok { "Every organization has a way back in".into() } else { table(&["tenant", "what", "fix"], &rows) };
    // Passwords that are guessed first are refused all the same: it is no fault of the installation.
    let notes: Vec<String> = (!unlisted.is_empty())
        .then(|| {
            format!(
                "{} refuse leaked passwords, and no list of them was imported: salus passwords import FILE",
                unlisted.join(", ")
            )
        })
        .into_iter()
        .collect();
    for note in &notes {
        text.push_str("\n\n");
        text.push_str(note);
    }
    Ok(Outcome { json: json!({"ok": ok, "findings": told, "notes": notes}), text, ok })
}
