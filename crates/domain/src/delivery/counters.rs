//! Exact counts of a campaign, changed in the transaction that changes its
//! deliveries: counting a million rows for each look at a report would not do.

use diesel::sql_types::{Array, BigInt, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::error::Result;
use crate::ids::{CampaignId, TenantId};

/// Adds to counters by name: a delivery state, or `opened`, `clicked`,
/// `cancelled` (people). Deltas of the same name are summed; zeros cost nothing.
///
/// # Errors
/// When the database does.
pub async fn add(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaign: CampaignId,
    deltas: &[(&str, i64)],
) -> Result<()> {
    let (names, values): (Vec<&str>, Vec<i64>) = deltas
        .iter()
        .copied()
        .filter(|(_, delta)| *delta != 0)
        .unzip();
    if names.is_empty() {
        return Ok(());
    }
    upsert(tx, tenant, campaign, &names, &values).await
}

// In the order of the names, so that two transactions never wait for each
// other's counters.
#[expect(
    clippy::disallowed_methods,
    reason = "INSERT … SELECT from unnest with ON CONFLICT adding"
)]
async fn upsert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaign: CampaignId,
    names: &[&str],
    values: &[i64],
) -> Result<()> {
    diesel::sql_query(
        "INSERT INTO campaign_counter AS counter (tenant_id, campaign_id, name, value)
         SELECT $1, $2, name, sum(delta)::bigint FROM unnest($3, $4) AS added (name, delta)
         GROUP BY name ORDER BY name
         ON CONFLICT (tenant_id, campaign_id, name) DO UPDATE SET value = counter.value + excluded.value",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(campaign)
    .bind::<Array<Text>, _>(names)
    .bind::<Array<BigInt>, _>(values)
    .execute(tx)
    .await?;
    Ok(())
}
