//! Deleting a tenant, with proof: asked for while it is suspended, a waiting
//! period (or the name typed instead), then every row of every table, found
//! in the catalogue, in batches; at the end a signed certificate.

mod run;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::{Value, json};

use super::tenants::{self, TenantState};
use super::{Operator, step_up};
use crate::db::Db;
use crate::db::error::expect_unique;
use crate::error::{DomainError, Result};
use crate::ids::{TenantErasureId, TenantId};
use crate::page::{Page, PageRequest, time_key};
use crate::schema::tenant_erasure;

pub use run::run_once;

/// Between the request and the deletion, unless the name is typed.
pub const WAIT: TimeDelta = TimeDelta::days(7);
const SORT: &str = "-requested_at";

/// An erasure.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = tenant_erasure)]
pub struct Erasure {
    pub id: TenantErasureId,
    pub company_id: TenantId,
    pub company_name: String,
    pub requested_by: String,
    pub requested_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
    pub cancelled_at: Option<DateTime<Utc>>,
    pub started_at: Option<DateTime<Utc>>,
    /// Rows deleted, by table.
    pub counts: Value,
    pub finished_at: Option<DateTime<Utc>>,
    /// The text that was signed.
    pub certificate: Option<String>,
    pub hash: Option<Vec<u8>>,
    pub signature: Option<Vec<u8>>,
}

/// Asks for the erasure of a suspended tenant. With its name typed it begins
/// at once, otherwise after seven days.
///
/// # Errors
/// [`DomainError::NotFound`], [`DomainError::Invalid`] for another name, [`DomainError::Conflict`] unless it is suspended,
/// [`DomainError::Refused`] without a fresh code.
pub async fn request(
    db: &Db,
    operator: &Operator,
    id: TenantId,
    typed_name: Option<&str>,
) -> Result<Erasure> {
    let now = db.now();
    let erasure = TenantErasureId::new();
    db.tenant(id, async |tx| {
        step_up::require(tx, operator, now).await?;
        let row = tenants::lock(tx, id).await?;
        if row.state != TenantState::Suspended {
            let detail = "only a suspended tenant can be erased: suspend it first";
            return Err(DomainError::conflict("not_suspended", detail));
        }
        if typed_name.is_some_and(|typed| typed != row.name) {
            let detail = "is not the name of this tenant";
            return Err(DomainError::invalid("/confirm_name", "wrong", detail));
        }
        let due = if typed_name.is_some() {
            now
        } else {
            now + WAIT
        };
        let inserted = diesel::insert_into(tenant_erasure::table)
            .values((
                tenant_erasure::id.eq(erasure),
                tenant_erasure::company_id.eq(id),
                tenant_erasure::company_name.eq(&row.name),
                tenant_erasure::requested_by.eq(&operator.name),
                tenant_erasure::requested_at.eq(now),
                tenant_erasure::due_at.eq(due),
            ))
            .execute(tx)
            .await;
        expect_unique(inserted, "tenant_erasure_open_idx", || {
            DomainError::conflict(
                "erasure_waits",
                "the erasure of this tenant is asked for already",
            )
        })?;
        tenants::note(
            tx,
            operator,
            "tenant.erasure_requested",
            &row,
            json!({ "due_at": due }),
        )
        .await?;
        find(tx, erasure).await
    })
    .await
}

/// Takes the request back, before it begins.
///
/// # Errors
/// [`DomainError::NotFound`], [`DomainError::Conflict`] when it began, [`DomainError::Refused`] without a fresh code.
pub async fn cancel(db: &Db, operator: &Operator, id: TenantId) -> Result<()> {
    let now = db.now();
    db.tenant(id, async |tx| {
        step_up::require(tx, operator, now).await?;
        let row = tenants::lock(tx, id).await?;
        let cancelled = diesel::update(tenant_erasure::table)
            .filter(tenant_erasure::company_id.eq(id))
            .filter(tenant_erasure::cancelled_at.is_null())
            .filter(tenant_erasure::started_at.is_null())
            .set(tenant_erasure::cancelled_at.eq(now))
            .execute(tx)
            .await?;
        if cancelled == 0 {
            let detail = "no erasure of this tenant waits: none was asked for, or it has begun";
            return Err(DomainError::conflict("no_erasure_waits", detail));
        }
        tenants::note(tx, operator, "tenant.erasure_cancelled", &row, json!({})).await
    })
    .await
}

/// Pages all erasures, newest first, also of tenants that are gone.
///
/// # Errors
/// [`DomainError::Invalid`] for the page.
pub async fn list(db: &Db, company: Option<TenantId>, page: &PageRequest) -> Result<Page<Erasure>> {
    let (limit, cursor) = (page.limit()?, page.cursor(SORT)?);
    let mut query = tenant_erasure::table
        .order((
            tenant_erasure::requested_at.desc(),
            tenant_erasure::id.desc(),
        ))
        .limit(limit + 1)
        .select(Erasure::as_select())
        .into_boxed();
    if let Some(company) = company {
        query = query.filter(tenant_erasure::company_id.eq(company));
    }
    if let Some(cursor) = cursor {
        let (at, id) = (cursor.time()?, TenantErasureId(cursor.id));
        query = query.filter(
            tenant_erasure::requested_at
                .lt(at)
                .or(tenant_erasure::requested_at
                    .eq(at)
                    .and(tenant_erasure::id.lt(id))),
        );
    }
    let rows = db.system(async |tx| Ok(query.load(tx).await?)).await?;
    Ok(Page::cut(rows, limit, SORT, |row: &Erasure| {
        (time_key(row.requested_at), row.id.0)
    }))
}

pub(super) async fn is_asked_for(tx: &mut AsyncPgConnection, id: TenantId) -> Result<bool> {
    let open = tenant_erasure::table
        .filter(tenant_erasure::company_id.eq(id))
        .filter(tenant_erasure::cancelled_at.is_null())
        .filter(tenant_erasure::finished_at.is_null());
    Ok(diesel::select(diesel::dsl::exists(open))
        .get_result(tx)
        .await?)
}

async fn find(tx: &mut AsyncPgConnection, id: TenantErasureId) -> Result<Erasure> {
    Ok(tenant_erasure::table
        .find(id)
        .select(Erasure::as_select())
        .first(tx)
        .await?)
}
