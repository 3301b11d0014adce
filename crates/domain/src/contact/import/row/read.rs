//! A row's cells as a person, or every reason against it.

use serde_json::Map;

use super::{Person, Rules};
use crate::contact::MAX_NAME;
use crate::contact::address::EmailAddress;
use crate::contact::import::parse::Record;
use crate::contact::import::reject::Reason;

/// Written where a character could not be kept (in the file of refused rows):
/// it must not pass as text when that file comes back.
const LOST: &str = "&#65533;";

impl Rules {
    /// Reads a row.
    ///
    /// # Errors
    /// Every reason against it.
    pub(in crate::contact::import) fn read(
        &self,
        record: &Record,
    ) -> std::result::Result<Person, Vec<Reason>> {
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
}

#[cfg(test)]
mod tests {
    use super::super::testing::{codes, named, rules};
    use super::*;
    use crate::contact::import::plan::Mode;
    use crate::contact_field::FieldType;

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
}
