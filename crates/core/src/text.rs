//! Normal forms of text that is compared or searched after sealing. The blind index of two spellings is equal
//! exactly when these functions make them equal, so a change here needs a re-index.

use std::fmt::Write as _;
use unicode_normalization::{
    UnicodeNormalization as _,
    char::{canonical_combining_class, is_combining_mark},
};

/// Letters and digits of `s` without accents and case, words parted by one space: `"  Müller-LÜDENSCHEIDT "` becomes
/// `"muller ludenscheidt"`, `"Nguyễn"` `"nguyen"`, and `"Παπαδόπουλος"` `"παπαδοπουλοσ"`. Compatibility forms are one
/// (Unicode NFKD); vowel signs and voicing marks, without which a word is another one, stay.
#[must_use]
pub fn fold(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    // Composed at the end: Hangul syllables and voiced kana are letters, not what they decompose to.
    for c in s.chars().flat_map(undecomposed).nfkd().filter(|c| !is_accent(*c)).nfc() {
        match c {
            // An apostrophe joins (O'Brien is searched as obrien), and so do marks that are not seen.
            '\'' | '’' | '‘' | 'ʻ'..='ʿ' | '\u{ad}' | '\u{640}' | '\u{200c}' | '\u{200d}' => {}
            'ς' => out.push('σ'),
            c if c.is_alphanumeric() || is_combining_mark(c) => out.extend(c.to_lowercase()),
            _ if out.is_empty() || out.ends_with(' ') => {}
            _ => out.push(' '),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Whether a mark only adorns its letter: strokes, Hebrew and Arabic points, and accents, by its combining class. The
/// classes between are vowels, tones and voicing of other scripts.
fn is_accent(c: char) -> bool {
    matches!(canonical_combining_class(c), 1 | 10..=36 | 200..)
}

/// The plain letters for those that Unicode does not decompose; everything else as it is.
fn undecomposed(c: char) -> impl Iterator<Item = char> {
    let base: &str = match c {
        'Æ' | 'æ' => "ae",
        'Ɓ' | 'ɓ' => "b",
        'Ð' | 'ð' | 'Đ' | 'đ' | 'Ɗ' | 'ɗ' => "d",
        'Ħ' | 'ħ' => "h",
        'ı' => "i",
        'Ƙ' | 'ƙ' => "k",
        'Ł' | 'ł' | 'Ŀ' | 'ŀ' => "l",
        'Ø' | 'ø' => "o",
        'Œ' | 'œ' => "oe",
        'ß' | 'ẞ' => "ss",
        'Ŧ' | 'ŧ' => "t",
        'Þ' | 'þ' => "th",
        'Ƴ' | 'ƴ' => "y",
        _ => return Either::One(std::iter::once(c)),
    };
    Either::Many(base.chars())
}

/// What [`fold`] made of a text in its first form, which knew accents of Latin-1 and Latin Extended-A only. What is
/// indexed by it is found no more, and is only taken away.
#[must_use]
pub fn fold_before(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for c in s.chars().flat_map(unaccent) {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if (c == '\'' || c == '’') || out.is_empty() || out.ends_with(' ') {
            // As in the form that followed.
        } else {
            out.push(' ');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Whether a letter is of a script that is written without spaces between words and in which one sign is much of a
/// name: Han, kana, bopomofo, Hangul.
#[must_use]
pub fn is_ideographic(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{11ff}' | '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}'
        | '\u{3041}'..='\u{3096}' | '\u{3099}'..='\u{309a}' | '\u{309d}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'..='\u{318e}' | '\u{31a0}'..='\u{31bf}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
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

/// The base letter of an accented Latin letter of Latin-1 or Latin Extended-A, as [`fold_before`] saw it.
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
    fn folds_names_of_other_scripts() {
        for (written, folded) in [
            ("Nguyễn", "nguyen"),
            ("Nguye\u{302}\u{303}n", "nguyen"),
            ("Đặng Thị Ngọc", "dang thi ngoc"),
            ("Șerban Țîrle", "serban tirle"),
            ("Ḥasan ʿAlī", "hasan ali"),
            ("ΠΑΠΑΔΟΠΟΥΛΟΣ", "παπαδοπουλοσ"),
            ("Παπαδόπουλος", "παπαδοπουλοσ"),
            ("Фёдор", "федор"),
            ("مُحَمَّد", "محمد"),
            ("שָׁלוֹם", "שלום"),
            ("ﬁ Ｓｉｌｖａ", "fi silva"),
            ("Straße ẞ", "strasse ss"),
            ("Łódź Ŀl", "lodz ll"),
            ("İsmail Işık", "ismail isik"),
            ("김민수", "김민수"),
            ("がぎ ｶﾞ", "がぎ ガ"),
            ("क्षेत्री", "क्षेत्री"),
        ] {
            assert_eq!(fold(written), folded, "{written}");
            assert_eq!(fold(folded), folded, "{folded} is folded already");
        }
    }

    #[test]
    fn what_both_forms_know_is_folded_alike() {
        let known = |c: &char| unaccent(*c).collect::<String>() != c.to_string();
        for c in ('\u{a0}'..='\u{17f}').filter(known) {
            let word = format!("Ab{c}cd");
            assert_eq!(fold(&word), fold_before(&word), "{c}");
        }
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
