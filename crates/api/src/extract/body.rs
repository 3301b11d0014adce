//! JSON bodies: size limit, media type, and errors that name the field.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use domain::DomainError;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// Most bytes of a JSON body unless the type says otherwise: two mail parts of
/// 1 MiB fit with their escapes.
pub const MAX_JSON: usize = 4 * 1024 * 1024;

/// A JSON body. Derive `Deserialize` with `deny_unknown_fields` on `T`.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T> Deref for Body<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| {
                value
                    .split(';')
                    .next()
                    .unwrap_or("")
                    .trim()
                    .eq_ignore_ascii_case("application/json")
            });
        let payload = payload.take();
        Box::pin(async move {
            if !is_json {
                return Err(ApiError::UnsupportedMediaType("application/json"));
            }
            parse(&collect(payload, MAX_JSON).await?)
        })
    }
}

/// Reads a payload of at most `limit` bytes.
pub async fn collect(mut payload: Payload, limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut body = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|e| ApiError::Malformed(format!("the body ended early: {e}")))?;
        if body.len() + chunk.len() > limit {
            let detail = format!("the body is over the limit of {limit} bytes");
            return Err(DomainError::TooLarge { detail }.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.to_vec())
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<Body<T>, ApiError> {
    // Serde would take an array for a struct, its members in order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(DomainError::invalid("", "invalid", "must be an object, not an array").into());
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value: T = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let pointer = pointer(error.path());
        let inner = error.into_inner();
        if inner.is_data() {
            DomainError::invalid(pointer, "invalid", inner.to_string()).into()
        } else {
            ApiError::Malformed(format!("the body is no JSON: {inner}"))
        }
    })?;
    json.end()
        .map_err(|e| ApiError::Malformed(format!("the body is no JSON: {e}")))?;
    Ok(Body(value))
}

/// A path of serde as a JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { .. } | Segment::Unknown => String::new(),
        })
        .collect()
}
