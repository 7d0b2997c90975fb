//! Bounds and alarms of the R package `surveillance` and of published formulas, and what detection is good for on series with
//! known outbreaks.

use super::support::{data, keep};
use proptest::prelude::*;
use salus_rules::{
    conformance::outbreak,
    outbreak::{
        Bound,
        cusum::{self, Standardized},
        ears,
        farrington::{Calendar, Settings, week},
        rki,
    },
};
use std::collections::BTreeMap;

#[test]
fn no_score_of_the_reference_alarms_falls() {
    keep(&outbreak::ears(&data("outbreak-ears/ears_reference.csv")).unwrap());
    let labelled = data("outbreak-ears/labelled_series.csv");
    keep(&outbreak::cusum_rki(&data("outbreak-ears/cusum_rki_reference.csv"), Some(&labelled)).unwrap());
    keep(&outbreak::farrington(&data("outbreak-ears/farrington_reference.csv"), &[]).unwrap());
}

#[test]
fn a_bound_that_differs_in_the_ninth_digit_is_a_failure() {
    let table = String::from_utf8(data("outbreak-ears/ears_reference.csv")).unwrap();
    let wrong = table.replacen("254.695031793", "254.695032793", 1);
    assert_ne!(wrong, table);
    let (right, wrong) = (outbreak::ears(table.as_bytes()).unwrap(), outbreak::ears(wrong.as_bytes()).unwrap());
    assert_eq!((right.passed, right.failed.len()), (wrong.passed + 1, wrong.failed.len() - 1));
    assert!(outbreak::ears(b"series,t,observed\na,1,x\n").unwrap_err().to_string().contains("observed holds 'x'"));
    assert!(outbreak::ears(b"a,b\n1,2\n").unwrap_err().to_string().contains("the column series is missing"));
    assert!(outbreak::first_week("a=monday").is_err() && outbreak::first_week("a=2004-01-05").is_ok());
}

/// Rows of a table by their columns.
fn rows(path: &str) -> Vec<BTreeMap<String, String>> {
    let bytes = data(path);
    csv::Reader::from_reader(bytes.as_slice()).deserialize().map(Result::unwrap).collect()
}

/// True and false alarms, silences that are right, and outbreaks that were missed, from the 60th point on.
fn confusion(bounds: &[Option<Bound>], outbreak: &[bool]) -> [usize; 4] {
    let mut found = [0; 4];
    for (bound, outbreak) in bounds.iter().zip(outbreak).skip(59) {
        let alarm = bound.is_some_and(|b| b.alarm);
        found[match (alarm, *outbreak) {
            (true, true) => 0,
            (true, false) => 1,
            (false, false) => 2,
            (false, true) => 3,
        }] += 1;
    }
    found
}

#[test]
fn known_outbreaks_are_found_as_often_as_the_reference_finds_them() {
    let mut series: BTreeMap<String, (Vec<u32>, Vec<bool>)> = BTreeMap::new();
    for row in rows("outbreak-ears/labelled_series.csv") {
        let (counts, outbreak) = series.entry(row["series"].clone()).or_default();
        counts.push(row["observed"].parse().unwrap());
        outbreak.push(row["outbreak_state"] == "1");
    }
    let z3 = ears::z_of_alpha(0.001_349_898_031_630_093_3);
    let rule = |lag, sd_floor| ears::Rule { baseline: 7, lag, z: z3, sd_floor };
    let (mut compared, mut hits) = (0, 0);
    for row in rows("outbreak-ears/labelled_metrics.csv") {
        let (counts, outbreak) = &series[&row["series"]];
        let bounds = match row["method"].as_str() {
            "C1_z3" => ears::bounds(counts, rule(0, 0.0)),
            "C2_z3" => ears::bounds(counts, rule(2, 0.0)),
            "C2_z3_min1" => ears::bounds(counts, rule(2, 1.0)),
            "rki1" => rki::bounds(counts, rki::Rule::RKI1),
            "cusum" => cusum::bounds(counts, 59, (1.04, 2.26), Standardized::Rossi),
            other => panic!("{other} is not known"),
        };
        let expected = ["TP", "FP", "TN", "FN"].map(|column| row[column].parse::<usize>().unwrap());
        let found = confusion(&bounds, outbreak);
        assert_eq!(found, expected, "{} {}", row["series"], row["method"]);
        compared += 1;
        hits += found[0];
    }
    assert!(compared >= 150 && hits > 100, "{compared} compared, {hits} found");
}

proptest! {
    #[test]
    fn no_series_breaks_an_algorithm(counts in proptest::collection::vec(0_u32..5000, 0..300), at in 0_usize..300) {
        for rule in [ears::Rule::C1, ears::Rule::C2] {
            let bounds = ears::bounds(&counts, rule);
            prop_assert_eq!(bounds.len(), counts.len());
            prop_assert!(bounds.iter().flatten().all(|b| b.upper.is_finite() && b.upper >= 0.0));
        }
        prop_assert_eq!(rki::bounds(&counts, rki::Rule::RKI3).len(), counts.len());
        for how in [Standardized::Standard, Standardized::Rossi] {
            prop_assert!(cusum::bounds(&counts, 59, (1.04, 2.26), how).iter().flatten().all(|b| b.upper >= 0.0));
        }
        if at < counts.len() {
            let settings = Settings::noufaily(3, 3, 0.01);
            if let Some(found) = week(&counts, at, Calendar::Points(52), &settings) {
                prop_assert!(found.expected.is_finite() && found.dispersion >= 1.0 && found.bound.upper >= 0.0);
                prop_assert_eq!(found.bound.alarm, f64::from(counts[at]) > found.bound.upper);
            }
        }
    }

    #[test]
    fn more_cases_today_never_silence_an_alarm(counts in proptest::collection::vec(0_u32..30, 30..60), more in 1_u32..50) {
        let mut higher = counts.clone();
        *higher.last_mut().unwrap() += more;
        let alarm = |counts: &[u32], rule| ears::bounds(counts, rule).last().unwrap().unwrap().alarm;
        for rule in [ears::Rule::C1, ears::Rule::C2] {
            prop_assert!(alarm(&higher, rule) || !alarm(&counts, rule));
        }
    }
}
