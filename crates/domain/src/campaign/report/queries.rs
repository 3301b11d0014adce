//! SQL of reports. Each is answered from an index alone (see the migration
//! `create_delivery_report_indexes`): a million rows in some tenths of a second.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_types::{
    Array, BigInt, Bool, Date, Integer, Interval, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::timeline::Axis;
use super::{Events, LinkCount, MAX_SITES, Point, ReasonCount, SiteCount};
use crate::delivery::read::DeliveryState;
use crate::error::Result;
use crate::ids::{CampaignId, TenantId};
use crate::limit::site;

/// The rows of one campaign.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    pub(super) tenant: TenantId,
    pub(super) campaign: CampaignId,
    pub(super) period: NaiveDate,
}

#[derive(QueryableByName)]
struct Moment {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    at: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct Bucket {
    #[diesel(sql_type = Timestamptz)]
    at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    accepted: i64,
    #[diesel(sql_type = BigInt)]
    opened: i64,
    #[diesel(sql_type = BigInt)]
    clicked: i64,
    #[diesel(sql_type = BigInt)]
    cancelled: i64,
}

#[derive(QueryableByName)]
struct EventCount {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    machine: bool,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Link {
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = Text)]
    url: String,
    #[diesel(sql_type = BigInt)]
    clicks: i64,
    #[diesel(sql_type = BigInt)]
    people: i64,
    #[diesel(sql_type = BigInt)]
    machine_clicks: i64,
}

#[derive(QueryableByName)]
struct Site {
    #[diesel(sql_type = Nullable<Text>)]
    site: Option<String>,
    #[diesel(sql_type = BigInt)]
    accepted: i64,
    #[diesel(sql_type = BigInt)]
    deferred: i64,
    #[diesel(sql_type = BigInt)]
    failed: i64,
    #[diesel(sql_type = BigInt)]
    unknown: i64,
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = Nullable<Text>)]
    site: Option<String>,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Reason {
    #[diesel(sql_type = Text)]
    state: DeliveryState,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// A `FROM delivery` of the campaign with a condition.
macro_rules! of_campaign {
    ($condition:literal) => {
        concat!(
            "FROM delivery d WHERE d.tenant_id = $1 AND d.period = $2 AND d.campaign_id = $3 AND ",
            $condition
        )
    };
}

const LAST_REACTION: &str = concat!(
    "SELECT greatest((SELECT max(opened_at) ",
    of_campaign!("opened_at IS NOT NULL"),
    "), (SELECT max(clicked_at) ",
    of_campaign!("clicked_at IS NOT NULL"),
    "), (SELECT max(cancelled_at) ",
    of_campaign!("cancelled_at IS NOT NULL"),
    ")) AS at"
);

const BUCKETS: &str = concat!(
            "SELECT at, sum(accepted)::bigint AS accepted, sum(opened)::bigint AS opened,
                    sum(clicked)::bigint AS clicked, sum(cancelled)::bigint AS cancelled
             FROM (
                SELECT date_bin($4, d.accepted_at, $5) AS at, count(*) AS accepted, 0 AS opened, 0 AS clicked, 0 AS cancelled ",
            of_campaign!("d.state = 'accepted' GROUP BY 1"),
            " UNION ALL SELECT date_bin($4, d.opened_at, $5), 0, count(*), 0, 0 ",
            of_campaign!("d.opened_at IS NOT NULL GROUP BY 1"),
            " UNION ALL SELECT date_bin($4, d.clicked_at, $5), 0, 0, count(*), 0 ",
            of_campaign!("d.clicked_at IS NOT NULL GROUP BY 1"),
            " UNION ALL SELECT date_bin($4, d.cancelled_at, $5), 0, 0, 0, count(*) ",
            of_campaign!("d.cancelled_at IS NOT NULL GROUP BY 1"),
            ") counted WHERE at IS NOT NULL GROUP BY at ORDER BY at"
        );

const EVENTS: &str = "SELECT kind, machine, count(*) AS n FROM event
             WHERE tenant_id = $1 AND period >= $2 AND campaign_id = $3 GROUP BY kind, machine";

const LINKS: &str = "SELECT l.number, l.url, coalesce(c.clicks, 0) AS clicks, coalesce(c.people, 0) AS people,
                    coalesce(c.machine_clicks, 0) AS machine_clicks
             FROM link l LEFT JOIN (
                SELECT link_number, count(*) FILTER (WHERE NOT machine) AS clicks,
                       count(DISTINCT delivery_id) FILTER (WHERE NOT machine) AS people,
                       count(*) FILTER (WHERE machine) AS machine_clicks
                FROM event WHERE tenant_id = $1 AND period >= $2 AND campaign_id = $3 AND kind = 'click'
                GROUP BY link_number) c ON c.link_number = l.number
             WHERE l.tenant_id = $1 AND l.campaign_id = $3 ORDER BY l.number";

/// By domain first, of which there are few; $5 and $6 say which of them are one site.
const SITES: &str = concat!(
            "WITH by_domain AS (
                SELECT d.site, count(*) AS n, count(*) FILTER (WHERE d.state = 'accepted') AS accepted,
                       count(*) FILTER (WHERE d.state = 'deferred') AS deferred,
                       count(*) FILTER (WHERE d.state = 'failed') AS failed,
                       count(*) FILTER (WHERE d.state = 'unknown') AS unknown ",
            of_campaign!("d.state IN ('accepted', 'deferred', 'failed', 'unknown') GROUP BY d.site"),
            "), counted AS (
                SELECT coalesce(k.site, b.site) AS site, sum(n) AS n, sum(accepted) AS accepted, sum(deferred) AS deferred,
                       sum(failed) AS failed, sum(unknown) AS unknown
                FROM by_domain b LEFT JOIN LATERAL (
                    SELECT known.site FROM unnest($5::text[], $6::text[]) AS known (domain, site)
                    WHERE b.site = known.domain OR b.site LIKE '%.' || known.domain LIMIT 1) k ON true
                GROUP BY 1
            ), ranked AS (SELECT *, row_number() OVER (ORDER BY n DESC, site) AS place FROM counted)
             SELECT CASE WHEN place <= $4 THEN coalesce(site, '') END AS site, sum(accepted)::bigint AS accepted,
                    sum(deferred)::bigint AS deferred, sum(failed)::bigint AS failed, sum(unknown)::bigint AS unknown
             FROM ranked GROUP BY 1 ORDER BY min(place)"
        );

/// Read from the rows that wait, of which a campaign that is over has none.
const HELD: &str = concat!(
    "SELECT d.site, count(*) AS n ",
    of_campaign!("d.state IN ('queued', 'deferred') AND d.reason = 'held_back' GROUP BY d.site")
);

const REASONS: &str = concat!(
    "SELECT d.state, d.reason, count(*) AS n ",
    of_campaign!("d.reason IS NOT NULL AND d.state IN ('skipped', 'failed', 'unknown')"),
    " GROUP BY d.reason, d.state ORDER BY n DESC, d.reason, d.state"
);

/// To its site, to the others when it is not among the largest, or as a site of
/// its own while there is room.
fn add_held(sites: &mut Vec<SiteCount>, domain: &str, n: i64) {
    let name = site::of_domain(domain);
    let known = sites
        .iter()
        .position(|row| row.site.as_ref() == Some(&name))
        .or_else(|| sites.iter().position(|row| row.site.is_none()));
    if let Some(i) = known {
        sites[i].held_back += n;
        return;
    }
    let room = i64::try_from(sites.len()).is_ok_and(|n| n < MAX_SITES);
    sites.push(SiteCount {
        site: room.then_some(name),
        accepted: 0,
        deferred: 0,
        failed: 0,
        unknown: 0,
        held_back: n,
    });
}

impl Scope {
    /// Binds $1 tenant, $2 period, $3 campaign.
    #[expect(
        clippy::disallowed_methods,
        reason = "filtered aggregates, date_bin and unions; fixed text, every value bound"
    )]
    fn query(self, sql: impl Into<String>) -> BoxedSqlQuery<'static, Pg, SqlQuery> {
        diesel::sql_query(sql)
            .into_boxed()
            .bind::<SqlUuid, _>(self.tenant)
            .bind::<Date, _>(self.period)
            .bind::<SqlUuid, _>(self.campaign)
    }

    /// When a person last opened, clicked or cancelled for the first time.
    pub(super) async fn last_reaction(
        self,
        tx: &mut AsyncPgConnection,
    ) -> Result<Option<DateTime<Utc>>> {
        let moment: Moment = self.query(LAST_REACTION).get_result(tx).await?;
        Ok(moment.at)
    }

    pub(super) async fn buckets(
        self,
        tx: &mut AsyncPgConnection,
        axis: &Axis,
    ) -> Result<Vec<Point>> {
        let rows: Vec<Bucket> = self
            .query(BUCKETS)
            .bind::<Interval, _>(axis.step())
            .bind::<Timestamptz, _>(axis.origin())
            .load(tx)
            .await?;
        let point = |row: Bucket| Point {
            at: row.at,
            accepted: row.accepted,
            opened: row.opened,
            clicked: row.clicked,
            cancelled: row.cancelled,
        };
        Ok(rows.into_iter().map(point).collect())
    }

    pub(super) async fn events(self, tx: &mut AsyncPgConnection) -> Result<Events> {
        let rows: Vec<EventCount> = self.query(EVENTS).load(tx).await?;
        let mut events = Events::default();
        for row in rows {
            match (row.kind.as_str(), row.machine) {
                ("open", false) => events.opens = row.n,
                ("open", true) => events.machine_opens = row.n,
                ("click", false) => events.clicks = row.n,
                ("click", true) => events.machine_clicks = row.n,
                ("bounce", _) => events.bounces += row.n,
                ("complaint", _) => events.complaints += row.n,
                _ => {}
            }
        }
        Ok(events)
    }

    pub(super) async fn links(self, tx: &mut AsyncPgConnection) -> Result<Vec<LinkCount>> {
        let rows: Vec<Link> = self.query(LINKS).load(tx).await?;
        let count = |row: Link| LinkCount {
            number: row.number,
            url: row.url,
            clicks: row.clicks,
            people: row.people,
            machine_clicks: row.machine_clicks,
        };
        Ok(rows.into_iter().map(count).collect())
    }

    pub(super) async fn sites(self, tx: &mut AsyncPgConnection) -> Result<Vec<SiteCount>> {
        let (domains, names): (Vec<&str>, Vec<&str>) = site::known_domains().unzip();
        let rows: Vec<Site> = self
            .query(SITES)
            .bind::<BigInt, _>(MAX_SITES)
            .bind::<Array<Text>, _>(domains)
            .bind::<Array<Text>, _>(names)
            .load(tx)
            .await?;
        let count = |row: Site| SiteCount {
            site: row.site,
            accepted: row.accepted,
            deferred: row.deferred,
            failed: row.failed,
            unknown: row.unknown,
            held_back: 0,
        };
        let mut sites: Vec<SiteCount> = rows.into_iter().map(count).collect();
        let held: Vec<Held> = self.query(HELD).load(tx).await?;
        for row in held {
            add_held(&mut sites, &row.site.unwrap_or_default(), row.n);
        }
        Ok(sites)
    }

    pub(super) async fn reasons(self, tx: &mut AsyncPgConnection) -> Result<Vec<ReasonCount>> {
        let rows: Vec<Reason> = self.query(REASONS).load(tx).await?;
        let count = |row: Reason| ReasonCount {
            state: row.state,
            reason: row.reason,
            count: row.n,
        };
        Ok(rows.into_iter().map(count).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::find;
    use crate::testing::{Plan, TestDatabase, TestTenant, sent_campaign};

    #[tokio::test]
    async fn reports_touch_no_table_but_its_indexes() {
        let database = TestDatabase::new().await;
        let tenant = TestTenant::create(&database.db, "acme").await.id;
        let id = sent_campaign(&database, tenant, 8_000).await;
        // Others in the same partition, as there always are: of a campaign that
        // is most of it, the whole would be read, and rightly.
        sent_campaign(&database, tenant, 60_000).await;
        let month = database.db.now().format("_%Y%m").to_string();
        for table in ["delivery", "event"] {
            all_visible(&database, &format!("{table}{month}")).await;
        }
        for sql in [LAST_REACTION, BUCKETS, EVENTS, LINKS, SITES, REASONS] {
            let plan = explain(&database, tenant, id, sql).await;
            assert!(plan.contains("Index Only Scan"), "{sql}: {plan}");
            // The coming months' partitions are empty, and read as such.
            let is_on_a_table = |line: &str| {
                line.contains(&month)
                    && ["Seq Scan", "Heap Scan", "Index Scan"]
                        .iter()
                        .any(|way| line.contains(way))
            };
            assert!(!plan.lines().any(is_on_a_table), "{sql}: {plan}");
        }
    }

    /// Until then an index alone does not tell what is there. An ANALYZE that
    /// autovacuum runs meanwhile keeps VACUUM from being certain.
    async fn all_visible(database: &TestDatabase, partition: &str) {
        let unsure = format!(
            "SELECT count(*) FROM pg_class WHERE relname = '{partition}' AND relallvisible < relpages"
        );
        loop {
            database
                .execute_as_owner(&format!("VACUUM {partition}"))
                .await;
            if database.count(&unsure).await == 0 {
                return;
            }
        }
    }

    async fn explain(
        database: &TestDatabase,
        tenant: TenantId,
        id: CampaignId,
        sql: &str,
    ) -> String {
        let plan = database
            .db
            .tenant(tenant, async |tx| {
                let row = find(tx, tenant, id).await?;
                let scope = Scope {
                    tenant,
                    campaign: id,
                    period: row.period.unwrap(),
                };
                let axis = Axis::new(
                    row.started_at.unwrap(),
                    row.finished_at.unwrap(),
                    "Asia/Tokyo",
                );
                let query = scope.query(format!("EXPLAIN {sql}"));
                let lines: Vec<Plan> = match sql {
                    BUCKETS => {
                        let query = query.bind::<Interval, _>(axis.step());
                        query.bind::<Timestamptz, _>(axis.origin()).load(tx).await?
                    }
                    SITES => {
                        let (domains, names): (Vec<&str>, Vec<&str>) =
                            site::known_domains().unzip();
                        let query = query.bind::<BigInt, _>(MAX_SITES);
                        let query = query.bind::<Array<Text>, _>(domains);
                        query.bind::<Array<Text>, _>(names).load(tx).await?
                    }
                    _ => query.load(tx).await?,
                };
                Ok(Plan::text(&lines))
            })
            .await;
        plan.unwrap()
    }
}
