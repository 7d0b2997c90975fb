//! Accepts what the last run of the tests computed where it differs from the accepted texts, and shows the difference.

use std::{
    io::{self, Write},
    process::ExitCode,
};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let taken = salus_testkit::snapshot::accept_pending()?;
    let mut out = io::stdout().lock();
    for (file, difference) in &taken {
        writeln!(out, "{}\n{difference}", file.display())?;
    }
    writeln!(out, "{} accepted: read git diff before you commit", taken.len())
}
