//! Gives contacts that bounces stopped another chance, and counts soft bounces
//! anew: those that are named, or all. A job, since it may be all.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::ContactStatus;
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::ids::{ContactId, TenantId};
use crate::job::run::{Outcome, Run, Turn};
use crate::job::{self, Job, Kind};
use crate::schema::contact;

/// Most contacts that can be named.
pub const MAX_NAMED: usize = 1000;
/// Contacts of one step.
const ROWS: i64 = 2_000;

/// Whom to reset.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewReset {
    /// `None` for all.
    pub contact_ids: Option<Vec<ContactId>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Checkpoint {
    after: Uuid,
    reset: i64,
    activated: i64,
}

/// Starts a reset; answers its job.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for contacts that are not there.
pub async fn create(db: &Db, actor: &Actor, new: NewReset) -> Result<Job> {
    actor.require(Permission::ContactsWrite)?;
    let mut v = Validation::default();
    if let Some(ids) = &new.contact_ids
        && !(1..=MAX_NAMED).contains(&ids.len())
    {
        let detail = format!("must be 1 to {MAX_NAMED} contacts; leave it out for all");
        v.add("/contact_ids", "out_of_range", detail);
    }
    v.finish()?;
    let (tenant, now) = (actor.tenant_id, db.now());
    let params = serde_json::to_value(&new).map_err(DomainError::internal)?;
    db.tenant(tenant, async |tx| {
        if let Some(ids) = &new.contact_ids {
            require_all(tx, tenant, ids).await?;
        }
        let job = job::enqueue(tx, actor, Kind::BounceReset, params, None, now).await?;
        let entry = audit::Entry {
            action: "bounces.reset",
            subject_kind: "job",
            subject_id: Some(job.id.0),
            after: Some(json!({ "contacts": new.contact_ids.as_ref().map(Vec::len) })),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await?;
        Ok(job)
    })
    .await
}

async fn require_all(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    ids: &[ContactId],
) -> Result<()> {
    let known: Vec<ContactId> = contact::table
        .filter(contact::tenant_id.eq(tenant))
        .filter(contact::id.eq_any(ids))
        .select(contact::id)
        .load(tx)
        .await?;
    match ids.iter().position(|id| !known.contains(id)) {
        None => Ok(()),
        Some(i) => {
            let pointer = format!("/contact_ids/{i}");
            let detail = "there is no such contact";
            Err(DomainError::invalid(pointer, "unknown", detail))
        }
    }
}

/// The job.
///
/// # Errors
/// When the database does.
pub(crate) async fn run(run: &Run) -> Result<Outcome> {
    let new: NewReset =
        serde_json::from_value(run.job.params.clone()).map_err(DomainError::internal)?;
    let mut at: Checkpoint = match &run.job.checkpoint {
        Some(json) => serde_json::from_value(json.clone()).map_err(DomainError::internal)?,
        None => Checkpoint::default(),
    };
    let named = new.contact_ids.as_deref();
    loop {
        match run.turn().await? {
            Turn::GoOn => {}
            Turn::Cancelled => return Ok(Outcome::Cancelled),
            Turn::Ending => return Ok(Outcome::Yielded),
        }
        if step(run, named, &mut at).await? {
            return Ok(Outcome::Succeeded(
                json!({ "reset": at.reset, "activated": at.activated }),
            ));
        }
    }
}

/// One chunk; answers whether it was the last.
async fn step(run: &Run, named: Option<&[ContactId]>, at: &mut Checkpoint) -> Result<bool> {
    let (tenant, now) = (run.tenant, run.db.now());
    let next = run
        .db
        .tenant(tenant, async |tx| {
            let ids = chunk(tx, tenant, ContactId(at.after), named).await?;
            let Some(last) = ids.last() else {
                return Ok(None);
            };
            let activated = reset(tx, tenant, &ids, now).await?;
            let next = Checkpoint {
                after: last.0,
                reset: at.reset + i64::try_from(ids.len()).unwrap_or(i64::MAX),
                activated: at.activated + activated,
            };
            let checkpoint = serde_json::to_value(&next).map_err(DomainError::internal)?;
            run.save(tx, next.reset, None, Some(checkpoint)).await?;
            Ok(Some(next))
        })
        .await?;
    let Some(next) = next else {
        return Ok(true);
    };
    *at = next;
    Ok(false)
}

/// The next contacts that are stopped or have soft bounces, in the order of
/// ids; each of the two has an index of its own.
async fn chunk(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    after: ContactId,
    named: Option<&[ContactId]>,
) -> Result<Vec<ContactId>> {
    let base = || {
        let query = contact::table
            .filter(contact::tenant_id.eq(tenant))
            .filter(contact::id.gt(after))
            .order(contact::id)
            .select(contact::id)
            .limit(ROWS)
            .into_boxed();
        match named {
            Some(ids) => query.filter(contact::id.eq_any(ids)),
            None => query,
        }
    };
    let stopped: Vec<ContactId> = base()
        .filter(contact::status.eq(ContactStatus::Bounced))
        .load(tx)
        .await?;
    let counted: Vec<ContactId> = base().filter(contact::soft_bounces.gt(0)).load(tx).await?;
    let mut ids = [stopped, counted].concat();
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(usize::try_from(ROWS).unwrap_or(usize::MAX));
    Ok(ids)
}

/// Answers how many may be mailed again.
async fn reset(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    ids: &[ContactId],
    now: DateTime<Utc>,
) -> Result<i64> {
    super::clear_soft_bounces(tx, tenant, ids).await?;
    let stopped = contact::table
        .filter(contact::tenant_id.eq(tenant))
        .filter(contact::id.eq_any(ids))
        .filter(contact::status.eq(ContactStatus::Bounced));
    let activated = diesel::update(stopped)
        .set((
            contact::status.eq(ContactStatus::Active),
            contact::version.eq(contact::version + 1),
            contact::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(i64::try_from(activated).unwrap_or(i64::MAX))
}
