//! One transaction on one pooled connection. BEGIN, the caller's identity and the first statement travel in one
//! round trip, and so do the last statements and COMMIT. A unit that is dropped half-way closes its connection, so
//! nobody inherits an open transaction or another tenant (`spec` finding 1).

use deadpool_postgres::{Object, Pool};
use futures_util::future::try_join_all;
use salus_core::{Channel, Ctx, Error, Labels, Result};
use tokio_postgres::{Row, Statement, types::ToSql};
use uuid::Uuid;

/// Parameters of one statement.
pub type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A failure of the database, or of reaching it.
pub enum Failure {
    /// PostgreSQL's own.
    Database(tokio_postgres::Error),
    /// No connection, or one that broke.
    Connection(Error),
}

/// A transaction that begins with its first statement; one that only reads is a transaction for each statement.
pub struct Unit {
    pool: Pool,
    connection: Option<Object>,
    /// BEGIN and the caller's identity, in one message.
    begin: String,
    read_only: bool,
}

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
        Self { pool: pool.clone(), connection: None, begin, read_only }
    }

    /// For adding to a tenant's audit log, and nothing else.
    pub fn recording(pool: &Pool, tenant: Uuid) -> Self {
        let begin = begin([tenant, Uuid::nil()], "none'", "force_generic_plan", true);
        Self { pool: pool.clone(), connection: None, begin, read_only: true }
    }

    /// Whether it acts as `salus_reader`.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Runs a statement; `cached` keeps its plan on the connection, for texts of which there are few.
    pub async fn query(&mut self, sql: &str, params: Params<'_>, cached: bool) -> Result<Vec<Row>, Failure> {
        if self.read_only {
            return self.read(sql, params, cached).await;
        }
        if self.connection.is_some() {
            let connection = self.open()?;
            let statement = prepare(connection, sql, cached).await?;
            return Ok(connection.query(&statement, params).await?);
        }
        let connection = self.pool.get().await.map_err(pool_error)?;
        let statement = prepare(&connection, sql, cached).await?;
        let connection = self.connection.insert(connection);
        let (begun, rows) =
            futures_util::join!(connection.batch_execute(&self.begin), connection.query(&statement, params));
        begun?;
        Ok(rows?)
    }

    /// A whole transaction in one round trip: a read needs nothing of the statement before it, so it keeps no connection
    /// and no transaction while its caller works.
    async fn read(&mut self, sql: &str, params: Params<'_>, cached: bool) -> Result<Vec<Row>, Failure> {
        let connection = self.pool.get().await.map_err(pool_error)?;
        let statement = prepare(&connection, sql, cached).await?;
        let connection = self.connection.insert(connection);
        let (begun, rows, ended) = futures_util::join!(
            connection.batch_execute(&self.begin),
            connection.query(&statement, params),
            connection.batch_execute("COMMIT")
        );
        begun?;
        ended?;
        self.connection.take();
        Ok(rows?)
    }

    /// Runs the last statements and commits, all in one round trip, which may be the only one.
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
            statements.push(connection.prepare_cached(sql).await?);
        }
        let begun = async { if begins { connection.batch_execute(&self.begin).await } else { Ok(()) } };
        let runs = try_join_all(statements.iter().zip(last).map(|(s, (_, params))| connection.execute(s, params)));
        let (begun, ran, committed) = futures_util::join!(begun, runs, connection.batch_execute("COMMIT"));
        begun?;
        ran?;
        committed?;
        self.connection.take();
        Ok(())
    }

    /// Undoes everything and gives the connection back.
    pub async fn rollback(mut self) {
        let undone = match &self.connection {
            Some(c) => c.batch_execute("ROLLBACK").await.is_ok(),
            None => true,
        };
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

/// The scope of a caller as `db/replaceable/kernel.sql` reads it, up to the quote that ends its last setting. `tenant` is
/// every row; where a label may close one, or only some persons are reached, the database asks whose and why.
fn scope(ctx: &Ctx) -> String {
    let purpose = ctx.purpose.code();
    let word = match (ctx.reach.is_whole_tenant(), ctx.labels) {
        (true, Labels::Ignored) => return "tenant'".to_owned(),
        (true, Labels::InRows) => "whole",
        (true, Labels::All) => "labelled",
        (false, _) => {
            let reach = ctx.reach.names().join(",");
            return format!("own'; SET LOCAL salus.reach = '{reach}'; SET LOCAL salus.purpose = '{purpose}'");
        }
    };
    format!("{word}'; SET LOCAL salus.purpose = '{purpose}'")
}

/// One message that begins a transaction for a caller. It is made of ids and of words of ours, so there is nothing to
/// escape; were a part of it refused, PostgreSQL would refuse all that follows in the transaction.
fn begin([tenant, actor]: [Uuid; 2], scope: &str, plans: &'static str, read_only: bool) -> String {
    let role = if read_only { "; SET LOCAL ROLE salus_reader" } else { "" };
    format!(
        "BEGIN; SET LOCAL salus.tenant = '{tenant}'; SET LOCAL salus.actor = '{actor}'; SET LOCAL salus.scope = '{scope}; \
         SET LOCAL plan_cache_mode = {plans}{role}"
    )
}

async fn prepare(connection: &Object, sql: &str, cached: bool) -> Result<Statement, tokio_postgres::Error> {
    if cached { connection.prepare_cached(sql).await } else { connection.prepare(sql).await }
}

fn pool_error(e: deadpool_postgres::PoolError) -> Failure {
    use deadpool_postgres::PoolError;
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
