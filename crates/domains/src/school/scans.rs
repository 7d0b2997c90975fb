//! What a scanner read on the round: the badge of a student, or a package of medicine. A package is that of an order in force of the
//! student whose badge was scanned before, or it is refused: a package of the catalogue that fits none of them is the wrong one.

use super::{aides, orders};
use salus_core::{Error, Result};
use salus_rules::medication::package_codes;
use salus_store::{Call, Method, Op, Reply, Tx, run, sql};
use serde_json::{Value, json};
use uuid::Uuid;

/// Most that a scanner says: a GS1 code with lot, expiry and serial number.
const LONGEST: usize = 128;

/// The operation. A POST that writes nothing: the number of a badge stands in no address.
pub(super) fn action() -> Op {
    Op {
        method: Method::Post,
        path: "/api/v1/medications/scan".into(),
        name: "school.medication_round.scan".into(),
        permission: "school.med.administer",
        summary: "Whose badge this is; or, with the student whose badge was scanned, of which orders of theirs this package is".into(),
        target: orders::ORDERS.table,
        params: Vec::new(),
        input: Some(json!({"type": "object", "required": ["code"], "additionalProperties": false, "properties": {
            "code": {"type": "string", "maxLength": LONGEST,
                "description": "A student number, an NDC as it is printed or scanned (UPC, GTIN, GS1), or the id of an order"},
            "student_id": {"type": ["string", "null"], "format": "uuid", "description": "Whose badge was scanned before"}}})),
        output: json!({"type": "object", "properties": {
            "kind": {"type": "string", "enum": ["STUDENT", "MEDICINE"]}, "student_id": {"type": "string", "format": "uuid"},
            "order_ids": {"type": "array", "items": {"type": "string", "format": "uuid"}}}}),
        run: run(|tx, call| Box::pin(scan(tx, call))),
    }
}

async fn scan(tx: &mut Tx, call: Call) -> Result<Reply> {
    let body = orders::only(&call.body, &["code", "student_id"])?;
    let code = body.get("code").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    if code.is_empty() || code.chars().count() > LONGEST {
        let message = format!("Scan a badge or a package: up to {LONGEST} characters");
        return Err(Error::invalid("code", "required", message));
    }
    let before = match body.get("student_id") {
        None | Some(Value::Null) => None,
        Some(_) => Some(super::visits::id_of(&body, "student_id")?),
    };
    if let Some(student) = badge(tx, &code).await? {
        tx.about(student);
        return Ok(Reply::json(json!({"kind": "STUDENT", "student_id": student, "order_ids": []})));
    }
    let package = package(tx, &code).await?;
    let order: Option<Uuid> = code.parse().ok();
    if package.is_none() && order.is_none() {
        let message = "Neither the badge of a student nor a package that is known: check it by eye";
        return Err(Error::invalid("code", "scan_unknown", message));
    }
    let Some(student) = before else {
        return Err(Error::invalid("code", "badge_first", "Scan the student's badge first, then the package"));
    };
    let among = aides::shown(tx, None).await?;
    let sql = sql!(
        "SELECT o.id FROM school.student_medication_orders o WHERE o.student_id = $1 AND o.status = 'ACTIVE' \
           AND ($4::uuid[] IS NULL OR o.id = ANY($4)) AND (o.id = $2 OR EXISTS (SELECT FROM ref.drug_catalog d \
             WHERE $3 = ANY(d.ndc_codes) AND (d.id = o.drug_catalog_id OR (o.drug_catalog_id IS NULL AND d.rxcui = o.rxcui)))) ORDER BY o.id"
    );
    let found = tx.query(sql, &[&student, &order, &package, &among]).await?;
    let found: Vec<Uuid> = found.iter().map(|row| row.get(0)).collect();
    tx.about(student);
    if found.is_empty() {
        let message = "This package is of none of this student's orders: do not give it";
        return Err(Error::invalid("code", "scan_mismatch", message));
    }
    tx.count(found.len());
    Ok(Reply::json(json!({"kind": "MEDICINE", "student_id": student, "order_ids": found})))
}

/// The student with this number, where the caller may look for one.
async fn badge(tx: &mut Tx, number: &str) -> Result<Option<Uuid>> {
    if !tx.ctx.may("kernel.phi.read") || tx.masks("school.student_profiles", "student_number") {
        return Err(Error::Forbidden("kernel.phi.read".into()));
    }
    let blind = tx.blind("school.student_profiles", "student_number", number)?;
    let sql = sql!("SELECT patient_id FROM school.student_profiles WHERE student_number_bidx = ANY($1::bytea[])");
    Ok(tx.query_opt(sql, &[&blind]).await?.map(|row| row.get(0)))
}

/// The code of the catalogue that a package bears; none when it is known by none, or may be that of several.
async fn package(tx: &mut Tx, code: &str) -> Result<Option<String>> {
    let codes = package_codes(code);
    let sql = sql!(
        "SELECT DISTINCT c FROM ref.drug_catalog d CROSS JOIN LATERAL unnest(d.ndc_codes) c \
         WHERE d.ndc_codes && $1::text[] AND c = ANY($1::text[]) LIMIT 2"
    );
    let known = if codes.is_empty() { Vec::new() } else { tx.query(sql, &[&codes]).await? };
    match known.as_slice() {
        [one] => Ok(Some(one.get(0))),
        _ => Ok(None),
    }
}
