//! Makes events: numbers them, seals their payload, and computes commitment, MAC and leaf.

use super::{Header, journal::Journal, leaf};
use crate::seal::{Binding, Format, KeyClass, RootKey, TenantKeys, hmac, seal};
use aws_lc_rs::hmac as mac;
use salus_core::{Ctx, Env, Error, Result};
use serde_json::Value;
use std::{
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// One run of a server process, as the audit log knows it.
pub struct Writer {
    id: i32,
    key: mac::Key,
    payload_column: u32,
    last: Mutex<(i64, OffsetDateTime)>,
    journal: OnceLock<Arc<Journal>>,
}

/// An event ready to be inserted.
pub struct Event {
    pub(crate) id: Uuid,
    pub(crate) tenant: Uuid,
    pub(crate) recorded_at: OffsetDateTime,
    pub(crate) writer_id: i32,
    pub(crate) writer_seq: i64,
    pub(crate) actor: Uuid,
    pub(crate) action: String,
    pub(crate) target: String,
    pub(crate) outcome: &'static str,
    pub(crate) header: Vec<u8>,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) salt: Option<Vec<u8>>,
    pub(crate) commit: Vec<u8>,
    pub(crate) mac: Vec<u8>,
    pub(crate) leaf: Vec<u8>,
}

impl Writer {
    /// The writer of this number; `payload_column` is the registered number of `audit.activity_logs.payload`.
    ///
    /// # Errors
    /// [`Error::Internal`] when key derivation fails.
    pub fn new(root: &RootKey, id: i32, payload_column: u32, env: &Env) -> Result<Self> {
        let key = root.writer_key(id, Uuid::nil())?;
        let key = mac::Key::new(mac::HMAC_SHA256, &key[..]);
        Ok(Self { id, key, payload_column, last: Mutex::new((0, env.now())), journal: OnceLock::new() })
    }

    /// Keeps receipts in this folder from now on; a second call changes nothing.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it cannot be written.
    pub fn keep_receipts(&self, folder: &Path) -> Result<()> {
        let journal = Journal::begin(folder, self.id)?;
        self.journal.get_or_init(|| journal);
        Ok(())
    }

    /// Puts the receipts so far on the disk.
    pub(crate) fn sync_receipts(&self) {
        if let Some(journal) = self.journal.get() {
            journal.sync();
        }
    }

    /// Notes how the commit of these events ended.
    pub(crate) fn receipts(&self, events: &[Event], committed: bool) {
        if let Some(journal) = self.journal.get() {
            journal.note(events, committed);
        }
    }

    /// The next sequence number and a time that is later than the last one, even when the clock stepped back.
    fn next(&self, env: &Env) -> (i64, OffsetDateTime) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.0 += 1;
        last.1 = env.now().max(last.1 + Duration::microseconds(1));
        *last
    }

    /// Makes the event. `detail` is what may hold health data, such as a search text: it is sealed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the tenant has no audit key: without an event there is no answer.
    pub fn event(&self, ctx: &Ctx, keys: &TenantKeys, mut header: Header, detail: Option<&Value>) -> Result<Event> {
        let id = ctx.env.id();
        let (writer_seq, recorded_at) = self.next(&ctx.env);
        header.at = recorded_at;
        let text = header.canonical(ctx, id)?;
        let (payload, salt) = match detail {
            None => (None, None),
            Some(detail) => {
                let class = keys.active(KeyClass::Audit)?;
                let at = Binding { tenant: ctx.tenant, column: self.payload_column, row: id, format: Format::Json };
                let clear = serde_json::to_vec(detail).map_err(Error::internal)?;
                if class.count_seal() < 0 && class.is_exhausted() {
                    let why = "the audit key has sealed as many values as is safe: salus keys rotate --class audit";
                    return Err(Error::Unavailable(why.into()));
                }
                let mut salt = vec![0; 16];
                aws_lc_rs::rand::fill(&mut salt).map_err(|_| Error::internal("the random source failed"))?;
                (Some(seal(class, None, &at, &clear)?), Some(salt))
            }
        };
        let commit = leaf::commitment(salt.as_deref(), payload.as_deref());
        let mac = hmac(&self.key, &[&text, &commit]);
        let leaf = leaf::hash(&text, &commit, &mac);
        Ok(Event {
            id,
            tenant: ctx.tenant,
            recorded_at,
            writer_id: self.id,
            writer_seq,
            actor: ctx.actor.id,
            action: header.action,
            target: header.target,
            outcome: header.outcome.name(),
            header: text,
            payload,
            salt,
            commit: commit.to_vec(),
            mac: mac.to_vec(),
            leaf: leaf.to_vec(),
        })
    }
}
