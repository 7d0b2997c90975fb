//! Digests of stored rows: each audit event of a write says what the rows it wrote hold, as they are stored (`spec` B1.9,
//! decision 25). A row that is not what its last event says was changed behind the product.
//!
//! PostgreSQL tells which rows a statement wrote (`kernel.mark_rows`); [`image`] makes a canonical text of each, and a
//! [`Mark`] is its digest under a key that only a holder of the root key has. Nothing is opened for it. [`check`] holds
//! every row against the log, [`project`] keeps the last mark of each row in a table, [`sample`] holds some rows against
//! that, [`attest`] takes rows as they are, on the record, and [`rewrite`] does so around migrations.

mod alert;
pub mod attest;
mod check;
mod image;
mod project;
mod rewrite;
mod sample;

pub use check::{Fault, Kind, RowReport};
pub use image::canonical;
pub use rewrite::is_marked;

use crate::{Catalog, seal::RootKey, seal::hmac, seal::sha256};
use aws_lc_rs::hmac as mac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use salus_core::{Error, Result};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What one row held after its last change in a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub table: String,
    pub row: Uuid,
    /// Its `row_version`; 0 where the table has none.
    pub version: i32,
    /// The number of the change: the greater is the newer.
    pub change: i64,
    /// The keyed digest of its image; none for a row that was removed.
    pub digest: Option<[u8; 32]>,
}

/// Bytes of a mark in a header: row, version, change, digest.
const PACKED: usize = 16 + 4 + 8 + 32;

/// Makes the marks of one tenant.
pub(crate) struct Marker {
    key: mac::Key,
}

impl Marker {
    pub(crate) fn new(root: &RootKey, tenant: Uuid) -> Result<Self> {
        Ok(Self { key: mac::Key::new(mac::HMAC_SHA256, &root.row_key(tenant)?[..]) })
    }

    /// The mark of a row as `row_to_json` gives it; none for a table that is not marked.
    pub(crate) fn mark(&self, catalog: &Catalog, name: &str, change: i64, json: &str) -> Result<Option<Mark>> {
        let table = catalog.table(name)?;
        let Some(unmarked) = &table.unmarked else { return Ok(None) };
        let fields: BTreeMap<&str, &RawValue> = serde_json::from_str(json).map_err(Error::internal)?;
        let (row, version) = image::header(&fields)?;
        let text = image::of_row(table, unmarked, (row, version), &fields)?;
        let digest = Some(hmac(&self.key, &[&sha256(&[&text])]));
        Ok(Some(Mark { table: name.to_owned(), row, version, change, digest }))
    }

    /// The marks of the lines that `kernel.take_marks` gave.
    pub(crate) fn read(&self, catalog: &Catalog, told: &str) -> Result<Vec<Mark>> {
        let wrong = || Error::internal("the database told of a changed row in another form");
        let mut marks = Vec::new();
        for line in told.lines() {
            let mut words = line.splitn(4, ' ');
            let (Some(op), Some(table), Some(change), Some(json)) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                return Err(wrong());
            };
            let change = change.parse().map_err(|_| wrong())?;
            if op == "-" {
                let fields: BTreeMap<&str, &RawValue> = serde_json::from_str(json).map_err(Error::internal)?;
                let (row, version) = image::header(&fields)?;
                marks.push(Mark { table: table.to_owned(), row, version, change, digest: None });
            } else {
                marks.extend(self.mark(catalog, table, change, json)?);
            }
        }
        Ok(marks)
    }
}

/// Marks as the member `rows` of a header: for each table the last mark of each row, back to back in base64url.
pub(crate) fn packed(marks: &[Mark]) -> BTreeMap<&str, String> {
    let mut last: BTreeMap<(&str, Uuid), &Mark> = BTreeMap::new();
    for mark in marks {
        let held = last.entry((&mark.table, mark.row)).or_insert(mark);
        if held.change < mark.change {
            *held = mark;
        }
    }
    let mut tables: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    for mark in last.into_values() {
        let bytes = tables.entry(&mark.table).or_default();
        bytes.extend_from_slice(mark.row.as_bytes());
        bytes.extend_from_slice(&mark.version.to_be_bytes());
        bytes.extend_from_slice(&mark.change.to_be_bytes());
        bytes.extend_from_slice(&mark.digest.unwrap_or([0; 32]));
    }
    tables.into_iter().map(|(table, bytes)| (table, URL_SAFE_NO_PAD.encode(bytes))).collect()
}

/// Marks of a header's member `rows`.
pub(crate) fn unpacked(tables: &BTreeMap<String, String>) -> Result<Vec<Mark>> {
    let wrong = || Error::internal("an audit event has digests of rows in another form");
    let mut marks = Vec::new();
    for (table, text) in tables {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        if bytes.len() % PACKED != 0 {
            return Err(wrong());
        }
        for one in bytes.chunks_exact(PACKED) {
            let row = Uuid::from_slice(&one[..16]).map_err(|_| wrong())?;
            let version = i32::from_be_bytes(one[16..20].try_into().map_err(|_| wrong())?);
            let change = i64::from_be_bytes(one[20..28].try_into().map_err(|_| wrong())?);
            let digest: [u8; 32] = one[28..].try_into().map_err(|_| wrong())?;
            let digest = (digest != [0; 32]).then_some(digest);
            marks.push(Mark { table: table.clone(), row, version, change, digest });
        }
    }
    Ok(marks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mark_of_each_row_is_packed_and_read_back() {
        let mark = |row: u128, change: i64, digest: Option<[u8; 32]>| Mark {
            table: "a.b".into(),
            row: Uuid::from_u128(row),
            version: 3,
            change,
            digest,
        };
        let marks = [mark(1, 1, Some([1; 32])), mark(2, 2, Some([2; 32])), mark(1, 3, None)];
        let packed: BTreeMap<String, String> = packed(&marks).into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        assert_eq!(unpacked(&packed).unwrap(), [marks[2].clone(), marks[1].clone()]);
        assert!(unpacked(&BTreeMap::from([("a.b".to_owned(), "AAAA".to_owned())])).is_err());
    }
}
