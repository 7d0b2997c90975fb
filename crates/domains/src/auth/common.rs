//! Passwords that are guessed first, told without asking anyone: a list of our own of the words they are made of.
//!
//! Lists of leaked passwords hold hundreds of millions of entries; nearly all that are long enough for a tenant's rules
//! are some common words with digits and punctuation. This finds those, and misses what was leaked and is otherwise
//! good.

use std::{collections::HashSet, sync::LazyLock};
use unicode_normalization::UnicodeNormalization as _;

static WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let lines = include_str!("common_passwords.txt").lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_whitespace).collect()
});

/// Longest word looked for.
const LONGEST: usize = 26;

/// Whether a password is made of nothing but common words, the words of `own` (names of the person and the
/// organization), runs of one letter, digits and punctuation.
pub fn is_common(password: &str, own: &[&str]) -> bool {
    let own = own_words(own);
    made_of_words(&letters(password, false), &own) || made_of_words(&letters(password, true), &own)
}

/// The words in names of the person and the place.
fn own_words(own: &[&str]) -> HashSet<String> {
    own.iter()
        .flat_map(|text| {
            let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|part| part.chars().count() > 2);
            let plain = |part| letters(part, false).into_iter().map(|(letter, _)| char::from(letter)).collect();
            parts.map(plain).filter(|word: &String| !word.contains('?')).collect::<Vec<_>>()
        })
        .collect()
}

/// Where common words, and those of `own`, stand in a password: from which character to before which.
pub fn words_in(password: &str, own: &[&str]) -> Vec<(usize, usize)> {
    let own = own_words(own);
    let as_letter = |c: char, spelt: bool| match letters(&c.to_string(), spelt).first() {
        Some((letter, _)) => char::from(*letter),
        None => '?',
    };
    let mut found = Vec::new();
    for spelt in [false, true] {
        let text: String = password.chars().map(|c| as_letter(c, spelt)).collect();
        for from in 0..text.len() {
            for to in from + 3..=text.len().min(from + LONGEST) {
                if WORDS.contains(&text[from..to]) || own.contains(&text[from..to]) {
                    found.push((from, to));
                }
            }
        }
    }
    found
}

/// The letters of a text in lower case without accents, and whether each was a digit or sign read as the letter it
/// stands for, which only `spelt` does.
fn letters(text: &str, spelt: bool) -> Vec<(u8, bool)> {
    let read = |c: char| match c {
        '0' => Some(b'o'),
        '1' | '!' | '|' => Some(b'i'),
        '3' => Some(b'e'),
        '4' | '@' => Some(b'a'),
        '5' | '$' => Some(b's'),
        '7' => Some(b't'),
        '8' => Some(b'b'),
        _ => None,
    };
    let letter = |c: char| match (read(c).filter(|_| spelt), u8::try_from(c)) {
        (Some(stands_for), _) => Some((stands_for, true)),
        (None, Ok(ascii)) if ascii.is_ascii_lowercase() => Some((ascii, false)),
        // A letter of another script is in no word of the list; one sign stands for all of them.
        (None, _) => c.is_alphabetic().then_some((b'?', false)),
    };
    text.nfd().flat_map(char::to_lowercase).filter_map(letter).collect()
}

/// Whether the whole text can be cut into words of the list, digits and signs between them left out.
fn made_of_words(text: &[(u8, bool)], own: &HashSet<String>) -> bool {
    let plain: String = text.iter().map(|(letter, _)| char::from(*letter)).collect();
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for (from, (_, is_sign)) in text.iter().enumerate() {
        if !reached[from] {
            continue;
        }
        reached[from + 1] |= is_sign;
        for to in from + 1..=text.len().min(from + LONGEST) {
            let word = &plain[from..to];
            let run = word.len() > 2 && word.bytes().all(|b| b == word.as_bytes()[0] && b != b'?');
            reached[to] |= run || WORDS.contains(word) || own.contains(word);
        }
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guessed_first_is_found_in_whatever_dress() {
        for common in [
            "password1234567",
            "P@ssw0rd-P@ssw0rd!",
            "Summer2026Welcome!",
            "Contraseña-2026-!",
            "qwertyuiopasdfghjkl1",
            "123456789012345",
            "aaaaaaaaaaaaaaaaaa",
            "ILoveYouForever2024",
            "SenhaHospital#2025",
        ] {
            assert!(is_common(common, &[]), "{common}");
        }
        for good in [
            "Correct-Horse-7-Battery",
            "the quick brown fox jumps",
            "vT9#kkQz2!mmLp4w",
            "мой пароль очень длинный",
            "長い秘密の合言葉です十五文字以上",
        ] {
            assert!(!is_common(good, &[]), "{good}");
        }
    }

    #[test]
    fn names_of_the_person_and_the_place_are_no_secret() {
        let own = ["ada.okafor@valley.example", "Ada Okafor", "Valley Records Clinic"];
        assert!(is_common("Okafor-Valley-2026!", &own));
        assert!(!is_common("Okafor-Valley-2026!", &[]));
        assert!(!is_common("долгий пароль из слов", &["Иван"]));
    }
}
