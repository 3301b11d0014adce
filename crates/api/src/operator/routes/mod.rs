//! The console's operations: a file for each noun.

pub mod auth;
pub mod erasures;
pub mod installation;
pub mod support;
pub mod tenants;
