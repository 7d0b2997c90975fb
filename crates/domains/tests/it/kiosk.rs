//! The tablet at the clinic's door (specification 5.2): who is found by badge or by name and birth day, that it tells nothing else, and
//! that whoever tries names waits.

use crate::{
    clinic::{School, id, row},
    world::at,
};
use salus_core::{Ctx, Error, Permissions};
use salus_store::{Body, Call};
use serde_json::{Value, json};
use time::macros::datetime;

impl School {
    async fn tablet(&self) -> Ctx {
        let mut tablet = self.aide_for(None).await;
        tablet.permissions = Permissions::new(["school.visit.kiosk"]).into();
        tablet
    }

    async fn arrive(&self, tablet: &Ctx, body: Value) -> Result<(String, Value), String> {
        let tablet = Ctx { request: self.world.db.env().id(), ..tablet.clone() };
        match self.world.call_as(tablet, "school.kiosk.arrive", Call { body, ..Call::default() }).await {
            Ok(reply) => match reply.body {
                Body::Json(told) => {
                    assert_eq!(told.as_object().unwrap().len(), 2, "nothing else is told: {told}");
                    Ok((told["status"].as_str().unwrap().to_owned(), told["initial"].clone()))
                }
                _ => panic!("no JSON"),
            },
            Err(other) => Err(other.code().to_owned()),
        }
    }

    /// A student of this school or of none.
    async fn named(&self, number: &str, (family, given, born): (&str, &str, &str), is_here: bool) -> String {
        let body = json!({"family_name": family, "given_names": given, "birth_date": born});
        let patient = id(&self.world.create("medical.patient.create", body).await);
        let body = json!({"patient_id": patient, "student_number": number, "school_id": self.id, "grade": "4"});
        self.world.create("school.student.create", body).await;
        if is_here {
            let body = json!({"patient_id": patient, "school_id": self.id, "grade": "4", "enrolled_on": "2025-08-18"});
            self.world.create("school.enrollment.create", body).await;
        }
        patient
    }
}

#[tokio::test]
async fn a_student_is_on_the_list_by_badge_or_by_name_and_birth_day() {
    let s = School::new().await;
    let tablet = s.tablet().await;
    s.named("200001", ("Quillfeather", "Marisol", "2016-09-14"), true).await;
    for number in ["200002", "200003"] {
        s.named(number, ("Fairholt", "Ana", "2016-02-29"), true).await;
    }
    s.named("200004", ("Vilarinhal", "Caetano", "2016-05-05"), false).await;
    let not_found = Err("not_found".to_owned());
    let by_name = |name: &str, day: &str| json!({"name": name, "birth_day": day, "reason": "HEADACHE"});

    for nobody in [
        json!({"badge": "999999"}),
        json!({"badge": "200004", "reason": "HEADACHE"}),
        by_name("Marisol Quillfeather", "09-15"),
        by_name("Marisol Quillfeather", ""),
        by_name("M", "09-14"),
        by_name("Caetano Vilarinhal", "05-05"),
        json!({"name": "Ana Fairholt", "birth_day": "02-29"}),
        json!({"reason": "HEADACHE"}),
    ] {
        assert_eq!(s.arrive(&tablet, nobody.clone()).await, not_found, "{nobody}");
    }
    assert_eq!(s.arrive(&tablet, json!({"badge": "200001"})).await, Ok(("FOUND".into(), Value::Null)));
    let listed = s.arrive(&tablet, by_name("marisol quillfeather", "09-14")).await;
    assert_eq!(listed, Ok(("WAITING".into(), json!("M"))));
    for again in [json!({"badge": "200001"}), by_name("Quillfeather", "09-14")] {
        assert_eq!(s.arrive(&tablet, again).await, Ok(("ALREADY_HERE".into(), json!("M"))));
    }
    // Two of one name and birthday are told apart by their badges.
    let sent = json!({"badge": "200003", "reason": "STOMACH", "client_ref": "00000000-0000-7000-8000-000000000001"});
    assert_eq!(s.arrive(&tablet, sent).await, Ok(("WAITING".into(), json!("A"))));
    assert!(s.arrive(&tablet, json!({"badge": "200002", "reason": "none of the list"})).await.is_err());

    let Body::Page(visits) = s.world.call("school.visit.list", Call::default()).await.unwrap().body else {
        panic!("no page")
    };
    assert_eq!(visits.rows.len(), 2, "one visit each");
    let visit = &visits.rows[0];
    assert_eq!((visit.text("status"), visit.text("check_in_at")), ("OPEN", "2026-03-02T19:00:00Z"));
    let held = async || row(s.world.call("school.visit.get", at(&id(visit))).await).unwrap();
    assert_eq!(held().await.text("attended_by"), "", "a tablet sees to nobody");
    let mut aide = s.aide_for(None).await;
    aide.permissions = Permissions::new(["school.visit.write", "kernel.phi.read"]).into();
    let end = Call { body: json!({"disposition": "RETURN_TO_CLASS"}), ..at(&id(visit)) };
    s.world.call_as(aide.clone(), "school.visit.check_out", end).await.unwrap();
    assert_eq!(held().await.text("attended_by"), aide.actor.id.to_string(), "whoever ends it did");

    for op in ["school.visit.list", "school.clinic.board", "school.student.list", "medical.patient.list"] {
        let told = s.world.call_as(tablet.clone(), op, Call::default()).await;
        assert!(matches!(told, Err(Error::Forbidden(_))), "{op}: {told:?}");
    }
}

#[tokio::test]
async fn a_tablet_at_which_names_are_tried_waits() {
    let s = School::new().await;
    let (tablet, other) = (s.tablet().await, s.tablet().await);
    s.named("200001", ("Quillfeather", "Marisol", "2016-09-14"), true).await;
    let right = || json!({"badge": "200001"});
    for n in 0..20 {
        let told = s.arrive(&tablet, json!({"badge": format!("3{n:05}")})).await;
        assert_eq!(told, Err("not_found".into()), "{n}");
    }
    assert_eq!(s.arrive(&tablet, right()).await, Err("too_many_requests".into()), "also with the right one");
    assert_eq!(s.arrive(&other, right()).await.unwrap().0, "FOUND", "another tablet does not");
    s.clock(datetime!(2026-03-02 19:11 UTC));
    assert_eq!(s.arrive(&tablet, right()).await.unwrap().0, "FOUND", "having waited adds nothing");
}
