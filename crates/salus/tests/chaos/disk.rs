//! The disk of the database runs full: changes are refused and never lost, the server lives on and says what is wrong, and
//! goes on by itself when there is room again.

use super::{caller::Caller, check, installation::Installation, seed, writer::Writers};
use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::PathBuf,
    process::Command,
    sync::Arc,
    time::Duration,
};
use tokio::{task::JoinSet, time::sleep};

/// Room for a cluster and some seconds of log.
const SIZE: &str = "size=420m,mode=0711";
const FULL: usize = 4;

/// A small disk in memory, gone when this is dropped.
struct Disk(PathBuf);

impl Disk {
    /// None where this account may not mount one, which is said and counted.
    #[allow(clippy::explicit_write, reason = "eprintln is captured in a test that passes")]
    fn mount() -> Option<Self> {
        let path = std::env::temp_dir().join(format!("salus-chaos-disk-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", SIZE, "none"]).arg(&path).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        fs::remove_dir(&path).ok();
        // Not captured as the words of a test that passes are: script/test counts it.
        writeln!(std::io::stderr(), "SKIPPED a full disk: only root may mount the small disk it needs").unwrap();
        None
    }

    /// Takes up all the room there is.
    fn fill(&self) {
        let mut file = OpenOptions::new().append(true).create(true).open(self.0.join("filler")).unwrap();
        for block in [vec![0_u8; 1 << 20], vec![0; 4096]] {
            while file.write_all(&block).is_ok() {}
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
        fs::remove_dir(&self.0).ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing_and_room_that_was_kept_lets_it_go_on() {
    let _turn = super::turn().await;
    let Some(disk) = Disk::mount() else { return };
    let seed = seed();
    let mut place = Installation::at(disk.0.join("home"));
    place.settings.push(("SALUS_BALLAST_MIB", "64".into()));
    tokio::task::block_in_place(|| {
        place.start();
        place.furnish();
    });
    let writers = Arc::new(Writers::new(place.address, &place.key, seed));
    let mut running = JoinSet::new();
    for n in 0..FULL as u64 {
        running.spawn(Arc::clone(&writers).write_until_told(n));
    }
    writers.more_than(50, "before the disk is full").await;
    let caller = Caller::new(place.address, &place.key);
    until_red(&caller, &disk).await;
    assert!(!place.ended(), "the server lives on");
    let (status, body) = caller.get("/api/health").await.unwrap();
    assert_eq!(status, 200, "{body}");
    let at = writers.acknowledged();
    let freed = tokio::task::block_in_place(|| place.done(&["ops", "free-ballast"]));
    assert_eq!(freed["bytes"], 64 << 20, "{freed}");
    writers.more_than(at + 50, "with room again").await;
    well_again(&caller).await;
    writers.tell_to_end();
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
    check::all(&place, &writers.ids(), &format!("seed {seed}")).await;
    place.stop();
}

/// Fills the disk until health says that the database is not well.
async fn until_red(caller: &Caller, disk: &Disk) {
    let mut last = Err(());
    for _ in 0..1200 {
        disk.fill();
        last = caller.get("/api/health/db").await;
        if matches!(last, Ok((503, _))) {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("a full disk does no harm: {last:?}");
}

/// Waits until health says that the database is well: by itself, a while after the last refusal.
async fn well_again(caller: &Caller) {
    let mut last = Err(());
    for _ in 0..1200 {
        last = caller.get("/api/health/db").await;
        if matches!(last, Ok((200, _))) {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("it is not well again by itself: {last:?}");
}
