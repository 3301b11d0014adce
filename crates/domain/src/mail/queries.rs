//! SQL of mails.

use chrono::{DateTime, Utc};
use diesel::dsl::count_star;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::content::{Content, content_columns};
use super::{Mail, MailFilter, MailItem, MailSort};
use crate::db::error::expect_foreign_keys;
use crate::error::{DomainError, Result};
use crate::ids::{FolderId, MailId, TenantId, UserId};
use crate::page::{Cursor, contains_pattern};
use crate::schema::{contact_field, mail, mail_version, sequence_step};

/// The columns that a change sets.
#[derive(Debug, Default, AsChangeset)]
#[diesel(table_name = mail)]
pub(super) struct Row {
    pub(super) name: Option<String>,
    /// Outer `None` leaves it, inner `None` moves it to the top.
    pub(super) folder_id: Option<Option<FolderId>>,
    pub(super) archived_at: Option<Option<DateTime<Utc>>>,
    pub(super) number: i32,
    pub(super) version: i32,
    pub(super) updated_by: Option<UserId>,
    pub(super) updated_at: DateTime<Utc>,
}

#[diesel::dsl::auto_type]
fn with_content() -> _ {
    mail::table.inner_join(
        mail_version::table.on(mail_version::tenant_id
            .eq(mail::tenant_id)
            .and(mail_version::mail_id.eq(mail::id))
            .and(mail_version::number.eq(mail::number))),
    )
}

pub(crate) async fn find(tx: &mut AsyncPgConnection, tenant: TenantId, id: MailId) -> Result<Mail> {
    with_content()
        .filter(mail::tenant_id.eq(tenant).and(mail::id.eq(id)))
        .select((
            mail::id,
            mail::folder_id,
            mail::name,
            mail::number,
            mail::archived_at,
            mail::version,
            mail::updated_by,
            mail::created_at,
            mail::updated_at,
            content_columns!(mail_version),
        ))
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("mail"))
}

/// The content of one version.
pub(crate) async fn find_version(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: MailId,
    number: i32,
) -> Result<Content> {
    mail_version::table
        .find((tenant, id, number))
        .select(content_columns!(mail_version))
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("version"))
}

/// Holds the mail until the transaction ends.
pub(super) async fn lock(tx: &mut AsyncPgConnection, tenant: TenantId, id: MailId) -> Result<()> {
    mail::table
        .find((tenant, id))
        .select(mail::id)
        .for_update()
        .first::<MailId>(tx)
        .await
        .optional()?;
    Ok(())
}

type Filtered<'a> = diesel::helper_types::IntoBoxed<'a, with_content, Pg>;

fn filtered(tenant: TenantId, filter: &MailFilter) -> Filtered<'static> {
    let mut query = with_content()
        .into_boxed()
        .filter(mail::tenant_id.eq(tenant));
    query = if filter.archived {
        query.filter(mail::archived_at.is_not_null())
    } else {
        query.filter(mail::archived_at.is_null())
    };
    if let Some(folder) = filter.folder_id {
        query = query.filter(mail::folder_id.eq(folder));
    }
    if let Some(q) = filter.q.as_deref().map(str::trim).filter(|q| !q.is_empty()) {
        let pattern = contains_pattern(q);
        query = query.filter(
            mail::name
                .ilike(pattern.clone())
                .or(mail_version::subject.ilike(pattern)),
        );
    }
    query
}

pub(super) async fn count(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    filter: &MailFilter,
) -> Result<i64> {
    Ok(filtered(tenant, filter)
        .select(count_star())
        .first(tx)
        .await?)
}

pub(super) async fn page(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    filter: &MailFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<MailItem>> {
    let mut query = filtered(tenant, filter);
    if let Some(cursor) = after {
        let id = MailId(cursor.id);
        query = match filter.sort {
            MailSort::Newest => {
                let at = cursor.time()?;
                query.filter(
                    mail::updated_at
                        .lt(at)
                        .or(mail::updated_at.eq(at).and(mail::id.lt(id))),
                )
            }
            MailSort::Oldest => {
                let at = cursor.time()?;
                query.filter(
                    mail::updated_at
                        .gt(at)
                        .or(mail::updated_at.eq(at).and(mail::id.gt(id))),
                )
            }
            MailSort::Name => {
                let name = cursor.value.clone();
                query.filter(
                    mail::name
                        .gt(name.clone())
                        .or(mail::name.eq(name).and(mail::id.gt(id))),
                )
            }
            MailSort::NameDown => {
                let name = cursor.value.clone();
                query.filter(
                    mail::name
                        .lt(name.clone())
                        .or(mail::name.eq(name).and(mail::id.lt(id))),
                )
            }
        };
    }
    query = match filter.sort {
        MailSort::Newest => query.order((mail::updated_at.desc(), mail::id.desc())),
        MailSort::Oldest => query.order((mail::updated_at.asc(), mail::id.asc())),
        MailSort::Name => query.order((mail::name.asc(), mail::id.asc())),
        MailSort::NameDown => query.order((mail::name.desc(), mail::id.desc())),
    };
    Ok(query
        .select((
            mail::id,
            mail::folder_id,
            mail::name,
            mail::archived_at,
            mail::version,
            mail::updated_by,
            mail::created_at,
            mail::updated_at,
            mail_version::subject,
            mail_version::sender_name,
            mail_version::sender_address,
            mail_version::locale,
        ))
        .limit(limit)
        .load(tx)
        .await?)
}

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: MailId,
    name: &str,
    folder: Option<FolderId>,
    by: Option<UserId>,
) -> Result<()> {
    diesel::insert_into(mail::table)
        .values((
            mail::tenant_id.eq(tenant),
            mail::id.eq(id),
            mail::name.eq(name),
            mail::folder_id.eq(folder),
            mail::created_by.eq(by),
            mail::updated_by.eq(by),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn update(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: MailId,
    row: &Row,
) -> Result<()> {
    diesel::update(mail::table.find((tenant, id)))
        .set(row)
        .execute(tx)
        .await?;
    Ok(())
}

/// Whether it was there in that version.
pub(super) async fn delete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: MailId,
    version: i32,
) -> Result<bool> {
    let deleted = diesel::delete(
        mail::table
            .find((tenant, id))
            .filter(mail::version.eq(version)),
    )
    .execute(tx)
    .await
    .map(|deleted| deleted == 1);
    expect_foreign_keys(
        deleted,
        &[
            (
                "campaign_tenant_id_mail_id_fkey",
                "a campaign holds on to this mail: archive it instead",
            ),
            (
                "date_mail_tenant_id_mail_id_fkey",
                "a date mail sends this mail: choose another one there, or delete that first",
            ),
            (
                "campaign_variant_tenant_id_mail_id_fkey",
                "a variant of an A/B test holds on to this mail: archive it instead",
            ),
            (
                "signup_address_tenant_id_mail_id_fkey",
                "a sign-up address answers with this mail: choose another one there, or delete that first",
            ),
        ],
    )
}

/// Whether a step of a sequence, also one that was removed, sends this mail.
pub(super) async fn is_in_sequence(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: MailId,
) -> Result<bool> {
    let steps: i64 = sequence_step::table
        .filter(
            sequence_step::tenant_id
                .eq(tenant)
                .and(sequence_step::mail_id.eq(id)),
        )
        .count()
        .get_result(tx)
        .await?;
    Ok(steps > 0)
}

/// Keys of the tenant's own fields.
pub(super) async fn field_keys(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
) -> Result<Vec<String>> {
    Ok(contact_field::table
        .filter(contact_field::tenant_id.eq(tenant))
        .select(contact_field::key)
        .load(tx)
        .await?)
}
