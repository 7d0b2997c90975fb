//! A09: what row-level security costs. Twenty queries of a person who reaches the whole organization: the newest page and one record
//! of the ten largest tables about patients, in the demonstration district. The other side is the same statement by a role that
//! no policy holds, with the tenant as a condition; both have the caller's settings and a transaction of their own, in one round trip.

use crate::{
    Sizes,
    measure::{count, percentile},
    place::Place,
    report::{Report, Row, fault, must, progress},
};
use salus_core::Result;
use std::time::Instant;
use tokio_postgres::{Client, Statement, types::ToSql};
use uuid::Uuid;

/// What p95 may be, beside p95 without.
const MOST: f64 = 1.3;
const TABLES: usize = 10;

/// A query on both sides; each takes the tenant and an id.
struct Query {
    name: String,
    id: Uuid,
    held: Statement,
    free: Statement,
}

/// Measures the twenty queries in the district's tenant.
///
/// # Errors
/// A side that answers otherwise than the other, or a failure of the database.
pub async fn measure(place: &Place, tenant: Uuid, sizes: Sizes, report: &mut Report) -> Result<()> {
    progress("A09: queries with and without row-level security");
    let (held, free) = (place.connect("salus_app").await?, place.connect("salus_admin").await?);
    free.batch_execute("ANALYZE").await.map_err(fault)?;
    let begin = format!(
        "BEGIN; SET LOCAL salus.tenant = '{tenant}'; SET LOCAL salus.actor = '{tenant}'; SET LOCAL salus.scope = 'whole'; \
         SET LOCAL salus.purpose = 'TREAT'; SET LOCAL plan_cache_mode = force_generic_plan"
    );
    let (mut with, mut without, mut apart) = (0.0, 0.0, Vec::new());
    for query in queries(&held, &free, tenant).await? {
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..sizes.attempts * 5 {
            let mut found = [0, 0];
            for turn in 0..2 {
                let side = (round + turn) % 2;
                let (client, statement) = if side == 0 { (&held, &query.held) } else { (&free, &query.free) };
                let since = Instant::now();
                found[side] = ask(client, &begin, statement, [&tenant, &query.id]).await?;
                times[side].push(u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX));
            }
            must(found[0] == found[1] && found[0] > 0, &format!("{} differs without its policies", query.name))?;
        }
        for taken in &mut times {
            taken.sort_unstable();
        }
        let [one, other] = times.map(|t| percentile(&t, 95));
        with += one;
        without += other;
        apart.push(one / other.max(f64::MIN_POSITIVE));
    }
    let number = apart.len();
    let fold = |f: fn(f64, f64) -> f64| apart.iter().copied().reduce(f).unwrap_or(0.0);
    let ratio = with / without.max(f64::MIN_POSITIVE);
    report.rows.push(Row {
        limit: Some(without / count(number)),
        ratio: Some(ratio),
        spread: Some((fold(f64::min), fold(f64::max))),
        goal: format!("<= {MOST:.2}x"),
        met: Some(ratio <= MOST),
        ..Row::fact("A09", format!("{number} queries, mean p95, with row-level security"), (with / count(number), "ms"))
    });
    Ok(())
}

/// A page and a record of each of the largest tables that are about persons.
async fn queries(held: &Client, free: &Client, tenant: Uuid) -> Result<Vec<Query>> {
    let largest = "SELECT f.table_name FROM kernel.tables f JOIN pg_class c ON c.oid = f.table_name::regclass \
        WHERE f.subject_column IS NOT NULL AND c.relkind = 'r' ORDER BY c.reltuples DESC, f.table_name LIMIT $1";
    let names = free.query(largest, &[&i64::try_from(TABLES).unwrap_or(0)]).await.map_err(fault)?;
    let mut queries = Vec::with_capacity(2 * TABLES);
    for row in names {
        let table: String = row.get(0);
        let middle = format!(
            "SELECT id FROM {table} WHERE tenant_id = $1 ORDER BY id OFFSET (SELECT count(*) / 2 FROM {table} WHERE tenant_id = $1) LIMIT 1"
        );
        let Some(row) = free.query_opt(&middle, &[&tenant]).await.map_err(fault)? else { continue };
        for (what, condition) in [("record", "id = $2"), ("page", "id < $2 ORDER BY id DESC LIMIT 51")] {
            // Both sides take the same parameters; the side with policies does not need the tenant.
            let with = format!("SELECT * FROM {table} WHERE $1::uuid IS NOT NULL AND {condition}");
            let without = format!("SELECT * FROM {table} WHERE tenant_id = $1 AND {condition}");
            queries.push(Query {
                name: format!("a {what} of {table}"),
                id: row.get(0),
                held: held.prepare(&with).await.map_err(fault)?,
                free: free.prepare(&without).await.map_err(fault)?,
            });
        }
    }
    must(queries.len() == 2 * TABLES, "there are fewer tables about persons")?;
    Ok(queries)
}

async fn ask(client: &Client, begin: &str, statement: &Statement, [tenant, id]: [&Uuid; 2]) -> Result<usize> {
    let params: [&(dyn ToSql + Sync); 2] = [tenant, id];
    let (opened, rows, ended) = futures_util::join!(
        client.batch_execute(begin),
        client.query(statement, &params),
        client.batch_execute("COMMIT")
    );
    opened.and(ended).map_err(fault)?;
    rows.map(|rows| rows.len()).map_err(fault)
}
