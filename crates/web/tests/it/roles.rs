//! The page of roles as an administrator uses it: a role made like another, previewed, changed, in force in a session that is
//! open; and the page that says whom a user reaches.

use hyper::StatusCode;
use salus_testkit::{Caller, TestApp};
use serde_json::Value;
use std::time::Duration;

struct Office {
    app: TestApp,
    owner: Caller,
    csrf: String,
}

impl Office {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let owner = app.session("valley", app.valley, "OWNER").await;
        let page = owner.get("/roles").await.text();
        let csrf = page.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        Self { app, owner, csrf }
    }

    async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> salus_testkit::Answer {
        self.owner.submit(path, &[&[("_csrf", self.csrf.as_str())][..], fields].concat()).await
    }

    async fn role(&self, name: &str) -> String {
        let all = self.owner.get("/api/v1/auth/role-matrix").await.json();
        let found = all["roles"].as_array().unwrap().iter().find(|r| r["name"] == name).unwrap();
        found["id"].as_str().unwrap().to_owned()
    }

    async fn user(&self, name: &str) -> String {
        let all = self.owner.get("/api/v1/auth/users?limit=200&fields=id,display_name").await.json();
        let found = all["data"].as_array().unwrap().iter().find(|u| u["display_name"] == name).unwrap();
        found["id"].as_str().unwrap().to_owned()
    }
}

async fn soon() {
    tokio::time::sleep(Duration::from_millis(1100)).await;
}

#[tokio::test]
async fn a_role_is_made_previewed_and_changed_while_a_session_is_open() {
    let office = Office::new().await;
    let doctor = office.role("DOCTOR").await;
    let made = office.submit("/roles", &[("name", "LOCUM"), ("description", "Fills in"), ("like", &doctor)]).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text());
    let path = made.header("location").to_owned();
    let again = office.submit("/roles", &[("name", "LOCUM"), ("like", &doctor)]).await.text();
    assert!(again.contains("A role of this name exists already"), "{again}");
    let empty = office.submit("/roles", &[("name", "NOTHING_YET"), ("like", "")]).await;
    assert_eq!(empty.status, StatusCode::SEE_OTHER, "{}", empty.text());
    let form = office.owner.get(&path).await.text();
    assert!(form.contains("name=\"bundle.READ_PHI\" type=\"checkbox\" value=\"true\" checked"), "{form}");
    assert!(form.contains("name=\"bundle.medical.patient.read\""), "single permissions can be ticked");

    let locum = office.app.session("valley", office.app.valley, "LOCUM").await;
    let seen = async || locum.get("/api/v1/medical/patients?limit=1&fields=id,mrn").await;
    assert!(seen().await.json()["data"][0]["mrn"].is_string());
    let fields = [
        ("scope", "tenant"),
        ("purpose.TREAT", "true"),
        ("bundle.READ_PHI", "true"),
        ("masks", "medical.patients (TREAT): mrn, birth_date"),
    ];
    let wrong = [&fields[..3], &[("masks", "medical.patients mrn"), ("do", "preview")]].concat();
    let told = office.submit(&path, &wrong).await.text();
    assert!(told.contains("Line 1 is not of the form"), "{told}");
    let preview = office.submit(&path, &[&fields[..], &[("do", "preview")]].concat()).await.text();
    let told = preview.split("id=\"consequences\"").nth(1).unwrap().split("</ul>").next().unwrap();
    assert!(told.contains("medical.patients.mrn (TREAT)") && told.contains("no longer"), "{told}");
    assert!(preview.contains("A LOCUM") && preview.contains("medical.patient.write"), "{preview}");
    assert!(seen().await.json()["data"][0]["mrn"].is_string(), "a preview changes nothing");
    let done = office.submit(&path, &[&fields[..], &[("do", "apply")]].concat()).await.text();
    assert!(done.contains("The role LOCUM was changed"), "{done}");
    soon().await;
    let after = seen().await.json();
    assert!(after["data"][0]["mrn"].is_null() && after["data"][0]["id"].is_string(), "{after}");
    let form = office.owner.get(&path).await.text();
    assert!(form.contains("medical.patients (TREAT): birth_date, mrn"), "{form}");

    let retire = [&fields[..], &[("retired", "true"), ("do", "preview")]].concat();
    let preview = office.submit(&path, &retire).await.text();
    assert!(preview.contains("1 lose the role at once") && preview.contains("1 may do nothing any more"), "{preview}");
    office.submit(&path, &[&fields[..], &[("retired", "true"), ("do", "apply")]].concat()).await;
    soon().await;
    assert_eq!(seen().await.status, StatusCode::FORBIDDEN);
    let user = office.owner.get(&format!("/users/{}", office.user("A LOCUM").await)).await.text();
    assert!(!user.contains("name=\"role.LOCUM\""), "it is offered to nobody");
    assert!(office.owner.get("/roles").await.text().contains("retired"));
}

#[tokio::test]
async fn a_change_of_a_role_takes_a_fresh_proof_and_leaves_an_administrator() {
    let office = Office::new().await;
    let path = format!("/roles/{}", office.role("OWNER").await);
    let fields = [("scope", "tenant"), ("bundle.READ_PHI", "true"), ("do", "apply")];
    let told = office.submit(&path, &fields).await.text();
    assert!(told.contains("beyond your own rights"), "{told}");
    let admin = office.app.database.connect("salus_admin").await;
    admin.batch_execute("UPDATE auth.sessions SET proved_at = now() - interval '1 hour'").await.unwrap();
    for (at, fields) in [(path.as_str(), &fields[..]), ("/roles", &[("name", "X"), ("like", "")])] {
        let told = office.submit(at, fields).await;
        assert_eq!(told.status, StatusCode::FORBIDDEN, "{at}");
        assert!(told.text().contains("/prove"), "{at}: {}", told.text());
    }
    let preview = [("scope", "tenant"), ("bundle.MANAGE_USERS", "true"), ("do", "preview")];
    assert_eq!(office.submit(&path, &preview).await.status, StatusCode::OK, "a preview takes none");
}

#[tokio::test]
async fn whom_a_user_reaches_is_said_and_ended_on_a_page() {
    let office = Office::new().await;
    let doctor = office.app.key(office.app.valley, "DOCTOR").await;
    let patients = doctor.get("/api/v1/medical/patients?limit=2&fields=id").await.json();
    let id = |n: usize| patients["data"][n]["id"].as_str().unwrap().to_owned();
    let _member = office.app.session("valley", office.app.valley, "PATIENT").await;
    let user = office.user("A PATIENT").await;
    let path = format!("/users/{user}/reach");
    let page = office.owner.get(&path).await.text();
    for kind in ["links", "cases", "units"] {
        assert!(page.contains(&format!("action=\"{path}/{kind}\"")), "{kind}: {page}");
    }
    let person = id(0);
    let link = [("person", person.as_str()), ("relation", "legal_rep"), ("valid_to", "2099-01-01")];
    let told = office.submit(&format!("{path}/links"), &link).await.text();
    assert!(told.contains("who acts for another needs a proof"), "{told}");
    let shown = [&link[..], &[("proof", "POWER_OF_ATTORNEY"), ("proof_note", "17/2026")]].concat();
    let made = office.submit(&format!("{path}/links"), &shown).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text());
    let page = office.owner.get(&path).await.text();
    assert!(
        page.contains("Legal representative · Power of attorney") && page.contains("datetime=\"2099-01-01\""),
        "{page}"
    );
    let case = [("cases.person", person.as_str()), ("cases.kind", "care_team")];
    assert_eq!(office.submit(&format!("{path}/cases"), &case).await.status, StatusCode::SEE_OTHER);
    let unit = office.app.valley.to_string();
    let told =
        office.submit(&format!("{path}/units"), &[("organization_id", &unit), ("valid_from", "2020-01-01")]).await;
    assert_eq!(told.status, StatusCode::SEE_OTHER, "{}", told.text());
    let held = async |table: &str| -> Value {
        office.owner.get(&format!("/api/v1/auth/{table}?user_id={user}")).await.json()["data"][0].clone()
    };
    for (kind, table) in [("links", "user-person-links"), ("cases", "caseload-assignments"), ("units", "user-units")] {
        let entry = held(table).await;
        let end = format!("{path}/{kind}/{}/end", entry["id"].as_str().unwrap());
        let stale = office.submit(&end, &[("version", "77")]).await.text();
        assert!(stale.contains("role=\"alert\""), "{kind}: {stale}");
        let ended = office.submit(&end, &[("version", &entry["row_version"].to_string())]).await;
        assert_eq!(ended.status, StatusCode::SEE_OTHER, "{kind}: {}", ended.text());
    }
    let page = office.owner.get(&path).await.text();
    assert_eq!(page.matches("ended</span>").count(), 3, "{page}");
    assert!(!page.contains("/end\""), "nothing is left to end");
    let nobody = office.app.session("valley", office.app.valley, "DOCTOR").await;
    assert_eq!(nobody.get(&path).await.status, StatusCode::FORBIDDEN);
    let unknown = format!("{path}/others");
    assert_eq!(office.submit(&unknown, &link).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_bundle_is_made_previewed_and_changed_on_its_page() {
    let office = Office::new().await;
    let page = office.owner.get("/roles").await.text();
    let bundles = page.split("id=\"bundles\"").nth(1).unwrap().split("id=\"new-bundle\"").next().unwrap();
    assert!(bundles.contains("<code class=\"chip\">kernel.phi.read</code>") && bundles.contains("DOCTOR"), "{bundles}");
    let wrong =
        office.submit("/roles/bundles", &[("bundle_name", "DESK"), ("patterns", "medical.pateint.read")]).await.text();
    assert!(wrong.contains("medical.pateint.read grants no permission there is"), "{wrong}");
    let made =
        office.submit("/roles/bundles", &[("bundle_name", "DESK"), ("patterns", "medical.patient.read\r\n")]).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text());
    let path = made.header("location").to_owned();
    let again =
        office.submit("/roles/bundles", &[("bundle_name", "DESK"), ("patterns", "medical.patient.read")]).await.text();
    assert!(again.contains("A permission of this name exists already"), "{again}");
    let roles = office.submit("/roles", &[("name", "RECEPTION"), ("like", "")]).await;
    let role = [("scope", "tenant"), ("bundle.DESK", "true"), ("do", "apply")];
    office.submit(roles.header("location"), &role).await;
    let desk = office.app.session("valley", office.app.valley, "RECEPTION").await;
    let sees = async || desk.get("/api/v1/medical/providers?limit=1").await.status;
    assert_eq!(sees().await, StatusCode::FORBIDDEN);
    let lines = ("patterns", "medical.patient.read\nmedical.provider.read");
    let preview = office.submit(&path, &[lines, ("do", "preview")]).await.text();
    for told in ["What would change", "medical.provider.read", "medical.provider.list", "RECEPTION", "A RECEPTION"] {
        assert!(preview.contains(told), "{told}: {preview}");
    }
    assert_eq!(sees().await, StatusCode::FORBIDDEN, "a preview changes nothing");
    let done = office.submit(&path, &[lines, ("do", "apply")]).await.text();
    assert!(done.contains("The bundle Desk was changed") || done.contains("The bundle DESK was changed"), "{done}");
    soon().await;
    assert_eq!(sees().await, StatusCode::OK, "at once, in an open session");
    let other = office.app.session("valley", office.app.valley, "DOCTOR").await;
    assert_eq!(other.get(&path).await.status, StatusCode::FORBIDDEN);
    let single = office.owner.get("/api/v1/auth/permissions?limit=200").await.json();
    let single = single["data"].as_array().unwrap().iter().find(|b| b["name"].as_str().unwrap().contains('.'));
    if let Some(single) = single {
        let page = office.owner.get(&format!("/roles/bundles/{}", single["id"].as_str().unwrap())).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "a single permission is no bundle");
    }
}
