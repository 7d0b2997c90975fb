//! Determine evidence of immunity and contraindications (CDSi 7.2 and 7.3), once for an antigen.

use crate::immunization::{
    calendar::{FIRST_DAY, LAST_DAY, age_date},
    evaluate::Progress,
    organize::History,
    schedule::{Antigen, Cvx},
};

/// What keeps a person from needing, or from getting, vaccines against an antigen.
pub(crate) struct Protection<'a> {
    /// Evidence of immunity (table 7-3).
    pub(crate) immune: bool,
    /// The observation that forbids every vaccine (table 7-5).
    pub(crate) forbidden_by: Option<u16>,
    /// Vaccines that are forbidden (table 7-6).
    pub(crate) forbidden: Vec<Cvx>,
    /// Advice that comes with what was observed.
    pub(crate) guidance: Vec<&'a str>,
}

impl<'a> Protection<'a> {
    pub(crate) fn new(antigen: &'a Antigen, history: &History<'_>) -> Self {
        let applies = |begin, end| {
            age_date(history.born(), begin, FIRST_DAY) <= history.on
                && history.on < age_date(history.born(), end, LAST_DAY)
        };
        let has = |code| history.patient.has(code, history.on);
        let mut protection =
            Self { immune: is_immune(antigen, history), forbidden_by: None, forbidden: vec![], guidance: vec![] };
        for rule in antigen.contraindications.iter().filter(|c| has(c.observation)) {
            protection.guidance.extend(rule.guidance.as_deref());
            if applies(rule.begin, rule.end) {
                protection.forbidden_by.get_or_insert(rule.observation);
            }
        }
        for rule in antigen.vaccine_contraindications.iter().filter(|c| has(c.observation)) {
            protection.guidance.extend(rule.guidance.as_deref());
            let vaccines = rule.vaccines.iter().filter(|v| applies(v.begin, v.end));
            protection.forbidden.extend(vaccines.map(|v| v.cvx));
        }
        protection
    }

    /// Every preferable vaccine of the series is forbidden (table 7-7).
    pub(crate) fn leaves_nothing(&self, progress: &Progress<'_, '_>) -> bool {
        let mut vaccines = progress.series.doses.iter().flat_map(|d| &d.preferable).peekable();
        !self.forbidden.is_empty()
            && vaccines.peek().is_some()
            && vaccines.all(|v| self.forbidden.contains(&v.vaccine.cvx))
    }
}

/// Table 7-3. An unknown country of birth proves nothing where the rule names one.
fn is_immune(antigen: &Antigen, history: &History<'_>) -> bool {
    let has = |code: &u16| history.patient.has(*code, history.on);
    antigen.immune_by.iter().any(has)
        || antigen.immune_born.iter().any(|rule| {
            let country = rule.country.is_none() || rule.country == history.patient.birth_country;
            history.born() < rule.before && country && !rule.unless.iter().any(has)
        })
}
