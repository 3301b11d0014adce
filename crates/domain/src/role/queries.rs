//! SQL of roles.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::error::Result;
use crate::ids::{RoleId, TenantId};
use crate::schema::role;

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: RoleId,
    key: &str,
    name: &str,
    permissions: &[&str],
) -> Result<()> {
    diesel::insert_into(role::table)
        .values((
            role::tenant_id.eq(tenant),
            role::id.eq(id),
            role::key.eq(key),
            role::name.eq(name),
            role::builtin.eq(true),
            role::permissions.eq(permissions),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(crate) async fn find_by_key(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    key: &str,
) -> Result<Option<RoleId>> {
    Ok(role::table
        .filter(role::tenant_id.eq(tenant).and(role::key.eq(key)))
        .select(role::id)
        .first(tx)
        .await
        .optional()?)
}
