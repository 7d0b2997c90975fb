//! What a command says: a table or words for people, one JSON document for machines; and the exit code.

use salus_core::Error;
use serde_json::{Value, json};
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

/// What a command found or did. Where the JSON says `"tampering": true`, signs of it were found, and the exit code is
/// [`TAMPERING`] and not 1, which anything else that is not well has.
#[derive(Debug)]
pub struct Outcome {
    /// For machines.
    pub json: Value,
    /// For people.
    pub text: String,
    /// Whether the exit code is 0.
    pub ok: bool,
}

impl Outcome {
    /// Done, or found well.
    pub fn done(json: Value, text: impl Into<String>) -> Self {
        Self { json, text: text.into(), ok: true }
    }
}

impl Outcome {
    /// This and another, which machines find under `name`.
    pub fn and(mut self, name: &str, other: Self) -> Self {
        self.ok &= other.ok;
        if other.json["tampering"] == true {
            self.json["tampering"] = json!(true);
        }
        self.text = format!("{}\n{}", self.text, other.text);
        self.json["ok"] = json!(self.ok);
        self.json[name] = other.json;
        self
    }
}

/// The exit code of a command that found signs of tampering, as that of `salus-verify`.
const TAMPERING: u8 = 3;

/// Prints an outcome.
pub fn show(json: bool, outcome: &Outcome) -> ExitCode {
    say(&if json { outcome.json.to_string() } else { outcome.text.clone() });
    match (outcome.ok, &outcome.json["tampering"]) {
        (true, _) => ExitCode::SUCCESS,
        (false, Value::Bool(true)) => ExitCode::from(TAMPERING),
        (false, _) => ExitCode::FAILURE,
    }
}

/// Prints an error on standard error, or as JSON on standard output.
pub fn fail(as_json: bool, error: &Error) -> ExitCode {
    if as_json {
        let errors = if let Error::Invalid(errors) = error { json!(errors) } else { json!([]) };
        say(&json!({"ok": false, "code": error.code(), "detail": error.to_string(), "errors": errors}).to_string());
    } else {
        // A closed pipe is not worth another message.
        let _ = writeln!(io::stderr(), "salus: {error}");
    }
    ExitCode::FAILURE
}

/// Prints what is wrong with the words of a command, or the help that was asked for. Exit code 2 for the former.
pub fn misused(error: &clap::Error) -> ExitCode {
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    if error.use_stderr() && std::env::args_os().any(|a| a == "--json") {
        let detail = error.render().to_string();
        say(&json!({"ok": false, "code": "usage", "detail": detail.trim_end(), "errors": []}).to_string());
    } else {
        let _ = error.print();
    }
    ExitCode::from(code)
}

/// One line or more on standard output.
pub fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush());
}

/// Rows as aligned columns under their headings.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let width = |i: usize| rows.iter().map(|r| r[i].chars().count()).chain([headings[i].len()]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded =
            cells.iter().zip(&widths).map(|(c, w)| format!("{c}{}", " ".repeat(w.saturating_sub(c.chars().count()))));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut out = vec![line(headings.to_vec())];
    out.extend(rows.iter().map(|r| line(r.iter().map(String::as_str).collect())));
    out.join("\n")
}
