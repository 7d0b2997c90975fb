//! Where the demonstration district's students go: four schools with coordinates, bells and calendar, homerooms and buses.

use super::{
    calendar::{Bell, DELAYED, REGULAR, delayed, is_school, school_year},
    rows::{Rows, later},
};
use serde_json::json;
use time::{Date, Weekday};
use uuid::Uuid;

/// Name, grades, and where it would stand.
type Described = (&'static str, &'static [&'static str], (f64, f64));

/// The schools.
pub(super) const SCHOOLS: [Described; 4] = [
    ("Larkspur Elementary", &["TK", "K", "1", "2", "3", "4", "5"], (38.5512, -121.7405)),
    ("Quailrun Elementary", &["TK", "K", "1", "2", "3", "4", "5"], (38.5731, -121.7188)),
    ("Manzanita Middle", &["6", "7", "8"], (38.5589, -121.7263)),
    ("Ridgeline High", &["9", "10", "11", "12"], (38.5426, -121.6951)),
];

/// A school as far as it is made.
pub(super) struct School {
    pub(super) id: Uuid,
    pub(super) unit: Uuid,
    pub(super) rooms: Vec<Uuid>,
    pub(super) buses: Vec<Uuid>,
    pub(super) students: Vec<Pupil>,
}

/// A student as visits and medication see them.
#[derive(Clone, Copy)]
pub(super) struct Pupil {
    pub(super) id: Uuid,
    /// The place of the homeroom among those of the school.
    pub(super) room: usize,
    /// The place of the grade among those of the school.
    pub(super) grade: usize,
}

/// Schools with units, bells, calendar, homerooms and buses, so many of each at a school. The calendar begins with the school year in which
/// `since` lies.
pub(super) fn places(rows: &mut Rows, (since, today): (Date, Date), (rooms, buses): (usize, usize)) -> Vec<School> {
    let mut year_of = |day: Date| {
        let (from, to) = school_year(day);
        let name = format!("{}-{:02}", from.year(), to.year() % 100);
        rows.add("school.school_years", json!({"name": name, "starts_on": from.to_string(), "ends_on": to.to_string()}))
    };
    if school_year(since) != school_year(today) {
        year_of(since);
    }
    let year = year_of(today);
    let school = |(n, (name, grades, place)): (usize, &Described)| {
        let zone = "America/Los_Angeles";
        let unit = rows.add("auth.organizations", json!({"kind": "school", "name": name, "timezone": zone}));
        let id = rows.add(
            "school.schools",
            json!({"organization_id": unit, "name": name, "timezone": zone, "grades": grades, "latitude": place.0,
                   "longitude": place.1, "nces_id": format!("0600000{n:05}"), "nurse_hours_per_week": 30}),
        );
        calendar(rows, id, (since, today));
        let mut groups = |kind: &str, word: &str, count: usize| -> Vec<Uuid> {
            let group = |k: usize| {
                let name = format!("{word} {}", n * count + k + 1);
                rows.add(
                    "school.class_groups",
                    json!({"school_id": id, "school_year_id": year, "kind": kind, "name": name}),
                )
            };
            (0..count).map(group).collect()
        };
        let (rooms, buses) = (groups("HOMEROOM", "Room", rooms), groups("BUS", "Bus", buses));
        School { id, unit, rooms, buses, students: Vec::new() }
    };
    SCHOOLS.iter().enumerate().map(school).collect()
}

/// The orders of the bells of a school and what each weekday of its years is.
fn calendar(rows: &mut Rows, school: Uuid, (since, today): (Date, Date)) {
    let regular = schedule(rows, school, "Regular", &REGULAR);
    let late = schedule(rows, school, "Two-hour delay", &DELAYED);
    let fog = delayed(today);
    let (mut day, last) = (school_year(since).0, school_year(today).1);
    while day <= last {
        let (begins, ends) = school_year(day);
        if (begins..=ends).contains(&day) && !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
            let (school_day, delay) = (is_school(day), fog == Some(day));
            rows.add(
                "school.calendar_days",
                json!({"school_id": school, "day": day.to_string(), "is_instructional": school_day,
                       "schedule_id": school_day.then_some(if delay { late } else { regular }),
                       "note": delay.then_some("Fog: school begins two hours late")}),
            );
        }
        day = later(day, 1);
    }
}

fn schedule(rows: &mut Rows, school: Uuid, name: &str, bells: &[Bell]) -> Uuid {
    let schedule = rows.add("school.bell_schedules", json!({"school_id": school, "name": name}));
    for (name, kind, starts, ends) in bells {
        let clock = |(h, m): (u8, u8)| format!("{h:02}:{m:02}");
        rows.add(
            "school.bell_periods",
            json!({"schedule_id": schedule, "name": name, "kind": kind, "starts_at": clock(*starts), "ends_at": clock(*ends)}),
        );
    }
    schedule
}
