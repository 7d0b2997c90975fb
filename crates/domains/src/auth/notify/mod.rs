//! Notifications: something waits for a user. The row in `auth.notifications` is the delivery to the page; beyond it a
//! user is told by e-mail, SMS or push as they chose.
//!
//! What holds: a text that leaves the platform holds no health data, it says that something waits and where; a
//! notification is delivered once by each medium; where no carrier is configured the simulator keeps what would have
//! been sent. Live connections are in the web crate, their tickets in [`mod@ticket`].

mod carry;
mod deliver;
mod devices;
mod inbox;
mod push;
mod sms;
mod smtp;
mod texts;
mod ticket;

pub use carry::{Carrier, Carriers, Letter, Medium, Simulator};
pub use deliver::jobs;
pub(super) use devices::remove_all as remove_all_devices;
pub use devices::{Device, NewDevice, add_device, devices, push_key, remove_device};
pub use inbox::{Choice, Inbox, Item, choices, choose, inbox, mark_read, notify_self, unread};
pub use push::{Parcel, WebPush};
pub use sms::SmsWebhook;
pub use smtp::Smtp;
pub(crate) use texts::family_letter;
pub use texts::{Language, title};
pub use ticket::{Seat, Waiting, living, redeem, ticket};

use crate::row;
use salus_core::Result;
use salus_store::{Tx, engine::NewRow, sql};
use serde_json::{Value, json};
use uuid::Uuid;

/// The event by which delivery beyond the page begins.
const NOTIFIED: &str = "auth.notification.created";

/// Something that waits for users.
#[derive(Debug, Clone)]
pub struct Notice<'a> {
    /// Whom for.
    pub users: &'a [Uuid],
    /// Name of the text, such as `breach.review_due`; see [`texts::title`].
    pub title: &'a str,
    /// Numbers, codes and ids for the text; never names or health data.
    pub params: Value,
    /// What it is about: table and row.
    pub target: Option<(&'a str, Uuid)>,
}

/// Somebody who is told by ways that are given, whatever they chose for other notifications.
#[derive(Debug, Clone)]
pub struct Demand {
    /// Who.
    pub user: Uuid,
    /// By which media, besides the page; each with the id that its delivery is to have, by which receivers tell a repeated
    /// message and [`SETTLED`] tells what became of it.
    pub media: Vec<(Medium, Uuid)>,
}

/// What became of an attempt at a delivery that was demanded: `state`, `attempt`, whether it was the `last`, and the SHA-256
/// of what was said.
pub const SETTLED: &str = "auth.delivery.settled";

/// Tells users by the ways that are given, in the transaction of what it is about. What leaves the platform says `code` and the
/// address of `path`, both from `notice.params`, and nothing else; `notice.users` is not looked at. The caller must reach
/// the whole tenant.
///
/// # Errors
/// [`salus_core::Error::Invalid`] for a user who does not exist.
pub async fn demand(tx: &mut Tx, notice: &Notice<'_>, demands: &[Demand]) -> Result<()> {
    if demands.is_empty() {
        return Ok(());
    }
    let (table, target) = notice.target.unzip();
    let mut rows = Vec::new();
    let (mut ids, mut about, mut users, mut media) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for demand in demands {
        let id = tx.ctx.env.id();
        let values = row(json!({
            "user_id": demand.user, "title_key": notice.title, "params": notice.params,
            "target_table": table, "target_id": target,
        }));
        rows.push(NewRow { id, values });
        for (medium, delivery) in &demand.media {
            ids.push(*delivery);
            about.push(id);
            users.push(demand.user);
            media.push(medium.name());
        }
    }
    tx.insert("auth.notifications", &rows).await?;
    if !ids.is_empty() {
        let sql = sql!(
            "INSERT INTO auth.deliveries (id, notification_id, user_id, medium) \
             SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[])"
        );
        tx.query(sql, &[&ids, &about, &users, &media]).await?;
        for id in ids {
            tx.enqueue(deliver::DELIVER, &id.to_string(), json!({ "delivery": id }), None).await?;
        }
    }
    Ok(())
}

/// Marks what users were told of a row as read, because nobody has to look any more. The caller must reach the whole tenant.
///
/// # Errors
/// Those of the database.
pub async fn mark_seen(tx: &mut Tx, (table, row): (&str, Uuid), users: &[Uuid]) -> Result<()> {
    let now = tx.ctx.env.now();
    let sql = sql!(
        "UPDATE auth.notifications SET read_at = $4 \
         WHERE user_id = ANY($3) AND target_table = $1::text AND target_id = $2 AND read_at IS NULL"
    );
    tx.query(sql, &[&table, &row, &users, &now]).await?;
    // Other pages of those users learn of it.
    tx.emit("auth.notification.read", row, json!({}));
    Ok(())
}

/// Tells a person what happened to their own account, in the transaction of it: nothing happens to it behind their back. A
/// service reads no notifications. The caller must reach the whole tenant.
///
/// # Errors
/// As [`notify`].
pub(super) async fn tell_owner(tx: &mut Tx, user: Uuid, title: &str) -> Result<()> {
    let sql = sql!("SELECT id FROM auth.users WHERE id = $1 AND kind <> 'service'");
    if tx.query_opt(sql, &[&user]).await?.is_none() {
        return Ok(());
    }
    notify(tx, &Notice { users: &[user], title, params: json!({}), target: Some(("auth.users", user)) }).await
}

/// Tells users that something waits, in the transaction of what it is about. The caller must reach the whole tenant.
///
/// # Errors
/// [`salus_core::Error::Invalid`] for a user who does not exist.
pub async fn notify(tx: &mut Tx, notice: &Notice<'_>) -> Result<()> {
    if notice.users.is_empty() {
        return Ok(());
    }
    let (table, target) = notice.target.unzip();
    let rows: Vec<NewRow> = notice
        .users
        .iter()
        .map(|user| NewRow {
            id: tx.ctx.env.id(),
            values: row(json!({
                "user_id": user, "title_key": notice.title, "params": notice.params,
                "target_table": table, "target_id": target,
            })),
        })
        .collect();
    tx.insert("auth.notifications", &rows).await?;
    let ids: Vec<Uuid> = rows.iter().map(|r| r.id).collect();
    tx.emit(NOTIFIED, ids[0], json!({ "ids": ids }));
    Ok(())
}
