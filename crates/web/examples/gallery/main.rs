//! Writes every page with invented data, in each language, to a directory: HTML files, the assets under their hashed
//! names, and `pages.json` that lists the addresses. `tests/browser/check.mjs` serves and examines them.
//!
//! `cargo run -p salus-web --example gallery -- DIRECTORY`

mod accounts;
mod alerts;
mod chart;
mod clinic;
mod immunizations;
mod medication;
mod nurse;
mod outbreaks;
mod people;
mod rights;
mod security;
mod students;
mod tables;
mod visits;
mod work;

use salus_web::{
    assets,
    pages::{Shell, i18n::Locale, layout::Module},
};
use serde_json::{Value, json};
use std::{error::Error, fs, path::Path};

/// Path of a page, and what is shown there.
pub(crate) type Page = (&'static str, &'static str, fn(&Shell) -> String);

pub(crate) const PAGES: &[Page] = &[
    ("sign-in", "/sign-in", tables::sign_in),
    ("sign-in-error", "/sign-in", tables::sign_in_error),
    ("emergency", "/sign-in/emergency", accounts::emergency),
    ("second-factor", "/sign-in", security::second),
    ("setup", "/setup/invented", tables::setup),
    ("home", "/", people::home),
    ("visit-analytics", "/clinic", visits::school),
    ("visit-analytics-few", "/clinic", visits::few),
    ("student", "/clinic", students::at_a_glance),
    ("student-new", "/clinic", students::nothing_known),
    ("family", "/students/p1/family", students::family_of),
    ("family-nothing", "/students/p1/family", students::family_of_nobody),
    ("home-nurse", "/", nurse::home),
    ("home-nurse-found", "/", nurse::found),
    ("home-nurse-quiet", "/", nurse::quiet),
    ("patients", "/patients", people::patients),
    ("patients-none", "/patients", people::nobody),
    ("patients-pseudonymised", "/patients", people::pseudonymised),
    ("patient-new", "/patients/new", people::new_patient),
    ("patient-edit", "/patients/p1/edit", people::edit_patient),
    ("chart", "/patients/p1", chart::chart),
    ("chart-empty", "/patients/p2", chart::empty),
    ("chart-results", "/patients/p1", chart::results),
    ("chart-problems", "/patients/p1", chart::problems),
    ("trend", "/patients/p1/trend", chart::trend),
    ("trend-odd", "/patients/p1/trend", chart::trend_odd),
    ("access", "/patients/p1/access", people::access),
    ("clinic", "/clinic", clinic::clinic),
    ("clinic-found", "/clinic", clinic::found),
    ("clinic-quiet", "/clinic", clinic::quiet),
    ("clinic-none", "/clinic", clinic::no_school),
    ("clinic-offline", "/clinic/offline", clinic::without_connection),
    ("kiosk", "/kiosk", clinic::kiosk),
    ("kiosk-not-found", "/kiosk", clinic::kiosk_nobody),
    ("kiosk-reasons", "/kiosk", clinic::kiosk_reasons),
    ("kiosk-listed", "/kiosk", clinic::kiosk_listed),
    ("visit", "/clinic/visits/v1", clinic::open),
    ("visit-ended", "/clinic/visits/v1", clinic::ended),
    ("visit-pass", "/clinic/visits/v3/pass", clinic::pass_of_one_who_left),
    ("visit-pass-open", "/clinic/visits/v1/pass", clinic::pass_of_one_who_is_here),
    ("alert-center", "/alerts", alerts::center),
    ("alert-center-none", "/alerts", alerts::none),
    ("alert", "/alerts/a1", alerts::one),
    ("alert-closed", "/alerts/a1", alerts::closed),
    ("alerts-subscription", "/alerts/subscription", alerts::subscription),
    ("alerts-definitions", "/alerts/definitions", alerts::definitions),
    ("alerts-on-call", "/alerts/on-call", alerts::on_call),
    ("alerts-on-call-refused", "/alerts/on-call", alerts::on_call_refused),
    ("immunizations", "/immunizations", immunizations::schools),
    ("immunizations-nothing", "/immunizations", immunizations::nothing),
    ("immunizations-none", "/immunizations", immunizations::no_school),
    ("immunizations-students", "/immunizations/students", immunizations::students),
    ("immunizations-nobody", "/immunizations/students", immunizations::nobody),
    ("reminders", "/immunizations/reminders?school=s1", immunizations::reminders),
    ("reminders-none", "/immunizations/reminders?school=s1", immunizations::unreachable),
    ("exclusions", "/immunizations/exclusions?school=s1", immunizations::exclusions),
    ("exclusions-none", "/immunizations/exclusions?school=s1", immunizations::nobody_home),
    ("compliance-trend", "/immunizations/trend?school=s1", immunizations::trend),
    ("compliance-trend-none", "/immunizations/trend?school=s3", immunizations::no_trend),
    ("letters", "/immunizations/letters?school=s1", immunizations::letters),
    ("letters-none", "/immunizations/letters?school=s1", immunizations::no_letters),
    ("outbreaks", "/outbreaks", outbreaks::list),
    ("outbreaks-none", "/outbreaks", outbreaks::none),
    ("outbreak", "/outbreaks/a1", outbreaks::one),
    ("outbreak-blind", "/outbreaks/a1", outbreaks::blind),
    ("vaccines", "/students/p1/immunizations", immunizations::student),
    ("vaccines-unjudged", "/students/p1/immunizations", immunizations::unjudged),
    ("vaccines-undated", "/students/p1/immunizations", immunizations::undated),
    ("medication", "/medications", medication::round),
    ("medication-refused", "/medications", medication::refused),
    ("medication-scanned", "/medications", medication::scanned),
    ("medication-scan-refused", "/medications", medication::wrong_package),
    ("medication-quiet", "/medications", medication::quiet),
    ("medication-dose", "/medications/doses/d5", medication::one_dose),
    ("medication-student", "/medications/students/p1", medication::of_student),
    ("medication-delegations", "/medications/delegations", medication::delegations),
    ("medication-delegations-none", "/medications/delegations", medication::no_delegations),
    ("medication-errors", "/medications/errors", medication::mistakes),
    ("medication-errors-none", "/medications/errors", medication::no_mistakes),
    ("medication-month", "/medications/students/p1/month", medication::month),
    ("medication-month-none", "/medications/students/p1/month", medication::empty_month),
    ("medication-register", "/medications/register", medication::register),
    ("medication-supply", "/medications/register/i1", medication::supply),
    ("audit", "/audit", tables::audit),
    ("alerts", "/audit/alerts", tables::alerts),
    ("alerts-none", "/audit/alerts", tables::alerts_none),
    ("compliance", "/compliance", tables::compliance),
    ("encryption", "/encryption", tables::encryption),
    ("encryption-new", "/encryption", tables::encryption_new),
    ("jobs", "/jobs", work::jobs),
    ("jobs-none", "/jobs", work::no_jobs),
    ("outgoing", "/outgoing", work::outgoing),
    ("notifications", "/notifications", work::notifications),
    ("notifications-none", "/notifications", work::nothing),
    ("glass", "/glass", rights::glass),
    ("why", "/why", rights::why),
    ("users", "/users", accounts::users),
    ("users-invited", "/users", accounts::invited),
    ("users-service", "/users", accounts::service),
    ("prove", "/users", accounts::prove),
    ("sign-ins", "/sign-ins", accounts::sign_ins),
    ("sign-ins-none", "/sign-ins?user=u2", accounts::no_sign_ins),
    ("api-keys", "/api-keys", accounts::api_keys),
    ("api-keys-none", "/api-keys", accounts::no_api_keys),
    ("user", "/users/u2", accounts::user),
    ("user-reach", "/users/u2/reach", accounts::reach),
    ("user-disabled", "/users/u3", accounts::disabled),
    ("identity-providers", "/identity-providers", accounts::providers),
    ("identity-provider", "/identity-providers/p1", accounts::provider),
    ("webhooks", "/webhooks", accounts::webhooks),
    ("webhooks-none", "/webhooks", accounts::no_webhooks),
    ("modules", "/modules", accounts::modules),
    ("modules-read", "/modules", accounts::modules_read),
    ("roles", "/roles", rights::roles),
    ("role", "/roles/r2", rights::role),
    ("bundle", "/roles/bundles/b2", rights::bundle),
    ("erasures", "/erasures", tables::erasures),
    ("erasures-none", "/erasures", tables::erasures_none),
    ("erasure-certificate", "/erasures/e1", tables::certificate),
    ("browse", "/browse", tables::browse),
    ("browse-table", "/browse/medical/patients", tables::table),
    ("browse-row", "/browse/medical/patients/r1", tables::row),
    ("docs", "/docs", tables::docs),
    ("docs-operation", "/docs", tables::operation),
    ("account", "/account", tables::account),
    ("account-security", "/account/security", security::account),
    ("account-security-new", "/account/security", security::restricted),
    ("account-security-enrolled", "/account/security", security::enrolled),
    ("rules", "/security-configuration", security::rules),
    ("error-403", "/audit", tables::forbidden),
    ("error-404", "/patients/none", tables::not_found),
    ("error-500", "/patients", tables::broken),
    ("error-unknown", "/patients", tables::unknown),
];

fn shell(locale: Locale, path: &str) -> Shell {
    let mut shell: Shell = from(json!({
        "person": { "name": "Nora Invented", "email": "nora@sampleton.example", "roles": ["Clinician", "Privacy officer"] },
        "tenant": "Sampleton Invented Clinics",
        "csrf": "invented-token",
        "request_id": "0193f5a2-7c41-7e10-9a55-3f0c8d21b7aa",
        "version": "0.1.0",
        "rules_checked_at": "2026-11-21T06:00:00Z",
        "today": "2026-11-21",
        "may_search": true,
        "unread": 3,
    }));
    shell.locale = locale;
    path.clone_into(&mut shell.path);
    shell.nav = Module::ALL.into_iter().map(|module| module.item(locale)).collect();
    shell.nav[1].count = Some(3);
    shell
}

/// The shell of the page at this path; sign-in and set-up are for nobody.
pub(crate) fn shell_of(locale: Locale, path: &str) -> Shell {
    let mut shell = shell(locale, path);
    if path.starts_with("/sign-in") || path.starts_with("/setup") {
        shell.person = None;
        shell.may_search = false;
    }
    shell
}

/// A view from JSON, as the server fills one.
pub(crate) fn from<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("the sample fits the view")
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("usage: gallery DIRECTORY")?;
    let directory = Path::new(&directory);
    fs::create_dir_all(directory.join("assets"))?;
    for (name, asset) in assets::all() {
        fs::write(directory.join("assets").join(name), &asset.bytes)?;
    }
    let mut list = Vec::new();
    for locale in Locale::ALL {
        for (name, path, page) in PAGES {
            let shell = shell_of(locale, path);
            let file = format!("{name}.{}.html", locale.tag());
            fs::write(directory.join(&file), page(&shell))?;
            list.push(json!({ "name": name, "language": locale.tag(), "file": file }));
        }
    }
    let shell = shell(Locale::En, "/browse/medical/patients");
    fs::write(directory.join("opened.html"), tables::opened(&shell))?;
    fs::write(directory.join("refused.html"), tables::refused(&shell))?;
    fs::write(directory.join("pages.json"), serde_json::to_string_pretty(&list)?)?;
    Ok(())
}
