//! HTTP in, one domain call, HTTP out: a file for each noun.

pub mod auth;
pub mod health;
pub mod me;
pub mod session;
pub mod tenant;
pub mod user;
