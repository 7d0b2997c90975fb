//! School entry as a nurse meets it: who is kept home, a student admitted, the file of letters, the weeks of a school; the medication of
//! a month and an error with it.

use crate::immunizations::{import, links, token};
use hyper::StatusCode;
use salus_domains::demo::{self, Size};
use salus_store::{
    jobs::{Dispatcher, Pace},
    outbound::{Outbound, Rules},
};
use salus_testkit::{Caller, TestApp};
use std::sync::Arc;
use uuid::Uuid;

/// A district whose requirements keep students home, judged; with a nurse, and the first school.
async fn district() -> (TestApp, Uuid, Caller, String) {
    let app = TestApp::new().await;
    let tenant = demo::load_sized(&app.db, "larkspur", Size::Small).await.unwrap().id;
    let nurse = app.session("larkspur", tenant, "nurse_supervisor").await;
    import(&app, tenant).await;
    let admin = app.database.connect("salus_admin").await;
    let sql = "UPDATE school.school_immunization_requirements SET exclusion_policy = '{\"after_days\": 0}', \
               conditional_policy = '{\"days\": 30, \"provisional_days\": {\"TRANSFER\": 30}}'";
    admin.batch_execute(sql).await.unwrap();
    let page = nurse.get("/immunizations").await.text();
    let school = links(&page, "/immunizations/students?school=")[0].replace("&amp;", "&");
    let school = school.split("school=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let csrf = token(&nurse, "/immunizations").await;
    let judged = nurse.submit("/immunizations/evaluate", &[("_csrf", &csrf), ("school", &school)]).await;
    assert_eq!(judged.status, StatusCode::SEE_OTHER, "{}", judged.text());
    (app, tenant, nurse, school)
}

/// The addresses of forms that end so.
fn forms(page: &str, end: &str) -> Vec<String> {
    let all = page.split("action=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    all.filter(|address| address.ends_with(end)).collect()
}

#[tokio::test]
async fn who_is_kept_home_is_admitted_or_written_to() {
    let (_app, _, nurse, school) = district().await;
    let list = format!("/immunizations/exclusions?school={school}");
    let dashboard = nurse.get("/immunizations").await.text();
    assert!(dashboard.contains(&list), "the dashboard leads there: {dashboard}");
    let page = nurse.get(&list).await.text();
    assert!(page.contains("Kept home now") && page.contains("more needed"), "{page}");
    let home: Vec<String> = links(&page, "/students/").into_iter().map(str::to_owned).collect();
    assert!(!home.is_empty());

    // A reason without days is refused and kept; one with days takes the student off the list.
    let csrf = token(&nurse, &home[0]).await;
    let admissions = home[0].replace("/immunizations", "/admissions");
    let refused = nurse.submit(&admissions, &[("_csrf", &csrf), ("reason", "FOSTER")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("gives days for it"), "{}", refused.text());
    let admitted = nurse.submit(&admissions, &[("_csrf", &csrf), ("reason", "TRANSFER")]).await;
    assert_eq!(admitted.status, StatusCode::SEE_OTHER, "{}", admitted.text());
    let student = nurse.get(&home[0]).await.text();
    assert!(student.contains("Admitted provisionally") && student.contains("In force"), "{student}");
    let listed =
        |page: &str| page.split("id=\"soon\"").next().unwrap().matches(&format!("href=\"{}\"", home[0])).count();
    assert_eq!((listed(&page), listed(&nurse.get(&list).await.text())), (1, 0));
    let end = forms(&student, "/end");
    let ended = nurse.submit(&end[0], &[("_csrf", &csrf), ("reason", "Another child")]).await;
    assert_eq!(ended.status, StatusCode::SEE_OTHER, "{}", ended.text());
    assert!(nurse.get(&home[0]).await.text().contains("Ended on"));

    let letters = format!("/immunizations/letters?school={school}&kind=EXCLUSION");
    assert!(nurse.get(&list).await.text().contains(&letters.replace('&', "&amp;")), "the list leads to the letters");
    let page = nurse.get(&letters).await.text();
    assert!(page.contains("letters would be made") && page.contains("Make the file (PDF)"), "{page}");
    let fields = [("_csrf", csrf.as_str()), ("school", &school), ("kind", "EXCLUSION")];
    let file = nurse.submit("/immunizations/letters", &fields).await;
    assert_eq!((file.status, file.header("content-type")), (StatusCode::OK, "application/pdf"));
    assert!(file.header("content-disposition").contains("letters.pdf") && file.body.starts_with(b"%PDF-"));
    let page = nurse.get(&letters).await.text();
    assert!(page.contains("No family gets a letter") && page.contains("got one within the week"), "{page}");
    let odd = nurse.submit("/immunizations/letters", &[("_csrf", &csrf), ("school", &school), ("kind", "POEM")]).await;
    assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn the_weeks_of_a_school_are_shown() {
    let (app, tenant, nurse, school) = district().await;
    let address = format!("/immunizations/trend?school={school}");
    assert!(nurse.get(&address).await.text().contains("No week has been kept yet"));
    let jobs = salus_domains::jobs(&Arc::default(), &Outbound::new(Rules::default()).unwrap()).unwrap();
    let dispatcher = Dispatcher::new(app.db.clone(), Arc::new(jobs), Pace::default());
    dispatcher.drain(tenant).await.unwrap();
    let admin = app.database.connect("salus_admin").await;
    let sql = "UPDATE kernel.schedules SET next_run_at = clock_timestamp() WHERE job = 'school.snapshot_compliance'";
    admin.batch_execute(sql).await.unwrap();
    dispatcher.drain(tenant).await.unwrap();
    dispatcher.drain(tenant).await.unwrap();
    let page = nurse.get(&address).await.text();
    assert!(page.contains("Week of") && page.contains("Protected against measles"), "{page}");
    assert!(nurse.get("/immunizations").await.text().contains(&address), "the dashboard leads there");
    assert_eq!(nurse.get("/immunizations/trend?school=nowhere").await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_month_of_medication_and_an_error_with_it() {
    let (app, tenant, nurse, _) = district().await;
    let admin = app.database.connect("salus_admin").await;
    // Whether the district has a dose that was given already depends on the hour of loading: shortly after midnight none was.
    let sql = "UPDATE school.medication_administrations SET outcome = 'GIVEN', dose_given = 1, \
               administered_at = scheduled_for WHERE id = (SELECT a.id FROM school.medication_administrations a \
               JOIN school.student_medication_orders o ON o.tenant_id = a.tenant_id AND o.id = a.order_id \
               WHERE a.tenant_id = $1 AND o.controlled_schedule = '0' LIMIT 1) RETURNING id::text, student_id::text";
    let found = admin.query_one(sql, &[&tenant]).await.unwrap();
    let (dose, student): (String, String) = (found.get(0), found.get(1));
    let address = format!("/medications/students/{student}");
    assert!(
        nurse.get(&address).await.text().contains(&format!("{address}/month")),
        "the page of the student leads there"
    );
    let page = nurse.get(&format!("{address}/month")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    assert!(page.text().contains("Report of the month"));
    let file = nurse.get(&format!("{address}/month?format=pdf")).await;
    assert_eq!((file.status, file.header("content-type")), (StatusCode::OK, "application/pdf"));
    assert!(file.body.starts_with(b"%PDF-"));
    assert_eq!(nurse.get(&format!("{address}/month?month=May")).await.status, StatusCode::UNPROCESSABLE_ENTITY);

    let csrf = token(&nurse, &format!("/medications/doses/{dose}")).await;
    let report = format!("/medications/doses/{dose}/report");
    let mut fields = vec![("_csrf", csrf.as_str()), ("kind", "WRONG_DOSE"), ("severity", "D"), ("description", " ")];
    let refused = nurse.submit(&report, &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    fields[3] = ("description", "Two tablets instead of one");
    let reported = nurse.submit(&report, &fields).await;
    assert_eq!(reported.status, StatusCode::SEE_OTHER, "{}", reported.text());
    let page = nurse.get("/medications/errors").await.text();
    assert!(page.contains("Two tablets instead of one") && page.contains("Not told yet"), "{page}");
    let (close, notice) = (forms(&page, "/close")[0].clone(), forms(&page, "/notice")[0].clone());
    let early = nurse.submit(&close, &[("_csrf", &csrf), ("review", "Labels")]).await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    assert!(early.text().contains("say first that the guardian was told"), "{}", early.text());
    for who in ["GUARDIAN", "PRESCRIBER"] {
        let told = nurse.submit(&notice, &[("_csrf", &csrf), ("who", who), ("said", "Thanks")]).await;
        assert_eq!(told.status, StatusCode::SEE_OTHER, "{}", told.text());
    }
    let closed = nurse.submit(&close, &[("_csrf", &csrf), ("review", "Labels were alike")]).await;
    assert_eq!(closed.status, StatusCode::SEE_OTHER, "{}", closed.text());
    let page = nurse.get("/medications/errors").await.text();
    assert!(page.contains("Labels were alike") && forms(&page, "/close").is_empty());
}
