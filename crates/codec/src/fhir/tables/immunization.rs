//! Immunization in `records.immunizations`.

use super::shared::{SENSITIVITY, coding_in};
use crate::fhir::lens::{Form, Lens, Own, Shape, Words, closed, concept, encounter, patient, text as sealed, when};
use crate::fhir::read::{Out, main_into, refer};
use crate::fhir::record::{Record, Row, text, value};
use crate::fhir::write::{Target, coding_of, concept_of, main, reference_of};
use crate::json::{Json, Object};
use serde_json::{Map, Value};

const STATUS: Words = &[("completed", "COMPLETED"), ("not-done", "NOT_DONE"), ("entered-in-error", "ENTERED_IN_ERROR")];

/// FHIR's origins of a historical dose and CDC's (NIP001).
const ORIGINS: Words =
    &[("provider", "02"), ("record", "03"), ("recall", "04"), ("jurisdiction", "05"), ("school", "07")];
const ORIGIN_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/immunization-origin";
/// NIP001 itself.
const NIP001: &str = "urn:oid:2.16.840.1.114222.4.5.274";
/// NIP002, substance refusal reason.
const NIP002: &str = "urn:oid:2.16.840.1.114222.4.5.280";
/// HL7 table 0064, financial class, as immunization registries use it.
const FUNDING_SYSTEM: &str = "urn:oid:2.16.840.1.113883.12.64";

const CONDITIONS: Words = &[("coldchainbreak", "COLD_CHAIN"), ("recall", "RECALL"), ("adversestorage", "SUBPOTENT")];
const CONDITION_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/immunization-subpotent-reason";

static VACCINE: Own = Own {
    columns: &["code", "code_system", "display", "cvx", "ndc", "original_code", "original_system", "original_display"],
    read: read_vaccine,
    write: |_, row, target| target.put("vaccineCode", vaccine(row)),
};

fn read_vaccine(node: &Json<'_>, out: &mut Out) {
    let Some(concept) = out.object(node, "vaccineCode") else { return };
    main_into(concept, &["CVX", "NDC", "SNOMED"], out);
    let Some(concept) = node.get("vaccineCode") else { return };
    // A CVX code has up to three digits; anything else counts in no forecast and stays with the original.
    let cvx = coding_in(concept, "CVX").filter(|c| c.len() <= 3 && c.bytes().all(|b| b.is_ascii_digit()));
    if let Some(cvx) = cvx {
        out.set_text("cvx", cvx, Form::Code);
    }
    if let Some(ndc) = coding_in(concept, "NDC") {
        out.set_text("ndc", ndc, Form::Code);
    }
}

/// The concept, with the CVX and NDC codes that are not its code.
fn vaccine(row: &Row) -> Option<Json<'_>> {
    let mut concept = main(row).unwrap_or_else(|| Object::new().into());
    let extra = [("cvx", "CVX"), ("ndc", "NDC")].into_iter().filter_map(|(column, system)| {
        let code = text(row, column)?;
        let held = coding_in(&concept, system).is_some();
        (!held).then(|| coding_of(Some(code), Some(crate::fhir::codes::address(system)), None))?
    });
    let extra: Vec<_> = extra.collect();
    if let Json::Object(object) = &mut concept {
        if !extra.is_empty() {
            match object.entry("coding") {
                Json::Array(codings) => codings.extend(extra),
                slot => *slot = Json::Array(extra),
            }
        }
        return (!object.is_empty()).then_some(concept);
    }
    None
}

/// `primarySource`: 00 of NIP001 is a dose given here, everything else history.
static SOURCE: Own = Own { columns: &["information_source"], read: read_source, write: write_source };

fn read_source(node: &Json<'_>, out: &mut Out) {
    let first_hand = out.find(node, "primarySource").map(Json::as_bool);
    let origin = node.get("reportOrigin");
    let listed =
        origin.and_then(|o| o.at(&["coding"])).map(Json::first).and_then(|c| c.get("code")).and_then(Json::as_str);
    let known = listed.and_then(|code| match ORIGINS.iter().find(|(theirs, _)| *theirs == code) {
        Some((_, ours)) => Some(*ours),
        None => ["00", "01", "02", "03", "04", "05", "06", "07", "08"].into_iter().find(|nip| *nip == code),
    });
    match first_hand {
        Some(None) => out.refuse("primarySource", "type", "must be true or false"),
        Some(Some(true)) => out.set("information_source", "00"),
        Some(Some(false)) => out.set("information_source", known.unwrap_or("01")),
        None => {
            if let Some(known) = known {
                out.set("information_source", known);
            }
        }
    }
}

fn write_source<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    let source = text(row, "information_source");
    target.put("primarySource", source.map(|nip| Json::Bool(nip == "00")));
    let origin = source.filter(|nip| !matches!(*nip, "00" | "01")).map(|nip| {
        let coding = match ORIGINS.iter().find(|(_, ours)| *ours == nip) {
            Some((theirs, _)) => coding_of(Some(theirs), Some(ORIGIN_SYSTEM), None),
            None => coding_of(Some(nip), Some(NIP001), None),
        };
        concept_of(coding, None)
    });
    target.put("reportOrigin", origin);
}

/// Whether the dose was given whole, refused or not given, and why (HL7 table 0322 and NIP002).
static COMPLETION: Own =
    Own { columns: &["completion", "refusal_code", "status"], read: read_completion, write: write_completion };

fn read_completion(node: &Json<'_>, out: &mut Out) {
    let not_done = text(&out.row, "status") == Some("NOT_DONE");
    let reason = node.get("statusReason");
    let code =
        reason.and_then(|r| r.at(&["coding"])).map(Json::first).and_then(|c| c.get("code")).and_then(Json::as_str);
    let refusal = reason.and_then(|r| coding_in(r, NIP002));
    if let Some(refusal) = refusal {
        out.set_text("refusal_code", refusal, Form::Code);
    }
    let partial =
        node.get("isSubpotent").and_then(Json::as_bool) == Some(true) && subpotent_code(node) == Some("partialdose");
    out.set(
        "completion",
        match (not_done, partial) {
            (true, _) if refusal.is_some() || code == Some("PATOBJ") => "RE",
            (true, _) => "NA",
            (false, true) => "PA",
            (false, false) => "CP",
        },
    );
}

fn write_completion<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    let refused = text(row, "completion") == Some("RE") && text(row, "status") == Some("NOT_DONE");
    let reason = match text(row, "refusal_code") {
        Some(code) => Some(concept_of(coding_of(Some(code), Some(NIP002), None), None)),
        None if refused => {
            let system = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
            Some(concept_of(coding_of(Some("PATOBJ"), Some(system), None), None))
        }
        None => None,
    };
    target.put("statusReason", reason);
}

fn subpotent_code<'j>(node: &'j Json<'_>) -> Option<&'j str> {
    node.at(&["subpotentReason", "coding"]).map(Json::first)?.get("code")?.as_str()
}

/// Why a dose does not count, or counts in part.
static POTENCY: Own = Own { columns: &["dose_condition", "completion"], read: read_potency, write: write_potency };

fn read_potency(node: &Json<'_>, out: &mut Out) {
    match out.find(node, "isSubpotent") {
        None | Some(Json::Bool(false)) => {}
        Some(Json::Bool(true)) => {
            let said = node.at(&["subpotentReason", "text"]).and_then(Json::as_str);
            let ours = match (subpotent_code(node), said) {
                (Some("partialdose"), _) => return,
                (None, Some("EXPIRED")) => "EXPIRED",
                (Some(code), _) => {
                    CONDITIONS.iter().find(|(theirs, _)| *theirs == code).map_or("SUBPOTENT", |(_, ours)| ours)
                }
                (None, _) => "SUBPOTENT",
            };
            out.set("dose_condition", ours);
        }
        Some(_) => out.refuse("isSubpotent", "type", "must be true or false"),
    }
}

fn write_potency<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    let reason = match (text(row, "dose_condition"), text(row, "completion")) {
        (Some("EXPIRED"), _) => Some(concept_of(None, Some("EXPIRED"))),
        (Some(ours), _) => {
            let theirs = CONDITIONS.iter().find(|(_, word)| *word == ours).map(|(theirs, _)| *theirs);
            theirs.map(|code| concept_of(coding_of(Some(code), Some(CONDITION_SYSTEM), None), None))
        }
        (None, Some("PA")) => Some(concept_of(coding_of(Some("partialdose"), Some(CONDITION_SYSTEM), None), None)),
        (None, _) => None,
    };
    target.put("isSubpotent", reason.is_some().then_some(Json::Bool(true)));
    target.put("subpotentReason[]", reason);
}

/// The dose's number, which FHIR gives as a number or a text.
static NUMBER: Own = Own {
    columns: &["dose_number"],
    read: |node, out| {
        let protocol = node.at(&["protocolApplied"]).map(Json::first);
        let number = protocol.and_then(|p| p.get("doseNumberPositiveInt").or(p.get("doseNumberString")));
        if let Some(number) = number.and_then(|n| n.as_number().or(n.as_str())) {
            out.set_text("dose_number", number, Form::Code);
        }
    },
    write: |_, row, target| {
        target.put("protocolApplied[].doseNumberPositiveInt", None);
        target.put("protocolApplied[].doseNumberString", None);
        let Some(number) = text(row, "dose_number") else { return };
        if number.parse::<u32>().is_ok_and(|n| n > 0 && n.to_string() == number) {
            target.put("protocolApplied[].doseNumberPositiveInt", Some(Json::Number(number.into())));
        } else {
            target.put("protocolApplied[].doseNumberString", Some(Json::string(number)));
        }
    },
};

/// Who gave it: the first clinician as a provider, the first organization by name.
static PERFORMER: Own =
    Own { columns: &["performer_id", "administering_org"], read: read_performer, write: write_performer };

fn read_performer(node: &Json<'_>, out: &mut Out) {
    let actors = node.get("performer").map(Json::items).unwrap_or_default().iter().filter_map(|p| p.get("actor"));
    for actor in actors.filter_map(Json::as_object) {
        let of = |kind: &str| {
            actor.get("reference").and_then(Json::as_str).is_some_and(|r| r.contains(kind))
                || actor.get("type").and_then(Json::as_str) == Some(kind)
        };
        if of("Organization") && value(&out.row, "administering_org").is_none() {
            if let Some(name) = actor.get("display").and_then(Json::as_str) {
                out.set_text("administering_org", name, Form::Label);
            }
        } else if of("Practitioner") && !out.refs.iter().any(|r| r.column == "performer_id") {
            refer(actor, "performer_id", &["Practitioner"], out);
        }
    }
}

fn write_performer<'a>(record: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    let mut performers = Vec::new();
    if let Some(reference) = record.reference("performer_id") {
        let actor = reference_of(Some(Json::string(reference.text())), None).unwrap_or(Json::Null);
        performers.push(Json::from([("actor", actor)]));
    }
    if let Some(name) = text(row, "administering_org") {
        let actor = Json::from([("type", Json::string("Organization")), ("display", Json::string(name))]);
        performers.push(Json::from([("actor", actor)]));
    }
    target.put("performer", (!performers.is_empty()).then_some(Json::Array(performers)));
}

/// Information sheets: `[{type, edition_on, given_on}]`.
static SHEETS: Own = Own { columns: &["vis"], read: read_sheets, write: write_sheets };
const SHEET: [(&str, &str); 3] =
    [("documentType", "type"), ("publicationDate", "edition_on"), ("presentationDate", "given_on")];

fn read_sheets(node: &Json<'_>, out: &mut Out) {
    let items = node.get("education").map(Json::items).unwrap_or_default();
    let sheets = items.iter().map(|item| {
        let held = SHEET.iter().filter_map(|(theirs, ours)| {
            let text = item.get(theirs).and_then(Json::as_str).filter(|t| t.len() <= 500)?;
            Some(((*ours).to_owned(), Value::String(text.to_owned())))
        });
        held.collect::<Map<_, _>>()
    });
    out.set("vis", sheets.filter(|s| !s.is_empty()).map(Value::Object).collect::<Vec<_>>());
}

fn write_sheets<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    let rows = value(row, "vis").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let items = rows.iter().map(|row| {
        let mut item = Object::new();
        for (theirs, ours) in SHEET {
            if let Some(text) = row.get(ours).and_then(Value::as_str) {
                item.set(theirs, Json::string(text));
            }
        }
        Json::Object(item)
    });
    let items: Vec<_> = items.collect();
    target.put("education", (!items.is_empty()).then_some(Json::Array(items)));
}

/// The manufacturer's MVX code.
static MAKER: Own = Own {
    columns: &["mvx"],
    read: |node, out| {
        let identifier = node.at(&["manufacturer", "identifier"]);
        let system = identifier.and_then(|i| i.get("system")).and_then(Json::as_str).map(crate::fhir::codes::short);
        let code = identifier.and_then(|i| i.get("value")).and_then(Json::as_str);
        if let Some(code) = code.filter(|_| system == Some("MVX")) {
            out.set_text("mvx", code, Form::Code);
        }
    },
    write: |_, row, target| {
        let identifier = text(row, "mvx").map(|code| {
            let system = crate::fhir::codes::address("MVX");
            Json::from([("system", Json::string(system)), ("value", Json::string(code))])
        });
        target.put("manufacturer.identifier", identifier);
    },
};

pub(super) static IMMUNIZATION: Shape = Shape {
    resource: "Immunization",
    table: "records.immunizations",
    required: &["status", "vaccineCode", "patient", "occurrence[x]"],
    lenses: &[
        Lens::Own(&SENSITIVITY),
        closed("status", "status", STATUS),
        Lens::Own(&COMPLETION),
        Lens::Own(&VACCINE),
        patient("patient"),
        encounter("encounter"),
        when("occurrenceDateTime", "given"),
        Lens::Instant { path: "recorded", column: "recorded_at" },
        Lens::Own(&SOURCE),
        Lens::Own(&MAKER),
        sealed("lotNumber", "lot"),
        Lens::Day { path: "expirationDate", column: "expires_on" },
        concept("site", ["site_code", "", ""], "http://terminology.hl7.org/CodeSystem/v3-ActSite"),
        concept("route", ["route_code", "", ""], "http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration"),
        Lens::Quantity { path: "doseQuantity", value: "dose_value", unit: "dose_unit" },
        Lens::Own(&PERFORMER),
        Lens::Notes { path: "note" },
        Lens::Own(&POTENCY),
        Lens::Own(&SHEETS),
        concept("programEligibility[]", ["funding_code", "", ""], FUNDING_SYSTEM),
        Lens::Own(&NUMBER),
    ],
    lists: &[],
    refuse: |_, record| {
        if record.value("given_on").is_none() {
            return Some("it does not say on which date");
        }
        let named = ["code", "cvx", "original_display"].iter().any(|column| record.value(column).is_some());
        (!named).then_some("it does not name the vaccine")
    },
};
