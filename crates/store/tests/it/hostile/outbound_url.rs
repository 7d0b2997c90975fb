//! What holds of any bytes in the place of an address that is to be called, whoever thinks them up.

use salus_store::outbound::{Origin, Rules};
use std::net::IpAddr;

/// Nothing panics; what is taken is https without a user, never a name of one word, and never an address inside a network
/// however it was written; taken once, it is taken again and is the same.
pub fn any_bytes(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let rules = Rules::default();
    let Ok(url) = rules.check(text) else { return };
    assert_eq!(url.scheme(), "https");
    assert!(url.username().is_empty() && url.password().is_none());
    let host = url.host_str().expect("it has a host");
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(IpAddr::V4(v4)) => {
            assert!(!(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified()), "{v4}");
            assert!(!(v4.is_broadcast() || v4.is_documentation() || v4.is_multicast()), "{v4}");
        }
        Ok(IpAddr::V6(v6)) => assert_eq!(v6.segments()[0] & 0xe000, 0x2000, "{v6}"),
        Err(_) => assert!(host.trim_end_matches('.').contains('.'), "{host}"),
    }
    let again = rules.check(url.as_str()).expect("is taken again");
    assert_eq!((Origin::of(&again), again.as_str()), (Origin::of(&url), url.as_str()));
}
