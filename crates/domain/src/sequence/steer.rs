//! Letting a sequence run, holding it, letting it end, stopping it.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{Entry, Row, Sequence, State, load, queries, steps, stream};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::campaign::complaints;
use crate::campaign::confirmation;
use crate::campaign::control::epoch;
use crate::campaign::fence::RESTORED;
use crate::campaign::preflight;
use crate::campaign::state::State as CampaignState;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{SequenceId, TenantId};
use crate::mail::render::Installation;
use crate::schema::sequence_enrolment;

/// What is done to a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Activate,
    Pause,
    Finish,
    Stop,
}

impl Step {
    fn after(self, from: State) -> Result<State> {
        use {State as S, Step as T};
        match (from, self) {
            (S::Draft | S::Paused | S::Finished, T::Activate) => Ok(S::Active),
            (S::Active, T::Pause) => Ok(S::Paused),
            (S::Active, T::Finish) => Ok(S::Finished),
            (S::Active | S::Paused | S::Finished, T::Stop) => Ok(S::Stopped),
            (_, T::Activate) => Err(refusal(from, "activated")),
            (_, T::Pause) => Err(refusal(from, "paused")),
            (_, T::Finish) => Err(refusal(from, "finished")),
            (_, T::Stop) => Err(refusal(from, "stopped")),
        }
    }

    fn action(self) -> &'static str {
        match self {
            Self::Activate => "sequence.activated",
            Self::Pause => "sequence.paused",
            Self::Finish => "sequence.finished",
            Self::Stop => "sequence.stopped",
        }
    }
}

pub(super) fn refusal(state: State, what: &str) -> DomainError {
    DomainError::conflict(
        "wrong_state",
        format!("a sequence that is {} cannot be {what}", state.as_str()),
    )
}

/// Lets people come in and move on, at first or again.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`], [`DomainError::NotFound`], [`DomainError::Conflict`] in another state, without a step, or
/// when the mail of a step is not ready to go out (`not_ready`).
pub async fn activate(
    db: &Db,
    actor: &Actor,
    installation: &Installation,
    id: SequenceId,
) -> Result<Sequence> {
    step(db, actor, id, Step::Activate, Some(installation)).await
}

/// Holds everybody where they are. What mailers have in their hands goes out,
/// no more.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Conflict`] in another state.
pub async fn pause(db: &Db, actor: &Actor, id: SequenceId) -> Result<Sequence> {
    step(db, actor, id, Step::Pause, None).await
}

/// Lets nobody in any more; those inside go on to their end.
///
/// # Errors
/// As [`pause`].
pub async fn finish(db: &Db, actor: &Actor, id: SequenceId) -> Result<Sequence> {
    step(db, actor, id, Step::Finish, None).await
}

/// Ends a sequence for good: everybody is out, and what waits is not sent.
///
/// # Errors
/// As [`pause`].
pub async fn stop(db: &Db, actor: &Actor, id: SequenceId) -> Result<Sequence> {
    step(db, actor, id, Step::Stop, None).await
}

async fn step(
    db: &Db,
    actor: &Actor,
    id: SequenceId,
    step: Step,
    installation: Option<&Installation>,
) -> Result<Sequence> {
    actor.require(Permission::CampaignsSend)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let before = queries::lock(tx, tenant, id).await?;
        let after = step.after(before.state)?;
        if step == Step::Activate && matches!(before.entry(), Entry::Date { .. }) {
            confirmation::require_step_up_by_dates(tx, actor).await?;
        }
        if let Some(installation) = installation {
            ready(tx, tenant, installation, id, now).await?;
        }
        queries::set_state(tx, tenant, id, after, None, now).await?;
        if step == Step::Activate && complaints::is_reason(before.state_reason.as_deref()) {
            complaints::seen(tx, tenant).await?;
        }
        match step {
            Step::Activate => begin(tx, tenant, &before, now).await?,
            Step::Pause => hold(tx, tenant, id, now).await?,
            Step::Finish => queries::wake(tx, tenant, id, now).await?,
            Step::Stop => end(tx, tenant, id, now).await?,
        }
        let found = load(tx, tenant, id).await?;
        super::record(tx, actor, step.action(), id, &found.rule).await?;
        Ok(found)
    })
    .await
}

async fn ready(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    installation: &Installation,
    id: SequenceId,
    now: DateTime<Utc>,
) -> Result<()> {
    let steps = steps::load(tx, tenant, id).await?;
    if steps.is_empty() {
        return Err(DomainError::conflict(
            "not_ready",
            "it has no step: add one first",
        ));
    }
    for (number, step) in (1..).zip(&steps) {
        let mail = step.mail_id;
        if let Err(blocks) = preflight::ready_mail(tx, tenant, installation, mail, now).await? {
            return Err(DomainError::conflict(
                "not_ready",
                format!("step {number}: pre-flight blocks: {blocks}"),
            ));
        }
    }
    Ok(())
}

/// The days of a date field that passed while it was held are not made up for.
async fn begin(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    before: &Row,
    now: DateTime<Utc>,
) -> Result<()> {
    let epoch = epoch(tx).await?;
    queries::set_epoch(tx, tenant, before.id, epoch).await?;
    if matches!(before.entry(), Entry::Date { .. }) {
        let today = now.with_timezone(&before.zone()).date_naive();
        let next = before.enrol_day.map_or(today, |day| day.max(today));
        queries::set_enrol_day(tx, tenant, before.id, Some(next)).await?;
    }
    queries::queue(tx, tenant, before.id, now).await?;
    stream::set_all(tx, tenant, before.id, CampaignState::Sending, now).await
}

async fn hold(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    now: DateTime<Utc>,
) -> Result<()> {
    queries::unqueue(tx, tenant, id).await?;
    stream::set_all(tx, tenant, id, CampaignState::Paused, now).await
}

async fn end(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    now: DateTime<Utc>,
) -> Result<()> {
    queries::unqueue(tx, tenant, id).await?;
    diesel::update(
        sequence_enrolment::table.filter(
            sequence_enrolment::tenant_id
                .eq(tenant)
                .and(sequence_enrolment::sequence_id.eq(id))
                .and(sequence_enrolment::state.eq("active")),
        ),
    )
    .set((
        sequence_enrolment::state.eq("left"),
        sequence_enrolment::reason.eq("stopped"),
        sequence_enrolment::due_at.eq(None::<DateTime<Utc>>),
        sequence_enrolment::ended_at.eq(now),
    ))
    .execute(tx)
    .await?;
    stream::set_all(tx, tenant, id, CampaignState::Stopped, now).await
}

/// Holds a sequence that ran before the database was restored: who got what
/// since the backup is not in it. A person looks, and lets it go on or stops it.
pub(super) async fn hold_restored(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    now: DateTime<Utc>,
) -> Result<()> {
    pause_for(tx, tenant, id, RESTORED, now).await
}

/// Holds a sequence whose mails can't go out, unless a person did meanwhile.
pub(crate) async fn hold_back(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let before = queries::lock(tx, tenant, id).await?;
    if matches!(before.state, State::Active | State::Finished) {
        pause_for(tx, tenant, id, reason, now).await?;
    }
    Ok(())
}

/// Holds all that run, by the service itself; answers how many.
pub(crate) async fn hold_active(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<usize> {
    let active = queries::lock_active(tx, tenant).await?;
    for id in &active {
        pause_for(tx, tenant, *id, reason, now).await?;
    }
    Ok(active.len())
}

/// By the service itself; the reason is shown to whoever lets it go on.
async fn pause_for(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SequenceId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    queries::set_state(tx, tenant, id, State::Paused, Some(reason), now).await?;
    hold(tx, tenant, id, now).await?;
    let entry = audit::Entry {
        action: "sequence.held",
        subject_kind: "sequence",
        subject_id: Some(id.0),
        after: Some(serde_json::json!({ "reason": reason })),
        ..audit::Entry::default()
    };
    audit::record(tx, &Actor::system(tenant), entry).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_leads_from_its_states_to_one_state_and_is_refused_elsewhere() {
        use {State as S, Step as T};
        let table: [(Step, State, &[State]); 4] = [
            (T::Activate, S::Active, &[S::Draft, S::Paused, S::Finished]),
            (T::Pause, S::Paused, &[S::Active]),
            (T::Finish, S::Finished, &[S::Active]),
            (T::Stop, S::Stopped, &[S::Active, S::Paused, S::Finished]),
        ];
        for (step, to, from) in table {
            for state in State::ALL {
                let expected = from.contains(state).then_some(to);
                assert_eq!(step.after(*state).ok(), expected, "{state:?} {step:?}");
            }
        }
    }
}
