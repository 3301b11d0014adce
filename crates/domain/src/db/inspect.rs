//! What `doctor` asks the database about itself.

use diesel::sql_types::{Array, BigInt, Bool, Text};
use diesel_async::RunQueryDsl;

use super::{Db, migrate};
use crate::error::Result;

/// Facts about the database, as the application sees it.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Migrations that the program has and the database not.
    pub missing_migrations: Vec<String>,
    /// The role is superuser, may bypass row level security, or owns tables.
    pub role_is_too_strong: bool,
    /// Functions behind search and segments that are not marked LEAKPROOF:
    /// row level security then keeps their indexes from being used.
    pub not_leakproof: Vec<String>,
    /// Partitions of delivery that begin after this month.
    pub partitions_ahead: i64,
    /// In which language the server says what went wrong (`lc_messages`).
    pub language: String,
}

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = Array<Text>)]
    versions: Vec<String>,
    #[diesel(sql_type = Bool)]
    too_strong: bool,
    #[diesel(sql_type = Array<Text>)]
    leaky: Vec<String>,
    #[diesel(sql_type = BigInt)]
    ahead: i64,
    #[diesel(sql_type = Text)]
    language: String,
}

const SQL: &str = "SELECT
    ARRAY(SELECT version::text FROM __diesel_schema_migrations ORDER BY 1) AS versions,
    (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)
        OR EXISTS (SELECT FROM pg_class WHERE relowner = current_user::regrole) AS too_strong,
    ARRAY(SELECT proname::text FROM pg_proc WHERE NOT proleakproof AND pronamespace = 'pg_catalog'::regnamespace
          AND proname IN ('textlike', 'texticlike', 'jsonb_contains') ORDER BY 1) AS leaky,
    (SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'delivery'::regclass AND c.relname > 'delivery_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMM')) AS ahead,
    current_setting('lc_messages') AS language";

/// # Errors
/// When the database does not answer, or was never migrated.
#[expect(clippy::disallowed_methods, reason = "reads the catalogue")]
pub async fn inspect(db: &Db) -> Result<Inspection> {
    let row: Row = db
        .system(async |tx| Ok(diesel::sql_query(SQL).get_result(tx).await?))
        .await?;
    let missing_migrations = migrate::names()?
        .into_iter()
        .filter(|name| {
            !row.versions
                .iter()
                .any(|version| name.replace('_', "").starts_with(version.as_str()))
        })
        .collect();
    Ok(Inspection {
        missing_migrations,
        role_is_too_strong: row.too_strong,
        not_leakproof: row.leaky,
        partitions_ahead: row.ahead,
        language: row.language,
    })
}
