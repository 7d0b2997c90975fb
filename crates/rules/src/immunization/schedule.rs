//! The schedule: what the supporting data say, as typed values (CDSi chapter 3).
//!
//! An antigen has series, a series has doses, a dose has ages, intervals, vaccines and reasons to skip it. The reader is
//! [`super::read`]. Texts are kept where a person will read them, codes everywhere else.

use super::{Gender, Period};
use serde::Serialize;
use std::collections::HashMap;
use time::Date;

/// Vaccine administered, CDC code set CVX.
pub type Cvx = u16;

/// A released set of supporting data.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schedule {
    /// In the order of their names.
    pub antigens: Vec<Antigen>,
    /// Vaccine groups with the antigens they classify.
    pub groups: Vec<VaccineGroup>,
    /// By the vaccine whose timing is impacted.
    pub conflicts: HashMap<Cvx, Vec<Conflict>>,
    /// The antigens in each vaccine.
    pub vaccines: HashMap<Cvx, Vec<Association>>,
    /// Observations by number.
    pub observations: HashMap<u16, Observation>,
}

impl Schedule {
    /// The observations that a code of a system, such as `SNOMED`, stands for.
    #[must_use]
    pub fn observed_as(&self, system: &str, code: &str) -> Vec<u16> {
        let means = |o: &Observation| o.codes.iter().any(|(s, c)| s.eq_ignore_ascii_case(system) && c == code);
        let mut found: Vec<u16> = self.observations.iter().filter(|(_, o)| means(o)).map(|(n, _)| *n).collect();
        found.sort_unstable();
        found
    }
}

/// A condition, event or finding that the schedule asks about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observation {
    /// In words.
    pub title: String,
    /// Codes that stand for it, each behind its system.
    pub codes: Vec<(String, String)>,
}

/// A disease with its paths to immunity.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Antigen {
    /// Such as `Measles`.
    pub name: String,
    /// Observations that prove immunity (7.2).
    pub immune_by: Vec<u16>,
    /// Births that prove immunity (7.2).
    pub immune_born: Vec<ImmuneBorn>,
    /// What forbids every vaccine against it (7.3).
    pub contraindications: Vec<Contraindication>,
    /// What forbids single vaccines (7.3).
    pub vaccine_contraindications: Vec<VaccineContraindication>,
    /// Paths to immunity.
    pub series: Vec<Series>,
}

/// Birth before a day counts as immunity.
#[derive(Debug, Clone, PartialEq)]
pub struct ImmuneBorn {
    /// Born before this day.
    pub before: Date,
    /// Born in this country; empty for any.
    pub country: Option<String>,
    /// Observations for which birth proves nothing.
    pub unless: Vec<u16>,
}

/// A condition under which no dose of an antigen may be given.
#[derive(Debug, Clone, PartialEq)]
pub struct Contraindication {
    /// Observation that forbids.
    pub observation: u16,
    /// The rule in words.
    pub text: String,
    /// Advice to the clinician.
    pub guidance: Option<String>,
    /// From this age.
    pub begin: Option<Period>,
    /// Until this age.
    pub end: Option<Period>,
}

/// A condition under which some vaccines may not be given.
#[derive(Debug, Clone, PartialEq)]
pub struct VaccineContraindication {
    /// Observation that forbids.
    pub observation: u16,
    /// The rule in words.
    pub text: String,
    /// Advice to the clinician.
    pub guidance: Option<String>,
    /// The vaccines with the ages for which they are forbidden.
    pub vaccines: Vec<VaccineAge>,
}

/// For whom a series is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum SeriesKind {
    /// For all of an age.
    Standard,
    /// For those with an indication.
    Risk,
    /// Accepted when complete, never recommended.
    EvaluationOnly,
}

/// One way to reach immunity against an antigen.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Such as `HepB 3-dose series`.
    pub name: String,
    /// For whom.
    pub kind: SeriesKind,
    /// Name of its vaccine group.
    pub vaccine_group: String,
    /// Genders it is for; empty for all.
    pub genders: Vec<Gender>,
    /// Number of its series group.
    pub group: u8,
    /// Series groups one of which makes this one unnecessary.
    pub equivalent: Vec<u8>,
    /// Taken when nothing speaks for another.
    pub is_default: bool,
    /// All doses of one product.
    pub is_product: bool,
    /// `A` before `B`.
    pub priority: char,
    /// Lower is preferred among equals; a series without a rank comes last.
    pub preference: Option<u8>,
    /// A first valid dose from this age on is too late for it.
    pub max_age_to_start: Option<Period>,
    /// What makes a risk series relevant.
    pub indications: Vec<Indication>,
    /// Advice to the clinician.
    pub guidance: Vec<String>,
    /// In order.
    pub doses: Vec<SeriesDose>,
}

/// An observation that makes a risk series relevant.
#[derive(Debug, Clone, PartialEq)]
pub struct Indication {
    /// The observation.
    pub observation: u16,
    /// In words.
    pub text: String,
    /// From this age.
    pub begin: Option<Period>,
    /// Until this age.
    pub end: Option<Period>,
    /// Advice to the clinician.
    pub guidance: Option<String>,
}

/// One dose of a series: the target that a given dose may satisfy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesDose {
    /// From 1.
    pub number: u8,
    /// Alternatives by the day they are in force.
    pub ages: Vec<Ages>,
    /// All must hold (6.5).
    pub intervals: Vec<Interval>,
    /// Tried when a preferable interval fails (6.6).
    pub allowable_intervals: Vec<Interval>,
    /// Recommended vaccines (6.8).
    pub preferable: Vec<PreferableVaccine>,
    /// Accepted vaccines (6.9).
    pub allowable: Vec<VaccineAge>,
    /// Vaccines given by mistake (6.3).
    pub inadvertent: Vec<Cvx>,
    /// When it need not be given (6.2).
    pub skips: Vec<ConditionalSkip>,
    /// Recurs after it was satisfied.
    pub recurring: bool,
    /// Only recommended in this time.
    pub season: Option<Season>,
}

/// From when until when a row of the schedule is in force; both days included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct InForce {
    /// First day.
    pub from: Option<Date>,
    /// Last day.
    pub until: Option<Date>,
}

impl InForce {
    pub(crate) fn on(self, date: Date) -> bool {
        self.from.is_none_or(|from| from <= date) && self.until.is_none_or(|until| date <= until)
    }
}

/// Ages of a dose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Ages {
    /// Below it a dose does not count.
    pub absolute_minimum: Option<Period>,
    /// Below it a dose counts by grace.
    pub minimum: Option<Period>,
    /// Recommended from.
    pub earliest_recommended: Option<Period>,
    /// Past due from.
    pub latest_recommended: Option<Period>,
    /// Not given from.
    pub maximum: Option<Period>,
    /// When this row applies.
    pub in_force: InForce,
}

/// What an interval is counted from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Reference {
    /// The dose before (CALCDTINT-1).
    Previous,
    /// The dose that satisfied a target (CALCDTINT-2).
    Target(u8),
    /// The latest dose of some vaccines (CALCDTINT-8).
    MostRecent(Vec<Cvx>),
    /// The day of an observation (CALCDTINT-9).
    Observation(u16),
}

/// A wait before a dose.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Interval {
    /// From what.
    pub from: Reference,
    /// Below it a dose does not count.
    pub absolute_minimum: Option<Period>,
    /// Below it a dose counts by grace.
    pub minimum: Option<Period>,
    /// Recommended from.
    pub earliest_recommended: Option<Period>,
    /// Past due from.
    pub latest_recommended: Option<Period>,
    /// Goes before the ages of other antigens of the vaccine group (FORECASTPRIORITY-1).
    pub priority: bool,
    /// When this row applies.
    pub in_force: InForce,
}

/// A vaccine with the ages for which a row holds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct VaccineAge {
    /// The vaccine.
    pub cvx: Cvx,
    /// From this age.
    pub begin: Option<Period>,
    /// Until this age.
    pub end: Option<Period>,
}

/// A vaccine that is recommended for a dose.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PreferableVaccine {
    /// The vaccine and its ages.
    pub vaccine: VaccineAge,
    /// Only this product.
    pub trade_name: Option<String>,
    /// Only of this maker.
    pub mvx: Option<String>,
    /// Millilitres.
    pub volume: Option<f64>,
    /// Named in a forecast.
    pub recommended: bool,
}

/// A time of year.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Season {
    /// First day.
    pub start: Option<Date>,
    /// Last day.
    pub end: Option<Date>,
}

/// When a conditional skip is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum SkipContext {
    /// Of doses given.
    Evaluation,
    /// Of the next dose.
    Forecast,
    /// Of either.
    Both,
}

/// Reasons for which a dose need not be given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConditionalSkip {
    /// When it is asked.
    pub context: SkipContext,
    /// All sets must hold, not one.
    pub all_sets: bool,
    /// What must hold.
    pub sets: Vec<SkipSet>,
}

/// Conditions that hold together or singly.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SkipSet {
    /// All conditions must hold, not one.
    pub all_conditions: bool,
    /// What must hold.
    pub conditions: Vec<SkipCondition>,
    /// When this set applies.
    pub in_force: InForce,
}

/// One condition of a skip (tables 6-6 to 6-9).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum SkipCondition {
    /// The person's age.
    Age {
        /// From.
        begin: Option<Period>,
        /// Until.
        end: Option<Period>,
    },
    /// Time since the dose before.
    Interval(Period),
    /// Another series group is complete.
    CompletedSeries(Vec<u8>),
    /// How many doses were given.
    Count(SkipCount),
}

/// A condition on the number of doses (CONDSKIP-1).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SkipCount {
    /// Given from this age.
    pub begin: Option<Period>,
    /// Given until this age.
    pub end: Option<Period>,
    /// Given from this day.
    pub start_on: Option<Date>,
    /// Given before this day.
    pub end_on: Option<Date>,
    /// Only valid doses count.
    pub valid_only: bool,
    /// Of these vaccines; empty for all.
    pub vaccines: Vec<Cvx>,
    /// How the number is compared.
    #[serde(serialize_with = "comparison")]
    pub compare: std::cmp::Ordering,
    /// With what it is compared.
    pub count: usize,
}

/// How a number is compared, as the supporting data write it.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over by reference")]
fn comparison<S: serde::Serializer>(compare: &std::cmp::Ordering, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match compare {
        std::cmp::Ordering::Less => "less than",
        std::cmp::Ordering::Equal => "equal to",
        std::cmp::Ordering::Greater => "greater than",
    })
}

/// Antigens that are given and forecast together.
#[derive(Debug, Clone, PartialEq)]
pub struct VaccineGroup {
    /// Such as `MMR`.
    pub name: String,
    /// All antigens are given when one is due.
    pub administer_full: bool,
    /// Names of antigens.
    pub antigens: Vec<String>,
}

/// A vaccine that must keep a distance from another given before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conflict {
    /// The vaccine given before.
    pub previous: Cvx,
    /// From so long after it.
    pub begin: Period,
    /// Until so long after it, when it was valid or not evaluated.
    pub minimum_end: Period,
    /// Until so long after it otherwise.
    pub end: Period,
}

/// An antigen in a vaccine.
#[derive(Debug, Clone, PartialEq)]
pub struct Association {
    /// Index in [`Schedule::antigens`].
    pub antigen: usize,
    /// Counts from this age.
    pub begin: Option<Period>,
    /// Counts until this age.
    pub end: Option<Period>,
}
