//! The invented patients: who they are and the rows that identify them. Nobody here exists. Telephone numbers are of
//! ranges kept for fiction or never assigned, addresses of towns that do not exist, mail of example.org.
//!
//! Some patients are hard on purpose: two were registered twice with another spelling, and five pairs are twins who
//! share family name, birth date and home but are two persons.

use super::{
    names::{AREA_CODES, ENGLISH, PORTUGUESE, SPANISH, STREETS, TOWNS, Tongue},
    random::Random,
    rows::{Rows, later},
};
use salus_core::{Result, text};
use serde_json::json;
use time::{Date, Month};
use uuid::Uuid;

/// The seed of everything generated here.
pub(super) const SEED: u64 = 20_260_302;
/// Medical record number of the patient whose chart has at least 5,000 facts.
pub const FULL_CHART_MRN: &str = "V05000";

/// Second registrations of the person before.
const TWICE: &[usize] = &[13, 113];
/// Twins of the person before.
const TWINS: &[usize] = &[21, 41, 61, 81, 101];

/// An invented person.
#[derive(Clone)]
pub(super) struct Person {
    pub(super) number: usize,
    mrn: String,
    family: String,
    given: String,
    preferred: Option<String>,
    suffix: Option<&'static str>,
    pub(super) sex: &'static str,
    pub(super) birth: Date,
    /// Day of death; facts end before it.
    pub(super) died: Option<Date>,
    tongue: &'static str,
    phone: String,
    email: Option<String>,
    street: String,
    town: usize,
}

/// The person of a number, the same in every run; number 0 has the full chart. A death lies before `today`.
pub(super) fn person(number: usize, today: Date) -> Person {
    if TWICE.contains(&number) {
        return registered_again(number, person(number - 1, today));
    }
    if TWINS.contains(&number) {
        return twin(number, person(number - 1, today));
    }
    let mut random = Random::new(SEED, number as u64);
    let tongue = match random.between(0, 99) {
        0..50 => &ENGLISH,
        50..82 => &SPANISH,
        _ => &PORTUGUESE,
    };
    let sex = if random.chance(53) { "F" } else { "M" };
    let (family, given) = name(tongue, sex, &mut random);
    let birth = Date::from_calendar_date(random.between(1934, 2006), Month::January, 1).unwrap_or(Date::MIN);
    let birth = later(birth, random.between(0, 364));
    let elderly = today.year() - birth.year() > 78;
    let preferred = random.chance(14).then(|| given.chars().take(3).collect());
    let mut made = Person {
        number,
        mrn: mrn(number),
        preferred,
        suffix: (sex == "M" && random.chance(5)).then_some("Jr."),
        sex,
        birth,
        died: (elderly && random.chance(12)).then(|| later(today, -random.between(20, 400))),
        tongue: tongue.tag,
        phone: phone(&mut random),
        email: random.chance(80).then(|| email(&given, &family, number)),
        street: format!("{} {}", random.between(3, 2990), random.pick(STREETS)),
        town: random.below(TOWNS.len()),
        family,
        given,
    };
    if number == 0 {
        "Milhares-Longfield".clone_into(&mut made.family);
        "Aurélia Constança".clone_into(&mut made.given);
        (made.sex, made.died, made.suffix, made.preferred) = ("F", None, None, None);
        made.birth = Date::from_calendar_date(1951, Month::April, 9).unwrap_or(birth);
        made.email = Some(email(&made.given, &made.family, number));
    }
    made
}

fn mrn(number: usize) -> String {
    if number == 0 { FULL_CHART_MRN.to_owned() } else { format!("V{:05}", 10_000 + number * 7) }
}

fn name(tongue: &Tongue, sex: &str, random: &mut Random) -> (String, String) {
    let given = *random.pick(if sex == "F" { tongue.women } else { tongue.men });
    let first = *random.pick(tongue.families);
    let second = *random.pick(tongue.families);
    let family = match tongue.tag {
        _ if first == second => first.to_owned(),
        "en" if random.chance(12) => format!("{first}-{second}"),
        "en" => first.to_owned(),
        "pt-BR" if random.chance(30) => format!("{first} e {second}"),
        _ => format!("{first} {second}"),
    };
    let middle =
        (tongue.tag == "en" && random.chance(35)).then(|| (b'A' + u8::try_from(random.below(23)).unwrap_or(0)) as char);
    (family, middle.map_or_else(|| given.to_owned(), |letter| format!("{given} {letter}.")))
}

fn registered_again(number: usize, first: Person) -> Person {
    let plain = |s: &str| {
        let words: Vec<String> = text::fold(s).split(' ').map(capital).collect();
        words.join(" ")
    };
    let (family, given) = (plain(&first.family), plain(&first.given));
    Person { number, mrn: mrn(number), family, given, preferred: None, suffix: None, email: None, ..first }
}

fn twin(number: usize, first: Person) -> Person {
    let mut random = Random::new(SEED, number as u64);
    let tongue = [&ENGLISH, &SPANISH, &PORTUGUESE].into_iter().find(|t| t.tag == first.tongue).unwrap_or(&ENGLISH);
    let names = if first.sex == "F" { tongue.women } else { tongue.men };
    // Names that begin alike are what a careless match would merge.
    let alike = |n: &&&str| n.chars().next() == first.given.chars().next() && !first.given.starts_with(**n);
    let given = names.iter().find(alike).unwrap_or_else(|| random.pick(names));
    let email = Some(email(given, &first.family, number));
    Person { number, mrn: mrn(number), given: (*given).to_owned(), preferred: None, died: None, email, ..first }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect())
}

/// A number of the range that the North American Numbering Plan keeps for fiction.
pub(super) fn phone(random: &mut Random) -> String {
    format!("+1 {} 555 01{:02}", random.pick(AREA_CODES), random.below(100))
}

/// A Brazilian mobile number that cannot exist: after the 9 there is never a 0.
fn phone_abroad(random: &mut Random) -> String {
    format!("+55 {} 90000-0{:03}", random.pick(&["11", "21", "31", "41", "71", "81"]), random.below(1000))
}

fn email(given: &str, family: &str, number: usize) -> String {
    let word = |s: &str| text::fold(s).split(' ').next().unwrap_or_default().to_owned();
    format!("{}.{}{number}@example.org", word(given), word(family))
}

/// The rows that identify a person; returns the patient's id.
///
/// # Errors
/// Never for persons made here: their birth dates are plausible.
pub(super) fn register(rows: &mut Rows, person: &Person, today: Date) -> Result<Uuid> {
    let mut random = Random::new(SEED ^ 0xFACE, person.number as u64);
    let mut values = crate::row(json!({
        "mrn": person.mrn, "pseudonym": pseudonym(&mut random), "family_name": person.family,
        "given_names": person.given, "preferred_name": person.preferred, "suffix": person.suffix,
        "birth_date": person.birth.to_string(), "sex": person.sex, "preferred_language": person.tongue,
        "interpreter_needed": person.tongue != "en" && random.chance(25), "record_regime": "HIPAA",
        "status": if person.died.is_some() { "DECEASED" } else { "ACTIVE" },
        "deceased_on": person.died.map(|d| d.to_string()),
    }));
    crate::medical::derive_patient(&mut values, today)?;
    let id = rows.add("medical.patients", values.into());
    let town = TOWNS[person.town];
    rows.add(
        "medical.patient_addresses",
        json!({"patient_id": id, "use": "HOME", "lines": person.street, "city": town.0, "state": "CO",
               "postal_code": town.1, "country": "US"}),
    );
    rows.add(
        "medical.patient_telecoms",
        json!({"patient_id": id, "system": "PHONE", "use": "MOBILE", "rank": 1, "phone": person.phone,
               "consent_sms": random.chance(60), "consent_voice": true}),
    );
    if let Some(email) = &person.email {
        let values = json!({"patient_id": id, "system": "EMAIL", "use": "HOME", "rank": 2, "email": email});
        rows.add("medical.patient_telecoms", values);
    }
    if random.chance(30) {
        let digits = format!("{:04}", random.below(10_000));
        let values = json!({"patient_id": id, "system": "urn:oid:2.16.840.1.113883.4.1", "value": digits,
                            "type": "SS4", "sensitivity": "NATIONAL_ID"});
        rows.add("medical.patient_identifiers", values);
    }
    contact(rows, id, person, &mut random);
    Ok(id)
}

/// Whom to call, and now and then a name of before.
fn contact(rows: &mut Rows, patient: Uuid, person: &Person, random: &mut Random) {
    let tongue = [&ENGLISH, &SPANISH, &PORTUGUESE].into_iter().find(|t| t.tag == person.tongue).unwrap_or(&ENGLISH);
    if random.chance(65) {
        let names = if random.chance(50) { tongue.women } else { tongue.men };
        let abroad = person.tongue == "pt-BR" && random.chance(35);
        let phone = if abroad { phone_abroad(random) } else { phone(random) };
        rows.add(
            "medical.patient_contacts",
            json!({"patient_id": patient, "name": format!("{} {}", random.pick(names), person.family),
                   "relationship": random.pick(&["SPO", "CHD", "SIB", "FND", "EMC"]), "phone": phone, "priority": 1,
                   "receives_health_info": random.chance(50), "language": person.tongue}),
        );
    }
    if person.sex == "F" && random.chance(18) {
        let values = json!({"patient_id": patient, "use": "MAIDEN", "family_name": random.pick(tongue.families),
                            "given_names": person.given});
        rows.add("medical.patient_names", values);
    }
}

/// What those without permission to see identity call the person; fixed, so that screenshots repeat.
fn pseudonym(random: &mut Random) -> String {
    let letters = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    (0..8).map(|_| char::from(*random.pick(letters))).fold("P-".to_owned(), |word, letter| word + &letter.to_string())
}
