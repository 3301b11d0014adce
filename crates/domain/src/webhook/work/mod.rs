//! What a sender of webhooks takes and gives back.
//!
//! A lease on the webhook's row of `webhook_queue` makes one process at a time
//! work on it, so that the bound of requests to one address holds over all
//! processes. One that dies in between has its messages sent again when the
//! lease runs out: each goes out at least once, always under the same id. Time
//! of leases is the database's.

mod record;

pub(super) use record::settle;
pub use record::{Attempt, record};

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::retry::{LIFETIME, OPEN_AFTER};
use super::sign::Secret;
use super::{State, TEST};
use crate::db::Db;
use crate::error::Result;
use crate::ids::{TenantId, WebhookId, WebhookMessageId, WorkerId};
use crate::schema::{webhook, webhook_message};
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
