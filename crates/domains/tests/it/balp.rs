//! Whether an `AuditEvent` has the shape that FHIR R4 and the profiles of IHE BALP demand: elements that must be there, closed
//! sets of codes, slices of agents and entities with how often each may occur (A11).

use crate::world::{World, at};
use salus_domains::audit::balp::audit_events;
use salus_store::{Body, Call};
use serde_json::{Value, json};

const PROFILE: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.";
const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const MEMBERS: [&str; 13] = [
    "resourceType",
    "id",
    "meta",
    "type",
    "subtype",
    "action",
    "recorded",
    "outcome",
    "outcomeDesc",
    "purposeOfEvent",
    "agent",
    "source",
    "entity",
];

fn code<'a>(coding: &'a Value, system: &str) -> &'a str {
    if coding["system"] == system { coding["code"].as_str().unwrap_or_default() } else { "" }
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// What is wrong with an `AuditEvent`.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn unless(&mut self, holds: bool, what: &str) {
        if !holds {
            self.0.push(what.to_owned());
        }
    }

    fn of_elements(&mut self, event: &Value, profile: &str) {
        let members = event.as_object().unwrap();
        self.unless(members.keys().all(|n| MEMBERS.contains(&n.as_str())), "an element that AuditEvent does not have");
        let valued = members.values().all(|v| !v.is_null() && *v != json!([]) && *v != json!({}));
        self.unless(valued, "an element without a value");
        self.unless(event["id"].as_str().is_some_and(|id| (1..=64).contains(&id.len())), "id");
        self.unless(event["recorded"].as_str().is_some_and(|at| at.ends_with('Z') && at.contains('T')), "recorded");
        self.unless(matches!(event["outcome"].as_str(), Some("0" | "4" | "8" | "12")), "outcome");
        self.unless((event["outcome"] == "0") != profile.is_empty(), "a profile where it succeeded, and nowhere else");
        self.unless(event["source"]["observer"]["identifier"]["value"].is_string(), "source.observer");
    }

    fn of_agents(&mut self, event: &Value, action: &str) {
        let agents = list(event, "agent");
        for agent in agents {
            self.unless(agent["requestor"].is_boolean() && agent["type"]["coding"][0]["code"].is_string(), "agent");
            let who = agent["who"]["identifier"]["value"].as_str();
            self.unless(who.is_some_and(|v| v.starts_with("urn:")), "agent.who");
            if agent["requestor"] == true {
                let why = agent["purposeOfUse"][0]["coding"][0]["code"].is_string();
                self.unless(agent.get("network").is_none() && why, "the user");
            } else {
                let network = &agent["network"];
                self.unless(network["address"].is_string() && network["type"] == "5", "agent.network");
            }
        }
        let of = |wanted: &str| agents.iter().filter(|a| a["type"]["coding"][0]["code"] == wanted).count();
        let users = agents.iter().filter(|a| a["requestor"] == true).count();
        let part = if ["C", "U", "D"].contains(&action) { "AUT" } else { "IRCP" };
        self.unless(users <= 1 && users == of(part), "at most one user, in the right part");
        let ends = if action == "D" { ["110150", "custodian"] } else { ["110153", "110152"] };
        self.unless(ends.iter().all(|end| of(end) == 1), "one client and one server");
        // Where the answer flows from: the server is the source of what is read.
        let source = agents.iter().find(|a| code(&a["type"]["coding"][0], DICOM) == "110153").map(|a| &a["who"]);
        let server = source == Some(&event["source"]["observer"]);
        self.unless(action == "D" || server == (action == "R"), "the source role");
    }

    fn of_entities(&mut self, event: &Value, (action, profile): (&str, &str)) {
        let all = list(event, "entity");
        let of = |kind: &str, role: &str| {
            all.iter().filter(|e| e["type"]["code"] == kind && e["role"]["code"] == role).count()
        };
        let persons = of("1", "1");
        let person = |e: &Value| e["what"]["reference"].as_str().is_some_and(|r| r.starts_with("Patient/"));
        self.unless(all.iter().filter(|e| e["type"]["code"] == "1").all(person), "the patient");
        let transactions: Vec<&Value> = all.iter().filter(|e| e["type"]["code"] == "XrequestId").collect();
        let valued = transactions.iter().all(|e| e["what"]["identifier"]["value"].is_string());
        self.unless(transactions.len() == 1 && valued, "X-Request-Id");
        let (data, query) = (of("2", "4") + of("2", "3"), of("2", "24"));
        let interaction = "http://hl7.org/fhir/restful-interaction";
        let lifecycle = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle";
        let (name, subtype) = match action {
            "C" => ("Create", "create"),
            "R" => ("Read", "read"),
            "U" => ("Update", "update"),
            "D" => ("Delete", "delete"),
            "E" => ("Query", "search"),
            _ => ("", ""),
        };
        if event["type"]["code"] == "110106" {
            let disclosed = list(event, "subtype").iter().filter(|s| code(s, lifecycle) == "disclose").count();
            self.unless(["PrivacyDisclosure.Source", ""].contains(&profile) && action == "R", "profile");
            let purpose = !list(event, "purposeOfEvent").is_empty();
            self.unless(disclosed == 1 && persons == 1 && data == 1 && purpose, "disclosure");
        } else {
            let own = format!("{}{name}", if persons == 1 { "Patient" } else { "" });
            self.unless(event["type"]["code"] == "rest" && (profile.is_empty() || profile == own), "profile");
            let subtypes: Vec<&str> = list(event, "subtype").iter().map(|s| code(s, interaction)).collect();
            self.unless(subtypes == [subtype], "subtype");
            self.unless((data, query) == if action == "E" { (0, 1) } else { (1, 0) }, "what it was done with");
        }
        self.unless(persons <= 1, "one person an event");
    }
}

/// What is wrong with an `AuditEvent`.
pub fn faults(event: &Value) -> Vec<String> {
    let profile = list(&event["meta"], "profile").first().and_then(Value::as_str).unwrap_or_default();
    let profile = profile.strip_prefix(PROFILE).unwrap_or_default();
    let action = event["action"].as_str().unwrap_or_default();
    let mut wrong = Wrong::default();
    wrong.of_elements(event, profile);
    wrong.of_agents(event, action);
    wrong.of_entities(event, (action, profile));
    wrong.0.into_iter().map(|what| format!("{what}: {event}")).collect()
}

/// The same of every `AuditEvent` of a header of the log.
pub fn faults_of(header: &Value) -> Vec<String> {
    let events = audit_events(header, None);
    assert!(!events.is_empty());
    events.iter().flat_map(faults).collect()
}

#[tokio::test]
async fn accesses_are_given_as_audit_events() {
    let world = World::new().await;
    let body = json!({"family_name": "Balp", "given_names": "Ana"});
    let made = world.create("medical.patient.create", body).await.id().unwrap().to_string();
    world.call("medical.patient.get", at(&made)).await.unwrap();
    world.call("medical.patient.list", Call::default()).await.unwrap();
    let ask = async |patient: &str| {
        let query = vec![("patient".to_owned(), patient.to_owned())];
        world.call("audit.log.fhir", Call { query, ..Call::default() }).await
    };
    let Body::Json(bundle) = ask(&made).await.unwrap().body else { panic!("no bundle") };
    let all: Vec<&Value> = list(&bundle, "entry").iter().map(|e| &e["resource"]).collect();
    for event in &all {
        assert_eq!(faults(event), Vec::<String>::new());
        assert!(event["entity"].to_string().contains(&format!("Patient/{made}")), "{event}");
    }
    let profile = |event: &&Value| event["meta"]["profile"][0].as_str().unwrap().replace(PROFILE, "");
    let profiles: Vec<String> = all.iter().map(profile).collect();
    assert_eq!(profiles, ["PatientQuery", "PatientRead", "PatientCreate"]);
    assert!(!bundle.to_string().contains("Balp"), "what a record holds is not in it");
    assert_eq!(ask(&world.tenant.to_string()).await.unwrap_err().code(), "not_found");
    let none = world.call("audit.log.fhir", Call::default()).await.unwrap_err();
    assert!(none.to_string().contains("patient"), "{none}");
}

#[test]
fn the_checker_finds_what_is_missing() {
    let header = json!({"id": "e", "at": "2026-01-01T00:00:00Z", "action": "medical.patient.get", "outcome": "success", "row": "r",
        "actor": "a", "actor_kind": "user", "purpose": "TREAT", "request": "q", "tenant": "t", "channel": "api", "target": "x"});
    let [good] = &audit_events(&header, Some(uuid::Uuid::from_u128(1)))[..] else { panic!("one person, one event") };
    assert_eq!(faults(good), Vec::<String>::new());
    for (path, value) in [
        ("/meta/profile/0", json!(format!("{PROFILE}PatientQuery"))),
        ("/agent/0/network", json!({})),
        ("/agent/0/type/coding/0/code", json!("110153")),
        ("/agent/2/requestor", json!(false)),
        ("/entity/1/what/reference", json!("Person/1")),
        ("/entity/2/role/code", json!("24")),
        ("/outcome", json!("1")),
        ("/subtype/0/code", json!("vread2")),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(path).unwrap() = value;
        assert_ne!(faults(&bad), Vec::<String>::new(), "{path}");
    }
}
