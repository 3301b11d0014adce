//! What comes back by mail.
//!
//! [`report`] reads one mail: a delivery report (RFC 3464, [`dsn`]), a
//! complaint (RFC 5965, [`arf`]), a notification of SES ([`ses`]), or words that some system writes instead
//! ([`wording`]); [`words`] turns statuses and words into a reason. All of it
//! is pure, and made for hostile input: bounded in time and memory, never
//! panicking.
//!
//! [`server`] takes mail by SMTP or LMTP ([`session`], [`lines`]) for those
//! whom the [`desk`] knows: return paths that we signed, the mailbox of
//! cancellations, and sign-up addresses ([`signup`], [`mailbox`]). What cannot be written now is refused with 4xx, so that the
//! relay keeps it and nothing is lost.

mod address;
mod arf;
mod auto_reply;
mod carrier;
mod desk;
mod dsn;
mod lines;
mod mailbox;
mod mime;
mod recipients;
pub mod report;
mod server;
mod ses;
mod session;
pub mod signup;
mod wording;
pub(crate) mod words;

pub use desk::Desk;
pub use report::{Action, Finding, read};
pub use server::Inbound;
pub use session::Protocol;
