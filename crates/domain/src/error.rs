//! The one error of all use cases: knows nothing of HTTP, keeps what the
//! public may read apart from what only the log may.

use std::time::Duration;

use unicode_normalization::UnicodeNormalization as _;

/// Result of a use case.
pub type Result<T, E = DomainError> = std::result::Result<T, E>;

/// What one field of the input did wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the input, for example `/email`.
    pub pointer: String,
    /// Stable code, for example `required`, `too_long`, `malformed`.
    pub code: &'static str,
    /// What is wrong and how to mend it.
    pub detail: String,
}

impl FieldError {
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            code,
            detail: detail.into(),
        }
    }
}

/// Why a use case did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DomainError {
    /// Nobody we know, or no longer: wrong password, ended session.
    #[error("{detail}")]
    Unauthenticated {
        code: &'static str,
        detail: &'static str,
    },
    /// Known, but not allowed to.
    #[error("this needs the permission {permission}")]
    Forbidden { permission: &'static str },
    /// Refused whoever asks, for example a request from another site.
    #[error("{detail}")]
    Refused { code: &'static str, detail: String },
    /// Not there, or another tenant's: the answer is the same.
    #[error("there is no such {what}")]
    NotFound { what: &'static str },
    /// The state of things forbids it.
    #[error("{detail}")]
    Conflict { code: &'static str, detail: String },
    /// Somebody else changed it meanwhile.
    #[error("it was changed meanwhile: read it again, and send your change with its new version")]
    Stale,
    /// The input is well-formed but not valid.
    #[error("{} field(s) of the input are not valid", .0.len())]
    Invalid(Vec<FieldError>),
    /// The input is over a size limit.
    #[error("{detail}")]
    TooLarge { detail: String },
    /// Too often.
    #[error("too many tries: wait {} seconds", .retry_after.as_secs())]
    TooManyRequests { retry_after: Duration },
    /// A number that a company has for a time is used up.
    #[error("{detail}")]
    LimitReached {
        code: &'static str,
        detail: String,
        retry_after: Duration,
    },
    /// Too many want the same at this moment, whoever they are. Nothing was done or counted.
    #[error("too many passwords are being checked at this moment: try again in {} seconds", .retry_after.as_secs())]
    Overloaded { retry_after: Duration },
    /// A part that we need does not answer; trying again later helps.
    #[error("the service cannot answer at the moment, try again later")]
    Unavailable { context: String },
    /// Our fault. The context goes to the log, never to the public.
    #[error("internal error")]
    Internal { context: String },
}

/// Code of the conflict that another moment ends: a deadlock's victim, two
/// changes that can't both be in order.
pub const BUSY: &str = "busy";

impl DomainError {
    /// Whether the same thing, asked again a little later, may well be done:
    /// nothing is wrong with it, and nothing with us.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. } | Self::Overloaded { .. } | Self::Conflict { code: BUSY, .. }
        )
    }

    /// One invalid field.
    pub fn invalid(
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self::Invalid(vec![FieldError::new(pointer, code, detail)])
    }

    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict {
            code,
            detail: detail.into(),
        }
    }

    pub fn internal(context: impl std::fmt::Display) -> Self {
        Self::Internal {
            context: context.to_string(),
        }
    }

    #[must_use]
    pub fn not_found(what: &'static str) -> Self {
        Self::NotFound { what }
    }

    /// Stable code for clients and logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated { code, .. }
            | Self::Refused { code, .. }
            | Self::Conflict { code, .. }
            | Self::LimitReached { code, .. } => code,
            Self::Forbidden { .. } => "forbidden",
            Self::NotFound { .. } => "not_found",
            Self::Stale => "stale",
            Self::Invalid(_) => "invalid",
            Self::TooLarge { .. } => "too_large",
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::Overloaded { .. } => "overloaded",
            Self::Unavailable { .. } => "unavailable",
            Self::Internal { .. } => "internal",
        }
    }
}

/// Whether mail programs would make a link of a part of it. Full-width letters
/// count as those that they look like.
pub(crate) fn holds_address(text: &str) -> bool {
    let plain: String = text.nfkc().flat_map(char::to_lowercase).collect();
    plain.contains("://") || plain.contains("www.")
}

/// Collects every field error of an input, so that a person mends all at once.
#[derive(Debug, Default)]
pub struct Validation(Vec<FieldError>);

impl Validation {
    pub fn add(
        &mut self,
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) {
        self.0.push(FieldError::new(pointer, code, detail));
    }

    /// Refuses text that is empty (when `min` > 0) or longer than `max` characters.
    pub fn length(&mut self, pointer: &str, text: &str, min: usize, max: usize) {
        let n = text.chars().count();
        if n < min {
            self.add(pointer, "required", "must not be empty");
        } else if n > max {
            self.add(
                pointer,
                "too_long",
                format!("has {n} characters, at most {max} are allowed"),
            );
        }
        if text.contains('\0') {
            self.add(pointer, "malformed", "must not hold a NUL character");
        }
    }

    /// A name that mails of the product show to people: mail programs make a
    /// link of anything that looks like one, and it would be ours.
    pub fn plain_name(&mut self, pointer: &str, name: &str) {
        if name.chars().any(char::is_control) {
            self.add(pointer, "malformed", "must not hold control characters");
        }
        if holds_address(name) {
            self.add(
                pointer,
                "web_address",
                "must not hold a web address (:// or www.): the name is shown in mails",
            );
        }
    }

    /// Keeps the value of a parse, or its error under `pointer`.
    pub fn keep<T>(
        &mut self,
        pointer: &str,
        parsed: std::result::Result<T, FieldError>,
    ) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                self.0.push(FieldError {
                    pointer: pointer.to_owned(),
                    ..error
                });
                None
            }
        }
    }

    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.0.is_empty()
    }

    /// # Errors
    /// [`DomainError::Invalid`] when anything was found.
    pub fn finish(self) -> Result<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(DomainError::Invalid(self.0))
        }
    }
}
