//! P6: what growth, many clients and a cold start cost.

use crate::{
    Args, Sizes,
    http::Client,
    load::Crowd,
    measure::median,
    place::{Place, Server, memory},
    report::{Report, Row, progress},
    requests::{self, CLIENTS},
    search,
};
use salus_core::Result;
use std::time::{Duration, Instant};

/// Rates of one size: GET, list, create, search.
pub type Rates = [f64; 4];

const WORK: [(&str, f64); 4] = [("GET", 0.9), ("list", 0.9), ("create", 0.9), ("search", 0.7)];

/// The four rates as the tenant is now, medians of slices taken in turn.
///
/// # Errors
/// A wrong answer, or a broken connection.
pub async fn rates(place: &Place, crowd: &Crowd, sizes: Sizes) -> Result<Rates> {
    progress(&format!("P6: rates with {} patients", crowd.people.len()));
    let mut clients = Client::several(&place.server()?.address, &place.key, CLIENTS).await?;
    let cursors = requests::cursors(&mut clients[0]).await?;
    requests::get_slice(&mut clients, crowd, (0.5, 98)).await?;
    let mut found: [Vec<f64>; 4] = Default::default();
    for n in 0..sizes.slices as u64 {
        let at = (sizes.seconds, n);
        found[0].push(requests::get_slice(&mut clients, crowd, at).await?.per_second);
        found[1].push(requests::list_slice(&mut clients, &cursors, at).await?.per_second);
        found[2].push(requests::create_slice(&mut clients, at).await?.per_second);
        found[3].push(search::ours(&mut clients, crowd, at).await?.per_second);
    }
    Ok(found.map(|rates| median(rates.into_iter())))
}

/// Compares the rates with those of the smaller size, and measures memory at 64 clients.
///
/// # Errors
/// As [`rates`].
pub async fn compare(place: &Place, crowd: &Crowd, sizes: Sizes, before: &Rates, report: &mut Report) -> Result<()> {
    let after = rates(place, crowd, sizes).await?;
    for ((name, goal), (small, large)) in WORK.into_iter().zip(before.iter().zip(after)) {
        let ratio = large / small.max(f64::MIN_POSITIVE);
        report.rows.push(Row {
            limit: Some(*small),
            ratio: Some(ratio),
            goal: format!(">= {goal:.2}x"),
            met: Some(ratio >= goal),
            ..Row::fact("P6", format!("{name}: {} patients against {}", sizes.patients, sizes.small), (large, "/s"))
        });
    }
    let server = place.server()?;
    let mut clients = Client::several(&server.address, &place.key, 64).await?;
    requests::get_slice(&mut clients, crowd, (sizes.seconds, 7)).await?;
    let used = memory(server.pid(), "VmRSS").unwrap_or(f64::NAN);
    report.rows.push(Row::at_most("P6", "server memory at 64 clients", (used, "MB"), 120.0));
    Ok(())
}

/// Memory of a server that nobody has called, and the time from its start to its first answer from the database.
///
/// # Errors
/// When it does not start.
pub async fn starts(args: &Args, sizes: Sizes, report: &mut Report) -> Result<()> {
    progress("P6: cold starts");
    let home = args.place.join(format!("salus-bench-cold-{}", std::process::id()));
    std::fs::create_dir_all(&home).map_err(crate::report::fault)?;
    let home = home.canonicalize().map_err(crate::report::fault)?;
    Server::start(&args.salus, &home).await?.stop().await;
    let (mut times, mut idle) = (Vec::new(), Vec::new());
    for _ in 0..sizes.slices {
        let began = Instant::now();
        let server = Server::start(&args.salus, &home).await?;
        let mut client = Client::connect(&server.address, "").await?;
        client.expect("/api/health/db", None, 200).await?;
        times.push(began.elapsed().as_secs_f64());
        tokio::time::sleep(Duration::from_secs(1)).await;
        idle.push(memory(server.pid(), "VmRSS").unwrap_or(f64::NAN));
        drop(client);
        server.stop().await;
    }
    std::fs::remove_dir_all(&home).map_err(crate::report::fault)?;
    report.rows.push(Row::at_most("P6", "server memory, idle", (median(idle.into_iter()), "MB"), 40.0));
    let start = (median(times.into_iter()), "s");
    report.rows.push(Row::at_most("P6", "cold start to first answer, with PostgreSQL", start, 1.5));
    Ok(())
}
