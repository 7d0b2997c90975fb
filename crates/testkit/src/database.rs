//! A database for one test: a copy of a template that was migrated once, gone when the test ends.

use crate::TestCluster;
use salus_core::{Error, Result};
use salus_store::migrate;
use std::{
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, Config, NoTls};

/// The migrated database that the others are copied from.
const TEMPLATE: &str = "salus_template";
/// The template while it is made.
const UNFINISHED: &str = "salus_template_unfinished";
/// Databases of tests: `test_<process>_<number>`.
const PREFIX: &str = "test_";
/// A database is made with everything for the public, so that is taken away first.
const GRANTS_SQL: &str = "
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC;', datname) FROM pg_database WHERE datname = $1
UNION ALL
SELECT format('GRANT %s ON DATABASE %I TO %s;', privilege_type, datname, coalesce(quote_ident(rolname), 'PUBLIC'))
  FROM pg_database, aclexplode(datacl) LEFT JOIN pg_roles ON pg_roles.oid = grantee WHERE datname = $1";

/// A migrated database of one test. Dropping it drops the database, with whoever is still connected.
#[derive(Debug)]
pub struct TestDb {
    name: String,
}

impl TestDb {
    /// Makes a database. The first call of a run migrates the template.
    ///
    /// # Panics
    /// When it cannot be made: the test cannot go on.
    pub async fn new() -> Self {
        static GRANTS: OnceCell<Vec<String>> = OnceCell::const_new();
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("{PREFIX}{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let made = async {
            let grants = GRANTS.get_or_try_init(prepare).await?;
            let admin = connect(&TestCluster::shared().cluster().config("salus_admin", "postgres")).await?;
            let copy = format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy");
            admin.batch_execute(&copy).await.map_err(|e| said(&e))?;
            let granted: String = grants.iter().map(|g| g.replace(TEMPLATE, &name)).collect();
            admin.batch_execute(&granted).await.map_err(|e| said(&e))
        };
        match made.await {
            Ok(()) => Self { name },
            Err(e) => panic!("no database to test with: {e}"),
        }
    }

    /// The database's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How to connect to it as this role.
    #[must_use]
    pub fn config(&self, role: &str) -> Config {
        TestCluster::shared().cluster().config(role, &self.name)
    }

    /// The directory of the socket, for programs that are given `PGHOST`.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        TestCluster::shared().cluster().socket_dir()
    }

    /// A connection as this role, for what a test sets up or looks at behind the server's back.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn connect(&self, role: &str) -> Client {
        match connect(&self.config(role)).await {
            Ok(client) => client,
            Err(e) => panic!("{role} cannot connect: {e}"),
        }
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let sql = drop_database(&self.name);
        // The test's own runtime is busy with this very call.
        let dropped = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(Error::internal)?
                .block_on(run_as_admin(&sql))
        });
        if !matches!(dropped.join(), Ok(Ok(()))) {
            eprintln!("{} was left behind; the next run removes it", self.name);
        }
    }
}

/// Removes what killed runs left behind, and makes the template if there is none. Returns the privileges on the
/// template, which a copy does not take along, as statements.
async fn prepare() -> Result<Vec<String>> {
    let shared = TestCluster::shared();
    let lock = std::fs::File::create(shared.home().join("template.lock")).map_err(Error::internal)?;
    // Another process may need seconds for the template, and this runtime's other tests shall go on meanwhile.
    let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await;
    let _lock = lock.map_err(Error::internal)?.map_err(Error::internal)?;
    let admin = connect(&shared.cluster().config("salus_admin", "postgres")).await?;
    let mut has_template = false;
    for row in admin.query("SELECT datname::text FROM pg_database", &[]).await.map_err(|e| said(&e))? {
        let name: String = row.get(0);
        has_template |= name == TEMPLATE;
        if name == UNFINISHED || is_left_behind(&name) {
            admin.batch_execute(&drop_database(&name)).await.map_err(|e| said(&e))?;
        }
    }
    if !has_template {
        admin.batch_execute(&format!("CREATE DATABASE {UNFINISHED}")).await.map_err(|e| said(&e))?;
        let mut client = connect(&shared.cluster().config("salus_admin", UNFINISHED)).await?;
        let files = migrate::Files::embedded()?;
        migrate::init(&mut client, files).await?;
        migrate::up(&mut client, files, None).await?;
        // The template must have no connection when it is renamed.
        drop(client);
        until_alone(&admin).await?;
        let finish = format!("ALTER DATABASE {UNFINISHED} RENAME TO {TEMPLATE}");
        admin.batch_execute(&finish).await.map_err(|e| said(&e))?;
    }
    let rows = admin.query(GRANTS_SQL, &[&TEMPLATE]).await.map_err(|e| said(&e))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Waits until the closed connection to the unfinished template has ended on the server's side too.
async fn until_alone(admin: &Client) -> Result<()> {
    let here = "SELECT FROM pg_stat_activity WHERE datname = $1";
    while !admin.query(here, &[&UNFINISHED]).await.map_err(|e| said(&e))?.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Whether the process that made this database has ended. Called before this process makes its first.
fn is_left_behind(name: &str) -> bool {
    let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('_').next());
    process.is_some_and(|p| p == std::process::id().to_string() || !Path::new("/proc").join(p).exists())
}

fn drop_database(name: &str) -> String {
    format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")
}

async fn run_as_admin(sql: &str) -> Result<()> {
    let admin = connect(&TestCluster::shared().cluster().config("salus_admin", "postgres")).await?;
    admin.batch_execute(sql).await.map_err(|e| said(&e))
}

async fn connect(config: &Config) -> Result<Client> {
    let (client, connection) = config.connect(NoTls).await.map_err(|e| said(&e))?;
    #[allow(clippy::disallowed_methods, reason = "a test's connection ends with the test")]
    tokio::spawn(connection);
    Ok(client)
}

/// The server's own words: test data is nobody's.
fn said(error: &tokio_postgres::Error) -> Error {
    Error::internal(error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string))
}
