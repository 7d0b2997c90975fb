//! The operations of a resource: list, get, create, change.

use super::{NewRow, Resource, filter::sort_names, write::writable};
use crate::{
    Body, Catalog, Method, Op, Param, Record, Reply, Tx,
    catalog::{Table, row_schema, write_schema},
    decide::unread,
    op::{Run, run},
};
use salus_core::{Error, Result};
use serde_json::{Value, json};

impl Resource {
    /// Its operations, described from the catalogue.
    ///
    /// # Errors
    /// [`Error::Internal`] when it names a table or column that does not exist.
    pub fn ops(self, catalog: &Catalog) -> Result<Vec<Op>> {
        check(&self, catalog)?;
        let table = catalog.table(self.table)?;
        let mut ops = vec![self.list_op(table), self.get_op(table)];
        if let Some(write) = self.write.filter(|_| !table.append_only) {
            ops.push(self.create_op(table, write));
            ops.push(self.change_op(table, write));
        }
        Ok(ops)
    }

    fn list_op(self, table: &Table) -> Op {
        let row = row_schema(table);
        let output = json!({
            "type": "object",
            "properties": {"data": {"type": "array", "items": row}, "next": {"type": ["string", "null"]}, "total": {"type": "integer"}},
            "required": ["data", "next"],
        });
        let params = list_params(&self, table);
        let run = run(move |tx, call| {
            Box::pin(async move {
                let page = tx.list(&self, &call).await?;
                Ok(Reply::of(200, Body::Page(page)))
            })
        });
        let summary = format!("List {}", plural(self.table));
        Op { params, ..self.op(Method::Get, "", "list", self.read, summary, output, None, run) }
    }

    fn get_op(self, table: &Table) -> Op {
        let run = run(move |tx, call| {
            Box::pin(async move {
                let fields: Vec<&str> = call.query_value("fields").map(|f| f.split(',').collect()).unwrap_or_default();
                tx.get(self.table, call.id()?, &fields).await.map(Reply::row)
            })
        });
        let params = vec![fields_param(table)];
        let summary = format!("One record of {}", plural(self.table));
        Op { params, ..self.op(Method::Get, "/{id}", "get", self.read, summary, row_schema(table), None, run) }
    }

    fn create_op(self, table: &Table, permission: &'static str) -> Op {
        let run = run(move |tx, call| {
            Box::pin(async move {
                let db = tx.db().clone();
                let values = writable(&self, db.catalog().table(self.table)?, call.body)?;
                let id = tx.ctx.env.id();
                let made = tx.create(self.table, NewRow { id, values }).await?;
                Ok(Reply::created(self.answered(tx, made)))
            })
        });
        let input = Some(write_schema(table, self.locked, true));
        let summary = format!("Create a record of {}", plural(self.table));
        self.op(Method::Post, "", "create", permission, summary, row_schema(table), input, run)
    }

    fn change_op(self, table: &Table, permission: &'static str) -> Op {
        let run = run(move |tx, call| {
            Box::pin(async move {
                let db = tx.db().clone();
                let (id, version) = (call.id()?, call.if_match.ok_or(Error::VersionRequired)?);
                let values = writable(&self, db.catalog().table(self.table)?, call.body)?;
                let changed = tx.update(self.table, id, Some(version), values).await?;
                Ok(Reply::row(self.answered(tx, changed)))
            })
        });
        let input = Some(write_schema(table, self.locked, false));
        let summary = format!("Change a record of {}", plural(self.table));
        self.op(Method::Patch, "/{id}", "change", permission, summary, row_schema(table), input, run)
    }

    /// A row as it is answered to who wrote it: without what they could not read of it.
    #[must_use]
    pub fn answered(&self, tx: &Tx, mut row: Record) -> Record {
        unread(&tx.ctx, self.table, self.read, &mut row);
        row
    }

    /// Something else that is done with its rows and answers one: an action of a domain. Its path goes on behind the
    /// resource's, its name is a verb behind the noun.
    #[must_use]
    pub fn action(
        self,
        (table, permission): (&Table, &'static str),
        (method, tail, verb): (Method, &str, &str),
        (summary, input): (&str, Option<Value>),
        run: Run,
    ) -> Op {
        self.op(method, tail, verb, permission, summary.to_owned(), row_schema(table), input, run)
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of one Op, each given once by its callers above")]
    fn op(
        self,
        method: Method,
        tail: &str,
        verb: &str,
        permission: &'static str,
        summary: String,
        output: Value,
        input: Option<Value>,
        run: Run,
    ) -> Op {
        Op {
            method,
            path: format!("/api/v1/{}{tail}", self.path),
            name: format!("{}.{verb}", self.noun),
            permission,
            summary,
            target: self.table,
            params: Vec::new(),
            input,
            output,
            run,
        }
    }
}

/// That every name a resource uses exists.
///
/// # Errors
/// [`Error::Internal`] naming the resource and the name.
pub fn check(resource: &Resource, catalog: &Catalog) -> Result<()> {
    let table = catalog.table(resource.table)?;
    let names = resource.filters.iter().chain(resource.locked).chain(resource.list);
    match names.into_iter().find(|n| table.column(n).is_none()) {
        Some(name) => Err(Error::internal(format!("{} names {name}, which is not a column", resource.table))),
        None => Ok(()),
    }
}

fn plural(table: &str) -> String {
    table.split('.').next_back().unwrap_or(table).replace('_', " ")
}

fn fields_param(table: &Table) -> Param {
    let doc = format!("Fields to return, joined by commas; all when absent. Fields of {}", table.name);
    Param { name: "fields".into(), doc, schema: json!({"type": "string"}) }
}

fn list_params(resource: &Resource, table: &Table) -> Vec<Param> {
    let param = |name: &str, doc: String, schema: Value| Param { name: name.to_owned(), doc, schema };
    let mut params: Vec<Param> = resource
        .filters
        .iter()
        .filter_map(|f| table.column(f))
        .map(|c| {
            let how = if c.is_sealed() { "Equal to" } else { "Equal to; also .gte, .gt, .lte, .lt and .in" };
            param(&c.name, format!("{how}. {}", c.doc.as_deref().unwrap_or_default()), json!({"type": "string"}))
        })
        .collect();
    if table.name_columns().next().is_some() {
        params.push(param(
            "name",
            "Words of a name or their beginnings, without regard to accents and case".into(),
            json!({"type": "string"}),
        ));
    }
    params.push(param(
        "sort",
        format!("One of {}; a hyphen before it turns the order", sort_names(resource, table)),
        json!({"type": "string"}),
    ));
    params.push(param(
        "limit",
        "Records on a page".into(),
        json!({"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
    ));
    params.push(param("cursor", "The value of next from the page before".into(), json!({"type": "string"})));
    params.push(fields_param(table));
    params.push(param("total", "Whether to count all matches".into(), json!({"type": "boolean"})));
    params
}
