//! `salus jobs`: list background work, have it tried again, give it up.

use crate::{
    output::{Outcome, table},
    place::Place,
};
use clap::Subcommand;
use salus_core::{Ctx, Error, Result};
use salus_domains::operations;
use salus_store::{Body, Call, Db, dispatch};
use serde_json::json;
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// List the jobs of a tenant: those that were given up, unless another state is asked for.
    List {
        #[arg(long)]
        tenant: String,
        /// `waiting`, `running`, `done`, `dead`, `quarantined` or `discarded`, any number of times.
        #[arg(long = "state", value_name = "STATE")]
        states: Vec<String>,
    },
    /// Try a job again at once.
    Retry {
        #[arg(long)]
        tenant: String,
        /// Its id, as the list has it.
        id: Uuid,
    },
    /// Give a job up.
    Discard {
        #[arg(long)]
        tenant: String,
        /// Its id, as the list has it.
        id: Uuid,
    },
}

/// States the list shows when none is asked for.
const GIVEN_UP: &str = "dead,quarantined";

pub async fn run(place: &Place, command: JobsCommand) -> Result<Outcome> {
    let db = place.db().await?;
    match command {
        JobsCommand::List { tenant, states } => list(&db, &tenant, &states).await,
        JobsCommand::Retry { tenant, id } => settle(&db, &tenant, id, ("kernel.job.retry", "is tried again")).await,
        JobsCommand::Discard { tenant, id } => settle(&db, &tenant, id, ("kernel.job.discard", "was discarded")).await,
    }
}

async fn call(db: &Db, tenant: &str, name: &str, call: Call) -> Result<Body> {
    let unknown = |_| Error::invalid("tenant", "no_such_record", format!("There is no active tenant {tenant}"));
    let id = db.tenant(tenant).await.map_err(unknown)?;
    let ops = operations(db.catalog())?;
    let op = ops.iter().find(|o| o.name == name).ok_or_else(|| Error::internal("no such operation"))?;
    Ok(dispatch(db, op, Ctx::operator(db.env(), id), call).await?.body)
}

async fn list(db: &Db, tenant: &str, states: &[String]) -> Result<Outcome> {
    let wanted = if states.is_empty() { GIVEN_UP.to_owned() } else { states.join(",") };
    let query = [("state.in", wanted.as_str()), ("limit", "200")];
    let query = query.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let Body::Page(page) = call(db, tenant, "kernel.job.list", Call { query, ..Call::default() }).await? else {
        return Err(Error::internal("the list of jobs is no list"));
    };
    let row = |r: &salus_store::Record| {
        let number = |name: &str| r.get(name).map(ToString::to_string).unwrap_or_default();
        vec![
            r.text("id").to_owned(),
            r.text("job").to_owned(),
            r.text("state").to_owned(),
            number("attempts"),
            r.text("error_class").to_owned(),
            r.text("due_at").to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = page.rows.iter().map(row).collect();
    let text = if rows.is_empty() {
        format!("No job of {tenant} is {}.", wanted.replace(',', " or "))
    } else {
        table(&["id", "job", "state", "attempts", "error", "due"], &rows)
    };
    Ok(Outcome::done(json!({"jobs": page.rows, "more": page.next.is_some()}), text))
}

async fn settle(db: &Db, tenant: &str, id: Uuid, (op, what): (&str, &str)) -> Result<Outcome> {
    let asked = Call { path: vec![("id".into(), id.to_string())], ..Call::default() };
    match call(db, tenant, op, asked).await {
        Ok(Body::Json(done)) => Ok(Outcome::done(done, format!("Job {id} {what}."))),
        Ok(_) => Err(Error::internal("another answer than expected")),
        Err(Error::NotFound) => Err(Error::invalid(
            "id",
            "no_such_record",
            format!("{tenant} has no job {id}: salus jobs list --tenant {tenant}"),
        )),
        Err(e) => Err(e),
    }
}
