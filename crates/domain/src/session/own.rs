//! What a person does with their own log-in: who they are, their sessions,
//! their password.

use diesel_async::AsyncPgConnection;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::device::tell_password_changed;
use super::password::{Hasher, Who, policy, replace};
use super::{Me, Session, ended, person, queries, throttle};
use crate::actor::Actor;
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::SessionId;
use crate::tenant;
use crate::user::link;

/// Who is logged in.
///
/// # Errors
/// When the database does.
pub async fn me(db: &Db, actor: &Actor) -> Result<Me> {
    let (user_id, session_id) = person(actor)?;
    db.tenant(actor.tenant_id, async |tx| {
        let row = queries::find(tx, actor.tenant_id, session_id)
            .await?
            .ok_or_else(ended)?;
        queries::me(tx, actor.tenant_id, user_id, row.expires_at, db.now()).await
    })
    .await
}

/// One's own live sessions, newest first (at most 100).
///
/// # Errors
/// When the database does.
pub async fn list(db: &Db, actor: &Actor) -> Result<Vec<Session>> {
    let (user_id, _) = person(actor)?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let idle = tenant::find(tx, actor.tenant_id).await?.idle_minutes;
        let rows = queries::open_of(tx, actor.tenant_id, user_id, now).await?;
        Ok(rows.into_iter().filter(|s| s.is_live(idle, now)).collect())
    })
    .await
}

/// Ends one of one's own sessions. Another one than that which asks wants a
/// fresh proof (ASVS 5.0, 7.5.2): otherwise who found a screen open could shut
/// the person out everywhere else.
///
/// # Errors
/// [`DomainError::NotFound`] when it is none of one's own, [`DomainError::Refused`] without step-up.
pub async fn end(db: &Db, actor: &Actor, id: SessionId) -> Result<()> {
    let (user_id, here) = person(actor)?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let row = queries::find(tx, actor.tenant_id, id)
            .await?
            .filter(|s| s.user_id == user_id && s.ended_at.is_none());
        row.ok_or_else(|| DomainError::not_found("session"))?;
        if id != here {
            actor.require_step_up()?;
        }
        queries::end(tx, actor.tenant_id, id, "ended_by_user", now).await?;
        note_end(tx, actor, id, "ended_by_user").await
    })
    .await
}

/// Into the trail: who ended which session.
pub(super) async fn note_end(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    id: SessionId,
    reason: &'static str,
) -> Result<()> {
    let entry = audit::Entry {
        action: "session.ended",
        subject_kind: "session",
        subject_id: Some(id.0),
        after: Some(json!({ "reason": reason })),
        ..audit::Entry::default()
    };
    audit::record(tx, actor, entry).await
}

/// Ends every other session of one's own.
///
/// # Errors
/// [`DomainError::Refused`] without step-up.
pub async fn end_others(db: &Db, actor: &Actor) -> Result<()> {
    actor.require_step_up()?;
    let (user_id, session_id) = person(actor)?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        queries::end_all_of(
            tx,
            actor.tenant_id,
            user_id,
            Some(session_id),
            "ended_by_user",
            now,
        )
        .await?;
        let entry = audit::Entry {
            action: "session.others_ended",
            subject_kind: "user",
            subject_id: Some(user_id.0),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await
    })
    .await
}

/// What there is to say against a new password of one's own, before it is set.
/// Former ones are compared only when it is.
///
/// # Errors
/// When the database does.
pub async fn check_password(
    db: &Db,
    hasher: &Hasher,
    actor: &Actor,
    new: SecretString,
) -> Result<policy::Judgement> {
    let (user_id, _) = person(actor)?;
    let turn = hasher.enter(Who::Known)?;
    let rules = db
        .tenant(actor.tenant_id, async |tx| {
            replace::rules(tx, actor.tenant_id, user_id).await
        })
        .await?;
    turn.judge(rules.policy, new).await
}

/// Changes one's own password; ends every other session of the person.
///
/// # Errors
/// [`DomainError::Invalid`] for a wrong current or unfit new password, [`DomainError::TooManyRequests`],
/// [`DomainError::Overloaded`].
pub async fn change_password(
    db: &Db,
    hasher: &Hasher,
    actor: &Actor,
    current: SecretString,
    new: SecretString,
) -> Result<()> {
    let (user_id, session_id) = person(actor)?;
    let turn = hasher.enter(Who::Known)?;
    let lanes = throttle::Lanes::confirm(&format!("change {user_id}"), actor.ip);
    throttle::reserve(db, &lanes).await?;
    let tenant = actor.tenant_id;
    let rules = db
        .tenant(tenant, async |tx| replace::rules(tx, tenant, user_id).await)
        .await?;
    let stored = rules.credentials.password_hash.clone();
    if !turn.verify(current.clone(), stored).await? {
        throttle::count(db, &lanes).await?;
        return Err(DomainError::invalid(
            "/current_password",
            "wrong",
            "is not your password",
        ));
    }
    throttle::release(db, &lanes).await?;
    if same(&current, &new) {
        return Err(DomainError::invalid(
            "/new_password",
            "unchanged",
            "is the password that you have: choose another one",
        ));
    }
    let hash = replace::prepare(&turn, rules, new).await?;
    let now = db.now();
    db.tenant(tenant, async |tx| {
        replace::write(tx, tenant, user_id, &hash, false, now).await?;
        link::void(tx, tenant, user_id, None, now).await?;
        let here = Some(session_id);
        queries::end_all_of(tx, tenant, user_id, here, "password_changed", now).await?;
        let entry = audit::Entry {
            action: "user.password_changed",
            subject_kind: "user",
            subject_id: Some(user_id.0),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await?;
        tell_password_changed(tx, actor, user_id, now).await
    })
    .await
}

fn same(a: &SecretString, b: &SecretString) -> bool {
    a.expose_secret() == b.expose_secret()
}
