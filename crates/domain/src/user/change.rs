//! What an administrator changes of a person.

use diesel_async::AsyncPgConnection;
use secrecy::SecretString;

use super::{User, check_profile, link, queries, role_to_give};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::ids::UserId;
use crate::session::password::{Hasher, Who, policy, replace};

/// A change; `None` leaves a value as it is.
#[derive(Debug, Default)]
pub struct UserChange {
    pub display_name: Option<String>,
    pub email: Option<String>,
    /// Key of a role of the tenant.
    pub role: Option<String>,
    pub locale: Option<String>,
    pub disabled: Option<bool>,
    pub password: Option<SecretString>,
}

/// The hash of a password that an administrator gives somebody, when nothing
/// else stands in the way of the change.
async fn hash_for(
    db: &Db,
    hasher: &Hasher,
    actor: &Actor,
    id: UserId,
    version: i32,
    role: Option<&str>,
    new: SecretString,
) -> Result<String> {
    let tenant = actor.tenant_id;
    let rules = db
        .tenant(tenant, async |tx| {
            may_change(tx, actor, id).await?;
            if queries::find(tx, tenant, id).await?.version != version {
                return Err(DomainError::Stale);
            }
            if let Some(key) = role {
                role_to_give(tx, actor, key).await?;
            }
            replace::rules(tx, tenant, id).await
        })
        .await?;
    let turn = hasher.enter(Who::Given(tenant))?;
    policy::check(&turn, &rules.policy, &new, "/password").await?;
    turn.hash(new).await
}

/// Whoever holds a session of somebody would have their password by it, past
/// the present one, those that are not taken again, and the waits for guessing.
fn not_ones_own(actor: &Actor, id: UserId) -> Result<()> {
    if actor.user_id == Some(id) {
        return Err(DomainError::conflict(
            "own_password",
            "this is your own password: change it in your own settings, with the present one (POST /v1/auth/password)",
        ));
    }
    Ok(())
}

/// Their password or address would be a way to what they may.
async fn may_change(tx: &mut AsyncPgConnection, actor: &Actor, id: UserId) -> Result<()> {
    actor.require_at_least(&queries::permissions(tx, actor.tenant_id, id).await?)
}

/// Changes a person of version `version`. A password that an administrator
/// gives, never to themself, has to be changed at the next log-in. Disabling one, giving a new password
/// or taking a role away ends the sessions of that person. The last active
/// owner stays one, so that nobody locks a tenant out of itself; who may more
/// than the actor stays as they are.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`], [`DomainError::Invalid`], [`DomainError::NotFound`], [`DomainError::Stale`], [`DomainError::Conflict`],
/// [`DomainError::Overloaded`].
pub async fn update(
    db: &Db,
    hasher: &Hasher,
    actor: &Actor,
    id: UserId,
    version: i32,
    change: UserChange,
) -> Result<User> {
    actor.require(Permission::UsersManage)?;
    let mut v = Validation::default();
    check_profile(
        &mut v,
        change.display_name.as_deref(),
        change.email.as_deref(),
        change.locale.as_deref(),
    );
    v.finish()?;
    if change.password.is_some() {
        not_ones_own(actor, id)?;
        actor.require_step_up()?;
    }
    let password_hash = match change.password {
        Some(new) => {
            let role = change.role.as_deref();
            Some(hash_for(db, hasher, actor, id, version, role, new).await?)
        }
        None => None,
    };
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let before = queries::find(tx, actor.tenant_id, id).await?;
        may_change(tx, actor, id).await?;
        let role_id = match &change.role {
            Some(key) => Some(role_to_give(tx, actor, key).await?),
            None => None,
        };
        let ends_sessions =
            change.disabled == Some(true) || password_hash.is_some() || change.role.is_some();
        let new_address = change
            .email
            .as_ref()
            .is_some_and(|email| *email != before.email);
        let another_role = change.role.as_ref().is_some_and(|r| *r != before.role);
        let let_in_again = change.disabled == Some(false) && before.disabled_at.is_some();
        // Where links for a new password go is as much as the password; so is a
        // role, or who may come in again.
        if new_address || another_role || let_in_again {
            actor.require_step_up()?;
        }
        let row = queries::Row {
            display_name: change.display_name,
            email: change.email,
            locale: change.locale,
            role_id,
            disabled_at: change.disabled.map(|disabled| disabled.then_some(now)),
        };
        if !queries::update(tx, actor.tenant_id, id, Some(version), &row, now).await? {
            return Err(DomainError::Stale);
        }
        if queries::active_owners(tx, actor.tenant_id).await? == 0 {
            return Err(DomainError::conflict(
                "last_owner",
                "a tenant needs at least one active owner: make another one first",
            ));
        }
        // What was mailed may be with somebody else now; and whoever has it would
        // undo the password that was given.
        if change.disabled == Some(true) || new_address || password_hash.is_some() {
            link::void(tx, actor.tenant_id, id, None, now).await?;
        }
        if let Some(hash) = &password_hash {
            replace::write(tx, actor.tenant_id, id, hash, true, now).await?;
            crate::session::tell_password_changed(tx, actor, id, now).await?;
        }
        if ends_sessions {
            crate::session::end_all_of(
                tx,
                actor.tenant_id,
                id,
                None,
                "changed_by_administrator",
                now,
            )
            .await?;
        }
        let after = queries::find(tx, actor.tenant_id, id).await?;
        audit::record(
            tx,
            actor,
            audit::Entry {
                action: "user.updated",
                subject_kind: "user",
                subject_id: Some(id.0),
                before: serde_json::to_value(before).ok(),
                after: serde_json::to_value(&after).ok(),
            },
        )
        .await?;
        Ok(after)
    })
    .await
}
