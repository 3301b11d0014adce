//! Purging: what waits in the queue is not sent at all any more, of a campaign,
//! of a site, or of the tenant. What a mailer has in hand already still goes.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use super::site;
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::delivery::{counters, queue};
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, DeliveryId, TenantId};
use crate::schema::{campaign, send_queue};
use crate::signal::{self, Signal};

/// Rows of a transaction.
const CHUNK: i64 = 5_000;

/// What is purged; nothing said: all that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purge {
    pub campaign: Option<CampaignId>,
    /// A site's name or any domain of its.
    pub site: Option<String>,
}

/// Domains of a site, and the patterns of their subdomains. Those of companies are
/// told by the ledger, where a mailer had the mail in hand already, and by what
/// mailers learned ([`super::exchange`]).
struct Domains {
    name: String,
    exact: Vec<String>,
    patterns: Vec<String>,
}

impl Domains {
    fn of(name: &str) -> Result<Self> {
        let name = site::of_name(name.trim());
        if !site::is_site(&name) {
            return Err(DomainError::invalid(
                "/site",
                "malformed",
                "is no known site and no domain, for example docomo or example.co.jp",
            ));
        }
        let known: Vec<String> = site::known_domains()
            .filter(|(_, site)| *site == name)
            .map(|(domain, _)| domain.to_owned())
            .collect();
        if known.is_empty() {
            return Ok(Self {
                exact: vec![name.clone()],
                name,
                patterns: Vec::new(),
            });
        }
        let patterns = known.iter().map(|domain| format!("%.{domain}")).collect();
        Ok(Self {
            name,
            exact: known,
            patterns,
        })
    }
}

/// Skips what waits, with the reason `purged`; answers how many.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`] for the campaign, [`DomainError::Invalid`].
pub async fn purge(db: &Db, actor: &Actor, what: &Purge) -> Result<i64> {
    actor.require(Permission::CampaignsSend)?;
    let tenant = actor.tenant_id;
    let domains = what.site.as_deref().map(Domains::of).transpose()?;
    let campaigns = campaigns(db, tenant, what.campaign).await?;
    // Before anything is skipped: who hangs up on the way has done it all the same.
    record(db, actor, what, "deliveries.purge_begun", None).await?;
    let mut total = 0;
    for campaign in campaigns {
        let mut after = DeliveryId(uuid::Uuid::nil());
        while let Some((last, n)) = chunk(db, tenant, campaign, domains.as_ref(), after).await? {
            after = last;
            total += n;
        }
    }
    record(db, actor, what, "deliveries.purged", Some(total)).await?;
    Ok(total)
}

/// What a purge would come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Waiting {
    /// Mails that would not be sent any more.
    #[diesel(sql_type = BigInt)]
    pub waiting: i64,
    /// Those that a mailer has in hand, which go all the same.
    #[diesel(sql_type = BigInt)]
    pub in_hand: i64,
}

/// How many a purge would take out of the queue now.
///
/// # Errors
/// As [`purge`].
#[expect(
    clippy::disallowed_methods,
    reason = "filtered counts over the months of the campaigns; every value is bound"
)]
pub async fn waiting(db: &Db, actor: &Actor, what: &Purge) -> Result<Waiting> {
    actor.require(Permission::CampaignsSend)?;
    let tenant = actor.tenant_id;
    let domains = what.site.as_deref().map(Domains::of).transpose()?;
    let campaigns = campaigns(db, tenant, what.campaign).await?;
    db.tenant(tenant, async |tx| {
        Ok(diesel::sql_query(
            "SELECT count(*) FILTER (WHERE d.state <> 'claimed') AS waiting, count(*) FILTER (WHERE d.state = 'claimed') AS in_hand
             FROM campaign c JOIN delivery d ON d.tenant_id = c.tenant_id AND d.period = c.period AND d.campaign_id = c.id
             WHERE c.tenant_id = $1 AND c.id = ANY ($2) AND d.state IN ('queued', 'deferred', 'claimed')
               AND ($3::text[] IS NULL OR lower(substring(d.address FROM '[^@]*$')) = ANY ($3)
                    OR lower(substring(d.address FROM '[^@]*$')) LIKE ANY ($4) OR d.site = $5
                    OR lower(substring(d.address FROM '[^@]*$')) IN (SELECT e.domain FROM exchange_site e WHERE e.site = $5))",
        )
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<SqlUuid>, _>(&campaigns)
        .bind::<Nullable<Array<Text>>, _>(domains.as_ref().map(|d| d.exact.clone()))
        .bind::<Array<Text>, _>(domains.as_ref().map(|d| d.patterns.clone()).unwrap_or_default())
        .bind::<Nullable<Text>, _>(domains.map(|d| d.name))
        .get_result(tx)
        .await?)
    })
    .await
}

async fn record(
    db: &Db,
    actor: &Actor,
    what: &Purge,
    action: &'static str,
    skipped: Option<i64>,
) -> Result<()> {
    db.tenant(actor.tenant_id, async |tx| {
        let entry = audit::Entry {
            action,
            subject_kind: "campaign",
            subject_id: what.campaign.map(|id| id.0),
            before: None,
            after: Some(json!({"site": what.site, "skipped": skipped})),
        };
        audit::record(tx, actor, entry).await
    })
    .await
}

/// Campaigns in the queue: the one that was named, or all.
async fn campaigns(db: &Db, tenant: TenantId, only: Option<CampaignId>) -> Result<Vec<CampaignId>> {
    db.tenant(tenant, async |tx| {
        if let Some(id) = only {
            crate::campaign::find(tx, tenant, id).await?;
        }
        let mut query = send_queue::table
            .filter(send_queue::tenant_id.eq(tenant))
            .filter(send_queue::state.eq_any(["preparing", "sending", "paused"]))
            .select(send_queue::campaign_id)
            .into_boxed();
        if let Some(id) = only {
            query = query.filter(send_queue::campaign_id.eq(id));
        }
        Ok(query.load(tx).await?)
    })
    .await
}

/// The next rows behind `after`: the last of them, and how many were skipped.
async fn chunk(
    db: &Db,
    tenant: TenantId,
    id: CampaignId,
    domains: Option<&Domains>,
    after: DeliveryId,
) -> Result<Option<(DeliveryId, i64)>> {
    let now = db.now();
    db.tenant(tenant, async |tx| {
        let period: Option<Option<NaiveDate>> = campaign::table
            .find((tenant, id))
            .select(campaign::period)
            .for_no_key_update()
            .first(tx)
            .await
            .optional()?;
        let Some(period) = period.flatten() else {
            return Ok(None);
        };
        queue::due_by(tx, tenant, id, DateTime::<Utc>::MAX_UTC).await?;
        let rows = skip(tx, (tenant, id, period), domains, after).await?;
        let Some(last) = rows.iter().filter_map(|row| row.last).max() else {
            return Ok(None);
        };
        let mut deltas = Vec::new();
        for row in &rows {
            deltas.push((row.was.as_str(), -row.n));
            deltas.push(("skipped", row.n));
        }
        counters::add(tx, tenant, id, &deltas).await?;
        queue::settle(tx, tenant, id, now).await?;
        signal::publish(tx, Signal::Campaign { tenant, id }).await?;
        Ok(Some((last, rows.iter().map(|row| row.n).sum())))
    })
    .await
}

#[derive(QueryableByName)]
struct Skipped {
    #[diesel(sql_type = Text)]
    was: String,
    #[diesel(sql_type = BigInt)]
    n: i64,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    last: Option<DeliveryId>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE of a locked chunk that answers the states before; every value is bound"
)]
async fn skip(
    tx: &mut AsyncPgConnection,
    (tenant, id, period): (TenantId, CampaignId, NaiveDate),
    domains: Option<&Domains>,
    after: DeliveryId,
) -> Result<Vec<Skipped>> {
    Ok(diesel::sql_query(
        "WITH rest AS MATERIALIZED (
            SELECT d.tenant_id, d.period, d.id, d.state FROM delivery d
            WHERE d.tenant_id = $1 AND d.period = $3 AND d.campaign_id = $2 AND d.id > $4
              AND d.state IN ('queued', 'deferred')
              AND ($5::text[] IS NULL OR lower(substring(d.address FROM '[^@]*$')) = ANY ($5)
                   OR lower(substring(d.address FROM '[^@]*$')) LIKE ANY ($6) OR d.site = $8
                   OR lower(substring(d.address FROM '[^@]*$')) IN (SELECT e.domain FROM exchange_site e WHERE e.site = $8))
            ORDER BY d.id LIMIT $7 FOR UPDATE),
         changed AS (
            UPDATE delivery d SET state = 'skipped', reason = 'purged', due_at = NULL
            FROM rest WHERE d.tenant_id = rest.tenant_id AND d.period = rest.period AND d.id = rest.id
            RETURNING rest.state, rest.id)
         SELECT state AS was, count(*) AS n, max(id::text)::uuid AS last FROM changed GROUP BY state",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(id)
    .bind::<Date, _>(period)
    .bind::<SqlUuid, _>(after)
    .bind::<Nullable<Array<Text>>, _>(domains.map(|d| d.exact.clone()))
    .bind::<Array<Text>, _>(domains.map(|d| d.patterns.clone()).unwrap_or_default())
    .bind::<BigInt, _>(CHUNK)
    .bind::<Nullable<Text>, _>(domains.map(|d| d.name.as_str()))
    .load(tx)
    .await?)
}
