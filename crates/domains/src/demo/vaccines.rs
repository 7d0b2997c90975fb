//! Doses of the demonstration district's students, by the usual calendar of childhood: most in time, some late or within the
//! days of grace, a few too early or not at all; and a few exemptions. The schedule by which they are judged is the user's.

use super::{
    random::Random,
    rows::{Rows, later},
};
use serde_json::json;
use time::{Date, Duration};
use uuid::Uuid;

/// A dose of the calendar: days after birth, CVX code, words, group; doses of one group follow one another.
type Due = (i32, &'static str, &'static str, &'static str);

const CALENDAR: [Due; 19] = [
    (1, "08", "Hepatitis B, pediatric", "HepB"),
    (62, "08", "Hepatitis B, pediatric", "HepB"),
    (186, "08", "Hepatitis B, pediatric", "HepB"),
    (62, "20", "DTaP", "DTaP"),
    (124, "20", "DTaP", "DTaP"),
    (186, "20", "DTaP", "DTaP"),
    (480, "20", "DTaP", "DTaP"),
    (1466, "20", "DTaP", "DTaP"),
    (62, "10", "Polio, inactivated", "IPV"),
    (124, "10", "Polio, inactivated", "IPV"),
    (280, "10", "Polio, inactivated", "IPV"),
    (1466, "10", "Polio, inactivated", "IPV"),
    (370, "03", "MMR", "MMR"),
    (1466, "03", "MMR", "MMR"),
    (370, "21", "Varicella", "VAR"),
    (1466, "21", "Varicella", "VAR"),
    (4030, "115", "Tdap", "Tdap"),
    (4030, "165", "HPV, 9-valent", "HPV"),
    (4220, "165", "HPV, 9-valent", "HPV"),
];

/// Adds a student's doses until today, and for some an exemption.
pub(super) fn doses(rows: &mut Rows, random: &mut Random, id: Uuid, (birth, today): (Date, Date)) {
    let fate = random.below(1000);
    if fate < 15 {
        let number = format!("DEMO-{:04}", random.below(10_000));
        rows.add(
            "school.immunization_exemptions",
            json!({"student_id": id, "kind": "MEDICAL_PERMANENT", "issuer": "Dr. Marguerite Quillfeather", "number": number,
                   "valid_from": later(today, -200).to_string(), "status": "APPROVED",
                   "decided_at": format!("{}T18:00:00Z", later(today, -190))}),
        );
    }
    // Some came without papers, some are exempt and have few.
    if (15..35).contains(&fate) {
        return;
    }
    // The last doses are late for some and not given yet.
    let late = (35..115).contains(&fate);
    let grace = (115..145).contains(&fate);
    let early = (145..165).contains(&fate);
    let mut visits: Vec<(i32, i32)> = Vec::new();
    for (days, cvx, vaccine, group) in CALENDAR {
        // What is due together is given on one day: live vaccines a few days apart would be in conflict.
        let known = visits.iter().find(|(due, _)| *due == days).map(|(_, delay)| *delay);
        let delay = known.unwrap_or_else(|| random.between(0, 12));
        if known.is_none() {
            visits.push((days, delay));
        }
        let unwanted = fate < 15 && group == "MMR";
        if unwanted || (late && days >= 1466 && matches!(group, "MMR" | "DTaP" | "Tdap")) {
            continue;
        }
        if group == "HPV" && !random.chance(70) {
            continue;
        }
        // A live vaccine before the first birthday: within the four days of grace, or too early.
        let first_live = days == 370 && matches!(group, "MMR" | "VAR");
        let on = match first_live {
            true if grace => birthday(birth) - Duration::days(3),
            true if early => birthday(birth) - Duration::days(20),
            _ => later(birth, days + delay),
        };
        if on > later(today, -3) {
            continue;
        }
        rows.add(
            "records.immunizations",
            json!({"patient_id": id, "recorded_at": format!("{}T18:00:00Z", later(today, -150)), "verification": "IMPORTED",
                   "source_kind": "REGISTRY", "status": "COMPLETED", "code": cvx, "code_system": "CVX", "cvx": cvx,
                   "display": vaccine, "given_on": on.to_string(), "given_precision": "DAY", "information_source": "01"}),
        );
    }
}

/// The first birthday.
fn birthday(birth: Date) -> Date {
    birth.replace_year(birth.year() + 1).unwrap_or_else(|_| later(birth, 366))
}
