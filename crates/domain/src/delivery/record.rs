//! The ledger: what became of claimed deliveries, written in micro-batches.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Date, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};

use super::outcome::{Outcome, Verdict, judge};
use super::{counters, queue};
use crate::db::Db;
use crate::error::Result;
use crate::event::bounce::refused::{self, Refusal};
use crate::ids::{CampaignId, ContactId, DeliveryId, TenantId, WorkerId};
use crate::signal::{self, Signal};
use crate::webhook;

/// What became of one delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub id: DeliveryId,
    /// Attempts before this one, as claimed.
    pub attempts: u16,
    /// Without angle brackets; `None` when no mail was made.
    pub message_id: Option<String>,
    /// The site, where the domain's servers told it and not the domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// When the attempt ended.
    pub at: DateTime<Utc>,
    pub outcome: Outcome,
}

impl Record {
    /// Never handed over; due again at once.
    #[must_use]
    pub fn given_back(id: DeliveryId, attempts: u16, at: DateTime<Utc>) -> Self {
        Self {
            id,
            attempts,
            message_id: None,
            site: None,
            at,
            outcome: Outcome::GivenBack,
        }
    }
}

#[derive(QueryableByName)]
struct Changed {
    #[diesel(sql_type = SqlUuid)]
    id: DeliveryId,
    #[diesel(sql_type = SqlUuid)]
    contact_id: ContactId,
    #[diesel(sql_type = Text)]
    address: String,
    #[diesel(sql_type = Text)]
    state: String,
}

/// Records outcomes of one campaign in one transaction with its counters;
/// answers how many counted. Those whose lease is no longer `worker`'s do not:
/// they are `unknown` already, and stay so.
///
/// # Errors
/// When the database does. The caller tries again: what was recorded does not count twice.
pub async fn record(
    db: &Db,
    worker: WorkerId,
    tenant: TenantId,
    campaign: CampaignId,
    period: NaiveDate,
    records: &[Record],
) -> Result<usize> {
    let now = db.now();
    // In the order of ids, as everybody locks several.
    let mut records: Vec<&Record> = records.iter().collect();
    records.sort_unstable_by_key(|record| record.id);
    let mut verdicts: Vec<Verdict> = records
        .iter()
        .map(|r| judge(r.outcome.clone(), r.id.0, r.attempts, now))
        .collect();
    let (recorded, open) = db
        .tenant(tenant, async |tx| {
            if let Some(due) = verdicts.iter().filter_map(|v| v.due_at).min() {
                queue::due_by(tx, tenant, campaign, due).await?;
                weigh_anew(tx, tenant, campaign, &records, &mut verdicts, now).await?;
            }
            let changed = update(tx, worker, tenant, campaign, period, &records, &verdicts).await?;
            let mut deltas: BTreeMap<&str, i64> = BTreeMap::new();
            for row in &changed {
                *deltas.entry(row.state.as_str()).or_default() += 1;
                *deltas.entry("claimed").or_default() -= 1;
            }
            let mut deltas: Vec<(&str, i64)> = deltas.into_iter().collect();
            let refusals = refusals(&records, &changed);
            deltas.extend(refused::take(tx, (tenant, campaign, period), &refusals, now).await?);
            counters::add(tx, tenant, campaign, &deltas).await?;
            let ended = changed
                .iter()
                .filter(|row| ["accepted", "failed"].contains(&row.state.as_str()));
            let ended: Vec<DeliveryId> = ended.map(|row| row.id).collect();
            webhook::outbox::tell_deliveries(tx, period, &ended).await?;
            signal::publish(
                tx,
                Signal::Campaign {
                    tenant,
                    id: campaign,
                },
            )
            .await?;
            Ok((changed.len(), queue::is_open(tx, tenant, campaign).await?))
        })
        .await?;
    if !open {
        queue::settle_ended(db, tenant, campaign).await?;
    }
    Ok(recorded)
}

/// Those of the recorded that were refused for the address's sake.
fn refusals<'a>(records: &[&'a Record], changed: &[Changed]) -> Vec<Refusal<'a>> {
    let failed = |record: &Record| {
        let is_it = |row: &&Changed| row.id == record.id && row.state == "failed";
        changed.iter().find(is_it)
    };
    let refusal = |record: &'a Record| {
        let Outcome::Failed(_, Some(reply)) = &record.outcome else {
            return None;
        };
        let reason = reply.blame?;
        let row = failed(record)?;
        Some(Refusal {
            delivery: row.id,
            contact: row.contact_id,
            address: row.address.clone(),
            reason,
            reply,
        })
    };
    records.iter().copied().filter_map(refusal).collect()
}

/// What limits held back that were changed since is due now. Behind the lock of
/// the queue row: a change comes either before this or finds the rows.
async fn weigh_anew(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaign: CampaignId,
    records: &[&Record],
    verdicts: &mut [Verdict],
    now: DateTime<Utc>,
) -> Result<()> {
    let asked = |record: &Record| match record.outcome {
        Outcome::HeldBack { asked, .. } => Some(asked),
        _ => None,
    };
    if !records.iter().any(|record| asked(record).is_some()) {
        return Ok(());
    }
    let Some(changed) = queue::limits_changed(tx, tenant, campaign).await? else {
        return Ok(());
    };
    let mut late = false;
    for (record, verdict) in records.iter().zip(verdicts) {
        if asked(record).is_some_and(|asked| asked < changed) {
            verdict.due_at = Some(now);
            late = true;
        }
    }
    if late {
        queue::due_by(tx, tenant, campaign, now).await?;
    }
    Ok(())
}

/// Binds: $1 tenant, $2 campaign, $3 period, $4 worker, then a column each.
///
/// All that a row is known by comes with it from behind OFFSET 0, so that,
/// whatever the planner believes, it is looked up by its whole key (as in
/// claim.rs) and not by a scan of all that is claimed.
const UPDATE: &str = "
UPDATE delivery d SET
   state = CASE WHEN n.at IS NULL AND c.state = 'stopped' THEN 'skipped' ELSE n.state END,
   reason = CASE WHEN n.at IS NULL AND c.state = 'stopped' THEN 'stopped' ELSE n.reason END,
   due_at = CASE WHEN n.at IS NULL AND c.state = 'stopped' THEN NULL ELSE n.due_at END,
   attempts = n.attempts, leased_until = NULL, lease_owner = NULL,
   message_id = coalesce(n.message_id, d.message_id),
   site = coalesce(n.site, d.site),
   attempted_at = coalesce(n.at, d.attempted_at),
   accepted_at = CASE WHEN n.state = 'accepted' THEN n.at END,
   reply_code = coalesce(n.code, d.reply_code),
   reply_enhanced = CASE WHEN n.text IS NULL THEN d.reply_enhanced ELSE n.enhanced END,
   reply_text = coalesce(n.text, d.reply_text),
   reply_host = coalesce(n.host, d.reply_host),
   merge = CASE WHEN d.merge IS NOT NULL AND n.state = 'accepted' THEN '{}' ELSE d.merge END
FROM (SELECT $1::uuid AS tenant_id, $2::uuid AS campaign_id, $3::date AS period, 'claimed' AS was, $4::uuid AS worker, u.*
      FROM unnest($5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
           AS u (id, state, reason, due_at, attempts, message_id, at, code, enhanced, text, host, site) OFFSET 0) n,
     campaign c
WHERE d.tenant_id = n.tenant_id AND d.period = n.period AND d.id = n.id AND d.campaign_id = n.campaign_id
  AND d.state = n.was AND d.lease_owner = n.worker
  AND c.tenant_id = $1 AND c.id = $2
RETURNING d.id, d.contact_id, d.address, d.state";

// A row given back after a stop is skipped at once: nobody else will.
#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE from unnest; every value is bound"
)]
async fn update(
    tx: &mut AsyncPgConnection,
    worker: WorkerId,
    tenant: TenantId,
    campaign: CampaignId,
    period: NaiveDate,
    records: &[&Record],
    verdicts: &[Verdict],
) -> Result<Vec<Changed>> {
    let reply = |f: fn(&super::outcome::Reply) -> Option<String>| -> Vec<Option<String>> {
        verdicts
            .iter()
            .map(|v| v.reply.as_ref().and_then(f))
            .collect()
    };
    let ids: Vec<DeliveryId> = records.iter().map(|r| r.id).collect();
    let states: Vec<&str> = verdicts.iter().map(|v| v.state).collect();
    let reasons: Vec<Option<&str>> = verdicts.iter().map(|v| v.reason).collect();
    let due: Vec<Option<DateTime<Utc>>> = verdicts.iter().map(|v| v.due_at).collect();
    let attempts: Vec<i16> = verdicts
        .iter()
        .map(|v| i16::try_from(v.attempts).unwrap_or(i16::MAX))
        .collect();
    let message_ids: Vec<Option<&str>> = records.iter().map(|r| r.message_id.as_deref()).collect();
    let sites: Vec<Option<&str>> = records.iter().map(|r| r.site.as_deref()).collect();
    let at: Vec<Option<DateTime<Utc>>> = records
        .iter()
        .map(|r| (!r.outcome.is_untried()).then_some(r.at))
        .collect();
    let codes: Vec<Option<i16>> = verdicts
        .iter()
        .map(|v| {
            v.reply
                .as_ref()
                .and_then(|r| i16::try_from(r.code).ok())
                .filter(|c| *c > 0)
        })
        .collect();
    Ok(diesel::sql_query(UPDATE)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(campaign)
        .bind::<Date, _>(period)
        .bind::<SqlUuid, _>(worker)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<Text>, _>(states)
        .bind::<Array<Nullable<Text>>, _>(reasons)
        .bind::<Array<Nullable<Timestamptz>>, _>(due)
        .bind::<Array<SmallInt>, _>(attempts)
        .bind::<Array<Nullable<Text>>, _>(message_ids)
        .bind::<Array<Nullable<Timestamptz>>, _>(at)
        .bind::<Array<Nullable<SmallInt>>, _>(codes)
        .bind::<Array<Nullable<Text>>, _>(reply(|r| {
            r.enhanced.as_ref().map(|e| e.chars().take(20).collect())
        }))
        .bind::<Array<Nullable<Text>>, _>(reply(|r| Some(r.kept_text())))
        .bind::<Array<Nullable<Text>>, _>(reply(|r| Some(r.host.clone())))
        .bind::<Array<Nullable<Text>>, _>(sites)
        .load(tx)
        .await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Plan, TestDatabase, TestTenant, sent_campaign};

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "EXPLAIN of the update")]
    async fn of_a_tenant_who_came_after_the_statistics_each_row_is_looked_up_by_its_key() {
        let database = TestDatabase::new().await;
        let known = TestTenant::create(&database.db, "acme").await.id;
        sent_campaign(&database, known, 20_000).await;
        database.execute_as_owner("ANALYZE delivery").await;
        let tenant = TestTenant::create(&database.db, "newcomer").await.id;
        let campaign = sent_campaign(&database, tenant, 2_000).await;
        let now = database.db.now();
        let many = |text: &'static str| vec![Some(text); 200];
        let lines: Vec<Plan> = database
            .db
            .tenant(tenant, async |tx| {
                let ids: Vec<DeliveryId> = (0..200).map(|_| DeliveryId::new()).collect();
                Ok(diesel::sql_query(format!("EXPLAIN {UPDATE}"))
                    .bind::<SqlUuid, _>(tenant)
                    .bind::<SqlUuid, _>(campaign)
                    .bind::<Date, _>(crate::campaign::control::period(now))
                    .bind::<SqlUuid, _>(WorkerId::new())
                    .bind::<Array<SqlUuid>, _>(ids)
                    .bind::<Array<Text>, _>(vec!["accepted"; 200])
                    .bind::<Array<Nullable<Text>>, _>(many(""))
                    .bind::<Array<Nullable<Timestamptz>>, _>(vec![Some(now); 200])
                    .bind::<Array<SmallInt>, _>(vec![1_i16; 200])
                    .bind::<Array<Nullable<Text>>, _>(many(""))
                    .bind::<Array<Nullable<Timestamptz>>, _>(vec![Some(now); 200])
                    .bind::<Array<Nullable<SmallInt>>, _>(vec![Some(250_i16); 200])
                    .bind::<Array<Nullable<Text>>, _>(many(""))
                    .bind::<Array<Nullable<Text>>, _>(many(""))
                    .bind::<Array<Nullable<Text>>, _>(many(""))
                    .bind::<Array<Nullable<Text>>, _>(many("gmail"))
                    .load(tx)
                    .await?)
            })
            .await
            .unwrap();
        let plan = Plan::text(&lines);
        assert!(!plan.contains("Join Filter"), "{plan}");
    }
}
