//! HTTP in, one domain call, HTTP out: a file for each noun.

pub mod auth;
pub mod block;
pub mod folder;
pub mod health;
pub mod mail;
pub mod me;
pub mod public;
pub mod session;
pub mod template;
pub mod tenant;
pub mod user;
