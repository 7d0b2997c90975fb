//! A new tenant: usable at once, made whole or finished later, never half.

use crate::world;
use salus_core::{Ctx, Env, Error};
use salus_domains::auth::{self, NewTenant, NewUser};
use salus_store::{Db, sql};
use salus_testkit::TestDb;

async fn open() -> (TestDb, Db) {
    let database = TestDb::new().await;
    let db = world::open(database.config("salus_app"), Env::default()).await;
    (database, db)
}

fn north(kind: &str) -> NewTenant {
    NewTenant { slug: "north".into(), name: "North Clinic".into(), kind: kind.into() }
}

#[tokio::test]
async fn a_new_tenant_has_roles_and_takes_users() {
    let (_database, db) = open().await;
    let tenant = auth::create_tenant(&db, &north("clinic")).await.unwrap();
    for role in auth::start_roles("clinic").unwrap() {
        let role = role.name.as_str();
        let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await.unwrap();
        let user =
            NewUser { email: format!("{role}@north.example"), display_name: role.into(), roles: vec![role.into()] };
        auth::invite(&mut tx, &user).await.unwrap();
        tx.commit("auth.user.invite", "auth.users").await.unwrap();
    }
}

#[tokio::test]
async fn what_cannot_be_made_leaves_nothing_and_what_broke_off_is_finished() {
    let (_database, db) = open().await;
    assert!(matches!(auth::create_tenant(&db, &north("shop")).await, Err(Error::Invalid(_))));
    assert!(matches!(db.tenant("north").await, Err(Error::NotFound)));

    let begun = db.create_tenant("north", false).await.unwrap();
    assert_eq!(auth::create_tenant(&db, &north("clinic")).await.unwrap(), begun);
    assert!(matches!(auth::create_tenant(&db, &north("clinic")).await, Err(Error::Conflict { .. })));
    let mut tx = db.begin(Ctx::operator(db.env(), begun), true).await.unwrap();
    let row = tx.query_opt(sql!("SELECT count(*) FROM auth.roles"), &[]).await.unwrap().unwrap();
    assert_eq!(usize::try_from(row.get::<_, i64>(0)).unwrap(), auth::start_roles("clinic").unwrap().len());
}
