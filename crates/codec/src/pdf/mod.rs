//! Paper: headings, paragraphs and tables laid out on pages and written as PDF. Parts of a document each begin on a page of their
//! own and count their pages, so that a batch of letters is one file.
//!
//! The same input gives the same bytes. Text that the font cannot show is refused with the character ([`Unprintable`]) instead of a
//! box in its place. No text stands in the file's own description but title and language. Lines break at spaces; a word that is
//! wider than its column breaks where it must.

mod lay;
mod measure;

use krilla::{
    Document,
    geom::{PathBuilder, Point},
    metadata::Metadata,
    num::NormalizedF32,
    page::PageSettings,
    paint::Stroke,
    text::{Font, TextDirection},
};
use salus_core::{Error, Result};

pub use measure::Unprintable;

/// A size of paper in points (1/72 inch).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paper {
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

impl Paper {
    /// US letter, upright.
    pub const LETTER: Self = Self { width: 612.0, height: 792.0 };
    /// US letter, lying.
    pub const LETTER_WIDE: Self = Self { width: 792.0, height: 612.0 };
}

/// What follows from top to bottom.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// The line that says what this is.
    Title(String),
    /// A line over what follows; it is not left alone at the foot of a page.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// A paragraph in small letters.
    Small(String),
    /// Lines with a dot before each.
    List(Vec<String>),
    /// Empty lines.
    Space(u8),
    /// Rows in columns; heads stand again on each page.
    Table {
        /// Share of each column in the width.
        shares: Vec<f32>,
        /// Heads of the columns.
        heads: Vec<String>,
        /// Rows; a row that does not fit goes to the next page as a whole.
        rows: Vec<Vec<String>>,
    },
}

/// What begins on a page of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// From top to bottom.
    pub blocks: Vec<Block>,
    /// At the foot of each of its pages, before the number of the page.
    pub foot: String,
}

/// A document.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheets {
    /// Title in the file's description: no name of a person.
    pub title: String,
    /// BCP 47.
    pub language: String,
    /// Size of the pages.
    pub paper: Paper,
    /// From first to last.
    pub parts: Vec<Part>,
}

const REGULAR: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans.ttf");
const BOLD: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans-Bold.ttf");

/// The first character of a text that cannot be printed; none when all can.
#[must_use]
pub fn unprintable(text: &str) -> Option<Unprintable> {
    measure::Faces::load().and_then(|faces| faces.check(text)).err()
}

/// Writes a document.
///
/// # Errors
/// [`Error::Invalid`] on `text` when a character cannot be printed; [`Error::Internal`] when the file cannot be made.
pub fn write(sheets: &Sheets) -> Result<Vec<u8>> {
    let refused = |u: Unprintable| Error::invalid("text", "unprintable", u.to_string());
    let faces = measure::Faces::load().map_err(refused)?;
    let font = |bytes: &'static [u8]| Font::new(bytes.to_vec().into(), 0).ok_or_else(|| Error::internal("no font"));
    let fonts = [font(REGULAR)?, font(BOLD)?];
    let mut document = Document::new();
    document.set_metadata(Metadata::new().title(sheets.title.clone()).language(sheets.language.clone()));
    let size = PageSettings::from_wh(sheets.paper.width, sheets.paper.height);
    let size = size.ok_or_else(|| Error::internal("paper without a size"))?;
    for part in &sheets.parts {
        let pages = lay::pages(part, sheets.paper, &faces).map_err(refused)?;
        for page in pages {
            let mut sheet = document.start_page_with(size.clone());
            let mut surface = sheet.surface();
            for run in &page.runs {
                let font = fonts[usize::from(run.bold)].clone();
                surface.draw_text(Point::from_xy(run.x, run.y), font, run.size, &run.text, false, TextDirection::Auto);
            }
            surface.set_stroke(Some(Stroke { width: 0.6, opacity: NormalizedF32::ONE, ..Stroke::default() }));
            surface.set_fill(None);
            for rule in &page.rules {
                let mut path = PathBuilder::new();
                path.move_to(rule.from, rule.y);
                path.line_to(rule.to, rule.y);
                if let Some(path) = path.finish() {
                    surface.draw_path(&path);
                }
            }
            surface.finish();
            sheet.finish();
        }
    }
    document.finish().map_err(|e| Error::internal(format!("the PDF cannot be made: {e:?}")))
}

/// What a page says, line by line from the top: for tests of what is laid out.
///
/// # Errors
/// As [`write()`].
pub fn text(sheets: &Sheets) -> Result<Vec<String>> {
    let refused = |u: Unprintable| Error::invalid("text", "unprintable", u.to_string());
    let faces = measure::Faces::load().map_err(refused)?;
    let mut all = Vec::new();
    for part in &sheets.parts {
        for page in lay::pages(part, sheets.paper, &faces).map_err(refused)? {
            all.push(page.runs.iter().map(|run| run.text.as_str()).collect::<Vec<_>>().join("\n"));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheets(parts: Vec<Part>) -> Sheets {
        Sheets { title: "Letters".into(), language: "es".into(), paper: Paper::LETTER, parts }
    }

    fn part(blocks: Vec<Block>) -> Part {
        Part { blocks, foot: "Larkspur".into() }
    }

    #[test]
    fn each_part_has_pages_of_its_own_and_the_same_input_the_same_bytes() {
        let all = sheets(vec![
            part(vec![Block::Title("Aviso".into()), Block::Text("Ñandú, João, Nguyễn".into())]),
            part(vec![Block::Text("Second".into())]),
        ]);
        let bytes = write(&all).unwrap();
        assert!(bytes.starts_with(b"%PDF-"), "{:?}", &bytes[..8]);
        assert_eq!(bytes, write(&all).unwrap());
        let said = text(&all).unwrap();
        assert_eq!(said.len(), 2);
        assert!(said[0].contains("Ñandú, João, Nguyễn") && said[0].contains("Larkspur · 1 / 1"), "{said:?}");
    }

    #[test]
    fn a_long_table_goes_on_with_its_heads_and_no_row_is_lost() {
        let rows: Vec<Vec<String>> = (0..200).map(|n| vec![format!("row-{n}"), "a dose".repeat(n % 9)]).collect();
        let table = Block::Table { shares: vec![1.0, 3.0], heads: vec!["Which".into(), "What".into()], rows };
        let said = text(&sheets(vec![part(vec![Block::Heading("All".into()), table])])).unwrap();
        assert!(said.len() > 3, "{} pages", said.len());
        assert!(said.iter().all(|page| page.contains("Which")), "heads on each page");
        let whole = said.join("\n");
        for n in 0..200 {
            assert_eq!(whole.lines().filter(|line| *line == format!("row-{n}")).count(), 1, "row {n}");
        }
        assert!(said.last().unwrap().contains(&format!("{0} / {0}", said.len())));
    }

    #[test]
    fn a_word_wider_than_the_page_breaks_and_nothing_leaves_it() {
        let long = "x".repeat(400);
        let said = text(&sheets(vec![part(vec![Block::Text(long.clone())])])).unwrap();
        let printed: String = said[0].lines().filter(|line| line.starts_with('x')).collect();
        assert_eq!(printed, long);
    }

    #[test]
    fn what_the_font_cannot_show_is_refused_with_the_character() {
        let found = unprintable("Li 李").unwrap();
        assert_eq!(found.to_string(), "The letter 李 (U+674E) cannot be printed");
        assert!(unprintable("Ann\u{200d}").is_none() && unprintable("Łucja Øyvind").is_none());
        let refused = write(&sheets(vec![part(vec![Block::Text("李".into())])])).unwrap_err();
        assert!(matches!(&refused, Error::Invalid(fields) if fields[0].code == "unprintable"), "{refused}");
    }
}
