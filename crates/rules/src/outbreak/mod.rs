//! Outbreak detection over counts of illness: the published formulas, each with what it needs and what it answers.
//!
//! A series is counts by day or week without gaps; leave out days without school before calling. Positions count from 0. A
//! point without enough history answers nothing. Thresholds are the caller's and belong beside every alert.

pub mod cases;
pub mod clusters;
pub mod cusum;
pub mod ears;
pub mod farrington;
pub mod predictive;
mod random;
pub mod rki;
pub mod scan;
pub mod spacetime;
mod stats;
mod window;

use serde::Serialize;

/// The most that was to be expected, and whether more was seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bound {
    /// Upper bound of the count.
    pub upper: f64,
    /// The count is above it.
    pub alarm: bool,
}
