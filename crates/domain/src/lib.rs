//! Rules and persistence of Kikubari, one folder for each noun of
//! docs/architecture.md. Knows neither HTTP nor SMTP.

pub mod actor;
pub mod audit;
pub mod block;
pub mod campaign;
pub mod clock;
pub mod config;
pub mod consent;
pub mod contact;
pub mod contact_field;
pub mod csv_cell;
pub mod date_mail;
pub mod db;
pub mod delivery;
pub mod dns;
pub mod error;
pub mod event;
pub mod file;
pub mod folder;
pub mod housekeeping;
pub mod idempotency;
pub mod ids;
pub mod installation;
pub mod job;
pub mod limit;
pub mod list;
pub mod log;
pub mod mail;
pub mod operator;
pub mod page;
pub mod role;
pub mod route;
pub mod schema;
pub mod secret;
pub mod sender_domain;
pub mod sequence;
pub mod session;
pub mod signal;
pub mod signup;
pub mod support;
pub mod suppression;
pub mod template;
pub mod tenant;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod text_enum;
pub mod transactional;
pub mod user;

pub use actor::{Actor, Permission};
pub use db::Db;
pub use error::{DomainError, FieldError, Result};
