//! Step-up: a person proves once more who they are, within a session, before
//! something dangerous. Who has a second factor proves that one; others their
//! password.

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use secrecy::SecretString;
use serde_json::json;

use super::password::{Hasher, Turn, Who};
use super::token::OpaqueToken;
use super::{STEP_UP_LIFETIME, ended, person, queries, throttle};
use crate::actor::Actor;
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::factor::{self, Factors, Method, Person, Proof, Purpose, Question};
use crate::ids::SessionId;
use crate::user;

fn wrong(proof: &Proof) -> DomainError {
    let pointer = format!("/{}", proof.method().as_str());
    let detail = match proof {
        Proof::Password(_) => "is not your password, or you have a second factor: use that one",
        _ => "is not right, or was used already",
    };
    DomainError::invalid(pointer, "wrong_proof", detail)
}

/// How the person can prove who they are, and what a passkey has to sign.
///
/// # Errors
/// When the database does.
pub async fn ask_step_up(db: &Db, factors: &Factors, actor: &Actor) -> Result<Question> {
    let (user, session) = person(actor)?;
    let who = Person {
        tenant: actor.tenant_id,
        user,
    };
    let now = db.now();
    db.tenant(who.tenant, async |tx| {
        let token = factor::issue(tx, who, Purpose::StepUp(session), now).await?;
        let mut question = factor::question(tx, factors, who, &token).await?;
        if question.methods.is_empty() {
            question.methods.push(Method::Password);
        }
        Ok(question)
    })
    .await
}

/// Steps the session up; answers until when. `token` is that of the question,
/// and needed for a passkey only.
///
/// # Errors
/// [`DomainError::Invalid`] for a wrong proof, [`DomainError::TooManyRequests`], [`DomainError::Overloaded`].
pub async fn step_up(
    db: &Db,
    factors: &Factors,
    hasher: &Hasher,
    actor: &Actor,
    token: Option<&str>,
    proof: &Proof,
) -> Result<DateTime<Utc>> {
    let (user, session) = person(actor)?;
    let who = Person {
        tenant: actor.tenant_id,
        user,
    };
    let password = match proof {
        Proof::Password(password) => Some((hasher.enter(Who::Known)?, password.clone())),
        _ => None,
    };
    let lanes = throttle::Lanes::factor(user);
    throttle::reserve(db, &lanes).await?;
    let right = match password {
        Some((turn, password)) => check_password(db, &turn, who, password).await?,
        None => true,
    };
    let now = db.now();
    let token = token.and_then(OpaqueToken::decode);
    let done = right
        && db
            .tenant(who.tenant, async |tx| {
                if !matches!(proof, Proof::Password(_))
                    && !prove(tx, factors, who, session, token.as_ref(), proof, now).await?
                {
                    return Ok(false);
                }
                queries::step_up(tx, who.tenant, session, now).await?;
                let entry = audit::Entry {
                    action: "session.stepped_up",
                    subject_kind: "session",
                    subject_id: Some(session.0),
                    after: Some(json!({ "method": proof.method().as_str() })),
                    ..audit::Entry::default()
                };
                audit::record(tx, actor, entry).await?;
                Ok(true)
            })
            .await?;
    if !done {
        return Err(wrong(proof));
    }
    throttle::release(db, &lanes).await?;
    Ok(now + STEP_UP_LIFETIME)
}

/// The password of who has no second factor.
async fn check_password(db: &Db, turn: &Turn, who: Person, password: SecretString) -> Result<bool> {
    let known = db
        .tenant(who.tenant, async |tx| {
            user::credentials(tx, who.tenant, who.user).await
        })
        .await?
        .ok_or_else(ended)?;
    let is_enough = known.second_factor_at.is_none();
    Ok(turn.verify(password, known.password_hash).await? && is_enough)
}

async fn prove(
    tx: &mut AsyncPgConnection,
    factors: &Factors,
    who: Person,
    session: SessionId,
    token: Option<&OpaqueToken>,
    proof: &Proof,
    now: DateTime<Utc>,
) -> Result<bool> {
    if let Proof::Passkey(_) = proof {
        let Some(token) = token.filter(|token| token.tenant == who.tenant) else {
            return Ok(false);
        };
        let asked = factor::attempt(tx, token, Purpose::StepUp(session), now).await?;
        if asked.is_none_or(|asked| asked.user != who.user) {
            return Ok(false);
        }
        let right = factor::prove(tx, factors, who, Some(token), proof, now).await?;
        if right {
            factor::finish(tx, token).await?;
        }
        return Ok(right);
    }
    factor::prove(tx, factors, who, None, proof, now).await
}
