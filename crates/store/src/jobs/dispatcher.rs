//! One a node: looks which tenants have work, claims it tenant by tenant in turn, and runs a few jobs at once.
//!
//! A tenant never has more than half of the workers, so one with a long queue or slow jobs keeps nobody else waiting. A
//! transaction of this node that left work rings at once; beyond that every tenant is looked at about once a second.

use super::{Jobs, Retry, Running, Task, queue, schedule};
use crate::{Db, runtime};
use salus_core::{Ctx, Error, Result};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use uuid::Uuid;

/// How a dispatcher works.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Jobs at once.
    pub workers: usize,
    /// How long a claimed job is left alone without a sign of life.
    pub lease: Duration,
    /// Between two looks at all tenants.
    pub look: Duration,
    /// How long running jobs may take to end when the node stops.
    pub drain: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            workers: 4,
            lease: Duration::from_secs(30),
            look: Duration::from_secs(1),
            drain: Duration::from_secs(10),
        }
    }
}

/// Runs the jobs of a node.
#[derive(Clone)]
pub struct Dispatcher {
    db: Db,
    jobs: Arc<Jobs>,
    pace: Pace,
    /// Tenants whose schedules are known to be complete.
    prepared: Arc<Mutex<HashSet<Uuid>>>,
    /// Failed jobs that could not be laid down because the database was lost: their workers live and say so as soon as it is
    /// back, before anybody takes the jobs for what a worker died of.
    owed: Arc<Mutex<Vec<Owed>>>,
}

/// A failed job that is still to be laid down.
#[derive(Clone)]
struct Owed {
    tenant: Uuid,
    task: Task,
    retry: Retry,
    class: &'static str,
}

/// What a worker says to the loop.
enum Said {
    /// There may be more to do in this tenant.
    Due(Uuid),
    /// It is free again.
    Free(Uuid),
}

/// Whose turn it is.
#[derive(Default)]
struct Turns {
    queue: VecDeque<Uuid>,
    waiting: HashSet<Uuid>,
    busy: HashMap<Uuid, usize>,
    running: usize,
    /// When the last turn of each began.
    began: HashMap<Uuid, Instant>,
    /// Who is given a turn in a moment.
    soon: HashSet<Uuid>,
}

/// Between the turns of a tenant whose every commit brings new work, so that a turn finds the events of many commits.
const BREATH: Duration = Duration::from_millis(20);

impl Turns {
    fn add(&mut self, tenant: Uuid) {
        if self.waiting.insert(tenant) {
            self.queue.push_back(tenant);
        }
    }

    /// Gives a tenant with new work a turn: at once, or after the rest of this time when its last one has just begun.
    fn wake(&mut self, tenant: Uuid) -> Option<Duration> {
        let rest = self.began.get(&tenant).map_or(Duration::ZERO, |began| BREATH.saturating_sub(began.elapsed()));
        if rest.is_zero() {
            self.add(tenant);
            return None;
        }
        self.soon.insert(tenant).then_some(rest)
    }

    /// The next tenant that has not its share of the workers yet.
    fn next(&mut self, workers: usize) -> Option<Uuid> {
        if self.running >= workers {
            return None;
        }
        let share = workers.div_ceil(2);
        let at = self.queue.iter().position(|t| self.busy.get(t).copied().unwrap_or(0) < share)?;
        let tenant = self.queue.remove(at)?;
        self.waiting.remove(&tenant);
        *self.busy.entry(tenant).or_default() += 1;
        self.running += 1;
        self.began.insert(tenant, Instant::now());
        Some(tenant)
    }

    fn free(&mut self, tenant: Uuid) {
        self.running = self.running.saturating_sub(1);
        if let Some(n) = self.busy.get_mut(&tenant) {
            *n = n.saturating_sub(1);
            if *n == 0 {
                self.busy.remove(&tenant);
            }
        }
    }
}

impl Dispatcher {
    /// A dispatcher of these jobs.
    #[must_use]
    pub fn new(db: Db, jobs: Arc<Jobs>, pace: Pace) -> Self {
        Self { db, jobs, pace, prepared: Arc::default(), owed: Arc::default() }
    }

    /// Works until `stop` is ready; then running jobs may end, and what does not is given back.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let (say, mut hear) = mpsc::unbounded_channel();
        let (halt, halted) = watch::channel(false);
        let mut turns = Turns::default();
        let mut look = Instant::now();
        tokio::pin!(stop);
        loop {
            while let Some(tenant) = turns.next(self.pace.workers) {
                self.begin_turn(tenant, say.clone(), halted.clone());
            }
            tokio::select! {
                () = &mut stop => break,
                said = hear.recv() => match said {
                    Some(Said::Due(tenant)) => {
                        turns.soon.remove(&tenant);
                        turns.add(tenant);
                    }
                    Some(Said::Free(tenant)) => turns.free(tenant),
                    None => break,
                },
                woken = self.db.0.wake.woken() => for tenant in woken {
                    let Some(rest) = turns.wake(tenant) else { continue };
                    let say = say.clone();
                    runtime::spawn(async move {
                        tokio::time::sleep(rest).await;
                        say.send(Said::Due(tenant)).ok();
                    });
                },
                () = tokio::time::sleep_until(look) => {
                    look = Instant::now() + self.look(&mut turns).await;
                }
            }
        }
        let drained = async {
            while turns.running > 0 {
                if let Some(Said::Free(tenant)) = hear.recv().await {
                    turns.free(tenant);
                }
            }
        };
        if tokio::time::timeout(self.pace.drain, drained).await.is_err() {
            halt.send_replace(true);
            // Each says that it is free when it has given its job back.
            while turns.running > 0 {
                match tokio::time::timeout(self.pace.drain, hear.recv()).await {
                    Ok(Some(Said::Free(tenant))) => turns.free(tenant),
                    Ok(Some(Said::Due(_))) => {}
                    Ok(None) | Err(_) => break,
                }
            }
        }
    }

    /// Gives every tenant a turn; returns how long until the next look, which is longer with thousands of tenants.
    async fn look(&self, turns: &mut Turns) -> Duration {
        match self.db.tenants().await {
            Ok(tenants) => {
                let mut looked = 0;
                for tenant in tenants.iter().filter(|t| t.state == "active") {
                    turns.add(tenant.id);
                    looked += 1;
                }
                self.pace.look.max(Duration::from_millis(5) * looked)
            }
            Err(e) => {
                tracing::error!(error = %e, "jobs cannot be looked for");
                self.pace.look * 5
            }
        }
    }

    fn begin_turn(&self, tenant: Uuid, say: mpsc::UnboundedSender<Said>, halted: watch::Receiver<bool>) {
        let this = self.clone();
        runtime::spawn(async move {
            // Says so even when the turn panics.
            let _free = Free(tenant, say.clone());
            let turn = async {
                if let Some(task) = this.claim(tenant).await? {
                    say.send(Said::Due(tenant)).ok();
                    this.work(tenant, task, halted).await?;
                }
                Ok::<_, Error>(())
            };
            match turn.await {
                // Closed, with its keys destroyed, since it was looked at.
                Ok(()) | Err(Error::NotFound) => {}
                Err(e) => tracing::error!(%tenant, error = %e, "a job cannot be claimed"),
            }
        });
    }

    /// Does everything that is due in a tenant, one job after the other; returns how many were run.
    ///
    /// # Errors
    /// Those of the queue; a job that fails is laid down as always.
    pub async fn drain(&self, tenant: Uuid) -> Result<usize> {
        let (_halt, halted) = watch::channel(false);
        let mut ran = 0;
        while let Some(task) = self.claim(tenant).await? {
            self.work(tenant, task, halted.clone()).await?;
            ran += 1;
        }
        Ok(ran)
    }

    /// Hands events over, queues what is due by time, takes back what dead workers had, and claims one job.
    async fn claim(&self, tenant: Uuid) -> Result<Option<Task>> {
        // What is left of the disk is for reading.
        if !self.db.admits_changes() {
            return Ok(None);
        }
        self.settle(tenant).await?;
        let known = |p: &Mutex<HashSet<Uuid>>| p.lock().unwrap_or_else(PoisonError::into_inner).contains(&tenant);
        let prepared = known(&self.prepared);
        if prepared && !queue::is_due(&self.db, &self.jobs, tenant).await? {
            return Ok(None);
        }
        let mut tx = self.db.begin(Ctx::system(self.db.env(), tenant), false).await?;
        if !prepared {
            schedule::prepare(&mut tx, &self.jobs).await?;
        }
        queue::hand_over(&mut tx, &self.jobs).await?;
        schedule::queue_due(&mut tx, &self.jobs).await?;
        queue::take_back(&mut tx).await?;
        let task = queue::claim(&mut tx, &self.jobs, self.pace.lease).await?;
        tx.finish_unrecorded().await?;
        if !prepared {
            self.prepared.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant);
        }
        Ok(task)
    }

    /// Runs a claimed job to its end, whatever that is.
    async fn work(&self, tenant: Uuid, task: Task, mut halted: watch::Receiver<bool>) -> Result<()> {
        let Some(job) = self.jobs.get(&task.job).cloned() else { return Ok(()) };
        let (retry, running) = (job.retry, Running::new(&self.db, tenant, job.name, task.clone(), self.pace.lease));
        // A job that panics fails; it takes nothing else with it.
        let mut run = runtime::spawn(async move { running.run(job).await });
        let outcome = tokio::select! {
            ended = &mut run => ended.unwrap_or_else(|e| Err(Error::internal(e))),
            // It is not ours any more: because it was lost, or because it has just been done.
            () = self.live(tenant, &task) => match tokio::time::timeout(self.pace.drain, &mut run).await {
                Ok(ended) => ended.unwrap_or_else(|e| Err(Error::internal(e))),
                Err(_) => Err(queue::lost()),
            },
            () = tokio::time::sleep(retry.limit) => {
                Err(Error::Conflict { code: "too_slow", detail: "It took longer than it may".into() })
            }
            () = told(&mut halted) => {
                run.abort();
                return queue::give_back(&self.db, tenant, &task).await;
            }
        };
        run.abort();
        let Err(e) = outcome else { return Ok(()) };
        tracing::info!(job = %task.job, id = %task.id, attempt = task.attempt, error = %e, "a job failed and is tried again");
        let owed = Owed { tenant, task, retry, class: e.code() };
        if let Err(e) = owed.lay_down(&self.db).await {
            tracing::warn!(job = %owed.task.job, error = %e, "a failed job cannot be laid down yet");
            self.owed.lock().unwrap_or_else(PoisonError::into_inner).push(owed);
        }
        Ok(())
    }

    /// Lays down what could not be before.
    async fn settle(&self, tenant: Uuid) -> Result<()> {
        let take = || {
            let mut all = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
            all.iter().position(|owed| owed.tenant == tenant).map(|at| all.remove(at))
        };
        while let Some(owed) = take() {
            if let Err(e) = owed.lay_down(&self.db).await {
                self.owed.lock().unwrap_or_else(PoisonError::into_inner).push(owed);
                return Err(e);
            }
        }
        Ok(())
    }

    /// Says that the worker lives, until the job is another's.
    async fn live(&self, tenant: Uuid, task: &Task) {
        loop {
            tokio::time::sleep(self.pace.lease / 3).await;
            match queue::prolong(&self.db, tenant, task, self.pace.lease).await {
                Ok(true) => {}
                Ok(false) => return,
                // The lease still stands; the next sign of life may get through.
                Err(e) => tracing::warn!(job = %task.job, error = %e, "a job's lease could not be prolonged"),
            }
        }
    }
}

impl Owed {
    async fn lay_down(&self, db: &Db) -> Result<()> {
        queue::lay_down(db, self.tenant, &self.task, self.retry, self.class).await
    }
}

/// Waits until the node stops and has waited long enough.
async fn told(halted: &mut watch::Receiver<bool>) {
    halted.wait_for(|stop| *stop).await.ok();
}

/// Says that a worker is free when it is dropped.
struct Free(Uuid, mpsc::UnboundedSender<Said>);

impl Drop for Free {
    fn drop(&mut self) {
        self.1.send(Said::Free(self.0)).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_half_of_the_workers_and_the_others_have_their_turn() {
        let (many, one) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut turns = Turns::default();
        for begun in [Some(many), Some(many), None] {
            turns.add(many);
            assert_eq!(turns.next(4), begun);
        }
        turns.add(one);
        assert_eq!(turns.next(4), Some(one));
        assert_eq!(turns.next(4), None, "the first has its share");
        turns.free(many);
        assert_eq!(turns.next(4), Some(many));
    }

    #[test]
    fn a_tenant_with_new_work_at_every_moment_has_a_turn_at_once_and_then_one_for_many() {
        let tenant = Uuid::from_u128(1);
        let mut turns = Turns::default();
        assert_eq!(turns.wake(tenant), None, "at once");
        assert_eq!(turns.next(4), Some(tenant));
        assert!(turns.wake(tenant).is_some_and(|rest| rest <= BREATH));
        assert_eq!(turns.wake(tenant), None, "it is due in a moment already");
        assert_eq!(turns.next(4), None);
    }
}
