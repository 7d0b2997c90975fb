//! Where a sign-in comes from: which networks a tenant permits, and how many failures from one are borne.
//!
//! Failures are counted by account and network (`spec` 4), so that a stranger elsewhere does not lock anybody out of
//! their own place, and by network alone, so that one place does not try all accounts.

use super::{configuration::SecurityConfiguration, sign_in::Whom};
use salus_core::{Error, Result};
use salus_store::{Tx, outbound::Network, sql};
use std::net::IpAddr;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Failures of one network, whoever was meant, are counted this long.
const BY_NETWORK: Duration = Duration::minutes(15);

/// Whether an address is in one of these ranges: an empty list permits all.
///
/// # Errors
/// [`Error::Internal`] when a range cannot be read: then nobody is let in, rather than everybody.
pub fn admits(ranges: &[String], ip: &str) -> Result<bool> {
    let mut inside = ranges.is_empty();
    for range in ranges {
        let range = Network::parse(range)
            .map_err(|_| Error::internal("a list of networks holds what is no network such as 192.0.2.0/24"))?;
        inside |= ip.parse().is_ok_and(|ip| range.holds(ip));
    }
    Ok(inside)
}

/// The /24 or /48 an address is in, as it is counted; an address that cannot be read counts as one.
fn network(ip: &str) -> [u8; 16] {
    let Ok(ip) = ip.parse::<IpAddr>() else { return [0; 16] };
    let ip = ip.to_canonical();
    Network::around(ip, if ip.is_ipv4() { 24 } else { 48 }).first()
}

/// The digest by which an address's network is found again in the history.
///
/// # Errors
/// [`Error::Internal`] when the column does not exist.
pub fn digest(tx: &Tx, ip: &str) -> Result<Vec<u8>> {
    tx.digest("auth.login_history", "network", &network(ip))
}

/// The digest by which an address that is no user's is found again.
///
/// # Errors
/// [`Error::Internal`] when the column does not exist.
pub fn address(tx: &Tx, email: &str) -> Result<Vec<u8>> {
    tx.digest("auth.login_history", "address", email.trim().to_lowercase().as_bytes())
}

/// What tells somebody to wait.
pub fn wait(until: OffsetDateTime, now: OffsetDateTime) -> Error {
    Error::TooMany(u32::try_from((until - now).whole_seconds().max(1)).unwrap_or(u32::MAX))
}

/// Until when this network must wait, for this account or altogether; nothing when it need not any more.
///
/// # Errors
/// Those of the database.
pub async fn locked_until(
    tx: &mut Tx,
    whom: &Whom,
    ip: &str,
    rules: &SecurityConfiguration,
) -> Result<Option<OffsetDateTime>> {
    let (network, now) = (digest(tx, ip)?, tx.ctx.env.now());
    let lock = Duration::minutes(rules.lockout_duration_minutes);
    if !matches!(whom, Whom::Unknown) {
        // The last failures since the last success, or since somebody lifted a lock; newest first.
        let sql = sql!(
            "SELECT h.created_at FROM auth.login_history h WHERE (h.user_id = $1 OR h.address = $4) AND h.network = $2 AND h.outcome = 'refused' \
               AND h.created_at > coalesce(greatest((SELECT max(s.created_at) FROM auth.login_history s \
                 WHERE s.user_id = $1 AND s.network = $2 AND s.outcome = 'success'), \
                 (SELECT u.unlocked_at FROM auth.users u WHERE u.tenant_id = h.tenant_id AND u.id = $1)), '-infinity') \
             ORDER BY h.created_at DESC LIMIT $3"
        );
        let most = i64::from(rules.max_login_attempts.max(1));
        let failed = tx.query(sql, &[&whom.id(), &network, &most, &whom.address()]).await?;
        let times: Vec<OffsetDateTime> = failed.iter().map(|row| row.get(0)).collect();
        if let [newest, .., oldest] | [newest @ oldest] = times.as_slice()
            && i64::try_from(times.len()) == Ok(most)
            && *newest - *oldest <= lock
            && *newest + lock > now
        {
            return Ok(Some(*newest + lock));
        }
    }
    // A proxy on this machine speaks for everybody, so there is nothing to tell networks apart by.
    if rules.max_failures_per_network == 0 || ip.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback()) {
        return Ok(None);
    }
    let sql = sql!(
        "SELECT count(*), max(created_at) FROM auth.login_history WHERE network = $1 AND created_at > $2 AND outcome = 'refused'"
    );
    let row = tx.query_opt(sql, &[&network, &(now - BY_NETWORK)]).await?;
    let row = row.ok_or_else(|| Error::internal("a count has a row"))?;
    let (failed, last): (i64, Option<OffsetDateTime>) = (row.get(0), row.get(1));
    Ok(last.filter(|_| failed >= rules.max_failures_per_network).map(|at| at + BY_NETWORK))
}

/// Until when somebody may try nothing: after too many failures from their network or of the account, unless they come by a
/// browser that is known.
///
/// # Errors
/// Those of the database.
pub async fn lock(
    tx: &mut Tx,
    whom: &Whom,
    (account, known): (Option<OffsetDateTime>, Option<Uuid>),
    ip: &str,
    rules: &SecurityConfiguration,
) -> Result<Option<OffsetDateTime>> {
    let network = locked_until(tx, whom, ip, rules).await?;
    let now = tx.ctx.env.now();
    Ok(network.max(account).filter(|until| *until > now && known.is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_is_in_them() {
        let allowed =
            |ranges: &[&str], ip: &str| admits(&ranges.iter().map(|r| (*r).to_owned()).collect::<Vec<_>>(), ip);
        for (ranges, ip, inside) in [
            (&["192.0.2.0/24"][..], "192.0.2.77", true),
            (&["192.0.2.0/24"], "192.0.3.1", false),
            (&["10.0.0.0/8", "192.0.2.5"], "192.0.2.5", true),
            (&["192.0.2.5"], "192.0.2.6", false),
            (&["2001:db8::/32"], "2001:db8:7::1", true),
            (&["2001:db8::/32"], "2001:db9::1", false),
            (&["192.0.2.0/24"], "::ffff:192.0.2.9", true),
            (&["0.0.0.0/0"], "203.0.113.9", true),
            (&["0.0.0.0/0"], "2001:db8::1", false),
            (&["192.0.2.0/24"], "", false),
            (&[], "", true),
        ] {
            assert_eq!(allowed(ranges, ip).unwrap(), inside, "{ranges:?} {ip}");
        }
        for wrong in ["192.0.2.0/33", "office", "192.0.2", ""] {
            assert!(matches!(allowed(&[wrong], "192.0.2.1"), Err(Error::Internal(_))), "{wrong}");
        }
    }

    #[test]
    fn neighbours_count_as_one() {
        assert_eq!(network("192.0.2.1"), network("192.0.2.250"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.9"));
        assert_ne!(network("192.0.2.1"), network("192.0.3.1"));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:ffff::9"));
        assert_ne!(network("2001:db8:1::1"), network("2001:db8:2::1"));
    }
}
