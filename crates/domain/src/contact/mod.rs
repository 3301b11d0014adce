//! Contacts: the persons in a tenant's customer database.

pub mod address;
pub mod bounce_reset;
pub(crate) mod csv;
pub mod export;
pub mod import;
mod joining;
mod queries;
mod search;
pub mod timeline;
mod unique;

use std::collections::BTreeMap;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types;
use diesel_async::AsyncPgConnection;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::{ContextV7, Timestamp, Uuid};

pub use address::EmailAddress;
pub use search::{ContactFilter, ContactSort};

use crate::actor::{Actor, Permission};
use crate::audit;
use crate::contact_field::{self, ContactField};
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::ids::{ContactId, ListId};
use crate::list::subscription;
use crate::page::{Page, PageRequest};
use crate::text_enum::text_enum;

pub(crate) use joining::join;
pub(crate) use queries::{clear_soft_bounces, find, set_status, set_statuses};
pub(crate) use search::patterns;

/// Characters of a name.
pub const MAX_NAME: usize = 200;
/// Bytes of all own fields of a contact together, as JSON.
pub const MAX_FIELDS_BYTES: usize = 65_536;

text_enum! {
    /// Whether a contact may be mailed.
    pub enum ContactStatus {
        Active = "active",
        /// Left all mailing, by the cancel page or by hand.
        Unsubscribed = "unsubscribed",
        /// The address does not exist, or bounced too often.
        Bounced = "bounced",
        /// Reported a mail as spam.
        Complained = "complained",
        /// Switched off by a user.
        Disabled = "disabled",
    }
}

/// A person in the customer database.
#[derive(Debug, Clone, QueryableByName, Serialize)]
pub struct Contact {
    #[diesel(sql_type = sql_types::Uuid)]
    pub id: ContactId,
    /// As it was given.
    #[diesel(sql_type = sql_types::Text)]
    pub email: String,
    /// [`EmailAddress::key`] of `email`.
    #[diesel(sql_type = sql_types::Text)]
    pub email_key: String,
    #[diesel(sql_type = sql_types::Text)]
    pub name: String,
    #[diesel(sql_type = sql_types::Text)]
    pub status: ContactStatus,
    /// Own fields: [`ContactField::key`] to value.
    #[diesel(sql_type = sql_types::Jsonb)]
    pub fields: Value,
    /// `manual`, `api`, `import:<id>`, `form:<id>` or `signup:<id>`.
    #[diesel(sql_type = sql_types::Text)]
    pub source: String,
    /// Soft bounces since a mail last arrived.
    #[diesel(sql_type = sql_types::SmallInt)]
    pub soft_bounces: i16,
    #[diesel(sql_type = sql_types::Integer)]
    pub version: i32,
    #[diesel(sql_type = sql_types::Timestamptz)]
    pub created_at: DateTime<Utc>,
    #[diesel(sql_type = sql_types::Timestamptz)]
    pub updated_at: DateTime<Utc>,
}

/// A contact to be made.
#[derive(Debug, Default)]
pub struct NewContact {
    pub email: String,
    pub name: String,
    pub fields: BTreeMap<String, Value>,
    pub list_ids: Vec<ListId>,
}

/// A change; `None` leaves a value as it is.
#[derive(Debug, Default)]
pub struct ContactChange {
    pub email: Option<String>,
    pub name: Option<String>,
    /// Only these keys change; null empties one.
    pub fields: BTreeMap<String, Value>,
    pub status: Option<ContactStatus>,
}

/// An id that sorts by `created_at`, in the order of the calls within one
/// millisecond. The list of contacts relies on it (see contact.created_at).
#[must_use]
pub fn new_id(created_at: DateTime<Utc>) -> ContactId {
    static ORDER: std::sync::Mutex<ContextV7> = std::sync::Mutex::new(ContextV7::new());
    let seconds = u64::try_from(created_at.timestamp()).unwrap_or(0);
    let order = ORDER
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    ContactId(Uuid::new_v7(Timestamp::from_unix(
        &*order,
        seconds,
        created_at.timestamp_subsec_nanos(),
    )))
}

/// The clock's time as contacts keep it: to the millisecond.
#[must_use]
pub fn now(db: &Db) -> DateTime<Utc> {
    let now = db.now();
    now.duration_trunc(TimeDelta::milliseconds(1))
        .unwrap_or(now)
}

/// Checks and types the given values; unknown keys are errors.
fn check_fields(
    v: &mut Validation,
    fields: &[ContactField],
    given: &BTreeMap<String, Value>,
    stored: &mut Map<String, Value>,
) {
    for (key, value) in given {
        let pointer = format!("/fields/{key}");
        let Some(field) = fields.iter().find(|field| field.key == *key) else {
            v.add(pointer, "unknown", "there is no own field with this key");
            continue;
        };
        match field.parse_json(value) {
            Ok(Some(value)) => {
                stored.insert(key.clone(), value);
            }
            Ok(None) => {
                stored.remove(key);
            }
            Err(error) => v.add(pointer, error.code, error.detail),
        }
    }
    if serde_json::to_vec(stored).is_ok_and(|bytes| bytes.len() > MAX_FIELDS_BYTES) {
        v.add(
            "/fields",
            "too_long",
            format!("all own fields together may have at most {MAX_FIELDS_BYTES} bytes"),
        );
    }
}

fn check_required(v: &mut Validation, fields: &[ContactField], stored: &Map<String, Value>) {
    for field in fields
        .iter()
        .filter(|field| field.required && !stored.contains_key(&field.key))
    {
        v.add(
            format!("/fields/{}", field.key),
            "required",
            format!("{} must not be empty", field.label),
        );
    }
}

fn taken() -> DomainError {
    DomainError::conflict("email_taken", "another contact has this address")
}

/// Adds a contact, and subscribes it to lists.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`], [`DomainError::Conflict`] for an address or a unique value in use.
pub async fn create(db: &Db, actor: &Actor, new: NewContact, source: &str) -> Result<Contact> {
    actor.require(Permission::ContactsWrite)?;
    let mut v = Validation::default();
    let email = v.keep("/email", EmailAddress::parse(&new.email));
    v.length("/name", &new.name, 0, MAX_NAME);
    let now = now(db);
    db.tenant(actor.tenant_id, async |tx| {
        let fields = contact_field::all(tx, actor.tenant_id).await?;
        let mut stored = Map::new();
        for field in &fields {
            if let Some(value) = &field.default_value {
                stored.insert(field.key.clone(), value.clone());
            }
        }
        check_fields(&mut v, &fields, &new.fields, &mut stored);
        check_required(&mut v, &fields, &stored);
        v.finish()?;
        let email =
            email.ok_or_else(|| DomainError::internal("an address that passed its check"))?;
        let contact = Contact {
            id: new_id(now),
            email: email.as_given().to_owned(),
            email_key: email.key().to_owned(),
            name: new.name.trim().to_owned(),
            status: ContactStatus::Active,
            fields: Value::Object(stored),
            source: source.to_owned(),
            soft_bounces: 0,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        queries::insert(tx, actor.tenant_id, &contact).await?;
        unique::keep(tx, actor.tenant_id, contact.id, &fields, &contact.fields).await?;
        subscription::subscribe_to(tx, actor.tenant_id, contact.id, &new.list_ids, source, now)
            .await?;
        record(tx, actor, "contact.created", None, Some(&contact)).await?;
        Ok(contact)
    })
    .await
}

/// Pages, sorts, searches and filters the contacts.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the page or the filter.
pub async fn list(
    db: &Db,
    actor: &Actor,
    filter: &ContactFilter,
    sort: ContactSort,
    page: &PageRequest,
) -> Result<Page<Contact>> {
    actor.require(Permission::ContactsRead)?;
    let (limit, cursor) = (page.limit()?, page.cursor(sort.as_str())?);
    let search = search::Search::new(filter, sort)?;
    let (rows, total) = db
        .tenant(actor.tenant_id, async |tx| {
            let rows = search
                .page(tx, actor.tenant_id, cursor.as_ref(), limit + 1)
                .await?;
            let total = if page.count {
                Some(search.count(tx, actor.tenant_id).await?)
            } else {
                None
            };
            Ok((rows, total))
        })
        .await?;
    let page = Page::cut(rows, limit, sort.as_str(), |c: &Contact| {
        (sort.value_of(c), c.id.0)
    });
    Ok(Page { total, ..page })
}

/// One contact.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: ContactId) -> Result<Contact> {
    actor.require(Permission::ContactsRead)?;
    db.tenant(actor.tenant_id, async |tx| {
        find(tx, actor.tenant_id, id).await
    })
    .await
}

/// Changes a contact of version `version`.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`], [`DomainError::NotFound`], [`DomainError::Stale`],
/// [`DomainError::Conflict`] for an address or a unique value in use.
pub async fn update(
    db: &Db,
    actor: &Actor,
    id: ContactId,
    version: i32,
    change: ContactChange,
) -> Result<Contact> {
    actor.require(Permission::ContactsWrite)?;
    let mut v = Validation::default();
    let email = change
        .email
        .as_ref()
        .and_then(|email| v.keep("/email", EmailAddress::parse(email)));
    if let Some(name) = &change.name {
        v.length("/name", name, 0, MAX_NAME);
    }
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let before = find(tx, actor.tenant_id, id).await?;
        let mut contact = before.clone();
        let fields = contact_field::all(tx, actor.tenant_id).await?;
        let mut stored = contact.fields.as_object().cloned().unwrap_or_default();
        check_fields(&mut v, &fields, &change.fields, &mut stored);
        // A field that became required does not hold up changes of other ones.
        let touched: Vec<ContactField> = fields
            .iter()
            .filter(|f| change.fields.contains_key(&f.key))
            .cloned()
            .collect();
        check_required(&mut v, &touched, &stored);
        v.finish()?;
        contact.fields = Value::Object(stored);
        if let Some(email) = email {
            contact.email = email.as_given().to_owned();
            contact.email_key = email.key().to_owned();
        }
        if let Some(name) = change.name {
            contact.name = name.trim().to_owned();
        }
        if let Some(status) = change.status {
            contact.status = status;
        }
        contact.version = version.wrapping_add(1);
        contact.updated_at = now;
        if !queries::update(tx, actor.tenant_id, version, &contact).await? {
            return Err(DomainError::Stale);
        }
        unique::keep(tx, actor.tenant_id, contact.id, &fields, &contact.fields).await?;
        record(tx, actor, "contact.updated", Some(&before), Some(&contact)).await?;
        Ok(contact)
    })
    .await
}

/// Deletes a contact of version `version`. What was sent to it and its
/// consents stay, as the law asks.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Stale`].
pub async fn delete(db: &Db, actor: &Actor, id: ContactId, version: i32) -> Result<()> {
    actor.require(Permission::ContactsWrite)?;
    db.tenant(actor.tenant_id, async |tx| {
        let before = find(tx, actor.tenant_id, id).await?;
        if !queries::delete(tx, actor.tenant_id, id, version).await? {
            return Err(DomainError::Stale);
        }
        record(tx, actor, "contact.deleted", Some(&before), None).await
    })
    .await
}

async fn record(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    action: &str,
    before: Option<&Contact>,
    after: Option<&Contact>,
) -> Result<()> {
    let json = |contact: &Contact| serde_json::to_value(contact).ok();
    let entry = audit::Entry {
        action,
        subject_kind: "contact",
        subject_id: before.or(after).map(|contact| contact.id.0),
        before: before.and_then(json),
        after: after.and_then(json),
    };
    audit::record(tx, actor, entry).await
}
