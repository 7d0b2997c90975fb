//! Reads from streaming replicas, never older than what was committed when the read began (decision 32).
//!
//! A read asks the primary how far its log is flushed, and takes a replica's answer only when that replica has replayed
//! as far; it waits for it a moment, and else the primary answers. So a person reads what they wrote, and what anybody's
//! acknowledged change, erasure or withdrawal did before, whichever server did it.
//!
//! Places in the log mean nothing on another branch of it, such as that of a former primary which was failed over. So the
//! primary holds a mark for its timeline, a random id in the platform's settings, and a connection to a replica is
//! believed when it shows that mark. Who is signed in, what they may do, keys, idempotency and every change are the
//! primary's; so is the audit event of the read, which is durable there before the answer.

use crate::{
    Address, Db, Op, Tx,
    pool::{Connection, Connections, Object, Pool},
    unit::{Params, WHOLE_TENANT, begin},
};
use futures_util::future::BoxFuture;
use salus_core::{Ctx, Error, PLATFORM, Result};
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio_postgres::{Row, SimpleQueryMessage};
use uuid::Uuid;

/// The setting of the platform that marks the primary's timeline.
const MARK: &str = "replication.timeline";
/// How long a read waits for a replica to catch up before the primary answers it.
const WAIT: Duration = Duration::from_millis(60);
/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(2);
/// How long a connection to a replica may take.
const CONNECT: Duration = Duration::from_millis(500);
/// A replica that could not be used is not tried again for so long.
const REST: Duration = Duration::from_secs(1);

/// A place in the primary's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    timeline: u32,
    flushed: u64,
}

/// The mark of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    timeline: u32,
    id: String,
}

/// The replicas of a database.
pub(crate) struct Replicas {
    all: Vec<Replica>,
    turn: AtomicUsize,
    mark: Mutex<Option<Mark>>,
    /// One writes the mark of a new timeline at a time.
    marking: tokio::sync::Mutex<()>,
}

struct Replica {
    /// Host, for the log.
    name: String,
    pool: Pool,
    /// Not to be tried before.
    rests: Mutex<Option<Instant>>,
    reads: AtomicU64,
    behind: AtomicBool,
}

/// How a replica is, as health tells it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ReplicaState {
    /// Its place in the settings, from 1: health is told to strangers, hosts are not.
    pub number: usize,
    /// `used`; `behind`: the primary answers meanwhile; `unreachable`; `not_a_replica`: it is none of this primary's, or its
    /// role passes row-level security by.
    pub state: &'static str,
    /// Bytes of the log that it has not replayed; none when that cannot be told.
    pub behind_bytes: Option<u64>,
    /// Reads that it answered since this process began.
    pub reads: u64,
}

/// Why a replica does not answer a read.
enum No {
    Behind,
    Unreachable,
    NotOurs,
}

impl Replicas {
    /// Nothing is connected yet.
    pub fn new(addresses: Vec<Address>, connections: usize) -> Result<Self> {
        let all = addresses.into_iter().map(|address| {
            let name = address.host();
            let pool = Connections::pool(address, connections, CONNECT).map_err(Error::internal)?;
            let (rests, reads) = (Mutex::default(), AtomicU64::new(0));
            Ok(Replica { name, pool, rests, reads, behind: AtomicBool::new(false) })
        });
        let all = all.collect::<Result<_>>()?;
        Ok(Self { all, turn: AtomicUsize::new(0), mark: Mutex::default(), marking: tokio::sync::Mutex::default() })
    }

    /// A replica for one call, if one may be tried.
    fn choose(&self) -> Option<&Replica> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let free =
            |r: &&Replica| r.rests.lock().unwrap_or_else(PoisonError::into_inner).is_none_or(|until| until < now);
        (0..self.all.len()).map(|n| &self.all[(first + n) % self.all.len()]).find(free)
    }

    fn mark(&self, timeline: u32) -> Option<Mark> {
        self.mark.lock().unwrap_or_else(PoisonError::into_inner).clone().filter(|mark| mark.timeline == timeline)
    }
}

impl Tx {
    /// Lets the statements of an operation that only reads be answered by replicas. What is read about sign-in, rights,
    /// keys and the audit log itself is the primary's.
    pub(crate) fn may_read_from_replicas(&mut self, op: &Op) {
        let schema = op.target.split('.').next().unwrap_or_default();
        if self.db().0.replicas.is_some() && !["auth", "audit", "kernel"].contains(&schema) {
            let db = self.db().clone();
            self.unit().read_from_replicas(db);
        }
    }
}

impl Db {
    /// How every replica is now.
    pub async fn replicas(&self) -> Vec<ReplicaState> {
        let Some(replicas) = &self.0.replicas else { return Vec::new() };
        let position = self.position().await.ok();
        let mut states = Vec::new();
        for (n, replica) in replicas.all.iter().enumerate() {
            let looked = async {
                let connection = replica.pool.get().await.map_err(|_| No::Unreachable)?;
                let position = position.ok_or(No::Unreachable)?;
                self.is_ours(&connection, position).await?;
                let replayed = replayed(&connection).await?;
                Ok(position.flushed.saturating_sub(replayed))
            };
            let looked: Result<u64, No> = looked.await;
            let behind = replica.behind.load(Ordering::Relaxed);
            let (state, behind_bytes) = match looked {
                Ok(bytes) if bytes > 0 && behind => ("behind", Some(bytes)),
                Ok(bytes) => ("used", Some(bytes)),
                Err(No::NotOurs) => ("not_a_replica", None),
                Err(_) => ("unreachable", None),
            };
            let reads = replica.reads.load(Ordering::Relaxed);
            states.push(ReplicaState { number: n + 1, state, behind_bytes, reads });
        }
        states
    }

    /// Where the primary's log is flushed to: what was acknowledged to anybody before this was asked lies before it.
    async fn position(&self) -> Result<Position> {
        const SQL: &str = "SELECT pg_current_wal_flush_lsn(), left(pg_walfile_name(pg_current_wal_flush_lsn()), 8)";
        let connection = self.0.pool.get().await.map_err(Error::internal)?;
        let told = one_row(&connection, SQL).await.map_err(Error::internal)?;
        let position = told.and_then(|row| {
            let timeline = u32::from_str_radix(row.get(1)?, 16).ok()?;
            Some(Position { timeline, flushed: place(row.get(0)?)? })
        });
        position.ok_or_else(|| Error::internal("the primary does not tell where its log is"))
    }

    /// Runs a statement that only reads on a replica, if one may answer it; `floor` is what the call has seen of the
    /// primary's log, asked with its first statement.
    pub(crate) async fn read_from_replica(
        &self,
        floor: &mut Option<Position>,
        held: &mut Option<Object>,
        (opening, sql, params, cached): (&str, &str, Params<'_>, bool),
    ) -> Option<Vec<Row>> {
        let replica = self.0.replicas.as_ref()?.choose()?;
        let position = match *floor {
            Some(position) => position,
            None => *floor.insert(self.position().await.ok()?),
        };
        let answered = async {
            let connection = held.insert(replica.pool.get().await.map_err(|_| No::Unreachable)?);
            self.is_ours(connection, position).await?;
            caught_up(connection, position).await?;
            let statement = connection.ready(sql, cached).await.map_err(|_| No::Unreachable)?;
            let (begun, rows, ended) = futures_util::join!(
                connection.batch_execute(opening),
                connection.run(&statement, params),
                connection.batch_execute("COMMIT")
            );
            begun.and(ended).map_err(|_| No::Unreachable)?;
            // Such as a conflict with what is replayed.
            rows.map_err(|_| No::Behind)
        };
        let answered = answered.await;
        replica.behind.store(matches!(answered, Err(No::Behind)), Ordering::Relaxed);
        match answered {
            Ok(rows) => {
                replica.reads.fetch_add(1, Ordering::Relaxed);
                held.take();
                return Some(rows);
            }
            Err(No::Behind) => {}
            Err(No::Unreachable | No::NotOurs) => {
                let until = Instant::now() + REST;
                *replica.rests.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
                tracing::warn!(replica = %replica.name, "a replica cannot be used: the primary answers");
            }
        }
        if let Some(connection) = held.take() {
            // It may be in the middle of something.
            drop(Object::take(connection));
        }
        None
    }

    /// Whether a connection ends at a replica that follows the primary on this timeline, as a role that row-level security
    /// binds.
    async fn is_ours(&self, connection: &Connection, position: Position) -> Result<(), No> {
        if connection.timeline.load(Ordering::Relaxed) == position.timeline {
            return Ok(());
        }
        let mark = self.ensure_mark(position.timeline).await.map_err(|_| No::Unreachable)?;
        let begin = begin([PLATFORM, Uuid::nil()], WHOLE_TENANT, "auto", true);
        let sql = format!(
            "{begin}; SELECT value ->> 'id' FROM kernel.settings WHERE name = '{MARK}' \
               AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = session_user AND (rolsuper OR rolbypassrls)); COMMIT"
        );
        let seen = one_row(connection, &sql).await.map_err(|_| No::Unreachable)?;
        if seen.is_none_or(|row| row.get(0) != Some(&mark.id)) {
            return Err(No::NotOurs);
        }
        connection.timeline.store(position.timeline, Ordering::Relaxed);
        Ok(())
    }

    /// The mark of the primary's timeline, made when it has none.
    fn ensure_mark(&self, timeline: u32) -> BoxFuture<'_, Result<Mark>> {
        // Boxed, because it writes by a transaction, and transactions read from replicas.
        Box::pin(self.find_mark(timeline))
    }

    async fn find_mark(&self, timeline: u32) -> Result<Mark> {
        let replicas = self.0.replicas.as_ref().ok_or_else(|| Error::internal("no replicas"))?;
        if let Some(mark) = replicas.mark(timeline) {
            return Ok(mark);
        }
        let _one = replicas.marking.lock().await;
        if let Some(mark) = replicas.mark(timeline) {
            return Ok(mark);
        }
        let mut tx = self.begin(Ctx::system(self.env(), PLATFORM), false).await?;
        let number = i64::from(timeline);
        let id = self.env().id();
        // Several servers may do so at once: the row that is there afterwards counts.
        let sql = "INSERT INTO kernel.settings AS s (id, name, value) VALUES ($1, $2, jsonb_build_object('timeline', $3::bigint, 'id', $4::text)) \
                   ON CONFLICT (tenant_id, name) DO UPDATE SET value = EXCLUDED.value \
                   WHERE s.value ->> 'timeline' IS DISTINCT FROM EXCLUDED.value ->> 'timeline'";
        tx.run(sql, &[&self.env().id(), &MARK, &number, &id.to_string()]).await?;
        let rows = tx.run("SELECT value ->> 'id' FROM kernel.settings WHERE name = $1", &[&MARK]).await?;
        let id = rows.first().map(|row| row.get(0)).ok_or_else(|| Error::internal("the mark is not there"))?;
        tx.commit("kernel.timeline.mark", "kernel.settings").await?;
        let mark = Mark { timeline, id };
        *replicas.mark.lock().unwrap_or_else(PoisonError::into_inner) = Some(mark.clone());
        Ok(mark)
    }
}

/// Waits a moment until the replica has replayed up to this place.
async fn caught_up(connection: &Connection, position: Position) -> Result<(), No> {
    let since = Instant::now();
    while connection.replayed.load(Ordering::Relaxed) < position.flushed {
        let now = replayed(connection).await?;
        connection.replayed.store(now, Ordering::Relaxed);
        if now < position.flushed {
            if since.elapsed() > WAIT {
                return Err(No::Behind);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}

/// How far a replica is; one that was promoted is none any more.
async fn replayed(connection: &Connection) -> Result<u64, No> {
    const SQL: &str = "SELECT pg_last_wal_replay_lsn() WHERE pg_is_in_recovery()";
    let row = one_row(connection, SQL).await.map_err(|_| No::Unreachable)?.ok_or(No::NotOurs)?;
    row.get(0).and_then(place).ok_or(No::NotOurs)
}

async fn one_row(
    connection: &Connection,
    sql: &str,
) -> Result<Option<tokio_postgres::SimpleQueryRow>, tokio_postgres::Error> {
    let messages = connection.simple_query(sql).await?;
    Ok(messages.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    }))
}

/// A place in the log as PostgreSQL writes it: two hexadecimal numbers.
fn place(text: &str) -> Option<u64> {
    let (high, low) = text.split_once('/')?;
    Some(u64::from_str_radix(high, 16).ok()? << 32 | u64::from_str_radix(low, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_the_log_are_compared_as_numbers() {
        assert_eq!(place("0/16B3748"), Some(0x16B_3748));
        assert!(place("1/0") > place("0/FFFFFFFF"));
        assert_eq!(place("16B3748"), None);
    }
}
