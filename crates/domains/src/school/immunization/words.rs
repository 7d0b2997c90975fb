//! The engine's reasons as codes with their days, and in English words; pages have words of their own for the same codes.

use salus_rules::immunization::{EvaluationStatus, ForecastReason, IntervalFrom, Reason, Status};
use serde_json::{Value, json};
use time::Date;

/// The verdict on a dose.
pub(super) fn verdict(status: EvaluationStatus) -> &'static str {
    match status {
        EvaluationStatus::Valid => "VALID",
        EvaluationStatus::NotValid => "NOT_VALID",
        EvaluationStatus::Extraneous => "EXTRANEOUS",
        EvaluationStatus::SubStandard => "SUB_STANDARD",
    }
}

/// Where somebody stands in a series or vaccine group.
pub(super) fn standing(status: Status) -> &'static str {
    match status {
        Status::NotComplete => "NOT_COMPLETE",
        Status::Complete => "COMPLETE",
        Status::Immune => "IMMUNE",
        Status::Contraindicated => "CONTRAINDICATED",
        Status::AgedOut => "AGED_OUT",
        Status::NotRecommended => "NOT_RECOMMENDED",
    }
}

/// Why a dose that was given on a day was judged so.
pub(super) fn reason(reason: Reason, given: Date) -> Value {
    match reason {
        Reason::LotExpired(on) => dated("LOT_EXPIRED", on, format!("The lot expired on {on}")),
        Reason::Compromised => plain("COMPROMISED", "It was recalled, spoiled or wrongly given and must be repeated"),
        Reason::Inadvertent => plain("INADVERTENT", "It is the wrong vaccine, given by mistake"),
        Reason::TooYoung(on) => dated("TOO_YOUNG", on, format!("Given too young: at the earliest it counts from {on}")),
        Reason::AgeGracePeriod(on) => {
            dated("AGE_GRACE", on, format!("It counts by grace: the minimum age was reached on {on}"))
        }
        Reason::TooOld(on) => dated("TOO_OLD", on, format!("Given too old: it does not count from {on} on")),
        Reason::TooSoon { from, since, until } => {
            let (code, event) = source(from);
            let days = (given - since).whole_days();
            let words = format!("Given {days} days after {event} of {since}: it would have counted from {until}");
            json!({"code": "TOO_SOON", "from": code, "since": since.to_string(), "until": until.to_string(),
                   "days": days, "least_days": (until - since).whole_days(), "words": words})
        }
        Reason::IntervalGracePeriod(on) => {
            dated("INTERVAL_GRACE", on, format!("It counts by grace: the minimum interval ended on {on}"))
        }
        Reason::Conflict { with, since, until } => {
            let days = (given - since).whole_days();
            let words = format!(
                "Given {days} days after the vaccine with CVX {with:02} of {since}, with which it is in conflict until {until}"
            );
            json!({"code": "CONFLICT", "with_cvx": format!("{with:02}"), "since": since.to_string(),
                   "until": until.to_string(), "days": days, "least_days": (until - since).whole_days(), "words": words})
        }
        Reason::VaccineNotAllowed => plain("VACCINE_NOT_ALLOWED", "This vaccine is not accepted for this dose"),
        Reason::VaccineAge => plain("VACCINE_AGE", "This vaccine is not accepted at that age"),
        Reason::LessVolume => plain("LESS_VOLUME", "Less was given than is recommended; it counts"),
        Reason::SeriesComplete => plain("SERIES_COMPLETE", "Nothing was missing any more"),
    }
}

fn source(from: IntervalFrom) -> (&'static str, &'static str) {
    match from {
        IntervalFrom::Previous => ("PREVIOUS_DOSE", "the dose before"),
        IntervalFrom::Target(_) => ("EARLIER_DOSE", "an earlier dose"),
        IntervalFrom::MostRecent => ("MOST_RECENT", "the latest dose of a vaccine that matters"),
        IntervalFrom::Observation(_) => ("CONDITION", "a condition"),
    }
}

/// Why a forecast is as it is.
pub(super) fn forecast(reason: ForecastReason) -> Value {
    match reason {
        ForecastReason::SeriesComplete => plain("SERIES_COMPLETE", "All doses were given"),
        ForecastReason::PastHistory => plain("PAST_HISTORY", "Nothing is recommended because of past doses"),
        ForecastReason::EvidenceOfImmunity => plain("EVIDENCE_OF_IMMUNITY", "There is evidence of immunity"),
        ForecastReason::Contraindication(observation) => {
            json!({"code": "CONTRAINDICATION", "condition": observation, "words": "A condition forbids it"})
        }
        ForecastReason::NoVaccineLeft => {
            plain("NO_VACCINE_LEFT", "Every vaccine that could be given is contraindicated")
        }
        ForecastReason::SeasonOver(on) => dated("SEASON_OVER", on, format!("The season ended on {on}")),
        ForecastReason::TooOld(on) => dated("TOO_OLD", on, format!("The maximum age was reached on {on}")),
        ForecastReason::CannotFinish(on) => {
            dated("CANNOT_FINISH", on, format!("The next dose would come at or after the maximum age, reached on {on}"))
        }
    }
}

fn plain(code: &str, words: &str) -> Value {
    json!({"code": code, "words": words})
}

fn dated(code: &str, on: Date, words: impl Into<String>) -> Value {
    json!({"code": code, "on": on.to_string(), "words": words.into()})
}
