//! Mails that a server refused to our face for the address's sake: no report
//! of them will come, so what a report would do is done while the refusal is
//! recorded, in the recorder's transaction, for all of a batch at once.
//!
//! Locks as [`super::effect`]: the deliveries (the recorder has them), people in
//! the order of their ids, counters. What a refusal says of the address is
//! judged by the mailer (`Reply::blame`); our own faults never come here.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Date, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use super::{BounceKind, BounceReason, Status, effect};
use crate::contact::{self, ContactStatus};
use crate::delivery::outcome::Reply;
use crate::error::Result;
use crate::event::month;
use crate::ids::{CampaignId, ContactId, DeliveryId, EventId, TenantId};
use crate::schema::{campaign, contact as person, event, tenant};
use crate::suppression;

/// Source of what a refusal changes.
const SOURCE: &str = "refusal";

/// A delivery that has failed for good.
pub(crate) struct Refusal<'a> {
    pub(crate) delivery: DeliveryId,
    pub(crate) contact: ContactId,
    /// That it was to go to.
    pub(crate) address: String,
    pub(crate) reason: BounceReason,
    pub(crate) reply: &'a Reply,
}

impl Refusal<'_> {
    fn status(&self) -> Option<Status> {
        self.reply.enhanced.as_deref().and_then(Status::parse)
    }

    fn kind(&self) -> BounceKind {
        self.reason.kind(self.status())
    }
}

/// People as far as refusals go.
type People = HashMap<ContactId, (String, ContactStatus)>;

/// What refusals of one campaign do to its counts, its deliveries and people;
/// answers the counters to change.
pub(crate) async fn take(
    tx: &mut AsyncPgConnection,
    (tenant, campaign, period): (TenantId, CampaignId, NaiveDate),
    refusals: &[Refusal<'_>],
    now: DateTime<Utc>,
) -> Result<Vec<(&'static str, i64)>> {
    if refusals.is_empty() || is_test(tx, tenant, campaign).await? {
        return Ok(Vec::new());
    }
    let people = lock_people(tx, tenant, refusals).await?;
    let stopped = stop(tx, tenant, refusals, &people, now).await?;
    let counted = count(tx, tenant, refusals, &people, now).await?;
    let told = |refusal: &Refusal<'_>| {
        if stopped.contains(&refusal.delivery) {
            "stopped"
        } else {
            counted
                .get(&refusal.contact)
                .copied()
                .unwrap_or("unchanged")
        }
    };
    write(tx, tenant, campaign, refusals, told, now).await?;
    let mut deltas: BTreeMap<&'static str, i64> = BTreeMap::new();
    for marked in mark(tx, tenant, period, refusals, now).await? {
        // A mail is counted once: one that had come back already, by its last word.
        *deltas.entry(counter(&marked.kind)).or_default() += 1;
        if let Some(before) = &marked.before {
            *deltas.entry(counter(before)).or_default() -= 1;
        }
    }
    Ok(deltas.into_iter().collect())
}

async fn is_test(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaign: CampaignId,
) -> Result<bool> {
    let kind: String = campaign::table
        .find((tenant, campaign))
        .select(campaign::kind)
        .first(tx)
        .await?;
    Ok(kind == "test")
}

async fn lock_people(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    refusals: &[Refusal<'_>],
) -> Result<People> {
    let ids: Vec<ContactId> = refusals.iter().map(|refusal| refusal.contact).collect();
    let rows: Vec<(ContactId, String, ContactStatus)> = person::table
        .filter(person::tenant_id.eq(tenant))
        .filter(person::id.eq_any(ids))
        .order(person::id)
        .select((person::id, person::email_key, person::status))
        .for_update()
        .load(tx)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(id, key, status)| (id, (key, status)))
        .collect())
}

/// Dead addresses get no more mail; answers the deliveries whose people were
/// stopped by that. A person who has another address by now is left alone; of one
/// who was deleted the address is blocked.
async fn stop(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    refusals: &[Refusal<'_>],
    people: &People,
    now: DateTime<Utc>,
) -> Result<Vec<DeliveryId>> {
    let mut stopped = Vec::new();
    let mut of: Vec<ContactId> = Vec::new();
    let mut blocked = Vec::new();
    for refusal in refusals.iter().filter(|r| r.kind() == BounceKind::Hard) {
        let key = effect::key(&refusal.address);
        match people.get(&refusal.contact) {
            None => blocked.push(key),
            Some((own, ContactStatus::Active)) if *own == key => of.push(refusal.contact),
            Some(_) => continue,
        }
        stopped.push(refusal.delivery);
    }
    set_bounced(tx, tenant, &of, now).await?;
    if !blocked.is_empty() {
        let reason = suppression::Reason::Bounced;
        suppression::suppress_addresses(tx, tenant, &blocked, reason, SOURCE, now).await?;
    }
    Ok(stopped)
}

async fn set_bounced(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    ids: &[ContactId],
    now: DateTime<Utc>,
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    contact::set_statuses(tx, tenant, ids, ContactStatus::Bounced, now).await
}

#[derive(diesel::QueryableByName)]
struct Counted {
    #[diesel(sql_type = SqlUuid)]
    id: ContactId,
    #[diesel(sql_type = SmallInt)]
    soft_bounces: i16,
}

/// Counts soft refusals against people, anew where a mail has arrived since the
/// last one, and stops those at the tenant's limit; says what became of each.
#[expect(
    clippy::disallowed_methods,
    reason = "an UPDATE that looks for later mails; every value is bound"
)]
async fn count(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    refusals: &[Refusal<'_>],
    people: &People,
    now: DateTime<Utc>,
) -> Result<HashMap<ContactId, &'static str>> {
    let has_the_address = |refusal: &&Refusal<'_>| {
        let person = people.get(&refusal.contact);
        person.is_some_and(|(own, _)| *own == effect::key(&refusal.address))
    };
    let ids: Vec<ContactId> = refusals
        .iter()
        .filter(|r| r.kind() == BounceKind::Soft && r.reason.blames_contact())
        .filter(has_the_address)
        .map(|refusal| refusal.contact)
        .collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let settled: TimeDelta = effect::SETTLED;
    let rows: Vec<Counted> = diesel::sql_query(
        "UPDATE contact c SET soft_bounced_at = $3, soft_bounces = 1 + CASE
             WHEN c.soft_bounced_at IS NOT NULL AND EXISTS (
                 SELECT FROM delivery d WHERE d.tenant_id = (SELECT $1) AND d.contact_id = c.id
                   AND d.period >= date_trunc('month', c.soft_bounced_at AT TIME ZONE 'UTC')::date
                   AND d.state = 'accepted' AND d.accepted_at > c.soft_bounced_at AND d.accepted_at < $4)
             THEN 0 ELSE least(c.soft_bounces, 1000) END
         WHERE c.tenant_id = $1 AND c.id = ANY ($2) RETURNING c.id, c.soft_bounces",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Timestamptz, _>(now)
    .bind::<Timestamptz, _>(now - settled)
    .load(tx)
    .await?;
    let limit: Option<i16> = tenant::table
        .find(tenant)
        .select(tenant::soft_bounce_limit)
        .first(tx)
        .await?;
    let is_active = |id: &ContactId| {
        let person = people.get(id);
        person.is_some_and(|(_, status)| *status == ContactStatus::Active)
    };
    let over: Vec<ContactId> = rows
        .iter()
        .filter(|row| limit.is_some_and(|limit| row.soft_bounces >= limit) && is_active(&row.id))
        .map(|row| row.id)
        .collect();
    set_bounced(tx, tenant, &over, now).await?;
    let told = |id| {
        if over.contains(&id) {
            "stopped"
        } else {
            "counted"
        }
    };
    Ok(rows.iter().map(|row| (row.id, told(row.id))).collect())
}

async fn write(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaign: CampaignId,
    refusals: &[Refusal<'_>],
    told: impl Fn(&Refusal<'_>) -> &'static str,
    now: DateTime<Utc>,
) -> Result<()> {
    let rows: Vec<_> = refusals
        .iter()
        .map(|refusal| {
            let detail = json!({
                "kind": refusal.kind(),
                "reason": refusal.reason,
                "status": refusal.reply.enhanced,
                "code": refusal.reply.code,
                "address": refusal.address,
                "text": refusal.reply.kept_text(),
                "contact": told(refusal),
            });
            (
                event::tenant_id.eq(tenant),
                event::period.eq(month(now)),
                event::id.eq(EventId::new()),
                event::kind.eq("bounce"),
                event::campaign_id.eq(campaign),
                event::delivery_id.eq(refusal.delivery),
                event::contact_id.eq(refusal.contact),
                event::at.eq(now),
                event::detail.eq(detail),
            )
        })
        .collect();
    diesel::insert_into(event::table)
        .values(rows)
        .execute(tx)
        .await?;
    Ok(())
}

#[derive(diesel::QueryableByName)]
struct Marked {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    before: Option<String>,
}

fn counter(kind: &str) -> &'static str {
    effect::counter(match kind {
        "hard" => BounceKind::Hard,
        _ => BounceKind::Soft,
    })
}

/// A report that comes all the same counts no second time. Answers what each
/// delivery was marked with before: a report of an attempt before this one. The
/// caller holds their locks, so that a second look at the row sees the same.
#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE from unnest; every value is bound"
)]
async fn mark(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    period: NaiveDate,
    refusals: &[Refusal<'_>],
    now: DateTime<Utc>,
) -> Result<Vec<Marked>> {
    let ids: Vec<DeliveryId> = refusals.iter().map(|refusal| refusal.delivery).collect();
    let kinds: Vec<&str> = refusals.iter().map(|r| r.kind().as_str()).collect();
    Ok(diesel::sql_query(
        "UPDATE delivery d SET bounce = n.kind, bounced_at = $5
         FROM (SELECT $1::uuid AS tenant_id, $2::date AS period, u.* FROM unnest($3, $4) AS u (id, kind) OFFSET 0) n
         JOIN delivery o ON o.tenant_id = n.tenant_id AND o.period = n.period AND o.id = n.id
         WHERE d.tenant_id = n.tenant_id AND d.period = n.period AND d.id = n.id
         RETURNING n.kind, o.bounce AS before",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Date, _>(period)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(kinds)
    .bind::<Timestamptz, _>(now)
    .load(tx)
    .await?)
}
