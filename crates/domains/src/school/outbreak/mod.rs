//! Outbreaks at school: symptoms of visits and reports become streams of counts, the engines of `salus_rules::outbreak` look for what
//! is unusual, hard rules for what needs no statistic, and what is found lives as an alert from its first signal to its end.
//!
//! Invariants: nothing is counted twice and nothing is kept that could not be computed again from what stands with it; a run
//! that is repeated changes nothing; small groups and homes raise no alert; who may not open records sees no small count; a
//! line list with names needs a legal basis and leaves a disclosure for every person. No counts are stored: each run makes them
//! anew out of `school.symptom_tracking`.

mod absence;
mod absence_signals;
mod asking;
mod board;
mod clustering;
mod deciding;
mod detect;
mod facts;
mod history;
mod intake;
mod joining;
mod letter_words;
mod letters;
mod life;
mod methods;
mod printed;
mod report;
mod rules;
mod scanning;
mod settings;
mod signals;
mod spacetime;
mod streams;

pub use asking::detect_now;
pub use rules::RULES;

pub(super) use asking::{ask_if_one_is_enough, jobs};
pub(super) use settings::Settings;

use salus_core::Result;
use salus_store::{Catalog, Op};

/// What is written besides plain rows.
///
/// # Errors
/// [`salus_core::Error::Internal`] when the catalogue lacks a table.
pub(super) fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let mut all = rules::actions(catalog)?;
    all.extend([
        intake::action(),
        deciding::action(),
        life::action(),
        asking::action(),
        report::action(),
        letters::action(),
        absence::action(),
    ]);
    Ok(all)
}

/// What is read besides plain rows.
pub(super) fn reads() -> Vec<Op> {
    let mut all = board::reads();
    all.extend([intake::read(), history::read(), methods::read(), absence::read()]);
    all
}
