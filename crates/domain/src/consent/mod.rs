//! The consent ledger: who agreed to be mailed, when and to which wording, and
//! who withdrew. Append-only; it outlives the contact.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ipnet::IpNet;
use serde_json::json;

use crate::actor::{Actor, Permission};
use crate::audit;
use crate::contact;
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::ids::{ConsentId, ContactId, TenantId};
use crate::page::{Page, PageRequest, time_key};
use crate::schema::consent;
use crate::text_enum::text_enum;

text_enum! {
    /// Given or withdrawn.
    pub enum ConsentKind {
        Given = "given",
        Withdrawn = "withdrawn",
    }
}

/// An entry of the ledger.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = consent)]
pub struct Consent {
    pub id: ConsentId,
    /// The address that it was given for, whatever the contact's is now.
    pub address: String,
    pub kind: ConsentKind,
    /// How: `form:<id>`, `signup:<id>`, `paper`, `cancel_page` …
    pub source: String,
    /// What the person read.
    pub wording: String,
    pub form_version: Option<String>,
    pub ip: Option<IpNet>,
    /// Of the mail by which the person asked.
    pub message_id: Option<String>,
    pub at: DateTime<Utc>,
}

/// An entry to be made.
#[derive(Debug)]
pub struct NewConsent {
    pub kind: ConsentKind,
    pub source: String,
    pub wording: String,
    pub form_version: Option<String>,
    pub ip: Option<IpAddr>,
    pub user_agent: Option<String>,
    /// Of the mail by which the person asked, when there was one.
    pub message_id: Option<String>,
    /// When, if not now; not in the future.
    pub at: Option<DateTime<Utc>>,
}

/// Writes an entry for a contact.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Invalid`].
pub async fn create(
    db: &Db,
    actor: &Actor,
    contact: ContactId,
    new: NewConsent,
) -> Result<Consent> {
    actor.require(Permission::ContactsWrite)?;
    let now = db.now();
    let mut v = Validation::default();
    v.length("/source", &new.source, 1, 200);
    v.length("/wording", &new.wording, 0, 10_000);
    if new.at.is_some_and(|at| at > now) {
        v.add("/at", "out_of_range", "must not be in the future");
    }
    v.finish()?;
    db.tenant(actor.tenant_id, async |tx| {
        let person = contact::find(tx, actor.tenant_id, contact).await?;
        let row = record(tx, actor.tenant_id, contact, &person.email, &new, now).await?;
        let entry = audit::Entry {
            action: "consent.recorded",
            subject_kind: "contact",
            subject_id: Some(contact.0),
            after: Some(json!({ "consent_id": row.id, "kind": row.kind, "source": row.source })),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await?;
        Ok(row)
    })
    .await
}

/// Pages the ledger of a contact, newest first.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Invalid`] for the page.
pub async fn list(
    db: &Db,
    actor: &Actor,
    contact: ContactId,
    page: &PageRequest,
) -> Result<Page<Consent>> {
    actor.require(Permission::ContactsRead)?;
    let (limit, cursor) = (page.limit()?, page.cursor("-at")?);
    let before = cursor
        .map(|c| Ok::<_, DomainError>((c.time()?, ConsentId(c.id))))
        .transpose()?;
    let rows = db
        .tenant(actor.tenant_id, async |tx| {
            contact::find(tx, actor.tenant_id, contact).await?;
            let mut query = consent::table
                .filter(
                    consent::tenant_id
                        .eq(actor.tenant_id)
                        .and(consent::contact_id.eq(contact)),
                )
                .order((consent::at.desc(), consent::id.desc()))
                .select(Consent::as_select())
                .limit(limit + 1)
                .into_boxed();
            if let Some((at, id)) = before {
                query = query.filter(
                    consent::at
                        .lt(at)
                        .or(consent::at.eq(at).and(consent::id.lt(id))),
                );
            }
            Ok(query.load(tx).await?)
        })
        .await?;
    Ok(Page::cut(rows, limit, "-at", |row: &Consent| {
        (time_key(row.at), row.id.0)
    }))
}

/// Writes an entry into the caller's transaction.
///
/// # Errors
/// When the database does.
pub(crate) async fn record(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    contact: ContactId,
    address: &str,
    new: &NewConsent,
    now: DateTime<Utc>,
) -> Result<Consent> {
    Ok(diesel::insert_into(consent::table)
        .values((
            consent::tenant_id.eq(tenant),
            consent::id.eq(ConsentId::new()),
            consent::contact_id.eq(contact),
            consent::address.eq(address),
            consent::kind.eq(new.kind),
            consent::source.eq(&new.source),
            consent::wording.eq(&new.wording),
            consent::form_version.eq(&new.form_version),
            consent::ip.eq(new.ip.map(IpNet::from)),
            consent::user_agent.eq(&new.user_agent),
            consent::message_id.eq(&new.message_id),
            consent::at.eq(new.at.unwrap_or(now)),
        ))
        .returning(Consent::as_returning())
        .get_result(tx)
        .await?)
}
