//! Guard, begin, run, commit: the only way an operation happens. REST, FHIR, pages, command line and jobs come here.

use crate::{Body, Call, Db, Method, Op, Reply, Tx, audit::Outcome, idempotency, runtime};
use salus_core::{ActorKind, Ctx, Error, Result};
use std::sync::Arc;

/// Runs an operation for a caller and writes its audit event, whatever comes of it. The work goes on to its end even
/// when nobody waits for the reply any more.
///
/// # Errors
/// [`Error::Unauthenticated`] or [`Error::Forbidden`] before anything is read; those of the operation; and
/// [`Error::Unavailable`] when the audit event cannot be written, in which case nothing is answered.
pub async fn dispatch(db: &Db, op: &Arc<Op>, ctx: Ctx, call: Call) -> Result<Reply> {
    if ctx.actor.kind == ActorKind::Anonymous {
        return Err(Error::Unauthenticated);
    }
    let (db, op) = (db.clone(), op.clone());
    runtime::finish(async move {
        let read_only = op.method == Method::Get;
        let permitted = ctx.may(op.permission);
        let mut tx = db.begin(ctx, read_only).await?;
        if let Ok(id) = call.id() {
            tx.on_row(id);
        }
        if !permitted {
            tx.abandon(&op.name, op.target, Outcome::Refused, "permission_denied").await?;
            return Err(Error::Forbidden(op.permission.to_owned()));
        }
        match run(&mut tx, &op, call).await {
            Ok(reply) => {
                tx.commit(&op.name, op.target).await?;
                Ok(reply)
            }
            Err(e) => {
                let outcome = if matches!(e, Error::Forbidden(_)) { Outcome::Refused } else { Outcome::Failed };
                tx.abandon(&op.name, op.target, outcome, e.code()).await?;
                Err(e)
            }
        }
    })
    .await
}

async fn run(tx: &mut Tx, op: &Op, mut call: Call) -> Result<Reply> {
    let Some(key) = call.idempotency_key.take().filter(|_| op.method == Method::Post) else {
        return (op.run)(tx, call).await;
    };
    match idempotency::claim(tx, &op.name, &key, &call).await? {
        idempotency::Claim::Answered(reply) => Ok(reply),
        idempotency::Claim::New(id) => {
            let reply = (op.run)(tx, call).await?;
            idempotency::remember(tx, id, &reply).await?;
            Ok(reply)
        }
    }
}

impl Reply {
    /// 201 with the row that was made.
    #[must_use]
    pub fn created(row: crate::Record) -> Self {
        Self { status: 201, body: Body::Row(row) }
    }

    /// 200 with a row.
    #[must_use]
    pub fn row(row: crate::Record) -> Self {
        Self { status: 200, body: Body::Row(row) }
    }
}
