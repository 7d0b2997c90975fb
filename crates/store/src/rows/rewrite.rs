//! Migrations rewrite rows that their last events tell of otherwise. Before they do, what differs already is kept beside a
//! mark; afterwards what differs besides is attested, and the mark is taken away. A process that ends in between leaves
//! the mark, and the next one attests: rows that a migration wrote never look like rows that somebody changed.
//!
//! The mark is made under the root key and counts once: whoever writes into the database, but holds no keys, can excuse
//! nothing with it (decision 125).

use super::{Marker, RowReport};
use crate::{Db, fault_point, seal::hmac};
use salus_core::{Ctx, Error, PLATFORM, Result};
use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;

const LABEL: &[u8] = b"salus/unfinished-migration/v1";
/// The actions in the log of the platform; the row that they are about is the mark.
const BEGUN: &str = "kernel.migration.begin";
const ENDED: &str = "kernel.migration.end";
const TARGET: &str = "kernel.migrations";

impl Db {
    /// Before migrations: the log of the platform says which, and what differs from the log now is kept. A mark that
    /// stands already is of migrations that did not end, and stays.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn expect_rewrite(&self, admin: &Client, what: &str) -> Result<()> {
        let id = self.env().id();
        self.tell(BEGUN, id, json!({"what": what})).await?;
        if is_marked(admin).await? {
            return Ok(());
        }
        let known = serde_json::to_string(&self.row_faults().await?).map_err(Error::internal)?;
        let mac = self.mac_of(id, &known)?;
        let sql = "INSERT INTO kernel.unfinished_migration (id, known, mac) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        admin.execute(sql, &[&id, &known, &&mac[..]]).await.map(|_| ()).map_err(Error::internal)
    }

    /// After migrations, and at every start: where the mark stands, rows that differ now and did not before are taken as
    /// they are, on the record. How many those were.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn attest_rewrite(&self, admin: &Client, reason: &str) -> Result<usize> {
        let sql = "SELECT id, known, mac FROM kernel.unfinished_migration";
        let Some(row) = admin.query_opt(sql, &[]).await.map_err(Error::internal)? else { return Ok(0) };
        let (id, known, mac): (Uuid, &str, &[u8]) = (row.get(0), row.get(1), row.get(2));
        fault_point!("migration.attesting");
        let mut taken = 0;
        if mac != self.mac_of(id, known)? {
            tracing::error!("a mark of migrations was not made by Salus: no row is excused by it");
        } else if !self.has_ended(admin, id).await? {
            let before: Vec<RowReport> = serde_json::from_str(known).map_err(Error::internal)?;
            taken = self.attest_since(&before, reason).await?;
            self.tell(ENDED, id, json!({"reason": reason, "attested": taken})).await?;
        }
        fault_point!("migration.attested");
        let sql = "DELETE FROM kernel.unfinished_migration WHERE id = $1";
        admin.execute(sql, &[&id]).await.map_err(Error::internal)?;
        Ok(taken)
    }

    /// Whether the log says already that this mark served: it is put there again by nobody.
    async fn has_ended(&self, admin: &Client, id: Uuid) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT FROM audit.activity_logs WHERE action = $1 AND outcome = 'success' \
                   AND (convert_from(header, 'UTF8')::jsonb ->> 'row')::uuid = $2)";
        admin.query_one(sql, &[&ENDED, &id]).await.map(|row| row.get(0)).map_err(Error::internal)
    }

    async fn tell(&self, action: &str, id: Uuid, detail: serde_json::Value) -> Result<()> {
        let mut tx = self.begin(Ctx::operator(self.env(), PLATFORM), false).await?;
        tx.on_row(id);
        tx.note(detail);
        tx.commit(action, TARGET).await
    }

    fn mac_of(&self, id: Uuid, known: &str) -> Result<[u8; 32]> {
        let marker = Marker::new(&self.root(), PLATFORM)?;
        Ok(hmac(&marker.key, &[LABEL, id.as_bytes(), known.as_bytes()]))
    }
}

/// Whether migrations began whose rows are not attested.
///
/// # Errors
/// Those of the database.
pub async fn is_marked(admin: &Client) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT FROM kernel.unfinished_migration)";
    admin.query_one(sql, &[]).await.map(|row| row.get(0)).map_err(Error::internal)
}
