//! What a Patient has several of: identifiers, names, addresses, telecoms and contacts, each a row of its own table.

use super::shared::{joined, split, whole_name};
use crate::fhir::lens::{Form, Lens, List, Own, Words, closed, code, label, text as sealed};
use crate::fhir::read::Out;
use crate::fhir::record::{text, value};
use crate::fhir::write::{coding_of, concept_of};
use crate::json::Json;

const IDENTIFIER_TYPES: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";

/// Types of HL7 table 0203 and ours.
const TYPES: Words =
    &[("MR", "MR"), ("SS", "SS4"), ("MA", "MA"), ("NI", "NI"), ("DL", "DL"), ("PI", "PI"), ("PPN", "PPN")];

/// Types that table 0203 lacks; they go by their text.
const SCHOOL_TYPES: Words = &[("State student identifier", "SID"), ("Student number", "SN")];

/// Addresses of the social security number.
const SSN: [&str; 2] = ["http://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1"];

/// Our type of an identifier.
pub(super) fn type_of(identifier: &Json<'_>) -> &'static str {
    let system = identifier.get("system").and_then(Json::as_str);
    if system.is_some_and(|system| SSN.contains(&system)) {
        return "SS4";
    }
    let kind = identifier.get("type");
    let mut codes = kind
        .and_then(|t| t.get("coding"))
        .map(Json::items)
        .unwrap_or_default()
        .iter()
        .filter_map(|c| c.get("code").and_then(Json::as_str));
    let said = kind.and_then(|t| t.get("text")).and_then(Json::as_str);
    let by_text = SCHOOL_TYPES.iter().find(|(text, _)| Some(*text) == said);
    let by_code = codes.find_map(|code| TYPES.iter().find(|(theirs, _)| *theirs == code));
    by_code.or(by_text).map_or("OTHER", |(_, ours)| ours)
}

static TYPE: Own = Own {
    columns: &["type"],
    read: |node, out| out.set("type", type_of(node)),
    write: |_, row, target| {
        let ours = text(row, "type").unwrap_or("OTHER");
        let coded = TYPES.iter().find(|(_, word)| *word == ours);
        let said = SCHOOL_TYPES.iter().find(|(_, word)| *word == ours);
        let concept = match (coded, said) {
            (Some((code, _)), _) => Some(concept_of(coding_of(Some(code), Some(IDENTIFIER_TYPES), None), None)),
            (None, Some((said, _))) => Some(concept_of(None, Some(said))),
            (None, None) => None,
        };
        target.put("type", concept);
    },
};

/// Of a social security number only the last four digits go into a row.
static VALUE: Own = Own {
    columns: &["value"],
    read: |node, out| {
        let Some(given) = out.string(node, "value") else { return };
        if type_of(node) != "SS4" {
            return out.set_text("value", given.trim(), Form::Sealed);
        }
        let digits: Vec<char> = given.chars().filter(char::is_ascii_digit).collect();
        if digits.len() >= 4 {
            let last: String = digits[digits.len() - 4..].iter().collect();
            out.set_text("value", &last, Form::Sealed);
        }
    },
    write: |_, row, target| target.put_text("value", text(row, "value")),
};

/// The days a FHIR Period names; what is less exact stays in the original.
static PERIOD: Own = Own {
    columns: &["period_start", "period_end"],
    read: read_days,
    write: |_, row, target| {
        target.put_text("period.start", text(row, "period_start"));
        target.put_text("period.end", text(row, "period_end"));
    },
};

fn read_days(node: &Json<'_>, out: &mut Out) {
    super::shared::read_period(node, "period", ("from", "to"), out);
    for (name, column) in [("from", "period_start"), ("to", "period_end")] {
        let exact = matches!(text(&out.row, &format!("{name}_precision")), Some("DAY" | "MINUTE"));
        let on = out.row.remove(&format!("{name}_on"));
        out.row.remove(&format!("{name}_precision"));
        out.row.remove(&format!("{name}_at"));
        if let Some(on) = on.filter(|_| exact) {
            out.row.insert(column.to_owned(), on);
        }
    }
}

fn any(_: &Json<'_>, _: usize, _: &Json<'_>) -> bool {
    true
}

/// An identifier without a register or a value is no row: the table demands both.
pub(super) const IDENTIFIERS: List = List {
    key: "identifier",
    table: "medical.patient_identifiers",
    lenses: &[
        Lens::Own(&TYPE),
        label("system", "system"),
        Lens::Own(&VALUE),
        Lens::Own(&PERIOD),
        Lens::Display { path: "assigner", column: "assigner", form: Form::Label },
    ],
    keep: any,
    finish: |row| row.contains_key("system") && row.contains_key("value"),
};

const NAME_USE: Words = &[
    ("usual", "USUAL"),
    ("official", "OFFICIAL"),
    ("temp", "TEMP"),
    ("nickname", "NICKNAME"),
    ("anonymous", "ANONYMOUS"),
    ("old", "OLD"),
    ("maiden", "MAIDEN"),
];

/// The name that goes into the patient's own row: the first official one, else the first usual one, else the first
/// that is not a former or an invented one.
pub(super) fn main_name(patient: &Json<'_>) -> Option<usize> {
    main_name_of(patient.get("name").map(Json::items).unwrap_or_default())
}

/// The same of a list of names.
pub(super) fn main_name_of(names: &[Json<'_>]) -> Option<usize> {
    let by = |wanted: &str| names.iter().position(|n| n.get("use").and_then(Json::as_str) == Some(wanted));
    let current = || {
        names.iter().position(|n| {
            let former = ["old", "maiden", "anonymous", "nickname", "temp"];
            let told = n.get("use").and_then(Json::as_str);
            (n.get("family").is_some() || n.get("given").is_some()) && told.is_none_or(|told| !former.contains(&told))
        })
    };
    by("official").or_else(|| by("usual")).or_else(current)
}

macro_rules! words {
    ($name:ident, $key:literal, $column:literal) => {
        static $name: Own = Own {
            columns: &[$column],
            read: |node, out| {
                if let Some(words) = joined(node, $key, " ") {
                    out.set_text($column, &words, Form::Sealed);
                }
            },
            write: |_, row, target| target.put($key, text(row, $column).map(|words| split(words, ' '))),
        };
    };
}
words!(PREFIX, "prefix", "prefix");
words!(GIVEN, "given", "given_names");
words!(SUFFIX, "suffix", "suffix");

/// Every name but the main one.
pub(super) const NAMES: List = List {
    key: "name",
    table: "medical.patient_names",
    lenses: &[
        Lens::Closed { path: "use", column: "use", words: NAME_USE, default: Some("USUAL") },
        sealed("family", "family_name"),
        Lens::Own(&GIVEN),
        Lens::Own(&PREFIX),
        Lens::Own(&SUFFIX),
        Lens::Own(&PERIOD),
    ],
    keep: |patient, i, _| main_name(patient) != Some(i),
    finish: |row| row.contains_key("family_name") || row.contains_key("given_names"),
};

const SYSTEMS: Words = &[
    ("phone", "PHONE"),
    ("fax", "FAX"),
    ("email", "EMAIL"),
    ("pager", "PAGER"),
    ("url", "URL"),
    ("sms", "SMS"),
    ("other", "OTHER"),
];

const TELECOM_USE: Words =
    &[("home", "HOME"), ("work", "WORK"), ("temp", "TEMP"), ("old", "OLD"), ("mobile", "MOBILE")];

/// The value of a telecom has a column by its system.
static REACH: Own = Own {
    columns: &["phone", "email", "other"],
    read: |node, out| {
        let column = match text(&out.row, "system") {
            Some("EMAIL") => "email",
            Some("PHONE" | "FAX" | "PAGER" | "SMS") => "phone",
            _ => "other",
        };
        if let Some(given) = out.string(node, "value") {
            out.set_text(column, given, Form::Sealed);
        }
    },
    write: |_, row, target| {
        let held = ["phone", "email", "other"].iter().find_map(|column| text(row, column));
        target.put_text("value", held);
    },
};

pub(super) const TELECOMS: List = List {
    key: "telecom",
    table: "medical.patient_telecoms",
    lenses: &[
        Lens::Closed { path: "system", column: "system", words: SYSTEMS, default: Some("OTHER") },
        Lens::Own(&REACH),
        closed("use", "use", TELECOM_USE),
        Lens::Int { path: "rank", column: "rank" },
        Lens::Own(&PERIOD),
    ],
    keep: any,
    finish: |row| {
        if value(row, "rank").and_then(serde_json::Value::as_i64).is_some_and(|rank| rank < 1) {
            row.remove("rank");
        }
        ["phone", "email", "other"].iter().any(|column| row.contains_key(*column))
    },
};

const ADDRESS_USE: Words =
    &[("home", "HOME"), ("work", "WORK"), ("temp", "TEMP"), ("old", "OLD"), ("billing", "BILLING")];

static LINES: Own = Own {
    columns: &["lines"],
    read: |node, out| {
        if let Some(lines) = joined(node, "line", "\n") {
            out.set_text("lines", &lines, Form::Sealed);
        }
    },
    write: |_, row, target| target.put("line", text(row, "lines").map(|lines| split(lines, '\n'))),
};

pub(super) const ADDRESSES: List = List {
    key: "address",
    table: "medical.patient_addresses",
    lenses: &[
        Lens::Closed { path: "use", column: "use", words: ADDRESS_USE, default: Some("HOME") },
        Lens::Own(&LINES),
        sealed("district", "district"),
        sealed("city", "city"),
        code("state", "state"),
        sealed("postalCode", "postal_code"),
        code("country", "country"),
        Lens::Own(&PERIOD),
    ],
    keep: any,
    finish: |row| row.keys().any(|column| column != "use"),
};

/// A contact's name as one text.
static CONTACT_NAME: Own = Own {
    columns: &["name"],
    read: |node, out| {
        if let Some(name) = node.get("name").and_then(whole_name) {
            out.set_text("name", &name, Form::Sealed);
        }
    },
    write: |_, row, target| target.put_text("name.text", text(row, "name")),
};

/// How the contact is related: a code of HL7 table 0131 or 0063; `U` (unknown) when the source does not say.
static RELATIONSHIP: Own = Own {
    columns: &["relationship"],
    read: |node, out| {
        let coding = node.get("relationship").map(Json::first).and_then(|r| r.get("coding")).map(Json::first);
        let code = coding.and_then(|c| c.get("code")).and_then(Json::as_str);
        out.set_text("relationship", code.unwrap_or("U"), Form::Code);
    },
    write: |_, row, target| {
        let code = text(row, "relationship");
        let system = "http://terminology.hl7.org/CodeSystem/v2-0131";
        target.put("relationship[]", code.map(|code| concept_of(coding_of(Some(code), Some(system), None), None)));
    },
};

static CONTACT_REACH: Own = Own {
    columns: &["phone", "email"],
    read: |node, out| {
        let items = node.get("telecom").map(Json::items).unwrap_or_default();
        for (system, column) in [("phone", "phone"), ("email", "email")] {
            let first = items.iter().find(|t| t.get("system").and_then(Json::as_str) == Some(system));
            if let Some(value) = first.and_then(|t| t.get("value")).and_then(Json::as_str) {
                out.set_text(column, value, Form::Sealed);
            }
        }
    },
    write: |_, row, target| {
        let items = [("phone", "phone"), ("email", "email")].into_iter().filter_map(|(system, column)| {
            Some(Json::from([("system", Json::string(system)), ("value", Json::string(text(row, column)?))]))
        });
        let items: Vec<_> = items.collect();
        target.put("telecom", (!items.is_empty()).then_some(Json::Array(items)));
    },
};

/// A contact's address as lines of one text, the place last.
static CONTACT_ADDRESS: Own = Own {
    columns: &["address"],
    read: |node, out| {
        let Some(address) = node.get("address").and_then(Json::as_object) else { return };
        let part = |key: &str| address.get(key).and_then(Json::as_str);
        let lines = address.get("line").map(Json::items).unwrap_or_default().iter().filter_map(Json::as_str);
        let place = ["city", "district", "state", "postalCode", "country"].into_iter().filter_map(part);
        let text = match part("text") {
            Some(text) => text.to_owned(),
            None => lines.chain(place).collect::<Vec<_>>().join("\n"),
        };
        out.set_text("address", &text, Form::Sealed);
    },
    write: |_, row, target| target.put_text("address.text", text(row, "address")),
};

/// A contact without a name (an organization) is no row.
pub(super) const CONTACTS: List = List {
    key: "contact",
    table: "medical.patient_contacts",
    lenses: &[
        Lens::Own(&RELATIONSHIP),
        Lens::Own(&CONTACT_NAME),
        Lens::Own(&CONTACT_REACH),
        Lens::Own(&CONTACT_ADDRESS),
    ],
    keep: any,
    finish: |row| row.contains_key("name"),
};
