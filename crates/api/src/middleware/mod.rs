//! Around every request.

pub mod access;
pub mod host;
pub mod idempotency;
pub mod log;
pub mod rate_limit;
pub mod request_id;
pub mod security_headers;
