//! One run of a job: what it may do with the database, and how it says that it is done.

use super::{Job, Task, Work, queue};
use crate::{Act, Db, Tx, perform};
use futures_util::future::BoxFuture;
use salus_core::{Ctx, Error, Result};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use uuid::Uuid;

/// A run of a [`Work::Outside`] job. Each [`Running::step`] and the last [`Running::finish`] are transactions of their
/// own; all of them are refused once another worker has the job.
#[derive(Clone)]
pub struct Running {
    /// What is to be done.
    pub task: Arc<Task>,
    db: Db,
    ctx: Ctx,
    name: &'static str,
    lease: Duration,
    finished: Arc<AtomicBool>,
}

impl Running {
    pub(super) fn new(db: &Db, tenant: Uuid, name: &'static str, task: Task, lease: Duration) -> Self {
        let ctx = Ctx::system(db.env(), tenant);
        Self { task: Arc::new(task), db: db.clone(), ctx, name, lease, finished: Arc::default() }
    }

    /// A step that the job is not done with.
    ///
    /// # Errors
    /// Those of the work; [`Error::Conflict`] when another worker has the job.
    pub async fn step<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Tx, Arc<Task>) -> BoxFuture<'a, Result<T>> + Send + 'static,
    {
        let (task, lease) = (self.task.clone(), self.lease);
        perform(&self.db, self.act(), self.ctx.clone(), move |tx| {
            Box::pin(async move {
                let done = work(tx, task.clone()).await?;
                if queue::hold(tx, &task, lease).await? { Ok(done) } else { Err(queue::lost()) }
            })
        })
        .await
    }

    /// The last step: its effect and the word that the job is done commit together.
    ///
    /// # Errors
    /// As [`Running::step`].
    pub async fn finish<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Tx, Arc<Task>) -> BoxFuture<'a, Result<T>> + Send + 'static,
    {
        let task = self.task.clone();
        let done = perform(&self.db, self.act(), self.ctx.clone(), move |tx| {
            Box::pin(async move {
                let done = work(tx, task.clone()).await?;
                queue::complete(tx, &task).await?;
                Ok(done)
            })
        })
        .await?;
        self.finished.store(true, Ordering::SeqCst);
        Ok(done)
    }

    /// Does the job.
    pub(super) async fn run(&self, job: Arc<Job>) -> Result<()> {
        match &job.work {
            Work::Local(_) => {
                self.finish(move |tx, task| match &job.work {
                    Work::Local(_) => local(tx, task, job.clone()),
                    Work::Outside(_) => Box::pin(async { Err(Error::internal("another kind of job")) }),
                })
                .await
            }
            Work::Outside(work) => {
                work(self.clone()).await?;
                if self.finished.load(Ordering::SeqCst) {
                    return Ok(());
                }
                self.finish(|_, _| Box::pin(async { Ok(()) })).await
            }
        }
    }

    fn act(&self) -> Act {
        Act {
            name: self.name.to_owned(),
            target: "kernel.jobs",
            permission: "kernel.job.run",
            read_only: false,
            row: Some(self.task.id),
        }
    }
}

fn local(tx: &mut Tx, task: Arc<Task>, job: Arc<Job>) -> BoxFuture<'_, Result<()>> {
    Box::pin(async move {
        match &job.work {
            Work::Local(work) => work(tx, task).await,
            Work::Outside(_) => Err(Error::internal("another kind of job")),
        }
    })
}
