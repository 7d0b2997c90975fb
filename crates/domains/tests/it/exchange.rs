//! FHIR files into a tenant: what is only tried tells what a true import does, and what comes without a name is kept.

use crate::world::{World, at};
use salus_core::{Ctx, Error, Grant, Masks, Permissions, Purpose, Scope};
use salus_domains::exchange::{
    export,
    import::{self, Options, Summary},
};
use salus_store::{At, Call, sql};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};
use uuid::Uuid;

const TEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/fhir-bulk-synthea-10");

async fn run(world: &World, paths: &[PathBuf], dry_run: bool) -> Summary {
    let options = Options { source: "test".into(), dry_run };
    import::import(&world.db, &world.operator(), paths, &options, |_, _| ()).await.unwrap()
}

async fn count(world: &World, table: &str) -> i64 {
    let admin = world.database.connect("salus_admin").await;
    admin.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_dry_run_tells_what_the_import_then_does() {
    let world = World::new().await;
    let files = import::files(Path::new(TEN)).unwrap().taken;
    let tried = run(&world, &files, true).await;
    for table in ["medical.patients", "records.encounters", "exchange.fhir_resources", "kernel.subject_keys"] {
        assert_eq!(count(&world, table).await, 0, "{table}");
    }
    let done = run(&world, &files, false).await;
    assert_eq!(tried.types, done.types);
    assert_eq!((&tried.unmapped, &tried.remarks, &tried.refusals), (&done.unmapped, &done.remarks, &done.refusals));
    assert_eq!(done.types["Patient"].stored, 13, "{:?}", done.types["Patient"]);
    let again = run(&world, &files, true).await;
    assert_eq!(again.types["Patient"].unchanged, 13, "{:?}", again.types["Patient"]);
}

/// More values than a transaction is given seals for at its beginning.
#[tokio::test]
async fn a_long_transaction_takes_more_seals() {
    let world = World::new().await;
    let tx = world.db.begin(world.operator(), false).await.unwrap();
    let seal = |row: u128| {
        let at = At { table: "kernel.idempotency_keys", column: "reply", row: Uuid::from_u128(row) };
        tx.seal_exact(at, None, b"x")
    };
    let refused = (0..2_000_000).find_map(|row| seal(row).err()).expect("a limit");
    assert!(matches!(refused, Error::Unavailable(_)), "{refused:?}");
    tx.renew_seals().await.unwrap();
    for row in 0..1000 {
        seal(row).unwrap();
    }
}

const NAMELESS: &str = r#"{"resourceType":"Patient","id":"a","gender":"male","birthDate":"2026-11-01"}
{"resourceType":"Patient","id":"b","name":[{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}]}
{"resourceType":"Patient","id":"c","name":[{"_family":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]}}]}
{"resourceType":"Patient","id":"d","name":[{"family":"Known"}]}
"#;

#[tokio::test]
async fn patients_without_a_name_are_imported_and_told() {
    let world = World::new().await;
    let folder = std::env::temp_dir().join(world.database.name());
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("Patient.ndjson");
    std::fs::write(&file, NAMELESS).unwrap();
    let done = run(&world, &[file], false).await;
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!((done.types["Patient"].stored, done.types["Patient"].refused), (4, 0), "{:?}", done.refusals);
    assert_eq!(done.remarks.values().collect::<Vec<_>>(), [&3], "{:?}", done.remarks);
    let mut tx = world.db.begin(world.operator(), true).await.unwrap();
    let rows = tx.query(sql!("SELECT id, patient_id, body FROM exchange.fhir_resources"), &[]).await.unwrap();
    tx.fetch_persons(rows.iter().map(|r| r.get("patient_id"))).await.unwrap();
    let mut kept = Vec::new();
    for row in &rows {
        let at = At { table: "exchange.fhir_resources", column: "body", row: row.get("id") };
        let body = tx.open_exact(at, Some(row.get("patient_id")), row.get("body")).unwrap().unwrap();
        kept.push(String::from_utf8(body).unwrap());
    }
    for line in NAMELESS.lines() {
        assert!(kept.iter().any(|k| k == line), "{line} is kept as it came: {kept:?}");
    }
}

/// A role that reaches the tenant.
fn grant(role: &str, patterns: &[&str], masked: bool) -> Grant {
    let masks = Masks::from([("medical.patients".into(), BTreeSet::from(["race_codes".to_owned()]))]);
    Grant {
        role: role.into(),
        permissions: Permissions::new(patterns.iter().map(|p| (*p).to_owned())),
        scope: Scope::Tenant,
        purposes: BTreeSet::new(),
        masks: if masked { vec![(None, masks)] } else { Vec::new() },
    }
}

#[tokio::test]
async fn who_is_not_answered_all_of_a_record_gets_no_original_and_no_export() {
    let world = World::new().await;
    let folder = std::env::temp_dir().join(format!("{}-whole", world.database.name()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("Patient.ndjson");
    std::fs::write(&file, NAMELESS).unwrap();
    run(&world, &[file], false).await;
    let mut tx = world.db.begin(world.operator(), true).await.unwrap();
    let id: Uuid = tx.query(sql!("SELECT id FROM exchange.fhir_resources"), &[]).await.unwrap()[0].get(0);
    drop(tx);
    let holding =
        |grants: Vec<Grant>| Ctx { grants: Arc::from(grants), ..world.operator() }.for_purpose(Purpose::Operations);
    let refused = |e: Error| assert!(matches!(&e, Error::Refused { code: "field_masked", .. }), "{e:?}");
    let all = ["medical.*.read", "records.*.read", "exchange.fhir.*", "kernel.phi.read"];
    let (one, list) = ("exchange.fhir_resource.get", "exchange.fhir_resource.list");
    let of = |fields: &str, mut call: Call| {
        call.query.push(("fields".into(), fields.into()));
        call
    };
    // A second role that gives originals does not give what the first leaves out of patients.
    let two = vec![
        grant("clerk", &["medical.*.read"], true),
        grant("keeper", &["exchange.fhir.*", "kernel.phi.read"], false),
    ];
    for grants in [vec![grant("aide", &all, true)], two] {
        let ctx = holding(grants);
        refused(world.call_as(ctx.clone(), one, at(&id.to_string())).await.unwrap_err());
        refused(world.call_as(ctx.clone(), one, of("source,body", at(&id.to_string()))).await.unwrap_err());
        refused(world.call_as(ctx.clone(), list, of("body", Call::default())).await.unwrap_err());
        world.call_as(ctx.clone(), one, of("source", at(&id.to_string()))).await.unwrap();
        world.call_as(ctx.clone(), list, Call::default()).await.unwrap();
        refused(export::export(&world.db, &ctx, &folder.join("masked"), |_| ()).await.unwrap_err());
    }
    let ctx = holding(vec![grant("clerk", &all, false), grant("aide", &all, true)]);
    world.call_as(ctx.clone(), one, at(&id.to_string())).await.unwrap();
    export::export(&world.db, &ctx, &folder.join("whole"), |_| ()).await.unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}
