//! One student: doses with their verdicts, what is next, and where the student stands with what is required; and the same for
//! a what-if. Judged anew each time, so what is shown is never older than the record.

use super::{
    admissions, evaluate, exemptions,
    facts::{self, Facts, Given},
    judge::judge,
    requirements, schedules,
};
use crate::{clock, school::days};
use salus_core::{Error, Result};
use salus_rules::immunization::Dose;
use salus_store::{Call, Method, Op, Reply, Tx, run};
use serde::Deserialize;
use serde_json::{Value, json};
use time::Date;
use uuid::Uuid;

/// Most doses of a what-if.
const MOST: usize = 50;

/// What is known and what is next.
pub(super) fn show() -> Op {
    Op {
        method: Method::Get,
        path: "/api/v1/students/{id}/immunizations".into(),
        name: "school.immunization.show".into(),
        permission: "school.immunization.read",
        summary: "A student's doses with the verdict on each and why, what is due next, and what the school asks for"
            .into(),
        target: "medical.patients",
        params: Vec::new(),
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(told(tx, call, WhatIf::default()))),
    }
}

/// The same, if things were otherwise.
pub(super) fn forecast() -> Op {
    let date = |what: &str| json!({"type": "string", "format": "date", "description": what});
    let text = |what: &str| json!({"type": "string", "description": what});
    let dose = json!({"type": "object", "required": ["cvx", "given_on"], "additionalProperties": false, "properties": {
        "cvx": text("CVX code, such as 03"), "given_on": date("Day of the dose")}});
    Op {
        method: Method::Post,
        path: "/api/v1/students/{id}/immunizations/forecast".into(),
        name: "school.immunization.forecast".into(),
        summary: "What would be said with another schedule, on another day, or after further doses; nothing is kept"
            .into(),
        input: Some(json!({"type": "object", "additionalProperties": false, "properties": {
            "on": date("The day; today at the school when it is left out"),
            "authority": text("Whose schedule, together with version"),
            "version": text("Which release of it"),
            "doses": {"type": "array", "maxItems": MOST, "items": dose, "description": "Doses as if they were given"}}})),
        run: run(|tx, mut call| {
            Box::pin(async move {
                let body = call.body.take();
                let what_if = match body {
                    Value::Null => WhatIf::default(),
                    body => {
                        call.body = body;
                        call.input()?
                    }
                };
                told(tx, call, what_if).await
            })
        }),
        ..show()
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WhatIf {
    on: Option<String>,
    authority: Option<String>,
    version: Option<String>,
    doses: Vec<IfGiven>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IfGiven {
    cvx: String,
    given_on: String,
}

impl WhatIf {
    fn release(&self) -> Result<Option<(&str, &str)>> {
        match (&self.authority, &self.version) {
            (Some(authority), Some(version)) => Ok(Some((authority, version))),
            (None, None) => Ok(None),
            (Some(_), None) => Err(Error::invalid("version", "required", "Is named together with authority")),
            (None, Some(_)) => Err(Error::invalid("authority", "required", "Is named together with version")),
        }
    }

    fn day(&self) -> Result<Option<Date>> {
        self.on.as_deref().map(|text| clock::day("on", text)).transpose()
    }

    fn add_to(&self, facts: &mut Facts) -> Result<()> {
        if self.doses.len() > MOST {
            return Err(Error::invalid("doses", "not_allowed", format!("Are at most {MOST}")));
        }
        for (at, dose) in self.doses.iter().enumerate() {
            let wrong = |_| Error::invalid(&format!("doses/{at}/cvx"), "wrong_type", "Is a CVX code such as 03");
            let cvx = dose.cvx.parse().map_err(wrong)?;
            let on = clock::day(&format!("doses/{at}/given_on"), &dose.given_on)?;
            let Some(patient) = facts.patient.as_mut() else { continue };
            patient.doses.push(Dose::new(on, cvx));
            let row = json!({"id": null, "given_on": on.to_string(), "given_precision": "DAY", "cvx": dose.cvx, "vaccine": dose.cvx});
            facts.given.push(Given { row, place: Ok(patient.doses.len() - 1) });
        }
        Ok(())
    }
}

async fn told(tx: &mut Tx, call: Call, what_if: WhatIf) -> Result<Reply> {
    let student = call.id()?;
    let (release, asked_on) = (what_if.release()?.map(|(a, v)| (a.to_owned(), v.to_owned())), what_if.day()?);
    tx.get("medical.patients", student, &["id"]).await?;
    tx.about(student);
    let on = match asked_on {
        Some(on) => on,
        None => today(tx, student).await?,
    };
    let used = schedules::in_use(tx, release.as_ref().map(|(a, v)| (a.as_str(), v.as_str()))).await?;
    let exemptions = exemptions::of_student(tx, student).await?;
    let admissions = admissions::of_student(tx, student).await?;
    let mut told = json!({"student_id": student, "on": on.to_string(), "exemptions": exemptions, "admissions": admissions,
                          "schedule": used.as_ref().map(|u| u.release.told())});
    // Without a schedule the doses are shown all the same, unjudged.
    let none = salus_rules::immunization::Schedule::default();
    let schedule = used.as_ref().map_or(&none, |u| &u.schedule);
    let mut all = facts::of(tx, schedule, &[student]).await?;
    let mut facts = all.pop().ok_or(Error::NotFound)?;
    what_if.add_to(&mut facts)?;
    let problem = match (&used, &facts.patient) {
        (None, _) => Some("NO_SCHEDULE"),
        (_, None) => Some("NO_BIRTH_DATE"),
        _ => None,
    };
    told["problem"] = json!(problem);
    let conditions = facts.observed.iter().map(|(code, title)| json!({"code": code, "title": title}));
    told["conditions"] = conditions.collect();
    if let Some(patient) = facts.patient.as_ref().filter(|_| problem.is_none()) {
        let asked = requirements::in_force(tx, on).await?;
        let laws = evaluate::laws(tx, &[student], on).await?;
        let judged = judge(schedule, &facts, patient, evaluate::law(&laws, student, &asked), on);
        let s = judged.standing;
        told["doses"] = judged.doses;
        told["antigens"] = judged.antigens;
        told["forecasts"] = judged.forecasts;
        told["compliance"] = json!({
            "status": s.status, "until": s.until.map(|d| d.to_string()), "score": s.score, "requirements": s.groups,
            "excluded_from": s.excluded_from.map(|d| d.to_string()), "next_due_on": s.next_due_on.map(|d| d.to_string()), "overdue_since": s.overdue_since.map(|d| d.to_string()),
            "unknown_groups": s.unknown_groups,
        });
    } else {
        let rows = facts.given.iter().map(|g| {
            let mut row = g.row.clone();
            row["verdicts"] = json!([]);
            row["problem"] = json!(g.place.err());
            row
        });
        told["doses"] = rows.collect();
        told["antigens"] = json!([]);
        told["forecasts"] = json!([]);
        told["compliance"] = Value::Null;
    }
    Ok(Reply::json(told))
}

/// Today at the student's school; the day in UTC for a patient who is no student.
async fn today(tx: &mut Tx, student: Uuid) -> Result<Date> {
    let now = tx.ctx.env.now();
    Ok(days::of_student(tx, student, now).await?.unwrap_or(now.date()))
}
