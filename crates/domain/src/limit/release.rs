//! After a change of a limit: what was held back is made due, to be weighed
//! anew. In chunks, by a mailer, since a million rows take longer than a person
//! waits.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::db::Db;
use crate::delivery::outcome::Reason;
use crate::delivery::queue;
use crate::error::Result;
use crate::ids::{CampaignId, SendLimitId, SendSlowdownId, TenantId};
use crate::schema::{send_limit, send_queue, send_slowdown};
use crate::signal::{self, Signal};

/// Rows of a transaction.
const CHUNK: i64 = 5_000;

/// Locks all limits, then all slow-downs of the tenant, in the order of
/// [`super::admit`]: who changes one and orders the release would otherwise
/// hold its row while he waits for the others, which a batch holds that waits
/// for his.
pub(super) async fn hold(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<()> {
    send_limit::table
        .filter(send_limit::tenant_id.eq(tenant))
        .order(send_limit::id)
        .select(send_limit::id)
        .for_update()
        .load::<SendLimitId>(tx)
        .await?;
    send_slowdown::table
        .filter(send_slowdown::tenant_id.eq(tenant))
        .order(send_slowdown::id)
        .select(send_slowdown::id)
        .for_update()
        .load::<SendSlowdownId>(tx)
        .await?;
    Ok(())
}

/// Orders it for all campaigns of the tenant, in the transaction of the change,
/// which holds the limits ([`hold`]).
#[expect(clippy::disallowed_methods, reason = "a function of the server")]
pub(super) async fn order(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<()> {
    // Those who come back are given times anew.
    diesel::update(send_limit::table.filter(send_limit::tenant_id.eq(tenant)))
        .set(send_limit::held_until.eq(DateTime::UNIX_EPOCH))
        .execute(tx)
        .await?;
    diesel::update(send_slowdown::table.filter(send_slowdown::tenant_id.eq(tenant)))
        .set(send_slowdown::held_until.eq(DateTime::UNIX_EPOCH))
        .execute(tx)
        .await?;
    queue::hold_all(tx, tenant).await?;
    diesel::sql_query(
        "UPDATE send_queue SET release = true, limits_changed_at = clock_timestamp() WHERE tenant_id = $1",
    )
    .bind::<SqlUuid, _>(tenant)
    .execute(tx)
    .await?;
    signal::publish(tx, Signal::SendQueue).await
}

/// One chunk of each campaign that was told to; answers whether there is more
/// to do. For the mailer's schedule.
///
/// # Errors
/// When the database does.
pub async fn run_once(db: &Db) -> Result<bool> {
    let ordered: Vec<(TenantId, CampaignId)> = db
        .system(async |tx| {
            Ok(send_queue::table
                .filter(send_queue::release)
                .select((send_queue::tenant_id, send_queue::campaign_id))
                .load(tx)
                .await?)
        })
        .await?;
    let mut more = false;
    for (tenant, campaign) in ordered {
        more |= chunk(db, tenant, campaign).await?;
    }
    Ok(more)
}

async fn chunk(db: &Db, tenant: TenantId, campaign: CampaignId) -> Result<bool> {
    let now = db.now();
    db.tenant(tenant, async |tx| {
        queue::due_by(tx, tenant, campaign, now).await?;
        let more = release(tx, tenant, campaign, now).await? == CHUNK;
        if !more {
            diesel::update(send_queue::table.find((tenant, campaign)))
                .set(send_queue::release.eq(false))
                .execute(tx)
                .await?;
        }
        signal::publish(tx, Signal::SendQueue).await?;
        Ok(more)
    })
    .await
}

#[derive(QueryableByName)]
struct Released {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE of a locked chunk; every value is bound"
)]
async fn release(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaign: CampaignId,
    now: DateTime<Utc>,
) -> Result<i64> {
    let released: Released = diesel::sql_query(
        "WITH held AS MATERIALIZED (
            SELECT d.tenant_id, d.period, d.id FROM delivery d
            WHERE d.tenant_id = $1 AND d.campaign_id = $2 AND d.state IN ('queued', 'deferred')
              AND d.due_at > $4 AND d.reason = $3
            LIMIT $5 FOR UPDATE),
         changed AS (
            UPDATE delivery d SET due_at = $4 FROM held
            WHERE d.tenant_id = held.tenant_id AND d.period = held.period AND d.id = held.id RETURNING 1)
         SELECT count(*) AS n FROM changed",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(campaign)
    .bind::<Text, _>(Reason::HeldBack.as_str())
    .bind::<Timestamptz, _>(now)
    .bind::<BigInt, _>(CHUNK)
    .get_result(tx)
    .await?;
    Ok(released.n)
}
