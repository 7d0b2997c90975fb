//! Reports that can be shown to others: a drill's, signed with the key of the audit log, as a C2SP signed-note whose
//! text is a line that says what it is, and a line of JSON. It is checked without a database, with the key that
//! `salus audit verify` prints; a report cannot pass for a head of the log, nor a head for a report.

use super::{
    log::Log,
    merkle::{Note, VerifyingKey},
    plain,
};
use salus_core::{Error, Result};
use serde_json::Value;

/// What the first line ends with, behind the log's name.
const KIND: &str = "/report";

/// The signed note of a report; `None` when the log has no key yet.
///
/// # Errors
/// Those of the database, and a key that does not open.
pub async fn sign(log: &Log, report: &Value) -> Result<Option<String>> {
    let mut client = log.connect().await?;
    let tx = client.transaction().await.map_err(|e| plain(&e))?;
    let Some(key) = log.key(&tx).await? else { return Ok(None) };
    Ok(Some(key.sign_text(&format!("{}{KIND}\n{report}\n", key.public().name()))))
}

/// The key that signs the reports of this installation; `None` when there is none yet.
///
/// # Errors
/// As [`sign`].
pub async fn key(log: &Log) -> Result<Option<VerifyingKey>> {
    let mut client = log.connect().await?;
    let tx = client.transaction().await.map_err(|e| plain(&e))?;
    Ok(log.key(&tx).await?.map(|key| key.public().clone()))
}

/// Whether a file looks like a report.
#[must_use]
pub fn is_one(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.ends_with(KIND))
}

/// The report of a note, when `key` signed it.
///
/// # Errors
/// [`Error::Invalid`] on `report`.
pub fn open(note: &str, key: &VerifyingKey) -> Result<Value> {
    let wrong = || Error::invalid("report", "unreadable", "Is no signed report");
    let note = Note::parse(note).ok_or_else(wrong)?;
    let (kind, json) = note.signed("report", key)?.split_once('\n').ok_or_else(wrong)?;
    if kind != format!("{}{KIND}", key.name()) {
        return Err(wrong());
    }
    serde_json::from_str(json).map_err(|_| wrong())
}

/// The same of a report of this installation's own, which a key that was exchanged since may have signed.
///
/// # Errors
/// As [`open`].
pub fn open_own(note: &str, key: &VerifyingKey) -> Result<Value> {
    let told = open(note, key);
    told.or_else(|e| key.former().find_map(|former| open(note, &former).ok()).ok_or(e))
}

/// The same without asking who signed it: for one's own reports, which are read to see when the last one was.
#[must_use]
pub fn glance(note: &str) -> Option<Value> {
    serde_json::from_str(note.lines().nth(1).filter(|_| is_one(note))?).ok()
}

#[cfg(test)]
mod tests {
    use super::super::merkle::{Checkpoint, SigningKey};
    use super::*;
    use crate::seal::Secret;
    use serde_json::json;

    #[test]
    fn a_report_is_not_a_head_and_no_byte_of_it_can_be_changed() {
        let key = SigningKey::new("salus-1/audit", &Secret::new([3; 32])).unwrap();
        let report = json!({"ok": true, "problems": ["a\n\nb"]});
        let note = key.sign_text(&format!("salus-1/audit{KIND}\n{report}\n"));
        assert_eq!(open(&note, key.public()).unwrap(), report);
        assert_eq!(glance(&note).unwrap(), report);
        assert!(Note::parse(&note).unwrap().open(key.public()).is_err());
        assert!(open(&note.replace("true", "null"), key.public()).is_err());
        let head = key.sign(&Checkpoint { origin: "salus-1/audit/e1".into(), size: 1, root: [0; 32] });
        assert!(open(&head, key.public()).is_err() && !is_one(&head));
        let other = SigningKey::new("salus-1/audit", &Secret::new([4; 32])).unwrap();
        assert!(open(&note, other.public()).is_err() && open_own(&note, other.public()).is_err());
    }
}
