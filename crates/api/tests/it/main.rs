//! Tests of the API over HTTP, against a real server and database; every
//! answer is held against the OpenAPI document (support/contract.rs).
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test stops at the first thing that is not as it should be; helpers are shared by modules"
)]

mod ab_test;
mod api_token;
mod audit;
mod auth;
mod backup;
mod bounce;
mod contact;
mod event;
mod http;
mod idempotency;
mod import;
mod matrix;
mod operator;
mod passkey_log_in;
mod password;
mod public;
mod results;
mod role;
mod route;
mod rules;
mod second_factor;
mod send_limit;
mod sender_domain;
mod sequence;
mod signup;
mod support;
mod transactional;
mod webhook;
