//! The registers an auditor asks for: risks, reviews of activity and of single accesses, security alerts, incidents and
//! what shows that they were no breach. Who signs is who calls; what a review looked at is counted by the server.
//!
//! An incident goes from `REPORTED` over `INVESTIGATING` and `RISK_ASSESSED` to `NOT_A_BREACH`, or over `NOTIFYING` and
//! `REMEDIATING` to `CLOSED`. Only an assessment that two persons signed makes it `NOT_A_BREACH` (45 CFR 164.402(2)): without one it counts as a breach.

use crate::{audit, auth, clock, row};
use salus_core::{ActorKind, Error, Result};
use salus_store::{
    Call, Catalog, Method, Op, Reply, Resource, Run, Tx,
    catalog::write_schema,
    engine::{NewRow, writable},
    run, sql,
};
use serde::Deserialize;
use serde_json::{Value, json};
use time::{Date, Duration, OffsetDateTime, Time};
use uuid::Uuid;

/// Judged risks.
pub const RISKS: Resource = Resource {
    table: "compliance.risks",
    path: "compliance/risks",
    noun: "compliance.risk",
    read: "compliance.risk.read",
    write: Some("compliance.risk.write"),
    filters: &["state", "likelihood", "impact", "owner_id", "review_due_on"],
    locked: &[],
    list: &[],
};
/// Signed reviews.
pub const ACTIVITY: Resource = Resource {
    table: "compliance.activity_reviews",
    path: "compliance/activity-reviews",
    noun: "compliance.activity_review",
    read: "compliance.activity_review.read",
    write: None,
    filters: &["activity", "outcome", "period_from", "period_to"],
    locked: &["counted", "signed_at", "signed_by"],
    list: &[],
};
/// Accesses that wait to be looked at.
pub const ACCESS: Resource = Resource {
    table: "compliance.access_reviews",
    path: "compliance/access-reviews",
    noun: "compliance.access_review",
    read: "compliance.access_review.read",
    write: None,
    filters: &["user_id", "patient_id", "reason", "due_on", "reviewed_at"],
    locked: &[],
    list: &[],
};
/// Security alerts.
pub const ALERTS: Resource = Resource {
    table: "compliance.security_alerts",
    path: "compliance/security-alerts",
    noun: "compliance.security_alert",
    read: "compliance.security_alert.read",
    write: None,
    filters: &["kind", "severity", "state", "user_id"],
    locked: &["state", "note", "incident_id"],
    list: &[],
};
/// Incidents.
pub const INCIDENTS: Resource = Resource {
    table: "compliance.breach_incidents",
    path: "compliance/breaches",
    noun: "compliance.breach",
    read: "compliance.breach.read",
    write: Some("compliance.breach.manage"),
    filters: &["number", "state", "discovered_on", "regime", "kind"],
    locked: &["state", "closed_at"],
    list: &[],
};
/// Their risk assessments.
pub const ASSESSMENTS: Resource = Resource {
    table: "compliance.breach_risk_assessments",
    path: "compliance/breach-assessments",
    noun: "compliance.breach_assessment",
    read: "compliance.breach.read",
    write: None,
    filters: &["incident_id", "conclusion"],
    locked: &["signed_by", "signed_at", "countersigned_by", "countersigned_at"],
    list: &[],
};

/// From one state of an incident to which others.
const WAYS: [(&str, &[&str]); 6] = [
    ("REPORTED", &["INVESTIGATING"]),
    ("INVESTIGATING", &["RISK_ASSESSED", "NOTIFYING"]),
    ("RISK_ASSESSED", &["NOT_A_BREACH", "NOTIFYING"]),
    ("NOT_A_BREACH", &["CLOSED"]),
    ("NOTIFYING", &["REMEDIATING"]),
    ("REMEDIATING", &["CLOSED"]),
];
/// What a review may look at.
const ACTIVITIES: [&str; 4] = ["AUDIT_LOG", "ACCESS_RIGHTS", "SIGN_INS", "SECURITY_ALERTS"];
/// What an alert may be decided to be.
const DECIDED: [&str; 4] = ["TRIAGED", "CONFIRMED", "FALSE_POSITIVE", "CLOSED"];
/// What a look at an access may find.
const FOUND: [&str; 3] = ["JUSTIFIED", "UNJUSTIFIED", "ESCALATED"];

const BREACH: &str = "compliance.breach.manage";
const TRIAGE: &str = "compliance.security_alert.triage";

/// What is done in the registers beyond writing a row.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks a table.
pub fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let mut all = signing(catalog)?;
    all.extend(deciding(catalog)?);
    Ok(all)
}

fn op(
    catalog: &Catalog,
    of: &Resource,
    (tail, verb, permission): (&str, &str, &'static str),
    summary: &str,
    run: Run,
) -> Result<Op> {
    let table = catalog.table(of.table)?;
    let input = tail.is_empty().then(|| write_schema(table, of.locked, true));
    Ok(of.action((table, permission), (Method::Post, tail, verb), (summary, input), run))
}

/// New rows that bear a name.
fn signing(catalog: &Catalog) -> Result<Vec<Op>> {
    let sign = "Sign a review of a period; what there was in it is counted by the server";
    let reviews = ("", "sign", "compliance.activity_review.sign");
    Ok(vec![
        op(catalog, &ACTIVITY, reviews, sign, run(|tx, call| Box::pin(sign_review(tx, call))))?,
        op(
            catalog,
            &ALERTS,
            ("", "raise", TRIAGE),
            "Raise a security alert by hand",
            run(|tx, call| Box::pin(raise_by_hand(tx, call))),
        )?,
        op(
            catalog,
            &ASSESSMENTS,
            ("", "sign", BREACH),
            "Sign the four factors of an incident",
            run(|tx, call| Box::pin(assess(tx, call))),
        )?,
        op(
            catalog,
            &ASSESSMENTS,
            ("/{id}/countersign", "countersign", BREACH),
            "Sign another person's assessment",
            run(|tx, call| Box::pin(countersign(tx, call))),
        )?,
    ])
}

/// What becomes of a row.
fn deciding(catalog: &Catalog) -> Result<Vec<Op>> {
    let review = ("/{id}/review", "review", "compliance.access_review.decide");
    let found = "Say what was found about another person's access";
    Ok(vec![
        Op {
            input: Some(states()),
            ..op(
                catalog,
                &INCIDENTS,
                ("/{id}/advance", "advance", BREACH),
                "Take an incident to its next state",
                run(|tx, call| Box::pin(advance(tx, call))),
            )?
        },
        Op {
            input: Some(decision("state", &DECIDED)),
            ..op(
                catalog,
                &ALERTS,
                ("/{id}/decide", "decide", TRIAGE),
                "Say what an alert was",
                run(|tx, call| Box::pin(decide(tx, call))),
            )?
        },
        Op {
            input: Some(decision("outcome", &FOUND)),
            ..op(catalog, &ACCESS, review, found, run(|tx, call| Box::pin(self::review(tx, call))))?
        },
    ])
}

fn states() -> Value {
    let all: Vec<&str> = WAYS.iter().flat_map(|(_, to)| to.iter().copied()).collect();
    json!({"type": "object", "required": ["to"], "additionalProperties": false,
           "properties": {"to": {"type": "string", "enum": all}}})
}

fn decision(name: &str, values: &[&str]) -> Value {
    let note = json!({"type": "string", "minLength": 1, "maxLength": 2000, "description": "Why; it is sealed"});
    let mut properties = json!({"note": note});
    properties[name] = json!({"type": "string", "enum": values});
    if name == "state" {
        properties["incident_id"] = json!({"type": ["string", "null"], "format": "uuid"});
    }
    json!({"type": "object", "required": [name, "note"], "additionalProperties": false, "properties": properties})
}

/// Today and who acts, for a signature.
fn signature(tx: &Tx) -> Result<(String, Uuid)> {
    Ok((clock::text(tx.ctx.env.now())?, tx.ctx.actor.id))
}

/// First and last moment of a period of days, in UTC.
fn span(values: &serde_json::Map<String, Value>) -> Result<(OffsetDateTime, OffsetDateTime)> {
    let form = time::macros::format_description!("[year]-[month]-[day]");
    let day = |name: &str| {
        let text = values.get(name).and_then(Value::as_str).unwrap_or_default();
        Date::parse(text, &form).map_err(|_| Error::invalid(name, "wrong_type", "Is a day such as 2026-03-02"))
    };
    let (from, to) = (day("period_from")?, day("period_to")?);
    let end = to.next_day().unwrap_or(to);
    Ok((from.with_time(Time::MIDNIGHT).assume_utc(), end.with_time(Time::MIDNIGHT).assume_utc()))
}

async fn sign_review(tx: &mut Tx, call: Call) -> Result<Reply> {
    let db = tx.db().clone();
    let mut values = writable(&ACTIVITY, db.catalog().table(ACTIVITY.table)?, call.body)?;
    let (from, to) = span(&values)?;
    if from > tx.ctx.env.now() {
        return Err(Error::invalid("period_from", "not_allowed", "Is not in the future: nothing was there to look at"));
    }
    let counted = match values.get("activity").and_then(Value::as_str) {
        Some("AUDIT_LOG") => audit::counted(tx, from, to).await?,
        Some("ACCESS_RIGHTS") => auth::rights(tx).await?,
        Some("SIGN_INS") => auth::sign_ins(tx, from, to).await?,
        Some("SECURITY_ALERTS") => alerts(tx, from, to).await?,
        _ => return Err(Error::invalid("activity", "not_allowed", format!("Is one of: {}", ACTIVITIES.join(", ")))),
    };
    let (at, by) = signature(tx)?;
    values.extend(row(json!({"counted": counted, "signed_at": at, "signed_by": by})));
    let id = tx.ctx.env.id();
    Ok(Reply::created(tx.create(ACTIVITY.table, NewRow { id, values }).await?))
}

/// Alerts of a time, by kind and state.
pub(super) async fn alerts(tx: &mut Tx, from: OffsetDateTime, to: OffsetDateTime) -> Result<Value> {
    let sql = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(a)), '[]') FROM (SELECT kind::text, state::text, count(*) AS alerts \
         FROM compliance.security_alerts WHERE created_at >= $1 AND created_at < $2 GROUP BY 1, 2 ORDER BY 1, 2) a"
    );
    let rows = tx.query(sql, &[&from, &to]).await?;
    Ok(json!({"alerts": rows.first().map(|r| r.get::<_, Value>(0))}))
}

/// Raises an alert about a user's account, in the transaction of what it is about. Any caller may: it is seen by those
/// who triage.
///
/// # Errors
/// Those of the database.
pub async fn raise(tx: &mut Tx, (kind, severity): (&str, &str), user: Uuid, evidence: Value) -> Result<()> {
    let values = row(json!({"kind": kind, "severity": severity, "user_id": user, "evidence": evidence}));
    let id = tx.ctx.env.id();
    tx.insert(ALERTS.table, &[NewRow { id, values }]).await
}

/// The same, unless such an alert about this user is open since yesterday.
///
/// # Errors
/// As [`raise`].
pub async fn raise_once(tx: &mut Tx, what: (&str, &str), user: Uuid, evidence: Value) -> Result<()> {
    let since = tx.ctx.env.now() - Duration::days(1);
    let sql = sql!(
        "SELECT id FROM compliance.security_alerts WHERE user_id = $1 AND kind = $2::text AND state = 'OPEN' AND created_at > $3 LIMIT 1"
    );
    if tx.query_opt(sql, &[&user, &what.0, &since]).await?.is_some() {
        return Ok(());
    }
    raise(tx, what, user, evidence).await
}

async fn raise_by_hand(tx: &mut Tx, call: Call) -> Result<Reply> {
    let db = tx.db().clone();
    let values = writable(&ALERTS, db.catalog().table(ALERTS.table)?, call.body)?;
    let id = tx.ctx.env.id();
    Ok(Reply::created(tx.create(ALERTS.table, NewRow { id, values }).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    state: String,
    note: String,
    #[serde(default)]
    incident_id: Option<Uuid>,
}

async fn decide(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let id = call.id()?;
    let Decision { state, note, incident_id } = call.input()?;
    if !DECIDED.contains(&state.as_str()) {
        return Err(Error::invalid("state", "not_allowed", format!("Is one of: {}", DECIDED.join(", "))));
    }
    let found = tx
        .query_opt(
            sql!("SELECT state::text, user_id, row_version FROM compliance.security_alerts WHERE id = $1"),
            &[&id],
        )
        .await?;
    let found = found.ok_or(Error::NotFound)?;
    if found.get::<_, Option<Uuid>>("user_id") == Some(tx.ctx.actor.id) {
        let detail = "Nobody decides about an alert of their own: ask another person";
        return Err(Error::Refused { code: "own_review", detail: detail.into() });
    }
    if found.get::<_, &str>("state") == "CLOSED" {
        return Err(Error::Conflict { code: "closed", detail: "This alert is closed already".into() });
    }
    let mut values = row(json!({"state": state, "note": note}));
    values.extend(incident_id.map(|incident| ("incident_id".to_owned(), json!(incident))));
    Ok(Reply::row(tx.update(ALERTS.table, id, Some(found.get("row_version")), values).await?))
}

async fn assess(tx: &mut Tx, call: Call) -> Result<Reply> {
    let db = tx.db().clone();
    let mut values = writable(&ASSESSMENTS, db.catalog().table(ASSESSMENTS.table)?, call.body)?;
    if tx.ctx.actor.kind == ActorKind::Service {
        let detail = "An assessment is signed by a person, not by a program: sign in";
        return Err(Error::Refused { code: "two_person_required", detail: detail.into() });
    }
    let (at, by) = signature(tx)?;
    values.extend(row(json!({"signed_at": at, "signed_by": by})));
    let id = tx.ctx.env.id();
    Ok(Reply::created(tx.create(ASSESSMENTS.table, NewRow { id, values }).await?))
}

async fn countersign(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    let sql = sql!(
        "SELECT signed_by, countersigned_by IS NOT NULL AS done, row_version FROM compliance.breach_risk_assessments WHERE id = $1"
    );
    let found = tx.query_opt(sql, &[&id]).await?.ok_or(Error::NotFound)?;
    let (at, by) = signature(tx)?;
    if found.get::<_, Uuid>("signed_by") == by || tx.ctx.actor.kind == ActorKind::Service {
        let detail = "Nobody countersigns their own assessment, and no program does: ask another person";
        return Err(Error::Refused { code: "two_person_required", detail: detail.into() });
    }
    if found.get("done") {
        return Err(Error::Conflict { code: "already_signed", detail: "This assessment has both signatures".into() });
    }
    let values = row(json!({"countersigned_by": by, "countersigned_at": at}));
    Ok(Reply::row(tx.update(ASSESSMENTS.table, id, Some(found.get("row_version")), values).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    to: String,
}

async fn advance(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let id = call.id()?;
    let Advance { to } = call.input()?;
    let sql = sql!(
        "SELECT i.state::text, i.row_version, (SELECT a.conclusion::text FROM compliance.breach_risk_assessments a \
           WHERE a.incident_id = i.id AND a.countersigned_at IS NOT NULL ORDER BY a.countersigned_at DESC LIMIT 1) AS conclusion \
         FROM compliance.breach_incidents i WHERE i.id = $1"
    );
    let found = tx.query_opt(sql, &[&id]).await?.ok_or(Error::NotFound)?;
    let (from, conclusion): (String, Option<String>) = (found.get("state"), found.get("conclusion"));
    let ways = WAYS.iter().find(|(state, _)| *state == from).map_or(&[][..], |(_, to)| *to);
    if !ways.contains(&to.as_str()) {
        let detail = format!("From {from} an incident goes to: {}", ways.join(", "));
        return Err(Error::Conflict { code: "state_conflict", detail });
    }
    match (to.as_str(), conclusion.as_deref()) {
        ("RISK_ASSESSED" | "NOT_A_BREACH", None) => {
            let detail = "No assessment of this incident has two signatures; without one it counts as a breach";
            return Err(Error::Conflict { code: "assessment_incomplete", detail: detail.into() });
        }
        ("NOT_A_BREACH", Some("BREACH")) => {
            let detail = "The newest assessment that two persons signed says that it is a breach";
            return Err(Error::Conflict { code: "assessed_as_breach", detail: detail.into() });
        }
        _ => {}
    }
    let mut values = row(json!({"state": to}));
    if to == "CLOSED" {
        values.insert("closed_at".into(), json!(clock::text(tx.ctx.env.now())?));
    }
    tx.emit("compliance.breach.advanced", id, json!({"to": to}));
    Ok(Reply::row(tx.update(INCIDENTS.table, id, Some(found.get("row_version")), values).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    outcome: String,
    note: String,
}

async fn review(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let id = call.id()?;
    let Found { outcome, note } = call.input()?;
    let sql = sql!(
        "SELECT user_id, patient_id, reviewed_at IS NOT NULL AS done, row_version FROM compliance.access_reviews WHERE id = $1"
    );
    let found = tx.query_opt(sql, &[&id]).await?.ok_or(Error::NotFound)?;
    let (at, by) = signature(tx)?;
    if found.get::<_, Uuid>("user_id") == by || tx.ctx.actor.kind == ActorKind::Service {
        let detail = "Nobody reviews their own access, and no program does: ask another person";
        return Err(Error::Refused { code: "own_review", detail: detail.into() });
    }
    if found.get("done") {
        return Err(Error::Conflict { code: "already_reviewed", detail: "This access was reviewed before".into() });
    }
    let values = row(json!({"outcome": outcome, "note": note, "reviewed_by": by, "reviewed_at": at}));
    let changed = tx.update(ACCESS.table, id, Some(found.get("row_version")), values).await?;
    tx.about(found.get("patient_id"));
    Ok(Reply::row(changed))
}

/// Puts last week's accesses to records that bear the label VIP into the queue; once each.
///
/// # Errors
/// Those of the database.
pub(super) async fn queue_accesses(tx: &mut Tx) -> Result<()> {
    let now = tx.ctx.env.now();
    let since = now - Duration::days(8);
    let sql =
        sql!("SELECT DISTINCT patient_id FROM compliance.sensitivity_labels WHERE label = 'VIP' AND lifted_at IS NULL");
    let due = (now + Duration::days(7)).date().to_string();
    for person in tx.query(sql, &[]).await? {
        let patient: Uuid = person.get(0);
        let known = sql!("SELECT event_id FROM compliance.access_reviews WHERE patient_id = $1 AND accessed_at >= $2");
        let known: Vec<Uuid> = tx.query(known, &[&patient, &since]).await?.iter().map(|r| r.get(0)).collect();
        let mut rows = Vec::new();
        for (event, at, user) in audit::accesses_by_users(tx, patient, since).await? {
            if known.contains(&event) {
                continue;
            }
            let values = json!({"event_id": event, "accessed_at": clock::text(at)?, "user_id": user, "patient_id": patient,
                "reason": "VIP", "due_on": due});
            rows.push(NewRow { id: tx.ctx.env.id(), values: row(values) });
        }
        tx.insert(ACCESS.table, &rows).await?;
    }
    Ok(())
}
