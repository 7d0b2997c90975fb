//! What a student's family sees and does of school health: doses of their own child and of nobody else's, and an exemption that they
//! submit, of which the nurse is told and which counts once somebody of the school approved it.

use crate::{
    access::READ,
    clinic::{School, code, row},
    clinic_again::alerts,
    immunization::{approve_requirements, requirements, supervisor},
    medication::{NOON, at_noon},
    world::at,
};
use salus_core::{Channel, Ctx, Error, Permissions, Result};
use salus_domains::auth::{self, Callers, Presented};
use salus_store::{Body, Call};
use serde_json::{Value, json};
use time::macros::datetime;
use uuid::Uuid;

/// A parent of the student, who may see and do what the role library gives a guardian.
async fn parent(s: &School, student: &str) -> Ctx {
    let made = async |op: &str, body: Value| s.world.create(op, body).await.id().unwrap();
    let role = made("auth.role.create", json!({"name": "kin", "scope": "ward", "purposes": ["FAMRQT"]})).await;
    let mut patterns = READ.to_vec();
    patterns.extend(["school.dose.read", "school.exemption.submit"]);
    let bundle = made("auth.permission.create", json!({"name": "KIN", "patterns": patterns})).await;
    made("auth.role_permission.create", json!({"role_id": role, "permission_id": bundle})).await;
    let mut tx = s.world.db.begin(s.world.operator(), false).await.unwrap();
    let user = auth::create_service(&mut tx, "Parent", &["kin".into()]).await.unwrap();
    tx.commit("auth.user.create_service", "auth.users").await.unwrap();
    // The role is given by the clock of the database; the school's is fixed.
    s.world.admin("UPDATE auth.user_roles SET valid_from = DATE '2020-01-01'").await;
    let contact = json!({"patient_id": student, "name": "Invented", "relationship": "MTH", "portal_access": "VIEW",
                         "receives_health_info": true});
    let contact = made("medical.patient_contact.create", contact).await;
    let link = json!({"user_id": user, "patient_id": student, "relation": "parent", "proof": "BIRTH_CERTIFICATE",
                      "contact_id": contact, "valid_to": "2027-06-30"});
    made("auth.user_person_link.create", link).await;
    let new = auth::NewApiKey { name: "kin", scopes: Permissions::default(), days: 1, ..auth::NewApiKey::default() };
    let key = auth::create_api_key(&s.world.db, &s.world.operator(), user, &new).await.unwrap();
    Callers::default().caller(&s.world.db, &Presented::Bearer(key.text), Channel::Api).await.unwrap()
}

async fn ask(s: &School, who: &Ctx, op: &str, call: Call) -> Result<Value> {
    let ctx = Ctx { request: s.world.db.env().id(), ..who.clone() };
    Ok(serde_json::to_value(&s.world.call_as(ctx, op, call).await?.body).unwrap())
}

fn fault(told: Result<Value>) -> String {
    code(told.map(|told| panic!("{told}")))
}

fn exemption(kind: &str) -> Value {
    json!({"kind": kind, "issuer": "Dr. Invented", "valid_from": "2026-03-02"})
}

#[tokio::test]
async fn a_family_sees_the_doses_of_its_child_and_of_nobody_else() {
    let s = School::new().await;
    let (child, other) = (s.student("A-1").await, s.student("A-2").await);
    let parent = parent(&s, &child).await;
    let given = |student: &str| ask(&s, &parent, "school.dose.given", at(student));
    assert_eq!(given(&child).await.unwrap()["doses"], json!([]));
    for student in [&child, &other] {
        let order = s.in_force(student, json!({})).await;
        let mut dose = at_noon(&order, NOON);
        dose["note"] = json!("Said that the stomach hurts");
        s.clock(datetime!(2026-03-02 20:05 UTC));
        s.dose(dose).await.unwrap();
    }
    let told = given(&child).await.unwrap();
    assert_eq!(told["school"], json!({"name": "Invented", "timezone": "America/Los_Angeles"}));
    assert_eq!(told["doses"].as_array().unwrap().len(), 1, "{told}");
    let dose = &told["doses"][0];
    assert_eq!((&dose["outcome"], &dose["was_corrected"]), (&json!("GIVEN"), &json!(false)));
    let names: Vec<&String> = dose.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        ["at", "dose", "medication", "outcome", "unit", "was_corrected"],
        "no note, and nobody who gave it"
    );
    assert!(matches!(given(&other).await, Err(Error::NotFound)), "another's child");
    assert!(matches!(given(&Uuid::nil().to_string()).await, Err(Error::NotFound)));
    let list = ask(&s, &parent, "school.administration.list", Call::default()).await;
    assert!(matches!(list, Err(Error::Forbidden(_))), "the clinic's own list stays the clinic's");
}

#[tokio::test]
async fn a_family_submits_an_exemption_and_the_school_decides() {
    let s = School::new().await;
    let (child, other) = (s.student("A-1").await, s.student("A-2").await);
    let parent = parent(&s, &child).await;
    let submit =
        async |student: &str, body: Value| ask(&s, &parent, "school.exemption.ask", Call { body, ..at(student) }).await;
    requirements(&s).await;
    let lead = supervisor(&s).await;
    approve_requirements(&s, &lead).await;
    assert_eq!(
        fault(submit(&child, exemption("PERSONAL")).await),
        "kind_not_allowed_in_state",
        "the law is told to families too"
    );
    let mut decided = exemption("MEDICAL_PERMANENT");
    decided["status"] = json!("APPROVED");
    assert_eq!(fault(submit(&child, decided).await), "not_allowed");
    let mut form = exemption("MEDICAL_PERMANENT");
    form["document_id"] = json!(Uuid::nil());
    assert_eq!(fault(submit(&child, form).await), "not_allowed", "the form is the clinic's to add");
    assert!(matches!(submit(&other, exemption("MEDICAL_PERMANENT")).await, Err(Error::NotFound)), "another's child");
    let made = submit(&child, exemption("MEDICAL_PERMANENT")).await.unwrap();
    assert_eq!(made["status"], "SUBMITTED");
    let made = made["id"].as_str().unwrap().to_owned();
    let asked = async || ask(&s, &parent, "school.exemption.asked", at(&child)).await.unwrap();
    assert_eq!(asked().await["exemptions"][0]["status"], "SUBMITTED");
    for verb in ["approve", "revoke"] {
        let call = Call { body: json!({"reason": "Mine"}), ..at(&made) };
        let refused = ask(&s, &parent, &format!("school.exemption.{verb}"), call).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{verb}");
    }
    s.job("alerts.sweep").await;
    assert_eq!(alerts(&s, "exemption_submitted").await, ["ACTIVE"], "the nurse is told");
    let approve = async |body: Value| {
        row(s.world.call_as(lead.clone(), "school.exemption.approve", Call { body, ..at(&made) }).await)
    };
    assert_eq!(code(approve(Value::Null).await), "document_required");
    let approved = approve(json!({"number": "XX-17"})).await.unwrap();
    assert_eq!((approved.text("status"), approved.text("number")), ("APPROVED", "XX-17"));
    assert_eq!(asked().await["exemptions"][0]["status"], "APPROVED");
    s.job("alerts.sweep").await;
    assert_eq!(alerts(&s, "exemption_submitted").await, ["RESOLVED"], "and it is over");
    let Body::Page(page) = s.world.call("school.exemption.list", Call::default()).await.unwrap().body else { panic!() };
    assert_eq!(page.rows.len(), 1);
}
