//! SQL of sessions and their refresh tokens.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::expiry::PasswordState;
use super::{Me, Session};
use crate::actor::Permission;
use crate::error::Result;
use crate::factor::{self, Person};
use crate::ids::{SessionId, TenantId, UserId};
use crate::role::Grant;
use crate::schema::{refresh_token, role, session, tenant, user_account};
use crate::tenant::Networks;
use crate::user;

/// All that a request's authentication looks at, in one query.
#[derive(Debug, Queryable)]
pub(super) struct Authenticated {
    pub(super) session: Session,
    pub(super) disabled: bool,
    pub(super) role: Grant,
    pub(super) idle_minutes: i32,
    pub(super) tenant_state: String,
    /// No second factor where the tenant wants one.
    pub(super) must_enrol: bool,
    pub(super) allowed_networks: Networks,
    pub(super) password_expiry_months: Option<i16>,
    pub(super) password_changed_at: DateTime<Utc>,
    pub(super) password_temporary: bool,
}

pub(super) async fn authenticate(
    mut tx: &AsyncPgConnection,
    tenant_id: TenantId,
    id: SessionId,
) -> Result<Option<Authenticated>> {
    let user_of = user_account::tenant_id
        .eq(session::tenant_id)
        .and(user_account::id.eq(session::user_id));
    let role_of = role::tenant_id
        .eq(session::tenant_id)
        .and(role::id.eq(user_account::role_id));
    Ok(session::table
        .inner_join(user_account::table.on(user_of))
        .inner_join(role::table.on(role_of))
        .inner_join(tenant::table.on(tenant::id.eq(session::tenant_id)))
        .filter(session::tenant_id.eq(tenant_id).and(session::id.eq(id)))
        .select((
            Session::as_select(),
            user_account::disabled_at.is_not_null(),
            Grant::as_select(),
            tenant::idle_minutes,
            tenant::state,
            tenant::second_factor_required.and(user_account::second_factor_at.is_null()),
            tenant::allowed_networks,
            tenant::password_expiry_months,
            user_account::password_changed_at,
            user_account::password_temporary,
        ))
        .first(&mut tx)
        .await
        .optional()?)
}

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant_id: TenantId,
    row: &Session,
) -> Result<()> {
    diesel::insert_into(session::table)
        .values((
            session::tenant_id.eq(tenant_id),
            session::id.eq(row.id),
            session::user_id.eq(row.user_id),
            session::user_agent.eq(&row.user_agent),
            session::ip.eq(row.ip),
            session::created_at.eq(row.created_at),
            session::last_active_at.eq(row.last_active_at),
            session::expires_at.eq(row.expires_at),
            session::stepped_up_at.eq(row.stepped_up_at),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn find(
    tx: &mut AsyncPgConnection,
    tenant_id: TenantId,
    id: SessionId,
) -> Result<Option<Session>> {
    Ok(session::table
        .find((tenant_id, id))
        .select(Session::as_select())
        .first(tx)
        .await
        .optional()?)
}

pub(super) async fn open_of(
    tx: &mut AsyncPgConnection,
    tenant_id: TenantId,
    user_id: UserId,
    now: DateTime<Utc>,
) -> Result<Vec<Session>> {
    Ok(session::table
        .filter(
            session::tenant_id
                .eq(tenant_id)
                .and(session::user_id.eq(user_id)),
        )
        .filter(session::ended_at.is_null().and(session::expires_at.gt(now)))
        .order(session::created_at.desc())
        .limit(100)
        .select(Session::as_select())
        .load(tx)
        .await?)
}

pub(super) async fn touch(
    mut tx: &AsyncPgConnection,
    tenant_id: TenantId,
    id: SessionId,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(session::table.find((tenant_id, id)))
        .set(session::last_active_at.eq(now))
        .execute(&mut tx)
        .await?;
    Ok(())
}

pub(super) async fn step_up(
    tx: &mut AsyncPgConnection,
    tenant_id: TenantId,
    id: SessionId,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(session::table.find((tenant_id, id)))
        .set(session::stepped_up_at.eq(now))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn end(
    tx: &mut AsyncPgConnection,
    tenant_id: TenantId,
    id: SessionId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(
        session::table
            .find((tenant_id, id))
            .filter(session::ended_at.is_null()),
    )
    .set((session::ended_at.eq(now), session::end_reason.eq(reason)))
    .execute(tx)
    .await?;
    Ok(())
}

/// Ends every open session of a person, except one, and every log-in that
/// waits for its second step.
pub(crate) async fn end_all_of(
    tx: &mut AsyncPgConnection,
    tenant_id: TenantId,
    user_id: UserId,
    except: Option<SessionId>,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut query = diesel::update(
        session::table
            .filter(
                session::tenant_id
                    .eq(tenant_id)
                    .and(session::user_id.eq(user_id)),
            )
            .filter(session::ended_at.is_null()),
    )
    .set((session::ended_at.eq(now), session::end_reason.eq(reason)))
    .into_boxed();
    if let Some(id) = except {
        query = query.filter(session::id.ne(id));
    }
    query.execute(tx).await?;
    let person = Person {
        tenant: tenant_id,
        user: user_id,
    };
    factor::forget_log_ins(tx, person).await
}

/// Ends every open session of a tenant but one; answers how many. Sessions are
/// swept by housekeeping, so that a tenant's rows stay few enough to be read through.
pub(super) async fn end_all_but(
    tx: &mut AsyncPgConnection,
    tenant_id: TenantId,
    except: SessionId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<usize> {
    let open = session::table
        .filter(session::tenant_id.eq(tenant_id))
        .filter(session::ended_at.is_null().and(session::expires_at.gt(now)))
        .filter(session::id.ne(except));
    Ok(diesel::update(open)
        .set((session::ended_at.eq(now), session::end_reason.eq(reason)))
        .execute(tx)
        .await?)
}

pub(super) async fn insert_refresh(
    tx: &mut AsyncPgConnection,
    tenant_id: TenantId,
    session_id: SessionId,
    hash: &[u8],
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::insert_into(refresh_token::table)
        .values((
            refresh_token::tenant_id.eq(tenant_id),
            refresh_token::hash.eq(hash),
            refresh_token::session_id.eq(session_id),
            refresh_token::created_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// The token's session and when it was used; locked, so that of two refreshes
/// at once the second sees the first.
pub(super) async fn lock_refresh(
    tx: &mut AsyncPgConnection,
    tenant_id: TenantId,
    hash: &[u8],
) -> Result<Option<(SessionId, Option<DateTime<Utc>>)>> {
    Ok(refresh_token::table
        .find((tenant_id, hash))
        .select((refresh_token::session_id, refresh_token::used_at))
        .for_update()
        .first(tx)
        .await
        .optional()?)
}

pub(super) async fn use_refresh(
    tx: &mut AsyncPgConnection,
    tenant_id: TenantId,
    hash: &[u8],
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(refresh_token::table.find((tenant_id, hash)))
        .set(refresh_token::used_at.eq(now))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn me(
    tx: &mut AsyncPgConnection,
    tenant_id: TenantId,
    user_id: UserId,
    session_expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Me> {
    let user = user::find(tx, tenant_id, user_id).await?;
    let permissions = user::permissions(tx, tenant_id, user_id).await?;
    let tenant = crate::tenant::find(tx, tenant_id).await?;
    let password = PasswordState::of(
        user.password_changed_at,
        user.password_temporary,
        tenant.password_expiry_months,
        now,
    );
    Ok(Me {
        user,
        permissions: permissions.into_iter().map(Permission::as_str).collect(),
        tenant,
        session_expires_at,
        password,
    })
}
