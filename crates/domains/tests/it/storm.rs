//! A06: callers that hang up at any moment leave no open transaction, no half-written record, no lost acknowledged
//! write, and never another tenant's answer.

use crate::world::World;
use futures_util::{StreamExt as _, stream};
use salus_core::{Ctx, Error};
use salus_store::{Body, Call, Db, Op, dispatch, engine::NewRow};
use serde_json::json;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// How many calls: 10,000 by `script/chaos storm`.
fn calls() -> u64 {
    if std::env::var_os("SALUS_CHAOS_ALL").is_some() { 10_000 } else { 2_000 }
}

/// Callers at a time: more than there are connections, so that some hang up while they wait for one.
const CALLERS: usize = 24;

/// `SplitMix64`: the same numbers for the same seed.
fn random(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add((n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

struct Storm<'a> {
    db: &'a Db,
    create: &'a Arc<Op>,
    list: &'a Arc<Op>,
    tenants: [(Uuid, &'static str); 2],
    /// Longest patience in microseconds: about twice what a call takes on this machine now.
    patience: u64,
    cut: AtomicUsize,
}

impl Storm<'_> {
    /// One call with its patience; the id of an acknowledged write.
    async fn call(&self, seed: u64, n: u64) -> Option<(Uuid, Uuid)> {
        let draw = random(seed, n);
        let (tenant, name) = self.tenants[usize::from(draw & 1 == 1)];
        let ctx = Ctx::operator(self.db.env(), tenant);
        let patience = Duration::from_micros((draw >> 8) % self.patience);
        let made = match (draw >> 1) % 3 {
            0 => {
                let body = json!({"family_name": name, "given_names": format!("n{n}")});
                let call = Call { body, ..Call::default() };
                let Ok(told) = timeout(patience, dispatch(self.db, self.create, ctx, call)).await else {
                    self.cut.fetch_add(1, Ordering::Relaxed);
                    return None;
                };
                told.map(|reply| if let Body::Row(row) = reply.body { row.id() } else { None })
            }
            1 => {
                let Ok(told) = timeout(patience, dispatch(self.db, self.list, ctx, Call::default())).await else {
                    self.cut.fetch_add(1, Ordering::Relaxed);
                    return None;
                };
                told.map(|reply| {
                    let text = serde_json::to_string(&reply.body).unwrap();
                    let other = self.tenants[usize::from(draw & 1 == 0)].1;
                    assert!(!text.contains(other), "seed {seed}: {name} was given rows of {other}");
                    None
                })
            }
            // Below the door, where nothing finishes the work for a caller that is gone.
            _ => {
                let Ok(told) = timeout(patience, self.write_below(ctx, name, n)).await else {
                    self.cut.fetch_add(1, Ordering::Relaxed);
                    return None;
                };
                told.map(Some)
            }
        };
        match made {
            Ok(id) => id.map(|id| (tenant, id)),
            Err(Error::Unavailable(_)) => None,
            Err(e) => panic!("seed {seed}: {e}"),
        }
    }

    async fn write_below(&self, ctx: Ctx, name: &str, n: u64) -> Result<Uuid, Error> {
        let mut tx = self.db.begin(ctx, false).await?;
        let id = self.db.env().id();
        let values = json!({"family_name": name, "given_names": format!("b{n}")}).as_object().cloned().unwrap();
        tx.insert("medical.patients", &[NewRow { id, values }]).await?;
        tx.get("medical.patients", id, &[]).await?;
        tx.commit("medical.patient.create", "medical.patients").await?;
        Ok(id)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_hang_up_leave_nothing_half_done() {
    let world = World::new().await;
    let south = world.db.create_tenant("south", true).await.unwrap();
    let seed = u64::from_be_bytes(*world.db.env().id().as_bytes().last_chunk::<8>().unwrap());
    let mut storm = Storm {
        db: &world.db,
        create: world.op("medical.patient.create"),
        list: world.op("medical.patient.list"),
        tenants: [(world.tenant, "Northmark"), (south, "Southmark")],
        patience: 60_000_000,
        cut: AtomicUsize::new(0),
    };
    let since = Instant::now();
    let calm = stream::iter(0..4 * CALLERS as u64).map(|n| storm.call(seed, n)).buffer_unordered(CALLERS);
    assert!(calm.count().await > 0);
    storm.patience = u64::try_from(since.elapsed().as_micros()).unwrap();
    let calls = stream::iter((0..calls()).map(|n| storm.call(seed, n)));
    let acknowledged: BTreeSet<(Uuid, Uuid)> =
        calls.buffer_unordered(CALLERS).filter_map(|made| async move { made }).collect().await;
    let cut = storm.cut.load(Ordering::Relaxed);
    eprintln!("seed {seed}: {cut} of {} hung up, {} writes acknowledged", self::calls(), acknowledged.len());
    assert!(cut > 200 && acknowledged.len() > 50, "seed {seed}: a storm of {cut} cuts, {} writes", acknowledged.len());

    let admin = world.database.connect("salus_admin").await;
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
                AND backend_type = 'client backend' AND state <> 'idle'";
    let since = Instant::now();
    loop {
        let (busy, _, _) = world.db.pool_status();
        let working: i64 = admin.query_one(open, &[]).await.unwrap().get(0);
        if busy == 0 && working == 0 {
            break;
        }
        assert!(since.elapsed() < Duration::from_mins(2), "seed {seed}: {busy} taken, {working} in a transaction");
        sleep(Duration::from_millis(20)).await;
    }
    let rows = admin.query("SELECT tenant_id, id FROM medical.patients", &[]).await.unwrap();
    let there: BTreeSet<(Uuid, Uuid)> = rows.iter().map(|r| (r.get(0), r.get(1))).collect();
    let lost: Vec<_> = acknowledged.difference(&there).collect();
    assert!(lost.is_empty(), "seed {seed}: acknowledged and not there: {lost:?}");
    // A row and its event are both there or both not, also where the caller never learnt of it.
    let sql = "SELECT tenant_id, (convert_from(header, 'UTF8')::jsonb ->> 'row')::uuid FROM audit.activity_logs \
               WHERE action = 'medical.patient.create' AND outcome = 'success'";
    let recorded: Vec<(Uuid, Uuid)> = admin
        .query(sql, &[])
        .await
        .unwrap()
        .iter()
        .filter_map(|r| Some((r.get(0), r.get::<_, Option<Uuid>>(1)?)))
        .collect();
    let through_door: BTreeSet<(Uuid, Uuid)> = recorded.iter().copied().collect();
    assert_eq!(through_door.len(), recorded.len(), "seed {seed}: a write is recorded twice");
    let unrecorded: Vec<_> = there.difference(&through_door).collect();
    assert_eq!(unrecorded.len(), 0, "seed {seed}: written without an event: {unrecorded:?}");
    let phantom: Vec<_> = through_door.difference(&there).collect();
    assert_eq!(phantom.len(), 0, "seed {seed}: recorded and not written: {phantom:?}");
    for (tenant, name) in storm.tenants {
        let names = "SELECT count(*) FROM medical.patients WHERE tenant_id = $1";
        let held: i64 = admin.query_one(names, &[&tenant]).await.unwrap().get(0);
        assert!(held > 0, "{name} has no rows");
    }
    // And the pool still serves.
    assert!(world.call("medical.patient.list", Call::default()).await.is_ok());
}
