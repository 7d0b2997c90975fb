//! CDC's test cases, and the acceptance cases of the product specification (B1 to B8).

use super::support::{data, keep, schedule};
use proptest::prelude::*;
use salus_rules::{
    conformance::cdsi,
    immunization::{
        Dose, EvaluationStatus, Gender, Patient, Reason, Status, TargetStatus, assess, schedule::SeriesKind,
    },
};
use time::{Date, Duration, macros::date};

#[test]
fn no_score_of_the_cdc_cases_falls() {
    keep(&cdsi::score(schedule(), &data("cdsi/test-cases/healthy-v4.45.csv"), false).unwrap());
    keep(&cdsi::score(schedule(), &data("cdsi/test-cases/underlying-v4.6.csv"), true).unwrap());
}

#[test]
fn a_cell_that_disagrees_is_a_failure() {
    let table = String::from_utf8(data("cdsi/test-cases/healthy-v4.45.csv")).unwrap();
    let wrong = table.replace("2025-12-08", "2025-12-09");
    assert_ne!(wrong, table);
    let score = cdsi::score(schedule(), wrong.as_bytes(), false).unwrap();
    assert!(score.failed.iter().any(|f| f.expected == "2025-12-09" && f.got == "2025-12-08"), "{:?}", score.failed);
    let (right, unreadable) =
        (cdsi::score(schedule(), table.as_bytes(), false).unwrap(), table.replacen("2025-11-10", "11/10/2025", 1));
    let score = cdsi::score(schedule(), unreadable.as_bytes(), false).unwrap();
    assert_eq!(score.passed, right.passed - 1);
    assert!(score.failed.iter().any(|f| f.got.contains("11/10/2025")), "{:?}", score.failed);
    let error = cdsi::score(schedule(), b"id,DOB\n1,2020-01-01\n", false).unwrap_err().to_string();
    assert!(error.contains("CDC_Test_ID is missing"), "{error}");
}

fn child(birth: Date, doses: &[(Date, u16)]) -> Patient {
    let doses = doses.iter().map(|(on, cvx)| Dose::new(*on, *cvx)).collect();
    Patient { birth, gender: Gender::Female, birth_country: None, observations: vec![], doses }
}

/// The verdict on a dose in the best series of an antigen.
fn verdict(patient: &Patient, on: Date, antigen: &str, dose: usize) -> (EvaluationStatus, Vec<Reason>) {
    let assessment = assess(schedule(), patient, on);
    let best = assessment.headline(group_of(antigen), false).unwrap();
    let outcome = best.made_of.iter().map(|i| &assessment.series[*i]).find(|o| o.antigen == antigen).unwrap();
    let evaluation = outcome.evaluations.iter().find(|e| e.dose == dose).unwrap();
    (evaluation.status, evaluation.reasons.clone())
}

fn group_of(antigen: &str) -> &str {
    let group = schedule().groups.iter().find(|g| g.antigens.iter().any(|a| a == antigen));
    &group.unwrap().name
}

fn forecast(patient: &Patient, on: Date, group: &str) -> [Option<Date>; 3] {
    let assessment = assess(schedule(), patient, on);
    let headline = assessment.headline(group, false).unwrap();
    [headline.earliest, headline.recommended, headline.past_due]
}

#[test]
fn a_second_dtap_in_the_tenth_week_is_too_young_and_is_repeated() {
    let b1 = child(date!(2011 - 02 - 26), &[(date!(2011 - 04 - 06), 107), (date!(2011 - 05 - 02), 107)]);
    let on = date!(2011 - 05 - 02);
    assert_eq!(verdict(&b1, on, "Pertussis", 0).0, EvaluationStatus::Valid);
    let (status, reasons) = verdict(&b1, on, "Pertussis", 1);
    assert_eq!((status, reasons[0]), (EvaluationStatus::NotValid, Reason::TooYoung(date!(2011 - 05 - 03))));
    let dates = [date!(2011 - 05 - 30), date!(2011 - 06 - 26), date!(2011 - 08 - 22)];
    assert_eq!(forecast(&b1, on, "DTaP/Tdap/Td"), dates.map(Some));
    let b2 = child(date!(2011 - 02 - 26), &[(date!(2011 - 04 - 09), 107), (date!(2011 - 05 - 03), 107)]);
    let on = date!(2011 - 05 - 03);
    assert_eq!(verdict(&b2, on, "Pertussis", 1).0, EvaluationStatus::Valid);
    let dates = [date!(2011 - 06 - 04), date!(2011 - 08 - 26), date!(2011 - 10 - 23)];
    assert_eq!(forecast(&b2, on, "DTaP/Tdap/Td"), dates.map(Some));
}

#[test]
fn the_four_days_of_grace_end_on_their_day() {
    let given = |on| verdict(&child(date!(2020 - 09 - 14), &[(on, 3)]), on, "Measles", 0);
    let (status, reasons) = given(date!(2021 - 09 - 10));
    assert_eq!((status, reasons), (EvaluationStatus::Valid, vec![Reason::AgeGracePeriod(date!(2021 - 09 - 14))]));
    assert_eq!(given(date!(2021 - 09 - 09)).1[0], Reason::TooYoung(date!(2021 - 09 - 10)));
}

#[test]
fn live_vaccines_keep_their_distance() {
    let birth = date!(2020 - 09 - 14);
    let mmr = |on| verdict(&child(birth, &[(date!(2021 - 10 - 01), 21), (on, 3)]), on, "Measles", 1);
    let conflict = Reason::Conflict { with: 21, since: date!(2021 - 10 - 01), until: date!(2021 - 10 - 29) };
    assert_eq!(mmr(date!(2021 - 10 - 28)), (EvaluationStatus::NotValid, vec![conflict]));
    assert_eq!(mmr(date!(2021 - 10 - 29)).0, EvaluationStatus::Valid);
    let second = |on| verdict(&child(birth, &[(date!(2021 - 10 - 01), 3), (on, 3)]), on, "Measles", 1).0;
    assert_eq!(second(date!(2021 - 10 - 25)), EvaluationStatus::Valid);
    assert_eq!(second(date!(2021 - 10 - 24)), EvaluationStatus::NotValid);
}

#[test]
fn a_third_polio_dose_at_four_years_ends_the_series_by_a_skip() {
    let doses = [(date!(2020 - 11 - 14), 10), (date!(2021 - 01 - 14), 10), (date!(2024 - 09 - 14), 10)];
    let patient = child(date!(2020 - 09 - 14), &doses);
    let assessment = assess(schedule(), &patient, date!(2024 - 09 - 14));
    let headline = assessment.headline("Polio", false).unwrap();
    assert_eq!(headline.status, Status::Complete);
    let targets = &assessment.series[headline.made_of[0]].targets;
    assert!(targets.iter().any(|t| t.status == TargetStatus::Skipped), "{targets:?}");
}

#[test]
fn a_third_hepatitis_b_dose_counts_from_24_weeks_less_grace() {
    let third = |on| {
        let doses = [(date!(2020 - 09 - 14), 8), (date!(2020 - 10 - 14), 8), (on, 8)];
        let patient = child(date!(2020 - 09 - 14), &doses);
        let assessment = assess(schedule(), &patient, on);
        let outcome = assessment.series.iter().find(|o| o.series == "HepB 3-dose series").unwrap();
        (outcome.evaluations[2].status, outcome.evaluations[2].reasons.first().copied())
    };
    let too_young = Reason::TooYoung(date!(2021 - 02 - 25));
    assert_eq!(third(date!(2021 - 02 - 24)), (EvaluationStatus::NotValid, Some(too_young)));
    assert_eq!(third(date!(2021 - 02 - 25)).0, EvaluationStatus::Valid);
}

#[test]
fn an_unknown_vaccine_is_named_and_an_expired_lot_does_not_count() {
    let on = date!(2021 - 10 - 01);
    let mut patient = child(date!(2020 - 09 - 14), &[(on, 3), (on, 9999)]);
    patient.doses[0].lot_expires_on = Some(date!(2021 - 09 - 30));
    assert_eq!(assess(schedule(), &patient, on).unknown_vaccines, [1]);
    let (status, reasons) = verdict(&patient, on, "Measles", 0);
    assert_eq!((status, reasons), (EvaluationStatus::SubStandard, vec![Reason::LotExpired(date!(2021 - 09 - 30))]));
}

fn history() -> impl Strategy<Value = Patient> {
    let vaccines: Vec<u16> = schedule().vaccines.keys().copied().collect();
    let dose = (0_i64..30_000, proptest::sample::select(vaccines));
    (0_i64..40_000, proptest::collection::vec(dose, 0..25)).prop_map(|(birth, doses)| {
        let birth = date!(1920 - 01 - 01) + Duration::days(birth);
        let doses = doses.into_iter().map(|(after, cvx)| Dose::new(birth + Duration::days(after), cvx)).collect();
        Patient { birth, gender: Gender::Male, birth_country: None, observations: vec![], doses }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_history_gets_an_answer_that_holds_together(patient in history(), after in 0_i64..35_000) {
        let on = patient.birth + Duration::days(after);
        let assessment = assess(schedule(), &patient, on);
        prop_assert_eq!(&assessment, &assess(schedule(), &patient, on));
        for outcome in &assessment.series {
            let satisfied = outcome.targets.iter().filter(|t| t.status == TargetStatus::Satisfied).count();
            let valid = outcome.evaluations.iter().filter(|e| e.status == EvaluationStatus::Valid).count();
            prop_assert_eq!(satisfied, valid, "{}", outcome.series);
            prop_assert!(outcome.kind != SeriesKind::Risk, "no observation, no risk series");
            for evaluation in outcome.evaluations.iter().filter(|e| e.status != EvaluationStatus::Valid) {
                prop_assert!(!evaluation.reasons.is_empty(), "a dose that does not count says why");
            }
            let forecast = &outcome.forecast;
            prop_assert_eq!(forecast.earliest.is_some(), forecast.status == Status::NotComplete);
            prop_assert!(forecast.recommended >= forecast.earliest);
            prop_assert!(forecast.past_due.is_none_or(|late| Some(late) >= forecast.earliest));
        }
    }

    #[test]
    fn the_order_in_which_doses_are_known_does_not_matter(patient in history()) {
        let on = patient.birth + Duration::days(20_000);
        let mut days: Vec<Date> = patient.doses.iter().map(|d| d.on).collect();
        days.sort_unstable();
        prop_assume!(days.windows(2).all(|w| w[0] != w[1]));
        let mut turned = patient.clone();
        turned.doses.reverse();
        let (one, other) = (assess(schedule(), &patient, on), assess(schedule(), &turned, on));
        prop_assert_eq!(&one.groups, &other.groups);
    }
}
