//! The demonstration tenants: what was generated is what a clinic could hold, nobody's, and the same every time.

use crate::world;
use salus_core::{Ctx, Env, Error};
use salus_domains::{
    demo::{self, Size},
    operations,
};
use salus_store::{Body, Call, Db, Record, dispatch};
use salus_testkit::TestDb;
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Instant,
};
use time::macros::datetime;
use uuid::Uuid;

const ALL: &str = "true ORDER BY t.id LIMIT 200000";

struct Loaded {
    _database: TestDb,
    db: Db,
    tenant: Uuid,
    /// Rows of each table with every value opened.
    rows: BTreeMap<&'static str, Vec<Map<String, Value>>>,
}

const TABLES: &[&str] = &[
    "medical.providers",
    "medical.patients",
    "medical.patient_identifiers",
    "medical.patient_names",
    "medical.patient_addresses",
    "medical.patient_telecoms",
    "medical.patient_contacts",
    "medical.patient_repositories",
    "records.encounters",
    "records.documents",
    "records.diagnoses",
    "records.medications",
    "records.allergies",
    "records.procedures",
    "records.immunizations",
    "records.vital_signs",
    "records.lab_reports",
    "records.lab_results",
    "records.family_history",
    "records.social_history",
];

async fn open() -> (TestDb, Db) {
    let database = TestDb::new().await;
    let db = world::open(database.config("salus_app"), Env::fixed(datetime!(2026-03-02 09:30 UTC))).await;
    (database, db)
}

async fn load(name: &str, size: Size) -> Loaded {
    let (database, db) = open().await;
    let start = Instant::now();
    let loaded = demo::load_sized(&db, name, size).await.unwrap();
    eprintln!("{name} {size:?} loaded in {:?}", start.elapsed());
    let mut tx = db.begin(Ctx::operator(db.env(), loaded.id), true).await.unwrap();
    let mut rows = BTreeMap::new();
    for table in TABLES {
        let held: Vec<Record> = tx.select(table, &[], ALL, &[]).await.unwrap();
        let held: Vec<_> = held.iter().map(|r| object(serde_json::to_value(r).unwrap())).collect();
        rows.insert(*table, held);
    }
    tx.finish_unrecorded().await.unwrap();
    Loaded { _database: database, db, tenant: loaded.id, rows }
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(members) = value else { panic!("no object") };
    members
}

fn text<'a>(row: &'a Map<String, Value>, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[tokio::test]
async fn two_loads_are_the_same() {
    let (a, b) = (load("valley", Size::Small).await, load("valley", Size::Small).await);
    for table in TABLES {
        // The database keeps its own clock for when a row was made.
        let plain = |l: &Loaded| {
            let mut rows = l.rows[table].clone();
            for row in &mut rows {
                row.retain(|name, _| !matches!(name.as_str(), "created_at" | "updated_at"));
            }
            rows
        };
        assert!(!a.rows[table].is_empty(), "{table} is empty");
        assert!(plain(&a) == plain(&b), "{table} differs");
    }
}

#[tokio::test]
async fn the_whole_clinic_is_plausible() {
    let clinic = load("valley", Size::Full).await;
    for table in TABLES {
        eprintln!("{table}: {}", clinic.rows[table].len());
    }
    assert_eq!(clinic.rows["medical.patients"].len(), 300);
    codes_have_the_form_of_their_system(&clinic);
    nothing_happens_outside_a_life(&clinic);
    nobody_can_be_reached(&clinic);
    treatment_follows_illness(&clinic);
    results_come_in_every_form(&clinic);
    some_patients_look_alike(&clinic);
    the_full_chart_opens(&clinic).await;
}

/// Names of columns that hold a code, with the column that names its system.
const CODED: &[(&str, &str)] = &[
    ("code", "code_system"),
    ("indication_code", "indication_system"),
    ("reason_code", "reason_system"),
    ("type_code", "type_system"),
    ("value_code", "value_system"),
];

fn codes_have_the_form_of_their_system(clinic: &Loaded) {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/codes-icd10cm/code-list-April-2026.txt");
    let icd = std::fs::read_to_string(data).expect("the ICD-10-CM list of April 2026 is missing");
    let icd: BTreeSet<&str> = icd.lines().map(str::trim).collect();
    let digits = |code: &str, from: usize, to: usize| {
        code.len() >= from && code.len() <= to && shape(code).bytes().all(|b| b == b'9')
    };
    let mut seen = BTreeSet::new();
    for (table, rows) in &clinic.rows {
        for row in rows {
            for (code, system) in CODED {
                let (code, system) = (text(row, code), text(row, system));
                if code.is_empty() || !seen.insert((code.to_owned(), system.to_owned())) {
                    continue;
                }
                let good = match system {
                    "ICD10CM" => icd.contains(code.replace('.', "").as_str()) && code.len() != 4,
                    "RxNorm" => digits(code, 2, 7) && !code.starts_with('0'),
                    "SNOMED" | "http://snomed.info/sct" => digits(code, 6, 18) && verhoeff(code),
                    "HCPCS" => shape(code) == "A9999",
                    "ICD10PCS" => {
                        code.len() == 7
                            && shape(code).bytes().all(|b| matches!(b, b'9' | b'A'))
                            && !code.contains(['I', 'O'])
                    }
                    "CVX" => digits(code, 2, 3),
                    "http://loinc.org" => shape(code).trim_start_matches('9') == "-9" && code.len() < 8 && mod10(code),
                    _ => false,
                };
                assert!(good, "{code} of {system} in {table}");
            }
            let npi = text(row, "npi");
            assert!(npi.is_empty() || salus_core::identifier::npi(npi), "{npi}");
        }
    }
    assert!(seen.len() > 10);
}

/// A text with every digit as 9 and every capital letter as A.
fn shape(s: &str) -> String {
    let same = |c: char| match c {
        '0'..='9' => '9',
        'A'..='Z' => 'A',
        other => other,
    };
    s.chars().map(same).collect()
}

/// Whether a text holds nine digits written as a social security number is.
fn holds_a_social_security_number(s: &str) -> bool {
    let shape = shape(s);
    let words = shape.split(|c: char| c != '9' && c != '-');
    words.into_iter().any(|w| matches!(w.trim_matches('-'), "999999999" | "999-99-9999"))
        || shape.contains("999 99 9999")
}

/// LOINC's check digit: doubling every second digit from the right, as on payment cards.
fn mod10(code: &str) -> bool {
    let digits: Vec<u32> = code.chars().rev().filter_map(|c| c.to_digit(10)).collect();
    let doubled = digits.iter().enumerate().map(|(i, d)| if i % 2 == 1 { d * 2 / 10 + d * 2 % 10 } else { *d });
    doubled.sum::<u32>() % 10 == 0
}

/// SNOMED CT's check digit (Verhoeff's dihedral scheme).
fn verhoeff(code: &str) -> bool {
    const STEP: [usize; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let times = |a: usize, b: usize| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b - 5) % 5,
        (false, true) => 5 + (a - 5 + 5 - b) % 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let digits = code.chars().rev().filter_map(|c| c.to_digit(10));
    let check = digits.enumerate().fold(0, |check, (i, digit)| {
        let moved = (0..i % 8).fold(usize::try_from(digit).unwrap(), |d, _| STEP[d]);
        times(check, moved)
    });
    check == 0
}

fn nothing_happens_outside_a_life(clinic: &Loaded) {
    let lives: HashMap<&str, (&str, &str)> = clinic.rows["medical.patients"]
        .iter()
        .map(|p| (text(p, "id"), (text(p, "birth_date"), text(p, "deceased_on"))))
        .collect();
    let mut dates = 0;
    for (table, rows) in clinic.rows.iter().filter(|(t, _)| t.starts_with("records.")) {
        for row in rows {
            let (born, died) = lives[text(row, "patient_id")];
            for (name, value) in row.iter().filter(|(n, _)| n.ends_with("_on") || n.ends_with("_at")) {
                let Some(at) = value.as_str().filter(|_| !matches!(name.as_str(), "created_at" | "updated_at")) else {
                    continue;
                };
                dates += 1;
                assert!(at[..10] >= *born, "{table}.{name} {at} before birth {born}");
                assert!(*at < *"2026-03-02T09:30", "{table}.{name} {at} in the future");
                let end = if died.is_empty() || name == "recorded_at" { "9999" } else { died };
                assert!(at[..10] <= *end, "{table}.{name} {at} after death {died}");
            }
        }
    }
    assert!(dates > 10);
}

/// Numbers that the North American plan keeps for fiction, and Brazilian ones that cannot exist.
fn is_fictional(phone: &str) -> bool {
    match shape(phone).as_str() {
        "+9 999 999 9999" => phone.starts_with("+1 ") && &phone[6..13] == " 555 01",
        "+99 99 99999-9999" => phone.starts_with("+55 ") && &phone[6..14] == " 90000-0",
        _ => false,
    }
}

fn nobody_can_be_reached(clinic: &Loaded) {
    for caught in ["123-45-6789", "no. 123456789.", "(123 45 6789)"] {
        assert!(holds_a_social_security_number(caught));
    }
    let mut phones = BTreeSet::new();
    for (table, rows) in &clinic.rows {
        for row in rows {
            if let Some(number) = row.get("phone").and_then(Value::as_str) {
                assert!(is_fictional(number), "{number}");
                phones.insert(number);
            }
            if let Some(mail) = row.get("email").and_then(Value::as_str) {
                assert!(mail.ends_with("@example.org") && mail.is_ascii(), "{mail}");
            }
            let free = ["value", "note", "accession", "lot", "title", "lines", "mrn", "value_text", "author", "name"];
            for name in free {
                let value = text(row, name);
                assert!(!holds_a_social_security_number(value), "{table}.{name} could be a social security number");
            }
            assert!(text(row, "type") != "SS4" || text(row, "value").len() == 4);
        }
    }
    assert!(phones.iter().any(|n| n.starts_with("+55")) && phones.len() > 250);
}

fn treatment_follows_illness(clinic: &Loaded) {
    let of = |table: &str| {
        let mut by: HashMap<String, Vec<&Map<String, Value>>> = HashMap::new();
        for row in &clinic.rows[table] {
            by.entry(text(row, "patient_id").to_owned()).or_default().push(row);
        }
        by
    };
    let (problems, drugs, allergies) = (of("records.diagnoses"), of("records.medications"), of("records.allergies"));
    let results = of("records.lab_results");
    let ingredients = |row: &Map<String, Value>| -> Vec<String> {
        row["ingredient_rxcuis"].as_array().unwrap().iter().map(|i| i.as_str().unwrap().to_owned()).collect()
    };
    let (mut diabetics, mut allergic) = (0, 0);
    for patient in clinic.rows["medical.patients"].iter().map(|p| text(p, "id")) {
        let has = |code: &str| problems.get(patient).into_iter().flatten().any(|p| text(p, "code").starts_with(code));
        let none = Vec::new();
        let taken = drugs.get(patient).unwrap_or(&none);
        let uses = |rxcui: &str| taken.iter().any(|d| ingredients(d).iter().any(|i| i == rxcui));
        let tested = |code: &str| results.get(patient).is_some_and(|r| r.iter().any(|r| text(r, "code") == code));
        if has("E11.9") || has("E11.22") {
            diabetics += 1;
            assert!(uses("6809") && tested("4548-4"), "a diabetic without metformin or HbA1c");
        }
        assert!(!(has("I10") && (has("I50") || has("N18"))), "hypertension is coded apart from what it goes with");
        for allergy in allergies.get(patient).unwrap_or(&none) {
            let forbidden: &[&str] = match text(allergy, "code") {
                "7984" | "723" => &["723", "7984"],
                "10180" => &["10180"],
                "5640" | "1191" => &["5640", "1191"],
                "29046" => &["29046"],
                "83367" => &["83367"],
                _ => continue,
            };
            allergic += 1;
            assert!(!forbidden.iter().any(|f| uses(f)), "a medicine against an allergy");
        }
    }
    assert!(diabetics > 20 && allergic > 20, "{diabetics} {allergic}");
}

fn results_come_in_every_form(clinic: &Loaded) {
    let results = &clinic.rows["records.lab_results"];
    let count = |f: &dyn Fn(&Map<String, Value>) -> bool| results.iter().filter(|r| f(r)).count();
    let gone = |r: &Map<String, Value>, n: &str| r.get(n).is_none_or(Value::is_null);
    let beyond = |sign: &str| count(&|r| text(r, "comparator") == sign);
    assert!(beyond("<") > 20 && beyond(">") > 20, "{} {}", beyond("<"), beyond(">"));
    let bare =
        |r: &Map<String, Value>| text(r, "value_kind") == "NUM" && gone(r, "unit_original") && gone(r, "unit_ucum");
    assert!(count(&bare) > 20);
    assert!(count(&|r| text(r, "value_kind") == "TEXT" && !gone(r, "value_text")) > 5);
    assert!(count(&|r| text(r, "value_kind") == "CODED") > 5);
    let corrected = |r: &Map<String, Value>| text(r, "status") == "CORRECTED" && !gone(r, "replaces_id");
    assert!(count(&corrected) > 5);
    assert!(count(&|r| text(r, "interpretation") == "H") > 500 && count(&|r| text(r, "interpretation") == "L") > 100);
    // In each diabetic's first and last HbA1c the trend shows: treatment helps.
    let mut a1c: HashMap<&str, Vec<(&str, f64)>> = HashMap::new();
    for r in results.iter().filter(|r| text(r, "code") == "4548-4") {
        let value = r["value_num"].to_string().trim_matches('"').parse().unwrap();
        a1c.entry(text(r, "patient_id")).or_default().push((text(r, "collected_on"), value));
    }
    let mut fell = 0;
    let long: Vec<_> = a1c.into_values().filter(|v| v.len() > 5).collect();
    for mut values in long.iter().cloned() {
        values.sort_by(|a, b| a.0.cmp(b.0));
        fell += usize::from(values[0].1 > values[values.len() - 1].1);
    }
    assert!(long.len() > 10 && fell * 10 > long.len() * 8, "{fell} of {}", long.len());
}

fn some_patients_look_alike(clinic: &Loaded) {
    let mut by: HashMap<String, Vec<&Map<String, Value>>> = HashMap::new();
    for p in &clinic.rows["medical.patients"] {
        let key = format!("{} {}", text(p, "birth_date"), salus_core::text::fold(text(p, "family_name")));
        by.entry(key).or_default().push(p);
    }
    let pairs: Vec<_> = by.values().filter(|p| p.len() == 2).collect();
    let same = |p: &&&Vec<&Map<String, Value>>| {
        let given = |i: usize| salus_core::text::fold(text(p[i], "given_names"));
        given(0) == given(1)
    };
    assert_eq!((pairs.len(), pairs.iter().filter(same).count()), (7, 2));
    let accents = clinic.rows["medical.patients"].iter().filter(|p| !text(p, "family_name").is_ascii()).count();
    assert!(accents > 30, "{accents}");
}

async fn the_full_chart_opens(clinic: &Loaded) {
    let ops = operations(clinic.db.catalog()).unwrap();
    let find = |name: &str| ops.iter().find(|o| o.name == name).unwrap();
    let ctx = || Ctx::operator(clinic.db.env(), clinic.tenant);
    let query = vec![("mrn".to_owned(), demo::FULL_CHART_MRN.to_owned())];
    let reply = dispatch(&clinic.db, find("medical.patient.list"), ctx(), Call { query, ..Call::default() }).await;
    let Body::Page(page) = reply.unwrap().body else { panic!("no page") };
    let id = page.rows[0].text("id").to_owned();
    let facts: usize = clinic
        .rows
        .iter()
        .filter(|(t, _)| t.starts_with("records."))
        .map(|(_, rows)| rows.iter().filter(|r| text(r, "patient_id") == id).count())
        .sum();
    assert!(facts >= 5000, "{facts}");
    for _ in 0..3 {
        let call = Call { path: vec![("id".into(), id.clone())], ..Call::default() };
        let start = Instant::now();
        let reply = dispatch(&clinic.db, find("records.fact.chart"), ctx(), call).await.unwrap();
        eprintln!("chart of {facts} facts in {:?}", start.elapsed());
        let Body::Json(chart) = reply.body else { panic!("no chart") };
        for section in chart["sections"].as_object().unwrap().values() {
            assert!(!section.as_array().unwrap().is_empty());
        }
        assert_eq!(chart["more"]["encounters"], json!(true));
        assert!(chart["counts"]["vital_signs"].as_i64().unwrap() > 1000);
    }
}

#[tokio::test]
async fn every_tenant_loads_once() {
    let (_database, db) = open().await;
    for name in demo::names() {
        let loaded = demo::load_sized(&db, &name, Size::Small).await.unwrap();
        assert!(!loaded.invitations.is_empty());
        let again = demo::load_sized(&db, &name, Size::Small).await;
        assert!(matches!(again, Err(Error::Conflict { .. })));
    }
}

/// Rows 000-8 and 003-10 of the systems. The payer has two permissions more than the ten that are named there: to erase a
/// person, and for the emergency, which came with those.
#[tokio::test]
async fn the_first_organizations_have_what_their_systems_name() {
    let (database, db) = open().await;
    let admin = database.connect("salus_admin").await;
    let mut told = Vec::new();
    for name in ["austa", "valley"] {
        let tenant = demo::load_sized(&db, name, Size::Small).await.unwrap().id;
        let mut held = Vec::new();
        for table in [
            "auth.organizations",
            "auth.roles",
            "auth.permissions",
            "medical.procedures",
            "ai.fraud_indicators",
            "ai.models",
            "compliance.retention_policies",
        ] {
            let sql = format!("SELECT count(*) FROM {table} WHERE tenant_id = $1");
            held.push(admin.query_one(&sql, &[&tenant]).await.unwrap().get::<_, i64>(0));
        }
        let names = "SELECT string_agg(name, ' ' ORDER BY name) FROM auth.roles WHERE tenant_id = $1";
        told.push((held, admin.query_one(names, &[&tenant]).await.unwrap().get::<_, String>(0)));
    }
    assert_eq!(told[0], (vec![1, 6, 12, 3, 2, 2, 0], "admin analyst auditor doctor nurse reviewer".to_owned()));
    assert_eq!(told[1], (vec![1, 4, 4, 0, 0, 0, 2], "ADMIN DOCTOR OWNER PATIENT".to_owned()));
    let risks = "SELECT count(DISTINCT risk_level) FROM medical.patients p JOIN kernel.tenants t ON t.id = p.tenant_id WHERE t.slug = 'austa'";
    assert_eq!(admin.query_one(risks, &[]).await.unwrap().get::<_, i64>(0), 2);
}

#[tokio::test]
async fn a_loading_that_was_cut_off_is_found_by_nobody_and_removed_by_the_next() {
    let (database, db) = open().await;
    let admin = database.connect("salus_admin").await;
    let patients = "SELECT count(*), count(DISTINCT tenant_id) FROM medical.patients";
    let some_are_there = async {
        while admin.query_one(patients, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        loaded = demo::load_sized(&db, "valley", Size::Full) => panic!("it was not cut off: {loaded:?}"),
        () = some_are_there => {}
    }
    assert!(db.tenant("valley").await.is_err() && !demo::exists(&db, "valley").await.unwrap());
    let loaded = demo::load_sized(&db, "valley", Size::Small).await.unwrap();
    assert_eq!(db.tenant("valley").await.unwrap(), loaded.id);
    let row = admin.query_one(patients, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (30, 1));
    let states = "SELECT string_agg(state || CASE WHEN slug ~ '^demo-' THEN ' demo' ELSE ' ' || slug END, ', ' ORDER BY created_at) \
                  FROM kernel.tenants WHERE is_demo";
    assert_eq!(admin.query_one(states, &[]).await.unwrap().get::<_, &str>(0), "closed demo, active valley");
    let app = database.connect("salus_app").await;
    let error = app.batch_execute("UPDATE kernel.tenants SET slug = 'other' WHERE slug = 'valley'").await.unwrap_err();
    assert!(error.as_db_error().unwrap().message().contains("name of a tenant stays"), "{error:?}");
}

#[tokio::test]
async fn the_payers_patients_have_a_chart() {
    let austa = load("austa", Size::Full).await;
    assert_eq!(austa.rows["medical.patients"].len(), 2);
    for patient in &austa.rows["medical.patients"] {
        for table in ["encounters", "diagnoses", "medications", "allergies", "vital_signs", "lab_results"] {
            let rows = &austa.rows[format!("records.{table}").as_str()];
            assert!(rows.iter().any(|r| r["patient_id"] == patient["id"]), "{table}");
        }
    }
    nothing_happens_outside_a_life(&austa);
    codes_have_the_form_of_their_system(&austa);
    for row in &austa.rows["medical.patient_telecoms"] {
        let number = text(row, "phone");
        assert!(number.is_empty() || is_fictional(number), "{number}");
    }
}
