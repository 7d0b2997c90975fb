//! Which roles may serve: told before the database is one of ours, and before anything is made in it.

use crate::database::Database;
use salus_core::Error;
use salus_store::refuse_unsafe;

#[tokio::test]
async fn a_role_that_is_not_bound_is_refused_in_any_database() {
    let empty = Database::empty("trust").await;
    let (migrated, superuser) = Database::migrated("trusted").await;
    for client in [empty.connect().await, superuser] {
        let Err(Error::Unavailable(why)) = refuse_unsafe(&client, true).await else { panic!("a superuser is taken") };
        assert!(why.contains("superuser") && why.contains("DATABASE_ADMIN_URL"), "{why}");
    }
    refuse_unsafe(&empty.connect_as("salus_app").await, true).await.unwrap();
    refuse_unsafe(&migrated.connect_as("salus_app").await, true).await.unwrap();
    let told = refuse_unsafe(&migrated.connect_as("salus_owner").await, true).await;
    assert!(matches!(&told, Err(Error::Unavailable(why)) if why.contains("owns the tables")), "{told:?}");
}
