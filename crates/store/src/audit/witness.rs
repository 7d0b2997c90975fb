//! A witness of the log: a program with a key of its own and no database, which signs beside the log's signature that
//! it has seen no other history (`spec` B1.8 b). It keeps the newest head of each log it knows, and signs another only
//! with a proof that the old one is its beginning; a fork or a rollback it refuses, whoever asks.
//!
//! [`Witness`] is that program's memory and judgement, [`WitnessAnchor`] the way to it. Requests, answers and signatures
//! are those of <https://c2sp.org/tlog-witness> and <https://c2sp.org/tlog-cosignature>.

use super::{
    anchor::Anchor,
    merkle::{Checkpoint, Hash, Note, VerifyingKey, verify_consistency},
};
use crate::seal::{Secret, random_secret, sha256};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use salus_core::{Env, Error, Result};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Type of signature in key ids: a cosignature with its time.
const ALGORITHM: u8 = 4;
/// How long the witness may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// A request is some kilobytes.
const MAX: u64 = 64 * 1024;

/// What checks a witness's signatures: `name+id+key`, as it prints at its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    key: [u8; 32],
}

impl WitnessKey {
    fn id(&self) -> [u8; 4] {
        let hash = sha256(&[self.name.as_bytes(), b"\n", &[ALGORITHM], &self.key]);
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// Reads `name+id+key`.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `audit_witness_key`.
    pub fn parse(text: &str) -> Result<Self> {
        let parsed = || {
            let mut parts = text.trim().splitn(3, '+');
            let (name, id, key) = (parts.next()?, parts.next()?, parts.next()?);
            let key = STANDARD.decode(key).ok()?;
            let read = Self { name: name.to_owned(), key: key.strip_prefix(&[ALGORITHM])?.try_into().ok()? };
            (!name.is_empty() && hex::encode(read.id()) == id).then_some(read)
        };
        let wrong = || Error::invalid("audit_witness_key", "not_a_key", "Is no key of a witness: name+id+key");
        parsed().ok_or_else(wrong)
    }

    /// Whether a line is this witness's signature of a note's text.
    fn signed(&self, text: &str, line: &str) -> bool {
        let Some(bytes) = line.strip_prefix(&format!("\u{2014} {} ", self.name)).and_then(|b| STANDARD.decode(b).ok())
        else {
            return false;
        };
        let Some((id, rest)) = bytes.split_first_chunk::<4>() else { return false };
        let Some((at, signature)) = rest.split_first_chunk::<8>() else { return false };
        let public = UnparsedPublicKey::new(&ED25519, &self.key);
        *id == self.id() && public.verify(message(u64::from_be_bytes(*at), text).as_bytes(), signature).is_ok()
    }
}

impl std::fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = [&[ALGORITHM][..], &self.key].concat();
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id()), STANDARD.encode(key))
    }
}

/// What a witness signs.
fn message(at: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {at}\n{text}")
}

/// The text of a note: what its signatures are of.
fn text_of(note: &str) -> Option<&str> {
    note.rfind("\n\n").map(|end| &note[..=end])
}

/// What a witness answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The line to be put under the note.
    Cosigned(String),
    /// It has seen a head of this size, and the request builds on another.
    Conflict(u64),
    /// No proof that what it has seen is the beginning of this: a fork.
    Unproved,
    /// Not signed by a log that it knows.
    Unknown,
    /// Not a request.
    Unreadable,
}

/// The memory of a witness.
pub struct Witness {
    dir: PathBuf,
    pair: Ed25519KeyPair,
    key: WitnessKey,
    logs: Vec<VerifyingKey>,
    env: Env,
    turn: Mutex<()>,
}

impl Witness {
    /// Opens the witness in a directory; its key is made the first time. `logs` are the logs whose heads it signs.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the directory cannot be used.
    pub fn open(dir: &Path, logs: Vec<VerifyingKey>, env: Env) -> Result<Self> {
        let path = dir.join("witness.key");
        fs::DirBuilder::new().recursive(true).create(dir).map_err(|e| failed(dir, &e))?;
        if !path.exists() {
            let seed = random_secret()?;
            write(&path, hex::encode(&seed[..]).as_bytes())?;
        }
        let text = fs::read_to_string(&path).map_err(|e| failed(&path, &e))?;
        let seed = hex::decode(text.trim()).ok().and_then(|s| <[u8; 32]>::try_from(s).ok());
        let seed = Secret::new(seed.ok_or_else(|| Error::Unavailable(format!("{} is no key", path.display())))?);
        let pair =
            Ed25519KeyPair::from_seed_unchecked(&seed[..]).map_err(|_| Error::internal("Ed25519 seed refused"))?;
        let key: [u8; 32] = pair.public_key().as_ref().try_into().map_err(Error::internal)?;
        let name = format!("salus-witness-{}", hex::encode(&key[..4]));
        Ok(Self { dir: dir.to_owned(), pair, key: WitnessKey { name, key }, logs, env, turn: Mutex::new(()) })
    }

    /// What checks its signatures.
    #[must_use]
    pub fn key(&self) -> &WitnessKey {
        &self.key
    }

    /// The newest note of a log that it signed, with its signature.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when its memory cannot be read: then nothing is signed.
    pub fn newest(&self, log: &str) -> Result<Option<String>> {
        let path = self.memory(log);
        match fs::read_to_string(&path) {
            Ok(note) => Ok(Some(note)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failed(&path, &e)),
        }
    }

    /// A log that it knows, by its name in hex.
    #[must_use]
    pub fn log_named(&self, hex: &str) -> Option<String> {
        self.logs.iter().map(|key| key.name().to_owned()).find(|name| hex::encode(name) == *hex)
    }

    fn memory(&self, log: &str) -> PathBuf {
        self.dir.join(format!("head-{}", hex::encode(&sha256(&[log.as_bytes()])[..16])))
    }

    /// Judges a request of tlog-witness: `old SIZE`, lines of a proof, an empty line and the note.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when what it signs cannot be remembered: then it signs nothing.
    pub fn add(&self, request: &str) -> Result<Verdict> {
        let Some((old, proof, note)) = parse(request) else { return Ok(Verdict::Unreadable) };
        let opened = self.logs.iter().find_map(|key| Some((key, Note::parse(note)?.open(key).ok()?)));
        let Some((log, head)) = opened else { return Ok(Verdict::Unknown) };
        let Some(epoch) = epoch(log.name(), &head) else { return Ok(Verdict::Unknown) };
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = self.newest(log.name())?;
        let seen = seen.map(|note| Note::parse(&note).and_then(|n| n.open(log).ok()));
        let seen = seen.map(|head| head.ok_or_else(|| Error::Unavailable("the witness's memory was changed".into())));
        if let Some(seen) = seen.transpose()? {
            let before = self::epoch(log.name(), &seen);
            // A new epoch is another tree: what it says of the one before is its first leaf, for verifiers to judge.
            if before == Some(epoch) {
                if old != seen.size {
                    return Ok(Verdict::Conflict(seen.size));
                }
                if !verify_consistency(seen.size, head.size, &proof, &seen.root, &head.root) {
                    return Ok(Verdict::Unproved);
                }
            } else if before > Some(epoch) {
                return Ok(Verdict::Unproved);
            }
        }
        let at = u64::try_from(self.env.now().unix_timestamp()).map_err(Error::internal)?;
        let text = text_of(note).unwrap_or_default();
        let signature = self.pair.sign(message(at, text).as_bytes());
        let bytes = [&self.key.id()[..], &at.to_be_bytes(), signature.as_ref()].concat();
        let line = format!("\u{2014} {} {}\n", self.key.name, STANDARD.encode(bytes));
        let path = self.memory(log.name());
        let half = path.with_extension("half");
        fs::remove_file(&half).ok();
        write(&half, format!("{note}{line}").as_bytes())?;
        fs::rename(&half, &path).and_then(|()| fs::File::open(&self.dir)?.sync_all()).map_err(|e| failed(&path, &e))?;
        Ok(Verdict::Cosigned(line))
    }
}

fn epoch(log: &str, head: &Checkpoint) -> Option<i32> {
    head.origin.strip_prefix(log)?.strip_prefix("/e")?.parse().ok()
}

fn parse(request: &str) -> Option<(u64, Vec<Hash>, &str)> {
    let (lines, note) = request.split_once("\n\n")?;
    let mut lines = lines.lines();
    let old = lines.next()?.strip_prefix("old ")?.parse().ok()?;
    let proof = lines.map(|line| STANDARD.decode(line).ok()?.try_into().ok()).collect::<Option<Vec<Hash>>>()?;
    Some((old, proof, note))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let open = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    open.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all())).map_err(|e| failed(path, &e))
}

fn failed(path: &Path, e: &std::io::Error) -> Error {
    Error::Unavailable(format!("{}: {e}", path.display()))
}

/// A witness as an anchor. The way to it is not encrypted: heads are signed and no secret, and what comes back is
/// checked by the witness's key.
#[derive(Debug, Clone)]
pub struct WitnessAnchor {
    address: String,
    key: WitnessKey,
    /// The name of the log.
    log: String,
}

impl WitnessAnchor {
    /// `address` is host and port, `log` the name under which the log signs.
    #[must_use]
    pub fn new(address: String, key: WitnessKey, log: String) -> Self {
        Self { address, key, log }
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Result<(u16, String)> {
        let failed = |e: &dyn std::fmt::Display| Error::Unavailable(format!("{} cannot be asked: {e}", self.name()));
        let mut addresses = self.address.to_socket_addrs().map_err(|e| failed(&e))?;
        let address = addresses.next().ok_or_else(|| failed(&"it has no address"))?;
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(|e| failed(&e))?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(|e| failed(&e))?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(|e| failed(&e))?;
        let host = &self.address;
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).map_err(|e| failed(&e))?;
        let mut answer = String::new();
        stream.take(MAX).read_to_string(&mut answer).map_err(|e| failed(&e))?;
        let read = || {
            let (head, body) = answer.split_once("\r\n\r\n")?;
            Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
        };
        read().ok_or_else(|| failed(&"its answer cannot be read"))
    }
}

impl Anchor for WitnessAnchor {
    fn name(&self) -> String {
        format!("witness:{}", self.address)
    }

    fn keep(&self, note: &str, old: u64, proof: &[Hash]) -> Result<()> {
        let lines: String = proof.iter().map(|hash| STANDARD.encode(hash) + "\n").collect();
        let refused = |why: &str| Error::Unavailable(format!("{} refuses this head: {why}", self.name()));
        match self.ask("POST", "/add-checkpoint", &format!("old {old}\n{lines}\n{note}"))? {
            (200, line) if text_of(note).is_some_and(|text| self.key.signed(text, line.trim_end())) => Ok(()),
            (200, _) => Err(refused("its signature is not that of audit_witness_key")),
            (409, size) => Err(refused(&format!("it has seen one over {} events", size.trim()))),
            (422, _) => Err(refused("what it has seen is not the beginning of this log: the log was forked")),
            (404 | 403, _) => Err(refused("it does not know this log: start it with --log and the log's key")),
            (code, _) => Err(refused(&format!("answer {code}"))),
        }
    }

    fn kept(&self) -> Result<Vec<String>> {
        match self.ask("GET", &format!("/newest/{}", hex::encode(&self.log)), "")? {
            (404, _) => Ok(Vec::new()),
            (200, note) => {
                let line = note.lines().last().unwrap_or_default();
                if text_of(&note).is_some_and(|text| self.key.signed(text, line)) {
                    Ok(vec![note])
                } else {
                    Err(Error::Unavailable(format!("{} holds a head it did not sign", self.name())))
                }
            }
            (code, _) => Err(Error::Unavailable(format!("{} cannot be read: answer {code}", self.name()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::merkle::{SigningKey, empty_root, proof, tree_hash};
    use super::*;

    fn log() -> SigningKey {
        SigningKey::new("salus-1/audit", &Secret::new([5; 32])).unwrap()
    }

    fn note(epoch: i32, leaves: &[Hash]) -> String {
        let root = if leaves.is_empty() { empty_root() } else { tree_hash(leaves) };
        log().sign(&Checkpoint { origin: format!("salus-1/audit/e{epoch}"), size: leaves.len() as u64, root })
    }

    fn ask(old: &[Hash], new: &[Hash], note: &str) -> String {
        let path = proof::consistency_path(old.len() as u64, new.len() as u64);
        let mut tiles = super::super::merkle::Grown::from_edge(0, super::super::merkle::Tiles::default()).unwrap();
        for leaf in new {
            tiles.append(*leaf);
        }
        let hashes = if old.is_empty() { Vec::new() } else { proof::hashes(&path, tiles.partial()).unwrap() };
        let lines: String = hashes.iter().map(|h| STANDARD.encode(h) + "\n").collect();
        format!("old {}\n{lines}\n{note}", old.len())
    }

    #[test]
    fn signs_what_grows_and_refuses_a_fork_and_a_rollback() {
        let dir = std::env::temp_dir().join(format!("salus-witness-{}", std::process::id()));
        let open = || Witness::open(&dir, vec![log().public().clone()], Env::default()).unwrap();
        let witness = open();
        let leaves: Vec<Hash> = (0..9u8).map(|i| [i; 32]).collect();
        let first = note(1, &leaves[..4]);
        let Verdict::Cosigned(line) = witness.add(&ask(&[], &leaves[..4], &first)).unwrap() else { panic!("signs") };
        assert!(witness.key().signed(text_of(&first).unwrap(), line.trim_end()));
        assert!(!witness.key().signed(text_of(&note(1, &leaves[..5])).unwrap(), line.trim_end()));
        assert_eq!(WitnessKey::parse(&witness.key().to_string()).unwrap(), *witness.key());
        // Its memory outlives it, and the log's own key still opens what it signed.
        let witness = open();
        let held = witness.newest("salus-1/audit").unwrap().unwrap();
        assert_eq!(Note::parse(&held).unwrap().open(log().public()).unwrap().size, 4);
        let second = ask(&leaves[..4], &leaves, &note(1, &leaves));
        assert!(matches!(witness.add(&second).unwrap(), Verdict::Cosigned(_)));
        assert_eq!(witness.add(&second).unwrap(), Verdict::Conflict(9), "it has moved on");
        // Back to four; another history of the same and of a greater size, with the proofs such a log can make.
        assert_eq!(witness.add(&ask(&[], &leaves[..4], &first)).unwrap(), Verdict::Conflict(9));
        let mut other = leaves.clone();
        other[2] = [99; 32];
        assert_eq!(witness.add(&ask(&other, &other, &note(1, &other))).unwrap(), Verdict::Unproved);
        other.push([10; 32]);
        assert_eq!(witness.add(&ask(&other[..9], &other, &note(1, &other))).unwrap(), Verdict::Unproved);
        // A new epoch, and then not back to the old one.
        assert!(matches!(witness.add(&ask(&[], &leaves[..1], &note(2, &leaves[..1]))).unwrap(), Verdict::Cosigned(_)));
        assert_eq!(witness.add(&second).unwrap(), Verdict::Unproved);
        let foreign = SigningKey::new("salus-1/audit", &Secret::new([6; 32])).unwrap();
        let forged = foreign.sign(&Checkpoint { origin: "salus-1/audit/e2".into(), size: 2, root: [0; 32] });
        assert_eq!(witness.add(&format!("old 1\n\n{forged}")).unwrap(), Verdict::Unknown);
        assert_eq!(witness.add("old x\n\nnote").unwrap(), Verdict::Unreadable);
        fs::remove_dir_all(&dir).unwrap();
    }
}
