//! Background work of the domains: notifications reach the media their users want, once; webhooks are signed and told
//! once; what the past left is removed.

use crate::world::World;
use futures_util::{FutureExt as _, future::BoxFuture};
use salus_core::{Ctx, Error, Result};
use salus_domains::auth::{self, Carrier, Carriers, Choice, Letter, Medium, NewUser, Notice};
use salus_store::{
    Call,
    jobs::{Dispatcher, Pace},
    outbound::{Outbound, Rules},
};
use serde_json::json;
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// A carrier that keeps what it carried, after failing so often.
#[derive(Clone, Default)]
pub struct Kept {
    pub letters: Arc<Mutex<Vec<Letter>>>,
    failures: Arc<Mutex<u32>>,
}

impl Carrier for Kept {
    fn name(&self) -> &'static str {
        "test"
    }

    fn carry<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<()>> {
        async move {
            let mut left = self.failures.lock().unwrap();
            if *left > 0 {
                *left -= 1;
                return Err(Error::Unavailable("not now".into()));
            }
            self.letters.lock().unwrap().push(letter.clone());
            Ok(())
        }
        .boxed()
    }
}

impl Kept {
    pub fn to(&self) -> Vec<String> {
        let mut to: Vec<String> = self.letters.lock().unwrap().iter().map(|l| l.to.clone()).collect();
        to.sort_unstable();
        to
    }
}

pub fn dispatcher(world: &World, carriers: Carriers) -> Dispatcher {
    let jobs = salus_domains::jobs(&Arc::new(carriers), &Outbound::new(Rules::default()).unwrap()).unwrap();
    Dispatcher::new(world.db.clone(), Arc::new(jobs), Pace::default())
}

/// A user who is active.
pub async fn user(world: &World, email: &str) -> (Uuid, Ctx) {
    let mut tx = world.db.begin(world.operator(), false).await.unwrap();
    let new = NewUser { email: email.into(), display_name: "Zaira Canary".into(), roles: Vec::new() };
    let user = auth::invite(&mut tx, &new).await.unwrap().user;
    tx.commit("auth.user.invite", "auth.users").await.unwrap();
    world.admin("UPDATE auth.users SET status = 'active'").await;
    let mut ctx = world.operator();
    ctx.actor.id = user;
    (user, ctx)
}

pub async fn notify(world: &World, users: &[Uuid]) {
    let mut tx = world.db.begin(world.operator(), false).await.unwrap();
    let notice = Notice { users, title: "auth.test", params: json!({}), target: Some(("auth.users", users[0])) };
    auth::notify(&mut tx, &notice).await.unwrap();
    tx.commit("test.notify", "auth.notifications").await.unwrap();
}

pub async fn ask(world: &World, sql: &str) -> Vec<String> {
    let rows = world.database.connect("salus_admin").await.query(sql, &[]).await.unwrap();
    rows.iter().map(|r| r.get::<_, Option<String>>(0).unwrap_or_default()).collect()
}

#[tokio::test]
async fn a_notification_leaves_once_by_each_medium_its_user_wants() {
    let world = World::new().await;
    let (ada, ada_ctx) = user(&world, "ada@users.example").await;
    let (ben, ben_ctx) = user(&world, "ben@users.example").await;
    let sms = Choice { medium: Medium::Sms, is_wanted: true, address: "+1 555 0100 77".into() };
    auth::choose(&world.db, &ada_ctx, &sms).await.unwrap();
    let no_mail = Choice { medium: Medium::Email, is_wanted: false, address: String::new() };
    auth::choose(&world.db, &ben_ctx, &no_mail).await.unwrap();
    notify(&world, &[ada, ben]).await;
    let (email, phone) = (Kept::default(), Kept::default());
    *email.failures.lock().unwrap() = 1;
    let carriers = Carriers {
        email: Box::new(email.clone()),
        sms: Box::new(phone.clone()),
        base: "https://salus.example".into(),
        ..Carriers::default()
    };
    let dispatcher = dispatcher(&world, carriers);
    dispatcher.drain(world.tenant).await.unwrap();
    assert_eq!((email.to(), phone.to()), (vec![], vec!["+1555010077".to_owned()]), "the mail server was away");
    world.admin("UPDATE kernel.jobs SET due_at = clock_timestamp() WHERE state = 'waiting'").await;
    dispatcher.drain(world.tenant).await.unwrap();
    dispatcher.drain(world.tenant).await.unwrap();
    assert_eq!((email.to(), phone.to()), (vec!["ada@users.example".to_owned()], vec!["+1555010077".to_owned()]));
    let letters = [email.letters.lock().unwrap().clone(), phone.letters.lock().unwrap().clone()].concat();
    for letter in letters {
        let words = format!("{} {}", letter.subject, letter.text);
        assert!(words.contains("https://salus.example/notifications"), "{words}");
        assert!(!words.contains("Zaira") && !words.contains("test notification"), "it says too much: {words}");
    }
    let kept = "SELECT medium || ' ' || state || ' ' || carrier FROM auth.deliveries WHERE letter IS NULL ORDER BY 1";
    assert_eq!(ask(&world, kept).await, ["email sent test", "sms sent test"]);
}

#[tokio::test]
async fn without_a_carrier_nothing_leaves_and_the_simulator_keeps_the_words_for_three_days() {
    let world = World::new().await;
    let (ada, ctx) = user(&world, "ada@users.example").await;
    notify(&world, &[ada]).await;
    let dispatcher = dispatcher(&world, Carriers::default());
    dispatcher.drain(world.tenant).await.unwrap();
    let state = "SELECT state || ' ' || carrier || ' ' || (letter IS NOT NULL) FROM auth.deliveries";
    assert_eq!(ask(&world, state).await, ["simulated simulator true"]);
    let id: Uuid = ask(&world, "SELECT id::text FROM auth.deliveries").await[0].parse().unwrap();
    let reply = world.call("auth.delivery.get", crate::world::at(&id.to_string())).await.unwrap();
    assert!(json!(reply.body)["letter"].as_str().unwrap().contains("Something waits for you"));

    // Who has read it on the page is not told again.
    notify(&world, &[ada]).await;
    auth::mark_read(&world.db, &ctx, None).await.unwrap();
    dispatcher.drain(world.tenant).await.unwrap();
    let states = "SELECT state::text FROM auth.deliveries ORDER BY created_at";
    assert_eq!(ask(&world, states).await, ["simulated", "unneeded"]);

    world.admin("UPDATE auth.deliveries SET sent_at = sent_at - interval '4 days'").await;
    world
        .admin("UPDATE kernel.schedules SET next_run_at = clock_timestamp() WHERE job = 'auth.prune_notifications'")
        .await;
    dispatcher.drain(world.tenant).await.unwrap();
    assert_eq!(ask(&world, "SELECT count(*)::text FROM auth.deliveries WHERE letter IS NOT NULL").await, ["0"]);
}

#[tokio::test]
async fn a_reviewer_is_told_of_emergency_access_by_mail_and_in_the_inbox() {
    let world = World::new().await;
    let (reviewer, ctx) = user(&world, "privacy@users.example").await;
    let role = json!({"name": "REVIEWER", "scope": "tenant", "purposes": ["HCOMPL"]});
    let role = world.create("auth.role.create", role).await.id();
    let body = json!({"name": "REVIEWING", "patterns": ["auth.glass.review"]});
    let permission = world.create("auth.permission.create", body).await.id();
    world.create("auth.role_permission.create", json!({"role_id": role, "permission_id": permission})).await;
    world.create("auth.user_role.create", json!({"user_id": reviewer, "role_id": role})).await;
    let patient = world.create("medical.patient.create", json!({"family_name": "Canary"})).await;
    let (opener, opening) = user(&world, "ward@users.example").await;
    let body = json!({"patient_id": patient.id(), "reason": "Unconscious in the emergency room"});
    let told = world.call_as(opening, "auth.glass.open", Call { body, ..Call::default() }).await.unwrap();
    assert_eq!(json!(told.body)["reviewers_told"], 1);

    let (email, phone) = (Kept::default(), Kept::default());
    let carriers = Carriers { email: Box::new(email.clone()), sms: Box::new(phone), ..Carriers::default() };
    dispatcher(&world, carriers).drain(world.tenant).await.unwrap();
    assert_eq!(email.to(), ["privacy@users.example"], "nobody else, and not {opener}");
    let words = email
        .letters
        .lock()
        .unwrap()
        .iter()
        .flat_map(|l| [l.subject.clone(), l.text.clone()])
        .collect::<Vec<_>>()
        .join(" ");
    assert!(!words.contains("Canary") && !words.contains("mergency"), "it says too much: {words}");
    let inbox = auth::inbox(&world.db, &ctx).await.unwrap();
    let titles: Vec<_> = inbox.items.iter().map(|i| i.title(auth::Language::English)).collect();
    assert_eq!((inbox.unread, titles), (1, vec!["Emergency access waits for review"]));
    let overdue = "SELECT user_id::text FROM auth.notifications WHERE title_key = 'glass.overdue'";
    let morning = async || {
        world
            .admin("UPDATE kernel.schedules SET next_run_at = clock_timestamp() WHERE job = 'auth.remind_of_reviews'")
            .await;
        dispatcher(&world, Carriers::default()).drain(world.tenant).await.unwrap();
        ask(&world, overdue).await
    };
    assert_eq!(morning().await, [""; 0], "there is time until its day");
    world.admin("UPDATE auth.glass_breaks SET review_due_on = current_date - 1").await;
    assert_eq!(morning().await, [reviewer.to_string()]);
}

#[tokio::test]
async fn where_nobody_reviews_who_manages_accounts_hears_of_it() {
    let world = World::new().await;
    let (manager, _) = user(&world, "owner@users.example").await;
    let role = world.create("auth.role.create", json!({"name": "MANAGER", "scope": "tenant"})).await.id();
    let body = json!({"name": "MANAGING", "patterns": ["auth.user.manage"]});
    let permission = world.create("auth.permission.create", body).await.id();
    world.create("auth.role_permission.create", json!({"role_id": role, "permission_id": permission})).await;
    world.create("auth.user_role.create", json!({"user_id": manager, "role_id": role})).await;
    let patient = world.create("medical.patient.create", json!({"family_name": "Canary"})).await;
    let (_, opening) = user(&world, "ward@users.example").await;
    let body = json!({"patient_id": patient.id(), "reason": "Unconscious in the emergency room"});
    let told = world.call_as(opening, "auth.glass.open", Call { body, ..Call::default() }).await.unwrap();
    assert_eq!(json!(told.body)["reviewers_told"], 0);
    let sql = "SELECT user_id::text FROM auth.notifications WHERE title_key = 'glass.nobody_reviews'";
    assert_eq!(ask(&world, sql).await, [manager.to_string()]);
}

#[tokio::test]
async fn a_webhook_is_told_of_an_event_once_and_what_came_of_it_is_kept() {
    let world = World::new().await;
    let subscribe =
        |body: serde_json::Value| world.call("exchange.webhook_subscription.create", Call { body, ..Call::default() });
    for (url, word) in [("http://example.org/", "https://"), ("https://10.0.0.1/", "public internet")] {
        let refused = subscribe(json!({"name": "inside", "url": url})).await.unwrap_err().to_string();
        assert!(refused.contains(word), "{refused}");
    }
    let unknown = subscribe(json!({"name": "x", "url": "https://example.org/", "events": ["no.such"]})).await;
    assert!(unknown.unwrap_err().to_string().contains("no published event"));
    // A name that never resolves (RFC 6761): the call fails, and that is what is looked at here.
    let made = subscribe(json!({"name": "lab", "url": "https://hooks.invalid/in"})).await.unwrap();
    let made = json!(made.body);
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert_eq!((&made["name"], &made["is_active"], &made["row_version"]), (&json!("lab"), &json!(true), &json!(1)));
    let listed = json!(world.call("exchange.webhook_subscription.list", Call::default()).await.unwrap().body);
    assert!(secret.starts_with("whsec_") && !listed.to_string().contains("whsec_"), "shown once: {listed}");
    subscribe(json!({"name": "other", "url": "https://hooks.invalid/x", "events": ["medical.patient.changed"]}))
        .await
        .unwrap();

    world.create("medical.patient.create", json!({"family_name": "Canary", "birth_date": "1980-01-01"})).await;
    let dispatcher = dispatcher(&world, Carriers::default());
    dispatcher.drain(world.tenant).await.unwrap();
    let log = "SELECT event || ' ' || state || ' ' || attempts || ' ' || last_error FROM exchange.webhook_deliveries";
    assert_eq!(ask(&world, log).await, ["medical.patient.created failing 1 unavailable"]);
    let job = "SELECT state || ' ' || error_class FROM kernel.jobs WHERE job = 'exchange.send_webhook'";
    assert_eq!(ask(&world, job).await, ["waiting unavailable"]);
    world.admin("UPDATE exchange.webhook_subscriptions SET is_active = false").await;
    world.admin("UPDATE kernel.jobs SET due_at = clock_timestamp() WHERE state = 'waiting'").await;
    dispatcher.drain(world.tenant).await.unwrap();
    assert_eq!(ask(&world, "SELECT state::text FROM exchange.webhook_deliveries").await, ["unneeded"]);
}

/// By another implementation: printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac `whsec_00`
#[test]
fn a_signature_is_what_a_receiver_computes() {
    let signed = salus_store::outbound::sign("whsec_00", 1_700_000_000, b"{\"a\":1}");
    assert_eq!(signed, "t=1700000000,v1=45cffce3b675935877c716288bfe48276b43036345fecebf62b30649bd0946a7");
}

#[tokio::test]
async fn a_schedule_is_set_in_words_that_can_be_read() {
    let world = World::new().await;
    dispatcher(&world, Carriers::default()).drain(world.tenant).await.unwrap();
    let id = ask(&world, "SELECT id::text FROM kernel.schedules WHERE job = 'kernel.prune_queues'").await.remove(0);
    let set = |body| world.call("kernel.schedule.set", Call { body, ..crate::world::at(&id) });
    let wrong = set(json!({"cron": "61 * * * *"})).await.unwrap_err().to_string();
    assert!(wrong.contains("five fields"), "{wrong}");
    let done = json!(set(json!({"cron": "5 4 * * *", "is_paused": true})).await.unwrap().body);
    assert_eq!((&done["cron"], &done["is_paused"]), (&json!("5 4 * * *"), &json!(true)));
    assert!(done["next_run_at"].as_str().unwrap().contains("T04:05:00Z"), "{done}");
    let kept = json!(set(json!({"is_paused": false})).await.unwrap().body);
    assert_eq!((&kept["cron"], &kept["is_paused"]), (&json!("5 4 * * *"), &json!(false)));
    assert_eq!(json!(set(json!({"cron": null})).await.unwrap().body)["cron"], json!(null));
}
