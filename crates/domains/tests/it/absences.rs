//! Absences as an attendance system sends them, and what they make of doses. Noon at the school is 20:00 UTC.

use crate::{
    clinic::School,
    clinic_again::alerts,
    medication::{NOON, at_noon},
};
use salus_core::Error;
use salus_store::{Body, Call};
use serde_json::{Value, json};
use time::macros::datetime;

impl School {
    async fn absent(&self, absences: Value) -> Value {
        let body = json!({"school_id": self.id, "source": "SIS", "absences": absences});
        let told = self.world.call("school.student_absence.record", Call { body, ..Call::default() }).await.unwrap();
        let Body::Json(told) = told.body else { panic!("no JSON") };
        told
    }

    async fn outcome(&self, order: &str) -> String {
        self.job("school.mark_missed_doses").await;
        self.doses(order).await[0].1.clone()
    }

    async fn long_after(&self) {
        let sql = "SET session_replication_role = replica; \
                   UPDATE school.medication_administrations SET updated_at = now() - interval '16 minutes'";
        self.world.admin(sql).await;
    }
}

#[tokio::test]
async fn a_student_who_is_absent_misses_no_dose() {
    let s = School::new().await;
    let (home, back, late) = (s.student("A-1").await, s.student("A-2").await, s.student("A-3").await);
    let orders = [&home, &back, &late].map(|student| Box::pin(s.in_force(student, json!({}))));
    let [at_home, returned, told_late] = futures(orders).await;
    s.absent(json!([{"student_id": home, "day": "2026-03-02", "reason": "ILLNESS"},
                    {"student_id": back, "day": "2026-03-02", "ends_at": "11:30"}]))
        .await;
    let round = s.round().await;
    let of = |order: &str| {
        let dose = round.iter().find(|d| d["order_id"] == json!(order)).unwrap();
        (dose["state"].clone(), dose["is_absent"].clone())
    };
    assert_eq!(of(&at_home), (json!("ABSENT"), json!(true)));
    assert_eq!(of(&returned).1, json!(false), "back before noon");

    s.clock(datetime!(2026-03-02 20:45 UTC));
    assert_eq!(s.outcome(&at_home).await, "ABSENT");
    assert_eq!(s.outcome(&returned).await, "MISSED");
    assert_eq!(s.outcome(&told_late).await, "MISSED");
    assert_eq!(alerts(&s, "dose_missed").await, ["ACTIVE", "ACTIVE"], "nobody is told of the absent one");

    // Told after the dose was missed: absent, and the alert ends.
    s.absent(json!([{"student_id": late, "day": "2026-03-02"}])).await;
    assert_eq!(s.outcome(&told_late).await, "ABSENT");
    s.job("alerts.sweep").await;
    let mut states = alerts(&s, "dose_missed").await;
    states.sort();
    assert_eq!(states, ["ACTIVE", "RESOLVED"]);
    // The student came after all, and the dose was given.
    let dose = s.dose(at_noon(&told_late, "2026-03-02T20:10:00Z")).await.unwrap();
    assert_eq!((dose.text("outcome"), dose.text("absence_id")), ("GIVEN", ""));

    // An absence that is taken back: the dose is open again, and missed when nobody records it within 15 minutes.
    let taken_back = json!([{"student_id": home, "day": "2026-03-02", "is_withdrawn": true}]);
    assert_eq!(s.absent(taken_back.clone()).await["changed"], json!(1));
    assert_eq!(s.doses(&at_home).await, [(NOON.to_owned(), "ABSENT".to_owned())]);
    assert_eq!(s.outcome(&at_home).await, "");
    s.long_after().await;
    assert_eq!(s.outcome(&at_home).await, "MISSED");
    assert_eq!(s.absent(taken_back).await["unchanged"], json!(1), "sent again");
}

async fn futures<const N: usize>(all: [impl Future<Output = String>; N]) -> [String; N] {
    let mut out = std::array::from_fn(|_| String::new());
    for (at, one) in all.into_iter().enumerate() {
        out[at] = one.await;
    }
    out
}

#[tokio::test]
async fn one_bad_line_is_named_and_the_others_are_kept() {
    let s = School::new().await;
    let (one, two) = (s.student("A-1").await, s.student("A-2").await);
    let told = s
        .absent(json!([
            {"student_id": one, "day": "2026-03-02", "starts_at": "13:00", "reason": "APPOINTMENT"},
            {"student_id": one, "day": "yesterday"},
            {"student_id": one, "day": "2024-03-02"},
            {"student_id": two, "day": "2026-03-02", "starts_at": "1pm"},
            {"student_id": two, "day": "2026-03-02", "starts_at": "13:00", "ends_at": "12:00"},
            {"student_id": two, "day": "2026-03-02", "reason": "LAZY"},
            {"student_id": s.id, "day": "2026-03-02"},
            {"student_id": one, "day": "2026-03-02", "starts_at": "13:00"},
            {"student_id": two, "day": "2025-03-02"},
            {"student_id": two},
            {"student_id": two, "day": "2026-03-03"},
        ]))
        .await;
    assert_eq!((told["recorded"].clone(), told["changed"].clone()), (json!(2), json!(0)));
    let refused: Vec<_> = told["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| {
            (
                r["index"].as_u64().unwrap(),
                r["errors"][0]["pointer"].as_str().unwrap(),
                r["errors"][0]["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        refused,
        [
            (1, "/absences/1/day", "wrong_type"),
            (2, "/absences/2/day", "out_of_range"),
            (3, "/absences/3/starts_at", "wrong_type"),
            (4, "/absences/4/ends_at", "time_order"),
            (5, "/absences/5/reason", "not_allowed"),
            (6, "/absences/6/student_id", "not_enrolled"),
            (7, "/absences/7/starts_at", "duplicate"),
            (8, "/absences/8/student_id", "not_enrolled"),
            (9, "/absences/9", "wrong_shape"),
        ]
    );
    let list =
        |query: Vec<(String, String)>| s.world.call("school.student_absence.list", Call { query, ..Call::default() });
    let Body::Page(page) = list(vec![("student_id".into(), two.clone())]).await.unwrap().body else {
        panic!("no page")
    };
    assert_eq!(page.rows.iter().map(|r| r.text("day")).collect::<Vec<_>>(), ["2026-03-03"]);
}

#[tokio::test]
async fn a_list_is_of_one_school_and_from_who_keeps_rosters() {
    let s = School::new().await;
    let one = s.student("A-1").await;
    for (body, wanted) in [
        (json!({"school_id": s.id, "source": "SIS", "absences": []}), "not_allowed"),
        (json!({"school_id": s.id, "source": "RUMOUR", "absences": [{}]}), "not_allowed"),
        (json!({"school_id": one, "source": "SIS", "absences": [{}]}), "no_such_record"),
    ] {
        let told = s.world.call("school.student_absence.record", Call { body, ..Call::default() }).await;
        assert!(matches!(told, Err(Error::Invalid(f)) if f[0].code == wanted), "{wanted}");
    }
    let body = json!({"school_id": s.id, "source": "OFFICE", "absences": [{"student_id": one, "day": "2026-03-02"}]});
    let told = s.world.call_as(s.aide().await, "school.student_absence.record", Call { body, ..Call::default() }).await;
    assert!(matches!(told, Err(Error::Forbidden(_))), "{told:?}");
}
