//! `salus passwords`: the list of leaked passwords, which is nobody's in particular.

use crate::{
    output::{Outcome, table},
    place::Place,
};
use clap::Subcommand;
use salus_core::Result;
use salus_domains::auth::{self, LeakedList};
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum PasswordsCommand {
    /// Take a list of leaked passwords that you have, in place of the one before. Nobody can choose one of them from then on,
    /// and who has one chooses another at the next sign-in, where the tenant's rules say so.
    Import {
        /// A password or its SHA-1 in hexadecimal on each line; after a SHA-1 may stand a colon and how often it was seen.
        file: PathBuf,
        /// Leave out those seen less often.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        min_count: u32,
    },
    /// Which list is in use.
    Status,
    /// Go on without a list.
    Remove,
}

pub async fn run(place: &Place, command: PasswordsCommand) -> Result<Outcome> {
    let db = place.db().await?;
    match command {
        PasswordsCommand::Import { file, min_count } => {
            let list = auth::import_list(&db, &file, min_count).await?;
            let text = format!("{} leaked passwords are refused from now on.", list.entries);
            Ok(Outcome::done(json!({"list": list}), text))
        }
        PasswordsCommand::Status => {
            let list = auth::leaked_list(&db).await?;
            let text = list.as_ref().map_or_else(
                || "There is no list of leaked passwords: salus passwords import FILE takes one.".into(),
                shown,
            );
            Ok(Outcome::done(json!({"list": list}), text))
        }
        PasswordsCommand::Remove => {
            auth::remove_list(&db).await?;
            Ok(Outcome::done(json!({"removed": true}), "The list of leaked passwords is gone."))
        }
    }
}

fn shown(list: &LeakedList) -> String {
    let row = [
        list.source.clone(),
        list.entries.to_string(),
        list.least_count.to_string(),
        list.imported_at.clone(),
        list.sha256.clone(),
    ];
    table(&["file", "passwords", "seen at least", "imported", "SHA-256"], &[row.to_vec()])
}
