//! Practitioner and Organization in `medical.providers`. The columns are in clear: a provider is no patient.

use super::shared::{joined, split, takes_all, whole_name};
use crate::fhir::lens::{Form, Lens, Own, Shape, code, label};
use crate::fhir::read::Out;
use crate::fhir::record::{Record, Row, text};
use crate::fhir::write::Target;
use crate::json::Json;

/// Address of the United States National Provider Identifier.
const NPI: &str = "http://hl7.org/fhir/sid/us-npi";

/// Registers whose numbers have a column, and the digits such a number has.
const REGISTERS: &[(&str, &str, usize)] =
    &[(NPI, "npi", 10), ("http://rnds.saude.gov.br/fhir/r4/NamingSystem/cnes", "cnes", 7)];

static NUMBERS: Own = Own { columns: &["npi", "cnes"], read: read_numbers, write: write_numbers };

fn register(identifier: &Json<'_>) -> Option<&'static str> {
    let system = identifier.get("system")?.as_str()?;
    let value = identifier.get("value")?.as_str()?;
    let (_, column, digits) = REGISTERS.iter().find(|(address, ..)| *address == system)?;
    (value.len() == *digits && value.bytes().all(|b| b.is_ascii_digit())).then_some(*column)
}

fn read_numbers(node: &Json<'_>, out: &mut Out) {
    let Some(list) = node.get("identifier") else { return };
    let Json::Array(items) = list else { return out.refuse("identifier", "type", "must be a list") };
    for item in items {
        if let (Some(column), Some(value)) = (register(item), item.get("value").and_then(Json::as_str))
            && !out.row.contains_key(column)
        {
            out.set_text(column, value, Form::Code);
        }
    }
}

fn write_numbers<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    let mut items = match target.0.remove("identifier") {
        Some(Json::Array(items)) => items,
        _ => Vec::new(),
    };
    items.retain(|item| register(item).is_none());
    for (address, column, _) in REGISTERS {
        if let Some(value) = text(row, column) {
            items.push(Json::from([("system", Json::string(*address)), ("value", Json::string(value))]));
        }
    }
    target.put("identifier", (!items.is_empty()).then_some(Json::Array(items)));
}

static ACTIVE: Own = Own {
    columns: &["status"],
    read: |node, out| match out.find(node, "active") {
        None | Some(Json::Bool(true)) => out.set("status", "active"),
        Some(Json::Bool(false)) => out.set("status", "inactive"),
        Some(_) => out.refuse("active", "type", "must be true or false"),
    },
    write: |_, row, target| target.put("active", text(row, "status").map(|s| Json::Bool(s == "active"))),
};

static PERSON: Own = Own {
    columns: &["kind", "name"],
    read: |node, out| {
        out.set("kind", "individual");
        if let Some(name) = node.get("name").map(Json::first).and_then(whole_name) {
            out.set_text("name", &name, Form::Label);
        }
    },
    write: |_, row, target| target.put_text("name[].text", text(row, "name")),
};

static ORGANIZATION_KIND: Own =
    Own { columns: &["kind"], read: |_, out| out.set("kind", "organization"), write: |_, _, _| {} };

/// The first telephone number and the first mail address.
static TELECOM: Own = Own { columns: &["phone", "email"], read: read_telecom, write: write_telecom };
const WAYS: [(&str, &str, Form); 2] = [("phone", "phone", Form::Code), ("email", "email", Form::Label)];

fn read_telecom(node: &Json<'_>, out: &mut Out) {
    let items = node.get("telecom").map(Json::items).unwrap_or_default();
    for (system, column, form) in WAYS {
        let first = items.iter().find(|t| t.get("system").and_then(Json::as_str) == Some(system));
        if let Some(value) = first.and_then(|t| t.get("value")).and_then(Json::as_str) {
            out.set_text(column, value, form);
        }
    }
}

fn write_telecom<'a>(_: &'a Record, row: &'a Row, target: &mut Target<'a>) {
    let items = WAYS.iter().filter_map(|(system, column, _)| {
        let value = text(row, column)?;
        Some(Json::from([("system", Json::string(*system)), ("value", Json::string(value))]))
    });
    let items: Vec<_> = items.collect();
    target.put("telecom", (!items.is_empty()).then_some(Json::Array(items)));
}

static STREET: Own = Own {
    columns: &["address_line"],
    read: |node, out| {
        let first = node.get("address").map(Json::first);
        if let Some(lines) = first.and_then(|address| joined(address, "line", "; ")) {
            out.set_text("address_line", &lines, Form::Label);
        }
    },
    write: |_, row, target| {
        let lines = text(row, "address_line").map(|lines| match lines.split_once("; ") {
            None => split(lines, '\n'),
            Some(_) => Json::Array(lines.split("; ").map(Json::string).collect()),
        });
        target.put("address[].line", lines);
    },
};

fn needs_name(resource: &Json<'_>, record: &Record) -> Option<&'static str> {
    if record.value("name").is_none() { Some("it has no name") } else { takes_all(resource, record) }
}

pub(super) static PRACTITIONER: Shape = Shape {
    resource: "Practitioner",
    table: "medical.providers",
    required: &[],
    lenses: &[
        Lens::Own(&NUMBERS),
        Lens::Own(&ACTIVE),
        Lens::Own(&PERSON),
        Lens::Own(&TELECOM),
        Lens::Own(&STREET),
        label("address[].city", "city"),
        code("address[].state", "state"),
        code("address[].postalCode", "postal_code"),
        code("address[].country", "country"),
    ],
    lists: &[],
    refuse: needs_name,
};

pub(super) static ORGANIZATION: Shape = Shape {
    resource: "Organization",
    table: "medical.providers",
    required: &[],
    lenses: &[
        Lens::Own(&NUMBERS),
        Lens::Own(&ACTIVE),
        Lens::Own(&ORGANIZATION_KIND),
        label("name", "name"),
        Lens::Own(&TELECOM),
        Lens::Own(&STREET),
        label("address[].city", "city"),
        code("address[].state", "state"),
        code("address[].postalCode", "postal_code"),
        code("address[].country", "country"),
    ],
    lists: &[],
    refuse: needs_name,
};
