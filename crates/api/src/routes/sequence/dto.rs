//! What the routes of sequences take and answer.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use domain::DomainError;
use domain::ids::{ListId, MailId, SequenceStepId};
use domain::sequence::enrol::intake;
use domain::sequence::plan::{self, Delay};
use domain::sequence::{self, StepRule, results};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::entry::SequenceEntry;
use crate::routes::campaign::dto::{Audience, Counts};
use crate::words::{
    EnrolmentSource, EnrolmentState, SequenceReaction, SequenceState, SequenceUnit,
};

/// Who gets a step; nothing said: everybody. Who does not fit goes on to the next step.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SequenceCondition {
    /// What the person did with the last mail of this sequence.
    #[schema(value_type = Option<SequenceReaction>)]
    pub reaction: Option<plan::Reaction>,
    /// Subscribed to one of these.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub list_ids: Vec<Uuid>,
    /// Subscribed to none of these.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub exclude_list_ids: Vec<Uuid>,
}

/// A mail of a sequence.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SequenceStep {
    /// Of a step that is there already; a new one has none. People stand at steps by this id.
    pub id: Option<Uuid>,
    pub mail_id: Uuid,
    /// After the step before went out, or after the person's start. At most a year.
    #[schema(example = 3, minimum = 0, maximum = 525600)]
    pub delay: i32,
    #[schema(value_type = SequenceUnit)]
    pub unit: plan::Unit,
    /// Of days: the time of day. Null: that of the step before.
    #[schema(example = "09:00", pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub at: Option<String>,
    #[serde(default)]
    pub condition: SequenceCondition,
}

/// Mails that each person gets one after the other.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sequence {
    pub id: Uuid,
    pub name: String,
    pub time_zone: String,
    pub entry: SequenceEntry,
    pub leave_with_list: bool,
    pub reenter: bool,
    pub cap_exempt: bool,
    pub steps: Vec<SequenceStep>,
    #[schema(value_type = SequenceState)]
    pub state: sequence::State,
    /// Why the service paused it (`restored`, `no_route`, `not_composable`), or what holds a step up.
    pub state_reason: Option<String>,
    /// People inside.
    pub active: i64,
    pub version: i32,
    pub created_at: DateTime<Utc>,
}

/// What goes out to whom, and when.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SequenceRule {
    #[schema(example = "新規会員へのご案内", min_length = 1, max_length = 200)]
    pub name: String,
    /// IANA zone of days and times.
    #[schema(example = "Asia/Tokyo", max_length = 64)]
    pub time_zone: String,
    pub entry: SequenceEntry,
    /// Who leaves the list of the entry leaves the sequence.
    #[serde(default)]
    pub leave_with_list: bool,
    /// Whether somebody who is through may begin again.
    #[serde(default)]
    pub reenter: bool,
    /// Whether its mails neither heed the frequency cap nor count for it.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub cap_exempt: bool,
    #[schema(max_items = 50)]
    pub steps: Vec<SequenceStep>,
}

fn yes() -> bool {
    true
}

/// Contacts to be put in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SequencePeopleCreate {
    #[schema(min_items = 1, max_items = 1000)]
    pub contact_ids: Vec<Uuid>,
}

/// How many came in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SequencePeopleEntered {
    pub entered: i64,
    /// Not active, on the block-list, inside already, or through once where that is enough.
    pub left_out: i64,
}

/// A person's way through a sequence.
#[derive(Debug, Serialize, ToSchema)]
pub struct SequencePerson {
    pub id: Uuid,
    pub contact_id: Uuid,
    pub name: String,
    pub email: String,
    #[schema(value_type = EnrolmentState)]
    pub state: sequence::EnrolmentState,
    /// Why the person left: a stable code (`removed`, `stopped`, `left_list`, `suppressed`, or a contact's status).
    pub reason: Option<String>,
    #[schema(value_type = EnrolmentSource)]
    pub source: sequence::Source,
    pub starts_at: DateTime<Utc>,
    /// The step that comes next, or before which the person left.
    pub step_id: Option<Uuid>,
    pub due_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// An audience to be counted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SequenceIntakeCount {
    pub audience: Audience,
}

/// How many would come in now.
#[derive(Debug, Serialize, ToSchema)]
pub struct SequenceIntakePeople {
    #[schema(minimum = 0, example = 1200)]
    pub people: i64,
}

/// An audience to be let in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SequenceIntakeCreate {
    pub audience: Audience,
    /// The number that `count_sequence_intake` answered and somebody said yes to.
    #[schema(minimum = 0, example = 1200)]
    pub confirmed_people: i64,
}

/// An audience on its way in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SequenceIntake {
    pub id: Uuid,
    pub audience: Audience,
    /// Of a date field: the day whose people these are.
    pub on_day: Option<NaiveDate>,
    pub entered: i64,
    pub left_out: i64,
    /// When all were in; null while it goes on.
    pub done_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// Why people left, and how many.
#[derive(Debug, Serialize, ToSchema)]
pub struct SequenceLeft {
    pub reason: String,
    pub count: i64,
}

/// Figures of a step.
#[derive(Debug, Serialize, ToSchema)]
pub struct SequenceStepResult {
    pub step_id: Uuid,
    pub mail_id: Uuid,
    /// No step any more; its figures stay.
    pub removed: bool,
    /// People to whom it comes next.
    pub waiting: i64,
    pub counts: Counts,
    /// The campaign under which its last mails stand, for its report and its deliveries: one for each month and version of the mail.
    pub campaign_id: Option<Uuid>,
}

/// Figures of a sequence.
#[derive(Debug, Serialize, ToSchema)]
pub struct SequenceResults {
    pub active: i64,
    pub done: i64,
    pub left: i64,
    pub reasons: Vec<SequenceLeft>,
    pub steps: Vec<SequenceStepResult>,
}

fn step_rule((index, step): (usize, SequenceStep)) -> Result<StepRule, DomainError> {
    let time = |text: &String| {
        let time = (text.len() == 5).then(|| NaiveTime::parse_from_str(text, "%H:%M").ok());
        time.flatten().ok_or_else(|| {
            let detail = "must be a time of day, for example 09:00";
            DomainError::invalid(format!("/steps/{index}/at"), "malformed", detail)
        })
    };
    let lists = |ids: Vec<Uuid>| ids.into_iter().map(ListId).collect();
    Ok(StepRule {
        id: step.id.map(SequenceStepId),
        mail_id: MailId(step.mail_id),
        delay: Delay {
            value: step.delay,
            unit: step.unit,
            at: step.at.as_ref().map(time).transpose()?,
        },
        condition: plan::Condition {
            reaction: step.condition.reaction,
            list_ids: lists(step.condition.list_ids),
            exclude_list_ids: lists(step.condition.exclude_list_ids),
        },
    })
}

impl TryFrom<SequenceRule> for sequence::Rule {
    type Error = DomainError;

    fn try_from(rule: SequenceRule) -> Result<Self, DomainError> {
        Ok(Self {
            name: rule.name,
            time_zone: rule.time_zone,
            entry: rule.entry.try_into()?,
            leave_with_list: rule.leave_with_list,
            reenter: rule.reenter,
            cap_exempt: rule.cap_exempt,
            steps: rule
                .steps
                .into_iter()
                .enumerate()
                .map(step_rule)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl From<StepRule> for SequenceStep {
    fn from(step: StepRule) -> Self {
        let lists = |ids: Vec<ListId>| ids.into_iter().map(|id| id.0).collect();
        Self {
            id: step.id.map(|id| id.0),
            mail_id: step.mail_id.0,
            delay: step.delay.value,
            unit: step.delay.unit,
            at: step.delay.at.map(|at| at.format("%H:%M").to_string()),
            condition: SequenceCondition {
                reaction: step.condition.reaction,
                list_ids: lists(step.condition.list_ids),
                exclude_list_ids: lists(step.condition.exclude_list_ids),
            },
        }
    }
}

impl From<sequence::Sequence> for Sequence {
    fn from(found: sequence::Sequence) -> Self {
        let rule = found.rule;
        Self {
            id: found.id.0,
            name: rule.name,
            time_zone: rule.time_zone,
            entry: rule.entry.into(),
            leave_with_list: rule.leave_with_list,
            reenter: rule.reenter,
            cap_exempt: rule.cap_exempt,
            steps: rule.steps.into_iter().map(SequenceStep::from).collect(),
            state: found.state,
            state_reason: found.state_reason,
            active: found.active,
            version: found.version,
            created_at: found.created_at,
        }
    }
}

impl From<sequence::Enrolment> for SequencePerson {
    fn from(row: sequence::Enrolment) -> Self {
        Self {
            id: row.id.0,
            contact_id: row.contact_id.0,
            name: row.name,
            email: row.email,
            state: row.state,
            reason: row.reason,
            source: row.source,
            starts_at: row.starts_at,
            step_id: row.step_id.map(|id| id.0),
            due_at: row.due_at,
            ended_at: row.ended_at,
        }
    }
}

impl TryFrom<intake::Intake> for SequenceIntake {
    type Error = DomainError;

    fn try_from(row: intake::Intake) -> Result<Self, DomainError> {
        Ok(Self {
            id: row.id.0,
            audience: row.audience()?.into(),
            on_day: row.on_day,
            entered: row.entered,
            left_out: row.left_out,
            done_at: row.done_at,
            created_at: row.created_at,
        })
    }
}

impl From<results::Results> for SequenceResults {
    fn from(found: results::Results) -> Self {
        let steps = found.steps.into_iter().map(|step| SequenceStepResult {
            step_id: step.id.0,
            mail_id: step.mail_id.0,
            removed: step.is_removed,
            waiting: step.waiting,
            counts: step.counts.into(),
            campaign_id: step.campaign_id.map(|id| id.0),
        });
        let reasons = found.reasons.into_iter();
        Self {
            active: found.active,
            done: found.done,
            left: found.left,
            reasons: reasons
                .map(|(reason, count)| SequenceLeft { reason, count })
                .collect(),
            steps: steps.collect(),
        }
    }
}
