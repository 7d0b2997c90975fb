//! What waits for a nurse, at all of their schools together or at one: who is in the clinic now, which doses, whose orders and
//! exemptions end, and how many students lack vaccine doses. Each is an operation of its own, because each takes its own
//! permission and reach. The number of statements does not depend on how many schools or students there are; names are opened
//! for those who are listed, no others.

use super::{
    aides,
    doses::TAKEN,
    reads::{NAME, briefs, of_school, schools, waited},
    supplies,
};
use crate::clock;
use salus_core::{Error, Result};
use salus_rules::medication::{self, Standing};
use salus_store::{Call, Method, Op, Reply, Row, Run, Tx, run, sql};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

/// Most of each list.
const SHOWN: i64 = 12;
/// How far ahead doses are told.
const AHEAD: Duration = Duration::hours(2);
/// After how long it is asked what a dose given as needed did (30 to 60 minutes).
const EFFECT_AFTER: Duration = Duration::minutes(30);
/// Days before their end in which orders are told.
const ORDER_DAYS: i32 = 14;
/// The same of exemptions.
const EXEMPTION_DAYS: i32 = 30;

/// The reads.
#[must_use]
pub fn reads() -> Vec<Op> {
    let op = |path: &str, name: &str, (permission, target): (&'static str, &'static str), summary: &str, run: Run| Op {
        method: Method::Get,
        path: format!("/api/v1/{path}"),
        name: name.to_owned(),
        permission,
        summary: summary.to_owned(),
        target,
        params: vec![of_all("school_id")],
        input: None,
        output: json!({"type": "object"}),
        run,
    };
    vec![
        op(
            "clinic/now",
            "school.clinic.now",
            ("school.visit.read", "school.clinic_visits"),
            "Who is in the clinics of your schools now, the longest first, and how many by school",
            run(|tx, call| Box::pin(in_clinic(tx, call))),
        ),
        op(
            "medications/waiting",
            "school.medication_round.waiting",
            ("school.med.administer", "school.medication_administrations"),
            "Doses at your schools: missed today, late, due and due within two hours; effects to ask for; orders that end within 14 days",
            run(|tx, call| Box::pin(doses(tx, call))),
        ),
        op(
            "immunizations/waiting",
            "school.immunization.waiting",
            ("school.immunization.read", "school.immunization_evaluations"),
            "How many students of your schools lack vaccine doses, a record or a judgement, and exemptions that end within 30 days",
            run(|tx, call| Box::pin(vaccines(tx, call))),
        ),
    ]
}

/// The parameter that narrows to one school.
fn of_all(name: &str) -> salus_store::Param {
    salus_store::Param { doc: "One school; all of yours when it is left out".into(), ..of_school(name) }
}

/// The schools that are looked at.
struct Places {
    ids: Vec<Uuid>,
    names: Vec<(Uuid, String)>,
    /// All of the caller's.
    mine: Vec<(Uuid, String)>,
}

impl Places {
    /// One that the call names, or all of the caller's.
    async fn of(tx: &mut Tx, call: &Call) -> Result<Self> {
        let (only, mine) = (call.query_id("school_id")?, schools(tx).await?);
        let names: Vec<(Uuid, String)> = mine.iter().filter(|(id, _)| only.is_none_or(|o| o == *id)).cloned().collect();
        if let Some(only) = only
            && names.is_empty()
        {
            return Err(Error::invalid(
                "school_id",
                "no_such_record",
                format!("{only} is no school within your reach"),
            ));
        }
        Ok(Self { ids: names.iter().map(|(id, _)| *id).collect(), names, mine })
    }

    /// Each school with what is counted there.
    fn told(&self, counts: &BTreeMap<Uuid, Value>, nothing: &Value) -> Vec<Value> {
        let one = |(id, name): &(Uuid, String)| {
            let mut told = counts.get(id).unwrap_or(nothing).clone();
            told["id"] = json!(id);
            told["name"] = json!(name);
            told
        };
        self.names.iter().map(one).collect()
    }
}

async fn in_clinic(tx: &mut Tx, call: Call) -> Result<Reply> {
    let places = Places::of(tx, &call).await?;
    let now = tx.ctx.env.now();
    let sql = sql!(
        "SELECT school_id, count(*) AS open FROM school.clinic_visits WHERE school_id = ANY($1) AND status = 'OPEN' GROUP BY school_id"
    );
    let counted = tx.query(sql, &[&places.ids]).await?;
    let counts: BTreeMap<Uuid, i64> = counted.iter().map(|row| (row.get("school_id"), row.get("open"))).collect();
    let fields = ["student_id", "school_id", "check_in_at", "chief_complaint_code", "head_injury", "row_version"];
    let visits = tx
        .select(
            "school.clinic_visits",
            &fields,
            "t.school_id = ANY($1) AND t.status = 'OPEN' ORDER BY t.check_in_at, t.id LIMIT $2",
            &[&places.ids, &SHOWN],
        )
        .await?;
    let people: Vec<Uuid> = visits.iter().filter_map(|v| v.text("student_id").parse().ok()).collect();
    let known = briefs(tx, &people).await?;
    let shown = visits.iter().map(|visit| {
        let mut shown = json!(visit);
        shown["student"] = known.get(visit.text("student_id")).cloned().unwrap_or(Value::Null);
        shown["minutes"] = json!(waited(visit.text("check_in_at"), now));
        shown
    });
    let open: Vec<Value> = shown.collect();
    let total: i64 = counts.values().sum();
    let counts = counts.into_iter().map(|(school, n)| (school, json!({ "open": n }))).collect();
    let schools = places.told(&counts, &json!({"open": 0}));
    let mine: Vec<Value> = places.mine.iter().map(|(id, name)| json!({"id": id, "name": name})).collect();
    Ok(Reply::json(json!({"at": clock::text(now)?, "mine": mine, "schools": schools, "open": open, "total": total})))
}

/// Where a dose stands that somebody still has to say something about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Waits {
    Missed,
    Late,
    Due,
    Soon,
    Effect,
}

impl Waits {
    const ALL: [Self; 5] = [Self::Missed, Self::Late, Self::Due, Self::Soon, Self::Effect];

    fn name(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::Late => "late",
            Self::Due => "due",
            Self::Soon => "soon",
            Self::Effect => "effect",
        }
    }

    fn of(row: &Row, now: OffsetDateTime, window: Duration) -> Self {
        match (row.get::<_, Option<OffsetDateTime>>("scheduled_for"), row.get::<_, Option<String>>("outcome")) {
            (None, _) => Self::Effect,
            (Some(_), Some(_)) => Self::Missed,
            (Some(slot), None) => match medication::standing(window, slot, now) {
                Standing::Late => Self::Late,
                Standing::Due => Self::Due,
                Standing::Later => Self::Soon,
            },
        }
    }
}

async fn doses(tx: &mut Tx, call: Call) -> Result<Reply> {
    let places = Places::of(tx, &call).await?;
    let now = tx.ctx.env.now();
    let window = supplies::window(tx).await?;
    let found = waiting(tx, &places.ids, now, window).await?.into_iter();
    let found: Vec<(Waits, Row)> = found.map(|row| (Waits::of(&row, now, window), row)).collect();
    let mut counts: BTreeMap<Uuid, Value> = BTreeMap::new();
    for (waits, row) in &found {
        let at = counts.entry(row.get("school_id")).or_insert_with(none_waits);
        at[waits.name()] = json!(at[waits.name()].as_i64().unwrap_or(0) + 1);
    }
    let ending = orders_ending(tx, &places.ids, now).await?;
    let most = usize::try_from(SHOWN).unwrap_or_default();
    let of = |effects: bool| found.iter().filter(move |(w, _)| (*w == Waits::Effect) == effects).take(most);
    let listed: Vec<&Row> = of(false).chain(of(true)).map(|(_, row)| row).chain(&ending).collect();
    let people = named(tx, &listed).await?;
    let dose = |(waits, row): &(Waits, Row)| -> Result<Value> {
        let instant = |name: &str| row.get::<_, Option<OffsetDateTime>>(name).map(clock::text).transpose();
        Ok(json!({
            "id": row.get::<_, Uuid>("id"), "school_id": row.get::<_, Uuid>("school_id"), "student": of_row(&people, row),
            "medication": row.get::<_, Option<String>>("medication"), "scheduled_for": instant("scheduled_for")?,
            "administered_at": instant("administered_at")?, "waits": waits.name(),
        }))
    };
    let due: Vec<Value> = of(false).map(dose).collect::<Result<_>>()?;
    let effects: Vec<Value> = of(true).map(dose).collect::<Result<_>>()?;
    let orders: Vec<Value> = ending.iter().map(|row| ends(row, &people, "medication")).collect();
    let total: i64 = ending.first().map_or(0, |row| row.get("total"));
    tx.count(found.len());
    Ok(Reply::json(json!({
        "schools": places.told(&counts, &none_waits()), "doses": due, "effects": effects, "orders": orders, "orders_total": total,
    })))
}

fn none_waits() -> Value {
    Value::Object(Waits::ALL.iter().map(|w| (w.name().to_owned(), json!(0))).collect())
}

/// The doses of each school's day that nobody has said enough about: not recorded by their time or within two hours of it, missed,
/// or given as needed and not asked about.
async fn waiting(tx: &mut Tx, schools: &[Uuid], now: OffsetDateTime, window: Duration) -> Result<Vec<Row>> {
    // The bounds by a day find the rows by their index; the school's own day decides.
    let sql = sql!(
        "SELECT a.id, a.student_id, a.school_id, a.medication::text AS medication, a.scheduled_for, a.administered_at, \
           a.outcome::text AS outcome \
         FROM school.medication_administrations a JOIN school.schools s ON s.id = a.school_id \
         CROSS JOIN LATERAL (SELECT ($2::timestamptz AT TIME ZONE s.timezone::text)::date::timestamp AT TIME ZONE s.timezone::text AS begins) d \
         LEFT JOIN school.student_medication_orders o ON o.id = a.order_id \
         WHERE a.school_id = ANY($1) \
           AND ($7 OR a.administered_by = $8 OR school.is_delegated(a.order_id, $8, ($2::timestamptz AT TIME ZONE s.timezone::text)::date)) AND ( \
           (a.scheduled_for > $2::timestamptz - interval '1 day' AND a.scheduled_for >= d.begins AND a.scheduled_for <= $3 \
             AND (a.outcome = 'MISSED' OR (a.outcome IS NULL AND o.status = 'ACTIVE' AND school.absence_at( \
               a.student_id, a.school_id, a.scheduled_for, a.scheduled_for + $6::int8 * interval '1 minute') IS NULL))) \
           OR (a.scheduled_for IS NULL AND a.administered_at > $2::timestamptz - interval '1 day' AND a.administered_at >= d.begins \
             AND a.administered_at <= $4 AND a.prn_effect IS NULL AND a.outcome = ANY($5))) \
         ORDER BY coalesce(a.scheduled_for, a.administered_at), a.medication, a.id"
    );
    let (ahead, asked) = (now + AHEAD, now - EFFECT_AFTER);
    let (nurse, user) = (tx.ctx.may("school.med.order"), tx.ctx.actor.id);
    let minutes = window.whole_minutes();
    tx.query(sql, &[&schools, &now, &ahead, &asked, &TAKEN.as_slice(), &minutes, &nurse, &user]).await
}

async fn orders_ending(tx: &mut Tx, schools: &[Uuid], now: OffsetDateTime) -> Result<Vec<Row>> {
    let sql = sql!(
        "SELECT o.id, o.student_id, o.medication::text AS medication, o.valid_to AS until_on, count(*) OVER () AS total \
         FROM school.student_medication_orders o JOIN school.student_profiles p ON p.patient_id = o.student_id \
         JOIN school.schools s ON s.id = p.school_id \
         CROSS JOIN LATERAL (SELECT ($2::timestamptz AT TIME ZONE s.timezone::text)::date AS day) l \
         WHERE p.school_id = ANY($1) AND p.enrollment_status = 'ENROLLED' AND o.status = 'ACTIVE' \
           AND o.valid_to >= l.day AND o.valid_to <= l.day + $3::int AND ($5::uuid[] IS NULL OR o.id = ANY($5)) \
         ORDER BY o.valid_to, o.medication, o.id LIMIT $4"
    );
    let among = aides::shown(tx, None).await?;
    tx.query(sql, &[&schools, &now, &ORDER_DAYS, &SHOWN, &among]).await
}

async fn vaccines(tx: &mut Tx, call: Call) -> Result<Reply> {
    let places = Places::of(tx, &call).await?;
    let now = tx.ctx.env.now();
    let sql = sql!(
        "SELECT p.school_id, jsonb_build_object('students', count(*), 'not_evaluated', count(*) FILTER (WHERE e.status IS NULL), \
           'overdue', count(*) FILTER (WHERE e.status IN ('NONCOMPLIANT', 'EXCLUDED')), \
           'no_record', count(*) FILTER (WHERE e.status = 'NO_RECORD')) AS told \
         FROM school.student_profiles p LEFT JOIN school.immunization_evaluations e ON e.student_id = p.patient_id \
         WHERE p.school_id = ANY($1) AND p.enrollment_status = 'ENROLLED' GROUP BY p.school_id"
    );
    let counted = tx.query(sql, &[&places.ids]).await?;
    let counts: BTreeMap<Uuid, Value> = counted.iter().map(|row| (row.get(0), row.get(1))).collect();
    let sql = sql!(
        "SELECT x.id, x.student_id, x.kind::text AS kind, x.valid_until AS until_on, count(*) OVER () AS total \
         FROM school.immunization_exemptions x JOIN school.student_profiles p ON p.patient_id = x.student_id \
         JOIN school.schools s ON s.id = p.school_id \
         CROSS JOIN LATERAL (SELECT ($2::timestamptz AT TIME ZONE s.timezone::text)::date AS day) l \
         WHERE p.school_id = ANY($1) AND p.enrollment_status = 'ENROLLED' AND x.status = 'APPROVED' \
           AND x.valid_until >= l.day AND x.valid_until <= l.day + $3::int \
         ORDER BY x.valid_until, x.id LIMIT $4"
    );
    let ending = tx.query(sql, &[&places.ids, &now, &EXEMPTION_DAYS, &SHOWN]).await?;
    let people = named(tx, &ending.iter().collect::<Vec<_>>()).await?;
    let exemptions: Vec<Value> = ending.iter().map(|row| ends(row, &people, "kind")).collect();
    let total: i64 = ending.first().map_or(0, |row| row.get("total"));
    let nothing = json!({"students": 0, "not_evaluated": 0, "overdue": 0, "no_record": 0});
    Ok(Reply::json(json!({
        "schools": places.told(&counts, &nothing), "exemptions": exemptions, "exemptions_total": total,
    })))
}

/// An order or an exemption of a student, with its last day and what it is.
fn ends(row: &Row, people: &HashMap<Uuid, Value>, what: &str) -> Value {
    let until = row.get::<_, Date>("until_on").to_string();
    let mut told = json!({"id": row.get::<_, Uuid>("id"), "student": of_row(people, row), "until": until});
    told[what] = json!(row.get::<_, String>(what));
    told
}

/// The names of the students of these rows, which are opened by it.
async fn named(tx: &mut Tx, rows: &[&Row]) -> Result<HashMap<Uuid, Value>> {
    let ids: BTreeSet<Uuid> = rows.iter().map(|row| row.get("student_id")).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let people = tx.select("medical.patients", &NAME[..4], "t.id = ANY($1)", &[&ids]).await?;
    let named = people.iter().filter_map(|person| {
        let id = person.id()?;
        let mut told: Map<String, Value> = NAME[..4].iter().map(|n| ((*n).to_owned(), json!(person.text(n)))).collect();
        told.insert("id".into(), json!(id));
        Some((id, Value::Object(told)))
    });
    Ok(named.collect())
}

fn of_row(people: &HashMap<Uuid, Value>, row: &Row) -> Value {
    people.get(&row.get::<_, Uuid>("student_id")).cloned().unwrap_or(Value::Null)
}
