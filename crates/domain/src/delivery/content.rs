//! What all mails of a campaign share, loaded once by each mailer.

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::campaign;
use crate::campaign::ab_test;
use crate::campaign::hours::Hours;
use crate::campaign::kind::Kind;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, MailId, TenantId};
use crate::mail::content::Content;
use crate::mail::render::{Installation, Recipient, Surroundings};
use crate::mail::{self, preview};
use crate::schema::campaign as campaigns;

/// A campaign's mail before it is compiled.
#[derive(Debug, Clone)]
pub struct CampaignContent {
    pub kind: Kind,
    /// When in the day it goes out; `None`: at any time.
    pub hours: Option<Hours>,
    /// Partition of all its deliveries.
    pub period: NaiveDate,
    pub content: Content,
    pub surroundings: Surroundings,
    /// Of whom a test send speaks when nobody was chosen.
    pub sample: Recipient,
    /// Of an A/B test: A first, each with the number of links before its own.
    pub variants: Vec<(Content, u16)>,
}

/// Loads the version of the mail that the campaign sends, and what its merge
/// fields may name.
///
/// # Errors
/// [`DomainError::NotFound`] when the campaign has no mail, or is not frozen yet.
pub async fn load(
    db: &Db,
    tenant: TenantId,
    id: CampaignId,
    installation: &Installation,
) -> Result<CampaignContent> {
    let now = db.now();
    db.tenant(tenant, async |tx| {
        let (kind, period, mail_id, number) = sent(tx, tenant, id).await?;
        let hours = match kind {
            Kind::Campaign | Kind::Sequence => {
                let (row, settings) = (
                    campaign::find(tx, tenant, id).await?,
                    crate::tenant::find(tx, tenant).await?,
                );
                let own = row.hours();
                own.resolve(&row.time_zone, settings.hours(), &settings.time_zone)
            }
            Kind::Test | Kind::Transactional => None,
        };
        let content = mail::find_version(tx, tenant, mail_id, number).await?;
        let surroundings = mail::surroundings(tx, tenant, installation, now).await?;
        let surroundings = match kind {
            Kind::Transactional => surroundings.without_fields(),
            Kind::Campaign | Kind::Sequence | Kind::Test => surroundings,
        };
        let variants = variants(tx, tenant, id, kind, mail_id).await?;
        Ok(CampaignContent {
            variants,
            kind,
            hours,
            period,
            sample: preview::sample(&content, &surroundings.fields),
            content,
            surroundings,
        })
    })
    .await
}

async fn variants(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    kind: Kind,
    mail_id: MailId,
) -> Result<Vec<(Content, u16)>> {
    if kind != Kind::Campaign {
        return Ok(Vec::new());
    }
    let mut contents = Vec::new();
    for (variant, mail, number, after) in ab_test::variants_of(tx, tenant, id, mail_id).await? {
        let content = mail::find_version(tx, tenant, mail, number).await?;
        let after = u16::try_from(after).map_err(DomainError::internal)?;
        contents.push((variant.content(content), after));
    }
    Ok(contents)
}

async fn sent(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<(Kind, NaiveDate, MailId, i32)> {
    campaigns::table
        .find((tenant, id))
        .filter(campaigns::period.is_not_null())
        .filter(campaigns::mail_id.is_not_null())
        .filter(campaigns::mail_number.is_not_null())
        .select((
            campaigns::kind,
            campaigns::period.assume_not_null(),
            campaigns::mail_id.assume_not_null(),
            campaigns::mail_number.assume_not_null(),
        ))
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("mail of the campaign"))
}
