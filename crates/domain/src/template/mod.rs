//! Templates: starts for mails, the tenant's own and supplied ones.

mod queries;
mod supplied;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use serde_json::{Value, json};

use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::folder::{self, FolderKind};
use crate::ids::{FolderId, TemplateId, TenantId, UserId};
use crate::mail::MailSort;
use crate::mail::content::{Content, ContentChange, Locale};
use crate::page::{Page, PageRequest};

pub use supplied::FIRST_MAIL;

/// A template.
#[derive(Debug, Clone, Queryable)]
pub struct Template {
    pub id: TemplateId,
    pub folder_id: Option<FolderId>,
    pub name: String,
    pub description: String,
    /// Name of one that came with the product.
    pub supplied_key: Option<String>,
    pub version: i32,
    pub updated_by: Option<UserId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub content: Content,
}

/// A template in a list: without its parts.
#[derive(Debug, Clone, Queryable)]
pub struct TemplateItem {
    pub id: TemplateId,
    pub folder_id: Option<FolderId>,
    pub name: String,
    pub description: String,
    pub supplied_key: Option<String>,
    pub version: i32,
    pub updated_by: Option<UserId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub subject: String,
    pub locale: Locale,
}

/// A template to be made.
#[derive(Debug, Clone, Default)]
pub struct NewTemplate {
    pub name: String,
    pub description: String,
    pub folder_id: Option<FolderId>,
    pub content: ContentChange,
}

/// A change; `None` leaves a value as it is.
#[derive(Debug, Clone, Default)]
pub struct TemplateChange {
    pub name: Option<String>,
    pub description: Option<String>,
    /// Inner `None` moves it to the top.
    pub folder_id: Option<Option<FolderId>>,
    pub content: ContentChange,
}

/// Which templates.
#[derive(Debug, Clone, Default)]
pub struct TemplateFilter {
    pub folder_id: Option<FolderId>,
    /// A part of the name or subject.
    pub q: Option<String>,
    pub sort: MailSort,
}

fn check(name: Option<&str>, description: Option<&str>, content: &Content) -> Result<()> {
    let mut v = Validation::default();
    if let Some(name) = name {
        v.length("/name", name.trim(), 1, 200);
    }
    if let Some(description) = description {
        v.length("/description", description, 0, 2000);
    }
    content.check(&mut v);
    v.finish()
}

/// Pages templates; a tenant's first look makes the supplied ones.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the page.
pub async fn list(
    db: &Db,
    actor: &Actor,
    filter: &TemplateFilter,
    page: &PageRequest,
) -> Result<Page<TemplateItem>> {
    actor.require(Permission::MailsRead)?;
    let (limit, sort) = (page.limit()?, filter.sort);
    let cursor = page.cursor(sort.as_str())?;
    db.tenant(actor.tenant_id, async |tx| {
        ensure_supplied(tx, actor.tenant_id).await?;
        let rows = queries::page(tx, actor.tenant_id, filter, cursor.as_ref(), limit + 1).await?;
        Ok(Page::cut(rows, limit, sort.as_str(), |t: &TemplateItem| {
            (sort.key(&t.name, t.updated_at), t.id.0)
        }))
    })
    .await
}

/// Makes the supplied templates that this tenant never had. A deleted one does
/// not come back: its row stays, without content, and hidden.
pub(crate) async fn ensure_supplied(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<()> {
    let known = queries::supplied_keys(tx, tenant).await?;
    for template in supplied::ALL
        .iter()
        .filter(|t| !known.iter().any(|k| k == t.key))
    {
        queries::insert_supplied(tx, tenant, template).await?;
    }
    Ok(())
}

/// One template.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: TemplateId) -> Result<Template> {
    actor.require(Permission::MailsRead)?;
    db.tenant(actor.tenant_id, async |tx| {
        queries::find(tx, actor.tenant_id, id).await
    })
    .await
}

/// The supplied template of that key.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get_supplied(db: &Db, actor: &Actor, key: &str) -> Result<Template> {
    actor.require(Permission::MailsRead)?;
    db.tenant(actor.tenant_id, async |tx| {
        ensure_supplied(tx, actor.tenant_id).await?;
        queries::find_supplied(tx, actor.tenant_id, key).await
    })
    .await
}

/// Content of a template that another noun's body names.
pub(crate) async fn content(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: TemplateId,
) -> Result<Content> {
    match queries::find(tx, tenant, id).await {
        Ok(template) => Ok(template.content),
        Err(DomainError::NotFound { .. }) => Err(DomainError::invalid(
            "/from_template_id",
            "unknown",
            "there is no such template",
        )),
        Err(error) => Err(error),
    }
}

/// Makes a template.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`].
pub async fn create(db: &Db, actor: &Actor, new: NewTemplate) -> Result<Template> {
    actor.require(Permission::MailsWrite)?;
    let content = new.content.apply(&Content::default());
    check(Some(&new.name), Some(&new.description), &content)?;
    db.tenant(actor.tenant_id, async |tx| {
        if let Some(folder) = new.folder_id {
            folder::check_reference(tx, actor.tenant_id, FolderKind::Template, folder).await?;
        }
        let id = TemplateId::new();
        let head = queries::Head {
            name: new.name.trim(),
            description: &new.description,
            folder_id: new.folder_id,
        };
        queries::insert(tx, actor.tenant_id, id, &head, &content, actor.user_id).await?;
        let made = queries::find(tx, actor.tenant_id, id).await?;
        let subject = ("template", id.0);
        audit::change(tx, actor, "template.created", subject, None, told(&made)).await?;
        Ok(made)
    })
    .await
}

/// For the trace: which template, in which version.
fn told(template: &Template) -> Option<Value> {
    let Template {
        name,
        content,
        version,
        ..
    } = template;
    Some(json!({ "name": name, "subject": content.subject, "version": version }))
}

/// Changes a template of version `version`.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Invalid`], [`DomainError::Stale`].
pub async fn update(
    db: &Db,
    actor: &Actor,
    id: TemplateId,
    version: i32,
    change: TemplateChange,
) -> Result<Template> {
    actor.require(Permission::MailsWrite)?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let before = queries::find(tx, actor.tenant_id, id).await?;
        let content = change.content.apply(&before.content);
        check(
            change.name.as_deref(),
            change.description.as_deref(),
            &content,
        )?;
        if let Some(Some(folder)) = change.folder_id {
            folder::check_reference(tx, actor.tenant_id, FolderKind::Template, folder).await?;
        }
        let row = queries::Row {
            name: change.name.map(|name| name.trim().to_owned()),
            description: change.description,
            folder_id: change.folder_id,
            version: version + 1,
            updated_by: actor.user_id,
            updated_at: now,
        };
        if !queries::update(tx, actor.tenant_id, id, version, &row, &content).await? {
            return Err(DomainError::Stale);
        }
        let after = queries::find(tx, actor.tenant_id, id).await?;
        let (subject, was) = (("template", id.0), told(&before));
        audit::change(tx, actor, "template.updated", subject, was, told(&after)).await?;
        Ok(after)
    })
    .await
}

/// Deletes a template of version `version`. Mails made from it keep what they have.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Stale`].
pub async fn delete(db: &Db, actor: &Actor, id: TemplateId, version: i32) -> Result<()> {
    actor.require(Permission::MailsWrite)?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let before = queries::find(tx, actor.tenant_id, id).await?;
        let deleted = if before.supplied_key.is_some() {
            queries::hide(tx, actor.tenant_id, id, version, now).await?
        } else {
            queries::delete(tx, actor.tenant_id, id, version).await?
        };
        if !deleted {
            return Err(DomainError::Stale);
        }
        let subject = ("template", id.0);
        audit::change(tx, actor, "template.deleted", subject, told(&before), None).await
    })
    .await
}
