//! School-entry requirements: which doses a law asks for, who is exempt, and how compliant a student and a school are.
//!
//! Laws name doses independently of any schedule, so requirements are data ([`Requirement`], read from JSON) and count doses
//! that the immunization engine, or the state's own rule, found valid. Nothing is assumed that a requirement does not say.

mod admission;
mod count;
mod given;
mod score;
mod status;

pub use admission::{Admission, AdmissionKind, Exclusion, ProvisionalReason, YearDay, school_year};
pub use count::{Missing, Progress};
pub use given::{record, record_between};
pub use score::{SchoolRates, compliance_score, school_rates};
pub use status::{GroupCompliance, Status, evaluate, worst};

use crate::immunization::Period;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use time::{Date, macros::format_description};

/// What a law asks for in one vaccine group at one checkpoint.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Such as `MMR`.
    pub vaccine_group: String,
    /// One of these is enough.
    pub any: Vec<Path>,
    /// Evidence of immunity stands for the doses.
    #[serde(default)]
    pub immunity_accepted: bool,
    /// Days before an age that still count: 4 or 0.
    #[serde(default)]
    pub grace_days: i16,
    /// Kinds of exemption that the law knows.
    #[serde(default)]
    pub exemptions: Vec<ExemptionKind>,
    /// Days after the next dose is due until which a student who has begun may attend without it; 0: until that day itself;
    /// none: no such admission.
    #[serde(default)]
    pub conditional_days: Option<i64>,
    /// Days for which a student may attend without records, by why; a reason that is not named gives none.
    #[serde(default)]
    pub provisional_days: BTreeMap<ProvisionalReason, i64>,
    /// When a student without the doses is kept home; none: never by this requirement.
    #[serde(default)]
    pub exclusion: Option<Exclusion>,
    /// A medical exemption that begins on this day or later counts only with its number in the register of the state.
    #[serde(default)]
    pub register_since: Option<Day>,
    /// Measles-containing groups weigh double in the score.
    #[serde(default)]
    pub contains_measles: bool,
}

/// One way to fulfil a requirement. Every condition that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Path {
    /// So many valid doses.
    pub doses: usize,
    /// One of them at this age or later.
    pub one_on_or_after: Option<Age>,
    /// Only doses at this age or later count.
    pub each_on_or_after: Option<Age>,
    /// So long between one counted dose and the next.
    pub min_interval: Option<Age>,
    /// So many doses that contain an antigen.
    pub antigen_counts: BTreeMap<String, usize>,
}

/// An age or a wait, written `4y`, `12m`, `8w` or `28d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age(pub Period);

impl<'de> Deserialize<'de> for Age {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom(format!("'{text}' is not an age such as 4y, 12m, 8w or 28d"));
        let at = text.len().checked_sub(1).filter(|at| text.is_char_boundary(*at)).ok_or_else(wrong)?;
        let (count, unit) = text.split_at(at);
        let count: i16 = count.parse().map_err(|_| wrong())?;
        let period = match unit {
            "y" => Period { years: count, ..Period::default() },
            "m" => Period { months: count, ..Period::default() },
            "w" => Period { days: count.checked_mul(7).ok_or_else(wrong)?, ..Period::default() },
            "d" => Period { days: count, ..Period::default() },
            _ => return Err(wrong()),
        };
        Ok(Self(period))
    }
}

/// A day, written `2021-01-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day(pub Date);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom(format!("'{text}' is not a day such as 2021-01-01"));
        Date::parse(&text, format_description!("[year]-[month]-[day]")).map(Self).map_err(|_| wrong())
    }
}

/// Why a student need not have doses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExemptionKind {
    /// A physician's, for good.
    MedicalPermanent,
    /// A physician's, until a day.
    MedicalTemporary,
    /// Of a faith.
    Religious,
    /// Of a conviction.
    Personal,
}

/// An approved exemption.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemption {
    /// Which kind.
    pub kind: ExemptionKind,
    /// Vaccine groups; empty for all.
    pub groups: Vec<String>,
    /// First day.
    pub from: Date,
    /// Last day; none for good.
    pub until: Option<Date>,
}

/// A dose that counts by the engine or by the state's rule. A dose of which only month or year is known has a span of days,
/// and must fulfil a condition on each of them.
#[derive(Debug, Clone, PartialEq)]
pub struct CountedDose {
    /// First possible day.
    pub first: Date,
    /// Last possible day.
    pub last: Date,
    /// Antigens in it.
    pub antigens: Vec<String>,
}

/// What is known of a student for one vaccine group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// Doses that count, in any order.
    pub doses: Vec<CountedDose>,
    /// Evidence of immunity.
    pub immune: bool,
    /// When the next dose is due by the forecast; none when none is.
    pub next_due_on: Option<Date>,
}

/// What is known of a student for all groups.
#[derive(Debug, Clone, PartialEq)]
pub struct Student {
    /// Day of birth.
    pub birth: Date,
    /// Approved exemptions.
    pub exemptions: Vec<Exemption>,
    /// For what the student was admitted without the doses, and until when.
    pub admissions: Vec<Admission>,
    /// Whether any dose at all is recorded, of whatever group and whether it counts or not.
    pub has_record: bool,
    /// Since when the student attends in this school year: deadlines without an admission count from here. None: not known,
    /// and then only an admission that has ended keeps the student home.
    pub attends_since: Option<Date>,
}
