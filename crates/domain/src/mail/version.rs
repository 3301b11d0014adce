//! Versions of a mail's content.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::content::{Content, content_values};
use crate::actor::{Actor, Permission};
use crate::db::Db;
use crate::error::Result;
use crate::ids::{MailId, TenantId, UserId};
use crate::schema::{campaign, campaign_variant, mail_version};

/// Saves of one person within this time go into one version: the editor saves
/// by itself every few seconds, and nobody wants to choose among those.
const COALESCE: TimeDelta = TimeDelta::minutes(10);
/// Versions shown.
const SHOWN: i64 = 200;

/// A kept state.
#[derive(Debug, Clone, Queryable)]
pub struct Version {
    pub number: i32,
    /// Last save that went into it.
    pub at: DateTime<Utc>,
    pub by: Option<UserId>,
    pub subject: String,
}

/// Versions of a mail, the newest first.
///
/// # Errors
/// Forbidden, or not found.
pub async fn list(db: &Db, actor: &Actor, id: MailId) -> Result<Vec<Version>> {
    actor.require(Permission::MailsRead)?;
    db.tenant(actor.tenant_id, async |tx| {
        super::find(tx, actor.tenant_id, id).await?;
        Ok(mail_version::table
            .filter(
                mail_version::tenant_id
                    .eq(actor.tenant_id)
                    .and(mail_version::mail_id.eq(id)),
            )
            .order(mail_version::number.desc())
            .limit(SHOWN)
            .select((
                mail_version::number,
                mail_version::updated_at,
                mail_version::created_by,
                mail_version::subject,
            ))
            .load(tx)
            .await?)
    })
    .await
}

/// The content of one version.
///
/// # Errors
/// Forbidden, or not found.
pub async fn get(db: &Db, actor: &Actor, id: MailId, number: i32) -> Result<Content> {
    actor.require(Permission::MailsRead)?;
    db.tenant(actor.tenant_id, async |tx| {
        super::find_version(tx, actor.tenant_id, id, number).await
    })
    .await
}

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: MailId,
    number: i32,
    content: &Content,
    by: Option<UserId>,
) -> Result<()> {
    diesel::insert_into(mail_version::table)
        .values((
            mail_version::tenant_id.eq(tenant),
            mail_version::mail_id.eq(id),
            mail_version::number.eq(number),
            mail_version::created_by.eq(by),
            content_values!(mail_version, content),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// Saves changed content; answers the number of the version that holds it.
pub(super) async fn save(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    id: MailId,
    current: i32,
    content: &Content,
    now: DateTime<Utc>,
) -> Result<i32> {
    let tenant = actor.tenant_id;
    // What a campaign sent, or is sending, stays as it was sent.
    let is_variant = diesel::dsl::exists(
        campaign_variant::table.filter(
            campaign_variant::tenant_id
                .eq(tenant)
                .and(campaign_variant::mail_id.eq(id))
                .and(campaign_variant::mail_number.eq(current)),
        ),
    );
    let is_used = diesel::dsl::exists(
        campaign::table.filter(
            campaign::tenant_id
                .eq(tenant)
                .and(campaign::mail_id.eq(id))
                .and(campaign::mail_number.eq(current)),
        ),
    );
    let continued = diesel::update(
        mail_version::table
            .find((tenant, id, current))
            .filter(mail_version::created_by.is_not_distinct_from(actor.user_id))
            .filter(mail_version::created_at.gt(now - COALESCE))
            .filter(diesel::dsl::not(is_used))
            .filter(diesel::dsl::not(is_variant)),
    )
    .set((
        content_values!(mail_version, content),
        mail_version::updated_at.eq(now),
    ))
    .execute(tx)
    .await?;
    if continued == 1 {
        return Ok(current);
    }
    insert(tx, tenant, id, current + 1, content, actor.user_id).await?;
    Ok(current + 1)
}
