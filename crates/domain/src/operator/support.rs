//! Looking at a tenant's data under a grant of theirs. Each look is asked for
//! anew: a grant that was revoked, or is over, ends the next one. And each look
//! is an entry of the tenant's own audit log, written before it begins.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use super::journal::{self, About};
use super::{Operator, tenants};
use crate::access;
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{OperatorId, OperatorSessionId, SupportGrantId, SupportSessionId, TenantId};
use crate::page::{Page, PageRequest};
use crate::schema::{support_grant, support_session};
use crate::support::{self, Grant};

/// A support session that was opened.
#[derive(Debug, Clone)]
pub struct Opened {
    pub id: SupportSessionId,
    pub permissions: Vec<Permission>,
    /// With its grant.
    pub expires_at: DateTime<Utc>,
}

/// What is looked at.
#[derive(Debug, Clone)]
pub struct Look<'a> {
    /// Operation id of the API.
    pub operation: &'a str,
    /// What it is about, as the audit log names it (`contact`).
    pub kind: &'a str,
    /// The one thing, where the operation is about one.
    pub subject: Option<Uuid>,
    /// Query string: what a list was narrowed by.
    pub query: &'a str,
}

fn over() -> DomainError {
    DomainError::Refused {
        code: "no_grant",
        detail: "the tenant grants no support access for this: it was revoked, is over, or was never given".to_owned(),
    }
}

/// Grants of a tenant, newest first: that they are there, not what they show.
///
/// # Errors
/// [`DomainError::NotFound`], [`DomainError::Invalid`] for the page.
pub async fn grants(db: &Db, tenant: TenantId, page: &PageRequest) -> Result<Page<Grant>> {
    db.tenant(tenant, async |tx| {
        tenants::find(tx, tenant).await?;
        support::page(tx, tenant, page).await
    })
    .await
}

/// Opens a support session under a grant; it is this person's, from this log-in.
///
/// # Errors
/// [`DomainError::Refused`] when the grant does not last, [`DomainError::NotFound`] when it is none of this tenant's.
pub async fn open(
    db: &Db,
    operator: &Operator,
    tenant: TenantId,
    grant: SupportGrantId,
) -> Result<Opened> {
    let (who, log_in) = operator.id.zip(operator.session).ok_or_else(over)?;
    let now = db.now();
    let id = SupportSessionId::new();
    db.tenant(tenant, async |tx| {
        let company = tenants::find(tx, tenant).await?;
        let grant = support::find(tx, tenant, grant).await?;
        if !grant.lasts(now) {
            return Err(over());
        }
        diesel::insert_into(support_session::table)
            .values((
                support_session::tenant_id.eq(tenant),
                support_session::id.eq(id),
                support_session::grant_id.eq(grant.id),
                support_session::operator_id.eq(who),
                support_session::operator_session_id.eq(log_in),
                support_session::operator_name.eq(&operator.name),
                support_session::opened_at.eq(now),
            ))
            .execute(tx)
            .await?;
        let detail = json!({ "grant_id": grant.id, "support_session_id": id });
        let about = Some(About(tenant, &company.name));
        journal::record(tx, operator, "support.opened", about, Some(detail)).await?;
        record(
            tx,
            operator,
            tenant,
            "support.opened",
            "support_grant",
            Some(grant.id.0),
            json!({}),
        )
        .await?;
        Ok(Opened {
            id,
            permissions: grant.permissions(),
            expires_at: grant.expires_at,
        })
    })
    .await
}

#[derive(Queryable)]
struct Held {
    grant: SupportGrantId,
    operator: OperatorId,
    log_in: OperatorSessionId,
    ended_at: Option<DateTime<Utc>>,
}

/// The session, if it is this person's from this log-in, was not closed, and
/// its grant lasts.
async fn held(
    tx: &mut AsyncPgConnection,
    operator: &Operator,
    tenant: TenantId,
    id: SupportSessionId,
    now: DateTime<Utc>,
) -> Result<Grant> {
    let held: Held = support_session::table
        .find((tenant, id))
        .select((
            support_session::grant_id,
            support_session::operator_id,
            support_session::operator_session_id,
            support_session::ended_at,
        ))
        .first(tx)
        .await
        .optional()?
        .ok_or_else(over)?;
    let is_theirs = operator.id == Some(held.operator) && operator.session == Some(held.log_in);
    if !is_theirs || held.ended_at.is_some() {
        return Err(over());
    }
    let grant = support::find(tx, tenant, held.grant).await?;
    if grant.lasts(now) {
        Ok(grant)
    } else {
        Err(over())
    }
}

/// Allows one look, and writes it down; answers who looks, with what the grant
/// allows. The data is then read through [`Db::supporting`].
///
/// # Errors
/// [`DomainError::Refused`] unless the grant lasts and the session is this person's.
pub async fn look(
    db: &Db,
    operator: &Operator,
    tenant: TenantId,
    id: SupportSessionId,
    look: Look<'_>,
) -> Result<Actor> {
    let now = db.now();
    db.tenant(tenant, async |tx| {
        let grant = held(tx, operator, tenant, id, now).await?;
        diesel::update(support_grant::table.find((tenant, grant.id)))
            .set((
                support_grant::looks.eq(support_grant::looks + 1),
                support_grant::looked_at.eq(now),
            ))
            .execute(tx)
            .await?;
        let mut after = json!({ "operation": look.operation, "grant_id": grant.id });
        if let Some(query) = access::asked_for(look.query) {
            after["query"] = query.into();
        }
        record(
            tx,
            operator,
            tenant,
            "support.viewed",
            look.kind,
            look.subject,
            after,
        )
        .await?;
        Ok(Actor {
            permissions: grant.permissions().into_iter().collect(),
            ..operator.actor(tenant)
        })
    })
    .await
}

/// Closes a support session.
///
/// # Errors
/// [`DomainError::Refused`] when it is not this person's, or over.
pub async fn close(
    db: &Db,
    operator: &Operator,
    tenant: TenantId,
    id: SupportSessionId,
) -> Result<()> {
    let now = db.now();
    db.tenant(tenant, async |tx| {
        let grant = held(tx, operator, tenant, id, now).await?;
        diesel::update(support_session::table.find((tenant, id)))
            .set(support_session::ended_at.eq(now))
            .execute(tx)
            .await?;
        record(
            tx,
            operator,
            tenant,
            "support.closed",
            "support_grant",
            Some(grant.id.0),
            json!({}),
        )
        .await
    })
    .await
}

/// In the tenant's own audit log.
async fn record(
    tx: &mut AsyncPgConnection,
    operator: &Operator,
    tenant: TenantId,
    action: &str,
    subject_kind: &str,
    subject_id: Option<Uuid>,
    mut after: serde_json::Value,
) -> Result<()> {
    if let Some(after) = after.as_object_mut() {
        after.insert("operator".to_owned(), json!(operator.name));
    }
    let entry = audit::Entry {
        action,
        subject_kind,
        subject_id,
        before: None,
        after: Some(after),
    };
    audit::record(tx, &operator.actor(tenant), entry).await
}
