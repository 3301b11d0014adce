//! Bytes of a file to rows, piece by piece: decoding, then CSV. Memory is
//! bounded by the longest row allowed, whatever the file is.

use encoding_rs::{CoderResult, Decoder};

use super::super::csv::Encoding;
use super::plan::Reading;
use crate::csv_cell;
use crate::error::FieldError;

/// Bytes of a row, as UTF-8. A quote that is never closed makes one row of
/// the rest of the file.
pub const MAX_ROW: usize = 1 << 20;
/// Columns of a row.
pub const MAX_COLUMNS: usize = 500;

/// A row of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The line that it begins on, from 1, as an editor counts them.
    pub line: u64,
    text: String,
    ends: Vec<usize>,
}

impl Record {
    /// A row of these cells.
    #[must_use]
    pub fn new<'a>(line: u64, cells: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut text, mut ends) = (String::new(), Vec::new());
        for cell in cells {
            text.push_str(cell);
            ends.push(text.len());
        }
        Self { line, text, ends }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The cell as it stands in the file.
    #[must_use]
    pub fn raw(&self, column: usize) -> Option<&str> {
        let end = *self.ends.get(column)?;
        let begin = column.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(begin..end)
    }

    /// The cell without the apostrophe of an export.
    #[must_use]
    pub fn cell(&self, column: usize) -> Option<&str> {
        self.raw(column).map(csv_cell::unescape)
    }

    pub fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|column| self.cell(column))
    }

    /// Bytes that it holds.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text.len() + self.ends.len() * size_of::<usize>()
    }
}

/// Reads a file that comes in pieces.
pub struct Parser {
    decoder: Decoder,
    text: String,
    csv: csv_core::Reader,
    /// Line of what comes next.
    line: u64,
    /// The last byte taken was a carriage return: a line feed after it
    /// belongs to it.
    after_return: bool,
    /// Of the row under way; `None` between rows.
    begun: Option<u64>,
    out: Vec<u8>,
    out_len: usize,
    ends: Vec<usize>,
    ends_len: usize,
}

impl Parser {
    #[must_use]
    pub fn new(encoding: Encoding, delimiter: u8) -> Self {
        Self {
            decoder: encoding.decoder(),
            text: String::new(),
            csv: csv_core::ReaderBuilder::new().delimiter(delimiter).build(),
            line: 1,
            after_return: false,
            begun: None,
            out: vec![0; 4096],
            out_len: 0,
            ends: vec![0; 64],
            ends_len: 0,
        }
    }

    #[must_use]
    pub fn of(reading: &Reading) -> Self {
        Self::new(reading.encoding, reading.delimiter.byte())
    }

    /// Takes the next piece, and gives every row that it completes to `sink`;
    /// `is_last` also the one that ends with the file.
    ///
    /// # Errors
    /// A row that is too long, with the line that it begins on.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        is_last: bool,
        sink: &mut impl FnMut(Record),
    ) -> Result<(), FieldError> {
        loop {
            let mut text = std::mem::take(&mut self.text);
            text.clear();
            text.reserve(64 * 1024);
            let (result, read, _) = self.decoder.decode_to_string(bytes, &mut text, is_last);
            bytes = &bytes[read..];
            let outcome = self.rows(text.as_bytes(), sink);
            self.text = text;
            outcome?;
            if result == CoderResult::InputEmpty {
                break;
            }
        }
        if is_last && self.begun.is_some() {
            self.step(&[], sink)?;
        }
        Ok(())
    }

    fn rows(&mut self, mut text: &[u8], sink: &mut impl FnMut(Record)) -> Result<(), FieldError> {
        while !text.is_empty() {
            if self.begun.is_none() {
                let blank = text
                    .iter()
                    .take_while(|b| matches!(b, b'\r' | b'\n'))
                    .count();
                self.count_lines(&text[..blank]);
                text = &text[blank..];
                if text.is_empty() {
                    break;
                }
                self.begun = Some(self.line);
            }
            let taken = self.step(text, sink)?;
            self.count_lines(&text[..taken]);
            text = &text[taken..];
        }
        Ok(())
    }

    /// One call of the reader; answers how much it took.
    fn step(&mut self, text: &[u8], sink: &mut impl FnMut(Record)) -> Result<usize, FieldError> {
        use csv_core::ReadRecordResult as R;
        let (result, taken, wrote, ended) = self.csv.read_record(
            text,
            &mut self.out[self.out_len..],
            &mut self.ends[self.ends_len..],
        );
        self.out_len += wrote;
        self.ends_len += ended;
        match result {
            R::InputEmpty => {}
            R::OutputFull => self.grow_out()?,
            R::OutputEndsFull => self.grow_ends()?,
            R::Record => self.emit(sink),
            R::End => self.begun = None,
        }
        if text.is_empty() && self.begun.is_some() {
            // The end of the file: again, until the row is out.
            return self.step(text, sink);
        }
        Ok(taken)
    }

    fn emit(&mut self, sink: &mut impl FnMut(Record)) {
        let line = self.begun.take().unwrap_or(self.line);
        let text = String::from_utf8_lossy(&self.out[..self.out_len]).into_owned();
        let ends = self.ends[..self.ends_len].to_vec();
        self.out_len = 0;
        self.ends_len = 0;
        sink(Record { line, text, ends });
    }

    fn grow_out(&mut self) -> Result<(), FieldError> {
        if self.out.len() >= MAX_ROW {
            return Err(self.too_long(&format!("has more than {MAX_ROW} bytes")));
        }
        self.out.resize((self.out.len() * 4).min(MAX_ROW), 0);
        Ok(())
    }

    fn grow_ends(&mut self) -> Result<(), FieldError> {
        // Room for far more than is allowed, so that such a row is refused by
        // itself (too_many_columns) and the file goes on.
        if self.ends.len() >= MAX_ROW / 8 {
            return Err(self.too_long("has far too many columns"));
        }
        self.ends.resize(self.ends.len() * 4, 0);
        Ok(())
    }

    fn too_long(&self, what: &str) -> FieldError {
        let line = self.begun.unwrap_or(self.line);
        FieldError::new(
            "",
            "row_too_long",
            format!(
                "the row that begins on line {line} {what}: is a quotation mark there not closed, or the delimiter another one?"
            ),
        )
    }

    fn count_lines(&mut self, taken: &[u8]) {
        for &b in taken {
            match b {
                b'\n' if self.after_return => {}
                b'\n' | b'\r' => self.line += 1,
                _ => {}
            }
            self.after_return = b == b'\r';
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(bytes: &[u8], pieces: usize) -> Result<Vec<Record>, FieldError> {
        let mut parser = Parser::new(Encoding::Utf8, b',');
        let mut found = Vec::new();
        for piece in bytes.chunks(pieces.max(1)) {
            parser.push(piece, false, &mut |record| found.push(record))?;
        }
        parser.push(&[], true, &mut |record| found.push(record))?;
        Ok(found)
    }

    fn cells(record: &Record) -> Vec<&str> {
        (0..record.len())
            .map(|i| record.raw(i).expect("a cell"))
            .collect()
    }

    #[test]
    fn rows_know_the_line_that_they_begin_on() {
        let text = "a,b\r\n\r\n\"x\r\ny\",2\r\n,\r\nlast,\"q\"\"q\"";
        for pieces in [1, 2, 3, 7, 1000] {
            let found = rows(text.as_bytes(), pieces).expect("rows");
            let lines: Vec<u64> = found.iter().map(|r| r.line).collect();
            assert_eq!(lines, [1, 3, 5, 6], "in pieces of {pieces}");
            assert_eq!(cells(&found[1]), ["x\r\ny", "2"]);
            assert_eq!(cells(&found[2]), ["", ""]);
            assert_eq!(cells(&found[3]), ["last", "q\"q"]);
        }
    }

    #[test]
    fn old_macintosh_line_ends_are_lines_too() {
        let found = rows(b"a,b\rc,d\re,f", 2).expect("rows");
        assert_eq!(found.iter().map(|r| r.line).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn a_quote_that_is_never_closed_is_an_error_with_its_line_and_flat_memory() {
        let mut parser = Parser::new(Encoding::Utf8, b',');
        let mut n = 0;
        parser
            .push(b"a,b\nc,\"d", false, &mut |_| n += 1)
            .expect("so far");
        let piece = vec![b'x'; 1 << 16];
        let error = (0..1 << 14)
            .find_map(|_| parser.push(&piece, false, &mut |_| n += 1).err())
            .expect("refused long before a gigabyte");
        assert_eq!((error.code, n), ("row_too_long", 1));
        assert!(error.detail.contains("line 2"), "{}", error.detail);
        assert!(parser.out.len() <= MAX_ROW);
    }

    #[test]
    fn the_apostrophe_of_an_export_is_taken_off() {
        let found = rows(b"'=1,'''@x,'a', b \n", 100).expect("rows");
        assert_eq!(
            found[0].cells().collect::<Vec<_>>(),
            ["=1", "''@x", "'a'", " b "]
        );
    }

    proptest! {
        #[test]
        fn nothing_makes_the_parser_panic_and_pieces_do_not_matter(
            bytes in prop::collection::vec(any::<u8>(), 0..400),
            encoding in prop::sample::select(Encoding::ALL),
            pieces in 1usize..40,
        ) {
            let read = |size: usize| {
                let mut parser = Parser::new(encoding, b',');
                let mut found = Vec::new();
                for piece in bytes.chunks(size) {
                    parser.push(piece, false, &mut |r| found.push(r)).expect("short");
                }
                parser.push(&[], true, &mut |r| found.push(r)).expect("short");
                found
            };
            prop_assert_eq!(read(pieces), read(1000));
        }

        #[test]
        fn what_was_written_is_read_again(
            table in prop::collection::vec(prop::collection::vec("['=a,\"\r\n\t; あ😀]{0,8}", 1..5), 1..8),
            pieces in 1usize..30,
        ) {
            let mut text = String::new();
            for row in &table {
                crate::contact::csv::push_row(&mut text, ',', row);
            }
            let found = rows(text.as_bytes(), pieces).expect("rows");
            let read: Vec<Vec<String>> = found.iter().map(|r| r.cells().map(str::to_owned).collect()).collect();
            prop_assert_eq!(read, table);
        }
    }
}
