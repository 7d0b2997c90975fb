//! REST over a real socket: statuses, headers, and what each kind of caller may do.

use hyper::{Method, StatusCode};
use salus_testkit::TestApp;
use serde_json::{Value, json};

const PATIENTS: &str = "/api/v1/medical/patients";

#[tokio::test]
async fn a_record_lives_with_versions_and_keys() {
    let app = TestApp::new().await;
    let doctor = app.key(app.valley, "DOCTOR").await;
    let body =
        json!({"family_name": "Açaí", "given_names": "Ana", "mrn": "Z-1", "birth_date": "1990-05-05"}).to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", "one")];
    let made = doctor.send(Method::POST, PATIENTS, &headers, Some(body.clone())).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    assert_eq!(made.header("etag"), "\"1\"");
    let again = doctor.send(Method::POST, PATIENTS, &headers, Some(body)).await;
    assert_eq!((again.status, again.json()), (StatusCode::CREATED, made.json()));

    let path = format!("{PATIENTS}/{}", made.json()["id"].as_str().unwrap());
    let json_type = ("content-type", "application/json");
    let change = || Some(json!({"family_name": "Silva"}).to_string());
    assert_eq!(
        doctor.send(Method::PATCH, &path, &[json_type], change()).await.status,
        StatusCode::PRECONDITION_REQUIRED
    );
    let changed = doctor.send(Method::PATCH, &path, &[json_type, ("if-match", "\"1\"")], change()).await;
    assert_eq!((changed.status, changed.header("etag")), (StatusCode::OK, "\"2\""));
    let stale = doctor.send(Method::PATCH, &path, &[json_type, ("if-match", "\"1\"")], change()).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(stale.header("content-type"), "application/problem+json");
    assert_eq!(doctor.get(&path).await.json()["family_name"], "Silva");
    let only = doctor.get(&format!("{path}?fields=mrn")).await.json();
    assert_eq!(only.as_object().unwrap().len(), 2, "{only}");

    // A part is not the record: what is conditional on it would be conditional on what was not seen.
    let part = doctor.get(&format!("{path}?fields=mrn,row_version")).await;
    assert_eq!((part.header("etag"), &part.json()["row_version"]), ("", &json!(2)));
    let any = doctor.send(Method::PATCH, &path, &[json_type, ("if-match", "*")], change()).await;
    assert_eq!((any.status, any.header("etag")), (StatusCode::OK, "\"3\""), "whatever is there");
    for wrong in ["\"0\"", "0", "x"] {
        let refused = doctor.send(Method::PATCH, &path, &[json_type, ("if-match", wrong)], change()).await;
        assert_eq!(refused.status, StatusCode::PRECONDITION_FAILED, "{wrong}");
    }
    let nobody = format!("{PATIENTS}/{}", app.db.env().id());
    let missing = doctor.send(Method::PATCH, &nobody, &[json_type, ("if-match", "*")], change()).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_record_is_never_given_to_another_person() {
    let app = TestApp::new().await;
    let doctor = app.key(app.valley, "DOCTOR").await;
    let mut people = Vec::new();
    for mrn in ["Z-1", "Z-2"] {
        let body = json!({"family_name": "Silva", "given_names": "Ana", "mrn": mrn, "birth_date": "1990-05-05"});
        people.push(doctor.post(PATIENTS, &body).await.json()["id"].clone());
    }
    let allergies = "/api/v1/records/allergies";
    let body =
        json!({"patient_id": people[0], "substance": "Latex", "verification": "CONFIRMED", "source_kind": "MANUAL"});
    let made = doctor.post(allergies, &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let path = format!("{allergies}/{}", made.json()["id"].as_str().unwrap());
    // Its sealed values open with the key of the first person only.
    let refused = doctor.patch(&path, 1, &json!({"patient_id": people[1]})).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text());
    assert_eq!(refused.json()["errors"][0]["pointer"], "/patient_id");
    let same = doctor.patch(&path, 1, &json!({"patient_id": people[0]})).await;
    assert_eq!((same.status, &same.json()["substance"]), (StatusCode::OK, &json!("Latex")));
}

#[tokio::test]
async fn errors_name_the_field_and_the_fix() {
    let app = TestApp::new().await;
    let doctor = app.key(app.valley, "DOCTOR").await;
    let refused = doctor.post(PATIENTS, &json!({"famly_name": "x", "sex": "maybe", "birth_date": "1990-13-01"})).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let pointers: Vec<Value> =
        refused.json()["errors"].as_array().unwrap().iter().map(|e| e["pointer"].clone()).collect();
    assert_eq!(pointers, ["/famly_name"], "unknown fields are told first: {}", refused.text());
    let refused = doctor.post(PATIENTS, &json!({"sex": "maybe"})).await.json();
    assert_eq!(refused["errors"][0]["message"], "Is one of: F, M, X, UNK");
    assert_eq!(refused["code"], "validation_failed");

    let send = |kind: &'static str, body: &'static str| {
        let doctor = doctor.clone();
        async move { doctor.send(Method::POST, PATIENTS, &[("content-type", kind)], Some(body.into())).await.status }
    };
    assert_eq!(send("text/plain", "{}").await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(send("application/json", "{").await, StatusCode::BAD_REQUEST);
    assert_eq!(send("application/json", r#"{"sex":"F","sex":"M"}"#).await, StatusCode::BAD_REQUEST);
    let deep = "[".repeat(70) + &"]".repeat(70);
    let answer = doctor.send(Method::POST, PATIENTS, &[("content-type", "application/json")], Some(deep)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let large = format!("{{\"family_name\": \"{}\"}}", "a".repeat(3_000_000));
    let answer = doctor.send(Method::POST, PATIENTS, &[("content-type", "application/json")], Some(large)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    for query in ["nosuch=1", "limit=0", "limit=201", "sort=mrn", "cursor=x", "fields=nosuch", "name=--", "mrn.gte=1"] {
        let answer = doctor.get(&format!("{PATIENTS}?{query}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}: {}", answer.text());
        let pointer = format!("/{}", query.split('=').next().unwrap());
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "a parameter and a field are pointed at alike");
    }
    assert_eq!(doctor.send(Method::DELETE, PATIENTS, &[], None).await.header("allow"), "GET, POST");
}

#[tokio::test]
async fn another_tenants_record_is_not_there_byte_for_byte() {
    let app = TestApp::new().await;
    let (valley, austa) = (app.key(app.valley, "DOCTOR").await, app.key(app.austa, "doctor").await);
    let id = valley.get(&format!("{PATIENTS}?limit=1")).await.json()["data"][0]["id"].as_str().unwrap().to_owned();
    let foreign = austa.get(&format!("{PATIENTS}/{id}")).await;
    let unknown = austa.get(&format!("{PATIENTS}/01a1fede-0000-7000-8000-000000000000")).await;
    let malformed = austa.get(&format!("{PATIENTS}/nonsense")).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    assert_eq!(foreign.body, unknown.body);
    assert_eq!(foreign.body, malformed.body);
}

#[tokio::test]
async fn each_caller_gets_what_is_theirs() {
    let app = TestApp::new().await;
    assert_eq!(app.stranger().get(PATIENTS).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.stranger().get("/api/health").await.json()["status"], "ok");
    assert_eq!(app.stranger().get("/api/health/db").await.json()["status"], "ok");
    let owner = app.key(app.valley, "OWNER").await;
    let refused = owner.get(PATIENTS).await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (StatusCode::FORBIDDEN, Some("permission_denied")));
    let patient = app.key(app.valley, "PATIENT").await;
    let own = patient.get(PATIENTS).await.json();
    assert_eq!(own["data"], json!([]), "a patient linked to nobody sees nobody");
    let analyst = app.key(app.austa, "analyst").await;
    assert_eq!(analyst.get("/api/v1/medical/procedures").await.json()["data"].as_array().unwrap().len(), 3);
    assert_eq!(analyst.get(PATIENTS).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_key_of_a_disabled_user_dies_within_a_second() {
    let app = TestApp::new().await;
    let owner = app.key(app.valley, "OWNER").await;
    let made = owner
        .post("/api/v1/auth/users", &json!({"email": "x@y.example", "display_name": "X", "roles": ["DOCTOR"]}))
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let doctor = app.key(app.valley, "DOCTOR").await;
    assert_eq!(doctor.get(PATIENTS).await.status, StatusCode::OK);
    let users = owner.get("/api/v1/auth/users?limit=200").await.json();
    for user in users["data"].as_array().unwrap() {
        if user["display_name"] == "A DOCTOR" {
            let path = format!("/api/v1/auth/users/{}/disable", user["id"].as_str().unwrap());
            assert_eq!(owner.post(&path, &json!({})).await.status, StatusCode::OK);
        }
    }
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(doctor.get(PATIENTS).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn secrets_never_leave() {
    let app = TestApp::new().await;
    let owner = app.key(app.valley, "OWNER").await;
    for path in ["/api/v1/auth/users", "/api/v1/auth/sessions", "/api/v1/auth/api-keys"] {
        let text = owner.get(path).await.text();
        assert!(!text.contains("hash") && !text.contains("argon2"), "{path}: {text}");
    }
    let described = owner.get("/openapi.json").await.text();
    assert!(!described.contains("password_hash") && !described.contains("token_hash"));
}

#[tokio::test]
async fn security_headers_stand_on_every_kind_of_answer() {
    let app = TestApp::new().await;
    let stranger = app.stranger();
    for path in [
        "/",
        "/sign-in",
        "/nosuch",
        "/api/v1/medical/patients",
        "/api/v1/nosuch",
        "/openapi.json",
        "/api/health",
        "/assets/x",
    ] {
        let answer = stranger.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
}
