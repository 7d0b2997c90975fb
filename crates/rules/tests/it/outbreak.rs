//! Bounds and alarms of the R package `surveillance` and of published formulas, and what detection is good for on series with
//! known outbreaks.

use super::support::{data, keep};
use salus_rules::conformance::outbreak;

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
    assert!(outbreak::first_week("a=monday").is_err() && outbreak::first_week("a=2004-01-05").is_ok());
}
