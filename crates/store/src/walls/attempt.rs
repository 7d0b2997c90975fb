//! One attempt: a statement in a transaction that is rolled back, and what the database said to it.

use salus_core::{Error, Result};
use std::fmt;
use tokio_postgres::{Client, SimpleQueryMessage};
use uuid::Uuid;

/// What the database said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The count that was asked for, or rows touched.
    Rows(u64),
    /// This SQLSTATE.
    Refused(String),
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(n) => write!(f, "{n} rows"),
            Self::Refused(code) => write!(f, "refused with {code}"),
        }
    }
}

impl Told {
    pub fn is_refused(&self, code: &str) -> bool {
        matches!(self, Self::Refused(told) if told == code)
    }

    /// The leak, unless this is what had to be said.
    pub fn unless(&self, wanted: &Self, table: &str, leak: &str) -> Option<String> {
        (self != wanted).then(|| format!("{table}: {leak} ({self})"))
    }

    /// The leak, unless it was refused with this code.
    pub fn unless_refused(&self, code: &str, table: &str, leak: &str) -> Option<String> {
        (!self.is_refused(code)).then(|| format!("{table}: {leak} ({self})"))
    }
}

/// A connection for attempts. Texts of statements hold names of the catalogue and ids, nothing else.
pub struct Attempts(Client);

impl Attempts {
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    pub fn client(&self) -> &Client {
        &self.0
    }

    /// Who the following attempts act for. The actor is a user that does not exist.
    pub async fn act_for(&self, tenant: Option<Uuid>, scope: &str, role: Option<&str>) -> Result<()> {
        let tenant = tenant.map(|t| t.to_string()).unwrap_or_default();
        let role = role.map_or("RESET ROLE".to_owned(), |r| format!("SET ROLE {r}"));
        let nobody = Uuid::max();
        let sql = format!(
            "RESET ROLE; SET salus.tenant = '{tenant}'; SET salus.scope = '{scope}'; SET salus.actor = '{nobody}'; {role}"
        );
        self.0.batch_execute(&sql).await.map_err(|e| Error::internal(code(&e)))
    }

    /// One column of texts.
    pub async fn texts(&self, sql: &str) -> Result<Vec<String>> {
        let rows = self.0.query(sql, &[]).await.map_err(|e| Error::internal(code(&e)))?;
        Ok(rows.iter().map(|r| r.get(0)).collect())
    }

    /// Tries a statement and undoes it.
    pub async fn run(&mut self, sql: &str) -> Result<Told> {
        let e = match self.0.simple_query(&format!("BEGIN; {sql}; ROLLBACK")).await {
            Ok(messages) => return Ok(Told::Rows(number(&messages))),
            Err(e) => e,
        };
        if e.as_db_error().is_none() {
            return Err(Error::Unavailable("the connection was lost during the proof: run it again".into()));
        }
        self.0.batch_execute("ROLLBACK").await.map_err(|e| Error::internal(code(&e)))?;
        Ok(Told::Refused(code(&e)))
    }
}

/// The number in the one row, or how many rows were touched.
fn number(messages: &[SimpleQueryMessage]) -> u64 {
    let asked = messages.iter().find_map(|m| match m {
        SimpleQueryMessage::Row(row) => row.get(0).and_then(|n| n.parse().ok()),
        _ => None,
    });
    let touched = messages.iter().filter_map(|m| match m {
        SimpleQueryMessage::CommandComplete(n) => Some(*n),
        _ => None,
    });
    asked.or(touched.max()).unwrap_or(0)
}

fn code(e: &tokio_postgres::Error) -> String {
    e.code().map_or_else(|| "no code".to_owned(), |c| c.code().to_owned())
}
