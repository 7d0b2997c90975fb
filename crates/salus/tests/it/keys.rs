//! Keys by the program itself: an exchange that is killed goes on, the root key gets a new version, and a person who was
//! erased does not come back with an older backup.

use super::{
    backup::{Folder, client, done, hold, prepare, refused, run, text},
    told,
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use uuid::Uuid;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_person_erased_after_a_backup_is_unreadable_after_its_restore() {
    let folder = Folder::new("shred");
    let (home, recovery) = prepare(&folder);
    let cluster = hold(&home);
    done(&home, &["demo", "load", "valley"]);
    let source = client(&cluster).await;
    let person: Uuid = source.query_one("SELECT min(id::text)::uuid FROM medical.patients", &[]).await.unwrap().get(0);
    let person = person.to_string();
    let backup = done(&home, &["backup", "--out", text(&folder.path("out"))]);
    let from = PathBuf::from(backup["path"].as_str().unwrap());
    let shred =
        ["keys", "shred", "--tenant", "valley", "--person", &person, "--reason", "subject_request", "--confirm"];
    let with =
        |confirm: &str| -> Vec<String> { shred.iter().map(|s| (*s).to_owned()).chain([confirm.to_owned()]).collect() };
    let call = |confirm: &str| run(&home, &with(confirm).iter().map(String::as_str).collect::<Vec<_>>());
    let other = call("00000000-0000-0000-0000-000000000001");
    assert!(!other.status.success() && told(&other).contains("Repeats the id"), "{}", told(&other));
    let output = call(&person);
    assert!(output.status.success(), "{}", told(&output));
    let ledger = home.join("audit/erasures");
    assert!(fs::read_to_string(&ledger).unwrap().contains(&person));

    let restored = folder.path("restored");
    let report = done(
        &restored,
        &["restore", "--from", text(&from), "--identity", text(&recovery), "--erasures", text(&ledger)],
    );
    assert!(report["notes"].to_string().contains("1 were erased again"), "{report}");
    let again = hold(&restored);
    let sql = "SELECT count(*), count(wrapped) FROM kernel.subject_keys WHERE id::text = $1";
    let row = client(&again).await.query_one(sql, &[&person]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (1, 0));
    assert!(restored.join("audit/erasures").exists(), "every start repeats it");
}
