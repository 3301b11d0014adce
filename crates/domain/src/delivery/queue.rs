//! Upkeep of `send_queue`: when a campaign has something to do next, and when
//! it has nothing to do any more.
//!
//! Lock order everywhere: campaign (FOR NO KEY UPDATE: a new counter's foreign
//! key must not wait for it), its queue row, deliveries, counters. Both
//! what adds due deliveries (freezing, resuming, recording a deferral) and
//! what puts `due_at` off lock the queue row before they touch or look at a
//! delivery, so that none is missed. Should one be missed all the same, a
//! campaign that sends is looked at each [`SAFETY`].

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::db::Db;
use crate::error::Result;
use crate::ids::{CampaignId, TenantId};
use crate::schema::{campaign, campaign_counter, send_queue};
use crate::signal::{self, Signal};

const SAFETY: TimeDelta = TimeDelta::minutes(30);

/// Makes the mailers look at a campaign at `due` at the latest; locks its
/// queue row even when it changes nothing.
pub(crate) async fn due_by(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaign: CampaignId,
    due: DateTime<Utc>,
) -> Result<()> {
    diesel::update(send_queue::table.find((tenant, campaign)))
        .set(
            send_queue::due_at.eq(case_when(
                send_queue::due_at.gt(due),
                due.into_sql::<Timestamptz>(),
            )
            .otherwise(send_queue::due_at)),
        )
        .execute(tx)
        .await?;
    Ok(())
}

/// Locks all queue rows of a tenant, in their order, for who changes several.
pub(crate) async fn hold_all(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<()> {
    send_queue::table
        .filter(send_queue::tenant_id.eq(tenant))
        .order(send_queue::campaign_id)
        .select(send_queue::campaign_id)
        .for_update()
        .load::<CampaignId>(tx)
        .await?;
    Ok(())
}

/// Makes the mailers look at all campaigns of a tenant now: what they wait for,
/// such as the hour, was changed.
pub(crate) async fn wake(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<()> {
    hold_all(tx, tenant).await?;
    diesel::update(send_queue::table)
        .filter(send_queue::tenant_id.eq(tenant))
        .filter(send_queue::state.eq("sending"))
        .filter(send_queue::due_at.gt(now))
        .set(send_queue::due_at.eq(now))
        .execute(tx)
        .await?;
    signal::publish(tx, Signal::SendQueue).await
}

/// Takes a suspended tenant's mails out of the mailers' hands, or lets a
/// resumed one's go on.
pub(crate) async fn hold(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    held: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    hold_all(tx, tenant).await?;
    diesel::update(send_queue::table)
        .filter(send_queue::tenant_id.eq(tenant))
        .set(send_queue::held.eq(held))
        .execute(tx)
        .await?;
    if !held {
        wake(tx, tenant, now).await?;
    }
    signal::publish(tx, Signal::SendQueue).await
}

/// When a limit of a campaign's tenant was last changed or lifted.
pub(super) async fn limits_changed(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaign: CampaignId,
) -> Result<Option<DateTime<Utc>>> {
    let changed = send_queue::table
        .find((tenant, campaign))
        .select(send_queue::limits_changed_at)
        .first::<Option<DateTime<Utc>>>(tx)
        .await
        .optional()?;
    Ok(changed.flatten())
}

/// Makes the mailers leave a campaign alone until `until`: its route is down.
///
/// # Errors
/// When the database does.
pub async fn postpone(
    db: &Db,
    tenant: TenantId,
    campaign: CampaignId,
    until: DateTime<Utc>,
) -> Result<()> {
    db.system(async |tx| put_off(tx, tenant, campaign, until).await)
        .await
}

/// As [`postpone`], in the caller's transaction.
pub(super) async fn put_off(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaign: CampaignId,
    until: DateTime<Utc>,
) -> Result<()> {
    diesel::update(
        send_queue::table
            .find((tenant, campaign))
            .filter(send_queue::due_at.lt(until)),
    )
    .set(send_queue::due_at.eq(until))
    .execute(tx)
    .await?;
    Ok(())
}

/// Which of these campaigns may not send on: paused, stopped, gone, or of a
/// tenant that was suspended.
///
/// # Errors
/// When the database does.
pub async fn halted(db: &Db, campaigns: &[CampaignId]) -> Result<Vec<CampaignId>> {
    let sending: Vec<CampaignId> = db
        .system(async |tx| {
            Ok(send_queue::table
                .filter(
                    send_queue::campaign_id
                        .eq_any(campaigns)
                        .and(send_queue::state.eq("sending"))
                        .and(send_queue::held.eq(false)),
                )
                .select(send_queue::campaign_id)
                .load(tx)
                .await?)
        })
        .await?;
    Ok(campaigns
        .iter()
        .copied()
        .filter(|id| !sending.contains(id))
        .collect())
}

/// When the next campaign that sends has something to do.
///
/// # Errors
/// When the database does.
pub async fn next_due(db: &Db) -> Result<Option<DateTime<Utc>>> {
    db.system(async |tx| {
        Ok(send_queue::table
            .filter(send_queue::state.eq("sending"))
            .select(diesel::dsl::min(send_queue::due_at))
            .get_result(tx)
            .await?)
    })
    .await
}

/// Whether anything of a campaign is still open, by its counters. Of several
/// transactions that changed these at once the last to commit sees a true no.
pub(super) async fn is_open(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaign: CampaignId,
) -> Result<bool> {
    let open = campaign_counter::table
        .filter(
            campaign_counter::tenant_id
                .eq(tenant)
                .and(campaign_counter::campaign_id.eq(campaign)),
        )
        .filter(campaign_counter::name.eq_any(["queued", "claimed", "deferred"]))
        .filter(campaign_counter::value.ne(0));
    Ok(diesel::select(diesel::dsl::exists(open))
        .get_result(tx)
        .await?)
}

/// Settles a campaign of which nothing is open any more, in a transaction of
/// its own (see the lock order).
pub(super) async fn settle_ended(db: &Db, tenant: TenantId, id: CampaignId) -> Result<()> {
    let now = db.now();
    db.tenant(tenant, async |tx| settle(tx, tenant, id, now).await)
        .await
}

#[derive(QueryableByName)]
struct Open {
    #[diesel(sql_type = BigInt)]
    claimed: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    due_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Bool)]
    waits: bool,
}

/// Sets when to look at a campaign again, or ends it: `finished` when the
/// audience is frozen and nothing is open, out of the queue when nothing of a
/// stopped one is in any mailer's hands.
pub(crate) async fn settle(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    now: DateTime<Utc>,
) -> Result<()> {
    let Some((state, prepared_at)) = campaign::table
        .find((tenant, id))
        .select((campaign::state, campaign::prepared_at))
        .for_no_key_update()
        .first::<(String, Option<DateTime<Utc>>)>(tx)
        .await
        .optional()?
    else {
        return Ok(());
    };
    let queue_row = send_queue::table.find((tenant, id));
    if queue_row
        .select(send_queue::state)
        .for_update()
        .first::<String>(tx)
        .await
        .optional()?
        .is_none()
    {
        return Ok(());
    }
    let open = open(tx, tenant, id).await?;
    match (state.as_str(), open.due_at) {
        ("sending", Some(due)) => {
            // Not put forward to our now, which others would have to wait for
            // if it is ahead of theirs: what is due stays due.
            diesel::update(queue_row)
                .set(send_queue::due_at.eq(due))
                .execute(tx)
                .await?;
        }
        ("sending", None) if open.claimed == 0 && !open.waits && prepared_at.is_some() => {
            diesel::update(campaign::table.find((tenant, id)))
                .set((
                    campaign::state.eq("finished"),
                    campaign::finished_at.eq(now),
                    campaign::updated_at.eq(now),
                ))
                .execute(tx)
                .await?;
            diesel::delete(queue_row).execute(tx).await?;
            signal::publish(tx, Signal::Campaign { tenant, id }).await?;
        }
        // Some are in a mailer's hands, which settles again, or the next frozen
        // chunk or the winner of an A/B test lowers it. By our own clock, as the
        // claim compares it: with another one the campaign would be due again at
        // once for whoever's is ahead, over and over.
        ("sending", None) => {
            diesel::update(queue_row)
                .set(send_queue::due_at.eq(now + SAFETY))
                .execute(tx)
                .await?;
        }
        // What is left of a stopped one is skipped first (campaign::sweep).
        ("stopped" | "finished", None) if open.claimed == 0 && !open.waits => {
            diesel::delete(queue_row).execute(tx).await?;
            signal::publish(tx, Signal::Campaign { tenant, id }).await?;
        }
        _ => {}
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "sub-selects in one row")]
async fn open(tx: &mut AsyncPgConnection, tenant: TenantId, id: CampaignId) -> Result<Open> {
    Ok(diesel::sql_query(
        "SELECT (SELECT coalesce(sum(value), 0)::bigint FROM campaign_counter c
                 WHERE c.tenant_id = $1 AND c.campaign_id = $2 AND c.name = 'claimed') AS claimed,
                (SELECT min(d.due_at) FROM delivery d
                 WHERE d.tenant_id = $1 AND d.campaign_id = $2 AND d.state IN ('queued', 'deferred')) AS due_at,
                EXISTS (SELECT FROM delivery d WHERE d.tenant_id = $1 AND d.campaign_id = $2
                        AND d.state IN ('queued', 'deferred') AND d.due_at IS NULL) AS waits",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(id)
    .get_result(tx)
    .await?)
}
