//! Facts about a schema, read from a database or from `db/catalogue.tsv`.

use std::{collections::BTreeMap, fmt};

use rust_embed::RustEmbed;
use salus_core::{Error, Result};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::migrate::unreadable;

#[derive(RustEmbed)]
#[folder = "../../db"]
#[include = "catalogue.tsv"]
struct Embedded;

const FACTS: &str = include_str!("snapshot.sql");
const REGISTRATIONS: &str = include_str!("registration.sql");
const HEADING: &str = "# What the migrated database must look like: kind, name, parent, definition. Not written by hand:\n\
                       # cargo test -p salus-store --test it -- --ignored accept_the_catalogue\n";

macro_rules! kinds {
    ($($name:ident $word:literal $doc:literal,)*) => {
        /// What a fact is about. The order is the order in which things can be made.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = $doc] $name,)*
        }

        impl Kind {
            /// The SQL word, such as `POLICY`.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$name),)* _ => None }
            }
        }
    };
}

kinds! {
    Role "ROLE" "A `salus_*` role and its attributes.",
    Membership "MEMBERSHIP" "One role acting as another.",
    Setting "SETTING" "A setting of a role that changes what its sessions see.",
    Extension "EXTENSION" "An extension in the schema `extensions`.",
    Schema "SCHEMA" "A schema.",
    Type "TYPE" "An enum, composite or range type.",
    Domain "DOMAIN" "A domain: base type, nullability, default.",
    Sequence "SEQUENCE" "A sequence.",
    Table "TABLE" "A table.",
    ForeignTable "FOREIGN TABLE" "A foreign table.",
    Function "FUNCTION" "A function with its whole text.",
    Procedure "PROCEDURE" "A procedure with its whole text.",
    Aggregate "AGGREGATE" "An aggregate.",
    Column "COLUMN" "A column: type, collation, nullability, default.",
    Partition "PARTITION" "The default partition of a table.",
    Constraint "CONSTRAINT" "A key, reference or check of a table or domain.",
    Index "INDEX" "An index that no constraint made.",
    Statistics "STATISTICS" "Extended statistics.",
    View "VIEW" "A view.",
    MaterializedView "MATERIALIZED VIEW" "A materialized view.",
    Rule "RULE" "A rewrite rule.",
    Trigger "TRIGGER" "A trigger and whether it fires.",
    SwitchedOff "SWITCHED OFF" "The hidden triggers of a reference or partition, switched off.",
    Policy "POLICY" "A row-level security policy.",
    RowSecurity "ROW SECURITY" "Whether row-level security is enabled and forced.",
    StorageOption "OPTION" "Options of a table or view.",
    EventTrigger "EVENT TRIGGER" "An event trigger.",
    Owner "OWNER" "Who owns an object.",
    Grant "GRANT" "What a role may do with an object.",
    DefaultGrant "DEFAULT GRANT" "What a role will be granted on objects to come.",
    Registration "REGISTRATION" "A row of `kernel.tables` or `kernel.fields`.",
    Comment "COMMENT" "A comment.",
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.word().to_lowercase())
    }
}

/// What is said about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Kind and name of what the fact belongs to, as SQL, such as `TABLE kernel.keys`; empty when to nothing.
    pub parent: String,
    /// What the thing is, mostly as SQL.
    pub definition: String,
}

/// Every fact, by kind and name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    entries: BTreeMap<(Kind, String), Entry>,
    /// The tables that hold registrations could not be read: nothing is said about them.
    pub(super) unregistered: bool,
}

/// The facts this build expects. They are read when they are asked for and not kept: a server compares once an hour, and they are
/// several megabytes.
pub fn expected() -> Result<Snapshot> {
    let file = Embedded::get("catalogue.tsv")
        .ok_or_else(|| Error::Internal("db/catalogue.tsv is not in this build".into()))?;
    let text = str::from_utf8(&file.data).map_err(|_| Error::Internal("db/catalogue.tsv is not UTF-8".into()))?;
    Snapshot::parse(text)
}

/// The facts of this database. Any role may ask: the catalogue of PostgreSQL is public in the database.
///
/// One message, and one transaction when the session has none open; leaves no setting behind.
pub async fn live(client: &Client) -> Result<Snapshot> {
    let failed = |e: tokio_postgres::Error| unreadable("reading the catalogue", &e);
    // By name in the catalogue: before the first migration this role may not look into the schema.
    let readable = "SELECT count(*) = 2 AND bool_and(has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'kernel' AND c.relname IN ('tables', 'fields')";
    let registered = client.query_one(readable, &[]).await.map_err(failed)?.get::<_, Option<bool>>(0) == Some(true);
    let mut sql = format!("SET LOCAL search_path = ''; SET LOCAL jit = off; SET LOCAL timezone = 'UTC';\n{FACTS};\n");
    if registered {
        sql.push_str(REGISTRATIONS);
    }
    let mut snapshot = Snapshot { unregistered: !registered, ..Snapshot::default() };
    for message in client.simple_query(&sql).await.map_err(failed)? {
        if let SimpleQueryMessage::Row(row) = message {
            let column = |i: usize| row.get(i).unwrap_or_default().to_owned();
            let kind = Kind::parse(&column(0)).ok_or_else(|| Error::Internal(format!("unknown kind {}", column(0))))?;
            snapshot.entries.insert((kind, column(1)), Entry { parent: column(2), definition: column(3) });
        }
    }
    Ok(snapshot)
}

impl Snapshot {
    /// What is said about this thing.
    #[must_use]
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Entry> {
        self.entries.get(&(kind, name.to_owned()))
    }

    /// Every fact, in the order in which things can be made.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, &str, &Entry)> {
        self.entries.iter().map(|((kind, name), entry)| (*kind, name.as_str(), entry))
    }

    /// How many facts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no fact at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Reads what [`Snapshot::to_tsv`] wrote.
    pub fn parse(text: &str) -> Result<Self> {
        let mut entries = BTreeMap::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
            let wrong = || Error::Internal(format!("db/catalogue.tsv: line {} cannot be read", number + 1));
            let cells: Vec<_> = line.split('\t').map(unescape).collect();
            let [kind, name, parent, definition] = <[String; 4]>::try_from(cells).map_err(|_| wrong())?;
            let kind = Kind::parse(&kind).ok_or_else(wrong)?;
            entries.insert((kind, name), Entry { parent, definition });
        }
        Ok(Self { entries, unregistered: false })
    }

    /// One line a fact, sorted by kind and name, for review as a diff.
    #[must_use]
    pub fn to_tsv(&self) -> String {
        let mut lines: Vec<_> = self
            .iter()
            .map(|(kind, name, entry)| [kind.word(), name, &entry.parent, &entry.definition].map(escape).join("\t"))
            .collect();
        lines.sort();
        format!("{HEADING}{}\n", lines.join("\n"))
    }
}

fn escape(cell: &str) -> String {
    cell.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

fn unescape(cell: &str) -> String {
    let mut out = String::with_capacity(cell.len());
    let mut chars = cell.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                other => other.unwrap_or('\\'),
            },
            c => c,
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_survives_its_file() {
        let mut snapshot = Snapshot::default();
        for (name, definition) in [("a", "tab\tline\nback\\slash\\n"), ("b", ""), ("c", "\r\n")] {
            let entry = Entry { parent: "SCHEMA x".into(), definition: definition.into() };
            snapshot.entries.insert((Kind::Function, name.into()), entry);
        }
        assert_eq!(Snapshot::parse(&snapshot.to_tsv()).unwrap(), snapshot);
        assert!(Snapshot::parse("TABLE\tx\n").unwrap_err().to_string().contains("line 1"));
    }
}
