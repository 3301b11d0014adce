//! Jobs: long work that a person starts, watches and can cancel.
//!
//! A job is enqueued in the transaction of the use case that wants it
//! ([`enqueue`]), as two rows: `job` is the tenant's and holds everything,
//! `job_queue` is what workers look through, over all tenants, and holds ids
//! and times only. A worker leases the queue row ([`worker`]), does the work in
//! chunks, and ends both. Each chunk is one transaction that also writes how
//! far the job came and checks that the lease is still held ([`run`]), so that
//! a worker that was killed, or was too slow and lost its lease, never does
//! a chunk twice: the next one goes on at the last checkpoint.

mod queries;
pub mod run;
pub mod worker;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::actor::{Actor, Permission};
use crate::audit;
use crate::contact::{export, import};
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{JobId, TenantId, UserId};
use crate::page::{Page, PageRequest, time_key};
use crate::schema::job;
use crate::signal::{self, Signal};
use crate::text_enum::text_enum;

pub(crate) use queries::delete_finished_before;

text_enum! {
    /// What is done.
    pub enum Kind {
        /// The dry run of an import of contacts.
        ImportCheck = "contact_import_check",
        Import = "contact_import",
        Export = "contact_export",
        BounceReset = "bounce_reset",
        Erasure = "erasure",
        /// The chain of audit entries is followed.
        AuditVerify = "audit_verify",
    }
}

impl Kind {
    /// What a person needs to start or cancel it.
    #[must_use]
    pub fn permission(self) -> Permission {
        match self {
            Self::ImportCheck | Self::Import | Self::BounceReset => Permission::ContactsWrite,
            Self::Export => Permission::ContactsExport,
            Self::Erasure => Permission::ContactsErase,
            Self::AuditVerify => Permission::AuditRead,
        }
    }

    /// What a person needs to see it and its result.
    fn seen_with(self) -> Permission {
        match self {
            Self::ImportCheck | Self::Import | Self::BounceReset | Self::Export => {
                Permission::ContactsRead
            }
            Self::Erasure => Permission::ContactsErase,
            Self::AuditVerify => Permission::AuditRead,
        }
    }

    /// Those that the actor may see.
    fn seen_by(actor: &Actor) -> Vec<Self> {
        let kinds = Self::ALL.iter().copied();
        kinds
            .filter(|kind| actor.permissions.contains(&kind.seen_with()))
            .collect()
    }
}

text_enum! {
    /// How it stands.
    pub enum State {
        Queued = "queued",
        Running = "running",
        Succeeded = "succeeded",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

impl State {
    /// Nothing more will happen.
    #[must_use]
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// A job.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = job)]
pub struct Job {
    pub id: JobId,
    pub kind: Kind,
    pub state: State,
    pub params: Value,
    /// The import, the export … that it works for.
    pub subject_id: Option<Uuid>,
    pub progress_done: i64,
    /// An estimate until the end is near; `None` while nothing is known.
    pub progress_total: Option<i64>,
    pub checkpoint: Option<Value>,
    pub result: Option<Value>,
    pub error_code: Option<String>,
    pub error_detail: Option<String>,
    pub cancel_requested_at: Option<DateTime<Utc>>,
    pub created_by: Option<UserId>,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// Which jobs.
#[derive(Debug, Clone, Copy, Default)]
pub struct JobFilter {
    pub kind: Option<Kind>,
    pub state: Option<State>,
}

/// Enqueues a job in the caller's transaction; a worker hears of it when that
/// commits.
///
/// # Errors
/// When the database does.
pub(crate) async fn enqueue(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    kind: Kind,
    params: Value,
    subject_id: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<Job> {
    let job = queries::insert(tx, actor, kind, params, subject_id, now).await?;
    let (tenant, id) = (actor.tenant_id, job.id);
    signal::publish(tx, Signal::Job { tenant, id }).await?;
    signal::publish(tx, Signal::JobQueued).await?;
    Ok(job)
}

/// Pages the jobs, newest first.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the page.
pub async fn list(
    db: &Db,
    actor: &Actor,
    filter: JobFilter,
    page: &PageRequest,
) -> Result<Page<Job>> {
    let seen = seen(actor)?;
    let (limit, cursor) = (page.limit()?, page.cursor("-created_at")?);
    let before = cursor
        .map(|c| Ok::<_, DomainError>((c.time()?, JobId(c.id))))
        .transpose()?;
    let rows = db
        .tenant(actor.tenant_id, async |tx| {
            queries::page(tx, actor.tenant_id, &seen, filter, before, limit + 1).await
        })
        .await?;
    Ok(Page::cut(rows, limit, "-created_at", |row: &Job| {
        (time_key(row.created_at), row.id.0)
    }))
}

/// One job.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: JobId) -> Result<Job> {
    let seen = seen(actor)?;
    db.tenant(actor.tenant_id, async |tx| {
        let job = queries::find(tx, actor.tenant_id, id).await?;
        if !seen.contains(&job.kind) {
            actor.require(job.kind.seen_with())?;
        }
        Ok(job)
    })
    .await
}

/// Kinds of jobs that the actor may see; forbidden when there are none.
fn seen(actor: &Actor) -> Result<Vec<Kind>> {
    let seen = Kind::seen_by(actor);
    if seen.is_empty() {
        actor.require(Permission::ContactsRead)?;
    }
    Ok(seen)
}

/// Cancels a job: at once while it waits, after its current chunk when it
/// runs. What it did so far stays done.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Conflict`] when it is over.
pub async fn cancel(db: &Db, actor: &Actor, id: JobId) -> Result<Job> {
    seen(actor)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let job = queries::lock(tx, tenant, id).await?;
        actor.require(job.kind.permission())?;
        match job.state {
            State::Queued => {
                queries::finish(tx, tenant, id, Ended::Cancelled, now).await?;
                settle(tx, tenant, &job, State::Cancelled, now).await?;
            }
            State::Running => queries::request_cancel(tx, tenant, id, now).await?,
            State::Succeeded | State::Failed | State::Cancelled => {
                return Err(DomainError::conflict("job_ended", "this job is over"));
            }
        }
        // Whose cancellation was asked for before is not told again.
        if job.cancel_requested_at.is_none() {
            let entry = audit::Entry {
                action: "job.cancelled",
                subject_kind: "job",
                subject_id: Some(id.0),
                before: Some(json!({ "state": job.state })),
                after: Some(json!({ "kind": job.kind })),
            };
            audit::record(tx, actor, entry).await?;
        }
        signal::publish(tx, Signal::Job { tenant, id }).await?;
        queries::find(tx, tenant, id).await
    })
    .await
}

/// How a job ends.
#[derive(Debug)]
pub(crate) enum Ended {
    Succeeded(Value),
    Failed { code: String, detail: String },
    Cancelled,
}

impl Ended {
    pub(crate) fn state(&self) -> State {
        match self {
            Self::Succeeded(_) => State::Succeeded,
            Self::Failed { .. } => State::Failed,
            Self::Cancelled => State::Cancelled,
        }
    }
}

/// Tells the job's subject how it ended, in the transaction that ends the job.
async fn settle(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    job: &Job,
    state: State,
    now: DateTime<Utc>,
) -> Result<()> {
    match job.kind {
        Kind::ImportCheck | Kind::Import => import::settle(tx, tenant, job, state, now).await,
        Kind::Export => export::settle(tx, tenant, job, state, now).await,
        // They have no row of their own, or write it with their last step.
        Kind::BounceReset | Kind::AuditVerify | Kind::Erasure => Ok(()),
    }
}
