//! Sessions: log-in, refresh, idle time-out, log-out, password change.
//!
//! A session row in the database is the authority: the access token only
//! carries its id, so that ending the row ends everything at once.

pub mod device;
mod everybody;
pub mod expiry;
mod log_in;
mod own;
mod passkey_log_in;
pub mod password;
mod queries;
mod refresh;
mod refused;
mod second_step;
mod step_up;
pub(crate) mod throttle;
pub mod token;

use std::collections::BTreeSet;
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use ipnet::IpNet;
use secrecy::SecretString;
use serde::Serialize;
use uuid::Uuid;

use crate::actor::{Actor, ActorKind};
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{SessionId, TenantId, UserId};
use crate::schema::session;
use crate::tenant::{self, Tenant, network};
use crate::user::User;
use token::{ACCESS_LIFETIME, AccessTokens, Claims, Holder};

pub(crate) use device::tell_password_changed;
pub use everybody::{end_everybody, end_of};
pub use log_in::{Outcome, log_in};
pub use own::{change_password, check_password, end, end_others, list, me};
pub use passkey_log_in::{PasskeyAnswer, ask_passkey, log_in_with_passkey};
pub(crate) use queries::end_all_of;
pub use refresh::{log_out, refresh};
pub use second_step::finish_log_in;
pub use step_up::{ask_step_up, step_up};

/// Longest life of a session, however busy (product.md A4).
pub const ABSOLUTE_LIFETIME: TimeDelta = TimeDelta::hours(12);
/// How long a proof of who a person is, at log-in or by step-up, is good for
/// dangerous actions (decision 0040).
pub const STEP_UP_LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// `last_active_at` is written at most this often.
const ACTIVITY_STEP: TimeDelta = TimeDelta::seconds(20);

/// From where somebody logs in.
#[derive(Debug, Clone, Default)]
pub struct Device {
    pub ip: Option<IpAddr>,
    /// As the browser says; hostile input, cut to 400 characters.
    pub user_agent: String,
    /// Which browser it is, when the person has logged in with it before
    /// ([`device::recognise`]).
    pub known: Option<Uuid>,
    /// Its cookie that says who has, for ways in on which the person is found
    /// out later; hostile input.
    pub cookie: String,
}

/// The person who is logged in, and what the page needs to know of them.
#[derive(Debug, Clone, Serialize)]
pub struct Me {
    pub user: User,
    pub permissions: Vec<&'static str>,
    pub tenant: Tenant,
    pub session_expires_at: DateTime<Utc>,
    pub password: expiry::PasswordState,
}

impl Me {
    /// Has to set up a second factor before anything else.
    #[must_use]
    pub fn must_enrol(&self) -> bool {
        self.tenant.second_factor_required && self.user.second_factor_at.is_none()
    }
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
    pub stepped_up_at: Option<DateTime<Utc>>,
}

impl Session {
    fn is_stepped_up(&self, now: DateTime<Utc>) -> bool {
        self.stepped_up_at
            .is_some_and(|at| now - at < STEP_UP_LIFETIME)
    }

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
/// [`DomainError::Unauthenticated`] when the session ended, timed out, or the person was disabled;
/// [`DomainError::Refused`] when it comes from a network that the tenant does not let in.
pub async fn authenticate(
    db: &Db,
    claims: &Claims,
    ip: Option<IpAddr>,
    activity: bool,
) -> Result<Actor> {
    let now = db.now();
    let Some(Holder::Person { user, session }) = claims.holder() else {
        return Err(ended());
    };
    db.tenant_pipelined(claims.tenant, async |tx| {
        let found = queries::authenticate(tx, claims.tenant, session)
            .await?
            .ok_or_else(ended)?;
        let is_same_person = found.session.user_id == user;
        if !is_same_person || found.disabled || !found.session.is_live(found.idle_minutes, now) {
            return Err(ended());
        }
        tenant::require_active(&found.tenant_state)?;
        if !found.allowed_networks.admits(ip) {
            return Err(network::refused());
        }
        let password = expiry::PasswordState::of(
            found.password_changed_at,
            found.password_temporary,
            found.password_expiry_months,
            now,
        );
        if activity && now - found.session.last_active_at > ACTIVITY_STEP {
            queries::touch(tx, claims.tenant, session, now).await?;
        }
        Ok(Actor {
            kind: ActorKind::User,
            tenant_id: claims.tenant,
            user_id: Some(user),
            session_id: Some(session),
            token_id: None,
            permissions: match found.must_enrol {
                true => BTreeSet::new(),
                false => found.role.permissions(),
            },
            must_change_password: password.must_change,
            ip,
            request_id: None,
            stepped_up: found.session.is_stepped_up(now),
            must_enrol: found.must_enrol,
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
