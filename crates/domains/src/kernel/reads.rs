//! The state of encryption in one answer: keys and when they are due, what lies under which, exchanges under way, and when a
//! recovery identity was last tried.

use crate::clock;
use salus_core::{Error, Result};
use salus_store::{Call, ESCROW, Method, Op, Param, Reply, Tx, rotate::RotationRules, run, sql};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

/// Days after which a recovery identity should be tried again.
const ESCROW_DAYS: i64 = 90;
/// How many are told when nobody says how many, and at most.
const USUAL: i64 = 50;
/// See [`USUAL`].
const MOST: i64 = 200;

/// The reads of this domain.
#[must_use]
pub fn reads() -> Vec<Op> {
    vec![Op {
        method: Method::Get,
        path: "/api/v1/kernel/encryption-status".into(),
        name: "kernel.key.overview".into(),
        permission: "kernel.key.read",
        summary:
            "Keys, their age, what lies under them, exchanges under way, and the last check of the recovery identity"
                .into(),
        target: "kernel.keys",
        params: vec![limit_param()],
        input: None,
        output: schema(),
        run: run(|tx, call| Box::pin(overview(tx, call))),
    }]
}

/// How many of the latest are told.
pub(crate) fn limit_param() -> Param {
    Param {
        name: "limit".into(),
        doc: "How many, the latest of them".into(),
        schema: json!({"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}),
    }
}

/// What was asked for.
///
/// # Errors
/// [`Error::Invalid`] on `limit`.
pub(crate) fn limit(call: &Call) -> Result<i64> {
    match call.query_value("limit").map(str::parse) {
        None => Ok(USUAL),
        Some(Ok(n)) if (1..=MOST).contains(&n) => Ok(n),
        Some(_) => Err(Error::invalid("limit", "not_allowed", format!("Is a number from 1 to {MOST}"))),
    }
}

async fn overview(tx: &mut Tx, call: Call) -> Result<Reply> {
    let limit = limit(&call)?;
    let rules = match setting(tx, RotationRules::NAME).await? {
        None => RotationRules::default(),
        Some(value) => RotationRules::read(value)?,
    };
    let keys = keys(tx, rules).await?;
    let fields = fields(tx).await?;
    let rotations = rotations(tx, limit).await?;
    let escrow = setting(tx, ESCROW).await?.and_then(|v| v["verified_at"].as_str().map(str::to_owned));
    let now = tx.ctx.env.now();
    let tried = escrow.as_deref().and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok());
    tx.count(keys.len());
    Ok(Reply::json(json!({
        "keys": keys, "fields": fields, "rotations": rotations, "rules": rules, "escrow_verified_at": escrow,
        "escrow_due": tried.is_none_or(|at| now - at >= Duration::days(ESCROW_DAYS)),
    })))
}

pub(super) async fn setting(tx: &mut Tx, name: &str) -> Result<Option<Value>> {
    let row = tx.query_opt(sql!("SELECT value FROM kernel.settings WHERE name = $1::text"), &[&name]).await?;
    Ok(row.map(|r| r.get("value")))
}

fn text(at: Option<OffsetDateTime>) -> Result<Option<String>> {
    at.map(clock::text).transpose()
}

async fn keys(tx: &mut Tx, rules: RotationRules) -> Result<Vec<Value>> {
    let rows = tx
        .query(
            sql!(
                "SELECT k.id, k.kind::text, k.key_class::text, k.generation, k.state::text, k.activated_at, k.retired_at, k.seal_count, \
                   (SELECT coalesce(sum(f.value_count), 0)::int8 FROM kernel.encrypted_field_metadata f WHERE f.key_no = k.key_no) AS held \
                 FROM kernel.keys k ORDER BY k.kind DESC, k.key_class, k.generation DESC"
            ),
            &[],
        )
        .await?;
    let now = tx.ctx.env.now();
    rows.iter()
        .map(|r| {
            let (kind, state): (&str, &str) = (r.get("kind"), r.get("state"));
            let (since, seals): (Option<OffsetDateTime>, i64) = (r.get("activated_at"), r.get("seal_count"));
            let age = since.map(|at| (now - at).whole_days());
            let due = if state == "active" { rules.advice(kind, seals, age) } else { None };
            Ok(json!({
                "kind": kind, "key_class": r.get::<_, Option<&str>>("key_class"), "generation": r.get::<_, i32>("generation"),
                "state": state, "activated_at": text(since)?, "retired_at": text(r.get("retired_at"))?, "age_days": age,
                "due_after_days": if kind == "class" { rules.class_days } else { rules.other_days },
                "seals": seals, "values": r.get::<_, i64>("held"), "due": due,
            }))
        })
        .collect()
}

pub(super) async fn fields(tx: &mut Tx) -> Result<Vec<Value>> {
    let rows = tx
        .query(
            sql!(
                "SELECT f.table_name, f.column_name, f.key_class::text, sum(f.value_count)::int8 AS total, \
                   coalesce(sum(f.value_count) FILTER (WHERE k.state = 'active'), 0)::int8 AS current, max(f.counted_at) AS counted_at \
                 FROM kernel.encrypted_field_metadata f LEFT JOIN kernel.keys k ON k.key_no = f.key_no \
                 GROUP BY f.table_name, f.column_name, f.key_class ORDER BY f.table_name, f.column_name"
            ),
            &[],
        )
        .await?;
    rows.iter()
        .map(|r| {
            Ok(json!({
                "table": r.get::<_, &str>("table_name"), "column": r.get::<_, &str>("column_name"),
                "key_class": r.get::<_, &str>("key_class"), "values": r.get::<_, i64>("total"),
                "under_key_in_use": r.get::<_, i64>("current"), "counted_at": text(r.get("counted_at"))?,
            }))
        })
        .collect()
}

async fn rotations(tx: &mut Tx, limit: i64) -> Result<Vec<Value>> {
    let rows = tx
        .query(
            sql!(
                "SELECT kind::text, key_class::text, reason::text, state::text, rows_total, rows_done, rows_failed, rows_kept, \
                   clean_passes, created_at, finished_at \
                 FROM kernel.key_rotation_history ORDER BY finished_at IS NULL DESC, created_at DESC, id DESC LIMIT $1"
            ),
            &[&limit],
        )
        .await?;
    rows.iter()
        .map(|r| {
            Ok(json!({
                "kind": r.get::<_, &str>("kind"), "key_class": r.get::<_, Option<&str>>("key_class"),
                "reason": r.get::<_, &str>("reason"), "state": r.get::<_, &str>("state"),
                "rows_total": r.get::<_, i64>("rows_total"), "rows_done": r.get::<_, i64>("rows_done"),
                "rows_failed": r.get::<_, i64>("rows_failed"), "rows_kept": r.get::<_, i64>("rows_kept"),
                "clean_passes": r.get::<_, i32>("clean_passes"),
                "started_at": text(Some(r.get("created_at")))?, "finished_at": text(r.get("finished_at"))?,
            }))
        })
        .collect()
}

fn schema() -> Value {
    let list = |doc: &str| json!({"type": "array", "items": {"type": "object"}, "description": doc});
    json!({"type": "object", "properties": {
        "keys": list("Every key: kind, class, generation, state, age in days, seals reserved, values under it, why it is due"),
        "fields": list("Every sealed column: values, and those under the key in use, as of the last count"),
        "rotations": list("Exchanges of keys, those under way first"),
        "rules": {"type": "object", "description": "Days after which keys are due, and whether the server exchanges them"},
        "escrow_verified_at": {"type": ["string", "null"], "description": "When a kept recovery identity last opened the root key"},
        "escrow_due": {"type": "boolean", "description": "Whether it should be tried again"},
    }})
}
