//! From a notification to the media its user wants: one delivery for each, decided in one transaction, and one job for
//! each delivery, so that one address that fails keeps nobody else from being told.

use super::{
    Carriers, Letter, Medium, NOTIFIED,
    texts::{self, Language},
};
use salus_core::{Error, Result};
use salus_store::{
    At, Tx,
    jobs::{Job, Retry, Running, Task, When, Work},
    sql,
};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

const DELIVER: &str = "auth.deliver_notification";
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
            // Eight attempts in about two hours.
            retry: Retry { rest: Duration::from_mins(1), limit: Duration::from_mins(1), ..Retry::default() },
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
         CROSS JOIN (VALUES ('email'::text, true), ('sms', false)) AS m (medium, usual) \
         LEFT JOIN auth.notification_preferences p ON p.tenant_id = n.tenant_id AND p.user_id = n.user_id AND p.medium = m.medium \
         WHERE n.id = ANY($1) AND coalesce(p.is_wanted, m.usual)"
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
    Send(Medium, Letter),
    Nothing(&'static str),
}

async fn deliver(run: Running, carriers: Arc<Carriers>) -> Result<()> {
    let id: Uuid = serde_json::from_value(run.task.body["delivery"].clone()).map_err(Error::internal)?;
    let link = format!("{}/notifications", carriers.base);
    let wanted = run.step(move |tx, _| Box::pin(async move { compose(tx, id, &link).await })).await?;
    let (state, carrier, letter) = match wanted {
        Wanted::Nothing(state) => (state, None, None),
        Wanted::Send(medium, letter) => {
            let carrier = carriers.of(medium);
            carrier.carry(&letter).await?;
            let kept = carrier.is_simulated().then(|| format!("{}\n\n{}", letter.subject, letter.text));
            (if carrier.is_simulated() { "simulated" } else { "sent" }, Some(carrier.name()), kept)
        }
    };
    run.finish(move |tx, _| Box::pin(async move { settle(tx, id, state, (carrier, letter)).await })).await
}

async fn compose(tx: &mut Tx, id: Uuid, link: &str) -> Result<Wanted> {
    let sql = sql!(
        "SELECT d.user_id, d.medium::text, n.read_at IS NOT NULL OR u.status <> 'active' OR NOT coalesce(p.is_wanted, d.medium = 'email') AS unneeded, \
           u.email, u.locale::text, p.id AS preference, p.address, coalesce(o.name::text, '') AS organization \
         FROM auth.deliveries d JOIN auth.notifications n ON n.tenant_id = d.tenant_id AND n.id = d.notification_id \
         JOIN auth.users u ON u.tenant_id = d.tenant_id AND u.id = d.user_id \
         LEFT JOIN auth.notification_preferences p ON p.tenant_id = d.tenant_id AND p.user_id = d.user_id AND p.medium = d.medium \
         LEFT JOIN auth.organizations o ON o.tenant_id = d.tenant_id AND o.id = d.tenant_id WHERE d.id = $1"
    );
    // Removed with its notification: there is nothing to say.
    let Some(found) = tx.query_opt(sql, &[&id]).await? else { return Ok(Wanted::Nothing("unneeded")) };
    if found.get("unneeded") {
        return Ok(Wanted::Nothing("unneeded"));
    }
    let (language, organization): (_, String) = (Language::of(found.get("locale")), found.get("organization"));
    let (medium, at, sealed): (_, _, Option<&[u8]>) = if found.get::<_, &str>("medium") == "sms" {
        let row = found.get::<_, Option<Uuid>>("preference").unwrap_or_default();
        (Medium::Sms, At { table: "auth.notification_preferences", column: "address", row }, found.get("address"))
    } else {
        (Medium::Email, At { table: "auth.users", column: "email", row: found.get("user_id") }, found.get("email"))
    };
    let Some(sealed) = sealed else { return Ok(Wanted::Nothing("undeliverable")) };
    let to = tx.open_value(at, sealed)?.as_str().unwrap_or_default().to_owned();
    let (subject, text) = match medium {
        Medium::Email => texts::mail(language, &organization, link),
        Medium::Sms => (String::new(), texts::sms(language, &organization, link)),
    };
    Ok(Wanted::Send(medium, Letter { id: id.to_string(), to, subject, text }))
}

async fn settle(
    tx: &mut Tx,
    id: Uuid,
    state: &'static str,
    (carrier, letter): (Option<&'static str>, Option<String>),
) -> Result<()> {
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
