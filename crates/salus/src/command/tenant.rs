//! `salus tenant`: list and make tenants; what is done to one as a whole is in [`super::tenant_move`].

use super::tenant_move;
use crate::{
    output::{Outcome, table},
    place::Place,
};
use clap::Subcommand;
use salus_core::{Ctx, Result};
use salus_domains::auth::{self, NewTenant};
use salus_store::Tenant;
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// List the tenants.
    List {
        /// Also those that are closed, such as the scratch tenants of proofs.
        #[arg(long)]
        all: bool,
    },
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
    /// Give a tenant the roles of a kind of organization that it does not have yet; those it has stay as they are.
    AddRoles {
        slug: String,
        /// As for `create`.
        #[arg(long)]
        kind: String,
    },
    /// Write everything of a tenant, with its keys, into one encrypted file.
    Export {
        /// The tenant.
        slug: String,
        /// The file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Whoever shall open it (age1…); those who open the root key when not said.
        #[arg(long = "recipient", value_name = "AGE_PUBLIC_KEY")]
        recipients: Vec<String>,
    },
    /// Bring a tenant in from such a file, where there is none of its name or id. It is suspended then.
    Restore {
        /// The file.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// A file with an identity that opens it.
        #[arg(long, value_name = "FILE")]
        identity: PathBuf,
        /// Take it although another installation wrote it.
        #[arg(long)]
        foreign: bool,
    },
    /// Serve a tenant no more: nobody signs in, no key works.
    Suspend {
        /// The tenant.
        slug: String,
    },
    /// Serve a suspended tenant again.
    Resume {
        /// The tenant.
        slug: String,
    },
    /// Erase a suspended tenant for which a person of its own asked, and write a signed certificate. It cannot be taken back.
    Erase {
        /// The tenant.
        slug: String,
        /// Its name once more.
        #[arg(long, value_name = "TENANT")]
        confirm: String,
        /// The file for the certificate.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

pub async fn run(place: &Place, command: TenantCommand) -> Result<Outcome> {
    let db = place.db().await?;
    match command {
        TenantCommand::List { all } => Ok(list(db.tenants().await?, all)),
        TenantCommand::Create { slug, name, kind } => {
            let id = auth::create_tenant(&db, &NewTenant { slug: slug.clone(), name, kind: kind.clone() }).await?;
            let roles: Vec<&str> = auth::start_roles(&kind)?.into_iter().map(|r| r.name.as_str()).collect();
            let text = format!(
                "Tenant {slug} was made, with the roles {}.\nNext: salus user invite --tenant {slug} --email … --name … --role admin\nThen: salus user seal-emergency --tenant {slug}",
                roles.join(", ")
            );
            Ok(Outcome::done(json!({"id": id, "slug": slug, "roles": roles}), text))
        }
        TenantCommand::AddRoles { slug, kind } => {
            let tenant = place.tenant(&db, &slug).await?;
            let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await?;
            let added = auth::add_roles(&mut tx, &kind).await?;
            tx.count(added.len());
            tx.commit("auth.role.add_set", "auth.roles").await?;
            let text = if added.is_empty() {
                "Nothing was missing.".to_owned()
            } else {
                format!("Added: {}", added.join(", "))
            };
            Ok(Outcome::done(json!({"slug": slug, "added": added}), text))
        }
        TenantCommand::Export { slug, out, recipients } => {
            tenant_move::export(place, &db, &slug, (out, recipients)).await
        }
        TenantCommand::Restore { from, identity, foreign } => {
            tenant_move::restore(place, &db, &from, (&identity, foreign)).await
        }
        TenantCommand::Suspend { slug } => tenant_move::set_state(&db, &slug, ("active", "suspended")).await,
        TenantCommand::Resume { slug } => tenant_move::set_state(&db, &slug, ("suspended", "active")).await,
        TenantCommand::Erase { slug, confirm, out } => tenant_move::erase(place, &db, &slug, (&confirm, out)).await,
    }
}

fn list(tenants: Vec<Tenant>, all: bool) -> Outcome {
    let (shown, hidden): (Vec<Tenant>, Vec<Tenant>) = tenants.into_iter().partition(|t| all || t.state != "closed");
    let row = |t: &Tenant| {
        let kind = if t.is_demo { "demo" } else { "" };
        vec![t.slug.clone(), t.state.clone(), kind.to_owned(), t.id.to_string()]
    };
    let rows: Vec<Vec<String>> = shown.iter().map(row).collect();
    let mut text = table(&["tenant", "state", "", "id"], &rows);
    if !hidden.is_empty() {
        text = format!("{text}\n\n{} closed: --all lists them too", hidden.len());
    }
    Outcome::done(json!({"tenants": shown, "closed": hidden.len()}), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_tenants_are_counted_and_shown_when_asked() {
        let tenant = |slug: &str, state: &str| Tenant {
            id: salus_core::PLATFORM,
            slug: slug.into(),
            state: state.into(),
            is_demo: true,
        };
        let all =
            || vec![tenant("prove-a-0123abcd", "closed"), tenant("valley", "active"), tenant("west", "suspended")];
        let few = list(all(), false);
        assert!(!few.text.contains("prove-a") && few.text.contains("valley") && few.text.contains("west"));
        assert!(few.text.contains("1 closed") && few.json["closed"] == 1, "{}", few.text);
        let every = list(all(), true);
        assert!(every.text.contains("prove-a") && !every.text.contains("--all"), "{}", every.text);
    }
}
