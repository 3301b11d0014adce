//! SQL of users.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::{LoginId, PreparedUser, User};
use crate::actor::Permission;
use crate::db::error::expect_unique;
use crate::error::{DomainError, Result};
use crate::ids::{RoleId, TenantId, UserId};
use crate::role::{BuiltinRole, Grant};
use crate::schema::{login_directory, mail_directory, role, user_account};

/// What log-in and password change look at.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = user_account)]
pub(crate) struct Credentials {
    pub(crate) id: UserId,
    pub(crate) login_id: String,
    /// `None`: invited, and not come yet.
    pub(crate) password_hash: Option<String>,
    pub(crate) disabled_at: Option<DateTime<Utc>>,
    pub(crate) second_factor_at: Option<DateTime<Utc>>,
    pub(crate) password_changed_at: DateTime<Utc>,
    /// Somebody else made it up.
    pub(crate) password_temporary: bool,
}

/// The columns that a change sets.
#[derive(Debug, Default, AsChangeset)]
#[diesel(table_name = user_account)]
pub(super) struct Row {
    pub(super) display_name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) locale: Option<String>,
    pub(super) role_id: Option<RoleId>,
    /// Outer `None` leaves it, inner `None` enables again.
    pub(super) disabled_at: Option<Option<DateTime<Utc>>>,
}

pub(super) fn login_id_taken() -> DomainError {
    DomainError::conflict(
        "login_id_taken",
        "this login id is in use: choose another one",
    )
}

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: UserId,
    role_id: RoleId,
    user: &PreparedUser,
) -> Result<()> {
    expect_unique(
        diesel::insert_into(login_directory::table)
            .values((
                login_directory::login_key.eq(user.login_id.key().to_vec()),
                login_directory::tenant_id.eq(tenant),
                login_directory::user_id.eq(id),
            ))
            .execute(tx)
            .await,
        "login_directory_pkey",
        login_id_taken,
    )?;
    diesel::insert_into(user_account::table)
        .values((
            user_account::tenant_id.eq(tenant),
            user_account::id.eq(id),
            user_account::login_id.eq(user.login_id.as_str()),
            user_account::display_name.eq(&user.display_name),
            user_account::email.eq(&user.email),
            user_account::role_id.eq(role_id),
            user_account::locale.eq(&user.locale),
            user_account::password_hash.eq(user.password_hash.as_deref()),
            user_account::password_temporary.eq(user.temporary),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// Where a login id is at home; the one look-up before the tenant is known.
pub(crate) async fn find_home(
    tx: &mut AsyncPgConnection,
    login_id: &LoginId,
) -> Result<Option<(TenantId, UserId)>> {
    Ok(login_directory::table
        .find(login_id.key().to_vec())
        .select((login_directory::tenant_id, login_directory::user_id))
        .first(tx)
        .await
        .optional()?)
}

/// Whose mail address it is, over all tenants.
pub(super) async fn find_by_mail(
    tx: &mut AsyncPgConnection,
    email_key: &[u8],
    most: i64,
) -> Result<Vec<(TenantId, UserId)>> {
    Ok(mail_directory::table
        .filter(mail_directory::email_key.eq(email_key))
        .order((mail_directory::tenant_id, mail_directory::user_id))
        .limit(most)
        .select((mail_directory::tenant_id, mail_directory::user_id))
        .load(tx)
        .await?)
}

/// Keeps two at once from each making a link for a person.
pub(super) async fn lock(tx: &mut AsyncPgConnection, tenant: TenantId, id: UserId) -> Result<()> {
    let found: Option<UserId> = user_account::table
        .find((tenant, id))
        .select(user_account::id)
        .for_no_key_update()
        .first(tx)
        .await
        .optional()?;
    found
        .map(|_| ())
        .ok_or_else(|| DomainError::not_found("user"))
}

pub(crate) async fn credentials(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: UserId,
) -> Result<Option<Credentials>> {
    Ok(user_account::table
        .find((tenant, id))
        .select(Credentials::as_select())
        .first(tx)
        .await
        .optional()?)
}

pub(crate) async fn note_login(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: UserId,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(user_account::table.find((tenant, id)))
        .set(user_account::last_login_at.eq(now))
        .execute(tx)
        .await?;
    Ok(())
}

/// What the person's role allows.
pub(crate) async fn permissions(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: UserId,
) -> Result<BTreeSet<Permission>> {
    let role: Grant = user_account::table
        .inner_join(
            role::table.on(role::tenant_id
                .eq(user_account::tenant_id)
                .and(role::id.eq(user_account::role_id))),
        )
        .filter(
            user_account::tenant_id
                .eq(tenant)
                .and(user_account::id.eq(id)),
        )
        .select(Grant::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("user"))?;
    Ok(role.permissions())
}

pub(crate) async fn find(tx: &mut AsyncPgConnection, tenant: TenantId, id: UserId) -> Result<User> {
    user_account::table
        .inner_join(
            role::table.on(role::tenant_id
                .eq(user_account::tenant_id)
                .and(role::id.eq(user_account::role_id))),
        )
        .filter(
            user_account::tenant_id
                .eq(tenant)
                .and(user_account::id.eq(id)),
        )
        .select(User::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("user"))
}

pub(super) async fn page(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<User>> {
    let mut query = user_account::table
        .inner_join(
            role::table.on(role::tenant_id
                .eq(user_account::tenant_id)
                .and(role::id.eq(user_account::role_id))),
        )
        .filter(user_account::tenant_id.eq(tenant))
        .select(User::as_select())
        .order((user_account::created_at, user_account::id))
        .limit(limit)
        .into_boxed();
    if let Some((at, id)) = after {
        let id = UserId(id);
        query = query.filter(
            user_account::created_at
                .gt(at)
                .or(user_account::created_at.eq(at).and(user_account::id.gt(id))),
        );
    }
    Ok(query.load(tx).await?)
}

/// Whether the row was there in that version (any, when `None`).
pub(super) async fn update(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: UserId,
    version: Option<i32>,
    row: &Row,
    now: DateTime<Utc>,
) -> Result<bool> {
    let mut query = diesel::update(user_account::table.find((tenant, id)))
        .set((
            row,
            user_account::version.eq(user_account::version + 1),
            user_account::updated_at.eq(now),
        ))
        .into_boxed();
    if let Some(version) = version {
        query = query.filter(user_account::version.eq(version));
    }
    Ok(query.execute(tx).await? == 1)
}

/// Locks the owners' rows, so that two at once can't each remove the other.
pub(super) async fn active_owners(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<usize> {
    let owners: Vec<UserId> = user_account::table
        .inner_join(
            role::table.on(role::tenant_id
                .eq(user_account::tenant_id)
                .and(role::id.eq(user_account::role_id))),
        )
        .filter(user_account::tenant_id.eq(tenant))
        .filter(user_account::disabled_at.is_null())
        .filter(role::key.eq(BuiltinRole::Owner.key()))
        .select(user_account::id)
        .for_update()
        .load(tx)
        .await?;
    Ok(owners.len())
}
