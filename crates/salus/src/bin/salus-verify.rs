//! `salus-verify`: checks a bundle of audit events, the report of a drill or a pack of evidence, without a database, a
//! server or a secret. Exit code 0: it holds; 3: it does not; 1: it could not be read.

use clap::Parser;
use salus_core::Result;
use salus_store::audit::{
    Anchor as _, FileAnchor,
    bundle::{Checked, check},
    merkle::VerifyingKey,
    pack, report,
};
use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::PathBuf,
    process::ExitCode,
};

/// Check audit events that `salus audit export` wrote, a report of `salus drill`, or a pack of `salus compliance evidence`.
#[derive(Debug, Parser)]
#[command(name = "salus-verify", version, max_term_width = 100)]
struct Args {
    /// The bundle, the report or the pack.
    bundle: PathBuf,
    /// The log's verifier key, as it was noted from `salus audit verify`: name+id+key. Without it the bundle is checked
    /// with the key it brings, which does not show whose it is.
    #[arg(long)]
    key: Option<String>,
    /// A file of heads that was kept apart: the newest of it must be the beginning of this log.
    #[arg(long = "anchor", value_name = "FILE")]
    anchors: Vec<PathBuf>,
    /// One JSON document instead of words.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let known = evidence(&args).and_then(|told| if told.is_some() { Ok(told) } else { report(&args) });
    let (text, code) = match known {
        Ok(Some(told)) => told,
        Ok(None) => bundle(&args),
        Err(e) => (format!("salus-verify: {e}"), 1),
    };
    // A closed pipe is not worth another message.
    let _ = writeln!(io::stdout().lock(), "{text}");
    ExitCode::from(code)
}

/// What a pack of evidence turned out to be; `None` when the file is none.
fn evidence(args: &Args) -> Result<Option<(String, u8)>> {
    let failed = |e: io::Error| salus_core::Error::Unavailable(format!("{}: {e}", args.bundle.display()));
    let mut file = File::open(&args.bundle).map_err(failed)?;
    let mut start = Vec::new();
    io::Read::take(&mut file, 4).read_to_end(&mut start).map_err(failed)?;
    if !pack::is_one(&start) {
        return Ok(None);
    }
    let key = args.key.as_deref().map(VerifyingKey::parse).transpose()?;
    let done = pack::check(BufReader::new(file), key.as_ref())?;
    let holds = done.problems.is_empty();
    let code = if holds { 0 } else { 3 };
    if args.json {
        return Ok(Some((serde_json::json!({"ok": holds, "checked": done}).to_string(), code)));
    }
    let mut lines: Vec<String> = done.problems.iter().map(|p| format!("PROBLEM: {p}")).collect();
    lines.push(format!("{} files are what was signed", done.files.len()));
    lines.push(format!("{:#}", done.about));
    lines.push(if done.key_given {
        format!("signed by {}", done.key)
    } else {
        format!("signed by {}, which the pack itself brought: compare it, or give --key", done.key)
    });
    lines.push(if holds { "The pack holds" } else { "THE PACK DOES NOT HOLD" }.into());
    Ok(Some((lines.join("\n"), code)))
}

/// What a signed report turned out to be; `None` when the file is none.
fn report(args: &Args) -> Result<Option<(String, u8)>> {
    let mut start = String::new();
    let failed = |e: io::Error| salus_core::Error::Unavailable(format!("{}: {e}", args.bundle.display()));
    let mut file = BufReader::new(File::open(&args.bundle).map_err(failed)?);
    // A bundle's first line is JSON and may be long.
    io::Read::take(&mut file, 1024).read_line(&mut start).map_err(failed)?;
    if !report::is_one(&start) {
        return Ok(None);
    }
    let key = args.key.as_deref().map(VerifyingKey::parse).transpose()?;
    let key = key.ok_or_else(|| salus_core::Error::invalid("key", "required", "A report is checked with --key"))?;
    file.read_to_string(&mut start).map_err(failed)?;
    Ok(Some(match report::open(&start, &key) {
        Ok(said) if args.json => (serde_json::json!({"ok": true, "report": said}).to_string(), 0),
        Ok(said) => (format!("{said:#}\nsigned by {key}\nThe report holds"), 0),
        Err(e) => (format!("PROBLEM: {e}\nTHE REPORT DOES NOT HOLD"), 3),
    }))
}

fn bundle(args: &Args) -> (String, u8) {
    match run(args) {
        Ok(done) => (told(args, &done), if done.problems.is_empty() { 0 } else { 3 }),
        Err(e) => (format!("salus-verify: {e}"), 1),
    }
}

fn run(args: &Args) -> Result<Checked> {
    let key = args.key.as_deref().map(VerifyingKey::parse).transpose()?;
    let mut heads = Vec::new();
    for path in &args.anchors {
        let newest = FileAnchor::new(path.clone()).newest()?;
        heads.push(newest.ok_or_else(|| {
            salus_core::Error::invalid("anchor", "empty", format!("{} holds no head", path.display()))
        })?);
    }
    let file = File::open(&args.bundle)
        .map_err(|e| salus_core::Error::Unavailable(format!("{}: {e}", args.bundle.display())))?;
    check(&mut BufReader::new(file), key.as_ref(), &heads)
}

fn told(args: &Args, done: &Checked) -> String {
    if args.json {
        return serde_json::json!({"ok": done.problems.is_empty(), "checked": done}).to_string();
    }
    let mut lines: Vec<String> = done.problems.iter().take(50).map(|p| format!("PROBLEM: {p}")).collect();
    lines.push(format!("{} of {} events, root {}", done.origin, done.size, done.root));
    lines.push(format!("{} events proved, {} earlier heads are its beginning", done.events, done.earlier));
    if done.declared > 0 {
        lines.push(format!("Notice: {} heads that were kept are said to be lost by a later epoch", done.declared));
    }
    for said in &done.epochs {
        lines.push(format!(
            "Notice: epoch {} began at {} ({}) after {} leaves of epoch {}; {} events are known to be lost",
            said.epoch, said.at, said.reason, said.previous.size, said.previous.epoch, said.lost.events
        ));
    }
    if done.key_given {
        lines.push(format!("signed by {}", done.key));
    } else {
        lines.push(format!("signed by {}, which the bundle itself brought: compare it, or give --key", done.key));
    }
    lines.push(if done.problems.is_empty() { "The bundle holds" } else { "THE BUNDLE DOES NOT HOLD" }.into());
    lines.join("\n")
}
