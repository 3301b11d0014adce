//! The next day of a date mail: put on the schedule, taken off it, and made by
//! whoever starts the day before.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel_async::AsyncPgConnection;

use super::day::{begins, next_day};
use super::reason::{self, Reason};
use super::rule::Rule;
use super::{State, queries};
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, DateMailId, TenantId};

/// How late a day is still made up for, after an outage: as long as a mail is
/// tried. Later a birthday mail is worse than none.
pub(crate) const MAKE_UP: TimeDelta = TimeDelta::hours(72);

/// The next day that has not begun yet: a change of the time in the afternoon
/// must not send a second time to those of today.
pub(super) async fn next_free_day(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: DateMailId,
    rule: &Rule,
    now: DateTime<Utc>,
) -> Result<NaiveDate> {
    let day = next_day(now, rule.send_at, rule.zone());
    let last = queries::find(tx, tenant, id).await?.last_day;
    Ok(match last {
        Some(last) if last >= day => last.succ_opt().unwrap_or(last),
        _ => day,
    })
}

pub(super) async fn schedule(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: DateMailId,
    rule: &Rule,
    day: NaiveDate,
    now: DateTime<Utc>,
) -> Result<()> {
    let at = begins(day, rule.send_at, rule.zone());
    let next = queries::NextDay {
        date_mail: id,
        day,
        at,
        audience: rule.audience_on(day),
    };
    queries::insert_day(tx, tenant, rule, &next, now).await
}

pub(super) async fn unschedule(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: DateMailId,
) -> Result<()> {
    if let Some((campaign, _)) = queries::scheduled(tx, tenant, id).await? {
        queries::delete_day(tx, tenant, campaign).await?;
    }
    Ok(())
}

/// Holds a date mail until the transaction ends; one that is gone is no error.
pub(crate) async fn hold(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: DateMailId,
) -> Result<()> {
    match queries::lock(tx, tenant, id).await {
        Ok(_) | Err(DomainError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// How a day's start ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Started<'a> {
    /// Its mails go out.
    Going,
    /// Nobody's date falls on it.
    Nobody,
    /// Pre-flight blocks, by these checks.
    NotReady(&'a str),
    /// The database is older than the day may be: what went out since the
    /// backup is not in it.
    Restored,
    /// It is over for longer than [`MAKE_UP`].
    Missed,
}

/// After the scheduled campaign of a day was started, in the transaction that
/// did: makes the next day. One day that is not ready keeps the next from
/// nothing; the reason stands at the date mail until a day goes out. After a
/// restore a person has to say that it may go on.
pub(crate) async fn after_start(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: DateMailId,
    campaign: CampaignId,
    day: NaiveDate,
    started: Started<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    if !matches!(started, Started::Going) {
        queries::delete_day(tx, tenant, campaign).await?;
    }
    let row = queries::lock(tx, tenant, id).await?;
    if row.state != State::Active {
        return Ok(());
    }
    let before = row.state_reason.clone();
    let rule = row.with(None)?.rule;
    let next = match started {
        Started::Missed => day_after_missed(&rule, day, now),
        _ => day.succ_opt().unwrap_or(day),
    };
    let reason = match started {
        Started::Going => before.filter(|reason| reason::stands(reason, day)),
        Started::Nobody => before,
        Started::NotReady(checks) => Some(Reason::NotReady(checks).to_string()),
        Started::Restored => Some(Reason::Restored.to_string()),
        Started::Missed => {
            let last = next.pred_opt().unwrap_or(day);
            Some(Reason::Missed { first: day, last }.to_string())
        }
    };
    let state = match started {
        Started::Restored => State::Paused,
        _ => State::Active,
    };
    queries::set_state(tx, tenant, id, state, reason.as_deref(), now).await?;
    if matches!(started, Started::Going) {
        queries::set_last_day(tx, tenant, id, day).await?;
    }
    if state == State::Paused {
        return Ok(());
    }
    schedule(tx, tenant, id, &rule, next, now).await
}

/// The first day that is still made up for, at once: one by one the days of a
/// long outage would be looked at for nothing.
fn day_after_missed(rule: &Rule, missed: NaiveDate, now: DateTime<Utc>) -> NaiveDate {
    let after = missed.succ_opt().unwrap_or(missed);
    next_day(now - MAKE_UP, rule.send_at, rule.zone()).max(after)
}
