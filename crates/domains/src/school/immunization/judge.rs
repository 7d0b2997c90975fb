//! One student's facts held against the schedule and against what is required: pure, so that pages, lists and what-ifs say
//! the same. The engine chooses among series; here is told what the chosen ones say.

use super::{facts::Facts, requirements::Asked, schedules::kind, words};
use salus_rules::{
    immunization::{Assessment, Patient, Schedule, Status as Forecast, assess},
    school_entry::{
        Admission, Exemption, GroupCompliance, Missing, Record, Requirement, Status, Student, compliance_score,
        evaluate, record, record_between, worst,
    },
};
use serde_json::{Value, json};
use std::cmp::Reverse;
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
    /// Requirements for vaccine groups that this schedule does not have: they could not be judged and fulfil nothing.
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
    let ends = facts.ends(patient, on);
    let ends = ends.as_ref().map(|ends| Known::at(schedule, ends, on));
    Judged {
        doses: doses(&assessment, facts),
        antigens: antigens(&assessment),
        forecasts: forecasts(schedule, &assessment),
        standing: standing(schedule, &assessment, (patient, ends.as_ref(), !facts.given.is_empty()), law),
    }
}

/// A student at both ends of the days that doses can have been given on.
struct Known<'a> {
    patients: &'a [Patient; 2],
    assessments: [Assessment<'a>; 2],
}

impl<'a> Known<'a> {
    fn at(schedule: &'a Schedule, patients: &'a [Patient; 2], on: Date) -> Self {
        let assessments = [assess(schedule, &patients[0], on), assess(schedule, &patients[1], on)];
        Self { patients, assessments }
    }

    fn record(&self, schedule: &Schedule, group: &str) -> Option<Record> {
        let [first, last] = &self.assessments;
        let [early, late] = self.patients;
        record_between(schedule, [(first, early), (last, late)], group)
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

/// Where a student stands with one requirement, and when the next dose of it is due. `None` for a vaccine group that the schedule
/// does not have: it cannot be judged, which fulfils nothing.
fn group(
    schedule: &Schedule,
    assessment: &Assessment<'_>,
    (patient, ends): (&Patient, Option<&Known<'_>>),
    (rule, student): (&Requirement, &Student),
) -> Option<(GroupCompliance, Option<Date>)> {
    let judged = |known: Record| (evaluate(rule, student, &known, assessment.on), known.next_due_on);
    let exact = judged(record(schedule, assessment, patient, &rule.vaccine_group)?);
    let Some(spanned) = ends.and_then(|ends| ends.record(schedule, &rule.vaccine_group)) else { return Some(exact) };
    let spanned = judged(spanned);
    // What is known exactly is never worth less for what is known besides.
    let rank = |(group, _): &(GroupCompliance, _)| {
        (group.status, Reverse(group.nearest.as_ref().map_or(0, |nearest| nearest.counted)))
    };
    Some(if rank(&spanned) < rank(&exact) { spanned } else { exact })
}

/// A requirement that cannot be judged: not complied with, unless the student is exempt or admitted without it.
fn unjudged(rule: &Requirement, student: &Student, on: Date) -> GroupCompliance {
    let found = evaluate(rule, student, &Record::default(), on);
    if found.status.is_in_compliance() {
        return found;
    }
    GroupCompliance { status: Status::Noncompliant, nearest: None, excluded_from: None }
}

fn standing(
    schedule: &Schedule,
    assessment: &Assessment<'_>,
    (patient, ends, has_record): (&Patient, Option<&Known<'_>>, bool),
    law: Law<'_>,
) -> Standing {
    let Law { asked, exemptions, admissions, attends_since } = law;
    let student = Student { birth: patient.birth, exemptions, admissions, has_record, attends_since };
    let (mut rules, mut found, mut told, mut unknown) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut next_due_on, mut overdue_since): (Option<Date>, Option<Date>) = (None, None);
    let mut excluded_from: Option<Date> = None;
    for asked in asked {
        let rule: &Requirement = &asked.rule;
        let judged = group(schedule, assessment, (patient, ends), (rule, &student));
        let is_known = judged.is_some();
        if !is_known {
            unknown.push(rule.vaccine_group.clone());
        }
        let (group, due) = judged.unwrap_or_else(|| (unjudged(rule, &student, assessment.on), None));
        let (status, until) = code(group.status);
        excluded_from = [excluded_from, group.excluded_from].into_iter().flatten().min();
        if !matches!(status, "COMPLIANT" | "NOT_APPLICABLE") && !group.status.is_exempt() {
            let forecast = assessment.headline(&rule.vaccine_group, true).filter(|f| f.status == Forecast::NotComplete);
            let late = forecast.and_then(|f| f.past_due).filter(|date| *date <= assessment.on);
            overdue_since = [overdue_since, late].into_iter().flatten().min();
            next_due_on = [next_due_on, due].into_iter().flatten().min();
        }
        let nearest = group.nearest.as_ref();
        let mut lacks: Vec<Value> = nearest.iter().flat_map(|n| n.missing.iter().map(missing)).collect();
        if !is_known && !group.status.is_in_compliance() {
            lacks = vec![json!({"code": "UNKNOWN_GROUP", "words": "The schedule in use has no such vaccine group"})];
        }
        told.push(json!({
            "requirement_id": asked.id, "vaccine_group": rule.vaccine_group, "checkpoint": asked.checkpoint,
            "status": status, "until": day(until), "excluded_from": day(group.excluded_from), "counted": nearest.map(|n| n.counted),
            "required": nearest.map(|n| n.required),
            "missing": lacks,
        }));
        rules.push(rule);
        found.push(group);
    }
    let (status, until) = code(worst(&found));
    let pairs: Vec<_> = rules.iter().copied().zip(&found).collect();
    let mut measles = pairs.iter().filter(|(rule, _)| rule.contains_measles).peekable();
    Standing {
        status,
        until,
        score: compliance_score(&pairs),
        // Where no law asks, by the schedule.
        is_measles_protected: if measles.peek().is_some() {
            measles.all(|(_, g)| g.status == Status::Compliant)
        } else {
            is_immune_to_measles(schedule, assessment)
        },
        next_due_on,
        overdue_since,
        excluded_from,
        groups: Value::Array(told),
        unknown_groups: unknown,
    }
}

/// Whether the schedule asks for no more doses against measles.
fn is_immune_to_measles(schedule: &Schedule, assessment: &Assessment<'_>) -> bool {
    let group = schedule.groups.iter().find(|g| g.antigens.iter().any(|antigen| antigen == "Measles"));
    let found = group.and_then(|g| assessment.headline(&g.name, true));
    found.is_some_and(|f| matches!(f.status, Forecast::Complete | Forecast::Immune))
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
