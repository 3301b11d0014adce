//! A job in a worker's hands: what its handler may ask and must tell.

use chrono::TimeDelta;
use diesel_async::AsyncPgConnection;
use serde_json::Value;
use tokio::sync::watch;

use super::{Ended, Job, queries};
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{TenantId, WorkerId};
use crate::signal::{self, Signal};

/// Code of the error when another worker took the job over.
pub(super) const LEASE_LOST: &str = "lease_lost";

/// A leased job. Handlers call [`Run::turn`] before each chunk and
/// [`Run::save`] in the chunk's transaction.
#[derive(Clone)]
pub struct Run {
    pub db: Db,
    pub tenant: TenantId,
    pub job: Job,
    pub(super) worker: WorkerId,
    pub(super) ending: watch::Receiver<bool>,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    GoOn,
    /// Somebody asked for the end: stop here, with [`Outcome::Cancelled`].
    Cancelled,
    /// The worker ends: stop here, with [`Outcome::Yielded`].
    Ending,
}

/// How a handler comes back.
#[derive(Debug)]
pub enum Outcome {
    /// Done, with what the job answers.
    Succeeded(Value),
    Cancelled,
    /// Not done; another worker goes on at the checkpoint.
    Yielded,
    /// Not done, and nothing to do for so long.
    Later(TimeDelta),
}

impl Outcome {
    /// How it ended, or after what pause it goes on.
    pub(super) fn ended(self) -> Result<Ended, TimeDelta> {
        match self {
            Self::Succeeded(result) => Ok(Ended::Succeeded(result)),
            Self::Cancelled => Ok(Ended::Cancelled),
            Self::Yielded => Err(TimeDelta::zero()),
            Self::Later(pause) => Err(pause),
        }
    }
}

impl Run {
    /// Renews the lease, and says whether to go on.
    ///
    /// # Errors
    /// [`DomainError::Conflict`] when another worker has the job now.
    pub async fn turn(&self) -> Result<Turn> {
        if *self.ending.borrow() {
            return Ok(Turn::Ending);
        }
        let (tenant, id, until) = (self.tenant, self.job.id, self.db.now() + queries::LEASE);
        let worker = self.worker;
        let job = self
            .db
            .tenant(tenant, async |tx| {
                if !queries::renew(tx, worker, tenant, id, until, false).await? {
                    return Err(lost());
                }
                queries::find(tx, tenant, id).await
            })
            .await?;
        Ok(if job.cancel_requested_at.is_some() {
            Turn::Cancelled
        } else {
            Turn::GoOn
        })
    }

    /// Writes how far the job came, in the transaction of the chunk that
    /// brought it there, and tells whoever watches. The chunk is rolled back
    /// with this error when another worker has the job now.
    ///
    /// # Errors
    /// [`DomainError::Conflict`] then, or when the database does.
    pub async fn save(
        &self,
        tx: &mut AsyncPgConnection,
        done: i64,
        total: Option<i64>,
        checkpoint: Option<Value>,
    ) -> Result<()> {
        let (tenant, id) = (self.tenant, self.job.id);
        let until = self.db.now() + queries::LEASE;
        if !queries::renew(tx, self.worker, tenant, id, until, true).await? {
            return Err(lost());
        }
        queries::progress(tx, tenant, id, done, total, checkpoint).await?;
        signal::publish(tx, Signal::Job { tenant, id }).await
    }
}

fn lost() -> DomainError {
    DomainError::conflict(LEASE_LOST, "another worker took this job over")
}
