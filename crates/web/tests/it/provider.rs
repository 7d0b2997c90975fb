//! Signing in through an identity provider by browser: there, back with the cookie of the question, and linked on the own page.

use hyper::StatusCode;
use salus_core::Ctx;
use salus_domains::auth::{self, NewUser};
use salus_testkit::{Answer, Caller, PASSWORD, Provider, TestApp};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const EMAIL: &str = "nova@valley.example";

fn cookie_of(answer: &Answer, name: &str) -> Option<String> {
    let all = answer.headers.get_all("set-cookie").iter().filter_map(|v| v.to_str().ok());
    let found = all.filter_map(|v| v.split(';').next()).find(|v| v.starts_with(&format!("{name}=")));
    found.filter(|v| v.len() > name.len() + 1).map(str::to_owned)
}

/// A clinic that believes a provider, and somebody invited.
struct Clinic {
    app: TestApp,
    provider: Provider,
    id: String,
    link: String,
}

/// A browser that was sent to the provider.
struct Away {
    /// The cookie that it holds.
    cookie: String,
    /// What it was sent with.
    query: BTreeMap<String, String>,
}

impl Clinic {
    async fn new(links_by_email: bool) -> Self {
        let (app, provider) = (TestApp::new().await, Provider::new().await);
        let owner = app.key(app.valley, "OWNER").await;
        let body = json!({"name": "The directory", "issuer": provider.issuer, "client_id": "salus", "links_by_email": links_by_email});
        let made = owner.post("/api/v1/auth/identity-providers", &body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        let id = made.json()["id"].as_str().unwrap().to_owned();
        let secret = json!({"client_secret": "s3cret"});
        let told = owner.post(&format!("/api/v1/auth/identity-providers/{id}/secret"), &secret).await;
        assert_eq!(told.status, StatusCode::OK, "{}", told.text());
        let mut tx = app.db.begin(Ctx::operator(app.db.env(), app.valley), false).await.unwrap();
        let new = NewUser { email: EMAIL.into(), display_name: "Nova".into(), roles: vec!["PATIENT".into()] };
        let link = auth::invite(&mut tx, &new).await.unwrap().token;
        tx.commit("auth.user.invite", "auth.users").await.unwrap();
        Self { app, provider, id, link }
    }

    /// Follows a link of ours to the provider, which will say these claims of whoever comes.
    async fn leave(&self, caller: &Caller, path: &str, other: Value) -> Away {
        let answer = caller.get(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}: {}", answer.text());
        let address = answer.header("location").to_owned();
        assert!(address.starts_with(&format!("{}/authorize?", self.provider.issuer)), "{address}");
        let query: BTreeMap<String, String> =
            form_urlencoded::parse(address.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
        assert_eq!(query["redirect_uri"], format!("http://{}/sign-in/provider/back", self.app.address()));
        let cookie = answer
            .headers
            .get_all("set-cookie")
            .iter()
            .find_map(|v| v.to_str().ok().filter(|v| v.starts_with("salus_provider=")));
        assert!(cookie.is_some_and(|c| c.contains("HttpOnly") && c.contains("SameSite=Lax")), "{cookie:?}");
        let now = self.app.db.env().now().unix_timestamp();
        let mut claims = json!({
            "iss": self.provider.issuer, "aud": "salus", "sub": "subject-7", "exp": now + 300, "iat": now,
            "nonce": query["nonce"], "email": EMAIL, "email_verified": true,
        });
        for (member, value) in other.as_object().into_iter().flatten() {
            claims[member] = value.clone();
        }
        self.provider.says(&claims);
        Away { cookie: cookie_of(&answer, "salus_provider").unwrap(), query }
    }

    async fn sign_in(&self) -> Away {
        self.leave(&self.app.stranger(), &format!("/sign-in/provider/valley/{}", self.id), Value::Null).await
    }

    /// Comes back with a state and these cookies.
    async fn back(&self, cookies: &str, state: &str) -> Answer {
        let path = format!("/sign-in/provider/back?code=c0de&state={state}");
        self.app.stranger().with_cookie(cookies).get(&path).await
    }

    /// A session that a whole way there and back begins.
    async fn session(&self) -> Option<String> {
        let away = self.sign_in().await;
        cookie_of(&self.back(&away.cookie, &away.query["state"]).await, "salus_session")
    }

    async fn opens(&self, session: &str) -> bool {
        self.app.stranger().with_cookie(session).get("/account").await.status == StatusCode::OK
    }
}

#[tokio::test]
async fn a_browser_goes_to_the_provider_and_comes_back_signed_in() {
    let clinic = Clinic::new(true).await;
    auth::accept_invitation(&clinic.app.db, &clinic.link, PASSWORD).await.unwrap();
    let page = clinic.app.stranger().with_cookie("organization=valley").get("/sign-in").await.text();
    assert!(
        page.contains(&format!("/sign-in/provider/valley/{}", clinic.id)) && page.contains("The directory"),
        "{page}"
    );
    let away = clinic.sign_in().await;
    let answer = clinic.back(&away.cookie, &away.query["state"]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/"), "{}", answer.text());
    assert!(cookie_of(&answer, "salus_provider").is_none(), "the question's cookie is gone");
    assert!(clinic.opens(&cookie_of(&answer, "salus_session").unwrap()).await);
    let again = clinic.back(&away.cookie, &away.query["state"]).await;
    assert_eq!(cookie_of(&again, "salus_session"), None, "a question is answered once: {}", again.text());

    let (one, other) = (clinic.sign_in().await, clinic.sign_in().await);
    for (cookies, state, why) in [
        (one.cookie.as_str(), other.query["state"].as_str(), "another browser's cookie"),
        (one.cookie.as_str(), "made-up", "a state that was not given"),
        (one.cookie.as_str(), "", "no state"),
        ("", one.query["state"].as_str(), "no cookie"),
    ] {
        let answer = clinic.back(cookies, state).await;
        assert_eq!((answer.status, cookie_of(&answer, "salus_session")), (StatusCode::UNAUTHORIZED, None), "{why}");
    }
    for wrong in [format!("/sign-in/provider/valley/{}", uuid::Uuid::nil()), "/sign-in/provider/valley/x".into()] {
        let answer = clinic.app.stranger().get(&wrong).await;
        assert!(answer.header("location").is_empty() && answer.status.is_client_error(), "{wrong}: {}", answer.status);
    }
}

#[tokio::test]
async fn an_account_is_linked_and_unlinked_on_the_own_page_and_a_second_factor_is_asked_for_after_it() {
    let clinic = Clinic::new(false).await;
    auth::accept_invitation(&clinic.app.db, &clinic.link, PASSWORD).await.unwrap();
    assert_eq!(clinic.session().await, None, "an address alone links nothing here");
    let signed = auth::sign_in(&clinic.app.db, "valley", EMAIL, PASSWORD, ("127.0.0.1", "test")).await.unwrap();
    let auth::SignIn::Session(signed) = signed else { panic!("{signed:?}") };
    let own = format!("salus_session={}", signed.token);
    let nova = clinic.app.stranger().with_cookie(&own);
    let link = format!("/account/security/accounts/{}", clinic.id);
    assert!(nova.get("/account/security").await.text().contains(&format!("href=\"{link}\"")));
    let away = clinic.leave(&nova, &link, Value::Null).await;
    let answer = clinic.back(&format!("{own}; {}", away.cookie), &away.query["state"]).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/account/security"));
    let page = nova.get("/account/security").await.text();
    assert!(page.contains(&format!("action=\"{link}/remove\"")), "{page}");
    assert!(clinic.opens(&clinic.session().await.unwrap()).await);

    // It stands for the password only.
    salus_testkit::second_factor(&clinic.app.db, &signed.token).await;
    let away = clinic.sign_in().await;
    let answer = clinic.back(&away.cookie, &away.query["state"]).await;
    assert_eq!((answer.status, cookie_of(&answer, "salus_session")), (StatusCode::OK, None));
    assert!(answer.text().contains("action=\"/sign-in/code\""), "{}", answer.text());

    let csrf = page.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let answer = nova.submit(&format!("{link}/remove"), &[("_csrf", csrf)]).await;
    assert!(answer.status.is_success() || answer.status.is_redirection(), "{}", answer.text());
    let away = clinic.sign_in().await;
    let answer = clinic.back(&away.cookie, &away.query["state"]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "nobody is linked to that account any more");
}

#[tokio::test]
async fn an_invitation_is_taken_up_by_browser_through_the_provider() {
    let clinic = Clinic::new(false).await;
    let setup = format!("/setup/{}", clinic.link);
    let stranger = clinic.app.stranger();
    let accept = format!("{setup}/provider/{}", clinic.id);
    assert!(stranger.get(&setup).await.text().contains(&accept), "the provider is offered beside a password");
    let away = clinic.leave(&stranger, &accept, json!({"email": "other@valley.example"})).await;
    let answer = clinic.back(&away.cookie, &away.query["state"]).await;
    assert_eq!(cookie_of(&answer, "salus_session"), None, "the account there is another person's");
    let away = clinic.leave(&stranger, &accept, Value::Null).await;
    let answer = clinic.back(&away.cookie, &away.query["state"]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    assert!(clinic.opens(&cookie_of(&answer, "salus_session").unwrap()).await);
    let spent = stranger.get(&accept).await;
    assert!(cookie_of(&spent, "salus_provider").is_none(), "the link is spent");
}
