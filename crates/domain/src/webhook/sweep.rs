//! How long messages can be looked up and sent again.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::State;
use super::work::give_up_old;
use crate::db::Db;
use crate::error::Result;
use crate::ids::TenantId;

/// Delivered ones go after a week, failed ones after a month.
const KEPT: [(State, TimeDelta); 2] = [
    (State::Delivered, TimeDelta::days(7)),
    (State::Failed, TimeDelta::days(30)),
];
/// For how many days a message is kept at most: it waits up to three, and a
/// failed one is kept for thirty more.
pub(crate) const MESSAGE_DAYS: i64 = 33;
/// Messages of a transaction, each with its attempts.
const BATCH: i64 = 1_000;

/// Deletes what is older, and gives up what waits at webhooks that are off.
pub(crate) async fn sweep(db: &Db, tenant: TenantId, now: DateTime<Utc>) -> Result<()> {
    db.tenant(tenant, async |tx| {
        give_up_old(tx, tenant, None, now).await?;
        Ok(())
    })
    .await?;
    for (state, age) in KEPT {
        loop {
            let gone = db
                .tenant(tenant, async |tx| {
                    delete(tx, tenant, state, now - age).await
                })
                .await?;
            if i64::try_from(gone).is_ok_and(|gone| gone < BATCH) {
                break;
            }
        }
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a bounded DELETE by a sub-select; every value is bound"
)]
async fn delete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    state: State,
    before: DateTime<Utc>,
) -> Result<usize> {
    Ok(diesel::sql_query(
        "DELETE FROM webhook_message WHERE tenant_id = $1 AND id IN (
            SELECT id FROM webhook_message WHERE tenant_id = $1 AND state = $2 AND finished_at < $3 LIMIT $4)",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Text, _>(state)
    .bind::<Timestamptz, _>(before)
    .bind::<BigInt, _>(BATCH)
    .execute(tx)
    .await?)
}
