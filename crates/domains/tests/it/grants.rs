//! Who manages accounts gives no more than they have, by whichever way.

use salus_testkit::{Caller, TestApp};
use serde_json::{Value, json};

const ROLES: &str = "/api/v1/auth/roles";
const USERS: &str = "/api/v1/auth/users";
const GIVEN: &str = "/api/v1/auth/user-roles";

/// A tenant with a role that manages accounts and may appoint nobody beyond itself.
struct Desk {
    app: TestApp,
    clerk: Caller,
    owner: Caller,
}

impl Desk {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let owner = app.key(app.valley, "OWNER").await;
        let role = made(&owner, ROLES, &json!({"name": "CLERK", "scope": "tenant"})).await;
        let patterns = ["auth.user.read", "auth.user.manage", "auth.role.read", "auth.role.write"];
        let body = json!({"name": "CLERK_WORK", "patterns": patterns});
        let permission = made(&owner, "/api/v1/auth/permissions", &body).await;
        made(&owner, "/api/v1/auth/role-permissions", &json!({"role_id": role, "permission_id": permission})).await;
        let clerk = app.key(app.valley, "CLERK").await;
        Self { app, clerk, owner }
    }

    async fn find(&self, path: &str, name: &str) -> String {
        let all = self.owner.get(&format!("{path}?limit=200")).await.json();
        let found = all["data"].as_array().unwrap().iter().find(|r| r["name"] == name || r["display_name"] == name);
        found.unwrap_or_else(|| panic!("no {name}"))["id"].as_str().unwrap().to_owned()
    }
}

async fn made(caller: &Caller, path: &str, body: &Value) -> String {
    let answer = caller.post(path, body).await;
    assert_eq!(answer.status.as_u16(), 201, "{path}: {}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn refused(caller: &Caller, path: &str, body: &Value) {
    let answer = caller.post(path, body).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["code"].as_str()),
        (403, Some("role_above_own")),
        "{path} {body}: {}",
        answer.text()
    );
}

#[tokio::test]
async fn a_role_above_ones_own_is_given_to_nobody() {
    let desk = Desk::new().await;
    let (doctor, clerk) = (desk.find(ROLES, "DOCTOR").await, desk.find(ROLES, "CLERK").await);
    let own = desk.find(USERS, "A CLERK").await;
    desk.app.key(desk.app.valley, "PATIENT").await;
    let other = desk.find(USERS, "A PATIENT").await;
    for user in [&own, &other] {
        refused(&desk.clerk, GIVEN, &json!({"user_id": user, "role_id": doctor})).await;
    }
    let given = made(&desk.clerk, GIVEN, &json!({"user_id": other, "role_id": clerk})).await;
    let path = format!("{GIVEN}/{given}");
    let changed = desk.clerk.patch(&path, 1, &json!({"role_id": doctor})).await;
    assert_eq!(changed.json()["code"], "role_above_own", "{}", changed.text());
    let invite = |role: &str| json!({"email": format!("{role}@x.example"), "display_name": "X", "roles": [role]});
    refused(&desk.clerk, USERS, &invite("DOCTOR")).await;
    made(&desk.clerk, USERS, &invite("CLERK")).await;
    let users = desk.owner.get(&format!("{USERS}?limit=200")).await.text();
    assert!(!users.contains("DOCTOR@x.example"), "nothing is left of a refused invitation");
}

#[tokio::test]
async fn a_role_is_not_filled_up_to_reach_above_ones_own() {
    let desk = Desk::new().await;
    let clerk = desk.find(ROLES, "CLERK").await;
    let phi = desk.find("/api/v1/auth/permissions", "READ_PHI").await;
    let put = json!({"role_id": clerk, "permission_id": phi});
    refused(&desk.clerk, "/api/v1/auth/role-permissions", &put).await;
    let work = desk.find("/api/v1/auth/permissions", "CLERK_WORK").await;
    let path = format!("/api/v1/auth/permissions/{work}");
    let widened = desk.clerk.patch(&path, 1, &json!({"patterns": ["*.*.*"]})).await;
    assert_eq!(widened.json()["code"], "role_above_own", "{}", widened.text());
    let narrowed = desk.clerk.patch(&path, 1, &json!({"patterns": ["auth.user.read"]})).await;
    assert_eq!(narrowed.status.as_u16(), 200, "{}", narrowed.text());
}

#[tokio::test]
async fn an_administrator_appoints_others_and_never_themself() {
    let desk = Desk::new().await;
    let doctor = desk.find(ROLES, "DOCTOR").await;
    let own = desk.find(USERS, "A OWNER").await;
    refused(&desk.owner, GIVEN, &json!({"user_id": own, "role_id": doctor})).await;
    let invited = json!({"email": "d@x.example", "display_name": "D", "roles": ["DOCTOR"]});
    let user = made(&desk.owner, USERS, &invited).await;
    // Who may not give a role is not handed the account of somebody who has it either.
    refused(&desk.clerk, &format!("{USERS}/{user}/reinvite"), &json!({})).await;
    // Nor do they take it away.
    refused(&desk.clerk, &format!("{USERS}/{user}/roles"), &json!({"roles": []})).await;
    assert_eq!(desk.owner.post(&format!("{USERS}/{user}/reinvite"), &json!({})).await.status.as_u16(), 200);
    // An own role is not widened by its holder.
    let owners = desk.find(ROLES, "OWNER").await;
    let phi = desk.find("/api/v1/auth/permissions", "READ_PHI").await;
    refused(&desk.owner, "/api/v1/auth/role-permissions", &json!({"role_id": owners, "permission_id": phi})).await;
    // Nor is a role within one's own rights given to oneself: a role that ends would be made to last.
    let clerk = desk.find(ROLES, "CLERK").await;
    for (path, body) in [
        (GIVEN.to_owned(), json!({"user_id": own, "role_id": clerk})),
        (format!("{USERS}/{own}/roles"), json!({"roles": ["OWNER", "CLERK"]})),
    ] {
        let told = desk.owner.post(&path, &body).await;
        assert_eq!((told.status.as_u16(), &told.json()["code"]), (403, &json!("own_role")), "{}", told.text());
    }
    let held = desk.owner.get(&format!("{GIVEN}?user_id={own}")).await.json();
    let held = format!("{GIVEN}/{}", held["data"][0]["id"].as_str().unwrap());
    let longer = desk.owner.patch(&held, 1, &json!({"valid_to": null})).await;
    assert_eq!(longer.json()["code"], "own_role", "{}", longer.text());
    let wider = desk.clerk.patch(&format!("{ROLES}/{doctor}"), 1, &json!({"purposes": ["TREAT", "BTG"]})).await;
    assert_eq!(wider.json()["code"], "role_above_own", "{}", wider.text());
}

#[tokio::test]
async fn nobody_says_themself_whom_they_reach() {
    let desk = Desk::new().await;
    let role = made(&desk.owner, ROLES, &json!({"name": "PLACER", "scope": "tenant"})).await;
    let body = json!({"name": "PLACING", "patterns": ["auth.assignment.*", "auth.user.*"]});
    let permission = made(&desk.owner, "/api/v1/auth/permissions", &body).await;
    made(&desk.owner, "/api/v1/auth/role-permissions", &json!({"role_id": role, "permission_id": permission})).await;
    let placer = desk.app.key(desk.app.valley, "PLACER").await;
    let own = desk.find(USERS, "A PLACER").await;
    let other = desk.find(USERS, "A CLERK").await;
    let doctor = desk.app.key(desk.app.valley, "DOCTOR").await;
    let patients = doctor.get("/api/v1/medical/patients?limit=1").await.json();
    let patient = patients["data"][0]["id"].as_str().unwrap().to_owned();
    let path = "/api/v1/auth/caseload-assignments";
    let case = |user: &str| json!({"user_id": user, "patient_id": patient, "kind": "care_team"});
    let refused = placer.post(path, &case(&own)).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (403, &json!("own_reach")), "{}", refused.text());
    let id = made(&placer, path, &case(&other)).await;
    let turned = placer.patch(&format!("{path}/{id}"), 1, &json!({"user_id": own})).await;
    assert_eq!(turned.json()["code"], "own_reach", "{}", turned.text());
    // A unit is another way to the same.
    let (organizations, units) = ("/api/v1/auth/organizations", "/api/v1/auth/person-units");
    let unit = made(&desk.owner, organizations, &json!({"name": "School A", "kind": "school"})).await;
    made(&desk.owner, "/api/v1/auth/user-units", &json!({"user_id": own, "organization_id": unit})).await;
    let put = json!({"patient_id": patient, "organization_id": unit});
    let refused = placer.post(units, &put).await;
    assert_eq!(refused.json()["code"], "own_reach", "{}", refused.text());
    let elsewhere = made(&desk.owner, organizations, &json!({"name": "School B", "kind": "school"})).await;
    let id = made(&placer, units, &json!({"patient_id": patient, "organization_id": elsewhere})).await;
    let turned = placer.patch(&format!("{units}/{id}"), 1, &json!({"organization_id": unit})).await;
    assert_eq!(turned.json()["code"], "own_reach", "{}", turned.text());
}
