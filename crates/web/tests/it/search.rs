//! The patients' search: its answer has an address that says nothing, and only to the one who searched.

use hyper::StatusCode;
use salus_testkit::{Caller, TestApp};
use serde_json::json;

const PATIENTS: &str = "/api/v1/medical/patients";

async fn token(caller: &Caller) -> String {
    let page = caller.get("/patients").await.text();
    page.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

async fn family_name(doctor: &Caller) -> String {
    let page = doctor.get("/api/v1/medical/patients?limit=1&fields=family_name").await.json();
    page["data"][0]["family_name"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_answer_has_an_address_that_says_nothing() {
    let app = TestApp::new().await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    let (csrf, name) = (token(&doctor).await, family_name(&doctor).await);
    let sent = doctor.submit("/patients", &[("_csrf", &csrf), ("q", &name)]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text());
    let address = sent.header("location").to_owned();
    assert!(address.starts_with("/patients?found="), "{address}");
    let word: String = name.split([' ', '-', '\'']).next().unwrap().to_lowercase();
    assert!(!address.to_lowercase().contains(&word), "{address} holds {word}");
    let again = doctor.submit("/patients", &[("_csrf", &csrf), ("q", &name)]).await;
    assert_ne!(again.header("location"), address, "two searches for the same cannot be told to be the same");
    let short = doctor.submit("/patients", &[("_csrf", &csrf), ("q", "a")]).await;
    assert_eq!(short.header("location").len(), address.len(), "nor does the length tell");

    for _ in 0..2 {
        let page = doctor.get(&address).await.text();
        let escaped = name.replace('\'', "&#39;");
        assert!(page.contains(&name) || page.contains(&escaped), "{name} is found, and again on reload");
        assert!(!page.contains("search is over"));
    }
}

#[tokio::test]
async fn a_handle_serves_nobody_else() {
    let app = TestApp::new().await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    let (csrf, name) = (token(&doctor).await, family_name(&doctor).await);
    let sent = doctor.submit("/patients", &[("_csrf", &csrf), ("q", &name)]).await;
    let address = sent.header("location").to_owned();
    let colleague = app.session("valley", app.valley, "DOCTOR").await;
    let stranger = app.session("austa", app.austa, "nurse").await;
    for (who, other) in [("a colleague", &colleague), ("another tenant", &stranger)] {
        let page = other.get(&address).await;
        assert_eq!(page.status, StatusCode::OK);
        let page = page.text();
        assert!(page.contains("search is over"), "{who} is told that there is nothing");
        assert!(!page.contains(&format!("value=\"{name}\"")), "{who} does not learn what was searched for");
    }
    let broken = doctor.get(&format!("{address}A")).await.text();
    assert!(broken.contains("search is over"));
    assert_eq!(app.stranger().get(&address).await.status, StatusCode::SEE_OTHER, "nobody is sent to the door");
    let cursor = doctor.get("/api/v1/medical/patients?limit=1").await.json()["next"].as_str().unwrap().to_owned();
    let as_handle = doctor.get(&format!("/patients?found={cursor}")).await.text();
    assert!(as_handle.contains("search is over"), "a cursor is no handle");
}

async fn people(key: &Caller, names: &[(&str, &str)]) -> Vec<String> {
    let mut ids = Vec::new();
    for (family, given) in names {
        let made = key.post(PATIENTS, &json!({"family_name": family, "given_names": given})).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        ids.push(made.json()["id"].as_str().unwrap().to_owned());
    }
    ids
}

/// The ids that a list gives, page after page.
async fn all(key: &Caller, query: &str) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = key.get(&format!("{PATIENTS}?{query}{cursor}")).await.json();
        let rows = page["data"].as_array().unwrap_or_else(|| panic!("{query}: {page}"));
        ids.extend(rows.iter().map(|r| r["id"].as_str().unwrap().to_owned()));
        assert!(ids.len() < 50, "the pages of {query} end");
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

#[tokio::test]
async fn what_is_found_by_sound_goes_on_by_sound() {
    let app = TestApp::new().await;
    let key = app.key(app.valley, "DOCTOR").await;
    let ids = people(&key, &[("Quimbera", "A"), ("Quimbera", "B"), ("Quimbera", "C"), ("Qimbera", "D")]).await;
    assert_eq!(all(&key, "name=kwimbera&limit=1").await, all(&key, "name=kwimbera&limit=50").await);
    let by_sound = all(&key, "name=kimbera&limit=1").await;
    assert_eq!(by_sound, ids, "by sound, one a page, to the last");
    assert_eq!(all(&key, "name=quimb&limit=2").await, ids[..3], "by beginning, as before");
    for (given, pointer) in [("sort=-created_at", "/sort"), ("total=true", "/total")] {
        let refused = key.get(&format!("{PATIENTS}?name=quimb&{given}")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer);
    }
}

#[tokio::test]
async fn the_page_of_a_search_goes_on_and_says_how_a_name_was_found() {
    let app = TestApp::new().await;
    let key = app.key(app.valley, "DOCTOR").await;
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    let given: Vec<String> = (0..103).map(|n| format!("Number{n:03}")).collect();
    let names: Vec<(&str, &str)> = given.iter().map(|given| ("Quimbera", given.as_str())).collect();
    people(&key, &names).await;
    let csrf = token(&doctor).await;
    for (typed, how) in [("quimbera", "Start of name"), ("kimbera", "Sounds alike")] {
        let sent = doctor.submit("/patients", &[("_csrf", &csrf), ("q", typed)]).await;
        let first = doctor.get(sent.header("location")).await.text();
        assert_eq!(first.matches("Quimbera, Number").count(), 100, "{typed}");
        assert!(first.contains(how), "{typed}: {how}");
        let next = first.split("rel=\"next\"").next().unwrap().rsplit("href=\"").next().unwrap();
        let next = next.split('"').next().unwrap().replace("&amp;", "&");
        let second = doctor.get(&next).await.text();
        assert_eq!(second.matches("Quimbera, Number").count(), 3, "{typed}, {next}");
        assert!(second.contains("Number102") && !second.contains("rel=\"next\""), "{typed}");
    }
}

#[tokio::test]
async fn names_of_every_script_are_found() {
    let app = TestApp::new().await;
    let key = app.key(app.valley, "DOCTOR").await;
    let names = [
        ("Nguyễn", "Thị Ngọc"),
        ("Παπαδόπουλος", "Νίκος"),
        ("王", "小明"),
        ("김", "민수"),
        ("やまだ", "はなこ"),
        ("Șerban", "Ștefan"),
        ("Фёдоров", "Пётр"),
    ];
    let ids = people(&key, &names).await;
    let typed = [
        (0, "nguyen"),
        (0, "Nguye\u{302}\u{303}n"),
        (0, "nguyễn ngoc"),
        (1, "ΠΑΠΑΔΟΠΟΥΛΟΣ"),
        (1, "παπαδοπουλος νικος"),
        (2, "王小明"),
        (2, "小明王"),
        (2, "王"),
        (2, "小明"),
        (2, "王 小"),
        (3, "김민수"),
        (3, "민수"),
        (3, "김"),
        (4, "やまだはなこ"),
        (4, "はな"),
        (5, "serban stefan"),
        (6, "федоров петр"),
    ];
    for (who, typed) in typed {
        let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("name", typed).finish();
        assert_eq!(all(&key, &query).await, [ids[who].clone()], "{typed}");
    }
    for typed in ["王大", "明小", "김민호"] {
        let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("name", typed).finish();
        assert_eq!(all(&key, &query).await, Vec::<String>::new(), "{typed}");
    }
}

#[tokio::test]
async fn a_person_is_found_by_telephone_number_identifier_and_birth_date_as_they_are_typed() {
    let app = TestApp::new().await;
    let key = app.key(app.valley, "DOCTOR").await;
    let body = json!({"family_name": "Quimbera", "given_names": "Ana", "birth_date": "1951-02-27", "mrn": "QB-77"});
    let made = key.post(PATIENTS, &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let id = made.json()["id"].clone();
    for (table, body) in [
        ("patient-telecoms", json!({"patient_id": id, "system": "PHONE", "phone": "+55 11 98765-4321"})),
        ("patient-identifiers", json!({"patient_id": id, "system": "urn:other", "type": "MR", "value": "ZZ 9/4711"})),
    ] {
        let made = key.post(&format!("/api/v1/medical/{table}"), &body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{table}: {}", made.text());
    }
    let doctor = app.session("valley", app.valley, "DOCTOR").await;
    let csrf = token(&doctor).await;
    for typed in [
        "+55 11 98765-4321",
        "+5511987654321",
        "qb-77",
        "zz94711",
        "quimbera 27.02.1951",
        "1951-02-27",
        "27.02.1951",
        "2/27/1951",
    ] {
        let sent = doctor.submit("/patients", &[("_csrf", &csrf), ("q", typed)]).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{typed}: {}", sent.text());
        let page = doctor.get(sent.header("location")).await.text();
        assert!(page.contains("Quimbera, Ana"), "{typed} finds nobody");
    }
    for typed in ["+55 11 98765-4322", "QB-78", "1951-02-28", "quimbera 28.02.1951"] {
        let sent = doctor.submit("/patients", &[("_csrf", &csrf), ("q", typed)]).await;
        let page = doctor.get(sent.header("location")).await.text();
        assert!(!page.contains("Quimbera, Ana"), "{typed} finds somebody");
    }
}
