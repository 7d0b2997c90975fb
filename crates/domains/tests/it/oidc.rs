//! Sign-in through a provider that runs inside the test: what it must say, and what it must not be able to say.

use crate::factors::{EMAIL, HOME, Place};
use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use salus_core::{Error, Result};
use salus_domains::auth::{self, Arrival, Departure, Return, SignIn, Source};
use salus_store::{
    Call,
    outbound::{Network, Outbound, Rules},
};
use salus_testkit::Provider;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

const REDIRECT: &str = "http://localhost:8080/sign-in/provider/back";

async fn trust(place: &Place, provider: &Provider, links_by_email: bool) -> Uuid {
    let body = json!({
        "name": "North's directory", "issuer": provider.issuer, "client_id": "salus", "links_by_email": links_by_email,
    });
    let made = place.call("auth.identity_provider.create", Call { body, ..Call::default() }).await.unwrap();
    let id = made["id"].as_str().unwrap().to_owned();
    let secret = Call { body: json!({"client_secret": "s3cret"}), ..crate::world::at(&id) };
    place.call("auth.identity_provider.set_secret", secret).await.unwrap();
    id.parse().unwrap()
}

fn outbound() -> Outbound {
    let networks = vec![Network::parse("127.0.0.0/8").unwrap()];
    Outbound::new(Rules { networks, ..Rules::default() }).unwrap()
}

/// The query of the address a browser is sent to.
fn asked(departure: &Departure) -> BTreeMap<String, String> {
    let query = departure.address.split_once('?').unwrap().1;
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn claims(place: &Place, provider: &Provider, asked: &BTreeMap<String, String>) -> Value {
    let now = place.db.env().now().unix_timestamp();
    json!({
        "iss": provider.issuer, "aud": "salus", "sub": "subject-7", "exp": now + 300, "iat": now,
        "nonce": asked["nonce"], "email": EMAIL, "email_verified": true,
    })
}

async fn back(place: &Place, departure: &Departure) -> Result<Arrival> {
    let state = &departure.state;
    let back = Return { kept: state, state, code: "c0de", issuer: "", redirect: REDIRECT };
    auth::arrive(&place.db, &outbound(), back, Source::from(HOME)).await
}

#[tokio::test]
async fn a_verified_address_links_once_and_the_subject_opens_from_then_on() {
    let place = Place::new(json!({"requireMfa": false}), "reader").await;
    let provider = Provider::new().await;
    let id = trust(&place, &provider, true).await;
    assert_eq!(auth::providers(&place.db, "north").await.unwrap()[0].id, id);
    assert!(auth::providers(&place.db, "nosuch").await.unwrap().is_empty());
    let departure = auth::depart(&place.db, &outbound(), "north", id, REDIRECT).await.unwrap();
    let question = asked(&departure);
    assert!(departure.address.starts_with(&format!("{}/authorize?", provider.issuer)));
    assert_eq!((&*question["response_type"], &*question["code_challenge_method"]), ("code", "S256"));
    assert_eq!(question["state"], departure.state);
    provider.says(&claims(&place, &provider, &question));
    let arrived = back(&place, &departure).await.unwrap();
    assert!(matches!(arrived, Arrival::SignIn(slug, SignIn::Session(_)) if slug == "north"));
    assert!(matches!(back(&place, &departure).await, Err(Error::Unauthenticated)), "a question is answered once");

    let exchange = provider.exchanges()[0].clone();
    let (head, body) = exchange.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("authorization: Basic c2FsdXM6czNjcmV0"), "{head}");
    let form: BTreeMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let digested = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, form["code_verifier"].as_bytes()));
    assert_eq!((&digested, &*form["redirect_uri"]), (&question["code_challenge"], REDIRECT));

    // Known by its subject now, whatever address the provider tells.
    let departure = auth::depart(&place.db, &outbound(), "north", id, REDIRECT).await.unwrap();
    let mut later = claims(&place, &provider, &asked(&departure));
    later["email"] = json!("new@north.example");
    provider.says(&later);
    assert!(matches!(back(&place, &departure).await.unwrap(), Arrival::SignIn(..)));
}

#[tokio::test]
async fn what_a_provider_may_not_say_opens_nothing() {
    let place = Place::new(json!({"requireMfa": false}), "reader").await;
    let provider = Provider::new().await;
    let id = trust(&place, &provider, true).await;
    let now = place.db.env().now().unix_timestamp();
    for (member, value) in [
        ("nonce", json!("another")),
        ("nonce", json!(null)),
        ("iss", json!("https://evil.example")),
        ("aud", json!("another-client")),
        ("exp", json!(now - 3600)),
        ("exp", json!("4102444800")),
        ("sub", json!("")),
        ("email_verified", json!(false)),
        ("email_verified", json!("true")),
        ("email", json!("nobody@north.example")),
    ] {
        let departure = auth::depart(&place.db, &outbound(), "north", id, REDIRECT).await.unwrap();
        let mut bent = claims(&place, &provider, &asked(&departure));
        bent[member] = value.clone();
        provider.says(&bent);
        let told = back(&place, &departure).await;
        assert!(matches!(told, Err(Error::Unauthenticated)), "{member} {value}: {told:?}");
    }
    let departure = auth::depart(&place.db, &outbound(), "north", id, REDIRECT).await.unwrap();
    let other = auth::depart(&place.db, &outbound(), "north", id, REDIRECT).await.unwrap();
    let mixed = Return { kept: &other.state, state: &departure.state, code: "c", issuer: "", redirect: REDIRECT };
    assert!(
        matches!(auth::arrive(&place.db, &outbound(), mixed, Source::from(HOME)).await, Err(Error::Unauthenticated)),
        "another browser"
    );
    let state = &departure.state;
    let mixed = Return { kept: state, state, code: "c", issuer: "https://evil.example", redirect: REDIRECT };
    assert!(
        matches!(auth::arrive(&place.db, &outbound(), mixed, Source::from(HOME)).await, Err(Error::Unauthenticated)),
        "a mix-up"
    );
}

#[tokio::test]
async fn an_account_is_linked_by_its_owner_and_stands_for_the_password_only() {
    let place = Place::new(json!({}), "reader").await;
    let provider = Provider::new().await;
    let id = trust(&place, &provider, false).await;
    let departure = auth::depart(&place.db, &outbound(), "north", id, REDIRECT).await.unwrap();
    provider.says(&claims(&place, &provider, &asked(&departure)));
    assert!(
        matches!(back(&place, &departure).await, Err(Error::Unauthenticated)),
        "an address alone links nothing here"
    );

    let ctx = place.caller(&place.session().await).await.unwrap();
    let departure = auth::depart_to_link(&place.db, &outbound(), &ctx, id, REDIRECT).await.unwrap();
    provider.says(&claims(&place, &provider, &asked(&departure)));
    assert!(matches!(back(&place, &departure).await.unwrap(), Arrival::Linked));
    assert!(auth::own_providers(&place.db, &ctx).await.unwrap()[0].linked);
    place.enrol(&ctx).await;
    let departure = auth::depart(&place.db, &outbound(), "north", id, REDIRECT).await.unwrap();
    provider.says(&claims(&place, &provider, &asked(&departure)));
    let arrived = back(&place, &departure).await.unwrap();
    assert!(matches!(arrived, Arrival::SignIn(_, SignIn::SecondFactor { .. })), "{arrived:?}");
    auth::unlink(&place.db, &ctx, id).await.unwrap();
    let departure = auth::depart(&place.db, &outbound(), "north", id, REDIRECT).await.unwrap();
    provider.says(&claims(&place, &provider, &asked(&departure)));
    assert!(matches!(back(&place, &departure).await, Err(Error::Unauthenticated)));
}

#[tokio::test]
async fn a_provider_inside_the_network_is_not_called() {
    let place = Place::new(json!({}), "admin").await;
    for issuer in ["https://169.254.169.254", "https://10.1.2.3/realm", "https://intranet"] {
        let body = json!({"name": issuer, "issuer": issuer, "client_id": "c"});
        let made = place.call("auth.identity_provider.create", Call { body, ..Call::default() }).await.unwrap();
        let id = made["id"].as_str().unwrap().parse().unwrap();
        let told = auth::depart(&place.db, &outbound(), "north", id, REDIRECT).await;
        assert!(matches!(&told, Err(Error::Unavailable(why)) if why.contains("may not be called")), "{told:?}");
    }
}

#[tokio::test]
async fn an_invitation_is_taken_up_by_the_account_of_the_invited_address_once() {
    let place = Place::new(json!({"requireMfa": false}), "reader").await;
    let provider = Provider::new().await;
    let id = trust(&place, &provider, false).await;
    let invite = async |email: &str| {
        let body = json!({"email": email, "display_name": "Ivo Invented", "roles": ["reader"]});
        let made = place.call("auth.user.invite", Call { body, ..Call::default() }).await.unwrap();
        (made["id"].clone(), made["setup_path"].as_str().unwrap().strip_prefix("/setup/").unwrap().to_owned())
    };
    let come = async |departure: Result<Departure>, email: &str, verified: bool, subject: &str| {
        let departure = departure?;
        let mut said = claims(&place, &provider, &asked(&departure));
        (said["email"], said["email_verified"], said["sub"]) = (json!(email), json!(verified), json!(subject));
        provider.says(&said);
        back(&place, &departure).await
    };
    let outcome = |told: Result<Arrival>| told.err().map_or("in", |e| e.code());
    let (user, link) = invite("ivo@north.example").await;
    let leave = async |link: &str| auth::depart_invited(&place.db, &outbound(), link, id, REDIRECT).await;
    let sign_in = async || auth::depart(&place.db, &outbound(), "north", id, REDIRECT).await;
    assert_eq!(outcome(come(leave(&link).await, "ivo@north.example", false, "s1").await), "address_not_vouched");
    assert_eq!(outcome(come(leave(&link).await, "eva@north.example", true, "s1").await), "other_address");
    assert_eq!(outcome(come(sign_in().await, "ivo@north.example", true, "s1").await), "unauthenticated");
    let early = leave(&link).await;
    let arrived = come(leave(&link).await, "Ivo@North.example", true, "s1").await.unwrap();
    let Arrival::SignIn(slug, SignIn::Session(signed)) = arrived else { panic!("{arrived:?}") };
    assert_eq!((slug.as_str(), json!(place.caller(&signed).await.unwrap().actor.id)), ("north", user));
    assert_eq!(outcome(come(leave(&link).await, "ivo@north.example", true, "s2").await), "not_found");
    assert_eq!(outcome(come(early, "ivo@north.example", true, "s2").await), "invitation_over");
    // Bound to that account there, and to no other of the same address.
    assert_eq!(outcome(come(sign_in().await, "moved@north.example", true, "s1").await), "in");
    assert_eq!(outcome(come(sign_in().await, "ivo@north.example", true, "s2").await), "unauthenticated");
    assert!(auth::sign_in(&place.db, "north", "ivo@north.example", "", HOME).await.is_err(), "there is no password");
    let (_, link) = invite("eva@north.example").await;
    assert_eq!(outcome(come(leave(&link).await, "eva@north.example", true, "s1").await), "duplicate");
    assert_eq!(
        outcome(come(leave(&link).await, "eva@north.example", true, "s3").await),
        "in",
        "nothing was spent by that"
    );
    let (_, late) = invite("late@north.example").await;
    let departure = leave(&late).await;
    crate::world::as_admin(
        &place.database,
        "UPDATE auth.users SET setup_expires_at = '2020-01-01' WHERE status = 'invited'",
    )
    .await;
    assert_eq!(outcome(come(departure, "late@north.example", true, "s4").await), "invitation_over");
    let ada = place.session().await;
    let (_, replaced) = invite("rey@north.example").await;
    place.caller(&ada).await.unwrap();
    assert!(
        auth::depart_invited(&place.db, &outbound(), &replaced, Uuid::nil(), REDIRECT).await.is_err(),
        "no such provider"
    );
}

#[tokio::test]
async fn who_is_invited_may_begin_at_the_sign_in_page_of_a_provider_that_is_believed() {
    let place = Place::new(json!({"requireMfa": false}), "reader").await;
    let provider = Provider::new().await;
    let id = trust(&place, &provider, true).await;
    let come = async |email: &str, verified: bool| {
        let departure = auth::depart(&place.db, &outbound(), "north", id, REDIRECT).await.unwrap();
        let mut said = claims(&place, &provider, &asked(&departure));
        (said["email"], said["email_verified"], said["sub"]) = (json!(email), json!(verified), json!(email));
        provider.says(&said);
        back(&place, &departure).await
    };
    for email in ["new@north.example", "old@north.example"] {
        let body = json!({"email": email, "display_name": "New", "roles": ["reader"]});
        place.call("auth.user.invite", Call { body, ..Call::default() }).await.unwrap();
    }
    assert!(come("new@north.example", false).await.is_err());
    let arrived = come("new@north.example", true).await.unwrap();
    assert!(matches!(arrived, Arrival::SignIn(_, SignIn::Session(_))), "{arrived:?}");
    assert!(come("new@north.example", true).await.is_ok(), "known by the subject");
    crate::world::as_admin(
        &place.database,
        "UPDATE auth.users SET setup_expires_at = '2020-01-01' WHERE status = 'invited'",
    )
    .await;
    assert!(matches!(come("old@north.example", true).await, Err(Error::Unauthenticated)), "an invitation ends");
}
