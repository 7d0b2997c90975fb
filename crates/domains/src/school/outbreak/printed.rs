//! The report to the health department as a document and as a workbook, and the line list as a table. What the caller may not be
//! told was left out before: a count that is not there is printed as a small one.

use super::detect::date;
use crate::paper::{self, Bar, Block, Cell, Document, Page, Part, Sheet, Table};
use salus_core::Result;
use serde_json::Value;
use time::OffsetDateTime;

/// As what a report may be asked for. JSON is the answer itself.
pub(super) const FORMATS: [&str; 4] = ["JSON", "PDF", "XLSX", "CSV"];

/// What is printed.
pub(super) struct Printed<'a> {
    pub(super) report: &'a Value,
    /// None for who may not open records.
    pub(super) list: Option<&'a [Value]>,
    pub(super) columns: &'a [&'static str],
    /// Whether it names students.
    pub(super) identified: bool,
    /// Whether the list alone is wanted.
    pub(super) only_list: bool,
    /// Who made it when, for the foot of each page.
    pub(super) foot: &'a str,
    pub(super) at: OffsetDateTime,
}

impl Printed<'_> {
    /// The file in a format of [`FORMATS`] other than JSON.
    ///
    /// # Errors
    /// [`salus_core::Error::Internal`] when it cannot be written.
    pub(super) fn file(&self, format: &str) -> Result<Value> {
        let number = self.report["number"].as_str().unwrap_or("outbreak");
        let name = if self.only_list || format == "CSV" { format!("{number}-cases") } else { number.to_owned() };
        match format {
            "PDF" => Ok(paper::file(&format!("{name}.pdf"), paper::PDF, &paper::pdf(&self.document())?)),
            "XLSX" => {
                let book = paper::xlsx(&self.sheets(), &self.title(), self.at)?;
                Ok(paper::file(&format!("{name}.xlsx"), paper::XLSX, &book))
            }
            _ => Ok(paper::file(&format!("{name}.csv"), paper::CSV, self.csv()?.as_bytes())),
        }
    }

    /// The line list as comma-separated values.
    ///
    /// # Errors
    /// [`salus_core::Error::Internal`] when it cannot be written.
    pub(super) fn csv(&self) -> Result<String> {
        paper::csv(&self.list_sheet())
    }

    fn title(&self) -> String {
        let what = if self.only_list { "Line list" } else { "Outbreak report" };
        format!("{what} {}", text(&self.report["number"]))
    }

    fn document(&self) -> Document {
        let mut blocks = vec![Block::Title(self.title())];
        if self.identified {
            let whom = text(&self.report["recipient"]);
            blocks.push(Block::Text(format!(
                "CONFIDENTIAL. This document names students. It is for {whom} and for nobody else."
            )));
        }
        if !self.only_list {
            self.summary(&mut blocks);
            self.figures(&mut blocks);
        }
        if let Some(list) = self.list {
            blocks.push(Block::Heading(format!("Line list ({})", list.len())));
            blocks.push(Block::Table(self.list_table(list)));
        } else {
            blocks.push(Block::Text("The line list is for those who may open records.".into()));
        }
        let part = Part { language: "en", foot: self.foot.to_owned(), blocks };
        Document { title: self.title(), language: "en", page: Page::Letter, made_at: self.at, parts: vec![part] }
    }

    fn summary(&self, blocks: &mut Vec<Block>) {
        blocks.push(facts(&self.facts()));
        for school in items(&self.report["cover"]) {
            blocks.push(Block::Heading(text(&school["name"])));
            let staff = text(&school["staff"]);
            let told =
                [("NCES id", "nces_id"), ("Telephone", "contact")].map(|(label, name)| (label, text(&school[name])));
            blocks.push(facts(&told.into_iter().chain([("Staff", staff)]).collect::<Vec<_>>()));
            let rows = items(&school["students_by_grade"]).map(|g| vec![text(&g["grade"]), self.count(&g["students"])]);
            blocks.push(table(&["Grade", "Students enrolled"], &[1.0, 1.0], rows.collect()));
        }
        blocks.push(Block::Heading("Case definition".into()));
        blocks.push(Block::Text(text(&self.report["case_definition"])));
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let report = self.report;
        let place = [plain(&report["level"]), text(&report["name"])].join(" ");
        let onset = |name: &str| text(&report["onset"][name]);
        let quartiles = format!("{} to {}", onset("lower_quartile"), onset("upper_quartile"));
        let onset_of = |told: String| if report["onset"]["first"].is_null() { String::new() } else { told };
        vec![
            ("Number", text(&report["number"])),
            ("Illness", plain(&report["syndrome"])),
            ("Disease", plain(&report["disease_code"])),
            ("Among", place.trim().to_owned()),
            ("State", plain(&report["state"])),
            ("First signal on", text(&report["first_signal_on"])),
            ("Cases", self.count(&report["cases"])),
            ("Onset, first and last", onset_of(format!("{} to {}", onset("first"), onset("last")))),
            ("Onset, median", onset("median")),
            ("Onset, quartiles", onset_of(quartiles)),
            ("To", text(&report["recipient"])),
        ]
    }

    fn figures(&self, blocks: &mut Vec<Block>) {
        let report = self.report;
        let days: Vec<&Value> = items(&report["curve"]).collect();
        blocks.push(Block::Heading("Cases by day of onset".into()));
        let bar = |day: &&Value| Bar {
            label: text(&day["on"]).get(5..).unwrap_or_default().to_owned(),
            count: day["cases"].as_u64().and_then(|n| u32::try_from(n).ok()),
        };
        let words = days.iter().map(|d| format!("{}: {}", text(&d["on"]), self.count(&d["cases"])));
        let words = words.collect::<Vec<_>>().join("; ");
        blocks.push(Block::Bars {
            words: format!("Cases by day of onset. {words}"),
            bars: days.iter().map(bar).collect(),
        });
        let rows = days.iter().map(|d| vec![text(&d["on"]), self.count(&d["cases"])]).collect();
        blocks.push(table(&["Day of onset", "Cases"], &[1.0, 1.0], rows));
        blocks.push(Block::Heading("Attack rates".into()));
        let heads = ["Group", "Name", "Cases", "Persons", "Attack rate", "Relative risk"];
        let rows = items(&report["attack_rates"]).map(|c| {
            let rate = c["attack_rate"].as_f64().map_or("–".to_owned(), |rate| format!("{:.1} %", rate * 100.0));
            let risk = c["relative_risk"].as_f64().map_or("–".to_owned(), |risk| format!("{risk:.2}"));
            vec![plain(&c["kind"]), text(&c["name"]), self.count(&c["cases"]), text(&c["population"]), rate, risk]
        });
        blocks.push(table(&heads, &[1.2, 1.6, 1.2, 1.0, 1.0, 1.0], rows.collect()));
        for (title, list, name) in
            [("Signs", "symptoms", "symptom"), ("Immunization of the cases", "immunization", "status")]
        {
            blocks.push(Block::Heading(title.into()));
            let rows = items(&report[list]).map(|row| vec![plain(&row[name]), self.count(&row["cases"])]).collect();
            blocks.push(table(&[title, "Cases"], &[1.0, 1.0], rows));
        }
        blocks.push(Block::Heading("What was done".into()));
        blocks.push(Block::Text(match text(&report["measures"]) {
            none if none.is_empty() => "Nothing was written down.".into(),
            measures => measures,
        }));
        let steps = items(&report["steps"]).map(|s| vec![text(&s["at"]), plain(&s["state"])]).collect::<Vec<_>>();
        if !steps.is_empty() {
            blocks.push(table(&["Decided at (UTC)", "State"], &[1.0, 1.0], steps));
        }
    }

    /// A count, or what is said of one that is too small to be told.
    fn count(&self, value: &Value) -> String {
        match value.as_i64() {
            Some(n) => n.to_string(),
            None => format!("fewer than {}, or left out with one that is", text(&self.report["small_cell"])),
        }
    }

    fn list_table(&self, list: &[Value]) -> Table {
        // Points, as wide as the words of a line: days and heads are not broken.
        let width = |name: &&str| match *name {
            "row" => 22.0,
            "age" => 26.0,
            "grade" | "temperature" => 36.0,
            "case_class" | "family_name" | "given_names" => 54.0,
            _ => 58.0,
        };
        let row = |line: &Value| self.columns.iter().map(|name| shown(name, &line[*name])).collect();
        Table {
            head: self.columns.iter().map(|name| head(name)).collect(),
            widths: self.columns.iter().map(width).collect(),
            rows: list.iter().map(row).collect(),
        }
    }

    fn list_sheet(&self) -> Sheet {
        let cell = |name: &&str, line: &Value| match (*name, &line[*name]) {
            ("onset_on" | "birth_date", value) => date(value).map_or(Cell::Empty, Cell::Date),
            (_, Value::Number(n)) => n.as_f64().map_or(Cell::Empty, Cell::Number),
            (name, value) => Cell::text(&shown(name, value)),
        };
        let row = |line: &Value| self.columns.iter().map(|name| cell(name, line)).collect();
        Sheet {
            name: "Line list".into(),
            head: self.columns.iter().map(|name| (*name).to_owned()).collect(),
            rows: self.list.unwrap_or_default().iter().map(row).collect(),
        }
    }

    fn count_cell(&self, value: &Value) -> Cell {
        value.as_f64().map_or_else(|| Cell::text(&self.count(value)), Cell::Number)
    }

    /// A row for each grade of each school.
    fn school_rows(&self) -> Vec<Vec<Cell>> {
        let told = |value: &Value| Cell::text(&text(value));
        let row = |school: &Value, grade: &Value| {
            let mut cells: Vec<Cell> = ["name", "nces_id", "contact"].iter().map(|name| told(&school[*name])).collect();
            cells.extend([number(&school["staff"]), told(&grade["grade"]), self.count_cell(&grade["students"])]);
            cells
        };
        items(&self.report["cover"]).flat_map(|s| items(&s["students_by_grade"]).map(move |g| row(s, g))).collect()
    }

    fn rate_rows(&self) -> Vec<Vec<Cell>> {
        let row = |c: &Value| {
            let mut cells =
                vec![Cell::text(&plain(&c["kind"])), Cell::text(&text(&c["name"])), self.count_cell(&c["cases"])];
            cells.extend(["population", "attack_rate", "relative_risk"].iter().map(|name| number(&c[*name])));
            cells
        };
        items(&self.report["attack_rates"]).map(row).collect()
    }

    fn sheets(&self) -> Vec<Sheet> {
        if self.only_list {
            return vec![self.list_sheet()];
        }
        let report = self.report;
        let sheet = |name: &str, head: &[&str], rows: Vec<Vec<Cell>>| Sheet {
            name: name.into(),
            head: head.iter().map(|h| (*h).to_owned()).collect(),
            rows,
        };
        let count = |value: &Value| self.count_cell(value);
        let day = |value: &Value| date(value).map_or(Cell::Empty, Cell::Date);
        let word = |value: &Value| Cell::text(&plain(value));
        let more =
            [("Case definition", text(&report["case_definition"])), ("What was done", text(&report["measures"]))];
        let facts = self.facts().into_iter().chain(more).chain([("Made", self.foot.to_owned())]);
        let curve = items(&report["curve"]).map(|d| vec![day(&d["on"]), count(&d["cases"])]);
        let counted =
            |list: &str, name: &str| items(&report[list]).map(|r| vec![word(&r[name]), count(&r["cases"])]).collect();
        let mut all = vec![
            sheet(
                "Report",
                &["What", "Value"],
                facts.map(|(label, value)| vec![Cell::text(label), Cell::text(&value)]).collect(),
            ),
            sheet("Schools", &["School", "NCES id", "Telephone", "Staff", "Grade", "Students"], self.school_rows()),
            sheet("Onset", &["Day of onset", "Cases"], curve.collect()),
            sheet(
                "Attack rates",
                &["Group", "Name", "Cases", "Persons", "Attack rate", "Relative risk"],
                self.rate_rows(),
            ),
            sheet("Signs", &["Sign", "Cases"], counted("symptoms", "symptom")),
            sheet("Immunization", &["Status", "Cases"], counted("immunization", "status")),
        ];
        if self.list.is_some() {
            all.push(self.list_sheet());
        }
        all
    }
}

/// A number, or nothing where there is none.
fn number(value: &Value) -> Cell {
    value.as_f64().map_or(Cell::Empty, Cell::Number)
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A value as it is read.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A code in words: `SORE_THROAT` is "sore throat".
fn plain(value: &Value) -> String {
    match value.as_str() {
        Some("ILI") => "influenza-like illness".into(),
        Some("GI") => "vomiting or diarrhea".into(),
        Some("RESP") => "respiratory illness".into(),
        Some("NEURO") => "signs of the nervous system".into(),
        Some("HOUSEHOLD") => "one home".into(),
        Some(code) => code.to_lowercase().replace('_', " "),
        None => String::new(),
    }
}

/// A cell of the line list.
fn shown(name: &str, value: &Value) -> String {
    match (name, value) {
        ("symptoms", Value::Array(all)) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        ("case_class", value) => plain(value),
        (_, value) => text(value),
    }
}

fn head(name: &str) -> String {
    match name {
        "row" => "No.".into(),
        "onset_on" => "Onset".into(),
        "temperature" => "Temp. °C".into(),
        "case_class" => "Certainty".into(),
        other => {
            let words = other.replace('_', " ");
            words[..1].to_uppercase() + &words[1..]
        }
    }
}

fn facts(rows: &[(&str, String)]) -> Block {
    let told = rows.iter().filter(|(_, value)| !value.is_empty());
    let rows = told.map(|(label, value)| vec![(*label).to_owned(), value.clone()]).collect();
    Block::Table(Table { head: Vec::new(), widths: vec![1.0, 2.4], rows })
}

fn table(head: &[&str], widths: &[f32], rows: Vec<Vec<String>>) -> Block {
    if rows.is_empty() {
        return Block::Text("Nothing is known.".into());
    }
    Block::Table(Table { head: head.iter().map(|h| (*h).to_owned()).collect(), widths: widths.to_vec(), rows })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    fn report() -> Value {
        json!({
            "number": "OB-2026-0001", "syndrome": "GI", "disease_code": null, "level": "CLASS", "name": "12", "state": "REPORTED",
            "first_signal_on": "2026-03-02", "cases": null, "small_cell": 5, "recipient": "An invented county",
            "case_definition": "Vomiting", "measures": "=1+1", "steps": [{"at": "2026-03-02T17:00:00Z", "state": "OUTBREAK"}],
            "cover": [{"name": "Invented", "nces_id": "1", "contact": "+1 555 0100", "staff": 3,
                       "students_by_grade": [{"grade": "4", "students": 49}]}],
            "curve": [{"on": "2026-02-28", "cases": null}, {"on": "2026-03-02", "cases": 7}],
            "attack_rates": [{"kind": "HOMEROOM", "name": "12", "cases": 7, "population": 24, "attack_rate": 0.2917,
                              "relative_risk": 6.68}],
            "symptoms": [{"symptom": "SORE_THROAT", "cases": 7}], "immunization": [],
            "onset": {"first": "2026-02-28", "lower_quartile": "2026-03-01", "median": "2026-03-02",
                      "upper_quartile": "2026-03-02", "last": "2026-03-02"},
        })
    }

    fn printed<'a>(report: &'a Value, list: Option<&'a [Value]>) -> Printed<'a> {
        let columns = &["row", "onset_on", "symptoms"];
        Printed {
            report,
            list,
            columns,
            identified: false,
            only_list: false,
            foot: "Foot",
            at: datetime!(2026-03-02 17:00 UTC),
        }
    }

    #[test]
    fn the_document_says_all_of_the_report_and_no_small_count() {
        let (report, list) = (report(), [json!({"row": 1, "onset_on": "2026-02-28", "symptoms": ["RASH", "FEVER"]})]);
        let words = format!("{:?}", printed(&report, Some(&list)).document());
        for shown in [
            "Outbreak report OB-2026-0001",
            "vomiting or diarrhea",
            "class 12",
            "Invented",
            "NCES id",
            "49",
            "Vomiting",
            "2026-02-28: fewer than 5",
            "29.2 %",
            "6.68",
            "sore throat",
            "Nothing is known",
            "outbreak",
            "RASH FEVER",
            "2026-03-01 to 2026-03-02",
            "Foot",
            "Line list (1)",
        ] {
            assert!(words.contains(shown), "{shown}: {words}");
        }
        let blind = format!("{:?}", printed(&report, None).document());
        assert!(!blind.contains("RASH") && blind.contains("who may open records"));
        let alone = Printed { only_list: true, ..printed(&report, Some(&list)) };
        let words = format!("{:?}", alone.document());
        assert!(words.contains("Line list OB-2026-0001") && !words.contains("Invented"));
        assert_eq!(alone.sheets().len(), 1);
    }

    #[test]
    fn a_file_of_each_format_has_its_name_and_kind() {
        let (report, list) = (report(), [json!({"row": 1, "onset_on": "2026-02-28", "symptoms": ["RASH"]})]);
        let of = |format: &str| printed(&report, Some(&list)).file(format).unwrap();
        let told = |format: &str| (of(format)["name"].clone(), of(format)["media_type"].clone());
        assert_eq!(told("PDF"), (json!("OB-2026-0001.pdf"), json!(paper::PDF)));
        assert_eq!(told("XLSX"), (json!("OB-2026-0001.xlsx"), json!(paper::XLSX)));
        assert_eq!(told("CSV"), (json!("OB-2026-0001-cases.csv"), json!(paper::CSV)));
        assert_eq!(printed(&report, Some(&list)).csv().unwrap(), "row,onset_on,symptoms\r\n1,2026-02-28,RASH\r\n");
    }
}
