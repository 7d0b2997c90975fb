//! Proofs: each promise of the installation with its verdict, kept so that a page and a report can say when it was
//! last shown. A run is one event of the platform's audit log, which has every verdict as well.

use crate::clock;
use salus_core::{Ctx, Error, PLATFORM, Result};
use salus_store::{Call, Db, Method, Op, Param, Reply, Row, Tx, run, sql};
use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

/// What is proved, in the order in which it is run and shown.
pub const PROMISES: [&str; 10] = [
    "isolation",
    "tenancy",
    "schema",
    "encryption",
    "keys",
    "audit",
    "backups",
    "configuration",
    "transport",
    "version",
];

/// What came of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// Shown on this database.
    Holds,
    /// Shown to be untrue.
    Fails,
    /// Could not be tried here.
    Unproven,
}

impl Verdict {
    /// As the table and the pages write it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Holds => "HOLDS",
            Self::Fails => "FAILS",
            Self::Unproven => "UNPROVEN",
        }
    }
}

/// One proof that was run.
#[derive(Debug, Clone, Serialize)]
pub struct Proof {
    /// Which promise.
    pub name: &'static str,
    /// What came of it.
    pub verdict: Verdict,
    /// What was tried and seen, in one sentence. Names no tenant and no person: every tenant reads it.
    pub reason: String,
    /// What to do; empty where it holds.
    pub fix: String,
    /// How long it took.
    pub milliseconds: u64,
    /// What it saw in detail, as far as every tenant may read it; null where there is no more to say.
    #[serde(skip)]
    pub report: Value,
}

/// Characters of a reason that are kept; `salus prove` prints all of it.
const KEPT: usize = 2000;
/// Bytes of a report that are kept.
const REPORT: usize = 32_000;

/// Writes a run down, for all tenants to read.
///
/// # Errors
/// Those of the database.
pub async fn keep(db: &Db, proofs: &[Proof]) -> Result<()> {
    let mut tx = db.begin(Ctx::operator(db.env(), PLATFORM), false).await?;
    let (run, now) = (db.env().id(), db.env().now());
    for proof in proofs {
        let short = |text: &str| text.chars().take(KEPT).collect::<String>();
        let took = i64::try_from(proof.milliseconds).unwrap_or(i64::MAX);
        let (id, reason, fix) = (db.env().id(), short(&proof.reason), short(&proof.fix));
        let bytes = proof.report.to_string().len();
        let report = match &proof.report {
            Value::Null => None,
            report if bytes <= REPORT => Some(report.clone()),
            _ => Some(json!({"bytes": bytes, "note": "too long to be kept: salus prove --json prints it"})),
        };
        let sql = sql!(
            "INSERT INTO compliance.proofs (id, run_id, proved_at, name, verdict, reason, fix, took_ms, program, report) \
             VALUES ($1, $2, $3, $4::text, $5::text, $6, $7, $8, $9, $10)"
        );
        let (program, verdict) = (env!("CARGO_PKG_VERSION"), proof.verdict.code());
        tx.query(sql, &[&id, &run, &now, &proof.name, &verdict, &reason, &fix, &took, &program, &report]).await?;
    }
    let verdicts = proofs.iter().map(|p| (p.name.to_owned(), json!(p.verdict))).collect();
    tx.on_row(run);
    tx.count(proofs.len());
    tx.note(Value::Object(verdicts));
    tx.commit("compliance.proof.run", "compliance.proofs").await
}

/// The reads of proofs.
#[must_use]
pub fn reads() -> Vec<Op> {
    let name = Param {
        name: "name".into(),
        doc: "Every run of this proof in the last two years, newest first; without it the latest of each".into(),
        schema: json!({"type": "string", "enum": PROMISES}),
    };
    let id = Param {
        name: "id".into(),
        doc: "Only this one, with the report of what it saw".into(),
        schema: json!({"type": "string", "format": "uuid"}),
    };
    vec![Op {
        method: Method::Get,
        path: "/api/v1/compliance/proofs".to_owned(),
        name: "compliance.proof.list".to_owned(),
        permission: "compliance.proof.read",
        summary: "What was proved about this installation, when, and what came of it".to_owned(),
        target: "compliance.proofs",
        params: vec![name, id],
        input: None,
        output: schema(),
        run: run(|tx, call| Box::pin(list(tx, call))),
    }]
}

/// One proof with its report.
async fn reported(tx: &mut Tx, id: &str) -> Result<Reply> {
    let id: Uuid = id.parse().map_err(|_| Error::invalid("id", "wrong_type", "Is a UUID"))?;
    let sql = sql!(
        "SELECT id, name::text, verdict::text, reason, fix, took_ms, proved_at, program, report FROM compliance.proofs WHERE id = $1"
    );
    let row = tx.query_opt(sql, &[&id]).await?.ok_or(Error::NotFound)?;
    tx.on_row(id);
    tx.count(1);
    let mut found = proof(&row)?;
    found["report"] = row.get::<_, Option<Value>>("report").unwrap_or_default();
    Ok(Reply::json(json!({"data": [found]})))
}

async fn list(tx: &mut Tx, call: Call) -> Result<Reply> {
    if let Some(id) = call.query_value("id") {
        return reported(tx, id).await;
    }
    let rows = match call.query_value("name") {
        None => {
            let sql = sql!(
                "SELECT DISTINCT ON (name) id, name::text, verdict::text, reason, fix, took_ms, proved_at, program \
                 FROM compliance.proofs ORDER BY name, proved_at DESC"
            );
            tx.query(sql, &[]).await?
        }
        Some(name) if !PROMISES.contains(&name) => {
            return Err(Error::invalid("name", "not_allowed", format!("Is one of: {}", PROMISES.join(", "))));
        }
        Some(name) => {
            let sql = sql!(
                "SELECT id, name::text, verdict::text, reason, fix, took_ms, proved_at, program FROM compliance.proofs \
                 WHERE name = $1::text AND proved_at > now() - interval '2 years' ORDER BY proved_at DESC LIMIT 1000"
            );
            tx.query(sql, &[&name.to_owned()]).await?
        }
    };
    tx.count(rows.len());
    let proofs = rows.iter().map(proof).collect::<Result<Vec<Value>>>()?;
    Ok(Reply::json(json!({"data": proofs})))
}

fn proof(row: &Row) -> Result<Value> {
    let at: OffsetDateTime = row.get("proved_at");
    Ok(json!({
        "id": row.get::<_, Uuid>("id"),
        "name": row.get::<_, &str>("name"),
        "verdict": row.get::<_, &str>("verdict"),
        "reason": row.get::<_, &str>("reason"),
        "fix": row.get::<_, &str>("fix"),
        "took_ms": row.get::<_, i64>("took_ms"),
        "proved_at": clock::text(at)?,
        "program": row.get::<_, &str>("program"),
    }))
}

fn schema() -> Value {
    let text = |doc: &str| json!({"type": "string", "description": doc});
    let verdicts = [Verdict::Holds, Verdict::Fails, Verdict::Unproven].map(Verdict::code);
    let proof = json!({"type": "object", "properties": {
        "id": {"type": "string", "format": "uuid"},
        "name": text("Which promise, as salus prove names it"),
        "verdict": {"type": "string", "enum": verdicts},
        "reason": text("What was tried and seen"),
        "fix": text("What to do where it does not hold"),
        "took_ms": {"type": "integer", "description": "Milliseconds"},
        "proved_at": {"type": "string", "format": "date-time"},
        "program": text("Version of Salus that ran it"),
        "report": {"type": ["object", "array", "null"],
                   "description": "Numbers and names of the schema that it saw; no tenant, no person and no file. Of one proof only"},
    }});
    json!({"type": "object", "properties": {"data": {"type": "array", "items": proof}}})
}
