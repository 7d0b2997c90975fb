//! Signed heads of the log: a C2SP tlog-checkpoint (origin, size, root) in a C2SP signed-note, with Ed25519.
//!
//! A note that is read is taken only byte for byte as it is written: decimal without leading zeros, canonical base64,
//! no further lines. Signatures of other keys, such as witnesses', are passed over.

use super::Hash;
use crate::seal::{Secret, sha256};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use salus_core::{Error, Result};

/// Type of signature in key ids and verifier keys: Ed25519 over the text.
const ALGORITHM: u8 = 1;
/// How a line of a signature begins: an em dash and a space.
const DASH: &str = "\u{2014} ";
/// No note of ours is near this; what is longer is not read.
const MAX: usize = 64 * 1024;

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log, with its epoch.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

/// A text and its signatures, of which none has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    /// Name, key id and signature.
    signatures: Vec<(String, [u8; 4], Vec<u8>)>,
}

/// What signs the log's checkpoints.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: VerifyingKey,
}

/// What checks them. As text it is a verifier key of signed-note: `name+id+key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    name: String,
    key: [u8; 32],
    /// Keys that signed before it.
    former: Vec<Former>,
}

/// A key that ended, and the last head it may have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Former {
    /// The key.
    pub key: [u8; 32],
    /// Epoch of that head.
    pub epoch: i32,
    /// Leaves under it.
    pub size: u64,
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// The epoch that the origin names; beyond all when it names none.
    #[must_use]
    pub fn epoch(&self) -> i32 {
        self.origin.rsplit_once("/e").and_then(|(_, epoch)| epoch.parse().ok()).unwrap_or(i32::MAX)
    }

    /// Reads the text of a checkpoint; `None` when it is not exactly one of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?.to_owned(), lines.next()?.parse().ok()?, lines.next()?);
        let root = STANDARD.decode(root).ok()?.try_into().ok()?;
        let read = Self { origin, size, root };
        (lines.next().is_none() && read.text() == text).then_some(read)
    }
}

impl Note {
    /// Reads a note; `None` when it has not the form of one.
    #[must_use]
    pub fn parse(note: &str) -> Option<Self> {
        if note.len() > MAX || note.chars().any(|c| c.is_control() && c != '\n') {
            return None;
        }
        let (text, lines) = note.rsplit_once("\n\n")?;
        let mut signatures = Vec::new();
        for line in lines.strip_suffix('\n')?.split('\n') {
            let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
            let bytes = STANDARD.decode(encoded).ok()?;
            let (id, signature) = bytes.split_first_chunk::<4>()?;
            if name.is_empty() || name.contains('+') || signature.is_empty() {
                return None;
            }
            signatures.push((name.to_owned(), *id, signature.to_vec()));
        }
        Some(Self { text: format!("{text}\n"), signatures })
    }

    /// What the note says, when `key` signed it, or a former key a head of before it ended. A note with a wrong signature under the key's name and id is refused
    /// whatever else it carries.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `checkpoint`, saying what is wrong.
    pub fn open(&self, key: &VerifyingKey) -> Result<Checkpoint> {
        let own = self.signatures.iter().any(|(name, id, _)| *name == key.name && *id == key.id());
        let earlier = |f: &&Former| self.signed("checkpoint", &VerifyingKey::of(&key.name, f.key)).is_ok();
        let former = if own { None } else { key.former.iter().find(earlier) };
        let text = if former.is_some() { &self.text } else { self.signed("checkpoint", key)? };
        match Checkpoint::parse(text) {
            Some(said) if former.is_some_and(|f| (said.epoch(), said.size) > (f.epoch, f.size)) => {
                Err(Error::invalid("checkpoint", "key_ended", "Is signed by a key that had ended before"))
            }
            Some(checkpoint) => Ok(checkpoint),
            None => Err(Error::invalid(
                "checkpoint",
                "unreadable",
                "Is no checkpoint: origin, size and root, each on a line of its own",
            )),
        }
    }

    /// What the note says, whoever signed it: not to be believed.
    #[must_use]
    pub fn claim(&self) -> Option<Checkpoint> {
        Checkpoint::parse(&self.text)
    }

    /// The text, when `key` signed it; `field` is what the note is called where it is refused.
    ///
    /// # Errors
    /// [`Error::Invalid`] on that field.
    pub fn signed(&self, field: &str, key: &VerifyingKey) -> Result<&str> {
        let wrong = |code, why: &str| Err(Error::invalid(field, code, why));
        let id = key.id();
        let mut own = self.signatures.iter().filter(|(name, other, _)| *name == key.name && *other == id).peekable();
        if own.peek().is_none() {
            return wrong("not_signed", "Is not signed by the log's key");
        }
        let public = UnparsedPublicKey::new(&ED25519, &key.key);
        if own.any(|(_, _, signature)| public.verify(self.text.as_bytes(), signature).is_err()) {
            return wrong("bad_signature", "Its signature is not that of the log's key");
        }
        Ok(&self.text)
    }
}

impl SigningKey {
    /// From its seed; `name` is the name under which it signs.
    ///
    /// # Errors
    /// [`Error::Internal`] when the seed or the name is refused.
    pub fn new(name: &str, seed: &Secret) -> Result<Self> {
        let pair =
            Ed25519KeyPair::from_seed_unchecked(&seed[..]).map_err(|_| Error::internal("Ed25519 seed refused"))?;
        let key = pair.public_key().as_ref().try_into().map_err(Error::internal)?;
        if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+') {
            return Err(Error::internal("the name of a log holds a space or a plus sign"));
        }
        Ok(Self { pair, public: VerifyingKey::of(name, key) })
    }

    /// The same, which follows these keys.
    #[must_use]
    pub fn after(mut self, former: Vec<Former>) -> Self {
        self.public = self.public.after(former);
        self
    }

    /// A note with this key's signature beside those it has; `None` when it is none.
    #[must_use]
    pub fn cosign(&self, note: &str) -> Option<String> {
        let own = self.sign_text(&Note::parse(note)?.text);
        let (_, line) = own.rsplit_once("\n\n")?;
        Some(format!("{note}{line}"))
    }

    /// What checks its signatures.
    #[must_use]
    pub fn public(&self) -> &VerifyingKey {
        &self.public
    }

    /// The signed note of a checkpoint.
    #[must_use]
    pub fn sign(&self, checkpoint: &Checkpoint) -> String {
        self.sign_text(&checkpoint.text())
    }

    /// The signed note of a text that ends with a line's end and has no empty line.
    pub(in crate::audit) fn sign_text(&self, text: &str) -> String {
        let signature = [&self.public.id()[..], self.pair.sign(text.as_bytes()).as_ref()].concat();
        format!("{text}\n{DASH}{} {}\n", self.public.name, STANDARD.encode(signature))
    }
}

impl VerifyingKey {
    /// A key of this name that follows no other.
    #[must_use]
    pub fn of(name: &str, key: [u8; 32]) -> Self {
        Self { name: name.to_owned(), key, former: Vec::new() }
    }

    /// The same, which follows these keys.
    #[must_use]
    pub fn after(mut self, former: Vec<Former>) -> Self {
        self.former = former;
        self
    }

    /// The key id of signed-note: it tells keys of one name apart.
    fn id(&self) -> [u8; 4] {
        let hash = sha256(&[self.name.as_bytes(), b"\n", &[ALGORITHM], &self.key]);
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// The keys that signed before it, each by itself.
    pub fn former(&self) -> impl Iterator<Item = Self> {
        self.former.iter().map(|former| Self::of(&self.name, former.key))
    }

    /// The name under which it signs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The 32 bytes of the key.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.key
    }

    /// Reads `name+id+key`.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `key`.
    pub fn parse(text: &str) -> Result<Self> {
        let parsed = || {
            let mut parts = text.trim().splitn(3, '+');
            let (name, id, key) = (parts.next()?, parts.next()?, parts.next()?);
            let key = STANDARD.decode(key).ok()?;
            let key: [u8; 32] = key.strip_prefix(&[ALGORITHM])?.try_into().ok()?;
            let read = Self::of(name, key);
            (!name.is_empty() && hex::encode(read.id()) == id).then_some(read)
        };
        parsed().ok_or_else(|| Error::invalid("key", "not_a_key", "Is no verifier key of an Ed25519 log: name+id+key"))
    }
}

impl std::fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = [&[ALGORITHM][..], &self.key].concat();
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id()), STANDARD.encode(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(name: &str, seed: u8) -> SigningKey {
        SigningKey::new(name, &Secret::new([seed; 32])).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: "example.org/audit/e1".into(), size: 17, root: [9; 32] }
    }

    #[test]
    fn is_written_and_read_as_c2sp_has_it() {
        let key = key("example.org/audit", 7);
        let note = key.sign(&checkpoint());
        assert!(
            note.starts_with("example.org/audit/e1\n17\nCQkJCQkJ") && note.contains("\n\n\u{2014} example.org/audit ")
        );
        assert_eq!(Note::parse(&note).unwrap().open(key.public()).unwrap(), checkpoint());
        let text = key.public().to_string();
        assert_eq!(&VerifyingKey::parse(&text).unwrap(), key.public());
        assert!(VerifyingKey::parse(&text.replace("audit", "other")).is_err(), "the id covers the name");
        // RFC 8032 section 7.1, test 1: what signs is Ed25519.
        let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let known = SigningKey::new("x", &Secret::new(seed.try_into().unwrap())).unwrap();
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(hex::encode(known.public().bytes()), public);
    }

    #[test]
    fn other_signatures_are_passed_over_and_wrong_ones_are_not() {
        let (own, witness, forger) = (key("log", 1), key("witness", 2), key("log", 3));
        let line = |k: &SigningKey| k.sign(&checkpoint()).split_once("\n\n").unwrap().1.to_owned();
        let note = own.sign(&checkpoint());
        let both = note.clone() + &line(&witness);
        assert!(Note::parse(&both).unwrap().open(own.public()).is_ok());
        assert!(Note::parse(&forger.sign(&checkpoint())).unwrap().open(own.public()).is_err());
        let other = own.sign(&Checkpoint { size: 18, ..checkpoint() });
        let mixed = note.clone() + other.split_once("\n\n").unwrap().1;
        assert!(Note::parse(&mixed).unwrap().open(own.public()).is_err());
        for broken in
            [note.replace("17", "017"), note.replace("17\n", "17\r\n"), note.trim_end().to_owned(), String::new()]
        {
            let opened = Note::parse(&broken).map(|n| n.open(own.public()));
            assert!(!matches!(opened, Some(Ok(_))), "{broken:?}");
        }
        assert!(Checkpoint::parse("o\n+1\nCQ==\n").is_none() && Checkpoint::parse("o\n1\nCQ==\nmore\n").is_none());
    }

    proptest! {
        #[test]
        fn no_changed_byte_is_taken(at in any::<prop::sample::Index>(), flip in 1u8..=255) {
            let key = key("example.org/audit", 7);
            let mut bytes = key.sign(&checkpoint()).into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            let opened = String::from_utf8(bytes).ok().and_then(|t| Note::parse(&t)).map(|n| n.open(key.public()));
            prop_assert!(!matches!(opened, Some(Ok(_))));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}\n\n\u{2014} [a-z]{0,3} [A-Za-z0-9+/=]{0,90}\n") {
            let key = key("log", 1);
            prop_assert!(Note::parse(&text).is_none_or(|n| n.open(key.public()).is_err()));
        }
    }
}
