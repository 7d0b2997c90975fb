//! What a severity means where a definition says nothing else: by which ways people are told, who is told next, how long an
//! alert may be put off, and whether somebody's quiet hours count. The table of section 6.1 of the specification, without
//! the way that is not built (voice).

use salus_core::{Error, Result};
use serde::{Deserialize, Serialize};
use time::Duration;
use uuid::Uuid;

/// How urgent, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are those of the values of alerts.alert_severity")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
    Emergency,
}

/// By which way somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// A notification, which an open page shows within a moment.
    InApp,
    /// E-mail.
    Email,
    /// SMS.
    Sms,
    /// Push, to the devices that the person turned it on in.
    Push,
}

/// Whom a step or a definition means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Who holds a role of this name.
    Role(String),
    /// Who works at the school of the alert in this position.
    Position(String),
    /// Who is on call now by this list; `*` by any.
    OnCall(String),
    /// One user.
    User(Uuid),
}

/// A step of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Seconds after the chain began.
    pub after_s: i64,
    /// Who is told then.
    #[serde(default)]
    pub targets: Vec<Target>,
    /// By which ways; none named: those of the severity.
    #[serde(default)]
    pub channels: Vec<String>,
    /// Tells those again who were told before, and is no level.
    #[serde(default)]
    pub again: bool,
}

impl Channel {
    /// All that are built.
    pub const ALL: [Self; 4] = [Self::InApp, Self::Email, Self::Sms, Self::Push];

    /// As the database names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InApp => "IN_APP",
            Self::Email => "EMAIL",
            Self::Sms => "SMS",
            Self::Push => "PUSH",
        }
    }

    /// By its name.
    ///
    /// # Errors
    /// [`Error::Invalid`] `channel_absent` on `field` for a way that is not built.
    pub fn named(field: &str, name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name).ok_or_else(|| {
            let message = "Is IN_APP, EMAIL, SMS or PUSH. VOICE is not built; IN_APP reaches an open page at once, which \
                           WEBSOCKET means; other systems subscribe to alerts by webhooks";
            Error::invalid(field, "channel_absent", message)
        })
    }

    /// Channels by their names.
    ///
    /// # Errors
    /// As [`Channel::named`].
    pub fn all_named(field: &str, names: &[String]) -> Result<Vec<Self>> {
        names.iter().map(|name| Self::named(field, name)).collect()
    }
}

impl Severity {
    /// All, from least to most.
    pub const ALL: [Self; 6] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical, Self::Emergency];

    /// As the database names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
            Self::Emergency => "EMERGENCY",
        }
    }

    /// By its name.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `field`.
    pub fn named(field: &str, name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|s| s.name() == name);
        found.ok_or_else(|| Error::invalid(field, "not_allowed", "Is INFO, LOW, MEDIUM, HIGH, CRITICAL or EMERGENCY"))
    }

    /// Whether nobody can have it kept from them: no mute, filter, digest or quiet hour counts.
    #[must_use]
    pub fn is_mandatory(self) -> bool {
        self >= Self::Critical
    }

    /// By which ways people are told.
    #[must_use]
    pub fn channels(self) -> &'static [Channel] {
        match self {
            Self::Info => &[Channel::InApp],
            Self::Low | Self::Medium => &[Channel::InApp, Channel::Email],
            Self::High => &[Channel::InApp, Channel::Email, Channel::Push],
            Self::Critical | Self::Emergency => &[Channel::InApp, Channel::Email, Channel::Push, Channel::Sms],
        }
    }

    /// Whether quiet hours hold what goes by this way. A page is looked at when it is looked at.
    #[must_use]
    pub fn is_held(self, channel: Channel) -> bool {
        match channel {
            Channel::InApp => false,
            Channel::Email => self <= Self::High,
            Channel::Sms | Channel::Push => self <= Self::Medium,
        }
    }

    /// Within which time somebody should acknowledge it.
    #[must_use]
    pub fn acknowledge_within(self) -> Option<Duration> {
        match self {
            Self::Info | Self::Low => None,
            Self::Medium => Some(Duration::hours(24)),
            Self::High => Some(Duration::minutes(60)),
            Self::Critical => Some(Duration::minutes(15)),
            Self::Emergency => Some(Duration::minutes(5)),
        }
    }

    /// How long it may be put off; none: not at all.
    #[must_use]
    pub fn longest_snooze(self) -> Option<Duration> {
        match self {
            Self::Info | Self::Low => Some(Duration::days(7)),
            Self::Medium => Some(Duration::hours(24)),
            Self::High => Some(Duration::hours(4)),
            Self::Critical => Some(Duration::hours(1)),
            Self::Emergency => None,
        }
    }

    /// Who is told next while nobody acknowledges it. Level 1 is when it is raised.
    #[must_use]
    pub fn chain(self) -> Vec<Step> {
        let step = |minutes: i64, target: Target| Step {
            after_s: minutes * 60,
            targets: vec![target],
            channels: Vec::new(),
            again: false,
        };
        let again = |minutes: i64| Step { after_s: minutes * 60, targets: vec![], channels: vec![], again: true };
        let supervisor = || Target::Role("nurse_supervisor".into());
        let backup = || Target::OnCall("backup".into());
        let administrator = || Target::Role("admin".into());
        match self {
            Self::Info | Self::Low => Vec::new(),
            Self::Medium => vec![step(48 * 60, supervisor())],
            Self::High => vec![step(60, backup()), step(120, supervisor())],
            Self::Critical => {
                vec![step(15, backup()), step(30, supervisor()), step(60, Target::OnCall("district".into()))]
            }
            Self::Emergency => vec![
                again(2),
                again(4),
                step(5, backup()),
                again(6),
                again(8),
                again(10),
                step(10, Target::OnCall("*".into())),
                step(15, administrator()),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emergency_reaches_its_third_level_after_ten_minutes() {
        let levels: Vec<i64> = Severity::Emergency.chain().iter().filter(|s| !s.again).map(|s| s.after_s).collect();
        assert_eq!(levels, [300, 600, 900], "levels 2, 3 and 4");
        let again: Vec<i64> = Severity::Emergency.chain().iter().filter(|s| s.again).map(|s| s.after_s).collect();
        assert_eq!(again, [120, 240, 360, 480, 600], "every two minutes to ten");
    }

    #[test]
    fn quiet_hours_hold_what_is_not_urgent() {
        assert!(Severity::Medium.is_held(Channel::Email) && Severity::Medium.is_held(Channel::Sms));
        assert!(Severity::High.is_held(Channel::Email) && !Severity::High.is_held(Channel::Sms));
        assert!(Severity::Medium.is_held(Channel::Push) && !Severity::High.is_held(Channel::Push));
        assert!(!Severity::Critical.is_held(Channel::Email));
        assert!(Severity::High < Severity::Critical && Severity::Critical.is_mandatory());
        for absent in ["VOICE", "WEBSOCKET", "WEBHOOK", "PIGEON"] {
            assert!(Channel::named("channels", absent).unwrap_err().to_string().contains("not built"));
        }
    }

    #[test]
    fn a_step_names_whom_it_means() {
        let step: Step =
            serde_json::from_str(r#"{"after_s": 60, "targets": [{"role": "admin"}, {"on_call": "*"}]}"#).unwrap();
        assert_eq!(step.targets, [Target::Role("admin".into()), Target::OnCall("*".into())]);
        assert!(serde_json::from_str::<Step>(r#"{"after_s": 60, "targets": [{"planet": "x"}]}"#).is_err());
    }
}
