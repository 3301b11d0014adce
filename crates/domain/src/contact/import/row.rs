//! One row of a file as a contact: pure, so that check and import can't
//! differ.

use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::super::address::EmailAddress;
use super::super::unique;
use super::super::{MAX_FIELDS_BYTES, MAX_NAME};
use super::parse::Record;
use super::plan::{Column, Mode, Plan, Target};
use super::reject::Reason;
use crate::contact_field::ContactField;
use crate::error::{DomainError, Result};
use crate::ids::ContactFieldId;

/// Written where a character could not be kept (in the file of refused rows):
/// it must not pass as text when that file comes back.
const LOST: &str = "&#65533;";

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

    /// Reads a row.
    ///
    /// # Errors
    /// Every reason against it.
    pub(super) fn read(&self, record: &Record) -> std::result::Result<Person, Vec<Reason>> {
        let mut reasons = Vec::new();
        let surplus = (self.columns.len()..record.len()).any(|column| {
            record
                .cell(column)
                .is_some_and(|cell| !cell.trim().is_empty())
        });
        if surplus {
            let detail = format!(
                "the row has {} cells, the header {}",
                record.len(),
                self.columns.len()
            );
            reasons.push(Reason {
                column: None,
                code: "too_many_columns",
                detail,
                value: None,
                kind: None,
            });
        }
        let email = self.email_of(record, &mut reasons);
        let name = self.name.and_then(|column| {
            let cell = self.cell(record, column, &mut reasons)?.trim();
            if cell.chars().count() > MAX_NAME {
                let detail = format!("has more than {MAX_NAME} characters");
                reasons.push(self.reason(column, "too_long", &detail, cell));
            }
            if cell.contains('\0') {
                reasons.push(self.reason(
                    column,
                    "malformed",
                    "must not hold a NUL character",
                    cell,
                ));
            }
            Some(cell.to_owned())
        });
        let (mut values, mut emptied) = (Map::new(), Vec::new());
        for (column, field) in &self.fields {
            let Some(cell) = self.cell(record, *column, &mut reasons) else {
                continue;
            };
            match field.parse_text(cell, self.zone) {
                Ok(Some(value)) => {
                    values.insert(field.key.clone(), value);
                }
                Ok(None) => emptied.push(field.key.clone()),
                Err(error) => reasons.push(Reason {
                    kind: Some(field.kind),
                    ..self.reason(*column, error.code, &error.detail, cell)
                }),
            }
        }
        match email {
            Some(email) if reasons.is_empty() => Ok(Person {
                email,
                name,
                values,
                emptied,
            }),
            _ => Err(reasons),
        }
    }

    /// A cell, unless it has a character that could not be read. A row that
    /// is short has empty cells at its end, as Excel writes them.
    fn cell<'a>(
        &self,
        record: &'a Record,
        column: usize,
        reasons: &mut Vec<Reason>,
    ) -> Option<&'a str> {
        let cell = record.cell(column).unwrap_or_default();
        if cell.contains('\u{FFFD}') || cell.contains(LOST) {
            let detail = "holds a character that can't be read in the file's encoding";
            reasons.push(self.reason(column, "unmappable", detail, cell));
            return None;
        }
        Some(cell)
    }

    fn email_of(&self, record: &Record, reasons: &mut Vec<Reason>) -> Option<EmailAddress> {
        let cell = self.cell(record, self.email, reasons)?;
        if cell.trim().is_empty() {
            let detail = "the row has no mail address";
            reasons.push(self.reason(self.email, "missing_email", detail, ""));
            return None;
        }
        match EmailAddress::parse(cell) {
            Ok(email) => Some(email),
            Err(error) => {
                reasons.push(self.reason(self.email, "invalid_email", &error.detail, cell));
                None
            }
        }
    }

    /// Decides what becomes of a row.
    ///
    /// # Errors
    /// Every reason against it.
    pub(super) fn decide(
        &self,
        person: &Person,
        known: Option<&Known>,
    ) -> std::result::Result<Fate, Vec<Reason>> {
        let Some(known) = known else {
            return if self.mode.adds() {
                self.added(person)
            } else {
                Ok(Fate::Left)
            };
        };
        if !self.mode.changes() {
            return Ok(Fate::Left);
        }
        let (mut name, mut fields) = (known.name.clone(), known.fields.clone());
        if self.mode == Mode::FillEmpty {
            if name.is_empty() {
                name.clone_from(person.name.as_ref().unwrap_or(&known.name));
            }
            for (key, value) in &person.values {
                if !fields.contains_key(key) {
                    fields.insert(key.clone(), value.clone());
                }
            }
        } else {
            name.clone_from(person.name.as_ref().unwrap_or(&known.name));
            for key in &person.emptied {
                fields.remove(key);
            }
            fields.extend(person.values.clone());
            let emptied = |field: &&ContactField| person.emptied.contains(&field.key);
            self.refuse_missing(self.all.iter().filter(emptied), &fields)?;
        }
        if name == known.name && fields == known.fields {
            return Ok(Fate::Same);
        }
        refuse_large(&fields)?;
        Ok(Fate::Change { name, fields })
    }

    fn added(&self, person: &Person) -> std::result::Result<Fate, Vec<Reason>> {
        let mut fields = Map::new();
        for field in &self.all {
            if let Some(value) = person
                .values
                .get(&field.key)
                .or(field.default_value.as_ref())
            {
                fields.insert(field.key.clone(), value.clone());
            }
        }
        self.refuse_missing(self.all.iter(), &fields)?;
        refuse_large(&fields)?;
        Ok(Fate::Add {
            name: person.name.clone().unwrap_or_default(),
            fields,
        })
    }

    fn refuse_missing<'a>(
        &self,
        fields: impl Iterator<Item = &'a ContactField>,
        values: &Map<String, Value>,
    ) -> std::result::Result<(), Vec<Reason>> {
        let reasons: Vec<Reason> = fields
            .filter(|field| field.required && !values.contains_key(&field.key))
            .map(|field| Reason {
                column: Some(field.label.clone()),
                code: "required",
                detail: format!("{} must not be empty", field.label),
                value: None,
                kind: Some(field.kind),
            })
            .collect();
        if reasons.is_empty() {
            Ok(())
        } else {
            Err(reasons)
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

fn refuse_large(fields: &Map<String, Value>) -> std::result::Result<(), Vec<Reason>> {
    let rough: usize = fields
        .values()
        .map(|v| v.as_str().map_or(64, str::len))
        .sum();
    // Counted exactly only when it may matter.
    if rough < MAX_FIELDS_BYTES / 8
        || serde_json::to_vec(fields).is_ok_and(|bytes| bytes.len() <= MAX_FIELDS_BYTES)
    {
        return Ok(());
    }
    Err(vec![Reason {
        column: None,
        code: "too_long",
        detail: format!("all own fields together may have at most {MAX_FIELDS_BYTES} bytes"),
        value: None,
        kind: None,
    }])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::csv::Encoding;
    use super::super::plan::{Delimiter, Mapped, Reading};
    use super::super::suggest::columns;
    use super::*;
    use crate::contact_field::FieldType;
    use crate::contact_field::testing::field;

    fn rules(mode: Mode, targets: &[&str], all: Vec<ContactField>) -> Rules {
        let header = Record::new(1, targets.iter().copied());
        let plan = Plan {
            reading: Reading {
                encoding: Encoding::Utf8,
                delimiter: Delimiter::Comma,
                has_header: true,
            },
            mapping: targets
                .iter()
                .enumerate()
                .map(|(column, target)| Mapped {
                    column,
                    target: Target::parse(target).expect("a target"),
                })
                .collect(),
            mode,
            list_ids: vec![],
        };
        Rules::new(&plan, columns(&[header], true), all, Tz::Asia__Tokyo).expect("rules")
    }

    fn named(key: &str, kind: FieldType) -> ContactField {
        ContactField {
            id: ContactFieldId::new(),
            key: key.to_owned(),
            label: key.to_uppercase(),
            ..field(kind)
        }
    }

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    fn codes(reasons: &[Reason]) -> Vec<&str> {
        reasons.iter().map(|reason| reason.code).collect()
    }

    #[test]
    fn every_reason_against_a_row_is_told_at_once() {
        let fields = vec![
            named("age", FieldType::Number),
            named("rank", FieldType::Choice),
        ];
        let rules = rules(
            Mode::Add,
            &["email", "name", "field:age", "field:rank"],
            fields,
        );
        let record = Record::new(
            7,
            ["太郎@example.jp", "文字\u{FFFD}", "x", "bronze", "surplus"],
        );
        let reasons = rules.read(&record).expect_err("refused");
        assert_eq!(
            codes(&reasons),
            [
                "too_many_columns",
                "invalid_email",
                "unmappable",
                "malformed",
                "no_choice"
            ]
        );
        assert_eq!(reasons[3].words("ja"), "数値ではありません（例：1200）");
        assert_eq!(
            reasons[3].to_rejected(7).column.as_deref(),
            Some("field:age")
        );
    }

    #[test]
    fn carrier_addresses_and_short_rows_are_read() {
        let rules = rules(Mode::Add, &["email", "name"], vec![]);
        let person = rules
            .read(&Record::new(2, ["a..b@docomo.ne.jp"]))
            .expect("a person");
        assert_eq!(person.email.as_given(), "a..b@docomo.ne.jp");
        assert_eq!(person.name.as_deref(), Some(""));
        let reasons = rules
            .read(&Record::new(2, [" ", "山田"]))
            .expect_err("refused");
        assert_eq!(codes(&reasons), ["missing_email"]);
    }

    #[test]
    fn new_people_get_defaults_and_must_have_what_is_required() {
        let mut rank = named("rank", FieldType::Text);
        rank.default_value = Some(json!("一般"));
        let mut no = named("no", FieldType::Text);
        no.required = true;
        let rules = rules(
            Mode::Add,
            &["email", "field:no", "field:rank"],
            vec![no, rank],
        );
        let person = rules
            .read(&Record::new(2, ["a@example.jp", "7", ""]))
            .expect("a person");
        let Ok(Fate::Add { fields, .. }) = rules.decide(&person, None) else {
            panic!("not added");
        };
        assert_eq!(fields, map(&json!({"no": "7", "rank": "一般"})));
        let person = rules
            .read(&Record::new(3, ["b@example.jp", " "]))
            .expect("a person");
        let reasons = rules.decide(&person, None).expect_err("refused");
        assert_eq!(codes(&reasons), ["required"]);
    }

    #[test]
    fn the_modes_do_what_they_say() {
        let fields = vec![
            named("city", FieldType::Text),
            named("rank", FieldType::Text),
        ];
        let known = Known {
            name: String::new(),
            fields: map(&json!({"city": "京都", "rank": "金"})),
        };
        let record = Record::new(2, ["a@example.jp", "山田", "大阪", ""]);
        let fate = |mode, known: Option<&Known>| {
            let targets = ["email", "name", "field:city", "field:rank"];
            let rules = rules(mode, &targets, fields.clone());
            let person = rules.read(&record).expect("a person");
            rules.decide(&person, known).expect("a fate")
        };
        let change = |fields: Value| Fate::Change {
            name: "山田".to_owned(),
            fields: map(&fields),
        };
        let add = Fate::Add {
            name: "山田".to_owned(),
            fields: map(&json!({"city": "大阪"})),
        };
        assert_eq!(fate(Mode::Add, Some(&known)), Fate::Left);
        assert_eq!(
            fate(Mode::Overwrite, Some(&known)),
            change(json!({"city": "大阪"}))
        );
        assert_eq!(
            fate(Mode::Skip, Some(&known)),
            change(json!({"city": "大阪"}))
        );
        assert_eq!(
            fate(Mode::FillEmpty, Some(&known)),
            change(json!({"city": "京都", "rank": "金"}))
        );
        for mode in [Mode::Add, Mode::Overwrite, Mode::FillEmpty] {
            assert_eq!(fate(mode, None), add);
        }
        assert_eq!(fate(Mode::Skip, None), Fate::Left);
        let same = Known {
            name: "山田".to_owned(),
            fields: map(&json!({"city": "大阪"})),
        };
        assert_eq!(fate(Mode::Overwrite, Some(&same)), Fate::Same);
    }
}
