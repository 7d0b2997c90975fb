//! Resource to record and back, over the shapes of all tables.
//!
//! What the record does not hold is not a list kept by hand: the record is written out as a resource of its own, and
//! what the original says beyond that is what was not mapped.

use super::lens::{Lens, List, Shape};
use super::problem::Problem;
use super::read::{self, Out};
use super::record::{Child, Mapped, Record, Row};
use super::reference::Reference;
use super::tables;
use super::types::is_id;
use super::unmapped::unmapped;
use super::write::{self, Target};
use crate::json::{Json, Object};
use std::borrow::Cow;

/// Reads a resource into the form of the tables. A resource with one bad element is refused as a whole, with all its
/// problems; a type without a table, or a resource its table cannot hold, gives a record without a table.
pub fn map(resource: &Json<'_>) -> Result<Mapped, Vec<Problem>> {
    let refuse = |path: &str, message: &str| Err(vec![Problem::new(path, "required", message)]);
    let Some(name) = resource.get("resourceType").and_then(Json::as_str) else {
        return refuse("resourceType", "the resource must say its type");
    };
    let id = resource.get("id").and_then(Json::as_str).unwrap_or_default();
    if !id.is_empty() && !is_id(id) {
        return refuse(&format!("{name}.id"), "an id has 1 to 64 letters, digits, hyphens and points");
    }
    let whole = Record { resource_type: name.to_owned(), id: id.to_owned(), ..Record::default() };
    let sensitivity = tables::sensitivity(resource);
    let Some(shape) = tables::shape_of(name, resource) else {
        let unmapped = unmapped(resource, &whole_target(&whole));
        return Ok(Mapped { record: whole, kept_whole: tables::why_none(name), sensitivity, unmapped });
    };
    let record = read_shape(shape, resource, whole.clone())?;
    let unowned = shape.lenses.iter().any(|lens| lens.column_is("patient_id")) && record.patient().is_none();
    let kept_whole = modified(resource)
        .or(unowned.then_some("it is not about a patient of its own"))
        .or_else(|| (shape.refuse)(resource, &record));
    if kept_whole.is_some() {
        let unmapped = unmapped(resource, &whole_target(&whole));
        let refs = record.refs.into_iter().filter(|r| r.column == "patient_id").collect();
        return Ok(Mapped { record: Record { refs, ..whole }, kept_whole, sensitivity, unmapped });
    }
    let fresh = fresh(shape, &record);
    let unmapped = unmapped(resource, &fresh);
    Ok(Mapped { record, kept_whole: None, sensitivity, unmapped })
}

/// Writes a record as a resource. With the `original` it came from, whatever the record did not change stays as it
/// was, also what no column holds; references the record does not name stay too. `None`: the record has no table,
/// and no original is given.
#[must_use]
pub fn write<'a>(record: &'a Record, original: Option<Json<'a>>) -> Option<Json<'a>> {
    let shape = record.table.as_deref().and_then(|table| tables::shape(&record.resource_type, table));
    match (shape, original) {
        (None, original) => original,
        (Some(shape), None) => Some(fresh(shape, record)),
        (Some(shape), Some(original)) => Some(update(shape, record, original)),
    }
}

/// What turns the meaning of a resource around, so that its row would say the opposite: a prohibition, or an extension
/// that R4 forbids to ignore (`modifierExtension`), of which none is understood here.
fn modified(resource: &Json<'_>) -> Option<&'static str> {
    fn extended(node: &Json<'_>) -> bool {
        match node {
            Json::Object(members) => members.iter().any(|(key, value)| match key {
                "modifierExtension" => true,
                _ => extended(value),
            }),
            Json::Array(items) => items.iter().any(extended),
            _ => false,
        }
    }
    if resource.get("doNotPerform").and_then(Json::as_bool) == Some(true) {
        return Some("it says what must not be done (doNotPerform)");
    }
    extended(resource).then_some("it has a modifierExtension, which can turn its meaning around")
}

fn whole_target(record: &Record) -> Json<'_> {
    Json::Object(head(record))
}

fn head(record: &Record) -> Object<'_> {
    let mut object = Object::new();
    object.set("resourceType", Json::string(record.resource_type.as_str()));
    if !record.id.is_empty() {
        object.set("id", Json::string(record.id.as_str()));
    }
    object
}

fn read_shape(shape: &'static Shape, resource: &Json<'_>, mut record: Record) -> Result<Record, Vec<Problem>> {
    let mut out = Out { base: shape.resource.to_owned(), ..Out::default() };
    require(shape, resource, &mut out);
    for lens in shape.lenses {
        read::read(lens, resource, &mut out);
    }
    for list in shape.lists {
        for (_, row) in items(list, resource, &mut out) {
            record.children.extend(row.map(|row| Child { table: Cow::Borrowed(list.table), row }));
        }
    }
    if !out.problems.is_empty() {
        // Several lenses may look at the same bad element.
        out.problems.dedup_by(|a, b| a == b);
        return Err(out.problems);
    }
    record.table = Some(Cow::Borrowed(shape.table));
    (record.row, record.refs, record.back_refs) = (out.row, out.refs, out.back_refs);
    Ok(record)
}

fn require(shape: &Shape, resource: &Json<'_>, out: &mut Out) {
    let Some(object) = resource.as_object() else { return };
    for name in shape.required {
        let given = match name.strip_suffix("[x]") {
            None => object.get(name).is_some(),
            Some(stem) => object.iter().any(|(key, _)| {
                key.strip_prefix(stem).is_some_and(|kind| kind.starts_with(|c: char| c.is_ascii_uppercase()))
            }),
        };
        if !given {
            out.refuse(name, "required", "this element is required");
        }
    }
}

/// Items of a list, each with its row if it is one.
fn items<'j, 'a>(list: &List, resource: &'j Json<'a>, out: &mut Out) -> Vec<(&'j Json<'a>, Option<Row>)> {
    let Some(found) = resource.get(list.key) else { return Vec::new() };
    let Json::Array(found) = found else {
        out.refuse(list.key, "type", "must be a list");
        return Vec::new();
    };
    let base = std::mem::take(&mut out.base);
    let mut rows = Vec::with_capacity(found.len());
    for (i, item) in found.iter().enumerate() {
        let mut inner = Out { base: format!("{base}.{}[{i}]", list.key), ..Out::default() };
        if item.as_object().is_none() {
            inner.refuse("", "type", "must be an object");
        } else if (list.keep)(resource, i, item) {
            for lens in list.lenses {
                read::read(lens, item, &mut inner);
            }
        }
        let kept = !inner.row.is_empty() && (list.finish)(&mut inner.row);
        rows.push((item, kept.then_some(inner.row)));
        out.problems.append(&mut inner.problems);
    }
    out.base = base;
    rows
}

/// The resource as the record alone tells it.
fn fresh<'a>(shape: &'static Shape, record: &'a Record) -> Json<'a> {
    let mut target = Target(head(record));
    for lens in shape.lenses {
        write::write(lens, record, &record.row, &mut target);
    }
    for list in shape.lists {
        let rows: Vec<_> = children(record, list).map(|row| item(list, record, row)).collect();
        append(&mut target, list.key, rows);
    }
    Json::Object(target.0)
}

fn children<'a>(record: &'a Record, list: &List) -> impl Iterator<Item = &'a Row> {
    let table = list.table;
    record.children.iter().filter(move |child| child.table == table).map(|child| &child.row)
}

fn item<'a>(list: &List, record: &'a Record, row: &'a Row) -> Json<'a> {
    let mut target = Target::default();
    for lens in list.lenses {
        write::write(lens, record, row, &mut target);
    }
    Json::Object(target.0)
}

/// Adds items after those a lens of the record itself has written.
fn append<'a>(target: &mut Target<'a>, key: &'static str, mut items: Vec<Json<'a>>) {
    if items.is_empty() {
        return;
    }
    let held = target.0.entry(key);
    match held {
        Json::Array(before) => before.append(&mut items),
        _ => *held = Json::Array(items),
    }
}

fn update<'a>(shape: &'static Shape, record: &'a Record, original: Json<'a>) -> Json<'a> {
    let before = read_shape(shape, &original, Record::default()).unwrap_or_default();
    let Json::Object(object) = original else { return original };
    let mut target = Target(object);
    for lens in shape.lenses {
        let named = |r: &&Reference| lens.column_is(&r.column);
        let moved = record.refs.iter().find(named).is_some_and(|new| before.refs.iter().find(named) != Some(new));
        if moved || !write::unchanged(lens, &before.row, &record.row) {
            write::write(lens, record, &record.row, &mut target);
        }
    }
    for list in shape.lists.iter().filter(|list| !same_rows(list, &before, record)) {
        let current = Json::Object(std::mem::take(&mut target.0));
        let items = rewritten(list, record, &current);
        let Json::Object(object) = current else { continue };
        target.0 = object;
        target.0.remove(list.key);
        append(&mut target, list.key, items);
    }
    Json::Object(target.0)
}

/// What a new version of a resource changes in its row. A lens is taken as a whole, so that a number never stands
/// beside the unit of another version.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Values by column; what the new version no longer says is null.
    pub row: Row,
    /// Columns whose reference is another one now, or none.
    pub references: Vec<&'static str>,
    /// Tables of rows that belong to the record and are other ones now.
    pub lists: Vec<&'static str>,
}

/// What changes from the record `before` to `after`; everything the table holds when the former is not known. `None`:
/// no table holds `after`.
#[must_use]
pub fn changes(before: Option<&Record>, after: &Record) -> Option<Changes> {
    let shape = tables::shape(&after.resource_type, after.table.as_deref()?)?;
    let before = before.filter(|b| (&b.resource_type, &b.table) == (&after.resource_type, &after.table));
    let mut changes = Changes::default();
    for lens in shape.lenses {
        if let Some((column, _)) = lens.reference()
            && before.is_none_or(|before| before.reference(column) != after.reference(column))
        {
            changes.references.push(column);
        }
        if before.is_none_or(|before| !write::unchanged(lens, &before.row, &after.row)) {
            for column in lens.columns().into_iter().filter(|c| !c.ends_with("_id")) {
                let value = after.row.get(&column).cloned().unwrap_or_default();
                changes.row.insert(column, value);
            }
        }
    }
    let lists = shape.lists.iter().filter(|list| before.is_none_or(|before| !same_rows(list, before, after)));
    changes.lists = lists.map(|list| list.table).collect();
    Some(changes)
}

/// The columns of a table in which a resource of this type has values.
#[must_use]
pub fn columns(resource_type: &str, table: &str) -> Vec<String> {
    let lenses = tables::shape(resource_type, table).map_or(&[][..], |shape| shape.lenses);
    lenses.iter().flat_map(Lens::columns).filter(|c| !c.ends_with("_id")).collect()
}

/// The columns by which a resource of this type points to others, with the type of those.
#[must_use]
pub fn references(resource_type: &str, table: &str) -> Vec<(&'static str, &'static str)> {
    let lenses = tables::shape(resource_type, table).map_or(&[][..], |shape| shape.lenses);
    lenses.iter().filter_map(Lens::reference).collect()
}

fn same_rows(list: &List, before: &Record, after: &Record) -> bool {
    let (before, after): (Vec<_>, Vec<_>) = (children(before, list).collect(), children(after, list).collect());
    before.len() == after.len() && before.iter().zip(&after).all(|(a, b)| same_row(list, a, b))
}

fn same_row(list: &List, a: &Row, b: &Row) -> bool {
    list.lenses.iter().all(|lens| write::unchanged(lens, a, b))
}

/// The list anew: an item whose row is still there stays as it was, what never was a row stays, other rows are
/// written.
fn rewritten<'a>(list: &List, record: &'a Record, original: &Json<'a>) -> Vec<Json<'a>> {
    let mut held = items(list, original, &mut Out::default());
    let mut kept: Vec<Json<'a>> = Vec::new();
    held.retain(|(item, row)| {
        if row.is_none() {
            kept.push((*item).clone());
        }
        row.is_some()
    });
    for row in children(record, list) {
        let at = held.iter().position(|(_, was)| was.as_ref().is_some_and(|was| same_row(list, was, row)));
        kept.push(match at {
            Some(at) => held.remove(at).0.clone(),
            None => item(list, record, row),
        });
    }
    kept
}
