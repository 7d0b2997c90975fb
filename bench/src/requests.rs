//! P1 to P3: one patient, a page of patients, a new patient; over HTTP, signed in, audited and opened.

use crate::{
    Sizes,
    http::Client,
    load::Crowd,
    measure::{self, Slice, slice},
    people::Person,
    place::Place,
    raw::Raw,
    report::{Row, must, progress},
};
use salus_core::Result;
use serde_json::Value;
use std::{
    str::from_utf8,
    sync::atomic::{AtomicUsize, Ordering},
};
use uuid::Uuid;

/// Clients at once.
pub const CLIENTS: usize = 16;
const PATH: &str = "/api/v1/medical/patients";

/// The HTTP side and the raw side, with as many clients each.
pub struct Sides {
    /// Ours.
    pub http: Vec<Client>,
    /// The limit.
    pub raw: Vec<Raw>,
}

impl Sides {
    /// Connects both.
    ///
    /// # Errors
    /// Those of each.
    pub async fn connect(place: &Place) -> Result<Self> {
        let http = Client::several(&place.server()?.address, &place.key, CLIENTS).await?;
        Ok(Self { http, raw: Raw::several(place, CLIENTS).await? })
    }
}

/// P1.
///
/// # Errors
/// A wrong answer, or a failure of either side.
pub async fn get(place: &Place, crowd: &Crowd, sizes: Sizes, wanted: bool) -> Result<Option<Row>> {
    if !wanted {
        return Ok(None);
    }
    progress("P1: one patient");
    let mut both = Sides::connect(place).await?;
    warm(&mut both, crowd, place).await?;
    let mut pairs = Vec::new();
    for n in 0..sizes.slices as u64 {
        let ours = get_slice(&mut both.http, crowd, (sizes.seconds, n)).await?;
        let limit = slice(&mut both.raw, sizes.seconds, n, async |c, dice| {
            let (id, _) = dice.pick(&crowd.people);
            must(c.get(*id, place.db.env().id(), place.db.env().now()).await? == 1, "a raw read found no row")
        })
        .await?;
        pairs.push((ours.per_second, limit.per_second));
    }
    let work = format!("GET one patient, 8 sealed fields, {CLIENTS} clients");
    Ok(Some(Row::rate("P1", work, &measure::ratio(&pairs), 0.6)))
}

/// A slice of P1; every answer must hold the person's own name and number in clear.
///
/// # Errors
/// As [`get`].
pub async fn get_slice(clients: &mut [Client], crowd: &Crowd, (seconds, seed): (f64, u64)) -> Result<Slice> {
    slice(clients, seconds, seed, async |c, dice| {
        let (id, person) = dice.pick(&crowd.people);
        let body = c.expect(&format!("{PATH}/{id}"), None, 200).await?;
        let text = from_utf8(&body).map_err(crate::report::fault)?;
        must(text.contains(&person.family) && text.contains(&person.mrn), "another person, or a sealed one")
    })
    .await
}

/// Lets both sides prepare their statements and fill their caches before anything counts.
async fn warm(both: &mut Sides, crowd: &Crowd, place: &Place) -> Result<()> {
    get_slice(&mut both.http, crowd, (0.5, 99)).await?;
    let (id, _) = &crowd.people[0];
    for raw in &both.raw {
        raw.get(*id, place.db.env().id(), place.db.env().now()).await?;
    }
    Ok(())
}

/// P2.
///
/// # Errors
/// As [`get`].
pub async fn list(place: &Place, crowd: &Crowd, sizes: Sizes, wanted: bool) -> Result<Option<Row>> {
    if !wanted {
        return Ok(None);
    }
    progress("P2: a page of patients");
    let mut both = Sides::connect(place).await?;
    let cursors = cursors(&mut both.http[0]).await?;
    let mut pairs = Vec::new();
    list_slice(&mut both.http, &cursors, (0.5, 99)).await?;
    for n in 0..sizes.slices as u64 {
        let ours = list_slice(&mut both.http, &cursors, (sizes.seconds, n)).await?;
        let limit = slice(&mut both.raw, sizes.seconds, n, async |c, dice| {
            let (id, _) = &crowd.people[100 + dice.below(crowd.people.len() - 100)];
            must(c.page(*id).await? == 51, "a raw page is not full")
        })
        .await?;
        pairs.push((ours.per_second, limit.per_second));
    }
    let work = format!("page of 50 patients, 4 sealed fields, {CLIENTS} clients");
    Ok(Some(Row::rate("P2", work, &measure::ratio(&pairs), 0.45)))
}

/// A slice of P2; every page must be full.
///
/// # Errors
/// As [`get`].
pub async fn list_slice(clients: &mut [Client], cursors: &[String], (seconds, seed): (f64, u64)) -> Result<Slice> {
    slice(clients, seconds, seed, async |c, dice| {
        let body = c.expect(&format!("{PATH}?limit=50&cursor={}", dice.pick(cursors)), None, 200).await?;
        let text = from_utf8(&body).map_err(crate::report::fault)?;
        must(text.matches("\"family_name\":\"").count() == 50, "a page is not full, or sealed")
    })
    .await
}

/// Where pages begin, from walking the list.
///
/// # Errors
/// As [`get`].
pub async fn cursors(client: &mut Client) -> Result<Vec<String>> {
    let (mut all, mut path) = (Vec::new(), format!("{PATH}?limit=50"));
    while all.len() < 100 {
        let page: Value =
            serde_json::from_slice(&client.expect(&path, None, 200).await?).map_err(crate::report::fault)?;
        let Some(next) = page["next"].as_str() else { break };
        path = format!("{PATH}?limit=50&cursor={next}");
        all.push(next.to_owned());
    }
    // The page at the very last cursor may be short.
    all.truncate(all.len().saturating_sub(2).max(1));
    Ok(all)
}

/// P3.
///
/// # Errors
/// As [`get`].
pub async fn create(place: &Place, sizes: Sizes, wanted: bool) -> Result<Option<Row>> {
    if !wanted {
        return Ok(None);
    }
    progress("P3: a new patient");
    let mut both = Sides::connect(place).await?;
    let mut pairs = Vec::new();
    create_slice(&mut both.http, (0.5, 99)).await?;
    for n in 0..sizes.slices as u64 {
        let ours = create_slice(&mut both.http, (sizes.seconds, n)).await?;
        let limit = slice(&mut both.raw, sizes.seconds, n, async |c, dice| {
            let env = place.db.env();
            c.create((env.id(), env.id()), &stranger(dice), env.now()).await
        })
        .await?;
        pairs.push((ours.per_second, limit.per_second));
    }
    let work = format!("POST a patient, 8 sealed fields, {CLIENTS} clients");
    Ok(Some(Row::rate("P3", work, &measure::ratio(&pairs), 0.6)))
}

/// A slice of P3; the answer must hold the new row.
///
/// # Errors
/// As [`get`].
pub async fn create_slice(clients: &mut [Client], (seconds, seed): (f64, u64)) -> Result<Slice> {
    slice(clients, seconds, seed, async |c, dice| {
        let person = stranger(dice);
        let body = Value::Object(person.body()).to_string();
        let made = c.expect(PATH, Some(body), 201).await?;
        let text = from_utf8(&made).map_err(crate::report::fault)?;
        must(text.contains(&person.mrn) && text.contains("\"pseudonym\":\"P-"), "the new row is not the one sent")
    })
    .await
}

/// A new person whose names begin as nobody's in the crowd do, so that searches are still known to be complete.
fn stranger(dice: &mut measure::Dice) -> Person {
    static NUMBER: AtomicUsize = AtomicUsize::new(50_000_000);
    let person = Person::next(dice, NUMBER.fetch_add(1, Ordering::Relaxed));
    let given = person.given.split(' ').map(|w| format!("Xx{w}")).collect::<Vec<_>>().join(" ");
    Person { family: format!("Xx{}", person.family), given, ..person }
}

/// The id of a row as JSON shows it.
pub fn id_of(row: &Value) -> Option<Uuid> {
    row["id"].as_str()?.parse().ok()
}
