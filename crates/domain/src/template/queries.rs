//! SQL of templates.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::supplied::Supplied;
use super::{Template, TemplateFilter, TemplateItem};
use crate::error::{DomainError, Result};
use crate::ids::{FolderId, TemplateId, TenantId, UserId};
use crate::mail::MailSort;
use crate::mail::content::{Content, content_columns, content_values};
use crate::page::{Cursor, contains_pattern};
use crate::schema::template;

/// What a new template has besides its content.
pub(super) struct Head<'a> {
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    pub(super) folder_id: Option<FolderId>,
}

/// The columns that a change sets besides the content.
#[derive(Debug, AsChangeset)]
#[diesel(table_name = template)]
pub(super) struct Row {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) folder_id: Option<Option<FolderId>>,
    pub(super) version: i32,
    pub(super) updated_by: Option<UserId>,
    pub(super) updated_at: DateTime<Utc>,
}

macro_rules! columns {
    () => {
        (
            template::id,
            template::folder_id,
            template::name,
            template::description,
            template::supplied_key,
            template::version,
            template::updated_by,
            template::created_at,
            template::updated_at,
            content_columns!(template),
        )
    };
}

pub(super) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: TemplateId,
) -> Result<Template> {
    template::table
        .find((tenant, id))
        .filter(template::hidden_at.is_null())
        .select(columns!())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("template"))
}

pub(super) async fn find_supplied(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    key: &str,
) -> Result<Template> {
    template::table
        .filter(
            template::tenant_id
                .eq(tenant)
                .and(template::supplied_key.eq(key)),
        )
        .filter(template::hidden_at.is_null())
        .select(columns!())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("template"))
}

pub(super) async fn supplied_keys(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
) -> Result<Vec<String>> {
    let keys: Vec<Option<String>> = template::table
        .filter(
            template::tenant_id
                .eq(tenant)
                .and(template::supplied_key.is_not_null()),
        )
        .select(template::supplied_key)
        .load(tx)
        .await?;
    Ok(keys.into_iter().flatten().collect())
}

pub(super) async fn page(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    filter: &TemplateFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<TemplateItem>> {
    let mut query = template::table
        .filter(template::tenant_id.eq(tenant))
        .filter(template::hidden_at.is_null())
        .into_boxed();
    if let Some(folder) = filter.folder_id {
        query = query.filter(template::folder_id.eq(folder));
    }
    if let Some(q) = filter.q.as_deref().map(str::trim).filter(|q| !q.is_empty()) {
        let pattern = contains_pattern(q);
        query = query.filter(
            template::name
                .ilike(pattern.clone())
                .or(template::subject.ilike(pattern)),
        );
    }
    if let Some(cursor) = after {
        let id = TemplateId(cursor.id);
        query = match filter.sort {
            MailSort::Newest => {
                let at = cursor.time()?;
                query.filter(
                    template::updated_at
                        .lt(at)
                        .or(template::updated_at.eq(at).and(template::id.lt(id))),
                )
            }
            MailSort::Oldest => {
                let at = cursor.time()?;
                query.filter(
                    template::updated_at
                        .gt(at)
                        .or(template::updated_at.eq(at).and(template::id.gt(id))),
                )
            }
            MailSort::Name => {
                let name = cursor.value.clone();
                query.filter(
                    template::name
                        .gt(name.clone())
                        .or(template::name.eq(name).and(template::id.gt(id))),
                )
            }
            MailSort::NameDown => {
                let name = cursor.value.clone();
                query.filter(
                    template::name
                        .lt(name.clone())
                        .or(template::name.eq(name).and(template::id.lt(id))),
                )
            }
        };
    }
    query = match filter.sort {
        MailSort::Newest => query.order((template::updated_at.desc(), template::id.desc())),
        MailSort::Oldest => query.order((template::updated_at.asc(), template::id.asc())),
        MailSort::Name => query.order((template::name.asc(), template::id.asc())),
        MailSort::NameDown => query.order((template::name.desc(), template::id.desc())),
    };
    Ok(query
        .select((
            template::id,
            template::folder_id,
            template::name,
            template::description,
            template::supplied_key,
            template::version,
            template::updated_by,
            template::created_at,
            template::updated_at,
            template::subject,
            template::locale,
        ))
        .limit(limit)
        .load(tx)
        .await?)
}

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: TemplateId,
    head: &Head<'_>,
    content: &Content,
    by: Option<UserId>,
) -> Result<()> {
    diesel::insert_into(template::table)
        .values((
            template::tenant_id.eq(tenant),
            template::id.eq(id),
            template::name.eq(head.name),
            template::description.eq(head.description),
            template::folder_id.eq(head.folder_id),
            template::created_by.eq(by),
            template::updated_by.eq(by),
            content_values!(template, content),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// Two first looks at once make it once.
pub(super) async fn insert_supplied(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    supplied: &Supplied,
) -> Result<()> {
    let content = supplied.content();
    diesel::insert_into(template::table)
        .values((
            template::tenant_id.eq(tenant),
            template::id.eq(TemplateId::new()),
            template::name.eq(supplied.name),
            template::description.eq(supplied.description),
            template::supplied_key.eq(supplied.key),
            content_values!(template, content),
        ))
        .on_conflict((template::tenant_id, template::supplied_key))
        .do_nothing()
        .execute(tx)
        .await?;
    Ok(())
}

/// Whether it was there in that version.
pub(super) async fn update(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: TemplateId,
    version: i32,
    row: &Row,
    content: &Content,
) -> Result<bool> {
    Ok(diesel::update(
        template::table
            .find((tenant, id))
            .filter(template::version.eq(version)),
    )
    .set((row, content_values!(template, content)))
    .execute(tx)
    .await?
        == 1)
}

/// Whether it was there in that version.
pub(super) async fn hide(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: TemplateId,
    version: i32,
    now: DateTime<Utc>,
) -> Result<bool> {
    Ok(diesel::update(
        template::table
            .find((tenant, id))
            .filter(template::version.eq(version)),
    )
    .set((
        template::hidden_at.eq(now),
        template::folder_id.eq(None::<FolderId>),
    ))
    .execute(tx)
    .await?
        == 1)
}

/// Whether it was there in that version.
pub(super) async fn delete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: TemplateId,
    version: i32,
) -> Result<bool> {
    Ok(diesel::delete(
        template::table
            .find((tenant, id))
            .filter(template::version.eq(version)),
    )
    .execute(tx)
    .await?
        == 1)
}
