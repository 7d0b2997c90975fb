//! Made-up people: names of syllables, so that a name is shared by few, as it is among real people.

use crate::measure::Dice;
use serde_json::{Map, Value, json};

/// A person in clear.
#[derive(Debug, Clone)]
pub struct Person {
    /// Surname.
    pub family: String,
    /// One or two given names.
    pub given: String,
    /// Medical record number.
    pub mrn: String,
    /// Date of birth.
    pub born: String,
    /// `F` or `M`.
    pub sex: &'static str,
}

const HEADS: [&str; 40] = [
    "Al", "Bar", "Ber", "Cam", "Car", "Cor", "Dan", "Del", "Dor", "El", "Fal", "Fer", "Gal", "Gor", "Hal", "Har",
    "Jan", "Kal", "Kor", "Lan", "Lor", "Mar", "Mor", "Nal", "Nor", "Or", "Pal", "Per", "Quin", "Ral", "Ros", "Sal",
    "Ser", "Tal", "Tor", "Ul", "Val", "Ver", "Wal", "Zan",
];
const MIDDLES: [&str; 30] = [
    "a", "ade", "ami", "ane", "ari", "ave", "e", "eda", "eli", "ena", "era", "i", "ica", "ide", "ila", "ima", "ina",
    "ira", "o", "oda", "oli", "ome", "ona", "ora", "u", "ube", "ula", "una", "ura", "eo",
];
const TAILS: [&str; 24] = [
    "berg", "bra", "cio", "dez", "do", "dson", "feld", "ga", "gro", "kov", "ler", "li", "man", "mont", "nez", "ni",
    "quist", "res", "ro", "son", "ta", "tino", "vez", "ward",
];

impl Person {
    /// The next person of these dice; `number` makes the record number unique.
    pub fn next(dice: &mut Dice, number: usize) -> Self {
        let family = format!("{}{}{}", dice.pick(&HEADS), dice.pick(&MIDDLES), dice.pick(&TAILS));
        let mut given = format!("{}{}", dice.pick(&HEADS), dice.pick(&MIDDLES));
        if dice.below(3) == 0 {
            given = format!("{given} {}{}", dice.pick(&HEADS), dice.pick(&TAILS));
        }
        let born = format!("{}-{:02}-{:02}", 1930 + dice.below(95), 1 + dice.below(12), 1 + dice.below(28));
        Self { family, given, mrn: format!("BM{number:08}"), born, sex: *dice.pick(&["F", "M"]) }
    }

    /// The body that creates this person: eight sealed values.
    pub fn body(&self) -> Map<String, Value> {
        let body = json!({
            "family_name": self.family,
            "given_names": self.given,
            "preferred_name": self.given.split(' ').next(),
            "suffix": "Jr.",
            "mrn": self.mrn,
            "birth_date": self.born,
            "gender_identity": "not disclosed",
            "pronouns": "they/them",
            "sex": self.sex,
            "preferred_language": "en",
            "race_codes": ["2106-3"],
        });
        body.as_object().cloned().unwrap_or_default()
    }

    /// The words a search may find this person by, in lower case.
    pub fn words(&self) -> impl Iterator<Item = String> {
        let words = format!("{} {}", self.family, self.given).to_lowercase();
        words.split(' ').map(str::to_owned).collect::<Vec<_>>().into_iter()
    }
}
