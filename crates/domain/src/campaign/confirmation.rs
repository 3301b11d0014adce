//! The number that a person was told and said yes to. Pre-flight counts
//! everybody and remembers the number; who sends within a minute of that is
//! not kept waiting for another count of a million. What makes that safe is
//! that freezing never queues more people than were confirmed: it holds the
//! campaign instead, and a person looks.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::state::State;
use super::{CampaignRow, start};
use crate::actor::Actor;
use crate::error::Result;
use crate::ids::{CampaignId, TenantId};
use crate::schema::campaign_confirmation as confirmation;
use crate::tenant;

/// `campaign.state_reason` of what is held because more people are meant.
pub const MORE_PEOPLE: &str = "more_people";
/// How long a count is good for.
const FRESH: TimeDelta = TimeDelta::seconds(60);

/// Keeps what pre-flight counted for `version` of a campaign.
pub(super) async fn remember(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    version: i32,
    people: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let counted = (
        confirmation::counted_people.eq(people),
        confirmation::counted_version.eq(version),
        confirmation::counted_at.eq(now),
    );
    diesel::insert_into(confirmation::table)
        .values((
            confirmation::tenant_id.eq(tenant),
            confirmation::campaign_id.eq(id),
            counted,
        ))
        .on_conflict((confirmation::tenant_id, confirmation::campaign_id))
        .do_update()
        .set(counted)
        .execute(tx)
        .await?;
    Ok(())
}

/// What was counted for just this version, within the last minute.
pub(super) async fn remembered(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    version: i32,
    now: DateTime<Utc>,
) -> Result<Option<i64>> {
    let people: Option<Option<i64>> = confirmation::table
        .find((tenant, id))
        .filter(confirmation::counted_version.eq(version))
        .filter(confirmation::counted_at.between(now - FRESH, now))
        .select(confirmation::counted_people)
        .first(tx)
        .await
        .optional()?;
    Ok(people.flatten())
}

/// Sets how many people may be queued; `None` lifts the bound.
pub(super) async fn bound(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    people: Option<i64>,
) -> Result<()> {
    diesel::insert_into(confirmation::table)
        .values((
            confirmation::tenant_id.eq(tenant),
            confirmation::campaign_id.eq(id),
            confirmation::confirmed_people.eq(people),
        ))
        .on_conflict((confirmation::tenant_id, confirmation::campaign_id))
        .do_update()
        .set(confirmation::confirmed_people.eq(people))
        .execute(tx)
        .await?;
    Ok(())
}

/// Counts people whom freezing queues; answers whether that is within what was
/// confirmed. A schedule has no bound: who counts at its time is meant.
pub(super) async fn admit(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    people: i64,
) -> Result<bool> {
    let total: Option<(i64, Option<i64>)> = diesel::update(confirmation::table.find((tenant, id)))
        .set(confirmation::queued_people.eq(confirmation::queued_people + people))
        .returning((confirmation::queued_people, confirmation::confirmed_people))
        .get_result(tx)
        .await
        .optional()?;
    Ok(total.is_none_or(|(queued, most)| most.is_none_or(|most| queued <= most)))
}

/// A campaign that is scheduled goes out without another question: who changes it
/// says yes to it as who scheduled it did. Nobody is counted for those whose
/// proof is fresh.
pub(super) async fn require_step_up_for_edit(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    after: &CampaignRow,
    now: DateTime<Utc>,
) -> Result<()> {
    if after.state != State::Scheduled || actor.stepped_up {
        return Ok(());
    }
    let people = start::people(tx, actor.tenant_id, after, now).await?;
    require_step_up(tx, actor, people.will_receive).await
}

/// What goes out by dates reaches as many as have one on each day to come: that
/// is counted by nobody beforehand, so that it wants the proof whatever the
/// number is, unless the tenant wants it of nobody.
pub(crate) async fn require_step_up_by_dates(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
) -> Result<()> {
    match tenant::find(tx, actor.tenant_id).await?.step_up_people {
        Some(_) => actor.require_step_up(),
        None => Ok(()),
    }
}

/// Sending to many wants a fresh proof of who sends, above the number that the
/// tenant set (decision 0040).
pub(crate) async fn require_step_up(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    people: i64,
) -> Result<()> {
    let most = tenant::find(tx, actor.tenant_id).await?.step_up_people;
    match most {
        Some(most) if people > i64::from(most) => actor.require_step_up(),
        _ => Ok(()),
    }
}
