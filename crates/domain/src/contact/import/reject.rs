//! Rows that are refused: why, in words of the tenant's language, and the
//! file that holds them, to mend and import again.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::super::csv;
use super::parse::Record;
use super::plan::{Column, Reading};
use super::suggest::{fold, shown};
use crate::contact_field::FieldType;

/// Headers of the columns that tell the reason; an import leaves them out.
const HEADERS_JA: [&str; 3] = ["エラーの行", "エラーの列", "エラーの理由"];
const HEADERS_EN: [&str; 3] = ["Error line", "Error column", "Error reason"];

/// Whether a column holds reasons of an earlier import.
pub(super) fn is_reason_header(header: &str) -> bool {
    let folded = fold(header);
    HEADERS_JA
        .iter()
        .chain(&HEADERS_EN)
        .any(|known| fold(known) == folded)
}

/// Why a row is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Header of the column, or label of the field that is missing.
    pub column: Option<String>,
    pub code: &'static str,
    /// In English, for programs.
    pub detail: String,
    /// The cell.
    pub value: Option<String>,
    /// Type of the own field, for its words.
    pub kind: Option<FieldType>,
}

/// A refused row as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    pub line: u64,
    pub column: Option<String>,
    pub code: String,
    pub detail: String,
    pub value: Option<String>,
}

impl Reason {
    /// As a row of the sample.
    #[must_use]
    pub fn to_rejected(&self, line: u64) -> Rejected {
        Rejected {
            line,
            column: self.column.as_deref().map(|c| shown(c, 200)),
            code: self.code.to_owned(),
            detail: shown(&self.detail, 300),
            value: self.value.as_deref().map(|v| shown(v, 100)),
        }
    }

    /// In the tenant's language.
    #[must_use]
    pub fn words(&self, locale: &str) -> Cow<'_, str> {
        if locale == "ja"
            && let Some(words) = self.japanese()
        {
            return Cow::Borrowed(words);
        }
        Cow::Borrowed(&self.detail)
    }

    fn japanese(&self) -> Option<&'static str> {
        Some(match (self.code, self.kind) {
            ("missing_email", _) => "メールアドレスがありません",
            ("invalid_email", _) => "メールアドレスの形式が正しくありません",
            ("duplicate_in_file", _) => "同じアドレスがファイルの前の行にあります",
            ("too_many_columns", _) => "列の数が見出しより多くなっています",
            ("unmappable", _) => {
                "読み取れない文字があります。ファイルの文字コードを確認してください"
            }
            ("required", _) => "必須項目です",
            ("value_taken", _) => "同じ値がほかの人にあります（重複できない項目です）",
            ("no_choice", _) => "選択肢にない値です",
            ("too_long", _) => "長すぎます",
            ("out_of_range", _) => "桁数が多すぎます",
            ("malformed", Some(FieldType::Number)) => "数値ではありません（例：1200）",
            ("malformed", Some(FieldType::Date)) => "日付ではありません（例：2026/11/22）",
            ("malformed", Some(FieldType::DateTime)) => "日時ではありません（例：2026/11/22 9:30）",
            ("malformed", Some(FieldType::Boolean)) => {
                "「はい」か「いいえ」で書いてください（1、0、true、falseも可）"
            }
            ("malformed", Some(FieldType::Url)) => {
                "URLではありません（http://かhttps://で始めてください）"
            }
            ("malformed", Some(FieldType::Phone)) => "電話番号ではありません（例：03-1234-5678）",
            ("malformed", _) => "使えない文字があります",
            _ => return None,
        })
    }
}

/// Writes the file of refused rows, in the encoding of the upload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report<'a> {
    pub reading: Reading,
    pub locale: &'a str,
    pub columns: &'a [Column],
}

impl Report<'_> {
    /// What the file begins with. One without header gets one, so that the
    /// reasons can be told from the values when it comes back.
    pub(super) fn header(&self) -> Vec<u8> {
        let (reasons, place) = if self.locale == "ja" {
            (HEADERS_JA, "列")
        } else {
            (HEADERS_EN, "Column ")
        };
        let own = self
            .columns
            .iter()
            .filter(|column| !is_reason_header(&column.header))
            .map(|column| {
                if self.reading.has_header {
                    Cow::Borrowed(column.header.as_str())
                } else {
                    Cow::Owned(format!("{place}{}", column.index + 1))
                }
            });
        let mut text = String::new();
        let cells = reasons.into_iter().map(Cow::Borrowed).chain(own);
        csv::push_row(&mut text, self.reading.delimiter.character(), cells);
        let mut bytes = self.reading.encoding.mark().to_vec();
        self.reading.encoding.encode(&text, &mut bytes);
        bytes
    }

    /// Adds a row: line, columns and reasons first, so that a row with too
    /// many cells still stands under its headers.
    pub(super) fn push(&self, out: &mut Vec<u8>, record: &Record, reasons: &[Reason]) {
        let join = |texts: Vec<Cow<'_, str>>| {
            let separator = if self.locale == "ja" { "、" } else { "; " };
            texts.join(separator)
        };
        let columns = reasons
            .iter()
            .filter_map(|reason| reason.column.as_deref().map(Cow::Borrowed))
            .collect();
        let words = reasons.iter().map(|r| r.words(self.locale)).collect();
        let told = [record.line.to_string(), join(columns), join(words)];
        let own = (0..record.len())
            .filter(|index| {
                !self
                    .columns
                    .get(*index)
                    .is_some_and(|column| is_reason_header(&column.header))
            })
            .filter_map(|index| record.cell(index).map(Cow::Borrowed));
        let mut text = String::new();
        let cells = told.into_iter().map(Cow::Owned).chain(own);
        csv::push_row(&mut text, self.reading.delimiter.character(), cells);
        self.reading.encoding.encode(&text, out);
    }
}
