//! SQL of admission: the rows that weigh on a batch, locked, and kept.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Date, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{Ask, Entry, Key};
use crate::error::Result;
use crate::ids::{RouteId, SendLimitId, SendSlowdownId, TenantId};
use crate::limit::bucket::{Bucket, Pace};
use crate::limit::meaning::Meaning;
use crate::schema::{send_limit, send_slowdown};

#[derive(Queryable)]
pub(super) struct LimitRow {
    pub(super) id: SendLimitId,
    pub(super) site: Option<String>,
    pub(super) route: Option<RouteId>,
    pub(super) per_minute: Option<i32>,
    pub(super) max_sessions: Option<i32>,
    pub(super) session_micros: Option<i32>,
    pub(super) suspended: bool,
    pub(super) plan: (Option<NaiveDate>, Option<i32>, Option<i16>, Option<i32>),
    pub(super) used_until: DateTime<Utc>,
    pub(super) held_until: DateTime<Utc>,
    pub(super) day: NaiveDate,
    pub(super) day_used: i32,
}

#[derive(Queryable)]
pub(super) struct SlowRow {
    pub(super) id: SendSlowdownId,
    pub(super) site: String,
    pub(super) route: RouteId,
    pub(super) per_minute: i32,
    pub(super) meaning: Meaning,
    pub(super) eased_at: DateTime<Utc>,
    pub(super) used_until: DateTime<Utc>,
    pub(super) held_until: DateTime<Utc>,
}

#[derive(QueryableByName)]
pub(super) struct Moment {
    #[diesel(sql_type = Timestamptz)]
    pub(super) asked: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    pub(super) time_zone: String,
}

pub(super) async fn lock_limits(
    tx: &mut AsyncPgConnection,
    ask: &Ask<'_>,
    sites: &[&str],
    routes: &[RouteId],
) -> Result<Vec<LimitRow>> {
    Ok(send_limit::table
        .filter(send_limit::tenant_id.eq(ask.tenant))
        .filter(
            send_limit::sender_domain
                .is_null()
                .or(send_limit::sender_domain.eq(ask.sender_domain)),
        )
        .filter(
            send_limit::site
                .is_null()
                .or(send_limit::site.eq_any(sites)),
        )
        .filter(
            send_limit::route_id
                .is_null()
                .or(send_limit::route_id.eq_any(routes)),
        )
        .order(send_limit::id)
        .select((
            send_limit::id,
            send_limit::site,
            send_limit::route_id,
            send_limit::per_minute,
            send_limit::max_sessions,
            send_limit::session_micros,
            send_limit::suspended,
            (
                send_limit::warm_up_from,
                send_limit::warm_up_first,
                send_limit::warm_up_growth,
                send_limit::warm_up_until,
            ),
            send_limit::used_until,
            send_limit::held_until,
            send_limit::day,
            send_limit::day_used,
        ))
        .for_update()
        .load(tx)
        .await?)
}

pub(super) async fn lock_slowdowns(
    tx: &mut AsyncPgConnection,
    ask: &Ask<'_>,
    sites: &[&str],
    routes: &[RouteId],
) -> Result<Vec<SlowRow>> {
    Ok(send_slowdown::table
        .filter(send_slowdown::tenant_id.eq(ask.tenant))
        .filter(send_slowdown::sender_domain.eq(ask.sender_domain))
        .filter(send_slowdown::site.eq_any(sites))
        .filter(send_slowdown::route_id.eq_any(routes))
        .order(send_slowdown::id)
        .select((
            send_slowdown::id,
            send_slowdown::site,
            send_slowdown::route_id,
            send_slowdown::per_minute,
            send_slowdown::meaning,
            send_slowdown::eased_at,
            send_slowdown::used_until,
            send_slowdown::held_until,
        ))
        .for_update()
        .load(tx)
        .await?)
}

#[expect(clippy::disallowed_methods, reason = "a function of the server")]
pub(super) async fn moment(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<Moment> {
    Ok(
        diesel::sql_query("SELECT clock_timestamp() AS asked, time_zone FROM tenant WHERE id = $1")
            .bind::<SqlUuid, _>(tenant)
            .get_result(tx)
            .await?,
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE from unnest; every value is bound"
)]
pub(super) async fn keep_limits(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    today: NaiveDate,
    entries: &[Entry],
) -> Result<()> {
    let limits: Vec<(SendLimitId, &Bucket, Option<i32>)> = entries
        .iter()
        .filter_map(|entry| match entry.key {
            Key::Limit(id, micros) => Some((id, &entry.bucket, micros)),
            Key::Slowdown(..) => None,
        })
        .collect();
    if limits.is_empty() {
        return Ok(());
    }
    let ids: Vec<SendLimitId> = limits.iter().map(|(id, ..)| *id).collect();
    let used: Vec<DateTime<Utc>> = limits.iter().map(|(_, b, _)| b.used_until).collect();
    let held: Vec<DateTime<Utc>> = limits.iter().map(|(_, b, _)| b.held_until).collect();
    let of_day: Vec<i32> = limits
        .iter()
        .map(|(_, b, _)| {
            b.day
                .map_or(0, |day| i32::try_from(day.used).unwrap_or(i32::MAX))
        })
        .collect();
    let micros: Vec<Option<i32>> = limits.iter().map(|(.., micros)| *micros).collect();
    diesel::sql_query(
        "UPDATE send_limit l SET used_until = n.used, held_until = n.held, day = $5, day_used = n.of_day, session_micros = n.micros
         FROM unnest($2, $3, $4, $6, $7) AS n (id, used, held, of_day, micros) WHERE l.tenant_id = $1 AND l.id = n.id",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Timestamptz>, _>(used)
    .bind::<Array<Timestamptz>, _>(held)
    .bind::<Date, _>(today)
    .bind::<Array<Integer>, _>(of_day)
    .bind::<Array<Nullable<Integer>>, _>(micros)
    .execute(tx)
    .await?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE from unnest; every value is bound"
)]
pub(super) async fn keep_slowdowns(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    entries: &[Entry],
) -> Result<()> {
    let slow: Vec<(SendSlowdownId, DateTime<Utc>, &Bucket)> = entries
        .iter()
        .filter_map(|entry| match entry.key {
            Key::Slowdown(id, eased_at) => Some((id, eased_at, &entry.bucket)),
            Key::Limit(..) => None,
        })
        .collect();
    if slow.is_empty() {
        return Ok(());
    }
    let ids: Vec<SendSlowdownId> = slow.iter().map(|(id, ..)| *id).collect();
    let eased: Vec<DateTime<Utc>> = slow.iter().map(|(_, eased_at, _)| *eased_at).collect();
    let paces: Vec<i32> = slow
        .iter()
        .map(|(.., bucket)| match bucket.pace {
            Pace::PerMinute(n) => i32::try_from(n).unwrap_or(i32::MAX),
            Pace::Suspended | Pace::Free => 1,
        })
        .collect();
    let used: Vec<DateTime<Utc>> = slow.iter().map(|(.., bucket)| bucket.used_until).collect();
    let held: Vec<DateTime<Utc>> = slow.iter().map(|(.., bucket)| bucket.held_until).collect();
    diesel::sql_query(
        "UPDATE send_slowdown s SET per_minute = n.pace, eased_at = n.eased, used_until = n.used, held_until = n.held
         FROM unnest($2, $3, $4, $5, $6) AS n (id, pace, eased, used, held) WHERE s.tenant_id = $1 AND s.id = n.id",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Integer>, _>(paces)
    .bind::<Array<Timestamptz>, _>(eased)
    .bind::<Array<Timestamptz>, _>(used)
    .bind::<Array<Timestamptz>, _>(held)
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets slow-downs that are over.
pub(super) async fn forget(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    over: &[SendSlowdownId],
) -> Result<()> {
    if !over.is_empty() {
        diesel::delete(send_slowdown::table)
            .filter(send_slowdown::tenant_id.eq(tenant))
            .filter(send_slowdown::id.eq_any(over))
            .execute(tx)
            .await?;
    }
    Ok(())
}
