//! SQL of date mails.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{Row, Rule, State};
use crate::campaign::audience::Audience;
use crate::campaign::control::{announce, epoch};
use crate::campaign::state::State as CampaignState;
use crate::campaign::{LANE_CAMPAIGN, enqueue};
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, DateMailId, MailId, TenantId, UserId};
use crate::schema::{campaign, contact_field, date_mail};

pub(super) async fn list(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<Vec<Row>> {
    Ok(date_mail::table
        .filter(date_mail::tenant_id.eq(tenant))
        .order((date_mail::created_at.desc(), date_mail::id.desc()))
        .select(Row::as_select())
        .limit(i64::try_from(super::MAX).unwrap_or(i64::MAX))
        .load(tx)
        .await?)
}

fn not_found() -> DomainError {
    DomainError::not_found("date mail")
}

pub(super) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: DateMailId,
) -> Result<Row> {
    date_mail::table
        .find((tenant, id))
        .select(Row::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(not_found)
}

/// As [`find`]; holds the row until the transaction ends.
pub(super) async fn lock(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: DateMailId,
) -> Result<Row> {
    date_mail::table
        .find((tenant, id))
        .select(Row::as_select())
        .for_no_key_update()
        .first(tx)
        .await
        .optional()?
        .ok_or_else(not_found)
}

pub(super) async fn is_date_field(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    key: &str,
) -> Result<bool> {
    let found: i64 = contact_field::table
        .filter(
            contact_field::tenant_id
                .eq(tenant)
                .and(contact_field::key.eq(key))
                .and(contact_field::type_.eq("date")),
        )
        .count()
        .get_result(tx)
        .await?;
    Ok(found == 1)
}

type Values<'a> = (
    diesel::dsl::Eq<date_mail::name, &'a str>,
    diesel::dsl::Eq<date_mail::mail_id, MailId>,
    diesel::dsl::Eq<date_mail::field_key, &'a str>,
    diesel::dsl::Eq<date_mail::offset_days, i16>,
    diesel::dsl::Eq<date_mail::repeat, super::Repeat>,
    diesel::dsl::Eq<date_mail::send_at, chrono::NaiveTime>,
    diesel::dsl::Eq<date_mail::time_zone, &'a str>,
    diesel::dsl::Eq<date_mail::audience, serde_json::Value>,
);

fn values(rule: &Rule) -> Result<Values<'_>> {
    Ok((
        date_mail::name.eq(rule.name.trim()),
        date_mail::mail_id.eq(rule.mail_id),
        date_mail::field_key.eq(rule.field_key.as_str()),
        date_mail::offset_days.eq(rule.offset_days),
        date_mail::repeat.eq(rule.repeat),
        date_mail::send_at.eq(rule.send_at),
        date_mail::time_zone.eq(rule.time_zone.as_str()),
        date_mail::audience
            .eq(serde_json::to_value(&rule.audience).map_err(DomainError::internal)?),
    ))
}

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: DateMailId,
    rule: &Rule,
    by: Option<UserId>,
) -> Result<()> {
    diesel::insert_into(date_mail::table)
        .values((
            date_mail::tenant_id.eq(tenant),
            date_mail::id.eq(id),
            date_mail::created_by.eq(by),
            values(rule)?,
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn update(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: DateMailId,
    version: i32,
    rule: &Rule,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(date_mail::table.find((tenant, id)))
        .set((
            values(rule)?,
            date_mail::state_reason.eq(None::<String>),
            date_mail::version.eq(version + 1),
            date_mail::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn set_state(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: DateMailId,
    state: State,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(date_mail::table.find((tenant, id)))
        .set((
            date_mail::state.eq(state),
            date_mail::state_reason.eq(reason),
            date_mail::version.eq(date_mail::version + 1),
            date_mail::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn delete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: DateMailId,
) -> Result<()> {
    diesel::delete(date_mail::table.find((tenant, id)))
        .execute(tx)
        .await?;
    Ok(())
}

/// Literal, so that the partial index of what is scheduled applies whatever plan
/// is kept: else all days that ever went out are read.
fn is_scheduled() -> diesel::expression::SqlLiteral<Bool> {
    diesel::dsl::sql("campaign.state = 'scheduled'")
}

/// The scheduled day of a date mail, and when it begins.
pub(super) async fn scheduled(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: DateMailId,
) -> Result<Option<(CampaignId, DateTime<Utc>)>> {
    Ok(campaign::table
        .filter(
            campaign::tenant_id
                .eq(tenant)
                .and(campaign::date_mail_id.eq(id)),
        )
        .filter(is_scheduled())
        .select((campaign::id, campaign::scheduled_at.assume_not_null()))
        .order((campaign::scheduled_at.desc(), campaign::id.desc()))
        .first(tx)
        .await
        .optional()?)
}

/// When the next day of each begins.
pub(super) async fn next_days(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
) -> Result<BTreeMap<DateMailId, DateTime<Utc>>> {
    let rows: Vec<(DateMailId, DateTime<Utc>)> = campaign::table
        .filter(
            campaign::tenant_id
                .eq(tenant)
                .and(campaign::date_mail_id.is_not_null()),
        )
        .filter(is_scheduled())
        .select((
            campaign::date_mail_id.assume_not_null(),
            campaign::scheduled_at.assume_not_null(),
        ))
        .load(tx)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Notes a day that has begun.
pub(super) async fn set_last_day(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: DateMailId,
    day: NaiveDate,
) -> Result<()> {
    diesel::update(date_mail::table.find((tenant, id)))
        .set(date_mail::last_day.eq(day))
        .execute(tx)
        .await?;
    Ok(())
}

/// A day that is to be scheduled.
pub(super) struct NextDay {
    pub(super) date_mail: DateMailId,
    pub(super) day: NaiveDate,
    pub(super) at: DateTime<Utc>,
    pub(super) audience: Audience,
}

pub(super) async fn insert_day(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    rule: &Rule,
    next: &NextDay,
    now: DateTime<Utc>,
) -> Result<()> {
    let id = CampaignId::new();
    let epoch = epoch(tx).await?;
    let cut: String = rule.name.trim().chars().take(180).collect();
    let audience = serde_json::to_value(&next.audience).map_err(DomainError::internal)?;
    diesel::insert_into(campaign::table)
        .values((
            campaign::tenant_id.eq(tenant),
            campaign::id.eq(id),
            campaign::name.eq(format!("{cut} {}", next.day)),
            campaign::mail_id.eq(rule.mail_id),
            campaign::audience.eq(audience),
            campaign::time_zone.eq(&rule.time_zone),
            campaign::state.eq(CampaignState::Scheduled),
            campaign::scheduled_at.eq(next.at),
            campaign::date_mail_id.eq(next.date_mail),
            campaign::on_day.eq(next.day),
            campaign::epoch.eq(epoch),
            campaign::created_at.eq(now),
            campaign::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    enqueue(
        tx,
        tenant,
        id,
        LANE_CAMPAIGN,
        CampaignState::Scheduled,
        next.at,
    )
    .await?;
    announce(tx, tenant, id).await
}

/// Of a day that has not begun.
pub(super) async fn delete_day(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<()> {
    let day: Option<CampaignId> = campaign::table
        .find((tenant, id))
        .filter(campaign::started_at.is_null())
        .select(campaign::id)
        .for_update()
        .first(tx)
        .await
        .optional()?;
    if let Some(id) = day {
        // After the campaign its queue row (lock order of delivery::queue).
        crate::campaign::unqueue(tx, tenant, id).await?;
        crate::campaign::remove(tx, tenant, id).await?;
    }
    Ok(())
}
