//! Deliveries: one mail to one contact.

pub mod counters;
pub mod token;
