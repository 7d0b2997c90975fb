//! Errors as RFC 9457 `application/problem+json`. An internal error is logged with its request id and answered
//! without its text.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use salus_core::Error;
use serde_json::json;
use uuid::Uuid;

/// An error on its way to a client, with the request it belongs to.
#[derive(Debug)]
pub struct Problem {
    /// What went wrong.
    pub error: Error,
    /// The request's id, which is also in the audit log.
    pub request: Uuid,
}

impl Problem {
    /// The words for the client; an internal error says nothing of its cause.
    #[must_use]
    pub fn detail(&self) -> String {
        match &self.error {
            Error::NotFound => "There is no such record.".into(),
            Error::Unauthenticated => "Sign in first, or send a valid API key.".into(),
            Error::Internal(_) => {
                format!("Something went wrong on our side. Tell support the request id {}.", self.request)
            }
            other => other.to_string(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if let Error::Internal(why) = &self.error {
            tracing::error!(request = %self.request, %why, "internal error");
        }
        let status = StatusCode::from_u16(self.error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let errors = if let Error::Invalid(errors) = &self.error { json!(errors) } else { json!([]) };
        // 404 says the same, byte for byte, whether a record is unknown or another tenant's.
        let instance =
            if matches!(self.error, Error::NotFound) { None } else { Some(format!("urn:uuid:{}", self.request)) };
        let body = json!({
            "type": format!("urn:salus:problem:{}", self.error.code()),
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "code": self.error.code(),
            "detail": self.detail(),
            "instance": instance,
            "errors": errors,
        });
        let mut response = (status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Ok(id) = HeaderValue::from_str(&self.request.to_string()) {
            headers.insert("x-request-id", id);
        }
        match self.error {
            Error::Unauthenticated => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"salus\""));
            }
            Error::TooMany(seconds) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            Error::Unavailable(_) | Error::UnknownOutcome => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(2));
            }
            _ => {}
        }
        response
    }
}
