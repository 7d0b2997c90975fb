//! A pack of evidence by the program itself: its twelve sections say what is there and what is missing, and no changed
//! one is taken.

use super::backup::{Folder, client, command, done, hold, prepare, refused, text};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};

fn unpack(pack: &Path, to: &Path) {
    let done = Command::new("unzip").args(["-q", text(pack), "-d", text(to)]).status().unwrap();
    assert!(done.success());
}

fn section(dir: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(dir.join(format!("{name}.json"))).unwrap()).unwrap()
}

fn gaps(section: &Value) -> String {
    let all: Vec<&str> = section["gaps"].as_array().unwrap().iter().map(|g| g.as_str().unwrap()).collect();
    all.join("\n")
}

fn verified(pack: &Path, key: Option<&str>) -> (Option<i32>, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_salus-verify"));
    command.arg(text(pack)).arg("--json");
    if let Some(key) = key {
        command.args(["--key", key]);
    }
    let output = command.output().unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

/// An installation in which nobody did what an auditor asks for.
fn shows_what_is_missing(dir: &Path) {
    let risks = section(dir, "02-risk-register");
    assert_eq!(risks["statement"], "Nothing was recorded for this section in the period.");
    assert!(gaps(&risks).contains("north: no risk is in the register"), "{risks}");
    for (name, want) in [
        ("03-access-recertification", "north: no review of access rights was signed for"),
        ("04-sign-in-and-lockout", "north: nobody signed in"),
        ("05-audit-review-sign-offs", "north: no review of the audit log was signed for the whole of"),
        ("06-audit-verification-and-anchors", "Heads are kept in a file only"),
        ("08-backup-and-drill-reports", "No drill was done in the period"),
        ("12-components-and-vulnerabilities", "No report on advisories"),
    ] {
        assert!(gaps(&section(dir, name)).contains(want), "{name}: {}", section(dir, name)["gaps"]);
    }
    // Nothing left, so nothing lacks in the register, which is empty.
    let given = section(dir, "10-disclosures-and-authorizations");
    assert_eq!((gaps(&given).as_str(), &given["organizations"]["north"]["disclosures"]["by_type"]), ("", &json!([])));
    let months = gaps(&section(dir, "05-audit-review-sign-offs"));
    assert!(months.matches("20").count() >= 11, "each month without a review is named: {months}");
    let map = section(dir, "01-inventory-and-data-map");
    let tables = map["installation"]["tables"].as_array().unwrap();
    assert!(tables.iter().any(|t| t["table"] == "medical.patients" && t["sealed"].to_string().contains("family_name")));
    assert_eq!(
        section(dir, "06-audit-verification-and-anchors")["installation"]["verification"]["problems"],
        json!([])
    );
    let readme = fs::read_to_string(dir.join("README.txt")).unwrap();
    assert!(readme.contains("GAP: north: no risk is in the register"));
}

/// Five entries, one of them voided, one left out of accountings for a while, one that rests on nothing.
fn counts_what_was_disclosed(section: &Value) {
    let counted = &section["organizations"]["north"]["disclosures"];
    assert_eq!(counted["by_type"], json!([{"disclosure_type": "ELECTRONIC_TRANSMISSION", "disclosures": 4}]));
    assert_eq!(
        counted["by_purpose"],
        json!([{"purpose": "PUBLIC_HEALTH", "legal_basis": "45 CFR 164.512(b)", "disclosures": 3, "persons": 3},
               {"purpose": "PUBLIC_HEALTH", "legal_basis": null, "disclosures": 1, "persons": 1}])
    );
    let of = |name: &str| counted[name].as_i64();
    assert_eq!((of("accountable"), of("not_accountable"), of("suspended")), (Some(3), Some(1), Some(1)));
    assert_eq!(gaps(section), "north: 1 accountable disclosure(s) name no law or authorization that they rest on");
}

/// By our program, with the key that was noted; and by openssl and the eye.
fn can_be_checked_by_anybody(folder: &Folder, (pack, dir): (&Path, &Path), key: &str) {
    let (code, told) = verified(pack, Some(key));
    assert_eq!((code, told["checked"]["files"].as_array().unwrap().len()), (Some(0), 13), "{told}");
    assert_eq!(verified(pack, None).1["checked"]["key_given"], false);
    let openssl = |dir: &Path| {
        let at = |name: &str| text(&dir.join(name)).to_owned();
        let (key, text, signature) = (at("key.pem"), at("manifest.txt"), at("manifest.sig"));
        let arguments =
            ["pkeyutl", "-verify", "-pubin", "-inkey", &key, "-rawin", "-in", &text, "-sigfile", &signature];
        Command::new("openssl").args(arguments).output().unwrap().status.success()
    };
    assert!(openssl(dir));
    let forged = fs::read_to_string(dir.join("manifest.txt")).unwrap().replacen("salus-evidence", "salus-evidenze", 1);
    fs::write(dir.join("manifest.txt"), forged).unwrap();
    assert!(!openssl(dir));
    // A gap that is taken out of it.
    let mut bytes = fs::read(pack).unwrap();
    let at = bytes.windows(4).position(|w| w == b"GAP:").unwrap();
    bytes[at..at + 4].copy_from_slice(b"OK :");
    let changed = folder.path("changed.zip");
    fs::write(&changed, bytes).unwrap();
    assert_ne!(verified(&changed, Some(key)).0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_shows_what_is_there_and_what_is_missing_and_can_be_checked_by_anybody() {
    let folder = Folder::new("evidence");
    let (home, _) = prepare(&folder);
    let cluster = hold(&home);
    done(&home, &["tenant", "create", "north", "--name", "North"]);
    done(&home, &["audit", "seal"]);
    // The installation began twelve months and some days ago, so nothing is excused by its youth.
    let admin = client(&cluster).await;
    admin.batch_execute("UPDATE kernel.migrations SET applied_at = now() - interval '400 days'").await.unwrap();

    let empty = folder.path("empty.zip");
    let told = done(&home, &["compliance", "evidence", "--period", "12m", "--out", text(&empty)]);
    assert!(told["seconds"].is_f64(), "how long it took is told (A51): {told}");
    assert_eq!(told["sections"].as_array().unwrap().len(), 12);
    assert!(
        refused(&home, &["compliance", "evidence", "--out", text(&empty)]).contains("out:"),
        "no pack is written over"
    );
    let wrong = refused(&home, &["compliance", "evidence", "--period", "12", "--out", text(&folder.path("x.zip"))]);
    assert!(wrong.contains("such as 12m") && !folder.path("x.zip").exists());
    let dir = folder.path("empty");
    unpack(&empty, &dir);
    shows_what_is_missing(&dir);
    let (about, readme) = (verified(&empty, None).1, fs::read_to_string(dir.join("README.txt")).unwrap());
    let log = &about["checked"]["about"]["log"];
    assert!(log["size"].as_u64() > Some(0), "{about}");
    assert!(readme.contains(log["root"].as_str().unwrap()) && readme.contains(log["origin"].as_str().unwrap()));

    // What is recorded shows, and its gap goes.
    let sql = "SET session_replication_role = replica; \
        INSERT INTO compliance.risks (tenant_id, id, title, scenario, asset, likelihood, impact, treatment, state, review_due_on) \
          SELECT id, gen_random_uuid(), 'Lost laptop', 'Stolen on the way', 'Laptops', 'MEDIUM', 'HIGH', 'MITIGATE', 'TREATED', current_date + 90 \
          FROM kernel.tenants WHERE slug = 'north'; \
        INSERT INTO compliance.phi_disclosures (tenant_id, id, number, patient_id, disclosed_at, disclosure_type, purpose, method, \
            recipient_type, recipient_name, description, legal_basis, is_accountable, suspended_until, status, retention_until) \
          SELECT t.id, gen_random_uuid(), 'D-' || n, gen_random_uuid(), now() - interval '1 day', 'ELECTRONIC_TRANSMISSION', \
            'PUBLIC_HEALTH', 'API', 'PUBLIC_HEALTH_AUTHORITY', s.sealed, s.sealed, CASE n WHEN 2 THEN NULL ELSE '45 CFR 164.512(b)' END, \
            n < 4, CASE n WHEN 1 THEN current_date + 9 END, CASE n WHEN 5 THEN 'VOIDED' ELSE 'RECORDED' END, current_date + 2555 \
          FROM kernel.tenants t, generate_series(1, 5) n, (SELECT '\\xe50101'::bytea || decode(repeat('00', 60), 'hex') AS sealed) s \
          WHERE t.slug = 'north'";
    admin.batch_execute(sql).await.unwrap();
    let full = folder.path("full.zip");
    done(&home, &["compliance", "evidence", "--out", text(&full)]);
    let dir = folder.path("full");
    unpack(&full, &dir);
    let risks = section(&dir, "02-risk-register");
    assert_eq!(
        (risks["organizations"]["north"]["risks"][0]["title"].as_str(), gaps(&risks).as_str()),
        (Some("Lost laptop"), "")
    );
    counts_what_was_disclosed(&section(&dir, "10-disclosures-and-authorizations"));
    let log: Value = done(&home, &["audit", "list", "--tenant", "north"]);
    assert!(log.to_string().contains("compliance.evidence.take"), "taking it is on the record");

    let key = done(&home, &["audit", "verify"])["report"]["key"].as_str().unwrap().to_owned();
    can_be_checked_by_anybody(&folder, (&full, &dir), &key);

    // Without a log that is sealed there is no key to sign with, and no pack is left behind.
    admin.batch_execute("SET session_replication_role = replica; DELETE FROM audit.signing_keys").await.unwrap();
    let none = folder.path("none.zip");
    let output = command(&home, &["compliance", "evidence", "--out", text(&none)]).output().unwrap();
    assert!(!output.status.success() && !none.exists());
}
