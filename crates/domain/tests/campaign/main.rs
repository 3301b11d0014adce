//! Campaigns against a real database: pre-flight, freezing, control, what
//! recipients do.

mod control;
mod freeze;
mod preflight;
mod support;
