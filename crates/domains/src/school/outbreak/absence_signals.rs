//! Absence that is too high, as alerts: a share of the enrolled, or far more than on the same weekday of the weeks before (5.5 of the
//! specification). Counts name no student, so such an alert has no cases; what goes on at a school within three days is one.

use super::{
    detect::{Found, TABLE, date, due, locked, next_number},
    facts::{Kind, Scope},
    joining::APART,
};
use crate::alerts::{Raised, raise};
use salus_core::Result;
use salus_rules::outbreak::{cases::absence_is_high, clusters::may_signal};
use salus_store::{Tx, engine::NewRow, sql};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use time::{Date, Duration};
use uuid::Uuid;

/// Weeks before without which a weekday says nothing of itself.
const WEEKS_LEAST: usize = 4;

/// What was counted of a place on a day.
#[derive(Clone)]
struct Count {
    scope: Scope,
    school: Uuid,
    day: Date,
    enrolled: u32,
    absent: u32,
    /// The same weekday of the weeks before, the latest first.
    before: Vec<u32>,
}

/// Counts of a school that are too high, within three days of each other.
struct High {
    school: Uuid,
    counts: Vec<Count>,
}

/// What a run found: numbers of alerts that were raised and changed.
#[derive(Default)]
pub(super) struct Absent {
    pub(super) raised: Vec<String>,
    pub(super) changed: Vec<String>,
}

/// Looks into the school days that detection looks at again, and keeps what is too high. The caller must reach the whole tenant.
///
/// # Errors
/// Those of the database.
pub(super) async fn keep(tx: &mut Tx, found: &Found, again: usize) -> Result<Absent> {
    let mut done = Absent::default();
    let highs = highs(tx, found, again).await?;
    for high in highs {
        let kept = kept(tx, &high).await?;
        match kept.iter().find(|k| !k.over) {
            Some(alert) => {
                if change(tx, found, (&high, alert)).await? {
                    done.changed.push(alert.number.clone());
                }
            }
            // Who ended it knew as much, as long as no more stay away than then.
            None if kept.iter().any(|k| high.lead().absent <= k.observed) => {}
            None => done.raised.push(make(tx, found, &high).await?),
        }
    }
    Ok(done)
}

async fn highs(tx: &mut Tx, found: &Found, again: usize) -> Result<Vec<High>> {
    let settings = &found.settings;
    let mut all = Vec::new();
    for school in &found.facts.schools {
        let days = &school.days[school.days.len().saturating_sub(again)..];
        let Some(first) = days.first() else { continue };
        let mut high: Vec<Count> = counts(tx, school.id, (*first, settings.absence_weeks, school.today)).await?;
        high.retain(|count| {
            let class = count.scope.kind == Kind::Homeroom;
            let share = if class { settings.absence_class_share } else { settings.absence_share };
            let before = if count.before.len() < WEEKS_LEAST { &[][..] } else { &count.before };
            days.binary_search(&count.day).is_ok()
                && may_signal(count.scope.kind.level(), count.absent, count.enrolled)
                && absence_is_high(count.absent, count.enrolled, share, before)
        });
        let mut joined: Option<High> = None;
        for count in high {
            match &mut joined {
                Some(open) if count.day <= open.last() + APART => open.counts.push(count),
                _ => all.extend(joined.replace(High { school: school.id, counts: vec![count] })),
            }
        }
        all.extend(joined);
    }
    Ok(all)
}

/// The counts of a school from a day on, each with those of its weekday in the weeks before.
async fn counts(tx: &mut Tx, school: Uuid, (from, weeks, until): (Date, i64, Date)) -> Result<Vec<Count>> {
    let since = from - Duration::weeks(weeks);
    let sql = sql!(
        "SELECT day, grade::text AS grade, homeroom_id, enrolled, absent FROM school.absence_counts \
         WHERE school_id = $1 AND day >= $2 AND day <= $3 ORDER BY day, grade NULLS FIRST, homeroom_id NULLS FIRST"
    );
    let rows = tx.query(sql, &[&school, &since, &until]).await?;
    let mut past: BTreeMap<(Scope, Date), u32> = BTreeMap::new();
    let mut all = Vec::new();
    for row in &rows {
        let number = |name: &str| u32::try_from(row.get::<_, i32>(name)).unwrap_or(0);
        let (grade, homeroom): (Option<String>, Option<Uuid>) = (row.get("grade"), row.get("homeroom_id"));
        let scope = match (grade, homeroom) {
            (_, Some(homeroom)) => Scope { kind: Kind::Homeroom, key: homeroom.to_string() },
            (Some(grade), None) => Scope { kind: Kind::Grade, key: format!("{school}/{grade}") },
            (None, None) => Scope { kind: Kind::School, key: school.to_string() },
        };
        let day: Date = row.get("day");
        let weekday = |week: i64| past.get(&(scope.clone(), day - Duration::weeks(week))).copied();
        let before = (1..=weeks).filter_map(weekday).collect();
        past.insert((scope.clone(), day), number("absent"));
        if day >= from {
            all.push(Count { scope, school, day, enrolled: number("enrolled"), absent: number("absent"), before });
        }
    }
    Ok(all)
}

impl High {
    fn first(&self) -> Date {
        self.counts.iter().map(|c| c.day).min().unwrap_or(Date::MIN)
    }

    fn last(&self) -> Date {
        self.counts.iter().map(|c| c.day).max().unwrap_or(Date::MIN)
    }

    /// The count that speaks for all: of the latest day the smallest place that holds four of five of those who stay away.
    fn lead(&self) -> &Count {
        let last = self.last();
        let latest = || self.counts.iter().filter(|c| c.day == last);
        let most = latest().map(|c| c.absent).max().unwrap_or(0);
        let enough = latest().filter(|c| c.absent * 5 >= most * 4).min_by_key(|c| (c.scope.kind, c.enrolled));
        enough.unwrap_or(&self.counts[0])
    }
}

/// An alert of absence at a school that is near.
struct Kept {
    id: Uuid,
    number: String,
    over: bool,
    observed: u32,
    first: Date,
    params: Value,
}

async fn kept(tx: &mut Tx, high: &High) -> Result<Vec<Kept>> {
    let sql = sql!(
        "SELECT id, number::text AS number, state IN ('DISMISSED', 'CLOSED') AS over, observed, first_signal_on, params \
         FROM school.outbreak_alerts WHERE method = 'ABSENCE' AND school_id = $1 AND first_signal_on <= $2 \
         ORDER BY first_signal_on DESC, number DESC"
    );
    let rows = tx.query(sql, &[&high.school, &(high.last() + APART)]).await?;
    let near = |row: &salus_store::Row| {
        let (first, params): (Date, Value) = (row.get("first_signal_on"), row.get("params"));
        let last = date(&params["detection"]["last_signal_on"]).unwrap_or(first);
        (last + APART >= high.first()).then(|| Kept {
            id: row.get("id"),
            number: row.get("number"),
            over: row.get("over"),
            observed: u32::try_from(row.get::<_, i32>("observed")).unwrap_or(0),
            first,
            params,
        })
    };
    Ok(rows.iter().filter_map(near).collect())
}

/// The row of an alert as far as detection fills it.
fn values(found: &Found, high: &High, first: Date) -> Value {
    let lead = high.lead();
    let (school, scope) = (lead.school, &lead.scope);
    let level = scope.kind.level_code();
    let class = scope.kind == Kind::Homeroom;
    let share = if class { found.settings.absence_class_share } else { found.settings.absence_share };
    let weeks = u32::try_from(lead.before.len()).unwrap_or(1).max(1);
    let mean = f64::from(lead.before.iter().sum::<u32>()) / f64::from(weeks);
    let percent = |n: f64| (n * 1000.0).round() / 10.0;
    let signals: Vec<Value> = high
        .counts
        .iter()
        .map(|c| {
            json!({"on": c.day.to_string(), "method": "ABSENCE", "level": c.scope.kind.level_code(), "kind": c.scope.kind.code(),
                   "key": c.scope.key, "observed": c.absent, "enrolled": c.enrolled, "before": c.before})
        })
        .collect();
    json!({
        "syndrome": "OTHER", "level": level, "school_id": school, "scope_ids": [scope.key], "method": "ABSENCE",
        "statistic": percent(f64::from(lead.absent) / f64::from(lead.enrolled.max(1))), "threshold": percent(share),
        "observed": lead.absent, "expected": if lead.before.is_empty() { Value::Null } else { json!(mean) },
        "first_signal_on": first.to_string(), "severity": if class { "MEDIUM" } else { "HIGH" },
        "params": {"workflow": {}, "detection": {
            "kind": scope.kind.code(), "name": found.facts.name_of(scope), "cases": lead.absent, "population": lead.enrolled,
            "last_signal_on": high.last().to_string(), "settings": found.settings, "signals": signals,
            "lead": {"kind": scope.kind.code(), "key": scope.key, "name": found.facts.name_of(scope), "on": lead.day.to_string(),
                     "detail": {"absent": lead.absent, "enrolled": lead.enrolled, "before": lead.before}}}},
    })
}

async fn make(tx: &mut Tx, found: &Found, high: &High) -> Result<String> {
    let mut row = values(found, high, high.first());
    let number = next_number(tx, high.first().year()).await?;
    let id = tx.ctx.env.id();
    row["number"] = json!(number);
    row["params"]["workflow"]["review_due_on"] = json!(due(tx, found, &high.lead().scope).await?.to_string());
    let severity = row["severity"].as_str().unwrap_or("MEDIUM").to_owned();
    tx.insert(TABLE, &[NewRow { id, values: crate::row(row) }]).await?;
    let (key, subject) = (format!("outbreak:{id}"), id.to_string());
    let raised = Raised {
        key: &key,
        severity: &severity,
        category: "OUTBREAK",
        title: &format!("Many are absent {number}: review it"),
        school: Some(high.school),
        subject: &subject,
    };
    raise(tx, &raised).await?;
    tx.emit("school.outbreak.signalled", id, json!({"school": high.school}));
    Ok(number)
}

async fn change(tx: &mut Tx, found: &Found, (high, kept): (&High, &Kept)) -> Result<bool> {
    // Days that are not looked at again still were its first.
    let mut row = values(found, high, kept.first.min(high.first()));
    if row["params"]["detection"] == kept.params["detection"] {
        return Ok(false);
    }
    row["params"]["workflow"] = locked(tx, kept.id).await?["workflow"].clone();
    tx.update(TABLE, kept.id, None, crate::row(row)).await?;
    Ok(true)
}
