//! Makes one row for any table, from the catalogue alone: what is required gets the first value its kind allows,
//! sealed and free text gets the tenant's marker, references get rows planted before.
//!
//! What the catalogue cannot say, a table's own checks, is learnt: a refused row names the columns it was refused for,
//! and the next attempt leaves an optional one out, takes the next value, or fills what was missing.

use salus_core::{Ctx, Env, Error, FieldError, Result};
use salus_store::{
    Catalog, Db,
    catalog::{Column, HEADER, Kind, Table},
    engine::NewRow,
    seal::{self, Format},
    walls::Planted,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// Values by column name where a marker alone is refused; `{}` stands for the marker.
const HINTS: &[(&str, &str)] = &[
    ("email", "{}@example.org"),
    ("bcrypt_hash", "$2b$10$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUVWXYZ01234"),
    ("url", "https://example.org/{}"),
    ("issuer", "https://{}.example.org"),
    ("starts_at", "08:00"),
    ("ends_at", "09:00"),
];
/// What a bundle grants: one that grants nothing there is is refused.
const GRANTED: &str = "medical.patient.read";
/// Attempts at one table before its rules are given up on.
const ATTEMPTS: usize = 80;

/// A scratch tenant, and what was planted in it.
#[derive(Debug)]
pub struct Scratch {
    /// The tenant.
    pub id: Uuid,
    /// A text that is nowhere else: lower-case letters and underscores, so that most forms admit it.
    pub marker: String,
    /// Table → id.
    pub rows: BTreeMap<String, Uuid>,
    /// More ids of this tenant, as of rows made through the door.
    pub more: BTreeSet<Uuid>,
}

impl Scratch {
    /// What must never be seen by another tenant: ids and markers.
    pub fn secrets(&self) -> impl Iterator<Item = String> {
        let ids = self.rows.values().chain(&self.more).chain([&self.id]);
        let ids: BTreeSet<Uuid> = ids.copied().filter(|id| !id.is_nil() && !id.is_max()).collect();
        ids.into_iter().map(|id| id.to_string()).chain([self.marker.clone(), veiled(&self.marker)])
    }

    /// As the SQL proof takes it.
    #[must_use]
    pub fn planted(&self) -> Planted {
        Planted { tenant: self.id, rows: self.rows.clone() }
    }
}

/// The marker as it goes into sealed columns: backwards, so that what is sealed can be told from what stands in clear.
#[must_use]
pub fn veiled(marker: &str) -> String {
    marker.chars().rev().collect()
}

/// What was learnt of each table's checks.
#[derive(Debug)]
pub struct Factory {
    env: Env,
    shapes: BTreeMap<String, Shape>,
}

#[derive(Debug, Default, Clone)]
struct Shape {
    left_out: BTreeSet<String>,
    filled_in: BTreeSet<String>,
    choice: BTreeMap<String, usize>,
}

impl Factory {
    /// Knows no table's checks yet.
    #[must_use]
    pub fn new(env: &Env) -> Self {
        Self { env: env.clone(), shapes: BTreeMap::new() }
    }

    /// Plants one row in every tenant table that has none yet.
    ///
    /// # Errors
    /// [`Error::Internal`] naming the table whose checks need a hint.
    pub async fn plant(&mut self, db: &Db, scratch: &mut Scratch) -> Result<()> {
        for table in in_order(db.catalog()) {
            if let Some(id) = newest(db, scratch.id, table).await? {
                scratch.rows.insert(table.name.clone(), id);
            } else {
                let id = self.plant_one(db, scratch, table).await?;
                scratch.rows.insert(table.name.clone(), id);
            }
        }
        Ok(())
    }

    /// How many sealed columns a planted row has a canary in. A date takes none, and a column whose checks refuse one.
    #[must_use]
    pub fn sealed_columns(&self, catalog: &Catalog, scratch: &Scratch) -> usize {
        let held = |table: &Table| {
            let shape = self.shapes.get(&table.name).cloned().unwrap_or_default();
            let values = shape.values(table, scratch, &scratch.marker, &self.env);
            let veiled = veiled(&scratch.marker);
            let sealed =
                |c: &&Column| c.is_sealed() && values.get(&c.name).is_some_and(|v| v.to_string().contains(&veiled));
            table.columns.iter().filter(sealed).count()
        };
        catalog.tables().filter(|t| scratch.rows.contains_key(&t.name)).map(held).sum()
    }

    async fn plant_one(&mut self, db: &Db, scratch: &Scratch, table: &Table) -> Result<Uuid> {
        let mut shape = self.shapes.get(&table.name).cloned().unwrap_or_default();
        for _ in 0..ATTEMPTS {
            let mut tx = db.begin(Ctx::operator(db.env(), scratch.id), false).await?;
            let id = db.env().id();
            let values = shape.values(table, scratch, &scratch.marker, db.env());
            match tx.insert(&table.name, &[NewRow { id, values: values.clone() }]).await {
                Ok(()) => {
                    tx.commit("kernel.isolation.plant", "kernel.tenants").await?;
                    self.shapes.insert(table.name.clone(), shape);
                    return Ok(id);
                }
                Err(Error::Invalid(errors)) => {
                    tx.undo().await;
                    if !shape.adapt(table, scratch, &values, &errors) {
                        return Err(no_row(table, &Error::Invalid(errors)));
                    }
                }
                Err(e) => return Err(no_row(table, &e)),
            }
        }
        Err(no_row(table, &Error::internal("too many rules")))
    }

    /// A body for this table as a client would send it: what was planted, under another marker, as far as `schema`
    /// takes it. References name the tenant's own rows, never one of the same table, which may be the row itself.
    #[must_use]
    pub fn body(&self, table: &Table, scratch: &Scratch, marker: &str, schema: &Value) -> Map<String, Value> {
        let shape = self.shapes.get(&table.name).cloned().unwrap_or_default();
        let known = shape.values(table, scratch, marker, &self.env);
        let mut body = Map::new();
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if table.references.get(name) == Some(&table.name) {
                continue;
            }
            if let Some(value) = known.get(name).filter(|v| fits(property, v)) {
                body.insert(name.clone(), value.clone());
            } else if required.contains(&name.as_str()) {
                let planted = table.references.get(name).and_then(|target| scratch.rows.get(target));
                let value = planted.map_or_else(|| from_schema(name, property, marker), |id| json!(id));
                body.insert(name.clone(), value);
            }
        }
        body
    }
}

fn no_row(table: &Table, e: &Error) -> Error {
    Error::internal(format!(
        "no specimen of {} can be made ({e}): its rules need a hint in prove::specimen",
        table.name
    ))
}

/// The newest row a tenant has in a table.
async fn newest(db: &Db, tenant: Uuid, table: &Table) -> Result<Option<Uuid>> {
    let mut tx = db.begin(Ctx::operator(db.env(), tenant), true).await?;
    // By name of the tenant, because the wall is what is to be proven.
    let rows = tx.select(&table.name, &["id"], "t.tenant_id = $1 ORDER BY t.id DESC LIMIT 1", &[&tenant]).await?;
    tx.finish_unrecorded().await?;
    Ok(rows.first().and_then(salus_store::Record::id))
}

/// Tenant tables so that those a row refers to come first; the kernel's own and the audit log last, because most of
/// their rows come of themselves.
fn in_order(catalog: &Catalog) -> Vec<&Table> {
    let mut todo: Vec<&Table> = catalog.tables().filter(|t| !t.shared).collect();
    todo.sort_by_key(|t| matches!(t.schema(), "kernel" | "audit"));
    let mut done: Vec<&Table> = Vec::with_capacity(todo.len());
    while !todo.is_empty() {
        let stands = |t: &Table, required_only: bool| {
            t.references.iter().all(|(column, target)| {
                let optional = t.column(column).is_none_or(|c| !c.required);
                *target == t.name
                    || (required_only && optional)
                    || !todo.iter().any(|other| other.name == *target)
                    || done.iter().any(|d| d.name == *target)
            })
        };
        // Two tables that refer to each other: the optional reference gives way.
        let next = todo.iter().position(|t| stands(t, false)).or_else(|| todo.iter().position(|t| stands(t, true)));
        done.push(todo.remove(next.unwrap_or(0)));
    }
    done
}

impl Shape {
    fn values(&self, table: &Table, scratch: &Scratch, marker: &str, env: &Env) -> Map<String, Value> {
        let mut values = Map::new();
        for column in table.columns.iter().filter(|c| !HEADER.contains(&c.name.as_str())) {
            if !self.wants(table, column) {
                continue;
            }
            let all = candidates(table, column, scratch, marker, env);
            let choice = self.choice.get(&column.name).copied().unwrap_or(0);
            if let Some(value) = all.into_iter().nth(choice) {
                values.insert(column.name.clone(), value);
            }
        }
        values
    }

    fn wants(&self, table: &Table, column: &Column) -> bool {
        if (column.kind == Kind::Blind && column.name.ends_with("_bidx")) || column.kind == Kind::Xid {
            return false;
        }
        // What an append-only row refers to could never be removed again.
        let telling = column.is_sealed()
            || (table.references.contains_key(&column.name) && !table.append_only)
            || (column.kind == Kind::Text && column.labels.is_empty());
        (column.required && !column.has_default)
            || self.filled_in.contains(&column.name)
            || (telling && !column.has_default && !self.left_out.contains(&column.name))
    }

    /// Changes the shape so that it may satisfy what refused it; false when there is nothing left to try.
    fn adapt(&mut self, table: &Table, scratch: &Scratch, given: &Map<String, Value>, errors: &[FieldError]) -> bool {
        let mut named: Vec<&Column> =
            errors.iter().filter_map(|e| table.column(e.pointer.trim_start_matches('/'))).collect();
        if named.is_empty() {
            // Too long, or of a wrong form: the database does not say which.
            named = table.columns.iter().filter(|c| c.kind == Kind::Text && given.contains_key(&c.name)).collect();
        }
        let optional = |c: &Column| !c.required || c.has_default;
        let out = named.iter().rev().find(|c| optional(c) && given.contains_key(&c.name));
        if let Some(column) = out {
            self.left_out.insert(column.name.clone());
            self.filled_in.remove(&column.name);
            return true;
        }
        for column in named.iter().rev().filter(|c| given.contains_key(&c.name)) {
            let choices = candidates(table, column, scratch, &scratch.marker, &Env::default()).len();
            let choice = self.choice.entry(column.name.clone()).or_default();
            if *choice + 1 < choices {
                *choice += 1;
                return true;
            }
        }
        match named.iter().find(|c| !given.contains_key(&c.name) && !self.left_out.contains(&c.name)) {
            Some(column) => self.filled_in.insert(column.name.clone()),
            None => false,
        }
    }
}

/// The values to try for a column, best first.
fn candidates(table: &Table, column: &Column, scratch: &Scratch, marker: &str, env: &Env) -> Vec<Value> {
    if let Some(target) = table.references.get(&column.name) {
        return scratch.rows.get(target).map(|id| json!(id)).into_iter().collect();
    }
    let veiled = veiled(marker);
    let marker = if column.is_sealed() { &veiled } else { marker };
    let hint = HINTS.iter().find(|(name, _)| *name == column.name).map(|(_, form)| json!(form.replace("{}", marker)));
    let own = match column.kind {
        Kind::Text if !column.labels.is_empty() => column.labels.iter().map(|l| json!(l)).collect(),
        Kind::Text => vec![json!(marker), json!(digits(marker, 10)), json!(digits(marker, 7)), json!("1")],
        Kind::Sealed(Format::Text) => vec![json!(marker)],
        Kind::Sealed(Format::Json) => vec![json!({"canary": marker}), json!([marker])],
        // A definition of alerts with an invented condition would be one that cannot be read, and complained of.
        Kind::Json if column.name == "condition" => vec![json!({})],
        Kind::Json if column.name == "patterns" => vec![json!([GRANTED])],
        Kind::Json => vec![json!({"canary": marker}), json!([marker]), json!([]), json!({})],
        Kind::Sealed(Format::Date) => vec![json!("1990-01-01")],
        Kind::TextArray => vec![json!([marker])],
        Kind::Bool => vec![json!(false), json!(true)],
        Kind::Int2 | Kind::Int4 | Kind::Int8 => vec![json!(1), json!(100), json!(0), json!(2026)],
        Kind::Float8 => vec![json!(1.0)],
        Kind::Numeric => vec![json!("1")],
        Kind::Date => vec![json!(env.now().date().to_string()), json!("2026-01-01")],
        // What begins stands before what ends in a table, and a fast machine reads its clock twice in a microsecond.
        Kind::Timestamp => {
            let place = table.columns.iter().position(|c| c.name == column.name).unwrap_or_default();
            vec![json!(moment(
                env.now() + Duration::days(1) + Duration::seconds(i64::try_from(place).unwrap_or_default())
            ))]
        }
        Kind::Uuid => vec![json!(env.id())],
        Kind::Blind => vec![json!(hex::encode(&seal::digest(marker.as_bytes())[..16]))],
        Kind::Bytes => {
            let digest = seal::digest(format!("{marker} {}", column.name).as_bytes()).repeat(2);
            [32, 16, 12, 4, 40].map(|n: usize| json!(hex::encode(&digest[..n]))).into()
        }
        Kind::Xid => Vec::new(),
    };
    hint.into_iter().chain(own).collect()
}

fn moment(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// Digits that differ between markers.
fn digits(marker: &str, len: usize) -> String {
    seal::digest(marker.as_bytes()).iter().take(len).map(|b| char::from(b'0' + b % 10)).collect()
}

/// Whether a value is of one of the types a property takes.
fn fits(property: &Value, value: &Value) -> bool {
    let kinds: Vec<&str> = match &property["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => return true,
    };
    kinds.into_iter().any(|kind| match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    })
}

/// A value from a JSON Schema alone, for an action that takes more than its table has.
fn from_schema(name: &str, property: &Value, marker: &str) -> Value {
    if let Some(first) = property["enum"].as_array().and_then(|all| all.first()) {
        return first.clone();
    }
    if let Some((_, form)) = HINTS.iter().find(|(column, _)| *column == name) {
        return json!(form.replace("{}", marker));
    }
    let kind = property["type"].as_str().or_else(|| property["type"][0].as_str()).unwrap_or("string");
    match (kind, property["format"].as_str()) {
        ("string", Some("uuid")) => json!(Uuid::max()),
        ("string", Some("date")) => json!("2026-01-01"),
        ("string", Some("date-time")) => json!("2026-01-01T00:00:00Z"),
        ("string", Some("decimal")) => json!("1"),
        ("integer" | "number", _) => property.get("minimum").cloned().unwrap_or(json!(1)),
        ("boolean", _) => json!(false),
        ("array", _) if name == "patterns" => json!([GRANTED]),
        ("array", _) => {
            let least = property["minItems"].as_u64().unwrap_or(0);
            (0..least).map(|_| from_schema("", &property["items"], marker)).collect()
        }
        ("object", _) => {
            let required = property["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            required.map(|n| (n.to_owned(), from_schema(n, &property["properties"][n], marker))).collect()
        }
        _ => json!(marker),
    }
}
