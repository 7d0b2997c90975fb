//! What changed among alerts since a moment, for who follows them: a page, a stream, or a program that asks now and then. What is told
//! is how an alert stands, not what happened to it, so that hearing it twice does no harm and the latest makes good what was missed.

use super::{reads, tell::INSTANCES};
use crate::clock;
use salus_core::{Ctx, Error, Result};
use salus_store::{Call, Db, Method, Op, Param, Reply, Tx, run, sql};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// A change may be seen so long after its time: a transaction that is under way may commit later than another began.
const LATE: Duration = Duration::minutes(2);
/// So far back changes are told; before that the whole list is asked for.
const KEPT: Duration = Duration::hours(24);

/// The read.
pub(super) fn op() -> Op {
    Op {
        method: Method::Get,
        path: "/api/v1/alerts/real-time/changes".into(),
        name: "alerts.alert.changes".into(),
        permission: "ops.alert.read",
        summary: "Alerts within reach that changed since a moment, as they stand now; what changed shortly before it is told again"
            .into(),
        target: INSTANCES,
        params: vec![
            Param {
                name: "since".into(),
                doc: "The moment `at` of the answer before, at most 24 hours back; now when it is left out".into(),
                schema: json!({"type": "string", "format": "date-time"}),
            },
            reads::limit(),
        ],
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(changes(tx, call))),
    }
}

async fn changes(tx: &mut Tx, call: Call) -> Result<Reply> {
    let limit = reads::at_most(&call)?;
    let since = call.query_value("since").map(|text| clock::read(&json!(text), "since")).transpose()?.flatten();
    // Times of rows are those of the database's clock.
    let row = tx.query_opt(sql!("SELECT clock_timestamp()"), &[]).await?;
    let now: OffsetDateTime = row.ok_or_else(|| Error::internal("the database has no clock"))?.get(0);
    let since = since.unwrap_or(now);
    if since < now - KEPT {
        return Err(Error::invalid("since", "too_long_ago", "Lies at most 24 hours back: ask for the list again"));
    }
    let from = since - LATE;
    let sql = sql!(
        "SELECT jsonb_build_object('id', i.id, 'row_version', i.row_version, 'severity', i.severity, 'category', i.category, \
           'status', i.status, 'title', i.title, 'school_id', i.school_id, 'first_seen', i.first_seen, 'last_seen', i.last_seen, \
           'occurrences', i.occurrences, 'acknowledged_at', i.acknowledged_at, 'escalation_level', i.escalation_level, \
           'snoozed_until', i.snoozed_until, 'resolved_at', i.resolved_at, 'assigned_to', i.assigned_to, 'parent_id', i.parent_id, \
           'updated_at', i.updated_at) \
         FROM alerts.alert_instances i WHERE i.updated_at > $1 ORDER BY i.updated_at, i.id LIMIT $2"
    );
    let rows = tx.query(sql, &[&from, &(limit + 1)]).await?;
    let more = rows.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    let all: Vec<Value> =
        rows.iter().take(usize::try_from(limit).unwrap_or(usize::MAX)).map(|row| row.get(0)).collect();
    tx.count(all.len());
    Ok(Reply::json(json!({"at": clock::text(now)?, "alerts": all, "more": more})))
}

/// A sign of how the alerts of a tenant stood that changed since a moment: another one when any did. A number, of which nothing is
/// recorded; who is told of what asks through the door.
///
/// # Errors
/// Those of the database.
pub async fn pulse(db: &Db, tenant: Uuid, since: OffsetDateTime) -> Result<(i64, i64)> {
    let mut tx = db.begin(Ctx::system(db.env(), tenant), true).await?;
    let from = since - LATE;
    let sql = sql!(
        "SELECT count(*), coalesce(sum(row_version), 0)::bigint FROM alerts.alert_instances WHERE updated_at > $1"
    );
    let found = tx.query_opt(sql, &[&from]).await?;
    tx.finish_unrecorded().await?;
    Ok(found.map_or((0, 0), |row| (row.get(0), row.get(1))))
}
