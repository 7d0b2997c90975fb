//! One tenant by the program itself: into a file, into another installation, and gone.

use super::{
    backup::{Folder, client, done, hold, prepare, refused, text},
    serving::Server,
};
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

fn key(home: &Path, tenant: &str) -> String {
    let made = done(home, &["user", "service", "--tenant", tenant, "--name", "writer", "--role", "clinician"]);
    made["key"].as_str().unwrap().to_owned()
}

/// Waits until a key is answered so: a caller is believed for a second.
async fn until(server: &Server, key: &str, status: u16) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while server.ask("GET", "/api/v1/medical/patients", key, None).await.0 != status {
        assert!(Instant::now() < deadline, "never answered {status}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Makes a patient; answers the id.
pub async fn patient(server: &Server, key: &str, name: &str) -> String {
    let body = json!({"family_name": name, "given_names": "Ana", "mrn": "MRN-1"});
    let (status, made) = server.ask("POST", "/api/v1/medical/patients", key, Some(&body)).await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_moves_to_another_installation_with_its_keys_and_nothing_else_does() {
    let folder = Folder::new("move");
    let (home, _) = prepare(&folder);
    let cluster = hold(&home);
    for tenant in ["north", "south"] {
        done(&home, &["tenant", "create", tenant, "--name", tenant]);
    }
    let (north, south) = (key(&home, "north"), key(&home, "south"));
    let server = Server::start(&home);
    patient(&server, &south, "Southern").await;
    let patient = patient(&server, &north, "Northern").await;
    done(&home, &["tenant", "suspend", "north"]);
    until(&server, &north, 401).await;
    until(&server, &south, 200).await;
    let file = folder.path("north.age");
    let told = done(&home, &["tenant", "export", "north", "--out", text(&file)]);
    assert_eq!(told["exported"]["rows"]["medical.patients"], 1);
    done(&home, &["tenant", "resume", "north"]);
    until(&server, &north, 200).await;
    server.stop();
    let whole = fs::read(&file).unwrap();
    assert!(whole.starts_with(b"age-encryption.org/v1\n"));
    let identity = home.join("keys/operator.key");

    let elsewhere = Folder::new("elsewhere");
    let (other, wrong) = prepare(&elsewhere);
    let theirs = hold(&other);
    let restore = |from: &Path, identity: &Path, more: &[&str]| -> Vec<String> {
        let given = ["tenant", "restore", "--from", text(from), "--identity", text(identity)];
        given.iter().chain(more).map(|s| (*s).to_owned()).collect()
    };
    let refuses = |arguments: Vec<String>| refused(&other, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(refuses(restore(&file, &wrong, &[])).contains("does not open with this identity"));
    let foreign = refuses(restore(&file, &identity, &[]));
    assert!(foreign.contains("written by another installation"), "{foreign}");
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for damaged in [&flipped[..], &whole[..whole.len() - 1], &whole[..whole.len() / 2]] {
        let path = folder.path("damaged.age");
        fs::write(&path, damaged).unwrap();
        assert!(refuses(restore(&path, &identity, &["--foreign"])).contains("changed or cut"));
    }
    let none = "SELECT count(*) FROM kernel.tenants WHERE slug = 'north'";
    assert_eq!(client(&theirs).await.query_one(none, &[]).await.unwrap().get::<_, i64>(0), 0, "nothing was brought in");
    let arguments = restore(&file, &identity, &["--foreign"]);
    let told = done(&other, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((&told["imported"]["own"], &told["imported"]["rows"]["medical.patients"]), (&json!(false), &json!(1)));
    assert!(refuses(arguments).contains("nothing is overwritten"));
    let left: Vec<String> = tenants(&other);
    assert_eq!(left, ["north suspended"], "the other tenant stays where it was");
    done(&other, &["tenant", "resume", "north"]);
    assert_eq!(done(&other, &["keys", "doctor"])["ok"], true);
    // The key of before signs in, the name opens, and is found.
    let server = Server::start(&other);
    let (status, read) = server.ask("GET", &format!("/api/v1/medical/patients/{patient}"), &north, None).await;
    assert_eq!((status, &read["family_name"]), (200, &json!("Northern")), "{read}");
    let (_, found) = server.ask("GET", "/api/v1/medical/patients?name=north&mrn=MRN-1", &north, None).await;
    assert_eq!(found["data"][0]["id"], patient.as_str(), "{found}");
    assert_eq!(server.ask("GET", "/api/v1/medical/patients", &south, None).await.0, 401);
    server.stop();
    drop((cluster, theirs));
}

fn tenants(home: &Path) -> Vec<String> {
    let list = done(home, &["tenant", "list", "--all"]);
    let of = |t: &Value| format!("{} {}", t["slug"].as_str().unwrap(), t["state"].as_str().unwrap());
    list["tenants"].as_array().unwrap().iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_erased_by_its_own_people_and_the_operator_together() {
    let folder = Folder::new("gone");
    let (home, _) = prepare(&folder);
    let cluster = hold(&home);
    for tenant in ["north", "south"] {
        done(&home, &["tenant", "create", tenant, "--name", tenant]);
    }
    done(&home, &["audit", "seal"]);
    let out = folder.path("certificate.note");
    let erase = ["tenant", "erase", "north", "--confirm", "north", "--out", text(&out)];
    assert!(
        refused(&home, &["tenant", "erase", "north", "--confirm", "south", "--out", text(&out)]).contains("Repeats")
    );
    assert!(refused(&home, &erase).contains("salus tenant suspend north first"));
    done(&home, &["tenant", "suspend", "north"]);
    assert!(refused(&home, &erase).contains("Nobody of the tenant has asked"));
    assert!(!out.exists(), "no certificate of what was not done");
    let source = client(&cluster).await;
    // As the operation writes it for somebody who signed in.
    let ask = "INSERT INTO kernel.approvals (tenant_id, id, act, asked_by, asked_kind, expires_at) \
               SELECT id, gen_random_uuid(), 'erase_tenant', gen_random_uuid(), 'user', now() + interval '1 hour' \
               FROM kernel.tenants WHERE slug = 'north'";
    source.execute(ask, &[]).await.unwrap();
    let told = done(&home, &erase);
    let north = told["certificate"]["tenant"].as_str().unwrap().to_owned();
    assert_eq!(tenants(&home), ["north closed", "south active"]);
    for table in ["kernel.keys", "kernel.subject_keys", "auth.users", "auth.roles", "kernel.approvals"] {
        let sql = format!("SELECT count(*) FILTER (WHERE tenant_id::text = $1), count(*) FROM {table}");
        let row = source.query_one(&sql, &[&north]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), 0, "{table}");
    }
    let others =
        "SELECT count(*) FROM kernel.keys k JOIN kernel.tenants t ON t.id = k.tenant_id WHERE t.slug = 'south'";
    assert_eq!(source.query_one(others, &[]).await.unwrap().get::<_, i64>(0), 9, "the other tenant has its keys");
    assert!(fs::read_to_string(home.join("audit/erasures")).unwrap().contains(&format!("{north} tenant")));
    let verified = done(&home, &["audit", "verify"]);
    let signed = verified["report"]["key"].as_str().unwrap();
    let check = Command::new(env!("CARGO_BIN_EXE_salus-verify")).args([text(&out), "--key", signed]).output().unwrap();
    assert!(check.status.success());
    assert_eq!(done(&home, &["keys", "doctor"])["ok"], true);
    // A database from before comes back with the tenant: the next start erases it again.
    let back = "UPDATE kernel.tenants SET state = 'active' WHERE slug = 'north'";
    source.execute(back, &[]).await.unwrap();
    Server::start(&home).stop();
    assert_eq!(tenants(&home), ["north closed", "south active"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_names_who_has_no_way_back_in() {
    let folder = Folder::new("accounts");
    let (home, _) = prepare(&folder);
    let _cluster = hold(&home);
    assert_eq!(done(&home, &["doctor", "accounts"])["ok"], true, "there is nobody to look after");
    done(&home, &["tenant", "create", "north", "--name", "north"]);
    let told = refused(&home, &["doctor", "accounts"]);
    assert!(
        told.contains("nobody active manages accounts") && told.contains("no emergency credential is sealed"),
        "{told}"
    );
    assert!(told.contains("salus user seal-emergency --tenant north"), "{told}");
    assert!(told.contains("north refuse leaked passwords, and no list of them was imported"), "{told}");
    done(&home, &["user", "seal-emergency", "--tenant", "north", "--role", "admin"]);
    let told = refused(&home, &["doctor", "accounts"]);
    assert!(told.contains("nobody active manages accounts") && !told.contains("emergency credential"), "{told}");
    done(&home, &["tenant", "suspend", "north"]);
    assert_eq!(done(&home, &["doctor", "accounts"])["ok"], true, "who is suspended is not looked after");
}
