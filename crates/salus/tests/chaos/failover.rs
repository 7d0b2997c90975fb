//! A synchronous standby: what happens while it does not answer, and when it takes over under load.

use super::{
    Target, WRITERS,
    caller::{Caller, PATIENTS},
    check, everything,
    installation::Installation,
    seed,
    writer::Writers,
};
use salus_testkit::Standby;
use serde_json::{Value, json};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::sleep};
use tokio_postgres::Client;
use uuid::Uuid;

/// A standby of an installation, beside it.
pub async fn standby_of(place: &Installation, name: &str) -> Standby {
    let home = place.home.with_extension(name);
    Standby::of((&place.cluster(), &place.home), &home, env!("CARGO_BIN_EXE_salus").into(), name).await
}

/// The installation that serves from a promoted standby: keys, settings, anchor and receipts are brought along.
pub fn taken_over(place: &Installation, name: &str) -> Installation {
    let home = place.home.with_extension(name);
    for folder in ["keys", "audit"] {
        copy(&place.home.join(folder), &home.join(folder));
    }
    let mut next = Installation::at(home);
    next.address = place.address;
    next.key.clone_from(&place.key);
    next.settings.clone_from(&place.settings);
    next
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_waited_for_loses_nothing_and_a_commit_that_did_not_wait_is_no_success() {
    let _turn = super::turn().await;
    let seed = seed();
    eprintln!("failover with SALUS_CHAOS_SEED={seed}");
    let mut place = tokio::task::block_in_place(Installation::new);
    let standby = standby_of(&place, "standby").await;
    let admin = place.admin().await;
    standby.make_synchronous(&admin).await;
    let mut made = unknown_is_told(&place, &standby, &admin).await;

    let writers = Arc::new(Writers::new(place.address, &place.key, seed));
    let mut running = JoinSet::new();
    for n in 0..WRITERS {
        running.spawn(Arc::clone(&writers).write_until_told(n));
    }
    writers.more_than(10 * WRITERS, "before the failover").await;
    drop(admin);
    let at = writers.acknowledged();
    tokio::task::block_in_place(|| place.kill_only(Target::Everything));
    standby.promote().await;
    let mut next = taken_over(&place, "standby");
    // There is no standby of the standby yet.
    let admin = standby.admin().await.unwrap();
    admin.batch_execute("ALTER SYSTEM RESET synchronous_standby_names").await.unwrap();
    admin.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    drop(admin);
    tokio::task::block_in_place(|| next.start());
    let after = writers.answer_again(at, "after the failover").await;
    eprintln!("writes resume {after:?} after the kill");
    if everything() {
        assert!(after <= Duration::from_secs(10), "writes resume {after:?} after the kill (A54)");
    }
    writers.tell_to_end();
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
    made.extend(writers.ids());
    check::all(&next, &made, &format!("seed {seed}")).await;
    next.stop();
    drop(standby);
}

/// While the standby does not answer, a cancelled wait is told as an unknown outcome, and the same request sent again
/// finds out; one that is not cancelled just takes longer.
async fn unknown_is_told(place: &Installation, standby: &Standby, admin: &Client) -> Vec<Uuid> {
    let caller = Arc::new(Caller::new(place.address, &place.key));
    let send = |key: &'static str| {
        let (caller, body) = (Arc::clone(&caller), json!({"family_name": "Waits", "given_names": key}).to_string());
        salus_store::runtime::spawn(async move { caller.post(PATIENTS, key, body).await.unwrap() })
    };
    // From here on a request writes nothing but its own: the key's use is noted and seals are reserved.
    let (status, warm) = send("warm").await.unwrap();
    assert_eq!(status, 201, "{warm}");
    let paused = standby.pause().await;
    let cut = send("cut");
    cancel_the_wait(admin, || cut.is_finished()).await;
    let (status, body): (u16, Value) = cut.await.unwrap();
    assert_eq!((status, &body["code"]), (503, &json!("unknown_outcome")), "never a success: {body}");
    let here: i64 = admin.query_one("SELECT count(*) FROM medical.patients", &[]).await.unwrap().get(0);
    assert_eq!(here, 2, "it is on the primary, and perhaps nowhere else");
    let patient = send("patient");
    sleep(Duration::from_millis(300)).await;
    assert!(!patient.is_finished(), "a commit waits for the standby");
    drop(paused);
    let (status, second) = patient.await.unwrap();
    assert_eq!(status, 201, "{second}");
    let (status, first) = send("cut").await.unwrap();
    assert_eq!(status, 201, "the same key finds what was done: {first}");
    [warm, first, second].iter().map(|row| row["id"].as_str().unwrap().parse().unwrap()).collect()
}

/// Cancels what waits for the standby, as an administrator might, until the request is answered: the server's background
/// work waits there, too.
async fn cancel_the_wait(admin: &Client, answered: impl Fn() -> bool) {
    let sql = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = 'salus_app'";
    for _ in 0..1000 {
        admin.query_one(sql, &[]).await.unwrap();
        if answered() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("the request was not answered, although nothing waits for the standby any more");
}
