//! Tables as workbooks and as comma-separated values (RFC 4180). A text that a spreadsheet would compute is kept from it: in CSV by an
//! apostrophe before it, in a workbook because its cell is one of text.

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, Workbook};
use salus_core::{Error, Result};
use time::{Date, OffsetDateTime};

/// A table.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// Its name in a workbook: at most 31 characters, none of `[]:*?/\`.
    pub name: String,
    /// Names of the columns.
    pub head: Vec<String>,
    /// The cells by row.
    pub rows: Vec<Vec<Cell>>,
}

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// A text, whatever it begins with.
    Text(String),
    /// A number.
    Number(f64),
    /// A day.
    Date(Date),
}

/// Columns wider than this are hard to read; their texts go on in further lines.
const WIDEST: usize = 60;

/// A table as CSV in UTF-8, with its columns in the first line.
///
/// # Errors
/// [`Error::Internal`] when it cannot be written.
pub fn csv(sheet: &Sheet) -> Result<String> {
    let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    out.write_record(sheet.head.iter().map(|name| guarded(name))).map_err(Error::internal)?;
    for row in &sheet.rows {
        out.write_record(row.iter().map(Cell::csv)).map_err(Error::internal)?;
    }
    String::from_utf8(out.into_inner().map_err(Error::internal)?).map_err(Error::internal)
}

/// Tables as a workbook.
///
/// # Errors
/// [`Error::Internal`] when a name is none that a workbook allows, or a text is longer than 32,767 characters.
pub fn xlsx(sheets: &[Sheet], title: &str, made_at: OffsetDateTime) -> Result<Vec<u8>> {
    let mut book = Workbook::new();
    let made = ExcelDateTime::from_timestamp(made_at.unix_timestamp()).map_err(Error::internal)?;
    book.set_properties(&DocProperties::new().set_title(title).set_author("Salus").set_creation_datetime(&made));
    let bold = Format::new().set_bold().set_text_wrap().set_align(FormatAlign::Top);
    let text = Format::new().set_text_wrap().set_align(FormatAlign::Top).set_num_format("@");
    let number = Format::new().set_align(FormatAlign::Top);
    let day = Format::new().set_num_format("yyyy-mm-dd").set_align(FormatAlign::Top);
    for sheet in sheets {
        let page = book.add_worksheet();
        page.set_name(&sheet.name).map_err(Error::internal)?;
        for (column, name) in (0_u16..).zip(&sheet.head) {
            page.write_string_with_format(0, column, name, &bold).map_err(Error::internal)?;
        }
        for (row, cells) in (1_u32..).zip(&sheet.rows) {
            for (column, cell) in (0_u16..).zip(cells) {
                match cell {
                    Cell::Empty => Ok(&mut *page),
                    Cell::Text(value) => page.write_string_with_format(row, column, value, &text),
                    Cell::Number(value) => page.write_number_with_format(row, column, *value, &number),
                    Cell::Date(value) => page.write_datetime_with_format(row, column, excel(*value)?, &day),
                }
                .map_err(Error::internal)?;
            }
        }
        for (column, width) in (0_u16..).zip(widths(sheet)) {
            page.set_column_width(column, width).map_err(Error::internal)?;
        }
        page.set_freeze_panes(1, 0).map_err(Error::internal)?;
    }
    book.save_to_buffer().map_err(Error::internal)
}

fn excel(day: Date) -> Result<ExcelDateTime> {
    let year = u16::try_from(day.year()).map_err(Error::internal)?;
    ExcelDateTime::from_ymd(year, day.month().into(), day.day()).map_err(Error::internal)
}

#[allow(clippy::cast_precision_loss, reason = "at most sixty")]
fn widths(sheet: &Sheet) -> Vec<f64> {
    let wide = |column: usize, name: &String| {
        let cells = sheet.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.csv().chars().count());
        cells.chain([name.chars().count()]).max().unwrap_or(0).clamp(6, WIDEST) as f64 + 2.0
    };
    sheet.head.iter().enumerate().map(|(column, name)| wide(column, name)).collect()
}

impl Cell {
    /// A text, or nothing when it is empty.
    #[must_use]
    pub fn text(text: &str) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text.to_owned()) }
    }

    fn csv(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => guarded(text),
            Self::Number(number) => number.to_string(),
            Self::Date(day) => day.to_string(),
        }
    }
}

/// A text that no spreadsheet computes (OWASP, CSV injection).
fn guarded(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime};

    fn sheet() -> Sheet {
        let text = |t: &str| Cell::Text(t.to_owned());
        Sheet {
            name: "Cases".into(),
            head: ["row", "name", "onset_on"].map(str::to_owned).to_vec(),
            rows: vec![
                vec![Cell::Number(1.0), text("=HYPERLINK(\"x\")"), Cell::Date(date!(2026 - 03 - 02))],
                vec![Cell::Number(-2.5), text("A, \"B\""), Cell::Empty],
                vec![Cell::Number(3.0), text("@SUM(1)"), Cell::text("")],
            ],
        }
    }

    #[test]
    fn a_spreadsheet_computes_nothing_of_a_text_and_reads_numbers_as_numbers() {
        let text = csv(&sheet()).unwrap();
        assert_eq!(
            text,
            "row,name,onset_on\r\n1,\"'=HYPERLINK(\"\"x\"\")\",2026-03-02\r\n-2.5,\"A, \"\"B\"\"\",\r\n3,'@SUM(1),\r\n"
        );
    }

    #[test]
    fn a_workbook_is_the_same_each_time_and_holds_no_formula() {
        let made = datetime!(2026-03-02 17:00 UTC);
        let book = xlsx(&[sheet()], "Cases", made).unwrap();
        assert!(book.starts_with(b"PK"));
        assert_eq!(book, xlsx(&[sheet()], "Cases", made).unwrap());
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(book)).unwrap();
        let mut page = String::new();
        std::io::Read::read_to_string(&mut archive.by_name("xl/worksheets/sheet1.xml").unwrap(), &mut page).unwrap();
        assert!(page.contains("<c r=\"B2\"") && page.contains("t=\"s\"") && !page.contains("<f>"), "{page}");
        assert!(xlsx(&[Sheet { name: "a/b".into(), ..sheet() }], "x", made).is_err());
    }
}
