//! Reads that meet share a commit of their audit events: each has its own event, none is answered before it is durable,
//! and what fails for one tenant fails for nobody else.

use crate::world::World;
use salus_core::{Ctx, Error};
use salus_store::{Call, Reply, dispatch, runtime};
use serde_json::json;
use std::time::Duration;
use tokio::{task::JoinHandle, time::sleep};
use uuid::Uuid;

const READS: usize = 24;
type Reading = JoinHandle<Result<Reply, Error>>;

/// As many reads of one record at once.
fn read(world: &World, tenant: Uuid, id: &str) -> Vec<Reading> {
    let reading = |_| {
        let (db, op, ctx) =
            (world.db.clone(), world.op("medical.patient.get").clone(), Ctx::operator(world.db.env(), tenant));
        let call = Call { path: vec![("id".into(), id.into())], ..Call::default() };
        runtime::spawn(async move { dispatch(&db, &op, ctx, call).await })
    };
    (0..READS).map(reading).collect()
}

async fn answers(reads: Vec<Reading>) -> Vec<Result<Reply, Error>> {
    let mut all = Vec::new();
    for read in reads {
        all.push(read.await.unwrap());
    }
    all
}

/// How many reads of this tenant are on record, and how many persons they name.
async fn recorded(world: &World, tenant: Uuid) -> (i64, i64) {
    let admin = world.database.connect("salus_admin").await;
    let sql = "SELECT count(DISTINCT l.id), count(s.person) FROM audit.activity_logs l \
               LEFT JOIN LATERAL audit.header_subjects(l.header) s (person) ON true \
               WHERE l.tenant_id = $1 AND l.action = 'medical.patient.get' AND l.outcome = 'success'";
    let row = admin.query_one(sql, &[&tenant]).await.unwrap();
    (row.get(0), row.get(1))
}

/// A person of a second tenant, and that tenant.
async fn other(world: &World) -> (Uuid, String) {
    let tenant = world.db.create_tenant("south", true).await.unwrap();
    let call = Call { body: json!({"family_name": "South"}), ..Call::default() };
    let made = world.call_as(Ctx::operator(world.db.env(), tenant), "medical.patient.create", call).await.unwrap();
    let row = serde_json::to_value(made.body).unwrap();
    (tenant, row["id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn no_read_is_answered_before_its_event_is_durable() {
    let world = World::new().await;
    let id = world.create("medical.patient.create", json!({"family_name": "Kept"})).await.text("id").to_owned();
    let mut admin = world.database.connect("salus_admin").await;
    let held = admin.transaction().await.unwrap();
    held.batch_execute("LOCK TABLE audit.activity_logs IN SHARE MODE").await.unwrap();
    let reads = read(&world, world.tenant, &id);
    // Every read has been done and only the log is waited for: no more connections are in use than there are groups.
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'audit.activity_logs'::regclass";
    for _ in 0..600 {
        let blocked: i64 = held.query_one(waiting, &[]).await.unwrap().get(0);
        if blocked > 0 && i64::try_from(world.db.pool_status().0).unwrap() == blocked {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    let groups: i64 = held.query_one(waiting, &[]).await.unwrap().get(0);
    assert!((1..=4).contains(&groups), "{READS} reads in {groups} groups");
    assert!(!reads.iter().any(JoinHandle::is_finished), "an answer left before its event was durable");
    held.rollback().await.unwrap();
    assert!(answers(reads).await.iter().all(Result::is_ok));
    let reads = i64::try_from(READS).unwrap();
    assert_eq!(recorded(&world, world.tenant).await, (reads, reads));
}

#[tokio::test]
async fn when_the_log_refuses_a_tenant_its_reads_are_not_answered_and_others_are() {
    let world = World::new().await;
    let id = world.create("medical.patient.create", json!({"family_name": "North"})).await.text("id").to_owned();
    let (south, person) = other(&world).await;
    let refuse =
        format!("ALTER TABLE audit.activity_logs ADD CONSTRAINT refused CHECK (tenant_id <> '{south}') NOT VALID");
    world.admin(&refuse).await;
    let (ours, theirs) = (read(&world, world.tenant, &id), read(&world, south, &person));
    assert!(answers(ours).await.iter().all(Result::is_ok));
    for told in answers(theirs).await {
        assert!(matches!(&told, Err(Error::Unavailable(why)) if why.contains("audit log")), "{:?}", told.err());
    }
    let all = i64::try_from(READS).unwrap();
    assert_eq!((recorded(&world, world.tenant).await, recorded(&world, south).await), ((all, all), (0, 0)));
    world.admin("ALTER TABLE audit.activity_logs DROP CONSTRAINT refused").await;
    assert!(answers(read(&world, south, &person)).await.iter().all(Result::is_ok));
    assert_eq!(recorded(&world, south).await, (all, all));
}
