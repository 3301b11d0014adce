//! SQL of the lists of deliveries. Every filter has an index in the order of
//! the page; words go two ways, as in contact/search.rs.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Date, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::{Delivery, DeliveryFilter, Event, EventKind, MAX_EVENTS, Row};
use crate::campaign::CampaignRow;
use crate::campaign::kind::Kind;
use crate::contact;
use crate::error::Result;
use crate::event::machine::{MachineRule, seconds_after};
use crate::ids::{ContactId, DeliveryId, EventId, TenantId};
use crate::schema::{contact as contacts, delivery};

/// Deliveries that a search looks at one by one before it asks the index of words.
const WALK: i64 = 20_000;

/// Up to `rows` deliveries after the cursor; none of a campaign that has not begun.
pub(crate) async fn page_of(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaign: &CampaignRow,
    filter: &DeliveryFilter,
    after: Option<DeliveryId>,
    rows: i64,
) -> Result<Vec<Delivery>> {
    let after = after.unwrap_or(DeliveryId(Uuid::nil()));
    let found = find_rows(tx, tenant, campaign, filter, after, rows).await?;
    Ok(found
        .into_iter()
        .map(|(row, name)| Delivery::new(row, name))
        .collect())
}

/// All columns of up to `rows` deliveries after one, with the names of the
/// contacts that are still there.
pub(crate) async fn rows_of(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaign: &CampaignRow,
    after: DeliveryId,
    rows: i64,
) -> Result<Vec<(Row, Option<String>)>> {
    find_rows(
        tx,
        tenant,
        campaign,
        &DeliveryFilter::default(),
        after,
        rows,
    )
    .await
}

async fn find_rows(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaign: &CampaignRow,
    filter: &DeliveryFilter,
    after: DeliveryId,
    rows: i64,
) -> Result<Vec<(Row, Option<String>)>> {
    let words = contact::patterns(filter.q.as_deref().unwrap_or_default())?;
    let Some(period) = campaign.period else {
        return Ok(Vec::new());
    };
    let scope = Scope {
        tenant,
        campaign,
        period,
        filter,
        after,
        rows,
    };
    let found = if words.is_empty() {
        scope.run(tx, Way::Plain, &[]).await?
    } else {
        scope.search(tx, &words).await?
    };
    let people: Vec<ContactId> = found.iter().map(|row| row.contact_id).collect();
    let names = names(tx, tenant, &people).await?;
    Ok(found
        .into_iter()
        .map(|row| {
            let name = names.get(&row.contact_id).cloned();
            (row, name)
        })
        .collect())
}

/// Names of the contacts that are still there.
pub(crate) async fn names(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    ids: &[ContactId],
) -> Result<BTreeMap<ContactId, String>> {
    let rows: Vec<(ContactId, String)> = contacts::table
        .filter(contacts::tenant_id.eq(tenant).and(contacts::id.eq_any(ids)))
        .select((contacts::id, contacts::name))
        .load(tx)
        .await?;
    Ok(rows.into_iter().collect())
}

/// One page of one campaign.
struct Scope<'a> {
    tenant: TenantId,
    campaign: &'a CampaignRow,
    period: chrono::NaiveDate,
    filter: &'a DeliveryFilter,
    after: DeliveryId,
    rows: i64,
}

/// How a page is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Without words: along the index of the filter.
    Plain,
    /// Words, among the next [`WALK`] deliveries.
    Walk,
    /// Words, by the contacts that have them.
    LookUp,
}

impl Scope<'_> {
    /// First a bounded walk along the campaign, which fills the page at once
    /// when the words are frequent; otherwise the contacts that have them, by
    /// the trigram index.
    async fn search(&self, tx: &mut AsyncPgConnection, words: &[String]) -> Result<Vec<Row>> {
        let found = self.run(tx, Way::Walk, words).await?;
        if i64::try_from(found.len()) == Ok(self.rows) || !self.is_longer_than_the_walk(tx).await? {
            return Ok(found);
        }
        self.run(tx, Way::LookUp, words).await
    }

    async fn is_longer_than_the_walk(&self, tx: &mut AsyncPgConnection) -> Result<bool> {
        Ok(delivery::table
            .filter(
                delivery::tenant_id
                    .eq(self.tenant)
                    .and(delivery::period.eq(self.period))
                    .and(delivery::campaign_id.eq(self.campaign.id))
                    .and(delivery::id.gt(self.after)),
            )
            .select(delivery::id)
            .order(delivery::id)
            .offset(WALK)
            .first::<DeliveryId>(tx)
            .await
            .optional()?
            .is_some())
    }

    /// The filter as SQL. Fixed words are literal, so that the partial indexes
    /// apply whatever plan is kept; what is not asked for is not there, since
    /// "not asked, or equal" finds no index in a kept plan.
    fn conditions(&self) -> String {
        let is_set = |column: &str, yes: bool| {
            format!(" AND d.{column} IS {}NULL", if yes { "NOT " } else { "" })
        };
        let filter = self.filter;
        let mut text = String::new();
        if let Some(state) = filter.state {
            text.push_str(&format!(" AND d.state = '{}'", state.as_str()));
        }
        if let Some(yes) = filter.opened {
            text.push_str(&is_set("opened_at", yes));
        }
        if let Some(yes) = filter.clicked {
            text.push_str(&is_set("clicked_at", yes));
        }
        text.push_str(match filter.reason {
            Some(_) => " AND d.reason = $7",
            None => " AND $7::text IS NULL",
        });
        text
    }

    /// $1 tenant, $2 period, $3 campaign, $4 the delivery before, $5 rows, $6 patterns, $7 reason.
    fn sql(&self, way: Way, words: usize) -> String {
        let conditions = self.conditions();
        match way {
            Way::Plain => format!(
                "SELECT d.* FROM delivery d
                 WHERE d.tenant_id = $1 AND d.period = $2 AND d.campaign_id = $3 AND d.id > $4
                   AND $6::text[] IS NOT NULL{conditions} ORDER BY d.id LIMIT $5"
            ),
            Way::Walk => format!(
                "SELECT d.* FROM (SELECT * FROM delivery d
                     WHERE d.tenant_id = $1 AND d.period = $2 AND d.campaign_id = $3 AND d.id > $4
                     ORDER BY d.id LIMIT {WALK}) d
                 JOIN contact c ON c.tenant_id = $1 AND c.id = d.contact_id
                 WHERE c.search LIKE ALL ($6){conditions} ORDER BY d.id LIMIT $5"
            ),
            // MATERIALIZED, lest the planner walk the campaign to its end.
            Way::LookUp => {
                let likes: String = (1..=words)
                    .map(|n| format!(" AND c.search LIKE ($6::text[])[{n}]"))
                    .collect();
                format!(
                    "WITH people AS MATERIALIZED (SELECT c.id FROM contact c WHERE c.tenant_id = $1{likes})
                     SELECT d.* FROM people
                     JOIN delivery d ON d.tenant_id = $1 AND d.contact_id = people.id AND d.campaign_id = $3 AND d.period = $2
                     WHERE d.id > $4{conditions} ORDER BY d.id LIMIT $5"
                )
            }
        }
    }

    async fn run(
        &self,
        tx: &mut AsyncPgConnection,
        way: Way,
        words: &[String],
    ) -> Result<Vec<Row>> {
        self.answer(tx, self.sql(way, words.len()), words).await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a subselect in FROM, and a materialised one; only fixed text is put together"
    )]
    async fn answer<T>(
        &self,
        tx: &mut AsyncPgConnection,
        text: String,
        words: &[String],
    ) -> Result<Vec<T>>
    where
        T: QueryableByName<diesel::pg::Pg> + Send + 'static,
    {
        Ok(diesel::sql_query(text)
            .bind::<SqlUuid, _>(self.tenant)
            .bind::<Date, _>(self.period)
            .bind::<SqlUuid, _>(self.campaign.id)
            .bind::<SqlUuid, _>(self.after)
            .bind::<BigInt, _>(self.rows)
            .bind::<Array<Text>, _>(words)
            .bind::<Nullable<Text>, _>(&self.filter.reason)
            .load(tx)
            .await?)
    }
}

#[derive(QueryableByName)]
pub(super) struct Found {
    #[diesel(embed)]
    pub(super) delivery: Row,
    #[diesel(sql_type = Text)]
    pub(super) campaign_name: String,
    #[diesel(sql_type = Text)]
    pub(super) kind: Kind,
}

/// A delivery of a campaign that is still there, by its id alone. The months in
/// which the tenant has sent say which partitions to look into: without them
/// the key's index would be read whole.
#[expect(clippy::disallowed_methods, reason = "an array of a sub-select")]
pub(super) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: DeliveryId,
) -> Result<Option<Found>> {
    let found = diesel::sql_query(
        "SELECT d.*, c.name AS campaign_name, c.kind AS kind FROM delivery d
         JOIN campaign c ON c.tenant_id = $1 AND c.id = d.campaign_id AND c.kind <> 'test'
         WHERE d.tenant_id = $1 AND d.id = $2
           AND d.period = ANY (ARRAY(SELECT DISTINCT p.period FROM campaign p
                                     WHERE p.tenant_id = $1 AND p.period IS NOT NULL))",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(id)
    .get_result(tx)
    .await
    .optional()?;
    Ok(found)
}

#[derive(QueryableByName)]
struct EventRow {
    #[diesel(sql_type = SqlUuid)]
    id: EventId,
    #[diesel(sql_type = Text)]
    kind: EventKind,
    #[diesel(sql_type = Bool)]
    machine: bool,
    #[diesel(sql_type = Nullable<Text>)]
    machine_rule: Option<MachineRule>,
    #[diesel(sql_type = diesel::sql_types::Timestamptz)]
    at: chrono::DateTime<chrono::Utc>,
    #[diesel(sql_type = Nullable<Text>)]
    url: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    user_agent: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    ip: Option<String>,
    #[diesel(sql_type = Nullable<diesel::sql_types::Jsonb>)]
    detail: Option<serde_json::Value>,
}

/// By the contact's index: one person has few events.
#[expect(clippy::disallowed_methods, reason = "a join with the links")]
pub(super) async fn events(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    row: &Row,
) -> Result<Vec<Event>> {
    let rows: Vec<EventRow> = diesel::sql_query(
        "SELECT e.id, e.kind, e.machine, e.machine_rule, e.at, l.url, e.user_agent,
                CASE WHEN e.machine THEN host(e.ip) END AS ip, e.detail FROM event e
         LEFT JOIN link l ON l.tenant_id = $1 AND l.campaign_id = e.campaign_id AND l.number = e.link_number
         WHERE e.tenant_id = $1 AND e.contact_id = $2 AND e.delivery_id = $3
         ORDER BY e.at DESC, e.id DESC LIMIT $4",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(row.contact_id)
    .bind::<SqlUuid, _>(row.id)
    .bind::<BigInt, _>(MAX_EVENTS)
    .load(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|found| Event {
            id: found.id,
            kind: found.kind,
            machine: found.machine,
            machine_rule: found.machine_rule,
            at: found.at,
            seconds_after: seconds_after(row.accepted_at, found.at).filter(|_| found.machine),
            url: found.url,
            user_agent: found.user_agent,
            ip: found.ip,
            detail: found.detail,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign;
    use crate::delivery::read::DeliveryState;
    use crate::testing::{Plan, TestDatabase, TestTenant, sent_campaign};

    /// Plans of a million deliveries' lists, made by the application's role on
    /// fewer: what matters is which index they take.
    #[tokio::test]
    async fn every_list_is_read_from_an_index_in_its_order() {
        let database = TestDatabase::new().await;
        let tenant = TestTenant::create(&database.db, "acme").await.id;
        sent_campaign(&database, tenant, 40_000).await;
        let id = sent_campaign(&database, tenant, 40_000).await;
        let table = [
            (DeliveryFilter::default(), "campaign_id_id_idx"),
            (
                DeliveryFilter {
                    state: Some(DeliveryState::Failed),
                    ..DeliveryFilter::default()
                },
                "campaign_id_state_id",
            ),
            (
                DeliveryFilter {
                    reason: Some("no_answer".to_owned()),
                    ..DeliveryFilter::default()
                },
                "campaign_id_reason_id",
            ),
            (
                DeliveryFilter {
                    clicked: Some(true),
                    ..DeliveryFilter::default()
                },
                "clicked_at_idx",
            ),
        ];
        for (filter, index) in table {
            let plan = explain(&database, tenant, id, &filter, Way::Plain, &[]).await;
            assert!(plan.contains(index), "{filter:?} by {index}: {plan}");
            assert!(!plan.contains("Seq Scan"), "{filter:?}: {plan}");
            assert!(!plan.contains("Sort"), "{filter:?}: {plan}");
        }
        let words = ["%p12345 %".to_owned()];
        let filter = DeliveryFilter::default();
        let plan = explain(&database, tenant, id, &filter, Way::LookUp, &words).await;
        assert!(plan.contains("contact_search_idx"), "{plan}");
        assert!(!plan.contains("Seq Scan"), "{plan}");
    }

    #[expect(clippy::disallowed_methods, reason = "a setting")]
    async fn explain(
        database: &TestDatabase,
        tenant: TenantId,
        id: crate::ids::CampaignId,
        filter: &DeliveryFilter,
        way: Way,
        words: &[String],
    ) -> String {
        let lines: Vec<Plan> = database
            .db
            .tenant(tenant, async |tx| {
                let campaign = campaign::find(tx, tenant, id).await?;
                let scope = Scope {
                    tenant,
                    period: campaign.period.unwrap(),
                    campaign: &campaign,
                    filter,
                    after: DeliveryId(Uuid::nil()),
                    rows: 51,
                };
                if way == Way::LookUp {
                    // So few contacts are read faster whole; a million are not.
                    diesel::sql_query("SET LOCAL enable_seqscan = off")
                        .execute(tx)
                        .await?;
                }
                let text = format!("EXPLAIN {}", scope.sql(way, words.len()));
                scope.answer(tx, text, words).await
            })
            .await
            .unwrap();
        Plan::text(&lines)
    }
}
