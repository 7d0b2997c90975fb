//! The clinic's staff and the places it works with.

use super::{
    people::{SEED, phone},
    random::Random,
    rows::Rows,
};
use serde_json::json;
use uuid::Uuid;

/// The clinic's own laboratory partner; it does not exist.
pub(super) const LABORATORY: &str = "Acequia Reference Laboratory";
/// The hospital that sends its records; it does not exist.
pub(super) const HOSPITAL: &str = "Larkspur Ridge Hospital";
/// The clinic's own name.
pub(super) const CLINIC: &str = "Valley Records Clinic";

/// Clinicians: name and specialty. The first four see everybody.
const STAFF: &[(&str, &str)] = &[
    ("Dr. Marguerite Quillfeather", "Family medicine"),
    ("Dr. Íñigo Barrioscuro Encinares", "Internal medicine"),
    ("Heloísa Teixeirão, NP", "Family medicine"),
    ("Dr. Thaddeus O'Dunmore", "Family medicine"),
    ("Dr. Ximena de la Fuentellana", "Cardiology"),
    ("Dr. Caetano Vilarinhal", "Endocrinology"),
    ("Dr. Rosalind Fairholt-Lane", "Nephrology"),
    ("Dr. Efraín Montesquero", "Orthopaedic surgery"),
];

/// A clinician.
pub(super) struct Clinician {
    pub(super) id: Uuid,
    pub(super) name: &'static str,
    pub(super) specialty: &'static str,
}

/// Adds the providers and returns the clinicians. Their NPIs begin with 2, of which none was ever given out.
pub(super) fn open(rows: &mut Rows) -> Vec<Clinician> {
    let mut random = Random::new(SEED, u64::MAX);
    for (n, name) in [HOSPITAL, LABORATORY].into_iter().enumerate() {
        let values = json!({"kind": "organization", "name": name, "npi": npi(n + 900), "phone": phone(&mut random),
                            "city": "Larkspur Junction", "state": "CO", "postal_code": "81801", "country": "US"});
        rows.add("medical.providers", values);
    }
    let clinicians = STAFF.iter().enumerate().map(|(n, (name, specialty))| {
        let values = json!({"kind": "individual", "name": name, "npi": npi(n), "specialty": specialty,
                            "phone": phone(&mut random), "email": format!("clinician{n}@example.org"),
                            "city": "San Aurelio", "state": "CO", "postal_code": "81804", "country": "US"});
        Clinician { id: rows.add("medical.providers", values), name, specialty }
    });
    clinicians.collect()
}

/// A number with its check digit, of the part that begins with 2.
fn npi(number: usize) -> String {
    let nine = format!("2{number:08}");
    let found = (0..10).map(|digit| format!("{nine}{digit}")).find(|n| salus_core::identifier::npi(n));
    found.unwrap_or(nine)
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_of_providers_have_their_check_digit() {
        assert!((0..50).all(|n| salus_core::identifier::npi(&super::npi(n)) && super::npi(n).starts_with('2')));
    }
}
