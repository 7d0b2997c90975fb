//! A27: ciphertext opens only where it was sealed. Someone who may write to the tables moves sealed values between
//! rows, columns and tenants, or bends them; every such value is refused, and nothing is disclosed with it.

use crate::{
    plausible::{Plausible, in_path},
    world::World,
};
use salus_core::{Ctx, Error};
use salus_store::{Body, Call, Op, Reply, catalog::Column, dispatch};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio_postgres::Client;
use uuid::Uuid;

const HERE: &str = "here_canary";
const THERE: &str = "there_canary";

struct Swap<'a> {
    world: &'a World,
    admin: &'a Client,
    get: &'a Arc<Op>,
    row: Uuid,
}

impl Swap<'_> {
    async fn read(&self) -> Result<Reply, Error> {
        let call = Call { path: in_path(self.get, &self.row.to_string()), ..Call::default() };
        dispatch(&self.world.db, self.get, self.world.operator(), call).await
    }

    /// Puts other bytes into a column, reads the row through the door, and puts back what was there.
    async fn with(&self, column: &Column, bytes: &[u8]) -> Result<Reply, Error> {
        let (table, name) = (self.get.target, &column.name);
        let put = format!("UPDATE {table} SET {name} = $1::bytea WHERE id = $2");
        let held = self.bytes(name, self.row).await.unwrap();
        self.admin.execute(&put, &[&bytes, &self.row]).await.unwrap();
        let told = self.read().await;
        self.admin.execute(&put, &[&held, &self.row]).await.unwrap();
        told
    }

    async fn bytes(&self, column: &str, row: Uuid) -> Option<Vec<u8>> {
        let sql = format!("SELECT {column}::bytea FROM {} WHERE id = $1", self.get.target);
        self.admin.query_one(&sql, &[&row]).await.unwrap().get(0)
    }
}

#[tokio::test]
async fn a_sealed_value_opens_only_where_it_was_sealed() {
    let world = World::new().await;
    let other = world.db.create_tenant("south", true).await.unwrap();
    let here = Plausible::plant(&world, world.tenant, HERE).await;
    let there = Plausible::plant(&world, other, THERE).await;
    let admin = world.database.connect("salus_admin").await;
    // The role row-level security does not bind, and triggers are off: nothing but the seal is left to refuse.
    admin.batch_execute("SET session_replication_role = replica").await.unwrap();
    let (mut tried, mut wrong) = (0, Vec::new());
    for get in world.ops.iter().filter(|o| o.name.rsplit('.').next() == Some("get")) {
        let table = world.db.catalog().table(get.target).unwrap();
        let swap = Swap { world: &world, admin: &admin, get, row: here.row(get.target) };
        let second = second_row(&here, &world, get).await;
        let sealed: Vec<&Column> = table.readable().filter(|c| c.is_sealed() && !c.secret).collect();
        for column in &sealed {
            let Some(own) = swap.bytes(&column.name, swap.row).await else { continue };
            assert!(swap.read().await.is_ok(), "{} before any swap", get.name);
            let mut bent = forged(&own);
            let foreign = swap.bytes(&column.name, there.row(get.target)).await;
            bent.extend(foreign.map(|bytes| ("another tenant's value", bytes)));
            if let Some(second) = second {
                bent.extend(swap.bytes(&column.name, second).await.map(|bytes| ("another row's value", bytes)));
            }
            if let Some(beside) = sealed.iter().find(|c| c.name != column.name && c.kind == column.kind) {
                let moved = swap.bytes(&beside.name, swap.row).await;
                bent.extend(moved.map(|bytes| ("another column's value", bytes)));
            }
            for (what, bytes) in bent {
                tried += 1;
                match swap.with(column, &bytes).await {
                    Err(Error::Internal(why)) if !why.contains("canary") => {}
                    told => wrong.push(format!("{} {}: {what}: {told:?}", get.name, column.name)),
                }
            }
        }
    }
    eprintln!("{tried} forged or moved values");
    assert!(tried > 400, "only {tried} tried");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Bytes that keep the header's form, which the column demands, and are wrong in one thing.
fn forged(own: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let flip = |at: usize| {
        let mut bytes = own.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    vec![
        ("another key number", flip(10)),
        ("another nonce", flip(11)),
        ("another ciphertext", flip(23)),
        ("another tag", flip(own.len() - 1)),
        ("a shorter one", own[..39].to_vec()),
        ("a longer one", [own, &[0]].concat()),
    ]
}

/// Another row of the same table, of the same person where it is about one.
async fn second_row(here: &Plausible, world: &World, get: &Arc<Op>) -> Option<Uuid> {
    let create = world.ops.iter().find(|o| o.name == get.name.replace(".get", ".create"))?;
    let call = here.call(world, create, "here_canary_second").await;
    let reply = dispatch(&world.db, create, world.operator(), call).await.ok()?;
    let Body::Row(row) = reply.body else { return None };
    row.id()
}

/// One row that does not open spoils the whole list, and the failure is on the record without a value.
#[tokio::test]
async fn a_list_with_a_moved_value_is_not_given() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for name in ["first_canary", "second_canary"] {
        let made = world.create("medical.patient.create", json!({"family_name": name})).await;
        ids.push(made.id().unwrap());
    }
    let sql = "UPDATE medical.patients p SET family_name = q.family_name FROM medical.patients q WHERE p.id = $1 AND q.id = $2";
    let admin = world.database.connect("salus_admin").await;
    admin.execute(sql, &[&ids[0], &ids[1]]).await.unwrap();
    let ctx = world.operator();
    let request = ctx.request;
    let list = world.op("medical.patient.list");
    let Err(Error::Internal(why)) = dispatch(&world.db, list, ctx, Call::default()).await else { panic!("given") };
    assert!(!why.contains("canary"), "{why}");
    let sql = "SELECT outcome::text, convert_from(header, 'UTF8')::jsonb FROM audit.activity_logs \
               WHERE convert_from(header, 'UTF8')::jsonb ->> 'request' = $1::uuid::text";
    let event = admin.query_one(sql, &[&request]).await.unwrap();
    assert_eq!(event.get::<_, &str>(0), "failed");
    assert_eq!(event.get::<_, Value>(1)["code"], "internal");
    let foreign = Ctx::operator(world.db.env(), world.db.create_tenant("south", true).await.unwrap());
    assert!(dispatch(&world.db, list, foreign, Call::default()).await.is_ok(), "other tenants go on");
}
