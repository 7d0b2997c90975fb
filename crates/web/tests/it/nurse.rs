//! A nurse's start page over the demonstration district at eleven in the morning: what waits at all schools and at one, a student
//! checked in from there, and what others see in its place.

use hyper::StatusCode;
use salus_core::{Ctx, Env};
use salus_domains::demo::{self, Size};
use salus_store::{Body, Call, dispatch};
use salus_testkit::{Caller, TestApp};
use salus_web::http::Limits;
use serde_json::{Value, json};
use time::macros::datetime;
use uuid::Uuid;

async fn page(caller: &Caller, path: &str) -> String {
    let answer = caller.get(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    answer.text()
}

/// A role of the whole district that may do this and no more.
pub async fn role(app: &TestApp, tenant: Uuid, name: &str, patterns: &[&str]) {
    let ops = salus_domains::operations(app.db.catalog()).unwrap();
    let create = async |op: &str, body: Value| {
        let op = ops.iter().find(|o| o.name == op).unwrap();
        let call = Call { body, ..Call::default() };
        let reply = dispatch(&app.db, op, Ctx::operator(app.db.env(), tenant), call).await.unwrap();
        let Body::Row(row) = reply.body else { panic!("no row") };
        row.text("id").to_owned()
    };
    let role = create("auth.role.create", json!({"name": name, "scope": "tenant", "purposes": []})).await;
    let permission = create("auth.permission.create", json!({"name": name, "patterns": patterns})).await;
    create("auth.role_permission.create", json!({"role_id": role, "permission_id": permission})).await;
}

fn after<'a>(page: &'a str, start: &str) -> &'a str {
    page.split(start).nth(1).unwrap_or_else(|| panic!("no {start} in {page}")).split('"').next().unwrap()
}

#[tokio::test]
async fn a_nurse_sees_what_waits_at_all_schools_and_checks_a_student_in() {
    // Later than the clock of the database, by which roles are given.
    let app = TestApp::with(Limits::default(), Env::fixed(datetime!(2027-03-01 19:00 UTC))).await;
    let tenant = demo::load_sized(&app.db, "larkspur", Size::Small).await.unwrap().id;
    let nurse = app.session("larkspur", tenant, "nurse_supervisor").await;
    let home = page(&nurse, "/").await;
    for shown in [
        "as of 11:00",
        "All my schools",
        "By school",
        "In the clinic now",
        "Amoxicillin 250 mg",
        "Cetirizine 10 mg",
        "Due now",
        "Late",
        "Vomiting or diarrhea: Room 1",
        "not judged yet",
        "action=\"/clinic/find\"",
    ] {
        assert!(home.contains(shown), "{shown}: {home}");
    }
    assert!(!home.contains("Methylphenidate 10 mg"), "what was given waits no more");
    assert!(!home.contains("id=\"recent\""), "no names are opened that nobody needs");

    let school = after(&home, "href=\"/?school=");
    let one = page(&nurse, &format!("/?school={school}")).await;
    assert!(one.contains("Levetiracetam 500 mg"), "in ninety minutes");
    assert!(!one.contains("By school") && one.contains(&format!("/medications?school={school}")), "{one}");
    assert!(home.matches("Amoxicillin 250 mg").count() > one.matches("Amoxicillin 250 mg").count());
    assert_eq!(nurse.get("/?school=x").await.status, StatusCode::UNPROCESSABLE_ENTITY);

    let csrf = after(&home, "name=\"_csrf\" value=\"");
    let typed = [("_csrf", csrf), ("school", ""), ("home", "true"), ("q", "200008")];
    let told = nurse.submit("/clinic/find", &typed).await;
    assert_eq!(told.status, StatusCode::SEE_OTHER, "{}", told.text());
    let found = told.header("location").to_owned();
    assert!(found.starts_with("/?school=&found=") && !found.contains("200008"), "{found}");
    let home = page(&nurse, &found).await;
    let picked = home.split("action=\"/clinic/check-in\"").nth(1).unwrap();
    let own = |name: &str| after(picked, &format!("name=\"{name}\" value=\"")).to_owned();
    let (student, school, sent) = (own("student_id"), own("school"), own("client_ref"));
    let fields =
        [("_csrf", csrf), ("student_id", &student), ("school", &school), ("client_ref", &sent), ("reason", "STOMACH")];
    let told = nurse.submit("/clinic/check-in", &fields).await;
    assert_eq!(
        (told.status, told.header("location")),
        (StatusCode::SEE_OTHER, format!("/clinic?school={school}").as_str())
    );
    let home = page(&nurse, "/").await;
    assert!(home.split("id=\"here\"").nth(1).unwrap().contains("Stomach ache"));
}

#[tokio::test]
async fn what_somebody_may_not_see_is_absent() {
    let app = TestApp::new().await;
    let tenant = demo::load_sized(&app.db, "larkspur", Size::Small).await.unwrap().id;
    role(&app, tenant, "board", &["school.visit.read", "medical.patient.read", "kernel.phi.read"]).await;
    let watcher = app.session("larkspur", tenant, "board").await;
    let home = page(&watcher, "/").await;
    assert!(home.contains("In the clinic now") && home.contains("By school"), "{home}");
    for absent in ["action=\"/clinic/find\"", "Doses", "Lack vaccine", "Signals to review", "Alerts nobody has"] {
        assert!(!home.contains(absent), "{absent}: {home}");
    }
    let new = app.session("larkspur", tenant, "school_nurse").await;
    assert!(!page(&new, "/").await.contains("In the clinic now"), "no school is theirs yet");
    let office = app.session("larkspur", tenant, "sis_coordinator").await;
    let home = page(&office, "/").await;
    for absent in ["In the clinic now", "Doses due now", "Signals to review"] {
        assert!(!home.contains(absent), "{absent}");
    }
    let owner = app.session("valley", app.valley, "OWNER").await;
    assert!(!page(&owner, "/").await.contains("In the clinic now"), "a clinic without schools keeps its start page");
}
