//! SQL of single contacts; pages and searches are in search.rs.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Uuid as SqlUuid;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{Contact, ContactStatus, taken};
use crate::db::error::expect_unique;
use crate::error::{DomainError, Result};
use crate::ids::{ContactId, TenantId};
use crate::schema::contact;

pub(super) const COLUMNS: &str = "c.id, c.email, c.email_key, c.name, c.status, c.fields, c.source, c.soft_bounces, c.version, c.created_at, c.updated_at";

const EMAIL_KEY: &str = "contact_tenant_id_email_key_key";

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    row: &Contact,
) -> Result<()> {
    let inserted = diesel::insert_into(contact::table)
        .values((
            contact::tenant_id.eq(tenant),
            contact::id.eq(row.id),
            contact::email.eq(&row.email),
            contact::email_key.eq(&row.email_key),
            contact::name.eq(&row.name),
            contact::fields.eq(&row.fields),
            contact::source.eq(&row.source),
            contact::created_at.eq(row.created_at),
            contact::updated_at.eq(row.updated_at),
        ))
        .execute(tx)
        .await;
    expect_unique(inserted, EMAIL_KEY, taken)?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "one struct for this and the searches, which the query builder can't say"
)]
pub(crate) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ContactId,
) -> Result<Contact> {
    diesel::sql_query(format!(
        "SELECT {COLUMNS} FROM contact c WHERE c.tenant_id = $1 AND c.id = $2"
    ))
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(id)
    .get_result(tx)
    .await
    .optional()?
    .ok_or_else(|| DomainError::not_found("contact"))
}

/// The contact of an address, held until the transaction ends.
#[expect(
    clippy::disallowed_methods,
    reason = "one struct for this and the searches, which the query builder can't say"
)]
pub(super) async fn lock_by_key(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    key: &str,
) -> Result<Option<Contact>> {
    Ok(diesel::sql_query(format!(
        "SELECT {COLUMNS} FROM contact c WHERE c.tenant_id = $1 AND c.email_key = $2 FOR UPDATE"
    ))
    .bind::<SqlUuid, _>(tenant)
    .bind::<diesel::sql_types::Text, _>(key)
    .get_result(tx)
    .await
    .optional()?)
}

/// Whether it was there in that version.
pub(super) async fn update(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    version: i32,
    row: &Contact,
) -> Result<bool> {
    let target = contact::table
        .find((tenant, row.id))
        .filter(contact::version.eq(version));
    let changed = diesel::update(target)
        .set((
            contact::email.eq(&row.email),
            contact::email_key.eq(&row.email_key),
            contact::name.eq(&row.name),
            contact::status.eq(row.status),
            contact::fields.eq(&row.fields),
            contact::version.eq(row.version),
            contact::updated_at.eq(row.updated_at),
        ))
        .execute(tx)
        .await;
    Ok(expect_unique(changed, EMAIL_KEY, taken)? == 1)
}

/// Sets the status whatever the version, for what comes back of mails.
pub(crate) async fn set_status(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ContactId,
    status: ContactStatus,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(contact::table.find((tenant, id)))
        .set((
            contact::status.eq(status),
            contact::version.eq(contact::version + 1),
            contact::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// As [`set_status`], of several whose rows the caller has locked.
pub(crate) async fn set_statuses(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    ids: &[ContactId],
    status: ContactStatus,
    now: DateTime<Utc>,
) -> Result<()> {
    let target = contact::table
        .filter(contact::tenant_id.eq(tenant))
        .filter(contact::id.eq_any(ids));
    diesel::update(target)
        .set((
            contact::status.eq(status),
            contact::version.eq(contact::version + 1),
            contact::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// Begins the count of soft bounces anew: a mail arrived.
pub(crate) async fn clear_soft_bounces(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    ids: &[ContactId],
) -> Result<()> {
    // Locked in the order of ids, so that two batches never wait for each other.
    let counted: Vec<ContactId> = contact::table
        .filter(contact::tenant_id.eq(tenant))
        .filter(contact::id.eq_any(ids))
        .filter(contact::soft_bounces.gt(0))
        .order(contact::id)
        .select(contact::id)
        .for_update()
        .load(tx)
        .await?;
    if counted.is_empty() {
        return Ok(());
    }
    let target = contact::table
        .filter(contact::tenant_id.eq(tenant))
        .filter(contact::id.eq_any(counted));
    diesel::update(target)
        .set((
            contact::soft_bounces.eq(0),
            contact::soft_bounced_at.eq(None::<DateTime<Utc>>),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// Whether it was there in that version.
pub(super) async fn delete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ContactId,
    version: i32,
) -> Result<bool> {
    let target = contact::table
        .find((tenant, id))
        .filter(contact::version.eq(version));
    Ok(diesel::delete(target).execute(tx).await? == 1)
}
