//! Which persons sealed events are about, by person (decision 21): entries of 40 bytes, those of one tenant and bucket
//! together in rows, written with the leaves. A row for each person and event would cost more than the read it tells of.

use super::{header, plain};
use salus_core::{Env, Error, Result};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use tokio_postgres::Transaction;
use uuid::Uuid;

/// Entries of one row: as many as PostgreSQL keeps in the row itself.
const ENTRIES: usize = 45;

/// Entries of events, by tenant and bucket, in the order in which they came.
#[derive(Default)]
pub(super) struct Subjects(BTreeMap<Uuid, BTreeMap<i32, Vec<Entry>>>);

struct Entry {
    person: Uuid,
    at: OffsetDateTime,
    event: Uuid,
}

impl Subjects {
    /// Adds the persons that the header of an event names. A header that is none names nobody: the sealer has told of
    /// it already.
    pub(super) fn add(&mut self, tenant: Uuid, (event, at): (Uuid, OffsetDateTime), header: &[u8]) {
        for person in header::subjects(header) {
            let buckets = self.0.entry(tenant).or_default();
            buckets.entry(bucket(person)).or_default().push(Entry { person, at, event });
        }
    }

    /// Stores them: one statement a tenant, because row-level security lets a transaction write for one at a time.
    pub(super) async fn store(self, tx: &Transaction<'_>, env: &Env) -> Result<()> {
        let tenant = "SELECT set_config('salus.tenant', $1, true), set_config('salus.scope', 'tenant', true)";
        let sql = "INSERT INTO audit.event_subjects (bucket, recorded_at, id, entries) \
                   SELECT * FROM unnest($1::int[], $2::timestamptz[], $3::uuid[], $4::bytea[])";
        for (of, buckets) in self.0 {
            tx.query_one(tenant, &[&of.to_string()]).await.map_err(|e| plain(&e))?;
            let (mut numbers, mut times, mut ids, mut rows) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for (number, entries) in &buckets {
                for row in entries.chunks(ENTRIES) {
                    numbers.push(*number);
                    times.push(row.iter().map(|e| e.at).max().unwrap_or(OffsetDateTime::UNIX_EPOCH));
                    ids.push(env.id());
                    rows.push(row.iter().map(Entry::bytes).collect::<Result<Vec<_>>>()?.concat());
                }
            }
            tx.execute(sql, &[&numbers, &times, &ids, &rows]).await.map_err(|e| plain(&e))?;
        }
        Ok(())
    }
}

impl Entry {
    fn bytes(&self) -> Result<[u8; 40]> {
        let micros = i64::try_from(self.at.unix_timestamp_nanos() / 1000).map_err(Error::internal)?;
        let mut out = [0; 40];
        out[..16].copy_from_slice(self.person.as_bytes());
        out[16..24].copy_from_slice(&micros.to_be_bytes());
        out[24..].copy_from_slice(self.event.as_bytes());
        Ok(out)
    }
}

/// As `audit.subject_bucket` says.
fn bucket(person: Uuid) -> i32 {
    let [.., high, low] = *person.as_bytes();
    i32::from(high & 15) * 256 + i32::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_the_last_twelve_bits() {
        assert_eq!(bucket(Uuid::from_u128(0xF_ABCD)), 0xBCD);
        assert_eq!(bucket(Uuid::max()), 4095);
    }
}
