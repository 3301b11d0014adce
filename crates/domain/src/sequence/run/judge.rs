//! Who is due, and all that the decision about them needs, in one statement.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::campaign::frequency::Cap;
use crate::error::Result;
use crate::ids::{ContactId, SequenceEnrolmentId, SequenceId, SequenceStepId, TenantId};
use crate::sequence::plan::{Condition, Standing};
use crate::sequence::row::{Row, StepRow};

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = SqlUuid)]
    id: SequenceStepId,
}

/// Steps at which somebody is due, in their order: one look-up in the index
/// for each.
#[expect(clippy::disallowed_methods, reason = "EXISTS for each step")]
pub(super) async fn due_steps(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    sequence: SequenceId,
    now: DateTime<Utc>,
) -> Result<Vec<SequenceStepId>> {
    let rows: Vec<Step> = diesel::sql_query(
        "SELECT s.id FROM sequence_step s
         WHERE s.tenant_id = $1 AND s.sequence_id = $2 AND s.removed_at IS NULL
           AND EXISTS (SELECT FROM sequence_enrolment e
                       WHERE e.tenant_id = (SELECT $1) AND e.sequence_id = s.sequence_id AND e.step_id = s.id
                         AND e.state = 'active' AND e.due_at <= $3)
         ORDER BY s.position DESC, s.id",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(sequence)
    .bind::<Timestamptz, _>(now)
    .load(tx)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

#[derive(QueryableByName)]
struct Next {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    at: Option<DateTime<Utc>>,
}

/// When somebody is due who is not yet.
#[expect(clippy::disallowed_methods, reason = "min over a partial index")]
pub(super) async fn next_due(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    sequence: SequenceId,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>> {
    let next: Next = diesel::sql_query(
        "SELECT min(due_at) AS at FROM sequence_enrolment
         WHERE tenant_id = (SELECT $1) AND sequence_id = $2 AND state = 'active' AND due_at > $3",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(sequence)
    .bind::<Timestamptz, _>(now)
    .get_result(tx)
    .await?;
    Ok(next.at)
}

/// Somebody who has no place yet.
#[derive(QueryableByName)]
pub(super) struct Homeless {
    #[diesel(sql_type = SqlUuid)]
    pub(super) id: SequenceEnrolmentId,
    #[diesel(sql_type = Array<SqlUuid>)]
    pub(super) passed: Vec<SequenceStepId>,
    #[diesel(sql_type = Timestamptz)]
    pub(super) base_at: DateTime<Utc>,
}

#[expect(clippy::disallowed_methods, reason = "a locked chunk")]
pub(super) async fn without_place(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    sequence: SequenceId,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Homeless>> {
    Ok(diesel::sql_query(
        "SELECT id, passed, base_at FROM sequence_enrolment
         WHERE tenant_id = (SELECT $1) AND sequence_id = $2 AND step_id IS NULL AND state = 'active' AND due_at <= $3
         ORDER BY due_at, id LIMIT $4 FOR UPDATE SKIP LOCKED",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(sequence)
    .bind::<Timestamptz, _>(now)
    .bind::<BigInt, _>(limit)
    .load(tx)
    .await?)
}

/// Somebody who seems to be due at a step; locked.
#[derive(QueryableByName)]
pub(super) struct Due {
    #[diesel(sql_type = SqlUuid)]
    pub(super) id: SequenceEnrolmentId,
    #[diesel(sql_type = SqlUuid)]
    pub(super) contact_id: ContactId,
    #[diesel(sql_type = Integer)]
    pub(super) round: i32,
    #[diesel(sql_type = Array<SqlUuid>)]
    pub(super) passed: Vec<SequenceStepId>,
    #[diesel(sql_type = Text)]
    pub(super) email: String,
    #[diesel(sql_type = Timestamptz)]
    base_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Text>)]
    stopped: Option<String>,
    #[diesel(sql_type = Bool)]
    fits_lists: bool,
    #[diesel(sql_type = Bool)]
    is_capped: bool,
    #[diesel(sql_type = Nullable<Text>)]
    last_state: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    went_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Bool)]
    has_opened: bool,
    #[diesel(sql_type = Bool)]
    has_clicked: bool,
}

impl Due {
    pub(super) fn standing(&self) -> Standing {
        let last = self.last_state.as_deref();
        Standing {
            base_at: self.base_at,
            stopped: self.stopped.clone(),
            fits_lists: self.fits_lists,
            is_capped: self.is_capped,
            is_under_way: matches!(last, Some("queued" | "claimed" | "deferred")),
            went_at: self.went_at,
            has_opened: self.has_opened,
            has_clicked: self.has_clicked,
        }
    }
}

/// Those who seem to be due at a step. Status, block-list and list are judged
/// as the claim does, which judges them again.
#[expect(
    clippy::disallowed_methods,
    reason = "a locked chunk with all that is judged; only fixed text is put together"
)]
#[expect(clippy::too_many_arguments, reason = "what a person is judged by")]
pub(super) async fn due(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    sequence: &Row,
    step: &StepRow,
    condition: &Condition,
    cap: Option<Cap>,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Due>> {
    let (capped, is_capped) = match cap {
        Some(cap) => (
            format!(", {}", cap.cte(true)),
            "EXISTS (SELECT FROM capped x WHERE x.id = due.contact_id)",
        ),
        None => (String::new(), "false"),
    };
    let sql = format!(
        "WITH due AS MATERIALIZED (
            SELECT e.id, e.contact_id, e.round, e.passed, e.base_at, e.due_at, e.last_period, e.last_delivery_id
            FROM sequence_enrolment e
            WHERE e.tenant_id = (SELECT $1) AND e.sequence_id = $2 AND e.step_id = $3 AND e.state = 'active' AND e.due_at <= $4
            ORDER BY e.due_at, e.id LIMIT $5 FOR UPDATE SKIP LOCKED),
         people AS MATERIALIZED (SELECT contact_id AS id FROM due){capped}
         SELECT due.id, due.contact_id, due.round, due.passed, due.base_at, c.email,
            CASE
                WHEN c.status <> 'active' THEN c.status
                WHEN EXISTS (SELECT FROM suppression s WHERE s.tenant_id = $1
                             AND (s.kind, s.value) IN (('address', c.email_key), ('domain', substring(c.email_key FROM '[^@]*$'))))
                THEN 'suppressed'
                WHEN $6 AND NOT EXISTS (SELECT FROM subscription s WHERE s.tenant_id = $1
                             AND s.list_id = $7 AND s.contact_id = c.id AND s.status = 'subscribed')
                THEN 'left_list'
            END AS stopped,
            (cardinality($8::uuid[]) = 0 OR EXISTS (SELECT FROM subscription s WHERE s.tenant_id = $1 AND s.list_id = ANY ($8)
                             AND s.contact_id = c.id AND s.status = 'subscribed'))
            AND NOT EXISTS (SELECT FROM subscription s WHERE s.tenant_id = $1 AND s.list_id = ANY ($9)
                             AND s.contact_id = c.id AND s.status = 'subscribed') AS fits_lists,
            {is_capped} AS is_capped,
            l.state AS last_state, l.accepted_at AS went_at,
            l.opened_at IS NOT NULL OR l.clicked_at IS NOT NULL AS has_opened, l.clicked_at IS NOT NULL AS has_clicked
         FROM due
         JOIN LATERAL (SELECT * FROM contact p WHERE p.tenant_id = $1 AND p.id = due.contact_id OFFSET 0) c ON true
         LEFT JOIN LATERAL (SELECT * FROM delivery d WHERE d.tenant_id = $1 AND d.period = due.last_period
                            AND d.id = due.last_delivery_id OFFSET 0) l ON true
         ORDER BY due.due_at, due.id"
    );
    Ok(diesel::sql_query(sql)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(sequence.id)
        .bind::<SqlUuid, _>(step.id)
        .bind::<Timestamptz, _>(now)
        .bind::<BigInt, _>(limit)
        .bind::<Bool, _>(sequence.leave_with_list)
        .bind::<Nullable<SqlUuid>, _>(sequence.list_id)
        .bind::<Array<SqlUuid>, _>(&condition.list_ids)
        .bind::<Array<SqlUuid>, _>(&condition.exclude_list_ids)
        .load(tx)
        .await?)
}
