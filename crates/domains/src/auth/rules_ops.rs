//! The tenant's rules for sign-in through the door: read and changed as one thing, and checked wherever the setting is
//! written.

use super::{
    configuration::{self, NAME, Profile, SecurityConfiguration, check_roles, stored},
    modules,
};
use crate::row;
use salus_core::{Error, Result};
use salus_store::{Call, Method, Op, Param, Reply, Tx, engine::NewRow, run, sql};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The operations.
pub fn ops() -> Vec<Op> {
    let path = "/api/v1/auth/security-configuration";
    let output = json!({
        "type": "object",
        "properties": {
            "configuration": configuration::schema(),
            "profiles": {"type": "object", "additionalProperties": configuration::schema()},
            "tenant": {"type": "string", "format": "uuid", "description": "Whose rules these are"},
        },
        "required": ["configuration", "profiles", "tenant"],
    });
    let op = |method, verb: &str, permission, summary: &str, run| Op {
        method,
        path: path.into(),
        name: format!("auth.security_configuration.{verb}"),
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
    changed["required"] = json!(["id", "configuration", "profiles", "tenant"]);
    vec![
        Op {
            params: vec![Param {
                name: "fields".into(),
                doc: "Only these rules, separated by commas".into(),
                schema: json!({"type": "string"}),
            }],
            ..op(
                Method::Get,
                "get",
                "kernel.setting.read",
                "The rules for passwords, second factors and sessions, and the sets that are offered",
                run(|tx, call| Box::pin(get(tx, call))),
            )
        },
        Op {
            input: Some(configuration::schema()),
            output: changed,
            ..op(
                Method::Post,
                "change",
                "kernel.setting.write",
                "Change some of the rules for sign-in; they hold within a second",
                run(|tx, call| Box::pin(change(tx, call))),
            )
        },
    ]
}

fn answer(tx: &Tx, rules: &SecurityConfiguration) -> Value {
    let profiles: Map<String, Value> =
        Profile::ALL.into_iter().map(|p| (p.name().to_owned(), p.rules().to_value())).collect();
    json!({"configuration": rules.to_value(), "profiles": profiles, "tenant": tx.ctx.tenant})
}

async fn get(tx: &mut Tx, call: Call) -> Result<Reply> {
    let rules = stored(tx).await?;
    let mut told = answer(tx, &rules);
    if let Some(fields) = call.query_value("fields") {
        let wanted: Vec<&str> = fields.split(',').map(str::trim).collect();
        let members = told["configuration"].as_object_mut().ok_or_else(|| Error::internal("rules are an object"))?;
        if let Some(bad) = wanted.iter().find(|f| !members.contains_key(**f)) {
            return Err(Error::invalid("fields", "unknown_field", format!("There is no rule {bad}")));
        }
        members.retain(|name, _| wanted.contains(&name.as_str()));
    }
    Ok(Reply::json(told))
}

async fn change(tx: &mut Tx, call: Call) -> Result<Reply> {
    let Value::Object(changes) = call.body else {
        return Err(Error::invalid("", "wrong_shape", "Is an object of rules such as {\"passwordMinLength\": 15}"));
    };
    let held = tx.query_opt(sql!("SELECT id FROM kernel.settings WHERE name = $1::text FOR UPDATE"), &[&NAME]).await?;
    let rules = stored(tx).await?.with(changes)?;
    check_roles(tx, &rules).await?;
    let id: Uuid = held.map_or_else(|| tx.ctx.env.id(), |r| r.get(0));
    let values = row(json!({"name": NAME, "value": rules.to_value()}));
    let sql = sql!("SELECT id FROM kernel.settings WHERE id = $1");
    if tx.query_opt(sql, &[&id]).await?.is_some() {
        tx.update("kernel.settings", id, None, values).await?;
    } else {
        tx.insert("kernel.settings", &[NewRow { id, values }]).await?;
    }
    tx.on_row(id);
    // With the row, so that replies of two tenants with equal rules can be told apart.
    let mut told = answer(tx, &rules);
    told["id"] = json!(id);
    Ok(Reply::json(told))
}

/// Checks a setting that is written by its name: the rules for sign-in are taken only when every member can be, and of
/// modules only those there are.
pub async fn check_setting(tx: &mut Tx, call: &Call) -> Result<()> {
    let mut name = call.body["name"].as_str().map(str::to_owned);
    let mut value = call.body.get("value").cloned();
    if let Ok(id) = call.id()
        && let Some(held) = tx.query_opt(sql!("SELECT name, value FROM kernel.settings WHERE id = $1"), &[&id]).await?
    {
        name = name.or_else(|| held.get("name"));
        value = value.or_else(|| held.get("value"));
    }
    let (Some(name), Some(value)) = (name, value) else { return Ok(()) };
    if name == modules::NAME {
        return modules::check(&value);
    }
    if name != NAME {
        return Ok(());
    }
    let under_value = |e: Error| match e {
        Error::Invalid(mut all) => {
            for e in all.iter_mut().filter(|e| e.pointer != "/value") {
                e.pointer = format!("/value{}", e.pointer);
            }
            Error::Invalid(all)
        }
        other => other,
    };
    let rules = SecurityConfiguration::read(&value).map_err(under_value)?;
    check_roles(tx, &rules).await.map_err(under_value)
}
