//! Requirements of a state as data (California K–12, as the product specification cites it) and what follows from them.

use crate::support;
use salus_rules::{
    immunization::{Dose, Gender, Patient, assess},
    school_entry::{
        Admission, AdmissionKind, CountedDose, Exemption, ExemptionKind, GroupCompliance, Missing, ProvisionalReason,
        Record, Requirement, Status, Student, compliance_score, evaluate, record, record_between, school_rates, worst,
    },
};
use time::{Date, Duration, macros::date};

const CALIFORNIA: &str = r#"[
  {"vaccine_group": "DTaP/Tdap/Td", "exemptions": ["MEDICAL_PERMANENT", "MEDICAL_TEMPORARY"], "conditional_days": 30,
   "any": [{"doses": 5}, {"doses": 4, "one_on_or_after": "4y"}, {"doses": 3, "one_on_or_after": "7y"}]},
  {"vaccine_group": "Polio", "exemptions": ["MEDICAL_PERMANENT", "MEDICAL_TEMPORARY"], "conditional_days": 30,
   "any": [{"doses": 4}, {"doses": 3, "one_on_or_after": "4y"}]},
  {"vaccine_group": "MMR", "exemptions": ["MEDICAL_PERMANENT", "MEDICAL_TEMPORARY"], "conditional_days": 30,
   "contains_measles": true, "grace_days": 4, "any": [{"doses": 2, "each_on_or_after": "12m"}]},
  {"vaccine_group": "Tdap", "any": [{"doses": 1, "one_on_or_after": "7y", "antigen_counts": {"Pertussis": 1}}]}
]"#;

const BIRTH: Date = date!(2013 - 09 - 14);
const ON: Date = date!(2025 - 09 - 01);

fn requirement(group: &str) -> Requirement {
    let all: Vec<Requirement> = serde_json::from_str(CALIFORNIA).unwrap();
    all.into_iter().find(|r| r.vaccine_group == group).unwrap()
}

fn student() -> Student {
    Student { birth: BIRTH, exemptions: vec![], admissions: vec![], has_record: false, attends_since: None }
}

fn given(days: &[Date]) -> Record {
    let dose = |on: &Date| CountedDose { first: *on, last: *on, antigens: vec!["Pertussis".into()] };
    Record { doses: days.iter().map(dose).collect(), ..Record::default() }
}

fn status(group: &str, record: &Record) -> Status {
    evaluate(&requirement(group), &student(), record, ON).status
}

#[test]
fn a_tdap_the_day_before_the_seventh_birthday_does_not_count() {
    let sixth = date!(2019 - 09 - 14);
    assert_eq!(status("Tdap", &given(&[sixth + Duration::days(364)])), Status::Noncompliant);
    assert_eq!(status("Tdap", &given(&[date!(2020 - 09 - 14)])), Status::Compliant);
    let found = evaluate(&requirement("Tdap"), &student(), &given(&[sixth]), ON);
    assert_eq!(found.nearest.unwrap().missing, [Missing::DoseOnOrAfter(date!(2020 - 09 - 14))]);
}

#[test]
fn any_path_is_enough() {
    let early = [date!(2013 - 11 - 14), date!(2014 - 01 - 14), date!(2014 - 03 - 14), date!(2015 - 01 - 14)];
    assert_eq!(status("Polio", &given(&early)), Status::Compliant);
    assert_eq!(status("Polio", &given(&early[..3])), Status::Noncompliant);
    assert_eq!(status("Polio", &given(&[early[0], early[1], date!(2017 - 09 - 14)])), Status::Compliant);
    assert_eq!(status("DTaP/Tdap/Td", &given(&early)), Status::Noncompliant);
}

#[test]
fn grace_is_that_of_the_law_and_a_partial_date_must_hold_on_every_day() {
    let second = date!(2018 - 01 - 01);
    assert_eq!(status("MMR", &given(&[date!(2014 - 09 - 10), second])), Status::Compliant);
    assert_eq!(status("MMR", &given(&[date!(2014 - 09 - 09), second])), Status::Noncompliant);
    let mut record = given(&[second]);
    record.doses.push(CountedDose { first: date!(2014 - 09 - 01), last: date!(2014 - 09 - 30), antigens: vec![] });
    assert_eq!(status("MMR", &record), Status::Noncompliant);
}

#[test]
fn exemptions_count_when_the_law_knows_them_and_while_they_last() {
    let with = |kind, until| {
        let exemption = Exemption { kind, groups: vec!["MMR".into()], from: date!(2025 - 01 - 01), until };
        let student = Student { exemptions: vec![exemption], ..student() };
        evaluate(&requirement("MMR"), &student, &Record::default(), ON).status
    };
    assert_eq!(with(ExemptionKind::MedicalPermanent, None), Status::ExemptMedicalPermanent);
    let until = date!(2025 - 12 - 31);
    assert_eq!(with(ExemptionKind::MedicalTemporary, Some(until)), Status::ExemptMedicalTemporary(until));
    assert_eq!(with(ExemptionKind::MedicalTemporary, Some(date!(2025 - 08 - 31))), Status::NoRecord);
    assert_eq!(with(ExemptionKind::MedicalTemporary, None), Status::NoRecord);
    assert_eq!(with(ExemptionKind::Personal, None), Status::NoRecord);
}

#[test]
fn who_has_all_due_doses_attends_on_condition() {
    let record = Record { next_due_on: Some(date!(2025 - 10 - 01)), ..given(&[date!(2025 - 08 - 01)]) };
    assert_eq!(status("MMR", &record), Status::Conditional(date!(2025 - 10 - 31)));
    // Until the deadline, which is 30 days after the next dose was due: reminders go out before it.
    let due = |on: Date| Record { next_due_on: Some(on), ..record.clone() };
    assert_eq!(status("MMR", &due(ON)), Status::Conditional(date!(2025 - 10 - 01)));
    assert_eq!(status("MMR", &due(date!(2025 - 08 - 02))), Status::Conditional(ON));
    assert_eq!(status("MMR", &due(date!(2025 - 08 - 01))), Status::Noncompliant);
    let at_once = Requirement { conditional_days: Some(0), ..requirement("MMR") };
    let on = |record: &Record| evaluate(&at_once, &student(), record, ON).status;
    assert_eq!(on(&due(ON)), Status::Conditional(ON), "the day itself");
    assert_eq!(on(&due(date!(2025 - 08 - 31))), Status::Noncompliant);
    assert_eq!(at_once.admits_until(None, ON), None, "no days, no plan");
}

/// Measles, mumps and rubella with the admissions and the exclusion of an invented law.
fn strict(exclusion: &str) -> Requirement {
    let text = format!(
        r#"{{"vaccine_group": "MMR", "any": [{{"doses": 2}}], "conditional_days": 30, "exclusion": {exclusion},
            "provisional_days": {{"HOMELESS": 60, "MILITARY": 30}}}}"#
    );
    serde_json::from_str(&text).unwrap()
}

fn admitted(kind: AdmissionKind, from: Date, until: Date) -> Admission {
    Admission { kind, group: "MMR".into(), from, until }
}

#[test]
fn an_admission_lasts_as_long_as_the_law_says() {
    let rule = strict("null");
    let from = date!(2025 - 08 - 20);
    assert_eq!(rule.admits_until(Some(ProvisionalReason::Homeless), from), Some(date!(2025 - 10 - 19)));
    assert_eq!(rule.admits_until(Some(ProvisionalReason::Foster), from), None, "the law names no days for it");
    assert_eq!(rule.admits_until(None, from), Some(date!(2025 - 09 - 19)), "by a plan");
    let until = date!(2025 - 09 - 30);
    let student = Student { admissions: vec![admitted(AdmissionKind::Provisional, from, until)], ..student() };
    let on = |on: Date| evaluate(&rule, &student, &Record::default(), on);
    assert_eq!(on(until).status, Status::Provisional(until));
    assert!(on(until).status.is_in_compliance() && on(until).excluded_from.is_none());
    assert_eq!(on(date!(2025 - 10 - 01)).status, Status::NoRecord, "without an exclusion nobody is kept home");
    assert_eq!(on(date!(2025 - 08 - 19)).status, Status::NoRecord, "it has not begun");
    let polio = requirement("Polio");
    assert_eq!(evaluate(&polio, &student, &Record::default(), ON).status, Status::NoRecord, "it is for one group");
}

#[test]
fn who_lets_the_deadline_pass_is_kept_home_until_something_changes() {
    let rule = strict(r#"{"after_days": 10}"#);
    let since = date!(2025 - 08 - 20);
    let child = Student { attends_since: Some(since), ..student() };
    let none = Record::default();
    let on = |child: &Student, record: &Record, on: Date| {
        let found = evaluate(&rule, child, record, on);
        (found.status, found.excluded_from)
    };
    let first = date!(2025 - 08 - 30);
    assert_eq!(on(&child, &none, date!(2025 - 08 - 29)), (Status::NoRecord, Some(first)));
    assert_eq!(on(&child, &none, first), (Status::Excluded, Some(first)));
    // A dose makes the next one due later; the condition then ends with its own deadline.
    let begun = Record { next_due_on: Some(date!(2025 - 09 - 20)), ..given(&[date!(2025 - 08 - 23)]) };
    assert_eq!(on(&child, &begun, first), (Status::Conditional(date!(2025 - 10 - 20)), Some(date!(2025 - 10 - 31))));
    let due = date!(2025 - 09 - 20);
    assert_eq!(on(&child, &begun, due).0, Status::Conditional(date!(2025 - 10 - 20)), "due, and the deadline runs");
    assert_eq!(on(&child, &begun, date!(2025 - 10 - 21)).0, Status::Noncompliant, "it is over");
    assert_eq!(on(&child, &begun, date!(2025 - 10 - 31)).0, Status::Excluded);
    // A plan and an exemption lift it.
    let until = date!(2025 - 09 - 29);
    let plan = Student { admissions: vec![admitted(AdmissionKind::Plan, first, until)], ..child.clone() };
    assert_eq!(on(&plan, &none, first), (Status::Conditional(until), Some(date!(2025 - 10 - 10))));
    assert_eq!(on(&plan, &none, date!(2025 - 10 - 10)).0, Status::Excluded, "until it ends");
    let exemption = Exemption { kind: ExemptionKind::MedicalPermanent, groups: vec![], from: BIRTH, until: None };
    let exempt = Student { exemptions: vec![exemption], ..child.clone() };
    let allowed = Requirement { exemptions: vec![ExemptionKind::MedicalPermanent], ..rule.clone() };
    let found = evaluate(&allowed, &exempt, &none, date!(2025 - 12 - 01));
    assert_eq!((found.status, found.excluded_from), (Status::ExemptMedicalPermanent, None));
    // Where nothing tells since when a student attends, nobody is kept home for that.
    assert_eq!(on(&student(), &none, date!(2026 - 03 - 01)), (Status::NoRecord, None));

    let later = strict(r#"{"after_days": 0, "not_before": "10-15"}"#);
    let found = |on| evaluate(&later, &child, &none, on);
    assert_eq!(
        (found(date!(2025 - 10 - 14)).status, found(ON).excluded_from),
        (Status::NoRecord, Some(date!(2025 - 10 - 15)))
    );
    assert_eq!(found(date!(2026 - 02 - 01)).status, Status::Excluded, "of this school year");
}

#[test]
fn the_worst_group_wins_and_measles_weighs_double() {
    let (mmr, polio) = (requirement("MMR"), requirement("Polio"));
    let half = evaluate(&mmr, &student(), &given(&[date!(2015 - 01 - 01)]), ON);
    let none = evaluate(&polio, &student(), &Record::default(), ON);
    // Whoever has any dose on record has a record, also where a group has none: that one is not complied with.
    assert_eq!(
        worst(&[half.clone(), none.clone()]),
        Status::NoRecord,
        "as if the dose of the other group were unknown"
    );
    let known = Student { has_record: true, ..student() };
    let lacking = evaluate(&polio, &known, &Record::default(), ON);
    assert_eq!(worst(&[half.clone(), lacking]), Status::Noncompliant);
    let score = compliance_score(&[(&mmr, &half), (&polio, &none)]).unwrap();
    assert!((score - 100.0 / 3.0).abs() < 1e-9, "{score}");
    let exemption = Exemption { kind: ExemptionKind::MedicalPermanent, groups: vec![], from: BIRTH, until: None };
    let exempt = evaluate(&polio, &Student { exemptions: vec![exemption], ..student() }, &Record::default(), ON);
    assert!((compliance_score(&[(&mmr, &half), (&polio, &exempt)]).unwrap() - 50.0).abs() < 1e-9);
    assert_eq!(compliance_score(&[(&polio, &exempt)]), None);
}

#[test]
fn of_several_deadlines_the_next_one_is_told_and_of_two_exemptions_the_longer_protects() {
    let group = |status| GroupCompliance { status, nearest: None, excluded_from: None };
    let (soon, late) = (date!(2025 - 09 - 10), date!(2025 - 11 - 10));
    for kind in [Status::Conditional, Status::Provisional, Status::ExemptMedicalTemporary] {
        assert_eq!(worst(&[group(kind(late)), group(kind(soon)), group(Status::Compliant)]), kind(soon));
    }
    assert_eq!(worst(&[group(Status::Provisional(late)), group(Status::Conditional(soon))]), Status::Provisional(late));
    let exemption = |until| Exemption {
        kind: ExemptionKind::MedicalTemporary,
        groups: vec![],
        from: date!(2025 - 01 - 01),
        until: Some(until),
    };
    let child = Student { exemptions: vec![exemption(soon), exemption(late)], ..student() };
    let found = evaluate(&requirement("MMR"), &child, &Record::default(), ON);
    assert_eq!(found.status, Status::ExemptMedicalTemporary(late));
}

/// A child of five with two doses cannot wait for one at seven years.
#[test]
fn the_nearest_way_is_the_one_with_the_fewest_doses_missing_that_age_allows() {
    let way = |birth, on| {
        let child = Student { birth, ..student() };
        let doses = given(&[date!(2020 - 11 - 14), date!(2021 - 01 - 14)]);
        let nearest = evaluate(&requirement("DTaP/Tdap/Td"), &child, &doses, on).nearest.unwrap();
        (nearest.required, nearest.missing)
    };
    let birth = date!(2020 - 09 - 14);
    let four = date!(2024 - 09 - 14);
    assert_eq!(way(birth, ON), (4, vec![Missing::Doses(2), Missing::DoseOnOrAfter(four)]), "two, not one at seven");
    assert_eq!(way(birth, date!(2024 - 09 - 01)), (5, vec![Missing::Doses(3)]), "not yet four");
    assert_eq!(way(birth, date!(2027 - 09 - 14)).0, 3, "seven: one dose is enough");
}

#[test]
fn a_dose_of_which_the_month_is_known_counts_when_it_counts_on_its_first_and_last_day() {
    let schedule = support::schedule();
    let birth = date!(2016 - 02 - 26);
    let of = |first: Date, last: Date| {
        let patient = |on| Patient {
            birth,
            gender: Gender::Female,
            birth_country: None,
            observations: vec![],
            doses: vec![Dose::new(on, 3), Dose::new(date!(2020 - 03 - 01), 3)],
        };
        let (early, late) = (patient(first), patient(last));
        let (a, b) = (assess(schedule, &early, ON), assess(schedule, &late, ON));
        record_between(schedule, [(&a, &early), (&b, &late)], "MMR").unwrap().doses
    };
    let doses = of(date!(2017 - 03 - 01), date!(2017 - 03 - 31));
    assert_eq!((doses.len(), doses[0].first, doses[0].last), (2, date!(2017 - 03 - 01), date!(2017 - 03 - 31)));
    assert_eq!(of(date!(2017 - 02 - 01), date!(2017 - 02 - 28)).len(), 1, "on the first day the child was too young");
    assert_eq!(of(date!(2020 - 02 - 01), date!(2020 - 02 - 29)).len(), 1, "on the last too near to the other");
}

#[test]
fn a_school_below_95_percent_against_measles_is_flagged() {
    let mut students = vec![(Status::Compliant, true); 18];
    students.extend([(Status::ExemptMedicalPermanent, false), (Status::Noncompliant, false)]);
    let rates = school_rates(&students).unwrap();
    assert!((rates.up_to_date - 90.0).abs() < 1e-9 && (rates.in_compliance - 95.0).abs() < 1e-9);
    assert!(rates.herd_at_risk && !school_rates(&students[1..]).unwrap().herd_at_risk);
    assert_eq!(school_rates(&[]), None);
    // Of whom nothing is asked does not comply with it; of a grade of such nothing is said.
    let mut with = students.clone();
    with.extend([(Status::NotApplicable, true); 20]);
    let same = school_rates(&with).unwrap();
    assert!((same.up_to_date - 45.0).abs() < 1e-9 && (same.in_compliance - 47.5).abs() < 1e-9, "{same:?}");
    assert_eq!((same.enrolled, school_rates(&with[20..])), (40, None));
}

#[test]
fn a_law_counts_the_doses_that_the_schedule_finds_valid() {
    let schedule = support::schedule();
    let doses = [(3, date!(2017 - 03 - 01)), (3, date!(2017 - 03 - 15)), (21, date!(2017 - 03 - 01))];
    let doses = doses.map(|(cvx, on)| Dose::new(on, cvx)).to_vec();
    let birth = date!(2016 - 02 - 26);
    let patient = Patient { birth, gender: Gender::Female, birth_country: None, observations: vec![], doses };
    let assessment = assess(schedule, &patient, ON);
    let mmr = record(schedule, &assessment, &patient, "MMR").unwrap();
    assert_eq!(mmr.doses.len(), 1, "the second came two weeks after the first: {mmr:?}");
    assert_eq!(mmr.doses[0].antigens, ["Measles", "Mumps", "Rubella"]);
    assert!(mmr.next_due_on.is_some_and(|due| due > date!(2017 - 03 - 15)) && !mmr.immune, "{mmr:?}");
    assert_eq!(record(schedule, &assessment, &patient, "Varicella").unwrap().doses.len(), 1);
    assert_eq!(record(schedule, &assessment, &patient, "Wizardry"), None);
    let chosen = assessment.chosen("Measles").unwrap();
    assert_eq!((chosen.vaccine_group, chosen.evaluations.len()), ("MMR", 2));
}

#[test]
fn a_requirement_that_is_not_understood_is_refused() {
    for wrong in [
        r#"{"vaccine_group": "MMR", "any": [{"doses": 2, "each_after": "12m"}]}"#,
        r#"{"vaccine_group": "MMR", "any": [{"doses": 2, "each_on_or_after": "a year"}]}"#,
        r#"{"vaccine_group": "MMR", "any": [], "exemptions": ["PHILOSOPHICAL"]}"#,
        r#"{"any": [{"doses": 2}]}"#,
        r#"{"vaccine_group": "MMR", "any": [], "provisional_days": {"BORED": 30}}"#,
        r#"{"vaccine_group": "MMR", "any": [], "exclusion": {"after_days": 0, "not_before": "02-30"}}"#,
        r#"{"vaccine_group": "MMR", "any": [], "exclusion": {"not_before": "10-15"}}"#,
    ] {
        assert!(serde_json::from_str::<Requirement>(wrong).is_err(), "{wrong}");
    }
}
