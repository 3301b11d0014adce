//! People in a sequence, page by page: those inside by when they are due, those
//! who are through or left by when that was.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::queries;
use crate::actor::{Actor, Permission};
use crate::contact::ContactStatus;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{ContactId, SequenceEnrolmentId, SequenceId, SequenceStepId, TenantId};
use crate::page::{Page, PageRequest, time_key};
use crate::schema::{contact, sequence_enrolment};
use crate::text_enum::text_enum;

text_enum! {
    /// Where a person is.
    pub enum EnrolmentState {
        /// Inside.
        Active = "active",
        /// Through.
        Done = "done",
        /// Out before the end.
        Left = "left",
    }
}

text_enum! {
    /// How a person came in.
    pub enum Source {
        Manual = "manual",
        /// With an audience.
        Audience = "audience",
        /// By joining the list.
        List = "list",
        Date = "date",
    }
}

/// A person's way through a sequence.
#[derive(Debug, Clone, Queryable)]
pub struct Enrolment {
    pub id: SequenceEnrolmentId,
    pub contact_id: ContactId,
    pub name: String,
    pub email: String,
    /// Of the contact: who is not active leaves at the next step.
    pub status: ContactStatus,
    pub state: EnrolmentState,
    /// Why the person left: a stable code.
    pub reason: Option<String>,
    pub source: Source,
    pub starts_at: DateTime<Utc>,
    /// The step that comes next, or before which the person left.
    pub step_id: Option<SequenceStepId>,
    pub due_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// Which people.
#[derive(Debug, Clone, Copy)]
pub struct People {
    pub state: EnrolmentState,
    /// Of those inside: who stands at this step.
    pub step: Option<SequenceStepId>,
}

/// Pages people.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Invalid`] for the page.
pub async fn list(
    db: &Db,
    actor: &Actor,
    id: SequenceId,
    which: People,
    page: &PageRequest,
) -> Result<Page<Enrolment>> {
    actor.require(Permission::CampaignsRead)?;
    let (limit, tenant) = (page.limit()?, actor.tenant_id);
    let is_inside = which.state == EnrolmentState::Active;
    let sort = if is_inside { "due_at" } else { "-ended_at" };
    let after = page
        .cursor(sort)?
        .map(|cursor| Ok::<_, DomainError>((cursor.time()?, SequenceEnrolmentId(cursor.id))))
        .transpose()?;
    db.tenant(tenant, async |tx| {
        queries::find(tx, tenant, id).await?;
        let rows = rows(tx, tenant, id, which, after, limit + 1).await?;
        Ok(Page::cut(rows, limit, sort, |row: &Enrolment| {
            let at = row.due_at.or(row.ended_at).unwrap_or(row.starts_at);
            (time_key(at), row.id.0)
        }))
    })
    .await
}

async fn rows(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    which: People,
    after: Option<(DateTime<Utc>, SequenceEnrolmentId)>,
    limit: i64,
) -> Result<Vec<Enrolment>> {
    use crate::schema::sequence_enrolment as e;
    let mut query = sequence_enrolment::table
        .inner_join(
            contact::table.on(contact::tenant_id
                .eq(e::tenant_id)
                .and(contact::id.eq(e::contact_id))),
        )
        .filter(e::tenant_id.eq(tenant).and(e::sequence_id.eq(id)))
        .select((
            e::id,
            e::contact_id,
            contact::name,
            contact::email,
            contact::status,
            e::state,
            e::reason,
            e::source,
            e::starts_at,
            e::step_id,
            e::due_at,
            e::ended_at,
        ))
        .limit(limit)
        .into_boxed();
    if which.state == EnrolmentState::Active {
        // Literal, so that the partial index applies whatever plan is kept.
        query = query
            .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(
                "sequence_enrolment.state = 'active'",
            ))
            .order((e::due_at, e::id));
        if let Some(step) = which.step {
            query = query.filter(e::step_id.eq(step));
        }
        if let Some((at, id)) = after {
            query = query.filter(e::due_at.gt(at).or(e::due_at.eq(at).and(e::id.gt(id))));
        }
    } else {
        query = query
            .filter(e::state.eq(which.state))
            .order((e::ended_at.desc(), e::id.desc()));
        if let Some((at, id)) = after {
            query = query.filter(e::ended_at.lt(at).or(e::ended_at.eq(at).and(e::id.lt(id))));
        }
    }
    Ok(query.load(tx).await?)
}
