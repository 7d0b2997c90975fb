//! Single decisions of the mapping: what a row holds, what it must not hold, and what is said to be missing.

use crate::support::{fresh, map, record};
use salus_codec::fhir::{Record, Target};
use serde_json::{Value, json};

fn row(text: &str) -> Value {
    Value::Object(record(text).row)
}

fn children(record: &Record, table: &str) -> Vec<Value> {
    record.children.iter().filter(|c| c.table == table).map(|c| Value::Object(c.row.clone())).collect()
}

/// A fact of patient 1 with more members.
fn fact(resource_type: &str, more: &str) -> String {
    format!(r#"{{"resourceType":"{resource_type}","id":"x","subject":{{"reference":"Patient/1"}},{more}}}"#)
}

#[test]
fn a_patient_and_what_belongs_to_one() {
    let record = record(include_str!("patient.json"));
    assert_eq!(
        Value::Object(record.row.clone()),
        json!({
            "mrn": "A 17", "family_name": "Souza", "given_names": "Ana María", "sex": "F", "birth_date": "1984-03-09",
            "birth_month": "1984-03-01", "status": "ACTIVE", "multiple_birth": true, "birth_order": 2,
            "preferred_language": "pt-BR", "race_codes": ["2106-3"], "interpreter_needed": false,
        })
    );
    assert_eq!(
        children(&record, "medical.patient_identifiers"),
        [
            json!({"type": "MR", "system": "urn:example:hospital", "value": "A 17"}),
            json!({"type": "SS4", "system": "http://hl7.org/fhir/sid/us-ssn", "value": "6789"}),
        ]
    );
    assert_eq!(
        children(&record, "medical.patient_names"),
        [json!({"use": "MAIDEN", "family_name": "Lima", "given_names": "Ana"})]
    );
    assert_eq!(
        children(&record, "medical.patient_telecoms"),
        [json!({"system": "PHONE", "use": "MOBILE", "rank": 1, "phone": "+55 11 98765-4321"})]
    );
    assert_eq!(
        children(&record, "medical.patient_contacts"),
        [json!({"relationship": "N", "name": "João Souza", "phone": "11 1234"})]
    );
    assert_eq!(record.patient(), None);
}

#[test]
fn a_whole_social_security_number_is_in_no_row() {
    let mapped = map(include_str!("patient.json")).unwrap();
    assert_eq!(mapped.unmapped, ["Patient.identifier[1].value"]);
    assert!(!format!("{:?}", mapped.record).contains("123-45"));
    let odd = r#"{"resourceType":"Patient","identifier":[
        {"type":{"coding":[{"code":"SS"}]},"system":"urn:x","value":"987654321"},
        {"system":"urn:oid:2.16.840.1.113883.4.1","value":"12"}]}"#;
    let mapped = map(odd).unwrap();
    assert_eq!(children(&mapped.record, "medical.patient_identifiers").len(), 1);
    assert!(!format!("{:?}", mapped.record).contains("98765"));
    assert!(mapped.unmapped.contains(&"Patient.identifier[1]".to_owned()), "{:?}", mapped.unmapped);
}

#[test]
fn dates_stay_as_exact_as_they_were() {
    let onset = |date: &str| {
        let row = row(&fact("Condition", &format!(r#""code":{{"text":"x"}},"onsetDateTime":"{date}""#)));
        json!([row["onset_on"], row["onset_precision"], row["onset_at"]])
    };
    assert_eq!(onset("1976"), json!(["1976-01-01", "YEAR", null]));
    assert_eq!(onset("1976-05"), json!(["1976-05-01", "MONTH", null]));
    assert_eq!(onset("1976-05-09"), json!(["1976-05-09", "DAY", null]));
    let at = "1976-01-19T22:58:16-05:00";
    assert_eq!(onset(at), json!(["1976-01-19", "MINUTE", at]));

    let born = |date: &str| row(&format!(r#"{{"resourceType":"Patient","birthDate":"{date}"}}"#));
    assert_eq!(born("1990-05")["birth_month"], "1990-05-01");
    assert_eq!(born("1990-05")["birth_date"], Value::Null);
    assert_eq!(born("1990")["birth_month"], Value::Null);
    let year = map(r#"{"resourceType":"Patient","birthDate":"1990"}"#).unwrap();
    assert_eq!(year.unmapped, ["Patient.birthDate"]);
    // The time of recording has a column for an instant only.
    let recorded = map(&fact("Condition", r#""code":{"text":"x"},"recordedDate":"2020-05""#)).unwrap();
    assert_eq!((recorded.record.value("recorded_at"), recorded.unmapped.len()), (None, 1));
}

#[test]
fn the_source_code_stands_beside_the_one_we_work_with() {
    let text = fact(
        "Condition",
        r#""code":{"coding":[{"system":"urn:local","code":"E1","display":"asthma (local)"},
            {"system":"http://snomed.info/sct","code":"195967001","display":"Asthma"},
            {"system":"urn:oid:2.16.840.1.113883.6.90","code":"J45.909","display":"Unspecified asthma"}]}"#,
    );
    let mapped = map(&text).unwrap();
    let row = Value::Object(mapped.record.row);
    assert_eq!([&row["code_system"], &row["code"], &row["display"]], ["ICD10CM", "J45.909", "Unspecified asthma"]);
    assert_eq!([&row["original_system"], &row["original_code"]], ["urn:local", "E1"]);
    assert_eq!(row["original_display"], "asthma (local)");
    assert_eq!(mapped.unmapped, ["Condition.code.coding[1]", "Condition.code.coding[2].system"]);
}

#[test]
fn references_in_every_form() {
    let text = r#"{"resourceType":"Encounter","status":"finished","class":{"code":"AMB"},
        "subject":{"reference":"urn:uuid:0f1"},
        "participant":[{"individual":{"reference":"Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|99","display":"Dr. B"}}],
        "partOf":{"reference":"https://ehr.example/r4/Encounter/7/_history/2"},
        "serviceProvider":{"reference":"Organization/5","display":"Clinic"}}"#;
    let mapped = map(text).unwrap();
    let record = mapped.record;
    assert_eq!(record.patient(), Some(&Target::Url("urn:uuid:0f1".into())));
    let npi = Target::Identifier { system: "http://hl7.org/fhir/sid/us-npi".into(), value: "99".into() };
    assert_eq!(record.reference("provider_id").unwrap().target, npi);
    assert_eq!(record.reference("part_of_id").unwrap().target, Target::Id("7".into()));
    assert_eq!(record.row["performer_name"], "Dr. B");
    assert_eq!(record.row["service_provider"], "Clinic");
    assert_eq!(mapped.unmapped, ["Encounter.partOf.reference", "Encounter.serviceProvider.reference"]);
}

#[test]
fn what_a_table_cannot_hold_is_kept_whole_with_the_reason() {
    for (text, why) in [
        (
            fact("Condition", r#""code":{"text":"x"}"#).replace("Patient/1", "Group/1"),
            "it is not about a patient of its own",
        ),
        (
            fact("Condition", r#""code":{"text":"x"}"#).replace("Patient/1", "#p"),
            "it is not about a patient of its own",
        ),
        (fact("Condition", r#""onsetDateTime":"2020""#), "it does not say what it is about"),
        (
            fact(
                "MedicationRequest",
                r#""status":"active","intent":"order","medicationReference":{"reference":"Medication/2"}"#,
            ),
            "it names the medicine only by reference to another resource",
        ),
        (
            fact("Observation", r#""status":"final","code":{"text":"x"},"category":[{"coding":[{"code":"survey"}]}]"#),
            "it is neither a vital sign nor a laboratory result",
        ),
        (
            r#"{"resourceType":"Immunization","status":"completed","patient":{"reference":"Patient/1"},
               "vaccineCode":{"text":"flu"},"occurrenceString":"as a child"}"#
                .to_owned(),
            "it does not say on which date",
        ),
        (r#"{"resourceType":"Practitioner","id":"p","active":true}"#.to_owned(), "it has no name"),
    ] {
        let mapped = map(&text).unwrap();
        assert_eq!((mapped.kept_whole, &mapped.record.table), (Some(why), &None), "{text}");
        assert!(!mapped.unmapped.is_empty() && mapped.record.row.is_empty());
    }
    let device = map(r#"{"resourceType":"Device","id":"d","status":"active","note":[{"text":"x"}]}"#).unwrap();
    assert_eq!((device.kept_whole, device.record.table), (None, None));
    assert_eq!(device.unmapped, ["Device.status", "Device.note"]);
}

#[test]
fn vital_signs() {
    let pressure = fact(
        "Observation",
        r#""status":"final","category":[{"coding":[{"code":"vital-signs"}]}],"effectiveDateTime":"2020-01-02",
           "code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood pressure"}]},
           "component":[
             {"code":{"coding":[{"system":"http://loinc.org","code":"8480-6","display":"Systolic"}]},
              "valueQuantity":{"value":120.0,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},
             {"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},
              "valueQuantity":{"value":80,"unit":"mm[Hg]"}}]"#,
    );
    let record = record(&pressure);
    assert_eq!(record.table.as_deref(), Some("records.vital_signs"));
    assert_eq!(
        record.row["components"],
        json!([
            {"code": "8480-6", "display": "Systolic", "value": "120.0", "unit": "mm[Hg]"},
            {"code": "8462-4", "value": "80", "unit": "mm[Hg]"}
        ])
    );
    // By its code alone, with a unit that UCUM does not know, and with a bound that is no measurement.
    let pulse = |value: &str| {
        row(&fact(
            "Observation",
            &format!(
                r#""status":"final","effectiveDateTime":"2020","valueQuantity":{value},
                   "code":{{"coding":[{{"system":"http://loinc.org","code":"8867-4"}}]}}"#
            ),
        ))
    };
    let odd = pulse(r#"{"value":72.50,"unit":"beats per min"}"#);
    assert_eq!([&odd["value"], &odd["unit"]], ["72.50", "{beats_per_min}"]);
    assert_eq!(pulse(r#"{"value":250,"comparator":">"}"#)["value"], Value::Null);
}

#[test]
fn laboratory_values_of_every_kind() {
    let lab = |more: &str| {
        let record = record(&fact("Observation", &format!(r#""status":"final","code":{{"text":"x"}},{more}"#)));
        assert_eq!(record.table.as_deref(), Some("records.lab_results"));
        assert_eq!(crate::support::record(&fresh(&record)), record, "{}", fresh(&record));
        let mut row = record.row;
        for column in ["status", "original_display"] {
            row.remove(column);
        }
        Value::Object(row)
    };
    let mg = r#""unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL""#;
    assert_eq!(
        lab(&format!(
            r#""valueQuantity":{{"value":5.00,"comparator":"<",{mg}}},
               "referenceRange":[{{"low":{{"value":4.10,{mg}}},"high":{{"value":9,"unit":"g/L"}},"text":"adults"}}]"#
        )),
        json!({"value_kind": "NUM", "value_num": "5.00", "comparator": "<", "unit_original": "mg/dL",
               "unit_ucum": "mg/dL", "ref_low": "4.10", "ref_text": "adults"})
    );
    assert_eq!(lab(r#""valueInteger":7"#), json!({"value_kind": "NUM", "value_num": "7"}));
    assert_eq!(lab(r#""valueString":"cloudy""#), json!({"value_kind": "TEXT", "value_text": "cloudy"}));
    assert_eq!(lab(r#""valueBoolean":true"#), json!({"value_kind": "CODED", "value_code": "true"}));
    assert_eq!(
        lab(r#""valueCodeableConcept":{"coding":[{"system":"urn:s","code":"POS","display":"Positive"}]}"#),
        json!({"value_kind": "CODED", "value_code": "POS", "value_system": "urn:s", "value_display": "Positive"})
    );
    assert_eq!(lab(r#""valueCodeableConcept":{"text":"odd"}"#), json!({"value_kind": "TEXT", "value_text": "odd"}));
    assert_eq!(
        lab(r#""valueRatio":{"numerator":{"value":1},"denominator":{"value":128}}"#),
        json!({"value_kind": "TITER", "value_num": "1", "value_num2": "128"})
    );
    assert_eq!(
        lab(r#""valueRange":{"low":{"value":1,"unit":"mg"},"high":{"value":2,"unit":"mg"}}"#),
        json!({"value_kind": "RANGE", "value_num": "1", "value_num2": "2", "unit_original": "mg"})
    );
    assert_eq!(
        lab(r#""valueRange":{"low":{"value":1,"unit":"mg"},"high":{"value":2,"unit":"g"}}"#)["value_kind"],
        "NONE"
    );
    assert_eq!(
        lab(r#""dataAbsentReason":{"coding":[
               {"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason","code":"error"}]}"#),
        json!({"value_kind": "NONE", "absent_reason_code": "error"})
    );
}

#[test]
fn a_report_names_its_results() {
    let text = fact(
        "DiagnosticReport",
        r#""status":"final","code":{"text":"x"},"result":[{"reference":"Observation/a"},{"reference":"urn:uuid:b"}]"#,
    );
    let record = record(&text);
    assert_eq!(record.row["result_count"], 2);
    let named: Vec<_> = record.back_refs.iter().map(|r| (&*r.column, r.target.clone())).collect();
    assert_eq!(named, [("report_id", Target::Id("a".into())), ("report_id", Target::Url("urn:uuid:b".into()))]);
}

#[test]
fn medicines() {
    let text = fact(
        "MedicationRequest",
        r##""status":"active","intent":"order","contained":[{"resourceType":"Medication","id":"m","code":{"coding":[
             {"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"314076","display":"lisinopril 10 MG"}]}}],
           "medicationReference":{"reference":"#m"},
           "dosageInstruction":[{"text":"one a day","asNeededCodeableConcept":{"coding":[{"code":"25064002"}]},
             "timing":{"repeat":{"frequency":1,"period":1.0,"periodUnit":"d"},"code":{"text":"Ann's usual"}},
             "doseAndRate":[{"doseQuantity":{"value":1.0,"unit":"tablet"}}]}],
           "dispenseRequest":{"numberOfRepeatsAllowed":3,"expectedSupplyDuration":{"value":30,"unit":"days","code":"d"}}"##,
    );
    let mapped = map(&text).unwrap();
    let row = Value::Object(mapped.record.row);
    assert_eq!([&row["kind"], &row["rxcui"], &row["code_system"]], ["ORDER", "314076", "RxNorm"]);
    assert_eq!([&row["dose_value"], &row["dose_unit"]], ["1.0", "{tablet}"]);
    assert_eq!(row["timing"], json!({"repeat": {"frequency": 1, "period": 1.0, "periodUnit": "d"}}));
    assert_eq!((&row["as_needed"], &row["as_needed_code"]), (&json!(true), &json!("25064002")));
    assert_eq!((&row["refills"], &row["days_supply"]), (&json!(3), &json!(30)));
    assert!(mapped.unmapped.contains(&"MedicationRequest.dosageInstruction[0].timing.code".to_owned()));
    for (kind, status) in [("MedicationStatement", "not-taken"), ("MedicationDispense", "preparation")] {
        let record = record(&fact(kind, &format!(r#""status":"{status}","medicationCodeableConcept":{{"text":"x"}}"#)));
        assert_eq!(crate::support::record(&fresh(&record)), record);
    }
}

#[test]
fn allergies_and_that_there_are_none() {
    let allergy = |more: &str| {
        row(&format!(r#"{{"resourceType":"AllergyIntolerance","patient":{{"reference":"Patient/1"}},{more}}}"#))
    };
    let none = allergy(r#""code":{"coding":[{"system":"http://snomed.info/sct","code":"716186003"}]}"#);
    assert_eq!(none["kind"], "NKA");
    let said = allergy(r#""code":{"text":"the blue pills"}"#);
    assert_eq!([&said["substance"], &said["original_display"]], [&json!("the blue pills"), &Value::Null]);
    let wrong = allergy(
        r#""code":{"text":"x"},"verificationStatus":{"coding":[
           {"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-verification","code":"entered-in-error"}]}"#,
    );
    assert_eq!((&wrong["status"], &wrong["verification_status"]), (&json!("ENTERED_IN_ERROR"), &Value::Null));
}

#[test]
fn doses_given_refused_and_spoilt() {
    let dose = |more: &str| {
        let record = record(&format!(
            r#"{{"resourceType":"Immunization","patient":{{"reference":"Patient/1"}},"occurrenceDateTime":"2020-01-02",
               "vaccineCode":{{"coding":[{{"system":"http://hl7.org/fhir/sid/cvx","code":"62"}}]}},{more}}}"#
        ));
        assert_eq!(crate::support::record(&fresh(&record)), record, "{}", fresh(&record));
        Value::Object(record.row)
    };
    let given = dose(r#""status":"completed","primarySource":true,"protocolApplied":[{"doseNumberPositiveInt":2}]"#);
    assert_eq!([&given["cvx"], &given["information_source"], &given["dose_number"]], ["62", "00", "2"]);
    assert_eq!(given["completion"], "CP");
    let school = dose(r#""status":"completed","primarySource":false,"reportOrigin":{"coding":[{"code":"school"}]}"#);
    assert_eq!(school["information_source"], "07");
    let refused = dose(r#""status":"not-done","statusReason":{"coding":[{"code":"PATOBJ"}]}"#);
    assert_eq!(refused["completion"], "RE");
    let warm =
        dose(r#""status":"completed","isSubpotent":true,"subpotentReason":[{"coding":[{"code":"coldchainbreak"}]}]"#);
    assert_eq!(warm["dose_condition"], "COLD_CHAIN");
    let partial =
        dose(r#""status":"completed","isSubpotent":true,"subpotentReason":[{"coding":[{"code":"partialdose"}]}]"#);
    assert_eq!((&partial["completion"], &partial["dose_condition"]), (&json!("PA"), &Value::Null));
}

#[test]
fn sensitivity_comes_from_the_security_labels() {
    let labelled = |code: &str| {
        let label = format!(
            r#""meta":{{"security":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HTEST"}},
               {{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"{code}"}}]}},"code":{{"text":"x"}}"#
        );
        row(&fact("Condition", &label))["sensitivity"].clone()
    };
    assert_eq!(labelled("42CFRPart2"), "PART2");
    assert_eq!(labelled("HIV"), "HIV");
    assert_eq!(labelled("SEX"), "SEX");
}

#[test]
fn texts_fit_their_columns_or_stay_out() {
    let long = "n".repeat(501);
    let text = format!(
        r#"{{"resourceType":"Organization","name":"ok","address":[{{"city":"{long}","state":" KS ","country":"US"}}]}}"#
    );
    let mapped = map(&text).unwrap();
    assert_eq!((mapped.record.value("city"), mapped.record.row["state"].as_str()), (None, Some("KS")));
    assert_eq!(mapped.unmapped, ["Organization.address[0].city", "Organization.address[0].state"]);
    // NFC and plain line ends, as every text of ours.
    let note = row(&fact("Condition", "\"note\":[{\"text\":\"Jose\u{301}\\r\\nb\"}]"))["note"].clone();
    assert_eq!(note, "José\nb");
}

/// FHIR R4, 2.2.0.3: a modifier element that is not understood must not be ignored.
#[test]
fn what_turns_the_meaning_around_is_kept_whole_with_its_person() {
    let request = |more: &str| {
        format!(
            r#"{{"resourceType":"MedicationRequest","id":"m","status":"active","intent":"order",{more}
            "medicationCodeableConcept":{{"text":"warfarin"}},"subject":{{"reference":"Patient/1"}}}}"#
        )
    };
    let kept = |text: &str| map(text).unwrap().kept_whole;
    assert_eq!(kept(&request("")), None);
    assert_eq!(kept(&request(r#""doNotPerform":false,"#)), None);
    assert!(kept(&request(r#""doNotPerform":true,"#)).unwrap().contains("doNotPerform"));
    let inside = r#""dosageInstruction":[{"modifierExtension":[{"url":"urn:x","valueBoolean":true}]}],"#;
    assert!(kept(&request(inside)).unwrap().contains("modifierExtension"));
    let record = record(&request(r#""doNotPerform":true,"#));
    assert_eq!((record.table.as_deref(), record.row.len()), (None, 0));
    assert_eq!(record.patient(), Some(&Target::Id("1".into())));
    for resource in [
        r#"{"resourceType":"Patient","id":"p","modifierExtension":[{"url":"urn:x","valueBoolean":true}]}"#,
        r#"{"resourceType":"Observation","id":"o","status":"final","code":{"text":"c"},"subject":{"reference":"Patient/1"},
            "modifierExtension":[{"url":"urn:x","valueBoolean":true}]}"#,
        r#"{"resourceType":"AllergyIntolerance","id":"a","code":{"text":"c"},"patient":{"reference":"Patient/1"},
            "modifierExtension":[{"url":"urn:x","valueBoolean":true}]}"#,
    ] {
        assert!(kept(resource).unwrap().contains("modifierExtension"), "{resource}");
    }
}
