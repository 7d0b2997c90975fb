//! Breaking the glass: emergency access to one person's record past relationship and labels (45 CFR 164.312(a)(2)(ii)).
//!
//! It takes a reason, ends by itself within an hour, tells the reviewers when it begins, and stays open for review by
//! another person. While it lasts, calls for the purpose `BTG` reach that person and nobody else; the purpose stands in
//! every event. What is reached is decided by the database (`kernel.links`).

use super::notify::{self, Notice};
use crate::{clock, compliance, medical, row};
use salus_core::{ActorKind, Ctx, Error, Permissions, Purpose, Result};
use salus_store::{
    Body, Call, Method, Op, Reply, Run, Tx,
    engine::NewRow,
    jobs::{Job, Retry, When, Work},
    run, sql,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use time::{Date, Duration, OffsetDateTime, Weekday};
use uuid::Uuid;

/// Longest time it lasts, in minutes.
const LONGEST: i64 = 60;
/// Shortest reason, in characters.
const SHORTEST_REASON: usize = 15;
/// Who reviews.
const REVIEW: &str = "auth.glass.review";
/// Who can let somebody review.
const MANAGE: &str = "auth.user.manage";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Opening {
    #[serde(default)]
    patient_id: Option<Uuid>,
    #[serde(default)]
    record_number: Option<String>,
    reason: String,
    #[serde(default)]
    minutes: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Review {
    outcome: String,
    #[serde(default)]
    note: Option<String>,
}

/// Opening, ending and reviewing.
#[must_use]
pub fn actions() -> Vec<Op> {
    let op = |path: &str, verb: &str, permission: &'static str, summary: &str, run: Run| Op {
        method: Method::Post,
        path: format!("/api/v1/auth/glass-breaks{path}"),
        name: format!("auth.glass.{verb}"),
        permission,
        summary: summary.to_owned(),
        target: "auth.glass_breaks",
        params: Vec::new(),
        input: None,
        output: json!({"type": "object"}),
        run,
    };
    vec![
        Op {
            input: Some(opening_schema()),
            ..op(
                "",
                "open",
                "auth.glass.open",
                "Emergency access to one person's record, for at most 60 minutes; calls then name the purpose BTG",
                run(|tx, call| Box::pin(open(tx, call))),
            )
        },
        op(
            "/{id}/end",
            "end",
            "auth.glass.open",
            "End one's own emergency access before its time",
            run(|tx, call| Box::pin(end(tx, call))),
        ),
        Op {
            input: Some(json!({
                "type": "object",
                "properties": {
                    "outcome": {"type": "string", "enum": ["JUSTIFIED", "UNJUSTIFIED", "ESCALATED"]},
                    "note": {"type": ["string", "null"]},
                },
                "required": ["outcome"],
                "additionalProperties": false,
            })),
            ..op(
                "/{id}/review",
                "review",
                REVIEW,
                "Review another person's emergency access",
                run(|tx, call| Box::pin(review(tx, call))),
            )
        },
    ]
}

fn opening_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "patient_id": {"type": "string", "format": "uuid"},
            "record_number": {"type": "string"},
            "reason": {"type": "string", "minLength": SHORTEST_REASON},
            "minutes": {"type": "integer", "minimum": 1, "maximum": LONGEST},
        },
        "required": ["reason"],
        "additionalProperties": false,
    })
}

async fn open(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let Opening { patient_id, record_number, reason, minutes } = call.input()?;
    if reason.trim().chars().count() < SHORTEST_REASON {
        let message = format!("Says in at least {SHORTEST_REASON} characters why this cannot wait");
        return Err(Error::invalid("reason", "too_short", message));
    }
    let minutes = minutes.unwrap_or(LONGEST);
    if !(1..=LONGEST).contains(&minutes) {
        return Err(Error::invalid("minutes", "not_allowed", format!("Is from 1 to {LONGEST}")));
    }
    if !tx.ctx.grants.is_empty() && !tx.ctx.grants.iter().any(|g| g.names(Purpose::BreakGlass)) {
        let detail = "None of your roles serves the purpose BTG: ask an administrator to add it to one";
        return Err(Error::Refused { code: "purpose_denied", detail: detail.into() });
    }
    let patient = sought(tx, patient_id, record_number).await?;
    let (id, now, user) = (tx.ctx.env.id(), tx.ctx.env.now(), tx.ctx.actor.id);
    let ends = now + Duration::minutes(minutes);
    let due = business_days_after(now.date(), 2);
    let values = json!({
        "user_id": user,
        "patient_id": patient,
        "reason": reason.trim(),
        "opened_at": clock::text(now)?,
        "ends_at": clock::text(ends)?,
        "review_due_on": due.to_string(),
    });
    tx.insert("auth.glass_breaks", &[NewRow { id, values: row(values) }]).await?;
    compliance::raise(tx, ("BREAK_GLASS", "HIGH"), user, json!({"glass_break": id})).await?;
    let told = tell(tx, id, ends).await?;
    tx.emit("auth.glass.opened", id, json!({"user_id": user, "ends_at": clock::text(ends)?}));
    tx.on_row(id);
    tx.about(patient);
    let body = json!({
        "id": id, "patient_id": patient, "purpose": Purpose::BreakGlass, "ends_at": clock::text(ends)?,
        "review_due_on": due.to_string(), "reviewers_told": told,
    });
    Ok(Reply::of(201, Body::Json(body)))
}

/// The person sought. Who breaks the glass may not be able to see them yet, so the kernel looks.
async fn sought(tx: &mut Tx, id: Option<Uuid>, number: Option<String>) -> Result<Uuid> {
    let mut apart = tx.db().begin(Ctx::system(&tx.ctx.env, tx.ctx.tenant), true).await?;
    let (field, found) = match (id, number) {
        (Some(id), _) => ("patient_id", medical::find(&mut apart, id).await?),
        (None, Some(number)) => ("record_number", medical::find_by_number(&mut apart, &number).await?),
        (None, None) => {
            return Err(Error::invalid("patient_id", "required", "Name the person, or their record_number"));
        }
    };
    apart.finish_unrecorded().await?;
    found.ok_or_else(|| Error::invalid(field, "no_such_record", "Must name an existing record"))
}

/// Tells everyone who reviews, by each way they chose, but not the one who opened it. Where that is nobody, those who could
/// give somebody the review hear that it is missing. How many review.
async fn tell(tx: &mut Tx, id: Uuid, ends: OffsetDateTime) -> Result<usize> {
    let user = tx.ctx.actor.id;
    let mut apart = tx.db().begin(Ctx::system(&tx.ctx.env, tx.ctx.tenant), true).await?;
    let (users, review) = watchers(&mut apart, user).await?;
    apart.finish_unrecorded().await?;
    let notice = Notice {
        users: &users,
        title: if review { "glass.opened" } else { "glass.nobody_reviews" },
        params: json!({"user_id": user, "ends_at": clock::text(ends)?}),
        target: Some(("auth.glass_breaks", id)),
    };
    notify::notify(tx, &notice).await?;
    Ok(if review { users.len() } else { 0 })
}

/// Who reviews what somebody opened, or, where that is nobody, who manages accounts; and which of the two it is.
async fn watchers(tx: &mut Tx, opener: Uuid) -> Result<(Vec<Uuid>, bool)> {
    let others = |all: Vec<Uuid>| all.into_iter().filter(|u| *u != opener).collect::<Vec<_>>();
    let reviewers = others(holders(tx, REVIEW).await?);
    if reviewers.is_empty() { Ok((others(holders(tx, MANAGE).await?), false)) } else { Ok((reviewers, true)) }
}

/// The job that reminds of reviews whose day is over, each morning until they are made.
#[must_use]
pub fn reminding() -> Job {
    Job {
        name: "auth.remind_of_reviews",
        when: When::Cron("20 7 * * *"),
        retry: Retry::default(),
        work: Work::local(|tx, _| Box::pin(remind(tx))),
    }
}

async fn remind(tx: &mut Tx) -> Result<()> {
    let today = tx.ctx.env.now().date();
    let sql = sql!("SELECT DISTINCT user_id FROM auth.glass_breaks WHERE reviewed_at IS NULL AND review_due_on < $1");
    let openers: Vec<Uuid> = tx.query(sql, &[&today]).await?.iter().map(|row| row.get(0)).collect();
    let mut users = BTreeSet::new();
    for opener in openers {
        users.extend(watchers(tx, opener).await?.0);
    }
    let users: Vec<Uuid> = users.into_iter().collect();
    notify::notify(tx, &Notice { users: &users, title: "glass.overdue", params: json!({}), target: None }).await
}

/// Active users who hold a permission.
pub(crate) async fn holders(tx: &mut Tx, permission: &str) -> Result<Vec<Uuid>> {
    let now = tx.ctx.env.now();
    let sql = sql!(
        "SELECT ur.user_id, jsonb_agg(p.patterns) AS patterns FROM auth.user_roles ur \
         JOIN auth.users u ON u.tenant_id = ur.tenant_id AND u.id = ur.user_id AND u.status = 'active' \
         JOIN auth.role_permissions rp ON rp.tenant_id = ur.tenant_id AND rp.role_id = ur.role_id \
         JOIN auth.permissions p ON p.tenant_id = rp.tenant_id AND p.id = rp.permission_id \
         WHERE ur.valid_from <= $1 AND (ur.valid_to IS NULL OR ur.valid_to > $1) GROUP BY ur.user_id ORDER BY ur.user_id"
    );
    let mut found = Vec::new();
    for held in tx.query(sql, &[&now]).await? {
        let lists: Vec<Vec<String>> =
            serde_json::from_value(held.get::<_, Value>("patterns")).map_err(Error::internal)?;
        if Permissions::new(lists.into_iter().flatten()).allow(permission) {
            found.push(held.get("user_id"));
        }
    }
    Ok(found)
}

async fn end(tx: &mut Tx, call: Call) -> Result<Reply> {
    let (id, now, user) = (call.id()?, tx.ctx.env.now(), tx.ctx.actor.id);
    let sql = sql!(
        "UPDATE auth.glass_breaks SET ended_at = coalesce(ended_at, least($3, ends_at)) WHERE id = $1 AND user_id = $2 \
         RETURNING patient_id, ended_at"
    );
    let found = tx.query_opt(sql, &[&id, &user, &now]).await?.ok_or(Error::NotFound)?;
    tx.on_row(id);
    tx.about(found.get("patient_id"));
    Ok(Reply::json(json!({"id": id, "ended_at": clock::text(found.get("ended_at"))?})))
}

async fn review(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let id = call.id()?;
    let Review { outcome, note } = call.input()?;
    let (now, reviewer) = (tx.ctx.env.now(), tx.ctx.actor.id);
    let sql = sql!(
        "SELECT user_id, patient_id, reviewed_at IS NOT NULL AS done FROM auth.glass_breaks WHERE id = $1 FOR UPDATE"
    );
    let found = tx.query_opt(sql, &[&id]).await?.ok_or(Error::NotFound)?;
    if found.get::<_, Uuid>("user_id") == reviewer || tx.ctx.actor.kind == ActorKind::Service {
        let detail = "Nobody reviews their own emergency access, and no program does: ask another person";
        return Err(Error::Refused { code: "own_review", detail: detail.into() });
    }
    if found.get("done") {
        return Err(Error::Conflict { code: "already_reviewed", detail: "This access was reviewed before".into() });
    }
    let mut values = json!({"reviewed_at": clock::text(now)?, "reviewed_by": reviewer, "review_outcome": outcome});
    if let Some(note) = note.filter(|n| !n.trim().is_empty()) {
        values["review_note"] = json!(note);
    }
    let changed = tx.update("auth.glass_breaks", id, None, row(values)).await?;
    tx.about(found.get("patient_id"));
    Ok(Reply::row(changed))
}

fn business_days_after(day: Date, mut days: u8) -> Date {
    let mut at = day;
    while days > 0 {
        at += Duration::days(1);
        if !matches!(at.weekday(), Weekday::Saturday | Weekday::Sunday) {
            days -= 1;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::business_days_after;
    use time::macros::date;

    #[test]
    fn a_weekend_does_not_count() {
        assert_eq!(business_days_after(date!(2026 - 11 - 26), 2), date!(2026 - 11 - 30));
        assert_eq!(business_days_after(date!(2026 - 11 - 28), 2), date!(2026 - 12 - 01));
        assert_eq!(business_days_after(date!(2026 - 11 - 23), 2), date!(2026 - 11 - 25));
    }
}
