//! What a recipient does with the cancel link of a mail: on its page, or by one
//! click of the mail program (RFC 8058). Looking changes nothing; the claim of
//! the mailer checks what is written here, so that it holds for queued mails
//! from the next batch on.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Visitor, month};
use crate::actor::Actor;
use crate::campaign::audience::Audience;
use crate::campaign::kind::Kind;
use crate::consent::{self, ConsentKind, NewConsent};
use crate::contact::{self, Contact, ContactStatus, EmailAddress};
use crate::db::Db;
use crate::delivery::counters;
use crate::delivery::token::{DeliveryToken, Purpose};
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, ContactId, EventId, ListId, TenantId};
use crate::list::subscription::{self, Cancellation, Status};
use crate::mail::content::Locale;
use crate::schema::{campaign, delivery, event, list, mail_version, subscription as sub, tenant};
use crate::secret::Keys;
use crate::signal::{self, Signal};
use crate::suppression::{self, Reason};
use crate::text_enum::text_enum;

/// How long a cancellation can be taken back by its link.
const REGRET: TimeDelta = TimeDelta::hours(24);
/// Longest comment.
pub const MAX_COMMENT: usize = 500;

text_enum! {
    /// How much is cancelled.
    pub enum Scope {
        This = "this",
        All = "all",
    }
}

text_enum! {
    /// Why, in the words of the page.
    pub enum Why {
        TooMany = "too_many",
        NotInterested = "not_interested",
        NeverAsked = "never_asked",
        Other = "other",
    }
}

text_enum! {
    /// Where the person cancelled.
    pub enum How {
        Page = "cancel_page",
        OneClick = "one_click",
        /// A mail to the mailbox of cancellations.
        Mail = "mail",
    }
}

/// How things stand between the person and this mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Gets these mails.
    Wanted,
    /// Gets them no more, but perhaps others of the company.
    CancelledThis,
    CancelledAll,
    /// A test send: there is nothing to cancel.
    Test,
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct CancelPage {
    /// The company as it calls itself in its mails.
    pub company: String,
    /// The address, its local part hidden: a link may be passed on.
    pub address: String,
    pub locale: Locale,
    pub standing: Standing,
    /// Whether "only these mails" is less than all.
    pub has_lists: bool,
    /// Whether a cancellation by this link can still be taken back.
    pub can_restore: bool,
}

/// A cancellation.
#[derive(Debug, Clone)]
pub struct Choice {
    pub scope: Scope,
    pub how: How,
    pub why: Option<Why>,
    /// At most [`MAX_COMMENT`] characters.
    pub comment: String,
}

/// What an event of kind cancel keeps, so that it can be taken back.
#[derive(Debug, Serialize, Deserialize)]
struct Detail {
    scope: Scope,
    how: How,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Why>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    comment: String,
    /// That the person was taken off.
    list_ids: Vec<ListId>,
    /// Whether the contact's status was changed.
    status_changed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    undone_at: Option<DateTime<Utc>>,
}

/// All that the link leads to.
struct Found {
    token: DeliveryToken,
    campaign: CampaignId,
    contact_id: ContactId,
    address: String,
    cancelled_at: Option<DateTime<Utc>>,
    is_test: bool,
    audience: Audience,
    locale: Locale,
    company: String,
    /// Gone when it was deleted.
    contact: Option<Contact>,
    /// Of the campaign's lists, those that the contact stands in.
    subscribed: Vec<ListId>,
    suppressed: bool,
}

/// The delivery that a token of a cancel link names.
///
/// # Errors
/// [`DomainError::NotFound`] for anything that we did not sign for it.
pub fn token(keys: &Keys, text: &str) -> Result<DeliveryToken> {
    DeliveryToken::decode(keys, text)
        .filter(|token| token.purpose == Purpose::Cancel)
        .ok_or_else(|| DomainError::not_found("link"))
}

/// What the page shows. Changes nothing: link scanners come here too.
///
/// # Errors
/// [`DomainError::NotFound`] when the delivery is gone.
pub async fn look(db: &Db, token: &DeliveryToken) -> Result<CancelPage> {
    let now = db.now();
    db.tenant(token.tenant, async |tx| {
        Ok(find(tx, *token, false).await?.page(now))
    })
    .await
}

/// Cancels. Asked twice it does it once: one event, one in the count.
///
/// # Errors
/// [`DomainError::NotFound`] when the delivery is gone.
pub async fn cancel(
    db: &Db,
    token: &DeliveryToken,
    visitor: Visitor,
    choice: Choice,
) -> Result<CancelPage> {
    let (tenant, now) = (token.tenant, db.now());
    db.tenant(tenant, async |tx| {
        // The lock lets the second of two clicks see what the first has done.
        let found = find(tx, *token, true).await?;
        if found.is_test || found.is_done(choice.scope) {
            return Ok(found.page(now));
        }
        let detail = withdraw(tx, &found, &visitor, &choice, now).await?;
        write(tx, &found, &visitor, &detail, now).await?;
        if found.cancelled_at.is_none() {
            mark(tx, &found, Some(now), 1).await?;
        }
        Ok(find(tx, *token, false).await?.page(now))
    })
    .await
}

/// Takes the cancellations by this link back: it was a mistake.
///
/// # Errors
/// [`DomainError::NotFound`] when the delivery or the contact is gone, [`DomainError::Conflict`] when it is too late.
pub async fn restore(db: &Db, token: &DeliveryToken, visitor: Visitor) -> Result<CancelPage> {
    let (tenant, now) = (token.tenant, db.now());
    db.tenant(tenant, async |tx| {
        let found = find(tx, *token, true).await?;
        let Some(contact) = &found.contact else {
            return Ok(found.page(now));
        };
        if found.cancelled_at.is_none() || found.is_test {
            return Ok(found.page(now));
        }
        if !found.can_restore(now) {
            return Err(DomainError::conflict(
                "too_late",
                "this can't be taken back by its link any more",
            ));
        }
        for (id, period, detail) in cancellations(tx, &found, now).await? {
            give_back(tx, tenant, contact, &detail, now).await?;
            let undone = Detail {
                undone_at: Some(now),
                ..detail
            };
            let undone = serde_json::to_value(undone).map_err(DomainError::internal)?;
            diesel::update(event::table.find((tenant, period, id)))
                .set(event::detail.eq(undone))
                .execute(tx)
                .await?;
        }
        let given = NewConsent {
            kind: ConsentKind::Given,
            source: How::Page.as_str().to_owned(),
            wording: match found.locale {
                Locale::Ja => "配信停止の取り消し".to_owned(),
                Locale::En => "Cancellation taken back".to_owned(),
            },
            form_version: None,
            ip: visitor.ip,
            user_agent: Some(visitor.user_agent.clone()),
            message_id: None,
            at: None,
        };
        consent::record(tx, tenant, contact.id, &contact.email, &given, now).await?;
        mark(tx, &found, None, -1).await?;
        Ok(find(tx, *token, false).await?.page(now))
    })
    .await
}

impl Found {
    fn has_lists(&self) -> bool {
        !self.audience.all && !self.audience.list_ids.is_empty()
    }

    fn standing(&self) -> Standing {
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
    fn is_done(&self, scope: Scope) -> bool {
        self.cancelled_at.is_some()
            && match self.standing() {
                Standing::Wanted => false,
                Standing::CancelledThis => scope == Scope::This,
                Standing::CancelledAll | Standing::Test => true,
            }
    }

    fn can_restore(&self, now: DateTime<Utc>) -> bool {
        self.contact.is_some() && self.cancelled_at.is_some_and(|at| now - at <= REGRET)
    }

    fn page(self, now: DateTime<Utc>) -> CancelPage {
        let address = self.contact.as_ref().map_or(&self.address, |c| &c.email);
        CancelPage {
            address: hidden(address),
            standing: self.standing(),
            has_lists: self.has_lists(),
            can_restore: self.can_restore(now),
            locale: self.locale,
            company: self.company,
        }
    }
}

/// `taro@example.jp` as `ta…@example.jp`.
pub(crate) fn hidden(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let shown = if local.chars().count() > 3 { 2 } else { 1 };
    let begin: String = local.chars().take(shown).collect();
    format!("{begin}…@{domain}")
}

async fn find(tx: &mut AsyncPgConnection, token: DeliveryToken, lock: bool) -> Result<Found> {
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
async fn subscribed(
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

/// Cancels in the lists, the contact, the block-list and the ledger.
async fn withdraw(
    tx: &mut AsyncPgConnection,
    found: &Found,
    visitor: &Visitor,
    choice: &Choice,
    now: DateTime<Utc>,
) -> Result<Detail> {
    let tenant = found.token.tenant;
    // Without lists the audience was everybody: then these mails are all mails.
    let scope = if found.has_lists() {
        choice.scope
    } else {
        Scope::All
    };
    let comment: String = choice.comment.chars().take(MAX_COMMENT).collect();
    let wording = [choice.why.map_or("", Why::as_str), comment.as_str()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(": ");
    let mut detail = Detail {
        scope,
        how: choice.how,
        why: choice.why,
        comment,
        list_ids: match scope {
            Scope::This => found.subscribed.clone(),
            Scope::All => subscribed(tx, tenant, found.contact_id, None).await?,
        },
        status_changed: false,
        undone_at: None,
    };
    let source = choice.how.as_str();
    let Some(contact) = &found.contact else {
        // The person was deleted; should they be imported again, their word still counts.
        let key = EmailAddress::parse(&found.address)
            .map_or_else(|_| found.address.to_lowercase(), |a| a.key().to_owned());
        suppression::suppress_address(tx, tenant, &key, Reason::Cancelled, source, &wording, now)
            .await?;
        return Ok(detail);
    };
    let what = match scope {
        Scope::This => Cancellation::Lists(detail.list_ids.clone()),
        Scope::All => Cancellation::All,
    };
    detail.status_changed = scope == Scope::All && contact.status == ContactStatus::Active;
    let actor = Actor {
        ip: visitor.ip,
        request_id: visitor.request_id.clone(),
        ..Actor::public(tenant)
    };
    subscription::cancel(tx, &actor, contact.id, &what, source, &wording, now).await?;
    Ok(detail)
}

async fn write(
    tx: &mut AsyncPgConnection,
    found: &Found,
    visitor: &Visitor,
    detail: &Detail,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::insert_into(event::table)
        .values((
            event::tenant_id.eq(found.token.tenant),
            event::period.eq(month(now)),
            event::id.eq(EventId::new()),
            event::kind.eq("cancel"),
            event::campaign_id.eq(found.campaign),
            event::delivery_id.eq(found.token.delivery),
            event::contact_id.eq(found.contact_id),
            event::at.eq(now),
            event::ip.eq(visitor.ip.map(IpNet::from)),
            event::user_agent.eq(&visitor.user_agent),
            event::detail.eq(serde_json::to_value(detail).map_err(DomainError::internal)?),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// Marks the delivery and counts the person, in the same transaction.
async fn mark(
    tx: &mut AsyncPgConnection,
    found: &Found,
    at: Option<DateTime<Utc>>,
    delta: i64,
) -> Result<()> {
    let token = found.token;
    diesel::update(delivery::table.find((token.tenant, token.period, token.delivery)))
        .set(delivery::cancelled_at.eq(at))
        .execute(tx)
        .await?;
    counters::add(tx, token.tenant, found.campaign, &[("cancelled", delta)]).await?;
    let (tenant, id) = (token.tenant, found.campaign);
    signal::publish(tx, Signal::Campaign { tenant, id }).await
}

/// Cancellations by this link that were not taken back.
async fn cancellations(
    tx: &mut AsyncPgConnection,
    found: &Found,
    now: DateTime<Utc>,
) -> Result<Vec<(EventId, NaiveDate, Detail)>> {
    let rows: Vec<(EventId, NaiveDate, Option<serde_json::Value>)> = event::table
        .filter(
            event::tenant_id
                .eq(found.token.tenant)
                .and(event::contact_id.eq(found.contact_id)),
        )
        .filter(event::at.ge(now - REGRET))
        .filter(event::kind.eq("cancel"))
        .filter(event::delivery_id.eq(found.token.delivery))
        .order(event::at)
        .limit(100)
        .select((event::id, event::period, event::detail))
        .load(tx)
        .await?;
    let read = rows.into_iter().map(|(id, period, detail)| {
        serde_json::from_value(detail.unwrap_or_default())
            .map(|detail: Detail| (id, period, detail))
            .map_err(DomainError::internal)
    });
    let all: Vec<_> = read.collect::<Result<_>>()?;
    Ok(all
        .into_iter()
        .filter(|(_, _, detail)| detail.undone_at.is_none())
        .collect())
}

async fn give_back(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    contact: &Contact,
    detail: &Detail,
    now: DateTime<Utc>,
) -> Result<()> {
    let lists: Vec<ListId> = list::table
        .filter(list::tenant_id.eq(tenant))
        .filter(list::id.eq_any(&detail.list_ids))
        .order(list::id)
        .select(list::id)
        .load(tx)
        .await?;
    for list in lists {
        let who = [contact.id];
        let source = "cancel_page_undo";
        subscription::set_many(tx, tenant, list, &who, Status::Subscribed, source, now).await?;
    }
    if detail.scope == Scope::All {
        suppression::unsuppress_cancelled(tx, tenant, &contact.email_key).await?;
        if detail.status_changed && contact.status == ContactStatus::Unsubscribed {
            contact::set_status(tx, tenant, contact.id, ContactStatus::Active, now).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_so_that_only_its_owner_knows_it() {
        for (address, shown) in [
            ("taro.yamada@example.jp", "ta…@example.jp"),
            ("abc@example.jp", "a…@example.jp"),
            ("髙橋太郎@example.jp", "髙橋…@example.jp"),
        ] {
            assert_eq!(hidden(address), shown);
        }
    }
}
