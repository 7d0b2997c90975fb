//! Who is on call: what the calendar says of gaps and of several at once, and what becomes of a shift that is taken off.

use crate::world::{World, at, open};
use salus_core::{ActorKind, Ctx, Env, Error};
use salus_domains::{auth, operations};
use salus_store::{Body, Call};
use salus_testkit::TestDb;
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::datetime};
use uuid::Uuid;

/// A Monday.
const NOW: OffsetDateTime = datetime!(2026-03-02 12:00 UTC);
const WEEK: [(&str, &str); 2] = [("from", "2026-03-02T00:00:00Z"), ("to", "2026-03-09T00:00:00Z")];

struct OnCall {
    world: World,
    ada: Uuid,
    ben: Uuid,
    who: Ctx,
}

impl OnCall {
    async fn new() -> Self {
        let database = TestDb::new().await;
        let db = open(database.config("salus_app"), Env::fixed(NOW)).await;
        let ops = operations(db.catalog()).unwrap();
        let tenant = db.create_tenant("north", true).await.unwrap();
        let world = World { database, db, ops, tenant };
        let mut tx = world.db.begin(world.operator(), false).await.unwrap();
        let mut users = Vec::new();
        for name in ["Ada", "Ben"] {
            users.push(auth::create_service(&mut tx, name, &[]).await.unwrap());
        }
        tx.commit("auth.user.create_service", "auth.users").await.unwrap();
        let mut who = world.operator();
        who.actor.kind = ActorKind::User;
        who.actor.id = users[0];
        Self { world, ada: users[0], ben: users[1], who }
    }

    async fn shift(&self, list: &str, user: Uuid, from: &str, to: &str) -> String {
        let body = json!({"list": list, "user_id": user, "starts_at": from, "ends_at": to});
        self.world.create("alerts.on_call_shift.create", body).await.text("id").to_owned()
    }

    async fn calendar(&self, query: &[(&str, &str)]) -> Result<Value, Error> {
        let query = query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let call = Call { query, ..Call::default() };
        let Body::Json(told) = self.world.call_as(self.who.clone(), "alerts.on_call_shift.calendar", call).await?.body
        else {
            panic!("no JSON")
        };
        Ok(told)
    }

    async fn remove(&self, id: &str, version: Option<i32>) -> Result<Value, Error> {
        let call = Call { if_match: version, ..at(id) };
        let Body::Json(told) = self.world.call_as(self.who.clone(), "alerts.on_call_shift.remove", call).await?.body
        else {
            panic!("no JSON")
        };
        Ok(told)
    }
}

fn list<'a>(told: &'a Value, name: &str) -> &'a Value {
    told["lists"].as_array().unwrap().iter().find(|l| l["list"] == name).unwrap_or_else(|| panic!("no {name}: {told}"))
}

fn times(stretches: &Value) -> Vec<(String, String)> {
    let text = |s: &Value, name: &str| s[name].as_str().unwrap().to_owned();
    stretches.as_array().unwrap().iter().map(|s| (text(s, "from"), text(s, "to"))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
}

#[tokio::test]
async fn the_calendar_says_who_is_on_call_when_nobody_is_and_when_several_are() {
    let o = OnCall::new().await;
    let nothing = o.calendar(&WEEK).await.unwrap();
    assert_eq!(
        times(&list(&nothing, "backup")["gaps"]),
        pairs(&[("2026-03-02T12:00:00Z", "2026-03-09T00:00:00Z")]),
        "from now on"
    );
    assert_eq!(list(&nothing, "backup")["severities"], json!(["HIGH", "CRITICAL", "EMERGENCY"]));
    assert_eq!(list(&nothing, "district")["severities"], json!(["CRITICAL"]));

    o.shift("backup", o.ada, "2026-03-01T00:00:00Z", "2026-03-04T08:00:00Z").await;
    o.shift("backup", o.ben, "2026-03-04T06:00:00Z", "2026-03-07T00:00:00Z").await;
    o.shift("weekend", o.ben, "2026-03-07T00:00:00Z", "2026-03-20T00:00:00Z").await;
    let told = o.calendar(&WEEK).await.unwrap();
    let backup = list(&told, "backup");
    assert_eq!(backup["shifts"].as_array().unwrap().len(), 2);
    assert_eq!((&backup["shifts"][0]["name"], &backup["shifts"][0]["is_running"]), (&json!("Ada"), &json!(true)));
    assert_eq!(times(&backup["gaps"]), pairs(&[("2026-03-07T00:00:00Z", "2026-03-09T00:00:00Z")]));
    assert_eq!(times(&backup["overlaps"]), pairs(&[("2026-03-04T06:00:00Z", "2026-03-04T08:00:00Z")]));
    let both: Vec<&str> =
        backup["overlaps"][0]["users"].as_array().unwrap().iter().map(|u| u["name"].as_str().unwrap()).collect();
    assert_eq!(both.len(), 2);
    assert_eq!(times(&list(&told, "weekend")["gaps"]), pairs(&[("2026-03-02T12:00:00Z", "2026-03-07T00:00:00Z")]));

    for (query, field) in [
        ([("from", "soon"), ("to", "2026-03-09T00:00:00Z")], "from"),
        ([("from", "2026-03-09T00:00:00Z"), ("to", "2026-03-02T00:00:00Z")], "to"),
        ([("from", "2026-03-02T00:00:00Z"), ("to", "2026-05-02T00:00:00Z")], "to"),
    ] {
        let Err(Error::Invalid(fields)) = o.calendar(&query).await else { panic!("{query:?}") };
        assert_eq!(fields[0].pointer.trim_start_matches('/'), field, "{query:?}");
    }
    let past = o.calendar(&[("from", "2026-02-02T00:00:00Z"), ("to", "2026-02-09T00:00:00Z")]).await.unwrap();
    assert_eq!(times(&list(&past, "backup")["gaps"]), [], "what is past nobody can fill");
}

#[tokio::test]
async fn a_shift_to_come_goes_one_that_runs_ends_and_one_that_is_over_stays() {
    let o = OnCall::new().await;
    let over = o.shift("backup", o.ada, "2026-03-01T00:00:00Z", "2026-03-02T12:00:00Z").await;
    let running = o.shift("backup", o.ben, "2026-03-02T00:00:00Z", "2026-03-04T00:00:00Z").await;
    let coming = o.shift("backup", o.ada, "2026-03-04T00:00:00Z", "2026-03-06T00:00:00Z").await;
    assert!(matches!(o.remove(&over, None).await, Err(Error::Conflict { code: "state_conflict", .. })));
    assert!(matches!(o.remove(&coming, Some(7)).await, Err(Error::Stale)), "somebody changed it meanwhile");
    assert_eq!(o.remove(&coming, Some(1)).await.unwrap()["ends_at"], Value::Null);
    assert!(matches!(o.remove(&coming, None).await, Err(Error::NotFound)));
    assert_eq!(o.remove(&running, None).await.unwrap()["ends_at"], json!("2026-03-02T12:00:00Z"));
    let told = o.calendar(&WEEK).await.unwrap();
    let left: Vec<&str> =
        list(&told, "backup")["shifts"].as_array().unwrap().iter().map(|s| s["ends_at"].as_str().unwrap()).collect();
    assert_eq!(left, ["2026-03-02T12:00:00Z", "2026-03-02T12:00:00Z"]);
    assert_eq!(times(&list(&told, "backup")["gaps"]), pairs(&[("2026-03-02T12:00:00Z", "2026-03-09T00:00:00Z")]));
}
