//! A fresh proof of who it is, before what can't be taken back: a code of the
//! app that counted in this session within the last minutes, or comes along.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::log_in::WRONG_CODE;
use super::reseal::{nobody, place};
use super::{Operator, ended, journal, refused};
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::factor::code;
use crate::ids::OperatorId;
use crate::schema::{operator_account, operator_session};
use crate::secret::Keys;
use crate::session::throttle;

/// For how long a code proves it.
pub const FRESH: TimeDelta = TimeDelta::minutes(5);

fn required() -> DomainError {
    DomainError::Refused {
        code: "code_required",
        detail:
            "this takes a code of the authenticator app (POST /v1/auth/step-up): then send it again"
                .to_owned(),
    }
}

/// # Errors
/// [`DomainError::Refused`] unless a code counted in this session within [`FRESH`].
/// The command line has the machine itself.
pub(super) async fn require(
    tx: &mut AsyncPgConnection,
    operator: &Operator,
    now: DateTime<Utc>,
) -> Result<()> {
    let Some(session) = operator.session else {
        return if operator.id.is_none() {
            Ok(())
        } else {
            Err(required())
        };
    };
    let proven: Option<Option<DateTime<Utc>>> = operator_session::table
        .find(session)
        .select(operator_session::proven_at)
        .first(tx)
        .await
        .optional()?;
    let is_fresh = proven.flatten().is_some_and(|at| now - at < FRESH);
    if is_fresh { Ok(()) } else { Err(required()) }
}

type Seed = (Option<Vec<u8>>, Option<i64>);

/// Takes a code of the app in an open session. A code counts once, the one of
/// the log-in too.
///
/// # Errors
/// [`DomainError::Refused`] for a wrong code, [`DomainError::TooManyRequests`].
pub async fn confirm(db: &Db, keys: &Keys, operator: &Operator, text: &str) -> Result<()> {
    let (id, session) = operator.id.zip(operator.session).ok_or_else(ended)?;
    let lanes = throttle::Lanes::staff_code(id);
    throttle::reserve(db, &lanes).await?;
    let now = db.now();
    // That it was refused must be committed, so the refusal is a value here.
    let is_right = db
        .system(async |tx| {
            let (sealed, last): Seed = operator_account::table
                .find(id)
                .select((
                    operator_account::factor_sealed,
                    operator_account::factor_step,
                ))
                .for_update()
                .first(tx)
                .await?;
            let plain = keys.open(nobody(), &place(id), &sealed.ok_or_else(ended)?)?;
            let step = code::step(plain, text, now)?.filter(|step| last.is_none_or(|l| *step > l));
            let Some(step) = step else {
                refused::note(tx, operator, refused::CODE, "wrong_code").await?;
                return Ok(false);
            };
            note_proof(tx, id, step).await?;
            diesel::update(operator_session::table.find(session))
                .set(operator_session::proven_at.eq(now))
                .execute(tx)
                .await?;
            journal::record(tx, operator, "operator.stepped_up", None, None).await?;
            Ok(true)
        })
        .await?;
    if !is_right {
        // The session is good: an answer of 401 would say that it is over.
        return Err(DomainError::Refused {
            code: "wrong_code",
            detail: WRONG_CODE.to_owned(),
        });
    }
    throttle::release(db, &lanes).await
}

async fn note_proof(tx: &mut AsyncPgConnection, id: OperatorId, step: i64) -> Result<()> {
    diesel::update(operator_account::table.find(id))
        .set(operator_account::factor_step.eq(step))
        .execute(tx)
        .await?;
    Ok(())
}
