//! The mapping to begin with: columns are known by their names, however those
//! are written, by what the last import did with them, and by their cells.

use unicode_normalization::UnicodeNormalization;

use super::super::address::EmailAddress;
use super::parse::Record;
use super::plan::{Column, Mapped, Remembered, Target};
use super::reject::is_reason_header;
use crate::contact_field::ContactField;
use crate::secret::sha256;

/// Columns out of the first rows.
pub(super) fn columns(rows: &[Record], has_header: bool) -> Vec<Column> {
    let (header, body) = match rows.split_first() {
        Some((first, rest)) if has_header => (Some(first), rest),
        _ => (None, rows),
    };
    let count = rows.first().map_or(0, Record::len);
    (0..count)
        .map(|index| Column {
            index,
            header: header
                .and_then(|row| row.cell(index))
                .map(|cell| shown(cell.trim(), 200))
                .unwrap_or_default(),
            samples: body
                .iter()
                .filter_map(|row| row.cell(index))
                .take(5)
                .map(|cell| shown(cell, 100))
                .collect(),
        })
        .collect()
}

/// Text for showing: cut, and without NUL, which JSON in the database can't hold.
pub(super) fn shown(text: &str, most: usize) -> String {
    let mut out: String = text
        .chars()
        .take(most)
        .map(|c| if c == '\0' { '␀' } else { c })
        .collect();
    if text.chars().nth(most).is_some() {
        out.push('…');
    }
    out
}

/// A header without what people write differently: width, case, spaces,
/// marks of required columns.
pub(super) fn fold(header: &str) -> String {
    header
        .nfkc()
        .flat_map(char::to_lowercase)
        .collect::<String>()
        .replace("(必須)", "")
        .replace("(任意)", "")
        .chars()
        .filter(|c| c.is_alphanumeric() || *c == 'ー')
        .collect()
}

/// A column's name for the memory. One without a header goes by its place,
/// which is also what the header of its refused rows says.
pub(super) fn name_of(column: &Column) -> String {
    let folded = fold(&column.header);
    let place = folded
        .strip_prefix("column")
        .filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    match place {
        Some(n) => format!("列{n}"),
        None if folded.is_empty() => format!("列{}", column.index + 1),
        None => folded,
    }
}

/// The key under which a mapping is remembered: the set of the columns'
/// names, in whatever order they stand.
pub(super) fn header_hash(columns: &[Column]) -> [u8; 32] {
    let mut names: Vec<String> = columns
        .iter()
        .filter(|column| !is_reason_header(&column.header))
        .map(name_of)
        .collect();
    names.sort();
    sha256(names.join("\n").as_bytes())
}

const EMAIL: [&str; 17] = [
    "メールアドレス",
    "メール",
    "eメール",
    "eメールアドレス",
    "電子メール",
    "電子メールアドレス",
    "pcメール",
    "pcメールアドレス",
    "mailアドレス",
    "アドレス",
    "email",
    "emailaddress",
    "mail",
    "mailaddress",
    "address",
    "メルアド",
    "emailアドレス",
];

const NAME: [&str; 18] = [
    "氏名",
    "お名前",
    "名前",
    "ご氏名",
    "姓名",
    "顧客名",
    "会員名",
    "担当者",
    "担当者名",
    "ご担当者名",
    "ご担当者様",
    "宛名",
    "表示名",
    "name",
    "fullname",
    "displayname",
    "contactname",
    "customername",
];

/// Whether a cell is a name that headers have.
pub(super) fn known_header(cell: &str) -> bool {
    let folded = fold(cell);
    EMAIL.contains(&folded.as_str()) || NAME.contains(&folded.as_str())
}

/// The mapping to begin with: the remembered one where it still fits,
/// otherwise by names, otherwise by what the cells look like.
pub(super) fn suggest(
    columns: &[Column],
    fields: &[ContactField],
    remembered: Option<&Remembered>,
) -> Vec<Mapped> {
    let mut taken: Vec<Target> = Vec::new();
    let mut mapping: Vec<Mapped> = columns
        .iter()
        .map(|column| {
            let target = guess(column, fields, remembered);
            let target = if taken.contains(&target) {
                Target::Ignore
            } else {
                target
            };
            if target != Target::Ignore {
                taken.push(target.clone());
            }
            Mapped {
                column: column.index,
                target,
            }
        })
        .collect();
    if !taken.contains(&Target::Email)
        && let Some(column) = most_addresses(columns)
        && let Some(mapped) = mapping.get_mut(column)
    {
        mapped.target = Target::Email;
    }
    mapping
}

fn guess(column: &Column, fields: &[ContactField], remembered: Option<&Remembered>) -> Target {
    if is_reason_header(&column.header) {
        return Target::Ignore;
    }
    let name = name_of(column);
    if let Some(target) = remembered.and_then(|r| {
        let known = r.mapping.iter().find(|(header, _)| *header == name);
        known.map(|(_, target)| target)
    }) {
        let is_there = match target {
            Target::Field(key) => fields.iter().any(|field| field.key == *key),
            Target::Email | Target::Name | Target::Ignore => true,
        };
        if is_there {
            return target.clone();
        }
    }
    let field = fields
        .iter()
        .find(|field| fold(&field.label) == name || fold(&field.key) == name);
    if EMAIL.contains(&name.as_str()) {
        Target::Email
    } else if let Some(field) = field {
        Target::Field(field.key.clone())
    } else if NAME.contains(&name.as_str()) {
        Target::Name
    } else {
        Target::Ignore
    }
}

fn most_addresses(columns: &[Column]) -> Option<usize> {
    columns
        .iter()
        .map(|column| {
            let found = column
                .samples
                .iter()
                .filter(|cell| EmailAddress::parse(cell).is_ok())
                .count();
            (found, column.index)
        })
        .filter(|(found, _)| *found > 0)
        .max_by_key(|(found, index)| (*found, std::cmp::Reverse(*index)))
        .map(|(_, index)| index)
}

#[cfg(test)]
mod tests {
    use super::super::super::csv::Encoding;
    use super::super::plan::{Delimiter, Mode, Plan, Reading};
    use super::*;
    use crate::contact_field::FieldType;
    use crate::contact_field::testing::field;

    fn of(headers: &[&str], samples: &[&str]) -> Vec<Column> {
        let rows = [
            Record::new(1, headers.iter().copied()),
            Record::new(2, samples.iter().copied()),
        ];
        columns(&rows, true)
    }

    fn targets(mapping: &[Mapped]) -> Vec<String> {
        mapping.iter().map(|m| m.target.to_string()).collect()
    }

    fn plan_field() -> ContactField {
        ContactField {
            key: "rank".to_owned(),
            label: "会員ランク".to_owned(),
            ..field(FieldType::Text)
        }
    }

    #[test]
    fn headers_are_known_however_they_are_written() {
        let columns = of(
            &["ﾒｰﾙ アドレス（必須）", "お名前", "会員 ランク", "備考"],
            &["a@example.jp", "山田", "金", "x"],
        );
        let mapping = suggest(&columns, &[plan_field()], None);
        assert_eq!(targets(&mapping), ["email", "name", "field:rank", "ignore"]);
        let columns = of(
            &["E-Mail", "Full Name", "RANK"],
            &["a@example.jp", "x", "y"],
        );
        let mapping = suggest(&columns, &[plan_field()], None);
        assert_eq!(targets(&mapping), ["email", "name", "field:rank"]);
    }

    #[test]
    fn a_column_of_addresses_is_found_without_any_name() {
        let columns = of(&["A", "B"], &["山田", "a@example.jp"]);
        assert_eq!(targets(&suggest(&columns, &[], None)), ["ignore", "email"]);
    }

    #[test]
    fn what_was_decided_comes_back_in_any_order_of_columns_and_without_fields_that_are_gone() {
        let first = of(&["連絡先", "ランク", "備考"], &["a@example.jp", "金", "x"]);
        let plan = Plan {
            reading: Reading {
                encoding: Encoding::Utf8,
                delimiter: Delimiter::Comma,
                has_header: true,
            },
            mapping: vec![
                Mapped {
                    column: 0,
                    target: Target::Email,
                },
                Mapped {
                    column: 1,
                    target: Target::Field("rank".to_owned()),
                },
            ],
            mode: Mode::FillEmpty,
            list_ids: vec![],
        };
        let remembered = plan.to_remember(&first);
        let again = of(&["備考", "ランク", "連絡先"], &["x", "金", "a@example.jp"]);
        assert_eq!(header_hash(&first), header_hash(&again));
        let mapping = suggest(&again, &[plan_field()], Some(&remembered));
        assert_eq!(targets(&mapping), ["ignore", "field:rank", "email"]);
        let mapping = suggest(&again, &[], Some(&remembered));
        assert_eq!(targets(&mapping), ["ignore", "ignore", "email"]);
    }

    #[test]
    fn the_reason_columns_of_refused_rows_change_neither_mapping_nor_memory() {
        let plain = of(&["メール", "氏名"], &["a@example.jp", "山田"]);
        let mended = of(
            &["エラーの行", "エラーの列", "エラーの理由", "メール", "氏名"],
            &["2", "メール", "x", "a@example.jp", "山田"],
        );
        assert_eq!(header_hash(&plain), header_hash(&mended));
        assert_eq!(
            targets(&suggest(&mended, &[], None)),
            ["ignore", "ignore", "ignore", "email", "name"]
        );
    }
}
