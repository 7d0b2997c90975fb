//! Tries to pass from one scratch tenant to the other through every operation: with the other's ids in every path
//! parameter, body reference and filter, with its cursors and idempotency keys, and by writing what only the server
//! writes. A foreign id must be answered exactly as one that never was.

use super::specimen::{Factory, Scratch};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use salus_core::{Ctx, Error, FieldError, Result};
use salus_store::{Body, Call, Db, Method, Op, Reply, catalog::HEADER, catalog::Table, dispatch, walls::Check};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// Rows a list is asked for, so that one page holds all that a scratch tenant has.
const ALL: &str = "200";
/// Query parameters without which an operation on one row does not look for it.
const NEEDED: &[(&str, &str)] = &[("code", "8867-4")];

/// Tries every operation: as `mine`, to reach the rows of `theirs`.
///
/// # Errors
/// [`Error::Unavailable`] when the audit log or the database stops answering; what an operation answers is a finding.
pub async fn try_all(
    db: &Db,
    operations: &[Arc<Op>],
    factory: &Factory,
    mine: Scratch,
    theirs: Scratch,
) -> Result<Vec<Check>> {
    let mut door = Door { db, operations, factory, mine, theirs, secrets: Vec::new() };
    let replayed = door.replay().await?;
    door.secrets = door.theirs.secrets().map(|s| s.to_lowercase()).collect();
    Ok(vec![
        replayed,
        // First, because the log later shows the foreign ids that were asked for.
        door.lists().await?,
        door.filters().await?,
        door.cursors().await?,
        door.paths().await?,
        door.references().await?,
        door.header().await?,
    ])
}

struct Door<'a> {
    db: &'a Db,
    operations: &'a [Arc<Op>],
    factory: &'a Factory,
    mine: Scratch,
    theirs: Scratch,
    secrets: Vec<String>,
}

impl Door<'_> {
    /// The other tenant's replies are not given to the same idempotency key. Makes a second row of the other tenant
    /// where it can, so that lists have more to show.
    async fn replay(&mut self) -> Result<Check> {
        let mut check = Check::new("another tenant's idempotency key answers nothing");
        let mut worked = 0;
        for op in self.operations {
            let (Some(_), Some(table)) = (&op.input, self.table(op)) else { continue };
            if op.method != Method::Post || op.path.contains('{') {
                continue;
            }
            // One's own row of the same body is no leak, so the body holds no marker of the other tenant.
            let marker = self.theirs.marker.replace("tenant_b", "again");
            let call = Call {
                body: self.body(op, table, &self.theirs, &marker),
                idempotency_key: Some(format!("prove-{}", op.name)),
                ..Call::default()
            };
            let Ok(first) = self.call(self.theirs.id, op, call.clone()).await? else { continue };
            worked += 1;
            self.theirs.more.extend(ids_in(&shown(&first)));
            let replayed = self.call(self.mine.id, op, call).await?;
            let same = replayed.is_ok_and(|reply| shown(&reply) == shown(&first));
            check.attempt(same.then(|| format!("{}: the reply made for another tenant is given out", op.name)));
        }
        if worked == 0 {
            check.unproven.push("no operation could be called with an idempotency key".into());
        }
        Ok(check)
    }

    /// A foreign id in a path is answered as one that never was.
    async fn paths(&self) -> Result<Check> {
        let mut check = Check::new("a foreign id in a path is answered like one that never was");
        for op in self.operations.iter().filter(|o| o.path.contains('{')) {
            let ids = [op.target, "medical.patients"].map(|t| self.theirs.rows.get(t).copied());
            let (target, mut ids) = (ids[0], ids.into_iter().flatten().collect::<Vec<_>>());
            ids.dedup();
            for id in ids {
                if op.method == Method::Get && Some(id) == target {
                    // Seen by its own tenant, the row is there to be found.
                    if let Err(e) = self.call(self.theirs.id, op, self.at(op, id)).await? {
                        check.unproven.push(format!("{}: its own tenant is answered {}", op.name, e.code()));
                    }
                }
                let never = self.db.env().id();
                let foreign = self.call(self.mine.id, op, self.at(op, id)).await?;
                let unknown = self.call(self.mine.id, op, self.at(op, never)).await?;
                let missing = matches!(foreign, Err(Error::NotFound));
                let (foreign, unknown) = (normal(&foreign, id), normal(&unknown, never));
                if foreign == unknown && !missing {
                    check.tried += 1;
                    check.unproven.push(format!("{}: any id is answered {}", op.name, brief(&foreign)));
                } else {
                    let leak = || told_apart(&op.name, &foreign, &unknown);
                    check.attempt((foreign != unknown).then(leak));
                }
            }
        }
        Ok(check)
    }

    /// What is listed and read as one tenant holds nothing of the other.
    async fn lists(&self) -> Result<Check> {
        let mut check = Check::new("what a tenant lists and reads holds nothing of another");
        let own: Vec<String> = self.mine.secrets().map(|s| s.to_lowercase()).collect();
        for op in self.operations.iter().filter(|o| o.method == Method::Get) {
            let call = if op.path.contains('{') {
                let Some(id) = self.mine.rows.get(op.target) else { continue };
                self.at(op, *id)
            } else {
                let patient = self.mine.rows.get("medical.patients").map(Uuid::to_string).unwrap_or_default();
                Call { query: asked(op, &[("limit", ALL), ("patient", &patient)]), ..Call::default() }
            };
            match self.call(self.mine.id, op, call).await? {
                Ok(reply) => {
                    let text = shown(&reply).to_lowercase();
                    check.attempt(self.betrayed(&text).map(|what| format!("{}: shows {what}", op.name)));
                    // Sealed events as a file are none until the sealer was there.
                    let is_file = text.contains("\"base64\":");
                    if !is_file
                        && self.mine.rows.contains_key(op.target)
                        && !own.iter().any(|s| text.contains(s.as_str()))
                    {
                        check.unproven.push(format!("{}: does not show one's own row either", op.name));
                    }
                }
                Err(e) => check.unproven.push(format!("{}: is answered {}", op.name, e.code())),
            }
        }
        Ok(check)
    }

    /// Filters with the other tenant's values find none of its rows.
    async fn filters(&self) -> Result<Check> {
        let mut check = Check::new("a filter with another tenant's value finds nothing");
        for op in self.operations.iter().filter(|o| o.method == Method::Get && !o.path.contains('{')) {
            let Some(table) = self.table(op) else { continue };
            let known = self.factory.body(table, &self.theirs, &self.theirs.marker, &op_row(op));
            for param in &op.params {
                let value = match (param.name.as_str(), known.get(&param.name)) {
                    ("patient", None) => {
                        self.theirs.rows.get("medical.patients").map(Uuid::to_string).unwrap_or_default()
                    }
                    ("name", None) => self.theirs.marker.clone(),
                    (_, Some(Value::String(text))) => text.clone(),
                    (_, Some(Value::Number(n))) => n.to_string(),
                    _ => continue,
                };
                let call = Call { query: asked(op, &[(&param.name, &value), ("limit", ALL)]), ..Call::default() };
                if let Ok(reply) = self.call(self.mine.id, op, call).await? {
                    let text = shown(&reply).to_lowercase().replace(&value.to_lowercase(), "");
                    let leak = self.betrayed(&text).map(|what| format!("{} ?{}: shows {what}", op.name, param.name));
                    check.attempt(leak);
                }
            }
        }
        Ok(check)
    }

    /// A cursor of the other tenant is no cursor.
    async fn cursors(&self) -> Result<Check> {
        let mut check = Check::new("another tenant's cursor is refused");
        for op in self.operations.iter().filter(|o| o.params.iter().any(|p| p.name == "cursor")) {
            let mut call = Call { query: asked(op, &[("limit", "1")]), ..Call::default() };
            let Ok(reply) = self.call(self.theirs.id, op, call.clone()).await? else { continue };
            let Body::Page(page) = reply.body else { continue };
            let Some(cursor) = page.next else { continue };
            call.query.push(("cursor".into(), cursor));
            let told = self.call(self.mine.id, op, call).await?;
            let refused = matches!(&told, Err(Error::Invalid(_)));
            check.attempt((!refused).then(|| format!("{}: another tenant's cursor is taken", op.name)));
        }
        if check.tried == 0 {
            check.unproven.push("no list gave a cursor".into());
        }
        Ok(check)
    }

    /// A body that refers to the other tenant's row is answered as one that refers to a row that never was.
    async fn references(&self) -> Result<Check> {
        let mut check = Check::new("a foreign id in a body is answered like one that never was");
        for op in self.operations.iter().filter(|o| o.input.is_some()) {
            let Some(table) = self.table(op) else { continue };
            for (column, target) in &table.references {
                let Some(foreign) = self.theirs.rows.get(target) else { continue };
                if op.input.as_ref().is_none_or(|schema| schema["properties"].get(column).is_none()) {
                    continue;
                }
                let never = self.db.env().id();
                let mut told = Vec::with_capacity(2);
                for id in [*foreign, never] {
                    let mut call = self.own(op, table, &format!("{}_ref", self.mine.marker));
                    call.body[column] = json!(id);
                    told.push(normal(&self.call(self.mine.id, op, call).await?, id));
                }
                let leak = told[0] != told[1] || told[0].starts_with("done");
                check.attempt(leak.then(|| told_apart(&format!("{} {column}", op.name), &told[0], &told[1])));
            }
        }
        Ok(check)
    }

    /// What only the server writes is refused in a body by its name: the header of every row, and each column of the table
    /// that the operation does not take.
    async fn header(&self) -> Result<Check> {
        let mut check =
            Check::new("tenant, id, author, version and every column that is not given are refused in a body");
        for op in self.operations.iter().filter(|o| o.input.is_some()) {
            let Some(table) = self.table(op) else { continue };
            let given = |name: &str| op.input.as_ref().is_some_and(|s| s["properties"].get(name).is_some());
            let columns = table.columns.iter().map(|c| c.name.as_str()).filter(|c| !HEADER.contains(c) && !given(c));
            let fields: Vec<&str> = HEADER.into_iter().chain(columns).collect();
            // A refusal names all that is wrong, or only the first: those it does not name are tried alone.
            let refused = match self.with_fields(op, table, &fields).await? {
                Err(Error::Invalid(e)) => e,
                _ => Vec::new(),
            };
            for field in fields {
                let told = if names_field(&refused, field) {
                    Err(Error::Invalid(refused.clone()))
                } else {
                    self.with_fields(op, table, &[field]).await?
                };
                match told {
                    Err(Error::Invalid(e)) if names_field(&e, field) => check.attempt(None),
                    Err(e) => check.unproven.push(format!("{} {field}: is answered {e}", op.name)),
                    Ok(_) => check.attempt(Some(format!("{}: takes {field} from the body", op.name))),
                }
            }
        }
        Ok(check)
    }

    /// Calls an operation on one's own row with these fields in its body besides.
    async fn with_fields(&self, op: &Arc<Op>, table: &Table, fields: &[&str]) -> Result<Result<Reply>> {
        let mut call = self.own(op, table, &format!("{}_{}", self.mine.marker, fields[0]));
        for field in fields {
            call.body[*field] = match *field {
                "row_version" => json!(7),
                "created_at" | "updated_at" => json!("2001-01-01T00:00:00Z"),
                "tenant_id" => json!(self.theirs.id),
                _ => json!(Uuid::max()),
            };
        }
        self.call(self.mine.id, op, call).await
    }

    /// Calls an operation as the operator of a tenant; only a failure to answer at all ends the proof.
    async fn call(&self, tenant: Uuid, op: &Arc<Op>, call: Call) -> Result<Result<Reply>> {
        match dispatch(self.db, op, Ctx::operator(self.db.env(), tenant), call).await {
            Err(Error::Unavailable(why)) => Err(Error::Unavailable(why)),
            told => Ok(told),
        }
    }

    fn table(&self, op: &Op) -> Option<&Table> {
        self.db.catalog().table(op.target).ok()
    }

    fn body(&self, op: &Op, table: &Table, of: &Scratch, marker: &str) -> Value {
        let schema = op.input.as_ref().unwrap_or(&Value::Null);
        Value::Object(self.factory.body(table, of, marker, schema))
    }

    /// A call about one's own row, with a body that fits.
    fn own(&self, op: &Op, table: &Table, marker: &str) -> Call {
        let id = self.mine.rows.get(op.target).copied().unwrap_or_default();
        Call {
            path: path(op, id),
            body: self.body(op, table, &self.mine, marker),
            if_match: Some(1),
            ..Call::default()
        }
    }

    /// A call with this id in every parameter of the path; its body refers to rows of one's own.
    fn at(&self, op: &Op, id: Uuid) -> Call {
        let body = match self.table(op) {
            Some(table) if op.input.is_some() => self.body(op, table, &self.mine, &self.mine.marker),
            _ => Value::Null,
        };
        Call { path: path(op, id), query: asked(op, &[]), body, if_match: Some(1), ..Call::default() }
    }

    /// Which secret of the other tenant a text holds.
    fn betrayed(&self, text: &str) -> Option<String> {
        let secret = self.secrets.iter().find(|s| text.contains(s.as_str()))?;
        let what = self.theirs.rows.iter().find(|(_, id)| id.to_string() == *secret);
        Some(
            what.map_or_else(|| format!("{secret} of another tenant"), |(t, _)| format!("another tenant's row of {t}")),
        )
    }
}

fn path(op: &Op, id: Uuid) -> Vec<(String, String)> {
    let names = op.path.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    names.map(|(name, _)| (name.to_owned(), id.to_string())).collect()
}

/// Those of these query parameters that the operation has, and something for the ones it cannot do without.
fn asked(op: &Op, with: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut query: Vec<(String, String)> = Vec::new();
    for param in &op.params {
        if let Some((name, value)) = with.iter().find(|(name, _)| *name == param.name) {
            query.push(((*name).to_owned(), (*value).to_owned()));
        } else if let Some((name, value)) = NEEDED.iter().find(|(name, _)| op.path.contains('{') && *name == param.name)
        {
            query.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    query
}

/// The schema of one row of a list's reply.
fn op_row(op: &Op) -> Value {
    op.output["properties"]["data"]["items"].clone()
}

fn shown(reply: &Reply) -> String {
    let body = serde_json::to_value(&reply.body).unwrap_or_default();
    let mut text = body.to_string();
    in_files(&body, &mut text);
    text
}

/// Adds what stands in files of an answer, as far as it is text.
fn in_files(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            let file = members.get("base64").and_then(Value::as_str).and_then(|file| STANDARD.decode(file).ok());
            text.extend(file.and_then(|bytes| String::from_utf8(bytes).ok()));
            members.values().for_each(|member| in_files(member, text));
        }
        Value::Array(items) => items.iter().for_each(|item| in_files(item, text)),
        _ => {}
    }
}

/// An answer without the id that was asked for, so that two can be compared.
fn normal(told: &Result<Reply>, id: Uuid) -> String {
    let text = match told {
        Ok(reply) => format!("done: {} {}", reply.status, shown(reply)),
        Err(e) => format!("{}: {e}", e.code()),
    };
    text.replace(&id.to_string(), "the id")
}

/// Two answers that should have been one; without what they hold, which is nobody's business in a report.
fn told_apart(what: &str, foreign: &str, unknown: &str) -> String {
    format!("{what}: a foreign id is answered {}, an unknown one {}", brief(foreign), brief(unknown))
}

fn brief(answer: &str) -> String {
    match answer.strip_prefix("done: ") {
        Some(reply) => format!("with a reply of {} bytes", reply.len()),
        None => answer.to_owned(),
    }
}

fn names_field(errors: &[FieldError], field: &str) -> bool {
    errors.iter().any(|e| names(&e.pointer, field) || names(&e.message, field))
}

fn names(text: &str, field: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == field)
}

/// Ids anywhere in a text.
fn ids_in(text: &str) -> Vec<Uuid> {
    text.split('"').filter(|s| s.len() == 36).filter_map(|s| s.parse().ok()).collect()
}
