//! The statement that makes, removes or changes one thing, from what the snapshot says about it.
//!
//! `Ok` is SQL that touches no row; `Err` is why there is none, for a person. No statement here drops a table or a
//! column, and none rewrites one.

use std::fmt::Write as _;

use super::{
    Entry, Kind, Snapshot,
    parts::{Facts, column, cut, fires, rights},
};
use crate::migrate::literal;

/// SQL, or the reason why a person has to do it.
pub(super) type Ddl = Result<String, String>;

/// Makes the thing alone, without what hangs on it.
pub(super) fn create(expected: &Snapshot, kind: Kind, name: &str, entry: &Entry) -> Ddl {
    let Entry { parent, definition } = entry;
    let definition = definition.trim_end_matches(';');
    let partitioned = parent.strip_prefix("TABLE ").and_then(|t| expected.get(Kind::Table, t));
    let partitioned = partitioned.is_some_and(|t| t.definition.starts_with("PARTITION BY"));
    let closed = |what: String| Ok(format!("{what};\nREVOKE ALL ON {} {name} FROM PUBLIC;\n", kind.word()));
    match kind {
        Kind::Role => Ok(format!("CREATE ROLE {name} {definition};\n")),
        Kind::Membership => Ok(format!("GRANT {name} {definition};\n")),
        Kind::Extension => Ok(format!("CREATE EXTENSION {name} {definition};\n")),
        Kind::Schema => Ok(format!("CREATE SCHEMA {name};\n")),
        Kind::Type => closed(format!("CREATE TYPE {name} AS {definition}")),
        Kind::Domain => {
            let facts = Facts::parse(definition);
            let mut sql = format!("CREATE DOMAIN {name} AS {}", facts.with_collation());
            if let Some(default) = facts.default {
                let _ = write!(sql, " DEFAULT {default}");
            }
            sql.push_str(if facts.not_null { " NOT NULL" } else { "" });
            closed(sql)
        }
        Kind::Function | Kind::Procedure => closed(definition.to_owned()),
        Kind::Table | Kind::ForeignTable | Kind::Sequence => {
            Err(format!("what the {kind} held is gone: restore it from a backup"))
        }
        Kind::Aggregate => Err("apply the migration's statement by hand".into()),
        Kind::Column => add_column(name, &Facts::parse(definition)),
        Kind::Partition => {
            let table = format!("CREATE TABLE {name} PARTITION {definition};\n");
            Ok(format!("{table}{}ALTER TABLE {name} OWNER TO salus_owner;\n", row_security(name, "ENABLE, FORCE")))
        }
        Kind::Constraint => Ok(add_constraint(name, definition, partitioned)),
        // An index of a partitioned table is shown with ONLY; made without it, it covers the partitions.
        Kind::Index if partitioned => Ok(format!("{};\n", definition.replacen(" ON ONLY ", " ON ", 1))),
        Kind::Index | Kind::Statistics | Kind::Rule => Ok(format!("{definition};\n")),
        Kind::View | Kind::MaterializedView => Ok(format!("CREATE {} {name} AS {definition};\n", kind.word())),
        Kind::Trigger => {
            let (text, state) = fires(definition);
            Ok(format!("{text};\n{}", fire(name, state, state != "ENABLE")))
        }
        Kind::EventTrigger => {
            let (text, state) = fires(definition);
            let switch =
                if state == "ENABLE" { String::new() } else { format!("ALTER EVENT TRIGGER {name} {state};\n") };
            Ok(format!("CREATE EVENT TRIGGER {name} {text};\n{switch}"))
        }
        Kind::Policy => Ok(format!("CREATE POLICY {name} {definition};\n")),
        Kind::RowSecurity => Ok(row_security(name.trim_start_matches("TABLE "), definition)),
        Kind::Grant => Ok(grant(name, &rights(definition))),
        Kind::Owner => Ok(format!("ALTER {name} OWNER TO {definition};\n")),
        Kind::Comment => Ok(format!("COMMENT ON {name} IS {};\n", literal(&entry.definition))),
        Kind::StorageOption => Ok(format!("ALTER {name} SET ({});\n", options(definition))),
        Kind::Registration => register(name, definition),
        Kind::Setting => setting(name, &format!("SET {{}} = {}", literal(definition))),
        Kind::DefaultGrant => default_grant(name, definition, "GRANT", "TO"),
        Kind::SwitchedOff => Err("nothing is expected to be switched off".into()),
    }
}

/// Removes what is not expected, unless it can hold data.
pub(super) fn remove(kind: Kind, name: &str, entry: &Entry) -> Ddl {
    match kind {
        Kind::Policy
        | Kind::Trigger
        | Kind::Rule
        | Kind::Index
        | Kind::Statistics
        | Kind::View
        | Kind::Function
        | Kind::Procedure
        | Kind::EventTrigger => Ok(format!("DROP {} {name};\n", kind.word())),
        Kind::Constraint => Ok(drop_constraint(name)),
        Kind::Comment => Ok(format!("COMMENT ON {name} IS NULL;\n")),
        Kind::Grant => Ok(revoke(name, &rights(&entry.definition))),
        Kind::DefaultGrant => default_grant(name, &entry.definition, "REVOKE", "FROM"),
        Kind::Membership => {
            let (role, member) = cut(name, " TO ").unwrap_or((name, "PUBLIC"));
            Ok(format!("REVOKE {role} FROM {member};\n"))
        }
        Kind::Setting => setting(name, "RESET {}"),
        Kind::SwitchedOff => {
            let table = cut(name, " ON ").map_or("", |(_, table)| table);
            let mut sql = String::new();
            for trigger in entry.definition.split(", ") {
                let _ = writeln!(sql, "ALTER TABLE {table} ENABLE TRIGGER {trigger};");
            }
            Ok(sql)
        }
        // Told of partitions only when it is not as it should be.
        Kind::RowSecurity => Ok(row_security(name.trim_start_matches("TABLE "), "ENABLE, FORCE")),
        Kind::Owner => Ok(format!("ALTER {name} OWNER TO salus_owner;\n")),
        Kind::StorageOption => Ok(format!("ALTER {name} RESET ({});\n", option_names(&entry.definition).join(", "))),
        Kind::Registration => unregister(name, &entry.definition),
        Kind::Column => {
            let (table, column) = column(name);
            Err(format!(
                "a column is never dropped here: write a migration that adds it, or ALTER TABLE {table} DROP COLUMN {column} by hand"
            ))
        }
        Kind::Table | Kind::ForeignTable | Kind::MaterializedView | Kind::Sequence | Kind::Schema | Kind::Partition => {
            Err(format!(
                "a {kind} is never dropped here: write a migration that adds it, move it to another database, or DROP {} {name} by hand",
                if kind == Kind::Partition { "TABLE" } else { kind.word() }
            ))
        }
        Kind::Role | Kind::Type | Kind::Domain | Kind::Aggregate | Kind::Extension => {
            Err(format!("something may depend on it: DROP {} {name} by hand when nothing does", kind.word()))
        }
    }
}

/// Changes what is there into what is expected. Things without data are made anew, which [`super::repair`] does.
pub(super) fn alter(kind: Kind, name: &str, expected: &Entry, found: &Entry) -> Ddl {
    let (want, have) = (expected.definition.as_str(), found.definition.as_str());
    match kind {
        Kind::Role => Ok(format!("ALTER ROLE {name} {want};\n")),
        Kind::Membership if want.is_empty() => {
            let (role, member) = cut(name, " TO ").unwrap_or((name, "PUBLIC"));
            Ok(format!("REVOKE ADMIN OPTION FOR {role} FROM {member};\n"))
        }
        Kind::Extension => Ok(format!("ALTER EXTENSION {name} SET {want};\n")),
        Kind::Function | Kind::Procedure => Ok(format!("{want};\n")),
        Kind::Sequence => Ok(format!("ALTER SEQUENCE {name} {want};\n")),
        Kind::Table => alter_table(name, want, have),
        Kind::Column => alter_column(name, &Facts::parse(want), &Facts::parse(have)),
        Kind::Domain => alter_domain(name, &Facts::parse(want), &Facts::parse(have)),
        Kind::StorageOption => {
            let kept = option_names(want);
            let gone: Vec<_> = option_names(have).into_iter().filter(|o| !kept.contains(o)).collect();
            let reset =
                if gone.is_empty() { String::new() } else { format!("ALTER {name} RESET ({});\n", gone.join(", ")) };
            Ok(format!("{reset}ALTER {name} SET ({});\n", options(want)))
        }
        Kind::Grant => Ok(alter_grant(name, want, have)),
        Kind::EventTrigger if fires(want).0 == fires(have).0 => {
            Ok(format!("ALTER EVENT TRIGGER {name} {};\n", fires(want).1))
        }
        Kind::DefaultGrant => {
            Ok(default_grant(name, have, "REVOKE", "FROM")? + &default_grant(name, want, "GRANT", "TO")?)
        }
        Kind::Aggregate | Kind::Type | Kind::Partition | Kind::ForeignTable | Kind::Schema | Kind::SwitchedOff => {
            Err("only a person can decide how to change it without losing data".into())
        }
        // The statement that makes these also changes them.
        _ => create(&Snapshot::default(), kind, name, expected),
    }
}

/// The trigger's state as a statement; none when it is as it is made.
pub(super) fn fire(name: &str, state: &str, needed: bool) -> String {
    match cut(name, " ON ") {
        Some((trigger, table)) if needed => {
            let (verb, how) = state.split_once(' ').unwrap_or((state, ""));
            let how = if how.is_empty() { String::new() } else { format!("{how} ") };
            format!("ALTER TABLE {table} {verb} {how}TRIGGER {trigger};\n")
        }
        _ => String::new(),
    }
}

pub(super) fn drop_constraint(name: &str) -> String {
    let (constraint, on) = cut(name, " ON ").unwrap_or((name, ""));
    format!("ALTER {} DROP CONSTRAINT {constraint};\n", constrained(on))
}

pub(super) fn validate_constraint(name: &str) -> String {
    let (constraint, on) = cut(name, " ON ").unwrap_or((name, ""));
    format!("ALTER {} VALIDATE CONSTRAINT {constraint};\n", constrained(on))
}

fn constrained(on: &str) -> String {
    if on.starts_with("DOMAIN ") { on.to_owned() } else { format!("TABLE {on}") }
}

/// Checks and references are added first and proven after, so that the table is not locked for as long.
fn add_constraint(name: &str, definition: &str, partitioned: bool) -> String {
    let (constraint, on) = cut(name, " ON ").unwrap_or((name, ""));
    let reference = definition.starts_with("FOREIGN KEY");
    let later = (reference && !partitioned) || definition.starts_with("CHECK");
    let add = format!("ALTER {} ADD CONSTRAINT {constraint} {definition}", constrained(on));
    if later { format!("{add} NOT VALID;\n{}", validate_constraint(name)) } else { format!("{add};\n") }
}

fn add_column(name: &str, facts: &Facts<'_>) -> Ddl {
    let (table, column) = column(name);
    if let Some(expression) = facts.generated {
        let data_type = facts.with_collation();
        return Ok(format!(
            "ALTER TABLE {table} ADD COLUMN {column} {data_type} GENERATED ALWAYS AS ({expression}) STORED;\n"
        ));
    }
    if facts.not_null || facts.identity.is_some() {
        return Err("the column may not be empty and what it held is gone: restore it from a backup".into());
    }
    let mut sql = format!("ALTER TABLE {table} ADD COLUMN {column} {};\n", facts.with_collation());
    if let Some(default) = facts.default {
        let _ = writeln!(sql, "ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {default};");
    }
    Ok(sql)
}

fn alter_column(name: &str, want: &Facts<'_>, have: &Facts<'_>) -> Ddl {
    let (table, column) = column(name);
    let mut sql = String::new();
    let same_type = (want.data_type, want.collation, want.identity, want.generated)
        == (have.data_type, have.collation, have.identity, have.generated);
    if !same_type {
        if !have.widens_to(want) {
            return Err(format!(
                "going back to {} rewrites the column's values: write a migration that converts them",
                want.with_collation()
            ));
        }
        let _ = writeln!(sql, "ALTER TABLE {table} ALTER COLUMN {column} TYPE {};", want.with_collation());
    }
    default_and_null(&mut sql, &format!("ALTER TABLE {table} ALTER COLUMN {column}"), want, have);
    Ok(sql)
}

fn alter_domain(name: &str, want: &Facts<'_>, have: &Facts<'_>) -> Ddl {
    if (want.data_type, want.collation) != (have.data_type, have.collation) {
        return Err("a domain's base type cannot be changed: write a migration that moves its columns".into());
    }
    let mut sql = String::new();
    default_and_null(&mut sql, &format!("ALTER DOMAIN {name}"), want, have);
    Ok(sql)
}

fn default_and_null(sql: &mut String, what: &str, want: &Facts<'_>, have: &Facts<'_>) {
    if want.default != have.default {
        let _ = match want.default {
            Some(default) => writeln!(sql, "{what} SET DEFAULT {default};"),
            None => writeln!(sql, "{what} DROP DEFAULT;"),
        };
    }
    if want.not_null != have.not_null {
        let _ = writeln!(sql, "{what} {} NOT NULL;", if want.not_null { "SET" } else { "DROP" });
    }
}

fn alter_table(name: &str, want: &str, have: &str) -> Ddl {
    if !want.is_empty() {
        return Err(format!("the table must be {want}: write a migration that moves its rows"));
    }
    let mut sql = String::new();
    for fact in have.split(", ") {
        match fact {
            "UNLOGGED" => {
                let _ = writeln!(sql, "ALTER TABLE {name} SET LOGGED;");
            }
            fact if fact.starts_with("REPLICA IDENTITY") => {
                let _ = writeln!(sql, "ALTER TABLE {name} REPLICA IDENTITY DEFAULT;");
            }
            fact => return Err(format!("the table is {fact}: write a migration that moves its rows")),
        }
    }
    Ok(sql)
}

fn row_security(table: &str, state: &str) -> String {
    let mut sql = String::new();
    for word in state.split(", ") {
        let _ = writeln!(sql, "ALTER TABLE {table} {word} ROW LEVEL SECURITY;");
    }
    sql
}

/// `REVOKE` or `GRANT` of some rights; `name` is `<object> TO <role>`.
fn give(name: &str, names: &[&str], before: &str, preposition: &str, after: &str) -> String {
    if names.is_empty() {
        return String::new();
    }
    let (object, role) = cut(name, " TO ").unwrap_or((name, "PUBLIC"));
    if object == "DATABASE" {
        // The statement wants the database by name, and the plan must fit every database.
        let text = format!("{before}{} ON DATABASE %I {preposition} {role}{after}", names.join(", "));
        return format!("DO $$ BEGIN EXECUTE format({}, current_database()); END $$;\n", literal(&text));
    }
    match cut(object, " (").filter(|_| object.starts_with("TABLE ") && object.ends_with(')')) {
        Some((table, column)) => {
            let columns: Vec<_> = names.iter().map(|right| format!("{right} ({column}")).collect();
            format!("{before}{} ON {table} {preposition} {role}{after};\n", columns.join(", "))
        }
        None => format!("{before}{} ON {object} {preposition} {role}{after};\n", names.join(", ")),
    }
}

fn grant(name: &str, rights: &[(&str, bool)]) -> String {
    let with = |option: bool| rights.iter().filter(|r| r.1 == option).map(|r| r.0).collect::<Vec<_>>();
    give(name, &with(false), "GRANT ", "TO", "") + &give(name, &with(true), "GRANT ", "TO", " WITH GRANT OPTION")
}

fn revoke(name: &str, rights: &[(&str, bool)]) -> String {
    // Cascades to whom the role itself has granted: nobody is expected there.
    give(name, &rights.iter().map(|r| r.0).collect::<Vec<_>>(), "REVOKE ", "FROM", " CASCADE")
}

fn alter_grant(name: &str, want: &str, have: &str) -> String {
    let (want, have) = (rights(want), rights(have));
    let held = |list: &[(&str, bool)], right: &str| list.iter().find(|r| r.0 == right).map(|r| r.1);
    let extra: Vec<_> = have.iter().filter(|r| held(&want, r.0).is_none()).copied().collect();
    let handed_on: Vec<_> = have.iter().filter(|r| r.1 && held(&want, r.0) == Some(false)).map(|r| r.0).collect();
    let lacking: Vec<_> =
        want.iter().filter(|r| held(&have, r.0).is_none_or(|option| r.1 && !option)).copied().collect();
    revoke(name, &extra)
        + &give(name, &handed_on, "REVOKE GRANT OPTION FOR ", "FROM", " CASCADE")
        + &grant(name, &lacking)
}

/// `name` is `FOR ROLE r[ IN SCHEMA s] ON TABLES TO x`.
fn default_grant(name: &str, rights: &str, verb: &str, preposition: &str) -> Ddl {
    let taken_apart = cut(name, " TO ").and_then(|(head, who)| Some((cut(head, " ON ")?, who)));
    let ((scope, objects), who) = taken_apart.ok_or_else(|| "undo it with ALTER DEFAULT PRIVILEGES".to_owned())?;
    Ok(format!("ALTER DEFAULT PRIVILEGES {scope} {verb} {rights} ON {objects} {preposition} {who};\n"))
}

/// `name` is `role[ IN DATABASE] SET setting`; `{}` in `change` is the setting.
fn setting(name: &str, change: &str) -> Ddl {
    let (role, setting) = cut(name, " SET ").ok_or_else(|| "undo it with ALTER ROLE".to_owned())?;
    let change = change.replace("{}", setting);
    Ok(match role.strip_suffix(" IN DATABASE") {
        None => format!("ALTER ROLE {role} {change};\n"),
        Some(role) => {
            let text = format!("ALTER ROLE {role} IN DATABASE %I {}", change.replace('%', "%%"));
            format!("DO $$ BEGIN EXECUTE format({}, current_database()); END $$;\n", literal(&text))
        }
    })
}

fn options(definition: &str) -> String {
    let pairs = definition.split(", ").map(|o| o.split_once('=').unwrap_or((o, "true")));
    pairs.map(|(name, value)| format!("{name} = {}", literal(value))).collect::<Vec<_>>().join(", ")
}

fn option_names(definition: &str) -> Vec<&str> {
    definition.split(", ").map(|o| o.split_once('=').map_or(o, |(name, _)| name)).collect()
}

fn registry(name: &str) -> (&'static str, &'static [&'static str]) {
    if name.starts_with("COLUMN ") {
        ("kernel.fields", &["table_name", "column_name"])
    } else {
        ("kernel.tables", &["table_name"])
    }
}

fn parse_row(definition: &str) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    serde_json::from_str(definition).map_err(|e| format!("the registration cannot be read: {e}"))
}

fn register(name: &str, definition: &str) -> Ddl {
    let (table, key) = registry(name);
    let columns: Vec<_> = parse_row(definition)?.keys().map(|c| crate::migrate::identifier(c)).collect();
    let set: Vec<_> = columns.iter().map(|c| format!("{c} = excluded.{c}")).collect();
    let columns = columns.join(", ");
    Ok(format!(
        "INSERT INTO {table} ({columns})\n  SELECT {columns} FROM jsonb_populate_record(NULL::{table}, {})\n  \
         ON CONFLICT ({}) DO UPDATE SET {};\n",
        literal(definition),
        key.join(", "),
        set.join(", ")
    ))
}

fn unregister(name: &str, definition: &str) -> Ddl {
    let (table, key) = registry(name);
    let row = parse_row(definition)?;
    let value = |column: &str| row.get(column).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    let same: Vec<_> = key.iter().map(|column| format!("{column} = {}", literal(&value(column)))).collect();
    Ok(format!("DELETE FROM {table} WHERE {};\n", same.join(" AND ")))
}
