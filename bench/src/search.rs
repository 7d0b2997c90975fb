//! P4: names found over sealed data, against trigram search over clear ones; and that every one is found.

use crate::{
    Sizes,
    http::Client,
    load::Crowd,
    measure::{self, Dice, Slice, percentile, slice},
    people::Person,
    place::Place,
    raw::Raw,
    report::{Report, Row, must, progress},
    requests::{Sides, id_of},
};
use salus_core::Result;
use serde_json::Value;
use std::collections::BTreeSet;
use uuid::Uuid;

const PATH: &str = "/api/v1/medical/patients";

/// P4: latency of one client, throughput of many, and recall.
///
/// # Errors
/// A failure of either side; missing or wrong hits are put into the report.
pub async fn measure(place: &Place, crowd: &Crowd, sizes: Sizes, report: &mut Report) -> Result<()> {
    progress("P4: names");
    let mut both = Sides::connect(place).await?;
    recall(&mut both.http[0], crowd, report).await?;
    let (mut one, mut many, mut raw_one) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..sizes.slices as u64 {
        one.extend(ours(&mut both.http[..1], crowd, (sizes.seconds, n)).await?.micros);
        raw_one.extend(limit(&mut both.raw[..1], crowd, (sizes.seconds, n)).await?.micros);
        let ours = ours(&mut both.http, crowd, (sizes.seconds, n)).await?;
        many.push((ours.per_second, limit(&mut both.raw, crowd, (sizes.seconds, n)).await?.per_second));
    }
    one.sort_unstable();
    raw_one.sort_unstable();
    let median =
        |work: &str, (ours, limit): (f64, f64)| Row { limit: Some(limit), ..Row::fact("P4", work, (ours, "ms")) };
    report.rows.push(median("name search p50, 1 client", (percentile(&one, 50), percentile(&raw_one, 50))));
    let p95 = Row::at_most("P4", "name search p95, 1 client", (percentile(&one, 95), "ms"), 5.0);
    report.rows.push(Row { limit: Some(percentile(&raw_one, 95)), ..p95 });
    report.rows.push(Row::rate("P4", "name search, 16 clients", &measure::ratio(&many), 1.0));
    Ok(())
}

/// A slice of searches over HTTP.
///
/// # Errors
/// A wrong answer, or a broken connection.
pub async fn ours(clients: &mut [Client], crowd: &Crowd, (seconds, seed): (f64, u64)) -> Result<Slice> {
    slice(clients, seconds, seed, async |c, dice| {
        let words = question(dice, crowd);
        let body = c.expect(&format!("{PATH}?name={}", words.join("+")), None, 200).await?;
        must(body.starts_with(b"{\"data\":[{"), "a known name was not found")
    })
    .await
}

async fn limit(clients: &mut [Raw], crowd: &Crowd, (seconds, seed): (f64, u64)) -> Result<Slice> {
    slice(clients, seconds, seed, async |c, dice| {
        must(c.search(&question(dice, crowd)).await? > 0, "a raw search found nothing")
    })
    .await
}

/// What people type: a whole surname, the beginning of one, or a surname and a given name.
fn question(dice: &mut Dice, crowd: &Crowd) -> Vec<String> {
    let (_, person) = dice.pick(&crowd.people);
    let family = person.family.to_lowercase();
    match dice.below(4) {
        0 => vec![family[..family.len().min(5)].to_owned()],
        1 => {
            let given = person.given.to_lowercase();
            vec![family, given.split(' ').next().unwrap_or_default().to_owned()]
        }
        _ => vec![family],
    }
}

/// Asks whole and shortened words and walks all pages: exactly those whose names hold the words must come.
async fn recall(client: &mut Client, crowd: &Crowd, report: &mut Report) -> Result<()> {
    let words: Vec<(Uuid, Vec<String>)> = crowd.people.iter().map(|(id, p)| (*id, words_of(p))).collect();
    let mut dice = Dice::new(4);
    let (mut expected, mut found, mut extra) = (0, 0, 0);
    for _ in 0..100 {
        let asked = question(&mut dice, crowd);
        let holds = |held: &[String]| asked.iter().all(|a| held.iter().any(|h| h.starts_with(a.as_str())));
        let right: BTreeSet<Uuid> = words.iter().filter(|(_, held)| holds(held)).map(|(id, _)| *id).collect();
        let got = all_pages(client, &asked).await?;
        expected += right.len();
        found += right.intersection(&got).count();
        extra += got.difference(&right).count();
    }
    let share = measure::count(found) / measure::count(expected.max(1)) * 100.0;
    if found != expected || extra > 0 {
        report.wrong.push(format!("name search found {found} of {expected}, and {extra} others"));
    }
    let work = format!("recall over {expected} hits, exact and prefix");
    report.rows.push(Row {
        goal: "100 %".into(),
        met: Some(found == expected && extra == 0),
        ..Row::fact("P4", work, (share, "%"))
    });
    Ok(())
}

fn words_of(person: &Person) -> Vec<String> {
    person.words().collect()
}

async fn all_pages(client: &mut Client, asked: &[String]) -> Result<BTreeSet<Uuid>> {
    let first = format!("{PATH}?limit=200&name={}", asked.join("+"));
    let (mut got, mut path) = (BTreeSet::new(), first.clone());
    loop {
        let page: Value =
            serde_json::from_slice(&client.expect(&path, None, 200).await?).map_err(crate::report::fault)?;
        got.extend(page["data"].as_array().into_iter().flatten().filter_map(id_of));
        match page["next"].as_str() {
            Some(next) => path = format!("{first}&cursor={next}"),
            None => return Ok(got),
        }
    }
}
