//! `salus tenant`: list and make tenants.

use crate::{
    output::{Outcome, table},
    place::Place,
};
use clap::Subcommand;
use salus_core::Result;
use salus_domains::auth::{self, NewTenant};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// List the tenants.
    List,
    /// Make a tenant with its keys, its organization and the roles it starts with.
    Create {
        /// Short name in addresses and commands: lower-case letters, digits and hyphens.
        slug: String,
        /// Name of the organization.
        #[arg(long)]
        name: String,
        /// `payer`, `hospital`, `clinic`, `lab`, `school_district`, `tpa` or `vendor`.
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
            let roles: Vec<&str> = auth::start_roles().collect();
            let id = auth::create_tenant(&db, &NewTenant { slug: slug.clone(), name, kind }).await?;
            let text = format!(
                "Tenant {slug} was made, with the roles {}.\nNext: salus user invite --tenant {slug} --email … --name … --role admin",
                roles.join(", ")
            );
            Ok(Outcome::done(json!({"id": id, "slug": slug, "roles": roles}), text))
        }
    }
}
