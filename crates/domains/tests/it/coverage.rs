//! Loops over every operation: each leaves exactly one event however it ends (A11), none answers when the event cannot
//! be written (A12), and who may call what is a reviewed file.

use crate::{
    plausible::{Plausible, hopeless, in_path},
    world::{World, at},
};
use futures_util::{StreamExt as _, stream};
use salus_core::{Channel, Ctx, Error, Permissions};
use salus_domains::{
    auth::{self, Callers, Presented},
    demo,
    prove::specimen::veiled,
};
use salus_store::{Body, Call, Method, Op, Reply, dispatch};
use salus_testkit::snapshot::assert_accepted;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
    sync::Arc,
};
use tokio_postgres::Client;
use uuid::Uuid;

/// Events of one request: action, outcome and header.
async fn events(admin: &Client, request: Uuid) -> Vec<(String, String, Value)> {
    let sql = "SELECT action, outcome::text, convert_from(header, 'UTF8')::jsonb FROM audit.activity_logs \
               WHERE convert_from(header, 'UTF8')::jsonb ->> 'request' = $1::uuid::text";
    let rows = admin.query(sql, &[&request]).await.unwrap();
    rows.iter().map(|r| (r.get(0), r.get(1), r.get(2))).collect()
}

/// What would keep the next call from succeeding, put right again.
pub async fn mend(admin: &Client) {
    let free = "UPDATE auth.users SET status = 'active', kind = CASE WHEN email IS NULL THEN kind ELSE 'staff' END; UPDATE audit.legal_holds SET released_at = now(), \
                release_reason = 'over' WHERE released_at IS NULL";
    admin.batch_execute(free).await.unwrap();
}

/// What a call about a request or a key needs: somebody else asked, for a person who may be erased without loss; no data key is
/// in use; no exchange runs.
pub async fn prepare(world: &World, admin: &Client, planted: Uuid, op: &Op) -> Option<Uuid> {
    let mut spare = None;
    let sql = match op.name.as_str() {
        "auth.api_key.issue" | "auth.api_key.replace" => {
            "UPDATE auth.users SET kind = 'service'; UPDATE auth.api_keys SET revoked_at = NULL, expires_at = now() + interval '1 day'"
                .to_owned()
        }
        "compliance.tenant_erasure_request.ask" => format!(
            "DELETE FROM kernel.approvals WHERE id <> '{planted}'; UPDATE kernel.approvals SET act = 'erase_person', reason = 'subject_request'"
        ),
        name if name.starts_with("compliance.erasure_request.") || name.starts_with("kernel.approval.") => {
            let body = serde_json::json!({"family_name": "Spare", "given_names": "Spare"});
            let person = world.create("medical.patient.create", body).await.id().unwrap();
            spare = Some(person);
            format!(
                "DELETE FROM kernel.approvals WHERE id <> '{planted}'; \
                 UPDATE kernel.approvals SET act = 'erase_person', person_id = '{person}', reason = 'subject_request', note = NULL, key_id = NULL, \
                 state = 'waiting', asked_by = gen_random_uuid(), asked_kind = 'service', decided_by = NULL, decided_kind = NULL, \
                 decided_at = NULL, expires_at = now() + interval '1 hour'"
            )
        }
        "compliance.legal_hold.release" => {
            "UPDATE audit.legal_holds SET released_at = NULL, release_reason = NULL".to_owned()
        }
        "kernel.encryption_key.generate" => {
            "UPDATE kernel.keys SET state = 'decrypt_only' WHERE key_class = 'identity' AND state = 'active'".to_owned()
        }
        "kernel.encryption_key.rotate" => {
            "UPDATE kernel.key_rotation_history SET state = 'finished', finished_at = now() WHERE finished_at IS NULL"
                .to_owned()
        }
        "school.outbreak_rule.confirm" => {
            "UPDATE school.outbreak_rules SET confirmed_at = NULL, confirmed_by = NULL".to_owned()
        }
        "school.outbreak.decide" => "UPDATE school.outbreak_alerts SET state = 'SIGNAL', params = '{}'".to_owned(),
        name if name.starts_with("school.") => prepare_school(world, name).await?,
        // Somebody who may read an alert.
        "alerts.alert.raise" => "UPDATE auth.permissions SET patterns = '[\"ops.alert.read\"]'; UPDATE auth.roles SET scope = 'tenant'; \
             UPDATE auth.user_roles SET valid_from = '2000-01-01', valid_to = NULL"
            .to_owned(),
        "alerts.on_call_shift.remove" => {
            "UPDATE alerts.on_call_shifts SET starts_at = now() - interval '1 hour', ends_at = now() + interval '1 day'".to_owned()
        }
        "alerts.alert.acknowledge" | "alerts.alert.resolve" => {
            "UPDATE alerts.alert_instances SET status = 'SUPPRESSED', resolution_code = NULL; \
             UPDATE alerts.alert_instances SET status = 'ACTIVE' WHERE id = (SELECT min(id::text)::uuid FROM alerts.alert_instances)"
                .to_owned()
        }
        _ => return None,
    };
    admin.batch_execute(&sql).await.unwrap();
    spare
}

/// The same of school health.
async fn prepare_school(world: &World, name: &str) -> Option<String> {
    let sql = match name {
        "school.visit.check_in" | "school.kiosk.arrive" => {
            "UPDATE school.clinic_visits SET status = 'VOIDED'; UPDATE school.student_enrollments SET enrolled_on = '2000-01-01'".to_owned()
        }
        "school.visit.check_out" => {
            "UPDATE school.clinic_visits SET status = 'VOIDED'; UPDATE school.clinic_visits SET status = 'OPEN', check_out_at = NULL, \
             check_in_at = now() - interval '10 minutes' WHERE id = (SELECT id FROM school.clinic_visits ORDER BY id LIMIT 1)"
                .to_owned()
        }
        "school.visit.change" => "UPDATE school.clinic_visits SET status = 'CLOSED', disposition = 'OTHER', \
                                  check_in_at = now() - interval '10 minutes', check_out_at = now() - interval '10 minutes'"
            .to_owned(),
        name if name.starts_with("school.medication_order.") || name == "school.administration.record" => {
            let status = if name.ends_with(".change") || name.ends_with(".activate") { "DRAFT" } else { "ACTIVE" };
            format!(
                "UPDATE school.student_drug_allergies SET active = false; UPDATE records.allergies SET clinical_status = 'RESOLVED'; \
                 UPDATE records.documents SET status = 'REFERENCED'; \
                 UPDATE school.student_enrollments SET enrolled_on = '2000-01-01', exited_on = NULL; \
                 UPDATE school.student_medication_orders SET prescriber_order_id = (SELECT min(id::text)::uuid FROM records.documents), \
                 guardian_consent_id = (SELECT min(id::text)::uuid FROM records.documents), status = '{status}', kind = 'PRN', times = '[]', prescriber_npi = NULL, \
                 drug_catalog_id = NULL, valid_from = '2000-01-01', valid_to = current_date + 9"
            )
        }
        "school.administration.error" => {
            "UPDATE school.medication_administrations SET absence_id = NULL, outcome = 'HELD'; DELETE FROM school.administration_versions"
                .to_owned()
        }
        "school.enrollment.roll_over" => "UPDATE school.schools SET grades = '{}'".to_owned(),
        "school.stock.waste" | "school.stock.return" | "school.delegation.create" => {
            "UPDATE school.school_staff SET ended_on = NULL; UPDATE school.medication_inventory SET balance = 100".to_owned()
        }
        "school.stock_count.confirm" => {
            let mut tx = world.db.begin(world.operator(), false).await.unwrap();
            let other = auth::create_service(&mut tx, "Other", &[]).await.unwrap();
            tx.commit("auth.user.create_service", "auth.users").await.unwrap();
            format!(
                "UPDATE school.medication_inventory SET balance = 1; UPDATE school.medication_counts SET counted_by = '{other}', \
                 confirmed_by = NULL, confirmed_at = NULL, counted_at = now(), expected = 1, found = 1"
            )
        }
        "school.stock.receive" => "UPDATE school.student_medication_orders SET controlled_schedule = 'II'".to_owned(),
        "school.administration.effect" => "UPDATE school.medication_administrations SET absence_id = NULL, outcome = 'GIVEN', dose_given = 1, \
             scheduled_for = NULL, prn_effect = NULL, effect_at = NULL, administered_at = now() - interval '1 hour'"
            .to_owned(),
        // Planted rows are no schedule and no rule.
        name if name.starts_with("school.immunization.") || name.starts_with("school.exemption.") => {
            let status = if name.ends_with(".revoke") { "APPROVED" } else { "SUBMITTED" };
            format!(
                "UPDATE school.schedule_releases SET is_active = false; \
                 UPDATE school.school_immunization_requirements SET approved_at = NULL; \
                 UPDATE school.immunization_exemptions SET status = '{status}', decided_at = now(); \
                 UPDATE school.vaccine_codes SET cvx = '03', status = 'ACTIVE', is_vaccine = true; \
                 UPDATE records.immunizations SET status = 'COMPLETED', entered_in_error_reason = NULL"
            )
        }
        name => return prepare_entry(name).map(str::to_owned),
    };
    Some(sql)
}

/// The same of school entry, outbreaks and errors with medication.
fn prepare_entry(name: &str) -> Option<&'static str> {
    Some(match name {
        "school.requirement.approve" => {
            "UPDATE school.school_immunization_requirements SET approved_at = NULL, approved_by = NULL"
        }
        "school.outbreak.write_letters" => {
            "UPDATE school.student_profiles SET enrollment_status = 'ENROLLED'; \
             UPDATE school.schools SET is_active = true; UPDATE school.outbreak_alerts SET syndrome = 'GI', \
             params = '{\"detection\": {\"kind\": \"DISTRICT\"}}'"
        }
        "school.medication_round.scan" => {
            "UPDATE school.student_medication_orders SET status = 'ACTIVE', kind = 'STOCK_STANDING_ORDER'"
        }
        "school.student_absence.record" => "UPDATE school.schools SET is_active = true",
        "school.absence.record" => {
            "UPDATE school.schools SET is_active = true; UPDATE school.calendar_days d SET is_instructional = true, \
             day = (SELECT (now() AT TIME ZONE s.timezone::text)::date FROM school.schools s WHERE s.id = d.school_id)"
        }
        "school.enrollment.end" => "UPDATE school.student_enrollments SET enrolled_on = '2000-01-01'",
        "school.admission.admit" => {
            "UPDATE school.schedule_releases SET is_active = false; DELETE FROM school.immunization_admissions; \
             UPDATE school.school_immunization_requirements SET rule = '{\"any\":[{\"doses\":1}]}', exemption_kinds = '{}', grades = '{}', \
             conditional_policy = '{\"days\":30}', exclusion_policy = '{}', school_year_from = 1990, school_year_to = NULL, \
             approved_at = now(), approved_by = (SELECT min(id::text)::uuid FROM auth.users)"
        }
        "school.admission.end" => {
            "UPDATE school.schedule_releases SET is_active = false; \
             UPDATE school.immunization_admissions SET ended_on = NULL, end_reason = NULL"
        }
        "school.medication_error.notice" | "school.medication_error.close" => {
            "UPDATE school.medication_errors SET closed_at = NULL, \
             severity = 'B', guardian_told_at = NULL, prescriber_told_at = NULL, happened_at = '2026-01-01'"
        }
        _ => return None,
    })
}

/// Who calls: the operator, but where a person must.
pub fn somebody(world: &World, op: &Op, plausible: &Plausible) -> Ctx {
    let mut somebody = world.operator();
    let person = op.name.starts_with("school.stock_count.")
        || op.name.starts_with("school.admission.")
        || matches!(
            op.name.as_str(),
            "school.requirement.approve" | "school.outbreak_rule.confirm" | "school.symptom.decide"
        )
        || op.name.starts_with("alerts.");
    // The operator at the machine has no glass to break and approves no law, and persons count what no program does.
    if op.permission == "auth.glass.open" || person {
        somebody.actor.id = plausible.row("auth.users");
    }
    if person {
        somebody.actor.kind = salus_core::ActorKind::User;
    }
    somebody
}

/// Makes room for a second row in the tables of which a row like the planted one can exist once.
pub async fn make_room(admin: &Client, table: &str) -> bool {
    let sql = match table {
        "auth.role_permissions"
        | "auth.user_roles"
        | "auth.user_person_links"
        | "school.bell_periods"
        | "school.calendar_days"
        | "school.student_profiles"
        | "school.student_enrollments"
        | "school.class_memberships"
        | "school.student_health_plans" => format!("DELETE FROM {table}"),
        "school.schools" => "INSERT INTO auth.organizations (tenant_id, id, kind, name) \
             SELECT tenant_id, 'c0ffee00-0000-7000-8000-000000000000', 'school', 'Other' FROM school.schools LIMIT 1; \
             UPDATE school.schools SET organization_id = 'c0ffee00-0000-7000-8000-000000000000'"
            .to_owned(),
        "medical.patient_repositories" => format!("UPDATE {table} SET kind = 'UPLOADS'"),
        _ => return false,
    };
    admin.batch_execute(&sql).await.unwrap();
    true
}

/// What an operation wants that no schema tells.
pub fn own_body(op: &Op, spare: Option<Uuid>, planted: &Plausible) -> Option<serde_json::Value> {
    match (op.name.as_str(), spare) {
        ("compliance.erasure_request.confirm", Some(person)) => Some(serde_json::json!({"confirm": person})),
        ("compliance.tenant_erasure_request.ask", _) => Some(serde_json::json!({"slug": "north"})),
        ("school.medication_order.draft", _) => Some(serde_json::json!({
            "student_id": planted.row("medical.patients"), "medication": "north_canary", "dose_qty": "1", "dose_unit": "tablet",
            "route": "ORAL", "kind": "PRN", "valid_from": "2026-01-01", "valid_to": "2026-12-31",
        })),
        ("school.stock.waste" | "school.stock.return", _) => Some(serde_json::json!({
            "quantity": "1", "witness_id": planted.row("auth.users"), "reason": "north_canary",
        })),
        ("school.stock_count.count" | "school.stock_count.confirm", _) => {
            let mut body = serde_json::json!({"found": "1"});
            if op.name.rsplit('.').next() == Some("count") {
                body["inventory_id"] = serde_json::json!(planted.row("school.medication_inventory"));
            }
            Some(body)
        }
        ("school.medication_order.change", _) => Some(serde_json::json!({"storage": "north_canary"})),
        ("school.immunization.evaluate", _) => Some(serde_json::json!({"school_id": planted.row("school.schools")})),
        ("school.reminder.arrange", _) => {
            Some(serde_json::json!({"action": "cancel", "school_id": planted.row("school.schools")}))
        }
        ("school.immunization.forecast", _) => Some(serde_json::json!({"on": "2026-03-02"})),
        ("school.immunization.add", _) => {
            Some(serde_json::json!({"cvx": "03", "given_on": "2025-09-01", "lot": "north_canary"}))
        }
        ("school.immunization.correct", _) => Some(serde_json::json!({"display": "north_canary"})),
        ("school.exemption.approve", _) => Some(serde_json::json!({})),
        ("school.exemption.submit" | "school.exemption.ask", _) => Some(serde_json::json!({
            "kind": "MEDICAL_PERMANENT", "issuer": "north_canary", "valid_from": "2026-01-01",
        })),
        ("alerts.alert.raise", _) => Some(serde_json::json!({
            "severity": "LOW", "category": "SYSTEM", "title": "north_canary",
        })),
        ("alerts.alert.acknowledge", _) => Some(serde_json::json!({"note": "north_canary"})),
        ("alerts.alert.resolve", _) => Some(serde_json::json!({"resolution_code": "north_canary"})),
        ("alerts.definition.save", _) => Some(serde_json::json!({
            "code": "north_canary", "name": "north_canary", "category": "SYSTEM", "severity": "LOW", "source": "MANUAL",
        })),
        ("alerts.subscription.keep", _) => Some(serde_json::json!({"channels": ["IN_APP"]})),
        ("school.requirement.enter", _) => Some(serde_json::json!({
            "state": "XX", "school_year_from": 2026, "checkpoint": "ANY", "vaccine_group": "north_canary",
            "rule": {"any": [{"doses": 1}]}, "source_citation": "north_canary",
        })),
        ("school.outbreak.decide", _) => Some(serde_json::json!({"state": "UNDER_REVIEW"})),
        ("school.outbreak.detect", _) => Some(serde_json::json!({"dry_run": true})),
        ("school.outbreak.report", _) => Some(serde_json::json!({"measures": "north_canary"})),
        ("school.outbreak_rule.enter", _) => Some(serde_json::json!({
            "code": "north_canary_other", "syndrome": "GI", "case_count": 3, "window_days": 3, "scope": "CLASS", "incubation_days": 3,
            "action": "north_canary", "citation": "north_canary",
        })),
        ("school.symptom.record", _) => Some(serde_json::json!({"reports": [{
            "student_id": planted.row("medical.patients"), "onset_on": "2026-03-02", "syndrome": "GI", "note": "north_canary",
        }]})),
        ("school.administration.record", _) => Some(serde_json::json!({
            "order_id": planted.row("school.student_medication_orders"), "outcome": "ABSENT",
        })),
        _ => own_body_of_entry(op, planted),
    }
}

/// The same of school entry and of errors with medication.
fn own_body_of_entry(op: &Op, planted: &Plausible) -> Option<serde_json::Value> {
    Some(match op.name.as_str() {
        "school.student_absence.record" => serde_json::json!({
            "school_id": planted.row("school.schools"), "source": "OFFICE",
            "absences": [{"student_id": planted.row("medical.patients"), "day": "2026-03-02"}],
        }),
        "school.kiosk.arrive" => serde_json::json!({
            "badge": veiled(&planted.planted.marker), "reason": "HEADACHE",
        }),
        "school.medication_round.scan" => serde_json::json!({
            "student_id": planted.row("medical.patients"), "code": planted.row("school.student_medication_orders"),
        }),
        "school.delegation.create" => serde_json::json!({
            "user_id": planted.row("auth.users"), "school_id": planted.row("school.schools"), "route": "ORAL",
            "trained_on": "2025-03-02", "valid_until": "2027-03-02",
        }),
        "school.enrollment.roll_over" => serde_json::json!({
            "school_id": planted.row("school.schools"), "school_year_id": planted.row("school.school_years"),
        }),
        "school.outbreak_rule.change" => serde_json::json!({"case_count": 4}),
        "school.symptom.decide" => serde_json::json!({"case_class": "CONFIRMED", "reason": "north_canary"}),
        "school.outbreak.write_letters" => serde_json::json!({"signed": "north_canary"}),
        "school.absence.record" => serde_json::json!({
            "school_id": planted.row("school.schools"), "counts": [{"enrolled": 20, "absent": 1}],
        }),
        "school.medication_error.submit" => serde_json::json!({
            "student_id": planted.row("medical.patients"), "kind": "OTHER", "severity": "B", "description": "north_canary",
        }),
        "school.medication_error.notice" => serde_json::json!({"who": "GUARDIAN", "said": "north_canary"}),
        "school.medication_error.close" => serde_json::json!({"review": "north_canary"}),
        "school.letter.write" => serde_json::json!({
            "school_id": planted.row("school.schools"), "kind": "EXCLUSION", "dry_run": true,
        }),
        "school.admission.admit" => serde_json::json!({"reason": "PLAN"}),
        _ => return None,
    })
}

#[tokio::test]
async fn every_operation_leaves_exactly_one_event_however_it_ends() {
    let world = World::new().await;
    let mut plausible = Plausible::plant(&world, world.tenant, "north_canary").await;
    let admin = world.database.connect("salus_admin").await;
    let ledger = std::env::temp_dir().join(format!("salus-coverage-{}", world.database.name()));
    world.db.keep_erasures(salus_store::erase::Ledger::new(ledger.clone()));
    let mut wrong = Vec::new();
    for (i, op) in world.ops.iter().enumerate() {
        mend(&admin).await;
        let spare = prepare(&world, &admin, plausible.row("kernel.approvals"), op).await;
        let replaced = op.name.ends_with(".create") && make_room(&admin, op.target).await;
        let mut good = plausible.call(&world, op, &format!("north_canary_{}", letters(i))).await;
        good.body = own_body(op, spare, &plausible).unwrap_or(good.body);
        let mut nobody = world.operator();
        nobody.permissions = Arc::new(Permissions::default());
        let somebody = somebody(&world, op, &plausible);
        for (ctx, call, outcome) in
            [(somebody, good.clone(), "success"), (nobody, good, "refused"), (world.operator(), hopeless(op), "failed")]
        {
            let request = ctx.request;
            let told = dispatch(&world.db, op, ctx, call).await;
            let as_meant = match outcome {
                // With a status that the description names.
                "success" => told.as_ref().is_ok_and(|reply| op.may_answer(reply.status)),
                "refused" => matches!(&told, Err(Error::Forbidden(p)) if p == op.permission),
                _ => told.is_err(),
            };
            if let Ok(Body::Row(row)) = told.as_ref().map(|r| &r.body)
                && replaced
            {
                plausible.planted.rows.insert(op.target.into(), row.id().unwrap());
            }
            if !as_meant {
                wrong.push(format!("{} should be {outcome}: {:?}", op.name, told.map(|r| r.status)));
                continue;
            }
            let seen = events(&admin, request).await;
            let [(action, was, header)] = seen.as_slice() else {
                wrong.push(format!("{} {outcome}: {} events", op.name, seen.len()));
                continue;
            };
            if (action, was.as_str()) != (&op.name, outcome) {
                wrong.push(format!("{} {outcome}: recorded as {action} {was}", op.name));
            }
            if outcome == "success" && op.path.contains('{') {
                let table = world.db.catalog().table(op.target).unwrap();
                let named = |what: &str| header.get(what).is_some();
                if !named("row") || (table.subject.is_some() && !named("subjects")) {
                    wrong.push(format!("{}: the event does not say whose record: {header}", op.name));
                }
            }
            wrong.extend(crate::balp::faults_of(header));
            if header.to_string().to_lowercase().contains("north_canary") {
                wrong.push(format!("{} {outcome}: the header holds a value: {header}", op.name));
            }
        }
    }
    std::fs::remove_file(ledger).ok();
    assert!(wrong.is_empty(), "{} of {} operations:\n{}", wrong.len(), world.ops.len(), wrong.join("\n"));
}

fn letters(n: usize) -> String {
    n.to_string().bytes().map(|b| char::from(b - b'0' + b'a')).collect()
}

#[tokio::test]
async fn nothing_is_answered_or_done_when_the_event_cannot_be_written() {
    let world = World::new().await;
    let plausible = Plausible::plant(&world, world.tenant, "north_canary").await;
    let admin = world.database.connect("salus_admin").await;
    admin.batch_execute("REVOKE INSERT ON audit.activity_logs FROM salus_app, salus_reader").await.unwrap();
    let before = contents(&world, &admin).await;
    let mut wrong = Vec::new();
    for op in &world.ops {
        let good = plausible.call(&world, op, "north_canary_closed").await;
        for call in [good, hopeless(op)] {
            match dispatch(&world.db, op, world.operator(), call).await {
                Err(Error::Unavailable(why)) if !why.contains("canary") => {}
                other => wrong.push(format!("{}: {:?}", op.name, other.map(|r: Reply| r.status))),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(contents(&world, &admin).await, before, "something was done without a record of it");
}

/// A digest of each tenant table's rows.
async fn contents(world: &World, admin: &Client) -> BTreeMap<String, Option<String>> {
    let mut all = BTreeMap::new();
    for table in world.db.catalog().tables().filter(|t| !t.shared && t.name != "kernel.keys") {
        let sql = format!("SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {} t", table.name);
        all.insert(table.name.clone(), admin.query_one(&sql, &[]).await.unwrap().get(0));
    }
    all
}

/// A caller of each role of a tenant, as an API key makes one.
async fn callers(world: &World, tenant: Uuid, admin: &Client) -> BTreeMap<String, Ctx> {
    let operator = Ctx::operator(world.db.env(), tenant);
    let roles = admin.query("SELECT name FROM auth.roles WHERE tenant_id = $1", &[&tenant]).await.unwrap();
    let mut callers = BTreeMap::new();
    for row in &roles {
        let role: String = row.get(0);
        let mut tx = world.db.begin(operator.clone(), false).await.unwrap();
        let email = format!("{}@roles.example", role.to_lowercase());
        let new = auth::NewUser { email, display_name: role.clone(), roles: vec![role.clone()] };
        let user = auth::invite(&mut tx, &new).await.unwrap().user;
        tx.commit("auth.user.invite", "auth.users").await.unwrap();
        mend(admin).await;
        let key = auth::create_api_key(
            &world.db,
            &operator,
            user,
            &auth::NewApiKey { name: "matrix", scopes: Permissions::default(), days: 1, ..auth::NewApiKey::default() },
        )
        .await
        .unwrap();
        let caller = Callers::default().caller(&world.db, &Presented::Bearer(key.text), Channel::Api).await.unwrap();
        callers.insert(role, caller);
    }
    callers
}

/// Every role of the demonstration tenants tries every operation on a row that is not there: whether it is forbidden
/// must be what the reviewed file says.
#[tokio::test]
async fn who_may_call_what_is_as_reviewed() {
    let world = World::new().await;
    let admin = world.database.connect("salus_admin").await;
    let mut text = String::from(
        "# Which operations each role of the demonstration tenants may call, tried one by one.\n\
         # Reviewed: a change here changes who sees what.\n",
    );
    let mut granted: BTreeSet<&str> = BTreeSet::new();
    for name in ["austa", "valley"] {
        let tenant = demo::load(&world.db, name).await.unwrap().id;
        for (role, caller) in callers(&world, tenant, &admin).await {
            let _ = writeln!(text, "\n{name} {role} ({})", caller.reach.names().join(", "));
            let mut verbs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            let tried = world.ops.iter().map(|op| attempt(&world, op, caller.clone()));
            let tried: Vec<(&Arc<Op>, bool)> = stream::iter(tried).buffered(6).collect().await;
            for (op, may) in tried.into_iter().filter(|(_, may)| *may) {
                assert!(may);
                granted.insert(&op.name);
                let (noun, verb) = op.name.rsplit_once('.').unwrap();
                verbs.entry(noun).or_default().push(verb);
            }
            for (noun, verbs) in verbs {
                let _ = writeln!(text, "  {noun}: {}", verbs.join(" "));
            }
        }
    }
    text.push_str("\nno role at all\n");
    for op in world.ops.iter().filter(|o| !granted.contains(o.name.as_str())) {
        let _ = writeln!(text, "  {} needs {}", op.name, op.permission);
    }
    assert_accepted(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/permission-matrix.txt")), &text);
}

async fn attempt<'a>(world: &World, op: &'a Arc<Op>, caller: Ctx) -> (&'a Arc<Op>, bool) {
    let query = if op.method == Method::Get { hopeless(op).query } else { Vec::new() };
    let call = Call { path: in_path(op, &Uuid::max().to_string()), query, if_match: Some(1), ..Call::default() };
    let told = dispatch(&world.db, op, caller, call).await;
    assert!(told.is_err(), "{}: a hopeless call was answered", op.name);
    (op, !matches!(told, Err(Error::Forbidden(_))))
}

/// Who is not signed in is answered nothing, whatever the operation.
#[tokio::test]
async fn nobody_without_a_session_is_answered() {
    let world = World::new().await;
    for op in &world.ops {
        let told =
            dispatch(&world.db, op, Ctx::anonymous(world.db.env(), Channel::Api), at(&Uuid::max().to_string())).await;
        assert!(matches!(told, Err(Error::Unauthenticated)), "{}", op.name);
    }
}
