//! Notifications: something waits for a user. The row in `auth.notifications` is the delivery to the page; beyond it a
//! user is told by e-mail or SMS as they chose.
//!
//! What holds: a text that leaves the platform holds no health data, it says that something waits and where; a
//! notification is delivered once by each medium; where no carrier is configured the simulator keeps what would have
//! been sent. Live connections are in the web crate, their tickets in [`mod@ticket`].

mod carry;
mod deliver;
mod inbox;
mod sms;
mod smtp;
mod texts;
mod ticket;

pub use carry::{Carrier, Carriers, Letter, Medium, Simulator};
pub use deliver::jobs;
pub use inbox::{Choice, Inbox, Item, choices, choose, inbox, mark_read, notify_self, unread};
pub use sms::SmsWebhook;
pub use smtp::Smtp;
pub(crate) use texts::family_letter;
pub use texts::{Language, title};
pub use ticket::{Seat, living, redeem, ticket};

use crate::row;
use salus_core::Result;
use salus_store::{Tx, engine::NewRow};
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
