//! Invented data for sign-in, audit log, data browser, API page, account and errors.

use super::from;
use salus_web::pages::{
    Shell, account, alerts, audit, browse, compliance, docs, encryption, entry, erasures, error, table,
};
use serde_json::{Value, json};

pub fn sign_in(shell: &Shell) -> String {
    entry::sign_in(&entry::SignInView::default(), shell).into_string()
}

pub fn sign_in_error(shell: &Shell) -> String {
    let view: entry::SignInView = from(json!({
        "organization": "sampleton", "email": "nora@sampleton.example", "error": "Organization, e-mail or password is wrong."
    }));
    entry::sign_in(&view, shell).into_string()
}

pub fn setup(shell: &Shell) -> String {
    let view: entry::SetupView = from(json!({
        "token": "invented", "name": "Nora Invented", "email": "nora@sampleton.example", "organization": "Sampleton Invented Clinics",
        "rules": ["At least 12 characters", "Not one of the passwords known from leaks", "Not your name or e-mail"],
        "error": "The two passwords differ."
    }));
    entry::setup(&view, shell).into_string()
}

pub fn audit(shell: &Shell) -> String {
    let event = |at: &str, actor: &str, action: &str, target: &str, rows: Value, outcome: &str| {
        json!({ "id": "e1", "recorded_at": at, "actor_id": "u1", "actor": actor, "action": action, "target": target, "rows": rows,
                "row_count": 37, "purpose": "TREATMENT", "channel": "page", "outcome": outcome, "request": "0193f5a2-7c41-7e10-9a55-3f0c8d21b7aa" })
    };
    let ids = json!(["0193f5a2-7c41-7e10-9a55-3f0c8d21b7aa", "0193f5a2-7c41-7e10-9a55-3f0c8d21c0de"]);
    let view: audit::AuditView = from(json!({
        "filter": { "from": "2026-11-01", "outcome": "refused" },
        "seal": { "size": 1_204_331, "sealed_at": "2026-11-21T09:10:00Z", "verified_at": "2026-11-21T06:00:00Z", "holds": true, "anchored": ["file:/var/lib/salus/anchors"] },
        "rows": [
            event("2026-11-21T09:12:44.120311Z", "Nora Invented", "medical.patient.list", "medical.patients", ids.clone(), "success"),
            event("2026-11-21T09:11:02.000001Z", "Otto Musterperson", "records.fact.read", "records.lab_results", json!([]), "refused"),
            event("2026-11-21T09:10:40.500000Z", "Night import", "records.lab_result.write", "records.lab_results", ids, "failed")
        ],
        "pager": { "next": "/audit?cursor=invented", "first": "/audit" }
    }));
    audit::render(&view, shell).into_string()
}

/// One promise of every verdict, one long ago, one never tried, and the history of one.
pub fn compliance(shell: &Shell) -> String {
    let proof = |name: &str, verdict: &str, reason: &str, fix: &str| json!({ "id": "0192f0a0-0000-7000-8000-00000000a001", "name": name, "verdict": verdict, "reason": reason, "fix": fix, "proved_at": "2026-11-21T06:00:00Z", "took_ms": 12_059 });
    let held = proof("isolation", "HOLDS", "1879 attempts over 47 tables and 148 operations, no leak", "");
    let mut old = proof("keys", "HOLDS", "27 keys unwrapped, 27 canaries opened", "");
    old["old"] = json!(true);
    let fails =
        proof("audit", "FAILS", "leaf_changed; and 2 more", "run salus audit verify, which names the first bad place");
    let untried = proof(
        "encryption",
        "UNPROVEN",
        "the files of the database are on another machine",
        "run salus doctor plaintext-scan there",
    );
    let view: compliance::ComplianceView = from(json!({
        "proofs": [held, old, fails, untried, { "name": "version" }],
        "history": [fails, proof("audit", "HOLDS", "1481 events sealed and 0 waiting agree", "")]
    }));
    compliance::render(&view, shell).into_string()
}

pub fn encryption(shell: &Shell) -> String {
    let key = |kind: &str, class: Option<&str>, state: &str, days: u64, due: Option<&str>| {
        json!({ "kind": kind, "key_class": class, "generation": 2, "state": state, "age_days": days, "due_after_days": 90,
                "seals": 1_048_576, "values": 41_200, "due": due })
    };
    let column = |name: &str, current: u64| {
        json!({ "table": "medical.patients", "column": name, "key_class": "identity", "values": 1_450, "under_key_in_use": current,
                "counted_at": "2026-11-21T06:00:00Z" })
    };
    let rotation = |class: &str, state: &str, done: u64, end: Option<&str>| {
        json!({ "kind": "class", "key_class": class, "reason": "scheduled", "state": state, "rows_total": 1_450, "rows_done": done,
                "rows_failed": 1_450 - done, "rows_kept": 12, "started_at": "2026-11-20T22:00:00Z", "finished_at": end })
    };
    let view: encryption::EncryptionView = from(json!({
        "keys": [
            key("tenant", None, "active", 30, None),
            key("index", None, "active", 400, Some("due_by_age")),
            key("class", Some("identity"), "active", 91, Some("due_by_seals")),
            key("class", Some("identity"), "decrypt_only", 180, None)
        ],
        "fields": [column("family_name", 1_450), column("mrn", 700)],
        "rotations": [rotation("identity", "moving", 700, None), rotation("clinical", "finished", 1_450, Some("2026-11-20T23:00:00Z"))],
        "rules": { "class_days": 90, "other_days": 365, "automatic": true },
        "escrow_verified_at": "2026-06-01T10:00:00Z", "escrow_due": true
    }));
    encryption::render(&view, shell).into_string()
}

pub fn alerts(shell: &Shell) -> String {
    let alert = |n: u64, kind: &str, state: &str| {
        json!({ "id": format!("0193f5a2-7c41-7e10-9a55-3f0c8d21c{n:03}"), "created_at": "2026-11-21T06:00:00Z", "kind": kind,
            "what": "A row holds something else than Salus last wrote: it was changed in the database itself",
            "table_name": "medical.patients", "row_id": format!("0193f5a2-7c41-7e10-9a55-3f0c8d21b{n:03}"), "state": state })
    };
    let mut acknowledged = alert(2, "row_inserted", "ACKNOWLEDGED");
    acknowledged["reason"] = json!("Asked the administrator of the database");
    acknowledged["decided_at"] = json!("2026-11-21T07:10:00Z");
    let mut closed = alert(3, "row_removed", "CLOSED");
    closed["reason"] = json!("A repair by hand, ticket 12; the rows were taken as they are");
    closed["decided_at"] = json!("2026-11-20T17:00:00Z");
    let refused = json!({ "id": "0193f5a2-7c41-7e10-9a55-3f0c8d21c001", "message": "Says in 1 to 2000 characters what was found" });
    let view: alerts::AlertsView =
        from(json!({ "open": [alert(1, "row_changed", "OPEN"), acknowledged], "closed": [closed],
        "may_decide": true, "refused": refused }));
    alerts::render(&view, shell).into_string()
}

pub fn alerts_none(shell: &Shell) -> String {
    alerts::render(&alerts::AlertsView::default(), shell).into_string()
}

pub fn encryption_new(shell: &Shell) -> String {
    encryption::render(&encryption::EncryptionView { escrow_due: true, ..Default::default() }, shell).into_string()
}

pub fn browse(shell: &Shell) -> String {
    let table = |name: &str, doc: &str, rows: Option<u64>, sealed: u64| json!({ "name": name, "doc": doc, "rows": rows, "columns": 24, "sealed": sealed });
    let mut shared = table("codes", "Codes of every code system, valid for a time", Some(98_211), 0);
    shared["shared"] = json!(true);
    let view: browse::BrowseView = from(json!({ "schemas": [
        { "name": "medical", "doc": "Patients, coverage, claims and authorizations", "tables": [
            table("patients", "One row for each person in a tenant", Some(1_450), 9),
            table("patient_identifiers", "Numbers by which others know a person", Some(3_020), 1),
            table("claims", "Claims, by us or to us", None, 4) ] },
        { "name": "records", "doc": "Clinical facts and documents", "tables": [
            table("lab_results", "One value of one test", Some(1_204_331), 3),
            table("encounters", "Visits and stays", Some(41_002), 2) ] },
        { "name": "ref", "doc": "Reference data all tenants share", "tables": [shared] },
        { "name": "audit", "tables": [table("activity_logs", "One row for each access to protected health information", Some(9_004_120), 1)] }
    ] }));
    browse::render(&view, shell).into_string()
}

fn columns() -> Value {
    json!([
        { "name": "family_name", "type": "sealed_text", "sealed": true, "doc": "Family name as written on the card" },
        { "name": "birth_date", "type": "sealed_date", "sealed": true },
        { "name": "sex", "type": "text", "labels": { "F": "", "M": "", "X": "", "UNK": "" }, "sort": { "href": "/browse/medical/patients?sort=sex" } },
        { "name": "status", "type": "text", "labels": { "ACTIVE": "", "INACTIVE": "", "MERGED": "" } },
        { "name": "record_regime", "type": "text" },
        { "name": "interpreter_needed", "type": "boolean" },
        { "name": "fact_count", "type": "int8", "sort": { "href": "/browse/medical/patients?sort=fact_count", "state": "descending" } },
        { "name": "merged_into", "type": "uuid", "references": "/browse/medical/patients/" },
        { "name": "settings", "type": "jsonb", "doc": "What the person chose" },
        { "name": "created_at", "type": "timestamptz", "sort": { "href": "/browse/medical/patients?sort=created_at", "state": "" } }
    ])
}

fn cells(n: u64) -> Value {
    json!({ "id": format!("0193f5a2-7c41-7e10-9a55-3f0c8d21b{n:03}"), "row_version": 3, "cells": {
        "family_name": { "masked": true }, "birth_date": { "masked": true }, "sex": if n.is_multiple_of(2) { "F" } else { "M" }, "status": "ACTIVE",
        "record_regime": "FERPA_AND_STATE", "interpreter_needed": n.is_multiple_of(3), "fact_count": 5012 + n * 977,
        "merged_into": if n == 2 { json!("0193f5a2-7c41-7e10-9a55-3f0c8d21b001") } else { Value::Null },
        "settings": { "reminders": { "sms": true, "hours": [8, 20] } }, "created_at": "2026-11-21T09:12:44.120311Z"
    } })
}

pub fn table(shell: &Shell) -> String {
    let view: table::TableView = from(json!({
        "base": "/browse/medical/patients", "schema": "medical", "name": "patients", "doc": "One row for each person in a tenant",
        "columns": columns(), "rows": (0..12).map(cells).collect::<Vec<_>>(),
        "filters": [
            { "name": "status", "label": "Status", "kind": "choice", "value": "ACTIVE", "choices": [["ACTIVE", ""], ["INACTIVE", ""]] },
            { "name": "created_at.gte", "label": "Created from", "kind": "date" },
            { "name": "merged_into", "label": "Merged into", "kind": "text" }
        ],
        "pager": { "next": "/browse/medical/patients?cursor=invented" }
    }));
    browse::rows(&view, shell).into_string()
}

pub fn row(shell: &Shell) -> String {
    let view: table::RowView = from(json!({
        "base": "/browse/medical/patients", "schema": "medical", "name": "patients", "columns": columns(), "row": cells(2)
    }));
    browse::row(&view, shell).into_string()
}

pub fn opened(shell: &Shell) -> String {
    let columns: Vec<table::Column> = from(columns());
    browse::opened(&columns[0], &from(json!("Inventada")), shell).into_string()
}

pub fn refused(shell: &Shell) -> String {
    browse::not_opened("The permission medical.patient.read is missing", shell).into_string()
}

fn openapi() -> Value {
    let error = json!({ "description": "Refused", "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } });
    let list = json!({
        "operationId": "medical.patient.list", "tags": ["medical"], "summary": "Patients, by status or birth month", "x-permission": "medical.patient.read",
        "description": "Opens only the columns it lists; each opening is recorded.",
        "parameters": [
            { "name": "status", "in": "query", "schema": { "type": "string", "enum": ["ACTIVE", "INACTIVE"] }, "description": "Only patients in this state" },
            { "name": "limit", "in": "query", "schema": { "type": "integer", "format": "int32" }, "description": "At most 200" },
            { "$ref": "#/components/parameters/cursor" }
        ],
        "responses": { "200": { "description": "A page of patients", "content": { "application/json": { "schema": { "type": "object", "required": ["rows"], "properties": {
            "rows": { "type": "array", "items": { "$ref": "#/components/schemas/Patient" } }, "next": { "type": ["string", "null"] } } } } } }, "403": error }
    });
    let create = json!({
        "operationId": "medical.patient.create", "tags": ["medical"], "summary": "Enter a patient", "x-permission": "medical.patient.write",
        "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Patient" } } } },
        "responses": { "201": { "description": "Entered" }, "422": error }
    });
    let simple = |id: &str, tag: &str, summary: &str| json!({ "operationId": id, "tags": [tag], "summary": summary, "x-permission": id, "responses": { "204": { "description": "Done" } } });
    json!({
        "openapi": "3.1.0", "info": { "title": "Salus API", "description": "Every table and action of this installation." },
        "paths": {
            "/api/v1/medical/patients": { "get": list, "post": create },
            "/api/v1/medical/patients/{id}": { "patch": simple("medical.patient.write", "medical", "Change a patient"), "delete": simple("medical.patient.delete", "medical", "Remove a patient") },
            "/api/v1/records/lab-results": { "get": simple("records.lab_result.read", "records", "Results of tests") },
            "/api/v1/compliance/disclosures/{id}/suspend-accounting": { "put": simple("compliance.disclosure.write", "compliance", "Suspend the accounting of a disclosure") }
        },
        "components": {
            "parameters": { "cursor": { "name": "cursor", "in": "query", "schema": { "type": "string" }, "description": "Where the page before ended" } },
            "schemas": {
                "Patient": { "type": "object", "required": ["family_name", "sex"], "properties": {
                    "id": { "type": "string", "format": "uuid" }, "family_name": { "type": "string", "description": "Sealed" },
                    "birth_date": { "type": "string", "format": "date" }, "sex": { "type": "string", "enum": ["F", "M", "X", "UNK"] },
                    "names": { "type": "array", "items": { "$ref": "#/components/schemas/Name" } } } },
                "Name": { "type": "object", "properties": { "use": { "type": "string" }, "family": { "type": "string" }, "of": { "$ref": "#/components/schemas/Patient" } } },
                "Problem": { "type": "object", "properties": { "code": { "type": "string" }, "detail": { "type": "string" }, "errors": { "type": "array", "items": { "type": "object" } } } }
            }
        }
    })
}

pub fn docs(shell: &Shell) -> String {
    docs::render(&from(json!({ "openapi": openapi() })), shell).into_string()
}

pub fn operation(shell: &Shell) -> String {
    docs::render(&from(json!({ "openapi": openapi(), "operation": "medical.patient.list" })), shell).into_string()
}

pub fn account(shell: &Shell) -> String {
    let view: account::AccountView = from(json!({
        "sessions": [
            { "id": "s1", "current": true, "device": "Firefox on Linux", "address": "192.0.2.17", "started_at": "2026-11-21T08:00:00-03:00", "last_seen_at": "2026-11-21T09:12:00-03:00" },
            { "id": "s2", "device": "Chrome on Android", "address": "198.51.100.4", "started_at": "2026-11-18T19:00:00-03:00", "last_seen_at": "2026-11-20T21:40:00-03:00" }
        ],
        "tokens": [
            { "id": "k1", "name": "Nightly export", "prefix": "slk_live_7Qx", "scopes": ["medical.*.read", "records.*.read"], "expires_at": "2027-05-01T00:00:00Z", "last_used_at": "2026-11-21T02:00:00Z" },
            { "id": "k2", "name": "Old laptop", "prefix": "slk_live_b2M", "scopes": ["*.*.read"], "expires_at": "2026-12-01T00:00:00Z", "revoked_at": "2026-06-01T00:00:00Z" }
        ],
        "created": "slk_test_invented_0000000000000000000000000000_sample", "may_create": true
    }));
    account::render(&view, shell).into_string()
}

pub fn forbidden(shell: &Shell) -> String {
    error::render(&from(json!({ "status": 403, "permission": "audit.activity_log.read" })), shell).into_string()
}

pub fn not_found(shell: &Shell) -> String {
    error::render(&from(json!({ "status": 404 })), shell).into_string()
}

pub fn broken(shell: &Shell) -> String {
    error::render(&from(json!({ "status": 500 })), shell).into_string()
}

pub fn unknown(shell: &Shell) -> String {
    error::render(&from(json!({ "status": 503, "unknown": true })), shell).into_string()
}

const PERSON: &str = "0193f5a2-7c41-7e10-9a55-3f0c8d21c0de";

/// One that waits for this reader, one that the reader asked for, one of each end.
pub fn erasures(shell: &Shell) -> String {
    let request = |id: &str, state: &str, own: bool| {
        json!({ "id": id, "act": "erase_person", "person_id": PERSON, "reason": "subject_request", "state": state, "own": own, "note": "Letter of 3 November",
                "asked_at": "2026-11-20T09:00:00Z", "expires_at": "2026-11-23T09:00:00Z", "asked_by": { "kind": "user", "name": "Otto Musterperson" } })
    };
    let mut done = request("r3", "done", false);
    done["decided_at"] = json!("2026-11-21T09:00:00Z");
    done["decided_by"] = json!({ "kind": "operator" });
    done["erasure"] = json!("e1");
    let view: erasures::ErasuresView = from(json!({
        "requests": [request("r1", "waiting", false), request("r2", "waiting", true), done, request("r4", "expired", false)],
        "form": { "person_id": "p-17", "reason": "legal_order" },
        "errors": [{ "field": "person_id", "message": "Must name an existing record" }],
        "general": "You asked for this: another person decides it",
        "reasons": ["subject_request", "retention_over", "legal_order", "recorded_in_error"], "may_ask": true, "may_confirm": true
    }));
    erasures::render(&view, shell).into_string()
}

pub fn erasures_none(shell: &Shell) -> String {
    erasures::render(&erasures::ErasuresView::default(), shell).into_string()
}

pub fn certificate(shell: &Shell) -> String {
    let view: erasures::Certificate = from(json!({
        "id": "0193f5a2-7c41-7e10-9a55-3f0c8d21b7aa", "installation": "0193f5a2-7c41-7e10-9a55-3f0c8d21b7ab",
        "organization": "Sampleton Invented Clinics", "person_id": PERSON, "reason": "subject_request",
        "erased_at": "2026-11-21T09:00:00Z", "asked_at": "2026-11-20T09:00:00Z", "asked_by": { "kind": "user", "name": "Otto Musterperson" },
        "confirmed_by": { "kind": "operator" }, "erased": ["The person's own key"], "stays": ["Codes and dates"],
        "state": "backups_left", "backups_left": 3, "backups_noted_at": "2026-11-21T10:00:00Z"
    }));
    erasures::certificate(&view, shell).into_string()
}
