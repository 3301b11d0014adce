//! A session goes on (new tokens for a refresh token) or ends (log-out).

use chrono::TimeDelta;

use super::token::{AccessTokens, RefreshToken};
use super::{LoggedIn, answer, ended, queries};
use crate::actor::Actor;
use crate::audit;
use crate::db::Db;
use crate::error::Result;
use crate::tenant;

/// A refresh token that comes a second time within this is taken for a race
/// of two tabs or a lost answer, not for theft.
const REUSE_GRACE: TimeDelta = TimeDelta::seconds(10);

/// Changes a refresh token for new tokens. One that was used before ends its
/// session (RFC 9700 §4.14.2), except within ten seconds of its use: then it
/// was two tabs at once, and both get an access token, the second no cookie.
///
/// # Errors
/// [`DomainError::Unauthenticated`] for every reason.
pub async fn refresh(db: &Db, tokens: &AccessTokens, presented: &str) -> Result<LoggedIn> {
    let presented = RefreshToken::decode(presented).ok_or_else(ended)?;
    let tenant_id = presented.tenant;
    let now = db.now();
    // Ending a session on reuse must be committed, so the refusal is a value here.
    let outcome = db
        .tenant(tenant_id, async |tx| {
            let Some((session_id, used_at)) =
                queries::lock_refresh(tx, tenant_id, &presented.hash()).await?
            else {
                return Ok(None);
            };
            let Some(row) = queries::find(tx, tenant_id, session_id).await? else {
                return Ok(None);
            };
            let tenant = tenant::find(tx, tenant_id).await?;
            tenant::require_active(&tenant.state)?;
            if !row.is_live(tenant.idle_minutes, now) {
                return Ok(None);
            }
            if used_at.is_some_and(|at| now - at > REUSE_GRACE) {
                queries::end(tx, tenant_id, session_id, "refresh_token_reused", now).await?;
                let actor = Actor {
                    user_id: Some(row.user_id),
                    session_id: Some(session_id),
                    ..Actor::system(tenant_id)
                };
                let entry = audit::Entry {
                    action: "session.refresh_token_reused",
                    subject_kind: "session",
                    subject_id: Some(session_id.0),
                    ..audit::Entry::default()
                };
                audit::record(tx, &actor, entry).await?;
                return Ok(None);
            }
            let next = match used_at {
                Some(_) => None,
                None => {
                    let next = RefreshToken::new(tenant_id);
                    queries::use_refresh(tx, tenant_id, &presented.hash(), now).await?;
                    queries::insert_refresh(tx, tenant_id, session_id, &next.hash(), now).await?;
                    Some(next.encode())
                }
            };
            let me = queries::me(tx, tenant_id, row.user_id, row.expires_at).await?;
            Ok(Some((session_id, next, me)))
        })
        .await?;
    let (session_id, next, me) = outcome.ok_or_else(ended)?;
    answer(tokens, tenant_id, session_id, now, next, me)
}

/// Ends the session of a refresh token; a wrong one ends nothing, and is no error.
///
/// # Errors
/// When the database does.
pub async fn log_out(db: &Db, presented: &str) -> Result<()> {
    let Some(presented) = RefreshToken::decode(presented) else {
        return Ok(());
    };
    let now = db.now();
    db.tenant(presented.tenant, async |tx| {
        if let Some((session_id, _)) =
            queries::lock_refresh(tx, presented.tenant, &presented.hash()).await?
        {
            queries::end(tx, presented.tenant, session_id, "logged_out", now).await?;
        }
        Ok(())
    })
    .await
}
