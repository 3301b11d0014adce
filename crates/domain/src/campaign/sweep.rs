//! After a stop: everybody who was not mailed yet becomes `skipped`, so that
//! the counts say what will not happen. In chunks, since a million rows take
//! longer than a person waits; the stop itself has taken effect before.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::state::State;
use crate::db::Db;
use crate::delivery::{counters, queue};
use crate::error::Result;
use crate::ids::{CampaignId, TenantId};
use crate::schema::{campaign, send_queue};
use crate::signal::{self, Signal};

/// Rows of a transaction.
const CHUNK: i64 = 1_000;
/// Chunks that the stopping request does itself; a mailer does the rest.
const AT_ONCE: usize = 10;

/// Skips what is left of stopped campaigns, one chunk of each; answers whether
/// there is more to do. For the mailer's schedule.
///
/// # Errors
/// When the database does.
pub async fn run_once(db: &Db) -> Result<bool> {
    let stopped: Vec<(TenantId, CampaignId)> = db
        .system(async |tx| {
            Ok(send_queue::table
                .filter(send_queue::state.eq(State::Stopped.as_str()))
                .select((send_queue::tenant_id, send_queue::campaign_id))
                .load(tx)
                .await?)
        })
        .await?;
    let mut more = false;
    for (tenant, id) in stopped {
        more |= chunk(db, tenant, id).await? == CHUNK;
    }
    Ok(more)
}

/// The first chunks, at once.
pub(super) async fn skip_rest(db: &Db, tenant: TenantId, id: CampaignId) -> Result<()> {
    for _ in 0..AT_ONCE {
        if chunk(db, tenant, id).await? < CHUNK {
            break;
        }
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Skipped {
    #[diesel(sql_type = Text)]
    was: String,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

async fn chunk(db: &Db, tenant: TenantId, id: CampaignId) -> Result<i64> {
    let now = db.now();
    db.tenant(tenant, async |tx| {
        let row: Option<(State, Option<chrono::NaiveDate>)> = campaign::table
            .find((tenant, id))
            .select((campaign::state, campaign::period))
            .for_no_key_update()
            .first(tx)
            .await
            .optional()?;
        let Some((State::Stopped, Some(period))) = row else {
            return Ok(0);
        };
        skip(tx, tenant, id, period, now).await
    })
    .await
}

#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE of a locked chunk that answers the states before"
)]
async fn skip(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    period: chrono::NaiveDate,
    now: DateTime<Utc>,
) -> Result<i64> {
    send_queue::table
        .find((tenant, id))
        .select(send_queue::campaign_id)
        .for_update()
        .first::<CampaignId>(tx)
        .await
        .optional()?;
    let rows: Vec<Skipped> = diesel::sql_query(
        "WITH rest AS MATERIALIZED (
            SELECT d.tenant_id, d.period, d.id, d.state FROM delivery d
            WHERE d.tenant_id = $1 AND d.period = $3 AND d.campaign_id = $2 AND d.state IN ('queued', 'deferred')
            ORDER BY d.id LIMIT $4 FOR UPDATE),
         changed AS (
            UPDATE delivery d SET state = 'skipped', reason = 'stopped', due_at = NULL
            FROM rest WHERE d.tenant_id = rest.tenant_id AND d.period = rest.period AND d.id = rest.id
            RETURNING rest.state)
         SELECT state AS was, count(*) AS n FROM changed GROUP BY state",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(id)
    .bind::<Date, _>(period)
    .bind::<BigInt, _>(CHUNK)
    .load(tx)
    .await?;
    let mut deltas = Vec::new();
    let mut total = 0;
    for row in &rows {
        deltas.push((row.was.as_str(), -row.n));
        deltas.push(("skipped", row.n));
        total += row.n;
    }
    counters::add(tx, tenant, id, &deltas).await?;
    queue::settle(tx, tenant, id, now).await?;
    signal::publish(tx, Signal::Campaign { tenant, id }).await?;
    Ok(total)
}
