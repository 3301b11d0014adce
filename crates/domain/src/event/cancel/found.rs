//! All that a cancel link leads to, read in one place: delivery, campaign,
//! company, contact; and how things stand by it.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::Scope;
use super::page::Standing;
use super::restore::REGRET;
use crate::campaign::audience::Audience;
use crate::campaign::kind::Kind;
use crate::contact::{self, Contact, ContactStatus};
use crate::delivery::token::DeliveryToken;
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, ContactId, ListId, TenantId};
use crate::list::subscription::Status;
use crate::mail::content::Locale;
use crate::schema::{campaign, delivery, mail_version, subscription as sub, tenant};
use crate::suppression;

/// All that the link leads to.
pub(super) struct Found {
    pub(super) token: DeliveryToken,
    pub(super) campaign: CampaignId,
    pub(super) contact_id: ContactId,
    pub(super) address: String,
    pub(super) cancelled_at: Option<DateTime<Utc>>,
    pub(super) is_test: bool,
    audience: Audience,
    pub(super) locale: Locale,
    pub(super) company: String,
    /// Gone when it was deleted.
    pub(super) contact: Option<Contact>,
    /// Of the campaign's lists, those that the contact stands in.
    pub(super) subscribed: Vec<ListId>,
    suppressed: bool,
}

impl Found {
    pub(super) fn has_lists(&self) -> bool {
        !self.audience.all && !self.audience.list_ids.is_empty()
    }

    pub(super) fn standing(&self) -> Standing {
        let is_active = |c: &Contact| c.status != ContactStatus::Unsubscribed;
        if self.is_test {
            Standing::Test
        } else if self.suppressed || !self.contact.as_ref().is_some_and(is_active) {
            Standing::CancelledAll
        } else if self.has_lists() && self.subscribed.is_empty() {
            Standing::CancelledThis
        } else {
            Standing::Wanted
        }
    }

    /// Whether cancelling by this link would change nothing.
    pub(super) fn is_done(&self, scope: Scope) -> bool {
        self.cancelled_at.is_some()
            && match self.standing() {
                Standing::Wanted => false,
                Standing::CancelledThis => scope == Scope::This,
                Standing::CancelledAll | Standing::Test => true,
            }
    }

    pub(super) fn can_restore(&self, now: DateTime<Utc>) -> bool {
        self.contact.is_some() && self.cancelled_at.is_some_and(|at| now - at <= REGRET)
    }
}

pub(super) async fn find(
    tx: &mut AsyncPgConnection,
    token: DeliveryToken,
    lock: bool,
) -> Result<Found> {
    let tenant = token.tenant;
    let key = (tenant, token.period, token.delivery);
    if lock {
        delivery::table
            .find(key)
            .select(delivery::id)
            .for_update()
            .first::<crate::ids::DeliveryId>(tx)
            .await
            .optional()?;
    }
    let row: Option<(CampaignId, ContactId, String, Option<DateTime<Utc>>)> = delivery::table
        .find(key)
        // Of somebody who was erased nothing is known any more.
        .filter(delivery::address.ne(""))
        .select((
            delivery::campaign_id,
            delivery::contact_id,
            delivery::address,
            delivery::cancelled_at,
        ))
        .first(tx)
        .await
        .optional()?;
    let (campaign, contact_id, address, cancelled_at) =
        row.ok_or_else(|| DomainError::not_found("link"))?;
    let (kind, audience, locale): (Kind, serde_json::Value, Locale) = campaign::table
        .inner_join(
            mail_version::table.on(mail_version::tenant_id
                .eq(campaign::tenant_id)
                .and(campaign::mail_id.eq(mail_version::mail_id.nullable()))
                .and(campaign::mail_number.eq(mail_version::number.nullable()))),
        )
        .filter(
            campaign::tenant_id
                .eq(tenant)
                .and(campaign::id.eq(campaign)),
        )
        .select((campaign::kind, campaign::audience, mail_version::locale))
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("link"))?;
    let audience: Audience = serde_json::from_value(audience).map_err(DomainError::internal)?;
    let (name, sender): (String, String) = tenant::table
        .find(tenant)
        .select((tenant::name, tenant::legal_sender_name))
        .first(tx)
        .await?;
    let is_test = kind == Kind::Test;
    let contact = match contact::find(tx, tenant, contact_id).await {
        Ok(contact) => Some(contact),
        Err(DomainError::NotFound { .. }) => None,
        Err(error) => return Err(error),
    };
    let suppressed = match &contact {
        Some(contact) => suppression::is_cancelled(tx, tenant, &contact.email_key).await?,
        None => false,
    };
    Ok(Found {
        token,
        campaign,
        contact_id,
        address,
        cancelled_at,
        is_test,
        subscribed: subscribed(tx, tenant, contact_id, Some(&audience.list_ids)).await?,
        audience,
        locale,
        company: if sender.trim().is_empty() {
            name
        } else {
            sender
        },
        contact,
        suppressed,
    })
}

/// Lists that a contact stands in, of `among` or of all.
pub(super) async fn subscribed(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    contact: ContactId,
    among: Option<&[ListId]>,
) -> Result<Vec<ListId>> {
    let mut query = sub::table
        .filter(sub::tenant_id.eq(tenant).and(sub::contact_id.eq(contact)))
        .filter(sub::status.eq(Status::Subscribed))
        .order(sub::list_id)
        .select(sub::list_id)
        .into_boxed();
    if let Some(among) = among {
        query = query.filter(sub::list_id.eq_any(among));
    }
    Ok(query.load(tx).await?)
}
