//! A session goes on (new tokens for a refresh token) or ends (log-out).

use std::net::IpAddr;

use chrono::TimeDelta;

use super::own::note_end;
use super::token::{AccessTokens, OpaqueToken};
use super::{LoggedIn, answer, ended, queries};
use crate::actor::{Actor, ActorKind};
use crate::audit;
use crate::db::Db;
use crate::error::Result;
use crate::tenant::{self, network};

/// A refresh token that comes a second time within this is taken for a race
/// of two tabs or a lost answer, not for theft.
const REUSE_GRACE: TimeDelta = TimeDelta::seconds(10);

/// Changes a refresh token for new tokens. One that was used before ends its
/// session (RFC 9700 §4.14.2), except within ten seconds of its use: then it
/// was two tabs at once, and both get an access token, the second no cookie.
///
/// # Errors
/// [`DomainError::Unauthenticated`] for every reason but one: [`DomainError::Refused`] from a
/// network that the tenant does not let in.
pub async fn refresh(
    db: &Db,
    tokens: &AccessTokens,
    presented: &str,
    ip: Option<IpAddr>,
) -> Result<LoggedIn> {
    let presented = OpaqueToken::decode(presented).ok_or_else(ended)?;
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
            if !tenant.allowed_networks.admits(ip) {
                return Err(network::refused());
            }
            if used_at.is_some_and(|at| now - at > REUSE_GRACE) {
                queries::end(tx, tenant_id, session_id, "refresh_token_reused", now).await?;
                let actor = Actor {
                    user_id: Some(row.user_id),
                    session_id: Some(session_id),
                    ip,
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
                    let next = OpaqueToken::new(tenant_id);
                    queries::use_refresh(tx, tenant_id, &presented.hash(), now).await?;
                    queries::insert_refresh(tx, tenant_id, session_id, &next.hash(), now).await?;
                    Some(next.encode())
                }
            };
            let me = queries::me(tx, tenant_id, row.user_id, row.expires_at, now).await?;
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
pub async fn log_out(db: &Db, presented: &str, ip: Option<IpAddr>) -> Result<()> {
    let Some(presented) = OpaqueToken::decode(presented) else {
        return Ok(());
    };
    let now = db.now();
    let tenant = presented.tenant;
    db.tenant(tenant, async |tx| {
        let Some((session_id, _)) = queries::lock_refresh(tx, tenant, &presented.hash()).await?
        else {
            return Ok(());
        };
        let open = queries::find(tx, tenant, session_id)
            .await?
            .filter(|session| session.ended_at.is_none());
        let Some(session) = open else {
            return Ok(());
        };
        queries::end(tx, tenant, session_id, "logged_out", now).await?;
        let actor = Actor {
            kind: ActorKind::User,
            user_id: Some(session.user_id),
            session_id: Some(session_id),
            ip,
            ..Actor::public(tenant)
        };
        note_end(tx, &actor, session_id, "logged_out").await
    })
    .await
}
