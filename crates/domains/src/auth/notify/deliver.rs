//! From a notification to the media its user wants: one delivery for each, decided in one transaction, and one job for
//! each delivery, so that one address that fails keeps nobody else from being told.

use super::{
    Carrier, Carriers, Letter, Medium, NOTIFIED, SETTLED,
    devices::{self, Attempt},
    push::GONE,
    texts::{self, Language},
};
use salus_core::{Error, Result};
use salus_store::{
    At, Row, Tx,
    jobs::{Job, Retry, Running, Task, When, Work},
    sql,
};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

pub(super) const DELIVER: &str = "auth.deliver_notification";
/// Attempts at a delivery: in about two hours.
const ATTEMPTS: i32 = 8;
/// Days that the letters of the simulator are kept.
const LETTER_DAYS: f64 = 3.0;
/// Days that deliveries and read notifications are kept.
const KEPT_DAYS: f64 = 90.0;

/// The jobs of this domain.
#[must_use]
pub fn jobs(carriers: &Arc<Carriers>) -> Vec<Job> {
    let carriers = carriers.clone();
    vec![
        Job {
            name: "auth.spread_notifications",
            when: When::Events(&[NOTIFIED]),
            retry: Retry::default(),
            work: Work::local(|tx, task| Box::pin(spread(tx, task))),
        },
        Job {
            name: DELIVER,
            when: When::Asked,
            retry: Retry { rest: Duration::from_mins(1), limit: Duration::from_mins(1), most: ATTEMPTS },
            work: Work::outside(move |run| Box::pin(deliver(run, carriers.clone()))),
        },
        Job {
            name: "auth.prune_notifications",
            when: When::Cron("41 3 * * *"),
            retry: Retry::default(),
            work: Work::local(|tx, _| Box::pin(prune(tx))),
        },
    ]
}

/// Makes a delivery for each medium that each of the users wants.
async fn spread(tx: &mut Tx, task: Arc<Task>) -> Result<()> {
    let ids: Vec<Uuid> = serde_json::from_value(task.body["ids"].clone()).map_err(Error::internal)?;
    let sql = sql!(
        "SELECT n.id, n.user_id, m.medium FROM auth.notifications n \
         JOIN auth.users u ON u.tenant_id = n.tenant_id AND u.id = n.user_id AND u.status = 'active' AND u.kind <> 'service' \
         CROSS JOIN (VALUES ('email'::text, true), ('sms', false), ('push', true)) AS m (medium, usual) \
         LEFT JOIN auth.notification_preferences p ON p.tenant_id = n.tenant_id AND p.user_id = n.user_id AND p.medium = m.medium \
         WHERE n.id = ANY($1) AND coalesce(p.is_wanted, m.usual) AND (m.medium <> 'push' OR EXISTS \
           (SELECT FROM auth.push_devices d WHERE d.tenant_id = n.tenant_id AND d.user_id = n.user_id))"
    );
    for found in tx.query(sql, &[&ids]).await? {
        let (notification, user, medium): (Uuid, Uuid, String) = (found.get(0), found.get(1), found.get(2));
        let id = tx.ctx.env.id();
        let sql = sql!(
            "INSERT INTO auth.deliveries (id, notification_id, user_id, medium) VALUES ($1, $2, $3, $4::text) \
             ON CONFLICT (tenant_id, notification_id, medium) DO NOTHING RETURNING id"
        );
        if tx.query_opt(sql, &[&id, &notification, &user, &medium]).await?.is_some() {
            tx.enqueue(DELIVER, &id.to_string(), json!({ "delivery": id }), None).await?;
        }
    }
    Ok(())
}

/// What is to be sent, or why nothing is.
enum Wanted {
    Send(Medium, Parts),
    Nothing(&'static str),
}

/// One letter; by push one for each browser that did not take the message yet.
struct Parts {
    letters: Vec<(Letter, Option<Uuid>)>,
    /// The words, which are the same in each.
    words: String,
    /// Whether a browser took it before.
    begun: bool,
}

impl Parts {
    fn one(letter: Letter) -> Self {
        let words = letter.text.clone();
        Self { letters: vec![(letter, None)], words, begun: false }
    }
}

/// What became of an attempt.
#[derive(Clone)]
struct Outcome {
    state: &'static str,
    carrier: Option<&'static str>,
    /// What the simulator keeps.
    letter: Option<String>,
    /// SHA-256 of what was said.
    digest: Option<String>,
}

impl Outcome {
    fn bare(state: &'static str) -> Self {
        Self { state, carrier: None, letter: None, digest: None }
    }
}

async fn deliver(run: Running, carriers: Arc<Carriers>) -> Result<()> {
    let id: Uuid = serde_json::from_value(run.task.body["delivery"].clone()).map_err(Error::internal)?;
    let place = (carriers.base.clone(), carriers.contact.clone());
    let (wanted, demanded) = run.step(move |tx, _| Box::pin(async move { compose(tx, id, &place).await })).await?;
    let outcome = match wanted {
        Wanted::Nothing(state) => Outcome::bare(state),
        Wanted::Send(medium, parts) => {
            let sent = send(&run, id, carriers.of(medium), parts).await;
            if sent.is_err() && demanded {
                let told = Outcome::bare("failing");
                run.step(move |tx, task| {
                    Box::pin(async move {
                        report(tx, id, &task, &told);
                        Ok(())
                    })
                })
                .await?;
            }
            sent?
        }
    };
    run.finish(move |tx, task| {
        Box::pin(async move {
            if demanded {
                report(tx, id, &task, &outcome);
            }
            settle(tx, id, outcome).await
        })
    })
    .await
}

/// Hands the letters over. What one browser's service took is written down before the next is tried, so that a later attempt
/// is for the others only.
async fn send(run: &Running, id: Uuid, carrier: &dyn Carrier, parts: Parts) -> Result<Outcome> {
    let (mut taken, mut failed) = (parts.begun, None);
    let simulated = carrier.is_simulated();
    let subject = parts.letters.first().map(|(letter, _)| letter.subject.clone()).unwrap_or_default();
    for (letter, device) in &parts.letters {
        let attempt = match carrier.carry(letter).await {
            Ok(()) => Attempt::Taken,
            Err(Error::Conflict { code: GONE, .. }) => Attempt::Ended,
            Err(e) => {
                failed = Some(e);
                Attempt::Failed
            }
        };
        taken |= attempt == Attempt::Taken;
        if let Some(device) = device.filter(|_| !simulated) {
            run.step(move |tx, _| Box::pin(async move { devices::note(tx, id, device, attempt).await })).await?;
        }
    }
    match failed {
        // With the last attempt it is enough that one browser took it.
        Some(e) if !taken || run.task.attempt < ATTEMPTS => return Err(e),
        _ if !taken => return Ok(Outcome::bare("undeliverable")),
        _ => {}
    }
    let digest = hex::encode(salus_store::seal::digest(parts.words.as_bytes()));
    Ok(Outcome {
        state: if simulated { "simulated" } else { "sent" },
        carrier: Some(carrier.name()),
        letter: simulated.then(|| format!("{subject}\n\n{}", parts.words)),
        digest: Some(digest),
    })
}

/// Says what became of an attempt at a delivery that somebody demanded.
fn report(tx: &mut Tx, id: Uuid, task: &Task, outcome: &Outcome) {
    let last = task.attempt >= ATTEMPTS;
    let body = json!({"state": outcome.state, "attempt": task.attempt, "last": last, "sha256": outcome.digest});
    tx.emit(SETTLED, id, body);
}

/// What is to be sent, and whether it was demanded.
async fn compose(tx: &mut Tx, id: Uuid, (base, contact): &(String, String)) -> Result<(Wanted, bool)> {
    let sql = sql!(
        "SELECT d.user_id, d.medium::text, d.taken_by, u.status <> 'active' AS gone, \
           n.read_at IS NOT NULL OR NOT coalesce(p.is_wanted, d.medium <> 'sms') AS unneeded, \
           n.params ->> 'code' AS code, coalesce(n.params ->> 'path', '') AS path, \
           coalesce(n.params ->> 'severity', '') AS severity, c.id AS confirmed, c.address AS confirmed_address, \
           u.email, u.locale::text, p.id AS preference, p.address, coalesce(o.name::text, '') AS organization \
         FROM auth.deliveries d JOIN auth.notifications n ON n.tenant_id = d.tenant_id AND n.id = d.notification_id \
         JOIN auth.users u ON u.tenant_id = d.tenant_id AND u.id = d.user_id \
         LEFT JOIN auth.notification_preferences p ON p.tenant_id = d.tenant_id AND p.user_id = d.user_id AND p.medium = d.medium \
         LEFT JOIN auth.code_addresses c ON c.tenant_id = d.tenant_id AND c.user_id = d.user_id AND c.channel = 'sms' \
         LEFT JOIN auth.organizations o ON o.tenant_id = d.tenant_id AND o.id = d.tenant_id WHERE d.id = $1"
    );
    // Removed with its notification: there is nothing to say.
    let Some(found) = tx.query_opt(sql, &[&id]).await? else { return Ok((Wanted::Nothing("unneeded"), false)) };
    let code: Option<String> = found.get("code");
    let demanded = code.is_some();
    if found.get("gone") || (!demanded && found.get("unneeded")) {
        return Ok((Wanted::Nothing("unneeded"), demanded));
    }
    let (language, organization): (_, String) = (Language::of(found.get("locale")), found.get("organization"));
    if found.get::<_, &str>("medium") == Medium::Push.name() {
        let parts = push_parts(tx, id, &found, (language, contact)).await?;
        let wanted = if parts.letters.is_empty() && !parts.begun {
            Wanted::Nothing("undeliverable")
        } else {
            Wanted::Send(Medium::Push, parts)
        };
        return Ok((wanted, demanded));
    }
    let (medium, at, sealed): (_, _, Option<&[u8]>) = match found.get::<_, &str>("medium") {
        // What is demanded goes to a number that its owner has confirmed.
        "sms" if demanded => {
            let row = found.get::<_, Option<Uuid>>("confirmed").unwrap_or_default();
            let at = At { table: "auth.code_addresses", column: "address", row };
            (Medium::Sms, at, found.get("confirmed_address"))
        }
        "sms" => {
            let row = found.get::<_, Option<Uuid>>("preference").unwrap_or_default();
            (Medium::Sms, At { table: "auth.notification_preferences", column: "address", row }, found.get("address"))
        }
        _ => {
            let at = At { table: "auth.users", column: "email", row: found.get("user_id") };
            (Medium::Email, at, found.get("email"))
        }
    };
    let Some(sealed) = sealed else { return Ok((Wanted::Nothing("undeliverable"), demanded)) };
    let to = tx.open_value(at, sealed)?.as_str().unwrap_or_default().to_owned();
    let (subject, text) = match (medium, code) {
        (Medium::Email, Some(code)) => (code.clone(), format!("{code}\n{base}{}\n", found.get::<_, String>("path"))),
        (_, Some(code)) => (String::new(), format!("{code} {base}{}", found.get::<_, String>("path"))),
        (Medium::Email, None) => texts::mail(language, &organization, &format!("{base}/notifications")),
        (_, _) => (String::new(), texts::sms(language, &organization, &format!("{base}/notifications"))),
    };
    let letter = Letter { id: id.to_string(), to, subject, text, parcel: None };
    Ok((Wanted::Send(medium, Parts::one(letter)), demanded))
}

/// A message for each browser that did not take it yet: how urgent it is and which page to open, no row and no name.
async fn push_parts(tx: &mut Tx, id: Uuid, found: &Row, (language, contact): (Language, &str)) -> Result<Parts> {
    let (severity, path): (&str, &str) = (found.get("severity"), found.get("path"));
    let page = path.trim_start_matches('/').split('/').next().filter(|p| !p.is_empty()).unwrap_or("notifications");
    let words = json!({"title": texts::push(language, severity), "path": format!("/{page}"), "tag": id}).to_string();
    let taken_by: Vec<String> = found.get("taken_by");
    let begun = !taken_by.is_empty();
    let browsers = devices::waiting(tx, found.get("user_id"), &taken_by).await?;
    let mut letters = Vec::new();
    if !browsers.is_empty() {
        let (vapid, at) = (devices::vapid(tx).await?, tx.ctx.env.now());
        let is_urgent = matches!(severity, "HIGH" | "CRITICAL" | "EMERGENCY");
        for (device, browser) in browsers {
            let parcel = Some(browser.parcel(&vapid, &words, (contact, at), is_urgent)?);
            let letter = Letter {
                id: id.to_string(),
                to: browser.endpoint,
                subject: String::new(),
                text: words.clone(),
                parcel,
            };
            letters.push((letter, Some(device)));
        }
    }
    Ok(Parts { letters, words, begun })
}

async fn settle(tx: &mut Tx, id: Uuid, outcome: Outcome) -> Result<()> {
    let Outcome { state, carrier, letter, .. } = outcome;
    let now = tx.ctx.env.now();
    let sent = matches!(state, "sent" | "simulated").then_some(now);
    let sealed = match letter {
        None => None,
        Some(text) => {
            let at = At { table: "auth.deliveries", column: "letter", row: id };
            Some(tx.seal_exact(at, None, text.as_bytes())?)
        }
    };
    let sql = sql!(
        "UPDATE auth.deliveries SET state = $2::text, carrier = $3::text, sent_at = $4, letter = $5::bytea WHERE id = $1"
    );
    tx.query(sql, &[&id, &state, &carrier, &sent, &sealed]).await?;
    tx.note(json!({ "delivery": id, "state": state }));
    Ok(())
}

async fn prune(tx: &mut Tx) -> Result<()> {
    let sql = sql!(
        "UPDATE auth.deliveries SET letter = NULL WHERE letter IS NOT NULL AND sent_at < clock_timestamp() - $1 * interval '1 day'"
    );
    tx.query(sql, &[&LETTER_DAYS]).await?;
    let sql = sql!("DELETE FROM auth.deliveries WHERE created_at < clock_timestamp() - $1 * interval '1 day'");
    tx.query(sql, &[&KEPT_DAYS]).await?;
    let sql = sql!(
        "DELETE FROM auth.notifications n WHERE n.read_at < clock_timestamp() - $1 * interval '1 day' \
         AND NOT EXISTS (SELECT FROM auth.deliveries d WHERE d.tenant_id = n.tenant_id AND d.notification_id = n.id)"
    );
    tx.query(sql, &[&KEPT_DAYS]).await?;
    tx.query(sql!("DELETE FROM auth.socket_tickets WHERE expires_at < clock_timestamp() - interval '1 day'"), &[])
        .await?;
    Ok(())
}
