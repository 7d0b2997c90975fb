//! Words, dates and numbers in the three languages of the pages. Keys are struct fields, so a key that is missing
//! in one language does not compile; tests refuse a key that no page uses and texts whose placeholders differ.
//!
//! Labels of closed sets (`ACTIVE`, `FERPA`) are in [`codes`]; how dates and numbers read is in [`mod@format`],
//! units in [`units`].

use serde::{Deserialize, Serialize};

/// Declares a group of texts: each key with its English, Spanish and Brazilian Portuguese wording.
macro_rules! texts {
    ($(#[$doc:meta])* $name:ident { $($key:ident: $en:literal, $es:literal, $pt:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name { $(#[doc = $en] pub $key: &'static str,)* }
        impl $name {
            pub(super) const EN: Self = Self { $($key: $en,)* };
            pub(super) const ES: Self = Self { $($key: $es,)* };
            pub(super) const PT_BR: Self = Self { $($key: $pt,)* };
            #[cfg(test)]
            pub(super) const KEYS: &'static [(&'static str, [&'static str; 3])] =
                &[$((stringify!($key), [$en, $es, $pt]),)*];
        }
    };
}

mod access;
mod accounts;
mod alert_center;
mod alerts;
mod clinic;
mod code_labels;
pub mod codes;
mod compliance;
mod connections;
mod data;
mod erasure;
mod family;
mod fault_codes;
pub mod faults;
mod faults_access;
mod faults_school;
pub mod format;
mod immunization;
mod keys;
mod kiosk;
mod medication;
mod notices;
mod nurse;
mod offline;
mod on_call;
mod outbreak;
mod people;
mod reach;
pub mod rules;
mod school_entry;
mod security;
mod student;
mod ui;
pub mod units;
mod visit_analytics;
mod zone;

pub use access::Access;
pub use accounts::Accounts;
pub use alert_center::AlertCenter;
pub use alerts::Alerts;
pub use clinic::Clinic;
pub use compliance::Compliance;
pub use connections::Connections;
pub use data::Data;
pub use erasure::Erasure;
pub use family::Family;
pub use immunization::Immunization;
pub use keys::Keys;
pub use kiosk::Kiosk;
pub use medication::Medication;
pub use notices::Notices;
pub use nurse::Nurse;
pub use offline::Offline;
pub use on_call::OnCall;
pub use outbreak::Outbreak;
pub use people::People;
pub use reach::Reach;
pub use school_entry::SchoolEntry;
pub use security::Security;
pub use student::Student;
pub use ui::Ui;
pub use visit_analytics::VisitAnalytics;
pub use zone::Zone;

/// A language of the pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Locale {
    /// English, with the date and number forms of the United States.
    #[default]
    #[serde(rename = "en")]
    En,
    /// Spanish.
    #[serde(rename = "es")]
    Es,
    /// Portuguese of Brazil.
    #[serde(rename = "pt-BR")]
    PtBr,
}

/// All texts of one language, in the groups the pages use.
#[derive(Debug)]
pub struct Texts {
    /// The frame, buttons, errors, account.
    pub ui: Ui,
    /// Patients and their record.
    pub people: People,
    /// Audit, data browser, API page.
    pub data: Data,
    /// Promises and their proofs.
    pub compliance: Compliance,
    /// Identity providers and webhooks.
    pub connections: Connections,
    /// The state of encryption.
    pub keys: Keys,
    /// Notifications and background work.
    pub notices: Notices,
    /// The alert centre.
    pub alert_center: AlertCenter,
    /// Signs of tampering.
    pub alerts: Alerts,
    /// Who may reach what, and why.
    pub access: Access,
    /// Whom a user reaches.
    pub reach: Reach,
    /// Accounts of others.
    pub accounts: Accounts,
    /// Second factors, account security, rules for sign-in.
    pub security: Security,
    /// Erasing a person.
    pub erasure: Erasure,
    /// The school clinic.
    pub clinic: Clinic,
    /// The tablet at the clinic's door.
    pub kiosk: Kiosk,
    /// Immunization at school.
    pub immunization: Immunization,
    /// Medication at school.
    pub medication: Medication,
    /// The nurse's start page.
    pub nurse: Nurse,
    /// Who is on call.
    pub on_call: OnCall,
    /// Outbreaks at school.
    pub outbreak: Outbreak,
    /// Attendance without all doses.
    pub school_entry: SchoolEntry,
    /// Visits that are written down without a connection.
    pub offline: Offline,
    /// School health as a family sees it.
    pub family: Family,
    /// A student at a glance.
    pub student: Student,
    /// The analytics of visits.
    pub visit_analytics: VisitAnalytics,
}

/// Every group in one of the languages.
macro_rules! language {
    ($tag:ident) => {
        Texts {
            ui: Ui::$tag,
            people: People::$tag,
            data: Data::$tag,
            compliance: Compliance::$tag,
            connections: Connections::$tag,
            keys: Keys::$tag,
            notices: Notices::$tag,
            alert_center: AlertCenter::$tag,
            alerts: Alerts::$tag,
            access: Access::$tag,
            reach: Reach::$tag,
            accounts: Accounts::$tag,
            security: Security::$tag,
            erasure: Erasure::$tag,
            clinic: Clinic::$tag,
            kiosk: Kiosk::$tag,
            immunization: Immunization::$tag,
            medication: Medication::$tag,
            nurse: Nurse::$tag,
            on_call: OnCall::$tag,
            outbreak: Outbreak::$tag,
            school_entry: SchoolEntry::$tag,
            offline: Offline::$tag,
            family: Family::$tag,
            student: Student::$tag,
            visit_analytics: VisitAnalytics::$tag,
        }
    };
}

static EN: Texts = language!(EN);
static ES: Texts = language!(ES);
static PT_BR: Texts = language!(PT_BR);

impl Locale {
    /// Every language, in the order of the switch.
    pub const ALL: [Self; 3] = [Self::En, Self::Es, Self::PtBr];

    /// The language tag (BCP 47), as `lang` and the stored choice hold it.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Es => "es",
            Self::PtBr => "pt-BR",
        }
    }

    /// The language's own name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Es => "Español",
            Self::PtBr => "Português (Brasil)",
        }
    }

    /// The texts.
    #[must_use]
    pub fn texts(self) -> &'static Texts {
        match self {
            Self::En => &EN,
            Self::Es => &ES,
            Self::PtBr => &PT_BR,
        }
    }

    /// The language of a tag, by its first subtag; any Portuguese is served in that of Brazil.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "en" => Some(Self::En),
            "es" => Some(Self::Es),
            "pt" => Some(Self::PtBr),
            _ => None,
        }
    }

    /// The language to answer in: the stored choice, else the best of `Accept-Language` (RFC 9110 12.5.4), else
    /// English.
    #[must_use]
    pub fn negotiate(stored: Option<&str>, accept_language: &str) -> Self {
        if let Some(chosen) = stored.and_then(Self::from_tag) {
            return chosen;
        }
        let mut best = (0.0_f32, Self::En);
        for range in accept_language.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let Some(locale) = parts.next().and_then(Self::from_tag) else { continue };
            let quality = parts.find_map(|p| p.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
            if quality > best.0 {
                best = (quality, locale);
            }
        }
        best.1
    }
}

/// `text` with each `{name}` replaced by its value.
#[must_use]
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        if let Some((_, value)) = values.iter().find(|(key, _)| *key == name) {
            out.push_str(value);
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn placeholders(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|s| s.split_once('}')).map(|(name, _)| name).collect()
    }

    /// The sources that show texts, each without white space.
    fn sources() -> Vec<String> {
        let src = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let folders = ["pages", "routes"].into_iter().filter_map(|folder| std::fs::read_dir(src.join(folder)).ok());
        let files = folders.flatten().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        let files = files.chain([src.join("pages/i18n/format.rs")]);
        files.map(|path| std::fs::read_to_string(path).unwrap().split_whitespace().collect()).collect()
    }

    /// Whether a source reads the key, by its full path or through a name given to its group.
    fn reads(source: &str, group: &str, key: &str) -> bool {
        let mut paths = vec![format!(".{group}.{key}")];
        // By itself, or as the first of several names.
        if [';', ','].iter().any(|end| source.contains(&format!("t().{group}{end}"))) {
            paths.push(format!("t.{key}"));
        }
        if source.contains(&format!("shell.t().{group}")) {
            paths.push(format!("s.{key}"));
        }
        if source.contains(&format!("texts().{group};")) {
            paths.push(format!("texts.{key}"));
        }
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        paths.iter().any(|path| source.match_indices(path).any(|(at, _)| ends(&source[at + path.len()..])))
    }

    #[test]
    fn every_key_is_used_and_agrees_in_three_languages() {
        let sources = sources();
        for (group, keys) in [
            ("ui", Ui::KEYS),
            ("people", People::KEYS),
            ("data", Data::KEYS),
            ("compliance", Compliance::KEYS),
            ("connections", Connections::KEYS),
            ("keys", Keys::KEYS),
            ("notices", Notices::KEYS),
            ("access", Access::KEYS),
            ("reach", Reach::KEYS),
            ("accounts", Accounts::KEYS),
            ("alert_center", AlertCenter::KEYS),
            ("alerts", Alerts::KEYS),
            ("security", Security::KEYS),
            ("erasure", Erasure::KEYS),
            ("clinic", Clinic::KEYS),
            ("kiosk", Kiosk::KEYS),
            ("immunization", Immunization::KEYS),
            ("nurse", Nurse::KEYS),
            ("on_call", OnCall::KEYS),
            ("outbreak", Outbreak::KEYS),
            ("school_entry", SchoolEntry::KEYS),
            ("offline", Offline::KEYS),
            ("family", Family::KEYS),
            ("student", Student::KEYS),
            ("visit_analytics", VisitAnalytics::KEYS),
            ("medication", Medication::KEYS),
        ] {
            for (key, texts) in keys {
                assert!(sources.iter().any(|source| reads(source, group, key)), "no page uses {group}.{key}");
                for text in texts {
                    assert!(!text.trim().is_empty(), "{group}.{key} is empty");
                    assert_eq!(placeholders(text), placeholders(texts[0]), "{group}.{key}");
                }
            }
        }
    }

    #[test]
    fn negotiates_by_choice_then_quality() {
        assert_eq!(Locale::negotiate(Some("es"), "pt-BR"), Locale::Es);
        assert_eq!(Locale::negotiate(Some("xx"), "pt-BR,en;q=0.5"), Locale::PtBr);
        assert_eq!(Locale::negotiate(None, "fr, en;q=0.2, es-MX;q=0.8"), Locale::Es);
        assert_eq!(Locale::negotiate(None, "es;q=0"), Locale::En);
        assert_eq!(Locale::negotiate(None, ""), Locale::En);
    }

    #[test]
    fn fills_placeholders() {
        assert_eq!(fill("{n} of {total}", &[("n", "3"), ("total", "9")]), "3 of 9");
        assert_eq!(fill("a { b", &[]), "a { b");
    }
}
