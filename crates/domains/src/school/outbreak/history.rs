//! How often the detectors would have cried without an outbreak: they are run over the district's own past school days, without those
//! of outbreaks that were declared, and what would have been an alert is counted.

use super::{
    detect::{date, statistical},
    facts,
    joining::join,
    settings::Settings,
    signals::Acknowledged,
};
use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Param, Reply, Tx, run, sql};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use time::{Date, Duration};

/// Days of the past that are gone through.
const SPAN_DAYS: i64 = 365;
/// School days at the beginning of which only the later ones are compared.
const BEFORE: usize = 11;

/// The read.
pub(super) fn read() -> Op {
    let school = json!({"type": "string", "format": "uuid"});
    Op {
        method: Method::Get,
        path: "/api/v1/health/outbreaks/false-alarms".into(),
        name: "school.outbreak.false_alarms".into(),
        permission: "school.outbreak.read",
        summary: "How many alerts the statistics would have raised in 100 past school days without a declared outbreak"
            .into(),
        target: super::detect::TABLE,
        params: vec![Param {
            name: "school_id".into(),
            doc: "Alerts of this school only; of all within reach when it is left out".into(),
            schema: school,
        }],
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(rate(tx, call))),
    }
}

async fn rate(tx: &mut Tx, call: Call) -> Result<Reply> {
    let school = call.query_id("school_id")?;
    let settings = Settings::load(tx).await?;
    let from = tx.ctx.env.now().date() - Duration::days(SPAN_DAYS);
    let facts = facts::load(tx, (from, None)).await?;
    if let Some(only) = school
        && !facts.schools.iter().any(|s| s.id == only)
    {
        return Err(Error::invalid("school_id", "no_such_record", format!("{only} is no school within your reach")));
    }
    let outbreaks = outbreaks(tx).await?;
    let all = facts.days();
    let quiet: Vec<Date> = all
        .iter()
        .skip(BEFORE)
        .copied()
        .filter(|day| !outbreaks.iter().any(|(first, last)| (*first..=*last).contains(day)))
        .collect();
    let signals = statistical(&facts, &settings, &Acknowledged::new(), &quiet);
    let loud: Vec<_> = signals
        .into_iter()
        .filter(|s| s.is_loud(&settings))
        .filter(|s| school.is_none_or(|only| facts.school_of(&s.scope) == Some(only)))
        .collect();
    let alerts = join(loud, &facts);
    let mut by_syndrome: BTreeMap<&str, u64> = BTreeMap::new();
    for alert in &alerts {
        *by_syndrome.entry(alert.syndrome()).or_default() += 1;
    }
    let days = u32::try_from(quiet.len()).unwrap_or(u32::MAX);
    let count = u32::try_from(alerts.len()).unwrap_or(u32::MAX);
    let per_100 = (days > 0).then(|| (f64::from(count) * 1000.0 / f64::from(days)).round() / 10.0);
    let by: Vec<Value> = by_syndrome.iter().map(|(s, n)| json!({"syndrome": s, "alerts": n})).collect();
    let counted = facts.schools.iter().filter(|s| school.is_none_or(|only| only == s.id));
    let schools: Vec<Value> = counted.map(|s| json!({"id": s.id, "name": s.name})).collect();
    tx.count(facts.cases.len());
    Ok(Reply::json(json!({
        "from": quiet.first().map(Date::to_string), "to": quiet.last().map(Date::to_string), "school_days": days,
        "left_out_days": all.len().saturating_sub(BEFORE) - quiet.len(), "alerts": count, "per_100_school_days": per_100,
        "by_syndrome": by, "schools": schools,
    })))
}

/// The spans of outbreaks that were declared: what was found in them was right.
async fn outbreaks(tx: &mut Tx) -> Result<Vec<(Date, Date)>> {
    let sql = sql!(
        "SELECT first_signal_on, params #> '{detection,last_signal_on}' AS last FROM school.outbreak_alerts \
         WHERE declared_by IS NOT NULL OR state IN ('OUTBREAK', 'REPORTED', 'MONITORING', 'CONTROLLED', 'CLOSED')"
    );
    let span = |row: &salus_store::Row| {
        let first: Date = row.get(0);
        (first, row.get::<_, Option<Value>>(1).as_ref().and_then(date).unwrap_or(first))
    };
    Ok(tx.query(sql, &[]).await?.iter().map(span).collect())
}
