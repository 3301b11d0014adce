//! What became of a batch, and what that says of the webhook.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Uuid as SqlUuid;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use super::{ANSWER, Batch, ERROR, Outgoing};
use crate::actor::Actor;
use crate::audit;
use crate::db::Db;
use crate::error::Result;
use crate::ids::{TenantId, WebhookId, WorkerId};
use crate::schema::{webhook, webhook_attempt, webhook_message, webhook_queue};
use crate::webhook::retry::{self, DISABLE_AFTER};
use crate::webhook::{DisabledReason, FailReason, State};

/// What became of one message.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub at: DateTime<Utc>,
    pub duration_ms: i32,
    /// Of the answer; `None` when there was none.
    pub status: Option<u16>,
    /// Why there was none.
    pub error: Option<String>,
    /// The beginning of the answer: hostile input.
    pub answer: String,
    /// When the receiver wants to be asked again, if it said so.
    pub retry_after: Option<DateTime<Utc>>,
}

impl Attempt {
    fn succeeded(&self) -> bool {
        self.status
            .is_some_and(|status| (200..300).contains(&status))
    }

    fn is_gone(&self) -> bool {
        self.status == Some(410)
    }

    fn error(&self) -> Option<String> {
        if self.succeeded() {
            return None;
        }
        let text = match (&self.error, self.status) {
            (Some(error), _) => error.clone(),
            (None, Some(status)) => format!("HTTP {status}"),
            (None, None) => "no answer".to_owned(),
        };
        Some(clean(&text, ERROR))
    }
}

/// Cut, and freed of what PostgreSQL does not keep.
fn clean(text: &str, most: usize) -> String {
    text.chars().filter(|c| *c != '\0').take(most).collect()
}

/// Notes what became of a batch, in its order, and lets the webhook go. What
/// was noted by somebody else meanwhile (the lease ran out) is left as it is.
///
/// # Errors
/// When the database does: the batch goes out again when the lease has run out.
pub async fn record(db: &Db, worker: WorkerId, batch: &Batch, attempts: &[Attempt]) -> Result<()> {
    let (tenant, id, now) = (batch.tenant, batch.webhook, db.now());
    db.tenant(tenant, async |tx| {
        // Behind the lock of this row, which whoever adds messages takes last.
        let owner: Option<Option<WorkerId>> = webhook_queue::table
            .find((tenant, id))
            .select(webhook_queue::lease_owner)
            .for_update()
            .first(tx)
            .await
            .optional()?;
        let Some(owner) = owner else {
            return Ok(());
        };
        let mut noted = Vec::new();
        for (message, attempt) in batch.messages.iter().zip(attempts) {
            if note(tx, tenant, message, attempt, now).await? {
                noted.push(attempt);
            }
        }
        health(tx, tenant, id, &noted, now).await?;
        if owner == Some(worker) {
            let free = (
                webhook_queue::leased_until.eq(None::<DateTime<Utc>>),
                webhook_queue::lease_owner.eq(None::<WorkerId>),
            );
            diesel::update(webhook_queue::table.find((tenant, id)))
                .set(free)
                .execute(tx)
                .await?;
        }
        settle(tx, tenant, id).await
    })
    .await
}

/// False when somebody else was faster.
async fn note(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    message: &Outgoing,
    attempt: &Attempt,
    now: DateTime<Utc>,
) -> Result<bool> {
    let (number, tries) = (message.attempts + 1, message.tries + 1);
    let due = retry::due(message.id.0, tries, message.queued_at, now)
        .map(|due| retry::no_sooner(due, attempt.retry_after, message.queued_at, now));
    let (state, reason, due) = match due {
        _ if attempt.succeeded() => (State::Delivered, None, None),
        _ if attempt.is_gone() => (State::Failed, Some(FailReason::Gone), None),
        None => (State::Failed, Some(FailReason::GivenUp), None),
        Some(due) => (State::Pending, None, Some(due)),
    };
    let status = attempt.status.and_then(|status| i16::try_from(status).ok());
    let noted = diesel::update(
        webhook_message::table
            .find((tenant, message.id))
            .filter(webhook_message::state.eq(State::Pending))
            .filter(webhook_message::attempts.eq(message.attempts)),
    )
    .set((
        webhook_message::state.eq(state),
        webhook_message::reason.eq(reason),
        webhook_message::attempts.eq(number),
        webhook_message::tries.eq(tries),
        webhook_message::due_at.eq(due),
        webhook_message::status.eq(status),
        webhook_message::error.eq(attempt.error()),
        webhook_message::finished_at.eq((state != State::Pending).then_some(now)),
    ))
    .execute(tx)
    .await?;
    if noted == 0 {
        return Ok(false);
    }
    diesel::insert_into(webhook_attempt::table)
        .values((
            webhook_attempt::tenant_id.eq(tenant),
            webhook_attempt::message_id.eq(message.id),
            webhook_attempt::number.eq(number),
            webhook_attempt::at.eq(attempt.at),
            webhook_attempt::duration_ms.eq(attempt.duration_ms),
            webhook_attempt::status.eq(status),
            webhook_attempt::error.eq(attempt.error()),
            webhook_attempt::answer.eq(clean(&attempt.answer, ANSWER)),
        ))
        .on_conflict_do_nothing()
        .execute(tx)
        .await?;
    Ok(true)
}

/// What the attempts say of the webhook: well again, resting, or to be turned off.
async fn health(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: WebhookId,
    attempts: &[&Attempt],
    now: DateTime<Utc>,
) -> Result<()> {
    let Some(last_failed) = attempts.iter().rfind(|attempt| !attempt.succeeded()) else {
        if !attempts.is_empty() {
            heal(tx, tenant, id, now).await?;
        }
        return Ok(());
    };
    let (failures, since): (i32, Option<DateTime<Utc>>) = webhook::table
        .find((tenant, id))
        .select((webhook::failures, webhook::failing_since))
        .for_no_key_update()
        .first(tx)
        .await?;
    let healthy = attempts.iter().any(|attempt| attempt.succeeded());
    let (failures, since) = if healthy {
        (0, None)
    } else {
        let more = i32::try_from(attempts.len()).unwrap_or(i32::MAX);
        (failures.saturating_add(more), Some(since.unwrap_or(now)))
    };
    let reason = if attempts.iter().any(|attempt| attempt.is_gone()) {
        Some(DisabledReason::Gone)
    } else {
        since
            .filter(|since| now - *since >= DISABLE_AFTER)
            .map(|_| DisabledReason::Failing)
    };
    let asked = attempts.iter().filter_map(|attempt| attempt.retry_after);
    let asked = asked.max().and_then(|until| retry::asked_rest(until, now));
    diesel::update(webhook::table.find((tenant, id)))
        .set((
            webhook::failures.eq(failures),
            webhook::failing_since.eq(since),
            webhook::retry_at.eq(retry::rest(id.0, failures, now).max(asked)),
            webhook::last_error.eq(last_failed.error()),
            webhook::last_failure_at.eq(last_failed.at),
            healthy.then_some(webhook::last_success_at.eq(now)),
        ))
        .execute(tx)
        .await?;
    if let Some(reason) = reason {
        disable(tx, tenant, id, reason, now).await?;
    }
    Ok(())
}

async fn heal(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: WebhookId,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(webhook::table.find((tenant, id)))
        .set((
            webhook::failures.eq(0),
            webhook::failing_since.eq(None::<DateTime<Utc>>),
            webhook::retry_at.eq(None::<DateTime<Utc>>),
            webhook::last_success_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// Turned off by the service. What waits stays, for whoever turns it on again in
/// time.
async fn disable(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: WebhookId,
    reason: DisabledReason,
    now: DateTime<Utc>,
) -> Result<()> {
    let disabled = diesel::update(
        webhook::table
            .find((tenant, id))
            .filter(webhook::enabled.eq(true)),
    )
    .set((
        webhook::enabled.eq(false),
        webhook::disabled_reason.eq(reason),
        webhook::version.eq(webhook::version + 1),
        webhook::updated_at.eq(now),
    ))
    .execute(tx)
    .await?;
    if disabled == 1 {
        let entry = audit::Entry {
            action: "webhook.disabled",
            subject_kind: "webhook",
            subject_id: Some(id.0),
            before: None,
            after: Some(json!({ "reason": reason })),
        };
        audit::record(tx, &Actor::system(tenant), entry).await?;
    }
    Ok(())
}

/// Sets when a webhook's next message is due. The caller holds its queue row.
#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE from a sub-select; every value is bound"
)]
pub(in crate::webhook) async fn settle(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: WebhookId,
) -> Result<()> {
    diesel::sql_query(
        "UPDATE webhook_queue q SET due_at = CASE WHEN w.enabled THEN (
             SELECT greatest(m.due_at, w.retry_at) FROM webhook_message m
             WHERE m.tenant_id = $1 AND m.webhook_id = $2 AND m.state = 'pending' ORDER BY m.due_at LIMIT 1) END
         FROM webhook w
         WHERE q.tenant_id = $1 AND q.webhook_id = $2 AND w.tenant_id = $1 AND w.id = $2",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(id)
    .execute(tx)
    .await?;
    Ok(())
}
