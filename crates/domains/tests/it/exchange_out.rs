//! A tenant's records as files: what came leaves as it came, what was changed or made here leaves with it, and another
//! tenant can take it in.

use crate::{
    exchange_again::{Folder, change, only, rows, send},
    world::World,
};
use salus_codec::{fhir, json::canonical};
use salus_core::Ctx;
use salus_domains::exchange::{
    export,
    import::{self, Options, Summary},
};
use salus_store::engine::NewRow;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use uuid::Uuid;

const TEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/fhir-bulk-synthea-10");

async fn take_in(world: &World, ctx: &Ctx, files: &[PathBuf]) -> Summary {
    let options = Options { source: "test".into(), dry_run: false };
    import::import(&world.db, ctx, files, &options, |_, _| ()).await.unwrap()
}

async fn write_out(world: &World, ctx: &Ctx, folder: &Path) -> export::Written {
    export::export(&world.db, ctx, folder, |_| ()).await.unwrap().files
}

/// The resources of a folder of NDJSON by type and id.
fn resources(folder: &Path) -> BTreeMap<(String, String), Value> {
    let mut found = BTreeMap::new();
    for file in import::files(folder).unwrap().taken {
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let resource: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| resource[name].as_str().unwrap().to_owned();
            assert!(found.insert((text("resourceType"), text("id")), resource).is_none(), "twice");
        }
    }
    found
}

/// The canonical forms of the lines of files, sorted.
fn lines(files: &[PathBuf]) -> Vec<Vec<u8>> {
    let texts: Vec<_> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    let lines = texts.iter().flat_map(|text| text.split(|b| *b == b'\n')).filter(|line| !line.is_empty());
    let mut all: Vec<_> = lines.map(|line| canonical(&fhir::parse(line).unwrap())).collect();
    all.sort();
    all
}

const TABLES: [&str; 16] = [
    "medical.patients",
    "medical.patient_identifiers",
    "medical.patient_names",
    "medical.patient_addresses",
    "medical.patient_telecoms",
    "medical.patient_contacts",
    "medical.providers",
    "records.encounters",
    "records.diagnoses",
    "records.medications",
    "records.allergies",
    "records.procedures",
    "records.immunizations",
    "records.documents",
    "records.lab_results",
    "exchange.fhir_resources",
];

async fn table_counts(world: &World, tenant: Uuid) -> Vec<i64> {
    let admin = world.database.connect("salus_admin").await;
    let mut counts = Vec::new();
    for table in TABLES {
        let sql = format!("SELECT count(*) FROM {table} WHERE tenant_id = $1");
        counts.push(admin.query_one(&sql, &[&tenant]).await.unwrap().get(0));
    }
    counts
}

#[tokio::test]
async fn what_came_leaves_as_it_came_and_another_tenant_takes_it_in() {
    let world = World::new().await;
    let files = import::files(Path::new(TEN)).unwrap().taken;
    let done = take_in(&world, &world.operator(), &files).await;
    let again = take_in(&world, &world.operator(), &files).await;
    for (name, count) in &again.types {
        assert_eq!((count.unchanged, count.read), (done.types[name].read - count.refused, count.read), "{name}");
        assert_eq!(count.refused, done.types[name].refused, "{name}");
    }
    let folder = Folder::new(&world);
    let written = write_out(&world, &world.operator(), &folder.0).await;
    let out: Vec<_> = written.values().map(|(path, _)| path.clone()).collect();
    let (came, left) = (lines(&files), lines(&out));
    assert_eq!(came.len(), left.len());
    if let Some((came, left)) = came.iter().zip(&left).find(|(came, left)| came != left) {
        panic!("{}\n{}", String::from_utf8_lossy(came), String::from_utf8_lossy(left));
    }
    let other = world.db.create_tenant("south", true).await.unwrap();
    let second = take_in(&world, &Ctx::operator(world.db.env(), other), &out).await;
    assert_eq!(second.types, done.types);
    let counts = table_counts(&world, world.tenant).await;
    assert!(counts[0] == 13 && counts[7] > 0 && counts[11] > 0, "{counts:?}");
    assert_eq!(table_counts(&world, other).await, counts);
}

#[tokio::test]
async fn a_hundred_patients_are_imported_as_many_as_the_files_hold() {
    let world = World::new().await;
    let folder = Path::new(TEN).join("100-patients-small");
    let files = import::files(&folder).unwrap().taken;
    let done = take_in(&world, &world.operator(), &files).await;
    let held = lines(&files);
    assert_eq!(done.types.values().map(|c| c.read).sum::<u64>(), held.len() as u64);
    let of = |name: &str| {
        let mark = format!("\"resourceType\":\"{name}\"");
        held.iter().filter(|line| String::from_utf8_lossy(line).contains(&mark)).count()
    };
    for (table, types) in [
        ("medical.patients", vec!["Patient"]),
        ("medical.providers", vec!["Organization", "Practitioner"]),
        ("records.allergies", vec!["AllergyIntolerance"]),
        ("records.immunizations", vec!["Immunization"]),
        (
            "exchange.fhir_resources",
            vec![
                "Patient",
                "Organization",
                "Practitioner",
                "AllergyIntolerance",
                "Immunization",
                "Device",
                "Location",
                "PractitionerRole",
            ],
        ),
    ] {
        let wanted: usize = types.into_iter().map(of).sum();
        let admin = world.database.connect("salus_admin").await;
        let count: i64 = admin.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0);
        assert_eq!(usize::try_from(count).unwrap(), wanted, "{table}: {:?}", done.refusals.first());
    }
}

const CAME: &str = r#"{"resourceType":"Patient","id":"p","name":[{"family":"Silva"}],"maritalStatus":{"text":"m"},"telecom":[{"system":"phone","value":"555"},{"system":"url","value":"urn:x"}]}
{"resourceType":"Practitioner","id":"d","name":[{"family":"Doc"}]}
{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p"}}
{"resourceType":"Condition","id":"c","code":{"text":"c"},"subject":{"reference":"Patient/p","display":"S"}}
{"resourceType":"Observation","id":"o","status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"text":"o"},"subject":{"reference":"Patient/p"}}
{"resourceType":"DiagnosticReport","id":"r","status":"final","code":{"text":"r"},"subject":{"reference":"Patient/p"},"result":[{"reference":"Observation/o"}]}
"#;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A fact that somebody here writes down.
fn fact_of(person: Uuid, encounter: Uuid, more: &Value) -> Value {
    let by = ("CLINICIAN_ENTERED", "MANUAL");
    let mut row = json!({"patient_id": person, "verification": by.0, "source_kind": by.1, "encounter_id": encounter});
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    row
}

async fn make(world: &World, table: &str, values: Value) -> Uuid {
    let Value::Object(values) = values else { panic!("no object") };
    let mut tx = world.db.begin(world.operator(), false).await.unwrap();
    let id = world.db.env().id();
    tx.insert(table, &[NewRow { id, values }]).await.unwrap();
    tx.commit("test.make", "medical.patients").await.unwrap();
    id
}

#[tokio::test]
async fn what_was_changed_or_made_here_leaves_too() {
    let world = World::new().await;
    let done = send(&world, CAME).await;
    assert!(done.refusals.is_empty() && done.unresolved.is_empty(), "{done:?}");
    let person = only(&world, "medical.patients").await.id().unwrap();
    let doctor = only(&world, "medical.providers").await.id().unwrap();
    let encounter = only(&world, "records.encounters").await.id().unwrap();
    let report = only(&world, "records.lab_reports").await.id().unwrap();
    let phone = rows(&world, "medical.patient_telecoms").await.remove(0).id().unwrap();
    let fact = only(&world, "records.diagnoses").await.id().unwrap();
    change(&world, "medical.patient_telecoms", phone, json!({"phone": "777"})).await;
    change(
        &world,
        "records.diagnoses",
        fact,
        json!({"encounter_id": encounter, "abatement_on": "2026-02-03", "abatement_precision": "DAY"}),
    )
    .await;
    let own = |more: Value| fact_of(person, encounter, &more);
    let order = own(
        json!({"status": "ACTIVE", "kind": "ORDER", "intent": "order", "original_display": "m", "prescriber_id": doctor}),
    );
    let order = make(&world, "records.medications", order).await;
    let result = own(json!({"status": "FINAL", "original_display": "k", "value_kind": "NONE", "report_id": report}));
    let result = make(&world, "records.lab_results", result).await;
    let own_report =
        make(&world, "records.lab_reports", own(json!({"status": "FINAL", "original_display": "n"}))).await;
    let reported =
        own(json!({"status": "FINAL", "original_display": "l", "value_kind": "NONE", "report_id": own_report}));
    let reported = make(&world, "records.lab_results", reported).await;

    let folder = Folder::new(&world);
    let out = folder.0.join("out");
    let written = write_out(&world, &world.operator(), &out).await;
    assert_eq!(mode(&out), 0o700);
    assert!(written.values().all(|(path, _)| mode(path) == 0o600));
    let all = resources(&out);
    let get =
        |kind: &str, id: &str| all.get(&(kind.to_owned(), id.to_owned())).unwrap_or_else(|| panic!("{kind} {id}"));
    let telecom = json!([{"system": "phone", "value": "777"}, {"system": "url", "value": "urn:x"}]);
    assert_eq!(
        (&get("Patient", "p")["telecom"], &get("Patient", "p")["maritalStatus"]),
        (&telecom, &json!({"text": "m"}))
    );
    let condition = get("Condition", "c");
    assert_eq!(
        (&condition["abatementDateTime"], &condition["encounter"]["reference"]),
        (&json!("2026-02-03"), &json!("Encounter/e"))
    );
    assert_eq!(condition["subject"], json!({"reference": "Patient/p", "display": "S"}));
    assert_eq!(condition.get("recordedDate"), None, "nobody said when it was written down");
    let order = get("MedicationRequest", &order.to_string());
    assert_eq!(
        (&order["subject"]["reference"], &order["encounter"]["reference"], &order["requester"]["reference"]),
        (&json!("Patient/p"), &json!("Encounter/e"), &json!("Practitioner/d"))
    );
    let of = |id: &str| get("DiagnosticReport", id)["result"].clone();
    assert_eq!(of("r"), json!([{"reference": "Observation/o"}, {"reference": format!("Observation/{result}")}]));
    assert_eq!(of(&own_report.to_string()), json!([{"reference": format!("Observation/{reported}")}]));
}

#[tokio::test]
async fn a_death_known_here_alone_leaves_too() {
    let world = World::new().await;
    send(&world, CAME).await;
    let person = only(&world, "medical.patients").await.id().unwrap();
    let folder = Folder::new(&world);
    change(&world, "medical.patients", person, json!({"deceased_on": "2026-03-04", "status": "DECEASED"})).await;
    let out = folder.0.join("later");
    write_out(&world, &world.operator(), &out).await;
    assert_eq!(resources(&out)[&("Patient".to_owned(), "p".to_owned())]["deceasedDateTime"], json!("2026-03-04"));
}

/// The audit log has an event for each step: three of 5 MiB never stand in memory together.
#[tokio::test]
async fn a_step_takes_what_fits_whatever_the_size() {
    let world = World::new().await;
    let document = |id: &str| {
        let data = "A".repeat(5 << 20);
        format!(
            "{{\"resourceType\":\"DocumentReference\",\"id\":\"{id}\",\"status\":\"current\",\"subject\":{{\"reference\":\"Patient/p\"}},\
             \"content\":[{{\"attachment\":{{\"data\":\"{data}\"}}}}]}}\n"
        )
    };
    let text =
        "{\"resourceType\":\"Patient\",\"id\":\"p\"}\n".to_owned() + &document("a") + &document("b") + &document("c");
    send(&world, &text).await;
    let folder = Folder::new(&world);
    let written = write_out(&world, &world.operator(), &folder.0).await;
    assert_eq!(written["DocumentReference"].1, 3);
    let file = folder.file("all.ndjson", &text);
    let out: Vec<_> = written.values().map(|(path, _)| path.clone()).collect();
    assert_eq!(lines(&out), lines(&[file]));
    let admin = world.database.connect("salus_admin").await;
    let sql = "SELECT count(*) FROM audit.activity_logs WHERE action = 'exchange.fhir.export' \
               AND convert_from(header, 'UTF8')::jsonb::text LIKE '%' || $1::text || '%'";
    let steps: i64 = admin.query_one(sql, &[&"exchange.fhir_resources"]).await.unwrap().get(0);
    let plain: i64 = {
        let quiet = World::new().await;
        write_out(&quiet, &quiet.operator(), &folder.0.join("empty")).await;
        let admin = quiet.database.connect("salus_admin").await;
        admin.query_one(sql, &[&"exchange.fhir_resources"]).await.unwrap().get(0)
    };
    assert_eq!(steps - plain, 3, "the person with the first, and one for each of the others");
}
