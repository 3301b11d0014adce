//! Schedules that fall due. A day of a date mail makes the next one, whatever
//! became of it.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use super::control::{back_to_draft, is_of_another_epoch, record};
use super::start::{BLOCKS, people, ready, start};
use super::state::State;
use super::{CampaignRow, complaints, queries};
use crate::actor::Actor;
use crate::date_mail::next::{MAKE_UP, Started, after_start, hold};
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, DateMailId, TenantId};
use crate::mail::render::Installation;
use crate::schema::{campaign, send_queue};

/// Starts the scheduled campaigns whose time has come; answers how many. One
/// that pre-flight blocks by now, or that was scheduled before a restore,
/// becomes a draft again that says why.
///
/// # Errors
/// When the database does.
pub async fn start_due(db: &Db, installation: &Installation) -> Result<usize> {
    let now = db.now();
    let due: Vec<(TenantId, CampaignId)> = db
        .system(async |tx| {
            Ok(send_queue::table
                .filter(
                    send_queue::state
                        .eq("scheduled")
                        .and(send_queue::due_at.le(now)),
                )
                .order(send_queue::due_at)
                .select((send_queue::tenant_id, send_queue::campaign_id))
                .limit(100)
                .load(tx)
                .await?)
        })
        .await?;
    let mut started = 0;
    for (tenant, id) in due {
        match start_scheduled(db, installation, tenant, id, now).await {
            Ok(()) => started += 1,
            // Deleted since it was listed.
            Err(DomainError::NotFound { .. }) => {}
            Err(error @ DomainError::Unavailable { .. }) => return Err(error),
            // One that can't be read must not hold up everybody else's.
            Err(error) => {
                tracing::error!(name: "campaign.not_started", campaign = %id, ?error, "looked at again");
            }
        }
    }
    Ok(started)
}

async fn start_scheduled(
    db: &Db,
    installation: &Installation,
    tenant: TenantId,
    id: CampaignId,
    now: DateTime<Utc>,
) -> Result<()> {
    db.tenant(tenant, async |tx| {
        hold_date_mail(tx, tenant, id).await?;
        let before = queries::lock(tx, tenant, id).await?;
        // Another mailer was faster, or a person moved it.
        if before.state != State::Scheduled || before.scheduled_at.is_none_or(|at| at > now) {
            return Ok(());
        }
        let outgoing = if is_of_another_epoch(tx, tenant, id).await? {
            Err(DomainError::conflict(
                "restored",
                "the database was restored from a backup since it was scheduled: it may have gone out already",
            ))
        } else if is_missed(&before, now) {
            Err(DomainError::conflict(
                "missed",
                format!("its day began more than {} hours ago", MAKE_UP.num_hours()),
            ))
        } else {
            let people = people(tx, tenant, &before, now).await?;
            ready(tx, tenant, installation, &before, people, now).await
        };
        match outgoing {
            Ok((people, outgoing)) => {
                start(tx, tenant, id, &outgoing, now).await?;
                let actor = Actor::system(tenant);
                record(
                    tx,
                    &actor,
                    "campaign.sent",
                    &before,
                    json!({ "people": people }),
                )
                .await?;
                complaints::hold_begun(tx, tenant, id, now).await?;
                next_day(tx, tenant, &before, Started::Going, now).await
            }
            Err(DomainError::Conflict { code, detail }) => {
                not_ready(tx, tenant, &before, (code, &detail), now).await
            }
            Err(error) => Err(error),
        }
    })
    .await
}

/// Locks the date mail before its day, in the order of who changes one.
async fn hold_date_mail(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<()> {
    let date_mail: Option<Option<DateMailId>> = campaign::table
        .find((tenant, id))
        .select(campaign::date_mail_id)
        .first(tx)
        .await
        .optional()?;
    if let Some(Some(date_mail)) = date_mail {
        hold(tx, tenant, date_mail).await?;
    }
    Ok(())
}

async fn not_ready(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    before: &CampaignRow,
    (code, detail): (&str, &str),
    now: DateTime<Utc>,
) -> Result<()> {
    let actor = Actor::system(tenant);
    if before.date_mail_id.is_none() {
        back_to_draft(tx, tenant, before.id, Some(detail), now).await?;
        return record(
            tx,
            &actor,
            "campaign.not_ready",
            before,
            json!({ "reason": detail }),
        )
        .await;
    }
    let blocks = detail.strip_prefix(BLOCKS);
    // That nobody's date falls on a day is how most days are.
    if blocks == Some(NOBODY) {
        return next_day(tx, tenant, before, Started::Nobody, now).await;
    }
    record(
        tx,
        &actor,
        "campaign.not_ready",
        before,
        json!({ "reason": detail }),
    )
    .await?;
    let started = match code {
        "restored" => Started::Restored,
        "missed" => Started::Missed,
        _ => Started::NotReady(blocks.unwrap_or(detail)),
    };
    next_day(tx, tenant, before, started, now).await
}

/// What pre-flight says when there is nothing but nobody to send to.
const NOBODY: &str = "people";

/// Of a date mail alone: a campaign was given its day by a person, who wants it
/// to go out late rather than not at all.
fn is_missed(row: &CampaignRow, now: DateTime<Utc>) -> bool {
    row.date_mail_id.is_some() && row.scheduled_at.is_some_and(|at| at < now - MAKE_UP)
}

async fn next_day(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    before: &CampaignRow,
    started: Started<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    match (before.date_mail_id, before.on_day) {
        (Some(date_mail), Some(day)) => {
            after_start(tx, tenant, date_mail, before.id, day, started, now).await
        }
        _ => Ok(()),
    }
}
