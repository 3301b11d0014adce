//! Turns of transactions that must not judge at the same time what each of them
//! is about to change.

use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::error::Result;

/// Waits for all others that took a turn of the same name, and holds it until the
/// transaction ends. The name says of what, and of which tenant.
///
/// # Errors
/// When the database does.
#[expect(clippy::disallowed_methods, reason = "advisory lock")]
pub(crate) async fn take_turn(tx: &mut AsyncPgConnection, name: &str) -> Result<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind::<Text, _>(name)
        .execute(tx)
        .await?;
    Ok(())
}
