//! Lists (配信グループ) that contacts subscribe to.

mod queries;
pub mod subscription;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use serde::Serialize;

use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::ids::{ContactId, FolderId, ListId};
use crate::page::{Page, PageRequest, time_key};
use crate::schema::list;

pub(crate) use queries::{existing, require_all};

/// Colours that a list can have; the SPA knows what each looks like.
pub const COLOURS: [&str; 8] = [
    "gray", "red", "orange", "yellow", "green", "teal", "blue", "purple",
];
/// Contacts that one call adds.
pub const MAX_MEMBERS_PER_CALL: usize = 10_000;

/// A list.
#[derive(Debug, Clone, Queryable, Selectable, Serialize)]
#[diesel(table_name = list)]
pub struct List {
    pub id: ListId,
    pub name: String,
    pub description: String,
    /// One of [`COLOURS`].
    pub colour: String,
    pub folder_id: Option<FolderId>,
    /// Subscribed contacts.
    pub member_count: i64,
    pub version: i32,
    pub created_at: DateTime<Utc>,
}

/// A list to be made.
#[derive(Debug)]
pub struct NewList {
    pub name: String,
    pub description: String,
    pub colour: String,
    pub folder_id: Option<FolderId>,
}

/// A change; `None` leaves a value as it is.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = list)]
pub struct ListChange {
    pub name: Option<String>,
    pub description: Option<String>,
    pub colour: Option<String>,
    /// Inner `None` takes it out of its folder.
    pub folder_id: Option<Option<FolderId>>,
}

impl ListChange {
    fn check(&self) -> Result<()> {
        let mut v = Validation::default();
        if let Some(name) = &self.name {
            v.length("/name", name, 1, 100);
        }
        if let Some(description) = &self.description {
            v.length("/description", description, 0, 2000);
        }
        if let Some(colour) = &self.colour
            && !COLOURS.contains(&colour.as_str())
        {
            v.add(
                "/colour",
                "unknown",
                format!("must be one of {}", COLOURS.join(", ")),
            );
        }
        v.finish()
    }
}

/// Order of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListSort {
    #[default]
    Name,
    NewestFirst,
}

impl ListSort {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::NewestFirst => "-created_at",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Name, Self::NewestFirst]
            .into_iter()
            .find(|sort| sort.as_str() == text)
    }
}

/// Makes a list.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`], also for a folder of another kind; [`DomainError::Conflict`] for a name in use.
pub async fn create(db: &Db, actor: &Actor, new: NewList) -> Result<List> {
    actor.require(Permission::ListsWrite)?;
    let change = ListChange {
        name: Some(new.name),
        description: Some(new.description),
        colour: Some(new.colour),
        folder_id: Some(new.folder_id),
    };
    change.check()?;
    let (id, now) = (ListId::new(), db.now());
    db.tenant(actor.tenant_id, async |tx| {
        queries::require_folder(tx, actor.tenant_id, new.folder_id).await?;
        let row = queries::insert(tx, actor.tenant_id, id, &change, now).await?;
        record(tx, actor, "list.created", None, Some(&row)).await?;
        Ok(row)
    })
    .await
}

/// Pages the lists, of one folder or of all.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the page.
pub async fn list(
    db: &Db,
    actor: &Actor,
    folder: Option<FolderId>,
    sort: ListSort,
    page: &PageRequest,
) -> Result<Page<List>> {
    actor.require(Permission::ContactsRead)?;
    let (limit, cursor) = (page.limit()?, page.cursor(sort.as_str())?);
    let rows = db
        .tenant(actor.tenant_id, async |tx| {
            queries::page(
                tx,
                actor.tenant_id,
                folder,
                sort,
                cursor.as_ref(),
                limit + 1,
            )
            .await
        })
        .await?;
    Ok(Page::cut(
        rows,
        limit,
        sort.as_str(),
        |row: &List| match sort {
            ListSort::Name => (row.name.clone(), row.id.0),
            ListSort::NewestFirst => (time_key(row.created_at), row.id.0),
        },
    ))
}

/// One list.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: ListId) -> Result<List> {
    actor.require(Permission::ContactsRead)?;
    db.tenant(actor.tenant_id, async |tx| {
        queries::find(tx, actor.tenant_id, id).await
    })
    .await
}

/// Changes a list of version `version`.
///
/// # Errors
/// As [`create`], and [`DomainError::NotFound`], [`DomainError::Stale`].
pub async fn update(
    db: &Db,
    actor: &Actor,
    id: ListId,
    version: i32,
    change: ListChange,
) -> Result<List> {
    actor.require(Permission::ListsWrite)?;
    change.check()?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let before = queries::find(tx, actor.tenant_id, id).await?;
        queries::require_folder(tx, actor.tenant_id, change.folder_id.flatten()).await?;
        let after = queries::update(tx, actor.tenant_id, id, version, &change, now)
            .await?
            .ok_or(DomainError::Stale)?;
        record(tx, actor, "list.updated", Some(&before), Some(&after)).await?;
        Ok(after)
    })
    .await
}

/// Deletes a list of version `version`; its contacts stay.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Stale`].
pub async fn delete(db: &Db, actor: &Actor, id: ListId, version: i32) -> Result<()> {
    actor.require(Permission::ListsWrite)?;
    db.tenant(actor.tenant_id, async |tx| {
        let before = queries::find(tx, actor.tenant_id, id).await?;
        if !queries::delete(tx, actor.tenant_id, id, version).await? {
            return Err(DomainError::Stale);
        }
        record(tx, actor, "list.deleted", Some(&before), None).await
    })
    .await
}

/// Subscribes contacts by hand, also those who were unsubscribed. Answers how
/// many were not subscribed before.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`] for the list, [`DomainError::Invalid`] when a contact does not exist.
pub async fn add_members(
    db: &Db,
    actor: &Actor,
    id: ListId,
    contacts: &[ContactId],
) -> Result<usize> {
    actor.require(Permission::ListsWrite)?;
    if contacts.len() > MAX_MEMBERS_PER_CALL {
        return Err(DomainError::invalid(
            "/contact_ids",
            "too_many",
            format!("at most {MAX_MEMBERS_PER_CALL} in one call"),
        ));
    }
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        queries::find(tx, actor.tenant_id, id).await?;
        queries::require_contacts(tx, actor.tenant_id, contacts).await?;
        let added = subscription::set_many(
            tx,
            actor.tenant_id,
            id,
            contacts,
            subscription::Status::Subscribed,
            "manual",
            now,
        )
        .await?;
        let after = serde_json::json!({ "contacts": contacts.len(), "added": added });
        let entry = audit::Entry {
            action: "list.members_added",
            subject_kind: "list",
            subject_id: Some(id.0),
            after: Some(after),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await?;
        Ok(added)
    })
    .await
}

/// Unsubscribes one contact by hand.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`] when it is not subscribed.
pub async fn remove_member(db: &Db, actor: &Actor, id: ListId, contact: ContactId) -> Result<()> {
    actor.require(Permission::ListsWrite)?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let removed = subscription::set_many(
            tx,
            actor.tenant_id,
            id,
            &[contact],
            subscription::Status::Unsubscribed,
            "manual",
            now,
        )
        .await?;
        if removed == 0 {
            Err(DomainError::not_found("member"))
        } else {
            Ok(())
        }
    })
    .await
}

async fn record(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    action: &str,
    before: Option<&List>,
    after: Option<&List>,
) -> Result<()> {
    let json = |row: &List| serde_json::to_value(row).ok();
    let entry = audit::Entry {
        action,
        subject_kind: "list",
        subject_id: before.or(after).map(|row| row.id.0),
        before: before.and_then(json),
        after: after.and_then(json),
    };
    audit::record(tx, actor, entry).await
}
