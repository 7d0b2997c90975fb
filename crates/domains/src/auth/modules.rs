//! The modules an organization works with. What it did not choose is refused to everybody by every way in and stands in no
//! navigation; its data stay as they are and come back when it is chosen again.
//!
//! Accounts, the kernel, the audit log and compliance are no modules: nobody works without them.

use crate::row;
use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Param, Reply, Tx, engine::NewRow, run, sql};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};
use uuid::Uuid;

/// The setting with the names of the chosen ones; where there is none, all are.
pub(super) const NAME: &str = "modules.chosen";

/// A part of the product that an organization may work without.
#[derive(Debug, Clone, Copy)]
pub struct Module {
    /// Its name.
    pub name: &'static str,
    /// First words of the permissions of its operations.
    pub domains: &'static [&'static str],
}

/// Every module.
pub const MODULES: [Module; 5] = [
    Module { name: "records", domains: &["medical", "records"] },
    Module { name: "exchange", domains: &["exchange"] },
    Module { name: "ai", domains: &["ai"] },
    Module { name: "reports", domains: &["reports"] },
    Module { name: "school", domains: &["billing", "school"] },
];

/// First words of permissions that belong to no module.
pub const ALWAYS: [&str; 5] = ["audit", "auth", "compliance", "kernel", "ops"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    modules: BTreeSet<String>,
}

/// What is chosen, and the choice.
pub fn ops() -> Vec<Op> {
    let path = "/api/v1/kernel/modules";
    let names: Vec<&str> = MODULES.iter().map(|m| m.name).collect();
    let chosen = json!({"type": "array", "items": {"type": "string", "enum": names}, "uniqueItems": true});
    let output = json!({
        "type": "object",
        "properties": {
            "tenant": {"type": "string", "format": "uuid"},
            "modules": {"type": "array", "items": {"type": "object", "properties": {
                "name": {"type": "string", "enum": names}, "chosen": {"type": "boolean"},
                "domains": {"type": "array", "items": {"type": "string"}},
            }, "required": ["name", "chosen", "domains"]}},
        },
        "required": ["tenant", "modules"],
    });
    let op = |method, verb: &str, permission, summary: &str, run| Op {
        method,
        path: path.into(),
        name: format!("kernel.module.{verb}"),
        permission,
        summary: summary.into(),
        target: "kernel.settings",
        params: Vec::new(),
        input: None,
        output: output.clone(),
        run,
    };
    let mut changed = output.clone();
    changed["properties"]["id"] =
        json!({"type": "string", "format": "uuid", "description": "The setting that holds them"});
    vec![
        Op {
            params: vec![Param {
                name: "name".into(),
                doc: "Only the module of this name".into(),
                schema: json!({"type": "string"}),
            }],
            ..op(
                Method::Get,
                "list",
                "kernel.setting.read",
                "The modules there are, and which the organization works with",
                run(|tx, call| Box::pin(list(tx, call))),
            )
        },
        Op {
            input: Some(json!({"type": "object", "properties": {"modules": chosen}, "required": ["modules"],
                "additionalProperties": false})),
            output: changed,
            ..op(
                Method::Post,
                "choose",
                "kernel.setting.write",
                "Choose the modules the organization works with; others are refused within a second, their data stay",
                run(|tx, call| Box::pin(choose(tx, call))),
            )
        },
    ]
}

/// First words of the permissions of modules that the tenant did not choose.
///
/// # Errors
/// Those of the database, and [`Error::Internal`] for a setting that cannot be read: nobody guesses what was chosen.
pub async fn closed_modules(tx: &mut Tx) -> Result<Arc<[&'static str]>> {
    let chosen = chosen(tx).await?;
    let closed = MODULES.iter().filter(|m| chosen.as_ref().is_some_and(|c| !c.contains(m.name)));
    Ok(closed.flat_map(|m| m.domains).copied().collect())
}

async fn chosen(tx: &mut Tx) -> Result<Option<BTreeSet<String>>> {
    let found = tx.query_opt(sql!("SELECT value FROM kernel.settings WHERE name = $1::text"), &[&NAME]).await?;
    let names = found.map(|row| serde_json::from_value(row.get(0))).transpose();
    names.map_err(|_| Error::internal("the setting modules.chosen is no list of names"))
}

fn told(tx: &Tx, chosen: Option<&BTreeSet<String>>) -> Value {
    let one =
        |m: &Module| json!({"name": m.name, "domains": m.domains, "chosen": chosen.is_none_or(|c| c.contains(m.name))});
    json!({"tenant": tx.ctx.tenant, "modules": MODULES.iter().map(one).collect::<Vec<_>>()})
}

async fn list(tx: &mut Tx, call: Call) -> Result<Reply> {
    let chosen = chosen(tx).await?;
    let mut told = told(tx, chosen.as_ref());
    if let (Some(name), Some(modules)) = (call.query_value("name"), told["modules"].as_array_mut()) {
        modules.retain(|m| m["name"] == name);
        if modules.is_empty() {
            return Err(Error::NotFound);
        }
    }
    Ok(Reply::json(told))
}

async fn choose(tx: &mut Tx, mut call: Call) -> Result<Reply> {
    let Choice { modules } = call.input()?;
    check(&json!(modules)).map_err(|e| under(e, "modules"))?;
    let held = tx.query_opt(sql!("SELECT id FROM kernel.settings WHERE name = $1::text FOR UPDATE"), &[&NAME]).await?;
    let values = row(json!({"name": NAME, "value": modules}));
    let id: Uuid = held.as_ref().map_or_else(|| tx.ctx.env.id(), |found| found.get(0));
    if held.is_some() {
        tx.update("kernel.settings", id, None, values).await?;
    } else {
        tx.insert("kernel.settings", &[NewRow { id, values }]).await?;
    }
    tx.on_row(id);
    let mut told = told(tx, Some(&modules));
    told["id"] = json!(id);
    Ok(Reply::json(told))
}

/// Checks the value of the setting, by whichever way it is written.
///
/// # Errors
/// [`Error::Invalid`] for what is no list of names of modules.
pub(super) fn check(value: &Value) -> Result<()> {
    let all = || MODULES.iter().map(|m| m.name).collect::<Vec<_>>().join(", ");
    let wrong = || Error::invalid("value", "not_allowed", format!("Is a list of modules: {}", all()));
    let names = value.as_array().ok_or_else(wrong)?;
    if names.iter().any(|n| n == "school") && !names.iter().any(|n| n == "records") {
        let message = "school needs records: a student is a patient, and the clinic shows allergies";
        return Err(Error::invalid("value", "not_allowed", message));
    }
    if names.iter().all(|n| n.as_str().is_some_and(|n| MODULES.iter().any(|m| m.name == n))) {
        return Ok(());
    }
    Err(wrong())
}

fn under(e: Error, field: &str) -> Error {
    match e {
        Error::Invalid(all) => {
            let moved = all.into_iter().map(|e| salus_core::FieldError { pointer: format!("/{field}"), ..e });
            Error::Invalid(moved.collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_belongs_to_a_module_or_to_what_nobody_works_without() {
        let all = MODULES.iter().flat_map(|m| m.domains).chain(&ALWAYS).collect::<Vec<_>>();
        let distinct: BTreeSet<&&str> = all.iter().copied().collect();
        assert_eq!(all.len(), distinct.len(), "no domain stands twice");
        for resource in crate::resources() {
            for permission in std::iter::once(resource.read).chain(resource.write) {
                let domain = permission.split('.').next().unwrap();
                assert!(distinct.contains(&domain), "{permission}: add {domain} to a module");
            }
        }
    }

    #[test]
    fn a_choice_names_modules_only() {
        assert!(check(&json!(["records", "ai"])).is_ok() && check(&json!([])).is_ok());
        for wrong in [json!(["patients"]), json!("records"), json!([1]), json!(null)] {
            assert!(matches!(check(&wrong), Err(Error::Invalid(_))), "{wrong}");
        }
    }
}
