//! Campaigns against a real database: pre-flight, freezing, control, what
//! recipients do.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod control;
mod date_mail;
mod freeze;
mod frequency;
mod goes_out;
mod limits;
mod preflight;
mod report;
mod resend;
mod support;
mod timeline;
