//! What the laboratory measures: LOINC codes with labels of our own, units (UCUM), printed ranges, and how a person's
//! values lie and move. Ranges are round textbook ones for adults; a real laboratory prints its own.

use super::{
    people::Person,
    problems::{Held, Kind},
    random::Random,
};

/// Something that is measured.
pub(super) struct Analyte {
    pub(super) code: &'static str,
    pub(super) label: &'static str,
    /// UCUM; empty: none.
    pub(super) unit: &'static str,
    /// As the laboratory prints it; empty: nothing.
    pub(super) printed: &'static str,
    pub(super) decimals: usize,
    /// Printed range of women and of men; an open end is infinite.
    ranges: [(f64, f64); 2],
    /// Usual value of women and of men, and how far people, and one person's days, lie apart.
    usual: [f64; 2],
    between: f64,
    within: f64,
    /// The least and the greatest value that the method can tell.
    limits: (f64, f64),
}

/// A value as it is reported.
pub(super) struct Reading {
    pub(super) value: f64,
    pub(super) comparator: Option<&'static str>,
    pub(super) range: (f64, f64),
    pub(super) flag: &'static str,
}

const OPEN: f64 = f64::INFINITY;

const fn analyte(
    (code, label): (&'static str, &'static str),
    (unit, printed, decimals): (&'static str, &'static str, usize),
    range: (f64, f64),
    (usual, between, within): (f64, f64, f64),
) -> Analyte {
    let (ranges, usual) = ([range, range], [usual, usual]);
    Analyte { code, label, unit, printed, decimals, ranges, usual, between, within, limits: (0.0, OPEN) }
}

impl Analyte {
    /// Men differ.
    const fn men(mut self, range: (f64, f64), usual: f64) -> Self {
        self.ranges[1] = range;
        self.usual[1] = usual;
        self
    }

    const fn limits(mut self, low: f64, high: f64) -> Self {
        self.limits = (low, high);
        self
    }
}

#[rustfmt::skip]
const ANALYTES: &[Analyte] = &[
    analyte(("2345-7", "Glucose"), ("mg/dL", "mg/dL", 0), (70.0, 99.0), (90.0, 7.0, 6.0)),
    analyte(("3094-0", "Urea nitrogen"), ("mg/dL", "mg/dL", 0), (7.0, 20.0), (13.0, 2.5, 1.8)),
    analyte(("2160-0", "Creatinine"), ("mg/dL", "mg/dL", 2), (0.5, 1.1), (0.76, 0.09, 0.04)).men((0.7, 1.3), 0.96),
    analyte(("98979-8", "Estimated filtration rate (CKD-EPI 2021)"), ("mL/min/{1.73_m2}", "mL/min/1.73m2", 0), (60.0, OPEN), (95.0, 0.0, 0.0)).limits(5.0, 90.0),
    analyte(("2951-2", "Sodium"), ("mmol/L", "mmol/L", 0), (136.0, 145.0), (140.0, 1.2, 1.2)),
    analyte(("2823-3", "Potassium"), ("mmol/L", "mmol/L", 1), (3.5, 5.1), (4.2, 0.2, 0.2)),
    analyte(("2075-0", "Chloride"), ("mmol/L", "mmol/L", 0), (98.0, 107.0), (103.0, 1.2, 1.2)),
    analyte(("2028-9", "Carbon dioxide"), ("mmol/L", "mmol/L", 0), (22.0, 29.0), (25.5, 1.0, 1.0)),
    analyte(("17861-6", "Calcium"), ("mg/dL", "mg/dL", 1), (8.6, 10.3), (9.4, 0.2, 0.2)),
    analyte(("1742-6", "Alanine aminotransferase"), ("U/L", "IU/L", 0), (7.0, 45.0), (22.0, 6.0, 4.0)).men((7.0, 55.0), 27.0),
    analyte(("1920-8", "Aspartate aminotransferase"), ("U/L", "IU/L", 0), (8.0, 40.0), (21.0, 4.0, 3.0)),
    analyte(("6768-6", "Alkaline phosphatase"), ("U/L", "IU/L", 0), (40.0, 129.0), (72.0, 14.0, 6.0)),
    analyte(("1975-2", "Bilirubin, total"), ("mg/dL", "mg/dL", 1), (0.1, 1.2), (0.5, 0.15, 0.1)).limits(0.1, OPEN),
    analyte(("1751-7", "Albumin"), ("g/dL", "g/dL", 1), (3.5, 5.0), (4.3, 0.2, 0.15)),
    analyte(("2093-3", "Cholesterol, total"), ("mg/dL", "mg/dL", 0), (0.0, 199.0), (183.0, 22.0, 9.0)),
    analyte(("2085-9", "HDL cholesterol"), ("mg/dL", "mg/dL", 0), (50.0, OPEN), (58.0, 9.0, 3.0)).men((40.0, OPEN), 48.0),
    analyte(("13457-7", "LDL cholesterol, calculated"), ("mg/dL", "mg/dL", 0), (0.0, 99.0), (104.0, 17.0, 7.0)),
    analyte(("2571-8", "Triglycerides"), ("mg/dL", "mg/dL", 0), (0.0, 149.0), (112.0, 30.0, 18.0)),
    analyte(("4548-4", "Haemoglobin A1c"), ("%", "%", 1), (0.0, 5.6), (5.3, 0.18, 0.08)),
    analyte(("6690-2", "White cells"), ("10*3/uL", "K/uL", 1), (4.0, 10.5), (6.8, 1.2, 0.7)),
    analyte(("789-8", "Red cells"), ("10*6/uL", "M/uL", 2), (3.9, 5.2), (4.5, 0.25, 0.1)).men((4.3, 5.8), 5.0),
    analyte(("718-7", "Haemoglobin"), ("g/dL", "g/dL", 1), (12.0, 15.5), (13.5, 0.6, 0.3)).men((13.5, 17.5), 15.0),
    analyte(("4544-3", "Haematocrit"), ("%", "%", 1), (36.0, 46.0), (40.5, 1.8, 0.9)).men((40.0, 52.0), 45.0),
    analyte(("787-2", "Mean red cell volume"), ("fL", "fL", 0), (80.0, 100.0), (90.0, 3.0, 1.0)),
    analyte(("777-3", "Platelets"), ("10*3/uL", "K/uL", 0), (150.0, 400.0), (250.0, 40.0, 18.0)),
    analyte(("3016-3", "Thyrotropin"), ("m[IU]/L", "mIU/L", 2), (0.4, 4.5), (1.9, 0.6, 0.3)).limits(0.01, OPEN),
    analyte(("2276-4", "Ferritin"), ("ng/mL", "ng/mL", 0), (15.0, 150.0), (60.0, 18.0, 8.0)).men((30.0, 400.0), 140.0),
    analyte(("62292-8", "25-Hydroxyvitamin D"), ("ng/mL", "ng/mL", 0), (30.0, 100.0), (37.0, 5.0, 3.0)).limits(4.0, OPEN),
    analyte(("9318-7", "Urine albumin per creatinine"), ("mg/g", "mg/g creat", 0), (0.0, 29.0), (6.0, 6.0, 3.0)).limits(5.0, OPEN),
    analyte(("30934-4", "B-type natriuretic peptide"), ("pg/mL", "pg/mL", 0), (0.0, 99.0), (30.0, 12.0, 9.0)).limits(10.0, 5000.0),
    analyte(("1988-5", "C-reactive protein"), ("mg/L", "mg/L", 1), (0.0, 5.0), (1.4, 0.9, 0.8)).limits(0.3, OPEN),
    analyte(("2857-1", "Prostate-specific antigen"), ("ng/mL", "ng/mL", 1), (0.0, 4.0), (1.2, 0.6, 0.2)).limits(0.1, OPEN),
    analyte(("3084-1", "Uric acid"), ("mg/dL", "mg/dL", 1), (2.6, 6.0), (4.6, 0.6, 0.3)).men((3.5, 7.2), 5.6),
    analyte(("6301-6", "INR"), ("", "", 1), (0.9, 1.1), (1.0, 0.03, 0.03)),
    analyte(("5811-5", "Urine specific gravity"), ("", "", 3), (1.005, 1.03), (1.017, 0.003, 0.004)),
    analyte(("5803-2", "Urine pH"), ("[pH]", "", 1), (5.0, 8.0), (6.0, 0.3, 0.4)),
];

/// Tests that are ordered together.
pub(super) struct Panel {
    pub(super) code: &'static str,
    pub(super) label: &'static str,
    pub(super) analytes: &'static [&'static str],
}

const fn panel(code: &'static str, label: &'static str, analytes: &'static [&'static str]) -> Panel {
    Panel { code, label, analytes }
}

pub(super) const BASIC: Panel = panel(
    "51990-0",
    "Basic metabolic panel",
    &["2345-7", "3094-0", "2160-0", "98979-8", "2951-2", "2823-3", "2075-0", "2028-9", "17861-6"],
);
pub(super) const METABOLIC: Panel = panel(
    "24323-8",
    "Comprehensive metabolic panel",
    &[
        "2345-7", "3094-0", "2160-0", "98979-8", "2951-2", "2823-3", "2075-0", "2028-9", "17861-6", "1742-6", "1920-8",
        "6768-6", "1975-2", "1751-7",
    ],
);
pub(super) const LIPIDS: Panel = panel("24331-1", "Lipid panel", &["2093-3", "2085-9", "13457-7", "2571-8"]);
pub(super) const BLOOD: Panel =
    panel("58410-2", "Complete blood count", &["6690-2", "789-8", "718-7", "4544-3", "787-2", "777-3"]);
pub(super) const A1C: Panel = panel("4548-4", "Haemoglobin A1c", &["4548-4"]);
pub(super) const THYROID: Panel = panel("3016-3", "Thyrotropin", &["3016-3"]);
pub(super) const IRON: Panel = panel("2276-4", "Ferritin", &["2276-4"]);
pub(super) const VITAMIN_D: Panel = panel("62292-8", "25-Hydroxyvitamin D", &["62292-8"]);
pub(super) const ALBUMIN: Panel = panel("9318-7", "Urine albumin per creatinine", &["9318-7"]);
pub(super) const HEART: Panel = panel("30934-4", "B-type natriuretic peptide", &["30934-4"]);
pub(super) const INFLAMMATION: Panel = panel("1988-5", "C-reactive protein", &["1988-5"]);
pub(super) const PROSTATE: Panel = panel("2857-1", "Prostate-specific antigen", &["2857-1"]);
pub(super) const URIC: Panel = panel("3084-1", "Uric acid", &["3084-1"]);
pub(super) const CLOTTING: Panel = panel("6301-6", "INR", &["6301-6"]);
pub(super) const URINE: Panel = panel("24356-8", "Urinalysis", &["5811-5", "5803-2"]);

/// A person's own levels: how far they usually lie from other people's.
pub(super) struct Body {
    own: Vec<f64>,
}

impl Body {
    pub(super) fn new(random: &mut Random) -> Self {
        Self { own: ANALYTES.iter().map(|a| random.spread() * a.between).collect() }
    }

    /// What is measured in a person some years into care; `chance` is the day's deviation around 0.
    pub(super) fn measure(&self, code: &str, who: &Patient<'_>, chance: f64) -> Option<(&'static Analyte, Reading)> {
        let at = ANALYTES.iter().position(|a| a.code == code)?;
        let analyte = &ANALYTES[at];
        let sex = usize::from(who.person.sex == "M");
        let exact = match code {
            "98979-8" => filtration(self.level("2160-0", who), who),
            _ => self.level(code, who) + chance * analyte.within,
        };
        Some((analyte, analyte.report(exact, sex)))
    }

    fn level(&self, code: &str, who: &Patient<'_>) -> f64 {
        let Some(at) = ANALYTES.iter().position(|a| a.code == code) else { return 0.0 };
        let sex = usize::from(who.person.sex == "M");
        ANALYTES[at].usual[sex] + self.own[at] + illness(code, who)
    }
}

/// What of a person decides a measurement.
#[derive(Clone, Copy)]
pub(super) struct Patient<'a> {
    pub(super) person: &'a Person,
    pub(super) held: &'a Held,
    /// Years of age, and since care began.
    pub(super) age: f64,
    pub(super) care: f64,
}

/// How far illness, and its treatment in the years of care, moves a level.
fn illness(code: &str, who: &Patient<'_>) -> f64 {
    let has = |k: Kind| who.held.contains(&k);
    // Most of what treatment brings comes in the first year.
    let untreated = 1.0 / (1.0 + 2.0 * who.care);
    let sum = |parts: &[(Kind, f64)]| parts.iter().filter(|(k, _)| has(*k)).map(|(_, by)| by).sum::<f64>();
    match code {
        "4548-4" => sum(&[(Kind::Diabetes, 1.6 + 2.3 * untreated)]),
        "2345-7" => sum(&[(Kind::Diabetes, 42.0 + 62.0 * untreated)]),
        "2160-0" => sum(&[(Kind::Kidney, 0.42 + 0.05 * who.care), (Kind::HeartFailure, 0.12)]),
        "3094-0" => sum(&[(Kind::Kidney, 9.0 + who.care), (Kind::HeartFailure, 4.0)]),
        "2823-3" => sum(&[(Kind::Kidney, 0.35)]),
        "13457-7" => sum(&[(Kind::Lipids, 68.0 * untreated - 14.0), (Kind::Coronary, -18.0)]),
        "2093-3" => sum(&[(Kind::Lipids, 74.0 * untreated - 12.0), (Kind::Coronary, -18.0)]),
        "2571-8" => sum(&[(Kind::Lipids, 40.0), (Kind::Diabetes, 35.0), (Kind::Weight, 18.0)]),
        "2085-9" => sum(&[(Kind::Weight, -6.0), (Kind::Diabetes, -4.0)]),
        "718-7" => sum(&[(Kind::Iron, -2.8 * untreated - 0.3), (Kind::Kidney, -1.1)]),
        "4544-3" => sum(&[(Kind::Iron, -7.5 * untreated - 0.8), (Kind::Kidney, -3.0)]),
        "787-2" => sum(&[(Kind::Iron, -12.0 * untreated - 2.0)]),
        "2276-4" => sum(&[(Kind::Iron, -50.0 * untreated - 12.0)]),
        "3016-3" => sum(&[(Kind::Thyroid, 8.5 * untreated + 0.6)]),
        "62292-8" => sum(&[(Kind::VitaminD, -22.0 * untreated - 4.0)]),
        "9318-7" => sum(&[(Kind::Kidney, 90.0 + 9.0 * who.care), (Kind::Diabetes, 4.0)]),
        "30934-4" => sum(&[(Kind::HeartFailure, 420.0 + 300.0 * untreated), (Kind::Rhythm, 60.0)]),
        "1988-5" => sum(&[(Kind::Arthritis, 14.0 * untreated + 3.0), (Kind::Weight, 1.5)]),
        "2857-1" => sum(&[(Kind::Prostate, 1.4 + 0.1 * who.care)]),
        "3084-1" => sum(&[(Kind::Gout, 3.0 * untreated), (Kind::Kidney, 0.8)]),
        _ => 0.0,
    }
}

/// Filtration rate from creatinine, age and sex by the CKD-EPI equation of 2021 (Inker et al., N Engl J Med 2021).
fn filtration(creatinine: f64, who: &Patient<'_>) -> f64 {
    let (kappa, alpha, factor) = if who.person.sex == "F" { (0.7, -0.241, 1.012) } else { (0.9, -0.302, 1.0) };
    let ratio = creatinine.max(0.2) / kappa;
    142.0 * ratio.min(1.0).powf(alpha) * ratio.max(1.0).powf(-1.2) * 0.9938_f64.powf(who.age) * factor
}

impl Analyte {
    fn report(&self, exact: f64, sex: usize) -> Reading {
        let (least, greatest) = self.limits;
        let (value, comparator) = if exact < least && least > 0.0 {
            (least, Some("<"))
        } else if exact > greatest {
            (greatest, Some(">"))
        } else {
            // No quantity here is ever zero; a bad draw is reported as the smallest step above it.
            (exact.max(0.1), None)
        };
        let unit = 10_f64.powi(i32::try_from(self.decimals).unwrap_or(0));
        let value = (value * unit).round() / unit;
        let (low, high) = self.ranges[sex];
        // A value below what can be told is not "low" unless the range begins above it.
        let flag = match comparator {
            _ if value > high => "H",
            _ if value < low => "L",
            _ => "N",
        };
        Reading { value, comparator, range: (low, high), flag }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_panel_names_known_analytes() {
        for panel in [
            &BASIC,
            &METABOLIC,
            &LIPIDS,
            &BLOOD,
            &A1C,
            &THYROID,
            &IRON,
            &VITAMIN_D,
            &ALBUMIN,
            &HEART,
            &INFLAMMATION,
            &PROSTATE,
            &URIC,
            &CLOTTING,
            &URINE,
        ] {
            for code in panel.analytes {
                assert!(ANALYTES.iter().any(|a| a.code == *code), "{} of {}", code, panel.label);
            }
        }
    }

    #[test]
    fn the_filtration_rate_follows_the_published_equation() {
        let person = super::super::people::person(0, time::macros::date!(2026 - 03 - 02));
        let held = Held::new();
        let who = Patient { person: &person, held: &held, age: 50.0, care: 0.0 };
        // 142 x (1.0/0.7)^-1.2 x 0.9938^50 x 1.012, worked by hand.
        assert!((filtration(1.0, &who) - 68.6).abs() < 0.1, "{}", filtration(1.0, &who));
        let reading = ANALYTES[3].report(104.0, 0);
        assert_eq!((reading.value, reading.comparator, reading.flag), (90.0, Some(">"), "N"));
    }
}
