//! A tenant's rules for sign-in as data: the setting `security.configuration`, members as system 003 names them.
//!
//! Holds: what is written is checked member by member, and every member is in force. Two sets are offered: that of
//! system 003, and the stricter one of today's standard, which also holds where a tenant has set none.

use salus_core::{Error, FieldError, Result};
use salus_store::{Tx, outbound::Network, sql};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt::Display;

/// The name of the setting.
pub const NAME: &str = "security.configuration";

/// A tenant's rules for passwords, second factors and sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "independent rules, as the specification has them")]
#[allow(missing_docs, reason = "the names are the specification's")]
pub struct SecurityConfiguration {
    pub password_min_length: usize,
    pub password_require_uppercase: bool,
    pub password_require_lowercase: bool,
    pub password_require_numbers: bool,
    pub password_require_special: bool,
    /// How hard a new password is to guess at least: 0 to 4, see [`super::strength`].
    #[serde(rename = "min_password_score")]
    pub min_password_score: u8,
    /// How many former passwords cannot be taken again.
    #[serde(rename = "password_history")]
    pub password_history: i64,
    /// Days after which a password must be replaced; 0: never, as today's standard has it.
    pub password_expiry_days: i64,
    /// Refuse passwords that are guessed first.
    #[serde(rename = "breached_password_check")]
    pub breached_password_check: bool,
    pub max_login_attempts: i32,
    pub lockout_duration_minutes: i64,
    /// Failures of one network in a quarter of an hour, whoever was meant, after which it waits; 0: no limit.
    pub max_failures_per_network: i64,
    /// Days for which a browser that signed in is exempt from locks that strangers cause; 0: none is.
    #[serde(rename = "device_trust_days")]
    pub device_trust_days: i64,
    pub session_timeout_minutes: i64,
    #[serde(rename = "absolute_session_hours")]
    pub absolute_session_hours: i64,
    /// Living sessions of one account; beyond that the one that went unused for longest ends. 0: no limit.
    #[serde(rename = "max_sessions")]
    pub max_sessions: i64,
    /// Everybody needs a second factor.
    pub require_mfa: bool,
    /// Holders of these roles need one, besides those whose permissions demand it ([`super::assurance`]).
    #[serde(rename = "mfa_required_roles")]
    pub mfa_required_roles: Vec<String>,
    /// Networks such as `192.0.2.0/24` from which people may sign in; none: from anywhere.
    pub allowed_ip_ranges: Vec<String>,
    /// Whether these rules hold; if not, those of today's standard do.
    pub is_active: bool,
}

impl Default for SecurityConfiguration {
    /// Today's standard (NIST SP 800-63B-4): length instead of composition, no expiry, and a second factor for all who
    /// reach health data.
    fn default() -> Self {
        Self {
            password_min_length: 15,
            password_require_uppercase: false,
            password_require_lowercase: false,
            password_require_numbers: false,
            password_require_special: false,
            min_password_score: 3,
            password_history: 12,
            password_expiry_days: 0,
            breached_password_check: true,
            max_login_attempts: 5,
            lockout_duration_minutes: 30,
            max_failures_per_network: 50,
            device_trust_days: 30,
            session_timeout_minutes: 30,
            absolute_session_hours: 12,
            max_sessions: 10,
            require_mfa: true,
            mfa_required_roles: Vec::new(),
            allowed_ip_ranges: Vec::new(),
            is_active: true,
        }
    }
}

/// A set of rules that is offered, with what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Today's standard; with it a new tenant starts.
    Current,
    /// The set that system 003 stores.
    System003,
}

impl Profile {
    /// All of them, the recommended one first.
    pub const ALL: [Self; 2] = [Self::Current, Self::System003];

    /// Its name in the API and in forms.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Current => "current-standard",
            Self::System003 => "system-003",
        }
    }

    /// Its rules.
    #[must_use]
    pub fn rules(self) -> SecurityConfiguration {
        match self {
            Self::Current => SecurityConfiguration::default(),
            Self::System003 => SecurityConfiguration {
                password_min_length: 12,
                password_require_uppercase: true,
                password_require_lowercase: true,
                password_require_numbers: true,
                password_require_special: true,
                password_expiry_days: 90,
                require_mfa: false,
                ..SecurityConfiguration::default()
            },
        }
    }
}

/// Whole numbers and the range in which each makes sense.
const RANGES: &[(&str, i64, i64)] = &[
    ("passwordMinLength", 8, 128),
    ("min_password_score", 0, 4),
    ("password_history", 0, 24),
    ("passwordExpiryDays", 0, 3650),
    ("maxLoginAttempts", 1, 100),
    ("lockoutDurationMinutes", 1, 1440),
    ("maxFailuresPerNetwork", 0, 100_000),
    ("device_trust_days", 0, 365),
    ("sessionTimeoutMinutes", 1, 1440),
    ("absolute_session_hours", 1, 720),
    ("max_sessions", 0, 1000),
];

impl SecurityConfiguration {
    /// The rules in a value as it was sent. Members that are left out are those of today's standard.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming every member that cannot be, and what it can be.
    pub fn read(value: &Value) -> Result<Self> {
        let Value::Object(members) = value else {
            return Err(Error::invalid(
                "value",
                "wrong_type",
                "Is an object of rules such as {\"passwordMinLength\": 15}",
            ));
        };
        let mut wrong = Vec::new();
        for (name, value) in members {
            wrong.extend(check(name, value));
        }
        let number = |name: &str, fallback: i64| members.get(name).and_then(Value::as_i64).unwrap_or(fallback);
        let (idle, whole) = (number("sessionTimeoutMinutes", 30), number("absolute_session_hours", 12));
        if wrong.is_empty() && idle > whole * 60 {
            let why = format!("Is at most the whole life of a session, absolute_session_hours: {} minutes", whole * 60);
            wrong.push(FieldError::new("sessionTimeoutMinutes", "not_allowed", why));
        }
        if !wrong.is_empty() {
            return Err(Error::Invalid(wrong));
        }
        serde_json::from_value(value.clone()).map_err(|e| Error::invalid("value", "wrong_shape", e.to_string()))
    }

    /// The rules as they are stored.
    #[must_use]
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// These rules where they are active, else those of today's standard.
    #[must_use]
    pub fn in_force(self) -> Self {
        if self.is_active { self } else { Self::default() }
    }

    /// The rules with some members changed.
    ///
    /// # Errors
    /// As [`SecurityConfiguration::read`].
    pub fn with(&self, changes: Map<String, Value>) -> Result<Self> {
        let mut value = self.to_value();
        if let Value::Object(members) = &mut value {
            members.extend(changes);
        }
        Self::read(&value)
    }
}

/// What is wrong with one member.
fn check(name: &str, value: &Value) -> Option<FieldError> {
    let known = SecurityConfiguration::default().to_value();
    let wrong = |code: &str, why: &dyn Display| Some(FieldError::new(name, code, why.to_string()));
    let Some(example) = known.get(name) else {
        let names: Vec<&str> = known.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
        return wrong("unknown_field", &format!("There is no such rule. The rules are {}", names.join(", ")));
    };
    if let Some((_, least, most)) = RANGES.iter().find(|(n, ..)| *n == name) {
        let fits = value.as_i64().is_some_and(|n| (*least..=*most).contains(&n));
        return if fits { None } else { wrong("not_allowed", &format!("Is a whole number from {least} to {most}")) };
    }
    if example.is_boolean() {
        return if value.is_boolean() { None } else { wrong("wrong_type", &"Is true or false") };
    }
    let texts: Option<Vec<&str>> = value.as_array().and_then(|all| all.iter().map(Value::as_str).collect());
    let Some(texts) = texts else { return wrong("wrong_type", &"Is a list of texts") };
    if name == "allowedIpRanges"
        && let Some(bad) = texts.iter().find(|t| Network::parse(t).is_err())
    {
        return wrong("not_allowed", &format!("{bad} is no network: write it like 192.0.2.0/24 or 2001:db8::/32"));
    }
    None
}

/// The tenant's rules that are in force.
///
/// # Errors
/// [`Error::Internal`] when the setting cannot be read.
pub async fn security(tx: &mut Tx) -> Result<SecurityConfiguration> {
    stored(tx).await.map(SecurityConfiguration::in_force)
}

/// The rules as they are stored, in force or not.
///
/// # Errors
/// [`Error::Internal`] when the setting cannot be read.
pub async fn stored(tx: &mut Tx) -> Result<SecurityConfiguration> {
    let sql = sql!("SELECT value FROM kernel.settings WHERE name = $1::text");
    match tx.query_opt(sql, &[&NAME]).await? {
        None => Ok(SecurityConfiguration::default()),
        Some(row) => SecurityConfiguration::read(&row.get("value")).map_err(Error::internal),
    }
}

/// Checks what only the tenant's own data can tell: the roles exist.
///
/// # Errors
/// [`Error::Invalid`] on `mfa_required_roles`.
pub async fn check_roles(tx: &mut Tx, rules: &SecurityConfiguration) -> Result<()> {
    let sql = sql!("SELECT name::text FROM auth.roles ORDER BY name");
    let known: Vec<String> = tx.query(sql, &[]).await?.iter().map(|r| r.get(0)).collect();
    match rules.mfa_required_roles.iter().find(|role| !known.contains(role)) {
        None => Ok(()),
        Some(role) => {
            let why = format!("{role} is no role here. Roles are {}", known.join(", "));
            Err(Error::invalid("mfa_required_roles", "no_such_record", why))
        }
    }
}

/// The JSON Schema of the rules.
#[must_use]
pub fn schema() -> Value {
    let known = SecurityConfiguration::default().to_value();
    let properties = known.as_object().into_iter().flatten().map(|(name, example)| {
        let schema = match (RANGES.iter().find(|(n, ..)| n == name), example) {
            (Some((_, least, most)), _) => json!({"type": "integer", "minimum": least, "maximum": most}),
            (None, Value::Bool(_)) => json!({"type": "boolean"}),
            (None, _) => json!({"type": "array", "items": {"type": "string"}}),
        };
        (name.clone(), schema)
    });
    json!({"type": "object", "properties": properties.collect::<Map<_, _>>(), "additionalProperties": false})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(value: &Value) -> String {
        SecurityConfiguration::read(value).unwrap_err().to_string()
    }

    #[test]
    fn every_member_is_checked_and_named() {
        for (member, bad, says) in [
            ("passwordMinLength", json!(7), "from 8 to 128"),
            ("passwordMinLength", json!("12"), "from 8 to 128"),
            ("min_password_score", json!(5), "from 0 to 4"),
            ("maxLoginAttempts", json!(0), "from 1 to 100"),
            ("requireMfa", json!("yes"), "true or false"),
            ("allowedIpRanges", json!(["office"]), "office is no network"),
            ("allowedIpRanges", json!("192.0.2.0/24"), "list of texts"),
            ("mfa_required_roles", json!([1]), "list of texts"),
            ("passwordMinLenght", json!(15), "no such rule"),
        ] {
            let told = refusal(&json!({ member: bad }));
            assert!(told.starts_with(member) && told.contains(says), "{told}");
        }
        let two = refusal(&json!({"passwordMinLength": 1, "isActive": 1}));
        assert!(two.contains("passwordMinLength") && two.contains("isActive"), "all of it is told at once: {two}");
        assert!(refusal(&json!({"sessionTimeoutMinutes": 600, "absolute_session_hours": 8})).contains("480 minutes"));
        assert!(refusal(&json!([])).contains("object"));
    }

    #[test]
    fn every_rule_has_a_check_and_comes_back_as_it_was() {
        let known = SecurityConfiguration::default().to_value();
        for (name, value) in known.as_object().unwrap() {
            assert!(check(name, value).is_none(), "{name}");
            assert!(check(name, &json!({})).is_some(), "{name} takes an object");
        }
        for profile in Profile::ALL {
            assert_eq!(SecurityConfiguration::read(&profile.rules().to_value()).unwrap(), profile.rules());
        }
        let off =
            SecurityConfiguration { is_active: false, password_min_length: 8, ..SecurityConfiguration::default() };
        assert_eq!(off.in_force(), SecurityConfiguration::default());
    }
}
