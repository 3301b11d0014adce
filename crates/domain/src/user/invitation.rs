//! How a new person comes in: a link by mail, by which they set a password
//! that nobody else ever knew.

use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::AsyncPgConnection;
use serde_json::json;

use super::link::{self, Purpose};
use super::reset::note;
use super::{User, queries};
use crate::actor::{Actor, Permission};
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{TenantId, UserId};
use crate::secret::Keys;
use crate::system_mail::{self, Kind};
use crate::tenant;

/// Invitations to one person within a day.
const A_DAY: usize = 20;
/// Invitations of one company within a day: they go to any address, by the
/// installation's own relay and in its name.
pub const OF_A_COMPANY: i64 = 200;

/// Mails an invitation in the transaction that makes or invites the person.
pub(super) async fn send(
    tx: &mut AsyncPgConnection,
    keys: &Keys,
    actor: &Actor,
    user: &User,
    now: DateTime<Utc>,
) -> Result<()> {
    let tenant = actor.tenant_id;
    require_room(tx, tenant, now).await?;
    let (token, until) = link::issue(tx, tenant, user.id, Purpose::Invitation, now).await?;
    let zone = tenant::find(tx, tenant).await?.time_zone;
    let params = json!({ "login_id": user.login_id, "expires_at": until, "time_zone": zone });
    let kind = Kind::Invitation;
    system_mail::enqueue_link(tx, keys, tenant, user.id, kind, &token, params, until, now).await?;
    note(tx, actor, "user.invited", user.id).await
}

/// # Errors
/// [`DomainError::LimitReached`] when the company has mailed its invitations of a day.
async fn require_room(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<()> {
    // One at a time, so that many at once are counted.
    tenant::lock(tx, tenant).await?;
    let day = TimeDelta::hours(24);
    let Some(oldest) = link::nth_invitation_since(tx, tenant, now - day, OF_A_COMPANY).await?
    else {
        return Ok(());
    };
    let wait = (oldest + day - now).num_seconds().max(1);
    Err(DomainError::LimitReached {
        code: "invitation_limit",
        detail: format!(
            "{OF_A_COMPANY} invitations were mailed within 24 hours, which is the most for a company: go on later, or give the person a password instead"
        ),
        retry_after: std::time::Duration::from_secs(wait.unsigned_abs()),
    })
}

/// Invites once more; links that were mailed before are void.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`] for who may more, [`DomainError::NotFound`],
/// [`DomainError::Conflict`] for somebody who has come already or is disabled, [`DomainError::TooManyRequests`],
/// [`DomainError::LimitReached`].
pub async fn send_again(db: &Db, keys: &Keys, actor: &Actor, id: UserId) -> Result<User> {
    actor.require(Permission::UsersManage)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let user = find_invited(tx, tenant, id).await?;
        actor.require_at_least(&queries::permissions(tx, tenant, id).await?)?;
        let since = now - TimeDelta::hours(24);
        let made = link::made_since(tx, tenant, id, Purpose::Invitation, since).await?;
        if made.len() >= A_DAY {
            let retry_after = std::time::Duration::from_secs(3600);
            return Err(DomainError::TooManyRequests { retry_after });
        }
        send(tx, keys, actor, &user, now).await?;
        queries::find(tx, tenant, id).await
    })
    .await
}

/// Voids the invitation; the person stays in the list, and can be invited again.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`] for who may more, [`DomainError::NotFound`],
/// [`DomainError::Conflict`] for somebody who has come already.
pub async fn revoke(db: &Db, actor: &Actor, id: UserId) -> Result<()> {
    actor.require(Permission::UsersManage)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let user = find_invited(tx, tenant, id).await?;
        actor.require_at_least(&queries::permissions(tx, tenant, id).await?)?;
        if link::void(tx, tenant, user.id, Some(Purpose::Invitation), now).await? > 0 {
            note(tx, actor, "user.invitation_revoked", id).await?;
        }
        Ok(())
    })
    .await
}

async fn find_invited(tx: &mut AsyncPgConnection, tenant: TenantId, id: UserId) -> Result<User> {
    queries::lock(tx, tenant, id).await?;
    let user = queries::find(tx, tenant, id).await?;
    if !user.invited || user.disabled_at.is_some() {
        return Err(DomainError::conflict(
            "not_invited",
            "this person has set a password already, or is disabled",
        ));
    }
    Ok(user)
}

/// Until when the open invitations of these people are good.
///
/// # Errors
/// [`DomainError::Forbidden`], or when the database does.
pub async fn open(db: &Db, actor: &Actor, users: &[User]) -> Result<Vec<(UserId, DateTime<Utc>)>> {
    let invited: Vec<UserId> = users.iter().filter(|u| u.invited).map(|u| u.id).collect();
    if invited.is_empty() {
        return Ok(Vec::new());
    }
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        link::open_invitations(tx, actor.tenant_id, &invited, now).await
    })
    .await
}
