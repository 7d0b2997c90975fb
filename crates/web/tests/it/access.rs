//! "Who saw this record": people are told apart by who they are, counted over the whole period, and filters hold.

use hyper::StatusCode;
use salus_testkit::{Caller, TestApp};
use serde_json::Value;

async fn a_patient(doctor: &Caller) -> String {
    let page = doctor.get("/api/v1/medical/patients?limit=1&fields=id").await.json();
    page["data"][0]["id"].as_str().unwrap().to_owned()
}

fn people(reply: &Value) -> Vec<(&str, u64)> {
    let people = reply["people"].as_array().unwrap();
    people.iter().map(|p| (p["actor_name"].as_str().unwrap_or_default(), p["count"].as_u64().unwrap())).collect()
}

#[tokio::test]
async fn people_of_one_name_are_two_and_counted_beyond_the_page() {
    let app = TestApp::new().await;
    // Two accounts, and both are called "A DOCTOR".
    let (one, other) = (app.key(app.valley, "DOCTOR").await, app.key(app.valley, "DOCTOR").await);
    let id = a_patient(&one).await;
    for _ in 0..103 {
        assert_eq!(one.get(&format!("/api/v1/medical/patients/{id}")).await.status, StatusCode::OK);
    }
    assert_eq!(other.get(&format!("/api/v1/medical/patients/{id}")).await.status, StatusCode::OK);

    let path = format!("/api/v1/audit/patients/{id}/accesses");
    let reply = other.get(&path).await.json();
    assert_eq!(reply["data"].as_array().unwrap().len(), 100, "one page");
    // The listing that found the patient, and 103 reads; the operator who loaded the clinic has no name.
    assert_eq!(people(&reply), [("A DOCTOR", 104), ("A DOCTOR", 1), ("", 1)], "{}", reply["people"]);
    assert_ne!(reply["people"][0]["actor"], reply["people"][1]["actor"]);

    let next = reply["next"].as_str().unwrap();
    let second = other.get(&format!("{path}?before={next}")).await.json();
    assert_eq!(people(&second)[0], ("A DOCTOR", 104), "the count is not the page's");

    let page = app.session("valley", app.valley, "DOCTOR").await.get(&format!("/patients/{id}/access")).await.text();
    let seers = page.split("id=\"seers\"").nth(1).unwrap().split("</ul>").next().unwrap();
    assert_eq!(seers.matches("A DOCTOR").count(), 3, "the one who looks at the page is the third: {seers}");
    assert!(seers.contains("104 times"), "{seers}");
}

#[tokio::test]
async fn filters_reach_the_rows_and_the_people() {
    let app = TestApp::new().await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    let id = a_patient(&doctor).await;
    let path = format!("/patients/{id}/access");
    let seen = |page: String| (page.contains("id=\"accesses\""), page.contains("id=\"seers\""));
    assert_eq!(seen(doctor.get(&path).await.text()), (true, true));
    for nothing in ["from=2099-01-01", "to=2001-01-01", "outcome=failed"] {
        let page = doctor.get(&format!("{path}?{nothing}")).await;
        assert_eq!((page.status, seen(page.text())), (StatusCode::OK, (false, false)), "{nothing}");
    }
    let page = doctor.get(&format!("{path}?from=2001-01-01&to=2098-12-31&outcome=success")).await.text();
    assert!(page.contains("value=\"2098-12-31\""), "what was chosen is still there");
    assert_eq!(seen(page), (true, true));
    assert_eq!(doctor.get(&format!("{path}?from=soon")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let api = format!("/api/v1/audit/patients/{id}/accesses");
    assert_eq!(doctor.get(&format!("{api}?outcome=lost")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn proofs_are_offered_to_who_may_take_the_log_away() {
    let app = TestApp::new().await;
    let id = a_patient(&app.session("austa", app.austa, "nurse").await).await;
    let auditor = app.session("austa", app.austa, "auditor").await;
    let (path, file) = (format!("/patients/{id}/access"), format!("/patients/{id}/access/proofs"));
    assert!(
        auditor.get(&format!("{path}?from=2026-01-01")).await.text().contains(&format!("{file}?from=2026-01-01\""))
    );
    let nurse = app.session("austa", app.austa, "nurse").await;
    let page = nurse.get(&path).await;
    assert_eq!((page.status, page.text().contains(&file)), (StatusCode::OK, false));
    assert_eq!(nurse.get(&file).await.status, StatusCode::FORBIDDEN);
    // Here nothing seals, and nothing is made up.
    assert_eq!(auditor.get(&file).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn times_stand_on_the_clocks_of_the_tenant() {
    let app = TestApp::new().await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    let id = a_patient(&doctor).await;
    let page = doctor.get(&format!("/patients/{id}/access")).await.text();
    let rows = page.split("id=\"accesses\"").nth(1).unwrap();
    assert!(rows.contains(" MST</time>") || rows.contains(" MDT</time>"), "valley is in Denver");
    assert!(!rows.contains(" UTC</time>"));
    let nurse = app.session("austa", app.austa, "nurse").await;
    assert!(nurse.get("/account").await.text().contains("UTC−03:00</time>"), "austa is in São Paulo");
}

#[tokio::test]
async fn why_is_asked_about_whom_a_search_finds_and_answered_in_the_language_of_the_page() {
    let app = TestApp::new().await;
    let (owner, doctor) = (app.session("valley", app.valley, "OWNER").await, app.key(app.valley, "DOCTOR").await);
    let id = a_patient(&doctor).await;
    let start = owner.get("/why").await.text();
    assert!(!start.contains("name=\"user\""), "nobody is offered before a search");
    let csrf = start.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let search = async |q: &str| {
        let fields = [("_csrf", csrf), ("q", q), ("table", "medical.patients"), ("row", &id)];
        let answer = owner.submit("/why", &fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        let address = answer.header("location").to_owned();
        assert!(!address.contains("DOCTOR") && address.contains(&id), "names stand in no address: {address}");
        owner.get(&address).await.text()
    };
    assert!(search("Nobody at all").await.contains("Nobody found"));
    let found = search("A DOCTOR").await;
    let user = found.split("<option value=\"").skip(1).find(|option| option.contains("A DOCTOR")).unwrap();
    let user = user.split('"').next().unwrap();
    let asked = format!("/why?user={user}&table=medical.patients&row={id}");
    let english = owner.get(&asked).await.text();
    assert!(english.contains("medical.patient.read is given by: DOCTOR.") && english.contains("A DOCTOR"), "{english}");
    for (language, words) in [
        (
            "es",
            [
                "medical.patient.read lo dan: DOCTOR.",
                "La organización está activa.",
                "El expediente no lleva ninguna etiqueta.",
            ],
        ),
        (
            "pt-BR",
            [
                "medical.patient.read é dado por: DOCTOR.",
                "A organização está ativa.",
                "O prontuário não leva nenhuma etiqueta.",
            ],
        ),
    ] {
        let page = owner.send(hyper::Method::GET, &asked, &[("accept-language", language)], None).await.text();
        for sentence in words {
            assert!(page.contains(sentence), "{language}: {sentence}: {page}");
        }
        let rows = page.split("id=\"answer\"").nth(1).unwrap().split("</table>").next().unwrap();
        for english in ["The ", "It is", "is given"] {
            assert!(!rows.contains(english), "{language}: {english}: {rows}");
        }
    }
    assert_eq!(app.session("valley", app.valley, "DOCTOR").await.get("/why").await.status, StatusCode::FORBIDDEN);
}
