//! The data keys of a tenant are exchanged while it is worked with, and the exchange is killed three times (`spec` A29): no
//! call fails, nothing is left under an older key, and every value still opens. `script/chaos rotation` does it with a million
//! patients under 200 calls a second; a plain run of the tests with some thousand.

use super::{
    caller::{Caller, PATIENTS},
    everything,
    installation::Installation,
};
use salus_core::{Ctx, Env};
use salus_store::{Db, Options, cluster::DATABASE, engine::NewRow, seal::RootFile};
use serde_json::json;
use std::{
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::time::{sleep, sleep_until};
use uuid::Uuid;

/// Rows of one statement.
const BATCH: usize = 500;

/// Patients with sealed names, made as the server makes them.
async fn fill(place: &Installation, patients: usize) -> Vec<Uuid> {
    let cluster = place.cluster();
    let options = Options {
        address: cluster.config("salus_app", DATABASE).into(),
        connections: 4,
        root: RootFile::at(&place.home, None).unlock().unwrap(),
        env: Env::default(),
        allow_old_postgres: true,
    };
    let db = Db::open(options).await.unwrap();
    let tenant = db.tenant("storm").await.unwrap();
    let mut ids = Vec::with_capacity(patients);
    while ids.len() < patients {
        let rows: Vec<NewRow> = (0..BATCH.min(patients - ids.len()))
            .map(|n| {
                let values = json!({"family_name": format!("Rotation {}", ids.len() + n), "given_names": "Ana", "pseudonym": format!("P-{:08X}", ids.len() + n)});
                NewRow { id: db.env().id(), values: values.as_object().unwrap().clone() }
            })
            .collect();
        let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await.unwrap();
        tx.insert("medical.patients", &rows).await.unwrap();
        tx.commit("medical.patient.create", "medical.patients").await.unwrap();
        ids.extend(rows.iter().map(|row| row.id));
    }
    db.close().await;
    ids
}

/// Calls at a steady rate until told to end, half of them reads of one patient; the time of each.
async fn load(caller: Arc<Caller>, ids: Arc<Vec<Uuid>>, rate: u64, end: Arc<AtomicBool>) -> Vec<Duration> {
    let began = tokio::time::Instant::now();
    let mut asked = tokio::task::JoinSet::new();
    let mut n = 0;
    while !end.load(Ordering::Relaxed) {
        sleep_until(began + Duration::from_micros(n * 1_000_000 / rate)).await;
        let (caller, ids) = (Arc::clone(&caller), Arc::clone(&ids));
        asked.spawn(async move {
            let since = Instant::now();
            let told = if n.is_multiple_of(2) {
                let id = ids[usize::try_from(n.wrapping_mul(7_919)).unwrap() % ids.len()];
                caller.get(&format!("{PATIENTS}/{id}")).await
            } else {
                let body = json!({"family_name": format!("During {n}"), "given_names": "Ana"}).to_string();
                caller.post(PATIENTS, &format!("rotation-{}-{n}", since.elapsed().as_nanos()), body).await
            };
            let (status, body) = told.expect("the connection holds");
            assert!(matches!(status, 200 | 201), "a call failed: {status} {body}");
            if status == 200 {
                let name = body["family_name"].as_str().unwrap_or_default();
                assert!(name.starts_with("Rotation "), "a value does not open: {body}");
            }
            since.elapsed()
        });
        n += 1;
    }
    let mut times: Vec<Duration> = asked.join_all().await;
    times.sort_unstable();
    times
}

fn p95(times: &[Duration]) -> Duration {
    times[(times.len() * 95).div_ceil(100) - 1]
}

fn begin(place: &Installation, arguments: &[&str]) -> Child {
    place.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// The log grew at every moment, and was anchored every 30 seconds (A20); a second for the turn in which it is done.
async fn heads_were_kept_in_time(admin: &tokio_postgres::Client) {
    let sql = "SELECT extract(epoch FROM max(gap))::float8 FROM (SELECT a.at - lag(a.at) OVER (ORDER BY a.at) AS gap \
                 FROM (SELECT (value #>> '{}')::timestamptz AS at FROM audit.checkpoints, jsonb_each(anchored)) a) g";
    let gap: Option<f64> = admin.query_one(sql, &[]).await.unwrap().get(0);
    let gap = gap.expect("several heads were anchored");
    assert!(gap <= 31.0, "the log was not anchored for {gap} seconds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_exchanged_under_load_and_over_kills_without_a_failed_call() {
    let _turn = super::turn().await;
    let (patients, rate) = if everything() { (1_000_000, 200) } else { (4_000, 20) };
    let place = tokio::task::block_in_place(Installation::new);
    let ids = Arc::new(fill(&place, patients).await);
    let caller = Arc::new(Caller::new(place.address, &place.key));
    let work = |end: &Arc<AtomicBool>| {
        salus_store::runtime::spawn(load(Arc::clone(&caller), Arc::clone(&ids), rate, Arc::clone(end)))
    };

    let end = Arc::new(AtomicBool::new(false));
    let before = work(&end);
    sleep(Duration::from_secs(if everything() { 20 } else { 3 })).await;
    end.store(true, Ordering::Relaxed);
    let before = before.await.unwrap();

    let end = Arc::new(AtomicBool::new(false));
    let during = work(&end);
    let (mut killed, began) = (0, Instant::now());
    let first = ["keys", "rotate", "--tenant", "storm", "--class", "identity"];
    let mut arguments = &first[..];
    while killed < 3 {
        let mut exchange = begin(&place, arguments);
        // The first is killed while servers learn the key, the others while values move.
        sleep(Duration::from_millis(if killed == 0 { 4000 } else { 2500 })).await;
        if exchange.try_wait().unwrap().is_some() {
            break;
        }
        exchange.kill().unwrap();
        exchange.wait().unwrap();
        killed += 1;
        arguments = &["keys", "rotate", "--resume"];
    }
    let wanted = if everything() { 3 } else { 2 };
    assert!(killed >= wanted, "the exchange ended after {killed} kills: make it longer");
    let ended = tokio::task::block_in_place(|| place.done(&["keys", "rotate", "--resume"]));
    end.store(true, Ordering::Relaxed);
    let during = during.await.unwrap();
    assert_eq!(ended["left"], json!([]), "values are left under an older key");
    eprintln!(
        "{patients} patients exchanged in {:?} over {killed} kills; {} calls, none failed; p95 {:?} before, {:?} during",
        began.elapsed(),
        before.len() + during.len(),
        p95(&before),
        p95(&during)
    );
    // A short run on a busy machine says nothing of times.
    if everything() {
        heads_were_kept_in_time(&place.admin().await).await;
        assert!(p95(&during) <= p95(&before).mul_f64(1.5), "calls took longer than half as long again");
    }
    let status = tokio::task::block_in_place(|| place.done(&["keys", "status", "--tenant", "storm"]));
    let older = status["keys"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|k| k["key"]["class"] == "identity" && k["key"]["state"] != "active");
    assert_eq!(older.map(|k| k["values"].as_i64().unwrap()).sum::<i64>(), 0);
    place.stop();
}
