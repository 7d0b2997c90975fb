//! When a dose may be given: its window, the stops of an order, and which medicines nothing may hold up.
//!
//! Everything is in instants; which day it is at the school, whoever calls brings along.

use serde::Serialize;
use time::{Duration, OffsetDateTime};

/// How far from its time a dose may be given without a reason, where an organization sets nothing else; the last minute is part of
/// it.
pub const WINDOW: Duration = Duration::minutes(30);
/// The widest that an organization may set.
pub const WIDEST: Duration = Duration::minutes(60);
/// How long after its window a dose nobody recorded counts as missed.
pub const GRACE: Duration = Duration::minutes(15);

/// Whether a dose lies within its window. Seconds do not count: clocks on a wall have none.
#[must_use]
pub fn in_window(window: Duration, scheduled: OffsetDateTime, given: OffsetDateTime) -> bool {
    (given.unix_timestamp().div_euclid(60) - scheduled.unix_timestamp().div_euclid(60)).abs() <= window.whole_minutes()
}

/// Where a dose that nobody recorded stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Standing {
    /// Its window has not begun.
    Later,
    /// It may be given now.
    Due,
    /// Its window is over.
    Late,
}

/// Where a dose that nobody recorded stands at `now`.
#[must_use]
pub fn standing(window: Duration, scheduled: OffsetDateTime, now: OffsetDateTime) -> Standing {
    if in_window(window, scheduled, now) {
        Standing::Due
    } else if now < scheduled {
        Standing::Later
    } else {
        Standing::Late
    }
}

/// A time of day such as `12:00`, in hours and minutes.
#[must_use]
pub fn time_of_day(text: &str) -> Option<(u8, u8)> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    let (hour, minute) = (digits(hour).then(|| hour.parse().ok())??, digits(minute).then(|| minute.parse().ok())??);
    (hour < 24 && minute < 60).then_some((hour, minute))
}

/// What an order allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Least time between two doses.
    pub interval: Option<Duration>,
    /// Most doses in a day.
    pub per_day: Option<i64>,
}

/// Why a dose should not be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stop {
    /// Too close to another dose.
    MinInterval,
    /// The day has had all its doses.
    MaxPerDay,
    /// The day would have more of it than it may.
    MaxDailyDose,
    /// More than was ordered.
    Dose,
}

impl Stop {
    /// As messages say it.
    #[must_use]
    pub const fn says(self) -> &'static str {
        match self {
            Self::MinInterval => "it is too close to another dose",
            Self::MaxPerDay => "the day has had all its doses",
            Self::MaxDailyDose => "the day would have more than it may",
            Self::Dose => "it is more than was ordered",
        }
    }
}

/// Which limits a dose at `at` breaks. `near` are the other doses that were taken, `today` how many of them on the same day at
/// the school. A dose entered late is held against those after it too.
#[must_use]
pub fn stops(limits: Limits, at: OffsetDateTime, near: &[OffsetDateTime], today: i64) -> Vec<Stop> {
    let close = |least: Duration| near.iter().any(|other| (at - *other).abs() < least);
    let mut found = Vec::new();
    if limits.interval.is_some_and(close) {
        found.push(Stop::MinInterval);
    }
    if limits.per_day.is_some_and(|most| today >= most) {
        found.push(Stop::MaxPerDay);
    }
    found
}

/// The earliest time of a next dose by the interval; `None` when it may be given at any time.
#[must_use]
pub fn next_by_interval(limits: Limits, near: &[OffsetDateTime]) -> Option<OffsetDateTime> {
    Some(*near.iter().max()? + limits.interval?)
}

/// What a school keeps for whoever needs it and gives by a standing order, without one of the student: epinephrine, albuterol and
/// naloxone, by substance and by the names on their packages.
pub const STOCK: [&str; 17] = [
    "epinephrine",
    "adrenaline",
    "epipen",
    "adrenaclick",
    "auvi-q",
    "symjepi",
    "neffy",
    "albuterol",
    "salbutamol",
    "ventolin",
    "proair",
    "proventil",
    "naloxone",
    "narcan",
    "kloxxado",
    "rextovy",
    "zimhi",
];

/// Further medicines of an emergency, which a student has by an order of their own: glucagon, rescue medicine of seizures,
/// levalbuterol.
const RESCUE: [&str; 16] = [
    "levalbuterol",
    "xopenex",
    "glucagon",
    "baqsimi",
    "gvoke",
    "glucagen",
    "dasiglucagon",
    "zegalogue",
    "diazepam",
    "diastat",
    "valtoco",
    "libervant",
    "midazolam",
    "nayzilam",
    "seizalam",
    "lorazepam",
];

/// Whether a name is that of a medicine that a school gives from its stock.
#[must_use]
pub fn is_stock(name: &str) -> bool {
    has_word_of(name, &STOCK)
}

/// Whether a name is that of a medicine that nothing may hold up in an emergency.
#[must_use]
pub fn is_rescue(name: &str) -> bool {
    has_word_of(name, &STOCK) || has_word_of(name, &RESCUE)
}

/// Medicines that open the airways in an attack of asthma.
const RELIEVERS: [&str; 7] = ["albuterol", "salbutamol", "ventolin", "proair", "proventil", "levalbuterol", "xopenex"];

/// Whether a name is that of a reliever of asthma: who needs one often has asthma that is not under control.
#[must_use]
pub fn is_reliever(name: &str) -> bool {
    has_word_of(name, &RELIEVERS)
}

/// Words of drugs and allergies that name no substance: forms, salts, how and how much.
const NO_SUBSTANCE: [&str; 62] = [
    "acetate",
    "acid",
    "after",
    "allergic",
    "allergy",
    "antibiotic",
    "bromide",
    "calcium",
    "capsule",
    "chewable",
    "child",
    "children",
    "chloride",
    "citrate",
    "cream",
    "daily",
    "dose",
    "drop",
    "drug",
    "extended",
    "extra",
    "food",
    "from",
    "fumarate",
    "hive",
    "hydrochloride",
    "infant",
    "inhaler",
    "injection",
    "liquid",
    "magnesium",
    "maleate",
    "medication",
    "medicine",
    "mesylate",
    "mild",
    "nasal",
    "nitrate",
    "ointment",
    "oral",
    "phosphate",
    "potassium",
    "powder",
    "rash",
    "reaction",
    "release",
    "relief",
    "severe",
    "sodium",
    "solution",
    "spray",
    "strength",
    "succinate",
    "sulfate",
    "suspension",
    "syrup",
    "tablet",
    "tartrate",
    "topical",
    "unit",
    "unknown",
    "with",
];

/// Whether an allergy in words names a drug: they share the name of a substance, or the allergy is to penicillins or cephalosporins
/// and the drug's name has their stem (`-cillin`, `cef-`; WHO, The use of stems in the selection of INN). That it does not says
/// nothing: the words may be of a brand, a class or another language.
#[must_use]
pub fn names_drug(allergy: &str, drug: &str) -> bool {
    let words = |text: &str| {
        let text = text.to_lowercase();
        let words =
            text.split(|c: char| !c.is_alphabetic()).map(|word| word.strip_suffix('s').unwrap_or(word).to_owned());
        words.filter(|word| word.chars().count() >= 4 && !NO_SUBSTANCE.contains(&word.as_str())).collect::<Vec<_>>()
    };
    let (allergens, drugs) = (words(allergy), words(drug));
    let alike = |allergen: &str, drug: &str| match allergen {
        "penicillin" => drug.ends_with("cillin"),
        "cephalosporin" => drug.starts_with("cef") || drug.starts_with("ceph"),
        allergen => allergen == drug,
    };
    allergens.iter().any(|allergen| drugs.iter().any(|drug| alike(allergen, drug)))
}

fn has_word_of(name: &str, list: &[&str]) -> bool {
    let name = name.to_lowercase();
    let mut words = name.split(|c: char| !c.is_alphanumeric() && c != '-');
    words.any(|word| list.contains(&word))
}

/// The National Drug Codes, 11 digits each, that a scanned package may name: a code with or without hyphens, a UPC or GTIN that holds
/// one, or the first element of a GS1 code. Ten digits without hyphens leave open where a zero is missing, so there may be three.
#[must_use]
pub fn package_codes(scanned: &str) -> Vec<String> {
    let text = scanned.trim();
    let text = text.strip_prefix("]d2").or_else(|| text.strip_prefix("]C1")).unwrap_or(text);
    let parts: Vec<&str> = text.split('-').collect();
    if let [labeler, product, package] = parts[..] {
        let digits = parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
        let sizes = (labeler.len(), product.len(), package.len());
        let known = matches!(sizes, (4, 4, 2) | (5, 3, 2) | (5, 4, 1 | 2));
        return if digits && known { vec![format!("{labeler:0>5}{product:0>4}{package:0>2}")] } else { Vec::new() };
    }
    let digits: &str = &text[..text.bytes().take_while(u8::is_ascii_digit).count()];
    let whole = digits.len() == text.len();
    let ten = match digits.len() {
        11 if whole => return vec![digits.to_owned()],
        10 if whole => digits,
        12 if whole && digits.starts_with('3') => &digits[1..11],
        13 if whole && digits.starts_with("03") => &digits[2..12],
        14 if whole && digits[1..].starts_with("03") => &digits[3..13],
        16.. if digits.starts_with("01") && digits[3..].starts_with("03") => &digits[5..15],
        _ => return Vec::new(),
    };
    vec![format!("0{ten}"), format!("{}0{}", &ten[..5], &ten[5..]), format!("{}0{}", &ten[..9], &ten[9..])]
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOON: OffsetDateTime = datetime!(2026-03-02 20:00 UTC);

    #[test]
    fn a_dose_has_half_an_hour_on_both_sides() {
        let usual = |given| in_window(WINDOW, NOON, given);
        assert!(usual(NOON + Duration::minutes(30)));
        assert!(usual(NOON + Duration::seconds(30 * 60 + 59)), "12:30 by the clock on the wall");
        assert!(!usual(NOON + Duration::minutes(31)));
        assert!(usual(NOON - Duration::minutes(30)));
        assert!(!usual(NOON - Duration::minutes(31)));
        assert!(in_window(WIDEST, NOON, NOON + Duration::minutes(60)), "as an organization set it");
        assert!(!in_window(WIDEST, NOON, NOON - Duration::minutes(61)));
    }

    #[test]
    fn a_dose_is_later_then_due_then_late() {
        for (minutes, stands) in [
            (-31, Standing::Later),
            (-30, Standing::Due),
            (0, Standing::Due),
            (30, Standing::Due),
            (31, Standing::Late),
        ] {
            assert_eq!(standing(WINDOW, NOON, NOON + Duration::minutes(minutes)), stands, "{minutes}");
        }
    }

    #[test]
    fn four_hours_are_four_hours_before_and_after() {
        let limits = Limits { interval: Some(Duration::hours(4)), per_day: None };
        let at = |minutes: i64| NOON + Duration::minutes(minutes);
        assert_eq!(stops(limits, at(239), &[NOON], 1), [Stop::MinInterval]);
        assert_eq!(stops(limits, at(240), &[NOON], 1), []);
        assert_eq!(stops(limits, at(-239), &[NOON], 1), [Stop::MinInterval], "entered after the later dose");
        assert_eq!(next_by_interval(limits, &[NOON, at(-60)]), Some(at(240)));
        assert_eq!(next_by_interval(limits, &[]), None);
        assert_eq!(next_by_interval(Limits::default(), &[NOON]), None);
    }

    #[test]
    fn a_day_has_so_many_doses() {
        let limits = Limits { interval: None, per_day: Some(2) };
        assert_eq!(stops(limits, NOON, &[], 1), []);
        assert_eq!(stops(limits, NOON, &[], 2), [Stop::MaxPerDay]);
        assert_eq!(stops(Limits::default(), NOON, &[NOON], 24), [], "an order without limits has none");
    }

    #[test]
    fn times_of_day_have_two_digits_each() {
        assert_eq!(time_of_day("12:00"), Some((12, 0)));
        assert_eq!(time_of_day("23:59"), Some((23, 59)));
        for wrong in ["24:00", "12:60", "9:00", "noon", "", "12:00:00", "+1:00", "12:0"] {
            assert_eq!(time_of_day(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_allergy_in_words_is_one_to_a_drug_that_it_names() {
        for (allergy, drug) in [
            ("Penicillin", "Amoxicillin 250 mg capsule"),
            ("all penicillins (hives)", "Penicillin V potassium"),
            ("IBUPROFEN", "Children's ibuprofen 100 mg/5 mL"),
            ("cephalosporins", "Cefdinir"),
        ] {
            assert!(names_drug(allergy, drug), "{allergy}: {drug}");
        }
        for (allergy, drug) in [
            ("Penicillin", "Cephalexin 250 mg"),
            ("Cefazolin", "Cefdinir"),
            ("severe reaction to tablets with sodium", "Naproxen sodium 220 mg tablet"),
            ("Peanut", "Methylphenidate 10 mg"),
            ("", "Ibuprofen"),
        ] {
            assert!(!names_drug(allergy, drug), "{allergy}: {drug}");
        }
    }

    #[test]
    fn rescue_medicine_is_known_by_word() {
        assert!(is_rescue("Albuterol HFA 90 mcg/actuation"));
        assert!(is_rescue("Auvi-Q 0.15 mg"));
        for own in ["Valtoco 10 mg nasal", "NAYZILAM", "Diastat AcuDial", "Xopenex HFA", "Gvoke HypoPen", "Zegalogue"] {
            assert!(is_rescue(own) && !is_stock(own), "{own}: by an order of the student");
        }
        assert!(is_stock("Kloxxado 8 mg") && is_rescue("Kloxxado 8 mg") && !is_stock("Diazepam 2 mg"));
        assert!(!is_rescue("Norepinephrinel"), "a part of a word is no word");
        assert!(!is_rescue("Methylphenidate"));
        assert!(is_reliever("Albuterol HFA 90 mcg") && is_reliever("Xopenex HFA"));
        assert!(!is_reliever("Fluticasone HFA 44 mcg") && !is_reliever("Epinephrine 0.3 mg"));
    }

    #[test]
    fn a_package_is_known_by_its_code_however_it_is_printed() {
        let one = ["00093310905".to_owned()];
        for said in ["00093310905", "00093-3109-05", "0093-3109-05", " 0093-3109-05 "] {
            assert_eq!(package_codes(said), one, "{said}");
        }
        assert_eq!(package_codes("50090-347-1"), Vec::<String>::new(), "nine digits are none");
        assert_eq!(package_codes("50090-347-01"), ["50090034701"]);
        assert_eq!(package_codes("50090-0347-1"), ["50090034701"]);
        // 10 digits in a UPC, an EAN, a GTIN and a GS1 code with lot and expiry behind it.
        for said in [
            "0093310905",
            "300933109050",
            "0300933109050",
            "00300933109050",
            "010030093310905017270630",
            "]d20100300933109050\u{1d}10A1",
        ] {
            assert_eq!(package_codes(said), ["00093310905", "00933010905", "00933109005"], "{said}");
        }
        for none in
            ["", "-", "--", "abc", "12345", "400933109050", "9300933109050", "0093-3109-0x", "01123", "ñ0093310905"]
        {
            assert_eq!(package_codes(none), Vec::<String>::new(), "{none}");
        }
    }
}
