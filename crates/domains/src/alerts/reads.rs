//! The alerts that are open now, one with what became of telling of it, and figures that show which definitions tire people.

use super::{CATEGORIES, severity::Severity, tell::INSTANCES};
use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Param, Reply, Run, Tx, run, sql};
use serde_json::{Value, json};

const PATH: &str = "/api/v1/alerts/real-time";
/// Most alerts of an answer.
const MOST: i64 = 200;
const STATUSES: [&str; 8] =
    ["OPEN", "ACTIVE", "ACKNOWLEDGED", "ESCALATED", "SNOOZED", "RESOLVED", "EXPIRED", "SUPPRESSED"];
/// Days of the report.
const DAYS: f64 = 30.0;

/// The reads of this domain.
pub(super) fn ops() -> Vec<Op> {
    let param = |name: &str, doc: &str, schema: Value| Param { name: name.into(), doc: doc.into(), schema };
    let listed = |values: &[&str]| json!({"type": "string", "enum": values});
    let op = |path: &str, verb: &str, (permission, summary): (&'static str, &str), run: Run| Op {
        method: Method::Get,
        path: path.into(),
        name: format!("alerts.alert.{verb}"),
        permission,
        summary: summary.into(),
        target: INSTANCES,
        params: Vec::new(),
        input: None,
        output: json!({"type": "object"}),
        run,
    };
    let severities: Vec<&str> = Severity::ALL.iter().map(|s| s.name()).collect();
    vec![
        Op {
            params: vec![
                param("status", "OPEN (what has not ended) unless another is named", listed(&STATUSES)),
                param("severity", "Only of this severity", listed(&severities)),
                param("category", "Only of this category", listed(&CATEGORIES)),
                param("school_id", "Only of this school", json!({"type": "string", "format": "uuid"})),
                param("parent_id", "What was folded into this alert", json!({"type": "string", "format": "uuid"})),
                limit(),
            ],
            ..op(
                PATH,
                "live",
                ("ops.alert.read", "Alerts by urgency, and how many are open of each severity"),
                run(|tx, call| Box::pin(live(tx, call))),
            )
        },
        op(
            &format!("{PATH}/{{id}}"),
            "show",
            ("ops.alert.read", "One alert with what became of telling of it"),
            run(|tx, call| Box::pin(show(tx, call))),
        ),
        Op {
            params: vec![limit()],
            ..op(
                "/api/v1/alerts/fatigue",
                "fatigue",
                (
                    "ops.alert.define",
                    "Of each definition in 30 days: how many alerts, how soon acknowledged, how many ignored; and deliveries",
                ),
                run(|tx, call| Box::pin(fatigue(tx, call))),
            )
        },
    ]
}

/// One of these values of a query, if it is given.
fn one_of(call: &Call, name: &str, values: &[&str]) -> Result<Option<String>> {
    match call.query_value(name).filter(|v| !v.is_empty()) {
        None => Ok(None),
        Some(value) if values.contains(&value) => Ok(Some(value.to_owned())),
        Some(_) => Err(Error::invalid(name, "not_allowed", format!("Is one of {}", values.join(", ")))),
    }
}

/// How many are told at most.
///
/// # Errors
/// [`Error::Invalid`] on `limit`.
pub(super) fn at_most(call: &Call) -> Result<i64> {
    let Some(text) = call.query_value("limit") else { return Ok(MOST) };
    let limit = text.parse().ok().filter(|n| (1..=MOST).contains(n));
    limit.ok_or_else(|| Error::invalid("limit", "out_of_range", format!("Is a whole number from 1 to {MOST}")))
}

/// The parameter that [`at_most`] reads.
pub(super) fn limit() -> Param {
    let schema = json!({"type": "integer", "minimum": 1, "maximum": MOST, "default": MOST});
    Param { name: "limit".into(), doc: "At most so many".into(), schema }
}

async fn live(tx: &mut Tx, call: Call) -> Result<Reply> {
    let severities: Vec<&str> = Severity::ALL.iter().map(|s| s.name()).collect();
    let status = one_of(&call, "status", &STATUSES)?.unwrap_or_else(|| "OPEN".into());
    let (severity, category) = (one_of(&call, "severity", &severities)?, one_of(&call, "category", &CATEGORIES)?);
    let (school, parent) = (call.query_id("school_id")?, call.query_id("parent_id")?);
    let limit = at_most(&call)?;
    let sql = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(a) ORDER BY a.rank DESC, a.last_seen DESC, a.id DESC), '[]') FROM ( \
           SELECT i.id, i.row_version, i.severity, i.category, i.status, i.title, i.school_id, s.name AS school_name, i.first_seen, \
             i.last_seen, i.occurrences, i.acknowledged_by, i.acknowledged_at, i.escalation_level, i.next_escalation_at, \
             i.snoozed_until, i.resolved_at, i.resolution_code, i.assigned_to, i.parent_id, i.subject_ref, \
             i.patient_id IS NOT NULL AS has_patient, \
             (SELECT count(*) FROM alerts.alert_instances c WHERE c.tenant_id = i.tenant_id AND c.parent_id = i.id) AS children, \
             array_position(ARRAY['INFO', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL', 'EMERGENCY'], i.severity::text) AS rank \
           FROM alerts.alert_instances i LEFT JOIN school.schools s ON s.tenant_id = i.tenant_id AND s.id = i.school_id \
           WHERE (i.status = $1::text OR ($1::text = 'OPEN' AND i.status IN ('ACTIVE', 'ACKNOWLEDGED', 'ESCALATED', 'SNOOZED'))) \
             AND ($2::text IS NULL OR i.severity = $2::text) AND ($3::text IS NULL OR i.category = $3::text) \
             AND ($4::uuid IS NULL OR i.school_id = $4) AND (i.parent_id = $5 OR ($5::uuid IS NULL AND i.parent_id IS NULL)) \
           ORDER BY rank DESC, i.last_seen DESC, i.id DESC LIMIT $6) a"
    );
    let alerts = crate::told(tx, sql, &[&status, &severity, &category, &school, &parent, &limit]).await?;
    let sql = sql!(
        "SELECT coalesce(jsonb_object_agg(c.severity, c.n), '{}') FROM (SELECT severity::text AS severity, count(*) AS n \
           FROM alerts.alert_instances WHERE status IN ('ACTIVE', 'ACKNOWLEDGED', 'ESCALATED', 'SNOOZED') AND parent_id IS NULL \
           GROUP BY severity) c"
    );
    let open = crate::told(tx, sql, &[]).await?;
    tx.count(alerts.as_array().map_or(0, Vec::len));
    Ok(Reply::json(json!({"alerts": alerts, "open": open})))
}

async fn show(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    let alert = tx.get(INSTANCES, id, &[]).await?;
    let sql = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(l) ORDER BY l.at, l.id), '[]') FROM (SELECT id, recipient_id, channel, attempt, level, \
           status, suppression_reason, provider_ref, latency_ms, due_at, at FROM alerts.alert_delivery_log WHERE instance_id = $1 \
           ORDER BY at, id LIMIT 500) l"
    );
    let deliveries = crate::told(tx, sql, &[&id]).await?;
    let mut told = json!(alert);
    if let (Some(told), Value::Array(_)) = (told.as_object_mut(), &deliveries) {
        told.insert("deliveries".into(), deliveries);
    }
    Ok(Reply::json(told))
}

async fn fatigue(tx: &mut Tx, call: Call) -> Result<Reply> {
    let limit = at_most(&call)?;
    // Ignored: it ended or is older than a day, and nobody had acknowledged or resolved it.
    let sql = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(f) ORDER BY f.alerts DESC, f.code), '[]') FROM ( \
           SELECT coalesce(d.code::text, '–') AS code, min(d.name::text) AS name, count(*) AS alerts, \
             sum(i.occurrences) AS occurrences, \
             (percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM i.acknowledged_at - i.first_seen)) \
               FILTER (WHERE i.acknowledged_at IS NOT NULL))::bigint AS median_ack_s, \
             round(100.0 * count(*) FILTER (WHERE i.acknowledged_at IS NULL AND i.resolved_by IS NULL \
               AND (i.resolved_at IS NOT NULL OR i.first_seen < $2::timestamptz - interval '1 day')) / count(*))::int AS ignored_percent \
           FROM alerts.alert_instances i \
           LEFT JOIN alerts.alert_definitions d ON d.tenant_id = i.tenant_id AND d.id = i.definition_id \
           WHERE i.first_seen > $2::timestamptz - $1 * interval '1 day' AND i.parent_id IS NULL GROUP BY d.code ORDER BY count(*) DESC, d.code LIMIT $3) f"
    );
    let now = tx.ctx.env.now();
    let definitions = crate::told(tx, sql, &[&DAYS, &now, &limit]).await?;
    let sql = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(c) ORDER BY c.channel, c.status, c.why), '[]') FROM ( \
           SELECT channel::text AS channel, status::text AS status, coalesce(suppression_reason::text, '') AS why, count(*) AS n, \
             (percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms))::bigint AS median_ms \
           FROM alerts.alert_delivery_log WHERE at > $2::timestamptz - $1 * interval '1 day' GROUP BY 1, 2, 3) c"
    );
    let deliveries = crate::told(tx, sql, &[&DAYS, &now]).await?;
    tx.count(definitions.as_array().map_or(0, Vec::len));
    Ok(Reply::json(json!({"days": DAYS, "definitions": definitions, "deliveries": deliveries})))
}
