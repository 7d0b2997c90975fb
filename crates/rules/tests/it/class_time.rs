//! Class missed, by the bells of the day; frequent visitors.

use salus_rules::class_time::{Often, Period, SchoolDay, frequent, missed};
use time::{Date, Duration, OffsetDateTime, macros::date, macros::datetime};

fn day(lessons: &[(&str, OffsetDateTime, OffsetDateTime, bool)]) -> SchoolDay {
    SchoolDay::Bells(
        lessons
            .iter()
            .map(|(name, starts, ends, is_class)| Period {
                name: (*name).to_owned(),
                starts: *starts,
                ends: *ends,
                is_class: *is_class,
            })
            .collect(),
    )
}

fn two_lessons() -> SchoolDay {
    day(&[
        ("1", datetime!(2026-03-02 17:00 UTC), datetime!(2026-03-02 17:55 UTC), true),
        ("way", datetime!(2026-03-02 17:55 UTC), datetime!(2026-03-02 18:00 UTC), false),
        ("2", datetime!(2026-03-02 18:00 UTC), datetime!(2026-03-02 18:55 UTC), true),
        ("lunch", datetime!(2026-03-02 18:55 UTC), datetime!(2026-03-02 19:30 UTC), false),
        ("3", datetime!(2026-03-02 19:30 UTC), datetime!(2026-03-02 20:25 UTC), true),
    ])
}

#[test]
fn the_way_between_rooms_is_no_class() {
    // The example of the specification: periods 09:00 to 09:55 and 10:00 to 10:55, visit 09:50 to 10:25.
    let (from, to) = (datetime!(2026-03-02 17:50 UTC), datetime!(2026-03-02 18:25 UTC));
    let all = missed(&two_lessons(), from, to, Duration::ZERO, false);
    assert_eq!((all.minutes, all.estimated), (30, false));
    let parts: Vec<(&str, u32)> = all.periods.iter().map(|p| (p.name.as_str(), p.minutes)).collect();
    assert_eq!(parts, [("1", 5), ("2", 25)]);
    assert_eq!(missed(&two_lessons(), from, to, Duration::minutes(2), false).minutes, 34);
}

#[test]
fn who_goes_home_misses_the_rest_of_the_day() {
    let (from, to) = (datetime!(2026-03-02 18:30 UTC), datetime!(2026-03-02 18:40 UTC));
    assert_eq!(missed(&two_lessons(), from, to, Duration::ZERO, true).minutes, 25 + 55);
    assert_eq!(missed(&two_lessons(), from, to, Duration::ZERO, false).minutes, 10);
}

#[test]
fn lunch_counts_nothing_and_a_holiday_counts_nothing() {
    let (from, to) = (datetime!(2026-03-02 19:00 UTC), datetime!(2026-03-02 19:30 UTC));
    assert_eq!(missed(&two_lessons(), from, to, Duration::ZERO, false).minutes, 0);
    assert_eq!(missed(&SchoolDay::NoSchool, from, to, Duration::ZERO, true).minutes, 0);
}

#[test]
fn without_bells_the_whole_time_is_counted_and_marked() {
    let (from, to) = (datetime!(2026-03-02 19:00 UTC), datetime!(2026-03-02 19:41:31 UTC));
    let all = missed(&SchoolDay::Unknown, from, to, Duration::ZERO, false);
    assert_eq!((all.minutes, all.estimated), (42, true));
}

#[test]
fn an_hour_that_the_clocks_skip_is_not_missed() {
    // In Los Angeles 2026-03-08 has no 02:30: from 01:30 to 03:30 local time is one hour.
    let lesson = [("night school", datetime!(2026-03-08 01:30 -8), datetime!(2026-03-08 03:30 -7), true)];
    let all = missed(&day(&lesson), lesson[0].1, lesson[0].2, Duration::ZERO, false);
    assert_eq!(all.minutes, 60);
}

#[test]
fn three_in_a_week_six_in_a_month_or_far_above_the_others() {
    let today = date!(2026 - 03 - 31);
    let ago = |days: i64| today - Duration::days(days);
    let mut visits: Vec<(u32, Date)> = (0..3).map(|d| (1, ago(d * 3))).collect();
    visits.extend((0..6).map(|d| (2, ago(5 * d))));
    visits.extend((0..2).map(|d| (3, ago(10 + d))));
    visits.push((4, ago(30)));
    visits.push((5, today + Duration::days(1)));
    visits.extend((10..40).map(|person| (person, ago(3))));
    let found = frequent(&visits, today);
    assert_eq!(found.iter().map(|f| (f.person, f.visits)).collect::<Vec<_>>(), [(2, 6), (1, 3)]);
    assert_eq!(found[0].why, [Often::SixInAMonth, Often::AboveTheSchool]);
    assert!(found[1].why.contains(&Often::ThreeInAWeek));
    assert_eq!(frequent::<u32>(&[], today), []);
}
