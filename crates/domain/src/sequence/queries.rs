//! SQL of sequences and their steps.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{Entry, Row, Rule, State};
use crate::campaign::LANE_CAMPAIGN;
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, SequenceId, TenantId, UserId};
use crate::schema::{contact_field, send_queue, sequence};
use crate::signal::{self, Signal};

/// `send_queue.state` of a sequence.
pub(super) const QUEUED: &str = "sequence";

pub(super) async fn list(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<Vec<Row>> {
    Ok(sequence::table
        .filter(sequence::tenant_id.eq(tenant))
        .order((sequence::created_at.desc(), sequence::id.desc()))
        .select(Row::as_select())
        .limit(i64::try_from(super::MAX).unwrap_or(i64::MAX))
        .load(tx)
        .await?)
}

fn not_found() -> DomainError {
    DomainError::not_found("sequence")
}

pub(super) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
) -> Result<Row> {
    sequence::table
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
    id: SequenceId,
) -> Result<Row> {
    sequence::table
        .find((tenant, id))
        .select(Row::as_select())
        .for_no_key_update()
        .first(tx)
        .await
        .optional()?
        .ok_or_else(not_found)
}

/// As [`lock`]; `None` when somebody else holds it, or it is gone.
pub(super) async fn try_lock(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
) -> Result<Option<Row>> {
    Ok(sequence::table
        .find((tenant, id))
        .select(Row::as_select())
        .for_no_key_update()
        .skip_locked()
        .first(tx)
        .await
        .optional()?)
}

/// Whether a sequence goes by an own field of contacts.
pub(crate) async fn goes_by_field(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    key: &str,
) -> Result<bool> {
    let used: i64 = sequence::table
        .filter(
            sequence::tenant_id
                .eq(tenant)
                .and(sequence::field_key.eq(key))
                .and(sequence::state.ne(State::Stopped)),
        )
        .count()
        .get_result(tx)
        .await?;
    Ok(used > 0)
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

type Values = (
    diesel::dsl::Eq<sequence::name, String>,
    diesel::dsl::Eq<sequence::time_zone, String>,
    diesel::dsl::Eq<sequence::entry, super::EntryKind>,
    diesel::dsl::Eq<sequence::list_id, Option<crate::ids::ListId>>,
    diesel::dsl::Eq<sequence::field_key, Option<String>>,
    diesel::dsl::Eq<sequence::offset_days, Option<i16>>,
    diesel::dsl::Eq<sequence::repeat, Option<super::Repeat>>,
    diesel::dsl::Eq<sequence::leave_with_list, bool>,
    diesel::dsl::Eq<sequence::reenter, bool>,
    diesel::dsl::Eq<sequence::cap_exempt, bool>,
);

fn values(rule: &Rule) -> Values {
    let (list, field, offset, repeat) = match &rule.entry {
        Entry::Manual => (None, None, None, None),
        Entry::List(id) => (*id, None, None, None),
        Entry::Date {
            field,
            offset_days,
            repeat,
        } => (None, Some(field.clone()), Some(*offset_days), Some(*repeat)),
    };
    (
        sequence::name.eq(rule.name.trim().to_owned()),
        sequence::time_zone.eq(rule.time_zone.clone()),
        sequence::entry.eq(rule.entry.kind()),
        sequence::list_id.eq(list),
        sequence::field_key.eq(field),
        sequence::offset_days.eq(offset),
        sequence::repeat.eq(repeat),
        sequence::leave_with_list.eq(rule.leave_with_list),
        sequence::reenter.eq(rule.reenter),
        sequence::cap_exempt.eq(rule.cap_exempt),
    )
}

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    rule: &Rule,
    by: Option<UserId>,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::insert_into(sequence::table)
        .values((
            sequence::tenant_id.eq(tenant),
            sequence::id.eq(id),
            values(rule),
            sequence::created_by.eq(by),
            sequence::created_at.eq(now),
            sequence::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn update(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    version: i32,
    rule: &Rule,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(sequence::table.find((tenant, id)))
        .set((
            values(rule),
            sequence::version.eq(version + 1),
            sequence::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// Those that run, held in their order until the transaction ends.
pub(super) async fn lock_active(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
) -> Result<Vec<SequenceId>> {
    Ok(sequence::table
        .filter(sequence::tenant_id.eq(tenant))
        .filter(sequence::state.eq(State::Active))
        .order(sequence::id)
        .select(sequence::id)
        .for_no_key_update()
        .load(tx)
        .await?)
}

pub(super) async fn set_state(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    state: State,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(sequence::table.find((tenant, id)))
        .set((
            sequence::state.eq(state),
            sequence::state_reason.eq(reason),
            sequence::version.eq(sequence::version + 1),
            sequence::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// What holds a step up; no change of the version, since no person made it.
pub(super) async fn set_reason(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    reason: Option<&str>,
) -> Result<()> {
    diesel::update(sequence::table.find((tenant, id)))
        .set(sequence::state_reason.eq(reason))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn set_epoch(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    epoch: i64,
) -> Result<()> {
    diesel::update(sequence::table.find((tenant, id)))
        .set(sequence::epoch.eq(epoch))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn set_enrol_day(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    day: Option<NaiveDate>,
) -> Result<()> {
    diesel::update(sequence::table.find((tenant, id)))
        .set(sequence::enrol_day.eq(day))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn delete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
) -> Result<()> {
    unqueue(tx, tenant, id).await?;
    diesel::delete(sequence::table.find((tenant, id)))
        .execute(tx)
        .await?;
    Ok(())
}

/// Puts a sequence before the mailers.
pub(super) async fn queue(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::insert_into(send_queue::table)
        .values((
            send_queue::tenant_id.eq(tenant),
            send_queue::campaign_id.eq(CampaignId(id.0)),
            send_queue::lane.eq(LANE_CAMPAIGN),
            send_queue::state.eq(QUEUED),
            send_queue::due_at.eq(now),
        ))
        .on_conflict((send_queue::tenant_id, send_queue::campaign_id))
        .do_update()
        .set(send_queue::due_at.eq(now))
        .execute(tx)
        .await?;
    signal::publish(tx, Signal::SendQueue).await
}

/// Has a sequence that stands before the mailers looked at now.
pub(super) async fn wake(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(send_queue::table.find((tenant, CampaignId(id.0))))
        .set(send_queue::due_at.eq(now))
        .execute(tx)
        .await?;
    signal::publish(tx, Signal::SendQueue).await
}

pub(super) async fn unqueue(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
) -> Result<()> {
    diesel::delete(send_queue::table.find((tenant, CampaignId(id.0))))
        .execute(tx)
        .await?;
    Ok(())
}
