//! A database for one test, and what the tests ask of it.

use std::{fmt::Write as _, path::Path, process::Command};

use salus_store::{
    migrate::{self, File, Files},
    runtime,
};
use salus_testkit::TestCluster;
use tokio_postgres::{Client, Config, NoTls};

/// The only place that knows which cluster the tests use.
fn config(name: &str) -> Config {
    TestCluster::shared().cluster().config("salus_admin", name)
}

/// A database of one test. Gone with [`Database::drop`], or when a later process finds it.
pub struct Database {
    name: String,
}

impl Database {
    /// Without anything in it.
    pub async fn empty(test: &str) -> Self {
        let admin = connect(&config("postgres")).await;
        sweep(&admin).await;
        let name = format!("lifecycle_{}_{test}", std::process::id());
        admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.unwrap();
        admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")).await.unwrap();
        Self { name }
    }

    /// With every migration of this build.
    pub async fn migrated(test: &str) -> (Self, Client) {
        let database = Self::empty(test).await;
        let mut client = database.connect().await;
        migrate::up(&mut client, Files::embedded().unwrap(), None).await.unwrap();
        (database, client)
    }

    /// Another session of the administrator.
    pub async fn connect(&self) -> Client {
        connect(&config(&self.name)).await
    }

    /// A session of another role, whether or not it may connect to the test cluster.
    pub async fn connect_as(&self, role: &str) -> Client {
        let client = self.connect().await;
        client.batch_execute(&format!("SET SESSION AUTHORIZATION {role}")).await.unwrap();
        client
    }

    /// `pg_dump -s`, which is how two schemas are the same to the byte.
    pub fn dump(&self) -> String {
        let config = config(&self.name);
        let tokio_postgres::config::Host::Unix(socket) = &config.get_hosts()[0] else { unreachable!("a socket") };
        let output = Command::new("pg_dump")
            .args(["--schema-only", "--username", config.get_user().unwrap(), "--host"])
            .arg(socket)
            .arg(&self.name)
            .output()
            .expect("pg_dump is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // Each run of a patched pg_dump brackets its output with a random word.
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter(|l| !l.starts_with("\\restrict") && !l.starts_with("\\unrestrict")).fold(
            String::new(),
            |mut all, line| {
                let _ = writeln!(all, "{line}");
                all
            },
        )
    }

    /// The test is over.
    pub async fn drop(self) {
        let admin = connect(&config("postgres")).await;
        admin.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await.unwrap();
    }
}

/// Drops what processes that are gone left behind.
async fn sweep(admin: &Client) {
    let sql = "SELECT datname::text, split_part(datname, '_', 2) FROM pg_database WHERE datname LIKE 'lifecycle\\_%'";
    for row in admin.query(sql, &[]).await.unwrap() {
        let (name, process): (String, String) = (row.get(0), row.get(1));
        if !Path::new("/proc").join(process).exists() {
            admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.unwrap();
        }
    }
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.expect("the test cluster runs");
    runtime::spawn(connection);
    client
}

/// How many times something is killed: a few in a plain run, as many as `script/chaos migrations` says in a long one.
#[allow(clippy::disallowed_methods, reason = "script/chaos says how long; a test has no configuration file")]
pub fn rounds(plain: u32) -> u32 {
    std::env::var("SALUS_CHAOS_ROUNDS").ok().map_or(plain, |text| text.parse().unwrap())
}

/// The process of a session in the server.
pub async fn pid(client: &Client) -> i32 {
    client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0)
}

/// A digest of every row of every table, in order of the tables' names, without the description of the schema itself.
pub async fn rows(client: &Client) -> Vec<(String, String)> {
    let sql =
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^(pg_|information_schema)'
          AND c.oid NOT IN ('kernel.migrations'::regclass, 'kernel.replaceables'::regclass,
                            'kernel.tables'::regclass, 'kernel.fields'::regclass)
        ORDER BY 1";
    let mut found = Vec::new();
    for row in client.query(sql, &[]).await.unwrap() {
        let table: String = row.get(0);
        let digest = format!(
            "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {table} t"
        );
        let digest = client.query_one(&digest, &[]).await.unwrap().get(0);
        found.push((table, digest));
    }
    found
}

/// Rows of a tenant in the tables of the kernel and the audit log.
pub async fn populate(client: &Client) {
    let sql = "
        INSERT INTO kernel.tenants (id, slug, is_demo) VALUES ('00000000-0000-7000-8000-000000000001', 'demo', true);
        SET LOCAL salus.tenant = '00000000-0000-7000-8000-000000000001';
        INSERT INTO kernel.settings (id, name, value)
          SELECT gen_random_uuid(), 'a.' || translate(i::text, '0123456789', 'abcdefghij'), to_jsonb(i) FROM generate_series(1, 50) i;
        INSERT INTO kernel.outbox (id, event, row_id) SELECT gen_random_uuid(), 'a.made', gen_random_uuid() FROM generate_series(1, 50);
        INSERT INTO kernel.search_tokens (token, id) SELECT decode(lpad(to_hex(i), 8, '0'), 'hex'), gen_random_uuid() FROM generate_series(1, 50) i;
        INSERT INTO kernel.subject_keys (id, wrapped) VALUES (gen_random_uuid(), '\\x01');
        DO $$ BEGIN
          IF to_regprocedure('audit.subject_entry(uuid, timestamptz, uuid)') IS NOT NULL
             AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'audit.event_subjects'::regclass AND attname = 'bucket') THEN
            EXECUTE 'INSERT INTO audit.event_subjects (bucket, recorded_at, id, entries)
              SELECT audit.subject_bucket(p), now(), gen_random_uuid(), audit.subject_entry(p, now(), gen_random_uuid())
                FROM (SELECT gen_random_uuid() p FROM generate_series(1, 50)) persons';
          ELSE
            EXECUTE 'INSERT INTO audit.event_subjects (subject_id, recorded_at, id) SELECT gen_random_uuid(), now(), gen_random_uuid() FROM generate_series(1, 50)';
          END IF;
        END $$;
        INSERT INTO audit.activity_logs (id, recorded_at, writer_id, writer_seq, actor_id, action, target, outcome, header, payload_commit, mac, leaf_hash)
          SELECT gen_random_uuid(), now() + make_interval(days => i), 1, i, gen_random_uuid(), 'read', 'a', 'success', '\\x7b7d',
                 sha256('a'), sha256('b'), sha256('c') FROM generate_series(1, 60) i;
        INSERT INTO audit.redactions (event_id, redact_event, basis) VALUES (gen_random_uuid(), gen_random_uuid(), 'a court order');";
    client.batch_execute(sql).await.unwrap();
}

/// The files of this build with these changes: a path below `db/` and its text, replacing the file of that path.
pub fn files_with(changes: &[(&str, String)]) -> Files {
    let files = Files::embedded().unwrap();
    let given = |folder: &str, file: &File| (format!("{folder}{}", file.name), file.text.clone());
    let mut all = vec![given("", &files.bootstrap)];
    all.extend(files.replaceables.iter().map(|f| given("replaceable/", f)));
    all.extend(files.migrations.iter().flat_map(|m| [&m.up, &m.down]).map(|f| given("migrations/", f)));
    all.retain(|(path, _)| changes.iter().all(|(changed, _)| changed != path));
    all.extend(changes.iter().map(|(path, text)| ((*path).to_owned(), text.clone())));
    Files::parse(all).unwrap()
}

/// The text of a file of this build.
pub fn text(path: &str) -> String {
    let files = Files::embedded().unwrap();
    let all = std::iter::once(&files.bootstrap)
        .chain(&files.replaceables)
        .chain(files.migrations.iter().flat_map(|m| [&m.up, &m.down]));
    all.into_iter().find(|f| path.ends_with(&f.name)).unwrap().text.clone()
}
