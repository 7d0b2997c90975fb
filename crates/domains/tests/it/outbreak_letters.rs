//! Letters to families about an outbreak: by class and language, to those among whom it is, naming nobody.

use crate::{
    outbreak::{Rooms, code, insert, told, weekdays},
    world::at,
};
use salus_core::{Error, Permissions};
use salus_store::Call;
use serde_json::{Value, json};
use std::sync::Arc;

async fn letters(s: &Rooms, alert: &Value, body: Value) -> Result<Value, Error> {
    let call = Call { body, ..at(alert["id"].as_str().unwrap()) };
    s.world().call("school.outbreak.write_letters", call).await.map(|reply| told(reply.body))
}

/// A guardian of each of these students, who reads a language.
async fn guardians(s: &Rooms, language: &str, places: std::ops::Range<usize>, restricted: bool) {
    let guardian = |place| {
        let mut told = json!({"patient_id": s.student(0, place), "name": "Invented Guardian", "relationship": "MTH", "legal_custody": true,
               "receives_health_info": true, "language": language});
        if restricted {
            told["court_restriction"] = json!("An invented order");
        }
        told
    };
    insert(s.world(), "medical.patient_contacts", places.map(guardian).collect()).await;
}

#[tokio::test]
async fn families_of_the_class_are_written_to_in_their_languages_and_nobody_is_named() {
    let s = Rooms::new(&[("12", 24), ("14", 25)], &weekdays(10, None)).await;
    guardians(&s, "es-MX", 0..5, false).await;
    guardians(&s, "pt-BR", 5..7, false).await;
    guardians(&s, "vi", 7..9, false).await;
    guardians(&s, "es", 9..10, true).await;
    let alert = s.vomiting().await;
    let made = letters(&s, &alert, json!({"contact": "+1 555 0100", "signed": "The nurse"})).await.unwrap();
    let by_language: Vec<(&str, i64)> = made["letters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| {
            assert_eq!(
                (&l["homeroom"], &l["homeroom_id"]),
                (&json!("12"), &json!(s.rooms[0].0)),
                "the class of the alert alone"
            );
            (l["language"].as_str().unwrap(), l["students"].as_i64().unwrap())
        })
        .collect();
    // Who reads another language, and who is not told of health, is counted among the English ones.
    assert_eq!((by_language, &made["students"]), (vec![("en", 17), ("es", 5), ("pt-BR", 2)], &json!(24)));
    assert_eq!(made["file"]["media_type"], "application/pdf");
    assert!(made["file"]["name"].as_str().unwrap().ends_with("-letters.pdf"));
    assert!(made["file"]["base64"].as_str().unwrap().starts_with("JVBERi0"));
    let shown = s.show(&alert["id"]).await;
    assert_eq!(
        (&shown["letters"][0]["classes"], &shown["has_letter"]),
        (&json!(1), &json!(true)),
        "it stands at the alert"
    );
    let copies = letters(&s, &alert, json!({"copies": true})).await.unwrap();
    assert!(copies["file"]["size"].as_u64() > made["file"]["size"].as_u64(), "one for every student");

    // What is added is said in every language that is read.
    let added = letters(&s, &alert, json!({"message": {"en": "Wash hands", "es": "Lavarse las manos"}})).await;
    let Err(Error::Invalid(fields)) = added else { panic!("{added:?}") };
    assert_eq!((fields[0].pointer.as_str(), fields[0].code.as_str()), ("/message/pt-BR", "required"));
    assert_eq!(code(letters(&s, &alert, json!({"homerooms": [s.rooms[1].0]})).await), "no_such_record");
    let mut blind = s.world().operator();
    blind.permissions = Arc::new(Permissions::new(["school.outbreak.read"]));
    let call = at(alert["id"].as_str().unwrap());
    let refused = s.world().call_as(blind, "school.outbreak.write_letters", call).await;
    assert!(matches!(refused, Err(Error::Forbidden(p)) if p == "school.outbreak.report"));
}

#[tokio::test]
async fn an_illness_of_which_no_text_is_known_needs_its_name() {
    let s = Rooms::new(&[("12", 24), ("14", 25)], &weekdays(10, None)).await;
    let alert = s.vomiting().await;
    s.world().admin("UPDATE school.outbreak_alerts SET syndrome = 'NEURO'").await;
    let refused = letters(&s, &alert, json!({})).await;
    let Err(Error::Invalid(fields)) = refused else { panic!("{refused:?}") };
    assert_eq!((fields[0].pointer.as_str(), fields[0].code.as_str()), ("/illness/en", "required"));
    assert!(letters(&s, &alert, json!({"illness": {"en": "an illness of the nerves"}})).await.is_ok());
    s.world().admin("UPDATE school.student_profiles SET enrollment_status = 'WITHDRAWN'").await;
    assert_eq!(code(letters(&s, &alert, json!({"illness": {"en": "x"}})).await), "nobody_to_write_to");
}
