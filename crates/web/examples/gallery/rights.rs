//! Invented data for emergency access, explanations of access, and roles.

use super::from;
use salus_web::pages::{Shell, bundles, glass, roles, why};
use serde_json::json;

pub fn glass(shell: &Shell) -> String {
    let mut shell = shell.clone();
    shell.purpose = "BTG".into();
    shell.purposes = vec!["TREAT".into(), "BTG".into()];
    let view: glass::GlassView = from(json!({
        "may_open": true, "may_review": true,
        "form": { "record_number": "SAM-1", "reason": "short" },
        "errors": [{ "field": "reason", "message": "Says in at least 15 characters why this cannot wait" }],
        "opened": { "patient_id": "p1", "ends_at": "2026-11-21T10:12:00Z" },
        "rows": [
            { "id": "g1", "user_name": "Nora Invented", "patient_id": "p1", "pseudonym": "P-7Q2M9XKD", "reason": "Unconscious on arrival, no relative present",
              "opened_at": "2026-11-21T09:12:00Z", "ends_at": "2026-11-21T10:12:00Z", "uses": 14, "review_due_on": "2026-11-24", "own": true },
            { "id": "g2", "user_name": "Otto Musterperson", "patient_id": "p2", "pseudonym": "P-0AB3CDEF", "reason": "Seizure in the corridor, needs medication list",
              "opened_at": "2026-11-20T13:02:00Z", "ends_at": "2026-11-20T13:20:00Z", "uses": 3, "review_due_on": "2026-11-24" },
            { "id": "g3", "user_name": "Otto Musterperson", "patient_id": "p2", "pseudonym": "P-0AB3CDEF", "reason": "Called in from home by the ward",
              "opened_at": "2026-11-10T13:02:00Z", "ends_at": "2026-11-10T13:20:00Z", "uses": 1, "review_due_on": "2026-11-12",
              "reviewed_at": "2026-11-11T08:00:00Z", "reviewer_name": "Nora Invented", "outcome": "UNJUSTIFIED", "note": "Was not on call that day" }
        ]
    }));
    glass::render(&view, &shell).into_string()
}

pub fn why(shell: &Shell) -> String {
    let rule = |rule: &str, holds: bool, words: &str| json!({ "rule": rule, "holds": holds, "words": words });
    let view: why::WhyView = from(json!({
        "users": [["u1", "Nora Invented · nora@valley.example"], ["u2", "Otto Musterperson · otto@valley.example"]],
        "q": "Invented",
        "tables": ["medical.patients", "records.lab_results"],
        "asked": { "user": "u1", "table": "medical.patients", "row": "0193f5a2-7c41-7e10-9a55-3f0c8d21b7aa", "purpose": "TREAT" },
        "answer": {
            "permit": false, "purpose": "TREAT", "policy": 41, "permission": "medical.patient.read",
            "rules": [
                rule("account", true, "The account is active."),
                rule("organization", true, "The organization is active."),
                rule("second_factor", true, "A second factor is asked for, and one is set up."),
                rule("permission", true, "medical.patient.read is given by: care_team."),
                rule("purpose", true, "It is given for the purpose TREAT."),
                rule("tenant", true, "The row is one of this tenant."),
                rule("relationship", false, "The roles reach persons by caseload; links to this person that hold today: none; none of them counts."),
                rule("sensitivity", true, "The record bears no label.")
            ],
            "hidden": [{ "field": "risk_score", "why": "masked" }, { "field": "mrn", "why": "kernel.phi.read" }],
            "notice": "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
        }
    }));
    why::render(&view, shell).into_string()
}

fn all() -> roles::RolesView {
    from(json!({
        "may_change": true,
        "permissions": ["auth.role.write", "kernel.phi.read", "medical.patient.read", "records.fact.read"],
        "bundles": ["MANAGE_USERS", "READ_PHI", "EMERGENCY", "FRONT_DESK"],
        "contents": [
            { "id": "b1", "name": "MANAGE_USERS", "patterns": ["auth.user.*", "auth.role.*", "auth.session.*", "auth.organization.*"] },
            { "id": "b2", "name": "READ_PHI", "patterns": ["medical.*.read", "records.*.read", "kernel.phi.read"] },
            { "id": "b3", "name": "EMERGENCY", "patterns": ["auth.glass.open"] },
            { "id": "b4", "name": "FRONT_DESK", "patterns": ["medical.patient.read"] }
        ],
        "roles": [
            { "id": "r1", "name": "admin", "description": "Accounts, roles and settings", "scope": "tenant", "purposes": [], "bundles": ["MANAGE_USERS"],
              "holders": 2, "permissions": ["auth.role.write"] },
            { "id": "r2", "name": "care_team", "description": "Records of the patients one is assigned to", "scope": "caseload", "purposes": ["TREAT", "BTG"],
              "bundles": ["READ_PHI", "EMERGENCY", "medical.provider.read"], "holders": 41, "permissions": ["kernel.phi.read", "medical.patient.read", "records.fact.read"] },
            { "id": "r3", "name": "front_desk", "scope": "school", "purposes": ["HOPERAT"], "retired": true, "holders": 0 }
        ]
    }))
}

pub fn roles(shell: &Shell) -> String {
    roles::render(&all(), shell).into_string()
}

pub fn role(shell: &Shell) -> String {
    let mut view = all();
    view.editing = Some(from(json!({
        "role": { "id": "r2", "name": "care_team", "scope": "tenant", "purposes": ["TREAT"], "bundles": ["READ_PHI"] },
        "masks": "medical.patients (TREAT): mrn, birth_date",
        "general": "This goes beyond your own rights (the whole tenant): ask somebody who has it",
        "preview": {
            "gains": ["medical.provider.read"], "loses": ["auth.glass.open"],
            "scope": { "before": "caseload", "after": "tenant" }, "purposes": { "before": ["TREAT", "BTG"], "after": ["TREAT"] },
            "consequences": [
                { "code": "reach", "items": ["caseload", "tenant"] }, { "code": "purposes_lost", "items": ["BTG"] },
                { "code": "fields_left_out", "items": ["medical.patients.mrn (TREAT)", "medical.patients.birth_date (TREAT)"] },
                { "code": "originals_refused", "items": [] }, { "code": "second_factor", "items": ["3"] }, { "code": "own", "items": [] }
            ],
            "holders": [{ "user_id": "u1", "name": "Nora Invented", "gains": ["medical.provider.read"], "loses": [] }], "holders_total": 1
        }
    })));
    roles::render(&view, shell).into_string()
}

pub fn bundle(shell: &Shell) -> String {
    let view: bundles::BundleView = from(json!({
        "bundle": { "id": "b2", "name": "READ_PHI", "patterns": ["medical.*.read", "records.*.read", "kernel.phi.read"] },
        "patterns": "medical.patient.read\nrecords.*.read\nkernel.phi.read\nauth.glass.open",
        "given_by": ["care_team", "clinician"],
        "permissions": ["auth.glass.open", "kernel.phi.read", "medical.patient.read", "medical.provider.read", "records.fact.read"],
        "preview": {
            "gains": ["auth.glass.open"], "loses": ["medical.provider.read", "medical.procedure.read"],
            "operations": { "gains": ["auth.glass.open"], "loses": ["medical.provider.get", "medical.provider.list", "medical.procedure.get"] },
            "roles": [
                { "name": "care_team", "scope": "caseload", "holders": 41, "gains": [], "loses": ["medical.procedure.read"] },
                { "name": "clinician", "scope": "tenant", "holders": 3, "gains": ["auth.glass.open"], "loses": ["medical.provider.read", "medical.procedure.read"] }
            ],
            "consequences": [
                { "code": "own_by", "items": ["clinician"] }, { "code": "second_factor", "items": ["3"] }
            ],
            "holders": [
                { "user_id": "u1", "name": "Nora Invented", "gains": ["auth.glass.open"], "loses": ["medical.procedure.read"] }
            ], "holders_total": 44
        }
    }));
    bundles::render(&view, shell).into_string()
}
