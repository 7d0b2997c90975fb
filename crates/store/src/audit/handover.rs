//! One signing key for another: both sign one head, and from then on the new one signs. A key that was lost is replaced
//! at the beginning of an epoch, which says so. What a former key signed stays believed up to the head at which it ended:
//! a code under the root key says where that was, so nobody can give a stolen key a longer life.

use super::{
    ended,
    log::{self, Head, LOCK, Log},
    merkle::{Checkpoint, Former, Note, SigningKey, VerifyingKey},
    plain,
    sealer::Stop,
    trust,
};
use crate::seal::RootKey;
use salus_core::{Error, Result};
use serde::{Deserialize, Serialize};
use tokio_postgres::{Row, Transaction};
use uuid::Uuid;

/// A head that two keys signed: who believes one of them may believe the other.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Handover {
    /// The key that ended.
    pub from: String,
    /// The key that signs since.
    pub to: String,
    /// The head, with both signatures.
    pub note: String,
}

/// What of a former key the code vouches for.
fn code(root: &RootKey, public: &[u8], epoch: i32, size: i64) -> Result<[u8; 32]> {
    root.log_key_code(format!("{} {epoch} {size}", hex::encode(public)).as_bytes())
}

/// A former key from its row, when the code vouches for it.
pub(super) fn former(root: &RootKey, row: &Row) -> Result<Former> {
    let (public, epoch, size): (&[u8], i32, i64) =
        (row.get("public_key"), row.get("ended_epoch"), row.get("ended_size"));
    if code(root, public, epoch, size)?[..] != *row.get::<_, &[u8]>("code") {
        return Err(Error::internal("a former signing key of the audit log was not ended by Salus"));
    }
    Ok(Former { key: public.try_into().map_err(Error::internal)?, epoch, size: size.cast_unsigned() })
}

/// Makes a new signing key that both sign the newest head with.
///
/// # Errors
/// [`Error::Conflict`] when nothing was sealed yet; [`Error::Unavailable`] when the log does not agree with itself.
pub async fn rotate(log: &Log) -> Result<Handover> {
    let mut client = log.connect().await?;
    let tx = client.transaction().await.map_err(|e| plain(&e))?;
    let made = exchange(log, &tx).await;
    ended(tx, made).await
}

async fn exchange(log: &Log, tx: &Transaction<'_>) -> Result<Handover> {
    tx.query_one("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await.map_err(|e| plain(&e))?;
    let nothing =
        || Error::Conflict { code: "not_sealed", detail: "No event was sealed yet: run salus audit seal".into() };
    let (Some(head), Some(old)) = (log::head(tx, true).await?, log.key(tx).await?) else { return Err(nothing()) };
    if head.size == 0 {
        return Err(nothing());
    }
    let grown = trust::tree(log, tx, &old, &head).await.map_err(|stop| match stop {
        Stop::Failed(e) => e,
        Stop::Refused(why) => Error::Unavailable(format!("the key stays: {why}: run salus audit verify")),
    })?;
    let (id, new, wrapped) = make(log, &old)?;
    let signed = old.sign(&Checkpoint { origin: log.origin(head.epoch), size: head.size, root: grown.tree().root() });
    let note = new.cosign(&signed).ok_or_else(|| Error::internal("a head of our own cannot be read"))?;
    end(log, tx, old.public().bytes(), &head).await?;
    insert(log, tx, (id, &new, &wrapped), Some(&note)).await?;
    Ok(Handover { from: old.public().to_string(), to: new.public().to_string(), note })
}

/// Ends a key that is lost and makes another one. `lost` is that key as it was noted outside: it must have signed the
/// newest head.
pub(super) async fn replace(log: &Log, tx: &Transaction<'_>, lost: &VerifyingKey, head: &Head) -> Result<SigningKey> {
    if log.key(tx).await.is_ok_and(|key| key.is_some()) {
        let detail = "The signing key is not lost: exchange it with salus audit rotate-key".into();
        return Err(Error::Conflict { code: "key_not_lost", detail });
    }
    let sql = "SELECT note FROM audit.checkpoints WHERE epoch = $1 AND size = $2";
    let row = tx.query_opt(sql, &[&head.epoch, &head.size.cast_signed()]).await.map_err(|e| plain(&e))?;
    let signed = row.and_then(|r| Note::parse(r.get(0))).and_then(|n| n.open(lost).ok());
    if lost.name() != log.name() || signed.is_none() {
        return Err(Error::invalid(
            "lost_key",
            "not_the_key",
            "Is not the key that signed the newest head of this log",
        ));
    }
    // A row that does not open any more, or one that somebody put there.
    tx.execute(
        "UPDATE audit.signing_keys SET public_key = $2::bytea, ended_epoch = $3, ended_size = $4, code = $5::bytea \
                WHERE origin = $1 AND ended_epoch IS NULL",
        &[
            &log.name(),
            &lost.bytes().to_vec(),
            &head.epoch,
            &head.size.cast_signed(),
            &code(&log.root, lost.bytes(), head.epoch, head.size.cast_signed())?.to_vec(),
        ],
    )
    .await
    .map_err(|e| plain(&e))?;
    let known = "SELECT EXISTS (SELECT FROM audit.signing_keys WHERE origin = $1 AND public_key = $2::bytea)";
    let known = tx.query_one(known, &[&log.name(), &lost.bytes().to_vec()]).await.map_err(|e| plain(&e))?;
    if !known.get::<_, bool>(0) {
        let sql = "INSERT INTO audit.signing_keys (id, origin, public_key, wrapped, created_at, ended_epoch, ended_size, code) \
                   VALUES ($1, $2, $3::bytea, '', $4, $5, $6, $7::bytea)";
        let code = code(&log.root, lost.bytes(), head.epoch, head.size.cast_signed())?.to_vec();
        tx.execute(
            sql,
            &[
                &log.env.id(),
                &log.name(),
                &lost.bytes().to_vec(),
                &log.env.now(),
                &head.epoch,
                &head.size.cast_signed(),
                &code,
            ],
        )
        .await
        .map_err(|e| plain(&e))?;
    }
    let (seed_id, (seed, wrapped)) = {
        let id = log.env.id();
        (id, log.root.new_log_key(id)?)
    };
    let new = SigningKey::new(&log.name(), &seed)?;
    insert(log, tx, (seed_id, &new, &wrapped.0), None).await?;
    log.key(tx).await?.ok_or_else(|| Error::internal("the new signing key is not there"))
}

fn make(log: &Log, old: &SigningKey) -> Result<(Uuid, SigningKey, Vec<u8>)> {
    let id = log.env.id();
    let (seed, wrapped) = log.root.new_log_key(id)?;
    Ok((id, SigningKey::new(old.public().name(), &seed)?, wrapped.0))
}

async fn end(log: &Log, tx: &Transaction<'_>, public: &[u8; 32], head: &Head) -> Result<()> {
    let (epoch, size) = (head.epoch, head.size.cast_signed());
    let code = code(&log.root, public, epoch, size)?.to_vec();
    let sql = "UPDATE audit.signing_keys SET public_key = $2::bytea, ended_epoch = $3, ended_size = $4, code = $5::bytea \
               WHERE origin = $1 AND ended_epoch IS NULL";
    tx.execute(sql, &[&log.name(), &public.to_vec(), &epoch, &size, &code]).await.map_err(|e| plain(&e))?;
    Ok(())
}

async fn insert(
    log: &Log,
    tx: &Transaction<'_>,
    (id, key, wrapped): (Uuid, &SigningKey, &[u8]),
    handover: Option<&str>,
) -> Result<()> {
    let sql = "INSERT INTO audit.signing_keys (id, origin, public_key, wrapped, created_at, handover) \
               VALUES ($1, $2, $3::bytea, $4, $5, $6)";
    let public = key.public().bytes().to_vec();
    tx.execute(sql, &[&id, &log.name(), &public, &wrapped, &log.env.now(), &handover]).await.map_err(|e| plain(&e))?;
    Ok(())
}

/// The handovers of a log, oldest first, for whoever holds one of its keys.
pub(super) async fn all(log: &Log, tx: &Transaction<'_>) -> Result<Vec<Handover>> {
    let sql = "SELECT public_key, handover FROM audit.signing_keys WHERE origin = $1 ORDER BY created_at, id";
    let rows = tx.query(sql, &[&log.name()]).await.map_err(|e| plain(&e))?;
    let key = |row: &Row| -> Result<String> {
        let bytes: &[u8] = row.get("public_key");
        Ok(VerifyingKey::of(&log.name(), bytes.try_into().map_err(Error::internal)?).to_string())
    };
    let mut all = Vec::new();
    for pair in rows.windows(2) {
        if let Some(note) = pair[1].get::<_, Option<String>>("handover") {
            all.push(Handover { from: key(&pair[0])?, to: key(&pair[1])?, note });
        }
    }
    Ok(all)
}

/// The newest key that is joined to this one by heads that both keys of each handover signed; it believes the former ones
/// up to there.
pub(super) fn follow(key: &VerifyingKey, handovers: &[Handover]) -> VerifyingKey {
    let links: Vec<(VerifyingKey, VerifyingKey, Checkpoint)> = handovers
        .iter()
        .filter_map(|h| {
            let (from, to) = (VerifyingKey::parse(&h.from).ok()?, VerifyingKey::parse(&h.to).ok()?);
            let note = Note::parse(&h.note)?;
            let said = note.open(&from).ok()?;
            (note.open(&to).ok()? == said && from.name() == to.name()).then_some((from, to, said))
        })
        .collect();
    let Some(at) = links.iter().position(|(from, to, _)| from.bytes() == key.bytes() || to.bytes() == key.bytes())
    else {
        return key.clone();
    };
    // Links that follow each other without a gap, to both sides.
    let joined = |a: usize, b: usize| links[a].1.bytes() == links[b].0.bytes();
    let first = (1..=at).rev().take_while(|i| joined(i - 1, *i)).last().map_or(at, |i| i - 1);
    let last = (at..links.len() - 1).take_while(|i| joined(*i, i + 1)).last().map_or(at, |i| i + 1);
    let former = links[first..=last].iter().map(|(from, _, head)| Former {
        key: *from.bytes(),
        epoch: head.epoch(),
        size: head.size,
    });
    links[last].1.clone().after(former.collect())
}
