//! What an event says in clear: who, what, on which records, why, and how it ended. Ids and names only.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use salus_core::{Ctx, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Done.
    Success,
    /// Not permitted.
    Refused,
    /// Tried, and nothing was done.
    Failed,
}

/// The header of an event as it is stored and shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// When.
    pub at: OffsetDateTime,
    /// The operation's name.
    pub action: String,
    /// The table.
    pub target: String,
    /// The row, when the call was about one.
    pub row: Option<Uuid>,
    /// How many rows it read or wrote.
    pub count: usize,
    /// Columns whose sealed values were opened, as `schema.table.column`.
    pub columns: Vec<String>,
    /// The persons those rows are about.
    pub subjects: Vec<Uuid>,
    /// Digests of the rows it wrote, by table.
    pub rows: BTreeMap<String, String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The error code when it did not end well.
    pub code: Option<String>,
    /// The rules by which it was refused, in words.
    pub why: Vec<String>,
}

impl Outcome {
    /// The name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl Header {
    /// Canonical JSON (RFC 8785): members in order of their names, no white space, integers only.
    ///
    /// # Errors
    /// [`Error::Internal`] when a value cannot be written as JSON.
    pub fn canonical(&self, ctx: &Ctx, id: Uuid) -> Result<Vec<u8>> {
        // Members are listed in order, so that the text is canonical whatever map serde_json is built with.
        let members: [(&str, Value); 21] = [
            ("action", json!(self.action)),
            ("actor", json!(ctx.actor.id)),
            ("actor_kind", json!(ctx.actor.kind)),
            ("at", json!(self.at.format(&Rfc3339).map_err(Error::internal)?)),
            ("channel", json!(ctx.channel)),
            ("code", json!(self.code)),
            ("columns", json!(self.columns)),
            ("count", json!(self.count)),
            ("id", json!(id)),
            ("outcome", json!(self.outcome)),
            ("policy", json!(ctx.policy)),
            ("purpose", json!(ctx.purpose)),
            ("request", json!(ctx.request)),
            ("roles", json!(&*ctx.actor.roles)),
            ("row", json!(self.row)),
            ("rows", json!(self.rows)),
            ("session", json!(ctx.actor.session)),
            ("subjects", json!(packed(&self.subjects))),
            ("target", json!(self.target)),
            ("tenant", json!(ctx.tenant)),
            ("why", json!(self.why)),
        ];
        let mut out = vec![b'{'];
        for (name, value) in
            members.into_iter().filter(|(_, v)| !v.is_null() && *v != json!([]) && *v != json!("") && *v != json!({}))
        {
            if out.len() > 1 {
                out.push(b',');
            }
            serde_json::to_writer(&mut out, name).map_err(Error::internal)?;
            out.push(b':');
            serde_json::to_writer(&mut out, &value).map_err(Error::internal)?;
        }
        out.push(b'}');
        Ok(out)
    }
}

/// The persons a canonical header names; none when it is no header.
pub(super) fn subjects(header: &[u8]) -> Vec<Uuid> {
    #[derive(Deserialize)]
    struct Said<'a> {
        #[serde(borrow, default)]
        subjects: &'a str,
    }
    let said = serde_json::from_slice::<Said<'_>>(header).map(|said| said.subjects).unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD.decode(said).unwrap_or_default();
    bytes.chunks_exact(16).filter_map(|id| Uuid::from_slice(id).ok()).collect()
}

/// Ids back to back in base64url: 22 characters a person instead of 39.
fn packed(ids: &[Uuid]) -> String {
    URL_SAFE_NO_PAD.encode(ids.iter().flat_map(|id| *id.as_bytes()).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use salus_core::Env;
    use time::macros::datetime;

    #[test]
    fn is_canonical_and_leaves_out_what_is_empty() {
        let env = Env::fixed(datetime!(2026-11-21 10:00 UTC));
        let ctx = Ctx::operator(&env, Uuid::from_u128(1));
        let header = Header {
            at: env.now(),
            action: "medical.patient.get".into(),
            target: "medical.patients".into(),
            row: Some(Uuid::from_u128(2)),
            count: 1,
            columns: vec!["medical.patients.mrn".into()],
            subjects: vec![Uuid::from_u128(2)],
            rows: BTreeMap::new(),
            outcome: Outcome::Success,
            code: None,
            why: Vec::new(),
        };
        let text = String::from_utf8(header.canonical(&ctx, Uuid::from_u128(3)).unwrap()).unwrap();
        assert!(text.starts_with(r#"{"action":"medical.patient.get","actor":"0000"#), "{text}");
        assert!(text.contains(r#""at":"2026-11-21T10:00:00Z""#) && !text.contains("code") && !text.contains("roles"));
        let read: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
        let names: Vec<_> = read.keys().collect();
        assert!(names.is_sorted());
    }
}
