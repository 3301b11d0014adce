//! One line for each request: the pattern of its route instead of the path, so
//! that no token of a mail's link and no address that somebody searched for
//! stands in a log. Who asked stands there by ids, and why it was refused by
//! the problem's code alone: its text may quote what was sent (serde names the
//! value that has the wrong type, and that may be a password).

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use domain::Actor;
use tracing::Span;
use tracing_actix_web::{DefaultRootSpanBuilder, RootSpanBuilder};

/// The span that every log line of a request stands in.
#[derive(Debug)]
pub struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        tracing::info_span!(
            "request",
            request_id = super::request_id::current(),
            method = %request.method(),
            route = super::route_pattern(request).unwrap_or_else(|| "(none)".to_owned()),
            tenant = tracing::field::Empty,
            actor = tracing::field::Empty,
            problem = tracing::field::Empty,
            http.status_code = tracing::field::Empty,
            otel.status_code = tracing::field::Empty,
            exception.message = tracing::field::Empty,
            exception.details = tracing::field::Empty,
        )
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let status = match outcome {
            Ok(response) => response.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        if status.is_server_error() {
            DefaultRootSpanBuilder::on_request_end(span, outcome);
        } else {
            span.record("http.status_code", i32::from(status.as_u16()));
            span.record("otel.status_code", "OK");
        }
        let status = status.as_u16();
        tracing::info!(name: "api.request", status, "request served");
    }
}

/// Who it is, once that is known: a person, or a program by its API token.
pub(crate) fn note_actor(actor: &Actor) {
    let span = Span::current();
    span.record("tenant", tracing::field::display(actor.tenant_id));
    let id = actor
        .user_id
        .map(|id| id.0)
        .or(actor.token_id.map(|id| id.0));
    if let Some(id) = id {
        span.record("actor", tracing::field::display(id));
    }
}

/// Why it was refused.
pub(crate) fn note_problem(code: &str) {
    Span::current().record("problem", code);
}
