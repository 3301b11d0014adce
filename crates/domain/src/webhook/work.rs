//! What a sender of webhooks takes and gives back.
//!
//! A lease on the webhook's row of `webhook_queue` makes one process at a time
//! work on it, so that the bound of requests to one address holds over all
//! processes. One that dies in between has its messages sent again when the
//! lease runs out: each goes out at least once, always under the same id. Time
//! of leases is the database's.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use super::retry::{self, DISABLE_AFTER, LIFETIME, OPEN_AFTER};
use super::sign::Secret;
use super::{DisabledReason, FailReason, State, TEST};
use crate::actor::Actor;
use crate::audit;
use crate::db::Db;
use crate::error::Result;
use crate::ids::{TenantId, WebhookId, WebhookMessageId, WorkerId};
use crate::schema::{webhook, webhook_attempt, webhook_message, webhook_queue};
use crate::secret::Keys;

/// Messages of a batch: what a webhook gets before others have their turn.
const BATCH: i64 = 16;
/// Longer than a batch takes, with every answer at its time limit.
const LEASE_SECONDS: i32 = 120;
/// Webhooks of one tenant that are worked on at a time.
const OF_A_TENANT: i64 = 4;

/// Longest text of an error and of an answer that is kept.
pub const ERROR: usize = 500;
pub const ANSWER: usize = 2048;

/// Messages of one webhook, due now.
#[derive(Debug)]
pub struct Batch {
    pub tenant: TenantId,
    pub webhook: WebhookId,
    pub url: String,
    /// To sign with; two while they rotate.
    pub secrets: Vec<Secret>,
    pub messages: Vec<Outgoing>,
}

/// A message to be sent.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = webhook_message)]
pub struct Outgoing {
    pub id: WebhookMessageId,
    pub body: String,
    attempts: i32,
    tries: i32,
    queued_at: DateTime<Utc>,
}

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
}

impl Attempt {
    fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
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

#[derive(QueryableByName)]
struct Leased {
    #[diesel(sql_type = SqlUuid)]
    tenant_id: TenantId,
    #[diesel(sql_type = SqlUuid)]
    webhook_id: WebhookId,
}

/// Takes the webhook that waited longest, with what is due of it: one message
/// while it fails. `None`: nothing is due that nobody else works on.
///
/// # Errors
/// When the database does, or a secret does not open.
pub async fn claim(db: &Db, keys: &Keys, worker: WorkerId) -> Result<Option<Batch>> {
    let now = db.now();
    let Some(Leased {
        tenant_id: tenant,
        webhook_id: id,
    }) = lease(db, worker, now).await?
    else {
        return Ok(None);
    };
    let (row, messages) = db
        .tenant(tenant, async |tx| {
            give_up_old(tx, tenant, Some(id), now).await?;
            let row = webhook::table
                .find((tenant, id))
                .select(Row::as_select())
                .first(tx)
                .await
                .optional()?;
            let Some(row) = row.filter(|row| row.enabled) else {
                return Ok((None, Vec::new()));
            };
            let limit = if row.failures >= OPEN_AFTER { 1 } else { BATCH };
            // A person who sends a test waits for it.
            let messages = webhook_message::table
                .filter(webhook_message::tenant_id.eq(tenant))
                .filter(webhook_message::webhook_id.eq(id))
                .filter(webhook_message::state.eq(State::Pending))
                .filter(webhook_message::due_at.le(now))
                .order((
                    webhook_message::topic.eq(TEST).desc(),
                    webhook_message::due_at,
                    webhook_message::id,
                ))
                .limit(limit)
                .select(Outgoing::as_select())
                .load(tx)
                .await?;
            Ok((Some(row), messages))
        })
        .await?;
    let batch = Batch {
        tenant,
        webhook: id,
        url: String::new(),
        secrets: Vec::new(),
        messages,
    };
    match row {
        Some(row) if !batch.messages.is_empty() => Ok(Some(Batch {
            secrets: row.secrets(keys, tenant, id, now)?,
            url: row.url,
            ..batch
        })),
        // Turned off, or taken meanwhile: the row learns what is due next.
        _ => {
            record(db, worker, &batch, &[]).await?;
            Ok(Some(batch))
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhook)]
struct Row {
    url: String,
    enabled: bool,
    failures: i32,
    secret_sealed: Vec<u8>,
    old_secret_sealed: Option<Vec<u8>>,
    old_secret_until: Option<DateTime<Utc>>,
}

impl Row {
    fn secrets(
        &self,
        keys: &Keys,
        tenant: TenantId,
        id: WebhookId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Secret>> {
        let old = self.old_secret_sealed.as_deref();
        let old = old.filter(|_| self.old_secret_until.is_some_and(|until| now < until));
        std::iter::once(self.secret_sealed.as_slice())
            .chain(old)
            .map(|sealed| Secret::open(keys, tenant, id, sealed))
            .collect()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE … RETURNING of a row locked with SKIP LOCKED, by the database's clock"
)]
async fn lease(db: &Db, worker: WorkerId, now: DateTime<Utc>) -> Result<Option<Leased>> {
    db.system(async |tx| {
        Ok(diesel::sql_query(
            "UPDATE webhook_queue q SET leased_until = clock_timestamp() + make_interval(secs => $3), lease_owner = $1,
                    served_at = clock_timestamp()
             FROM (SELECT c.tenant_id, c.webhook_id FROM webhook_queue c
                   WHERE c.due_at <= $2 AND (c.leased_until IS NULL OR c.leased_until < clock_timestamp())
                     AND (SELECT count(*) FROM webhook_queue b
                          WHERE b.tenant_id = c.tenant_id AND b.leased_until >= clock_timestamp()) < $4
                   ORDER BY c.served_at, c.webhook_id LIMIT 1 FOR UPDATE OF c SKIP LOCKED) n
             WHERE q.tenant_id = n.tenant_id AND q.webhook_id = n.webhook_id
             RETURNING q.tenant_id, q.webhook_id",
        )
        .bind::<SqlUuid, _>(worker)
        .bind::<Timestamptz, _>(now)
        .bind::<diesel::sql_types::Double, _>(f64::from(LEASE_SECONDS))
        .bind::<BigInt, _>(OF_A_TENANT)
        .get_result(tx)
        .await
        .optional()?)
    })
    .await
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
        for (message, attempt) in batch.messages.iter().zip(attempts) {
            note(tx, tenant, message, attempt, now).await?;
        }
        health(tx, tenant, id, attempts, now).await?;
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

async fn note(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    message: &Outgoing,
    attempt: &Attempt,
    now: DateTime<Utc>,
) -> Result<()> {
    let (number, tries) = (message.attempts + 1, message.tries + 1);
    let due = retry::due(message.id.0, tries, message.queued_at, now);
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
        return Ok(());
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
    Ok(())
}

/// What the attempts say of the webhook: well again, resting, or to be turned off.
async fn health(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: WebhookId,
    attempts: &[Attempt],
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
    let healthy = attempts.iter().any(Attempt::succeeded);
    let (failures, since) = if healthy {
        (0, None)
    } else {
        let more = i32::try_from(attempts.len()).unwrap_or(i32::MAX);
        (failures.saturating_add(more), Some(since.unwrap_or(now)))
    };
    let reason = if attempts.iter().any(Attempt::is_gone) {
        Some(DisabledReason::Gone)
    } else {
        since
            .filter(|since| now - *since >= DISABLE_AFTER)
            .map(|_| DisabledReason::Failing)
    };
    diesel::update(webhook::table.find((tenant, id)))
        .set((
            webhook::failures.eq(failures),
            webhook::failing_since.eq(since),
            webhook::retry_at.eq(retry::rest(id.0, failures, now)),
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
pub(super) async fn settle(
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

/// Messages that waited as long as any may (their webhook was off, or rested).
#[expect(
    clippy::disallowed_methods,
    reason = "a bounded UPDATE by a sub-select; every value is bound"
)]
pub(super) async fn give_up_old(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    webhook: Option<WebhookId>,
    now: DateTime<Utc>,
) -> Result<usize> {
    Ok(diesel::sql_query(
        "UPDATE webhook_message m SET state = 'failed', reason = 'given_up', due_at = NULL, finished_at = $2
         WHERE m.tenant_id = $1 AND m.state = 'pending' AND m.id IN (
            SELECT o.id FROM webhook_message o
            WHERE o.tenant_id = $1 AND o.state = 'pending' AND o.queued_at < $3 AND ($4 IS NULL OR o.webhook_id = $4)
            LIMIT $5 FOR UPDATE SKIP LOCKED)",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Timestamptz, _>(now)
    .bind::<Timestamptz, _>(now - LIFETIME)
    .bind::<diesel::sql_types::Nullable<SqlUuid>, _>(webhook)
    .bind::<Integer, _>(1_000)
    .execute(tx)
    .await?)
}
