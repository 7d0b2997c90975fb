//! Hard rules: numbers of cases that raise an alert whatever a statistic says. They are data of the tenant. The defaults are ours
//! and nobody's law: each is marked as not confirmed until a person compared it with what the health department asks for, and
//! again after a change. One that is not confirmed alerts all the same.

use super::{
    facts::{Case, Facts, Kind, Scope},
    signals::Signal,
    streams::LEAST_POPULATION,
};
use crate::{clock, row};
use salus_core::{ActorKind, Error, Result};
use salus_rules::outbreak::cases::FixedRule;
use salus_store::{
    Call, Catalog, Method, Op, Reply, Resource, Tx,
    catalog::write_schema,
    engine::{NewRow, writable},
    run, sql,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use time::{Date, Duration};
use uuid::Uuid;

/// Rules, read as any table and written by the actions below.
pub const RULES: Resource = Resource {
    table: "school.outbreak_rules",
    path: "health/outbreaks/rules",
    noun: "school.outbreak_rule",
    read: "school.outbreak.read",
    write: None,
    filters: &["code", "disease_code", "syndrome", "is_active"],
    locked: &["confirmed_by", "confirmed_at"],
    list: &[],
};
/// Diseases by which cases and rules are named. It is closed, so that a case and its rule cannot miss each other by spelling.
pub(super) const DISEASES: [&str; 16] = [
    "COVID19",
    "HEPATITIS_A",
    "HFMD",
    "INFLUENZA",
    "MEASLES",
    "MENINGOCOCCAL",
    "MUMPS",
    "NOROVIRUS",
    "PERTUSSIS",
    "RUBELLA",
    "SALMONELLOSIS",
    "SCABIES",
    "SHIGELLOSIS",
    "STREP",
    "TUBERCULOSIS",
    "VARICELLA",
];
/// The defaults.
const DEFAULTS: &str = include_str!("../../../../../db/outbreaks/rules.json");

/// Entering, changing and confirming.
///
/// # Errors
/// [`Error::Internal`] when the catalogue lacks the table.
pub(super) fn actions(catalog: &Catalog) -> Result<Vec<Op>> {
    let table = catalog.table(RULES.table)?;
    let op = |how, what, run| RULES.action((table, "school.outbreak.declare"), how, what, run);
    Ok(vec![
        op(
            (Method::Post, "", "enter"),
            (
                "Enter a number of cases that raises an alert; it counts at once and is not confirmed",
                Some(write_schema(table, RULES.locked, true)),
            ),
            run(|tx, call| Box::pin(enter(tx, call))),
        ),
        op(
            (Method::Patch, "/{id}", "change"),
            ("Change a rule; it is not confirmed any more", Some(write_schema(table, RULES.locked, false))),
            run(|tx, call| Box::pin(change(tx, call))),
        ),
        op(
            (Method::Post, "/{id}/confirm", "confirm"),
            ("Say that a rule is what the health department asks for", None),
            run(|tx, call| Box::pin(confirm(tx, call))),
        ),
    ])
}

async fn enter(tx: &mut Tx, call: Call) -> Result<Reply> {
    let db = tx.db().clone();
    let values = writable(&RULES, db.catalog().table(RULES.table)?, call.body)?;
    known_disease("disease_code", values.get("disease_code").and_then(Value::as_str))?;
    let id = tx.ctx.env.id();
    Ok(Reply::created(tx.create(RULES.table, NewRow { id, values }).await?))
}

async fn change(tx: &mut Tx, call: Call) -> Result<Reply> {
    let db = tx.db().clone();
    let (id, version) = (call.id()?, call.if_match.ok_or(Error::VersionRequired)?);
    // First whether there is such a row: another tenant's id is answered as one that is not there.
    tx.get(RULES.table, id, &["id"]).await?;
    let mut values = writable(&RULES, db.catalog().table(RULES.table)?, call.body)?;
    if values.is_empty() {
        return Err(Error::invalid("", "empty", "Names no field to change"));
    }
    known_disease("disease_code", values.get("disease_code").and_then(Value::as_str))?;
    values.extend(row(json!({"confirmed_by": null, "confirmed_at": null})));
    Ok(Reply::row(tx.update(RULES.table, id, Some(version), values).await?))
}

async fn confirm(tx: &mut Tx, call: Call) -> Result<Reply> {
    let id = call.id()?;
    let before = tx.get(RULES.table, id, &["confirmed_at"]).await?;
    if tx.ctx.actor.kind != ActorKind::User {
        let detail = "A person who signed in confirms what the health department asks for";
        return Err(Error::Conflict { code: "person_required", detail: detail.into() });
    }
    if !before.text("confirmed_at").is_empty() {
        return Err(Error::Conflict { code: "state_conflict", detail: "This rule was confirmed already".into() });
    }
    let now = tx.ctx.env.now();
    let values = row(json!({"confirmed_by": tx.ctx.actor.id, "confirmed_at": clock::text(now)?}));
    Ok(Reply::row(tx.update(RULES.table, id, call.if_match, values).await?))
}

/// Enters the defaults that the tenant does not have, as not confirmed. The caller must reach the whole tenant.
///
/// # Errors
/// Those of the database.
pub(super) async fn seed(tx: &mut Tx) -> Result<()> {
    let defaults: Vec<Value> = serde_json::from_str(DEFAULTS).map_err(Error::internal)?;
    let rows = tx.query(sql!("SELECT code::text FROM school.outbreak_rules"), &[]).await?;
    let there: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let missing: Vec<NewRow> = defaults
        .into_iter()
        .filter(|rule| !there.iter().any(|code| rule["code"] == json!(code)))
        .map(|values| NewRow { id: tx.ctx.env.id(), values: row(values) })
        .collect();
    if missing.is_empty() { Ok(()) } else { tx.insert(RULES.table, &missing).await }
}

/// The codes as a schema has them, with none.
pub(super) fn codes() -> Vec<Option<&'static str>> {
    DISEASES.into_iter().map(Some).chain([None]).collect()
}

/// Refuses a disease that is not known by its code.
///
/// # Errors
/// [`Error::Invalid`] on the field, with the codes.
pub(super) fn known_disease(field: &str, code: Option<&str>) -> Result<()> {
    match code {
        Some(code) if !DISEASES.contains(&code) => {
            let message = format!("Is one of {}", DISEASES.join(", "));
            Err(Error::invalid(field, "not_allowed", message))
        }
        _ => Ok(()),
    }
}

/// Whether a rule asks for one case of such an illness only, so that it is looked for at once. The defaults hold before the first
/// run has entered them.
///
/// # Errors
/// Those of the database.
pub(super) async fn is_one_enough(tx: &mut Tx, diseases: &[String], syndromes: &[String]) -> Result<bool> {
    let sql = sql!(
        "SELECT count(*) > 0, coalesce(bool_or(is_active AND case_count = 1 AND (disease_code::text = ANY($1) OR syndrome::text = ANY($2))), false) \
         FROM school.outbreak_rules"
    );
    let found = tx.query_opt(sql, &[&diseases, &syndromes]).await?;
    let (any, one) = found.map_or((false, false), |row| (row.get(0), row.get(1)));
    if any {
        return Ok(one);
    }
    let defaults: Vec<Value> = serde_json::from_str(DEFAULTS).map_err(Error::internal)?;
    Ok(defaults.iter().any(|rule| rule["case_count"] == 1 && diseases.iter().any(|d| rule["disease_code"] == json!(d))))
}

/// A rule in force.
pub(super) struct Hard {
    pub(super) id: Uuid,
    pub(super) disease: Option<String>,
    pub(super) syndrome: Option<String>,
    cases: u32,
    share: Option<u32>,
    days: i64,
    scope: String,
    severity: String,
    pub(super) incubation: i64,
    pub(super) told: Value,
}

/// The rules in force.
///
/// # Errors
/// Those of the database.
pub(super) async fn in_force(tx: &mut Tx) -> Result<Vec<Hard>> {
    let sql = sql!(
        "SELECT id, code::text AS code, disease_code::text AS disease, syndrome::text AS syndrome, case_count, share_percent, \
           window_days, scope::text AS scope, severity::text AS severity, incubation_days, action::text AS action, \
           citation::text AS citation, confirmed_at IS NOT NULL AS confirmed \
         FROM school.outbreak_rules WHERE is_active ORDER BY code"
    );
    let count = |n: i32| u32::try_from(n).unwrap_or(u32::MAX);
    let hard = |row: &salus_store::Row| {
        let (code, scope, severity): (String, String, String) =
            (row.get("code"), row.get("scope"), row.get("severity"));
        let (cases, share): (i32, Option<i32>) = (row.get("case_count"), row.get("share_percent"));
        let days: i32 = row.get("window_days");
        Hard {
            told: json!({
                "code": code, "cases": cases, "share_percent": share, "days": days, "scope": scope,
                "action": row.get::<_, String>("action"), "citation": row.get::<_, String>("citation"),
                "confirmed": row.get::<_, bool>("confirmed"),
            }),
            id: row.get("id"),
            disease: row.get("disease"),
            syndrome: row.get("syndrome"),
            cases: count(cases),
            share: share.map(count),
            days: i64::from(days),
            scope,
            severity,
            incubation: i64::from(row.get::<_, i32>("incubation_days")),
        }
    };
    Ok(tx.query(sql, &[]).await?.iter().map(hard).collect())
}

impl Hard {
    fn is_about(&self, case: &Case) -> bool {
        match &self.disease {
            Some(disease) => case.disease.as_ref() == Some(disease),
            None => self.syndrome.as_ref() == Some(&case.syndrome),
        }
    }

    fn counts_in(&self, scope: &Scope) -> bool {
        match self.scope.as_str() {
            "CLASS" => scope.kind == Kind::Homeroom,
            "GROUP" => matches!(scope.kind, Kind::Homeroom | Kind::Bus | Kind::Team),
            "SCHOOL" => scope.kind == Kind::School,
            _ => scope.kind == Kind::District,
        }
    }

    /// Cases that are needed in a group of a size.
    fn needed(&self, size: u32) -> u32 {
        let part = |percent: u32| (u64::from(size) * u64::from(percent)).div_ceil(100).max(2);
        let share = self.share.map_or(u32::MAX, |percent| u32::try_from(part(percent)).unwrap_or(u32::MAX));
        self.cases.min(share)
    }

    /// The signals of this rule among cases whose illness began since `since`, each on the first day on which the rule was met. It
    /// goes on while a case lies within the window of another; what comes later must meet the rule anew.
    pub(super) fn signals(&self, facts: &Facts, since: Date) -> Vec<Signal> {
        let since = since - Duration::days(self.days - 1);
        let mut groups: BTreeMap<Scope, Vec<usize>> = BTreeMap::new();
        for (at, case) in facts.cases.iter().enumerate().filter(|(_, c)| self.is_about(c) && c.onset >= since) {
            let mut scopes = facts.scopes_of(case);
            if self.scope == "DISTRICT" && facts.schools.len() == 1 {
                // A district of one school is that school.
                scopes.insert(Scope { kind: Kind::District, key: "district".into() });
            }
            for scope in scopes.into_iter().filter(|scope| self.counts_in(scope)) {
                let inside = groups.entry(scope).or_default();
                if !inside.iter().any(|other| facts.cases[*other].student == case.student) {
                    inside.push(at);
                }
            }
        }
        groups.into_iter().flat_map(|(scope, cases)| self.of_group(facts, &scope, cases)).collect()
    }

    fn of_group(&self, facts: &Facts, scope: &Scope, mut cases: Vec<usize>) -> Vec<Signal> {
        let size = facts.size(scope);
        let needed = self.needed(size);
        if needed > 1 && size < LEAST_POPULATION && scope.kind != Kind::District {
            return Vec::new();
        }
        let rule = FixedRule { cases: usize::try_from(needed).unwrap_or(usize::MAX), days: self.days };
        let window = Duration::days(self.days - 1);
        let onset = |at: &usize| facts.cases[*at].onset;
        cases.sort_by_key(onset);
        let mut signals = Vec::new();
        while let Some(on) = rule.met_on(&cases.iter().map(onset).collect::<Vec<_>>()) {
            cases.retain(|at| onset(at) >= on - window);
            let gap = cases.windows(2).position(|two| onset(&two[1]) > onset(&two[0]) + window);
            let later = gap.map(|gap| cases.split_off(gap + 1)).unwrap_or_default();
            signals.extend(self.signal(facts, scope.clone(), on, cases));
            cases = later;
        }
        signals
    }

    fn signal(&self, facts: &Facts, scope: Scope, on: Date, mut cases: Vec<usize>) -> Option<Signal> {
        if facts.is_one_home(&cases) {
            return None;
        }
        let size = facts.size(&scope);
        let needed = self.needed(size);
        // In the order in which they were reported.
        cases.sort_unstable();
        let last = cases.iter().map(|at| facts.cases[*at].onset).max()?;
        let observed = u32::try_from(cases.len()).unwrap_or(u32::MAX);
        let syndrome = facts.cases[*cases.last()?].syndrome.clone();
        let begins: Vec<String> = cases.iter().map(|at| facts.cases[*at].onset.to_string()).collect();
        Some(Signal {
            scope,
            syndrome,
            disease: self.disease.clone(),
            on,
            last,
            method: "RULE",
            statistic: f64::from(observed),
            threshold: Some(f64::from(needed)),
            observed,
            expected: None,
            p: None,
            q: None,
            severity: Some(self.severity.clone()),
            cases,
            detail: json!({"rule": self.told, "rule_id": self.id, "population": size, "needed": needed, "onsets": begins}),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_rules_of_which_none_claims_to_be_confirmed() {
        let defaults: Vec<Value> = serde_json::from_str(DEFAULTS).unwrap();
        assert_eq!(defaults.len(), 8);
        for rule in &defaults {
            let about = usize::from(rule["disease_code"].is_string()) + usize::from(rule["syndrome"].is_string());
            assert_eq!(about, 1, "{rule}");
            assert!(rule["citation"].as_str().unwrap().contains("Not verified"), "{rule}");
            assert!(rule.get("confirmed_by").is_none());
            assert!(known_disease("disease_code", rule["disease_code"].as_str()).is_ok(), "{rule}");
        }
    }
}
