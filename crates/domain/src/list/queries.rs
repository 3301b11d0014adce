//! SQL of lists.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{List, ListChange, ListSort};
use crate::db::error::expect_unique;
use crate::error::{DomainError, Result};
use crate::ids::{ContactId, FolderId, ListId, TenantId};
use crate::page::Cursor;
use crate::schema::{contact, folder, list};

fn taken() -> DomainError {
    DomainError::conflict("name_taken", "another list has this name")
}

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ListId,
    row: &ListChange,
    now: DateTime<Utc>,
) -> Result<List> {
    let inserted = diesel::insert_into(list::table)
        .values((
            list::tenant_id.eq(tenant),
            list::id.eq(id),
            list::name.eq(row.name.as_deref().unwrap_or_default()),
            list::description.eq(row.description.as_deref().unwrap_or_default()),
            list::colour.eq(row.colour.as_deref().unwrap_or_default()),
            list::folder_id.eq(row.folder_id.flatten()),
            list::created_at.eq(now),
            list::updated_at.eq(now),
        ))
        .returning(List::as_returning())
        .get_result(tx)
        .await;
    expect_unique(inserted, "list_tenant_id_name_key", taken)
}

pub(super) async fn find(tx: &mut AsyncPgConnection, tenant: TenantId, id: ListId) -> Result<List> {
    list::table
        .find((tenant, id))
        .select(List::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("list"))
}

pub(super) async fn page(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    in_folder: Option<FolderId>,
    sort: ListSort,
    cursor: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<List>> {
    let mut query = list::table
        .filter(list::tenant_id.eq(tenant))
        .select(List::as_select())
        .limit(limit)
        .into_boxed();
    if let Some(folder) = in_folder {
        query = query.filter(list::folder_id.eq(folder));
    }
    match sort {
        ListSort::Name => {
            query = query.order(list::name);
            if let Some(cursor) = cursor {
                // Names are unique in a tenant.
                query = query.filter(list::name.gt(cursor.value.clone()));
            }
        }
        ListSort::NewestFirst => {
            query = query.order((list::created_at.desc(), list::id.desc()));
            if let Some(cursor) = cursor {
                let (at, id) = (cursor.time()?, ListId(cursor.id));
                query = query.filter(
                    list::created_at
                        .lt(at)
                        .or(list::created_at.eq(at).and(list::id.lt(id))),
                );
            }
        }
    }
    Ok(query.load(tx).await?)
}

/// `None` when the version is not the current one.
pub(super) async fn update(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ListId,
    version: i32,
    change: &ListChange,
    now: DateTime<Utc>,
) -> Result<Option<List>> {
    let updated = diesel::update(
        list::table
            .find((tenant, id))
            .filter(list::version.eq(version)),
    )
    .set((
        change,
        list::version.eq(list::version + 1),
        list::updated_at.eq(now),
    ))
    .returning(List::as_returning())
    .get_result(tx)
    .await
    .optional();
    expect_unique(updated, "list_tenant_id_name_key", taken)
}

/// Whether it was there in that version.
pub(super) async fn delete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ListId,
    version: i32,
) -> Result<bool> {
    Ok(diesel::delete(
        list::table
            .find((tenant, id))
            .filter(list::version.eq(version)),
    )
    .execute(tx)
    .await?
        == 1)
}

/// Refuses a folder that is not there, or not one of lists.
pub(super) async fn require_folder(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: Option<FolderId>,
) -> Result<()> {
    let Some(id) = id else { return Ok(()) };
    let kind: Option<String> = folder::table
        .find((tenant, id))
        .select(folder::kind)
        .first(tx)
        .await
        .optional()?;
    match kind.as_deref() {
        Some("list") => Ok(()),
        _ => Err(DomainError::invalid(
            "/folder_id",
            "unknown",
            "there is no such folder of lists",
        )),
    }
}

/// Refuses ids of lists that are not there (or another tenant's).
///
/// # Errors
/// [`DomainError::Invalid`] at `pointer`.
pub(crate) async fn require_all(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    ids: &[ListId],
    pointer: &str,
) -> Result<()> {
    let known: Vec<ListId> = list::table
        .filter(list::tenant_id.eq(tenant).and(list::id.eq_any(ids)))
        .select(list::id)
        .load(tx)
        .await?;
    match ids.iter().position(|id| !known.contains(id)) {
        None => Ok(()),
        Some(i) => Err(DomainError::invalid(
            format!("{pointer}/{i}"),
            "unknown",
            "there is no such list",
        )),
    }
}

/// Those of the ids that are there, in their order.
///
/// # Errors
/// When the database does.
pub(crate) async fn existing(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    ids: &[ListId],
) -> Result<Vec<ListId>> {
    let known: Vec<ListId> = list::table
        .filter(list::tenant_id.eq(tenant).and(list::id.eq_any(ids)))
        .select(list::id)
        .load(tx)
        .await?;
    Ok(ids
        .iter()
        .copied()
        .filter(|id| known.contains(id))
        .collect())
}

/// As [`require_all`], for contacts.
pub(super) async fn require_contacts(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    ids: &[ContactId],
) -> Result<()> {
    let known: Vec<ContactId> = contact::table
        .filter(contact::tenant_id.eq(tenant).and(contact::id.eq_any(ids)))
        .select(contact::id)
        .order(contact::id)
        .load(tx)
        .await?;
    match ids.iter().position(|id| known.binary_search(id).is_err()) {
        None => Ok(()),
        Some(i) => Err(DomainError::invalid(
            format!("/contact_ids/{i}"),
            "unknown",
            "there is no such contact",
        )),
    }
}
