//! Events of the audit log as FHIR R4 `AuditEvent` resources in the shape of IHE Basic Audit Log Patterns (BALP 1.1.3, ITI): Read, Query,
//! Create, Update, Delete, each with or without a patient, and the disclosure as its source records it.
//!
//! What an event is follows from what its header says: a name that ends with `create` or `delete`, digests of rows that it
//! wrote, a row that it was about. BALP is about what was done: what was refused or failed has the same shape, an outcome that
//! says so, and names no profile. One `AuditEvent` is about one person at most, as the profiles demand, so an event about
//! several becomes several. The log keeps no network addresses: the two that the profiles demand are the channel and the
//! organization, as URIs. What was searched for is sealed, so that a query is told by the name of the operation.

use super::reads::{LIMIT, name_actors};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use salus_core::{Error, Result};
use salus_store::{Row, Tx, sql};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

const PROFILE: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.";
const ENTITY: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
const URI: &str = "urn:ietf:rfc:3986";

/// What was done, as BALP tells it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Create,
    Read,
    Update,
    Delete,
    Query,
    Disclosure,
}

impl Kind {
    fn of(header: &Value, about: bool) -> Self {
        let verb = text(header, "action").rsplit('.').next().unwrap_or_default();
        let wrote = header["rows"].as_object().is_some_and(|rows| !rows.is_empty());
        match verb {
            "export" if about => Self::Disclosure,
            "create" => Self::Create,
            "delete" | "remove" if wrote => Self::Delete,
            _ if wrote => Self::Update,
            _ if header["row"].is_string() => Self::Read,
            _ => Self::Query,
        }
    }

    /// The profile, and whether it has one of its own about a person.
    fn profile(self, about: bool) -> String {
        let name = match self {
            Self::Create => "Create",
            Self::Read => "Read",
            Self::Update => "Update",
            Self::Delete => "Delete",
            Self::Query => "Query",
            Self::Disclosure => return format!("{PROFILE}PrivacyDisclosure.Source"),
        };
        format!("{PROFILE}{}{name}", if about { "Patient" } else { "" })
    }

    /// Code of `AuditEvent.action` and of the interaction.
    fn codes(self) -> (&'static str, &'static str) {
        match self {
            Self::Create => ("C", "create"),
            Self::Read | Self::Disclosure => ("R", "read"),
            Self::Update => ("U", "update"),
            Self::Delete => ("D", "delete"),
            Self::Query => ("E", "search"),
        }
    }

    /// The roles in which client and server take part.
    fn ends(self) -> (Value, Value) {
        let (source, destination) =
            (coding(DICOM, "110153", "Source Role ID"), coding(DICOM, "110152", "Destination Role ID"));
        match self {
            // The answer flows from the server.
            Self::Read | Self::Disclosure => (destination, source),
            Self::Create | Self::Update | Self::Query => (source, destination),
            Self::Delete => {
                let custodian = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";
                (coding(DICOM, "110150", "Application"), coding(custodian, "custodian", "Custodian"))
            }
        }
    }

    fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Delete)
    }
}

fn text<'a>(header: &'a Value, name: &str) -> &'a str {
    header[name].as_str().unwrap_or_default()
}

fn coding(system: &str, code: &str, display: &str) -> Value {
    json!({"system": system, "code": code, "display": display})
}

fn concept(coding: &Value) -> Value {
    json!({"coding": [coding]})
}

fn identified(urn: &str) -> Value {
    json!({"identifier": {"system": URI, "value": urn}})
}

/// The persons that a header names.
fn persons(header: &Value) -> Vec<Uuid> {
    let bytes = URL_SAFE_NO_PAD.decode(text(header, "subjects")).unwrap_or_default();
    bytes.chunks_exact(16).filter_map(|id| Uuid::from_slice(id).ok()).collect()
}

/// The resources of a header: one for each person that it is about, or only that of one person; one without where it is
/// about nobody.
#[must_use]
pub fn audit_events(header: &Value, only: Option<Uuid>) -> Vec<Value> {
    let persons = only.map_or_else(|| persons(header), |one| vec![one]);
    match persons.as_slice() {
        [] => vec![audit_event(header, None, text(header, "id").to_owned())],
        [one] => vec![audit_event(header, Some(*one), text(header, "id").to_owned())],
        several => {
            let id = |n: usize| format!("{}-{}", text(header, "id"), n + 1);
            several.iter().enumerate().map(|(n, person)| audit_event(header, Some(*person), id(n))).collect()
        }
    }
}

fn audit_event(header: &Value, person: Option<Uuid>, id: String) -> Value {
    let kind = Kind::of(header, person.is_some());
    let (action, interaction) = kind.codes();
    let mut event = Map::new();
    let mut put = |name: &str, value: Value| _ = event.insert(name.to_owned(), value);
    put("resourceType", json!("AuditEvent"));
    put("id", Value::String(id));
    let succeeded = header["outcome"] == "success";
    if succeeded {
        put("meta", json!({"profile": [kind.profile(person.is_some())]}));
    }
    put(
        "type",
        match kind {
            Kind::Disclosure => coding(DICOM, "110106", "Export"),
            _ => coding("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest", "Restful Operation"),
        },
    );
    let interaction = coding("http://hl7.org/fhir/restful-interaction", interaction, interaction);
    put(
        "subtype",
        match kind {
            Kind::Disclosure => {
                let lifecycle = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle";
                json!([coding(lifecycle, "disclose", "Disclose Record Lifecycle Event"), interaction])
            }
            _ => json!([interaction]),
        },
    );
    put("action", json!(action));
    put("recorded", header["at"].clone());
    // 4: refused, and nothing was done; 8: tried, and not done.
    let outcome = if succeeded {
        "0"
    } else if header["outcome"] == "refused" {
        "4"
    } else {
        "8"
    };
    put("outcome", json!(outcome));
    if header["code"].is_string() {
        put("outcomeDesc", header["code"].clone());
    }
    let purpose = purpose(header);
    if kind == Kind::Disclosure {
        put("purposeOfEvent", json!([purpose]));
    }
    put("agent", agents(header, kind, &purpose));
    let observer = identified(&format!("urn:uuid:{}", text(header, "tenant")));
    let server = coding("http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server");
    put("source", json!({"observer": observer, "type": [server]}));
    put("entity", Value::Array(entities(header, kind, person)));
    Value::Object(event)
}

/// Why: the codes of the log are those of `v3-ActReason`.
fn purpose(header: &Value) -> Value {
    concept(&json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": header["purpose"]}))
}

fn agents(header: &Value, kind: Kind, purpose: &Value) -> Value {
    let (client, server) = kind.ends();
    let channel = format!("urn:salus:channel:{}", text(header, "channel"));
    let tenant = format!("urn:uuid:{}", text(header, "tenant"));
    let end = |role: &Value, who: &str| {
        let network = json!({"address": who, "type": "5"});
        json!({"type": concept(role), "who": identified(who), "requestor": false, "network": network})
    };
    let mut all = vec![end(&client, &channel), end(&server, &tenant)];
    // Nobody asks for what the system does by itself.
    if header["actor_kind"] != "system" {
        let role = if kind.writes() {
            coding(PARTICIPATION, "AUT", "author (originator)")
        } else {
            coding(PARTICIPATION, "IRCP", "information recipient")
        };
        let mut who = identified(&format!("urn:uuid:{}", text(header, "actor")));
        let name = header["actor_name"].as_str().unwrap_or_else(|| text(header, "actor_kind"));
        who["display"] = json!(name);
        let mut user =
            json!({"type": concept(&role), "who": who, "name": name, "requestor": true, "purposeOfUse": [purpose]});
        let roles = header["roles"].as_array().map_or(&[][..], Vec::as_slice);
        if !roles.is_empty() {
            user["role"] = roles.iter().map(|role| json!({"text": role})).collect();
        }
        all.push(user);
    }
    Value::Array(all)
}

fn entities(header: &Value, kind: Kind, person: Option<Uuid>) -> Vec<Value> {
    let mut all = Vec::new();
    if header["request"].is_string() {
        let kind = coding(
            "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType",
            "XrequestId",
            "transport specific unique identifier where http X-Request-Id is used",
        );
        all.push(json!({"type": kind, "what": {"identifier": {"value": header["request"]}}}));
    }
    if let Some(person) = person {
        all.push(json!({"type": coding(ENTITY, "1", "Person"), "role": coding(ROLE, "1", "Patient"),
                        "what": {"reference": format!("Patient/{person}")}}));
    }
    let object = coding(ENTITY, "2", "System Object");
    if kind == Kind::Query {
        let query = STANDARD.encode(text(header, "action"));
        all.push(json!({"type": object, "role": coding(ROLE, "24", "Query"), "query": query,
                        "description": header["action"]}));
        return all;
    }
    let role =
        if kind == Kind::Disclosure { coding(ROLE, "3", "Report") } else { coding(ROLE, "4", "Domain Resource") };
    let mut what = match header["row"].as_str() {
        Some(row) => identified(&format!("urn:uuid:{row}")),
        None => json!({}),
    };
    what["display"] = if header["target"].is_string() { header["target"].clone() } else { header["action"].clone() };
    let mut data = json!({"type": object, "role": role, "what": what});
    // Which columns were opened; the profile of Delete knows no detail.
    let columns = header["columns"].as_array().map_or(&[][..], Vec::as_slice);
    if !columns.is_empty() && kind != Kind::Delete {
        data["detail"] = columns.iter().map(|column| json!({"type": "opened", "valueString": column})).collect();
    }
    all.push(data);
    all
}

/// What is asked of the log.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// About whom; none for all of the organization.
    pub patient: Option<Uuid>,
    /// First moment.
    pub from: OffsetDateTime,
    /// First moment that is not in it.
    pub to: OffsetDateTime,
}

/// Headers newest first, with the names of the actors, and when the last of them was where there are more.
///
/// # Errors
/// Those of the database.
pub async fn headers(tx: &mut Tx, asked: Asked) -> Result<(Vec<Value>, Option<OffsetDateTime>)> {
    let rows = if let Some(patient) = asked.patient {
        let sql = sql!(
            "SELECT l.recorded_at, l.header FROM audit.events_about($1, $2) s \
                 JOIN audit.activity_logs l ON l.recorded_at = s.recorded_at AND l.id = s.id \
                 WHERE s.recorded_at < $3 ORDER BY s.recorded_at DESC, s.id DESC LIMIT $4"
        );
        tx.query(sql, &[&patient, &asked.from, &asked.to, &(LIMIT + 1)]).await?
    } else {
        let sql = sql!(
            "SELECT l.recorded_at, l.header FROM audit.activity_logs l WHERE l.recorded_at >= $1 AND l.recorded_at < $2 \
                 ORDER BY l.recorded_at DESC, l.id DESC LIMIT $3"
        );
        tx.query(sql, &[&asked.from, &asked.to, &(LIMIT + 1)]).await?
    };
    let limit = usize::try_from(LIMIT).map_err(Error::internal)?;
    let read = |row: &Row| serde_json::from_slice::<Value>(row.get("header")).map_err(Error::internal);
    let mut found = rows.iter().take(limit).map(read).collect::<Result<Vec<Value>>>()?;
    name_actors(tx, &mut found).await?;
    Ok((found, rows.get(limit).map(|_| rows[limit - 1].get("recorded_at"))))
}
