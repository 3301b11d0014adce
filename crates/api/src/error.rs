//! The last step of every failure: DomainError → problem+json (RFC 9457).

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use domain::{DomainError, FieldError};
use serde::Serialize;
use utoipa::ToSchema;

/// What a handler fails with: a refusal of the domain, or of HTTP itself.
#[derive(Debug)]
pub enum ApiError {
    Domain(DomainError),
    /// The request can't be read at all, for example broken JSON.
    Malformed(String),
    UnsupportedMediaType(&'static str),
    /// A write without `If-Match` to something that two people can edit.
    PreconditionRequired,
}

/// Result of a handler.
pub type ApiResult<T = HttpResponse> = Result<T, ApiError>;

impl From<DomainError> for ApiError {
    fn from(error: DomainError) -> Self {
        Self::Domain(error)
    }
}

/// A problem (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "about:blank", "title": "Unprocessable Content", "status": 422, "code": "invalid",
    "detail": "1 field(s) of the input are not valid",
    "errors": [{"pointer": "/email", "code": "malformed", "detail": "is no mail address"}],
    "request_id": "0192f0c1-7c1e-7d3a-9b1e-5d2f6a7b8c9d"
}))]
pub struct Problem {
    /// Always `about:blank`: `code` tells problems apart.
    pub r#type: Cow<'static, str>,
    /// The status in words.
    pub title: Cow<'static, str>,
    pub status: u16,
    /// Stable code, for programs.
    pub code: Cow<'static, str>,
    /// What happened and what to do, for people.
    pub detail: String,
    /// What is wrong with which field, for 422.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemField>,
    /// Name it when you ask for help; the log finds the request by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// What is wrong with one field.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemField {
    /// JSON pointer (RFC 6901) into the body, or `/name` of a query parameter.
    pub pointer: String,
    pub code: Cow<'static, str>,
    pub detail: String,
}

impl From<FieldError> for ProblemField {
    fn from(error: FieldError) -> Self {
        Self {
            pointer: error.pointer,
            code: error.code.into(),
            detail: error.detail,
        }
    }
}

/// A problem as an answer.
pub fn problem(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Problem {
    Problem {
        r#type: "about:blank".into(),
        title: status.canonical_reason().unwrap_or("Error").into(),
        status: status.as_u16(),
        code: code.into(),
        detail: detail.into(),
        errors: Vec::new(),
        request_id: crate::middleware::request_id::current(),
    }
}

impl Problem {
    pub fn into_response(self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.respond(&mut HttpResponseBuilder::new(status))
    }

    fn respond(self, builder: &mut HttpResponseBuilder) -> HttpResponse {
        builder
            .content_type(HeaderValue::from_static("application/problem+json"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(serde_json::to_vec(&self).unwrap_or_default())
    }
}

fn status_of(error: &DomainError) -> StatusCode {
    match error {
        DomainError::Unauthenticated { .. } => StatusCode::UNAUTHORIZED,
        DomainError::Forbidden { .. } | DomainError::Refused { .. } => StatusCode::FORBIDDEN,
        DomainError::NotFound { .. } => StatusCode::NOT_FOUND,
        DomainError::Conflict { .. } => StatusCode::CONFLICT,
        DomainError::Stale => StatusCode::PRECONDITION_FAILED,
        DomainError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        DomainError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        DomainError::TooManyRequests { .. } | DomainError::LimitReached { .. } => {
            StatusCode::TOO_MANY_REQUESTS
        }
        DomainError::Overloaded { .. } | DomainError::Unavailable { .. } => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        DomainError::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Domain(error) => error.fmt(f),
            Self::Malformed(detail) => f.write_str(detail),
            Self::UnsupportedMediaType(expected) => write!(f, "the body must be sent as {expected}"),
            Self::PreconditionRequired => f.write_str(
                "send the header If-Match with the ETag that you read, so that nobody's change is overwritten",
            ),
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Domain(error) => status_of(error),
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let code = match self {
            Self::Domain(error) => error.code(),
            Self::Malformed(_) => "malformed",
            Self::UnsupportedMediaType(_) => "unsupported_media_type",
            Self::PreconditionRequired => "precondition_required",
        };
        crate::middleware::log::note_problem(code);
        let mut body = problem(self.status_code(), code, self.to_string());
        let mut builder = HttpResponseBuilder::new(self.status_code());
        if let Self::Domain(error) = self {
            match error {
                DomainError::Invalid(fields) => {
                    body.errors = fields.iter().cloned().map(ProblemField::from).collect();
                }
                DomainError::TooManyRequests { retry_after }
                | DomainError::LimitReached { retry_after, .. }
                | DomainError::Overloaded { retry_after } => {
                    if matches!(error, DomainError::Overloaded { .. }) {
                        tracing::warn!(name: "api.overloaded", "too many log-ins at a time: one was sent away");
                    }
                    builder.insert_header((
                        header::RETRY_AFTER,
                        retry_after.as_secs().max(1).to_string(),
                    ));
                }
                DomainError::Unavailable { context } => {
                    tracing::error!(name: "api.unavailable", context, "a part does not answer");
                    builder.insert_header((header::RETRY_AFTER, "5"));
                }
                DomainError::Internal { context } => {
                    tracing::error!(name: "api.internal_error", context, "request failed");
                }
                DomainError::Unauthenticated { .. } => {
                    builder.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
                }
                DomainError::Forbidden { .. }
                | DomainError::Refused { .. }
                | DomainError::NotFound { .. }
                | DomainError::Conflict { .. }
                | DomainError::Stale
                | DomainError::TooLarge { .. } => {}
            }
        }
        let mut response = body.respond(&mut builder);
        if matches!(self, Self::Domain(error) if error.is_passing() || error.code() == NO_ANSWER) {
            response.extensions_mut().insert(Passing);
        }
        response
    }
}

/// Code of a check of DNS that got no answer.
const NO_ANSWER: &str = "dns_unavailable";

/// Mark of an answer that another moment may answer otherwise: it is kept for
/// no idempotency key.
#[derive(Clone, Copy)]
pub(crate) struct Passing;
