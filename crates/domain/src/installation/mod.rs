//! Facts of the whole installation: which one it is, and how often it was
//! restored.

use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::db::Db;
use crate::error::Result;
use crate::schema::installation;

/// What a mailer must know of the database before it believes its own files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable)]
pub struct Facts {
    pub uid: Uuid,
    /// Grows at each restore.
    pub epoch: i64,
}

/// # Errors
/// When the database does.
pub async fn facts(db: &Db) -> Result<Facts> {
    db.system(async |tx| {
        Ok(installation::table
            .select((installation::uid, installation::epoch))
            .first(tx)
            .await?)
    })
    .await
}

#[derive(QueryableByName)]
struct Noticed {
    #[diesel(sql_type = Bool)]
    noticed: bool,
}

/// Begins a new epoch when the database knows of fewer claims than the caller
/// remembers: it was restored from an older backup. Answers whether.
///
/// # Errors
/// When the database does.
#[expect(
    clippy::disallowed_methods,
    reason = "a function of the migrations; the value is bound"
)]
pub async fn notice_restore(db: &Db, remembered: i64) -> Result<bool> {
    db.system(async |tx| {
        let row: Noticed = diesel::sql_query("SELECT notice_restore($1) AS noticed")
            .bind::<BigInt, _>(remembered)
            .get_result(tx)
            .await?;
        Ok(row.noticed)
    })
    .await
}
