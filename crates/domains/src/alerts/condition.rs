//! The language in which a definition says when it fires: JSON that is read into a closed set of cases and compared with
//! an event and with times at which events happened. Nothing in it is run, and it names only what this file knows.
//!
//! `{"all": […]}`, `{"any": […]}`, `{"not": …}`, `{"event": name}`, `{"field": name, "in": […]}` (or `equals`, `gt`, `gte`,
//! `lt`, `lte`), `{"count_over": {event, window_s, gte}}`, `{"absent_for": {event, window_s}}`, `{"rate_change": {event,
//! window_s, factor, least}}`, `{"metric": name, "gte": n}` and `{"schedule": "30 6 * * MON-FRI"}`.

use salus_core::{Error, Result};
use salus_store::jobs::Cron;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Events that a condition may name, and the fields of their bodies: ids and codes, never health data.
pub(super) const EVENTS: &[(&str, &[&str])] = &[
    ("auth.emergency.used", &["user_id"]),
    ("auth.glass.opened", &["user_id"]),
    ("compliance.breach.advanced", &["to"]),
    ("medical.patient.changed", &[]),
    ("medical.patient.created", &[]),
    ("school.dose.missed", &["school"]),
    ("school.dose.recorded_late", &["school"]),
    ("school.exemption.decided", &[]),
    ("school.exemption.submitted", &["school"]),
    ("school.inhaler.frequent", &["school"]),
    ("school.medication_error.harm", &["school"]),
    ("school.outbreak.decided", &["state"]),
    ("school.requirement.approved", &[]),
    ("school.schedule.activated", &[]),
    ("school.stock.mismatch", &["no_supply"]),
    ("school.supply.expiring", &["school"]),
    ("school.supply.replaced", &["school"]),
    ("school.visit.amended", &["school"]),
    ("school.visit.begun", &["school"]),
    ("school.visit.emergency", &["school"]),
    ("school.visit.ended", &["school"]),
    ("school.visit.long", &["school"]),
];

/// The names of [`EVENTS`], as a job listens to them.
pub(super) const EVENT_NAMES: &[&str] = &[
    "auth.emergency.used",
    "auth.glass.opened",
    "compliance.breach.advanced",
    "medical.patient.changed",
    "medical.patient.created",
    "school.dose.missed",
    "school.dose.recorded_late",
    "school.exemption.decided",
    "school.exemption.submitted",
    "school.inhaler.frequent",
    "school.medication_error.harm",
    "school.outbreak.decided",
    "school.requirement.approved",
    "school.schedule.activated",
    "school.stock.mismatch",
    "school.supply.expiring",
    "school.supply.replaced",
    "school.visit.amended",
    "school.visit.begun",
    "school.visit.emergency",
    "school.visit.ended",
    "school.visit.long",
];

/// Numbers of the organization that a condition may name.
pub(super) const METRICS: &[&str] = &[
    "audit.tamper_open",
    "compliance.proofs_failed",
    "kernel.backup_age_hours",
    "kernel.drill_age_days",
    "kernel.drill_failed",
    "kernel.escrow_age_days",
    "kernel.jobs_dead",
];

/// Longest window of a count: events are kept seven days.
const LONGEST_S: i64 = 7 * 86_400;
/// Deepest nesting.
const DEPTH: usize = 5;
/// Most members of a list.
const WIDTH: usize = 20;

/// When a definition fires.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Event(String),
    In {
        field: String,
        values: Vec<Value>,
    },
    Compare {
        field: String,
        by: By,
        to: f64,
    },
    CountOver {
        event: String,
        window_s: i64,
        least: i64,
    },
    AbsentFor {
        event: String,
        window_s: i64,
    },
    RateChange {
        event: String,
        window_s: i64,
        factor: f64,
        least: i64,
    },
    Metric {
        name: String,
        by: By,
        to: f64,
    },
    /// A set time, on the clocks of the organization.
    Schedule(String),
}

/// How a number is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Over,
    AtLeast,
    Under,
    AtMost,
}

impl By {
    const ALL: [(&'static str, Self); 4] =
        [("gt", Self::Over), ("gte", Self::AtLeast), ("lt", Self::Under), ("lte", Self::AtMost)];

    fn holds(self, value: f64, to: f64) -> bool {
        match self {
            Self::Over => value > to,
            Self::AtLeast => value >= to,
            Self::Under => value < to,
            Self::AtMost => value <= to,
        }
    }
}

/// What a condition is compared with.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// The event that has just happened, with its body.
    pub(super) event: Option<(String, Value)>,
    /// When events of a name happened, in order, in seconds since 1970.
    pub(super) times: BTreeMap<String, Vec<i64>>,
    /// The moment it is asked for.
    pub(super) at: i64,
    /// Numbers of the organization.
    pub(super) metrics: BTreeMap<String, f64>,
    /// The set time that is due.
    pub(super) due: Option<String>,
}

impl Facts {
    /// How often an event happened in the `window_s` seconds to `at`.
    fn count(&self, event: &str, window_s: i64, at: i64) -> i64 {
        let Some(times) = self.times.get(event) else { return 0 };
        let until = times.partition_point(|t| *t <= at);
        let from = times.partition_point(|t| *t <= at - window_s);
        i64::try_from(until - from).unwrap_or(i64::MAX)
    }
}

fn invalid(path: &str, message: impl Into<String>) -> Error {
    Error::invalid(&format!("/condition{path}"), "condition_invalid", message)
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// [`Error::Invalid`] `condition_invalid` with the place and what is expected there.
    pub(super) fn read(value: &Value) -> Result<Self> {
        let read = Self::read_at(value, "", 0)?;
        let (events, mut fields) = (read.named_events(), Vec::new());
        read.fields(&mut fields);
        for field in fields {
            let known = EVENTS.iter().filter(|(name, _)| events.contains(*name)).any(|(_, all)| all.contains(&field));
            if !known {
                let of: Vec<String> = EVENTS
                    .iter()
                    .filter(|(name, _)| events.contains(*name))
                    .map(|(name, all)| {
                        format!("{name} has {}", if all.is_empty() { "none".into() } else { all.join(", ") })
                    })
                    .collect();
                let of = if of.is_empty() { "name an event first".to_owned() } else { of.join("; ") };
                return Err(invalid("", format!("{field} is no field of the events that are named: {of}")));
            }
        }
        Ok(read)
    }

    fn read_at(value: &Value, path: &str, depth: usize) -> Result<Self> {
        let forms = "Is one of {\"all\": […]}, {\"any\": […]}, {\"not\": …}, {\"event\": …}, {\"field\": …}, {\"count_over\": …}, \
                     {\"absent_for\": …}, {\"rate_change\": …}, {\"metric\": …} and {\"schedule\": …}";
        let Some(members) = value.as_object().filter(|_| depth < DEPTH) else { return Err(invalid(path, forms)) };
        let one = |name: &str| members.get(name).filter(|_| members.len() == 1);
        if let Some(list) = one("all") {
            return Ok(Self::All(Self::list(list, &format!("{path}/all"), depth)?));
        }
        if let Some(list) = one("any") {
            return Ok(Self::Any(Self::list(list, &format!("{path}/any"), depth)?));
        }
        if let Some(inner) = one("not") {
            return Ok(Self::Not(Box::new(Self::read_at(inner, &format!("{path}/not"), depth + 1)?)));
        }
        if let Some(name) = one("event") {
            return Ok(Self::Event(event(name, &format!("{path}/event"))?));
        }
        if let Some(text) = one("schedule") {
            let form = "Is five fields (minute, hour, day, month, weekday), such as 30 6 * * MON-FRI";
            let text = text.as_str().filter(|text| text.len() <= 100 && Cron::parse(text).is_ok());
            return text
                .map(|text| Self::Schedule(text.split_whitespace().collect::<Vec<_>>().join(" ")))
                .ok_or_else(|| invalid(&format!("{path}/schedule"), form));
        }
        if let Some(inner) = one("count_over") {
            let (event, window_s, more) = window(inner, &format!("{path}/count_over"), &["gte"])?;
            let least = whole(&more, "gte", &format!("{path}/count_over"))?;
            return Ok(Self::CountOver { event, window_s, least });
        }
        if let Some(inner) = one("absent_for") {
            let (event, window_s, _) = window(inner, &format!("{path}/absent_for"), &[])?;
            return Ok(Self::AbsentFor { event, window_s });
        }
        if let Some(inner) = one("rate_change") {
            let path = format!("{path}/rate_change");
            let (event, window_s, more) = window(inner, &path, &["factor", "least"])?;
            let factor = more.get("factor").and_then(Value::as_f64).filter(|f| *f > 1.0 && *f <= 1000.0);
            let factor = factor.ok_or_else(|| invalid(&format!("{path}/factor"), "Is a number over 1"))?;
            if window_s > LONGEST_S / 2 {
                return Err(invalid(
                    &format!("{path}/window_s"),
                    "Is at most half of seven days: it is compared with the one before",
                ));
            }
            return Ok(Self::RateChange { event, window_s, factor, least: whole(&more, "least", &path)? });
        }
        if members.contains_key("field") {
            return Self::field(members, path);
        }
        if members.contains_key("metric") {
            let name = members["metric"].as_str().filter(|name| METRICS.contains(name));
            let name =
                name.ok_or_else(|| invalid(&format!("{path}/metric"), format!("Is one of {}", METRICS.join(", "))))?;
            let (by, to) = compared(members, "metric", path)?;
            return Ok(Self::Metric { name: name.to_owned(), by, to });
        }
        Err(invalid(path, forms))
    }

    fn list(value: &Value, path: &str, depth: usize) -> Result<Vec<Self>> {
        let list = value.as_array().filter(|list| !list.is_empty() && list.len() <= WIDTH);
        let list = list.ok_or_else(|| invalid(path, format!("Is a list of 1 to {WIDTH} conditions")))?;
        list.iter().enumerate().map(|(n, c)| Self::read_at(c, &format!("{path}/{n}"), depth + 1)).collect()
    }

    fn field(members: &Map<String, Value>, path: &str) -> Result<Self> {
        let known = |name: &&str| EVENTS.iter().any(|(_, fields)| fields.contains(name));
        let field = members["field"].as_str().filter(known);
        let field = field.ok_or_else(|| {
            invalid(&format!("{path}/field"), "Is a field of an event: ids and codes, never health data")
        })?;
        let field = field.to_owned();
        let plain = |v: &Value| v.is_string() || v.is_number() || v.is_boolean();
        if members.len() == 2 {
            if let Some(value) = members.get("equals").filter(|v| plain(v)) {
                return Ok(Self::In { field, values: vec![value.clone()] });
            }
            if let Some(list) = members.get("in").and_then(Value::as_array) {
                if list.is_empty() || list.len() > 200 || !list.iter().all(plain) {
                    return Err(invalid(&format!("{path}/in"), "Is a list of 1 to 200 texts, numbers or yes and no"));
                }
                return Ok(Self::In { field, values: list.clone() });
            }
        }
        let (by, to) = compared(members, "field", path)?;
        Ok(Self::Compare { field, by, to })
    }

    fn parts(&self) -> &[Self] {
        match self {
            Self::All(parts) | Self::Any(parts) => parts,
            Self::Not(inner) => std::slice::from_ref(inner),
            _ => &[],
        }
    }

    fn fields<'a>(&'a self, found: &mut Vec<&'a str>) {
        if let Self::In { field, .. } | Self::Compare { field, .. } = self {
            found.push(field);
        }
        for part in self.parts() {
            part.fields(found);
        }
    }

    /// Events whose happening it is asked about.
    pub(super) fn named_events(&self) -> BTreeSet<&str> {
        let mut all: BTreeSet<&str> = self.parts().iter().flat_map(Self::named_events).collect();
        if let Self::Event(name) = self {
            all.insert(name);
        }
        all
    }

    /// Events that are counted, each with the longest time that is looked back.
    pub(super) fn counted(&self) -> BTreeMap<&str, i64> {
        let mut all = BTreeMap::new();
        let mut add = |event, window: i64| {
            let known = all.entry(event).or_insert(0);
            *known = window.max(*known);
        };
        match self {
            Self::CountOver { event, window_s, .. } | Self::AbsentFor { event, window_s } => {
                add(event.as_str(), *window_s);
            }
            Self::RateChange { event, window_s, .. } => add(event.as_str(), 2 * window_s),
            _ => {
                for (event, window) in self.parts().iter().flat_map(Self::counted) {
                    add(event, window);
                }
            }
        }
        all
    }

    /// Numbers of the organization that it names.
    pub(super) fn metrics(&self) -> BTreeSet<&str> {
        let mut all: BTreeSet<&str> = self.parts().iter().flat_map(Self::metrics).collect();
        if let Self::Metric { name, .. } = self {
            all.insert(name);
        }
        all
    }

    /// Set times that it names.
    pub(super) fn schedules(&self) -> BTreeSet<&str> {
        let mut all: BTreeSet<&str> = self.parts().iter().flat_map(Self::schedules).collect();
        if let Self::Schedule(text) = self {
            all.insert(text);
        }
        all
    }

    /// Whether it holds.
    pub(super) fn holds(&self, facts: &Facts) -> bool {
        let field = |name: &str| facts.event.as_ref().and_then(|(_, body)| body.get(name));
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(facts)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(facts)),
            Self::Not(inner) => !inner.holds(facts),
            Self::Event(name) => facts.event.as_ref().is_some_and(|(happened, _)| happened == name),
            Self::In { field: name, values } => field(name).is_some_and(|value| values.contains(value)),
            Self::Compare { field: name, by, to } => {
                field(name).and_then(Value::as_f64).is_some_and(|v| by.holds(v, *to))
            }
            Self::CountOver { event, window_s, least } => facts.count(event, *window_s, facts.at) >= *least,
            Self::AbsentFor { event, window_s } => facts.count(event, *window_s, facts.at) == 0,
            Self::RateChange { event, window_s, factor, least } => {
                let (now, before) =
                    (facts.count(event, *window_s, facts.at), facts.count(event, *window_s, facts.at - window_s));
                #[allow(clippy::cast_precision_loss, reason = "counts of a week")]
                let grown = now as f64 >= before as f64 * factor;
                now >= *least && grown
            }
            Self::Metric { name, by, to } => facts.metrics.get(name).is_some_and(|v| by.holds(*v, *to)),
            Self::Schedule(text) => facts.due.as_ref() == Some(text),
        }
    }
}

fn event(value: &Value, path: &str) -> Result<String> {
    let name = value.as_str().filter(|name| EVENT_NAMES.contains(name));
    name.map(str::to_owned).ok_or_else(|| invalid(path, format!("Is one of {}", EVENT_NAMES.join(", "))))
}

/// What is compared with a number, beside the member that says what it is.
fn compared(members: &Map<String, Value>, what: &str, path: &str) -> Result<(By, f64)> {
    let found = By::ALL.into_iter().find_map(|(name, by)| Some((by, members.get(name)?.as_f64()?)));
    found.filter(|_| members.len() == 2).ok_or_else(|| {
        invalid(
            path,
            format!("{what} is compared by one of gt, gte, lt and lte with a number (a field also by in or equals)"),
        )
    })
}

/// The members of a condition over a time, without others than these.
fn window(value: &Value, path: &str, more: &[&str]) -> Result<(String, i64, Map<String, Value>)> {
    let wanted = || {
        let rest = if more.is_empty() { String::new() } else { format!(", {}", more.join(", ")) };
        invalid(path, format!("Is an object of event, window_s{rest}"))
    };
    let members = value.as_object().ok_or_else(wanted)?;
    let known = |name: &String| ["event", "window_s"].contains(&name.as_str()) || more.contains(&name.as_str());
    if !members.keys().all(known) || members.len() != 2 + more.len() {
        return Err(wanted());
    }
    let name = event(&members["event"], &format!("{path}/event"))?;
    let window_s = members["window_s"].as_i64().filter(|s| (60..=LONGEST_S).contains(s));
    let window_s =
        window_s.ok_or_else(|| invalid(&format!("{path}/window_s"), format!("Is 60 to {LONGEST_S} seconds")))?;
    Ok((name, window_s, members.clone()))
}

fn whole(members: &Map<String, Value>, name: &str, path: &str) -> Result<i64> {
    let number = members.get(name).and_then(Value::as_i64).filter(|n| (1..=1_000_000).contains(n));
    number.ok_or_else(|| invalid(&format!("{path}/{name}"), "Is a whole number from 1 on"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_events_that_are_listened_to_are_those_that_may_be_named() {
        assert_eq!(EVENTS.iter().map(|(name, _)| *name).collect::<Vec<_>>(), EVENT_NAMES);
    }

    #[test]
    fn an_event_with_a_code_fires_and_another_code_does_not() {
        let condition = Condition::read(&json!({"all": [
            {"event": "compliance.breach.advanced"}, {"field": "to", "in": ["CONFIRMED", "NOTIFIED"]}]}))
        .unwrap();
        let facts = |name: &str, to: &str| Facts { event: Some((name.into(), json!({"to": to}))), ..Facts::default() };
        assert!(condition.holds(&facts("compliance.breach.advanced", "CONFIRMED")));
        assert!(!condition.holds(&facts("compliance.breach.advanced", "CLOSED")));
        assert!(!condition.holds(&facts("auth.glass.opened", "CONFIRMED")));
        assert_eq!(condition.named_events(), BTreeSet::from(["compliance.breach.advanced"]));
    }

    #[test]
    fn events_are_counted_in_a_window_missed_and_seen_to_grow() {
        let of = |times: &[i64], at| Facts {
            times: BTreeMap::from([("school.visit.begun".to_owned(), times.to_vec())]),
            at,
            ..Facts::default()
        };
        let three = json!({"count_over": {"event": "school.visit.begun", "window_s": 100, "gte": 3}});
        let three = Condition::read(&three).unwrap();
        assert!(three.holds(&of(&[10, 20, 100], 109)) && !three.holds(&of(&[10, 20, 100], 110)), "after 10 s to 110 s");
        let none = Condition::read(&json!({"absent_for": {"event": "school.visit.begun", "window_s": 60}})).unwrap();
        assert!(none.holds(&of(&[10], 70)) && !none.holds(&of(&[11], 70)));
        let grows = json!({"rate_change": {"event": "school.visit.begun", "window_s": 100, "factor": 2.0, "least": 4}});
        let grows = Condition::read(&grows).unwrap();
        assert!(grows.holds(&of(&[1, 2, 101, 102, 103, 104], 200)));
        assert!(!grows.holds(&of(&[1, 2, 3, 101, 102, 103, 104], 200)), "4 is not twice 3");
        assert!(!grows.holds(&of(&[101, 102, 103], 200)), "fewer than four");
        assert_eq!(grows.counted(), BTreeMap::from([("school.visit.begun", 200)]));
    }

    #[test]
    fn a_number_of_the_organization_is_compared() {
        let dead = Condition::read(&json!({"metric": "kernel.jobs_dead", "gt": 0})).unwrap();
        let with = |n| Facts { metrics: BTreeMap::from([("kernel.jobs_dead".to_owned(), n)]), ..Facts::default() };
        assert!(dead.holds(&with(1.0)) && !dead.holds(&with(0.0)) && !dead.holds(&Facts::default()));
    }

    #[test]
    fn a_set_time_holds_when_it_is_due_and_with_what_else_is_asked() {
        let noon = json!({"all": [{"schedule": "0  12 * * MON-FRI"}, {"metric": "kernel.jobs_dead", "gt": 0}]});
        let noon = Condition::read(&noon).unwrap();
        assert_eq!(noon.schedules(), BTreeSet::from(["0 12 * * MON-FRI"]));
        let with = |due: &str, dead| Facts {
            due: Some(due.to_owned()),
            metrics: BTreeMap::from([("kernel.jobs_dead".to_owned(), dead)]),
            ..Facts::default()
        };
        assert!(noon.holds(&with("0 12 * * MON-FRI", 1.0)) && !noon.holds(&with("0 12 * * MON-FRI", 0.0)));
        assert!(!noon.holds(&with("0 13 * * *", 1.0)) && !noon.holds(&Facts::default()));
    }

    #[test]
    fn what_is_not_the_language_is_refused_with_its_place() {
        for (wrong, place) in [
            (json!({}), "condition: "),
            (json!({"event": "no.such.event"}), "condition/event"),
            (json!({"event": "auth.glass.opened", "any": []}), "condition: "),
            (json!({"all": []}), "condition/all"),
            (
                json!({"all": [{"event": "auth.glass.opened"}, {"field": "diagnosis", "equals": "x"}]}),
                "condition/all/1/field",
            ),
            (json!({"all": [{"event": "auth.glass.opened"}, {"field": "school", "equals": "x"}]}), "condition: "),
            (json!({"field": "to", "equals": "x"}), "condition: "),
            (json!({"all": [{"event": "auth.glass.opened"}, {"field": "user_id", "matches": "x"}]}), "condition/all/1"),
            (
                json!({"count_over": {"event": "auth.glass.opened", "window_s": 1, "gte": 1}}),
                "condition/count_over/window_s",
            ),
            (json!({"count_over": {"event": "auth.glass.opened", "window_s": 100}}), "condition/count_over"),
            (
                json!({"rate_change": {"event": "auth.glass.opened", "window_s": 100, "factor": 1, "least": 1}}),
                "factor",
            ),
            (json!({"metric": "cpu", "gt": 1}), "condition/metric"),
            (json!({"run": "rm"}), "condition: "),
            (json!({"schedule": "at noon"}), "condition/schedule"),
            (json!({"all": [{"schedule": "* * * * * *"}]}), "condition/all/0/schedule"),
        ] {
            let refused = Condition::read(&wrong).unwrap_err();
            assert_eq!(refused.code(), "validation_failed");
            assert!(
                refused.to_string().starts_with(place) || refused.to_string().contains(place),
                "{wrong}: {refused}"
            );
        }
        let mut deep = json!({"event": "auth.glass.opened"});
        for _ in 0..6 {
            deep = json!({"not": deep});
        }
        assert!(Condition::read(&deep).is_err());
    }
}
