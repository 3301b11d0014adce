//! Exact counts of a campaign, changed in the transaction that changes its
//! deliveries: counting a million rows for each look at a report would not do.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::error::Result;
use crate::ids::{CampaignId, TenantId};
use crate::schema::campaign_counter;
use crate::tenant::usage;

/// Adds to counters by name: a delivery state, or `opened`, `clicked`,
/// `cancelled` (people), or `bounced_hard`, `bounced_soft`, `complained` (mails). Deltas of the same name are summed; zeros cost nothing.
///
/// # Errors
/// When the database does.
pub async fn add(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaign: CampaignId,
    deltas: &[(&str, i64)],
) -> Result<()> {
    let accepted = deltas
        .iter()
        .filter(|(name, delta)| *name == "accepted" && *delta > 0);
    usage::note_mails(tx, tenant, accepted.map(|(_, delta)| delta).sum()).await?;
    let deltas: Vec<_> = deltas
        .iter()
        .map(|(name, delta)| (campaign, *name, *delta))
        .collect();
    add_each(tx, tenant, &deltas).await
}

/// As [`add`] for counts of people in several campaigns.
///
/// # Errors
/// When the database does.
// In the order of campaigns and names, so that two transactions never wait for
// each other's counters.
#[expect(clippy::disallowed_methods, reason = "INSERT … SELECT from unnest")]
pub async fn add_each(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    deltas: &[(CampaignId, &str, i64)],
) -> Result<()> {
    let mut campaigns: Vec<CampaignId> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    let mut values: Vec<i64> = Vec::new();
    for (campaign, name, delta) in deltas.iter().filter(|(_, _, delta)| *delta != 0) {
        campaigns.push(*campaign);
        names.push(name);
        values.push(*delta);
    }
    if names.is_empty() {
        return Ok(());
    }
    diesel::sql_query(
        "INSERT INTO campaign_counter AS counter (tenant_id, campaign_id, name, value)
         SELECT $1, campaign, name, sum(delta)::bigint FROM unnest($2, $3, $4) AS added (campaign, name, delta)
         GROUP BY campaign, name ORDER BY campaign, name
         ON CONFLICT (tenant_id, campaign_id, name) DO UPDATE SET value = counter.value + excluded.value",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(campaigns)
    .bind::<Array<Text>, _>(names)
    .bind::<Array<BigInt>, _>(values)
    .execute(tx)
    .await?;
    Ok(())
}

/// Counts of one campaign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    pub queued: i64,
    pub claimed: i64,
    pub accepted: i64,
    pub deferred: i64,
    pub failed: i64,
    pub unknown: i64,
    pub skipped: i64,
    /// People, as far as machines can be told from people.
    pub opened: i64,
    pub clicked: i64,
    pub cancelled: i64,
    /// Mails that came back.
    pub bounced_hard: i64,
    pub bounced_soft: i64,
    /// Mails that somebody reported as unwanted.
    pub complained: i64,
}

impl Counts {
    /// All people of the audience so far, those left out included.
    #[must_use]
    pub fn audience(&self) -> i64 {
        self.queued
            + self.claimed
            + self.accepted
            + self.deferred
            + self.failed
            + self.unknown
            + self.skipped
    }

    pub(crate) fn set(&mut self, name: &str, value: i64) {
        *match name {
            "queued" => &mut self.queued,
            "claimed" => &mut self.claimed,
            "accepted" => &mut self.accepted,
            "deferred" => &mut self.deferred,
            "failed" => &mut self.failed,
            "unknown" => &mut self.unknown,
            "skipped" => &mut self.skipped,
            "opened" => &mut self.opened,
            "clicked" => &mut self.clicked,
            "cancelled" => &mut self.cancelled,
            "bounced_hard" => &mut self.bounced_hard,
            "bounced_soft" => &mut self.bounced_soft,
            "complained" => &mut self.complained,
            _ => return,
        } = value;
    }
}

/// Counts of several campaigns; one that never sent has no entry.
///
/// # Errors
/// When the database does.
pub async fn load(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaigns: &[CampaignId],
) -> Result<BTreeMap<CampaignId, Counts>> {
    let rows: Vec<(CampaignId, String, i64)> = campaign_counter::table
        .filter(campaign_counter::tenant_id.eq(tenant))
        .filter(campaign_counter::campaign_id.eq_any(campaigns))
        .select((
            campaign_counter::campaign_id,
            campaign_counter::name,
            campaign_counter::value,
        ))
        .load(tx)
        .await?;
    let mut counts = BTreeMap::<CampaignId, Counts>::new();
    for (campaign, name, value) in rows {
        counts.entry(campaign).or_default().set(&name, value);
    }
    Ok(counts)
}
