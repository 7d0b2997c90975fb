//! The connections of a pool: each keeps its prepared statements, and remembers a warning that came with COMMIT.
//!
//! PostgreSQL answers a COMMIT whose wait for the synchronous standby was cut off with success and a warning (01000):
//! the transaction is on this machine and perhaps nowhere else. Who ignores the warning acknowledges what a failover
//! loses, so a connection notes it before the answer is handed on ([`Connection::take_doubt`]).
//!
//! Behind `PgBouncer` in transaction mode two statements may reach two servers, so nothing can be prepared by name:
//! there a statement travels with its text and the types of its parameters each time ([`Ready::Unnamed`]).

use crate::{Address, runtime};
use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use deadpool_postgres::ClientWrapper;
use futures_util::{StreamExt as _, stream::poll_fn};
use std::{
    collections::HashMap,
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio_postgres::{
    AsyncMessage, Row, SimpleQueryMessage, Statement,
    error::SqlState,
    types::{ToSql, Type},
};

/// The pool.
pub type Pool = managed::Pool<Connections>;
/// A connection that goes back to its pool when it is dropped.
pub type Object = managed::Object<Connections>;
/// Why there is no connection.
pub type PoolError = managed::PoolError<tokio_postgres::Error>;

/// Makes connections to one address.
pub struct Connections {
    address: Address,
    types: Arc<Types>,
}

/// Types of the parameters of statements, by text: learnt once by this process.
type Types = Mutex<HashMap<String, Arc<[Type]>>>;

/// One connection.
pub struct Connection {
    client: ClientWrapper,
    doubt: Arc<AtomicBool>,
    /// Where statements are not prepared by name: what their parameters are.
    unnamed: Option<Arc<Types>>,
    /// On which timeline of the primary this connection was seen to be; only connections to replicas ask.
    pub timeline: AtomicU32,
    /// How far the replica at its other end had replayed the log when it was last asked.
    pub replayed: AtomicU64,
}

/// A statement that can be sent together with others.
pub enum Ready<'a> {
    /// Prepared on this connection.
    Named(Statement),
    /// Its text and the types of its parameters.
    Unnamed(&'a str, Arc<[Type]>),
}

/// Texts whose parameters are remembered; a request can make others without number.
const KEPT: usize = 2000;

impl Connections {
    /// A pool of at most so many connections; `wait` is how long one is waited for.
    pub fn pool(address: Address, most: usize, wait: Duration) -> Result<Pool, managed::BuildError> {
        let wait = Some(wait);
        Pool::builder(Self { address, types: Arc::default() })
            .max_size(most)
            // The one that was used last is still in the processor's caches, and so is its server process.
            .queue_mode(managed::QueueMode::Lifo)
            .runtime(deadpool::Runtime::Tokio1)
            .timeouts(managed::Timeouts { wait, create: wait, recycle: wait })
            .build()
    }
}

impl managed::Manager for Connections {
    type Type = Connection;
    type Error = tokio_postgres::Error;

    async fn create(&self) -> Result<Connection, tokio_postgres::Error> {
        // Boxed, like the rest of what is seldom done: futures of every request hold it.
        let connects = Box::pin(self.address.config.connect(self.address.tls.clone()));
        let (client, mut connection) = connects.await?;
        let doubt = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&doubt);
        let task = runtime::spawn(async move {
            let mut messages = poll_fn(move |cx| connection.poll_message(cx));
            while let Some(message) = messages.next().await {
                match message {
                    Ok(AsyncMessage::Notice(notice)) if *notice.code() == SqlState::WARNING => {
                        // Before the answer that follows it on the same connection is handed on.
                        noted.store(true, Ordering::SeqCst);
                    }
                    Ok(_) => {}
                    Err(e) => {
                        tracing::warn!(error = %e, "a connection to the database broke");
                        break;
                    }
                }
            }
        });
        Ok(Connection {
            client: ClientWrapper::new(client, task),
            doubt,
            unnamed: self.address.pooled.then(|| Arc::clone(&self.types)),
            timeline: AtomicU32::new(0),
            replayed: AtomicU64::new(0),
        })
    }

    async fn recycle(&self, held: &mut Connection, _: &Metrics) -> RecycleResult<tokio_postgres::Error> {
        if held.is_closed() {
            return Err(RecycleError::message("closed"));
        }
        held.take_doubt();
        Ok(())
    }
}

impl Deref for Connection {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        &self.client
    }
}

impl Connection {
    /// Whether a warning came since this was last asked.
    pub fn take_doubt(&self) -> bool {
        self.doubt.swap(false, Ordering::SeqCst)
    }

    /// Makes a statement ready to be sent; `cached` keeps its plan on the connection.
    pub async fn ready<'a>(&self, sql: &'a str, cached: bool) -> Result<Ready<'a>, tokio_postgres::Error> {
        let Some(types) = &self.unnamed else {
            let statement =
                if cached { self.client.prepare_cached(sql).await? } else { self.client.prepare(sql).await? };
            return Ok(Ready::Named(statement));
        };
        let known = types.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned();
        if let Some(known) = known {
            return Ok(Ready::Unnamed(sql, known));
        }
        let learnt = Box::pin(self.parameters(sql)).await?;
        let mut types = types.lock().unwrap_or_else(PoisonError::into_inner);
        if types.len() < KEPT {
            types.insert(sql.to_owned(), Arc::clone(&learnt));
        }
        Ok(Ready::Unnamed(sql, learnt))
    }

    /// Runs a statement and gives its rows.
    pub async fn run(
        &self,
        ready: &Ready<'_>,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        match ready {
            Ready::Named(statement) => self.client.query(statement, params).await,
            Ready::Unnamed(sql, types) => {
                let sent: Vec<_> = params.iter().copied().zip(types.iter().cloned()).collect();
                Box::pin(self.client.query_typed(sql, &sent)).await
            }
        }
    }

    /// The types of a statement's parameters. Its name lives and dies within one message, which reaches one server; a
    /// domain becomes the type it is made of, which is all that a value needs to be sent.
    async fn parameters(&self, sql: &str) -> Result<Arc<[Type]>, tokio_postgres::Error> {
        const ASK: &str = "SELECT (WITH RECURSIVE made AS (\
             SELECT t.oid, t.typtype, t.typbasetype FROM pg_catalog.pg_type t WHERE t.oid = p.type UNION ALL \
             SELECT t.oid, t.typtype, t.typbasetype FROM made JOIN pg_catalog.pg_type t ON t.oid = made.typbasetype \
               WHERE made.typtype = 'd') SELECT oid FROM made WHERE typtype <> 'd') \
             FROM pg_catalog.pg_prepared_statements s, unnest(s.parameter_types) WITH ORDINALITY p (type, n) \
             WHERE s.name = 'salus_parameters' ORDER BY p.n";
        let batch = format!("PREPARE salus_parameters AS {sql}; {ASK}; DEALLOCATE salus_parameters");
        let answered = self.client.simple_query(&batch).await?;
        let types = answered.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                let oid = row.get(0).and_then(|oid| oid.parse().ok());
                // A type that is none of PostgreSQL's own is sent as text would be, and refused by it in words.
                Some(oid.and_then(Type::from_oid).unwrap_or(Type::UNKNOWN))
            }
            _ => None,
        });
        Ok(types.collect())
    }
}
