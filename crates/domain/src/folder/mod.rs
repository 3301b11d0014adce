//! Folders for mails, templates and lists: a tree for each kind.

mod queries;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use serde::Serialize;
use serde_json::{Value, json};

use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::ids::{FolderId, TenantId};
use crate::schema::folder;
use crate::text_enum::text_enum;

/// Folders of one kind: a tree that a person overlooks.
const MAX_FOLDERS: i64 = 1_000;
/// Folders within folders.
const MAX_DEPTH: usize = 10;

text_enum! {
    /// What a folder holds.
    pub enum FolderKind {
        Mail = "mail",
        Template = "template",
        List = "list",
    }
}

impl FolderKind {
    fn read(self) -> Permission {
        match self {
            Self::Mail | Self::Template => Permission::MailsRead,
            Self::List => Permission::ContactsRead,
        }
    }

    fn write(self) -> Permission {
        match self {
            Self::Mail | Self::Template => Permission::MailsWrite,
            Self::List => Permission::ListsWrite,
        }
    }
}

/// A folder.
#[derive(Debug, Clone, Queryable, Selectable, Serialize)]
#[diesel(table_name = folder)]
pub struct Folder {
    pub id: FolderId,
    pub kind: FolderKind,
    pub name: String,
    pub parent_id: Option<FolderId>,
    /// Order among its siblings; equal ones by name.
    pub position: i32,
    pub version: i32,
    pub created_at: DateTime<Utc>,
}

/// A folder to be made.
#[derive(Debug, Clone)]
pub struct NewFolder {
    pub kind: FolderKind,
    pub name: String,
    pub parent_id: Option<FolderId>,
    pub position: i32,
}

/// A change; `None` leaves a value as it is.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = folder)]
pub struct FolderChange {
    pub name: Option<String>,
    /// Inner `None` moves it to the top.
    pub parent_id: Option<Option<FolderId>>,
    pub position: Option<i32>,
}

fn check_name(name: Option<&String>) -> Result<()> {
    let mut v = Validation::default();
    if let Some(name) = name {
        v.length("/name", name.trim(), 1, 100);
    }
    v.finish()
}

/// All folders of a kind, parents' children in their order.
///
/// # Errors
/// [`DomainError::Forbidden`].
pub async fn list(db: &Db, actor: &Actor, kind: FolderKind) -> Result<Vec<Folder>> {
    actor.require(kind.read())?;
    db.tenant(actor.tenant_id, async |tx| {
        queries::list(tx, actor.tenant_id, kind).await
    })
    .await
}

/// One folder.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: FolderId) -> Result<Folder> {
    let folder = db
        .tenant(actor.tenant_id, async |tx| {
            queries::find(tx, actor.tenant_id, id).await
        })
        .await?;
    actor.require(folder.kind.read())?;
    Ok(folder)
}

/// Makes a folder.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the name or a parent of another kind,
/// [`DomainError::Conflict`] when there are too many.
pub async fn create(db: &Db, actor: &Actor, new: NewFolder) -> Result<Folder> {
    actor.require(new.kind.write())?;
    check_name(Some(&new.name))?;
    db.tenant(actor.tenant_id, async |tx| {
        queries::lock(tx, actor.tenant_id, new.kind).await?;
        let folders = queries::list(tx, actor.tenant_id, new.kind).await?;
        if i64::try_from(folders.len()).unwrap_or(i64::MAX) >= MAX_FOLDERS {
            return Err(DomainError::conflict(
                "too_many",
                format!("there are {MAX_FOLDERS} folders already"),
            ));
        }
        check_parent(&folders, None, new.parent_id)?;
        let made = queries::insert(tx, actor.tenant_id, FolderId::new(), &new).await?;
        let subject = ("folder", made.id.0);
        audit::change(tx, actor, "folder.created", subject, None, told(&made)).await?;
        Ok(made)
    })
    .await
}

/// Renames or moves a folder of version `version`.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Stale`], [`DomainError::Invalid`] for a move
/// into itself or below.
pub async fn update(
    db: &Db,
    actor: &Actor,
    id: FolderId,
    version: i32,
    change: FolderChange,
) -> Result<Folder> {
    check_name(change.name.as_ref())?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let before = queries::find(tx, actor.tenant_id, id).await?;
        actor.require(before.kind.write())?;
        queries::lock(tx, actor.tenant_id, before.kind).await?;
        if let Some(parent) = change.parent_id {
            check_parent(
                &queries::list(tx, actor.tenant_id, before.kind).await?,
                Some(id),
                parent,
            )?;
        }
        let after = queries::update(tx, actor.tenant_id, id, version, &change, now)
            .await?
            .ok_or(DomainError::Stale)?;
        let (subject, was) = (("folder", id.0), told(&before));
        audit::change(tx, actor, "folder.updated", subject, was, told(&after)).await?;
        Ok(after)
    })
    .await
}

/// Deletes an empty folder of version `version`.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Stale`], [`DomainError::Conflict`] when
/// something lies in it.
pub async fn delete(db: &Db, actor: &Actor, id: FolderId, version: i32) -> Result<()> {
    db.tenant(actor.tenant_id, async |tx| {
        let before = queries::find(tx, actor.tenant_id, id).await?;
        actor.require(before.kind.write())?;
        if !queries::delete(tx, actor.tenant_id, id, version).await? {
            return Err(DomainError::Stale);
        }
        let subject = ("folder", id.0);
        audit::change(tx, actor, "folder.deleted", subject, told(&before), None).await
    })
    .await
}

/// For the trace.
fn told(folder: &Folder) -> Option<Value> {
    Some(json!({ "name": folder.name, "parent_id": folder.parent_id }))
}

/// Refuses an unknown parent, a circle, and a tree that is too deep.
fn check_parent(
    folders: &[Folder],
    moved: Option<FolderId>,
    parent: Option<FolderId>,
) -> Result<()> {
    let mut above = parent;
    let mut depth = 0;
    while let Some(id) = above {
        if Some(id) == moved {
            return Err(DomainError::invalid(
                "/parent_id",
                "circular",
                "a folder cannot lie in itself or in a folder below it",
            ));
        }
        let Some(folder) = folders.iter().find(|f| f.id == id) else {
            return Err(DomainError::invalid(
                "/parent_id",
                "unknown",
                "there is no such folder of this kind",
            ));
        };
        above = folder.parent_id;
        depth += 1;
        if depth >= MAX_DEPTH {
            return Err(DomainError::invalid(
                "/parent_id",
                "too_deep",
                format!("folders nest {MAX_DEPTH} deep at most"),
            ));
        }
    }
    Ok(())
}

/// Refuses a folder that is not there, of another tenant or of another kind;
/// for ids in the bodies of other nouns.
///
/// # Errors
/// [`DomainError::Invalid`] with the pointer `/folder_id`.
pub(crate) async fn check_reference(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    kind: FolderKind,
    id: FolderId,
) -> Result<()> {
    match queries::find(tx, tenant, id).await {
        Ok(folder) if folder.kind == kind => Ok(()),
        Ok(_) | Err(DomainError::NotFound { .. }) => Err(DomainError::invalid(
            "/folder_id",
            "unknown",
            "there is no such folder",
        )),
        Err(error) => Err(error),
    }
}
