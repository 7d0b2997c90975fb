//! The disk of the database runs full: changes are refused and never lost, records are read on the room that was kept, the
//! server lives on and says what is wrong, and goes on by itself when there is room again.

use super::{
    caller::{Caller, PATIENTS},
    check, everything,
    installation::Installation,
    seed,
    writer::Writers,
};
use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::symlink,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{task::JoinSet, time::sleep};

/// MiB of room for a cluster and some seconds of log.
const SIZE: u32 = 420;
/// MiB that are kept for reading.
const KEPT: u64 = 64;
const FULL: usize = 4;

/// A small disk in memory, gone when this is dropped.
struct Disk(PathBuf);

impl Disk {
    /// None where this account may not mount one, which is said and counted.
    #[allow(clippy::explicit_write, reason = "eprintln is captured in a test that passes")]
    fn mount(mib: u32) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("salus-chaos-disk-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let size = format!("size={mib}m,mode=0711");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(&path).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        fs::remove_dir(&path).ok();
        // Not captured as the words of a test that passes are: script/test counts it.
        writeln!(std::io::stderr(), "SKIPPED a full disk: only root may mount the small disk it needs").unwrap();
        None
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Takes up all the room there is.
    fn fill(&self) {
        let mut file = OpenOptions::new().append(true).create(true).open(self.filler()).unwrap();
        for block in [vec![0_u8; 1 << 20], vec![0; 4096]] {
            while file.write_all(&block).is_ok() {}
        }
    }

    /// Gives back what the filler took of the room that the server had given up in the same moment.
    fn give_back(&self, mib: u64) {
        let file = OpenOptions::new().write(true).open(self.filler()).unwrap();
        file.set_len(file.metadata().unwrap().len() - (mib << 20)).unwrap();
    }

    fn empty(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
        fs::remove_dir(&self.0).ok();
    }
}

/// Writers on an installation, until they are told to end.
struct Load {
    writers: Arc<Writers>,
    running: JoinSet<()>,
    caller: Caller,
    seed: u64,
}

impl Load {
    async fn begin(place: &mut Installation) -> Self {
        tokio::task::block_in_place(|| {
            place.start();
            place.furnish();
        });
        let seed = seed();
        let writers = Arc::new(Writers::new(place.address, &place.key, seed));
        let mut running = JoinSet::new();
        for n in 0..FULL as u64 {
            running.spawn(Arc::clone(&writers).write_until_told(n));
        }
        writers.more_than(50, "before the disk is full").await;
        Self { writers, running, caller: Caller::new(place.address, &place.key), seed }
    }

    /// Nothing that was acknowledged is lost.
    async fn end(mut self, place: Installation) {
        self.writers.tell_to_end();
        while let Some(ended) = self.running.join_next().await {
            ended.unwrap();
        }
        check::all(&place, &self.writers.ids(), &format!("seed {}", self.seed)).await;
        place.stop();
    }

    /// Asks until this is answered, and how the last was.
    async fn until(&self, path: &str, status: u16, meanwhile: impl Fn()) {
        let mut last = Err(());
        for _ in 0..1200 {
            last = self.caller.get(path).await;
            if matches!(&last, Ok((found, _)) if *found == status) {
                return;
            }
            meanwhile();
            sleep(Duration::from_millis(50)).await;
        }
        panic!("{path} never answers {status}: {last:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing_records_are_read_and_it_goes_on_by_itself() {
    let _turn = super::turn().await;
    let Some(disk) = Disk::mount(SIZE) else { return };
    let mut place = Installation::at(disk.0.join("home"));
    place.settings.push(("SALUS_BALLAST_MIB", KEPT.to_string()));
    let load = Load::begin(&mut place).await;
    let patient = format!("{PATIENTS}/{}", load.writers.ids()[0]);
    load.until("/api/health/db", 503, || disk.fill()).await;
    disk.give_back(KEPT);
    assert!(!place.ended(), "the server lives on");
    let (status, body) = load.caller.get("/api/health").await.unwrap();
    assert_eq!(status, 200, "{body}");
    // PostgreSQL may have ended for want of room, and is started again.
    load.until(&patient, 200, || ()).await;
    assert!(!place.home.join("cluster/ballast").exists(), "what was kept is given up");
    for turn in 0..10 {
        let (status, body) = load.caller.get(&patient).await.unwrap();
        assert_eq!((status, &body["id"]), (200, &serde_json::json!(load.writers.ids()[0])), "{body}");
        let (status, body) = load.caller.post(PATIENTS, &format!("full-{turn}"), "{}".into()).await.unwrap();
        assert_eq!(status, 503, "{body}");
        assert!(body.to_string().contains("nothing is changed"), "{body}");
    }
    let at = load.writers.acknowledged();
    disk.empty();
    load.writers.more_than(at + 50, "with room again").await;
    load.until("/api/health/db", 200, || ()).await;
    assert!(place.home.join("cluster/ballast").exists(), "it is kept again");
    load.end(place).await;
}

/// The write-ahead log on a disk of its own: what is kept beside the data does not help there, and nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_the_log_loses_nothing() {
    if !everything() {
        return;
    }
    let _turn = super::turn().await;
    let Some(disk) = Disk::mount(160) else { return };
    let mut place = Installation::empty();
    tokio::task::block_in_place(|| place.done(&["db", "init"]));
    let log = place.home.join("cluster/data/pg_wal");
    let moved = disk.0.join("pg_wal");
    let status = Command::new("cp").arg("-a").args([&log, &moved]).status().unwrap();
    assert!(status.success());
    fs::remove_dir_all(&log).unwrap();
    symlink(&moved, &log).unwrap();
    let load = Load::begin(&mut place).await;
    load.until("/api/health/db", 503, || disk.fill()).await;
    assert!(!place.ended(), "the server lives on");
    let at = load.writers.acknowledged();
    disk.empty();
    load.writers.more_than(at + 50, "with room again").await;
    load.until("/api/health/db", 200, || ()).await;
    load.end(place).await;
}

/// Receipts and backups on a full disk: changes go on, and both are complete when there is room again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_receipts_and_backups_stops_nothing() {
    if !everything() {
        return;
    }
    let _turn = super::turn().await;
    let Some(disk) = Disk::mount(64) else { return };
    let mut place = Installation::empty();
    let within = |name: &str| disk.0.join(name).display().to_string();
    place.settings.push(("SALUS_AUDIT_RECEIPTS", within("receipts")));
    place.settings.push(("SALUS_BACKUP_DIR", within("backups")));
    disk.fill();
    disk.give_back(1);
    let load = Load::begin(&mut place).await;
    disk.fill();
    let at = load.writers.acknowledged();
    load.writers.more_than(at + 200, "without room for receipts").await;
    let doctor = tokio::task::block_in_place(|| place.tried(&["doctor", "backups"]));
    assert!(!doctor.0 && doctor.1.contains("there is no backup"), "{}", doctor.1);
    disk.empty();
    let backed_up = tokio::task::block_in_place(|| place.done(&["backup"]));
    assert!(backed_up["path"].is_string(), "{backed_up}");
    let at = load.writers.acknowledged();
    load.writers.more_than(at + 50, "with room again").await;
    let acknowledged = load.writers.acknowledged();
    let verified = tokio::task::block_in_place(|| place.done(&["audit", "verify"]));
    let receipts = verified["report"]["receipts"].as_u64().unwrap();
    assert!(receipts >= acknowledged, "{receipts} of {acknowledged}: none was dropped while there was no room");
    load.end(place).await;
}
