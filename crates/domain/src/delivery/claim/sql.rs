//! The claim's SQL, for each kind of sending. What they share is deliberate
//! repetition: one statement that can be read from its top to its end.

/// $1 now, $2 campaigns that are left out, $3 the last lane, $4 tenants whose
/// campaigns are left out, $5 those whose fast lane is. clock_timestamp() and not
/// ours: the order between mailers on several machines must not hang on their
/// clocks.
pub(super) const NEXT_TURN: &str = "
UPDATE send_queue AS taken SET served_at = clock_timestamp()
FROM (SELECT q.tenant_id, q.campaign_id FROM send_queue q
      WHERE q.state = 'sending' AND q.due_at <= $1 AND q.campaign_id <> ALL ($2) AND q.lane <= $3
        AND q.tenant_id <> ALL (CASE q.lane WHEN 0 THEN $5 ELSE $4 END)
      ORDER BY q.lane,
               (SELECT max(o.served_at) FROM send_queue o WHERE o.tenant_id = q.tenant_id AND o.lane = q.lane),
               q.served_at
      LIMIT 1 FOR UPDATE OF q SKIP LOCKED) AS next
WHERE taken.tenant_id = next.tenant_id AND taken.campaign_id = next.campaign_id
RETURNING taken.tenant_id, taken.campaign_id, taken.lane";

/// $1 tenant, $2 campaign, $3 period, $4 now, $5 limit, $6 worker, $7 length of the lease, $8 all, $9 lists.
///
/// Written so that no statistics are needed: a campaign begins to send seconds
/// after its rows were made, when the planner still believes that the tenant
/// has none. Were tenant and period given as parameters at the end too, they
/// would seem to be enough, and each of the 200 rows be found by a scan of the
/// tenant's month; taken from the materialized rows they leave nothing but a
/// look-up by the whole key. OFFSET 0 does the same for the contact.
pub(super) const CLAIM: &str = "
WITH due AS MATERIALIZED (
    SELECT d.tenant_id, d.period, d.id, d.contact_id, d.state FROM delivery d
    WHERE d.tenant_id = $1 AND d.period = $3 AND d.campaign_id = $2
      AND d.state IN ('queued', 'deferred') AND d.due_at <= $4
    ORDER BY d.due_at, d.id LIMIT $5 FOR UPDATE SKIP LOCKED
), judged AS MATERIALIZED (
    SELECT due.tenant_id, due.period, due.id, due.state AS was, c.id AS person_id, c.email, c.name, c.fields, c.created_at,
        CASE
            WHEN c.id IS NULL THEN 'contact_deleted'
            WHEN c.status <> 'active' THEN c.status
            WHEN EXISTS (SELECT FROM suppression s WHERE s.tenant_id = due.tenant_id
                         AND (s.kind, s.value) IN (('address', c.email_key), ('domain', substring(c.email_key FROM '[^@]*$'))))
            THEN 'suppressed'
            WHEN NOT $8 AND NOT EXISTS (SELECT FROM subscription s WHERE s.tenant_id = due.tenant_id
                         AND s.list_id = ANY ($9) AND s.contact_id = c.id AND s.status = 'subscribed')
            THEN 'cancelled'
        END AS verdict
    FROM due LEFT JOIN LATERAL (
        SELECT * FROM contact p WHERE p.tenant_id = due.tenant_id AND p.id = due.contact_id OFFSET 0
    ) c ON true
)
UPDATE delivery d SET
    state = CASE WHEN j.verdict IS NULL THEN 'claimed' ELSE 'skipped' END,
    reason = j.verdict, due_at = NULL,
    leased_until = CASE WHEN j.verdict IS NULL THEN now() + $7 END,
    lease_owner = CASE WHEN j.verdict IS NULL THEN $6 END,
    address = coalesce(j.email, d.address),
    site = lower(substring(coalesce(j.email, d.address) FROM '[^@]*$'))
FROM judged j
WHERE d.tenant_id = j.tenant_id AND d.period = j.period AND d.id = j.id
RETURNING d.id, d.contact_id, d.attempts, d.address, j.was, d.reason, j.person_id, j.email, j.name, j.fields, j.created_at, d.merge, d.variant";

/// As [`CLAIM`]; $8 is the person to speak of.
pub(super) const CLAIM_TEST: &str = "
WITH due AS MATERIALIZED (
    SELECT d.tenant_id, d.period, d.id, d.state, d.address FROM delivery d
    WHERE d.tenant_id = $1 AND d.period = $3 AND d.campaign_id = $2
      AND d.state IN ('queued', 'deferred') AND d.due_at <= $4
    ORDER BY d.due_at, d.id LIMIT $5 FOR UPDATE SKIP LOCKED
), judged AS MATERIALIZED (
    SELECT due.tenant_id, due.period, due.id, due.state AS was, c.id AS person_id, c.email, c.name, c.fields, c.created_at,
        CASE
            WHEN EXISTS (SELECT FROM suppression s WHERE s.tenant_id = due.tenant_id
                         AND (s.kind, s.value) IN (('address', lower(due.address)), ('domain', lower(substring(due.address FROM '[^@]*$')))))
            THEN 'suppressed'
        END AS verdict
    FROM due LEFT JOIN contact c ON c.tenant_id = $1 AND c.id = $8
)
UPDATE delivery d SET
    state = CASE WHEN j.verdict IS NULL THEN 'claimed' ELSE 'skipped' END,
    reason = j.verdict, due_at = NULL,
    leased_until = CASE WHEN j.verdict IS NULL THEN now() + $7 END,
    lease_owner = CASE WHEN j.verdict IS NULL THEN $6 END,
    site = lower(substring(d.address FROM '[^@]*$'))
FROM judged j
WHERE d.tenant_id = j.tenant_id AND d.period = j.period AND d.id = j.id
RETURNING d.id, d.contact_id, d.attempts, d.address, j.was, d.reason, j.person_id, j.email, j.name, j.fields, j.created_at, d.merge, d.variant";

/// As [`CLAIM`], up to $7. The address is that of the call, in the spelling of
/// the block-list; a contact of that address who left or is stopped keeps it
/// back as well, lists do not. Where the person just asked for the mail
/// (`transactional::ASKED`, which no call of the API can give), a cancellation
/// of theirs does not keep it back either: it is how they come back.
pub(super) const CLAIM_TRANSACTIONAL: &str = "
WITH due AS MATERIALIZED (
    SELECT d.tenant_id, d.period, d.id, d.contact_id, d.state, d.address, coalesce(d.merge ? '_asked', false) AS asked
    FROM delivery d
    WHERE d.tenant_id = $1 AND d.period = $3 AND d.campaign_id = $2
      AND d.state IN ('queued', 'deferred') AND d.due_at <= $4
    ORDER BY d.due_at, d.id LIMIT $5 FOR UPDATE SKIP LOCKED
), judged AS MATERIALIZED (
    SELECT due.tenant_id, due.period, due.id, due.state AS was, c.id AS person_id, c.email, c.name, c.fields, c.created_at,
        CASE
            WHEN c.status <> 'active' AND NOT (due.asked AND c.status = 'unsubscribed') THEN c.status
            WHEN EXISTS (SELECT FROM suppression s WHERE s.tenant_id = due.tenant_id
                         AND (s.kind, s.value) IN (('address', due.address), ('domain', substring(due.address FROM '[^@]*$')))
                         AND NOT (due.asked AND s.kind = 'address' AND s.reason = 'cancelled'))
            THEN 'suppressed'
        END AS verdict
    FROM due LEFT JOIN LATERAL (
        SELECT * FROM contact p WHERE p.tenant_id = due.tenant_id AND p.id = due.contact_id OFFSET 0
    ) c ON true
)
UPDATE delivery d SET
    state = CASE WHEN j.verdict IS NULL THEN 'claimed' ELSE 'skipped' END,
    reason = j.verdict, due_at = NULL,
    leased_until = CASE WHEN j.verdict IS NULL THEN now() + $7 END,
    lease_owner = CASE WHEN j.verdict IS NULL THEN $6 END,
    site = substring(d.address FROM '[^@]*$')
FROM judged j
WHERE d.tenant_id = j.tenant_id AND d.period = j.period AND d.id = j.id
RETURNING d.id, d.contact_id, d.attempts, d.address, j.was, d.reason, j.person_id, j.email, j.name, j.fields, j.created_at, d.merge, d.variant";

#[cfg(test)]
mod tests {
    use diesel::sql_types::{Array, BigInt, Bool, Date, Interval, Timestamptz, Uuid as SqlUuid};
    use diesel_async::RunQueryDsl;
    use uuid::Uuid;

    use super::*;
    use crate::ids::{CampaignId, TenantId};
    use crate::testing::{Plan, TestDatabase, TestTenant, sent_campaign};

    /// Rows that wait, of which the planner knows nothing: as a campaign is
    /// when its first mails go out.
    async fn waiting() -> (TestDatabase, TenantId, CampaignId) {
        let database = TestDatabase::new().await;
        let tenant = TestTenant::create(&database.db, "acme").await.id;
        sent_campaign(&database, tenant, 20_000).await;
        let id = sent_campaign(&database, tenant, 20_000).await;
        let now = database.db.now().to_rfc3339();
        database
            .execute_as_owner(&format!(
                "UPDATE delivery SET state = 'queued', due_at = '{now}', merge = '{{}}' WHERE campaign_id = '{id}'"
            ))
            .await;
        (database, tenant, id)
    }

    #[expect(clippy::disallowed_methods, reason = "EXPLAIN of the claim")]
    async fn plan(database: &TestDatabase, tenant: TenantId, id: CampaignId, sql: &str) -> String {
        let now = database.db.now();
        let period = crate::campaign::control::period(now);
        let lines: Vec<Plan> = database
            .db
            .tenant(tenant, async |tx| {
                let query = diesel::sql_query(format!("EXPLAIN {sql}"))
                    .bind::<SqlUuid, _>(tenant)
                    .bind::<SqlUuid, _>(id)
                    .bind::<Date, _>(period)
                    .bind::<Timestamptz, _>(now)
                    .bind::<BigInt, _>(200)
                    .bind::<SqlUuid, _>(Uuid::nil())
                    .bind::<Interval, _>(crate::delivery::claim::LEASE);
                Ok(if sql == CLAIM {
                    query
                        .bind::<Bool, _>(true)
                        .bind::<Array<SqlUuid>, _>(Vec::<Uuid>::new())
                        .load(tx)
                        .await?
                } else {
                    query.load(tx).await?
                })
            })
            .await
            .unwrap();
        Plan::text(&lines)
    }

    #[tokio::test]
    async fn whatever_waits_a_claim_takes_its_rows_from_the_index_of_what_is_due() {
        let (database, tenant, id) = waiting().await;
        // Came after the statistics were taken, which know of one tenant.
        let newcomer = TestTenant::create(&database.db, "newcomer").await.id;
        for (tenant, sql) in [
            (tenant, CLAIM),
            (tenant, CLAIM_TRANSACTIONAL),
            (newcomer, CLAIM),
            (newcomer, CLAIM_TRANSACTIONAL),
        ] {
            let plan = plan(&database, tenant, id, sql).await;
            assert!(plan.contains("campaign_id_due_at_id_idx"), "{plan}");
            assert!(plan.contains("contact_pkey"), "{plan}");
            // Months without a row are read whole, which costs nothing.
            let month = format!("delivery_{}", database.db.now().format("%Y%m"));
            assert!(plan.contains(&format!("{month}_pkey")), "{plan}");
            assert!(!plan.contains(&format!("Seq Scan on {month}")), "{plan}");
            assert!(!plan.contains("Seq Scan on contact"), "{plan}");
        }
    }
    #[tokio::test]
    async fn of_a_tenant_who_came_after_the_statistics_each_row_is_looked_up_by_its_key() {
        let database = TestDatabase::new().await;
        let known = TestTenant::create(&database.db, "acme").await.id;
        sent_campaign(&database, known, 20_000).await;
        database
            .execute_as_owner("ANALYZE contact, delivery, suppression, subscription")
            .await;
        let newcomer = TestTenant::create(&database.db, "newcomer").await.id;
        let id = sent_campaign(&database, newcomer, 2_000).await;
        database
            .execute_as_owner(&format!(
                "UPDATE delivery SET state = 'queued', due_at = now(), merge = '{{}}' WHERE campaign_id = '{id}'"
            ))
            .await;
        let month = format!("delivery_{}_pkey", database.db.now().format("%Y%m"));
        for sql in [CLAIM, CLAIM_TRANSACTIONAL] {
            let plan = plan(&database, newcomer, id, sql).await;
            assert!(!plan.contains("Join Filter"), "{plan}");
            assert!(plan.contains(&month), "{plan}");
            assert!(plan.contains("contact_pkey"), "{plan}");
        }
    }
}
