//! Mails: their content, kept in versions, and how it becomes one person's mail.

pub mod content;
mod goes_out;
pub mod merge_field;
pub mod preview;
mod queries;
pub mod render;
mod trail;
pub mod version;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;

use self::content::{Content, ContentChange, Locale};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::folder::{self, FolderKind};
use crate::ids::{FolderId, MailId, TemplateId, TenantId, UserId};
use crate::page::{Page, PageRequest, time_key};
use crate::template;

pub(crate) use goes_out::require_send_for_block;
pub(crate) use queries::{find, find_version};

/// A mail with its current content.
#[derive(Debug, Clone, Queryable)]
pub struct Mail {
    pub id: MailId,
    pub folder_id: Option<FolderId>,
    pub name: String,
    /// Number of the content's version.
    pub number: i32,
    pub archived_at: Option<DateTime<Utc>>,
    /// Grows with each write (ETag).
    pub version: i32,
    pub updated_by: Option<UserId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub content: Content,
}

/// A mail in a list: without its parts.
#[derive(Debug, Clone, Queryable)]
pub struct MailItem {
    pub id: MailId,
    pub folder_id: Option<FolderId>,
    pub name: String,
    pub archived_at: Option<DateTime<Utc>>,
    pub version: i32,
    pub updated_by: Option<UserId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub subject: String,
    pub sender_name: String,
    pub sender_address: String,
    pub locale: Locale,
}

/// A mail to be made.
#[derive(Debug, Clone, Default)]
pub struct NewMail {
    pub name: String,
    pub folder_id: Option<FolderId>,
    /// Where the content begins; empty without.
    pub from_template_id: Option<TemplateId>,
    /// Goes over the template's content.
    pub content: ContentChange,
}

/// A change; `None` leaves a value as it is.
#[derive(Debug, Clone, Default)]
pub struct MailChange {
    pub name: Option<String>,
    /// Inner `None` moves it to the top.
    pub folder_id: Option<Option<FolderId>>,
    pub archived: Option<bool>,
    pub content: ContentChange,
}

/// Which mails.
#[derive(Debug, Clone, Default)]
pub struct MailFilter {
    pub folder_id: Option<FolderId>,
    /// A part of the name or subject.
    pub q: Option<String>,
    /// `false` unless told.
    pub archived: bool,
    pub sort: MailSort,
}

crate::text_enum::text_enum! {
    /// Order of a list of mails or templates.
    pub enum MailSort {
        Newest = "-updated_at",
        Oldest = "updated_at",
        Name = "name",
        NameDown = "-name",
    }
}

#[expect(clippy::derivable_impls, reason = "the macro makes the enum")]
impl Default for MailSort {
    fn default() -> Self {
        Self::Newest
    }
}

impl MailSort {
    pub(crate) fn key(self, name: &str, updated_at: DateTime<Utc>) -> String {
        match self {
            Self::Newest | Self::Oldest => time_key(updated_at),
            Self::Name | Self::NameDown => name.to_owned(),
        }
    }
}

fn check(name: Option<&str>, content: &Content) -> Result<()> {
    let mut v = Validation::default();
    if let Some(name) = name {
        v.length("/name", name.trim(), 1, 200);
    }
    content.check(&mut v);
    v.finish()
}

/// Pages mails.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the page.
pub async fn list(
    db: &Db,
    actor: &Actor,
    filter: &MailFilter,
    page: &PageRequest,
) -> Result<Page<MailItem>> {
    actor.require(Permission::MailsRead)?;
    let (limit, sort) = (page.limit()?, filter.sort);
    let cursor = page.cursor(sort.as_str())?;
    db.tenant(actor.tenant_id, async |tx| {
        let rows = queries::page(tx, actor.tenant_id, filter, cursor.as_ref(), limit + 1).await?;
        let mut found = Page::cut(rows, limit, sort.as_str(), |m: &MailItem| {
            (sort.key(&m.name, m.updated_at), m.id.0)
        });
        if page.count {
            found.total = Some(queries::count(tx, actor.tenant_id, filter).await?);
        }
        Ok(found)
    })
    .await
}

/// One mail.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: MailId) -> Result<Mail> {
    actor.require(Permission::MailsRead)?;
    db.tenant(actor.tenant_id, async |tx| {
        find(tx, actor.tenant_id, id).await
    })
    .await
}

/// Makes a mail, empty or from a template.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`].
pub async fn create(db: &Db, actor: &Actor, new: NewMail) -> Result<Mail> {
    actor.require(Permission::MailsWrite)?;
    db.tenant(actor.tenant_id, async |tx| {
        let start = match new.from_template_id {
            Some(id) => template::content(tx, actor.tenant_id, id).await?,
            None => Content::default(),
        };
        let content = new.content.apply(&start);
        insert(tx, actor, &new.name, new.folder_id, &content).await
    })
    .await
}

/// Makes a copy: the current content, in a mail of its own.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Invalid`].
pub async fn copy(
    db: &Db,
    actor: &Actor,
    id: MailId,
    name: Option<String>,
    folder_id: Option<Option<FolderId>>,
) -> Result<Mail> {
    actor.require(Permission::MailsWrite)?;
    db.tenant(actor.tenant_id, async |tx| {
        let from = find(tx, actor.tenant_id, id).await?;
        let name = name.unwrap_or_else(|| {
            let suffix = match from.content.locale {
                Locale::Ja => " のコピー",
                Locale::En => " (copy)",
            };
            from.name
                .chars()
                .take(200 - suffix.chars().count())
                .collect::<String>()
                + suffix
        });
        insert(
            tx,
            actor,
            &name,
            folder_id.unwrap_or(from.folder_id),
            &from.content,
        )
        .await
    })
    .await
}

async fn insert(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    name: &str,
    folder_id: Option<FolderId>,
    content: &Content,
) -> Result<Mail> {
    check(Some(name), content)?;
    if let Some(folder) = folder_id {
        folder::check_reference(tx, actor.tenant_id, FolderKind::Mail, folder).await?;
    }
    let id = MailId::new();
    queries::insert(
        tx,
        actor.tenant_id,
        id,
        name.trim(),
        folder_id,
        actor.user_id,
    )
    .await?;
    version::insert(tx, actor.tenant_id, id, 1, content, actor.user_id).await?;
    // What the content became stands in the mail's versions, each with its author.
    let told = serde_json::json!({ "name": name.trim(), "subject": content.subject });
    audit::change(tx, actor, "mail.created", ("mail", id.0), None, Some(told)).await?;
    find(tx, actor.tenant_id, id).await
}

/// Changes a mail of version `version`. Content goes into the current version
/// of it while the same person keeps on writing, otherwise into a new one.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`] for the content of what goes out by itself,
/// [`DomainError::NotFound`], [`DomainError::Invalid`], [`DomainError::Stale`].
pub async fn update(
    db: &Db,
    actor: &Actor,
    id: MailId,
    version: i32,
    change: MailChange,
) -> Result<Mail> {
    actor.require(Permission::MailsWrite)?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        queries::lock(tx, actor.tenant_id, id).await?;
        let before = find(tx, actor.tenant_id, id).await?;
        if before.version != version {
            return Err(DomainError::Stale);
        }
        let content = change.content.apply(&before.content);
        check(change.name.as_deref(), &content)?;
        if let Some(Some(folder)) = change.folder_id {
            folder::check_reference(tx, actor.tenant_id, FolderKind::Mail, folder).await?;
        }
        let number = if content == before.content {
            before.number
        } else {
            goes_out::require_send(tx, actor, id).await?;
            version::save(tx, actor, id, before.number, &content, now).await?
        };
        let row = queries::Row {
            name: change.name.map(|name| name.trim().to_owned()),
            folder_id: change.folder_id,
            archived_at: change
                .archived
                .map(|archived| archived.then(|| before.archived_at.unwrap_or(now))),
            number,
            version: version + 1,
            updated_by: actor.user_id,
            updated_at: now,
        };
        queries::update(tx, actor.tenant_id, id, &row).await?;
        let after = find(tx, actor.tenant_id, id).await?;
        trail::changed(tx, actor, &before, &after).await?;
        Ok(after)
    })
    .await
}

/// Makes the content of an older version the current one, as a new version.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`] for what goes out by itself, [`DomainError::NotFound`].
pub async fn restore(db: &Db, actor: &Actor, id: MailId, number: i32) -> Result<Mail> {
    actor.require(Permission::MailsWrite)?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        queries::lock(tx, actor.tenant_id, id).await?;
        let before = find(tx, actor.tenant_id, id).await?;
        let old = find_version(tx, actor.tenant_id, id, number).await?;
        goes_out::require_send(tx, actor, id).await?;
        let new = before.number + 1;
        version::insert(tx, actor.tenant_id, id, new, &old, actor.user_id).await?;
        let row = queries::Row {
            number: new,
            version: before.version + 1,
            updated_by: actor.user_id,
            updated_at: now,
            ..queries::Row::default()
        };
        queries::update(tx, actor.tenant_id, id, &row).await?;
        let after = find(tx, actor.tenant_id, id).await?;
        trail::restored(tx, actor, &before, &after, number).await?;
        Ok(after)
    })
    .await
}

/// Deletes a mail of version `version` that no campaign sent or is to send.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Stale`], [`DomainError::Conflict`] when a
/// campaign holds on to it.
pub async fn delete(db: &Db, actor: &Actor, id: MailId, version: i32) -> Result<()> {
    actor.require(Permission::MailsWrite)?;
    db.tenant(actor.tenant_id, async |tx| {
        let before = find(tx, actor.tenant_id, id).await?;
        if queries::is_in_sequence(tx, actor.tenant_id, id).await? {
            return Err(DomainError::conflict(
                "in_use",
                "a sequence holds on to this mail: archive it instead",
            ));
        }
        if !queries::delete(tx, actor.tenant_id, id, version).await? {
            return Err(DomainError::Stale);
        }
        audit::record(
            tx,
            actor,
            audit::Entry {
                action: "mail.deleted",
                subject_kind: "mail",
                subject_id: Some(id.0),
                before: Some(
                    serde_json::json!({ "name": before.name, "subject": before.content.subject }),
                ),
                ..audit::Entry::default()
            },
        )
        .await
    })
    .await
}

/// Everything around a mail of this tenant, for rendering.
pub(crate) async fn surroundings(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    installation: &render::Installation,
    now: DateTime<Utc>,
) -> Result<render::Surroundings> {
    let settings = crate::tenant::find(tx, tenant).await?;
    Ok(render::Surroundings {
        blocks: crate::block::sources(tx, tenant).await?,
        fields: queries::field_keys(tx, tenant).await?.into_iter().collect(),
        legal: render::Legal {
            sender_name: settings.legal_sender_name,
            postal_address: settings.legal_postal_address,
            contact: settings.legal_contact,
        },
        time_zone: settings.time_zone.parse().unwrap_or(chrono_tz::Asia::Tokyo),
        now,
        installation: installation.clone(),
    })
}
