//! Strict `Host`: links in answers and the check of `Origin` rely on it.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use crate::error::problem;
use crate::state::AppState;

/// Refuses requests for a host that is not ours.
///
/// # Errors
/// Those of the handlers.
pub async fn check(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let known = request
        .app_data::<web::Data<AppState>>()
        .is_some_and(|state| state.config.serves(host));
    if known {
        return next
            .call(request)
            .await
            .map(ServiceResponse::map_into_boxed_body);
    }
    let answer = problem(
        StatusCode::MISDIRECTED_REQUEST,
        "unknown_host",
        "this service does not answer for that host",
    );
    Ok(request.into_response(answer.into_response()))
}
