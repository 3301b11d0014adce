//! HTTP in, domain call, HTTP out: the REST API, the public pages, the SPA's
//! files, and the command line.

pub mod app;
pub mod background;
pub mod cli;
pub mod error;
pub mod events;
pub mod extract;
pub mod gather;
pub mod middleware;
pub mod networks;
pub mod openapi;
pub mod operator;
pub mod problems;
pub mod router;
pub mod routes;
pub mod spa;
pub mod state;
pub mod visitors;
pub mod words;
pub mod worker;
