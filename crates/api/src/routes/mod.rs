//! HTTP in, one domain call, HTTP out: a file for each noun.

pub mod auth;
pub mod block;
pub mod campaign;
pub mod consent;
pub mod contact;
pub mod contact_field;
pub mod download;
pub mod export;
pub mod folder;
pub mod health;
pub mod import;
pub mod job;
pub mod list;
pub mod mail;
pub mod me;
pub mod public;
pub mod route;
pub mod sender_domain;
pub mod session;
pub mod subscription;
pub mod suppression;
pub mod template;
pub mod tenant;
pub mod test_send;
pub mod user;
