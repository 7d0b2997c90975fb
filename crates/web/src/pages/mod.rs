//! The pages: functions from plain view data to HTML, without I/O, database or HTTP. The caller fills a view (every
//! view deserialises from JSON, and a missing field is empty), makes a [`Shell`] and sends what `render` returns.
//!
//! What holds on every page: no inline script and no `style` attribute, so the strict content security policy of
//! the server stands; every state change is a POST form with the session's token; health data never stands in an
//! address or a page title; meaning is never carried by colour alone; all words come from [`i18n`].
//!
//! Elsewhere: addresses, sessions and cookies are the server's; stylesheet and scripts are in `assets/`.

pub mod access;
pub mod account;
pub mod admissions;
pub mod alert_center;
pub mod alert_rules;
pub mod alerts;
pub mod api_keys;
pub mod audit;
pub mod browse;
pub mod bundles;
pub mod chart;
pub mod clinic;
pub mod clinical;
pub mod compliance;
pub mod compliance_trend;
pub mod curve;
pub mod delegations;
pub mod docs;
pub mod dose;
pub mod encryption;
pub mod entry;
pub mod erasures;
pub mod error;
pub mod exclusions;
pub mod exemptions;
pub mod facts;
pub mod family;
pub mod form;
pub mod glass;
pub mod grades;
pub mod home;
pub mod i18n;
pub mod icons;
pub mod immunizations;
pub mod jobs;
pub mod kiosk;
pub mod layout;
pub mod letters;
pub mod medication;
pub mod medication_errors;
pub mod medication_month;
pub mod modules;
pub mod notices;
pub mod nurse;
pub mod offline;
pub mod on_call;
pub mod orders;
pub mod outbreak;
pub mod outbreaks;
pub mod parts;
pub mod pass;
pub mod patients;
pub mod prove;
pub mod providers;
pub mod reach;
pub mod record;
pub mod register;
pub mod reminders;
pub mod results;
pub mod roles;
pub mod rules;
pub mod security;
pub mod sign_ins;
pub mod student;
pub mod table;
pub mod trend;
pub mod users;
pub mod vaccines;
pub mod visit;
pub mod visit_analytics;
pub mod webhooks;
pub mod why;

pub use layout::Shell;
