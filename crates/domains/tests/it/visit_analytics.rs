//! What is told of many visits: to who may open records, and to who may not. Visits are put in as they are kept.

use crate::clinic::{School, nurse};
use salus_core::{Ctx, Permissions};
use salus_store::{Body, Call};
use serde_json::{Value, json};
use std::sync::Arc;

impl School {
    /// So many ended visits of a student at a school on March 2, of a reason, in the second lesson.
    async fn visits(&self, (student, school): (&str, &str), n: u32, reason: &str, ends: &str) {
        let sql = format!(
            "INSERT INTO school.clinic_visits (tenant_id, id, student_id, school_id, visit_number, visit_on, check_in_at, check_out_at, \
               chief_complaint_code, disposition, status, class_minutes_missed, periods_missed, record_regime) \
             SELECT '{}', gen_random_uuid(), '{student}', '{school}', \
               coalesce((SELECT max(visit_number) FROM school.clinic_visits WHERE school_id = '{school}'), 0) + n, '2026-03-02', \
               timestamptz '2026-03-02 18:00Z' + n * interval '1 minute', timestamptz '2026-03-02 18:20Z' + n * interval '1 minute', \
               '{reason}', '{ends}', 'CLOSED', 10, '[{{\"name\": \"2\", \"minutes\": 10}}]', 'FERPA' FROM generate_series(1, {n}) n",
            self.world.tenant
        );
        self.world.admin(&sql).await;
    }

    async fn analytics(&self, who: Ctx, query: &[(&str, &str)]) -> Value {
        let query = query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let told = self.world.call_as(who, "school.visit.analytics", Call { query, ..Call::default() }).await.unwrap();
        let Body::Json(told) = told.body else { panic!("no JSON") };
        told
    }

    fn blind(&self) -> Ctx {
        let mut ctx = self.world.operator();
        ctx.permissions = Arc::new(Permissions::new(["school.visit.read"]));
        ctx
    }

    /// Another school of the district.
    pub async fn second(&self) -> String {
        let unit = self.world.create("auth.organization.create", json!({"kind": "school", "name": "Other"})).await;
        let body = json!({"organization_id": unit.text("id"), "name": "Other", "timezone": "America/Los_Angeles"});
        self.world.create("school.school.create", body).await.text("id").to_owned()
    }
}

/// The visits of a group by value.
fn told(answer: &Value, by: &str) -> Vec<(String, Option<i64>)> {
    let lines = answer["groups"][by].as_array().unwrap();
    lines.iter().map(|line| (line["value"].as_str().unwrap().to_owned(), line["visits"].as_i64())).collect()
}

#[tokio::test]
async fn who_may_not_open_records_cannot_have_a_small_count_from_the_others() {
    let s = School::new().await;
    let other = s.second().await;
    let students = [
        s.student("A-1").await,
        s.student("A-2").await,
        s.student("A-3").await,
        s.student("A-4").await,
        s.student("A-5").await,
    ];
    let (here, there) = (s.id.clone(), other.clone());
    for (at, student) in students.iter().enumerate() {
        s.visits((student, &here), 2, "HEADACHE", if at == 0 { "SENT_HOME" } else { "RETURN_TO_CLASS" }).await;
    }
    s.visits((&students[0], &here), 3, "RASH", "RETURN_TO_CLASS").await;
    s.visits((&students[1], &here), 7, "STOMACH", "RETURN_TO_CLASS").await;
    s.visits((&students[1], &there), 8, "HEADACHE", "RETURN_TO_CLASS").await;
    s.visits((&students[1], &there), 6, "RASH", "RETURN_TO_CLASS").await;

    let all = s.analytics(s.blind(), &[]).await;
    assert_eq!(
        (&all["visits"], &all["from"], &all["to"]),
        (&json!(34), &json!("2026-03-01"), &json!("2026-03-31")),
        "of a month"
    );
    let complaints = [("HEADACHE", Some(18)), ("RASH", Some(9)), ("STOMACH", Some(7))].map(|(v, n)| (v.to_owned(), n));
    assert_eq!(told(&all, "complaint"), complaints, "none of the district is small");
    assert_eq!(
        told(&all, "disposition").iter().filter(|(_, n)| n.is_none()).count(),
        2,
        "two were sent home, and the rest is the others"
    );
    assert_eq!(all["return_to_class_percent"], Value::Null, "it would tell how many were not");
    assert_eq!((&all["median_minutes"], &all["class_minutes_missed"]), (&json!(20.0), &json!(340)));

    // Three of a rash here are told neither by this school nor by the difference to the district.
    let one = s.analytics(s.blind(), &[("school_id", &here)]).await;
    assert_eq!(one["visits"], json!(20));
    let hidden: Vec<String> =
        told(&one, "complaint").into_iter().filter(|(_, n)| n.is_none()).map(|(v, _)| v).collect();
    assert!(hidden.contains(&"RASH".to_owned()) && hidden.len() > 1, "{hidden:?}");
    let two = s.analytics(s.blind(), &[("school_id", &there)]).await;
    let rash = told(&two, "complaint").into_iter().find(|(v, _)| v == "RASH").unwrap();
    assert_eq!(rash.1, None, "9 less 6 are 3");
    // Whoever may open records is told all.
    let open = s.analytics(s.world.operator(), &[("school_id", &here)]).await;
    assert_eq!(told(&open, "complaint")[1], ("RASH".to_owned(), Some(3)));
    assert_eq!(open["return_to_class_percent"], json!(90.0));

    let csv = s.analytics(s.world.operator(), &[("format", "csv")]).await["file"].clone();
    assert_eq!(
        (&csv["name"], &csv["media_type"]),
        (&json!("visits-by-disposition.csv"), &json!("text/csv; charset=utf-8"))
    );
    let wrong = s
        .world
        .call("school.visit.analytics", Call { query: vec![("format".into(), "xls".into())], ..Call::default() })
        .await;
    assert!(matches!(wrong, Err(salus_core::Error::Invalid(f)) if f[0].code == "not_allowed"));
}

#[tokio::test]
async fn few_visits_tell_neither_their_length_nor_their_class() {
    let s = School::new().await;
    let student = s.student("A-1").await;
    s.visits((&student, &s.id.clone()), 8, "HEADACHE", "RETURN_TO_CLASS").await;
    let told = s.analytics(s.blind(), &[]).await;
    assert_eq!((&told["visits"], &told["students"]), (&json!(8), &Value::Null), "eight visits of one student");
    for telling in ["median_minutes", "p90_minutes", "class_minutes_missed"] {
        assert_eq!(told[telling], Value::Null, "{telling} is that of one student");
    }
    assert_eq!(told["class_avoidance"], json!([]));
    let hint = json!([{"student_id": student, "period": "2", "visits_in_it": 8, "visits": 8}]);
    let told = s.analytics(nurse(&s, &[&s.unit]).await, &[]).await;
    assert_eq!(told["class_avoidance"], hint, "a nurse may ask whether it is the lesson");
    let mut aide = s.world.operator();
    aide.permissions = Arc::new(Permissions::new(["school.visit.read", "kernel.phi.read"]));
    let told = s.analytics(aide, &[]).await;
    assert_eq!((&told["class_avoidance"], &told["median_minutes"]), (&json!([]), &json!(20.0)));
}
