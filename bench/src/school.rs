//! What the specification of school health and of charts asks of the whole program: a day of 600 visits, a hundred thousand
//! reports of symptoms looked through, a chart of five thousand facts. On the demonstration tenants, over HTTP where a person waits.

use crate::{
    Sizes,
    http::Client,
    measure::percentile,
    place::{Place, api_key},
    report::{Report, Row, fault, must, progress},
    walls,
};
use salus_core::{Ctx, Result};
use salus_domains::{
    demo::{self, FULL_CHART_MRN, Size},
    school::detect_outbreaks,
};
use salus_store::{engine::NewRow, sql};
use serde_json::{Value, json};
use std::time::Instant;
use time::{Duration, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// The whole district when there is time for it.
const DISTRICT: &str = "larkspur";
/// Reports of one transaction.
const TOGETHER: usize = 5_000;
/// Aides who write at the same time.
const AIDES: usize = 4;

/// Fills the district and measures what was asked for. The server does not run meanwhile.
///
/// # Errors
/// A wrong answer, or a failure of the database.
pub async fn measure(
    place: &mut Place,
    sizes: Sizes,
    (visits, recompute, walls): (bool, bool, bool),
    report: &mut Report,
) -> Result<()> {
    progress("filling: the demonstration district");
    let size = if sizes.patients < 50_000 { Size::Small } else { Size::Full };
    let tenant = demo::load_sized(&place.db, DISTRICT, size).await?.id;
    if visits {
        let key = api_key(&place.db, tenant).await?;
        place.serve().await?;
        day_of_visits(place, (tenant, &key), sizes, report).await?;
        place.stop_serving().await;
    }
    if walls {
        walls::measure(place, tenant, sizes, report).await?;
    }
    if recompute {
        look_again(place, tenant, sizes, report).await?;
    }
    Ok(())
}

/// Students with their schools.
async fn students(place: &Place, tenant: Uuid) -> Result<Vec<(Uuid, Uuid)>> {
    let mut tx = place.db.begin(Ctx::operator(place.db.env(), tenant), true).await?;
    let found = tx.query(sql!("SELECT patient_id, school_id FROM school.student_profiles ORDER BY id"), &[]).await?;
    tx.finish_unrecorded().await?;
    Ok(found.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// 600 check-ins and as many check-outs by several aides, each of another student of theirs.
async fn day_of_visits(place: &Place, (tenant, key): (Uuid, &str), sizes: Sizes, report: &mut Report) -> Result<()> {
    progress("visits: check-ins and check-outs");
    let wanted = if sizes.patients < 50_000 { 60 } else { 600 };
    let students = students(place, tenant).await?;
    let mut aides = Client::several(&place.server()?.address, key, AIDES).await?;
    let work = aides.iter_mut().enumerate().map(|(aide, client)| {
        let own = (0..wanted).filter(move |n| n % AIDES == aide);
        // The first of each school are in the clinic already.
        let own = own.map(|n| students[(12 + n) % students.len()]).collect::<Vec<_>>();
        visits_of(client, own)
    });
    let done = futures_util::future::try_join_all(work).await?;
    let (mut begun, mut ended): (Vec<u64>, Vec<u64>) = done.into_iter().flatten().unzip();
    begun.sort_unstable();
    ended.sort_unstable();
    must(begun.len() == wanted, "not every visit was written")?;
    for (word, micros) in [("check-ins", begun), ("check-outs", ended)] {
        let work = format!("{wanted} {word} over HTTP, {AIDES} aides, p95");
        report.rows.push(Row::at_most("visits", work, (percentile(&micros, 95), "ms"), 250.0));
    }
    Ok(())
}

/// How long each check-in and check-out took, in microseconds.
async fn visits_of(client: &mut Client, students: Vec<(Uuid, Uuid)>) -> Result<Vec<(u64, u64)>> {
    let mut all = Vec::with_capacity(students.len());
    for (student, school) in students {
        let body = json!({"student_id": student, "school_id": school, "chief_complaint_code": "HEADACHE",
                          "client_ref": Uuid::from_u128(student.as_u128() ^ u128::from(all.len() as u64))});
        let since = Instant::now();
        let made = client.expect("/api/v1/clinic/visits/check-in", Some(body.to_string()), 201).await?;
        let begun = micros(since);
        let made: Value = serde_json::from_slice(&made).map_err(fault)?;
        let path = format!("/api/v1/clinic/visits/{}/check-out", made["id"].as_str().unwrap_or_default());
        let since = Instant::now();
        client.expect(&path, Some(json!({"disposition": "RETURN_TO_CLASS"}).to_string()), 200).await?;
        all.push((begun, micros(since)));
    }
    Ok(all)
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// So many reports of symptoms, spread over students, syndromes and the hours of the last 140 days.
async fn report_illness(place: &Place, tenant: Uuid, wanted: usize) -> Result<()> {
    let (students, now) = (students(place, tenant).await?, place.db.env().now());
    let report = |n: usize| {
        let (student, school) = students[n % students.len()];
        let at = now - Duration::hours(i64::try_from(n * 7919 % 3360).unwrap_or(0));
        let syndrome = ["ILI", "GI", "RESP", "RASH", "STREP"][n * 31 % 5];
        let values = json!({"student_id": student, "school_id": school, "onset_on": at.date().to_string(),
            "reported_at": at.format(&Rfc3339).unwrap_or_default(), "source": "STAFF", "symptoms": ["FEVER"], "syndrome": syndrome});
        NewRow { id: place.db.env().id(), values: values.as_object().cloned().unwrap_or_default() }
    };
    for from in (0..wanted).step_by(TOGETHER) {
        let rows: Vec<NewRow> = (from..wanted.min(from + TOGETHER)).map(report).collect();
        let mut tx = place.db.begin(Ctx::operator(place.db.env(), tenant), false).await?;
        for some in rows.chunks(500) {
            tx.insert("school.symptom_tracking", some).await?;
        }
        tx.commit("kernel.demo.load", "school.symptom_tracking").await?;
    }
    let admin = place.connect("salus_admin").await?;
    admin.batch_execute("ANALYZE school.symptom_tracking").await.map_err(fault)
}

/// Reports of symptoms, and a run of detection over all of them.
async fn look_again(place: &Place, tenant: Uuid, sizes: Sizes, report: &mut Report) -> Result<()> {
    progress("recompute: detection over reports of symptoms");
    let wanted = if sizes.patients < 50_000 { 5_000 } else { 100_000 };
    report_illness(place, tenant, wanted).await?;
    let mut tx = place.db.begin(Ctx::operator(place.db.env(), tenant), false).await?;
    let since = Instant::now();
    detect_outbreaks(&mut tx).await?;
    let seconds = since.elapsed().as_secs_f64();
    tx.commit("school.outbreak.detect", "school.outbreak_alerts").await?;
    report.rows.push(Row::at_most("recompute", format!("detection over {wanted} reports"), (seconds, "s"), 30.0));
    Ok(())
}

/// The chart of a patient with five thousand facts, as a page and as one answer.
///
/// # Errors
/// A wrong answer, or a failure of the database.
pub async fn chart(place: &mut Place, sizes: Sizes, report: &mut Report) -> Result<()> {
    progress("chart: five thousand facts");
    let tenant = demo::load_sized(&place.db, "valley", Size::Small).await?.id;
    let key = api_key(&place.db, tenant).await?;
    place.serve().await?;
    let mut client = Client::connect(&place.server()?.address, &key).await?;
    let found = client.expect(&format!("/api/v1/medical/patients?mrn={FULL_CHART_MRN}"), None, 200).await?;
    let found: Value = serde_json::from_slice(&found).map_err(fault)?;
    let id = found["data"][0]["id"].as_str().unwrap_or_default().to_owned();
    must(!id.is_empty(), "the patient with the full chart is not there")?;
    let mut all = Vec::new();
    for _ in 0..sizes.slices * 20 {
        let since = Instant::now();
        let chart = client.expect(&format!("/api/v1/records/patients/{id}/chart"), None, 200).await?;
        all.push(micros(since));
        let chart: Value = serde_json::from_slice(&chart).map_err(fault)?;
        must(chart["counts"]["vital_signs"].as_i64().is_some_and(|n| n > 1000), "the chart is not whole")?;
    }
    all.sort_unstable();
    report.rows.push(Row::at_most(
        "chart",
        "chart of 5,000 facts over HTTP, p95",
        (percentile(&all, 95), "ms"),
        1000.0,
    ));
    place.stop_serving().await;
    Ok(())
}
