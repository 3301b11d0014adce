//! Sending, scheduling, pausing, stopping. The campaign's row and its row in
//! the mailers' queue change in one transaction; mailers hear of it when it
//! commits, and obey within a second.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use super::audience::People;
use super::start::{people, ready, start};
use super::state::{State, Step};
use super::{Campaign, CampaignRow, complaints, confirmation, load, queries, sweep};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::delivery::queue;
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, TenantId};
use crate::mail::render::Installation;
use crate::schema::{campaign, installation};
use crate::signal::{self, Signal};
use crate::tenant::usage;

/// Furthest a campaign can be scheduled ahead.
const HORIZON: TimeDelta = TimeDelta::days(366);

/// Sends a campaign now, to exactly as many people as the person confirmed.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Conflict`] when the number is another one by
/// now (`people_changed`), when pre-flight blocks (`not_ready`), or in another state.
pub async fn send(
    db: &Db,
    actor: &Actor,
    installation: &Installation,
    id: CampaignId,
    confirmed_people: i64,
) -> Result<Campaign> {
    actor.require(Permission::CampaignsSend)?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let tenant = actor.tenant_id;
        let before = queries::lock(tx, tenant, id).await?;
        before.refuse_day()?;
        before.state.after(Step::Start, false)?;
        let remembered = confirmation::remembered(tx, tenant, id, before.version, now).await?;
        let people = match remembered.filter(|people| *people == confirmed_people) {
            Some(people) => People::of(people),
            None => people(tx, tenant, &before, now).await?,
        };
        let outgoing = ready(tx, tenant, installation, &before, people, now).await?;
        if outgoing.0 != confirmed_people {
            return Err(DomainError::conflict(
                "people_changed",
                format!("{} people would receive it now, not {confirmed_people}: confirm the new number", outgoing.0),
            ));
        }
        usage::require_mails(tx, tenant, outgoing.0, now).await?;
        confirmation::require_step_up(tx, actor, outgoing.0).await?;
        start(tx, tenant, id, &outgoing.1, now).await?;
        confirmation::bound(tx, tenant, id, Some(confirmed_people)).await?;
        record(tx, actor, "campaign.sent", &before, json!({ "people": outgoing.0 })).await?;
        load(tx, tenant, id, now).await
    })
    .await
}

/// Of the database: a restore begins another one.
pub(crate) async fn epoch(tx: &mut AsyncPgConnection) -> Result<i64> {
    Ok(installation::table
        .select(installation::epoch)
        .first(tx)
        .await?)
}

/// Whether a restore lies between the schedule and now. What went out after the
/// backup was made is not in it, so nobody here knows whether this one did.
pub(super) async fn is_of_another_epoch(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<bool> {
    let scheduled: Option<i64> = campaign::table
        .find((tenant, id))
        .select(campaign::epoch)
        .first(tx)
        .await?;
    let now = epoch(tx).await?;
    Ok(scheduled.is_some_and(|scheduled| scheduled != now))
}

/// First day of the month: the partition of what begins now.
pub(crate) fn period(now: DateTime<Utc>) -> NaiveDate {
    let today = now.date_naive();
    today.with_day(1).unwrap_or(today)
}

pub(crate) async fn announce(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<()> {
    signal::publish(tx, Signal::Campaign { tenant, id }).await?;
    signal::publish(tx, Signal::SendQueue).await
}

pub(super) async fn record(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    action: &'static str,
    before: &CampaignRow,
    after: serde_json::Value,
) -> Result<()> {
    let entry = audit::Entry {
        action,
        subject_kind: "campaign",
        subject_id: Some(before.id.0),
        before: Some(json!({ "name": before.name, "state": before.state })),
        after: Some(after),
    };
    audit::record(tx, actor, entry).await
}

/// Schedules a campaign, or schedules it anew. Pre-flight has to pass now, and
/// again at that time.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Invalid`] for a time that has passed or an
/// unknown zone, [`DomainError::Conflict`] as for [`send`].
pub async fn schedule(
    db: &Db,
    actor: &Actor,
    installation: &Installation,
    id: CampaignId,
    at: DateTime<Utc>,
    time_zone: &str,
) -> Result<Campaign> {
    actor.require(Permission::CampaignsSend)?;
    let now = db.now();
    if at <= now || at > now + HORIZON {
        return Err(DomainError::invalid(
            "/at",
            "out_of_range",
            "must lie in the future, within a year",
        ));
    }
    if time_zone.parse::<chrono_tz::Tz>().is_err() {
        return Err(DomainError::invalid(
            "/time_zone",
            "unknown",
            "is no IANA time zone, for example Asia/Tokyo",
        ));
    }
    db.tenant(actor.tenant_id, async |tx| {
        let tenant = actor.tenant_id;
        let before = queries::lock(tx, tenant, id).await?;
        before.refuse_day()?;
        before.state.after(Step::Schedule, false)?;
        let people = people(tx, tenant, &before, now).await?;
        let outgoing = ready(tx, tenant, installation, &before, people, now).await?;
        confirmation::require_step_up(tx, actor, outgoing.0).await?;
        diesel::update(campaign::table.find((tenant, id)))
            .set((
                campaign::state.eq(State::Scheduled),
                campaign::state_reason.eq(None::<String>),
                campaign::scheduled_at.eq(at),
                campaign::time_zone.eq(time_zone),
                campaign::epoch.eq(epoch(tx).await?),
                campaign::version.eq(before.version + 1),
                campaign::updated_at.eq(now),
            ))
            .execute(tx)
            .await?;
        queries::enqueue(tx, tenant, id, queries::LANE_CAMPAIGN, State::Scheduled, at).await?;
        announce(tx, tenant, id).await?;
        record(
            tx,
            actor,
            "campaign.scheduled",
            &before,
            json!({ "at": at, "time_zone": time_zone }),
        )
        .await?;
        load(tx, tenant, id, now).await
    })
    .await
}

/// Takes a campaign off the schedule: a draft again.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Conflict`] in another state.
pub async fn unschedule(db: &Db, actor: &Actor, id: CampaignId) -> Result<Campaign> {
    actor.require(Permission::CampaignsSend)?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let tenant = actor.tenant_id;
        let before = queries::lock(tx, tenant, id).await?;
        before.refuse_day()?;
        before.state.after(Step::Unschedule, false)?;
        back_to_draft(tx, tenant, id, None, now).await?;
        record(tx, actor, "campaign.unscheduled", &before, json!({})).await?;
        load(tx, tenant, id, now).await
    })
    .await
}

pub(super) async fn back_to_draft(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(campaign::table.find((tenant, id)))
        .set((
            campaign::state.eq(State::Draft),
            campaign::state_reason.eq(reason),
            campaign::scheduled_at.eq(None::<DateTime<Utc>>),
            campaign::version.eq(campaign::version + 1),
            campaign::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    queries::unqueue(tx, tenant, id).await?;
    announce(tx, tenant, id).await
}

/// Holds a campaign. What mailers have in their hands goes out, no more.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Conflict`] in another state.
pub async fn pause(db: &Db, actor: &Actor, id: CampaignId) -> Result<Campaign> {
    actor.require(Permission::CampaignsSend)?;
    step(db, actor, id, Step::Pause, "campaign.paused").await
}

/// Goes on with a paused campaign.
///
/// # Errors
/// As [`pause`].
pub async fn resume(db: &Db, actor: &Actor, id: CampaignId) -> Result<Campaign> {
    actor.require(Permission::CampaignsSend)?;
    step(db, actor, id, Step::Resume, "campaign.resumed").await
}

/// Ends a campaign for good. Who was not mailed yet stands as skipped.
///
/// # Errors
/// As [`pause`].
pub async fn stop(db: &Db, actor: &Actor, id: CampaignId) -> Result<Campaign> {
    actor.require(Permission::CampaignsSend)?;
    step(db, actor, id, Step::Stop, "campaign.stopped").await?;
    sweep::skip_rest(db, actor.tenant_id, id).await?;
    db.tenant(actor.tenant_id, async |tx| {
        load(tx, actor.tenant_id, id, db.now()).await
    })
    .await
}

/// Pauses a campaign that runs, by the service itself; the reason is shown to
/// whoever resumes or stops it.
pub(super) async fn hold(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    before: &CampaignRow,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let after = before.state.after(Step::Pause, true)?;
    diesel::update(campaign::table.find((tenant, before.id)))
        .set((
            campaign::state.eq(after),
            campaign::state_reason.eq(reason),
            campaign::version.eq(before.version + 1),
            campaign::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    queries::enqueue(tx, tenant, before.id, queries::LANE_CAMPAIGN, after, now).await?;
    announce(tx, tenant, before.id).await?;
    let why = json!({ "state": after, "reason": reason });
    record(tx, &Actor::system(tenant), "campaign.held", before, why).await
}

async fn step(
    db: &Db,
    actor: &Actor,
    id: CampaignId,
    step: Step,
    action: &'static str,
) -> Result<Campaign> {
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let tenant = actor.tenant_id;
        let before = queries::lock(tx, tenant, id).await?;
        let after = before.state.after(
            step,
            before.prepared_upto.is_some() || before.prepared_at.is_some(),
        )?;
        // A person who resumes says yes to sending on after a restore.
        let epoch = epoch(tx).await?;
        diesel::update(campaign::table.find((tenant, id)))
            .set((
                campaign::state.eq(after),
                campaign::state_reason.eq(None::<String>),
                (step == Step::Resume).then_some(campaign::epoch.eq(epoch)),
                (step == Step::Stop).then_some(campaign::finished_at.eq(now)),
                campaign::version.eq(before.version + 1),
                campaign::updated_at.eq(now),
            ))
            .execute(tx)
            .await?;
        queries::enqueue(tx, tenant, id, queries::LANE_CAMPAIGN, after, now).await?;
        if step == Step::Resume {
            confirmation::bound(tx, tenant, id, None).await?;
            if complaints::is_reason(before.state_reason.as_deref()) {
                complaints::seen(tx, tenant).await?;
            }
        }
        if step != Step::Stop {
            queue::settle(tx, tenant, id, now).await?;
        }
        announce(tx, tenant, id).await?;
        let campaign = load(tx, tenant, id, now).await?;
        record(
            tx,
            actor,
            action,
            &before,
            json!({ "state": after, "counts": campaign.counts }),
        )
        .await?;
        Ok(campaign)
    })
    .await
}
