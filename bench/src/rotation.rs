//! P8: how fast values get another key, and what those who work meanwhile notice of it.

use crate::{
    Sizes,
    audit::salus,
    http::Client,
    load::Crowd,
    measure::Dice,
    place::Place,
    report::{Report, Row, must, progress},
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use salus_core::{Error, Result};
use serde_json::Value;
use std::{
    str::from_utf8,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// Clients, and requests a second of all of them.
const CLIENTS: u32 = 16;
const RATE: u32 = 200;

/// P8; the server runs.
///
/// # Errors
/// A wrong answer, or a failure of either side.
pub async fn measure(place: &Place, crowd: &Crowd, sizes: Sizes, report: &mut Report) -> Result<()> {
    progress("P8: an exchange of keys under load");
    let mut clients = Client::several(&place.server()?.address, &place.key, CLIENTS as usize).await?;
    let end = AtomicBool::new(false);
    let wait = async {
        tokio::time::sleep(Duration::from_secs_f64(sizes.seconds * 2.0)).await;
        end.store(true, Ordering::Relaxed);
    };
    let (before, ()) = futures_util::join!(paced(&mut clients, crowd, &end), wait);
    let before = before?;
    let values = values(&salus(place, &["keys", "status", "--tenant", crate::place::TENANT]).await?);
    must(values > 0, "no value lies under the key")?;
    let end = AtomicBool::new(false);
    let exchange = async {
        let since = Instant::now();
        let told =
            salus(place, &["keys", "rotate", "--tenant", crate::place::TENANT, "--class", "identity", "--fast"]).await;
        end.store(true, Ordering::Relaxed);
        told.map(|told| (told, since.elapsed()))
    };
    let admin = place.connect("salus_admin").await?;
    let (during, exchanged, moving) =
        futures_util::join!(paced(&mut clients, crowd, &end), exchange, moving(&admin, &end));
    let (during, (told, whole), moving) = (during?, exchanged?, moving?);
    must(told["left"].as_array().is_some_and(Vec::is_empty), "values are left under the older key")?;
    #[allow(clippy::cast_precision_loss, reason = "a number of values")]
    let rate = values as f64 / moving.max(f64::MIN_POSITIVE);
    let work = format!("values a second, of {values}; with learning {:.1} s", whole.as_secs_f64());
    report.rows.push(Row {
        goal: ">= 50000/s".into(),
        met: Some(rate >= 50_000.0),
        ..Row::fact("P8", work, (rate, "/s"))
    });
    let (calm, busy) = (p95(&before), p95(&during));
    report.rows.push(Row {
        limit: Some(calm),
        ratio: Some(busy / calm),
        goal: "<= 1.50x".into(),
        met: Some(busy <= calm * 1.5),
        ..Row::fact(
            "P8",
            format!("p95 of {RATE} requests/s meanwhile, {} calls, none failed", during.len()),
            (busy, "ms"),
        )
    });
    Ok(())
}

/// Seconds from the first value under the new key to the first count that finds none under the older one. Before that
/// servers learn the key, and after it they forget the older one, which takes its time however many values there are.
async fn moving(admin: &tokio_postgres::Client, end: &AtomicBool) -> Result<f64> {
    let sql = "SELECT extract(epoch FROM clock_timestamp() - activated_at)::float8 FROM kernel.key_rotation_history \
               WHERE key_class = 'identity' AND clean_passes > 0 ORDER BY created_at DESC LIMIT 1";
    while !end.load(Ordering::Relaxed) {
        if let Some(row) = admin.query_opt(sql, &[]).await.map_err(crate::report::fault)? {
            return Ok(row.get(0));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(Error::internal("the exchange never counted"))
}

/// Values of the class under keys in use.
fn values(status: &Value) -> i64 {
    let keys = status["keys"].as_array().into_iter().flatten();
    keys.filter(|k| k["key"]["class"] == "identity" && k["key"]["state"] == "active")
        .filter_map(|k| k["values"].as_i64())
        .sum()
}

/// Reads of one patient at a steady rate until told to end; microseconds of each. A failed call fails the run.
async fn paced(clients: &mut [Client], crowd: &Crowd, end: &AtomicBool) -> Result<Vec<u64>> {
    let pause = Duration::from_secs(1) * CLIENTS / RATE;
    let mut running: FuturesUnordered<_> = (0_u64..)
        .zip(clients.iter_mut())
        .map(|(seed, client)| async move {
            let (mut dice, mut micros) = (Dice::new(seed), Vec::new());
            let mut due = tokio::time::Instant::now();
            while !end.load(Ordering::Relaxed) {
                tokio::time::sleep_until(due).await;
                due += pause;
                let since = Instant::now();
                let (id, person) = dice.pick(&crowd.people);
                let body = client.expect(&format!("/api/v1/medical/patients/{id}"), None, 200).await?;
                must(from_utf8(&body).is_ok_and(|text| text.contains(&person.family)), "a value does not open")?;
                micros.push(u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX));
            }
            Ok::<_, Error>(micros)
        })
        .collect();
    let mut all = Vec::new();
    while let Some(done) = running.next().await {
        all.extend(done?);
    }
    all.sort_unstable();
    Ok(all)
}

/// In milliseconds.
#[allow(clippy::cast_precision_loss, reason = "microseconds of a call")]
fn p95(micros: &[u64]) -> f64 {
    let at = (micros.len() * 95).div_ceil(100).saturating_sub(1);
    micros.get(at).map_or(f64::NAN, |micros| *micros as f64 / 1000.0)
}
