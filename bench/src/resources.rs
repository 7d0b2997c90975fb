//! Made-up FHIR R4 resources of the shapes and proportions that synthetic hospital exports have: few patients, many
//! encounters, observations, procedures and prescriptions for each. Ids are counted, texts are ours.

use crate::{measure::Dice, people::Person};
use salus_core::{Error, Result};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
};

const LOINC: &str = "http://loinc.org";
const SNOMED: &str = "http://snomed.info/sct";
const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
/// Encounters of a patient; each has the resources of [`visit`].
const VISITS: usize = 5;
const CONDITIONS: [(&str, &str); 5] = [
    ("38341003", "Hypertension"),
    ("44054006", "Diabetes type 2"),
    ("195662009", "Acute viral pharyngitis"),
    ("10509002", "Acute bronchitis"),
    ("162864005", "Obesity"),
];
const DRUGS: [(&str, &str); 4] = [
    ("314076", "lisinopril 10 MG Oral Tablet"),
    ("860975", "metformin 500 MG Oral Tablet"),
    ("313782", "acetaminophen 325 MG Oral Tablet"),
    ("308136", "amlodipine 2.5 MG Oral Tablet"),
];
const VITALS: [(&str, &str, &str, usize); 3] =
    [("8867-4", "Heart rate", "/min", 55), ("29463-7", "Body weight", "kg", 48), ("8302-2", "Body height", "cm", 150)];

/// Open files, one a type.
struct Files<'a> {
    folder: &'a Path,
    open: BTreeMap<String, BufWriter<File>>,
    written: usize,
}

/// Writes resources of this many patients, a file a type; tells how many resources.
///
/// # Errors
/// [`Error::Internal`] when the folder cannot be written.
pub fn write(folder: &Path, patients: usize) -> Result<usize> {
    std::fs::create_dir_all(folder).map_err(crate::report::fault)?;
    let mut files = Files { folder, open: BTreeMap::new(), written: 0 };
    let mut dice = Dice::new(5);
    for n in 0..patients {
        let person = Person::next(&mut dice, n);
        let subject = format!("{:08x}-0000-4000-8000-000000000001", n + 1);
        files.add(&patient(&subject, &person, n))?;
        for v in 0..VISITS {
            for resource in visit(&subject, n * VISITS + v, &mut dice) {
                files.add(&resource)?;
            }
        }
        files.add(&allergy(&subject, n))?;
    }
    for file in files.open.values_mut() {
        file.flush().map_err(crate::report::fault)?;
    }
    Ok(files.written)
}

impl Files<'_> {
    fn add(&mut self, resource: &Value) -> Result<()> {
        let name = resource["resourceType"].as_str().unwrap_or_default().to_owned();
        if !self.open.contains_key(&name) {
            let file = File::create(self.folder.join(format!("{name}.ndjson"))).map_err(crate::report::fault)?;
            self.open.insert(name.clone(), BufWriter::new(file));
        }
        let file = self.open.get_mut(&name).ok_or_else(|| Error::internal("no file"))?;
        self.written += 1;
        writeln!(file, "{resource}").map_err(crate::report::fault)
    }
}

fn concept(system: &str, code: &str, display: &str) -> Value {
    json!({"coding": [{"system": system, "code": code, "display": display}], "text": display})
}

fn patient(id: &str, person: &Person, n: usize) -> Value {
    json!({
        "resourceType": "Patient",
        "id": id,
        "text": {"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">A made-up person</div>"},
        "identifier": [
            {"system": "https://bench.example.org/people", "value": id},
            {"type": concept("http://terminology.hl7.org/CodeSystem/v2-0203", "MR", "Medical Record Number"),
             "system": "http://hospital.example.org", "value": format!("IM{n:08}")},
        ],
        "name": [{"use": "official", "family": person.family, "given": person.given.split(' ').collect::<Vec<_>>()}],
        "telecom": [{"system": "phone", "value": format!("555-{:03}-{:04}", n % 1000, n % 9973), "use": "home"}],
        "gender": if person.sex == "F" { "female" } else { "male" },
        "birthDate": person.born,
        "address": [{"line": [format!("{} Cedar Road", n % 900 + 1)], "city": "Olathe", "state": "KS", "postalCode": "66061", "country": "US"}],
        "maritalStatus": concept("http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "M", "Married"),
        "communication": [{"language": concept("urn:ietf:bcp:47", "en-US", "English")}],
    })
}

/// An encounter and what was found and done there.
fn visit(subject: &str, n: usize, dice: &mut Dice) -> Vec<Value> {
    let id = |kind: u32| format!("{:08x}-{kind:04x}-4000-8000-000000000002", n + 1);
    let at = format!("{}-{:02}-{:02}T09:{:02}:00-05:00", 2005 + n % 20, n % 12 + 1, n % 28 + 1, n % 60);
    let (patient, encounter) =
        (json!({"reference": format!("Patient/{subject}")}), json!({"reference": format!("Encounter/{}", id(1))}));
    let mut out = vec![json!({
        "resourceType": "Encounter", "id": id(1), "status": "finished",
        "identifier": [{"use": "official", "system": "https://bench.example.org/visits", "value": id(1)}],
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "type": [concept(SNOMED, "185347001", "Encounter for problem (procedure)")],
        "subject": patient, "period": {"start": at, "end": at.replace("T09", "T10")},
    })];
    let (code, display) = *dice.pick(&CONDITIONS);
    out.push(json!({
        "resourceType": "Condition", "id": id(2), "subject": patient, "encounter": encounter,
        "clinicalStatus": concept("http://terminology.hl7.org/CodeSystem/condition-clinical", "active", "Active"),
        "verificationStatus": concept("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed", "Confirmed"),
        "code": concept(SNOMED, code, display), "onsetDateTime": at, "recordedDate": at,
    }));
    for (i, (code, display, unit, base)) in (0u32..).zip(VITALS) {
        out.push(json!({
            "resourceType": "Observation", "id": id(16 + i), "status": "final", "subject": patient, "encounter": encounter,
            "category": [concept("http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs", "Vital signs")],
            "code": concept(LOINC, code, display), "effectiveDateTime": at, "issued": at,
            "valueQuantity": {"value": base + dice.below(30), "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
        }));
    }
    let (code, display) = *dice.pick(&DRUGS);
    out.push(json!({
        "resourceType": "MedicationRequest", "id": id(3), "status": "stopped", "intent": "order", "subject": patient,
        "encounter": encounter, "medicationCodeableConcept": concept(RXNORM, code, display), "authoredOn": at,
        "dosageInstruction": [{"sequence": 1, "text": "Take one tablet by mouth each morning", "asNeededBoolean": false}],
    }));
    out.push(json!({
        "resourceType": "Procedure", "id": id(4), "status": "completed", "subject": patient, "encounter": encounter,
        "code": concept(SNOMED, "430193006", "Medication Reconciliation (procedure)"),
        "performedPeriod": {"start": at, "end": at.replace("T09", "T10")},
    }));
    out.push(json!({
        "resourceType": "Immunization", "id": id(5), "status": "completed", "patient": patient, "encounter": encounter,
        "vaccineCode": concept("http://hl7.org/fhir/sid/cvx", ["140", "62", "113", "33", "115"][n % VISITS], "A vaccine"),
        "occurrenceDateTime": at, "primarySource": true,
    }));
    out
}

fn allergy(subject: &str, n: usize) -> Value {
    json!({
        "resourceType": "AllergyIntolerance", "id": format!("{:08x}-0000-4000-8000-000000000003", n + 1),
        "clinicalStatus": concept("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active", "Active"),
        "verificationStatus":
            concept("http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", "confirmed", "Confirmed"),
        "type": "allergy", "category": ["medication"], "criticality": "low", "code": concept(RXNORM, "1191", "Aspirin"),
        "patient": {"reference": format!("Patient/{subject}")}, "recordedDate": "1996-12-27T04:21:52-05:00",
    })
}
