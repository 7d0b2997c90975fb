//! Telling: one entry of the delivery log for each recipient and way, in the transaction of the alert. What leaves the
//! platform goes as a delivery of a notification (`auth::demand`), whose id is the entry's `provider_ref` and by which
//! receivers tell a repeated message. What quiet hours or a digest hold waits as an entry with a time, and leaves with what else waits for the
//! same person.

use super::{
    audience,
    quiet::{self, Quiet},
    severity::{Channel, Severity},
};
use crate::clock;
use crate::{
    auth::{self, Demand, Medium, Notice},
    row,
};
use salus_core::Result;
use salus_store::{Row, Tx, engine::NewRow, jobs::Task, sql};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use time::OffsetDateTime;
use uuid::Uuid;

const LOG: &str = "alerts.alert_delivery_log";
pub(super) const INSTANCES: &str = "alerts.alert_instances";

/// What somebody is told of.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) alert: Uuid,
    pub(super) severity: Severity,
    pub(super) category: String,
    pub(super) school: Option<Uuid>,
    /// The definition's, or the category.
    pub(super) code: String,
    /// Name of the text of the notification.
    pub(super) title_key: String,
    pub(super) level: i32,
}

/// How a person is reached, and when they want to be.
struct Person {
    user: Uuid,
    has_mail: bool,
    has_number: bool,
    has_device: bool,
    /// Their own subscription, if they have one.
    own: Option<Own>,
}

struct Own {
    channels: Vec<String>,
    filter: Value,
    quiet: Option<Quiet>,
    digest: String,
    muted: bool,
}

/// What is done by one way.
enum Way {
    Now,
    Held(OffsetDateTime),
    Suppressed(&'static str),
}

/// Tells these people; returns how many are reached by some way.
///
/// # Errors
/// Those of the database.
pub(super) async fn tell(
    tx: &mut Tx,
    word: &Word,
    users: &BTreeSet<Uuid>,
    channels: Option<&[Channel]>,
) -> Result<usize> {
    let now = tx.ctx.env.now();
    let zone = auth::timezone(tx).await?;
    let (mut demands, mut entries, mut reached) = (Vec::new(), Vec::new(), 0);
    for person in people(tx, users, now).await? {
        let mut media = Vec::new();
        for channel in person.channels(word.severity, channels) {
            let way = person.way(word, channel, &zone, now)?;
            entries.push(entry(tx, word, (person.user, channel, &way), &mut media)?);
        }
        demands.push(Demand { user: person.user, media });
        reached += 1;
    }
    let code = format!("{} {}", word.severity.name(), word.code);
    let path = format!("/alerts/{}", word.alert);
    let params = json!({"alert": word.alert, "severity": word.severity.name(), "code": code, "path": path});
    let notice = Notice { users: &[], title: &word.title_key, params, target: Some((INSTANCES, word.alert)) };
    auth::demand(tx, &notice, &demands).await?;
    if !entries.is_empty() {
        tx.insert(LOG, &entries).await?;
    }
    Ok(reached)
}

/// An entry of the log; what leaves at once is added to `media`.
fn entry(
    tx: &Tx,
    word: &Word,
    (user, channel, way): (Uuid, Channel, &Way),
    media: &mut Vec<(Medium, Uuid)>,
) -> Result<NewRow> {
    let now = clock::text(tx.ctx.env.now())?;
    let mut values = row(json!({
        "instance_id": word.alert, "recipient_id": user, "channel": channel.name(), "level": word.level, "at": now,
    }));
    match way {
        Way::Suppressed(why) => {
            values.insert("status".into(), json!("SUPPRESSED"));
            values.insert("suppression_reason".into(), json!(why));
        }
        Way::Held(until) => {
            values.insert("due_at".into(), json!(clock::text(*until)?));
        }
        Way::Now => match medium(channel) {
            // The row of the notification is the delivery to the page.
            None => {
                values.insert("status".into(), json!("DELIVERED"));
                values.insert("latency_ms".into(), json!(0));
            }
            Some(medium) => {
                let delivery = tx.ctx.env.id();
                media.push((medium, delivery));
                values.insert("provider_ref".into(), json!(delivery.to_string()));
            }
        },
    }
    Ok(NewRow { id: tx.ctx.env.id(), values })
}

fn medium(channel: Channel) -> Option<Medium> {
    match channel {
        Channel::InApp => None,
        Channel::Email => Some(Medium::Email),
        Channel::Sms => Some(Medium::Sms),
        Channel::Push => Some(Medium::Push),
    }
}

impl Person {
    /// By which ways: the page always; below what is mandatory those the person chose, if any were chosen.
    fn channels(&self, severity: Severity, given: Option<&[Channel]>) -> BTreeSet<Channel> {
        let usual = given.unwrap_or(severity.channels()).iter().copied();
        let chosen =
            || self.own.iter().flat_map(|own| &own.channels).filter_map(|c| Channel::named("channels", c).ok());
        let mut all: BTreeSet<Channel> = match &self.own {
            Some(_) if !severity.is_mandatory() => chosen().collect(),
            _ => usual.chain(chosen()).collect(),
        };
        all.insert(Channel::InApp);
        all
    }

    fn way(&self, word: &Word, channel: Channel, zone: &str, now: OffsetDateTime) -> Result<Way> {
        match channel {
            Channel::InApp => return Ok(Way::Now),
            Channel::Email if !self.has_mail => return Ok(Way::Suppressed("no_address")),
            Channel::Sms if !self.has_number => return Ok(Way::Suppressed("contact_unverified")),
            Channel::Push if !self.has_device => return Ok(Way::Suppressed("no_device")),
            Channel::Email | Channel::Sms | Channel::Push => {}
        }
        if word.severity.is_mandatory() {
            return Ok(Way::Now);
        }
        let own = self.own.as_ref();
        if own.is_some_and(|own| own.muted) {
            return Ok(Way::Suppressed("muted"));
        }
        if own.is_some_and(|own| !audience::matches(&own.filter, word.severity, &word.category, word.school)) {
            return Ok(Way::Suppressed("filtered"));
        }
        let hours = own.and_then(|own| own.quiet.as_ref());
        let zone = hours.map_or(zone, Quiet::timezone);
        let hours = hours.filter(|_| word.severity.is_held(channel));
        let end = |at| hours.map_or(Ok(None), |hours| hours.end(at));
        // Without a choice what is low comes once a day.
        let usual = if word.severity <= Severity::Low { "DAILY" } else { "IMMEDIATE" };
        let digest = match own.map_or(usual, |own| own.digest.as_str()) {
            digest if word.severity < Severity::High => quiet::next_digest(digest, zone, now)?,
            _ => None,
        };
        let due = end(now)?.max(digest);
        // A digest, or the end of a night, may lie in quiet hours itself.
        let due = due.map(|at| end(at).map(|later| later.unwrap_or(at))).transpose()?;
        Ok(due.map_or(Way::Now, Way::Held))
    }
}

async fn people(tx: &mut Tx, users: &BTreeSet<Uuid>, now: OffsetDateTime) -> Result<Vec<Person>> {
    let ids: Vec<Uuid> = users.iter().copied().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = sql!(
        "SELECT DISTINCT ON (u.id) u.id, u.kind <> 'service' AND u.email IS NOT NULL AS has_mail, s.id IS NOT NULL AS has_own, \
           EXISTS (SELECT FROM auth.code_addresses c WHERE c.tenant_id = u.tenant_id AND c.user_id = u.id AND c.channel = 'sms') \
             AS has_number, \
           EXISTS (SELECT FROM auth.push_devices d WHERE d.tenant_id = u.tenant_id AND d.user_id = u.id) AS has_device, \
           s.channels, s.filter, s.quiet_hours, s.digest::text AS digest, coalesce(s.muted_until > $2, false) AS muted \
         FROM auth.users u \
         LEFT JOIN alerts.alert_subscriptions s ON s.tenant_id = u.tenant_id AND s.user_id = u.id \
         WHERE u.id = ANY($1) AND u.status = 'active' ORDER BY u.id, s.id DESC"
    );
    tx.query(sql, &[&ids, &now]).await?.iter().map(person).collect()
}

fn person(found: &Row) -> Result<Person> {
    let own = if found.get("has_own") {
        Some(Own {
            channels: found.get("channels"),
            filter: found.get("filter"),
            quiet: Quiet::read(&found.get::<_, Option<Value>>("quiet_hours").unwrap_or(Value::Null))?,
            digest: found.get("digest"),
            muted: found.get("muted"),
        })
    } else {
        None
    };
    Ok(Person {
        user: found.get("id"),
        has_mail: found.get("has_mail"),
        has_number: found.get("has_number"),
        has_device: found.get("has_device"),
        own,
    })
}

/// Sends what was held until now: what waits for one person by one way leaves as one message.
///
/// # Errors
/// Those of the database.
pub(super) async fn send_held(tx: &mut Tx) -> Result<()> {
    let now = tx.ctx.env.now();
    let gone = sql!(
        "UPDATE alerts.alert_delivery_log l SET status = 'SUPPRESSED', suppression_reason = 'resolved' \
         FROM alerts.alert_instances i WHERE i.tenant_id = l.tenant_id AND i.id = l.instance_id \
           AND l.status = 'QUEUED' AND l.provider_ref IS NULL AND l.due_at <= $1 AND i.status IN ('RESOLVED', 'EXPIRED')"
    );
    tx.query(gone, &[&now]).await?;
    let sql = sql!(
        "SELECT l.id, l.recipient_id, l.channel::text, l.instance_id FROM alerts.alert_delivery_log l \
         WHERE l.status = 'QUEUED' AND l.provider_ref IS NULL AND l.due_at <= $1 AND l.recipient_id IS NOT NULL \
         ORDER BY l.recipient_id, l.due_at FOR UPDATE OF l SKIP LOCKED"
    );
    let mut waiting: BTreeMap<(Uuid, String), Vec<(Uuid, Uuid)>> = BTreeMap::new();
    for found in tx.query(sql, &[&now]).await? {
        let who = (found.get("recipient_id"), found.get("channel"));
        waiting.entry(who).or_default().push((found.get("id"), found.get("instance_id")));
    }
    for ((user, channel), held) in waiting {
        let Some(medium) = medium(Channel::named("channel", &channel)?) else { continue };
        let delivery = tx.ctx.env.id();
        let (code, path) = match held.as_slice() {
            [(_, alert)] => ("ALERT".to_owned(), format!("/alerts/{alert}")),
            many => (format!("{} ALERTS", many.len()), "/alerts".to_owned()),
        };
        let target = Some((INSTANCES, held[0].1));
        let notice = Notice { users: &[], title: "alert.held", params: json!({"code": code, "path": path}), target };
        auth::demand(tx, &notice, &[Demand { user, media: vec![(medium, delivery)] }]).await?;
        let ids: Vec<Uuid> = held.iter().map(|(id, _)| *id).collect();
        let sql = sql!("UPDATE alerts.alert_delivery_log SET provider_ref = $2::text WHERE id = ANY($1)");
        tx.query(sql, &[&ids, &delivery.to_string()]).await?;
    }
    Ok(())
}

/// Writes down what became of an attempt at a delivery.
///
/// # Errors
/// Those of the database.
pub(super) async fn note(tx: &mut Tx, task: Arc<Task>) -> Result<()> {
    let Some(delivery) = task.row.map(|id| id.to_string()) else { return Ok(()) };
    let now = tx.ctx.env.now();
    let state = task.body["state"].as_str().unwrap_or_default();
    let attempt = task.body["attempt"].as_i64().and_then(|n| i32::try_from(n).ok()).unwrap_or(1);
    if state == "failing" {
        let sql = sql!(
            "UPDATE alerts.alert_delivery_log SET status = 'FAILED' \
             WHERE provider_ref = $1::text AND status = 'QUEUED' AND attempt <= $2 RETURNING id, instance_id, recipient_id, channel::text, level"
        );
        let failed = tx.query(sql, &[&delivery, &attempt]).await?;
        if task.body["last"] != json!(true) {
            let again = failed.iter().map(|was| {
                let values = row(json!({
                    "instance_id": was.get::<_, Uuid>("instance_id"), "recipient_id": was.get::<_, Option<Uuid>>("recipient_id"),
                    "channel": was.get::<_, String>("channel"), "level": was.get::<_, i32>("level"),
                    "attempt": attempt + 1, "provider_ref": delivery, "at": clock::text(now)?,
                }));
                Ok(NewRow { id: tx.ctx.env.id(), values })
            });
            let again = again.collect::<Result<Vec<_>>>()?;
            if !again.is_empty() {
                tx.insert(LOG, &again).await?;
            }
        }
        return Ok(());
    }
    let (status, why) = match state {
        "sent" | "simulated" => ("SENT", None),
        "undeliverable" => ("SUPPRESSED", Some("no_address")),
        _ => ("SUPPRESSED", Some("not_active")),
    };
    let digest = task.body["sha256"].as_str().and_then(|hex| hex::decode(hex).ok());
    let sql = sql!(
        "UPDATE alerts.alert_delivery_log SET status = $2::text, suppression_reason = $3::text, payload_hash = $4, \
           latency_ms = greatest(0, least(2147483647, extract(epoch FROM $5::timestamptz - greatest(at, coalesce(due_at, at))) * 1000))::int \
         WHERE provider_ref = $1::text AND status = 'QUEUED'"
    );
    tx.query(sql, &[&delivery, &status, &why, &digest, &now]).await?;
    Ok(())
}

/// Marks the notifications of an alert that somebody has in hand as read, for everybody who was told: nobody else has to look.
///
/// # Errors
/// Those of the database.
pub(super) async fn quieten(tx: &mut Tx, task: Arc<Task>) -> Result<()> {
    let Some(alert) = task.row else { return Ok(()) };
    let sql = sql!(
        "SELECT DISTINCT recipient_id FROM alerts.alert_delivery_log WHERE instance_id = $1 AND recipient_id IS NOT NULL"
    );
    let told: Vec<Uuid> = tx.query(sql, &[&alert]).await?.iter().map(|row| row.get(0)).collect();
    auth::mark_seen(tx, (INSTANCES, alert), &told).await
}
