//! Files that run outside a transaction: killed while they build an index, they resume and leave no invalid one.

use std::time::Duration;

use salus_store::{
    migrate::{self, Files, State},
    runtime,
};
use tokio_postgres::Client;

use crate::database::{Database, files_with, pid, populate, rounds};

const UP: &str = "-- no-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS settings_value_ix ON kernel.settings (tenant_id, created_at);
-- Quoted, and with capitals.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"Settings Name; ux\" ON kernel.settings (tenant_id, name, id);
COMMENT ON INDEX kernel.settings_value_ix IS 'made outside; of a transaction';
";
const DOWN: &str = "-- no-transaction
DROP INDEX CONCURRENTLY IF EXISTS kernel.\"Settings Name; ux\";
DROP INDEX CONCURRENTLY IF EXISTS kernel.settings_value_ix;
";

fn files() -> Files {
    files_with(&[("migrations/99990_ix.up.sql", UP.into()), ("migrations/99990_ix.down.sql", DOWN.into())])
}

/// Name and validity of the indexes that the file makes.
async fn indexes(client: &Client) -> Vec<(String, bool)> {
    let sql = "SELECT c.relname::text, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = 'kernel.settings'::regclass AND (NOT i.indisvalid OR c.relname IN ('settings_value_ix', 'Settings Name; ux'))
        ORDER BY 1";
    client.query(sql, &[]).await.unwrap().iter().map(|r| (r.get(0), r.get(1))).collect()
}

fn both() -> Vec<(String, bool)> {
    vec![("Settings Name; ux".into(), true), ("settings_value_ix".into(), true)]
}

#[tokio::test]
async fn it_goes_forward_and_back() {
    let (database, mut client) = Database::migrated("outside").await;
    let files = files();
    let dump = database.dump();
    let plan = migrate::plan(&client, &files, None).await.unwrap();
    assert!(!plan[0].in_transaction() && plan[0].sql().contains("CONCURRENTLY"));
    migrate::up(&mut client, &files, None).await.unwrap();
    assert_eq!(indexes(&client).await, both());
    assert!(migrate::status(&client, &files).await.unwrap().is_current());
    let role: String = client.query_one("SELECT current_user::text", &[]).await.unwrap().get(0);
    assert_eq!(role, "salus_admin", "the session is as it was");
    let newest = Files::embedded().unwrap().newest();
    migrate::down(&mut client, &files, newest, false).await.unwrap();
    assert!(dump == database.dump());
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_builds_it_resumes_without_an_invalid_index() {
    let (database, mut client) = Database::migrated("outside_killed").await;
    populate(&client).await;
    // An old transaction that has touched the table keeps the build waiting for as long as the test needs.
    let old = database.connect().await;
    old.batch_execute("BEGIN; SELECT count(*) FROM kernel.settings; LOCK TABLE kernel.settings IN ROW EXCLUSIVE MODE")
        .await
        .unwrap();
    let mut victim = database.connect().await;
    let pid = pid(&victim).await;
    let run = runtime::spawn(async move { migrate::up(&mut victim, &files(), None).await });
    while indexes(&client).await != [("settings_value_ix".to_owned(), false)] {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let state = |status: migrate::Status| status.migrations.last().unwrap().state;
    assert_eq!(state(migrate::status(&client, &files()).await.unwrap()), State::Running);
    client.execute("SELECT pg_terminate_backend($1, 5000)", &[&pid]).await.unwrap();
    assert!(run.await.unwrap().is_err());
    assert_eq!(state(migrate::status(&client, &files()).await.unwrap()), State::Failed);
    assert_eq!(indexes(&client).await, [("settings_value_ix".to_owned(), false)], "what the kill left behind");
    old.batch_execute("COMMIT").await.unwrap();

    let plan = migrate::plan(&client, &files(), None).await.unwrap();
    assert!(plan[0].sql().contains("DROP INDEX CONCURRENTLY IF EXISTS kernel.settings_value_ix;"), "{}", plan[0].sql());
    migrate::up(&mut client, &files(), None).await.unwrap();
    assert_eq!(indexes(&client).await, both());
    assert!(migrate::status(&client, &files()).await.unwrap().is_current());
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_resumes() {
    let (database, client) = Database::migrated("outside_random").await;
    populate(&client).await;
    let newest = Files::embedded().unwrap().newest();
    for round in 0..u64::from(rounds(20)) {
        let mut victim = database.connect().await;
        let pid = pid(&victim).await;
        let run = runtime::spawn(async move { migrate::up(&mut victim, &files(), None).await });
        tokio::time::sleep(Duration::from_micros(round % 20 * 1_500 + round * 37)).await;
        client.execute("SELECT pg_terminate_backend($1, 5000)", &[&pid]).await.unwrap();
        let _ = run.await.unwrap();
        let mut next = database.connect().await;
        migrate::up(&mut next, &files(), None).await.unwrap();
        assert_eq!(indexes(&next).await, both(), "round {round}");
        migrate::down(&mut next, &files(), newest, false).await.unwrap();
        assert_eq!(indexes(&next).await, [], "round {round}");
    }
    database.drop().await;
}
