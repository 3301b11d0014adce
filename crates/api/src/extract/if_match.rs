//! `ETag` and `If-Match` (RFC 9110): the version of what two people can edit.

use std::future::{Ready, ready};

use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use domain::DomainError;

use crate::error::ApiError;

/// The version that a write builds on; required where it stands.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(pub i32);

/// The header for a version: `ETag: "7"`.
#[must_use]
pub fn etag(version: i32) -> (header::HeaderName, String) {
    (header::ETAG, format!("\"{version}\""))
}

impl FromRequest for IfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(value) = request.headers().get(header::IF_MATCH) else {
            return ready(Err(ApiError::PreconditionRequired));
        };
        let version = value.to_str().ok().and_then(|text| {
            text.trim()
                .strip_prefix("W/")
                .unwrap_or(text.trim())
                .strip_prefix('"')?
                .strip_suffix('"')?
                .parse()
                .ok()
        });
        // A tag that we never gave matches nothing.
        ready(version.map(Self).ok_or_else(|| DomainError::Stale.into()))
    }
}
