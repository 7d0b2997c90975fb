//! The key service by the program itself, Vault and AWS KMS in turn: what an operator sets in `salus.toml` works from the
//! handover to the day on which the service is away, has a new version of its key, or gives the key up.

use super::{
    backup::{Folder, command, done, hold, prepare, refused, text},
    serving::Server,
    told,
};
use salus_testkit::{FakeKms, Mood};
use serde_json::Value;
use std::{fs, path::Path};

/// Writes the table `[kms]` that names a service at this address.
fn settle(home: &Path, aws: bool, address: &str) {
    let credentials = home.join("kms.credentials");
    fs::write(&credentials, if aws { FakeKms::CREDENTIALS } else { FakeKms::TOKEN }).unwrap();
    let own = if aws {
        "kind = \"aws\"\nregion = \"us-east-1\"\nkey = \"alias/root\""
    } else {
        "kind = \"vault\"\nkey = \"root\""
    };
    let table = format!("[kms]\n{own}\naddress = \"{address}\"\ncredentials = \"{}\"\n", credentials.display());
    fs::write(home.join("salus.toml"), table).unwrap();
}

fn notes(doctor: &Value) -> String {
    doctor["report"]["notes"].to_string()
}

async fn lives_with_a_service(aws: bool) {
    let folder = Folder::new(if aws { "kms-aws" } else { "kms-vault" });
    let (home, recovery) = prepare(&folder);
    let cluster = hold(&home);
    let fake = FakeKms::new(aws);
    let service = fake.serve().await;
    let address = service.uri();
    assert!(refused(&home, &["keys", "handover"]).contains("Is a table [kms] of salus.toml"));
    settle(&home, aws, &address);
    let handed = done(&home, &["keys", "handover"]);
    assert_eq!(handed["kms"], if aws { "aws" } else { "vault" });
    assert!(!home.join("keys/operator.key").exists(), "the service has it instead");
    let kept = fs::read_to_string(home.join("keys/operator.kms")).unwrap();
    assert!(!kept.contains("AGE-SECRET"), "wrapped");

    for _ in 0..2 {
        fake.set(|_| ());
        let server = Server::start(&home);
        assert!(fake.calls() > 0, "each start asks the service");
        let asked = fake.calls();
        // A service that is away stops nobody who is served.
        fake.set(|s| s.mood = Mood::Revoked);
        assert!(server.is_well().await);
        assert_eq!(fake.calls(), 0, "{asked} at the start, none by a request");
        fake.set(|s| s.mood = Mood::Well);
        server.stop();
    }

    fake.set(|s| s.version = 2);
    assert!(
        notes(&done(&home, &["keys", "doctor"])).contains("salus keys handover"),
        "the version, not the name, is compared"
    );
    done(&home, &["keys", "handover"]);
    fake.set(|s| s.oldest = 2);
    assert_eq!(notes(&done(&home, &["keys", "doctor"])), "[]");
    Server::start(&home).stop();
    if !aws {
        // Put back, what was wrapped before opens no more: Vault says so, AWS opens what any version wrapped.
        let newer = fs::read(home.join("keys/operator.kms")).unwrap();
        fs::write(home.join("keys/operator.kms"), &kept).unwrap();
        assert!(refused(&home, &["keys", "doctor"]).contains("min_decryption_version"));
        fs::write(home.join("keys/operator.kms"), newer).unwrap();
    }

    fake.set(|s| s.mood = Mood::Revoked);
    let said = refused(&home, &["serve", "--port", "0"]);
    assert!(said.contains(if aws { "the key is disabled" } else { "refuses the token" }), "{said}");
    assert!(said.contains("recovery identity") && said.contains("operator_key"), "{said}");
    assert_eq!(fake.calls(), 1, "a refusal is not tried again");
    let before = fs::read(home.join("keys/operator.kms")).unwrap();
    refused(&home, &["keys", "handover"]);
    assert_eq!(fs::read(home.join("keys/operator.kms")).unwrap(), before);

    settle(&home, aws, "http://127.0.0.1:1");
    let said = refused(&home, &["serve", "--port", "0"]);
    assert!(said.contains("cannot be reached") && said.contains("operator_key"), "{said}");
    // What the words say works: the recovery identity opens everything without the service.
    let output = command(&home, &["keys", "doctor"]).env("SALUS_OPERATOR_KEY", &recovery).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    fs::write(home.join("salus.toml"), format!("operator_key = \"{}\"\n", text(&recovery))).unwrap();
    Server::start(&home).stop();
    drop(cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_lives_with_vault_and_without_it() {
    lives_with_a_service(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_lives_with_aws_kms_and_without_it() {
    lives_with_a_service(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_installation_with_a_service_never_leaves_the_identity_in_a_file() {
    let folder = Folder::new("kms-new");
    let home = folder.path("home");
    fs::create_dir(&home).unwrap();
    let service = FakeKms::new(false).serve().await;
    settle(&home, false, &service.uri());
    Server::start(&home).stop();
    assert!(home.join("keys/operator.kms").exists() && !home.join("keys/operator.key").exists());
    assert_eq!(done(&home, &["keys", "doctor"])["ok"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn drills_and_restores_take_the_identity_from_the_service() {
    let folder = Folder::new("kms-restore");
    let (home, _) = prepare(&folder);
    let cluster = hold(&home);
    let fake = FakeKms::new(false);
    let service = fake.serve().await;
    settle(&home, false, &service.uri());
    done(&home, &["keys", "handover"]);
    let from = done(&home, &["backup", "--out", text(&folder.path("out"))])["path"].as_str().unwrap().to_owned();
    let drill = ["drill", "restore", "--from", &from, "--scratch", text(&folder.0)];
    assert_eq!(done(&home, &drill)["problems"], serde_json::json!([]));
    drop(cluster);

    // Of the first home nothing but a copy of its settings is left.
    let settings = folder.path("salus.toml");
    fs::copy(home.join("salus.toml"), &settings).unwrap();
    fs::rename(home.join("kms.credentials"), folder.path("kms.credentials")).unwrap();
    let table = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, table.replace(text(&home), text(&folder.0))).unwrap();
    fs::remove_dir_all(&home).unwrap();
    let again = folder.path("again");
    let restore = ["restore", "--from", &from, "--settings", text(&settings)];
    fake.set(|s| s.mood = Mood::Revoked);
    let said = refused(&again, &restore);
    assert!(said.contains("refuses the token") && !again.exists(), "{said}");
    fake.set(|s| s.mood = Mood::Well);
    assert_eq!(done(&again, &restore)["problems"], serde_json::json!([]));
    fs::copy(&settings, again.join("salus.toml")).unwrap();
    assert_eq!(done(&again, &["keys", "doctor"])["ok"], true, "the wrapped identity came with the backup");
    assert!(!again.join("keys/operator.key").exists());
}
