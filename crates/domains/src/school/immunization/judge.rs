//! One student's facts held against the schedule and against what is required: pure, so that pages, lists and what-ifs say
//! the same. The engine chooses among series; here is told what the chosen ones say.

use super::{facts::Facts, requirements::Asked, schedules::kind, words};
use salus_rules::{
    immunization::{Assessment, Patient, Schedule, Status as Forecast, assess},
    school_entry::{
        Admission, Exemption, Missing, Requirement, Status, Student, compliance_score, evaluate, record, worst,
    },
};
use serde_json::{Value, json};
use time::Date;

/// What is said of a student.
pub(super) struct Judged {
    /// Each dose with its verdicts.
    pub(super) doses: Value,
    /// Each antigen for which a series was chosen.
    pub(super) antigens: Value,
    /// Each vaccine group.
    pub(super) forecasts: Value,
    /// Where the student stands with what is required.
    pub(super) standing: Standing,
}

/// Where a student stands with what is required.
pub(super) struct Standing {
    pub(super) status: &'static str,
    pub(super) until: Option<Date>,
    pub(super) score: Option<f64>,
    pub(super) is_measles_protected: bool,
    pub(super) next_due_on: Option<Date>,
    pub(super) overdue_since: Option<Date>,
    /// From when the student is or will be kept home.
    pub(super) excluded_from: Option<Date>,
    /// Each requirement.
    pub(super) groups: Value,
    /// Requirements for vaccine groups that this schedule does not have: they could not be judged.
    pub(super) unknown_groups: Vec<String>,
}

/// The requirements that a student of a grade must meet, the exemptions that were approved, and how the student was admitted.
#[derive(Default)]
pub(super) struct Law<'a> {
    pub(super) asked: Vec<&'a Asked>,
    pub(super) exemptions: Vec<Exemption>,
    pub(super) admissions: Vec<Admission>,
    pub(super) attends_since: Option<Date>,
}

/// Judges a student on a day.
pub(super) fn judge(schedule: &Schedule, facts: &Facts, patient: &Patient, law: Law<'_>, on: Date) -> Judged {
    let assessment = assess(schedule, patient, on);
    Judged {
        doses: doses(&assessment, facts),
        antigens: antigens(&assessment),
        forecasts: forecasts(schedule, &assessment),
        standing: standing(schedule, &assessment, patient, law),
    }
}

/// The doses as they are written down, with the verdicts of the chosen series.
fn doses(assessment: &Assessment<'_>, facts: &Facts) -> Value {
    let chosen = chosen(assessment);
    let all = facts.given.iter().map(|given| {
        let mut row = given.row.clone();
        let (verdicts, problem) = match given.place {
            Err(why) => (Vec::new(), Some(why)),
            Ok(at) if assessment.unknown_vaccines.contains(&at) => (Vec::new(), Some("VACCINE_NOT_IN_SCHEDULE")),
            Ok(at) => {
                let of = chosen.iter().filter_map(|o| Some((*o, o.evaluations.iter().find(|e| e.dose == at)?)));
                let told = of.map(|(o, e)| {
                    let reasons: Vec<Value> = e.reasons.iter().map(|r| words::reason(*r, e.on)).collect();
                    json!({"antigen": o.antigen, "vaccine_group": o.vaccine_group, "series": o.series,
                           "target_dose": e.target, "status": words::verdict(e.status), "reasons": reasons})
                });
                (told.collect(), None)
            }
        };
        row["verdicts"] = Value::Array(verdicts);
        row["problem"] = json!(problem);
        row
    });
    all.collect()
}

fn chosen<'s, 'a>(assessment: &'s Assessment<'a>) -> Vec<&'s salus_rules::immunization::SeriesOutcome<'a>> {
    let mut names: Vec<&str> = assessment.series.iter().map(|o| o.antigen).collect();
    names.dedup();
    names.into_iter().filter_map(|antigen| assessment.chosen(antigen)).collect()
}

fn antigens(assessment: &Assessment<'_>) -> Value {
    let all = chosen(assessment).into_iter().map(|o| {
        let f = &o.forecast;
        json!({"antigen": o.antigen, "vaccine_group": o.vaccine_group, "series": o.series, "series_type": kind(o.kind),
               "status": words::standing(f.status), "next_dose": f.dose_number, "earliest_on": day(f.earliest),
               "recommended_on": day(f.recommended), "overdue_on": day(f.past_due), "latest_on": day(f.latest),
               "reasons": f.reasons.iter().map(|r| words::forecast(*r)).collect::<Vec<_>>()})
    });
    all.collect()
}

/// The forecast of each vaccine group that is shown first: what a visit is planned by.
fn forecasts(schedule: &Schedule, assessment: &Assessment<'_>) -> Value {
    let shown = schedule.groups.iter().filter_map(|group| assessment.headline(&group.name, true));
    let all = shown.map(|f| {
        let due = f.status == Forecast::NotComplete && f.recommended.is_some_and(|date| date <= assessment.on);
        let late = f.status == Forecast::NotComplete && f.past_due.is_some_and(|date| date <= assessment.on);
        json!({"vaccine_group": f.vaccine_group, "series_type": kind(f.kind), "status": words::standing(f.status),
               "is_due": due, "is_overdue": late, "next_dose": f.dose_number, "earliest_on": day(f.earliest),
               "recommended_on": day(f.recommended), "overdue_on": day(f.past_due), "latest_on": day(f.latest),
               "antigens": f.antigens, "guidance": f.guidance,
               "vaccines_cvx": f.vaccines.iter().map(|cvx| format!("{cvx:02}")).collect::<Vec<_>>(),
               "reasons": f.reasons.iter().map(|r| words::forecast(*r)).collect::<Vec<_>>()})
    });
    all.collect()
}

fn standing(schedule: &Schedule, assessment: &Assessment<'_>, patient: &Patient, law: Law<'_>) -> Standing {
    let Law { asked, exemptions, admissions, attends_since } = law;
    let student = Student { birth: patient.birth, exemptions, admissions, attends_since };
    let (mut rules, mut found, mut told, mut unknown) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut next_due_on, mut overdue_since): (Option<Date>, Option<Date>) = (None, None);
    let mut excluded_from: Option<Date> = None;
    for asked in asked {
        let rule: &Requirement = &asked.rule;
        let Some(known) = record(schedule, assessment, patient, &rule.vaccine_group) else {
            unknown.push(rule.vaccine_group.clone());
            continue;
        };
        let group = evaluate(rule, &student, &known, assessment.on);
        let (status, until) = code(group.status);
        excluded_from = [excluded_from, group.excluded_from].into_iter().flatten().min();
        if !matches!(status, "COMPLIANT" | "NOT_APPLICABLE") && !group.status.is_exempt() {
            let forecast = assessment.headline(&rule.vaccine_group, true).filter(|f| f.status == Forecast::NotComplete);
            let late = forecast.and_then(|f| f.past_due).filter(|date| *date <= assessment.on);
            overdue_since = [overdue_since, late].into_iter().flatten().min();
            next_due_on = [next_due_on, known.next_due_on].into_iter().flatten().min();
        }
        let nearest = group.nearest.as_ref();
        told.push(json!({
            "requirement_id": asked.id, "vaccine_group": rule.vaccine_group, "checkpoint": asked.checkpoint,
            "status": status, "until": day(until), "excluded_from": day(group.excluded_from), "counted": nearest.map(|n| n.counted),
            "required": nearest.map(|n| n.required),
            "missing": nearest.map(|n| n.missing.iter().map(missing).collect::<Vec<_>>()).unwrap_or_default(),
        }));
        rules.push(rule);
        found.push(group);
    }
    let (status, until) = code(worst(&found));
    let pairs: Vec<_> = rules.iter().copied().zip(&found).collect();
    let measles = pairs.iter().filter(|(rule, _)| rule.contains_measles);
    Standing {
        status,
        until,
        score: compliance_score(&pairs),
        is_measles_protected: measles.clone().next().is_some()
            && measles.clone().all(|(_, g)| g.status == Status::Compliant),
        next_due_on,
        overdue_since,
        excluded_from,
        groups: Value::Array(told),
        unknown_groups: unknown,
    }
}

fn missing(missing: &Missing) -> Value {
    match missing {
        Missing::Doses(count) => {
            json!({"code": "DOSES", "count": count, "words": format!("Doses missing: {count}")})
        }
        Missing::DoseOnOrAfter(on) => {
            json!({"code": "DOSE_ON_OR_AFTER", "on": on.to_string(), "words": format!("One dose must be given on or after {on}")})
        }
        Missing::Antigen(antigen, count) => json!({"code": "ANTIGEN", "antigen": antigen, "count": count,
            "words": format!("Doses that contain {antigen} missing: {count}")}),
    }
}

/// A standing as the column has it, and until when it holds.
fn code(status: Status) -> (&'static str, Option<Date>) {
    match status {
        Status::NotApplicable => ("NOT_APPLICABLE", None),
        Status::Compliant => ("COMPLIANT", None),
        Status::ExemptMedicalPermanent => ("EXEMPT_MEDICAL_PERM", None),
        Status::ExemptMedicalTemporary(until) => ("EXEMPT_MEDICAL_TEMP", Some(until)),
        Status::ExemptReligious => ("EXEMPT_RELIGIOUS", None),
        Status::ExemptPersonal => ("EXEMPT_PERSONAL", None),
        Status::Conditional(until) => ("CONDITIONAL", Some(until)),
        Status::Provisional(until) => ("PROVISIONAL", Some(until)),
        Status::Noncompliant => ("NONCOMPLIANT", None),
        Status::NoRecord => ("NO_RECORD", None),
        Status::Excluded => ("EXCLUDED", None),
    }
}

fn day(date: Option<Date>) -> Option<String> {
    date.map(|date| date.to_string())
}
