//! What section 7 of the specification asks of operations beyond their main course: exemptions decided by `action`, what differs between
//! schedules, the dashboard of a day, other parameters of a dry run, and drugs that can be read.

use crate::{
    clinic::{School, code, id, row},
    immunization::{requirements, supervisor},
    world::at,
};
use salus_core::{Ctx, Error};
use salus_store::{Body, Call};
use serde_json::{Value, json};
use std::sync::Arc;

impl School {
    async fn json_of(&self, who: Ctx, op: &str, call: Call) -> Result<Value, Error> {
        match self.world.call_as(who, op, call).await?.body {
            Body::Json(told) => Ok(told),
            _ => panic!("no JSON"),
        }
    }

    /// Two releases of one antigen: the second changes a dose, adds one, drops one.
    async fn releases(&self) -> [String; 2] {
        let tenant = self.world.tenant;
        let ids = ["00000000-0000-7000-8000-0000000000a1", "00000000-0000-7000-8000-0000000000a2"];
        let release = |at: usize, version: &str| {
            format!(
                "INSERT INTO school.schedule_releases (tenant_id, id, authority, version, file_count, antigen_count, dose_count, source_sha256) \
                 VALUES ('{tenant}', '{}', 'STATE', '{version}', 1, 1, 1, sha256('{version}'::bytea));",
                ids[at]
            )
        };
        let dose = |version: &str, series: &str, number: i32, rule: &str| {
            format!(
                "INSERT INTO school.vaccination_schedules (tenant_id, id, authority, version, antigen, series_name, series_type, dose_number, \
                   rule, source_sha256) VALUES ('{tenant}', gen_random_uuid(), 'STATE', '{version}', 'Measles', '{series}', 'STANDARD', \
                   {number}, '{rule}', sha256('{version}'::bytea));"
            )
        };
        let sql = [
            release(0, "1"),
            release(1, "2"),
            dose("1", "Two doses", 1, r#"{"min_age": "12m", "number": 1}"#),
            dose("1", "Two doses", 2, r#"{"min_age": "13m", "number": 2}"#),
            dose("1", "Old", 1, "{}"),
            dose("2", "Two doses", 1, r#"{"min_age": "12m", "number": 1}"#),
            dose("2", "Two doses", 2, r#"{"min_age": "15m", "number": 2, "max_age": "18y"}"#),
            dose("2", "Two doses", 3, "{}"),
        ];
        self.world.admin(&sql.concat()).await;
        ids.map(str::to_owned)
    }
}

fn asking(query: &[(&str, &str)]) -> Call {
    Call { query: query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(), ..Call::default() }
}

#[tokio::test]
async fn an_exemption_is_decided_where_it_is_submitted() {
    let s = School::new().await;
    requirements(&s).await;
    let (one, other) = (s.student("A-1").await, s.student("A-2").await);
    let lead = supervisor(&s).await;
    let act = async |who: Ctx, student: &str, body: Value| {
        row(s.world.call_as(who, "school.exemption.submit", Call { body, ..at(student) }).await)
    };
    let body = json!({"action": "submit", "kind": "MEDICAL_PERMANENT", "issuer": "Dr. Invented", "valid_from": "2025-08-01", "number": "XX-1"});
    let first = id(&act(s.world.operator(), &one, body.clone()).await.unwrap());
    let second = id(&act(s.world.operator(), &one, body).await.unwrap());

    let approve = json!({"action": "approve", "exemption_id": first});
    let mut aide = s.world.operator();
    aide.permissions = Arc::new(salus_core::Permissions::new(["school.immunization.write", "kernel.phi.read"]));
    let told = act(aide, &one, approve.clone()).await;
    assert!(matches!(&told, Err(Error::Forbidden(what)) if what == "school.exemption.approve"), "{told:?}");
    assert_eq!(code(act(lead.clone(), &other, approve.clone()).await), "no_such_record", "of another student");
    assert_eq!(code(act(lead.clone(), &one, json!({"action": "approve"})).await), "required");
    assert_eq!(code(act(lead.clone(), &one, json!({"action": "revoke"})).await), "not_allowed");
    assert_eq!(act(lead.clone(), &one, approve.clone()).await.unwrap().text("status"), "APPROVED");
    assert_eq!(code(act(lead.clone(), &one, approve).await), "state_conflict");
    let reject = json!({"action": "reject", "exemption_id": second, "reason": "Twice"});
    assert_eq!(act(lead, &one, reject).await.unwrap().text("status"), "REJECTED");
}

#[tokio::test]
async fn two_schedules_are_compared_dose_by_dose() {
    let s = School::new().await;
    let [one, two] = s.releases().await;
    let who = || s.world.operator();
    let told = s.json_of(who(), "school.schedule.diff", asking(&[("from", &one), ("to", &two)])).await.unwrap();
    assert_eq!((&told["from"]["version"], &told["to"]["version"]), (&json!("1"), &json!("2")));
    let changes: Vec<_> = told["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["series"].as_str().unwrap(), c["dose"].as_i64().unwrap(), c["change"].as_str().unwrap()))
        .collect();
    assert_eq!(changes, [("Old", 1, "REMOVED"), ("Two doses", 2, "CHANGED"), ("Two doses", 3, "ADDED")]);
    let rules = json!({"min_age": {"from": "13m", "to": "15m"}, "max_age": {"from": null, "to": "18y"}});
    assert_eq!(told["changes"][1]["rules"], rules);
    let same = s.json_of(who(), "school.schedule.diff", asking(&[("from", &one), ("to", &one)])).await.unwrap();
    assert_eq!(same["changes"], json!([]));
    s.world.admin(&format!("UPDATE school.schedule_releases SET is_active = true WHERE id = '{two}'")).await;
    let told = s.json_of(who(), "school.schedule.diff", Call::default()).await.unwrap();
    assert_eq!((&told["from"]["id"], &told["to"]["id"]), (&json!(one), &json!(two)), "to the one in use");
    let told = s.json_of(who(), "school.schedule.diff", asking(&[("from", &s.id), ("to", &two)])).await;
    assert!(matches!(told, Err(Error::Invalid(f)) if f[0].code == "no_such_record"));
}

#[tokio::test]
async fn the_dashboard_of_a_day_is_what_was_kept_by_then() {
    let s = School::new().await;
    let [one, _] = s.releases().await;
    let ask = |on: &'static str| s.json_of(s.world.operator(), "school.immunization.dashboard", asking(&[("on", on)]));
    let none = ask("2026-03-01").await;
    assert!(matches!(none, Err(Error::Invalid(f)) if f[0].code == "no_snapshot"));
    let taken = |period: &str, grade: &str, compliant: i32, overdue: i32| {
        format!(
            "INSERT INTO school.compliance_snapshots (tenant_id, id, school_id, grade, kind, period_on, taken_on, release_id, compliant, \
               conditional, provisional, exempt, noncompliant, excluded, no_record, not_applicable, not_evaluated, measles_protected, scored, \
               score_total) VALUES ('{}', gen_random_uuid(), '{}', '{grade}', 'WEEKLY', '{period}', '{period}', '{one}', {compliant}, 0, 0, 1, \
               {overdue}, 0, 0, 0, 0, {compliant}, 1, 80);",
            s.world.tenant, s.id
        )
    };
    let sql = [
        taken("2026-02-16", "4", 6, 3),
        taken("2026-02-16", "5", 9, 1),
        taken("2026-02-23", "4", 8, 1),
        taken("2026-02-23", "5", 9, 1),
    ];
    s.world.admin(&sql.concat()).await;
    let told = ask("2026-02-20").await.unwrap();
    let school = &told["schools"][0];
    assert_eq!(
        (&school["taken_on"], &school["enrolled"], &school["compliant"]),
        (&json!("2026-02-16"), &json!(21), &json!(15))
    );
    assert_eq!((&school["up_to_date_percent"], &school["in_compliance_percent"]), (&json!(71.4), &json!(81.0)));
    assert_eq!((&school["grades"][0]["grade"], &school["grades"][0]["overdue"]), (&json!("4"), &json!(3)));
    assert_eq!(ask("2026-02-23").await.unwrap()["schools"][0]["compliant"], json!(17), "of the day itself");
    assert!(
        matches!(ask("2026-02-15").await, Err(Error::Invalid(f)) if f[0].code == "no_snapshot"),
        "before the first"
    );
    assert!(matches!(ask("soon").await, Err(Error::Invalid(f)) if f[0].code == "wrong_type"));
}

#[tokio::test]
async fn a_dry_run_takes_other_parameters_but_not_what_may_be_told() {
    let s = School::new().await;
    let run = |body: Value| s.json_of(s.world.operator(), "school.outbreak.detect", Call { body, ..Call::default() });
    let told = run(json!({"dry_run": true, "parameters": {"c1": 2.5, "replicas": 99}})).await.unwrap();
    assert_eq!((&told["parameters"]["c1"], &told["parameters"]["c2"]), (&json!(2.5), &json!(3.0)));
    for wrong in [
        json!({"dry_run": true, "parameters": {"small_cell": 5}}),
        json!({"dry_run": true, "parameters": {"c1": -1}}),
        json!({"dry_run": true, "parameters": {"c9": 1}}),
        json!({"parameters": {"c1": 2.5}}),
    ] {
        let told = run(wrong.clone()).await;
        assert!(matches!(&told, Err(Error::Invalid(f)) if f[0].code == "not_allowed"), "{wrong}: {told:?}");
    }
}

#[tokio::test]
async fn drugs_and_what_they_do_to_each_other_can_be_read() {
    let s = School::new().await;
    s.allergic(&s.student("A-1").await).await;
    let sql = "INSERT INTO ref.drug_interactions (id, drug_a_rxcui, drug_b_rxcui, severity, evidence, clinical_effect, references_cited, \
                 knowledge_release) VALUES (gen_random_uuid(), '11289', '723', 'MODERATE', 'PROBABLE', 'More bleeding', '[\"Invented\"]', 'test'); \
               INSERT INTO ref.allergy_cross_reactivity (id, group_a, group_b, kind, risk, advice) \
               SELECT gen_random_uuid(), 'CEPHALOSPORIN', 'PENICILLIN', k.v, r.v, 'Invented' \
                 FROM (SELECT (regexp_match(pg_get_constraintdef(oid), '''([A-Z_]+)'''))[1] AS v FROM pg_constraint WHERE conname = 'cross_reactivity_kind_values') k, \
                      (SELECT (regexp_match(pg_get_constraintdef(oid), '''([A-Z_]+)'''))[1] AS v FROM pg_constraint WHERE conname = 'cross_risk_values') r";
    s.world.admin(sql).await;
    let list = async |op: &str, query: &[(&str, &str)]| {
        let reply = s.world.call(&format!("school.{op}.list"), asking(query)).await.unwrap();
        let Body::Page(page) = reply.body else { panic!("no page") };
        page.rows
    };
    let drugs = list("drug", &[("rxcui", "723")]).await;
    assert_eq!(drugs[0].text("name"), "Amoxicillin");
    assert_eq!(list("interaction", &[("drug_b_rxcui", "723")]).await[0].text("clinical_effect"), "More bleeding");
    assert_eq!(list("cross_reactivity", &[("group_b", "PENICILLIN")]).await.len(), 1);
    let one = row(s.world.call("school.drug.get", at(drugs[0].text("id"))).await).unwrap();
    assert_eq!(one.text("rxcui"), "723");
    let blind = s.world.call_as(s.aide().await, "school.drug.list", Call::default()).await;
    assert!(matches!(blind, Err(Error::Forbidden(_))), "{blind:?}");
}
