//! `salus keys shred` and `certificate`. The operator is one of the two persons that an erasure takes: never both, although
//! whoever holds the host could destroy keys without asking anybody. What the program does is what the log can show.

use crate::{output::Outcome, place::Place};
use salus_core::{Ctx, Error, Result};
use salus_domains::{compliance, operations};
use salus_store::{Body, Call, Db, audit::report, dispatch, sql};
use serde_json::{Value, json};
use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _, path::PathBuf};
use uuid::Uuid;

/// The request of somebody else that waits for this person, or none.
async fn waiting(db: &Db, ctx: Ctx, person: Uuid) -> Result<Option<Uuid>> {
    let mut tx = db.begin(ctx, true).await?;
    let sql = sql!(
        "SELECT id FROM kernel.approvals WHERE act = 'erase_person' AND person_id = $1 AND state = 'waiting' AND asked_kind <> 'operator' \
         AND expires_at > now()"
    );
    let found = tx.query_opt(sql, &[&person]).await?.map(|row| row.get(0));
    tx.finish_unrecorded().await?;
    Ok(found)
}

/// When a person was erased before, and by whom; an error that says so.
async fn not_erased_before(db: &Db, ctx: Ctx, person: Uuid) -> Result<()> {
    let mut tx = db.begin(ctx, true).await?;
    let found = tx.query_opt(sql!("SELECT id FROM kernel.erasures WHERE person_id = $1"), &[&person]).await?;
    let Some(id) = found.map(|row| row.get::<_, Uuid>(0)) else { return tx.finish_unrecorded().await };
    let said = compliance::certificate(&mut tx, id).await?;
    tx.commit("compliance.erasure_request.certificate", "kernel.erasures").await?;
    let who = |name: &str| match (said[name]["kind"].as_str(), said[name]["id"].as_str()) {
        (Some("user"), Some(id)) => format!("user {id}"),
        (Some(kind), _) => format!("the {kind}"),
        (None, _) => "somebody of whom nothing is kept here".to_owned(),
    };
    let detail = format!(
        "{person} was erased at {}, asked for by {} and confirmed by {}: nothing is left to erase. salus keys certificate says more",
        said["erased_at"].as_str().unwrap_or_default(),
        who("asked_by"),
        who("confirmed_by")
    );
    Err(Error::Conflict { code: "erased", detail })
}

/// Asks for an erasure, or confirms the one that was asked for.
pub async fn shred(place: &Place, tenant: &str, person: Uuid, reason: &str) -> Result<Outcome> {
    let db = place.db().await?;
    let ctx = Ctx::operator(db.env(), place.tenant(&db, tenant).await?);
    not_erased_before(&db, ctx.clone(), person).await?;
    let request = waiting(&db, ctx.clone(), person).await?;
    let (name, call) = match request {
        None => (
            "compliance.erasure_request.ask",
            Call { body: json!({"person_id": person, "reason": reason}), ..Call::default() },
        ),
        Some(id) => (
            "compliance.erasure_request.confirm",
            Call { path: vec![("id".into(), id.to_string())], body: json!({"confirm": person}), ..Call::default() },
        ),
    };
    let ops = operations(db.catalog())?;
    let op = ops.iter().find(|o| o.name == name).ok_or_else(|| Error::internal(format!("no operation {name}")))?;
    let Body::Json(told) = dispatch(&db, op, ctx, call).await?.body else {
        return Err(Error::internal(format!("{name} answers no object")));
    };
    let at = told["erased_at"].as_str();
    let text = match at {
        None => format!(
            "Asked for the erasure of {person}. Nothing is erased yet: within 72 hours a person of {tenant} with the permission\n\
             compliance.erasure.confirm confirms it on the page Erasures, or refuses it."
        ),
        Some(at) => format!(
            "The key of {person} was destroyed at {at}: what was sealed for this person opens for nobody.\n\
             Backups made before still hold the key. Restored, they are erased again by the list in {}: keep it, and keep\n\
             it elsewhere than the backups. The erasure is complete when the last backup made before {at} is deleted:\n\
             salus keys certificate --tenant {tenant} --person {person} --out FILE says when that was.",
            place.erasures().path().display()
        ),
    };
    let state = if at.is_some() { "erased" } else { "waiting" };
    Ok(Outcome::done(
        json!({"ok": true, "state": state, "person": person, "request": told["id"], "erased_at": at}),
        text,
    ))
}

/// Writes the signed certificate of an erasure.
pub async fn certificate(place: &Place, tenant: &str, person: Uuid, out: PathBuf) -> Result<Outcome> {
    let db = place.db().await?;
    super::super::backup::note(place, &db).await?;
    let ctx = Ctx::operator(db.env(), place.tenant(&db, tenant).await?);
    let mut tx = db.begin(ctx, true).await?;
    let found = tx.query_opt(sql!("SELECT id FROM kernel.erasures WHERE person_id = $1"), &[&person]).await?;
    let id: Uuid = found
        .map(|row| row.get(0))
        .ok_or_else(|| Error::invalid("person", "no_such_record", "Was not erased in this tenant"))?;
    let certificate: Value = compliance::certificate(&mut tx, id).await?;
    tx.commit("compliance.erasure_request.certificate", "kernel.erasures").await?;
    let log = place.log()?.ok_or_else(|| {
        Error::Unavailable("the certificate is signed with the key of the audit log: set DATABASE_SEALER_URL".into())
    })?;
    let note = report::sign(&log, &certificate).await?;
    let note = note.ok_or_else(|| Error::Unavailable("the audit log has no key yet: run salus audit seal".into()))?;
    let open = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&out);
    open.and_then(|mut file| file.write_all(note.as_bytes()).and_then(|()| file.sync_all()))
        .map_err(|e| Error::invalid("out", "unwritable", format!("{}: {e}", out.display())))?;
    let text = match certificate["complete_on"].as_str() {
        Some(at) => format!("The erasure of {person} is complete on {at}: no known backup from before it is left."),
        None if certificate["state"] == "backups_left" => format!(
            "The erasure of {person} is not complete: {} known backups from before it are left.",
            certificate["backups_left"]
        ),
        None => format!("The erasure of {person}: the backups of this database are not known to Salus."),
    };
    let text = format!("{text}\nThe signed certificate is in {}", out.display());
    Ok(Outcome::done(json!({"ok": true, "certificate": certificate, "file": out}), text))
}
