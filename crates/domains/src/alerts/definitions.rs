//! What raises an alert, whom it reaches and how it escalates. A definition is never changed: saving one of the same code
//! makes its next version, and the newest counts. Those that come with the product are data ([`BUILT_IN`]) and become rows
//! when they are first needed; an organization changes one by saving a version of its own.

use super::{
    condition::Condition,
    reads, replay,
    severity::{Channel, Severity, Step, Target},
};
use crate::{auth, row};
use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Param, Reply, Row, Tx, engine::NewRow, run, sql};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

pub(super) const TABLE: &str = "alerts.alert_definitions";
const PATH: &str = "/api/v1/alerts/real-time/definitions";
const PERMISSION: &str = "ops.alert.define";
/// More alerts a day than this have to be confirmed.
pub(super) const MANY_A_DAY: i64 = 200;

/// Definitions that come with the product.
const BUILT_IN: &str = include_str!("builtin.json");

/// Whom a definition reaches.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Audience {
    /// None named: whoever may read the alert.
    #[serde(default)]
    pub(super) targets: Vec<Target>,
}

/// What ends an alert without a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AutoResolve {
    /// One of these events about the same row.
    #[serde(default)]
    pub(super) on: Vec<String>,
    /// So many seconds since it was last seen; it expires then.
    #[serde(default)]
    pub(super) after_s: Option<i64>,
    /// That the condition, which must be one of METRIC, holds no more.
    #[serde(default)]
    pub(super) when_clear: bool,
}

/// A definition as it is used.
#[derive(Debug, Clone)]
pub(super) struct Definition {
    pub(super) id: Uuid,
    pub(super) version: i32,
    pub(super) code: String,
    pub(super) name: String,
    pub(super) category: String,
    pub(super) severity: Severity,
    pub(super) source: String,
    /// None for what a person or the product raises by name.
    pub(super) condition: Option<Condition>,
    pub(super) key: String,
    pub(super) dedupe_window_s: i32,
    pub(super) cooldown_s: i32,
    pub(super) auto_resolve: AutoResolve,
    /// Its own chain; empty: that of the severity.
    pub(super) escalation: Vec<Step>,
    /// Its own ways; none: those of the severity.
    pub(super) channels: Vec<Channel>,
    pub(super) audience: Audience,
    pub(super) title_key: Option<String>,
    pub(super) enabled: bool,
}

impl Definition {
    /// The chain of an alert of this severity.
    pub(super) fn chain(&self, severity: Severity) -> Vec<Step> {
        if self.escalation.is_empty() { severity.chain() } else { self.escalation.clone() }
    }

    fn of(row: &Row) -> Result<Self> {
        let wrong = |e: serde_json::Error| Error::internal(format!("a definition cannot be read: {e}"));
        let code: String = row.get("code");
        let condition: Value = row.get("condition");
        let templates: BTreeMap<String, Value> = serde_json::from_value(row.get("template_ids")).map_err(wrong)?;
        let names: Vec<String> = row.get("channels");
        Ok(Self {
            id: row.get("id"),
            version: row.get("version"),
            name: row.get("name"),
            category: row.get("category"),
            severity: Severity::named("severity", row.get("severity"))?,
            source: row.get("source"),
            condition: if condition.as_object().is_some_and(Map::is_empty) {
                None
            } else {
                Some(Condition::read(&condition)?)
            },
            key: row.get::<_, Option<String>>("key").unwrap_or_else(|| usual_key(&code, row.get("source"))),
            dedupe_window_s: row.get("dedupe_window_s"),
            cooldown_s: row.get("cooldown_s"),
            auto_resolve: match row.get::<_, Option<Value>>("auto_resolve") {
                Some(value) => serde_json::from_value(value).map_err(wrong)?,
                None => AutoResolve::default(),
            },
            escalation: serde_json::from_value(row.get("escalation")).map_err(wrong)?,
            channels: Channel::all_named("channels", &names)?,
            audience: serde_json::from_value(row.get("audience")).map_err(wrong)?,
            title_key: templates.get("IN_APP").and_then(Value::as_str).map(str::to_owned),
            enabled: row.get("enabled"),
            code,
        })
    }
}

/// What a person saves.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    code: String,
    name: String,
    category: String,
    severity: String,
    source: String,
    #[serde(default)]
    condition: Value,
    dedupe_key_template: Option<String>,
    #[serde(default)]
    dedupe_window_s: i32,
    #[serde(default)]
    cooldown_s: i32,
    auto_resolve: Option<AutoResolve>,
    #[serde(default)]
    escalation: Vec<Step>,
    #[serde(default)]
    channels: Vec<String>,
    #[serde(default)]
    audience: Audience,
    #[serde(default)]
    template_ids: Map<String, Value>,
    #[serde(default)]
    ack_required: bool,
    ack_sla_s: Option<i32>,
    enabled: Option<bool>,
    owner: Option<String>,
    /// That it may fire more than [`MANY_A_DAY`] times a day.
    #[serde(default)]
    confirm: bool,
}

impl Draft {
    /// The condition; none for MANUAL.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming what does not fit.
    fn checked(&self) -> Result<Option<Condition>> {
        Severity::named("severity", &self.severity)?;
        Channel::all_named("channels", &self.channels)?;
        let condition = match self.source.as_str() {
            "MANUAL" if self.condition.is_null() || self.condition == json!({}) => None,
            "MANUAL" => {
                let message = "Is left out: a person raises what is MANUAL";
                return Err(Error::invalid("condition", "condition_invalid", message));
            }
            "EVENT" | "METRIC" | "SCHEDULE" => Some(Condition::read(&self.condition)?),
            _ => {
                let message = "Is EVENT, METRIC (asked every minute), SCHEDULE (at set times) or MANUAL";
                return Err(Error::invalid("source", "not_allowed", message));
            }
        };
        if let Some(condition) = &condition {
            let (named, measured) = (condition.named_events(), condition.metrics());
            if self.source == "EVENT" && (named.is_empty() || !measured.is_empty()) {
                let message = "Of source EVENT names at least one {\"event\": …} and no metric";
                return Err(Error::invalid("condition", "condition_invalid", message));
            }
            if self.source == "METRIC" && !named.is_empty() {
                let message =
                    "Of source METRIC names no {\"event\": …}: it is asked every minute, not when something happens";
                return Err(Error::invalid("condition", "condition_invalid", message));
            }
            let times = condition.schedules().len();
            if self.source == "SCHEDULE" && (times != 1 || !named.is_empty()) {
                let message = "Of source SCHEDULE names one {\"schedule\": …} and no {\"event\": …}";
                return Err(Error::invalid("condition", "condition_invalid", message));
            }
            if self.source != "SCHEDULE" && times > 0 {
                let message = "Names a {\"schedule\": …} only of source SCHEDULE";
                return Err(Error::invalid("condition", "condition_invalid", message));
            }
        }
        self.check_chain()?;
        self.check_end()?;
        self.check_key()?;
        Ok(condition)
    }

    fn check_chain(&self) -> Result<()> {
        let mut before = 0;
        for step in &self.escalation {
            if step.after_s < before || step.after_s < 1 || step.after_s > 30 * 86_400 {
                let message = "Steps come in the order of after_s, which is 1 to 2592000 seconds";
                return Err(Error::invalid("escalation", "wrong_order", message));
            }
            if step.targets.is_empty() && !step.again {
                return Err(Error::invalid("escalation", "no_target", "Each step names whom it tells, or is again"));
            }
            Channel::all_named("escalation", &step.channels)?;
            before = step.after_s;
        }
        Ok(())
    }

    fn check_end(&self) -> Result<()> {
        let Some(end) = &self.auto_resolve else { return Ok(()) };
        let known = |name: &String| super::condition::EVENT_NAMES.contains(&name.as_str());
        if !end.on.iter().all(known) {
            let message = format!("Names events: {}", super::condition::EVENT_NAMES.join(", "));
            return Err(Error::invalid("/auto_resolve/on", "not_allowed", message));
        }
        if end.after_s.is_some_and(|s| s < 60) {
            return Err(Error::invalid("/auto_resolve/after_s", "too_short", "Is at least 60 seconds"));
        }
        if end.when_clear && self.source != "METRIC" {
            return Err(Error::invalid(
                "/auto_resolve/when_clear",
                "not_allowed",
                "Is for definitions of source METRIC",
            ));
        }
        Ok(())
    }

    /// A template with a placeholder that nothing fills would make one alert of all.
    fn check_key(&self) -> Result<()> {
        let Some(template) = &self.dedupe_key_template else { return Ok(()) };
        let unknown = template.split('{').skip(1).find_map(|rest| {
            let name = rest.split('}').next().unwrap_or_default();
            let known = if self.source == "SCHEDULE" { &["due"][..] } else { &["row", "school", "event"] };
            (!known.contains(&name) || !rest.contains('}')).then(|| name.to_owned())
        });
        match unknown {
            Some(name) => {
                let message = format!(
                    "{{{name}}} is none of {{row}}, {{school}} and {{event}}, and of source SCHEDULE not {{due}}"
                );
                Err(Error::invalid("dedupe_key_template", "unknown_placeholder", message))
            }
            // An alert finds its definition by the first word of its key.
            None if template.split(':').next() != Some(self.code.as_str()) => {
                let message = format!("Begins with {}, alone or before a colon", self.code);
                Err(Error::invalid("dedupe_key_template", "wrong_form", message))
            }
            None => Ok(()),
        }
    }

    fn values(&self, version: i32) -> Map<String, Value> {
        let mut values = row(json!({
            "code": self.code, "version": version, "name": self.name, "category": self.category, "severity": self.severity,
            "source": self.source, "condition": if self.condition.is_null() { json!({}) } else { self.condition.clone() },
            "dedupe_window_s": self.dedupe_window_s, "cooldown_s": self.cooldown_s, "escalation": self.escalation,
            "channels": self.channels, "audience": self.audience, "template_ids": self.template_ids,
            "ack_required": self.ack_required, "enabled": self.enabled.unwrap_or(true),
            "owner": self.owner.clone().unwrap_or_else(|| "organization".into()),
        }));
        for (name, value) in [
            ("dedupe_key_template", json!(self.dedupe_key_template)),
            ("auto_resolve", json!(self.auto_resolve)),
            ("ack_sla_s", json!(self.ack_sla_s)),
        ] {
            if !value.is_null() {
                values.insert(name.into(), value);
            }
        }
        values
    }
}

/// The newest version of a definition, made from the product's own when there is none; none for a code nobody defined.
pub(super) async fn newest(tx: &mut Tx, code: &str) -> Result<Option<Definition>> {
    if let Some(found) = stored(tx, code).await? {
        return Ok(Some(found));
    }
    let Some(draft) = built_in()?.into_iter().find(|d| d.code == code) else { return Ok(None) };
    store(tx, &draft, 1).await?;
    stored(tx, code).await
}

async fn stored(tx: &mut Tx, code: &str) -> Result<Option<Definition>> {
    let sql = sql!(
        "SELECT id, version, code::text, name::text, category::text, severity::text, source::text, condition, \
           dedupe_key_template::text AS key, dedupe_window_s, cooldown_s, auto_resolve, escalation, channels, audience, \
           template_ids, enabled FROM alerts.alert_definitions WHERE code = $1::text ORDER BY version DESC LIMIT 1"
    );
    tx.query_opt(sql, &[&code]).await?.as_ref().map(Definition::of).transpose()
}

/// One version, as an alert was raised by it.
pub(super) async fn by_id(tx: &mut Tx, id: Uuid) -> Result<Option<Definition>> {
    let sql = sql!(
        "SELECT id, version, code::text, name::text, category::text, severity::text, source::text, condition, \
           dedupe_key_template::text AS key, dedupe_window_s, cooldown_s, auto_resolve, escalation, channels, audience, \
           template_ids, enabled FROM alerts.alert_definitions WHERE id = $1"
    );
    tx.query_opt(sql, &[&id]).await?.as_ref().map(Definition::of).transpose()
}

/// The newest version of each definition that is enabled. One that cannot be read, which nobody saved through the door, raises
/// nothing and keeps nothing else from being raised or done.
pub(super) async fn in_force(tx: &mut Tx) -> Result<Vec<Definition>> {
    let sql = sql!(
        "SELECT * FROM (SELECT DISTINCT ON (code) id, version, code::text, name::text, category::text, severity::text, \
             source::text, condition, dedupe_key_template::text AS key, dedupe_window_s, cooldown_s, auto_resolve, escalation, \
             channels, audience, template_ids, enabled \
           FROM alerts.alert_definitions ORDER BY code, version DESC) d WHERE d.enabled"
    );
    let mut all = Vec::new();
    for row in tx.query(sql, &[]).await? {
        match Definition::of(&row) {
            Ok(definition) => all.push(definition),
            Err(e) => {
                let definition: Uuid = row.get("id");
                tracing::warn!(%definition, error = %e, "a definition of alerts cannot be read: save a new version of it");
            }
        }
    }
    Ok(all)
}

/// Makes rows of the product's definitions that the organization has none of. Those of a module that it did not choose
/// wait until it does. The caller must reach the whole tenant.
pub(super) async fn prepare(tx: &mut Tx) -> Result<()> {
    let mut missing = built_in()?;
    keep_missing(tx, &mut missing).await?;
    if missing.is_empty() {
        return Ok(());
    }
    if auth::closed_modules(tx).await?.contains(&"school") {
        missing.retain(|d| !["MEDICATION", "CLINICAL", "OUTBREAK"].contains(&d.category.as_str()));
    }
    if missing.is_empty() {
        return Ok(());
    }
    // Two who look at once find the same missing: the second looks again when the first is done.
    tx.alone(TABLE, &tx.ctx.tenant.to_string()).await?;
    keep_missing(tx, &mut missing).await?;
    for draft in &missing {
        store(tx, draft, 1).await?;
    }
    Ok(())
}

/// Leaves out those of which there is a version.
async fn keep_missing(tx: &mut Tx, drafts: &mut Vec<Draft>) -> Result<()> {
    let codes: Vec<&str> = drafts.iter().map(|d| d.code.as_str()).collect();
    let sql = sql!("SELECT DISTINCT code::text FROM alerts.alert_definitions WHERE code = ANY($1::text[])");
    let known: Vec<String> = tx.query(sql, &[&codes]).await?.iter().map(|row| row.get(0)).collect();
    drafts.retain(|d| !known.contains(&d.code));
    Ok(())
}

fn built_in() -> Result<Vec<Draft>> {
    serde_json::from_str(BUILT_IN).map_err(Error::internal)
}

async fn store(tx: &mut Tx, draft: &Draft, version: i32) -> Result<Uuid> {
    let id = tx.ctx.env.id();
    let mut values = draft.values(version);
    if draft.owner.is_none() && version == 1 && built_in()?.iter().any(|d| d.code == draft.code) {
        values.insert("owner".into(), json!("Salus"));
    }
    tx.insert(TABLE, &[NewRow { id, values }]).await?;
    Ok(id)
}

/// What a person sends to save one.
fn input() -> Value {
    let text = || json!({"type": "string"});
    let whole = |doc: &str| json!({"type": "integer", "minimum": 0, "description": doc});
    let object = |doc: &str| json!({"type": "object", "description": doc});
    let severities: Vec<&str> = Severity::ALL.iter().map(|s| s.name()).collect();
    let channels: Vec<&str> = Channel::ALL.iter().map(|c| c.name()).collect();
    json!({
        "type": "object",
        "required": ["code", "name", "category", "severity", "source"],
        "additionalProperties": false,
        "properties": {
            "code": {"type": "string", "description": "A new one, or that of the definition of which this is the next version"},
            "name": text(),
            "category": {"type": "string", "enum": super::CATEGORIES},
            "severity": {"type": "string", "enum": severities},
            "source": {"type": "string", "enum": ["MANUAL", "EVENT", "METRIC", "SCHEDULE"]},
            "condition": object("When it fires; see docs/API.md. Left out for MANUAL"),
            "dedupe_key_template": {"type": "string", "description": "The code, or the code, a colon and {row}, {school} or {event}; of SCHEDULE {due}, the set time"},
            "dedupe_window_s": whole("After so long without it an open alert of the same key is another; 0: as long as it is open"),
            "cooldown_s": whole("So long after it ended it is not raised again"),
            "auto_resolve": object("on, a list of events; after_s; when_clear"),
            "escalation": {"type": "array", "description": "Steps of after_s, targets and channels; none: those of the severity",
                           "items": {"type": "object"}},
            "channels": {"type": "array", "description": "None: those of the severity", "items": {"type": "string", "enum": channels}},
            "audience": object("targets, a list of role, position, on_call or user; none: whoever may read the alert"),
            "template_ids": object("Names of texts by channel"),
            "ack_required": {"type": "boolean"},
            "ack_sla_s": {"type": "integer", "minimum": 1},
            "enabled": {"type": "boolean"},
            "owner": text(),
            "confirm": {"type": "boolean", "description": "That it may fire more than 200 times a day"},
        },
    })
}

/// Reading and saving definitions.
pub(super) fn ops() -> Vec<Op> {
    let op = |method, verb: &str, summary: &str, run| Op {
        method,
        path: PATH.into(),
        name: format!("alerts.definition.{verb}"),
        permission: PERMISSION,
        summary: summary.into(),
        target: TABLE,
        params: Vec::new(),
        input: None,
        output: json!({"type": "object"}),
        run,
    };
    vec![
        Op {
            params: vec![reads::limit()],
            ..op(
                Method::Get,
                "in_force",
                "The newest version of each definition",
                run(|tx, call| Box::pin(list(tx, call))),
            )
        },
        Op {
            params: vec![Param {
                name: "test".into(),
                doc: "true: save nothing, and say how often it would have fired in the last seven days".into(),
                schema: json!({"type": "boolean"}),
            }],
            input: Some(input()),
            ..op(
                Method::Post,
                "save",
                "Save a definition, or the next version of one",
                run(|tx, call| Box::pin(save(tx, call))),
            )
        },
    ]
}

async fn list(tx: &mut Tx, call: Call) -> Result<Reply> {
    let limit = reads::at_most(&call)?;
    let sql = sql!(
        "SELECT coalesce(jsonb_agg(to_jsonb(d) ORDER BY d.code), '[]') FROM (SELECT DISTINCT ON (code) id, code, version, name, \
           category, severity, source, condition, dedupe_key_template, dedupe_window_s, cooldown_s, auto_resolve, escalation, \
           channels, audience, template_ids, ack_required, ack_sla_s, enabled, owner, created_at \
         FROM alerts.alert_definitions ORDER BY code, version DESC LIMIT $1) d"
    );
    let found = crate::told(tx, sql, &[&limit]).await?;
    tx.count(found.as_array().map_or(0, Vec::len));
    Ok(Reply::json(json!({ "definitions": found })))
}

async fn save(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let only_test = match call.query_value("test") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Error::invalid("test", "wrong_type", "Is true or false")),
    };
    let draft: Draft = call.input()?;
    let condition = draft.checked()?;
    let replayed = match &condition {
        Some(condition) if draft.source == "SCHEDULE" => Some(replay::set_times(tx, condition).await?),
        Some(condition) => {
            Some(replay::replay(tx, condition, &draft.source, &key_of(&draft), draft.dedupe_window_s).await?)
        }
        None => None,
    };
    if only_test {
        let told = replayed.map_or_else(|| json!({"replayed": false, "why": "MANUAL"}), |r| r.told());
        return Ok(Reply::json(told));
    }
    if let Some(replayed) = replayed.filter(|r| r.most_a_day > MANY_A_DAY && !draft.confirm) {
        let message = format!(
            "It would have fired {} times on one day of the last seven; send confirm with true if that is meant",
            replayed.most_a_day
        );
        return Err(Error::invalid("confirm", "too_often", message));
    }
    let sql = sql!("SELECT coalesce(max(version), 0) FROM alerts.alert_definitions WHERE code = $1::text");
    let version: i32 = tx.query_opt(sql, &[&draft.code]).await?.map_or(0, |row| row.get(0));
    let id = store(tx, &draft, version + 1).await?;
    tx.on_row(id);
    let made = tx.get(TABLE, id, &[]).await?;
    Ok(Reply::created(made))
}

fn key_of(draft: &Draft) -> String {
    draft.dedupe_key_template.clone().unwrap_or_else(|| usual_key(&draft.code, &draft.source))
}

/// The key where none was given: an alert a row, or a set time.
fn usual_key(code: &str, source: &str) -> String {
    format!("{code}:{{{}}}", if source == "SCHEDULE" { "due" } else { "row" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_with_the_product_would_be_accepted_from_a_person() {
        let all = built_in().unwrap();
        assert!(all.len() > 5);
        for draft in all {
            assert!(draft.checked().is_ok(), "{}: {:?}", draft.code, draft.checked());
        }
    }

    #[test]
    fn a_definition_that_cannot_work_is_refused_with_the_field() {
        let good = json!({"code": "many", "name": "Many visits", "category": "OPERATIONS", "severity": "LOW", "source": "EVENT",
                          "condition": {"event": "school.visit.begun"}});
        let with = |name: &str, value: Value| {
            let mut body = good.clone();
            body[name] = value;
            serde_json::from_value::<Draft>(body)
                .map_err(|e| e.to_string())
                .and_then(|d| d.checked().map_err(|e| e.to_string()))
        };
        assert!(with("channels", json!(["IN_APP", "SMS", "PUSH"])).is_ok());
        for (name, value, said) in [
            ("channels", json!(["VOICE"]), "not built"),
            ("source", json!("SCHEDULE"), "names one"),
            ("source", json!("VOICE"), "Is EVENT"),
            (
                "condition",
                json!({"all": [{"event": "school.visit.begun"}, {"schedule": "0 6 * * *"}]}),
                "only of source",
            ),
            ("dedupe_key_template", json!("many:{due}"), "{due}"),
            ("source", json!("METRIC"), "names no"),
            ("source", json!("MANUAL"), "left out"),
            ("condition", json!({"metric": "kernel.jobs_dead", "gt": 1}), "at least one"),
            (
                "escalation",
                json!([{"after_s": 60, "targets": [{"role": "x"}]}, {"after_s": 30, "targets": [{"role": "x"}]}]),
                "order",
            ),
            ("escalation", json!([{"after_s": 60}]), "names whom"),
            ("escalation", json!([{"after_s": 60, "targets": [{"role": "x"}], "channels": ["VOICE"]}]), "not built"),
            ("dedupe_key_template", json!("many:{diagnosis}"), "{diagnosis}"),
            ("dedupe_key_template", json!("few:{row}"), "Begins with many"),
            ("auto_resolve", json!({"on": ["no.such"]}), "Names events"),
            ("auto_resolve", json!({"when_clear": true}), "METRIC"),
            ("audience", json!({"people": []}), "unknown field"),
        ] {
            let refused = with(name, value.clone()).unwrap_err();
            assert!(refused.contains(said), "{name} {value}: {refused}");
        }
    }
}
