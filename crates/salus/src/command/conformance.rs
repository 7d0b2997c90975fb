//! `salus conformance`: reference suites that the user has, run through the code that serves. No database is needed.
//!
//! Every suite answers `{suite, passed, total, failed}`; a suite that found nothing to run has not passed.

use super::{credentials, engines};
use crate::output::Outcome;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Subcommand;
use salus_codec::fhir::{self, Layout, Resources};
use salus_core::{Error, Result};
use salus_domains::exchange::import;
use salus_store::audit::merkle::{Hash, leaf_hash, tree_hash, verify_consistency, verify_inclusion};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    io::BufReader,
    path::{Path, PathBuf},
};

#[derive(Debug, Subcommand)]
pub enum ConformanceCommand {
    /// Every resource of FHIR files is read, mapped, written back and read again to the same record.
    Fhir {
        /// A file or folder of NDJSON or JSON.
        #[arg(long)]
        data: PathBuf,
    },
    /// Proofs of RFC 6962 are accepted or refused as the vectors of transparency-dev/merkle say, by the code that
    /// checks the audit log.
    Merkle {
        /// The folder of its `testdata`, with `roots.json` where there is one.
        #[arg(long)]
        data: PathBuf,
    },
    #[command(flatten)]
    Engines(engines::EngineSuite),
    #[command(flatten)]
    Credentials(credentials::CredentialSuite),
}

/// Runs a suite.
///
/// # Errors
/// [`Error::Invalid`] on `data` when it cannot be read.
pub fn run(command: &ConformanceCommand) -> Result<Outcome> {
    match command {
        ConformanceCommand::Fhir { data } => fhir(data),
        ConformanceCommand::Merkle { data } => merkle(data),
        ConformanceCommand::Engines(suite) => engines::run(suite),
        ConformanceCommand::Credentials(suite) => credentials::run(suite),
    }
}

pub(super) fn scored(suite: &str, total: u64, failed: &[Value]) -> Outcome {
    let passed = total - failed.len() as u64;
    let mut lines: Vec<String> = failed.iter().take(50).map(Value::to_string).collect();
    lines.push(format!("{suite}: {passed} of {total} passed"));
    let ok = failed.is_empty() && total > 0;
    let json = json!({"suite": suite, "passed": passed, "total": total, "failed": failed});
    Outcome { json, text: lines.join("\n"), ok }
}

/// One vector: an inclusion proof or a consistency proof, and whether it must be refused.
#[derive(Deserialize)]
#[serde(untagged)]
enum Vector {
    #[serde(rename_all = "camelCase")]
    Inclusion {
        leaf_idx: u64,
        tree_size: u64,
        root: String,
        leaf_hash: String,
        proof: Option<Vec<String>>,
        want_err: bool,
    },
    #[serde(rename_all = "camelCase")]
    Consistency { size1: u64, size2: u64, root1: String, root2: String, proof: Option<Vec<String>>, want_err: bool },
}

/// Leaves and the root of the tree over the first so many of them.
#[derive(Deserialize)]
struct Roots {
    leaf_inputs_hex: Vec<String>,
    roots_by_size_hex: Vec<String>,
}

fn merkle(data: &Path) -> Result<Outcome> {
    let (mut total, mut failed) = (0, Vec::new());
    for path in json_files(data)? {
        let unreadable =
            |e: &dyn std::fmt::Display| Error::invalid("data", "unreadable", format!("{}: {e}", path.display()));
        let text = std::fs::read(&path).map_err(|e| unreadable(&e))?;
        let name = path.strip_prefix(data).unwrap_or(&path).display();
        if path.ends_with("roots.json") {
            let roots: Roots = serde_json::from_slice(&text).map_err(|e| unreadable(&e))?;
            let bytes = |text: &str| {
                (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()).collect()
            };
            let leaves: Option<Vec<Vec<u8>>> = roots.leaf_inputs_hex.iter().map(|l| bytes(l)).collect();
            let leaves: Vec<Hash> = leaves.ok_or_else(|| unreadable(&"no hex"))?.iter().map(|l| leaf_hash(l)).collect();
            for (size, root) in roots.roots_by_size_hex.iter().enumerate() {
                total += 1;
                let same = leaves.get(..size).is_some_and(|l| Some(tree_hash(l).to_vec()) == bytes(root));
                if !same {
                    failed.push(json!({"id": format!("{name}:{size}"), "got": "another root"}));
                }
            }
            continue;
        }
        let vector: Vector = serde_json::from_slice(&text).map_err(|e| unreadable(&e))?;
        total += 1;
        let (accepted, refuse) = judge(&vector);
        if accepted == refuse {
            let (wanted, got) = if refuse { ("refused", "accepted") } else { ("accepted", "refused") };
            failed.push(json!({"id": name.to_string(), "wanted": wanted, "got": got}));
        }
    }
    Ok(scored("merkle", total, &failed))
}

/// Whether the proof is accepted, and whether it must be refused. A hash of a proof that is not 32 bytes is refused.
fn judge(vector: &Vector) -> (bool, bool) {
    let hash = |text: &String| -> Option<Hash> { STANDARD.decode(text).ok()?.try_into().ok() };
    let all = |proof: &Option<Vec<String>>| -> Option<Vec<Hash>> { proof.iter().flatten().map(hash).collect() };
    match vector {
        Vector::Inclusion { leaf_idx, tree_size, root, leaf_hash, proof, want_err } => {
            let accepted = || {
                let (leaf, proof, root) = (hash(leaf_hash)?, all(proof)?, hash(root)?);
                Some(verify_inclusion(&leaf, *leaf_idx, *tree_size, &proof, &root))
            };
            (accepted().unwrap_or(false), *want_err)
        }
        Vector::Consistency { size1, size2, root1, root2, proof, want_err } => {
            let accepted = || {
                let bytes = |text: &String| STANDARD.decode(text).ok();
                let (old, new, proof) = (bytes(root1)?, bytes(root2)?, all(proof)?);
                Some(verify_consistency(*size1, *size2, &proof, &old, &new))
            };
            (accepted().unwrap_or(false), *want_err)
        }
    }
}

pub(super) fn json_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)
        .map_err(|e| Error::invalid("data", "unreadable", format!("{}: {e}", folder.display())))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::internal)?.path();
        if path.is_dir() {
            found.extend(json_files(&path)?);
        } else if path.extension().is_some_and(|e| e == "json") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn fhir(data: &Path) -> Result<Outcome> {
    let (mut total, mut failed): (u64, Vec<Value>) = (0, Vec::new());
    for path in import::files(data)?.taken {
        let file = std::fs::File::open(&path)
            .map_err(|e| Error::invalid("data", "unreadable", format!("{}: {e}", path.display())))?;
        let lines = path.extension().is_some_and(|e| e == "ndjson");
        let layout = if lines { Layout::Lines } else { Layout::Auto };
        for item in Resources::with_layout(BufReader::new(file), layout) {
            total += 1;
            let at = |line: u64, why: String| json!({"id": format!("{}:{line}", path.display()), "got": why});
            match item {
                Err(f) => failed.push(at(f.line, f.problem.to_string())),
                Ok(item) => {
                    if let Err(why) = round_trip(&item.bytes) {
                        failed.push(at(item.line, why));
                    }
                }
            }
        }
    }
    Ok(scored("fhir", total, &failed))
}

fn round_trip(bytes: &[u8]) -> std::result::Result<(), String> {
    let resource = fhir::parse(bytes).map_err(|p| p.to_string())?;
    let first = fhir::map(&resource).map_err(|p| p.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    let written = fhir::write(&first.record, Some(resource)).ok_or("nothing was written")?;
    let second = fhir::map(&written).map_err(|p| format!("what was written is refused: {}", p[0]))?;
    if first.record == second.record { Ok(()) } else { Err("the record changed on its way out and back".into()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails here has found its bug")]
mod tests {
    use super::*;

    const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

    #[test]
    fn no_score_falls() {
        let kept: toml::Table =
            toml::from_str(&std::fs::read_to_string(format!("{REPOSITORY}/expected-scores.toml")).unwrap()).unwrap();
        let score = merkle(Path::new(&format!("{REPOSITORY}/../shared/data/merkle-rfc6962"))).unwrap();
        assert!(score.ok, "{}", score.text);
        for name in ["passed", "total"] {
            assert!(score.json[name].as_i64() >= kept["merkle"][name].as_integer(), "{name} fell: {}", score.text);
        }
    }

    #[test]
    fn what_must_be_refused_and_is_accepted_is_a_failure() {
        let root = "A".repeat(43) + "=";
        let mut vector = json!({"size1": 4, "size2": 4, "root1": root, "root2": root, "proof": null, "wantErr": true});
        assert_eq!(judge(&serde_json::from_value(vector.clone()).unwrap()), (true, true));
        vector["root1"] = json!("AAAA");
        vector["size2"] = json!(5);
        assert_eq!(judge(&serde_json::from_value(vector).unwrap()), (false, true));
    }
}
