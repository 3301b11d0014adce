//! What a person does with their own log-in: who they are, their sessions,
//! their password.

use diesel_async::AsyncPgConnection;
use secrecy::SecretString;
use serde_json::json;

use super::password::{self, Hasher};
use super::{Me, Session, ended, person, queries, throttle};
use crate::actor::Actor;
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::SessionId;
use crate::tenant;
use crate::user;

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
        queries::me(tx, actor.tenant_id, user_id, row.expires_at).await
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

/// Ends one of one's own sessions.
///
/// # Errors
/// [`DomainError::NotFound`] when it is none of one's own.
pub async fn end(db: &Db, actor: &Actor, id: SessionId) -> Result<()> {
    let (user_id, _) = person(actor)?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let row = queries::find(tx, actor.tenant_id, id)
            .await?
            .filter(|s| s.user_id == user_id && s.ended_at.is_none());
        row.ok_or_else(|| DomainError::not_found("session"))?;
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

/// Changes one's own password; ends every other session of the person.
///
/// # Errors
/// [`DomainError::Invalid`] for a wrong current or unfit new password.
pub async fn change_password(
    db: &Db,
    hasher: &Hasher,
    actor: &Actor,
    current: SecretString,
    new: SecretString,
) -> Result<()> {
    let (user_id, session_id) = person(actor)?;
    let counters = throttle::Counters::of(&format!("change {user_id}"), actor.ip);
    throttle::check(db, &counters).await?;
    password::check(&new).map_err(|e| DomainError::invalid("/new_password", e.code, e.detail))?;
    let known = db
        .tenant(actor.tenant_id, async |tx| {
            user::credentials(tx, actor.tenant_id, user_id).await
        })
        .await?;
    if !hasher
        .verify(current, known.map(|c| c.password_hash))
        .await?
    {
        throttle::note_failure(db, &counters).await?;
        return Err(DomainError::invalid(
            "/current_password",
            "wrong",
            "is not your password",
        ));
    }
    throttle::note_success(db, &counters).await?;
    let hash = hasher.hash(new).await?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        user::set_password(tx, actor.tenant_id, user_id, &hash, now).await?;
        queries::end_all_of(
            tx,
            actor.tenant_id,
            user_id,
            Some(session_id),
            "password_changed",
            now,
        )
        .await?;
        let entry = audit::Entry {
            action: "user.password_changed",
            subject_kind: "user",
            subject_id: Some(user_id.0),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await
    })
    .await
}
