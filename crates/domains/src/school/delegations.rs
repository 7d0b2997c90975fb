//! Whom a nurse lets give medication: a person of a school, a way of giving, and until when the training counts. Whoever holds
//! `school.med.administer` and not `school.med.order` gives by these only; rescue medicine anybody gives.

use super::{orders, reads, visits::id_of};
use crate::{auth, clock, row};
use salus_core::{ActorKind, Error, FieldError, Result};
use salus_store::{Call, Catalog, Method, Op, Reply, Resource, Row, Tx, engine::NewRow, run, sql};
use serde_json::{Value, json};
use time::Date;
use uuid::Uuid;

/// Delegations, read as any table and written by the actions below.
pub const DELEGATIONS: Resource = Resource {
    table: "school.delegations",
    path: "school/delegations",
    noun: "school.delegation",
    read: "school.med.administer",
    write: None,
    filters: &["user_id", "school_id", "route", "valid_until"],
    locked: &[],
    list: &[],
};
/// Ways of giving that orders name.
pub const ROUTES: [&str; 10] =
    ["ORAL", "INHALED", "NASAL", "TOPICAL", "OPHTHALMIC", "OTIC", "SUBCUTANEOUS", "INTRAMUSCULAR", "RECTAL", "BUCCAL"];
/// What a new one says.
const SAID: [&str; 5] = ["user_id", "school_id", "route", "trained_on", "valid_until"];

/// Delegating and taking back.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks the table.
pub fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let table = catalog.table(DELEGATIONS.table)?;
    let id = |doc: &str| json!({"type": "string", "format": "uuid", "description": doc});
    let day = |doc: &str| json!({"type": "string", "format": "date", "description": doc});
    let new = json!({"type": "object", "required": SAID, "additionalProperties": false, "properties": {
        "user_id": id("Who gives: a user who works at the school"), "school_id": id("At which school"),
        "route": {"type": "string", "enum": ROUTES, "description": "The way of giving that was trained"},
        "trained_on": day("When it was seen that they can do it"),
        "valid_until": day("The last day it counts, within two years"),
    }});
    let why = json!({"type": "object", "required": ["reason"], "additionalProperties": false, "properties": {
        "reason": {"type": "string", "maxLength": 128, "description": "Why, without health data"}}});
    let op = |how: (Method, &str, &str), (summary, input): (&str, Value), run| {
        DELEGATIONS.action((table, "school.med.order"), how, (summary, Some(input)), run)
    };
    Ok(vec![
        op(
            (Method::Post, "", "create"),
            ("Let somebody of a school give medication in one way, as long as their training counts", new),
            run(|tx, call| Box::pin(create(tx, call))),
        ),
        op(
            (Method::Post, "/{id}/revoke", "revoke"),
            ("Take a delegation back, from now on", why),
            run(|tx, call| Box::pin(revoke(tx, call))),
        ),
    ])
}

async fn create(tx: &mut Tx, call: Call) -> Result<Reply> {
    let body = orders::only(&call.body, &SAID)?;
    let missing = SAID.into_iter().filter(|name| body.get(*name).is_none_or(Value::is_null));
    let missing: Vec<FieldError> = missing.map(|name| FieldError::new(name, "required", "Is required")).collect();
    if !missing.is_empty() {
        return Err(Error::Invalid(missing));
    }
    let (user, school) = (id_of(&body, "user_id")?, id_of(&body, "school_id")?);
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (trained, until) =
        (clock::day("trained_on", &text("trained_on"))?, clock::day("valid_until", &text("valid_until"))?);
    if !ROUTES.contains(&text("route").as_str()) {
        return Err(Error::invalid("route", "not_allowed", format!("Is one of: {}", ROUTES.join(", "))));
    }
    let own = (tx.ctx.actor.kind == ActorKind::User).then_some(tx.ctx.actor.id);
    if own == Some(user) {
        return Err(Error::invalid("user_id", "not_allowed", "Nobody delegates to themselves"));
    }
    let now = tx.ctx.env.now();
    let today = super::days::of(tx, school, now).await;
    let today = today.map_err(|_| Error::invalid("school_id", "no_such_record", "Must name a school"))?;
    if trained > today {
        return Err(Error::invalid("trained_on", "time_order", "Cannot lie in the future"));
    }
    if until < today {
        return Err(Error::invalid("valid_until", "time_order", "Is over already: the training must count today"));
    }
    if !staff(tx, school).await?.contains(&user) {
        return Err(Error::invalid("user_id", "no_such_record", "Must name somebody who works at this school"));
    }
    let values = row(json!({"user_id": user, "school_id": school, "route": text("route"),
        "trained_on": trained.to_string(), "valid_until": until.to_string(), "delegated_by": own}));
    let id = tx.ctx.env.id();
    Ok(Reply::created(tx.create(DELEGATIONS.table, NewRow { id, values }).await?))
}

async fn revoke(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    let body = orders::only(&call.body, &["reason"])?;
    let reason = body.get("reason").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    if reason.is_empty() || reason.chars().count() > 128 {
        return Err(Error::invalid("reason", "required", "Say why in at most 128 characters, without health data"));
    }
    let before = tx.get(DELEGATIONS.table, id, &["revoked_at"]).await?;
    if !before.text("revoked_at").is_empty() {
        let detail = "This delegation was taken back already";
        return Err(Error::Conflict { code: "state_conflict", detail: detail.into() });
    }
    let values = row(json!({"revoked_at": clock::text(tx.ctx.env.now())?, "revoke_reason": reason}));
    Ok(Reply::row(tx.update(DELEGATIONS.table, id, call.if_match, values).await?))
}

/// Who works at a school today.
async fn staff(tx: &mut Tx, school: Uuid) -> Result<Vec<Uuid>> {
    let sql = sql!(
        "SELECT DISTINCT t.user_id FROM school.school_staff t JOIN school.schools s ON s.id = t.school_id \
         WHERE t.school_id = $1 AND (t.ended_on IS NULL OR t.ended_on >= ($2::timestamptz AT TIME ZONE s.timezone::text)::date)"
    );
    Ok(tx.query(sql, &[&school, &tx.ctx.env.now()]).await?.iter().map(|found| found.get(0)).collect())
}

/// Delegations of a school, those that count first, and to whom it can be delegated.
#[must_use]
pub fn read() -> Op {
    Op {
        method: Method::Get,
        path: "/api/v1/medications/delegations".into(),
        name: "school.delegation.of_school".into(),
        permission: "school.med.administer",
        summary: "Who may give medication at a school in a nurse's place, in which way and until when; who works there"
            .into(),
        target: DELEGATIONS.table,
        params: vec![reads::of_school("school")],
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(of_school(tx, call))),
    }
}

async fn of_school(tx: &mut Tx, call: Call) -> Result<Reply> {
    let (school, all) = reads::chosen(tx, &call, "school").await?;
    let Some(school) = school else {
        return Ok(Reply::json(json!({"school": null, "schools": all, "delegations": [], "staff": []})));
    };
    let now = tx.ctx.env.now();
    let today: Date = super::days::of(tx, school, now).await?;
    let sql = sql!(
        "SELECT g.id, g.row_version, g.user_id, g.route::text AS route, g.trained_on::text AS trained_on, \
           g.valid_until::text AS valid_until, g.delegated_by, g.revoke_reason::text AS reason, \
           CASE WHEN g.revoked_at IS NOT NULL THEN 'REVOKED' WHEN g.valid_until < $2 THEN 'EXPIRED' \
             WHEN g.valid_until < $2::date + 30 THEN 'ENDS_SOON' ELSE 'ACTIVE' END AS state \
         FROM school.delegations g WHERE g.school_id = $1 AND g.valid_until > $2::date - 366 \
         ORDER BY g.revoked_at IS NOT NULL, g.valid_until < $2, g.user_id, g.route, g.valid_until DESC LIMIT 500"
    );
    let found = tx.query(sql, &[&school, &today]).await?;
    let staff = staff(tx, school).await?;
    let users = found.iter().flat_map(|g| [Some(g.get("user_id")), g.get("delegated_by")]).flatten();
    let names = auth::display_names(tx, users.chain(staff.iter().copied()).collect::<Vec<_>>().into_iter()).await?;
    let name = |id: Option<Uuid>| id.and_then(|id| names.get(&id));
    let one = |g: &Row| {
        let text = |column: &str| g.get::<_, Option<String>>(column);
        json!({"id": g.get::<_, Uuid>("id"), "row_version": g.get::<_, i32>("row_version"), "name": name(g.get("user_id")),
               "route": text("route"), "trained_on": text("trained_on"), "valid_until": text("valid_until"),
               "by": name(g.get("delegated_by")), "reason": text("reason"), "state": text("state")})
    };
    let own = tx.ctx.actor.id;
    let mut staff: Vec<Value> =
        staff.iter().filter(|id| **id != own).map(|id| json!({"id": id, "name": names.get(id)})).collect();
    staff.sort_by_key(|person| person["name"].as_str().unwrap_or_default().to_lowercase());
    let delegations: Vec<Value> = found.iter().map(one).collect();
    Ok(Reply::json(
        json!({"school": school, "schools": all, "delegations": delegations, "staff": staff, "today": today.to_string()}),
    ))
}
