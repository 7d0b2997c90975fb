//! The log by time, and by person.

use super::balp::{self, Asked};
use crate::{clock, paper};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use salus_core::{Error, Result};
use salus_store::{
    Call, Method, Op, Param, Reply, Row, Tx,
    audit::bundle::{self, Selection},
    run, sql,
};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

pub(super) const LIMIT: i64 = 100;
/// Events of one file of proofs: some 20 megabytes.
const MOST_PROOFS: i64 = 10_000;
/// Media type of such a file: lines of JSON.
const BUNDLE: &str = "application/x-ndjson";
/// How a call can end.
const OUTCOMES: [&str; 3] = ["success", "refused", "failed"];

/// The reads of this domain.
#[must_use]
pub fn reads() -> Vec<Op> {
    let param = |name: &str, doc: &str| Param { name: name.into(), doc: doc.into(), schema: json!({"type": "string"}) };
    let before = || param("before", "Only events before this time (RFC 3339): the value of next from the page before");
    let ended = || Param {
        schema: json!({"type": "string", "enum": OUTCOMES}),
        ..param("outcome", "Only events that ended so")
    };
    vec![
        Op {
            params: vec![
                before(),
                param("actor", "Only events of this user"),
                param("action", "Only events of this operation"),
                param("target", "Only events on this table, such as medical.patients"),
                param("from", "Only events at or after this time (RFC 3339)"),
                param("to", "Only events before this time (RFC 3339)"),
                ended(),
            ],
            run: run(|tx, call| Box::pin(log(tx, call))),
            ..op("list", "/api/v1/audit/events", "The audit log, newest first")
        },
        Op {
            params: vec![
                before(),
                param("from", "Only events at or after this time (RFC 3339)"),
                param("to", "Only events before this time (RFC 3339); people are counted up to here"),
                ended(),
            ],
            output: accesses_schema(),
            permission: "audit.subject.read",
            target: "medical.patients",
            run: run(|tx, call| Box::pin(accesses(tx, call))),
            ..op(
                "accesses",
                "/api/v1/audit/patients/{id}/accesses",
                "Who saw or changed one person's record, newest first",
            )
        },
        with_proofs(),
        Op {
            params: vec![
                Param {
                    schema: json!({"type": "string", "format": "uuid"}),
                    ..param("patient", "Whose record; required")
                },
                before(),
                param("from", "Only events at or after this time (RFC 3339)"),
                param("to", "Only events before this time (RFC 3339)"),
            ],
            output: json!({"type": "object", "description": "A Bundle (searchset) of AuditEvents in the shape of IHE BALP"}),
            permission: "audit.subject.read",
            target: "medical.patients",
            run: run(|tx, call| Box::pin(fhir(tx, call))),
            ..op("fhir", "/api/v1/audit/fhir/AuditEvent", "The same as FHIR R4 AuditEvents (IHE BALP)")
        },
    ]
}

/// The sealed events about one person.
fn with_proofs() -> Op {
    let param = |name: &str, doc: &str| Param { name: name.into(), doc: doc.into(), schema: json!({"type": "string"}) };
    Op {
        params: vec![
            param("from", "Only events at or after this time (RFC 3339)"),
            param("to", "Only events before this time (RFC 3339)"),
        ],
        output: json!({"type": "object", "required": ["events", "file"], "properties": {
            "events": {"type": "integer"}, "file": paper::file_schema()}}),
        permission: "audit.proof.read",
        target: "medical.patients",
        run: run(|tx, call| Box::pin(proofs(tx, call))),
        ..op(
            "proofs",
            "/api/v1/audit/patients/{id}/accesses/proofs",
            "The sealed events about one person with their proofs, as a file that salus-verify checks without a database",
        )
    }
}

fn op(verb: &str, path: &str, summary: &str) -> Op {
    Op {
        method: Method::Get,
        path: path.to_owned(),
        name: format!("audit.log.{verb}"),
        permission: "audit.log.read",
        summary: summary.to_owned(),
        target: "audit.activity_logs",
        params: Vec::new(),
        input: None,
        output: events_schema(),
        run: run(|_, _| Box::pin(async { Err(Error::NotFound) })),
    }
}

async fn log(tx: &mut Tx, call: Call) -> Result<Reply> {
    let to = moment(&call, "to")?;
    let before = before(tx, &call)?.min(to.unwrap_or(tx.ctx.env.now() + Duration::days(1)));
    let from = moment(&call, "from")?.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let actor = match call.query_value("actor") {
        None => None,
        Some(text) => Some(text.parse::<Uuid>().map_err(|_| Error::invalid("actor", "wrong_type", "Is a UUID"))?),
    };
    let named = |name: &str| call.query_value(name).map(str::to_owned);
    let (action, target, outcome) = (named("action"), named("target"), outcome(&call)?);
    let rows = tx
        .query(
            sql!(
                "SELECT l.recorded_at, l.header, l.outcome FROM audit.activity_logs l \
                 WHERE l.recorded_at < $1 AND ($2::uuid IS NULL OR l.actor_id = $2) AND ($3::text IS NULL OR l.action = $3) \
                   AND ($5::text IS NULL OR l.outcome = $5) AND ($6::text IS NULL OR l.target = $6) AND l.recorded_at >= $7 \
                 ORDER BY l.recorded_at DESC, l.id DESC LIMIT $4"
            ),
            &[&before, &actor, &action, &(LIMIT + 1), &outcome, &target, &from],
        )
        .await?;
    page(tx, &rows).await.map(Reply::json)
}

/// Whose accesses, and which of them.
struct Wanted {
    patient: Uuid,
    from: OffsetDateTime,
    to: OffsetDateTime,
    outcome: Option<String>,
}

/// How a call must have ended to be listed; none: in any way.
fn outcome(call: &Call) -> Result<Option<String>> {
    let outcome = call.query_value("outcome").map(str::to_owned);
    if outcome.as_deref().is_some_and(|o| !OUTCOMES.contains(&o)) {
        return Err(Error::invalid("outcome", "not_allowed", format!("Is one of: {}", OUTCOMES.join(", "))));
    }
    Ok(outcome)
}

async fn accesses(tx: &mut Tx, call: Call) -> Result<Reply> {
    let outcome = outcome(&call)?;
    let wanted = Wanted {
        patient: call.id()?,
        from: moment(&call, "from")?.unwrap_or(OffsetDateTime::UNIX_EPOCH),
        to: moment(&call, "to")?.unwrap_or(tx.ctx.env.now() + Duration::days(1)),
        outcome,
    };
    let end = before(tx, &call)?.min(wanted.to);
    tx.get("medical.patients", wanted.patient, &["pseudonym"]).await?;
    let rows = tx
        .query(
            sql!(
                "SELECT l.recorded_at, l.header, l.outcome FROM audit.events_about($1, $2) s \
                 JOIN audit.activity_logs l ON l.recorded_at = s.recorded_at AND l.id = s.id \
                 WHERE s.recorded_at < $3 AND ($4::text IS NULL OR l.outcome = $4) \
                 ORDER BY s.recorded_at DESC, s.id DESC LIMIT $5"
            ),
            &[&wanted.patient, &wanted.from, &end, &wanted.outcome, &(LIMIT + 1)],
        )
        .await?;
    let mut reply = page(tx, &rows).await?;
    reply["people"] = json!(people(tx, &wanted).await?);
    reply["log"] = json!(head(tx).await?);
    Ok(Reply::json(reply))
}

/// The headers are given as they are sealed, or nothing could be checked: that of a list names by number everybody who was
/// shown. So it takes a permission of its own, which who may only see who saw a record does not have.
async fn proofs(tx: &mut Tx, call: Call) -> Result<Reply> {
    let patient = call.id()?;
    let from = moment(&call, "from")?.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let to = moment(&call, "to")?.unwrap_or(tx.ctx.env.now() + Duration::days(1));
    tx.get("medical.patients", patient, &["pseudonym"]).await?;
    let sql = sql!("SELECT count(*) FROM audit.events_about($1, $2) s WHERE s.recorded_at < $3");
    let found: i64 = tx.query(sql, &[&patient, &from, &to]).await?.first().map_or(0, |row| row.get(0));
    if found > MOST_PROOFS {
        let why = format!("{found} events are too many for one file, which holds {MOST_PROOFS}: choose a shorter time");
        return Err(Error::invalid("from", "too_many", why));
    }
    let which = Selection { tenant: tx.ctx.tenant, subject: Some(patient), from, to };
    let (log, mut bytes) = (tx.db().log()?, Vec::new());
    let events = bundle::export(&log, &which, &[], &mut bytes).await?;
    tx.count(usize::try_from(events).map_err(Error::internal)?);
    let file = paper::file("accesses.salus-audit", BUNDLE, &bytes);
    Ok(Reply::json(json!({"events": events, "file": file})))
}

async fn fhir(tx: &mut Tx, call: Call) -> Result<Reply> {
    let why = "Names the person: patient=ID";
    let patient = call.query_value("patient").ok_or_else(|| Error::invalid("patient", "required", why))?;
    let patient: Uuid = patient.parse().map_err(|_| Error::invalid("patient", "wrong_type", "Is a UUID"))?;
    let from = moment(&call, "from")?.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let to = before(tx, &call)?.min(moment(&call, "to")?.unwrap_or(tx.ctx.env.now() + Duration::days(1)));
    tx.get("medical.patients", patient, &["pseudonym"]).await?;
    let (headers, next) = balp::headers(tx, Asked { patient: Some(patient), from, to }).await?;
    tx.count(headers.len());
    let entries: Vec<Value> = headers
        .iter()
        .flat_map(|header| balp::audit_events(header, Some(patient)))
        .map(|event| {
            let url = format!("urn:uuid:{}", event["id"].as_str().unwrap_or_default());
            json!({"fullUrl": url, "resource": event, "search": {"mode": "match"}})
        })
        .collect();
    let mut bundle = json!({"resourceType": "Bundle", "type": "searchset"});
    // FHIR knows no empty list.
    if !entries.is_empty() {
        bundle["entry"] = json!(entries);
    }
    if let Some(next) = next {
        let next = next.format(&Rfc3339).map_err(Error::internal)?;
        let url = format!("/api/v1/audit/fhir/AuditEvent?patient={patient}&before={next}");
        bundle["link"] = json!([{"relation": "next", "url": url}]);
    }
    Ok(Reply::json(bundle))
}

/// Who is behind the accesses of the whole period, page by page or not: one entry an actor, the one with most first.
/// Actors without a row of their own (operator, kernel) share the nil id and are told apart by their kind.
async fn people(tx: &mut Tx, wanted: &Wanted) -> Result<Vec<Value>> {
    let rows = tx
        .query(
            sql!(
                "WITH about AS MATERIALIZED (SELECT l.recorded_at, l.actor_id, l.header FROM audit.events_about($1, $2) s \
                   JOIN audit.activity_logs l ON l.recorded_at = s.recorded_at AND l.id = s.id \
                   WHERE s.recorded_at < $3 AND ($4::text IS NULL OR l.outcome = $4)), \
                 seen AS (SELECT actor_id, count(*) AS times, max(recorded_at) AS last_at, \
                   CASE WHEN actor_id = '00000000-0000-0000-0000-000000000000' \
                        THEN convert_from(header, 'UTF8')::jsonb ->> 'actor_kind' END AS kind \
                   FROM about GROUP BY 1, 4) \
                 SELECT seen.times, seen.last_at, latest.header FROM seen CROSS JOIN LATERAL ( \
                   SELECT a.header FROM about a WHERE a.recorded_at = seen.last_at AND a.actor_id = seen.actor_id LIMIT 1) latest \
                 ORDER BY seen.times DESC, seen.last_at DESC LIMIT 200"
            ),
            &[&wanted.patient, &wanted.from, &wanted.to, &wanted.outcome],
        )
        .await?;
    let mut people = Vec::with_capacity(rows.len());
    for row in &rows {
        let header: Value = serde_json::from_slice(row.get("header")).map_err(Error::internal)?;
        let last_at = clock::text(row.get::<_, OffsetDateTime>("last_at"))?;
        people.push(json!({
            "actor": header["actor"],
            "actor_kind": header["actor_kind"],
            "roles": header["roles"],
            "count": row.get::<_, i64>("times"),
            "last_at": last_at,
        }));
    }
    name_actors(tx, &mut people).await?;
    Ok(people)
}

/// The newest signed head, as it stands under what is given out.
///
/// # Errors
/// Those of the database.
pub async fn head(tx: &mut Tx) -> Result<Option<Value>> {
    let head = tx.audit_head().await?;
    Ok(head.map(|h| json!({"origin": h.origin, "size": h.size, "root": STANDARD.encode(h.root)})))
}

/// How often a user went to a person's record through a broken glass in this time.
///
/// # Errors
/// Those of the database.
pub async fn uses_through_glass(
    tx: &mut Tx,
    (user, patient): (Uuid, Uuid),
    (from, to): (OffsetDateTime, OffsetDateTime),
) -> Result<i64> {
    let sql = sql!(
        "SELECT count(*) FROM audit.events_about($1, $2) s \
         JOIN audit.activity_logs l ON l.recorded_at = s.recorded_at AND l.id = s.id \
         WHERE s.recorded_at <= $3 AND l.actor_id = $4 \
           AND convert_from(l.header, 'UTF8')::jsonb ->> 'purpose' = 'BTG'"
    );
    let rows = tx.query(sql, &[&patient, &from, &to, &user]).await?;
    Ok(rows.first().map_or(0, |row| row.get(0)))
}

/// A time among the parameters.
fn moment(call: &Call, name: &str) -> Result<Option<OffsetDateTime>> {
    let wrong = |_| Error::invalid(name, "wrong_type", "Is a time such as 2026-11-21T10:00:00Z");
    call.query_value(name).map(|text| OffsetDateTime::parse(text, &Rfc3339).map_err(wrong)).transpose()
}

fn before(tx: &Tx, call: &Call) -> Result<OffsetDateTime> {
    Ok(moment(call, "before")?.unwrap_or(tx.ctx.env.now() + Duration::days(1)))
}

/// Headers as JSON with the names of the actors, and where to go on.
async fn page(tx: &mut Tx, rows: &[Row]) -> Result<Value> {
    let limit = usize::try_from(LIMIT).unwrap_or(usize::MAX);
    let next =
        rows.get(limit).and_then(|_| rows[limit - 1].get::<_, OffsetDateTime>("recorded_at").format(&Rfc3339).ok());
    let mut events: Vec<Value> = Vec::with_capacity(rows.len().min(limit));
    for row in rows.iter().take(limit) {
        let mut header: Value = serde_json::from_slice(row.get("header")).map_err(Error::internal)?;
        let subjects = header.get("subjects").and_then(Value::as_str).unwrap_or_default();
        let subjects = URL_SAFE_NO_PAD.decode(subjects).map_or(0, |ids| ids.len() / 16);
        if let Some(members) = header.as_object_mut() {
            members.remove("subjects");
            members.remove("rows");
            members.insert("people".into(), json!(subjects));
        }
        events.push(header);
    }
    name_actors(tx, &mut events).await?;
    tx.count(events.len());
    Ok(json!({"data": events, "next": next}))
}

/// Adds `actor_name` to entries that have an `actor`.
pub(super) async fn name_actors(tx: &mut Tx, entries: &mut [Value]) -> Result<()> {
    let actor = |e: &Value| e["actor"].as_str().and_then(|id| id.parse::<Uuid>().ok());
    let names = crate::auth::display_names(tx, entries.iter().filter_map(actor)).await?;
    for entry in entries {
        entry["actor_name"] = json!(actor(entry).and_then(|id| names.get(&id)));
    }
    Ok(())
}

fn events_schema() -> Value {
    json!({"type": "object", "properties": {
        "data": {"type": "array", "items": {"type": "object"}},
        "next": {"type": ["string", "null"]},
    }})
}

fn accesses_schema() -> Value {
    let text = |doc: &str| json!({"type": "string", "description": doc});
    let person = json!({"type": "object", "properties": {
        "actor": text("The user; the nil id for the operator and the kernel"),
        "actor_kind": text("user, service, operator or system"),
        "actor_name": {"type": ["string", "null"]},
        "roles": {"type": ["array", "null"], "items": {"type": "string"}, "description": "Held at the latest access"},
        "count": {"type": "integer", "description": "Accesses in the whole period asked for"},
        "last_at": {"type": "string", "format": "date-time"},
    }});
    let mut schema = events_schema();
    schema["properties"]["people"] = json!({"type": "array", "items": person});
    schema["properties"]["log"] = json!({"type": ["object", "null"],
        "description": "The newest signed head of the audit log: keep it, and a log that was rewritten can be told from this one",
        "properties": {"origin": text("Which log"), "size": {"type": "integer", "description": "Its events"},
            "root": text("Root over them, in base64")}});
    schema
}
