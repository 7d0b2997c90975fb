//! The demonstration district `larkspur`: four schools with their bells, calendar and homerooms, invented students with two
//! guardians each, allergies, health plans, medication, and the visits of the last school weeks. Made from one seed and the day of
//! loading; nobody in it exists.

use super::{
    Size, medicine,
    names::{ENGLISH, PORTUGUESE, SPANISH, Tongue},
    people::{SEED, phone},
    random::Random,
    rows::{Rows, later},
    vaccines,
};
use crate::{
    medical, row,
    school::{detect_outbreaks, immunization::import_requirements},
};
use salus_core::{Ctx, Error, Result};
use salus_rules::class_time::{Period, SchoolDay, missed};
use salus_store::{Db, Tx, sql};
use serde_json::{Value, json};
use time::{
    Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset, Weekday,
    format_description::well_known::Rfc3339,
};
use uuid::Uuid;

/// Schools and the grades they teach.
const SCHOOLS: [(&str, &[&str]); 4] = [
    ("Larkspur Elementary", &["TK", "K", "1", "2", "3", "4", "5"]),
    ("Quailrun Elementary", &["TK", "K", "1", "2", "3", "4", "5"]),
    ("Manzanita Middle", &["6", "7", "8"]),
    ("Ridgeline High", &["9", "10", "11", "12"]),
];
/// Name, kind, beginning and end of a period.
type Bell = (&'static str, &'static str, (u8, u8), (u8, u8));

/// The order of a regular day: name, kind, beginning, end.
const BELLS: [Bell; 9] = [
    ("Homeroom", "HOMEROOM", (8, 15), (8, 30)),
    ("1", "CLASS", (8, 30), (9, 25)),
    ("2", "CLASS", (9, 30), (10, 25)),
    ("Recess", "RECESS", (10, 25), (10, 40)),
    ("3", "CLASS", (10, 40), (11, 35)),
    ("Lunch", "LUNCH", (11, 35), (12, 15)),
    ("4", "CLASS", (12, 15), (13, 10)),
    ("5", "CLASS", (13, 15), (14, 10)),
    ("6", "CLASS", (14, 15), (15, 0)),
];
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
const SUBSTANCES: [&str; 6] = ["Peanut", "Egg", "Cow's milk", "Bee venom", "Penicillin", "Latex"];
const PLANS: [&str; 5] = ["ASTHMA", "ANAPHYLAXIS", "DIABETES", "SEIZURE", "IHP"];
/// Students of one transaction.
const TOGETHER: usize = 60;
/// School days with visits.
const VISIT_DAYS: usize = 30;

/// Students of a homeroom and of a bus, about.
const OF_ROOM: usize = 16;
const OF_BUS: usize = 52;
/// How many fall ill with vomiting in the first room of the first school, on each of the last school days.
const VOMITING: [usize; 4] = [1, 2, 3, 1];

struct School {
    id: Uuid,
    unit: Uuid,
    students: Vec<Uuid>,
    rooms: Vec<Uuid>,
    buses: Vec<Uuid>,
    /// Students of the first room.
    first_room: Vec<Uuid>,
}

/// Fills the district.
///
/// # Errors
/// Those of the database.
pub(super) async fn fill(db: &Db, tenant: Uuid, size: Size) -> Result<()> {
    let now = db.env().now();
    let today = now.to_offset(offset(now.date())).date();
    let mut rows = Rows::new(db.env());
    let all = match size {
        Size::Small => 120,
        Size::Full => 1450,
    };
    let mut schools = places(&mut rows, today, all / SCHOOLS.len());
    let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await?;
    rows.insert(&mut tx).await?;
    let staff = sql!(
        "SELECT u.user_id, r.name::text FROM auth.user_roles u JOIN auth.roles r ON r.id = u.role_id \
         WHERE r.name IN ('school_nurse', 'nurse_supervisor')"
    );
    let mut rows = Rows::new(db.env());
    for found in tx.query(staff, &[]).await? {
        let (user, role): (Uuid, String) = (found.get(0), found.get(1));
        let position = if role == "school_nurse" { "NURSE_RN" } else { "NURSE_SUPERVISOR" };
        // The nurse has three of the schools.
        for school in schools.iter().take(if role == "school_nurse" { 3 } else { 4 }) {
            let since = later(today, -200).to_string();
            rows.add(
                "school.school_staff",
                json!({"user_id": user, "school_id": school.id, "position": position, "started_on": since}),
            );
            rows.add("auth.user_units", json!({"user_id": user, "organization_id": school.unit, "valid_from": since}));
        }
    }
    rows.insert(&mut tx).await?;
    requirements(&mut tx).await?;
    tx.commit("kernel.demo.load", "school.schools").await?;

    for from in (0..all).step_by(TOGETHER) {
        let mut rows = Rows::new(db.env());
        for number in from..all.min(from + TOGETHER) {
            let at = number % SCHOOLS.len();
            let (student, room) = student(&mut rows, number, &schools[at], SCHOOLS[at].1, today)?;
            schools[at].students.push(student);
            if room == 0 {
                schools[at].first_room.push(student);
            }
        }
        let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await?;
        tx.query(sql!("DISCARD PLANS"), &[]).await?;
        rows.insert(&mut tx).await?;
        tx.commit("kernel.demo.load", "school.student_profiles").await?;
    }
    for (number, school) in schools.iter().enumerate() {
        let mut rows = Rows::new(db.env());
        visits(&mut rows, number as u64, school, now)?;
        medicine::fill(&mut rows, school.id, &school.students, now)?;
        let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await?;
        rows.insert(&mut tx).await?;
        tx.commit("kernel.demo.load", "school.clinic_visits").await?;
    }
    let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await?;
    detect_outbreaks(&mut tx).await?;
    tx.commit("kernel.demo.load", "school.outbreak_alerts").await
}

/// What California asks for, as the sample has it, approved by the supervisor.
async fn requirements(tx: &mut Tx) -> Result<()> {
    let list: Value =
        serde_json::from_str(include_str!("../../../../db/requirements/california.json")).map_err(Error::internal)?;
    import_requirements(tx, list).await?;
    let sql = sql!(
        "SELECT u.user_id FROM auth.user_roles u JOIN auth.roles r ON r.id = u.role_id WHERE r.name = 'nurse_supervisor' \
         ORDER BY u.user_id LIMIT 1"
    );
    let Some(found) = tx.query_opt(sql, &[]).await? else { return Ok(()) };
    let (by, at) = (found.get::<_, Uuid>(0), tx.ctx.env.now().format(&Rfc3339).map_err(Error::internal)?);
    let waiting = sql!("SELECT id FROM school.school_immunization_requirements WHERE approved_at IS NULL ORDER BY id");
    for requirement in tx.query(waiting, &[]).await? {
        let values = row(json!({"approved_by": by, "approved_at": at}));
        tx.update("school.school_immunization_requirements", requirement.get(0), None, values).await?;
    }
    Ok(())
}

/// Schools with units, bells, calendar, homerooms and buses, for about so many students each.
fn places(rows: &mut Rows, today: Date, students: usize) -> Vec<School> {
    let first = if today.month() as u8 >= 8 { today.year() } else { today.year() - 1 };
    let (begins, ends) = (day_of(first, Month::August, 17), day_of(first + 1, Month::June, 11));
    let name = format!("{first}-{:02}", (first + 1) % 100);
    let year = rows.add(
        "school.school_years",
        json!({"name": name, "starts_on": begins.to_string(), "ends_on": ends.to_string()}),
    );
    let mut schools = Vec::new();
    for (n, (name, grades)) in SCHOOLS.iter().enumerate() {
        let unit =
            rows.add("auth.organizations", json!({"kind": "school", "name": name, "timezone": "America/Los_Angeles"}));
        let id = rows.add(
            "school.schools",
            json!({"organization_id": unit, "name": name, "timezone": "America/Los_Angeles", "grades": grades,
                   "nces_id": format!("0600000{n:05}"), "nurse_hours_per_week": 30}),
        );
        let schedule = rows.add("school.bell_schedules", json!({"school_id": id, "name": "Regular"}));
        for (name, kind, starts, ends) in BELLS {
            let clock = |(h, m): (u8, u8)| format!("{h:02}:{m:02}");
            rows.add(
                "school.bell_periods",
                json!({"schedule_id": schedule, "name": name, "kind": kind, "starts_at": clock(starts), "ends_at": clock(ends)}),
            );
        }
        let mut day = begins;
        while day <= ends {
            if !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
                let school = is_school(day);
                rows.add(
                    "school.calendar_days",
                    json!({"school_id": id, "day": day.to_string(), "is_instructional": school,
                           "schedule_id": school.then_some(schedule)}),
                );
            }
            day = later(day, 1);
        }
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
        let rooms = groups("HOMEROOM", "Room", (students / OF_ROOM).max(2));
        let buses = groups("BUS", "Bus", (students / OF_BUS).max(2));
        schools.push(School { id, unit, students: Vec::new(), rooms, buses, first_room: Vec::new() });
    }
    schools
}

/// Whether a weekday is a day of school: not in the weeks of Thanksgiving and of the turn of the year.
fn is_school(day: Date) -> bool {
    let free = match day.month() {
        Month::November => (23..=27).contains(&day.day()),
        Month::December => day.day() >= 21,
        Month::January => day.day() <= 2,
        _ => false,
    };
    !free && !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

fn day_of(year: i32, month: Month, day: u8) -> Date {
    Date::from_calendar_date(year, month, day).unwrap_or(Date::MIN)
}

/// The offset of California: summer time from the second Sunday of March to the first of November.
pub(super) fn offset(day: Date) -> UtcOffset {
    let sunday = |month, nth: u8| {
        let first = day_of(day.year(), month, 1);
        let ahead = (7 - first.weekday().number_days_from_sunday()) % 7;
        later(first, i32::from(ahead + 7 * (nth - 1)))
    };
    let summer = day >= sunday(Month::March, 2) && day < sunday(Month::November, 1);
    UtcOffset::from_hms(if summer { -7 } else { -8 }, 0, 0).unwrap_or(UtcOffset::UTC)
}

/// A student with guardians, number, enrolment, homeroom and bus, and the place of the room.
fn student(rows: &mut Rows, number: usize, school: &School, grades: &[&str], today: Date) -> Result<(Uuid, usize)> {
    let mut random = Random::new(SEED, 1_000_000 + number as u64);
    let tongue: &Tongue = match random.between(0, 9) {
        0..=5 => &ENGLISH,
        6..=8 => &SPANISH,
        _ => &PORTUGUESE,
    };
    let girl = random.chance(50);
    let place = random.below(grades.len());
    let grade = grades[place];
    let age = match grade {
        "TK" => 4,
        "K" => 5,
        other => other.parse::<i32>().unwrap_or(6) + 5,
    };
    let birth = later(today, -(age * 365 + random.between(30, 330)));
    let family = *random.pick(tongue.families);
    let given = *random.pick(if girl { tongue.women } else { tongue.men });
    let Value::Object(mut values) = json!({
        "family_name": family, "given_names": given, "birth_date": birth.to_string(), "sex": if girl { "F" } else { "M" },
        "preferred_language": tongue.tag, "record_regime": "FERPA",
    }) else {
        return Err(Error::internal("a patient is an object"));
    };
    medical::derive_patient(&mut values, today)?;
    let id = rows.add("medical.patients", Value::Object(values));
    guardians(rows, &mut random, id, (tongue, family));
    let since = day_of(if today.month() as u8 >= 8 { today.year() } else { today.year() - 1 }, Month::August, 17);
    // Rooms hold neighbouring grades, of each a few.
    let room = (place * 10 + number / SCHOOLS.len() % 10) * school.rooms.len() / (grades.len() * 10);
    enrolled(rows, &mut random, (id, number), (school, school.rooms[room]), (grade, since));
    if random.chance(9) {
        let substance = *random.pick(&SUBSTANCES);
        rows.add(
            "records.allergies",
            json!({"patient_id": id, "recorded_at": format!("{since}T18:00:00Z"), "verification": "PATIENT_REPORTED",
                   "source_kind": "MANUAL", "clinical_status": "ACTIVE", "substance": substance}),
        );
    }
    vaccines::doses(rows, &mut Random::new(SEED, 3_000_000 + number as u64), id, (birth, today));
    if random.chance(4) {
        let kind = *random.pick(&PLANS);
        rows.add(
            "school.student_health_plans",
            json!({"student_id": id, "kind": kind, "body": "Follow the action plan in the clinic's binder.",
                   "review_due_on": later(since, 330).to_string()}),
        );
    }
    Ok((id, room))
}

/// Number, enrolment, room and bus of a student.
fn enrolled(
    rows: &mut Rows,
    random: &mut Random,
    (id, number): (Uuid, usize),
    (school, room): (&School, Uuid),
    (grade, since): (&str, Date),
) {
    rows.add(
        "school.student_profiles",
        json!({"patient_id": id, "student_number": format!("{}", 200_000 + number), "school_id": school.id, "grade": grade,
               "homeroom_id": room, "has_iep": random.chance(15), "has_504_plan": random.chance(4)}),
    );
    rows.add(
        "school.student_enrollments",
        json!({"patient_id": id, "school_id": school.id, "grade": grade, "enrolled_on": since.to_string()}),
    );
    let bus = school.buses[number / SCHOOLS.len() % school.buses.len()];
    rows.add(
        "school.class_memberships",
        json!({"patient_id": id, "class_group_id": bus, "joined_on": since.to_string()}),
    );
    rows.add(
        "auth.person_units",
        json!({"patient_id": id, "organization_id": school.unit, "valid_from": since.to_string()}),
    );
}

/// Two guardians; of some a court says that they may not be told.
fn guardians(rows: &mut Rows, random: &mut Random, id: Uuid, (tongue, family): (&Tongue, &str)) {
    for (n, relationship) in ["MTH", "FTH"].into_iter().enumerate() {
        let names = if n == 0 { tongue.women } else { tongue.men };
        let court = (n == 1 && random.chance(6)).then_some("No contact by order of the court; see the office");
        rows.add(
            "medical.patient_contacts",
            json!({"patient_id": id, "name": format!("{} {family}", random.pick(names)), "relationship": relationship,
                   "phone": phone(random), "legal_custody": court.is_none(), "may_pick_up": court.is_none(),
                   "receives_health_info": court.is_none(), "court_restriction": court, "priority": n + 1,
                   "language": tongue.tag}),
        );
    }
}

/// Visits of the last school days, with the symptoms they tell of, and two students who are there now. In the first school's first
/// room some vomited lately.
fn visits(rows: &mut Rows, number: u64, school: &School, now: OffsetDateTime) -> Result<()> {
    let mut random = Random::new(SEED, 2_000_000 + number);
    let today = now.to_offset(offset(now.date())).date();
    let mut day = later(today, -1);
    let mut days = Vec::new();
    while days.len() < VISIT_DAYS {
        if is_school(day) && !matches!(day.month(), Month::July) {
            days.push(day);
        }
        day = later(day, -1);
    }
    let mut ill = school.first_room.iter();
    for (ago, day) in days.into_iter().enumerate().rev() {
        let most = i32::try_from(school.students.len() / 15).unwrap_or(2) + 1;
        let mut last = 0;
        for n in 0..random.between(1, most) {
            let student = *random.pick(&school.students);
            let from = at(day, 8, 35) + Duration::minutes(i64::from(n * 330 / most + random.between(0, 20)));
            let to = from + Duration::minutes(i64::from(random.between(4, 35)));
            let reason = *random.pick(&REASONS);
            let home = reason == "FEVER" || random.chance(9);
            let symptoms: &[&str] = if reason == "FEVER" { &["FEVER", "COUGH"] } else { &[] };
            let came =
                Came { student, from, to, reason, symptoms, syndrome: (reason == "FEVER").then_some("ILI"), home };
            visit(rows, (school.id, n + 1), &came)?;
            last = n + 1;
        }
        let lately = VOMITING.iter().rev().nth(ago).copied().unwrap_or(0);
        for student in ill.by_ref().take(if number == 0 { lately } else { 0 }) {
            last += 1;
            let from = at(day, 9, 40) + Duration::minutes(i64::from(last * 17));
            let symptoms = &["VOMITING", "STOMACH_ACHE"];
            let to = from + Duration::minutes(25);
            let came =
                Came { student: *student, from, to, reason: "STOMACH", symptoms, syndrome: Some("GI"), home: true };
            visit(rows, (school.id, last), &came)?;
        }
    }
    let text = |at: OffsetDateTime| at.to_offset(UtcOffset::UTC).format(&Rfc3339).map_err(Error::internal);
    for (n, (student, ago)) in school.students.iter().zip([47, 12]).enumerate() {
        rows.add(
            "school.clinic_visits",
            json!({"student_id": student, "school_id": school.id, "visit_number": n + 1, "visit_on": today.to_string(),
                   "check_in_at": text(now - Duration::minutes(ago))?, "chief_complaint_code": REASONS[n * 6],
                   "arrived_from": "CLASS"}),
        );
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

fn visit(rows: &mut Rows, (school, number): (Uuid, i32), came: &Came<'_>) -> Result<()> {
    let text = |at: OffsetDateTime| at.to_offset(UtcOffset::UTC).format(&Rfc3339).map_err(Error::internal);
    let day = came.from.date();
    let class = missed(&bells(day), came.from, came.to, Duration::ZERO, came.home);
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

/// An instant of a school's day.
fn at(day: Date, hour: u8, minute: u8) -> OffsetDateTime {
    let time = Time::from_hms(hour, minute, 0).unwrap_or(Time::MIDNIGHT);
    PrimitiveDateTime::new(day, time).assume_offset(offset(day))
}

fn bells(day: Date) -> SchoolDay {
    let period = |(name, kind, from, to): Bell| Period {
        name: name.to_owned(),
        starts: at(day, from.0, from.1),
        ends: at(day, to.0, to.1),
        is_class: matches!(kind, "CLASS" | "HOMEROOM"),
    };
    SchoolDay::Bells(BELLS.into_iter().map(period).collect())
}
