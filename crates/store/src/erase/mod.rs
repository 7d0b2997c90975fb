//! Erasing a person by destroying the one key that all their sealed values need (`spec` B2.7). The values stay and open for
//! nobody; hashes and tokens by which the person could be found go at once. Backups from before hold the key: the
//! [`Ledger`] lies outside the database, and every start and every restore destroys again what it names.

mod ledger;

pub use ledger::{Entry, Ledger};

use crate::{Db, Tx, fault_point, rotate, transfer::TENANT, unit::Params};
use salus_core::{Ctx, Error, PLATFORM, Result};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// Why a person is erased; the domain `kernel.erasure_reason`.
pub const REASONS: [&str; 4] = ["subject_request", "retention_over", "legal_order", "recorded_in_error"];

/// What repeating a ledger did.
#[derive(Debug, Default, Clone, serde::Serialize)]
pub struct Replayed {
    /// Persons in the ledger.
    pub listed: usize,
    /// Of them, those who had a key again and have none any more.
    pub erased_again: usize,
    /// Of them, those who are not in this database, which is as old as that.
    pub unknown: usize,
}

impl Tx {
    /// Destroys a person's key for good, after writing it into the ledger that [`Db::keep_erasures`] named.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a person the tenant does not have; [`Error::Conflict`] for one who was erased already;
    /// [`Error::Unavailable`] when the ledger cannot be written: nothing is erased then.
    pub async fn erase_person(&mut self, person: Uuid, reason: &str) -> Result<Entry> {
        let reason = known_reason(reason)?;
        let entry = Entry { at: self.ctx.env.now(), tenant: self.ctx.tenant, person, reason: reason.to_owned() };
        match holds_key(self, person).await? {
            None => Err(Error::NotFound),
            Some(false) => Err(erased_already()),
            Some(true) => {
                let db = self.db().clone();
                // The line first: a crash in between leaves a person to be erased again, never one who comes back.
                db.ledger()?.append(&db.root(), &entry)?;
                self.listed(entry.clone());
                fault_point!("erasure.listed");
                destroy(self, &entry).await?;
                fault_point!("erasure.destroyed");
                Ok(entry)
            }
        }
    }

    /// Refuses a person whom the tenant does not have, or who was erased already.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `person_id`; [`Error::Conflict`].
    pub async fn erasable(&mut self, person: Uuid) -> Result<()> {
        match holds_key(self, person).await? {
            None => Err(Error::invalid("person_id", "no_such_record", "Must name an existing record")),
            Some(false) => Err(erased_already()),
            Some(true) => Ok(()),
        }
    }
}

/// One of [`REASONS`].
///
/// # Errors
/// [`Error::Invalid`] on `reason`.
pub fn known_reason(reason: &str) -> Result<&'static str> {
    let known = REASONS.into_iter().find(|r| *r == reason);
    known.ok_or_else(|| Error::invalid("reason", "not_allowed", format!("Is one of: {}", REASONS.join(", "))))
}

fn erased_already() -> Error {
    Error::Conflict { code: "erased", detail: "This person's key was destroyed already".into() }
}

impl Db {
    /// Takes the erasures of another copy of the ledger into this one, so that none is lost; how many were not in it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when one of them was changed, cannot be read or not be written.
    pub fn take_in_erasures(&self, ledger: &Ledger, other: &Ledger) -> Result<usize> {
        ledger.take_in(&self.root(), other)
    }

    /// Says in the ledger that an erasure was not done, because its transaction was not kept. Where that cannot be written, the
    /// next start erases: never the other way round.
    pub(crate) fn take_back_erasure(&self, entry: &Entry) {
        let done = self.ledger().and_then(|ledger| ledger.take_back(&self.root(), entry));
        if let Err(e) = done {
            tracing::error!(error = %e, person = %entry.person, "an erasure that failed stays in the ledger: the next start does it");
        }
    }

    /// Destroys again the keys that a ledger names and that this database, restored from an earlier time, has.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the ledger was changed or cannot be read.
    pub async fn replay_erasures(&self, ledger: &Ledger) -> Result<Replayed> {
        let entries = ledger.entries(&self.root())?;
        let mut replayed = Replayed { listed: entries.len(), ..Replayed::default() };
        for entry in entries {
            if entry.reason == TENANT {
                self.erase_tenant_again(entry.tenant, &mut replayed).await?;
                continue;
            }
            let mut tx = match self.begin(Ctx::system(self.env(), entry.tenant), false).await {
                Err(Error::NotFound) => {
                    replayed.unknown += 1;
                    continue;
                }
                other => other?,
            };
            match holds_key(&mut tx, entry.person).await? {
                None => replayed.unknown += 1,
                Some(false) => {}
                Some(true) => {
                    destroy(&mut tx, &entry).await?;
                    tx.commit("kernel.person.erase_again", "kernel.subject_keys").await?;
                    replayed.erased_again += 1;
                    continue;
                }
            }
            tx.finish_unrecorded().await?;
        }
        Ok(replayed)
    }

    async fn erase_tenant_again(&self, tenant: Uuid, replayed: &mut Replayed) -> Result<()> {
        match self.tenants().await?.into_iter().find(|t| t.id == tenant) {
            None => replayed.unknown += 1,
            Some(t) if t.state == "closed" => {}
            Some(_) => {
                let mut tx = self.begin(Ctx::system(self.env(), PLATFORM), false).await?;
                tx.on_row(tenant);
                tx.commit("kernel.tenant.erase_again", "kernel.tenants").await?;
                self.empty_tenant(tenant).await?;
                replayed.erased_again += 1;
            }
        }
        Ok(())
    }

    /// Writes into the ledger whom the database knows to be erased and it does not name, as after its loss; how many.
    ///
    /// # Errors
    /// As [`Db::replay_erasures`].
    pub async fn complete_ledger(&self, ledger: &Ledger) -> Result<usize> {
        let known = ledger.entries(&self.root())?;
        let mut added = 0;
        for (tenant, _) in self.with_platform().await? {
            let sql = "SELECT person_id, reason::text, erased_at FROM kernel.erasures ORDER BY erased_at, id";
            for row in self.key_rows(tenant, sql).await? {
                let (person, at): (Uuid, OffsetDateTime) = (row.get("person_id"), row.get("erased_at"));
                if !known.iter().any(|e| e.tenant == tenant && e.person == person) {
                    ledger.append(&self.root(), &Entry { at, tenant, person, reason: row.get("reason") })?;
                    added += 1;
                }
            }
        }
        Ok(added)
    }
}

/// Whether a person has a key; none for one who is not here.
async fn holds_key(tx: &mut Tx, person: Uuid) -> Result<Option<bool>> {
    let sql = "SELECT wrapped IS NOT NULL FROM kernel.subject_keys WHERE id = $1 FOR UPDATE";
    Ok(tx.run(sql, &[&person]).await?.first().map(|r| r.get(0)))
}

async fn destroy(tx: &mut Tx, entry: &Entry) -> Result<()> {
    let db = tx.db().clone();
    tx.about(entry.person);
    tx.on_row(entry.person);
    for table in db.catalog().tables().filter(|t| t.subject.is_some() && !t.append_only && !t.shared) {
        if table.name_columns().next().is_some() {
            // Tokens can only be computed while the key is there.
            let (ids, tokens) = rotate::tokens_of(tx, table, entry.person).await?;
            let sql = "DELETE FROM kernel.search_tokens s USING unnest($1::uuid[], $2::bytea[]) AS u(id, token) \
                       WHERE s.id = u.id AND s.token = u.token";
            tx.run(sql, &[&ids, &tokens]).await?;
        }
        let subject = table.subject.as_deref().unwrap_or("id");
        for column in table.columns.iter().filter(|c| c.domain.as_deref() == Some("blind_index")) {
            // Random, so that what must be there is there, and nobody can confirm a guess.
            let sql = format!(
                "UPDATE {} SET {1} = decode(replace(gen_random_uuid()::text, '-', ''), 'hex') WHERE {subject} = $1 AND {1} IS NOT NULL",
                table.name, column.name
            );
            tx.run_built(&sql, &[&entry.person]).await?;
        }
    }
    let sql = "UPDATE kernel.subject_keys SET wrapped = NULL, destroyed_at = $2 WHERE id = $1";
    tx.run(sql, &[&entry.person, &entry.at]).await?;
    // A database restored from before this list was made has none.
    if db.catalog().table("kernel.erasures").is_ok() {
        let sql = "INSERT INTO kernel.erasures (id, person_id, reason, erased_at) VALUES ($1, $2, $3::text, $4)";
        let params: Params<'_> = &[&db.env().id(), &entry.person, &entry.reason, &entry.at];
        tx.run(sql, params).await?;
    }
    Ok(())
}

impl Entry {
    /// When, as RFC 3339.
    #[must_use]
    pub fn when(&self) -> String {
        self.at.format(&Rfc3339).unwrap_or_default()
    }
}
