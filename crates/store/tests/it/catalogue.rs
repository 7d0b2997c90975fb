//! The expected catalogue is what the migrations make, and asking for it is fast enough for every start.

use std::path::Path;

use salus_store::{
    migrate::{self, Files},
    schema::{self, Snapshot},
};

use crate::database::Database;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../db/catalogue.tsv");
const ACCEPT: &str = "cargo test -p salus-store --test it -- --ignored accept_the_catalogue";

#[tokio::test]
async fn the_catalogue_is_what_the_migrations_make() {
    let (database, client) = Database::migrated("catalogue").await;
    let live = schema::live(&client).await.unwrap();
    assert!(Path::new(FILE).exists(), "there is no db/catalogue.tsv: run {ACCEPT}");
    let kept = std::fs::read_to_string(FILE).unwrap();
    let told: Vec<_> =
        schema::compare(&Snapshot::parse(&kept).unwrap(), &live).iter().map(ToString::to_string).collect();
    assert!(
        told.is_empty() && kept == live.to_tsv(),
        "the migrations make something else than db/catalogue.tsv:\n{}\nif that is right, review and accept it: {ACCEPT}",
        told.join("\n")
    );
    database.drop().await;
}

#[tokio::test]
#[ignore = "writes db/catalogue.tsv; run it to accept a changed schema"]
async fn accept_the_catalogue() {
    let (database, client) = Database::migrated("accept_catalogue").await;
    std::fs::write(FILE, schema::live(&client).await.unwrap().to_tsv()).unwrap();
    database.drop().await;
}

#[tokio::test]
async fn comparing_again_finds_the_same_and_leaves_the_session_as_it_was() {
    let (database, client) = Database::migrated("catalogue_again").await;
    let path = |row: tokio_postgres::Row| row.get::<_, String>(0);
    let before = path(client.query_one("SHOW search_path", &[]).await.unwrap());
    for _ in 0..2 {
        assert_eq!(schema::verify(&client).await.unwrap(), []);
    }
    assert_eq!(path(client.query_one("SHOW search_path", &[]).await.unwrap()), before);
    database.drop().await;
}

#[tokio::test]
async fn the_server_may_compare_as_its_own_role() {
    let (database, client) = Database::migrated("catalogue_as_app").await;
    client.batch_execute("SET ROLE salus_app").await.unwrap();
    assert_eq!(schema::verify(&client).await.unwrap(), []);
    client
        .batch_execute("RESET ROLE; REVOKE SELECT ON kernel.tables FROM salus_app; SET ROLE salus_app")
        .await
        .unwrap();
    let told: Vec<_> = schema::verify(&client).await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(told, ["grant TABLE kernel.tables TO salus_app is missing: SELECT"]);
    database.drop().await;
}

#[tokio::test]
async fn a_server_refuses_what_is_pending_newer_or_drifted() {
    let database = Database::empty("require").await;
    let mut admin = database.connect().await;
    let files = Files::embedded().unwrap();
    migrate::init(&mut admin, files).await.unwrap();
    let app = database.connect_as("salus_app").await;
    let refusal = || async { schema::require(&app).await.unwrap_err().to_string() };
    assert!(refusal().await.contains("salus db migrate"), "{}", refusal().await);
    migrate::up(&mut admin, files, Some(2)).await.unwrap();
    assert!(refusal().await.contains("auth is pending: run `salus db migrate`"), "{}", refusal().await);
    migrate::up(&mut admin, files, None).await.unwrap();
    schema::require(&app).await.unwrap();

    admin.batch_execute("ALTER TABLE kernel.keys NO FORCE ROW LEVEL SECURITY").await.unwrap();
    let told = "row security TABLE kernel.keys differs: expected \"ENABLE, FORCE\", found \"ENABLE, NO FORCE\"";
    assert!(refusal().await.contains(told), "{}", refusal().await);
    let newer =
        "INSERT INTO kernel.migrations (version, name, checksum, state) VALUES (99999, 'tomorrow', 'x', 'applied')";
    admin.batch_execute(newer).await.unwrap();
    assert!(refusal().await.contains("newer Salus (tomorrow)"), "{}", refusal().await);
    database.drop().await;
}

/// A dump writes a check as PostgreSQL tells it. If reading that text makes another, a restored database differs from
/// the expected one for ever, and no repair can change it: `a BETWEEN 1 AND 2 AND b` does that.
#[tokio::test]
async fn a_check_that_went_through_a_dump_is_the_same() {
    let (database, client) = Database::migrated("checks_through_a_dump").await;
    let checks = "SELECT pg_get_constraintdef(k.oid), k.conname::text,
          CASE WHEN k.contypid = 0 THEN 'TABLE ' || k.conrelid::regclass ELSE 'DOMAIN ' || k.contypid::regtype END
        FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
        WHERE k.contype = 'c' AND k.conparentid = 0 AND k.coninhcount = 0
          AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'extensions', 'public')";
    let mut bent = Vec::new();
    let rows = client.query(checks, &[]).await.unwrap();
    assert!(rows.len() > 100, "{} checks", rows.len());
    for row in rows {
        let (text, name, on): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        client.batch_execute(&format!("BEGIN; ALTER {on} ADD CONSTRAINT probe {text} NOT VALID")).await.unwrap();
        let again = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'probe' AND coninhcount = 0";
        let again: String = client.query_one(again, &[]).await.unwrap().get(0);
        client.batch_execute("ROLLBACK").await.unwrap();
        if again.trim_end_matches(" NOT VALID") != text {
            bent.push(format!("{on} {name}: {text} becomes {again}"));
        }
    }
    let triggers = "SELECT pg_get_triggerdef(t.oid), t.tgname::text, t.tgrelid::regclass::text FROM pg_trigger t
        JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE NOT t.tgisinternal AND t.tgqual IS NOT NULL AND t.tgparentid = 0 AND n.nspname !~ '^pg_'";
    for row in client.query(triggers, &[]).await.unwrap() {
        let (text, name, on): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        client.batch_execute(&format!("BEGIN; DROP TRIGGER {name} ON {on}; {text}")).await.unwrap();
        let again = "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = $1 AND tgrelid = $2::text::regclass";
        let again: String = client.query_one(again, &[&name, &on]).await.unwrap().get(0);
        client.batch_execute("ROLLBACK").await.unwrap();
        if again != text {
            bent.push(format!("{text} becomes {again}"));
        }
    }
    assert_eq!(bent, Vec::<String>::new(), "write them without BETWEEN beside AND, and without comparing rows");
    database.drop().await;
}
