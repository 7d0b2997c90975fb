//! Long-term problems and passing illnesses by ICD-10-CM code, with labels of our own, how common they are in this
//! clinic, and what they are treated with. Frequencies are round guesses that make a believable list, not statistics.

use super::{people::Person, random::Random};
use std::collections::BTreeSet;

/// A problem that others depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Pressure,
    Diabetes,
    Lipids,
    Kidney,
    Thyroid,
    Asthma,
    Lungs,
    Depression,
    Anxiety,
    Joints,
    Reflux,
    Rhythm,
    HeartFailure,
    Coronary,
    Migraine,
    Iron,
    Gout,
    Bones,
    Weight,
    Prostate,
    Sleep,
    VitaminD,
    Arthritis,
    Hayfever,
    Nerves,
}

/// A long-term problem.
pub(super) struct Problem {
    pub(super) kind: Kind,
    code: &'static str,
    label: &'static str,
    /// From this age on, for this sex only when one is given.
    who: (i32, &'static str),
    /// Percent at that age, and more with every ten years.
    percent: (i32, i32),
    pub(super) lines: &'static [Line],
}

/// One medicine of a treatment.
pub(super) struct Line {
    /// Percent of patients who get it.
    pub(super) share: i32,
    /// `RxNorm` numbers: the first that nothing speaks against is given.
    pub(super) options: &'static [&'static str],
    /// What replaces it when it is not enough.
    pub(super) stronger: Option<&'static str>,
}

const fn line(share: i32, options: &'static [&'static str]) -> Line {
    Line { share, options, stronger: None }
}

const fn stepped(share: i32, options: &'static [&'static str], stronger: &'static str) -> Line {
    Line { share, options, stronger: Some(stronger) }
}

const fn problem(
    kind: Kind,
    (code, label): (&'static str, &'static str),
    who: (i32, &'static str),
    percent: (i32, i32),
    lines: &'static [Line],
) -> Problem {
    Problem { kind, code, label, who, percent, lines }
}

const PAIN: &[&str] = &["310965", "313782"];

#[rustfmt::skip]
const PROBLEMS: &[Problem] = &[
    problem(Kind::Pressure, ("I10", "High blood pressure"), (30, ""), (8, 12), &[stepped(80, &["314076", "979492"], "314077"), line(35, &["197361"]), line(20, &["310798"])]),
    problem(Kind::Diabetes, ("E11.9", "Type 2 diabetes"), (30, ""), (5, 6), &[stepped(100, &["861007"], "861004"), line(25, &["310490"]), line(15, &["311041"])]),
    problem(Kind::Lipids, ("E78.5", "Raised blood lipids"), (35, ""), (10, 11), &[stepped(85, &["617310", "349556"], "617311")]),
    problem(Kind::Kidney, ("N18.31", "Chronic kidney disease, stage 3a"), (55, ""), (3, 6), &[]),
    problem(Kind::Thyroid, ("E03.9", "Underactive thyroid"), (25, ""), (3, 2), &[line(95, &["966221"])]),
    problem(Kind::Asthma, ("J45.30", "Mild persistent asthma"), (18, ""), (8, 0), &[line(100, &["745679"]), line(70, &["895994"])]),
    problem(Kind::Lungs, ("J44.9", "Chronic obstructive lung disease"), (50, ""), (4, 4), &[line(100, &["745679"]), line(40, &["895994"])]),
    problem(Kind::Depression, ("F32.A", "Depression"), (18, ""), (9, 0), &[line(75, &["312941"])]),
    problem(Kind::Anxiety, ("F41.1", "Generalized anxiety"), (18, ""), (7, 0), &[line(50, &["349332"])]),
    problem(Kind::Joints, ("M17.0", "Osteoarthritis of both knees"), (50, ""), (8, 9), &[line(70, PAIN)]),
    problem(Kind::Reflux, ("K21.9", "Acid reflux"), (30, ""), (9, 3), &[line(80, &["198051"])]),
    problem(Kind::Rhythm, ("I48.91", "Atrial fibrillation"), (60, ""), (3, 6), &[line(95, &["1364445"]), line(75, &["866436"])]),
    problem(Kind::HeartFailure, ("I50.22", "Chronic systolic heart failure"), (60, ""), (2, 4), &[line(100, &["313988"]), line(85, &["866436"]), line(80, &["314076", "979492"])]),
    problem(Kind::Coronary, ("I25.10", "Coronary artery disease without angina"), (50, ""), (4, 5), &[line(90, &["243670", "309362"]), line(90, &["617311", "349556"])]),
    problem(Kind::Migraine, ("G43.009", "Migraine without aura"), (18, "F"), (11, 0), &[line(60, PAIN)]),
    problem(Kind::Iron, ("D50.9", "Iron deficiency anaemia"), (18, "F"), (8, 0), &[line(90, &["310325"])]),
    problem(Kind::Gout, ("M10.9", "Gout"), (40, "M"), (4, 2), &[line(80, &["197319"])]),
    problem(Kind::Bones, ("M81.0", "Osteoporosis without fracture"), (60, "F"), (10, 9), &[line(70, &["904431"])]),
    problem(Kind::Weight, ("E66.9", "Obesity"), (18, ""), (18, 1), &[]),
    problem(Kind::Prostate, ("N40.1", "Enlarged prostate with urinary symptoms"), (55, "M"), (12, 8), &[line(80, &["863669"])]),
    problem(Kind::Sleep, ("G47.33", "Obstructive sleep apnoea"), (35, ""), (6, 1), &[]),
    problem(Kind::VitaminD, ("E55.9", "Vitamin D deficiency"), (18, ""), (9, 1), &[]),
    problem(Kind::Arthritis, ("M06.9", "Rheumatoid arthritis"), (35, ""), (2, 0), &[line(80, &["105585"])]),
    problem(Kind::Hayfever, ("J30.2", "Seasonal hay fever"), (18, ""), (11, 0), &[line(70, &["997488"])]),
    problem(Kind::Nerves, ("E11.42", "Diabetic nerve damage"), (40, ""), (0, 0), &[line(70, &["310431"])]),
];

/// What one patient has.
pub(super) type Held = BTreeSet<Kind>;

/// Draws the problems of a person of this age.
pub(super) fn draw(person: &Person, age: i32, random: &mut Random) -> Vec<&'static Problem> {
    let (full, mut held) = (person.number == 0, Vec::new());
    for problem in PROBLEMS {
        let (from, sex) = problem.who;
        let percent = (problem.percent.0 + problem.percent.1 * (age - from) / 10).min(85);
        // The full chart is that of a person with the illnesses that bring most measurements.
        let certain =
            full && matches!(problem.kind, Kind::Pressure | Kind::Diabetes | Kind::HeartFailure | Kind::Lipids);
        if certain || (age >= from && (sex.is_empty() || sex == person.sex) && random.chance(percent)) {
            held.push(problem);
        }
    }
    let diabetic = held.iter().any(|p| p.kind == Kind::Diabetes);
    held.extend(PROBLEMS.iter().filter(|p| p.kind == Kind::Nerves && diabetic && random.chance(25)));
    held
}

impl Problem {
    /// Code and label. Problems that ICD-10-CM takes to belong together are coded together (guidelines I.C.4.a and
    /// I.C.9.a).
    pub(super) fn coded(&self, held: &Held) -> (&'static str, &'static str) {
        let has = |k| held.contains(&k);
        match self.kind {
            Kind::Pressure if has(Kind::HeartFailure) && has(Kind::Kidney) => {
                ("I13.0", "High blood pressure with heart failure and kidney disease")
            }
            Kind::Pressure if has(Kind::HeartFailure) => ("I11.0", "High blood pressure with heart failure"),
            Kind::Pressure if has(Kind::Kidney) => ("I12.9", "High blood pressure with kidney disease"),
            Kind::Diabetes if has(Kind::Kidney) => ("E11.22", "Type 2 diabetes with kidney disease"),
            _ => (self.code, self.label),
        }
    }

    /// Whether it needs regular visits.
    pub(super) fn is_demanding(&self) -> bool {
        !matches!(self.kind, Kind::Weight | Kind::Sleep | Kind::VitaminD | Kind::Hayfever | Kind::Migraine)
    }
}

/// A passing illness: code, label, medicines of which one may be given, whom it befalls.
pub(super) struct Illness {
    pub(super) code: &'static str,
    pub(super) label: &'static str,
    pub(super) options: &'static [&'static str],
    pub(super) sex: &'static str,
    pub(super) fever: bool,
}

const fn illness(code: &'static str, label: &'static str, options: &'static [&'static str], fever: bool) -> Illness {
    Illness { code, label, options, sex: "", fever }
}

pub(super) const ILLNESSES: &[Illness] = &[
    illness("J06.9", "Upper respiratory infection", &[], true),
    illness("J06.9", "Upper respiratory infection", &["313782"], true),
    illness("J02.9", "Sore throat", &["308192", "308460"], true),
    illness("J01.90", "Acute sinusitis", &["308192", "308460"], true),
    illness("J20.9", "Acute bronchitis", &[], true),
    Illness { sex: "F", ..illness("N39.0", "Urinary tract infection", &["198335", "311995"], false) },
    illness("M54.50", "Low back pain", PAIN, false),
    illness("M25.561", "Pain in the right knee", PAIN, false),
    illness("S93.401A", "Sprain of the right ankle", PAIN, false),
    illness("L30.9", "Dermatitis", &["312615"], false),
    illness("B34.9", "Viral infection", &[], true),
    illness("R51.9", "Headache", PAIN, false),
    illness("H10.9", "Conjunctivitis", &[], false),
];
