//! Bait: records of persons that nobody has a reason to read. The sealer, which sees every event within a second or two,
//! raises an alert for each that is about one (`spec` B1.9). Which records they are stands nowhere: the table has marks
//! that only a holder of the root key can make.

use super::{alert::Alert, header, plain};
use crate::{Db, seal::RootKey};
use salus_core::{Ctx, Env, Error, Result};
use std::collections::HashSet;
use tokio_postgres::Transaction;
use uuid::Uuid;

/// Events that were about bait.
pub(super) struct Bait<'a> {
    root: &'a RootKey,
    marks: HashSet<Vec<u8>>,
    taken: Vec<(Uuid, Uuid, u64)>,
}

impl<'a> Bait<'a> {
    pub(super) async fn read(root: &'a RootKey, tx: &Transaction<'_>) -> Result<Self> {
        let rows = tx.query("SELECT mark FROM audit.honey_marks", &[]).await.map_err(|e| plain(&e))?;
        Ok(Self { root, marks: rows.iter().map(|r| r.get(0)).collect(), taken: Vec::new() })
    }

    /// Looks at an event that is being sealed.
    pub(super) fn look(&mut self, (tenant, event): (Uuid, Uuid), header: &[u8], leaf: u64) -> Result<()> {
        if self.marks.is_empty() {
            return Ok(());
        }
        for person in header::subjects(header) {
            if self.marks.contains(&self.root.honey_mark(tenant, person)?[..]) {
                self.taken.push((tenant, event, leaf));
                break;
            }
        }
        Ok(())
    }

    /// Each becomes an alert of its tenant.
    pub(super) async fn raise(self, tx: &Transaction<'_>, env: &Env) -> Result<()> {
        for (tenant, event, leaf) in self.taken {
            tracing::error!(%tenant, %event, "a record was read that nobody has a reason to read");
            let what = "A record was read that nobody has a reason to read: see who did in the event";
            Alert { tenant, kind: "honey_read", leaf: Some(leaf), event: Some(event), what }.raise(tx, env).await?;
        }
        Ok(())
    }
}

impl Db {
    /// Makes a person's record bait, or an ordinary one again. The audit log says that it was done, sealed.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn mark_honey(&self, ctx: Ctx, person: Uuid, placed: bool) -> Result<()> {
        let mark = self.root().honey_mark(ctx.tenant, person)?.to_vec();
        let mut tx = self.begin(ctx, false).await?;
        let sql = if placed {
            "INSERT INTO audit.honey_marks (mark) VALUES ($1::bytea) ON CONFLICT DO NOTHING RETURNING 1"
        } else {
            "DELETE FROM audit.honey_marks WHERE mark = $1::bytea RETURNING 1"
        };
        let done = tx.run(sql, &[&mark]).await?;
        if done.is_empty() {
            tx.undo().await;
            return Err(if placed {
                Error::Conflict { code: "duplicate", detail: "This record is bait already".into() }
            } else {
                Error::NotFound
            });
        }
        // Not as a subject: the event would be taken for a reading of it.
        tx.note(serde_json::json!({"person": person}));
        let action = if placed { "audit.honey.place" } else { "audit.honey.remove" };
        tx.commit(action, "audit.honey_marks").await
    }
}
