//! "Who saw this record": an event is found by its person before it is sealed, after, and where transactions are those of
//! another cluster; and it leaves with its event.

use super::World;
use salus_core::{Ctx, Env};
use salus_store::audit::retention::{Ask, Keep, prune};
use time::{Duration, macros::datetime};
use uuid::Uuid;

/// Notes one event about these persons.
async fn about(world: &World, persons: &[Uuid]) {
    let mut tx = world.db.begin(Ctx::operator(world.db.env(), world.tenant), true).await.unwrap();
    for person in persons {
        tx.about(*person);
    }
    tx.commit("test.seen", "audit.activity_logs").await.unwrap();
}

/// How many events about a person the reading role finds.
async fn found(world: &World, person: Uuid) -> i64 {
    let client = world.database.connect("salus_app").await;
    client
        .batch_execute(&format!(
            "BEGIN; SET LOCAL salus.tenant = '{}'; SET LOCAL salus.scope = 'tenant'; SET LOCAL ROLE salus_reader",
            world.tenant
        ))
        .await
        .unwrap();
    let sql = "SELECT count(*), count(DISTINCT (l.recorded_at, l.id)) FROM audit.events_about($1, '-infinity') s \
               JOIN audit.activity_logs l ON l.recorded_at = s.recorded_at AND l.id = s.id";
    let row = client.query_one(sql, &[&person]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), row.get::<_, i64>(1), "each once");
    row.get(0)
}

async fn seal(world: &World) {
    world.settle().await;
    world.sealer().seal().await.unwrap();
}

async fn count(world: &World, sql: &str) -> i64 {
    world.database.connect("salus_admin").await.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn an_event_is_found_by_its_person_before_and_after_it_is_sealed() {
    let mut world = World::new().await;
    let env = Env::default();
    let persons: Vec<Uuid> = (0..120).map(|_| env.id()).collect();
    about(&world, &persons[..3]).await;
    assert_eq!((found(&world, persons[0]).await, found(&world, persons[3]).await), (1, 0));
    seal(&world).await;
    assert_eq!((found(&world, persons[0]).await, found(&world, persons[3]).await), (1, 0));
    // Enough events about one person that a bucket needs several rows.
    for _ in 0..100 {
        about(&world, &persons[..1]).await;
    }
    about(&world, &persons).await;
    assert_eq!((found(&world, persons[0]).await, found(&world, persons[119]).await), (102, 1));
    seal(&world).await;
    assert_eq!((found(&world, persons[0]).await, found(&world, persons[119]).await), (102, 1));
    about(&world, &persons[..1]).await;
    assert_eq!(found(&world, persons[0]).await, 103, "the unsealed one among them");

    world.tenant = world.db.create_tenant("austa", false).await.unwrap();
    assert_eq!(found(&world, persons[0]).await, 0, "another tenant finds nothing");
}

#[tokio::test]
async fn in_another_cluster_every_event_is_looked_at() {
    let world = World::new().await;
    let person = Env::default().id();
    about(&world, &[person]).await;
    seal(&world).await;
    let admin = world.database.connect("salus_admin").await;
    // As a dump from elsewhere: transactions so far have numbers beyond any of this cluster.
    admin.batch_execute("UPDATE audit.subject_index SET sysid = '1', horizon = '9000000000'").await.unwrap();
    about(&world, &[person]).await;
    assert_eq!(found(&world, person).await, 2);
}

#[tokio::test]
async fn what_retention_removes_is_found_no_more_and_a_hold_on_a_person_keeps_it() {
    let mut world = World::new().await;
    let env = Env::default();
    let (held, other) = (env.id(), env.id());
    for at in [datetime!(2026-10-01 00:00 UTC), datetime!(2026-10-02 00:00 UTC)] {
        world.reopen(Env::fixed(at)).await;
        about(&world, &[other]).await;
    }
    about(&world, &[held]).await;
    let now = datetime!(2033-11-21 12:00 UTC);
    world.reopen(Env::fixed(now - Duration::days(30))).await;
    about(&world, &[other]).await;
    seal(&world).await;
    world.sealer().anchor(&world.anchor()).await.unwrap();
    let admin = world.database.connect("salus_admin").await;
    let kept =
        "SET session_replication_role = replica; INSERT INTO audit.legal_holds (tenant_id, id, subject_id, reason)";
    let kept = format!("{kept} VALUES ('{}', gen_random_uuid(), '{held}', 'a lawsuit')", world.tenant);
    admin.batch_execute(&kept).await.unwrap();

    let keep = [Keep { tenant: world.tenant, years: 7, days: 0 }];
    let ask = Ask { reason: "retention".into(), request: env.id(), dry: false, now };
    let mut superuser = world.database.connect("salus_admin").await;
    let pruned = prune(&world.log(), &mut superuser, (&world.anchor(), &keep), &ask).await.unwrap();
    assert_eq!((pruned.events, pruned.held), (2, 1));
    assert_eq!((found(&world, other).await, found(&world, held).await), (1, 1));
    let entries = "SELECT coalesce(sum(octet_length(entries)) / 40, 0) FROM audit.event_subjects";
    assert_eq!(count(&world, entries).await, 2, "nothing is left of those that went");
}
