//! A person, and whoever acts for them, see to whom the record was disclosed, as an accounting shows it.

use crate::access::Ward;
use salus_core::Purpose;
use salus_store::engine::NewRow;
use serde_json::{Value, json};
use uuid::Uuid;

/// Discloses the record of a person.
async fn disclosed(ward: &Ward, number: &str, patient: Uuid, more: Value) {
    let mut values = json!({
        "number": number, "patient_id": patient, "disclosed_at": "2026-01-05T10:00:00Z", "disclosure_type": "PAPER",
        "purpose": "PUBLIC_HEALTH", "method": "MAIL", "recipient_type": "PUBLIC_HEALTH_AUTHORITY",
        "recipient_name": "County", "description": "Line list", "retention_until": "2036-01-01",
    });
    values.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut tx = ward.world.db.begin(ward.world.operator(), false).await.unwrap();
    let row = NewRow { id: ward.world.db.env().id(), values: values.as_object().unwrap().clone() };
    tx.insert("compliance.phi_disclosures", &[row]).await.unwrap();
    tx.commit("test.disclose", "compliance.phi_disclosures").await.unwrap();
}

#[tokio::test]
async fn a_person_sees_the_disclosures_that_an_accounting_shows() {
    let ward = Ward::new().await;
    let patterns = ["medical.*.read", "kernel.phi.read", "compliance.disclosure.read"];
    ward.role("MEMBER", "own", &["PATRQT"], &patterns).await;
    ward.role("PARENT", "ward", &["FAMRQT"], &patterns).await;
    ward.role("OFFICER", "tenant", &["HCOMPL"], &patterns).await;
    let (patient, other) = (ward.patient("Alpha").await, ward.patient("Beta").await);
    disclosed(&ward, "D-1", patient, json!({})).await;
    disclosed(&ward, "D-2", patient, json!({"suspended_until": "2999-01-01", "suspension_agency": "Police"})).await;
    disclosed(&ward, "D-3", patient, json!({"suspended_until": "2026-01-06"})).await;
    disclosed(&ward, "D-4", patient, json!({"is_accountable": false, "accountable_reason": "TREATMENT"})).await;
    disclosed(&ward, "D-5", patient, json!({"is_accountable": false, "regime": "FERPA"})).await;
    disclosed(&ward, "D-6", patient, json!({"status": "VOIDED"})).await;
    disclosed(&ward, "D-7", other, json!({})).await;
    let (member, parent, officer) =
        (ward.user(&["MEMBER"]).await, ward.user(&["PARENT"]).await, ward.user(&["OFFICER"]).await);
    ward.link(member, patient, "self", None).await;
    ward.link(parent, patient, "proxy", Some("2999-01-01")).await;
    for (user, purpose, numbers) in [
        (member, Purpose::PatientRequest, vec!["D-1", "D-3", "D-5"]),
        (parent, Purpose::FamilyRequest, vec!["D-1", "D-3", "D-5"]),
        (officer, Purpose::Compliance, vec!["D-1", "D-2", "D-3", "D-4", "D-5", "D-6", "D-7"]),
    ] {
        let ctx = ward.caller(user).await.for_purpose(purpose);
        let seen = ward.act(&ctx, "compliance.disclosure.list", None, Value::Null).await.unwrap();
        let mut found: Vec<&str> =
            seen["data"].as_array().unwrap().iter().filter_map(|row| row["number"].as_str()).collect();
        found.sort_unstable();
        assert_eq!(found, numbers, "{purpose:?}");
    }
}
