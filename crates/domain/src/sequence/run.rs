//! Moving people on. A mailer does it in its schedule: each look at a sequence
//! is one transaction that holds the sequence's row, so that mailers take
//! turns, and does one chunk of the first thing that is to be done: let people
//! in, give them a place, or let those who are due at one step go. Their
//! deliveries and their next place are written together: whatever dies in
//! between, nobody is sent a step twice and nobody is forgotten.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::enrol::intake;
use super::plan::{self, Decision, Place};
use super::row::{Row, StepRow};
use super::{Entry, State, queries, steer, steps, stream};
use crate::campaign::control::epoch;
use crate::campaign::frequency::Cap;
use crate::campaign::hours::Choice;
use crate::campaign::preflight;
use crate::date_mail::day::begins;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, SequenceId, SequenceStepId, TenantId};
use crate::mail::render::Installation;
use crate::schema::send_queue;

mod judge;
mod write;

use self::judge::Due;
use self::write::{Moved, Outcome};

/// People of a transaction.
const CHUNK: i64 = 1_000;
/// Sequences that are looked at in one go; each gets one chunk.
const AT_ONCE: i64 = 50;
/// A sequence is looked at so often without being called: a call may be missed.
const SAFETY: TimeDelta = TimeDelta::minutes(1);

/// One chunk of each sequence that has something to do; answers whether there
/// is more. For the mailer's schedule.
///
/// # Errors
/// When the database does.
pub async fn run_once(db: &Db, installation: &Installation) -> Result<bool> {
    let now = db.now();
    let due: Vec<(TenantId, CampaignId)> = db
        .system(async |tx| {
            Ok(send_queue::table
                .filter(
                    send_queue::state
                        .eq(queries::QUEUED)
                        .and(send_queue::due_at.le(now)),
                )
                .order(send_queue::due_at)
                .select((send_queue::tenant_id, send_queue::campaign_id))
                .limit(AT_ONCE)
                .load(tx)
                .await?)
        })
        .await?;
    let mut more = i64::try_from(due.len()) == Ok(AT_ONCE);
    for (tenant, id) in due {
        match look(db, installation, tenant, SequenceId(id.0)).await {
            Ok(has_more) => more |= has_more,
            Err(error @ DomainError::Unavailable { .. }) => return Err(error),
            // One that can't be read must not hold up everybody else's.
            Err(error) => {
                tracing::error!(name: "sequence.not_moved", sequence = %id, ?error, "looked at again");
                put_off(db, tenant, id).await?;
            }
        }
    }
    Ok(more)
}

async fn put_off(db: &Db, tenant: TenantId, id: CampaignId) -> Result<()> {
    let later = db.now() + SAFETY;
    db.system(async |tx| {
        diesel::update(send_queue::table.find((tenant, id)))
            .set(send_queue::due_at.eq(later))
            .execute(tx)
            .await?;
        Ok(())
    })
    .await
}

async fn look(
    db: &Db,
    installation: &Installation,
    tenant: TenantId,
    id: SequenceId,
) -> Result<bool> {
    let now = db.now();
    db.tenant(tenant, async |tx| {
        let Some(row) = queries::try_lock(tx, tenant, id).await? else {
            return Ok(false);
        };
        if !matches!(row.state, State::Active | State::Finished) {
            queries::unqueue(tx, tenant, id).await?;
            return Ok(false);
        }
        if row.epoch != Some(epoch(tx).await?) {
            steer::hold_restored(tx, tenant, id, now).await?;
            return Ok(false);
        }
        let look = Look {
            tenant,
            steps: steps::load(tx, tenant, id).await?,
            row,
            now,
        };
        look.run(tx, installation).await
    })
    .await
}

/// One look at a sequence.
struct Look {
    tenant: TenantId,
    row: Row,
    steps: Vec<StepRow>,
    now: DateTime<Utc>,
}

impl Look {
    async fn run(&self, tx: &mut AsyncPgConnection, installation: &Installation) -> Result<bool> {
        if steps::look_again_chunk(tx, self.tenant, self.row.id, CHUNK, self.now).await?
            || self.take_in(tx).await?
            || self.place(tx).await?
        {
            return Ok(true);
        }
        let mut blocked = None;
        if !self.is_night(tx).await? {
            for step in judge::due_steps(tx, self.tenant, self.row.id, self.now).await? {
                match self.go(tx, installation, step).await? {
                    Gone::People(0) => {}
                    Gone::People(_) => return Ok(true),
                    Gone::Blocked(reason) => blocked = Some(reason),
                }
            }
        }
        if self.row.state_reason != blocked {
            let reason = blocked.as_deref();
            queries::set_reason(tx, self.tenant, self.row.id, reason).await?;
        }
        self.sleep(tx).await?;
        Ok(false)
    }

    /// Lets people in: those of the next day of the date field, then a chunk
    /// of what waits to come in.
    async fn take_in(&self, tx: &mut AsyncPgConnection) -> Result<bool> {
        if self.row.state != State::Active {
            return Ok(false);
        }
        if let (Entry::Date { .. }, Some(day)) = (self.row.entry(), self.row.enrol_day)
            && begins(day, chrono::NaiveTime::MIN, self.row.zone()) <= self.now
        {
            intake::of_day(tx, self.tenant, &self.row, day, self.now).await?;
            let next = day.succ_opt().unwrap_or(day);
            queries::set_enrol_day(tx, self.tenant, self.row.id, Some(next)).await?;
        }
        intake::chunk(tx, self.tenant, &self.row, CHUNK, self.now).await
    }

    fn places(&self) -> Vec<Place> {
        self.steps.iter().map(StepRow::place).collect()
    }

    /// Gives those a place who have none.
    async fn place(&self, tx: &mut AsyncPgConnection) -> Result<bool> {
        let people = judge::without_place(tx, self.tenant, self.row.id, self.now, CHUNK).await?;
        let (places, zone) = (self.places(), self.row.zone());
        let moved: Vec<Moved> = people
            .iter()
            .map(|person| {
                let next = plan::place(&places, &person.passed);
                let outcome = next.map_or(Outcome::Done, |next| {
                    Outcome::Stands(next.id, next.delay.due(person.base_at, zone))
                });
                Moved::stays(person.id, outcome)
            })
            .collect();
        write::people(tx, self.tenant, None, &moved, self.now).await?;
        Ok(!people.is_empty())
    }

    /// Lets a chunk of those who are due at a step go.
    async fn go(
        &self,
        tx: &mut AsyncPgConnection,
        installation: &Installation,
        id: SequenceStepId,
    ) -> Result<Gone> {
        let Some(step) = self.steps.iter().find(|step| step.id == id) else {
            return Ok(Gone::People(0));
        };
        let (tenant, now) = (self.tenant, self.now);
        let outgoing =
            match preflight::ready_mail(tx, tenant, installation, step.mail_id, now).await? {
                Ok(outgoing) => outgoing,
                Err(blocks) => {
                    let number = self.steps.iter().position(|step| step.id == id);
                    let number = number.map_or(0, |index| index + 1);
                    return Ok(Gone::Blocked(format!(
                        "step {number}: pre-flight blocks: {blocks}"
                    )));
                }
            };
        let cap = if self.row.cap_exempt {
            None
        } else {
            Cap::take_turn(tx, tenant, now).await?
        };
        let condition = step.condition()?;
        // The stream before the people: campaigns are locked first (delivery::queue).
        let stream = stream::open(tx, tenant, &self.row, step, &outgoing, now).await?;
        let people = judge::due(tx, tenant, &self.row, step, &condition, cap, now, CHUNK).await?;
        let moved: Vec<Moved> = people
            .iter()
            .map(|person| self.decide(person, step, condition.reaction))
            .collect();
        write::deliveries(tx, tenant, &stream, &people, &moved, now).await?;
        write::people(tx, tenant, Some((step.id, &stream)), &moved, now).await?;
        Ok(Gone::People(people.len()))
    }

    fn decide(&self, person: &Due, step: &StepRow, reaction: Option<plan::Reaction>) -> Moved {
        let (zone, now) = (self.row.zone(), self.now);
        let onward = || {
            let next = plan::after(&self.places(), step.id, &person.passed).cloned();
            next.map_or(Outcome::Done, |next| {
                Outcome::Stands(next.id, next.delay.due(now, zone))
            })
        };
        match plan::decide(&person.standing(), step.delay(), reaction, zone, now) {
            Decision::Send => Moved::sent(person.id, onward()),
            Decision::PassOver => Moved::passed_over(person.id, onward()),
            Decision::Leave(reason) => Moved::left(person.id, reason),
            Decision::Wait(until) => Moved::stays(person.id, Outcome::Stands(step.id, until)),
        }
    }

    /// Whether it is no hour at which the tenant's campaigns go out: who is due
    /// stays where they are until the morning, so that delays count from then.
    async fn is_night(&self, tx: &mut AsyncPgConnection) -> Result<bool> {
        let tenant = crate::tenant::find(tx, self.tenant).await?;
        let hours = Choice::Tenant.resolve("", tenant.hours(), &tenant.time_zone);
        Ok(hours.is_some_and(|hours| hours.opens(self.now).is_some()))
    }

    /// When to look again. Who joins a list at this moment may hold the row:
    /// then it stays due, and is looked at at once.
    async fn sleep(&self, tx: &mut AsyncPgConnection) -> Result<()> {
        let next = judge::next_due(tx, self.tenant, self.row.id, self.now).await?;
        let latest = self.now + SAFETY;
        let until = next.map_or(latest, |next| next.min(latest));
        write::sleep(tx, self.tenant, self.row.id, until).await
    }
}

/// What became of those who are due at a step.
enum Gone {
    People(usize),
    /// Its mail is not ready to go out: they wait.
    Blocked(String),
}
