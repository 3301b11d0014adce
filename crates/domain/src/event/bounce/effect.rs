//! What a bounce or a complaint changes: the event, the delivery, the counts
//! and the person, in the caller's transaction and in this order of locks.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use super::{BounceKind, Effect, Mail, Report};
use crate::campaign::complaints;
use crate::consent::{self, ConsentKind, NewConsent};
use crate::contact::{self, ContactStatus, EmailAddress};
use crate::delivery::counters;
use crate::delivery::read::DeliveryState;
use crate::error::Result;
use crate::event::month;
use crate::ids::EventId;
use crate::schema::{contact as person, delivery, event, tenant};
use crate::signal::{self, Signal};
use crate::suppression;

/// Source of what a report changes.
const SOURCE: &str = "report";
/// For how long a relay may still send a mail back that it took. A mail that
/// was taken longer ago, and did not come back, has arrived.
pub(super) const SETTLED: TimeDelta = TimeDelta::days(5);

/// A person as far as bounces go.
#[derive(Debug, Queryable)]
struct Person {
    email_key: String,
    status: ContactStatus,
    soft_bounces: i16,
    soft_bounced_at: Option<DateTime<Utc>>,
}

/// What became of the contact; stands in the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Consequence {
    /// Not the contact's fault, or no contact of this address any more.
    Nothing,
    Counted,
    Stopped,
}

pub(super) async fn bounce(
    tx: &mut AsyncPgConnection,
    mail: &Mail,
    report: &Report,
    now: DateTime<Utc>,
) -> Result<Effect> {
    let is_hard = report.kind == BounceKind::Hard;
    let before = mail.bounce.as_deref();
    let is_first = before.is_none() || mail.bounced_before();
    let is_worse = before == Some("soft") && is_hard;
    if !is_first && !is_worse {
        return Ok(Effect::Again);
    }
    let consequence = if is_hard {
        stop(tx, mail, now).await?
    } else if report.reason.blames_contact() && is_first {
        count(tx, mail, now).await?
    } else {
        Consequence::Nothing
    };
    write(tx, mail, "bounce", report, consequence, now).await?;
    let state = fail(tx, mail, report, now).await?;
    let mut deltas = vec![(counter(report.kind), 1)];
    // A mail is counted once, by its last word.
    match before {
        Some("hard") => deltas.push((counter(BounceKind::Hard), -1)),
        Some(_) => deltas.push((counter(BounceKind::Soft), -1)),
        None => {}
    }
    if let Some(state) = state {
        deltas.push((state.as_str(), -1));
        deltas.push((DeliveryState::Failed.as_str(), 1));
    }
    tell(tx, mail, &deltas).await?;
    Ok(Effect::Counted)
}

pub(super) fn counter(kind: BounceKind) -> &'static str {
    match kind {
        BounceKind::Hard => "bounced_hard",
        BounceKind::Soft | BounceKind::None => "bounced_soft",
    }
}

/// Marks the delivery. One that had been accepted, or that nobody knew of, has
/// failed after all, and these are its last words; answers the state that it left.
async fn fail(
    tx: &mut AsyncPgConnection,
    mail: &Mail,
    report: &Report,
    now: DateTime<Utc>,
) -> Result<Option<DeliveryState>> {
    let target = delivery::table.find((mail.path.tenant, mail.path.period, mail.path.delivery));
    diesel::update(target)
        .set((
            delivery::bounce.eq(report.kind.as_str()),
            delivery::bounced_at.eq(now),
        ))
        .execute(tx)
        .await?;
    let was_bounced = mail.bounce.is_some() && mail.state == DeliveryState::Failed;
    let left = matches!(mail.state, DeliveryState::Accepted | DeliveryState::Unknown);
    if !left && !was_bounced {
        return Ok(None);
    }
    diesel::update(target)
        .set((
            delivery::state.eq(DeliveryState::Failed),
            delivery::reason.eq(match report.kind {
                BounceKind::Hard => "bounced_hard",
                BounceKind::Soft | BounceKind::None => "bounced_soft",
            }),
            delivery::reply_code.eq(None::<i16>),
            delivery::reply_enhanced.eq(report.status.map(|status| status.to_string())),
            delivery::reply_text.eq(&report.text),
        ))
        .execute(tx)
        .await?;
    Ok(left.then_some(mail.state))
}

/// A hard bounce: the address gets no more mail.
async fn stop(tx: &mut AsyncPgConnection, mail: &Mail, now: DateTime<Utc>) -> Result<Consequence> {
    let Some(found) = find(tx, mail).await? else {
        // Deleted since: should the address be imported again, this still holds.
        block(tx, mail, suppression::Reason::Bounced, now).await?;
        return Ok(Consequence::Stopped);
    };
    if !found.has_the_address(mail) || found.status != ContactStatus::Active {
        return Ok(Consequence::Nothing);
    }
    contact::set_status(
        tx,
        mail.path.tenant,
        mail.contact,
        ContactStatus::Bounced,
        now,
    )
    .await?;
    Ok(Consequence::Stopped)
}

/// A soft bounce that is the contact's: stops it at the tenant's limit.
async fn count(tx: &mut AsyncPgConnection, mail: &Mail, now: DateTime<Utc>) -> Result<Consequence> {
    let Some(found) = find(tx, mail).await?.filter(|p| p.has_the_address(mail)) else {
        return Ok(Consequence::Nothing);
    };
    let earlier = if arrived_since(tx, mail, found.soft_bounced_at, now).await? {
        0
    } else {
        found.soft_bounces
    };
    let bounces = earlier.saturating_add(1);
    diesel::update(person::table.find((mail.path.tenant, mail.contact)))
        .set((
            person::soft_bounces.eq(bounces),
            person::soft_bounced_at.eq(now),
        ))
        .execute(tx)
        .await?;
    let limit: Option<i16> = tenant::table
        .find(mail.path.tenant)
        .select(tenant::soft_bounce_limit)
        .first(tx)
        .await?;
    if limit.is_none_or(|limit| bounces < limit) || found.status != ContactStatus::Active {
        return Ok(Consequence::Counted);
    }
    let (tenant, id) = (mail.path.tenant, mail.contact);
    contact::set_status(tx, tenant, id, ContactStatus::Bounced, now).await?;
    Ok(Consequence::Stopped)
}

/// Whether a mail arrived after the last soft bounce: then bounces are counted anew.
async fn arrived_since(
    tx: &mut AsyncPgConnection,
    mail: &Mail,
    since: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let Some(since) = since else {
        return Ok(false);
    };
    let arrived = delivery::table
        .filter(
            delivery::tenant_id
                .eq(mail.path.tenant)
                .and(delivery::contact_id.eq(mail.contact)),
        )
        .filter(delivery::period.ge(month(since)))
        .filter(delivery::state.eq(DeliveryState::Accepted))
        .filter(delivery::accepted_at.gt(since))
        .filter(delivery::accepted_at.lt(now - SETTLED));
    Ok(diesel::select(diesel::dsl::exists(arrived))
        .get_result(tx)
        .await?)
}

pub(super) async fn complain(
    tx: &mut AsyncPgConnection,
    mail: &Mail,
    report: &Report,
    now: DateTime<Utc>,
) -> Result<Effect> {
    if mail.is_complained {
        return Ok(Effect::Again);
    }
    let found = find(tx, mail).await?.filter(|p| p.has_the_address(mail));
    if let Some(found) = &found
        && matches!(found.status, ContactStatus::Active | ContactStatus::Bounced)
    {
        let (tenant, id) = (mail.path.tenant, mail.contact);
        contact::set_status(tx, tenant, id, ContactStatus::Complained, now).await?;
    }
    block(tx, mail, suppression::Reason::Complained, now).await?;
    let withdrawn = NewConsent {
        kind: ConsentKind::Withdrawn,
        source: SOURCE.to_owned(),
        wording: report.text.clone(),
        form_version: None,
        ip: None,
        user_agent: None,
        message_id: None,
        at: None,
    };
    consent::record(
        tx,
        mail.path.tenant,
        mail.contact,
        &mail.address,
        &withdrawn,
        now,
    )
    .await?;
    let consequence = Consequence::Stopped;
    write(tx, mail, "complaint", report, consequence, now).await?;
    diesel::update(delivery::table.find((mail.path.tenant, mail.path.period, mail.path.delivery)))
        .set(delivery::complained_at.eq(now))
        .execute(tx)
        .await?;
    complaints::note(tx, mail.path.tenant).await?;
    tell(tx, mail, &[("complained", 1)]).await?;
    Ok(Effect::Counted)
}

/// A report that the mail arrived ends the count of soft bounces.
pub(super) async fn clear(tx: &mut AsyncPgConnection, mail: &Mail) -> Result<()> {
    contact::clear_soft_bounces(tx, mail.path.tenant, &[mail.contact]).await
}

async fn find(tx: &mut AsyncPgConnection, mail: &Mail) -> Result<Option<Person>> {
    Ok(person::table
        .find((mail.path.tenant, mail.contact))
        .select((
            person::email_key,
            person::status,
            person::soft_bounces,
            person::soft_bounced_at,
        ))
        .for_update()
        .first(tx)
        .await
        .optional()?)
}

impl Person {
    /// Whether the address is still the one that the mail was sent to: a typing
    /// error that was mended since has nothing to do with the bounce.
    fn has_the_address(&self, mail: &Mail) -> bool {
        self.email_key == key(&mail.address)
    }
}

/// As contacts and the block-list spell it.
pub(super) fn key(address: &str) -> String {
    EmailAddress::parse(address).map_or_else(
        |_| address.to_lowercase(),
        |address| address.key().to_owned(),
    )
}

async fn block(
    tx: &mut AsyncPgConnection,
    mail: &Mail,
    reason: suppression::Reason,
    now: DateTime<Utc>,
) -> Result<()> {
    suppression::suppress_address(
        tx,
        mail.path.tenant,
        &key(&mail.address),
        reason,
        SOURCE,
        "",
        now,
    )
    .await
}

async fn write(
    tx: &mut AsyncPgConnection,
    mail: &Mail,
    kind: &str,
    report: &Report,
    consequence: Consequence,
    now: DateTime<Utc>,
) -> Result<()> {
    let detail = json!({
        "kind": report.kind,
        "reason": report.reason,
        "status": report.status.map(|status| status.to_string()),
        "address": report.address,
        "text": report.text,
        "contact": match consequence {
            Consequence::Nothing => "unchanged",
            Consequence::Counted => "counted",
            Consequence::Stopped => "stopped",
        },
    });
    diesel::insert_into(event::table)
        .values((
            event::tenant_id.eq(mail.path.tenant),
            event::period.eq(month(now)),
            event::id.eq(EventId::new()),
            event::kind.eq(kind),
            event::campaign_id.eq(mail.campaign),
            event::delivery_id.eq(mail.path.delivery),
            event::contact_id.eq(mail.contact),
            event::at.eq(now),
            event::detail.eq(detail),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

async fn tell(tx: &mut AsyncPgConnection, mail: &Mail, deltas: &[(&str, i64)]) -> Result<()> {
    let (tenant, id) = (mail.path.tenant, mail.campaign);
    counters::add(tx, tenant, id, deltas).await?;
    signal::publish(tx, Signal::Campaign { tenant, id }).await
}
