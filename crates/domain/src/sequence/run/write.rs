//! Writes what was decided: deliveries, and where people stand now.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Bool, Date, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::judge::Due;
use crate::delivery::counters;
use crate::error::Result;
use crate::ids::{DeliveryId, SequenceEnrolmentId, SequenceId, SequenceStepId, TenantId};
use crate::sequence::stream::{self, Stream};

/// `delivery.reason` of who is passed over by a condition.
pub(super) const CONDITION: &str = "condition";

/// Where a person is after the look.
pub(super) enum Outcome {
    /// At a step, due then.
    Stands(SequenceStepId, DateTime<Utc>),
    /// Through.
    Done,
    /// Out, for this reason.
    Left(String),
}

/// What is written of one person.
pub(super) struct Moved {
    id: SequenceEnrolmentId,
    outcome: Outcome,
    /// The step is behind the person.
    has_passed: bool,
    /// The mail that goes out, or the one that does not.
    delivery: Option<DeliveryId>,
    /// Why it does not.
    skipped: Option<String>,
}

impl Moved {
    /// Nothing is written of a mail.
    pub(super) fn stays(id: SequenceEnrolmentId, outcome: Outcome) -> Self {
        Self {
            id,
            outcome,
            has_passed: false,
            delivery: None,
            skipped: None,
        }
    }

    pub(super) fn sent(id: SequenceEnrolmentId, outcome: Outcome) -> Self {
        Self {
            has_passed: true,
            delivery: Some(DeliveryId::new()),
            ..Self::stays(id, outcome)
        }
    }

    pub(super) fn passed_over(id: SequenceEnrolmentId, outcome: Outcome) -> Self {
        Self {
            skipped: Some(CONDITION.to_owned()),
            ..Self::sent(id, outcome)
        }
    }

    pub(super) fn left(id: SequenceEnrolmentId, reason: String) -> Self {
        Self {
            has_passed: false,
            skipped: Some(reason.clone()),
            ..Self::sent(id, Outcome::Left(reason))
        }
    }
}

#[derive(QueryableByName)]
struct Written {
    #[diesel(sql_type = BigInt)]
    queued: i64,
    #[diesel(sql_type = BigInt)]
    skipped: i64,
}

/// Writes the step's deliveries, also those that are not sent, as with every
/// campaign.
#[expect(clippy::disallowed_methods, reason = "INSERT … SELECT from unnest")]
pub(super) async fn deliveries(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    stream: &Stream,
    people: &[Due],
    moved: &[Moved],
    now: DateTime<Utc>,
) -> Result<()> {
    let mails: Vec<(&Due, DeliveryId, Option<&str>)> = people
        .iter()
        .zip(moved)
        .filter_map(|(person, moved)| Some((person, moved.delivery?, moved.skipped.as_deref())))
        .collect();
    if mails.is_empty() {
        return Ok(());
    }
    if mails.iter().any(|(_, _, skipped)| skipped.is_none()) {
        stream::begin(tx, tenant, stream, now).await?;
    }
    let contacts: Vec<_> = mails.iter().map(|(person, ..)| person.contact_id).collect();
    let rounds: Vec<_> = mails.iter().map(|(person, ..)| person.round).collect();
    let addresses: Vec<_> = mails.iter().map(|(person, ..)| &person.email).collect();
    let ids: Vec<_> = mails.iter().map(|(_, id, _)| *id).collect();
    let reasons: Vec<_> = mails.iter().map(|(.., reason)| *reason).collect();
    let written: Written = diesel::sql_query(
        "WITH written AS (
            INSERT INTO delivery (tenant_id, period, id, campaign_id, contact_id, copy, address, state, reason, due_at, created_at)
            SELECT $1, $2, m.id, $3, m.contact_id, m.round, m.address,
                   CASE WHEN m.reason IS NULL THEN 'queued' ELSE 'skipped' END, m.reason, CASE WHEN m.reason IS NULL THEN $4 END, $4
            FROM unnest($5::uuid[], $6::uuid[], $7::integer[], $8::text[], $9::text[]) AS m (id, contact_id, round, address, reason)
            ON CONFLICT (tenant_id, contact_id, campaign_id, period, copy) DO NOTHING
            RETURNING state)
         SELECT count(*) FILTER (WHERE state = 'queued') AS queued, count(*) FILTER (WHERE state = 'skipped') AS skipped FROM written",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Date, _>(stream.period)
    .bind::<SqlUuid, _>(stream.id)
    .bind::<Timestamptz, _>(now)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<SqlUuid>, _>(contacts)
    .bind::<Array<Integer>, _>(rounds)
    .bind::<Array<Text>, _>(addresses)
    .bind::<Array<Nullable<Text>>, _>(reasons)
    .get_result(tx)
    .await?;
    let deltas = [("queued", written.queued), ("skipped", written.skipped)];
    counters::add(tx, tenant, stream.id, &deltas).await
}

/// Writes where people stand. `at`: the step that they were due at, and where
/// its mails stand.
#[expect(clippy::disallowed_methods, reason = "UPDATE from unnest")]
pub(super) async fn people(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    at: Option<(SequenceStepId, &Stream)>,
    moved: &[Moved],
    now: DateTime<Utc>,
) -> Result<()> {
    if moved.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = moved.iter().map(|moved| moved.id).collect();
    let (mut states, mut reasons) = (Vec::new(), Vec::new());
    let (mut steps, mut dues) = (Vec::new(), Vec::new());
    for person in moved {
        let (state, reason, step, due) = match &person.outcome {
            Outcome::Stands(step, due) => ("active", None, Some(*step), Some(*due)),
            Outcome::Done => ("done", None, None, None),
            Outcome::Left(reason) => (
                "left",
                Some(reason.as_str()),
                at.map(|(step, _)| step),
                None,
            ),
        };
        states.push(state);
        reasons.push(reason);
        steps.push(step);
        dues.push(due);
    }
    let passed: Vec<bool> = moved.iter().map(|moved| moved.has_passed).collect();
    let sent: Vec<Option<DeliveryId>> = moved
        .iter()
        .map(|moved| moved.delivery.filter(|_| moved.skipped.is_none()))
        .collect();
    diesel::sql_query(
        "UPDATE sequence_enrolment e SET
            state = m.state, reason = m.reason, step_id = m.step_id, due_at = m.due_at,
            base_at = CASE WHEN m.passed THEN $2 ELSE e.base_at END,
            passed = CASE WHEN m.passed THEN e.passed || $3::uuid ELSE e.passed END,
            last_delivery_id = coalesce(m.delivery_id, e.last_delivery_id),
            last_period = CASE WHEN m.delivery_id IS NULL THEN e.last_period ELSE $4 END,
            ended_at = CASE WHEN m.state <> 'active' THEN $2 END
         FROM unnest($5::uuid[], $6::text[], $7::text[], $8::uuid[], $9::timestamptz[], $10::boolean[], $11::uuid[])
            AS m (id, state, reason, step_id, due_at, passed, delivery_id)
         WHERE e.tenant_id = $1 AND e.id = m.id",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Timestamptz, _>(now)
    .bind::<Nullable<SqlUuid>, _>(at.map(|(step, _)| step))
    .bind::<Nullable<Date>, _>(at.map(|(_, stream)| stream.period))
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Text>, _>(states)
    .bind::<Array<Nullable<Text>>, _>(reasons)
    .bind::<Array<Nullable<SqlUuid>>, _>(steps)
    .bind::<Array<Nullable<Timestamptz>>, _>(dues)
    .bind::<Array<Bool>, _>(passed)
    .bind::<Array<Nullable<SqlUuid>>, _>(sent)
    .execute(tx)
    .await?;
    Ok(())
}

/// Puts off the next look, unless who joins a list holds the row.
#[expect(clippy::disallowed_methods, reason = "UPDATE from a locked sub-select")]
pub(super) async fn sleep(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    sequence: SequenceId,
    until: DateTime<Utc>,
) -> Result<()> {
    diesel::sql_query(
        "UPDATE send_queue q SET due_at = $3
         FROM (SELECT tenant_id, campaign_id FROM send_queue
               WHERE tenant_id = $1 AND campaign_id = $2 FOR UPDATE SKIP LOCKED) AS free
         WHERE q.tenant_id = free.tenant_id AND q.campaign_id = free.campaign_id",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(sequence)
    .bind::<Timestamptz, _>(until)
    .execute(tx)
    .await?;
    Ok(())
}
