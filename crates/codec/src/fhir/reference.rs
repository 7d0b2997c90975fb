//! What a FHIR reference points to: by id, by identifier, or by an address that only its own Bundle can explain.

use super::types::{is_id, is_resource_type};
use crate::json::{Json, Object};
use std::borrow::Cow;

/// How the target of a reference is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// By its id at the source: `Patient/x`, relative or absolute.
    Id(String),
    /// By one of its identifiers: a conditional reference (`Practitioner?identifier=system|value`) or a logical one.
    Identifier {
        /// Register of the identifier; empty if none was given.
        system: String,
        /// The identifier itself.
        value: String,
    },
    /// By an address such as `urn:uuid:…`: the `fullUrl` of an entry in the same Bundle.
    Url(String),
}

/// A reference that belongs in a column.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Reference {
    /// The column the target's row id goes to, such as `encounter_id`.
    pub column: Cow<'static, str>,
    /// Type of the target, such as `Encounter`; empty when the reference does not tell it.
    pub target_type: Cow<'static, str>,
    /// Which one.
    pub target: Target,
}

impl Reference {
    /// The text of the `reference` element.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.target {
            Target::Id(id) => format!("{}/{id}", self.target_type),
            Target::Identifier { system, value } => {
                format!("{}?identifier={}|{}", self.target_type, escape(system), escape(value))
            }
            Target::Url(url) => url.clone(),
        }
    }
}

/// The target of a Reference element, with its type where it can be told. `None`: it names nothing outside its own
/// resource.
pub(super) fn read(element: &Object<'_>) -> Option<(String, Target)> {
    let told = element.get("type").and_then(Json::as_str).unwrap_or_default().to_owned();
    if let Some(text) = element.get("reference").and_then(Json::as_str) {
        return parse(text, told);
    }
    let identifier = element.get("identifier")?;
    let value = identifier.get("value")?.as_str()?.to_owned();
    let system = identifier.get("system").and_then(Json::as_str).unwrap_or_default().to_owned();
    Some((told, Target::Identifier { system, value }))
}

fn parse(text: &str, told: String) -> Option<(String, Target)> {
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    if let Some((kind, query)) = text.split_once('?') {
        let kind = kind.rsplit('/').next().filter(|k| is_resource_type(k))?;
        let token = query.split('&').find_map(|pair| pair.strip_prefix("identifier="))?;
        let token = unescape(token);
        let (system, value) = token.split_once('|').unwrap_or(("", &token));
        if value.is_empty() {
            return None;
        }
        return Some((kind.to_owned(), Target::Identifier { system: system.to_owned(), value: value.to_owned() }));
    }
    let plain = text.split_once("/_history/").map_or(text, |(before, _)| before);
    let mut parts = plain.rsplit('/');
    match (parts.next(), parts.next()) {
        (Some(id), Some(kind)) if is_id(id) && is_resource_type(kind) => {
            Some((kind.to_owned(), Target::Id(id.to_owned())))
        }
        _ => Some((told, Target::Url(text.to_owned()))),
    }
}

/// Percent-encodes what would end a query value early.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => out.push_str("%25"),
            '&' => out.push_str("%26"),
            '|' => out.push_str("%7C"),
            '#' => out.push_str("%23"),
            '+' => out.push_str("%2B"),
            ' ' => out.push_str("%20"),
            c => out.push(c),
        }
    }
    out
}

fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let code = (bytes[i] == b'%')
            .then(|| text.get(i + 1..i + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok()))
            .flatten();
        out.push(code.unwrap_or(bytes[i]));
        i += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<(String, Target)> {
        parse(text, String::new())
    }

    #[test]
    fn reads_every_form() {
        let patient = |id: &str| Some(("Patient".to_owned(), Target::Id(id.to_owned())));
        assert_eq!(of("Patient/a.1"), patient("a.1"));
        assert_eq!(of("https://ehr.example/fhir/Patient/7/_history/3"), patient("7"));
        let npi = Target::Identifier { system: "http://hl7.org/fhir/sid/us-npi".into(), value: "9|1".into() };
        let reference = Reference { column: "x".into(), target_type: "Practitioner".into(), target: npi.clone() };
        assert_eq!(
            of("Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|9%7C1"),
            Some(("Practitioner".into(), npi))
        );
        assert_eq!(of(&reference.text()).map(|r| r.1), Some(reference.target));
        let urn = "urn:uuid:78eb1ea7-7e46-5eba-a5d7-108eba5d294b";
        assert_eq!(of(urn), Some((String::new(), Target::Url(urn.to_owned()))));
        assert_eq!(of("#p1"), None);
        assert_eq!(of("Practitioner?name=x"), None);
        assert_eq!(of("Practitioner?identifier=%zz|%e9").map(|r| r.0), Some("Practitioner".into()));
    }
}
