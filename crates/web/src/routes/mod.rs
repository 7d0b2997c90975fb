//! The pages' addresses: each handler finds the caller, dispatches operations, fills a view and renders it.

mod access;
mod account;
mod alert_center;
mod alerts;
mod api_keys;
mod audit;
mod browse;
mod clinic;
mod compliance;
mod delegations;
mod download;
mod emergency;
mod encryption;
mod entry;
mod erasures;
mod family;
mod frame;
mod glass;
mod home;
mod immunizations;
mod jobs;
mod kiosk;
mod letters;
mod medication;
mod mistakes;
mod modules;
mod notices;
mod nurse;
mod offline;
mod on_call;
mod outbreaks;
mod pass;
mod passkey;
mod patients;
mod prove;
mod provider;
mod providers;
mod reach;
mod record;
mod register;
mod roles;
mod rules;
mod scan;
mod security;
mod sign_ins;
mod students;
mod tokens;
mod users;
mod visit_analytics;
mod visit_form;
mod webhooks;
mod why;

use crate::{app::App, assets};
use axum::{
    Router,
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use std::sync::Arc;

/// The routes of pages and of what they load.
pub fn pages() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(home::show))
        .merge(entrances())
        .merge(own_account())
        .merge(people())
        .merge(school())
        .merge(alerting())
        .merge(notifying())
        .route("/preferences", post(entry::preferences))
        .route("/patients", get(patients::list).post(patients::search))
        .route("/patients/new", get(patients::new).post(patients::create))
        .route("/patients/{id}", get(record::chart))
        .route("/patients/{id}/edit", get(patients::edit).post(patients::change))
        .route("/patients/{id}/trend", get(record::trend))
        .route("/patients/{id}/access", get(access::show))
        .route("/patients/{id}/access/proofs", get(access::proofs))
        .route("/browse", get(browse::index))
        .route("/browse/{schema}/{table}", get(browse::rows))
        .route("/browse/{schema}/{table}/{id}", get(browse::row))
        .route("/browse/{schema}/{table}/{id}/open/{column}", get(browse::open))
        .route("/audit", get(audit::show))
        .route("/audit/alerts", get(alerts::show))
        .route("/audit/alerts/{id}", post(alerts::decide))
        .route("/compliance", get(compliance::show))
        .route("/encryption", get(encryption::show))
        .route("/jobs", get(jobs::show))
        .route("/jobs/{id}/retry", post(jobs::retry))
        .route("/jobs/{id}/discard", post(jobs::discard))
        .route("/jobs/schedules/{id}", post(jobs::set))
        .route("/glass", get(glass::show).post(glass::open))
        .route("/glass/{id}/end", post(glass::end))
        .route("/glass/{id}/review", post(glass::review))
        .route("/erasures", get(erasures::show).post(erasures::ask))
        .route("/erasures/{id}", get(erasures::certificate))
        .route("/erasures/{id}/confirm", post(erasures::confirm))
        .route("/erasures/{id}/decline", post(erasures::decline))
        .route("/docs", get(home::docs))
        .route("/security-configuration", get(rules::show).post(rules::change))
        .route("/identity-providers", get(providers::show).post(providers::create))
        .route("/identity-providers/{id}", get(providers::edit).post(providers::change))
        .route("/identity-providers/{id}/secret", post(providers::secret))
        .route("/webhooks", get(webhooks::show).post(webhooks::create))
        .route("/webhooks/{id}", post(webhooks::set))
        .route("/modules", get(modules::show).post(modules::choose))
        .route("/simulator", get(rules::simulator))
        .route("/assets/{file}", get(asset))
        .fallback(home::missing)
}

/// Who has access, by what, and why.
fn people() -> Router<Arc<App>> {
    Router::new()
        .route("/users", get(users::show).post(users::invite))
        .route("/users/search", post(users::search))
        .route("/users/{id}", get(users::one))
        .route("/users/{id}/roles", post(users::roles))
        .route("/users/{id}/reach", get(reach::show))
        .route("/users/{id}/reach/{kind}", post(reach::make))
        .route("/users/{id}/reach/{kind}/{entry}/end", post(reach::end))
        .route("/users/{id}/keys", post(users::make_key))
        .route("/users/{id}/keys/{key}/{verb}", post(users::act_on_key))
        .route("/users/{id}/sessions/{session}/revoke", post(users::end_session))
        .route("/prove", post(prove::prove))
        .route("/users/{id}/{verb}", post(users::act))
        .route("/roles", get(roles::show).post(roles::make))
        .route("/roles/bundles", get(roles::show).post(roles::make_bundle))
        .route("/roles/bundles/{id}", get(roles::edit_bundle).post(roles::change_bundle))
        .route("/roles/{id}", get(roles::edit).post(roles::change))
        .route("/why", get(why::show).post(why::search))
        .route("/sign-ins", get(sign_ins::show))
        .route("/api-keys", get(api_keys::show))
        .route("/api-keys/{id}/revoke", post(api_keys::revoke))
}

/// Notifications, and what was sent outside the pages.
fn notifying() -> Router<Arc<App>> {
    Router::new()
        .route("/outgoing", get(notices::outgoing))
        .route("/notifications", get(notices::show))
        .route("/notifications/read", post(notices::read))
        .route("/notifications/choices", post(notices::choose))
        .route("/notifications/test", post(notices::test))
        .route("/notifications/devices", post(notices::add_device))
        .route("/notifications/devices/remove", post(notices::remove_device))
        .route("/worker.js", get(notices::worker))
}

/// The alert centre.
fn alerting() -> Router<Arc<App>> {
    Router::new()
        .route("/alerts", get(alert_center::show))
        .route("/alerts/subscription", get(alert_center::subscription).post(alert_center::subscribe))
        .route("/alerts/definitions", get(alert_center::definitions).post(alert_center::define))
        .route("/alerts/on-call", get(on_call::show).post(on_call::add))
        .route("/alerts/on-call/{id}/remove", post(on_call::remove))
        .route("/alerts/{id}", get(alert_center::one))
        .route("/alerts/{id}/{verb}", post(alert_center::act))
}

/// School health.
fn school() -> Router<Arc<App>> {
    Router::new()
        .route("/clinic", get(clinic::show))
        .route("/clinic/analytics", get(visit_analytics::show))
        .route("/clinic/analytics/dispositions.csv", get(visit_analytics::dispositions))
        .route("/clinic/find", post(clinic::find))
        .route("/clinic/check-in", post(clinic::check_in))
        .route("/clinic/offline", get(offline::page))
        .route("/clinic/kept", post(offline::send))
        .route("/kiosk", get(kiosk::show).post(kiosk::arrive))
        .route("/clinic/visits/{id}", get(clinic::visit).post(clinic::change))
        .route("/clinic/visits/{id}/check-out", post(clinic::check_out))
        .route("/clinic/visits/{id}/pass", get(pass::show))
        .route("/immunizations", get(immunizations::schools))
        .route("/immunizations/students", get(immunizations::students))
        .route("/immunizations/reminders", get(immunizations::reminders).post(immunizations::remind))
        .route("/immunizations/trend", get(immunizations::trend))
        .route("/immunizations/letters", get(letters::show).post(letters::make))
        .route("/immunizations/exclusions", get(immunizations::excluded))
        .route("/immunizations/evaluate", post(immunizations::evaluate))
        .route("/immunizations/requirements/{id}/approve", post(immunizations::approve_requirement))
        .route("/students/{id}", get(students::show))
        .route("/students/{id}/immunizations", get(immunizations::student).post(immunizations::add))
        .route("/students/{id}/immunizations/{dose}/{verb}", post(immunizations::mend))
        .route("/students/{id}/family", get(family::show))
        .route("/students/{id}/family/exemptions", post(family::submit))
        .route("/students/{id}/exemptions", post(immunizations::submit))
        .route("/students/{id}/exemptions/{exemption}/{verb}", post(immunizations::decide))
        .route("/students/{id}/admissions", post(immunizations::admit))
        .route("/students/{id}/admissions/{admission}/end", post(immunizations::end_admission))
        .route("/outbreaks", get(outbreaks::show))
        .route("/outbreaks/detect", post(outbreaks::detect))
        .route("/outbreaks/absences", post(outbreaks::absent))
        .route("/outbreaks/rules/{id}/confirm", post(outbreaks::confirm))
        .route("/outbreaks/{id}", get(outbreaks::one))
        .route("/outbreaks/{id}/state", post(outbreaks::decide))
        .route("/outbreaks/{id}/case", post(outbreaks::case))
        .route("/outbreaks/{id}/report", post(outbreaks::report))
        .route("/outbreaks/{id}/letters", post(outbreaks::letters))
        .route("/medications", get(medication::show))
        .route("/medications/give", post(medication::give))
        .route("/medications/scan", post(scan::scan))
        .route("/medications/doses/{id}", get(medication::one))
        .route("/medications/doses/{id}/error", post(medication::error))
        .route("/medications/doses/{id}/report", post(mistakes::report))
        .route("/medications/delegations", get(delegations::show).post(delegations::delegate))
        .route("/medications/delegations/{id}/revoke", post(delegations::revoke))
        .route("/medications/errors", get(mistakes::show))
        .route("/medications/errors/{id}/{verb}", post(mistakes::act))
        .route("/medications/doses/{id}/effect", post(medication::effect))
        .route("/medications/students/{id}", get(medication::of_student))
        .route("/medications/students/{id}/month", get(medication::month))
        .route("/medications/students/{id}/give", post(medication::give_needed))
        .route("/medications/students/{id}/orders", post(medication::draft))
        .route("/medications/students/{id}/orders/{order}/{verb}", post(medication::order))
        .route("/medications/register", get(register::show))
        .route("/medications/register/receive", post(register::receive))
        .route("/medications/register/{id}", get(register::one))
        .route("/medications/register/{id}/{verb}", post(register::act))
}

/// Ways in and out.
fn entrances() -> Router<Arc<App>> {
    Router::new()
        .route("/sign-in", get(entry::sign_in_page).post(entry::sign_in))
        .route("/sign-in/emergency", get(emergency::show).post(emergency::open))
        .route("/sign-in/code", post(entry::give_code))
        .route("/sign-in/passkey", post(passkey::sign_in))
        .route("/sign-in/passkey/ask", post(passkey::ask))
        .route("/sign-in/provider/back", get(provider::arrive))
        .route("/sign-in/provider/{organization}/{id}", get(provider::depart))
        .route("/api/auth/token", post(tokens::issue))
        .route("/api/auth/token/refresh", post(tokens::refresh))
        .route("/api/auth/token/prove", post(tokens::prove))
        .route("/api/auth/token/revoke", post(tokens::revoke))
        .route("/sign-out", post(entry::sign_out))
        .route("/setup/{token}", get(entry::setup_page).post(entry::setup))
        .route("/setup/{token}/provider/{id}", get(provider::accept))
}

/// What a person does to their own account.
fn own_account() -> Router<Arc<App>> {
    Router::new()
        .route("/account", get(account::show))
        .route("/account/tokens", post(account::create_token))
        .route("/account/tokens/{id}/revoke", post(account::revoke_token))
        .route("/account/sessions/{id}/revoke", post(account::revoke_session))
        .route("/account/security", get(security::show))
        .route("/account/security/password", post(security::change_password))
        .route("/account/security/authenticator", post(security::new_authenticator))
        .route("/account/security/authenticator/confirm", post(security::confirm_authenticator))
        .route("/account/security/authenticator/remove", post(security::remove_authenticator))
        .route("/account/security/recovery-codes", post(security::recovery_codes))
        .route("/account/security/passkeys", post(passkey::keep))
        .route("/account/security/passkeys/ask", post(passkey::ask_new))
        .route("/account/security/passkeys/{id}/remove", post(passkey::remove))
        .route("/account/security/codes", post(security::new_address))
        .route("/account/security/codes/confirm", post(security::confirm_address))
        .route("/account/security/codes/{channel}/remove", post(security::remove_address))
        .route("/account/security/devices/{id}/remove", post(security::remove_device))
        .route("/account/security/accounts/{id}", get(provider::link))
        .route("/account/security/accounts/{id}/remove", post(provider::unlink))
        .route("/account/tokens/{id}/replace", post(account::replace_token))
}

async fn asset(Path(file): Path<String>) -> Response {
    match assets::get(&file) {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(asset) => (
            [
                (header::CONTENT_TYPE, asset.content_type),
                (header::CACHE_CONTROL, asset.cache_control),
                (header::ETAG, asset.etag.as_str()),
            ],
            asset.bytes.as_ref(),
        )
            .into_response(),
    }
}
