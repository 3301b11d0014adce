//! Transactional mails: one call, one mail to one person, in the fast lane.
//!
//! Such a mail is a delivery like every other and goes through the same
//! engine. A delivery belongs to a campaign, and so all that one version of a
//! mail sends in a month stands under one row of `campaign` that nobody sees
//! or steers (`Kind::Transactional`): mailers compile its content once, and
//! its place in `send_queue` comes and goes with the mails that wait.
//!
//! Who is blocked, stopped or has left gets none, as with every kind of
//! sending; that is judged at the claim (`delivery::claim`). Lists are not
//! asked, since the mail is the answer to something that the person did.

mod queries;
pub mod values;

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use serde_json::{Map, Value};

use crate::actor::{Actor, Permission};
use crate::campaign::test_send::check_ways;
use crate::contact::EmailAddress;
use crate::db::Db;
use crate::delivery::read::{self, Delivery, DeliveryDetail, DeliveryState};
use crate::error::{DomainError, FieldError, Result};
use crate::idempotency::Promise;
use crate::ids::{ContactId, DeliveryId, MailId, TenantId};
use crate::mail::preview::as_invalid;
use crate::mail::render::{CompiledMail, Installation, Links, Recipient};
use crate::mail::{self, Mail};
use crate::page::{Page, PageRequest};
use crate::tenant::usage;

pub use self::values::recipient;

/// Among the values of an answer to what a person just asked for: the claim
/// then lets a cancellation of theirs pass. Values of a call can't have this
/// name ([`values::check`]).
pub(crate) const ASKED: &str = "_asked";
/// Cursors of the list: ids sort by the time of the call.
const SORT: &str = "-id";

/// To whom.
#[derive(Debug, Clone)]
pub enum To {
    /// Who has this address; nobody has to.
    Address(String),
    Contact(ContactId),
}

/// One mail to be sent.
#[derive(Debug, Clone)]
pub struct NewSend {
    /// As it is saved now.
    pub mail_id: MailId,
    pub to: To,
    /// For its merge fields; before what a contact of that address has.
    pub values: Map<String, Value>,
}

/// A transactional mail in the list.
#[derive(Debug, Clone)]
pub struct TransactionalSend {
    pub delivery: Delivery,
    pub mail_id: Option<MailId>,
    /// The mail's name when it was sent.
    pub mail_name: String,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

/// Which of them.
#[derive(Debug, Clone, Default)]
pub struct SendFilter {
    pub state: Option<DeliveryState>,
    /// Exactly this address, in either spelling.
    pub address: Option<String>,
}

/// The mailbox that a call names.
struct Mailbox {
    /// In the spelling of [`EmailAddress::key`].
    address: String,
    contact: Option<(ContactId, Recipient)>,
}

/// Sends one mail. What `promise` has to be answered is kept with the mail: the
/// same call again finds it, wherever the first one came to an end.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the address, the mail, or values that leave a hole or make no
/// mail, [`DomainError::Conflict`] without a route or for a foreign sender domain.
pub async fn send(
    db: &Db,
    actor: &Actor,
    installation: &Installation,
    new: NewSend,
    promise: Option<&Promise<'_, DeliveryDetail>>,
) -> Result<DeliveryDetail> {
    actor.require(Permission::CampaignsSend)?;
    values::check(&new.values)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    let (mail, around, to) = db
        .tenant(tenant, async |tx| {
            let mail = find_mail(tx, tenant, new.mail_id).await?;
            usage::require_mails(tx, tenant, 1, now).await?;
            check_ways(tx, tenant, &mail.content.sender_address).await?;
            let around = mail::surroundings(tx, tenant, installation, now).await?;
            let to = mailbox(tx, tenant, &new.to).await?;
            Ok((mail, around, to))
        })
        .await?;
    let fields = around.fields.clone();
    let compiled =
        CompiledMail::compile(&mail.content, &around.without_fields()).map_err(as_invalid)?;
    let missing = values::missing(compiled.required_names(), &fields, &new.values);
    if !missing.is_empty() {
        let error = |name: &&str| {
            FieldError::new(
                format!("/values/{name}"),
                "required",
                "the mail uses it, and it is no field of contacts",
            )
        };
        return Err(DomainError::Invalid(missing.iter().map(error).collect()));
    }
    let values = Value::Object(new.values);
    try_out(&compiled, &to, &values)?;
    db.tenant(tenant, async |tx| {
        let id = write(tx, actor, &mail, compiled.links(), &to, &values, now).await?;
        let made = read::load(tx, tenant, id).await?;
        if let Some(promise) = promise {
            promise.keep(tx, actor, &made).await?;
        }
        Ok(made)
    })
    .await
}

/// Puts one mail of the service's own making into the caller's transaction: an
/// answer to somebody who just asked for it. `compiled` is `mail`, without own
/// fields; the caller has checked that `values` leave no hole.
///
/// # Errors
/// [`DomainError::Invalid`] when the values make no mail.
pub(crate) async fn answer(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    mail: &Mail,
    compiled: &CompiledMail,
    to: &EmailAddress,
    values: &Value,
    now: DateTime<Utc>,
) -> Result<DeliveryId> {
    let to = Mailbox {
        contact: queries::by_key(tx, actor.tenant_id, to.key()).await?,
        address: to.key().to_owned(),
    };
    try_out(compiled, &to, values)?;
    write(tx, actor, mail, compiled.links(), &to, values, now).await
}

async fn find_mail(tx: &mut AsyncPgConnection, tenant: TenantId, id: MailId) -> Result<Mail> {
    match mail::find(tx, tenant, id).await {
        Err(DomainError::NotFound { .. }) => Err(DomainError::invalid(
            "/mail_id",
            "unknown",
            "there is no such mail",
        )),
        found => found,
    }
}

async fn mailbox(tx: &mut AsyncPgConnection, tenant: TenantId, to: &To) -> Result<Mailbox> {
    let (contact, parsed) = match to {
        To::Address(text) => {
            let parsed = EmailAddress::parse(text).map_err(|error| at("/email", error))?;
            (queries::by_key(tx, tenant, parsed.key()).await?, parsed)
        }
        To::Contact(id) => {
            let recipient = mail::preview::recipient(tx, tenant, *id).await?;
            let parsed =
                EmailAddress::parse(&recipient.email).map_err(|error| at("/contact_id", error))?;
            (Some((*id, recipient)), parsed)
        }
    };
    Ok(Mailbox {
        address: parsed.key().to_owned(),
        contact,
    })
}

fn at(pointer: &str, error: FieldError) -> DomainError {
    DomainError::invalid(pointer, error.code, error.detail)
}

/// Values that make no mail (a line break for the subject) are told to the
/// caller, who can still mend them.
fn try_out(compiled: &CompiledMail, to: &Mailbox, values: &Value) -> Result<()> {
    let person = to.contact.as_ref().map(|(_, person)| person.clone());
    let recipient = recipient(person, &to.address, values);
    match compiled.render(&recipient, Links::Direct) {
        Ok(_) => Ok(()),
        Err(error) => Err(DomainError::invalid(
            "/values",
            error.code,
            format!("{}: {}", error.part.as_str(), error.detail),
        )),
    }
}

async fn write(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    mail: &Mail,
    links: &[String],
    to: &Mailbox,
    values: &Value,
    now: DateTime<Utc>,
) -> Result<DeliveryId> {
    let stream = queries::open_stream(tx, actor, mail, links, now).await?;
    let id = DeliveryId::new();
    // Nobody's mail has an id of its own in the place of the contact's.
    let contact = to
        .contact
        .as_ref()
        .map_or(ContactId(id.0), |(contact, _)| *contact);
    let new = queries::NewDelivery {
        id,
        contact,
        address: &to.address,
        values,
    };
    queries::insert(tx, actor.tenant_id, &stream, &new, now).await?;
    Ok(id)
}

/// Pages transactional mails, the newest first.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the page or the address.
pub async fn list(
    db: &Db,
    actor: &Actor,
    filter: &SendFilter,
    page: &PageRequest,
) -> Result<Page<TransactionalSend>> {
    actor.require(Permission::CampaignsRead)?;
    let address = filter
        .address
        .as_deref()
        .map(|text| EmailAddress::parse(text).map_err(|error| at("/email", error)))
        .transpose()?;
    let (limit, cursor, tenant) = (page.limit()?, page.cursor(SORT)?, actor.tenant_id);
    db.tenant(tenant, async |tx| {
        let found = queries::Search {
            state: filter.state,
            address: address.as_ref().map(EmailAddress::key),
            before: cursor.map(|cursor| DeliveryId(cursor.id)),
        };
        let rows = queries::page(tx, tenant, &found, limit + 1).await?;
        Ok(Page::cut(rows, limit, SORT, |row: &TransactionalSend| {
            (String::new(), row.delivery.id.0)
        }))
    })
    .await
}
