//! A70: calls to addresses that somebody else chose. Nothing inside a network is reached however it is written, however
//! its name is resolved, and wherever an answer points; a credential goes to its own origin.

use futures_util::FutureExt as _;
use rcgen::{CertificateParams, KeyPair};
use salus_core::Error;
use salus_store::outbound::{Lookup, Message, Network, Origin, Outbound, Rules};
use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// Forms of addresses that must not be called.
const REFUSED: &[&str] = &[
    // No https, or no address at all.
    "http://example.org/",
    "ftp://example.org/",
    "file:///etc/passwd",
    "gopher://example.org/",
    "javascript:alert(1)",
    "//example.org/",
    "example.org",
    "https://",
    "https:///x",
    "",
    "https://exa mple.org/",
    "https://example.org\\@127.0.0.1/",
    "https://example.org/\r\nHost: x",
    // With credentials, also as a disguise.
    "https://user@example.org/",
    "https://user:secret@example.org/",
    "https://example.org@127.0.0.1/",
    "https://example.org:443@10.0.0.1/",
    // This machine.
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.255.255.254/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://0177.0x0.0.01/",
    "https://127.0.0.1./",
    "https://%31%32%37.0.0.1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://0.0.0.0/",
    "https://0/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    // Networks of houses and carriers.
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.0.1/",
    "https://100.64.0.1/",
    "https://[fc00::1]/",
    "https://[fd12:3456:789a::1]/",
    "https://[fec0::1]/",
    "https://intranet/",
    "https://intranet./",
    // Link-local and metadata of clouds.
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://0251.0376.0251.0376/",
    "https://168.63.129.16/",
    "https://[fe80::1]/",
    "https://[fd00:ec2::254]/",
    "https://[::ffff:169.254.169.254]/",
    // IPv4 within IPv6.
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    // Documentation, benchmarks, multicast, reserved.
    "https://192.0.2.1/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://198.18.0.1/",
    "https://192.0.0.8/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[100::1]/",
    "https://[4000::1]/",
];

#[test]
fn no_form_of_an_inner_address_is_taken() {
    assert!(REFUSED.len() >= 60, "{}", REFUSED.len());
    let taken: Vec<&&str> = REFUSED.iter().filter(|url| Rules::default().check(url).is_ok()).collect();
    assert_eq!(taken, Vec::<&&str>::new());
    let long = format!("https://example.org/{}", "x".repeat(2000));
    assert!(Rules::default().check(&long).is_err());
    for good in
        ["https://example.org", "https://example.org:8443/a?b=c", "https://1.1.1.1/", "https://[2606:4700::1111]/"]
    {
        assert!(Rules::default().check(good).is_ok(), "{good}");
    }
    let message = Rules::default().check("https://127.0.0.1/").unwrap_err().to_string();
    assert_eq!(message, "url: Names a host of the public internet, not one inside a network");
}

/// A receiver on this machine, that counts who connects.
struct Receiver {
    port: u16,
    connections: Arc<AtomicUsize>,
    authority: Vec<u8>,
}

impl Receiver {
    /// Answers every request with this head and nothing else; what was asked is kept.
    async fn start(answer: &'static str, heard: Arc<std::sync::Mutex<String>>) -> Self {
        let key = KeyPair::generate().unwrap();
        let names = vec!["receiver.example".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let authority = certificate.pem().into_bytes();
        let server = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let (counted, acceptor) = (connections.clone(), tokio_rustls::TlsAcceptor::from(Arc::new(server)));
        salus_store::runtime::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut bytes = vec![0; 16 * 1024];
                let n = stream.read(&mut bytes).await.unwrap_or(0);
                heard.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..n]));
                stream.write_all(answer.as_bytes()).await.ok();
                stream.shutdown().await.ok();
            }
        });
        Self { port, connections, authority }
    }

    fn count(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A look-up that gives these answers one after the other, then the last for ever.
fn lookup(answers: &'static [&'static str]) -> (Lookup, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let lookup: Lookup = Arc::new(move |_| {
        let n = counted.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        let addresses: Vec<IpAddr> = answers[n].split(' ').map(|a| a.parse().unwrap()).collect();
        async move { Ok(addresses) }.boxed()
    });
    (lookup, asked)
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to() {
    let receiver = Receiver::start("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Arc::default()).await;
    let url = format!("https://receiver.example:{}/hook", receiver.port);
    for answers in [
        &["127.0.0.1"][..],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["10.0.0.7"],
        // One inside among those outside.
        &["1.1.1.1 127.0.0.1"],
        &["127.0.0.1 1.1.1.1"],
    ] {
        let (lookup, _) = lookup(answers);
        let rules = Rules { authorities: vec![receiver.authority.clone()], ..Rules::default() };
        let told = Outbound::with(rules, lookup).unwrap().post(&url, Message::default()).await;
        let Err(Error::Unavailable(why)) = told else { panic!("{answers:?}: {told:?}") };
        assert_eq!(why, "the receiver is not on the public internet", "{answers:?}");
    }
    assert_eq!(receiver.count(), 0, "not one connection");
}

/// A name that is outside when it is looked at and inside when it is used: there is no second look.
#[tokio::test]
async fn a_name_is_looked_up_once_for_each_call() {
    let receiver = Receiver::start("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Arc::default()).await;
    let url = format!("https://receiver.example:{}/hook", receiver.port);
    let (lookup, asked) = lookup(&["127.0.0.1", "10.9.9.9"]);
    let rules =
        Rules { networks: vec![Network::parse("127.0.0.0/8").unwrap()], authorities: vec![receiver.authority.clone()] };
    let outbound = Outbound::with(rules, lookup).unwrap();
    assert_eq!(outbound.post(&url, Message::default()).await.unwrap(), 200, "the house permits it");
    assert_eq!((asked.load(Ordering::SeqCst), receiver.count()), (1, 1));
    let again = outbound.post(&url, Message::default()).await;
    assert!(matches!(again, Err(Error::Unavailable(_))), "{again:?}");
    assert_eq!(receiver.count(), 1);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let inside = Receiver::start("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Arc::default()).await;
    let to: &'static str = Box::leak(
        format!("HTTP/1.1 307 Elsewhere\r\nlocation: https://127.0.0.1:{}/\r\ncontent-length: 0\r\n\r\n", inside.port)
            .into_boxed_str(),
    );
    let receiver = Receiver::start(to, Arc::default()).await;
    let (lookup, _) = lookup(&["127.0.0.1"]);
    let authorities = vec![receiver.authority.clone(), inside.authority.clone()];
    let rules = Rules { networks: vec![Network::parse("127.0.0.1").unwrap()], authorities };
    let url = format!("https://receiver.example:{}/hook", receiver.port);
    assert_eq!(Outbound::with(rules, lookup).unwrap().post(&url, Message::default()).await.unwrap(), 307);
    assert_eq!((receiver.count(), inside.count()), (1, 0));
}

#[tokio::test]
async fn a_credential_goes_to_its_own_origin_only() {
    let heard = Arc::new(std::sync::Mutex::new(String::new()));
    let receiver = Receiver::start("HTTP/1.1 204 None\r\n\r\n", heard.clone()).await;
    let (lookup, _) = lookup(&["127.0.0.1"]);
    let rules =
        Rules { networks: vec![Network::parse("127.0.0.0/8").unwrap()], authorities: vec![receiver.authority.clone()] };
    let outbound = Outbound::with(rules, lookup).unwrap();
    let url = format!("https://receiver.example:{}/hook", receiver.port);
    let origin = Origin::of(&outbound.rules().check(&url).unwrap());
    for other in [
        "https://receiver.example.evil.example/".to_owned(),
        format!("https://receiver.example:{}/", receiver.port ^ 1),
        "https://receiver.example/".to_owned(),
        format!("https://sub.receiver.example:{}/", receiver.port),
    ] {
        let message = Message { credential: Some((&origin, "Bearer canary")), ..Message::default() };
        let told = outbound.post(&other, message).await;
        assert!(matches!(told, Err(Error::Refused { code: "other_origin", .. })), "{other}: {told:?}");
    }
    assert_eq!(receiver.count(), 0);
    let message = Message { credential: Some((&origin, "Bearer canary")), ..Message::default() };
    assert_eq!(outbound.post(&url, message).await.unwrap(), 204);
    assert!(heard.lock().unwrap().contains("authorization: Bearer canary"));
}

#[test]
fn a_network_is_read_or_named_as_wrong() {
    for wrong in ["", "10.0.0.0/33", "10.0.0", "::/129", "house", "10.0.0.0/x"] {
        assert!(Network::parse(wrong).is_err(), "{wrong}");
    }
    let rules = Rules { networks: vec![Network::parse("10.2.0.0/16").unwrap()], authorities: Vec::new() };
    assert!(rules.check("https://10.2.255.1/").is_ok());
    assert!(rules.check("https://[::ffff:10.2.0.1]/").is_ok());
    assert!(rules.check("https://10.3.0.1/").is_err());
}
