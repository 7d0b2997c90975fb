//! The two faces that documents are set in, how wide a text is, and where a line ends. They hold Latin, Greek and Cyrillic; any
//! other letter is shown as U+FFFD, so that a reader sees that one is missing.

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::{FontRef, MetadataProvider as _, instance::LocationRef, instance::Size};
use std::{collections::HashMap, sync::LazyLock};
use unicode_normalization::UnicodeNormalization as _;

/// What stands for a letter that the faces lack.
const MISSING: char = '\u{FFFD}';

static PLAIN: LazyLock<Face> = LazyLock::new(|| Face::load(include_bytes!("fonts/DejaVuSans.ttf")));
static BOLD: LazyLock<Face> = LazyLock::new(|| Face::load(include_bytes!("fonts/DejaVuSans-Bold.ttf")));

/// A face with its letters.
pub(super) struct Face {
    pub(super) font: Font,
    /// Glyph and advance in parts of the size.
    letters: HashMap<char, (GlyphId, f32)>,
}

/// The plain or the bold face.
pub(super) fn face(bold: bool) -> &'static Face {
    if bold { &BOLD } else { &PLAIN }
}

impl Face {
    fn load(bytes: &'static [u8]) -> Self {
        let read = FontRef::new(bytes).expect("the fonts come with the program");
        let font = Font::new(bytes.into(), 0).expect("the fonts come with the program");
        let advances = read.glyph_metrics(Size::unscaled(), LocationRef::default());
        let units = font.units_per_em();
        let letter = |(code, glyph): (u32, skrifa::GlyphId)| {
            let advance = advances.advance_width(glyph)? / units;
            Some((char::from_u32(code)?, (GlyphId::new(glyph.to_u32()), advance)))
        };
        Self { letters: read.charmap().mappings().filter_map(letter).collect(), font }
    }

    fn letter(&self, letter: char) -> (GlyphId, f32) {
        let found = self.letters.get(&letter).or_else(|| self.letters.get(&MISSING));
        found.copied().unwrap_or((GlyphId::new(0), 0.5))
    }

    /// Points that a text of this size takes.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|c| self.letter(c).1).sum::<f32>() * size
    }

    /// The glyphs of a text that [`clean`] made.
    pub(super) fn glyphs(&self, text: &str) -> Vec<KrillaGlyph> {
        let glyph = |(at, c): (usize, char)| {
            let (id, advance) = self.letter(c);
            KrillaGlyph::new(id, advance, 0.0, 0.0, 0.0, at..at + c.len_utf8(), None)
        };
        text.char_indices().map(glyph).collect()
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
                    if !line.is_empty() && self.width(&line, size) + self.letter(letter).1 * size > width {
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
        c if PLAIN.letters.contains_key(&c) => c,
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
        assert_eq!(clean("学校 😀"), "\u{FFFD}\u{FFFD} \u{FFFD}");
        assert!(PLAIN.letters.contains_key(&MISSING) && BOLD.letters.contains_key(&MISSING));
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
