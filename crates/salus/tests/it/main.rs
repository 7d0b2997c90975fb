//! The program itself: over a PostgreSQL that is not its own, and its backups of the one that is.
#![allow(clippy::unwrap_used, reason = "a test that fails here has found its bug")]

mod apart;
mod backup;
mod commands;
mod defaults;
mod evidence;
mod keys;
mod kms;
mod logical;
mod moment;
mod people;
mod pgbackrest;
mod prove;
mod serving;
mod tenant;

use salus_testkit::TestDb;
use std::{
    path::PathBuf,
    process::{Command, Output},
};

/// A data directory and the addresses of a migrated database.
struct Place {
    database: TestDb,
    home: PathBuf,
}

impl Place {
    async fn new() -> Self {
        let database = TestDb::new().await;
        let home = std::env::temp_dir().join(format!("salus-road-{}", database.name()));
        Self { database, home }
    }

    fn url(&self, role: &str) -> String {
        let config = self.database.config(role);
        let tokio_postgres::config::Host::Unix(socket) = &config.get_hosts()[0] else { unreachable!("a socket") };
        format!("postgres://{role}@/{}?host={}", self.database.name(), socket.display())
    }

    /// Runs the program with these settings and nothing else of ours in the environment.
    fn run(&self, settings: &[(&str, &str)], arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_salus"));
        command.arg("--home").arg(&self.home).args(arguments).env("SALUS_ALLOW_OLD_POSTGRES", "true");
        for name in ["DATABASE_URL", "DATABASE_ADMIN_URL", "SALUS_HOME"] {
            command.env_remove(name);
        }
        command.envs(settings.iter().copied()).output().unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.home).ok();
    }
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn a_role_that_must_not_serve_is_refused_before_anything_is_made() {
    let place = Place::new().await;
    for role in ["salus_admin", "salus_backup"] {
        let output = place.run(&[("DATABASE_URL", &place.url(role))], &["serve", "--port", "0"]);
        assert!(!output.status.success(), "{role}");
        assert!(told(&output).contains(&format!("refusing to serve: the role {role}")), "{}", told(&output));
        assert!(!place.home.join("keys").exists(), "no key is made for {role}");
    }
    let remote = "postgres://salus_app@db.example/salus?sslmode=disable";
    let output = place.run(&[("DATABASE_URL", remote)], &["serve", "--port", "0"]);
    assert!(told(&output).contains("sslmode=verify-full"), "{}", told(&output));
    let output = place.run(&[("DATABASE_ADMIN_URL", &place.url("salus_admin"))], &["tenant", "list"]);
    assert!(told(&output).contains("DATABASE_URL is not"), "{}", told(&output));
    assert!(!place.home.join("cluster").exists(), "no private cluster is begun beside one's own server");
}

#[test]
fn an_installation_that_was_never_set_up_says_how() {
    let folder = backup::Folder::new("empty");
    let home = folder.path("home");
    assert!(backup::refused(&home, &["tenant", "list"]).contains("salus db migrate"));
    assert!(backup::refused(&home, &["prove"]).contains("salus keys init"));
}

#[tokio::test]
async fn what_an_operator_does_to_the_database_is_on_the_record() {
    let place = Place::new().await;
    let (app, admin) = (place.url("salus_app"), place.url("salus_admin"));
    let settings = [("DATABASE_URL", app.as_str()), ("DATABASE_ADMIN_URL", admin.as_str())];
    let run = |arguments: &[&str]| place.run(&settings, arguments);
    assert!(told(&run(&["db", "accept", "--version", "3"])).contains("no event was written"));
    for arguments in [&["keys", "init"][..], &["tenant", "create", "north", "--name", "North"]] {
        let output = run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", told(&output));
    }
    assert!(run(&["db", "accept", "--version", "3"]).status.success());
    assert!(!run(&["db", "accept", "--version", "999"]).status.success());
    let client = place.database.connect("salus_admin").await;
    client.batch_execute("DROP INDEX audit.activity_logs_xact_ix").await.unwrap();
    for arguments in [&["db", "repair", "--apply"][..], &["db", "production"]] {
        let output = run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", told(&output));
    }
    let sql = "SELECT action || ' ' || outcome FROM audit.activity_logs WHERE target = 'kernel.migrations' \
               ORDER BY recorded_at";
    let told: Vec<String> = client.query(sql, &[]).await.unwrap().iter().map(|r| r.get(0)).collect();
    let want = [
        "kernel.migration.accept success",
        "kernel.migration.accept failed",
        "kernel.catalogue.repair success",
        "kernel.installation.production success",
    ];
    assert_eq!(told, want);
}

#[tokio::test]
async fn data_of_production_is_lost_only_while_a_backup_has_it() {
    let place = Place::new().await;
    let (app, admin) = (place.url("salus_app"), place.url("salus_admin"));
    let settings = [("DATABASE_URL", app.as_str()), ("DATABASE_ADMIN_URL", admin.as_str())];
    let newest: Vec<i32> = {
        let client = place.database.connect("salus_admin").await;
        let sql = "SELECT version FROM kernel.migrations WHERE state = 'applied' ORDER BY version DESC LIMIT 2";
        client.query(sql, &[]).await.unwrap().iter().map(|r| r.get(0)).collect()
    };
    let before = newest[1].to_string();
    let down = |more: &[&str]| {
        place.run(&settings, &[&["db", "down", "--to", &before, "--accept-data-loss"][..], more].concat())
    };
    for arguments in [&["keys", "init"][..], &["db", "production"]] {
        assert!(place.run(&settings, arguments).status.success());
    }
    assert!(told(&down(&[])).contains("only with --backup ID"), "{}", told(&down(&[])));
    let client = place.database.connect("salus_admin").await;
    let [old, gone, new, never] = [1, 2, 3, 4].map(uuid::Uuid::from_u128);
    let sql = "INSERT INTO kernel.backups (id, began_at, folder, noted_at, gone_at) VALUES \
               ($1, '2026-01-01', '/b', '2026-01-01', NULL), ($2, now(), '/b', now(), now()), ($3, now(), '/b', now(), NULL)";
    client.execute(sql, &[&old, &gone, &new]).await.unwrap();
    for id in [old, gone, never] {
        assert!(told(&down(&["--backup", &id.to_string()])).contains("No backup"), "{id}");
    }
    let output = down(&["--backup", &new.to_string()]);
    assert!(output.status.success(), "{}", told(&output));
    let sql = "SELECT max(version) FROM kernel.migrations WHERE state = 'applied'";
    assert_eq!(client.query_one(sql, &[]).await.unwrap().get::<_, i32>(0), newest[1]);
    let again = place.run(&settings, &["db", "migrate"]);
    assert!(again.status.success(), "{}", told(&again));
}
