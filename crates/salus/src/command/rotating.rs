//! The task of `salus serve` that looks after keys: it goes on with exchanges that broke off and begins those that are due
//! where the tenant's setting says so. A stop may cut it off anywhere: whoever comes next goes on.

use super::task::{Stop, Task};
use salus_store::{Db, rotate::Pace};
use std::time::Duration;

/// Between two looks.
const EVERY: Duration = Duration::from_mins(10);

/// Begins to look after keys.
pub fn begin(db: Db) -> Task {
    Task::begin("keys", async move |stop: Stop| {
        let pace = Pace::default();
        let work = async {
            loop {
                match db.keep_keys(&pace).await {
                    Ok(0) => {}
                    Ok(finished) => tracing::info!(finished, "keys were exchanged"),
                    Err(e) => tracing::error!(error = %e, "keys cannot be looked after"),
                }
                tokio::time::sleep(EVERY).await;
            }
        };
        tokio::select! {
            () = work => {}
            () = stop.told() => {}
        }
    })
}
