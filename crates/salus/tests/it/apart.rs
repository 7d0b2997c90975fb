//! A04 outside of requests: what one organization's files, its commands and the server's log tell holds nothing of another's. The
//! operations are tried by `salus prove isolation`, the pages by the tests of pages.

use super::{
    backup::{Folder, command, done, hold, names, prepare, text},
    serving::Server,
    told,
};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A word of each kind that another organization writes.
const WORDS: [&str; 5] = ["Zzyzxfamily", "Zzyzxgiven", "ZZYZX-77", "Zzyzxstreet", "Zzyzxfinding"];

fn bundle(folder: &Folder) -> PathBuf {
    let [family, given, number, street, finding] = WORDS;
    let lines = [
        json!({"resourceType": "Patient", "id": "p1", "identifier": [{"system": "urn:example:mrn", "value": number,
               "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}}],
               "name": [{"family": family, "given": [given]}], "gender": "female", "birthDate": "1987-04-03",
               "address": [{"line": [street], "city": "Springfield"}]}),
        json!({"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}, "recordedDate": "2026-01-02",
               "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]},
               "code": {"coding": [{"system": "http://snomed.info/sct", "code": "386661006", "display": finding}], "text": finding}}),
    ];
    let file = folder.path("south.ndjson");
    fs::write(&file, lines.map(|line| format!("{line}\n")).concat()).unwrap();
    file
}

fn key(home: &Path, tenant: &str) -> String {
    let made = done(home, &["user", "service", "--tenant", tenant, "--name", "reader", "--role", "clinician"]);
    made["key"].as_str().unwrap().to_owned()
}

/// Every file below a place, as bytes read as text.
fn read_all(place: &Path) -> String {
    if place.is_file() {
        return String::from_utf8_lossy(&fs::read(place).unwrap()).into_owned();
    }
    names(place).iter().map(|name| read_all(&place.join(name))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_commands_and_log_hold_nothing_of_another_organization() {
    let folder = Folder::new("apart");
    let (home, _) = prepare(&folder);
    let _cluster = hold(&home);
    for tenant in ["north", "south"] {
        done(&home, &["tenant", "create", tenant, "--name", tenant]);
    }
    let imported = done(&home, &["import", "fhir", text(&bundle(&folder)), "--tenant", "south"]);
    let (north, south) = (key(&home, "north"), key(&home, "south"));
    let server = Server::start(&home);
    let patients = "/api/v1/medical/patients";
    let (_, shown) = server.ask("GET", patients, &south, None).await;
    assert!(WORDS[..3].iter().all(|word| shown.to_string().contains(word)), "{shown}; {imported}");
    let id = shown["data"][0]["id"].as_str().unwrap().to_owned();
    // What is asked wrongly is what a log or an error would tell most of.
    let body = json!({"family_name": WORDS[0], "given_names": 7, "mrn": WORDS[2]});
    let mut heard = String::new();
    for (method, path, sent) in [
        ("GET", patients.to_owned(), None),
        ("GET", format!("{patients}/{id}"), None),
        ("GET", format!("{patients}?mrn={}", WORDS[2]), None),
        ("GET", format!("{patients}?name={}", WORDS[0]), None),
        ("GET", "/api/health/db".to_owned(), None),
        ("GET", format!("/api/v1/records/diagnoses?patient_id={id}"), None),
    ] {
        heard += &server.ask(method, &path, &north, sent).await.1.to_string();
    }
    let (status, refused) = server.ask("POST", patients, &south, Some(&body)).await;
    assert_eq!(status, 422, "{refused}");
    server.stop();
    let out = |name: &str| folder.path(name);
    done(&home, &["export", "fhir", "--tenant", "south", "--out", text(&out("south"))]);
    let theirs = read_all(&out("south"));
    for word in WORDS {
        assert!(theirs.contains(word), "south's own export does not hold {word}: the rest would prove nothing");
    }
    let (fhir, log, pack) = (out("north"), out("north.bundle"), out("pack.zip"));
    let commands: [&[&str]; 9] = [
        &["export", "fhir", "--tenant", "north", "--out", text(&fhir)],
        &["audit", "export", "--tenant", "north", "--output", text(&log)],
        &["compliance", "evidence", "--period", "1d", "--out", text(&pack)],
        &["audit", "list", "--tenant", "north"],
        &["audit", "list", "--tenant", "south"],
        &["verify"],
        &["audit", "verify", "--rows"],
        &["doctor", "crypto"],
        &["db", "verify"],
    ];
    for arguments in commands {
        let output = command(&home, arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", told(&output));
        heard += &told(&output);
    }
    for file in [fhir, log, pack, home.with_extension("serve.log"), home.join("log")] {
        let read = read_all(&file);
        assert!(!read.is_empty() || file.ends_with("north"), "{} is empty", file.display());
        heard += &read;
    }
    for word in WORDS {
        let at = heard.find(word).map(|at| heard[at.saturating_sub(120)..].chars().take(240).collect::<String>());
        assert_eq!(at, None, "{word} was told");
    }
}
