//! How units read. They are stored as UCUM writes them for programs (`mm[Hg]`, `10*3/uL`); people read mmHg and 10³/µL.
//! Only the writing changes, never the number. "Units" are spelled out, because `U` and `IU` are misread as digits.

use super::Locale;

/// What is counted rather than measured: UCUM, then one and several in each language.
const COUNTED: [(&str, [[&str; 2]; 3]); 5] = [
    ("[iU]", [["unit", "units"], ["unidad", "unidades"], ["unidade", "unidades"]]),
    ("{capsule}", [["capsule", "capsules"], ["cápsula", "cápsulas"], ["cápsula", "cápsulas"]]),
    ("{drop}", [["drop", "drops"], ["gota", "gotas"], ["gota", "gotas"]]),
    ("{puff}", [["puff", "puffs"], ["inhalación", "inhalaciones"], ["jato", "jatos"]]),
    ("{tbl}", [["tablet", "tablets"], ["comprimido", "comprimidos"], ["comprimido", "comprimidos"]]),
];

/// Parts of a unit that are written otherwise, whole part by whole part.
const WRITTEN: [(&str, &str); 12] = [
    ("1.73_m2", "1.73\u{a0}m²"),
    ("Cel", "°C"),
    ("[degF]", "°F"),
    ("[in_i]", "in"),
    ("[lb_av]", "lb"),
    ("m2", "m²"),
    ("mm[Hg]", "mmHg"),
    ("uL", "µL"),
    ("ug", "µg"),
    ("um", "µm"),
    ("umol", "µmol"),
    ("[iU]", "IU"),
];

/// The unit as people write it.
#[must_use]
pub fn unit(ucum: &str) -> String {
    ucum.split('/').map(part).collect::<Vec<_>>().join("/")
}

fn part(text: &str) -> String {
    let bare = text.trim_matches(['{', '}', '(', ')']);
    if let Some((_, written)) = WRITTEN.iter().find(|(ucum, _)| *ucum == bare) {
        return (*written).to_owned();
    }
    if let Some(power) = bare.strip_prefix("10*").filter(|p| p.chars().all(|c| c.is_ascii_digit())) {
        let raised = |c: char| c.to_digit(10).and_then(|d| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(d as usize)).unwrap_or(c);
        return format!("10{}", power.chars().map(raised).collect::<String>());
    }
    // An annotation after a unit, such as %{Hb}, is a note for people.
    match bare.split_once('{') {
        Some((unit, note)) => format!("{unit} {}", note.trim_end_matches('}').replace('_', " ")),
        None => bare.replace('_', " "),
    }
}

/// The unit of an amount that is given: "tablets" for 2 of `{tbl}`.
#[must_use]
pub fn counted(locale: Locale, amount: &str, ucum: &str) -> String {
    match COUNTED.iter().find(|(unit, _)| *unit == ucum) {
        Some((_, words)) => words[locale as usize][usize::from(amount != "1")].to_owned(),
        None => unit(ucum),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_read_as_people_write_them() {
        let pairs = [
            ("mm[Hg]", "mmHg"),
            ("10*3/uL", "10³/µL"),
            ("10*12/L", "10¹²/L"),
            ("mL/min/{1.73_m2}", "mL/min/1.73\u{a0}m²"),
            ("kg/m2", "kg/m²"),
            ("Cel", "°C"),
            ("ug/dL", "µg/dL"),
            ("/min", "/min"),
            ("%", "%"),
            ("{score}", "score"),
            ("%{Hb}", "% Hb"),
            ("mmol/L", "mmol/L"),
        ];
        for (ucum, written) in pairs {
            assert_eq!(unit(ucum), written, "{ucum}");
        }
        assert_eq!(counted(Locale::En, "1", "{tbl}"), "tablet");
        assert_eq!(counted(Locale::PtBr, "2", "{tbl}"), "comprimidos");
        assert_eq!(counted(Locale::Es, "14", "[iU]"), "unidades");
        assert_eq!(counted(Locale::En, "10", "mg"), "mg");
    }
}
