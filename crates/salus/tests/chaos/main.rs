//! Kills at random moments, under 16 writers: nothing acknowledged is lost, nothing is done twice, and the audit log
//! tells exactly what is there. `script/chaos` runs it long, a plain run of the tests short.
#![allow(clippy::unwrap_used, reason = "a test that fails here has found its bug")]

mod caller;
mod check;
mod disk;
mod failover;
mod faults;
mod installation;
mod loss;
mod memory;
mod network;
mod pooler;
mod random;
mod replicas;
mod rotation;
mod slow;
mod writer;

use installation::Installation;
use random::Random;
use salus_core::Env;
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::sleep};
use writer::Writers;

const WRITERS: u64 = 16;

/// A whole number from the environment: the length of a run and its seed are the operator's to say.
#[allow(clippy::disallowed_methods, reason = "script/chaos says how long; a test has no configuration file")]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a whole number")))
}

/// The seed of a run: the operator's, or another each time.
fn seed() -> u64 {
    let other = || u64::from_be_bytes(*Env::default().id().as_bytes().last_chunk().unwrap());
    setting("SALUS_CHAOS_SEED").unwrap_or_else(other)
}

/// Whether everything is tried, which takes long, or a share that the seed draws.
fn everything() -> bool {
    setting("SALUS_CHAOS_ALL").is_some()
}

/// What is killed with SIGKILL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    /// The server of Salus.
    Server,
    /// Every process of PostgreSQL.
    Database,
    /// Both, and the guard that would start PostgreSQL again: as if the machine lost power, but for its disk's cache.
    Everything,
}

/// One of these tests at a time: each loads the machine as far as it goes, and measures what is done within a while.
async fn turn() -> tokio::sync::MutexGuard<'static, ()> {
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    TURN.lock().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_nothing_acknowledged_is_lost_and_nothing_is_done_twice() {
    let _turn = turn().await;
    let rounds = setting("SALUS_CHAOS_ROUNDS").unwrap_or(5);
    let seed = seed();
    eprintln!("{rounds} rounds with SALUS_CHAOS_SEED={seed}");
    let mut random = Random::new(seed);
    let mut place = Installation::new();
    let writers = Arc::new(Writers::new(place.address, &place.key, seed));
    let mut running = JoinSet::new();
    for n in 0..WRITERS {
        running.spawn(Arc::clone(&writers).write_until_told(n));
    }
    let (mut times, mut last) = (Vec::new(), Target::Server);
    for round in 0..rounds {
        let before = writers.acknowledged();
        writers.more_than(before + WRITERS, &format!("seed {seed}, round {round}")).await;
        sleep(Duration::from_millis(random.below(1500))).await;
        let target = match random.below(5) {
            0 | 1 => Target::Server,
            // A guard gives up on a server that crashes again and again, as it should.
            2 if last != Target::Database => Target::Database,
            _ => Target::Everything,
        };
        let at = writers.acknowledged();
        tokio::task::block_in_place(|| place.kill(target));
        times.push(writers.answer_again(at, &format!("seed {seed}, round {round}, {target:?} killed")).await);
        last = target;
    }
    writers.tell_to_end();
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
    times.sort();
    let p95 = times[(times.len() * 95).div_ceil(100) - 1];
    eprintln!(
        "{} writes acknowledged, {} sent again; answering again after {p95:?} (p95)",
        writers.acknowledged(),
        writers.repeats()
    );
    // A short run on a busy machine says nothing of times.
    if everything() {
        assert!(p95 <= Duration::from_secs(15), "seed {seed}: answering again took {p95:?} (A52)");
    }
    check::all(&place, &writers.ids(), &format!("seed {seed}")).await;
    place.stop();
}
