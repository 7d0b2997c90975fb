//! How often, why and how long students come to the clinic, and what class it takes: counted in the database, over a span of
//! days. Return to class is a share of the visits that have a disposition, as the NASN data set "Every Student Counts" has it.
//! Who may not open records is told the month of the last day, no small count, and none that could be had from the others: not from
//! the groups of a school, and not from those of other schools.

use super::{days, outbreak::Settings};
use crate::paper::{self, Cell, Sheet};
use salus_core::{Error, Result};
use salus_rules::class_time::frequent;
use salus_store::{Call, Method, Op, Param, Reply, Tx, run, sql};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use time::{Date, Duration};
use uuid::Uuid;

/// Longest span, in days.
const SPAN_DAYS: i64 = 400;
/// By what visits are counted.
const GROUPS: [&str; 6] = ["month", "grade", "complaint", "hour", "disposition", "school"];

/// The read.
#[must_use]
pub fn reads() -> Vec<Op> {
    let param = |name: &str, doc: &str, schema: Value| Param { name: name.into(), doc: doc.into(), schema };
    let date = || json!({"type": "string", "format": "date"});
    vec![Op {
        method: Method::Get,
        path: "/api/v1/clinic/visits/analytics".into(),
        name: "school.visit.analytics".into(),
        permission: "school.visit.read",
        summary: "Frequency, dispositions, length, class missed and frequent visitors of a school or the district"
            .into(),
        target: "school.clinic_visits",
        params: vec![
            param(
                "school_id",
                "One school; all that the caller reaches when it is left out",
                json!({"type": "string", "format": "uuid"}),
            ),
            param("from", "First day; 90 days before the last when it is left out", date()),
            param(
                "to",
                "Last day; today when it is left out. Who may not open records is told the month in which it lies: counts of spans \
                 that overlap would give away the days between",
                date(),
            ),
            param(
                "format",
                "csv: the answer also holds the table of dispositions by school, as the NASN data set asks for it",
                json!({"type": "string", "enum": ["json", "csv"]}),
            ),
        ],
        input: None,
        output: json!({"type": "object", "properties": {"file": paper::file_schema()}}),
        run: run(|tx, call| Box::pin(analytics(tx, call))),
    }]
}

/// What is counted.
struct Span {
    school: Option<Uuid>,
    from: Date,
    to: Date,
    /// Whether the caller may open records.
    all: bool,
}

async fn span(tx: &mut Tx, call: &Call) -> Result<Span> {
    let school = call.query_id("school_id")?;
    let (from, to) = days::span(tx, call, school, (90, SPAN_DAYS)).await?;
    let all = tx.ctx.may("kernel.phi.read");
    if all {
        return Ok(Span { school, from, to, all });
    }
    let first = to.replace_day(1).map_err(Error::internal)?;
    let last = first.saturating_add(Duration::days(i64::from(first.month().length(first.year())) - 1));
    Ok(Span { school, from: first, to: last, all })
}

async fn analytics(tx: &mut Tx, call: Call) -> Result<Reply> {
    let as_csv = match call.query_value("format").filter(|v| !v.is_empty()) {
        None | Some("json") => false,
        Some("csv") => true,
        Some(_) => return Err(Error::invalid("format", "not_allowed", "Is json or csv")),
    };
    let s = span(tx, &call).await?;
    let settings = Settings::load(tx).await?;
    let schools = schools(tx, &s).await?;
    let counted = counted(tx, &s, &settings).await?;
    let sql = sql!(
        "SELECT count(DISTINCT student_id), coalesce(sum(class_minutes_missed), 0)::int8, \
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM check_out_at - check_in_at)::float8 / 60), \
           percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM check_out_at - check_in_at)::float8 / 60) \
         FROM school.clinic_visits WHERE ($1::uuid IS NULL OR school_id = $1) AND visit_on >= $2 AND visit_on <= $3 AND status <> 'VOIDED'"
    );
    let rows = tx.query(sql, &[&s.school, &s.from, &s.to]).await?;
    let total = rows.first().ok_or_else(|| Error::internal("an aggregate has one row"))?;
    let visits = counted.total();
    let students = settings.told(tx, total.get(0));
    // A median, a sum of minutes and a share are as telling as the count that they are of.
    let telling = visits.is_some() && students.is_some();
    let rounded = |at: usize| total.get::<_, Option<f64>>(at).filter(|_| telling).map(|m| (m * 10.0).round() / 10.0);
    let often = if s.all { often(tx, &s).await? } else { Vec::new() };
    let missed = if s.all { missed(tx, &s).await? } else { Vec::new() };
    // A guess about a child is for who can look into it.
    let avoiding = if s.all && tx.ctx.may("school.med.order") { avoiding(tx, &s).await? } else { Vec::new() };
    tx.count(usize::try_from(counted.visits()).unwrap_or(usize::MAX));
    let mut told = json!({
        "schools": schools.iter().map(|(id, name)| json!({"id": id, "name": name})).collect::<Vec<_>>(),
        "from": s.from.to_string(), "to": s.to.to_string(), "enrolled": settings.told(tx, counted.enrolled(None, None)), "visits": visits,
        "visits_per_100_students": visits.and_then(|n| percent(n, counted.enrolled(None, None))),
        "students": students, "return_to_class_percent": counted.returned(),
        "median_minutes": rounded(2), "p90_minutes": rounded(3), "class_minutes_missed": telling.then(|| total.get::<_, i64>(1)),
        "groups": counted.groups(), "frequent_visitors": often, "most_class_missed": missed, "class_avoidance": avoiding,
        "small_counts_left_out": !s.all,
    });
    if as_csv {
        let sheet = dispositions(&s, &schools, &counted);
        told["file"] = paper::file("visits-by-disposition.csv", paper::CSV, paper::csv(&sheet)?.as_bytes());
    }
    Ok(Reply::json(told))
}

/// The schools that were counted.
async fn schools(tx: &mut Tx, s: &Span) -> Result<Vec<(Uuid, String)>> {
    let sql = sql!("SELECT id, name::text FROM school.schools WHERE $1::uuid IS NULL OR id = $1 ORDER BY name, id");
    Ok(tx.query(sql, &[&s.school]).await?.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Visits by group, value and school; the value of those that have none is empty.
struct Counted {
    school: Option<Uuid>,
    counts: BTreeMap<(&'static str, String, Uuid), i64>,
    /// Which of them may be told.
    told: BTreeSet<(&'static str, String, Uuid)>,
    /// The same of the schools together.
    sums: BTreeMap<(&'static str, String), (i64, Option<i64>)>,
    /// Students: all, those of a school and those of a grade.
    enrolled: Vec<(Option<Uuid>, Option<String>, i64)>,
}

/// Visits by month, grade, complaint, hour, disposition and school. Who may not open records sees of one school what could not be
/// had from the others, so all are counted.
async fn counted(tx: &mut Tx, s: &Span, settings: &Settings) -> Result<Counted> {
    let among = s.school.filter(|_| s.all);
    let sql = sql!(
        "SELECT g.by, coalesce(g.value, '') AS value, v.school_id, count(*) AS visits FROM school.clinic_visits v \
         JOIN school.schools s ON s.id = v.school_id LEFT JOIN school.student_profiles p ON p.patient_id = v.student_id \
         CROSS JOIN LATERAL (VALUES ('month', to_char(v.visit_on, 'YYYY-MM')), ('grade', p.grade::text), \
           ('complaint', v.chief_complaint_code::text), ('hour', to_char(v.check_in_at AT TIME ZONE s.timezone::text, 'HH24')), \
           ('disposition', v.disposition::text), ('school', v.school_id::text)) AS g (by, value) \
         WHERE ($1::uuid IS NULL OR v.school_id = $1) AND v.visit_on >= $2 AND v.visit_on <= $3 AND v.status <> 'VOIDED' \
         GROUP BY g.by, g.value, v.school_id ORDER BY g.by, g.value, v.school_id"
    );
    let mut counts = BTreeMap::new();
    for row in tx.query(sql, &[&among, &s.from, &s.to]).await? {
        let by: String = row.get("by");
        let Some(by) = GROUPS.into_iter().find(|known| *known == by) else { continue };
        counts.insert((by, row.get("value"), row.get("school_id")), row.get("visits"));
    }
    let sql = sql!(
        "SELECT e.school_id, e.grade::text AS grade, count(DISTINCT e.patient_id) AS students FROM school.student_enrollments e \
         WHERE ($1::uuid IS NULL OR e.school_id = $1) AND e.enrolled_on <= $3 AND (e.exited_on IS NULL OR e.exited_on >= $2) \
         GROUP BY GROUPING SETS ((), (e.school_id), (e.grade)) ORDER BY 1, 2"
    );
    let enrolled = tx.query(sql, &[&s.school, &s.from, &s.to]).await?;
    let enrolled = enrolled.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    let told = veiled(tx, settings, &counts);
    let mut sums = BTreeMap::new();
    for by in GROUPS {
        let mut of: BTreeMap<&String, i64> = BTreeMap::new();
        for ((_, value, _), n) in counts.iter().filter(|((group, ..), _)| *group == by) {
            *of.entry(value).or_default() += n;
        }
        let cells = settings.cells(tx, &of.values().copied().collect::<Vec<_>>());
        sums.extend(of.into_iter().zip(cells).map(|((value, n), cell)| ((by, value.clone()), (n, cell))));
    }
    Ok(Counted { school: s.school, counts, told, sums, enrolled })
}

/// Which counts of single schools may be told: those that can be had neither from the others of their school nor from the same of
/// other schools.
fn veiled(
    tx: &Tx,
    settings: &Settings,
    counts: &BTreeMap<(&'static str, String, Uuid), i64>,
) -> BTreeSet<(&'static str, String, Uuid)> {
    let keys: Vec<_> = counts.keys().collect();
    let mut lines: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, (by, value, school)) in keys.iter().enumerate() {
        lines.entry(format!("{by} of {school}")).or_default().push(at);
        // Its schools are one line.
        let of = if *by == "school" { "" } else { value };
        lines.entry(format!("{by} {of}")).or_default().push(at);
    }
    let lines: Vec<Vec<usize>> = lines.into_values().collect();
    let shown = settings.table(tx, &counts.values().copied().collect::<Vec<_>>(), &lines);
    shown.into_iter().map(|at| keys[at].clone()).collect()
}

impl Counted {
    /// One count, if it may be told; 0 for what is not there.
    fn cell(&self, by: &'static str, value: &str) -> Option<i64> {
        let Some(school) = self.school else {
            return self.sums.get(&(by, value.to_owned())).map_or(Some(0), |(_, cell)| *cell);
        };
        self.of_school(by, value, school)
    }

    fn of_school(&self, by: &'static str, value: &str, school: Uuid) -> Option<i64> {
        let key = (by, value.to_owned(), school);
        self.counts.get(&key).map_or(Some(0), |n| self.told.contains(&key).then_some(*n))
    }

    /// All visits that were counted.
    fn visits(&self) -> i64 {
        let here = |school: &Uuid| self.school.is_none_or(|only| only == *school);
        self.counts.iter().filter(|((by, _, school), _)| *by == "month" && here(school)).map(|(_, n)| n).sum()
    }

    /// The same, if it may be told.
    fn total(&self) -> Option<i64> {
        match self.school {
            Some(school) => self.of_school("school", &school.to_string(), school),
            // None of several, when one of them may not be told.
            None => self.sums.iter().filter(|((by, _), _)| *by == "month").map(|(_, (_, cell))| *cell).sum(),
        }
    }

    /// Students, all or those of one school or grade.
    fn enrolled(&self, school: Option<Uuid>, grade: Option<&str>) -> i64 {
        let fits = |(s, g, _): &&(Option<Uuid>, Option<String>, i64)| *s == school && g.as_deref() == grade;
        self.enrolled.iter().find(fits).map_or(0, |(.., n)| *n)
    }

    /// Percent who went back to class, of those of whom it is known how the visit ended.
    fn returned(&self) -> Option<f64> {
        let (back, open) = (self.cell("disposition", "RETURN_TO_CLASS")?, self.cell("disposition", "")?);
        percent(back, self.total()? - open)
    }

    fn groups(&self) -> Value {
        let mut out = json!({});
        for by in GROUPS {
            let here = |school: &Uuid| self.school.is_none_or(|only| only == *school);
            let values: BTreeSet<&String> = self
                .counts
                .keys()
                .filter(|(group, value, school)| *group == by && !value.is_empty() && here(school))
                .map(|(_, value, _)| value)
                .collect();
            let line = |value: &String| {
                let visits = self.cell(by, value);
                let students = match by {
                    "grade" => self.enrolled(None, Some(value)),
                    "school" => self.enrolled(value.parse().ok(), None),
                    _ => self.enrolled(None, None),
                };
                json!({"value": value, "visits": visits, "per_100_students": visits.and_then(|n| percent(n, students))})
            };
            out[by] = values.into_iter().map(line).collect();
        }
        out
    }
}

/// Dispositions by school with their share, as a table: what the NASN data set counts.
fn dispositions(s: &Span, schools: &[(Uuid, String)], counted: &Counted) -> Sheet {
    let head = ["school", "from", "to", "students_enrolled", "disposition", "visits", "percent_of_dispositions"];
    let mut rows = Vec::new();
    for (id, name) in schools {
        let here = |(by, value, school): &&(&'static str, String, Uuid)| {
            *by == "disposition" && school == id && !value.is_empty()
        };
        let known: Vec<(&str, Option<i64>)> = counted
            .counts
            .keys()
            .filter(here)
            .map(|(_, value, _)| (value.as_str(), counted.of_school("disposition", value, *id)))
            .collect();
        let all: Option<i64> = known.iter().map(|(_, n)| *n).sum();
        let enrolled = counted.enrolled(Some(*id), None);
        for (value, n) in known {
            let share = n.zip(all).and_then(|(n, all)| percent(n, all));
            rows.push(vec![
                Cell::text(name),
                Cell::Date(s.from),
                Cell::Date(s.to),
                number(Some(enrolled)),
                Cell::text(value),
                number(n),
                share.map_or(Cell::Empty, Cell::Number),
            ]);
        }
    }
    Sheet { name: "Dispositions".into(), head: head.map(str::to_owned).to_vec(), rows }
}

#[allow(clippy::cast_precision_loss, reason = "counts of visits are far below 2^52")]
fn number(n: Option<i64>) -> Cell {
    n.map_or(Cell::Empty, |n| Cell::Number(n as f64))
}

/// Frequent visitors of the last 30 days of the span.
async fn often(tx: &mut Tx, s: &Span) -> Result<Vec<Value>> {
    let sql = sql!(
        "SELECT student_id, visit_on FROM school.clinic_visits \
         WHERE ($1::uuid IS NULL OR school_id = $1) AND visit_on > $2::date - 30 AND visit_on <= $2 AND status <> 'VOIDED'"
    );
    let visits: Vec<(Uuid, Date)> =
        tx.query(sql, &[&s.school, &s.to]).await?.iter().map(|row| (row.get(0), row.get(1))).collect();
    let found = frequent(&visits, s.to).into_iter();
    Ok(found.map(|f| json!({"student_id": f.person, "visits": f.visits, "why": f.why})).collect())
}

/// Who missed most class.
async fn missed(tx: &mut Tx, s: &Span) -> Result<Vec<Value>> {
    let sql = sql!(
        "SELECT student_id, sum(class_minutes_missed)::int8 AS minutes, count(*) FROM school.clinic_visits \
         WHERE ($1::uuid IS NULL OR school_id = $1) AND visit_on >= $2 AND visit_on <= $3 AND status <> 'VOIDED' \
           AND class_minutes_missed > 0 GROUP BY student_id ORDER BY minutes DESC, student_id LIMIT 20"
    );
    let rows = tx.query(sql, &[&s.school, &s.from, &s.to]).await?;
    let line = |row: &salus_store::Row| json!({"student_id": row.get::<_, Uuid>(0), "minutes": row.get::<_, i64>(1), "visits": row.get::<_, i64>(2)});
    Ok(rows.iter().map(line).collect())
}

/// Who comes in the same lesson: at least three of five visits, of five or more. Perhaps it is the lesson.
async fn avoiding(tx: &mut Tx, s: &Span) -> Result<Vec<Value>> {
    let sql = sql!(
        "SELECT student_id, period, n, visits FROM ( \
           SELECT student_id, periods_missed -> 0 ->> 'name' AS period, count(*) AS n, \
             sum(count(*)) OVER (PARTITION BY student_id)::int8 AS visits FROM school.clinic_visits \
           WHERE ($1::uuid IS NULL OR school_id = $1) AND visit_on >= $2 AND visit_on <= $3 AND status <> 'VOIDED' GROUP BY 1, 2) x \
         WHERE period IS NOT NULL AND visits >= 5 AND n * 10 >= visits * 6 ORDER BY n DESC, student_id LIMIT 20"
    );
    let rows = tx.query(sql, &[&s.school, &s.from, &s.to]).await?;
    let line = |row: &salus_store::Row| json!({"student_id": row.get::<_, Uuid>(0), "period": row.get::<_, String>(1), "visits_in_it": row.get::<_, i64>(2), "visits": row.get::<_, i64>(3)});
    Ok(rows.iter().map(line).collect())
}

/// Tenths of a percent; nothing of nothing.
fn percent(part: i64, whole: i64) -> Option<f64> {
    #[allow(clippy::cast_precision_loss, reason = "counts of visits are far below 2^52")]
    let share = part as f64 / whole as f64;
    (whole > 0).then_some((share * 1000.0).round() / 10.0)
}
