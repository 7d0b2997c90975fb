//! The task of `salus serve` that does background work. When the server stops, jobs under way may end; those that do not
//! are given back, and whoever serves next does them.

use super::task::{Stop, Task};
use salus_store::{
    Db,
    jobs::{Dispatcher, Jobs, Pace},
};
use std::sync::Arc;

/// Begins to do background work.
pub fn begin(db: Db, jobs: Arc<Jobs>) -> Task {
    Task::begin("jobs", async move |stop: Stop| Dispatcher::new(db, jobs, Pace::default()).run(stop.told()).await)
}
