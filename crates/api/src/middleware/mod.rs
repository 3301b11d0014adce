//! Around every request.

pub mod access;
pub mod host;
pub mod idempotency;
pub mod log;
pub mod rate_limit;
pub mod request_id;
pub mod security_headers;

use actix_web::dev::ServiceRequest;

/// Of the route that will answer, however its path is spelled: `match_pattern`
/// of the request goes by the path as it came, routing by the decoded one.
fn route_pattern(request: &ServiceRequest) -> Option<String> {
    let path = request.match_info().as_str();
    request.resource_map().match_pattern(path)
}
