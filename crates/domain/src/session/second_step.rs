//! The second step of a log-in: the answer to the question for a factor.

use diesel_async::AsyncPgConnection;
use serde_json::json;

use super::log_in::{Opening, open};
use super::token::{AccessTokens, OpaqueToken};
use super::{Device, LoggedIn, answer, throttle};
use crate::actor::{Actor, ActorKind};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::factor::{self, Factors, Person, Proof, Purpose};
use crate::user;

fn over() -> DomainError {
    DomainError::Unauthenticated {
        code: "challenge_over",
        detail: "this took too long, or was tried too often: log in again",
    }
}

fn wrong() -> DomainError {
    DomainError::Unauthenticated {
        code: "wrong_second_factor",
        detail: "the second factor is not right, or was used already",
    }
}

/// Opens a session for who answers the question with a right factor.
///
/// # Errors
/// [`DomainError::Unauthenticated`] for a wrong answer or a question that is over, [`DomainError::TooManyRequests`].
pub async fn finish_log_in(
    db: &Db,
    tokens: &AccessTokens,
    factors: &Factors,
    token: &str,
    proof: &Proof,
    device: Device,
) -> Result<LoggedIn> {
    let token = OpaqueToken::decode(token).ok_or_else(over)?;
    let tenant = token.tenant;
    let now = db.now();
    let user = db
        .tenant(tenant, async |tx| {
            factor::owner(tx, &token, Purpose::LogIn, now).await
        })
        .await?
        .ok_or_else(over)?;
    let lanes = throttle::Lanes::factor(user);
    throttle::reserve(db, &lanes).await?;
    let ip = device.ip;
    // A wrong answer has to be committed (it took one of the tries), so it is a value here.
    let opened = db
        .tenant(tenant, async |tx| {
            let person = factor::attempt(tx, &token, Purpose::LogIn, now)
                .await?
                .ok_or_else(over)?;
            let right = factor::prove(tx, factors, person, Some(&token), proof, now).await?;
            let known = user::credentials(tx, tenant, person.user).await?;
            let known = known.filter(|known| right && known.disabled_at.is_none());
            let Some(known) = known else {
                record_refusal(tx, person, ip, proof).await?;
                return Ok(None);
            };
            factor::finish(tx, &token).await?;
            let device = device
                .clone()
                .recognised(&factors.keys, &known.login_id, now);
            let opening = Opening::new(person, device, proof.method());
            open(tx, db, &opening).await.map(Some)
        })
        .await?;
    let Some((session, refresh, me)) = opened else {
        return Err(wrong());
    };
    throttle::release(db, &lanes).await?;
    answer(tokens, tenant, session, now, Some(refresh), me)
}

/// Somebody knew the password and not the factor: worth a line.
async fn record_refusal(
    tx: &mut AsyncPgConnection,
    person: Person,
    ip: Option<std::net::IpAddr>,
    proof: &Proof,
) -> Result<()> {
    let actor = Actor {
        user_id: Some(person.user),
        ip,
        kind: ActorKind::User,
        ..Actor::public(person.tenant)
    };
    let entry = audit::Entry {
        action: "session.second_factor_refused",
        subject_kind: "user",
        subject_id: Some(person.user.0),
        after: Some(json!({ "method": proof.method().as_str() })),
        ..audit::Entry::default()
    };
    audit::record(tx, &actor, entry).await
}
