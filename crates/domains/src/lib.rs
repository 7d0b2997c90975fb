//! One folder a domain: what is exposed, actions, reads and jobs. A domain reads another's tables through its public
//! functions only, and never speaks HTTP.
//!
//! [`operations`] is the one list from which the router, OpenAPI, the permission matrix, the audit coverage and the
//! isolation proofs are made.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that fails here has found its bug"))]

mod agreement;
pub mod ai;
pub mod alerts;
pub mod audit;
pub mod auth;
mod clock;
pub mod compliance;
pub mod demo;
pub mod evidence;
pub mod exchange;
pub mod explain;
pub mod kernel;
pub mod medical;
pub mod paper;
pub mod prove;
pub mod records;
pub mod reports;
pub mod school;
pub mod verify;

use futures_util::future::BoxFuture;
use salus_core::Result;
use salus_store::{Call, Catalog, Op, Resource, Tx, jobs::Jobs, outbound::Outbound, run};
use serde_json::{Map, Value};
use std::sync::Arc;

/// A JSON object as the values of a row.
pub(crate) fn row(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// A table that is read and not written: what fills it comes with its feature.
pub(crate) const fn shown(table: &'static str, path: &'static str, noun: &'static str, read: &'static str) -> Resource {
    Resource { table, path, noun, read, write: None, filters: &[], locked: &[], list: &[] }
}

/// The one value of a statement that makes JSON of what it finds.
pub(crate) async fn told(
    tx: &mut salus_store::Tx,
    sql: salus_store::Sql,
    params: salus_store::Params<'_>,
) -> Result<Value> {
    Ok(tx.query(sql, params).await?.first().map_or(Value::Null, |row| row.get(0)))
}

/// Every exposed table.
#[must_use]
pub fn resources() -> Vec<&'static Resource> {
    [
        auth::RESOURCES,
        medical::RESOURCES,
        records::RESOURCES,
        exchange::RESOURCES,
        audit::RESOURCES,
        compliance::RESOURCES,
        ai::RESOURCES,
        kernel::RESOURCES,
        school::RESOURCES,
        alerts::RESOURCES,
        reports::RESOURCES,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What is looked at before an operation is done.
pub(crate) type Check = for<'a> fn(&'a mut Tx, &'a Call) -> BoxFuture<'a, Result<()>>;

/// An operation with a check before it.
pub(crate) fn checked(op: Op, check: Check) -> Op {
    let inner = Arc::new(op.run);
    let run = run(move |tx, call| {
        let inner = inner.clone();
        Box::pin(async move {
            check(tx, &call).await?;
            inner(tx, call).await
        })
    });
    Op { run, ..op }
}

/// Every operation, by path and method.
///
/// # Errors
/// [`salus_core::Error::Internal`] when a resource names a table or column that does not exist.
pub fn operations(catalog: &Catalog) -> Result<Vec<Arc<Op>>> {
    every(catalog, |op| op)
}

/// The same for who serves them and describes them to nobody.
///
/// # Errors
/// As [`operations`].
pub fn served(catalog: &Catalog) -> Result<Vec<Arc<Op>>> {
    every(catalog, Op::undescribed)
}

/// What is not kept of an operation goes before the next ones are made.
fn every(catalog: &Catalog, kept: fn(Op) -> Op) -> Result<Vec<Arc<Op>>> {
    let mut ops = Vec::new();
    let mut add = |made: Vec<Op>| ops.extend(made.into_iter().map(kept));
    for resource in resources() {
        let made = resource.ops(catalog)?.into_iter().map(auth::guarded).map(compliance::guarded);
        add(made.map(exchange::guarded).map(school::guarded).collect());
    }
    add(auth::actions(catalog)?);
    add(auth::glass_actions());
    add(auth::glass_reads());
    add(auth::role_ops());
    add(explain::reads());
    add(medical::actions(catalog)?);
    add(records::reads());
    add(exchange::actions(catalog)?);
    add(audit::reads());
    add(audit::actions(catalog)?);
    add(compliance::reads());
    add(compliance::actions(catalog)?);
    add(compliance::erasure_actions());
    add(compliance::register_actions(catalog)?);
    add(compliance::hold_actions());
    add(kernel::reads());
    add(kernel::actions());
    add(kernel::key_actions());
    add(school::actions(catalog)?);
    add(school::reads());
    add(alerts::actions(catalog)?);
    add(alerts::reads());
    ops.sort_by(|a, b| (&a.path, a.method).cmp(&(&b.path, b.method)));
    Ok(ops.into_iter().map(auth::proved).map(Arc::new).collect())
}

/// Every job, for the dispatcher of a node.
///
/// # Errors
/// [`salus_core::Error::Internal`] when two have one name.
pub fn jobs(carriers: &Arc<auth::Carriers>, outbound: &Outbound) -> Result<Jobs> {
    let mut all = kernel::jobs();
    all.extend(auth::jobs(carriers));
    all.push(auth::glass_reminding());
    all.extend(exchange::jobs(outbound));
    all.extend(school::jobs(carriers));
    all.extend(alerts::jobs());
    all.extend(compliance::jobs());
    Jobs::new(all, |tx| Box::pin(auth::timezone(tx)))
}
