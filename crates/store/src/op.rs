//! Every operation is a value. The router, OpenAPI, the permission matrix, the audit coverage and the isolation
//! tests are made from the same list, so none of them can forget one.

use crate::{Tx, decide::Notice};
use futures_util::future::BoxFuture;
use salus_core::{Error, Result};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Value;
use std::sync::Arc;
use uuid::Uuid;

/// What an operation does when it runs.
pub type Run = Box<dyn for<'a> Fn(&'a mut Tx, Call) -> BoxFuture<'a, Result<Reply>> + Send + Sync>;

/// HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are HTTP's")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// A closure as a [`Run`]; naming the type lets the compiler see that the future borrows the transaction.
pub fn run<F>(work: F) -> Run
where
    F: for<'a> Fn(&'a mut Tx, Call) -> BoxFuture<'a, Result<Reply>> + Send + Sync + 'static,
{
    Box::new(work)
}

/// One endpoint.
pub struct Op {
    /// Method.
    pub method: Method,
    /// Path with `{parameters}`, from `/api/v1`.
    pub path: String,
    /// Stable name, `<domain>.<noun>.<verb>`: the OpenAPI operation id and the action in the audit log.
    pub name: String,
    /// Permission that is needed.
    pub permission: &'static str,
    /// One line for people.
    pub summary: String,
    /// The table it is about, for the audit log.
    pub target: &'static str,
    /// Query parameters.
    pub params: Vec<Param>,
    /// JSON Schema of the request body.
    pub input: Option<Value>,
    /// JSON Schema of the reply.
    pub output: Value,
    /// What it does.
    pub run: Run,
}

impl Op {
    /// Without what only the description of the API says, which is most of its memory. Whether there is a body stays known.
    #[must_use]
    pub fn undescribed(self) -> Self {
        Self { params: Vec::new(), input: self.input.map(|_| Value::Null), output: Value::Null, ..self }
    }
}

/// A query parameter.
#[derive(Debug, Clone)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// What it means.
    pub doc: String,
    /// JSON Schema of its value.
    pub schema: Value,
}

/// What a caller sent.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// Values of the path's parameters.
    pub path: Vec<(String, String)>,
    /// Query parameters in order.
    pub query: Vec<(String, String)>,
    /// Body; null when there was none.
    pub body: Value,
    /// Version from `If-Match`, or [`ANY_VERSION`].
    pub if_match: Option<i32>,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<String>,
}

/// The version that `If-Match: *` asks for: any, as long as the record is there (RFC 9110, 13.1.1). No row has it.
pub const ANY_VERSION: i32 = 0;

/// What is answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: Body,
    /// What the caller has to be told with it; filled in at the door.
    pub notices: Vec<Notice>,
}

/// A body in the form in which both JSON and pages take it.
#[derive(Debug, Clone)]
pub enum Body {
    /// Nothing (204).
    Empty,
    /// One row.
    Row(Record),
    /// Rows and how to go on.
    Page(Page),
    /// Anything else.
    Json(Value),
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Record>,
    /// Opaque address of the next page.
    pub next: Option<String>,
    /// How many rows match in all; counted only when asked.
    pub total: Option<i64>,
}

/// One row: names are shared by all rows of a page.
#[derive(Debug, Clone)]
pub struct Record {
    /// `schema.table` of the row.
    pub table: Arc<str>,
    /// Column names.
    pub names: Arc<[String]>,
    /// Values in the same order.
    pub values: Vec<Value>,
}

impl Method {
    /// Its HTTP name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl Op {
    /// The statuses it can succeed with, and what each means; it answers no other one.
    #[must_use]
    pub fn successes(&self) -> &'static [(&'static str, &'static str)] {
        let verb = self.name.rsplit('.').next().unwrap_or_default();
        match (self.method, verb) {
            (
                Method::Post,
                "add" | "admit" | "ask" | "check_in" | "copy" | "count" | "create" | "draft" | "enter" | "generate"
                | "invite" | "issue" | "place" | "raise" | "receive" | "sign" | "submit",
            ) => &[("201", "Done")],
            (Method::Post, "open" | "import")
                if matches!(self.name.as_str(), "auth.glass.open" | "auth.user.import") =>
            {
                &[("201", "Done")]
            }
            (Method::Post, "record") => &[("200", "Was recorded before, under this client_ref"), ("201", "Done")],
            (Method::Post, "save") => &[("200", "What the last seven days would have raised"), ("201", "Done")],
            (Method::Post, "detect") => &[("200", "What would be found"), ("202", "It was looked")],
            (Method::Post, "rotate") => &[("202", "Begun, or waits for the same call by another person")],
            (Method::Post, "set_status") => &[("200", "Done"), ("202", "Waits for the same call by another person")],
            _ => &[("200", "Done")],
        }
    }

    /// Whether it says that it can succeed with this status.
    #[must_use]
    pub fn may_answer(&self, status: u16) -> bool {
        self.successes().iter().any(|(named, _)| *named == status.to_string())
    }
}

impl Call {
    /// The id in the path.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is no UUID: such a record cannot exist.
    pub fn id(&self) -> Result<Uuid> {
        self.path_value("id").and_then(|s| s.parse().ok()).ok_or(Error::NotFound)
    }

    /// A parameter of the path.
    #[must_use]
    pub fn path_value(&self, name: &str) -> Option<&str> {
        self.path.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// A query parameter; the last one wins.
    #[must_use]
    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The id in a query parameter; none when it is left out or empty.
    ///
    /// # Errors
    /// [`Error::Invalid`] on the parameter when it is no UUID.
    pub fn query_id(&self, name: &str) -> Result<Option<Uuid>> {
        let given = self.query_value(name).filter(|id| !id.is_empty()).map(str::parse);
        given.transpose().map_err(|_| Error::invalid(name, "wrong_type", "Is a UUID"))
    }

    /// The body as a type of ours.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming what does not fit.
    pub fn input<T: serde::de::DeserializeOwned>(&mut self) -> Result<T> {
        serde_json::from_value(self.body.take()).map_err(|e| Error::invalid("", "wrong_shape", e.to_string()))
    }
}

impl Reply {
    /// A status with a body.
    #[must_use]
    pub fn of(status: u16, body: Body) -> Self {
        Self { status, body, notices: Vec::new() }
    }

    /// 200 with any JSON.
    #[must_use]
    pub fn json(value: Value) -> Self {
        Self::of(200, Body::Json(value))
    }

    /// The row version of the body, for `ETag`.
    #[must_use]
    pub fn version(&self) -> Option<i64> {
        match &self.body {
            Body::Row(r) => r.get("row_version")?.as_i64(),
            Body::Json(v) => v.get("row_version")?.as_i64(),
            _ => None,
        }
    }
}

impl Record {
    /// The value of a column.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        let at = self.names.iter().position(|n| n == name)?;
        self.values.get(at)
    }

    /// The text of a column; empty when it is null, absent or no text.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The row's id.
    #[must_use]
    pub fn id(&self) -> Option<Uuid> {
        self.text("id").parse().ok()
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(self.values.len()))?;
        for (name, value) in self.names.iter().zip(&self.values) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Empty => s.serialize_unit(),
            Self::Row(row) => row.serialize(s),
            Self::Json(value) => value.serialize(s),
            Self::Page(page) => {
                let mut map = s.serialize_map(None)?;
                map.serialize_entry("data", &page.rows)?;
                map.serialize_entry("next", &page.next)?;
                if let Some(total) = page.total {
                    map.serialize_entry("total", &total)?;
                }
                map.end()
            }
        }
    }
}
