//! SQL of a sequence's steps, and of who stands at them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{StepRow, StepRule};
use crate::error::{DomainError, Result};
use crate::ids::{SequenceId, SequenceStepId, TenantId};
use crate::schema::{sequence_enrolment, sequence_step};

/// Steps in their order.
pub(super) async fn load(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
) -> Result<Vec<StepRow>> {
    Ok(sequence_step::table
        .filter(
            sequence_step::tenant_id
                .eq(tenant)
                .and(sequence_step::sequence_id.eq(id))
                .and(sequence_step::removed_at.is_null()),
        )
        .order((sequence_step::position, sequence_step::id))
        .select(StepRow::as_select())
        .load(tx)
        .await?)
}

pub(super) async fn of_all(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
) -> Result<BTreeMap<SequenceId, Vec<StepRow>>> {
    let rows: Vec<StepRow> = sequence_step::table
        .filter(
            sequence_step::tenant_id
                .eq(tenant)
                .and(sequence_step::removed_at.is_null()),
        )
        .order((sequence_step::position, sequence_step::id))
        .select(StepRow::as_select())
        .load(tx)
        .await?;
    let mut all = BTreeMap::<SequenceId, Vec<StepRow>>::new();
    for row in rows {
        all.entry(row.sequence_id).or_default().push(row);
    }
    Ok(all)
}

/// Writes the steps in their order; those without an id are new.
pub(super) async fn write(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    sequence: SequenceId,
    steps: &[StepRule],
) -> Result<()> {
    for (position, step) in (0_i16..).zip(steps) {
        let condition = serde_json::to_value(&step.condition).map_err(DomainError::internal)?;
        let values = (
            sequence_step::position.eq(position),
            sequence_step::mail_id.eq(step.mail_id),
            sequence_step::delay.eq(step.delay.value),
            sequence_step::unit.eq(step.delay.unit),
            sequence_step::at.eq(step.delay.at),
            sequence_step::condition.eq(condition),
        );
        match step.id {
            Some(id) => {
                diesel::update(sequence_step::table.find((tenant, id)))
                    .set(values)
                    .execute(tx)
                    .await?;
            }
            None => {
                diesel::insert_into(sequence_step::table)
                    .values((
                        sequence_step::tenant_id.eq(tenant),
                        sequence_step::id.eq(SequenceStepId::new()),
                        sequence_step::sequence_id.eq(sequence),
                        values,
                    ))
                    .execute(tx)
                    .await?;
            }
        }
    }
    Ok(())
}

/// Removes the steps that are not kept; who stands at one is given a place anew,
/// by [`look_again_chunk`].
pub(super) async fn remove(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    kept: &[SequenceStepId],
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(
        sequence_step::table.filter(
            sequence_step::tenant_id
                .eq(tenant)
                .and(sequence_step::sequence_id.eq(id))
                .and(sequence_step::removed_at.is_null())
                .and(sequence_step::id.ne_all(kept)),
        ),
    )
    .set((
        sequence_step::removed_at.eq(now),
        sequence_step::relook.eq(true),
    ))
    .execute(tx)
    .await?;
    Ok(())
}

/// Has those who stand at these steps looked at, by [`look_again_chunk`]: the look
/// gives them their new time. A million people are not touched while a person
/// waits for the answer to an edit.
pub(super) async fn look_again(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    steps: &[SequenceStepId],
) -> Result<()> {
    diesel::update(
        sequence_step::table.filter(
            sequence_step::tenant_id
                .eq(tenant)
                .and(sequence_step::id.eq_any(steps)),
        ),
    )
    .set(sequence_step::relook.eq(true))
    .execute(tx)
    .await?;
    Ok(())
}

/// Makes a chunk of those due who stand at a step that was changed or removed;
/// false when there is nobody left. Before anybody is judged at a step, so that
/// nobody who has a new time already is taken for one with the old.
pub(super) async fn look_again_chunk(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    chunk: i64,
    now: DateTime<Utc>,
) -> Result<bool> {
    let changed: Option<(SequenceStepId, Option<DateTime<Utc>>)> = sequence_step::table
        .filter(
            sequence_step::tenant_id
                .eq(tenant)
                .and(sequence_step::sequence_id.eq(id))
                .and(sequence_step::relook),
        )
        .order(sequence_step::id)
        .select((sequence_step::id, sequence_step::removed_at))
        .first(tx)
        .await
        .optional()?;
    let Some((step, removed_at)) = changed else {
        return Ok(false);
    };
    let looked_at = match removed_at {
        Some(_) => leave_step(tx, tenant, id, step, chunk, now).await?,
        None => make_due(tx, tenant, id, step, chunk, now).await?,
    };
    if i64::try_from(looked_at).unwrap_or(0) < chunk {
        diesel::update(sequence_step::table.find((tenant, step)))
            .set(sequence_step::relook.eq(false))
            .execute(tx)
            .await?;
    }
    Ok(true)
}

/// People who stand at a step that is no more get a place anew.
#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE of a bounded sub-select; every value is bound"
)]
async fn leave_step(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    step: SequenceStepId,
    chunk: i64,
    now: DateTime<Utc>,
) -> Result<usize> {
    Ok(diesel::sql_query(
        "UPDATE sequence_enrolment e SET step_id = NULL, due_at = $4
         FROM (SELECT s.tenant_id, s.id FROM sequence_enrolment s
               WHERE s.tenant_id = $1 AND s.sequence_id = $2 AND s.step_id = $3 AND s.state = 'active'
               ORDER BY s.due_at, s.id LIMIT $5 FOR UPDATE) n
         WHERE e.tenant_id = n.tenant_id AND e.id = n.id",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(id)
    .bind::<SqlUuid, _>(step)
    .bind::<Timestamptz, _>(now)
    .bind::<BigInt, _>(chunk)
    .execute(tx)
    .await?)
}

/// People whose time at a step is another one are due; who was due already is.
#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE of a bounded sub-select; every value is bound"
)]
async fn make_due(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    step: SequenceStepId,
    chunk: i64,
    now: DateTime<Utc>,
) -> Result<usize> {
    Ok(diesel::sql_query(
        "UPDATE sequence_enrolment e SET due_at = $4
         FROM (SELECT s.tenant_id, s.id FROM sequence_enrolment s
               WHERE s.tenant_id = $1 AND s.sequence_id = $2 AND s.step_id = $3 AND s.state = 'active' AND s.due_at > $4
               ORDER BY s.due_at, s.id LIMIT $5 FOR UPDATE) n
         WHERE e.tenant_id = n.tenant_id AND e.id = n.id",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<SqlUuid, _>(id)
    .bind::<SqlUuid, _>(step)
    .bind::<Timestamptz, _>(now)
    .bind::<BigInt, _>(chunk)
    .execute(tx)
    .await?)
}

/// People inside.
pub(super) async fn active(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
) -> Result<i64> {
    Ok(sequence_enrolment::table
        .filter(
            sequence_enrolment::tenant_id
                .eq(tenant)
                .and(sequence_enrolment::sequence_id.eq(id))
                .and(sequence_enrolment::state.eq("active")),
        )
        .count()
        .get_result(tx)
        .await?)
}

pub(super) async fn active_of_all(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
) -> Result<BTreeMap<SequenceId, i64>> {
    let rows: Vec<(SequenceId, i64)> = sequence_enrolment::table
        .filter(
            sequence_enrolment::tenant_id
                .eq(tenant)
                .and(sequence_enrolment::state.eq("active")),
        )
        .group_by(sequence_enrolment::sequence_id)
        .select((
            sequence_enrolment::sequence_id,
            diesel::dsl::count(sequence_enrolment::id),
        ))
        .load(tx)
        .await?;
    Ok(rows.into_iter().collect())
}
