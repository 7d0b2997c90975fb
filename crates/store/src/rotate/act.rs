//! What is done to one key by hand, inside the caller's transaction: exchange, retire, distrust, destroy, and make the one
//! that is missing. Which of these takes two persons is the caller's to ask ([`crate::approve`]).

use super::{Rotated, count};
use crate::{Tx, keys::NewKey, seal::KeyClass};
use salus_core::{Error, Result};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// How long a key stays after it was retired: a value that a stopped process brings late still opens, and is moved by the
/// next exchange.
const KEPT: Duration = Duration::days(30);

/// One key as its row says it.
#[derive(Debug, Clone)]
pub struct KeyRow {
    /// Its row.
    pub id: Uuid,
    /// Which kind of key.
    pub what: Rotated,
    state: String,
    key_no: i64,
    retired_at: Option<OffsetDateTime>,
    destroyed: bool,
}

impl KeyRow {
    /// Whether it is the key that is sealed with.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.state == "active"
    }
}

fn conflict(code: &'static str, detail: &str) -> Error {
    Error::Conflict { code, detail: detail.to_owned() }
}

impl Tx {
    /// A key, locked until the end of the transaction.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn key_row(&mut self, id: Uuid) -> Result<KeyRow> {
        let sql = "SELECT kind::text, key_class::text, state::text, key_no, retired_at FROM kernel.keys WHERE id = $1 FOR UPDATE";
        let rows = self.run(sql, &[&id]).await?;
        let row = rows.first().ok_or(Error::NotFound)?;
        self.on_row(id);
        let class = row.get::<_, Option<&str>>("key_class").and_then(KeyClass::from_name);
        let what = match (row.get::<_, &str>("kind"), class) {
            ("class", Some(class)) => Rotated::Class(class),
            ("index", _) => Rotated::Index,
            _ => Rotated::Tenant,
        };
        let state: String = row.get("state");
        let destroyed = state == "destroyed";
        Ok(KeyRow { id, what, state, key_no: row.get("key_no"), retired_at: row.get("retired_at"), destroyed })
    }

    /// Begins to exchange the key of this kind that is in use: the server, or `salus keys rotate --resume`, goes on with it.
    ///
    /// # Errors
    /// [`Error::Conflict`] with `rotation_running`.
    pub async fn rotate_key(&mut self, what: Rotated, reason: &str) -> Result<Uuid> {
        let sql = "SELECT FROM kernel.key_rotation_history WHERE kind = $1::text AND key_class IS NOT DISTINCT FROM $2::text \
                   AND finished_at IS NULL";
        if !self.run(sql, &[&what.kind(), &what.class()]).await?.is_empty() {
            return Err(conflict("rotation_running", "This key is being exchanged already"));
        }
        let (db, id) = (self.db().clone(), self.ctx.env.id());
        db.insert_rotation(self, id, what, reason).await?;
        Ok(id)
    }

    /// Makes the data key or index key that a tenant has none of in use.
    ///
    /// # Errors
    /// [`Error::Conflict`] with `active_key_exists`; [`Error::Refused`] for the tenant key, which every other stands on.
    pub async fn make_key(&mut self, what: Rotated) -> Result<Uuid> {
        if what == Rotated::Tenant {
            let detail = "The tenant key is exchanged, which takes two persons: …/encryption-keys/{id}/rotate".into();
            return Err(Error::Refused { code: "two_person_required", detail });
        }
        let sql = "SELECT max(generation), coalesce(bool_or(state IN ('active', 'pending')), false), \
                     (SELECT max(generation) FROM kernel.keys k WHERE k.kind = 'tenant' AND k.state = 'active') \
                   FROM kernel.keys WHERE kind = $1::text AND key_class IS NOT DISTINCT FROM $2::text";
        let rows = self.run(sql, &[&what.kind(), &what.class()]).await?;
        let row = rows.first().ok_or_else(|| Error::internal("an aggregate without a row"))?;
        if row.get(1) {
            return Err(conflict("active_key_exists", "There is such a key in use: exchange it instead"));
        }
        let (newest, above): (Option<i32>, i32) = (row.get(0), row.get(2));
        let key = NewKey::under(self.keys().wrapping(), self.ctx.tenant, what.kind(), what.class())?;
        let key = NewKey { generation: newest.unwrap_or(0) + 1, above: ("tenant", above), ..key };
        let (db, number) = (self.db().clone(), key.key_no.cast_signed());
        key.insert(&db, self.unit(), "active").await?;
        let rows = self.run("SELECT id FROM kernel.keys WHERE key_no = $1", &[&number]).await?;
        let id = rows.first().ok_or_else(|| Error::internal("a key that was made is not there"))?.get(0);
        self.on_row(id);
        Ok(id)
    }

    /// Retires a key that was exchanged and under which nothing lies.
    ///
    /// # Errors
    /// [`Error::Conflict`] with `rows_still_use_key`.
    pub async fn retire_key(&mut self, key: &KeyRow) -> Result<()> {
        match key.state.as_str() {
            "retired" => return Ok(()),
            "decrypt_only" => self.nothing_under(key).await?,
            _ => return Err(conflict("rows_still_use_key", "This key is in use: exchange it first")),
        }
        let sql = "UPDATE kernel.keys SET state = 'retired', retired_at = clock_timestamp() WHERE id = $1";
        self.run(sql, &[&key.id]).await.map(|_| ())
    }

    /// Marks a key as known to somebody else. One in use is exchanged at once.
    ///
    /// # Errors
    /// [`Error::Conflict`] for one that is not in use yet, or was destroyed.
    pub async fn distrust_key(&mut self, key: &KeyRow) -> Result<()> {
        if key.destroyed || key.state == "pending" {
            return Err(conflict("wrong_state", "This key seals and opens nothing"));
        }
        let sql = "UPDATE kernel.keys SET compromised_at = coalesce(compromised_at, clock_timestamp()) WHERE id = $1";
        self.run(sql, &[&key.id]).await?;
        if !key.is_in_use() {
            return Ok(());
        }
        match self.rotate_key(key.what, "compromise").await {
            Err(Error::Conflict { code: "rotation_running", .. }) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Destroys a retired data key under which nothing lies. It cannot be taken back. Backups from before hold it, with the
    /// values it sealed.
    ///
    /// # Errors
    /// [`Error::Conflict`] with `rows_still_use_key`; [`Error::Locked`] while it must be kept; [`Error::Refused`] for a key
    /// of another kind.
    pub async fn destroy_key(&mut self, key: &KeyRow) -> Result<()> {
        self.destroyable(key).await?;
        let sql = "UPDATE kernel.keys SET state = 'destroyed', wrapped = NULL, destroyed_at = clock_timestamp() WHERE id = $1";
        self.run(sql, &[&key.id]).await.map(|_| ())
    }

    /// Why a key cannot be destroyed, before anybody is asked.
    ///
    /// # Errors
    /// As [`Tx::destroy_key`].
    pub async fn destroyable(&mut self, key: &KeyRow) -> Result<()> {
        if !matches!(key.what, Rotated::Class(_)) {
            // Digests that are stored nowhere stay under the first index key; persons' keys are wrapped by the tenant key.
            let detail = "Only data keys are destroyed: the tenant key and the index key stay, retired".into();
            return Err(Error::Refused { code: "not_a_data_key", detail });
        }
        if key.destroyed {
            return Err(conflict("wrong_state", "This key was destroyed already"));
        }
        if key.state != "retired" {
            return Err(conflict("rows_still_use_key", "This key is not retired: exchange it first"));
        }
        self.nothing_under(key).await?;
        let until = key.retired_at.map(|at| at + KEPT);
        if until.is_none_or(|at| self.ctx.env.now() < at) {
            let detail = format!("This key is kept for {} days after it was retired", KEPT.whole_days());
            return Err(Error::Locked { code: "needed_by_backup_or_hold", detail });
        }
        Ok(())
    }

    async fn nothing_under(&mut self, key: &KeyRow) -> Result<()> {
        let Rotated::Class(class) = key.what else {
            return Err(conflict(
                "rows_still_use_key",
                "What lies under this key is not counted: its exchange retires it",
            ));
        };
        let counts = count::columns(self, &|c| c.key_class == Some(class)).await?;
        let left: i64 = counts.iter().filter(|c| c.key_no == key.key_no).map(|c| c.values).sum();
        if left == 0 {
            return Ok(());
        }
        Err(conflict("rows_still_use_key", &format!("{left} values lie under this key")))
    }
}
