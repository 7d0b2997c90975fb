//! A file that an operation answered (`salus_domains::paper::file`), as a browser saves it.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use salus_core::{Error, Result};
use serde_json::Value;

/// The bytes, to be saved under their name and kept in no cache.
///
/// # Errors
/// [`Error::Internal`] when this is no file.
pub fn download(file: &Value) -> Result<Response> {
    let text = |name: &str| file[name].as_str().ok_or_else(|| Error::internal(format!("a file has a {name}")));
    let bytes = STANDARD.decode(text("base64")?).map_err(Error::internal)?;
    let name = format!("attachment; filename=\"{}\"", text("name")?);
    let mut response = (StatusCode::OK, bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(text("media_type")?).map_err(Error::internal)?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(Error::internal)?);
    Ok(response)
}
