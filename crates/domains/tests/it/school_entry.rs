//! Attendance without all doses: provisionally, by a plan, and until a student is kept home (section 5.4.2 of the specification).

use crate::{
    clinic::{NOW, School, code, id, row},
    immunization::{add, approve_requirements, enter, school, student, supervisor},
    world::at,
};
use salus_core::{Ctx, Error};
use salus_store::{Body, Call, Record};
use serde_json::{Value, json};
use time::Duration;

/// What an invented state asks of grade 4: measles with admissions and exclusion, varicella with neither.
pub async fn strict(s: &School) -> Ctx {
    let list = json!([
        {"state": "XX", "school_year_from": 2025, "checkpoint": "TK_K_ENTRY", "grades": ["4"], "vaccine_group": "MMR",
         "rule": {"any": [{"doses": 2}], "contains_measles": true}, "exemption_kinds": ["MEDICAL_PERMANENT"],
         "conditional_policy": {"days": 30, "provisional_days": {"HOMELESS": 60, "TRANSFER": 30}},
         "exclusion_policy": {"after_days": 10, "not_before": "10-15"}, "source_citation": "Invented for this test"},
        {"state": "XX", "school_year_from": 2025, "checkpoint": "TK_K_ENTRY", "grades": ["4"], "vaccine_group": "Varicella",
         "rule": {"any": [{"doses": 1}]}, "source_citation": "Invented for this test"},
    ]);
    enter(s, list).await.unwrap();
    let person = supervisor(s).await;
    approve_requirements(s, &person).await;
    person
}

fn json_of(body: Body) -> Value {
    let Body::Json(told) = body else { panic!("no JSON") };
    told
}

async fn admit(s: &School, by: &Ctx, student: &str, body: Value) -> Result<Record, Error> {
    row(s.world.call_as(by.clone(), "school.admission.admit", Call { body, ..at(student) }).await)
}

/// Status and last day, and from when the student is kept home.
async fn stands(s: &School, student: &str) -> (String, Value, Value) {
    let shown = json_of(s.world.call("school.immunization.show", at(student)).await.unwrap().body);
    let c = &shown["compliance"];
    (c["status"].as_str().unwrap().to_owned(), c["until"].clone(), c["excluded_from"].clone())
}

async fn evaluate(s: &School) {
    let call = Call { body: json!({"school_id": s.id}), ..Call::default() };
    s.world.call("school.immunization.evaluate", call).await.unwrap();
}

async fn exclusions(s: &School, query: &[(&str, &str)]) -> Result<Value, Error> {
    let query = query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let told = s.world.call("school.immunization.exclusions", Call { query, ..Call::default() }).await?;
    Ok(json_of(told.body))
}

async fn here(s: &School) -> Value {
    json_of(s.world.call("school.immunization.dashboard", Call::default()).await.unwrap().body)["schools"][0].clone()
}

#[tokio::test]
async fn a_student_is_admitted_for_the_days_of_the_policy_and_counts_as_in_compliance() {
    let s = school().await;
    let child = student(&s, "A-1", "2016-02-26", "4").await;
    add(&s, &child, json!({"cvx": "21", "given_on": "2017-03-01"})).await.unwrap();
    let refused = admit(&s, &s.world.operator(), &child, json!({"reason": "HOMELESS"})).await;
    assert_eq!(code(refused), "person_required");
    let lead = strict(&s).await;
    assert_eq!(stands(&s, &child).await.0, "EXCLUDED", "since October nobody has shown a dose");

    for (body, expected) in [
        (json!({"reason": "BORED"}), "not_allowed"),
        (json!({"reason": "MILITARY"}), "no_policy"),
        (json!({"reason": "TRANSFER", "begins_on": "2026-03-03"}), "future_date"),
        (json!({"reason": "TRANSFER", "begins_on": "2025-08-18"}), "over"),
    ] {
        assert_eq!(code(admit(&s, &lead, &child, body.clone()).await), expected, "{body}");
    }
    let admitted = admit(&s, &lead, &child, json!({"reason": "HOMELESS"})).await.unwrap();
    assert_eq!((admitted.text("kind"), admitted.text("last_on")), ("PROVISIONAL", "2026-05-01"));
    assert_eq!(admitted.get("groups"), Some(&json!([{"vaccine_group": "MMR", "until": "2026-05-01"}])));
    let last = json!("2026-05-01");
    assert_eq!(stands(&s, &child).await, ("PROVISIONAL".into(), last.clone(), json!("2026-05-12")));
    let again = admit(&s, &lead, &child, json!({"reason": "TRANSFER"})).await;
    assert_eq!(code(again), "admitted_already", "one that runs is not prolonged by another");

    let of = here(&s).await;
    let counts = ["provisional", "conditional", "excluded", "overdue"].map(|name| of[name].clone());
    assert_eq!(counts, [1, 1, 0, 0].map(|n| json!(n)), "{of}");
    assert_eq!((&of["in_compliance_percent"], &of["up_to_date_percent"]), (&json!(100.0), &json!(0.0)));
    // After its last day it counts no more, even if nobody judged the student anew.
    s.world.db.env().clock.set(NOW + Duration::days(61));
    assert_eq!(here(&s).await["in_compliance_percent"], json!(0.0));
    s.world.db.env().clock.set(NOW + Duration::days(71));
    assert_eq!(stands(&s, &child).await.0, "EXCLUDED");
    s.world.db.env().clock.set(NOW);

    let end = async |id: &str, reason: &str| {
        let call = Call { body: json!({"reason": reason}), ..at(id) };
        row(s.world.call_as(lead.clone(), "school.admission.end", call).await)
    };
    assert_eq!(code(end(&id(&admitted), " ").await), "required");
    assert_eq!(end(&id(&admitted), "Entered for another child").await.unwrap().text("ended_on"), "2026-03-02");
    assert_eq!(code(end(&id(&admitted), "Twice").await), "state_conflict");
    assert_eq!(stands(&s, &child).await.0, "EXCLUDED");
}

/// Why a student was admitted is specially protected: it is not opened for who may read the rest.
#[tokio::test]
async fn why_a_student_was_admitted_is_specially_protected() {
    let s = school().await;
    let child = student(&s, "A-1", "2016-02-26", "4").await;
    let lead = strict(&s).await;
    let admitted = id(&admit(&s, &lead, &child, json!({"reason": "HOMELESS"})).await.unwrap());
    let class: String = {
        let admin = s.world.database.connect("salus_admin").await;
        let sql = "SELECT class FROM kernel.fields WHERE table_name = 'school.immunization_admissions' AND column_name = 'reason'";
        admin.query_one(sql, &[]).await.unwrap().get(0)
    };
    assert_eq!(class, "C4");
    let mut nurse = lead.clone();
    let permissions = ["school.immunization.read", "kernel.phi.read"].map(str::to_owned);
    nurse.permissions = std::sync::Arc::new(salus_core::Permissions::new(permissions));
    let shown = row(s.world.call_as(nurse, "school.admission.get", at(&admitted)).await).unwrap();
    assert_eq!((shown.get("reason"), shown.text("kind")), (Some(&Value::Null), "PROVISIONAL"));
}

#[tokio::test]
async fn who_is_kept_home_is_listed_until_a_dose_an_exemption_or_a_plan() {
    let s = school().await;
    let (by_dose, by_plan, by_exemption) = (
        student(&s, "A-1", "2016-02-26", "4").await,
        student(&s, "A-2", "2016-02-26", "4").await,
        student(&s, "A-3", "2016-02-26", "4").await,
    );
    for child in [&by_dose, &by_plan, &by_exemption] {
        add(&s, child, json!({"cvx": "21", "given_on": "2017-03-01"})).await.unwrap();
    }
    let lead = strict(&s).await;
    evaluate(&s).await;
    let list = exclusions(&s, &[]).await.unwrap();
    assert_eq!((&list["total"], &list["today"]), (&json!(3), &json!("2026-03-02")));
    let first = &list["data"][0];
    assert_eq!((&first["status"], &first["excluded_from"]), (&json!("EXCLUDED"), &json!("2025-10-15")));
    assert_eq!(first["family_name"], "Quillfeather");
    let kind = json_of(
        s.world
            .call(
                "school.immunization.compliance",
                Call { query: vec![("kind".into(), "excluded".into())], ..Call::default() },
            )
            .await
            .unwrap()
            .body,
    );
    assert_eq!(kind["total"], json!(3));

    // The first of two doses: the next is due in four weeks, and the student attends on that condition.
    add(&s, &by_dose, json!({"cvx": "03", "given_on": "2026-03-02"})).await.unwrap();
    let (status, until, from) = stands(&s, &by_dose).await;
    assert_eq!((status.as_str(), &until, &from), ("CONDITIONAL", &json!("2026-04-29"), &json!("2026-05-10")));
    admit(&s, &lead, &by_plan, json!({"reason": "PLAN"})).await.unwrap();
    assert_eq!(stands(&s, &by_plan).await, ("CONDITIONAL".into(), json!("2026-04-01"), json!("2026-04-12")));
    let body =
        json!({"kind": "MEDICAL_PERMANENT", "issuer": "Dr. Invented", "number": "XX-1", "valid_from": "2025-08-01"});
    let exemption =
        id(&row(s.world.call("school.exemption.submit", Call { body, ..at(&by_exemption) }).await).unwrap());
    s.world.call_as(lead.clone(), "school.exemption.approve", at(&exemption)).await.unwrap();
    assert_eq!(stands(&s, &by_exemption).await, ("EXEMPT_MEDICAL_PERM".into(), Value::Null, Value::Null));

    let list = exclusions(&s, &[("school_id", &s.id), ("ahead", "60")]).await.unwrap();
    assert_eq!(list["data"].as_array().unwrap().len(), 1, "within 60 days only the plan ends: {list}");
    assert_eq!(list["data"][0]["student_id"], json!(by_plan));
    assert_eq!(exclusions(&s, &[("ahead", "0")]).await.unwrap()["total"], json!(0));
    let wrong = exclusions(&s, &[("ahead", "soon")]).await.unwrap_err().to_string();
    assert!(wrong.contains("0 to 120"), "{wrong}");
    let elsewhere = exclusions(&s, &[("school_id", "01900000-0000-7000-8000-000000000000")]).await.unwrap_err();
    assert!(elsewhere.to_string().contains("within your reach"), "{elsewhere}");
}

#[tokio::test]
async fn a_policy_that_is_not_understood_is_refused() {
    let s = School::new().await;
    for (policy, value, expected) in [
        ("conditional_policy", json!({"weeks": 3}), "conditional_policy"),
        ("conditional_policy", json!({"days": -1}), "0 to 400"),
        ("conditional_policy", json!({"provisional_days": {"HOMELESS": 0}}), "1 to 400"),
        ("conditional_policy", json!({"provisional_days": {"BORED": 30}}), "BORED"),
        ("exclusion_policy", json!({"after_days": 4000}), "0 to 400"),
        ("exclusion_policy", json!({"after_days": 0, "not_before": "31-12"}), "31-12"),
        ("rule", json!({"any": [{"doses": 1}], "conditional_days": 30}), "belongs into"),
    ] {
        let mut one = json!({"state": "XX", "school_year_from": 2025, "checkpoint": "ANY", "vaccine_group": "MMR",
                             "rule": {"any": [{"doses": 2}]}, "source_citation": "Invented for this test"});
        one[policy] = value;
        let refused = enter(&s, json!([one])).await.unwrap_err().to_string();
        assert!(refused.contains(policy) && refused.contains(expected), "{refused}");
    }
}
