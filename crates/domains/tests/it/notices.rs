//! What the caller has to be told with a reply: the notice of 42 CFR 2.32 with whatever discloses a labelled record, by which way
//! ever, and that the glass is broken.

use crate::{
    access::{READ, Ward},
    world::{World, at},
};
use salus_core::{Ctx, Purpose};
use salus_domains::{exchange::export, paper};
use salus_store::{Call, decide::Notice};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

async fn told(world: &World, ctx: &Ctx, op: &str, call: Call) -> Vec<Notice> {
    let ctx = Ctx { request: world.db.env().id(), ..ctx.clone() };
    world.call_as(ctx, op, call).await.unwrap_or_else(|e| panic!("{op}: {e}")).notices
}

fn label(patient: Uuid) -> Value {
    json!({"patient_id": patient, "label": "PART2"})
}

#[tokio::test]
async fn the_notice_goes_with_every_reply_that_discloses_a_labelled_record() {
    let ward = Ward::new().await;
    let world = &ward.world;
    ward.role("DOCTOR", "tenant", &["TREAT"], &[READ, &["medical.patient.write"]].concat()).await;
    let (patient, plain) = (ward.patient("Alpha").await, ward.patient("Beta").await);
    let (one, two) = (ward.user(&["DOCTOR"]).await, ward.user(&["DOCTOR"]).await);
    let none = Vec::<Notice>::new();
    assert!(!ward.caller(one).await.part2, "nothing is asked where nothing bears the label");
    ward.act(&world.operator(), "compliance.sensitivity_label.create", None, label(patient)).await.unwrap();
    let consent = json!({"patient_id": patient, "decision": "PERMIT", "user_id": one, "verification": "SIGNED_DOC",
        "effective_from": "2020-01-01"});
    ward.make("compliance.sensitivity_consent.create", consent).await;
    let (first, second) = (ward.caller(one).await, ward.caller(two).await);
    let change = |id: Uuid| Call {
        body: json!({"family_name": "Gamma"}),
        if_match: Some(salus_store::ANY_VERSION),
        ..at(&id.to_string())
    };
    for (op, call) in [
        ("medical.patient.get", at(&patient.to_string())),
        ("medical.patient.list", Call::default()),
        ("records.fact.chart", at(&patient.to_string())),
        ("medical.patient.change", change(patient)),
    ] {
        assert_eq!(told(world, &first, op, call).await, [Notice::Part2], "{op}");
    }
    for (op, call) in [("medical.patient.get", at(&plain.to_string())), ("medical.patient.change", change(plain))] {
        assert_eq!(told(world, &first, op, call).await, none, "{op} of another person");
    }
    assert_eq!(told(world, &second, "medical.patient.list", Call::default()).await, none, "to whom it is closed");
}

#[tokio::test]
async fn a_label_that_a_row_bears_and_an_open_glass_are_told() {
    let ward = Ward::new().await;
    let world = &ward.world;
    ward.role("CARE", "caseload", &["TREAT", "BTG"], &[READ, &["auth.glass.open"]].concat()).await;
    ward.role("MEMBER", "own", &["PATRQT"], READ).await;
    let (patient, other) = (ward.patient("Alpha").await, ward.patient("Beta").await);
    let diagnosis = json!({"patient_id": patient, "note": "Opioid use disorder", "sensitivity": "PART2",
        "verification": "CLINICIAN_ENTERED", "source_kind": "MANUAL", "category": "PROBLEM_LIST"});
    ward.make("records.diagnosis.create", diagnosis).await;
    let member = ward.user(&["MEMBER"]).await;
    ward.link(member, patient, "self", None).await;
    let member = ward.caller(member).await;
    assert_eq!(told(world, &member, "records.diagnosis.list", Call::default()).await, [Notice::Part2]);
    ward.role("PRIVACY", "tenant", &["HCOMPL"], &["auth.glass.*"]).await;
    let (care, _officer) = (ward.user(&["CARE"]).await, ward.user(&["PRIVACY"]).await);
    let care = ward.caller(care).await;
    let glass = care.clone().for_purpose(Purpose::BreakGlass);
    for (patient, notices) in [(other, vec![Notice::BreakGlass]), (patient, vec![Notice::BreakGlass, Notice::Part2])] {
        let reason = json!({"patient_id": patient, "reason": "Unconscious in the emergency room"});
        ward.act(&care, "auth.glass.open", None, reason).await.unwrap();
        assert_eq!(told(world, &glass, "medical.patient.get", at(&patient.to_string())).await, notices);
    }
}

#[tokio::test]
async fn the_notice_lies_beside_an_export() {
    let ward = Ward::new().await;
    let world = &ward.world;
    let patient = ward.patient("Alpha").await;
    let folder = std::env::temp_dir().join(format!("{}-notice", world.database.name()));
    let files = |name: &str| {
        let read = std::fs::read_dir(folder.join(name)).unwrap();
        read.map(|f| f.unwrap().file_name().into_string().unwrap()).collect::<BTreeSet<String>>()
    };
    let write =
        async |name: &str| export::export(&world.db, &world.operator(), &folder.join(name), |_| ()).await.unwrap();
    assert_eq!(write("plain").await.notice, None);
    assert_eq!(files("plain"), BTreeSet::from(["Patient.000.ndjson".to_owned()]));
    ward.act(&world.operator(), "compliance.sensitivity_label.create", None, label(patient)).await.unwrap();
    let done = write("labelled").await;
    assert_eq!((done.notice, done.files.len()), (Some(Notice::Part2), 1));
    assert!(files("labelled").contains("NOTICE.txt"));
    let text = std::fs::read_to_string(folder.join("labelled/NOTICE.txt")).unwrap();
    assert_eq!(text.trim_end(), "42 CFR part 2 prohibits unauthorized use or disclosure of these records.");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_paper_bears_who_makes_it_when_and_for_what_purpose() {
    let ward = Ward::new().await;
    ward.role("DOCTOR", "tenant", &["TREAT"], READ).await;
    let ctx = ward.caller(ward.user(&["DOCTOR"]).await).await;
    let mut tx = ward.world.db.begin(ctx, true).await.unwrap();
    let mark = paper::mark(&mut tx).await.unwrap();
    let parts: Vec<&str> = mark.split(" · ").collect();
    let [who, at, purpose] = parts.as_slice() else { panic!("{mark}") };
    assert_eq!((*who, at.len(), *purpose), ("Somebody", "2026-01-01 00:00 UTC".len(), "TREAT"));
    assert_eq!(at.split(' ').next(), Some(tx.ctx.env.now().date().to_string().as_str()));
}
