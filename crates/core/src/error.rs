//! One error for the whole workspace. The edge turns it into problem+json, an `OperationOutcome` or a page message;
//! nothing in it may hold health data, because all of it is shown and logged.

use std::fmt;

/// What the caller did wrong in one field, as RFC 9457 `errors[]` shows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the request body; a query parameter is pointed at in the same form, as `/limit`.
    pub pointer: String,
    /// Stable machine word, such as `required` or `unknown_field`.
    pub code: String,
    /// What is wrong and what to do, for a person.
    pub message: String,
}

/// Everything that can go wrong, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such record, or one of another tenant: the two are never told apart (404).
    #[error("not found")]
    NotFound,
    /// Nobody is signed in, or the session has ended (401).
    #[error("sign-in required")]
    Unauthenticated,
    /// Signed in, but lacking this permission (403).
    #[error("the permission {0} is needed")]
    Forbidden(String),
    /// Signed in and permitted in general, but not this (403); the code says which rule.
    #[error("{detail}")]
    Refused {
        /// Stable machine word, such as `role_above_own`.
        code: &'static str,
        /// What is refused and who can do it.
        detail: String,
    },
    /// Permitted, but the person must prove first that it still is them (403).
    #[error("give your password again first: for this it must be sure that it is you; a client signs in again")]
    ProveAgain,
    /// The request cannot be understood at all (400).
    #[error("{0}")]
    Malformed(String),
    /// The request is understood and refused, field by field (422).
    #[error("{}", Fields(.0))]
    Invalid(Vec<FieldError>),
    /// The state of the record forbids it (409); the code says which rule.
    #[error("{detail}")]
    Conflict {
        /// Stable machine word, such as `duplicate`.
        code: &'static str,
        /// What conflicts and what to do.
        detail: String,
    },
    /// The record must be kept as it is for now (423); the code says why.
    #[error("{detail}")]
    Locked {
        /// Stable machine word, such as `needed_by_backup_or_hold`.
        code: &'static str,
        /// What is locked, and until when.
        detail: String,
    },
    /// `If-Match` names a version that is no longer current (412).
    #[error("the record has changed since it was read")]
    Stale,
    /// A change came without `If-Match` (428).
    #[error("send If-Match with the version that was read")]
    VersionRequired,
    /// The request is larger than is taken (413); the limit in MiB.
    #[error("the request is larger than {0} MiB")]
    TooLarge(usize),
    /// The body is of a type that is not taken (415).
    #[error("{0}")]
    Unsupported(String),
    /// Too many attempts (429); seconds to wait.
    #[error("too many requests: try again in {0} seconds")]
    TooMany(u32),
    /// Cannot answer now, and nothing was done (503).
    #[error("{0}")]
    Unavailable(String),
    /// The database may have done it and may not keep it (503): its answer to COMMIT was lost, or it did not wait for its
    /// standby. Whoever sends the same request with the same `Idempotency-Key` learns which.
    #[error("it is not known whether this was done: send the same request again, with the same Idempotency-Key")]
    UnknownOutcome,
    /// A fault of ours (500). The text goes to the log, never to the caller.
    #[error("internal error: {0}")]
    Internal(String),
}

/// The result of everything that can fail with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A fault of ours, with its cause for the log.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::Internal(cause.to_string())
    }

    /// One refused field. `field` is a column or parameter name; the pointer is made from it.
    pub fn invalid(field: &str, code: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, code, message)])
    }

    /// The HTTP status this error is answered with.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Unauthenticated => 401,
            Self::Forbidden(_) | Self::Refused { .. } | Self::ProveAgain => 403,
            Self::Malformed(_) => 400,
            Self::Invalid(_) => 422,
            Self::Conflict { .. } => 409,
            Self::Locked { .. } => 423,
            Self::Stale => 412,
            Self::VersionRequired => 428,
            Self::TooLarge(_) => 413,
            Self::Unsupported(_) => 415,
            Self::TooMany(_) => 429,
            Self::Unavailable(_) | Self::UnknownOutcome => 503,
            Self::Internal(_) => 500,
        }
    }

    /// The stable `code` of the problem document.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden(_) => "permission_denied",
            Self::ProveAgain => "prove_again",
            Self::Malformed(_) => "malformed",
            Self::Invalid(_) => "validation_failed",
            Self::Refused { code, .. } | Self::Conflict { code, .. } | Self::Locked { code, .. } => code,
            Self::Stale => "stale",
            Self::VersionRequired => "version_required",
            Self::TooLarge(_) => "too_large",
            Self::Unsupported(_) => "unsupported_media_type",
            Self::TooMany(_) => "too_many_requests",
            Self::Unavailable(_) => "unavailable",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Internal(_) => "internal",
        }
    }
}

impl FieldError {
    /// A refused field by its column or parameter name.
    pub fn new(field: &str, code: &str, message: impl Into<String>) -> Self {
        let pointer = if field.starts_with('/') || field.is_empty() { field.to_owned() } else { format!("/{field}") };
        Self { pointer, code: code.to_owned(), message: message.into() }
    }
}

struct Fields<'a>(&'a [FieldError]);

impl fmt::Display for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, e) in self.0.iter().enumerate() {
            let sep = if i == 0 { "" } else { "; " };
            match e.pointer.trim_start_matches('/') {
                "" => write!(f, "{sep}{}", e.message)?,
                field => write!(f, "{sep}{field}: {}", e.message)?,
            }
        }
        Ok(())
    }
}
