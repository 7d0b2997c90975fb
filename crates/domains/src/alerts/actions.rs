//! What a person does about an alert: raise one by hand, acknowledge it, put it off, resolve it, hand it over, or have its
//! chain go on at once. What they cannot see they cannot act on.

use super::{
    CATEGORIES,
    audience::{self, Place},
    chain,
    raise::{self, More, Raised},
    severity::{Severity, Target},
    tell::INSTANCES,
};
use crate::{clock, row};
use salus_core::{ActorKind, Error, Result};
use salus_store::{ANY_VERSION, Call, Catalog, Method, Op, Record, Reply, Run, Tx, catalog::row_schema, run, sql};
use serde::Deserialize;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// The event that somebody has an alert in hand.
pub(super) const ACKNOWLEDGED: &str = "alerts.alert.acknowledged";
/// The event that somebody wants the next level to be told.
pub(super) const HASTENED: &str = "alerts.alert.hastened";

const PATH: &str = "/api/v1/alerts/real-time";
const OPEN: [&str; 4] = ["ACTIVE", "ACKNOWLEDGED", "ESCALATED", "SNOOZED"];

/// Raising by hand and what is done about an alert.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks the table.
pub(super) fn ops(catalog: &Catalog) -> Result<Vec<Op>> {
    let output = row_schema(catalog.table(INSTANCES)?);
    let op = |path: &str, verb: &str, (permission, summary): (&'static str, &str), input: Value, run: Run| Op {
        method: Method::Post,
        path: format!("{PATH}{path}"),
        name: format!("alerts.alert.{verb}"),
        permission,
        summary: summary.into(),
        target: INSTANCES,
        params: Vec::new(),
        input: Some(input),
        output: output.clone(),
        run,
    };
    let severities: Vec<&str> = Severity::ALL.iter().map(|s| s.name()).collect();
    let id = || json!({"type": "string", "format": "uuid"});
    let note = json!({"type": "string", "maxLength": 2000, "description": "Sealed"});
    Ok(vec![
        op(
            "",
            "raise",
            ("ops.alert.raise", "Raise an alert by hand"),
            json!({"type": "object", "required": ["severity", "category", "title"], "additionalProperties": false, "properties": {
                "severity": {"type": "string", "enum": severities},
                "category": {"type": "string", "enum": CATEGORIES},
                "title": {"type": "string", "description": "What happened, without health data: it is shown and sent in clear"},
                "body": {"type": "string", "maxLength": 8000, "description": "More of it; sealed, and only shown on the page"},
                "school_id": id(),
                "patient_id": id(),
                "targets": {"type": "array", "description": "Who is told: role, position, on_call or user; none: whoever may read it",
                            "items": {"type": "object"}},
            }}),
            run(|tx, call| Box::pin(by_hand(tx, call))),
        ),
        op(
            "/{id}/acknowledge",
            "acknowledge",
            ("ops.alert.ack", "Say that you have an alert in hand: nobody else is told of it"),
            json!({"type": "object", "additionalProperties": false, "properties": {"note": note}}),
            run(|tx, call| Box::pin(acknowledge(tx, call))),
        ),
        op(
            "/{id}/resolve",
            "resolve",
            ("ops.alert.ack", "Resolve an alert, or by action put it off, hand it over or tell the next level now"),
            json!({"type": "object", "additionalProperties": false, "properties": {
                "action": {"type": "string", "enum": ["resolve", "snooze", "escalate", "assign"], "default": "resolve"},
                "resolution_code": {"type": "string", "maxLength": 128, "description": "For resolve: a code, such as DONE or FALSE_ALARM"},
                "minutes": {"type": "integer", "minimum": 1, "description": "For snooze"},
                "user_id": {"type": "string", "format": "uuid", "description": "For assign; none is you"},
            }}),
            run(|tx, call| Box::pin(resolve(tx, call))),
        ),
    ])
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ByHand {
    severity: String,
    category: String,
    title: String,
    body: Option<String>,
    school_id: Option<Uuid>,
    patient_id: Option<Uuid>,
    #[serde(default)]
    targets: Vec<Target>,
}

async fn by_hand(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let wanted: ByHand = call.input()?;
    Severity::named("severity", &wanted.severity)?;
    if !CATEGORIES.contains(&wanted.category.as_str()) {
        return Err(Error::invalid("category", "not_allowed", format!("Is one of {}", CATEGORIES.join(", "))));
    }
    if !tx.ctx.reach.is_whole_tenant() {
        let detail =
            "Who is told is found among all users: somebody whose role reaches the whole organization raises an alert";
        return Err(Error::Refused { code: "reach_too_narrow", detail: detail.into() });
    }
    let title = wanted.title.trim().to_owned();
    if title.is_empty() || title.chars().count() > 200 {
        return Err(Error::invalid("title", "wrong_length", "Is 1 to 200 characters"));
    }
    check_title(tx, &title, wanted.patient_id).await?;
    if let Some(school) = wanted.school_id {
        let known = tx.get("school.schools", school, &["id"]).await;
        known.map_err(|_| Error::invalid("school_id", "no_such_record", "Must name a school"))?;
    }
    let place = Place { school: wanted.school_id, patient: wanted.patient_id };
    let now = tx.ctx.env.now();
    let users = if wanted.targets.is_empty() {
        audience::readers(tx, place, now).await?
    } else {
        audience::meant(tx, &wanted.targets, place, now).await?
    };
    if users.is_empty() {
        let message = "Nobody whom this names may see the alert: name others, or give them a role that reaches it";
        return Err(Error::invalid("targets", "no_audience", message));
    }
    let key = format!("manual:{}", tx.ctx.env.id());
    let raised = Raised {
        key: &key,
        severity: &wanted.severity,
        category: &wanted.category,
        title: &title,
        school: wanted.school_id,
        subject: "manual",
    };
    let more = More { patient: wanted.patient_id, targets: wanted.targets, body: wanted.body, context: Value::Null };
    let id = raise::raise_with(tx, &raised, &more).await?;
    let made = tx.get(INSTANCES, id, &[]).await?;
    Ok(Reply::created(made))
}

/// A title is shown on locked screens and sent in clear. What looks like a number of a person, a date or an address is
/// refused, and so are the names of the person the alert is about.
async fn check_title(tx: &mut Tx, title: &str, patient: Option<Uuid>) -> Result<()> {
    let refused = |what: &str| {
        Err(Error::invalid("title", "phi_in_title", format!("Holds {what}: put it into body, which is sealed")))
    };
    if let Some(what) = telling(title) {
        return refused(what);
    }
    let Some(patient) = patient else { return Ok(()) };
    let person = tx.get("medical.patients", patient, &["family_name", "given_names", "preferred_name"]).await;
    let person = person.map_err(|e| match e {
        Error::NotFound => Error::invalid("patient_id", "no_such_record", "Must name an existing record"),
        other => other,
    })?;
    let said = words(title);
    let named = ["family_name", "given_names", "preferred_name"].into_iter().flat_map(|n| words(person.text(n)));
    if named.filter(|word| word.chars().count() > 1).any(|word| said.contains(&word)) {
        return refused("the name of the person");
    }
    Ok(())
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect()
}

/// What in a title would tell of a person.
fn telling(title: &str) -> Option<&'static str> {
    let is_date = |word: &str| {
        let parts: Vec<&str> = word.split(['-', '/', '.']).collect();
        parts.len() == 3 && parts.iter().all(|p| !p.is_empty() && p.len() <= 4 && p.bytes().all(|b| b.is_ascii_digit()))
    };
    for word in title.split_whitespace().map(|w| w.trim_matches(|c: char| !c.is_alphanumeric())) {
        if word.contains('@') {
            return Some("an address");
        }
        if is_date(word) {
            return Some("a date");
        }
        if word.bytes().filter(u8::is_ascii_digit).count() >= 6 {
            return Some("a number of six digits or more");
        }
    }
    None
}

/// The alert as the caller may see it.
///
/// # Errors
/// [`Error::NotFound`], and [`Error::Conflict`] `already_resolved` for one that has ended.
async fn open(tx: &mut Tx, id: Uuid) -> Result<Record> {
    let fields = ["status", "severity", "school_id", "patient_id", "row_version"];
    let alert = tx.get(INSTANCES, id, &fields).await?;
    if OPEN.contains(&alert.text("status")) {
        return Ok(alert);
    }
    let detail = format!("This alert is {} already", alert.text("status"));
    Err(Error::Conflict { code: "already_resolved", detail })
}

/// Holds an alert as it was read until the transaction ends.
///
/// # Errors
/// [`Error::Stale`] when somebody changed it since.
async fn hold(tx: &mut Tx, id: Uuid, version: Option<i32>) -> Result<()> {
    let any = version.is_none_or(|version| version == ANY_VERSION);
    let sql =
        sql!("SELECT id FROM alerts.alert_instances WHERE id = $1 AND ($3 OR row_version = $2) FOR NO KEY UPDATE");
    tx.query_opt(sql, &[&id, &version, &any]).await?.map(|_| ()).ok_or(Error::Stale)
}

/// The version that was read.
fn version(alert: &Record) -> Option<i32> {
    alert.get("row_version").and_then(Value::as_i64).and_then(|v| i32::try_from(v).ok())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Acknowledgement {
    note: Option<String>,
}

async fn acknowledge(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let said: Acknowledgement = if call.body.is_null() { Acknowledgement { note: None } } else { call.input()? };
    let id = call.id()?;
    let alert = open(tx, id).await?;
    let by = person(tx)?;
    let now = clock::text(tx.ctx.env.now())?;
    let mut values = row(json!({
        "status": "ACKNOWLEDGED", "acknowledged_by": by, "acknowledged_at": now, "next_escalation_at": null, "snoozed_until": null,
    }));
    if let Some(note) = said.note.map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()) {
        if note.chars().count() > 2000 {
            return Err(Error::invalid("note", "too_long", "Is at most 2000 characters"));
        }
        values.insert("ack_note".into(), json!(note));
    }
    let made = tx.update(INSTANCES, id, call.if_match.or_else(|| version(&alert)), values).await?;
    tx.emit(ACKNOWLEDGED, id, json!({}));
    Ok(Reply::row(made))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resolution {
    action: Option<String>,
    #[serde(rename = "resolution_code")]
    code: Option<String>,
    minutes: Option<i64>,
    user_id: Option<Uuid>,
}

async fn resolve(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let wanted: Resolution = call.input()?;
    let id = call.id()?;
    let alert = open(tx, id).await?;
    // What was just read must still stand, so that nobody's decision is written over.
    let version = call.if_match.or_else(|| version(&alert));
    let now = tx.ctx.env.now();
    let values = match wanted.action.as_deref().unwrap_or("resolve") {
        "resolve" => {
            let code = wanted.code.as_deref().map(str::trim).filter(|c| !c.is_empty()).unwrap_or("DONE").to_owned();
            let by = person(tx)?;
            hold(tx, id, version).await?;
            chain::end(tx, id, ("RESOLVED", &code), Some(by)).await?;
            let made = tx.get(INSTANCES, id, &[]).await?;
            return Ok(Reply::row(made));
        }
        "snooze" => {
            let minutes = wanted.minutes.filter(|m| *m > 0);
            let minutes = minutes.ok_or_else(|| Error::invalid("minutes", "required", "Say for how many minutes"))?;
            let until = until(&alert, minutes, now)?;
            json!({"status": "SNOOZED", "snoozed_until": clock::text(until)?, "next_escalation_at": null})
        }
        "escalate" => {
            hold(tx, id, version).await?;
            // The next level is found among all users, which a job may do: it follows at once.
            tx.emit(HASTENED, id, json!({}));
            let made = tx.get(INSTANCES, id, &[]).await?;
            return Ok(Reply::row(made));
        }
        "assign" => {
            let to = match wanted.user_id {
                Some(user) => user,
                None => person(tx)?,
            };
            if to != tx.ctx.actor.id {
                may_have(tx, to, &alert).await?;
            }
            json!({"assigned_to": to})
        }
        _ => return Err(Error::invalid("action", "not_allowed", "Is resolve, snooze, escalate or assign")),
    };
    let made = tx.update(INSTANCES, id, version, row(values)).await?;
    Ok(Reply::row(made))
}

/// Until when an alert may be put off.
fn until(alert: &Record, minutes: i64, now: OffsetDateTime) -> Result<OffsetDateTime> {
    let severity = Severity::named("severity", alert.text("severity"))?;
    let too_long = |message: String| Error::invalid("minutes", "snooze_too_long", message);
    let Some(longest) = severity.longest_snooze() else {
        return Err(too_long("An EMERGENCY is not put off: acknowledge or resolve it".into()));
    };
    let wanted = Duration::minutes(minutes.min(1_000_000));
    if wanted > longest {
        return Err(too_long(format!(
            "{} is put off for at most {} minutes",
            severity.name(),
            longest.whole_minutes()
        )));
    }
    Ok(now + wanted)
}

/// Whether somebody could see the alert that is handed to them.
async fn may_have(tx: &mut Tx, user: Uuid, alert: &Record) -> Result<()> {
    if !tx.ctx.reach.is_whole_tenant() {
        let detail = "Take it yourself, or have somebody hand it over whose role reaches the whole organization";
        return Err(Error::Refused { code: "reach_too_narrow", detail: detail.into() });
    }
    let now = tx.ctx.env.now();
    let of = |name: &str| alert.text(name).parse::<Uuid>().ok();
    let place = Place { school: of("school_id"), patient: of("patient_id") };
    if audience::readers(tx, place, now).await?.contains(&user) {
        return Ok(());
    }
    Err(Error::invalid("user_id", "out_of_reach", "Must name somebody who may see this alert"))
}

/// The caller, who stands in the record.
fn person(tx: &Tx) -> Result<Uuid> {
    if tx.ctx.actor.id.is_nil() || tx.ctx.actor.kind == ActorKind::System {
        return Err(Error::Conflict { code: "person_required", detail: "Somebody with an account does this".into() });
    }
    Ok(tx.ctx.actor.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_tells_of_nobody() {
        for told in ["Call 555-010-0123", "Born 2016-02-26", "Ask ada@users.example", "MRN 1234567", "On 2/26/2016"] {
            assert!(telling(told).is_some(), "{told}");
        }
        for fine in ["Fire alarm in building 12", "Power out since 10:30", "Freezer at 9.5 °C", "Ask A-12"] {
            assert_eq!(telling(fine), None, "{fine}");
        }
    }

    #[test]
    fn each_severity_is_put_off_for_so_long_and_an_emergency_not_at_all() {
        let alert = |severity: &str| Record {
            table: INSTANCES.into(),
            names: ["severity".to_owned()].into(),
            values: vec![json!(severity)],
        };
        let now = OffsetDateTime::UNIX_EPOCH;
        assert!(until(&alert("HIGH"), 240, now).is_ok());
        for (severity, minutes) in
            [("HIGH", 241), ("CRITICAL", 61), ("MEDIUM", 1441), ("LOW", 10_081), ("EMERGENCY", 1)]
        {
            let refused = until(&alert(severity), minutes, now).unwrap_err();
            assert!(matches!(&refused, Error::Invalid(f) if f[0].code == "snooze_too_long"), "{severity}: {refused}");
        }
    }
}
