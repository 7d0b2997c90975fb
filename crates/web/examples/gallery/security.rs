//! Invented data for second factors, account security and the rules for sign-in.

use super::from;
use salus_web::pages::{Shell, entry, layout::Module, rules, security};
use serde_json::json;

pub fn second(shell: &Shell) -> String {
    let view: entry::SecondView = from(json!({
        "token": "invented", "organization": "sampleton", "channels": ["email", "sms"], "passkey": true, "sent": true,
        "error": "This code is not right, or was used before."
    }));
    entry::second(&view, shell).into_string()
}

/// Everything that can be set up, in use.
pub fn account(shell: &Shell) -> String {
    let attempt = |outcome: &str, reason: &str| {
        json!({ "at": "2026-11-21T09:12:00Z", "outcome": outcome, "reason": reason, "ip": "192.0.2.17",
                "agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/131.0" })
    };
    let view: security::SecurityView = from(json!({
        "authenticator": true, "passkeys_work": true, "recovery_left": 7,
        "passkeys": [
            { "id": "k1", "name": "Telephone", "created_at": "2026-05-01T08:00:00Z", "last_used_at": "2026-11-20T08:00:00Z" },
            { "id": "k2", "name": "Old key", "created_at": "2025-05-01T08:00:00Z", "suspended": true }
        ],
        "channels": ["email", "sms"], "own_channels": ["sms"],
        "devices": [{ "id": "d1", "agent": "Firefox/131.0 Linux", "last_used_at": "2026-11-20T08:00:00Z", "expires_at": "2026-12-20T08:00:00Z" }],
        "history": [attempt("success", "passkey"), attempt("refused", "second_factor"), attempt("locked", "too_many")],
        "accounts": [["p1", "Sampleton directory", true], ["p2", "Another directory", false]],
        "rules": ["at least 15 characters"]
    }));
    security::render(&view, shell).into_string()
}

/// Nothing yet, and nothing else is open: a code to scan, a question for the password.
pub fn restricted(shell: &Shell) -> String {
    let dark: Vec<bool> = (0..29 * 29).map(|at| at % 3 == 0 || at % 7 == 1).collect();
    let view: security::SecurityView = from(json!({
        "must_enrol": true, "must_prove": true, "pending": { "secret": "INVENTEDINVENTEDINVENTEDINVENTED", "size": 29, "dark": dark },
        "passkeys_work": true, "channels": ["email"], "address_token": "invented",
        "errors": [{ "field": "code", "message": "Is not the code that the authenticator shows now" }]
    }));
    security::render(&view, &alone(shell)).into_string()
}

/// The first second factor is set up: its recovery codes, and the way on.
pub fn enrolled(shell: &Shell) -> String {
    let view: security::SecurityView = from(json!({
        "authenticator": true, "recovery_left": 2, "recovery_codes": ["ABCD-EFGH-IJKL-MNOP", "QRST-UVWX-YZ23-4567"], "channels": ["email"]
    }));
    security::render(&view, &alone(shell)).into_string()
}

/// The frame of who has to set up a second factor first.
fn alone(shell: &Shell) -> Shell {
    let mut shell = shell.clone();
    shell.nav = vec![Module::Security.item(shell.locale)];
    shell.may_search = false;
    shell
}

pub fn rules(shell: &Shell) -> String {
    let rule = |name: &str, kind: &str, value: &str, current: &str, system: &str| json!({ "name": name, "kind": kind, "value": value, "current_standard": current, "system_003": system });
    let view: rules::RulesView = from(json!({
        "rules": [
            rule("passwordMinLength", "number", "12", "15", "12"),
            rule("requireMfa", "flag", "false", "true", "false"),
            rule("allowedIpRanges", "list", "192.0.2.0/24\n2001:db8::/32", "", "")
        ],
        "may_change": true,
        "errors": [{ "field": "passwordMinLength", "message": "Is a whole number from 8 to 128" }]
    }));
    rules::render(&view, shell).into_string()
}
