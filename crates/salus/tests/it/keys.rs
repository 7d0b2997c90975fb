//! Keys by the program itself: an exchange that is killed goes on, the root key gets a new version, and a person who was
//! erased does not come back with an older backup.

use super::{
    backup::{Folder, client, done, hold, prepare, refused, run, text},
    serving::Server,
    told,
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// Values of a class under keys that are not in use, in one tenant.
fn behind(home: &Path, class: &str) -> i64 {
    let status = done(home, &["keys", "status", "--tenant", "valley"]);
    let keys = status["keys"].as_array().unwrap();
    let older = keys.iter().filter(|k| k["key"]["class"] == class && k["key"]["state"] != "active");
    older.map(|k| k["values"].as_i64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_is_killed_three_times_goes_on_and_the_root_key_is_given_up() {
    let folder = Folder::new("rotate");
    let (home, recovery) = prepare(&folder);
    let cluster = hold(&home);
    done(&home, &["demo", "load", "valley"]);
    let mut killed = 0;
    let rotate = ["keys", "rotate", "--tenant", "valley", "--class", "identity", "--class", "clinical"];
    let mut arguments = &rotate[..];
    for _ in 0..3 {
        let mut child = super::backup::command(&home, arguments).spawn().unwrap();
        // Until it has begun, and a little: into the learning, then into the moving.
        let sql = "SELECT count(*) FROM kernel.key_rotation_history WHERE finished_at IS NULL";
        let source = client(&cluster).await;
        let deadline = Instant::now() + Duration::from_mins(1);
        while source.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) < 2 {
            assert!(Instant::now() < deadline, "the exchange does not begin");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_millis(700 * killed)).await;
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            killed += 1;
        }
        child.wait().unwrap();
        arguments = &["keys", "rotate", "--resume"];
    }
    assert!(killed > 0);
    let ended = done(&home, &["keys", "rotate", "--resume", "--fast"]);
    assert_eq!(ended["left"], serde_json::json!([]));
    assert_eq!((behind(&home, "identity"), behind(&home, "clinical")), (0, 0));

    let old = fs::read(home.join("keys/root.age")).unwrap();
    let rewrapped = done(&home, &["keys", "rewrap"]);
    assert_eq!((&rewrapped["done"]["version"], &rewrapped["done"]["given_up"]), (&Value::from(2), &Value::from(1)));
    let doctor = done(&home, &["keys", "doctor", "--escrow", text(&recovery)]);
    assert_eq!(
        (&doctor["ok"], &doctor["escrow"], &doctor["report"]["notes"]),
        (&true.into(), &true.into(), &Value::Array(vec![]))
    );
    // The file of before opens nothing here any more.
    let new = fs::read(home.join("keys/root.age")).unwrap();
    fs::write(home.join("keys/root.age"), &old).unwrap();
    assert!(refused(&home, &["keys", "doctor"]).contains("belongs to another installation"));
    fs::write(home.join("keys/root.age"), new).unwrap();
    done(&home, &["keys", "doctor"]);
}

/// An API key of a new service of the tenant with this role.
fn service(home: &Path, role: &str) -> String {
    let made = done(home, &["user", "service", "--tenant", "north", "--name", role, "--role", role]);
    made["key"].as_str().unwrap().to_owned()
}

/// A certificate is signed with the key of the log, and one changed letter is noticed.
fn assert_signed(home: &Path, note: &Path) {
    let key = done(home, &["audit", "verify"])["report"]["key"].as_str().unwrap().to_owned();
    let verify =
        |key: &str| Command::new(env!("CARGO_BIN_EXE_salus-verify")).args([text(note), "--key", key]).output().unwrap();
    assert!(verify(&key).status.success());
    fs::write(note, fs::read_to_string(note).unwrap().replacen("complete", "comp1ete", 1)).unwrap();
    assert_eq!(verify(&key).status.code(), Some(3));
}

/// The second time it says when that was, and by whom.
fn is_erased_once(shred: impl Fn() -> std::process::Output) {
    let output = shred();
    assert!(output.status.success() && told(&output).contains("\"erased\""), "{}", told(&output));
    let again = told(&shred());
    for part in ["was erased at 20", "asked for by", "confirmed by the operator"] {
        assert!(again.contains(part), "{again}");
    }
}

/// Where the disk is lost with the list, the copy that the server keeps beside the backups serves, without being named.
fn the_list_beside_the_backups_is_found(
    folder: &Folder,
    (from, recovery): (&Path, &Path),
    ledger: &Path,
    root_key: &Value,
) {
    let copy = folder.path("out").join(format!("erasures-{}", root_key.as_str().unwrap()));
    fs::copy(ledger, copy).unwrap();
    let restored = folder.path("beside");
    let report = done(&restored, &["restore", "--from", text(from), "--identity", text(recovery)]);
    assert!(report["notes"].to_string().contains("1 were erased again"), "{report}");
    // A list that is older takes nobody off the one that is there.
    assert_eq!(fs::read(restored.join("audit/erasures")).unwrap(), fs::read(ledger).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_erased_after_a_backup_is_unreadable_after_its_restore() {
    let folder = Folder::new("shred");
    let (home, recovery) = prepare(&folder);
    let cluster = hold(&home);
    done(&home, &["tenant", "create", "north", "--name", "North"]);
    done(&home, &["audit", "seal"]);
    let (writer, officer) = (service(&home, "clinician"), service(&home, "privacy_officer"));
    let server = Server::start(&home);
    let body = json!({"family_name": "Gone", "given_names": "Ana"});
    let (_, made) = server.ask("POST", "/api/v1/medical/patients", &writer, Some(&body)).await;
    let person = made["id"].as_str().unwrap().to_owned();
    let backup = done(&home, &["backup", "--out", text(&folder.path("out"))]);
    let from = PathBuf::from(backup["path"].as_str().unwrap());
    let shred = ["keys", "shred", "--tenant", "north", "--person", &person, "--reason", "subject_request", "--confirm"];
    let with = |confirm: &str| -> Vec<String> { shred.iter().copied().chain([confirm]).map(str::to_owned).collect() };
    let call = |confirm: &str| run(&home, &with(confirm).iter().map(String::as_str).collect::<Vec<_>>());
    let other = call("00000000-0000-0000-0000-000000000001");
    assert!(!other.status.success() && told(&other).contains("Repeats the id"), "{}", told(&other));
    // The operator alone asks, and asks again in vain; a program of the tenant may ask, and the operator confirms.
    let asked: Value = serde_json::from_slice(&call(&person).stdout).unwrap();
    assert_eq!((&asked["state"], &asked["erased_at"]), (&json!("waiting"), &Value::Null));
    let again = call(&person);
    assert!(!again.status.success() && told(&again).contains("waits for another person"), "{}", told(&again));
    let requests = "/api/v1/compliance/erasure-requests";
    let id = asked["request"].as_str().unwrap();
    let (status, told_no) = server.ask("POST", &format!("{requests}/{id}/decline"), &officer, None).await;
    assert_eq!(
        (status, &told_no["code"]),
        (403, &json!("two_person_required")),
        "a program decides nothing: {told_no}"
    );
    let source = client(&cluster).await;
    source.execute("UPDATE kernel.approvals SET expires_at = now()", &[]).await.unwrap();
    let body = json!({"person_id": person, "reason": "subject_request"});
    assert_eq!(server.ask("POST", requests, &officer, Some(&body)).await.0, 201);
    is_erased_once(|| call(&person));
    let ledger = home.join("audit/erasures");
    assert!(fs::read_to_string(&ledger).unwrap().contains(&person));
    server.stop();

    // Not complete while the backup is there; complete when it is gone; signed.
    let certificate = |name: &str| {
        let out = folder.path(name);
        let told = done(&home, &["keys", "certificate", "--tenant", "north", "--person", &person, "--out", text(&out)]);
        (told["certificate"].clone(), out)
    };
    let (first, _) = certificate("first.note");
    assert_eq!((&first["state"], &first["backups_left"]), (&json!("backups_left"), &json!(1)));
    let restored = folder.path("restored");
    let report = done(
        &restored,
        &["restore", "--from", text(&from), "--identity", text(&recovery), "--erasures", text(&ledger)],
    );
    assert!(report["notes"].to_string().contains("1 were erased again"), "{report}");
    the_list_beside_the_backups_is_found(&folder, (&from, &recovery), &ledger, &backup["manifest"]["root_key"]);
    fs::remove_dir_all(&from).unwrap();
    let (second, note) = certificate("second.note");
    assert!(second["state"] == "complete" && second["complete_on"].as_str() > second["erased_at"].as_str(), "{second}");
    assert_signed(&home, &note);

    let again = hold(&restored);
    let sql = "SELECT count(*), count(wrapped) FROM kernel.subject_keys WHERE id::text = $1";
    let row = client(&again).await.query_one(sql, &[&person]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (1, 0));
    assert!(restored.join("audit/erasures").exists(), "every start repeats it");
}

#[tokio::test(flavor = "multi_thread")]
async fn recipients_of_the_root_key_come_and_go_and_a_leaked_operator_key_opens_nothing_new() {
    let folder = Folder::new("recipients");
    let (home, recovery) = prepare(&folder);
    let cluster = hold(&home);
    let keys = |arguments: &[&str]| done(&home, &[&["keys", "recipients"], arguments].concat());
    let opens = |identity: &Path| {
        let output =
            super::backup::command(&home, &["keys", "doctor"]).env("SALUS_OPERATOR_KEY", identity).output().unwrap();
        output.status.success()
    };
    let before = keys(&["list"]);
    assert_eq!(before["recipients"].as_array().unwrap().len(), 2);
    let added = keys(&["add", "--new"]);
    let (third, theirs) = (added["recipient"].as_str().unwrap(), folder.path("third.key"));
    fs::write(&theirs, added["identity"].as_str().unwrap()).unwrap();
    assert!(opens(&theirs) && opens(&recovery), "one more opens it, and nobody less");
    assert!(refused(&home, &["keys", "recipients", "add", third]).contains("opens the root key already"));
    assert!(refused(&home, &["keys", "recipients", "add", "age1nobody"]).contains("is not an age public key"));
    assert!(refused(&home, &["keys", "recipients", "remove", "age1nobody"]).contains("recipients list"));
    let operator = before["operator"].as_str().unwrap();
    assert!(refused(&home, &["keys", "recipients", "remove", operator]).contains("replace-operator"));

    // The operator's file leaked: it opens nothing that is written from now on, whatever else is known.
    let leaked = folder.path("leaked.key");
    fs::copy(home.join("keys/operator.key"), &leaked).unwrap();
    keys(&["replace-operator"]);
    assert!(!opens(&leaked) && opens(&recovery) && opens(&theirs));
    done(&home, &["keys", "doctor"]);
    let old = fs::read(home.join("keys/root.age")).unwrap();
    keys(&["remove", third]);
    assert!(!opens(&theirs) && opens(&recovery));
    assert!(refused(&home, &["keys", "recipients", "remove", third]).contains("recipients list"));
    // The file of before, which the third still opens, does not open this database: the root key is another.
    fs::write(home.join("keys/root.age"), &old).unwrap();
    assert!(!opens(&theirs) && !opens(&recovery));
    drop(cluster);
}
