//! The trace: who did what, written in the transaction that did it. The
//! database links the entries of a tenant to a chain (docs/decisions/0038),
//! which [`chain`] follows and verifies.

pub mod action;
pub mod chain;
pub mod export;
mod fault;
pub(crate) mod names;
pub mod read;
pub mod trace;
pub(crate) mod verify;

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ipnet::IpNet;
use serde_json::Value;
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::Result;
use crate::ids::AuditEntryId;
use crate::schema::audit_entry;

/// What was done to what. `before` and `after` hold no secrets.
#[derive(Debug, Default)]
pub struct Entry<'a> {
    /// Dotted: noun, verb in the past (`contact.deleted`); stands in [`action::ACTIONS`].
    pub action: &'a str,
    pub subject_kind: &'a str,
    pub subject_id: Option<Uuid>,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// Writes one entry into the caller's transaction.
///
/// # Errors
/// When the database does.
pub async fn record(tx: &mut AsyncPgConnection, actor: &Actor, entry: Entry<'_>) -> Result<()> {
    diesel::insert_into(audit_entry::table)
        .values((
            audit_entry::tenant_id.eq(actor.tenant_id),
            audit_entry::id.eq(AuditEntryId::new()),
            audit_entry::actor_kind.eq(actor.kind.as_str()),
            audit_entry::actor_id.eq(actor.id()),
            audit_entry::action.eq(entry.action),
            audit_entry::subject_kind.eq(entry.subject_kind),
            audit_entry::subject_id.eq(entry.subject_id),
            audit_entry::before.eq(entry.before),
            audit_entry::after.eq(entry.after),
            audit_entry::ip.eq(actor.ip.map(IpNet::from)),
            audit_entry::request_id.eq(actor.request_id.as_deref()),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// Writes that a thing was made (no `before`), changed, or deleted (no `after`).
///
/// # Errors
/// When the database does.
pub(crate) async fn change(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    action: &str,
    (subject_kind, id): (&str, Uuid),
    before: Option<Value>,
    after: Option<Value>,
) -> Result<()> {
    let entry = Entry {
        action,
        subject_kind,
        subject_id: Some(id),
        before,
        after,
    };
    record(tx, actor, entry).await
}

/// Starts the verification of the actor's tenant's chain, as a job.
///
/// # Errors
/// [`crate::DomainError::Forbidden`].
pub async fn start_verification(db: &crate::Db, actor: &Actor) -> Result<crate::job::Job> {
    verify::start(db, actor).await
}
