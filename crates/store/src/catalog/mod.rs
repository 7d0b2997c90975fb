//! The schema as PostgreSQL and the registry describe it, read once at start. REST, forms, sealing, audit and the
//! isolation proofs are loops over this; a name that is not in it never reaches a statement.

mod json_schema;

pub use json_schema::{row_schema, write_schema};

use crate::seal::{Format, KeyClass, Search};
use salus_core::{Error, Result};
use std::collections::{BTreeMap, HashMap};
use tokio_postgres::{Client, Row};

/// What a column holds, as far as reading and writing it differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are PostgreSQL's")]
pub enum Kind {
    Text,
    Bool,
    Int2,
    Int4,
    Int8,
    Float8,
    Numeric,
    Date,
    Timestamp,
    Uuid,
    Json,
    TextArray,
    Bytes,
    Xid,
    /// Ciphertext of a value of this format.
    Sealed(Format),
    /// A keyed hash beside a sealed column.
    Blind,
}

/// One column.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts of the catalogue, each read by its name")]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// The domain it is declared with, without schema.
    pub domain: Option<String>,
    /// The values of a closed set.
    pub labels: Vec<String>,
    /// `NOT NULL`.
    pub required: bool,
    /// The database fills it when it is not given.
    pub has_default: bool,
    /// With what, as SQL.
    pub default_sql: Option<String>,
    /// Its comment.
    pub doc: Option<String>,
    /// The number that sealed values are bound to.
    pub column_id: u32,
    /// Data class C0–C4.
    pub class: String,
    /// The key that seals it.
    pub key_class: Option<KeyClass>,
    /// Whether the subject's own key takes part.
    pub subject_bound: bool,
    /// How it is searched while sealed.
    pub search: Option<Search>,
    /// A secret of the server's own, such as a password hash: no caller ever reads or writes it.
    pub secret: bool,
}

/// One registered table.
#[derive(Debug, Clone)]
pub struct Table {
    /// `schema.table`.
    pub name: String,
    /// The column that names the person a row is about.
    pub subject: Option<String>,
    /// Class of its unsealed columns.
    pub class: String,
    /// Rows are never changed.
    pub append_only: bool,
    /// Read by all tenants, owned by none.
    pub shared: bool,
    /// The columns that are no part of the digests of its rows in audit events; none when its rows have no digests.
    pub unmarked: Option<Vec<String>>,
    /// Its comment.
    pub doc: Option<String>,
    /// PostgreSQL's own estimate at start.
    pub estimated_rows: i64,
    /// In the order of their definition.
    pub columns: Vec<Column>,
    /// Column → table it refers to.
    pub references: BTreeMap<String, String>,
    /// Sets of columns that are unique in a tenant.
    pub uniques: Vec<Vec<String>>,
}

/// What a violated constraint means to a person.
#[derive(Debug, Clone)]
pub struct Constraint {
    /// The columns it speaks of, without `tenant_id`.
    pub columns: Vec<String>,
    /// Its comment.
    pub message: String,
}

/// The registered tables and the meaning of their constraints.
#[derive(Debug, Default)]
pub struct Catalog {
    tables: BTreeMap<String, Table>,
    constraints: HashMap<String, Constraint>,
}

/// Columns that the kernel fills and nobody else writes.
pub const HEADER: [&str; 7] =
    ["tenant_id", "id", "row_version", "created_at", "updated_at", "created_by", "updated_by"];

impl Column {
    /// Whether the stored bytes are ciphertext.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        matches!(self.kind, Kind::Sealed(_))
    }

    /// Whether it is health data or an identifier (class C2 and above).
    #[must_use]
    pub fn is_phi(&self) -> bool {
        matches!(self.class.as_str(), "C2" | "C3" | "C4")
    }
}

impl Table {
    /// The column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// The schema, which is the domain.
    #[must_use]
    pub fn schema(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }

    /// The columns whose words are searched as a name.
    pub fn name_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|c| c.search == Some(Search::Name))
    }

    /// Columns that leave the database towards a caller: all but hashes, secrets and the tenant.
    pub fn readable(&self) -> impl Iterator<Item = &Column> {
        self.columns
            .iter()
            .filter(|c| !c.secret && c.name != "tenant_id" && !matches!(c.kind, Kind::Blind | Kind::Bytes | Kind::Xid))
    }

    /// The permissions it takes to open values of a column: sealed data about persons needs `kernel.phi.read`,
    /// specially protected data `kernel.sensitive.read` as well.
    #[must_use]
    pub fn to_open(&self, column: &Column) -> &'static [&'static str] {
        match column.class.as_str() {
            "C4" => &["kernel.phi.read", "kernel.sensitive.read"],
            "C3" if self.class == "C2" => &["kernel.phi.read"],
            _ => &[],
        }
    }

    /// Whether rows hold health data or identifiers.
    #[must_use]
    pub fn is_phi(&self) -> bool {
        self.columns.iter().any(Column::is_phi)
    }
}

impl Catalog {
    /// Reads the registry and the system catalogue.
    ///
    /// # Errors
    /// [`Error::Internal`] when they disagree or a column has a type the server cannot carry.
    pub async fn load(client: &Client) -> Result<Self> {
        let mut catalog = Self::default();
        for row in client.query(include_str!("columns.sql"), &[]).await.map_err(Error::internal)? {
            let name: String = row.get("table_name");
            let column = column(&row)?;
            catalog.tables.entry(name.clone()).or_insert_with(|| table(&row, name)).columns.push(column);
        }
        for row in client.query(include_str!("constraints.sql"), &[]).await.map_err(Error::internal)? {
            catalog.constraint(&row);
        }
        Ok(catalog)
    }

    fn constraint(&mut self, row: &Row) {
        let (name, kind): (String, String) = (row.get("name"), row.get("kind"));
        let columns: Vec<String> = row.get("columns");
        let table = row.get::<_, Option<String>>("table_name").and_then(|t| self.tables.get_mut(&t));
        if let Some(table) = table {
            match (kind.as_str(), row.get::<_, Option<String>>("target")) {
                ("f", Some(target)) => {
                    if let [column] = &columns[..] {
                        table.references.insert(column.clone(), target);
                    }
                }
                ("u" | "i", _) => table.uniques.push(columns.clone()),
                _ => {}
            }
        }
        let message = row.get::<_, Option<String>>("message").unwrap_or_else(|| "Breaks a rule of this table".into());
        self.constraints.insert(name, Constraint { columns, message });
    }

    /// The table of this full name.
    ///
    /// # Errors
    /// [`Error::Internal`]: names come from our own code, so a missing one is our fault.
    pub fn table(&self, name: &str) -> Result<&Table> {
        self.tables.get(name).ok_or_else(|| Error::internal(format!("{name} is not a registered table")))
    }

    /// All registered tables by name.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.values()
    }

    /// What the constraint of this name means.
    #[must_use]
    pub fn meaning(&self, constraint: &str) -> Option<&Constraint> {
        self.constraints.get(constraint)
    }
}

fn table(row: &Row, name: String) -> Table {
    Table {
        name,
        subject: row.get("subject_column"),
        class: row.get("table_class"),
        append_only: row.get("append_only"),
        unmarked: row.get::<_, Option<&[u8]>>("unmarked").map(arguments),
        shared: row.get("shared"),
        doc: row.get("table_doc"),
        estimated_rows: row.get("estimated_rows"),
        columns: Vec::new(),
        references: BTreeMap::new(),
        uniques: Vec::new(),
    }
}

/// The arguments of a trigger as the catalogue keeps them, each ended by a zero.
fn arguments(bytes: &[u8]) -> Vec<String> {
    bytes.split(|b| *b == 0).filter(|a| !a.is_empty()).map(|a| String::from_utf8_lossy(a).into_owned()).collect()
}

fn column(row: &Row) -> Result<Column> {
    let name: String = row.get("column_name");
    let (base, domain): (String, Option<String>) = (row.get("base_type"), row.get("domain_name"));
    let kind = kind(&base, domain.as_deref()).ok_or_else(|| {
        Error::internal(format!(
            "{}.{name} has the type {base}, which no endpoint can carry",
            row.get::<_, String>("table_name")
        ))
    })?;
    let check: Option<String> = row.get("domain_check");
    let column_id: i64 = row.get("column_id");
    let key_class: Option<String> = row.get("key_class");
    let search: Option<String> = row.get("search");
    Ok(Column {
        kind,
        labels: check.as_deref().map(labels).unwrap_or_default(),
        domain,
        required: row.get("required"),
        has_default: row.get("has_default"),
        default_sql: row.get("default_sql"),
        doc: row.get("doc"),
        column_id: u32::try_from(column_id).map_err(Error::internal)?,
        class: row.get("class"),
        key_class: key_class.as_deref().and_then(KeyClass::from_name),
        subject_bound: row.get("subject_bound"),
        search: search.as_deref().and_then(Search::from_name),
        secret: row.get::<_, Option<&str>>("phi") == Some("secret"),
        name,
    })
}

fn kind(base: &str, domain: Option<&str>) -> Option<Kind> {
    Some(match (domain, base) {
        (Some("sealed_text"), _) => Kind::Sealed(Format::Text),
        (Some("sealed_date"), _) => Kind::Sealed(Format::Date),
        (Some("sealed_json"), _) => Kind::Sealed(Format::Json),
        (Some("blind_index"), _) => Kind::Blind,
        (_, "text" | "name" | "character varying" | "character") => Kind::Text,
        (_, "boolean") => Kind::Bool,
        (_, "smallint") => Kind::Int2,
        (_, "integer") => Kind::Int4,
        (_, "bigint") => Kind::Int8,
        (_, "double precision") => Kind::Float8,
        (_, "numeric") => Kind::Numeric,
        (_, "date") => Kind::Date,
        (_, "timestamp with time zone") => Kind::Timestamp,
        (_, "uuid") => Kind::Uuid,
        // Not `json`, which keeps line breaks: a row is told of in one line (`rows`).
        (_, "jsonb") => Kind::Json,
        (_, "text[]") => Kind::TextArray,
        (_, "bytea") => Kind::Bytes,
        (_, "xid8") => Kind::Xid,
        _ => return None,
    })
}

/// The quoted values of `CHECK ((VALUE = ANY (ARRAY['A'::text, 'B'::text])))`; none for another kind of check.
fn labels(check: &str) -> Vec<String> {
    if !check.contains("ANY (ARRAY[") {
        return Vec::new();
    }
    check.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn reads_labels_of_closed_sets_only() {
        let check = "CHECK ((VALUE = ANY (ARRAY['IN'::text, 'OUT'::text])))";
        assert_eq!(super::labels(check), ["IN", "OUT"]);
        assert!(super::labels("CHECK ((octet_length(VALUE) = 16))").is_empty());
    }
}
