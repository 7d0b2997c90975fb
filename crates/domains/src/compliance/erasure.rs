//! Erasing a person: one asks, another confirms, and a certificate says when nothing of the person can be read any more. That
//! is when the last backup from before it is gone (`spec` B2.7): until then the person could be brought back by whoever has
//! such a backup and an identity. What is destroyed, and what stays, is said in [`salus_store::erase`].

use crate::{auth, clock};
use salus_core::{Error, Result};
use salus_store::{
    At, Call, Method, Op, Reply, Run, Tx,
    approve::Wanted,
    erase::{REASONS, known_reason},
    run, sql,
};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

/// Characters of a note.
const NOTE: usize = 2000;

/// What is erased, and what is not: part of every certificate.
const ERASED: [&str; 3] = [
    "The person's own key, which every sealed value about the person needs: names, identifiers, contact data, free text, documents",
    "The hashes by which identifiers were found",
    "The tokens by which names were found",
];
/// See [`ERASED`].
const STAYS: [&str; 3] = [
    "Codes, dates and counts about the person, which name nobody by themselves",
    "The audit log, which names the person by a number",
    "Texts that were typed into a search, sealed, in the audit log",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    person_id: Uuid,
    reason: String,
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    confirm: Uuid,
}

/// The operations.
#[must_use]
pub fn actions() -> Vec<Op> {
    let mut all = requests();
    all.extend(of_tenants());
    all.extend(reads());
    all
}

fn op(tail: &str, verb: &str, permission: &'static str, summary: &str, run: Run) -> Op {
    Op {
        method: Method::Post,
        path: format!("/api/v1/compliance/erasure-requests{tail}"),
        name: format!("compliance.erasure_request.{verb}"),
        permission,
        summary: summary.to_owned(),
        target: "kernel.approvals",
        params: Vec::new(),
        input: None,
        output: state_schema(),
        run,
    }
}

/// Asking, confirming and declining.
fn requests() -> Vec<Op> {
    let id = |doc: &str| json!({"type": "string", "format": "uuid", "description": doc});
    vec![
        Op {
            input: Some(
                json!({"type": "object", "required": ["person_id", "reason"], "additionalProperties": false, "properties": {
                    "person_id": id("Whose record"), "reason": {"type": "string", "enum": REASONS},
                    "note": {"type": ["string", "null"], "maxLength": NOTE, "description": "Why, in words; unreadable once the person is erased"},
                }}),
            ),
            ..op(
                "",
                "ask",
                "compliance.erasure.request",
                "Ask for a person to be erased; another person confirms within 72 hours",
                run(|tx, call| Box::pin(ask(tx, call))),
            )
        },
        Op {
            input: Some(
                json!({"type": "object", "required": ["confirm"], "additionalProperties": false, "properties": {
                "confirm": id("The id of the person to be erased, once more")}}),
            ),
            ..op(
                "/{id}/confirm",
                "confirm",
                "compliance.erasure.confirm",
                "Erase the person whom another person asked to erase. It cannot be taken back",
                run(|tx, call| Box::pin(confirm(tx, call))),
            )
        },
        op(
            "/{id}/decline",
            "decline",
            "compliance.erasure.request",
            "End a request without erasing: refused by another person, or withdrawn by who asked",
            run(|tx, call| Box::pin(decline(tx, call))),
        ),
    ]
}

/// Asking for the whole organization.
fn of_tenants() -> Vec<Op> {
    vec![Op {
        path: "/api/v1/compliance/tenant-erasure-requests".to_owned(),
        name: "compliance.tenant_erasure_request.ask".to_owned(),
        input: Some(json!({"type": "object", "required": ["slug"], "additionalProperties": false, "properties": {
                "slug": {"type": "string", "description": "The name of the organization in addresses, to be sure"},
                "note": {"type": ["string", "null"], "maxLength": NOTE}}})),
        ..op(
            "",
            "ask",
            "compliance.tenant.erase",
            "Ask for the whole organization to be erased; the operator does it within 72 hours: salus tenant erase",
            run(|tx, call| Box::pin(ask_for_tenant(tx, call))),
        )
    }]
}

/// What waits, and what was done.
fn reads() -> Vec<Op> {
    vec![
        Op {
            method: Method::Get,
            params: vec![crate::kernel::limit_param()],
            output: json!({"type": "object", "properties": {"data": {"type": "array", "items": {"type": "object"}}}}),
            ..op(
                "",
                "list",
                "compliance.erasure.read",
                "Requests to erase a person, those that wait first, with who asked and who decided",
                run(|tx, call| Box::pin(list(tx, call))),
            )
        },
        Op {
            method: Method::Get,
            path: "/api/v1/compliance/erasures/{id}/certificate".to_owned(),
            target: "kernel.erasures",
            output: certificate_schema(),
            ..op(
                "",
                "certificate",
                "compliance.erasure.read",
                "What was erased, when, by whom, and since when no known backup holds the person",
                run(|tx, call| {
                    Box::pin(async move {
                        let id = call.id()?;
                        certificate(tx, id).await.map(Reply::json)
                    })
                }),
            )
        },
    ]
}

async fn ask(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let request: Request = call.input()?;
    let reason = known_reason(&request.reason)?;
    let note = noted(request.note.as_deref())?;
    tx.erasable(request.person_id).await?;
    let id = tx.ask_another(Wanted::ErasePerson(request.person_id, reason), note).await?;
    Ok(Reply { status: 201, ..Reply::json(json!({"id": id, "person_id": request.person_id, "state": "waiting"})) })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TenantRequest {
    slug: String,
    note: Option<String>,
}

async fn ask_for_tenant(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let request: TenantRequest = call.input()?;
    let own = tx.query_opt(sql!("SELECT slug FROM kernel.tenants WHERE id = kernel.tenant()"), &[]).await?;
    if own.is_none_or(|row| row.get::<_, &str>(0) != request.slug) {
        return Err(Error::invalid("slug", "not_the_same", "Is the name of your own organization in addresses"));
    }
    let note = noted(request.note.as_deref())?;
    let id = tx.ask_another(Wanted::EraseTenant, note).await?;
    Ok(Reply { status: 201, ..Reply::json(json!({"id": id, "state": "waiting"})) })
}

fn noted(note: Option<&str>) -> Result<Option<&str>> {
    let note = note.map(str::trim).filter(|text| !text.is_empty());
    if note.is_some_and(|text| text.chars().count() > NOTE) {
        return Err(Error::invalid("note", "too_long", format!("Is at most {NOTE} characters")));
    }
    Ok(note)
}

async fn confirm(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let id = call.id()?;
    let given: Confirmation = call.input()?;
    let approval = tx.waiting(id).await?;
    // A request of another kind is none of these.
    let (Some(person), Some(reason)) = (approval.person, approval.reason) else { return Err(Error::NotFound) };
    if given.confirm != person {
        return Err(Error::invalid("confirm", "not_the_same", "Repeats the id of the person to be erased"));
    }
    let entry = tx.erase_person(person, &reason).await?;
    tx.agreed(id).await?;
    Ok(Reply::json(json!({"id": id, "person_id": person, "state": "done", "erased_at": entry.when()})))
}

async fn decline(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    let state = tx.decline(id).await?;
    Ok(Reply::json(json!({"id": id, "state": state})))
}

async fn list(tx: &mut Tx, call: Call) -> Result<Reply> {
    let limit = crate::kernel::limit(&call)?;
    let now = tx.ctx.env.now();
    let rows = tx
        .query(
            sql!(
                "SELECT a.id, a.act::text, a.person_id, a.reason::text, a.note, a.created_at, a.expires_at, a.asked_by, a.asked_kind::text, a.decided_by, \
                   a.decided_kind::text, a.decided_at, CASE WHEN a.state = 'done' THEN e.id END AS erasure, \
                   CASE WHEN a.state = 'waiting' AND a.expires_at <= $1 THEN 'expired' ELSE a.state::text END AS state \
                 FROM kernel.approvals a LEFT JOIN kernel.erasures e ON e.person_id = a.person_id \
                 WHERE a.act IN ('erase_person', 'erase_tenant') ORDER BY a.state = 'waiting' DESC, a.created_at DESC, a.id DESC LIMIT $2"
            ),
            &[&now, &limit],
        )
        .await?;
    let (mut persons, mut users) = (Vec::new(), Vec::new());
    for row in &rows {
        persons.extend(row.get::<_, Option<Uuid>>("person_id"));
        users.push(row.get::<_, Uuid>("asked_by"));
        users.extend(row.get::<_, Option<Uuid>>("decided_by"));
    }
    tx.fetch_persons(persons).await?;
    let names = auth::display_names(tx, users.into_iter()).await?;
    let text = |at: Option<OffsetDateTime>| at.map(clock::text).transpose();
    let mut data = Vec::with_capacity(rows.len());
    for row in &rows {
        let (id, person, asked_by): (Uuid, Option<Uuid>, Uuid) =
            (row.get("id"), row.get("person_id"), row.get("asked_by"));
        let note = match row.get::<_, Option<&[u8]>>("note") {
            None => None,
            Some(sealed) => tx.open_exact(At { table: "kernel.approvals", column: "note", row: id }, person, sealed)?,
        };
        let decided_by: Option<Uuid> = row.get("decided_by");
        let decided_kind: Option<&str> = row.get("decided_kind");
        if let Some(person) = person {
            tx.about(person);
        }
        data.push(json!({
            "id": id, "act": row.get::<_, &str>("act"), "person_id": person, "reason": row.get::<_, Option<&str>>("reason"), "state": row.get::<_, &str>("state"),
            "note": note.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()), "own": asked_by == tx.ctx.actor.id,
            "asked_at": text(row.get("created_at"))?, "expires_at": text(row.get("expires_at"))?,
            "asked_by": {"kind": row.get::<_, &str>("asked_kind"), "name": names.get(&asked_by)},
            "decided_at": text(row.get("decided_at"))?,
            "decided_by": decided_kind.map(|kind| json!({"kind": kind, "name": decided_by.and_then(|id| names.get(&id))})),
            "erasure": row.get::<_, Option<Uuid>>("erasure"),
        }));
    }
    tx.count(data.len());
    Ok(Reply::json(json!({"data": data})))
}

/// The certificate of an erasure.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn certificate(tx: &mut Tx, id: Uuid) -> Result<Value> {
    let found = tx
        .query_opt(
            sql!(
                "SELECT e.person_id, e.reason::text, e.erased_at, a.id AS request, a.asked_by, a.asked_kind::text, a.created_at AS asked_at, \
                   a.decided_by, a.decided_kind::text, o.name::text AS organization, i.id AS installation \
                 FROM kernel.erasures e CROSS JOIN kernel.installation i \
                 LEFT JOIN kernel.approvals a ON a.person_id = e.person_id AND a.act = 'erase_person' AND a.state = 'done' \
                 LEFT JOIN auth.organizations o ON o.tenant_id = e.tenant_id AND o.id = e.tenant_id \
                 WHERE e.id = $1"
            ),
            &[&id],
        )
        .await?
        .ok_or(Error::NotFound)?;
    let person: Uuid = found.get("person_id");
    tx.about(person);
    tx.on_row(id);
    let erased_at: OffsetDateTime = found.get("erased_at");
    let before = tx.backups_before(erased_at).await?;
    let complete = before.left == 0 && before.noted_at.is_some_and(|at| at >= erased_at);
    let state = match (before.noted_at, before.left) {
        _ if complete => "complete",
        (Some(_), _) => "backups_left",
        (None, _) => "backups_unknown",
    };
    let complete_on = complete.then(|| before.gone_at.map_or(erased_at, |at| at.max(erased_at)));
    let users = [found.get::<_, Option<Uuid>>("asked_by"), found.get("decided_by")];
    let names = auth::display_names(tx, users.into_iter().flatten()).await?;
    let who = |id: Option<Uuid>, kind: &str| {
        let kind: Option<&str> = found.get(kind);
        kind.map(|kind| json!({"id": id, "kind": kind, "name": id.and_then(|id| names.get(&id))}))
    };
    Ok(json!({
        "id": id, "installation": found.get::<_, Uuid>("installation"), "organization": found.get::<_, Option<&str>>("organization"),
        "person_id": person, "reason": found.get::<_, &str>("reason"), "erased_at": clock::text(erased_at)?,
        "request": found.get::<_, Option<Uuid>>("request"),
        "asked_at": found.get::<_, Option<OffsetDateTime>>("asked_at").map(clock::text).transpose()?,
        "asked_by": who(users[0], "asked_kind"), "confirmed_by": who(users[1], "decided_kind"),
        "erased": ERASED, "stays": STAYS,
        "state": state, "complete_on": complete_on.map(clock::text).transpose()?, "backups_left": before.left,
        "backups_noted_at": before.noted_at.map(clock::text).transpose()?,
    }))
}

fn state_schema() -> Value {
    json!({"type": "object", "properties": {
        "id": {"type": "string", "format": "uuid"},
        "person_id": {"type": "string", "format": "uuid"},
        "state": {"type": "string", "enum": ["waiting", "done", "refused", "withdrawn"]},
        "erased_at": {"type": "string", "format": "date-time"},
    }})
}

fn certificate_schema() -> Value {
    let moment = |doc: &str| json!({"type": ["string", "null"], "format": "date-time", "description": doc});
    let who = |doc: &str| json!({"type": ["object", "null"], "description": doc});
    let list = |doc: &str| json!({"type": "array", "items": {"type": "string"}, "description": doc});
    json!({"type": "object", "properties": {
        "id": {"type": "string", "format": "uuid"},
        "installation": {"type": "string", "format": "uuid"},
        "organization": {"type": ["string", "null"]},
        "person_id": {"type": "string", "format": "uuid"},
        "reason": {"type": "string", "enum": REASONS},
        "erased_at": {"type": "string", "format": "date-time"},
        "request": {"type": ["string", "null"], "format": "uuid"},
        "asked_at": moment("When it was asked for"),
        "asked_by": who("Who asked: kind, id and name"),
        "confirmed_by": who("Who confirmed: another"),
        "erased": list("What was destroyed"),
        "stays": list("What was not"),
        "state": {"type": "string", "enum": ["complete", "backups_left", "backups_unknown"],
                  "description": "backups_unknown: other tools take the backups of this database"},
        "complete_on": moment("Since when no backup that this installation knows holds the person"),
        "backups_left": {"type": "integer", "description": "Known backups from before the erasure"},
        "backups_noted_at": moment("When the known backups were last compared with what lies in their folders"),
    }})
}
