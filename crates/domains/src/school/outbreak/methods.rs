//! What each method of detection has to go on, and what the weekly ones say of the last whole week: RKI 1 to 3, Farrington and Noufaily
//! over the weeks of a syndrome at a school and in the district. Most of them compare with earlier years, so it is said of each how much
//! history it needs and how much there is. They tell and raise no alert (decision 141).

use super::{
    detect::{HISTORY, TABLE},
    facts::{self, Facts, Kind, Scope},
    settings::Settings,
    spacetime,
    streams::LEAST_POPULATION,
};
use salus_core::{Error, Result};
use salus_rules::outbreak::{
    Bound,
    clusters::may_signal,
    farrington::{self, Calendar},
    rki,
};
use salus_store::{Call, Method, Op, Param, Reply, Tx, run, sql};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use time::{Date, Duration};
use uuid::Uuid;

/// Weeks that are read: what Farrington's four years need, and some more.
const WEEKS: i64 = 5 * 52 + 4;
/// Years that Farrington's algorithms compare with, weeks on either side, and the chance of more than their bound.
const YEARS: usize = 4;
const AROUND: usize = 3;
const ALPHA: f64 = 0.01;
/// The weekly methods, and the weeks each needs before the one it judges.
const WEEKLY: [(&str, usize); 5] = [
    ("RKI1", 6),
    ("RKI2", 52 + 6),
    ("RKI3", 2 * 52 + 4),
    ("FARRINGTON", YEARS * 52 + AROUND),
    ("NOUFAILY", YEARS * 52 + AROUND),
];
/// The daily methods, and the school days each needs before the one it judges.
const DAILY: [(&str, usize); 5] =
    [("C1", 9), ("C2", 9), ("C3", 11), ("CUSUM", 9), (spacetime::METHOD, spacetime::WINDOW - 1)];

/// The read.
pub(super) fn read() -> Op {
    Op {
        method: Method::Get,
        path: "/api/v1/health/outbreaks/methods".into(),
        name: "school.outbreak.methods".into(),
        permission: "school.outbreak.read",
        summary: "The methods of detection, how much history each needs and has, and what the weekly ones say of the last whole week"
            .into(),
        target: TABLE,
        params: vec![Param {
            name: "school_id".into(),
            doc: "Weeks of this school only; of all within reach and of the district when it is left out".into(),
            schema: json!({"type": "string", "format": "uuid"}),
        }],
        input: None,
        output: json!({"type": "object"}),
        run: run(|tx, call| Box::pin(told(tx, call))),
    }
}

/// The weeks of all syndromes, at schools and, without one, in the district.
struct Weeks {
    /// Mondays, from the week of the first report to the last whole week.
    all: Vec<Date>,
    counts: BTreeMap<(String, Option<Uuid>), Vec<u32>>,
    /// Mondays of weeks with school: without a calendar every week is one.
    school: BTreeSet<Date>,
}

async fn told(tx: &mut Tx, call: Call) -> Result<Reply> {
    let only = call.query_id("school_id")?;
    let settings = Settings::load(tx).await?;
    let today = tx.ctx.env.now().date();
    let facts = facts::load(tx, (today - HISTORY, None)).await?;
    if let Some(only) = only.filter(|only| !facts.schools.iter().any(|s| s.id == *only)) {
        return Err(Error::invalid("school_id", "no_such_record", format!("{only} is no school within your reach")));
    }
    let mut weeks = weeks(tx, &facts, facts.today().unwrap_or(today)).await?;
    weeks.counts.retain(|(_, place), _| only.is_none() || *place == only);
    let days = facts.days().len().saturating_sub(1);
    let mut methods: Vec<Value> = Vec::new();
    for (method, needs) in DAILY {
        let mut one = json!({"method": method, "unit": "days", "needs": needs, "has": days, "alarms": []});
        if method == spacetime::METHOD {
            let schools = spacetime::located(&facts).len();
            one["schools"] = json!({"needs": spacetime::LEAST_SCHOOLS, "has": schools});
        }
        methods.push(one);
    }
    let has = weeks.all.len().saturating_sub(1);
    for (method, needs) in WEEKLY {
        let alarms = if has < needs { Vec::new() } else { alarms(tx, method, &weeks, (&facts, &settings)) };
        methods.push(json!({"method": method, "unit": "weeks", "needs": needs, "has": has, "alarms": alarms}));
    }
    tx.count(weeks.counts.len());
    let week_of = weeks.all.last().map(Date::to_string);
    let schools = facts.schools.iter().map(|s| s.id).filter(|id| only.is_none_or(|only| *id == only));
    let schools: Vec<Uuid> = schools.collect();
    Ok(Reply::json(json!({
        "methods": methods, "schools": schools, "week_of": week_of, "small_cell": settings.small_cell
    })))
}

async fn weeks(tx: &mut Tx, facts: &Facts, today: Date) -> Result<Weeks> {
    let monday = |day: Date| day - Duration::days(i64::from(day.weekday().number_days_from_monday()));
    // This week is not whole yet.
    let last = monday(today) - Duration::weeks(1);
    let from = last - Duration::weeks(WEEKS);
    let schools: Vec<Uuid> = facts.schools.iter().map(|s| s.id).collect();
    let sql = sql!(
        "SELECT t.school_id, t.syndrome::text, date_trunc('week', t.reported_at AT TIME ZONE s.timezone::text)::date AS week, \
           count(DISTINCT t.student_id)::int \
         FROM school.symptom_tracking t JOIN school.schools s ON s.id = t.school_id \
         WHERE t.school_id = ANY($1) AND t.case_class <> 'RULED_OUT' AND t.reported_at >= $2::date - 1 GROUP BY 1, 2, 3"
    );
    let mut found: Vec<(Uuid, String, Date, i32)> =
        tx.query(sql, &[&schools, &from]).await?.iter().map(|r| (r.get(0), r.get(1), r.get(2), r.get(3))).collect();
    found.retain(|(_, _, week, _)| (from..=last).contains(week));
    let all: Vec<Date> = match found.iter().map(|f| f.2).min() {
        Some(first) => (0..=(last - first).whole_weeks()).map(|n| first + Duration::weeks(n)).collect(),
        None => Vec::new(),
    };
    let mut counts: BTreeMap<(String, Option<Uuid>), Vec<u32>> = BTreeMap::new();
    for (school, syndrome, week, students) in found {
        let Ok(at) = all.binary_search(&week) else { continue };
        // The district only where it is more than one school.
        for place in std::iter::once(Some(school)).chain((schools.len() > 1).then_some(None)) {
            let own = counts.entry((syndrome.clone(), place)).or_insert_with(|| vec![0; all.len()]);
            own[at] += u32::try_from(students).unwrap_or(0);
        }
    }
    let sql = sql!(
        "SELECT DISTINCT date_trunc('week', day)::date FROM school.calendar_days \
         WHERE is_instructional AND school_id = ANY($1) AND day >= $2"
    );
    let mut school: BTreeSet<Date> = tx.query(sql, &[&schools, &from]).await?.iter().map(|r| r.get(0)).collect();
    // Before the calendar begins nothing is known of holidays.
    let begins = school.first().copied();
    school.extend(all.iter().copied().filter(|week| begins.is_none_or(|begins| *week < begins)));
    Ok(Weeks { all, counts, school })
}

/// Where a method says that the last whole week had too many.
fn alarms(tx: &Tx, method: &str, weeks: &Weeks, (facts, settings): (&Facts, &Settings)) -> Vec<Value> {
    let mut found = Vec::new();
    for ((syndrome, place), counts) in &weeks.counts {
        let Some(observed) = counts.last().copied() else { continue };
        let scope = match place {
            Some(school) => Scope { kind: Kind::School, key: school.to_string() },
            None => Scope { kind: Kind::District, key: "district".into() },
        };
        let population = facts.size(&scope);
        if population < LEAST_POPULATION || !may_signal(scope.kind.level(), observed, population) {
            continue;
        }
        let Some(bound) = judge(method, weeks, counts).filter(|bound| bound.alarm) else { continue };
        let shown = settings.told(tx, i64::from(observed));
        found.push(json!({
            "syndrome": syndrome, "level": scope.kind.level_code(), "name": facts.name_of(&scope), "school_id": place,
            "observed": shown, "upper": shown.map(|_| bound.upper),
        }));
    }
    found
}

/// The bound of the last week; none where a method has nothing to say.
fn judge(method: &str, weeks: &Weeks, counts: &[u32]) -> Option<Bound> {
    let rki = |counts: &[u32], rule| rki::bounds(counts, rule).pop().flatten();
    let farrington = |settings: &farrington::Settings| {
        let calendar = Calendar::WeeksFrom(*weeks.all.first()?);
        farrington::week(counts, counts.len().checked_sub(1)?, calendar, settings).map(|week| week.bound)
    };
    match method {
        // The weeks just before: holidays are left out, or the first week after them would always stand out.
        "RKI1" => {
            weeks.school.contains(weeks.all.last()?).then_some(())?;
            let own = weeks.all.iter().zip(counts).filter(|(week, _)| weeks.school.contains(week));
            rki(&own.map(|(_, n)| *n).collect::<Vec<_>>(), rki::Rule::RKI1)
        }
        "RKI2" => rki(counts, rki::Rule::RKI2),
        "RKI3" => rki(counts, rki::Rule::RKI3),
        "FARRINGTON" => farrington(&farrington::Settings::classic(YEARS, AROUND, ALPHA)),
        _ => farrington(&farrington::Settings::noufaily(YEARS, AROUND, ALPHA)),
    }
}
