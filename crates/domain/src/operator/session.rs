//! Sessions of staff: short, idle after 15 minutes, over after 8 hours. The
//! row is the authority; what ends it ends everything at the next request.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use secrecy::SecretString;
use serde_json::json;

use super::token::{ACCESS_LIFETIME, Claims, Opaque, OperatorTokens};
use super::{Operator, ended, journal};
use crate::db::Db;
use crate::error::Result;
use crate::ids::{OperatorId, OperatorSessionId};
use crate::schema::{operator_account, operator_session};

/// Longest life of a session.
pub const ABSOLUTE_LIFETIME: TimeDelta = TimeDelta::hours(8);
/// Without activity for so long it is over.
pub const IDLE: TimeDelta = TimeDelta::minutes(15);
/// `last_active_at` is written at most this often.
const ACTIVITY_STEP: TimeDelta = TimeDelta::seconds(20);
/// A token that comes again within this after its renewal is a race of two tabs.
const REUSE_GRACE: TimeDelta = TimeDelta::seconds(10);

/// Tokens of an open session.
#[derive(Debug)]
pub struct LoggedIn {
    pub access_token: SecretString,
    /// Seconds.
    pub expires_in: i64,
    /// `None` when the cookie that the browser has is to stay.
    pub refresh_token: Option<SecretString>,
    pub name: String,
    pub session_expires_at: DateTime<Utc>,
}

pub(super) fn answer(
    tokens: &OperatorTokens,
    operator: OperatorId,
    session: OperatorSessionId,
    refresh_token: Option<SecretString>,
    name: String,
    session_expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<LoggedIn> {
    Ok(LoggedIn {
        access_token: tokens.issue(operator, session, now)?,
        expires_in: ACCESS_LIFETIME.num_seconds(),
        refresh_token,
        name,
        session_expires_at,
    })
}

#[derive(Debug, Queryable)]
struct Row {
    operator: OperatorId,
    name: String,
    disabled_at: Option<DateTime<Utc>>,
    has_factor: bool,
    token_hash: Vec<u8>,
    previous_hash: Option<Vec<u8>>,
    rotated_at: DateTime<Utc>,
    last_active_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl Row {
    /// Without a second factor nothing is ever alive, however the row came about.
    fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.disabled_at.is_none()
            && self.has_factor
            && now < self.expires_at
            && now - self.last_active_at < IDLE
    }
}

async fn find(
    tx: &mut AsyncPgConnection,
    id: OperatorSessionId,
    lock: bool,
) -> Result<Option<Row>> {
    if lock {
        operator_session::table
            .find(id)
            .select(operator_session::id)
            .for_update()
            .first::<OperatorSessionId>(tx)
            .await
            .optional()?;
    }
    Ok(operator_session::table
        .inner_join(operator_account::table)
        .filter(operator_session::id.eq(id))
        .filter(operator_session::stage.eq("open"))
        .filter(operator_session::ended_at.is_null())
        .select((
            operator_account::id,
            operator_account::name,
            operator_account::disabled_at,
            operator_account::factor_sealed.is_not_null(),
            operator_session::token_hash,
            operator_session::previous_hash,
            operator_session::rotated_at,
            operator_session::last_active_at,
            operator_session::expires_at,
        ))
        .first(tx)
        .await
        .optional()?)
}

/// Whether the session behind an access token is alive, and whose it is.
///
/// # Errors
/// [`crate::DomainError::Unauthenticated`] when it ended, timed out, or the person was disabled.
pub async fn authenticate(db: &Db, claims: &Claims, activity: bool) -> Result<Operator> {
    let now = db.now();
    db.system(async |tx| {
        let row = find(tx, claims.session, false)
            .await?
            .filter(|row| row.operator == claims.sub && row.is_live(now))
            .ok_or_else(ended)?;
        if activity && now - row.last_active_at > ACTIVITY_STEP {
            diesel::update(operator_session::table.find(claims.session))
                .set(operator_session::last_active_at.eq(now))
                .execute(tx)
                .await?;
        }
        Ok(Operator {
            id: Some(row.operator),
            session: Some(claims.session),
            name: row.name,
            ip: None,
            request_id: None,
        })
    })
    .await
}

/// Where a request with a cookie comes from, for the trace.
#[derive(Debug, Default, Clone)]
pub struct Origin {
    pub ip: Option<IpAddr>,
    pub request_id: Option<String>,
}

impl Origin {
    fn operator(&self, row: &Row, session: OperatorSessionId) -> Operator {
        Operator {
            id: Some(row.operator),
            session: Some(session),
            name: row.name.clone(),
            ip: self.ip,
            request_id: self.request_id.clone(),
        }
    }
}

/// Changes the cookie's token for new tokens; an old one that returns ends the session.
///
/// # Errors
/// [`crate::DomainError::Unauthenticated`] for every reason.
pub async fn refresh(
    db: &Db,
    tokens: &OperatorTokens,
    presented: &str,
    from: Origin,
) -> Result<LoggedIn> {
    let presented = Opaque::decode(presented).ok_or_else(ended)?;
    let now = db.now();
    // Ending a session on reuse must be committed, so the refusal is a value here.
    let renewed = db
        .system(async |tx| {
            let Some(row) = find(tx, presented.session, true)
                .await?
                .filter(|row| row.is_live(now))
            else {
                return Ok(None);
            };
            let hash = presented.hash();
            if row.token_hash == hash {
                let next = Opaque::new(presented.session);
                diesel::update(operator_session::table.find(presented.session))
                    .set((
                        operator_session::token_hash.eq(next.hash()),
                        operator_session::previous_hash.eq(hash),
                        operator_session::rotated_at.eq(now),
                    ))
                    .execute(tx)
                    .await?;
                return Ok(Some((row, Some(next.encode()))));
            }
            let is_race =
                row.previous_hash.as_ref() == Some(&hash) && now - row.rotated_at <= REUSE_GRACE;
            if is_race {
                return Ok(Some((row, None)));
            }
            let operator = from.operator(&row, presented.session);
            let detail = json!({ "session_id": presented.session });
            let action = "operator.refresh_token_reused";
            journal::record(tx, &operator, action, None, Some(detail)).await?;
            end(tx, presented.session, "refresh_token_reused", now).await?;
            Ok(None)
        })
        .await?;
    let (row, next) = renewed.ok_or_else(ended)?;
    answer(
        tokens,
        row.operator,
        presented.session,
        next,
        row.name,
        row.expires_at,
        now,
    )
}

/// Ends the session of a cookie; a wrong one ends nothing, and is no error.
///
/// # Errors
/// When the database does.
pub async fn log_out(db: &Db, presented: &str, from: Origin) -> Result<()> {
    let Some(presented) = Opaque::decode(presented) else {
        return Ok(());
    };
    let now = db.now();
    db.system(async |tx| {
        let Some(row) = find(tx, presented.session, true).await? else {
            return Ok(());
        };
        if row.token_hash != presented.hash() {
            return Ok(());
        }
        let operator = from.operator(&row, presented.session);
        journal::record(tx, &operator, "operator.logged_out", None, None).await?;
        end(tx, presented.session, "logged_out", now).await
    })
    .await
}

async fn end(
    tx: &mut AsyncPgConnection,
    id: OperatorSessionId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(operator_session::table.find(id))
        .set((
            operator_session::ended_at.eq(now),
            operator_session::end_reason.eq(reason),
        ))
        .execute(tx)
        .await?;
    Ok(())
}
