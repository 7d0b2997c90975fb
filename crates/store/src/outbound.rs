//! Calls to addresses that somebody else chose: webhooks, providers of messages, other systems. All of them go through
//! here.
//!
//! What holds: https only; no redirect is followed; a name is resolved once, and the connection goes to exactly the
//! addresses that were checked, so a name that changes its address between the two gains nothing; an address inside a
//! network, of this machine, or of a cloud's metadata is refused however it is written; a credential is sent to the one
//! origin it was made for. The operator may name networks of the house that are permitted all the same.

use futures_util::future::BoxFuture;
use reqwest::{
    Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use salus_core::{Error, Result};
use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

/// Longest address.
const LONGEST: usize = 2000;
/// Most bytes of an answer that are read.
const ANSWER_BYTES: usize = 64 * 1024;

/// What is permitted beyond the public internet.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Networks of the house, such as `10.2.0.0/16`.
    pub networks: Vec<Network>,
    /// Certificates of authorities of the house, PEM.
    pub authorities: Vec<Vec<u8>>,
}

/// Addresses with the same leading bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    bits: u128,
    mask: u128,
}

/// Finds the addresses of a name.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Makes calls.
#[derive(Clone)]
pub struct Outbound {
    client: Client,
    rules: Arc<Rules>,
}

/// Scheme, host and port: a credential is for one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// What is sent with one call.
#[derive(Debug, Default)]
pub struct Message<'a> {
    /// Names and values of headers.
    pub headers: Vec<(&'static str, String)>,
    /// A value for `Authorization`, and the origin it was made for.
    pub credential: Option<(&'a Origin, &'a str)>,
    /// The body: JSON, unless a header says otherwise.
    pub body: Vec<u8>,
}

impl Network {
    /// Reads `192.0.2.0/24`, `2001:db8::/32` or one address.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `network`.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || Error::invalid("network", "wrong_form", format!("{text} is no network such as 10.2.0.0/16"));
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(width), |l| l.trim().parse().map_err(|_| wrong()))?;
        if length > width {
            return Err(wrong());
        }
        Ok(Self::around(address, length))
    }

    /// The network of so many leading bits that an address is in.
    #[must_use]
    pub fn around(address: IpAddr, length: u32) -> Self {
        let length = if address.is_ipv4() { length + 96 } else { length };
        let mask = if length == 0 { 0 } else { u128::MAX << (128 - length) };
        Self { bits: wide(address) & mask, mask }
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn holds(self, address: IpAddr) -> bool {
        wide(address) & self.mask == self.bits
    }

    /// Its first address, as IPv6.
    #[must_use]
    pub fn first(self) -> [u8; 16] {
        self.bits.to_be_bytes()
    }
}

/// An address as IPv6; IPv4 in the place that IPv6 keeps for it.
fn wide(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// IPv4 that is not the public internet: IANA's registry of special-purpose addresses, multicast, and what is reserved.
const NOT_PUBLIC_4: [(&str, u32); 17] = [
    ("0.0.0.0", 8),
    ("10.0.0.0", 8),
    ("100.64.0.0", 10),
    ("127.0.0.0", 8),
    ("168.63.129.16", 32),
    ("169.254.0.0", 16),
    ("172.16.0.0", 12),
    ("192.0.0.0", 24),
    ("192.0.2.0", 24),
    ("192.31.196.0", 24),
    ("192.52.193.0", 24),
    ("192.88.99.0", 24),
    ("192.168.0.0", 16),
    ("198.18.0.0", 15),
    ("198.51.100.0", 24),
    ("203.0.113.0", 24),
    ("224.0.0.0", 3),
];

/// Within `2000::/3`, what is not the public internet: protocol assignments with Teredo, documentation, 6to4, and what
/// carries an IPv4 address within.
const NOT_PUBLIC_6: [(&str, u32); 5] =
    [("2001::", 23), ("2001:db8::", 32), ("2002::", 16), ("2620:4f:8000::", 48), ("3fff::", 20)];

/// Whether an address is of the public internet.
fn is_public(address: IpAddr) -> bool {
    let within = |list: &[(&str, u32)], address: IpAddr| {
        list.iter().any(|(net, length)| net.parse().is_ok_and(|net| Network::around(net, *length).holds(address)))
    };
    match address {
        IpAddr::V4(_) => !within(&NOT_PUBLIC_4, address),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public(v4.into()),
            None => is_global_unicast(v6) && !within(&NOT_PUBLIC_6, address),
        },
    }
}

fn is_global_unicast(v6: Ipv6Addr) -> bool {
    v6.segments()[0] & 0xe000 == 0x2000
}

impl Rules {
    fn permit(&self, address: IpAddr) -> bool {
        is_public(address) || self.networks.iter().any(|n| n.holds(address))
    }

    /// An address that may be called, as far as its text says; names are checked again when they are resolved.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `url`, saying what is wrong.
    pub fn check(&self, text: &str) -> Result<Url> {
        let no = |code: &str, why: &str| Error::invalid("url", code, why);
        if text.len() > LONGEST || text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(no("wrong_form", "Is an address such as https://example.org/hook"));
        }
        let url = Url::parse(text).map_err(|_| no("wrong_form", "Is an address such as https://example.org/hook"))?;
        if url.scheme() != "https" {
            return Err(no("not_https", "Begins with https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(no("has_credentials", "Holds no user name and no password"));
        }
        let host = url.host_str().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        match literal {
            Ok(address) if self.permit(address) => {}
            Ok(_) => return Err(not_public()),
            // A name of one word is looked up in the networks of the house.
            Err(_) if !host.trim_end_matches('.').contains('.') => return Err(not_public()),
            Err(_) => {}
        }
        Ok(url)
    }
}

fn not_public() -> Error {
    Error::invalid("url", "not_public", "Names a host of the public internet, not one inside a network")
}

impl Origin {
    /// The origin of an address.
    #[must_use]
    pub fn of(url: &Url) -> Self {
        Self(url.origin().ascii_serialization())
    }
}

impl Outbound {
    /// With the machine's own look-up of names.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is no TLS, or a certificate cannot be read.
    pub fn new(rules: Rules) -> Result<Self> {
        let lookup: Lookup = Arc::new(|name| {
            Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect()) })
        });
        Self::with(rules, lookup)
    }

    /// With another look-up.
    ///
    /// # Errors
    /// As [`Outbound::new`].
    pub fn with(rules: Rules, lookup: Lookup) -> Result<Self> {
        let rules = Arc::new(rules);
        let certificates = rules.authorities.iter().map(|pem| reqwest::Certificate::from_pem(pem));
        let certificates: Vec<_> = certificates
            .collect::<std::result::Result<_, _>>()
            .map_err(|_| Error::Unavailable("a certificate of outbound_authorities cannot be read".into()))?;
        let client = Client::builder()
            .https_only(true)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .timeout(Duration::from_secs(10))
            .connect_timeout(Duration::from_secs(5))
            .pool_max_idle_per_host(0)
            .tls_certs_merge(certificates)
            .dns_resolver(Arc::new(Pinned { rules: rules.clone(), lookup }))
            .build()
            .map_err(|e| Error::Unavailable(format!("no TLS client can be made: {e}")))?;
        Ok(Self { client, rules })
    }

    /// What is permitted.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// A request to an address, for an exchange that a message is too small for. Whoever sends it bounds what they read.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an address that must not be called.
    pub fn request(&self, method: reqwest::Method, url: &str) -> Result<reqwest::RequestBuilder> {
        Ok(self.client.request(method, self.rules.check(url)?))
    }

    /// Sends a message; the status of the answer. A redirect is an answer like any other.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an address that must not be called; [`Error::Refused`] for a credential of another origin;
    /// [`Error::Unavailable`] when it cannot be reached or is, by its name, inside a network.
    pub async fn post(&self, url: &str, message: Message<'_>) -> Result<u16> {
        let url = self.rules.check(url)?;
        let mut request = self.client.post(url.clone()).body(message.body);
        if !message.headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        if let Some((origin, value)) = message.credential {
            if *origin != Origin::of(&url) {
                let detail = "This credential was made for another origin".into();
                return Err(Error::Refused { code: "other_origin", detail });
            }
            request = request.header("authorization", value);
        }
        for (name, value) in message.headers {
            request = request.header(name, value);
        }
        let mut reply = request.send().await.map_err(|e| unreachable(&e))?;
        let (status, mut read) = (reply.status().as_u16(), 0);
        // Read to be polite, and not beyond that.
        while let Ok(Some(part)) = reply.chunk().await {
            read += part.len();
            if read > ANSWER_BYTES {
                break;
            }
        }
        Ok(status)
    }
}

/// A new secret to sign calls with.
///
/// # Errors
/// [`Error::Internal`] when the random source fails.
pub fn new_secret() -> Result<String> {
    let mut secret = [0; 32];
    crate::seal::fill_random(&mut secret)?;
    Ok(format!("whsec_{}", hex::encode(secret)))
}

/// The signature of a call: `t=<seconds since 1970>,v1=<HMAC-SHA-256 of the time, a point and the body, in hex>`. A receiver
/// computes it again with the secret, and refuses a time that is more than some minutes from its own.
#[must_use]
pub fn sign(secret: &str, at: i64, body: &[u8]) -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    let code = crate::seal::hmac(&key, &[at.to_string().as_bytes(), b".", body]);
    format!("t={at},v1={}", hex::encode(code))
}

fn unreachable(e: &reqwest::Error) -> Error {
    let mut cause = std::error::Error::source(e);
    while let Some(inner) = cause {
        if inner.is::<NotPublic>() {
            return Error::Unavailable("the receiver is not on the public internet".into());
        }
        cause = inner.source();
    }
    Error::Unavailable(if e.is_timeout() {
        "the receiver did not answer in time".into()
    } else {
        "the receiver cannot be reached".into()
    })
}

#[derive(Debug, thiserror::Error)]
#[error("an address inside a network")]
struct NotPublic;

/// Resolves names, and lets no address through that must not be called.
struct Pinned {
    rules: Arc<Rules>,
    lookup: Lookup,
}

impl Resolve for Pinned {
    fn resolve(&self, name: Name) -> Resolving {
        let (rules, found) = (self.rules.clone(), (self.lookup)(name.as_str().to_owned()));
        Box::pin(async move {
            let found = found.await?;
            // One address inside is one too many: such a name is a trap, not a receiver.
            if found.is_empty() || !found.iter().all(|address| rules.permit(*address)) {
                return Err(NotPublic.into());
            }
            let addresses = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}
