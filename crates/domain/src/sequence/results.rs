//! How a sequence went, step by step. Figures of mails are sums of the exact
//! counters of the step's campaigns.

use std::collections::BTreeMap;

use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{queries, steps};
use crate::actor::{Actor, Permission};
use crate::db::Db;
use crate::delivery::counters::Counts;
use crate::error::Result;
use crate::ids::{CampaignId, MailId, SequenceId, SequenceStepId, TenantId};
use crate::schema::sequence_step;

/// Removed steps whose figures are shown.
const REMOVED: i64 = 100;

/// Figures of a sequence.
#[derive(Debug, Clone, Default)]
pub struct Results {
    pub active: i64,
    pub done: i64,
    pub left: i64,
    /// Why people left, and how many.
    pub reasons: Vec<(String, i64)>,
    /// In their order, removed ones that sent something last.
    pub steps: Vec<StepResult>,
}

/// Figures of a step.
#[derive(Debug, Clone)]
pub struct StepResult {
    pub id: SequenceStepId,
    pub mail_id: MailId,
    pub is_removed: bool,
    /// People to whom it comes next.
    pub waiting: i64,
    pub counts: Counts,
    /// Its campaign that was begun last: for reports and lists of deliveries.
    pub campaign_id: Option<CampaignId>,
}

#[derive(QueryableByName)]
struct State {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = SqlUuid)]
    step_id: SequenceStepId,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Counter {
    #[diesel(sql_type = SqlUuid)]
    step_id: SequenceStepId,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Last {
    #[diesel(sql_type = SqlUuid)]
    step_id: SequenceStepId,
    #[diesel(sql_type = SqlUuid)]
    id: CampaignId,
}

/// The figures of a sequence as they stand now.
///
/// # Errors
/// Forbidden, not found.
pub async fn get(db: &Db, actor: &Actor, id: SequenceId) -> Result<Results> {
    actor.require(Permission::ReportsRead)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        queries::find(tx, tenant, id).await?;
        let mut results = Results::default();
        people(tx, tenant, id, &mut results).await?;
        let waiting = waiting(tx, tenant, id).await?;
        let counts = counts(tx, tenant, id).await?;
        let last = last(tx, tenant, id).await?;
        let live = steps::load(tx, tenant, id).await?;
        let live = live.into_iter().map(|step| (step.id, step.mail_id, false));
        let removed = removed(tx, tenant, id).await?;
        let removed = removed.into_iter().map(|(id, mail)| (id, mail, true));
        for (step, mail_id, is_removed) in live.chain(removed) {
            let campaign_id = last.get(&step).copied();
            if is_removed && campaign_id.is_none() {
                continue;
            }
            results.steps.push(StepResult {
                id: step,
                mail_id,
                is_removed,
                waiting: waiting.get(&step).copied().unwrap_or(0),
                counts: counts.get(&step).copied().unwrap_or_default(),
                campaign_id,
            });
        }
        Ok(results)
    })
    .await
}

#[expect(clippy::disallowed_methods, reason = "GROUP BY two columns")]
async fn people(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    results: &mut Results,
) -> Result<()> {
    let rows: Vec<State> = diesel::sql_query(
        "SELECT state, reason, count(*) AS n FROM sequence_enrolment
         WHERE tenant_id = (SELECT $1) AND sequence_id = $2 GROUP BY state, reason ORDER BY n DESC, reason",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(id)
    .load(tx)
    .await?;
    for row in rows {
        match row.state.as_str() {
            "active" => results.active += row.n,
            "done" => results.done += row.n,
            _ => {
                results.left += row.n;
                results
                    .reasons
                    .push((row.reason.unwrap_or_default(), row.n));
            }
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "GROUP BY over a partial index")]
async fn waiting(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
) -> Result<BTreeMap<SequenceStepId, i64>> {
    let rows: Vec<Waiting> = diesel::sql_query(
        "SELECT step_id, count(*) AS n FROM sequence_enrolment
         WHERE tenant_id = (SELECT $1) AND sequence_id = $2 AND state = 'active' AND step_id IS NOT NULL GROUP BY step_id",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(id)
    .load(tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.step_id, row.n)).collect())
}

#[expect(clippy::disallowed_methods, reason = "sums over joined counters")]
async fn counts(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
) -> Result<BTreeMap<SequenceStepId, Counts>> {
    let rows: Vec<Counter> = diesel::sql_query(
        "SELECT k.sequence_step_id AS step_id, c.name, sum(c.value)::bigint AS n
         FROM campaign k JOIN campaign_counter c ON c.tenant_id = $1 AND c.campaign_id = k.id
         WHERE k.tenant_id = $1 AND k.sequence_id = $2 AND k.kind = 'sequence' GROUP BY k.sequence_step_id, c.name",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(id)
    .load(tx)
    .await?;
    let mut counts = BTreeMap::<SequenceStepId, Counts>::new();
    for row in rows {
        counts.entry(row.step_id).or_default().set(&row.name, row.n);
    }
    Ok(counts)
}

#[expect(clippy::disallowed_methods, reason = "DISTINCT ON")]
async fn last(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
) -> Result<BTreeMap<SequenceStepId, CampaignId>> {
    let rows: Vec<Last> = diesel::sql_query(
        "SELECT DISTINCT ON (sequence_step_id) sequence_step_id AS step_id, id FROM campaign
         WHERE tenant_id = $1 AND sequence_id = $2 AND kind = 'sequence' ORDER BY sequence_step_id, id DESC",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(id)
    .load(tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.step_id, row.id)).collect())
}

async fn removed(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
) -> Result<Vec<(SequenceStepId, MailId)>> {
    Ok(sequence_step::table
        .filter(
            sequence_step::tenant_id
                .eq(tenant)
                .and(sequence_step::sequence_id.eq(id))
                .and(sequence_step::removed_at.is_not_null()),
        )
        .order(sequence_step::removed_at.desc())
        .select((sequence_step::id, sequence_step::mail_id))
        .limit(REMOVED)
        .load(tx)
        .await?)
}
