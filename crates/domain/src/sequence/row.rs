//! Rows of a sequence and its steps.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use diesel::prelude::*;

use super::plan::{Condition, Delay, Place, Unit};
use super::{Entry, EntryKind, Rule, Sequence, State, StepRule};
use crate::date_mail::day::Repeat;
use crate::error::{DomainError, Result};
use crate::ids::{ListId, MailId, SequenceId, SequenceStepId};
use crate::schema::{sequence, sequence_step};

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = sequence)]
pub(super) struct Row {
    pub(super) id: SequenceId,
    pub(super) name: String,
    pub(super) time_zone: String,
    pub(super) entry: EntryKind,
    pub(super) list_id: Option<ListId>,
    pub(super) field_key: Option<String>,
    pub(super) offset_days: Option<i16>,
    pub(super) repeat: Option<Repeat>,
    pub(super) leave_with_list: bool,
    pub(super) reenter: bool,
    pub(super) cap_exempt: bool,
    pub(super) state: State,
    pub(super) state_reason: Option<String>,
    pub(super) epoch: Option<i64>,
    pub(super) enrol_day: Option<NaiveDate>,
    pub(super) version: i32,
    pub(super) created_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = sequence_step)]
pub(super) struct StepRow {
    pub(super) id: SequenceStepId,
    pub(super) sequence_id: SequenceId,
    pub(super) mail_id: MailId,
    pub(super) delay: i32,
    pub(super) unit: Unit,
    pub(super) at: Option<NaiveTime>,
    pub(super) condition: serde_json::Value,
}

impl StepRow {
    pub(super) fn delay(&self) -> Delay {
        Delay {
            value: self.delay,
            unit: self.unit,
            at: self.at,
        }
    }

    pub(super) fn place(&self) -> Place {
        Place {
            id: self.id,
            delay: self.delay(),
        }
    }

    pub(super) fn condition(&self) -> Result<Condition> {
        serde_json::from_value(self.condition.clone()).map_err(DomainError::internal)
    }
}

impl Row {
    pub(super) fn zone(&self) -> chrono_tz::Tz {
        self.time_zone.parse().unwrap_or(chrono_tz::Asia::Tokyo)
    }

    pub(super) fn entry(&self) -> Entry {
        match (self.entry, &self.field_key, self.offset_days, self.repeat) {
            (EntryKind::Date, Some(field), Some(offset_days), Some(repeat)) => Entry::Date {
                field: field.clone(),
                offset_days,
                repeat,
            },
            (EntryKind::List, ..) => Entry::List(self.list_id),
            _ => Entry::Manual,
        }
    }

    pub(super) fn with(self, steps: &[StepRow], active: i64) -> Result<Sequence> {
        let steps = steps
            .iter()
            .map(|step| {
                Ok(StepRule {
                    id: Some(step.id),
                    mail_id: step.mail_id,
                    delay: step.delay(),
                    condition: step.condition()?,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Sequence {
            id: self.id,
            rule: Rule {
                entry: self.entry(),
                name: self.name,
                time_zone: self.time_zone,
                leave_with_list: self.leave_with_list,
                reenter: self.reenter,
                cap_exempt: self.cap_exempt,
                steps,
            },
            state: self.state,
            state_reason: self.state_reason,
            active,
            version: self.version,
            created_at: self.created_at,
        })
    }
}
