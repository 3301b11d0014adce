//! Where the counted links of a campaign lead. Their addresses never change
//! once it is sent, so whoever answers clicks keeps them.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::campaign::audience::Audience;
use crate::campaign::kind::Kind;
use crate::db::Db;
use crate::delivery::content;
use crate::delivery::token::DeliveryToken;
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, ContactId, TenantId};
use crate::mail::content::Locale;
use crate::mail::render::link::{is_plain, resolve, web_address};
use crate::mail::render::{Installation, Recipient, Surroundings};
use crate::schema::{campaign, contact, delivery, link};

/// Where one link leads.
#[derive(Debug)]
enum Target {
    /// The same for everybody; `None` when it is no web address.
    Plain(Option<String>),
    /// With merge fields.
    Merged(String),
}

/// What fills merge fields in.
#[derive(Debug)]
struct Filling {
    around: Surroundings,
    locale: Locale,
    kind: Kind,
    /// Of a test send: as whom its mail was filled in.
    as_contact: Option<ContactId>,
    sample: Recipient,
}

/// The links of a campaign, by number.
#[derive(Debug)]
pub struct CampaignLinks {
    targets: Vec<Target>,
    filling: Option<Filling>,
}

/// Loads the links of a campaign; none for one that is not there.
///
/// # Errors
/// When the database does.
pub async fn load(
    db: &Db,
    tenant: TenantId,
    id: CampaignId,
    installation: &Installation,
) -> Result<CampaignLinks> {
    let (rows, audience) = db
        .tenant(tenant, async |tx| {
            Ok((urls(tx, tenant, id).await?, audience(tx, tenant, id).await?))
        })
        .await?;
    let mut targets = Vec::new();
    for (number, url) in rows {
        // Numbered from 1 without gaps; a gap would lead to a wrong address.
        if usize::try_from(number) != Ok(targets.len() + 1) {
            return Err(DomainError::internal(format_args!(
                "links of campaign {id} have a gap before {number}"
            )));
        }
        targets.push(if is_plain(&url) {
            Target::Plain(web_address(&url))
        } else {
            Target::Merged(url)
        });
    }
    let has_merged = targets.iter().any(|t| matches!(t, Target::Merged(_)));
    let filling = match (has_merged, audience) {
        (true, Some(audience)) => Some(filling(db, tenant, id, installation, audience).await?),
        _ => None,
    };
    Ok(CampaignLinks { targets, filling })
}

async fn urls(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<Vec<(i32, String)>> {
    Ok(link::table
        .filter(link::tenant_id.eq(tenant).and(link::campaign_id.eq(id)))
        .order(link::number)
        .select((link::number, link::url))
        .limit(i64::from(u16::MAX))
        .load(tx)
        .await?)
}

async fn audience(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<Option<Audience>> {
    let json: Option<serde_json::Value> = campaign::table
        .find((tenant, id))
        .select(campaign::audience)
        .first(tx)
        .await
        .optional()?;
    json.map(|json| serde_json::from_value(json).map_err(DomainError::internal))
        .transpose()
}

async fn filling(
    db: &Db,
    tenant: TenantId,
    id: CampaignId,
    installation: &Installation,
    audience: Audience,
) -> Result<Filling> {
    let loaded = content::load(db, tenant, id, installation).await?;
    let mut around = loaded.surroundings;
    // Links hold no blocks, and this is kept in memory.
    around.blocks.clear();
    Ok(Filling {
        around,
        locale: loaded.content.locale,
        kind: loaded.kind,
        as_contact: audience.as_contact,
        sample: loaded.sample,
    })
}

impl CampaignLinks {
    /// Where this click leads; `None` for a link that is not there, or whose
    /// merge fields make no web address for this person.
    ///
    /// # Errors
    /// When the database does.
    pub async fn resolve(
        &self,
        db: &Db,
        token: &DeliveryToken,
        number: u16,
    ) -> Result<Option<String>> {
        let index = usize::from(number).checked_sub(1);
        let target = index.and_then(|index| self.targets.get(index));
        let (target, filling) = match (target, &self.filling) {
            (Some(Target::Plain(url)), _) => return Ok(url.clone()),
            (Some(Target::Merged(target)), Some(filling)) => (target, filling),
            _ => return Ok(None),
        };
        let person = db
            .tenant(token.tenant, async |tx| filling.recipient(tx, token).await)
            .await?;
        Ok(person.and_then(|person| resolve(target, &person, &filling.around, filling.locale)))
    }
}

impl Filling {
    /// Whom the mail was filled in for; `None` when the delivery is gone.
    async fn recipient(
        &self,
        tx: &mut AsyncPgConnection,
        token: &DeliveryToken,
    ) -> Result<Option<Recipient>> {
        let tenant = token.tenant;
        let row: Option<(ContactId, String)> = delivery::table
            .find((tenant, token.period, token.delivery))
            .select((delivery::contact_id, delivery::address))
            .first(tx)
            .await
            .optional()?;
        let Some((contact, address)) = row else {
            return Ok(None);
        };
        let contact = if self.kind == Kind::Test {
            self.as_contact
        } else {
            Some(contact)
        };
        let Some(contact) = contact else {
            return Ok(Some(self.sample.clone()));
        };
        let person: Option<(String, String, serde_json::Value)> = contact::table
            .find((tenant, contact))
            .select((contact::email, contact::name, contact::fields))
            .first(tx)
            .await
            .optional()?;
        // Somebody deleted since: the link still leads to what needs no field.
        let (email, name, fields) =
            person.unwrap_or((address, String::new(), serde_json::Value::Null));
        Ok(Some(Recipient {
            email,
            name,
            fields,
        }))
    }
}
