//! Somebody who becomes a contact, or comes back, by their own word.

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use serde_json::{Map, Value};

use super::{Contact, ContactStatus, EmailAddress, new_id, queries, record, unique};
use crate::actor::Actor;
use crate::contact_field;
use crate::error::Result;
use crate::suppression;

/// The contact of an address, made when there is none. Who cancelled is active
/// again; whoever bounced, complained or was switched off stays so. Fields that
/// are required stay empty: the person was not asked. Whoever calls it has
/// checked that it is the person's own word. `now` is to the millisecond
/// ([`super::now`]).
///
/// # Errors
/// [`crate::DomainError::Conflict`] when the same contact was made at this moment.
pub(crate) async fn join(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    address: &EmailAddress,
    source: &str,
    now: DateTime<Utc>,
) -> Result<Contact> {
    let tenant = actor.tenant_id;
    suppression::unsuppress_cancelled(tx, tenant, address.key()).await?;
    if let Some(before) = queries::lock_by_key(tx, tenant, address.key()).await? {
        if before.status != ContactStatus::Unsubscribed {
            return Ok(before);
        }
        queries::set_status(tx, tenant, before.id, ContactStatus::Active, now).await?;
        let after = queries::find(tx, tenant, before.id).await?;
        record(tx, actor, "contact.came_back", Some(&before), Some(&after)).await?;
        return Ok(after);
    }
    let fields = contact_field::all(tx, tenant).await?;
    let defaults = fields
        .iter()
        .filter_map(|field| Some((field.key.clone(), field.default_value.clone()?)));
    let contact = Contact {
        id: new_id(now),
        email: address.as_given().to_owned(),
        email_key: address.key().to_owned(),
        name: String::new(),
        status: ContactStatus::Active,
        fields: Value::Object(defaults.collect::<Map<_, _>>()),
        source: source.to_owned(),
        soft_bounces: 0,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    queries::insert(tx, tenant, &contact).await?;
    unique::keep(tx, tenant, contact.id, &fields, &contact.fields).await?;
    record(tx, actor, "contact.signed_up", None, Some(&contact)).await?;
    Ok(contact)
}
