//! Leases after the claim: renewed while their mailer lives, expired when it
//! is gone.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::claim::LEASE;
use super::outcome::Reason;
use super::{counters, queue};
use crate::db::Db;
use crate::error::Result;
use crate::ids::{CampaignId, TenantId, WorkerId};
use crate::schema::{delivery, send_queue};
use crate::signal::{self, Signal};

/// Puts off the end of all leases of `worker` at one campaign; answers how many.
///
/// # Errors
/// When the database does.
pub async fn renew(
    db: &Db,
    worker: WorkerId,
    tenant: TenantId,
    campaign: CampaignId,
) -> Result<usize> {
    let until = db.now() + LEASE;
    db.tenant(tenant, async |tx| {
        Ok(diesel::update(delivery::table)
            .filter(
                delivery::tenant_id
                    .eq(tenant)
                    .and(delivery::campaign_id.eq(campaign)),
            )
            .filter(
                delivery::state
                    .eq("claimed")
                    .and(delivery::lease_owner.eq(worker)),
            )
            .set(delivery::leased_until.eq(until))
            .execute(tx)
            .await?)
    })
    .await
}

/// Makes deliveries whose lease ran out `unknown`, over all campaigns; answers
/// how many. Their mailer is gone, and whether it had handed them over cannot
/// be told, so they are neither sent again nor called failed.
///
/// # Errors
/// When the database does.
pub async fn expire(db: &Db) -> Result<usize> {
    let now = db.now();
    let campaigns: Vec<(TenantId, CampaignId)> = db
        .system(async |tx| {
            Ok(send_queue::table
                .filter(send_queue::state.eq_any(["sending", "paused", "stopped"]))
                .select((send_queue::tenant_id, send_queue::campaign_id))
                .load(tx)
                .await?)
        })
        .await?;
    let mut expired = 0;
    for (tenant, campaign) in campaigns {
        let (unknown, open) = db
            .tenant(tenant, async |tx| {
                let unknown = expire_campaign(tx, tenant, campaign, now).await?;
                Ok((unknown, queue::is_open(tx, tenant, campaign).await?))
            })
            .await?;
        expired += unknown;
        if !open {
            queue::settle_ended(db, tenant, campaign).await?;
        }
    }
    Ok(expired)
}

async fn expire_campaign(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaign: CampaignId,
    now: DateTime<Utc>,
) -> Result<usize> {
    let expired = diesel::update(delivery::table)
        .filter(
            delivery::tenant_id
                .eq(tenant)
                .and(delivery::campaign_id.eq(campaign)),
        )
        .filter(
            delivery::state
                .eq("claimed")
                .and(delivery::leased_until.lt(now)),
        )
        .set((
            delivery::state.eq("unknown"),
            delivery::reason.eq(Reason::LeaseExpired.as_str()),
            delivery::leased_until.eq(None::<DateTime<Utc>>),
            delivery::lease_owner.eq(None::<WorkerId>),
        ))
        .execute(tx)
        .await?;
    if expired > 0 {
        let n = i64::try_from(expired).unwrap_or(0);
        counters::add(tx, tenant, campaign, &[("claimed", -n), ("unknown", n)]).await?;
        signal::publish(
            tx,
            Signal::Campaign {
                tenant,
                id: campaign,
            },
        )
        .await?;
    }
    Ok(expired)
}
