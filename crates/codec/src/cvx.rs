//! CDC's code set of vaccines (CVX) as its text file has it: one code a line, seven fields separated by `|`: code, short
//! description, full name, notes, status, whether it is no vaccine, day of the last change. Blanks around a field do not count.
//!
//! The file is the user's; nothing of it is part of this program. A line that is not understood refuses the whole file, with
//! its number.

use salus_core::{Error, Result};
use std::collections::HashSet;
use time::{Date, macros::format_description};

/// Whether a code is used for doses that are given today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is.
    Active,
    /// Not any more: for doses of the past only.
    Inactive,
    /// Not yet.
    Pending,
    /// It never was.
    NeverActive,
    /// Not in the United States.
    NonUs,
}

impl Status {
    /// As the column has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Inactive => "INACTIVE",
            Self::Pending => "PENDING",
            Self::NeverActive => "NEVER_ACTIVE",
            Self::NonUs => "NON_US",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "active" => Self::Active,
            "inactive" => Self::Inactive,
            "pending" => Self::Pending,
            "never active" => Self::NeverActive,
            "non-us" => Self::NonUs,
            _ => return None,
        })
    }
}

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaccineCode {
    /// Two digits at least, such as `03`.
    pub cvx: String,
    /// Short description.
    pub label: String,
    /// Whether it is used today.
    pub status: Status,
    /// False for immune globulins, skin tests and reasons why nothing was given.
    pub is_vaccine: bool,
    /// Last change.
    pub updated_on: Date,
}

/// Fields of a line.
const FIELDS: usize = 7;

/// Reads the file.
///
/// # Errors
/// [`Error::Invalid`] on `codes` with the number of the line and what is wrong with it.
pub fn read(bytes: &[u8]) -> Result<Vec<VaccineCode>> {
    let wrong = |line: usize, why: &str| Error::invalid("codes", "not_understood", format!("Line {line}: {why}"));
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = 1 + memchr::memchr_iter(b'\n', &bytes[..e.valid_up_to()]).count();
        wrong(line, "is not UTF-8")
    })?;
    let (mut all, mut seen) = (Vec::new(), HashSet::new());
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let code = one(line).map_err(|why| wrong(at + 1, &why))?;
        if !seen.insert(code.cvx.clone()) {
            return Err(wrong(at + 1, &format!("CVX {} stands in the file twice", code.cvx)));
        }
        all.push(code);
    }
    if all.is_empty() {
        return Err(Error::invalid("codes", "not_understood", "The file has no code"));
    }
    Ok(all)
}

fn one(line: &str) -> std::result::Result<VaccineCode, String> {
    let fields: Vec<&str> = line.split('|').map(str::trim).collect();
    // Notes may hold the separator; the fields after them do not.
    let [cvx, label, _, .., status, nonvaccine, updated] = fields[..] else {
        return Err(format!("has {} fields, not the {FIELDS} of CDC's text file of CVX codes", fields.len()));
    };
    if fields.len() < FIELDS {
        return Err(format!("has {} fields, not the {FIELDS} of CDC's text file of CVX codes", fields.len()));
    }
    let number: u16 = cvx.parse().map_err(|_| format!("'{cvx}' is not a CVX code such as 03"))?;
    let form = format_description!("[year]/[month]/[day]");
    Ok(VaccineCode {
        cvx: format!("{number:02}"),
        label: label.chars().take(200).collect(),
        status: Status::parse(status)
            .ok_or_else(|| format!("'{status}' is not a status: Active, Inactive, Pending, Never Active or Non-US"))?,
        is_vaccine: match nonvaccine.to_ascii_lowercase().as_str() {
            "false" => true,
            "true" => false,
            _ => return Err(format!("'{nonvaccine}' does not say True or False whether it is no vaccine")),
        },
        updated_on: Date::parse(updated, form).map_err(|_| format!("'{updated}' is not a day such as 2024/01/25"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn line(status: &str, rest: &str) -> String {
        format!("02        |OPV|an invented name|a note | with a bar|{status}|{rest}")
    }

    #[test]
    fn a_line_is_read_with_its_status() {
        let text = format!(
            "\u{feff}{}\r\n\r\n998 |none|none||Inactive|True|2015/09/30\n",
            line("Inactive", "False|2017/07/13")
        );
        let all = read(text.as_bytes()).unwrap();
        let first = VaccineCode {
            cvx: "02".into(),
            label: "OPV".into(),
            status: Status::Inactive,
            is_vaccine: true,
            updated_on: date!(2017 - 07 - 13),
        };
        assert_eq!((all.len(), &all[0], all[1].is_vaccine), (2, &first, false));
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_line() {
        for (text, why) in [
            (line("Retired", "False|2017/07/13"), "Line 1: 'Retired' is not a status"),
            (line("Active", "Perhaps|2017/07/13"), "True or False"),
            (line("Active", "False|13.7.2017"), "2024/01/25"),
            ("02|OPV|name|Active|False|2017/07/13".into(), "has 6 fields"),
            (format!("{0}\n{0}", line("Active", "False|2017/07/13")), "Line 2: CVX 02 stands in the file twice"),
            ("OPV|02|name|note|Active|False|2017/07/13".into(), "'OPV' is not a CVX code"),
            ("\n".into(), "has no code"),
        ] {
            let told = read(text.as_bytes()).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
        let told = read(b"02|OPV|name|note|Active|False|2017/07/13\n\xff").unwrap_err().to_string();
        assert!(told.contains("Line 2: is not UTF-8"), "{told}");
    }
}
