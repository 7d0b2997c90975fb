//! A user's own notifications and choices: read and changed as the user, whatever roles they hold.

use super::{Medium, Notice, texts};
use crate::{auth::sign_in::as_user, clock, row};
use salus_core::{Ctx, Error, Result};
use salus_store::{At, Db, Tx, engine::NewRow, sql};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

/// Most notifications on the page.
const MOST: i64 = 100;

/// What waits for a user.
#[derive(Debug, Default)]
pub struct Inbox {
    /// How many are unread.
    pub unread: i64,
    /// The latest, newest first.
    pub items: Vec<Item>,
}

/// One notification.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names are the columns'")]
pub struct Item {
    pub id: String,
    pub title_key: String,
    pub target_table: String,
    pub target_id: String,
    pub created_at: String,
    pub is_read: bool,
}

/// What a user has chosen for a medium.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Which.
    pub medium: Medium,
    /// Whether it is wanted.
    pub is_wanted: bool,
    /// The telephone number for SMS.
    pub address: String,
}

/// The caller's notifications.
///
/// # Errors
/// Those of the database.
pub async fn inbox(db: &Db, ctx: &Ctx) -> Result<Inbox> {
    let mut tx = db.begin(as_user(&ctx.env, ctx.tenant, ctx.actor.id), true).await?;
    let sql = sql!(
        "SELECT id, title_key::text, coalesce(target_table::text, '') AS target_table, target_id, created_at, read_at, \
           (SELECT count(*) FROM auth.notifications c WHERE c.user_id = $1 AND c.read_at IS NULL) AS unread \
         FROM auth.notifications WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2"
    );
    let rows = tx.query(sql, &[&ctx.actor.id, &MOST]).await?;
    tx.count(rows.len());
    tx.commit("auth.notification.read_own", "auth.notifications").await?;
    let unread = rows.first().map_or(0, |r| r.get("unread"));
    let items = rows.iter().map(|r| {
        Ok(Item {
            id: r.get::<_, Uuid>("id").to_string(),
            title_key: r.get("title_key"),
            target_table: r.get("target_table"),
            target_id: r.get::<_, Option<Uuid>>("target_id").map_or_else(String::new, |id| id.to_string()),
            created_at: clock::text(r.get::<_, OffsetDateTime>("created_at"))?,
            is_read: r.get::<_, Option<OffsetDateTime>>("read_at").is_some(),
        })
    });
    Ok(Inbox { unread, items: items.collect::<Result<_>>()? })
}

/// How many of the caller's notifications are unread: a number, of which nothing is recorded.
///
/// # Errors
/// Those of the database.
pub async fn unread(db: &Db, ctx: &Ctx) -> Result<i64> {
    let mut tx = db.begin(as_user(&ctx.env, ctx.tenant, ctx.actor.id), true).await?;
    let sql = sql!("SELECT count(*) FROM auth.notifications WHERE user_id = $1 AND read_at IS NULL");
    let n = tx.query_opt(sql, &[&ctx.actor.id]).await?.map_or(0, |r| r.get(0));
    tx.finish_unrecorded().await?;
    Ok(n)
}

/// Marks one of the caller's notifications as read, or all of them.
///
/// # Errors
/// [`Error::NotFound`] for one that is not the caller's.
pub async fn mark_read(db: &Db, ctx: &Ctx, one: Option<Uuid>) -> Result<()> {
    let mut tx = db.begin(as_user(&ctx.env, ctx.tenant, ctx.actor.id), false).await?;
    let now = ctx.env.now();
    let sql = sql!(
        "UPDATE auth.notifications SET read_at = coalesce(read_at, $2) \
         WHERE user_id = $1 AND id = coalesce($3, id) AND (read_at IS NULL OR $3 IS NOT NULL) RETURNING id"
    );
    let marked = tx.query(sql, &[&ctx.actor.id, &now, &one]).await?.len();
    if let Some(id) = one {
        if marked == 0 {
            return Err(Error::NotFound);
        }
        tx.on_row(id);
    }
    tx.count(marked);
    // Other pages of the same user learn of it over their live connection.
    tx.emit("auth.notification.read", ctx.actor.id, json!({}));
    tx.commit("auth.notification.mark_read", "auth.notifications").await
}

/// Sends the caller a notification that says it is a test: it goes every way that they chose.
///
/// # Errors
/// Those of the database.
pub async fn notify_self(db: &Db, ctx: &Ctx) -> Result<()> {
    let mut tx = db.begin(as_user(&ctx.env, ctx.tenant, ctx.actor.id), false).await?;
    let notice = Notice { users: &[ctx.actor.id], title: "auth.test", params: json!({}), target: None };
    super::notify(&mut tx, &notice).await?;
    tx.commit("auth.notification.test", "auth.notifications").await
}

/// What the caller has chosen, one for each medium.
///
/// # Errors
/// Those of the database.
pub async fn choices(db: &Db, ctx: &Ctx) -> Result<Vec<Choice>> {
    let mut tx = db.begin(as_user(&ctx.env, ctx.tenant, ctx.actor.id), true).await?;
    let sql = sql!("SELECT id, medium::text, is_wanted, address FROM auth.notification_preferences WHERE user_id = $1");
    let rows = tx.query(sql, &[&ctx.actor.id]).await?;
    let mut all = vec![
        Choice { medium: Medium::Email, is_wanted: true, address: String::new() },
        Choice { medium: Medium::Sms, is_wanted: false, address: String::new() },
        Choice { medium: Medium::Push, is_wanted: true, address: String::new() },
    ];
    for found in &rows {
        let choice = all.iter_mut().find(|c| c.medium.name() == found.get::<_, &str>("medium"));
        let Some(choice) = choice else { continue };
        choice.is_wanted = found.get("is_wanted");
        if let Some(sealed) = found.get::<_, Option<&[u8]>>("address") {
            let at = At { table: "auth.notification_preferences", column: "address", row: found.get("id") };
            tx.open_value(at, sealed)?.as_str().unwrap_or_default().clone_into(&mut choice.address);
        }
    }
    tx.commit("auth.notification.read_choices", "auth.notification_preferences").await?;
    Ok(all)
}

/// Keeps the caller's choice for a medium.
///
/// # Errors
/// [`Error::Invalid`] for SMS without a telephone number.
pub async fn choose(db: &Db, ctx: &Ctx, choice: &Choice) -> Result<()> {
    let address: String = choice.address.chars().filter(|c| !c.is_whitespace() && !"-().".contains(*c)).collect();
    if choice.medium == Medium::Sms && (choice.is_wanted || !address.is_empty()) && !is_phone(&address) {
        let form = "Is a telephone number with its country, such as +15550100";
        return Err(Error::invalid("address", "wrong_form", form));
    }
    let mut tx = db.begin(as_user(&ctx.env, ctx.tenant, ctx.actor.id), false).await?;
    let sql = sql!("SELECT id FROM auth.notification_preferences WHERE user_id = $1 AND medium = $2::text FOR UPDATE");
    let known = tx.query_opt(sql, &[&ctx.actor.id, &choice.medium.name()]).await?;
    let address = (choice.medium == Medium::Sms && !address.is_empty()).then_some(address);
    keep(&mut tx, known.map(|r| r.get(0)), choice, address).await?;
    tx.commit("auth.notification.choose", "auth.notification_preferences").await
}

async fn keep(tx: &mut Tx, known: Option<Uuid>, choice: &Choice, address: Option<String>) -> Result<()> {
    if let Some(id) = known {
        tx.on_row(id);
        let values = row(json!({"is_wanted": choice.is_wanted, "address": address}));
        tx.update("auth.notification_preferences", id, None, values).await?;
        return Ok(());
    }
    let (id, user) = (tx.ctx.env.id(), tx.ctx.actor.id);
    tx.on_row(id);
    let values = row(json!({
        "user_id": user, "medium": choice.medium.name(), "is_wanted": choice.is_wanted, "address": address,
    }));
    tx.insert("auth.notification_preferences", &[NewRow { id, values }]).await
}

fn is_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

impl Item {
    /// The line it is shown by.
    #[must_use]
    pub fn title(&self, language: texts::Language) -> &'static str {
        texts::title(language, &self.title_key)
    }
}
