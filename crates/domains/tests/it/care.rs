//! What is done during a visit, and who may give medication: treatments, vital signs and doses of a visit (5.2), delegation, the window
//! of a dose, supplies that expire and relievers that are needed often (5.2, 5.3), through the door.

use crate::{
    background::ask,
    clinic::{School, code, id, row},
    clinic_again::alerts,
    medication::{NOON, at_noon, given},
    world::at,
};
use salus_core::{Ctx, Error};
use salus_store::{Body, Call, Record};
use serde_json::{Value, json};
use time::macros::datetime;
use uuid::Uuid;

impl School {
    async fn change(&self, visit: &Record, body: Value) -> Result<Record, Error> {
        let version = i32::try_from(visit.get("row_version").unwrap().as_i64().unwrap()).unwrap();
        row(self.world.call("school.visit.change", Call { body, if_match: Some(version), ..at(&id(visit)) }).await)
    }

    async fn round_of(&self, who: Ctx) -> Vec<Value> {
        let told = self.world.call_as(who, "school.medication_round.today", Call::default()).await.unwrap();
        let Body::Json(told) = told.body else { panic!("no JSON") };
        told["doses"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn a_visit_keeps_what_was_done_by_whom_and_how_much() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let visit = s.check_in(s.visit(&student, "2026-03-02T18:00:00Z")).await.unwrap();
    let done = |body: Value| json!({"treatments": body});
    for (wrong, why) in [
        (json!([{"code": "LEECHES"}]), "not_allowed"),
        (json!([{"code": "REST", "at": "2026-03-02T17:00:00Z"}]), "time_order"),
        (json!([{"code": "REST", "qty": -1}]), "wrong_type"),
        (json!([{"code": "REST", "by": Uuid::from_u128(1)}]), "not_writable"),
        (json!([{"code": "REST", "how": "long"}]), "not_allowed"),
        (json!("REST"), "wrong_type"),
    ] {
        assert_eq!(code(s.change(&visit, done(wrong.clone())).await), why, "{wrong}");
    }
    let ice = json!({"code": "ICE_PACK", "at": "2026-03-02T18:10:00Z", "qty": 1});
    let aide = s.aide().await;
    let mut writes = aide.clone();
    writes.permissions = salus_core::Permissions::new(["school.visit.write", "kernel.phi.read"]).into();
    let call = Call { body: done(json!([ice])), if_match: Some(1), ..at(&id(&visit)) };
    let first = row(s.world.call_as(writes, "school.visit.change", call).await).unwrap();
    assert_eq!(first.get("treatments").unwrap()[0]["by"], json!(aide.actor.id));
    // Whoever adds another does not become who gave the first.
    let more = json!({"disposition": "RETURN_TO_CLASS", "treatments": [ice, {"code": "REST", "at": null}],
                      "check_in_at": "2026-03-02T17:55:00Z", "arrived_from": "RECESS"});
    let ended = s.check_out(&id(&visit), more).await.unwrap();
    let kept = ended.get("treatments").unwrap();
    assert_eq!((&kept[0]["by"], &kept[0]["qty"]), (&json!(aide.actor.id), &json!(1.0)));
    assert_eq!(
        (&kept[1]["code"], &kept[1]["at"], &kept[1]["qty"]),
        (&json!("REST"), &json!("2026-03-02T19:00:00Z"), &Value::Null)
    );
    assert_eq!((ended.text("arrived_from"), ended.text("check_in_at")), ("RECESS", "2026-03-02T17:55:00Z"));
    let other = s.check_in(s.visit(&student, "2026-03-02T19:00:00Z")).await.unwrap();
    let moved = json!({"disposition": "RETURN_TO_CLASS", "check_in_at": "2026-03-01T19:00:00Z"});
    assert_eq!(code(s.check_out(&id(&other), moved).await), "time_order", "not to another day");
}

#[tokio::test]
async fn what_is_measured_at_a_visit_stands_in_the_chart() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let mut body = s.visit(&student, "2026-03-02T18:00:00Z");
    for (wrong, why) in [
        (json!({"heart_rate": 900}), "not_plausible"),
        (json!({"heart_rate": "fast"}), "wrong_type"),
        (json!({"systolic": 110}), "required"),
        (json!({"systolic": 70, "diastolic": 110}), "not_plausible"),
        (json!({"mood": 3}), "not_allowed"),
        (json!({"heart_rate": 88, "at": "2026-03-02T12:00:00Z"}), "time_order"),
    ] {
        body["vital_signs"] = wrong.clone();
        assert_eq!(code(s.check_in(body.clone()).await), why, "{wrong}");
    }
    body["vital_signs"] = json!({"heart_rate": "88", "systolic": 110, "diastolic": 70, "at": "2026-03-02T18:05:00Z"});
    let visit = s.check_in(body).await.unwrap();
    assert_eq!(visit.get("vital_sign_ids").unwrap().as_array().unwrap().len(), 2, "a blood pressure is one fact");
    let more = json!({"disposition": "RETURN_TO_CLASS", "vital_signs": {"oxygen_saturation": 98}});
    let ended = s.check_out(&id(&visit), more).await.unwrap();
    let ids = ended.get("vital_sign_ids").unwrap().as_array().unwrap().clone();
    assert_eq!(ids.len(), 3);
    let query = vec![("patient_id".to_owned(), student), ("measured_on".to_owned(), "2026-03-02".to_owned())];
    let Body::Page(page) =
        s.world.call("records.vital_sign.list", Call { query, ..Call::default() }).await.unwrap().body
    else {
        panic!("no page")
    };
    let of = |code: &str| page.rows.iter().find(|r| r.text("code") == code).unwrap_or_else(|| panic!("no {code}"));
    assert_eq!((of("8867-4").text("value"), of("8867-4").text("measured_at")), ("88", "2026-03-02T18:05:00Z"));
    let parts = of("85354-9").get("components").unwrap().clone();
    assert_eq!((&parts[0]["value"], &parts[1]["value"]), (&json!(110.0), &json!(70.0)));
    assert!(page.rows.iter().all(|r| ids.contains(&json!(r.id()))), "each is named by the visit");
    let named = s.change(&ended, json!({"vital_sign_ids": [], "amended_reason": "x"})).await;
    assert_eq!(code(named), "not_writable");
}

#[tokio::test]
async fn a_dose_that_was_given_during_a_visit_is_named_by_it() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let order = s.as_needed(&student, json!({"min_interval_min": null})).await;
    let visit = id(&s.check_in(s.visit(&student, "2026-03-02T18:00:00Z")).await.unwrap());
    let own = s.dose(given(&order, "2026-03-02T18:10:00Z")).await.unwrap();
    s.dose(given(&order, "2026-03-02T17:10:00Z")).await.unwrap();
    let out = json!({"disposition": "RETURN_TO_CLASS", "check_out_at": "2026-03-02T18:30:00Z"});
    let ended = s.check_out(&visit, out).await.unwrap();
    assert_eq!(ended.get("medication_administration_ids"), Some(&json!([own.id()])), "and not the one before it");
    let late = s.dose(given(&order, "2026-03-02T18:20:00Z")).await.unwrap();
    let now = row(s.world.call("school.visit.get", at(&visit)).await).unwrap();
    assert_eq!(
        now.get("medication_administration_ids"),
        Some(&json!([own.id(), late.id()])),
        "written down after the visit"
    );
}

#[tokio::test]
async fn an_aide_gives_what_is_delegated_as_long_as_the_training_counts() {
    let s = School::new().await;
    let (one, two) = (s.student("A-1").await, s.student("A-2").await);
    let delegable = s.in_force(&one, json!({"delegable": true})).await;
    s.in_force(&two, json!({"delegable": true, "route": "SUBCUTANEOUS", "medication": "Insulin lispro"})).await;
    s.clock(datetime!(2026-03-02 20:00 UTC));
    let (untrained, trained) = (s.aide_for(None).await, s.aide().await);
    assert_eq!(code(s.record(untrained.clone(), at_noon(&delegable, NOON)).await), "competence_missing");
    assert_eq!((s.round_of(untrained).await.len(), s.round_of(s.world.operator()).await.len()), (0, 2));
    let seen = s.round_of(trained.clone()).await;
    assert_eq!((seen.len(), &seen[0]["order_id"]), (1, &json!(delegable)), "what they were trained for");
    let by_route = s.world.call_as(trained.clone(), "school.medication_round.student", at(&two)).await.unwrap();
    let Body::Json(by_route) = by_route.body else { panic!("no JSON") };
    assert_eq!(by_route["orders"], json!([]), "no injection");
    s.record(trained.clone(), at_noon(&delegable, NOON)).await.unwrap();

    // What was taken back counts no more, and neither does what is over.
    let held = ask(&s.world, "SELECT id::text FROM school.delegations").await.remove(0);
    let revoke = |body: Value| s.world.call("school.delegation.revoke", Call { body, ..at(&held) });
    assert_eq!(code(row(revoke(json!({})).await)), "required");
    row(revoke(json!({"reason": "Retrain"})).await).unwrap();
    assert_eq!(code(row(revoke(json!({"reason": "Again"})).await)), "state_conflict");
    let again = s.as_needed(&one, json!({"delegable": true})).await;
    assert_eq!(code(s.record(trained.clone(), given(&again, NOON)).await), "competence_missing");
    let body = json!({"user_id": trained.actor.id, "school_id": s.id, "route": "ORAL", "trained_on": "2026-03-02", "valid_until": "2026-03-02"});
    s.world.create("school.delegation.create", body.clone()).await;
    s.record(trained.clone(), given(&again, NOON)).await.unwrap();
    s.clock(datetime!(2026-03-04 20:00 UTC));
    assert_eq!(code(s.record(trained.clone(), given(&again, "2026-03-04T20:00:00Z")).await), "competence_missing");
    let new = |name: &str, value: Value| {
        let mut body = body.clone();
        body["valid_until"] = json!("2026-06-12");
        body[name] = value;
        s.world.call("school.delegation.create", Call { body, ..Call::default() })
    };
    assert_eq!(code(row(new("valid_until", json!("2026-03-03")).await)), "time_order");
    assert_eq!(code(row(new("trained_on", json!("2026-03-05")).await)), "time_order");
    assert_eq!(code(row(new("route", json!("BY_LOOKING")).await)), "not_allowed");
    let stranger = s.world.somebody().actor.id;
    assert_eq!(code(row(new("user_id", json!(stranger)).await)), "no_such_record");
    let mut own = s.world.operator();
    own.actor = trained.actor.clone();
    let call = Call { body: body.clone(), ..Call::default() };
    assert_eq!(code(row(s.world.call_as(own, "school.delegation.create", call).await)), "not_allowed", "to oneself");
    let refused = s.world.call_as(trained, "school.delegation.create", Call { body, ..Call::default() }).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
}

#[tokio::test]
async fn an_aide_is_listed_what_they_may_give() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let soon = |over: Value| {
        let mut over = over;
        over["valid_to"] = json!("2026-03-10");
        over
    };
    let own = s.in_force(&student, soon(json!({"delegable": true}))).await;
    let by_route =
        s.in_force(&student, soon(json!({"delegable": true, "route": "SUBCUTANEOUS", "medication": "Insulin lispro"})));
    let by_route = by_route.await;
    let closed = s.in_force(&student, soon(json!({"medication": "Amoxicillin 250 mg", "times": ["13:00"]}))).await;
    let rescue = s.as_needed(&student, soon(json!({"medication": "Albuterol HFA 90 mcg", "route": "INHALED"}))).await;
    let (trained, untrained) = (s.aide().await, s.aide_for(None).await);
    let listed = async |who: Ctx| {
        let query = [("student_id", &*student), ("total", "true")];
        let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let told = s.world.call_as(who, "school.medication_order.list", Call { query, ..Call::default() }).await;
        let Body::Page(page) = told.unwrap().body else { panic!("no page") };
        assert_eq!(page.total, Some(i64::try_from(page.rows.len()).unwrap()), "and no more are counted");
        page.rows.iter().rev().map(id).collect::<Vec<_>>()
    };
    assert_eq!(listed(trained.clone()).await, [&*own, &rescue], "what was trained, and what saves a life");
    assert_eq!(listed(untrained.clone()).await, [&*rescue]);
    assert_eq!(listed(s.world.operator()).await, [&*own, &by_route, &closed, &rescue], "who orders sees all");

    let get = async |who: &Ctx, order: &str| {
        let told = s.world.call_as(who.clone(), "school.medication_order.get", at(order)).await;
        told.map(|_| ()).map_err(|e| e.to_string())
    };
    for order in [&by_route, &closed] {
        assert_eq!(get(&trained, order).await, Err(Error::NotFound.to_string()));
        assert_eq!(get(&s.world.operator(), order).await, Ok(()));
    }
    for order in [&own, &rescue] {
        assert_eq!(get(&trained, order).await, Ok(()));
    }
    let ending = async |who: Ctx| {
        let told = s.world.call_as(who, "school.medication_round.waiting", Call::default()).await.unwrap();
        let Body::Json(told) = told.body else { panic!("no JSON") };
        (told["orders"].as_array().unwrap().len(), told["orders_total"].clone())
    };
    assert_eq!((ending(trained).await, ending(s.world.operator()).await), ((2, json!(2)), (4, json!(4))));
}

#[tokio::test]
async fn an_organization_says_when_a_dose_is_on_time() {
    let s = School::new().await;
    let order = s.in_force(&s.student("A-1").await, json!({})).await;
    s.clock(datetime!(2026-03-02 21:10 UTC));
    let late = || s.dose(at_noon(&order, "2026-03-02T20:45:00Z"));
    assert_eq!(code(late().await), "outside_window", "30 minutes where nothing is set");
    let set = async |value: &str| {
        let sql = format!(
            "INSERT INTO kernel.settings (tenant_id, id, name, value) VALUES ('{}', gen_random_uuid(), 'school.medication', '{value}') \
             ON CONFLICT (tenant_id, name) DO UPDATE SET value = excluded.value",
            s.world.tenant
        );
        s.world.admin(&sql).await;
    };
    for wrong in [r#"{"window_minutes": 61}"#, r#"{"window_minutes": 4}"#, r#"{"window": 45}"#] {
        set(wrong).await;
        assert_eq!(code(late().await), "setting_wrong", "{wrong}");
    }
    set(r#"{"window_minutes": 45}"#).await;
    s.job("school.mark_missed_doses").await;
    assert_eq!(s.doses(&order).await, [(NOON.to_owned(), "MISSED".to_owned())], "an hour after its time, not before");
    late().await.unwrap();
}

#[tokio::test]
async fn a_supply_that_expires_is_told_before_and_a_lot_that_has_is_not_given() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let order = s.as_needed(&student, json!({"min_interval_min": null})).await;
    let supply = |day: Value| {
        s.world.call("school.medication_order.supply", Call { body: json!({"supply_expires_on": day}), ..at(&order) })
    };
    assert_eq!(code(row(supply(json!("soon")).await)), "wrong_type");
    row(supply(json!("2026-04-02")).await).unwrap();
    s.job("school.tell_expiring_supplies").await;
    assert_eq!(alerts(&s, "supply_expiring").await, Vec::<String>::new(), "31 days before");
    row(supply(json!("2026-04-01")).await).unwrap();
    s.job("school.tell_expiring_supplies").await;
    s.job("school.tell_expiring_supplies").await;
    assert_eq!(alerts(&s, "supply_expiring").await, ["ACTIVE"]);
    let dose = s.dose(given(&order, "2026-03-02T18:00:00Z")).await.unwrap();
    assert_eq!(dose.text("expires_on"), "2026-04-01", "its lot is that of the supply");
    row(supply(json!("2026-03-01")).await).unwrap();
    assert_eq!(code(s.dose(given(&order, "2026-03-02T18:30:00Z")).await), "expired");
    row(supply(json!("2027-03-01")).await).unwrap();
    s.job("alerts.sweep").await;
    assert_eq!(alerts(&s, "supply_expiring").await, ["RESOLVED"], "replaced");
    s.dose(given(&order, "2026-03-02T18:30:00Z")).await.unwrap();
}

#[tokio::test]
async fn a_reliever_of_asthma_needed_three_times_in_a_week_asks_for_the_plan() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let puff = async |medication: &str, day: u8| {
        let body = json!({"student_id": student, "medication": medication, "outcome": "GIVEN", "dose_given": "2", "dose_unit": "puff",
                          "administered_at": format!("2026-03-0{day}T18:00:00Z"), "reason": "Wheezing"});
        s.dose(body).await.unwrap();
        s.job("alerts.sweep").await;
    };
    s.clock(datetime!(2026-03-09 22:00 UTC));
    for (medication, day) in
        [("Albuterol HFA", 1), ("Albuterol HFA", 3), ("Epinephrine 0.3 mg", 4), ("Ventolin HFA", 8)]
    {
        puff(medication, day).await;
    }
    assert_eq!(alerts(&s, "inhaler_frequent").await, Vec::<String>::new(), "two in the seven days before each");
    puff("Albuterol HFA", 9).await;
    assert_eq!(alerts(&s, "inhaler_frequent").await, ["ACTIVE"], "the third, eighth and ninth");
    puff("Albuterol HFA", 9).await;
    assert_eq!(alerts(&s, "inhaler_frequent").await.len(), 1);
    let about = ask(&s.world, "SELECT i.title FROM alerts.alert_instances i").await;
    assert!(about.iter().all(|title| !title.contains("Quillfeather")), "{about:?}");
}

#[tokio::test]
async fn what_a_second_tablet_said_of_a_dose_is_kept_sealed() {
    let s = School::new().await;
    let order = s.in_force(&s.student("A-1").await, json!({})).await;
    s.clock(datetime!(2026-03-02 20:10 UTC));
    let send = async |device: u128, note: &str| {
        let mut body = at_noon(&order, "2026-03-02T20:01:00Z");
        body["client_ref"] = json!(Uuid::from_u128(device));
        body["note"] = json!(note);
        s.dose(body).await.unwrap()
    };
    let first = send(1, "Swallowed with water").await;
    let second = send(2, "Swallowed with juice").await;
    assert_eq!((first.id(), first.get("note")), (second.id(), second.get("note")), "the first stays");
    // The event of the second has it, sealed; that of the first has nothing to add.
    let sql = "SELECT (payload IS NOT NULL)::text || ' ' || (position('juice' IN encode(coalesce(payload, ''), 'escape')) > 0)::text \
               FROM audit.activity_logs WHERE action = 'school.administration.record' ORDER BY recorded_at";
    assert_eq!(ask(&s.world, sql).await, ["false false", "true false"]);
}
