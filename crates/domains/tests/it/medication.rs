//! Medication at school: the acceptance of section 5.3 of the specification, through the door. Noon at the school is 20:00 UTC.

use crate::{
    clinic::{School, code, id, row},
    world::at,
};
use salus_core::{Ctx, Error, Permissions};
use salus_domains::auth::Carriers;
use salus_store::{
    Body, Call, Record,
    jobs::{Dispatcher, Pace},
    outbound::{Outbound, Rules},
};
use serde_json::{Value, json};
use std::sync::Arc;
use time::{OffsetDateTime, macros::datetime};
use uuid::Uuid;

pub const NOON: &str = "2026-03-02T20:00:00Z";

impl School {
    pub fn clock(&self, at: OffsetDateTime) {
        self.world.db.env().clock.set(at);
    }

    pub async fn document(&self, student: &str) -> String {
        let body = json!({"patient_id": student, "verification": "CLINICIAN_ENTERED", "source_kind": "MANUAL",
                          "status": "REFERENCED"});
        id(&self.world.create("records.document.create", body).await)
    }

    /// A draft with both documents; `over` replaces what it says.
    pub async fn draft(&self, student: &str, over: Value) -> Value {
        let mut body = json!({
            "student_id": student, "medication": "Methylphenidate 10 mg", "dose_qty": "1", "dose_unit": "tablet",
            "route": "ORAL", "kind": "SCHEDULED", "times": ["12:00"], "valid_from": "2026-03-02",
            "valid_to": "2026-06-12", "prescriber_order_id": self.document(student).await,
            "guardian_consent_id": self.document(student).await,
        });
        let Value::Object(over) = over else { panic!("no object") };
        body.as_object_mut().unwrap().extend(over);
        body
    }

    pub async fn order(&self, body: Value) -> Result<Record, Error> {
        row(self.world.call("school.medication_order.draft", Call { body, ..Call::default() }).await)
    }

    pub async fn to(&self, order: &str, verb: &str, body: Value) -> Result<Record, Error> {
        row(self.world.call(&format!("school.medication_order.{verb}"), Call { body, ..at(order) }).await)
    }

    pub async fn in_force(&self, student: &str, over: Value) -> String {
        let order = id(&self.order(self.draft(student, over).await).await.unwrap());
        let row = self.to(&order, "activate", json!({})).await.unwrap();
        assert_eq!(row.text("status"), "ACTIVE");
        order
    }

    pub async fn as_needed(&self, student: &str, over: Value) -> String {
        let mut with = json!({"medication": "Ibuprofen 200 mg", "kind": "PRN", "times": [], "min_interval_min": 240});
        let Value::Object(over) = over else { panic!("no object") };
        with.as_object_mut().unwrap().extend(over);
        self.in_force(student, with).await
    }

    pub async fn record(&self, who: Ctx, body: Value) -> Result<Record, Error> {
        row(self.world.call_as(who, "school.administration.record", Call { body, ..Call::default() }).await)
    }

    pub async fn dose(&self, body: Value) -> Result<Record, Error> {
        self.record(self.world.operator(), body).await
    }

    /// Somebody who works here and is no nurse; `route` is delegated to them until the end of the school year.
    pub async fn aide_for(&self, route: Option<&str>) -> Ctx {
        let mut tx = self.world.db.begin(self.world.operator(), false).await.unwrap();
        let user = salus_domains::auth::create_service(&mut tx, "Aide", &[]).await.unwrap();
        tx.commit("auth.user.create_service", "auth.users").await.unwrap();
        let staff =
            json!({"user_id": user, "school_id": self.id, "position": "HEALTH_AIDE", "started_on": "2025-08-18"});
        self.world.create("school.staff.create", staff).await;
        if let Some(route) = route {
            let body = json!({"user_id": user, "school_id": self.id, "route": route, "trained_on": "2026-02-02",
                              "valid_until": "2026-06-12"});
            self.world.create("school.delegation.create", body).await;
        }
        let mut ctx = self.world.operator();
        ctx.actor.kind = salus_core::ActorKind::User;
        ctx.actor.id = user;
        ctx.permissions = Arc::new(Permissions::new(["school.med.administer", "kernel.phi.read"]));
        ctx
    }

    pub async fn aide(&self) -> Ctx {
        self.aide_for(Some("ORAL")).await
    }

    /// The doses of an order: when, and what came of each.
    pub async fn doses(&self, order: &str) -> Vec<(String, String)> {
        let query = vec![("order_id".to_owned(), order.to_owned())];
        let page = self.world.call("school.administration.list", Call { query, ..Call::default() }).await.unwrap();
        let Body::Page(page) = page.body else { panic!("no page") };
        let mut all: Vec<_> =
            page.rows.iter().map(|r| (r.text("scheduled_for").to_owned(), r.text("outcome").to_owned())).collect();
        all.sort();
        all
    }

    pub async fn job(&self, name: &str) {
        let carriers = Arc::new(Carriers::default());
        let jobs = salus_domains::jobs(&carriers, &Outbound::new(Rules::default()).unwrap()).unwrap();
        let dispatcher = Dispatcher::new(self.world.db.clone(), Arc::new(jobs), Pace::default());
        dispatcher.drain(self.world.tenant).await.unwrap();
        let sql = format!("UPDATE kernel.schedules SET next_run_at = clock_timestamp() WHERE job = '{name}'");
        self.world.admin(&sql).await;
        dispatcher.drain(self.world.tenant).await.unwrap();
    }

    /// A drug of the catalogue, and an allergy of the student to its class.
    pub async fn allergic(&self, student: &str) -> String {
        let drug = "00000000-0000-7000-8000-000000000723";
        let sql = format!(
            "INSERT INTO ref.drug_catalog (id, rxcui, name, tty, class_codes, source_release_id) \
             VALUES ('{drug}', '723', 'Amoxicillin', 'IN', '{{PENICILLIN}}', 'test'); \
             INSERT INTO school.student_drug_allergies (tenant_id, id, student_id, class_code, severity) \
             VALUES ('{}', gen_random_uuid(), '{student}', 'PENICILLIN', 'SEVERE')",
            self.world.tenant
        );
        self.world.admin(&sql).await;
        drug.to_owned()
    }
}

fn rights() -> Value {
    json!({"student": "EYE", "medicine": "BARCODE", "dose": "EYE", "time": "EYE", "route": "EYE", "reason": "EYE",
           "documentation": "EYE"})
}

pub fn given(order: &str, at: &str) -> Value {
    json!({"order_id": order, "outcome": "GIVEN", "administered_at": at, "rights": rights()})
}

pub fn at_noon(order: &str, at: &str) -> Value {
    let mut body = given(order, at);
    body["scheduled_for"] = json!(NOON);
    body
}

#[tokio::test]
async fn an_order_without_the_guardians_consent_is_not_put_in_force() {
    let s = School::new().await;
    let (student, other) = (s.student("A-1").await, s.student("A-2").await);
    let body = s.draft(&student, json!({"guardian_consent_id": null, "prescriber_order_id": null})).await;
    let order = s.order(body).await.unwrap();
    assert_eq!(order.text("status"), "DRAFT");
    let order = id(&order);
    assert_eq!(code(s.to(&order, "activate", json!({})).await), "prescriber_order_missing");
    let change = |version: i32, body: Value| Call { body, if_match: Some(version), ..at(&order) };
    let change = |version, body| s.world.call("school.medication_order.change", change(version, body));
    let told = row(change(1, json!({"prescriber_order_id": s.document(&student).await})).await).unwrap();
    assert_eq!(told.text("status"), "PENDING_CONSENT");
    assert_eq!(code(s.to(&order, "activate", json!({})).await), "consent_missing");
    let told = row(change(2, json!({"guardian_consent_id": s.document(&other).await})).await);
    assert_eq!(code(told), "no_such_record", "of another student");
    row(change(2, json!({"guardian_consent_id": s.document(&student).await})).await).unwrap();
    assert_eq!(s.to(&order, "activate", json!({})).await.unwrap().text("status"), "ACTIVE");
    assert_eq!(code(row(change(4, json!({"dose_qty": "2"})).await)), "state_conflict", "in force, it is not changed");

    assert_eq!(code(s.to(&order, "suspend", json!({})).await), "required");
    s.to(&order, "suspend", json!({"reason": "SIDE_EFFECT"})).await.unwrap();
    assert_eq!(code(s.dose(at_noon(&order, "2026-03-02T19:00:00Z")).await), "order_not_in_force");
    s.to(&order, "activate", json!({})).await.unwrap();
    s.to(&order, "discontinue", json!({"reason": "PRESCRIBER"})).await.unwrap();
    assert_eq!(code(s.to(&order, "activate", json!({})).await), "state_conflict");

    let stock =
        json!({"kind": "STOCK_STANDING_ORDER", "times": [], "guardian_consent_id": null, "prescriber_order_id": null});
    let mut epinephrine = s.draft(&student, stock.clone()).await;
    let order = id(&s.order(epinephrine.clone()).await.unwrap());
    assert_eq!(code(s.to(&order, "activate", json!({})).await), "prescriber_order_missing", "no rescue medicine");
    epinephrine["medication"] = json!("Epinephrine 0.3 mg");
    let order = id(&s.order(epinephrine).await.unwrap());
    assert_eq!(s.to(&order, "activate", json!({})).await.unwrap().text("status"), "ACTIVE");
}

#[tokio::test]
async fn what_an_order_says_is_checked() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    for (over, wanted) in [
        (json!({"times": []}), "not_allowed"),
        (json!({"times": ["noon"]}), "not_allowed"),
        (json!({"times": ["12:00", "12:00"]}), "not_allowed"),
        (json!({"kind": "PRN"}), "not_allowed"),
        (json!({"prescriber_npi": "1234567890"}), "check_digit"),
        (json!({"valid_to": null}), "required"),
        (json!({"drug_catalog_id": Uuid::from_u128(1)}), "no_such_record"),
        (json!({"status": "ACTIVE"}), "not_writable"),
    ] {
        assert_eq!(code(s.order(s.draft(&student, over.clone()).await).await), wanted, "{over}");
    }
    let year = json!({"name": "2025-26", "starts_on": "2025-08-18", "ends_on": "2026-06-05"});
    s.world.create("school.school_year.create", year).await;
    let order = s.order(s.draft(&student, json!({"valid_to": null})).await).await.unwrap();
    assert_eq!(order.text("valid_to"), "2026-06-05", "the end of the school year");
    let body = s.draft(&student, json!({})).await;
    let told = s.world.call_as(s.aide().await, "school.medication_order.draft", Call { body, ..Call::default() }).await;
    assert!(matches!(told, Err(Error::Forbidden(_))), "an aide orders nothing: {told:?}");
}

#[tokio::test]
async fn an_order_is_held_against_the_allergies_of_the_student() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let drug = s.allergic(&student).await;
    let coded = json!({"medication": "Amoxicillin 250 mg", "drug_catalog_id": drug});
    let order = s.order(s.draft(&student, coded.clone()).await).await.unwrap();
    assert_eq!(order.text("rxcui"), "723");
    assert_eq!(code(s.to(&id(&order), "activate", json!({})).await), "allergy_conflict");
    let other = id(&s.order(s.draft(&student, json!({})).await).await.unwrap());
    assert_eq!(code(s.to(&other, "activate", json!({})).await), "allergies_unchecked");
    let told = s.to(&other, "activate", json!({"allergies_reviewed": true})).await.unwrap();
    assert_eq!((told.text("status"), told.text("status_reason")), ("ACTIVE", "ALLERGIES_REVIEWED"));

    let well = s.student("A-2").await;
    let order = s.in_force(&well, coded).await;
    let sql = format!("UPDATE school.student_drug_allergies SET student_id = '{well}'");
    s.world.admin(&sql).await;
    s.clock(datetime!(2026-03-02 20:00 UTC));
    assert_eq!(code(s.dose(at_noon(&order, NOON)).await), "allergy_conflict", "one that came later stops the dose");
}

#[tokio::test]
async fn a_dose_outside_its_window_asks_for_a_reason() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let order = s.in_force(&student, json!({})).await;
    assert_eq!(s.doses(&order).await, [(NOON.to_owned(), String::new())], "due as soon as the order is in force");
    s.clock(datetime!(2026-03-02 21:00 UTC));
    let late = at_noon(&order, "2026-03-02T20:31:00Z");
    assert_eq!(code(s.dose(late.clone()).await), "outside_window");
    let mut unchecked = at_noon(&order, "2026-03-02T20:30:00Z");
    unchecked["rights"]["route"] = json!(null);
    assert_eq!(code(s.dose(unchecked).await), "required", "each of the rights is checked");
    for (field, value, wanted) in [
        ("medication", json!("Metformin"), "mismatch"),
        ("scheduled_for", json!("2026-03-02T20:15:00Z"), "not_allowed"),
        ("scheduled_for", json!("2026-03-03T20:00:00Z"), "not_allowed"),
        ("scheduled_for", Value::Null, "required"),
        ("expires_on", json!("2026-03-01"), "expired"),
        ("outcome", json!("MISSED"), "not_allowed"),
        ("dose_given", json!("many"), "wrong_type"),
        ("administered_at", json!("2026-03-02T21:30:00Z"), "time_order"),
        ("dose_given", json!("2"), "stopped"),
        ("outcome", json!("SELF_ADMINISTERED"), "not_allowed"),
    ] {
        let mut body = at_noon(&order, "2026-03-02T20:30:00Z");
        body[field] = value;
        assert_eq!(code(s.dose(body).await), wanted, "{field}");
    }
    let dose = s.dose(at_noon(&order, "2026-03-02T20:30:00Z")).await.unwrap();
    assert_eq!((dose.text("outcome"), dose.text("dose_given"), dose.text("dose_unit")), ("GIVEN", "1", "tablet"));
    assert_eq!(code(s.dose(late).await), "already_recorded");

    let two = s.in_force(&s.student("A-2").await, json!({})).await;
    let mut late = at_noon(&two, "2026-03-02T20:31:00Z");
    late["reason"] = json!("Fire drill");
    s.dose(late).await.unwrap();
    assert_eq!(s.doses(&two).await, [(NOON.to_owned(), "GIVEN".to_owned())]);

    s.clock(datetime!(2026-03-03 16:00 UTC));
    let absent = json!({"order_id": order, "scheduled_for": "2026-03-03T20:00:00Z", "outcome": "ABSENT"});
    let absent = s.dose(absent).await.unwrap();
    let told = (absent.text("outcome"), absent.get("administered_at"));
    assert_eq!(told, ("ABSENT", Some(&Value::Null)), "said in the morning, of a dose that was not yet due");
    let held = json!({"order_id": two, "scheduled_for": "2026-03-03T20:00:00Z", "outcome": "HELD"});
    assert_eq!(code(s.dose(held).await), "required", "a dose that is held has a reason");
}

#[tokio::test]
async fn two_tablets_make_one_dose_of_it() {
    let s = School::new().await;
    let order = s.in_force(&s.student("A-1").await, json!({})).await;
    s.clock(datetime!(2026-03-02 20:10 UTC));
    let by = |device: u128, at: &str| {
        let mut body = at_noon(&order, at);
        body["client_ref"] = json!(Uuid::from_u128(device));
        s.dose(body)
    };
    let (one, two) = tokio::join!(by(1, "2026-03-02T20:01:00Z"), by(2, "2026-03-02T20:02:00Z"));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!((id(&one), one.text("client_ref")), (id(&two), two.text("client_ref")), "one of them, told to both");
    assert_eq!(s.doses(&order).await.len(), 1);
}

#[tokio::test]
async fn as_needed_an_aide_is_stopped_and_a_nurse_says_why() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let order = s.as_needed(&student, json!({"delegable": true, "max_per_day": 3})).await;
    let strict = s.as_needed(&student, json!({"medication": "Cetirizine 10 mg"})).await;
    s.clock(datetime!(2026-03-02 19:00 UTC));
    let told = s.record(s.aide().await, given(&strict, "2026-03-02T18:00:00Z")).await;
    assert_eq!(code(told), "not_delegated");
    let first = s.record(s.aide().await, given(&order, "2026-03-02T16:00:00Z")).await.unwrap();
    s.clock(datetime!(2026-03-02 23:00 UTC));
    let mut early = given(&order, "2026-03-02T19:59:00Z");
    early["reason"] = json!("Still in pain");
    let told = s.record(s.aide().await, early.clone()).await;
    let Err(Error::Invalid(fields)) = &told else { panic!("{told:?}") };
    assert!(fields[0].message.contains("2026-03-02T20:00:00Z"), "it says when: {}", fields[0].message);
    assert_eq!(code(told), "stopped", "3 h 59 min after the first");
    let mut silent = early.clone();
    silent["reason"] = Value::Null;
    assert_eq!(code(s.dose(silent).await), "stopped");
    let over = s.dose(early).await.unwrap();
    assert_eq!(over.get("override"), Some(&json!({"stops": ["MIN_INTERVAL"]})));
    s.clock(datetime!(2026-03-03 06:30 UTC));
    s.record(s.aide().await, given(&order, "2026-03-02T23:59:00Z")).await.unwrap();
    assert_eq!(
        code(s.record(s.aide().await, given(&order, "2026-03-03T06:00:00Z")).await),
        "stopped",
        "three that day"
    );

    let effect = |body: Value| s.world.call("school.administration.effect", Call { body, ..at(first.text("id")) });
    assert_eq!(code(row(effect(json!({})).await)), "required");
    let told = row(effect(json!({"prn_effect": "RELIEVED", "effect_at": "2026-03-02T16:40:00Z"})).await).unwrap();
    assert_eq!(told.text("prn_effect"), "RELIEVED");
    assert_eq!(code(row(effect(json!({"prn_effect": "WORSE"})).await)), "state_conflict");
}

#[tokio::test]
async fn a_day_has_no_more_of_a_drug_than_it_may() {
    let s = School::new().await;
    let order = s.as_needed(&s.student("A-1").await, json!({"min_interval_min": null, "max_daily_dose": "2.5"})).await;
    for at in ["2026-03-02T17:00:00Z", "2026-03-02T18:00:00Z"] {
        s.dose(given(&order, at)).await.unwrap();
    }
    assert_eq!(code(s.dose(given(&order, "2026-03-02T19:00:00Z")).await), "stopped");
    let mut half = given(&order, "2026-03-02T19:00:00Z");
    half["dose_given"] = json!("0.5");
    s.dose(half).await.unwrap();
    let controlled = json!({"controlled_schedule": "II", "medication": "Oxycodone 5 mg"});
    let order = s.as_needed(&s.student("A-2").await, controlled).await;
    let wasted = json!({"order_id": order, "outcome": "WASTED", "dose_given": "1"});
    assert_eq!(code(s.dose(wasted).await), "required", "before a witness");
}

#[tokio::test]
async fn nothing_stops_rescue_medicine() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    let bare = json!({"student_id": student, "medication": "Albuterol HFA", "outcome": "GIVEN", "dose_given": "2",
                      "dose_unit": "puff"});
    let dose = s.record(s.aide().await, bare.clone()).await.unwrap();
    assert_eq!((dose.get("order_id"), dose.get("override")), (Some(&Value::Null), Some(&json!({"no_order": true}))));
    let mut other = bare;
    other["medication"] = json!("Ibuprofen 200 mg");
    assert_eq!(code(s.record(s.aide().await, other).await), "required", "any other medicine has an order");

    let draft = s
        .draft(
            &student,
            json!({"medication": "Epinephrine 0.3 mg", "kind": "EMERGENCY", "times": [],
        "guardian_consent_id": null, "min_interval_min": 240}),
        )
        .await;
    let order = id(&s.order(draft).await.unwrap());
    let bare = json!({"order_id": order, "outcome": "GIVEN"});
    s.record(s.aide().await, bare.clone()).await.unwrap();
    let second = s.record(s.aide().await, bare).await.unwrap();
    let told = json!({"order_not_in_force": true, "stops": ["MIN_INTERVAL"]});
    assert_eq!(second.get("override"), Some(&told), "what would have stopped it is kept");
    let daily = s.draft(&student, json!({"medication": "Diazepam 2 mg"})).await;
    let daily = id(&s.order(daily).await.unwrap());
    assert_eq!(
        code(s.dose(at_noon(&daily, "2026-03-02T19:00:00Z")).await),
        "order_not_in_force",
        "by the clock: no rescue"
    );
}

#[tokio::test]
async fn a_dose_nobody_records_is_missed_and_the_nurse_is_told() {
    let s = School::new().await;
    let nurse = {
        let mut tx = s.world.db.begin(s.world.operator(), false).await.unwrap();
        let user = salus_domains::auth::create_service(&mut tx, "Nurse", &[]).await.unwrap();
        tx.commit("auth.user.create_service", "auth.users").await.unwrap();
        user
    };
    let staff = json!({"school_id": s.id, "user_id": nurse, "position": "NURSE_RN", "started_on": "2025-08-01"});
    s.world.create("school.staff.create", staff).await;
    s.clock(datetime!(2026-02-27 19:00 UTC));
    let (one, two) = (s.student("A-1").await, s.student("A-2").await);
    let since = json!({"valid_from": "2026-03-02", "valid_to": "2026-03-03"});
    let (one, two) = (s.in_force(&one, since.clone()).await, s.in_force(&two, since).await);
    assert_eq!(s.doses(&one).await, [], "before its first day");
    s.clock(datetime!(2026-03-02 12:50 UTC));
    s.job("school.make_doses_due").await;
    assert_eq!(s.doses(&one).await, [], "ten to five in the morning");
    s.clock(datetime!(2026-03-02 13:00 UTC));
    s.job("school.make_doses_due").await;
    s.job("school.make_doses_due").await;
    assert_eq!(s.doses(&one).await, [(NOON.to_owned(), String::new())]);
    s.to(&two, "suspend", json!({"reason": "PRESCRIBER"})).await.unwrap();
    s.clock(datetime!(2026-03-02 20:44 UTC));
    s.job("school.mark_missed_doses").await;
    assert_eq!(s.doses(&one).await, [(NOON.to_owned(), String::new())], "a minute is left");
    s.clock(datetime!(2026-03-02 20:45 UTC));
    s.job("school.mark_missed_doses").await;
    assert_eq!(s.doses(&one).await, [(NOON.to_owned(), "MISSED".to_owned())]);
    assert_eq!(s.doses(&two).await, [(NOON.to_owned(), "HELD".to_owned())], "its order was suspended");
    let admin = s.world.database.connect("salus_admin").await;
    let sql = "SELECT user_id FROM auth.notifications WHERE title_key = 'school.dose_missed'";
    let told: Vec<Uuid> = admin.query(sql, &[]).await.unwrap().iter().map(|r| r.get(0)).collect();
    assert_eq!(told, [nurse]);

    let dose = s.dose(at_noon(&one, "2026-03-02T20:05:00Z")).await.unwrap();
    assert_eq!(dose.text("outcome"), "GIVEN", "taken off line, and told late");
    assert_eq!(dose.get("override"), Some(&json!({"was": "MISSED"})));
    s.clock(datetime!(2026-03-04 13:00 UTC));
    s.job("school.make_doses_due").await;
    let order = row(s.world.call("school.medication_order.get", at(&one)).await).unwrap();
    assert_eq!(order.text("status"), "EXPIRED");
    assert_eq!(s.doses(&one).await.len(), 1, "an order that has ended makes nothing due");
}
