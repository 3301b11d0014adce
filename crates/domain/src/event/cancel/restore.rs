//! Taking a cancellation back by its link, while it is fresh: it was a mistake.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::found::{Found, find};
use super::{CancelPage, Detail, How, Scope, mark};
use crate::consent::{self, ConsentKind, NewConsent};
use crate::contact::{self, Contact, ContactStatus};
use crate::db::Db;
use crate::delivery::token::DeliveryToken;
use crate::error::{DomainError, Result};
use crate::event::Visitor;
use crate::ids::{EventId, ListId, TenantId};
use crate::list::subscription::{self, Status};
use crate::mail::content::Locale;
use crate::schema::{event, list};
use crate::suppression;

/// How long a cancellation can be taken back by its link.
pub(super) const REGRET: TimeDelta = TimeDelta::hours(24);

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
