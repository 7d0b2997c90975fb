//! Reminders to families: who is reached, what is said and what is not, at what hours, and how often (section 5.4 of the
//! specification, endpoints 51 and 52).

use crate::{
    background::{Kept, dispatcher},
    clinic::{NOW, School, id, row},
    immunization::{add, approve_requirements, requirements, school, student, supervisor},
    world::at,
};
use salus_core::Error;
use salus_domains::auth::Carriers;
use salus_store::{Body, Call, jobs::Dispatcher};
use serde_json::{Value, json};
use time::Duration;

async fn arrange(s: &School, body: Value) -> Result<Value, Error> {
    let call = Call { body, ..Call::default() };
    s.world.call("school.reminder.arrange", call).await.map(|reply| match reply.body {
        Body::Json(told) => told,
        other => panic!("{other:?}"),
    })
}

/// What became of each reminder: status, and why it was not sent.
async fn queue(s: &School) -> Vec<(String, String)> {
    let call = Call { query: vec![("limit".into(), "100".into())], ..Call::default() };
    let Body::Page(page) = s.world.call("school.reminder.list", call).await.unwrap().body else { panic!("no page") };
    let mut all: Vec<_> =
        page.rows.iter().map(|r| (r.text("status").to_owned(), r.text("suppression_reason").to_owned())).collect();
    all.sort();
    all
}

async fn guardian(s: &School, child: &str, more: Value) {
    let mut body = json!({"patient_id": child, "name": "Invented Guardian", "relationship": "MOTHER", "legal_custody": true,
                          "receives_health_info": true});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    s.world.create("medical.patient_contact.create", body).await;
}

async fn minute(s: &School, dispatcher: &Dispatcher) {
    for _ in 0..2 {
        let sql = "UPDATE kernel.schedules SET next_run_at = clock_timestamp() WHERE job = 'school.send_reminders'";
        s.world.admin(sql).await;
        dispatcher.drain(s.world.tenant).await.unwrap();
    }
}

/// A school in which three children of grade 4 have no record, and one of grade 5 is asked for nothing.
async fn four_children() -> (School, Vec<String>) {
    let s = school().await;
    requirements(&s).await;
    approve_requirements(&s, &supervisor(&s).await).await;
    let mut children = Vec::new();
    for (number, grade) in [("A-1", "4"), ("A-2", "4"), ("A-3", "4"), ("A-4", "5")] {
        children.push(student(&s, number, "2016-02-26", grade).await);
    }
    let call = Call { body: json!({"school_id": s.id}), ..Call::default() };
    s.world.call("school.immunization.evaluate", call).await.unwrap();
    (s, children)
}

#[tokio::test]
async fn families_are_told_once_a_week_by_day_and_nothing_of_health() {
    let (s, children) = four_children().await;
    guardian(&s, &children[0], json!({"phone": "+1 555 0100 01", "language": "es"})).await;
    guardian(&s, &children[1], json!({"email": "second@families.example"})).await;
    // Of the third family nobody may be told.
    guardian(&s, &children[2], json!({"phone": "+1 555 0100 03", "receives_health_info": false})).await;
    guardian(&s, &children[2], json!({"phone": "+1 555 0100 04", "court_restriction": "no contact"})).await;

    let dry = arrange(&s, json!({"action": "create", "school_id": s.id, "dry_run": true})).await.unwrap();
    let counts = ["families", "messages", "without_contact", "already_waiting", "not_needed"].map(|n| dry[n].clone());
    assert_eq!(counts, [2, 2, 1, 0, 1].map(|n| json!(n)), "{dry}");
    let samples = dry["samples"].as_array().unwrap();
    assert_eq!(samples.iter().map(|l| l["language"].as_str().unwrap()).collect::<Vec<_>>(), ["en", "es"]);
    assert!(samples[1]["text"].as_str().unwrap().contains("aviso del registro de salud"), "{dry}");
    assert_eq!(queue(&s).await, [], "a dry run leaves nothing");

    arrange(&s, json!({"action": "create", "school_id": s.id})).await.unwrap();
    let again = arrange(&s, json!({"action": "create", "school_id": s.id})).await.unwrap();
    assert_eq!((&again["messages"], &again["already_waiting"]), (&json!(0), &json!(2)));

    let (email, phone) = (Kept::default(), Kept::default());
    let base = "https://salus.example".to_owned();
    let carriers =
        Carriers { email: Box::new(email.clone()), sms: Box::new(phone.clone()), base, ..Carriers::default() };
    let dispatcher = dispatcher(&s.world, carriers);
    // 21:00 in Los Angeles, then 11:00.
    s.world.db.env().clock.set(NOW + Duration::hours(10));
    minute(&s, &dispatcher).await;
    assert!(email.to().is_empty() && phone.to().is_empty(), "nobody is told at night");
    s.world.db.env().clock.set(NOW);
    minute(&s, &dispatcher).await;
    assert_eq!((email.to(), phone.to()), (vec!["second@families.example".into()], vec!["+1 555 0100 01".to_owned()]));
    for letter in email.letters.lock().unwrap().iter().chain(phone.letters.lock().unwrap().iter()) {
        let said = format!("{} {}", letter.subject, letter.text);
        assert!(said.contains("https://salus.example"), "{said}");
        for word in ["Quillfeather", "MMR", "Varicella", "vaccin", "vacuna"] {
            assert!(!said.contains(word), "{said}");
        }
    }
    assert_eq!(queue(&s).await, [("SENT".to_owned(), String::new()), ("SENT".to_owned(), String::new())]);

    // Within the week a second one is left out, and after it one goes out.
    arrange(&s, json!({"action": "create", "school_id": s.id})).await.unwrap();
    minute(&s, &dispatcher).await;
    assert_eq!(queue(&s).await.iter().filter(|(_, why)| why == "told_lately").count(), 2);
    s.world.db.env().clock.set(NOW + Duration::days(8));
    arrange(&s, json!({"action": "create", "school_id": s.id})).await.unwrap();
    minute(&s, &dispatcher).await;
    assert_eq!((email.to().len(), phone.to().len()), (2, 2));
}

#[tokio::test]
async fn what_is_not_needed_any_more_is_not_sent() {
    let (s, children) = four_children().await;
    for (n, child) in children.iter().enumerate() {
        guardian(&s, child, json!({"phone": format!("+1 555 0100 0{n}")})).await;
    }
    arrange(&s, json!({"action": "create", "school_id": s.id})).await.unwrap();
    // The first child has all doses, the second left, the third's are called off.
    for (cvx, on) in [("03", "2017-03-01"), ("03", "2020-03-01"), ("21", "2017-03-01"), ("21", "2020-03-01")] {
        add(&s, &children[0], json!({"cvx": cvx, "given_on": on})).await.unwrap();
    }
    let left = format!(
        "UPDATE school.student_profiles SET enrollment_status = 'WITHDRAWN' WHERE patient_id = '{}'",
        children[1]
    );
    s.world.admin(&left).await;
    let only = json!({"action": "cancel", "school_id": s.id, "student_ids": [children[2]]});
    assert_eq!(arrange(&s, only).await.unwrap()["cancelled"], 1);
    let phone = Kept::default();
    let carriers = Carriers { sms: Box::new(phone.clone()), ..Carriers::default() };
    minute(&s, &dispatcher(&s.world, carriers)).await;
    assert_eq!(phone.to(), Vec::<String>::new());
    let told = [("CANCELLED", "cancelled"), ("CANCELLED", "left_school"), ("COMPLETED", "not_needed")];
    assert_eq!(queue(&s).await, told.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

/// The steps before a deadline are told, each on its day, also seven days to the second after the one before and the last on the day
/// before it; a condition lasts until the deadline, so the reminders are still needed then.
#[tokio::test]
async fn a_deadline_is_told_14_7_and_1_days_before_it() {
    let s = school().await;
    requirements(&s).await;
    approve_requirements(&s, &supervisor(&s).await).await;
    // The second dose is due 28 days after the first, and the requirement gives 30 more.
    let child = student(&s, "A-1", "2016-02-26", "4").await;
    for (cvx, on) in [("21", "2017-03-01"), ("21", "2020-03-01"), ("03", "2026-01-20")] {
        add(&s, &child, json!({"cvx": cvx, "given_on": on})).await.unwrap();
    }
    guardian(&s, &child, json!({"phone": "+1 555 0100 01"})).await;
    let Body::Json(shown) = s.world.call("school.immunization.show", at(&child)).await.unwrap().body else {
        panic!("no JSON")
    };
    let stands = &shown["compliance"];
    assert_eq!((&stands["status"], &stands["until"]), (&json!("CONDITIONAL"), &json!("2026-03-19")), "{stands}");
    arrange(&s, json!({"action": "create", "school_id": s.id})).await.unwrap();
    let phone = Kept::default();
    let dispatcher = dispatcher(&s.world, Carriers { sms: Box::new(phone.clone()), ..Carriers::default() });
    let mut told = Vec::new();
    for before in [14, 7, 1] {
        // A second earlier each time.
        let on = NOW + Duration::days(17 - before) - Duration::seconds(14 - before);
        s.world.db.env().clock.set(on - Duration::seconds(if before == 7 { 30 } else { 0 }));
        minute(&s, &dispatcher).await;
        told.push(phone.to().len());
    }
    assert_eq!(told, [1, 2, 3], "{:?}", queue(&s).await);
}

/// A temporary medical exemption is told from thirty days before its last day, on that day alone as often as a deadline, and no more
/// once it was prolonged.
#[tokio::test]
async fn an_exemption_that_ends_is_told_from_thirty_days_before() {
    let s = school().await;
    requirements(&s).await;
    let boss = supervisor(&s).await;
    approve_requirements(&s, &boss).await;
    let (far, near) = (student(&s, "A-1", "2016-02-26", "4").await, student(&s, "A-2", "2016-02-26", "4").await);
    // Of varicella nothing is missing; the measles vaccine is what they are exempt from.
    for child in [&far, &near] {
        for on in ["2017-03-01", "2020-03-01"] {
            add(&s, child, json!({"cvx": "21", "given_on": on})).await.unwrap();
        }
    }
    let exempt = async |child: &str, until: &str| {
        let body = json!({"kind": "MEDICAL_TEMPORARY", "issuer": "Dr. Invented", "number": "XX-17", "valid_from": "2026-01-05",
                          "valid_until": until});
        let made = row(s.world.call("school.exemption.submit", Call { body, ..at(child) }).await).unwrap();
        row(s.world.call_as(boss.clone(), "school.exemption.approve", at(&id(&made))).await).unwrap();
    };
    // 31 and 30 days after the second of March.
    exempt(&far, "2026-04-02").await;
    exempt(&near, "2026-04-01").await;
    for child in [&far, &near] {
        guardian(&s, child, json!({"phone": "+1 555 0100 01"})).await;
    }
    let told = arrange(&s, json!({"action": "create", "school_id": s.id})).await.unwrap();
    assert_eq!((&told["families"], &told["not_needed"]), (&json!(1), &json!(1)), "{told}");
    let admin = s.world.database.connect("salus_admin").await;
    let sql = "SELECT DISTINCT student_id::text, reason::text, due_on::text FROM school.immunization_reminders";
    let rows = admin.query(sql, &[]).await.unwrap();
    let rows: Vec<[String; 3]> = rows.iter().map(|r| [r.get(0), r.get(1), r.get(2)]).collect();
    assert_eq!(rows, [[near.clone(), "EXEMPTION_EXPIRING".to_owned(), "2026-04-01".to_owned()]]);
    let phone = Kept::default();
    let dispatcher = dispatcher(&s.world, Carriers { sms: Box::new(phone.clone()), ..Carriers::default() });
    minute(&s, &dispatcher).await;
    assert_eq!(phone.to().len(), 1, "{:?}", queue(&s).await);
    // Prolonged, the rest of the steps has nothing to say.
    exempt(&near, "2026-09-30").await;
    s.world.db.env().clock.set(NOW + Duration::days(24));
    minute(&s, &dispatcher).await;
    assert_eq!(phone.to().len(), 1, "{:?}", queue(&s).await);
}

#[tokio::test]
async fn reminders_that_reach_nobody_are_refused() {
    let (s, children) = four_children().await;
    let code = |refused: Result<Value, Error>| match refused {
        Err(Error::Invalid(fields)) => format!("{} {}", fields[0].pointer.trim_start_matches('/'), fields[0].code),
        other => format!("{other:?}"),
    };
    let all = json!({"action": "create", "school_id": s.id});
    assert_eq!(code(arrange(&s, all).await), "student_ids no_reachable_contact");
    let nobody = json!({"action": "create", "school_id": s.id, "student_ids": [children[3]]});
    let told = arrange(&s, nobody).await.unwrap();
    assert_eq!((&told["not_needed"], &told["messages"]), (&json!(1), &json!(0)));
    let elsewhere = json!({"action": "create", "school_id": "01900000-0000-7000-8000-000000000000"});
    assert_eq!(code(arrange(&s, elsewhere).await), "school_id no_such_record");
    assert_eq!(code(arrange(&s, json!({"action": "send", "school_id": s.id})).await), "action not_allowed");
    assert!(matches!(
        s.world.call("school.reminder.get", at("01900000-0000-7000-8000-000000000000")).await,
        Err(Error::NotFound)
    ));
}
