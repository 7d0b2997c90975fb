//! Tries to pass the walls between two tenants by SQL, as the roles the server serves with. It knows no table: it
//! goes through the catalogue, and through every relation with a `tenant_id` that the server may read, registered or
//! not. Each attempt is its own transaction and is rolled back.
//!
//! The two tenants are planted by the caller ([`Planted`]); [`remove`] takes away what the application may take away.
//! Append-only rows of a scratch tenant stay, because nothing the application can do removes one.

mod attempt;
mod scratch;

pub(crate) use scratch::{SCRATCH_NAMES, empty};
pub use scratch::{Site, remove};

use crate::{Catalog, Db, catalog::Table, lint};
use attempt::{Attempts, Told};
use salus_core::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A scratch tenant and one row of it in each table.
#[derive(Debug, Clone)]
pub struct Planted {
    /// The tenant.
    pub tenant: Uuid,
    /// Table → id of its row.
    pub rows: BTreeMap<String, Uuid>,
}

/// One promise, how often it was put to the test, and where it did not hold.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// The promise.
    pub name: &'static str,
    /// Attempts to break it.
    pub tried: usize,
    /// Attempts that succeeded, each naming the table or operation.
    pub leaks: Vec<String>,
    /// Attempts that another rule stopped first, so that this one was not reached.
    pub unproven: Vec<String>,
}

impl Check {
    /// A promise not yet tested.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, tried: 0, leaks: Vec::new(), unproven: Vec::new() }
    }

    /// Counts an attempt.
    pub fn attempt(&mut self, leak: Option<String>) {
        self.tried += 1;
        self.leaks.extend(leak);
    }
}

/// `insufficient_privilege`: what a policy and a missing grant answer.
const REFUSED: &str = "42501";
/// `foreign_key_violation`.
const NO_PARENT: &str = "23503";
/// SQL of each relation the role may read that holds tenants' rows. By number, because the planner may ask about the
/// column before it has looked at the kind, and asking by a name that is not there is an error.
const RELATIONS: &str = "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c \
    JOIN pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
      AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT') ORDER BY 1";

/// Tries every wall: as `mine`, to reach the rows of `theirs`.
///
/// # Errors
/// Those of the connection; what the database refuses is a finding, not an error.
pub async fn try_all(db: &Db, mine: &Planted, theirs: &Planted) -> Result<Vec<Check>> {
    let mut attempts = Attempts::new(db.connect_apart().await?);
    let tables: Vec<&Table> = db.catalog().tables().filter(|t| !t.shared).collect();
    let walls = Walls { catalog: db.catalog(), tables, mine, theirs };
    let mut checks = vec![walls.rules(&attempts).await?];
    attempts.act_for(Some(mine.tenant), "tenant", None).await?;
    checks.push(walls.unseen(&mut attempts).await?);
    checks.push(walls.untouched(&mut attempts).await?);
    checks.push(walls.not_added(&mut attempts).await?);
    checks.push(walls.not_referred_to(&mut attempts).await?);
    attempts.act_for(Some(mine.tenant), "tenant", Some("salus_reader")).await?;
    checks.push(walls.reader_changes_nothing(&mut attempts).await?);
    checks.extend(walls.nobody(&mut attempts).await?);
    Ok(checks)
}

struct Walls<'a> {
    catalog: &'a Catalog,
    tables: Vec<&'a Table>,
    mine: &'a Planted,
    theirs: &'a Planted,
}

impl Walls<'_> {
    async fn rules(&self, attempts: &Attempts) -> Result<Check> {
        let mut check = Check::new("the schema keeps every rule of tenancy (T01 to T16)");
        let findings = lint::check(attempts.client()).await?;
        check.tried = self.tables.len();
        check.leaks = findings.iter().filter(|f| f.is_fatal()).map(ToString::to_string).collect();
        Ok(check)
    }

    /// Rows of the other tenant, by tenant and by id, in every relation the role may read.
    async fn unseen(&self, attempts: &mut Attempts) -> Result<Check> {
        let mut check = Check::new("another tenant's rows are not seen");
        for relation in attempts.texts(RELATIONS).await? {
            let sql = format!("SELECT count(*) FROM {relation} WHERE tenant_id = '{}'", self.theirs.tenant);
            let told = attempts.run(&sql).await?;
            let leak = match told {
                Told::Rows(0) => None,
                Told::Rows(n) => Some(format!("{relation}: {n} rows of another tenant are visible")),
                Told::Refused(code) => Some(format!("{relation}: reading is answered with {code}, not with no rows")),
            };
            check.attempt(leak);
        }
        for table in &self.tables {
            let (own, foreign) = self.ids(table);
            let told = attempts.run(&format!("SELECT count(*) FROM {} WHERE id = '{foreign}'", table.name)).await?;
            check.attempt(told.unless(&Told::Rows(0), &table.name, "another tenant's row is found by id"));
            // A proof that sees nothing at all proves nothing.
            let told =
                attempts.run(&format!("SELECT count(DISTINCT id) FROM {} WHERE id = '{own}'", table.name)).await?;
            check.attempt(told.unless(
                &Told::Rows(1),
                &table.name,
                "one's own row is not seen: the proof is blind here",
            ));
        }
        Ok(check)
    }

    /// Updates and deletions of the other tenant's rows touch none.
    async fn untouched(&self, attempts: &mut Attempts) -> Result<Check> {
        let mut check = Check::new("another tenant's rows are not changed or removed");
        let may = |verb: &str| {
            format!(
                "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n \
            ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, '{verb}')"
            )
        };
        let (changes, removes) = (attempts.texts(&may("UPDATE")).await?, attempts.texts(&may("DELETE")).await?);
        for table in &self.tables {
            let (_, foreign) = self.ids(table);
            let theirs = format!("tenant_id = '{}'", self.theirs.tenant);
            for (what, sql) in [
                ("changed by id", format!("UPDATE {} SET id = id WHERE id = '{foreign}'", table.name)),
                ("changed by tenant", format!("UPDATE {} SET id = id WHERE {theirs}", table.name)),
                ("removed by id", format!("DELETE FROM {} WHERE id = '{foreign}'", table.name)),
                ("removed by tenant", format!("DELETE FROM {} WHERE {theirs}", table.name)),
            ] {
                let told = attempts.run(&sql).await?;
                // Who has no right to the whole table is refused whatever the row.
                let right = if sql.starts_with("UPDATE") { &changes } else { &removes };
                let by_right = table.append_only || !right.contains(&table.name);
                let safe = told == Told::Rows(0) || (by_right && told.is_refused(REFUSED));
                check.attempt((!safe).then(|| format!("{}: another tenant's row is {what}: {told}", table.name)));
            }
        }
        Ok(check)
    }

    /// A copy of one's own row under the other tenant's name, and one's own row moved there.
    async fn not_added(&self, attempts: &mut Attempts) -> Result<Check> {
        let mut check = Check::new("nothing is added or moved to another tenant");
        for table in &self.tables {
            let (own, _) = self.ids(table);
            let tenant = format!("'{}'::uuid", self.theirs.tenant);
            let told = attempts.run(&copy_sql(table, own, &[("tenant_id", &tenant)])).await?;
            check.attempt(told.unless_refused(REFUSED, &table.name, "a row for another tenant is accepted"));
            let sql = format!("UPDATE {} SET tenant_id = {tenant} WHERE id = '{own}'", table.name);
            let told = attempts.run(&sql).await?;
            check.attempt(told.unless_refused(REFUSED, &table.name, "a row moves to another tenant"));
        }
        Ok(check)
    }

    /// One's own row pointed at the other tenant's parent, for every reference there is.
    async fn not_referred_to(&self, attempts: &mut Attempts) -> Result<Check> {
        let mut check = Check::new("no reference reaches another tenant's row");
        for table in &self.tables {
            let (own, _) = self.ids(table);
            for (column, target) in &table.references {
                let Some((mine, theirs)) = self.both(target) else { continue };
                let point = |parent: Uuid| {
                    if table.append_only {
                        copy_sql(table, own, &[(column, &format!("'{parent}'::uuid"))])
                    } else {
                        format!("UPDATE {} SET {column} = '{parent}' WHERE id = '{own}'", table.name)
                    }
                };
                let told = attempts.run(&point(theirs)).await?;
                let what = format!("{column} may name another tenant's row of {target}");
                let leak = told.unless_refused(NO_PARENT, &table.name, &what);
                // When one's own parent is refused as well, some other rule of the table answered.
                let control = if leak.is_some() { attempts.run(&point(mine)).await? } else { Told::Rows(1) };
                if matches!((&told, &control), (Told::Refused(a), Told::Refused(b)) if a == b) {
                    check.tried += 1;
                    check.unproven.push(format!("{}.{column}: refused by another rule first ({told})", table.name));
                } else {
                    check.attempt(leak);
                }
            }
        }
        Ok(check)
    }

    async fn reader_changes_nothing(&self, attempts: &mut Attempts) -> Result<Check> {
        let mut check = Check::new("a request that only reads can change nothing but the audit log");
        for table in self.catalog.tables() {
            let name = &table.name;
            let column = table.columns.first().map_or("id", |c| c.name.as_str());
            let logs = table.schema() == "audit" && table.append_only;
            for (what, sql) in [
                ("change", format!("UPDATE {name} SET {column} = {column} WHERE false")),
                ("remove from", format!("DELETE FROM {name} WHERE false")),
                ("add to", format!("INSERT INTO {name} SELECT * FROM {name} WHERE false")),
            ] {
                if logs && what == "add to" {
                    continue;
                }
                let told = attempts.run(&sql).await?;
                check.attempt(told.unless_refused(REFUSED, name, &format!("salus_reader may {what} it")));
            }
        }
        Ok(check)
    }

    /// No tenant, no scope, and a stranger among patients: nothing to see, and no error that tells more.
    async fn nobody(&self, attempts: &mut Attempts) -> Result<Vec<Check>> {
        let mut checks = Vec::new();
        for (name, tenant, scope, persons_only) in [
            ("without a tenant every table is empty", None, "tenant", false),
            ("without a scope every table is empty", Some(self.mine.tenant), "", false),
            ("who is linked to no person sees no person", Some(self.mine.tenant), "own", true),
        ] {
            let mut check = Check::new(name);
            for role in [None, Some("salus_reader")] {
                attempts.act_for(tenant, scope, role).await?;
                for table in self.tables.iter().filter(|t| !persons_only || t.subject.is_some()) {
                    let told = attempts.run(&format!("SELECT count(*) FROM {}", table.name)).await?;
                    check.attempt(told.unless(&Told::Rows(0), &table.name, name));
                }
            }
            checks.push(check);
        }
        Ok(checks)
    }

    fn ids(&self, table: &Table) -> (Uuid, Uuid) {
        self.both(&table.name).unwrap_or_default()
    }

    fn both(&self, table: &str) -> Option<(Uuid, Uuid)> {
        Some((*self.mine.rows.get(table)?, *self.theirs.rows.get(table)?))
    }
}

/// A copy of a row under a new id, with some columns replaced.
fn copy_sql(table: &Table, row: Uuid, with: &[(&str, &str)]) -> String {
    let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    let values: Vec<&str> = names
        .iter()
        .map(|n| with.iter().find(|(w, _)| w == n).map_or(if *n == "id" { "gen_random_uuid()" } else { n }, |(_, v)| v))
        .collect();
    format!(
        "INSERT INTO {0} ({1}) SELECT {2} FROM {0} WHERE id = '{row}'",
        table.name,
        names.join(", "),
        values.join(", ")
    )
}
