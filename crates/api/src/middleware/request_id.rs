//! One id for each request: in the answer, in problems, in every log line and
//! in what the request enqueues.

use std::cell::RefCell;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use uuid::Uuid;

tokio::task_local! {
    static CURRENT: RefCell<String>;
}

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request that this task serves.
#[must_use]
pub fn current() -> Option<String> {
    CURRENT.try_with(|id| id.borrow().clone()).ok()
}

/// Gives the request an id of its own; what a client sends is not taken over,
/// since it would stand in the logs.
///
/// # Errors
/// Those of the handlers.
pub async fn assign<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let id = Uuid::now_v7().to_string();
    let header = HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("unknown"));
    // Called inside the scope, not before it: layers work before their first await.
    let served = async { next.call(request).await };
    let mut response = CURRENT.scope(RefCell::new(id), served).await?;
    response.headers_mut().insert(HEADER, header);
    Ok(response)
}
