//! How often a definition would have fired in the last seven days, by the events that are kept so long.

use super::condition::{Condition, Facts};
use crate::{auth, clock};
use salus_core::{Error, Result};
use salus_store::{
    Tx,
    jobs::{Cron, Zone},
    sql,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Days of events that are kept and replayed.
const DAYS: i64 = 7;
const DAY_S: i64 = 86_400;
/// Between two times at which what is measured is asked.
const EACH_S: i64 = 60;
/// Most events that are replayed; the newest.
const MOST: i64 = 200_000;

/// What came of a replay.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    /// How often the condition held.
    pub(super) matched: i64,
    /// How many alerts that would have made.
    pub(super) fired: i64,
    /// On the day with the most.
    pub(super) most_a_day: i64,
    /// Whether a number was named of which no past is kept.
    pub(super) unmeasured: bool,
    /// The next set times, where there are any.
    pub(super) next: Vec<String>,
}

impl Replayed {
    pub(super) fn told(&self) -> Value {
        if !self.next.is_empty() {
            return json!({"replayed": true, "days": DAYS, "matched": self.matched, "fired": self.fired,
                          "most_a_day": self.most_a_day, "next": self.next});
        }
        if self.unmeasured {
            return json!({"replayed": false, "why": "no past of these numbers is kept"});
        }
        json!({"replayed": true, "days": DAYS, "matched": self.matched, "fired": self.fired, "most_a_day": self.most_a_day})
    }
}

/// The key of an alert by its template.
pub(super) fn key(template: &str, event: &str, row: Option<Uuid>, body: &Value) -> String {
    let row = row.map(|row| row.to_string()).unwrap_or_default();
    let school = body.get("school").and_then(Value::as_str).unwrap_or_default();
    let due = body.get("due").and_then(Value::as_str).unwrap_or_default();
    let key =
        template.replace("{row}", &row).replace("{school}", school).replace("{event}", event).replace("{due}", due);
    key.trim_end_matches(':').chars().take(128).collect()
}

/// Set times that are told beforehand.
const NEXT: usize = 5;

/// How often a set time came in the last seven days, whatever else is asked then, and when it comes next.
///
/// # Errors
/// Those of the database; [`salus_core::Error::Invalid`] for a time that never comes.
pub(super) async fn set_times(tx: &mut Tx, condition: &Condition) -> Result<Replayed> {
    let mut done = Replayed::default();
    let Some(text) = condition.schedules().into_iter().next() else { return Ok(done) };
    let zone = Zone::named(&auth::timezone(tx).await?);
    let never = |_| Error::invalid("/condition", "condition_invalid", format!("{text} is a time that never comes"));
    let cron = Cron::parse(text).and_then(|cron| cron.next(&zone, tx.ctx.env.now()).map(|_| cron)).map_err(never)?;
    let now = tx.ctx.env.now();
    let (mut at, mut days) = (now - time::Duration::days(DAYS), BTreeMap::<i64, i64>::new());
    loop {
        at = cron.next(&zone, at)?;
        if at > now {
            break;
        }
        done.fired += 1;
        *days.entry((now - at).whole_seconds() / DAY_S).or_default() += 1;
    }
    for _ in 0..NEXT {
        done.next.push(clock::text(at)?);
        at = cron.next(&zone, at)?;
    }
    done.matched = done.fired;
    done.most_a_day = days.into_values().max().unwrap_or(0);
    Ok(done)
}

/// Replays the last seven days. Alerts are counted as they are raised anew: the same key counts once until it was away for the
/// window, or for a day where there is none.
///
/// # Errors
/// Those of the database.
pub(super) async fn replay(
    tx: &mut Tx,
    condition: &Condition,
    source: &str,
    template: &str,
    window_s: i32,
) -> Result<Replayed> {
    let mut done = Replayed { unmeasured: !condition.metrics().is_empty(), ..Replayed::default() };
    if done.unmeasured {
        return Ok(done);
    }
    let happened = condition.named_events();
    let names: Vec<&str> = happened.iter().copied().chain(condition.counted().into_keys()).collect();
    let sql = sql!(
        "SELECT event, row_id, body, extract(epoch FROM created_at)::bigint AS at \
         FROM (SELECT event, row_id, body, created_at FROM kernel.outbox \
               WHERE event = ANY($1::text[]) AND created_at > clock_timestamp() - $2 * interval '1 second' \
               ORDER BY created_at DESC LIMIT $3) e ORDER BY created_at"
    );
    #[allow(clippy::cast_precision_loss, reason = "seconds of two weeks")]
    let back = (2 * DAYS * DAY_S) as f64;
    let rows = tx.query(sql, &[&names, &back, &MOST]).await?;
    let mut times: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for row in &rows {
        times.entry(row.get("event")).or_default().push(row.get("at"));
    }
    let mut facts = Facts { times, ..Facts::default() };
    // When events happened is told by the database's clock.
    let sql = sql!("SELECT extract(epoch FROM clock_timestamp())::bigint");
    let now: i64 = tx.query_opt(sql, &[]).await?.map_or(0, |row| row.get(0));
    let window = if window_s == 0 { DAY_S } else { i64::from(window_s) };
    let (mut last, mut days) = (HashMap::<String, i64>::new(), BTreeMap::<i64, i64>::new());
    let mut fire = |done: &mut Replayed, key: String, at: i64| {
        done.matched += 1;
        if last.insert(key, at).is_none_or(|before| at - before > window) {
            done.fired += 1;
            *days.entry((now - at) / DAY_S).or_default() += 1;
        }
    };
    if source == "EVENT" {
        for row in rows.iter().filter(|row| row.get::<_, i64>("at") > now - DAYS * DAY_S) {
            let (event, body): (String, Value) = (row.get("event"), row.get("body"));
            facts.at = row.get("at");
            let key = key(template, &event, row.get("row_id"), &body);
            facts.event = Some((event, body));
            if condition.holds(&facts) {
                fire(&mut done, key, facts.at);
            }
        }
    } else {
        let first = now - DAYS * DAY_S;
        for minute in 1..=DAYS * DAY_S / EACH_S {
            facts.at = first + minute * EACH_S;
            if condition.holds(&facts) {
                fire(&mut done, key(template, "", None, &Value::Null), facts.at);
            }
        }
    }
    done.most_a_day = days.into_values().max().unwrap_or(0);
    Ok(done)
}
