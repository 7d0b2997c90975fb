//! The contract of the command line: what people read otherwise is one JSON document with `--json`, and whatever failed
//! has another exit code than 0.

use crate::{Place, told};
use serde_json::{Value, json};
use std::process::Output;

/// The one document of a reply.
fn document(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.trim()).unwrap_or_else(|e| panic!("{e}: {}", told(output)))
}

/// Commands that find all well on a database with one tenant.
const WELL: [&[&str]; 19] = [
    &["db", "status"],
    &["db", "plan"],
    &["db", "verify"],
    &["db", "repair"],
    &["db", "health"],
    &["verify"],
    &["doctor", "tenancy"],
    &["doctor", "database"],
    &["keys", "status"],
    &["keys", "doctor"],
    &["keys", "recipients", "list"],
    &["audit", "list", "--tenant", "north"],
    &["audit", "seal"],
    &["audit", "verify"],
    &["audit", "alerts"],
    &["user", "list", "--tenant", "north"],
    &["tenant", "list"],
    &["jobs", "list", "--tenant", "north"],
    &["passwords", "status"],
];

/// What is wrong in each, and the code that a machine is told.
const WRONG: [(&[&str], &str); 7] = [
    (&["db", "migrate", "--to", "999999"], ""),
    (&["db", "accept", "--version", "999"], ""),
    (&["user", "list", "--tenant", "nowhere"], ""),
    (
        &["user", "invite", "--tenant", "north", "--email", "none", "--name", "A", "--role", "admin"],
        "validation_failed",
    ),
    (&["tenant", "create", "north", "--name", "North"], "duplicate"),
    (&["demo", "load", "nowhere"], "validation_failed"),
    (&["import", "fhir", "/no/such/file", "--tenant", "north"], ""),
];

#[tokio::test]
async fn every_command_speaks_to_people_and_to_machines() {
    let place = Place::new().await;
    let (app, admin, sealer) = (place.url("salus_app"), place.url("salus_admin"), place.url("salus_sealer"));
    let settings = [
        ("DATABASE_URL", app.as_str()),
        ("DATABASE_ADMIN_URL", admin.as_str()),
        ("DATABASE_SEALER_URL", sealer.as_str()),
    ];
    let run = |arguments: &[&str]| place.run(&settings, arguments);
    for arguments in [&["keys", "init"][..], &["tenant", "create", "north", "--name", "North"]] {
        assert!(run(arguments).status.success());
    }
    let invited = run(&[
        "--json",
        "user",
        "invite",
        "--tenant",
        "north",
        "--email",
        "a@north.example",
        "--name",
        "A",
        "--role",
        "admin",
    ]);
    assert!(invited.status.success(), "{}", told(&invited));
    assert!(document(&invited).to_string().contains("/setup/"), "{}", told(&invited));
    for arguments in WELL {
        let people = run(arguments);
        assert!(people.status.success(), "{arguments:?}: {}", told(&people));
        assert!(!people.stdout.is_empty() && people.stdout[0] != b'{', "{arguments:?}: {}", told(&people));
        let machines = run(&[&["--json"][..], arguments].concat());
        assert!(machines.status.success() && document(&machines).is_object(), "{arguments:?}");
    }
    for (arguments, code) in WRONG {
        let people = run(arguments);
        assert_eq!(people.status.code(), Some(1), "{arguments:?}: {}", told(&people));
        assert!(String::from_utf8_lossy(&people.stderr).starts_with("salus: "), "{arguments:?}: {}", told(&people));
        let machines = run(&[&["--json"][..], arguments].concat());
        let said = document(&machines);
        assert_eq!((machines.status.code(), &said["ok"]), (Some(1), &json!(false)), "{arguments:?}: {said}");
        assert!(said["code"].as_str().is_some_and(|c| code.is_empty() || c == code), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn an_import_tells_what_it_read_kept_and_refused() {
    let place = Place::new().await;
    let (app, admin) = (place.url("salus_app"), place.url("salus_admin"));
    let settings = [("DATABASE_URL", app.as_str()), ("DATABASE_ADMIN_URL", admin.as_str())];
    let run = |arguments: &[&str]| place.run(&settings, arguments);
    for arguments in [&["keys", "init"][..], &["tenant", "create", "north", "--name", "North"]] {
        assert!(run(arguments).status.success());
    }
    let file = place.home.join("patients.ndjson");
    let lines = [
        r#"{"resourceType":"Patient","id":"a","name":[{"family":"Sample","given":["Ana"]}],"gender":"female"}"#,
        r#"{"resourceType":"Patient","id":"b","name":[{"family":"Sample"}],"birthDate":"1990-02-30"}"#,
        r#"{"resourceType":"Patient","id":"c","name":[{"family":"Specimen"}],"gender":"unknown"}"#,
    ];
    std::fs::write(&file, lines.join("\n")).unwrap();
    let file = file.to_str().unwrap();
    let import = |more: &[&str]| run(&[&["import", "fhir", file, "--tenant", "north"][..], more].concat());
    for (more, stored, unchanged) in [(&["--dry-run", "--json"][..], 2, 0), (&["--json"], 2, 0), (&["--json"], 0, 2)] {
        let output = import(more);
        let said = document(&output);
        assert_eq!((output.status.code(), &said["ok"]), (Some(1), &json!(false)), "a line was refused: {said}");
        let counts = &said["summary"]["types"]["Patient"];
        assert_eq!(
            (&counts["read"], &counts["stored"], &counts["unchanged"], &counts["refused"]),
            (&json!(3), &json!(stored), &json!(unchanged), &json!(1)),
            "{more:?}: {said}"
        );
        let refusal = &said["summary"]["refusals"][0];
        assert_eq!((&refusal["line"], &refusal["path"]), (&json!(2), &json!("Patient.birthDate")), "{said}");
    }
    let people = told(&import(&[]));
    assert!(
        people.contains("patients.ndjson:2: Patient.birthDate:") && people.contains("1 resource(s) refused"),
        "{people}"
    );
    let out = place.home.join("out");
    let exported = run(&["--json", "export", "fhir", "--tenant", "north", "--out", out.to_str().unwrap()]);
    assert_eq!((exported.status.code(), &document(&exported)["files"][0]["resources"]), (Some(0), &json!(2)));
}

/// A command that needs no database.
fn bare(arguments: &[&str]) -> Output {
    let place = std::env::temp_dir();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_salus"));
    command.arg("--home").arg(&place).args(arguments).output().unwrap()
}

#[test]
fn words_that_are_none_are_told_to_machines_as_well() {
    let run = bare;
    for arguments in [&["--json", "tenants"][..], &["db", "migrate", "--to", "x", "--json"]] {
        let output = run(arguments);
        let said = document(&output);
        assert_eq!((output.status.code(), &said["code"]), (Some(2), &json!("usage")), "{said}");
        assert!(said["detail"].as_str().unwrap().contains("error:"), "{said}");
    }
    let people = run(&["tenants"]);
    assert!(people.status.code() == Some(2) && people.stdout.is_empty() && told(&people).contains("Usage"));
    let help = run(&["--json", "--help"]);
    assert!(help.status.success() && told(&help).contains("Usage"));
}

/// `salus conformance cdsi` on cases of the published suite, and on one of which a cell was changed: the score as text and as JSON, and the
/// exit code.
#[test]
fn the_suite_of_immunization_prints_its_score_and_what_failed() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/cdsi");
    let cases = std::fs::read_to_string(data.join("test-cases/healthy-v4.45.csv")).unwrap();
    let few: Vec<&str> = cases.lines().take(4).collect();
    assert!(few[1].starts_with("2013-0001,") && few[1].contains(",2025-12-22,"), "{}", few[1]);
    let place = std::env::temp_dir().join(format!("salus-cdsi-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    let supporting = data.join("supporting-data-4.64");
    let run = |name: &str, text: &str| {
        let file = place.join(name);
        std::fs::write(&file, text).unwrap();
        let all = ["--json", "conformance", "cdsi", "--supporting", supporting.to_str().unwrap(), "--cases"];
        let json = bare(&[&all[..], &[file.to_str().unwrap()]].concat());
        let people = bare(&[&all[1..], &[file.to_str().unwrap()]].concat());
        (json.status.code(), document(&json), String::from_utf8_lossy(&people.stdout).into_owned())
    };
    let (code, said, text) = run("right.csv", &few.join("\n"));
    let total = said["total"].as_u64().unwrap();
    assert_eq!(
        (code, &said["suite"], &said["passed"], &said["failed"]),
        (Some(0), &json!("cdsi-healthy"), &json!(total), &json!([]))
    );
    assert!(total >= 3 && text.contains(&format!("cdsi-healthy: {total} of {total} passed")), "{text}");

    let wrong = few.join("\n").replacen(",2025-12-22,", ",2025-12-23,", 1);
    let (code, said, text) = run("wrong.csv", &wrong);
    assert_eq!((code, &said["total"], &said["passed"]), (Some(1), &json!(total), &json!(total - 1)), "{said}");
    let failed = &said["failed"][0];
    assert_eq!(
        (&failed["id"], &failed["expected"], &failed["got"]),
        (&json!("2013-0001"), &json!("2025-12-23"), &json!("2025-12-22"))
    );
    assert!(failed["column"].is_string() && text.contains("2013-0001"), "{said} {text}");
    std::fs::remove_dir_all(&place).unwrap();
}
