//! Test sends: a mail to people of the tenant, as one contact would get it.
//! They run through the same engine in a lane of their own, are marked, and
//! count nowhere.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use super::audience::Audience;
use super::control::{announce, period};
use super::queries;
use super::state::State;
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::delivery::claim::LANE_FAST;
use crate::delivery::counters;
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, ContactId, DeliveryId, MailId, RouteId, TenantId, UserId};
use crate::mail;
use crate::mail::preview::as_invalid;
use crate::mail::render::{CompiledMail, Installation};
use crate::schema::{campaign, delivery, installation, route, sender_domain, user_account};

/// People of one test send.
const MAX_USERS: usize = 20;
/// Test sends shown.
const SHOWN: i64 = 50;

/// One mail of a test send.
#[derive(Debug, Clone, Queryable)]
pub struct TestDelivery {
    pub id: DeliveryId,
    pub address: String,
    pub state: String,
    pub reason: Option<String>,
    pub reply_text: Option<String>,
    pub created_at: DateTime<Utc>,
    pub accepted_at: Option<DateTime<Utc>>,
}

type Columns = (
    delivery::id,
    delivery::address,
    delivery::state,
    delivery::reason,
    delivery::reply_text,
    delivery::created_at,
    delivery::accepted_at,
);
const COLUMNS: Columns = (
    delivery::id,
    delivery::address,
    delivery::state,
    delivery::reason,
    delivery::reply_text,
    delivery::created_at,
    delivery::accepted_at,
);

/// Sends the mail as it is saved to users, filled in as `contact_id`.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Invalid`] for unknown people and a mail that
/// can't be sent, [`DomainError::Conflict`] without a route or for a foreign sender domain.
pub async fn send(
    db: &Db,
    actor: &Actor,
    installation: &Installation,
    mail_id: MailId,
    user_ids: &[UserId],
    contact_id: Option<ContactId>,
) -> Result<Vec<TestDelivery>> {
    actor.require(Permission::MailsWrite)?;
    if contact_id.is_some() {
        actor.require(Permission::ContactsRead)?;
    }
    if user_ids.is_empty() || user_ids.len() > MAX_USERS {
        let detail = format!("choose 1 to {MAX_USERS} people");
        return Err(DomainError::invalid("/user_ids", "out_of_range", detail));
    }
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let tenant = actor.tenant_id;
        let mail = mail::find(tx, tenant, mail_id).await?;
        let people = people(tx, tenant, user_ids).await?;
        if let Some(contact) = contact_id {
            mail::preview::recipient(tx, tenant, contact).await?;
        }
        let around = mail::surroundings(tx, tenant, installation, now).await?;
        let compiled = CompiledMail::compile(&mail.content, &around).map_err(as_invalid)?;
        check_ways(tx, tenant, &mail.content.sender_address).await?;
        let id = CampaignId::new();
        insert(tx, actor, id, &mail, contact_id, now).await?;
        queries::insert_links(tx, tenant, id, compiled.links()).await?;
        let rows: Vec<_> = people
            .iter()
            .map(|(user, address)| {
                (
                    delivery::tenant_id.eq(tenant),
                    delivery::period.eq(period(now)),
                    delivery::id.eq(DeliveryId::new()),
                    delivery::campaign_id.eq(id),
                    delivery::contact_id.eq(ContactId(user.0)),
                    delivery::address.eq(address),
                    delivery::state.eq("queued"),
                    delivery::due_at.eq(now),
                )
            })
            .collect();
        diesel::insert_into(delivery::table)
            .values(&rows)
            .execute(tx)
            .await?;
        queries::enqueue(tx, tenant, id, LANE_FAST, State::Sending, now).await?;
        let n = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        counters::add(tx, tenant, id, &[("queued", n)]).await?;
        announce(tx, tenant, id).await?;
        let entry = audit::Entry {
            action: "mail.test_sent",
            subject_kind: "mail",
            subject_id: Some(mail_id.0),
            after: Some(json!({ "user_ids": user_ids, "contact_id": contact_id })),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await?;
        Ok(delivery::table
            .filter(
                delivery::tenant_id
                    .eq(tenant)
                    .and(delivery::campaign_id.eq(id)),
            )
            .order(delivery::id)
            .select(COLUMNS)
            .load(tx)
            .await?)
    })
    .await
}

/// The last test sends of a mail, the newest first.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn list(db: &Db, actor: &Actor, mail_id: MailId) -> Result<Vec<TestDelivery>> {
    actor.require(Permission::MailsRead)?;
    db.tenant(actor.tenant_id, async |tx| {
        let tenant = actor.tenant_id;
        mail::find(tx, tenant, mail_id).await?;
        let tests: Vec<CampaignId> = campaign::table
            .filter(
                campaign::tenant_id
                    .eq(tenant)
                    .and(campaign::mail_id.eq(mail_id)),
            )
            .filter(campaign::kind.eq("test"))
            .order(campaign::created_at.desc())
            .limit(SHOWN)
            .select(campaign::id)
            .load(tx)
            .await?;
        Ok(delivery::table
            .filter(
                delivery::tenant_id
                    .eq(tenant)
                    .and(delivery::campaign_id.eq_any(tests)),
            )
            .order(delivery::id.desc())
            .limit(SHOWN)
            .select(COLUMNS)
            .load(tx)
            .await?)
    })
    .await
}

/// Mail addresses of users; each id has to be one.
async fn people(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    ids: &[UserId],
) -> Result<Vec<(UserId, String)>> {
    let known: Vec<(UserId, String)> = user_account::table
        .filter(
            user_account::tenant_id
                .eq(tenant)
                .and(user_account::id.eq_any(ids)),
        )
        .filter(user_account::disabled_at.is_null())
        .select((user_account::id, user_account::email))
        .load(tx)
        .await?;
    for (index, id) in ids.iter().enumerate() {
        if !known.iter().any(|(user, _)| user == id) {
            return Err(DomainError::invalid(
                format!("/user_ids/{index}"),
                "unknown",
                "there is no such person",
            ));
        }
    }
    Ok(known)
}

pub(crate) async fn check_ways(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    sender: &str,
) -> Result<()> {
    let domain = crate::contact::EmailAddress::parse(sender)
        .map_err(|error| {
            DomainError::conflict(
                "sender_address",
                format!("sender address: {}", error.detail),
            )
        })?
        .domain()
        .to_ascii_lowercase();
    let domains: i64 = sender_domain::table
        .filter(
            sender_domain::tenant_id
                .eq(tenant)
                .and(sender_domain::domain.eq(&domain)),
        )
        .count()
        .get_result(tx)
        .await?;
    if domains == 0 {
        return Err(DomainError::conflict(
            "sender_domain",
            format!("{domain} is no sender domain of this tenant: add it first"),
        ));
    }
    let routes: i64 = route::table
        .filter(route::tenant_id.eq(tenant).and(route::enabled.eq(true)))
        .count()
        .get_result(tx)
        .await?;
    if routes == 0 {
        return Err(DomainError::conflict(
            "route",
            "there is no enabled route: add one first",
        ));
    }
    Ok(())
}

async fn insert(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    id: CampaignId,
    mail: &mail::Mail,
    as_contact: Option<ContactId>,
    now: DateTime<Utc>,
) -> Result<()> {
    let epoch: i64 = installation::table
        .select(installation::epoch)
        .first(tx)
        .await?;
    let audience = Audience {
        as_contact,
        ..Audience::default()
    };
    diesel::insert_into(campaign::table)
        .values((
            campaign::tenant_id.eq(actor.tenant_id),
            campaign::id.eq(id),
            campaign::kind.eq("test"),
            campaign::name.eq(&mail.name),
            campaign::mail_id.eq(mail.id),
            campaign::mail_number.eq(mail.number),
            campaign::audience.eq(serde_json::to_value(audience).map_err(DomainError::internal)?),
            campaign::route_id.eq(None::<RouteId>),
            campaign::state.eq(State::Sending),
            campaign::period.eq(period(now)),
            campaign::epoch.eq(epoch),
            campaign::prepared_at.eq(now),
            campaign::started_at.eq(now),
            campaign::created_by.eq(actor.user_id),
        ))
        .execute(tx)
        .await?;
    Ok(())
}
