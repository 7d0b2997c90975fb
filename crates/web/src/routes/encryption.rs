//! The state of encryption.

use super::{
    frame::{Shown, Visit, html},
    home::json_of,
};
use crate::pages::encryption::{self, EncryptionView};
use salus_core::Error;
use salus_store::Call;

/// GET `/encryption`.
pub async fn show(visit: Visit) -> Shown {
    let reply = json_of(visit.call("kernel.key.overview", Call::default()).await?);
    let view: EncryptionView = serde_json::from_value(reply).map_err(|e| visit.error(Error::internal(e)))?;
    Ok(html(&encryption::render(&view, &visit.shell)))
}
