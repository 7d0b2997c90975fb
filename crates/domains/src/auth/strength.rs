//! How hard a password is to guess, from 0 to 4 as `min_password_score` counts: by an estimate of the guesses that
//! somebody needs who tries likely things first.
//!
//! The estimate is our own and simple. A run of a common word, a year, a repetition or a row of neighbours counts as one
//! choice out of a list; every other character counts as one out of its kind. It overrates passwords that are sayings.

use super::common::words_in;

/// Decimal orders of guesses from which each score begins: 1 at a thousand, 4 at ten thousand million.
const STEPS: [f64; 4] = [3.0, 6.0, 8.0, 10.0];
/// Guesses (as a power of ten) that a word of the list stands for: some thousands, in some spellings.
const WORD: f64 = 4.3;
/// The same for a run of one sign or of neighbours such as 1234: where it starts, and how long it is.
const RUN: f64 = 1.8;

/// A year, and a word that stood there before.
const YEAR: f64 = 2.0;
const AGAIN: f64 = 0.6;

/// The score of a password for a person and place of these names.
pub fn score(password: &str, own: &[&str]) -> u8 {
    let exponent = guesses(password, own);
    u8::try_from(STEPS.iter().filter(|step| exponent >= **step).count()).unwrap_or(4)
}

fn guesses(password: &str, own: &[&str]) -> f64 {
    let text: Vec<char> = password.chars().collect();
    let words = words_in(password, own);
    let (mut total, mut at, mut seen) = (0.0, 0, Vec::new());
    while at < text.len() {
        let run = run_length(&text[at..]);
        if run >= 4 {
            total += RUN;
            at += run;
            continue;
        }
        if let Some((_, end)) = words.iter().filter(|(from, _)| *from == at).max_by_key(|(_, end)| *end) {
            let word = text[at..*end].iter().collect::<String>().to_lowercase();
            total += if seen.contains(&word) { AGAIN } else { WORD };
            seen.push(word);
            at = *end;
            continue;
        }
        if is_year(&text[at..]) {
            total += YEAR;
            at += 4;
            continue;
        }
        total += kind(text[at]).log10();
        at += 1;
    }
    total
}

/// Whether four digits from here are a year that somebody remembers.
fn is_year(text: &[char]) -> bool {
    matches!(text, ['1', '9', a, b, ..] | ['2', '0', a, b, ..] if a.is_ascii_digit() && b.is_ascii_digit())
}

/// How many characters from here are the same, or each the next or the one before.
fn run_length(text: &[char]) -> usize {
    let step = |pair: &[char]| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0]));
    let Some(first) = text.get(..2).map(step).filter(|s| s.abs() <= 1) else { return 1 };
    1 + text.windows(2).take_while(|pair| step(pair) == first).count()
}

/// How many signs of this kind there are to choose from.
fn kind(c: char) -> f64 {
    match c {
        '0'..='9' => 10.0,
        'a'..='z' | 'A'..='Z' => 26.0,
        c if c.is_ascii() => 33.0,
        _ => 100.0,
    }
}

#[cfg(test)]
mod tests {
    use super::score;

    #[test]
    fn what_is_guessed_soon_scores_low() {
        for (password, own, expected) in [
            ("", &[][..], 0),
            ("aaaaaaaaaaaaaaaa", &[], 0),
            ("12345678", &[], 0),
            ("password", &[], 1),
            ("Password2026", &[], 2),
            ("okafor-okafor", &["Ada Okafor"], 2),
            ("k7#pQz9!vL2m", &[], 4),
            ("Correct-Horse-7-Battery", &[], 4),
        ] {
            assert_eq!(score(password, own), expected, "{password}");
        }
        assert!(score("Okafor77", &["Ada Okafor"]) < score("Okafor77", &[]), "one's own name is no secret");
    }
}
