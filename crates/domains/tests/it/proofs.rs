//! What a proof finds is kept for every tenant to read, and the proof of sealing looks where the values lie.

use crate::world::World;
use salus_core::Ctx;
use salus_domains::{
    compliance::{self, Proof, Verdict},
    prove,
};
use salus_store::{Body, Call, Reply, dispatch, scan::Scanner};
use salus_testkit::TestCluster;
use serde_json::{Value, json};
use std::path::PathBuf;

fn proof(verdict: Verdict, reason: &str) -> Proof {
    Proof {
        name: "keys",
        verdict,
        reason: reason.into(),
        fix: "restore it".into(),
        milliseconds: 7,
        report: json!({"keys": 3}),
    }
}

async fn list(world: &World, name: Option<&str>) -> Vec<Value> {
    let query = name.map(|n| ("name".to_owned(), n.to_owned())).into_iter().collect();
    let call = Call { query, ..Call::default() };
    let op = world.op("compliance.proof.list");
    match dispatch(&world.db, op, Ctx::operator(world.db.env(), world.tenant), call).await.unwrap().body {
        Body::Json(reply) => reply["data"].as_array().unwrap().clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_run_is_kept_for_every_tenant_and_is_on_the_record() {
    let world = World::new().await;
    assert_eq!(list(&world, None).await, Vec::<Value>::new());
    compliance::keep(&world.db, &[proof(Verdict::Fails, "one does not open")]).await.unwrap();
    let long = "x".repeat(5000);
    compliance::keep(&world.db, &[proof(Verdict::Holds, &long)]).await.unwrap();
    let latest = list(&world, None).await;
    assert_eq!((latest.len(), &latest[0]["verdict"]), (1, &Value::from("HOLDS")));
    assert_eq!(latest[0]["reason"].as_str().unwrap().len(), 2000, "what is too long is cut, not lost");
    let history = list(&world, Some("keys")).await;
    let verdicts: Vec<&str> = history.iter().map(|p| p["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["HOLDS", "FAILS"]);
    assert!(latest[0].get("report").is_none(), "a list is short");
    let get = async |id: &str| {
        let query = vec![("id".to_owned(), id.to_owned())];
        world.call("compliance.proof.list", Call { query, ..Call::default() }).await
    };
    let of = |reply: Reply| match reply.body {
        Body::Json(reply) => reply["data"][0].clone(),
        other => panic!("{other:?}"),
    };
    let one = of(get(latest[0]["id"].as_str().unwrap()).await.unwrap());
    assert_eq!((&one["report"], &one["verdict"]), (&json!({"keys": 3}), &json!("HOLDS")));
    assert_eq!(get(&world.tenant.to_string()).await.unwrap_err().code(), "not_found");
    let report = json!({"list": "y".repeat(40_000)});
    compliance::keep(&world.db, &[Proof { report, ..proof(Verdict::Holds, "more than is kept") }]).await.unwrap();
    let newest = list(&world, None).await;
    let one = of(get(newest[0]["id"].as_str().unwrap()).await.unwrap());
    assert_eq!(one["report"]["bytes"], json!(40_011), "{one}");
    let admin = world.database.connect("salus_admin").await;
    let sql = "SELECT count(*) FROM audit.activity_logs WHERE action = 'compliance.proof.run' AND tenant_id = $1";
    assert_eq!(admin.query_one(sql, &[&salus_core::PLATFORM]).await.unwrap().get::<_, i64>(0), 3);
    let change = world.database.connect("salus_app").await;
    for sql in ["UPDATE compliance.proofs SET verdict = 'HOLDS'", "DELETE FROM compliance.proofs"] {
        assert!(change.execute(sql, &[]).await.is_err(), "{sql}: a verdict stays what it was");
    }
}

#[tokio::test]
async fn the_proof_of_sealing_searches_where_the_values_lie() {
    let world = World::new().await;
    let admin = world.database.connect("salus_admin").await;
    let sql = "SELECT oid::text FROM pg_database WHERE datname = current_database()";
    let oid: String = admin.query_one(sql, &[]).await.unwrap().get(0);
    let data = TestCluster::shared().home().join("cluster/data");
    let files: Vec<PathBuf> = vec![data.join("base").join(oid), data.join("pg_wal")];
    let mut clear = 0;
    let look = async |canaries: &[String]| {
        admin.batch_execute("CHECKPOINT").await.unwrap();
        // Backwards they are the markers of the columns that are not sealed: those the files must show.
        let markers: Vec<String> = canaries.iter().map(|c| c.chars().rev().collect()).collect();
        clear = Scanner::new(&markers)?.scan(&files)?.hits.len();
        Scanner::new(canaries)?.scan(&files)
    };
    let (columns, scan) = prove::sealing(&world.db, look).await.unwrap();
    let sealed = world.db.catalog().tables().flat_map(|t| &t.columns).filter(|c| c.is_sealed()).count();
    eprintln!("{columns} of {sealed} sealed columns held a canary, {} files searched", scan.files);
    assert!(clear > 50, "the scan sees what stands in clear: {clear}");
    assert!(scan.hits.is_empty(), "{:?}", scan.hits);
    assert!(columns * 5 > sealed * 3, "most sealed columns are tried");
}
