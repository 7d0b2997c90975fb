//! Analytics of visits, and its table as a file.

use super::{
    clinic::student,
    download::download,
    frame::{PageError, Params, Shown, Visit, html, text},
    home::{items, json_of, with_query},
    medication::pairs,
};
use crate::pages::visit_analytics::{self, AnalyticsView};
use axum::extract::Query;
use salus_store::Call;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Students of one question for names.
const MOST: usize = 50;

/// GET `/clinic/analytics`.
pub async fn show(visit: Visit, Query(query): Params) -> Shown {
    let mut told = asked(&visit, &query, "json").await?;
    let school = query.get("school").cloned().unwrap_or_default();
    let mut ids = BTreeSet::new();
    for list in ["class_avoidance", "frequent_visitors", "most_class_missed"] {
        // Whom the page names it names in short.
        if let Some(all) = told[list].as_array_mut() {
            all.truncate(15);
        }
        ids.extend(items(&told, list).iter().map(|line| text(line, "student_id")));
    }
    let mut ids: Vec<String> = ids.into_iter().take(MOST).collect();
    if ids.is_empty() {
        // Nobody: without ids those who are in the clinic would be named.
        ids.push(Uuid::nil().to_string());
    }
    let named = with_query(Call::default(), &[("ids", &ids.join(","))]);
    let named = json_of(visit.call("school.clinic.students", named).await?);
    let people = items(&named, "data").iter().map(|s| (text(s, "id"), student(s, String::new()))).collect();
    told["mine"] = json!(pairs(&named, "schools"));
    let view = AnalyticsView { school, people, ..visit.view(told)? };
    Ok(html(&visit_analytics::render(&view, &visit.shell)))
}

/// GET `/clinic/analytics/dispositions.csv`.
pub async fn dispositions(visit: Visit, Query(query): Params) -> Shown {
    let told = asked(&visit, &query, "csv").await?;
    download(&told["file"]).map_err(|e| visit.error(e))
}

async fn asked(visit: &Visit, query: &BTreeMap<String, String>, format: &str) -> Result<Value, PageError> {
    let get = |name: &str| query.get(name).map_or("", String::as_str);
    let asked = [("school_id", get("school")), ("from", get("from")), ("to", get("to")), ("format", format)];
    let mut told = json_of(visit.call("school.visit.analytics", with_query(Call::default(), &asked)).await?);
    // Hollow where it may not be told.
    if let Some(groups) = told["groups"].as_object_mut() {
        for line in groups.values_mut().filter_map(Value::as_array_mut).flatten().filter_map(Value::as_object_mut) {
            line.retain(|_, member| !member.is_null());
        }
    }
    Ok(told)
}
