//! The authenticator app as a person's second factor.

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use secrecy::SecretString;

pub use super::code::Enrolment;
use super::code::{SEED, step};
use super::{Factors, Method, Person, notice, queries, recovery};
use crate::actor::Actor;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::secret;
use crate::system_mail::Kind;
use crate::user;

/// Stands in the app beside the code.
const ISSUER: &str = "Kikubari";
/// As notices name it.
const APP: (Method, &str) = (Method::Totp, "");

fn place(person: Person) -> String {
    format!("totp:{}", person.user)
}

/// Begins an enrolment: a new seed, which counts once a code confirmed it.
/// An earlier one without a code is forgotten.
///
/// # Errors
/// [`DomainError::Refused`] without step-up, or under a password that somebody else gave,
/// [`DomainError::Conflict`] when there is one already.
pub async fn enrol(db: &Db, factors: &Factors, actor: &Actor) -> Result<Enrolment> {
    let person = Person::of(actor)?;
    actor.require_own_password()?;
    actor.require_step_up()?;
    let seed = secret::random::<SEED>();
    let sealed = factors.keys.seal(person.tenant, &place(person), &seed)?;
    let now = db.now();
    let login_id = db
        .tenant(person.tenant, async |tx| {
            if queries::seed(tx, person)
                .await?
                .is_some_and(|row| row.confirmed_at.is_some())
            {
                return Err(DomainError::conflict(
                    "totp_exists",
                    "an authenticator app is set up already: remove it first",
                ));
            }
            queries::put_seed(tx, person, &sealed, now).await?;
            Ok(user::find(tx, person.tenant, person.user).await?.login_id)
        })
        .await?;
    Ok(Enrolment::of(&seed, ISSUER, &login_id))
}

/// Confirms an enrolment with the app's first code. Answers recovery codes
/// when the person has none yet.
///
/// # Errors
/// [`DomainError::Invalid`] for a wrong code, [`DomainError::Conflict`] when no enrolment waits.
pub async fn confirm(
    db: &Db,
    factors: &Factors,
    actor: &Actor,
    code: &str,
) -> Result<Vec<SecretString>> {
    let person = Person::of(actor)?;
    actor.require_own_password()?;
    actor.require_step_up()?;
    let now = db.now();
    db.tenant(person.tenant, async |tx| {
        let row = queries::seed(tx, person)
            .await?
            .filter(|row| row.confirmed_at.is_none())
            .ok_or_else(|| {
                DomainError::conflict("no_enrolment", "begin the set-up again: none is waiting")
            })?;
        let seed = factors
            .keys
            .open(person.tenant, &place(person), &row.seed_sealed)?;
        let step = step(seed, code, now)?.ok_or_else(super::wrong_code)?;
        queries::confirm_seed(tx, person, step, now).await?;
        queries::note_factor(tx, person, now).await?;
        super::record(tx, actor, "user.totp_added", None).await?;
        notice::changed(tx, actor, person, Kind::FactorAdded, APP, now).await?;
        recovery::make_first(tx, actor, person, now).await
    })
    .await
}

/// Whether a code is right; one that was used, or an earlier one, is not.
pub(super) async fn is_right(
    tx: &mut AsyncPgConnection,
    factors: &Factors,
    person: Person,
    code: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let Some(row) = queries::seed(tx, person)
        .await?
        .filter(|row| row.confirmed_at.is_some())
    else {
        return Ok(false);
    };
    let seed = factors
        .keys
        .open(person.tenant, &place(person), &row.seed_sealed)?;
    let fresh = step(seed, code, now)?.filter(|step| row.last_step.is_none_or(|last| *step > last));
    match fresh {
        Some(step) => queries::use_step(tx, person, step).await.map(|()| true),
        None => Ok(false),
    }
}

/// Takes the authenticator app away.
///
/// # Errors
/// [`DomainError::Refused`] without step-up, [`DomainError::NotFound`], [`DomainError::Conflict`] for the last factor
/// where the tenant wants one.
pub async fn remove(db: &Db, actor: &Actor) -> Result<()> {
    let person = Person::of(actor)?;
    actor.require_step_up()?;
    let now = db.now();
    db.tenant(person.tenant, async |tx| {
        let counted = queries::delete_seed(tx, person)
            .await?
            .ok_or_else(|| DomainError::not_found("authenticator app"))?;
        super::after_removal(tx, person, now).await?;
        super::record(tx, actor, "user.totp_removed", None).await?;
        if counted {
            notice::changed(tx, actor, person, Kind::FactorRemoved, APP, now).await?;
        }
        Ok(())
    })
    .await
}
