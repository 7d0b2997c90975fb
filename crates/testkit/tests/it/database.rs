//! Every test gets a migrated database of its own, fast, and leaves nothing behind.

use salus_testkit::TestDb;

#[tokio::test]
async fn databases_are_migrated_and_apart() {
    let (one, two) = tokio::join!(TestDb::new(), TestDb::new());
    assert_ne!(one.name(), two.name());
    let (a, b) = (one.connect("salus_admin").await, two.connect("salus_admin").await);
    a.batch_execute("CREATE TABLE public.only_here (id int)").await.unwrap();
    assert!(b.query("SELECT FROM public.only_here", &[]).await.is_err());
    let newest = salus_store::migrate::Files::embedded().unwrap().newest();
    let row = b.query_one("SELECT max(version) FROM kernel.migrations WHERE state = 'applied'", &[]).await.unwrap();
    assert_eq!(row.get::<_, i32>(0), newest);
}

#[tokio::test]
async fn a_copy_has_the_privileges_of_a_migrated_database() {
    let db = TestDb::new().await;
    let admin = db.connect("salus_admin").await;
    let has =
        "SELECT has_database_privilege('salus_owner', $1, 'CREATE'), has_database_privilege('public', $1, 'TEMP')";
    let row = admin.query_one(has, &[&db.name()]).await.unwrap();
    assert_eq!((row.get::<_, bool>(0), row.get::<_, bool>(1)), (true, false));
    let app = db.connect("salus_app").await;
    assert!(app.batch_execute("CREATE SCHEMA mine").await.is_err());
}

#[tokio::test]
async fn a_dropped_database_is_gone_with_its_connections() {
    let db = TestDb::new().await;
    let name = db.name().to_owned();
    let still_here = db.connect("salus_admin").await;
    drop(db);
    assert!(still_here.query("SELECT 1", &[]).await.is_err());
    let other = TestDb::new().await;
    let admin = other.connect("salus_admin").await;
    assert!(admin.query("SELECT FROM pg_database WHERE datname = $1", &[&name]).await.unwrap().is_empty());
}
