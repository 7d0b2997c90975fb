//! From differences to the statements that undo them, without touching a row of anybody's data.
//!
//! A missing table, or a column that may not be empty, is never invented: a backup has it. An unexpected table or
//! column is never dropped: it may be somebody's data. Such differences get a note instead of a statement.

use salus_core::Result;
use tokio_postgres::Client;

use super::{Change, Difference, Entry, Kind, Snapshot, compare, ddl, expected, live, parts::fires};
use crate::migrate::{lock, said, unreadable};

/// What to do about one difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// What is wrong.
    pub difference: Difference,
    /// The exact SQL, one or several statements; `None` when a person has to decide.
    pub statement: Option<String>,
    /// What the statement does, or why there is none.
    pub note: String,
}

/// What [`apply`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How many differences a statement was run for.
    pub applied: usize,
    /// Those whose statement PostgreSQL refused, each with its reason; nothing of such a statement was kept.
    pub refused: Vec<(Repair, String)>,
    /// What still differs.
    pub remaining: Vec<Difference>,
}

/// One repair for each difference, in the order in which the statements can run.
#[must_use]
pub fn plan(differences: &[Difference], expected: &Snapshot) -> Vec<Repair> {
    let mut sorted: Vec<_> = differences.iter().collect();
    sorted.sort_by_key(|d| order(d));
    sorted.into_iter().map(|difference| one(difference, expected)).collect()
}

/// Runs the planned statements in one transaction, under the migration lock, and compares again before it commits.
/// A statement that PostgreSQL refuses is taken back alone.
pub async fn apply(client: &mut Client, repairs: &[Repair]) -> Result<Outcome> {
    lock::take(client).await?;
    let outcome = run(client, repairs).await;
    lock::release(client).await;
    outcome
}

async fn run(client: &mut Client, repairs: &[Repair]) -> Result<Outcome> {
    let failed = |e: tokio_postgres::Error| unreadable("repairing the database", &e);
    let mut outcome = Outcome::default();
    let mut tx = client.transaction().await.map_err(failed)?;
    let settings = "SET LOCAL search_path = ''; SET LOCAL lock_timeout = '3s'; SET LOCAL check_function_bodies = off;
        SET LOCAL timezone = 'UTC'; SET LOCAL client_min_messages = warning";
    tx.batch_execute(settings).await.map_err(failed)?;
    for repair in repairs {
        let Some(statement) = &repair.statement else { continue };
        let step = tx.transaction().await.map_err(failed)?;
        match step.batch_execute(statement).await {
            Ok(()) => {
                step.commit().await.map_err(failed)?;
                tracing::warn!(difference = %repair.difference, "repaired");
                outcome.applied += 1;
            }
            Err(error) if error.code().is_some() => {
                step.rollback().await.map_err(failed)?;
                outcome.refused.push((repair.clone(), said(&error)));
            }
            Err(error) => return Err(failed(error)),
        }
    }
    outcome.remaining = compare(&expected()?, &live(tx.client()).await?);
    tx.commit().await.map_err(failed)?;
    Ok(outcome)
}

/// Unexpected things that act on others go first, then what is expected is made in its order, and functions and
/// other things that might still have been used go last.
fn order(difference: &Difference) -> (u8, Kind, u8, String) {
    let (kind, name) = (difference.kind, &difference.name);
    let unexpected = matches!(difference.change, Change::Unexpected(_));
    let phase = match kind {
        Kind::Function | Kind::Procedure | Kind::Type | Kind::Domain if unexpected => 2,
        _ if unexpected => 0,
        _ => 1,
    };
    let definition = match &difference.change {
        Change::Missing(entry) | Change::Unexpected(entry) | Change::Altered { expected: entry, .. } => {
            &entry.definition
        }
    };
    (phase, kind, rank(kind, name, definition, unexpected), name.clone())
}

/// Keys before references; a table's registration before its columns', and the other way round to remove them.
fn rank(kind: Kind, name: &str, definition: &str, backwards: bool) -> u8 {
    let rank = match kind {
        Kind::Constraint if definition.starts_with("FOREIGN KEY") => 1,
        Kind::Registration if name.starts_with("COLUMN ") => 1,
        _ => 0,
    };
    if backwards { 1 - rank } else { rank }
}

fn one(difference: &Difference, expected: &Snapshot) -> Repair {
    let (kind, name) = (difference.kind, difference.name.as_str());
    let (ddl, note) = match &difference.change {
        Change::Missing(entry) => (make(expected, kind, name, entry), missing_note(kind, entry)),
        Change::Unexpected(entry) => (ddl::remove(kind, name, entry), "takes away what is not expected"),
        Change::Altered { expected: want, found } => (remake(expected, kind, name, want, found), "changes it back"),
    };
    match ddl {
        Ok(sql) => Repair { difference: difference.clone(), statement: Some(sql), note: note.into() },
        Err(why) => Repair { difference: difference.clone(), statement: None, note: why },
    }
}

fn missing_note(kind: Kind, entry: &Entry) -> &'static str {
    match kind {
        Kind::Column if !entry.definition.contains("; generated ") => {
            "adds the column, empty: what it held comes back only from a backup"
        }
        _ => "makes it again",
    }
}

/// Makes a thing and all that hangs on it: owner, grants, comments, a domain's constraints, a schema's contents.
fn make(expected: &Snapshot, kind: Kind, name: &str, entry: &Entry) -> ddl::Ddl {
    let mut sql = ddl::create(expected, kind, name, entry)?;
    let identity = format!("{} {name}", kind.word());
    let mut children: Vec<_> = expected.iter().filter(|(_, _, child)| child.parent == identity).collect();
    children.sort_by_key(|(kind, name, child)| (*kind, rank(*kind, name, &child.definition, false)));
    for (kind, name, child) in children {
        sql.push_str(&make(expected, kind, name, child)?);
    }
    Ok(sql)
}

/// Changes a thing in place where that keeps its contents; what holds none is made anew.
fn remake(expected: &Snapshot, kind: Kind, name: &str, want: &Entry, have: &Entry) -> ddl::Ddl {
    let anew = |drop: String| make(expected, kind, name, want).map(|create| drop + &create);
    match kind {
        Kind::Constraint if have.definition == format!("{} NOT VALID", want.definition) => {
            Ok(ddl::validate_constraint(name))
        }
        Kind::Constraint => anew(ddl::drop_constraint(name)),
        Kind::Trigger if fires(&want.definition).0 == fires(&have.definition).0 => {
            Ok(ddl::fire(name, fires(&want.definition).1, true))
        }
        Kind::Policy
        | Kind::Trigger
        | Kind::Rule
        | Kind::Index
        | Kind::Statistics
        | Kind::View
        | Kind::MaterializedView => anew(format!("DROP {} {name};\n", kind.word())),
        Kind::EventTrigger if fires(&want.definition).0 != fires(&have.definition).0 => {
            anew(format!("DROP EVENT TRIGGER {name};\n"))
        }
        _ => ddl::alter(kind, name, want, have),
    }
}
