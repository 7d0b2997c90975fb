//! P9: an encrypted backup that is read back, against `pg_basebackup`; and a restore that checks everything, against a copy back.

use crate::{
    audit::salus,
    place::Place,
    report::{Report, Row, must, progress},
};
use salus_core::{Error, Result};
use std::{path::Path, time::Instant};
use tokio::process::Command;

/// P9.
///
/// # Errors
/// A wrong answer, or a failure of either side.
pub async fn measure(place: &Place, report: &mut Report) -> Result<()> {
    progress("P9: backup and restore");
    let dir = place.home.with_extension("backups");
    std::fs::create_dir_all(&dir).map_err(crate::report::fault)?;
    let done = in_dir(place, &dir, report).await;
    std::fs::remove_dir_all(&dir).map_err(crate::report::fault)?;
    done
}

async fn in_dir(place: &Place, dir: &Path, report: &mut Report) -> Result<()> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let (out, raw, back, home) =
        (text(&dir.join("ours")), text(&dir.join("raw")), text(&dir.join("back")), dir.join("restored"));
    // Each after a checkpoint, which both would otherwise wait for.
    let admin = place.connect("salus_admin").await?;
    admin.batch_execute("CHECKPOINT").await.map_err(crate::report::fault)?;
    let since = Instant::now();
    let made = salus(place, &["backup", "--out", &out]).await?;
    let ours = since.elapsed().as_secs_f64();
    admin.batch_execute("CHECKPOINT").await.map_err(crate::report::fault)?;
    let since = Instant::now();
    let socket = text(place.socket());
    run("pg_basebackup", &["-h", &socket, "-U", "salus_admin", "-D", &raw, "-X", "stream", "-c", "fast"]).await?;
    let limit = since.elapsed().as_secs_f64();
    report.rows.push(faster("encrypted backup, read back", ours, limit));

    let path = made["path"].as_str().ok_or_else(|| Error::internal("a backup has a path"))?;
    let identity = text(&place.home.join("keys/operator.key"));
    let since = Instant::now();
    let told = at(place, &home, &["restore", "--from", path, "--identity", &identity]).await?;
    let ours = since.elapsed().as_secs_f64();
    must(told["ok"] == true, "a restore found problems")?;
    let unpacked = told["steps"].as_array().into_iter().flatten().find(|s| s["step"] == "read, decrypt and unpack");
    let unpacked =
        unpacked.and_then(|s| s["ms"].as_f64()).ok_or_else(|| Error::internal("a restore says its steps"))?;
    let since = Instant::now();
    run("cp", &["-a", &raw, &back]).await?;
    run("sync", &["-f", &back]).await?;
    let limit = since.elapsed().as_secs_f64();
    let work = "restore: read, decrypt, unpack and compare, against the copy back";
    report.rows.push(faster(work, unpacked / 1000.0, limit));
    report.rows.push(faster("restore with recovery and every check, against the copy back", ours, limit));
    Ok(())
}

fn faster(work: &str, ours: f64, limit: f64) -> Row {
    let ratio = limit / ours.max(f64::MIN_POSITIVE);
    Row {
        limit: Some(limit),
        ratio: Some(ratio),
        goal: ">= 0.60x".into(),
        met: Some(ratio >= 0.6),
        ..Row::fact("P9", work, (ours, "s"))
    }
}

async fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program).args(arguments).output().await;
    let output = output.map_err(|e| Error::Unavailable(format!("{program}: {e}")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Unavailable(format!("{program}: {}", String::from_utf8_lossy(&output.stderr))))
}

/// Runs the program on another data directory.
async fn at(place: &Place, home: &Path, arguments: &[&str]) -> Result<serde_json::Value> {
    let mut command = Command::new(&place.salus);
    command.args(["--json", "--home"]).arg(home).args(arguments).env("SALUS_ALLOW_OLD_POSTGRES", "true");
    let output = command.output().await.map_err(crate::report::fault)?;
    let said = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(said.trim()).map_err(|_| {
        Error::Unavailable(format!("salus {arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr)))
    })
}
