//! A25: what is written through the door stands nowhere in clear: not in tables, indexes, WAL, logs or a dump.

use crate::world::{World, at};
use salus_core::Ctx;
use salus_domains::auth;
use salus_store::{
    Call,
    catalog::{Column, Kind},
    scan::{Scan, Scanner},
    seal::Format,
};
use salus_testkit::TestCluster;
use serde_json::{Map, Value, json};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A value for each sealed text, by table and column: 20 letters that nothing else contains.
fn canary(table: &str, column: &str) -> String {
    let letters: String = format!("{table}{column}").chars().filter(char::is_ascii_alphabetic).collect();
    let digest = salus_store::seal::digest(letters.as_bytes());
    let tail: String = digest[..12].iter().map(|b| char::from(b'a' + b % 26)).collect();
    format!("Kanarie{tail}")
}

/// Rows through the door in every table about a person that the door can fill, with a canary in each sealed text.
async fn fill(world: &World) -> Vec<String> {
    let mut canaries = Vec::new();
    let mut patient = String::new();
    let mut filled = 0;
    let catalog = world.db.catalog();
    let mut creates: Vec<_> = world.ops.iter().filter(|o| o.name.ends_with(".create")).collect();
    creates.retain(|o| catalog.table(o.target).unwrap().columns.iter().any(Column::is_sealed));
    creates.sort_by_key(|o| o.target != "medical.patients");
    let mut tx = world.db.begin(world.operator(), false).await.unwrap();
    let user = salus_domains::auth::create_service(&mut tx, "Somebody", &[]).await.unwrap();
    tx.commit("auth.user.create_service", "auth.users").await.unwrap();
    let school = school(world).await;
    for op in creates {
        let table = catalog.table(op.target).unwrap();
        let properties = op.input.as_ref().unwrap()["properties"].as_object().unwrap();
        let mut body = Map::new();
        for column in table.columns.iter().filter(|c| properties.contains_key(&c.name)) {
            let value = match column.kind {
                Kind::Sealed(Format::Text) if column.name != "entered_in_error_reason" => {
                    canaries.push(canary(&table.name, &column.name));
                    json!(canaries.last())
                }
                Kind::Sealed(Format::Json) => {
                    canaries.push(canary(&table.name, &column.name));
                    json!({"held": canaries.last()})
                }
                _ if matches!(column.name.as_str(), "patient_id" | "student_id") => json!(patient),
                _ if column.name == "school_id" => json!(school),
                _ if column.name == "user_id" => json!(user),
                Kind::Text if column.name == "code" => json!("plain"),
                _ if !column.required || column.has_default => continue,
                Kind::Date => json!("2026-02-01"),
                Kind::Text if column.name.ends_with("_precision") => json!("DAY"),
                Kind::Text if !column.labels.is_empty() => json!(column.labels[0]),
                Kind::Text => json!("plain"),
                _ => continue,
            };
            body.insert(column.name.clone(), value);
        }
        match op.target {
            "medical.patient_telecoms" => {
                body.retain(|name, _| !matches!(name.as_str(), "email" | "other"));
            }
            "exchange.webhook_subscriptions" => {
                let of = canary(op.target, "url");
                drop(body.insert("url".into(), json!(format!("https://hooks.example.org/{of}"))));
            }
            "auth.identity_providers" => drop(body.insert("issuer".into(), json!("https://id.example.org"))),
            "records.lab_results" => drop(body.insert("value_kind".into(), json!("TEXT"))),
            _ => {}
        }
        let made = world.create(&op.name, Value::Object(body)).await;
        filled += 1;
        if op.target == "medical.patients" {
            made.text("id").clone_into(&mut patient);
        }
    }
    assert!(filled >= 15 && canaries.len() > 40, "{filled} tables, {} canaries", canaries.len());
    canaries
}

/// A school for the rows that are of one.
async fn school(world: &World) -> String {
    let place = json!({"kind": "school", "name": "plain"});
    let unit = world.create("auth.organization.create", place).await.text("id").to_owned();
    let made = world.create("school.school.create", json!({"organization_id": unit, "name": "plain"})).await;
    made.text("id").to_owned()
}

/// Other ways by which a value passes through: searches, failures, replies kept for a key, invitations.
async fn pass_through(world: &World, canaries: &mut Vec<String>) {
    let of = |column: &str| canary("medical.patients", column);
    for (name, value) in [("name", of("family_name")), ("mrn", of("mrn"))] {
        let query = vec![(name.to_owned(), value)];
        world.call("medical.patient.list", Call { query, ..Call::default() }).await.unwrap();
    }
    let body = json!({"mrn": of("mrn"), "family_name": canary("second", "name")});
    canaries.push(canary("second", "name"));
    let duplicate = Call { body, idempotency_key: Some("k-1".into()), ..Call::default() };
    world.call("medical.patient.create", duplicate).await.unwrap_err();
    let body = json!({"family_name": canary("third", "name"), "birth_order": 99});
    canaries.push(canary("third", "name"));
    world.call("medical.patient.create", Call { body, ..Call::default() }).await.unwrap_err();
    let body = json!({"family_name": canary("fourth", "name")});
    canaries.push(canary("fourth", "name"));
    let call = Call { body, idempotency_key: Some("k-2".into()), ..Call::default() };
    let salus_store::Body::Row(made) = world.call("medical.patient.create", call).await.unwrap().body else { panic!() };
    let mut change = at(made.text("id"));
    canaries.push(canary("fifth", "name"));
    change.body = json!({"family_name": canary("fifth", "name")});
    change.if_match = Some(1);
    world.call("medical.patient.change", change).await.unwrap();

    let (email, name) = (format!("{}@example.org", canary("user", "email")), canary("user", "name"));
    canaries.extend([email.clone(), name.clone()]);
    let mut tx = world.db.begin(Ctx::operator(world.db.env(), world.tenant), false).await.unwrap();
    let user = auth::NewUser { email: email.clone(), display_name: name, roles: Vec::new() };
    let invitation = auth::invite(&mut tx, &user).await.unwrap();
    tx.commit("auth.user.invite", "auth.users").await.unwrap();
    let password = format!("{} 7 horse", canary("user", "password"));
    auth::accept_invitation(&world.db, &invitation.token, &password).await.unwrap();
    canaries.extend([invitation.token.rsplit('_').next().unwrap().to_owned(), password]);
}

/// The database's own files, the cluster's WAL and the server's log.
async fn files(world: &World) -> Vec<PathBuf> {
    let admin = world.database.connect("salus_admin").await;
    admin.batch_execute("CHECKPOINT; SELECT pg_switch_wal()").await.unwrap();
    let row =
        admin.query_one("SELECT oid::text FROM pg_database WHERE datname = current_database()", &[]).await.unwrap();
    let home = TestCluster::shared().home();
    let data = home.join("cluster/data");
    vec![data.join("base").join(row.get::<_, String>(0)), data.join("pg_wal"), home.join("log")]
}

fn dump(world: &World, scanner: &Scanner) -> Scan {
    let program = TestCluster::shared().cluster().bin_dir().join("pg_dump");
    let mut dump = Command::new(program)
        .args(["--username=salus_backup", "--no-password", "--host"])
        .arg(world.database.socket_dir())
        .arg(world.database.name())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut scan = Scan::default();
    scanner.read(Path::new("pg_dump"), dump.stdout.take().unwrap(), &mut scan).unwrap();
    assert!(dump.wait().unwrap().success(), "pg_dump as salus_backup failed");
    scan
}

#[tokio::test]
async fn nothing_sealed_stands_anywhere_in_clear() {
    let world = World::new().await;
    let mut canaries = fill(&world).await;
    pass_through(&world, &mut canaries).await;
    let scanner = Scanner::new(&canaries).unwrap();
    let since = std::time::Instant::now();
    let scan = scanner.scan(&files(&world).await).unwrap();
    let dumped = dump(&world, &scanner);
    eprintln!(
        "{} canaries, {} files, {} MB, dump of {} kB in {:?}",
        canaries.len(),
        scan.files,
        scan.bytes >> 20,
        dumped.bytes >> 10,
        since.elapsed()
    );
    let named =
        |s: &Scan| s.hits.iter().map(|h| format!("{} in {}", canaries[h.canary], h.file.display())).collect::<Vec<_>>();
    assert_eq!((named(&scan), named(&dumped)), (Vec::<String>::new(), Vec::new()));
    assert!(scan.files > 300 && dumped.bytes > 100_000, "too little was looked at");
}

/// The control: a value in clear is found in table, index, WAL and dump.
#[tokio::test]
async fn a_value_in_clear_is_found() {
    let world = World::new().await;
    let planted = canary("planted", world.database.name());
    let body = json!({"name": "test.clear", "value": {"held": planted}});
    world.create("kernel.setting.create", body).await;
    world.create("medical.procedure.create", json!({"category": "test", "code": planted, "code_system": "test", "display": "Test", "valid_from": "2026-01-01"})).await;
    let scanner = Scanner::new(&[&planted]).unwrap();
    let paths = files(&world).await;
    for path in &paths[..2] {
        let scan = scanner.scan(std::slice::from_ref(path)).unwrap();
        assert!(!scan.hits.is_empty(), "not found in {}", path.display());
    }
    let heap = scanner.scan(&paths[..1]).unwrap();
    let held: std::collections::BTreeSet<_> = heap.hits.iter().map(|h| &h.file).collect();
    assert!(held.len() >= 3, "two tables and the index of one hold it: {held:?}");
    assert_eq!(dump(&world, &scanner).hits.len(), 2);
}
