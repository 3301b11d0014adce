//! SMTP out: sessions with relays, pooled for each route, and with the mail
//! servers of recipients ([`mx`]); [`choice`] says which route a mail takes.

pub mod choice;
pub mod connect;
pub mod inside;
pub mod mx;
pub mod pool;
pub mod relay;
pub mod reply;
pub mod route;
mod seat;
pub mod session;
pub mod sessions;
pub mod slots;
pub mod stream;
pub mod tls;

pub use connect::{ConnectError, Endpoint, Protection};
pub use session::{Attempt, BeforeDot, Session, Stage};
