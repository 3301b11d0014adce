//! Calendar: what went out and what will go out, day by day.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{Campaign, CampaignRow, with_counts};
use crate::actor::{Actor, Permission};
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::TenantId;
use crate::schema::campaign;

/// Longest time that one look spans: six weeks of a month's page, and a day of zones.
pub const MAX_SPAN: TimeDelta = TimeDelta::days(45);
/// Campaigns of one look; who has more looks at a week.
pub const MAX_ENTRIES: i64 = 500;

/// What one look showed.
#[derive(Debug, Clone)]
pub struct Calendar {
    /// By [`Campaign::calendar_at`].
    pub campaigns: Vec<Campaign>,
    /// There are more than [`MAX_ENTRIES`]: the latest are missing.
    pub is_cut: bool,
}

impl Campaign {
    /// Where it stands in the calendar: when it began, otherwise when it will.
    #[must_use]
    pub fn calendar_at(&self) -> Option<DateTime<Utc>> {
        self.started_at.or(self.scheduled_at)
    }
}

/// Campaigns that began or will begin from `from` until before `until`.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for a span that is empty or over [`MAX_SPAN`].
pub async fn look(
    db: &Db,
    actor: &Actor,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Calendar> {
    actor.require(Permission::CampaignsRead)?;
    // Also what PostgreSQL has no time for.
    if !(2000..2200).contains(&from.year()) {
        return Err(DomainError::invalid(
            "/from",
            "out_of_range",
            "must be a time of the years 2000 to 2199",
        ));
    }
    if until <= from || until - from > MAX_SPAN {
        return Err(DomainError::invalid(
            "/until",
            "out_of_range",
            format!(
                "must be after from, by at most {} days",
                MAX_SPAN.num_days()
            ),
        ));
    }
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let mut rows = begun(tx, tenant, from, until).await?;
        rows.extend(to_begin(tx, tenant, from, until).await?);
        let most = usize::try_from(MAX_ENTRIES).unwrap_or(usize::MAX);
        let mut campaigns = with_counts(tx, tenant, rows, now).await?;
        campaigns.sort_by_key(|campaign| (campaign.calendar_at(), campaign.id));
        let is_cut = campaigns.len() > most;
        campaigns.truncate(most);
        Ok(Calendar { campaigns, is_cut })
    })
    .await
}

async fn begun(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<CampaignRow>> {
    Ok(campaign::table
        .filter(
            campaign::tenant_id
                .eq(tenant)
                .and(campaign::kind.eq("campaign"))
                .and(campaign::started_at.ge(from))
                .and(campaign::started_at.lt(until)),
        )
        .select(CampaignRow::as_select())
        .order((campaign::started_at, campaign::id))
        .limit(MAX_ENTRIES + 1)
        .load(tx)
        .await?)
}

async fn to_begin(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<CampaignRow>> {
    Ok(campaign::table
        .filter(
            campaign::tenant_id
                .eq(tenant)
                .and(campaign::kind.eq("campaign"))
                .and(campaign::scheduled_at.ge(from))
                .and(campaign::scheduled_at.lt(until)),
        )
        // Literal, so that the partial index applies whatever plan is kept.
        .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(
            "campaign.state = 'scheduled'",
        ))
        .select(CampaignRow::as_select())
        .order((campaign::scheduled_at, campaign::id))
        .limit(MAX_ENTRIES + 1)
        .load(tx)
        .await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::NewCampaign;
    use crate::campaign::state::State;
    use crate::testing::{TestDatabase, TestTenant};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    async fn campaign(
        database: &TestDatabase,
        actor: &Actor,
        name: &str,
        state: State,
        when: &str,
    ) {
        let new = NewCampaign {
            name: name.to_owned(),
            ..NewCampaign::default()
        };
        let made = crate::campaign::create(&database.db, actor, new)
            .await
            .unwrap();
        let column = match state {
            State::Scheduled => "scheduled_at",
            _ => "started_at",
        };
        let (id, state) = (made.id, state.as_str());
        let sql =
            format!("UPDATE campaign SET state = '{state}', {column} = '{when}' WHERE id = '{id}'");
        database.execute_as_owner(&sql).await;
    }

    #[tokio::test]
    async fn what_began_and_what_is_scheduled_stands_there_in_order_and_drafts_do_not() {
        let database = TestDatabase::new().await;
        let actor = TestTenant::create(&database.db, "acme").await.owner();
        for (name, state, when) in [
            ("予約", State::Scheduled, "2026-11-25T00:00:00Z"),
            ("完了", State::Finished, "2026-11-24T00:00:00Z"),
            ("中止", State::Stopped, "2026-11-24T12:00:00Z"),
            ("前の月", State::Finished, "2026-10-31T23:59:59Z"),
            ("次の月", State::Scheduled, "2026-12-01T00:00:00Z"),
        ] {
            campaign(&database, &actor, name, state, when).await;
        }
        crate::campaign::create(
            &database.db,
            &actor,
            NewCampaign {
                name: "下書き".to_owned(),
                ..NewCampaign::default()
            },
        )
        .await
        .unwrap();
        let (from, until) = (at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
        let found = look(&database.db, &actor, from, until).await.unwrap();
        let names: Vec<&str> = found.campaigns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["完了", "中止", "予約"]);
        assert!(!found.is_cut);

        let other = TestTenant::create(&database.db, "other").await.owner();
        let theirs = look(&database.db, &other, from, until).await.unwrap();
        assert!(theirs.campaigns.is_empty());
        for (from, until) in [
            (until, from),
            (from, from),
            (from, from + TimeDelta::days(46)),
        ] {
            let refused = look(&database.db, &actor, from, until).await;
            assert!(matches!(refused, Err(DomainError::Invalid(_))));
        }
    }

    /// Among ten years of campaigns.
    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "EXPLAIN")]
    async fn a_month_is_read_from_the_indexes_of_what_began_and_of_what_will() {
        let database = TestDatabase::new().await;
        let tenant = TestTenant::create(&database.db, "acme").await.id;
        database
            .execute_as_owner(&format!(
                "INSERT INTO campaign (tenant_id, id, name, state, started_at, scheduled_at)
                 SELECT '{tenant}', gen_random_uuid(), 'c', CASE WHEN i % 2 = 0 THEN 'finished' ELSE 'scheduled' END,
                        CASE WHEN i % 2 = 0 THEN now() - i * interval '1 hour' END,
                        CASE WHEN i % 2 = 1 THEN now() + i * interval '1 hour' END
                 FROM generate_series(1, 20000) i;
                 ANALYZE campaign"
            ))
            .await;
        let now = database.db.now();
        for (column, condition, index) in [
            ("started_at", "true", "campaign_started_idx"),
            (
                "scheduled_at",
                "state = 'scheduled'",
                "campaign_scheduled_idx",
            ),
        ] {
            let lines: Vec<crate::testing::Plan> = database
                .db
                .tenant(tenant, async |tx| {
                    let sql = format!(
                        "EXPLAIN SELECT * FROM campaign WHERE tenant_id = $1 AND kind = 'campaign' AND {column} >= $2
                         AND {column} < $3 AND {condition} ORDER BY {column}, id LIMIT 501"
                    );
                    Ok(diesel::sql_query(sql)
                        .bind::<diesel::sql_types::Uuid, _>(tenant)
                        .bind::<diesel::sql_types::Timestamptz, _>(now - TimeDelta::days(15))
                        .bind::<diesel::sql_types::Timestamptz, _>(now + TimeDelta::days(15))
                        .load(tx)
                        .await?)
                })
                .await
                .unwrap();
            let plan = crate::testing::Plan::text(&lines);
            assert!(plan.contains(index), "{plan}");
            assert!(!plan.contains("Sort"), "{plan}");
        }
    }
}
