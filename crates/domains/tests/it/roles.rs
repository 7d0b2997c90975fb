//! Roles as an administrator edits them: made like another, changed after a preview, retired; effective at once, within
//! what the administrator may give, and never without somebody who manages accounts.

use salus_testkit::{Answer, Caller, TestApp};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

const ROLES: &str = "/api/v1/auth/roles";
const PATIENTS: &str = "/api/v1/medical/patients?limit=1&fields=id,mrn,birth_month";

async fn role(owner: &Caller, name: &str) -> Value {
    let all = owner.get("/api/v1/auth/role-matrix").await.json();
    let found = all["roles"].as_array().unwrap().iter().find(|r| r["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}")).clone()
}

async fn path(owner: &Caller, name: &str, verb: &str) -> String {
    format!("{ROLES}/{}/{verb}", role(owner, name).await["id"].as_str().unwrap())
}

async fn done(caller: &Caller, path: &str, body: &Value) -> Value {
    let answer = caller.post(path, body).await;
    assert!(answer.status.is_success(), "{path} {body}: {}", answer.text());
    answer.json()
}

/// A second later nobody is believed by what was.
async fn soon() {
    tokio::time::sleep(Duration::from_millis(1100)).await;
}

fn code(answer: &Answer) -> String {
    format!("{} {}", answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or_default())
}

/// What follows, in words.
fn words(preview: &Value) -> String {
    let all = preview["consequences"].as_array().unwrap().iter();
    all.map(|c| c["words"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_role_is_made_like_another_changed_after_a_preview_and_retired() {
    let app = TestApp::new().await;
    let owner = app.key(app.valley, "OWNER").await;
    let made = done(&owner, &path(&owner, "DOCTOR", "copy").await, &json!({"name": "LOCUM"})).await;
    let again = owner.post(&path(&owner, "DOCTOR", "copy").await, &json!({"name": "LOCUM"})).await;
    assert_eq!(code(&again), "409 duplicate", "{}", again.text());
    let (like, copy) = (role(&owner, "DOCTOR").await, role(&owner, "LOCUM").await);
    for same in ["bundles", "scope", "masks", "permissions"] {
        assert_eq!(like[same], copy[same], "{same}");
    }
    let purposes =
        |role: &Value| role["purposes"].as_array().unwrap().iter().map(Value::to_string).collect::<BTreeSet<_>>();
    assert_eq!(purposes(&like), purposes(&copy));
    assert_eq!((&copy["id"], &copy["built_in"], &copy["holders"]), (&made["id"], &json!(false), &json!(0)));

    let locum = app.session("valley", app.valley, "LOCUM").await;
    let first = async || locum.get(PATIENTS).await;
    let seen = first().await.json();
    assert!(seen["data"][0]["mrn"].is_string(), "{seen}");
    let masks = json!([{"table": "medical.patients", "columns": ["mrn"]}]);
    let change = json!({"masks": masks, "bundles": ["READ_PHI", "medical.provider.read"], "purposes": ["TREAT"]});
    let preview = done(&owner, &path(&owner, "LOCUM", "preview").await, &change).await;
    assert_eq!(preview["holders_total"], 1);
    assert_eq!(preview["holders"][0]["name"], "A LOCUM");
    let lost = preview["holders"][0]["loses"].as_array().unwrap();
    assert!(lost.contains(&json!("medical.patient.write")) && preview["loses"].as_array().unwrap().len() == lost.len());
    let told = words(&preview);
    assert!(told.contains("no longer answered medical.patients.mrn"), "{told}");
    assert!(told.contains("Whole resources of other systems and exports are refused"), "{told}");
    let without = json!({"masks": masks, "bundles": ["medical.patient.read"]});
    let told = words(&done(&owner, &path(&owner, "LOCUM", "preview").await, &without).await);
    assert!(!told.contains("Whole resources"), "a role that sees no originals: {told}");
    soon().await;
    assert!(first().await.json()["data"][0]["mrn"].is_string(), "a preview changes nothing");
    done(&owner, &path(&owner, "LOCUM", "define").await, &change).await;
    soon().await;
    let seen = first().await.json();
    assert!(
        seen["data"][0]["mrn"].is_null() && seen["data"][0]["id"].is_string(),
        "at once, in an open session: {seen}"
    );
    let copy = role(&owner, "LOCUM").await;
    assert_eq!(copy["masks"][0]["columns"], json!(["mrn"]));
    assert_eq!(copy["bundles"], json!(["READ_PHI", "medical.provider.read"]), "a bundle and a single permission");

    let end = json!({"retired": true});
    let told = words(&done(&owner, &path(&owner, "LOCUM", "preview").await, &end).await);
    assert!(told.contains("1 lose the role at once") && told.contains("1 may do nothing any more"), "{told}");
    done(&owner, &path(&owner, "LOCUM", "define").await, &end).await;
    soon().await;
    assert_eq!(code(&first().await), "403 permission_denied");
    let gone = role(&owner, "LOCUM").await;
    assert_eq!((&gone["retired"], &gone["holders"], &gone["permissions"]), (&json!(true), &json!(0), &json!([])));
    let users = "/api/v1/auth/users";
    let invited = json!({"email": "n@x.example", "display_name": "N", "roles": ["LOCUM"]});
    assert_eq!(code(&owner.post(users, &invited).await), "422 validation_failed");
    let user = done(&owner, users, &json!({"email": "n@x.example", "display_name": "N"})).await["id"].clone();
    let given = owner.post("/api/v1/auth/user-roles", &json!({"user_id": user, "role_id": made["id"]})).await;
    assert_eq!(code(&given), "409 role_retired", "{}", given.text());
    done(&owner, &path(&owner, "LOCUM", "define").await, &json!({"retired": false})).await;
    assert_eq!(code(&first().await), "403 permission_denied", "nobody gets it back by that");
    done(&owner, &format!("{users}/{}/roles", user.as_str().unwrap()), &json!({"roles": ["LOCUM"]})).await;

    are_in_the_log(&owner, &["auth.role.copy", "auth.role.define", "auth.role.preview"]).await;
}

async fn are_in_the_log(owner: &Caller, acts: &[&str]) {
    let log = owner.get("/api/v1/audit/events?limit=100").await.json();
    let actions: Vec<&str> = log["data"].as_array().unwrap().iter().filter_map(|e| e["action"].as_str()).collect();
    for act in acts {
        assert!(actions.contains(act), "{act} is in the log: {actions:?}");
    }
}

#[tokio::test]
async fn what_came_with_the_organization_keeps_its_name_and_is_not_retired() {
    let app = TestApp::new().await;
    let (owner, other) = (app.key(app.valley, "OWNER").await, app.key(app.austa, "admin").await);
    let admin = app.database.connect("salus_admin").await;
    admin.batch_execute("UPDATE auth.roles SET is_system = true WHERE name = 'DOCTOR'").await.unwrap();
    let doctor = role(&owner, "DOCTOR").await["id"].as_str().unwrap().to_owned();
    let at = format!("{ROLES}/{doctor}");
    for verb in ["preview", "define"] {
        let told = owner.post(&format!("{at}/{verb}"), &json!({"retired": true})).await;
        assert_eq!(code(&told), "403 role_built_in", "{verb}: {}", told.text());
    }
    let version = i32::try_from(owner.get(&at).await.json()["row_version"].as_i64().unwrap()).unwrap();
    let renamed = owner.patch(&at, version, &json!({"name": "PHYSICIAN"})).await;
    assert_eq!(code(&renamed), "403 role_built_in", "{}", renamed.text());
    let described = owner.patch(&at, version, &json!({"name": "DOCTOR", "description": "Treats"})).await;
    assert_eq!(described.status.as_u16(), 200, "{}", described.text());
    let ended = owner.patch(&at, version + 1, &json!({"retired_at": "2026-01-01T00:00:00Z"})).await;
    assert_eq!(ended.status.as_u16(), 422, "{}", ended.text());
    let direct = admin.batch_execute("UPDATE auth.roles SET retired_at = now() WHERE is_system").await.unwrap_err();
    assert!(direct.as_db_error().unwrap().constraint() == Some("roles_built_in_stay"), "{direct:?}");
    // What it gives is the organization's to say; of another organization's roles there are none.
    done(&owner, &format!("{at}/define"), &json!({"bundles": ["READ_PHI"]})).await;
    assert_eq!(other.post(&format!("{at}/define"), &json!({"bundles": []})).await.status.as_u16(), 404);
    assert_eq!(other.post(&format!("{at}/copy"), &json!({"name": "x"})).await.status.as_u16(), 404);
}

#[tokio::test]
async fn nobody_puts_more_into_a_role_than_they_have_or_takes_out_what_they_could_not_give() {
    let app = TestApp::new().await;
    let owner = app.key(app.valley, "OWNER").await;
    done(&owner, ROLES, &json!({"name": "CLERK", "scope": "tenant", "purposes": []})).await;
    let held = json!({"bundles": ["auth.role.write", "auth.role.read", "auth.user.manage", "medical.patient.read"],
        "masks": [{"table": "medical.patients", "columns": ["birth_month"]}]});
    done(&owner, &path(&owner, "CLERK", "define").await, &held).await;
    done(&owner, &path(&owner, "CLERK", "copy").await, &json!({"name": "DESK"})).await;
    let clerk = app.key(app.valley, "CLERK").await;
    let tells =
        async |name: &str, verb: &str, body: Value| code(&clerk.post(&path(&owner, name, verb).await, &body).await);
    for (name, verb, body) in [
        ("DOCTOR", "copy", json!({"name": "MINE"})),
        ("DOCTOR", "preview", json!({"bundles": []})),
        ("DOCTOR", "define", json!({"bundles": []})),
        ("DOCTOR", "define", json!({"retired": true})),
        ("DESK", "define", json!({"bundles": ["READ_PHI"]})),
        // They are not answered the month of birth, so nobody else is by them.
        ("DESK", "define", json!({"masks": []})),
        ("CLERK", "define", json!({"scope": "own"})),
        ("CLERK", "define", json!({"masks": []})),
    ] {
        assert_eq!(tells(name, verb, body.clone()).await, "403 role_above_own", "{name} {verb} {body}");
    }
    assert_eq!(tells("DESK", "define", json!({"purposes": ["HOPERAT"]})).await, "200 ");
    assert_eq!(tells("CLERK", "copy", json!({"name": "DESK_TWO"})).await, "201 ");
    done(&owner, &path(&owner, "DESK_TWO", "define").await, &json!({"masks": []})).await;
    let roles = json!({"email": "d@x.example", "display_name": "D", "roles": ["DESK_TWO"]});
    let told = clerk.post("/api/v1/auth/users", &roles).await;
    assert!(told.text().contains("medical.patients.birth_month"), "a role without their mask: {}", told.text());
    for wrong in [
        json!({"masks": [{"table": "medical.patients", "columns": ["no_such"]}]}),
        json!({"masks": [{"table": "medical.patients", "columns": ["id"]}]}),
        json!({"masks": [{"table": "auth.nothing", "columns": ["id"]}]}),
        json!({"masks": [{"table": "medical.patients", "columns": []}]}),
        json!({"bundles": ["no.such.thing"]}),
        json!({"scope": "everywhere"}),
        json!({"purposes": ["FUN"]}),
    ] {
        assert_eq!(
            code(&owner.post(&path(&owner, "DESK", "define").await, &wrong).await),
            "422 validation_failed",
            "{wrong}"
        );
    }
}

async fn bundle(owner: &Caller, name: &str, verb: &str) -> String {
    let all = owner.get("/api/v1/auth/role-matrix").await.json();
    let found = all["contents"].as_array().unwrap().iter().find(|b| b["name"] == name).unwrap().clone();
    format!("/api/v1/auth/permissions/{}/{verb}", found["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_bundle_is_changed_after_a_preview_for_every_role_that_gives_it() {
    let app = TestApp::new().await;
    let owner = app.key(app.valley, "OWNER").await;
    let made = json!({"name": "FRONT", "patterns": ["medical.patient.read", "medical.provider.read"]});
    done(&owner, "/api/v1/auth/permissions", &made).await;
    for (name, held) in [("GREETER", json!(["FRONT"])), ("SORTER", json!(["FRONT", "medical.procedure.read"]))] {
        done(&owner, ROLES, &json!({"name": name, "scope": "tenant", "purposes": []})).await;
        done(&owner, &path(&owner, name, "define").await, &json!({"bundles": held})).await;
    }
    let (greeter, sorter) = (app.key(app.valley, "GREETER").await, app.key(app.valley, "SORTER").await);
    let second = app.key(app.valley, "GREETER").await;
    let sees =
        async |who: &Caller, what: &str| who.get(&format!("/api/v1/medical/{what}?limit=1")).await.status.as_u16();
    assert_eq!((sees(&greeter, "providers").await, sees(&greeter, "procedures").await), (200, 403));

    let change = json!({"patterns": ["medical.patient.read", "medical.procedure.read"]});
    let preview = done(&owner, &bundle(&owner, "FRONT", "preview").await, &change).await;
    assert_eq!(
        (&preview["gains"], &preview["loses"]),
        (&json!(["medical.procedure.read"]), &json!(["medical.provider.read"]))
    );
    let operations = &preview["operations"];
    assert!(operations["gains"].as_array().unwrap().contains(&json!("medical.procedure.list")), "{operations}");
    assert!(operations["loses"].as_array().unwrap().contains(&json!("medical.provider.get")), "{operations}");
    let roles: Vec<(&str, u64, &Value, &Value)> = preview["roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["name"].as_str().unwrap(), r["holders"].as_u64().unwrap(), &r["gains"], &r["loses"]))
        .collect();
    let (gained, lost, nothing) = (json!(["medical.procedure.read"]), json!(["medical.provider.read"]), json!([]));
    assert_eq!(roles, [("GREETER", 2, &gained, &lost), ("SORTER", 1, &nothing, &lost)], "besides what it gives anyway");
    assert_eq!(preview["holders_total"], 3);
    let holders = preview["holders"].as_array().unwrap();
    assert!(holders.iter().all(|h| h["loses"] == lost), "{holders:?}");
    soon().await;
    assert_eq!(sees(&second, "providers").await, 200, "a preview changes nothing");
    assert_eq!(
        done(&owner, &bundle(&owner, "FRONT", "define").await, &change).await,
        preview,
        "what was shown is done"
    );
    soon().await;
    assert_eq!((sees(&greeter, "providers").await, sees(&greeter, "procedures").await), (403, 200), "at once");
    assert_eq!((sees(&sorter, "providers").await, sees(&sorter, "procedures").await), (403, 200));
    are_in_the_log(&owner, &["auth.permission.preview", "auth.permission.define"]).await;

    let told = words(
        &done(&owner, &bundle(&owner, "FRONT", "preview").await, &json!({"patterns": ["auth.role.write"]})).await,
    );
    assert!(told.contains("3 must set up a second factor"), "{told}");
}

#[tokio::test]
async fn a_bundle_that_grants_nothing_there_is_is_refused_by_field() {
    let app = TestApp::new().await;
    let owner = app.key(app.valley, "OWNER").await;
    let change = json!({"patterns": ["medical.patient.read"]});
    done(&owner, "/api/v1/auth/permissions", &json!({"name": "FRONT", "patterns": ["medical.provider.read"]})).await;
    for (wrong, field) in
        [(json!(["no.such.thing"]), "/patterns"), (json!([]), "/patterns"), (json!(["medical.patient"]), "/patterns")]
    {
        for verb in ["preview", "define"] {
            let told = owner.post(&bundle(&owner, "FRONT", verb).await, &json!({"patterns": wrong})).await;
            assert_eq!(
                (code(&told).as_str(), &told.json()["errors"][0]["pointer"]),
                ("422 validation_failed", &json!(field)),
                "{wrong}"
            );
        }
    }
    let told =
        owner.post("/api/v1/auth/permissions", &json!({"name": "TYPO", "patterns": ["medical.pateint.read"]})).await;
    assert_eq!(code(&told), "422 validation_failed", "{}", told.text());
    let other = app.key(app.austa, "admin").await;
    assert_eq!(code(&other.post(&bundle(&owner, "FRONT", "define").await, &change).await), "404 not_found");
}

#[tokio::test]
async fn nobody_puts_more_into_a_bundle_than_they_have_or_takes_out_what_they_could_not_give() {
    let app = TestApp::new().await;
    let owner = app.key(app.valley, "OWNER").await;
    for (name, patterns) in
        [("OWN", json!(["auth.role.*", "medical.patient.read"])), ("SMALL", json!(["medical.patient.read"]))]
    {
        done(&owner, "/api/v1/auth/permissions", &json!({"name": name, "patterns": patterns})).await;
    }
    done(&owner, ROLES, &json!({"name": "CLERK", "scope": "tenant", "purposes": []})).await;
    let masks = json!([{"table": "medical.patients", "columns": ["birth_month"]}]);
    let held = json!({"bundles": ["auth.role.write", "auth.role.read", "OWN"], "masks": masks});
    // Without the right to appoint.
    done(&owner, &bundle(&owner, "OWN", "define").await, &json!({"patterns": ["medical.patient.read"]})).await;
    done(&owner, &path(&owner, "CLERK", "define").await, &held).await;
    done(&owner, &path(&owner, "CLERK", "copy").await, &json!({"name": "MASKED"})).await;
    done(&owner, &path(&owner, "MASKED", "define").await, &json!({"bundles": ["SMALL"]})).await;
    let clerk = app.key(app.valley, "CLERK").await;
    let tells = async |name: &str, verb: &str, patterns: &[&str]| {
        code(&clerk.post(&bundle(&owner, name, verb).await, &json!({"patterns": patterns})).await)
    };
    for verb in ["preview", "define"] {
        assert_eq!(tells("READ_PHI", verb, &["medical.patient.read"]).await, "403 role_above_own", "takes away");
        assert_eq!(tells("SMALL", verb, &["records.fact.read"]).await, "403 role_above_own", "gives");
        assert_eq!(tells("OWN", verb, &["records.fact.read"]).await, "403 role_above_own", "to themself");
        assert_eq!(
            tells("SMALL", verb, &["medical.patient.read", "auth.role.read"]).await,
            "200 ",
            "a role with their mask"
        );
    }
    // They are not answered the month of birth, so nobody else is by them: not by a bundle either, in whichever way it is changed.
    done(&owner, &path(&owner, "MASKED", "define").await, &json!({"masks": [], "bundles": ["auth.role.read"]})).await;
    done(&owner, "/api/v1/auth/permissions", &json!({"name": "BARE", "patterns": ["auth.role.read"]})).await;
    done(&owner, &path(&owner, "MASKED", "define").await, &json!({"bundles": ["BARE"]})).await;
    assert_eq!(tells("BARE", "define", &["medical.patient.read"]).await, "403 role_above_own");
    let at = bundle(&owner, "BARE", "").await.trim_end_matches('/').to_owned();
    let version = i32::try_from(owner.get(&at).await.json()["row_version"].as_i64().unwrap()).unwrap();
    let told = clerk.patch(&at, version, &json!({"patterns": ["medical.patient.read"]})).await;
    assert_eq!(code(&told), "403 role_above_own", "{}", told.text());
}

#[tokio::test]
async fn no_change_of_a_role_takes_out_the_last_administrator() {
    let app = TestApp::new().await;
    let _person = app.session("valley", app.valley, "OWNER").await;
    // A program that may do all an owner may, by a role of its own, is no administrator.
    let owner = app.key(app.valley, "OWNER").await;
    done(&owner, &path(&owner, "OWNER", "copy").await, &json!({"name": "ROBOT"})).await;
    let robot = app.key(app.valley, "ROBOT").await;
    let admin = app.database.connect("salus_admin").await;
    admin.batch_execute("UPDATE auth.users SET status = 'disabled' WHERE display_name LIKE '%(demo)'").await.unwrap();
    let define = path(&owner, "OWNER", "define").await;
    for body in
        [json!({"bundles": []}), json!({"scope": "own"}), json!({"purposes": ["BTG"]}), json!({"retired": true})]
    {
        assert_eq!(code(&robot.post(&define, &body).await), "403 last_administrator", "{body}");
    }
    let rows = async |table: &str, query: &str| {
        let all = robot.get(&format!("/api/v1/auth/{table}?limit=200&{query}")).await.json();
        all["data"].as_array().unwrap().clone()
    };
    let owners = role(&robot, "OWNER").await;
    let by_role = format!("role_id={}", owners["id"].as_str().unwrap());
    let mut tried = 0;
    for given in rows("role-permissions", &by_role).await {
        let id = given["permission_id"].as_str().unwrap();
        let bundle = robot.get(&format!("/api/v1/auth/permissions/{id}")).await.json();
        if !bundle["patterns"].to_string().contains("auth.") {
            continue;
        }
        let version = i32::try_from(bundle["row_version"].as_i64().unwrap()).unwrap();
        let told = robot
            .patch(&format!("/api/v1/auth/permissions/{id}"), version, &json!({"patterns": ["auth.user.read"]}))
            .await;
        let defined = robot
            .post(&format!("/api/v1/auth/permissions/{id}/define"), &json!({"patterns": ["auth.user.read"]}))
            .await;
        assert_eq!(code(&told), code(&defined), "the row by itself and in one step: {}", defined.text());
        tried += usize::from(code(&told) == "403 last_administrator");
    }
    assert_eq!(tried, 1, "the one bundle by which accounts are managed");
    let mut kept = 0;
    for held in rows("user-roles", &by_role).await {
        let id = held["id"].as_str().unwrap();
        let version = i32::try_from(held["row_version"].as_i64().unwrap()).unwrap();
        let end = json!({"valid_to": "2100-01-01T00:00:00Z", "valid_from": "2099-01-01T00:00:00Z"});
        let told = robot.patch(&format!("/api/v1/auth/user-roles/{id}"), version, &end).await;
        kept += usize::from(code(&told) == "403 last_administrator");
    }
    assert_eq!(kept, 1, "the term of the person");
    done(&robot, &define, &json!({"purposes": []})).await;
}
