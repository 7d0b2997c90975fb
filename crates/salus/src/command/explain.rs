//! `salus explain`: why somebody can or cannot see a row.

use crate::{
    output::{Outcome, table},
    place::Place,
};
use clap::Subcommand;
use salus_core::{Ctx, Error, Purpose, Result};
use salus_domains::{
    auth,
    explain::{Question, explain},
};
use serde_json::json;
use std::fmt::Write as _;

#[derive(Debug, Subcommand)]
pub enum ExplainCommand {
    /// Why a user can or cannot see a row, rule by rule.
    Access {
        #[arg(long)]
        tenant: String,
        /// E-mail address of the user, or the id of a service account.
        #[arg(long)]
        user: String,
        /// The row, as `schema.table/ID`.
        #[arg(long, value_name = "TABLE/ID")]
        row: String,
        /// Purpose of use, such as TREAT or BTG; the user's first when absent.
        #[arg(long)]
        purpose: Option<String>,
    },
}

pub async fn run(place: &Place, command: ExplainCommand) -> Result<Outcome> {
    let ExplainCommand::Access { tenant, user, row, purpose } = command;
    let db = place.db().await?;
    // One that is suspended too: that is then the reason.
    let tenant = match db.tenants().await?.into_iter().find(|t| t.slug == tenant) {
        Some(known) => known.id,
        None => place.tenant(&db, &tenant).await?,
    };
    let purpose = purpose.map(|code| Purpose::parse("purpose", &code)).transpose()?;
    let wrong = || Error::invalid("row", "wrong_type", "Is of the form schema.table/ID");
    let (table_name, id) = row.rsplit_once('/').ok_or_else(wrong)?;
    let id = id.parse().map_err(|_| wrong())?;
    let mut tx = db.begin(Ctx::operator(db.env(), tenant), true).await?;
    let found = match user.parse() {
        Ok(id) => id,
        Err(_) => auth::user_of_address(&mut tx, &user).await?.ok_or_else(|| {
            Error::invalid("user", "no_such_record", format!("No user of this tenant has the address {user}"))
        })?,
    };
    let question = Question { user: found, table: table_name.to_owned(), row: id, purpose };
    let why = explain(&mut tx, &question).await?;
    tx.on_row(found);
    tx.commit("auth.user.access", "auth.users").await?;
    let verdict = if why.permit { "sees this row" } else { "does not see this row" };
    let lines: Vec<Vec<String>> = why
        .rules
        .iter()
        .map(|r| vec![r.rule.to_owned(), if r.holds { "permits" } else { "refuses" }.to_owned(), r.words.clone()])
        .collect();
    let policy = why.policy.map_or_else(String::new, |version| format!(", by version {version} of the policy"));
    let mut text = format!("{user} {verdict} for the purpose {}{policy}.\n\n", why.purpose.code());
    text.push_str(&table(&["rule", "", "how it comes to that"], &lines));
    if !why.hidden.is_empty() {
        let fields: Vec<String> = why.hidden.iter().map(|h| format!("{} ({})", h.field, h.why)).collect();
        let _ = write!(text, "\n\nLeft out: {}", fields.join(", "));
    }
    if !why.notice.is_empty() {
        let _ = write!(text, "\n\n{}", why.notice);
    }
    Ok(Outcome::done(json!(why), text))
}
