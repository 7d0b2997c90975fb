//! Visits that a nurse writes down while there is no network: the browser keeps them until the server is reached again.
//!
//! What holds: what the browser keeps it cannot read itself. It seals each visit for a key whose private half is in nobody's hands
//! but in a text that the server alone opens, and only for the same user of the same organization, for two weeks.

use crate::agreement::{POINT, failed, own_key, shared};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, PrivateKey},
    encoding::{AsBigEndian as _, EcPrivateKeyBin},
    hkdf::{HKDF_SHA256, Salt},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use salus_core::{Ctx, Result};
use salus_store::Db;
use serde::Deserialize;
use time::Duration;
use uuid::Uuid;

/// What the text that holds a private half is for.
const PURPOSE: &str = "clinic.offline";
/// What the key of one visit is derived for.
const INFO: &[u8] = b"salus clinic offline v1";
/// How long a browser may keep a visit.
const HOLDS: Duration = Duration::days(14);

/// What a browser is given so that it can seal.
#[derive(Debug, Clone)]
pub struct Lock {
    /// A point of P-256 as base64url.
    pub key: String,
    /// What goes back to the server with each visit.
    pub handle: String,
}

/// A visit as it was written down.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KeptVisit {
    /// Id of the school whose clinic was open in the browser.
    pub school: String,
    /// As the student or the list of the class says it.
    pub student_number: String,
    /// Code of the reason.
    pub reason: String,
    /// When the student came (RFC 3339).
    pub came_at: String,
    /// When the student went back to class (RFC 3339), if that was written down.
    #[serde(default)]
    pub left_at: Option<String>,
}

/// A new lock for this user.
///
/// # Errors
/// Those of the database and the cipher.
pub async fn lock(db: &Db, ctx: &Ctx) -> Result<Lock> {
    let own = own_key()?;
    let point = own.compute_public_key().map_err(|_| failed())?;
    let private: EcPrivateKeyBin<'_> = own.as_be_bytes().map_err(|_| failed())?;
    let text = format!("{} {}", db.env().now().unix_timestamp(), hex::encode(private.as_ref()));
    let tx = db.begin(ctx.clone(), true).await?;
    let handle = tx.seal_handle(PURPOSE, &text)?;
    tx.finish_unrecorded().await?;
    Ok(Lock { key: URL_SAFE_NO_PAD.encode(point.as_ref()), handle })
}

/// Opens a visit that this user's browser kept under this reference. `None` when it was kept for another user, is older than two
/// weeks, or is not what was sealed.
///
/// # Errors
/// Those of the database.
pub async fn kept_visit(
    db: &Db,
    ctx: &Ctx,
    (handle, sealed): (&str, &str),
    client_ref: Uuid,
) -> Result<Option<KeptVisit>> {
    let tx = db.begin(ctx.clone(), true).await?;
    let text = tx.open_handle(PURPOSE, handle)?;
    tx.finish_unrecorded().await?;
    let Some((made, private)) = text.as_deref().and_then(|text| text.split_once(' ')) else { return Ok(None) };
    let oldest = (db.env().now() - HOLDS).unix_timestamp();
    if made.parse::<i64>().map_or(true, |made| made < oldest) {
        return Ok(None);
    }
    let private = hex::decode(private).map_err(|_| failed())?;
    let own = PrivateKey::from_private_key(&ECDH_P256, &private).map_err(|_| failed())?;
    Ok(open(&own, sealed, client_ref))
}

fn open(own: &PrivateKey, sealed: &str, client_ref: Uuid) -> Option<KeptVisit> {
    let mut bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    if bytes.len() < POINT {
        return None;
    }
    let mut closed = bytes.split_off(POINT);
    let made = Salt::new(HKDF_SHA256, &[]).extract(&shared(own, &bytes).ok()?);
    let key = LessSafeKey::new(UnboundKey::from(made.expand(&[INFO], &AES_256_GCM).ok()?));
    // Each visit has a key of its own, so one nonce is enough.
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    let clear = key.open_in_place(nonce, Aad::from(client_ref.to_string()), &mut closed).ok()?;
    serde_json::from_slice(clear).ok()
}
