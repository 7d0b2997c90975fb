//! Tokens of API clients and API keys: rotation, copies, networks, ends.

use crate::{
    factors::{EMAIL, HOME, PASSWORD, Place},
    world::{self, as_admin},
};
use salus_core::{Channel, Ctx, Error, Permissions, Result};
use salus_domains::auth::{self, Callers, Credentials, NewApiKey, Presented, Source, TokenPair};
use salus_testkit::code_at;
use serde_json::json;
use std::collections::BTreeSet;
use time::Duration;

impl Place {
    async fn tokens(&self, code: &str) -> Result<TokenPair> {
        let with = Credentials { organization: "north", email: EMAIL, password: PASSWORD, code };
        auth::new_tokens(&self.db, with, Source::from(HOME)).await
    }

    async fn bearer(&self, token: &str, ip: &str) -> Result<Ctx> {
        Callers::default().caller_from(&self.db, &Presented::Bearer(token.to_owned()), Channel::Api, ip).await
    }

    async fn opens(&self, token: &str) -> bool {
        self.bearer(token, HOME.0).await.is_ok()
    }
}

#[tokio::test]
async fn a_refresh_token_is_spent_and_a_copy_ends_the_family() {
    let place = Place::new(json!({"requireMfa": false}), "reader").await;
    let first = place.tokens("").await.unwrap();
    assert_eq!(first.expires_in, 600);
    assert!(place.bearer(&first.access, "").await.unwrap().may("medical.patient.read"));
    let as_cookie = Presented::Cookie(first.access.clone());
    assert!(Callers::default().caller(&place.db, &as_cookie, Channel::Page).await.is_err(), "no browser's session");
    assert!(!place.opens(&first.refresh).await, "a refresh token opens nothing");
    place.pass(Duration::minutes(11));
    assert!(!place.opens(&first.access).await);
    let second = auth::refresh(&place.db, &first.refresh).await.unwrap();
    assert!(place.opens(&second.access).await);
    place.pass(Duration::seconds(9));
    assert_eq!(auth::refresh(&place.db, &first.refresh).await.unwrap(), second, "within ten seconds the same again");
    let third = auth::refresh(&place.db, &second.refresh).await.unwrap();
    assert!(place.opens(&third.access).await && !place.opens(&second.access).await);
    place.pass(Duration::seconds(11));
    assert!(matches!(auth::refresh(&place.db, &first.refresh).await, Err(Error::Unauthenticated)));
    assert!(!place.opens(&third.access).await, "the family is dead");
    assert!(matches!(auth::refresh(&place.db, &third.refresh).await, Err(Error::Unauthenticated)));
    assert!(place.tokens("").await.is_ok(), "signing in begins another");
}

#[tokio::test]
async fn twenty_requests_with_one_token_get_one_pair() {
    let place = Place::new(json!({"requireMfa": false}), "reader").await;
    let first = place.tokens("").await.unwrap();
    let tried = (0..20).map(|_| auth::refresh(&place.db, &first.refresh));
    let pairs: BTreeSet<String> =
        futures_util::future::join_all(tried).await.into_iter().map(|p| p.unwrap().refresh).collect();
    assert_eq!(pairs.len(), 1);
    let admin = place.database.connect("salus_admin").await;
    let count = "SELECT count(*), count(DISTINCT family_id) FROM auth.refresh_tokens WHERE revoked_at IS NULL";
    let row = admin.query_one(count, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (2, 1));
}

#[tokio::test]
async fn tokens_end_with_their_time_their_user_and_on_request() {
    let place = Place::new(json!({"requireMfa": false, "absolute_session_hours": 1}), "reader").await;
    let pair = place.tokens("").await.unwrap();
    place.pass(Duration::minutes(55));
    let pair = auth::refresh(&place.db, &pair.refresh).await.unwrap();
    assert_eq!(pair.expires_in, 300, "no longer than the absolute limit");
    place.pass(Duration::minutes(6));
    assert!(!place.opens(&pair.access).await);
    assert!(auth::refresh(&place.db, &pair.refresh).await.is_err());

    let pair = place.tokens("").await.unwrap();
    auth::revoke_tokens(&place.db, &pair.refresh).await.unwrap();
    auth::revoke_tokens(&place.db, "nonsense").await.unwrap();
    assert!(!place.opens(&pair.access).await && auth::refresh(&place.db, &pair.refresh).await.is_err());

    let pair = place.tokens("").await.unwrap();
    let user = place.bearer(&pair.access, "").await.unwrap().actor.id;
    place.call("auth.user.disable", world::at(&user.to_string())).await.unwrap();
    assert!(!place.opens(&pair.access).await && auth::refresh(&place.db, &pair.refresh).await.is_err());
}

/// `spec` A63: a clock that is an hour ahead ends what has an end and nothing else, and one that goes back ten minutes refuses
/// nothing that was given before, and takes nothing twice.
#[tokio::test]
async fn a_clock_that_jumps_spends_no_token_and_takes_no_code_twice() {
    let place = Place::new(json!({}), "reader").await;
    let ctx = place.caller(&place.session().await).await.unwrap();
    let (secret, _) = place.enrol(&ctx).await;
    place.pass(Duration::minutes(20));
    let code = place.code(&secret);
    let pair = place.tokens(&code).await.unwrap();
    // Ten minutes back: what was given a moment ago opens, and is exchanged once.
    place.pass(Duration::minutes(-10));
    assert!(place.opens(&pair.access).await, "given before the clock went back");
    let next = auth::refresh(&place.db, &pair.refresh).await.unwrap();
    assert!(place.opens(&next.access).await);
    // Set right again, what was given for ten minutes has just ended, and the next is got for it.
    place.pass(Duration::minutes(10));
    assert!(!place.opens(&next.access).await);
    let next = auth::refresh(&place.db, &next.refresh).await.unwrap();
    assert!(place.opens(&next.access).await);
    // A code that was taken is not taken again, before its time or in it.
    for back in [0, -10, 10] {
        place.pass(Duration::minutes(back));
        assert!(matches!(place.tokens(&code).await, Err(Error::Unauthenticated)), "{back}");
    }
    // An hour ahead a token has ended, and the code of now is another's; set right again, all is as it was.
    let fresh = code_at(&secret, place.db.env().now() + Duration::seconds(60));
    place.pass(Duration::hours(1));
    assert!(!place.opens(&next.access).await);
    assert!(matches!(place.tokens(&fresh).await, Err(Error::Unauthenticated)));
    place.pass(Duration::hours(-1));
    assert!(place.opens(&next.access).await);
    place.pass(Duration::seconds(60));
    assert!(place.tokens(&fresh).await.is_ok());
}

#[tokio::test]
async fn a_client_gives_the_second_factor_with_the_password() {
    let place = Place::new(json!({}), "reader").await;
    let told = place.tokens("").await;
    assert!(matches!(told, Err(Error::Refused { code: "sign_in_by_browser", .. })), "{told:?}");
    let ctx = place.caller(&place.session().await).await.unwrap();
    let (secret, _) = place.enrol(&ctx).await;
    place.pass(Duration::seconds(60));
    assert!(matches!(place.tokens("").await, Err(Error::Refused { code: "second_factor_required", .. })));
    assert!(matches!(place.tokens("123456").await, Err(Error::Unauthenticated)));
    let pair = place.tokens(&place.code(&secret)).await.unwrap();
    assert!(place.bearer(&pair.access, "").await.unwrap().may("medical.patient.read"));
    let failed = place.database.connect("salus_admin").await;
    let row = failed.query_one("SELECT failed_attempts, last_login_at IS NOT NULL FROM auth.users", &[]).await.unwrap();
    assert_eq!((row.get::<_, i32>(0), row.get::<_, bool>(1)), (0, true), "failures before it count no more");
}

#[tokio::test]
async fn a_key_opens_from_its_networks_and_two_of_a_name_work_at_most() {
    let place = Place::new(json!({"requireMfa": false}), "reader").await;
    let ctx = place.caller(&place.session().await).await.unwrap();
    let user = ctx.actor.id;
    let new = |networks: &[&str]| NewApiKey {
        name: "lab",
        scopes: Permissions::new(["medical.*.read"]),
        days: 30,
        networks: networks.iter().map(|n| (*n).to_owned()).collect(),
        ..NewApiKey::default()
    };
    let told = auth::create_api_key(&place.db, &ctx, user, &new(&["the lab"])).await;
    assert!(matches!(&told, Err(Error::Invalid(e)) if e[0].pointer == "/networks"), "{told:?}");
    let key = auth::create_api_key(&place.db, &ctx, user, &new(&["192.0.2.0/24"])).await.unwrap();
    assert!(place.opens(&key.text).await && place.bearer(&key.text, "203.0.113.9").await.is_err());
    assert!(place.bearer(&key.text, "").await.is_err(), "from nowhere that is known");
    assert!(matches!(auth::create_api_key(&place.db, &ctx, user, &new(&[])).await, Err(Error::Conflict { .. })));

    let next = auth::rotate_api_key(&place.db, &ctx, key.id, 30).await.unwrap();
    assert!(place.opens(&key.text).await && place.opens(&next.text).await, "both work");
    assert!(place.bearer(&next.text, "203.0.113.9").await.is_err(), "with the networks of the first");
    assert!(!place.bearer(&next.text, HOME.0).await.unwrap().may("records.fact.read"), "and its scopes");
    let third = auth::rotate_api_key(&place.db, &ctx, next.id, 30).await;
    assert!(matches!(third, Err(Error::Conflict { code: "two_active", .. })), "{third:?}");
    place.call("auth.api_key.revoke", world::at(&key.id.to_string())).await.unwrap();
    assert!(!place.opens(&key.text).await);
    auth::rotate_api_key(&place.db, &ctx, next.id, 30).await.unwrap();
    assert!(matches!(auth::rotate_api_key(&place.db, &ctx, key.id, 30).await, Err(Error::NotFound)), "it has ended");
}

#[tokio::test]
async fn what_is_taken_away_is_so_at_the_next_look() {
    let place = Place::new(json!({"requireMfa": false}), "reader").await;
    let signed = place.session().await;
    let ctx = place.caller(&signed).await.unwrap();
    let new = NewApiKey { name: "k", days: 1, ..NewApiKey::default() };
    let key = auth::create_api_key(&place.db, &ctx, ctx.actor.id, &new).await.unwrap();
    let sees = async |what: &str| {
        let cookie = place.caller(&signed).await.is_ok_and(|c| c.may(what));
        (cookie, place.bearer(&key.text, "").await.is_ok_and(|c| c.may(what)))
    };
    assert_eq!(sees("medical.patient.read").await, (true, true));
    for (take, give) in [
        (
            "UPDATE auth.user_roles SET valid_to = '2020-01-02', valid_from = '2020-01-01'",
            "UPDATE auth.user_roles SET valid_to = NULL",
        ),
        (
            "UPDATE kernel.tenants SET state = 'suspended' WHERE slug = 'north'",
            "UPDATE kernel.tenants SET state = 'active'",
        ),
        ("UPDATE auth.users SET status = 'locked'", "UPDATE auth.users SET status = 'active'"),
    ] {
        as_admin(&place.database, take).await;
        assert_eq!(sees("medical.patient.read").await, (false, false), "{take}");
        as_admin(&place.database, give).await;
        assert_eq!(sees("medical.patient.read").await, (true, true), "{give}");
    }
}

#[tokio::test]
async fn a_caller_is_believed_for_less_than_a_second() {
    let place = Place::new(json!({"requireMfa": false}), "reader").await;
    let signed = place.session().await;
    let (callers, presented) = (Callers::default(), Presented::Cookie(signed.token.clone()));
    let look = || callers.caller(&place.db, &presented, Channel::Page);
    look().await.unwrap();
    as_admin(&place.database, "UPDATE auth.sessions SET revoked_at = now()").await;
    place.pass(Duration::milliseconds(749));
    look().await.expect("still remembered");
    place.pass(Duration::milliseconds(1));
    assert!(matches!(look().await, Err(Error::Unauthenticated)));
}

#[tokio::test]
async fn the_session_that_went_unused_for_longest_ends() {
    let place = Place::new(json!({"requireMfa": false, "max_sessions": 2}), "reader").await;
    let first = place.session().await;
    place.pass(Duration::minutes(2));
    let second = place.session().await;
    place.pass(Duration::minutes(2));
    place.caller(&first).await.unwrap();
    let third = place.session().await;
    for (signed, lives) in [(&first, true), (&second, false), (&third, true)] {
        assert_eq!(place.caller(signed).await.is_ok(), lives);
    }
    let pair = place.tokens("").await.unwrap();
    assert!(place.opens(&pair.access).await, "the new one is never the one that ends");
    let told = place.database.connect("salus_admin").await;
    let sql = "SELECT count(*) FROM auth.notifications WHERE title_key = 'account.new_browser'";
    assert_eq!(told.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 2, "of all but the first browser");
}
