//! The one door to the database: a transaction that knows its caller, seals what it writes, and notes what it opens.

mod trail;

pub(crate) use trail::Disclosed;

use crate::{
    Catalog, Db, Sql,
    audit::{Outcome, Rows, unrecorded},
    catalog::{Column, Kind, Table},
    erase, fault_point,
    rows::{Mark, Marker},
    seal::{self, Binding, Format, SubjectKey, TenantKeys},
    sql,
    unit::{Failure, Params, Unit},
};
use salus_core::{Ctx, Error, Result};
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};
use tokio_postgres::{Row, types::ToSql};
use trail::Trail;
use uuid::Uuid;

/// A reply that is kept for the next request with the same Idempotency-Key.
pub struct KeptReply {
    /// The row of the key.
    pub id: Uuid,
    /// HTTP status.
    pub status: i32,
    /// What was answered.
    pub sealed: Vec<u8>,
}

/// A transaction. Dropped without [`Tx::commit`] it leaves nothing behind.
pub struct Tx {
    /// The caller.
    pub ctx: Ctx,
    db: Db,
    keys: Arc<TenantKeys>,
    unit: Unit,
    trail: Trail,
    outbox: Outbox,
    reply: Option<KeptReply>,
    /// Whether it leaves work for the dispatcher.
    wakes: bool,
    subjects: HashMap<Uuid, Option<SubjectKey>>,
    new_wrapped: HashMap<Uuid, Vec<u8>>,
    /// What the last write of one row claimed that another row has already.
    clash: Option<Box<Clash>>,
    /// Who is in the ledger of erasures already, and is erased if this commits.
    listed: Option<erase::Entry>,
}

/// Where one sealed value stands, by name: for static statements.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// `schema.table`.
    pub table: &'a str,
    /// A sealed column of it.
    pub column: &'a str,
    /// The row's id.
    pub row: Uuid,
}

impl<'a> At<'a> {
    fn cell(self, catalog: &'a Catalog) -> Result<Cell<'a>> {
        let table = catalog.table(self.table)?;
        let column = table.column(self.column).ok_or_else(|| Error::internal("no such column"))?;
        Ok(Cell { table, column, row: self.row })
    }
}

/// The same, looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell<'a> {
    pub table: &'a Table,
    pub column: &'a Column,
    pub row: Uuid,
}

/// A parameter of a statement that is run later.
pub(crate) type Owned = Box<dyn ToSql + Sync + Send>;

/// How a row is looked for that has what a refused write claimed.
pub(crate) struct Clash {
    pub sql: String,
    pub params: Vec<Owned>,
}

#[derive(Debug, Default)]
struct Outbox {
    ids: Vec<Uuid>,
    events: Vec<&'static str>,
    rows: Vec<Uuid>,
    bodies: Vec<Value>,
}

const KEEP_REPLY: &str = "UPDATE kernel.idempotency_keys SET status = $2, reply = $3::bytea WHERE id = $1";
const INSERT_OUTBOX: &str = "INSERT INTO kernel.outbox (id, event, row_id, body) \
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::jsonb[])";

impl Tx {
    pub(crate) fn new(db: Db, ctx: Ctx, keys: Arc<TenantKeys>, read_only: bool) -> Self {
        let unit = Unit::new(&db.0.pool, &ctx, read_only);
        Self {
            ctx,
            db,
            keys,
            unit,
            trail: Trail::default(),
            outbox: Outbox::default(),
            reply: None,
            wakes: false,
            subjects: HashMap::new(),
            new_wrapped: HashMap::new(),
            clash: None,
            listed: None,
        }
    }

    /// The schema.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.db.0.catalog
    }

    /// The database this transaction is of, for a call that must begin another.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    pub(crate) fn keys(&self) -> &TenantKeys {
        &self.keys
    }

    pub(crate) fn unit(&mut self) -> &mut Unit {
        &mut self.unit
    }

    /// Runs a static statement.
    ///
    /// # Errors
    /// What the database refuses, by constraint name.
    pub async fn query(&mut self, sql: Sql, params: Params<'_>) -> Result<Vec<Row>> {
        self.run(sql.text(), params).await
    }

    /// Runs a static statement that returns at most one row.
    ///
    /// # Errors
    /// As [`Tx::query`].
    pub async fn query_opt(&mut self, sql: Sql, params: Params<'_>) -> Result<Option<Row>> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// Keeps others out who ask for the same until the end of the transaction.
    ///
    /// # Errors
    /// As [`Tx::query`].
    pub async fn alone(&mut self, what: &str, of: &str) -> Result<()> {
        let sql = sql!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0) # hashtextextended($2, 0))");
        self.query(sql, &[&what, &of]).await.map(|_| ())
    }

    /// Runs a statement of which there are few: connections keep its plan.
    pub(crate) async fn run(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<Row>> {
        let rows = self.unit.query(sql, params, true).await.map_err(|f| self.db.failed(f))?;
        self.mark_written().map(|()| rows)
    }

    /// The same for a statement that writes only tables of whose rows no digests are kept (`kernel.mark`).
    pub(crate) async fn run_unmarked(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<Row>> {
        self.unit.query_unmarked(sql, params).await.map_err(|f| self.db.failed(f))
    }

    /// Runs a statement that was built from the catalogue and a request; the first few hundred keep their plans.
    pub(crate) async fn run_built(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<Row>> {
        let kept = self.db.keeps_plan(sql);
        let rows = self.unit.query(sql, params, kept).await.map_err(|f| self.db.failed(f))?;
        self.mark_written().map(|()| rows)
    }

    /// Takes the digests of what was written, for the audit event.
    fn mark_written(&mut self) -> Result<()> {
        let told = self.unit.take_told();
        if !told.is_empty() {
            let marker = Marker::new(&self.db.root(), self.ctx.tenant)?;
            for lines in told {
                self.trail.marks.extend(marker.read(&self.db.0.catalog, &lines)?);
            }
        }
        Ok(())
    }

    /// Puts the digest of a row that was not written into the audit event.
    pub(crate) fn attest(&mut self, mark: Mark) {
        self.trail.marks.push(mark);
    }

    // Sealing ------------------------------------------------------------------------------------------------------

    /// Seals a value for its column and row.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is no key to seal with.
    pub(crate) fn seal(&self, cell: Cell<'_>, subject: Option<Uuid>, clear: &[u8]) -> Result<Vec<u8>> {
        let column = cell.column;
        let class = self
            .keys
            .active(column.key_class.ok_or_else(|| Error::internal(format!("{} has no key class", column.name)))?)?;
        if class.count_seal() < 0 {
            return Err(Error::Unavailable(if class.is_exhausted() {
                let name = class.class.name();
                format!("the {name} key has sealed as many values as is safe: salus keys rotate --class {name}")
            } else {
                "too many values in one transaction: send fewer at a time".into()
            }));
        }
        let subject = match subject.filter(|_| column.subject_bound) {
            None => None,
            Some(id) => match self.subjects.get(&id) {
                Some(Some(key)) => Some(key),
                Some(None) => return Err(erased()),
                None => return Err(Error::internal("the subject's key was not fetched")),
            },
        };
        seal::seal(class, subject, &self.binding(cell)?, clear)
    }

    /// Opens a sealed value and notes the disclosure: the audit event names the column and the person. There is no
    /// other way to read one.
    ///
    /// # Errors
    /// [`Error::Internal`] when it was altered or moved.
    fn open_bytes(&mut self, cell: Cell<'_>, subject: Option<&SubjectKey>, sealed: &[u8]) -> Result<Vec<u8>> {
        let binding = self.binding(cell)?;
        let key_no = seal::key_no(sealed)?;
        let mut clear = match self.keys.class_by_no(key_no) {
            Ok(class) => seal::open(class, subject, &binding, sealed)?,
            // Made after this transaction began.
            Err(unknown) => {
                let newest = self.db.newest_keys(self.ctx.tenant).ok_or(unknown)?;
                seal::open(newest.class_by_no(key_no)?, subject, &binding, sealed)?
            }
        };
        let name = || format!("{}.{}", cell.table.name, cell.column.name);
        self.trail.columns.entry(cell.column.column_id).or_insert_with(name);
        // It goes to the caller: a copy would be one more.
        Ok(std::mem::take(&mut *clear))
    }

    /// The same as JSON.
    pub(crate) fn open(&mut self, cell: Cell<'_>, subject: Option<&SubjectKey>, sealed: &[u8]) -> Result<Value> {
        let clear = self.open_bytes(cell, subject, sealed)?;
        match cell.column.kind {
            Kind::Sealed(Format::Json) => {
                serde_json::from_slice(&clear).map_err(|_| Error::internal("a sealed value is not JSON"))
            }
            _ => {
                Ok(Value::String(String::from_utf8(clear).map_err(|_| Error::internal("a sealed value is not UTF-8"))?))
            }
        }
    }

    /// Opens the exact bytes of a value about a person whose key was fetched, or of one about nobody. A person who was
    /// erased gives `None`.
    ///
    /// # Errors
    /// [`Error::Internal`] when it was altered or moved, or the key was not fetched.
    pub fn open_exact(&mut self, at: At<'_>, subject: Option<Uuid>, sealed: &[u8]) -> Result<Option<Vec<u8>>> {
        let db = self.db.clone();
        let key = match subject.map(|id| self.subjects.get(&id).cloned()) {
            None => None,
            Some(Some(Some(key))) => Some(key),
            Some(Some(None)) => return Ok(None),
            Some(None) => return Err(Error::internal("the subject's key was not fetched")),
        };
        if let Some(id) = subject {
            self.about(id);
        }
        self.open_bytes(at.cell(db.catalog())?, key.as_ref(), sealed).map(Some)
    }

    /// Seals the exact bytes of a value, for a static statement that stores them.
    ///
    /// # Errors
    /// As for every write of a sealed value.
    pub fn seal_exact(&self, at: At<'_>, subject: Option<Uuid>, clear: &[u8]) -> Result<Vec<u8>> {
        self.seal(at.cell(self.catalog())?, subject, clear)
    }

    /// Fetches the keys of persons, for [`Tx::seal_exact`] and [`Tx::open_exact`].
    ///
    /// # Errors
    /// [`Error::Invalid`] on `patient_id` when one of them does not exist in this tenant.
    pub async fn fetch_persons(&mut self, ids: impl IntoIterator<Item = Uuid>) -> Result<()> {
        self.fetch_subjects("patient_id", &ids.into_iter().collect()).await
    }

    /// Sees to it that there are seals for the next batch of a transaction that writes many: a transaction is given
    /// its seals when it begins.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn renew_seals(&self) -> Result<()> {
        self.db.keys(self.ctx.tenant).await.map(|_| ())
    }

    /// Marks a place to which a part of the work can be undone.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn mark(&mut self) -> Result<()> {
        self.run("SAVEPOINT mark", &[]).await?;
        self.trail.marked = self.trail.marks.len();
        Ok(())
    }

    /// Undoes what was done since the last mark; the transaction goes on.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn undo_to_mark(&mut self) -> Result<()> {
        self.run("ROLLBACK TO SAVEPOINT mark", &[]).await?;
        self.trail.marks.truncate(self.trail.marked);
        Ok(())
    }

    /// Gives up the last mark, keeping what was done.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn keep_since_mark(&mut self) -> Result<()> {
        self.run("RELEASE SAVEPOINT mark", &[]).await.map(|_| ())
    }

    /// Opens a value of a column that is bound to no person, read by a static statement.
    ///
    /// # Errors
    /// [`Error::Internal`] when it was altered or moved, or the column is no sealed one.
    pub fn open_value(&mut self, at: At<'_>, sealed: &[u8]) -> Result<Value> {
        let db = self.db.clone();
        self.open(at.cell(db.catalog())?, None, sealed)
    }

    /// The blind indexes of a value, to find a row by it: one, and another while the index key is exchanged.
    ///
    /// # Errors
    /// [`Error::Internal`] when the column is not searched for equality.
    pub fn blind(&self, table: &str, column: &str, value: &str) -> Result<Vec<Vec<u8>>> {
        let column = self.catalog().table(table)?.column(column).ok_or_else(|| Error::internal("no such column"))?;
        let search = column.search.ok_or_else(|| Error::internal(format!("{} has no blind index", column.name)))?;
        self.keys.indexes().map(|key| key.blind(column.column_id, search, value)).collect()
    }

    /// A keyed digest of bytes that belong to a column: equal bytes are found again, but nobody can confirm a guess.
    ///
    /// # Errors
    /// [`Error::Internal`] when there is no such column.
    pub fn digest(&self, table: &str, column: &str, bytes: &[u8]) -> Result<Vec<u8>> {
        let column = self.catalog().table(table)?.column(column).ok_or_else(|| Error::internal("no such column"))?;
        self.keys.digests().digest(column.column_id, bytes).map(|d| d.to_vec())
    }

    fn binding(&self, cell: Cell<'_>) -> Result<Binding> {
        let Kind::Sealed(format) = cell.column.kind else { return Err(Error::internal("not a sealed column")) };
        Ok(Binding { tenant: self.ctx.tenant, column: cell.column.column_id, row: cell.row, format })
    }

    /// Whether this caller may open values of a column ([`Table::to_open`]).
    pub(crate) fn may_open(&self, table: &Table, column: &Column) -> bool {
        table.to_open(column).iter().all(|permission| self.ctx.may(permission))
    }

    /// Whether a column is left out of what this caller is answered. The engine asks for every row that it reads; a static
    /// statement asks for what its answer tells about a column.
    #[must_use]
    pub fn masks(&self, table: &str, column: &str) -> bool {
        let held = self.ctx.masks.as_ref().and_then(|masks| masks.get(table));
        held.is_some_and(|columns| columns.contains(column))
    }

    /// Makes the key of a new person; its wrapped form is taken with [`Tx::take_new_wrapped`] to be stored.
    pub(crate) fn new_subject(&mut self, id: Uuid) -> Result<()> {
        let (key, wrapped) = self.keys.new_subject(id)?;
        self.subjects.insert(id, Some(key));
        self.new_wrapped.insert(id, wrapped.0);
        Ok(())
    }

    /// The wrapped key of a person made in this transaction.
    pub(crate) fn take_new_wrapped(&mut self, id: Uuid) -> Result<Vec<u8>> {
        self.new_wrapped.remove(&id).ok_or_else(|| Error::internal("a new person has no key"))
    }

    /// A person's key that this transaction holds; `None` for one that was erased or not fetched.
    pub(crate) fn subject_key(&self, id: Uuid) -> Option<SubjectKey> {
        self.subjects.get(&id).cloned().flatten()
    }

    /// Fetches the keys of persons whose values are about to be sealed.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `field` when one of them does not exist in this tenant.
    pub(crate) async fn fetch_subjects(&mut self, field: &str, ids: &BTreeSet<Uuid>) -> Result<()> {
        let missing: Vec<Uuid> = ids.iter().filter(|id| !self.subjects.contains_key(id)).copied().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let sql = "SELECT id, wrapped FROM kernel.subject_keys WHERE id = ANY($1)";
        for row in self.run(sql, &[&missing]).await? {
            let id = row.get("id");
            let key = row.get::<_, Option<&[u8]>>("wrapped").map(|w| self.keys.open_subject(id, w)).transpose()?;
            self.subjects.insert(id, key);
        }
        match missing.iter().find(|id| !self.subjects.contains_key(id)) {
            None => Ok(()),
            Some(_) => Err(Error::invalid(field, "no_such_record", "Must name an existing record")),
        }
    }

    /// Queues an event for workers; they see it only if this commits. `body` holds ids and codes, no health data.
    pub fn emit(&mut self, event: &'static str, row: Uuid, body: Value) {
        self.wakes = true;
        self.outbox.ids.push(self.ctx.env.id());
        self.outbox.events.push(event);
        self.outbox.rows.push(row);
        self.outbox.bodies.push(body);
        fault_point!("tx.outbox_queued");
    }

    /// Keeps the sealed reply to a request with an Idempotency-Key when this commits.
    pub(crate) fn keep_reply(&mut self, reply: KeptReply) {
        self.reply = Some(reply);
    }

    /// Notes a line of the ledger of erasures that holds only if this commits.
    pub(crate) fn listed(&mut self, entry: erase::Entry) {
        self.listed = Some(entry);
    }

    /// Tells the dispatcher of this node, when this has committed, that there is work.
    pub(crate) fn wake(&mut self) {
        self.wakes = true;
    }

    /// Commits the work with its audit event and outbox, in one round trip. A read has nothing to commit: its event is
    /// committed together with those of other reads, before anything is answered.
    ///
    /// # Errors
    /// When the event cannot be written nothing is: no event, no answer.
    pub async fn commit(mut self, action: &str, target: &str) -> Result<()> {
        self.mark_written()?;
        let event = self.event(action, target, Outcome::Success, None)?;
        fault_point!("tx.event_made");
        if self.unit.is_read_only() {
            return self.db.record(event).await;
        }
        let (outbox, events) = (std::mem::take(&mut self.outbox), [event]);
        let rows = Rows::of(&events);
        let params: Params<'_> = &rows.params();
        let outbox_params: Params<'_> = &[&outbox.ids, &outbox.events, &outbox.rows, &outbox.bodies];
        let mut last: Vec<(&str, Params<'_>)> = vec![(Rows::AS_WRITER, params)];
        if !outbox.ids.is_empty() {
            last.push((INSERT_OUTBOX, outbox_params));
        }
        let reply = self.reply.take();
        let reply_params: Vec<&(dyn ToSql + Sync)> = match &reply {
            Some(KeptReply { id, status, sealed }) => vec![id, status, sealed],
            None => Vec::new(),
        };
        if reply.is_some() {
            last.push((KEEP_REPLY, &reply_params));
        }
        let committed = self.unit.commit(&last).await;
        fault_point!("tx.committed");
        self.db.0.writer.receipts(&events, committed.is_ok());
        fault_point!("tx.receipts_noted");
        if self.wakes && committed.is_ok() {
            self.db.0.wake.tenant(self.ctx.tenant);
        }
        if let (Some(entry), Err(Failure::Database(_) | Failure::Connection(_))) = (&self.listed, &committed) {
            self.db.take_back_erasure(entry);
        }
        committed.map_err(|f| unrecorded(self.db.failed(f)))
    }

    /// Notes what a write of one row claimed when it was refused because another row has it.
    pub(crate) fn clashed(&mut self, with: Option<Clash>) {
        self.clash = with.map(Box::new);
    }

    /// Whether what was refused as a duplicate has the value of a row that this caller does not see: by refusals of that kind
    /// somebody learns which record numbers are taken. Undoes the work.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn hit_unseen(&mut self) -> Result<bool> {
        let Some(clash) = self.clash.take() else { return Ok(false) };
        let Clash { sql, params } = *clash;
        let fresh = Unit::new(&self.db.0.pool, &self.ctx, true);
        std::mem::replace(&mut self.unit, fresh).rollback().await;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|p| &**p as &(dyn ToSql + Sync)).collect();
        let seen = self.run_built(&sql, &params).await?;
        Ok(!seen.first().is_some_and(|row| row.get(0)))
    }

    /// Undoes the work and records, in a transaction of its own, that it was refused or failed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the event cannot be written.
    pub async fn abandon(mut self, action: &str, target: &str, outcome: Outcome, code: &str) -> Result<()> {
        self.trail.marks.clear();
        let event = self.event(action, target, outcome, Some(code.to_owned()))?;
        let Self { unit, db, listed, .. } = self;
        unit.rollback().await;
        if let Some(entry) = listed {
            db.take_back_erasure(&entry);
        }
        fault_point!("tx.abandoned");
        db.record(event).await
    }

    /// Ends a transaction that touched nothing anyone needs to know of, such as looking up a session. One that wrote rows
    /// whose digests are kept has an event all the same.
    pub async fn finish_unrecorded(mut self) -> Result<()> {
        self.mark_written()?;
        if let Some(mark) = self.trail.marks.first() {
            let target = mark.table.clone();
            return self.commit("kernel.row.write", &target).await;
        }
        let Self { unit, db, .. } = self;
        unit.commit(&[]).await.map_err(|f| failure(&db.0.catalog, f))
    }

    /// Undoes everything and gives the connection back: for what was only tried.
    pub async fn undo(self) {
        self.unit.rollback().await;
    }
}

/// A failed unit as the caller sees it.
pub(crate) fn failure(catalog: &Catalog, f: Failure) -> Error {
    match f {
        Failure::Database(e) => crate::db_error(catalog, &e),
        Failure::Connection(e) => e,
        Failure::Unknown => Error::UnknownOutcome,
    }
}

fn erased() -> Error {
    Error::Conflict { code: "erased", detail: "This person's record was erased: nothing can be added to it".into() }
}
