//! Leases after the claim: renewed while their mailer lives, expired when it
//! is gone. Their time is the database's: mailers' clocks may differ, or jump.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::QueryableByName;
use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Interval, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::claim::LEASE;
use super::outcome::Reason;
use super::{counters, queue};
use crate::db::Db;
use crate::error::Result;
use crate::ids::{CampaignId, DeliveryId, TenantId, WorkerId};
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
    let of_worker = delivery::tenant_id
        .eq(tenant)
        .and(delivery::campaign_id.eq(campaign))
        .and(delivery::state.eq("claimed"))
        .and(delivery::lease_owner.eq(worker));
    db.tenant(tenant, async |tx| {
        // In the order in which outcomes are recorded meanwhile.
        let held: Vec<DeliveryId> = delivery::table
            .filter(of_worker)
            .order(delivery::id)
            .select(delivery::id)
            .for_update()
            .load(tx)
            .await?;
        Ok(diesel::update(delivery::table)
            .filter(of_worker)
            .filter(delivery::id.eq_any(held))
            .set(
                delivery::leased_until
                    .eq((now.into_sql::<Timestamptz>() + LEASE.into_sql::<Interval>()).nullable()),
            )
            .execute(tx)
            .await?)
    })
    .await
}

/// What the leases that seem to have run out are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Their mailer is gone.
    Expired,
    /// Their mailer may not have been able to renew them: they are left.
    Excused,
}

/// Makes deliveries whose lease ran out `unknown`, over all campaigns; answers
/// how many. Their mailer is gone, and whether it had handed them over cannot
/// be told, so they are neither sent again nor called failed. Campaigns whose
/// last record came without their end, a mailer having died between, end here.
///
/// # Errors
/// When the database does.
pub async fn expire(db: &Db, judgement: Judgement) -> Result<usize> {
    let mut expired = 0;
    for (tenant, campaign) in with_claims(db).await? {
        let (unknown, open) = db
            .tenant(tenant, async |tx| {
                let unknown = match judgement {
                    Judgement::Expired => expire_campaign(tx, tenant, campaign).await?,
                    Judgement::Excused => 0,
                };
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

/// The database's time of day.
///
/// # Errors
/// When the database does.
pub async fn database_time(db: &Db) -> Result<DateTime<Utc>> {
    db.system(async |tx| {
        Ok(diesel::select(now.into_sql::<Timestamptz>())
            .get_result(tx)
            .await?)
    })
    .await
}

/// What a mailer's connections are called, so that others can tell whether a
/// transaction of it still runs.
#[must_use]
pub fn session_name(worker: WorkerId) -> String {
    format!("kikubari-mailer-{worker}")
}

#[derive(QueryableByName)]
struct Busy {
    #[diesel(sql_type = Bool)]
    busy: bool,
}

/// Whether a transaction of `worker` is still under way. One that was killed in
/// its COMMIT may have claimed more a moment after its death.
///
/// # Errors
/// When the database does.
#[expect(
    clippy::disallowed_methods,
    reason = "a view of the catalogue; the value is bound"
)]
pub async fn is_busy(db: &Db, worker: WorkerId) -> Result<bool> {
    db.system(async |tx| {
        let row: Busy = diesel::sql_query(
            "SELECT EXISTS (SELECT FROM pg_stat_activity
                            WHERE datname = current_database() AND application_name = $1
                              AND (state = 'active' OR state LIKE 'idle in transaction%')) AS busy",
        )
        .bind::<Text, _>(session_name(worker))
        .get_result(tx)
        .await?;
        Ok(row.busy)
    })
    .await
}

/// Campaigns of which something may be in a mailer's hands.
async fn with_claims(db: &Db) -> Result<Vec<(TenantId, CampaignId)>> {
    db.system(async |tx| {
        Ok(send_queue::table
            .filter(send_queue::state.eq_any(["sending", "paused", "stopped"]))
            .select((send_queue::tenant_id, send_queue::campaign_id))
            .load(tx)
            .await?)
    })
    .await
}

/// What a mailer has claimed of one campaign.
#[derive(Debug, Clone)]
pub struct Held {
    pub tenant: TenantId,
    pub campaign: CampaignId,
    pub period: NaiveDate,
    /// With the attempts before.
    pub deliveries: Vec<(DeliveryId, u16)>,
}

/// What `worker` has claimed, over all campaigns: for whoever replays its
/// journal. A mailer never holds more than some thousands.
///
/// # Errors
/// When the database does.
pub async fn held_by(db: &Db, worker: WorkerId) -> Result<Vec<Held>> {
    let mut held = Vec::new();
    for (tenant, campaign) in with_claims(db).await? {
        let rows: Vec<(NaiveDate, DeliveryId, i16)> = db
            .tenant(tenant, async |tx| {
                Ok(delivery::table
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
                    .select((delivery::period, delivery::id, delivery::attempts))
                    .load(tx)
                    .await?)
            })
            .await?;
        // All deliveries of a campaign are of one period.
        let Some(&(period, ..)) = rows.as_slice().first() else {
            continue;
        };
        held.push(Held {
            tenant,
            campaign,
            period,
            deliveries: rows
                .into_iter()
                .map(|(_, id, attempts)| (id, u16::try_from(attempts).unwrap_or(0)))
                .collect(),
        });
    }
    Ok(held)
}

async fn expire_campaign(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaign: CampaignId,
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
                .and(delivery::leased_until.lt(now.into_sql::<Timestamptz>().nullable())),
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
