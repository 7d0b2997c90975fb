//! Forward, back and forward again; two at once; killed and resumed; changed files; newer databases; reset.

use std::time::{Duration, Instant};

use salus_core::Error;
use salus_store::{
    migrate::{self, Files, State},
    runtime, schema,
};
use tokio_postgres::Client;

use crate::database::{Database, files_with, pid, populate, rounds as rounds_of, rows, text};

fn files() -> &'static Files {
    Files::embedded().unwrap()
}

fn code(error: &Error) -> &'static str {
    error.code()
}

async fn versions(client: &Client) -> Vec<i32> {
    let rows = client.query("SELECT version FROM kernel.migrations WHERE state = 'applied' ORDER BY 1", &[]).await;
    rows.unwrap().iter().map(|r| r.get(0)).collect()
}

#[tokio::test]
async fn each_migration_goes_forward_back_and_forward() {
    let database = Database::empty("roundtrip").await;
    let mut client = database.connect().await;
    for migration in &files().migrations {
        let (version, before) = (migration.version, migration.version - 1);
        let below = files().migrations.iter().map(|m| m.version).filter(|v| *v <= before).max().unwrap_or(0);
        migrate::up(&mut client, files(), Some(version)).await.unwrap();
        let dump = database.dump();
        // The tables that stay keep their rows: they were filled after the second migration.
        let kept = if below >= 2 { rows(&client).await } else { Vec::new() };
        let back = migrate::down(&mut client, files(), below, true).await.unwrap();
        assert_eq!(back.iter().map(|a| a.version).collect::<Vec<_>>(), [Some(version)]);
        migrate::up(&mut client, files(), Some(version)).await.unwrap();
        assert!(dump == database.dump(), "{} does not come back the same", migration.up.name);
        if below >= 2 {
            assert_eq!(kept, rows(&client).await, "{} changed rows on its way", migration.up.name);
        }
        if version == 2 {
            populate(&client).await;
        }
    }
    assert_eq!(schema::verify(&client).await.unwrap(), []);
    database.drop().await;
}

#[tokio::test]
async fn everything_goes_back_and_forward() {
    let (database, mut client) = Database::migrated("all_back").await;
    let dump = database.dump();
    migrate::down(&mut client, files(), 0, true).await.unwrap();
    assert!(versions(&client).await.is_empty());
    migrate::up(&mut client, files(), None).await.unwrap();
    assert!(dump == database.dump(), "down to nothing and up again is not the same");
    database.drop().await;
}

#[tokio::test]
async fn the_plan_is_what_is_run_and_runs_nothing() {
    let database = Database::empty("plan").await;
    let mut client = database.connect().await;
    let plan = migrate::plan(&client, files(), None).await.unwrap();
    assert_eq!(plan[0].title, "bootstrap.sql");
    assert!(client.query("SELECT FROM pg_namespace WHERE nspname = 'kernel'", &[]).await.unwrap().is_empty());
    assert!(plan.iter().any(|s| s.sql().contains(&text("migrations/00002_audit.up.sql"))));
    for step in &plan {
        assert!(step.in_transaction());
        client.batch_execute(&step.sql()).await.unwrap();
    }
    assert!(migrate::status(&client, files()).await.unwrap().is_current());
    assert_eq!(migrate::plan(&client, files(), None).await.unwrap(), []);
    assert_eq!(migrate::up(&mut client, files(), None).await.unwrap(), []);
    let error = migrate::plan(&client, files(), Some(777)).await.unwrap_err();
    assert!(error.to_string().contains("00777"), "{error}");
    database.drop().await;
}

#[tokio::test]
async fn the_status_tells_pending_applied_and_changed() {
    let database = Database::empty("status").await;
    let mut client = database.connect().await;
    let status = migrate::status(&client, files()).await.unwrap();
    assert!(status.migrations.iter().chain(&status.replaceables).all(|r| r.state == State::Pending));
    migrate::init(&mut client, files()).await.unwrap();
    migrate::up(&mut client, files(), Some(1)).await.unwrap();
    let status = migrate::status(&client, files()).await.unwrap();
    assert_eq!(status.version(), 1);
    assert_eq!((status.migrations[0].state, status.migrations[1].state), (State::Applied, State::Pending));
    assert!(status.migrations[0].applied_at.is_some() && !status.is_current());
    migrate::up(&mut client, files(), None).await.unwrap();

    let path = "migrations/00001_kernel.up.sql";
    let spaced =
        text(path).replace("CREATE TABLE ", "CREATE\r\n\t /* wide */ TABLE  ").replace(",\n", " ,-- why not\n\n")
            + "-- the end";
    let edited = files_with(&[(path, spaced)]);
    assert!(migrate::status(&client, &edited).await.unwrap().is_current(), "white space and comments are no change");
    assert_eq!(migrate::up(&mut client, &edited, None).await.unwrap(), []);

    let token = files_with(&[(path, text(path).replacen("octet_length(VALUE) = 16", "octet_length(VALUE) = 17", 1))]);
    assert_eq!(migrate::status(&client, &token).await.unwrap().migrations[0].state, State::Changed);
    for error in [
        migrate::up(&mut client, &token, None).await.unwrap_err(),
        migrate::down(&mut client, &token, 0, true).await.unwrap_err(),
    ] {
        assert_eq!(code(&error), "migration_changed");
        assert!(error.to_string().contains("00001_kernel.up.sql"), "{error}");
    }
    migrate::accept(&mut client, &token, 1).await.unwrap();
    assert!(migrate::status(&client, &token).await.unwrap().is_current());
    database.drop().await;
}

#[tokio::test]
async fn a_changed_file_of_functions_is_applied_again() {
    let (database, mut client) = Database::migrated("functions").await;
    let path = "replaceable/kernel.sql";
    let changed = files_with(&[(path, text(path) + "COMMENT ON FUNCTION kernel.touch() IS 'changed';")]);
    assert!(!migrate::status(&client, &changed).await.unwrap().is_current());
    let done = migrate::up(&mut client, &changed, None).await.unwrap();
    assert_eq!(done[0].title, "functions: kernel.sql");
    let told: Vec<_> = schema::verify(&client).await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("comment FUNCTION kernel.touch() differs"), "{told:?}");
    migrate::up(&mut client, files(), None).await.unwrap();
    assert_eq!(schema::verify(&client).await.unwrap(), []);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_start_together_migrate_once() {
    let database = Database::empty("together").await;
    let mut nodes = Vec::new();
    for _ in 0..3 {
        let mut client = database.connect().await;
        nodes.push(runtime::spawn(async move { migrate::up(&mut client, files(), None).await.unwrap() }));
    }
    let mut done = Vec::new();
    for node in nodes {
        done.push(node.await.unwrap());
    }
    assert_eq!(done.iter().filter(|d| d.is_empty()).count(), 2, "{done:?}");
    let client = database.connect().await;
    assert_eq!(versions(&client).await, files().migrations.iter().map(|m| m.version).collect::<Vec<_>>());
    assert_eq!(schema::verify(&client).await.unwrap(), []);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_migration_leaves_nothing_half_done_and_resumes() {
    // What the database looks like after each version, from a run that nobody disturbs.
    let database = Database::empty("kill_reference").await;
    let mut client = database.connect().await;
    let mut after = Vec::new();
    for version in files().migrations.iter().map(|m| m.version) {
        migrate::up(&mut client, files(), Some(version)).await.unwrap();
        after.push((version, schema::live(&client).await.unwrap()));
    }
    database.drop().await;
    let database = Database::empty("kill_time").await;
    let (mut client, start) = (database.connect().await, Instant::now());
    migrate::up(&mut client, files(), None).await.unwrap();
    let whole = start.elapsed();
    database.drop().await;

    let mut killed = 0;
    let rounds = rounds_of(20);
    for round in 0..rounds {
        let database = Database::empty(&format!("kill_{}", round % 2)).await;
        let (mut victim, other) = (database.connect().await, database.connect().await);
        let pid = pid(&victim).await;
        let run = runtime::spawn(async move { migrate::up(&mut victim, files(), None).await });
        tokio::time::sleep(whole * round / rounds + Duration::from_micros(u64::from(round) * 137)).await;
        other.execute("SELECT pg_terminate_backend($1, 5000)", &[&pid]).await.unwrap();
        killed += u32::from(run.await.unwrap().is_err());

        let mut client = database.connect().await;
        let status = migrate::status(&client, files()).await.unwrap();
        assert!(status.migrations.iter().all(|r| matches!(r.state, State::Applied | State::Pending)), "{status:?}");
        if let Some((_, expected)) = after.iter().find(|(version, _)| *version == status.version()) {
            let told = schema::compare(expected, &schema::live(&client).await.unwrap());
            assert!(told.is_empty(), "round {round}, after {}: {told:?}", status.version());
        }
        migrate::up(&mut client, files(), None).await.unwrap();
        assert_eq!(schema::verify(&client).await.unwrap(), [], "round {round}");
        database.drop().await;
    }
    assert!(killed >= rounds / 2, "only {killed} of {rounds} kills came in time to disturb ({whole:?} a run)");
}

#[tokio::test]
async fn a_file_that_fails_is_named_with_its_line_and_leaves_nothing() {
    let (database, mut client) = Database::migrated("fails").await;
    let before = schema::live(&client).await.unwrap();
    let broken = "CREATE TABLE kernel.made (a int);\n\nCREATE TABLE kernel.tables (b int);\n";
    let broken = files_with(&[
        ("migrations/99990_broken.up.sql", broken.into()),
        ("migrations/99990_broken.down.sql", "DROP TABLE kernel.made;".into()),
    ]);
    let error = migrate::up(&mut client, &broken, None).await.unwrap_err().to_string();
    assert!(error.contains("99990_broken") && error.contains("already exists"), "{error}");
    assert!(schema::compare(&before, &schema::live(&client).await.unwrap()).is_empty());
    let wrong = files_with(&[
        ("migrations/99990_broken.up.sql", "SELECT 1;\n\nSELECT no_such_column;\n".into()),
        ("migrations/99990_broken.down.sql", String::new()),
    ]);
    let error = migrate::up(&mut client, &wrong, None).await.unwrap_err().to_string();
    assert!(error.contains("99990_broken.up.sql line 3"), "{error}");
    database.drop().await;
}

#[tokio::test]
async fn a_step_waits_for_a_lock_and_tries_again() {
    let (database, mut client) = Database::migrated("locked").await;
    let blocker = database.connect().await;
    blocker.batch_execute("BEGIN; LOCK TABLE kernel.settings IN ACCESS SHARE MODE").await.unwrap();
    let changed = files_with(&[
        ("migrations/99990_note.up.sql", "ALTER TABLE kernel.settings ADD COLUMN note text;".into()),
        ("migrations/99990_note.down.sql", "ALTER TABLE kernel.settings DROP COLUMN note;".into()),
    ]);
    let start = Instant::now();
    let (done, ()) = tokio::join!(migrate::up(&mut client, &changed, None), async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        blocker.batch_execute("COMMIT").await.unwrap();
    });
    assert_eq!(done.unwrap()[0].version, Some(99990));
    assert!(start.elapsed() > Duration::from_secs(3));
    database.drop().await;
}

#[tokio::test]
async fn a_database_of_a_newer_salus_is_refused() {
    let (database, mut client) = Database::migrated("newer").await;
    let newer =
        "INSERT INTO kernel.migrations (version, name, checksum, state) VALUES (99999, 'tomorrow', 'x', 'applied')";
    client.batch_execute(newer).await.unwrap();
    for error in [
        migrate::up(&mut client, files(), None).await.unwrap_err(),
        migrate::down(&mut client, files(), 0, true).await.unwrap_err(),
        migrate::plan(&client, files(), None).await.unwrap_err(),
    ] {
        assert_eq!(code(&error), "newer_database");
        assert!(
            error.to_string().contains("migrated by a newer Salus") && error.to_string().contains("99999_tomorrow")
        );
    }
    let status = migrate::status(&client, files()).await.unwrap();
    assert_eq!(status.migrations.last().unwrap().state, State::Unknown);
    assert_eq!(schema::verify(&client).await.unwrap(), [], "nothing was run");
    database.drop().await;
}

#[tokio::test]
async fn a_way_back_that_loses_data_wants_to_be_asked() {
    let (database, mut client) = Database::migrated("lossy").await;
    let error = migrate::down(&mut client, files(), 1, false).await.unwrap_err();
    assert_eq!(code(&error), "data_loss");
    assert!(error.to_string().contains(".down.sql") && error.to_string().contains("--accept-data-loss"), "{error}");
    assert_eq!(versions(&client).await.len(), files().migrations.len(), "nothing was run");
    database.drop().await;
}

#[tokio::test]
async fn reset_is_refused_where_data_could_be_somebodys() {
    let (database, mut client) = Database::migrated("reset").await;
    populate(&client).await;
    client.batch_execute("UPDATE kernel.installation SET production = true").await.unwrap();
    assert_eq!(code(&migrate::reset(&mut client, files()).await.unwrap_err()), "production");
    client.batch_execute("UPDATE kernel.installation SET production = false").await.unwrap();

    client.batch_execute("INSERT INTO kernel.tenants (id, slug) VALUES (gen_random_uuid(), 'clinic')").await.unwrap();
    let error = migrate::reset(&mut client, files()).await.unwrap_err();
    assert_eq!(code(&error), "holds_tenants");
    assert!(error.to_string().contains("clinic"), "{error}");
    client.batch_execute("DELETE FROM kernel.tenants WHERE slug = 'clinic'").await.unwrap();

    client.batch_execute("ALTER TABLE kernel.tenants RENAME TO hidden").await.unwrap();
    assert_eq!(code(&migrate::reset(&mut client, files()).await.unwrap_err()), "unclear");
    client.batch_execute("ALTER TABLE kernel.hidden RENAME TO tenants").await.unwrap();

    client.batch_execute("CREATE SCHEMA theirs; CREATE TABLE theirs.a (b int)").await.unwrap();
    migrate::reset(&mut client, files()).await.unwrap();
    assert!(rows(&client).await.iter().any(|(table, _)| table == "theirs.a"), "what is not ours stays");
    client.batch_execute("DROP SCHEMA theirs CASCADE").await.unwrap();
    assert_eq!(schema::verify(&client).await.unwrap(), []);
    let left: i64 =
        client.query_one("SELECT count(*) FROM kernel.tenants WHERE slug <> 'platform'", &[]).await.unwrap().get(0);
    assert_eq!(left, 0);
    database.drop().await;
}

#[tokio::test]
async fn health_tells_what_is_wrong_in_words() {
    let (database, client) = Database::migrated("health").await;
    let other = database.connect().await;
    other.batch_execute("BEGIN; SELECT 1").await.unwrap();
    let health = migrate::health(&client).await.unwrap();
    assert!(health.version.starts_with(|c: char| c.is_ascii_digit()) && health.size_bytes > 1_000_000);
    assert!(health.connections >= 2 && health.oldest_transaction_seconds.is_some_and(|s| s < 60), "{health:?}");
    assert_eq!(health.fsync, !health.problems.iter().any(|p| p.starts_with("fsync is off")));
    client.batch_execute("SET synchronous_commit = off").await.unwrap();
    let health = migrate::health(&client).await.unwrap();
    assert!(health.problems.iter().any(|p| p.starts_with("synchronous_commit is off")), "{health:?}");
    database.drop().await;
}

/// On a user's own server nobody is superuser: a role that may create roles owns the database and migrates it.
#[tokio::test]
async fn an_owner_without_superuser_migrates_and_repairs() {
    let database = Database::empty("plain_owner").await;
    let admin = database.connect().await;
    let role = "DO $$ BEGIN
          IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'plain_owner') THEN
            CREATE ROLE plain_owner LOGIN NOSUPERUSER CREATEROLE;
          END IF;
          EXECUTE format('ALTER DATABASE %I OWNER TO plain_owner', current_database());
        END $$;";
    admin.batch_execute(role).await.unwrap();
    let mut plain = database.connect_as("plain_owner").await;
    migrate::init(&mut plain, files()).await.unwrap();
    migrate::up(&mut plain, files(), None).await.unwrap();
    assert_eq!(schema::verify(&plain).await.unwrap(), []);
    let drift = "DROP POLICY tenant_wall ON kernel.settings; DROP PROCEDURE audit.ensure_partitions(date, int);
        CREATE SCHEMA late; REVOKE INSERT ON kernel.settings FROM salus_app; DROP SCHEMA late";
    plain.batch_execute(drift).await.unwrap();
    let repairs = schema::repair::plan(&schema::verify(&plain).await.unwrap(), &schema::expected().unwrap());
    let outcome = schema::repair::apply(&mut plain, &repairs).await.unwrap();
    assert_eq!((outcome.applied, outcome.remaining.len()), (3, 0), "{outcome:#?}");
    migrate::down(&mut plain, files(), 0, true).await.unwrap();
    migrate::reset(&mut plain, files()).await.unwrap();
    assert_eq!(schema::verify(&plain).await.unwrap(), []);
    database.drop().await;
}

#[tokio::test]
async fn a_role_that_may_not_migrate_is_told_so() {
    let (database, client) = Database::migrated("not_admin").await;
    drop(client);
    let mut app = database.connect_as("salus_app").await;
    for error in [
        migrate::init(&mut app, files()).await.unwrap_err(),
        migrate::down(&mut app, files(), 0, true).await.unwrap_err(),
    ] {
        assert_eq!(code(&error), "not_administrator", "{error}");
    }
    database.drop().await;
}
