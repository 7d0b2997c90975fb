//! In which groups and homes the cases of an alert stand together: a row for each group with two of them or more, for the group the
//! alert is about, and for every grade, so that the rows name all cases.

use super::facts::{Case, Facts, Kind, Scope};
use salus_rules::outbreak::scan::scan;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The rows, without their ids, of cases by their place in the facts.
pub(super) fn clusters(facts: &Facts, alert: Uuid, about: &Scope, cases: &BTreeSet<usize>) -> Vec<Map<String, Value>> {
    let mut groups: BTreeMap<Scope, Vec<usize>> = BTreeMap::new();
    let mut homes: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
    for at in cases {
        let case = &facts.cases[*at];
        for scope in facts.scopes_of(case).into_iter().filter(|scope| scope.kind < Kind::School) {
            groups.entry(scope).or_default().push(*at);
        }
        if let Some(home) = &case.home {
            homes.entry(home).or_default().push(*at);
        }
    }
    let everyone: Vec<Uuid> = facts
        .people
        .iter()
        .filter(|(_, p)| facts.school_of(about).is_none_or(|school| school == p.school))
        .map(|(id, _)| *id)
        .collect();
    let ill: BTreeSet<Uuid> = cases.iter().map(|at| facts.cases[*at].student).collect();
    let mut rows = Vec::new();
    for (scope, inside) in groups {
        if inside.len() < 2 && scope.kind != Kind::Grade && scope != *about {
            continue;
        }
        let mut row = common(facts, alert, &inside, facts.size(&scope));
        row.insert("cluster_kind".into(), json!(scope.kind.code()));
        row.insert("key".into(), json!(scope.key));
        let persons: Vec<u32> = everyone.iter().map(|id| u32::from(ill.contains(id))).collect();
        let members = facts.members.get(&scope).map(Vec::as_slice).unwrap_or_default();
        let places = members.iter().filter_map(|id| everyone.binary_search(id).ok());
        let zone: Vec<u32> = places.filter_map(|at| u32::try_from(at).ok()).collect();
        // No replica is drawn: the ratio of this group alone.
        if let Some(found) = scan(&persons, &[zone], 0, 0) {
            row.insert("llr".into(), json!(found.llr));
            let risk = Some(found.relative_risk).filter(|r| r.is_finite());
            row.insert("relative_risk".into(), json!(risk));
        }
        rows.push(row);
    }
    for (home, inside) in homes.into_iter().filter(|(_, inside)| students(facts, inside).len() > 1) {
        let size = facts.people.values().filter(|p| p.home.as_deref() == Some(home)).count();
        let mut row = common(facts, alert, &inside, u32::try_from(size).unwrap_or(u32::MAX));
        row.insert("cluster_kind".into(), json!("HOUSEHOLD"));
        row.insert("key".into(), json!(format!("home-{}", hex::encode(&home[..home.len().min(6)]))));
        rows.push(row);
    }
    rows
}

fn students(facts: &Facts, cases: &[usize]) -> BTreeSet<Uuid> {
    cases.iter().map(|at| facts.cases[*at].student).collect()
}

/// What every row has. Who was ill and has left the group counts among its persons.
fn common(facts: &Facts, alert: Uuid, cases: &[usize], size: u32) -> Map<String, Value> {
    let members = students(facts, cases);
    let count = u32::try_from(members.len()).unwrap_or(u32::MAX);
    let population = size.max(count);
    let first = |a: &&Case, b: &&Case| (a.onset, a.student).cmp(&(b.onset, b.student));
    let all = || cases.iter().map(|at| &facts.cases[*at]);
    let (index, last) = (all().min_by(first), all().max_by(first));
    crate::row(json!({
        "alert_id": alert, "members": members.iter().map(Uuid::to_string).collect::<Vec<_>>(), "case_count": count,
        "population": population, "attack_rate": f64::from(count) / f64::from(population),
        "index_case_id": index.map(|c| c.student), "period_from": index.map(|c| c.onset.to_string()),
        "period_to": last.map(|c| c.onset.to_string()),
    }))
}
