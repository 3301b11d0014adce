//! The operator's console: a program, listener, log-in and document of its
//! own. `routes/` are its operations; what staff look at under a grant of a
//! tenant are the tenants' own read handlers (`configure_support` of each).

pub mod app;
pub mod config;
pub mod extract;
pub mod middleware;
pub mod openapi;
pub mod routes;
pub mod spa;
pub mod worker;
