//! `salus demo`: load demonstration tenants.

use crate::{output::Outcome, place::Place};
use clap::{Subcommand, ValueEnum};
use salus_core::{Error, Result};
use salus_domains::demo;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum DemoCommand {
    /// Load demonstration tenants; all that are not there yet when none is named.
    Load {
        /// austa, larkspur or valley.
        names: Vec<String>,
        /// How much: small (30 patients, 120 students) or full (300 patients, 1,450 students). Without it the clinic is
        /// full and the district small.
        #[arg(long)]
        scale: Option<Scale>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Scale {
    Small,
    Full,
}

pub async fn run(place: &Place, command: DemoCommand) -> Result<Outcome> {
    let DemoCommand::Load { names, scale } = command;
    let db = place.db().await?;
    let known = demo::names();
    if let Some(wrong) = names.iter().find(|n| !known.contains(n)) {
        return Err(Error::invalid("name", "not_allowed", format!("{wrong} is none of: {}", known.join(", "))));
    }
    let (mut lines, mut done) = (Vec::new(), Vec::new());
    for name in if names.is_empty() { &known } else { &names } {
        if demo::exists(&db, name).await? {
            lines.push(format!("{name} is there already"));
            continue;
        }
        let size = match scale {
            None => demo::usual(name),
            Some(Scale::Small) => demo::Size::Small,
            Some(Scale::Full) => demo::Size::Full,
        };
        let loaded = demo::load_sized(&db, name, size).await?;
        lines.push(format!("{name} was loaded. One-time links to choose a password (72 hours):"));
        for i in &loaded.invitations {
            let path = format!("/setup/{}", i.token);
            lines.push(format!("    {} ({}): {}", i.email, i.roles.join(", "), place.config.link(&path)));
            done.push(json!({"tenant": name, "email": i.email, "roles": i.roles, "setup_path": path}));
        }
    }
    Ok(Outcome::done(json!({"invitations": done}), lines.join("\n")))
}
