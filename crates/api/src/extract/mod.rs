//! What handlers take out of a request; each fails with a problem.

mod body;
mod current_user;
mod if_match;
mod nullable;
mod page;
mod path;

pub use body::{Body, MAX_JSON, collect};
pub use current_user::{Caller, CurrentUser, EnrollingUser, actor_of, claims, client_ip};
pub use if_match::{IfMatch, etag};
pub use nullable::nullable;
pub use page::{PageOf, PageQuery, QueryOf, code, search};
pub use path::Id;
