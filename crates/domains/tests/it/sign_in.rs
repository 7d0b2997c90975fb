//! The tenant's rules at the door: networks, failures, passwords that must be replaced.

use crate::world::{self, as_admin};
use salus_core::{Clock, Ctx, Env, Error, Result};
use salus_domains::auth::{self, NewTenant, NewUser, SignIn};
use salus_store::Db;
use salus_testkit::TestDb;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use uuid::Uuid;

const EMAIL: &str = "ada@north.example";
const PASSWORD: &str = "Correct-Horse-7-Battery";
const HOME: &str = "192.0.2.10";

struct Place {
    database: TestDb,
    db: Db,
    tenant: Uuid,
}

impl Place {
    /// A tenant with these rules and one user, whose password is [`PASSWORD`].
    async fn new(rules: Value) -> Self {
        Self::at(Env::default(), rules).await
    }

    /// The same with a clock of the test's.
    async fn at(env: Env, rules: Value) -> Self {
        let database = TestDb::new().await;
        let db = world::open(database.config("salus_app"), env).await;
        let new = NewTenant { slug: "north".into(), name: "North Clinic".into(), kind: "clinic".into() };
        let tenant = auth::create_tenant(&db, &new).await.unwrap();
        let place = Self { database, db, tenant };
        place.rules(&rules).await;
        let link = place.invite(EMAIL).await;
        auth::accept_invitation(&place.db, &link, PASSWORD).await.unwrap();
        place
    }

    /// Puts rules in the place of those a new tenant has.
    async fn rules(&self, rules: &Value) {
        as_admin(&self.database, &format!("UPDATE kernel.settings SET value = '{rules}'")).await;
    }

    async fn begin(&self) -> salus_store::Tx {
        self.db.begin(Ctx::operator(self.db.env(), self.tenant), false).await.unwrap()
    }

    async fn invite(&self, email: &str) -> String {
        let mut tx = self.begin().await;
        let user = NewUser { email: email.into(), display_name: "Ada Okafor".into(), roles: vec!["reader".into()] };
        let made = auth::invite(&mut tx, &user).await.unwrap();
        tx.commit("auth.user.invite", "auth.users").await.unwrap();
        made.token
    }

    async fn try_from(&self, ip: &str, email: &str, password: &str) -> Result<SignIn> {
        auth::sign_in(&self.db, "north", email, password, (ip, "test")).await
    }

    async fn enters(&self, ip: &str) -> bool {
        matches!(self.try_from(ip, EMAIL, PASSWORD).await, Ok(SignIn::Session(_)))
    }

    async fn fails(&self, ip: &str, email: &str, times: usize) {
        for _ in 0..times {
            let told = self.try_from(ip, email, "wrong").await;
            assert!(matches!(told, Err(Error::Unauthenticated)), "{told:?}");
        }
    }
}

#[tokio::test]
async fn a_stranger_elsewhere_locks_nobody_out() {
    let place = Place::new(json!({})).await;
    place.fails("203.0.113.5", EMAIL, 5).await;
    let told = place.try_from("203.0.113.77", EMAIL, PASSWORD).await;
    assert!(matches!(told, Err(Error::TooMany(wait)) if wait > 1700), "the whole network waits: {told:?}");
    assert!(place.enters(HOME).await, "and another does not");
    place.fails(HOME, EMAIL, 4).await;
    assert!(place.enters(HOME).await, "a success begins the count anew");
    place.fails(HOME, EMAIL, 4).await;
    assert!(place.enters(HOME).await);
    place.fails(HOME, EMAIL, 5).await;
    assert!(!place.enters(HOME).await);
    as_admin(&place.database, "ALTER TABLE auth.login_history DISABLE TRIGGER USER").await;
    as_admin(&place.database, "UPDATE auth.login_history SET created_at = created_at - interval '31 minutes'").await;
    assert!(place.enters(HOME).await, "a lock ends after thirty minutes");
}

#[tokio::test]
async fn a_lock_holds_to_the_second_and_counts_failures_within_its_own_length() {
    let env = Env { clock: Clock::fixed(Env::default().now()), ..Env::default() };
    let place = Place::at(env.clone(), json!({})).await;
    place.fails(HOME, EMAIL, 5).await;
    as_admin(&place.database, "ALTER TABLE auth.login_history DISABLE TRIGGER USER").await;
    let admin = place.database.connect("salus_admin").await;
    let newest = "SELECT max(created_at) FROM auth.login_history WHERE outcome = 'refused'";
    let newest: OffsetDateTime = admin.query_one(newest, &[]).await.unwrap().get(0);
    let refused = async |after: time::Duration| {
        env.clock.set(newest + after);
        place.try_from(HOME, EMAIL, PASSWORD).await.err()
    };
    let (half_hour, second) = (time::Duration::minutes(30), time::Duration::seconds(1));
    assert!(matches!(refused(second).await, Some(Error::TooMany(1799))));
    let told = refused(half_hour - second).await;
    assert!(matches!(told, Some(Error::TooMany(1))), "a second before the end: {told:?}");
    // Five failures count together when they lie within half an hour: the first is moved to its edge, and over it.
    for (apart, counts) in [("30 minutes", true), ("30 minutes 1 second", false)] {
        let spread = format!(
            "UPDATE auth.login_history SET created_at = (SELECT max(created_at) FROM auth.login_history WHERE outcome = 'refused') - interval '{apart}' \
             WHERE id = (SELECT id FROM auth.login_history WHERE outcome = 'refused' ORDER BY created_at LIMIT 1)"
        );
        as_admin(&place.database, &spread).await;
        if counts {
            assert!(matches!(refused(second).await, Some(Error::TooMany(_))), "{apart}");
            assert!(refused(half_hour).await.is_none(), "open when the half hour is over");
            as_admin(&place.database, "DELETE FROM auth.login_history WHERE outcome = 'success'").await;
            continue;
        }
        assert!(refused(second).await.is_none(), "{apart}");
    }
}

#[tokio::test]
async fn a_hundred_failures_in_a_row_lock_an_account_everywhere() {
    let place = Place::new(json!({})).await;
    as_admin(&place.database, "UPDATE auth.users SET failed_attempts = 98").await;
    place.fails("203.0.113.5", EMAIL, 1).await;
    assert!(place.enters(HOME).await);
    as_admin(&place.database, "UPDATE auth.users SET failed_attempts = 99").await;
    place.fails("203.0.113.5", EMAIL, 1).await;
    assert!(matches!(place.try_from(HOME, EMAIL, PASSWORD).await, Err(Error::TooMany(_))));
}

#[tokio::test]
async fn one_network_does_not_try_all_accounts() {
    let place = Place::new(json!({"maxFailuresPerNetwork": 6})).await;
    for account in 0..6 {
        place.fails("203.0.113.5", &format!("nobody{account}@north.example"), 1).await;
    }
    let told = place.try_from("203.0.113.9", EMAIL, PASSWORD).await;
    assert!(matches!(told, Err(Error::TooMany(_))), "{told:?}");
    assert!(place.enters(HOME).await);
    for account in 0..7 {
        place.fails("127.0.0.1", &format!("nobody{account}@north.example"), 1).await;
    }
    assert!(place.enters("127.0.0.1").await, "a proxy on this machine speaks for everybody");
}

#[tokio::test]
async fn only_the_networks_of_a_tenant_are_let_in() {
    let place = Place::new(json!({"allowedIpRanges": ["192.0.2.0/24", "2001:db8::/32"]})).await;
    assert!(place.enters(HOME).await && place.enters("2001:db8::7").await);
    let told = place.try_from("203.0.113.5", EMAIL, PASSWORD).await;
    assert!(matches!(told, Err(Error::Refused { code: "network_not_allowed", .. })), "{told:?}");
    place.fails("203.0.113.5", EMAIL, 1).await;
    place.fails("203.0.113.5", "nobody@north.example", 1).await;
    let link = place.invite("eve@north.example").await;
    let take_up = |ip| auth::accept_and_sign_in(&place.db, &link, PASSWORD, (ip, "test"));
    assert!(matches!(take_up("203.0.113.5").await, Err(Error::Refused { code: "network_not_allowed", .. })));
    take_up(HOME).await.expect("the link was not spent");
}

#[tokio::test]
async fn an_expired_password_is_replaced_by_another_before_anything_else() {
    let place = Place::new(json!({"passwordExpiryDays": 90})).await;
    assert!(place.enters(HOME).await);
    as_admin(&place.database, "UPDATE auth.users SET password_changed_at = now() - interval '91 days'").await;
    let Ok(SignIn::NewPassword { token }) = place.try_from(HOME, EMAIL, PASSWORD).await else { panic!("not expired") };
    place.fails(HOME, EMAIL, 1).await;
    let same = auth::accept_invitation(&place.db, &token, PASSWORD).await;
    assert!(matches!(&same, Err(Error::Invalid(e)) if e[0].code == "not_new"), "{same:?}");
    auth::accept_invitation(&place.db, &token, "Another-Horse-8-Stable").await.unwrap();
    assert!(!place.enters(HOME).await, "the old one is gone");
    assert!(matches!(place.try_from(HOME, EMAIL, "Another-Horse-8-Stable").await, Ok(SignIn::Session(_))));
    assert!(matches!(auth::accept_invitation(&place.db, &token, PASSWORD).await, Err(Error::NotFound)), "spent");
}

#[tokio::test]
async fn a_password_that_is_guessed_first_is_not_taken_and_not_kept() {
    let place =
        Place::new(json!({"breached_password_check": false, "passwordMinLength": 8, "min_password_score": 0})).await;
    let link = place.invite("eve@north.example").await;
    auth::accept_invitation(&place.db, &link, "Password1234567").await.unwrap();
    let enter = || place.try_from(HOME, "eve@north.example", "Password1234567");
    assert!(matches!(enter().await, Ok(SignIn::Session(_))));
    as_admin(&place.database, r#"UPDATE kernel.settings SET value = '{"breached_password_check": true}'"#).await;
    let Ok(SignIn::NewPassword { token }) = enter().await else { panic!("kept") };
    for common in ["Welcome2026Summer!!", "AdaOkafor-North-2026", "eve@north.example"] {
        let told = auth::accept_invitation(&place.db, &token, common).await;
        assert!(matches!(&told, Err(Error::Invalid(e)) if e[0].code == "too_weak"), "{common}: {told:?}");
    }
    auth::accept_invitation(&place.db, &token, PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_leaked_password_is_not_taken_and_not_kept() {
    let place = Place::new(json!({"passwordMinLength": 8})).await;
    let link = place.invite("eve@north.example").await;
    let leaked = "vT9#kkQz2!mmLp4w";
    auth::accept_invitation(&place.db, &link, leaked).await.unwrap();
    let enter = || place.try_from(HOME, "eve@north.example", leaked);
    assert!(matches!(enter().await, Ok(SignIn::Session(_))), "there is no list yet");

    let folder = std::env::temp_dir().join(format!("salus-leaked-{}", place.database.name()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("leaked.txt");
    let take = |text: &str, least| {
        std::fs::write(&file, text).unwrap();
        auth::import_list(&place.db, &file, least)
    };
    for (text, least, code) in [("\n", 1, "empty"), ("rare\n", 2, "empty"), (&format!("{:040}:x", 0), 1, "malformed")] {
        let told = take(text, least).await;
        assert!(matches!(&told, Err(Error::Invalid(e)) if e[0].code == code), "{text}: {told:?}");
    }
    assert!(auth::leaked_list(&place.db).await.unwrap().is_none(), "nothing was taken");
    // More than one row of the filter.
    let many = (0..5_000).fold(String::new(), |text, n| text + &format!("some password {n}\n"));
    let list = take(&format!("{many}{leaked}\n"), 1).await.unwrap();
    assert_eq!((list.entries, list.source.as_str()), (5_001, "leaked.txt"));

    let Ok(SignIn::NewPassword { token }) = enter().await else { panic!("kept") };
    let told = auth::accept_invitation(&place.db, &token, "some password 4711").await;
    assert!(matches!(&told, Err(Error::Invalid(e)) if e[0].code == "leaked"), "{told:?}");
    auth::accept_invitation(&place.db, &token, PASSWORD).await.unwrap();

    // A list takes the place of the one before, and can be given up.
    assert_eq!(take("another\n", 1).await.unwrap().entries, 1);
    let admin = place.database.connect("salus_admin").await;
    let pages = admin.query("SELECT FROM auth.leaked_password_pages", &[]).await.unwrap().len();
    assert_eq!(pages, 1, "of the list before nothing is left");
    auth::remove_list(&place.db).await.unwrap();
    assert!(matches!(auth::remove_list(&place.db).await, Err(Error::NotFound)));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn an_organization_that_there_is_not_is_asked_like_one() {
    let place = Place::new(json!({})).await;
    for (organization, email) in [("nowhere", EMAIL), ("north", "nobody@north.example")] {
        let ask = async |from: &str| auth::sign_in(&place.db, organization, email, PASSWORD, (from, "test")).await;
        for _ in 0..5 {
            assert!(matches!(ask("203.0.113.5").await, Err(Error::Unauthenticated)), "{organization}");
        }
        assert!(matches!(ask("203.0.113.5").await, Err(Error::TooMany(_))), "{organization}");
        assert!(matches!(ask(HOME).await, Err(Error::Unauthenticated)), "{organization}");
    }
}

/// How often a time of `a` is longer than one of `b`, of all pairs: a half when they are alike, 0 or 1 when they tell
/// themselves apart (the statistic of Mann and Whitney). Ranks do not care how fast or busy the machine is.
fn longer(a: &[Duration], b: &[Duration]) -> f64 {
    let wins: usize = a.iter().map(|a| b.iter().filter(|b| a > *b).count()).sum();
    let pairs = u32::try_from(a.len() * b.len()).unwrap();
    f64::from(u32::try_from(wins).unwrap()) / f64::from(pairs)
}

#[tokio::test]
async fn an_unknown_user_takes_as_long_as_a_wrong_password() {
    let place = Place::new(json!({"requireMfa": false})).await;
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..40 {
        // In turns, so that whatever else the machine does falls on both; each from a network of its own.
        let mut turn = [(0, EMAIL), (1, "nobody@north.example")];
        turn.rotate_left(round % 2);
        for (group, email) in turn {
            let from = format!("10.{round}.{group}.1");
            let begun = Instant::now();
            place.fails(&from, email, 1).await;
            times[group].push(begun.elapsed());
        }
    }
    let [known, unknown] = &times;
    let share = longer(known, unknown);
    assert!((0.1..=0.9).contains(&share), "{share}: {known:?} {unknown:?}");
    // What the test would see if nobody's password were not worked on.
    let quick: Vec<Duration> = unknown.iter().map(|t| *t / 4).collect();
    assert!(longer(known, &quick) > 0.9, "the work of a password is what takes the time");
}
