//! Labels of the closed sets that pages show. A code without an entry reads as its own words: `ON_FILE` is
//! "On file", so a new value of a domain is legible before it is translated.

use super::{Locale, code_labels::CODES};
use std::borrow::Cow;

/// The label of a code, whatever its case.
#[must_use]
pub fn label(locale: Locale, code: &str) -> Cow<'static, str> {
    let upper = code.to_ascii_uppercase().replace('-', "_");
    match CODES.binary_search_by(|(key, _)| (*key).cmp(upper.as_str())) {
        Ok(at) => Cow::Borrowed(CODES[at].1[locale as usize]),
        Err(_) => Cow::Owned(words(code)),
    }
}

/// Where a fact comes from: a code in words, a name as it is.
#[must_use]
pub fn source(locale: Locale, label: &str) -> Cow<'_, str> {
    let code = label.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    if code { self::label(locale, label) } else { Cow::Borrowed(label) }
}

/// Short names that are written in capitals wherever they stand.
const CAPITALS: [&str; 24] = [
    "ANS", "API", "CDCREC", "CNES", "CPF", "CVX", "DOB", "EHR", "FERPA", "FHIR", "HIPAA", "ICD", "ID", "IP", "LGPD",
    "LOINC", "MRN", "NDC", "NPI", "SHA", "SSN", "UCUM", "URL", "UUID",
];

/// A name made of code words as a person reads it: `check_in_at` becomes "Check in at", `patient_id` "Patient ID".
#[must_use]
pub fn words(name: &str) -> String {
    let spaced = name.replace(['_', '-'], " ");
    let all_upper = !spaced.chars().any(char::is_lowercase);
    let lower = if all_upper && spaced.len() > 4 { spaced.to_lowercase() } else { spaced };
    let word = |(at, word): (usize, &str)| {
        let upper = word.to_ascii_uppercase();
        if CAPITALS.contains(&&*upper) {
            return upper;
        }
        let mut letters = word.chars();
        match letters.next().filter(|_| at == 0) {
            Some(first) => first.to_uppercase().chain(letters).collect(),
            None => word.to_owned(),
        }
    };
    lower.split(' ').enumerate().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_fall_back_to_their_words() {
        assert!(CODES.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(label(Locale::Es, "active"), "Activo");
        assert_eq!(label(Locale::En, "entered-in-error"), "Entered in error");
        assert_eq!(label(Locale::PtBr, "AWAITING_CALL"), "Awaiting call");
        assert_eq!(words("check_in_at"), "Check in at");
        assert_eq!(words("MRN"), "MRN");
        assert_eq!(words("mrn"), "MRN");
        assert_eq!(words("HIPAA"), "HIPAA");
        assert_eq!(words("patient_id"), "Patient ID");
        assert_eq!(words("AMB"), "AMB");
        assert_eq!(words(""), "");
    }
}
