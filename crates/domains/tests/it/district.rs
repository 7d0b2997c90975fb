//! The demonstration district: the same from one seed on every day of loading, and a district as it is.

use crate::world;
use salus_core::{Ctx, Env};
use salus_domains::demo::{self, Size};
use salus_store::{Body, Call, Db, dispatch};
use salus_testkit::TestDb;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use time::macros::datetime;
use uuid::Uuid;

async fn load(size: Size) -> (TestDb, Db, Uuid) {
    let database = TestDb::new().await;
    let db = world::open(database.config("salus_app"), Env::fixed(datetime!(2026-03-02 19:00 UTC))).await;
    let tenant = demo::load_sized(&db, "larkspur", size).await.unwrap().id;
    (database, db, tenant)
}

async fn rows(db: &Db, tenant: Uuid, table: &str, fields: &[&str]) -> Vec<Value> {
    let mut tx = db.begin(Ctx::operator(db.env(), tenant), true).await.unwrap();
    let found = tx.select(table, fields, "true ORDER BY t.id", &[]).await.unwrap();
    tx.finish_unrecorded().await.unwrap();
    found.iter().map(|r| json!(r)).collect()
}

/// Rows with their ids numbered as they first appear: which ids are given depends on how often keys were read meanwhile.
fn numbered(rows: Vec<Value>, known: &mut HashMap<Uuid, usize>) -> Vec<Value> {
    let number = |value: Value, known: &mut HashMap<Uuid, usize>| match value.as_str().map(Uuid::parse_str) {
        Some(Ok(id)) => {
            let next = known.len();
            json!(*known.entry(id).or_insert(next))
        }
        _ => value,
    };
    let row = |row: Value| match row {
        Value::Object(all) => all.into_iter().map(|(name, value)| (name, number(value, known))).collect(),
        other => other,
    };
    rows.into_iter().map(row).collect()
}

#[tokio::test]
async fn the_district_is_whole_and_the_same_every_time() {
    let (_one, db, tenant) = load(Size::Small).await;
    let (_two, other, twin) = load(Size::Small).await;
    let (mut known, mut also_known) = (HashMap::new(), HashMap::new());
    let visits = [
        "id",
        "student_id",
        "visit_on",
        "check_in_at",
        "chief_complaint_code",
        "disposition",
        "class_minutes_missed",
        "status",
    ];
    for (table, fields) in [
        ("school.student_profiles", &["id", "patient_id", "grade", "student_number", "school_id"][..]),
        ("medical.patients", &["id", "family_name", "given_names", "birth_date"][..]),
        ("school.clinic_visits", &visits[..]),
        ("school.medication_administrations", &["id", "student_id", "scheduled_for", "outcome"][..]),
        ("school.medication_inventory", &["id", "order_id", "balance"][..]),
        ("records.immunizations", &["id", "patient_id", "cvx", "given_on"][..]),
        ("school.immunization_exemptions", &["id", "student_id", "kind", "status"][..]),
    ] {
        let (one, two) = (rows(&db, tenant, table, fields).await, rows(&other, twin, table, fields).await);
        assert_eq!(numbered(one, &mut known), numbered(two, &mut also_known), "{table}");
    }
    let students = rows(&db, tenant, "school.student_profiles", &["patient_id", "grade"]).await;
    let enrolled = rows(&db, tenant, "school.student_enrollments", &["patient_id"]).await;
    assert_eq!((students.len(), enrolled.len()), (120, 120));
    assert_eq!(students.iter().map(|s| s["grade"].to_string()).collect::<BTreeSet<_>>().len(), 14, "every grade");
    assert_eq!(rows(&db, tenant, "medical.patient_contacts", &["id"]).await.len(), 240, "two guardians each");
    let doses = rows(&db, tenant, "records.immunizations", &["patient_id"]).await;
    let vaccinated: BTreeSet<String> = doses.iter().map(|d| d["patient_id"].to_string()).collect();
    assert!(
        doses.len() > 1500 && (110..120).contains(&vaccinated.len()),
        "{} doses of {}",
        doses.len(),
        vaccinated.len()
    );
    let all = rows(&db, tenant, "school.clinic_visits", &visits).await;
    let open: Vec<&Value> = all.iter().filter(|v| v["status"] == "OPEN").collect();
    assert_eq!(open.len(), 8, "two in each clinic");
    assert!(all.len() > 100, "{} visits", all.len());
    let back = all.iter().filter(|v| v["disposition"] == "RETURN_TO_CLASS");
    for visit in back {
        let missed = visit["class_minutes_missed"].as_i64().unwrap();
        assert!((0..=35).contains(&missed), "{visit}");
    }
    let doses = rows(&db, tenant, "school.medication_administrations", &["outcome"]).await;
    assert_eq!(doses.len(), 20, "five in each school, around eleven in the morning");
    assert_eq!(doses.iter().filter(|d| d["outcome"].is_null()).count(), 16, "and something to do");
    let supplies = rows(&db, tenant, "school.medication_inventory", &["balance"]).await;
    assert_eq!(supplies.iter().filter(|s| s["balance"] == "29").count(), 4, "{supplies:?}");
    let late = rows(&db, tenant, "school.calendar_days", &["note"]).await;
    assert_eq!(late.iter().filter(|d| !d["note"].is_null()).count(), 4, "a day that began two hours late");
    a_scan_over_schools_finds_the_outbreak(&db, tenant).await;
    let named: BTreeSet<String> = students.iter().map(|s| s["patient_id"].to_string()).collect();
    assert!(all.iter().all(|v| named.contains(&v["student_id"].to_string())));
}

/// Four schools with a place: the first one's vomiting stands out in space and time.
async fn a_scan_over_schools_finds_the_outbreak(db: &Db, tenant: Uuid) {
    let ops = salus_domains::operations(db.catalog()).unwrap();
    let ask = async |name: &str, body: Value| {
        let op = ops.iter().find(|o| o.name == name).unwrap();
        let call = Call { body, ..Call::default() };
        let reply = dispatch(db, op, Ctx::operator(db.env(), tenant), call).await.unwrap();
        let Body::Json(told) = reply.body else { panic!("no JSON") };
        told
    };
    let told = ask("school.outbreak.methods", Value::Null).await;
    let scan = told["methods"].as_array().unwrap().iter().find(|m| m["method"] == "SPACETIME").unwrap();
    assert_eq!(scan["schools"], json!({"needs": 2, "has": 4}));
    assert!(scan["has"].as_u64() >= scan["needs"].as_u64(), "{scan}");
    let dry = ask("school.outbreak.detect", json!({"dry_run": true})).await;
    let signals = dry["signals"].as_array().unwrap();
    let found: Vec<&Value> = signals.iter().filter(|s| s["method"] == "SPACETIME" && s["syndrome"] == "GI").collect();
    assert_eq!(found.len(), 1, "{signals:?}");
    let of = (&found[0]["level"], &found[0]["name"], &found[0]["observed"], &found[0]["would_alert"]);
    assert_eq!(of, (&json!("SCHOOL"), &json!("Larkspur Elementary"), &json!(7), &json!(true)));
    assert!(found[0]["detail"]["recurrence_school_days"].as_f64().unwrap() >= 100.0);
}

/// A number that the administrator of the database reads.
async fn number(database: &TestDb, sql: &str) -> i64 {
    let client = database.connect("salus_admin").await;
    client.query_one(&format!("SELECT ({sql})::bigint"), &[]).await.unwrap_or_else(|e| panic!("{sql}: {e}")).get(0)
}

/// What a statement counts, as text: `a 1, b 2`.
async fn counts(database: &TestDb, sql: &str) -> String {
    let client = database.connect("salus_admin").await;
    let all =
        format!("SELECT coalesce(string_agg(k::text || ' ' || n::text, ', ' ORDER BY k), '') FROM ({sql}) AS c (k, n)");
    client.query_one(&all, &[]).await.unwrap_or_else(|e| panic!("{sql}: {e}")).get(0)
}

/// Takes minutes: `script/chaos district`.
#[tokio::test]
#[ignore = "takes minutes: script/chaos district"]
async fn the_whole_district_has_the_numbers_of_the_specification() {
    let (database, db, tenant) = load(Size::Full).await;
    for (wanted, sql) in [
        (4, "SELECT count(*) FROM school.schools WHERE latitude IS NOT NULL AND longitude IS NOT NULL"),
        (1450, "SELECT count(*) FROM school.student_profiles"),
        (92, "SELECT count(DISTINCT homeroom_id) FROM school.student_profiles"),
        (92, "SELECT count(*) FROM school.class_groups WHERE kind = 'HOMEROOM'"),
        (28, "SELECT count(*) FROM school.class_groups WHERE kind = 'BUS'"),
        (28, "SELECT count(DISTINCT class_group_id) FROM school.class_memberships"),
        (8, "SELECT count(*) FROM school.bell_schedules"),
        (
            4,
            "SELECT count(*) FROM school.calendar_days d JOIN school.bell_schedules b ON b.id = d.schedule_id WHERE b.name = 'Two-hour delay'",
        ),
        (2900, "SELECT count(*) FROM medical.patient_contacts"),
        (87, "SELECT count(*) FROM medical.patient_contacts WHERE court_restriction IS NOT NULL AND NOT legal_custody"),
        (14, "SELECT count(DISTINCT preferred_language) FROM medical.patients"),
        (220, "SELECT count(*) FROM school.student_profiles WHERE has_iep"),
        (40, "SELECT count(*) FROM school.student_health_plans"),
        (310, "SELECT count(*) FROM school.student_medication_orders WHERE status = 'ACTIVE'"),
        (12, "SELECT count(*) FROM school.student_medication_orders WHERE controlled_schedule <> '0'"),
        (12, "SELECT count(*) FROM school.medication_inventory"),
        (22, "SELECT count(*) FROM school.immunization_exemptions"),
        (9000, "SELECT count(*) FROM school.clinic_visits"),
        (180, "SELECT count(DISTINCT visit_on) FROM school.clinic_visits WHERE status = 'CLOSED'"),
        (8, "SELECT count(*) FROM school.clinic_visits WHERE status = 'OPEN'"),
        (
            0,
            "SELECT count(*) FROM school.clinic_visits a JOIN school.clinic_visits b ON b.student_id = a.student_id AND b.id <> a.id \
             AND b.check_in_at < coalesce(a.check_out_at, now()) AND a.check_in_at < coalesce(b.check_out_at, now()) \
             AND a.status = 'CLOSED' AND b.status = 'CLOSED'",
        ),
        (
            0,
            "SELECT count(*) FROM school.clinic_visits v WHERE NOT EXISTS (SELECT FROM school.student_enrollments e \
             WHERE e.patient_id = v.student_id AND e.school_id = v.school_id AND v.visit_on >= e.enrolled_on \
               AND (e.exited_on IS NULL OR v.visit_on <= e.exited_on))",
        ),
        (
            0,
            "SELECT count(*) FROM school.clinic_visits v WHERE v.status = 'CLOSED' AND NOT EXISTS (SELECT FROM school.calendar_days d \
             WHERE d.school_id = v.school_id AND d.day = v.visit_on AND d.is_instructional)",
        ),
        (6, "SELECT count(*) FROM auth.users u JOIN kernel.tenants t ON t.id = u.tenant_id WHERE t.slug = 'larkspur'"),
    ] {
        assert_eq!(number(&database, sql).await, wanted, "{sql}");
    }
    doses_are_dealt_out(&db, tenant).await;
    outbreaks_are_as_written(&database).await;
    let homes = rows(&db, tenant, "medical.patient_contacts", &["patient_id", "address", "legal_custody"]).await;
    let mut apart: HashMap<String, BTreeSet<String>> = HashMap::new();
    for home in homes.iter().filter(|h| h["legal_custody"] == true && !h["address"].is_null()) {
        apart.entry(home["patient_id"].to_string()).or_default().insert(home["address"].to_string());
    }
    assert_eq!(apart.values().filter(|homes| homes.len() == 2).count(), 44, "custody is shared from two homes");
}

/// Of the 1,450: 29 with no doses, 116 late, 44 in the days of grace, 15 too early, 14 in conflict.
async fn doses_are_dealt_out(db: &Db, tenant: Uuid) {
    let day = |value: &Value| {
        let format = time::macros::format_description!("[year]-[month]-[day]");
        time::Date::parse(value.as_str().unwrap(), format).unwrap()
    };
    let mut given: HashMap<String, [Vec<time::Date>; 2]> = HashMap::new();
    for dose in rows(db, tenant, "records.immunizations", &["patient_id", "cvx", "given_on"]).await {
        let own = given.entry(dose["patient_id"].to_string()).or_default();
        match dose["cvx"].as_str() {
            Some("03") => own[0].push(day(&dose["given_on"])),
            Some("21") => own[1].push(day(&dose["given_on"])),
            _ => {}
        }
    }
    let mut found: HashMap<&str, u32> = HashMap::new();
    for patient in rows(db, tenant, "medical.patients", &["id", "birth_date"]).await {
        let born = day(&patient["birth_date"]);
        let birthday = born.replace_year(born.year() + 1).unwrap_or(born + time::Duration::days(366));
        let kind = match given.get_mut(&patient["id"].to_string()) {
            None => "none",
            Some([measles, varicella]) => {
                measles.sort();
                varicella.sort();
                match (measles.first(), varicella.first()) {
                    (Some(first), _) if (1..=4).contains(&(birthday - *first).whole_days()) => "grace",
                    (Some(first), _) if *first < birthday => "early",
                    (Some(first), Some(other)) if (1..28).contains(&(*other - *first).whole_days()) => "conflict",
                    (None, _) => "exempt",
                    _ if measles.len() == 1
                        && born < time::macros::date!(2026 - 03 - 02) - time::Duration::days(1500) =>
                    {
                        "late"
                    }
                    _ => "usual",
                }
            }
        };
        *found.entry(kind).or_default() += 1;
    }
    let exact = ["none", "grace", "early", "conflict", "exempt"].map(|kind| found[kind]);
    assert_eq!(exact, [29, 44, 15, 14, 22], "{found:?}");
    assert!((110..=116).contains(&found["late"]), "the youngest of the 116 are not late yet: {found:?}");
}

/// The first school's vomiting day by day and by room, the sixth grade's influenza, and that both are found.
async fn outbreaks_are_as_written(database: &TestDb) {
    let first = "SELECT id FROM school.schools WHERE name = 'Larkspur Elementary'";
    let days = format!(
        "SELECT onset_on, count(*) FROM school.symptom_tracking WHERE syndrome = 'GI' AND school_id = ({first}) GROUP BY onset_on"
    );
    let wanted = "2026-02-10 2, 2026-02-11 1, 2026-02-12 3, 2026-02-13 2, 2026-02-17 1, 2026-02-18 2, 2026-02-19 1, 2026-02-20 2, \
                  2026-02-23 2, 2026-02-24 3, 2026-02-25 4, 2026-02-26 7";
    assert_eq!(counts(database, &days).await, wanted, "the series of 5.5, from the 23rd of February on an outbreak");
    let rooms = "SELECT g.name, count(*) FILTER (WHERE EXISTS (SELECT FROM school.symptom_tracking s WHERE s.student_id = p.patient_id \
                   AND s.syndrome = 'GI' AND s.onset_on >= '2026-02-23')) || ' of ' || count(*) \
                 FROM school.student_profiles p JOIN school.class_groups g ON g.id = p.homeroom_id \
                 WHERE g.name ~ '^Room 1[1-6]$' GROUP BY g.name";
    let wanted = "Room 11 1 of 24, Room 12 7 of 26, Room 13 1 of 25, Room 14 0 of 22, Room 15 2 of 27, Room 16 1 of 26";
    assert_eq!(counts(database, rooms).await, wanted, "the scan of 5.5");
    let influenza = "SELECT count(DISTINCT s.student_id) FROM school.symptom_tracking s JOIN school.student_profiles p ON p.patient_id = s.student_id \
                     WHERE s.syndrome = 'ILI' AND p.grade = '6' AND s.onset_on >= '2026-02-18'";
    assert!((37..50).contains(&number(database, influenza).await), "{}", number(database, influenza).await);
    let alerts = "SELECT DISTINCT syndrome, coalesce(params->'detection'->>'name', '') FROM school.outbreak_alerts";
    let found = counts(database, alerts).await;
    assert!(found.contains("GI Room 12") && found.contains("ILI "), "{found}");
    for (shape, sql) in [
        (
            "Mondays over Fridays",
            "SELECT (count(*) FILTER (WHERE extract(dow FROM visit_on) = 1) > count(*) FILTER (WHERE extract(dow FROM visit_on) = 5))::int FROM school.clinic_visits WHERE status = 'CLOSED'",
        ),
        (
            "February over September by the day",
            "SELECT (count(*) FILTER (WHERE extract(month FROM visit_on) = 2) * 10 / 20 > count(*) FILTER (WHERE extract(month FROM visit_on) = 9) * 10 / 22)::int FROM school.clinic_visits",
        ),
    ] {
        assert_eq!(number(database, sql).await, 1, "{shape}");
    }
}
