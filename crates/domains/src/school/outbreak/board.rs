//! What is seen of alerts: the list, the least likely first, and one with its curve, its clusters, its cases and what can be done.
//! Who may not open records sees no small count and no case.

use super::{
    deciding::CLASSES,
    detect::{TABLE, date},
    facts,
    joining::APART,
    letter_words::illness,
    life::{REASONS, following},
    rules::DISEASES,
    settings::Settings,
    streams::{Stream, streams},
};
use crate::{clock, told};
use salus_core::Result;
use salus_rules::outbreak::ears::{Rule, bounds};
use salus_store::{Call, Method, Op, Param, Record, Reply, Tx, run, sql};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use time::{Date, Duration};
use uuid::Uuid;

/// Alerts of one answer.
const MOST: i64 = 200;
/// Days before the first signal that are read, and school days of the series.
const SERIES: Duration = Duration::days(90);
const SHOWN: usize = 40;
/// Cases of one answer, of whom names are opened.
const CASES: usize = 500;

/// The list and one.
pub(super) fn reads() -> Vec<Op> {
    let text = |name: &str, doc: &str, schema: Value| Param { name: name.into(), doc: doc.into(), schema };
    let op = |path: &str, verb: &str, summary: &str, params: Vec<Param>, run| Op {
        method: Method::Get,
        path: format!("/api/v1/health/outbreaks{path}"),
        name: format!("school.outbreak.{verb}"),
        permission: "school.outbreak.read",
        summary: summary.to_owned(),
        target: TABLE,
        params,
        input: None,
        output: json!({"type": "object"}),
        run,
    };
    vec![
        op(
            "",
            "board",
            "Signals and outbreaks within reach: hard rules first, then by q-value",
            vec![
                text("school_id", "Only of this school", json!({"type": "string", "format": "uuid"})),
                text("syndrome", "Only of this syndrome", json!({"type": "string"})),
                text("state", "Only in this state; open for all that are not over", json!({"type": "string"})),
            ],
            run(|tx, call| Box::pin(board(tx, call))),
        ),
        op(
            "/{id}",
            "show",
            "One alert with its statistics, curve, clusters, cases and what can follow",
            Vec::new(),
            run(|tx, call| Box::pin(show(tx, call))),
        ),
    ]
}

async fn board(tx: &mut Tx, call: Call) -> Result<Reply> {
    let school = call.query_id("school_id")?;
    let given = |name: &str| call.query_value(name).filter(|v| !v.is_empty()).map(str::to_owned);
    let (syndrome, state) = (given("syndrome"), given("state"));
    let settings = Settings::load(tx).await?;
    let sql = sql!(
        "SELECT jsonb_build_object('id', a.id, 'row_version', a.row_version, 'number', a.number, 'syndrome', a.syndrome, \
           'disease_code', a.disease_code, 'level', a.level, 'school_id', a.school_id, 'school', s.name, \
           'name', a.params #> '{detection,name}', 'method', a.method, 'statistic', a.statistic, 'threshold', a.threshold, \
           'observed', a.observed, 'expected', a.expected, 'p_value', a.p_value, 'q_value', a.q_value, \
           'cases', a.params #> '{detection,cases}', 'first_signal_on', a.first_signal_on, \
           'last_signal_on', a.params #> '{detection,last_signal_on}', 'severity', a.severity, 'state', a.state, \
           'review_due_on', a.params #> '{workflow,review_due_on}', 'rule', a.params #> '{detection,lead,detail,rule}') \
         FROM school.outbreak_alerts a LEFT JOIN school.schools s ON s.id = a.school_id \
         WHERE ($1::uuid IS NULL OR a.school_id = $1) AND ($2::text IS NULL OR a.syndrome::text = $2) \
           AND ($3::text IS NULL OR ($3 = 'open' AND a.state NOT IN ('DISMISSED', 'CLOSED')) OR a.state::text = $3) \
         ORDER BY a.state IN ('DISMISSED', 'CLOSED'), a.method <> 'RULE', a.q_value NULLS LAST, a.first_signal_on DESC, a.number DESC \
         LIMIT $4"
    );
    let rows = tx.query(sql, &[&school, &syndrome, &state, &MOST]).await?;
    let mut data: Vec<Value> = rows.iter().map(|row| row.get(0)).collect();
    for alert in &mut data {
        suppress(tx, &settings, alert);
    }
    tx.count(data.len());
    let waiting = sql!(
        "SELECT jsonb_build_object('rules', count(*), 'not_confirmed', count(*) FILTER (WHERE confirmed_at IS NULL)) \
         FROM school.outbreak_rules WHERE is_active"
    );
    let rules = told(tx, waiting, &[]).await?;
    Ok(Reply::json(json!({"data": data, "rules": rules, "small_cell": settings.small_cell})))
}

/// Leaves out the counts of an alert that are too small for the caller, and what they could be computed from.
fn suppress(tx: &Tx, settings: &Settings, alert: &mut Value) {
    let small = ["observed", "cases"]
        .iter()
        .any(|name| alert[*name].as_i64().is_some_and(|count| settings.told(tx, count).is_none()));
    alert["small_cell"] = json!(small);
    if small {
        for name in ["observed", "cases", "expected", "statistic", "p_value", "q_value", "recurrence_interval_days"] {
            if let Some(value) = alert.get_mut(name) {
                *value = Value::Null;
            }
        }
    }
}

async fn show(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    Ok(Reply::json(one(tx, id).await?))
}

/// One alert.
///
/// # Errors
/// [`salus_core::Error::NotFound`] for one that is not there or of a school out of reach.
pub(super) async fn one(tx: &mut Tx, id: Uuid) -> Result<Value> {
    let alert = tx.get(TABLE, id, &[]).await?;
    let settings = Settings::load(tx).await?;
    let open = tx.ctx.may("kernel.phi.read");
    let mut told = json!(alert);
    let params = told.as_object_mut().and_then(|o| o.remove("params")).unwrap_or_default();
    told["cases"] = params["detection"]["cases"].clone();
    suppress(tx, &settings, &mut told);
    told["least"] = json!(settings.small_cell);
    told["name"] = params["detection"]["name"].clone();
    told["population"] = params["detection"]["population"].clone();
    told["last_signal_on"] = params["detection"]["last_signal_on"].clone();
    told["review_due_on"] = params["workflow"]["review_due_on"].clone();
    told["steps"] = params["workflow"]["steps"].as_array().map_or_else(|| json!([]), |steps| json!(steps));
    told["rule"] = params["detection"]["lead"]["detail"]["rule"].clone();
    // Series and single onsets would give away what is suppressed.
    if open {
        told["series"] = series(tx, &alert, &params, &settings).await?;
        told["detection"] = params["detection"].clone();
    }
    let next = following(alert.text("state"));
    told["next"] = json!(if tx.ctx.may("school.outbreak.declare") { next } else { &[] });
    told["reasons"] = json!(REASONS);
    told["case_classes"] = json!(CLASSES);
    told["diseases"] = json!(DISEASES);
    told["has_letter"] = json!(illness(alert.text("disease_code"), alert.text("syndrome")).is_some());
    told["letters"] = params["workflow"]["letters"].as_array().map_or_else(|| json!([]), |all| json!(all));
    let school: Option<Uuid> = alert.text("school_id").parse().ok();
    told["school"] = match school {
        Some(school) => {
            tx.get("school.schools", school, &["name"]).await.map_or(Value::Null, |s| json!(s.text("name")))
        }
        None => Value::Null,
    };
    tx.on_row(id);
    told["clusters"] = clusters(tx, id, &settings).await?;
    let cases = cases(tx, id).await?;
    told["curve"] = curve(tx, &settings, &cases);
    told["line_list_total"] = json!(open.then_some(cases.len()));
    told["line_list"] = if open {
        let shown = cases.into_iter().take(CASES).collect();
        json!(named(tx, shown).await?)
    } else {
        Value::Null
    };
    Ok(told)
}

/// The reports of the illness where the alert is about, by school day, with the bound of C2.
async fn series(tx: &mut Tx, alert: &Record, params: &Value, settings: &Settings) -> Result<Value> {
    let Some(first) = clock::date(alert.text("first_signal_on")) else { return Ok(Value::Null) };
    let facts = facts::load(tx, (first - SERIES, None)).await?;
    let key = alert.get("scope_ids").and_then(|ids| ids.get(0)).and_then(Value::as_str).unwrap_or_default();
    let kind = params["detection"]["kind"].as_str().unwrap_or_default();
    let mine = |s: &Stream| s.syndrome == alert.text("syndrome") && s.scope.key == key && s.scope.kind.code() == kind;
    let Some(stream) = streams(&facts).into_iter().find(mine) else { return Ok(Value::Null) };
    let rule = Rule { z: settings.c2, sd_floor: settings.sd_floor, ..Rule::C2 };
    let upper: Vec<Option<f64>> = bounds(&stream.counts, rule).into_iter().map(|b| b.map(|b| b.upper)).collect();
    let from = stream.days.len().saturating_sub(SHOWN);
    let days: Vec<String> = stream.days[from..].iter().map(Date::to_string).collect();
    Ok(json!({"days": days, "counts": stream.counts[from..], "upper": upper[from..]}))
}

pub(super) async fn clusters(tx: &mut Tx, alert: Uuid, settings: &Settings) -> Result<Value> {
    let sql = sql!(
        "SELECT c.cluster_kind::text AS kind, c.key::text AS key, coalesce(g.name::text, split_part(c.key::text, '/', 2)) AS name, \
           c.case_count, c.population, c.attack_rate, c.relative_risk, c.llr, c.period_from::text AS since, c.period_to::text AS until \
         FROM school.outbreak_case_clusters c \
         LEFT JOIN school.class_groups g ON g.id::text = c.key::text \
         WHERE c.alert_id = $1 ORDER BY c.cluster_kind = 'HOUSEHOLD', c.llr DESC NULLS LAST, c.case_count DESC, c.key"
    );
    let rows = tx.query(sql, &[&alert]).await?;
    let open = tx.ctx.may("kernel.phi.read");
    // Groups of one kind add up to what is known otherwise, groups of several do not. A home is a few persons: it is told of to
    // nobody else.
    let mut kinds: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        kinds.entry(row.get("kind")).or_default().push(at);
    }
    let mut cells: BTreeMap<usize, Option<i64>> = BTreeMap::new();
    for places in kinds.into_iter().filter(|(kind, _)| open || kind != "HOUSEHOLD").map(|(_, places)| places) {
        let counts: Vec<i64> = places.iter().map(|at| i64::from(rows[*at].get::<_, i32>("case_count"))).collect();
        cells.extend(places.into_iter().zip(settings.cells(tx, &counts)));
    }
    let mut all = Vec::new();
    for (at, shown) in cells {
        let row = &rows[at];
        let kind: String = row.get("kind");
        let number = |name: &str| shown.and_then(|_| row.get::<_, Option<f64>>(name));
        let population: i32 = row.get("population");
        all.push(json!({
            "kind": kind, "key": row.get::<_, String>("key"), "name": row.get::<_, Option<String>>("name"), "cases": shown,
            "population": population, "attack_rate": number("attack_rate"), "relative_risk": number("relative_risk"),
            "llr": number("llr"), "from": row.get::<_, Option<String>>("since"), "to": row.get::<_, Option<String>>("until"),
        }));
    }
    Ok(json!(all))
}

/// A case of an alert.
pub(super) struct Ill {
    pub(super) student: Uuid,
    pub(super) told: Value,
}

/// The cases of an alert that the caller reaches, one a person, by onset: the first illness of each in the days of the alert,
/// which end three days after its last signal. What a student had before or has later is no part of it.
///
/// # Errors
/// Those of the database.
pub(super) async fn cases(tx: &mut Tx, alert: Uuid) -> Result<Vec<Ill>> {
    let sql = sql!(
        "SELECT DISTINCT ON (t.student_id) t.student_id, jsonb_build_object('id', t.id, 'row_version', t.row_version, 'student_id', t.student_id, 'onset_on', t.onset_on, \
           'reported_at', t.reported_at, 'symptoms', t.symptoms, 'temperature', t.temperature, 'absent', t.absent, \
           'case_class', t.case_class, 'disease_code', t.disease_code, 'source', t.source, 'grade', p.grade, 'homeroom', h.name, \
           'school_id', t.school_id) \
         FROM school.outbreak_alerts a \
         JOIN school.symptom_tracking t ON t.case_class <> 'RULED_OUT' \
           AND CASE WHEN a.disease_code IS NOT NULL AND t.disease_code IS NOT NULL THEN t.disease_code::text = a.disease_code::text \
             ELSE t.syndrome::text = a.syndrome::text END \
           AND t.onset_on >= coalesce((a.params #>> '{detection,from}')::date, a.first_signal_on - 60) \
           AND t.onset_on <= coalesce((a.params #>> '{detection,last_signal_on}')::date, a.first_signal_on) + $2::int \
         LEFT JOIN school.student_profiles p ON p.patient_id = t.student_id \
         LEFT JOIN school.class_groups h ON h.id = p.homeroom_id \
         WHERE a.id = $1 AND t.student_id::text IN ( \
             SELECT unnest(c.members) FROM school.outbreak_case_clusters c WHERE c.alert_id = a.id) \
         ORDER BY t.student_id, t.onset_on, t.id"
    );
    let after = i32::try_from(APART.whole_days()).unwrap_or(0);
    let rows = tx.query(sql, &[&alert, &after]).await?;
    let mut all: Vec<Ill> = rows.iter().map(|row| Ill { student: row.get(0), told: row.get(1) }).collect();
    all.sort_by(|a, b| (a.told["onset_on"].as_str(), a.student).cmp(&(b.told["onset_on"].as_str(), b.student)));
    for case in &all {
        tx.about(case.student);
    }
    tx.count(all.len());
    Ok(all)
}

/// Cases by day of onset, each day from the first to the last. Small days are left out for who may not open records.
pub(super) fn curve(tx: &Tx, settings: &Settings, cases: &[Ill]) -> Value {
    let onsets: Vec<Date> = cases.iter().filter_map(|case| date(&case.told["onset_on"])).collect();
    let (Some(first), Some(last)) = (onsets.iter().min(), onsets.iter().max()) else { return json!([]) };
    let days: Vec<Date> = (0..=(*last - *first).whole_days()).map(|n| *first + Duration::days(n)).collect();
    let count = |day: &Date| i64::try_from(onsets.iter().filter(|on| *on == day).count()).unwrap_or(i64::MAX);
    let shown = settings.cells(tx, &days.iter().map(count).collect::<Vec<_>>());
    days.iter().zip(shown).map(|(on, n)| json!({"on": on.to_string(), "cases": n})).collect()
}

/// Cases with the names of the students, which are opened by it.
pub(super) async fn named(tx: &mut Tx, cases: Vec<Ill>) -> Result<Vec<Value>> {
    let ids: Vec<Uuid> = cases.iter().map(|c| c.student).collect();
    let fields = ["id", "pseudonym", "family_name", "given_names", "preferred_name"];
    let people = tx.select("medical.patients", &fields, "t.id = ANY($1)", &[&ids]).await?;
    let by_id: HashMap<Uuid, &salus_store::Record> = people.iter().filter_map(|p| Some((p.id()?, p))).collect();
    let with = |case: Ill| {
        let mut told = case.told;
        for name in &fields[1..] {
            told[*name] = json!(by_id.get(&case.student).map(|p| p.text(name)));
        }
        told
    };
    Ok(cases.into_iter().map(with).collect())
}
