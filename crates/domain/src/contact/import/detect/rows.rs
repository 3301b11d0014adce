//! The first rows of a file, and what they tell: its delimiter, and whether
//! there is a header.

use super::{ROWS, wrong};
use crate::contact::address::EmailAddress;
use crate::contact::csv::Encoding;
use crate::contact::import::parse::{MAX_COLUMNS, Parser, Record};
use crate::contact::import::plan::{Delimiter, Reading};
use crate::contact::import::suggest::known_header;
use crate::error::FieldError;

/// The refusal of a file without a row.
pub(in crate::contact::import) fn no_rows() -> FieldError {
    wrong("no_rows", "the file has no rows below its header")
}

/// The first rows of a file. `is_whole`: the file ends with `head`; otherwise
/// the row that it cuts is left out.
///
/// # Errors
/// A row or the number of columns over its limit, or no row at all.
pub(in crate::contact::import) fn first_rows(
    head: &[u8],
    is_whole: bool,
    reading: &Reading,
    most: usize,
) -> Result<Vec<Record>, FieldError> {
    let mut parser = Parser::of(reading);
    let mut rows = Vec::new();
    let mut pieces = head.chunks(16 * 1024).peekable();
    while let Some(piece) = pieces.next() {
        let is_last = is_whole && pieces.peek().is_none();
        parser.push(piece, is_last, &mut |row| {
            if rows.len() < most {
                rows.push(row);
            }
        })?;
        if rows.len() >= most {
            break;
        }
    }
    if rows.is_empty() {
        return Err(if is_whole {
            no_rows()
        } else {
            wrong(
                "row_too_long",
                "the first row has more than a million bytes: is this a CSV file with line ends?",
            )
        });
    }
    if rows[0].len() > MAX_COLUMNS {
        return Err(FieldError::new(
            "",
            "too_many_columns",
            format!(
                "the file has {} columns, at most {MAX_COLUMNS} are read",
                rows[0].len()
            ),
        ));
    }
    Ok(rows)
}

/// The delimiter that gives most rows the same number of columns, more than
/// one; a comma when there is none.
pub(super) fn delimiter(head: &[u8], is_whole: bool, encoding: Encoding) -> Delimiter {
    let judge = |delimiter: Delimiter| {
        let reading = Reading {
            encoding,
            delimiter,
            has_header: false,
        };
        let rows = first_rows(head, is_whole, &reading, ROWS).ok()?;
        let columns = rows[0].len();
        let alike = rows.iter().filter(|row| row.len() == columns).count();
        (columns > 1).then(|| (alike * 100 / rows.len(), columns))
    };
    Delimiter::ALL
        .iter()
        .rev()
        .filter_map(|delimiter| Some((judge(*delimiter)?, *delimiter)))
        .max_by_key(|(judgement, _)| *judgement)
        .map_or(Delimiter::Comma, |(_, delimiter)| delimiter)
}

/// A first row without any address is a header when a name in it is known or
/// the rows below have addresses.
pub(super) fn is_header(rows: &[Record]) -> bool {
    let addresses = |row: &Record| row.cells().any(|cell| EmailAddress::parse(cell).is_ok());
    let Some((first, rest)) = rows.split_first() else {
        return false;
    };
    !addresses(first) && (first.cells().any(known_header) || rest.iter().any(addresses))
}

#[cfg(test)]
mod tests {
    use super::super::tests::detect;
    use super::*;

    #[test]
    fn delimiters_and_headers_are_told_apart() {
        for (text, delimiter, has_header) in [
            (
                "email\tname\na@example.jp\t山田, 花子\n",
                Delimiter::Tab,
                true,
            ),
            ("email;name\na@example.jp;x\n", Delimiter::Semicolon, true),
            (
                "a@example.jp,山田\nb@example.jp,鈴木\n",
                Delimiter::Comma,
                false,
            ),
            ("メール\na@example.jp\n", Delimiter::Comma, true),
            ("連絡先A,B\na@example.jp,x\n", Delimiter::Comma, true),
            ("x,y\n1,2\n", Delimiter::Comma, false),
        ] {
            let reading = detect(text.as_bytes()).expect(text);
            assert_eq!(
                (reading.delimiter, reading.has_header),
                (delimiter, has_header),
                "{text}"
            );
        }
    }
}
