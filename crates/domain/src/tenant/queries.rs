//! SQL of tenants.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Uuid as SqlUuid;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{Tenant, TenantChange};
use crate::error::Result;
use crate::ids::TenantId;
use crate::schema::tenant;

pub(super) async fn insert(tx: &mut AsyncPgConnection, id: TenantId, name: &str) -> Result<()> {
    diesel::insert_into(tenant::table)
        .values((tenant::id.eq(id), tenant::name.eq(name)))
        .execute(tx)
        .await?;
    Ok(())
}

/// By a function of the database, since staff's role reads no settings but
/// under a grant (decision 0044).
#[expect(
    clippy::disallowed_methods,
    reason = "a function that answers rows; the id is bound"
)]
pub(crate) async fn find(tx: &mut AsyncPgConnection, id: TenantId) -> Result<Tenant> {
    Ok(diesel::sql_query("SELECT * FROM tenant_settings($1)")
        .bind::<SqlUuid, _>(id)
        .get_result(tx)
        .await?)
}

/// Keeps two of a company at once from each counting without the other.
pub(crate) async fn lock(tx: &mut AsyncPgConnection, id: TenantId) -> Result<()> {
    let _: TenantId = tenant::table
        .find(id)
        .select(tenant::id)
        .for_no_key_update()
        .first(tx)
        .await?;
    Ok(())
}

/// `None` when the version is not the current one.
pub(super) async fn update(
    tx: &mut AsyncPgConnection,
    id: TenantId,
    version: i32,
    change: &TenantChange,
    now: DateTime<Utc>,
) -> Result<Option<Tenant>> {
    Ok(
        diesel::update(tenant::table.find(id).filter(tenant::version.eq(version)))
            .set((
                change,
                tenant::version.eq(version + 1),
                tenant::updated_at.eq(now),
            ))
            .returning(Tenant::as_returning())
            .get_result(tx)
            .await
            .optional()?,
    )
}
