//! `salus doctor crypto`: whether every column that must be sealed is, is registered and has a key, and which blind indexes
//! tell too much (`spec` A26, A33).

use crate::{
    output::{Outcome, table},
    place::Place,
};
use salus_core::{Error, Result};
use salus_store::lint::{self, Finding};
use serde_json::json;

/// Rules about columns: classified, sealed where their class says so, indexed as they are searched.
const RULES: [&str; 3] = ["N03", "N06", "N08"];

pub async fn doctor(place: &Place) -> Result<Outcome> {
    let admin = place.admin().await?;
    let mut findings = lint::check(&admin).await?;
    findings.retain(|f| RULES.contains(&f.rule.as_str()));
    // Of both sides by themselves, so that a rule that forgot a case is seen as well.
    let sql = "WITH sealed AS (SELECT format('%I.%I.%I', n.nspname, c.relname, a.attname) AS name \
                 FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
                WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT a.attisdropped AND a.atttypid IN \
                  ('kernel.sealed_text'::regtype, 'kernel.sealed_date'::regtype, 'kernel.sealed_json'::regtype)), \
               registered AS (SELECT table_name || '.' || column_name AS name FROM kernel.fields WHERE class IN ('C3', 'C4')) \
               SELECT (SELECT count(*) FROM sealed), (SELECT count(*) FROM registered), \
                 ARRAY(SELECT name FROM sealed EXCEPT SELECT name FROM registered ORDER BY 1), \
                 ARRAY(SELECT name FROM registered EXCEPT SELECT name FROM sealed ORDER BY 1)";
    let row = admin.query_one(sql, &[]).await.map_err(Error::internal)?;
    let (sealed, registered): (i64, i64) = (row.get(0), row.get(1));
    let (unregistered, clear): (Vec<String>, Vec<String>) = (row.get(2), row.get(3));
    let weak = place.db_as_it_is().await?.weak_indexes().await?;
    let line = |f: &Finding| vec![f.rule.clone(), f.object.clone(), f.problem.clone(), f.fix.clone()];
    let rows: Vec<Vec<String>> = findings.iter().map(line).collect();
    let mut lines = Vec::new();
    if !rows.is_empty() {
        lines.push(table(&["rule", "where", "what", "fix"], &rows));
    }
    lines.extend(unregistered.iter().map(|c| format!("NOT REGISTERED: {c} is sealed, and no class says so")));
    lines.extend(clear.iter().map(|c| format!("NOT SEALED: {c} is of a class that is sealed")));
    lines.extend(weak.iter().map(|w| {
        format!(
            "Note: {} of {} has {} values in {} rows: each is known by how often it occurs",
            w.index, w.tenant, w.values, w.rows
        )
    }));
    let ok = findings.is_empty() && unregistered.is_empty() && clear.is_empty();
    lines.push(format!(
        "{sealed} columns are sealed, {registered} registered to be: {}",
        if ok { "no gap" } else { "THERE ARE GAPS" }
    ));
    let json = json!({"ok": ok, "sealed": sealed, "registered": registered, "not_registered": unregistered, "not_sealed": clear,
                      "findings": findings, "weak_indexes": weak});
    Ok(Outcome { json, text: lines.join("\n"), ok })
}
