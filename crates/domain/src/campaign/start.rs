//! The start of a campaign, by a person or when its time has come: whom it is
//! for, whether anything blocks, and its rows made ready for the mailers.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::audience::{self, People};
use super::control::{announce, epoch, period};
use super::frequency::Cap;
use super::preflight::{self, Check, Level, Outgoing};
use super::state::State;
use super::{CampaignRow, ab_test, best_hour, queries};
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, TenantId};
use crate::mail::render::Installation;
use crate::schema::campaign;

/// Before the codes of the checks that block.
pub(super) const BLOCKS: &str = "pre-flight blocks: ";

/// Everybody who is meant now, counted.
pub(super) async fn people(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    row: &CampaignRow,
    now: DateTime<Utc>,
) -> Result<People> {
    let cap = Cap::load(tx, tenant, now).await?;
    audience::count(tx, tenant, &row.audience()?, cap).await
}

/// Number of people and what goes out to them, when nothing blocks.
pub(super) async fn ready(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    installation: &Installation,
    row: &CampaignRow,
    people: People,
    now: DateTime<Utc>,
) -> Result<(i64, Outgoing)> {
    let (preflight, outgoing) =
        preflight::examine(tx, tenant, installation, row, people, now).await?;
    match outgoing {
        Some(outgoing) if preflight.can_send() => Ok((preflight.people.will_receive, outgoing)),
        _ => {
            let blocks: Vec<&str> = preflight
                .checks
                .iter()
                .filter(|c| c.level == Level::Block)
                .map(|c: &Check| c.code)
                .collect();
            Err(DomainError::conflict(
                "not_ready",
                format!("{BLOCKS}{}", blocks.join(", ")),
            ))
        }
    }
}

pub(super) async fn start(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    outgoing: &Outgoing,
    now: DateTime<Utc>,
) -> Result<()> {
    let epoch = epoch(tx).await?;
    diesel::update(campaign::table.find((tenant, id)))
        .set((
            campaign::state.eq(State::Preparing),
            campaign::state_reason.eq(None::<String>),
            campaign::mail_number.eq(outgoing.mail_number),
            campaign::period.eq(period(now)),
            campaign::epoch.eq(epoch),
            campaign::started_at.eq(now),
            campaign::version.eq(campaign::version + 1),
            campaign::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    queries::insert_links(tx, tenant, id, &outgoing.links).await?;
    ab_test::fix(tx, tenant, id, &outgoing.variants).await?;
    best_hour::fix(tx, tenant, id, now).await?;
    queries::enqueue(
        tx,
        tenant,
        id,
        queries::LANE_CAMPAIGN,
        State::Preparing,
        now,
    )
    .await?;
    ab_test::begin(tx, tenant, id, now).await?;
    announce(tx, tenant, id).await
}
