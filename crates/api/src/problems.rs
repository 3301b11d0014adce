//! The problems that operations document: one type for each kind of
//! operation, so that no document is written by hand and none is blanket.

use std::collections::BTreeMap;

use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::error::Problem;

fn response(status: u16) -> Response {
    let (description, code) = match status {
        400 => (
            "The request can't be read, for example broken JSON",
            "malformed",
        ),
        401 => ("Not logged in, or the session ended", "unauthenticated"),
        403 => (
            "The role lacks the permission, or the request comes from another site",
            "forbidden",
        ),
        404 => ("There is none with this id in your tenant", "not_found"),
        409 => ("The state of things forbids it", "conflict"),
        412 => ("Changed meanwhile: read it again", "stale"),
        413 => ("The body is over the size limit", "too_large"),
        415 => (
            "The body is of another media type",
            "unsupported_media_type",
        ),
        422 => (
            "The input is not valid; `errors` says what, where and how to mend it",
            "invalid",
        ),
        428 => ("If-Match is missing", "precondition_required"),
        429 => (
            "Too often; wait for the seconds in Retry-After",
            "too_many_requests",
        ),
        503 => (
            "A part does not answer; try again after the seconds in Retry-After",
            "unavailable",
        ),
        _ => ("Problem", "internal"),
    };
    let title = actix_web::http::StatusCode::from_u16(status)
        .ok()
        .and_then(|s| s.canonical_reason())
        .unwrap_or("Error");
    let example = serde_json::json!({
        "type": "about:blank", "title": title, "status": status, "code": code, "detail": description,
        "request_id": "0192f0c1-7c1e-7d3a-9b1e-5d2f6a7b8c9d"
    });
    let content = ContentBuilder::new()
        .schema(Some(RefOr::Ref(Ref::from_schema_name(Problem::name()))))
        .example(Some(example))
        .build();
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build()
}

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident: $($status:literal)+;)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$($status),+].into_iter().map(|status: u16| (status.to_string(), RefOr::T(response(status)))).collect()
            }
        }
    )+};
}

problems! {
    /// A list, or something without an id that is only read.
    ListProblems: 400 401 403 422 429 503;
    /// Something without an id and without parameters that is only read.
    BareProblems: 400 401 403 429 503;
    /// One thing by its id.
    GetProblems: 400 401 403 404 429 503;
    /// A list that belongs to one thing by its id.
    GetListProblems: 400 401 403 404 422 429 503;
    /// POST that makes something in the tenant.
    CreateProblems: 400 401 403 409 413 415 422 429 503;
    /// POST of a file.
    UploadProblems: 400 401 403 409 413 415 422 429 503;
    /// POST that acts on one thing by its id, with a body.
    ActionProblems: 400 401 403 404 409 413 415 422 429 503;
    /// POST that acts on one thing by its id, without a body.
    BareActionProblems: 400 401 403 404 409 422 429 503;
    /// PATCH or PUT with If-Match.
    UpdateProblems: 400 401 403 404 409 412 413 415 422 428 429 503;
    /// DELETE with If-Match.
    DeleteProblems: 400 401 403 404 409 412 428 429 503;
    /// DELETE of something that nobody edits.
    RemoveProblems: 400 401 403 404 409 429 503;
    /// A question that is put to whoever asks.
    QuestionProblems: 400 409 429 503;
    /// Log-in, refresh, log-out.
    AuthProblems: 400 401 403 413 415 422 429 503;
    /// The exchange of an API token, besides the errors of its own form.
    TokenProblems: 403 413 429 503;
    /// Public pages.
    PublicProblems: 400 404 429 503;
}
