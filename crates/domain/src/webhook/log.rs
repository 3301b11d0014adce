//! What was sent to a webhook, what it answered, and sending it again.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use super::{FailReason, State, TEST, outbox, queries, topic};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{TenantId, WebhookId, WebhookMessageId};
use crate::page::{Page, PageRequest};
use crate::schema::{webhook_attempt, webhook_message};

/// Most messages that one call sends again.
pub const REPLAY: i64 = 10_000;

const SORT: &str = "-id";
const REPLAYED: &str = "webhook.replayed";
const TESTED: &str = "webhook.tested";

/// A message, as a list shows it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = webhook_message)]
pub struct Message {
    pub id: WebhookMessageId,
    pub webhook_id: WebhookId,
    pub topic: String,
    pub event_count: i32,
    pub state: State,
    pub reason: Option<FailReason>,
    pub attempts: i32,
    pub due_at: Option<DateTime<Utc>>,
    /// Of the last answer.
    pub status: Option<i16>,
    pub error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// One try.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = webhook_attempt)]
pub struct Attempt {
    pub number: i32,
    pub at: DateTime<Utc>,
    pub duration_ms: i32,
    pub status: Option<i16>,
    pub error: Option<String>,
    /// The beginning of the answer: hostile input.
    pub answer: String,
}

/// A message with all that is known of it.
#[derive(Debug)]
pub struct Whole {
    pub message: Message,
    pub body: String,
    /// The newest first, at most a hundred.
    pub attempts: Vec<Attempt>,
}

/// Which messages.
#[derive(Debug, Default)]
pub struct Filter {
    pub state: Option<State>,
    /// A topic, or [`TEST`].
    pub topic: Option<String>,
}

/// Pages the messages of a webhook, the newest first.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Invalid`] for the page.
pub async fn list(
    db: &Db,
    actor: &Actor,
    id: WebhookId,
    filter: &Filter,
    page: &PageRequest,
) -> Result<Page<Message>> {
    actor.require(Permission::WebhooksManage)?;
    let (limit, cursor) = (page.limit()?, page.cursor(SORT)?);
    let tenant = actor.tenant_id;
    let rows = db
        .tenant(tenant, async |tx| {
            queries::find(tx, tenant, id).await?;
            let mut query = webhook_message::table
                .filter(webhook_message::tenant_id.eq(tenant))
                .filter(webhook_message::webhook_id.eq(id))
                .order(webhook_message::id.desc())
                .limit(limit + 1)
                .select(Message::as_select())
                .into_boxed();
            if let Some(state) = filter.state {
                query = query.filter(webhook_message::state.eq(state));
            }
            if let Some(topic) = &filter.topic {
                query = query.filter(webhook_message::topic.eq(topic));
            }
            if let Some(after) = &cursor {
                query = query.filter(webhook_message::id.lt(after.id));
            }
            Ok(query.load(tx).await?)
        })
        .await?;
    Ok(Page::cut(rows, limit, SORT, |message: &Message| {
        (String::new(), message.id.0)
    }))
}

/// One message with its attempts.
///
/// # Errors
/// [`DomainError::Forbidden`] also when the actor may not read what it tells of, [`DomainError::NotFound`].
pub async fn get(
    db: &Db,
    actor: &Actor,
    webhook: WebhookId,
    id: WebhookMessageId,
) -> Result<Whole> {
    actor.require(Permission::WebhooksManage)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        let message = find(tx, tenant, webhook, id).await?;
        topic::require_word(actor, &message.topic)?;
        let body = webhook_message::table
            .find((tenant, id))
            .select(webhook_message::body)
            .first(tx)
            .await?;
        let attempts = webhook_attempt::table
            .filter(webhook_attempt::tenant_id.eq(tenant))
            .filter(webhook_attempt::message_id.eq(id))
            .order(webhook_attempt::number.desc())
            .limit(100)
            .select(Attempt::as_select())
            .load(tx)
            .await?;
        Ok(Whole {
            message,
            body,
            attempts,
        })
    })
    .await
}

async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    webhook: WebhookId,
    id: WebhookMessageId,
) -> Result<Message> {
    webhook_message::table
        .find((tenant, id))
        .filter(webhook_message::webhook_id.eq(webhook))
        .select(Message::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("message"))
}

/// What is sent while a webhook is off would wait, unseen.
async fn hold_enabled(tx: &mut AsyncPgConnection, tenant: TenantId, id: WebhookId) -> Result<()> {
    queries::hold(tx, tenant, id).await?;
    if queries::find(tx, tenant, id).await?.enabled {
        return Ok(());
    }
    Err(DomainError::conflict(
        "webhook_off",
        "the webhook is turned off: turn it on first",
    ))
}

/// Makes it be asked at once, even if it rests.
async fn at_once(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: WebhookId,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(crate::schema::webhook::table.find((tenant, id)))
        .set(crate::schema::webhook::retry_at.eq(None::<DateTime<Utc>>))
        .execute(tx)
        .await?;
    outbox::wake(tx, tenant, &[id], now).await
}

/// Sends a test event; its message tells what came of it.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Conflict`] while it is off.
pub async fn send_test(db: &Db, actor: &Actor, id: WebhookId) -> Result<Message> {
    actor.require(Permission::WebhooksManage)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    let message = WebhookMessageId::new();
    let item = json!({ "webhook_id": id, "text": "This is a test. 送信テストです。", "at": now });
    let body = format!("{}{item}]}}", outbox::head(TEST, now));
    db.tenant(tenant, async |tx| {
        hold_enabled(tx, tenant, id).await?;
        diesel::insert_into(webhook_message::table)
            .values((
                webhook_message::tenant_id.eq(tenant),
                webhook_message::id.eq(message),
                webhook_message::webhook_id.eq(id),
                webhook_message::topic.eq(TEST),
                webhook_message::event_count.eq(1),
                webhook_message::body.eq(&body),
                webhook_message::state.eq(State::Pending),
                webhook_message::queued_at.eq(now),
                webhook_message::due_at.eq(now),
                webhook_message::created_at.eq(now),
            ))
            .execute(tx)
            .await?;
        at_once(tx, tenant, id, now).await?;
        trace(tx, actor, TESTED, id, json!({ "message": message })).await?;
        find(tx, tenant, id, message).await
    })
    .await
}

/// Sends one message again, under its id: a receiver that had it knows it. One
/// that waits is tried at once.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Conflict`] while the webhook is off.
pub async fn replay(
    db: &Db,
    actor: &Actor,
    webhook: WebhookId,
    id: WebhookMessageId,
) -> Result<Message> {
    actor.require(Permission::WebhooksManage)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        hold_enabled(tx, tenant, webhook).await?;
        let message = find(tx, tenant, webhook, id).await?;
        topic::require_word(actor, &message.topic)?;
        diesel::update(webhook_message::table.find((tenant, id)))
            .set((
                webhook_message::state.eq(State::Pending),
                webhook_message::reason.eq(None::<FailReason>),
                webhook_message::tries.eq(0),
                webhook_message::queued_at.eq(now),
                webhook_message::due_at.eq(now),
                webhook_message::finished_at.eq(None::<DateTime<Utc>>),
            ))
            .execute(tx)
            .await?;
        at_once(tx, tenant, webhook, now).await?;
        trace(tx, actor, REPLAYED, webhook, json!({ "message": id })).await?;
        find(tx, tenant, webhook, id).await
    })
    .await
}

/// Sends all that failed since a time again, the oldest first, at most
/// [`REPLAY`] of them; answers how many.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Conflict`] while the webhook is off.
pub async fn replay_failed(
    db: &Db,
    actor: &Actor,
    id: WebhookId,
    since: DateTime<Utc>,
) -> Result<i64> {
    actor.require(Permission::WebhooksManage)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        hold_enabled(tx, tenant, id).await?;
        for word in failed_topics(tx, tenant, id, since).await? {
            topic::require_word(actor, &word)?;
        }
        let again = requeue(tx, tenant, id, since, now).await?;
        let again = i64::try_from(again).unwrap_or(i64::MAX);
        if again > 0 {
            at_once(tx, tenant, id, now).await?;
            trace(
                tx,
                actor,
                REPLAYED,
                id,
                json!({ "since": since, "messages": again }),
            )
            .await?;
        }
        Ok(again)
    })
    .await
}

/// What those tell of that failed.
async fn failed_topics(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: WebhookId,
    since: DateTime<Utc>,
) -> Result<Vec<String>> {
    Ok(webhook_message::table
        .filter(webhook_message::tenant_id.eq(tenant))
        .filter(webhook_message::webhook_id.eq(id))
        .filter(webhook_message::state.eq(State::Failed))
        .filter(webhook_message::created_at.ge(since))
        .select(webhook_message::topic)
        .distinct()
        .load(tx)
        .await?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a bounded UPDATE by a sub-select; every value is bound"
)]
async fn requeue(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: WebhookId,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<usize> {
    Ok(diesel::sql_query(
        "UPDATE webhook_message SET state = 'pending', reason = NULL, tries = 0, queued_at = $4, due_at = $4, finished_at = NULL
         WHERE tenant_id = $1 AND id IN (
            SELECT id FROM webhook_message
            WHERE tenant_id = $1 AND webhook_id = $2 AND state = 'failed' AND created_at >= $3 ORDER BY id LIMIT $5)",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(id)
    .bind::<Timestamptz, _>(since)
    .bind::<Timestamptz, _>(now)
    .bind::<BigInt, _>(REPLAY)
    .execute(tx)
    .await?)
}

async fn trace(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    action: &'static str,
    id: WebhookId,
    what: serde_json::Value,
) -> Result<()> {
    let entry = audit::Entry {
        action,
        subject_kind: "webhook",
        subject_id: Some(id.0),
        before: None,
        after: Some(what),
    };
    audit::record(tx, actor, entry).await
}
