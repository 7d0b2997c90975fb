//! View data of clinical facts: what the tables of the chart and the trend show. Each fact names its origin; dates are
//! ISO 8601 of any precision; a number keeps the digits it came with.

use super::parts::Pager;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Some rows of a section, and how many there are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Capped<T> {
    /// The rows shown.
    pub rows: Vec<T>,
    /// How many there are in all.
    pub total: u64,
    /// Neighbouring pages, when the section is shown whole.
    pub pager: Pager,
}

impl<T> Default for Capped<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), total: 0, pager: Pager::default() }
    }
}

/// Where a fact comes from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// Who is behind it, in words.
    pub label: String,
    /// How far it is verified: a code such as `IMPORTED` or `PATIENT_REPORTED`.
    pub verification: String,
}

/// A problem or diagnosis.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns' own; dates are ISO 8601 of any precision")]
pub struct Problem {
    pub id: String,
    pub display: String,
    pub code: String,
    pub system: String,
    pub clinical_status: String,
    pub certainty: String,
    pub severity: String,
    pub is_chronic: bool,
    pub onset_date: String,
    pub abatement_date: String,
    pub origin: Origin,
}

/// A medication.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns' own; dates are ISO 8601 of any precision")]
pub struct Medication {
    pub id: String,
    pub display: String,
    #[serde(deserialize_with = "text")]
    pub dose_qty: String,
    pub dose_unit: String,
    pub route: String,
    pub frequency: String,
    pub prn: bool,
    pub prn_reason: String,
    pub status: String,
    pub start: String,
    pub end: String,
    pub prescriber: String,
    pub origin: Origin,
}

/// An allergy or intolerance.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns' own; dates are ISO 8601 of any precision")]
pub struct Allergy {
    pub id: String,
    pub substance: String,
    pub category: String,
    pub criticality: String,
    pub clinical_status: String,
    pub certainty: String,
    pub reactions: Vec<Reaction>,
    pub last_occurrence: String,
    pub origin: Origin,
}

/// How an allergy shows itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns' own")]
pub struct Reaction {
    pub manifestation: String,
    pub severity: String,
}

/// A dose given (or refused).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns' own; dates are ISO 8601 of any precision")]
pub struct Immunization {
    pub id: String,
    pub display: String,
    pub cvx: String,
    pub given_on: String,
    pub dose: String,
    pub lot: String,
    pub site: String,
    pub status: String,
    pub registry_state: String,
    pub origin: Origin,
}

/// One value of a test or sign.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Observation {
    /// Id of the row.
    pub id: String,
    /// When it was collected or measured, ISO 8601.
    pub at: String,
    /// The value as reported, digits kept: a number, text, titre or pair (`118/76`).
    #[serde(deserialize_with = "text")]
    pub value: String,
    /// `<`, `<=`, `>`, `>=` or empty.
    pub comparator: String,
    /// Unit (UCUM). A number without one is marked, not charted and not flagged.
    pub unit: String,
    /// Lower bound of the reference range.
    #[serde(deserialize_with = "text")]
    pub low: String,
    /// Upper bound of the reference range.
    #[serde(deserialize_with = "text")]
    pub high: String,
    /// `L`, `H`, `LL`, `HH`, `A`, `AA`, `N` or empty.
    pub flag: String,
    /// Status code.
    pub status: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// One analyte or sign with its latest value and its course.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Measured {
    /// LOINC code: the address of the trend. Empty for an uncoded test, which has none.
    pub code: String,
    /// Name.
    pub display: String,
    /// Panel under which it stands.
    pub panel: String,
    /// The latest value.
    pub latest: Observation,
    /// Earlier and latest values for the sparkline, at most some dozen.
    pub series: Vec<Observation>,
    /// How many values there are.
    pub count: u64,
}

/// A visit.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns' own; dates are ISO 8601 of any precision")]
pub struct Encounter {
    pub id: String,
    pub class: String,
    pub reason: String,
    pub start: String,
    pub end: String,
    pub place: String,
    pub provider: String,
    pub status: String,
    pub origin: Origin,
}

/// Something done.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the columns' own; dates are ISO 8601 of any precision")]
pub struct Procedure {
    pub id: String,
    pub display: String,
    pub code: String,
    pub system: String,
    pub performed: String,
    pub performer: String,
    pub status: String,
    pub origin: Origin,
}

/// A document.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    /// Id.
    pub id: String,
    /// Title.
    pub title: String,
    /// Category code.
    pub category: String,
    /// ISO 8601.
    pub service_date: String,
    /// Pages.
    pub page_count: Option<u64>,
    /// Size in bytes.
    pub byte_size: Option<u64>,
    /// Who wrote it.
    pub author: String,
    /// Status code.
    pub status: String,
    /// Address it is downloaded from, when the person may.
    pub href: String,
}

/// A source of the record.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// Name.
    pub name: String,
    /// Kind code, such as `EHR_IMPORT`.
    pub kind: String,
    /// How many facts came from it.
    pub facts: u64,
    /// When the last one came, ISO 8601.
    pub last_at: String,
}

/// Text from a JSON string, number or null: a decimal keeps the digits it came with.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    })
}
