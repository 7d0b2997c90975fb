//! P7: how fast the audit log is verified, how far sealing lies behind at a thousand events a second, and what an event
//! costs a write.

use crate::{
    Sizes,
    measure::{self, Slice, slice},
    place::Place,
    raw::Raw,
    report::{Report, Row, must, progress},
};
use futures_util::{StreamExt as _, stream};
use salus_core::{Ctx, Error, Result};
use salus_store::{Db, engine::NewRow};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tokio::process::Command;
use uuid::Uuid;

/// Clients that write at once.
const CLIENTS: usize = 32;
/// Events a second of the log that is sealed under load.
const RATE: u64 = 1000;

/// All of P7.
///
/// # Errors
/// A wrong answer, or a failure of either side.
pub async fn measure(place: &mut Place, sizes: Sizes, report: &mut Report) -> Result<()> {
    writes(place, sizes, report).await?;
    lag(place, sizes, report).await?;
    verified(place, sizes, report).await
}

/// A write with its event, and the same row without one, by the same number of clients.
async fn writes(place: &Place, sizes: Sizes, report: &mut Report) -> Result<()> {
    progress("P7: audited writes");
    let mut ours: Vec<Db> = vec![place.db.clone(); CLIENTS];
    let mut bare = Raw::several(place, CLIENTS).await?;
    let mut pairs = Vec::new();
    for n in 0..sizes.slices as u64 {
        let written: Slice = slice(&mut ours, sizes.seconds, n, async |db, _| write(db, place.tenant).await).await?;
        let limit = slice(&mut bare, sizes.seconds, n, async |c, _| {
            must(c.note(place.db.env().id()).await? == 1, "a bare write wrote nothing")
        })
        .await?;
        pairs.push((written.per_second, limit.per_second));
    }
    let found = measure::ratio(&pairs);
    report.rows.push(Row::rate(
        "P7",
        format!("write with its event, {CLIENTS} clients, against one without"),
        &found,
        0.35,
    ));
    Ok(())
}

async fn write(db: &Db, tenant: Uuid) -> Result<()> {
    let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await?;
    let id = db.env().id();
    // Letters only: a setting is called by words.
    let name: String = id.as_bytes().iter().flat_map(|b| [b >> 4, b & 15]).map(|n| char::from(b'a' + n)).collect();
    let values = json!({"name": format!("bench.{name}"), "value": {"n": 1}});
    tx.insert("kernel.settings", &[NewRow { id, values: values.as_object().cloned().unwrap_or_default() }]).await?;
    tx.commit("kernel.setting.create", "kernel.settings").await
}

/// Events at a steady rate while the server seals; how old each was when a signed head covered it.
async fn lag(place: &mut Place, sizes: Sizes, report: &mut Report) -> Result<()> {
    progress("P7: seal lag");
    place.serve().await?;
    let began: OffsetDateTime = place.db.env().now();
    let (start, count) = (tokio::time::Instant::now(), rounded(sizes.seconds * 5.0) * RATE);
    let (db, tenant) = (place.db.clone(), place.tenant);
    let due = stream::iter(0..count).map(|n| {
        let db = db.clone();
        async move {
            tokio::time::sleep_until(start + Duration::from_micros(n * 1_000_000 / RATE)).await;
            event(&db, tenant).await
        }
    });
    // As many under way as can wait for their turn: what cannot keep up is late, not left out.
    let done: Vec<Result<()>> = due.buffer_unordered(512).collect().await;
    done.into_iter().collect::<Result<()>>()?;
    let wrote = start.elapsed().as_secs_f64();
    let admin = place.connect("salus_admin").await?;
    let sql = "WITH sealed AS (SELECT extract(epoch FROM c.sealed_at - a.recorded_at)::float8 AS lag FROM audit.activity_logs a \
                 JOIN audit.leaves l ON l.event_id = a.id CROSS JOIN LATERAL (SELECT k.sealed_at FROM audit.checkpoints k \
                   WHERE k.epoch = l.epoch AND k.size > l.leaf_index ORDER BY k.size LIMIT 1) c \
                 WHERE a.recorded_at >= $1 AND a.action = 'bench.event') \
               SELECT count(*), percentile_disc(0.99) WITHIN GROUP (ORDER BY lag) FROM sealed";
    let until = Instant::now() + Duration::from_mins(2);
    let p99: f64 = loop {
        let row = admin.query_one(sql, &[&began]).await.map_err(crate::report::fault)?;
        if row.get::<_, i64>(0).cast_unsigned() == count {
            break row.get(1);
        }
        must(Instant::now() < until, "events are not sealed")?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    place.stop_serving().await;
    let work = format!("seal lag p99 at {:.0} events/s", f64::from(u32::try_from(count).unwrap_or(0)) / wrote);
    report.rows.push(Row::at_most("P7", work, (p99, "s"), 2.0));
    Ok(())
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
fn rounded(seconds: f64) -> u64 {
    seconds.ceil().max(1.0) as u64
}

async fn event(db: &Db, tenant: Uuid) -> Result<()> {
    let tx = db.begin(Ctx::operator(db.env(), tenant), true).await?;
    tx.commit("bench.event", "kernel.settings").await
}

/// The whole log, by the program itself.
async fn verified(place: &Place, sizes: Sizes, report: &mut Report) -> Result<()> {
    progress(&format!("P7: {} events to verify", sizes.events));
    let (db, tenant) = (&place.db, place.tenant);
    let written: Vec<Result<()>> =
        stream::iter(0..sizes.events).map(|_| event(db, tenant)).buffer_unordered(128).collect().await;
    written.into_iter().collect::<Result<()>>()?;
    salus(place, &["audit", "seal"]).await?;
    let told = salus(place, &["audit", "verify"]).await?;
    let (size, seconds) =
        (told["report"]["size"].as_f64().unwrap_or(0.0), told["report"]["seconds"].as_f64().unwrap_or(0.0));
    must(told["ok"] == true && size > 0.0 && seconds > 0.0, "the log is not whole")?;
    let rate = size / seconds;
    report.rows.push(Row {
        goal: ">= 150000/s".into(),
        met: Some(rate >= 150_000.0),
        ..Row::fact("P7", format!("verify the whole log of {size} events"), (rate, "/s"))
    });
    Ok(())
}

/// Runs a command of the program; what it said.
///
/// # Errors
/// [`Error::Unavailable`] when it fails.
pub async fn salus(place: &Place, arguments: &[&str]) -> Result<Value> {
    let mut command = Command::new(&place.salus);
    command.args(["--json", "--home"]).arg(&place.home).args(arguments).env("SALUS_ALLOW_OLD_POSTGRES", "true");
    let output = command.output().await.map_err(crate::report::fault)?;
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        return serde_json::from_str(said.trim()).map_err(crate::report::fault);
    }
    Err(Error::Unavailable(format!("salus {arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr))))
}
