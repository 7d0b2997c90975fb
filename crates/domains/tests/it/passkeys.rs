//! Passkeys by a device in software: kept, signed in with, and refused when the answer is old, copied, of another site, of
//! another question, or of an account that is shut.

use crate::{
    factors::{EMAIL, HOME, Place},
    world::as_admin,
};
use salus_core::{Ctx, Error, Result};
use salus_domains::auth::{self, NewUser, Question, Signed, Source, webauthn::RelyingParty};
use salus_testkit::Authenticator;
use serde_json::json;
use uuid::Uuid;

const ORIGIN: &str = "https://salus.example";

fn site() -> RelyingParty {
    RelyingParty { id: "salus.example".into(), origin: ORIGIN.into() }
}

/// A tenant whose one user has a passkey.
struct Door {
    place: Place,
    device: Authenticator,
    user: Uuid,
}

impl Door {
    async fn new() -> Self {
        let place = Place::new(json!({"requireMfa": false}), "reader").await;
        let ctx = place.caller(&place.session().await).await.unwrap();
        let device = Authenticator::new(ORIGIN);
        let codes = keep(&place, &ctx, &device).await.unwrap();
        assert_eq!(codes.len(), 10, "recovery codes come with the first factor");
        Self { place, device, user: ctx.actor.id }
    }

    async fn question(&self) -> Question {
        auth::ask_passkey(&self.place.db, "north", &site()).await.unwrap()
    }

    async fn give(&self, question: &Question, answer: &str) -> Result<Signed> {
        auth::sign_in_with_passkey(&self.place.db, &site(), (&question.token, answer), Source::from(HOME)).await
    }

    /// One whole sign-in.
    async fn enter(&mut self) -> Result<Signed> {
        let question = self.question().await;
        let answer = self.device.get(&question.options, self.user.as_bytes());
        self.give(&question, &answer).await
    }

    /// How the latest attempt ended, and whether the passkey is suspended.
    async fn told(&self) -> (String, bool) {
        let admin = self.place.database.connect("salus_admin").await;
        let sql = "SELECT outcome || ' ' || reason, EXISTS (SELECT FROM auth.passkeys WHERE suspended_at IS NOT NULL) \
                   FROM auth.login_history ORDER BY created_at DESC, id DESC LIMIT 1";
        let row = admin.query_one(sql, &[]).await.unwrap();
        (row.get(0), row.get(1))
    }
}

async fn keep(place: &Place, ctx: &Ctx, device: &Authenticator) -> Result<Vec<String>> {
    let question = auth::ask_new_passkey(&place.db, ctx, &site(), ("Ada", EMAIL)).await?;
    let answer = device.create(&question.options);
    auth::keep_passkey(&place.db, ctx, &site(), (&question.token, &answer), "Phone").await
}

fn is_nobody(told: &Result<Signed>) -> bool {
    matches!(told, Err(Error::Unauthenticated))
}

#[tokio::test]
async fn a_passkey_opens_with_a_new_answer_each_time_and_needs_nothing_else() {
    let mut door = Door::new().await;
    let question = door.question().await;
    let answer = door.device.get(&question.options, door.user.as_bytes());
    let signed = door.give(&question, &answer).await.unwrap();
    assert!(!signed.restricted, "it is a second factor in itself");
    let ctx = door.place.caller(&signed).await.unwrap();
    assert_eq!(ctx.actor.id, door.user);
    assert_eq!(door.told().await, ("success passkey".into(), false));
    assert!(is_nobody(&door.give(&question, &answer).await), "the same answer again");
    let fresh = door.question().await;
    assert!(is_nobody(&door.give(&fresh, &answer).await), "the same answer to another question");
    assert_eq!(door.told().await, ("refused passkey".into(), false));
    door.enter().await.unwrap();
}

#[tokio::test]
async fn a_device_that_counts_back_is_a_copy_and_the_passkey_opens_nothing_more() {
    let mut door = Door::new().await;
    door.enter().await.unwrap();
    door.enter().await.unwrap();
    door.device.counter -= 1;
    assert!(is_nobody(&door.enter().await), "a count that was told before");
    assert_eq!(door.told().await, ("refused passkey_copied".into(), true));
    door.device.counter = 90;
    assert!(is_nobody(&door.enter().await), "a right answer, and too late");
    assert_eq!(door.told().await.0, "refused passkey");
}

#[tokio::test]
async fn an_answer_for_another_site_for_somebody_else_or_for_an_account_that_is_shut_opens_nothing() {
    let mut door = Door::new().await;
    for origin in ["https://salus.example.evil.example", "http://salus.example", "https://salus.example:8443"] {
        door.device.origin = origin.into();
        assert!(is_nobody(&door.enter().await), "{origin}");
        assert_eq!(door.told().await, ("refused passkey".into(), false), "{origin}");
    }
    door.device.origin = ORIGIN.into();
    let question = door.question().await;
    let answer = door.device.get(&question.options, Uuid::nil().as_bytes());
    assert!(is_nobody(&door.give(&question, &answer).await), "in the name of another user");
    let unknown = Authenticator::new(ORIGIN).get(&question.options, door.user.as_bytes());
    let question = door.question().await;
    assert!(is_nobody(&door.give(&question, &unknown).await), "a passkey that nobody has");
    for status in ["locked", "disabled"] {
        as_admin(&door.place.database, &format!("UPDATE auth.users SET status = '{status}'")).await;
        assert!(is_nobody(&door.enter().await), "{status}");
        as_admin(&door.place.database, "UPDATE auth.users SET status = 'active'").await;
    }
    door.enter().await.unwrap();
}

#[tokio::test]
async fn a_question_for_a_new_passkey_is_answered_once_and_by_whom_it_was_asked() {
    let door = Door::new().await;
    let db = &door.place.db;
    let mut tx = db.begin(door.place.operator(), false).await.unwrap();
    let new = NewUser { email: "eve@north.example".into(), display_name: "Eve".into(), roles: vec!["reader".into()] };
    let link = auth::invite(&mut tx, &new).await.unwrap().token;
    tx.commit("auth.user.invite", "auth.users").await.unwrap();
    let password = crate::factors::PASSWORD;
    let entered = auth::accept_and_sign_in(db, &link, password, HOME).await.unwrap().1;
    let auth::SignIn::Session(eve) = entered else { panic!("{entered:?}") };
    let eve = door.place.caller(&eve).await.unwrap();
    let device = Authenticator::new(ORIGIN);
    let ada = Ctx { actor: salus_core::Actor { id: door.user, ..eve.actor.clone() }, ..eve.clone() };
    let question = auth::ask_new_passkey(db, &eve, &site(), ("Eve", "eve@north.example")).await.unwrap();
    let answer = device.create(&question.options);
    let kept = auth::keep_passkey(db, &ada, &site(), (&question.token, &answer), "Stolen").await;
    assert!(kept.is_err(), "somebody else's question: {kept:?}");
    let elsewhere = Authenticator::new("https://evil.example").create(&question.options);
    let kept = auth::keep_passkey(db, &eve, &site(), (&question.token, &elsewhere), "Phone").await;
    assert!(matches!(&kept, Err(Error::Invalid(e)) if e[0].message.contains("another site")), "{kept:?}");
    auth::keep_passkey(db, &eve, &site(), (&question.token, &answer), "Phone").await.unwrap();
    let again = auth::keep_passkey(db, &eve, &site(), (&question.token, &answer), "Phone").await;
    assert!(matches!(again, Err(Error::Unauthenticated)), "{again:?}");
}
