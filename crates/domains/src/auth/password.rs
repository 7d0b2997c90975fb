//! Passwords: rules as a tenant's data, Argon2id on a bounded pool, and as much work for an unknown user as for a
//! known one.

use super::common::is_common;
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use salus_core::{Error, Result};
use serde::Deserialize;
use std::sync::LazyLock;
use tokio::sync::Semaphore;

/// A tenant's rules for passwords and sessions: the setting `security.configuration`, fields as system 003 names them.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(clippy::struct_excessive_bools, reason = "independent rules, as the specification has them")]
#[allow(missing_docs, reason = "the names are the specification's")]
pub struct SecurityConfiguration {
    pub password_min_length: usize,
    pub password_require_uppercase: bool,
    pub password_require_lowercase: bool,
    pub password_require_numbers: bool,
    pub password_require_special: bool,
    pub max_login_attempts: i32,
    pub lockout_duration_minutes: i64,
    pub session_timeout_minutes: i64,
    #[serde(rename = "absolute_session_hours")]
    pub absolute_session_hours: i64,
    /// Days after which a password must be replaced; 0: never, as today's standard has it.
    pub password_expiry_days: i64,
    /// Networks such as `192.0.2.0/24` from which people may sign in; none: from anywhere.
    pub allowed_ip_ranges: Vec<String>,
    /// Refuse passwords that are guessed first.
    #[serde(rename = "breached_password_check")]
    pub breached_password_check: bool,
    /// Failures of one network in a quarter of an hour, whoever was meant, after which it waits; 0: no limit.
    pub max_failures_per_network: i64,
}

impl Default for SecurityConfiguration {
    /// Today's standard (NIST SP 800-63B-4): length instead of composition, no expiry.
    fn default() -> Self {
        Self {
            password_min_length: 15,
            password_require_uppercase: false,
            password_require_lowercase: false,
            password_require_numbers: false,
            password_require_special: false,
            max_login_attempts: 5,
            lockout_duration_minutes: 30,
            session_timeout_minutes: 30,
            absolute_session_hours: 12,
            password_expiry_days: 0,
            allowed_ip_ranges: Vec::new(),
            breached_password_check: true,
            max_failures_per_network: 50,
        }
    }
}

/// Longest password that is taken, in bytes: Argon2 hashes any length, but nobody types more.
const LONGEST: usize = 512;

/// As many hashes at a time as there are processors: each takes 19 MiB and a core.
static SLOTS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(2, std::num::NonZero::get)));

/// What a password is compared with when there is no user, so that the answer takes as long.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash_now("nobody has this password").unwrap_or_default());

/// Argon2id with 19 MiB, two passes, one lane (OWASP's first choice).
fn hasher() -> Result<Argon2<'static>> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(Error::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_now(password: &str) -> Result<String> {
    let mut salt = [0; 16];
    salus_store::seal::fill_random(&mut salt)?;
    let hash = hasher()?.hash_password_with_salt(password.as_bytes(), &salt).map_err(Error::internal)?;
    Ok(hash.to_string())
}

/// The PHC string of a password.
///
/// # Errors
/// [`Error::Internal`] when hashing fails.
pub async fn hash(password: &str) -> Result<String> {
    let password = password.to_owned();
    blocking(move || hash_now(&password)).await
}

/// Whether a password is the one that was hashed; `None` costs the same and is never right.
///
/// # Errors
/// [`Error::Internal`] when the stored string is no hash.
pub async fn verify(password: &str, stored: Option<&str>) -> Result<bool> {
    let (password, known) = (password.to_owned(), stored.is_some());
    let stored = stored.unwrap_or(&NOBODY).to_owned();
    blocking(move || {
        let hash = PasswordHash::new(&stored).map_err(|_| Error::internal("a stored password hash cannot be read"))?;
        let right = password.len() <= LONGEST && hasher()?.verify_password(password.as_bytes(), &hash).is_ok();
        Ok(right && known)
    })
    .await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let _slot = SLOTS.acquire().await.map_err(Error::internal)?;
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}

/// A rule in words and its test.
type Demand<'a> = (String, Box<dyn Fn(&str) -> bool + 'a>);

/// What a password must have under these rules, in words, each with its test.
fn demands<'a>(rules: &SecurityConfiguration, own: &'a [&'a str]) -> Vec<Demand<'a>> {
    let (least, has) = (rules.password_min_length, |test: fn(char) -> bool| move |p: &str| p.chars().any(test));
    let mut out: Vec<Demand<'a>> = vec![
        (format!("at least {least} characters"), Box::new(move |p| p.chars().count() >= least)),
        (format!("at most {LONGEST} bytes"), Box::new(|p| p.len() <= LONGEST)),
    ];
    if rules.password_require_uppercase {
        out.push(("an upper-case letter".into(), Box::new(has(char::is_uppercase))));
    }
    if rules.password_require_lowercase {
        out.push(("a lower-case letter".into(), Box::new(has(char::is_lowercase))));
    }
    if rules.password_require_numbers {
        out.push(("a digit".into(), Box::new(has(char::is_numeric))));
    }
    if rules.password_require_special {
        out.push(("a character that is no letter or digit".into(), Box::new(has(|c| !c.is_alphanumeric()))));
    }
    if rules.breached_password_check {
        let words = "something besides common words, names of yours, digits and signs".into();
        out.push((words, Box::new(|p| !is_common(p, own))));
    }
    out
}

/// The rules in words, for the page where a password is chosen.
#[must_use]
pub fn rules(rules: &SecurityConfiguration) -> Vec<String> {
    demands(rules, &[]).into_iter().map(|(words, _)| words).collect()
}

/// Checks a new password against the tenant's rules; `own` are names of the person and the place, which are no secret.
///
/// # Errors
/// [`Error::Invalid`] on `password`, naming every rule that is not met.
pub fn check_rules(rules: &SecurityConfiguration, own: &[&str], password: &str) -> Result<()> {
    let unmet: Vec<String> =
        demands(rules, own).into_iter().filter(|(_, met)| !met(password)).map(|(words, _)| words).collect();
    if unmet.is_empty() {
        Ok(())
    } else {
        Err(Error::invalid("password", "too_weak", format!("Needs {}", unmet.join(", "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_somebody_is_right() {
        let stored = hash("correct horse battery").await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify("correct horse battery", Some(&stored)).await.unwrap());
        assert!(!verify("correct horse batterx", Some(&stored)).await.unwrap());
        assert!(!verify("nobody has this password", None).await.unwrap());
    }

    #[test]
    fn rules_are_the_tenants() {
        let strict = SecurityConfiguration {
            password_min_length: 12,
            password_require_uppercase: true,
            password_require_special: true,
            ..SecurityConfiguration::default()
        };
        let Err(Error::Invalid(why)) = check_rules(&strict, &[], "short") else { panic!("accepted") };
        assert!(why[0].message.contains("12 characters") && why[0].message.contains("upper-case"));
        check_rules(&strict, &[], "Long enough, really!").unwrap();
        assert!(check_rules(&SecurityConfiguration::default(), &[], "fourteen chars").is_err());
        assert!(check_rules(&SecurityConfiguration::default(), &[], "PasswordPassword1!").is_err());
        let lax = SecurityConfiguration { breached_password_check: false, ..SecurityConfiguration::default() };
        check_rules(&lax, &[], "PasswordPassword1!").unwrap();
    }
}
