//! Sessions: log-in, refresh, idle time-out, log-out, password change.
//!
//! A session row in the database is the authority: the access token only
//! carries its id, so that ending the row ends everything at once.

mod log_in;
mod own;
pub mod password;
mod queries;
mod refresh;
pub(crate) mod throttle;
pub mod token;

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use ipnet::IpNet;
use secrecy::SecretString;
use serde::Serialize;

use crate::actor::{Actor, ActorKind, Permission};
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{SessionId, TenantId, UserId};
use crate::schema::session;
use crate::tenant::{self, Tenant};
use crate::user::User;
use token::{ACCESS_LIFETIME, AccessTokens, Claims};

pub use log_in::log_in;
pub use own::{change_password, end, list, me};
pub(crate) use queries::end_all_of;
pub use refresh::{log_out, refresh};

/// Longest life of a session, however busy (product.md A4).
pub const ABSOLUTE_LIFETIME: TimeDelta = TimeDelta::hours(12);
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
        tenant::require_active(&found.tenant_state)?;
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

fn person(actor: &Actor) -> Result<(UserId, SessionId)> {
    actor.user_id.zip(actor.session_id).ok_or_else(ended)
}
