//! `MedicationRequest`, `MedicationStatement`, `MedicationDispense` and `MedicationAdministration` in
//! `records.medications`, told apart by its column `kind`.

use super::shared::{SENSITIVITY, coding_in, read_period, write_period};
use crate::fhir::lens::{Form, Lens, Own, Shape, Words, closed, concept, encounter, patient, text as sealed, when};
use crate::fhir::read::{Out, date_time, main_into, set_when};
use crate::fhir::record::{Record, Row, text, value};
use crate::fhir::write::{Target, coding_of, concept_of, main, when as written};
use crate::json::{Json, Object};
use serde_json::Value;

const REQUEST_STATUS: Words = &[
    ("active", "ACTIVE"),
    ("on-hold", "ON_HOLD"),
    ("cancelled", "CANCELLED"),
    ("completed", "COMPLETED"),
    ("entered-in-error", "ENTERED_IN_ERROR"),
    ("stopped", "STOPPED"),
    ("draft", "DRAFT"),
    ("unknown", "UNKNOWN"),
];

const STATEMENT_STATUS: Words = &[
    ("active", "ACTIVE"),
    ("completed", "COMPLETED"),
    ("entered-in-error", "ENTERED_IN_ERROR"),
    ("intended", "INTENDED"),
    ("stopped", "STOPPED"),
    ("on-hold", "ON_HOLD"),
    ("unknown", "UNKNOWN"),
    ("not-taken", "NOT_TAKEN"),
];

/// `preparation` is a dispense that is drafted; the table has one word for both.
const DISPENSE_STATUS: Words = &[
    ("preparation", "DRAFT"),
    ("in-progress", "IN_PROGRESS"),
    ("cancelled", "CANCELLED"),
    ("on-hold", "ON_HOLD"),
    ("completed", "COMPLETED"),
    ("entered-in-error", "ENTERED_IN_ERROR"),
    ("stopped", "STOPPED"),
    ("declined", "DECLINED"),
    ("unknown", "UNKNOWN"),
];

const ADMINISTRATION_STATUS: Words = &[
    ("in-progress", "IN_PROGRESS"),
    ("not-done", "NOT_DONE"),
    ("on-hold", "ON_HOLD"),
    ("completed", "COMPLETED"),
    ("entered-in-error", "ENTERED_IN_ERROR"),
    ("stopped", "STOPPED"),
    ("unknown", "UNKNOWN"),
];

const INTENT: Words = &[
    ("proposal", "proposal"),
    ("plan", "plan"),
    ("order", "order"),
    ("original-order", "original-order"),
    ("reflex-order", "reflex-order"),
    ("filler-order", "filler-order"),
    ("instance-order", "instance-order"),
    ("option", "option"),
];

const CATEGORY_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/medicationrequest-category";

/// The medicine itself, given as a concept or as a contained Medication.
static MEDICINE: Own = Own {
    columns: &["code", "code_system", "display", "rxcui", "original_code", "original_system", "original_display"],
    read: read_medicine,
    write: |_, row, target| target.put("medicationCodeableConcept", main(row)),
};

fn read_medicine(node: &Json<'_>, out: &mut Out) {
    let given = out.find(node, "medicationCodeableConcept").or_else(|| {
        let id = node.at(&["medicationReference", "reference"])?.as_str()?.strip_prefix('#')?;
        let contained = node.get("contained").map(Json::items).unwrap_or_default();
        contained.iter().find(|c| c.get("id").and_then(Json::as_str) == Some(id))?.get("code")
    });
    let shown = node.at(&["medicationReference", "display"]).and_then(Json::as_str);
    match given {
        Some(concept @ Json::Object(object)) => {
            main_into(object, &["RxNorm", "NDC", "SNOMED"], out);
            if let Some(rxcui) = coding_in(concept, "RxNorm") {
                out.set_text("rxcui", rxcui, Form::Code);
            }
        }
        Some(_) => out.refuse("medicationCodeableConcept", "type", "must be an object"),
        None => {
            if let Some(shown) = shown {
                out.set_text("original_display", shown, Form::Prose);
            }
        }
    }
}

/// `Timing` without its texts, because the column is in clear: what repeats, and the code for it.
struct TimingAt {
    path: &'static str,
    repeat: &'static str,
    coding: &'static str,
}

impl TimingAt {
    fn read(&self, node: &Json<'_>, out: &mut Out) {
        let Some(timing) = out.object(node, self.path) else { return };
        let mut held = serde_json::Map::new();
        if let Some(repeat @ Json::Object(_)) = timing.get("repeat") {
            held.insert("repeat".to_owned(), repeat.to_value());
        }
        if let Some(coding @ Json::Object(_)) = timing.get("code").and_then(|c| c.at(&["coding"])).map(Json::first) {
            held.insert("code".to_owned(), coding.to_value());
        }
        if !held.is_empty() {
            out.set("timing", held);
        }
    }

    fn write<'a>(&self, row: &'a Row, target: &mut Target<'a>) {
        let part = |key: &str| value(row, "timing").and_then(|t| t.get(key)).filter(|v| v.is_object());
        target.put(self.repeat, part("repeat").map(Json::from_value));
        target.put(self.coding, part("code").map(Json::from_value));
    }
}

const INSTRUCTED: TimingAt = TimingAt {
    path: "dosageInstruction[].timing",
    repeat: "dosageInstruction[].timing.repeat",
    coding: "dosageInstruction[].timing.code.coding[]",
};
const STATED: TimingAt =
    TimingAt { path: "dosage[].timing", repeat: "dosage[].timing.repeat", coding: "dosage[].timing.code.coding[]" };

static INSTRUCTED_TIMING: Own = Own {
    columns: &["timing"],
    read: |node, out| INSTRUCTED.read(node, out),
    write: |_, row, target| INSTRUCTED.write(row, target),
};
static STATED_TIMING: Own = Own {
    columns: &["timing"],
    read: |node, out| STATED.read(node, out),
    write: |_, row, target| STATED.write(row, target),
};

fn read_need(node: &Json<'_>, [plain, coded]: [&'static str; 2], out: &mut Out) {
    let lens = Lens::Bool { path: plain, column: "as_needed", default: Some(false) };
    crate::fhir::read::read(&lens, node, out);
    if let Some(concept) = out.find(node, coded) {
        out.set("as_needed", true);
        let first = concept.get("coding").map(Json::first).and_then(|c| c.get("code")).and_then(Json::as_str);
        if let Some(first) = first {
            out.set_text("as_needed_code", first, Form::Code);
        }
    }
}

fn write_need<'a>(row: &'a Row, [plain, coded]: [&'static str; 2], target: &mut Target<'a>) {
    let code = text(row, "as_needed_code");
    target.put(coded, code.map(|code| concept_of(coding_of(Some(code), None, None), None)));
    // "As needed, for this" already says that it is as needed, and the two are one choice.
    let plainly = value(row, "as_needed").and_then(Value::as_bool).filter(|_| code.is_none());
    target.put(plain, plainly.map(Json::Bool));
}

const INSTRUCTED_NEED: [&str; 2] =
    ["dosageInstruction[].asNeededBoolean", "dosageInstruction[].asNeededCodeableConcept"];
const STATED_NEED: [&str; 2] = ["dosage[].asNeededBoolean", "dosage[].asNeededCodeableConcept"];

static INSTRUCTED_AS_NEEDED: Own = Own {
    columns: &["as_needed", "as_needed_code"],
    read: |node, out| read_need(node, INSTRUCTED_NEED, out),
    write: |_, row, target| write_need(row, INSTRUCTED_NEED, target),
};
static STATED_AS_NEEDED: Own = Own {
    columns: &["as_needed", "as_needed_code"],
    read: |node, out| read_need(node, STATED_NEED, out),
    write: |_, row, target| write_need(row, STATED_NEED, target),
};

/// `effectiveDateTime` is a start without an end.
static EFFECTIVE: Own = Own {
    columns: &["started_on", "started_precision", "started_at", "ended_on", "ended_precision", "ended_at"],
    read: read_effective,
    write: write_effective,
};

fn read_effective(node: &Json<'_>, out: &mut Out) {
    if let Some(partial) = date_time(node, "effectiveDateTime", out) {
        set_when(partial, "started", out);
    }
    read_period(node, "effectivePeriod", ("started", "ended"), out);
}

fn write_effective<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    target.put("effectiveDateTime", None);
    target.put("effectivePeriod", None);
    if value(row, "ended_on").is_some() {
        write_period(row, ["effectivePeriod.start", "effectivePeriod.end"], ("started", "ended"), target);
    } else {
        target.put("effectiveDateTime", written(row, "started").map(Json::string));
    }
}

/// Days of supply: only a duration in days is one.
struct DaysAt(&'static str);

impl DaysAt {
    fn read(&self, node: &Json<'_>, out: &mut Out) {
        let Some(duration) = out.object(node, self.0) else { return };
        let in_days =
            matches!(duration.get("code").or(duration.get("unit")).and_then(Json::as_str), Some("d" | "days"));
        let days = duration.get("value").and_then(Json::as_number).and_then(|n| n.parse::<f64>().ok());
        if let Some(days) = days.filter(|d| in_days && d.fract() == 0.0 && (0.0..=100_000.0).contains(d)) {
            // The range was checked, so the digits of the whole number are exact.
            out.set("days_supply", format!("{days:.0}").parse::<i32>().unwrap_or_default());
        }
    }

    fn write<'a>(&self, row: &'a Row, target: &mut Target<'a>) {
        let days = value(row, "days_supply").map(|days| {
            let mut duration = Object::new();
            duration.set("value", Json::Number(days.to_string().into()));
            for (key, text) in [("unit", "days"), ("system", crate::fhir::codes::UCUM), ("code", "d")] {
                duration.set(key, Json::string(text));
            }
            duration.into()
        });
        target.put(self.0, days);
    }
}

static REQUEST_DAYS: Own = Own {
    columns: &["days_supply"],
    read: |node, out| DaysAt("dispenseRequest.expectedSupplyDuration").read(node, out),
    write: |_, row, target| DaysAt("dispenseRequest.expectedSupplyDuration").write(row, target),
};
static DISPENSE_DAYS: Own = Own {
    columns: &["days_supply"],
    read: |node, out| DaysAt("daysSupply").read(node, out),
    write: |_, row, target| DaysAt("daysSupply").write(row, target),
};

macro_rules! kind {
    ($name:ident, $kind:literal) => {
        static $name: Own = Own { columns: &["kind"], read: |_, out| out.set("kind", $kind), write: |_, _, _| {} };
    };
}
kind!(ORDERED, "ORDER");
kind!(TOLD, "STATEMENT");
kind!(DISPENSED, "DISPENSE");
kind!(GIVEN, "ADMINISTRATION");

fn needs_medicine(_: &Json<'_>, record: &Record) -> Option<&'static str> {
    let named = ["code", "original_display", "note"].iter().any(|column| record.value(column).is_some());
    if !named {
        return Some("it names the medicine only by reference to another resource");
    }
    let negative = ["dose_value", "quantity"]
        .iter()
        .any(|column| text(&record.row, column).is_some_and(|number| number.starts_with('-')));
    negative.then_some("an amount is negative")
}

const ROUTE: [&str; 3] = ["route_code", "", "route_display"];
const INDICATION: [&str; 3] = ["indication_code", "indication_system", "indication_display"];
const SNOMED: &str = "http://snomed.info/sct";

pub(super) static REQUEST: Shape = Shape {
    resource: "MedicationRequest",
    table: "records.medications",
    required: &["status", "intent", "medication[x]", "subject"],
    lenses: &[
        Lens::Own(&ORDERED),
        Lens::Own(&SENSITIVITY),
        closed("status", "status", REQUEST_STATUS),
        closed("intent", "intent", INTENT),
        concept("category[]", ["category_code", "", ""], CATEGORY_SYSTEM),
        Lens::Own(&MEDICINE),
        patient("subject"),
        encounter("encounter"),
        when("authoredOn", "authored"),
        Lens::Reference {
            path: "requester",
            column: "prescriber_id",
            types: &["Practitioner"],
            display: Some(("prescriber", Form::Sealed)),
        },
        concept("reasonCode[]", INDICATION, ""),
        Lens::Notes { path: "note" },
        sealed("dosageInstruction[].text", "frequency_text"),
        Lens::Own(&INSTRUCTED_TIMING),
        Lens::Own(&INSTRUCTED_AS_NEEDED),
        concept("dosageInstruction[].route", ROUTE, SNOMED),
        Lens::Quantity {
            path: "dosageInstruction[].doseAndRate[].doseQuantity",
            value: "dose_value",
            unit: "dose_unit",
        },
        Lens::Int { path: "dispenseRequest.numberOfRepeatsAllowed", column: "refills" },
        Lens::Quantity { path: "dispenseRequest.quantity", value: "quantity", unit: "quantity_unit" },
        Lens::Own(&REQUEST_DAYS),
        Lens::Display { path: "dispenseRequest.performer", column: "pharmacy", form: Form::Sealed },
    ],
    lists: &[],
    refuse: needs_medicine,
};

pub(super) static STATEMENT: Shape = Shape {
    resource: "MedicationStatement",
    table: "records.medications",
    required: &["status", "medication[x]", "subject"],
    lenses: &[
        Lens::Own(&TOLD),
        Lens::Own(&SENSITIVITY),
        closed("status", "status", STATEMENT_STATUS),
        concept(
            "category",
            ["category_code", "", ""],
            "http://terminology.hl7.org/CodeSystem/medication-statement-category",
        ),
        Lens::Own(&MEDICINE),
        patient("subject"),
        encounter("context"),
        Lens::Own(&EFFECTIVE),
        when("dateAsserted", "authored"),
        concept("reasonCode[]", INDICATION, ""),
        Lens::Notes { path: "note" },
        sealed("dosage[].text", "frequency_text"),
        Lens::Own(&STATED_TIMING),
        Lens::Own(&STATED_AS_NEEDED),
        concept("dosage[].route", ROUTE, SNOMED),
        Lens::Quantity { path: "dosage[].doseAndRate[].doseQuantity", value: "dose_value", unit: "dose_unit" },
    ],
    lists: &[],
    refuse: needs_medicine,
};

pub(super) static DISPENSE: Shape = Shape {
    resource: "MedicationDispense",
    table: "records.medications",
    required: &["status", "medication[x]"],
    lenses: &[
        Lens::Own(&DISPENSED),
        Lens::Own(&SENSITIVITY),
        closed("status", "status", DISPENSE_STATUS),
        concept(
            "category",
            ["category_code", "", ""],
            "http://terminology.hl7.org/fhir/CodeSystem/medicationdispense-category",
        ),
        Lens::Own(&MEDICINE),
        patient("subject"),
        encounter("context"),
        Lens::Display { path: "location", column: "pharmacy", form: Form::Sealed },
        Lens::Quantity { path: "quantity", value: "quantity", unit: "quantity_unit" },
        Lens::Own(&DISPENSE_DAYS),
        when("whenPrepared", "authored"),
        when("whenHandedOver", "started"),
        Lens::Notes { path: "note" },
        sealed("dosageInstruction[].text", "frequency_text"),
        Lens::Own(&INSTRUCTED_TIMING),
        Lens::Own(&INSTRUCTED_AS_NEEDED),
        concept("dosageInstruction[].route", ROUTE, SNOMED),
        Lens::Quantity {
            path: "dosageInstruction[].doseAndRate[].doseQuantity",
            value: "dose_value",
            unit: "dose_unit",
        },
    ],
    lists: &[],
    refuse: needs_medicine,
};

pub(super) static ADMINISTRATION: Shape = Shape {
    resource: "MedicationAdministration",
    table: "records.medications",
    required: &["status", "medication[x]", "subject", "effective[x]"],
    lenses: &[
        Lens::Own(&GIVEN),
        Lens::Own(&SENSITIVITY),
        closed("status", "status", ADMINISTRATION_STATUS),
        concept(
            "category",
            ["category_code", "", ""],
            "http://terminology.hl7.org/CodeSystem/medication-admin-category",
        ),
        Lens::Own(&MEDICINE),
        patient("subject"),
        encounter("context"),
        Lens::Own(&EFFECTIVE),
        concept("reasonCode[]", INDICATION, ""),
        Lens::Notes { path: "note" },
        sealed("dosage.text", "frequency_text"),
        concept("dosage.route", ROUTE, SNOMED),
        Lens::Quantity { path: "dosage.dose", value: "dose_value", unit: "dose_unit" },
    ],
    lists: &[],
    refuse: needs_medicine,
};
