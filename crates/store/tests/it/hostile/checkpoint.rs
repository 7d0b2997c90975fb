//! What holds of any bytes in the place of a signed head, its text or a verifier key, whoever thinks them up.

use salus_store::{
    audit::merkle::{Checkpoint, Note, SigningKey, VerifyingKey},
    seal::Secret,
};

/// Not the key of the inputs in the corpus: nobody who has it signed any of them.
fn key() -> SigningKey {
    SigningKey::new("example.org/audit", &Secret::new([8; 32])).expect("a key")
}

/// Nothing panics; what nobody signed is not believed; what is read is written again byte for byte; a signature makes
/// exactly what the note claims believed, and nothing that is no head.
pub fn any_bytes(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(said) = Checkpoint::parse(text) {
        assert_eq!(said.text(), text, "one way to write a head");
    }
    if let Ok(read) = VerifyingKey::parse(text) {
        assert_eq!(VerifyingKey::parse(&read.to_string()).expect("is read again"), read);
    }
    let key = key();
    let Some(note) = Note::parse(text) else {
        assert!(key.cosign(text).is_none(), "what is no note is not signed");
        return;
    };
    assert!(note.open(key.public()).is_err(), "nobody signed it");
    assert!(note.signed("checkpoint", key.public()).is_err());
    let signed = key.cosign(text).expect("a note is signed");
    // A note that holds a wrong signature in the key's name stays refused.
    if let Some(again) = Note::parse(&signed)
        && let Ok(said) = again.open(key.public())
    {
        assert_eq!(Some(said), note.claim(), "a signature changes nothing of what is said");
        let at = usize::from(bytes.first().copied().unwrap_or(0)) % signed.len();
        let mut changed = signed.into_bytes();
        changed[at] ^= 1;
        // A change in another's signature is not ours to see; one in the text or in ours is.
        if let Some(other) = String::from_utf8(changed).ok().and_then(|t| Note::parse(&t)) {
            assert!(other.open(key.public()).is_err() || other.claim() == note.claim());
        }
    }
}
