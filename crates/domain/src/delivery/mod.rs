//! Deliveries: one mail to one contact.

pub mod token;
