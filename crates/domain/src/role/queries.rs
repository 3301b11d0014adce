//! SQL of roles.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{BuiltinRole, Grant, Role};
use crate::actor::Permission;
use crate::db::error::{expect_foreign_keys, expect_unique};
use crate::error::{DomainError, Result};
use crate::ids::{RoleId, TenantId, UserId};
use crate::schema::{role, user_account};

#[derive(Queryable, Selectable)]
#[diesel(table_name = role)]
struct Row {
    id: RoleId,
    key: String,
    name: String,
    builtin: bool,
    #[diesel(embed)]
    grant: Grant,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Row {
    fn role(self, people: i64) -> Role {
        Role {
            id: self.id,
            permissions: self.grant.permissions(),
            key: self.key,
            name: self.name,
            builtin: self.builtin,
            people,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

fn names(permissions: &BTreeSet<Permission>) -> Vec<&'static str> {
    permissions.iter().map(|p| p.as_str()).collect()
}

fn name_taken() -> DomainError {
    DomainError::conflict(
        "name_taken",
        "there is a role of this name already: choose another one",
    )
}

pub(super) async fn insert_builtin(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: RoleId,
    key: &str,
    name: &str,
) -> Result<()> {
    diesel::insert_into(role::table)
        .values((
            role::tenant_id.eq(tenant),
            role::id.eq(id),
            role::key.eq(key),
            role::name.eq(name),
            role::builtin.eq(true),
            role::permissions.eq(Vec::<String>::new()),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn insert_own(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: RoleId,
    name: &str,
    permissions: &BTreeSet<Permission>,
    now: DateTime<Utc>,
) -> Result<()> {
    let made = diesel::insert_into(role::table)
        .values((
            role::tenant_id.eq(tenant),
            role::id.eq(id),
            role::key.eq(id.to_string()),
            role::name.eq(name),
            role::builtin.eq(false),
            role::permissions.eq(names(permissions)),
            role::created_at.eq(now),
            role::updated_at.eq(now),
        ))
        .execute(tx)
        .await;
    expect_unique(made, "role_name_key", name_taken)?;
    Ok(())
}

pub(super) async fn count_own(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<i64> {
    Ok(role::table
        .filter(role::tenant_id.eq(tenant).and(role::builtin.eq(false)))
        .count()
        .get_result(tx)
        .await?)
}

/// Roles that allow this.
async fn with(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    permission: Permission,
) -> Result<Vec<RoleId>> {
    let all: Vec<(RoleId, Grant)> = role::table
        .filter(role::tenant_id.eq(tenant))
        .select((role::id, Grant::as_select()))
        .load(tx)
        .await?;
    let allowing = all
        .into_iter()
        .filter(|(_, grant)| grant.permissions().contains(&permission));
    Ok(allowing.map(|(id, _)| id).collect())
}

/// The first people who may do this.
pub(crate) async fn people_with(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    permission: Permission,
    most: i64,
) -> Result<Vec<UserId>> {
    let roles = with(tx, tenant, permission).await?;
    Ok(user_account::table
        .filter(user_account::tenant_id.eq(tenant))
        .filter(user_account::role_id.eq_any(roles))
        .filter(user_account::disabled_at.is_null())
        .order(user_account::id)
        .limit(most)
        .select(user_account::id)
        .load(tx)
        .await?)
}

/// All of them: builtin ones first, from who may most; own ones by name.
pub(super) async fn all(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<Vec<Role>> {
    let rows: Vec<Row> = role::table
        .filter(role::tenant_id.eq(tenant))
        .select(Row::as_select())
        .order(role::name)
        .load(tx)
        .await?;
    let people: HashMap<RoleId, i64> = user_account::table
        .filter(user_account::tenant_id.eq(tenant))
        .group_by(user_account::role_id)
        .select((user_account::role_id, diesel::dsl::count_star()))
        .load::<(RoleId, i64)>(tx)
        .await?
        .into_iter()
        .collect();
    let mut roles: Vec<Role> = rows
        .into_iter()
        .map(|row| {
            let n = people.get(&row.id).copied().unwrap_or(0);
            row.role(n)
        })
        .collect();
    roles.sort_by_key(|role| {
        let place = BuiltinRole::ALL.iter().position(|b| b.key() == role.key);
        place.filter(|_| role.builtin).unwrap_or(usize::MAX)
    });
    Ok(roles)
}

/// Locked until the transaction ends, so that nobody gets a role that is being changed or deleted.
pub(super) async fn lock(tx: &mut AsyncPgConnection, tenant: TenantId, id: RoleId) -> Result<Role> {
    let row: Row = role::table
        .find((tenant, id))
        .select(Row::as_select())
        .for_update()
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("role"))?;
    let people = count_people(tx, tenant, id).await?;
    Ok(row.role(people))
}

pub(super) async fn find(tx: &mut AsyncPgConnection, tenant: TenantId, id: RoleId) -> Result<Role> {
    let row: Row = role::table
        .find((tenant, id))
        .select(Row::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("role"))?;
    let people = count_people(tx, tenant, id).await?;
    Ok(row.role(people))
}

async fn count_people(tx: &mut AsyncPgConnection, tenant: TenantId, id: RoleId) -> Result<i64> {
    Ok(user_account::table
        .filter(user_account::tenant_id.eq(tenant))
        .filter(user_account::role_id.eq(id))
        .count()
        .get_result(tx)
        .await?)
}

pub(super) async fn update(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: RoleId,
    name: &str,
    permissions: &BTreeSet<Permission>,
    now: DateTime<Utc>,
) -> Result<()> {
    let changed = diesel::update(role::table.find((tenant, id)))
        .set((
            role::name.eq(name),
            role::permissions.eq(names(permissions)),
            role::version.eq(role::version + 1),
            role::updated_at.eq(now),
        ))
        .execute(tx)
        .await;
    expect_unique(changed, "role_name_key", name_taken)?;
    Ok(())
}

pub(super) async fn delete(tx: &mut AsyncPgConnection, tenant: TenantId, id: RoleId) -> Result<()> {
    let deleted = diesel::delete(role::table.find((tenant, id)))
        .execute(tx)
        .await;
    let holder = "user_account_tenant_id_role_id_fkey";
    expect_foreign_keys(deleted, &[(holder, "people have this role")])?;
    Ok(())
}

/// The role of that key, and what it allows; kept from being changed until the
/// transaction ends.
pub(crate) async fn find_by_key(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    key: &str,
) -> Result<Option<(RoleId, Grant)>> {
    Ok(role::table
        .filter(role::tenant_id.eq(tenant).and(role::key.eq(key)))
        .select((role::id, Grant::as_select()))
        .for_key_share()
        .first(tx)
        .await
        .optional()?)
}
