//! Opens and clicks, written in batches: the events, the first open and first
//! click of each delivery, and the counts of people, in one transaction. A
//! batch that is written twice (its commit was not heard of) counts once. What
//! only several hits tell of their maker is judged first ([`super::burst`]).
//!
//! Deliveries are looked up by their whole key, from behind `OFFSET 0`: the
//! planner would read the ledger of a small tenant from end to end for each batch.

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, Bool, Date, Inet, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ipnet::IpNet;

use super::Visitor;
use super::burst::{self, Judged};
use super::machine::MachineRule;
use crate::contact;
use crate::db::Db;
use crate::delivery::counters;
use crate::delivery::token::{DeliveryToken, Purpose};
use crate::error::Result;
use crate::ids::{CampaignId, ContactId, DeliveryId, EventId, TenantId};
use crate::signal::{self, Signal};

/// Most hits of one transaction.
pub const BATCH: usize = 2_000;

/// One open or click, as it came in.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Made when it came in, so that writing it twice makes one event.
    pub id: EventId,
    pub tenant: TenantId,
    /// Partition of the delivery.
    pub period: NaiveDate,
    pub delivery: DeliveryId,
    /// Number of the link; `None` for an open.
    pub link: Option<u16>,
    pub at: DateTime<Utc>,
    /// The rule by which it is a machine's, as far as the request alone tells:
    /// kept, and counted nowhere.
    pub machine: Option<MachineRule>,
    pub ip: Option<IpAddr>,
    pub user_agent: String,
}

impl Hit {
    /// `None` when the token is for something else.
    #[must_use]
    pub fn of(
        token: &DeliveryToken,
        visitor: Visitor,
        machine: Option<MachineRule>,
        at: DateTime<Utc>,
    ) -> Option<Self> {
        let link = match token.purpose {
            Purpose::Open => None,
            Purpose::Click { number, .. } => Some(number),
            Purpose::Cancel => return None,
        };
        Some(Self {
            id: EventId::new(),
            tenant: token.tenant,
            period: token.period,
            delivery: token.delivery,
            link,
            at,
            machine,
            ip: visitor.ip,
            user_agent: visitor.user_agent,
        })
    }

    fn kind(&self) -> &'static str {
        match self.link {
            None => "open",
            Some(_) => "click",
        }
    }
}

/// Writes hits of one tenant. Whoever opens gets mail, so that soft bounces are
/// counted anew. Those of test sends, and of deliveries that are
/// gone, are left out. A person's click is an open too: many readers load no
/// images.
///
/// # Errors
/// When the database does. The caller tries again.
pub async fn record(db: &Db, tenant: TenantId, hits: &[Hit]) -> Result<()> {
    db.tenant(tenant, async |tx| {
        let mut campaigns: BTreeMap<CampaignId, (i64, i64)> = BTreeMap::new();
        let (hits, mended) = burst::judge(tx, tenant, hits).await?;
        for row in mended {
            let (opened, clicked) = campaigns.entry(row.campaign).or_default();
            *opened -= i64::from(row.unopened);
            *clicked -= i64::from(row.unclicked);
        }
        let mut readers = Vec::new();
        // Before the events: under its locks these see a burst that another process found.
        for row in mark_first(tx, tenant, &hits).await? {
            let (opened, clicked) = campaigns.entry(row.campaign_id).or_default();
            *opened += i64::from(row.opens);
            *clicked += i64::from(row.clicks);
            readers.push(row.contact_id);
        }
        for row in insert(tx, tenant, &hits).await? {
            campaigns.entry(row.campaign_id).or_default();
        }
        if !readers.is_empty() {
            contact::clear_soft_bounces(tx, tenant, &readers).await?;
        }
        publish(tx, tenant, &campaigns).await
    })
    .await
}

/// People of each campaign that opened and that clicked, and that something came in.
async fn publish(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaigns: &BTreeMap<CampaignId, (i64, i64)>,
) -> Result<()> {
    let mut people = Vec::new();
    let mut signals = Vec::new();
    for (id, (opened, clicked)) in campaigns {
        people.extend([(*id, "opened", *opened), (*id, "clicked", *clicked)]);
        signals.push(Signal::Campaign { tenant, id: *id });
    }
    counters::add_each(tx, tenant, &people).await?;
    signal::publish_all(tx, &signals).await
}

#[derive(QueryableByName)]
struct Written {
    #[diesel(sql_type = SqlUuid)]
    campaign_id: CampaignId,
}

#[expect(
    clippy::disallowed_methods,
    reason = "INSERT … SELECT from unnest joined with the deliveries; every value is bound"
)]
async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    hits: &[Judged<'_>],
) -> Result<Vec<Written>> {
    let ids: Vec<EventId> = hits.iter().map(|(hit, _)| hit.id).collect();
    let deliveries: Vec<DeliveryId> = hits.iter().map(|(hit, _)| hit.delivery).collect();
    let periods: Vec<NaiveDate> = hits.iter().map(|(hit, _)| hit.period).collect();
    let kinds: Vec<&str> = hits.iter().map(|(hit, _)| hit.kind()).collect();
    let links: Vec<Option<i32>> = hits
        .iter()
        .map(|(hit, _)| hit.link.map(i32::from))
        .collect();
    let rules: Vec<Option<&str>> = hits
        .iter()
        .map(|(_, rule)| rule.map(MachineRule::as_str))
        .collect();
    let times: Vec<DateTime<Utc>> = hits.iter().map(|(hit, _)| hit.at).collect();
    let ips: Vec<Option<IpNet>> = hits
        .iter()
        .map(|(hit, _)| hit.ip.map(IpNet::from))
        .collect();
    let agents: Vec<&str> = hits
        .iter()
        .map(|(hit, _)| hit.user_agent.as_str())
        .collect();
    Ok(diesel::sql_query(
        "WITH written AS (
            INSERT INTO event (tenant_id, period, id, kind, campaign_id, delivery_id, contact_id, link_number, machine, machine_rule, at, ip, user_agent)
            SELECT h.tenant_id, date_trunc('month', h.at AT TIME ZONE 'UTC')::date, h.id, h.kind, d.campaign_id, d.id, d.contact_id,
                   h.link, r.rule IS NOT NULL, r.rule, h.at, h.ip, h.agent
            FROM (SELECT $1::uuid AS tenant_id, u.*
                  FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10) AS u (id, delivery, period, kind, link, rule, at, ip, agent) OFFSET 0) h
            JOIN delivery d ON d.tenant_id = h.tenant_id AND d.period = h.period AND d.id = h.delivery AND d.address <> ''
            JOIN campaign c ON c.tenant_id = h.tenant_id AND c.id = d.campaign_id AND c.kind <> 'test'
            CROSS JOIN LATERAL (
                SELECT coalesce(h.rule, CASE WHEN h.kind = 'open' AND h.at <@ d.burst THEN 'many_links' END) AS rule) r
            ON CONFLICT DO NOTHING
            RETURNING campaign_id)
         SELECT DISTINCT campaign_id FROM written",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<SqlUuid>, _>(deliveries)
    .bind::<Array<Date>, _>(periods)
    .bind::<Array<Text>, _>(kinds)
    .bind::<Array<Nullable<Integer>>, _>(links)
    .bind::<Array<Nullable<Text>>, _>(rules)
    .bind::<Array<Timestamptz>, _>(times)
    .bind::<Array<Nullable<Inet>>, _>(ips)
    .bind::<Array<Text>, _>(agents)
    .load(tx)
    .await?)
}

#[derive(QueryableByName)]
struct First {
    #[diesel(sql_type = SqlUuid)]
    campaign_id: CampaignId,
    #[diesel(sql_type = SqlUuid)]
    contact_id: ContactId,
    #[diesel(sql_type = Bool)]
    opens: bool,
    #[diesel(sql_type = Bool)]
    clicks: bool,
}

/// Deliveries that are opened or clicked for the first time now, opens of a
/// known burst aside. Their rows are locked in the order of ids before any is changed.
#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE from locked rows; every value is bound"
)]
async fn mark_first(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    hits: &[Judged<'_>],
) -> Result<Vec<First>> {
    let people: Vec<&Hit> = hits
        .iter()
        .filter(|(_, rule)| rule.is_none())
        .map(|(hit, _)| *hit)
        .collect();
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let deliveries: Vec<DeliveryId> = people.iter().map(|hit| hit.delivery).collect();
    let periods: Vec<NaiveDate> = people.iter().map(|hit| hit.period).collect();
    let clicks: Vec<bool> = people.iter().map(|hit| hit.link.is_some()).collect();
    let times: Vec<DateTime<Utc>> = people.iter().map(|hit| hit.at).collect();
    Ok(diesel::sql_query(
        "WITH first AS (
            SELECT h.tenant_id, h.period, h.delivery, array_agg(h.at) FILTER (WHERE NOT h.click) AS opens,
                   min(h.at) FILTER (WHERE h.click) AS clicked
            FROM (SELECT $1::uuid AS tenant_id, u.* FROM unnest($2, $3, $4, $5) AS u (delivery, period, click, at) OFFSET 0) h
            GROUP BY 1, 2, 3
         ), locked AS MATERIALIZED (
            SELECT d.tenant_id, d.period, d.id, f.clicked, d.opened_at IS NULL AS opens,
                   d.clicked_at IS NULL AND f.clicked IS NOT NULL AS clicks,
                   least(f.clicked, (SELECT min(o.at) FROM unnest(f.opens) AS o (at) WHERE (o.at <@ d.burst) IS NOT TRUE)) AS opened
            FROM first f
            JOIN delivery d ON d.tenant_id = f.tenant_id AND d.period = f.period AND d.id = f.delivery
            JOIN campaign c ON c.tenant_id = f.tenant_id AND c.id = d.campaign_id AND c.kind <> 'test'
            WHERE d.opened_at IS NULL OR (d.clicked_at IS NULL AND f.clicked IS NOT NULL)
            ORDER BY d.id FOR UPDATE OF d
         )
         UPDATE delivery d SET
            opened_at = coalesce(d.opened_at, l.opened), clicked_at = coalesce(d.clicked_at, l.clicked)
         FROM locked l
         WHERE d.tenant_id = l.tenant_id AND d.period = l.period AND d.id = l.id AND l.opened IS NOT NULL
         RETURNING d.campaign_id, d.contact_id, l.opens, l.clicks",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Array<SqlUuid>, _>(deliveries)
    .bind::<Array<Date>, _>(periods)
    .bind::<Array<Bool>, _>(clicks)
    .bind::<Array<Timestamptz>, _>(times)
    .load(tx)
    .await?)
}
