//! Passkeys (WebAuthn): registration, use, names. User verification is always
//! required, so that a passkey is two factors in one.

mod cose;
mod open;
mod webauthn;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use secrecy::SecretString;
use uuid::Uuid;

use super::{Factors, Method, Person, Purpose, attempt, finish, issue, notice, queries, recovery};
use crate::actor::Actor;
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::ids::{PasskeyId, TenantId, UserId};
use crate::schema::passkey;
use crate::session::token::OpaqueToken;
use crate::system_mail::Kind;
use crate::user;

pub use cose::ALGORITHMS;
pub use open::OpenQuestion;
pub(crate) use open::{OpenChallenge, ask, delete_expired};
pub use webauthn::{Assertion, Attestation, RelyingParty};

/// Passkeys of a person.
pub const MOST: usize = 20;

/// A passkey, as shown to its owner.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = passkey)]
pub struct Passkey {
    pub id: PasskeyId,
    pub name: String,
    pub sign_count: i64,
    /// Whether the key lives on more than one device.
    pub backed_up: bool,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
    /// Whether it is known to log in alone: the authenticator keeps the person's
    /// name beside the key, so that nobody has to say who they are.
    pub discoverable: bool,
}

/// What a browser needs to use a passkey.
#[derive(Debug)]
pub struct RequestOptions {
    /// Id of the relying party.
    pub party: String,
    pub challenge: [u8; 32],
    /// Ids of the credentials that count.
    pub credentials: Vec<Vec<u8>>,
}

/// What a browser needs to make a passkey.
#[derive(Debug)]
pub struct CreationOptions {
    /// Comes back with the answer.
    pub token: SecretString,
    pub party: String,
    pub challenge: [u8; 32],
    /// Names the person to the authenticator: no name, no address.
    pub user_handle: [u8; 32],
    pub user_name: String,
    pub display_name: String,
    /// Ids of credentials that are registered already.
    pub exclude: Vec<Vec<u8>>,
}

fn impossible() -> DomainError {
    DomainError::conflict(
        "passkeys_impossible",
        "browsers keep passkeys for a domain name over HTTPS only, and this service has another address",
    )
}

/// Begins a registration.
///
/// # Errors
/// [`DomainError::Refused`] without step-up, or under a password that somebody else gave,
/// [`DomainError::Conflict`] where passkeys are impossible, or too many.
pub async fn begin(db: &Db, factors: &Factors, actor: &Actor) -> Result<CreationOptions> {
    let person = Person::of(actor)?;
    actor.require_own_password()?;
    actor.require_step_up()?;
    let party = factors.party.as_ref().ok_or_else(impossible)?;
    let now = db.now();
    db.tenant(person.tenant, async |tx| {
        let exclude = queries::credential_ids(tx, person).await?;
        if exclude.len() >= MOST {
            let detail = format!("at most {MOST} passkeys: remove one that is not used any more");
            return Err(DomainError::conflict("too_many_passkeys", detail));
        }
        let me = user::find(tx, person.tenant, person.user).await?;
        let token = issue(tx, person, purpose(actor)?, now).await?;
        Ok(CreationOptions {
            token: token.encode(),
            party: party.id.clone(),
            challenge: token.passkey_challenge(),
            user_handle: handle(person),
            user_name: me.login_id,
            display_name: me.display_name,
            exclude,
        })
    })
    .await
}

/// The user handle of a person's passkeys.
fn handle(person: Person) -> [u8; 32] {
    let mut handle = [0; 32];
    handle[..16].copy_from_slice(person.tenant.0.as_bytes());
    handle[16..].copy_from_slice(person.user.0.as_bytes());
    handle
}

/// Whom a user handle names.
pub(crate) fn person_of(handle: &[u8]) -> Option<Person> {
    let (tenant, user) = handle.split_at_checked(16)?;
    Some(Person {
        tenant: TenantId(Uuid::from_slice(tenant).ok()?),
        user: UserId(Uuid::from_slice(user).ok()?),
    })
}

fn purpose(actor: &Actor) -> Result<Purpose> {
    actor
        .session_id
        .map(Purpose::Register)
        .ok_or_else(|| DomainError::not_found("session"))
}

fn check_name(name: &str) -> Result<()> {
    let mut v = Validation::default();
    v.length("/name", name.trim(), 1, 100);
    if name.chars().any(char::is_control) {
        v.add("/name", "malformed", "must not hold control characters");
    }
    v.finish()
}

/// Registers a passkey. Answers recovery codes when the person has none yet.
///
/// # Errors
/// [`DomainError::Invalid`] for an answer that does not count, [`DomainError::Conflict`] for a question that is over,
/// or a passkey that is registered already.
pub async fn register(
    db: &Db,
    factors: &Factors,
    actor: &Actor,
    token: &str,
    name: &str,
    answer: &Attestation,
) -> Result<(Passkey, Vec<SecretString>)> {
    let person = Person::of(actor)?;
    actor.require_own_password()?;
    actor.require_step_up()?;
    check_name(name)?;
    let over = || DomainError::conflict("challenge_over", "this took too long: begin again");
    let party = factors.party.as_ref().ok_or_else(impossible)?;
    let token = OpaqueToken::decode(token)
        .filter(|token| token.tenant == person.tenant)
        .ok_or_else(over)?;
    let purpose = purpose(actor)?;
    let now = db.now();
    db.tenant(person.tenant, async |tx| {
        attempt(tx, &token, purpose, now)
            .await?
            .filter(|asked| asked.user == person.user)
            .ok_or_else(over)?;
        let made = webauthn::register(party, &token.passkey_challenge(), answer).map_err(|e| {
            tracing::warn!(name: "passkey.refused", reason = e.0, "a registration does not count");
            DomainError::invalid(
                "/attestation_object",
                "refused",
                format!("does not count: {}", e.0),
            )
        })?;
        finish(tx, &token).await?;
        let row = Passkey {
            id: PasskeyId::new(),
            name: name.trim().to_owned(),
            sign_count: made.sign_count.into(),
            backed_up: made.backed_up,
            created_at: now,
            last_used_at: None,
            discoverable: answer.discoverable,
        };
        queries::insert_passkey(tx, person, &row, &made.id, &made.public_key).await?;
        queries::note_factor(tx, person, now).await?;
        super::record(tx, actor, "user.passkey_added", Some(&row.name)).await?;
        let factor = (Method::Passkey, row.name.as_str());
        notice::changed(tx, actor, person, Kind::FactorAdded, factor, now).await?;
        let codes = recovery::make_first(tx, actor, person, now).await?;
        Ok((row, codes))
    })
    .await
}

/// Gives a passkey another name.
///
/// # Errors
/// [`DomainError::Invalid`], [`DomainError::NotFound`].
pub async fn rename(db: &Db, actor: &Actor, id: PasskeyId, name: &str) -> Result<Passkey> {
    let person = Person::of(actor)?;
    check_name(name)?;
    db.tenant(person.tenant, async |tx| {
        let row = queries::rename_passkey(tx, person, id, name.trim())
            .await?
            .ok_or_else(|| DomainError::not_found("passkey"))?;
        super::record(tx, actor, "user.passkey_renamed", Some(&row.name)).await?;
        Ok(row)
    })
    .await
}

/// Removes a passkey.
///
/// # Errors
/// [`DomainError::NotFound`], [`DomainError::Refused`] without step-up, [`DomainError::Conflict`] for the last factor
/// where the tenant wants one.
pub async fn remove(db: &Db, actor: &Actor, id: PasskeyId) -> Result<()> {
    let person = Person::of(actor)?;
    let now = db.now();
    db.tenant(person.tenant, async |tx| {
        let name = queries::delete_passkey(tx, person, id)
            .await?
            .ok_or_else(|| DomainError::not_found("passkey"))?;
        actor.require_step_up()?;
        super::after_removal(tx, person, now).await?;
        super::record(tx, actor, "user.passkey_removed", Some(&name)).await?;
        let factor = (Method::Passkey, name.as_str());
        notice::changed(tx, actor, person, Kind::FactorRemoved, factor, now).await
    })
    .await
}

/// What an assertion has to answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ceremony {
    pub(crate) challenge: [u8; 32],
    /// It is all that the person shows: the passkey has to be known to be made for that.
    pub(crate) alone: bool,
}

/// Whether an assertion is one of the person's passkeys', for this question. A
/// counter that does not grow comes of a copied authenticator (§7.2 step 22).
pub(crate) async fn is_right(
    tx: &mut AsyncPgConnection,
    factors: &Factors,
    person: Person,
    ceremony: Ceremony,
    assertion: &Assertion,
    now: DateTime<Utc>,
) -> Result<bool> {
    let refused = |reason: &str| {
        tracing::warn!(name: "passkey.refused", reason, "an assertion does not count");
        Ok(false)
    };
    let Some(party) = &factors.party else {
        return Ok(false);
    };
    let Some(key) = queries::key(tx, person, &assertion.credential_id).await? else {
        return Ok(false);
    };
    if ceremony.alone && !key.discoverable {
        return refused("it is for the second step only");
    }
    let used = match webauthn::verify(party, &ceremony.challenge, &key.public_key, assertion) {
        Ok(used) => used,
        Err(refusal) => return refused(refusal.0),
    };
    let count = i64::from(used.sign_count);
    if (count != 0 || key.sign_count != 0) && count <= key.sign_count {
        return refused("the counter did not grow");
    }
    queries::use_passkey(tx, person, key.id, count, used.backed_up, now).await?;
    Ok(true)
}
