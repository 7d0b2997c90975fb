//! An asynchronous standby: it answers reads and never an old one, and when it takes over what is lost is told by name.

use super::{
    Target,
    caller::{Caller, PATIENTS},
    check,
    failover::{standby_of, taken_over},
    installation::Installation,
};
use salus_testkit::Standby;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::sleep;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_answers_reads_and_never_an_old_one_and_a_failover_to_it_tells_what_is_lost() {
    let _turn = super::turn().await;
    let mut place = tokio::task::block_in_place(Installation::new);
    let standby = standby_of(&place, "replica").await;
    let socket = standby.cluster().socket_dir().display().to_string();
    let other = "postgres://salus_app@/salus?host=/no/such/directory";
    let urls = format!("postgres://salus_app@/salus?host={socket} {other}");
    place.settings.push(("DATABASE_REPLICA_URLS", urls));
    tokio::task::block_in_place(|| {
        place.pause();
        place.start();
    });
    let caller = Caller::new(place.address, &place.key);
    let mut made = Vec::new();
    written_and_read(&caller, &mut made, 30).await;
    // A machine with much to do may have had the primary answer all of them.
    until_answering(&caller, 9, made[0]).await;
    let told = health(&caller).await;
    assert!(told["replicas"][0]["reads"].as_u64().unwrap() >= 10, "the replica answers: {told}");
    assert_eq!(told["replicas"][0]["state"], "used", "{told}");
    assert_eq!(told["replicas"][1]["state"], "unreachable", "{told}");

    // What the replica has not replayed, the primary answers.
    let paused = standby.pause().await;
    let before = reads(&caller).await;
    written_and_read(&caller, &mut made, 5).await;
    let told = health(&caller).await;
    assert_eq!(reads(&caller).await, before, "a replica that lies behind answers nothing: {told}");
    assert_eq!(told["replicas"][0]["state"], "behind", "{told}");
    assert!(told["replicas"][0]["behind_bytes"].as_u64().unwrap() > 0, "{told}");
    drop(paused);
    until_answering(&caller, before, made[0]).await;
    written_and_read(&caller, &mut made, 5).await;
    lost_is_told(&mut place, standby, &caller, made).await;
}

/// Makes patients, and reads each at once, by its id and by search.
async fn written_and_read(caller: &Caller, made: &mut Vec<Uuid>, count: usize) {
    for _ in 0..count {
        let n = made.len();
        let body = json!({"family_name": format!("Mirror{n}"), "given_names": "Reads", "mrn": format!("R{n}")});
        let (status, row) = caller.post(PATIENTS, &format!("r-{n}"), body.to_string()).await.unwrap();
        assert_eq!(status, 201, "{row}");
        let id = row["id"].as_str().unwrap();
        let (status, read) = caller.get(&format!("{PATIENTS}/{id}")).await.unwrap();
        assert_eq!((status, &read["given_names"]), (200, &json!("Reads")), "what was written is read: {read}");
        let (status, found) = caller.get(&format!("{PATIENTS}?mrn=R{n}")).await.unwrap();
        assert_eq!((status, found["data"].as_array().map(Vec::len)), (200, Some(1)), "and found: {found}");
        made.push(id.parse().unwrap());
    }
}

async fn health(caller: &Caller) -> Value {
    caller.get("/api/health/db").await.unwrap().1
}

async fn reads(caller: &Caller) -> u64 {
    health(caller).await["replicas"][0]["reads"].as_u64().unwrap()
}

/// Reads until the replica has answered more often than before.
async fn until_answering(caller: &Caller, before: u64, id: Uuid) {
    for _ in 0..600 {
        caller.get(&format!("{PATIENTS}/{id}")).await.unwrap();
        if reads(caller).await > before {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("the replica does not answer: {}", health(caller).await);
}

/// The standby takes over without the last changes: the epoch names exactly the events that are gone.
async fn lost_is_told(place: &mut Installation, standby: Standby, caller: &Caller, mut made: Vec<Uuid>) {
    tokio::task::block_in_place(|| {
        place.done(&["audit", "seal"]);
        place.done(&["audit", "anchor"]);
    });
    caught_up(place, &standby).await;
    let paused = standby.cut_off(&place.admin().await).await;
    let kept = made.len();
    for n in 0..20 {
        let body = json!({"family_name": "Lost", "given_names": "Soon", "mrn": format!("L{n}")}).to_string();
        let (status, row) = caller.post(PATIENTS, &format!("l-{n}"), body).await.unwrap();
        assert_eq!(status, 201, "{row}");
        made.push(row["id"].as_str().unwrap().parse().unwrap());
    }
    tokio::task::block_in_place(|| place.kill_only(Target::Everything));
    drop(paused);
    standby.promote().await;
    let mut next = taken_over(place, "replica");
    next.settings.clear();
    let begun = tokio::task::block_in_place(|| next.done(&["audit", "new-epoch", "--reason", "failed over"]));
    let told: BTreeSet<Uuid> =
        begun["begun"]["lost"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().parse().unwrap()).collect();
    // The truth: what the former primary has and the new one has not.
    let former: BTreeSet<Uuid> = events(&place.admin().await).await;
    let now: BTreeSet<Uuid> = events(&standby.admin().await.unwrap()).await;
    let gone: BTreeSet<Uuid> = former.difference(&now).copied().collect();
    assert!(gone.len() >= 20, "something is lost: {}", gone.len());
    assert_eq!(told, gone, "the epoch names what is lost, and nothing else");
    check::rows(&standby.admin().await.unwrap(), &made[..kept], "after the failover").await;
    tokio::task::block_in_place(|| {
        next.start();
        next.done(&["audit", "verify"]);
        next.stop();
    });
}

async fn events(admin: &tokio_postgres::Client) -> BTreeSet<Uuid> {
    let rows = admin.query("SELECT id FROM audit.activity_logs", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn caught_up(place: &Installation, standby: &Standby) {
    let (primary, replica) = (place.admin().await, standby.admin().await.unwrap());
    let sql = "SELECT pg_current_wal_flush_lsn()::text";
    let target: String = primary.query_one(sql, &[]).await.unwrap().get(0);
    let sql = "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn";
    for _ in 0..1000 {
        if replica.query_one(sql, &[&target]).await.unwrap().get(0) {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("the standby does not follow");
}
