//! `salus ops`: what an operator does in need, without a database.

use crate::{config::Config, output::Outcome};
use clap::Subcommand;
use salus_core::Result;
use salus_store::cluster::free_ballast;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum OpsCommand {
    /// Give up the room that was kept beside the database, when its disk is full. The next start of the server keeps some
    /// again.
    FreeBallast,
}

pub fn run(config: &Config, command: &OpsCommand) -> Result<Outcome> {
    match command {
        OpsCommand::FreeBallast => {
            let bytes = free_ballast(&config.home)?;
            let text = format!("{} MiB were given up. The server goes on by itself; now make more room", bytes >> 20);
            Ok(Outcome::done(json!({"ok": true, "bytes": bytes}), text))
        }
    }
}
