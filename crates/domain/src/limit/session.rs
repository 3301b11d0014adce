//! Limits of sessions: how many SMTP sessions are open at a time for the mails
//! of a limit, over all mailers together.
//!
//! 1. A mailer that opens a session asks for it ([`ask`]), not for each mail:
//!    a row for each limit that the session counts for, leased to the mailer.
//! 2. Who gets none says that it waits. A session that ends is the longest
//!    waiter's before anybody else's, for as long as he goes on asking.
//! 3. A mailer renews all its sessions by one statement ([`renew`]) and hears
//!    which of its pools have more than their share while another waits; those
//!    end sessions.
//! 4. What ends is given back ([`give_back`]); of a mailer that was killed the
//!    sessions come back when their lease ends, or when its journal is found.
//!
//! Time is the database's: mailers' clocks may differ, or jump.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Interval, Uuid as SqlUuid};
use diesel::{QueryableByName, dsl::now};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::db::Db;
use crate::error::Result;
use crate::ids::{SendLimitId, SendSessionId, TenantId, WorkerId};
use crate::schema::{send_limit, send_session};

/// How long a session counts unless renewed.
pub const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How long one who waits keeps its turn without asking again.
const WISH: TimeDelta = TimeDelta::seconds(10);

/// A pool of sessions of one mailer, under the same limits.
#[derive(Debug, Clone)]
pub struct Holder {
    pub tenant: TenantId,
    pub id: SendSessionId,
    pub worker: WorkerId,
    /// In order.
    pub limits: Vec<SendLimitId>,
}

/// A row of `send_session`, as far as a decision needs it.
#[derive(Debug, Clone, Queryable)]
struct Place {
    limit: SendLimitId,
    holder: SendSessionId,
    waits_since: Option<DateTime<Utc>>,
}

/// Asks for one more session; `None`: there is none now, and who asked waits.
///
/// # Errors
/// When the database does.
pub async fn ask(db: &Db, holder: &Holder) -> Result<Option<SendSessionId>> {
    db.tenant(holder.tenant, async |tx| {
        let most = lock(tx, holder).await?;
        let places = places(tx, holder).await?;
        if has_room(&places, &most, holder.id) {
            let id = SendSessionId::new();
            take(tx, holder, &most, id).await?;
            return Ok(Some(id));
        }
        wait(tx, holder, &most).await?;
        Ok(None)
    })
    .await
}

/// The limits that there still are, in the order of admission, with their most.
async fn lock(tx: &mut AsyncPgConnection, holder: &Holder) -> Result<Vec<(SendLimitId, i32)>> {
    let rows: Vec<(SendLimitId, Option<i32>)> = send_limit::table
        .filter(send_limit::tenant_id.eq(holder.tenant))
        .filter(send_limit::id.eq_any(&holder.limits))
        .filter(send_limit::max_sessions.is_not_null())
        .order(send_limit::id)
        .select((send_limit::id, send_limit::max_sessions))
        .for_no_key_update()
        .load(tx)
        .await?;
    Ok(rows
        .into_iter()
        .filter_map(|(id, most)| Some((id, most?)))
        .collect())
}

/// Who has or wants a session, without those whose time is over. In a statement
/// after the lock, so that it sees what whoever held the lock has done.
#[expect(
    clippy::disallowed_methods,
    reason = "a function of the server; every value is bound"
)]
async fn places(tx: &mut AsyncPgConnection, holder: &Holder) -> Result<Vec<Place>> {
    diesel::sql_query(
        "DELETE FROM send_session WHERE tenant_id = $1 AND limit_id = ANY ($2) AND leased_until <= clock_timestamp()",
    )
    .bind::<SqlUuid, _>(holder.tenant)
    .bind::<Array<SqlUuid>, _>(&holder.limits)
    .execute(tx)
    .await?;
    Ok(send_session::table
        .filter(send_session::tenant_id.eq(holder.tenant))
        .filter(send_session::limit_id.eq_any(&holder.limits))
        .select((
            send_session::limit_id,
            send_session::holder,
            send_session::waits_since,
        ))
        .load(tx)
        .await?)
}

/// Whether each limit has a session left that nobody waits for longer. Pure.
fn has_room(places: &[Place], most: &[(SendLimitId, i32)], asks: SendSessionId) -> bool {
    most.iter().all(|(limit, most)| {
        let own = places.iter().filter(|place| place.limit == *limit);
        let mine = own
            .clone()
            .find(|place| place.holder == asks && place.waits_since.is_some())
            .and_then(|place| place.waits_since);
        let is_before = |place: &&Place| match (place.waits_since, mine) {
            (None, _) => true,
            (Some(since), Some(mine)) => place.holder != asks && since < mine,
            (Some(_), None) => place.holder != asks,
        };
        own.filter(is_before).count() < usize::try_from(*most).unwrap_or(0)
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "INSERT from unnest; every value is bound"
)]
async fn take(
    tx: &mut AsyncPgConnection,
    holder: &Holder,
    most: &[(SendLimitId, i32)],
    id: SendSessionId,
) -> Result<()> {
    diesel::delete(send_session::table)
        .filter(send_session::tenant_id.eq(holder.tenant))
        .filter(send_session::limit_id.eq_any(&holder.limits))
        .filter(send_session::id.eq(holder.id))
        .execute(tx)
        .await?;
    let limits: Vec<SendLimitId> = most.iter().map(|(limit, _)| *limit).collect();
    diesel::sql_query(
        "INSERT INTO send_session (tenant_id, limit_id, id, holder, worker, leased_until)
         SELECT $1, l, $3, $4, $5, clock_timestamp() + $6 FROM unnest($2) AS l",
    )
    .bind::<SqlUuid, _>(holder.tenant)
    .bind::<Array<SqlUuid>, _>(limits)
    .bind::<SqlUuid, _>(id)
    .bind::<SqlUuid, _>(holder.id)
    .bind::<SqlUuid, _>(holder.worker)
    .bind::<Interval, _>(LEASE)
    .execute(tx)
    .await?;
    Ok(())
}

/// Says that the holder waits, since when it first said so.
#[expect(
    clippy::disallowed_methods,
    reason = "an upsert from unnest; every value is bound"
)]
async fn wait(
    tx: &mut AsyncPgConnection,
    holder: &Holder,
    most: &[(SendLimitId, i32)],
) -> Result<()> {
    let limits: Vec<SendLimitId> = most.iter().map(|(limit, _)| *limit).collect();
    diesel::sql_query(
        "INSERT INTO send_session AS s (tenant_id, limit_id, id, holder, worker, leased_until, waits_since)
         SELECT $1, l, $3, $3, $4, clock_timestamp() + $5, clock_timestamp() FROM unnest($2) AS l
         ON CONFLICT (tenant_id, limit_id, id) DO UPDATE SET leased_until = excluded.leased_until",
    )
    .bind::<SqlUuid, _>(holder.tenant)
    .bind::<Array<SqlUuid>, _>(limits)
    .bind::<SqlUuid, _>(holder.id)
    .bind::<SqlUuid, _>(holder.worker)
    .bind::<Interval, _>(WISH)
    .execute(tx)
    .await?;
    Ok(())
}

/// What a renewal found.
#[derive(Debug, Default)]
pub struct Renewed {
    /// Sessions that still count; any other is not the mailer's any more.
    pub held: Vec<SendSessionId>,
    /// How many sessions each pool is to end for others that wait.
    pub yields: HashMap<SendSessionId, usize>,
}

#[derive(QueryableByName)]
struct Own {
    #[diesel(sql_type = SqlUuid)]
    id: SendSessionId,
    #[diesel(sql_type = SqlUuid)]
    holder: SendSessionId,
}

#[derive(QueryableByName)]
struct Share {
    #[diesel(sql_type = SqlUuid)]
    limit_id: SendLimitId,
    #[diesel(sql_type = SqlUuid)]
    holder: SendSessionId,
    #[diesel(sql_type = BigInt)]
    has: i64,
    #[diesel(sql_type = Bool)]
    waits: bool,
}

/// Puts off the end of all leases of a mailer, over all tenants.
///
/// # Errors
/// When the database does.
#[expect(
    clippy::disallowed_methods,
    reason = "functions of the server and a filtered count; every value is bound"
)]
pub async fn renew(db: &Db, worker: WorkerId) -> Result<Renewed> {
    db.system(async |tx| {
        let own: Vec<Own> = diesel::sql_query(
            "UPDATE send_session SET leased_until = clock_timestamp() + $2
             WHERE worker = $1 AND waits_since IS NULL AND leased_until > clock_timestamp() RETURNING id, holder",
        )
        .bind::<SqlUuid, _>(worker)
        .bind::<Interval, _>(LEASE)
        .load(tx)
        .await?;
        let shares: Vec<Share> = diesel::sql_query(
            "SELECT s.limit_id, s.holder, count(*) FILTER (WHERE s.waits_since IS NULL) AS has,
                    bool_or(s.waits_since IS NOT NULL) AS waits
             FROM send_session s
             WHERE (s.tenant_id, s.limit_id) IN (SELECT o.tenant_id, o.limit_id FROM send_session o WHERE o.worker = $1)
               AND s.leased_until > clock_timestamp()
             GROUP BY s.limit_id, s.holder",
        )
        .bind::<SqlUuid, _>(worker)
        .load(tx)
        .await?;
        let mut mine: Vec<SendSessionId> = own.iter().map(|own| own.holder).collect();
        mine.sort_unstable();
        mine.dedup();
        Ok(Renewed {
            held: own.into_iter().map(|own| own.id).collect(),
            yields: yields(&shares, &mine),
        })
    })
    .await
}

/// How many sessions each of `mine` is to end: half of what it has more than the
/// poorest that waits, and one at least when that has none at all. Pure.
fn yields(shares: &[Share], mine: &[SendSessionId]) -> HashMap<SendSessionId, usize> {
    let mut yields: HashMap<SendSessionId, usize> = HashMap::new();
    for share in shares.iter().filter(|share| mine.contains(&share.holder)) {
        let poorest = shares
            .iter()
            .filter(|other| other.limit_id == share.limit_id && other.holder != share.holder)
            .filter(|other| other.waits)
            .map(|other| other.has)
            .min();
        let more = match poorest {
            None => 0,
            Some(0) => (share.has / 2).max(i64::from(share.has > 0)),
            Some(poorest) => (share.has - poorest).max(0) / 2,
        };
        if let Some(more) = usize::try_from(more).ok().filter(|more| *more > 0) {
            let yielded = yields.entry(share.holder).or_default();
            *yielded = more.max(*yielded);
        }
    }
    yields
}

/// Gives sessions back that ended.
///
/// # Errors
/// When the database does; then they come back with their lease.
pub async fn give_back(db: &Db, worker: WorkerId, ended: &[SendSessionId]) -> Result<()> {
    db.system(async |tx| {
        diesel::delete(send_session::table)
            .filter(send_session::worker.eq(worker))
            .filter(send_session::id.eq_any(ended))
            .execute(tx)
            .await?;
        Ok(())
    })
    .await
}

/// Gives back all that a mailer had, which has ended.
///
/// # Errors
/// When the database does.
pub async fn forget(db: &Db, worker: WorkerId) -> Result<()> {
    db.system(async |tx| {
        diesel::delete(send_session::table.filter(send_session::worker.eq(worker)))
            .execute(tx)
            .await?;
        Ok(())
    })
    .await
}

/// How many sessions are in use of each limit of a tenant.
pub(super) async fn in_use(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    limits: &[SendLimitId],
) -> Result<HashMap<SendLimitId, i64>> {
    let rows: Vec<(SendLimitId, i64)> = send_session::table
        .filter(send_session::tenant_id.eq(tenant))
        .filter(send_session::limit_id.eq_any(limits))
        .filter(send_session::waits_since.is_null())
        .filter(send_session::leased_until.gt(now))
        .group_by(send_session::limit_id)
        .select((send_session::limit_id, diesel::dsl::count_star()))
        .load(tx)
        .await?;
    Ok(rows.into_iter().collect())
}

#[cfg(test)]
mod tests;
