//! Deliveries: one mail to one contact.

pub mod claim;
pub mod content;
pub mod counters;
pub mod lease;
pub mod outcome;
pub mod queue;
pub mod read;
pub mod record;
pub mod resend;
pub mod retry;
pub mod return_path;
pub mod token;
