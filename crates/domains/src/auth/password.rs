//! Passwords: rules as a tenant's data, Argon2id on a bounded pool, and as much work for an unknown user as for a
//! known one. Hashes that another system made with bcrypt are verified too, and replaced when their owner signs in.

use super::{common::is_common, configuration::SecurityConfiguration, leaked, strength};
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use salus_core::{Error, Result};
use salus_store::Tx;
use std::sync::LazyLock;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;

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

/// A password as it is hashed: what looks the same is the same, whichever keyboard composed it (NFC; NIST SP 800-63B). Bcrypt
/// hashes of another system were made of the bytes that came.
fn composed(password: &str) -> String {
    password.nfc().collect()
}

/// The PHC string of a password.
///
/// # Errors
/// [`Error::Internal`] when hashing fails.
pub async fn hash(password: &str) -> Result<String> {
    let password = composed(password);
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
        if is_bcrypt(&stored) {
            let unreadable = |_| Error::internal("a stored password hash cannot be read");
            return Ok(password.len() <= LONGEST && bcrypt::verify(&password, &stored).map_err(unreadable)?);
        }
        let hash = PasswordHash::new(&stored).map_err(|_| Error::internal("a stored password hash cannot be read"))?;
        let right =
            password.len() <= LONGEST && hasher()?.verify_password(composed(&password).as_bytes(), &hash).is_ok();
        Ok(right && known)
    })
    .await
}

/// Whether a hash is one of bcrypt, as existing systems keep them.
pub fn is_bcrypt(hash: &str) -> bool {
    ["$2a$", "$2b$", "$2y$"].iter().any(|mark| hash.starts_with(mark))
}

/// Checks that a hash of another system can be verified here.
///
/// # Errors
/// [`Error::Invalid`] on `bcrypt_hash`.
pub fn check_imported(hash: &str) -> Result<()> {
    let wrong = |why: &str| Err(Error::invalid("bcrypt_hash", "not_allowed", why));
    if !is_bcrypt(hash) {
        return wrong("Is a bcrypt hash: 60 characters that begin with $2a$, $2b$ or $2y$");
    }
    let cost: Option<u32> = hash.get(4..6).and_then(|c| c.parse().ok());
    let alphabet = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'/');
    let formed = hash.len() == 60 && hash.as_bytes()[6] == b'$' && hash.bytes().skip(7).all(alphabet);
    match cost {
        // Beyond that one sign-in takes the machine for seconds.
        Some(4..=14) if formed => Ok(()),
        Some(15..) if formed => wrong("Has a cost of at most 14"),
        _ => wrong("Is no whole bcrypt hash: it has 60 characters"),
    }
}

/// Whether a hash should be made anew while the password is at hand.
pub fn is_outdated(hash: &str) -> bool {
    is_bcrypt(hash) || !hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
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
    let score = rules.min_password_score;
    if score > 0 {
        let words = format!("to be harder to guess (a strength of {score} out of 4): longer, or less regular");
        out.push((words, Box::new(move |p| strength::score(p, own) >= score)));
    }
    out
}

/// The rules in words, for the page where a password is chosen.
///
/// # Errors
/// Those of the database.
pub async fn rules(tx: &mut Tx, rules: &SecurityConfiguration) -> Result<Vec<String>> {
    let mut words: Vec<String> = demands(rules, &[]).into_iter().map(|(words, _)| words).collect();
    if rules.breached_password_check && leaked::current(tx).await?.is_some() {
        words.push("not to be on the list of leaked passwords".into());
    }
    Ok(words)
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

    #[tokio::test]
    async fn a_password_is_the_same_on_every_keyboard() {
        let stored = hash("Caf\u{e9} com le\u{ed}te 7").await.unwrap();
        assert!(verify("Cafe\u{301} com lei\u{301}te 7", Some(&stored)).await.unwrap());
        assert!(!verify("Cafe com leite 7", Some(&stored)).await.unwrap());
    }

    #[tokio::test]
    async fn hashes_of_existing_systems_are_verified_and_known_as_outdated() {
        let hash = bcrypt::hash("correct horse battery", 4).unwrap();
        for mark in ["$2a$", "$2b$", "$2y$"] {
            let hash = format!("{mark}{}", &hash[4..]);
            check_imported(&hash).unwrap();
            assert!(is_outdated(&hash));
            assert!(verify("correct horse battery", Some(&hash)).await.unwrap());
            assert!(!verify("correct horse batterx", Some(&hash)).await.unwrap());
        }
        assert!(!is_outdated(&super::hash("x").await.unwrap()));
        for (bad, says) in [
            ("5f4dcc3b5aa765d61d8327deb882cf99", "bcrypt"),
            ("$2b$31$", "60 characters"),
            (&format!("$2b$15${}", "a".repeat(53)), "at most 14"),
            (&format!("$2b$10${}", "a".repeat(52)), "60 characters"),
        ] {
            assert!(check_imported(bad).unwrap_err().to_string().contains(says), "{bad}");
        }
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
        let guessed = SecurityConfiguration { breached_password_check: false, ..SecurityConfiguration::default() };
        let Err(Error::Invalid(why)) = check_rules(&guessed, &[], "PasswordPassword1") else { panic!("accepted") };
        assert!(why[0].message.contains("a strength of 3"), "{}", why[0].message);
        let lax = SecurityConfiguration { min_password_score: 0, ..guessed };
        check_rules(&lax, &[], "PasswordPassword1").unwrap();
    }
}
