//! Questions that wait for an answer. A question is good for one right answer
//! within five minutes, and for five wrong ones.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::Person;
use crate::error::Result;
use crate::ids::{SessionId, TenantId, UserId};
use crate::schema::factor_challenge as challenge;
use crate::session::token::OpaqueToken;

/// How long a question waits.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// Answers to one question.
const TRIES: i16 = 5;
/// Questions of a person that wait at a time; the oldest goes for a new one,
/// so that who knows the password can't ask for tries without end.
const WAITING: i64 = 5;

/// What a question is asked for: an answer to one is none to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    LogIn,
    /// Of the session that asked.
    StepUp(SessionId),
    /// A new passkey, in the session that asked.
    Register(SessionId),
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::LogIn => "log_in",
            Self::StepUp(_) => "step_up",
            Self::Register(_) => "register",
        }
    }

    fn session(self) -> Option<SessionId> {
        match self {
            Self::LogIn => None,
            Self::StepUp(id) | Self::Register(id) => Some(id),
        }
    }
}

/// Asks.
pub(crate) async fn issue(
    tx: &mut AsyncPgConnection,
    person: Person,
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<OpaqueToken> {
    let older: Vec<Vec<u8>> = challenge::table
        .filter(challenge::tenant_id.eq(person.tenant))
        .filter(challenge::user_id.eq(person.user))
        .filter(challenge::purpose.eq(purpose.as_str()))
        .order(challenge::created_at.desc())
        .offset(WAITING - 1)
        .limit(100)
        .select(challenge::hash)
        .load(tx)
        .await?;
    diesel::delete(challenge::table)
        .filter(challenge::tenant_id.eq(person.tenant))
        .filter(challenge::hash.eq_any(older))
        .execute(tx)
        .await?;
    let token = OpaqueToken::new(person.tenant);
    diesel::insert_into(challenge::table)
        .values((
            challenge::tenant_id.eq(person.tenant),
            challenge::hash.eq(token.hash().as_slice()),
            challenge::user_id.eq(person.user),
            challenge::session_id.eq(purpose.session()),
            challenge::purpose.eq(purpose.as_str()),
            challenge::created_at.eq(now),
            challenge::expires_at.eq(now + LIFETIME),
        ))
        .execute(tx)
        .await?;
    Ok(token)
}

/// Whom a question waits for, without a try.
pub(crate) async fn owner(
    tx: &mut AsyncPgConnection,
    token: &OpaqueToken,
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<Option<UserId>> {
    Ok(challenge::table
        .find((token.tenant, token.hash().as_slice()))
        .filter(challenge::purpose.eq(purpose.as_str()))
        .filter(challenge::session_id.is_not_distinct_from(purpose.session()))
        .filter(challenge::expires_at.gt(now))
        .filter(challenge::tries.lt(TRIES))
        .select(challenge::user_id)
        .first(tx)
        .await
        .optional()?)
}

/// Takes one of the tries, before the answer is looked at: of many answers at
/// once each waits for the one before, and no more than five are looked at.
pub(crate) async fn attempt(
    tx: &mut AsyncPgConnection,
    token: &OpaqueToken,
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<Option<Person>> {
    let user: Option<UserId> = diesel::update(
        challenge::table
            .find((token.tenant, token.hash().as_slice()))
            .filter(challenge::purpose.eq(purpose.as_str()))
            .filter(challenge::session_id.is_not_distinct_from(purpose.session()))
            .filter(challenge::expires_at.gt(now))
            .filter(challenge::tries.lt(TRIES)),
    )
    .set(challenge::tries.eq(challenge::tries + 1))
    .returning(challenge::user_id)
    .get_result(tx)
    .await
    .optional()?;
    Ok(user.map(|user| Person {
        tenant: token.tenant,
        user,
    }))
}

/// The question was answered.
pub(crate) async fn finish(tx: &mut AsyncPgConnection, token: &OpaqueToken) -> Result<()> {
    diesel::delete(challenge::table.find((token.tenant, token.hash().as_slice())))
        .execute(tx)
        .await?;
    Ok(())
}

/// Log-ins of a person that wait for their second step are over: the password
/// that began them counts no more.
pub(crate) async fn forget_log_ins(tx: &mut AsyncPgConnection, person: Person) -> Result<()> {
    diesel::delete(challenge::table)
        .filter(challenge::tenant_id.eq(person.tenant))
        .filter(challenge::user_id.eq(person.user))
        .filter(challenge::purpose.eq(Purpose::LogIn.as_str()))
        .execute(tx)
        .await?;
    Ok(())
}

/// The same for everybody of a tenant.
pub(crate) async fn forget_all_log_ins(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<()> {
    diesel::delete(challenge::table)
        .filter(challenge::tenant_id.eq(tenant))
        .filter(challenge::purpose.eq(Purpose::LogIn.as_str()))
        .execute(tx)
        .await?;
    Ok(())
}

/// Sweeps questions that nobody answered.
pub(crate) async fn delete_expired(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::delete(challenge::table)
        .filter(challenge::tenant_id.eq(tenant))
        .filter(challenge::expires_at.lt(now))
        .execute(tx)
        .await?;
    Ok(())
}
