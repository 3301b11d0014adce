//! SQL of folders.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{Folder, FolderChange, FolderKind, NewFolder};
use crate::db::turn::take_turn;
use crate::error::{DomainError, Result};
use crate::ids::{FolderId, TenantId};
use crate::schema::folder;

/// Two moves at once could make a circle that neither sees: changes of one
/// tree wait for each other until the transaction ends.
pub(super) async fn lock(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    kind: FolderKind,
) -> Result<()> {
    take_turn(tx, &format!("folder:{tenant}:{}", kind.as_str())).await
}

pub(super) async fn list(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    kind: FolderKind,
) -> Result<Vec<Folder>> {
    Ok(folder::table
        .filter(folder::tenant_id.eq(tenant).and(folder::kind.eq(kind)))
        .select(Folder::as_select())
        .order((folder::position, folder::name, folder::id))
        .load(tx)
        .await?)
}

pub(super) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: FolderId,
) -> Result<Folder> {
    folder::table
        .find((tenant, id))
        .select(Folder::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("folder"))
}

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: FolderId,
    new: &NewFolder,
) -> Result<Folder> {
    Ok(diesel::insert_into(folder::table)
        .values((
            folder::tenant_id.eq(tenant),
            folder::id.eq(id),
            folder::kind.eq(new.kind),
            folder::name.eq(new.name.trim()),
            folder::parent_id.eq(new.parent_id),
            folder::position.eq(new.position),
        ))
        .returning(Folder::as_returning())
        .get_result(tx)
        .await?)
}

/// `None` when the version is not the current one.
pub(super) async fn update(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: FolderId,
    version: i32,
    change: &FolderChange,
    now: DateTime<Utc>,
) -> Result<Option<Folder>> {
    Ok(diesel::update(
        folder::table
            .find((tenant, id))
            .filter(folder::version.eq(version)),
    )
    .set((
        change,
        folder::version.eq(version + 1),
        folder::updated_at.eq(now),
    ))
    .returning(Folder::as_returning())
    .get_result(tx)
    .await
    .optional()?)
}

/// Whether it was there in that version.
pub(super) async fn delete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: FolderId,
    version: i32,
) -> Result<bool> {
    let deleted = diesel::delete(
        folder::table
            .find((tenant, id))
            .filter(folder::version.eq(version)),
    )
    .execute(tx)
    .await;
    match deleted {
        Ok(n) => Ok(n == 1),
        // Whatever points at a folder lies in it.
        Err(DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) => {
            Err(DomainError::conflict(
                "not_empty",
                "the folder is not empty: move or delete what lies in it first",
            ))
        }
        Err(error) => Err(error.into()),
    }
}
