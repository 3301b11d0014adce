//! Webhooks: from facts to messages, what senders take and give back; and the
//! rotation of master keys.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first thing that is not as it should be; its clock begins now; it asks in SQL and calls pg_dump"
)]

mod facts;
mod rights;
mod rotation;
mod support;
mod work;
