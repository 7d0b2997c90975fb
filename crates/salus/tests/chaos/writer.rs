//! Writers that send each write until it is acknowledged, with one idempotency key for all of its attempts, and
//! sometimes hang up before the answer.

use super::{
    caller::{Caller, PATIENTS},
    random::Random,
};
use serde_json::json;
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// How long a server may be away before the run gives up on it.
const PATIENCE: Duration = Duration::from_mins(3);

pub struct Writers {
    caller: Caller,
    seed: u64,
    ids: Mutex<Vec<Uuid>>,
    repeats: AtomicU64,
    end: AtomicBool,
    /// Whether one in eight hangs up before the answer.
    hasty: bool,
}

impl Writers {
    pub fn new(address: SocketAddr, key: &str, seed: u64) -> Self {
        Self {
            caller: Caller::new(address, key),
            seed,
            ids: Mutex::default(),
            repeats: AtomicU64::new(0),
            end: AtomicBool::new(false),
            hasty: true,
        }
    }

    /// The same who wait for every answer: a write that is sent again is one that failed.
    pub fn patient(mut self) -> Self {
        self.hasty = false;
        self
    }

    pub fn ids(&self) -> Vec<Uuid> {
        self.ids.lock().unwrap().clone()
    }

    pub fn acknowledged(&self) -> u64 {
        self.ids.lock().unwrap().len() as u64
    }

    pub fn repeats(&self) -> u64 {
        self.repeats.load(Ordering::Relaxed)
    }

    pub fn tell_to_end(&self) {
        self.end.store(true, Ordering::Relaxed);
    }

    /// Waits until more than so many writes are acknowledged.
    pub async fn more_than(&self, count: u64, when: &str) {
        let since = Instant::now();
        while self.acknowledged() <= count {
            assert!(since.elapsed() < PATIENCE, "{when}: no write is acknowledged any more");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits for the first answers after a kill, more than were under way when it came, and tells how long that took.
    pub async fn answer_again(&self, at: u64, when: &str) -> Duration {
        let since = Instant::now();
        self.more_than(at + 2 * super::WRITERS, when).await;
        since.elapsed()
    }

    pub async fn write_until_told(self: Arc<Self>, writer: u64) {
        let mut random = Random::new(self.seed ^ (writer << 32));
        let mut n = 0;
        while !self.end.load(Ordering::Relaxed) {
            let key = format!("{}-{writer}-{n}", self.seed);
            let id = self.acknowledge(&key, writer, &mut random).await;
            self.ids.lock().unwrap().push(id);
            n += 1;
        }
    }

    /// Sends one write until it is acknowledged.
    async fn acknowledge(&self, key: &str, writer: u64, random: &mut Random) -> Uuid {
        let body = json!({"family_name": format!("Chaos {writer}"), "given_names": key}).to_string();
        let since = Instant::now();
        loop {
            // One in eight hangs up early, and asks again with the same key.
            let patience = if random.below(8) == 0 && self.hasty { random.below(20) } else { 30_000 };
            let answer = timeout(Duration::from_millis(patience), self.caller.post(PATIENTS, key, body.clone())).await;
            match answer {
                Ok(Ok((201, body))) => return body["id"].as_str().unwrap().parse().unwrap(),
                // Under way for the attempt before, or the server or its database is gone.
                Ok(Ok((409 | 429 | 500..=599, _)) | Err(())) | Err(_) => {}
                Ok(Ok((status, body))) => panic!("{key}: {status} {body}"),
            }
            assert!(since.elapsed() < PATIENCE, "{key} is never acknowledged");
            self.repeats.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(20 + random.below(60))).await;
        }
    }
}
