//! SQL of webhooks. Whoever changes one locks its row of `webhook_queue` first,
//! as whoever records what became of its messages does.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{DisabledReason, NewWebhook, Webhook};
use crate::actor::Actor;
use crate::error::{DomainError, Result};
use crate::ids::{TenantId, WebhookId};
use crate::schema::{tenant, webhook, webhook_queue};

fn words(new: &NewWebhook) -> Vec<&'static str> {
    new.events.iter().map(|event| event.as_str()).collect()
}

/// How many there are, behind a lock, so that two who add one see each other.
pub(super) async fn count_locked(tx: &mut AsyncPgConnection, id: TenantId) -> Result<i64> {
    tenant::table
        .find(id)
        .select(tenant::id)
        .for_no_key_update()
        .first::<TenantId>(tx)
        .await?;
    Ok(webhook::table
        .filter(webhook::tenant_id.eq(id))
        .count()
        .get_result(tx)
        .await?)
}

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    id: WebhookId,
    new: &NewWebhook,
    sealed: &[u8],
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::insert_into(webhook::table)
        .values((
            webhook::tenant_id.eq(actor.tenant_id),
            webhook::id.eq(id),
            webhook::url.eq(&new.url),
            webhook::description.eq(&new.description),
            webhook::events.eq(words(new)),
            webhook::enabled.eq(new.enabled),
            webhook::secret_sealed.eq(sealed),
            webhook::created_by.eq(actor.user_id),
            webhook::created_at.eq(now),
            webhook::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    diesel::insert_into(webhook_queue::table)
        .values((
            webhook_queue::tenant_id.eq(actor.tenant_id),
            webhook_queue::webhook_id.eq(id),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn all(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<Vec<Webhook>> {
    Ok(webhook::table
        .filter(webhook::tenant_id.eq(tenant))
        .order(webhook::id)
        .select(Webhook::as_select())
        .load(tx)
        .await?)
}

pub(super) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: WebhookId,
) -> Result<Webhook> {
    webhook::table
        .find((tenant, id))
        .select(Webhook::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("webhook"))
}

/// Locks its row of the queue.
pub(super) async fn hold(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: WebhookId,
) -> Result<()> {
    webhook_queue::table
        .find((tenant, id))
        .select(webhook_queue::webhook_id)
        .for_update()
        .first::<WebhookId>(tx)
        .await
        .optional()?
        .map(drop)
        .ok_or_else(|| DomainError::not_found("webhook"))
}

/// False when the version is not the current one.
pub(super) async fn update(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: WebhookId,
    version: i32,
    new: &NewWebhook,
    now: DateTime<Utc>,
) -> Result<bool> {
    let changed = diesel::update(
        webhook::table
            .find((tenant, id))
            .filter(webhook::version.eq(version)),
    )
    .set((
        webhook::url.eq(&new.url),
        webhook::description.eq(&new.description),
        webhook::events.eq(words(new)),
        webhook::enabled.eq(new.enabled),
        webhook::version.eq(version + 1),
        webhook::updated_at.eq(now),
    ))
    .execute(tx)
    .await?;
    Ok(changed == 1)
}

/// Forgets that it failed: it is asked at once again.
pub(super) async fn forgive(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: WebhookId,
) -> Result<()> {
    diesel::update(webhook::table.find((tenant, id)))
        .set((
            webhook::disabled_reason.eq(None::<DisabledReason>),
            webhook::failures.eq(0),
            webhook::failing_since.eq(None::<DateTime<Utc>>),
            webhook::retry_at.eq(None::<DateTime<Utc>>),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn rotate(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: WebhookId,
    sealed: &[u8],
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(webhook::table.find((tenant, id)))
        .set((
            webhook::old_secret_sealed.eq(webhook::secret_sealed.nullable()),
            webhook::old_secret_until.eq(until),
            webhook::secret_sealed.eq(sealed),
            webhook::version.eq(webhook::version + 1),
            webhook::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn delete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: WebhookId,
    version: i32,
) -> Result<bool> {
    let deleted = diesel::delete(
        webhook::table
            .find((tenant, id))
            .filter(webhook::version.eq(version)),
    )
    .execute(tx)
    .await?;
    Ok(deleted == 1)
}
