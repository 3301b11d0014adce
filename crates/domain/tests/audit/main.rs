//! The trace: its chain, who may touch it, reading it, and who looked at whom.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first thing that is not as it should be; it tampers in SQL"
)]

mod access;
mod action;
mod chain;
mod log_in;
mod mail;
mod read;
mod role;
mod support;
