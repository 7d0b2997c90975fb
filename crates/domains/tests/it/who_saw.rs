//! Who saw a person's record, as the page tells it, is what the exported proofs hold, event by event (A24).

use crate::world::{World, at};
use salus_core::Env;
use salus_domains::operations;
use salus_store::{
    Body, Call, Db, Options,
    audit::{
        Log, Sealer,
        bundle::{Selection, check, export},
        merkle::VerifyingKey,
        report,
    },
    seal::RootFile,
};
use salus_testkit::TestDb;
use serde_json::{Value, json};
use std::{collections::BTreeSet, path::PathBuf};
use time::OffsetDateTime;
use uuid::Uuid;

/// A world, ways to its log, under the same root key, and where that lies.
async fn sealed_world() -> (World, [Log; 2], PathBuf) {
    let database = TestDb::new().await;
    let home = std::env::temp_dir().join(format!("salus-who-saw-{}", database.name()));
    let keys = RootFile::at(&home, None);
    keys.init(&[]).unwrap();
    let options = Options {
        address: database.config("salus_app").into(),
        connections: 8,
        root: keys.unlock().unwrap(),
        env: Env::default(),
        allow_old_postgres: true,
    };
    let logs =
        [(); 2].map(|()| Log::new(database.config("salus_sealer").into(), keys.unlock().unwrap(), Env::default()));
    let db = Db::open(options).await.unwrap();
    let ops = operations(db.catalog()).unwrap();
    let tenant = db.create_tenant("north", true).await.unwrap();
    (World { database, db, ops, tenant }, logs, home)
}

/// Waits until every event can be sealed: transactions of other tests hold the horizon back, too.
async fn settle(world: &World) {
    let admin = world.database.connect("salus_admin").await;
    let sql = "SELECT pg_snapshot_xmin(pg_current_snapshot()) > coalesce(max(xact), '0') FROM audit.activity_logs";
    while !admin.query_one(sql, &[]).await.unwrap().get::<_, bool>(0) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

fn id(header: &Value) -> Uuid {
    header["id"].as_str().unwrap().parse().unwrap()
}

/// What the page tells of one person up to a time.
async fn told(world: &World, patient: &str, to: &str) -> BTreeSet<Uuid> {
    let (mut all, mut before) = (BTreeSet::new(), None::<String>);
    loop {
        let mut call = at(patient);
        call.query = vec![("to".into(), to.to_owned())];
        call.query.extend(before.take().map(|at| ("before".to_owned(), at)));
        let Body::Json(page) = world.call("audit.log.accesses", call).await.unwrap().body else { panic!("no page") };
        all.extend(page["data"].as_array().unwrap().iter().map(id));
        match page["next"].as_str() {
            Some(next) => before = Some(next.to_owned()),
            None => return all,
        }
    }
}

#[tokio::test]
async fn two_hundred_accesses_are_told_and_proved_alike() {
    let (world, [log, sealed], home) = sealed_world().await;
    let made = async |name: &str| {
        let row = world.create("medical.patient.create", json!({"family_name": name, "given_names": "Ana"})).await;
        row.id().unwrap()
    };
    let (seen, other) = (made("Seen").await, made("Other").await);
    for n in 0..199 {
        let of = if n % 20 == 19 { other } else { seen };
        world.call("medical.patient.get", at(&of.to_string())).await.unwrap();
        if n % 50 == 0 {
            world.call("medical.patient.list", Call::default()).await.unwrap();
        }
    }
    for _ in 0..6 {
        world.call("medical.patient.get", at(&seen.to_string())).await.unwrap();
    }
    settle(&world).await;
    Sealer::new(sealed).seal().await.unwrap();
    let end = world.db.env().now();
    let which = Selection { tenant: world.tenant, subject: Some(seen), from: OffsetDateTime::UNIX_EPOCH, to: end };
    let mut bundle = Vec::new();
    let written = export(&log, &which, &[], &mut bundle).await.unwrap();
    let key: VerifyingKey = report::key(&log).await.unwrap().unwrap();
    let checked = check(&mut bundle.as_slice(), Some(&key), &[]).unwrap();
    assert_eq!((checked.problems.as_slice(), checked.events, written), (&[][..], 201, 201));
    let lines = String::from_utf8(bundle).unwrap();
    let events = lines.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        serde_json::from_str::<Value>(line["header"].as_str()?).ok()
    });
    let proved: BTreeSet<Uuid> = events.map(|header| id(&header)).collect();
    let to = end.format(&time::format_description::well_known::Rfc3339).unwrap();
    let told = told(&world, &seen.to_string(), &to).await;
    assert_eq!(told.len(), 201);
    assert_eq!(told, proved, "each access that is told is proved, and the other way round");
    std::fs::remove_dir_all(home).unwrap();
}
