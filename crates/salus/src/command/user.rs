//! `salus user`: invite, list, end access, make API keys.

use crate::{
    output::{Outcome, table},
    place::Place,
};
use clap::Subcommand;
use salus_core::{Ctx, Error, Permissions, Purpose, Result};
use salus_domains::{auth, operations};
use salus_store::{Body, Call, Db, dispatch};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make a user and print the one-time link by which they choose their password.
    Invite {
        #[arg(long)]
        tenant: String,
        #[arg(long)]
        email: String,
        #[arg(long)]
        name: String,
        /// Role, any number of times.
        #[arg(long = "role")]
        roles: Vec<String>,
    },
    /// Make a service account: a program that calls with an API key, printed once, and never signs in.
    Service {
        #[arg(long)]
        tenant: String,
        #[arg(long)]
        name: String,
        /// Role, any number of times.
        #[arg(long = "role", required = true)]
        roles: Vec<String>,
        /// Life of the key in days, at most 365.
        #[arg(long, default_value_t = 90)]
        days: i64,
    },
    /// Bring in the users of an existing system, who keep their passwords: one JSON object a line with email,
    /// `display_name`, roles and `bcrypt_hash`.
    Import {
        #[arg(long)]
        tenant: String,
        /// The file, NDJSON.
        #[arg(long)]
        file: std::path::PathBuf,
    },
    /// List the users of a tenant.
    List {
        #[arg(long)]
        tenant: String,
    },
    /// End a user's access at once.
    Disable {
        #[arg(long)]
        tenant: String,
        #[arg(long)]
        email: String,
    },
    /// Print a new one-time link; the old password stops working.
    Reinvite {
        #[arg(long)]
        tenant: String,
        #[arg(long)]
        email: String,
    },
    /// Make the emergency recovery credential of a tenant, in place of the one before, and print its shares once: enough of
    /// them let somebody in for an hour, once, when nobody can sign in any more.
    SealEmergency {
        #[arg(long)]
        tenant: String,
        /// The role that it gives.
        #[arg(long, default_value = "admin")]
        role: String,
        /// Into how many shares it is split.
        #[arg(long, default_value_t = 5)]
        shares: u8,
        /// How many of them together open.
        #[arg(long, default_value_t = 3)]
        needed: u8,
    },
    /// Make an API key for a user and print it once.
    ApiKey {
        #[arg(long)]
        tenant: String,
        #[arg(long)]
        email: String,
        /// What the key is for.
        #[arg(long)]
        name: String,
        /// Permission pattern the key is limited to, any number of times; all of the user's when none is given.
        #[arg(long = "scope")]
        scopes: Vec<String>,
        /// Purpose of use the key is limited to, such as TREAT, any number of times; those of the user's roles when none is given.
        #[arg(long = "purpose")]
        purposes: Vec<String>,
        /// Life in days, at most 365.
        #[arg(long, default_value_t = 90)]
        days: i64,
    },
}

pub async fn run(place: &Place, command: UserCommand) -> Result<Outcome> {
    let db = place.db().await?;
    let tenant = match &command {
        UserCommand::Invite { tenant, .. }
        | UserCommand::Service { tenant, .. }
        | UserCommand::Import { tenant, .. }
        | UserCommand::List { tenant }
        | UserCommand::Disable { tenant, .. }
        | UserCommand::Reinvite { tenant, .. }
        | UserCommand::SealEmergency { tenant, .. }
        | UserCommand::ApiKey { tenant, .. } => place.tenant(&db, tenant).await?,
    };
    let ctx = Ctx::operator(db.env(), tenant);
    match command {
        UserCommand::Invite { email, name, roles, .. } => {
            let body = json!({"email": email, "display_name": name, "roles": roles});
            let made = call(&db, ctx, "auth.user.invite", Call { body, ..Call::default() }).await?;
            Ok(Outcome::done(
                made.clone(),
                format!("{email} can choose a password within 72 hours at {}", link(place, &made)),
            ))
        }
        UserCommand::Service { name, roles, days, .. } => service(&db, &ctx, (&name, &roles), days).await,
        UserCommand::Import { file, .. } => import(&db, ctx, &file).await,
        UserCommand::List { .. } => list(&db, ctx).await,
        UserCommand::Disable { email, .. } => {
            let found = by_email(&db, &ctx, &email).await?;
            let done = call(&db, ctx, "auth.user.disable", found).await?;
            Ok(Outcome::done(done, format!("{email} can no longer sign in; sessions and keys end within a second")))
        }
        UserCommand::SealEmergency { role, shares, needed, .. } => {
            seal(place, &db, &ctx, (&role, needed, shares)).await
        }
        UserCommand::Reinvite { email, .. } => {
            let found = by_email(&db, &ctx, &email).await?;
            let made = call(&db, ctx, "auth.user.reinvite", found).await?;
            Ok(Outcome::done(
                made.clone(),
                format!("{email} can choose a new password within 72 hours at {}", link(place, &made)),
            ))
        }
        UserCommand::ApiKey { email, name, scopes, purposes, days, .. } => {
            let user = by_email(&db, &ctx, &email).await?.id()?;
            let key = auth::create_api_key(
                &db,
                &ctx,
                user,
                &auth::NewApiKey {
                    name: &name,
                    scopes: Permissions::new(scopes),
                    days,
                    purposes: purposes_of(&purposes)?,
                    ..auth::NewApiKey::default()
                },
            )
            .await?;
            Ok(Outcome::done(json!({"id": key.id, "key": key.text}), shown_once(&key.text)))
        }
    }
}

/// The emergency credential of a tenant: its shares, once.
async fn seal(place: &Place, db: &Db, ctx: &Ctx, (role, needed, shares): (&str, u8, u8)) -> Result<Outcome> {
    let made = auth::seal_emergency(db, ctx, role, (needed, shares)).await?;
    let text = format!(
        "{}\n\nWrite each share on its own paper and keep the papers apart: {needed} of {shares} let somebody in as {role} \
         for an hour, once, at {}. They are shown this once; the credential before this one opens nothing any more.",
        made.shares.join("\n"),
        place.config.link("/sign-in/emergency")
    );
    Ok(Outcome::done(json!({"id": made.id, "shares": made.shares, "needed": needed, "role": role}), text))
}

/// A service account with its first key.
async fn service(db: &Db, ctx: &Ctx, (name, roles): (&str, &[String]), days: i64) -> Result<Outcome> {
    let mut tx = db.begin(ctx.clone(), false).await?;
    let user = auth::create_service(&mut tx, name, roles).await?;
    tx.commit("auth.user.create_service", "auth.users").await?;
    let new = auth::NewApiKey { name, scopes: Permissions::default(), days, ..auth::NewApiKey::default() };
    let key = auth::create_api_key(db, ctx, user, &new).await?;
    Ok(Outcome::done(json!({"user": user, "id": key.id, "key": key.text}), shown_once(&key.text)))
}

/// Brings in each line for itself: what is refused is named by its line, and the rest is done.
async fn import(db: &Db, ctx: Ctx, file: &std::path::Path) -> Result<Outcome> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| Error::invalid("file", "unreadable", format!("{}: {e}", file.display())))?;
    let (mut done, mut refused) = (0, Vec::new());
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let told = match serde_json::from_str(line) {
            Err(_) => Err(Error::Malformed("is no JSON object".into())),
            Ok(body) => {
                let ctx = Ctx { request: db.env().id(), ..ctx.clone() };
                call(db, ctx, "auth.user.import", Call { body, ..Call::default() }).await
            }
        };
        match told {
            Ok(_) => done += 1,
            Err(e) if matches!(e.status(), 500..) => return Err(e),
            Err(e) => refused.push(json!({"line": at + 1, "why": e.to_string()})),
        }
    }
    let mut lines: Vec<String> = refused.iter().map(|r| format!("line {}: {}", r["line"], r["why"])).collect();
    lines.push(format!("{done} users were brought in, {} lines were refused", refused.len()));
    let ok = refused.is_empty() && done > 0;
    Ok(Outcome { json: json!({"imported": done, "refused": refused}), text: lines.join("\n"), ok })
}

fn shown_once(key: &str) -> String {
    format!("The key is shown once:\n\n    {key}\n\nSend it as: Authorization: Bearer <key>")
}

fn purposes_of(codes: &[String]) -> Result<Vec<Purpose>> {
    codes.iter().map(|code| Purpose::parse("purpose", code)).collect()
}

/// The set-up link of a reply.
fn link(place: &Place, made: &Value) -> String {
    place.config.link(made["setup_path"].as_str().unwrap_or_default())
}

async fn call(db: &Db, ctx: Ctx, name: &str, call: Call) -> Result<Value> {
    let ops = operations(db.catalog())?;
    let op = ops.iter().find(|o| o.name == name).ok_or_else(|| Error::internal(format!("no operation {name}")))?;
    let reply = dispatch(db, op, ctx, call).await?;
    serde_json::to_value(&reply.body).map_err(Error::internal)
}

/// A call on the user of this address.
async fn by_email(db: &Db, ctx: &Ctx, email: &str) -> Result<Call> {
    let query = vec![("email".to_owned(), email.to_owned())];
    let found = call(db, ctx.clone(), "auth.user.list", Call { query, ..Call::default() }).await?;
    let id = found["data"][0]["id"].as_str();
    let id = id.ok_or_else(|| {
        Error::invalid("email", "no_such_record", format!("No user of this tenant has the address {email}"))
    })?;
    Ok(Call { path: vec![("id".into(), id.to_owned())], ..Call::default() })
}

async fn list(db: &Db, ctx: Ctx) -> Result<Outcome> {
    let ops = operations(db.catalog())?;
    let op = ops
        .iter()
        .find(|o| o.name == "auth.user.list")
        .ok_or_else(|| Error::internal("no operation auth.user.list"))?;
    let (mut rows, mut data, mut cursor) = (Vec::new(), Vec::new(), None);
    loop {
        let mut query = vec![("limit".to_owned(), "200".to_owned())];
        query.extend(cursor.take().map(|c| ("cursor".to_owned(), c)));
        let reply = dispatch(db, op, ctx.clone(), Call { query, ..Call::default() }).await?;
        let Body::Page(page) = reply.body else { return Err(Error::internal("a list is a page")) };
        for user in &page.rows {
            rows.push(
                ["email", "display_name", "kind", "status", "last_login_at"].map(|f| user.text(f).to_owned()).to_vec(),
            );
            data.push(json!(user));
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    Ok(Outcome::done(json!({"users": data}), table(&["e-mail", "name", "kind", "status", "last sign-in"], &rows)))
}
