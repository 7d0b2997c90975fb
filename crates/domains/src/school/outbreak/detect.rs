//! A run of detection: reads the facts, asks the engines for each of the last fourteen school days, so that what was entered late or
//! corrected counts, joins what belongs together, and keeps it as alerts. Run again it finds the same and changes nothing.

use super::{
    absence_signals,
    clustering::clusters,
    facts::{self, Facts, Kind, Scope},
    joining::{APART, Joined, join, same_illness, smallest},
    rules::{self, Hard},
    scanning::Scans,
    settings::Settings,
    signals::{Acknowledged, Signal, Watch},
    spacetime,
    streams::streams,
};
use crate::alerts::{Raised, raise};
use crate::clock;
use salus_core::{Error, Result};
use salus_store::{Tx, engine::NewRow, sql};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use time::{Date, Duration};
use uuid::Uuid;

/// The table.
pub(super) const TABLE: &str = "school.outbreak_alerts";
/// School days that are looked at again.
const AGAIN: usize = 14;
/// Days of history that are read: what the statistics need before the first of those, with holidays.
pub(super) const HISTORY: Duration = Duration::days(150);

/// What was found.
pub(super) struct Found {
    pub(super) facts: Facts,
    pub(super) settings: Settings,
    pub(super) signals: Vec<Signal>,
    /// Streams that are watched.
    pub(super) streams: usize,
    pub(super) series: Vec<Value>,
}

/// What a run did.
#[derive(Default)]
pub(super) struct Done {
    pub(super) signals: usize,
    pub(super) raised: Vec<String>,
    pub(super) changed: Vec<String>,
}

/// Looks, and keeps nothing.
///
/// # Errors
/// Those of the database.
pub(super) async fn look(tx: &mut Tx, settings: Settings, until: Option<Date>, series: usize) -> Result<Found> {
    let rules = rules::in_force(tx).await?;
    let end = until.unwrap_or_else(|| tx.ctx.env.now().date());
    let facts = facts::load(tx, (end - HISTORY, until)).await?;
    let acknowledged = acknowledged(&alerts(tx, end - HISTORY).await?);
    Ok(find(facts, settings, &rules, (&acknowledged, series)))
}

fn find(facts: Facts, settings: Settings, rules: &[Hard], (acknowledged, series): (&Acknowledged, usize)) -> Found {
    let days = facts.days();
    let recent = &days[days.len().saturating_sub(AGAIN)..];
    let mut signals = statistical(&facts, &settings, acknowledged, recent);
    // It looks back from its day by itself.
    signals.extend(recent.last().into_iter().flat_map(|day| spacetime::on(&facts, &settings, *day)));
    let (mut told, mut count) = (Vec::new(), 0);
    if series > 0 {
        let mut watch = Watch::new(&facts, streams(&facts), &settings, acknowledged);
        count = watch.len();
        told = watch.series(series);
    }
    // Rules count days of onset, school or not.
    if let Some(since) = recent.first().copied().or_else(|| facts.today().map(|t| t - Duration::days(20))) {
        signals.extend(rules.iter().flat_map(|rule| rule.signals(&facts, since)));
    }
    Found { facts, settings, signals, streams: count, series: told }
}

/// The signals of the statistics on days.
pub(super) fn statistical(
    facts: &Facts,
    settings: &Settings,
    acknowledged: &Acknowledged,
    days: &[Date],
) -> Vec<Signal> {
    let mut watch = Watch::new(facts, streams(facts), settings, acknowledged);
    let scans = Scans::new(facts, settings);
    let mut signals = Vec::new();
    for day in days {
        signals.extend(watch.on(*day));
        signals.extend(scans.on(*day));
    }
    signals
}

/// An alert that is there already.
struct Kept {
    id: Uuid,
    number: String,
    syndrome: String,
    disease: Option<String>,
    state: String,
    first: Date,
    last: Date,
    scopes: Vec<Scope>,
    members: BTreeSet<Uuid>,
    params: Value,
}

async fn alerts(tx: &mut Tx, since: Date) -> Result<Vec<Kept>> {
    let sql = sql!(
        "SELECT a.id, a.number::text AS number, a.syndrome::text AS syndrome, a.disease_code::text AS disease, a.state::text AS state, \
           a.first_signal_on, a.scope_ids, a.params, \
           ARRAY(SELECT DISTINCT m FROM school.outbreak_case_clusters c CROSS JOIN LATERAL unnest(c.members) AS m \
                  WHERE c.alert_id = a.id) AS members \
         FROM school.outbreak_alerts a WHERE a.first_signal_on >= $1 AND a.method <> 'ABSENCE' ORDER BY a.first_signal_on, a.number"
    );
    let kept = |row: &salus_store::Row| {
        let (first, params): (Date, Value) = (row.get("first_signal_on"), row.get("params"));
        let kind = kind_of(params["detection"]["kind"].as_str().unwrap_or_default());
        let keys: Vec<String> = row.get("scope_ids");
        Kept {
            id: row.get("id"),
            number: row.get("number"),
            syndrome: row.get("syndrome"),
            disease: row.get("disease"),
            state: row.get("state"),
            first,
            last: date(&params["detection"]["last_signal_on"]).unwrap_or(first),
            scopes: keys.into_iter().filter_map(|key| kind.map(|kind| Scope { kind, key })).collect(),
            members: row.get::<_, Vec<String>>("members").iter().filter_map(|id| id.parse().ok()).collect(),
            params,
        }
    };
    Ok(tx.query(sql, &[&since]).await?.iter().map(kept).collect())
}

fn kind_of(code: &str) -> Option<Kind> {
    [Kind::Homeroom, Kind::Bus, Kind::Team, Kind::Grade, Kind::School, Kind::District]
        .into_iter()
        .find(|k| k.code() == code)
}

/// What people did, in the parameters of an alert; made when it is not there.
pub(super) fn workflow(params: &mut Value) -> &mut Map<String, Value> {
    if !params["workflow"].is_object() {
        let mut all = params.as_object().cloned().unwrap_or_default();
        all.insert("workflow".into(), json!({}));
        *params = Value::Object(all);
    }
    params["workflow"].as_object_mut().expect("it was just made an object")
}

/// The parameters of an alert as they are now, which nobody else changes before this transaction has ended: what people did is
/// among them and must not be lost to who read them earlier.
///
/// # Errors
/// [`Error::NotFound`] for one that is not there or out of reach.
pub(super) async fn locked(tx: &mut Tx, id: Uuid) -> Result<Value> {
    let sql = sql!("SELECT params FROM school.outbreak_alerts WHERE id = $1 FOR NO KEY UPDATE");
    Ok(tx.query_opt(sql, &[&id]).await?.ok_or(Error::NotFound)?.get(0))
}

/// Adds to a list of what people did about an alert.
///
/// # Errors
/// [`Error::NotFound`] for one that is not there or out of reach.
pub(super) async fn noted(tx: &mut Tx, id: Uuid, list: &str, entry: Value) -> Result<()> {
    let mut params = locked(tx, id).await?;
    let mut all = params["workflow"][list].as_array().cloned().unwrap_or_default();
    all.push(entry);
    workflow(&mut params).insert(list.into(), json!(all));
    tx.update(TABLE, id, None, crate::row(json!({ "params": params }))).await.map(|_| ())
}

/// A day in JSON.
pub(super) fn date(value: &Value) -> Option<Date> {
    value.as_str().and_then(clock::date)
}

fn acknowledged(alerts: &[Kept]) -> Acknowledged {
    let mut all = Acknowledged::new();
    for alert in alerts {
        if let Some(on) = date(&alert.params["workflow"]["acknowledged_on"]) {
            for scope in &alert.scopes {
                all.entry((alert.syndrome.clone(), scope.clone())).or_default().push(on);
            }
        }
    }
    all
}

/// Looks and keeps what is found. The caller must reach the whole tenant.
///
/// # Errors
/// Those of the database.
pub(super) async fn run(tx: &mut Tx) -> Result<Done> {
    rules::seed(tx).await?;
    // One run at a time: two would each make an alert of the same signal.
    tx.query(sql!("SELECT id FROM school.outbreak_rules ORDER BY id LIMIT 1 FOR NO KEY UPDATE"), &[]).await?;
    let settings = Settings::load(tx).await?;
    let found = look(tx, settings, None, 0).await?;
    let end = found.facts.today().unwrap_or_else(|| tx.ctx.env.now().date());
    let kept = alerts(tx, end - HISTORY).await?;
    let loud: Vec<Signal> = found.signals.iter().filter(|s| s.is_loud(&found.settings)).cloned().collect();
    let mut done = Done { signals: loud.len(), ..Done::default() };
    for joined in join(loud, &found.facts) {
        let near = |a: &&Kept| a.takes(&joined);
        match kept.iter().filter(near).find(|a| !a.is_over()) {
            Some(alert) => {
                if change(tx, &found, alert, &joined).await? {
                    done.changed.push(alert.number.clone());
                }
            }
            None if kept.iter().filter(near).any(|a| a.knew(&joined)) => {}
            None => done.raised.push(make(tx, &found, &joined).await?),
        }
    }
    let absent = absence_signals::keep(tx, &found, AGAIN).await?;
    done.raised.extend(absent.raised);
    done.changed.extend(absent.changed);
    Ok(done)
}

impl Kept {
    fn is_over(&self) -> bool {
        matches!(self.state.as_str(), "DISMISSED" | "CLOSED")
    }

    /// Whether signals are about the same.
    fn takes(&self, joined: &Joined) -> bool {
        let near = joined.first <= self.last + APART && joined.last + APART >= self.first;
        near && joined.is_about((&self.syndrome, self.disease.as_deref()), self.disease.as_deref())
            && !self.members.is_disjoint(&joined.students)
    }

    /// Whether who decided knew all of it: no later signal, or nobody who was not ill then.
    fn knew(&self, joined: &Joined) -> bool {
        self.is_over() && (joined.last <= self.last || joined.students.is_subset(&self.members))
    }
}

/// The row of an alert as far as detection fills it.
fn values(found: &Found, joined: &Joined, cases: &BTreeSet<usize>, (first, last): (Date, Date)) -> (Scope, Value) {
    let (facts, lead) = (&found.facts, joined.lead());
    let about = smallest(cases, facts);
    let students: BTreeSet<Uuid> = cases.iter().map(|at| facts.cases[*at].student).collect();
    let severity = if about.kind >= Kind::School { "HIGH" } else { "MEDIUM" };
    let signals: Vec<Value> = joined
        .signals
        .iter()
        .map(|s| {
            json!({"on": s.on.to_string(), "method": s.method, "level": s.scope.kind.level_code(), "kind": s.scope.kind.code(),
                   "key": s.scope.key, "statistic": s.statistic, "threshold": s.threshold, "observed": s.observed,
                   "p": s.p, "q": s.q})
        })
        .collect();
    // The earliest onset: what a student had before it is no part of this.
    let from = cases.iter().map(|at| facts.cases[*at].onset).min();
    let detection = json!({
        "from": from.map(|day| day.to_string()), "kind": about.kind.code(), "name": facts.name_of(&about), "cases": students.len(), "population": facts.size(&about),
        "last_signal_on": last.to_string(), "settings": found.settings, "signals": signals,
        "lead": {"kind": lead.scope.kind.code(), "key": lead.scope.key, "name": facts.name_of(&lead.scope), "on": lead.on.to_string(),
                 "detail": lead.detail},
    });
    #[allow(clippy::cast_possible_truncation, reason = "bounded by 1e9 before")]
    let recurrence = lead.p.map(|p| (1.0 / p).min(1e9).round() as i64);
    let row = json!({
        "syndrome": joined.syndrome(), "disease_code": joined.disease(), "level": about.kind.level_code(),
        "school_id": facts.school_of(&about), "scope_ids": [about.key], "method": lead.method, "statistic": lead.statistic,
        "threshold": lead.threshold, "observed": lead.observed, "expected": lead.expected, "p_value": lead.p, "q_value": lead.q,
        "recurrence_interval_days": recurrence, "first_signal_on": first.to_string(),
        "severity": lead.severity.as_deref().unwrap_or(severity), "params": {"detection": detection, "workflow": {}},
    });
    (about, row)
}

async fn make(tx: &mut Tx, found: &Found, joined: &Joined) -> Result<String> {
    let (about, mut row) = values(found, joined, &joined.cases, (joined.first, joined.last));
    let number = next_number(tx, joined.first.year()).await?;
    let id = tx.ctx.env.id();
    row["number"] = json!(number);
    row["params"]["workflow"]["review_due_on"] = json!(due(tx, found, &about).await?.to_string());
    let severity = row["severity"].as_str().unwrap_or("MEDIUM").to_owned();
    tx.insert(TABLE, &[NewRow { id, values: crate::row(row) }]).await?;
    keep_clusters(tx, found, (id, &about), &joined.cases).await?;
    let (key, subject) = (format!("outbreak:{id}"), id.to_string());
    let raised = Raised {
        key: &key,
        severity: &severity,
        category: "OUTBREAK",
        title: &format!("Signal of an outbreak {number}: review it"),
        school: found.facts.school_of(&about),
        subject: &subject,
    };
    raise(tx, &raised).await?;
    tx.emit("school.outbreak.signalled", id, json!({"school": found.facts.school_of(&about)}));
    Ok(number)
}

/// The next school day: by then somebody has looked at it.
///
/// # Errors
/// Those of the database.
pub(super) async fn due(tx: &mut Tx, found: &Found, about: &Scope) -> Result<Date> {
    let school = found.facts.school_of(about);
    let today = found.facts.today().unwrap_or_else(|| tx.ctx.env.now().date());
    let sql = sql!(
        "SELECT min(day) FROM school.calendar_days WHERE is_instructional AND day > $1 AND ($2::uuid IS NULL OR school_id = $2)"
    );
    let next: Option<Date> = tx.query_opt(sql, &[&today, &school]).await?.and_then(|row| row.get(0));
    Ok(next.unwrap_or(today + Duration::days(1)))
}

async fn change(tx: &mut Tx, found: &Found, alert: &Kept, joined: &Joined) -> Result<bool> {
    let facts = &found.facts;
    let mut cases = joined.cases.clone();
    // Who was ill before the days that were looked at again still belongs to it.
    let since = alert.first - Duration::days(30);
    let from = date(&alert.params["detection"]["from"]);
    let illness = (alert.syndrome.as_str(), alert.disease.as_deref());
    cases.extend(facts.cases.iter().enumerate().filter_map(|(at, c)| {
        let mine = alert.members.contains(&c.student) && same_illness(c.illness(), illness);
        let then = c.reported >= since && from.is_none_or(|from| c.onset >= from);
        (mine && then).then_some(at)
    }));
    let span = (alert.first.min(joined.first), alert.last.max(joined.last));
    let (about, mut row) = values(found, joined, &cases, span);
    if row["params"]["detection"] == alert.params["detection"] {
        return Ok(false);
    }
    if let Some(disease) = alert.disease.as_deref().filter(|_| joined.disease().is_none()) {
        // What speaks now names no disease; it is what it was.
        (row["disease_code"], row["syndrome"]) = (json!(disease), json!(alert.syndrome));
    }
    row["params"]["workflow"] = locked(tx, alert.id).await?["workflow"].clone();
    tx.update(TABLE, alert.id, None, crate::row(row)).await?;
    tx.query(sql!("DELETE FROM school.outbreak_case_clusters WHERE alert_id = $1"), &[&alert.id]).await?;
    keep_clusters(tx, found, (alert.id, &about), &cases).await?;
    Ok(true)
}

async fn keep_clusters(
    tx: &mut Tx,
    found: &Found,
    (alert, about): (Uuid, &Scope),
    cases: &BTreeSet<usize>,
) -> Result<()> {
    let rows = clusters(&found.facts, alert, about, cases);
    let rows: Vec<NewRow> = rows.into_iter().map(|values| NewRow { id: tx.ctx.env.id(), values }).collect();
    if rows.is_empty() { Ok(()) } else { tx.insert("school.outbreak_case_clusters", &rows).await }
}

/// The number of the next alert of a year.
///
/// # Errors
/// Those of the database.
pub(super) async fn next_number(tx: &mut Tx, year: i32) -> Result<String> {
    let sql = sql!(
        "SELECT coalesce(max(split_part(number::text, '-', 3)::int), 0) + 1 FROM school.outbreak_alerts \
         WHERE number ~ ('^OB-' || $1::text || '-[0-9]{1,6}$')"
    );
    let row = tx.query_opt(sql, &[&year.to_string()]).await?;
    let next: i32 = row.ok_or_else(|| Error::internal("an aggregate has one row"))?.get(0);
    Ok(format!("OB-{year}-{next:04}"))
}

#[cfg(test)]
mod tests {
    use salus_rules::outbreak::predictive::tail;
    use serde_json::{Value, json};

    #[test]
    fn what_is_read_back_is_what_was_found() {
        for count in 1..200 {
            for before in 0..50 {
                let found = json!([tail(count, 1, (before, 7)), tail(count, 3, (before, 7)) * 4.0 / 3.0]);
                let kept: Value = serde_json::from_str(&found.to_string()).unwrap();
                assert_eq!(found, kept, "a repeated run would change the alert");
            }
        }
    }
}
