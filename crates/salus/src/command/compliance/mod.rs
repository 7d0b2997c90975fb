//! `salus compliance evidence`: a signed pack for whoever audits, from live data, registers and the files of this
//! installation. What the database holds is gathered by [`salus_domains::evidence`]; here come the audit log's verification,
//! anchors, keys, drills and components, and the signature.

mod files;
mod period;

use crate::{output::Outcome, place::Place};
use clap::{Args, Subcommand};
use salus_core::{Ctx, Env, Error, PLATFORM, Result};
use salus_domains::{
    audit,
    evidence::{self, SECTIONS, Section},
};
use salus_store::{
    Db,
    audit::{Evidence, pack, verify},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap, fmt::Write as _, fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _,
    path::PathBuf, time::Instant,
};
use time::format_description::well_known::Rfc3339;

#[derive(Debug, Subcommand)]
pub enum ComplianceCommand {
    /// Write a signed pack of evidence over a period: a zip of twelve sections, each with what is missing.
    Evidence(EvidenceArgs),
}

#[derive(Debug, Args)]
pub struct EvidenceArgs {
    /// How far back, until now: a number and d, m or y, such as 12m.
    #[arg(long, default_value = "12m")]
    period: String,
    /// The file that gets the pack; it must not exist.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What `cargo audit --json` said about the lock file of this version: the age of each vulnerability is told.
    #[arg(long, value_name = "FILE")]
    advisories: Option<PathBuf>,
}

/// `salus compliance`.
pub async fn run(place: &Place, command: ComplianceCommand) -> Result<Outcome> {
    match command {
        ComplianceCommand::Evidence(args) => evidence(place, args).await,
    }
}

async fn evidence(place: &Place, args: EvidenceArgs) -> Result<Outcome> {
    let since = Instant::now();
    let now = Env::default().now();
    let period = period::until(&args.period, now)?;
    let advisories = args.advisories.as_deref().map(files::advisories).transpose()?;
    let log = place.log()?.ok_or_else(|| {
        Error::Unavailable(
            "the audit log is not sealed here, and a pack is signed with its key: set DATABASE_SEALER_URL".into(),
        )
    })?;
    let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&args.out);
    let mut out = open.map_err(|e| Error::invalid("out", "unwritable", format!("{}: {e}", args.out.display())))?;
    let made = make(place, &log, period, advisories.as_ref()).await;
    let (bytes, sections) = match made {
        Ok(made) => made,
        Err(e) => {
            // Nothing that is no pack stays under the name of one.
            std::fs::remove_file(&args.out).ok();
            return Err(e);
        }
    };
    let unwritten = |e: std::io::Error| Error::Unavailable(format!("{} cannot be written: {e}", args.out.display()));
    out.write_all(&bytes).and_then(|()| out.sync_all()).map_err(unwritten)?;
    let seconds = since.elapsed().as_secs_f64();
    Ok(told(&args.out, &sections, seconds))
}

async fn make(
    place: &Place,
    log: &salus_store::audit::Log,
    period: evidence::Period,
    advisories: Option<&Value>,
) -> Result<(Vec<u8>, Vec<Section>)> {
    let db = place.db().await?;
    let mut sections = evidence::gather(&db, period).await?;
    let integrations = place.config.integrations();
    add(&mut sections[0], "integrations", json!(integrations));
    log_and_anchors(place, log, &mut sections[5]).await?;
    let keys = db.check_keys().await?;
    add(&mut sections[6], "doctor", json!(keys));
    sections[6].gaps.extend(keys.problems.iter().map(|p| format!("a key does not open: {p}")));
    files::drills(place, log, period, &mut sections[7]).await?;
    files::components(advisories, Env::default().now(), &mut sections[11])?;
    for section in &mut sections {
        section.conclude();
    }
    let text = |at: time::OffsetDateTime| at.format(&Rfc3339).map_err(Error::internal);
    let about = json!({
        "format": "salus-evidence/1", "program": env!("CARGO_PKG_VERSION"), "period_from": text(period.from)?,
        "period_to": text(period.to)?, "taken_at": text(Env::default().now())?, "sections": SECTIONS.map(|(name, _)| name),
        "log": head(&db).await?,
    });
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for ((name, _), section) in SECTIONS.iter().zip(&sections) {
        let mut bytes = serde_json::to_vec_pretty(section).map_err(Error::internal)?;
        bytes.push(b'\n');
        files.insert(format!("{name}.json"), bytes);
    }
    files.insert("README.txt".into(), readme(&about, &sections).into_bytes());
    Ok((pack::seal(log, about, &files).await?, sections))
}

/// The head of the audit log that the pack stands on: whoever has it can tell later whether the log was rewritten.
async fn head(db: &Db) -> Result<Option<Value>> {
    let mut tx = db.begin(Ctx::operator(db.env(), PLATFORM), true).await?;
    let head = audit::head(&mut tx).await?;
    tx.finish_unrecorded().await?;
    Ok(head)
}

/// Adds a member to what a section says of the installation.
fn add(section: &mut Section, name: &str, value: Value) {
    if section.installation.is_null() {
        section.installation = json!({});
    }
    section.installation[name] = value;
}

async fn log_and_anchors(place: &Place, log: &salus_store::audit::Log, section: &mut Section) -> Result<()> {
    let anchors = place.anchors()?;
    let receipts = place.receipts_of_all(Vec::new());
    let evidence =
        Evidence { anchors: anchors.iter().map(AsRef::as_ref).collect(), receipts: &receipts, ..Evidence::default() };
    let report = verify(log, &evidence).await?;
    section.gaps.extend(report.problems.iter().map(|p| format!("the audit log is not whole: {p}")));
    if report.receipts.is_none() {
        section
            .gaps
            .push("There are no receipts: events that were removed before they were sealed cannot be told".into());
    }
    add(section, "verification", json!(report));
    let mut kept = Vec::new();
    for anchor in &anchors {
        // Where it lies is the operator's to know; what it is, the auditor's.
        let name = anchor.name();
        let kind = name.split(':').next().unwrap_or_default().to_owned();
        match anchor.newest() {
            Ok(head) => {
                if head.is_none() {
                    section.gaps.push(format!("The anchor {kind} holds no head"));
                }
                kept.push(json!({"anchor": kind, "newest_head": head}));
            }
            Err(e) => section.gaps.push(format!("The anchor {kind} cannot be asked: {e}")),
        }
    }
    if anchors.len() == 1 {
        section.gaps.push(
            "Heads are kept in a file only: whoever rules this machine and that file can rewrite what is younger than a copy of it"
                .into(),
        );
    }
    let proved = section.installation["proofs"].as_array().into_iter().flatten();
    if !proved.clone().any(|p| p["name"] == "audit" && p["verdict"] == "HOLDS") {
        section.gaps.push("salus prove did not show in the period that the audit log is whole".into());
    }
    add(section, "anchors", json!(kept));
    Ok(())
}

fn readme(about: &Value, sections: &[Section]) -> String {
    let word = |name: &str| about[name].as_str().unwrap_or_default();
    let mut text = format!(
        "Evidence of a Salus installation, {} to {}, taken at {} by Salus {}.\n\n\
         Each section is a JSON file: what was found, from which sources, and what is missing (gaps). What was not recorded is\n\
         not in it. No name of a person and no health data is in it; ids and counts are.\n\n\
         Check it without a database:\n    salus-verify PACK.zip --key KEY          (KEY: as noted from salus audit verify)\n\
         or  unzip PACK.zip; openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in manifest.txt -sigfile manifest.sig\n\
             and compare sha256sum of each file with manifest.txt, and key.pem with the key you noted.\n\n",
        word("period_from"),
        word("period_to"),
        word("taken_at"),
        word("program")
    );
    for ((name, title), section) in SECTIONS.iter().zip(sections) {
        let _ = writeln!(text, "{title} ({name}.json)\n  {}", section.statement);
        for gap in &section.gaps {
            let _ = writeln!(text, "  GAP: {gap}");
        }
        text.push('\n');
    }
    let log = &about["log"];
    if let (Some(origin), Some(root)) = (log["origin"].as_str(), log["root"].as_str()) {
        let _ = writeln!(text, "As of {} sealed events of the audit log {origin}, root {root}.", log["size"]);
    }
    text
}

fn told(out: &std::path::Path, sections: &[Section], seconds: f64) -> Outcome {
    let gaps: usize = sections.iter().map(|s| s.gaps.len()).sum();
    let lines: Vec<Value> = SECTIONS
        .iter()
        .zip(sections)
        .map(|((name, _), s)| json!({"section": name, "statement": s.statement, "gaps": s.gaps}))
        .collect();
    let mut text: Vec<String> =
        SECTIONS.iter().zip(sections).map(|((name, _), s)| format!("{name}: {}", s.statement)).collect();
    text.push(format!(
        "{} sections in {} after {seconds:.1} s, {gaps} gap(s); the pack names each",
        sections.len(),
        out.display()
    ));
    text.push(format!("Check it with: salus-verify {} --key KEY", out.display()));
    let json = json!({"ok": true, "file": out, "seconds": seconds, "sections": lines, "gaps": gaps});
    Outcome::done(json, text.join("\n"))
}
