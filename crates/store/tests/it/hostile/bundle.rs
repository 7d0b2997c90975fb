//! What holds of any bytes in the place of a bundle of audit events, whoever thinks them up.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use salus_store::{
    audit::{
        bundle::check,
        merkle::{Checkpoint, Hash, SigningKey, leaf_hash, proof::inclusion_path, tree_hash},
    },
    seal::Secret,
};
use serde_json::{Value, json};

/// Events of the honest bundle.
const EVENTS: u64 = 5;

fn key() -> SigningKey {
    SigningKey::new("example.org/audit", &Secret::new([7; 32])).expect("a key")
}

fn header(leaf: u64) -> String {
    json!({"action": "medical.patient.get", "n": leaf, "outcome": "success"}).to_string()
}

/// The leaf as the decision on the log has it: mark, length of the header, header, commitment, MAC.
fn leaf(header: &str) -> Hash {
    let length = u32::try_from(header.len()).expect("short").to_be_bytes();
    leaf_hash(&[b"salus-leaf/v1", &length[..], header.as_bytes(), &[1; 32], &[2; 32]].concat())
}

/// A bundle as `salus audit export` writes it, made without a database.
#[must_use]
pub fn honest() -> String {
    let key = key();
    let leaves: Vec<Hash> = (0..EVENTS).map(|n| leaf(&header(n))).collect();
    let head = Checkpoint { origin: "example.org/audit/e1".into(), size: EVENTS, root: tree_hash(&leaves) };
    let opening = json!({"format": "salus-audit-bundle/2", "key": key.public().to_string(), "earlier": [],
        "epochs": [{"epoch": 1, "checkpoint": key.sign(&head), "first": null}], "handovers": []});
    let at = |n: u64| usize::try_from(n).expect("few");
    let events = (0..EVENTS).map(|n| {
        let proof = inclusion_path(n, EVENTS).into_iter();
        let proof: Vec<String> = proof.map(|(a, b)| STANDARD.encode(tree_hash(&leaves[at(a)..at(b)]))).collect();
        json!({"epoch": 1, "leaf": n, "header": header(n), "commit": STANDARD.encode([1; 32]),
            "mac": STANDARD.encode([2; 32]), "proof": proof})
    });
    let lines = [opening].into_iter().chain(events).chain([json!({"events": EVENTS})]);
    lines.map(|line| line.to_string() + "\n").collect()
}

/// Nothing panics; a bundle is taken only when each of its events is one that the key signed for, in its place. Whether
/// it was taken.
pub fn any_bytes(bytes: &[u8]) -> bool {
    let key = key();
    // With the bundle's own key it may say what it likes: it must only be read to an end.
    drop(check(&mut &bytes[..], None, &[]));
    let Ok(done) = check(&mut &bytes[..], Some(key.public()), &[]) else { return false };
    if !done.problems.is_empty() {
        return false;
    }
    assert_eq!((done.size, done.origin.as_str()), (EVENTS, "example.org/audit/e1"), "another head than was signed");
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().collect();
    for line in &lines[1..lines.len() - 1] {
        let event: Value = serde_json::from_str(line).expect("was read");
        let place = event["leaf"].as_u64().expect("has a place");
        assert!(place < EVENTS && event["header"] == json!(header(place)), "nobody signed for {line}");
    }
    true
}
