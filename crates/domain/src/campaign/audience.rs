//! Whom a campaign is for, and why somebody of them gets nothing. One piece
//! of SQL judges people, for the count before sending and for freezing alike,
//! so that the two can't tell different stories.

use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};

use super::frequency::{Cap, REASON};
use crate::date_mail::day::DateMatch;
use crate::error::{Result, Validation};
use crate::ids::{ContactId, ListId, TenantId};
use crate::schema::list;

/// Lists in an audience.
const MAX_LISTS: usize = 100;

/// Whom a campaign is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Audience {
    /// Every contact of the tenant, whatever lists say.
    pub all: bool,
    /// Otherwise who stands in one of these.
    pub list_ids: Vec<ListId>,
    /// But not who is subscribed to one of these.
    pub exclude_list_ids: Vec<ListId>,
    /// Of a test send: as whom the mail is filled in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_contact: Option<ContactId>,
    /// Of one day of a date mail: whose date it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<DateMatch>,
}

impl Audience {
    /// Refuses lists that are not there or of another tenant.
    pub(crate) async fn check(&self, tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<()> {
        let mut v = Validation::default();
        for (pointer, ids) in [
            ("/audience/list_ids", &self.list_ids),
            ("/audience/exclude_list_ids", &self.exclude_list_ids),
        ] {
            if ids.len() > MAX_LISTS {
                v.add(
                    pointer,
                    "too_many",
                    format!("holds more than {MAX_LISTS} lists"),
                );
                continue;
            }
            let known: Vec<ListId> = list::table
                .filter(list::tenant_id.eq(tenant).and(list::id.eq_any(ids)))
                .select(list::id)
                .load(tx)
                .await?;
            for (index, id) in ids.iter().enumerate() {
                if !known.contains(id) {
                    v.add(
                        format!("{pointer}/{index}"),
                        "unknown",
                        "there is no such list",
                    );
                }
            }
        }
        v.finish()
    }

    /// Nobody was chosen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.all && self.list_ids.is_empty()
    }

    /// CTEs `people (id, subscribed)` and `judged (id, email, reason)`: reason
    /// is NULL for who gets the mail. Binds: $1 tenant, $2 lists, $3 excluded
    /// lists, and for a chunk $4 the contact after which it begins, $5 its size.
    ///
    /// The tenant stands there as a sub-select, which the planner can't look up
    /// in its statistics: a tenant who came after they were taken would be
    /// believed to have no row, and be joined by loops made for one.
    pub(crate) fn judged(&self, is_chunk: bool, cap: Option<Cap>) -> String {
        // Whose date it is not is not meant at all, so they are not counted as left out.
        let (dated, dated_in_list) = match &self.date {
            Some(date) => (
                format!(" AND {}", date.sql()),
                format!(
                    " AND EXISTS (SELECT FROM contact c WHERE c.tenant_id = (SELECT $1) AND c.id = n.contact_id AND {})",
                    date.sql()
                ),
            ),
            None => (String::new(), String::new()),
        };
        // Of everybody the people are the contacts themselves; asked for all at
        // once, they are not written down first.
        let everybody = format!(
            "SELECT id, email, email_key, name, fields, status, true AS subscribed FROM contact c
                 WHERE tenant_id = (SELECT $1) AND $2::uuid[] IS NOT NULL{dated}"
        );
        let people = match (self.all, is_chunk) {
            (true, false) => format!("people AS ({everybody})"),
            (true, true) => {
                format!("people AS MATERIALIZED ({everybody} AND id > $4 ORDER BY id LIMIT $5)")
            }
            (false, false) => format!(
                "people AS MATERIALIZED (
                 SELECT contact_id AS id, bool_or(status = 'subscribed') AS subscribed FROM subscription n
                 WHERE tenant_id = (SELECT $1) AND list_id = ANY ($2){dated_in_list} GROUP BY contact_id)"
            ),
            // The first of each list are merged: none of the union's first can be missing.
            (false, true) => format!(
                "people AS MATERIALIZED (
                 SELECT s.contact_id AS id, bool_or(s.status = 'subscribed') AS subscribed
                 FROM (SELECT DISTINCT next.contact_id FROM unnest($2::uuid[]) AS l (id)
                       CROSS JOIN LATERAL (SELECT n.contact_id FROM subscription n
                                           WHERE n.tenant_id = (SELECT $1) AND n.list_id = l.id AND n.contact_id > $4{dated_in_list}
                                           ORDER BY n.contact_id LIMIT $5) AS next
                       ORDER BY next.contact_id LIMIT $5) AS chunk
                 JOIN subscription s ON s.tenant_id = (SELECT $1) AND s.contact_id = chunk.contact_id AND s.list_id = ANY ($2)
                 GROUP BY s.contact_id)"
            ),
        };
        let contacts = if self.all {
            "people c"
        } else {
            "(SELECT k.*, p.subscribed FROM people p JOIN contact k ON k.tenant_id = (SELECT $1) AND k.id = p.id) c"
        };
        // Without excluded lists nobody is looked up there.
        let excluded = if self.exclude_list_ids.is_empty() {
            "$3::uuid[] IS NULL"
        } else {
            "EXISTS (SELECT FROM subscription x WHERE x.tenant_id = (SELECT $1) AND x.contact_id = c.id
                     AND x.list_id = ANY ($3) AND x.status = 'subscribed')"
        };
        let (capped, has_had_enough) = match cap {
            Some(cap) => (
                format!("{},", cap.cte(is_chunk)),
                "EXISTS (SELECT FROM capped x WHERE x.id = c.id)",
            ),
            None => (String::new(), "false"),
        };
        format!(
            "{people}, {capped}
             judged AS (
                SELECT c.id, c.email, c.name, c.fields, CASE
                    WHEN c.status <> 'active' THEN c.status
                    WHEN a.id IS NOT NULL THEN 'suppressed_address'
                    WHEN d.id IS NOT NULL THEN 'suppressed_domain'
                    WHEN NOT c.subscribed THEN 'not_subscribed'
                    WHEN {excluded} THEN 'excluded_list'
                    WHEN {has_had_enough} THEN '{REASON}'
                END AS reason
                FROM {contacts}
                LEFT JOIN suppression a ON a.tenant_id = (SELECT $1) AND a.kind = 'address' AND a.value = c.email_key
                LEFT JOIN suppression d ON d.tenant_id = (SELECT $1) AND d.kind = 'domain'
                    AND d.value = substring(c.email_key FROM '[^@]*$'))"
        )
    }
}

/// How many are meant, and how many get the mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    pub selected: i64,
    pub will_receive: i64,
    /// Reason and count, the most frequent first.
    pub left_out: Vec<(String, i64)>,
}

impl People {
    /// So many, whom somebody counted before.
    pub(super) fn of(will_receive: i64) -> Self {
        Self {
            selected: will_receive,
            will_receive,
            left_out: Vec::new(),
        }
    }
}

#[derive(QueryableByName)]
struct ReasonCount {
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Counts the people of an audience, exactly.
#[expect(
    clippy::disallowed_methods,
    reason = "the judging CTEs; only fixed text is put together"
)]
pub(super) async fn count(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    audience: &Audience,
    cap: Option<Cap>,
) -> Result<People> {
    let sql = format!(
        "WITH {} SELECT reason, count(*) AS n FROM judged GROUP BY reason ORDER BY n DESC, reason",
        audience.judged(false, cap)
    );
    let rows: Vec<ReasonCount> = diesel::sql_query(sql)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<SqlUuid>, _>(&audience.list_ids)
        .bind::<Array<SqlUuid>, _>(&audience.exclude_list_ids)
        .load(tx)
        .await?;
    let mut people = People::default();
    for row in rows {
        people.selected += row.n;
        match row.reason {
            None => people.will_receive = row.n,
            Some(reason) => people.left_out.push((reason, row.n)),
        }
    }
    Ok(people)
}

#[derive(QueryableByName)]
struct EmptyCount {
    #[diesel(sql_type = Text)]
    field: String,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// How many of those who get the mail have nothing in each of the fields.
/// Everybody is judged once, however many fields there are.
#[expect(
    clippy::disallowed_methods,
    reason = "the judging CTEs; the fields' names are bound"
)]
pub(super) async fn count_empty(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    audience: &Audience,
    cap: Option<Cap>,
    fields: &[String],
) -> Result<Vec<(String, i64)>> {
    if fields.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "WITH {} SELECT f.field, count(*) AS n FROM judged j CROSS JOIN unnest($4::text[]) AS f (field)
         WHERE j.reason IS NULL
           AND btrim(CASE f.field WHEN 'name' THEN j.name WHEN 'email' THEN j.email ELSE coalesce(j.fields ->> f.field, '') END) = ''
         GROUP BY f.field ORDER BY f.field",
        audience.judged(false, cap)
    );
    let rows: Vec<EmptyCount> = diesel::sql_query(sql)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<SqlUuid>, _>(&audience.list_ids)
        .bind::<Array<SqlUuid>, _>(&audience.exclude_list_ids)
        .bind::<Array<Text>, _>(fields)
        .load(tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.field, row.n)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Plan, TestDatabase, TestTenant};

    /// The plan that counts `audience`, as it ran.
    #[expect(clippy::disallowed_methods, reason = "EXPLAIN of the judging CTEs")]
    async fn plan(database: &TestDatabase, tenant: TenantId, audience: &Audience) -> String {
        let sql = format!(
            "EXPLAIN (ANALYZE, TIMING OFF) WITH {} SELECT reason, count(*) FROM judged GROUP BY reason",
            audience.judged(false, None)
        );
        let lines: Vec<Plan> = database
            .db
            .tenant(tenant, async |tx| {
                Ok(diesel::sql_query(sql)
                    .bind::<SqlUuid, _>(tenant)
                    .bind::<Array<SqlUuid>, _>(&audience.list_ids)
                    .bind::<Array<SqlUuid>, _>(&audience.exclude_list_ids)
                    .load(tx)
                    .await?)
            })
            .await
            .unwrap();
        Plan::text(&lines)
    }

    #[tokio::test]
    async fn a_tenant_who_came_after_the_statistics_is_judged_without_comparing_each_with_each() {
        let database = TestDatabase::new().await;
        let list = ListId::new();
        let people = async |name: &str| {
            let tenant = TestTenant::create(&database.db, name).await.id;
            database.execute_as_owner(&format!(
                "INSERT INTO contact (tenant_id, id, email, email_key, name, created_at, updated_at)
                    SELECT '{tenant}', gen_random_uuid(), 'p' || i || '@example.jp', 'p' || i || '@example.jp', '人', now(), now()
                    FROM generate_series(1, 2000) i;
                 INSERT INTO list (tenant_id, id, name) VALUES ('{tenant}', '{list}', '会員');
                 INSERT INTO subscription (tenant_id, list_id, contact_id, status)
                    SELECT tenant_id, '{list}', id, 'subscribed' FROM contact WHERE tenant_id = '{tenant}';
                 INSERT INTO suppression (tenant_id, id, kind, value, reason)
                    SELECT tenant_id, gen_random_uuid(), 'address', email_key, 'manual'
                    FROM contact WHERE tenant_id = '{tenant}' LIMIT 1000"
            )).await;
            tenant
        };
        people("first").await;
        database
            .execute_as_owner("ANALYZE contact, subscription, suppression")
            .await;
        let second = people("second").await;
        for audience in [
            Audience {
                all: true,
                ..Audience::default()
            },
            Audience {
                list_ids: vec![list],
                ..Audience::default()
            },
        ] {
            let plan = plan(&database, second, &audience).await;
            assert!(!plan.contains("Rows Removed by Join Filter"), "{plan}");
        }
    }
}
