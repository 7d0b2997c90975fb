//! Users as an administrator meets them: found, invited, given roles, locked and let in again.

use hyper::StatusCode;
use salus_testkit::{Caller, PASSWORD, TestApp};
use serde_json::json;

async fn token(caller: &Caller, path: &str) -> String {
    let page = caller.get(path).await.text();
    page.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// The owner of a clinic and somebody whose account they look after.
struct Office {
    app: TestApp,
    owner: Caller,
    csrf: String,
    user: String,
}

impl Office {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let owner = app.session("valley", app.valley, "OWNER").await;
        let csrf = token(&owner, "/users").await;
        let fields = [
            ("_csrf", csrf.as_str()),
            ("email", "rosa.invented@valley.example"),
            ("display_name", "Rosa Invented"),
            ("role.PATIENT", "true"),
        ];
        let page = owner.submit("/users", &fields).await.text();
        let link = page.split("/setup/").nth(1).unwrap().split('<').next().unwrap().to_owned();
        salus_domains::auth::accept_invitation(&app.db, &link, PASSWORD).await.unwrap();
        let user = Self::found(&owner, &csrf, "rosa.invented@valley.example").await.unwrap();
        Self { app, owner, csrf, user }
    }

    /// The user whom a search finds.
    async fn found(owner: &Caller, csrf: &str, q: &str) -> Option<String> {
        let answer = owner.submit("/users/search", &[("_csrf", csrf), ("q", q)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        let address = answer.header("location").to_owned();
        assert!(!address.contains("rosa"), "names stand in no address");
        let page = owner.get(&address).await.text();
        let row = page.split("href=\"/users/").skip(1).find(|rest| rest.contains("Rosa Invented"));
        row.map(|rest| rest.split('"').next().unwrap().to_owned())
    }

    async fn act(&self, verb: &str, fields: &[(&str, &str)]) -> String {
        let all = [&[("_csrf", self.csrf.as_str())][..], fields].concat();
        let answer = self.owner.submit(&format!("/users/{}/{verb}", self.user), &all).await;
        assert_eq!(answer.status, StatusCode::OK, "{verb}: {}", answer.text());
        answer.text()
    }

    async fn sign_in(&self) -> bool {
        let email = "rosa.invented@valley.example";
        salus_domains::auth::sign_in(&self.app.db, "valley", email, PASSWORD, ("192.0.2.9", "test")).await.is_ok()
    }
}

#[tokio::test]
async fn a_user_is_found_and_given_roles_after_a_preview() {
    let office = Office::new().await;
    assert!(Office::found(&office.owner, &office.csrf, "rosa inv").await.is_some());
    assert!(Office::found(&office.owner, &office.csrf, "rosa@").await.is_none(), "addresses are found whole");
    let both = [("role.PATIENT", "true"), ("role.DOCTOR", "true")];
    let preview = office.act("roles", &[&both[..], &[("do", "preview")]].concat()).await;
    assert!(preview.contains("What would change") && preview.contains("medical.patient.write"), "{preview}");
    let held = async || office.owner.get(&format!("/api/v1/auth/user-roles?user_id={}", office.user)).await.json();
    assert_eq!(held().await["data"].as_array().unwrap().len(), 1, "a preview changes nothing");
    let done = office.act("roles", &[&both[..], &[("do", "apply")]].concat()).await;
    assert!(done.contains("The roles were changed"), "{done}");
    assert_eq!(held().await["data"].as_array().unwrap().len(), 2);
    office.act("roles", &[("role.PATIENT", "true"), ("do", "apply")]).await;
    let rows = held().await;
    let ended = rows["data"].as_array().unwrap().iter().filter(|r| r["valid_to"].is_string()).count();
    assert_eq!(ended, 1, "what was taken stays in the record");
    office.act("roles", &[&both[..], &[("do", "apply")]].concat()).await;
    let rows = held().await;
    assert!(rows["data"].as_array().unwrap().iter().all(|r| r["valid_to"].is_null()), "and can be given again");
    let page = office.owner.get(&format!("/users/{}", office.user)).await.text();
    assert!(page.contains("Rosa Invented") && !page.contains("<title>Rosa"), "{page}");
}

#[tokio::test]
async fn an_account_is_locked_and_let_in_again() {
    let office = Office::new().await;
    assert!(office.sign_in().await);
    assert!(office.act("lock", &[]).await.contains("Done."));
    assert!(!office.sign_in().await, "locked");
    office.act("unlock", &[]).await;
    assert!(office.sign_in().await, "the password stays");
    for _ in 0..5 {
        let wrong = salus_domains::auth::sign_in(
            &office.app.db,
            "valley",
            "rosa.invented@valley.example",
            "Wrong-Horse-7-Battery",
            ("192.0.2.9", "test"),
        );
        assert!(wrong.await.is_err());
    }
    assert!(!office.sign_in().await, "five failures lock it for the network");
    office.act("unlock", &[]).await;
    assert!(office.sign_in().await, "what an administrator lifts is lifted");
    office.act("disable", &[]).await;
    assert!(!office.sign_in().await);
    let again = office.act("enable", &[]).await;
    assert!(again.contains("/setup/slu_"), "{again}");
    assert!(!office.sign_in().await, "the old password opens nothing");
    let log = office.owner.get("/api/v1/audit/events?limit=50").await.json();
    let actions: Vec<&str> = log["data"].as_array().unwrap().iter().filter_map(|e| e["action"].as_str()).collect();
    for act in ["auth.user.lock", "auth.user.unlock", "auth.user.disable", "auth.user.enable"] {
        assert!(actions.contains(&act), "{act} is in the log: {actions:?}");
    }
}

#[tokio::test]
async fn somebody_always_is_left_who_manages_accounts() {
    let office = Office::new().await;
    let users = office.owner.get("/api/v1/auth/users?limit=200&fields=id,display_name,status").await.json();
    let own = users["data"].as_array().unwrap().iter().find(|u| u["display_name"] == "A OWNER").unwrap();
    let path = format!("/users/{}", own["id"].as_str().unwrap());
    for verb in ["lock", "disable"] {
        let answer = office.owner.submit(&format!("{path}/{verb}"), &[("_csrf", &office.csrf)]).await.text();
        assert!(answer.contains("Nobody would be left"), "{verb}: {answer}");
    }
    let fields = [("_csrf", office.csrf.as_str()), ("do", "apply")];
    let answer = office.owner.submit(&format!("{path}/roles"), &fields).await.text();
    assert!(answer.contains("Nobody would be left"), "{answer}");
    assert_eq!(office.owner.get("/users").await.status, StatusCode::OK, "nothing was done");
}

#[tokio::test]
async fn two_who_are_locked_at_once_are_not_both_the_last() {
    let app = TestApp::new().await;
    let program = app.key(app.valley, "OWNER").await;
    for _ in 0..2 {
        app.session("valley", app.valley, "OWNER").await;
    }
    let users = program.get("/api/v1/auth/users?limit=200&fields=id,display_name,kind").await.json();
    let owners: Vec<String> = users["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|user| user["display_name"] == "A OWNER" && user["kind"] == "staff")
        .map(|user| format!("/api/v1/auth/users/{}", user["id"].as_str().unwrap()))
        .collect();
    assert_eq!(owners.len(), 2, "{users}");
    for _ in 0..5 {
        let lock = async |user: &str| program.post(&format!("{user}/lock"), &json!({})).await;
        let (one, other) = tokio::join!(lock(&owners[0]), lock(&owners[1]));
        let done = [&one, &other].iter().filter(|answer| answer.status == StatusCode::OK).count();
        assert_eq!(done, 1, "{} {}", one.text(), other.text());
        assert!([one, other].iter().any(|answer| answer.text().contains("last_administrator")));
        for user in &owners {
            program.post(&format!("{user}/unlock"), &json!({})).await;
        }
    }
}

#[tokio::test]
async fn a_way_into_anothers_account_takes_a_fresh_proof() {
    let office = Office::new().await;
    let admin = office.app.database.connect("salus_admin").await;
    admin.batch_execute("UPDATE auth.sessions SET proved_at = now() - interval '1 hour'").await.unwrap();
    for (verb, fields) in
        [("reinvite", &[][..]), ("reset-factors", &[]), ("roles", &[("do", "apply"), ("role.DOCTOR", "true")])]
    {
        let all = [&[("_csrf", office.csrf.as_str())][..], fields].concat();
        let asked = office.owner.submit(&format!("/users/{}/{verb}", office.user), &all).await;
        assert!(asked.text().contains("Give your own password first"), "{verb}: {}", asked.text());
    }
    assert!(office.sign_in().await, "nothing was done");
    let prove = async |password: &str| {
        let csrf = token(&office.owner, "/account").await;
        office.owner.submit("/prove", &[("_csrf", &csrf), ("password", password), ("back", "/users")]).await
    };
    let wrong = prove("Wrong-Horse-7-Battery").await;
    assert!(wrong.status.is_client_error() && wrong.text().contains("Is not your password"), "{}", wrong.text());
    let proved = prove(PASSWORD).await;
    assert_eq!(proved.header("location"), "/users", "back to where it was asked for");
    let cookie = proved.header("set-cookie").split(';').next().unwrap().to_owned();
    let office = Office { owner: office.owner.with_cookie(&cookie), ..office };
    assert!(office.act("reset-factors", &[]).await.contains("Done."));
    assert!(office.act("reinvite", &[]).await.contains("/setup/slu_"));
}

#[tokio::test]
async fn who_may_not_manage_accounts_sees_none_of_it() {
    let office = Office::new().await;
    let doctor = office.app.session("valley", office.app.valley, "DOCTOR").await;
    for path in ["/users".to_owned(), format!("/users/{}", office.user)] {
        assert_eq!(doctor.get(&path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert!(!doctor.get("/").await.text().contains("href=\"/users\""));
    assert!(office.owner.get("/").await.text().contains("href=\"/users\""));
    let csrf = token(&doctor, "/account").await;
    let answer = doctor.submit(&format!("/users/{}/lock", office.user), &[("_csrf", &csrf)]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let key = office.app.key(office.app.valley, "DOCTOR").await;
    let path = format!("/api/v1/auth/users/{}/roles", office.user);
    assert_eq!(key.post(&path, &json!({"roles": ["OWNER"]})).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_module_that_is_not_chosen_is_refused_by_every_way_in() {
    let app = TestApp::new().await;
    let admin = app.session("valley", app.valley, "OWNER").await;
    let (doctor, key) = (app.session("valley", app.valley, "DOCTOR").await, app.key(app.valley, "DOCTOR").await);
    let list = "/api/v1/medical/patients?limit=1";
    assert_eq!(key.get(list).await.status, StatusCode::OK, "where nothing was chosen, everything is");
    assert!(doctor.get("/").await.text().contains("href=\"/patients\""));
    let csrf = token(&admin, "/modules").await;
    let page = admin.submit("/modules", &[("_csrf", &csrf), ("module.exchange", "true")]).await.text();
    assert!(page.contains("The choice holds"), "{page}");
    for path in [list, "/api/v1/records/diagnoses?limit=1"] {
        let answer = key.get(path).await;
        assert_eq!((answer.status, &answer.json()["code"]), (StatusCode::FORBIDDEN, &json!("module_not_chosen")));
    }
    assert_eq!(doctor.get("/patients").await.status, StatusCode::FORBIDDEN);
    assert!(!doctor.get("/").await.text().contains("href=\"/patients\""), "nor does it stand in the navigation");
    let refused = admin.get("/api/v1/audit/events?action=medical.patient.list").await.json();
    let outcomes: Vec<&str> =
        refused["data"].as_array().unwrap().iter().filter_map(|e| e["outcome"].as_str()).collect();
    assert!(outcomes.contains(&"refused"), "a refusal is in the log: {refused}");
    let wrong = app.key(app.valley, "OWNER").await;
    let body = json!({"name": "modules.chosen", "value": ["patients"]});
    let answer = wrong.post("/api/v1/kernel/settings", &body).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text());
    admin.submit("/modules", &[("_csrf", &csrf), ("module.records", "true")]).await;
    assert_eq!(key.get(list).await.status, StatusCode::OK, "the data stayed");
    let austa = app.key(app.austa, "admin").await;
    assert_eq!(
        austa.get("/api/v1/kernel/modules").await.json()["modules"][2]["chosen"],
        true,
        "each has its own choice"
    );
}

#[tokio::test]
async fn a_service_account_is_given_keys_and_keeps_two_while_they_are_exchanged() {
    let app = TestApp::new().await;
    let owner = app.session("valley", app.valley, "OWNER").await;
    let service = app.key(app.valley, "DOCTOR").await;
    let list = owner.get("/api/v1/auth/users?limit=200").await.json();
    let user = list["data"].as_array().unwrap().iter().find(|u| u["display_name"] == "A DOCTOR").unwrap();
    let path = format!("/users/{}", user["id"].as_str().unwrap());
    let csrf = token(&owner, &path).await;
    let made = |page: &str| {
        let key = page.split("slk_").nth(1).filter(|rest| rest.len() > 110).map(|rest| rest.split('<').next().unwrap());
        key.filter(|k| k.len() > 90).map(|k| format!("slk_{k}"))
    };
    let form = [
        ("_csrf", csrf.as_str()),
        ("name", "lab"),
        ("expires_on", ""),
        ("scopes", "medical.patient.read"),
        ("networks", ""),
    ];
    let page = owner.submit(&format!("{path}/keys"), &form).await.text();
    let first = made(&page).unwrap_or_else(|| panic!("no key: {page}"));
    let by = |key: &str| service.with_key(key);
    assert_eq!(by(&first).get("/api/v1/medical/patients?limit=1").await.status, StatusCode::OK);
    assert_eq!(by(&first).get("/api/v1/medical/providers?limit=1").await.status, StatusCode::FORBIDDEN, "its scopes");
    let wrong =
        owner.submit(&format!("{path}/keys"), &[&form[..4], &[("networks", "laboratory")]].concat()).await.text();
    assert!(wrong.contains("laboratory is no network"), "{wrong}");
    let replace = page.split(&format!("{path}/keys/")).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let id = replace.split('/').next().unwrap().to_owned();
    let act = async |verb: &str| owner.submit(&format!("{path}/keys/{id}/{verb}"), &[("_csrf", &csrf)]).await.text();
    let second = made(&act("replace").await).unwrap();
    for key in [&first, &second] {
        assert_eq!(by(key).get("/api/v1/medical/patients?limit=1").await.status, StatusCode::OK, "both work");
    }
    assert!(act("replace").await.contains("Two keys of this name work already"));
    act("revoke").await;
    assert_eq!(by(&first).get("/api/v1/medical/patients?limit=1").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(by(&second).get("/api/v1/medical/patients?limit=1").await.status, StatusCode::OK);
    let person = app.session("valley", app.valley, "DOCTOR").await;
    drop(person);
    let list = owner.get("/api/v1/auth/users?limit=200").await.json();
    let other = list["data"].as_array().unwrap().iter().find(|u| u["kind"] != "service").unwrap()["id"].clone();
    let key = app.key(app.valley, "OWNER").await;
    let told =
        key.post(&format!("/api/v1/auth/users/{}/api-keys", other.as_str().unwrap()), &json!({"name": "x"})).await;
    assert_eq!(told.json()["code"], "not_service", "{}", told.text());
}

#[tokio::test]
async fn attempts_of_the_whole_organization_are_found_by_how_they_ended_by_user_and_by_day() {
    let office = Office::new().await;
    assert!(office.sign_in().await);
    for (email, password) in [("rosa.invented@valley.example", "wrong"), ("nobody@valley.example", PASSWORD)] {
        let told = salus_domains::auth::sign_in(
            &office.app.db,
            "valley",
            email,
            password,
            ("192.0.2.9", "Firefox/130 Windows"),
        );
        assert!(told.await.is_err());
    }
    let rows = async |query: &str| {
        let answer = office.owner.get(&format!("/sign-ins?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text());
        answer.text().split("<tbody>").nth(1).unwrap_or_default().split("</tbody>").next().unwrap().to_owned()
    };
    let of = |rows: &str, what: &str| rows.matches(what).count();
    let all = rows("").await;
    assert!(
        of(&all, "Rosa Invented") == 2 && of(&all, "An address that is nobody") == 1 && of(&all, "A OWNER") >= 1,
        "{all}"
    );
    assert!(all.contains("192.0.2.9") && all.contains("Firefox"), "{all}");
    let refused = rows("outcome=refused").await;
    assert_eq!((of(&refused, "<tr>"), of(&refused, "Rosa Invented")), (2, 1), "{refused}");
    let rosa = rows(&format!("user={}&outcome=success&reason=password", office.user)).await;
    assert_eq!(of(&rosa, "<tr>"), 1, "{rosa}");
    assert_eq!(of(&rows("from=2099-01-01").await, "<tr>"), 0);
    assert_eq!(of(&rows("to=2001-01-01").await, "<tr>"), 0);
    assert_eq!(of(&rows("from=2001-01-01&to=2098-12-31").await, "<tr>"), of(&all, "<tr>"));
    for wrong in ["outcome=lost", "from=soon", "user=nobody"] {
        assert_eq!(of(&rows(wrong).await, "<tr>"), 0, "{wrong}");
    }
    assert!(office.owner.get("/sign-ins?from=soon").await.text().contains("Is a date such as 2026-11-21"));
    assert!(office.owner.get("/").await.text().contains("href=\"/sign-ins\""));
    let doctor = office.app.session("valley", office.app.valley, "DOCTOR").await;
    for page in ["/sign-ins", "/api-keys"] {
        assert_eq!(doctor.get(page).await.status, StatusCode::FORBIDDEN, "{page}");
    }
    assert!(!doctor.get("/").await.text().contains("href=\"/sign-ins\""));
}

#[tokio::test]
async fn a_page_of_attempts_leads_to_the_next() {
    let app = TestApp::new().await;
    let owner = app.session("valley", app.valley, "OWNER").await;
    let insert = "INSERT INTO auth.login_history (tenant_id, id, created_at, outcome, reason, network) \
                  SELECT t.id, gen_random_uuid(), now() - n * interval '1 minute', 'refused', 'password', decode(repeat('00', 32), 'hex') \
                  FROM kernel.tenants t, generate_series(1, 60) n WHERE t.slug = 'valley'";
    app.database.connect("salus_admin").await.batch_execute(insert).await.unwrap();
    let page = owner.get("/sign-ins?outcome=refused").await.text();
    assert_eq!(page.split("<tbody>").nth(1).unwrap().matches("<tr>").count(), 50);
    let next = page.split("href=\"/sign-ins?outcome=refused&amp;cursor=").nth(1).unwrap().split('"').next().unwrap();
    let page = owner.get(&format!("/sign-ins?outcome=refused&cursor={next}")).await.text();
    assert_eq!(page.split("<tbody>").nth(1).unwrap().matches("<tr>").count(), 10);
    assert!(page.contains("href=\"/sign-ins?outcome=refused\""), "and back to the first");
}

#[tokio::test]
async fn living_keys_stand_in_one_list_with_their_owners_and_are_ended_there() {
    let office = Office::new().await;
    let (key, other) =
        (office.app.key(office.app.valley, "DOCTOR").await, office.app.key(office.app.austa, "nurse").await);
    assert_eq!(key.get("/api/v1/medical/patients?limit=1").await.status, StatusCode::OK);
    let page = office.owner.get("/api-keys").await.text();
    let row = page.split("<tr>").find(|row| row.contains("A DOCTOR")).unwrap();
    assert!(row.contains("slk_") && row.contains("From anywhere") && row.contains("Everything its owner may"), "{row}");
    assert!(!page.contains("A nurse"), "another organization's are not here");
    let path = row.split("action=\"").nth(1).unwrap().split('"').next().unwrap();
    let told = office.owner.submit(path, &[("_csrf", &office.csrf)]).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.text());
    assert!(!told.text().contains("A DOCTOR"), "what is ended is not a living one");
    assert_eq!(key.get("/api/v1/medical/patients?limit=1").await.status, StatusCode::UNAUTHORIZED);
    assert_ne!(other.get("/api/v1/auth/notifications").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn one_session_of_somebody_is_ended_and_the_others_go_on() {
    let office = Office::new().await;
    let begin = async || {
        let email = "rosa.invented@valley.example";
        let signed =
            salus_domains::auth::sign_in(&office.app.db, "valley", email, PASSWORD, ("192.0.2.9", "test")).await;
        let Ok(salus_domains::auth::SignIn::Session(signed)) = signed else { panic!("{signed:?}") };
        office.app.stranger().with_cookie(&format!("salus_session={}", signed.token))
    };
    let (one, two) = (begin().await, begin().await);
    let page = office.owner.get(&format!("/users/{}", office.user)).await.text();
    let path = format!("/users/{}/sessions/", office.user);
    let newest = page.split(&path).nth(1).unwrap().split('/').next().unwrap().to_owned();
    office.act(&format!("sessions/{newest}/revoke"), &[]).await;
    let open = [one.get("/account").await.status, two.get("/account").await.status];
    assert_eq!(open, [StatusCode::OK, StatusCode::SEE_OTHER]);
}
