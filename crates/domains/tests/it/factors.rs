//! Second factors, former passwords, known browsers and imported users, as somebody at the door meets them.

use crate::world::{self, as_admin};
use salus_core::{Channel, Clock, Ctx, Env, Error, Permissions, Result};
use salus_domains::auth::{
    self, Callers, CodeSimulator, Medium, NewTenant, NewUser, Presented, SignIn, Signed, Source,
};
use salus_store::{Body, Call, Db, Method, dispatch, engine::NewRow};
use salus_testkit::{TestDb, code_at};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

pub const EMAIL: &str = "ada@north.example";
pub const PASSWORD: &str = "Correct-Horse-7-Battery";
pub const HOME: (&str, &str) = ("192.0.2.10", "test");

/// A tenant with one user.
pub struct Place {
    pub database: TestDb,
    pub db: Db,
    pub tenant: Uuid,
}

impl Place {
    /// A tenant with these rules and one user of this role, on a clock that stands still.
    pub async fn new(rules: Value, role: &str) -> Self {
        let database = TestDb::new().await;
        let env = Env { clock: Clock::fixed(Env::default().now() + Duration::minutes(1)), ..Env::default() };
        let db = world::open(database.config("salus_app"), env).await;
        let new = NewTenant { slug: "north".into(), name: "North Clinic".into(), kind: "clinic".into() };
        let tenant = auth::create_tenant(&db, &new).await.unwrap();
        let place = Self { database, db, tenant };
        as_admin(&place.database, &format!("UPDATE kernel.settings SET value = '{rules}'")).await;
        let mut tx = place.db.begin(place.operator(), false).await.unwrap();
        let user = NewUser { email: EMAIL.into(), display_name: "Ada Okafor".into(), roles: vec![role.into()] };
        let link = auth::invite(&mut tx, &user).await.unwrap().token;
        tx.commit("auth.user.invite", "auth.users").await.unwrap();
        auth::accept_invitation(&place.db, &link, PASSWORD).await.unwrap();
        place
    }

    pub fn operator(&self) -> Ctx {
        Ctx::operator(self.db.env(), self.tenant)
    }

    pub fn pass(&self, time: Duration) {
        let env = self.db.env();
        env.clock.set(env.now() + time);
    }

    async fn enter(&self, password: &str) -> Result<SignIn> {
        auth::sign_in(&self.db, "north", EMAIL, password, HOME).await
    }

    pub async fn session(&self) -> Signed {
        match self.enter(PASSWORD).await {
            Ok(SignIn::Session(signed)) => signed,
            other => panic!("no session: {other:?}"),
        }
    }

    async fn question(&self) -> String {
        match self.enter(PASSWORD).await {
            Ok(SignIn::SecondFactor { token, .. }) => token,
            other => panic!("no question: {other:?}"),
        }
    }

    pub async fn caller(&self, signed: &Signed) -> Result<Ctx> {
        Callers::default().caller(&self.db, &Presented::Cookie(signed.token.clone()), Channel::Page).await
    }

    /// Sets up an authenticator; its secret, and the recovery codes.
    pub async fn enrol(&self, ctx: &Ctx) -> (String, Vec<String>) {
        let made = auth::new_authenticator(&self.db, ctx, "Salus", EMAIL).await.unwrap();
        let codes = auth::confirm_authenticator(&self.db, ctx, &self.code(&made.secret)).await.unwrap();
        (made.secret, codes)
    }

    pub fn code(&self, secret: &str) -> String {
        code_at(secret, self.db.env().now())
    }

    async fn give(&self, token: &str, code: &str) -> Result<Signed> {
        match auth::give_code(&self.db, token, code, Source::from(HOME)).await? {
            SignIn::Session(signed) => Ok(signed),
            other => panic!("no session: {other:?}"),
        }
    }

    pub async fn call(&self, op: &str, call: Call) -> Result<Value> {
        let ops = salus_domains::operations(self.db.catalog()).unwrap();
        let op = ops.iter().find(|o| o.name == op).unwrap();
        let reply = dispatch(&self.db, op, self.operator(), call).await?;
        let (Body::Json(_) | Body::Row(_)) = &reply.body else { panic!("{:?}", reply.body) };
        Ok(serde_json::to_value(&reply.body).unwrap())
    }
}

#[tokio::test]
async fn who_needs_a_second_factor_can_do_nothing_before_it_is_set_up() {
    let place = Place::new(json!({"requireMfa": false}), "admin").await;
    let signed = place.session().await;
    assert!(signed.restricted && signed.device.is_none());
    let ctx = place.caller(&signed).await.unwrap();
    assert!(ctx.restricted && !ctx.may("auth.user.read") && *ctx.permissions == Permissions::default());
    let key =
        auth::NewApiKey { name: "way round", scopes: Permissions::default(), days: 1, ..auth::NewApiKey::default() };
    assert!(matches!(auth::create_api_key(&place.db, &ctx, ctx.actor.id, &key).await, Err(Error::Forbidden(_))));
    let wrong = auth::new_authenticator(&place.db, &ctx, "Salus", EMAIL).await.unwrap();
    let told = auth::confirm_authenticator(&place.db, &ctx, "000000").await;
    assert!(matches!(told, Err(Error::Invalid(_))), "{told:?} for {}", wrong.secret);
    assert!(place.caller(&signed).await.unwrap().restricted, "an unconfirmed authenticator is none");
    let (secret, codes) = place.enrol(&ctx).await;
    assert_eq!(codes.len(), 10);
    assert!(codes.iter().all(|c| c.len() == 19), "80 bits in base 32: {codes:?}");
    let ctx = place.caller(&signed).await.unwrap();
    assert!(!ctx.restricted && ctx.may("auth.user.manage"), "the session goes on");

    place.pass(Duration::seconds(60));
    let question = place.question().await;
    let signed = place.give(&question, &place.code(&secret)).await.unwrap();
    assert!(!signed.restricted && signed.device.is_some());
    assert!(place.caller(&signed).await.unwrap().may("auth.user.manage"));
}

/// A power whose name nothing asks for would guard nothing; one that is not listed would need no second factor.
#[tokio::test]
async fn every_power_is_a_permission_that_something_asks_for() {
    let world = world::World::new().await;
    let known = auth::known_permissions(world.db.catalog()).unwrap();
    let unknown: Vec<_> = auth::POWERS.iter().filter(|power| !known.contains(*power)).collect();
    assert_eq!(unknown, Vec::<&&str>::new(), "no operation takes it");
    let verbs = ["export", "grant", "rotate", "redact", "confirm", "erase"];
    let powerful = known.iter().filter(|name| verbs.iter().any(|verb| name.ends_with(&format!(".{verb}"))));
    let unlisted: Vec<_> = powerful.filter(|name| !auth::POWERS.contains(*name)).collect();
    assert_eq!(unlisted, Vec::<&&str>::new(), "it opens doors without a second factor");
    assert!(known.contains("auth.glass.open") && auth::POWERS.contains(&"auth.glass.open"));
}

#[tokio::test]
async fn a_reader_needs_one_where_the_rules_say_so() {
    let place = Place::new(json!({"requireMfa": false}), "reader").await;
    assert!(!place.session().await.restricted);
    for rules in
        [json!({"requireMfa": true}), json!({"requireMfa": false, "mfa_required_roles": ["reader"]}), json!({})]
    {
        as_admin(&place.database, &format!("UPDATE kernel.settings SET value = '{rules}'")).await;
        assert!(place.session().await.restricted, "{rules}");
    }
}

#[tokio::test]
async fn codes_work_once() {
    let place = Place::new(json!({"maxLoginAttempts": 20}), "admin").await;
    let ctx = place.caller(&place.session().await).await.unwrap();
    let (secret, recovery) = place.enrol(&ctx).await;
    let first = place.code(&secret);
    let told = place.give(&place.question().await, &first).await;
    assert!(matches!(told, Err(Error::Invalid(_))), "the code that set it up is spent: {told:?}");
    place.pass(Duration::seconds(60));
    let code = place.code(&secret);
    let question = place.question().await;
    place.give(&question, &code).await.unwrap();
    assert!(matches!(place.give(&question, &code).await, Err(Error::Unauthenticated)), "the question is spent");
    assert!(matches!(place.give(&place.question().await, &code).await, Err(Error::Invalid(_))), "and the code");
    let before = code_at(&secret, place.db.env().now() - Duration::seconds(30));
    assert!(matches!(place.give(&place.question().await, &before).await, Err(Error::Invalid(_))), "and one before it");

    let spelt = recovery[0].to_lowercase().replace('-', " ");
    place.give(&place.question().await, &spelt).await.unwrap();
    assert!(matches!(place.give(&place.question().await, &recovery[0]).await, Err(Error::Invalid(_))));
    assert_eq!(auth::own_factors(&place.db, &ctx).await.unwrap().recovery_codes, 9);
    let fresh = auth::new_recovery_codes(&place.db, &ctx).await.unwrap();
    assert!(matches!(place.give(&place.question().await, &recovery[1]).await, Err(Error::Invalid(_))), "replaced");
    place.give(&place.question().await, &fresh[0]).await.unwrap();
}

#[tokio::test]
async fn one_code_given_twenty_times_at_once_opens_once() {
    let place = Place::new(json!({"maxLoginAttempts": 100, "maxFailuresPerNetwork": 0}), "admin").await;
    let ctx = place.caller(&place.session().await).await.unwrap();
    let (secret, _) = place.enrol(&ctx).await;
    place.pass(Duration::seconds(60));
    let code = place.code(&secret);
    let mut questions = Vec::new();
    for _ in 0..20 {
        questions.push(place.question().await);
    }
    let tried = questions.iter().map(|question| place.give(question, &code));
    let opened = futures_util::future::join_all(tried).await.into_iter().flatten().count();
    assert_eq!(opened, 1);
}

#[tokio::test]
async fn wrong_codes_count_and_questions_grow_old() {
    let place = Place::new(json!({}), "admin").await;
    let ctx = place.caller(&place.session().await).await.unwrap();
    let (secret, _) = place.enrol(&ctx).await;
    place.pass(Duration::seconds(60));
    let question = place.question().await;
    place.pass(Duration::minutes(11));
    let told = place.give(&question, &place.code(&secret)).await;
    assert!(matches!(told, Err(Error::Unauthenticated)), "{told:?}");
    let (question, second) = (place.question().await, place.question().await);
    for _ in 0..5 {
        assert!(matches!(place.give(&question, "123456").await, Err(Error::Invalid(_))));
    }
    assert!(matches!(place.give(&question, &place.code(&secret)).await, Err(Error::Unauthenticated)), "dropped");
    let told = place.give(&second, &place.code(&secret)).await;
    assert!(matches!(told, Err(Error::TooMany(_))), "questions asked before wait as well: {told:?}");
    assert!(
        matches!(place.enter(PASSWORD).await, Err(Error::TooMany(_))),
        "and the password waits as after five wrong ones"
    );
}

#[tokio::test]
async fn changes_of_the_account_ask_for_a_proof_of_late() {
    let place = Place::new(json!({"sessionTimeoutMinutes": 60}), "admin").await;
    let signed = place.session().await;
    let ctx = place.caller(&signed).await.unwrap();
    place.enrol(&ctx).await;
    place.pass(Duration::minutes(16));
    let refused = |told: &Error| matches!(told, Error::ProveAgain);
    assert!(refused(&auth::remove_authenticator(&place.db, &ctx).await.unwrap_err()));
    assert!(refused(&auth::new_recovery_codes(&place.db, &ctx).await.unwrap_err()));
    let key = auth::NewApiKey { name: "k", days: 30, ..auth::NewApiKey::default() };
    let ctx = Ctx { restricted: false, ..ctx };
    let made = auth::create_api_key(&place.db, &ctx, ctx.actor.id, &key);
    assert!(refused(&made.await.unwrap_err()), "a key outlives the session");
    let told = auth::prove_again(&place.db, &ctx, "wrong", HOME.0).await;
    assert!(matches!(&told, Err(Error::Invalid(e)) if e[0].pointer == "/password"), "{told:?}");
    auth::prove_again(&place.db, &ctx, PASSWORD, HOME.0).await.unwrap();
    auth::remove_authenticator(&place.db, &ctx).await.unwrap();
}

#[tokio::test]
async fn a_use_of_power_takes_a_proof_of_late() {
    let place = Place::new(json!({"sessionTimeoutMinutes": 60}), "admin").await;
    let ops = salus_domains::operations(place.db.catalog()).unwrap();
    let named = |name: &str| ops.iter().find(|o| o.name == name).unwrap_or_else(|| panic!("no operation {name}"));
    for exempt in auth::WITHOUT_PROOF {
        assert!(auth::POWERS.contains(&named(exempt).permission), "{exempt} would take no proof anyway");
    }
    let ctx = place.caller(&place.session().await).await.unwrap();
    let (secret, _) = place.enrol(&ctx).await;
    place.pass(Duration::minutes(16));
    let ctx = Ctx { permissions: Permissions::new(["*.*.*"]).into(), grants: [].into(), restricted: false, ..ctx };
    let of_nobody =
        || Call { path: vec![("id".to_owned(), Uuid::nil().to_string())], body: json!({}), ..Call::default() };
    let mut asked = Vec::new();
    for op in ops.iter().filter(|o| o.method != Method::Get) {
        if matches!(dispatch(&place.db, op, ctx.clone(), of_nobody()).await, Err(Error::ProveAgain)) {
            assert!(auth::POWERS.contains(&op.permission) && !auth::WITHOUT_PROOF.contains(&&*op.name), "{}", op.name);
            asked.push(op.name.as_str());
        }
    }
    for name in [
        "auth.identity_provider.set_secret",
        "auth.permission.change",
        "auth.role.copy",
        "auth.role.define",
        "auth.security_configuration.change",
        "auth.user.invite",
        "auth.user.reinvite",
        "auth.user.set_roles",
        "auth.user_role.create",
        "compliance.erasure_request.confirm",
        "kernel.encryption_key.rotate",
        "kernel.setting.change",
    ] {
        assert!(asked.contains(&name), "{name} asks for no proof; these do: {asked:?}");
    }
    auth::prove_again(&place.db, &ctx, &place.code(&secret), HOME.0).await.unwrap();
    let told = dispatch(&place.db, named("auth.user.set_roles"), ctx, of_nobody()).await;
    assert!(!matches!(told, Err(Error::ProveAgain)), "{told:?}");
}

#[tokio::test]
async fn a_password_that_must_be_replaced_is_so_after_the_second_factor() {
    let place = Place::new(json!({"passwordExpiryDays": 90}), "admin").await;
    let (secret, _) = place.enrol(&place.caller(&place.session().await).await.unwrap()).await;
    as_admin(&place.database, "UPDATE auth.users SET password_changed_at = now() - interval '91 days'").await;
    place.pass(Duration::minutes(1));
    let question = place.question().await;
    let told = auth::give_code(&place.db, &question, &place.code(&secret), Source::from(HOME)).await;
    let Ok(SignIn::NewPassword { token }) = told else { panic!("{told:?}") };
    auth::accept_invitation(&place.db, &token, "Another-Horse-8-Stable").await.unwrap();
}

#[tokio::test]
async fn a_suspended_passkey_leaves_the_second_factor_in_force() {
    let place = Place::new(json!({}), "admin").await;
    let ctx = place.caller(&place.session().await).await.unwrap();
    let (_, codes) = place.enrol(&ctx).await;
    let mut tx = place.db.begin(place.operator(), false).await.unwrap();
    let values = json!({
        "user_id": ctx.actor.id, "name": "Phone", "credential_id": "0a", "public_key": "0b",
        "aaguid": Uuid::nil(), "suspended_at": "2026-01-01T00:00:00Z",
    });
    let Value::Object(values) = values else { unreachable!() };
    tx.insert("auth.passkeys", &[NewRow { id: place.db.env().id(), values }]).await.unwrap();
    tx.commit("test.plant", "auth.passkeys").await.unwrap();
    auth::remove_authenticator(&place.db, &ctx).await.unwrap();
    let question = place.question().await;
    assert!(place.give(&question, "000000").await.is_err());
    place.give(&question, &codes[0]).await.expect("a recovery code");
}

#[tokio::test]
async fn sent_codes_open_and_addresses_are_confirmed_first() {
    let place = Place::new(json!({}), "admin").await;
    let ctx = place.caller(&place.session().await).await.unwrap();
    let courier = CodeSimulator::default();
    let sent = || courier.sent()[0].text.split(' ').next().unwrap().to_owned();
    let told = auth::new_address(&place.db, &ctx, &courier, Medium::Sms, "555").await;
    assert!(matches!(&told, Err(Error::Invalid(e)) if e[0].pointer == "/address"), "{told:?}");
    let token = auth::new_address(&place.db, &ctx, &courier, Medium::Sms, "+1 202 555 0143").await.unwrap();
    assert_eq!(courier.sent()[0].address, "+12025550143");
    let other = if sent() == "000000" { "000001" } else { "000000" };
    assert!(auth::confirm_address(&place.db, &ctx, &token, other).await.is_err());
    assert!(!auth::own_factors(&place.db, &ctx).await.unwrap().any(), "not before the code");
    auth::confirm_address(&place.db, &ctx, &token, &sent()).await.unwrap();

    let question = place.question().await;
    assert!(matches!(
        auth::send_sign_in_code(&place.db, &courier, &question, Medium::Email).await,
        Err(Error::NotFound)
    ));
    for (locale, words) in
        [("en", "is your Salus code"), ("es", "es su código de Salus"), ("pt-BR", "é o seu código do Salus")]
    {
        as_admin(&place.database, &format!("UPDATE auth.users SET locale = '{locale}'")).await;
        auth::send_sign_in_code(&place.db, &courier, &question, Medium::Sms).await.unwrap();
        assert!(courier.sent()[0].text.contains(words), "{:?}", courier.sent()[0]);
    }
    let told = auth::send_sign_in_code(&place.db, &courier, &question, Medium::Sms).await;
    assert!(matches!(told, Err(Error::TooMany(_))), "{told:?}");
    let code = sent();
    place.give(&question, &code).await.unwrap();
    assert!(matches!(place.give(&place.question().await, &code).await, Err(Error::Invalid(_))), "of another question");
}

#[tokio::test]
async fn former_passwords_are_not_taken_again() {
    let place = Place::new(json!({"requireMfa": false, "password_history": 2}), "reader").await;
    let ctx = place.caller(&place.session().await).await.unwrap();
    let change = |old: &'static str, new: &'static str| {
        let (db, ctx) = (&place.db, &ctx);
        async move { auth::change_password(db, ctx, old, new, HOME.0).await }
    };
    let words = ["Another-Horse-8-Stable", "Third-Donkey-9-Meadow", "Fourth-Zebra-3-Orchard"];
    let other = place.session().await;
    assert!(matches!(change("wrong", words[0]).await, Err(Error::Invalid(e)) if e[0].pointer == "/old"));
    assert!(matches!(change(PASSWORD, PASSWORD).await, Err(Error::Invalid(e)) if e[0].code == "not_new"));
    change(PASSWORD, words[0]).await.unwrap();
    assert!(place.caller(&other).await.is_err(), "other sessions end");
    assert!(matches!(change(words[0], PASSWORD).await, Err(Error::Invalid(e)) if e[0].code == "not_new"));
    change(words[0], words[1]).await.unwrap();
    assert!(matches!(change(words[1], PASSWORD).await, Err(Error::Invalid(_))), "two are kept in mind");
    change(words[1], words[2]).await.unwrap();
    change(words[2], PASSWORD).await.expect("the third before is forgotten");
}

#[tokio::test]
async fn users_of_an_existing_system_keep_their_password_under_todays_hash() {
    let place = Place::new(json!({"requireMfa": false, "maxLoginAttempts": 50}), "reader").await;
    let hash = bcrypt::hash("An-Old-System-Password-5", 4).unwrap();
    let body = |email: &str, hash: &str| Call {
        body: json!({"email": email, "display_name": "Bo", "roles": ["reader"], "bcrypt_hash": hash}),
        ..Call::default()
    };
    let told = place.call("auth.user.import", body("bo@north.example", "plain")).await;
    assert!(matches!(&told, Err(Error::Invalid(e)) if e[0].pointer == "/bcrypt_hash"), "{told:?}");
    place.call("auth.user.import", body("bo@north.example", &hash)).await.unwrap();
    let admin = place.database.connect("salus_admin").await;
    let sealed = async || -> Vec<u8> {
        admin.query_one("SELECT password_hash FROM auth.users ORDER BY id DESC LIMIT 1", &[]).await.unwrap().get(0)
    };
    let before = sealed().await;
    let enter = |password: &'static str| auth::sign_in(&place.db, "north", "bo@north.example", password, HOME);
    assert!(enter("wrong").await.is_err());
    assert_eq!(sealed().await, before);
    assert!(matches!(enter("An-Old-System-Password-5").await, Ok(SignIn::Session(_))));
    assert_ne!(sealed().await, before, "kept under another hash");
    assert!(matches!(enter("An-Old-System-Password-5").await, Ok(SignIn::Session(_))));
    assert!(enter("wrong").await.is_err());
}

#[tokio::test]
async fn a_known_browser_is_not_locked_by_strangers_and_ends_its_own_trust() {
    let place = Place::new(json!({"requireMfa": false}), "reader").await;
    let device = place.session().await.device.expect("the browser is known from now on").0;
    let from = |device: &str, password: &str| {
        let (db, password, device) = (&place.db, password.to_owned(), device.to_owned());
        async move {
            let source = Source { ip: HOME.0, agent: "test", device: &device };
            auth::sign_in(db, "north", EMAIL, &password, source).await
        }
    };
    for _ in 0..6 {
        from("", "wrong").await.unwrap_err();
    }
    assert!(matches!(from("", PASSWORD).await, Err(Error::TooMany(_))));
    let Ok(SignIn::Session(signed)) = from(&device, PASSWORD).await else { panic!("locked out") };
    assert!(signed.device.is_none(), "it keeps its token");
    as_admin(&place.database, "UPDATE auth.users SET locked_until = now() + interval '1 day'").await;
    assert!(matches!(from(&device, PASSWORD).await, Ok(SignIn::Session(_))), "nor by a lock of the account");
    for _ in 0..5 {
        assert!(matches!(from(&device, "wrong").await, Err(Error::Unauthenticated)));
    }
    assert!(matches!(from(&device, PASSWORD).await, Err(Error::TooMany(_))), "its own failures end the trust");
    let stranger = device.replace(&device[40..44], "0000");
    assert!(matches!(from(&stranger, PASSWORD).await, Err(Error::TooMany(_))));
    as_admin(&place.database, "UPDATE kernel.settings SET value = '{\"device_trust_days\": 0, \"requireMfa\": false}'")
        .await;
    place.pass(Duration::days(2));
    assert!(place.session().await.device.is_none(), "where a tenant does not have it so");
}

#[tokio::test]
async fn an_administrator_takes_lost_factors_away_and_ends_access() {
    let place = Place::new(json!({}), "reader").await;
    let signed = place.session().await;
    let ctx = place.caller(&signed).await.unwrap();
    place.enrol(&ctx).await;
    place.question().await;
    let user = world::at(&ctx.actor.id.to_string());
    assert_eq!(place.call("auth.user.reset_factors", user.clone()).await.unwrap()["ended"], 1);
    assert!(matches!(place.caller(&signed).await, Err(Error::Unauthenticated)));
    let signed = place.session().await;
    assert!(signed.restricted, "new ones are set up");
    let session = place.caller(&signed).await.unwrap().actor.session.unwrap();
    place.call("auth.session.revoke", world::at(&session.to_string())).await.unwrap();
    assert!(matches!(place.caller(&signed).await, Err(Error::Unauthenticated)));
    let signed = place.session().await;
    place.call("auth.user.end_sessions", user).await.unwrap();
    assert!(matches!(place.caller(&signed).await, Err(Error::Unauthenticated)));
}

#[tokio::test]
async fn rules_are_checked_wherever_they_are_written() {
    let place = Place::new(json!({}), "admin").await;
    let change = |body: Value| place.call("auth.security_configuration.change", Call { body, ..Call::default() });
    let told = change(json!({"passwordMinLength": 3, "mfa_required_roles": ["x"]})).await;
    assert!(matches!(&told, Err(Error::Invalid(e)) if e[0].pointer == "/passwordMinLength"), "{told:?}");
    let told = change(json!({"mfa_required_roles": ["nobody"]})).await;
    assert!(told.unwrap_err().to_string().contains("nobody is no role here"));
    let kept = change(json!({"passwordMinLength": 20})).await.unwrap();
    assert_eq!(
        (&kept["configuration"]["passwordMinLength"], &kept["configuration"]["requireMfa"]),
        (&json!(20), &json!(true))
    );
    let held = place.call("auth.security_configuration.get", Call::default()).await.unwrap();
    assert_eq!(held["configuration"], kept["configuration"]);
    assert_eq!(held["profiles"]["system-003"]["passwordExpiryDays"], 90);

    let admin = place.database.connect("salus_admin").await;
    let row = admin.query_one("SELECT id, row_version FROM kernel.settings", &[]).await.unwrap();
    let by_row = |value: Value| Call {
        body: json!({"value": value}),
        if_match: Some(row.get(1)),
        ..world::at(&row.get::<_, Uuid>(0).to_string())
    };
    let told = place.call("kernel.setting.change", by_row(json!({"passwordMinLenght": 20}))).await;
    assert!(matches!(&told, Err(Error::Invalid(e)) if e[0].pointer == "/value/passwordMinLenght"), "{told:?}");
    place.call("kernel.setting.change", by_row(json!({"isActive": false, "passwordMinLength": 8}))).await.unwrap();
    let ctx = place.caller(&place.session().await).await.unwrap();
    let told = auth::change_password(&place.db, &ctx, PASSWORD, "k7#pQz9!vL2m", HOME.0).await;
    assert!(told.unwrap_err().to_string().contains("15 characters"), "rules that are not active do not hold");
}
