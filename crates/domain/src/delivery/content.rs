//! What all mails of a campaign share, loaded once by each mailer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, TenantId};
use crate::mail::content::{Content, Locale, TextMode};
use crate::mail::render::{BlockSource, Legal, Surroundings};
use crate::schema::{block, campaign, contact_field, mail_version, tenant};
use crate::secret::Keys;

/// A campaign's mail before it is compiled.
#[derive(Debug, Clone)]
pub struct CampaignContent {
    /// A test send: marked as such, and never counted.
    pub test: bool,
    /// Partition of all its deliveries.
    pub period: NaiveDate,
    pub content: Content,
    pub surroundings: Surroundings,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = mail_version)]
struct VersionRow {
    subject: String,
    preheader: String,
    sender_name: String,
    sender_address: String,
    reply_to: String,
    text_part: String,
    html_part: String,
    text_mode: TextMode,
    locale: Locale,
}

impl From<VersionRow> for Content {
    fn from(row: VersionRow) -> Self {
        Self {
            subject: row.subject,
            preheader: row.preheader,
            sender_name: row.sender_name,
            sender_address: row.sender_address,
            reply_to: row.reply_to,
            text: row.text_part,
            html: row.html_part,
            text_mode: row.text_mode,
            locale: row.locale,
        }
    }
}

/// Loads the version of the mail that the campaign sends, and what its merge
/// fields may name.
///
/// # Errors
/// [`DomainError::NotFound`] when the campaign has no mail.
pub async fn load(
    db: &Db,
    keys: &Arc<Keys>,
    tenant_id: TenantId,
    id: CampaignId,
    public_url: &str,
) -> Result<CampaignContent> {
    let now = db.now();
    db.tenant(tenant_id, async |tx| {
        let (kind, period, version) = version(tx, tenant_id, id).await?;
        let (zone, sender_name, postal_address, contact): (String, String, String, String) = tenant::table
            .find(tenant_id)
            .select((
                tenant::time_zone,
                tenant::legal_sender_name,
                tenant::legal_postal_address,
                tenant::legal_contact,
            ))
            .first(tx)
            .await?;
        let fields: Vec<String> = contact_field::table
            .filter(contact_field::tenant_id.eq(tenant_id))
            .select(contact_field::key)
            .load(tx)
            .await?;
        let surroundings = Surroundings {
            blocks: blocks(tx, tenant_id).await?,
            fields: BTreeSet::from_iter(fields),
            legal: Legal { sender_name, postal_address, contact },
            time_zone: zone.parse().unwrap_or(chrono_tz::Asia::Tokyo),
            now,
            public_url: public_url.to_owned(),
            keys: Arc::clone(keys),
        };
        Ok(CampaignContent { test: kind == "test", period, content: version.into(), surroundings })
    })
    .await
}

async fn version(tx: &mut AsyncPgConnection, tenant: TenantId, id: CampaignId) -> Result<(String, NaiveDate, VersionRow)> {
    campaign::table
        .inner_join(
            mail_version::table.on(mail_version::tenant_id
                .eq(campaign::tenant_id)
                .and(mail_version::mail_id.nullable().eq(campaign::mail_id))
                .and(mail_version::number.nullable().eq(campaign::mail_number))),
        )
        .filter(campaign::tenant_id.eq(tenant).and(campaign::id.eq(id)).and(campaign::period.is_not_null()))
        .select((campaign::kind, campaign::period.assume_not_null(), VersionRow::as_select()))
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("mail of the campaign"))
}

async fn blocks(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<BTreeMap<String, BlockSource>> {
    let rows: Vec<(String, String, String)> = block::table
        .filter(block::tenant_id.eq(tenant))
        .select((block::key, block::text_part, block::html_part))
        .load(tx)
        .await?;
    Ok(rows.into_iter().map(|(key, text, html)| (key, BlockSource { text, html })).collect())
}
