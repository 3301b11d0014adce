//! Values of own fields: from JSON (the API), from text (files), and back.

mod date;
mod number;
mod text;

use chrono::DateTime;
use chrono_tz::Tz;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use self::date::{date, date_time, time};
use self::number::number;
use self::text::{limited, phone, url};
use super::{ContactField, FieldType};
use crate::error::FieldError;

/// Characters of a text, a choice or a phone number.
pub const MAX_TEXT: usize = 1000;
/// Characters of a long text.
pub const MAX_LONG_TEXT: usize = 10_000;
/// Characters of a URL.
pub const MAX_URL: usize = 2000;

type Parsed = Result<Option<Value>, FieldError>;

fn wrong(code: &'static str, detail: impl Into<String>) -> FieldError {
    FieldError::new("", code, detail)
}

impl ContactField {
    /// The stored form of a JSON value; `None` for an empty one (null, empty
    /// text, empty array), which is not stored.
    ///
    /// # Errors
    /// A field error that says what the field takes.
    pub fn parse_json(&self, value: &Value) -> Parsed {
        match (self.kind, value) {
            (_, Value::Null) => Ok(None),
            (FieldType::Number, Value::Number(number)) => {
                // What is beyond 64 bits would come back as another number.
                if number.as_i64().is_some() || number.as_f64().is_some_and(f64::is_finite) {
                    Ok(Some(value.clone()))
                } else {
                    Err(wrong("malformed", "must be a number"))
                }
            }
            (FieldType::Boolean, Value::Bool(_)) => Ok(Some(value.clone())),
            (FieldType::MultiChoice, Value::Array(items)) => {
                let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
                self.several(texts.ok_or_else(|| wrong("wrong_type", "must be an array of texts"))?)
            }
            (FieldType::Number, _) => Err(wrong("wrong_type", "must be a number")),
            (FieldType::Boolean, _) => Err(wrong("wrong_type", "must be true or false")),
            (FieldType::MultiChoice, _) => Err(wrong("wrong_type", "must be an array of texts")),
            (FieldType::DateTime, Value::String(text)) if !text.trim().is_empty() => {
                DateTime::parse_from_rfc3339(text.trim())
                    .map(|at| Some(time(at.to_utc())))
                    .map_err(|_| {
                        wrong(
                            "malformed",
                            "must be a time such as 2026-11-22T09:30:00+09:00 (RFC 3339)",
                        )
                    })
            }
            (_, Value::String(text)) => self.parse_text(text, Tz::UTC),
            _ => Err(wrong("wrong_type", "must be a text")),
        }
    }

    /// The stored form of a cell; times without offset are in `zone`.
    ///
    /// # Errors
    /// As [`ContactField::parse_json`].
    pub fn parse_text(&self, text: &str, zone: Tz) -> Parsed {
        if text.contains('\0') {
            return Err(wrong("malformed", "must not hold a NUL character"));
        }
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Ok(None);
        }
        match self.kind {
            FieldType::Text => limited(trimmed, MAX_TEXT),
            FieldType::LongText => limited(text, MAX_LONG_TEXT),
            FieldType::Number => number(trimmed).map(Some),
            FieldType::Date => date(trimmed)
                .map(|date| Some(Value::String(date.format("%Y-%m-%d").to_string())))
                .ok_or_else(|| {
                    wrong(
                        "malformed",
                        "must be a date such as 2026-11-22 or 2026/11/22",
                    )
                }),
            FieldType::DateTime => date_time(trimmed, zone)
                .map(|at| Some(time(at)))
                .ok_or_else(|| wrong("malformed", "must be a time such as 2026-11-22 09:30")),
            FieldType::Boolean => boolean(trimmed)
                .map(|yes| Some(Value::Bool(yes)))
                .ok_or_else(|| {
                    wrong(
                        "malformed",
                        "must be yes or no (true, false, 1, 0, はい, いいえ)",
                    )
                }),
            FieldType::Choice => self
                .one(trimmed)
                .map(|choice| Some(Value::String(choice.to_owned()))),
            FieldType::MultiChoice => self.several(
                trimmed
                    .split([';', '；', '、', '|', '\n'])
                    .map(str::trim)
                    .filter(|t| !t.is_empty())
                    .collect(),
            ),
            FieldType::Url => url(trimmed).map(Some),
            FieldType::Phone => phone(trimmed).map(Some),
        }
    }

    fn one<'a>(&'a self, text: &str) -> Result<&'a str, FieldError> {
        self.choices
            .iter()
            .find(|choice| *choice == text)
            .map(String::as_str)
            .ok_or_else(|| {
                wrong(
                    "no_choice",
                    format!("{} is none of the choices of {}", cut(text), self.label),
                )
            })
    }

    fn several(&self, texts: Vec<&str>) -> Parsed {
        let mut chosen: Vec<&str> = Vec::new();
        for text in texts {
            let choice = self.one(text)?;
            if !chosen.contains(&choice) {
                chosen.push(choice);
            }
        }
        Ok((!chosen.is_empty()).then(|| Value::from(chosen)))
    }
}

/// A stored value as a cell, such that [`ContactField::parse_text`] gives the
/// value again.
#[must_use]
pub fn to_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(to_text).collect::<Vec<_>>().join(";"),
        other => other.to_string(),
    }
}

fn cut(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Full-width digits and signs, which Japanese files are full of, as ASCII.
fn half_width(text: &str) -> String {
    text.nfkc().collect()
}

fn boolean(text: &str) -> Option<bool> {
    match text.nfkc().collect::<String>().to_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" | "on" | "はい" | "有" | "あり" | "○" | "◯" => {
            Some(true)
        }
        "false" | "f" | "no" | "n" | "0" | "off" | "いいえ" | "無" | "なし" | "×" => {
            Some(false)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::contact_field::testing::field;

    fn text(kind: FieldType, cell: &str) -> Option<Value> {
        field(kind)
            .parse_text(cell, Tz::Asia__Tokyo)
            .unwrap_or_else(|e| panic!("{cell}: {e:?}"))
    }

    fn refused(kind: FieldType, cell: &str) -> bool {
        field(kind).parse_text(cell, Tz::Asia__Tokyo).is_err()
    }

    #[test]
    fn cells_are_read_as_japanese_files_write_them() {
        for (kind, cell, expected) in [
            (FieldType::Text, " 髙橋 ", json!("髙橋")),
            (FieldType::Number, "１，２３４", json!(1234)),
            (FieldType::Number, "-1,234.5", json!(-1234.5)),
            (FieldType::Number, "007", json!(7)),
            (FieldType::Date, "2026/1/5", json!("2026-01-05")),
            (FieldType::Date, "２０２６年１月５日", json!("2026-01-05")),
            (FieldType::Date, "20260105", json!("2026-01-05")),
            (
                FieldType::DateTime,
                "2026/01/05 9:30",
                json!("2026-01-05T00:30:00Z"),
            ),
            (
                FieldType::DateTime,
                "2026-01-05T09:30:00+09:00",
                json!("2026-01-05T00:30:00Z"),
            ),
            (
                FieldType::DateTime,
                "2026-01-05",
                json!("2026-01-04T15:00:00Z"),
            ),
            (FieldType::Boolean, "はい", json!(true)),
            (FieldType::Boolean, "０", json!(false)),
            (FieldType::Choice, "gold", json!("gold")),
            (
                FieldType::MultiChoice,
                "gold; silver、gold",
                json!(["gold", "silver"]),
            ),
            (
                FieldType::Url,
                "https://example.jp/a?b=c",
                json!("https://example.jp/a?b=c"),
            ),
            (
                FieldType::Phone,
                "０３ー１２３４ー５６７８",
                json!("03-1234-5678"),
            ),
        ] {
            assert_eq!(text(kind, cell), Some(expected), "{cell}");
        }
        assert_eq!(text(FieldType::Number, "  "), None);
    }

    #[test]
    fn cells_that_mean_nothing_are_refused() {
        for (kind, cell) in [
            (FieldType::Number, "12a"),
            (FieldType::Number, "1,23"),
            (FieldType::Number, "inf"),
            (FieldType::Number, "1234567890123456789012"),
            (FieldType::Date, "2026-02-30"),
            (FieldType::Date, "5.1.26"),
            (FieldType::DateTime, "2026-01-05 25:00"),
            (FieldType::Boolean, "maybe"),
            (FieldType::Choice, "Gold"),
            (FieldType::MultiChoice, "gold;bronze"),
            (FieldType::Url, "javascript:alert(1)"),
            (FieldType::Url, "https://"),
            (FieldType::Phone, "call me"),
            (FieldType::Text, "a\0b"),
        ] {
            assert!(refused(kind, cell), "{cell:?}");
        }
        assert!(refused(FieldType::Text, &"あ".repeat(MAX_TEXT + 1)));
    }

    #[test]
    fn json_has_to_be_of_the_fields_type() {
        assert!(field(FieldType::Number).parse_json(&json!("12")).is_err());
        assert!(
            field(FieldType::Boolean)
                .parse_json(&json!("true"))
                .is_err()
        );
        assert!(field(FieldType::Text).parse_json(&json!(12)).is_err());
        assert!(
            field(FieldType::MultiChoice)
                .parse_json(&json!("gold"))
                .is_err()
        );
        assert_eq!(
            field(FieldType::MultiChoice).parse_json(&json!([])),
            Ok(None)
        );
        assert_eq!(field(FieldType::Text).parse_json(&json!("")), Ok(None));
        assert_eq!(
            field(FieldType::Number).parse_json(&json!(1.5)),
            Ok(Some(json!(1.5)))
        );
    }

    proptest! {
        #[test]
        fn a_value_written_as_a_cell_comes_back(cell in "\\PC{0,40}", kind in prop::sample::select(FieldType::ALL)) {
            if let Ok(Some(value)) = field(kind).parse_text(&cell, Tz::Asia__Tokyo) {
                prop_assert_eq!(field(kind).parse_text(&to_text(&value), Tz::Asia__Tokyo), Ok(Some(value)));
            }
        }

        #[test]
        fn a_number_written_as_a_cell_comes_back(n in any::<i32>(), f in -1e9f64..1e9) {
            prop_assert_eq!(text(FieldType::Number, &to_text(&json!(n))), Some(json!(n)));
            let short: f64 = format!("{f:.3}").parse().expect("a number");
            let back = text(FieldType::Number, &to_text(&json!(short))).and_then(|v| v.as_f64());
            prop_assert_eq!(back, Some(short));
        }
    }
}
