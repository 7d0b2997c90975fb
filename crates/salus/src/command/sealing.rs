//! The task of `salus serve` that seals the audit log every second and anchors its head every 30 (`spec` B1.5, B1.8).
//!
//! A failure stops nothing else: events stay and are sealed later. It is logged when it begins, when it changes and
//! when it ends, and not every second.

use super::task::{Stop, Task, Trouble};
use salus_core::{Error, Result};
use salus_store::{
    Db,
    audit::{Anchor, Log, Sealer},
};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// Between two seals.
const EVERY: Duration = Duration::from_secs(1);

/// An anchor that failed is tried again after this.
const AGAIN: Duration = Duration::from_secs(30);
/// An anchor that cannot be used for so long raises an alert.
const ANCHOR_DOWN: Duration = Duration::from_mins(5);
/// A log that is not sealed for so long raises an alert.
const NOT_SEALED: Duration = Duration::from_mins(1);

/// Begins to seal.
pub fn begin(log: Log, db: Db, anchors: Vec<Box<dyn Anchor>>, receipts: Vec<PathBuf>) -> Task {
    Task::begin("sealing", async move |stop: Stop| {
        let clock = (db.env().now(), Instant::now());
        let kept = anchors.iter().map(|_| Kept { size: 0, due: Instant::now(), failed: None }).collect();
        let mut work = Work { sealer: Sealer::new(log), db, anchors, receipts, kept, clock };
        let mut watch = Watch::default();
        loop {
            let turn = work.turn(false).await;
            watch.alert(&work.db, &turn, (NOT_SEALED, ANCHOR_DOWN)).await;
            watch.log(turn);
            work.watch_clock().await;
            if stop.within(EVERY).await {
                break;
            }
        }
        // What was recorded up to the stop is sealed and anchored before it.
        watch.log(work.turn(true).await);
    })
}

/// How sealing and anchoring ended.
type Turn = (Result<()>, Result<()>);

/// What is told of turns that fail.
#[derive(Default)]
struct Watch {
    sealing: Trouble,
    anchoring: Trouble,
    sealed: Since,
    anchored: Since,
}

impl Watch {
    /// Raises an alert of what did not work for so long.
    async fn alert(&mut self, db: &Db, (sealed, anchored): &Turn, (not_sealed, anchor_down): (Duration, Duration)) {
        let late = ("sealing_late", "The audit log is not sealed");
        self.sealed.alert(db, sealed.is_ok(), not_sealed, late).await;
        let down = ("anchor_down", "An anchor of the audit log cannot be used");
        self.anchored.alert(db, anchored.is_ok(), anchor_down, down).await;
    }

    fn log(&mut self, (sealed, anchored): Turn) {
        self.sealing.after(sealed, "the audit log is not sealed", "the audit log is sealed again");
        self.anchoring.after(anchored, "the audit log is not anchored", "the audit log is anchored again");
    }
}

/// Since when something does not work, and whether an alert says so.
#[derive(Default)]
struct Since(Option<(Instant, bool)>);

impl Since {
    async fn alert(&mut self, db: &Db, works: bool, after: Duration, (kind, what): (&str, &str)) {
        if works {
            self.0 = None;
            return;
        }
        let (since, told) = self.0.get_or_insert((Instant::now(), false));
        if since.elapsed() < after || *told {
            return;
        }
        // Where the database is what does not work, the alert is tried again at the next turn.
        match db.raise_alert(kind, what).await {
            Ok(_) => *told = true,
            Err(e) => tracing::error!(error = %e, kind, "an alert could not be noted"),
        }
    }
}

struct Work {
    sealer: Sealer,
    db: Db,
    /// The file first, which is asked at every seal.
    anchors: Vec<Box<dyn Anchor>>,
    receipts: Vec<PathBuf>,
    /// In the order of the anchors.
    kept: Vec<Kept>,
    /// What the clock said, and when that was.
    clock: (time::OffsetDateTime, Instant),
}

/// What one anchor keeps.
struct Kept {
    /// Of the head that it was given last.
    size: u64,
    /// When it is given the next.
    due: Instant,
    /// Why it could not keep the last one, until it keeps one.
    failed: Option<String>,
}

impl Work {
    /// Seals, and keeps the head outside when that is due: how each ended.
    async fn turn(&mut self, last: bool) -> Turn {
        match self.seal().await {
            Err(e) => (Err(e), self.anchored()),
            Ok(None) => (Ok(()), Ok(())),
            Ok(Some(size)) => (Ok(()), self.anchor(size, last).await),
        }
    }

    /// How many events are sealed, unless another process is at it.
    async fn seal(&mut self) -> Result<Option<u64>> {
        let Some(first) = self.anchors.first() else { return Err(Error::internal("no anchor")) };
        let sealed = self.sealer.seal_anchored(first.as_ref(), &self.receipts).await?;
        for s in &sealed.suspects {
            tracing::error!(leaf = s.leaf, event = %s.event, tenant = %s.tenant, "an audit event was not made by a Salus process");
        }
        Ok((!sealed.busy).then_some(sealed.size))
    }

    /// Every anchor that is due is tried, whatever comes of the others.
    async fn anchor(&mut self, size: u64, last: bool) -> Result<()> {
        for (anchor, kept) in self.anchors.iter().zip(&mut self.kept) {
            if size == kept.size || !(last || kept.due <= Instant::now()) || !anchor.is_due() {
                continue;
            }
            self.db.sync_receipts();
            match self.sealer.anchor(anchor.as_ref()).await {
                Ok(size) => *kept = Kept { size, due: Instant::now() + anchor.every(), failed: None },
                Err(e) => {
                    kept.due = Instant::now() + AGAIN.min(anchor.every());
                    kept.failed = Some(e.to_string());
                }
            }
        }
        self.anchored()
    }

    /// Whether every anchor kept what it was given last: one that failed does so until it keeps a head again, and not only
    /// in the moment when it is tried.
    fn anchored(&self) -> Result<()> {
        match self.kept.iter().find_map(|kept| kept.failed.clone()) {
            Some(why) => Err(Error::Unavailable(why)),
            None => Ok(()),
        }
    }

    async fn watch_clock(&mut self) {
        let (before, since) = std::mem::replace(&mut self.clock, (self.db.env().now(), Instant::now()));
        match self.db.watch_clock(before, since.elapsed()).await {
            Ok(false) => {}
            Ok(true) => tracing::warn!("the clock of this machine was moved: it is in the audit log"),
            Err(e) => tracing::error!(error = %e, "that the clock was moved could not be recorded"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use salus_core::{Ctx, Env, PLATFORM};
    use salus_store::{
        Options,
        audit::{FileAnchor, merkle::Hash},
        seal::RootFile,
    };
    use salus_testkit::TestDb;
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    /// An anchor that is away until it is told to be there.
    struct Away(Arc<AtomicBool>);

    impl Anchor for Away {
        fn name(&self) -> String {
            "away".into()
        }

        fn every(&self) -> Duration {
            Duration::ZERO
        }

        fn keep(&self, _: &str, _: u64, _: &[Hash]) -> Result<()> {
            let there = self.0.load(Ordering::SeqCst);
            there.then_some(()).ok_or_else(|| Error::Unavailable("the anchor away cannot be reached".into()))
        }

        fn kept(&self) -> Result<Vec<String>> {
            Ok(Vec::new())
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_anchor_that_stays_away_raises_one_alert_and_keeps_the_others_from_nothing() {
        let database = TestDb::new().await;
        let home = std::env::temp_dir().join(format!("salus-sealing-{}", database.name()));
        let keys = RootFile::at(&home, None);
        keys.init(&[]).unwrap();
        let options = Options {
            address: database.config("salus_app").into(),
            connections: 4,
            root: keys.unlock().unwrap(),
            env: Env::default(),
            allow_old_postgres: true,
        };
        let log = Log::new(database.config("salus_sealer").into(), keys.unlock().unwrap(), Env::default());
        let db = Db::open(options).await.unwrap();
        let there = Arc::new(AtomicBool::new(false));
        let file = home.join("anchor");
        let anchors: Vec<Box<dyn Anchor>> =
            vec![Box::new(FileAnchor::new(file.clone())), Box::new(Away(Arc::clone(&there)))];
        let kept = anchors.iter().map(|_| Kept { size: 0, due: Instant::now(), failed: None }).collect();
        let clock = (db.env().now(), Instant::now());
        let receipts = vec![home.join("receipts")];
        let mut work = Work { sealer: Sealer::new(log), db: db.clone(), anchors, receipts, kept, clock };
        let mut watch = Watch::default();
        let admin = database.connect("salus_admin").await;
        let mut alerts = async |work: &mut Work, patience: Duration| -> i64 {
            let tx = db.begin(Ctx::operator(db.env(), PLATFORM), false).await.unwrap();
            tx.commit("test.note", "audit.activity_logs").await.unwrap();
            let turn = loop {
                // Transactions of other tests hold seals back.
                let turn = work.turn(true).await;
                if turn.0.is_ok() && work.kept[0].size > 0 {
                    break turn;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            };
            watch.alert(&work.db, &turn, (NOT_SEALED, patience)).await;
            let sql = "SELECT count(*) FROM audit.tamper_alerts WHERE kind = 'anchor_down'";
            admin.query_one(sql, &[]).await.unwrap().get(0)
        };
        assert_eq!(alerts(&mut work, ANCHOR_DOWN).await, 0, "not at once");
        assert_eq!(alerts(&mut work, Duration::ZERO).await, 1);
        assert_eq!(alerts(&mut work, Duration::ZERO).await, 1, "and not at every turn");
        assert!(FileAnchor::new(file).newest().unwrap().is_some(), "the file has its head all the same");
        there.store(true, Ordering::SeqCst);
        assert_eq!(alerts(&mut work, Duration::ZERO).await, 1, "that is over is no new alert");
        assert!(work.anchored().is_ok());
        std::fs::remove_dir_all(home).unwrap();
    }
}
