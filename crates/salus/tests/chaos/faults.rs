//! The process ended at each fault point, and started again: the same request is sent again, the same command is given
//! again, and nothing is lost, done twice or left half-done. A plain run tries a third of the points, which its seed
//! draws; `script/chaos faults` tries all.

use super::{
    caller::{Caller, PATIENTS},
    check, everything,
    installation::Installation,
    random::Random,
    seed,
};
use salus_store::fault::POINTS;
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::sleep;
use tokio_postgres::Client;
use uuid::Uuid;

/// How long requests are sent before a point counts as one that nothing passes: some are passed once in a while only.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often what was left is sent again.
const PASSES: usize = 12;
/// Where an erasure is asked for.
const ERASURES: &str = "/api/v1/compliance/erasure-requests";
/// How much older each look makes what waits for time to pass.
const AGE: &str = "SET session_replication_role = replica; \
    UPDATE kernel.key_rotation_history SET updated_at = updated_at - interval '1 minute' WHERE finished_at IS NULL";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ended_at_any_fault_point_nothing_is_lost_or_half_done() {
    let _turn = super::turn().await;
    let seed = seed();
    let mut random = Random::new(seed);
    let share = usize::try_from(random.below(3)).unwrap();
    let points: Vec<(String, &str)> = POINTS
        .iter()
        .enumerate()
        .filter(|(at, _)| everything() || at % 3 == share)
        .map(|(_, point)| (format!("{point}:{}", 1 + random.below(3)), *point))
        .collect();
    eprintln!("{} fault points with SALUS_CHAOS_SEED={seed}", points.len());
    let mut place = Installation::new();
    let _runs = place.cluster();
    let admin = Arc::new(place.admin().await);
    let mut work = Work { caller: Caller::new(place.address, &place.key), made: Vec::new(), next: 0, left: Vec::new() };
    place.pause();
    let (served, given): (Vec<_>, Vec<_>) = points.into_iter().partition(|(_, point)| command(point).is_none());
    for (armed, point) in served {
        let when = format!("seed {seed}, {armed}");
        let mut passes = 0;
        if tokio::task::block_in_place(|| place.start_armed(Some(&armed))) {
            let since = Instant::now();
            while !place.ended() {
                passes += 1;
                assert!(since.elapsed() < PATIENCE, "{when}: nothing passes {point} with {passes} requests");
                work.pass(&when).await;
            }
        }
        eprintln!("{armed} after {passes} requests");
    }
    tokio::task::block_in_place(|| place.start());
    work.finish(&format!("seed {seed}, after the last")).await;
    check::all(&place, &work.made, &format!("seed {seed}")).await;
    let erasures: Vec<usize> = (0..given.len()).filter(|n| given[*n].1.starts_with("erasure.")).collect();
    ask_for(&place, erasures.into_iter().map(|n| work.made[n % work.made.len()])).await;
    place.pause();
    for (n, (_, point)) in given.iter().enumerate() {
        let when = format!("seed {seed}, {point}");
        tokio::task::block_in_place(|| Given { place: &place, point, n }.tried(&work.made, &when, &admin));
        check::rows(&admin, &work.made, &when).await;
        eprintln!("{point}");
    }
    check::all(&place, &work.made, &format!("seed {seed}, commands")).await;
}

/// Asks for the erasure of these persons, as somebody of the tenant: the operator confirms, and is not both.
async fn ask_for(place: &Installation, persons: impl Iterator<Item = Uuid>) {
    let arguments = ["user", "service", "--tenant", "storm", "--name", "officer", "--role", "privacy_officer"];
    let officer = tokio::task::block_in_place(|| place.done(&arguments));
    let officer = Caller::new(place.address, officer["key"].as_str().unwrap());
    for person in persons {
        let body = json!({"person_id": person, "reason": "recorded_in_error"}).to_string();
        let (status, told) = officer.post(ERASURES, &format!("erase-{person}"), body).await.unwrap();
        assert_eq!(status, 201, "{told}");
    }
}

/// One request and what must come of it.
#[derive(Debug, Clone)]
enum Step {
    Create(usize),
    Repeat(usize),
    Refused(usize),
    Read(usize),
}

/// Requests, what was acknowledged, and which were not answered yet.
struct Work {
    caller: Caller,
    made: Vec<Uuid>,
    next: usize,
    left: Vec<Step>,
}

impl Work {
    /// What was left, and then one of each request.
    async fn pass(&mut self, when: &str) {
        let n = self.next;
        if self.left.is_empty() {
            self.left = vec![Step::Read(n), Step::Refused(n), Step::Repeat(n), Step::Create(n)];
            self.next += 1;
        }
        while let Some(step) = self.left.last().cloned() {
            if !self.takes(&step, when).await {
                // It ends a moment after its last answer broke off.
                sleep(Duration::from_millis(300)).await;
                return;
            }
            self.left.pop();
        }
    }

    /// Sends what was not answered until it is.
    async fn finish(&mut self, when: &str) {
        for _ in 0..PASSES {
            while let Some(step) = self.left.last().cloned() {
                if !self.takes(&step, when).await {
                    break;
                }
                self.left.pop();
            }
            if self.left.is_empty() {
                return;
            }
            sleep(Duration::from_millis(300)).await;
        }
        panic!("{when}: {:?} is never answered", self.left);
    }

    /// Whether the step was answered as it must be; false when the server went away.
    async fn takes(&mut self, step: &Step, when: &str) -> bool {
        let person =
            |n: usize| json!({"family_name": "Fault", "given_names": "Point", "mrn": format!("F{n}")}).to_string();
        let answer = match step {
            Step::Create(n) | Step::Repeat(n) => self.caller.post(PATIENTS, &format!("create-{n}"), person(*n)).await,
            Step::Refused(n) => self.caller.post(PATIENTS, &format!("again-{n}"), person(*n)).await,
            Step::Read(n) => self.caller.get(&format!("{PATIENTS}/{}", self.made[*n])).await,
        };
        let Ok((status, body)) = answer else { return false };
        if status == 503 {
            return false;
        }
        match step {
            Step::Create(n) => {
                assert_eq!(status, 201, "{when}: {step:?} {body}");
                assert_eq!(self.made.len(), *n);
                self.made.push(body["id"].as_str().unwrap().parse().unwrap());
            }
            Step::Repeat(n) => {
                assert_eq!((status, body["id"].as_str()), (201, Some(&*self.made[*n].to_string())), "{when}: {body}");
            }
            Step::Refused(_) => assert_eq!((status, &body["code"]), (409, &json!("duplicate")), "{when}: {body}"),
            Step::Read(_) => assert_eq!((status, &body["family_name"]), (200, &json!("Fault")), "{when}: {body}"),
        }
        true
    }
}

/// The command that passes a point; none for those of the server.
fn command(point: &str) -> Option<&'static [&'static str]> {
    Some(match point.split('.').next().unwrap() {
        "seal" => &["audit", "seal"],
        "anchor" => &["audit", "anchor"],
        "rotation" => &["keys", "rotate", "--tenant", "storm", "--class", "identity", "--fast"],
        "rewrap" => &["keys", "rewrap"],
        "migration" => &["db", "migrate"],
        "backup" => &["backup", "--out"],
        "erasure" => &["keys", "shred", "--tenant", "storm", "--reason", "recorded_in_error"],
        "tenant" => &["tenant", "create", "--name", "Another"],
        _ => return None,
    })
}

/// A command that ends at a point, and is given again.
struct Given<'a> {
    place: &'a Installation,
    point: &'a str,
    n: usize,
}

impl Given<'_> {
    fn tried(&self, made: &[Uuid], when: &str, admin: &Arc<Client>) {
        let (place, point) = (self.place, self.point);
        let kind = point.split('.').next().unwrap();
        let person = made[self.n % made.len()].to_string();
        let folder = place.home.join("backups").display().to_string();
        let slug = format!("tenant-{}", self.n);
        let last = || self.last_migrations();
        let mut arguments = command(point).unwrap().to_vec();
        match kind {
            "seal" | "anchor" => _ = place.done(&["audit", "list", "--tenant", "storm"]),
            "backup" => arguments.push(&folder),
            "erasure" => arguments.extend(["--person", &person, "--confirm", &person]),
            "tenant" => arguments.push(&slug),
            "migration" => _ = place.done(&["db", "down", "--to", &last().1.to_string(), "--accept-data-loss"]),
            _ => {}
        }
        if kind == "anchor" {
            place.done(&["audit", "seal"]);
        }
        let time = (kind == "rotation").then(|| Aging::begin(admin));
        assert!(place.ends_at(point, &arguments), "{when}: nothing passes it");
        if kind == "rotation" {
            arguments = vec!["keys", "rotate", "--resume", "--fast"];
        }
        let (done, said) = place.tried(&arguments);
        let before = said.contains("\"erased\"") || said.contains("\"duplicate\"");
        assert!(done || (before && ["erasure", "tenant"].contains(&kind)), "{when}: given again: {said}");
        drop(time);
        match kind {
            "backup" => {
                let listed = place.done(&["backup", "list", "--out", &folder]).to_string();
                assert!(!listed.contains(".half"), "{when}: half a backup counts as one: {listed}");
            }
            "tenant" => {
                // It has keys and roles: somebody can be made in it.
                place.done(&["user", "service", "--tenant", &slug, "--name", "one", "--role", "clinician"]);
            }
            "erasure" => {
                let ledger = std::fs::read_to_string(place.home.join("audit/erasures")).unwrap();
                assert!(ledger.contains(&person), "{when}: the ledger does not name who was erased");
                let (_, again) = place.tried(&arguments);
                assert!(again.contains("\"erased\""), "{when}: {again}");
            }
            _ => {}
        }
        place.done(&["keys", "doctor"]);
    }

    /// The newest migration, and the one before it: numbers have gaps.
    fn last_migrations(&self) -> (i32, i32) {
        let status = self.place.done(&["db", "status"]);
        let files = status["files"].as_array().unwrap();
        let mut all: Vec<i32> = files.iter().filter_map(|file| file["version"].as_str()?.parse().ok()).collect();
        all.sort_unstable();
        (all[all.len() - 1], all[all.len() - 2])
    }
}

/// Lets time pass for exchanges of keys, which wait until every process has learnt a key.
struct Aging(tokio::task::JoinHandle<()>);

impl Aging {
    fn begin(admin: &Arc<Client>) -> Self {
        let admin = Arc::clone(admin);
        Self(salus_store::runtime::spawn(async move {
            loop {
                admin.batch_execute(AGE).await.ok();
                sleep(Duration::from_millis(100)).await;
            }
        }))
    }
}

impl Drop for Aging {
    fn drop(&mut self) {
        self.0.abort();
    }
}
