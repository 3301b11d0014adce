//! Tenants as the operator sees them without any grant: name, state, numbers.
//! And what the operator does with them: make, suspend, resume, give quotas.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use super::journal::{self, About};
use super::{Operator, step_up};
use crate::audit;
use crate::db::Db;
use crate::delivery::queue;
use crate::error::{DomainError, Result, Validation};
use crate::ids::TenantId;
use crate::page::{Page, PageRequest, contains_pattern, time_key};
use crate::schema::{tenant, tenant_quota};
use crate::session::password::Hasher;
use crate::tenant as companies;
use crate::tenant::usage::{self, Quota, Usage};
use crate::text_enum::text_enum;
use crate::user::NewUser;

const SORT: &str = "-created_at";

text_enum! {
    /// Where a tenant is in its life.
    pub enum TenantState {
        Active = "active",
        /// Nobody logs in and nothing goes out.
        Suspended = "suspended",
        /// Its rows are being deleted.
        Erasing = "erasing",
    }
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = tenant)]
pub(super) struct Row {
    pub(super) id: TenantId,
    pub(super) name: String,
    pub(super) state: TenantState,
    pub(super) suspended_at: Option<DateTime<Utc>>,
    pub(super) suspended_reason: Option<String>,
    pub(super) created_at: DateTime<Utc>,
}

/// A tenant in the list.
#[derive(Debug, Clone)]
pub struct TenantSummary {
    pub id: TenantId,
    pub name: String,
    pub state: TenantState,
    pub suspended_at: Option<DateTime<Utc>>,
    pub suspended_reason: Option<String>,
    pub created_at: DateTime<Utc>,
    pub usage: Usage,
}

/// A tenant on its page.
#[derive(Debug, Clone)]
pub struct TenantDetail {
    pub summary: TenantSummary,
    pub quota: Quota,
    /// When somebody of it last did something.
    pub last_active_at: Option<DateTime<Utc>>,
}

/// Which tenants.
#[derive(Debug, Clone, Default)]
pub struct TenantFilter {
    /// A part of the name.
    pub q: Option<String>,
    pub state: Option<TenantState>,
}

fn summary(row: Row, usage: Usage) -> TenantSummary {
    TenantSummary {
        id: row.id,
        name: row.name,
        state: row.state,
        suspended_at: row.suspended_at,
        suspended_reason: row.suspended_reason,
        created_at: row.created_at,
        usage,
    }
}

/// Pages the tenants, newest first.
///
/// # Errors
/// [`DomainError::Invalid`] for the page.
pub async fn list(
    db: &Db,
    filter: &TenantFilter,
    page: &PageRequest,
) -> Result<Page<TenantSummary>> {
    let (limit, cursor) = (page.limit()?, page.cursor(SORT)?);
    let now = db.now();
    let mut query = tenant::table
        .order((tenant::created_at.desc(), tenant::id.desc()))
        .limit(limit + 1)
        .select(Row::as_select())
        .into_boxed();
    if let Some(q) = filter.q.as_deref().filter(|q| !q.is_empty()) {
        query = query.filter(tenant::name.ilike(contains_pattern(q)));
    }
    if let Some(state) = filter.state {
        query = query.filter(tenant::state.eq(state));
    }
    if let Some(cursor) = cursor {
        let (at, id) = (cursor.time()?, TenantId(cursor.id));
        query = query.filter(
            tenant::created_at
                .lt(at)
                .or(tenant::created_at.eq(at).and(tenant::id.lt(id))),
        );
    }
    let (rows, used) = db
        .system(async |tx| {
            let rows: Vec<Row> = query.load(tx).await?;
            let ids: Vec<TenantId> = rows.iter().map(|row| row.id).collect();
            let used = usage::of_all(tx, &ids, now).await?;
            Ok((rows, used))
        })
        .await?;
    let found = rows.into_iter().zip(used);
    let found = found.map(|(row, (_, usage))| summary(row, usage)).collect();
    Ok(Page::cut(found, limit, SORT, |t: &TenantSummary| {
        (time_key(t.created_at), t.id.0)
    }))
}

pub(super) async fn find(tx: &mut AsyncPgConnection, id: TenantId) -> Result<Row> {
    tenant::table
        .find(id)
        .select(Row::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("tenant"))
}

/// As [`find`]; holds the row until the transaction ends.
pub(super) async fn lock(tx: &mut AsyncPgConnection, id: TenantId) -> Result<Row> {
    tenant::table
        .find(id)
        .select(Row::as_select())
        .for_no_key_update()
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("tenant"))
}

/// One tenant.
///
/// # Errors
/// [`DomainError::NotFound`].
pub async fn get(db: &Db, id: TenantId) -> Result<TenantDetail> {
    let now = db.now();
    db.tenant(id, async |tx| load(tx, id, now).await).await
}

async fn load(
    tx: &mut AsyncPgConnection,
    id: TenantId,
    now: DateTime<Utc>,
) -> Result<TenantDetail> {
    let row = find(tx, id).await?;
    let used = usage::of_all(tx, &[id], now).await?;
    let usage = used
        .into_iter()
        .next()
        .map(|(_, usage)| usage)
        .unwrap_or_default();
    let last_active_at = diesel::select(diesel::dsl::sql::<Nullable<Timestamptz>>(
        "tenant_last_activity()",
    ))
    .get_result(tx)
    .await?;
    Ok(TenantDetail {
        summary: summary(row, usage),
        quota: usage::quota(tx, id).await?,
        last_active_at,
    })
}

/// Makes a tenant with its owner.
///
/// # Errors
/// [`DomainError::Refused`] without a fresh code, [`DomainError::Invalid`], [`DomainError::Conflict`] for a login id in use.
pub async fn create(
    db: &Db,
    hasher: &Hasher,
    operator: &Operator,
    name: &str,
    owner: NewUser,
) -> Result<TenantDetail> {
    let (id, now) = (TenantId::new(), db.now());
    // Before anything is hashed.
    db.system(async |tx| step_up::require(tx, operator, now).await)
        .await?;
    let owner = companies::prepare(hasher, id, name, owner).await?;
    let actor = operator.actor(id);
    db.tenant(id, async |tx| {
        companies::insert_with_owner(tx, &actor, name, &owner).await?;
        journal::record(tx, operator, "tenant.created", Some(About(id, name)), None).await?;
        load(tx, id, now).await
    })
    .await
}

/// Suspends a tenant: nobody logs in, the API answers why, and what mailers
/// have in their hands is given back within a second.
///
/// # Errors
/// [`DomainError::NotFound`], [`DomainError::Invalid`] without a reason, [`DomainError::Conflict`] unless it is active,
/// [`DomainError::Refused`] without a fresh code.
pub async fn suspend(
    db: &Db,
    operator: &Operator,
    id: TenantId,
    reason: &str,
) -> Result<TenantDetail> {
    let reason = reason.trim();
    let mut v = Validation::default();
    v.length("/reason", reason, 1, 500);
    v.finish()?;
    let now = db.now();
    db.tenant(id, async |tx| {
        step_up::require(tx, operator, now).await?;
        let row = expect(
            tx,
            id,
            TenantState::Active,
            "not_active",
            "this tenant is not active",
        )
        .await?;
        put_state(tx, id, TenantState::Suspended, Some((now, reason)), now).await?;
        queue::hold(tx, id, true, now).await?;
        note(
            tx,
            operator,
            "tenant.suspended",
            &row,
            json!({ "reason": reason }),
        )
        .await?;
        load(tx, id, now).await
    })
    .await
}

/// Lets a suspended tenant work again; what waited goes out.
///
/// # Errors
/// [`DomainError::NotFound`], [`DomainError::Conflict`] unless it is suspended, or when its erasure is asked for,
/// [`DomainError::Refused`] without a fresh code.
pub async fn resume(db: &Db, operator: &Operator, id: TenantId) -> Result<TenantDetail> {
    let now = db.now();
    db.tenant(id, async |tx| {
        step_up::require(tx, operator, now).await?;
        let row = expect(
            tx,
            id,
            TenantState::Suspended,
            "not_suspended",
            "this tenant is not suspended",
        )
        .await?;
        if super::erasure::is_asked_for(tx, id).await? {
            let detail = "the erasure of this tenant is asked for: cancel that first";
            return Err(DomainError::conflict("erasure_waits", detail));
        }
        put_state(tx, id, TenantState::Active, None, now).await?;
        queue::hold(tx, id, false, now).await?;
        note(tx, operator, "tenant.resumed", &row, json!({})).await?;
        load(tx, id, now).await
    })
    .await
}

/// Sets all quotas of a tenant.
///
/// # Errors
/// [`DomainError::NotFound`], [`DomainError::Invalid`], [`DomainError::Refused`] without a fresh code.
pub async fn set_quota(
    db: &Db,
    operator: &Operator,
    id: TenantId,
    quota: Quota,
) -> Result<TenantDetail> {
    quota.check()?;
    let now = db.now();
    db.tenant(id, async |tx| {
        step_up::require(tx, operator, now).await?;
        let row = lock(tx, id).await?;
        let values = (
            tenant_quota::contacts.eq(quota.contacts),
            tenant_quota::users.eq(quota.users),
            tenant_quota::storage.eq(quota.storage),
            tenant_quota::mails.eq(quota.mails),
            tenant_quota::updated_at.eq(now),
        );
        diesel::insert_into(tenant_quota::table)
            .values((tenant_quota::tenant_id.eq(id), values))
            .on_conflict(tenant_quota::tenant_id)
            .do_update()
            .set(values)
            .execute(tx)
            .await?;
        // What waited for the next month may go now.
        queue::wake(tx, id, now).await?;
        note(tx, operator, "tenant.quota_set", &row, json!(quota)).await?;
        load(tx, id, now).await
    })
    .await
}

async fn expect(
    tx: &mut AsyncPgConnection,
    id: TenantId,
    state: TenantState,
    code: &'static str,
    detail: &str,
) -> Result<Row> {
    let row = lock(tx, id).await?;
    if row.state == state {
        Ok(row)
    } else {
        Err(DomainError::conflict(code, detail))
    }
}

pub(super) async fn put_state(
    tx: &mut AsyncPgConnection,
    id: TenantId,
    state: TenantState,
    suspended: Option<(DateTime<Utc>, &str)>,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(tenant::table.find(id))
        .set((
            tenant::state.eq(state),
            tenant::suspended_at.eq(suspended.map(|(at, _)| at)),
            tenant::suspended_reason.eq(suspended.map(|(_, reason)| reason)),
            tenant::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// In the tenant's own audit log and in the operator's.
pub(super) async fn note(
    tx: &mut AsyncPgConnection,
    operator: &Operator,
    action: &str,
    row: &Row,
    mut detail: serde_json::Value,
) -> Result<()> {
    journal::record(
        tx,
        operator,
        action,
        Some(About(row.id, &row.name)),
        Some(detail.clone()),
    )
    .await?;
    if let Some(detail) = detail.as_object_mut() {
        detail.insert("operator".to_owned(), json!(operator.name));
    }
    let entry = audit::Entry {
        action,
        subject_kind: "tenant",
        subject_id: Some(row.id.0),
        before: Some(json!({ "state": row.state })),
        after: Some(detail),
    };
    audit::record(tx, &operator.actor(row.id), entry).await
}
