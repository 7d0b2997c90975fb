//! What changed among alerts since a moment, for who follows them: a page, a stream, or a program that asks now and then. What is told
//! is how an alert stands, not what happened to it, so that hearing it twice does no harm and the latest makes good what was missed.
//!
//! By a cursor each change is told once. A cursor is a place among the transactions of the database: the oldest that was still under
//! way, and which later ones had been told. What was under way then cannot be missed, however long it takes to commit, and what was told
//! is not told again (decision 155).

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
            Param {
                name: "after".into(),
                doc: "The `cursor` of the answer before, at most 24 hours old, in place of `since`: each change after it once; first \
                      when it is empty: none, and the cursor of now"
                    .into(),
                schema: json!({"type": "string"}),
            },
            reads::limit(),
        ],
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(changes(tx, call))),
    }
}

async fn changes(tx: &mut Tx, call: Call) -> Result<Reply> {
    if let Some(after) = call.query_value("after") {
        return after_cursor(tx, after).await;
    }
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

/// A place among the transactions of the database: see the module.
struct Cursor {
    at: OffsetDateTime,
    /// The oldest transaction that was under way.
    oldest: i64,
    /// What was told of later ones: alert and version.
    told: Vec<(Uuid, i32)>,
}

impl Cursor {
    /// Reads one; none for what is empty.
    fn read(text: &str) -> Result<Option<Self>> {
        let wrong = || Error::invalid("after", "wrong_type", "Is the `cursor` of an answer: ask for the list again");
        let Some(rest) = text.strip_prefix("1.") else {
            return if text.is_empty() { Ok(None) } else { Err(wrong()) };
        };
        let mut parts = rest.split('.');
        let mut number = || parts.next().and_then(|part| part.parse::<i64>().ok()).ok_or_else(wrong);
        let (at, oldest) = (number()?, number()?);
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1000).map_err(|_| wrong())?;
        let one = |part: &str| {
            let (id, version) = part.split_once(':')?;
            Some((id.parse().ok()?, version.parse().ok()?))
        };
        let told: Option<Vec<_>> = parts.map(one).collect();
        Ok(Some(Self { at, oldest, told: told.ok_or_else(wrong)? }))
    }

    fn text(&self) -> String {
        let told = self.told.iter().map(|(id, version)| format!(".{}:{version}", id.simple()));
        let micros = self.at.unix_timestamp_nanos() / 1000;
        format!("1.{micros}.{}{}", self.oldest, told.collect::<String>())
    }
}

/// What changed after a cursor, each once, with the cursor of who has heard it; `is_new` where who asks has not heard of the alert.
async fn after_cursor(tx: &mut Tx, after: &str) -> Result<Reply> {
    let before = Cursor::read(after)?;
    // One statement sees one state: what is under way, and the rows that are not. The number of a row's transaction is the low half
    // of a whole one, which lies below the next that will be given.
    let sql = sql!(
        "WITH s AS (SELECT pg_snapshot_xmin(x)::text::bigint AS oldest, pg_snapshot_xmax(x)::text::bigint AS next, \
             clock_timestamp() AS at FROM pg_current_snapshot() x) \
         SELECT s.oldest, s.next, s.at, i.made, i.id, i.row_version, i.created_at, i.alert FROM s LEFT JOIN LATERAL ( \
           SELECT s.next - ((s.next - a.xmin::text::bigint) & 4294967295) AS made, a.id, a.row_version, a.created_at, \
             jsonb_build_object('id', a.id, 'row_version', a.row_version, 'severity', a.severity, 'category', a.category, \
               'status', a.status, 'title', a.title, 'school_id', a.school_id, 'first_seen', a.first_seen, 'last_seen', a.last_seen, \
               'occurrences', a.occurrences, 'acknowledged_at', a.acknowledged_at, 'escalation_level', a.escalation_level, \
               'snoozed_until', a.snoozed_until, 'resolved_at', a.resolved_at, 'assigned_to', a.assigned_to, \
               'parent_id', a.parent_id, 'updated_at', a.updated_at) AS alert \
           FROM alerts.alert_instances a WHERE a.updated_at > s.at - interval '25 hours') i ON i.made >= coalesce($1::bigint, s.oldest) \
         ORDER BY i.made, i.id"
    );
    let oldest = before.as_ref().map(|cursor| cursor.oldest);
    let rows = tx.query(sql, &[&oldest]).await?;
    let first = rows.first().ok_or_else(|| Error::internal("the database has no snapshot"))?;
    let mut now = Cursor { at: first.get("at"), oldest: first.get("oldest"), told: Vec::new() };
    if let Some(before) = &before {
        // Of another database, or one that was put back.
        let unknown = before.oldest > first.get::<_, i64>("next") || before.at > now.at + LATE;
        if unknown || before.at < now.at - KEPT {
            return Err(Error::invalid("after", "too_long_ago", "Lies at most 24 hours back: ask for the list again"));
        }
    }
    let mut alerts = Vec::new();
    // Told of one transaction after another: what was told before the one at hand need not be named again.
    let mut same: (i64, Vec<(Uuid, i32)>) = (0, Vec::new());
    for row in &rows {
        let Some(id) = row.get::<_, Option<Uuid>>("id") else { continue };
        let (version, made): (i32, i64) = (row.get("row_version"), row.get("made"));
        if made >= now.oldest {
            now.told.push((id, version));
        }
        let Some(before) = &before else { continue };
        if before.told.contains(&(id, version)) {
            continue;
        }
        if same.0 != made {
            same = (made, Vec::new());
        }
        same.1.push((id, version));
        let later = if made < now.oldest { &same.1 } else { &now.told };
        let here = Cursor {
            at: before.at,
            oldest: made.min(now.oldest),
            told: before.told.iter().chain(later).copied().collect(),
        };
        let mut alert: Value = row.get("alert");
        let created: OffsetDateTime = row.get("created_at");
        alert["is_new"] = json!(created > before.at - LATE && !before.told.iter().any(|(known, _)| *known == id));
        alert["cursor"] = json!(here.text());
        alerts.push(alert);
    }
    tx.count(alerts.len());
    Ok(Reply::json(json!({"at": clock::text(now.at)?, "cursor": now.text(), "alerts": alerts, "more": false})))
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
