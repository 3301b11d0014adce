//! Sequences (step mail): mails that each person gets one after the other,
//! from a start of their own.
//!
//! A person stands at a step, which is due at a time (`sequence_enrolment`).
//! A mailer moves those who are due (`run`): their mail becomes a delivery
//! under a hidden campaign of the step (`stream`), and they stand at the next
//! step, in one transaction. From there on it is a delivery like every other.
//!
//! What an edit does to those inside stands in docs/decisions/0029.

mod check;
pub mod enrol;
mod people;
pub mod plan;
mod queries;
pub mod results;
mod row;
pub mod run;
pub mod steer;
mod steps;
mod stream;

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use serde_json::json;

use self::plan::{Condition, Delay, Unit};
use self::row::{Row, StepRow};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::campaign::confirmation;
use crate::date_mail::day::Repeat;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{ListId, MailId, SequenceId, SequenceStepId, TenantId};
use crate::text_enum::text_enum;

pub use self::people::{Enrolment, EnrolmentState, People, Source, list as list_people};
pub(crate) use self::queries::goes_by_field;

/// Sequences of a tenant.
pub const MAX: usize = 200;
/// Steps of a sequence.
pub const MAX_STEPS: usize = 50;

text_enum! {
    /// Where a sequence stands.
    pub enum State {
        /// Being written.
        Draft = "draft",
        Active = "active",
        /// Nobody moves on, nothing goes out.
        Paused = "paused",
        /// Nobody comes in; those inside go on to their end.
        Finished = "finished",
        /// Over: what waits is not sent.
        Stopped = "stopped",
    }
}

text_enum! {
    /// Who comes in without being put in.
    pub enum EntryKind {
        Manual = "manual",
        List = "list",
        Date = "date",
    }
}

/// Who comes in without being put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Nobody.
    Manual,
    /// Who joins the list; `None` once it was deleted.
    List(Option<ListId>),
    /// Who has a date: `offset_days` after it, on the beginning of that day.
    Date {
        field: String,
        offset_days: i16,
        repeat: Repeat,
    },
}

impl Entry {
    #[must_use]
    pub fn kind(&self) -> EntryKind {
        match self {
            Self::Manual => EntryKind::Manual,
            Self::List(_) => EntryKind::List,
            Self::Date { .. } => EntryKind::Date,
        }
    }
}

/// A mail of a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRule {
    /// `None`: a new one.
    pub id: Option<SequenceStepId>,
    pub mail_id: MailId,
    pub delay: Delay,
    pub condition: Condition,
}

/// What goes out to whom, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub name: String,
    /// IANA name.
    pub time_zone: String,
    pub entry: Entry,
    /// Who leaves the list of the entry leaves the sequence.
    pub leave_with_list: bool,
    /// Whether somebody who is through may begin again.
    pub reenter: bool,
    /// Neither heeds the frequency cap nor counts for it.
    pub cap_exempt: bool,
    pub steps: Vec<StepRule>,
}

impl Rule {
    fn zone(&self) -> chrono_tz::Tz {
        self.time_zone.parse().unwrap_or(chrono_tz::Asia::Tokyo)
    }
}

/// A sequence.
#[derive(Debug, Clone)]
pub struct Sequence {
    pub id: SequenceId,
    /// Its steps all have an id.
    pub rule: Rule,
    pub state: State,
    /// Why the service paused it, or what holds a step up.
    pub state_reason: Option<String>,
    /// People inside.
    pub active: i64,
    pub version: i32,
    pub created_at: DateTime<Utc>,
}

/// All sequences, the newest first.
///
/// # Errors
/// [`DomainError::Forbidden`].
pub async fn list(db: &Db, actor: &Actor) -> Result<Vec<Sequence>> {
    actor.require(Permission::CampaignsRead)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        let rows = queries::list(tx, tenant).await?;
        let mut steps = steps::of_all(tx, tenant).await?;
        let active = steps::active_of_all(tx, tenant).await?;
        rows.into_iter()
            .map(|row| {
                let id = row.id;
                let steps = steps.remove(&id).unwrap_or_default();
                row.with(&steps, active.get(&id).copied().unwrap_or(0))
            })
            .collect()
    })
    .await
}

async fn load(tx: &mut AsyncPgConnection, tenant: TenantId, id: SequenceId) -> Result<Sequence> {
    let row = queries::find(tx, tenant, id).await?;
    let steps = steps::load(tx, tenant, id).await?;
    let active = steps::active(tx, tenant, id).await?;
    row.with(&steps, active)
}

/// One sequence.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: SequenceId) -> Result<Sequence> {
    actor.require(Permission::CampaignsRead)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| load(tx, tenant, id).await)
        .await
}

/// Makes a sequence, as a draft.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`], [`DomainError::Conflict`] for the 201st.
pub async fn create(db: &Db, actor: &Actor, rule: Rule) -> Result<Sequence> {
    actor.require(Permission::CampaignsWrite)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        check::rule(tx, tenant, &rule, &[]).await?;
        if queries::list(tx, tenant).await?.len() >= MAX {
            return Err(DomainError::conflict(
                "too_many",
                format!("there are {MAX} sequences already"),
            ));
        }
        let id = SequenceId::new();
        queries::insert(tx, tenant, id, &rule, actor.user_id, now).await?;
        steps::write(tx, tenant, id, &rule.steps).await?;
        let told = Some(json!({ "name": rule.name, "steps": rule.steps.len() }));
        audit::change(
            tx,
            actor,
            "sequence.created",
            ("sequence", id.0),
            None,
            told,
        )
        .await?;
        load(tx, tenant, id).await
    })
    .await
}

/// Changes a sequence of version `version`. What it does to those inside is
/// the matter of docs/decisions/0029.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`], [`DomainError::NotFound`], [`DomainError::Invalid`],
/// [`DomainError::Stale`], [`DomainError::Conflict`] for a stopped one.
pub async fn update(
    db: &Db,
    actor: &Actor,
    id: SequenceId,
    version: i32,
    rule: Rule,
) -> Result<Sequence> {
    actor.require(Permission::CampaignsWrite)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let before = queries::lock(tx, tenant, id).await?;
        if before.version != version {
            return Err(DomainError::Stale);
        }
        match before.state {
            State::Draft => {}
            State::Stopped => return Err(steer::refusal(State::Stopped, "changed")),
            // What one that has people inside says goes out without another question.
            _ => actor.require(Permission::CampaignsSend)?,
        }
        if before.state == State::Active && lets_others_in(&before, &rule) {
            confirmation::require_step_up_by_dates(tx, actor).await?;
        }
        let steps = steps::load(tx, tenant, id).await?;
        check::rule(tx, tenant, &rule, &steps).await?;
        if rule.steps.is_empty() && before.state != State::Draft {
            return Err(DomainError::invalid(
                "/steps",
                "required",
                "a sequence that is not a draft keeps a step",
            ));
        }
        queries::update(tx, tenant, id, version, &rule, now).await?;
        let kept: Vec<SequenceStepId> = rule.steps.iter().filter_map(|step| step.id).collect();
        steps::remove(tx, tenant, id, &kept, now).await?;
        steps::write(tx, tenant, id, &rule.steps).await?;
        steps::look_again(tx, tenant, &moved(&before, &steps, &rule)).await?;
        if before.state == State::Active && before.entry() != rule.entry {
            let today = now.with_timezone(&rule.zone()).date_naive();
            queries::set_enrol_day(tx, tenant, id, Some(today)).await?;
        }
        queries::wake(tx, tenant, id, now).await?;
        record(tx, actor, "sequence.updated", id, &rule).await?;
        load(tx, tenant, id).await
    })
    .await
}

/// Whether other people come in by their dates than before.
fn lets_others_in(before: &Row, rule: &Rule) -> bool {
    let is_by_dates = matches!(rule.entry, Entry::Date { .. });
    is_by_dates && (before.entry() != rule.entry || (rule.reenter && !before.reenter))
}

/// Steps whose time is another one now: those who stand there are looked at anew.
fn moved(before: &Row, steps: &[StepRow], rule: &Rule) -> Vec<SequenceStepId> {
    let is_another_zone = before.time_zone != rule.time_zone;
    let is_same = |step: &StepRow| {
        let after = rule.steps.iter().find(|rule| rule.id == Some(step.id));
        after.is_none_or(|after| {
            after.delay == step.delay() && !(is_another_zone && step.unit == Unit::Days)
        })
    };
    let moved = steps.iter().filter(|step| !is_same(step));
    moved.map(|step| step.id).collect()
}

/// Deletes a sequence of version `version` that does not run. What it sent stays.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Stale`], [`DomainError::Conflict`] while somebody
/// is inside or may come in.
pub async fn delete(db: &Db, actor: &Actor, id: SequenceId, version: i32) -> Result<()> {
    actor.require(Permission::CampaignsWrite)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        let before = queries::lock(tx, tenant, id).await?;
        if before.version != version {
            return Err(DomainError::Stale);
        }
        let found = load(tx, tenant, id).await?;
        let is_over = matches!(before.state, State::Draft | State::Stopped)
            || (before.state == State::Finished && found.active == 0);
        if !is_over {
            return Err(steer::refusal(before.state, "deleted: stop it first"));
        }
        queries::delete(tx, tenant, id).await?;
        record(tx, actor, "sequence.deleted", id, &found.rule).await
    })
    .await
}

async fn record(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    action: &'static str,
    id: SequenceId,
    rule: &Rule,
) -> Result<()> {
    let steps: Vec<_> = rule
        .steps
        .iter()
        .map(|step| {
            json!({ "mail_id": step.mail_id, "delay": step.delay.value, "unit": step.delay.unit, "at": step.delay.at,
                    "condition": step.condition })
        })
        .collect();
    let entry = audit::Entry {
        action,
        subject_kind: "sequence",
        subject_id: Some(id.0),
        after: Some(
            json!({ "name": rule.name, "entry": rule.entry.kind(), "time_zone": rule.time_zone, "steps": steps }),
        ),
        ..audit::Entry::default()
    };
    audit::record(tx, actor, entry).await
}
