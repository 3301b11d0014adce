//! For the tests of all three crates: a database of their own and builders.

mod builders;
mod database;

pub use builders::{TestTenant, TEST_PASSWORD};
pub use database::TestDatabase;
