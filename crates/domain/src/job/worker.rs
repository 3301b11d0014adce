//! The worker: leases a job, runs its handler, ends it.
//!
//! `kikubari serve` runs some of these side by side, each calling
//! [`Worker::run_once`] when it is woken by a signal and every few seconds.
//! Any number of processes share the queue. A job that fails because a part
//! does not answer, or because somebody else is at the same rows, is tried again
//! with growing pauses; one that meets a fault of ours (or kills its worker) is
//! given up after [`ATTEMPTS`] tries without progress, so that it can't occupy
//! the workers for ever.

use chrono::TimeDelta;
use tokio::sync::watch;

use super::queries::{self, LEASE, Leased};
use super::run::{LEASE_LOST, Outcome, Run};
use super::{Ended, Job, Kind, settle};
use crate::audit;
use crate::contact::{bounce_reset, export, import};
use crate::db::Db;
use crate::erasure;
use crate::error::{DomainError, Result};
use crate::ids::WorkerId;
use crate::signal::{self, Signal};

/// Tries without progress.
pub const ATTEMPTS: i32 = 5;

/// One pair of hands.
pub struct Worker {
    db: Db,
    id: WorkerId,
    ending: watch::Receiver<bool>,
}

impl Worker {
    /// `ending` turns true when the process is to end: the job in hand is
    /// given back after its current chunk.
    #[must_use]
    pub fn new(db: Db, ending: watch::Receiver<bool>) -> Self {
        Self {
            db,
            id: WorkerId::new(),
            ending,
        }
    }

    /// Does one job, if one is due; answers whether there was one.
    ///
    /// # Errors
    /// When the database does; what goes wrong inside a job is the job's error.
    pub async fn run_once(&self) -> Result<bool> {
        let now = self.db.now();
        let worker = self.id;
        let leased = self
            .db
            .system(async |tx| queries::lease(tx, worker, now, now + LEASE).await)
            .await?;
        let Some(leased) = leased else {
            return Ok(false);
        };
        let Some(job) = self.start(leased).await? else {
            return Ok(true);
        };
        tracing::info!(name: "job.started", tenant = %leased.tenant_id, job = %job.id, kind = job.kind.as_str(), attempt = leased.attempts, "job started");
        let run = Run {
            db: self.db.clone(),
            tenant: leased.tenant_id,
            job,
            worker,
            ending: self.ending.clone(),
        };
        let outcome = if leased.attempts > ATTEMPTS {
            Err(DomainError::internal("given up after too many tries"))
        } else {
            handle(&run).await
        };
        self.end(&run, leased, outcome).await?;
        Ok(true)
    }

    /// Marks a leased job as running; `None` when it is over or gone already.
    async fn start(&self, leased: Leased) -> Result<Option<Job>> {
        let (tenant, id, now) = (leased.tenant_id, leased.job_id, self.db.now());
        self.db
            .tenant(tenant, async |tx| {
                match queries::lock(tx, tenant, id).await {
                    Ok(job) if job.state.is_over() => {}
                    Ok(_) => {
                        queries::start(tx, tenant, id, now).await?;
                        signal::publish(tx, Signal::Job { tenant, id }).await?;
                        return queries::find(tx, tenant, id).await.map(Some);
                    }
                    Err(DomainError::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
                queries::drop_from_queue(tx, tenant, id).await?;
                Ok(None)
            })
            .await
    }

    async fn end(&self, run: &Run, leased: Leased, outcome: Result<Outcome>) -> Result<()> {
        let (tenant, job) = (run.tenant, run.job.id);
        let ended = match outcome {
            Ok(outcome) => match outcome.ended() {
                Ok(ended) => ended,
                Err(pause) => return self.give_back(run, 0, pause).await,
            },
            Err(DomainError::Conflict {
                code: LEASE_LOST, ..
            }) => {
                tracing::warn!(name: "job.lease_lost", %tenant, %job, "another worker has this job now");
                return Ok(());
            }
            Err(error) => {
                tracing::warn!(name: "job.failed", %tenant, %job, attempt = leased.attempts, ?error, "job failed");
                let is_ours = matches!(error, DomainError::Internal { .. });
                if error.is_passing() || (is_ours && leased.attempts < ATTEMPTS) {
                    // What passes uses up no last try, however long it takes.
                    let attempts = leased.attempts.min(ATTEMPTS - 1);
                    let pause = TimeDelta::seconds(5 << attempts.clamp(0, 5));
                    return self.give_back(run, attempts, pause).await;
                }
                failure(error)
            }
        };
        self.finish(run, ended).await
    }

    async fn give_back(&self, run: &Run, attempts: i32, pause: TimeDelta) -> Result<()> {
        let (worker, tenant, id) = (self.id, run.tenant, run.job.id);
        let run_at = self.db.now() + pause;
        self.db
            .system(async |tx| {
                queries::give_back(tx, worker, tenant, id, attempts, run_at).await?;
                signal::publish(tx, Signal::JobQueued).await
            })
            .await
    }

    async fn finish(&self, run: &Run, ended: Ended) -> Result<()> {
        let (worker, tenant, id) = (self.id, run.tenant, run.job.id);
        let (now, state) = (self.db.now(), ended.state());
        self.db
            .tenant(tenant, async |tx| {
                let job = queries::lock(tx, tenant, id).await?;
                if !queries::renew(tx, worker, tenant, id, now, false).await? {
                    return Ok(());
                }
                queries::finish(tx, tenant, id, ended, now).await?;
                settle(tx, tenant, &job, state, now).await?;
                signal::publish(tx, Signal::Job { tenant, id }).await
            })
            .await?;
        tracing::info!(name: "job.ended", %tenant, job = %id, state = state.as_str(), "job ended");
        Ok(())
    }
}

async fn handle(run: &Run) -> Result<Outcome> {
    match run.job.kind {
        Kind::ImportCheck => import::apply::check(run).await,
        Kind::Import => import::apply::run(run).await,
        Kind::Export => export::write(run).await,
        Kind::BounceReset => bounce_reset::run(run).await,
        Kind::Erasure => erasure::run(run).await,
        Kind::AuditVerify => audit::verify::run(run).await,
    }
}

/// What the person is told; the internal context is in the log only.
fn failure(error: DomainError) -> Ended {
    let code = error.code().to_owned();
    let detail = match error {
        DomainError::Invalid(fields) => fields
            .into_iter()
            .map(|field| format!("{}: {}", field.pointer, field.detail))
            .collect::<Vec<_>>()
            .join("; "),
        other => other.to_string(),
    };
    Ended::Failed { code, detail }
}
