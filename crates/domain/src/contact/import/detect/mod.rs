//! How a file is written, from its bytes: encoding, delimiter, whether the
//! first row is a header. [`encoding`] tells the first, [`rows`] the others.

mod encoding;
mod rows;

use self::encoding::Candidate;
use self::rows::{delimiter, is_header};
use super::super::csv::Encoding;
use super::parse::Record;
use super::plan::Reading;
use crate::error::FieldError;

pub(super) use self::rows::{first_rows, no_rows};

/// Bytes at the beginning that structure is read from.
pub const SAMPLE: usize = 1 << 20;
/// Bytes beyond ASCII that encodings are judged by; what comes later is only
/// read again when the file is imported.
const JUDGED: usize = 4 << 20;
/// Rows that delimiters are judged by.
const ROWS: usize = 50;

/// Watches a file go by, and then says what it is.
pub struct Detector {
    head: Vec<u8>,
    size: u64,
    judged: usize,
    utf8: Candidate,
    shift_jis: Candidate,
    euc_jp: Candidate,
}

/// What a file is read as, and its first rows.
#[derive(Debug, Clone)]
pub struct Detected {
    pub reading: Reading,
    pub rows: Vec<Record>,
}

impl Default for Detector {
    fn default() -> Self {
        Self {
            head: Vec::new(),
            size: 0,
            judged: 0,
            utf8: Candidate::new(Encoding::Utf8),
            shift_jis: Candidate::new(Encoding::ShiftJis),
            euc_jp: Candidate::new(Encoding::EucJp),
        }
    }
}

impl Detector {
    /// The next piece of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        let room = SAMPLE - self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        // A piece of ASCII says nothing, and leaves every decoder as it was;
        // it only ends a character that was cut, which decoders notice then.
        if self.judged < JUDGED && !(bytes.is_ascii() && self.judged == 0) {
            self.judged += bytes.len();
            for candidate in [&mut self.utf8, &mut self.shift_jis, &mut self.euc_jp] {
                candidate.feed(bytes);
            }
        }
    }

    /// What it was.
    ///
    /// # Errors
    /// A file that is empty, no text, a spreadsheet, or without any row.
    pub fn finish(self) -> Result<Detected, FieldError> {
        let encoding = self.encoding()?;
        let is_whole = self.size <= self.head.len() as u64;
        let delimiter = delimiter(&self.head, is_whole, encoding);
        let reading = Reading {
            encoding,
            delimiter,
            has_header: false,
        };
        let rows = first_rows(&self.head, is_whole, &reading, ROWS)?;
        let has_header = is_header(&rows);
        if rows.len() == usize::from(has_header) {
            return Err(no_rows());
        }
        Ok(Detected {
            reading: Reading {
                has_header,
                ..reading
            },
            rows,
        })
    }
}

fn wrong(code: &'static str, detail: &'static str) -> FieldError {
    FieldError::new("", code, detail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(super) fn detect(bytes: &[u8]) -> Result<Reading, FieldError> {
        let mut detector = Detector::default();
        for piece in bytes.chunks(7) {
            detector.feed(piece);
        }
        detector.finish().map(|found| found.reading)
    }

    #[test]
    fn files_that_can_not_be_read_are_refused_with_a_word() {
        for (bytes, code) in [
            (&b""[..], "empty"),
            (b"\r\n \n", "empty"),
            (b"PK\x03\x04\x14\x00", "spreadsheet"),
            (b"\xD0\xCF\x11\xE0\xA1\xB1", "spreadsheet"),
            (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x01", "not_text"),
            ("メールアドレス,氏名\r\n".as_bytes(), "no_rows"),
        ] {
            assert_eq!(detect(bytes).expect_err("refused").code, code);
        }
        assert_eq!(
            detect(&vec![b'x'; SAMPLE + 1000])
                .expect_err("one row")
                .code,
            "row_too_long"
        );
        let wide = format!("{}\n1\n", "a,".repeat(600));
        assert_eq!(
            detect(wide.as_bytes()).expect_err("columns").code,
            "too_many_columns"
        );
    }

    proptest! {
        #[test]
        fn nothing_makes_the_detector_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = detect(&bytes);
        }
    }
}
