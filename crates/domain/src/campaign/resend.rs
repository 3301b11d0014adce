//! "Send again": a campaign that is over, finished or stopped, goes out once more
//! to those of whom nobody knows whether they got it, or to those who did not.
//! Never by itself: a person confirms how many. Who opened it evidently got it,
//! and who said no meanwhile is left out, here and again at the claim. Those whom
//! a stop left out stay left out.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Date, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use super::confirmation;
use super::control::{announce, epoch, record};
use super::state::{State, Step};
use super::{Campaign, CampaignRow, load, queries};
use crate::actor::{Actor, Permission};
use crate::db::Db;
use crate::delivery::counters;
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, ListId, TenantId};
use crate::schema::campaign;
use crate::text_enum::text_enum;

text_enum! {
    /// Whom a campaign can be sent to again.
    pub enum Group {
        /// The answer never came: some of them may get it twice.
        Unknown = "unknown",
        /// They did not get it, or it came back.
        Failed = "failed",
    }
}

/// How many would get it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Again {
    pub unknown: i64,
    pub failed: i64,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

// As the claim judges them. Binds: $1 tenant, $2 period, $3 campaign, $4 state,
// $5 all, $6 lists. The tenant is a sub-select for the reason that stands at
// `Audience::judged`; each kind of suppression is looked up by itself, since an
// OR of both could only be answered by comparing each with each.
const WHO: &str = "
FROM delivery d JOIN contact c ON c.tenant_id = (SELECT $1) AND c.id = d.contact_id
WHERE d.tenant_id = (SELECT $1) AND d.period = $2 AND d.campaign_id = $3 AND d.state = $4
  AND d.opened_at IS NULL AND d.clicked_at IS NULL AND d.cancelled_at IS NULL AND c.status = 'active'
  AND NOT EXISTS (SELECT FROM suppression s WHERE s.tenant_id = (SELECT $1) AND s.kind = 'address' AND s.value = c.email_key)
  AND NOT EXISTS (SELECT FROM suppression s WHERE s.tenant_id = (SELECT $1) AND s.kind = 'domain'
                  AND s.value = substring(c.email_key FROM '[^@]*$'))
  AND ($5 OR EXISTS (SELECT FROM subscription s WHERE s.tenant_id = (SELECT $1)
                     AND s.list_id = ANY ($6) AND s.contact_id = c.id AND s.status = 'subscribed'))";

/// Puts [`WHO`] back into the queue, locked in the order of ids like all who
/// lock deliveries. $7 now. A bounce was the attempt's before: the new one may
/// come back as well, and then counts.
fn again_sql() -> String {
    format!(
        "WITH again AS MATERIALIZED (SELECT d.tenant_id, d.period, d.id, d.bounce {WHO} ORDER BY d.id FOR UPDATE OF d),
         changed AS (
            UPDATE delivery d SET state = 'queued', reason = NULL, due_at = $7, attempts = 0, accepted_at = NULL,
                                  attempted_at = coalesce(d.attempted_at, $7),
                                  bounce = NULL, bounced_at = NULL
            FROM again WHERE d.tenant_id = again.tenant_id AND d.period = again.period AND d.id = again.id
            RETURNING again.bounce)
         SELECT count(*) AS people, count(*) FILTER (WHERE bounce = 'hard') AS hard,
                count(*) FILTER (WHERE bounce = 'soft') AS soft FROM changed"
    )
}

/// Those who are in the queue again, and of them whose mail had come back.
#[derive(Debug, QueryableByName)]
struct Queued {
    #[diesel(sql_type = BigInt)]
    people: i64,
    #[diesel(sql_type = BigInt)]
    hard: i64,
    #[diesel(sql_type = BigInt)]
    soft: i64,
}

/// How many of a campaign that is over would get it again; of another one nobody.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn count(db: &Db, actor: &Actor, id: CampaignId) -> Result<Again> {
    actor.require(Permission::CampaignsRead)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        let row = queries::find(tx, tenant, id).await?;
        let Some(period) = row
            .period
            .filter(|_| row.state.after(Step::Resend, true).is_ok())
        else {
            return Ok(Again::default());
        };
        if is_open(tx, tenant, id).await? {
            return Ok(Again::default());
        }
        Ok(Again {
            unknown: people(tx, tenant, &row, period, Group::Unknown).await?,
            failed: people(tx, tenant, &row, period, Group::Failed).await?,
        })
    })
    .await
}

/// Sends a campaign that is over again to exactly as many people as the person confirmed.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Conflict`] when the number is another one by
/// now (`people_changed`), in another state, as after a first click, or while the last mails of a stopped one are still
/// in a mailer's hands (`stopping`).
pub async fn resend(
    db: &Db,
    actor: &Actor,
    id: CampaignId,
    group: Group,
    confirmed_people: i64,
) -> Result<Campaign> {
    actor.require(Permission::CampaignsSend)?;
    let tenant = actor.tenant_id;
    let now = db.now();
    db.tenant(tenant, async |tx| {
        let before = queries::lock(tx, tenant, id).await?;
        let after = before.state.after(Step::Resend, true)?;
        // It was stopped before anybody was to be mailed.
        let Some(period) = before.period else {
            return Err(people_changed(0, confirmed_people));
        };
        if is_open(tx, tenant, id).await? {
            return Err(DomainError::conflict(
                "stopping",
                "the rest of the stopped campaign is still being taken out: ask again in a moment",
            ));
        }
        let people = people(tx, tenant, &before, period, group).await?;
        if people != confirmed_people || people == 0 {
            return Err(people_changed(people, confirmed_people));
        }
        confirmation::require_step_up(tx, actor, people).await?;
        reopen(tx, tenant, &before, after, now).await?;
        let queued = queue_again(tx, tenant, &before, period, group, now).await?;
        // Somebody opened it or said no since they were counted.
        if queued.people != confirmed_people {
            return Err(people_changed(queued.people, confirmed_people));
        }
        let deltas = [
            (group.as_str(), -queued.people),
            ("queued", queued.people),
            ("bounced_hard", -queued.hard),
            ("bounced_soft", -queued.soft),
        ];
        counters::add(tx, tenant, id, &deltas).await?;
        announce(tx, tenant, id).await?;
        let what = json!({ "of": group, "people": queued.people });
        record(tx, actor, "campaign.resent", &before, what).await?;
        load(tx, tenant, id, now).await
    })
    .await
}

/// Whether some of a stopped campaign wait or are in a mailer's hands: sent again,
/// it would send those too.
async fn is_open(tx: &mut AsyncPgConnection, tenant: TenantId, id: CampaignId) -> Result<bool> {
    let counts = counters::load(tx, tenant, &[id]).await?;
    let open = |counts: &counters::Counts| counts.queued + counts.claimed + counts.deferred;
    Ok(counts.get(&id).is_some_and(|counts| open(counts) > 0))
}

fn people_changed(people: i64, confirmed: i64) -> DomainError {
    DomainError::conflict(
        "people_changed",
        format!("{people} people would get it again now, not {confirmed}: confirm the new number"),
    )
}

async fn reopen(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    before: &CampaignRow,
    after: State,
    now: DateTime<Utc>,
) -> Result<()> {
    // A person who sends again says yes to that after a restore, too.
    let epoch = epoch(tx).await?;
    diesel::update(campaign::table.find((tenant, before.id)))
        .set((
            campaign::state.eq(after),
            campaign::state_reason.eq(None::<String>),
            campaign::finished_at.eq(None::<DateTime<Utc>>),
            campaign::epoch.eq(epoch),
            // Stopped while its audience was still being frozen: nobody more is.
            campaign::prepared_at.eq(before.prepared_at.unwrap_or(now)),
            campaign::version.eq(before.version + 1),
            campaign::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    queries::enqueue(tx, tenant, before.id, queries::LANE_CAMPAIGN, after, now).await
}

#[expect(
    clippy::disallowed_methods,
    reason = "shares its condition with the UPDATE; every value is bound"
)]
async fn people(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    row: &CampaignRow,
    period: NaiveDate,
    group: Group,
) -> Result<i64> {
    let audience = row.audience()?;
    let count: Count = diesel::sql_query(format!("SELECT count(*) AS n {WHO}"))
        .bind::<SqlUuid, _>(tenant)
        .bind::<Date, _>(period)
        .bind::<SqlUuid, _>(row.id)
        .bind::<Text, _>(group.as_str())
        .bind::<Bool, _>(audience.all)
        .bind::<Array<SqlUuid>, _>(lists(&audience.list_ids))
        .get_result(tx)
        .await?;
    Ok(count.n)
}

/// Attempts begin anew: those before are over and done with.
#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE from locked rows; every value is bound"
)]
async fn queue_again(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    row: &CampaignRow,
    period: NaiveDate,
    group: Group,
    now: DateTime<Utc>,
) -> Result<Queued> {
    let audience = row.audience()?;
    Ok(diesel::sql_query(again_sql())
        .bind::<SqlUuid, _>(tenant)
        .bind::<Date, _>(period)
        .bind::<SqlUuid, _>(row.id)
        .bind::<Text, _>(group.as_str())
        .bind::<Bool, _>(audience.all)
        .bind::<Array<SqlUuid>, _>(lists(&audience.list_ids))
        .bind::<Timestamptz, _>(now)
        .get_result(tx)
        .await?)
}

fn lists(ids: &[ListId]) -> Vec<uuid::Uuid> {
    ids.iter().map(|id| id.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Plan, TestDatabase, TestTenant};

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "EXPLAIN of the two statements")]
    async fn a_tenant_who_came_after_the_statistics_is_judged_without_comparing_each_with_each() {
        let database = TestDatabase::new().await;
        let period = crate::campaign::control::period(database.db.now());
        let people = async |name: &str| {
            let tenant = TestTenant::create(&database.db, name).await.id;
            let (campaign, list) = (CampaignId::new(), ListId::new());
            database
                .execute_as_owner(&format!(
                    "INSERT INTO contact (tenant_id, id, email, email_key, name, created_at, updated_at)
                        SELECT '{tenant}', gen_random_uuid(), 'p' || i || '@example.jp', 'p' || i || '@example.jp', '人', now(), now()
                        FROM generate_series(1, 2000) i;
                     INSERT INTO list (tenant_id, id, name) VALUES ('{tenant}', '{list}', '会員');
                     INSERT INTO subscription (tenant_id, list_id, contact_id, status)
                        SELECT tenant_id, '{list}', id, 'subscribed' FROM contact WHERE tenant_id = '{tenant}';
                     INSERT INTO suppression (tenant_id, id, kind, value, reason)
                        SELECT tenant_id, gen_random_uuid(), 'address', email_key, 'manual'
                        FROM contact WHERE tenant_id = '{tenant}' LIMIT 1000;
                     INSERT INTO delivery (tenant_id, period, id, campaign_id, contact_id, address, state)
                        SELECT tenant_id, '{period}', gen_random_uuid(), '{campaign}', id, email, 'failed'
                        FROM contact WHERE tenant_id = '{tenant}'"
                ))
                .await;
            (tenant, campaign, list)
        };
        people("first").await;
        database
            .execute_as_owner("ANALYZE contact, subscription, suppression, delivery")
            .await;
        let (tenant, campaign, list) = people("newcomer").await;
        for sql in [format!("SELECT count(*) AS n {WHO}"), again_sql()] {
            let lines: Vec<Plan> = database
                .db
                .tenant(tenant, async |tx| {
                    let query = diesel::sql_query(format!("EXPLAIN (ANALYZE, TIMING OFF) {sql}"))
                        .bind::<SqlUuid, _>(tenant)
                        .bind::<Date, _>(period)
                        .bind::<SqlUuid, _>(campaign)
                        .bind::<Text, _>("failed")
                        .bind::<Bool, _>(false)
                        .bind::<Array<SqlUuid>, _>(vec![list.0]);
                    Ok(if sql == again_sql() {
                        query
                            .bind::<Timestamptz, _>(database.db.now())
                            .load(tx)
                            .await?
                    } else {
                        query.load(tx).await?
                    })
                })
                .await
                .unwrap();
            let plan = Plan::text(&lines);
            assert!(!plan.contains("Rows Removed by Join Filter"), "{plan}");
        }
    }
}
