//! Codes of an authenticator app (RFC 6238): SHA-1, 30 s, 6 digits, which is
//! what the apps understand, one step before and after for clocks that are off.

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use totp_rs::{Builder, Secret, Totp};

use super::{Factors, Person, queries, recovery};
use crate::actor::Actor;
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::secret;
use crate::user;

/// 160 bits (RFC 4226 §4 R6).
const SEED: usize = 20;
/// Stands in the app beside the code.
const ISSUER: &str = "Kikubari";
const URI: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A seed that waits for its first code.
#[derive(Debug)]
pub struct Enrolment {
    /// For typing, in base32.
    pub secret: SecretString,
    /// For the QR code.
    pub uri: SecretString,
}

fn place(person: Person) -> String {
    format!("totp:{}", person.user)
}

fn totp(seed: Vec<u8>) -> Result<Totp> {
    Builder::new()
        .with_secret(Secret::from(seed))
        .build()
        .map_err(DomainError::internal)
}

/// The step of a code, if it is one of the three that count now.
fn step(seed: Vec<u8>, code: &str, now: DateTime<Utc>) -> Result<Option<i64>> {
    // Also as people copy it ("123 456"), and as a Japanese keyboard may write it.
    let code: String = code
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c {
            '０'..='９' => char::from(b'0' + u8::try_from(c as u32 - '０' as u32).unwrap_or(0)),
            c => c,
        })
        .take(7)
        .collect();
    let is_code = code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit());
    let Some(time) = u64::try_from(now.timestamp()).ok().filter(|_| is_code) else {
        return Ok(None);
    };
    let found = totp(seed)?.check(&code, time);
    Ok(found.and_then(|step| i64::try_from(step).ok()))
}

/// Begins an enrolment: a new seed, which counts once a code confirmed it.
/// An earlier one without a code is forgotten.
///
/// # Errors
/// [`DomainError::Refused`] without step-up, [`DomainError::Conflict`] when there is one already.
pub async fn enrol(db: &Db, factors: &Factors, actor: &Actor) -> Result<Enrolment> {
    let person = Person::of(actor)?;
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
    let secret = Secret::from(seed).to_base32();
    let label = utf8_percent_encode(&login_id, URI);
    let uri = format!("otpauth://totp/{ISSUER}:{label}?secret={secret}&issuer={ISSUER}");
    Ok(Enrolment {
        secret: secret.into(),
        uri: uri.into(),
    })
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
        if !queries::delete_seed(tx, person).await? {
            return Err(DomainError::not_found("authenticator app"));
        }
        super::after_removal(tx, person, now).await?;
        audit::record(
            tx,
            actor,
            audit::Entry {
                action: "user.totp_removed",
                subject_kind: "user",
                subject_id: Some(person.user.0),
                ..audit::Entry::default()
            },
        )
        .await
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, cut to six digits.
    #[test]
    fn the_codes_are_those_of_the_standard() {
        let seed = b"12345678901234567890".to_vec();
        for (at, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            let now = DateTime::from_timestamp(at, 0).unwrap();
            assert_eq!(step(seed.clone(), code, now).unwrap(), Some(at / 30));
        }
    }

    #[test]
    fn a_step_before_and_after_counts_and_no_other_one() {
        let seed = b"12345678901234567890".to_vec();
        let at = |seconds: i64| DateTime::from_timestamp(1_111_111_109 + seconds, 0).unwrap();
        for (seconds, counts) in [(-60, false), (-30, true), (30, true), (60, false)] {
            let found = step(seed.clone(), "081804", at(seconds)).unwrap();
            assert_eq!(found.is_some(), counts, "{seconds} s away");
        }
    }

    #[test]
    fn a_code_is_taken_as_people_write_it_and_nothing_else_is() {
        let seed = b"12345678901234567890".to_vec();
        let now = DateTime::from_timestamp(1_111_111_109, 0).unwrap();
        for good in ["081 804", "０８１８０４", "081-804"] {
            assert!(step(seed.clone(), good, now).unwrap().is_some(), "{good}");
        }
        for bad in [
            "",
            "81804",
            "0818041",
            "08180a",
            "０８１８０４１",
            "\u{0}081804",
        ] {
            assert!(step(seed.clone(), bad, now).unwrap().is_none(), "{bad}");
        }
    }
}
