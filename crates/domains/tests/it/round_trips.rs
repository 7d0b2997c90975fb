//! Migrations over a populated database (`spec` A65): a row stands in every table, and each migration, the newest first, is
//! taken back and done again. What survives the way back is the same on both ways.

use crate::{plausible::Plausible, world::World};
use salus_domains::demo;
use salus_store::{
    migrate::{self, Files},
    schema,
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use tokio_postgres::Client;

/// How many of the newest are tried in a plain run: those that may still be edited. `script/chaos migrations` tries all.
const NEWEST: usize = 14;

/// The way back over rows of today ends here: their pseudonyms are longer than this migration allowed before it, and so it
/// refuses and changes nothing.
const OLDEST: i32 = 87;

/// What a migration changes each time it is done, as it says itself.
const BY_DESIGN: [(&str, &str); 1] = [
    // Originals without a row are read again by the next import.
    ("00141_labels_of_copies.up.sql", "exchange.fhir_resources"),
];

/// Rows of every table.
type Rows = BTreeMap<String, Vec<Map<String, Value>>>;

#[allow(clippy::disallowed_methods, reason = "script/chaos says how long; a test has no configuration file")]
fn how_many() -> usize {
    if std::env::var("SALUS_CHAOS_ALL").is_ok() { usize::MAX } else { NEWEST }
}

async fn rows(client: &Client) -> Rows {
    let sql = "SELECT string_agg(format('SELECT %L, coalesce(jsonb_agg(to_jsonb(t)), ''[]'') FROM ONLY %s t', c.oid::regclass, \
                 c.oid::regclass), ' UNION ALL ') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' \
                 AND c.oid NOT IN ('kernel.migrations'::regclass, 'kernel.replaceables'::regclass)";
    let statement: String = client.query_one(sql, &[]).await.unwrap().get(0);
    let found = client.query(&statement, &[]).await.unwrap();
    found.iter().map(|r| (r.get(0), serde_json::from_value(r.get(1)).unwrap())).collect()
}

/// The rows with these columns only, in an order of their own.
fn of(rows: &[Map<String, Value>], columns: &BTreeSet<&String>) -> Vec<String> {
    let narrow = |row: &Map<String, Value>| -> String {
        let kept: Map<String, Value> =
            row.iter().filter(|(name, _)| columns.contains(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
        Value::Object(kept).to_string()
    };
    let mut all: Vec<String> = rows.iter().map(narrow).collect();
    all.sort_unstable();
    all
}

/// Tables and columns that are there before and on the way back hold the same in all three: how many were compared, and
/// which do not.
fn compare([before, back, after]: [&Rows; 3]) -> (usize, Vec<&str>) {
    let (mut compared, mut changed) = (0, Vec::new());
    for (table, kept) in back.iter().filter(|(_, kept)| !kept.is_empty()) {
        let Some(was) = before.get(table).filter(|was| !was.is_empty()) else { continue };
        let columns: BTreeSet<&String> = kept[0].keys().filter(|column| was[0].contains_key(*column)).collect();
        let [was, kept, again] = [was, kept, &after[table]].map(|rows| of(rows, &columns));
        let same = if columns.iter().any(|column| *column == "tenant_id") {
            was == kept && was == again
        } else {
            // What all tenants share a migration may add to.
            let (was, again): (BTreeSet<_>, BTreeSet<_>) = (was.into_iter().collect(), again.into_iter().collect());
            was.len() == again.len() && kept.iter().all(|row| was.contains(row) && again.contains(row))
        };
        if !same {
            changed.push(table.as_str());
        }
        compared += 1;
    }
    (compared, changed)
}

/// Of the installation, and of the log: nobody's specimen is there.
const OF_NOBODY: &str = "
    INSERT INTO audit.epochs VALUES (2, gen_random_uuid(), '{}', sha256('a'), now());
    INSERT INTO audit.lost_events VALUES (2, gen_random_uuid());
    INSERT INTO audit.honey_marks VALUES (sha256('b'));
    INSERT INTO audit.nodes (id, host, folder, known_at) VALUES (gen_random_uuid(), 'here', '/receipts', now());
    INSERT INTO audit.pruned_ranges (epoch, low_index, high_index, reason, prune_event, code) VALUES (1, 1, 2, 'old', gen_random_uuid(), sha256('c'));
    INSERT INTO audit.redactions (event_id, redact_event, basis, code) VALUES (gen_random_uuid(), gen_random_uuid(), 'a court order', sha256('d'));
    INSERT INTO auth.leaked_password_lists VALUES (gen_random_uuid(), now(), 'list', sha256('e'), 1, 1, 1);
    INSERT INTO auth.leaked_password_pages SELECT id, 0, decode(repeat('00', 32), 'hex') FROM auth.leaked_password_lists;
    INSERT INTO compliance.proofs (id, run_id, proved_at, name, verdict, reason, took_ms, program)
      VALUES (gen_random_uuid(), gen_random_uuid(), now(), 'audit', 'HOLDS', 'seen', 1, '0');
    INSERT INTO kernel.backups (id, began_at, folder, noted_at) VALUES (gen_random_uuid(), now(), '/backup', now())";

/// A row in every table but for what is there only while a migration runs, and for months of which there are no events.
async fn filled(client: &Client) {
    client.batch_execute(OF_NOBODY).await.unwrap();
    let planted = rows(client).await;
    let empty = planted.iter().filter(|(_, rows)| rows.is_empty()).map(|(table, _)| table.as_str());
    let empty: Vec<&str> = empty.filter(|table| !table.starts_with("audit.activity_logs_")).collect();
    assert_eq!(empty, ["kernel.unfinished_migration"], "of {} tables", planted.len());
}

#[tokio::test]
async fn each_migration_goes_back_and_forward_over_rows_in_every_table() {
    let world = World::new().await;
    Plausible::plant(&world, world.tenant, "round_trip").await;
    if how_many() > NEWEST {
        for name in ["valley", "austa", "larkspur"] {
            demo::load_sized(&world.db, name, demo::Size::Small).await.unwrap();
        }
    }
    world.db.close().await;
    let mut client = world.database.connect("salus_admin").await;
    filled(&client).await;
    let files = Files::embedded().unwrap();
    let versions: Vec<i32> = files.migrations.iter().map(|m| m.version).collect();
    let (tried, mut wrong) = (versions.len().min(how_many()), Vec::new());
    for (index, migration) in files.migrations.iter().enumerate().rev().take(tried) {
        let below = index.checked_sub(1).map_or(0, |before| versions[before]);
        if migration.version <= OLDEST {
            break;
        }
        let (name, before) = (migration.up.name.as_str(), rows(&client).await);
        let schema = schema::live(&client).await.unwrap();
        migrate::down(&mut client, files, below, true)
            .await
            .unwrap_or_else(|e| panic!("{name} is not taken back: {e}"));
        let back = rows(&client).await;
        migrate::up(&mut client, files, Some(migration.version))
            .await
            .unwrap_or_else(|e| panic!("{name} is not done again: {e}"));
        let after = rows(&client).await;
        let changed = schema::compare(&schema, &schema::live(&client).await.unwrap());
        assert!(changed.is_empty(), "{name} does not come back the same: {changed:?}");
        let (compared, changed) = compare([&before, &back, &after]);
        assert!(compared > 10, "{name}");
        let changed = changed.into_iter().filter(|table| !BY_DESIGN.contains(&(name, *table)));
        wrong.extend(changed.map(|table| format!("{name}: {table}")));
        migrate::down(&mut client, files, below, true).await.unwrap();
    }
    assert!(wrong.is_empty(), "rows that do not come back the same: {wrong:#?}");
    migrate::up(&mut client, files, None).await.unwrap();
    assert_eq!(schema::verify(&client).await.unwrap(), []);
}
