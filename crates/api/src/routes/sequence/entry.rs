//! Who comes into a sequence, as the routes take and answer it.

use domain::DomainError;
use domain::date_mail::day::Repeat;
use domain::error::FieldError;
use domain::ids::ListId;
use domain::sequence::{Entry, EntryKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::words::{DateMailRepeat, SequenceEntryKind};

/// Who comes in without being put in. A field that belongs to another kind is refused.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SequenceEntry {
    /// `manual`: nobody. `list`: who joins `list_id`. `date`: whose `field` says so, on the beginning of the day.
    #[schema(value_type = SequenceEntryKind)]
    pub kind: EntryKind,
    /// Of `list`; null once the list was deleted.
    pub list_id: Option<Uuid>,
    /// Of `date`: key of an own field of type date.
    #[schema(example = "trial_ends_on", max_length = 63)]
    pub field: Option<String>,
    /// Of `date`: days after the date; before it when negative.
    #[schema(example = -7, minimum = -365, maximum = 365)]
    pub offset_days: Option<i16>,
    /// Of `date`: on the day of each year, or on that very date.
    #[schema(value_type = Option<DateMailRepeat>)]
    pub repeat: Option<Repeat>,
}

fn required(pointer: &str) -> DomainError {
    DomainError::invalid(pointer, "required", "is needed for this kind of entry")
}

impl SequenceEntry {
    /// What somebody wrote and nobody would heed: they mean another kind.
    fn refuse_foreign(&self) -> Result<(), DomainError> {
        let list = self.kind == EntryKind::List;
        let date = self.kind == EntryKind::Date;
        let fields = [
            ("/entry/list_id", self.list_id.is_some(), list, "list"),
            ("/entry/field", self.field.is_some(), date, "date"),
            (
                "/entry/offset_days",
                self.offset_days.is_some(),
                date,
                "date",
            ),
            ("/entry/repeat", self.repeat.is_some(), date, "date"),
        ];
        let foreign = fields
            .into_iter()
            .filter(|(_, given, own, _)| *given && !*own);
        let errors: Vec<FieldError> = foreign
            .map(|(pointer, _, _, kind)| {
                let detail = format!(
                    "belongs to entries of the kind {kind}, this one is of the kind {}: leave it out, or change the kind",
                    self.kind.as_str()
                );
                FieldError::new(pointer, "not_of_this_kind", detail)
            })
            .collect();
        if errors.is_empty() {
            return Ok(());
        }
        Err(DomainError::Invalid(errors))
    }
}

impl TryFrom<SequenceEntry> for Entry {
    type Error = DomainError;

    fn try_from(entry: SequenceEntry) -> Result<Self, DomainError> {
        entry.refuse_foreign()?;
        Ok(match entry.kind {
            EntryKind::Manual => Self::Manual,
            EntryKind::List => Self::List(entry.list_id.map(ListId)),
            EntryKind::Date => Self::Date {
                field: entry.field.ok_or_else(|| required("/entry/field"))?,
                offset_days: entry
                    .offset_days
                    .ok_or_else(|| required("/entry/offset_days"))?,
                repeat: entry.repeat.ok_or_else(|| required("/entry/repeat"))?,
            },
        })
    }
}

impl From<Entry> for SequenceEntry {
    fn from(entry: Entry) -> Self {
        let mut out = Self {
            kind: entry.kind(),
            list_id: None,
            field: None,
            offset_days: None,
            repeat: None,
        };
        match entry {
            Entry::Manual => {}
            Entry::List(id) => out.list_id = id.map(|id| id.0),
            Entry::Date {
                field,
                offset_days,
                repeat,
            } => {
                out.field = Some(field);
                out.offset_days = Some(offset_days);
                out.repeat = Some(repeat);
            }
        }
        out
    }
}
