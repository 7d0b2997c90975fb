//! The register of controlled drugs: a supply for an order, what came and went, and counts by two persons. The database carries
//! every entry over to the supply and refuses one by which there would be less than nothing. A count that differs is told to those
//! who answer for the drugs.

use super::{
    orders,
    visits::{given, id_of},
};
use crate::{
    alerts::{self, Raised},
    clock, row,
};
use salus_core::{ActorKind, Error, Result};
use salus_store::{Call, Catalog, Method, Op, Reply, Resource, Tx, engine::NewRow, jobs::Task, run, sql};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Supplies, read as any table and written by the actions below.
pub const INVENTORY: Resource = Resource {
    table: "school.medication_inventory",
    path: "medication-inventory",
    noun: "school.stock",
    read: "school.med.administer",
    write: None,
    filters: &["school_id", "student_id", "order_id"],
    locked: &[],
    list: &[],
};

/// Counts, likewise.
pub const COUNTS: Resource = Resource {
    table: "school.medication_counts",
    path: "medication-counts",
    noun: "school.stock_count",
    read: "school.med.administer",
    write: None,
    filters: &["inventory_id", "school_id", "student_id", "counted_at"],
    locked: &[],
    list: &[],
};

/// The event of a count that differs, or of a dose that the register did not have.
pub(super) const MISMATCH: &str = "school.stock.mismatch";
/// How long a count waits for the second person.
const WAITS: Duration = Duration::minutes(30);

/// The schema of a body: its fields with their form and meaning.
fn body(required: &[&str], fields: &[(&str, &str, &str)]) -> Value {
    let schema = |form: &str, doc: &str| match form {
        "number" => json!({"type": ["number", "string"], "description": doc}),
        "uuid" => json!({"type": "string", "format": "uuid", "description": doc}),
        _ => json!({"type": "string", "description": doc}),
    };
    let properties: Map<String, Value> =
        fields.iter().map(|(name, form, doc)| ((*name).to_owned(), schema(form, doc))).collect();
    json!({"type": "object", "required": required, "additionalProperties": false, "properties": properties})
}

/// Receiving, wasting, returning, counting.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks a table.
pub fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let (stock, counts) = (catalog.table(INVENTORY.table)?, catalog.table(COUNTS.table)?);
    let quantity = ("quantity", "number", "How much, in the unit of the order");
    let reason = ("reason", "text", "Why, or what else is to be said; sealed");
    let witness = ("witness_id", "uuid", "The second person: a user who works at the school");
    let order = ("order_id", "uuid", "The order of a controlled drug");
    let gone = body(&["quantity", "witness_id", "reason"], &[quantity, witness, reason]);
    let found =
        ("found", "number", "What is there, in the unit of the order; the second person counts without being told");
    let nurse = |how: (Method, &str, &str), (summary, input): (&str, Value), run| {
        INVENTORY.action((stock, "school.med.order"), how, (summary, Some(input)), run)
    };
    let count = |how: (Method, &str, &str), (summary, input): (&str, Value), run| {
        COUNTS.action((counts, "school.med.administer"), how, (summary, Some(input)), run)
    };
    Ok(vec![
        nurse(
            (Method::Post, "", "receive"),
            (
                "Receive a controlled drug for an order; the first time opens its supply",
                body(&["order_id", "quantity"], &[order, quantity, witness, reason]),
            ),
            run(|tx, call| Box::pin(receive(tx, call))),
        ),
        nurse(
            (Method::Post, "/{id}/waste", "waste"),
            ("Waste of a supply, before a witness", gone.clone()),
            run(|tx, call| Box::pin(remove(tx, call, "WASTED"))),
        ),
        nurse(
            (Method::Post, "/{id}/return", "return"),
            ("Return of a supply to the family or for destruction, before a witness", gone),
            run(|tx, call| Box::pin(remove(tx, call, "RETURNED"))),
        ),
        count(
            (Method::Post, "", "count"),
            (
                "Say what a count found; it counts when a second person has found the same",
                body(&["inventory_id", "found"], &[("inventory_id", "uuid", "The supply"), found]),
            ),
            run(|tx, call| Box::pin(begin_count(tx, call))),
        ),
        count(
            (Method::Post, "/{id}/confirm", "confirm"),
            (
                "Say as the second person what a count found; a difference to the register raises an alert",
                body(&["found"], &[found]),
            ),
            run(|tx, call| Box::pin(confirm(tx, call))),
        ),
    ])
}

/// A supply while its register is written: nobody else writes it until the transaction ends.
pub(super) struct Supply {
    pub id: Uuid,
    student: Uuid,
    school: Uuid,
    balance: String,
}

/// What is written into the register.
struct Entry<'a> {
    kind: &'a str,
    /// With its sign.
    change: String,
    at: OffsetDateTime,
    more: Value,
}

async fn lock(tx: &mut Tx, supply: Uuid) -> Result<Supply> {
    let sql = sql!(
        "SELECT i.id, i.student_id, i.school_id, i.balance::text AS balance FROM school.medication_inventory i \
         WHERE i.id = $1 FOR UPDATE"
    );
    let found = tx.query_opt(sql, &[&supply]).await?.ok_or(Error::NotFound)?;
    Ok(Supply {
        id: found.get("id"),
        student: found.get("student_id"),
        school: found.get("school_id"),
        balance: found.get("balance"),
    })
}

async fn enter(tx: &mut Tx, supply: &Supply, entry: Entry<'_>) -> Result<()> {
    let mut values = row(json!({
        "inventory_id": supply.id, "student_id": supply.student, "kind": entry.kind, "change": entry.change,
        "entry_at": clock::text(entry.at)?,
    }));
    values.extend(row(entry.more));
    values.retain(|_, value| !value.is_null());
    let id = tx.ctx.env.id();
    tx.insert("school.medication_inventory_entries", &[NewRow { id, values }]).await
}

/// Refuses to take more from a supply than the register has.
async fn enough(tx: &mut Tx, supply: &Supply, quantity: &str) -> Result<()> {
    let sql = sql!("SELECT $1::text::numeric >= $2::text::numeric");
    if tx.query_opt(sql, &[&supply.balance, &quantity]).await?.is_some_and(|found| found.get(0)) {
        return Ok(());
    }
    let detail = format!("The register has {} of this: count what is there first", supply.balance);
    Err(Error::Conflict { code: "negative_stock", detail })
}

async fn receive(tx: &mut Tx, call: Call) -> Result<Reply> {
    let body = orders::only(&call.body, &["order_id", "quantity", "witness_id", "reason"])?;
    let (order, quantity) = (id_of(&body, "order_id")?, decimal(&body, "quantity", false)?);
    orders::lock(tx, order).await.map_err(|e| match e {
        Error::NotFound => Error::invalid("order_id", "no_such_record", "Must name an order you can see"),
        other => other,
    })?;
    let sql = sql!(
        "SELECT o.student_id, p.school_id, o.controlled_schedule <> '0' AS controlled, i.id AS supply \
         FROM school.student_medication_orders o JOIN school.student_profiles p ON p.patient_id = o.student_id \
         LEFT JOIN school.medication_inventory i ON i.order_id = o.id WHERE o.id = $1"
    );
    let found = tx.query_opt(sql, &[&order]).await?.ok_or(Error::NotFound)?;
    if !found.get::<_, bool>("controlled") {
        return Err(Error::invalid(
            "order_id",
            "not_allowed",
            "Must name an order of a controlled drug: others are not counted",
        ));
    }
    let supply = if let Some(id) = found.get::<_, Option<Uuid>>("supply") {
        id
    } else {
        let id = tx.ctx.env.id();
        let values = row(json!({
            "order_id": order, "student_id": found.get::<_, Uuid>("student_id"), "school_id": found.get::<_, Uuid>("school_id"),
        }));
        tx.insert(INVENTORY.table, &[NewRow { id, values }]).await?;
        id
    };
    let supply = lock(tx, supply).await?;
    if given(&body, "witness_id") {
        witness(tx, &body, supply.school).await?;
    }
    let entry = Entry { kind: "RECEIVED", change: quantity, at: tx.ctx.env.now(), more: said(&body) };
    enter(tx, &supply, entry).await?;
    Ok(Reply::created(tx.get(INVENTORY.table, supply.id, &[]).await?))
}

async fn remove(tx: &mut Tx, call: Call, kind: &'static str) -> Result<Reply> {
    let body = orders::only(&call.body, &["quantity", "witness_id", "reason"])?;
    let quantity = decimal(&body, "quantity", false)?;
    if !given(&body, "reason") {
        return Err(Error::invalid("reason", "required", "Say why it goes, and where"));
    }
    let supply = lock(tx, call.id()?).await?;
    witness(tx, &body, supply.school).await?;
    enough(tx, &supply, &quantity).await?;
    let entry = Entry { kind, change: format!("-{quantity}"), at: tx.ctx.env.now(), more: said(&body) };
    enter(tx, &supply, entry).await?;
    Ok(Reply::row(tx.get(INVENTORY.table, supply.id, &[]).await?))
}

fn said(body: &Map<String, Value>) -> Value {
    let text = |name: &str| body.get(name).filter(|_| given(body, name)).cloned();
    json!({"witness_id": text("witness_id"), "reason": text("reason")})
}

/// A second person, who works at the school.
pub(super) async fn witness(tx: &mut Tx, body: &Map<String, Value>, school: Uuid) -> Result<()> {
    let other = id_of(body, "witness_id")?;
    if other == tx.ctx.actor.id {
        return Err(Error::invalid("witness_id", "not_allowed", "A witness is another person"));
    }
    let sql = sql!(
        "SELECT EXISTS (SELECT FROM school.school_staff t JOIN school.schools s ON s.id = t.school_id \
           WHERE t.school_id = $1 AND t.user_id = $2 \
             AND (t.ended_on IS NULL OR t.ended_on >= ($3::timestamptz AT TIME ZONE s.timezone::text)::date))"
    );
    if tx.query_opt(sql, &[&school, &other, &tx.ctx.env.now()]).await?.is_some_and(|found| found.get(0)) {
        return Ok(());
    }
    Err(Error::invalid("witness_id", "no_such_record", "Must name somebody who works at this school"))
}

/// A quantity as decimal text, that no rounding changes.
fn decimal(body: &Map<String, Value>, name: &str, may_be_nothing: bool) -> Result<String> {
    let text = match body.get(name) {
        None | Some(Value::Null) => return Err(Error::invalid(name, "required", "Say how much")),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(_) => String::new(),
    };
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text.matches('.').count() <= 1;
    if !plain || digits == 0 || digits > 12 {
        return Err(Error::invalid(name, "wrong_type", "Is a decimal number such as 12.5"));
    }
    if !may_be_nothing && text.bytes().all(|b| matches!(b, b'0' | b'.')) {
        return Err(Error::invalid(name, "not_allowed", "Is more than nothing"));
    }
    Ok(text)
}

fn person(tx: &Tx) -> Result<Uuid> {
    if tx.ctx.actor.kind == ActorKind::User {
        return Ok(tx.ctx.actor.id);
    }
    Err(Error::Refused { code: "not_a_person", detail: "Persons who signed in count, no program does".into() })
}

async fn begin_count(tx: &mut Tx, call: Call) -> Result<Reply> {
    let body = orders::only(&call.body, &["inventory_id", "found"])?;
    let (who, found) = (person(tx)?, decimal(&body, "found", true)?);
    let lacks = |e| match e {
        Error::NotFound => Error::invalid("inventory_id", "no_such_record", "Must name a supply you can see"),
        other => other,
    };
    let supply = lock(tx, id_of(&body, "inventory_id")?).await.map_err(lacks)?;
    let values = row(json!({
        "inventory_id": supply.id, "student_id": supply.student, "school_id": supply.school, "expected": supply.balance,
        "found": found, "counted_by": who, "counted_at": clock::text(tx.ctx.env.now())?,
    }));
    let id = tx.ctx.env.id();
    Ok(Reply::created(tx.create(COUNTS.table, NewRow { id, values }).await?))
}

async fn confirm(tx: &mut Tx, call: Call) -> Result<Reply> {
    let (id, now) = (call.id()?, tx.ctx.env.now());
    let body = orders::only(&call.body, &["found"])?;
    let sql = sql!("SELECT inventory_id FROM school.medication_counts WHERE id = $1");
    let supply: Uuid = tx.query_opt(sql, &[&id]).await?.ok_or(Error::NotFound)?.get(0);
    let (who, found) = (person(tx)?, decimal(&body, "found", true)?);
    let supply = lock(tx, supply).await?;
    let sql = sql!(
        "SELECT c.counted_by, c.counted_at, c.confirmed_at IS NOT NULL AS done, c.expected <> $3::text::numeric AS written, \
           c.found = $2::text::numeric AS same, c.found = c.expected AS fits, (c.found - c.expected)::text AS difference \
         FROM school.medication_counts c WHERE c.id = $1"
    );
    let count = tx.query_opt(sql, &[&id, &found, &supply.balance]).await?.ok_or(Error::NotFound)?;
    let conflict = |code: &'static str, detail: &str| Err(Error::Conflict { code, detail: detail.into() });
    if count.get("done") {
        return conflict("state_conflict", "This count was confirmed already");
    }
    if count.get::<_, Uuid>("counted_by") == who {
        let detail = "A count is confirmed by another person than who counted";
        return Err(Error::Refused { code: "two_persons", detail: detail.into() });
    }
    if count.get("written") || now - count.get::<_, OffsetDateTime>("counted_at") > WAITS {
        return conflict("count_lapsed", "The register was written since, or half an hour has passed: count again");
    }
    if !count.get::<_, bool>("same") {
        return conflict("counts_differ", "The two of you found different numbers: count again together");
    }
    let values = row(json!({"confirmed_by": who, "confirmed_at": clock::text(now)?}));
    let done = tx.update(COUNTS.table, id, call.if_match, values).await?;
    let more = json!({"count_id": id, "witness_id": count.get::<_, Uuid>("counted_by")});
    enter(tx, &supply, Entry { kind: "COUNTED", change: count.get("difference"), at: now, more }).await?;
    if !count.get::<_, bool>("fits") {
        tx.emit(MISMATCH, supply.id, json!({}));
    }
    Ok(Reply::row(done))
}

/// A dose of a controlled drug, for its register.
pub(super) struct Dose<'a> {
    pub order: Uuid,
    pub id: Uuid,
    /// GIVEN or WASTED.
    pub kind: &'static str,
    pub amount: &'a str,
    pub at: OffsetDateTime,
    pub witness: Option<&'a Value>,
    /// Nothing may hold it up.
    pub emergency: bool,
}

/// The supply of an order; none for a drug of which nothing was received.
pub(super) async fn supply_of(tx: &mut Tx, order: Uuid) -> Result<Option<Supply>> {
    let sql = sql!("SELECT id FROM school.medication_inventory WHERE order_id = $1");
    match tx.query_opt(sql, &[&order]).await? {
        Some(found) => Ok(Some(lock(tx, found.get(0)).await?)),
        None => Ok(None),
    }
}

/// Refuses a dose that the register does not have.
pub(super) async fn has(tx: &mut Tx, supply: Option<&Supply>, amount: &str) -> Result<()> {
    let Some(supply) = supply else {
        let detail = "Nothing of this controlled drug was received: enter what is there first";
        return Err(Error::Conflict { code: "negative_stock", detail: detail.into() });
    };
    enough(tx, supply, amount).await
}

/// Takes a dose from the supply. In an emergency the register gives what it has, and that there was more is told.
pub(super) async fn take(tx: &mut Tx, supply: Option<&Supply>, dose: Dose<'_>) -> Result<()> {
    let Some(supply) = supply else {
        tx.emit(MISMATCH, dose.order, json!({"no_supply": true}));
        return Ok(());
    };
    let sql = sql!("SELECT least($1::text::numeric, $2::text::numeric)::text, $1::text::numeric < $2::text::numeric");
    let found = tx.query_opt(sql, &[&supply.balance, &dose.amount]).await?.ok_or(Error::NotFound)?;
    let (taken, short): (String, bool) = (found.get(0), found.get(1));
    if short && !dose.emergency {
        return enough(tx, supply, dose.amount).await;
    }
    let more = json!({"administration_id": dose.id, "witness_id": dose.witness});
    enter(tx, supply, Entry { kind: dose.kind, change: format!("-{taken}"), at: dose.at, more }).await?;
    if short {
        tx.emit(MISMATCH, supply.id, json!({}));
    }
    Ok(())
}

/// Puts back into the register what a dose took that was an error.
pub(super) async fn put_back(tx: &mut Tx, dose: Uuid) -> Result<()> {
    let sql = sql!(
        "SELECT e.inventory_id, (-sum(e.change))::text AS change FROM school.medication_inventory_entries e \
         WHERE e.administration_id = $1 GROUP BY e.inventory_id HAVING sum(e.change) <> 0"
    );
    for took in tx.query(sql, &[&dose]).await? {
        let supply = lock(tx, took.get("inventory_id")).await?;
        let entry = Entry {
            kind: "TAKEN_BACK",
            change: took.get("change"),
            at: tx.ctx.env.now(),
            more: json!({"administration_id": dose}),
        };
        enter(tx, &supply, entry).await?;
    }
    Ok(())
}

/// Raises the alert about a supply that differs, which is told to the nurses and the supervisors of its school.
pub(super) async fn tell_mismatch(tx: &mut Tx, task: Arc<Task>) -> Result<()> {
    let Some(about) = task.row else { return Ok(()) };
    let sql = sql!(
        "SELECT coalesce(i.school_id, p.school_id) AS school, o.id AS drug_order \
         FROM school.student_medication_orders o JOIN school.student_profiles p ON p.patient_id = o.student_id \
         LEFT JOIN school.medication_inventory i ON i.order_id = o.id WHERE o.id = $1 OR i.id = $1"
    );
    let Some(found) = tx.query_opt(sql, &[&about]).await? else { return Ok(()) };
    let (school, order): (Uuid, Uuid) = (found.get("school"), found.get("drug_order"));
    let raised = Raised {
        key: &format!("controlled_count:{order}"),
        severity: "HIGH",
        category: "MEDICATION",
        title: "The count of a controlled drug differs from the register",
        school: Some(school),
        subject: &about.to_string(),
    };
    alerts::raise(tx, &raised).await.map(|_| ())
}
