//! Visits to the clinics of the demonstration district: a year of them (or its last weeks) with the shape of weekdays and seasons, the
//! symptoms they tell of, two students in each clinic now, and two outbreaks: vomiting in one room of the first school from the
//! fifth school day before the day of loading, influenza in the sixth grade from the eighth. Loaded on the second of March 2026, the
//! day for which the specification names the dates, the first begins on its 23rd of February.

use super::{
    calendar::{at, bells, delayed, offset, school_days, school_year},
    district::Scale,
    people::SEED,
    places::{Pupil, School},
    random::Random,
    rows::Rows,
    students::WHOLE,
};
use salus_core::{Error, Result};
use salus_rules::class_time::missed;
use serde_json::json;
use std::collections::BTreeSet;
use time::{Date, Duration, OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// Reasons by how often they occur.
const REASONS: [&str; 16] = [
    "STOMACH",
    "STOMACH",
    "STOMACH",
    "HEADACHE",
    "HEADACHE",
    "HEADACHE",
    "INJURY",
    "INJURY",
    "INJURY",
    "FEVER",
    "ASTHMA",
    "ANXIETY",
    "NOSEBLEED",
    "RASH",
    "DENTAL",
    "OTHER",
];
/// Visits of a day in parts of a hundred of the usual, Monday to Friday.
const WEEKDAYS: [usize; 5] = [122, 104, 96, 94, 84];
/// The same by month, January first; nobody comes in July.
const SEASONS: [usize; 12] = [124, 128, 112, 96, 90, 74, 0, 80, 95, 100, 106, 118];

/// Who falls ill, on each of the days that end with the last but one school day: the place of the room, and how many.
type Rooms = &'static [(usize, [usize; 13])];

/// Vomiting in the whole first school. By day it is the series of the specification (5.5: 2, 1, 3, 2, 0, 1, 2, 1, 2, and then 2, 3, 4, 7,
/// where C3 speaks before C2), by room from its tenth day on the scan of rooms with 1, 7, 1, 0, 2 and 1 cases, of which Room 12 has
/// seven.
const VOMITING: Rooms = &[
    (0, [1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0]),
    (2, [0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0]),
    (4, [0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0]),
    (6, [1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1]),
    (18, [0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0]),
    (10, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
    (11, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3]),
    (12, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]),
    (14, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]),
    (15, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
];
/// The same in a school of two rooms, on its last four school days.
const VOMITING_SMALL: Rooms = &[(0, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 1])];
/// Influenza in the sixth grade on each of the last eight school days.
const INFLUENZA: [usize; 8] = [2, 3, 5, 6, 8, 6, 4, 3];

/// Why somebody comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    Usual,
    Vomiting,
    Influenza,
}

/// Visits of a school: those that ended, and two students who are there now.
pub(super) fn fill(
    rows: &mut Rows,
    number: usize,
    school: &School,
    (scale, now): (&Scale, OffsetDateTime),
) -> Result<()> {
    let mut random = Random::new(SEED, 2_000_000 + number as u64);
    let today = now.to_offset(offset(now.date())).date();
    let days = school_days(today, scale.days);
    let ill = outbreaks(&mut random, number, school, scale);
    let special: usize = ill.iter().map(|(_, who, _)| who.len()).sum();
    let share = |schools: usize| scale.visits * schools / 4;
    let routine = share(number + 1) - share(number) - special - WAITING.len();
    let counts = shaped(&mut random, &days, routine);
    let (began, fog) = (school_year(today).0, delayed(today));
    for ((place, day), usual) in days.iter().enumerate().zip(counts) {
        let left = days.len() - place;
        let mut came: Vec<(Uuid, Why)> = Vec::new();
        for (_, who, why) in ill.iter().filter(|(ago, ..)| *ago == left) {
            came.extend(who.iter().map(|id| (*id, *why)));
        }
        let mut seen: BTreeSet<Uuid> = came.iter().map(|(id, _)| *id).collect();
        // Who is in a school's lowest grade now was elsewhere last year.
        let there: Vec<Uuid> = school.students.iter().filter(|s| *day >= began || s.grade > 0).map(|s| s.id).collect();
        for _ in 0..usual {
            let id = loop {
                let id = *random.pick(&there);
                if seen.insert(id) || seen.len() >= there.len() {
                    break id;
                }
            };
            came.push((id, Why::Usual));
        }
        day_of_visits(rows, &mut random, (school.id, *day, fog == Some(*day)), (&came, scale))?;
    }
    let text = |at: OffsetDateTime| at.to_offset(UtcOffset::UTC).format(&Rfc3339).map_err(Error::internal);
    for (n, (student, ago)) in school.students.iter().zip(WAITING).enumerate() {
        rows.add(
            "school.clinic_visits",
            json!({"student_id": student.id, "school_id": school.id, "visit_number": n + 1, "visit_on": today.to_string(),
                   "check_in_at": text(now - Duration::minutes(ago))?, "chief_complaint_code": REASONS[n * 6],
                   "arrived_from": "CLASS"}),
        );
    }
    Ok(())
}

/// For how many minutes those have been in the clinic who are there now.
const WAITING: [i64; 2] = [47, 12];

/// So many visits, shared out among days by weekday and season, with some chance.
fn shaped(random: &mut Random, days: &[Date], visits: usize) -> Vec<usize> {
    let weight = |day: &Date, random: &mut Random| {
        let weekday = usize::from(day.weekday().number_days_from_monday()).min(4);
        let chance = usize::try_from(random.between(70, 130)).unwrap_or(100);
        WEEKDAYS[weekday] * SEASONS[usize::from(day.month() as u8) - 1] * chance
    };
    let weights: Vec<usize> = days.iter().map(|day| weight(day, random)).collect();
    let all: usize = weights.iter().sum::<usize>().max(1);
    let (mut sum, mut given) = (0, 0);
    let share = |weight: usize| {
        sum += weight;
        let until = visits * sum / all;
        let own = until - given;
        given = until;
        own
    };
    weights.into_iter().map(share).collect()
}

/// Who falls ill in the outbreaks of a school, how many school days before today, and of what. Nobody twice.
fn outbreaks(random: &mut Random, number: usize, school: &School, scale: &Scale) -> Vec<(usize, Vec<Uuid>, Why)> {
    let mut found = Vec::new();
    let is_whole = scale.students == WHOLE;
    // In the whole school the last day was quiet again.
    let (rooms, quiet) = if is_whole { (VOMITING, 1) } else { (VOMITING_SMALL, 0) };
    for (room, counts) in rooms.iter().filter(|_| number == 0) {
        let mut pupils = picked(random, school, &|s| s.room == *room);
        for (day, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let who = pupils.by_ref().take(*count).collect();
            found.push((counts.len() - day + quiet, who, Why::Vomiting));
        }
    }
    if number == 2 {
        let mut pupils = picked(random, school, &|s| s.grade == 0);
        let mut sum = 0;
        for (day, count) in INFLUENZA.into_iter().enumerate() {
            let before = sum * scale.students / WHOLE;
            sum += count;
            let who = pupils.by_ref().take(sum * scale.students / WHOLE - before).collect();
            found.push((INFLUENZA.len() - day, who, Why::Influenza));
        }
    }
    found
}

fn picked(random: &mut Random, school: &School, which: &dyn Fn(&Pupil) -> bool) -> impl Iterator<Item = Uuid> + use<> {
    let own: Vec<Uuid> = school.students.iter().filter(|s| which(s)).map(|s| s.id).collect();
    let order = random.shuffled(own.len());
    order.into_iter().map(move |at| own[at])
}

/// The visits of a school's day, one after the other.
fn day_of_visits(
    rows: &mut Rows,
    random: &mut Random,
    (school, day, is_late): (Uuid, Date, bool),
    (came, scale): (&[(Uuid, Why)], &Scale),
) -> Result<()> {
    let opens = at(day, if is_late { 10 } else { 8 }, 35);
    let span: i64 = if is_late { 220 } else { 340 };
    let count = i64::try_from(came.len()).unwrap_or(1).max(1);
    for (n, (student, why)) in (0..).zip(came) {
        let from = opens + Duration::minutes(n * span / count + i64::from(random.between(0, 12)));
        let long = i64::from(random.between(4, 35));
        let reason = match why {
            Why::Usual => *random.pick(&REASONS),
            Why::Vomiting => "STOMACH",
            Why::Influenza => "FEVER",
        };
        // Some vomit in every week; not in the school of the outbreak, whose counts are given, nor where few are.
        let vomits = reason == "STOMACH" && random.chance(12) && scale.students == WHOLE && school != scale.outbreak;
        let (symptoms, syndrome): (&[&str], _) = match why {
            Why::Vomiting => (&["VOMITING", "STOMACH_ACHE"], Some("GI")),
            _ if reason == "FEVER" => (&["FEVER", "COUGH"], Some("ILI")),
            _ if vomits => (&["VOMITING"], Some("GI")),
            _ => (&[], None),
        };
        let home = syndrome.is_some() || random.chance(9);
        let number = i32::try_from(n + 1).map_err(Error::internal)?;
        let came =
            Came { student: *student, from, to: from + Duration::minutes(long), reason, symptoms, syndrome, home };
        visit(rows, (school, number, is_late), &came)?;
    }
    Ok(())
}

/// A visit that has ended.
struct Came<'a> {
    student: Uuid,
    from: OffsetDateTime,
    to: OffsetDateTime,
    reason: &'a str,
    symptoms: &'a [&'a str],
    /// What the symptoms make.
    syndrome: Option<&'a str>,
    home: bool,
}

fn visit(rows: &mut Rows, (school, number, is_late): (Uuid, i32, bool), came: &Came<'_>) -> Result<()> {
    let text = |at: OffsetDateTime| at.to_offset(UtcOffset::UTC).format(&Rfc3339).map_err(Error::internal);
    let day = came.from.date();
    let class = missed(&bells(day, is_late), came.from, came.to, Duration::ZERO, came.home);
    let visit = rows.add(
        "school.clinic_visits",
        json!({"student_id": came.student, "school_id": school, "visit_number": number, "visit_on": day.to_string(),
               "check_in_at": text(came.from)?, "check_out_at": text(came.to)?, "chief_complaint_code": came.reason,
               "arrived_from": "CLASS", "symptoms": came.symptoms,
               "disposition": if came.home { "SENT_HOME" } else { "RETURN_TO_CLASS" }, "status": "CLOSED",
               "class_minutes_missed": class.minutes, "periods_missed": class.periods}),
    );
    if let Some(syndrome) = came.syndrome {
        rows.add(
            "school.symptom_tracking",
            json!({"student_id": came.student, "school_id": school, "visit_id": visit, "onset_on": day.to_string(),
                   "reported_at": text(came.from)?, "source": "VISIT", "symptoms": came.symptoms, "syndrome": syndrome}),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn the_counts_of_the_outbreak_are_those_of_the_specification() {
        let by_day: Vec<usize> = (0..13).map(|day| VOMITING.iter().map(|(_, counts)| counts[day]).sum()).collect();
        assert_eq!(by_day, [2, 1, 3, 2, 0, 1, 2, 1, 2, 2, 3, 4, 7]);
        let since = |room: usize| -> usize {
            VOMITING.iter().filter(|(at, _)| *at == room).flat_map(|(_, counts)| &counts[9..]).sum()
        };
        assert_eq!((10..16).map(since).collect::<Vec<_>>(), [1, 7, 1, 0, 2, 1]);
    }

    #[test]
    fn visits_have_the_shape_of_weekdays_and_seasons_and_their_number() {
        let days = school_days(date!(2026 - 03 - 02), 180);
        let counts = shaped(&mut Random::new(SEED, 1), &days, 9_000);
        assert_eq!(counts.iter().sum::<usize>(), 9_000);
        let mean = |which: &dyn Fn(&Date) -> bool| {
            let own: Vec<usize> = days.iter().zip(&counts).filter(|(day, _)| which(day)).map(|(_, n)| *n).collect();
            own.iter().sum::<usize>() * 100 / own.len()
        };
        let monday = mean(&|d| d.weekday() == time::Weekday::Monday);
        assert!(monday > mean(&|d| d.weekday() == time::Weekday::Friday) * 12 / 10);
        let of = |month: time::Month| mean(&move |d: &Date| d.month() == month);
        assert!(
            of(time::Month::February) > of(time::Month::September)
                && of(time::Month::September) > of(time::Month::August)
        );
        assert!(days.iter().all(|d| *d < date!(2026 - 03 - 02)));
    }
}
