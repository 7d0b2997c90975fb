//! What a student is to get at school: an order is drafted, completed with the prescriber's order and the guardian's consent,
//! activated, suspended and discontinued. While it is in force nobody changes it: what it said is what was given by.

use super::{doses, due, reads, visits::id_of};
use crate::clock;
use salus_core::{Error, Result, identifier};
use salus_rules::medication::{is_stock, names_drug, time_of_day};
use salus_store::{
    Call, Catalog, Method, Op, Record, Reply, Resource, Row, Tx,
    catalog::write_schema,
    engine::{NewRow, writable},
    run, sql,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashMap};
use time::{Date, format_description::well_known::Iso8601};
use uuid::Uuid;

/// Orders, read as any table and written by the actions below.
pub const ORDERS: Resource = Resource {
    table: "school.student_medication_orders",
    path: "school/medication-orders",
    noun: "school.medication_order",
    read: "school.med.administer",
    write: None,
    filters: &["student_id", "status", "kind"],
    locked: &["status", "status_reason", "activated_at", "stopped_at", "supply_expires_on"],
    list: &[],
};

/// What holds for an order once its student is known.
const OF_THE_STUDENT: [&str; 6] =
    ["status", "status_reason", "activated_at", "stopped_at", "supply_expires_on", "student_id"];

/// Creating, changing and moving orders.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks the table.
pub fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let table = catalog.table(ORDERS.table)?;
    let op = |how: (Method, &str, &str), (summary, input): (&str, Value), run| {
        ORDERS.action((table, "school.med.order"), how, (summary, Some(input)), run)
    };
    let mut whole = write_schema(table, ORDERS.locked, true);
    if let Some(required) = whole["required"].as_array_mut() {
        required.retain(|name| name != "valid_to");
    }
    let why = json!({"type": "object", "required": ["reason"], "additionalProperties": false, "properties": {
        "reason": {"type": "string", "description": "Why, as a code or short label without health data"}}});
    let reviewed = json!({"type": "object", "additionalProperties": false, "properties": {
        "allergies_reviewed": {"type": "boolean",
            "description": "A nurse compared the drug with the student's allergies, where the catalogue of drugs cannot"}}});
    Ok(vec![
        op(
            (Method::Post, "", "draft"),
            ("Draft an order; without valid_to it ends with the school year", whole),
            run(|tx, call| Box::pin(create(tx, call))),
        ),
        op(
            (Method::Patch, "/{id}", "change"),
            ("Complete or correct an order that was never in force", write_schema(table, &OF_THE_STUDENT, false)),
            run(|tx, call| Box::pin(change(tx, call))),
        ),
        op(
            (Method::Post, "/{id}/activate", "activate"),
            (
                "Put an order in force: the prescriber's order, the guardian's consent and the allergies are checked",
                reviewed,
            ),
            run(|tx, call| Box::pin(activate(tx, call))),
        ),
        op(
            (Method::Post, "/{id}/suspend", "suspend"),
            ("Suspend an order that is in force", why.clone()),
            run(|tx, call| Box::pin(stop(tx, call, "SUSPENDED"))),
        ),
        op(
            (Method::Post, "/{id}/discontinue", "discontinue"),
            ("End an order for good", why),
            run(|tx, call| Box::pin(stop(tx, call, "DISCONTINUED"))),
        ),
    ])
}

async fn create(tx: &mut Tx, call: Call) -> Result<Reply> {
    let db = tx.db().clone();
    let mut values = writable(&ORDERS, db.catalog().table(ORDERS.table)?, call.body)?;
    let student = id_of(&values, "student_id")?;
    if school_of(tx, student).await?.is_none() {
        return Err(Error::invalid("student_id", "not_enrolled", "Must name a student of a school"));
    }
    if missing(&values, "valid_to") {
        let end = end_of_year(tx, &values).await?;
        values.insert("valid_to".into(), json!(end.to_string()));
    }
    complete(tx, student, &mut values).await?;
    let id = tx.ctx.env.id();
    Ok(Reply::created(tx.create(ORDERS.table, NewRow { id, values }).await?))
}

async fn change(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let db = tx.db().clone();
    let (id, version) = (call.id()?, call.if_match.ok_or(Error::VersionRequired)?);
    let open = Resource { locked: &OF_THE_STUDENT, ..ORDERS };
    let changed = writable(&open, db.catalog().table(ORDERS.table)?, call.body.take())?;
    if changed.is_empty() {
        return Err(Error::invalid("", "empty", "Names no field to change"));
    }
    let before = tx.get(ORDERS.table, id, &CHECKED).await?;
    if !matches!(before.text("status"), "DRAFT" | "PENDING_CONSENT") {
        let detail = "This order was in force: discontinue it and write a new one";
        return Err(Error::Conflict { code: "state_conflict", detail: detail.into() });
    }
    let student: Uuid = before.text("student_id").parse().map_err(Error::internal)?;
    let mut values: Map<String, Value> = CHECKED
        .into_iter()
        .filter(|name| !OF_THE_STUDENT.contains(name))
        .filter_map(|name| Some((name.to_owned(), before.get(name)?.clone())))
        .collect();
    values.extend(changed);
    complete(tx, student, &mut values).await?;
    Ok(Reply::row(tx.update(ORDERS.table, id, Some(version), values).await?))
}

/// What [`complete`] looks at, besides the student and the status.
const CHECKED: [&str; 10] = [
    "student_id",
    "status",
    "kind",
    "times",
    "drug_catalog_id",
    "rxcui",
    "controlled_schedule",
    "prescriber_npi",
    "prescriber_order_id",
    "guardian_consent_id",
];

/// Checks what the table cannot, and fills in what follows.
async fn complete(tx: &mut Tx, student: Uuid, values: &mut Map<String, Value>) -> Result<()> {
    times(values)?;
    if let Some(npi) = values.get("prescriber_npi").and_then(Value::as_str)
        && !identifier::npi(npi)
    {
        return Err(Error::invalid("prescriber_npi", "check_digit", "Is an NPI: 10 digits of which the last checks"));
    }
    if !missing(values, "drug_catalog_id") {
        let sql = sql!("SELECT rxcui::text, dea_schedule::text FROM ref.drug_catalog WHERE id = $1 AND active");
        let drug = tx.query_opt(sql, &[&id_of(values, "drug_catalog_id")?]).await?;
        let drug = drug.ok_or_else(|| {
            Error::invalid("drug_catalog_id", "no_such_record", "Must name a drug of the catalogue that is in use")
        })?;
        let (code, schedule): (String, String) = (drug.get(0), drug.get(1));
        if values.get("rxcui").and_then(Value::as_str).is_some_and(|given| given != code) {
            return Err(Error::invalid("rxcui", "mismatch", format!("The drug of the catalogue is {code}")));
        }
        values.insert("rxcui".into(), json!(code));
        if schedule != "0" {
            values.insert("controlled_schedule".into(), json!(schedule));
        }
    }
    for name in ["prescriber_order_id", "guardian_consent_id"] {
        if !missing(values, name) {
            of_student(tx, id_of(values, name)?, student, name).await?;
        }
    }
    let status = if missing(values, "prescriber_order_id") { "DRAFT" } else { "PENDING_CONSENT" };
    values.insert("status".into(), json!(status));
    Ok(())
}

fn times(values: &Map<String, Value>) -> Result<()> {
    let wrong = |message: &str| Err(Error::invalid("times", "not_allowed", message));
    let times = match values.get("times") {
        None | Some(Value::Null) => &Vec::new(),
        Some(Value::Array(times)) => times,
        Some(_) => return wrong("Is a list of times of day such as [\"12:00\"]"),
    };
    let known: BTreeSet<_> = times.iter().filter_map(Value::as_str).filter_map(time_of_day).collect();
    if known.len() != times.len() {
        return wrong("Each is a time of day such as 12:00, and no two are alike");
    }
    match values.get("kind").and_then(Value::as_str) == Some("SCHEDULED") {
        true if times.is_empty() => wrong("A scheduled order names its times, such as [\"12:00\"]"),
        false if !times.is_empty() => wrong("Only an order of kind SCHEDULED has times"),
        _ => Ok(()),
    }
}

/// A document of this student that counts.
async fn of_student(tx: &mut Tx, document: Uuid, student: Uuid, name: &str) -> Result<()> {
    let sql = sql!(
        "SELECT EXISTS (SELECT FROM records.documents WHERE id = $1 AND patient_id = $2 \
           AND status NOT IN ('VOIDED', 'ENTERED_IN_ERROR', 'QUARANTINED'))"
    );
    if tx.query_opt(sql, &[&document, &student]).await?.is_some_and(|found| found.get(0)) {
        return Ok(());
    }
    Err(Error::invalid(name, "no_such_record", "Must name a document of this student that was not taken back"))
}

async fn end_of_year(tx: &mut Tx, values: &Map<String, Value>) -> Result<Date> {
    let text = values.get("valid_from").and_then(Value::as_str).unwrap_or_default();
    let wrong = |_| Error::invalid("valid_from", "wrong_type", "Is a day such as 2026-03-02");
    let from = Date::parse(text, &Iso8601::DATE).map_err(wrong)?;
    let sql = sql!("SELECT min(ends_on) FROM school.school_years WHERE starts_on <= $1 AND ends_on >= $1");
    let end: Option<Date> = tx.query_opt(sql, &[&from]).await?.and_then(|found| found.get(0));
    end.ok_or_else(|| Error::invalid("valid_to", "required", "Say the last day: no school year holds the first"))
}

/// The school of a student.
pub(super) async fn school_of(tx: &mut Tx, student: Uuid) -> Result<Option<Uuid>> {
    let sql = sql!("SELECT school_id FROM school.student_profiles WHERE patient_id = $1");
    Ok(tx.query_opt(sql, &[&student]).await?.map(|found| found.get(0)))
}

async fn activate(tx: &mut Tx, call: Call) -> Result<Reply> {
    let (id, now) = (call.id()?, tx.ctx.env.now());
    let body = only(&call.body, &["allergies_reviewed"])?;
    let reviewed = match body.get("allergies_reviewed") {
        None => false,
        Some(Value::Bool(reviewed)) => *reviewed,
        Some(_) => return Err(Error::invalid("allergies_reviewed", "wrong_type", "Is true or false")),
    };
    lock(tx, id).await?;
    let sql = sql!(
        "SELECT o.status::text AS status, o.kind::text AS kind, o.medication::text AS medication, o.student_id, \
           o.prescriber_order_id AS ordered, o.guardian_consent_id AS consented, o.self_carry_approved AS carries, \
           o.valid_to < ($2::timestamptz AT TIME ZONE s.timezone::text)::date AS over \
         FROM school.student_medication_orders o JOIN school.student_profiles p ON p.patient_id = o.student_id \
         JOIN school.schools s ON s.id = p.school_id WHERE o.id = $1"
    );
    let order = tx.query_opt(sql, &[&id, &now]).await?.ok_or(Error::NotFound)?;
    let text = |name: &str| order.get::<_, String>(name);
    if !matches!(text("status").as_str(), "DRAFT" | "PENDING_CONSENT" | "SUSPENDED") {
        let detail = "Only an order that is drafted, waits for consent or is suspended can be put in force";
        return Err(Error::Conflict { code: "state_conflict", detail: detail.into() });
    }
    if order.get("over") {
        return Err(Error::invalid("valid_to", "time_order", "This order has ended: write a new one"));
    }
    documents(tx, &order).await?;
    if text("kind") == "SELF_CARRY" && !order.get::<_, bool>("carries") {
        let message = "Carrying it oneself must be approved";
        return Err(Error::invalid("self_carry_approved", "required", message));
    }
    let mut why = Value::Null;
    if !doses::is_emergency(tx, id).await? {
        let known = allergies(tx, id).await?;
        if known.conflict {
            let message = "The student has an allergy to this drug, its class or a group that reacts alike";
            return Err(Error::invalid("drug_catalog_id", "allergy_conflict", message));
        }
        if known.unchecked && !reviewed {
            let message = "The student has allergies that this drug cannot be compared with by code: compare them yourself and say so";
            return Err(Error::invalid("allergies_reviewed", "allergies_unchecked", message));
        }
        if known.unchecked {
            why = json!("ALLERGIES_REVIEWED");
        }
    }
    let values = crate::row(json!({"status": "ACTIVE", "status_reason": why, "activated_at": clock::text(now)?}));
    let row = tx.update(ORDERS.table, id, call.if_match, values).await?;
    due::make_due(tx, Some(id)).await?;
    Ok(Reply::row(row))
}

/// The prescriber's order and the guardian's consent; only epinephrine, albuterol and naloxone from stock need neither.
async fn documents(tx: &mut Tx, order: &Row) -> Result<()> {
    let student: Uuid = order.get("student_id");
    let from_stock =
        order.get::<_, String>("kind") == "STOCK_STANDING_ORDER" && is_stock(&order.get::<_, String>("medication"));
    for (name, column, code, message) in [
        ("prescriber_order_id", "ordered", "prescriber_order_missing", "Needs the prescriber's order"),
        ("guardian_consent_id", "consented", "consent_missing", "Needs the guardian's consent"),
    ] {
        match order.get::<_, Option<Uuid>>(column) {
            Some(document) => of_student(tx, document, student, name).await?,
            None if from_stock => (),
            None => return Err(Error::invalid(name, code, message)),
        }
    }
    Ok(())
}

async fn stop(tx: &mut Tx, call: Call, to: &'static str) -> Result<Reply> {
    let id = call.id()?;
    let body = only(&call.body, &["reason"])?;
    let reason = body.get("reason").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    if reason.is_empty() || reason.chars().count() > 128 {
        return Err(Error::invalid("reason", "required", "Say why in at most 128 characters, without health data"));
    }
    lock(tx, id).await?;
    let before = tx.get(ORDERS.table, id, &["status"]).await?;
    let may = match to {
        "SUSPENDED" => before.text("status") == "ACTIVE",
        _ => !matches!(before.text("status"), "EXPIRED" | "DISCONTINUED"),
    };
    if !may {
        let detail = format!("An order that is {} cannot become {to}", before.text("status"));
        return Err(Error::Conflict { code: "state_conflict", detail });
    }
    let mut values = crate::row(json!({"status": to, "status_reason": reason}));
    if before.text("status") == "ACTIVE" {
        values.insert("stopped_at".into(), json!(clock::text(tx.ctx.env.now())?));
    }
    Ok(Reply::row(tx.update(ORDERS.table, id, call.if_match, values).await?))
}

/// Holds an order until the transaction ends: its doses are recorded one by one.
pub(super) async fn lock(tx: &mut Tx, order: Uuid) -> Result<()> {
    let sql = sql!("SELECT id FROM school.student_medication_orders WHERE id = $1 FOR NO KEY UPDATE");
    tx.query_opt(sql, &[&order]).await?.map(|_| ()).ok_or(Error::NotFound)
}

/// What the allergies of a student say to an order.
#[derive(Default)]
pub(super) struct Allergies {
    /// One of them is to this drug.
    pub conflict: bool,
    /// There is one of which that cannot be told: it is in words that do not name the drug, or the drug is not in the catalogue.
    pub unchecked: bool,
}

/// Compares orders with the allergies that are in force: coded ones with the drug, its ingredients and classes, and with groups of
/// which a high or moderate risk of reacting alike is known; those in words by the names of the drug. Orders about which nothing is
/// to be said are left out.
pub(super) async fn allergies_of(tx: &mut Tx, orders: &[Uuid]) -> Result<HashMap<Uuid, Allergies>> {
    let sql = sql!(
        "WITH a AS ( \
           SELECT student_id, allergen_rxcui::text AS rxcui, class_code::text AS class, cross_group::text AS alike \
             FROM school.student_drug_allergies WHERE active \
           UNION ALL SELECT patient_id, CASE WHEN code_system::text ILIKE '%rxnorm%' THEN code::text END, class_code::text, NULL \
             FROM records.allergies WHERE kind = 'SUBSTANCE' AND status <> 'ENTERED_IN_ERROR' \
               AND coalesce(clinical_status, 'ACTIVE') = 'ACTIVE' AND verification_status IS DISTINCT FROM 'REFUTED') \
         SELECT o.id, o.student_id, d.id IS NOT NULL AS is_known, \
           concat_ws(' ', o.medication, d.name, array_to_string(d.ingredient_names, ' ')) AS names, \
           coalesce(bool_or(coalesce(a.rxcui IN (o.rxcui::text, d.rxcui::text), false) \
             OR coalesce(a.rxcui = ANY (d.ingredient_rxcuis), false) \
             OR coalesce(a.class = ANY (d.class_codes), false) OR coalesce(a.alike = ANY (d.class_codes), false) \
             OR EXISTS (SELECT FROM ref.allergy_cross_reactivity x WHERE x.risk IN ('HIGH', 'MODERATE') \
                  AND ((x.group_a IN (a.class, a.alike) AND x.group_b::text = ANY (d.class_codes)) \
                    OR (x.group_b IN (a.class, a.alike) AND x.group_a::text = ANY (d.class_codes))))), false) AS conflict \
         FROM school.student_medication_orders o JOIN a ON a.student_id = o.student_id \
         LEFT JOIN ref.drug_catalog d ON d.id = o.drug_catalog_id OR (o.drug_catalog_id IS NULL AND d.rxcui = o.rxcui) \
         WHERE o.id = ANY ($1) GROUP BY o.tenant_id, o.id, d.id"
    );
    let found = tx.query(sql, &[&orders]).await?;
    let students: BTreeSet<Uuid> = found.iter().map(|row| row.get("student_id")).collect();
    let chart = reads::allergies(tx, &students.into_iter().collect::<Vec<_>>()).await?;
    let told = |row: &Row| {
        let (student, known) = (row.get::<_, Uuid>("student_id").to_string(), row.get::<_, bool>("is_known"));
        let own = || chart.iter().filter(|allergy| allergy.text("patient_id") == student);
        let names: String = row.get("names");
        let is_named =
            own().any(|allergy| reads::SUBSTANCE.iter().any(|field| names_drug(allergy.text(field), &names)));
        let conflict = row.get::<_, bool>("conflict") || is_named;
        (row.get("id"), Allergies { conflict, unchecked: !known || own().any(|allergy| !is_coded(allergy)) })
    };
    Ok(found.iter().map(told).collect())
}

/// Whether an allergy of the chart is one that the catalogue of drugs can be asked about.
fn is_coded(allergy: &Record) -> bool {
    let is_drug = allergy.text("code_system").to_lowercase().contains("rxnorm") && !allergy.text("code").is_empty();
    is_drug || !allergy.text("class_code").is_empty()
}

/// The same of one order.
pub(super) async fn allergies(tx: &mut Tx, order: Uuid) -> Result<Allergies> {
    Ok(allergies_of(tx, &[order]).await?.remove(&order).unwrap_or_default())
}

/// A body that holds these fields and no others; none at all is empty.
pub(super) fn only(body: &Value, fields: &[&str]) -> Result<Map<String, Value>> {
    let members = match body {
        Value::Object(members) => members.clone(),
        Value::Null => Map::new(),
        _ => return Err(Error::invalid("", "wrong_shape", "Is a JSON object")),
    };
    match members.keys().find(|name| !fields.contains(&name.as_str())) {
        None => Ok(members),
        Some(name) => Err(Error::invalid(name, "unknown_field", format!("Only taken are {}", fields.join(", ")))),
    }
}

fn missing(values: &Map<String, Value>, name: &str) -> bool {
    values.get(name).is_none_or(Value::is_null)
}

/// Orders whose last day is over at the student's school.
///
/// # Errors
/// Those of the database.
pub(super) async fn expire(tx: &mut Tx) -> Result<()> {
    let now = tx.ctx.env.now();
    let sql = sql!(
        "SELECT o.id, o.status = 'ACTIVE' FROM school.student_medication_orders o \
         JOIN school.student_profiles p ON p.patient_id = o.student_id JOIN school.schools s ON s.id = p.school_id \
         WHERE o.status IN ('ACTIVE', 'SUSPENDED') AND o.valid_to < ($1::timestamptz AT TIME ZONE s.timezone::text)::date \
         FOR NO KEY UPDATE OF o"
    );
    for order in tx.query(sql, &[&now]).await? {
        let mut values = crate::row(json!({"status": "EXPIRED"}));
        if order.get(1) {
            values.insert("stopped_at".into(), json!(clock::text(now)?));
        }
        tx.update(ORDERS.table, order.get(0), None, values).await?;
    }
    Ok(())
}
