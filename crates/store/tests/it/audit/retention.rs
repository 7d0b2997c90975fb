//! Retention: what is old leaves, what is held or a day too young stays, and verification finds nothing wrong; a
//! range that somebody else notes excuses nothing (`spec` A22).

use super::World;
use salus_core::{Ctx, Env};
use salus_store::{
    audit::retention::{Ask, Keep, Pruned, prune},
    engine::NewRow,
};
use serde_json::json;
use time::{Duration, macros::datetime};
use uuid::Uuid;

/// Events of these times, sealed and anchored.
async fn world(ages: &[time::OffsetDateTime]) -> World {
    let mut world = World::new().await;
    for at in ages {
        world.reopen(Env::fixed(*at)).await;
        world.record(2).await;
    }
    world.settle().await;
    let mut sealer = world.sealer();
    sealer.seal().await.unwrap();
    sealer.anchor(&world.anchor()).await.unwrap();
    world
}

/// A row of the tenant, made or changed now.
async fn role(world: &World, id: Uuid, change: Option<&str>) {
    let mut tx = world.db.begin(Ctx::operator(world.db.env(), world.tenant), false).await.unwrap();
    let values = |name: &str| json!({"name": name}).as_object().unwrap().clone();
    match change {
        Some(name) => drop(tx.update("auth.roles", id, None, values(name)).await.unwrap()),
        None => tx.insert("auth.roles", &[NewRow { id, values: values(&id.to_string()) }]).await.unwrap(),
    }
    tx.commit("test.role", "auth.roles").await.unwrap();
}

#[tokio::test]
async fn a_row_whose_only_event_leaves_is_attested_before_and_one_that_was_altered_is_not() {
    let (old, now) = (datetime!(2026-10-01 00:00 UTC), datetime!(2033-11-21 12:00 UTC));
    let mut world = world(&[]).await;
    world.reopen(Env::fixed(old)).await;
    let [quiet, changed, altered, young] = std::array::from_fn(|_| world.db.env().id());
    for id in [quiet, changed, altered] {
        role(&world, id, None).await;
    }
    world.reopen(Env::fixed(now - Duration::days(400))).await;
    role(&world, changed, Some("Another name")).await;
    role(&world, young, None).await;
    let admin = world.database.connect("salus_admin").await;
    let behind =
        format!("SET session_replication_role = replica; UPDATE auth.roles SET name = 'Behind' WHERE id = '{altered}'");
    admin.batch_execute(&behind).await.unwrap();
    world.settle().await;
    let mut sealer = world.sealer();
    sealer.seal().await.unwrap();
    sealer.anchor(&world.anchor()).await.unwrap();

    let keep = Keep { tenant: world.tenant, years: 7, days: 0 };
    assert_eq!(
        world.db.attest_before(world.tenant, keep.until(now), "retention").await.unwrap(),
        1,
        "only the quiet one"
    );
    assert_eq!(run(&world, now, false).await.events, 3);
    let faults = world.db.find_row_faults(world.tenant, Some("auth.roles")).await.unwrap().faults;
    assert_eq!(faults.iter().map(|f| f.row).collect::<Vec<_>>(), [altered], "{faults:?}");
}

async fn run(world: &World, now: time::OffsetDateTime, dry: bool) -> Pruned {
    let keep = [Keep { tenant: world.tenant, years: 7, days: 0 }];
    let ask = Ask { reason: "retention".into(), request: world.db.env().id(), dry, now };
    let mut admin = world.database.connect("salus_admin").await;
    prune(&world.log(), &mut admin, (&world.anchor(), &keep), &ask).await.unwrap()
}

#[tokio::test]
async fn what_is_old_leaves_and_what_is_held_or_too_young_stays() {
    let now = datetime!(2033-11-21 12:00 UTC);
    // Seven calendar years are 2556 or 2557 days: 2555 are too few.
    let ages = [datetime!(2026-10-01 00:00 UTC), datetime!(2026-11-20 00:00 UTC), now - Duration::days(2555)];
    let world = world(&ages).await;
    let admin = world.database.connect("salus_admin").await;
    let left = async || -> i64 {
        let sql = "SELECT count(*) FROM audit.activity_logs WHERE tenant_id = $1 AND action = 'test.note'";
        admin.query_one(sql, &[&world.tenant]).await.unwrap().get(0)
    };
    assert_eq!(left().await, 6);
    assert_eq!((run(&world, now, true).await.events, left().await), (4, 6), "saying is not doing");
    let hold = "SET session_replication_role = replica; INSERT INTO audit.legal_holds (tenant_id, id, reason) VALUES ";
    admin.batch_execute(&format!("{hold} ('{}', gen_random_uuid(), 'a lawsuit')", world.tenant)).await.unwrap();
    let kept = run(&world, now, false).await;
    assert_eq!((kept.events, kept.held, left().await), (0, 4, 6));
    admin.batch_execute("UPDATE audit.legal_holds SET released_at = now(), release_reason = 'settled'").await.unwrap();
    let pruned = run(&world, now, false).await;
    assert_eq!((pruned.events, pruned.held, left().await), (4, 0, 2));
    let report = world.verify().await;
    let whole: Vec<_> = report.problems.iter().filter(|p| p.kind != "time").collect();
    assert!(whole.is_empty(), "{whole:#?}");
    // Sealing goes on; a second run finds nothing.
    world.record(1).await;
    world.settle().await;
    world.sealer().seal().await.unwrap();
    assert_eq!(run(&world, now, false).await.events, 0);

    // What somebody else removes and excuses in the same way is named.
    let forge = "SET session_replication_role = replica; \
                 DELETE FROM audit.activity_logs WHERE id = (SELECT event_id FROM audit.leaves ORDER BY leaf_index DESC LIMIT 1); \
                 INSERT INTO audit.pruned_ranges SELECT 1, max(leaf_index), max(leaf_index), 'retention', gen_random_uuid(), sha256('') FROM audit.leaves";
    admin.batch_execute(forge).await.unwrap();
    let kinds: Vec<_> = world.verify_alone().await.problems.iter().map(|p| p.kind).collect();
    assert!(kinds.contains(&"prune_forged") && kinds.contains(&"event_missing"), "{kinds:?}");
}
