//! Keys by the paths and words of system 004: its seven endpoints over the registry of keys. No key is ever in a reply.
//!
//! To exchange the tenant key, to distrust a key and to destroy one takes two persons: the first call asks, and the same call by
//! another person does it.

use super::{limit, limit_param};
use crate::clock;
use salus_core::{Error, Result};
use salus_store::{
    Call, Method, Op, Param, Reply, Run, Tx,
    approve::{Step, Wanted},
    rotate::Rotated,
    run,
    seal::KeyClass,
    sql,
};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

const BASE: &str = "/api/v1/security/encryption-keys";
const TYPES: [&str; 3] = ["FIELD_DEK", "BLIND_INDEX", "TENANT_DEK"];
const STATUSES: [&str; 6] = ["PENDING", "ACTIVE", "ROTATING", "RETIRED", "COMPROMISED", "DESTROYED"];
/// What can be asked for.
const ASKED: [&str; 3] = ["COMPROMISED", "RETIRED", "DESTROYED"];
/// Exchanges of one key that are told, the newest.
const HISTORY: i64 = 50;

/// The operations.
#[must_use]
pub fn actions() -> Vec<Op> {
    let mut all = reads();
    all.extend(changes());
    all
}

fn op(method: Method, tail: &str, verb: &str, summary: &str, run: Run) -> Op {
    Op {
        method,
        path: format!("{BASE}{tail}"),
        name: format!("kernel.encryption_key.{verb}"),
        permission: if method == Method::Get { "kernel.key.read" } else { "kernel.key.rotate" },
        summary: summary.to_owned(),
        target: "kernel.keys",
        params: Vec::new(),
        input: None,
        output: key_schema(),
        run,
    }
}

fn reads() -> Vec<Op> {
    let list = |item: Value| json!({"type": "object", "properties": {"data": {"type": "array", "items": item}}});
    let status = Param {
        name: "status".into(),
        doc: "Only keys in this status".into(),
        schema: json!({"type": "string", "enum": STATUSES}),
    };
    vec![
        Op {
            params: vec![status, limit_param()],
            output: list(key_schema()),
            ..op(
                Method::Get,
                "",
                "list",
                "Keys of the organization, without the keys",
                run(|tx, call| Box::pin(all(tx, call))),
            )
        },
        op(
            Method::Get,
            "/{id}",
            "get",
            "One key: its use, what lies under it, its exchanges",
            run(|tx, call| Box::pin(one(tx, call))),
        ),
        Op {
            target: "kernel.key_rotation_history",
            params: vec![limit_param()],
            output: list(json!({"type": "object"})),
            ..op(
                Method::Get,
                "/rotations",
                "rotations",
                "Exchanges of keys, the newest first",
                run(|tx, call| Box::pin(rotations(tx, call))),
            )
        },
        Op {
            target: "kernel.encrypted_field_metadata",
            params: vec![limit_param()],
            output: list(json!({"type": "object"})),
            ..op(
                Method::Get,
                "/field-coverage",
                "field_coverage",
                "Sealed columns: values, those under the key in use, and when they were counted",
                run(|tx, call| Box::pin(coverage(tx, call))),
            )
        },
    ]
}

fn changes() -> Vec<Op> {
    vec![
        Op {
            input: Some(generate_schema()),
            ..op(
                Method::Post,
                "",
                "generate",
                "Make the key of a kind and purpose of which none is in use",
                run(|tx, call| Box::pin(generate(tx, call))),
            )
        },
        Op {
            output: step_schema(),
            ..op(
                Method::Post,
                "/{id}/rotate",
                "rotate",
                "Begin to exchange a key that is in use; the tenant key takes two persons",
                run(|tx, call| Box::pin(rotate(tx, call))),
            )
        },
        Op {
            input: Some(
                json!({"type": "object", "required": ["status"], "additionalProperties": false, "properties": {
                "status": {"type": "string", "enum": ASKED}}}),
            ),
            output: step_schema(),
            ..op(
                Method::Post,
                "/{id}/status",
                "set_status",
                "Retire a key under which nothing lies; distrust or destroy one, which takes two persons",
                run(|tx, call| Box::pin(set_status(tx, call))),
            )
        },
    ]
}

fn at(time: Option<OffsetDateTime>) -> Result<Option<String>> {
    time.map(clock::text).transpose()
}

async fn keys(tx: &mut Tx, id: Option<Uuid>, status: Option<&str>) -> Result<Vec<Value>> {
    let rows = tx
        .query(
            sql!(
                "SELECT id, key_ref, key_type, purpose, generation, algorithm, status, wrapped_by, provider, fingerprint, created_at, \
                   activated_at, retired_at, compromised_at, destroyed_at, rotation_interval_days, next_rotation_at, usage_count, \
                   max_usage::int8 AS max_usage \
                 FROM kernel.encryption_keys WHERE ($1::uuid IS NULL OR id = $1) AND ($2::text IS NULL OR status = $2) \
                 ORDER BY key_type DESC, purpose, generation DESC"
            ),
            &[&id, &status],
        )
        .await?;
    rows.iter()
        .map(|r| {
            Ok(json!({
                "id": r.get::<_, Uuid>("id"), "key_ref": r.get::<_, &str>("key_ref"), "key_type": r.get::<_, &str>("key_type"),
                "purpose": r.get::<_, &str>("purpose"), "generation": r.get::<_, i32>("generation"),
                "algorithm": r.get::<_, &str>("algorithm"), "status": r.get::<_, &str>("status"),
                "wrapped_by": r.get::<_, Option<Uuid>>("wrapped_by"), "provider": r.get::<_, &str>("provider"),
                "fingerprint": r.get::<_, &str>("fingerprint"), "created_at": at(r.get("created_at"))?,
                "activated_at": at(r.get("activated_at"))?, "retired_at": at(r.get("retired_at"))?,
                "compromised_at": at(r.get("compromised_at"))?, "destroyed_at": at(r.get("destroyed_at"))?,
                "rotation_interval_days": r.get::<_, i32>("rotation_interval_days"),
                "next_rotation_at": at(r.get("next_rotation_at"))?,
                "usage_count": r.get::<_, i64>("usage_count"), "max_usage": r.get::<_, Option<i64>>("max_usage"),
            }))
        })
        .collect()
}

async fn all(tx: &mut Tx, call: Call) -> Result<Reply> {
    let status = call.query_value("status");
    if status.is_some_and(|s| !STATUSES.contains(&s)) {
        return Err(Error::invalid("status", "not_allowed", format!("Is one of: {}", STATUSES.join(", "))));
    }
    let most = usize::try_from(limit(&call)?).map_err(Error::internal)?;
    let mut keys = keys(tx, None, status).await?;
    keys.truncate(most);
    tx.count(keys.len());
    Ok(Reply::json(json!({"data": keys})))
}

async fn described(tx: &mut Tx, id: Uuid) -> Result<Value> {
    keys(tx, Some(id), None).await?.pop().ok_or(Error::NotFound)
}

async fn one(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    let mut key = described(tx, id).await?;
    tx.on_row(id);
    let rows = tx
        .query(
            sql!(
                "SELECT f.table_name, f.column_name, f.value_count, f.counted_at FROM kernel.encrypted_field_metadata f \
                 JOIN kernel.keys k ON k.key_no = f.key_no WHERE k.id = $1 ORDER BY f.table_name, f.column_name"
            ),
            &[&id],
        )
        .await?;
    let fields: Result<Vec<Value>> = rows
        .iter()
        .map(|r| {
            Ok(json!({"table": r.get::<_, &str>(0), "column": r.get::<_, &str>(1), "values": r.get::<_, i64>(2), "counted_at": at(r.get(3))?}))
        })
        .collect();
    key["coverage"] = json!(fields?);
    key["history"] = json!(exchanges(tx, Some(id), HISTORY).await?);
    Ok(Reply::json(key))
}

async fn exchanges(tx: &mut Tx, key: Option<Uuid>, most: i64) -> Result<Vec<Value>> {
    let rows = tx
        .query(
            sql!(
                "SELECT h.id, o.id AS old_key_id, n.id AS new_key_id, h.kind::text, h.key_class::text, h.reason::text, h.state::text, \
                   h.rows_total, h.rows_done, h.rows_failed, h.created_at, h.activated_at, h.finished_at \
                 FROM kernel.key_rotation_history h LEFT JOIN kernel.keys o ON o.key_no = h.old_key_no \
                 LEFT JOIN kernel.keys n ON n.key_no = h.new_key_no WHERE $1::uuid IS NULL OR $1 IN (o.id, n.id) \
                 ORDER BY h.created_at DESC, h.id DESC LIMIT $2"
            ),
            &[&key, &most],
        )
        .await?;
    rows.iter()
        .map(|r| {
            Ok(json!({
                "id": r.get::<_, Uuid>("id"), "old_key_id": r.get::<_, Option<Uuid>>("old_key_id"),
                "new_key_id": r.get::<_, Option<Uuid>>("new_key_id"), "kind": r.get::<_, &str>("kind"),
                "purpose": r.get::<_, Option<&str>>("key_class"), "reason": r.get::<_, &str>("reason"),
                "state": r.get::<_, &str>("state"), "rows_total": r.get::<_, i64>("rows_total"),
                "rows_done": r.get::<_, i64>("rows_done"), "rows_failed": r.get::<_, i64>("rows_failed"),
                "started_at": at(r.get("created_at"))?, "activated_at": at(r.get("activated_at"))?,
                "finished_at": at(r.get("finished_at"))?,
            }))
        })
        .collect()
}

async fn rotations(tx: &mut Tx, call: Call) -> Result<Reply> {
    let data = exchanges(tx, None, limit(&call)?).await?;
    tx.count(data.len());
    Ok(Reply::json(json!({"data": data})))
}

async fn coverage(tx: &mut Tx, call: Call) -> Result<Reply> {
    let most = usize::try_from(limit(&call)?).map_err(Error::internal)?;
    let mut data = super::reads::fields(tx).await?;
    data.truncate(most);
    tx.count(data.len());
    Ok(Reply::json(json!({"data": data})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Generate {
    key_type: String,
    purpose: Option<String>,
}

async fn generate(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let asked: Generate = call.input()?;
    let class = asked.purpose.as_deref().and_then(KeyClass::from_name);
    let what = match (asked.key_type.as_str(), class) {
        ("FIELD_DEK", Some(class)) => Rotated::Class(class),
        ("FIELD_DEK", None) => {
            let names: Vec<&str> = KeyClass::ALL.into_iter().map(KeyClass::name).collect();
            return Err(Error::invalid("purpose", "not_allowed", format!("Is one of: {}", names.join(", "))));
        }
        ("BLIND_INDEX", _) => Rotated::Index,
        ("TENANT_DEK", _) => Rotated::Tenant,
        _ => return Err(Error::invalid("key_type", "not_allowed", format!("Is one of: {}", TYPES.join(", ")))),
    };
    let id = tx.make_key(what).await?;
    Ok(Reply { status: 201, ..Reply::json(described(tx, id).await?) })
}

async fn rotate(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    let key = tx.key_row(id).await?;
    if !key.is_in_use() {
        let detail = "Only a key that is in use is exchanged".into();
        return Err(Error::Conflict { code: "wrong_state", detail });
    }
    if key.what == Rotated::Tenant {
        match tx.ask_or_agree(Wanted::RotateKey(id), None).await? {
            Step::Waits(request) => return Ok(waiting(id, request)),
            Step::Agreed(request) => tx.agreed(request).await?,
        }
    }
    let rotation = tx.rotate_key(key.what, "manual").await?;
    tx.on_row(id);
    Ok(Reply { status: 202, ..Reply::json(json!({"id": id, "state": "begun", "rotation": rotation})) })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Status {
    status: String,
}

async fn set_status(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let id = call.id()?;
    let asked: Status = call.input()?;
    let key = tx.key_row(id).await?;
    let wanted = match asked.status.as_str() {
        "RETIRED" => {
            tx.retire_key(&key).await?;
            return Ok(Reply::json(json!({"id": id, "state": "done"})));
        }
        "COMPROMISED" => Wanted::DistrustKey(id),
        "DESTROYED" => Wanted::DestroyKey(id),
        _ => return Err(Error::invalid("status", "not_allowed", format!("Is one of: {}", ASKED.join(", ")))),
    };
    if matches!(wanted, Wanted::DestroyKey(_)) {
        tx.destroyable(&key).await?;
    }
    let request = match tx.ask_or_agree(wanted, None).await? {
        Step::Waits(request) => return Ok(waiting(id, request)),
        Step::Agreed(request) => request,
    };
    match wanted {
        Wanted::DestroyKey(_) => tx.destroy_key(&key).await?,
        _ => tx.distrust_key(&key).await?,
    }
    tx.agreed(request).await?;
    tx.on_row(id);
    Ok(Reply::json(json!({"id": id, "state": "done", "request": request})))
}

fn waiting(key: Uuid, request: Uuid) -> Reply {
    Reply { status: 202, ..Reply::json(json!({"id": key, "state": "waiting", "request": request})) }
}

fn generate_schema() -> Value {
    let classes: Vec<&str> = KeyClass::ALL.into_iter().map(KeyClass::name).collect();
    json!({"type": "object", "required": ["key_type", "purpose"], "additionalProperties": false, "properties": {
        "key_type": {"type": "string", "enum": TYPES},
        "purpose": {"type": "string", "enum": classes, "description": "The class of data, of a FIELD_DEK"},
    }})
}

fn step_schema() -> Value {
    json!({"type": "object", "properties": {
        "id": {"type": "string", "format": "uuid"},
        "state": {"type": "string", "enum": ["waiting", "begun", "done"], "description": "waiting: for the same call by another person"},
        "request": {"type": "string", "format": "uuid", "description": "The request that waits or was agreed to, in kernel/approvals"},
        "rotation": {"type": "string", "format": "uuid"},
    }})
}

fn key_schema() -> Value {
    let moment = json!({"type": ["string", "null"], "format": "date-time"});
    json!({"type": "object", "properties": {
        "id": {"type": "string", "format": "uuid"},
        "key_ref": {"type": "string", "description": "Kind, purpose and generation"},
        "key_type": {"type": "string", "enum": TYPES, "description": "TENANT_DEK wraps the others, FIELD_DEK seals, BLIND_INDEX hashes"},
        "purpose": {"type": "string"},
        "generation": {"type": "integer"},
        "algorithm": {"type": "string", "enum": ["AES_256_GCM", "HMAC_SHA256"]},
        "status": {"type": "string", "enum": STATUSES, "description": "ROTATING: seals no more and opens what lies under it"},
        "wrapped_by": {"type": ["string", "null"], "format": "uuid", "description": "The key above; none for the one under the root key"},
        "provider": {"type": "string"},
        "fingerprint": {"type": "string", "description": "The number in the header of every value sealed with it"},
        "created_at": moment, "activated_at": moment, "retired_at": moment, "compromised_at": moment, "destroyed_at": moment,
        "rotation_interval_days": {"type": "integer"},
        "next_rotation_at": moment,
        "usage_count": {"type": "integer", "description": "Seals reserved on it"},
        "max_usage": {"type": ["integer", "null"], "description": "Seals after which it seals no more"},
        "coverage": {"type": "array", "items": {"type": "object"}, "description": "Of one key: what lies under it, as of the last count"},
        "history": {"type": "array", "items": {"type": "object"}, "description": "Of one key: its exchanges"},
    }})
}
