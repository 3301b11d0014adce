//! Cells of files that people open in a spreadsheet.
//!
//! Excel, LibreOffice and Google Sheets run a cell that begins like a formula,
//! and customers write our cells: a name of `=HYPERLINK(…)` in an export is an
//! attack on whoever opens it. Such a cell gets a leading apostrophe, which
//! spreadsheets take for "this is text". Quoting alone doesn't help, since
//! it is gone once the file is parsed.
//!
//! The way back loses nothing: a cell that already looks escaped is escaped
//! once more, so that what we export and import again is what it was.

use std::borrow::Cow;

/// The mark of text.
const MARK: char = '\'';

/// Whether a spreadsheet may take a cell that begins with this for a formula.
/// The full-width forms are what Japanese input methods write; Excel reads them
/// as the half-width ones.
const fn begins_formula(c: char) -> bool {
    matches!(
        c,
        '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\0' | '＝' | '＋' | '－' | '＠'
    )
}

/// Whether it begins like a formula, behind any number of marks.
fn is_formula_like(cell: &str) -> bool {
    cell.trim_start_matches(MARK).starts_with(begins_formula)
}

/// The cell as it goes into a file. [`unescape`] is the way back.
#[must_use]
pub fn escape(cell: &str) -> Cow<'_, str> {
    if is_formula_like(cell) {
        Cow::Owned(format!("{MARK}{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

/// What [`escape`] made the cell from; any other cell as it is.
#[must_use]
pub fn unescape(cell: &str) -> &str {
    match cell.strip_prefix(MARK) {
        Some(rest) if is_formula_like(rest) => rest,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_begins_like_a_formula_becomes_text() {
        for cell in [
            "=1+1",
            "+81312345678",
            "-5",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "\0=1",
            "＝1",
        ] {
            assert_eq!(escape(cell), format!("'{cell}"));
        }
    }

    #[test]
    fn ordinary_cells_and_ordinary_apostrophes_stay() {
        for cell in ["", "山田 太郎", "a=b", "'quoted'", "'", "''", "O'Neil"] {
            assert_eq!(escape(cell), cell);
            assert_eq!(unescape(cell), cell);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_exported_comes_back_as_it_was(cell in "['=+@ab＝\t\r\n\0-]{0,6}|\\PC{0,20}") {
            let escaped = escape(&cell);
            prop_assert!(!escaped.starts_with(begins_formula));
            prop_assert_eq!(unescape(&escaped), cell.as_str());
        }
    }
}
