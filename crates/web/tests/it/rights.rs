//! Purposes of use, emergency access, explanations and roles, as a browser and a program meet them.

use hyper::{Method, StatusCode};
use salus_testkit::{Caller, TestApp};

async fn token(caller: &Caller, path: &str) -> String {
    let page = caller.get(path).await.text();
    page.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

async fn a_patient(caller: &Caller) -> (String, String) {
    let page = caller.get("/api/v1/medical/patients?limit=1&fields=id,mrn").await.json();
    let row = &page["data"][0];
    (row["id"].as_str().unwrap().to_owned(), row["mrn"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_program_names_its_purpose_and_is_told_what_is_none() {
    let app = TestApp::new().await;
    let doctor = app.key(app.valley, "DOCTOR").await;
    let list = "/api/v1/medical/patients?limit=1";
    for (purpose, status, code) in [
        ("COC", StatusCode::OK, ""),
        ("HRESCH", StatusCode::FORBIDDEN, "purpose_denied"),
        ("FUN", StatusCode::UNPROCESSABLE_ENTITY, "validation_failed"),
    ] {
        let answer = doctor.send(Method::GET, list, &[("x-purpose-of-use", purpose)], None).await;
        let told = answer.json()["code"].as_str().unwrap_or_default().to_owned();
        assert_eq!((answer.status, told.as_str()), (status, code), "{purpose}: {}", answer.text());
    }
    let page = app.session("valley", app.valley, "DOCTOR").await.get("/").await.text();
    assert!(page.contains("name=\"purpose\"") && page.contains("value=\"COC\""), "who has several may choose");
    let page = app.session("valley", app.valley, "OWNER").await.get("/").await.text();
    assert!(!page.contains("name=\"purpose\""), "who has none to choose from is not asked");
}

#[tokio::test]
async fn a_record_is_opened_in_an_emergency_and_another_person_reviews_it() {
    let app = TestApp::new().await;
    let (doctor, owner) =
        (app.session("valley", app.valley, "DOCTOR").await, app.session("valley", app.valley, "OWNER").await);
    let (id, number) = a_patient(&doctor).await;
    let csrf = token(&doctor, "/glass").await;
    let open = |reason: &'static str| {
        [("_csrf", csrf.clone()), ("record_number", number.clone()), ("reason", reason.to_owned())]
    };
    let send = async |reason| {
        let fields = open(reason);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        doctor.submit("/glass", &fields).await
    };
    let short = send("soon").await.text();
    assert!(short.contains("at least 15 characters") && short.contains(&number), "what was entered is kept");
    let opened = send("Collapsed in the waiting room").await;
    assert!(opened.text().contains(&format!("/patients/{id}")), "{}", opened.text());
    assert!(opened.header("set-cookie").contains("purpose=BTG"));
    let log = owner.get("/glass").await.text();
    assert!(log.contains("Collapsed in the waiting room") && log.contains("A DOCTOR"), "{log}");
    let review = log.split("action=\"/glass/").nth(1).unwrap().split('"').next().unwrap();
    assert!(review.ends_with("/review"), "{review}");
    let csrf = token(&owner, "/glass").await;
    let path = format!("/glass/{review}");
    let closed =
        owner.submit(&path, &[("_csrf", &csrf), ("outcome", "JUSTIFIED"), ("note", "Seen in the chart")]).await;
    assert_eq!(closed.status, StatusCode::SEE_OTHER, "{}", closed.text());
    assert!(owner.get("/glass").await.text().contains("Seen in the chart"));
    let patient = app.session("valley", app.valley, "PATIENT").await;
    assert_eq!(patient.get("/glass").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn replies_and_pages_say_the_notices_that_go_with_them_and_prints_who_made_them() {
    let app = TestApp::new().await;
    let (id, number) = a_patient(&app.key(app.valley, "DOCTOR").await).await;
    let (path, list) = (format!("/api/v1/medical/patients/{id}"), "/api/v1/medical/patients?limit=1");
    let label = format!(
        "INSERT INTO compliance.sensitivity_labels (tenant_id, id, patient_id, label) VALUES ('{}', '{}', '{id}', 'PART2')",
        app.valley,
        app.db.env().id()
    );
    app.database.connect("salus_admin").await.batch_execute(&label).await.unwrap();
    let key = app.key(app.valley, "DOCTOR").await;
    assert_eq!(key.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(key.get(list).await.header("x-salus-notice"), "", "what is shown of others bears no label");
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    let csrf = token(&doctor, "/glass").await;
    let fields = [("_csrf", csrf.as_str()), ("record_number", &number), ("reason", "Collapsed in the waiting room")];
    doctor.submit("/glass", &fields).await;
    let glass = [("x-purpose-of-use", "BTG")];
    for address in [path.as_str(), list, &format!("/api/v1/records/patients/{id}/chart")] {
        let answer = doctor.send(Method::GET, address, &glass, None).await;
        let told = answer.header("x-salus-notice");
        assert!(told.starts_with("break-glass;text=\"Emergency access: "), "{address}: {told}");
        assert!(
            told.ends_with("part2;text=\"42 CFR part 2 prohibits unauthorized use or disclosure of these records.\"")
        );
    }
    let (part2, words) = ("42 CFR part 2 prohibits", [("cookie", "purpose=BTG")]);
    for (address, told) in
        [(format!("/patients/{id}"), true), ("/browse/medical/patients".into(), true), ("/account".into(), false)]
    {
        let page = doctor.send(Method::GET, &address, &words, None).await.text();
        assert_eq!(page.contains(part2), told, "{address}: {page}");
        assert!(page.contains("<div class=\"print-mark\">A DOCTOR · ") && page.contains(" · BTG</div>"), "{address}");
    }
    let page = doctor.get("/browse/medical/patients").await.text();
    assert!(!page.contains(part2) && page.contains(" · TREAT</div>"), "{page}");
}

#[tokio::test]
async fn an_administrator_sees_why_and_what_a_change_would_mean() {
    let app = TestApp::new().await;
    let doctor = app.key(app.valley, "DOCTOR").await;
    let owner = app.session("valley", app.valley, "OWNER").await;
    let (id, _) = a_patient(&doctor).await;
    let users = owner.get("/api/v1/auth/users?limit=200&fields=id,display_name").await.json();
    let user = users["data"].as_array().unwrap().iter().find(|u| u["display_name"] == "A DOCTOR").unwrap();
    let user = user["id"].as_str().unwrap().to_owned();
    let ask = |purpose: &str| format!("/why?user={user}&table=medical.patients&row={id}&purpose={purpose}");
    let seen = owner.get(&ask("TREAT")).await.text();
    assert!(seen.contains("Sees this row") && seen.contains("medical.patient.read is given by: DOCTOR."), "{seen}");
    assert!(owner.get(&ask("HRESCH")).await.text().contains("Does not see this row"));

    let page = owner.get("/roles").await.text();
    let at = page.split("href=\"/roles/").find(|rest| rest.split('<').next().unwrap().ends_with(">DOCTOR")).unwrap();
    let path = format!("/roles/{}", at.split('"').next().unwrap());
    let csrf = token(&owner, &path).await;
    let change =
        [("_csrf", csrf.as_str()), ("scope", "tenant"), ("purpose.TREAT", "true"), ("bundle.READ_PHI", "true")];
    let preview = owner.submit(&path, &[&change[..], &[("do", "preview")]].concat()).await.text();
    assert!(preview.contains("What would change") && preview.contains("medical.patient.write"), "{preview}");
    let write = serde_json::json!({"family_name": "Still"});
    assert_eq!(
        doctor.post("/api/v1/medical/patients", &write).await.status,
        StatusCode::CREATED,
        "a preview changes nothing"
    );
    let applied = owner.submit(&path, &[&change[..], &[("do", "apply")]].concat()).await.text();
    assert!(applied.contains("The role DOCTOR was changed"), "{applied}");
    assert_eq!(doctor.post("/api/v1/medical/patients", &write).await.status, StatusCode::FORBIDDEN, "in force at once");
    let own = page.split("href=\"/roles/").find(|rest| rest.split('<').next().unwrap().ends_with(">OWNER")).unwrap();
    let own = format!("/roles/{}", own.split('"').next().unwrap());
    let wider = [("_csrf", csrf.as_str()), ("scope", "own"), ("bundle.MANAGE_USERS", "true"), ("do", "apply")];
    assert!(owner.submit(&own, &wider).await.text().contains("nobody gives that to themself"));
}

#[tokio::test]
async fn a_key_serves_only_the_purposes_it_is_limited_to() {
    let app = TestApp::new().await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    let csrf = token(&doctor, "/account").await;
    let fields = [
        ("_csrf", csrf.as_str()),
        ("name", "feed"),
        ("scopes", "medical.*.read"),
        ("expires_on", ""),
        ("purpose.COC", "true"),
    ];
    let made = doctor.submit("/account/tokens", &fields).await.text();
    assert!(made.contains("Care coordination") || made.contains("COC"), "{made}");
    let key = made.split("class=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let program = app.stranger().with_key(&key);
    let list = "/api/v1/medical/patients?limit=1";
    for (purpose, status) in [("COC", StatusCode::OK), ("TREAT", StatusCode::FORBIDDEN), ("BTG", StatusCode::FORBIDDEN)]
    {
        let answer = program.send(Method::GET, list, &[("x-purpose-of-use", purpose)], None).await;
        assert_eq!(answer.status, status, "{purpose}: {}", answer.text());
    }
    assert_eq!(program.get(list).await.status, StatusCode::OK, "its own purpose is taken when none is named");
    let page = doctor.get("/account").await.text();
    let id = page.split("/account/tokens/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let next = doctor.submit(&format!("/account/tokens/{id}/replace"), &[("_csrf", &csrf)]).await.text();
    let key = next.split("class=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let answer = app.stranger().with_key(&key).send(Method::GET, list, &[("x-purpose-of-use", "TREAT")], None).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "nor does the one that takes its place");
    let contract = app.stranger().get("/openapi.json").await.json();
    assert_eq!(contract["components"]["parameters"]["Purpose"]["schema"]["enum"].as_array().unwrap().len(), 13);
    let get = &contract["paths"]["/api/v1/medical/patients"]["get"]["parameters"];
    assert!(get.as_array().unwrap().iter().any(|p| p["$ref"] == "#/components/parameters/Purpose"), "{get}");
}
