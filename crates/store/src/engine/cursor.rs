//! Where the next page begins: the last row's place, sealed with tenant, caller and request, so that an address of
//! one tenant means nothing to another, nor to another request.

use crate::{Tx, seal};
use aws_lc_rs::aead::{Aad, Nonce};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use salus_core::{Error, FieldError, Result};
use uuid::Uuid;

/// The last row of a page: its sort value as text, and its id.
pub struct Place {
    /// Value of the sort column, when there is one.
    pub key: Option<String>,
    /// Id.
    pub id: Uuid,
}

/// Seals a place into an opaque cursor.
///
/// # Errors
/// [`Error::Internal`] when the cipher fails.
pub fn seal_place(tx: &Tx, table: &str, shape: &str, place: &Place) -> Result<String> {
    let nonce = seal::nonce()?;
    let mut out = nonce.to_vec();
    out.extend_from_slice(place.id.as_bytes());
    out.extend_from_slice(place.key.as_deref().unwrap_or_default().as_bytes());
    let cipher = seal::cipher(tx.keys().index.cursors())?;
    let tag = cipher
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(binding(tx, table, shape)),
            &mut out[12..],
        )
        .map_err(|_| Error::internal("sealing a cursor failed"))?;
    out.extend_from_slice(tag.as_ref());
    Ok(URL_SAFE_NO_PAD.encode(out))
}

/// Opens a cursor of this caller and request.
///
/// # Errors
/// [`Error::Invalid`] for any other.
pub fn open_place(tx: &Tx, table: &str, shape: &str, cursor: &str) -> Result<Place> {
    let refused = || {
        let message = "Is not a cursor of this list: start again without it".into();
        Error::Invalid(vec![FieldError { pointer: "cursor".into(), code: "not_a_cursor".into(), message }])
    };
    let mut bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refused())?;
    if bytes.len() < 12 + 16 + 16 {
        return Err(refused());
    }
    let nonce = Nonce::try_assume_unique_for_key(&bytes[..12]).map_err(|_| refused())?;
    let cipher = seal::cipher(tx.keys().index.cursors())?;
    let clear =
        cipher.open_in_place(nonce, Aad::from(binding(tx, table, shape)), &mut bytes[12..]).map_err(|_| refused())?;
    let (id, key) = clear.split_at_checked(16).ok_or_else(refused)?;
    let key = std::str::from_utf8(key).map_err(|_| refused())?;
    Ok(Place { id: Uuid::from_slice(id).map_err(|_| refused())?, key: Some(key.to_owned()).filter(|k| !k.is_empty()) })
}

fn binding(tx: &Tx, table: &str, shape: &str) -> Vec<u8> {
    let tail = [table.as_bytes(), b"\0", shape.as_bytes()].concat();
    [tx.ctx.tenant.as_bytes(), tx.ctx.actor.id.as_bytes(), &tail[..]].concat()
}
