//! A document as its writer describes it, and where on which page everything of it stands. Measures are points (1/72 inch) from
//! the upper left corner.

use super::font::{clean, face, unprintable};
use salus_core::{Error, Result};

/// Distance of what is written from the edges.
const MARGIN: f32 = 54.0;
/// Room for the foot of a page.
const FOOT: f32 = 30.0;
/// Sizes of letters.
const TITLE: f32 = 17.0;
const HEADING: f32 = 12.5;
const TEXT: f32 = 10.0;
const CELL: f32 = 8.5;
const SMALL: f32 = 7.5;
/// From one line to the next, in parts of the size.
const LEADING: f32 = 1.4;
/// Height of a chart, and of its labels.
const CHART: f32 = 130.0;
/// Around what stands in a cell.
const PAD: f32 = 3.0;

/// A document: parts one after the other, each from a page of its own.
#[derive(Debug, Clone)]
pub struct Document {
    /// What it is, without anything of a person: it stands in the metadata.
    pub title: String,
    /// Language tag of most of it.
    pub language: &'static str,
    /// Size of the paper.
    pub page: Page,
    /// When it was made, in UTC.
    pub made_at: time::OffsetDateTime,
    /// The parts, such as one letter each.
    pub parts: Vec<Part>,
}

/// Sizes of paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// 8.5 by 11 inches.
    Letter,
    /// The same, lying.
    LetterWide,
    /// 210 by 297 millimetres.
    A4,
}

/// A part of a document. Its pages are counted by themselves.
#[derive(Debug, Clone)]
pub struct Part {
    /// Language tag: en, es or pt-BR.
    pub language: &'static str,
    /// What stands at the foot of each page, left of its number.
    pub foot: String,
    /// What it holds.
    pub blocks: Vec<Block>,
}

/// A piece of a document.
#[derive(Debug, Clone)]
pub enum Block {
    /// The title.
    Title(String),
    /// A heading.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// A paragraph in small letters.
    Small(String),
    /// A point of a list.
    Point(String),
    /// A table.
    Table(Table),
    /// A chart of bars with what it shows in words.
    Bars {
        /// What it shows, for who does not see it.
        words: String,
        /// The bars from left to right.
        bars: Vec<Bar>,
    },
    /// Empty room of so many lines.
    Room(u8),
}

/// A bar of a chart.
#[derive(Debug, Clone)]
pub struct Bar {
    /// What stands below it.
    pub label: String,
    /// Its height; none for a count that is not told.
    pub count: Option<u32>,
}

impl Document {
    /// Refuses a letter that the fonts lack, in all that is said: for what is better not printed than with one missing.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `text`, naming the letter.
    pub fn refuse_unprintable(&self) -> Result<()> {
        let texts = self.parts.iter().flat_map(|part| part.blocks.iter().flat_map(Block::texts).chain([&*part.foot]));
        match texts.into_iter().find_map(unprintable) {
            Some(letter) => Err(Error::invalid("text", "unprintable", letter.to_string())),
            None => Ok(()),
        }
    }

    /// What each page says, line by line from the top: for tests of what is laid out.
    #[cfg(test)]
    pub(crate) fn texts(&self) -> Vec<String> {
        let page = |laid: &Laid, number: usize| {
            let of_page = laid.pieces.iter().filter(|piece| piece.page == number);
            let said = of_page.filter_map(|piece| match &piece.shape {
                Shape::Text { text, .. } => Some(text.trim_end()),
                Shape::Fill { .. } => None,
            });
            said.collect::<Vec<_>>().join("\n")
        };
        let laid = self.parts.iter().map(|part| lay(part, self.page));
        laid.flat_map(|laid| (0..laid.pages).map(|number| page(&laid, number)).collect::<Vec<_>>()).collect()
    }
}

impl Block {
    fn texts(&self) -> Vec<&str> {
        match self {
            Self::Title(text) | Self::Heading(text) | Self::Text(text) | Self::Small(text) | Self::Point(text) => {
                vec![text]
            }
            Self::Table(table) => table.head.iter().chain(table.rows.iter().flatten()).map(String::as_str).collect(),
            Self::Bars { bars, .. } => bars.iter().map(|bar| bar.label.as_str()).collect(),
            Self::Room(_) => Vec::new(),
        }
    }
}

/// A table.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Heads of the columns; none for facts, whose first column says what the second is.
    pub head: Vec<String>,
    /// Widths of the columns in parts of all; as many as there are columns.
    pub widths: Vec<f32>,
    /// The cells by row.
    pub rows: Vec<Vec<String>>,
}

/// To what of the structure something belongs: block, row and column.
pub(super) type Leaf = (usize, usize, usize);

/// Something on a page.
pub(super) struct Piece {
    pub(super) page: usize,
    pub(super) shape: Shape,
    /// None for what is only an ornament.
    pub(super) of: Option<Leaf>,
}

pub(super) enum Shape {
    Text { x: f32, y: f32, size: f32, bold: bool, text: String },
    Fill { x: f32, y: f32, width: f32, height: f32, grey: u8 },
}

/// A part on its pages.
pub(super) struct Laid {
    pub(super) pieces: Vec<Piece>,
    pub(super) pages: usize,
}

impl Page {
    pub(super) fn size(self) -> (f32, f32) {
        match self {
            Self::Letter => (612.0, 792.0),
            Self::LetterWide => (792.0, 612.0),
            Self::A4 => (595.28, 841.89),
        }
    }
}

/// Where everything of a part stands.
pub(super) fn lay(part: &Part, page: Page) -> Laid {
    let (width, height) = page.size();
    let mut pen = Pen {
        pieces: Vec::new(),
        page: 0,
        y: MARGIN,
        left: MARGIN,
        width: width - 2.0 * MARGIN,
        bottom: height - MARGIN - FOOT,
    };
    for (at, block) in part.blocks.iter().enumerate() {
        pen.block(at, block);
    }
    let pages = pen.page + 1;
    for number in 0..pages {
        pen.foot(number, (pages, height), part);
    }
    Laid { pieces: pen.pieces, pages }
}

/// Writes down the page from its top.
struct Pen {
    pieces: Vec<Piece>,
    page: usize,
    y: f32,
    left: f32,
    width: f32,
    bottom: f32,
}

impl Pen {
    fn block(&mut self, at: usize, block: &Block) {
        match block {
            Block::Title(text) => self.text((at, 0, 0), (text, TITLE, true), 0.0),
            Block::Heading(text) => {
                self.y += HEADING * 0.6;
                // A heading does not stand alone at the end of a page.
                self.room(HEADING * LEADING + 3.0 * TEXT * LEADING);
                self.text((at, 0, 0), (text, HEADING, true), 0.0);
            }
            Block::Text(text) => self.text((at, 0, 0), (text, TEXT, false), 0.0),
            Block::Small(text) => self.text((at, 0, 0), (text, SMALL, false), 0.0),
            Block::Point(text) => {
                self.room(TEXT * LEADING);
                self.put((at, 0, 0), (self.left + 4.0, self.y + TEXT), (TEXT, false), "• ".into());
                self.text((at, 0, 1), (text, TEXT, false), 14.0);
            }
            Block::Table(table) => self.table(at, table),
            Block::Bars { bars, .. } => self.bars(at, bars),
            Block::Room(lines) => self.y += f32::from(*lines) * TEXT * LEADING,
        }
    }

    /// Goes to the next page when so much does not fit on this one.
    fn room(&mut self, height: f32) {
        if self.y + height > self.bottom && self.y > MARGIN {
            self.page += 1;
            self.y = MARGIN;
        }
    }

    fn put(&mut self, of: Leaf, (x, y): (f32, f32), (size, bold): (f32, bool), text: String) {
        self.pieces.push(Piece { page: self.page, shape: Shape::Text { x, y, size, bold, text }, of: Some(of) });
    }

    fn fill(&mut self, of: Option<Leaf>, (x, y, width, height): (f32, f32, f32, f32), grey: u8) {
        self.pieces.push(Piece { page: self.page, shape: Shape::Fill { x, y, width, height, grey }, of });
    }

    /// A paragraph; lines end with a space, so that words stay apart for who reads the structure.
    fn text(&mut self, of: Leaf, (text, size, bold): (&str, f32, bool), indent: f32) {
        for line in face(bold).lines(&clean(text), size, self.width - indent) {
            self.room(size * LEADING);
            if !line.is_empty() {
                self.put(of, (self.left + indent, self.y + size), (size, bold), line + " ");
            }
            self.y += size * LEADING;
        }
        self.y += size * 0.4;
    }

    fn table(&mut self, at: usize, table: &Table) {
        let all: f32 = table.widths.iter().sum::<f32>().max(f32::EPSILON);
        let widths: Vec<f32> = table.widths.iter().map(|part| part / all * self.width).collect();
        let head = (!table.head.is_empty()).then(|| cells(&table.head, &widths, true));
        if let Some(head) = &head {
            let first = table.rows.first().map_or(0, |row| tallest(&cells(row, &widths, false)));
            self.room(line_height(tallest(head)) + line_height(first.min(3)));
            self.row(Some((at, 0)), head, (&widths, true));
        }
        let most = self.most_lines(head.as_ref().map_or(0, |head| tallest(head)));
        for (number, row) in table.rows.iter().enumerate() {
            let row = cells(row, &widths, false);
            // A row that is taller than a page goes on.
            let (tall, mut from) = (tallest(&row), 0);
            while from < tall {
                let some: Vec<Vec<String>> =
                    row.iter().map(|c| c.iter().skip(from).take(most).cloned().collect()).collect();
                let before = self.page;
                self.room(line_height(tallest(&some)));
                if let (true, Some(head)) = (self.page != before, &head) {
                    self.row(None, head, (&widths, true));
                }
                self.row(Some((at, number + 1)), &some, (&widths, false));
                from += most;
            }
        }
        self.y += TEXT * 0.6;
    }

    /// Lines of a cell that fit on a page below the heads.
    fn most_lines(&self, head: usize) -> usize {
        let room = self.bottom - MARGIN - line_height(head) - 2.0 * PAD;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few dozen lines")]
        let lines = (room / (CELL * LEADING)).max(1.0) as usize;
        lines
    }

    /// One row; heads that are repeated on another page belong to nothing.
    fn row(&mut self, of: Option<(usize, usize)>, cells: &[Vec<String>], (widths, bold): (&[f32], bool)) {
        let mut x = self.left;
        let height = line_height(tallest(cells));
        if bold {
            self.fill(None, (self.left, self.y, self.width, height), 236);
        }
        for (column, (lines, width)) in cells.iter().zip(widths).enumerate() {
            let mut y = self.y + PAD;
            for line in lines {
                let text = Shape::Text { x: x + PAD, y: y + CELL, size: CELL, bold, text: format!("{line} ") };
                let leaf = of.map(|(block, row)| (block, row, column));
                if !line.is_empty() {
                    self.pieces.push(Piece { page: self.page, shape: text, of: leaf });
                }
                y += CELL * LEADING;
            }
            x += width;
        }
        self.y += height;
        self.fill(None, (self.left, self.y, self.width, 0.5), 200);
    }

    fn bars(&mut self, at: usize, bars: &[Bar]) {
        self.room(CHART + 2.0 * SMALL * LEADING);
        let most = bars.iter().filter_map(|b| b.count).max().unwrap_or(0).max(1);
        let top = self.y + SMALL * LEADING;
        let base = self.y + CHART;
        #[allow(clippy::cast_precision_loss, reason = "a few hundred bars, of counts below 2^23")]
        let (step, unit) = ((self.width / bars.len().max(1) as f32).min(60.0), (base - top) / most as f32);
        // Labels that would touch each other are left out.
        let widest = bars.iter().map(|b| face(false).width(&clean(&b.label), SMALL)).fold(0.0, f32::max);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small whole number")]
        let every = (((widest + 6.0) / step).ceil() as usize).max(1);
        let mut x = self.left;
        for (number, bar) in bars.iter().enumerate() {
            #[allow(clippy::cast_precision_loss, reason = "counts below 2^23")]
            let height = bar.count.map_or(0.0, |n| n as f32 * unit);
            if height > 0.0 {
                self.fill(Some((at, 0, 0)), (x + step * 0.1, base - height, step * 0.8, height), 96);
            }
            let count = bar.count.map_or_else(|| "–".to_owned(), |n| n.to_string());
            if step >= 10.0 || bar.count == Some(most) {
                self.put((at, 0, 0), (x + step * 0.2, base - height - 2.0), (SMALL, false), count + " ");
            }
            if number % every == 0 {
                self.put((at, 0, 0), (x, base + SMALL * LEADING), (SMALL, false), clean(&bar.label) + " ");
            }
            x += step;
        }
        self.fill(None, (self.left, base, self.width, 0.7), 120);
        self.y = base + 2.2 * SMALL * LEADING;
    }

    fn foot(&mut self, page: usize, (pages, height): (usize, f32), part: &Part) {
        let count = match part.language {
            "es" | "pt-BR" => format!("Página {} de {pages}", page + 1),
            _ => format!("Page {} of {pages}", page + 1),
        };
        let right = face(false).width(&count, SMALL);
        let room = self.width - right - 12.0;
        let lines = face(false).lines(&clean(&part.foot), SMALL, room);
        let mut y = height - MARGIN - FOOT + 2.0 * SMALL;
        let mut line = |x, y, text| {
            let shape = Shape::Text { x, y, size: SMALL, bold: false, text };
            self.pieces.push(Piece { page, shape, of: None });
        };
        line(self.left + self.width - right, y, count);
        for text in lines.into_iter().take(3) {
            line(self.left, y, text);
            y += SMALL * LEADING;
        }
    }
}

/// The lines of each cell.
fn cells(row: &[String], widths: &[f32], bold: bool) -> Vec<Vec<String>> {
    let lines = |(text, width): (&String, &f32)| face(bold).lines(&clean(text), CELL, (width - 2.0 * PAD).max(12.0));
    row.iter().zip(widths).map(lines).collect()
}

fn tallest(cells: &[Vec<String>]) -> usize {
    cells.iter().map(Vec::len).max().unwrap_or(0)
}

#[allow(clippy::cast_precision_loss, reason = "a few dozen lines")]
fn line_height(lines: usize) -> f32 {
    lines as f32 * CELL * LEADING + 2.0 * PAD
}
