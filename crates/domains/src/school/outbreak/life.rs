//! The life of an alert: which state follows which, what each step needs, and who took it when.

use super::{
    detect::{TABLE, workflow},
    rules,
};
use crate::{clock, row, school::days};
use salus_core::{ActorKind, Error, Result};
use salus_store::{Call, Method, Op, Record, Reply, Tx, run, sql};
use serde::Deserialize;
use serde_json::json;
use time::{Date, Duration};
use uuid::Uuid;

/// State and those that may follow. An outbreak whose end was seen too early goes back to be watched.
pub(super) const NEXT: [(&str, &[&str]); 9] = [
    ("SIGNAL", &["UNDER_REVIEW"]),
    ("UNDER_REVIEW", &["CLUSTER", "DISMISSED"]),
    ("CLUSTER", &["OUTBREAK", "MONITORING"]),
    ("OUTBREAK", &["REPORTED"]),
    ("REPORTED", &["MONITORING"]),
    ("MONITORING", &["CONTROLLED", "OUTBREAK"]),
    ("CONTROLLED", &["CLOSED", "MONITORING"]),
    ("CLOSED", &[]),
    ("DISMISSED", &[]),
];
/// Why an alert is dismissed.
pub(super) const REASONS: [&str; 4] = ["DUPLICATE", "ONE_HOUSEHOLD", "RECORDING_ARTEFACT", "KNOWN_EVENT"];
/// Longest incubation where no rule is about the illness, in days.
const INCUBATION: i64 = 14;

/// The operation.
pub(super) fn action() -> Op {
    let states: Vec<&str> = NEXT.iter().map(|(state, _)| *state).collect();
    Op {
        method: Method::Patch,
        path: "/api/v1/health/outbreaks/{id}".into(),
        name: "school.outbreak.decide".into(),
        permission: "school.outbreak.declare",
        summary: "Take an alert one step further in its life; a dismissal says why, a report to whom".into(),
        target: TABLE,
        params: Vec::new(),
        input: Some(json!({"type": "object", "required": ["state"], "additionalProperties": false, "properties": {
            "state": {"type": "string", "enum": states, "description": "The next state"},
            "reason": {"type": ["string", "null"], "enum": [REASONS[0], REASONS[1], REASONS[2], REASONS[3], null],
                       "description": "Why it is dismissed"},
            "reported_to": {"type": ["string", "null"], "maxLength": 500, "description": "The health department it was reported to"}}})),
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(decide(tx, call))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    state: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    reported_to: Option<String>,
}

async fn decide(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let (id, version) = (call.id()?, call.if_match.ok_or(Error::VersionRequired)?);
    let before = tx.get(TABLE, id, &[]).await?;
    let step: Step = call.input()?;
    let now = tx.ctx.env.now();
    let states: Vec<&str> = NEXT.iter().map(|(state, _)| *state).collect();
    if !states.contains(&step.state.as_str()) {
        return Err(Error::invalid("state", "not_allowed", format!("Is one of {}", states.join(", "))));
    }
    let next = following(before.text("state"));
    if !next.contains(&step.state.as_str()) {
        let detail = match next {
            [] => format!("This alert is {}: nothing follows", before.text("state")),
            next => format!("This alert is {}: what can follow is {}", before.text("state"), next.join(" or ")),
        };
        return Err(Error::Conflict { code: "state_conflict", detail });
    }
    let mut values = row(json!({"state": step.state}));
    let mut params = before.get("params").cloned().unwrap_or_else(|| json!({}));
    match step.state.as_str() {
        "DISMISSED" => {
            let reason = step.reason.as_deref().filter(|r| !r.is_empty());
            let reason = reason.ok_or_else(|| {
                Error::invalid("reason", "reason_required", format!("Say why: {}", REASONS.join(", ")))
            })?;
            if !REASONS.contains(&reason) {
                return Err(Error::invalid("reason", "not_allowed", format!("Is one of {}", REASONS.join(", "))));
            }
            values.insert("closed_reason".into(), json!(reason));
        }
        "UNDER_REVIEW" => {
            let today = today(tx, &before).await?;
            workflow(&mut params).insert("acknowledged_on".into(), json!(today.to_string()));
        }
        "OUTBREAK" if tx.ctx.actor.kind == ActorKind::User => {
            values.insert("declared_by".into(), json!(tx.ctx.actor.id));
        }
        "REPORTED" => {
            let whom = step.reported_to.as_deref().map(str::trim).filter(|w| !w.is_empty());
            let whom = whom.ok_or_else(|| {
                Error::invalid("reported_to", "required", "Say to which health department it was reported")
            })?;
            values.insert("reported_to".into(), json!(whom));
            values.insert("reported_at".into(), json!(clock::text(now)?));
        }
        "CONTROLLED" => quiet(tx, &before, 1).await?,
        "CLOSED" => {
            quiet(tx, &before, 2).await?;
            values.insert("closed_reason".into(), json!("ENDED"));
        }
        _ => {}
    }
    let mut steps = params["workflow"]["steps"].as_array().cloned().unwrap_or_default();
    steps.push(json!({"state": step.state, "at": clock::text(now)?, "by": tx.ctx.actor.id, "reason": step.reason}));
    workflow(&mut params).insert("steps".into(), json!(steps));
    values.insert("params".into(), params);
    tx.update(TABLE, id, Some(version), values).await?;
    tx.emit("school.outbreak.decided", id, json!({"state": step.state}));
    Ok(Reply::json(super::board::one(tx, id).await?))
}

/// The states that may follow one.
pub(super) fn following(state: &str) -> &'static [&'static str] {
    NEXT.iter().find(|(from, _)| *from == state).map_or(&[], |(_, next)| next)
}

/// The day where an alert is about: of its school, or of the clock for the district.
async fn today(tx: &mut Tx, alert: &Record) -> Result<Date> {
    let now = tx.ctx.env.now();
    match alert.text("school_id").parse() {
        Ok(school) => days::of(tx, school, now).await,
        Err(_) => Ok(now.date()),
    }
}

/// Refuses while fewer than so many longest incubations have passed since the last case of the illness among those whom the alert
/// is about: its group, and those of its cases who are of none.
async fn quiet(tx: &mut Tx, alert: &Record, incubations: i64) -> Result<()> {
    let (syndrome, disease) = (alert.text("syndrome").to_owned(), alert.text("disease_code").to_owned());
    let longest = rules::in_force(tx).await?.into_iter().filter(|rule| match &rule.disease {
        Some(of) => *of == disease,
        None => rule.syndrome.as_deref() == Some(syndrome.as_str()),
    });
    let days = longest.map(|rule| rule.incubation).max().unwrap_or(INCUBATION) * incubations;
    let school: Option<Uuid> = alert.text("school_id").parse().ok();
    let sql = sql!(
        "SELECT max(t.onset_on) FROM school.symptom_tracking t LEFT JOIN school.student_profiles p ON p.patient_id = t.student_id \
         WHERE ($1::uuid IS NULL OR t.school_id = $1) AND t.case_class <> 'RULED_OUT' \
           AND CASE WHEN $3::text <> '' AND t.disease_code IS NOT NULL THEN t.disease_code::text = $3::text \
             ELSE t.syndrome::text = $2::text END \
           AND (CASE WHEN $4::text IN ('', 'SCHOOL', 'DISTRICT') THEN true \
               WHEN $4::text = 'GRADE' THEN t.school_id::text || '/' || p.grade::text = $5::text \
               ELSE $5::text = ANY(t.group_ids) OR p.homeroom_id::text = $5::text OR EXISTS (SELECT FROM school.class_memberships m \
                 WHERE m.patient_id = t.student_id AND m.left_on IS NULL AND m.class_group_id::text = $5::text) END \
             OR t.student_id::text IN (SELECT unnest(c.members) FROM school.outbreak_case_clusters c WHERE c.alert_id = $6))"
    );
    let kind = alert.get("params").and_then(|p| p["detection"]["kind"].as_str()).unwrap_or_default().to_owned();
    let key = alert.get("scope_ids").and_then(|ids| ids[0].as_str()).unwrap_or_default().to_owned();
    let id = alert.id().ok_or(Error::NotFound)?;
    let last = tx.query_opt(sql, &[&school, &syndrome, &disease, &kind, &key, &id]).await?;
    let last: Option<Date> = last.and_then(|found| found.get(0));
    let last = last.or_else(|| clock::date(alert.text("first_signal_on")));
    let today = today(tx, alert).await?;
    match last.map(|last| last + Duration::days(days)) {
        Some(free) if today < free => {
            let detail = format!("The last case must lie {days} days back: from {free} on, if no other comes");
            Err(Error::Conflict { code: "state_conflict", detail })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_reached_and_only_two_are_the_end() {
        let all: Vec<&str> = NEXT.iter().map(|(state, _)| *state).collect();
        for state in &all[1..] {
            assert!(NEXT.iter().any(|(_, next)| next.contains(state)), "{state} is never reached");
        }
        let ends: Vec<&&str> = all.iter().filter(|state| following(state).is_empty()).collect();
        assert_eq!(ends, [&"CLOSED", &"DISMISSED"]);
        assert!(NEXT.iter().all(|(_, next)| next.iter().all(|state| all.contains(state))));
    }
}
