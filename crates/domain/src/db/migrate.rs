//! Migrations, embedded into the program; they run as the owner, whom the
//! application never is.

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use secrecy::SecretString;

use super::address::Address;
use crate::error::{DomainError, Result};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// Runs what is pending; answers the names of what it ran.
///
/// # Errors
/// When the database can't be reached or a migration fails; it is rolled back then.
pub async fn up(owner_url: &str) -> Result<Vec<String>> {
    with_harness(owner_url, |harness| {
        let ran = harness.run_pending_migrations(MIGRATIONS)?;
        Ok(ran.iter().map(ToString::to_string).collect())
    })
    .await
}

/// Takes all migrations back, for the test that each can be.
///
/// # Errors
/// As [`up`].
pub async fn down(owner_url: &str) -> Result<()> {
    with_harness(owner_url, |harness| {
        harness.revert_all_migrations(MIGRATIONS)?;
        Ok(())
    })
    .await
}

/// Names of all migrations that the program holds, oldest first; `doctor`
/// compares them with the database's.
///
/// # Errors
/// When the embedded migrations can't be read, which the build excludes.
pub fn names() -> Result<Vec<String>> {
    let migrations: Vec<Box<dyn Migration<Pg>>> =
        MigrationSource::<Pg>::migrations(&MIGRATIONS).map_err(DomainError::internal)?;
    let mut names: Vec<String> = migrations.iter().map(|m| m.name().to_string()).collect();
    names.sort();
    Ok(names)
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The harness blocks, so it gets a thread of its own.
async fn with_harness<T: Send + 'static>(
    owner_url: &str,
    work: impl FnOnce(&mut AsyncMigrationHarness<AsyncPgConnection>) -> Result<T, Failure>
    + Send
    + 'static,
) -> Result<T> {
    let connection = Address::parse(&SecretString::from(owner_url))?
        .connect()
        .await
        .map_err(|e| DomainError::Unavailable {
            context: format!("migrate: {e}"),
        })?;
    tokio::task::spawn_blocking(move || {
        let mut harness = AsyncMigrationHarness::new(connection);
        work(&mut harness).map_err(|e| DomainError::internal(format_args!("migrate: {e}")))
    })
    .await
    .map_err(DomainError::internal)?
}
