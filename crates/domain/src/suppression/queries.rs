//! SQL of suppression.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{Kind, Reason, Suppression, SuppressionFilter};
use crate::db::error::expect_unique;
use crate::error::{DomainError, Result};
use crate::ids::{SuppressionId, TenantId};
use crate::schema::suppression;

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    row: &Suppression,
) -> Result<()> {
    let inserted = diesel::insert_into(suppression::table)
        .values(values(tenant, row))
        .execute(tx)
        .await;
    expect_unique(inserted, "suppression_tenant_id_kind_value_key", || {
        DomainError::conflict(
            "already_suppressed",
            "this address or domain is blocked already",
        )
    })?;
    Ok(())
}

type Values<'a> = (
    diesel::dsl::Eq<suppression::tenant_id, TenantId>,
    diesel::dsl::Eq<suppression::id, SuppressionId>,
    diesel::dsl::Eq<suppression::kind, Kind>,
    diesel::dsl::Eq<suppression::value, &'a str>,
    diesel::dsl::Eq<suppression::reason, Reason>,
    diesel::dsl::Eq<suppression::source, &'a str>,
    diesel::dsl::Eq<suppression::note, &'a str>,
    diesel::dsl::Eq<suppression::created_by, Option<crate::ids::UserId>>,
    diesel::dsl::Eq<suppression::created_at, DateTime<Utc>>,
);

fn values(tenant: TenantId, row: &Suppression) -> Values<'_> {
    (
        suppression::tenant_id.eq(tenant),
        suppression::id.eq(row.id),
        suppression::kind.eq(row.kind),
        suppression::value.eq(row.value.as_str()),
        suppression::reason.eq(row.reason),
        suppression::source.eq(row.source.as_str()),
        suppression::note.eq(row.note.as_str()),
        suppression::created_by.eq(row.created_by),
        suppression::created_at.eq(row.created_at),
    )
}

/// Blocks an address for a reason that the service found itself; one that is
/// blocked already keeps its first reason.
///
/// # Errors
/// When the database does.
pub(crate) async fn suppress_address(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    email_key: &str,
    reason: Reason,
    source: &str,
    note: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let row = Suppression {
        id: SuppressionId::new(),
        kind: Kind::Address,
        value: email_key.to_owned(),
        reason,
        source: source.to_owned(),
        note: note.chars().take(2000).collect(),
        created_by: None,
        created_at: now,
    };
    diesel::insert_into(suppression::table)
        .values(values(tenant, &row))
        .on_conflict_do_nothing()
        .execute(tx)
        .await?;
    Ok(())
}

/// As [`suppress_address`], of several.
pub(crate) async fn suppress_addresses(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    email_keys: &[String],
    reason: Reason,
    source: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    // In order, so that two batches never wait for each other.
    let mut email_keys = email_keys.to_vec();
    email_keys.sort_unstable();
    email_keys.dedup();
    let rows: Vec<Suppression> = email_keys
        .into_iter()
        .map(|value| Suppression {
            id: SuppressionId::new(),
            kind: Kind::Address,
            value,
            reason,
            source: source.to_owned(),
            note: String::new(),
            created_by: None,
            created_at: now,
        })
        .collect();
    let rows: Vec<_> = rows.iter().map(|row| values(tenant, row)).collect();
    diesel::insert_into(suppression::table)
        .values(rows)
        .on_conflict_do_nothing()
        .execute(tx)
        .await?;
    Ok(())
}

/// Whether the person behind an address cancelled everything.
///
/// # Errors
/// When the database does.
pub(crate) async fn is_cancelled(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    email_key: &str,
) -> Result<bool> {
    let entries: i64 = suppression::table
        .filter(suppression::tenant_id.eq(tenant))
        .filter(suppression::kind.eq(Kind::Address))
        .filter(suppression::value.eq(email_key))
        .filter(suppression::reason.eq(Reason::Cancelled))
        .count()
        .get_result(tx)
        .await?;
    Ok(entries > 0)
}

/// Takes an address off that stands there because of a cancellation alone.
///
/// # Errors
/// When the database does.
pub(crate) async fn unsuppress_cancelled(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    email_key: &str,
) -> Result<()> {
    diesel::delete(
        suppression::table
            .filter(suppression::tenant_id.eq(tenant))
            .filter(suppression::kind.eq(Kind::Address))
            .filter(suppression::value.eq(email_key))
            .filter(suppression::reason.eq(Reason::Cancelled)),
    )
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn page(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    filter: &SuppressionFilter,
    before: Option<(DateTime<Utc>, SuppressionId)>,
    limit: i64,
) -> Result<Vec<Suppression>> {
    let mut query = suppression::table
        .filter(suppression::tenant_id.eq(tenant))
        .select(Suppression::as_select())
        .order((suppression::created_at.desc(), suppression::id.desc()))
        .limit(limit)
        .into_boxed();
    if let Some(kind) = filter.kind {
        query = query.filter(suppression::kind.eq(kind));
    }
    if let Some(reason) = filter.reason {
        query = query.filter(suppression::reason.eq(reason));
    }
    if let Some(q) = filter.q.as_deref().map(str::trim).filter(|q| !q.is_empty()) {
        let escaped = q
            .to_lowercase()
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_");
        query = query.filter(suppression::value.ilike(format!("{escaped}%")));
    }
    if let Some((at, id)) = before {
        query = query.filter(
            suppression::created_at
                .lt(at)
                .or(suppression::created_at.eq(at).and(suppression::id.lt(id))),
        );
    }
    Ok(query.load(tx).await?)
}

/// The entry that was taken off, if there was one.
pub(super) async fn delete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SuppressionId,
) -> Result<Option<Suppression>> {
    Ok(diesel::delete(suppression::table.find((tenant, id)))
        .returning(Suppression::as_returning())
        .get_result(tx)
        .await
        .optional()?)
}
