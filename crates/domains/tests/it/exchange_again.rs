//! What a source sends again: corrections, other persons under a known id, other tables, and what it first named by
//! references to things not yet here.

use crate::world::World;
use salus_domains::exchange::import::{self, Options, Refusal, Summary};
use salus_store::Record;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// A folder that goes with its test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(world: &World) -> Self {
        let path = std::env::temp_dir().join(format!("{}-{}", world.database.name(), world.db.env().id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub async fn send_as(world: &World, source: &str, text: &str) -> Summary {
    let folder = Folder::new(world);
    let options = Options { source: source.into(), dry_run: false };
    let file = folder.file("all.ndjson", text);
    import::import(&world.db, &world.operator(), &[file], &options, |_, _| ()).await.unwrap()
}

pub async fn send(world: &World, text: &str) -> Summary {
    send_as(world, "test", text).await
}

pub async fn rows(world: &World, table: &str) -> Vec<Record> {
    let mut tx = world.db.begin(world.operator(), true).await.unwrap();
    tx.select(table, &[], "true ORDER BY t.id", &[]).await.unwrap()
}

pub async fn only(world: &World, table: &str) -> Record {
    let mut rows = rows(world, table).await;
    assert_eq!(rows.len(), 1, "{table}");
    rows.remove(0)
}

/// What a person changes here.
pub async fn change(world: &World, table: &str, id: Uuid, values: Value) {
    let Value::Object(values) = values else { panic!("no object") };
    let mut tx = world.db.begin(world.operator(), false).await.unwrap();
    tx.update(table, id, None, values).await.unwrap();
    tx.commit("test.change", "medical.patients").await.unwrap();
}

fn counts(done: &Summary, name: &str) -> [u64; 6] {
    let c = done.types.get(name).cloned().unwrap_or_default();
    [c.stored, c.kept_whole, c.changed, c.linked, c.unchanged, c.refused]
}

fn reason(done: &Summary, line: u64) -> &Refusal {
    done.refusals.iter().find(|r| r.line == line).unwrap_or_else(|| panic!("line {line}: {:?}", done.refusals))
}

fn patient(id: &str, more: &str) -> String {
    let comma = if more.is_empty() { "" } else { "," };
    format!("{{\"resourceType\":\"Patient\",\"id\":\"{id}\"{comma}{more}}}\n")
}

fn condition(id: &str, subject: &str) -> String {
    format!(
        "{{\"resourceType\":\"Condition\",\"id\":\"{id}\",\"code\":{{\"text\":\"c\"}},\"subject\":{{{subject}}}}}\n"
    )
}

fn numbered(system: &str, value: &str) -> String {
    format!(r#""identifier":[{{"system":"{system}","value":"{value}"}}]"#)
}

fn by_number(system: &str, value: &str) -> String {
    format!(r#""identifier":{{"system":"{system}","value":"{value}"}},"type":"Patient""#)
}

#[tokio::test]
async fn a_number_is_never_taken_for_an_id() {
    let world = World::new().await;
    let fact = condition("c", &by_number("urn:mrn", "1001"));
    let done = send(&world, &(patient("1001", "") + &fact)).await;
    assert_eq!(counts(&done, "Condition"), [0, 0, 0, 0, 0, 1]);
    let why = reason(&done, 2);
    assert_eq!((why.path.as_str(), why.reason.contains("neither")), ("Condition.subject", true), "{why:?}");
    // Whoever has the number is the one, also when another source told of him.
    send_as(&world, "a", &patient("x", &numbered("urn:mrn", "1001"))).await;
    assert_eq!(counts(&send(&world, &fact).await, "Condition")[0], 1);
    let stranger = rows(&world, "medical.patients").await.remove(0);
    assert_ne!(only(&world, "records.diagnoses").await.text("patient_id"), stranger.text("id"));
    // Two of other sources are nobody; one of the same source comes before them.
    send_as(&world, "b", &patient("y", &numbered("urn:mrn", "1001"))).await;
    let other = condition("d", &by_number("urn:mrn", "1001"));
    let done = send(&world, &other).await;
    assert!(reason(&done, 1).reason.contains("several patients"), "{:?}", done.refusals);
    assert_eq!(counts(&send_as(&world, "b", &other).await, "Condition")[0], 1);
    let facts = rows(&world, "records.diagnoses").await;
    assert_eq!(facts[1].text("patient_id"), rows(&world, "medical.patients").await[2].text("id"));
}

#[tokio::test]
async fn an_id_stands_for_a_number_only_where_the_target_has_it() {
    let world = World::new().await;
    let organization =
        r#"{"resourceType":"Organization","id":"o1","name":"O","identifier":[{"system":"urn:o","value":"o1"}]}"#;
    let procedure = |id: &str, system: &str| {
        format!(
            "{{\"resourceType\":\"Procedure\",\"id\":\"{id}\",\"status\":\"completed\",\"code\":{{\"text\":\"c\"}},\
             \"subject\":{{\"reference\":\"Patient/p\"}},\"performer\":[{{\"actor\":{{\"reference\":\"Organization?identifier={system}|o1\"}}}}]}}\n"
        )
    };
    let file = format!("{organization}\n{}{}{}", patient("p", ""), procedure("a", "urn:o"), procedure("b", "urn:x"));
    let done = send(&world, &file).await;
    assert_eq!(done.unresolved.iter().collect::<Vec<_>>(), [(&"Procedure.performer_id".to_owned(), &1)]);
    let provider = only(&world, "medical.providers").await;
    let performers: Vec<_> =
        rows(&world, "records.procedures").await.iter().map(|r| r.text("performer_id").to_owned()).collect();
    assert_eq!(performers, [provider.text("id"), ""]);
}

#[tokio::test]
async fn a_patient_of_another_system_is_no_new_version() {
    let world = World::new().await;
    let named =
        |family: &str, birth: &str| patient("1", &format!(r#""name":[{{"family":"{family}"}}],"birthDate":"{birth}""#));
    send(&world, &named("Silva", "1980-01-02")).await;
    let fact = condition("c", r#""reference":"Patient/1""#);
    let done = send(&world, &(named("Okafor", "1999-05-06") + &fact)).await;
    assert_eq!((counts(&done, "Patient"), counts(&done, "Condition")), ([0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 1]));
    assert!(reason(&done, 1).reason.contains("--source"), "{:?}", done.refusals);
    assert!(reason(&done, 2).reason.contains("another person"), "{:?}", done.refusals);
    assert_eq!(only(&world, "medical.patients").await.text("family_name"), "Silva");
    assert!(rows(&world, "records.diagnoses").await.is_empty());
    // Who marries, and whose birth date is corrected, is the same; so is whoever is of another system by name.
    assert_eq!(counts(&send(&world, &named("Souza", "1980-01-02")).await, "Patient")[2], 1);
    assert_eq!(counts(&send(&world, &named("souza", "1980-02-01")).await, "Patient")[2], 1);
    assert_eq!(counts(&send_as(&world, "b", &(named("Okafor", "1999-05-06") + &fact)).await, "Condition")[0], 1);
}

fn lab(value: &str) -> String {
    format!(
        "{{\"resourceType\":\"Observation\",\"id\":\"o\",\"status\":\"final\",\"category\":[{{\"coding\":[{{\"code\":\"laboratory\"}}]}}],\
         \"code\":{{\"coding\":[{{\"system\":\"http://loinc.org\",\"code\":\"8867-4\"}}]}},\"subject\":{{\"reference\":\"Patient/p\"}},\
         \"effectiveDateTime\":\"2026-01-02\",{value}}}\n"
    )
}

#[tokio::test]
async fn what_a_correction_no_longer_says_is_emptied_and_what_was_set_here_stays() {
    let world = World::new().await;
    let phones =
        r#""telecom":[{"system":"phone","value":"555"}],"address":[{"city":"Lima"}],"deceasedDateTime":"2026-01-01""#;
    let ill =
        |more: &str| condition("c", r#""reference":"Patient/p""#).replace("\"code\":", &format!("{more}\"code\":"));
    let ended =
        r#""onsetDateTime":"2020-01-01","abatementDateTime":"2021-01-01","encounter":{"reference":"Encounter/e"},"#;
    let encounter = r#"{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p"}}"#;
    let first = format!(
        "{}{encounter}\n{}{}",
        patient("p", phones),
        ill(ended),
        lab(r#""valueQuantity":{"value":5.4,"unit":"mg"}"#)
    );
    let done = send(&world, &first).await;
    assert!(done.refusals.is_empty() && done.unresolved.is_empty(), "{done:?}");
    let (person, fact) =
        (only(&world, "medical.patients").await.id().unwrap(), only(&world, "records.diagnoses").await.id().unwrap());
    assert_eq!(only(&world, "records.diagnoses").await.text("abatement_on"), "2021-01-01");
    // The number and the pronouns are known here alone.
    change(&world, "medical.patients", person, json!({"mrn": "H-1", "pronouns": "they"})).await;
    change(&world, "records.diagnoses", fact, json!({"is_chronic": true})).await;

    let second = patient("p", r#""address":[{"city":"Lima"}]"#)
        + &ill(r#""onsetDateTime":"2020-01-01","#)
        + &lab(r#""valueString":"not to be told""#);
    let done = send(&world, &second).await;
    assert_eq!(
        (counts(&done, "Patient")[2], counts(&done, "Condition")[2], counts(&done, "Observation")[2]),
        (1, 1, 1)
    );
    let now = only(&world, "medical.patients").await;
    assert_eq!((now.text("status"), now.get("deceased_on")), ("ACTIVE", Some(&Value::Null)));
    assert_eq!((now.text("mrn"), now.text("pronouns")), ("H-1", "they"));
    assert!(rows(&world, "medical.patient_telecoms").await.is_empty());
    assert_eq!(only(&world, "medical.patient_addresses").await.get("row_version"), Some(&json!(1)));
    let now = only(&world, "records.diagnoses").await;
    assert_eq!(now.text("onset_on"), "2020-01-01");
    for gone in ["abatement_on", "abatement_precision", "encounter_id"] {
        assert_eq!(now.get(gone), Some(&Value::Null), "{gone}");
    }
    assert_eq!(now.get("is_chronic"), Some(&json!(true)));
    let now = only(&world, "records.lab_results").await;
    assert_eq!((now.text("value_kind"), now.text("value_text")), ("TEXT", "not to be told"));
    assert_eq!((now.get("value_num"), now.get("unit_original")), (Some(&Value::Null), Some(&Value::Null)));
}

#[tokio::test]
async fn a_resource_that_changes_its_table_or_person_leaves_no_ghost() {
    let world = World::new().await;
    let number = lab(r#""valueQuantity":{"value":70}"#);
    let people = patient("p", "") + &patient("q", "");
    send(&world, &(people.clone() + &number)).await;
    let vital = number.replace("laboratory", "vital-signs");
    let done = send(&world, &(vital.clone() + &condition("c", r#""reference":"Patient/p""#))).await;
    assert_eq!((counts(&done, "Observation"), counts(&done, "Condition")[0]), ([0, 0, 1, 0, 0, 0], 1), "{done:?}");
    let old = only(&world, "records.lab_results").await;
    assert_eq!(old.text("status"), "ENTERED_IN_ERROR");
    assert_eq!(only(&world, "records.vital_signs").await.text("status"), "FINAL");
    // Filed under the wrong person, and corrected by the source.
    send(&world, &vital.replace("Patient/p", "Patient/q")).await;
    let patients = rows(&world, "medical.patients").await;
    let vitals = rows(&world, "records.vital_signs").await;
    assert_eq!((vitals[0].text("status"), vitals[1].text("status")), ("ENTERED_IN_ERROR", "FINAL"));
    assert_eq!(
        (vitals[0].text("patient_id"), vitals[1].text("patient_id")),
        (patients[0].text("id"), patients[1].text("id"))
    );
    // In no table any more.
    let none = number.replace("laboratory", "survey").replace("8867-4", "1-8").replace("Patient/p", "Patient/q");
    send(&world, &none).await;
    let vitals = rows(&world, "records.vital_signs").await;
    assert!(vitals.iter().all(|v| v.text("status") == "ENTERED_IN_ERROR"), "{vitals:?}");
    assert_eq!(rows(&world, "records.lab_results").await.len(), 1);
}

#[tokio::test]
async fn a_prohibition_is_kept_whole_and_is_no_medicine() {
    let world = World::new().await;
    let request = r#"{"resourceType":"MedicationRequest","id":"m","status":"active","intent":"order","doNotPerform":true,
        "medicationCodeableConcept":{"text":"warfarin"},"subject":{"reference":"Patient/p"}}"#;
    let request = request.replace('\n', "") + "\n";
    let taken = request.replace("\"doNotPerform\":true,", "");
    send(&world, &(patient("p", "") + &taken)).await;
    let done = send(&world, &request).await;
    assert_eq!(counts(&done, "MedicationRequest"), [0, 0, 1, 0, 0, 0]);
    assert!(done.remarks.keys().any(|r| r.contains("doNotPerform")), "{:?}", done.remarks);
    assert_eq!(only(&world, "records.medications").await.text("status"), "ENTERED_IN_ERROR");
    let kept = rows(&world, "exchange.fhir_resources").await;
    let kept = kept.iter().find(|r| r.text("resource_type") == "MedicationRequest").unwrap();
    // It is in the person's record, and why it is no row stands with it.
    assert_eq!(kept.text("patient_id"), only(&world, "medical.patients").await.text("id"));
    assert!(kept.get("unmapped").unwrap()[0].as_str().unwrap().contains("kept whole"), "{kept:?}");
    assert_eq!(kept.get("row_id"), Some(&Value::Null));
}

#[tokio::test]
async fn a_bad_line_is_told_with_its_place_and_the_rest_goes_on() {
    let world = World::new().await;
    let text = patient("a", "")
        + "{\"resourceType\":\"Patient\",\"id\":\n"
        + &patient("b", r#""birthDate":"1980-13-01""#)
        + &condition("c", r#""reference":"Patient/b""#)
        + &patient("d", r#""birthDate":"1800-01-01""#)
        + &condition("e", r#""reference":"Patient/a""#)
        + &condition("f", r#""reference":"Patient/nobody""#);
    let done = send(&world, &text).await;
    let told: Vec<_> = done.refusals.iter().map(|r| (r.line, r.path.as_str())).collect();
    let mut sorted = told.clone();
    sorted.sort_unstable();
    let subject = "Condition.subject";
    assert_eq!(sorted, [(2, "Patient.id"), (3, "Patient.birthDate"), (4, subject), (5, "Patient"), (7, subject)]);
    assert!(done.refusals.iter().all(|r| r.file.ends_with("all.ndjson") && !r.reason.is_empty()));
    assert!(reason(&done, 4).reason.contains("that this import refused"), "{:?}", done.refusals);
    assert!(reason(&done, 5).reason.contains("125 years"), "{:?}", done.refusals);
    assert!(reason(&done, 7).reason.contains("neither"), "{:?}", done.refusals);
    assert_eq!((counts(&done, "Patient")[0], counts(&done, "Condition")[0]), (1, 1));
}

#[tokio::test]
async fn what_was_removed_here_is_one_refusal() {
    let world = World::new().await;
    let provider =
        |id: &str, name: &str| format!("{{\"resourceType\":\"Organization\",\"id\":\"{id}\",\"name\":\"{name}\"}}\n");
    send(&world, &(provider("a", "A") + &provider("b", "B"))).await;
    world.admin("DELETE FROM medical.providers WHERE name = 'A'").await;
    let done = send(&world, &(provider("a", "A2") + &provider("b", "B2"))).await;
    assert_eq!(counts(&done, "Organization"), [0, 0, 1, 0, 0, 1]);
    assert!(reason(&done, 1).reason.contains("is gone"), "{:?}", done.refusals);
    assert_eq!(only(&world, "medical.providers").await.text("name"), "B2");
}

#[tokio::test]
async fn what_comes_before_its_encounter_is_linked_when_it_has_come() {
    let world = World::new().await;
    let fact = condition("c", r#""reference":"Patient/p""#)
        .replace("\"code\":", r#""encounter":{"reference":"Encounter/e"},"code":"#);
    let done = send(&world, &(patient("p", "") + &fact)).await;
    assert_eq!(done.unresolved.iter().collect::<Vec<_>>(), [(&"Condition.encounter_id".to_owned(), &1)]);
    let again = send(&world, &fact).await;
    assert_eq!((counts(&again, "Condition"), again.unresolved.len()), ([0, 0, 0, 0, 1, 0], 1));
    let encounter = r#"{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p"}}"#;
    send(&world, &format!("{encounter}\n")).await;
    let linked = send(&world, &fact).await;
    assert_eq!((counts(&linked, "Condition"), linked.unresolved.len()), ([0, 0, 0, 1, 0, 0], 0));
    let encounter = only(&world, "records.encounters").await;
    assert_eq!(only(&world, "records.diagnoses").await.text("encounter_id"), encounter.text("id"));
    assert_eq!(counts(&send(&world, &fact).await, "Condition"), [0, 0, 0, 0, 1, 0]);
}

#[tokio::test]
async fn of_one_resource_twice_in_a_file_the_later_line_stays() {
    let world = World::new().await;
    let line =
        |id: usize, name: &str| format!("{{\"resourceType\":\"Organization\",\"id\":\"o{id}\",\"name\":\"{name}\"}}\n");
    let mut text = line(0, "first");
    text.extend((1..520).map(|id| line(id, "x")));
    text += &line(0, "second");
    text += &line(1, "near");
    text += &line(1, "nearer");
    text.extend((520..1050).map(|id| line(id, "x")));
    text += &line(0, "last");
    let done = send(&world, &text).await;
    assert_eq!(counts(&done, "Organization"), [1050, 0, 4, 0, 0, 0], "{:?}", done.refusals);
    let names: Vec<_> = rows(&world, "medical.providers").await.iter().map(|r| r.text("name").to_owned()).collect();
    let of = |name: &str| names.iter().filter(|n| *n == name).count();
    assert_eq!((of("last"), of("nearer"), of("first"), of("second"), of("near")), (1, 1, 0, 0, 0));
}

#[tokio::test]
async fn two_hospitals_may_both_have_a_number() {
    let world = World::new().await;
    let of = |register: &str| {
        let kind = r#""type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]}"#;
        patient("1", &format!(r#""identifier":[{{{kind},"system":"{register}","value":"1001"}}]"#))
            + &condition("c", r#""reference":"Patient/1""#)
    };
    send_as(&world, "a", &of("urn:a")).await;
    let done = send_as(&world, "b", &of("urn:b")).await;
    assert_eq!((counts(&done, "Patient")[0], counts(&done, "Condition")[0]), (1, 1), "{:?}", done.refusals);
    assert!(done.remarks.keys().any(|r| r.contains("medical record number")), "{:?}", done.remarks);
    let numbers: Vec<_> = rows(&world, "medical.patients").await.iter().map(|r| r.text("mrn").to_owned()).collect();
    assert_eq!(numbers, ["1001", ""]);
    let registers = rows(&world, "medical.patient_identifiers").await;
    assert_eq!(registers.iter().map(|r| r.text("system")).collect::<Vec<_>>(), ["urn:a", "urn:b"]);
    // Two in one file as well.
    let both = of("urn:c").replace("\"1\"", "\"7\"") + &of("urn:d").replace("\"1\"", "\"8\"");
    let done = send_as(&world, "c", &both.replace("Patient/1", "Patient/7")).await;
    assert_eq!((counts(&done, "Patient")[0], done.remarks.values().sum::<u64>()), (2, 4), "{done:?}");
}

#[tokio::test]
async fn what_a_folder_holds_besides_is_told() {
    let world = World::new().await;
    let folder = Folder::new(&world);
    for name in ["Patient.ndjson", "one.json", "log.ndjson", "notes.txt"] {
        folder.file(name, "");
    }
    std::fs::create_dir(folder.0.join("older")).unwrap();
    let names = |paths: &[PathBuf]| paths.iter().map(|p| p.file_name().unwrap().to_owned()).collect::<Vec<_>>();
    let found = import::files(&folder.0).unwrap();
    assert_eq!(names(&found.taken), ["Patient.ndjson", "one.json"]);
    assert_eq!(names(&found.skipped), ["log.ndjson", "notes.txt", "older"]);
    assert!(import::files(Path::new("/nowhere/at/all")).is_err());
}
