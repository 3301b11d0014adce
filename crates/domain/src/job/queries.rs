//! SQL of jobs and their queue.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::{Ended, Job, JobFilter, Kind, State};
use crate::actor::Actor;
use crate::error::{DomainError, Result};
use crate::ids::{JobId, TenantId, WorkerId};
use crate::schema::{job, job_queue};

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    kind: Kind,
    params: Value,
    subject_id: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<Job> {
    let row = diesel::insert_into(job::table)
        .values((
            job::tenant_id.eq(actor.tenant_id),
            job::id.eq(JobId::new()),
            job::kind.eq(kind),
            job::params.eq(params),
            job::subject_id.eq(subject_id),
            job::created_by.eq(actor.user_id),
            job::created_at.eq(now),
        ))
        .returning(Job::as_returning())
        .get_result(tx)
        .await?;
    diesel::insert_into(job_queue::table)
        .values((
            job_queue::tenant_id.eq(actor.tenant_id),
            job_queue::job_id.eq(row.id),
            job_queue::kind.eq(kind),
            job_queue::run_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(row)
}

pub(super) async fn page(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    seen: &[Kind],
    filter: JobFilter,
    before: Option<(DateTime<Utc>, JobId)>,
    limit: i64,
) -> Result<Vec<Job>> {
    let mut query = job::table
        .filter(job::tenant_id.eq(tenant).and(job::kind.eq_any(seen)))
        .order((job::created_at.desc(), job::id.desc()))
        .select(Job::as_select())
        .limit(limit)
        .into_boxed();
    if let Some(kind) = filter.kind {
        query = query.filter(job::kind.eq(kind));
    }
    if let Some(state) = filter.state {
        query = query.filter(job::state.eq(state));
    }
    if let Some((at, id)) = before {
        query = query.filter(
            job::created_at
                .lt(at)
                .or(job::created_at.eq(at).and(job::id.lt(id))),
        );
    }
    Ok(query.load(tx).await?)
}

pub(super) async fn find(tx: &mut AsyncPgConnection, tenant: TenantId, id: JobId) -> Result<Job> {
    job::table
        .find((tenant, id))
        .select(Job::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("job"))
}

/// As [`find`], and nobody else changes it until the transaction ends.
pub(super) async fn lock(tx: &mut AsyncPgConnection, tenant: TenantId, id: JobId) -> Result<Job> {
    job::table
        .find((tenant, id))
        .select(Job::as_select())
        .for_update()
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("job"))
}

pub(super) async fn request_cancel(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: JobId,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(job::table.find((tenant, id)))
        .set(job::cancel_requested_at.eq(now))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn start(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: JobId,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(
        job::table
            .find((tenant, id))
            .filter(job::state.eq(State::Queued)),
    )
    .set((job::state.eq(State::Running), job::started_at.eq(now)))
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn progress(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: JobId,
    done: i64,
    total: Option<i64>,
    checkpoint: Option<Value>,
) -> Result<()> {
    diesel::update(job::table.find((tenant, id)))
        .set((
            job::progress_done.eq(done),
            job::progress_total.eq(total),
            job::checkpoint.eq(checkpoint),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// Ends the job, and takes it out of the queue.
pub(super) async fn finish(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: JobId,
    ended: Ended,
    now: DateTime<Utc>,
) -> Result<()> {
    let state = ended.state();
    let (result, code, detail) = match ended {
        Ended::Succeeded(result) => (Some(result), None, None),
        Ended::Failed { code, detail } => (None, Some(code), Some(detail)),
        Ended::Cancelled => (None, None, None),
    };
    diesel::update(job::table.find((tenant, id)))
        .set((
            job::state.eq(state),
            job::result.eq(result),
            job::error_code.eq(code),
            job::error_detail.eq(detail),
            job::checkpoint.eq(None::<Value>),
            job::finished_at.eq(now),
        ))
        .execute(tx)
        .await?;
    diesel::delete(job_queue::table.find((tenant, id)))
        .execute(tx)
        .await?;
    Ok(())
}

/// A job that a worker got.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub(super) struct Leased {
    #[diesel(sql_type = SqlUuid)]
    pub(super) tenant_id: TenantId,
    #[diesel(sql_type = SqlUuid)]
    pub(super) job_id: JobId,
    #[diesel(sql_type = Integer)]
    pub(super) attempts: i32,
}

/// Leases the next job: of the tenant with the fewest running ones, so that
/// nobody's ten imports hold up another's export; among those the oldest.
#[expect(clippy::disallowed_methods, reason = "UPDATE from a locked sub-select")]
pub(super) async fn lease(
    tx: &mut AsyncPgConnection,
    worker: WorkerId,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Option<Leased>> {
    let rows: Vec<Leased> = diesel::sql_query(
        "UPDATE job_queue AS taken SET leased_until = $2, lease_owner = $3, attempts = taken.attempts + 1
         FROM (SELECT q.tenant_id, q.job_id FROM job_queue q
               WHERE q.run_at <= $1 AND (q.leased_until IS NULL OR q.leased_until <= $1)
               ORDER BY (SELECT count(*) FROM job_queue r WHERE r.tenant_id = q.tenant_id AND r.leased_until > $1),
                        q.run_at, q.job_id
               LIMIT 1 FOR UPDATE OF q SKIP LOCKED) AS next
         WHERE taken.tenant_id = next.tenant_id AND taken.job_id = next.job_id
         RETURNING taken.tenant_id, taken.job_id, taken.attempts",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<Timestamptz, _>(until)
    .bind::<SqlUuid, _>(worker)
    .load(tx)
    .await?;
    Ok(rows.into_iter().next())
}

/// Renews a lease; false when it is no longer this worker's. A job that got
/// on has its attempts back.
pub(super) async fn renew(
    tx: &mut AsyncPgConnection,
    worker: WorkerId,
    tenant: TenantId,
    id: JobId,
    until: DateTime<Utc>,
    got_on: bool,
) -> Result<bool> {
    let own = job_queue::table
        .find((tenant, id))
        .filter(job_queue::lease_owner.eq(worker));
    let renewed = if got_on {
        diesel::update(own)
            .set((job_queue::leased_until.eq(until), job_queue::attempts.eq(1)))
            .execute(tx)
            .await?
    } else {
        diesel::update(own)
            .set(job_queue::leased_until.eq(until))
            .execute(tx)
            .await?
    };
    Ok(renewed == 1)
}

/// Gives a job back, to be leased again after `wait`.
pub(super) async fn give_back(
    tx: &mut AsyncPgConnection,
    worker: WorkerId,
    tenant: TenantId,
    id: JobId,
    attempts: i32,
    run_at: DateTime<Utc>,
) -> Result<()> {
    diesel::update(
        job_queue::table
            .find((tenant, id))
            .filter(job_queue::lease_owner.eq(worker)),
    )
    .set((
        job_queue::leased_until.eq(None::<DateTime<Utc>>),
        job_queue::lease_owner.eq(None::<WorkerId>),
        job_queue::attempts.eq(attempts),
        job_queue::run_at.eq(run_at),
    ))
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes a row out of the queue whose job is over or gone.
pub(super) async fn drop_from_queue(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: JobId,
) -> Result<()> {
    diesel::delete(job_queue::table.find((tenant, id)))
        .execute(tx)
        .await?;
    Ok(())
}

/// Forgets jobs that ended long ago; answers how many.
pub(crate) async fn delete_finished_before(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    before: DateTime<Utc>,
) -> Result<usize> {
    Ok(diesel::delete(job::table)
        .filter(job::tenant_id.eq(tenant).and(job::finished_at.lt(before)))
        .execute(tx)
        .await?)
}

/// How long a worker may take for one chunk; after a kill it is how long the
/// job waits for the next worker.
pub(super) const LEASE: TimeDelta = TimeDelta::seconds(30);
