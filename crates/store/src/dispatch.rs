//! Guard, begin, run, commit: the only way an operation happens. REST, FHIR, pages, command line and jobs come here.

use crate::{Body, Call, Db, Method, Op, Reply, Tx, audit::Outcome, decide::decide, fault_point, idempotency, runtime};
use futures_util::future::BoxFuture;
use salus_core::{ActorKind, Ctx, Error, Result};
use std::sync::Arc;
use uuid::Uuid;

/// What is done, as permission and audit log know it.
#[derive(Debug, Clone)]
pub struct Act {
    /// The action's name in the audit log.
    pub name: String,
    /// The table it is about.
    pub target: &'static str,
    /// Permission that is needed.
    pub permission: &'static str,
    /// Whether nothing but the audit log is written.
    pub read_only: bool,
    /// The row it is about.
    pub row: Option<Uuid>,
}

/// Runs an operation for a caller and writes its audit event, whatever comes of it. The work goes on to its end even
/// when nobody waits for the reply any more.
///
/// # Errors
/// [`Error::Unauthenticated`] or [`Error::Forbidden`] before anything is read; those of the operation; and
/// [`Error::Unavailable`] when the audit event cannot be written, in which case nothing is answered.
pub async fn dispatch(db: &Db, op: &Arc<Op>, ctx: Ctx, call: Call) -> Result<Reply> {
    let op = op.clone();
    let act = Act {
        name: op.name.clone(),
        target: op.target,
        permission: op.permission,
        read_only: op.method == Method::Get,
        row: call.id().ok(),
    };
    perform(db, act, ctx, move |tx| {
        Box::pin(async move {
            let reply = run(tx, &op, call).await?;
            Ok(Reply { notices: tx.notices().await?, ..reply })
        })
    })
    .await
}

/// The same for work that is no endpoint, such as a batch of an import.
///
/// # Errors
/// As [`dispatch`].
pub async fn perform<T, F>(db: &Db, act: Act, ctx: Ctx, work: F) -> Result<T>
where
    T: Send + 'static,
    F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T>> + Send + 'static,
{
    if ctx.actor.kind == ActorKind::Anonymous {
        return Err(Error::Unauthenticated);
    }
    let db = db.clone();
    runtime::finish(async move {
        if !act.read_only {
            db.refuse_without_room()?;
        }
        let decision = decide(&ctx, &act, None);
        let mut tx = db.begin(decision.applied_to(ctx), act.read_only).await?;
        if let Some(row) = act.row {
            tx.on_row(row);
        }
        if let Some(refusal) = decision.refusal(&act) {
            tx.because(decision.words(&tx.ctx, &act));
            tx.abandon(&act.name, act.target, Outcome::Refused, refusal.code()).await?;
            return Err(refusal);
        }
        fault_point!("dispatch.permitted");
        match work(&mut tx).await {
            Ok(done) => {
                fault_point!("dispatch.worked");
                tx.commit(&act.name, act.target).await?;
                fault_point!("dispatch.committed");
                Ok(done)
            }
            Err(e) => {
                let unseen = matches!(e, Error::Conflict { code: "duplicate", .. }) && hit_unseen(&mut tx).await;
                let outcome = if e.status() == 403 || unseen { Outcome::Refused } else { Outcome::Failed };
                tx.abandon(&act.name, act.target, outcome, e.code()).await?;
                fault_point!("dispatch.abandoned");
                Err(e)
            }
        }
    })
    .await
}

/// Whether a duplicate is of a row that the caller does not see. To be told that a number is taken is then something about a
/// record that is closed to them: the log has it as a refusal, with the reason, and whoever reads refusals sees who tries
/// numbers.
async fn hit_unseen(tx: &mut Tx) -> bool {
    let unseen = tx.hit_unseen().await.unwrap_or_else(|error| {
        tracing::warn!(%error, "whether a duplicate is of a row that the caller sees could not be asked: taken for one that is not");
        true
    });
    if unseen {
        tx.because(vec!["A record that the caller does not see has this value.".to_owned()]);
    }
    unseen
}

async fn run(tx: &mut Tx, op: &Op, mut call: Call) -> Result<Reply> {
    if op.method == Method::Get {
        tx.may_read_from_replicas(op);
    }
    let Some(key) = call.idempotency_key.take().filter(|_| op.method == Method::Post) else {
        return (op.run)(tx, call).await;
    };
    match idempotency::claim(tx, &op.name, &key, &call).await? {
        idempotency::Claim::Answered(kept) => {
            let reply = idempotency::again(tx, op.target, kept).await?;
            fault_point!("idempotency.answered_again");
            Ok(reply)
        }
        idempotency::Claim::New(id) => {
            fault_point!("idempotency.claimed");
            let reply = (op.run)(tx, call).await?;
            fault_point!("idempotency.worked");
            idempotency::remember(tx, op.target, id, &reply)?;
            fault_point!("idempotency.remembered");
            Ok(reply)
        }
    }
}

impl Reply {
    /// 201 with the row that was made.
    #[must_use]
    pub fn created(row: crate::Record) -> Self {
        Self::of(201, Body::Row(row))
    }

    /// 200 with a row.
    #[must_use]
    pub fn row(row: crate::Record) -> Self {
        Self::of(200, Body::Row(row))
    }
}
