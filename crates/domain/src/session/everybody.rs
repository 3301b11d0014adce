//! Sessions of others: who manages users ends those of one person, who keeps
//! the settings of security those of everybody.

use serde_json::json;

use super::{person, queries};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::factor;
use crate::ids::UserId;
use crate::user;

const REASON: &str = "ended_by_administrator";

/// Ends all sessions of another person, and their log-ins that wait for a
/// second step; nothing else of theirs changes. One's own are ended one by one
/// or all others at once in one's own settings. Who may more than the actor
/// stays logged in: else an administrator could keep every owner out.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`], [`DomainError::NotFound`], [`DomainError::Conflict`] for oneself.
pub async fn end_of(db: &Db, actor: &Actor, id: UserId) -> Result<()> {
    actor.require(Permission::UsersManage)?;
    let now = db.now();
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        // Whether there is such a person in this tenant.
        user::find(tx, tenant, id).await?;
        if actor.user_id == Some(id) {
            return Err(DomainError::conflict(
                "own_sessions",
                "these are your own: end them in your own settings (DELETE /v1/sessions)",
            ));
        }
        actor.require_at_least(&user::permissions(tx, tenant, id).await?)?;
        queries::end_all_of(tx, tenant, id, None, REASON, now).await?;
        let entry = audit::Entry {
            action: "user.sessions_ended",
            subject_kind: "user",
            subject_id: Some(id.0),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await
    })
    .await
}

/// Ends the sessions of everybody in the tenant but the one that asks, so that
/// whoever acts can go on; API tokens are no sessions and stay.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`] without step-up.
pub async fn end_everybody(db: &Db, actor: &Actor) -> Result<()> {
    actor.require(Permission::SecurityManage)?;
    actor.require_step_up()?;
    let (_, here) = person(actor)?;
    let now = db.now();
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        let ended = queries::end_all_but(tx, tenant, here, REASON, now).await?;
        factor::forget_all_log_ins(tx, tenant).await?;
        let entry = audit::Entry {
            action: "tenant.sessions_ended",
            subject_kind: "tenant",
            subject_id: Some(tenant.0),
            after: Some(json!({ "sessions": ended })),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await
    })
    .await
}
