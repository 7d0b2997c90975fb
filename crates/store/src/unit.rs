//! One transaction on one pooled connection. BEGIN, the caller's identity and the first statement travel in one
//! round trip, and so do the last statements and COMMIT. A unit that is dropped half-way closes its connection, so
//! nobody inherits an open transaction or another tenant (`spec` finding 1).

use crate::{
    Db, fault_point,
    pool::{Object, Pool, PoolError},
    replica::Position,
};
use futures_util::future::try_join_all;
use salus_core::{Channel, Ctx, Error, Labels, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

/// Parameters of one statement.
pub type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A failure of the database, or of reaching it.
pub enum Failure {
    /// PostgreSQL's own.
    Database(tokio_postgres::Error),
    /// No connection, or one that broke.
    Connection(Error),
    /// COMMIT was sent, and nobody knows whether what it kept stays: its answer was lost, or did not wait for the standby.
    Unknown,
}

/// A transaction that begins with its first statement; one that only reads is a transaction for each statement.
pub struct Unit {
    pool: Pool,
    connection: Option<Object>,
    /// BEGIN and the caller's identity, in one message.
    begin: String,
    read_only: bool,
    /// Whose replicas may answer, and what of the primary's log they must have replayed.
    replicas: Option<Db>,
    floor: Option<Position>,
    /// What the database told of the rows that were written, until it is taken.
    told: Vec<String>,
}

/// Asks which rows were written; it travels with the statement that writes.
const TAKE: &str = "SELECT kernel.take_marks()";

impl From<tokio_postgres::Error> for Failure {
    fn from(e: tokio_postgres::Error) -> Self {
        Self::Database(e)
    }
}

impl Unit {
    /// For this caller; a read-only unit acts as `salus_reader`, which may change nothing but add to the audit log.
    pub fn new(pool: &Pool, ctx: &Ctx, read_only: bool) -> Self {
        // With row-level security, planning a request's statement costs more than running it. A command loads much at
        // once, and tables grow under the plans it would keep.
        let plans = match ctx.channel {
            Channel::Api | Channel::Page => "force_generic_plan",
            Channel::Cli | Channel::Job => "auto",
        };
        let begin = begin([ctx.tenant, ctx.actor.id], &scope(ctx), plans, read_only);
        let told = Vec::new();
        Self { pool: pool.clone(), connection: None, begin, read_only, replicas: None, floor: None, told }
    }

    /// For adding to a tenant's audit log, and nothing else.
    pub fn recording(pool: &Pool, tenant: Uuid) -> Self {
        let begin = begin([tenant, Uuid::nil()], NOTHING, "force_generic_plan", true);
        let told = Vec::new();
        Self { pool: pool.clone(), connection: None, begin, read_only: true, replicas: None, floor: None, told }
    }

    /// Lets replicas of this database answer, while only reads are sent.
    pub fn read_from_replicas(&mut self, db: Db) {
        self.replicas = self.read_only.then_some(db);
    }

    /// Whether it acts as `salus_reader`.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Runs a statement; `cached` keeps its plan on the connection, for texts of which there are few.
    pub async fn query(&mut self, sql: &str, params: Params<'_>, cached: bool) -> Result<Vec<Row>, Failure> {
        self.ask(sql, params, cached, changes_rows(sql)).await
    }

    /// The same for a statement that writes only tables of whose rows no digests are kept, so that none is asked for.
    pub async fn query_unmarked(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Failure> {
        self.ask(sql, params, true, false).await
    }

    async fn ask(&mut self, sql: &str, params: Params<'_>, cached: bool, marks: bool) -> Result<Vec<Row>, Failure> {
        if self.read_only {
            return self.read(sql, params, cached).await;
        }
        let begins = self.connection.is_none();
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.pool.get().await.map_err(pool_error)?,
        };
        let connection = self.connection.insert(connection);
        let statement = match connection.ready(sql, cached).await {
            Ok(statement) => statement,
            Err(e) => {
                if begins {
                    self.connection.take();
                }
                return Err(e.into());
            }
        };
        let take = if marks { Some(connection.ready(TAKE, true).await?) } else { None };
        let begun = async { if begins { connection.batch_execute(&self.begin).await } else { Ok(()) } };
        let told = async {
            match &take {
                Some(take) => connection.run(take, &[]).await,
                None => Ok(Vec::new()),
            }
        };
        let (begun, rows, told) = futures_util::join!(begun, connection.run(&statement, params), told);
        begun?;
        fault_point!("unit.begun");
        let rows = rows?;
        let told = told?.into_iter().filter_map(|row| row.get::<_, Option<String>>(0));
        self.told.extend(told.filter(|lines| !lines.is_empty()));
        Ok(rows)
    }

    /// What the database told of the rows that were written since the last call.
    pub fn take_told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }

    /// A whole transaction in one round trip: a read needs nothing of the statement before it, so it keeps no connection
    /// and no transaction while its caller works.
    async fn read(&mut self, sql: &str, params: Params<'_>, cached: bool) -> Result<Vec<Row>, Failure> {
        if let Some(db) = &self.replicas {
            let read = (self.begin.as_str(), sql, params, cached);
            if let Some(rows) = Box::pin(db.read_from_replica(&mut self.floor, &mut self.connection, read)).await {
                return Ok(rows);
            }
        }
        let connection = self.pool.get().await.map_err(pool_error)?;
        let statement = connection.ready(sql, cached).await?;
        let connection = self.connection.insert(connection);
        let (begun, rows, ended) = futures_util::join!(
            connection.batch_execute(&self.begin),
            connection.run(&statement, params),
            connection.batch_execute("COMMIT")
        );
        begun?;
        ended?;
        self.connection.take();
        Ok(rows?)
    }

    /// Runs the last statements and commits, all in one round trip, which may be the only one. Nothing is ever sent to
    /// cancel a COMMIT that takes long: PostgreSQL would answer success and give up waiting for its standby.
    pub async fn commit(mut self, last: &[(&str, Params<'_>)]) -> Result<(), Failure> {
        let begins = self.connection.is_none();
        if begins {
            if last.is_empty() {
                return Ok(());
            }
            self.connection = Some(self.pool.get().await.map_err(pool_error)?);
        }
        let connection = self.open()?;
        let mut statements = Vec::with_capacity(last.len());
        for (sql, _) in last {
            statements.push(connection.ready(sql, true).await?);
        }
        // A value that cannot be written down is found while its statement is sent: then the work is undone instead.
        let refused = AtomicBool::new(false);
        let begun = async { if begins { connection.batch_execute(&self.begin).await } else { Ok(()) } };
        let runs = async {
            let ran = try_join_all(statements.iter().zip(last).map(|(s, (_, params))| connection.run(s, params))).await;
            refused.store(ran.is_err(), Ordering::Relaxed);
            ran
        };
        let ended = async {
            let end = if refused.load(Ordering::Relaxed) { "ROLLBACK" } else { "COMMIT" };
            (end == "COMMIT", connection.batch_execute(end).await)
        };
        fault_point!("unit.ready");
        let (begun, ran, (sent, committed)) = futures_util::join!(begun, runs, ended);
        match begun.and(ran.map(|_| ())).and(committed) {
            Ok(()) if connection.take_doubt() => return Err(Failure::Unknown),
            Err(e) if sent && is_lost(&e) => return Err(Failure::Unknown),
            ended => ended?,
        }
        fault_point!("unit.committed");
        self.connection.take();
        Ok(())
    }

    /// Undoes everything and gives the connection back.
    pub async fn rollback(mut self) {
        fault_point!("unit.rolling_back");
        let undone = match &self.connection {
            Some(c) => c.batch_execute("ROLLBACK").await.is_ok(),
            None => true,
        };
        fault_point!("unit.rolled_back");
        if undone {
            self.connection.take();
        }
    }

    fn open(&self) -> Result<&Object, Failure> {
        self.connection.as_ref().ok_or_else(|| Failure::Connection(Error::internal("the transaction has not begun")))
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // Closing is the only way back that cannot be mistaken: the server rolls back what was open.
            drop(Object::take(connection));
        }
    }
}

/// The settings that say how far a caller reaches, as `db/replaceable/kernel.sql` reads them. `tenant` is every row; where a
/// label may close one, or only some persons are reached, the database asks whose and why.
fn scope(ctx: &Ctx) -> String {
    let purpose = ctx.purpose.code();
    let word = match (ctx.reach.is_whole_tenant(), ctx.labels) {
        (true, Labels::Ignored) => return WHOLE_TENANT.to_owned(),
        (true, Labels::InRows) => "whole",
        (true, Labels::All) => "labelled",
        (false, _) => {
            let reach = ctx.reach.names().join(",");
            return format!(
                "SET LOCAL salus.scope = 'own'; SET LOCAL salus.reach = '{reach}'; SET LOCAL salus.purpose = '{purpose}'"
            );
        }
    };
    format!("SET LOCAL salus.scope = '{word}'; SET LOCAL salus.purpose = '{purpose}'")
}

/// Every row of the tenant.
pub(crate) const WHOLE_TENANT: &str = "SET LOCAL salus.scope = 'tenant'";
/// No row: for adding to the audit log.
const NOTHING: &str = "SET LOCAL salus.scope = 'none'";

/// One message that begins a transaction for a caller. It is made of ids and of words of ours, so there is nothing to
/// escape; were a part of it refused, PostgreSQL would refuse all that follows in the transaction.
pub(crate) fn begin([tenant, actor]: [Uuid; 2], scope: &str, plans: &'static str, read_only: bool) -> String {
    let role = if read_only { "; SET LOCAL ROLE salus_reader" } else { "" };
    format!(
        "BEGIN; SET LOCAL salus.tenant = '{tenant}'; SET LOCAL salus.actor = '{actor}'; {scope}; \
         SET LOCAL plan_cache_mode = {plans}{role}"
    )
}

/// Whether the answer was lost rather than given: the connection broke, or the server ended its session.
fn is_lost(e: &tokio_postgres::Error) -> bool {
    e.code().is_none_or(|code| code.code().starts_with("57P"))
}

/// Whether a statement writes rows. The text is ours, so a word is enough; a function that writes is called with one of
/// them in a comment.
fn changes_rows(sql: &str) -> bool {
    sql.contains("INSERT INTO ")
        || sql.contains("DELETE FROM ")
        || sql.match_indices("UPDATE ").any(|(at, _)| !sql[..at].ends_with("FOR "))
}

fn pool_error(e: PoolError) -> Failure {
    Failure::Connection(match e {
        PoolError::Timeout(_) => Error::Unavailable("all database connections are in use: try again".into()),
        PoolError::Backend(e) => Error::Unavailable(format!("the database cannot be reached: {}", kind_of(&e))),
        other => Error::internal(other),
    })
}

/// The kind of a connection failure, without texts of the database.
fn kind_of(e: &tokio_postgres::Error) -> String {
    e.code().map_or_else(|| e.to_string(), |c| format!("code {}", c.code()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Address, pool::Connections};
    use salus_core::{Env, PLATFORM};
    use salus_testkit::TestDb;
    use std::time::Duration;

    #[tokio::test]
    async fn a_value_that_cannot_be_sent_undoes_the_work() {
        let database = TestDb::new().await;
        let ctx = Ctx::operator(&Env::default(), PLATFORM);
        for pooled in [false, true] {
            let address = Address::from(database.config("salus_app")).pooled(pooled);
            let pool = Connections::pool(address, 1, Duration::from_secs(5)).unwrap();
            let insert = "INSERT INTO kernel.tenants (id, slug, is_demo) VALUES ($1, $2, $3)";
            let made: Params<'_> = &[&ctx.env.id(), &"undone", &true];
            let wrong: Params<'_> = &[&"no number"];
            let refused = Unit::new(&pool, &ctx, false).commit(&[(insert, made), ("SELECT $1::int4", wrong)]).await;
            assert!(matches!(refused, Err(Failure::Database(_))), "it is known that nothing was done");
            let count = "SELECT count(*) FROM kernel.tenants WHERE slug = 'undone'";
            let rows = Unit::new(&pool, &ctx, true).query(count, &[], true).await.ok().unwrap();
            assert_eq!(rows[0].get::<_, i64>(0), 0, "and nothing is kept");
        }
    }
}
