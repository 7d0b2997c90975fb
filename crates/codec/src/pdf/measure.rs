//! How wide text is, and whether the font can show it.

use rustybuzz::ttf_parser::Face;
use std::fmt;

/// A character that the font has no picture of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unprintable(pub char);

impl fmt::Display for Unprintable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The letter {} (U+{:04X}) cannot be printed", self.0, u32::from(self.0))
    }
}

/// The fonts, to measure with.
pub(super) struct Faces {
    faces: [Face<'static>; 2],
}

impl Faces {
    /// The fonts that are part of this crate.
    pub(super) fn load() -> Result<Self, Unprintable> {
        let face = |bytes: &'static [u8]| Face::parse(bytes, 0).map_err(|_| Unprintable(char::REPLACEMENT_CHARACTER));
        Ok(Self { faces: [face(super::REGULAR)?, face(super::BOLD)?] })
    }

    /// Whether all of a text can be shown. What joins letters is no letter.
    pub(super) fn check(&self, text: &str) -> Result<(), Unprintable> {
        let silent = |c: char| c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}');
        let known = |c: &char| silent(*c) || self.faces.iter().all(|face| face.glyph_index(*c).is_some());
        text.chars().find(|c| !known(c)).map_or(Ok(()), |c| Err(Unprintable(c)))
    }

    /// Width of a text in points.
    pub(super) fn width(&self, text: &str, size: f32, bold: bool) -> f32 {
        let face = &self.faces[usize::from(bold)];
        let advance = |c: char| face.glyph_index(c).and_then(|glyph| face.glyph_hor_advance(glyph)).unwrap_or_default();
        let units: u32 = text.chars().map(|c| u32::from(advance(c))).sum();
        #[allow(clippy::cast_precision_loss, reason = "units of a line of text")]
        let units = units as f32;
        units * size / f32::from(face.units_per_em())
    }

    /// A text in lines no wider than a width.
    pub(super) fn lines(&self, text: &str, width: f32, size: f32, bold: bool) -> Result<Vec<String>, Unprintable> {
        self.check(text)?;
        let fits = |text: &str| self.width(text, size, bold) <= width;
        let mut lines = Vec::new();
        for paragraph in text.split('\n') {
            let mut line = String::new();
            for word in paragraph.split_whitespace() {
                let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
                if fits(&longer) {
                    line = longer;
                    continue;
                }
                if !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                }
                // A word that is too wide breaks where it must.
                for c in word.chars() {
                    line.push(c);
                    if !fits(&line) && line.chars().count() > 1 {
                        line.pop();
                        lines.push(std::mem::replace(&mut line, c.to_string()));
                    }
                }
            }
            lines.push(line);
        }
        Ok(lines)
    }
}
