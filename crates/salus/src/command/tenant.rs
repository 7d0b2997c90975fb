//! `salus tenant`: list and make tenants.

use crate::{
    output::{Outcome, table},
    place::Place,
};
use clap::Subcommand;
use salus_core::{Ctx, Result};
use salus_store::engine::NewRow;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// List the tenants.
    List,
    /// Make a tenant with its keys and its own organization.
    Create {
        /// Short name in addresses and commands: lower-case letters, digits and hyphens.
        slug: String,
        /// Name of the organization.
        #[arg(long)]
        name: String,
        /// payer, hospital, clinic, lab, school_district, tpa or vendor.
        #[arg(long, default_value = "clinic")]
        kind: String,
    },
}

pub async fn run(place: &Place, command: TenantCommand) -> Result<Outcome> {
    let db = place.db().await?;
    match command {
        TenantCommand::List => {
            let tenants = db.tenants().await?;
            let rows: Vec<Vec<String>> = tenants
                .iter()
                .map(|t| {
                    vec![
                        t.slug.clone(),
                        t.state.clone(),
                        if t.is_demo { "demo".into() } else { String::new() },
                        t.id.to_string(),
                    ]
                })
                .collect();
            Ok(Outcome::done(json!({"tenants": tenants}), table(&["tenant", "state", "", "id"], &rows)))
        }
        TenantCommand::Create { slug, name, kind } => {
            let id = db.create_tenant(&slug, false).await?;
            let mut tx = db.begin(Ctx::operator(db.env(), id), false).await?;
            let values = json!({"name": name, "kind": kind}).as_object().cloned().unwrap_or_default();
            tx.insert("auth.organizations", &[NewRow { id, values }]).await?;
            tx.commit("auth.organization.create", "auth.organizations").await?;
            let text =
                format!("Tenant {slug} was made. Next: salus user invite --tenant {slug} --email … --name … --role …");
            Ok(Outcome::done(json!({"id": id, "slug": slug}), text))
        }
    }
}
