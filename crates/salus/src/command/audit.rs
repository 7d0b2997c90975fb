//! `salus audit`: read the audit log of a tenant.

use crate::{
    output::{Outcome, table},
    place::Place,
};
use clap::Subcommand;
use salus_core::{Ctx, Error, Result};
use salus_domains::operations;
use salus_store::{Call, dispatch};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// The newest events of a tenant.
    List {
        #[arg(long)]
        tenant: String,
        /// Only this operation, such as medical.patient.get.
        #[arg(long)]
        action: Option<String>,
        /// Only events before this time (RFC 3339).
        #[arg(long)]
        before: Option<String>,
    },
    /// Who saw or changed one person's record.
    Accesses {
        #[arg(long)]
        tenant: String,
        /// Id of the patient.
        #[arg(long)]
        patient: String,
    },
}

pub async fn run(place: &Place, command: AuditCommand) -> Result<Outcome> {
    let db = place.db().await?;
    let (tenant, name, call) = match command {
        AuditCommand::List { tenant, action, before } => {
            let given = [("action", action), ("before", before)];
            let query = given.into_iter().filter_map(|(n, v)| Some((n.to_owned(), v?))).collect();
            (tenant, "audit.log.list", Call { query, ..Call::default() })
        }
        AuditCommand::Accesses { tenant, patient } => {
            (tenant, "audit.log.accesses", Call { path: vec![("id".into(), patient)], ..Call::default() })
        }
    };
    let ctx = Ctx::operator(db.env(), place.tenant(&db, &tenant).await?);
    let ops = operations(db.catalog())?;
    let op = ops.iter().find(|o| o.name == name).ok_or_else(|| Error::internal(format!("no operation {name}")))?;
    let reply = dispatch(&db, op, ctx, call).await?;
    let reply = json!(reply.body);
    let text = |e: &Value, name: &str| e[name].as_str().unwrap_or_default().to_owned();
    let rows: Vec<Vec<String>> = reply["data"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|e| {
            let who = if e["actor_name"].is_null() { text(e, "actor_kind") } else { text(e, "actor_name") };
            vec![text(e, "at"), who, text(e, "action"), text(e, "outcome"), e["people"].to_string(), text(e, "request")]
        })
        .collect();
    Ok(Outcome::done(reply, table(&["at", "who", "action", "outcome", "people", "request"], &rows)))
}
