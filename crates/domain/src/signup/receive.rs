//! A mail to a sign-up address. Whoever hands it over has read it and knows
//! that a person wrote it; here is decided whether it is answered.

use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::AsyncPgConnection;
use serde_json::json;

use super::local_part::LocalPart;
use super::token::SignupToken;
use super::{CONFIRM_URL, MAX_HOURLY, Row, answer, queries};
use crate::actor::Actor;
use crate::campaign::test_send::check_ways;
use crate::contact::EmailAddress;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{SignupAddressId, SignupId, TenantId};
use crate::mail::render::{CompiledMail, Installation, Surroundings};
use crate::mail::{self, Mail};
use crate::text_enum::text_enum;
use crate::transactional;

/// The same person is answered by the same address once in this time.
const PAUSE: TimeDelta = TimeDelta::hours(1);
/// Over which a person's answers by all addresses of the tenant are counted.
const DAY: TimeDelta = TimeDelta::hours(24);
/// So many of them.
const A_DAY: usize = 5;
/// Characters of a Message-ID that are kept.
const MAX_MESSAGE_ID: usize = 300;

/// A sign-up address, found by its local part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mailbox {
    pub tenant: TenantId,
    pub address: SignupAddressId,
}

/// What the mail says, as far as anybody reads it.
#[derive(Debug, Clone)]
pub struct Request {
    pub from: EmailAddress,
    /// Hostile input; cut and cleaned here.
    pub message_id: String,
}

text_enum! {
    /// What became of it. The sender hears of `Closed` only, which is about
    /// the address and not about a person.
    pub enum Outcome {
        Answered = "answered",
        /// Was answered within the hour, and has the link.
        Again = "again",
        /// Over one of the limits.
        Limited = "limited",
        /// On the block-list, bounced, complained or switched off.
        Blocked = "blocked",
        /// The address that answers: a loop.
        Own = "own",
        /// Switched off, or gone.
        Closed = "closed",
        /// The answer can't be made at the moment; the tenant has to mend it.
        NotReady = "not_ready",
    }
}

/// Whose address this is, by its local part in any case.
///
/// # Errors
/// When the database does.
pub async fn find(db: &Db, local: &str) -> Result<Option<Mailbox>> {
    let Ok(local) = LocalPart::parse(local) else {
        return Ok(None);
    };
    db.system(async |tx| queries::at_home(tx, &local).await)
        .await
}

enum Prepared {
    Go(Box<(Mail, Surroundings)>),
    Stop(Outcome),
    Broken(String),
}

/// Takes a mail: makes a row that waits, and the answer with its link.
///
/// # Errors
/// When the database does; the mail has to come again.
pub async fn take(
    db: &Db,
    installation: &Installation,
    to: Mailbox,
    request: &Request,
) -> Result<Outcome> {
    let (tenant, now) = (to.tenant, db.now());
    let prepared = db
        .tenant(tenant, async |tx| {
            prepare(tx, to, installation, request, now).await
        })
        .await?;
    let (mail, around) = match prepared {
        Prepared::Go(both) => *both,
        Prepared::Stop(outcome) => return Ok(outcome),
        Prepared::Broken(why) => return broken(db, to, &why).await,
    };
    // Compiled outside of the transaction: others wait for what it locks.
    let compiled = match answer::compile(&mail, around) {
        Ok(compiled) => compiled,
        Err(error) => return broken(db, to, &error.detail).await,
    };
    let written = db
        .tenant(tenant, async |tx| {
            queries::take_turns(tx, tenant).await?;
            let Some(row) = queries::find_enabled(tx, to).await? else {
                return Ok(Outcome::Closed);
            };
            if let Some(stop) = judge(tx, tenant, &row, &request.from, now).await? {
                return Ok(stop);
            }
            write(
                tx,
                installation,
                tenant,
                &row,
                (&mail, &compiled),
                request,
                now,
            )
            .await?;
            Ok(Outcome::Answered)
        })
        .await;
    match written {
        // The person's own values make no mail of it.
        Err(DomainError::Invalid(errors)) => {
            let why = errors.first().map(|error| error.detail.clone());
            broken(db, to, &why.unwrap_or_default()).await
        }
        written => written,
    }
}

async fn prepare(
    tx: &mut AsyncPgConnection,
    to: Mailbox,
    installation: &Installation,
    request: &Request,
    now: DateTime<Utc>,
) -> Result<Prepared> {
    let tenant = to.tenant;
    let Some(row) = queries::find_enabled(tx, to).await? else {
        return Ok(Prepared::Stop(Outcome::Closed));
    };
    if let Some(stop) = judge(tx, tenant, &row, &request.from, now).await? {
        return Ok(Prepared::Stop(stop));
    }
    let mail = mail::find(tx, tenant, row.mail_id).await?;
    if is_own(&mail, &request.from) {
        return Ok(Prepared::Stop(Outcome::Own));
    }
    match check_ways(tx, tenant, &mail.content.sender_address).await {
        Ok(()) => {}
        Err(DomainError::Conflict { detail, .. }) => return Ok(Prepared::Broken(detail)),
        Err(error) => return Err(error),
    }
    let around = mail::surroundings(tx, tenant, installation, now).await?;
    Ok(Prepared::Go(Box::new((mail, around))))
}

/// Whoever answers our answers from its own address would be answered again.
fn is_own(mail: &Mail, from: &EmailAddress) -> bool {
    [&mail.content.sender_address, &mail.content.reply_to]
        .into_iter()
        .filter_map(|own| EmailAddress::parse(own).ok())
        .any(|own| own.key().eq_ignore_ascii_case(from.key()))
}

/// Why there is no answer; `None` for going on.
async fn judge(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    row: &Row,
    from: &EmailAddress,
    now: DateTime<Utc>,
) -> Result<Option<Outcome>> {
    if queries::is_blocked(tx, tenant, from).await? {
        return Ok(Some(Outcome::Blocked));
    }
    let lately = queries::answers_to(tx, tenant, from, now - DAY, A_DAY).await?;
    let again =
        |(address, at): &(SignupAddressId, DateTime<Utc>)| *address == row.id && *at > now - PAUSE;
    if lately.iter().any(again) {
        return Ok(Some(Outcome::Again));
    }
    let full = lately.len() >= A_DAY
        || queries::answers_since(tx, tenant, Some(row.id), now - PAUSE).await?
            >= i64::from(row.hourly_limit)
        || queries::answers_since(tx, tenant, None, now - PAUSE).await? >= i64::from(MAX_HOURLY);
    Ok(full.then_some(Outcome::Limited))
}

async fn write(
    tx: &mut AsyncPgConnection,
    installation: &Installation,
    tenant: TenantId,
    row: &Row,
    (mail, compiled): (&Mail, &CompiledMail),
    request: &Request,
    now: DateTime<Utc>,
) -> Result<()> {
    let id = SignupId::new();
    let token = SignupToken { tenant, signup: id }.encode(&installation.keys);
    let url = format!("{}/p/confirm/{token}", installation.public_url);
    // Who cancelled once asks again themselves: this one mail may reach them.
    let values = json!({ CONFIRM_URL: url, transactional::ASKED: true });
    let actor = Actor::system(tenant);
    let delivery =
        transactional::answer(tx, &actor, mail, compiled, &request.from, &values, now).await?;
    let new = queries::NewSignup {
        id,
        address: row.id,
        from: &request.from,
        message_id: &clean(&request.message_id),
        mail,
        delivery,
        expires_at: now + TimeDelta::hours(i64::from(row.valid_hours)),
    };
    queries::insert_signup(tx, tenant, &new, now).await
}

/// One line without control characters, cut.
fn clean(message_id: &str) -> String {
    let chars = message_id.chars().filter(|c| !c.is_control());
    chars.take(MAX_MESSAGE_ID).collect()
}

async fn broken(db: &Db, to: Mailbox, why: &str) -> Result<Outcome> {
    db.tenant(to.tenant, async |tx| {
        queries::set_problem(tx, to, why).await
    })
    .await?;
    tracing::warn!(name: "signup.not_ready", tenant = %to.tenant, address = %to.address, why, "a sign-up can't be answered");
    Ok(Outcome::NotReady)
}
