//! Suppression: addresses and domains that must never be mailed, whatever sends.

mod queries;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;

use crate::actor::{Actor, Permission};
use crate::audit;
use crate::contact::EmailAddress;
use crate::contact::address::domain_key;
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::ids::{SuppressionId, UserId};
use crate::page::{Page, PageRequest, time_key};
use crate::schema::suppression;
use crate::text_enum::text_enum;

pub(crate) use queries::{
    is_cancelled, suppress_address, suppress_addresses, unsuppress_cancelled,
};

text_enum! {
    /// One address, or a whole domain.
    pub enum Kind {
        Address = "address",
        Domain = "domain",
    }
}

text_enum! {
    /// Why.
    pub enum Reason {
        Manual = "manual",
        Cancelled = "cancelled",
        Bounced = "bounced",
        Complained = "complained",
        Imported = "imported",
    }
}

/// An entry of the block-list.
#[derive(Debug, Clone, Queryable, Selectable, Serialize)]
#[diesel(table_name = suppression)]
pub struct Suppression {
    pub id: SuppressionId,
    pub kind: Kind,
    /// [`EmailAddress::key`] or a lower-case domain.
    pub value: String,
    pub reason: Reason,
    /// Where it came from, for example `cancel_page`.
    pub source: String,
    pub note: String,
    pub created_by: Option<UserId>,
    pub created_at: DateTime<Utc>,
}

/// An entry to be made.
#[derive(Debug)]
pub struct NewSuppression {
    pub kind: Kind,
    pub value: String,
    pub reason: Reason,
    pub note: String,
}

/// Which entries.
#[derive(Debug, Clone, Default)]
pub struct SuppressionFilter {
    /// Beginning of the address or domain.
    pub q: Option<String>,
    pub kind: Option<Kind>,
    pub reason: Option<Reason>,
}

/// Blocks an address or a domain.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`], [`DomainError::Conflict`] when it is blocked already.
pub async fn create(db: &Db, actor: &Actor, new: NewSuppression) -> Result<Suppression> {
    actor.require(Permission::ContactsWrite)?;
    let mut v = Validation::default();
    v.length("/note", &new.note, 0, 2000);
    let key = match new.kind {
        Kind::Address => EmailAddress::parse(&new.value).map(|address| address.key().to_owned()),
        Kind::Domain => domain_key(new.value.trim().trim_start_matches('@')),
    };
    let key = v.keep("/value", key);
    v.finish()?;
    let row = Suppression {
        id: SuppressionId::new(),
        kind: new.kind,
        value: key.unwrap_or_default(),
        reason: new.reason,
        source: actor.kind.as_str().to_owned(),
        note: new.note,
        created_by: actor.user_id,
        created_at: db.now(),
    };
    db.tenant(actor.tenant_id, async |tx| {
        queries::insert(tx, actor.tenant_id, &row).await?;
        let entry = audit::Entry {
            action: "suppression.created",
            subject_kind: "suppression",
            subject_id: Some(row.id.0),
            after: serde_json::to_value(&row).ok(),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await?;
        Ok(row)
    })
    .await
}

/// Pages the entries, newest first.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the page.
pub async fn list(
    db: &Db,
    actor: &Actor,
    filter: &SuppressionFilter,
    page: &PageRequest,
) -> Result<Page<Suppression>> {
    actor.require(Permission::ContactsRead)?;
    let (limit, cursor) = (page.limit()?, page.cursor("-created_at")?);
    let before = cursor
        .map(|c| Ok::<_, DomainError>((c.time()?, SuppressionId(c.id))))
        .transpose()?;
    let rows = db
        .tenant(actor.tenant_id, async |tx| {
            queries::page(tx, actor.tenant_id, filter, before, limit + 1).await
        })
        .await?;
    Ok(Page::cut(
        rows,
        limit,
        "-created_at",
        |row: &Suppression| (time_key(row.created_at), row.id.0),
    ))
}

/// Takes an entry off: the address can be mailed again.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn delete(db: &Db, actor: &Actor, id: SuppressionId) -> Result<()> {
    actor.require(Permission::ContactsWrite)?;
    db.tenant(actor.tenant_id, async |tx| {
        let row = queries::delete(tx, actor.tenant_id, id)
            .await?
            .ok_or_else(|| DomainError::not_found("suppression"))?;
        let entry = audit::Entry {
            action: "suppression.deleted",
            subject_kind: "suppression",
            subject_id: Some(id.0),
            before: serde_json::to_value(&row).ok(),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await
    })
    .await
}
