//! The register of controlled drugs as it is read: the supplies of a school with their last counts, and one supply with all that
//! changed it. The number of statements does not depend on how much there is.

use super::reads::{self, briefs};
use crate::{auth, clock};
use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Record, Reply, Row, Tx, run, sql};
use serde_json::{Value, json};
use std::collections::HashMap;
use time::OffsetDateTime;
use uuid::Uuid;

/// Most entries of one supply in an answer; the list of entries has them all.
const MOST: i64 = 200;

/// The reads.
#[must_use]
pub fn reads() -> Vec<Op> {
    let op = |path: &str, verb: &str, summary: &str| Op {
        method: Method::Get,
        path: format!("/api/v1/{path}"),
        name: format!("school.stock.{verb}"),
        permission: "school.med.administer",
        summary: summary.to_owned(),
        target: "school.medication_inventory",
        params: Vec::new(),
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(one(tx, call))),
    };
    vec![
        Op {
            params: vec![reads::of_school("school")],
            run: run(|tx, call| Box::pin(of_school(tx, call))),
            ..op(
                "medications/register",
                "of_school",
                "Controlled drugs of a school: what should be there, when it was counted, and what waits for a second person",
            )
        },
        op(
            "medication-inventory/{id}/register",
            "register",
            "One supply of a controlled drug with what changed it, latest first",
        ),
    ]
}

async fn of_school(tx: &mut Tx, call: Call) -> Result<Reply> {
    let (school, all) = reads::chosen(tx, &call, "school").await?;
    let Some(school) = school else {
        return Ok(Reply::json(json!({"school": null, "schools": all, "supplies": []})));
    };
    // Orders in force of which nothing was received yet are shown too: their drug is not counted anywhere.
    let sql = sql!(
        "SELECT i.id, o.id AS order_id, o.student_id, o.medication::text AS medication, o.dose_unit::text AS unit, \
           o.status::text AS order_status, coalesce(i.balance, 0)::text AS balance, c.counted_at, \
           coalesce(w.waits, 0) AS waits \
         FROM school.student_medication_orders o JOIN school.student_profiles p ON p.patient_id = o.student_id \
         LEFT JOIN school.medication_inventory i ON i.order_id = o.id \
         LEFT JOIN LATERAL (SELECT max(k.confirmed_at) AS counted_at FROM school.medication_counts k \
           WHERE k.inventory_id = i.id) c ON true \
         LEFT JOIN LATERAL (SELECT count(*) AS waits FROM school.medication_counts k \
           WHERE k.inventory_id = i.id AND k.confirmed_at IS NULL AND k.expected = i.balance \
             AND k.counted_at > $2::timestamptz - interval '30 minutes') w ON true \
         WHERE coalesce(i.school_id, p.school_id) = $1 AND o.controlled_schedule <> '0' \
           AND (i.balance > 0 OR o.status = 'ACTIVE') ORDER BY o.medication, o.id"
    );
    let found = tx.query(sql, &[&school, &tx.ctx.env.now()]).await?;
    let students: Vec<Uuid> = found.iter().map(|row| row.get("student_id")).collect();
    let people = briefs(tx, &students).await?;
    let supply = |row: &Row| -> Result<Value> {
        let counted: Option<OffsetDateTime> = row.get("counted_at");
        Ok(json!({
            "id": row.get::<_, Option<Uuid>>("id"), "order_id": row.get::<_, Uuid>("order_id"),
            "medication": row.get::<_, String>("medication"), "unit": row.get::<_, String>("unit"),
            "order_status": row.get::<_, String>("order_status"), "balance": row.get::<_, String>("balance"),
            "counted_at": counted.map(clock::text).transpose()?, "waits": row.get::<_, i64>("waits"),
            "student": people.get(&row.get::<_, Uuid>("student_id").to_string()),
        }))
    };
    let shown: Vec<Value> = found.iter().map(supply).collect::<Result<_>>()?;
    Ok(Reply::json(json!({"school": school, "schools": all, "supplies": shown})))
}

async fn one(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    let sql = sql!(
        "SELECT i.student_id, i.school_id, i.order_id, i.balance::text AS balance, o.medication::text AS medication, \
           o.dose_unit::text AS unit FROM school.medication_inventory i \
         JOIN school.student_medication_orders o ON o.id = i.order_id WHERE i.id = $1"
    );
    let supply = tx.query_opt(sql, &[&id]).await?.ok_or(Error::NotFound)?;
    let student: Uuid = supply.get("student_id");
    let people = briefs(tx, &[student]).await?;
    let entries = tx
        .select(
            "school.medication_inventory_entries",
            &["kind", "change", "balance_after", "entry_at", "created_by", "witness_id", "reason", "administration_id"],
            "t.inventory_id = $1 ORDER BY t.created_at DESC, t.id DESC LIMIT $2",
            &[&id, &MOST],
        )
        .await?;
    let sql = sql!(
        "SELECT c.id, c.counted_by, c.counted_at FROM school.medication_counts c \
         JOIN school.medication_inventory i ON i.id = c.inventory_id \
         WHERE c.inventory_id = $1 AND c.confirmed_at IS NULL AND c.expected = i.balance \
           AND c.counted_at > $2::timestamptz - interval '30 minutes' ORDER BY c.counted_at DESC"
    );
    let waiting = tx.query(sql, &[&id, &tx.ctx.env.now()]).await?;
    let sql = sql!(
        "SELECT DISTINCT t.user_id FROM school.school_staff t JOIN school.schools s ON s.id = t.school_id \
         WHERE t.school_id = $1 AND (t.ended_on IS NULL OR t.ended_on >= ($2::timestamptz AT TIME ZONE s.timezone::text)::date)"
    );
    let staff = tx.query(sql, &[&supply.get::<_, Uuid>("school_id"), &tx.ctx.env.now()]).await?;
    let staff: Vec<Uuid> = staff.iter().map(|row| row.get(0)).collect();
    let persons = |row: &Record| ["created_by", "witness_id"].map(|name| row.text(name).parse::<Uuid>().ok());
    let users = entries.iter().flat_map(persons).flatten().chain(staff.iter().copied());
    let users = users.chain(waiting.iter().map(|row| row.get("counted_by")));
    let names = auth::display_names(tx, users.collect::<Vec<_>>().into_iter()).await?;
    let waiting: Vec<Value> = waiting.iter().map(|row| count(row, &names)).collect::<Result<_>>()?;
    let others = staff.iter().filter(|user| **user != tx.ctx.actor.id);
    let staff: Vec<Value> = others.map(|user| json!({"id": user, "name": names.get(user)})).collect();
    let entries: Vec<Value> = entries.iter().map(|row| entry(row, &names)).collect();
    Ok(Reply::json(json!({
        "id": id, "student": people.get(&student.to_string()), "order_id": supply.get::<_, Uuid>("order_id"),
        "medication": supply.get::<_, String>("medication"), "unit": supply.get::<_, String>("unit"),
        "balance": supply.get::<_, String>("balance"), "school": supply.get::<_, Uuid>("school_id"),
        "entries": entries, "waiting": waiting, "staff": staff,
    })))
}

fn count(row: &Row, names: &HashMap<Uuid, String>) -> Result<Value> {
    let by: Uuid = row.get("counted_by");
    let at = clock::text(row.get("counted_at"))?;
    Ok(json!({"id": row.get::<_, Uuid>("id"), "by": by, "name": names.get(&by), "at": at}))
}

fn entry(row: &Record, names: &HashMap<Uuid, String>) -> Value {
    let name = |column: &str| row.text(column).parse().ok().and_then(|id: Uuid| names.get(&id).cloned());
    let mut shown = json!(row);
    shown["by"] = json!(name("created_by"));
    shown["witness"] = json!(name("witness_id"));
    shown
}
