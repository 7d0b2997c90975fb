//! Where the next page begins: the last row's place, sealed with tenant, caller and request, so that an address of
//! one tenant means nothing to another, nor to another request. Handles for what a page must remember in an address are
//! sealed in the same way.

use crate::{Tx, seal};
use aws_lc_rs::aead::{Aad, Nonce};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use salus_core::{Error, Result};
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
    let clear = [place.id.as_bytes(), place.key.as_deref().unwrap_or_default().as_bytes()].concat();
    seal_bytes(tx, table, shape, &clear)
}

/// Opens a cursor of this caller and request.
///
/// # Errors
/// [`Error::Invalid`] for any other.
pub fn open_place(tx: &Tx, table: &str, shape: &str, cursor: &str) -> Result<Place> {
    let refused = || Error::invalid("cursor", "not_a_cursor", "Is not a cursor of this list: start again without it");
    let clear = open_bytes(tx, table, shape, cursor)?.ok_or_else(refused)?;
    let (id, key) = clear.split_at_checked(16).ok_or_else(refused)?;
    let key = std::str::from_utf8(key).map_err(|_| refused())?;
    Ok(Place { id: Uuid::from_slice(id).map_err(|_| refused())?, key: Some(key.to_owned()).filter(|k| !k.is_empty()) })
}

/// A handle is padded to steps of this many bytes, so that its length says little of what is in it.
const STEP: usize = 256;

impl Tx {
    /// Seals a text into a handle that can stand in an address: only the same user of the same tenant can open it, and
    /// only for the same purpose. How long it holds is for the caller to put into the text.
    ///
    /// # Errors
    /// [`Error::Internal`] when the cipher fails.
    pub fn seal_handle(&self, purpose: &str, text: &str) -> Result<String> {
        let padded = text.len().next_multiple_of(STEP);
        seal_bytes(self, HANDLE, purpose, format!("{text:<padded$}").as_bytes())
    }

    /// The text of a handle; none for one of another user, tenant or purpose, or one that is none. Spaces at its end
    /// are not kept.
    ///
    /// # Errors
    /// [`Error::Internal`] when there is no cipher.
    pub fn open_handle(&self, purpose: &str, handle: &str) -> Result<Option<String>> {
        let clear = open_bytes(self, HANDLE, purpose, handle)?;
        Ok(clear.and_then(|bytes| String::from_utf8(bytes).ok()).map(|text| text.trim_end_matches(' ').to_owned()))
    }
}

/// Stands where a cursor has its table, so that neither can be taken for the other.
const HANDLE: &str = "handle";

fn seal_bytes(tx: &Tx, table: &str, shape: &str, clear: &[u8]) -> Result<String> {
    let nonce = seal::nonce()?;
    let mut out = [&nonce[..], clear].concat();
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

fn open_bytes(tx: &Tx, table: &str, shape: &str, sealed: &str) -> Result<Option<Vec<u8>>> {
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(sealed) else { return Ok(None) };
    if bytes.len() < 12 + 16 {
        return Ok(None);
    }
    let Some(nonce) = bytes.first_chunk::<12>().copied() else { return Ok(None) };
    // A page that was begun before the index key was exchanged goes on.
    for key in tx.keys().indexes() {
        let (cipher, mut tried) = (seal::cipher(key.cursors())?, bytes[12..].to_vec());
        let nonce = Nonce::assume_unique_for_key(nonce);
        if let Ok(clear) = cipher.open_in_place(nonce, Aad::from(binding(tx, table, shape)), &mut tried) {
            return Ok(Some(clear.to_vec()));
        }
    }
    Ok(None)
}

fn binding(tx: &Tx, table: &str, shape: &str) -> Vec<u8> {
    let tail = [table.as_bytes(), b"\0", shape.as_bytes()].concat();
    [tx.ctx.tenant.as_bytes(), tx.ctx.actor.id.as_bytes(), &tail[..]].concat()
}
