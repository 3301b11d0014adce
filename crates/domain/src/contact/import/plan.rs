//! What becomes of a file: how it is read, which column goes where, what
//! happens to people who are there already, and the mapping that is suggested.

use serde::{Deserialize, Serialize};

use super::super::csv::Encoding;
use super::parse::MAX_COLUMNS;
use super::reject::is_reason_header;
use super::suggest::name_of;
use crate::contact_field::ContactField;
use crate::error::Validation;
use crate::ids::ListId;
use crate::text_enum::text_enum;

text_enum! {
    /// What stands between cells.
    pub enum Delimiter {
        Comma = ",",
        Tab = "\t",
        Semicolon = ";",
    }
}

impl Delimiter {
    #[must_use]
    pub fn byte(self) -> u8 {
        self.as_str().as_bytes()[0]
    }

    #[must_use]
    pub fn character(self) -> char {
        char::from(self.byte())
    }
}

text_enum! {
    /// What happens to people of the file.
    pub enum Mode {
        /// New people are added; who is there already stays as is.
        Add = "add",
        /// New people are added; who is there gets the values of the file,
        /// empty ones too.
        Overwrite = "overwrite",
        /// Nobody is added; who is there gets the values of the file.
        Skip = "skip",
        /// New people are added; who is there gets what is still empty.
        FillEmpty = "fill_empty",
    }
}

impl Mode {
    #[must_use]
    pub fn adds(self) -> bool {
        self != Self::Skip
    }

    #[must_use]
    pub fn changes(self) -> bool {
        self != Self::Add
    }
}

/// How the bytes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    pub encoding: Encoding,
    pub delimiter: Delimiter,
    pub has_header: bool,
}

/// Where a column goes: `email`, `name`, `ignore` or `field:<key>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Email,
    Name,
    Ignore,
    Field(String),
}

impl Target {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "email" => Some(Self::Email),
            "name" => Some(Self::Name),
            "ignore" => Some(Self::Ignore),
            _ => text
                .strip_prefix("field:")
                .filter(|key| !key.is_empty() && key.len() <= 63)
                .map(|key| Self::Field(key.to_owned())),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Email => f.write_str("email"),
            Self::Name => f.write_str("name"),
            Self::Ignore => f.write_str("ignore"),
            Self::Field(key) => write!(f, "field:{key}"),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no target of a column"))
    }
}

/// One column's target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapped {
    /// From 0.
    pub column: usize,
    pub target: Target,
}

/// All that is decided about an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    #[serde(flatten)]
    pub reading: Reading,
    pub mapping: Vec<Mapped>,
    pub mode: Mode,
    /// Lists that people of the file join.
    pub list_ids: Vec<ListId>,
}

/// A column as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub index: usize,
    /// Empty when the file has no header.
    pub header: String,
    pub samples: Vec<String>,
}

/// What an earlier import did with a file of the same header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Header (as [`fold`] makes it) and target.
    pub mapping: Vec<(String, Target)>,
    pub mode: Mode,
    pub list_ids: Vec<ListId>,
}

impl Plan {
    /// Refuses a mapping that names a column or an own field that is not
    /// there, or a target twice. That an address is missing is said later, at
    /// the start: a plan is also sent to have the file read another way.
    pub(super) fn check(&self, v: &mut Validation, columns: usize, fields: &[ContactField]) {
        if self.mapping.len() > MAX_COLUMNS {
            v.add(
                "/mapping",
                "too_many",
                format!("at most {MAX_COLUMNS} columns"),
            );
            return;
        }
        for (i, mapped) in self.mapping.iter().enumerate() {
            let pointer = format!("/mapping/{i}");
            if mapped.column >= columns {
                v.add(
                    format!("{pointer}/column"),
                    "out_of_range",
                    format!("the file has {columns} columns, the first is 0"),
                );
            }
            if let Target::Field(key) = &mapped.target
                && !fields.iter().any(|field| field.key == *key)
            {
                v.add(
                    format!("{pointer}/target"),
                    "unknown",
                    format!("there is no own field {key}"),
                );
            }
            let before = &self.mapping[..i];
            if before.iter().any(|other| other.column == mapped.column) {
                v.add(
                    format!("{pointer}/column"),
                    "duplicate",
                    "this column stands there twice",
                );
            }
            if mapped.target != Target::Ignore
                && before.iter().any(|other| other.target == mapped.target)
            {
                v.add(
                    format!("{pointer}/target"),
                    "duplicate",
                    "two columns have this target",
                );
            }
        }
    }

    /// The column of a target.
    #[must_use]
    pub fn column_of(&self, target: &Target) -> Option<usize> {
        self.mapping
            .iter()
            .find(|mapped| mapped.target == *target)
            .map(|mapped| mapped.column)
    }

    /// What to remember for the next file with these columns.
    pub(super) fn to_remember(&self, columns: &[Column]) -> Remembered {
        let mapping = columns
            .iter()
            .filter(|column| !is_reason_header(&column.header))
            .map(|column| {
                let target = self
                    .mapping
                    .iter()
                    .find(|mapped| mapped.column == column.index)
                    .map_or(Target::Ignore, |mapped| mapped.target.clone());
                (name_of(column), target)
            })
            .collect();
        Remembered {
            mapping,
            mode: self.mode,
            list_ids: self.list_ids.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_that_does_not_fit_is_refused_part_by_part() {
        let mapped = |column, target: &str| Mapped {
            column,
            target: Target::parse(target).expect("a target"),
        };
        let plan = Plan {
            reading: Reading {
                encoding: Encoding::Utf8,
                delimiter: Delimiter::Comma,
                has_header: true,
            },
            mapping: vec![
                mapped(0, "email"),
                mapped(1, "email"),
                mapped(1, "ignore"),
                mapped(9, "field:nope"),
            ],
            mode: Mode::Add,
            list_ids: vec![],
        };
        let mut v = Validation::default();
        plan.check(&mut v, 3, &[]);
        let crate::DomainError::Invalid(errors) = v.finish().expect_err("refused") else {
            panic!("another error");
        };
        let found: Vec<(String, &str)> = errors.into_iter().map(|e| (e.pointer, e.code)).collect();
        let expected = [
            ("/mapping/1/target", "duplicate"),
            ("/mapping/2/column", "duplicate"),
            ("/mapping/3/column", "out_of_range"),
            ("/mapping/3/target", "unknown"),
        ];
        assert_eq!(
            found,
            expected.map(|(pointer, code)| (pointer.to_owned(), code))
        );
    }
}
