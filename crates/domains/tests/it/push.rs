//! Push to devices, against a push service in this process: each device is told once, what has ended is told no more, and
//! a message says no more than it may.

use crate::{
    alerts::{Place, Provider},
    background::{ask, dispatcher, notify, user},
    carriers::{Receiver, header, split},
    clinic::code,
    world::World,
};
use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree},
    hkdf::{HKDF_SHA256, KeyType, Prk, Salt},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use salus_core::{Ctx, Error};
use salus_domains::auth::{self, Carriers, Choice, Medium, NewDevice, WebPush};
use salus_store::{Call, Db};
use serde_json::{Value, json};
use time::macros::datetime;
use uuid::Uuid;

/// A browser: it makes its keys, and reads what is sent to it as RFC 8291 says.
struct Phone {
    key: PrivateKey,
    point: Vec<u8>,
    endpoint: String,
}

const SHARED: [u8; 16] = [7; 16];

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(prk: &Prk, info: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    prk.expand(info, Bytes(N)).unwrap().fill(&mut out).unwrap();
    out
}

impl Phone {
    fn new(endpoint: String) -> Self {
        let key = PrivateKey::generate(&ECDH_P256).unwrap();
        let point = key.compute_public_key().unwrap().as_ref().to_vec();
        Self { key, point, endpoint }
    }

    async fn turn_on(&self, db: &Db, ctx: &Ctx) -> Result<Uuid, Error> {
        let (p256dh, shared) = (URL_SAFE_NO_PAD.encode(&self.point), URL_SAFE_NO_PAD.encode(SHARED));
        let agent = "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0";
        let new = NewDevice { endpoint: &self.endpoint, p256dh: &p256dh, auth: &shared, agent };
        auth::add_device(db, ctx, &new).await
    }

    /// What a message says.
    fn read(&self, body: &[u8]) -> Value {
        let (salt, point, sealed) = (&body[..16], &body[21..86], &body[86..]);
        let both = agree(&self.key, UnparsedPublicKey::new(&ECDH_P256, point), (), |s| Ok(s.to_vec())).unwrap();
        let info = [b"WebPush: info\0".as_slice(), &self.point, point];
        let input: [u8; 32] = expand(&Salt::new(HKDF_SHA256, &SHARED).extract(&both), &info);
        let prk = Salt::new(HKDF_SHA256, salt).extract(&input);
        let key: [u8; 16] = expand(&prk, &[b"Content-Encoding: aes128gcm\0"]);
        let nonce: [u8; 12] = expand(&prk, &[b"Content-Encoding: nonce\0"]);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
        let mut sealed = sealed.to_vec();
        let text = key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed).unwrap();
        let end = text.iter().rposition(|byte| *byte != 0).unwrap();
        assert_eq!(text[end], 2, "the mark of the last record");
        serde_json::from_slice(&text[..end]).unwrap()
    }
}

async fn again(p: &Place) {
    p.s.world.admin("UPDATE kernel.jobs SET due_at = clock_timestamp() WHERE state = 'waiting'").await;
    p.drain().await;
}

const LOG: &str = "SELECT attempt || ' ' || status || coalesce(' ' || suppression_reason, '') FROM alerts.alert_delivery_log \
                   WHERE channel = 'PUSH' ORDER BY at, attempt, id";

#[tokio::test]
async fn what_is_high_at_night_goes_by_push_and_says_no_more_than_that() {
    let service = Receiver::start(&[201]).await;
    let p = Place::with(Box::new(WebPush::new(service.outbound.clone()))).await;
    let ada = p.user("ada", "nurse_supervisor", &[], None).await;
    let night = json!({"from": "21:00", "to": "06:00", "timezone": "America/Los_Angeles"});
    let wanted = json!({"channels": ["IN_APP", "EMAIL", "PUSH"], "quiet_hours": night});
    assert_eq!(code(p.subscribe(&ada, wanted.clone()).await), "contact_unverified", "no device yet");
    let phone = Phone::new(service.url());
    phone.turn_on(&p.s.world.db, &ada).await.unwrap();
    p.subscribe(&ada, wanted).await.unwrap();
    let own = p.told(&ada, "alerts.subscription.own", Call::default()).await;
    assert_eq!((&own["has_device"], &own["own"]["channels"][2]), (&json!(true), &json!("PUSH")));

    // 23:00 where she lives.
    p.clock(datetime!(2026-03-03 07:00 UTC));
    p.raise("freezer:1", "MEDIUM", None).await;
    p.drain().await;
    assert_eq!(service.requests().len(), 0, "what is MEDIUM waits for the morning");
    let high = p.raise("freezer:2", "HIGH", None).await;
    p.drain().await;
    let log = "SELECT l.channel || ' ' || i.severity || ' ' || l.status || ' ' || (l.due_at IS NOT NULL) FROM alerts.alert_delivery_log l \
               JOIN alerts.alert_instances i ON i.id = l.instance_id WHERE l.channel <> 'IN_APP' ORDER BY 1";
    let night_log =
        ["EMAIL HIGH QUEUED true", "EMAIL MEDIUM QUEUED true", "PUSH HIGH SENT false", "PUSH MEDIUM QUEUED true"];
    assert_eq!(p.ask(log).await, night_log);
    let requests = service.requests();
    assert_eq!(requests.len(), 1);
    let (head, body) = split(&requests[0]);
    let id = p.ask("SELECT id::text FROM auth.deliveries WHERE medium = 'push'").await.remove(0);
    assert_eq!(phone.read(body), json!({"title": "New alert, HIGH: open Salus", "path": "/alerts", "tag": id}));
    for (name, value) in [
        ("content-encoding", "aes128gcm"),
        ("content-type", "application/octet-stream"),
        ("ttl", "86400"),
        ("urgency", "high"),
        ("topic", id.replace('-', "").as_str()),
    ] {
        assert_eq!(header(&head, name), value, "{name}");
    }
    let key = auth::push_key(&p.s.world.db, &ada).await.unwrap();
    let by = header(&head, "authorization");
    assert!(by.starts_with("vapid t=eyJ") && by.ends_with(&format!(", k={key}")), "{by}");

    // In the morning what waited comes, unless it has ended.
    p.act(&ada, "alerts.alert.resolve", high, json!({"resolution_code": "MENDED"})).await.unwrap();
    p.clock(datetime!(2026-03-03 14:00 UTC));
    p.sweep().await;
    p.drain().await;
    let requests = service.requests();
    assert_eq!(requests.len(), 2);
    let (head, body) = split(&requests[1]);
    assert_eq!(phone.read(body)["title"], "Something waits for you: open Salus");
    assert_eq!(header(&head, "urgency"), "normal");
}

#[tokio::test]
async fn each_device_is_told_once_however_often_another_is_tried() {
    let service = Receiver::start(&[201, 503, 429, 201]).await;
    let p = Place::with(Box::new(WebPush::new(service.outbound.clone()))).await;
    let ada = p.user("ada", "nurse_supervisor", &[], None).await;
    let phones = [Phone::new(service.url()), Phone::new(format!("{}/2", service.url()))];
    for phone in &phones {
        phone.turn_on(&p.s.world.db, &ada).await.unwrap();
    }
    p.raise("freezer:1", "HIGH", None).await;
    p.drain().await;
    assert_eq!(p.ask(LOG).await, ["1 FAILED", "2 QUEUED"]);
    let seen = auth::devices(&p.s.world.db, &ada).await.unwrap();
    assert_eq!(
        seen.iter().map(|d| (d.failures, d.last_success_at.is_empty())).collect::<Vec<_>>(),
        [(0, false), (1, true)]
    );
    for _ in 0..3 {
        again(&p).await;
    }
    assert_eq!(p.ask(LOG).await, ["1 FAILED", "2 FAILED", "3 SENT"]);
    let requests = service.requests();
    let to = |request: &Vec<u8>| split(request).0.lines().next().unwrap().split(' ').nth(1).unwrap().to_owned();
    assert_eq!(requests.iter().map(to).collect::<Vec<_>>(), ["/in", "/in/2", "/in/2", "/in/2"]);
    let said: Vec<Value> = requests[1..].iter().map(|r| phones[1].read(split(r).1)).collect();
    assert!(said.iter().all(|s| *s == phones[0].read(split(&requests[0]).1)), "one tag: {said:?}");
    let seen = auth::devices(&p.s.world.db, &ada).await.unwrap();
    assert!(seen.iter().all(|d| d.failures == 0 && d.label == "Firefox, Android"), "{seen:?}");
}

#[tokio::test]
async fn a_device_that_the_service_knows_no_more_is_gone() {
    for status in [&[410_u16] as &'static [u16], &[404]] {
        let service = Receiver::start(status).await;
        let p = Place::with(Box::new(WebPush::new(service.outbound.clone()))).await;
        let ada = p.user("ada", "nurse_supervisor", &[], None).await;
        Phone::new(service.url()).turn_on(&p.s.world.db, &ada).await.unwrap();
        p.raise("freezer:1", "HIGH", None).await;
        p.drain().await;
        again(&p).await;
        assert_eq!(p.ask(LOG).await, ["1 SUPPRESSED no_address"]);
        assert!(auth::devices(&p.s.world.db, &ada).await.unwrap().is_empty());
        p.raise("freezer:2", "HIGH", None).await;
        p.drain().await;
        assert_eq!(p.ask(LOG).await, ["1 SUPPRESSED no_address", "1 SUPPRESSED no_device"]);
        assert_eq!(service.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_sender_that_is_killed_sends_again_under_the_same_id() {
    let service = Provider::default();
    let p = Place::with(Box::new(service.clone())).await;
    let ada = p.user("ada", "nurse_supervisor", &[], None).await;
    Phone::new("https://push.example.net/ada".into()).turn_on(&p.s.world.db, &ada).await.unwrap();
    *service.dies.lock().unwrap() = 1;
    p.raise("freezer:1", "HIGH", None).await;
    p.drain().await;
    for _ in 0..3 {
        again(&p).await;
    }
    let given = service.given.lock().unwrap().clone();
    assert_eq!((given.len(), *service.calls.lock().unwrap()), (1, 2), "the second is told from the first by its id");
    assert!(given[0].text.contains(&given[0].id), "the screen as well: {}", given[0].text);
    assert_eq!(p.ask(LOG).await.last().map(String::as_str), Some("1 SENT"));
}

#[tokio::test]
async fn devices_are_their_users_own_at_most_ten_and_end_with_the_account() {
    let world = World::new().await;
    let (ada, ada_ctx) = user(&world, "ada@users.example").await;
    let (_, ben_ctx) = user(&world, "ben@users.example").await;
    let mut phones = Vec::new();
    for n in 0..10 {
        phones.push(Phone::new(format!("https://push.example.net/canary{n}")));
        phones[n].turn_on(&world.db, &ada_ctx).await.unwrap();
    }
    let same = phones[0].turn_on(&world.db, &ada_ctx).await.unwrap();
    let mine = auth::devices(&world.db, &ada_ctx).await.unwrap();
    assert_eq!((mine.len(), mine[0].id), (10, same), "told already");
    let one_more = Phone::new("https://push.example.net/more".into());
    assert_eq!(one_more.turn_on(&world.db, &ada_ctx).await.unwrap_err().code(), "too_many");
    let of_another = phones[0].turn_on(&world.db, &ben_ctx).await.unwrap_err();
    assert!(of_another.to_string().contains("told already"), "{of_another}");
    let inside = Phone::new("https://169.254.169.254/latest".into());
    assert!(matches!(inside.turn_on(&world.db, &ben_ctx).await, Err(Error::Invalid(_))));

    assert!(auth::devices(&world.db, &ben_ctx).await.unwrap().is_empty());
    assert!(matches!(auth::remove_device(&world.db, &ben_ctx, same).await, Err(Error::NotFound)));
    auth::remove_device(&world.db, &ada_ctx, same).await.unwrap();
    assert_eq!(auth::devices(&world.db, &ada_ctx).await.unwrap().len(), 9);
    let clear = "SELECT count(*)::text FROM auth.push_devices WHERE position('canary'::bytea IN endpoint) > 0";
    assert_eq!(ask(&world, clear).await, ["0"], "sealed");
    let first = auth::push_key(&world.db, &ada_ctx).await.unwrap();
    assert_eq!(auth::push_key(&world.db, &ben_ctx).await.unwrap(), first, "one of the organization");
    let south = world.db.create_tenant("south", true).await.unwrap();
    let elsewhere = Ctx { tenant: south, ..ada_ctx.clone() };
    assert_ne!(auth::push_key(&world.db, &elsewhere).await.unwrap(), first, "another's is its own");
    assert!(auth::devices(&world.db, &elsewhere).await.unwrap().is_empty());

    one_more.turn_on(&world.db, &ben_ctx).await.unwrap();
    world.call("auth.user.lock", crate::world::at(&ada.to_string())).await.unwrap();
    world.call("auth.user.disable", crate::world::at(&ben_ctx.actor.id.to_string())).await.unwrap();
    assert_eq!(ask(&world, "SELECT count(*)::text FROM auth.push_devices").await, ["0"]);
}

#[tokio::test]
async fn other_notifications_go_by_push_where_a_device_is_on_and_nothing_leaves_the_simulator() {
    let world = World::new().await;
    let (ada, ctx) = user(&world, "ada@users.example").await;
    let (ben, _) = user(&world, "ben@users.example").await;
    Phone::new("https://push.example.net/ada".into()).turn_on(&world.db, &ctx).await.unwrap();
    notify(&world, &[ada, ben]).await;
    let jobs = dispatcher(&world, Carriers::default());
    jobs.drain(world.tenant).await.unwrap();
    let state =
        "SELECT state || ' ' || carrier || ' ' || cardinality(taken_by) FROM auth.deliveries WHERE medium = 'push'";
    assert_eq!(ask(&world, state).await, ["simulated simulator 0"], "of her alone");
    let id = ask(&world, "SELECT id::text FROM auth.deliveries WHERE medium = 'push'").await.remove(0);
    let kept = json!(world.call("auth.delivery.get", crate::world::at(&id)).await.unwrap().body);
    let kept = kept["letter"].as_str().unwrap();
    assert!(kept.contains("Something waits for you: open Salus") && kept.contains("/notifications"), "{kept}");
    assert!(auth::devices(&world.db, &ctx).await.unwrap()[0].last_success_at.is_empty(), "nobody took it");
    let no = Choice { medium: Medium::Push, is_wanted: false, address: String::new() };
    auth::choose(&world.db, &ctx, &no).await.unwrap();
    notify(&world, &[ada]).await;
    jobs.drain(world.tenant).await.unwrap();
    assert_eq!(ask(&world, state).await.len(), 1, "she chose not to");
}
