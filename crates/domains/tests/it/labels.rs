//! Labels that close a record or one row of it, the consents that open them, and what copies of such a row tell.

use crate::{
    access::{READ, Ward, code},
    world::at,
};
use salus_core::{Ctx, Error, Purpose};
use salus_domains::exchange::import;
use salus_store::{ANY_VERSION, Call};
use serde_json::{Value, json};
use uuid::Uuid;

/// A person with two plain diagnoses, one that bears a label, and a labelled resource that no table holds.
const LABELLED: &str = concat!(
    r#"{"resourceType":"Patient","id":"p1","name":[{"family":"Alpha"}]}"#,
    "\n",
    r#"{"resourceType":"Condition","id":"asthma","subject":{"reference":"Patient/p1"},"code":{"coding":[{"system":"http://snomed.info/sct","code":"195967001"}]}}"#,
    "\n",
    r#"{"resourceType":"Condition","id":"fever","subject":{"reference":"Patient/p1"},"code":{"coding":[{"system":"http://snomed.info/sct","code":"386661006"}]}}"#,
    "\n",
    r#"{"resourceType":"Condition","id":"closed","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]},"subject":{"reference":"Patient/p1"},"code":{"coding":[{"system":"http://snomed.info/sct","code":"86406008"}]}}"#,
    "\n",
    r#"{"resourceType":"CarePlan","id":"plan","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ETH"}]},"status":"active","intent":"plan","subject":{"reference":"Patient/p1"}}"#,
    "\n",
);

/// The one patient there is.
async fn person(ward: &Ward) -> Uuid {
    let admin = ward.world.database.connect("salus_admin").await;
    admin.query_one("SELECT id FROM medical.patients", &[]).await.unwrap().get(0)
}

/// A change by the operator, of whatever version there is.
async fn change_it(ward: &Ward, op: &str, id: Uuid, body: Value) {
    let call = Call { body, if_match: Some(ANY_VERSION), ..at(&id.to_string()) };
    ward.world.call(op, call).await.unwrap();
}

#[tokio::test]
async fn a_label_closes_a_record_and_the_most_specific_consent_opens_it() {
    let ward = Ward::new().await;
    let doctor = ward.role("DOCTOR", "tenant", &["TREAT", "HPAYMT"], READ).await;
    let (patient, plain) = (ward.patient("Alpha").await, ward.patient("Beta").await);
    let (one, two) = (ward.user(&["DOCTOR"]).await, ward.user(&["DOCTOR"]).await);
    assert!(ward.sees(&ward.caller(one).await, patient).await);
    let operator = ward.world.operator();
    let label = json!({"patient_id": patient, "label": "PART2"});
    let made = ward.act(&operator, "compliance.sensitivity_label.create", None, label).await.unwrap();
    let (first, second) = (ward.caller(one).await, ward.caller(two).await);
    for ctx in [&first, &second] {
        assert_eq!(code(ward.get(ctx, "medical.patient.get", patient).await), "not_found");
        assert!(ward.sees(ctx, plain).await);
        let found = ward.act(ctx, "medical.patient.list", None, Value::Null).await.unwrap();
        assert_eq!(found["data"].as_array().unwrap().len(), 1);
        let told = ward.act(ctx, "medical.patient.list", None, Value::Null).await.unwrap();
        assert!(!told.to_string().contains("Alpha"));
    }
    let consent = |decision: &str, more: Value| {
        let mut body = json!({"patient_id": patient, "decision": decision, "verification": "SIGNED_DOC", "effective_from": "2020-01-01"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let create = "compliance.sensitivity_consent.create";
    ward.make(create, consent("PERMIT", json!({"role_id": doctor, "purpose": "TREAT"}))).await;
    assert!(ward.sees(&first, patient).await && ward.sees(&second, patient).await);
    let paying = first.clone().for_purpose(Purpose::Payment);
    assert!(!ward.sees(&paying, patient).await, "a consent for treatment opens nothing for payment");
    ward.make(create, consent("DENY", json!({"user_id": two}))).await;
    assert!(ward.sees(&first, patient).await && !ward.sees(&second, patient).await, "one person is shut out");
    ward.make(create, consent("DENY", json!({"role_id": doctor, "purpose": "TREAT"}))).await;
    assert!(!ward.sees(&first, patient).await, "of two as specific, the one that denies");
    // Whoever writes consents opens nothing to themself, by name or by role, and the person sees who wrote it.
    ward.role("RECORDS", "tenant", &["TREAT"], &["compliance.consent.*"]).await;
    let clerk = ward.user(&["DOCTOR", "RECORDS"]).await;
    let ctx = ward.caller(clerk).await;
    for more in [json!({"user_id": clerk}), json!({"role_id": doctor})] {
        assert_eq!(code(ward.act(&ctx, create, None, consent("PERMIT", more)).await), "own_consent");
    }
    ward.act(&ctx, create, None, consent("PERMIT", json!({"user_id": one}))).await.unwrap();
    let seen = ward.world.call("audit.log.accesses", at(&patient.to_string())).await.unwrap();
    assert_eq!(serde_json::to_value(&seen.body).unwrap()["data"][0]["action"], create);
    let id = made["id"].as_str().unwrap().parse().unwrap();
    let lift = json!({"lift_reason": "Was put on the wrong person"});
    ward.act(&operator, "compliance.sensitivity_label.lift", Some(id), lift).await.unwrap();
    assert!(ward.sees(&first, patient).await);
}

#[tokio::test]
async fn a_labelled_row_is_closed_and_the_rest_of_the_record_is_not() {
    let ward = Ward::new().await;
    ward.role("DOCTOR", "tenant", &["TREAT"], READ).await;
    ward.role("MEMBER", "own", &["PATRQT"], READ).await;
    let patient = ward.patient("Alpha").await;
    let address = |city: &str| json!({"patient_id": patient, "use": "HOME", "city": city});
    let shelter = ward.make("medical.patient_address.create", address("Shelter")).await;
    let home = ward.make("medical.patient_address.create", address("Home")).await;
    let label =
        json!({"patient_id": patient, "label": "VIP", "table_name": "medical.patient_addresses", "row_id": shelter});
    let mut strange = label.clone();
    strange["patient_id"] = json!(ward.patient("Beta").await);
    let told =
        ward.act(&ward.world.operator(), "compliance.sensitivity_label.create", None, strange).await.unwrap_err();
    let Error::Invalid(wrong) = &told else { panic!("{told:?}") };
    assert_eq!(wrong[0].code, "other_person", "consents of another would open it");
    ward.act(&ward.world.operator(), "compliance.sensitivity_label.create", None, label).await.unwrap();
    let (doctor, member) = (ward.user(&["DOCTOR"]).await, ward.user(&["MEMBER"]).await);
    ward.link(member, patient, "self", None).await;
    let (doctor, member) = (ward.caller(doctor).await, ward.caller(member).await);
    let get = "medical.patient_address.get";
    assert_eq!(code(ward.get(&doctor, get, shelter).await), "not_found");
    assert!(ward.get(&doctor, get, home).await.is_ok() && ward.sees(&doctor, patient).await);
    assert!(ward.get(&member, get, shelter).await.is_ok(), "one's own record is open to oneself");
}

#[tokio::test]
async fn what_a_label_closes_is_not_told_by_the_original_it_came_from() {
    let ward = Ward::new().await;
    let work = [READ, &["exchange.fhir.read", "records.fact.write"]].concat();
    ward.role("DOCTOR", "tenant", &["TREAT"], &work).await;
    let folder = std::env::temp_dir().join(ward.world.database.name());
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("all.ndjson");
    std::fs::write(&file, LABELLED).unwrap();
    let options = import::Options { source: "test".into(), dry_run: false };
    let done = import::import(&ward.world.db, &ward.world.operator(), &[file], &options, |_, _| ()).await.unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(done.refusals.is_empty(), "{:?}", done.refusals);
    let admin = ward.world.database.connect("salus_admin").await;
    let seen = async |ctx: &Ctx| {
        let found = ward.act(ctx, "exchange.fhir_resource.list", None, Value::Null).await.unwrap();
        let ids = found["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned());
        let mut kept = Vec::new();
        for id in ids {
            let original =
                ward.act(ctx, "exchange.fhir_resource.get", Some(id.parse().unwrap()), Value::Null).await.unwrap();
            kept.push(original["body"]["id"].as_str().unwrap().to_owned());
        }
        kept.sort();
        kept
    };
    let doctor = ward.user(&["DOCTOR"]).await;
    let ctx = ward.caller(doctor).await;
    assert_eq!(seen(&ctx).await, ["asthma", "fever", "p1"], "one with a row and one without bear a label");

    // A label that is put on a row later closes its original too, in either way.
    let row = async |key: &str| -> Uuid {
        admin.query_one("SELECT id FROM records.diagnoses WHERE code = $1", &[&key]).await.unwrap().get(0)
    };
    let (asthma, fever, person) = (row("195967001").await, row("386661006").await, person(&ward).await);
    let label = json!({"patient_id": person, "label": "VIP", "table_name": "records.diagnoses", "row_id": asthma});
    ward.act(&ward.world.operator(), "compliance.sensitivity_label.create", None, label).await.unwrap();
    let to = |value: Value| json!({"sensitivity": value});
    let told = ward.act(&ctx, "records.diagnosis.change", Some(fever), to(json!("HIV"))).await;
    assert_eq!(code(told), "permission_denied", "the label of a row is changed by whoever may take labels away");
    change_it(&ward, "records.diagnosis.change", fever, to(json!("HIV"))).await;
    assert_eq!(seen(&ward.caller(doctor).await).await, ["p1"]);
    change_it(&ward, "records.diagnosis.change", fever, to(Value::Null)).await;
    assert_eq!(seen(&ward.caller(doctor).await).await, ["fever", "p1"]);
}
