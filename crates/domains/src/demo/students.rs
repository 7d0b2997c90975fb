//! The demonstration district's students: who of them has what is dealt out beforehand, so that counts are exact and not left to the
//! dice; then each with guardians, number, enrolment, homeroom, bus, doses and plan.

use super::{
    calendar::school_year,
    names::{STREETS, TOWNS, Tongue},
    people::{SEED, phone},
    places::{Pupil, SCHOOLS, School},
    random::Random,
    rows::{Rows, later},
    tongues::spoken,
    vaccines::{self, Fate},
};
use crate::medical;
use salus_core::{Error, Result};
use serde_json::{Value, json};
use time::Date;
use uuid::Uuid;

const SUBSTANCES: [&str; 6] = ["Peanut", "Egg", "Cow's milk", "Bee venom", "Penicillin", "Latex"];
const PLANS: [&str; 5] = ["ASTHMA", "ANAPHYLAXIS", "DIABETES", "SEIZURE", "IHP"];

/// Students of the whole district, of whom counts are given.
pub(super) const WHOLE: usize = 1450;
/// Of so many students a court says that one guardian may not be told (6 %), of the next so many both have custody and live apart (3 %).
const COURT: usize = 87;
const SHARED_CUSTODY: usize = 44;
/// Students with a health plan, and with an individualized education program.
const HEALTH_PLANS: usize = 40;
const IEPS: usize = 220;
/// Pupils of rooms that stand beside one another in the whole first school, from Room 11 on, as the specification's scan has them.
const ROOMS_FROM_11: [usize; 6] = [24, 26, 25, 22, 27, 26];

/// What was dealt to a student.
pub(super) struct Dealt {
    number: usize,
    pub(super) school: usize,
    grade: usize,
    room: usize,
    is_girl: bool,
    tongue: &'static Tongue,
    custody: Custody,
    has_iep: bool,
    plan: Option<&'static str>,
    fate: Fate,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Custody {
    Both,
    /// One of them may not be told.
    Court,
    /// Both, in two homes.
    Shared,
}

/// Deals out what students have: each of `all` gets a place in the whole district, anew for every thing that is dealt.
pub(super) fn deal(all: usize, rooms: usize) -> Vec<Dealt> {
    let places = |topic: u64| {
        let mut places = vec![0; all];
        for (place, student) in Random::new(SEED, 4_000_000 + topic).shuffled(all).into_iter().enumerate() {
            places[student] = place * WHOLE / all;
        }
        places
    };
    let (tongues, custody, ieps, plans, doses) = (places(1), places(2), places(3), places(4), places(5));
    let student = |number: usize| {
        let mut random = Random::new(SEED, 1_000_000 + number as u64);
        let school = number % SCHOOLS.len();
        Dealt {
            number,
            school,
            is_girl: random.chance(50),
            grade: random.below(SCHOOLS[school].1.len()),
            room: 0,
            tongue: spoken(tongues[number]),
            custody: match custody[number] {
                0..COURT => Custody::Court,
                place if place < COURT + SHARED_CUSTODY => Custody::Shared,
                _ => Custody::Both,
            },
            has_iep: ieps[number] < IEPS,
            plan: (plans[number] < HEALTH_PLANS).then(|| PLANS[plans[number] % PLANS.len()]),
            fate: Fate::of(doses[number]),
        }
    };
    let mut dealt: Vec<Dealt> = (0..all).map(student).collect();
    for school in 0..SCHOOLS.len() {
        // Rooms hold neighbouring grades.
        let mut own: Vec<&mut Dealt> = dealt.iter_mut().filter(|d| d.school == school).collect();
        own.sort_by_key(|d| (d.grade, d.number));
        let sizes = room_sizes(own.len(), rooms, school == 0 && all == WHOLE);
        let seats = sizes.into_iter().enumerate().flat_map(|(room, size)| std::iter::repeat_n(room, size));
        for (student, room) in own.into_iter().zip(seats) {
            student.room = room;
        }
    }
    dealt
}

/// How many sit in each room: alike, but for those whose number is given.
fn room_sizes(students: usize, rooms: usize, has_given: bool) -> Vec<usize> {
    let given: &[usize] = if has_given { &ROOMS_FROM_11 } else { &[] };
    let (rest, others) = (students - given.iter().sum::<usize>(), rooms - given.len());
    let mut sizes: Vec<usize> = (0..others).map(|k| rest / others + usize::from(k < rest % others)).collect();
    let at = 10.min(others);
    sizes.splice(at..at, given.iter().copied());
    sizes
}

/// A student with guardians, number, enrolments, homeroom, bus, doses, and perhaps an allergy and a plan.
pub(super) fn student(rows: &mut Rows, dealt: &Dealt, school: &School, (since, today): (Date, Date)) -> Result<Pupil> {
    let number = dealt.number;
    let mut random = Random::new(SEED, 5_000_000 + number as u64);
    let grade = SCHOOLS[dealt.school].1[dealt.grade];
    let age = match grade {
        "TK" => 4,
        "K" => 5,
        other => other.parse::<i32>().unwrap_or(6) + 5,
    };
    let birth = later(today, -(age * 365 + random.between(30, 330)));
    let family = *random.pick(dealt.tongue.families);
    let given = *random.pick(if dealt.is_girl { dealt.tongue.women } else { dealt.tongue.men });
    let Value::Object(mut values) = json!({
        "family_name": family, "given_names": given, "birth_date": birth.to_string(),
        "sex": if dealt.is_girl { "F" } else { "M" }, "preferred_language": dealt.tongue.tag, "record_regime": "FERPA",
    }) else {
        return Err(Error::internal("a patient is an object"));
    };
    medical::derive_patient(&mut values, today)?;
    let id = rows.add("medical.patients", Value::Object(values));
    guardians(rows, &mut random, id, (dealt, family));
    enrolled(rows, &mut random, id, (dealt, school, grade), (since, today));
    let began = school_year(today).0;
    if random.chance(9) {
        let substance = *random.pick(&SUBSTANCES);
        rows.add(
            "records.allergies",
            json!({"patient_id": id, "recorded_at": format!("{began}T18:00:00Z"), "verification": "PATIENT_REPORTED",
                   "source_kind": "MANUAL", "clinical_status": "ACTIVE", "substance": substance}),
        );
    }
    vaccines::doses(rows, &mut Random::new(SEED, 3_000_000 + number as u64), (id, dealt.fate), (birth, today));
    if let Some(kind) = dealt.plan {
        rows.add(
            "school.student_health_plans",
            json!({"student_id": id, "kind": kind, "body": "Follow the action plan in the clinic's binder.",
                   "review_due_on": later(began, 330).to_string()}),
        );
    }
    Ok(Pupil { id, room: dealt.room, grade: dealt.grade })
}

/// Number, enrolments, room and bus of a student. Who is not in the lowest grade of a school was there the year before, which is told
/// of when visits go back so far.
fn enrolled(
    rows: &mut Rows,
    random: &mut Random,
    id: Uuid,
    (dealt, school, grade): (&Dealt, &School, &str),
    (since, today): (Date, Date),
) {
    rows.add(
        "school.student_profiles",
        json!({"patient_id": id, "student_number": format!("{}", 200_000 + dealt.number), "school_id": school.id,
               "grade": grade, "homeroom_id": school.rooms[dealt.room], "has_iep": dealt.has_iep,
               "has_504_plan": random.chance(4)}),
    );
    let (began, before) = (school_year(today).0, school_year(since));
    if before.0 < began && dealt.grade > 0 {
        let grade = SCHOOLS[dealt.school].1[dealt.grade - 1];
        rows.add(
            "school.student_enrollments",
            json!({"patient_id": id, "school_id": school.id, "grade": grade, "enrolled_on": before.0.to_string(),
                   "exited_on": before.1.to_string()}),
        );
    }
    rows.add(
        "school.student_enrollments",
        json!({"patient_id": id, "school_id": school.id, "grade": grade, "enrolled_on": began.to_string()}),
    );
    let bus = school.buses[dealt.number / SCHOOLS.len() % school.buses.len()];
    rows.add(
        "school.class_memberships",
        json!({"patient_id": id, "class_group_id": bus, "joined_on": began.to_string()}),
    );
    rows.add(
        "auth.person_units",
        json!({"patient_id": id, "organization_id": school.unit, "valid_from": began.to_string()}),
    );
}

/// Two guardians; of some a court says that they may not be told, and some share custody from two homes.
fn guardians(rows: &mut Rows, random: &mut Random, id: Uuid, (dealt, family): (&Dealt, &str)) {
    for (n, relationship) in ["MTH", "FTH"].into_iter().enumerate() {
        let names = if n == 0 { dealt.tongue.women } else { dealt.tongue.men };
        let barred = n == 1 && dealt.custody == Custody::Court;
        let court = barred.then_some("No contact by order of the court; see the office");
        let own_home = (dealt.custody == Custody::Shared).then(|| {
            let (town, _) = TOWNS[n];
            format!("{} {}, {town}", random.between(3, 2990), random.pick(STREETS))
        });
        rows.add(
            "medical.patient_contacts",
            json!({"patient_id": id, "name": format!("{} {family}", random.pick(names)), "relationship": relationship,
                   "phone": phone(random), "legal_custody": !barred, "may_pick_up": !barred,
                   "receives_health_info": !barred, "court_restriction": court, "priority": n + 1, "address": own_home,
                   "language": dealt.tongue.tag}),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_is_dealt_is_exact_and_in_proportion() {
        for (all, rooms, wanted) in
            [(WHOLE, 23, [87, 44, 220, 40, 22, 116, 44, 15, 14]), (120, 2, [8, 3, 19, 4, 2, 9, 4, 1, 1])]
        {
            let dealt = deal(all, rooms);
            let count = |f: &dyn Fn(&Dealt) -> bool| dealt.iter().filter(|d| f(d)).count();
            let found = [
                count(&|d| d.custody == Custody::Court),
                count(&|d| d.custody == Custody::Shared),
                count(&|d| d.has_iep),
                count(&|d| d.plan.is_some()),
                count(&|d| d.fate == Fate::Exempt),
                count(&|d| d.fate == Fate::Late),
                count(&|d| d.fate == Fate::Grace),
                count(&|d| d.fate == Fate::TooEarly),
                count(&|d| d.fate == Fate::Conflict),
            ];
            assert_eq!(found, wanted, "of {all}");
            let mut seats = BTreeMap::new();
            for student in &dealt {
                *seats.entry((student.school, student.room)).or_insert(0) += 1;
            }
            assert_eq!(seats.len(), rooms * 4);
            if all == WHOLE {
                let around: Vec<usize> = (10..16).map(|room| seats[&(0, room)]).collect();
                assert_eq!(around, ROOMS_FROM_11);
            }
        }
    }
}
