//! For the tests of all three crates: a database of their own and builders.

mod builders;
mod database;

pub use builders::{TEST_PASSWORD, TestTenant};
pub use database::TestDatabase;
