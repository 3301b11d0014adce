//! Logging in with a passkey alone. The authenticator verified the person
//! before it signed, so that this is possession and knowledge (or a finger) at
//! once: no password, and no second question.

use diesel_async::AsyncPgConnection;

use super::log_in::{Opening, admit, open};
use super::token::AccessTokens;
use super::{Device, LoggedIn, answer, expiry, refused, throttle};
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::factor::passkey::{self, Assertion, Ceremony, OpenChallenge, OpenQuestion};
use crate::factor::{Factors, Method, Person};
use crate::ids::{TenantId, UserId};
use crate::user;

/// What a browser answers: whose passkey it is, and what it signed.
#[derive(Debug)]
pub struct PasskeyAnswer {
    pub user_handle: Vec<u8>,
    pub assertion: Assertion,
}

fn over() -> DomainError {
    DomainError::Unauthenticated {
        code: "challenge_over",
        detail: "this took too long, or was answered already: begin again",
    }
}

fn wrong() -> DomainError {
    DomainError::Unauthenticated {
        code: "wrong_passkey",
        detail: "this passkey does not log anybody in here: use another one, or the login id and the password",
    }
}

/// Asks for any passkey, the same of everybody; not while the address waits.
///
/// # Errors
/// [`DomainError::Conflict`] where passkeys are impossible, [`DomainError::TooManyRequests`].
pub async fn ask_passkey(
    db: &Db,
    factors: &Factors,
    ip: Option<std::net::IpAddr>,
) -> Result<OpenQuestion> {
    throttle::check(db, &throttle::Lanes::passkeys(ip)).await?;
    passkey::ask(factors, db.now())
}

/// Logs in who a passkey names. An unknown one, one that is for the second step
/// only, a wrong signature and a disabled person answer alike.
///
/// # Errors
/// [`DomainError::Unauthenticated`], [`DomainError::TooManyRequests`], [`DomainError::Refused`] from a network that
/// the tenant does not let in.
pub async fn log_in_with_passkey(
    db: &Db,
    tokens: &AccessTokens,
    factors: &Factors,
    token: &str,
    given: &PasskeyAnswer,
    device: Device,
) -> Result<LoggedIn> {
    let lanes = throttle::Lanes::passkeys(device.ip);
    throttle::reserve(db, &lanes).await?;
    let now = db.now();
    let asked = OpenChallenge::decode(&factors.keys, token, now).ok_or_else(over)?;
    // Before the answer is looked at: there is one.
    if !asked.take(db).await? {
        return Err(over());
    }
    // What names nobody is looked for all the same, in nobody's tenant.
    let person = passkey::person_of(&given.user_handle).unwrap_or_else(|| Person {
        tenant: TenantId::new(),
        user: UserId::new(),
    });
    let judged = db
        .tenant(person.tenant, async |tx| {
            judge(tx, factors, person, &asked, &given.assertion, now).await
        })
        .await?;
    let found = match judged {
        Judged::Right(found) => found,
        Judged::Wrong { known, reason } => {
            refused::note(db, known.then_some(person), reason, device.ip).await?;
            return Err(wrong());
        }
    };
    throttle::release(db, &lanes).await?;
    admit(db, person, &device).await?;
    if expiry::is_given_and_over(found.password_changed_at, found.password_temporary, now) {
        // What such a password stands in the way of, it does by every way in.
        refused::note(db, Some(person), "given_password_over", device.ip).await?;
        return Err(expiry::given_is_over());
    }
    let device = device.recognised(&factors.keys, &found.login_id, now);
    let opening = Opening::new(person, device, Method::PasskeyAlone);
    let (session, refresh, me) = db
        .tenant(person.tenant, async |tx| open(tx, db, &opening).await)
        .await?;
    answer(tokens, person.tenant, session, now, Some(refresh), me)
}

enum Judged {
    Right(user::Credentials),
    Wrong {
        /// Whether there is such a person.
        known: bool,
        reason: &'static str,
    },
}

async fn judge(
    tx: &mut AsyncPgConnection,
    factors: &Factors,
    person: Person,
    asked: &OpenChallenge,
    assertion: &Assertion,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Judged> {
    let credentials = user::credentials(tx, person.tenant, person.user).await?;
    let ceremony = Ceremony {
        challenge: asked.challenge(),
        alone: true,
    };
    let right = passkey::is_right(tx, factors, person, ceremony, assertion, now).await?;
    Ok(match credentials {
        Some(found) if right && found.disabled_at.is_none() => Judged::Right(found),
        found => Judged::Wrong {
            known: found.is_some(),
            reason: if right { "disabled" } else { "wrong_passkey" },
        },
    })
}
