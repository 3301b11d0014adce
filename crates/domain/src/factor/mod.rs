//! Second factors: what a person proves who they are with, beside the
//! password. An authenticator app (TOTP), passkeys (WebAuthn), and recovery
//! codes for the day when both are lost.

mod challenge;
pub(crate) mod code;
mod notice;
pub mod passkey;
mod queries;
pub mod recovery;
mod reset;
pub mod totp;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::actor::Actor;
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{TenantId, UserId};
use crate::secret::Keys;
use crate::session::token::OpaqueToken;
use crate::tenant;

pub(crate) use challenge::{
    LIFETIME, Purpose, attempt, delete_expired, finish, forget_all_log_ins, forget_log_ins, issue,
    owner,
};
pub use reset::{reset, reset_by_login_id};

/// What factors are checked with: the keys of the installation, and the name
/// under which browsers keep passkeys (none where they have none).
#[derive(Debug, Clone)]
pub struct Factors {
    pub(crate) keys: Arc<Keys>,
    pub(crate) party: Option<passkey::RelyingParty>,
}

impl Factors {
    #[must_use]
    pub fn new(keys: Arc<Keys>, public_url: &str) -> Self {
        Self {
            keys,
            party: passkey::RelyingParty::of(public_url),
        }
    }
}

/// Whose factors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person {
    pub(crate) tenant: TenantId,
    pub(crate) user: UserId,
}

impl Person {
    /// A logged-in one; a token or the service itself has no factors.
    pub(crate) fn of(actor: &Actor) -> Result<Self> {
        let user = actor.user_id.zip(actor.session_id);
        user.map(|(user, _)| Self {
            tenant: actor.tenant_id,
            user,
        })
        .ok_or_else(|| DomainError::Refused {
            code: "no_person",
            detail: "this is for people who log in, not for programs".to_owned(),
        })
    }
}

/// A way to prove who one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Totp,
    Passkey,
    /// A passkey without a password before it: a log-in by itself.
    PasskeyAlone,
    RecoveryCode,
    /// For step-up of a person without a second factor.
    Password,
}

impl Method {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Passkey => "passkey",
            Self::PasskeyAlone => "passkey_alone",
            Self::RecoveryCode => "recovery_code",
            Self::Password => "password",
        }
    }
}

/// What a person brings along.
#[derive(Debug)]
pub enum Proof {
    Totp(SecretString),
    Passkey(passkey::Assertion),
    RecoveryCode(SecretString),
    Password(SecretString),
}

impl Proof {
    #[must_use]
    pub fn method(&self) -> Method {
        match self {
            Self::Totp(_) => Method::Totp,
            Self::Passkey(_) => Method::Passkey,
            Self::RecoveryCode(_) => Method::RecoveryCode,
            Self::Password(_) => Method::Password,
        }
    }
}

/// The question for a second factor.
#[derive(Debug)]
pub struct Question {
    /// Comes back with the answer; good for one answer.
    pub token: SecretString,
    /// Seconds.
    pub expires_in: i64,
    pub methods: Vec<Method>,
    /// For the browser, when a passkey is among the methods.
    pub passkey: Option<passkey::RequestOptions>,
}

/// A person's factors, as shown to them.
#[derive(Debug)]
pub struct Overview {
    pub totp_since: Option<DateTime<Utc>>,
    pub passkeys: Vec<passkey::Passkey>,
    pub recovery_codes_left: i64,
    /// Whether the tenant wants a second factor of all.
    pub required: bool,
    /// Whether this installation's address allows passkeys at all.
    pub passkeys_possible: bool,
}

/// One's own factors.
///
/// # Errors
/// When the database does.
pub async fn overview(db: &Db, factors: &Factors, actor: &Actor) -> Result<Overview> {
    let person = Person::of(actor)?;
    db.tenant(person.tenant, async |tx| {
        let seed = queries::seed(tx, person).await?;
        Ok(Overview {
            totp_since: seed.and_then(|row| row.confirmed_at),
            passkeys: queries::passkeys(tx, person).await?,
            recovery_codes_left: queries::codes_left(tx, person).await?,
            required: tenant::find(tx, person.tenant)
                .await?
                .second_factor_required,
            passkeys_possible: factors.party.is_some(),
        })
    })
    .await
}

/// Whether the proof is a right one, and uses it up. A password is none: who
/// has a second factor proves that one.
pub(crate) async fn prove(
    tx: &mut AsyncPgConnection,
    factors: &Factors,
    person: Person,
    token: Option<&OpaqueToken>,
    proof: &Proof,
    now: DateTime<Utc>,
) -> Result<bool> {
    match proof {
        Proof::Totp(code) => totp::is_right(tx, factors, person, code.expose_secret(), now).await,
        Proof::RecoveryCode(code) => recovery::is_right(tx, person, code.expose_secret()).await,
        Proof::Passkey(assertion) => match token {
            Some(token) => {
                let ceremony = passkey::Ceremony {
                    challenge: token.passkey_challenge(),
                    alone: false,
                };
                passkey::is_right(tx, factors, person, ceremony, assertion, now).await
            }
            None => Ok(false),
        },
        Proof::Password(_) => Ok(false),
    }
}

/// The options of a passkey's use, for a question.
pub(crate) async fn question(
    tx: &mut AsyncPgConnection,
    factors: &Factors,
    person: Person,
    token: &OpaqueToken,
) -> Result<Question> {
    let methods = queries::methods(tx, person, factors.party.is_some()).await?;
    let passkey = match &factors.party {
        Some(party) if methods.contains(&Method::Passkey) => Some(passkey::RequestOptions {
            party: party.id.clone(),
            challenge: token.passkey_challenge(),
            credentials: queries::credential_ids(tx, person).await?,
        }),
        _ => None,
    };
    Ok(Question {
        token: token.encode(),
        expires_in: LIFETIME.num_seconds(),
        methods,
        passkey,
    })
}

/// After one of a person's factors is gone: recovery codes go with the last,
/// and the last stays where the tenant wants one.
async fn after_removal(
    tx: &mut AsyncPgConnection,
    person: Person,
    now: DateTime<Utc>,
) -> Result<()> {
    if queries::has_factor(tx, person).await? {
        return Ok(());
    }
    if tenant::find(tx, person.tenant)
        .await?
        .second_factor_required
    {
        return Err(DomainError::conflict(
            "last_factor",
            "your company wants a second factor of all: set up another one before you remove this one",
        ));
    }
    queries::put_codes(tx, person, &[], now).await?;
    queries::forget_factor(tx, person, now).await
}

async fn record(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    action: &'static str,
    name: Option<&str>,
) -> Result<()> {
    let entry = audit::Entry {
        action,
        subject_kind: "user",
        subject_id: actor.user_id.map(|id| id.0),
        after: name.map(|name| json!({ "name": name })),
        ..audit::Entry::default()
    };
    audit::record(tx, actor, entry).await
}

fn wrong_code() -> DomainError {
    DomainError::invalid(
        "/code",
        "wrong_code",
        "is not the code that the app shows now",
    )
}
