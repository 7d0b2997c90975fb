//! Where each line stands: blocks of a part become pages of runs and rules.

use super::{
    Block, Paper, Part,
    measure::{Faces, Unprintable},
};

const MARGIN: f32 = 56.0;
/// Between the columns of a table.
const GAP: f32 = 8.0;
const BODY: f32 = 10.5;
const SMALL: f32 = 8.5;
/// Height of a line as a multiple of its letters.
const LEADING: f32 = 1.35;

/// A piece of text at a place; `y` is its base line, from the top.
pub(super) struct Run {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) size: f32,
    pub(super) bold: bool,
    pub(super) text: String,
}

/// A line across.
pub(super) struct Rule {
    pub(super) from: f32,
    pub(super) to: f32,
    pub(super) y: f32,
}

/// What is drawn on a page.
#[derive(Default)]
pub(super) struct Page {
    pub(super) runs: Vec<Run>,
    pub(super) rules: Vec<Rule>,
}

/// How letters look.
#[derive(Clone, Copy)]
struct Face {
    size: f32,
    bold: bool,
}

struct Layout<'a> {
    paper: Paper,
    faces: &'a Faces,
    pages: Vec<Page>,
    /// Where the next line begins, from the top.
    top: f32,
}

/// Lays a part out on pages; the foot and the numbers of the pages are on them.
pub(super) fn pages(part: &Part, paper: Paper, faces: &Faces) -> Result<Vec<Page>, Unprintable> {
    let mut layout = Layout { paper, faces, pages: vec![Page::default()], top: MARGIN };
    for block in &part.blocks {
        layout.block(block)?;
    }
    let Layout { mut pages, .. } = layout;
    let total = pages.len();
    for (at, page) in pages.iter_mut().enumerate() {
        let text = format!("{} · {} / {total}", part.foot, at + 1);
        faces.check(&text)?;
        page.runs.push(Run { x: MARGIN, y: paper.height - MARGIN * 0.6, size: SMALL, bold: false, text });
    }
    Ok(pages)
}

impl Layout<'_> {
    fn width(&self) -> f32 {
        self.paper.width - 2.0 * MARGIN
    }

    fn page(&mut self) -> &mut Page {
        if self.pages.is_empty() {
            self.pages.push(Page::default());
        }
        let last = self.pages.len() - 1;
        &mut self.pages[last]
    }

    /// Goes to the next page when less than this is left.
    fn room(&mut self, height: f32) -> bool {
        let fresh = self.top <= MARGIN;
        let full = self.top + height > self.paper.height - MARGIN && !fresh;
        if full {
            self.pages.push(Page::default());
            self.top = MARGIN;
        }
        full
    }

    fn block(&mut self, block: &Block) -> Result<(), Unprintable> {
        let (body, small) = (Face { size: BODY, bold: false }, Face { size: SMALL, bold: false });
        match block {
            Block::Title(text) => self.paragraph(text, Face { size: 16.0, bold: true }, 0.0, 10.0),
            Block::Heading(text) => {
                self.room(BODY * LEADING * 4.0);
                self.paragraph(text, Face { size: 12.0, bold: true }, 0.0, 3.0)
            }
            Block::Text(text) => self.paragraph(text, body, 0.0, 7.0),
            Block::Small(text) => self.paragraph(text, small, 0.0, 5.0),
            Block::List(all) => {
                for text in all {
                    let first = self.faces.lines(text, self.width() - 14.0, BODY, false)?.len();
                    #[allow(clippy::cast_precision_loss, reason = "lines of a page")]
                    self.room(first.min(20) as f32 * BODY * LEADING);
                    let y = self.top + BODY;
                    self.page().runs.push(Run { x: MARGIN + 3.0, y, size: BODY, bold: false, text: "•".into() });
                    self.paragraph(text, body, 14.0, 2.0)?;
                }
                self.top += 5.0;
                Ok(())
            }
            Block::Space(lines) => {
                self.top += f32::from(*lines) * BODY * LEADING;
                Ok(())
            }
            Block::Table { shares, heads, rows } => self.table(shares, heads, rows),
        }
    }

    fn paragraph(&mut self, text: &str, face: Face, indent: f32, after: f32) -> Result<(), Unprintable> {
        for line in self.faces.lines(text, self.width() - indent, face.size, face.bold)? {
            self.room(face.size * LEADING);
            let y = self.top + face.size;
            let run = Run { x: MARGIN + indent, y, size: face.size, bold: face.bold, text: line };
            self.page().runs.push(run);
            self.top += face.size * LEADING;
        }
        self.top += after;
        Ok(())
    }

    fn table(&mut self, shares: &[f32], heads: &[String], rows: &[Vec<String>]) -> Result<(), Unprintable> {
        let sum: f32 = shares.iter().sum();
        let widths: Vec<f32> = shares.iter().map(|share| self.width() * share / sum).collect();
        let face = Face { size: SMALL, bold: false };
        let head = self.cells(heads, &widths, Face { bold: true, ..face })?;
        self.row(&head, &widths, Face { bold: true, ..face }, None);
        for cells in rows {
            let cells = self.cells(cells, &widths, face)?;
            self.row(&cells, &widths, face, Some(&head));
        }
        self.top += 9.0;
        Ok(())
    }

    fn cells(&self, cells: &[String], widths: &[f32], face: Face) -> Result<Vec<Vec<String>>, Unprintable> {
        let lines = |(text, width): (&String, &f32)| self.faces.lines(text, width - GAP, face.size, face.bold);
        cells.iter().zip(widths).map(lines).collect()
    }

    /// A row as a whole; on a new page the heads come first.
    fn row(&mut self, cells: &[Vec<String>], widths: &[f32], face: Face, head: Option<&[Vec<String>]>) {
        let tallest = cells.iter().map(Vec::len).max().unwrap_or(0).max(1);
        #[allow(clippy::cast_precision_loss, reason = "lines of a row")]
        let height = tallest as f32 * face.size * LEADING + 4.0;
        if self.room(height)
            && let Some(head) = head
        {
            self.row(head, widths, Face { bold: true, ..face }, None);
        }
        let (mut x, top) = (MARGIN, self.top);
        for (lines, width) in cells.iter().zip(widths) {
            let mut y = top + face.size;
            for line in lines.iter().filter(|line| !line.is_empty()) {
                self.page().runs.push(Run { x, y, size: face.size, bold: face.bold, text: line.clone() });
                y += face.size * LEADING;
            }
            x += width;
        }
        self.top += height;
        let rule = Rule { from: MARGIN, to: x, y: self.top - 2.5 };
        self.page().rules.push(rule);
    }
}
