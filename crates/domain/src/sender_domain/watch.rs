//! Records are looked up again about once a day, by a mailer: somebody takes one
//! away, moves the zone, or lets the domain go, and nobody looks at the page.
//! `sender_domain_queue` says when; docs/decisions/0054.

use std::net::SocketAddr;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::join_all;

use super::check::NO_ANSWER;
use crate::actor::Actor;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{SenderDomainId, TenantId};
use crate::schema::{sender_domain_queue, tenant};
use crate::secret;

/// Domains of a turn, looked up at the same time.
const BATCH: i64 = 5;
/// From one look to the next, at least, and what chance adds, so that what came
/// up together (an import, an end of a rest) does not stay together.
const DAY: TimeDelta = TimeDelta::hours(23);
const SPREAD: TimeDelta = TimeDelta::hours(2);
/// After name servers that gave no answer.
const AGAIN: TimeDelta = TimeDelta::hours(1);

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = SqlUuid)]
    tenant_id: TenantId,
    #[diesel(sql_type = SqlUuid)]
    sender_domain_id: SenderDomainId,
}

/// A new domain is looked up again from tomorrow on.
pub(super) async fn begin(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SenderDomainId,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::insert_into(sender_domain_queue::table)
        .values((
            sender_domain_queue::tenant_id.eq(tenant),
            sender_domain_queue::sender_domain_id.eq(id),
            sender_domain_queue::due_at.eq(next(now)),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// It was looked up just now, by whomever.
pub(super) async fn looked(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SenderDomainId,
    now: DateTime<Utc>,
) -> Result<()> {
    put_off(tx, tenant, id, next(now)).await
}

fn next(now: DateTime<Utc>) -> DateTime<Utc> {
    let chance = u16::from_be_bytes(secret::random());
    now + DAY + SPREAD * i32::from(chance) / i32::from(u16::MAX)
}

async fn put_off(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SenderDomainId,
    due: DateTime<Utc>,
) -> Result<()> {
    diesel::update(sender_domain_queue::table.find((tenant, id)))
        .set((
            sender_domain_queue::due_at.eq(due),
            sender_domain_queue::leased_until.eq(None::<DateTime<Utc>>),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// Looks up what is due, up to a batch; answers whether there may be more.
/// `server` and `bounce_domain` as for [`super::check()`]. For the mailer.
///
/// # Errors
/// The first of the database's; the other domains of the turn were looked up all
/// the same, and what was not comes again when its lease is over.
pub async fn run_once(
    db: &Db,
    server: Option<SocketAddr>,
    bounce_domain: Option<&str>,
) -> Result<bool> {
    let now = db.now();
    let taken = db.system(async |tx| lease(tx, now).await).await?;
    let is_full = i64::try_from(taken.len()).is_ok_and(|n| n == BATCH);
    let looks = taken.into_iter().map(|row| {
        look(
            db,
            row.tenant_id,
            row.sender_domain_id,
            server,
            bounce_domain,
        )
    });
    for looked in join_all(looks).await {
        looked?;
    }
    Ok(is_full)
}

/// Leases what is due, for longer than all name servers together may take. What
/// is due later than any look puts it off was put off by a clock that was wrong.
#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE … RETURNING of rows locked with SKIP LOCKED, by the database's clock"
)]
async fn lease(tx: &mut AsyncPgConnection, now: DateTime<Utc>) -> Result<Vec<Taken>> {
    Ok(diesel::sql_query(
        "UPDATE sender_domain_queue q SET leased_until = clock_timestamp() + interval '2 minutes'
         FROM (SELECT tenant_id, sender_domain_id FROM sender_domain_queue
               WHERE (due_at <= $1 OR due_at > $2) AND (leased_until IS NULL OR leased_until <= clock_timestamp())
               ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED) n
         WHERE q.tenant_id = n.tenant_id AND q.sender_domain_id = n.sender_domain_id
         RETURNING q.tenant_id, q.sender_domain_id",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<Timestamptz, _>(now + DAY + SPREAD)
    .bind::<BigInt, _>(BATCH)
    .load(tx)
    .await?)
}

/// As a person's check. Of a tenant that is suspended nothing goes out.
async fn look(
    db: &Db,
    tenant: TenantId,
    id: SenderDomainId,
    server: Option<SocketAddr>,
    bounce_domain: Option<&str>,
) -> Result<()> {
    let until = if is_active(db, tenant).await? {
        let actor = Actor::system(tenant);
        match super::check(db, &actor, id, server, bounce_domain).await {
            // Deleted meanwhile, and its row with it.
            Ok(_) | Err(DomainError::NotFound { .. }) => return Ok(()),
            Err(DomainError::Conflict { code, .. }) if code == NO_ANSWER => db.now() + AGAIN,
            Err(error) => return Err(error),
        }
    } else {
        next(db.now())
    };
    db.tenant(tenant, async |tx| put_off(tx, tenant, id, until).await)
        .await
}

async fn is_active(db: &Db, tenant: TenantId) -> Result<bool> {
    let state: Option<String> = db
        .tenant(tenant, async |tx| {
            Ok(tenant::table
                .find(tenant)
                .select(tenant::state)
                .first(tx)
                .await
                .optional()?)
        })
        .await?;
    Ok(state.is_some_and(|state| state == "active"))
}
