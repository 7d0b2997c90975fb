//! Patient in `medical.patients`. Its lists are rows of other tables; see `person` for their shapes.

use super::person::{ADDRESSES, CONTACTS, IDENTIFIERS, NAMES, TELECOMS, main_name, main_name_of, type_of};
use super::shared::{joined, split, takes_all};
use crate::fhir::lens::{Form, Lens, Own, Shape, Words};
use crate::fhir::read::{Out, date_time};
use crate::fhir::record::{Record, Row, text, value};
use crate::fhir::write::{Target, coding_of, concept_of};
use crate::json::{Json, Object};
use serde_json::Value;

const SEX: Words = &[("female", "F"), ("male", "M"), ("other", "X"), ("unknown", "UNK")];

/// CDC race and ethnicity, and the categories of the United States' budget office within it.
const CDCREC: &str = "urn:oid:2.16.840.1.113883.6.238";
const CATEGORIES: &[(&str, &str)] = &[
    ("1002-5", "American Indian or Alaska Native"),
    ("2028-9", "Asian"),
    ("2054-5", "Black or African American"),
    ("2076-8", "Native Hawaiian or Other Pacific Islander"),
    ("2106-3", "White"),
    ("2135-2", "Hispanic or Latino"),
    ("2186-5", "Not Hispanic or Latino"),
];
const RACE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race";
const ETHNICITY: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity";
const IDENTITY: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-genderIdentity";
const INTERPRETER: &str = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired";
const SNOMED: &str = "http://snomed.info/sct";

fn extensions<'j, 'a>(node: &'j Json<'a>, url: &'static str) -> impl Iterator<Item = &'j Json<'a>> {
    let all = node.get("extension").map(Json::items).unwrap_or_default();
    all.iter().filter(move |e| e.get("url").and_then(Json::as_str) == Some(url))
}

/// Replaces the extensions of one address, leaving the others where they are.
fn put_extension<'a>(target: &mut Target<'a>, url: &'static str, extension: Option<Json<'a>>) {
    let mut items = match target.0.remove("extension") {
        Some(Json::Array(items)) => items,
        _ => Vec::new(),
    };
    items.retain(|item| item.get("url").and_then(Json::as_str) != Some(url));
    items.extend(extension);
    target.put("extension", (!items.is_empty()).then_some(Json::Array(items)));
}

/// Race and ethnicity as US Core has them.
static ORIGIN: Own = Own { columns: &["race_codes", "ethnicity_code"], read: read_origin, write: write_origin };

fn read_origin(node: &Json<'_>, out: &mut Out) {
    let codes = |url: &'static str| {
        extensions(node, url)
            .flat_map(|e| e.get("extension").map(Json::items).unwrap_or_default())
            .filter_map(|part| part.get("valueCoding"))
            .filter(|coding| coding.get("system").and_then(Json::as_str) == Some(CDCREC))
            .filter_map(|coding| coding.get("code")?.as_str())
            .filter(|code| !code.is_empty() && code.len() <= 16)
            .collect::<Vec<_>>()
    };
    let races = codes(RACE);
    if !races.is_empty() {
        out.set("race_codes", races);
    }
    if let Some(code) = codes(ETHNICITY).first() {
        out.set_text("ethnicity_code", code, Form::Code);
    }
}

fn origin<'a>(url: &'static str, codes: &[&'a str]) -> Option<Json<'a>> {
    let name = |code: &str| CATEGORIES.iter().find(|(known, _)| *known == code).map(|(_, name)| *name);
    let first = codes.first()?;
    let parts = codes.iter().map(|code| {
        let kind = if name(code).is_some() { "ombCategory" } else { "detailed" };
        let coding = coding_of(Some(code), Some(CDCREC), name(code)).unwrap_or(Json::Null);
        Json::from([("url", Json::string(kind)), ("valueCoding", coding)])
    });
    let mut parts: Vec<_> = parts.collect();
    let said = Json::string(name(first).unwrap_or(first));
    parts.push(Json::from([("url", Json::string("text")), ("valueString", said)]));
    Some(Json::from([("url", Json::string(url)), ("extension", Json::Array(parts))]))
}

fn write_origin<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    let races = value(row, "race_codes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let races: Vec<&str> = races.iter().filter_map(Value::as_str).collect();
    let ethnicity: Vec<&str> = text(row, "ethnicity_code").into_iter().collect();
    put_extension(target, RACE, origin(RACE, &races));
    put_extension(target, ETHNICITY, origin(ETHNICITY, &ethnicity));
}

/// Gender identity (US Core): a SNOMED CT code, or what was said.
static GENDER_IDENTITY: Own = Own {
    columns: &["gender_identity"],
    read: |node, out| {
        let concept = extensions(node, IDENTITY).find_map(|e| e.get("valueCodeableConcept"));
        let coding = concept.and_then(|c| c.get("coding")).map(Json::first);
        let snomed = coding.filter(|c| c.get("system").and_then(Json::as_str) == Some(SNOMED));
        let said = concept.and_then(|c| c.get("text"));
        if let Some(text) = snomed.and_then(|c| c.get("code")).or(said).and_then(Json::as_str) {
            out.set_text("gender_identity", text, Form::Sealed);
        }
    },
    write: |_, row, target| {
        let extension = text(row, "gender_identity").map(|held| {
            let coded = held.bytes().all(|b| b.is_ascii_digit());
            let concept = if coded {
                concept_of(coding_of(Some(held), Some(SNOMED), None), None)
            } else {
                concept_of(None, Some(held))
            };
            Json::from([("url", Json::string(IDENTITY)), ("valueCodeableConcept", concept)])
        });
        put_extension(target, IDENTITY, extension);
    },
};

static NEEDS_INTERPRETER: Own = Own {
    columns: &["interpreter_needed"],
    read: |node, out| {
        let needed = extensions(node, INTERPRETER).find_map(|e| e.get("valueBoolean")?.as_bool());
        out.set("interpreter_needed", needed.unwrap_or(false));
    },
    write: |_, row, target| {
        let needed = value(row, "interpreter_needed").and_then(Value::as_bool) == Some(true);
        let extension = Json::from([("url", Json::string(INTERPRETER)), ("valueBoolean", Json::Bool(true))]);
        put_extension(target, INTERPRETER, needed.then_some(extension));
    },
};

/// The name a person goes by here; the others are rows of their own.
static NAME: Own = Own { columns: &["family_name", "given_names", "suffix"], read: read_name, write: write_name };

fn read_name(node: &Json<'_>, out: &mut Out) {
    let Some(list) = node.get("name") else { return };
    let Json::Array(items) = list else { return out.refuse("name", "type", "must be a list") };
    let Some(at) = main_name(node) else { return };
    let base = std::mem::replace(&mut out.base, format!("Patient.name[{at}]"));
    if let Some(family) = out.string(&items[at], "family") {
        out.set_text("family_name", family, Form::Sealed);
    }
    out.base = base;
    for (key, column) in [("given", "given_names"), ("suffix", "suffix")] {
        if let Some(words) = joined(&items[at], key, " ") {
            out.set_text(column, &words, Form::Sealed);
        }
    }
}

/// Changes the main name of the original where it stands, or puts it before the others.
fn write_name<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    let mut names = match target.0.remove("name") {
        Some(Json::Array(names)) => names,
        _ => Vec::new(),
    };
    let at = main_name_of(&names);
    let mut name = match at.map(|at| names.remove(at)) {
        Some(Json::Object(name)) => name,
        _ => Object::from_iter([("use", Json::string("official"))]),
    };
    // What the source wrote as one text is no longer true.
    name.remove("text");
    for key in ["family", "given", "suffix"] {
        name.remove(key);
    }
    if let Some(family) = text(row, "family_name") {
        name.set("family", Json::string(family));
    }
    for (key, column) in [("given", "given_names"), ("suffix", "suffix")] {
        if let Some(words) = text(row, column) {
            name.set(key, split(words, ' '));
        }
    }
    if ["family", "given", "suffix"].iter().any(|key| name.get(key).is_some()) {
        names.insert(at.unwrap_or(0), name.into());
    }
    target.put("name", (!names.is_empty()).then_some(Json::Array(names)));
}

/// A date of birth known to the day is sealed; of one known to the month the month is kept, which is what a cohort
/// needs. A year alone stays in the original.
static BIRTH: Own = Own {
    columns: &["birth_date", "birth_month"],
    read: |node, out| {
        let Some(given) = out.string(node, "birthDate") else { return };
        let Some(partial) = crate::fhir::date::date(given) else {
            return out.refuse("birthDate", "date", "must be YYYY, YYYY-MM or YYYY-MM-DD");
        };
        if partial.precision != "YEAR" {
            out.set("birth_month", format!("{}-01", &partial.on[..7]));
        }
        if partial.precision == "DAY" {
            out.set("birth_date", partial.on);
        }
    },
    write: |_, row, target| {
        let month = text(row, "birth_month").and_then(|month| month.get(..7));
        target.put_text("birthDate", text(row, "birth_date").or(month));
    },
};

/// Whether the record is in use and the person alive. The time of death is kept to the day.
static LIFE: Own = Own { columns: &["status", "deceased_on"], read: read_life, write: write_life };

fn read_life(node: &Json<'_>, out: &mut Out) {
    let mut status = "ACTIVE";
    for (path, on, ours) in [("active", false, "INACTIVE"), ("deceasedBoolean", true, "DECEASED")] {
        match out.find(node, path).map(Json::as_bool) {
            Some(Some(told)) if told == on => status = ours,
            Some(None) => out.refuse(path, "type", "must be true or false"),
            _ => {}
        }
    }
    if let Some(partial) = date_time(node, "deceasedDateTime", out) {
        status = "DECEASED";
        if matches!(partial.precision, "DAY" | "MINUTE") {
            out.set("deceased_on", partial.on);
        }
    }
    out.set("status", status);
}

fn write_life<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    let status = text(row, "status").unwrap_or("ACTIVE");
    let died = text(row, "deceased_on");
    target.put("active", (status != "DECEASED").then_some(Json::Bool(status == "ACTIVE")));
    target.put("deceasedDateTime", died.map(Json::string));
    target.put("deceasedBoolean", (status == "DECEASED" && died.is_none()).then_some(Json::Bool(true)));
}

static BIRTHS: Own = Own {
    columns: &["multiple_birth", "birth_order"],
    read: |node, out| {
        let order = out.find(node, "multipleBirthInteger").map(|n| n.as_number().and_then(|n| n.parse::<i32>().ok()));
        match order {
            Some(None) => out.refuse("multipleBirthInteger", "type", "must be a whole number"),
            Some(Some(order)) => {
                out.set("multiple_birth", true);
                if (1..=20).contains(&order) {
                    out.set("birth_order", order);
                }
            }
            None => {
                let lens = Lens::Bool { path: "multipleBirthBoolean", column: "multiple_birth", default: None };
                crate::fhir::read::read(&lens, node, out);
            }
        }
    },
    write: |_, row, target| {
        let order = value(row, "birth_order").map(|n| Json::Number(n.to_string().into()));
        let plain = value(row, "multiple_birth").and_then(Value::as_bool).filter(|_| order.is_none());
        target.put("multipleBirthBoolean", plain.map(Json::Bool));
        target.put("multipleBirthInteger", order);
    },
};

/// The preferred language, else the first, as a language tag.
static LANGUAGE: Own = Own {
    columns: &["preferred_language"],
    read: |node, out| {
        let spoken = node.get("communication").map(Json::items).unwrap_or_default();
        let preferred = spoken.iter().find(|c| c.get("preferred").and_then(Json::as_bool) == Some(true));
        let coding = preferred.or(spoken.first()).and_then(|c| c.at(&["language", "coding"])).map(Json::first);
        let tag = coding.and_then(|c| c.get("code")).and_then(Json::as_str).filter(|tag| is_tag(tag));
        if let Some(tag) = tag {
            out.set_text("preferred_language", tag, Form::Code);
        }
    },
    write: |_, row, target| {
        let language = text(row, "preferred_language").map(|tag| {
            let language = concept_of(coding_of(Some(tag), Some("urn:ietf:bcp:47"), None), None);
            Json::Array(vec![Json::from([("language", language), ("preferred", Json::Bool(true))])])
        });
        target.put("communication", language);
    },
};

/// The form of the domain `kernel.language`.
fn is_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let primary = parts.next().is_some_and(|p| (2..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_lowercase()));
    primary && parts.all(|p| (2..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The medical record number: the first identifier of type MR.
static MRN: Own = Own {
    columns: &["mrn"],
    read: |node, out| {
        let items = node.get("identifier").map(Json::items).unwrap_or_default();
        let number = items.iter().find(|i| type_of(i) == "MR").and_then(|i| i.get("value"));
        if let Some(number) = number.and_then(Json::as_str) {
            out.set_text("mrn", number.trim(), Form::Sealed);
        }
    },
    write: write_mrn,
};

/// The number is among the identifiers, unless it was given in this tenant and no register is known for it.
fn write_mrn<'a>(record: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    let held =
        record.children.iter().any(|child| child.table == IDENTIFIERS.table && text(&child.row, "type") == Some("MR"));
    let mut items = match target.0.remove("identifier") {
        Some(Json::Array(items)) => items,
        _ => Vec::new(),
    };
    items.retain(|i| type_of(i) != "MR" || i.get("system").is_some());
    if let Some(number) = text(row, "mrn").filter(|_| !held) {
        let system = "http://terminology.hl7.org/CodeSystem/v2-0203";
        let kind = concept_of(coding_of(Some("MR"), Some(system), None), None);
        items.push(Json::from([("type", kind), ("value", Json::string(number))]));
    }
    target.put("identifier", (!items.is_empty()).then_some(Json::Array(items)));
}

pub(super) static PATIENT: Shape = Shape {
    resource: "Patient",
    table: "medical.patients",
    required: &[],
    lenses: &[
        Lens::Own(&ORIGIN),
        Lens::Own(&GENDER_IDENTITY),
        Lens::Own(&NEEDS_INTERPRETER),
        Lens::Own(&MRN),
        Lens::Own(&NAME),
        Lens::Closed { path: "gender", column: "sex", words: SEX, default: Some("UNK") },
        Lens::Own(&BIRTH),
        Lens::Own(&LIFE),
        Lens::Own(&BIRTHS),
        Lens::Own(&LANGUAGE),
    ],
    lists: &[IDENTIFIERS, NAMES, TELECOMS, ADDRESSES, CONTACTS],
    refuse: takes_all,
};
