//! What a signed-in person may see and end of their own: name, sessions, API keys.

use super::{assurance::is_fresh, factors::begin_own, sign_in::as_user};
use salus_core::{Ctx, Error, Result};
use salus_store::{At, Db, Record, Tx, sql};
use serde_json::Value;
use uuid::Uuid;

/// Who is signed in, for the head of every page.
#[derive(Debug, Default)]
pub struct Who {
    /// Name.
    pub name: String,
    /// Address.
    pub email: String,
    /// Name of the tenant's organization.
    pub organization: String,
    /// IANA name of the organization's time zone.
    pub timezone: String,
    /// Notifications not read yet.
    pub unread: i64,
    /// What a form of the session shows to be ours: the same as long as the session lives, whatever its token is.
    pub form: String,
}

/// A person's ways in.
#[derive(Debug, Default)]
pub struct OwnAccess {
    /// Living sessions, newest first.
    pub sessions: Vec<OwnSession>,
    /// API keys, newest first.
    pub keys: Vec<OwnKey>,
}

/// One session.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names are the columns'")]
pub struct OwnSession {
    pub id: String,
    pub agent: String,
    pub ip: String,
    pub created_at: String,
    pub last_seen_at: String,
}

/// One API key.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names are the columns'")]
pub struct OwnKey {
    pub id: String,
    pub name: String,
    pub prefix: String,
    pub scopes: Vec<String>,
    pub purposes: Vec<String>,
    pub created_at: String,
    pub last_used_at: String,
    pub expires_at: String,
    pub revoked_at: String,
}

/// How a person signs in, and from where they did.
#[derive(Debug, Default)]
pub struct OwnSecurity {
    /// Passkeys, oldest first.
    pub passkeys: Vec<Record>,
    /// Known browsers, latest first.
    pub devices: Vec<Record>,
    /// Attempts to sign in, latest first.
    pub history: Vec<Record>,
    /// Whether who they are was proved lately enough to change any of it.
    pub is_fresh: bool,
    /// The rules for a new password, in words.
    pub rules: Vec<String>,
}

/// What is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// The trust in a browser.
    Device,
    /// A session.
    Session,
    /// An API key.
    Key,
}

/// The caller's name and tenant.
///
/// # Errors
/// Those of the database.
pub async fn who(db: &Db, ctx: &Ctx) -> Result<Who> {
    let mut tx = db.begin(as_user(&ctx.env, ctx.tenant, ctx.actor.id), true).await?;
    let sql = sql!(
        "SELECT u.email, u.display_name, o.name::text AS organization, o.timezone::text AS timezone, \
           (SELECT count(*) FROM auth.notifications n WHERE n.user_id = $1 AND n.read_at IS NULL) AS unread \
         FROM auth.users u LEFT JOIN auth.organizations o ON o.tenant_id = u.tenant_id AND o.id = u.tenant_id WHERE u.id = $1"
    );
    let found = tx.query_opt(sql, &[&ctx.actor.id]).await?;
    let Some(found) = found else { return Ok(Who::default()) };
    let open = |tx: &mut Tx, column: &str| -> Result<String> {
        match found.get::<_, Option<&[u8]>>(column) {
            None => Ok(String::new()),
            Some(sealed) => Ok(text(&tx.open_value(At { table: "auth.users", column, row: ctx.actor.id }, sealed)?)),
        }
    };
    let (email, name) = (open(&mut tx, "email")?, open(&mut tx, "display_name")?);
    let form = match ctx.actor.session {
        None => String::new(),
        Some(session) => {
            hex::encode(&tx.digest("auth.sessions", "token_hash", &[b"form/", &session.as_bytes()[..]].concat())?[..16])
        }
    };
    tx.finish_unrecorded().await?;
    let of_organization = |column: &str| found.get::<_, Option<String>>(column).unwrap_or_default();
    let (organization, timezone) = (of_organization("organization"), of_organization("timezone"));
    Ok(Who { name, email, organization, timezone, unread: found.get("unread"), form })
}

/// The IANA name of the tenant's time zone; UTC where there is no organization yet.
///
/// # Errors
/// Those of the database.
pub async fn timezone(tx: &mut Tx) -> Result<String> {
    let tenant = tx.ctx.tenant;
    let found = tx.query_opt(sql!("SELECT timezone::text FROM auth.organizations WHERE id = $1"), &[&tenant]).await?;
    Ok(found.and_then(|r| r.get::<_, Option<String>>(0)).unwrap_or_else(|| "UTC".into()))
}

/// The texts of a list.
fn texts(of: &Record, name: &str) -> Vec<String> {
    of.get(name).and_then(Value::as_array).into_iter().flatten().map(text).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The caller's sessions and keys.
///
/// # Errors
/// Those of the database.
pub async fn own_access(db: &Db, ctx: &Ctx) -> Result<OwnAccess> {
    let mut tx = db.begin(ctx.clone(), true).await?;
    let fields = ["user_agent", "ip", "created_at", "last_seen_at"];
    // An access token ends in minutes and is renewed: its session goes on.
    let living = "t.user_id = $1 AND t.revoked_at IS NULL AND t.expires_at > $2 AND (t.kind = 'api' OR t.idle_expires_at > $2) ORDER BY t.last_seen_at DESC LIMIT 50";
    let sessions = tx.select("auth.sessions", &fields, living, &[&ctx.actor.id, &ctx.env.now()]).await?;
    let fields = ["name", "prefix", "scopes", "purposes", "created_at", "last_used_at", "expires_at", "revoked_at"];
    let keys =
        tx.select("auth.api_keys", &fields, "t.user_id = $1 ORDER BY t.id DESC LIMIT 50", &[&ctx.actor.id]).await?;
    tx.commit("auth.account.read", "auth.users").await?;
    let of = |r: &Record, name: &str| r.text(name).to_owned();
    Ok(OwnAccess {
        sessions: sessions
            .iter()
            .map(|r| OwnSession {
                id: of(r, "id"),
                agent: of(r, "user_agent"),
                ip: of(r, "ip"),
                created_at: of(r, "created_at"),
                last_seen_at: of(r, "last_seen_at"),
            })
            .collect(),
        keys: keys
            .iter()
            .map(|r| OwnKey {
                id: of(r, "id"),
                name: of(r, "name"),
                prefix: of(r, "prefix"),
                scopes: texts(r, "scopes"),
                purposes: texts(r, "purposes"),
                created_at: of(r, "created_at"),
                last_used_at: of(r, "last_used_at"),
                expires_at: of(r, "expires_at"),
                revoked_at: of(r, "revoked_at"),
            })
            .collect(),
    })
}

/// How the caller signs in, and from where.
///
/// # Errors
/// Those of the database.
pub async fn own_security(db: &Db, ctx: &Ctx) -> Result<OwnSecurity> {
    let (user, now) = (ctx.actor.id, ctx.env.now());
    let mut own = as_user(&ctx.env, ctx.tenant, user);
    own.actor.session = ctx.actor.session;
    let mut tx = db.begin(own, true).await?;
    let fields = ["name", "created_at", "last_used_at", "suspended_at"];
    let passkeys = tx.select("auth.passkeys", &fields, "t.user_id = $1 ORDER BY t.id LIMIT 50", &[&user]).await?;
    let fields = ["user_agent", "last_used_at", "expires_at"];
    let unended = "t.user_id = $1 AND t.revoked_at IS NULL AND t.expires_at > $2 ORDER BY t.last_used_at DESC LIMIT 50";
    let devices = tx.select("auth.trusted_devices", &fields, unended, &[&user, &now]).await?;
    let fields = ["created_at", "outcome", "reason", "ip", "user_agent"];
    let latest = "t.user_id = $1 ORDER BY t.created_at DESC LIMIT 30";
    let history = tx.select("auth.login_history", &fields, latest, &[&user]).await?;
    let is_fresh = is_fresh(&mut tx).await?;
    let configuration = super::configuration::security(&mut tx).await?;
    let rules = super::password::rules(&mut tx, &configuration).await?;
    tx.commit("auth.account.read", "auth.users").await?;
    Ok(OwnSecurity { passkeys, devices, history, is_fresh, rules })
}

/// Ends one of the caller's own sessions or keys, or the trust in a browser. A session is ended after a proof of late: whoever
/// sits before one that was left open does not shut out its owner elsewhere (ASVS 7.5.2).
///
/// # Errors
/// [`Error::NotFound`] for one that is not the caller's, [`Error::ProveAgain`].
pub async fn revoke_own(db: &Db, ctx: &Ctx, what: Own, id: Uuid) -> Result<()> {
    let mut tx = match what {
        Own::Session => begin_own(db, ctx).await?,
        Own::Device | Own::Key => db.begin(as_user(&ctx.env, ctx.tenant, ctx.actor.id), false).await?,
    };
    let (sql, action, target) = match what {
        Own::Device => (
            sql!(
                "UPDATE auth.trusted_devices SET revoked_at = $3 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL RETURNING id"
            ),
            "auth.device.forget",
            "auth.trusted_devices",
        ),
        Own::Session => (
            sql!(
                "UPDATE auth.sessions SET revoked_at = $3 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL RETURNING id"
            ),
            "auth.session.end",
            "auth.sessions",
        ),
        Own::Key => (
            sql!(
                "UPDATE auth.api_keys SET revoked_at = $3 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL RETURNING id"
            ),
            "auth.api_key.revoke",
            "auth.api_keys",
        ),
    };
    tx.query_opt(sql, &[&id, &ctx.actor.id, &ctx.env.now()]).await?.ok_or(Error::NotFound)?;
    tx.on_row(id);
    tx.commit(action, target).await
}
