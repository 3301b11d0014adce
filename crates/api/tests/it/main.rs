//! Tests of the API over HTTP, against a real server and database; every
//! answer is held against the OpenAPI document (support/contract.rs).

mod auth;
mod http;
mod idempotency;
mod support;
