//! People by the program: brought in from another system, kept from leaked passwords, and why one of them sees a row or not.

use super::{
    backup::{Folder, done, hold, prepare, refused, run, text},
    serving::Server,
    tenant::patient,
    told,
};
use serde_json::{Value, json};
use std::fs;

/// `Old-Horse-7-Battery-Was`, as another system keeps it.
const HASH: &str = "$2b$04$.BvIxTS3iGr6Qv.6Q2fWluaHN1AvrdtJMjvK6yLKvDVbobz5gP6fK";
const PASSWORD: &str = "Old-Horse-7-Battery-Was";

#[tokio::test(flavor = "multi_thread")]
async fn people_come_with_their_passwords_and_what_is_wrong_is_named_by_its_line() {
    let folder = Folder::new("people");
    let (home, _) = prepare(&folder);
    let _cluster = hold(&home);
    done(&home, &["tenant", "create", "north", "--name", "North"]);
    let file = folder.path("users.ndjson");
    let line = |email: &str, hash: &str| {
        json!({"email": email, "display_name": "Ada", "roles": ["clinician"], "bcrypt_hash": hash}).to_string()
    };
    let lines = [
        line("ada@north.example", HASH),
        "{not json".into(),
        String::new(),
        line("bo@north.example", "5f4dcc3b5aa765d61d8327deb882cf99"),
        line("ada@north.example", HASH),
        line("eve@north.example", HASH),
    ];
    fs::write(&file, lines.join("\n")).unwrap();
    let output = run(&home, &["user", "import", "--tenant", "north", "--file", text(&file)]);
    assert!(!output.status.success(), "lines were refused: {}", told(&output));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["imported"], 2, "{said}");
    let wrong: Vec<u64> = said["refused"].as_array().unwrap().iter().map(|r| r["line"].as_u64().unwrap()).collect();
    assert_eq!(wrong, [2, 4, 5], "{said}");
    assert!(said["refused"][1]["why"].as_str().unwrap().contains("bcrypt"), "{said}");
    let missing = folder.path("none.ndjson");
    assert!(refused(&home, &["user", "import", "--tenant", "north", "--file", text(&missing)]).contains("none.ndjson"));

    // The old password is the right one; a clinician's second factor is set up by browser.
    let server = Server::start(&home);
    let enter = async |password: &str| {
        let body = json!({"organization": "north", "email": "ada@north.example", "password": password});
        let (status, told) = server.ask("POST", "/api/auth/token", "", Some(&body)).await;
        (status, told["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(enter("another").await.0, 401);
    assert_eq!(enter(PASSWORD).await, (403, "sign_in_by_browser".into()));
    server.stop();

    let leaked = folder.path("leaked.txt");
    fs::write(&leaked, format!("{PASSWORD}\nanother one\n")).unwrap();
    assert!(done(&home, &["passwords", "status"])["list"].is_null());
    assert_eq!(done(&home, &["passwords", "import", text(&leaked)])["list"]["entries"], 2);
    let status = done(&home, &["passwords", "status"]);
    assert_eq!((&status["list"]["source"], &status["list"]["entries"]), (&json!("leaked.txt"), &json!(2)));
    assert!(!refused(&home, &["doctor", "accounts"]).contains("leaked"), "there is a list now");
    assert!(refused(&home, &["passwords", "import", text(&missing)]).contains("none.ndjson"));
    assert_eq!(done(&home, &["passwords", "remove"])["removed"], true);
    assert!(done(&home, &["passwords", "status"])["list"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn why_somebody_sees_a_row_is_said_rule_by_rule() {
    let folder = Folder::new("why");
    let (home, _) = prepare(&folder);
    let _cluster = hold(&home);
    done(&home, &["tenant", "create", "north", "--name", "North"]);
    let writer = done(&home, &["user", "service", "--tenant", "north", "--name", "writer", "--role", "clinician"]);
    let ada = ["--email", "ada@north.example", "--name", "Ada", "--role", "clinician"];
    done(&home, &[&["user", "invite", "--tenant", "north"][..], &ada].concat());
    let server = Server::start(&home);
    let patient = patient(&server, writer["key"].as_str().unwrap(), "Northern").await;
    server.stop();
    let row = format!("medical.patients/{patient}");
    let why = |user: &str, more: &[&str]| {
        let asked = ["explain", "access", "--tenant", "north", "--user", user, "--row", &row];
        done(&home, &[&asked[..], more].concat())
    };
    let refusing = |why: &Value| -> Vec<String> {
        let rules = why["rules"].as_array().unwrap().iter().filter(|r| r["holds"] == false);
        rules.map(|r| r["rule"].as_str().unwrap().to_owned()).collect()
    };
    let program = writer["user"].as_str().unwrap();
    let seen = why(program, &[]);
    assert_eq!((&seen["permit"], &seen["permission"]), (&json!(true), &json!("medical.patient.read")), "{seen}");
    assert!(refusing(&seen).is_empty());
    let for_research = why(program, &["--purpose", "HRESCH"]);
    // No role is left for it, and so nobody whom it reaches.
    assert_eq!(
        (&for_research["permit"], refusing(&for_research).join(" ").as_str()),
        (&json!(false), "purpose relationship")
    );
    let invited = why("ada@north.example", &[]);
    assert_eq!(refusing(&invited), ["account", "second_factor"], "{invited}");

    let ask = |user: &str, row: &str| {
        refused(&home, &["explain", "access", "--tenant", "north", "--user", user, "--row", row])
    };
    assert!(ask("nobody@north.example", &row).contains("No user of this tenant has the address nobody@north.example"));
    assert!(ask(program, &patient).contains("schema.table/ID"));
    assert!(ask(program, &format!("audit.leaves/{patient}")).contains("Is not a table whose rows are shown"));

    done(&home, &["tenant", "suspend", "north"]);
    assert_eq!(refusing(&why(program, &[])), ["organization"]);
}
