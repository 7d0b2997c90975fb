//! Values inside the supporting data: codes, periods, days, yes and no.

use super::tree::{Element, File};
use crate::immunization::{Gender, Period, schedule::InForce};
use salus_core::Result;
use time::{Date, Month};

/// The text of a child that must be there.
pub(super) fn required<'a>(file: File<'_>, of: &'a Element, name: &str) -> Result<&'a str> {
    of.text(name).ok_or_else(|| file.wrong(of, &format!("<{name}> is empty")))
}

/// A whole number in a child that must be there.
pub(super) fn number<T: std::str::FromStr>(file: File<'_>, of: &Element, name: &str) -> Result<T> {
    let text = required(file, of, name)?;
    text.parse().map_err(|_| file.wrong(of, &format!("<{name}> holds '{text}', not a number")))
}

pub(super) fn cvx(file: File<'_>, of: &Element, text: &str) -> Result<u16> {
    text.trim().parse().map_err(|_| file.wrong(of, &format!("'{text}' is not a CVX code")))
}

/// A list such as `15; 16; 88`.
pub(super) fn list<T: std::str::FromStr>(file: File<'_>, of: &Element, name: &str) -> Result<Vec<T>> {
    let text = of.text(name).unwrap_or_default();
    let wrong = |part: &str| file.wrong(of, &format!("<{name}> holds '{part}', not a number"));
    let parts = text.split([';', ',']).map(str::trim).filter(|p| !p.is_empty());
    parts.map(|part| part.parse().map_err(|_| wrong(part))).collect()
}

pub(super) fn period(file: File<'_>, of: &Element, name: &str) -> Result<Option<Period>> {
    Period::parse(of.text(name).unwrap_or_default()).map_err(|e| file.wrong(of, &format!("<{name}> {e}")))
}

/// A day as `20250701` or `01/31/1957`: both are in use.
pub(super) fn day(file: File<'_>, of: &Element, name: &str) -> Result<Option<Date>> {
    let Some(text) = of.text(name) else { return Ok(None) };
    let (year, month, day) = match (text.split('/').collect::<Vec<_>>().as_slice(), text.len()) {
        ([month, day, year], _) => (*year, *month, *day),
        ([_], 8) if text.is_ascii() => (&text[..4], &text[4..6], &text[6..]),
        _ => ("", "", ""),
    };
    let date = || {
        let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
        Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
    };
    date().map(Some).ok_or_else(|| file.wrong(of, &format!("<{name}> holds '{text}', not a day as 20250701")))
}

pub(super) fn in_force(file: File<'_>, of: &Element) -> Result<InForce> {
    Ok(InForce { from: day(file, of, "effectiveDate")?, until: day(file, of, "cessationDate")? })
}

pub(super) fn yes(of: &Element, name: &str) -> bool {
    of.text(name).is_some_and(|t| t.eq_ignore_ascii_case("yes") || t.eq_ignore_ascii_case("y"))
}

pub(super) fn gender(file: File<'_>, of: &Element) -> Result<Gender> {
    match of.text.as_str() {
        "Female" => Ok(Gender::Female),
        "Male" => Ok(Gender::Male),
        "Unknown" | "Transgender" => Ok(Gender::Unknown),
        other => Err(file.wrong(of, &format!("'{other}' is not Female, Male or Unknown"))),
    }
}

pub(super) fn owned(of: &Element, name: &str) -> Option<String> {
    of.text(name).map(ToOwned::to_owned)
}
