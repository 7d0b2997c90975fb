//! Who asks: the other end of the connection, or whom a proxy there asks for.

use axum::http::HeaderMap;
use salus_store::outbound::Network;
use std::net::{IpAddr, SocketAddr};

/// The header by which proxies say for whom they ask: each appends the address that it was asked from.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

impl Peer {
    /// Whom this address asks for. Only a proxy of ours is believed, and only about who asked it: what stands further left in
    /// the header was sent by them, and anybody can send it.
    #[must_use]
    pub fn behind(self, proxies: &[Network], headers: &HeaderMap) -> Self {
        let is_ours = |ip: IpAddr| proxies.iter().any(|network| network.holds(ip));
        let texts = headers.get_all(FORWARDED_FOR).iter().map(|value| value.to_str().unwrap_or_default());
        let told: Vec<&str> = texts.flat_map(|text| text.split(',')).collect();
        let mut asks = self.0;
        for text in told.iter().rev() {
            if !is_ours(asks) {
                break;
            }
            let Some(ip) = address(text) else { break };
            asks = ip;
        }
        Self(asks)
    }
}

/// An address, with a port or without, as proxies write it.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let ip = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|a| a.ip()));
    ip.map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_proxy_of_ours_says_for_whom_it_asks() {
        let proxies = ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"].map(|n| Network::parse(n).unwrap());
        for (peer, told, asks) in [
            ("127.0.0.1", &[][..], "127.0.0.1"),
            ("127.0.0.1", &["192.0.2.7"], "192.0.2.7"),
            ("127.0.0.1", &["203.0.113.5, 192.0.2.7"], "192.0.2.7"),
            ("127.0.0.1", &["192.0.2.7, 10.2.3.4"], "192.0.2.7"),
            ("127.0.0.1", &["192.0.2.7", "10.2.3.4"], "192.0.2.7"),
            ("127.0.0.1", &["10.9.9.9, 10.2.3.4"], "10.9.9.9"),
            ("127.0.0.1", &["unknown"], "127.0.0.1"),
            ("127.0.0.1", &["192.0.2.7, unknown"], "127.0.0.1"),
            ("127.0.0.1", &["192.0.2.7:40112"], "192.0.2.7"),
            ("127.0.0.1", &["[2001:db9::7]:40112"], "2001:db9::7"),
            ("127.0.0.1", &["[2001:db9::7]"], "2001:db9::7"),
            ("2001:db8::1", &["::ffff:192.0.2.7"], "192.0.2.7"),
            ("192.0.2.9", &["203.0.113.5"], "192.0.2.9"),
        ] {
            let mut headers = HeaderMap::new();
            for text in told {
                headers.append(FORWARDED_FOR, text.parse().unwrap());
            }
            let ip = |text: &str| Peer(text.parse().unwrap());
            assert_eq!(ip(peer).behind(&proxies, &headers), ip(asks), "{peer} {told:?}");
            assert_eq!(ip(peer).behind(&[], &headers), ip(peer), "nobody is believed unless it is said");
        }
    }
}
