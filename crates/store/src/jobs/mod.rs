//! Background work: what is done once for each event, at set times, or when a transaction asks for it.
//!
//! A [`Job`] is a value, as an operation is. An event of the outbox becomes one row of `kernel.jobs` for each job that
//! listens to it; a [`Dispatcher`] a node claims rows under a lease and runs them. What holds: the effect of a
//! [`Work::Local`] job and the word that it is done commit together, under a fencing number that only the last who began
//! it has, so it happens once. A [`Work::Outside`] job speaks to another system before it says that it is done; when the
//! process dies between the two, that system is told again, under the same key. Every run is a transaction of the
//! kernel's own actor in the tenant, with an audit event of the job's name.
//!
//! Elsewhere: the queue's statements in `queue`, times in `schedule` and `cron`, retry and discard in the kernel domain.

mod cron;
mod dispatcher;
mod queue;
mod run;
mod schedule;
mod wake;

pub use cron::{Cron, Zone};
pub use dispatcher::{Dispatcher, Pace};
pub use run::Running;
pub(crate) use wake::Wake;

use crate::Tx;
use futures_util::future::BoxFuture;
use salus_core::{Error, Result};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};
use uuid::Uuid;

/// Background work of one kind.
pub struct Job {
    /// Imperative, `<domain>.<verb>_<noun>`: its name in the queue and in the audit log.
    pub name: &'static str,
    /// When it is done.
    pub when: When,
    /// How long is waited after failures.
    pub retry: Retry,
    /// What it does.
    pub work: Work,
}

/// When a job is done.
pub enum When {
    /// Once for each event of these names.
    Events(&'static [&'static str]),
    /// The same for those that somebody in the tenant wants. An event that nobody wants costs no job.
    Wanted(&'static [&'static str], Wanted),
    /// Minute, hour, day, month and weekday, in the tenant's time zone. A tenant may set others.
    Cron(&'static str),
    /// When [`Tx::enqueue`] asks for it.
    Asked,
}

/// Which of these events somebody in the tenant of the transaction wants; asked once for all that are handed over together.
pub type Wanted = for<'a> fn(&'a mut Tx, &'a [&'a str]) -> BoxFuture<'a, Result<Vec<String>>>;

/// How a job is tried again.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// Rest after the first failure; twice as long after each further one, give or take half.
    pub rest: Duration,
    /// Attempts in all.
    pub most: i32,
    /// Most time for one attempt.
    pub limit: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { rest: Duration::from_secs(1), most: 8, limit: Duration::from_mins(5) }
    }
}

/// Work within one transaction.
pub type Local = Box<dyn for<'a> Fn(&'a mut Tx, Arc<Task>) -> BoxFuture<'a, Result<()>> + Send + Sync>;
/// Work that also speaks to others.
pub type Outside = Box<dyn Fn(Running) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// What a job does.
pub enum Work {
    /// Within one transaction: happens once.
    Local(Local),
    /// Between transactions: see [`Running`].
    Outside(Outside),
}

impl Work {
    /// A closure as [`Work::Local`]; naming the type lets the compiler see that the future borrows the transaction.
    pub fn local<F>(work: F) -> Self
    where
        F: for<'a> Fn(&'a mut Tx, Arc<Task>) -> BoxFuture<'a, Result<()>> + Send + Sync + 'static,
    {
        Self::Local(Box::new(work))
    }

    /// A closure as [`Work::Outside`].
    pub fn outside<F>(work: F) -> Self
    where
        F: Fn(Running) -> BoxFuture<'static, Result<()>> + Send + Sync + 'static,
    {
        Self::Outside(Box::new(work))
    }
}

/// One piece of work, as it was claimed.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its row in `kernel.jobs`.
    pub id: Uuid,
    /// The job's name.
    pub job: String,
    /// What makes it one piece of work.
    pub key: String,
    /// The event it answers.
    pub event: Option<String>,
    /// The row the event was about.
    pub row: Option<Uuid>,
    /// What was said with it: ids and codes.
    pub body: Value,
    /// Which attempt this is, from 1.
    pub attempt: i32,
    pub(crate) fence: i64,
}

/// Tells the time zone of the tenant a transaction is of, by its IANA name.
pub type ZoneOf = Box<dyn for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<String>> + Send + Sync>;

/// All jobs of a program.
pub struct Jobs {
    by_name: BTreeMap<&'static str, Arc<Job>>,
    by_event: HashMap<&'static str, Vec<&'static str>>,
    zone: ZoneOf,
}

impl Jobs {
    /// These jobs; `zone` tells a tenant's time zone.
    ///
    /// # Errors
    /// [`Error::Internal`] when two have one name, or a time cannot be read.
    pub fn new<Z>(jobs: Vec<Job>, zone: Z) -> Result<Self>
    where
        Z: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<String>> + Send + Sync + 'static,
    {
        let mut all = Self { by_name: BTreeMap::new(), by_event: HashMap::new(), zone: Box::new(zone) };
        for job in jobs {
            match job.when {
                When::Events(events) | When::Wanted(events, _) => {
                    for event in events {
                        all.by_event.entry(event).or_default().push(job.name);
                    }
                }
                When::Cron(text) => {
                    Cron::parse(text).map_err(|e| Error::internal(format!("{}: {e}", job.name)))?;
                }
                When::Asked => {}
            }
            if all.by_name.insert(job.name, Arc::new(job)).is_some() {
                return Err(Error::internal("two jobs have one name"));
            }
        }
        Ok(all)
    }

    fn get(&self, name: &str) -> Option<&Arc<Job>> {
        self.by_name.get(name)
    }

    fn names(&self) -> Vec<&'static str> {
        self.by_name.keys().copied().collect()
    }

    fn listeners(&self, event: &str) -> &[&'static str] {
        self.by_event.get(event).map_or(&[], Vec::as_slice)
    }

    /// Jobs that are done for wanted events only, and what tells which are.
    fn asking(&self) -> impl Iterator<Item = (&'static str, Wanted)> {
        self.by_name.values().filter_map(|job| match job.when {
            When::Wanted(_, wanted) => Some((job.name, wanted)),
            _ => None,
        })
    }

    fn timers(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.by_name.values().filter_map(|job| match job.when {
            When::Cron(text) => Some((job.name, text)),
            _ => None,
        })
    }
}
