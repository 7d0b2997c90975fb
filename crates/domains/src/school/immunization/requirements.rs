//! What the state asks for, as data: entered or imported, checked to be understood, and in force once somebody approved it.

use super::schedules;
use crate::{clock, row};
use salus_core::{ActorKind, Error, FieldError, Result};
use salus_rules::school_entry::{Exclusion, ProvisionalReason, Requirement, school_year};
use salus_store::{
    Call, Catalog, Method, Op, Reply, Resource, Tx,
    catalog::write_schema,
    engine::{NewRow, writable},
    run, sql,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use time::Date;
use uuid::Uuid;

/// Requirements, read as any table and written by the actions below.
pub const REQUIREMENTS: Resource = Resource {
    table: "school.school_immunization_requirements",
    path: "school/immunization-requirements",
    noun: "school.requirement",
    read: "school.immunization.read",
    write: None,
    filters: &["state", "checkpoint", "vaccine_group"],
    locked: &["approved_by", "approved_at"],
    list: &[],
};

/// Entering and approving.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks the table.
pub(super) fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let table = catalog.table(REQUIREMENTS.table)?;
    Ok(vec![
        REQUIREMENTS.action(
            (table, "school.immunization.write"),
            (Method::Post, "", "enter"),
            (
                "Enter what the state asks for; it counts once it is approved",
                Some(write_schema(table, REQUIREMENTS.locked, true)),
            ),
            run(|tx, call| Box::pin(enter(tx, call))),
        ),
        REQUIREMENTS.action(
            (table, "school.exemption.approve"),
            (Method::Post, "/{id}/approve", "approve"),
            ("Approve a requirement after comparing it with its source", None),
            run(|tx, call| Box::pin(approve(tx, call))),
        ),
    ])
}

async fn enter(tx: &mut Tx, call: Call) -> Result<Reply> {
    let db = tx.db().clone();
    let values = writable(&REQUIREMENTS, db.catalog().table(REQUIREMENTS.table)?, call.body)?;
    understood(&values)?;
    let id = tx.ctx.env.id();
    Ok(Reply::created(tx.create(REQUIREMENTS.table, NewRow { id, values }).await?))
}

/// Refuses a rule of which a part would be ignored.
fn understood(values: &Map<String, Value>) -> Result<Requirement> {
    let text = |name: &str| values.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let of = |name: &str| values.get(name).cloned().unwrap_or_default();
    let policies = (of("conditional_policy"), of("exclusion_policy"));
    let rule = rule_of(&text("vaccine_group"), of("rule"), of("exemption_kinds"), policies);
    let rule = rule.map_err(|(field, why)| Error::invalid(field, "not_understood", why))?;
    if rule.any.is_empty() {
        return Err(Error::invalid(
            "rule",
            "not_understood",
            "Names no way to fulfil it, such as {\"any\":[{\"doses\":2}]}",
        ));
    }
    Ok(rule)
}

/// How long a student without all doses may attend.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Conditional {
    /// Days after the next dose is due, 0 for the day itself alone, and of a plan.
    days: Option<i64>,
    /// Days without records, by why.
    provisional_days: BTreeMap<ProvisionalReason, i64>,
}

/// Most days that a policy gives.
const MOST_DAYS: i64 = 400;

/// A rule as the engine takes it, out of the columns; else which column is not understood, and why.
fn rule_of(
    group: &str,
    rule: Value,
    kinds: Value,
    (conditional, exclusion): (Value, Value),
) -> std::result::Result<Requirement, (&'static str, String)> {
    let Value::Object(mut whole) = rule else {
        return Err(("rule", "Is an object such as {\"any\":[{\"doses\":2}]}".into()));
    };
    whole.insert("vaccine_group".into(), json!(group));
    whole.insert("exemptions".into(), if kinds.is_null() { json!([]) } else { kinds });
    for policy in ["conditional_days", "provisional_days", "exclusion"] {
        if whole.contains_key(policy) {
            return Err(("rule", format!("{policy} belongs into conditional_policy or exclusion_policy")));
        }
    }
    let mut rule: Requirement = serde_json::from_value(Value::Object(whole)).map_err(|e| ("rule", e.to_string()))?;
    let filled = |policy: &Value| !policy.is_null() && *policy != json!({});
    if filled(&conditional) {
        let wrong = |why| {
            (
                "conditional_policy",
                format!("{why}: is such as {{\"days\":30,\"provisional_days\":{{\"HOMELESS\":30}}}}"),
            )
        };
        let policy: Conditional = serde_json::from_value(conditional).map_err(|e| wrong(e.to_string()))?;
        (rule.conditional_days, rule.provisional_days) = (policy.days, policy.provisional_days);
        if rule.conditional_days.is_some_and(|days| !(0..=MOST_DAYS).contains(&days)) {
            return Err(wrong(format!("days is 0 to {MOST_DAYS}")));
        }
        if !rule.provisional_days.values().all(|days| (1..=MOST_DAYS).contains(days)) {
            return Err(wrong(format!("provisional_days are 1 to {MOST_DAYS}")));
        }
    }
    if filled(&exclusion) {
        let wrong =
            |why| ("exclusion_policy", format!("{why}: is such as {{\"after_days\":10,\"not_before\":\"10-15\"}}"));
        let policy: Exclusion = serde_json::from_value(exclusion).map_err(|e| wrong(e.to_string()))?;
        if !(0..=MOST_DAYS).contains(&policy.after_days) {
            return Err(wrong(format!("after_days is 0 to {MOST_DAYS}")));
        }
        rule.exclusion = Some(policy);
    }
    Ok(rule)
}

async fn approve(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    // First whether there is such a row: another tenant's id is answered as one that is not there.
    let before = tx.get(REQUIREMENTS.table, id, &[]).await?;
    if tx.ctx.actor.kind != ActorKind::User {
        let detail = "A person who signed in approves what the law asks for";
        return Err(Error::Conflict { code: "person_required", detail: detail.into() });
    }
    if !before.text("approved_at").is_empty() {
        return Err(Error::Conflict { code: "state_conflict", detail: "This requirement was approved already".into() });
    }
    known_group(tx, before.text("vaccine_group")).await?;
    let now = tx.ctx.env.now();
    let values = row(json!({"approved_by": tx.ctx.actor.id, "approved_at": clock::text(now)?}));
    let row = tx.update(REQUIREMENTS.table, id, call.if_match, values).await?;
    tx.emit("school.requirement.approved", id, json!({}));
    Ok(Reply::row(row))
}

/// Refuses a vaccine group that the schedule in use does not have: nobody could be judged by it, and nobody would comply.
async fn known_group(tx: &mut Tx, group: &str) -> Result<()> {
    let Some(used) = schedules::in_use(tx, None).await? else { return Ok(()) };
    let known: Vec<&str> = used.schedule.groups.iter().map(|g| g.name.as_str()).collect();
    if known.contains(&group) {
        return Ok(());
    }
    let message = format!(
        "{group} is no vaccine group of the schedule in use: enter the requirement again with one of {}",
        known.join(", ")
    );
    Err(Error::invalid("vaccine_group", "not_allowed", message))
}

/// Enters requirements from a JSON list whose members are named as the columns; none of them is approved by it.
///
/// # Errors
/// [`Error::Invalid`] naming the member and the column; nothing is entered then. [`Error::Conflict`] when the state has a
/// requirement for one of the groups at that checkpoint from that year already.
pub async fn import(tx: &mut Tx, list: Value) -> Result<usize> {
    let Value::Array(list) = list else {
        return Err(Error::invalid("requirements", "wrong_type", "Is a list of requirements"));
    };
    let db = tx.db().clone();
    let table = db.catalog().table(REQUIREMENTS.table)?;
    let count = list.len();
    for (at, body) in list.into_iter().enumerate() {
        let named = |e: Error| match e {
            Error::Invalid(fields) => {
                let of = |f: FieldError| FieldError { pointer: format!("/{at}{}", f.pointer), ..f };
                Error::Invalid(fields.into_iter().map(of).collect())
            }
            other => other,
        };
        let values = writable(&REQUIREMENTS, table, body).map_err(named)?;
        understood(&values).map_err(named)?;
        let text = |name: &str| values.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (state, checkpoint, group) = (text("state"), text("checkpoint"), text("vaccine_group"));
        let year = values.get("school_year_from").and_then(Value::as_i64).and_then(|year| i32::try_from(year).ok());
        let sql = sql!(
            "SELECT EXISTS (SELECT FROM school.school_immunization_requirements WHERE state = $1::text \
               AND checkpoint = $2::text AND vaccine_group = $3::text AND school_year_from = $4)"
        );
        if tx.query_opt(sql, &[&state, &checkpoint, &group, &year]).await?.is_some_and(|found| found.get(0)) {
            let detail = format!("{state} has a requirement for {group} at {checkpoint} from that year already");
            return Err(Error::Conflict { code: "duplicate", detail });
        }
        let id = tx.ctx.env.id();
        tx.insert(REQUIREMENTS.table, &[NewRow { id, values }]).await.map_err(named)?;
    }
    tx.count(count);
    Ok(count)
}

/// A requirement that is in force.
pub(super) struct Asked {
    pub(super) id: Uuid,
    pub(super) checkpoint: String,
    /// Grades it is for; empty for all.
    grades: Vec<String>,
    pub(super) rule: Requirement,
}

impl Asked {
    /// Whether it is for students of a grade.
    pub(super) fn is_for(&self, grade: &str) -> bool {
        self.grades.is_empty() || self.grades.iter().any(|g| g == grade)
    }
}

/// The approved requirements of the school year of a day. A school year begins in August.
///
/// # Errors
/// [`Error::Internal`] when one that was approved is not understood.
pub(super) async fn in_force(tx: &mut Tx, on: Date) -> Result<Vec<Asked>> {
    let year = school_year(on);
    let sql = sql!(
        "SELECT id, checkpoint::text AS checkpoint, grades, vaccine_group::text AS vaccine_group, rule, \
           to_jsonb(exemption_kinds) AS kinds, conditional_policy AS policy, exclusion_policy AS exclusion \
         FROM school.school_immunization_requirements WHERE approved_at IS NOT NULL AND school_year_from <= $1 \
           AND (school_year_to IS NULL OR school_year_to >= $1) ORDER BY vaccine_group, checkpoint, id"
    );
    let rows = tx.query(sql, &[&year]).await?;
    let read = |found: &salus_store::Row| {
        let (id, group): (Uuid, String) = (found.get("id"), found.get("vaccine_group"));
        let policies = (found.get("policy"), found.get("exclusion"));
        let rule = rule_of(&group, found.get("rule"), found.get("kinds"), policies);
        let rule = rule.map_err(|(column, why)| Error::internal(format!("requirement {id}: {column}: {why}")))?;
        Ok(Asked { id, checkpoint: found.get("checkpoint"), grades: found.get("grades"), rule })
    };
    rows.iter().map(read).collect()
}
