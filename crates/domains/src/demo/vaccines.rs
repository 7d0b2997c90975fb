//! Doses of the demonstration district's students, by the usual calendar of childhood: most in time, some late or within the
//! days of grace, a few too early, too soon after another or not at all; and a few exemptions. The schedule by which they are judged is the user's.

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

/// What is unusual about a student's doses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// 1.5 %: exempt, and without measles vaccine.
    Exempt,
    /// 2 %: came without papers.
    Unknown,
    /// 8 %: the last doses are due and not given yet.
    Late,
    /// 3 %: the first live doses in the days of grace before the first birthday.
    Grace,
    /// 2 % have a dose that does not count: half of them one that was given too early,
    TooEarly,
    /// and half a live dose too soon after another.
    Conflict,
    Usual,
}

impl Fate {
    /// Who has which fate, by the place among 1,450.
    pub(super) fn of(place: usize) -> Self {
        match place {
            0..22 => Self::Exempt,
            22..51 => Self::Unknown,
            51..167 => Self::Late,
            167..211 => Self::Grace,
            211..226 => Self::TooEarly,
            226..240 => Self::Conflict,
            _ => Self::Usual,
        }
    }
}

/// Adds a student's doses until today, and for some an exemption.
pub(super) fn doses(rows: &mut Rows, random: &mut Random, (id, fate): (Uuid, Fate), (birth, today): (Date, Date)) {
    if fate == Fate::Exempt {
        let number = format!("DEMO-{:04}", random.below(10_000));
        rows.add(
            "school.immunization_exemptions",
            json!({"student_id": id, "kind": "MEDICAL_PERMANENT", "issuer": "Dr. Marguerite Quillfeather", "number": number,
                   "valid_from": later(today, -200).to_string(), "status": "APPROVED",
                   "decided_at": format!("{}T18:00:00Z", later(today, -190))}),
        );
    }
    if fate == Fate::Unknown {
        return;
    }
    let mut visits: Vec<(i32, i32)> = Vec::new();
    for (days, cvx, vaccine, group) in CALENDAR {
        // What is due together is given on one day: live vaccines a few days apart would be in conflict.
        let known = visits.iter().find(|(due, _)| *due == days).map(|(_, delay)| *delay);
        let delay = known.unwrap_or_else(|| random.between(0, 12));
        if known.is_none() {
            visits.push((days, delay));
        }
        let unwanted = fate == Fate::Exempt && group == "MMR";
        if unwanted || (fate == Fate::Late && days >= 1466 && matches!(group, "MMR" | "DTaP" | "Tdap")) {
            continue;
        }
        if group == "HPV" && !random.chance(70) {
            continue;
        }
        // A live vaccine before the first birthday: within the four days of grace, or too early.
        let on = match fate {
            Fate::Grace if days == 370 => birthday(birth) - Duration::days(3),
            Fate::TooEarly if days == 370 => birthday(birth) - Duration::days(20),
            Fate::Conflict if days == 370 && group == "VAR" => later(birth, days + delay + 14),
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
