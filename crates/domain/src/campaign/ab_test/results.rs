//! What became of each variant, counted from the deliveries' own index.

use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, SmallInt, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{Score, load};
use crate::actor::{Actor, Permission};
use crate::campaign::queries::find;
use crate::db::Db;
use crate::error::Result;
use crate::ids::{CampaignId, TenantId};
use crate::schema::campaign_variant;

/// One variant, as it stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariantResult {
    /// From 1.
    pub position: i16,
    /// What the decision saw; `None` while there is none.
    pub tested: Option<Score>,
    /// People who got or get it: the test's, and of the winner the rest too.
    pub people: i64,
    /// Of them, whose mail is still to go out.
    pub open: i64,
    pub failed: i64,
    pub unknown: i64,
    pub cancelled: i64,
    pub now: Score,
}

/// The variants of a campaign, and how many people wait for the winner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Results {
    pub variants: Vec<VariantResult>,
    pub waiting: i64,
}

/// What became of each variant; nothing of a campaign without an A/B test.
///
/// # Errors
/// Forbidden, not found.
pub async fn get(db: &Db, actor: &Actor, id: CampaignId) -> Result<Results> {
    actor.require(Permission::ReportsRead)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        let row = find(tx, tenant, id).await?;
        let Some(test) = load(tx, tenant, id).await? else {
            return Ok(Results::default());
        };
        let counted = match row.period {
            Some(period) => count(tx, tenant, id, period).await?,
            None => Vec::new(),
        };
        let tested = tested(tx, tenant, id).await?;
        let variants = (1_i16..)
            .zip(&test.plan.variants)
            .map(|(position, _)| {
                let row = counted.iter().find(|row| row.variant == position);
                let tested = tested.iter().find(|(of, _)| *of == position);
                row.copied()
                    .unwrap_or_default()
                    .result(position, tested.and_then(|(_, score)| *score))
            })
            .collect();
        let waiting = match row.period {
            Some(period) => waiting(tx, tenant, id, period).await?,
            None => 0,
        };
        Ok(Results { variants, waiting })
    })
    .await
}

#[derive(Debug, Clone, Copy, Default, QueryableByName)]
struct Counted {
    #[diesel(sql_type = SmallInt)]
    variant: i16,
    #[diesel(sql_type = BigInt)]
    people: i64,
    #[diesel(sql_type = BigInt)]
    open: i64,
    #[diesel(sql_type = BigInt)]
    failed: i64,
    #[diesel(sql_type = BigInt)]
    unknown: i64,
    #[diesel(sql_type = BigInt)]
    accepted: i64,
    #[diesel(sql_type = BigInt)]
    opened: i64,
    #[diesel(sql_type = BigInt)]
    clicked: i64,
    #[diesel(sql_type = BigInt)]
    cancelled: i64,
}

impl Counted {
    fn score(self) -> Score {
        Score {
            accepted: self.accepted,
            opened: self.opened,
            clicked: self.clicked,
        }
    }

    fn result(self, position: i16, tested: Option<Score>) -> VariantResult {
        VariantResult {
            position,
            tested,
            people: self.people,
            open: self.open,
            failed: self.failed,
            unknown: self.unknown,
            cancelled: self.cancelled,
            now: self.score(),
        }
    }
}

const COUNT: &str = "
SELECT d.variant, count(*) AS people,
       count(*) FILTER (WHERE d.state IN ('queued', 'claimed', 'deferred')) AS open,
       count(*) FILTER (WHERE d.state = 'failed') AS failed,
       count(*) FILTER (WHERE d.state = 'unknown') AS unknown,
       count(*) FILTER (WHERE d.state = 'accepted') AS accepted,
       count(d.opened_at) FILTER (WHERE d.state = 'accepted') AS opened,
       count(d.clicked_at) FILTER (WHERE d.state = 'accepted') AS clicked,
       count(d.cancelled_at) AS cancelled
FROM delivery d
WHERE d.tenant_id = $1 AND d.period = $2 AND d.campaign_id = $3 AND d.variant IS NOT NULL
GROUP BY d.variant ORDER BY d.variant";

#[expect(
    clippy::disallowed_methods,
    reason = "filtered aggregates; every value is bound"
)]
async fn count(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    period: NaiveDate,
) -> Result<Vec<Counted>> {
    Ok(diesel::sql_query(COUNT)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Date, _>(period)
        .bind::<SqlUuid, _>(id)
        .load(tx)
        .await?)
}

/// Of each variant, the first first.
pub(super) async fn scores(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    period: NaiveDate,
    variants: usize,
) -> Result<Vec<Score>> {
    let mut scores = vec![Score::default(); variants];
    for row in count(tx, tenant, id, period).await? {
        let index = usize::try_from(row.variant - 1).unwrap_or(usize::MAX);
        if let Some(score) = scores.get_mut(index) {
            *score = row.score();
        }
    }
    Ok(scores)
}

async fn tested(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<Vec<(i16, Option<Score>)>> {
    type Columns = (i16, Option<i64>, Option<i64>, Option<i64>);
    let rows: Vec<Columns> = campaign_variant::table
        .filter(
            campaign_variant::tenant_id
                .eq(tenant)
                .and(campaign_variant::campaign_id.eq(id)),
        )
        .select((
            campaign_variant::position,
            campaign_variant::test_accepted,
            campaign_variant::test_opened,
            campaign_variant::test_clicked,
        ))
        .load(tx)
        .await?;
    let score = |(position, accepted, opened, clicked): Columns| {
        let score = accepted
            .zip(opened)
            .zip(clicked)
            .map(|((accepted, opened), clicked)| Score {
                accepted,
                opened,
                clicked,
            });
        (position, score)
    };
    Ok(rows.into_iter().map(score).collect())
}

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the condition of the index of what is due"
)]
async fn waiting(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    period: NaiveDate,
) -> Result<i64> {
    let row: Waiting = diesel::sql_query(
        "SELECT count(*) AS n FROM delivery d
         WHERE d.tenant_id = $1 AND d.period = $2 AND d.campaign_id = $3
           AND d.state IN ('queued', 'deferred') AND d.due_at IS NULL",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Date, _>(period)
    .bind::<SqlUuid, _>(id)
    .get_result(tx)
    .await?;
    Ok(row.n)
}
