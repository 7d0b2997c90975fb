//! One description of an element for both ways: where it stands in the resource, which columns hold it, in what form.
//!
//! A table is a list of lenses; `read` and `write` run over them. What no general lens can say is [`Lens::Own`], a
//! pair of functions. Paths are keys with points between them; `[]` marks a list, of which the first item is meant.

use super::read::Out;
use super::record::{Record, Row};
use super::write::Target;
use crate::json::Json;

/// What a text column takes (the domains of the schema `kernel`). A text that does not fit stays in the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `kernel.code`: 1 to 128 characters on one line.
    Code,
    /// `kernel.label`: 1 to 500 characters on one line.
    Label,
    /// `kernel.prose`: 1 to 8000 characters, several lines.
    Prose,
    /// `kernel.sealed_text`: any length, several lines.
    Sealed,
}

/// Pairs of FHIR's word and ours. Where several of ours have one word, the first pair is how it is read.
pub(super) type Words = &'static [(&'static str, &'static str)];

/// An element and its columns.
pub(super) enum Lens {
    /// A string.
    Text { path: &'static str, column: &'static str, form: Form },
    /// A code of a required binding; any other code refuses the resource. `default` stands for an absent element.
    Closed { path: &'static str, column: &'static str, words: Words, default: Option<&'static str> },
    /// The same as a `CodeableConcept` with a coding of `system`.
    ClosedConcept { path: &'static str, column: &'static str, system: &'static str, words: Words },
    /// `true` or `false`.
    Bool { path: &'static str, column: &'static str, default: Option<bool> },
    /// A whole number in the range of `int`.
    Int { path: &'static str, column: &'static str },
    /// A `Quantity`: its value and its unit (the UCUM code, else the unit's text).
    Quantity { path: &'static str, value: &'static str, unit: &'static str },
    /// A `date` or `dateTime` in the columns `<name>_on`, `<name>_precision` and `<name>_at`.
    When { path: &'static str, name: &'static str },
    /// A time known to the second; anything less exact stays in the original.
    Instant { path: &'static str, column: &'static str },
    /// A date known to the day; anything less exact stays in the original.
    Day { path: &'static str, column: &'static str },
    /// The `CodeableConcept` the record is about: `code`, `code_system`, `display` of the coding of the first of
    /// `prefer` that is there, and `original_*` of the first coding and the text.
    Main { path: &'static str, prefer: &'static [&'static str] },
    /// Code, system and display of the first coding of a `CodeableConcept`; an empty column name is not kept.
    Concept { path: &'static str, columns: [&'static str; 3], system: &'static str },
    /// The same of a `Coding`.
    Coding { path: &'static str, columns: [&'static str; 3], system: &'static str },
    /// A reference to one of `types`, and what it displays.
    Reference {
        path: &'static str,
        column: &'static str,
        types: &'static [&'static str],
        display: Option<(&'static str, Form)>,
    },
    /// What a reference displays, whatever it points to.
    Display { path: &'static str, column: &'static str, form: Form },
    /// Texts of annotations, joined by an empty line.
    Notes { path: &'static str },
    /// Anything else.
    Own(&'static Own),
}

/// A pair of functions for what no general lens says.
pub(super) struct Own {
    /// Columns that hold it: if none of them changed, the original stays as it is.
    pub columns: &'static [&'static str],
    /// From the resource (or list item) into the row.
    pub read: fn(&Json<'_>, &mut Out),
    /// From the row into the resource.
    pub write: for<'a> fn(&'a Record, &'a Row, &mut Target<'a>),
}

/// A list of the resource whose items are rows of another table.
pub(super) struct List {
    /// Key of the list.
    pub key: &'static str,
    /// Table of the rows.
    pub table: &'static str,
    /// How an item is kept.
    pub lenses: &'static [Lens],
    /// Which items of the resource are rows; the others stay in the original.
    pub keep: fn(&Json<'_>, usize, &Json<'_>) -> bool,
    /// Finishes a row, or drops it (`false`) because the table demands what the item lacks.
    pub finish: fn(&mut Row) -> bool,
}

/// A resource type in one table.
pub(super) struct Shape {
    /// FHIR type.
    pub resource: &'static str,
    /// Table with schema.
    pub table: &'static str,
    /// Elements R4 requires; `[x]` at the end stands for any type of a choice.
    pub required: &'static [&'static str],
    /// How elements are kept, in the order they are written.
    pub lenses: &'static [Lens],
    /// Lists that are rows of other tables.
    pub lists: &'static [List],
    /// Why the table cannot hold this resource, though it is valid.
    pub refuse: fn(&Json<'_>, &Record) -> Option<&'static str>,
}

pub(super) const fn text(path: &'static str, column: &'static str) -> Lens {
    Lens::Text { path, column, form: Form::Sealed }
}

pub(super) const fn label(path: &'static str, column: &'static str) -> Lens {
    Lens::Text { path, column, form: Form::Label }
}

pub(super) const fn code(path: &'static str, column: &'static str) -> Lens {
    Lens::Text { path, column, form: Form::Code }
}

pub(super) const fn closed(path: &'static str, column: &'static str, words: Words) -> Lens {
    Lens::Closed { path, column, words, default: None }
}

pub(super) const fn concept(path: &'static str, columns: [&'static str; 3], system: &'static str) -> Lens {
    Lens::Concept { path, columns, system }
}

pub(super) const fn when(path: &'static str, name: &'static str) -> Lens {
    Lens::When { path, name }
}

pub(super) const fn patient(path: &'static str) -> Lens {
    Lens::Reference { path, column: "patient_id", types: &["Patient"], display: None }
}

pub(super) const fn encounter(path: &'static str) -> Lens {
    Lens::Reference { path, column: "encounter_id", types: &["Encounter"], display: None }
}

/// Columns of [`Lens::Main`].
const MAIN: &[&str] = &["code", "code_system", "display", "original_code", "original_system", "original_display"];

impl Lens {
    /// The columns that hold the element. Those that end in `_id` point to other rows; all others are values.
    pub fn columns(&self) -> Vec<String> {
        let named = |names: &[&str]| names.iter().filter(|n| !n.is_empty()).map(|n| (*n).to_owned()).collect();
        match *self {
            Self::Text { column, .. }
            | Self::Closed { column, .. }
            | Self::ClosedConcept { column, .. }
            | Self::Bool { column, .. }
            | Self::Int { column, .. }
            | Self::Instant { column, .. }
            | Self::Day { column, .. }
            | Self::Display { column, .. } => named(&[column]),
            Self::Quantity { value, unit, .. } => named(&[value, unit]),
            Self::When { name, .. } => ["on", "precision", "at"].map(|end| format!("{name}_{end}")).to_vec(),
            Self::Main { .. } => named(MAIN),
            Self::Concept { columns, .. } | Self::Coding { columns, .. } => named(&columns),
            Self::Reference { display, .. } => named(&[display.map_or("", |(column, _)| column)]),
            Self::Notes { .. } => named(&["note"]),
            Self::Own(own) => named(own.columns),
        }
    }

    /// The column that points to another row, with the type of what it points to, where the lens has one.
    pub fn reference(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Reference { column, types, .. } => Some((column, types.first().copied().unwrap_or_default())),
            // Who did it is the only thing that a pair of functions reads from a reference.
            Self::Own(own) => own.columns.iter().find(|c| c.ends_with("_id")).map(|c| (*c, "Practitioner")),
            _ => None,
        }
    }

    /// Whether the lens keeps a reference in `column`.
    pub fn column_is(&self, column: &str) -> bool {
        match self {
            Self::Reference { column: own, .. } => *own == column,
            Self::Own(own) => own.columns.contains(&column),
            _ => false,
        }
    }
}
