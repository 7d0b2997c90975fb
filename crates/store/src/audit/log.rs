//! The sealed log in the database: which key signs it, where its events and tiles are, and its head.
//!
//! There is one log over the events of all tenants. The role `salus_sealer` reads the partitions of the events by
//! name, because their parent shows one tenant at a time; it may append to the log and change nothing in it.

use super::merkle::{Checkpoint, Hash, SigningKey, Tile, Tiles};
use super::{handover, plain};
use crate::{Address, seal::RootKey};
use salus_core::{Env, Error, Result};
use std::sync::Arc;
use tokio_postgres::{Client, Row, Transaction};
use uuid::Uuid;

/// Advisory lock of the one sealer.
pub(super) const LOCK: i64 = 0x5A15_5EA1;

/// The way to the log: the database as the sealer, and the key.
pub struct Log {
    pub(super) address: Address,
    pub(super) root: Arc<RootKey>,
    pub(super) env: Env,
}

/// The head of the log as its table has it.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) epoch: i32,
    pub(super) size: u64,
    pub(super) root: Vec<u8>,
    pub(super) horizon: String,
    pub(super) sysid: String,
    pub(super) timeline: i32,
    /// Under the horizon; none when nothing was sealed since there are codes.
    pub(super) code: Option<Vec<u8>>,
}

impl Log {
    /// `address` is that of the role `salus_sealer`, or of one that is granted it.
    #[must_use]
    pub fn new(address: Address, root: impl Into<Arc<RootKey>>, env: Env) -> Self {
        Self { address, root: root.into(), env }
    }

    /// A connection of its own.
    pub(super) async fn connect(&self) -> Result<Client> {
        self.address.connect().await
    }

    /// The name of this installation's log: it follows from the root key, so a log of another cannot pass for it.
    pub(super) fn name(&self) -> String {
        format!("salus-{}/audit", self.root.fingerprint())
    }

    /// What the first line of a checkpoint of this epoch is.
    pub(super) fn origin(&self, epoch: i32) -> String {
        format!("{}/e{epoch}", self.name())
    }

    /// The key that signs, when there is one already. What it is comes from its wrapped form alone: a public key that
    /// somebody put into the table is not believed.
    ///
    /// # Errors
    /// [`Error::Internal`] when the wrapped key does not open under the root key.
    pub(super) async fn key(&self, tx: &Transaction<'_>) -> Result<Option<SigningKey>> {
        let sql = "SELECT id, wrapped, public_key, ended_epoch, ended_size, code FROM audit.signing_keys WHERE origin = $1 \
                   ORDER BY created_at, id";
        let rows = tx.query(sql, &[&self.name()]).await.map_err(|e| plain(&e))?;
        let (ended, used): (Vec<&Row>, Vec<&Row>) =
            rows.iter().partition(|r| r.get::<_, Option<i32>>("ended_epoch").is_some());
        let former = ended.into_iter().map(|row| handover::former(&self.root, row)).collect::<Result<Vec<_>>>()?;
        let Some(row) = used.first() else { return Ok(None) };
        let (id, wrapped) = (row.get("id"), row.get("wrapped"));
        let seed = match self.root.open_log_key(id, wrapped) {
            Ok(seed) => seed,
            // The root key may have got a new version since it was read.
            Err(e) => self.root.again()?.ok_or(e)?.open_log_key(id, wrapped)?,
        };
        Ok(Some(SigningKey::new(&self.name(), &seed)?.after(former)))
    }

    /// The key that signs, made now if there is none. A log that has a head has a key: it is not made twice.
    pub(super) async fn ensure_key(&self, tx: &Transaction<'_>) -> Result<SigningKey> {
        if let Some(key) = self.key(tx).await? {
            return Ok(key);
        }
        let held = tx.query_one("SELECT count(*) FROM audit.checkpoints", &[]).await.map_err(|e| plain(&e))?;
        if held.get::<_, i64>(0) > 0 {
            return Err(Error::Unavailable(
                "the audit log has signed heads, but its signing key is gone or belongs to another root key: nothing is \
                 sealed; restore audit.signing_keys or the root key"
                    .into(),
            ));
        }
        let id = self.env.id();
        let (seed, wrapped) = self.root.new_log_key(id)?;
        let key = SigningKey::new(&self.name(), &seed)?;
        let sql = "INSERT INTO audit.signing_keys (id, origin, public_key, wrapped, created_at) VALUES ($1, $2, $3::bytea, $4, $5)";
        let public = key.public().bytes().to_vec();
        tx.execute(sql, &[&id, &self.name(), &public, &wrapped.0, &self.env.now()]).await.map_err(|e| plain(&e))?;
        Ok(key)
    }
}

/// The statement text that stands for the events of all tenants: a union of the partitions.
pub(super) async fn events(tx: &Transaction<'_>, columns: &str) -> Result<String> {
    let sql = "SELECT i.inhrelid::regclass::text, EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = i.inhrelid \
                 AND p.polname = 'sealer' AND pg_get_expr(p.polqual, p.polrelid) = 'true') \
               FROM pg_inherits i WHERE i.inhparent = 'audit.activity_logs'::regclass ORDER BY 1";
    let parts = tx.query(sql, &[]).await.map_err(|e| plain(&e))?;
    // Without its policy a partition is not refused, it is empty: events would be left out and nobody told.
    if let Some(blind) = parts.iter().find(|p| !p.get::<_, bool>(1)) {
        let name: String = blind.get(0);
        return Err(Error::Unavailable(format!("the sealer does not see {name}: CALL audit.show_sealer('{name}')")));
    }
    // Names come from the catalogue, quoted by it.
    let selects: Vec<String> =
        parts.iter().map(|p| format!("SELECT {columns} FROM {}", p.get::<_, String>(0))).collect();
    if selects.is_empty() {
        return Err(Error::Unavailable("audit.activity_logs has no partition: run salus db verify".into()));
    }
    Ok(selects.join(" UNION ALL "))
}

const HEAD: &str = "SELECT epoch, size, root, horizon::text, sysid, timeline, code FROM audit.tree_states";

fn read_head(r: &Row) -> Head {
    Head {
        epoch: r.get(0),
        size: r.get::<_, i64>(1).cast_unsigned(),
        root: r.get(2),
        horizon: r.get(3),
        sysid: r.get(4),
        timeline: r.get(5),
        code: r.get(6),
    }
}

/// Stores the head of an epoch that begins, and is the current one.
pub(super) async fn begin(tx: &Transaction<'_>, head: &Head) -> Result<()> {
    let sql = "INSERT INTO audit.tree_states (epoch, size, root, horizon, sysid, timeline, is_current, code) \
               VALUES ($1, 0, $2::bytea, $3::text::xid8, $4, $5, true, $6::bytea)";
    let Head { epoch, root, horizon, sysid, timeline, code, .. } = head;
    tx.execute(sql, &[epoch, root, horizon, sysid, timeline, code]).await.map_err(|e| plain(&e))?;
    Ok(())
}

/// The current head; `None` before the first seal.
pub(super) async fn head(tx: &Transaction<'_>, lock: bool) -> Result<Option<Head>> {
    let sql = format!("{HEAD} WHERE is_current {}", if lock { "FOR UPDATE" } else { "" });
    Ok(tx.query_opt(&sql, &[]).await.map_err(|e| plain(&e))?.as_ref().map(read_head))
}

/// The heads of all epochs, to be verified; before the first seal that of a log without events.
pub(super) async fn heads(tx: &Transaction<'_>) -> Result<Vec<Head>> {
    let rows = tx.query(&format!("{HEAD} ORDER BY epoch"), &[]).await.map_err(|e| plain(&e))?;
    if rows.is_empty() {
        let (root, horizon) = (super::merkle::empty_root().to_vec(), "0".to_owned());
        return Ok(vec![Head { epoch: 1, size: 0, root, horizon, sysid: String::new(), timeline: 0, code: None }]);
    }
    Ok(rows.iter().map(read_head).collect())
}

/// Stored tiles, those of the list that are there and can be read.
pub(super) async fn tiles(tx: &Transaction<'_>, epoch: i32, list: &[Tile]) -> Result<Tiles> {
    let levels: Vec<i32> = list.iter().map(|(level, _)| level.cast_signed()).collect();
    let numbers: Vec<i64> = list.iter().map(|(_, index)| index.cast_signed()).collect();
    let sql = "SELECT t.level, t.idx, t.hashes FROM unnest($2::int[], $3::bigint[]) AS w (level, idx) \
               JOIN audit.tiles t ON t.epoch = $1 AND t.level = w.level AND t.idx = w.idx";
    let rows = tx.query(sql, &[&epoch, &levels, &numbers]).await.map_err(|e| plain(&e))?;
    let tile = |r: &Row| {
        let at = (r.get::<_, i32>(0).cast_unsigned(), r.get::<_, i64>(1).cast_unsigned());
        Some((at, Tiles::decode(r.get(2))?))
    };
    Ok(Tiles(rows.iter().filter_map(tile).collect()))
}

/// The note of a checkpoint.
pub(super) fn sign(key: &SigningKey, origin: String, size: u64, root: Hash) -> String {
    key.sign(&Checkpoint { origin, size, root })
}

/// Which cluster this is, and on which timeline: another cluster, or a restored dump, has other transaction numbers; a
/// restore or a failover begins another timeline. The control file tells that only after the next checkpoint, the name
/// of the file that is written to tells it at once.
pub(super) async fn cluster(tx: &Transaction<'_>) -> Result<(String, i32)> {
    let sql = "SELECT (SELECT system_identifier::text FROM pg_control_system()), \
               ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int";
    let row = tx.query_one(sql, &[]).await.map_err(|e| plain(&e))?;
    Ok((row.get(0), row.get(1)))
}

/// An event that did not come from a Salus process, or is not what it was: found while it was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    /// Its tenant.
    pub tenant: Uuid,
    /// The event.
    pub event: Uuid,
    /// Its place in the log.
    pub leaf: u64,
}
