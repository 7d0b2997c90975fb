//! Invented data for the pages of users.

use super::from;
use salus_web::pages::{Shell, api_keys, entry, modules, prove, providers, reach, sign_ins, users, webhooks};
use serde_json::{Value, json};

fn roles() -> Value {
    json!([
        { "name": "admin", "description": "Accounts, roles and settings; opens no patient's record", "scope": "tenant" },
        { "name": "care_team", "description": "Records of the patients one is assigned to", "scope": "caseload", "ticked": true }
    ])
}

fn list() -> Value {
    json!({
        "may_manage": true, "roles": roles(), "pager": { "next": "/users?cursor=c1" },
        "rows": [
            { "id": "u1", "display_name": "Nora Invented", "email": "nora@sampleton.example", "kind": "staff", "status": "active",
              "last_login_at": "2026-11-20T14:02:00Z", "roles": ["admin", "privacy_officer"] },
            { "id": "u2", "display_name": "Bartholomew Fictitious-Longname", "email": "bartholomew.fictitious@sampleton.example", "kind": "staff",
              "status": "active", "is_locked_out": true, "last_login_at": "2026-11-19T08:30:00Z", "roles": ["care_team"] },
            { "id": "u3", "display_name": "Registry feed", "kind": "service", "status": "disabled" },
            { "id": "u4", "display_name": "New Person", "email": "new@sampleton.example", "kind": "staff", "status": "invited", "roles": [] }
        ]
    })
}

pub fn users(shell: &Shell) -> String {
    users::render(&from(list()), shell).into_string()
}

pub fn invited(shell: &Shell) -> String {
    let mut view = list();
    view["link"] = json!(
        "https://salus.sampleton.example/setup/slu_0193f5a27c417e109a553f0c8d21b7aa_5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d_8e7f1a2b"
    );
    view["errors"] = json!([{ "field": "email", "message": "Is an e-mail address" }]);
    view["form"] = json!({ "email": "new", "display_name": "New Person" });
    users::render(&from(view), shell).into_string()
}

pub fn user(shell: &Shell) -> String {
    let view = from(json!({
        "user": { "id": "u2", "display_name": "Bartholomew Fictitious-Longname", "email": "bartholomew.fictitious@sampleton.example", "kind": "staff",
                  "status": "active", "is_locked_out": true, "created_at": "2026-02-01T09:00:00Z", "last_login_at": "2026-11-19T08:30:00Z", "roles": ["care_team"] },
        "roles": roles(), "may_manage": true,
        "general": "Nobody would be left who may manage accounts: let another active user hold auth.user.manage first",
        "preview": { "gains": ["auth.role.write", "auth.user.manage"], "loses": ["kernel.phi.read", "medical.patient.read"] },
        "sessions": [{ "id": "s1", "device": "Mozilla/5.0 (Windows NT 10.0) Chrome/126.0 Safari/537.36", "address": "192.0.2.17",
                       "started_at": "2026-11-20T12:00:00Z", "last_seen_at": "2026-11-20T14:02:00Z" }],
        "history": [
            { "at": "2026-11-20T12:00:00Z", "outcome": "success", "reason": "authenticator", "ip": "192.0.2.17", "agent": "Firefox/130 Windows" },
            { "at": "2026-11-20T11:58:00Z", "outcome": "refused", "reason": "password", "ip": "192.0.2.17", "agent": "Firefox/130 Windows" }
        ]
    }));
    users::one(&view, shell).into_string()
}

pub fn sign_ins(shell: &Shell) -> String {
    let at = |at: &str, (user, name): (&str, &str), (outcome, reason): (&str, &str)| {
        json!({ "at": at, "user_id": user, "user_name": name, "outcome": outcome, "reason": reason, "ip": "192.0.2.17",
                "agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/126.0 Safari/537.36" })
    };
    let bartholomew = ("u2", "Bartholomew Fictitious-Longname");
    let view = from(json!({
        "filter": { "outcome": "refused", "from": "2026-11-01" },
        "rows": [
            at("2026-11-20T14:00:00Z", bartholomew, ("success", "authenticator")),
            at("2026-11-20T13:59:00Z", bartholomew, ("refused", "second_factor")),
            at("2026-11-20T13:20:00Z", ("", ""), ("refused", "password")),
            at("2026-11-20T13:19:00Z", ("u3", "Nora Invented"), ("locked", "too_many")),
            at("2026-11-20T13:18:00Z", ("u3", "Nora Invented"), ("refused", "passkey_copied"))
        ],
        "pager": { "next": "/sign-ins?outcome=refused&cursor=x" }
    }));
    sign_ins::render(&view, shell).into_string()
}

pub fn no_sign_ins(shell: &Shell) -> String {
    let view = from(json!({
        "filter": { "user": "u2", "from": "soon" }, "of_user": "Bartholomew Fictitious-Longname",
        "errors": [{ "field": "from", "message": "Is a date such as 2026-11-21" }]
    }));
    sign_ins::render(&view, shell).into_string()
}

pub fn api_keys(shell: &Shell) -> String {
    let key = |id: &str, owner: &str, scopes: Value, networks: Value| {
        json!({ "id": id, "name": "Laboratory link", "prefix": "slk_0193f5a2", "scopes": scopes, "networks": networks,
                "purposes": ["TREAT"], "created_at": "2026-09-01T08:00:00Z", "last_used_at": "2026-11-19T08:30:00Z",
                "expires_at": "2026-12-01T08:00:00Z", "owner_id": "u9", "owner_name": owner })
    };
    let view = from(json!({
        "keys": [
            key("k2", "Laboratory link", json!(["records.lab.read", "medical.patient.read"]), json!(["192.0.2.0/24", "2001:db8:7::/48"])),
            key("k1", "Bartholomew Fictitious-Longname", json!([]), json!([]))
        ],
        "may_revoke": true, "done": "Done."
    }));
    api_keys::render(&view, shell).into_string()
}

pub fn no_api_keys(shell: &Shell) -> String {
    api_keys::render(&from(json!({})), shell).into_string()
}

pub fn service(shell: &Shell) -> String {
    let key = |id: &str, revoked: &str| {
        json!({ "id": id, "name": "Laboratory link", "prefix": "slk_0193f5a2", "scopes": ["records.lab.read", "medical.patient.read"],
                "purposes": ["TREAT"], "created_at": "2026-09-01T08:00:00Z", "last_used_at": "2026-11-19T08:30:00Z",
                "expires_at": "2026-12-01T08:00:00Z", "revoked_at": revoked })
    };
    let view = from(json!({
        "user": { "id": "u9", "display_name": "Laboratory link", "kind": "service", "status": "active",
                  "created_at": "2026-02-01T09:00:00Z", "roles": ["care_team"] },
        "roles": roles(), "may_manage": true,
        "keys": [key("k2", ""), key("k1", "2026-11-01T08:00:00Z")],
        "key": "slk_0193f5a27c417e109a553f0c8d21b7aa_5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d_8e7f1a2b",
        "key_errors": [{ "field": "networks", "message": "the lab is no network: write it like 192.0.2.0/24 or 2001:db8::/32" }],
        "key_form": { "name": "Laboratory link", "networks": "the lab" }
    }));
    users::one(&view, shell).into_string()
}

pub fn prove(shell: &Shell) -> String {
    let view =
        from(json!({ "back": "/users", "errors": [{ "field": "password", "message": "Is not your password" }] }));
    prove::render(&view, shell).into_string()
}

pub fn disabled(shell: &Shell) -> String {
    let view = from(json!({
        "user": { "id": "u3", "display_name": "Former Person", "email": "former@sampleton.example", "kind": "staff", "status": "disabled",
                  "created_at": "2026-02-01T09:00:00Z", "roles": [] },
        "roles": roles(), "may_manage": true, "done": "Done."
    }));
    users::one(&view, shell).into_string()
}

fn chosen(may_choose: bool) -> modules::ModulesView {
    from(json!({
        "may_choose": may_choose, "changed": may_choose,
        "modules": [
            { "name": "records", "chosen": true, "domains": ["medical", "records"] },
            { "name": "exchange", "chosen": true, "domains": ["exchange"] },
            { "name": "ai", "chosen": false, "domains": ["ai"] }
        ]
    }))
}

pub fn modules(shell: &Shell) -> String {
    modules::render(&chosen(true), shell).into_string()
}

pub fn modules_read(shell: &Shell) -> String {
    modules::render(&chosen(false), shell).into_string()
}

pub fn emergency(shell: &Shell) -> String {
    let view = from(json!({ "organization": "sampleton", "reason": "soon", "errors": [
        { "field": "shares", "message": "Share 2 was mistyped: compare it with the paper" },
        { "field": "reason", "message": "Says in at least 15 characters why nobody can sign in" }
    ] }));
    entry::emergency(&view, shell).into_string()
}

fn known() -> Value {
    json!({
        "may_change": true, "redirect": "https://salus.sampleton.example/sign-in/provider/back",
        "rows": [
            { "id": "p1", "name": "Sampleton accounts", "issuer": "https://id.sampleton.example/realms/clinicians", "client_id": "salus", "is_active": true },
            { "id": "p2", "name": "Former directory", "issuer": "https://old.sampleton.example", "client_id": "salus-2024", "is_active": false }
        ]
    })
}

pub fn providers(shell: &Shell) -> String {
    let mut view = known();
    view["errors"] = json!([{ "field": "issuer", "message": "Must be an https address without query, such as https://id.example.org" }]);
    providers::render(&from(view), shell).into_string()
}

pub fn provider(shell: &Shell) -> String {
    let mut view = known();
    view["form"] = view["rows"][0].clone();
    view["done"] = json!("The secret was set.");
    providers::render(&from(view), shell).into_string()
}

pub fn webhooks(shell: &Shell) -> String {
    let view = from(json!({
        "may_manage": true, "published": ["medical.patient.created", "medical.patient.changed"],
        "secret": "whsec_5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d5f0d",
        "rows": [
            { "id": "w1", "name": "Registry feed", "url": "https://hooks.sampleton.example/salus/patients?key=invented", "events": ["medical.patient.created"], "is_active": true },
            { "id": "w2", "name": "Warehouse", "url": "https://warehouse.sampleton.example/in", "events": [], "is_active": false }
        ],
        "deliveries": [
            { "created_at": "2026-11-20T14:02:00Z", "receiver": "Registry feed", "event": "medical.patient.created", "state": "delivered", "attempts": 1, "answer": "204" },
            { "created_at": "2026-11-20T13:02:00Z", "receiver": "Warehouse", "event": "medical.patient.changed", "state": "failing", "attempts": 3, "answer": "unavailable" }
        ],
        "errors": [{ "field": "url", "message": "Is an https address on the public internet" }]
    }));
    webhooks::render(&view, shell).into_string()
}

pub fn no_webhooks(shell: &Shell) -> String {
    webhooks::render(&webhooks::WebhooksView::default(), shell).into_string()
}

pub fn reach(shell: &Shell) -> String {
    let view: reach::ReachView = from(json!({
        "id": "u2", "name": "Nora Invented",
        "sections": [
            { "kind": "links",
              "entries": [
                { "id": "l1", "version": 1, "what": "P-3F7K2M9Q1B4D", "href": "/patients/p1", "how": "Parent · Birth certificate", "from": "2026-01-05", "until": "2031-08-14", "holds": true },
                { "id": "l2", "version": 3, "what": "P-9Q1B4D3F7K2M", "how": "Guardian · Court order", "from": "2025-03-01", "until": "2026-02-28", "holds": false }
              ],
              "fields": [
                { "name": "links.person", "label": "Person", "hint": "Record number, pseudonym or id.", "required": true, "value": "MR-1042" },
                { "name": "links.relation", "label": "Relation", "kind": "choice", "required": true, "value": "parent", "choices": [["parent", "Parent"], ["guardian", "Guardian"]] },
                { "name": "links.contact_id", "label": "Contact of the person", "kind": "choice", "choices": [["c1", "MTH Rosa Invented"]],
                  "error": "Say which contact of this person the user is: what bars the contact bars the user" },
                { "name": "links.valid_to", "label": "Last day", "kind": "date" }
              ] },
            { "kind": "cases", "entries": [], "fields": [{ "name": "cases.person", "label": "Person", "required": true }] },
            { "kind": "units",
              "entries": [{ "id": "n1", "version": 1, "what": "Oakdale Elementary", "from": "2026-08-01", "until": "", "holds": true }] }
        ]
    }));
    reach::render(&view, shell).into_string()
}
