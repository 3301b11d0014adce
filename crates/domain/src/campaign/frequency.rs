//! Frequency cap: at most so many campaigns for one person in so many days.
//! It is judged where the audience is, for the count before sending and for
//! freezing alike; what waits to be sent counts as sent. Who writes down that
//! people get something judges and writes in one turn ([`Cap::take_turn`]), so that
//! of two campaigns that are frozen at once only one believes to be the last.

use chrono::{DateTime, Datelike, Months, TimeDelta, Utc};
use diesel_async::AsyncPgConnection;

use crate::db::turn::take_turn;
use crate::error::Result;
use crate::ids::TenantId;
use crate::tenant::{self, Tenant};

/// The code of those who are left out by it.
pub const REASON: &str = "frequency_cap";

/// The tenant's limit, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cap {
    mails: i16,
    since: DateTime<Utc>,
}

impl Cap {
    pub(crate) fn of(tenant: &Tenant, now: DateTime<Utc>) -> Option<Self> {
        Some(Self {
            mails: tenant.cap_mails?,
            since: now - TimeDelta::days(i64::from(tenant.cap_days?)),
        })
    }

    pub(crate) async fn load(
        tx: &mut AsyncPgConnection,
        tenant: TenantId,
        now: DateTime<Utc>,
    ) -> Result<Option<Self>> {
        Ok(Self::of(&tenant::find(tx, tenant).await?, now))
    }

    /// As [`Cap::load`], for who is about to judge by it and to write down who gets
    /// something: two mailers at once would each not see what the other one writes.
    /// Those of one tenant take turns until the transaction ends. Before any lock of
    /// a campaign (`delivery::queue`).
    pub(crate) async fn take_turn(
        tx: &mut AsyncPgConnection,
        tenant: TenantId,
        now: DateTime<Utc>,
    ) -> Result<Option<Self>> {
        let cap = Self::load(tx, tenant, now).await?;
        if cap.is_some() {
            take_turn(tx, &format!("frequency_cap:{tenant}")).await?;
        }
        Ok(cap)
    }

    /// CTE `capped (id)`: who of `people` has had enough. Numbers and times of
    /// our own making stand in it as they are, so that callers can number
    /// their values themselves. For a chunk each person is looked up, by the
    /// index that also keeps anybody from getting a campaign twice; for all at
    /// once the months are read through. A mail stands in the month in which its
    /// campaign began, and may go out in the next one: so one month more is read.
    pub(crate) fn cte(self, is_chunk: bool) -> String {
        let first = self.since.date_naive();
        let month = first.with_day(1).unwrap_or(first);
        let period = month.checked_sub_months(Months::new(1)).unwrap_or(month);
        let conditions = format!(
            "d.tenant_id = (SELECT $1) AND d.period >= DATE '{period}' AND d.state NOT IN ('skipped', 'failed')
             AND (d.state IN ('queued', 'claimed', 'deferred') OR coalesce(d.attempted_at, d.created_at) >= TIMESTAMPTZ '{since}')",
            since = self.since.to_rfc3339()
        );
        let campaign = "JOIN campaign k ON k.tenant_id = (SELECT $1) AND k.id = d.campaign_id
             AND (k.kind = 'campaign' OR (k.kind = 'sequence' AND NOT k.cap_exempt))";
        let mails = self.mails;
        if is_chunk {
            format!(
                "capped AS MATERIALIZED (
                    SELECT p.id FROM people p
                    WHERE (SELECT count(*) FROM (
                        SELECT FROM delivery d {campaign} WHERE {conditions} AND d.contact_id = p.id LIMIT {mails}) had) >= {mails})"
            )
        } else {
            format!(
                "capped AS MATERIALIZED (
                    SELECT d.contact_id AS id FROM delivery d {campaign} WHERE {conditions}
                    GROUP BY d.contact_id HAVING count(*) >= {mails})"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use diesel::sql_types::{Array, BigInt, Uuid as SqlUuid};
    use diesel_async::RunQueryDsl;
    use uuid::Uuid;

    use super::*;
    use crate::campaign::audience::Audience;
    use crate::testing::{Plan, TestDatabase, TestTenant, sent_campaign};

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "EXPLAIN of the judging CTEs")]
    async fn a_chunk_looks_each_person_up_and_reads_no_month_through() {
        let database = TestDatabase::new().await;
        let tenant = TestTenant::create(&database.db, "acme").await.id;
        sent_campaign(&database, tenant, 20_000).await;
        sent_campaign(&database, tenant, 20_000).await;
        let cap = Cap {
            mails: 2,
            since: database.db.now() - TimeDelta::days(7),
        };
        let audience = Audience {
            all: true,
            ..Audience::default()
        };
        let lines: Vec<Plan> = database
            .db
            .tenant(tenant, async |tx| {
                let judged = audience.judged(true, Some(cap));
                let sql = format!(
                    "EXPLAIN WITH {judged} SELECT count(*) FROM judged WHERE reason IS NULL"
                );
                Ok(diesel::sql_query(sql)
                    .bind::<SqlUuid, _>(tenant)
                    .bind::<Array<SqlUuid>, _>(Vec::<Uuid>::new())
                    .bind::<Array<SqlUuid>, _>(Vec::<Uuid>::new())
                    .bind::<SqlUuid, _>(Uuid::nil())
                    .bind::<BigInt, _>(5_000)
                    .load(tx)
                    .await?)
            })
            .await
            .unwrap();
        let plan = Plan::text(&lines);
        let month = format!("delivery_{}", database.db.now().format("%Y%m"));
        assert!(
            plan.contains(&format!("{month}_tenant_id_contact_id_campaign_id")),
            "{plan}"
        );
        assert!(!plan.contains(&format!("Seq Scan on {month}")), "{plan}");
    }
}
