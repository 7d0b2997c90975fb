//! Alerts: the acceptance of section 6.1 of the specification. The clock stands still unless a test moves it.

use crate::{
    clinic::{NOW, School, code, row},
    world::at,
};
use futures_util::{FutureExt as _, future::BoxFuture};
use salus_core::{ActorKind, Channel, Ctx, Error, Grant, Permissions, Purpose, Result, Scope};
use salus_domains::{
    alerts::{self, Raised},
    auth::{self, Carrier, Carriers, Letter, NewUser, Simulator},
};
use salus_store::{
    Body, Call,
    jobs::{Dispatcher, Pace},
    outbound::{Outbound, Rules},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

/// A provider that keeps what it was given, and tells a repeated message by its id as providers do.
#[derive(Clone, Default)]
pub struct Provider {
    pub given: Arc<Mutex<Vec<Letter>>>,
    pub calls: Arc<Mutex<usize>>,
    /// So often it takes the message and the sender dies before it knows.
    pub dies: Arc<Mutex<u32>>,
}

impl Carrier for Provider {
    fn name(&self) -> &'static str {
        "test"
    }

    fn carry<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<()>> {
        async move {
            *self.calls.lock().unwrap() += 1;
            let mut given = self.given.lock().unwrap();
            if !given.iter().any(|g| g.id == letter.id) {
                given.push(letter.clone());
            }
            drop(given);
            let mut dies = self.dies.lock().unwrap();
            if *dies > 0 {
                *dies -= 1;
                drop(dies);
                panic!("the sender is killed here");
            }
            Ok(())
        }
        .boxed()
    }
}

impl Provider {
    fn to(&self) -> Vec<String> {
        let mut to: Vec<String> = self.given.lock().unwrap().iter().map(|l| l.to.clone()).collect();
        to.sort_unstable();
        to
    }
}

/// A school with people, and the ways by which they are reached.
pub struct Place {
    pub s: School,
    mail: Provider,
    sms: Provider,
    jobs: Dispatcher,
}

impl Place {
    async fn new() -> Self {
        Self::with(Box::new(Simulator)).await
    }

    /// With a way to push.
    pub async fn with(push: Box<dyn Carrier>) -> Self {
        let s = School::new().await;
        let (mail, sms) = (Provider::default(), Provider::default());
        let carriers = Carriers {
            email: Box::new(mail.clone()),
            sms: Box::new(sms.clone()),
            push,
            contact: "mailto:ops@salus.example".into(),
            base: "https://salus.example".into(),
        };
        let jobs = salus_domains::jobs(&Arc::new(carriers), &Outbound::new(Rules::default()).unwrap()).unwrap();
        let jobs = Dispatcher::new(s.world.db.clone(), Arc::new(jobs), Pace::default());
        let place = Self { s, mail, sms, jobs };
        for (name, scope, patterns) in [
            ("school_nurse", "school", json!(["ops.alert.read", "ops.alert.ack"])),
            ("nurse_supervisor", "tenant", json!(["ops.alert.*"])),
            ("admin", "tenant", json!(["ops.alert.read", "ops.alert.ack"])),
        ] {
            let world = &place.s.world;
            let role =
                world.create("auth.role.create", json!({"name": name, "scope": scope, "purposes": []})).await.id();
            let body = json!({"name": format!("{name} alerts"), "patterns": patterns});
            let permission = world.create("auth.permission.create", body).await.id();
            world.create("auth.role_permission.create", json!({"role_id": role, "permission_id": permission})).await;
        }
        place
    }

    /// An active user with a role, at these units, with a confirmed number if there is one.
    pub async fn user(&self, name: &str, role: &str, units: &[&str], number: Option<&str>) -> Ctx {
        let world = &self.s.world;
        let mut tx = world.db.begin(world.operator(), false).await.unwrap();
        let new = NewUser { email: format!("{name}@users.example"), display_name: name.into(), roles: Vec::new() };
        let user = auth::invite(&mut tx, &new).await.unwrap().user;
        if let Some(number) = number {
            let id = tx.ctx.env.id();
            let values =
                json!({"user_id": user, "channel": "sms", "address": number, "confirmed_at": "2026-01-01T00:00:00Z"});
            let Value::Object(values) = values else { unreachable!() };
            tx.insert("auth.code_addresses", &[salus_store::engine::NewRow { id, values }]).await.unwrap();
        }
        tx.commit("auth.user.invite", "auth.users").await.unwrap();
        for unit in units {
            let body = format!(
                "INSERT INTO auth.user_units (tenant_id, id, user_id, organization_id, valid_from) \
                 VALUES ('{}', gen_random_uuid(), '{user}', '{unit}', '2025-08-01')",
                world.tenant
            );
            world.admin(&body).await;
        }
        let give = format!(
            "UPDATE auth.users SET status = 'active' WHERE id = '{user}'; \
             INSERT INTO auth.user_roles (tenant_id, id, user_id, role_id, valid_from) SELECT tenant_id, gen_random_uuid(), '{user}', id, \
               '2025-01-01' FROM auth.roles WHERE name = '{role}' AND tenant_id = '{}'",
            world.tenant
        );
        world.admin(&give).await;
        let scope = if role == "school_nurse" { Scope::School } else { Scope::Tenant };
        let permissions =
            if role == "nurse_supervisor" { vec!["ops.alert.*"] } else { vec!["ops.alert.read", "ops.alert.ack"] };
        let treat = Purpose::from_code("TREAT").unwrap();
        let grant = Grant {
            role: role.into(),
            permissions: Permissions::new(permissions.into_iter().chain(["school.*.read", "kernel.phi.read"])),
            scope,
            purposes: BTreeSet::from([treat]),
            masks: Vec::new(),
        };
        let mut ctx = Ctx { grants: Arc::from([grant]), channel: Channel::Api, ..world.operator() };
        ctx.actor.kind = ActorKind::User;
        ctx.actor.id = user;
        ctx.for_purpose(treat)
    }

    fn school(&self) -> Uuid {
        self.s.id.parse().unwrap()
    }

    pub async fn raise(&self, key: &str, severity: &str, school: Option<Uuid>) -> Uuid {
        let world = &self.s.world;
        let mut tx = world.db.begin(Ctx::system(world.db.env(), world.tenant), false).await.unwrap();
        let raised = Raised {
            key,
            severity,
            category: "OPERATIONS",
            title: "Something is to be seen to",
            school,
            subject: "test",
        };
        let id = alerts::raise(&mut tx, &raised).await.unwrap();
        tx.commit("test.raise", "alerts.alert_instances").await.unwrap();
        id
    }

    pub fn clock(&self, at: OffsetDateTime) {
        self.s.world.db.env().clock.set(at);
    }

    pub async fn drain(&self) {
        self.jobs.drain(self.s.world.tenant).await.unwrap();
    }

    /// What is due every minute.
    pub async fn sweep(&self) {
        self.drain().await;
        self.s
            .world
            .admin("UPDATE kernel.schedules SET next_run_at = clock_timestamp() WHERE job = 'alerts.sweep'")
            .await;
        self.drain().await;
    }

    pub async fn ask(&self, sql: &str) -> Vec<String> {
        let rows = self.s.world.database.connect("salus_admin").await.query(sql, &[]).await.unwrap();
        rows.iter().map(|r| r.get::<_, Option<String>>(0).unwrap_or_default()).collect()
    }

    pub async fn act(&self, who: &Ctx, op: &str, id: Uuid, body: Value) -> Result<salus_store::Record, Error> {
        row(self.s.world.call_as(who.clone(), op, Call { body, ..at(&id.to_string()) }).await)
    }

    pub async fn told(&self, who: &Ctx, op: &str, call: Call) -> Value {
        let Body::Json(value) = self.s.world.call_as(who.clone(), op, call).await.unwrap().body else {
            panic!("no JSON")
        };
        value
    }

    pub async fn subscribe(&self, who: &Ctx, body: Value) -> Result<salus_store::Record, Error> {
        row(self.s.world.call_as(who.clone(), "alerts.subscription.keep", Call { body, ..Call::default() }).await)
    }
}

const STATUS: &str =
    "SELECT status || ' ' || escalation_level FROM alerts.alert_instances WHERE parent_id IS NULL ORDER BY id";

#[tokio::test]
async fn a_thousand_identical_events_are_one_alert_that_happened_a_thousand_times() {
    let p = Place::new().await;
    p.user("ada", "nurse_supervisor", &[], None).await;
    for _ in 0..1000 {
        p.raise("freezer:1", "MEDIUM", None).await;
    }
    let all = "SELECT occurrences::text || ' ' || status FROM alerts.alert_instances";
    assert_eq!(p.ask(all).await, ["1000 ACTIVE"]);
    assert_eq!(
        p.ask("SELECT channel || ' ' || status FROM alerts.alert_delivery_log ORDER BY 1").await,
        ["EMAIL QUEUED", "IN_APP DELIVERED"]
    );
    p.drain().await;
    assert_eq!(p.mail.to(), ["ada@users.example"], "told once");
    let sent = p.mail.given.lock().unwrap()[0].clone();
    let words = format!("{} {}", sent.subject, sent.text);
    assert!(words.contains("MEDIUM OPERATIONS") && words.contains("https://salus.example/alerts/"), "{words}");
    assert!(!words.contains("Something"), "a code and an address, no more: {words}");
    let log = "SELECT channel || ' ' || status || ' ' || attempt || ' ' || (payload_hash IS NOT NULL) FROM alerts.alert_delivery_log ORDER BY 1";
    assert_eq!(p.ask(log).await, ["EMAIL SENT 1 true", "IN_APP DELIVERED 1 false"]);
}

#[tokio::test]
async fn severity_only_rises_and_a_rise_is_told_anew() {
    let p = Place::new().await;
    let ada = p.user("ada", "nurse_supervisor", &[], None).await;
    let id = p.raise("freezer:1", "HIGH", None).await;
    p.act(&ada, "alerts.alert.acknowledge", id, json!({"note": "On my way"})).await.unwrap();
    p.raise("freezer:1", "LOW", None).await;
    let state = "SELECT severity || ' ' || status || ' ' || occurrences FROM alerts.alert_instances";
    assert_eq!(p.ask(state).await, ["HIGH ACKNOWLEDGED 2"]);
    p.raise("freezer:1", "CRITICAL", None).await;
    assert_eq!(p.ask(state).await, ["CRITICAL ACTIVE 3"]);
    assert_eq!(p.ask("SELECT count(*)::text FROM auth.notifications WHERE title_key LIKE 'alert.%'").await, ["2"]);
}

#[tokio::test]
async fn quiet_hours_hold_what_is_medium_until_they_end_where_somebody_lives_and_nothing_holds_what_is_critical() {
    for (night, morning) in [
        // 23:00 on 2 March; and the nights on which the clocks are put forward and back.
        (datetime!(2026-03-03 07:00 UTC), datetime!(2026-03-03 14:00 UTC)),
        (datetime!(2026-03-08 07:00 UTC), datetime!(2026-03-08 13:00 UTC)),
        (datetime!(2026-11-01 06:00 UTC), datetime!(2026-11-01 14:00 UTC)),
    ] {
        let p = Place::new().await;
        let ada = p.user("ada", "nurse_supervisor", &[], Some("+15550100")).await;
        let quiet = json!({"from": "21:00", "to": "06:00", "timezone": "America/Los_Angeles"});
        p.subscribe(&ada, json!({"channels": ["IN_APP", "EMAIL"], "quiet_hours": quiet})).await.unwrap();
        p.clock(night);
        p.raise("freezer:1", "MEDIUM", None).await;
        p.raise("freezer:2", "MEDIUM", None).await;
        p.sweep().await;
        assert_eq!(p.mail.to(), Vec::<String>::new(), "at night");
        assert_eq!(p.ask("SELECT count(*)::text FROM auth.notifications").await, ["2"], "the page shows it");
        let fire = p.raise("fire:1", "CRITICAL", None).await;
        p.sweep().await;
        assert_eq!((p.mail.to().len(), p.sms.to()), (1, vec!["+15550100".to_owned()]), "at once");
        p.act(&ada, "alerts.alert.acknowledge", fire, json!({})).await.unwrap();
        p.clock(morning - Duration::seconds(1));
        p.sweep().await;
        assert_eq!(p.mail.to().len(), 1, "a second before");
        p.clock(morning);
        p.sweep().await;
        p.sweep().await;
        assert_eq!(p.mail.to().len(), 2, "both as one letter, once");
        assert!(p.mail.given.lock().unwrap()[1].text.contains("2 ALERTS"));
        let log = "SELECT DISTINCT status::text FROM alerts.alert_delivery_log WHERE channel = 'EMAIL'";
        assert_eq!(p.ask(log).await, ["SENT"]);
    }
}

#[tokio::test]
async fn an_emergency_that_nobody_acknowledges_reaches_its_third_level_after_ten_minutes() {
    let p = Place::new().await;
    let first = p.user("ada", "nurse_supervisor", &[], Some("+15550101")).await;
    let backup = p.user("ben", "admin", &[], Some("+15550102")).await;
    let other = p.user("eve", "admin", &[], None).await;
    for (list, who) in [("backup", &backup), ("weekend", &other)] {
        let body = json!({"list": list, "user_id": who.actor.id, "starts_at": "2026-03-01T00:00:00Z", "ends_at": "2026-03-09T00:00:00Z"});
        p.s.world.create("alerts.on_call_shift.create", body).await;
    }
    let body = json!({"code": "evacuate", "name": "Evacuation", "category": "OPERATIONS", "severity": "EMERGENCY", "source": "MANUAL",
                      "audience": {"targets": [{"user": first.actor.id}]}});
    row(p.s.world.call("alerts.definition.save", Call { body, ..Call::default() }).await).unwrap();
    let id = p.raise("evacuate:1", "EMERGENCY", None).await;
    let told = async || {
        let sql = "SELECT DISTINCT left(u.email_bidx::text, 0) || l.level || ' ' || l.recipient_id FROM alerts.alert_delivery_log l \
                   JOIN auth.users u ON u.id = l.recipient_id WHERE l.channel = 'IN_APP' ORDER BY 1";
        p.ask(sql).await
    };
    let at_level = |level: u8, who: &Ctx| format!("{level} {}", who.actor.id);
    p.sweep().await;
    assert_eq!((p.ask(STATUS).await, told().await), (vec!["ACTIVE 1".to_owned()], vec![at_level(1, &first)]));
    p.clock(NOW + Duration::minutes(2));
    p.sweep().await;
    assert_eq!(p.sms.to(), ["+15550101", "+15550101"], "again after two minutes");
    p.clock(NOW + Duration::seconds(299));
    p.sweep().await;
    assert_eq!(p.ask(STATUS).await, ["ACTIVE 1"]);
    p.clock(NOW + Duration::minutes(5));
    p.sweep().await;
    assert_eq!(p.ask(STATUS).await, ["ESCALATED 2"]);
    assert!(told().await.contains(&at_level(2, &backup)), "{:?}", told().await);
    p.clock(NOW + Duration::seconds(595));
    p.sweep().await;
    assert_eq!(p.ask(STATUS).await, ["ESCALATED 2"], "five seconds before");
    p.clock(NOW + Duration::minutes(10));
    p.sweep().await;
    assert_eq!(p.ask(STATUS).await, ["ESCALATED 3"]);
    assert!(told().await.contains(&at_level(3, &other)), "all who are on call: {:?}", told().await);
    // The job that does it at the moment is asked for, beside the one of each minute.
    let asked = "SELECT (due_at = '2026-03-02T19:15:00Z')::text FROM kernel.jobs WHERE job = 'alerts.escalate' ORDER BY due_at DESC LIMIT 1";
    assert_eq!(p.ask(asked).await, ["true"]);
    p.act(&backup, "alerts.alert.acknowledge", id, json!({})).await.unwrap();
    let before = p.ask("SELECT count(*)::text FROM alerts.alert_delivery_log").await;
    p.clock(NOW + Duration::minutes(20));
    p.sweep().await;
    assert_eq!(p.ask(STATUS).await, ["ACKNOWLEDGED 3"], "an acknowledgement stops it");
    assert_eq!(p.ask("SELECT count(*)::text FROM alerts.alert_delivery_log").await, before);
    assert_eq!(
        p.ask("SELECT count(*)::text FROM auth.notifications WHERE read_at IS NULL").await,
        ["0"],
        "nobody else has to look"
    );
}

#[tokio::test]
async fn a_sender_that_is_killed_loses_nothing_and_doubles_nothing() {
    let p = Place::new().await;
    for n in 0..5 {
        p.user(&format!("user{n}"), "nurse_supervisor", &[], Some(&format!("+155501{n:02}"))).await;
    }
    *p.sms.dies.lock().unwrap() = 3;
    p.raise("fire:1", "CRITICAL", None).await;
    p.drain().await;
    for _ in 0..4 {
        p.s.world.admin("UPDATE kernel.jobs SET due_at = clock_timestamp() WHERE state = 'waiting'").await;
        p.drain().await;
    }
    assert_eq!(p.sms.to(), ["+15550100", "+15550101", "+15550102", "+15550103", "+15550104"], "each once");
    assert_eq!(*p.sms.calls.lock().unwrap(), 8, "three were asked for twice, under the same id");
    let log = "SELECT status || ' ' || count(*) FROM alerts.alert_delivery_log WHERE channel = 'SMS' GROUP BY status";
    assert_eq!(p.ask(log).await, ["SENT 5"]);
}

#[tokio::test]
async fn who_does_not_work_at_a_school_never_hears_of_its_alerts() {
    let p = Place::new().await;
    let other = json!({"kind": "school", "name": "Elsewhere"});
    let other = p.s.world.create("auth.organization.create", other).await.id().unwrap().to_string();
    let ours = p.user("ours", "school_nurse", &[&p.s.unit], None).await;
    let theirs = p.user("theirs", "school_nurse", &[&other], None).await;
    for who in [&ours, &theirs] {
        p.subscribe(who, json!({"channels": ["IN_APP", "EMAIL"]})).await.unwrap();
    }
    let body = json!({"code": "leak", "name": "Leak", "category": "OPERATIONS", "severity": "HIGH", "source": "MANUAL",
                      "audience": {"targets": [{"role": "school_nurse"}, {"user": theirs.actor.id}]}});
    row(p.s.world.call("alerts.definition.save", Call { body, ..Call::default() }).await).unwrap();
    let id = p.raise("leak:1", "HIGH", Some(p.school())).await;
    p.drain().await;
    assert_eq!(p.mail.to(), ["ours@users.example"]);
    let list = |who: &Ctx| {
        let who = who.clone();
        let p = &p;
        async move { p.told(&who, "alerts.alert.live", Call::default()).await["alerts"].as_array().unwrap().len() }
    };
    assert_eq!((list(&ours).await, list(&theirs).await), (1, 0));
    let shown = p.told(&ours, "alerts.alert.show", at(&id.to_string())).await;
    assert_eq!(shown["deliveries"].as_array().unwrap().len(), 2, "{shown}");
    let refused = p.act(&theirs, "alerts.alert.acknowledge", id, json!({})).await;
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
    let done = p.act(&ours, "alerts.alert.acknowledge", id, json!({})).await.unwrap();
    assert_eq!(done.text("status"), "ACKNOWLEDGED");
    let done = p.act(&ours, "alerts.alert.resolve", id, json!({"resolution_code": "MENDED"})).await.unwrap();
    assert_eq!((done.text("status"), done.text("resolution_code")), ("RESOLVED", "MENDED"));
    assert_eq!(code(p.act(&ours, "alerts.alert.resolve", id, json!({})).await), "already_resolved");
}

#[tokio::test]
async fn another_tenant_sees_and_hears_nothing() {
    let p = Place::new().await;
    p.user("ada", "nurse_supervisor", &[], None).await;
    let id = p.raise("freezer:1", "HIGH", None).await;
    let south = p.s.world.db.create_tenant("south", true).await.unwrap();
    let mut ctx = Ctx::operator(p.s.world.db.env(), south);
    ctx.actor.id = p.s.world.db.env().id();
    for op in ["alerts.alert.acknowledge", "alerts.alert.resolve"] {
        let refused = p.act(&ctx, op, id, json!({})).await;
        assert!(matches!(refused, Err(Error::NotFound)), "{op}: {refused:?}");
    }
    let seen = p.told(&ctx, "alerts.alert.live", Call::default()).await;
    assert_eq!((&seen["alerts"], &seen["open"]), (&json!([]), &json!({})));
    p.jobs.drain(south).await.unwrap();
    assert_eq!(
        p.ask(&format!("SELECT count(*)::text FROM auth.notifications WHERE tenant_id = '{south}'")).await,
        ["0"]
    );
}

#[tokio::test]
async fn without_anybody_to_tell_that_itself_is_critical() {
    let p = Place::new().await;
    p.raise("freezer:1", "HIGH", None).await;
    let all = "SELECT category || ' ' || severity FROM alerts.alert_instances ORDER BY id";
    assert_eq!(p.ask(all).await, ["OPERATIONS HIGH", "SYSTEM CRITICAL"]);
    p.raise("freezer:2", "MEDIUM", None).await;
    assert_eq!(p.ask(all).await.len(), 3, "what is less is not");
}

#[tokio::test]
async fn a_storm_is_one_alert_with_children_and_what_flaps_is_held() {
    let p = Place::new().await;
    let ada = p.user("ada", "nurse_supervisor", &[], None).await;
    let body = json!({"code": "sensor", "name": "A sensor is silent", "category": "OPERATIONS", "severity": "MEDIUM", "source": "MANUAL"});
    row(p.s.world.call("alerts.definition.save", Call { body, ..Call::default() }).await).unwrap();
    for n in 0..40 {
        p.raise(&format!("sensor:{n}"), "MEDIUM", None).await;
    }
    let parent = "SELECT dedupe_key || ' ' || occurrences FROM alerts.alert_instances WHERE parent_id IS NULL";
    assert_eq!(p.ask(parent).await, ["storm:sensor 40"]);
    assert_eq!(p.ask("SELECT count(*)::text FROM alerts.alert_instances WHERE parent_id IS NOT NULL").await, ["40"]);
    assert_eq!(
        p.ask("SELECT count(*)::text FROM auth.notifications").await,
        ["31"],
        "30 before it was a storm, and the storm"
    );
    let storm: Uuid =
        p.ask("SELECT id::text FROM alerts.alert_instances WHERE parent_id IS NULL").await[0].parse().unwrap();
    p.act(&ada, "alerts.alert.resolve", storm, json!({})).await.unwrap();
    assert_eq!(
        p.ask("SELECT DISTINCT status::text FROM alerts.alert_instances").await,
        ["RESOLVED"],
        "with all of its children"
    );

    for n in 0..3 {
        p.clock(NOW + Duration::minutes(10 + n));
        let id = p.raise("door:1", "MEDIUM", None).await;
        p.act(&ada, "alerts.alert.resolve", id, json!({})).await.unwrap();
    }
    p.clock(NOW + Duration::minutes(14));
    let held = p.raise("door:1", "MEDIUM", None).await;
    let status = format!("SELECT status::text FROM alerts.alert_instances WHERE id = '{held}'");
    let told = format!("SELECT count(*)::text FROM alerts.alert_delivery_log WHERE instance_id = '{held}'");
    assert_eq!((p.ask(&status).await, p.ask(&told).await), (vec!["SNOOZED".to_owned()], vec!["0".to_owned()]));
    p.clock(NOW + Duration::minutes(44));
    p.sweep().await;
    assert_eq!(p.ask(&status).await, ["ACTIVE"]);
    assert_ne!(p.ask(&told).await, ["0"], "it is still there after half an hour, and told");
}

#[tokio::test]
async fn a_definition_fires_on_its_event_ends_by_another_and_is_replayed_before_it_is_saved() {
    let p = Place::new().await;
    p.user("ada", "nurse_supervisor", &[], None).await;
    let body = json!({"code": "visit", "name": "Somebody came", "category": "OPERATIONS", "severity": "LOW", "source": "EVENT",
                      "condition": {"all": [{"event": "school.visit.begun"}, {"field": "school", "equals": p.s.id}]},
                      "auto_resolve": {"on": ["school.visit.ended"]}});
    let save = async |body: Value, test: bool| {
        let query = if test { vec![("test".to_owned(), "true".to_owned())] } else { Vec::new() };
        p.s.world.call("alerts.definition.save", Call { body, query, ..Call::default() }).await
    };
    let student = p.s.student("A-1").await;
    let visit = json!({"student_id": student, "school_id": p.s.id, "chief_complaint_code": "HEADACHE", "check_in_at": "2026-03-02T18:00:00Z"});
    let first = p.s.world.create("school.visit.check_in", visit).await.id().unwrap();
    let Body::Json(tested) = save(body.clone(), true).await.unwrap().body else { panic!("no JSON") };
    assert_eq!((&tested["fired"], &tested["most_a_day"]), (&json!(1), &json!(1)), "{tested}");
    assert_eq!(
        p.ask("SELECT count(*)::text FROM alerts.alert_definitions WHERE code = 'visit'").await,
        ["0"],
        "a test saves nothing"
    );
    row(save(body.clone(), false).await).unwrap();
    p.drain().await;
    let seen = "SELECT i.status || ' ' || i.subject_ref FROM alerts.alert_instances i JOIN alerts.alert_definitions d ON d.id = i.definition_id WHERE d.code = 'visit'";
    assert_eq!(p.ask(seen).await, [format!("ACTIVE {first}")]);
    let out = Call {
        body: json!({"disposition": "RETURN_TO_CLASS", "check_out_at": "2026-03-02T18:25:00Z"}),
        ..at(&first.to_string())
    };
    p.s.world.call("school.visit.check_out", out).await.unwrap();
    p.drain().await;
    assert_eq!(p.ask(seen).await, [format!("RESOLVED {first}")]);

    let many = format!(
        "INSERT INTO kernel.outbox (tenant_id, id, event, row_id, body, done_at, created_at) \
         SELECT '{}', gen_random_uuid(), 'school.visit.begun', gen_random_uuid(), '{{\"school\": \"{}\"}}', now(), now() - interval '1 hour' \
         FROM generate_series(1, 250)",
        p.s.world.tenant, p.s.id
    );
    p.s.world.admin(&many).await;
    let refused = save(body.clone(), false).await.unwrap_err();
    assert!(refused.to_string().contains("times on one day"), "{refused}");
    let mut meant = body.clone();
    meant["confirm"] = json!(true);
    assert_eq!(row(save(meant, false).await).unwrap().get("version"), Some(&json!(2)));
    let mut wrong = body;
    wrong["condition"] = json!({"all": [{"event": "school.visit.begun"}, {"field": "complaint_note", "equals": "x"}]});
    assert_eq!(code(row(save(wrong.clone(), false).await)), "condition_invalid");
    wrong["channels"] = json!(["VOICE"]);
    wrong["condition"] = json!({"event": "school.visit.begun"});
    assert_eq!(code(row(save(wrong, false).await)), "channel_absent");
}

#[tokio::test]
async fn what_is_measured_is_raised_while_it_holds_and_resolved_when_it_does_not() {
    let p = Place::new().await;
    p.user("ada", "admin", &[], None).await;
    p.sweep().await;
    let open = "SELECT d.code || ' ' || i.status FROM alerts.alert_instances i JOIN alerts.alert_definitions d ON d.id = i.definition_id";
    assert_eq!(p.ask(open).await, Vec::<String>::new());
    let dead = format!(
        "INSERT INTO kernel.jobs (tenant_id, id, job, natural_key, state, attempts, error_class, finished_at) \
         VALUES ('{}', gen_random_uuid(), 'test.fail', 'one', 'dead', 8, 'unavailable', now())",
        p.s.world.tenant
    );
    p.s.world.admin(&dead).await;
    p.sweep().await;
    p.sweep().await;
    assert_eq!(p.ask(open).await, ["jobs_dead ACTIVE"]);
    assert_eq!(
        p.ask("SELECT occurrences::text FROM alerts.alert_instances").await,
        ["1"],
        "it goes on, and does not happen again"
    );
    p.s.world.admin("UPDATE kernel.jobs SET state = 'discarded' WHERE job = 'test.fail'").await;
    p.sweep().await;
    assert_eq!(p.ask(open).await, ["jobs_dead RESOLVED"]);
}

#[tokio::test]
async fn an_alert_by_hand_tells_of_nobody_and_is_put_off_and_handed_over_within_limits() {
    let p = Place::new().await;
    let lead = p.user("lead", "nurse_supervisor", &[], None).await;
    let nurse = p.user("nurse", "school_nurse", &[&p.s.unit], None).await;
    let raise = async |body: Value| {
        row(p.s.world.call_as(lead.clone(), "alerts.alert.raise", Call { body, ..Call::default() }).await)
    };
    let alert =
        |title: &str| json!({"severity": "HIGH", "category": "OPERATIONS", "title": title, "school_id": p.s.id});
    assert_eq!(code(raise(alert("Call 555-0100-222")).await), "phi_in_title");
    let mut to_nobody = alert("Water is off");
    to_nobody["targets"] = json!([{"role": "no_such_role"}]);
    assert_eq!(code(raise(to_nobody).await), "no_audience");
    let mut sent = alert("Water is off");
    sent["body"] = json!("The main valve behind the gym");
    sent["targets"] = json!([{"role": "school_nurse"}]);
    let made = raise(sent).await.unwrap();
    assert_eq!(made.text("body"), "The main valve behind the gym");
    let id = made.id().unwrap();
    let told = format!("SELECT DISTINCT recipient_id::text FROM alerts.alert_delivery_log WHERE instance_id = '{id}'");
    assert_eq!(p.ask(&told).await, [nurse.actor.id.to_string()]);
    let snooze = |minutes: i64| json!({"action": "snooze", "minutes": minutes});
    assert_eq!(code(p.act(&nurse, "alerts.alert.resolve", id, snooze(300)).await), "snooze_too_long");
    let put_off = p.act(&nurse, "alerts.alert.resolve", id, snooze(60)).await.unwrap();
    assert_eq!((put_off.text("status"), put_off.text("snoozed_until")), ("SNOOZED", "2026-03-02T20:00:00Z"));
    p.clock(NOW + Duration::minutes(60));
    p.sweep().await;
    let mine = p.act(&nurse, "alerts.alert.resolve", id, json!({"action": "assign"})).await.unwrap();
    assert_eq!((mine.text("status"), mine.text("assigned_to")), ("ACTIVE", nurse.actor.id.to_string().as_str()));
    p.act(&nurse, "alerts.alert.resolve", id, json!({"action": "escalate"})).await.unwrap();
    p.drain().await;
    let level = p.told(&lead, "alerts.alert.show", at(&id.to_string())).await;
    assert_eq!((&level["escalation_level"], &level["status"]), (&json!(2), &json!("ESCALATED")));
    let outsider = p.user("outsider", "school_nurse", &[], None).await;
    let body = json!({"action": "assign", "user_id": outsider.actor.id});
    assert_eq!(code(p.act(&lead, "alerts.alert.resolve", id, body).await), "out_of_reach");
}

#[tokio::test]
async fn a_subscription_needs_a_confirmed_number_and_what_is_not_reached_is_shown() {
    let p = Place::new().await;
    let ada = p.user("ada", "nurse_supervisor", &[], None).await;
    assert_eq!(code(p.subscribe(&ada, json!({"channels": ["IN_APP", "SMS"]})).await), "contact_unverified");
    assert_eq!(code(p.subscribe(&ada, json!({"channels": ["EMAIL"]})).await), "cannot_mute_mandatory");
    p.subscribe(&ada, json!({"channels": ["IN_APP", "EMAIL"], "muted_until": "2026-03-09T00:00:00Z"})).await.unwrap();
    p.raise("freezer:1", "HIGH", None).await;
    p.raise("fire:1", "CRITICAL", None).await;
    let log = "SELECT l.channel || ' ' || i.severity || ' ' || coalesce(l.suppression_reason, l.status) FROM alerts.alert_delivery_log l \
               JOIN alerts.alert_instances i ON i.id = l.instance_id WHERE l.channel <> 'IN_APP' ORDER BY 1";
    assert_eq!(
        p.ask(log).await,
        ["EMAIL CRITICAL QUEUED", "EMAIL HIGH muted", "PUSH CRITICAL no_device", "SMS CRITICAL contact_unverified"]
    );
    let again = p.subscribe(&ada, json!({"channels": ["IN_APP"], "digest": "DAILY"})).await.unwrap();
    assert_eq!(again.get("muted_until"), Some(&Value::Null), "kept whole");
    assert_eq!(p.ask("SELECT count(*)::text FROM alerts.alert_subscriptions").await, ["1"]);
    let own = p.told(&ada, "alerts.subscription.own", Call::default()).await;
    assert_eq!((&own["own"]["digest"], &own["has_confirmed_number"]), (&json!("DAILY"), &json!(false)));
    let figures = p.told(&ada, "alerts.alert.fatigue", Call::default()).await;
    assert_eq!(figures["definitions"][0]["alerts"], json!(2), "{figures}");
}
