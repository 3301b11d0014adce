//! What a recipient does with the cancel link of a mail: on its page, or by one
//! click of the mail program (RFC 8058). Looking changes nothing; the claim of
//! the mailer checks what is written here, so that it holds for queued mails
//! from the next batch on. Here: cancelling. What a link leads to is read in
//! [`found`], what its page shows in [`page`], taking back in [`restore`].

mod found;
mod page;
mod restore;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use self::found::{Found, find, subscribed};
use super::{Visitor, month};
use crate::actor::Actor;
use crate::contact::{ContactStatus, EmailAddress};
use crate::db::Db;
use crate::delivery::counters;
use crate::delivery::token::{DeliveryToken, Purpose};
use crate::error::{DomainError, Result};
use crate::ids::{EventId, ListId};
use crate::list::subscription::{self, Cancellation};
use crate::schema::{delivery, event};
use crate::secret::Keys;
use crate::signal::{self, Signal};
use crate::suppression::{self, Reason};
use crate::text_enum::text_enum;

pub(crate) use self::page::hidden;
pub use self::page::{CancelPage, Standing, look};
pub use self::restore::restore;

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

/// The delivery that a token of a cancel link names.
///
/// # Errors
/// [`DomainError::NotFound`] for anything that we did not sign for it.
pub fn token(keys: &Keys, text: &str) -> Result<DeliveryToken> {
    DeliveryToken::decode(keys, text)
        .filter(|token| token.purpose == Purpose::Cancel)
        .ok_or_else(|| DomainError::not_found("link"))
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
