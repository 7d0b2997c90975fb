//! Browsers that signed in before. A stranger's failures lock nobody out of a browser that is known; failures from that
//! browser itself are counted by it, and too many end its trust.

use super::{configuration::SecurityConfiguration, token::Token};
use crate::{clock, row};
use salus_core::Result;
use salus_store::{Tx, engine::NewRow, sql};
use serde_json::json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// A token for the browser's cookie, and when its trust ends.
pub type DeviceToken = (String, OffsetDateTime);

/// The known device of a user behind what a browser presented.
pub async fn find(tx: &mut Tx, user: Uuid, presented: &str) -> Result<Option<Uuid>> {
    let Some(token) = Token::parse(presented).filter(|t| t.tenant == tx.ctx.tenant) else { return Ok(None) };
    let sql = sql!(
        "SELECT id FROM auth.trusted_devices WHERE token_hash = $1::bytea AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3"
    );
    let now = tx.ctx.env.now();
    Ok(tx.query_opt(sql, &[&token.hash, &user, &now]).await?.map(|r| r.get(0)))
}

/// Somebody failed to sign in from a known device.
pub async fn failed(tx: &mut Tx, device: Uuid, rules: &SecurityConfiguration) -> Result<()> {
    let sql = sql!(
        "UPDATE auth.trusted_devices SET failed_attempts = failed_attempts + 1, \
           revoked_at = CASE WHEN failed_attempts + 1 >= $2 THEN $3::timestamptz END WHERE id = $1"
    );
    let now = tx.ctx.env.now();
    tx.query(sql, &[&device, &rules.max_login_attempts, &now]).await.map(|_| ())
}

/// Somebody signed in: the device is known from now on, if the tenant has it so. A device that was known keeps its token.
pub async fn trust(
    tx: &mut Tx,
    user: Uuid,
    known: Option<Uuid>,
    agent: &str,
    rules: &SecurityConfiguration,
) -> Result<Option<DeviceToken>> {
    if rules.device_trust_days == 0 {
        return Ok(None);
    }
    let now = tx.ctx.env.now();
    if let Some(device) = known {
        let sql = sql!("UPDATE auth.trusted_devices SET failed_attempts = 0, last_used_at = $2 WHERE id = $1");
        tx.query(sql, &[&device, &now]).await?;
        return Ok(None);
    }
    let (token, text) = Token::new(tx.ctx.tenant, "sld_")?;
    let ends = now + Duration::days(rules.device_trust_days);
    let values = row(json!({
        "user_id": user,
        "token_hash": hex::encode(&token.hash),
        "user_agent": (!agent.is_empty()).then_some(agent),
        "last_used_at": clock::text(now)?,
        "expires_at": clock::text(ends)?,
    }));
    let id = tx.ctx.env.id();
    tx.insert("auth.trusted_devices", &[NewRow { id, values }]).await?;
    Ok(Some((text, ends)))
}

/// Browser and system out of what a browser calls itself, which names those it once imitated as well; nothing for what is not
/// known.
#[must_use]
pub fn browser_and_system(agent: &str) -> [Option<&'static str>; 2] {
    // Later ones stand in the names of the earlier as well.
    const BROWSERS: [(&str, &str); 6] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("CrOS", "ChromeOS"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |all: &[(&str, &'static str)]| all.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    [find(&BROWSERS), find(&SYSTEMS)]
}
