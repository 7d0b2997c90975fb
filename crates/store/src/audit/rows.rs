//! Events as parameters of the one statement that inserts them.

use super::Event;
use time::OffsetDateTime;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// PostgreSQL plans a statement anew when the role has changed since, so the reader's and the writer's have texts of
/// their own and each keeps its plan.
macro_rules! insert_events {
    ($who:literal) => {
        concat!(
            $who,
            " INSERT INTO audit.activity_logs (tenant_id, writer_id, id, recorded_at, writer_seq, actor_id, action, \
      target, outcome, header, payload, payload_salt, payload_commit, mac, leaf_hash) \
    SELECT $1, $2, * FROM unnest($3::uuid[], $4::timestamptz[], $5::bigint[], $6::uuid[], $7::text[], $8::text[], \
      $9::text[], $10::bytea[], $11::bytea[], $12::bytea[], $13::bytea[], $14::bytea[], $15::bytea[])"
        )
    };
}

/// Events of one tenant and one writer, column by column.
pub(crate) struct Rows<'a> {
    tenant: Uuid,
    writer_id: i32,
    ids: Vec<Uuid>,
    times: Vec<OffsetDateTime>,
    counts: Vec<i64>,
    actors: Vec<Uuid>,
    texts: [Vec<&'a str>; 3],
    headers: Vec<&'a [u8]>,
    payloads: [Vec<Option<&'a [u8]>>; 2],
    digests: [Vec<&'a [u8]>; 3],
}

impl<'a> Rows<'a> {
    /// For a transaction that only reads.
    pub(crate) const AS_READER: &'static str = insert_events!("/* reader */");
    /// For one that writes.
    pub(crate) const AS_WRITER: &'static str = insert_events!("/* writer */");

    /// These events, of which there is at least one; all are of the tenant of the first.
    pub(crate) fn of(events: &'a [Event]) -> Self {
        Self {
            tenant: events.first().map_or(Uuid::nil(), |e| e.tenant),
            writer_id: events.first().map_or(0, |e| e.writer_id),
            ids: events.iter().map(|e| e.id).collect(),
            times: events.iter().map(|e| e.recorded_at).collect(),
            counts: events.iter().map(|e| e.writer_seq).collect(),
            actors: events.iter().map(|e| e.actor).collect(),
            texts: [
                events.iter().map(|e| &*e.action).collect(),
                events.iter().map(|e| &*e.target).collect(),
                events.iter().map(|e| e.outcome).collect(),
            ],
            headers: events.iter().map(|e| &*e.header).collect(),
            payloads: [
                events.iter().map(|e| e.payload.as_deref()).collect(),
                events.iter().map(|e| e.salt.as_deref()).collect(),
            ],
            digests: [
                events.iter().map(|e| &*e.commit).collect(),
                events.iter().map(|e| &*e.mac).collect(),
                events.iter().map(|e| &*e.leaf).collect(),
            ],
        }
    }

    /// In the order of the statement's parameters.
    pub(crate) fn params(&self) -> [&(dyn ToSql + Sync); 15] {
        let ([actions, targets, outcomes], [payloads, salts]) = (&self.texts, &self.payloads);
        let [commits, macs, leaves] = &self.digests;
        [
            &self.tenant,
            &self.writer_id,
            &self.ids,
            &self.times,
            &self.counts,
            &self.actors,
            actions,
            targets,
            outcomes,
            &self.headers,
            payloads,
            salts,
            commits,
            macs,
            leaves,
        ]
    }
}
