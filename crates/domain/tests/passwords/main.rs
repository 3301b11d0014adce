//! Passwords: their rules, and links by mail; and from where people may come.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first thing that is not as it should be; its clock begins now"
)]

mod doors;
mod given;
mod links;
mod places;
mod policy;
mod support;
mod tokens;
