//! Rows that are changed behind the product are found, each of them, and what the product does itself never is
//! (`spec` A23).

use crate::world::{World, at};
use salus_domains::operations;
use salus_store::{
    Body, Call, Record,
    rows::{Fault, Kind},
};
use serde_json::json;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use uuid::Uuid;

async fn patient(world: &World, n: usize) -> Uuid {
    let body = json!({"family_name": format!("Family{n}"), "given_names": "Ana", "mrn": format!("MRN-{n:05}"),
                      "birth_date": "1980-02-03"});
    world.create("medical.patient.create", body).await.id().unwrap()
}

async fn change(world: &World, id: Uuid, body: serde_json::Value) {
    let id = id.to_string();
    let reply = world.call("medical.patient.get", at(&id)).await.unwrap();
    let if_match = reply.version().and_then(|v| i32::try_from(v).ok());
    world.call("medical.patient.change", Call { body, if_match, ..at(&id) }).await.unwrap();
}

async fn faults(world: &World) -> Vec<Fault> {
    world.db.find_row_faults(world.tenant, None).await.unwrap().faults
}

async fn open_alerts(world: &World) -> Vec<Record> {
    let query = vec![("state".into(), "OPEN".into()), ("limit".into(), "200".into())];
    let reply = world.call("audit.tamper_alert.list", Call { query, ..Call::default() }).await.unwrap();
    let Body::Page(page) = reply.body else { panic!("no page") };
    page.rows
}

/// Fifty edits as a superuser with triggers off: changed, moved ciphertext, removed, put in.
async fn attack(world: &World, patients: &[Uuid]) -> BTreeSet<Fault> {
    let mut sql = "SET session_replication_role = replica;".to_owned();
    let mut expected = BTreeSet::new();
    for (n, id) in patients.iter().take(50).enumerate() {
        let (kind, row, one) = match n % 5 {
            0 => (Kind::RowChanged, *id, format!("UPDATE medical.patients SET sex = 'F' WHERE id = '{id}'")),
            1 => {
                let other = patients[n - 1];
                let from = format!("SELECT mrn FROM medical.patients WHERE id = '{other}'");
                (Kind::RowChanged, *id, format!("UPDATE medical.patients SET mrn = ({from}) WHERE id = '{id}'"))
            }
            2 => {
                let earlier = "created_at = created_at - interval '1 microsecond'";
                (Kind::RowChanged, *id, format!("UPDATE medical.patients SET {earlier} WHERE id = '{id}'"))
            }
            3 => (Kind::RowRemoved, *id, format!("DELETE FROM medical.patients WHERE id = '{id}'")),
            _ => {
                let copy = Uuid::from_u128(id.as_u128() ^ 1);
                let from = format!("SELECT * FROM medical.patients WHERE id = '{id}'");
                let put = format!(
                    "CREATE TEMP TABLE c ON COMMIT DROP AS {from}; UPDATE c SET id = '{copy}', mrn_bidx = NULL, \
                     pseudonym = 'P-{n:08}'; INSERT INTO medical.patients SELECT * FROM c"
                );
                (Kind::RowInserted, copy, format!("BEGIN; {put}; COMMIT"))
            }
        };
        sql.push_str(&one);
        sql.push(';');
        expected.insert(Fault { kind, table: "medical.patients".into(), row });
    }
    world.admin(&sql).await;
    assert_eq!(expected.len(), 50);
    expected
}

#[tokio::test]
async fn fifty_edits_behind_the_product_are_found_and_told_once() {
    let world = World::new().await;
    let mut patients = Vec::new();
    for n in 0..54 {
        patients.push(patient(&world, n).await);
    }
    change(&world, patients[0], json!({"family_name": "Other"})).await;
    assert_eq!(faults(&world).await, []);
    let expected = attack(&world, &patients).await;
    let report = world.db.check_rows(world.operator(), Some("medical.patients")).await.unwrap();
    assert_eq!(report.faults.iter().cloned().collect::<BTreeSet<_>>(), expected);
    assert_eq!((report.faults.len(), report.alerts), (50, 50));
    let alerts = open_alerts(&world).await;
    assert_eq!(alerts.len(), 50);
    assert!(alerts.iter().all(|a| a.text("table_name") == "medical.patients" && a.text("kind").starts_with("row_")));
    let again = world.db.check_rows(world.operator(), None).await.unwrap();
    assert_eq!((again.faults.len(), again.alerts), (50, 0), "an alert that is open is not raised again");

    // What a person takes as it is, on the record, is no fault any more.
    let taken: Vec<Uuid> = expected.iter().map(|f| f.row).collect();
    world.db.attest_rows(&world.operator(), "medical.patients", &taken, "restored by hand").await.unwrap();
    assert_eq!(faults(&world).await, []);
    world.admin("SET session_replication_role = replica; UPDATE medical.patients SET sex = 'M' WHERE sex = 'F'").await;
    assert_eq!(faults(&world).await.len(), 10);
}

#[tokio::test]
async fn a_sample_of_all_rows_finds_the_same_and_says_so_in_the_table_of_checksums() {
    let world = World::new().await;
    let mut patients = Vec::new();
    for n in 0..54 {
        patients.push(patient(&world, n).await);
    }
    let mut place = None;
    let clean = world.db.sample_rows(world.tenant, 100.0, &mut place).await.unwrap();
    assert!(clean.faults.is_empty() && clean.rows >= 54, "{clean:?}");
    let expected = attack(&world, &patients).await;
    let found = world.db.sample_rows(world.tenant, 100.0, &mut place).await.unwrap();
    assert_eq!(found.faults.iter().cloned().collect::<BTreeSet<_>>(), expected);
    assert_eq!((found.alerts, open_alerts(&world).await.len()), (50, 50));
    let admin = world.database.connect("salus_admin").await;
    let sql = "SELECT string_agg(state || ' ' || n, ', ' ORDER BY state) FROM (SELECT state::text, count(*) AS n \
               FROM audit.data_integrity_checksums WHERE table_name = 'medical.patients' GROUP BY 1) s";
    let states: String = admin.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(states, "MISMATCH 30, MISSING 10, VALID 14");
    // One percent finds one fault sooner or later: every row is looked at within a hundred rounds.
    let mut place = None;
    let removed = patients[3];
    for _ in 0..100 {
        let part = world.db.sample_rows(world.tenant, 1.0, &mut place).await.unwrap();
        if part.faults.iter().any(|f| f.row == removed) {
            return;
        }
    }
    panic!("a removed row was never looked at");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_written_while_they_are_checked_raise_no_alarm() {
    let world = Arc::new(World::new().await);
    let mut patients = Vec::new();
    for n in 0..6 {
        patients.push(patient(&world, n).await);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..2)
        .map(|writer| {
            let (world, stop, mine) = (world.clone(), stop.clone(), patients[writer * 3..writer * 3 + 3].to_vec());
            salus_store::runtime::spawn(async move {
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    change(&world, mine[n % 3], json!({"family_name": format!("W{writer}x{n}")})).await;
                    patient(&world, 100 + writer * 10_000 + n).await;
                }
            })
        })
        .collect();
    let mut place = None;
    for _ in 0..8 {
        assert_eq!(faults(&world).await, []);
        let sampled = world.db.sample_rows(world.tenant, 100.0, &mut place).await.unwrap();
        assert_eq!(sampled.faults, []);
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn work_that_was_undone_leaves_no_digest_and_what_has_no_event_gets_one() {
    let world = World::new().await;
    let id = patient(&world, 1).await;
    let mut tx = world.db.begin(world.operator(), false).await.unwrap();
    tx.mark().await.unwrap();
    let values = serde_json::Map::from_iter([("sex".to_owned(), json!("F"))]);
    tx.update("medical.patients", id, None, values.clone()).await.unwrap();
    tx.undo_to_mark().await.unwrap();
    tx.commit("test.undone", "medical.patients").await.unwrap();
    assert_eq!(faults(&world).await, []);
    // A transaction that says it has nothing to tell has written a row all the same.
    let mut tx = world.db.begin(world.operator(), false).await.unwrap();
    tx.update("medical.patients", id, None, values).await.unwrap();
    tx.finish_unrecorded().await.unwrap();
    assert_eq!(faults(&world).await, []);
    let admin = world.database.connect("salus_admin").await;
    let sql =
        "SELECT count(*) FROM audit.activity_logs WHERE action = 'kernel.row.write' AND target = 'medical.patients'";
    assert_eq!(admin.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 1);
}

/// What changes rows for everyone at once is taken on the record, and what was wrong before stays wrong.
#[tokio::test]
async fn a_change_of_all_rows_is_taken_and_what_was_wrong_before_is_not_excused() {
    let world = World::new().await;
    let (wrong, right) = (patient(&world, 1).await, patient(&world, 2).await);
    world
        .admin(&format!(
            "SET session_replication_role = replica; UPDATE medical.patients SET sex = 'F' WHERE id = '{wrong}'"
        ))
        .await;
    let before = world.db.row_faults().await.unwrap();
    world.admin("ALTER TABLE medical.patients ADD COLUMN added int NOT NULL DEFAULT 7").await;
    assert_eq!(faults(&world).await.len(), 2);
    assert_eq!(world.db.attest_since(&before, "a column was added").await.unwrap(), 1);
    let left = faults(&world).await;
    assert_eq!(left.iter().map(|f| f.row).collect::<Vec<_>>(), [wrong]);
    // A column that may be empty changes nothing.
    world.admin("ALTER TABLE medical.patients ADD COLUMN added2 text").await;
    assert_eq!(faults(&world).await.len(), 1);
    assert_ne!(right, wrong);
}

/// A process that ended between a migration and what is said about it: the next one says it, once.
#[tokio::test]
async fn a_migration_that_was_cut_off_is_attested_at_the_next_start_and_its_mark_excuses_nothing_else() {
    let world = World::new().await;
    let (wrong, right) = (patient(&world, 1).await, patient(&world, 2).await);
    let admin = world.database.connect("salus_admin").await;
    let behind = async |id: Uuid, sex: &str| {
        let sql = "SET session_replication_role = replica; UPDATE medical.patients SET sex";
        world.admin(&format!("{sql} = '{sex}' WHERE id = '{id}'")).await;
    };
    let marks = "SELECT id, known, mac FROM kernel.unfinished_migration";
    behind(wrong, "F").await;
    world.db.expect_rewrite(&admin, "a column is added").await.unwrap();
    world.admin("ALTER TABLE medical.patients ADD COLUMN added int NOT NULL DEFAULT 7").await;
    let mark = admin.query_one(marks, &[]).await.unwrap();
    // Another start finds the mark and leaves it: what the first migration rewrote is not what was wrong before.
    world.db.expect_rewrite(&admin, "again").await.unwrap();
    assert_eq!(world.db.attest_rewrite(&admin, "resumed").await.unwrap(), 1);
    assert_eq!(faults(&world).await.iter().map(|f| f.row).collect::<Vec<_>>(), [wrong]);
    assert!(admin.query(marks, &[]).await.unwrap().is_empty());
    assert_eq!(world.db.attest_rewrite(&admin, "nothing stands").await.unwrap(), 0);
    // Put back, it excuses nothing; nor does one that was made up.
    behind(right, "F").await;
    let put = "INSERT INTO kernel.unfinished_migration (id, known, mac) VALUES ($1, $2, $3)";
    let (id, known, mac): (Uuid, String, Vec<u8>) = (mark.get(0), mark.get(1), mark.get(2));
    for id in [id, Uuid::from_u128(7)] {
        admin.execute(put, &[&id, &known, &mac]).await.unwrap();
        assert_eq!(world.db.attest_rewrite(&admin, "forged").await.unwrap(), 0);
        assert_eq!(faults(&world).await.len(), 2);
        assert!(admin.query(marks, &[]).await.unwrap().is_empty());
    }
    let told = "SELECT action FROM audit.activity_logs WHERE target = 'kernel.migrations' ORDER BY recorded_at";
    let told: Vec<String> = admin.query(told, &[]).await.unwrap().iter().map(|r| r.get(0)).collect();
    assert_eq!(told, ["kernel.migration.begin", "kernel.migration.begin", "kernel.migration.end"]);
}

#[tokio::test]
async fn an_alert_is_closed_by_a_person_with_a_reason_once() {
    let world = World::new().await;
    let id = patient(&world, 1).await;
    world
        .admin(&format!(
            "SET session_replication_role = replica; UPDATE medical.patients SET sex = 'F' WHERE id = '{id}'"
        ))
        .await;
    world.db.check_rows(world.operator(), None).await.unwrap();
    let alert = open_alerts(&world).await.remove(0).id().unwrap().to_string();
    assert!(operations(world.db.catalog()).unwrap().iter().any(|o| o.permission == "audit.alert.decide"));
    let decide = async |verb: &str, reason: &str| {
        let call = Call { body: json!({"reason": reason}), ..at(&alert) };
        world.call(&format!("audit.tamper_alert.{verb}"), call).await
    };
    let refused = decide("close", " ").await.unwrap_err();
    assert!(refused.to_string().contains("reason"), "{refused}");
    let Body::Row(row) = decide("acknowledge", "looking at it").await.unwrap().body else { panic!("no row") };
    assert_eq!((row.text("state"), row.text("reason")), ("ACKNOWLEDGED", "looking at it"));
    let again = decide("acknowledge", "me too").await.unwrap_err();
    assert_eq!(again.code(), "already_decided");
    let Body::Row(row) = decide("close", "a repair, ticket 12").await.unwrap().body else { panic!("no row") };
    assert_eq!(row.text("state"), "CLOSED");
    assert_eq!(decide("close", "again").await.unwrap_err().code(), "already_decided");
    // The sign is still there, so the next check says so again: on the next day, or as a new alert.
    assert!(open_alerts(&world).await.is_empty());
    let admin = world.database.connect("salus_admin").await;
    let sql = "SELECT string_agg(action, ' ' ORDER BY recorded_at) FROM audit.activity_logs WHERE action LIKE 'audit.tamper_alert.%e' \
               AND outcome = 'success'";
    let told: String = admin.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(told, "audit.tamper_alert.acknowledge audit.tamper_alert.close");
}

/// What a digest adds to a create; run it by hand: `cargo test -p salus-domains --test it -- --ignored --nocapture what_digests_cost`.
#[tokio::test]
#[ignore = "a measurement, not a test: it prints the medians of creates with and without digests"]
async fn what_digests_cost() {
    let world = World::new().await;
    let mut took = [Vec::new(), Vec::new()];
    for round in 0..12 {
        let marked = round % 2;
        let verb = if marked == 1 { "mark" } else { "unmark" };
        world.admin(&format!("CALL kernel.{verb}('medical.patients')")).await;
        for n in 0..60 {
            let since = std::time::Instant::now();
            patient(&world, round * 1000 + n).await;
            took[marked].push(since.elapsed());
        }
    }
    let median = |all: &mut Vec<std::time::Duration>| {
        all.sort_unstable();
        all[all.len() / 2]
    };
    eprintln!("without {:?}, with {:?}", median(&mut took[0]), median(&mut took[1]));
}
