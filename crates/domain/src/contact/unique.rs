//! Unique own fields: their values stand in `contact_unique_value`, whose key
//! makes the database refuse a second one.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

use crate::contact_field::{ContactField, value};
use crate::error::{DomainError, Result};
use crate::ids::{ContactFieldId, ContactId, TenantId};
use crate::schema::contact_unique_value;

/// What is compared: texts without regard to case.
pub(crate) fn key_of(value: &Value) -> String {
    value::to_text(value).to_lowercase()
}

/// Replaces the unique values of one contact.
///
/// # Errors
/// [`DomainError::Conflict`] when another contact has one of them.
pub(super) async fn keep(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    contact: ContactId,
    fields: &[ContactField],
    stored: &Value,
) -> Result<()> {
    let rows: Vec<_> = fields
        .iter()
        .filter(|field| field.unique)
        .filter_map(|field| Some((field, key_of(stored.get(&field.key)?))))
        .collect();
    if fields.iter().all(|field| !field.unique) {
        return Ok(());
    }
    let own = contact_unique_value::table.filter(
        contact_unique_value::tenant_id
            .eq(tenant)
            .and(contact_unique_value::contact_id.eq(contact)),
    );
    diesel::delete(own).execute(tx).await?;
    for (field, value) in rows {
        // DO NOTHING and a count, so that the error can name the field.
        let inserted = diesel::insert_into(contact_unique_value::table)
            .values((
                contact_unique_value::tenant_id.eq(tenant),
                contact_unique_value::field_id.eq::<ContactFieldId>(field.id),
                contact_unique_value::value.eq(value),
                contact_unique_value::contact_id.eq(contact),
            ))
            .on_conflict_do_nothing()
            .execute(tx)
            .await?;
        if inserted == 0 {
            let detail = format!("another contact has this value in {}", field.label);
            return Err(DomainError::conflict("value_taken", detail));
        }
    }
    Ok(())
}
