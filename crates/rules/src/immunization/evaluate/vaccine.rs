//! Evaluate for preferable and allowable vaccine (CDSi 6.8 and 6.9).

use super::Verdict;
use crate::immunization::{
    Dose,
    calendar::{FIRST_DAY, LAST_DAY, age_date},
    outcome::Reason,
    schedule::{PreferableVaccine, SeriesDose, VaccineAge},
};
use time::Date;

/// Tables 6-26 and 6-29.
pub(super) fn evaluate(target: &SeriesDose, birth: Date, dose: &Dose) -> Verdict {
    let of_type = |v: &VaccineAge| v.cvx == dose.cvx;
    let product = |p: &&PreferableVaccine| of_type(&p.vaccine) && is_product(p, dose);
    let preferable = target.preferable.iter().filter(product).find(|p| in_age(&p.vaccine, birth, dose.on));
    if let Some(preferable) = preferable {
        let less = preferable.volume.zip(dose.volume).is_some_and(|(wanted, given)| given < wanted);
        return if less { Verdict::Noted(Reason::LessVolume) } else { Verdict::Satisfied };
    }
    if target.allowable.iter().any(|v| of_type(v) && in_age(v, birth, dose.on)) {
        return Verdict::Satisfied;
    }
    let other_age = target.preferable.iter().any(|p| product(&p)) || target.allowable.iter().any(of_type);
    Verdict::Against(if other_age { Reason::VaccineAge } else { Reason::VaccineNotAllowed })
}

/// Whether a row of ages holds on a day (CALCDTPREF, CALCDTALLOW).
pub(crate) fn in_age(vaccine: &VaccineAge, birth: Date, on: Date) -> bool {
    age_date(birth, vaccine.begin, FIRST_DAY) <= on && on < age_date(birth, vaccine.end, LAST_DAY)
}

/// Whether the dose is the product the row asks for: by its name where it is recorded, else by its maker. A row without
/// a name takes any.
fn is_product(preferable: &PreferableVaccine, dose: &Dose) -> bool {
    let Some(name) = &preferable.trade_name else { return true };
    match (&preferable.mvx, &dose.mvx, &dose.trade_name) {
        (Some(wanted), Some(given), _) => wanted == given,
        (_, None, Some(given)) => plain(name) == plain(given),
        _ => false,
    }
}

/// `RECOMBIVAX-ADULT` and `Recombivax Adult` are one name.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
