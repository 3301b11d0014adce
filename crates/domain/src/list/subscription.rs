//! Whether a contact wants a list, and how it came to that.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::queries;
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::consent::{self, ConsentKind, NewConsent};
use crate::contact::{self, ContactStatus};
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{ContactId, ListId, SubscriptionEventId, TenantId};
use crate::schema::{list, subscription, subscription_event};
use crate::suppression::{self, Reason};
use crate::text_enum::text_enum;

text_enum! {
    /// Whether a list is wanted.
    pub enum Status {
        Subscribed = "subscribed",
        Unsubscribed = "unsubscribed",
    }
}

/// A contact's word on one list.
#[derive(Debug, Clone)]
pub struct Subscription {
    pub list_id: ListId,
    pub list_name: String,
    pub status: Status,
    pub since: DateTime<Utc>,
    /// Oldest first.
    pub history: Vec<Change>,
}

/// One change of a subscription.
#[derive(Debug, Clone)]
pub struct Change {
    pub at: DateTime<Utc>,
    pub status: Status,
    /// `manual`, `import:<id>`, `cancel_page` …
    pub source: String,
}

/// All lists of a contact with their history.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`] for the contact.
pub async fn of_contact(db: &Db, actor: &Actor, contact: ContactId) -> Result<Vec<Subscription>> {
    actor.require(Permission::ContactsRead)?;
    db.tenant(actor.tenant_id, async |tx| {
        contact::find(tx, actor.tenant_id, contact).await?;
        load(tx, actor.tenant_id, contact).await
    })
    .await
}

/// As [`of_contact`], for the answer to who has just written the contact.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`] for the contact.
pub async fn of_written(db: &Db, actor: &Actor, contact: ContactId) -> Result<Vec<Subscription>> {
    actor.require(Permission::ContactsWrite)?;
    db.tenant(actor.tenant_id, async |tx| {
        contact::find(tx, actor.tenant_id, contact).await?;
        load(tx, actor.tenant_id, contact).await
    })
    .await
}

/// Subscribes or unsubscribes a contact by hand.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`] for the contact or the list.
pub async fn set(
    db: &Db,
    actor: &Actor,
    contact: ContactId,
    list: ListId,
    status: Status,
) -> Result<Subscription> {
    actor.require(Permission::ListsWrite)?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        contact::find(tx, actor.tenant_id, contact).await?;
        queries::find(tx, actor.tenant_id, list).await?;
        if set_many(tx, actor.tenant_id, list, &[contact], status, "manual", now).await? > 0 {
            let entry = audit::Entry {
                action: "contact.subscription_changed",
                subject_kind: "contact",
                subject_id: Some(contact.0),
                after: Some(serde_json::json!({ "list_id": list, "status": status.as_str() })),
                ..audit::Entry::default()
            };
            audit::record(tx, actor, entry).await?;
        }
        let all = load(tx, actor.tenant_id, contact).await?;
        all.into_iter()
            .find(|row| row.list_id == list)
            .ok_or_else(|| DomainError::not_found("subscription"))
    })
    .await
}

async fn load(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    contact: ContactId,
) -> Result<Vec<Subscription>> {
    let rows: Vec<(ListId, String, Status, DateTime<Utc>)> = subscription::table
        .inner_join(
            list::table.on(list::tenant_id
                .eq(subscription::tenant_id)
                .and(list::id.eq(subscription::list_id))),
        )
        .filter(
            subscription::tenant_id
                .eq(tenant)
                .and(subscription::contact_id.eq(contact)),
        )
        .order(list::name)
        .select((
            list::id,
            list::name,
            subscription::status,
            subscription::since,
        ))
        .load(tx)
        .await?;
    let events: Vec<(ListId, DateTime<Utc>, Status, String)> = subscription_event::table
        .filter(
            subscription_event::tenant_id
                .eq(tenant)
                .and(subscription_event::contact_id.eq(contact)),
        )
        .order((subscription_event::at, subscription_event::id))
        .select((
            subscription_event::list_id,
            subscription_event::at,
            subscription_event::status,
            subscription_event::source,
        ))
        .limit(10_000)
        .load(tx)
        .await?;
    let history_of = |id: ListId| {
        let of_list = events.iter().filter(move |(list, ..)| *list == id);
        of_list
            .map(|(_, at, status, source)| Change {
                at: *at,
                status: *status,
                source: source.clone(),
            })
            .collect()
    };
    Ok(rows
        .into_iter()
        .map(|(list_id, list_name, status, since)| Subscription {
            list_id,
            list_name,
            status,
            since,
            history: history_of(list_id),
        })
        .collect())
}

/// Sets the status of many contacts for one list, writes history for those
/// that change, and answers how many did. Contacts that unsubscribed stay so
/// unless `status` says otherwise; unsubscribing one who was never subscribed
/// changes nothing.
///
/// # Errors
/// When the database does.
pub(crate) async fn set_many(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    list: ListId,
    contacts: &[ContactId],
    status: Status,
    source: &str,
    now: DateTime<Utc>,
) -> Result<usize> {
    let change = match status {
        Status::Subscribed => {
            "INSERT INTO subscription AS s (tenant_id, list_id, contact_id, status, source, since)
             SELECT DISTINCT $1, $2, c, $4, $5, $6 FROM unnest($3::uuid[]) c
             ON CONFLICT (tenant_id, list_id, contact_id) DO UPDATE
             SET status = excluded.status, source = excluded.source, since = excluded.since
             WHERE s.status <> excluded.status
             RETURNING s.contact_id"
        }
        Status::Unsubscribed => {
            "UPDATE subscription s SET status = $4, source = $5, since = $6
             WHERE s.tenant_id = $1 AND s.list_id = $2 AND s.contact_id = ANY($3) AND s.status <> $4
             RETURNING s.contact_id"
        }
    };
    with_history(tx, tenant, list, contacts, change, status, source, now).await
}

/// Subscribes those contacts that have no word on the list yet: an import must
/// not undo a cancellation.
///
/// # Errors
/// When the database does.
pub(crate) async fn subscribe_new(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    list: ListId,
    contacts: &[ContactId],
    source: &str,
    now: DateTime<Utc>,
) -> Result<usize> {
    let change =
        "INSERT INTO subscription AS s (tenant_id, list_id, contact_id, status, source, since)
         SELECT DISTINCT $1, $2, c, $4, $5, $6 FROM unnest($3::uuid[]) c
         ON CONFLICT (tenant_id, list_id, contact_id) DO NOTHING
         RETURNING s.contact_id";
    with_history(
        tx,
        tenant,
        list,
        contacts,
        change,
        Status::Subscribed,
        source,
        now,
    )
    .await
}

#[expect(
    clippy::disallowed_methods,
    reason = "one statement for the rows and their history, which the query builder can't say"
)]
#[expect(clippy::too_many_arguments, reason = "the columns of the rows")]
async fn with_history(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    list: ListId,
    contacts: &[ContactId],
    change: &str,
    status: Status,
    source: &str,
    now: DateTime<Utc>,
) -> Result<usize> {
    if contacts.is_empty() {
        return Ok(0);
    }
    let events: Vec<SubscriptionEventId> = contacts
        .iter()
        .map(|_| SubscriptionEventId::new())
        .collect();
    let sql = format!(
        "WITH changed AS ({change}),
         numbered AS (SELECT contact_id, row_number() OVER () AS n FROM changed)
         INSERT INTO subscription_event (tenant_id, id, list_id, contact_id, status, source, at)
         SELECT $1, ($7::uuid[])[n], $2, contact_id, $4, $5, $6 FROM numbered"
    );
    let changed = diesel::sql_query(sql)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(list)
        .bind::<Array<SqlUuid>, _>(contacts)
        .bind::<Text, _>(status.as_str())
        .bind::<Text, _>(source)
        .bind::<Timestamptz, _>(now)
        .bind::<Array<SqlUuid>, _>(&events)
        .execute(tx)
        .await?;
    Ok(changed)
}

/// Subscribes a new contact to lists.
///
/// # Errors
/// [`DomainError::Invalid`] for a list that is not there.
pub(crate) async fn subscribe_to(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    contact: ContactId,
    lists: &[ListId],
    source: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    queries::require_all(tx, tenant, lists, "/list_ids").await?;
    for list in lists {
        subscribe_new(tx, tenant, *list, &[contact], source, now).await?;
    }
    Ok(())
}

/// What a recipient leaves on the cancel page or by one click.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancellation {
    Lists(Vec<ListId>),
    /// Every mail of the tenant.
    All,
}

/// Takes a recipient's cancellation, at once and for ever: the lists, or (for
/// all) the contact's status, every list, and the suppression list, which
/// holds also when the contact is deleted and imported again. Consent is
/// withdrawn in the ledger. Whoever calls it has checked the recipient's token.
///
/// # Errors
/// [`DomainError::NotFound`] for the contact.
pub async fn cancel(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    contact: ContactId,
    what: &Cancellation,
    source: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let tenant = actor.tenant_id;
    let person = contact::find(tx, tenant, contact).await?;
    let lists = match what {
        Cancellation::Lists(lists) => lists.clone(),
        Cancellation::All => lists_of(tx, tenant, contact).await?,
    };
    for list in lists {
        set_many(
            tx,
            tenant,
            list,
            &[contact],
            Status::Unsubscribed,
            source,
            now,
        )
        .await?;
    }
    if *what == Cancellation::All {
        if person.status == ContactStatus::Active {
            contact::set_status(tx, tenant, contact, ContactStatus::Unsubscribed, now).await?;
        }
        suppression::suppress_address(
            tx,
            tenant,
            &person.email_key,
            Reason::Cancelled,
            source,
            reason,
            now,
        )
        .await?;
    }
    let withdrawn = NewConsent {
        kind: ConsentKind::Withdrawn,
        source: source.to_owned(),
        wording: reason.to_owned(),
        form_version: None,
        ip: actor.ip,
        user_agent: None,
        message_id: None,
        at: None,
    };
    consent::record(tx, tenant, contact, &person.email, &withdrawn, now).await?;
    Ok(())
}

async fn lists_of(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    contact: ContactId,
) -> Result<Vec<ListId>> {
    Ok(subscription::table
        .filter(
            subscription::tenant_id
                .eq(tenant)
                .and(subscription::contact_id.eq(contact)),
        )
        .select(subscription::list_id)
        .load(tx)
        .await?)
}
