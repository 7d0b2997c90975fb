//! The two faces that documents are set in, how wide a text is, and where a line ends. They hold Latin, Greek, Cyrillic, Hebrew and
//! Arabic; any other letter is shown as U+FFFD, so that a reader sees that one is missing, or refused before ([`unprintable`]).

use krilla::text::Font;
use rustybuzz::ttf_parser;
use std::{fmt, sync::LazyLock};
use unicode_normalization::UnicodeNormalization as _;

/// What stands for a letter that the faces lack.
const MISSING: char = '\u{FFFD}';

static FACES: LazyLock<[Face; 2]> = LazyLock::new(|| {
    [include_bytes!("fonts/DejaVuSans.ttf").as_slice(), include_bytes!("fonts/DejaVuSans-Bold.ttf")].map(Face::load)
});

/// A face with its letters.
pub(super) struct Face {
    pub(super) font: Font,
    read: ttf_parser::Face<'static>,
}

/// The plain or the bold face.
pub(super) fn face(bold: bool) -> &'static Face {
    &FACES[usize::from(bold)]
}

/// A character that the faces have no picture of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unprintable(pub char);

impl fmt::Display for Unprintable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The letter {} (U+{:04X}) cannot be printed", self.0, u32::from(self.0))
    }
}

/// The first character of a text that cannot be printed; none when all can.
#[must_use]
pub fn unprintable(text: &str) -> Option<Unprintable> {
    text.chars().find(|c| !c.is_whitespace() && !is_known(*c)).map(Unprintable)
}

/// Whether a character has a picture. What joins letters is no letter and needs none.
fn is_known(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}') || FACES.iter().all(|face| face.read.glyph_index(c).is_some())
}

impl Face {
    fn load(bytes: &'static [u8]) -> Self {
        let read = ttf_parser::Face::parse(bytes, 0).expect("the fonts come with the program");
        let font = Font::new(bytes.into(), 0).expect("the fonts come with the program");
        Self { font, read }
    }

    /// How far a letter goes, in parts of the size.
    fn advance(&self, letter: char) -> f32 {
        let units = self.read.glyph_index(letter).and_then(|glyph| self.read.glyph_hor_advance(glyph));
        f32::from(units.unwrap_or_default()) / f32::from(self.read.units_per_em())
    }

    /// Points that a text of this size takes.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|c| self.advance(c)).sum::<f32>() * size
    }

    /// A text in lines that are no wider than this; a word that is wider is cut.
    pub(super) fn lines(&self, text: &str, size: f32, width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in text.split('\n') {
            let mut line = String::new();
            for word in paragraph.split(' ').filter(|w| !w.is_empty()) {
                let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
                if self.width(&longer, size) <= width {
                    line = longer;
                    continue;
                }
                if !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                }
                for letter in word.chars() {
                    if !line.is_empty() && self.width(&line, size) + self.advance(letter) * size > width {
                        lines.push(std::mem::take(&mut line));
                    }
                    line.push(letter);
                }
            }
            lines.push(line);
        }
        lines
    }
}

/// A text as it is set: composed (NFC), without control characters, and with U+FFFD for what the faces lack.
pub(super) fn clean(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' => '\n',
        c if c.is_control() => ' ',
        c if is_known(c) => c,
        _ => MISSING,
    };
    text.nfc().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_our_languages_are_set_and_a_letter_that_is_missing_is_seen() {
        let names = "Zoë Ñuñez Conceição Żółć Αθηνά Иван Nguyễn “–” ≥ ✓";
        assert_eq!(clean(names), names, "composed or not");
        assert_eq!(clean("n\u{303}o"), "ño");
        assert_eq!(clean("a\tb\u{7}"), "a b ");
        assert_eq!(clean("学校 🦀"), "\u{FFFD}\u{FFFD} \u{FFFD}");
        assert!(is_known(MISSING));
    }

    #[test]
    fn what_the_faces_cannot_show_is_told_with_the_character() {
        let found = unprintable("Li 李").unwrap();
        assert_eq!(found.to_string(), "The letter 李 (U+674E) cannot be printed");
        assert!(unprintable("Ann\u{200d}").is_none() && unprintable("Łucja Øyvind").is_none());
    }

    #[test]
    fn a_word_wider_than_a_line_breaks_and_loses_nothing() {
        let long = "x".repeat(400);
        let lines = face(false).lines(&long, 10.0, 500.0);
        assert!(lines.len() > 1);
        assert_eq!(lines.concat(), long);
    }

    #[test]
    fn lines_are_no_wider_than_asked_and_lose_nothing() {
        let text = "Wash hands often.\nPneumonoultramicroscopicsilicovolcanoconiosis is long";
        let lines = face(false).lines(text, 10.0, 80.0);
        assert!(lines.iter().all(|line| face(false).width(line, 10.0) <= 80.0), "{lines:?}");
        let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        assert_eq!(letters(&lines.concat()), letters(text));
        assert_eq!(face(false).lines("", 10.0, 80.0), [""]);
    }
}
