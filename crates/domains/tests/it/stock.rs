//! The round of a day, errors of recorded doses, and the register of controlled drugs. Noon at the school is 20:00 UTC.

use crate::{
    clinic::{School, code, id, nurse, row},
    medication::{NOON, at_noon, given},
    world::at,
};
use salus_core::{Ctx, Error};
use salus_store::{Body, Call, Record};
use serde_json::{Value, json};
use time::macros::datetime;

const OXYCODONE: &str = "Oxycodone 5 mg";

impl School {
    async fn told(&self, who: Ctx, op: &str, call: Call) -> Value {
        let reply = self.world.call_as(who, op, call).await.unwrap();
        let Body::Json(told) = reply.body else { panic!("no JSON") };
        told
    }

    pub async fn round(&self) -> Vec<Value> {
        let told = self.told(self.world.operator(), "school.medication_round.today", Call::default()).await;
        told["doses"].as_array().unwrap().clone()
    }

    /// A nurse of the school who is on its staff.
    async fn on_staff(&self) -> Ctx {
        let ctx = nurse(self, &[&self.unit]).await;
        let staff =
            json!({"school_id": self.id, "user_id": ctx.actor.id, "position": "NURSE_RN", "started_on": "2025-08-01"});
        self.world.create("school.staff.create", staff).await;
        ctx
    }

    async fn act(&self, who: &Ctx, op: &str, on: Option<&str>, body: Value) -> Result<Record, Error> {
        let call = on.map_or_else(Call::default, at);
        row(self.world.call_as(who.clone(), op, Call { body, ..call }).await)
    }

    /// An order of a controlled drug as needed, of which so much was received.
    async fn controlled(&self, who: &Ctx, quantity: &str) -> (String, String) {
        let student = self.student("A-1").await;
        let over = json!({"medication": OXYCODONE, "controlled_schedule": "II", "min_interval_min": null});
        let order = self.as_needed(&student, over).await;
        let body = json!({"order_id": order, "quantity": quantity});
        let supply = self.act(who, "school.stock.receive", None, body).await.unwrap();
        (order, id(&supply))
    }

    async fn balance(&self, supply: &str) -> String {
        row(self.world.call("school.stock.get", at(supply)).await).unwrap().text("balance").to_owned()
    }

    async fn register(&self, supply: &str) -> Vec<(String, String, String)> {
        let query = vec![("inventory_id".to_owned(), supply.to_owned())];
        let page = self.world.call("school.stock_entry.list", Call { query, ..Call::default() }).await.unwrap();
        let Body::Page(page) = page.body else { panic!("no page") };
        let text = |r: &Record, name: &str| r.text(name).to_owned();
        page.rows.iter().map(|r| (text(r, "kind"), text(r, "change"), text(r, "balance_after"))).collect()
    }
}

#[tokio::test]
async fn the_round_says_who_is_due_what_and_where_each_dose_stands() {
    let s = School::new().await;
    let (one, two, three) = (s.student("A-1").await, s.student("A-2").await, s.student("A-3").await);
    let morning = s.in_force(&one, json!({"times": ["10:30", "14:00"], "instructions": "With food"})).await;
    let noon = s.in_force(&two, json!({})).await;
    let stopped = s.in_force(&three, json!({})).await;
    s.to(&stopped, "suspend", json!({"reason": "PRESCRIBER"})).await.unwrap();
    let needed = s.as_needed(&three, json!({})).await;
    s.dose(given(&needed, "2026-03-02T18:59:00Z")).await.unwrap();
    s.clock(datetime!(2026-03-02 19:45 UTC));
    let seen = s.round().await;
    let states: Vec<(&str, &str)> =
        seen.iter().map(|d| (d["order_id"].as_str().unwrap(), d["state"].as_str().unwrap())).collect();
    let order =
        [(&*morning, "LATE"), (&*needed, "GIVEN"), (&*noon, "DUE"), (&*stopped, "STOPPED"), (&*morning, "LATER")];
    assert_eq!(states.iter().map(|s| s.1).collect::<Vec<_>>()[..2], ["LATE", "GIVEN"]);
    assert!(order.iter().all(|wanted| states.contains(wanted)) && states.len() == 5, "{states:?}");
    let first = &seen[0];
    assert_eq!((&first["medication"], &first["dose"]), (&json!("Methylphenidate 10 mg"), &json!("1")));
    assert_eq!((&first["unit"], &first["route"]), (&json!("tablet"), &json!("ORAL")));
    assert_eq!(first["scheduled_for"], json!("2026-03-02T18:30:00Z"));
    assert_eq!((&first["instructions"], &first["student"]["grade"]), (&json!("With food"), &json!("4")));

    let refused = json!({"order_id": noon, "scheduled_for": NOON, "outcome": "REFUSED"});
    assert_eq!(code(s.dose(refused.clone()).await), "required", "a dose that is refused has a reason");
    let mut refused = refused;
    refused["reason"] = json!("Feels sick");
    s.dose(refused).await.unwrap();
    let seen = s.round().await;
    assert!(seen.iter().any(|d| d["order_id"] == json!(noon) && d["state"] == json!("REFUSED")));

    s.clock(datetime!(2026-03-03 08:00 UTC));
    assert_eq!(s.round().await.len(), 0, "midnight at the school begins another day");
    let other = nurse(&s, &[]).await;
    let told = s.told(other, "school.medication_round.today", Call::default()).await;
    assert_eq!(told, json!({"school": null, "schools": [], "doses": []}), "of no school of hers");
}

#[tokio::test]
async fn the_orders_of_a_student_say_when_the_next_dose_may_be_given() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let order = s.as_needed(&student, json!({"max_per_day": 2})).await;
    s.clock(datetime!(2026-03-02 20:00 UTC));
    let orders = async || {
        let told = s.told(s.world.operator(), "school.medication_round.student", at(&student)).await;
        told["orders"][0].clone()
    };
    let before = orders().await;
    assert_eq!((&before["stops"], &before["next_at"], &before["today"]), (&json!([]), &Value::Null, &json!(0)));
    s.dose(given(&order, "2026-03-02T19:00:00Z")).await.unwrap();
    let after = orders().await;
    assert_eq!((&after["stops"], &after["today"]), (&json!(["MIN_INTERVAL"]), &json!(1)));
    assert_eq!(
        (&after["next_at"], &after["last_at"]),
        (&json!("2026-03-02T23:00:00Z"), &json!("2026-03-02T19:00:00Z"))
    );
    let stranger = nurse(&s, &[]).await;
    let told = s.world.call_as(stranger, "school.medication_round.student", at(&student)).await;
    assert!(matches!(told, Err(Error::NotFound)), "{told:?}");
}

#[tokio::test]
async fn an_error_is_marked_and_kept_and_the_dose_is_recorded_anew() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let order = s.in_force(&student, json!({"delegable": true})).await;
    s.clock(datetime!(2026-03-02 20:10 UTC));
    let dose = s.dose(at_noon(&order, "2026-03-02T20:05:00Z")).await.unwrap();
    let dose = id(&dose);
    let error = |who: Ctx, body: Value| s.world.call_as(who, "school.administration.error", Call { body, ..at(&dose) });
    assert_eq!(code(row(error(s.world.operator(), json!({})).await)), "required");
    let why = json!({"reason": "Given to nobody: wrong button"});
    assert_eq!(
        code(row(error(s.aide().await, why.clone()).await)),
        "not_own",
        "an aide takes back what the aide recorded"
    );
    let open = row(error(s.world.operator(), why.clone()).await).unwrap();
    assert_eq!((open.text("outcome"), open.get("error_flag")), ("", Some(&json!(true))));
    assert_eq!((open.get("administered_at"), open.get("dose_given")), (Some(&Value::Null), Some(&Value::Null)));
    assert_eq!(code(row(error(s.world.operator(), why).await)), "state_conflict");
    assert_eq!(s.round().await[0]["state"], json!("DUE"), "it is to be given");
    s.dose(at_noon(&order, "2026-03-02T20:09:00Z")).await.unwrap();
    assert_eq!(s.doses(&order).await, [(NOON.to_owned(), "GIVEN".to_owned())], "one dose");

    let kept = s.world.call("school.administration_version.list", Call::default()).await.unwrap();
    let Body::Page(kept) = kept.body else { panic!("no page") };
    assert_eq!(kept.rows.len(), 1);
    let body = kept.rows[0].get("body").unwrap();
    assert_eq!((&body["outcome"], &body["administered_at"]), (&json!("GIVEN"), &json!("2026-03-02T20:05:00Z")));
    assert_eq!(kept.rows[0].text("reason"), "Given to nobody: wrong button");

    let needed = s.as_needed(&student, json!({"max_per_day": 1})).await;
    let first = id(&s.dose(given(&needed, "2026-03-02T20:08:00Z")).await.unwrap());
    let body = json!({"reason": "Another student's"});
    row(s.world.call("school.administration.error", Call { body, ..at(&first) }).await).unwrap();
    s.dose(given(&needed, "2026-03-02T20:09:00Z")).await.unwrap();
}

#[tokio::test]
async fn a_register_follows_each_dose_and_is_never_below_nothing() {
    let s = School::new().await;
    let (one, two) = (s.on_staff().await, s.on_staff().await);
    let (order, supply) = s.controlled(&one, "3").await;
    s.clock(datetime!(2026-03-02 20:00 UTC));
    let dose = id(&s.dose(given(&order, "2026-03-02T19:00:00Z")).await.unwrap());
    assert_eq!(s.balance(&supply).await, "2");
    let waste = |quantity: &str, witness: Value| {
        let body = json!({"quantity": quantity, "witness_id": witness, "reason": "Dropped"});
        s.world.call_as(one.clone(), "school.stock.waste", Call { body, ..at(&supply) })
    };
    assert_eq!(code(row(waste("1", Value::Null).await)), "required", "before a witness");
    assert_eq!(code(row(waste("1", json!(one.actor.id)).await)), "not_allowed", "another person");
    let stranger = nurse(&s, &[]).await.actor.id;
    assert_eq!(code(row(waste("1", json!(stranger)).await)), "no_such_record", "who works there");
    assert_eq!(code(row(waste("2.5", json!(two.actor.id)).await)), "negative_stock");
    row(waste("1.5", json!(two.actor.id)).await).unwrap();
    assert_eq!(code(s.dose(given(&order, "2026-03-02T19:30:00Z")).await), "negative_stock", "half a tablet is left");
    let body = json!({"reason": "Was not given"});
    row(s.world.call("school.administration.error", Call { body, ..at(&dose) }).await).unwrap();
    let wanted = [("TAKEN_BACK", "1", "1.5"), ("WASTED", "-1.5", "0.5"), ("GIVEN", "-1", "2"), ("RECEIVED", "3", "3")];
    let wanted = wanted.map(|(kind, change, after)| (kind.to_owned(), change.to_owned(), after.to_owned()));
    assert_eq!(s.register(&supply).await, wanted);

    let admin = s.world.database.connect("salus_admin").await;
    let sql = format!("UPDATE school.medication_inventory SET balance = -1 WHERE id = '{supply}'");
    assert!(admin.batch_execute(&sql).await.is_err(), "the database refuses it as well");
    let sql = format!("UPDATE school.medication_inventory_entries SET change = -2 WHERE inventory_id = '{supply}'");
    assert!(admin.batch_execute(&sql).await.is_err(), "and no entry is written over");
    let bare =
        s.as_needed(&s.student("A-2").await, json!({"medication": OXYCODONE, "controlled_schedule": "II"})).await;
    assert_eq!(code(s.dose(given(&bare, "2026-03-02T19:00:00Z")).await), "negative_stock", "nothing was received");
    let plain = s.as_needed(&s.student("A-3").await, json!({})).await;
    let body = json!({"order_id": plain, "quantity": "10"});
    assert_eq!(code(s.act(&one, "school.stock.receive", None, body).await), "not_allowed", "no controlled drug");
    for wrong in ["0", "-1", "many", "1.2.3", ""] {
        let body = json!({"order_id": order, "quantity": wrong});
        let told = code(s.act(&one, "school.stock.receive", None, body).await);
        assert!(matches!(&*told, "not_allowed" | "wrong_type"), "{wrong}: {told}");
    }
}

#[tokio::test]
async fn two_doses_at_once_take_no_more_than_there_is() {
    let s = School::new().await;
    let one = s.on_staff().await;
    let (order, supply) = s.controlled(&one, "1").await;
    s.clock(datetime!(2026-03-02 20:00 UTC));
    let (a, b) =
        tokio::join!(s.dose(given(&order, "2026-03-02T19:00:00Z")), s.dose(given(&order, "2026-03-02T19:01:00Z")));
    assert_eq!(u8::from(a.is_ok()) + u8::from(b.is_ok()), 1, "{a:?} {b:?}");
    assert_eq!(s.balance(&supply).await, "0");
}

#[tokio::test]
async fn a_count_takes_two_persons_and_a_difference_raises_an_alert() {
    let s = School::new().await;
    let (one, two) = (s.on_staff().await, s.on_staff().await);
    let (order, supply) = s.controlled(&one, "30").await;
    let count = async |found: &str| {
        let body = json!({"inventory_id": supply, "found": found});
        id(&s.act(&one, "school.stock_count.count", None, body).await.unwrap())
    };
    let confirm = async |who: &Ctx, count: &str, found: &str| {
        s.act(who, "school.stock_count.confirm", Some(count), json!({"found": found})).await
    };
    let first = count("30").await;
    assert_eq!(code(confirm(&one, &first, "30").await), "two_persons");
    assert_eq!(code(confirm(&two, &first, "29").await), "counts_differ");
    confirm(&two, &first, "30.0").await.unwrap();
    assert_eq!(code(confirm(&two, &first, "30").await), "state_conflict");
    let admin = s.world.database.connect("salus_admin").await;
    let alerts = async || -> Vec<(String, String, i32)> {
        let sql = "SELECT severity::text, category::text, occurrences FROM alerts.alert_instances";
        admin.query(sql, &[]).await.unwrap().iter().map(|r| (r.get(0), r.get(1), r.get(2))).collect()
    };
    s.job("school.tell_stock_mismatch").await;
    assert_eq!(alerts().await, [], "30 of 30");

    let stale = count("30").await;
    s.clock(datetime!(2026-03-02 19:10 UTC));
    s.dose(given(&order, "2026-03-02T19:05:00Z")).await.unwrap();
    assert_eq!(code(confirm(&two, &stale, "30").await), "count_lapsed", "a dose went in between");
    let second = count("28").await;
    assert_eq!(s.balance(&supply).await, "29", "a count by one person changes nothing");
    confirm(&two, &second, "28").await.unwrap();
    assert_eq!(s.balance(&supply).await, "28", "what is there counts from now on");
    s.job("school.tell_stock_mismatch").await;
    assert_eq!(alerts().await, [("HIGH".to_owned(), "MEDICATION".to_owned(), 1)]);
    let third = count("27").await;
    confirm(&two, &third, "27").await.unwrap();
    s.job("school.tell_stock_mismatch").await;
    assert_eq!(alerts().await[0].2, 2, "the same alert, once more");
    let sql = "SELECT count(DISTINCT user_id) FROM auth.notifications WHERE title_key = 'school.stock_mismatch'";
    assert_eq!(admin.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 2, "both nurses are told");
    let body = json!({"inventory_id": supply, "found": "1"});
    let program = s.act(&s.world.operator(), "school.stock_count.count", None, body).await;
    assert_eq!(code(program), "not_a_person");
}

#[tokio::test]
async fn an_emergency_is_recorded_whatever_the_register_says() {
    let s = School::new().await;
    let one = s.on_staff().await;
    let student = s.student("A-1").await;
    let over =
        json!({"medication": "Diazepam rectal 10 mg", "controlled_schedule": "IV", "kind": "EMERGENCY", "times": []});
    let order = s.in_force(&student, over).await;
    let bare = json!({"order_id": order, "outcome": "GIVEN"});
    s.dose(bare.clone()).await.unwrap();
    let body = json!({"order_id": order, "quantity": "0.5"});
    let supply = id(&s.act(&one, "school.stock.receive", None, body).await.unwrap());
    s.dose(bare).await.unwrap();
    assert_eq!(s.balance(&supply).await, "0", "what the register had");
    s.job("school.tell_stock_mismatch").await;
    let admin = s.world.database.connect("salus_admin").await;
    let sql = "SELECT occurrences FROM alerts.alert_instances";
    assert_eq!(admin.query_one(sql, &[]).await.unwrap().get::<_, i32>(0), 2, "both are told");
}
