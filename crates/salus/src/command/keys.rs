//! `salus keys`: make, list and check keys.

use crate::{
    output::{Outcome, table},
    place::Place,
};
use clap::Subcommand;
use salus_core::Result;
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make the root key, encrypted to the operator, a recovery identity that is printed once, and others.
    Init {
        /// Another age public key (age1…) that shall open the root key.
        #[arg(long = "recipient", value_name = "AGE_PUBLIC_KEY")]
        recipients: Vec<String>,
    },
    /// List the keys of all tenants: class, generation, state, age, use.
    Status,
    /// Unwrap every key and open every canary; with a file, also check that a kept recovery identity works.
    Doctor {
        /// A file that holds the recovery identity.
        #[arg(long, value_name = "FILE")]
        escrow: Option<PathBuf>,
    },
}

pub async fn run(place: &Place, command: KeysCommand) -> Result<Outcome> {
    match command {
        KeysCommand::Init { recipients } => {
            let identity = place.keys().init(&recipients)?;
            let root = place.keys().root;
            let text = format!(
                "The root key is in {}, encrypted to the operator's identity beside it and to this recovery identity.\n\
                 Write it down and keep it away from this machine; it is not stored and not shown again. Who loses both\n\
                 loses every sealed value:\n\n    {identity}",
                root.display()
            );
            Ok(Outcome::done(json!({"root": root, "recovery_identity": identity}), text))
        }
        KeysCommand::Status => status(place).await,
        KeysCommand::Doctor { escrow } => doctor(place, escrow).await,
    }
}

async fn status(place: &Place) -> Result<Outcome> {
    let db = place.db().await?;
    let mut rows = Vec::new();
    let mut list = Vec::new();
    for key in db.key_inventory().await? {
        rows.push(vec![
            key.tenant.clone(),
            key.kind.clone(),
            key.class.clone().unwrap_or_default(),
            key.generation.to_string(),
            key.state.clone(),
            key.activated_on.clone(),
            key.seals.to_string(),
        ]);
        list.push(json!(key));
    }
    let text = table(&["tenant", "kind", "class", "generation", "state", "since", "seals reserved"], &rows);
    Ok(Outcome::done(json!({"keys": list}), text))
}

async fn doctor(place: &Place, escrow: Option<PathBuf>) -> Result<Outcome> {
    let db = place.db().await?;
    let report = db.check_keys().await?;
    let mut lines = vec![format!("{} keys unwrapped, {} canaries open", report.unwrapped, report.canaries)];
    lines.extend(report.problems.iter().map(|p| format!("PROBLEM: {p}")));
    let mut escrowed = None;
    if let Some(path) = escrow {
        let text = std::fs::read_to_string(&path)
            .map_err(|e| salus_core::Error::invalid("escrow", "unreadable", format!("{}: {e}", path.display())))?;
        let verdict = place.keys().check_escrow(&text);
        lines.push(match &verdict {
            Ok(()) => "the recovery identity opens the root key".into(),
            Err(e) => format!("PROBLEM: {e}"),
        });
        escrowed = Some(verdict.is_ok());
    }
    let ok = report.problems.is_empty() && escrowed != Some(false);
    Ok(Outcome { json: json!({"ok": ok, "report": report, "escrow": escrowed}), text: lines.join("\n"), ok })
}
