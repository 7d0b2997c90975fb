//! The person who is assessed: what an engine must know and nothing more (CDSi 4.1). No name, no identifier.

use super::schedule::Cvx;
use serde::Serialize;
use time::Date;

/// Sex for the purpose of recommendations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Gender {
    /// Female.
    Female,
    /// Male.
    Male,
    /// Not known, or neither.
    Unknown,
}

/// A condition, event or finding about the person, by its code in the schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Number of the observation in the schedule, such as 7.
    pub code: u16,
    /// When it was observed or began.
    pub on: Option<Date>,
}

/// A vaccine that was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Dose {
    /// The day it was given.
    pub on: Date,
    /// What was given.
    pub cvx: Cvx,
    /// Who made it, as MVX code.
    pub mvx: Option<String>,
    /// The product's name, where it is recorded.
    pub trade_name: Option<String>,
    /// Millilitres.
    pub volume: Option<f64>,
    /// Last day the lot could be used.
    pub lot_expires_on: Option<Date>,
    /// Recalled, spoiled or wrongly given: the dose must be repeated.
    pub compromised: bool,
}

impl Dose {
    /// A dose of which only the day and the vaccine are known.
    #[must_use]
    pub fn new(on: Date, cvx: Cvx) -> Self {
        Self { on, cvx, mvx: None, trade_name: None, volume: None, lot_expires_on: None, compromised: false }
    }
}

/// All that is known of a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Patient {
    /// Day of birth.
    pub birth: Date,
    /// Sex.
    pub gender: Gender,
    /// Country of birth as the schedule writes it, such as `U.S.`; none when unknown.
    pub birth_country: Option<String>,
    /// Active observations.
    pub observations: Vec<Observed>,
    /// Doses in any order.
    pub doses: Vec<Dose>,
}

impl Patient {
    /// Whether the observation is active on a day.
    pub(crate) fn has(&self, code: u16, on: Date) -> bool {
        self.observations.iter().any(|o| o.code == code && o.on.is_none_or(|since| since <= on))
    }

    /// The most recent day an observation was made (CALCDTINT-9).
    pub(crate) fn observed_on(&self, code: u16, until: Date) -> Option<Date> {
        self.observations.iter().filter(|o| o.code == code).filter_map(|o| o.on).filter(|on| *on <= until).max()
    }
}
