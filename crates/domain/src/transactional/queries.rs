//! SQL of transactional mails.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::{Value, json};

use super::TransactionalSend;
use crate::actor::Actor;
use crate::campaign::control::{announce, period};
use crate::campaign::kind::Kind;
use crate::campaign::state::State;
use crate::campaign::{enqueue, insert_links};
use crate::delivery::claim::LANE_FAST;
use crate::delivery::counters;
use crate::delivery::read::{Delivery, DeliveryState, Row, names};
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, ContactId, DeliveryId, MailId, TenantId};
use crate::mail::Mail;
use crate::mail::render::Recipient;
use crate::schema::{campaign, contact, delivery, installation};

/// The contact who has an address.
pub(super) async fn by_key(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    key: &str,
) -> Result<Option<(ContactId, Recipient)>> {
    let row: Option<(ContactId, String, String, Value)> = contact::table
        .filter(
            contact::tenant_id
                .eq(tenant)
                .and(contact::email_key.eq(key)),
        )
        .select((contact::id, contact::email, contact::name, contact::fields))
        .first(tx)
        .await
        .optional()?;
    Ok(row.map(|(id, email, name, fields)| {
        let recipient = Recipient {
            email,
            name,
            fields,
        };
        (id, recipient)
    }))
}

/// The row of `campaign` under which mails of one version stand this month; locked.
pub(super) struct Stream {
    pub(super) id: CampaignId,
    pub(super) period: NaiveDate,
    state: State,
}

/// Finds or makes the stream of a mail, and holds it until the transaction ends.
pub(super) async fn open_stream(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    mail: &Mail,
    links: &[String],
    now: DateTime<Utc>,
) -> Result<Stream> {
    let epoch: i64 = installation::table
        .select(installation::epoch)
        .first(tx)
        .await?;
    let period = period(now);
    if let Some(stream) = lock(tx, actor.tenant_id, mail, period, epoch).await? {
        return Ok(stream);
    }
    let id = CampaignId::new();
    let made = diesel::insert_into(campaign::table)
        .values((
            campaign::tenant_id.eq(actor.tenant_id),
            campaign::id.eq(id),
            campaign::kind.eq(Kind::Transactional),
            campaign::name.eq(&mail.name),
            campaign::mail_id.eq(mail.id),
            campaign::mail_number.eq(mail.number),
            campaign::audience.eq(json!({})),
            campaign::state.eq(State::Sending),
            campaign::period.eq(period),
            campaign::epoch.eq(epoch),
            campaign::prepared_at.eq(now),
            campaign::started_at.eq(now),
            campaign::created_by.eq(actor.user_id),
        ))
        .on_conflict_do_nothing()
        .execute(tx)
        .await?;
    if made == 1 {
        insert_links(tx, actor.tenant_id, id, links).await?;
    }
    // Another call may have made it at the same moment.
    lock(tx, actor.tenant_id, mail, period, epoch)
        .await?
        .ok_or_else(|| DomainError::internal("a transactional stream that was made is not there"))
}

async fn lock(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    mail: &Mail,
    period: NaiveDate,
    epoch: i64,
) -> Result<Option<Stream>> {
    let row: Option<(CampaignId, State)> = campaign::table
        .filter(
            campaign::tenant_id
                .eq(tenant)
                .and(campaign::mail_id.eq(mail.id))
                .and(campaign::mail_number.eq(mail.number))
                .and(campaign::period.eq(period))
                .and(campaign::epoch.eq(epoch)),
        )
        // Literal, so that the partial index applies whatever plan is kept.
        .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(
            "campaign.kind = 'transactional'",
        ))
        .select((campaign::id, campaign::state))
        .for_no_key_update()
        .first(tx)
        .await
        .optional()?;
    Ok(row.map(|(id, state)| Stream { id, period, state }))
}

/// A mail that is to go out now.
pub(super) struct NewDelivery<'a> {
    pub(super) id: DeliveryId,
    pub(super) contact: ContactId,
    pub(super) address: &'a str,
    pub(super) values: &'a Value,
}

/// Puts a mail into a locked stream and calls the mailers.
pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    stream: &Stream,
    new: &NewDelivery<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    // It ended when nothing waited in it; a state that somebody set stays.
    let state = if stream.state == State::Finished {
        diesel::update(campaign::table.find((tenant, stream.id)))
            .set((
                campaign::state.eq(State::Sending),
                campaign::finished_at.eq(None::<DateTime<Utc>>),
                campaign::updated_at.eq(now),
            ))
            .execute(tx)
            .await?;
        State::Sending
    } else {
        stream.state
    };
    enqueue(tx, tenant, stream.id, LANE_FAST, state, now).await?;
    // The stream is locked, so that no other call counts at the same time.
    let copy: Option<i32> = delivery::table
        .filter(
            delivery::tenant_id
                .eq(tenant)
                .and(delivery::contact_id.eq(new.contact))
                .and(delivery::campaign_id.eq(stream.id))
                .and(delivery::period.eq(stream.period)),
        )
        .select(diesel::dsl::max(delivery::copy))
        .first(tx)
        .await?;
    diesel::insert_into(delivery::table)
        .values((
            delivery::tenant_id.eq(tenant),
            delivery::period.eq(stream.period),
            delivery::id.eq(new.id),
            delivery::campaign_id.eq(stream.id),
            delivery::contact_id.eq(new.contact),
            delivery::copy.eq(copy.map_or(0, |last| last + 1)),
            delivery::address.eq(new.address),
            delivery::state.eq(DeliveryState::Queued),
            delivery::due_at.eq(now),
            delivery::merge.eq(new.values),
            delivery::created_at.eq(now),
        ))
        .execute(tx)
        .await?;
    counters::add(tx, tenant, stream.id, &[("queued", 1)]).await?;
    announce(tx, tenant, stream.id).await
}

/// Which page of the list.
pub(super) struct Search<'a> {
    pub(super) state: Option<DeliveryState>,
    pub(super) address: Option<&'a str>,
    pub(super) before: Option<DeliveryId>,
}

pub(super) async fn page(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    search: &Search<'_>,
    rows: i64,
) -> Result<Vec<TransactionalSend>> {
    let mut query = delivery::table
        .filter(
            delivery::tenant_id
                .eq(tenant)
                .and(delivery::merge.is_not_null()),
        )
        .select(Row::as_select())
        .order(delivery::id.desc())
        .limit(rows)
        .into_boxed();
    if let Some(state) = search.state {
        query = query.filter(delivery::state.eq(state));
    }
    if let Some(address) = search.address {
        query = query.filter(delivery::address.eq(address));
    }
    if let Some(before) = search.before {
        query = query.filter(delivery::id.lt(before));
    }
    let found: Vec<Row> = query.load(tx).await?;
    let people: Vec<ContactId> = found.iter().map(|row| row.contact_id).collect();
    let people = names(tx, tenant, &people).await?;
    let mails = mails(tx, tenant, &found).await?;
    Ok(found
        .into_iter()
        .map(|row| {
            let (mail_id, mail_name) = mails.get(&row.campaign_id).cloned().unwrap_or_default();
            let name = people.get(&row.contact_id).cloned();
            TransactionalSend {
                mail_id,
                mail_name,
                created_at: row.created_at,
                delivery: Delivery::new(row, name),
            }
        })
        .collect())
}

async fn mails(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    rows: &[Row],
) -> Result<BTreeMap<CampaignId, (Option<MailId>, String)>> {
    let ids: Vec<CampaignId> = rows.iter().map(|row| row.campaign_id).collect();
    let found: Vec<(CampaignId, Option<MailId>, String)> = campaign::table
        .filter(campaign::tenant_id.eq(tenant).and(campaign::id.eq_any(ids)))
        .select((campaign::id, campaign::mail_id, campaign::name))
        .load(tx)
        .await?;
    Ok(found
        .into_iter()
        .map(|(id, mail, name)| (id, (mail, name)))
        .collect())
}
