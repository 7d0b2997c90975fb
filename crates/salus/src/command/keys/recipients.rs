//! `salus keys recipients`: whose identities open the root key. To take one away is to make the root key anew as well: who has
//! a copy of the older file and the identity could otherwise open what is sealed from now on.

use super::bring_log;
use crate::{
    output::{Outcome, table},
    place::Place,
};
use clap::Subcommand;
use salus_core::Result;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum RecipientsCommand {
    /// List the public keys that the root key is encrypted to, and which of them is the operator's.
    List,
    /// Encrypt the root key to one more identity.
    Add {
        /// Its public key.
        #[arg(value_name = "AGE_PUBLIC_KEY", required_unless_present = "new")]
        recipient: Option<String>,
        /// Make an identity, and print it once.
        #[arg(long, conflicts_with = "recipient")]
        new: bool,
    },
    /// Stop encrypting the root key to an identity, and give the root key a new version that it cannot open.
    Remove {
        /// Its public key.
        #[arg(value_name = "AGE_PUBLIC_KEY")]
        recipient: String,
    },
    /// Make a new identity for the operator in place of the one that leaked, and give the root key a new version.
    ReplaceOperator,
}

pub async fn run(place: &mut Place, command: RecipientsCommand) -> Result<Outcome> {
    match command {
        RecipientsCommand::List => list(place),
        RecipientsCommand::Add { recipient, new: _ } => {
            let files = place.keys();
            let made = files.add_recipient(recipient.as_deref())?;
            let text = match &made.identity {
                None => format!("{} opens the root key from now on. So do backups made from now on.", made.recipient),
                Some(identity) => format!(
                    "This identity opens the root key from now on. Write it down and keep it away from this machine; it is not\n\
                     stored and not shown again:\n\n    {identity}"
                ),
            };
            Ok(Outcome::done(json!({"ok": true, "recipient": made.recipient, "identity": made.identity}), text))
        }
        RecipientsCommand::Remove { recipient } => {
            place.keys().remove_recipient(&recipient)?;
            renewed(place, &format!("{recipient} does not open the root key any more.")).await
        }
        RecipientsCommand::ReplaceOperator => {
            let files = place.keys();
            let (old, new) = files.replace_operator()?;
            if place.config.kms.is_some() {
                // What the service gave before is not what opens the file now.
                place.forget_identity();
                place.keep_identity().await?;
            }
            place.keys().remove_recipient(&old)?;
            renewed(place, &format!("{new} is the operator's identity in place of {old}.")).await
        }
    }
}

fn list(place: &Place) -> Result<Outcome> {
    let files = place.keys();
    let all = files.recipients()?;
    let own = files.operator_public()?;
    let rows: Vec<Vec<String>> =
        all.iter().map(|r| vec![r.clone(), if *r == own { "operator" } else { "" }.to_owned()]).collect();
    Ok(Outcome::done(json!({"recipients": all, "operator": own}), table(&["opens the root key", ""], &rows)))
}

/// Gives the root key a new version after its recipients changed.
async fn renewed(place: &Place, said: &str) -> Result<Outcome> {
    let db = place.db().await?;
    bring_log(place).await;
    let done = db.rewrap_root(&place.keys(), &place.admin().await?).await?;
    let text = format!(
        "{said}\nThe root key is at version {}: {} tenant keys and {} keys of the audit log were put under it. Who has an older\n\
         root.age or an older backup, and the identity that is taken away, opens what was sealed up to now: go on with\n\
         salus keys rotate --tenant-key, then salus keys rotate --reason compromise. Destroy old backups when you can.",
        done.version, done.tenant_keys, done.log_keys
    );
    Ok(Outcome::done(json!({"ok": true, "done": done}), text))
}
