//! The verification that a person starts: a job, since a long trace takes its time.

use serde_json::json;

use super::chain::Walk;
use crate::actor::{Actor, ActorKind, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::job::run::{Outcome, Run, Turn};
use crate::job::{self, Job, Kind};

/// Starts a verification; answers its job, whose result holds the faults.
///
/// # Errors
/// [`DomainError::Forbidden`].
pub(super) async fn start(db: &Db, actor: &Actor) -> Result<Job> {
    actor.require(Permission::AuditRead)?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        job::enqueue(tx, actor, Kind::AuditVerify, json!({}), None, now).await
    })
    .await
}

/// The job.
///
/// # Errors
/// When the database does.
pub(crate) async fn run(run: &Run) -> Result<Outcome> {
    let tenant = run.tenant;
    let mut walk: Option<Walk> = match &run.job.checkpoint {
        Some(json) => Some(serde_json::from_value(json.clone()).map_err(DomainError::internal)?),
        None => None,
    };
    loop {
        match run.turn().await? {
            Turn::GoOn => {}
            Turn::Cancelled => return Ok(Outcome::Cancelled),
            Turn::Ending => return Ok(Outcome::Yielded),
        }
        let so_far = walk.take();
        let (next, is_last) = run
            .db
            .tenant(tenant, async |tx| {
                let mut next = match so_far {
                    Some(walk) => walk,
                    None => Walk::begin(tx, tenant, None).await?,
                };
                let is_last = next.step(tx, tenant).await?;
                run.save(tx, next.done(), Some(next.head.number), Some(json!(next)))
                    .await?;
                if is_last {
                    note(run, tx, &next).await?;
                }
                Ok((next, is_last))
            })
            .await?;
        if is_last {
            return Ok(Outcome::Succeeded(json!({
                "entries": next.head.number,
                "hash": next.head.hash,
                "erased": next.erased,
                "faults": next.faults,
                "more_faults": next.more_faults,
            })));
        }
        walk = Some(next);
    }
}

async fn note(run: &Run, tx: &mut diesel_async::AsyncPgConnection, walk: &Walk) -> Result<()> {
    let actor = Actor {
        user_id: run.job.created_by,
        kind: ActorKind::User,
        ..Actor::system(run.tenant)
    };
    let entry = audit::Entry {
        action: "audit.verified",
        subject_kind: "audit",
        after: Some(json!({
            "entries": walk.head.number,
            "erased": walk.erased,
            "faults": walk.faults.len() + walk.more_faults,
        })),
        ..audit::Entry::default()
    };
    audit::record(tx, &actor, entry).await
}
