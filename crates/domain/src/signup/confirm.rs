//! The link of the answer. Looking at its page changes nothing, since link
//! scanners look too; the button confirms, once.

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;

use super::queries::{self, Waiting};
use super::token::SignupToken;
use crate::actor::Actor;
use crate::consent::{self, ConsentKind, NewConsent};
use crate::contact::{self, EmailAddress};
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::event::Visitor;
use crate::event::cancel::hidden;
use crate::ids::ListId;
use crate::list::subscription::{self, Status};
use crate::mail::content::Locale;
use crate::secret::Keys;
use crate::text_enum::text_enum;

text_enum! {
    /// How things stand with a sign-up.
    pub enum Standing {
        Pending = "pending",
        Confirmed = "confirmed",
        Expired = "expired",
    }
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct ConfirmPage {
    /// The company as it calls itself in its mails.
    pub company: String,
    /// The address, its local part hidden: a link may be passed on.
    pub address: String,
    /// What the person agrees to.
    pub wording: String,
    /// Of the wording; the button gives it back.
    pub version: i32,
    pub locale: Locale,
    pub standing: Standing,
}

/// The sign-up that a token names.
///
/// # Errors
/// [`DomainError::NotFound`] for anything that we did not sign for it.
pub fn token(keys: &Keys, text: &str) -> Result<SignupToken> {
    SignupToken::decode(keys, text).ok_or_else(|| DomainError::not_found("link"))
}

/// What the page shows. Changes nothing.
///
/// # Errors
/// [`DomainError::NotFound`] when the sign-up is gone.
pub async fn look(db: &Db, token: SignupToken) -> Result<ConfirmPage> {
    let now = db.now();
    db.tenant(token.tenant, async |tx| {
        let waiting = queries::waiting(tx, token, false).await?;
        Ok(page(&waiting, now))
    })
    .await
}

/// Confirms what a page of version `seen` said. Of another version nothing
/// happens, and the page has to be shown again; a second time neither.
///
/// # Errors
/// [`DomainError::NotFound`] when the sign-up is gone.
pub async fn confirm(
    db: &Db,
    token: SignupToken,
    seen: Option<i32>,
    visitor: &Visitor,
) -> Result<ConfirmPage> {
    match once(db, token, seen, visitor).await {
        // Somebody made the same contact at this moment: now it is there.
        Err(DomainError::Conflict { .. }) => once(db, token, seen, visitor).await,
        done => done,
    }
}

async fn once(
    db: &Db,
    token: SignupToken,
    seen: Option<i32>,
    visitor: &Visitor,
) -> Result<ConfirmPage> {
    // Contacts keep the millisecond; a link ends at its very moment.
    let (now, joined_at) = (db.now(), contact::now(db));
    db.tenant(token.tenant, async |tx| {
        let mut waiting = queries::waiting(tx, token, true).await?;
        if standing(&waiting, now) == Standing::Pending && seen == Some(waiting.version) {
            join(tx, token, &waiting, visitor, joined_at).await?;
            waiting.confirmed_at = Some(now);
        }
        Ok(page(&waiting, now))
    })
    .await
}

fn standing(waiting: &Waiting, now: DateTime<Utc>) -> Standing {
    if waiting.confirmed_at.is_some() {
        Standing::Confirmed
    } else if waiting.expires_at <= now {
        Standing::Expired
    } else {
        Standing::Pending
    }
}

fn page(waiting: &Waiting, now: DateTime<Utc>) -> ConfirmPage {
    ConfirmPage {
        company: waiting.company.clone(),
        address: hidden(&waiting.email),
        wording: wording(waiting),
        version: waiting.version,
        locale: waiting.locale,
        standing: standing(waiting, now),
    }
}

/// The tenant's words, or ours; the ledger keeps them as they were shown.
fn wording(waiting: &Waiting) -> String {
    let (own, company) = (waiting.wording.trim(), &waiting.company);
    if !own.is_empty() {
        return own.to_owned();
    }
    match waiting.locale {
        Locale::Ja => format!("{company} からのメールを受け取ることに同意します。"),
        Locale::En => format!("I agree to receive mails from {company}."),
    }
}

async fn join(
    tx: &mut AsyncPgConnection,
    token: SignupToken,
    waiting: &Waiting,
    visitor: &Visitor,
    now: DateTime<Utc>,
) -> Result<()> {
    let tenant = token.tenant;
    let source = format!("signup:{}", waiting.address);
    let actor = Actor {
        ip: visitor.ip,
        request_id: visitor.request_id.clone(),
        ..Actor::public(tenant)
    };
    let address =
        EmailAddress::parse(&waiting.email).map_err(|e| DomainError::internal(e.detail))?;
    let person = contact::join(tx, &actor, &address, &source, now).await?;
    let lists: Vec<ListId> = queries::lists_of(tx, tenant, waiting.address).await?;
    for list in lists {
        let who = [person.id];
        subscription::set_many(tx, tenant, list, &who, Status::Subscribed, &source, now).await?;
    }
    let given = NewConsent {
        kind: ConsentKind::Given,
        wording: wording(waiting),
        form_version: Some(format!(
            "{} (mail {})",
            waiting.version, waiting.mail_number
        )),
        ip: visitor.ip,
        user_agent: Some(visitor.user_agent.clone()),
        at: None,
        message_id: Some(waiting.message_id.clone()),
        source,
    };
    consent::record(tx, tenant, person.id, &waiting.email, &given, now).await?;
    queries::confirmed(tx, tenant, waiting, person.id, now).await
}
