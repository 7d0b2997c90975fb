//! Links of users to the persons they act for: which contact of the person a user is, and that a parent or guardian is one
//! until the 18th birthday, unless a court or the person says otherwise.
//!
//! What stands with the contact bars the link in the transaction that writes it there (`kernel.judge_link`), so nothing has to
//! run for a link to end. The last day is checked here, where a date of birth can be opened; the database knows the month.

use super::grant::named;
use salus_core::{Ctx, Error, Result};
use salus_store::{Call, Op, Tx, run, sql};
use serde_json::{Value, json};
use std::sync::Arc;
use time::{Date, Month, macros::format_description};
use uuid::Uuid;

/// Proofs of an authority that does not end with childhood.
const BEYOND_CHILDHOOD: [&str; 2] = ["COURT_ORDER", "POWER_OF_ATTORNEY"];
const CHILDHOOD_YEARS: i32 = 18;

/// A link that is made or changed, with what is not given of a new one filled in.
pub(super) fn looked_at(op: Op) -> Op {
    let inner = Arc::new(op.run);
    let run = run(move |tx, mut call| {
        let inner = inner.clone();
        Box::pin(async move {
            look_at(tx, &mut call).await?;
            inner(tx, call).await
        })
    });
    Op { run, ..op }
}

/// A link as it would be.
struct Link {
    person: Uuid,
    relation: String,
    proof: Option<String>,
    contact: Option<Uuid>,
    until: Option<Date>,
}

async fn look_at(tx: &mut Tx, call: &mut Call) -> Result<()> {
    // What cannot be read is refused by the write itself, which names the field.
    let Some(link) = as_it_would_be(tx, call).await? else { return Ok(()) };
    let of_child = matches!(link.relation.as_str(), "parent" | "guardian");
    if call.path_value("id").is_none() || call.body.get("contact_id").is_some() {
        must_be_a_contact(tx, &link, of_child).await?;
    }
    let beyond = link.proof.as_deref().is_some_and(|proof| BEYOND_CHILDHOOD.contains(&proof));
    if !of_child || beyond {
        return Ok(());
    }
    let Some(last) = born(tx, link.person).await?.and_then(last_day_of_childhood) else { return Ok(()) };
    match link.until {
        Some(until) if until > last => {
            let message = "Is the day before the 18th birthday at the latest, unless the proof is COURT_ORDER or POWER_OF_ATTORNEY";
            Err(Error::invalid("valid_to", "of_age", message))
        }
        // Who may open the date of birth is told by it no more than they know.
        None if call.path_value("id").is_none() && tx.ctx.may("kernel.phi.read") => {
            tx.about(link.person);
            call.body["valid_to"] = json!(last.to_string());
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The row in the path with what the body changes; nothing for a body that is none.
async fn as_it_would_be(tx: &mut Tx, call: &Call) -> Result<Option<Link>> {
    let Value::Object(given) = &call.body else { return Ok(None) };
    let mut held = None;
    if let Ok(id) = call.id() {
        let sql = sql!(
            "SELECT patient_id, relation::text, proof::text, contact_id, valid_to FROM auth.user_person_links WHERE id = $1"
        );
        held = tx.query_opt(sql, &[&id]).await?;
    }
    let held = held.as_ref();
    let text = |name: &str| match given.get(name) {
        Some(value) => value.as_str().map(str::to_owned),
        None => held.and_then(|row| row.get(name)),
    };
    let day = |text: &str| Date::parse(text, format_description!("[year]-[month]-[day]")).ok();
    let Some(person) = named(call, "patient_id").or_else(|| held.map(|row| row.get("patient_id"))) else {
        return Ok(None);
    };
    let Some(relation) = text("relation") else { return Ok(None) };
    let contact = match given.get("contact_id") {
        Some(value) => value.as_str().and_then(|id| id.parse().ok()),
        None => held.and_then(|row| row.get("contact_id")),
    };
    let until = match given.get("valid_to") {
        Some(value) => value.as_str().and_then(day),
        None => held.and_then(|row| row.get("valid_to")),
    };
    Ok(Some(Link { person, relation, proof: text("proof"), contact, until }))
}

/// Where the contacts of a person are known, a parent or guardian is one of them, and none whom anything bars.
async fn must_be_a_contact(tx: &mut Tx, link: &Link, of_child: bool) -> Result<()> {
    let sql = sql!(
        "SELECT EXISTS (SELECT FROM medical.patient_contacts WHERE patient_id = $1), \
           (SELECT court_restriction IS NULL AND receives_health_info AND portal_access <> 'NONE' \
              FROM medical.patient_contacts WHERE patient_id = $1 AND id = $2)"
    );
    let found = tx.query_opt(sql, &[&link.person, &link.contact]).await?;
    let (has_contacts, admitted) = found.map_or((false, None), |row| (row.get(0), row.get::<_, Option<bool>>(1)));
    let wrong = |code: &str, message: &str| Err(Error::invalid("contact_id", code, message));
    match (link.contact, admitted) {
        (Some(_), None) => wrong("no_such_record", "Is no contact of this person"),
        (Some(_), Some(false)) => wrong(
            "restricted",
            "This contact is restricted by a court, gets no health information, or has no portal access: change the contact first",
        ),
        (None, _) if of_child && has_contacts => {
            wrong("required", "Say which contact of this person the user is: what bars the contact bars the user")
        }
        _ => Ok(()),
    }
}

/// The date of birth, for the check alone: who makes the link is not told it.
async fn born(tx: &Tx, person: Uuid) -> Result<Option<Date>> {
    let mut apart = tx.db().begin(Ctx::system(&tx.ctx.env, tx.ctx.tenant), true).await?;
    let found = apart.get("medical.patients", person, &["birth_date"]).await;
    apart.finish_unrecorded().await?;
    match found {
        Ok(row) => Ok(Date::parse(row.text("birth_date"), format_description!("[year]-[month]-[day]")).ok()),
        Err(Error::NotFound) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The day before the 18th birthday. Who was born on 29 February comes of age on 1 March.
fn last_day_of_childhood(born: Date) -> Option<Date> {
    let year = born.year() + CHILDHOOD_YEARS;
    let day = Date::from_calendar_date(year, born.month(), born.day());
    day.or_else(|_| Date::from_calendar_date(year, Month::March, 1)).ok()?.previous_day()
}

/// Ends links of parents and guardians before the 18th birthday of a person whose date of birth was set right.
///
/// # Errors
/// Those of the database.
pub async fn born_on(tx: &mut Tx, person: Uuid, born: Date) -> Result<()> {
    let Some(last) = last_day_of_childhood(born) else { return Ok(()) };
    tx.query(sql!("CALL kernel.end_of_age($1, $2)"), &[&person, &last]).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn childhood_ends_the_day_before_the_18th_birthday() {
        for (born, last) in [
            (date!(2010 - 05 - 02), date!(2028 - 05 - 01)),
            (date!(2010 - 01 - 01), date!(2027 - 12 - 31)),
            (date!(2008 - 02 - 29), date!(2026 - 02 - 28)),
            (date!(2010 - 03 - 01), date!(2028 - 02 - 29)),
        ] {
            assert_eq!(last_day_of_childhood(born), Some(last), "{born}");
        }
    }
}
