//! Erasure: everything that the database holds of one person goes, statistics
//! stay and name nobody, and a certificate says what was done.
//!
//! The request deletes the contact at once, so that nothing is sent any more.
//! A job ([`run`]) does the rest: mails that wait are left out, mails that a
//! mailer has in hand are waited for, deliveries and events keep their numbers
//! under an id that stands for nobody. The consent ledger goes when the law no
//! longer wants it ([`LEDGER_DAYS`]); until then the erasure waits.

mod certificate;
mod data;
mod look;
mod queries;
mod run;
mod scrub;
mod told;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::actor::{Actor, Permission};
use crate::audit;
use crate::contact::{self, EmailAddress};
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::ids::{ContactId, ErasureId, JobId, UserId};
use crate::job::{self, Kind};
use crate::page::{Page, PageRequest, time_key};
use crate::schema::erasure;
use crate::text_enum::text_enum;

pub use certificate::Certificate;
pub use data::{PersonalData, export};
pub(crate) use run::{finish_due, run};

/// For how long after the last mail the consent ledger is kept: one month
/// (特定電子メール法施行規則), in its longest form.
pub const LEDGER_DAYS: i64 = 31;
/// Characters of a note.
pub const MAX_NOTE: usize = 500;
const SORT: &str = "-requested_at";

text_enum! {
    /// How it stands.
    pub enum State {
        Running = "running",
        /// Only the consent ledger is left, until its time is over.
        Waiting = "waiting",
        Done = "done",
    }
}

/// Whose data.
#[derive(Debug, Clone)]
pub enum Subject {
    Contact(ContactId),
    /// Also somebody whose contact was deleted before.
    Address(String),
}

/// An erasure to be begun.
#[derive(Debug, Clone)]
pub struct NewErasure {
    pub subject: Subject,
    /// Keep the address on the block-list, so that an import brings nobody back.
    pub keep_blocked: bool,
    /// For example the number of the request; names no person.
    pub note: String,
}

/// Rows by what they were.
pub(crate) type Counts = BTreeMap<String, i64>;

/// An erasure.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = erasure)]
pub struct Erasure {
    pub id: ErasureId,
    /// Until it is done.
    pub address: Option<String>,
    pub(crate) contact_ids: Vec<Option<Uuid>>,
    pub(crate) salt: Option<Uuid>,
    /// What the contact was called, until it is done.
    pub(crate) names: Vec<Option<String>>,
    pub keep_blocked: bool,
    pub note: String,
    pub state: State,
    pub counts: Value,
    /// Until when the consent ledger is kept.
    pub ledger_until: Option<DateTime<Utc>>,
    certificate: Option<Value>,
    pub job_id: JobId,
    pub requested_by: Option<UserId>,
    pub requested_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

impl Erasure {
    /// The certificate, when it is done.
    #[must_use]
    pub fn certificate(&self) -> Option<Certificate> {
        serde_json::from_value(self.certificate.clone()?).ok()
    }

    pub(crate) fn people(&self) -> Vec<Uuid> {
        self.contact_ids.iter().copied().flatten().collect()
    }

    pub(crate) fn counts(&self) -> Result<Counts> {
        serde_json::from_value(self.counts.clone()).map_err(DomainError::internal)
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Params {
    pub(crate) erasure: Uuid,
}

/// Begins an erasure: the contact goes at once, the rest by a job.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`] for the contact, [`DomainError::Invalid`].
pub async fn create(db: &Db, actor: &Actor, new: NewErasure) -> Result<Erasure> {
    actor.require(Permission::ContactsErase)?;
    actor.require_step_up()?;
    let mut v = Validation::default();
    v.length("/note", &new.note, 0, MAX_NOTE);
    let address = match &new.subject {
        Subject::Contact(_) => None,
        Subject::Address(text) => v.keep("/address", EmailAddress::parse(text)),
    };
    v.finish()?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let (contact, key) = match &new.subject {
            Subject::Contact(id) => {
                let found = contact::find(tx, tenant, *id).await?;
                (Some((*id, found.name)), found.email_key)
            }
            Subject::Address(_) => {
                let key = address
                    .as_ref()
                    .map(|a| a.key().to_owned())
                    .unwrap_or_default();
                (queries::contact_of(tx, tenant, &key).await?, key)
            }
        };
        let (contact, name) = contact.unzip();
        let mut counts = Counts::new();
        if let Some(id) = contact {
            queries::count_relations(tx, tenant, id, &mut counts).await?;
            queries::delete_contact(tx, tenant, id).await?;
        }
        let id = ErasureId::new();
        let params =
            serde_json::to_value(Params { erasure: id.0 }).map_err(DomainError::internal)?;
        let job = job::enqueue(tx, actor, Kind::Erasure, params, Some(id.0), now).await?;
        let row = Erasure {
            id,
            address: Some(key),
            contact_ids: contact.iter().map(|id| Some(id.0)).collect(),
            salt: Some(Uuid::new_v4()),
            names: name
                .into_iter()
                .filter(|n| !n.is_empty())
                .map(Some)
                .collect(),
            keep_blocked: new.keep_blocked,
            note: new.note.trim().to_owned(),
            state: State::Running,
            counts: serde_json::to_value(&counts).map_err(DomainError::internal)?,
            ledger_until: None,
            certificate: None,
            job_id: job.id,
            requested_by: actor.user_id,
            requested_at: now,
            finished_at: None,
        };
        queries::insert(tx, tenant, &row).await?;
        let entry = audit::Entry {
            action: "contact.erasure_begun",
            subject_kind: "contact",
            subject_id: contact.map(|id| id.0),
            after: Some(json!({ "erasure_id": id, "keep_blocked": row.keep_blocked })),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await?;
        Ok(row)
    })
    .await
}

/// Pages the erasures, newest first.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the page.
pub async fn list(db: &Db, actor: &Actor, page: &PageRequest) -> Result<Page<Erasure>> {
    actor.require(Permission::ContactsErase)?;
    let (limit, cursor) = (page.limit()?, page.cursor(SORT)?);
    let before = cursor
        .map(|c| Ok::<_, DomainError>((c.time()?, ErasureId(c.id))))
        .transpose()?;
    let rows = db
        .tenant(actor.tenant_id, async |tx| {
            queries::page(tx, actor.tenant_id, before, limit + 1).await
        })
        .await?;
    Ok(Page::cut(rows, limit, SORT, |row: &Erasure| {
        (time_key(row.requested_at), row.id.0)
    }))
}

/// One erasure.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: ErasureId) -> Result<Erasure> {
    actor.require(Permission::ContactsErase)?;
    db.tenant(actor.tenant_id, async |tx| {
        queries::find(tx, actor.tenant_id, id).await
    })
    .await
}

/// When the ledger of somebody who was last mailed at that time may go.
fn ledger_until(last_mailed: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    last_mailed.map(|at| at + TimeDelta::days(LEDGER_DAYS))
}
