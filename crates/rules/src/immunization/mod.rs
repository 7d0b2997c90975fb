//! Evaluation and forecast of immunizations by the CDSi Logic Specification 4.5.
//!
//! [`read`] makes a [`Schedule`] of the supporting data (XML); [`assess()`] judges one person's history against it. The
//! modules carry the names of the specification's chapters and their items name its sections. Everything that depends on an
//! antigen is in the supporting data; nothing here knows a vaccine.

mod assess;
mod calendar;
mod evaluate;
mod forecast;
mod group;
mod organize;
mod outcome;
mod patient;
pub mod read;
mod relevant;
pub mod schedule;
mod select;

pub use assess::assess;
pub use calendar::Period;
pub use outcome::{
    Assessment, DoseEvaluation, EvaluationStatus, Forecast, ForecastReason, GroupForecast, IntervalFrom, Reason,
    SeriesOutcome, Standing, Status, TargetOutcome, TargetStatus,
};
pub use patient::{Dose, Gender, Observed, Patient};
pub use schedule::{Cvx, Schedule};
