//! One key for another while the server serves (`spec` B2.6). A rotation is a row of `kernel.key_rotation_history`, and
//! everything about it is in that row: any process can go on with it at any time, and several do not harm each other.
//!
//! `spreading`: the new key exists and every process learns it; nothing is sealed with it yet. `moving`: it seals, and
//! batches put what lies under older keys under it; the place reached is saved with each batch. When two counts, apart by the
//! time in which a process may still use the older key, find nothing, that one is retired. A retired key stays in its row,
//! wrapped, and opens: a value that came late is not lost.

mod act;
mod count;
mod index;
mod person;
mod reseal;
mod root;
mod schedule;

pub use act::KeyRow;
pub use count::ColumnCount;
pub(crate) use index::tokens_of;
pub use root::Rewrapped;
pub use schedule::RotationRules;

use crate::{
    Db, Tx, audit::Outcome, db::KEYS_BELIEVED, fault_point, keys::NewKey, seal::KeyClass, tx::failure, unit::Unit,
};
use salus_core::{Ctx, Error, Result};
use std::time::Duration;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio_postgres::Row;
use uuid::Uuid;

/// Which key is exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotated {
    /// The data key of a class: values are sealed anew.
    Class(KeyClass),
    /// The key of blind indexes and search tokens: they are made anew.
    Index,
    /// The tenant key: the keys under it are wrapped anew.
    Tenant,
}

impl Rotated {
    /// Every data key.
    pub fn classes() -> impl Iterator<Item = Self> {
        KeyClass::ALL.into_iter().map(Self::Class)
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Class(_) => "class",
            Self::Index => "index",
            Self::Tenant => "tenant",
        }
    }

    fn class(self) -> Option<&'static str> {
        if let Self::Class(class) = self { Some(class.name()) } else { None }
    }
}

/// How fast a rotation goes.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long other processes may take to learn a key.
    pub settle: Duration,
    /// Rows of one batch, which is one transaction.
    pub batch: i64,
    /// Rest after each batch, as a multiple of the time it took: 4 leaves others four fifths of the time.
    pub rest: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { settle: KEYS_BELIEVED * 3, batch: 500, rest: 4 }
    }
}

/// One rotation as its row says it.
#[derive(Debug, Clone, serde::Serialize)]
#[allow(missing_docs, reason = "the names are those of the columns, which are commented")]
pub struct Rotation {
    pub id: Uuid,
    pub tenant: Uuid,
    pub kind: String,
    pub class: Option<String>,
    pub reason: String,
    pub state: String,
    pub table_name: Option<String>,
    pub passes: i32,
    pub clean_passes: i32,
    pub pass_moved: i64,
    pub rows_total: i64,
    pub rows_done: i64,
    pub rows_failed: i64,
    pub rows_kept: i64,
    pub started_at: String,
    pub finished_at: Option<String>,
    #[serde(skip)]
    pub(crate) new_key_no: i64,
    #[serde(skip)]
    pub(crate) cursor: Option<Uuid>,
    #[serde(skip)]
    settled: bool,
}

/// The columns of [`Rotation`]; `$1` is the time to settle in seconds.
macro_rules! rotations {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, kind::text, key_class::text, reason::text, state::text, table_name, passes, clean_passes, \
             pass_moved, rows_total, rows_done, rows_failed, rows_kept, created_at, finished_at, new_key_no, cursor_id, \
             updated_at <= clock_timestamp() - make_interval(secs => $1) AS settled FROM kernel.key_rotation_history ",
            $rest
        )
    };
}

impl Rotation {
    fn read(row: &Row) -> Self {
        let text = |at: OffsetDateTime| at.format(&Rfc3339).unwrap_or_default();
        Self {
            id: row.get("id"),
            tenant: row.get("tenant_id"),
            kind: row.get("kind"),
            class: row.get("key_class"),
            reason: row.get("reason"),
            state: row.get("state"),
            table_name: row.get("table_name"),
            passes: row.get("passes"),
            clean_passes: row.get("clean_passes"),
            pass_moved: row.get("pass_moved"),
            rows_total: row.get("rows_total"),
            rows_done: row.get("rows_done"),
            rows_failed: row.get("rows_failed"),
            rows_kept: row.get("rows_kept"),
            started_at: text(row.get("created_at")),
            finished_at: row.get::<_, Option<OffsetDateTime>>("finished_at").map(text),
            new_key_no: row.get("new_key_no"),
            cursor: row.get("cursor_id"),
            settled: row.get("settled"),
        }
    }

    fn rotated(&self) -> Result<Rotated> {
        match (self.kind.as_str(), self.class.as_deref().and_then(KeyClass::from_name)) {
            ("class", Some(class)) => Ok(Rotated::Class(class)),
            ("index", _) => Ok(Rotated::Index),
            ("tenant", _) => Ok(Rotated::Tenant),
            _ => Err(Error::internal("a rotation of an unknown kind")),
        }
    }

    /// What it exchanges, in words.
    #[must_use]
    pub fn name(&self) -> String {
        self.class.as_ref().map_or_else(|| format!("{} key", self.kind), |class| format!("{class} key"))
    }
}

/// What one turn of a rotation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Work: there may be more at once.
    Worked,
    /// Nothing can be done before the time to settle is over.
    Waits,
    /// It is finished.
    Finished,
    /// All that can be moved is moved, and values that do not open are left.
    Stuck,
}

/// What one batch did.
#[derive(Debug, Default)]
struct Batch {
    /// The last row looked at; none when the table has no more.
    last: Option<Uuid>,
    moved: i64,
    failed: i64,
    /// Rows that somebody was changing.
    skipped: i64,
}

impl Db {
    /// Makes a new key that the tenant's processes learn before it is used, and the row of its rotation.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the key is being exchanged already.
    pub async fn begin_rotation(&self, ctx: Ctx, what: Rotated, reason: &str) -> Result<Uuid> {
        let tenant = ctx.tenant;
        let mut tx = self.begin(ctx, false).await?;
        let id = self.env().id();
        tx.on_row(id);
        let (action, target) = ("kernel.key.rotate", "kernel.key_rotation_history");
        match self.insert_rotation(&mut tx, id, what, reason).await {
            Ok(()) => {
                tx.commit(action, target).await?;
                fault_point!("rotation.made");
            }
            Err(e) => {
                tx.abandon(action, target, Outcome::Failed, e.code()).await?;
                return Err(e);
            }
        }
        self.forget_keys(tenant);
        Ok(id)
    }

    pub(super) async fn insert_rotation(&self, tx: &mut Tx, id: Uuid, what: Rotated, reason: &str) -> Result<()> {
        let sql = "SELECT key_no, generation, (SELECT max(generation) FROM kernel.keys k WHERE k.kind = 'tenant' \
                     AND k.state = 'active') AS above FROM kernel.keys \
                   WHERE kind = $1::text AND key_class IS NOT DISTINCT FROM $2::text ORDER BY state = 'active' DESC, generation DESC";
        let rows = tx.run(sql, &[&what.kind(), &what.class()]).await?;
        let old = rows.first().ok_or_else(|| Error::Unavailable("the tenant has no such key".into()))?;
        let newest = rows.iter().map(|r| r.get::<_, i32>("generation")).max().unwrap_or_default();
        let made = if what == Rotated::Tenant {
            self.read_root_again()?;
            NewKey::under_root(&self.root(), tx.ctx.tenant)?.1
        } else {
            let key = NewKey::under(tx.keys().wrapping(), tx.ctx.tenant, what.kind(), what.class())?;
            NewKey { above: ("tenant", old.get("above")), ..key }
        };
        let new = NewKey { generation: newest + 1, ..made };
        new.insert(self, tx.unit(), "pending").await?;
        let sql = "INSERT INTO kernel.key_rotation_history (id, kind, key_class, old_key_no, new_key_no, reason) \
                   VALUES ($1, $2::text, $3::text, $4, $5, $6::text)";
        let (old_no, new_no) = (old.get::<_, i64>("key_no"), new.key_no.cast_signed());
        tx.run(sql, &[&id, &what.kind(), &what.class(), &old_no, &new_no, &reason]).await.map(|_| ())
    }

    /// Rotations of a tenant, the newest first; only those not finished when `open`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn rotations(&self, tenant: Uuid, open: bool) -> Result<Vec<Rotation>> {
        let mut unit = Unit::new(&self.0.pool, &Ctx::system(self.env(), tenant), true);
        let sql = rotations!("WHERE NOT $2 OR finished_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 200");
        let rows = unit.query(sql, &[&0f64, &open], true).await.map_err(|f| failure(&self.0.catalog, f))?;
        unit.commit(&[]).await.map_err(|f| failure(&self.0.catalog, f))?;
        Ok(rows.iter().map(Rotation::read).collect())
    }

    /// Goes on with one rotation for one step: uses the key, moves a batch, counts, or retires what is empty. `tell` is
    /// given the row as it was before.
    ///
    /// # Errors
    /// Those of the database; nothing of the step is done then.
    pub async fn turn_rotation(&self, tenant: Uuid, id: Uuid, pace: &Pace) -> Result<Turn> {
        let mut tx = self.begin(Ctx::system(self.env(), tenant), false).await?;
        let sql = rotations!("WHERE id = $2 FOR UPDATE");
        let row = tx.run(sql, &[&pace.settle.as_secs_f64(), &id]).await?.first().map(Rotation::read);
        let rotation = row.ok_or(Error::NotFound)?;
        tx.on_row(id);
        match rotation.state.as_str() {
            "finished" => tx.finish_unrecorded().await.map(|()| Turn::Finished),
            "spreading" if !rotation.settled => tx.finish_unrecorded().await.map(|()| Turn::Waits),
            "spreading" => {
                activate(&mut tx, &rotation).await?;
                fault_point!("rotation.activating");
                tx.commit("kernel.key.activate", "kernel.keys").await?;
                fault_point!("rotation.activated");
                self.forget_keys(tenant);
                Ok(Turn::Worked)
            }
            _ => self.move_on(tx, &rotation, pace).await,
        }
    }

    async fn move_on(&self, mut tx: Tx, rotation: &Rotation, pace: &Pace) -> Result<Turn> {
        let tables = tables_of(&tx, rotation)?;
        if rotation.table_name.is_none() && rotation.passes > 0 {
            return self.judge(tx, rotation, tables.first()).await;
        }
        let table = rotation.table_name.clone().or_else(|| tables.first().cloned());
        let batch = match &table {
            None => Batch::default(),
            Some(table) => match rotation.rotated()? {
                Rotated::Class(class) => reseal::batch(&mut tx, table, class, rotation.cursor, pace.batch).await?,
                Rotated::Index => index::batch(&mut tx, table, rotation.cursor, pace.batch).await?,
                Rotated::Tenant => person::batch(&mut tx, rotation.cursor, pace.batch).await?,
            },
        };
        let next = match (&table, batch.last) {
            (Some(table), Some(_)) => Some(table.clone()),
            (Some(table), None) => tables.iter().skip_while(|t| *t != table).nth(1).cloned(),
            (None, _) => None,
        };
        let sql = "UPDATE kernel.key_rotation_history SET table_name = $2, cursor_id = $3, rows_done = rows_done + $4, \
                   pass_moved = pass_moved + $4 + $6, rows_failed = rows_failed + $5, passes = passes + CASE WHEN $2::text IS NULL THEN 1 ELSE 0 END \
                   WHERE id = $1";
        tx.run(sql, &[&rotation.id, &next, &batch.last, &batch.moved, &batch.failed, &batch.skipped]).await?;
        fault_point!("rotation.batch_moved");
        tx.finish_unrecorded().await?;
        fault_point!("rotation.batch_kept");
        Ok(Turn::Worked)
    }

    /// What follows from a pass that ended: another one, the second count, or the end.
    async fn judge(&self, mut tx: Tx, rotation: &Rotation, first: Option<&String>) -> Result<Turn> {
        if rotation.clean_passes == 1 && !rotation.settled {
            return tx.finish_unrecorded().await.map(|()| Turn::Waits);
        }
        // Hashes are counted by passing through them, so the second count is one more pass.
        let by_passing = rotation.rotated()? == Rotated::Index && first.is_some();
        let left = left(&mut tx, rotation).await?;
        if left == 0 && rotation.clean_passes >= if by_passing { 2 } else { 1 } {
            retire(&mut tx, rotation).await?;
            fault_point!("rotation.retiring");
            tx.commit("kernel.key.retire", "kernel.keys").await?;
            fault_point!("rotation.retired");
            self.forget_keys(rotation.tenant);
            return Ok(Turn::Finished);
        }
        let stuck = left > 0 && rotation.pass_moved == 0 && rotation.rows_failed > 0;
        let clean = if left == 0 { rotation.clean_passes + 1 } else { 0 };
        let next = first.filter(|_| left > 0 || (by_passing && clean == 2));
        let sql = "UPDATE kernel.key_rotation_history SET clean_passes = $2, table_name = $3, cursor_id = NULL, \
                   pass_moved = CASE WHEN $3::text IS NULL THEN pass_moved ELSE 0 END, \
                   rows_failed = CASE WHEN $3::text IS NULL THEN rows_failed ELSE 0 END WHERE id = $1";
        tx.run(sql, &[&rotation.id, &clean, &next]).await?;
        fault_point!("rotation.judged");
        tx.finish_unrecorded().await?;
        Ok(if stuck { Turn::Stuck } else { Turn::Worked })
    }

    /// Goes on with every open rotation of a tenant until none can go on, resting after each batch. `tell` is given each
    /// rotation after each of its steps.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn run_rotations(
        &self,
        tenant: Uuid,
        pace: &Pace,
        mut tell: impl FnMut(&Rotation),
    ) -> Result<Vec<Rotation>> {
        let mut stuck = Vec::new();
        loop {
            let open = self.rotations(tenant, true).await?;
            let mut worked = false;
            let mut waits = false;
            for rotation in &open {
                if stuck.contains(&rotation.id) {
                    continue;
                }
                tell(rotation);
                let began = std::time::Instant::now();
                match self.turn_rotation(tenant, rotation.id, pace).await? {
                    Turn::Worked => worked = true,
                    Turn::Waits => waits = true,
                    Turn::Finished => {}
                    Turn::Stuck => stuck.push(rotation.id),
                }
                tokio::time::sleep(began.elapsed() * pace.rest).await;
            }
            if !worked && !waits {
                break;
            }
            if !worked {
                tokio::time::sleep((pace.settle / 10).max(Duration::from_millis(20))).await;
            }
        }
        self.rotations(tenant, true).await
    }
}

/// The tables to pass through, in order.
fn tables_of(tx: &Tx, rotation: &Rotation) -> Result<Vec<String>> {
    Ok(match rotation.rotated()? {
        Rotated::Class(class) => reseal::tables(tx.catalog(), class),
        Rotated::Index => index::tables(tx.catalog()),
        Rotated::Tenant => vec!["kernel.subject_keys".to_owned()],
    })
}

/// How much lies under older keys and can be moved.
async fn left(tx: &mut Tx, rotation: &Rotation) -> Result<i64> {
    match rotation.rotated()? {
        Rotated::Class(class) => reseal::left(tx, class, rotation.new_key_no).await.map(|left| left.movable),
        // Only making a row's index anew tells under which key it is: a pass that changed nothing is the count.
        Rotated::Index => Ok(rotation.pass_moved + rotation.rows_failed),
        Rotated::Tenant => person::left(tx, rotation.new_key_no).await,
    }
}

async fn activate(tx: &mut Tx, rotation: &Rotation) -> Result<()> {
    let what = rotation.rotated()?;
    let sql = "SELECT FROM kernel.keys WHERE key_no = $3 AND kind = $1::text AND key_class IS NOT DISTINCT FROM $2::text AND state = 'pending'";
    if tx.run(sql, &[&what.kind(), &what.class(), &rotation.new_key_no]).await?.is_empty() {
        return Err(Error::internal(format!("the exchange {} names a new key that is not there", rotation.id)));
    }
    let sql = "UPDATE kernel.keys SET state = CASE WHEN key_no = $3 THEN 'active' ELSE 'decrypt_only' END, \
               activated_at = CASE WHEN key_no = $3 THEN clock_timestamp() ELSE activated_at END \
               WHERE kind = $1::text AND key_class IS NOT DISTINCT FROM $2::text AND (key_no = $3 OR state = 'active')";
    tx.run(sql, &[&what.kind(), &what.class(), &rotation.new_key_no]).await?;
    let total = match what {
        Rotated::Class(class) => reseal::left(tx, class, rotation.new_key_no).await?.movable,
        Rotated::Index => index::total(tx).await?,
        Rotated::Tenant => {
            person::rewrap_keys(tx, rotation.new_key_no).await?;
            person::left(tx, rotation.new_key_no).await?
        }
    };
    let sql = "UPDATE kernel.key_rotation_history SET state = 'moving', activated_at = clock_timestamp(), rows_total = $2 WHERE id = $1";
    tx.run(sql, &[&rotation.id, &total]).await.map(|_| ())
}

/// Retires the older keys under which nothing lies, and ends the rotation.
async fn retire(tx: &mut Tx, rotation: &Rotation) -> Result<()> {
    let what = rotation.rotated()?;
    let (mut kept, mut still): (i64, Vec<i64>) = (0, Vec::new());
    if let Rotated::Class(class) = what {
        let left = reseal::left(tx, class, rotation.new_key_no).await?;
        (kept, still) = (left.append_only, left.keys);
    }
    let sql = "UPDATE kernel.keys SET state = 'retired', retired_at = clock_timestamp() \
               WHERE kind = $1::text AND key_class IS NOT DISTINCT FROM $2::text AND state = 'decrypt_only' AND key_no <> ALL($3)";
    tx.run(sql, &[&what.kind(), &what.class(), &still]).await?;
    let sql = "UPDATE kernel.key_rotation_history SET state = 'finished', finished_at = clock_timestamp(), rows_kept = $2, \
               clean_passes = clean_passes + 1 WHERE id = $1";
    tx.run(sql, &[&rotation.id, &kept]).await?;
    count::store(tx).await
}
