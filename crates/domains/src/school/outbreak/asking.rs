//! When detection runs: at six and at one on school days, at once when a case came of which a rule asks for one only, and when
//! somebody asks for it. A dry run is answered at once and keeps nothing; any other is a job, which reaches the whole district whoever asked.

use super::{
    detect::{look, run as detect},
    rules::is_one_enough,
    settings::Settings,
};
use crate::clock;
use salus_core::{Error, Result};
use salus_store::{
    Call, Method, Op, Reply, Tx,
    jobs::{Job, Retry, When, Work},
    run, sql,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The event of one that was asked for.
const ASKED: &str = "school.outbreak.detection_asked";
/// Days of a series in an answer.
const SERIES: usize = 60;

/// The jobs.
pub(in crate::school) fn jobs() -> Vec<Job> {
    vec![
        Job {
            name: "school.detect_outbreaks",
            when: When::Cron("0 6,13 * * *"),
            retry: Retry::default(),
            work: Work::local(|tx, _| Box::pin(at_set_times(tx))),
        },
        Job {
            name: "school.detect_outbreaks_now",
            when: When::Events(&[ASKED]),
            retry: Retry::default(),
            work: Work::local(|tx, _| Box::pin(detect_now(tx))),
        },
    ]
}

/// Asking for a run.
pub(super) fn action() -> Op {
    Op {
        method: Method::Post,
        path: "/api/v1/health/outbreaks/detect".into(),
        name: "school.outbreak.detect".into(),
        permission: "school.outbreak.declare",
        summary: "Look for outbreaks now (202), or what would be found, with the series (dry_run)".into(),
        target: super::detect::TABLE,
        params: Vec::new(),
        input: Some(json!({"type": "object", "additionalProperties": false, "properties": {
            "dry_run": {"type": "boolean", "description": "Answer the series and signals and keep nothing"},
            "on": {"type": ["string", "null"], "format": "date",
                   "description": "Only of a dry run: as it was on this day, with what had been reported by then; today when it is left out"},
            "parameters": {"type": ["object", "null"],
                   "description": "Only of a dry run: members of the setting school.outbreaks, such as {\"c1\": 2.5}, that stand in for those in force; not small_cell"}}})),
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(asked(tx, call))),
    }
}

/// Asks for a run once this is kept. Its id.
pub(in crate::school) fn ask(tx: &mut Tx) -> Uuid {
    let id = tx.ctx.env.id();
    tx.emit(ASKED, id, json!({}));
    id
}

/// Asks for a run when one case of such an illness is enough for a rule.
///
/// # Errors
/// Those of the database.
pub(in crate::school) async fn ask_if_one_is_enough(
    tx: &mut Tx,
    (diseases, syndromes): (&[String], &[String]),
) -> Result<()> {
    if is_one_enough(tx, diseases, syndromes).await? {
        ask(tx);
    }
    Ok(())
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    dry_run: bool,
    on: Option<String>,
    parameters: Option<Map<String, Value>>,
}

async fn asked(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let Asked { dry_run, on, parameters } = if call.body.is_null() { Asked::default() } else { call.input()? };
    let until = on.as_ref().map(|text| clock::day("on", text)).transpose()?;
    if until.is_some_and(|until| until > tx.ctx.env.now().date().next_day().unwrap_or(until)) {
        return Err(Error::invalid("on", "not_allowed", "Cannot lie in the future"));
    }
    if !dry_run {
        if on.is_some() {
            // Alerts that know more already would be made smaller by it.
            return Err(Error::invalid("on", "not_allowed", "Is of a dry run only: what is kept is as of now"));
        }
        if parameters.is_some() {
            let message = "Are of a dry run only: what is kept is by the setting school.outbreaks";
            return Err(Error::invalid("parameters", "not_allowed", message));
        }
        let id = ask(tx);
        return Ok(Reply { status: 202, ..Reply::json(json!({ "run": id })) });
    }
    let mut settings = Settings::load(tx).await?;
    if let Some(over) = parameters {
        settings = settings.with(over)?;
    }
    let found = look(tx, settings, until, SERIES).await?;
    let open = tx.ctx.may("kernel.phi.read");
    let shown = |count: u32| open || count == 0 || i64::from(count) >= found.settings.small_cell;
    let signals: Vec<Value> = found
        .signals
        .iter()
        .filter(|s| shown(s.observed))
        .map(|s| {
            json!({"on": s.on.to_string(), "syndrome": s.syndrome, "disease_code": s.disease, "level": s.scope.kind.level_code(),
                   "kind": s.scope.kind.code(), "key": s.scope.key, "name": found.facts.name_of(&s.scope), "method": s.method,
                   "statistic": s.statistic, "threshold": s.threshold, "observed": s.observed, "expected": s.expected,
                   "p": s.p, "q": s.q, "would_alert": s.is_loud(&found.settings), "detail": if open { s.detail.clone() } else { Value::Null }})
        })
        .collect();
    tx.count(found.facts.cases.len());
    // A series is made of small counts: it is for who may open records.
    let series = if open { found.series } else { Vec::new() };
    Ok(Reply::json(json!({
        "dry_run": true, "parameters": found.settings, "streams": found.streams, "series": series, "signals": signals,
        "series_left_out": !open,
    })))
}

/// The run of six and of one: on days on which a school has instruction.
async fn at_set_times(tx: &mut Tx) -> Result<()> {
    let now = tx.ctx.env.now();
    let sql = sql!(
        "SELECT EXISTS (SELECT FROM school.calendar_days d JOIN school.schools s ON s.id = d.school_id \
           WHERE s.is_active AND d.is_instructional AND d.day = ($1::timestamptz AT TIME ZONE s.timezone::text)::date)"
    );
    if tx.query_opt(sql, &[&now]).await?.is_some_and(|found| found.get(0)) {
        detect_now(tx).await?;
    }
    Ok(())
}

/// Looks for outbreaks as of now and keeps what is found. The caller must reach the whole tenant.
///
/// # Errors
/// Those of the database.
pub async fn detect_now(tx: &mut Tx) -> Result<()> {
    let done = detect(tx).await?;
    tx.note(json!({"signals": done.signals, "raised": done.raised, "changed": done.changed}));
    tx.count(done.raised.len() + done.changed.len());
    Ok(())
}
