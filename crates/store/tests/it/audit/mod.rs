//! The sealed audit log: what is sealed, that nothing is lost, and that every attack on it is named.

mod attacks;
mod bits;
mod bundles;
mod epochs;
mod handover;
mod retention;
mod sealing;
mod subjects;

use salus_core::{Ctx, Env};
use salus_store::{
    Db, Options,
    audit::{Evidence, FileAnchor, Log, Report, Sealer, verify},
    seal::{RootFile, RootKey},
};
use salus_testkit::TestDb;
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};
use uuid::Uuid;

/// A database with one tenant, its server and its sealer, and places outside the database.
pub struct World {
    pub database: TestDb,
    pub db: Db,
    pub tenant: Uuid,
    pub home: PathBuf,
    keys: RootFile,
}

async fn open(database: &TestDb, (home, keys): (&Path, &RootFile), env: Env) -> Db {
    let options = Options {
        address: database.config("salus_app").into(),
        connections: 16,
        root: keys.unlock().unwrap(),
        env,
        allow_old_postgres: true,
    };
    let db = Db::open(options).await.unwrap();
    db.keep_receipts(&home.join("receipts")).unwrap();
    db.make_known(&home.join("receipts")).await.unwrap();
    db
}

impl World {
    pub async fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let home = std::env::temp_dir().join(format!("salus-audit-{}-{number}", std::process::id()));
        let keys = RootFile::at(&home, None);
        keys.init(&[]).unwrap();
        let database = TestDb::new().await;
        let db = open(&database, (&home, &keys), Env::default()).await;
        let tenant = db.create_tenant("valley", false).await.unwrap();
        Self { database, db, tenant, home, keys }
    }

    /// Starts the server again, at this time.
    pub async fn reopen(&mut self, env: Env) {
        self.db = open(&self.database, (&self.home, &self.keys), env).await;
    }

    pub fn log(&self) -> Log {
        self.log_with(self.keys.unlock().unwrap())
    }

    pub fn log_with(&self, root: RootKey) -> Log {
        Log::new(self.database.config("salus_sealer").into(), root, Env::default())
    }

    pub fn sealer(&self) -> Sealer {
        Sealer::new(self.log())
    }

    pub fn anchor(&self) -> FileAnchor {
        FileAnchor::new(self.home.join("anchor/heads"))
    }

    /// Records events, each in a transaction of its own.
    pub async fn record(&self, count: usize) {
        for i in 0..count {
            let ctx = Ctx::operator(self.db.env(), self.tenant);
            let mut tx = self.db.begin(ctx, i % 2 == 0).await.unwrap();
            tx.note(json!({"query": i}));
            tx.commit("test.note", "audit.activity_logs").await.unwrap();
        }
    }

    /// Waits until every event can be sealed: transactions of other tests' databases hold the horizon back, too.
    pub async fn settle(&self) {
        let admin = self.database.connect("salus_admin").await;
        let sql = "SELECT pg_snapshot_xmin(pg_current_snapshot()) > coalesce(max(xact), '0') FROM audit.activity_logs";
        while !admin.query_one(sql, &[]).await.unwrap().get::<_, bool>(0) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// The same, where rows of another cluster carry greater transaction numbers than there are here.
    pub async fn settle_own(&self) {
        let admin = self.database.connect("salus_admin").await;
        let next: String = admin.query_one("SELECT pg_current_xact_id()::text", &[]).await.unwrap().get(0);
        let sql = "SELECT pg_snapshot_xmin(pg_current_snapshot()) > $1::text::xid8";
        while !admin.query_one(sql, &[&next]).await.unwrap().get::<_, bool>(0) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// Only what the database itself says.
    pub async fn verify_alone(&self) -> Report {
        verify(&self.log(), &Evidence::default()).await.unwrap()
    }

    /// With everything that is kept outside.
    pub async fn verify(&self) -> Report {
        let (anchor, receipts) = (self.anchor(), [self.home.join("receipts")]);
        verify(&self.log(), &Evidence { anchors: vec![&anchor], receipts: &receipts, ..Evidence::default() })
            .await
            .unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.home).ok();
    }
}
