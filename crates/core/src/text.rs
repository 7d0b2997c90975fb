//! Normal forms of text that is compared or searched after sealing. The blind index of two spellings is equal
//! exactly when these functions make them equal, so a change here needs a re-index.

use std::fmt::Write as _;

/// Lower-case letters and digits of `s` without accents, words parted by one space.
/// `"  Müller-LÜDENSCHEIDT "` becomes `"muller ludenscheidt"`.
#[must_use]
pub fn fold(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for c in s.chars().flat_map(unaccent) {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if (c == '\'' || c == '’') || out.is_empty() || out.ends_with(' ') {
            // An apostrophe joins (O'Brien is searched as obrien); repeated separators are one.
        } else {
            out.push(' ');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Letters and digits of an identifier in upper case: `"ab-12 3"` becomes `"AB123"`.
#[must_use]
pub fn identifier(s: &str) -> String {
    s.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

/// A telephone number as its digits with country code where one was written: `"+55 (11) 98765-4321"` becomes
/// `"+5511987654321"`. Without a `+` the digits stand as they are, less a leading international `00`.
#[must_use]
pub fn phone(s: &str) -> String {
    let digits: String = s.chars().filter(char::is_ascii_digit).collect();
    let mut out = String::with_capacity(digits.len() + 1);
    match digits.strip_prefix("00") {
        Some(rest) => {
            let _ = write!(out, "+{rest}");
        }
        None if s.trim_start().starts_with('+') => {
            let _ = write!(out, "+{digits}");
        }
        None => out = digits,
    }
    out
}

/// A mail address, trimmed and in lower case.
#[must_use]
pub fn email(s: &str) -> String {
    s.trim().to_lowercase()
}

/// The first five letters or digits of a postal code, upper case.
#[must_use]
pub fn postal(s: &str) -> String {
    identifier(s).chars().take(5).collect()
}

/// The base letter of an accented Latin letter; everything else as it is. Covers Latin-1, Latin Extended-A and
/// combining marks, which the names of the three shipped languages and their neighbours use.
fn unaccent(c: char) -> impl Iterator<Item = char> {
    let base: &str = match c {
        '\u{300}'..='\u{36f}' => "",
        'À'..='Å' | 'Ā' | 'Ă' | 'Ą' => "A",
        'à'..='å' | 'ā' | 'ă' | 'ą' | 'ª' => "a",
        'Æ' => "AE",
        'æ' => "ae",
        'Ç' | 'Ć' | 'Ĉ' | 'Ċ' | 'Č' => "C",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'Ð' | 'Ď' | 'Đ' => "D",
        'ð' | 'ď' | 'đ' => "d",
        'È'..='Ë' | 'Ē' | 'Ĕ' | 'Ė' | 'Ę' | 'Ě' => "E",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'Ĝ' | 'Ğ' | 'Ġ' | 'Ģ' => "G",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'Ì'..='Ï' | 'Ĩ' | 'Ī' | 'Ĭ' | 'Į' | 'İ' => "I",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'Ĺ' | 'Ļ' | 'Ľ' | 'Ŀ' | 'Ł' => "L",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'Ñ' | 'Ń' | 'Ņ' | 'Ň' => "N",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'Ò'..='Ö' | 'Ø' | 'Ō' | 'Ŏ' | 'Ő' => "O",
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' | 'º' => "o",
        'Œ' => "OE",
        'œ' => "oe",
        'Ŕ' | 'Ŗ' | 'Ř' => "R",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'Ś' | 'Ŝ' | 'Ş' | 'Š' | 'Ș' => "S",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'Ţ' | 'Ť' | 'Ŧ' | 'Ț' => "T",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'Ù'..='Ü' | 'Ũ' | 'Ū' | 'Ŭ' | 'Ů' | 'Ű' | 'Ų' => "U",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'Ý' | 'Ÿ' | 'Ŷ' => "Y",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'Ź' | 'Ż' | 'Ž' => "Z",
        'ź' | 'ż' | 'ž' => "z",
        'Þ' => "Th",
        'þ' => "th",
        _ => return Either::One(std::iter::once(c)),
    };
    Either::Many(base.chars())
}

enum Either<'a> {
    One(std::iter::Once<char>),
    Many(std::str::Chars<'a>),
}

impl Iterator for Either<'_> {
    type Item = char;
    fn next(&mut self) -> Option<char> {
        match self {
            Self::One(c) => c.next(),
            Self::Many(cs) => cs.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_names_as_people_type_them() {
        assert_eq!(fold("  Müller-LÜDENSCHEIDT "), "muller ludenscheidt");
        assert_eq!(fold("José  da  Conceição"), "jose da conceicao");
        assert_eq!(fold("O'Brien"), "obrien");
        assert_eq!(fold("Jose\u{301}"), "jose");
        assert_eq!(fold("李 雷"), "李 雷");
        assert_eq!(fold("--"), "");
    }

    #[test]
    fn normalises_identifiers() {
        assert_eq!(identifier("ab-12 3"), "AB123");
        assert_eq!(phone("+55 (11) 98765-4321"), "+5511987654321");
        assert_eq!(phone("0055 11 98765 4321"), "+5511987654321");
        assert_eq!(phone("(620) 298-2781"), "6202982781");
        assert_eq!(email(" A@B.Org "), "a@b.org");
        assert_eq!(postal("66801-2504"), "66801");
    }
}
