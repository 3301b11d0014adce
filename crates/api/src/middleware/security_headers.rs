//! Headers that every answer carries, unless the handler set a stricter one.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use crate::state::AppState;

/// Scripts from our own files only; Mantine writes style attributes and style
/// elements, which can't run code.
macro_rules! own_files_only {
    () => {
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
font-src 'self'; connect-src 'self'; frame-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; \
form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    };
}

/// And no script of ours makes markup or scripts of text: the one policy that
/// there is (`frontend/src/app/trusted-types.ts`) lets pass what holds no tag.
const CSP: &str = concat!(
    own_files_only!(),
    "; require-trusted-types-for 'script'; trusted-types default"
);

/// The reader of the API's document makes markup of text by itself; it reads
/// nothing but our own document.
const DOCS: &str = own_files_only!();

const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// # Errors
/// Those of the handlers.
pub async fn add<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    // The operator's console has neither the state nor the reader.
    let state = request.app_data::<web::Data<AppState>>();
    let is_https = state.is_some_and(|state| state.config.public_url.starts_with("https://"));
    let is_docs = state.is_some() && request.path().starts_with("/docs/");
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    let policy = if is_docs { DOCS } else { CSP };
    let policy = (header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in HEADERS.into_iter().chain([policy]) {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if is_https {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=63072000; includeSubDomains"),
        );
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    Ok(response)
}
