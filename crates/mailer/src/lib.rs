//! The sending engine: claim, compose, sign, hand over, record.
//!
//! [`runner`] takes batches of due deliveries ([`claim`]); [`throttle`] sends back
//! what a limit has no room for; [`handover`] makes each mail ([`compose`],
//! [`sign`]), gives it to a session of its route ([`smtp`]), reads what became of
//! it ([`classify`]) and passes that to the ledger ([`record`]); [`journal`]
//! survives the process. What comes back by mail is read in [`inbound`]. The
//! product's own mails go by [`system_mail`]; [`webhook`] tells others what
//! happened, through the one client for addresses that somebody else names
//! ([`egress`]). docs/architecture.md walks one campaign through.

pub(crate) mod attempt;
pub mod claim;
pub mod classify;
pub mod compose;
pub mod config;
pub mod domain_watch;
pub mod egress;
pub mod fence;
pub mod handover;
pub mod inbound;
pub mod journal;
pub mod listener;
pub(crate) mod making;
pub mod metrics;
pub mod patience;
pub mod record;
pub mod runner;
pub mod schedule;
pub mod sign;
mod sites;
pub mod smtp;
pub mod system_mail;
pub mod throttle;
pub mod webhook;

/// The error with what only the log may read.
#[must_use]
pub fn explain(error: domain::DomainError) -> anyhow::Error {
    use domain::DomainError::{Internal, Unavailable};
    match &error {
        Internal { context } | Unavailable { context } => anyhow::anyhow!("{error}: {context}"),
        _ => error.into(),
    }
}
