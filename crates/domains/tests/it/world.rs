//! A database of one test, opened as the server opens it, with one tenant.

use salus_core::{ActorKind, Ctx, Env, Error, Result};
use salus_domains::operations;
use salus_store::{Body, Call, Db, Op, Options, Record, Reply, dispatch, seal::RootKey};
use salus_testkit::TestDb;
use serde_json::Value;
use std::sync::Arc;
use tokio_postgres::Config;
use uuid::Uuid;

pub struct World {
    pub database: TestDb,
    pub db: Db,
    pub ops: Vec<Arc<Op>>,
    pub tenant: Uuid,
}

impl World {
    pub async fn new() -> Self {
        let database = TestDb::new().await;
        let config = database.config("salus_app");
        Self::on(database, config).await
    }

    pub async fn on(database: TestDb, config: Config) -> Self {
        let db = open(config, Env::default()).await;
        let ops = operations(db.catalog()).unwrap();
        let tenant = db.create_tenant("north", true).await.unwrap();
        Self { database, db, ops, tenant }
    }

    pub fn operator(&self) -> Ctx {
        Ctx::operator(self.db.env(), self.tenant)
    }

    /// Somebody who signed in and may do everything.
    pub fn somebody(&self) -> Ctx {
        let mut ctx = self.operator();
        ctx.actor.kind = ActorKind::User;
        ctx.actor.id = self.db.env().id();
        ctx
    }

    pub fn op(&self, name: &str) -> &Arc<Op> {
        self.ops.iter().find(|o| o.name == name).unwrap_or_else(|| panic!("no operation {name}"))
    }

    pub async fn call(&self, op: &str, call: Call) -> Result<Reply, Error> {
        self.call_as(self.operator(), op, call).await
    }

    pub async fn call_as(&self, ctx: Ctx, op: &str, call: Call) -> Result<Reply, Error> {
        dispatch(&self.db, self.op(op), ctx, call).await
    }

    pub async fn create(&self, op: &str, body: Value) -> Record {
        let reply = self.call(op, Call { body, ..Call::default() }).await.unwrap();
        let Body::Row(row) = reply.body else { panic!("no row") };
        row
    }

    /// Behind the server's back.
    pub async fn admin(&self, sql: &str) {
        as_admin(&self.database, sql).await;
    }
}

pub async fn as_admin(database: &TestDb, sql: &str) {
    let admin = database.connect("salus_admin").await;
    admin.batch_execute(sql).await.unwrap_or_else(|e| panic!("{sql}: {:?}", e.as_db_error()));
}

/// A server on a database, with a root key of its own.
pub async fn open(config: Config, env: Env) -> Db {
    let mut sealer = config.clone();
    sealer.user("salus_sealer").options("");
    let options = Options {
        address: config.into(),
        connections: 8,
        root: RootKey::ephemeral().unwrap(),
        env,
        allow_old_postgres: true,
    };
    let db = Db::open(options).await.unwrap();
    db.keep_log(sealer.into());
    db
}

pub fn at(id: &str) -> Call {
    Call { path: vec![("id".into(), id.to_owned())], ..Call::default() }
}
