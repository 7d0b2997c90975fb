//! What the engine answers: for every dose and every target why, with the figures a page shows.
//!
//! Names borrow from the schedule. Doses are named by their position in [`super::Patient::doses`].

use super::schedule::{Cvx, SeriesKind};
use serde::Serialize;
use time::Date;

/// The verdict on a dose (CDSi 6.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum EvaluationStatus {
    /// It counts.
    Valid,
    /// It does not count.
    NotValid,
    /// It was not needed.
    Extraneous,
    /// It could not be evaluated and must be repeated.
    SubStandard,
}

/// What an interval was counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum IntervalFrom {
    /// The dose before.
    Previous,
    /// The dose that satisfied this target.
    Target(u8),
    /// The latest dose of named vaccines.
    MostRecent,
    /// An observation.
    Observation(u16),
}

/// Why a dose was judged as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Reason {
    /// Given after the lot expired on this day (6.1).
    LotExpired(Date),
    /// Recalled, spoiled or wrongly given (6.1).
    Compromised,
    /// The wrong vaccine by mistake (6.3).
    Inadvertent,
    /// Given before the absolute minimum age, reached on this day (6.4).
    TooYoung(Date),
    /// Given in the days of grace before the minimum age (6.4).
    AgeGracePeriod(Date),
    /// Given at or after the maximum age, reached on this day (6.4).
    TooOld(Date),
    /// Given too soon after another event (6.5, 6.6).
    TooSoon {
        /// What was counted from.
        from: IntervalFrom,
        /// The day it was counted from.
        since: Date,
        /// The first day that would have counted.
        until: Date,
    },
    /// Given in the days of grace before the minimum interval (6.5).
    IntervalGracePeriod(Date),
    /// Too close to another vaccine (6.7).
    Conflict {
        /// The vaccine given before.
        with: Cvx,
        /// When it was given.
        since: Date,
        /// The first day that would have counted.
        until: Date,
    },
    /// Neither a preferable nor an allowable vaccine (6.8, 6.9).
    VaccineNotAllowed,
    /// The right vaccine outside the ages it is for (6.8, 6.9).
    VaccineAge,
    /// Less was given than recommended; it counts (6.8).
    LessVolume,
    /// Nothing was missing any more (4.4).
    SeriesComplete,
}

/// The verdict on one dose within one series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DoseEvaluation {
    /// Position in the person's doses.
    pub dose: usize,
    /// When it was given.
    pub on: Date,
    /// The dose of the series it was held against; none when all were done.
    pub target: Option<u8>,
    /// The verdict.
    pub status: EvaluationStatus,
    /// The first reason decides.
    pub reasons: Vec<Reason>,
}

impl DoseEvaluation {
    pub(crate) fn is_inadvertent(&self) -> bool {
        self.reasons.first() == Some(&Reason::Inadvertent)
    }
}

/// How far a dose of a series has come (CDSi 4.4, 6.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum TargetStatus {
    /// Still to be given.
    NotSatisfied,
    /// Given.
    Satisfied,
    /// Not needed.
    Skipped,
}

/// A dose of a series and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TargetOutcome {
    /// Its number in the series; a recurring dose keeps its number.
    pub number: u8,
    /// How far.
    pub status: TargetStatus,
    /// Index of the evaluation that satisfied it, in [`SeriesOutcome::evaluations`].
    pub by: Option<usize>,
    #[serde(skip)]
    pub(crate) dose: usize,
}

/// Where a person stands in a series or vaccine group (table 7-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Status {
    /// Another dose is recommended.
    NotComplete,
    /// All doses were given.
    Complete,
    /// There is evidence of immunity.
    Immune,
    /// No dose may be given.
    Contraindicated,
    /// Too old for what is missing.
    AgedOut,
    /// Nothing is recommended now.
    NotRecommended,
}

/// Why the forecast is as it is (table 7-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ForecastReason {
    /// All doses were given.
    SeriesComplete,
    /// Nothing is recommended now because of past doses.
    PastHistory,
    /// There is evidence of immunity.
    EvidenceOfImmunity,
    /// This observation forbids it.
    Contraindication(u16),
    /// Every vaccine that could be given is contraindicated.
    NoVaccineLeft,
    /// The season ended on this day.
    SeasonOver(Date),
    /// The maximum age was reached on this day.
    TooOld(Date),
    /// The next dose would come at or after the maximum age, reached on this day.
    CannotFinish(Date),
}

/// What is recommended next in a series (CDSi 7.5).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast<'a> {
    /// Where the person stands.
    pub status: Status,
    /// Why; empty when a dose is due.
    pub reasons: Vec<ForecastReason>,
    /// The number of the dose that is due (FORECASTDN-1).
    pub dose_number: Option<usize>,
    /// First day it may be given.
    pub earliest: Option<Date>,
    /// Day from which it is recommended.
    pub recommended: Option<Date>,
    /// Day from which it is late.
    pub past_due: Option<Date>,
    /// Last day it may be given.
    pub latest: Option<Date>,
    /// The recommended day before it was moved to the earliest (FORECASTDT-2).
    pub unadjusted_recommended: Option<Date>,
    /// The past due day before it was moved (FORECASTDT-3).
    pub unadjusted_past_due: Option<Date>,
    /// Vaccines to be named (FORECASTRECVAC-1).
    pub vaccines: Vec<Cvx>,
    /// Advice to the clinician (FORECASTGUIDANCE-1).
    pub guidance: Vec<&'a str>,
    /// FORECASTPRIORITY-1.
    #[serde(skip)]
    pub(crate) priority: bool,
}

/// How the choice among series treated this one (CDSi 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Standing {
    /// Not among those that could be chosen (8.1).
    NotScorable,
    /// Could be chosen and was not.
    Scorable,
    /// Chosen in its series group, and not needed beside another group (8.7).
    Prioritized,
    /// Chosen (8.8).
    Best,
}

/// A series held against a person's history.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesOutcome<'a> {
    /// Name of the antigen.
    pub antigen: &'a str,
    /// Name of the series.
    pub series: &'a str,
    /// Name of the vaccine group.
    pub vaccine_group: &'a str,
    /// For whom the series is.
    pub kind: SeriesKind,
    /// Doses that contain the antigen, by day.
    pub evaluations: Vec<DoseEvaluation>,
    /// Doses of the series in order.
    pub targets: Vec<TargetOutcome>,
    /// What is next.
    pub forecast: Forecast<'a>,
    /// Points where series were compared (8.4 to 8.6).
    pub score: Option<i32>,
    /// What became of it.
    pub standing: Standing,
    #[serde(skip)]
    pub(crate) rules: &'a super::schedule::Series,
}

/// What is recommended next in a vaccine group (CDSi 9).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupForecast<'a> {
    /// Name of the vaccine group.
    pub vaccine_group: &'a str,
    /// For whom the series are that it was made of.
    pub kind: SeriesKind,
    /// Where the person stands.
    pub status: Status,
    /// Why; empty when a dose is due.
    pub reasons: Vec<ForecastReason>,
    /// The number of the dose that is due (FORECASTDN-2).
    pub dose_number: Option<usize>,
    /// First day it may be given.
    pub earliest: Option<Date>,
    /// Day from which it is recommended.
    pub recommended: Option<Date>,
    /// Day from which it is late.
    pub past_due: Option<Date>,
    /// Last day it may be given.
    pub latest: Option<Date>,
    /// Antigens that are due (FORECASTVG-8).
    pub antigens: Vec<&'a str>,
    /// Vaccines to be named (FORECASTVG-9).
    pub vaccines: Vec<Cvx>,
    /// Advice to the clinician.
    pub guidance: Vec<&'a str>,
    /// Indexes into [`Assessment::series`].
    pub made_of: Vec<usize>,
}

/// A person's answer: which series, how the doses count, what is next.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assessment<'a> {
    /// The day it holds for.
    pub on: Date,
    /// Relevant series by antigen.
    pub series: Vec<SeriesOutcome<'a>>,
    /// Vaccine groups for which anything is known.
    pub groups: Vec<GroupForecast<'a>>,
    /// Vaccines that the schedule does not know, by position of the dose.
    pub unknown_vaccines: Vec<usize>,
}

impl<'a> Assessment<'a> {
    /// The one forecast of a vaccine group to show first, where several series groups apply. With `risk`, that of a risk
    /// series goes before, unless it has nothing to say.
    #[must_use]
    pub fn headline(&self, vaccine_group: &str, risk: bool) -> Option<&GroupForecast<'a>> {
        let speaks = |f: &GroupForecast<'_>| !matches!(f.status, Status::AgedOut | Status::NotRecommended);
        let preferred = |f: &GroupForecast<'_>| f.kind == SeriesKind::Risk && speaks(f);
        let first = self.headline_among(vaccine_group, preferred).filter(|_| risk);
        first.or_else(|| self.headline_among(vaccine_group, |_| true))
    }

    /// The series that speaks for an antigen: of the forecast that is shown first for its vaccine group, or else a best one, or
    /// else one that was chosen in its series group.
    #[must_use]
    pub fn chosen(&self, antigen: &str) -> Option<&SeriesOutcome<'a>> {
        let of = |standing: Standing| self.series.iter().find(move |o| o.antigen == antigen && o.standing == standing);
        let first = of(Standing::Best).and_then(|o| self.headline(o.vaccine_group, true));
        let shown = first.into_iter().flat_map(|f| &f.made_of).map(|i| &self.series[*i]).find(|o| o.antigen == antigen);
        shown.or_else(|| of(Standing::Best)).or_else(|| of(Standing::Prioritized))
    }

    /// The forecast to show first among some: what is due now, then what was begun, then what is complete, then what comes
    /// next.
    pub(crate) fn headline_among(
        &self,
        vaccine_group: &str,
        among: impl Fn(&GroupForecast<'_>) -> bool,
    ) -> Option<&GroupForecast<'a>> {
        let begun = |f: &GroupForecast<'_>| {
            let mut targets = f.made_of.iter().flat_map(|i| &self.series[*i].targets);
            targets.any(|t| t.status == TargetStatus::Satisfied)
        };
        let rank = |f: &&GroupForecast<'_>| {
            let urgency = match f.status {
                Status::NotComplete if f.recommended.is_some_and(|date| date <= self.on) => 0,
                Status::NotComplete if begun(f) => 1,
                Status::Complete => 2,
                Status::NotComplete => 3,
                Status::Immune | Status::Contraindicated => 4,
                Status::NotRecommended => 5,
                Status::AgedOut => 6,
            };
            (urgency, f.earliest)
        };
        self.groups.iter().filter(|f| f.vaccine_group == vaccine_group && among(f)).min_by_key(rank)
    }
}
