//! SQL of campaigns.

use chrono::{DateTime, NaiveTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::hours::{Choice, Mode};
use super::state::State;
use super::{CampaignChange, CampaignFilter, CampaignRow, NewCampaign};
use crate::error::{DomainError, Result, Validation};
use crate::ids::{CampaignId, MailId, RouteId, TenantId, UserId};
use crate::page::contains_pattern;
use crate::schema::{campaign, link, mail, route, send_queue};

/// Lane of campaigns; what is in the fast lane overtakes them.
pub(crate) const LANE_CAMPAIGN: i16 = 1;

fn not_found() -> DomainError {
    DomainError::not_found("campaign")
}

pub(crate) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<CampaignRow> {
    campaign::table
        .find((tenant, id))
        // What a step of a sequence sent can be looked at; it is steered by the sequence.
        .filter(campaign::kind.eq_any(["campaign", "sequence"]))
        .select(CampaignRow::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(not_found)
}

/// As [`find`]; holds the row until the transaction ends.
pub(super) async fn lock(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<CampaignRow> {
    campaign::table
        .find((tenant, id))
        .filter(campaign::kind.eq("campaign"))
        .select(CampaignRow::as_select())
        .for_no_key_update()
        .first(tx)
        .await
        .optional()?
        .ok_or_else(not_found)
}

pub(super) async fn page(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    filter: &CampaignFilter,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<CampaignRow>> {
    let mut query = campaign::table
        .filter(
            campaign::tenant_id
                .eq(tenant)
                .and(campaign::kind.eq("campaign")),
        )
        .select(CampaignRow::as_select())
        .order((campaign::created_at.desc(), campaign::id.desc()))
        .limit(limit)
        .into_boxed();
    if !filter.states.is_empty() {
        query = query.filter(campaign::state.eq_any(filter.states.clone()));
    }
    query = match filter.date_mail {
        Some(id) => query.filter(campaign::date_mail_id.eq(id)),
        None => query.filter(campaign::date_mail_id.is_null()),
    };
    if let Some(q) = filter.q.as_deref().map(str::trim).filter(|q| !q.is_empty()) {
        query = query.filter(campaign::name.ilike(contains_pattern(q)));
    }
    if let Some((at, id)) = after {
        let id = CampaignId(id);
        query = query.filter(
            campaign::created_at
                .lt(at)
                .or(campaign::created_at.eq(at).and(campaign::id.lt(id))),
        );
    }
    Ok(query.load(tx).await?)
}

/// Campaigns in some states, by when they go or went out.
pub(super) async fn in_states(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    states: &[State],
    limit: i64,
) -> Result<Vec<CampaignRow>> {
    Ok(campaign::table
        .filter(
            campaign::tenant_id
                .eq(tenant)
                .and(campaign::kind.eq("campaign")),
        )
        .filter(campaign::state.eq_any(states))
        .select(CampaignRow::as_select())
        .order((
            campaign::started_at.desc().nulls_last(),
            campaign::scheduled_at.asc().nulls_last(),
            campaign::id.desc(),
        ))
        .limit(limit)
        .load(tx)
        .await?)
}

/// Campaigns that are over, the last started first.
pub(super) async fn ended(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    limit: i64,
) -> Result<Vec<CampaignRow>> {
    Ok(campaign::table
        .filter(
            campaign::tenant_id
                .eq(tenant)
                .and(campaign::kind.eq("campaign"))
                .and(campaign::started_at.is_not_null())
                .and(campaign::state.eq_any([State::Finished, State::Stopped])),
        )
        .select(CampaignRow::as_select())
        .order((campaign::started_at.desc(), campaign::id.desc()))
        .limit(limit)
        .load(tx)
        .await?)
}

/// Drafts that their schedule sent back since pre-flight blocked, the last first.
pub(super) async fn sent_back(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    limit: i64,
) -> Result<Vec<CampaignRow>> {
    Ok(campaign::table
        .filter(
            campaign::tenant_id
                .eq(tenant)
                .and(campaign::kind.eq("campaign"))
                .and(campaign::state.eq(State::Draft))
                .and(campaign::state_reason.is_not_null()),
        )
        .select(CampaignRow::as_select())
        .order((campaign::created_at.desc(), campaign::id.desc()))
        .limit(limit)
        .load(tx)
        .await?)
}

/// Refuses a mail or a route that is not there, or of another tenant.
pub(crate) async fn check_references(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    mail_id: Option<MailId>,
    route_id: Option<RouteId>,
) -> Result<()> {
    let mut v = Validation::default();
    if let Some(id) = mail_id {
        let known = mail::table
            .find((tenant, id))
            .select(mail::id)
            .first::<MailId>(tx)
            .await
            .optional()?;
        if known.is_none() {
            v.add("/mail_id", "unknown", "there is no such mail");
        }
    }
    if let Some(id) = route_id {
        let known = route::table
            .find((tenant, id))
            .select(route::id)
            .first::<RouteId>(tx)
            .await
            .optional()?;
        if known.is_none() {
            v.add("/route_id", "unknown", "there is no such route");
        }
    }
    v.finish()
}

type HoursColumns = (
    diesel::dsl::Eq<campaign::hours, Mode>,
    diesel::dsl::Eq<campaign::send_from, Option<NaiveTime>>,
    diesel::dsl::Eq<campaign::send_until, Option<NaiveTime>>,
);

fn hours_of(choice: Choice) -> HoursColumns {
    let span = choice.span();
    (
        campaign::hours.eq(choice.mode()),
        campaign::send_from.eq(span.map(|span| span.from)),
        campaign::send_until.eq(span.map(|span| span.until)),
    )
}

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    new: &NewCampaign,
    zone: &str,
    by: Option<UserId>,
) -> Result<()> {
    diesel::insert_into(campaign::table)
        .values((
            campaign::tenant_id.eq(tenant),
            campaign::id.eq(id),
            campaign::name.eq(new.name.trim()),
            campaign::mail_id.eq(new.mail_id),
            campaign::audience
                .eq(serde_json::to_value(&new.audience).map_err(DomainError::internal)?),
            campaign::route_id.eq(new.route_id),
            campaign::time_zone.eq(zone),
            hours_of(new.hours.unwrap_or(Choice::Tenant)),
            campaign::best_hour.eq(new.best_hour),
            campaign::created_by.eq(by),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn update(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    version: i32,
    change: &CampaignChange,
    now: DateTime<Utc>,
) -> Result<()> {
    let audience = change
        .audience
        .as_ref()
        .map(serde_json::to_value)
        .transpose()
        .map_err(DomainError::internal)?;
    diesel::update(campaign::table.find((tenant, id)))
        .set((
            change
                .name
                .as_ref()
                .map(|name| campaign::name.eq(name.trim().to_owned())),
            change.mail_id.map(|id| campaign::mail_id.eq(id)),
            audience.map(|audience| campaign::audience.eq(audience)),
            change.route_id.map(|id| campaign::route_id.eq(id)),
            change.hours.map(hours_of),
            change.best_hour.map(|best| campaign::best_hour.eq(best)),
            campaign::state_reason.eq(None::<String>),
            campaign::version.eq(version + 1),
            campaign::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(crate) async fn delete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<()> {
    diesel::delete(campaign::table.find((tenant, id)))
        .execute(tx)
        .await?;
    Ok(())
}

/// Puts a campaign before the mailers, or tells them that it changed.
pub(crate) async fn enqueue(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    lane: i16,
    state: State,
    due_at: DateTime<Utc>,
) -> Result<()> {
    diesel::insert_into(send_queue::table)
        .values((
            send_queue::tenant_id.eq(tenant),
            send_queue::campaign_id.eq(id),
            send_queue::lane.eq(lane),
            send_queue::state.eq(state.as_str()),
            send_queue::due_at.eq(due_at),
        ))
        .on_conflict((send_queue::tenant_id, send_queue::campaign_id))
        .do_update()
        .set((
            send_queue::state.eq(state.as_str()),
            send_queue::due_at.eq(due_at),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// Takes a campaign out of the mailers' sight.
pub(crate) async fn unqueue(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<()> {
    diesel::delete(send_queue::table.find((tenant, id)))
        .execute(tx)
        .await?;
    Ok(())
}

/// Writes down where the counted links of a campaign's mail lead.
pub(crate) async fn insert_links(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    targets: &[String],
) -> Result<()> {
    let rows: Vec<_> = targets
        .iter()
        .zip(1_i32..)
        .map(|(url, number)| {
            (
                link::tenant_id.eq(tenant),
                link::campaign_id.eq(id),
                link::number.eq(number),
                link::url.eq(url),
            )
        })
        .collect();
    diesel::insert_into(link::table)
        .values(rows)
        .on_conflict_do_nothing()
        .execute(tx)
        .await?;
    Ok(())
}
