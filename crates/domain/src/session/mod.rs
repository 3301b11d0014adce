//! Sessions: log-in, refresh, idle time-out, log-out, password change.
//!
//! A session row in the database is the authority: the access token only
//! carries its id, so that ending the row ends everything at once.

pub mod password;
mod queries;
mod throttle;
pub mod token;

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use ipnet::IpNet;
use secrecy::SecretString;
use serde::Serialize;

use crate::actor::{Actor, ActorKind, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{SessionId, TenantId, UserId};
use crate::schema::session;
use crate::tenant::{self, Tenant};
use crate::user::{self, LoginId, User};
use password::Hasher;
use token::{ACCESS_LIFETIME, AccessTokens, Claims, RefreshToken};

pub(crate) use queries::end_all_of;

/// Longest life of a session, however busy (product.md A4).
pub const ABSOLUTE_LIFETIME: TimeDelta = TimeDelta::hours(12);
/// A refresh token that comes a second time within this is taken for a race
/// of two tabs or a lost answer, not for theft.
const REUSE_GRACE: TimeDelta = TimeDelta::seconds(10);
/// `last_active_at` is written at most this often.
const ACTIVITY_STEP: TimeDelta = TimeDelta::seconds(20);

/// From where somebody logs in.
#[derive(Debug, Clone, Default)]
pub struct Device {
    pub ip: Option<IpAddr>,
    /// As the browser says; hostile input, cut to 400 characters.
    pub user_agent: String,
}

/// The person who is logged in, and what the page needs to know of them.
#[derive(Debug, Clone, Serialize)]
pub struct Me {
    pub user: User,
    pub permissions: Vec<&'static str>,
    pub tenant: Tenant,
    pub session_expires_at: DateTime<Utc>,
}

/// Tokens of a session.
#[derive(Debug)]
pub struct LoggedIn {
    pub access_token: SecretString,
    /// Seconds.
    pub expires_in: i64,
    /// `None` when the cookie that the browser has is to stay (a race of two refreshes).
    pub refresh_token: Option<SecretString>,
    pub me: Me,
}

/// A session, as shown to its owner.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = session)]
pub struct Session {
    pub id: SessionId,
    pub user_id: UserId,
    pub user_agent: String,
    pub ip: Option<IpNet>,
    pub created_at: DateTime<Utc>,
    pub last_active_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

impl Session {
    fn is_live(&self, idle_minutes: i32, now: DateTime<Utc>) -> bool {
        self.ended_at.is_none()
            && now < self.expires_at
            && now - self.last_active_at < TimeDelta::minutes(idle_minutes.into())
    }
}

fn wrong_credentials() -> DomainError {
    DomainError::Unauthenticated {
        code: "wrong_credentials",
        detail: "login id or password is wrong",
    }
}

fn ended() -> DomainError {
    DomainError::Unauthenticated {
        code: "session_ended",
        detail: "the session has ended: log in again",
    }
}

/// Logs a person in. An unknown id, a wrong password and a disabled person
/// answer alike, after the same work.
///
/// # Errors
/// [`DomainError::Unauthenticated`], [`DomainError::TooManyRequests`].
pub async fn log_in(
    db: &Db,
    hasher: &Hasher,
    tokens: &AccessTokens,
    login_id: &str,
    secret: SecretString,
    device: Device,
) -> Result<LoggedIn> {
    let login_id = LoginId::parse(login_id).ok();
    let counters = throttle::Counters::of(login_id.as_ref().map_or("", LoginId::as_str), device.ip);
    throttle::check(db, &counters).await?;
    let known = match &login_id {
        Some(login_id) => find_credentials(db, login_id).await?,
        None => None,
    };
    let stored = known.as_ref().map(|(_, c)| c.password_hash.clone());
    let right = hasher.verify(secret, stored).await?;
    let (tenant_id, user_id) = match known {
        Some((tenant, credentials)) if right && credentials.disabled_at.is_none() => {
            (tenant, credentials.id)
        }
        _ => {
            throttle::note_failure(db, &counters).await?;
            return Err(wrong_credentials());
        }
    };
    throttle::note_success(db, &counters).await?;
    open(db, tokens, tenant_id, user_id, device).await
}

async fn find_credentials(
    db: &Db,
    login_id: &LoginId,
) -> Result<Option<(TenantId, user::Credentials)>> {
    let home = db
        .system(async |tx| user::find_home(tx, login_id).await)
        .await?;
    // The second step is walked for an unknown id too, in nobody's tenant, so
    // that it takes as long.
    let (tenant, id) = home.unwrap_or((TenantId::new(), UserId::new()));
    let credentials = db
        .tenant(tenant, async |tx| user::credentials(tx, tenant, id).await)
        .await?;
    Ok(credentials.map(|c| (tenant, c)))
}

async fn open(
    db: &Db,
    tokens: &AccessTokens,
    tenant_id: TenantId,
    user_id: UserId,
    device: Device,
) -> Result<LoggedIn> {
    let now = db.now();
    let refresh = RefreshToken::new(tenant_id);
    let row = Session {
        id: SessionId::new(),
        user_id,
        user_agent: device
            .user_agent
            .chars()
            .filter(|c| !c.is_control())
            .take(400)
            .collect(),
        ip: device.ip.map(IpNet::from),
        created_at: now,
        last_active_at: now,
        expires_at: now + ABSOLUTE_LIFETIME,
        ended_at: None,
    };
    let me = db
        .tenant(tenant_id, async |tx| {
            queries::insert(tx, tenant_id, &row).await?;
            queries::insert_refresh(tx, tenant_id, row.id, &refresh.hash(), now).await?;
            user::note_login(tx, tenant_id, user_id, now).await?;
            let actor = Actor {
                user_id: Some(user_id),
                session_id: Some(row.id),
                ip: device.ip,
                kind: ActorKind::User,
                ..Actor::public(tenant_id)
            };
            audit::record(
                tx,
                &actor,
                audit::Entry {
                    action: "session.opened",
                    subject_kind: "session",
                    subject_id: Some(row.id.0),
                    ..audit::Entry::default()
                },
            )
            .await?;
            queries::me(tx, tenant_id, user_id, row.expires_at).await
        })
        .await?;
    answer(tokens, tenant_id, row.id, now, Some(refresh.encode()), me)
}

fn answer(
    tokens: &AccessTokens,
    tenant: TenantId,
    session: SessionId,
    now: DateTime<Utc>,
    refresh_token: Option<SecretString>,
    me: Me,
) -> Result<LoggedIn> {
    Ok(LoggedIn {
        access_token: tokens.issue(tenant, session, me.user.id, now)?,
        expires_in: ACCESS_LIFETIME.num_seconds(),
        refresh_token,
        me,
    })
}

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

/// Whether the session behind an access token is alive, and who it is. With
/// `activity` the idle time begins anew; polling of a page passes `false`.
///
/// # Errors
/// [`DomainError::Unauthenticated`] when the session ended, timed out, or the person was disabled.
pub async fn authenticate(db: &Db, claims: &Claims, activity: bool) -> Result<Actor> {
    let now = db.now();
    db.tenant(claims.tenant, async |tx| {
        let found = queries::authenticate(tx, claims.tenant, claims.session)
            .await?
            .ok_or_else(ended)?;
        let is_same_person = found.session.user_id == claims.sub;
        if !is_same_person || found.disabled || !found.session.is_live(found.idle_minutes, now) {
            return Err(ended());
        }
        if activity && now - found.session.last_active_at > ACTIVITY_STEP {
            queries::touch(tx, claims.tenant, claims.session, now).await?;
        }
        Ok(Actor {
            kind: ActorKind::User,
            tenant_id: claims.tenant,
            user_id: Some(claims.sub),
            session_id: Some(claims.session),
            permissions: found
                .permissions
                .iter()
                .flatten()
                .filter_map(|name| Permission::parse(name))
                .collect(),
            ip: None,
            request_id: None,
        })
    })
    .await
}

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
        queries::end(tx, actor.tenant_id, id, "ended_by_user", now).await
    })
    .await
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

fn person(actor: &Actor) -> Result<(UserId, SessionId)> {
    actor.user_id.zip(actor.session_id).ok_or_else(ended)
}
