//! SQL of a sequence's steps, and of who stands at them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
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

/// Removes the steps that are not kept; who stands at one is given a place anew.
pub(super) async fn remove(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    kept: &[SequenceStepId],
    now: DateTime<Utc>,
) -> Result<()> {
    let removed: Vec<SequenceStepId> = diesel::update(
        sequence_step::table.filter(
            sequence_step::tenant_id
                .eq(tenant)
                .and(sequence_step::sequence_id.eq(id))
                .and(sequence_step::removed_at.is_null())
                .and(sequence_step::id.ne_all(kept)),
        ),
    )
    .set(sequence_step::removed_at.eq(now))
    .returning(sequence_step::id)
    .get_results(tx)
    .await?;
    diesel::update(
        sequence_enrolment::table.filter(
            sequence_enrolment::tenant_id
                .eq(tenant)
                .and(sequence_enrolment::sequence_id.eq(id))
                .and(sequence_enrolment::state.eq("active"))
                .and(sequence_enrolment::step_id.eq_any(removed)),
        ),
    )
    .set((
        sequence_enrolment::step_id.eq(None::<SequenceStepId>),
        sequence_enrolment::due_at.eq(now),
    ))
    .execute(tx)
    .await?;
    Ok(())
}

/// Has those who stand at these steps looked at now: the look gives them their
/// new time.
pub(super) async fn look_again(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    steps: &[SequenceStepId],
    now: DateTime<Utc>,
) -> Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    diesel::update(
        sequence_enrolment::table.filter(
            sequence_enrolment::tenant_id
                .eq(tenant)
                .and(sequence_enrolment::sequence_id.eq(id))
                .and(sequence_enrolment::state.eq("active"))
                .and(sequence_enrolment::step_id.eq_any(steps)),
        ),
    )
    .set(sequence_enrolment::due_at.eq(now))
    .execute(tx)
    .await?;
    Ok(())
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
