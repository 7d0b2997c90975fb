//! P5: a bulk import by the released program in a process of its own, and the export of it, with the peak of memory.

use crate::{
    Sizes,
    measure::count,
    place::{Place, memory},
    report::{Report, Row, progress},
    resources,
};
use salus_core::{Ctx, Error, Result};
use salus_store::engine::NewRow;
use serde_json::{Value, json};
use std::{process::Stdio, time::Duration};
use tokio::{io::AsyncReadExt as _, process::Command};

const TENANT: &str = "imported";

/// What a finished process said, and its peak of memory in MB.
struct Finished {
    said: Value,
    peak: f64,
    seconds: f64,
}

/// Imports made-up resources into a tenant of their own and exports them again.
///
/// # Errors
/// When a process fails; a resource that is missing afterwards is put into the report.
pub async fn measure(place: &Place, sizes: Sizes, report: &mut Report) -> Result<()> {
    progress("P5: import and export of FHIR");
    let db = &place.db;
    let tenant = db.create_tenant(TENANT, false).await?;
    let mut tx = db.begin(Ctx::operator(db.env(), tenant), false).await?;
    let values = json!({"name": "Imported", "kind": "clinic"}).as_object().cloned().unwrap_or_default();
    tx.insert("auth.organizations", &[NewRow { id: tenant, values }]).await?;
    tx.commit("auth.organization.create", "auth.organizations").await?;

    let folder = place.home.join("ndjson");
    let written = resources::write(&folder, sizes.imported)?;
    let folder = folder.display().to_string();
    let done = salus(place, &["import", "fhir", &folder, "--tenant", TENANT]).await?;
    let types = done.said["summary"]["types"].as_object().cloned().unwrap_or_default();
    let sum = |name: &str| types.values().filter_map(|t| t[name].as_u64()).sum::<u64>();
    let stored = sum("stored") + sum("kept_whole");
    if stored != written as u64 {
        report.wrong.push(format!("{stored} of {written} resources were imported; {} refused", sum("refused")));
    }
    let seconds = done.said["seconds"].as_f64().unwrap_or(done.seconds);
    let rate = count(written) / seconds.max(0.001);
    report.rows.push(Row {
        goal: ">= 8000/s".into(),
        met: Some(rate >= 8000.0),
        ..Row::fact("P5", format!("import of {written} resources, sealed, audited"), (rate, "/s"))
    });
    report.rows.push(Row::fact("P5", "import: peak memory", (done.peak, "MB")));

    let out = place.home.join("exported").display().to_string();
    let done = salus(place, &["export", "fhir", "--tenant", TENANT, "--out", &out]).await?;
    let files = done.said["files"].as_array().cloned().unwrap_or_default();
    let exported: u64 = files.iter().filter_map(|f| f["resources"].as_u64()).sum();
    if exported < written as u64 {
        report.wrong.push(format!("{exported} of {written} resources were exported"));
    }
    let rate = f64::from(u32::try_from(exported).unwrap_or(u32::MAX)) / done.seconds;
    report.rows.push(Row::fact("P5", format!("export of {exported} resources"), (rate, "/s")));
    report.rows.push(Row::fact("P5", "export: peak memory", (done.peak, "MB")));
    Ok(())
}

/// Runs the program and watches its memory: the peak only rises, so the last look before the end tells it.
async fn salus(place: &Place, arguments: &[&str]) -> Result<Finished> {
    let began = std::time::Instant::now();
    let mut process = Command::new(&place.salus)
        .arg("--json")
        .args(arguments)
        .arg("--home")
        .arg(&place.home)
        .env("SALUS_ALLOW_OLD_POSTGRES", "true")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(crate::report::fault)?;
    let (pid, mut out) = (process.id().unwrap_or_default(), process.stdout.take());
    let mut errors = process.stderr.take();
    let reading = async {
        let (mut text, mut said) = (Vec::new(), String::new());
        if let (Some(out), Some(errors)) = (&mut out, &mut errors) {
            let (a, b) = futures_util::join!(out.read_to_end(&mut text), errors.read_to_string(&mut said));
            a.and(b).map_err(crate::report::fault)?;
        }
        Ok::<_, Error>((text, said))
    };
    tokio::pin!(reading);
    let mut peak = 0.0f64;
    let (text, errors) = loop {
        tokio::select! {
            done = &mut reading => break done?,
            () = tokio::time::sleep(Duration::from_millis(20)) => peak = peak.max(memory(pid, "VmHWM").unwrap_or(0.0)),
        }
    };
    process.wait().await.map_err(crate::report::fault)?;
    let said = serde_json::from_slice(&text)
        .map_err(|_| Error::internal(format!("{} failed: {errors}", arguments.join(" "))))?;
    Ok(Finished { said, peak, seconds: began.elapsed().as_secs_f64() })
}
