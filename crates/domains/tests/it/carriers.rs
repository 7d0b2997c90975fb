//! What carries messages out, against servers in this process: a mail server that speaks SMTP, and a receiver of calls over
//! TLS with an authority of its own.

use crate::world::World;
use rcgen::{CertificateParams, KeyPair};
use salus_core::Error;
use salus_domains::{
    alerts::{self, Raised},
    auth::{Carrier as _, Carriers, Letter, SmsWebhook, Smtp},
};
use salus_store::{
    Call,
    jobs::{Dispatcher, Pace},
    outbound::{Network, Outbound, Rules, sign},
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
};

/// A mail server that takes one message, or answers RCPT with `refusal`; what it was sent.
async fn mail_server(refusal: Option<&'static str>) -> (u16, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, heard) = (listener.local_addr().unwrap().port(), Arc::<Mutex<String>>::default());
    let kept = heard.clone();
    salus_store::runtime::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 mail.example\r\n").await.unwrap();
        let mut in_message = false;
        while let Ok(Some(line)) = lines.next_line().await {
            kept.lock().unwrap().extend([line.as_str(), "\n"]);
            let answer = match line.get(..4).unwrap_or_default() {
                _ if in_message && line == "." => {
                    in_message = false;
                    "250 taken"
                }
                _ if in_message => continue,
                "DATA" => {
                    in_message = true;
                    "354 go on"
                }
                "RCPT" => refusal.unwrap_or("250 yes"),
                "QUIT" => "221 bye",
                _ => "250 mail.example",
            };
            write.write_all(format!("{answer}\r\n").as_bytes()).await.ok();
        }
    });
    (port, heard)
}

fn letter() -> Letter {
    Letter {
        id: "0193f5a2-7c41-7e10-9a55-3f0c8d21b7aa".into(),
        to: "ada@users.example".into(),
        subject: "Algo espera por você".into(),
        text: "Entre para ver:\nhttps://salus.example/notifications\n".into(),
        parcel: None,
    }
}

#[tokio::test]
async fn a_mail_server_is_given_the_letter_with_its_own_number() {
    let (port, heard) = mail_server(None).await;
    let smtp = Smtp::new(&format!("smtp://localhost:{port}"), "Salus <salus@clinic.example>", None).unwrap();
    smtp.carry(&letter()).await.unwrap();
    let heard = heard.lock().unwrap().clone();
    for part in [
        "MAIL FROM:<salus@clinic.example>",
        "RCPT TO:<ada@users.example>",
        "Message-ID: <0193f5a2-7c41-7e10-9a55-3f0c8d21b7aa@clinic.example>",
        "https://salus.example/notifications",
    ] {
        assert!(heard.contains(part), "{part} is not in {heard}");
    }
}

#[tokio::test]
async fn a_mail_server_that_refuses_or_is_away_is_told_apart_without_the_address() {
    for (refusal, code) in
        [("550 no such user ada@users.example", "mail_refused"), ("451 later ada@users.example", "unavailable")]
    {
        let (port, _) = mail_server(Some(refusal)).await;
        let smtp = Smtp::new(&format!("smtp://127.0.0.1:{port}"), "salus@clinic.example", None).unwrap();
        let e = smtp.carry(&letter()).await.unwrap_err();
        assert_eq!(e.code(), code);
        assert!(!e.to_string().contains("ada"), "{e}");
    }
    for wrong in ["mail.example", "http://mail.example", "smtp://", "smtps://a@b", "smtp://host:port"] {
        let e = Smtp::new(wrong, "salus@clinic.example", None).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(e.starts_with("mail.server: "), "{wrong}: {e}");
    }
    assert!(Smtp::new("smtps://mail.example", "nobody", None).is_err_and(|e| e.to_string().starts_with("mail.from")));
}

/// A receiver of calls for `receiver.example`, which answers with these statuses in turn, the last for ever.
pub struct Receiver {
    port: u16,
    pub outbound: Outbound,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Receiver {
    pub async fn start(statuses: &'static [u16]) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["receiver.example".to_owned()]).unwrap().self_signed(&key).unwrap();
        let authorities = vec![certificate.pem().into_bytes()];
        let server = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, heard) = (listener.local_addr().unwrap().port(), Arc::<Mutex<Vec<Vec<u8>>>>::default());
        let (kept, acceptor) = (heard.clone(), tokio_rustls::TlsAcceptor::from(Arc::new(server)));
        salus_store::runtime::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut request = Vec::new();
                // Head and body may come in two pieces.
                while !is_whole(&request) {
                    let mut bytes = vec![0; 16 * 1024];
                    match stream.read(&mut bytes).await {
                        Ok(n) if n > 0 => request.extend_from_slice(&bytes[..n]),
                        _ => break,
                    }
                }
                let status = {
                    let mut kept = kept.lock().unwrap();
                    kept.push(request);
                    statuses[(kept.len() - 1).min(statuses.len() - 1)]
                };
                stream.write_all(format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.ok();
                stream.shutdown().await.ok();
            }
        });
        let rules = Rules { networks: vec![Network::parse("127.0.0.0/8").unwrap()], authorities };
        let lookup = |_| -> futures_util::future::BoxFuture<'static, _> {
            Box::pin(async { Ok(vec!["127.0.0.1".parse().unwrap()]) })
        };
        Self { port, outbound: Outbound::with(rules, Arc::new(lookup)).unwrap(), heard }
    }

    pub fn url(&self) -> String {
        format!("https://receiver.example:{}/in", self.port)
    }

    fn heard(&self) -> Vec<String> {
        self.requests().iter().map(|r| String::from_utf8_lossy(r).into_owned()).collect()
    }

    /// What was sent here, byte for byte.
    pub fn requests(&self) -> Vec<Vec<u8>> {
        self.heard.lock().unwrap().clone()
    }
}

/// Whether head and body of a request are there.
fn is_whole(request: &[u8]) -> bool {
    let (head, body) = split(request);
    !head.is_empty() && header(&head, "content-length").parse().is_ok_and(|n: usize| body.len() >= n)
}

/// Head and body; nothing of a head that is not whole.
pub fn split(request: &[u8]) -> (String, &[u8]) {
    match request.windows(4).position(|w| w == b"\r\n\r\n") {
        Some(at) => (String::from_utf8_lossy(&request[..at]).into_owned(), &request[at + 4..]),
        None => (String::new(), &[]),
    }
}

pub fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let line = request.lines().find(|l| l.to_ascii_lowercase().starts_with(&format!("{name}: ")));
    line.map_or("", |l| l.split_once(": ").unwrap().1)
}

#[tokio::test]
async fn a_provider_of_sms_is_given_the_text_with_its_number_and_our_token() {
    let receiver = Receiver::start(&[202, 422, 503]).await;
    let sms = SmsWebhook::new(receiver.outbound.clone(), &receiver.url(), "canary-token\n").unwrap();
    let letter = Letter { to: "+15550100".into(), ..letter() };
    sms.carry(&letter).await.unwrap();
    let heard = receiver.heard().remove(0);
    assert_eq!(
        (header(&heard, "authorization"), header(&heard, "idempotency-key")),
        ("Bearer canary-token", &*letter.id)
    );
    assert!(heard.contains("\"to\":\"+15550100\""), "{heard}");
    assert_eq!(sms.carry(&letter).await.unwrap_err().code(), "sms_refused");
    assert_eq!(sms.carry(&letter).await.unwrap_err().code(), "unavailable");
    assert!(matches!(
        SmsWebhook::new(receiver.outbound.clone(), "http://receiver.example/", "x"),
        Err(Error::Invalid(_))
    ));
}

#[tokio::test]
async fn a_webhook_that_failed_is_called_again_with_the_same_number_and_a_signature_that_holds() {
    let world = World::new().await;
    let receiver = Receiver::start(&[500, 204]).await;
    let body = json!({"name": "lab", "url": receiver.url(), "events": ["medical.patient.created"]});
    let made = world.call("exchange.webhook_subscription.create", Call { body, ..Call::default() }).await.unwrap();
    let secret = json!(made.body)["secret"].as_str().unwrap().to_owned();
    let patient =
        world.create("medical.patient.create", json!({"family_name": "Canary", "birth_date": "1980-01-01"})).await;

    let jobs = salus_domains::jobs(&Arc::new(Carriers::default()), &receiver.outbound).unwrap();
    let dispatcher = Dispatcher::new(world.db.clone(), Arc::new(jobs), Pace::default());
    dispatcher.drain(world.tenant).await.unwrap();
    world.admin("UPDATE kernel.jobs SET due_at = clock_timestamp() WHERE state = 'waiting'").await;
    dispatcher.drain(world.tenant).await.unwrap();
    world.admin("UPDATE kernel.jobs SET due_at = clock_timestamp() WHERE state = 'waiting'").await;
    dispatcher.drain(world.tenant).await.unwrap();

    let heard = receiver.heard();
    assert_eq!(heard.len(), 2, "no third call: {heard:?}");
    assert_eq!(header(&heard[0], "salus-event"), header(&heard[1], "salus-event"));
    for request in &heard {
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        let signature = header(request, "salus-signature");
        let at = signature.strip_prefix("t=").and_then(|s| s.split(',').next()).unwrap().parse().unwrap();
        assert_eq!(signature, sign(&secret, at, body.as_bytes()));
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!((&body["row"], &body["event"]), (&json!(patient.id()), &json!("medical.patient.created")));
        assert!(!request.contains("Canary"));
    }
    let admin = world.database.connect("salus_admin").await;
    let log = "SELECT state || ' ' || attempts || ' ' || last_status FROM exchange.webhook_deliveries";
    assert_eq!(admin.query_one(log, &[]).await.unwrap().get::<_, String>(0), "delivered 2 204");
}

#[tokio::test]
async fn an_event_that_nobody_subscribed_to_costs_no_job_and_one_that_somebody_did_is_sent() {
    let world = World::new().await;
    let receiver = Receiver::start(&[204]).await;
    let jobs = salus_domains::jobs(&Arc::new(Carriers::default()), &receiver.outbound).unwrap();
    let dispatcher = Dispatcher::new(world.db.clone(), Arc::new(jobs), Pace::default());
    let admin = world.database.connect("salus_admin").await;
    let spread = async || -> i64 {
        dispatcher.drain(world.tenant).await.unwrap();
        let sql = "SELECT count(*) FROM kernel.jobs WHERE job = 'exchange.spread_webhooks'";
        admin.query_one(sql, &[]).await.unwrap().get(0)
    };
    let subscribe = async |events: &[&str]| {
        let body = json!({"name": format!("of {}", events.len()), "url": receiver.url(), "events": events});
        world.call("exchange.webhook_subscription.create", Call { body, ..Call::default() }).await.unwrap()
    };
    let patient = json!({"family_name": "Canary", "birth_date": "1980-01-01"});
    world.create("medical.patient.create", patient.clone()).await;
    assert_eq!(spread().await, 0, "nobody subscribed");
    let waits = "SELECT count(*) FROM kernel.outbox WHERE done_at IS NULL";
    assert_eq!(
        admin.query_one(waits, &[]).await.unwrap().get::<_, i64>(0),
        0,
        "the event was handed over all the same"
    );
    subscribe(&["medical.patient.changed"]).await;
    world.create("medical.patient.create", patient.clone()).await;
    assert_eq!(spread().await, 0, "to another event");
    subscribe(&[]).await;
    world.create("medical.patient.create", patient).await;
    assert_eq!(spread().await, 1, "to all");
    assert_eq!(receiver.heard().len(), 1);
}

/// Another system that is told of alerts by a webhook: the alert of a repeated call is one, each says what became of it, and nothing of
/// a person goes out.
#[tokio::test]
async fn an_alert_reaches_another_system_by_a_signed_webhook_once() {
    let world = World::new().await;
    let (_, ada) = crate::background::user(&world, "ada@users.example").await;
    let receiver = Receiver::start(&[500, 204, 204]).await;
    let events = ["alerts.alert.raised", "alerts.alert.resolved"];
    let body = json!({"name": "pager", "url": receiver.url(), "events": events});
    let made = world.call("exchange.webhook_subscription.create", Call { body, ..Call::default() }).await.unwrap();
    let secret = json!(made.body)["secret"].as_str().unwrap().to_owned();
    let mut alert = None;
    for _ in 0..3 {
        let mut tx = world.db.begin(world.operator(), false).await.unwrap();
        let title = "The vaccine freezer is warm";
        let raised = Raised {
            key: "freezer:1",
            severity: "LOW",
            category: "OPERATIONS",
            title,
            school: None,
            subject: "Canary",
        };
        alert = Some(alerts::raise(&mut tx, &raised).await.unwrap());
        tx.commit("test.raise", "alerts.alert_instances").await.unwrap();
    }
    let alert = alert.unwrap().to_string();
    let jobs = salus_domains::jobs(&Arc::new(Carriers::default()), &receiver.outbound).unwrap();
    let dispatcher = Dispatcher::new(world.db.clone(), Arc::new(jobs), Pace::default());
    let send = async || {
        for _ in 0..3 {
            dispatcher.drain(world.tenant).await.unwrap();
            world.admin("UPDATE kernel.jobs SET due_at = clock_timestamp() WHERE state = 'waiting' AND job = 'exchange.send_webhook'").await;
        }
    };
    send().await;
    let done = Call { body: json!({"resolution_code": "FIXED"}), ..crate::world::at(&alert) };
    world.call_as(ada, "alerts.alert.resolve", done).await.unwrap();
    send().await;
    let told: Vec<(String, Value)> = receiver
        .heard()
        .iter()
        .map(|request| {
            let (_, body) = request.split_once("\r\n\r\n").unwrap();
            let signature = header(request, "salus-signature");
            let at = signature.strip_prefix("t=").and_then(|s| s.split(',').next()).unwrap().parse().unwrap();
            assert_eq!(signature, sign(&secret, at, body.as_bytes()));
            assert!(!body.contains("freezer") && !body.contains("Canary"), "{body}");
            let body: Value = serde_json::from_str(body).unwrap();
            (header(request, "salus-event").to_owned(), json!([body["event"], body["row"]]))
        })
        .filter(|(_, body)| body[1] == json!(alert))
        .collect();
    let said: Vec<&Value> = told.iter().map(|(_, body)| body).collect();
    let raised = json!(["alerts.alert.raised", alert]);
    assert_eq!(
        said,
        [&raised, &raised, &json!(["alerts.alert.resolved", alert])],
        "called again after a failure, then done"
    );
    assert!(told[0].0 == told[1].0 && told[0].0 != told[2].0, "by the number of the event the receiver knows it again");
}
