//! SQL of own fields.

use chrono::{DateTime, Utc};
use diesel::dsl::{count_star, max};
use diesel::prelude::*;
use diesel::sql_types::{Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{ContactField, Row};
use crate::db::error::expect_unique;
use crate::error::{DomainError, Result};
use crate::ids::{ContactFieldId, TenantId};
use crate::schema::contact_field;

/// By position.
pub(crate) async fn all(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<Vec<ContactField>> {
    let rows: Vec<Row> = contact_field::table
        .filter(contact_field::tenant_id.eq(tenant))
        .order((contact_field::position, contact_field::id))
        .select(Row::as_select())
        .load(tx)
        .await?;
    Ok(rows.into_iter().map(ContactField::from).collect())
}

pub(super) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ContactFieldId,
) -> Result<ContactField> {
    let row: Option<Row> = contact_field::table
        .find((tenant, id))
        .select(Row::as_select())
        .first(tx)
        .await
        .optional()?;
    row.map(ContactField::from)
        .ok_or_else(|| DomainError::not_found("contact field"))
}

/// How many there are, and the highest position.
pub(super) async fn count_and_last(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
) -> Result<(i64, i32)> {
    let (count, last): (i64, Option<i32>) = contact_field::table
        .filter(contact_field::tenant_id.eq(tenant))
        .select((count_star(), max(contact_field::position)))
        .first(tx)
        .await?;
    Ok((count, last.unwrap_or(0)))
}

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    field: &ContactField,
) -> Result<()> {
    let inserted = diesel::insert_into(contact_field::table)
        .values((
            contact_field::tenant_id.eq(tenant),
            contact_field::id.eq(field.id),
            contact_field::key.eq(&field.key),
            contact_field::label.eq(&field.label),
            contact_field::type_.eq(field.kind.as_str()),
            contact_field::required.eq(field.required),
            contact_field::is_unique.eq(field.unique),
            contact_field::default_value.eq(&field.default_value),
            contact_field::choices.eq(&field.choices),
            contact_field::position.eq(field.position),
            contact_field::created_at.eq(field.created_at),
            contact_field::updated_at.eq(field.created_at),
        ))
        .execute(tx)
        .await;
    expect_unique(inserted, "contact_field_tenant_id_key_key", || {
        DomainError::conflict("key_taken", "another field has this key")
    })?;
    Ok(())
}

/// Whether it was there in that version.
pub(super) async fn update(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    version: i32,
    field: &ContactField,
    now: DateTime<Utc>,
) -> Result<bool> {
    let target = contact_field::table
        .find((tenant, field.id))
        .filter(contact_field::version.eq(version));
    let changed = diesel::update(target)
        .set((
            contact_field::label.eq(&field.label),
            contact_field::required.eq(field.required),
            contact_field::default_value.eq(&field.default_value),
            contact_field::choices.eq(&field.choices),
            contact_field::position.eq(field.position),
            contact_field::version.eq(field.version),
            contact_field::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(changed == 1)
}

/// Whether it was there in that version.
pub(super) async fn delete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ContactFieldId,
    version: i32,
) -> Result<bool> {
    let target = contact_field::table
        .find((tenant, id))
        .filter(contact_field::version.eq(version));
    Ok(diesel::delete(target).execute(tx).await? == 1)
}

/// Takes the field's values out of every contact that has one.
#[expect(
    clippy::disallowed_methods,
    reason = "the query builder has no operators - and ? of jsonb"
)]
pub(super) async fn drop_values(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    key: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::sql_query(
        "UPDATE contact SET fields = fields - $2, version = version + 1, updated_at = $3
         WHERE tenant_id = $1 AND fields ? $2",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Text, _>(key)
    .bind::<Timestamptz, _>(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Whether a date mail goes by a field.
pub(super) async fn is_used(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    key: &str,
) -> Result<bool> {
    if crate::sequence::goes_by_field(tx, tenant, key).await? {
        return Ok(true);
    }
    let used: i64 = crate::schema::date_mail::table
        .filter(crate::schema::date_mail::tenant_id.eq(tenant))
        .filter(crate::schema::date_mail::field_key.eq(key))
        .count()
        .get_result(tx)
        .await?;
    Ok(used > 0)
}
