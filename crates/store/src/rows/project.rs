//! The last digest of each row as a table, `audit.data_integrity_checksums`: taken from the log, never from the rows.

use super::check::Found;
use crate::Db;
use salus_core::{Ctx, Result};
use std::collections::HashMap;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Events are not committed in the order of their times: so far back they are read again. No transaction lasts as long.
const BACK: Duration = Duration::minutes(15);

impl Db {
    /// Takes the digests of events since `from` into the table, and answers from where to go on. Without a time it goes on
    /// behind the newest event the table knows of.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn project_rows(&self, tenant: Uuid, from: Option<OffsetDateTime>) -> Result<OffsetDateTime> {
        let mut reading = self.begin(Ctx::system(self.env(), tenant), true).await?;
        let from = if let Some(from) = from {
            from
        } else {
            let sql = "SELECT max(recorded_at) FROM audit.data_integrity_checksums";
            let newest: Option<OffsetDateTime> = reading.run(sql, &[]).await?.first().and_then(|r| r.get(0));
            newest.unwrap_or(OffsetDateTime::UNIX_EPOCH + BACK)
        };
        let mut at = (from - BACK, Uuid::nil());
        let mut last: HashMap<(String, Uuid), Found> = HashMap::new();
        while let Some(found) = self.marks_after(&mut reading, &mut at).await? {
            for one in found {
                let key = (one.mark.table.clone(), one.mark.row);
                if last.get(&key).is_none_or(|held| held.mark.change < one.mark.change) {
                    last.insert(key, one);
                }
            }
        }
        reading.finish_unrecorded().await?;
        let last: Vec<Found> = last.into_values().collect();
        for part in last.chunks(1000) {
            self.keep_marks(tenant, part).await?;
        }
        Ok(at.0.max(from))
    }

    async fn keep_marks(&self, tenant: Uuid, part: &[Found]) -> Result<()> {
        let (gone, kept): (Vec<&Found>, Vec<&Found>) = part.iter().partition(|f| f.mark.digest.is_none());
        let mut tx = self.begin(Ctx::system(self.env(), tenant), false).await?;
        let tables = |of: &[&Found]| -> Vec<String> { of.iter().map(|f| f.mark.table.clone()).collect() };
        let rows = |of: &[&Found]| -> Vec<Uuid> { of.iter().map(|f| f.mark.row).collect() };
        let changes = |of: &[&Found]| -> Vec<i64> { of.iter().map(|f| f.mark.change).collect() };
        let ids: Vec<Uuid> = kept.iter().map(|_| self.env().id()).collect();
        let versions: Vec<i32> = kept.iter().map(|f| f.mark.version).collect();
        let digests: Vec<Vec<u8>> = kept.iter().filter_map(|f| Some(f.mark.digest?.to_vec())).collect();
        let events: Vec<Uuid> = kept.iter().map(|f| f.event).collect();
        let times: Vec<OffsetDateTime> = kept.iter().map(|f| f.recorded_at).collect();
        let states: Vec<&str> = kept.iter().map(|f| if f.attested { "RESEALED" } else { "VALID" }).collect();
        let sql = "INSERT INTO audit.data_integrity_checksums AS c (id, table_name, row_id, row_version, checksum, chain_seq, \
                     event_id, recorded_at, state) \
                   SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[], $5::bytea[], $6::bigint[], $7::uuid[], \
                     $8::timestamptz[], $9::text[]) \
                   ON CONFLICT (tenant_id, table_name, row_id) DO UPDATE SET row_version = excluded.row_version, \
                     prev_checksum = c.checksum, checksum = excluded.checksum, chain_seq = excluded.chain_seq, \
                     event_id = excluded.event_id, recorded_at = excluded.recorded_at, state = excluded.state, \
                     computed_at = clock_timestamp(), verified_at = NULL WHERE c.chain_seq < excluded.chain_seq";
        let (names, of) = (tables(&kept), rows(&kept));
        tx.run(sql, &[&ids, &names, &of, &versions, &digests, &changes(&kept), &events, &times, &states]).await?;
        let sql = "DELETE FROM audit.data_integrity_checksums c USING unnest($1::text[], $2::uuid[], $3::bigint[]) AS u (t, r, n) \
                   WHERE c.table_name = u.t AND c.row_id = u.r AND c.chain_seq < u.n";
        tx.run(sql, &[&tables(&gone), &rows(&gone), &changes(&gone)]).await?;
        tx.finish_unrecorded().await
    }
}
