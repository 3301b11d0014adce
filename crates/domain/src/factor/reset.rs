//! The way back for a person who lost everything: somebody who manages users,
//! or the operator, takes all factors of theirs away.

use diesel_async::AsyncPgConnection;
use serde_json::json;

use super::{Person, notice, queries};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::UserId;
use crate::session;
use crate::user::{self, LoginId};

/// Takes all second factors of another person away, and ends their sessions.
/// One's own are removed one by one in one's own settings.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`] without step-up, or for who may more, [`DomainError::NotFound`],
/// [`DomainError::Conflict`] for oneself, or when there is none.
pub async fn reset(db: &Db, actor: &Actor, id: UserId) -> Result<()> {
    actor.require(Permission::UsersManage)?;
    db.tenant(actor.tenant_id, async |tx| {
        user::find(tx, actor.tenant_id, id).await?;
        // Who takes the factors of somebody away is half a way to what they may.
        actor.require_at_least(&user::permissions(tx, actor.tenant_id, id).await?)?;
        actor.require_step_up()?;
        if actor.user_id == Some(id) {
            return Err(DomainError::conflict(
                "own_factors",
                "these are your own: remove them in your own settings",
            ));
        }
        reset_in(db, tx, actor, id).await
    })
    .await
}

/// The same by the operator's command line.
///
/// # Errors
/// [`DomainError::NotFound`] for an unknown login id, [`DomainError::Conflict`] without a factor.
pub async fn reset_by_login_id(db: &Db, login_id: &str) -> Result<()> {
    let unknown = || DomainError::not_found("login id");
    let login_id = LoginId::parse(login_id).map_err(|_| unknown())?;
    let (tenant, id) = db
        .system(async |tx| user::find_home(tx, &login_id).await)
        .await?
        .ok_or_else(unknown)?;
    let actor = Actor::operator(tenant);
    db.tenant(tenant, async |tx| reset_in(db, tx, &actor, id).await)
        .await
}

async fn reset_in(db: &Db, tx: &mut AsyncPgConnection, actor: &Actor, id: UserId) -> Result<()> {
    let now = db.now();
    let person = Person {
        tenant: actor.tenant_id,
        user: id,
    };
    let methods = queries::methods(tx, person, true).await?;
    if !queries::delete_all(tx, person, now).await? {
        return Err(DomainError::conflict(
            "no_second_factor",
            "this person has no second factor",
        ));
    }
    let reason = "second_factors_reset";
    session::end_all_of(tx, person.tenant, id, None, reason, now).await?;
    let names: Vec<&str> = methods.into_iter().map(super::Method::as_str).collect();
    let entry = audit::Entry {
        action: "user.second_factors_reset",
        subject_kind: "user",
        subject_id: Some(id.0),
        before: Some(json!({ "methods": names })),
        ..audit::Entry::default()
    };
    audit::record(tx, actor, entry).await?;
    notice::reset(tx, actor, person, now).await
}
