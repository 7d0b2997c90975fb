//! Letters to families and vaccine codes: who gets a letter, in which language, what is kept of it; and which codes a dose that
//! is given here may have (sections 5.4.2 and 5.10 of the specification).

use crate::{
    clinic::{NOW, School, nurse},
    immunization::{add, school, student},
    school_entry::strict,
    world::at,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use salus_core::{Ctx, Error, Permissions};
use salus_domains::{
    compliance::{Disclosure, Way, disclose},
    school::immunization::import_codes,
};
use salus_store::{Act, Body, Call, perform};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc};
use time::Duration;

async fn write(s: &School, by: &Ctx, body: Value) -> Result<Value, Error> {
    match s.world.call_as(by.clone(), "school.letter.write", Call { body, ..Call::default() }).await?.body {
        Body::Json(told) => Ok(told),
        other => panic!("{other:?}"),
    }
}

async fn guardian(s: &School, child: &str, more: Value) {
    let mut body = json!({"patient_id": child, "name": "Invented Guardian", "relationship": "MOTHER", "legal_custody": true,
                          "receives_health_info": true});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    s.world.create("medical.patient_contact.create", body).await;
}

async fn homeroom(s: &School, name: &str, children: &[&String]) -> String {
    let year = json!({"name": name, "starts_on": "2025-08-11", "ends_on": "2026-06-05"});
    let year = s.world.create("school.school_year.create", year).await.text("id").to_owned();
    let body = json!({"school_id": s.id, "school_year_id": year, "kind": "HOMEROOM", "name": name});
    let room = s.world.create("school.class_group.create", body).await.text("id").to_owned();
    for child in children {
        s.world
            .admin(&format!("UPDATE school.student_profiles SET homeroom_id = '{room}' WHERE patient_id = '{child}'"))
            .await;
    }
    room
}

fn code(refused: Result<Value, Error>) -> String {
    match refused {
        Err(Error::Invalid(fields)) => format!("{} {}", fields[0].pointer.trim_start_matches('/'), fields[0].code),
        Err(Error::Forbidden(what)) => what,
        other => format!("{other:?}"),
    }
}

async fn count(s: &School, sql: &str) -> i64 {
    s.world.database.connect("salus_admin").await.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_disclosure_is_numbered_over_those_that_its_maker_does_not_see() {
    let s = School::new().await;
    let child = s.student("A-1").await;
    let stranger = s.world.create("medical.patient.create", json!({"family_name": "Elsewhere"})).await.id().unwrap();
    let nurse = nurse(&s, &[&s.unit]).await;
    let disclosed = async |ctx: Ctx, person: uuid::Uuid| {
        let mut tx = s.world.db.begin(ctx, false).await.unwrap();
        let what = Disclosure {
            way: Way::Letter,
            purpose: "OPERATIONS",
            recipient_type: "FAMILY",
            recipient: "A family",
            information: &["IMMUNIZATIONS"],
            description: "A letter",
            basis: "34 CFR 99.10",
            regime: "FERPA",
        };
        disclose(&mut tx, &what, &[person]).await?;
        tx.commit("test.disclose", "compliance.phi_disclosures").await
    };
    disclosed(s.world.operator(), stranger).await.unwrap();
    disclosed(nurse, child.parse().unwrap()).await.unwrap();
    let again = (0..4).map(|_| disclosed(s.world.operator(), stranger));
    assert!(futures_util::future::join_all(again).await.iter().all(Result::is_ok), "at once");
    assert_eq!(count(&s, "SELECT count(DISTINCT number) FROM compliance.phi_disclosures").await, 6);
}

/// Of five children two are kept home and can be written to. Who leads the nurses, and the homeroom of one of the two.
async fn five_children(s: &School) -> (Ctx, String) {
    let mut children = Vec::new();
    for n in 1..=5 {
        children.push(student(s, &format!("A-{n}"), "2016-02-26", "4").await);
    }
    let lead = strict(s).await;
    guardian(s, &children[0], json!({"language": "es"})).await;
    guardian(s, &children[1], json!({"name": "Second Guardian"})).await;
    // Of the third nobody may be told, the fourth has all doses; the fifth attends on condition and is only reminded.
    guardian(s, &children[2], json!({"court_restriction": "no contact"})).await;
    guardian(s, &children[4], json!({"language": "pt-BR"})).await;
    for (child, doses) in [
        (&children[3], vec![("03", "2017-03-01"), ("03", "2020-03-01"), ("21", "2017-03-01")]),
        (&children[4], vec![("03", "2026-03-02"), ("21", "2017-03-01")]),
    ] {
        for (cvx, on) in doses {
            add(s, child, json!({"cvx": cvx, "given_on": on})).await.unwrap();
        }
    }
    let call = Call { body: json!({"school_id": s.id}), ..Call::default() };
    s.world.call("school.immunization.evaluate", call).await.unwrap();
    let room = homeroom(s, "Room 12", &[&children[0]]).await;
    (lead, room)
}

#[tokio::test]
async fn each_family_of_a_child_kept_home_gets_one_letter_in_its_language() {
    let s = school().await;
    let (lead, room) = five_children(&s).await;
    let wanted = json!({"school_id": s.id, "kind": "EXCLUSION"});
    let mut dry = wanted.clone();
    dry["dry_run"] = json!(true);
    let counted = write(&s, &lead, dry).await.unwrap();
    assert_eq!(
        (&counted["letters"], &counted["without_contact"], &counted["pdf"]),
        (&json!(2), &json!(1), &Value::Null)
    );
    assert_eq!(counted["languages"], json!({"en": 1, "es": 1}));
    let rooms = json!([{"homeroom": "", "letters": 1}, {"homeroom": "Room 12", "letters": 1}]);
    assert_eq!(counted["homerooms"], rooms);
    let kept = "SELECT count(*) FROM school.immunization_letters";
    assert_eq!(count(&s, kept).await, 0, "a dry run leaves nothing");

    let mut aide = lead.clone();
    let permissions = ["school.immunization.write", "kernel.phi.read"].map(str::to_owned);
    aide.permissions = Arc::new(Permissions::new(permissions));
    assert_eq!(code(write(&s, &aide, wanted.clone()).await), "school.exemption.approve");

    let made = write(&s, &lead, wanted.clone()).await.unwrap();
    let pdf = STANDARD.decode(made["pdf"].as_str().unwrap()).unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
    let said = |what: &[u8]| pdf.windows(what.len()).filter(|w| *w == what).count();
    assert_eq!(said(b"/Type/Page") - said(b"/Type/Pages"), 4, "two covers and two letters");
    assert_eq!(count(&s, kept).await, 2);
    let told = "SELECT count(*) FROM compliance.phi_disclosures WHERE recipient_type = 'FAMILY' AND disclosure_type = 'PAPER' \
                AND NOT is_accountable AND method = 'MAIL'";
    assert_eq!(count(&s, told).await, 2, "each is among the disclosures");

    // Within the week not again, unless it is asked for; after it, yes.
    let again = write(&s, &lead, wanted.clone()).await.unwrap();
    assert_eq!((&again["letters"], &again["written_lately"], &again["pdf"]), (&json!(0), &json!(2), &Value::Null));
    let one = json!({"school_id": s.id, "kind": "EXCLUSION", "homeroom_id": room, "again": true});
    assert_eq!(write(&s, &lead, one).await.unwrap()["letters"], json!(1));
    s.world.db.env().clock.set(NOW + Duration::days(8));
    assert_eq!(write(&s, &lead, wanted).await.unwrap()["letters"], json!(2));
    s.world.db.env().clock.set(NOW);

    let remind = json!({"school_id": s.id, "kind": "REMINDER"});
    let reminded = write(&s, &aide, remind).await.unwrap();
    assert_eq!(
        (&reminded["letters"], &reminded["languages"]),
        (&json!(1), &json!({"pt-BR": 1})),
        "who is kept home is not reminded as well"
    );
}

#[tokio::test]
async fn letters_that_cannot_be_made_are_refused() {
    let s = school().await;
    let child = student(&s, "A-1", "2016-02-26", "4").await;
    let lead = strict(&s).await;
    let call = Call { body: json!({"school_id": s.id}), ..Call::default() };
    s.world.call("school.immunization.evaluate", call).await.unwrap();
    guardian(&s, &child, json!({"name": "李 Invented"})).await;
    let wanted = json!({"school_id": s.id, "kind": "EXCLUSION"});
    let refused = write(&s, &lead, wanted).await.unwrap_err();
    assert!(refused.to_string().contains("cannot be printed") && refused.to_string().contains(&child), "{refused}");
    assert_eq!(count(&s, "SELECT count(*) FROM school.immunization_letters").await, 0, "nothing is kept of it");
    assert_eq!(code(write(&s, &lead, json!({"school_id": s.id, "kind": "POEM"})).await), "kind not_allowed");
    let elsewhere = json!({"school_id": "01900000-0000-7000-8000-000000000000", "kind": "REMINDER"});
    assert_eq!(code(write(&s, &lead, elsewhere).await), "school_id no_such_record");
}

async fn import(s: &School, file: Vec<u8>) -> Result<Value, Error> {
    let act = Act {
        name: "school.vaccine_code.import".into(),
        target: "school.vaccine_codes",
        permission: "school.immunization.write",
        read_only: false,
        row: None,
    };
    perform(&s.world.db, act, s.world.operator(), move |tx| Box::pin(async move { import_codes(tx, &file).await }))
        .await
}

/// CDC's list as a user has it.
fn list() -> Vec<u8> {
    let file = "../../../shared/data/hl7v2-izgateway/v2-to-fhir-concept-maps/cvx.txt";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read(&path).unwrap_or_else(|e| panic!("the reference data are missing: {}: {e}", path.display()))
}

#[tokio::test]
async fn retired_codes_are_for_doses_of_the_past() {
    let s = school().await;
    let child = student(&s, "A-1", "2016-02-26", "4").await;
    let here = |cvx: &str, on: &str| json!({"cvx": cvx, "given_on": on, "information_source": "00"});
    // Without the list only the schedule is asked: oral polio is in it, and nobody knows that it is retired.
    add(&s, &child, here("02", "2026-02-02")).await.unwrap();
    let done = import(&s, list()).await.unwrap();
    assert_eq!(
        done,
        json!({"codes": 279, "left": 0, "statuses": {"ACTIVE": 110, "INACTIVE": 112, "NEVER_ACTIVE": 18, "NON_US": 39}})
    );
    assert_eq!(import(&s, list()).await.unwrap()["left"], json!(0), "the same list again changes nothing");

    let refused = add(&s, &child, here("02", "2026-02-03")).await.unwrap_err();
    assert!(refused.to_string().contains("is not in use any more"), "{refused}");
    for (cvx, expected) in
        [("02", "cvx retired_cvx"), ("2", "cvx retired_cvx"), ("998", "cvx not_a_vaccine"), ("997", "cvx unknown_cvx")]
    {
        assert_eq!(code(add(&s, &child, here(cvx, "2026-02-03")).await), expected, "{cvx}");
    }
    // The same vaccine on a card of the past is taken, and one that only the list knows too.
    let old = add(&s, &child, json!({"cvx": "02", "given_on": "2017-02-03"})).await.unwrap();
    add(&s, &child, json!({"cvx": "54", "given_on": "2017-02-03"})).await.unwrap();
    add(&s, &child, here("03", "2026-02-03")).await.unwrap();
    // A dose of the past does not become one given here.
    let path = vec![("id".to_owned(), child.clone()), ("dose".to_owned(), old["id"].as_str().unwrap().to_owned())];
    let call = Call { path, body: json!({"information_source": "00"}), ..Call::default() };
    let refused = s.world.call("school.immunization.correct", call).await.map(|_| Value::Null);
    assert_eq!(code(refused), "cvx retired_cvx");

    // A file that is not understood changes nothing; a code that leaves the list is not known any more.
    let broken = import(&s, b"02|OPV|x||Retired|False|2017/07/13".to_vec()).await.unwrap_err().to_string();
    assert!(broken.contains("Line 1"), "{broken}");
    assert_eq!(count(&s, "SELECT count(*) FROM school.vaccine_codes").await, 279);
    let short = import(&s, b"03|MMR|x||Active|False|2017/07/13".to_vec()).await.unwrap();
    assert_eq!((&short["codes"], &short["left"]), (&json!(1), &json!(278)));
    assert_eq!(code(add(&s, &child, here("21", "2026-02-04")).await), "cvx unknown_cvx");
    assert!(s.world.call("school.vaccine_code.get", at("01900000-0000-7000-8000-000000000000")).await.is_err());
}
