//! Records written as resources: fresh ones, and changes to an original that leave everything else alone.

use crate::support::{fresh, record};
use salus_codec::fhir::{self, Record, Reference, Row, Target};
use salus_codec::json::Json;
use serde_json::{Value, json};

fn update(record: &Record, original: &str) -> Json<'static> {
    let original = fhir::parse(original.as_bytes()).unwrap();
    fhir::write(record, Some(original)).unwrap().into_owned()
}

/// The top-level members that differ.
fn changed(before: &str, after: &Json<'_>) -> Vec<String> {
    let before = fhir::parse(before.as_bytes()).unwrap();
    let after = after.as_object().unwrap();
    let before = before.as_object().unwrap();
    let mut keys: Vec<_> = before.iter().chain(after.iter()).map(|(key, _)| key.to_owned()).collect();
    keys.sort();
    keys.dedup();
    keys.retain(|key| before.get(key) != after.get(key));
    keys
}

const CONDITION: &str = r#"{"resourceType":"Condition","id":"c","text":{"status":"generated"},"severity":{"text":"bad"},
    "code":{"coding":[{"system":"http://snomed.info/sct","code":"1","userSelected":true}]},"stage":[{"type":{"text":"s"}}],
    "subject":{"reference":"Patient/1","display":"Ann"},"onsetDateTime":"1976-01-19T22:58:16.0-05:00",
    "note":[{"time":"2020","text":"a"},{"text":"b"}]}"#;

#[test]
fn an_unchanged_record_leaves_the_original_alone() {
    let mut same = record(CONDITION);
    // As the database gives them back: another zone, and columns the resource does not have.
    same.row.insert("onset_at".into(), json!("1976-01-20T03:58:16Z"));
    same.row.insert("is_chronic".into(), json!(false));
    same.row.insert("abatement_on".into(), Value::Null);
    assert!(changed(CONDITION, &update(&same, CONDITION)).is_empty());
}

#[test]
fn a_change_changes_its_element_only() {
    let mut record = record(CONDITION);
    record.row.insert("onset_on".into(), json!("1976-01-01"));
    record.row.insert("onset_precision".into(), json!("YEAR"));
    record.row.remove("onset_at");
    record.row.remove("note");
    let after = update(&record, CONDITION);
    assert_eq!(changed(CONDITION, &after), ["note", "onsetDateTime"]);
    assert_eq!(after.get("onsetDateTime").and_then(Json::as_str), Some("1976"));
    assert_eq!(after.get("note"), None);
}

#[test]
fn a_reference_moves_only_when_a_new_one_is_given() {
    let mut record = record(CONDITION);
    record.refs.clear();
    assert!(changed(CONDITION, &update(&record, CONDITION)).is_empty());
    let target = Target::Id("2".into());
    record.refs.push(Reference { column: "patient_id".into(), target_type: "Patient".into(), target });
    let after = update(&record, CONDITION);
    assert_eq!(changed(CONDITION, &after), ["subject"]);
    assert_eq!(after.at(&["subject", "reference"]).and_then(Json::as_str), Some("Patient/2"));
}

#[test]
fn names_and_addresses_change_one_by_one() {
    let original = include_str!("patient.json");
    let mut record = record(original);
    record.row.insert("family_name".into(), json!("Lima"));
    let phone = record.children.iter_mut().find(|c| c.table == "medical.patient_telecoms").unwrap();
    phone.row.insert("phone".into(), json!("1"));
    // A column with a default of the database is no change.
    phone.row.insert("consent_sms".into(), json!(false));
    record.children.retain(|c| c.table != "medical.patient_contacts");
    let after = update(&record, original);
    assert_eq!(changed(original, &after), ["contact", "name", "telecom"]);
    let name = &after.get("name").unwrap().items()[0];
    assert_eq!(name.to_string(), r#"{"use":"official","family":"Lima","given":["Ana","María"]}"#);
    assert_eq!(after.get("name").unwrap().items().len(), 2);
    // The whole social security number is still in the original that the holder kept.
    assert!(after.to_string().contains("123-45-6789"));
}

#[test]
fn a_name_and_a_former_name_can_change_together() {
    let original = include_str!("patient.json");
    let mut record = record(original);
    record.row.insert("family_name".into(), json!("Lima"));
    let former = record.children.iter_mut().find(|c| c.table == "medical.patient_names").unwrap();
    former.row.insert("family_name".into(), json!("Souza"));
    let after = update(&record, original).to_string();
    let again = crate::support::record(&after);
    assert_eq!((&again.row, &again.children.len()), (&record.row, &record.children.len()));
    assert!(after.contains(r#""family":"Lima""#) && after.contains(r#""family":"Souza""#));
}

fn row(value: Value) -> Row {
    let Value::Object(row) = value else { panic!("a row is an object") };
    row
}

#[test]
fn rows_made_here_become_valid_resources() {
    let reference = |column: &'static str, kind: &'static str| Reference {
        column: column.into(),
        target_type: kind.into(),
        target: Target::Id("7".into()),
    };
    let patient = Record {
        resource_type: "Patient".into(),
        id: "p".into(),
        table: Some("medical.patients".into()),
        row: row(
            json!({"mrn": "A1", "family_name": "Lee", "sex": "UNK", "birth_date": "2010-02-03", "status": "INACTIVE"}),
        ),
        ..Record::default()
    };
    insta::assert_snapshot!(fresh(&patient), @r#"{"resourceType":"Patient","id":"p","identifier":[{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]},"value":"A1"}],"name":[{"use":"official","family":"Lee"}],"gender":"unknown","birthDate":"2010-02-03","active":false}"#);
    let pulse = Record {
        resource_type: "Observation".into(),
        table: Some("records.vital_signs".into()),
        row: row(json!({"status": "FINAL", "code": "8867-4", "code_system": "http://loinc.org", "value": 72,
            "unit": "/min", "measured_on": "2020-01-01", "measured_precision": "MINUTE",
            "measured_at": "2020-01-02T03:00:00Z"})),
        refs: vec![reference("patient_id", "Patient"), reference("encounter_id", "Encounter")],
        ..Record::default()
    };
    // The day of measuring is the day that was seen on the wall calendar there.
    insta::assert_snapshot!(fresh(&pulse), @r#"{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/7"},"encounter":{"reference":"Encounter/7"},"effectiveDateTime":"2020-01-01T23:00:00-04:00","valueQuantity":{"value":72,"unit":"/min","system":"http://unitsofmeasure.org","code":"/min"}}"#);
    let document = Record {
        resource_type: "DocumentReference".into(),
        table: Some("records.documents".into()),
        row: row(json!({"status": "VERIFIED", "category": "CLINICAL_NOTE"})),
        refs: vec![reference("patient_id", "Patient")],
        ..Record::default()
    };
    insta::assert_snapshot!(fresh(&document), @r#"{"resourceType":"DocumentReference","status":"current","category":[{"coding":[{"system":"http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category","code":"clinical-note","display":"Clinical Note"}]}],"subject":{"reference":"Patient/7"},"content":[{"attachment":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}}]}"#);
    for written in [&patient, &pulse, &document] {
        assert_eq!(record(&fresh(written)).resource_type, written.resource_type);
    }
}

#[test]
fn without_a_table_the_original_is_all() {
    let device = record(r#"{"resourceType":"Device","id":"d"}"#);
    assert_eq!(fhir::write(&device, None), None);
    assert_eq!(
        update(&device, r#"{"resourceType":"Device","id":"d"}"#).to_string(),
        r#"{"resourceType":"Device","id":"d"}"#
    );
}

#[test]
fn a_new_version_empties_what_it_no_longer_says_and_leaves_the_rest_alone() {
    let result = |value: &str| {
        record(&format!(
            r#"{{"resourceType":"Observation","id":"o","status":"final","category":[{{"coding":[{{"code":"laboratory"}}]}}],
            "code":{{"text":"c"}},"subject":{{"reference":"Patient/1"}},{value}}}"#
        ))
    };
    let number = result(r#""encounter":{"reference":"Encounter/1"},"valueQuantity":{"value":5.4,"unit":"mg"}"#);
    let words = result(r#""valueString":"not seen""#);
    let changes = fhir::changes(Some(&number), &words).unwrap();
    assert_eq!(changes.row["value_num"], Value::Null);
    assert_eq!(changes.row["unit_original"], Value::Null);
    assert_eq!(changes.row["value_text"], json!("not seen"));
    assert!(!changes.row.contains_key("status") && !changes.row.contains_key("note"), "{changes:?}");
    assert_eq!(changes.references, ["encounter_id"]);
    assert_eq!(fhir::changes(Some(&words), &words), Some(fhir::Changes::default()));
    // Of a version that is not known, every column of the shape is written.
    let all = fhir::changes(None, &words).unwrap();
    assert_eq!((&all.row["status"], &all.row["note"]), (&json!("FINAL"), &Value::Null));
    let mut columns = fhir::columns("Observation", "records.lab_results");
    columns.sort();
    columns.dedup();
    assert_eq!(all.row.keys().collect::<Vec<_>>(), columns.iter().collect::<Vec<_>>());
    let (two, none) = (record(include_str!("patient.json")), record(r#"{"resourceType":"Patient","id":"p"}"#));
    let lists = fhir::changes(Some(&two), &none).unwrap().lists;
    assert!(lists.contains(&"medical.patient_telecoms"), "{lists:?}");
    assert_eq!(fhir::references("Immunization", "records.immunizations")[2], ("performer_id", "Practitioner"));
}
