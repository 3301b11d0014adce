//! For the tests of all three crates: a database of their own and builders.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod authenticator;
mod builders;
mod campaign;
mod database;
mod hostile;

pub use authenticator::{Kind, SoftAuthenticator};
pub use builders::{TEST_PASSWORD, TestTenant};
pub use campaign::sent_campaign;
pub use database::{Plan, TestDatabase};
pub use hostile::{hostile, processor_time};
