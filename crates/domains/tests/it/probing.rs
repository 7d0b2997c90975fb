//! Whoever tries record numbers is seen: the refusal of a second record tells that a number is taken, and where the caller
//! does not see the record that bears it, the log has it as a refusal.

use crate::access::{Ward, code};
use serde_json::{Value, json};

const CREATE: &str = "medical.patient.create";
const CHANGE: &str = "medical.patient.change";
const WORK: &[&str] = &["medical.*.read", "medical.patient.write", "records.*.read", "kernel.phi.read"];

fn ended(event: &Value) -> (&str, &str, usize) {
    let text = |name: &str| event[name].as_str().unwrap();
    (text("outcome"), text("code"), event["why"].as_array().map_or(0, Vec::len))
}

#[tokio::test]
async fn a_number_of_a_record_that_a_label_closes_is_told_and_noted_as_a_refusal() {
    let ward = Ward::new().await;
    ward.role("DESK", "tenant", &["TREAT"], WORK).await;
    let (open, closed) = (ward.patient("Open").await, ward.patient("Closed").await);
    ward.make("compliance.sensitivity_label.create", json!({"patient_id": closed, "label": "VIP"})).await;
    let desk = ward.caller(ward.user(&["DESK"]).await).await;
    assert!(ward.sees(&desk, open).await && !ward.sees(&desk, closed).await);
    let create = async |mrn: &str| {
        let body = json!({"family_name": "Guess", "mrn": mrn});
        code(ward.act(&desk, CREATE, None, body).await)
    };
    assert_eq!(create("Closed").await, "duplicate", "the answer is the same");
    let event = ward.event(CREATE).await;
    assert_eq!(ended(&event), ("refused", "duplicate", 1), "{event}");
    assert!(event["why"][0].as_str().unwrap().contains("does not see"), "{event}");
    assert!(event["row"].as_str().is_some_and(|row| row != closed.to_string()), "it names the record of nobody else");
    assert_eq!(create("Open").await, "duplicate");
    let event = ward.event(CREATE).await;
    assert_eq!(ended(&event), ("failed", "duplicate", 0), "a slip over a record that one sees is none: {event}");
    // The list of refusals has the one and not the other.
    let operator = ward.world.operator();
    let call = salus_store::Call {
        query: [("outcome", "refused"), ("action", CREATE)].map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec(),
        ..Default::default()
    };
    let listed = ward.world.call_as(operator, "audit.log.list", call).await.unwrap();
    let listed = serde_json::to_value(&listed.body).unwrap();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!(listed["data"][0]["outcome"], "refused");
}

#[tokio::test]
async fn so_is_one_of_a_record_outside_the_caseload_when_a_number_is_changed_to_it() {
    let ward = Ward::new().await;
    ward.role("TEAM", "caseload", &["TREAT"], WORK).await;
    let (mine, second, other) = (ward.patient("Mine").await, ward.patient("Second").await, ward.patient("Other").await);
    let user = ward.user(&["TEAM"]).await;
    for patient in [mine, second] {
        let case = json!({"user_id": user, "patient_id": patient, "kind": "care_team"});
        ward.make("auth.caseload_assignment.create", case).await;
    }
    let team = ward.caller(user).await;
    assert!(ward.sees(&team, mine).await && !ward.sees(&team, other).await);
    let change = async |mrn: &str| {
        let call = salus_store::Call {
            body: json!({"mrn": mrn}),
            if_match: Some(salus_store::ANY_VERSION),
            ..crate::world::at(&mine.to_string())
        };
        let ctx = salus_core::Ctx { request: ward.world.db.env().id(), ..team.clone() };
        code(ward.world.call_as(ctx, CHANGE, call).await)
    };
    assert_eq!(change("Other").await, "duplicate");
    let event = ward.event(CHANGE).await;
    assert_eq!(ended(&event), ("refused", "duplicate", 1), "{event}");
    assert_eq!(change("Second").await, "duplicate");
    let event = ward.event(CHANGE).await;
    assert_eq!(ended(&event), ("failed", "duplicate", 0), "{event}");
    assert_eq!(change("Nobody has it").await, "ok");
    let event = ward.event(CHANGE).await;
    assert_eq!(event["outcome"], "success", "{event}");
}
