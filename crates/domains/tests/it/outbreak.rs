//! Outbreaks at school, through the door: what is found and what is not, how an alert lives, who sees which count, and what a
//! report gives out. Section 5.5 of the specification. The school has rooms, and school on every weekday.

use crate::{
    clinic::{School, nurse},
    world::{World, at},
};
use salus_core::{ActorKind, Ctx, Error, Permissions};
use salus_domains::{
    auth::{self, NewUser},
    school::detect_outbreaks,
};
use salus_store::{
    Body, Call,
    engine::NewRow,
    jobs::{Dispatcher, Pace},
    outbound::{Outbound, Rules},
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fs, path::Path, sync::Arc};
use time::{Date, Duration, Weekday, macros::date};
use uuid::Uuid;

pub const TODAY: Date = date!(2026 - 03 - 02);

/// A school with rooms of students, by room.
pub struct Rooms {
    pub school: School,
    pub rooms: Vec<(String, Vec<Uuid>)>,
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(members) = value else { panic!("no object") };
    members
}

pub async fn insert(world: &World, table: &str, rows: Vec<Value>) -> Vec<Uuid> {
    let mut tx = world.db.begin(world.operator(), false).await.unwrap();
    let rows: Vec<NewRow> = rows.into_iter().map(|v| NewRow { id: world.db.env().id(), values: object(v) }).collect();
    tx.insert(table, &rows).await.unwrap_or_else(|e| panic!("{table}: {e}"));
    tx.commit("test.plant", table).await.unwrap();
    rows.iter().map(|r| r.id).collect()
}

/// The weekdays of some weeks until today, without those of a holiday.
pub fn weekdays(weeks: i64, holiday: Option<(Date, Date)>) -> Vec<Date> {
    let first = TODAY - Duration::weeks(weeks);
    let all = (0..=weeks * 7).map(|n| first + Duration::days(n));
    let free = |day: &Date| holiday.is_some_and(|(from, to)| (from..=to).contains(day));
    all.filter(|d| !matches!(d.weekday(), Weekday::Saturday | Weekday::Sunday) && !free(d)).collect()
}

impl Rooms {
    pub async fn new(names: &[(&str, usize)], days: &[Date]) -> Self {
        let school = School::new().await;
        let world = &school.world;
        let past = days.iter().filter(|d| **d != TODAY);
        let day = |d: &Date| json!({"school_id": school.id, "day": d.to_string(), "is_instructional": true});
        insert(world, "school.calendar_days", past.map(day).collect()).await;
        let year = json!({"name": "2025-26", "starts_on": "2025-08-01", "ends_on": "2026-07-31"});
        let year = insert(world, "school.school_years", vec![year]).await[0];
        let mut rooms = Vec::new();
        let mut number = 0;
        for (name, size) in names {
            let group = json!({"school_id": school.id, "school_year_id": year, "kind": "HOMEROOM", "name": name});
            let group = insert(world, "school.class_groups", vec![group]).await[0];
            let people =
                (0..*size).map(|_| json!({"family_name": "Quillfeather", "birth_month": "2016-05-01"})).collect();
            let people = insert(world, "medical.patients", people).await;
            let profile = |id: &Uuid| {
                number += 1;
                json!({"patient_id": id, "student_number": format!("N-{number}"), "school_id": school.id, "grade": "4",
                       "homeroom_id": group})
            };
            insert(world, "school.student_profiles", people.iter().map(profile).collect()).await;
            rooms.push((group.to_string(), people));
        }
        Self { school, rooms }
    }

    pub fn world(&self) -> &World {
        &self.school.world
    }

    pub fn student(&self, room: usize, place: usize) -> Uuid {
        self.rooms[room].1[place]
    }

    pub async fn ill(&self, syndrome: &str, cases: &[(Uuid, Date)]) {
        let case = |(student, on): &(Uuid, Date)| {
            json!({"student_id": student, "school_id": self.school.id, "onset_on": on.to_string(), "syndrome": syndrome,
                   "reported_at": format!("{on}T17:00:00Z"), "source": "STAFF", "symptoms": ["COUGH"]})
        };
        insert(self.world(), "school.symptom_tracking", cases.iter().map(case).collect()).await;
    }

    pub async fn detect(&self) {
        let mut tx = self.world().db.begin(self.world().operator(), false).await.unwrap();
        detect_outbreaks(&mut tx).await.unwrap();
        tx.commit("test.detect", "school.outbreak_alerts").await.unwrap();
    }

    async fn dry(&self) -> Value {
        self.json("school.outbreak.detect", Call { body: json!({"dry_run": true}), ..Call::default() }).await
    }

    pub async fn json(&self, op: &str, call: Call) -> Value {
        told(self.world().call(op, call).await.unwrap().body)
    }

    pub async fn board(&self) -> Vec<Value> {
        let told = self.json("school.outbreak.board", Call::default()).await;
        told["data"].as_array().unwrap().clone()
    }

    pub async fn show(&self, id: &Value) -> Value {
        self.json("school.outbreak.show", at(id.as_str().unwrap())).await
    }

    pub async fn step(&self, alert: &Value, body: Value) -> Result<Value, Error> {
        let now = self.show(&alert["id"]).await;
        let version = i32::try_from(now["row_version"].as_i64().unwrap()).unwrap();
        let call = Call { body, if_match: Some(version), ..at(alert["id"].as_str().unwrap()) };
        self.world().call("school.outbreak.decide", call).await.map(|reply| told(reply.body))
    }

    /// Three of a room with vomiting on two days: a hard rule.
    pub async fn vomiting(&self) -> Value {
        let (yesterday, today) = (date!(2026 - 02 - 28), TODAY);
        let cases = [(self.student(0, 0), yesterday), (self.student(0, 1), today), (self.student(0, 2), today)];
        self.ill("GI", &cases).await;
        self.detect().await;
        self.board().await.remove(0)
    }
}

pub fn told(body: Body) -> Value {
    let Body::Json(value) = body else { panic!("no JSON") };
    value
}

pub fn code(told: Result<Value, Error>) -> String {
    match told {
        Err(Error::Invalid(fields)) => fields[0].code.clone(),
        Err(Error::Conflict { code, .. }) => code.to_string(),
        other => panic!("{other:?}"),
    }
}

pub async fn count(world: &World, table: &str) -> i64 {
    let admin = world.database.connect("salus_admin").await;
    admin.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_first_case_after_quiet_weeks_is_silent() {
    let s = Rooms::new(&[("12", 24), ("14", 25)], &weekdays(10, None)).await;
    s.ill("GI", &[(s.student(0, 3), TODAY)]).await;
    let dry = s.dry().await;
    assert_eq!(dry["signals"], json!([]), "one case is below every least count");
    let room = dry["series"].as_array().unwrap().iter().find(|r| r["key"] == json!(s.rooms[0].0)).unwrap();
    let last = |name: &str| room[name].as_array().unwrap().last().unwrap().clone();
    assert_eq!((last("counts"), last("c1"), room["population"].clone()), (json!(1), json!(2.0), json!(24)));
    s.detect().await;
    assert_eq!(s.board().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_week_of_holidays_is_no_quiet_week_before_a_wave() {
    let holiday = (date!(2026 - 02 - 16), date!(2026 - 02 - 22));
    let days = weekdays(9, Some(holiday));
    assert!(days.len() > 39);
    let s = Rooms::new(&[("12", 30), ("14", 30), ("16", 30)], &days).await;
    // Two or three a day, the same before the holiday and after; nobody twice in a week.
    let mut cases = Vec::new();
    for (n, day) in days.iter().enumerate() {
        cases.extend((0..2 + n % 2).map(|k| (s.student((n + k) % 3, (n * 3 + k) % 30), *day)));
    }
    s.ill("RESP", &cases).await;
    let dry = s.dry().await;
    let loud: Vec<&Value> = dry["signals"].as_array().unwrap().iter().filter(|x| x["would_alert"] == true).collect();
    assert!(loud.is_empty(), "{loud:?}");
    let school = dry["series"].as_array().unwrap().iter().find(|r| r["level"] == "SCHOOL").unwrap();
    let shown: Vec<&str> = school["days"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(shown.contains(&"2026-02-13") && shown.contains(&"2026-02-23") && !shown.contains(&"2026-02-18"));
    s.detect().await;
    assert_eq!(s.board().await, Vec::<Value>::new());
}

/// The scan of the specification: 1, 7, 1, 0, 2 and 1 of six rooms, in seven school days.
#[tokio::test]
async fn the_scan_finds_the_room_and_says_how() {
    let days = weekdays(12, None);
    let sizes = [("11", 24), ("12", 26), ("13", 25), ("14", 22), ("15", 27), ("16", 26)];
    let s = Rooms::new(&sizes, &days).await;
    let (before, week) = days.split_at(days.len() - 7);
    let mut cases: Vec<(Uuid, Date)> = Vec::new();
    // As many as usual, in all rooms alike.
    for (n, day) in before.iter().enumerate() {
        cases.push((s.student(n % 6, 10 + (n / 6) % 10), *day));
        if n % 2 == 0 {
            cases.push((s.student((n + 3) % 6, 20 + (n / 12) % 2), *day));
        }
    }
    for (place, day) in week.iter().enumerate() {
        cases.push((s.student(1, place), *day));
    }
    for (room, place, day) in [(0, 0, 0), (2, 0, 2), (4, 0, 3), (4, 1, 5), (5, 0, 6)] {
        cases.push((s.student(room, place), week[day]));
    }
    s.ill("RESP", &cases).await;
    s.detect().await;
    let board = s.board().await;
    let alert = board.iter().find(|a| a["method"] == "SCAN").unwrap_or_else(|| panic!("{board:?}"));
    assert_eq!((&alert["level"], &alert["name"], &alert["observed"]), (&json!("CLASS"), &json!("12"), &json!(7)));
    let near = |value: &Value, wanted: f64, by: f64| assert!((value.as_f64().unwrap() - wanted).abs() < by, "{value}");
    near(&alert["expected"], 2.08, 1e-9);
    near(&alert["statistic"], 5.069, 5e-4);
    assert!((0.003..0.02).contains(&alert["p_value"].as_f64().unwrap()) && alert["q_value"].as_f64().unwrap() <= 0.05);
    let shown = s.show(&alert["id"]).await;
    let detail = &shown["detection"]["lead"]["detail"];
    near(&detail["relative_risk"], 6.68, 5e-3);
    assert_eq!(
        (&detail["replicas"], &detail["seed"]),
        (&json!(999), &json!(20_260_101)),
        "what it can be computed from"
    );
    let room = shown["clusters"].as_array().unwrap().iter().find(|c| c["kind"] == "HOMEROOM").unwrap();
    assert_eq!((&room["key"], &room["population"]), (&json!(s.rooms[1].0), &json!(26)));
    assert!(room["cases"].as_u64().unwrap() >= 7, "the scans of the days before bring their cases: {room}");
}

#[tokio::test]
async fn a_hard_rule_alerts_once_says_that_it_is_not_confirmed_and_goes_on_with_new_cases() {
    let s = Rooms::new(&[("12", 24), ("14", 25)], &weekdays(10, None)).await;
    let alert = s.vomiting().await;
    assert_eq!((&alert["method"], &alert["level"], &alert["name"]), (&json!("RULE"), &json!("CLASS"), &json!("12")));
    assert_eq!((&alert["state"], &alert["severity"], &alert["cases"]), (&json!("SIGNAL"), &json!("HIGH"), &json!(3)));
    assert_eq!((&alert["rule"]["code"], &alert["rule"]["confirmed"]), (&json!("gi_class"), &json!(false)));
    assert_eq!(alert["review_due_on"], "2026-03-03");
    let raised =
        "alerts.alert_instances WHERE category = 'OUTBREAK' AND title NOT LIKE '%GI%' AND title NOT LIKE '%12%'";
    assert_eq!(count(s.world(), raised).await, 1, "somebody is told, without saying of what");
    let before = s.show(&alert["id"]).await;
    s.detect().await;
    s.detect().await;
    let again = s.board().await;
    assert_eq!(
        (again.len(), &again[0]["row_version"]),
        (1, &before["row_version"]),
        "a run that is repeated changes nothing"
    );
    s.ill("GI", &[(s.student(0, 5), TODAY)]).await;
    s.detect().await;
    let more = s.board().await;
    assert_eq!((more.len(), &more[0]["id"], &more[0]["cases"]), (1, &alert["id"], &json!(4)), "the same alert goes on");
    let shown = s.show(&alert["id"]).await;
    assert_eq!(shown["line_list"].as_array().unwrap().len(), 4);
    assert_eq!(shown["line_list"][0]["family_name"], "Quillfeather");
    let days =
        json!([{"on": "2026-02-28", "cases": 1}, {"on": "2026-03-01", "cases": 0}, {"on": "2026-03-02", "cases": 3}]);
    assert_eq!(shown["curve"], days, "a day without a case is one of the curve");
}

#[tokio::test]
async fn rules_are_confirmed_by_a_person_and_a_change_takes_that_back() {
    let s = Rooms::new(&[("12", 24)], &weekdays(6, None)).await;
    s.detect().await;
    let listed = s.world().call("school.outbreak_rule.list", Call::default()).await.unwrap();
    let Body::Page(page) = listed.body else { panic!("no page") };
    assert_eq!(page.rows.len(), 8, "the defaults");
    assert!(page.rows.iter().all(|r| r.text("confirmed_at").is_empty()));
    let rule = page.rows.iter().find(|r| r.text("code") == "gi_class").unwrap().text("id").to_owned();
    let confirm = async |ctx: Ctx| s.world().call_as(ctx, "school.outbreak_rule.confirm", at(&rule)).await;
    assert!(matches!(confirm(s.world().operator()).await, Err(Error::Conflict { code: "person_required", .. })));
    let person = person(s.world(), "lead@north.example").await;
    let confirmed = confirm(person.clone()).await.unwrap();
    assert!(confirmed.version().is_some());
    assert!(matches!(confirm(person).await, Err(Error::Conflict { code: "state_conflict", .. })));
    let version = i32::try_from(confirmed.version().unwrap()).unwrap();
    let call = Call { body: json!({"case_count": 4}), if_match: Some(version), ..at(&rule) };
    let Body::Row(row) = s.world().call("school.outbreak_rule.change", call).await.unwrap().body else {
        panic!("no row")
    };
    assert_eq!((row.get("case_count"), row.text("confirmed_at")), (Some(&json!(4)), ""));
    // Three are no signal of this rule any more.
    let cases = [0, 1, 2].map(|n| (s.student(0, n), TODAY));
    s.ill("GI", &cases).await;
    let dry = s.dry().await;
    assert!(dry["signals"].as_array().unwrap().iter().all(|x| x["method"] != "RULE"), "{dry}");
}

/// A person of the tenant who signed in and may do everything.
async fn person(world: &World, email: &str) -> Ctx {
    let mut tx = world.db.begin(world.operator(), false).await.unwrap();
    let new = NewUser { email: email.into(), display_name: "Lead".into(), roles: vec![] };
    let user = auth::invite(&mut tx, &new).await.unwrap().user;
    tx.commit("auth.user.invite", "auth.users").await.unwrap();
    let mut ctx = world.operator();
    ctx.actor.kind = ActorKind::User;
    ctx.actor.id = user;
    ctx
}

#[tokio::test]
async fn one_home_is_no_outbreak_and_one_case_of_measles_is_an_alert() {
    let s = Rooms::new(&[("12", 24), ("14", 25)], &weekdays(6, None)).await;
    let ill = [0, 1, 2].map(|n| s.student(0, n));
    let contacts =
        ill.map(|id| json!({"patient_id": id, "name": "Aunt", "relationship": "AUNT", "phone": "+1 555 0100"}));
    insert(s.world(), "medical.patient_contacts", contacts.to_vec()).await;
    s.ill("GI", &ill.map(|id| (id, TODAY))).await;
    s.detect().await;
    assert_eq!(s.board().await, Vec::<Value>::new(), "three of one home");
    let report = json!({"reports": [{"student_id": s.student(1, 0), "onset_on": "2026-03-01", "symptoms": ["FEVER", "RASH"],
                                     "disease_code": "MEASLES"}]});
    s.json("school.symptom.record", Call { body: report, ..Call::default() }).await;
    // Nobody waits for the run of six o'clock.
    drain(s.world()).await;
    let alert = s.board().await.remove(0);
    assert_eq!((&alert["disease_code"], &alert["severity"]), (&json!("MEASLES"), &json!("CRITICAL")));
    assert_eq!(alert["level"], "SCHOOL", "it does not point at a child");
}

#[tokio::test]
async fn an_alert_goes_its_way_step_by_step_and_a_dismissal_says_why() {
    let s = Rooms::new(&[("12", 24), ("14", 25)], &weekdays(10, None)).await;
    let alert = s.vomiting().await;
    assert_eq!(code(s.step(&alert, json!({"state": "OUTBREAK"})).await), "state_conflict");
    assert_eq!(code(s.step(&alert, json!({"state": "ELSEWHERE"})).await), "not_allowed");
    let now = s.step(&alert, json!({"state": "UNDER_REVIEW"})).await.unwrap();
    assert_eq!((&now["state"], &now["next"]), (&json!("UNDER_REVIEW"), &json!(["CLUSTER", "DISMISSED"])));
    assert_eq!(code(s.step(&alert, json!({"state": "DISMISSED"})).await), "reason_required");
    assert_eq!(code(s.step(&alert, json!({"state": "DISMISSED", "reason": "BORED"})).await), "not_allowed");
    s.step(&alert, json!({"state": "CLUSTER"})).await.unwrap();
    s.step(&alert, json!({"state": "OUTBREAK"})).await.unwrap();
    assert_eq!(code(s.step(&alert, json!({"state": "REPORTED"})).await), "required");
    s.step(&alert, json!({"state": "REPORTED", "reported_to": "An invented county"})).await.unwrap();
    let now = s.step(&alert, json!({"state": "MONITORING"})).await.unwrap();
    assert_eq!(now["steps"].as_array().unwrap().len(), 5);
    // The last case is of today: one incubation of three days must pass.
    assert_eq!(code(s.step(&alert, json!({"state": "CONTROLLED"})).await), "state_conflict");
    s.world().admin("UPDATE school.symptom_tracking SET onset_on = '2026-02-20'").await;
    s.step(&alert, json!({"state": "CONTROLLED"})).await.unwrap();
    let now = s.step(&alert, json!({"state": "CLOSED"})).await.unwrap();
    assert_eq!((&now["closed_reason"], &now["next"]), (&json!("ENDED"), &json!([])));
}

#[tokio::test]
async fn what_was_dismissed_comes_back_only_with_others_who_fall_ill() {
    let s = Rooms::new(&[("12", 24), ("14", 25)], &weekdays(10, None)).await;
    let alert = s.vomiting().await;
    s.step(&alert, json!({"state": "UNDER_REVIEW"})).await.unwrap();
    let over = s.step(&alert, json!({"state": "DISMISSED", "reason": "KNOWN_EVENT"})).await.unwrap();
    assert_eq!(over["closed_reason"], "KNOWN_EVENT");
    s.detect().await;
    assert_eq!(s.board().await.len(), 1, "the same signal is no new alert");
}

#[tokio::test]
async fn reports_in_the_future_and_signs_that_mean_nothing_are_refused_by_their_place() {
    let s = Rooms::new(&[("12", 12)], &weekdays(3, None)).await;
    let record = async |reports: Value| {
        let call = Call { body: json!({"reports": reports}), ..Call::default() };
        s.world().call("school.symptom.record", call).await.map(|r| (r.status, told(r.body)))
    };
    let one = s.student(0, 0);
    let refused = record(json!([{"student_id": one, "onset_on": "2026-03-02", "syndrome": "GI"},
                                {"student_id": one, "onset_on": "2026-03-03", "syndrome": "GI"}]))
    .await;
    let Err(Error::Invalid(fields)) = refused else { panic!("{refused:?}") };
    assert_eq!((fields[0].code.as_str(), fields[0].pointer.as_str()), ("onset_in_future", "/reports/1/onset_on"));
    let refused =
        record(json!([{"student_id": one, "onset_on": "2026-03-02", "syndrome": "RASH", "disease_code": "measles"}]))
            .await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("disease_code") && refused.contains("MEASLES"), "{refused}");
    let gone = s.student(0, 11);
    s.world()
        .admin(&format!(
            "UPDATE school.student_profiles SET enrollment_status = 'WITHDRAWN' WHERE patient_id = '{gone}'"
        ))
        .await;
    let refused = record(json!([{"student_id": gone, "onset_on": "2026-03-02", "syndrome": "GI"}])).await;
    assert_eq!(code(refused.map(|(_, told)| told)), "not_enrolled");
    let refused = record(json!([{"student_id": one, "onset_on": "2026-03-02", "symptoms": ["ITCHING"]}])).await;
    assert!(refused.unwrap_err().to_string().contains("make no syndrome"));
    assert!(record(json!([])).await.is_err());
    assert_eq!(count(s.world(), "school.symptom_tracking").await, 0, "a batch is taken whole or not at all");
    let both = json!([{"student_id": one, "onset_on": "2026-03-02", "symptoms": ["VOMITING", "FEVER", "COUGH"], "source": "PORTAL"}]);
    let (status, done) = record(both).await.unwrap();
    assert_eq!((status, &done["recorded"]), (201, &json!(2)), "influenza-like and gastrointestinal");
    let counts = s.json("school.symptom.counts", Call::default()).await;
    assert_eq!(counts["counts"]["day"][0], json!({"syndrome": "GI", "value": "2026-03-02", "students": 1}));
    assert_eq!(counts["cases"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn small_counts_are_told_to_nobody_who_may_not_open_records() {
    let s = Rooms::new(&[("12", 24), ("14", 25)], &weekdays(10, None)).await;
    let alert = s.vomiting().await;
    let blind = || {
        let mut ctx = s.world().operator();
        ctx.permissions = Arc::new(Permissions::new(["school.outbreak.*", "school.place.read"]));
        ctx
    };
    let as_blind = async |op: &str, call: Call| told(s.world().call_as(blind(), op, call).await.unwrap().body);
    let board = as_blind("school.outbreak.board", Call::default()).await;
    assert_eq!((&board["data"][0]["observed"], &board["data"][0]["cases"]), (&Value::Null, &Value::Null), "{board}");
    let shown = as_blind("school.outbreak.show", at(alert["id"].as_str().unwrap())).await;
    assert_eq!(
        (&shown["observed"], &shown["line_list"], &shown["detection"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert!(shown["curve"].as_array().unwrap().iter().all(|d| d["cases"].is_null() || d["cases"] == 0), "{shown}");
    assert_eq!((&shown["q_value"], &shown["recurrence_interval_days"]), (&Value::Null, &Value::Null));
    // No other way leads to the rows behind it.
    let ops: Vec<String> = s.world().ops.iter().map(|op| op.name.clone()).collect();
    for raw in [
        "school.symptom.list",
        "school.symptom.get",
        "school.outbreak.list",
        "school.outbreak.get",
        "school.cluster.list",
    ] {
        assert!(!ops.iter().any(|op| op == raw), "{raw}");
    }
    assert!(shown["clusters"].as_array().unwrap().iter().all(|c| c["cases"].is_null() && c["attack_rate"].is_null()));
    let counts = as_blind("school.symptom.counts", Call::default()).await;
    assert_eq!(counts["cases"], Value::Null);
    assert!(counts["counts"]["day"].as_array().unwrap().iter().all(|d| d["students"].is_null()), "{counts}");
    let dry = as_blind("school.outbreak.detect", Call { body: json!({"dry_run": true}), ..Call::default() }).await;
    assert_eq!((&dry["series"], &dry["signals"]), (&json!([]), &json!([])));
    let report =
        as_blind("school.outbreak.report", Call { body: json!({}), ..at(alert["id"].as_str().unwrap()) }).await;
    assert_eq!(
        (&report["line_list"], &report["line_list_csv"], &report["report"]["cases"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(report["report"]["onset"], Value::Null, "the days of a few would be theirs");
    let id = alert["id"].as_str().unwrap();
    let lines = s.world().call_as(blind(), "school.outbreak.report", Call { body: json!({"format": "CSV"}), ..at(id) });
    assert!(matches!(lines.await, Err(Error::Forbidden(p)) if p == "kernel.phi.read"));
    let document = as_blind("school.outbreak.report", Call { body: json!({"format": "PDF"}), ..at(id) }).await;
    assert_eq!(document["file"]["media_type"], "application/pdf");
    blocks(&s, blind()).await;
}

/// Six of one day may be told; with a limit of ten they may not. Spans that overlap would give away the day between.
async fn blocks(s: &Rooms, blind: Ctx) {
    let as_blind = async |op: &str, call: Call| told(s.world().call_as(blind.clone(), op, call).await.unwrap().body);
    let more: Vec<(Uuid, Date)> = (3..9).map(|n| (s.student(0, n), date!(2026 - 03 - 01))).collect();
    s.ill("RESP", &more).await;
    let span = || query(&[("from", "2026-02-25"), ("to", "2026-03-02")]);
    let six = as_blind("school.symptom.counts", span()).await;
    assert_eq!((&six["from"], &six["to"]), (&json!("2026-02-23"), &json!("2026-03-22")));
    let of = |told: &Value| {
        told["counts"]["day"].as_array().unwrap().iter().find(|d| d["syndrome"] == "RESP").unwrap().clone()
    };
    assert_eq!(of(&six)["students"], json!(6));
    let whole = s.json("school.symptom.counts", span()).await;
    assert_eq!(
        (&whole["from"], &whole["to"]),
        (&json!("2026-02-25"), &json!("2026-03-02")),
        "who may see all asks for any"
    );
    let setting = json!({"name": "school.outbreaks", "value": {"small_cell": 10}});
    insert(s.world(), "kernel.settings", vec![setting]).await;
    let ten = as_blind("school.symptom.counts", span()).await;
    assert_eq!((&of(&ten)["students"], &ten["small_cell"]), (&Value::Null, &json!(10)));
}

fn query(pairs: &[(&str, &str)]) -> Call {
    Call { query: pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(), ..Call::default() }
}

/// Measles shows as rash with fever and as rash, and as nothing but its name; what children have before and after is not of it.
#[tokio::test]
async fn a_disease_is_one_alert_whatever_its_syndromes_and_stays_what_it_was() {
    let s = Rooms::new(&[("12", 24), ("14", 25), ("16", 6)], &weekdays(10, None)).await;
    let ill = async |cases: &[(Uuid, &str, Date, Option<&str>)]| {
        let case = |(student, syndrome, on, disease): &(Uuid, &str, Date, Option<&str>)| {
            json!({"student_id": student, "school_id": s.school.id, "onset_on": on.to_string(), "syndrome": syndrome,
                   "reported_at": format!("{on}T17:00:00Z"), "source": "STAFF", "symptoms": ["RASH"], "disease_code": disease})
        };
        insert(s.world(), "school.symptom_tracking", cases.iter().map(case).collect()).await;
    };
    let (first, then) = (date!(2026 - 02 - 23), date!(2026 - 02 - 24));
    let measles = Some("MEASLES");
    ill(&[
        (s.student(0, 0), "RASH_FEVER", date!(2026 - 02 - 12), None),
        (s.student(0, 0), "RASH_FEVER", first, measles),
    ])
    .await;
    s.world().db.env().clock.set(first.with_hms(20, 0, 0).unwrap().assume_utc());
    s.detect().await;
    ill(&[
        (s.student(0, 1), "RASH", then, measles),
        (s.student(1, 0), "OTHER", then, measles),
        (s.student(0, 0), "RASH", then, measles),
    ])
    .await;
    s.world().db.env().clock.set(then.with_hms(20, 0, 0).unwrap().assume_utc());
    s.detect().await;
    let board = s.board().await;
    assert_eq!((board.len(), &board[0]["cases"]), (1, &json!(3)), "{board:?}");
    let curve = json!([{"on": "2026-02-23", "cases": 1}, {"on": "2026-02-24", "cases": 2}]);
    let shown = s.show(&board[0]["id"]).await;
    assert_eq!((shown["line_list"].as_array().unwrap().len(), &shown["curve"]), (3, &curve), "all syndromes of it");
    // One of them leaves, and has a rash again weeks later: the alert is what it was.
    let gone = format!(
        "UPDATE school.student_profiles SET enrollment_status = 'WITHDRAWN' WHERE patient_id = '{}'",
        s.student(1, 0)
    );
    s.world().admin(&gone).await;
    s.world().db.env().clock.set(date!(2026 - 03 - 30).with_hms(20, 0, 0).unwrap().assume_utc());
    ill(&[(s.student(0, 1), "RASH", date!(2026 - 03 - 30), None)]).await;
    let shown = s.show(&board[0]["id"]).await;
    assert_eq!((shown["line_list"].as_array().unwrap().len(), &shown["curve"]), (3, &curve));
    // Another illness of the school does not keep it from being controlled; the same would.
    for body in [
        json!({"state": "UNDER_REVIEW"}),
        json!({"state": "CLUSTER"}),
        json!({"state": "MONITORING"}),
        json!({"state": "CONTROLLED"}),
    ] {
        s.step(&board[0], body.clone()).await.unwrap_or_else(|e| panic!("{body}: {e:?}"));
    }
}

/// Two waves of one room, eleven days apart, are two; a case beside them in the next room holds none of them open.
#[tokio::test]
async fn a_rule_ends_when_its_window_passes_without_a_case_and_an_alert_with_its_own_group() {
    let s = Rooms::new(&[("12", 24), ("14", 25), ("tiny", 6)], &weekdays(10, None)).await;
    let (early, late) = (date!(2026 - 02 - 18), date!(2026 - 03 - 01));
    s.ill("GI", &[0, 1, 2].map(|n| (s.student(0, n), early))).await;
    s.ill("GI", &[3, 4, 5].map(|n| (s.student(0, n), late))).await;
    s.ill("GI", &[(s.student(0, 6), date!(2026 - 02 - 23))]).await;
    s.ill("STREP", &[0, 1, 2].map(|n| (s.student(2, n), TODAY))).await;
    s.detect().await;
    let board = s.board().await;
    let rule = |syndrome: &str| -> Vec<&Value> {
        board.iter().filter(|a| a["syndrome"] == syndrome && a["method"] == "RULE").collect()
    };
    let gi = rule("GI");
    assert_eq!(gi.iter().map(|a| a["cases"].clone()).collect::<Vec<_>>(), [json!(3), json!(3)], "{gi:?}");
    assert!(rule("STREP").is_empty(), "six persons are too few to be pointed at");
    let past = gi.iter().find(|a| a["first_signal_on"] == "2026-02-18").unwrap();
    for state in ["UNDER_REVIEW", "CLUSTER", "MONITORING"] {
        s.step(past, json!({"state": state})).await.unwrap();
    }
    // The last case of the room is of yesterday. Without it only one of the next room would be.
    assert_eq!(code(s.step(past, json!({"state": "CONTROLLED"})).await), "state_conflict");
    s.world().admin("UPDATE school.symptom_tracking SET case_class = 'RULED_OUT' WHERE onset_on = '2026-03-01'").await;
    s.ill("GI", &[(s.student(1, 0), TODAY)]).await;
    s.step(past, json!({"state": "CONTROLLED"})).await.unwrap();
}

#[tokio::test]
async fn names_go_out_on_a_legal_basis_only_and_each_is_a_disclosure() {
    let s = Rooms::new(&[("12", 24), ("14", 25)], &weekdays(10, None)).await;
    let alert = s.vomiting().await;
    let report = async |body: Value| {
        let call = Call { body, ..at(alert["id"].as_str().unwrap()) };
        s.world().call("school.outbreak.report", call).await.map(|r| told(r.body))
    };
    let plain = report(json!({"measures": "The room was cleaned"})).await.unwrap();
    assert_eq!((&plain["identified"], &plain["disclosures"]), (&json!(false), &json!(0)));
    assert!(!plain.to_string().contains("Quillfeather"), "nobody is named");
    assert_eq!(plain["line_list"].as_array().unwrap().len(), 3);
    let line = &plain["line_list"][0];
    assert_eq!(
        (&line["row"], &line["age"], &line["grade"], &line["onset_on"]),
        (&json!(1), &json!(9), &json!("4"), &json!("2026-02-28"))
    );
    assert!(
        plain["line_list_csv"]
            .as_str()
            .unwrap()
            .starts_with("row,age,grade,onset_on,symptoms,temperature,case_class\r\n1,9,4,2026-02-28,COUGH")
    );
    let cover = &plain["report"]["cover"][0];
    assert_eq!(
        (&cover["name"], &cover["students_by_grade"]),
        (&json!("Invented"), &json!([{"grade": "4", "students": 49}]))
    );
    assert_eq!(plain["report"]["onset"]["median"], "2026-03-02");

    files(&report).await;
    assert_eq!(
        code(report(json!({"identified": true, "recipient": "An invented county"})).await),
        "legal_basis_required"
    );
    let law = json!({"kind": "FERPA_HEALTH_EMERGENCY", "text": " "});
    assert_eq!(
        code(report(json!({"identified": true, "recipient": "X", "legal_basis": law})).await),
        "legal_basis_required"
    );
    let law = json!({"kind": "FERPA_HEALTH_EMERGENCY", "text": "Many of one class vomit"});
    assert_eq!(code(report(json!({"identified": true, "legal_basis": law})).await), "required");
    assert_eq!(count(s.world(), "compliance.phi_disclosures").await, 0);
    let named =
        report(json!({"identified": true, "legal_basis": law, "recipient": "An invented county"})).await.unwrap();
    assert_eq!((&named["disclosures"], &named["line_list"][0]["family_name"]), (&json!(3), &json!("Quillfeather")));
    Box::pin(at_once(&s, &alert)).await;
    let of_law = "compliance.phi_disclosures WHERE legal_basis = '34 CFR 99.36' AND purpose = 'FERPA_EXCEPTION' AND is_accountable";
    assert_eq!(count(s.world(), of_law).await, 3, "one a person");
    let mut lacking = s.world().operator();
    lacking.permissions = Arc::new(Permissions::new(["school.outbreak.*"]));
    let call = Call {
        body: json!({"identified": true, "legal_basis": law, "recipient": "X"}),
        ..at(alert["id"].as_str().unwrap())
    };
    let refused = s.world().call_as(lacking, "school.outbreak.report", call).await;
    assert!(matches!(refused, Err(Error::Forbidden(p)) if p == "kernel.phi.read"));
}

/// What several write down at once is all kept.
async fn at_once(s: &Rooms, alert: &Value) {
    let letters = || {
        s.world().call("school.outbreak.write_letters", Call { body: json!({}), ..at(alert["id"].as_str().unwrap()) })
    };
    let made = tokio::join!(letters(), letters(), letters());
    for made in [made.0, made.1, made.2] {
        made.unwrap();
    }
    let noted = "school.outbreak_alerts WHERE jsonb_array_length(params #> '{workflow,letters}') = 3 \
                 AND jsonb_array_length(params #> '{workflow,reports}') = 1";
    assert_eq!(count(s.world(), noted).await, 1);
}

/// The report and its list as files, without names.
async fn files(report: &impl AsyncFn(Value) -> Result<Value, Error>) {
    for (format, begins) in [("PDF", "JVBERi0"), ("XLSX", "UEsDB"), ("CSV", "cm93LGFnZS")] {
        let made = report(json!({"format": format})).await.unwrap();
        assert!(made["file"]["base64"].as_str().unwrap().starts_with(begins), "{format}: {made}");
        assert_eq!((&made["report"], &made["line_list"]), (&Value::Null, &Value::Null), "all of it is in the file");
    }
    let list = report(json!({"format": "PDF", "part": "LINE_LIST"})).await.unwrap();
    assert!(list["file"]["name"].as_str().unwrap().ends_with("-cases.pdf"));
    assert_eq!(code(report(json!({"format": "DOC"})).await), "not_allowed");
    assert_eq!(code(report(json!({"part": "LINE_LIST"})).await), "not_allowed");
}

#[tokio::test]
async fn who_works_at_another_school_does_not_see_the_alert() {
    let s = Rooms::new(&[("12", 24), ("14", 25)], &weekdays(10, None)).await;
    let alert = s.vomiting().await;
    let other = s.world().create("auth.organization.create", json!({"kind": "school", "name": "Elsewhere"})).await;
    let elsewhere = nurse(&s.school, &[other.text("id")]).await;
    let id = alert["id"].as_str().unwrap();
    for (op, body, version) in [
        ("school.outbreak.show", Value::Null, None),
        ("school.outbreak.decide", json!({"state": "UNDER_REVIEW"}), Some(1)),
        ("school.outbreak.report", json!({}), None),
    ] {
        let call = Call { body, if_match: version, ..at(id) };
        let told = s.world().call_as(elsewhere.clone(), op, call).await;
        assert!(matches!(told, Err(Error::NotFound)), "{op}: {told:?}");
    }
    let board = told(s.world().call_as(elsewhere, "school.outbreak.board", Call::default()).await.unwrap().body);
    assert_eq!(board["data"], json!([]));
    let here = nurse(&s.school, &[&s.school.unit]).await;
    let shown = told(s.world().call_as(here, "school.outbreak.show", at(id)).await.unwrap().body);
    assert_eq!(shown["number"], alert["number"]);
    assert!(!shown["clusters"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_run_that_is_asked_for_is_a_job_and_the_past_says_how_often_it_cries() {
    let s = Rooms::new(&[("12", 24), ("14", 25)], &weekdays(12, None)).await;
    let cases = [0, 1, 2].map(|n| (s.student(0, n), TODAY));
    s.ill("GI", &cases).await;
    let past = Call { body: json!({"on": "2026-02-27"}), ..Call::default() };
    let refused = s.world().call("school.outbreak.detect", past).await.map(|r| told(r.body));
    assert_eq!(code(refused), "not_allowed", "what is kept is as of now");
    let reply = s.world().call("school.outbreak.detect", Call { body: json!({}), ..Call::default() }).await.unwrap();
    assert_eq!(reply.status, 202);
    assert_eq!(count(s.world(), "school.outbreak_alerts").await, 0, "not yet");
    drain(s.world()).await;
    assert_eq!(count(s.world(), "school.outbreak_alerts").await, 1);
    let alert = s.board().await.remove(0);
    for state in ["UNDER_REVIEW", "CLUSTER", "OUTBREAK"] {
        s.step(&alert, json!({"state": state})).await.unwrap();
    }
    // Six of one room on one day, weeks ago, of whom nobody made an outbreak.
    let then = date!(2026 - 01 - 28);
    s.ill("RESP", &(0..6).map(|n| (s.student(1, n), then)).collect::<Vec<_>>()).await;
    let told = s.json("school.outbreak.false_alarms", Call::default()).await;
    assert_eq!(
        (&told["alerts"], &told["by_syndrome"]),
        (&json!(1), &json!([{"syndrome": "RESP", "alerts": 1}])),
        "{told}"
    );
    let days = told["school_days"].as_f64().unwrap();
    assert!((told["per_100_school_days"].as_f64().unwrap() - (1000.0 / days).round() / 10.0).abs() < 1e-9);
}

async fn drain(world: &World) {
    let jobs = salus_domains::jobs(&Arc::default(), &Outbound::new(Rules::default()).unwrap()).unwrap();
    let dispatcher = Dispatcher::new(world.db.clone(), Arc::new(jobs), Pace::default());
    dispatcher.drain(world.tenant).await.unwrap();
    dispatcher.drain(world.tenant).await.unwrap();
}

/// Measles at Hagelloch in 1861 (Pfeilsticker 1863), as if it were this winter: children are reported with the rash, and detection
/// runs every school day. The disease is not named, so that no hard rule speaks.
#[tokio::test]
async fn at_hagelloch_the_first_class_is_found_first() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/outbreak-ears/hagelloch_1861_linelist.csv");
    let text =
        fs::read_to_string(&file).unwrap_or_else(|e| panic!("the reference data are missing: {}: {e}", file.display()));
    let mut children: BTreeMap<&str, Vec<Date>> = BTreeMap::new();
    // 60,000 days later, which leaves the weekdays as far as they matter: the last child of the wave falls ill in February.
    let form = time::macros::format_description!("[year]-[month]-[day]");
    let shift = date!(2026 - 02 - 20) - date!(1861 - 12 - 19);
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let rash = Date::parse(cells[7], form).unwrap() + shift;
        children.entry(cells[8]).or_default().push(rash);
    }
    let names: Vec<(&str, usize)> = children.iter().map(|(class, all)| (*class, all.len())).collect();
    assert_eq!(names, [("1st class", 30), ("2nd class", 68), ("preschool", 90)]);
    let days = weekdays(16, None);
    let s = Rooms::new(&names, &days).await;
    let mut cases: Vec<(Uuid, Date)> = Vec::new();
    for (room, all) in children.values().enumerate() {
        cases.extend(all.iter().enumerate().map(|(n, rash)| (s.student(room, n), *rash)));
    }
    s.ill("RASH_FEVER", &cases).await;
    for day in days.iter().filter(|d| (date!(2026 - 01 - 05)..=date!(2026 - 02 - 20)).contains(*d)) {
        s.world().db.env().clock.set(day.with_hms(20, 0, 0).unwrap().assume_utc());
        s.detect().await;
        let board = s.board().await;
        if let Some(first) = board.first() {
            assert_eq!(board.len(), 1);
            assert_eq!((&first["level"], &first["name"]), (&json!("CLASS"), &json!("1st class")), "{first}");
            let late = (*day - shift).to_string();
            assert!(late.as_str() <= "1861-11-26", "found on {late}, when seven of the class fell ill in a day");
            return;
        }
    }
    panic!("it was never found");
}
