//! One transaction on one pooled connection. BEGIN, the caller's identity and the first statement travel in one
//! round trip, and so do the last statements and COMMIT. A unit that is dropped half-way closes its connection, so
//! nobody inherits an open transaction or another tenant (`spec` finding 1).

use deadpool_postgres::{Object, Pool};
use futures_util::{FutureExt as _, future::try_join_all};
use salus_core::{Channel, Ctx, Error, Result, Scope};
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

const CALLER: &str = "SELECT set_config('salus.tenant', $1, true), set_config('salus.actor', $2, true), \
                      set_config('salus.scope', $3, true), set_config('plan_cache_mode', $4, true)";
const READER: &str = "SELECT set_config('salus.tenant', $1, true), set_config('salus.actor', $2, true), \
                      set_config('salus.scope', $3, true), set_config('plan_cache_mode', $4, true), \
                      set_config('role', 'salus_reader', true)";

/// A transaction that begins with its first statement.
pub struct Unit {
    pool: Pool,
    connection: Option<Object>,
    caller: [String; 4],
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
        let scope = match ctx.scope {
            Scope::Tenant => "tenant",
            Scope::Own => "own",
        };
        // With row-level security, planning a request's statement costs more than running it. A command loads much at
        // once, and tables grow under the plans it would keep.
        let plans = match ctx.channel {
            Channel::Api | Channel::Page => "force_generic_plan",
            Channel::Cli | Channel::Job => "auto",
        };
        let caller = [ctx.tenant.to_string(), ctx.actor.id.to_string(), scope.to_owned(), plans.to_owned()];
        Self { pool: pool.clone(), connection: None, caller, read_only }
    }

    /// For adding to a tenant's audit log, and nothing else.
    pub fn recording(pool: &Pool, tenant: Uuid) -> Self {
        let caller = [tenant.to_string(), Uuid::nil().to_string(), "none".into(), "force_generic_plan".into()];
        Self { pool: pool.clone(), connection: None, caller, read_only: true }
    }

    /// Whether it acts as `salus_reader`.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Runs a statement; `cached` keeps its plan on the connection, for texts of which there are few.
    pub async fn query(&mut self, sql: &str, params: Params<'_>, cached: bool) -> Result<Vec<Row>, Failure> {
        if self.connection.is_some() {
            let connection = self.open()?;
            let statement = prepare(connection, sql, cached).await?;
            return Ok(connection.query(&statement, params).await?);
        }
        let connection = self.pool.get().await.map_err(pool_error)?;
        let statement = prepare(&connection, sql, cached).await?;
        let caller = connection.prepare_cached(self.caller_sql()).await?;
        let connection = self.connection.insert(connection);
        let (begun, rows) =
            futures_util::join!(begin(connection, &caller, &self.caller), connection.query(&statement, params));
        begun?;
        Ok(rows?)
    }

    /// Runs the last statements and commits, all in one round trip, which may be the only one.
    pub async fn commit(mut self, last: &[(&str, Params<'_>)]) -> Result<(), Failure> {
        let mut caller = None;
        if self.connection.is_none() {
            if last.is_empty() {
                return Ok(());
            }
            let connection = self.pool.get().await.map_err(pool_error)?;
            caller = Some(connection.prepare_cached(self.caller_sql()).await?);
            self.connection = Some(connection);
        }
        let connection = self.open()?;
        let mut statements = Vec::with_capacity(last.len());
        for (sql, _) in last {
            statements.push(connection.prepare_cached(sql).await?);
        }
        let begun = async {
            match &caller {
                Some(caller) => begin(connection, caller, &self.caller).await,
                None => Ok(()),
            }
        };
        let runs = try_join_all(statements.iter().zip(last).map(|(s, (_, params))| connection.execute(s, params)));
        let (begun, ran, committed) = futures_util::join!(begun, runs, connection.batch_execute("COMMIT"));
        begun?;
        ran?;
        committed?;
        self.connection.take();
        Ok(())
    }

    /// Ends a transaction that has only read. COMMIT is sent and not waited for: nothing depends on how it ends, and
    /// whoever takes the connection next stands behind it.
    pub fn end_reading(mut self) {
        if let Some(connection) = self.connection.take() {
            // The first poll sends it.
            let _ = connection.batch_execute("COMMIT").now_or_never();
        }
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

    fn caller_sql(&self) -> &'static str {
        if self.read_only { READER } else { CALLER }
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

/// Sends BEGIN and the caller's identity, for which everything was prepared, with the first poll.
async fn begin(connection: &Object, caller: &Statement, who: &[String; 4]) -> Result<(), tokio_postgres::Error> {
    let [tenant, actor, scope, plans] = who;
    let who: Params<'_> = &[tenant, actor, scope, plans];
    let (begun, told) = futures_util::join!(connection.batch_execute("BEGIN"), connection.query(caller, who));
    begun.and(told.map(|_| ()))
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
