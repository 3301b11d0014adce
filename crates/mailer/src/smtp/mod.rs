//! SMTP out: sessions with relays, pooled for each route; [`choice`] says which
//! route a mail takes.

pub mod choice;
pub mod connect;
pub mod pool;
pub mod reply;
pub mod route;
pub mod session;

pub use connect::{ConnectError, Endpoint, Security};
pub use session::{Attempt, BeforeDot, Session, Stage};
