//! One row of a file as a contact: pure, so that check and import can't
//! differ. [`read`] makes a person of it, [`decide`] says what becomes of them.

mod decide;
mod read;
#[cfg(test)]
mod testing;

use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::super::address::EmailAddress;
use super::super::unique;
use super::plan::{Column, Mode, Plan, Target};
use super::reject::Reason;
use crate::contact_field::ContactField;
use crate::error::{DomainError, Result};
use crate::ids::ContactFieldId;

/// What the rows of one import are read with.
#[derive(Debug)]
pub(super) struct Rules {
    columns: Vec<Column>,
    email: usize,
    name: Option<usize>,
    /// Column and own field.
    fields: Vec<(usize, ContactField)>,
    all: Vec<ContactField>,
    zone: Tz,
    pub mode: Mode,
}

/// A row that can be read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Person {
    pub email: EmailAddress,
    /// `None` when no column is the name.
    pub name: Option<String>,
    pub values: Map<String, Value>,
    /// Keys of own fields whose cell is empty.
    pub emptied: Vec<String>,
}

/// What is known of the contact with the row's address.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Known {
    pub name: String,
    pub fields: Map<String, Value>,
}

/// What becomes of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fate {
    Add {
        name: String,
        fields: Map<String, Value>,
    },
    Change {
        name: String,
        fields: Map<String, Value>,
    },
    /// Nothing to do: the contact is as the row wants it.
    Same,
    /// The mode leaves such people alone.
    Left,
}

impl Rules {
    /// # Errors
    /// [`DomainError::Invalid`] without a column for the address.
    pub(super) fn new(
        plan: &Plan,
        columns: Vec<Column>,
        all: Vec<ContactField>,
        zone: Tz,
    ) -> Result<Self> {
        let email = plan.column_of(&Target::Email).ok_or_else(|| {
            DomainError::invalid("/mapping", "no_email", "no column is the mail address")
        })?;
        let fields = plan
            .mapping
            .iter()
            .filter_map(|mapped| match &mapped.target {
                Target::Field(key) => {
                    let field = all.iter().find(|field| field.key == *key)?;
                    Some((mapped.column, field.clone()))
                }
                Target::Email | Target::Name | Target::Ignore => None,
            })
            .collect();
        Ok(Self {
            columns,
            email,
            name: plan.column_of(&Target::Name),
            fields,
            all,
            zone,
            mode: plan.mode,
        })
    }

    fn header(&self, column: usize) -> Option<String> {
        let header = &self.columns.get(column)?.header;
        Some(if header.is_empty() {
            (column + 1).to_string()
        } else {
            header.clone()
        })
    }

    fn reason(&self, column: usize, code: &'static str, detail: &str, value: &str) -> Reason {
        Reason {
            column: self.header(column),
            code,
            detail: detail.to_owned(),
            value: Some(value.to_owned()),
            kind: None,
        }
    }

    /// Unique own fields that the file sets.
    pub(super) fn unique_fields(&self) -> impl Iterator<Item = &ContactField> {
        self.all.iter().filter(|field| field.unique)
    }

    /// The values of unique fields as `contact_unique_value` keeps them.
    #[must_use]
    pub(super) fn unique_values(
        &self,
        fields: &Map<String, Value>,
    ) -> Vec<(ContactFieldId, String)> {
        self.unique_fields()
            .filter_map(|field| Some((field.id, unique::key_of(fields.get(&field.key)?))))
            .collect()
    }

    /// The reason against a unique value that somebody else has.
    #[must_use]
    pub(super) fn taken(&self, id: ContactFieldId, value: &str) -> Reason {
        let field = self.all.iter().find(|field| field.id == id);
        Reason {
            column: field.map(|field| field.label.clone()),
            code: "value_taken",
            detail: "another contact has this value".to_owned(),
            value: Some(value.to_owned()),
            kind: field.map(|field| field.kind),
        }
    }

    /// The reason against a row whose address stands further up.
    #[must_use]
    pub(super) fn repeated(&self, person: &Person) -> Reason {
        self.reason(
            self.email,
            "duplicate_in_file",
            "the same address stands on an earlier row",
            person.email.as_given(),
        )
    }
}
