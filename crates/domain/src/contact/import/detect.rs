//! How a file is written, from its bytes: encoding, delimiter, whether the
//! first row is a header.
//!
//! A file that is valid UTF-8 is UTF-8: text in another encoding practically
//! never is by chance. Shift_JIS and EUC-JP are told apart by decoding with
//! both: one usually fails, and where both succeed, EUC-JP read as Shift_JIS
//! shows as rows of half-width kana. (A general detector was tried and is
//! worse here: it weighs in dozens of encodings that Japanese customer files
//! are never in, and files of short names give it little to go on.)

use encoding_rs::{CoderResult, Decoder};

use super::super::address::EmailAddress;
use super::super::csv::Encoding;
use super::parse::{MAX_COLUMNS, Parser, Record};
use super::plan::{Delimiter, Reading};
use super::suggest::known_header;
use crate::error::FieldError;

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

struct Candidate {
    decoder: Decoder,
    text: String,
    errors: u64,
    characters: u64,
    score: i64,
}

impl Candidate {
    fn new(encoding: Encoding) -> Self {
        Self {
            decoder: encoding.decoder(),
            text: String::new(),
            errors: 0,
            characters: 0,
            score: 0,
        }
    }

    fn feed(&mut self, mut bytes: &[u8]) {
        loop {
            self.text.clear();
            self.text.reserve(16 * 1024);
            let (result, read, _) = self.decoder.decode_to_string(bytes, &mut self.text, false);
            bytes = &bytes[read..];
            for c in self.text.chars().filter(|c| !c.is_ascii()) {
                self.characters += 1;
                match c {
                    '\u{FFFD}' => self.errors += 1,
                    'ぁ'..='ヿ' | '々' | '、' | '。' => self.score += 3,
                    '一'..='鿿' | '０'..='９' | 'Ａ'..='ｚ' => self.score += 2,
                    '\u{FF61}'..='\u{FF9F}' => self.score -= 1,
                    '\u{E000}'..='\u{F8FF}' | '\u{80}'..='\u{9F}' => self.score -= 10,
                    _ => {}
                }
            }
            if result == CoderResult::InputEmpty {
                break;
            }
        }
    }

    fn is_clean(&self) -> bool {
        self.errors == 0
    }
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

    fn encoding(&self) -> Result<Encoding, FieldError> {
        let head = self.head.as_slice();
        if head.iter().all(u8::is_ascii_whitespace) {
            return Err(wrong("empty", "the file is empty"));
        }
        for magic in [&b"PK\x03\x04"[..], b"\xD0\xCF\x11\xE0", b"%PDF"] {
            if head.starts_with(magic) {
                return Err(wrong(
                    "spreadsheet",
                    "this is no CSV file but a spreadsheet or another kind of file: open it in Excel and save it as “CSV UTF-8”",
                ));
            }
        }
        for marked in [Encoding::Utf8Bom, Encoding::Utf16Le, Encoding::Utf16Be] {
            if head.starts_with(marked.mark()) {
                return Ok(marked);
            }
        }
        if let Some(encoding) = wide(head) {
            return Ok(encoding);
        }
        if head.contains(&0) {
            return Err(not_text());
        }
        if self.utf8.is_clean() {
            return Ok(Encoding::Utf8);
        }
        let (best, encoding) = {
            let (sjis, euc) = (&self.shift_jis, &self.euc_jp);
            let euc_is_better = match (sjis.is_clean(), euc.is_clean()) {
                (true, false) => false,
                (false, true) => true,
                (true, true) => euc.score > sjis.score,
                (false, false) => (euc.errors, -euc.score) < (sjis.errors, -sjis.score),
            };
            if euc_is_better {
                (euc, Encoding::EucJp)
            } else {
                (sjis, Encoding::ShiftJis)
            }
        };
        let (best, encoding) = if self.utf8.errors < best.errors {
            (&self.utf8, Encoding::Utf8)
        } else {
            (best, encoding)
        };
        // Some broken characters are the rows' fault, and said row by row.
        if best.errors * 5 > best.characters + 10 {
            return Err(not_text());
        }
        Ok(encoding)
    }
}

fn wrong(code: &'static str, detail: &'static str) -> FieldError {
    FieldError::new("", code, detail)
}

fn not_text() -> FieldError {
    wrong(
        "not_text",
        "this is no text file, or in an encoding that is not known: save it as CSV in UTF-8 or Shift_JIS",
    )
}

/// The refusal of a file without a row.
pub(super) fn no_rows() -> FieldError {
    wrong("no_rows", "the file has no rows below its header")
}

/// UTF-16 without its mark: every ASCII character in it has a zero byte on
/// one side.
fn wide(head: &[u8]) -> Option<Encoding> {
    let pairs = head.len() / 2;
    let zeros = |offset: usize| {
        head.iter()
            .skip(offset)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    if pairs < 2 {
        None
    } else if odd * 20 > pairs && even * 10 < odd {
        Some(Encoding::Utf16Le)
    } else if even * 20 > pairs && odd * 10 < even {
        Some(Encoding::Utf16Be)
    } else {
        None
    }
}

/// The first rows of a file. `is_whole`: the file ends with `head`; otherwise
/// the row that it cuts is left out.
///
/// # Errors
/// A row or the number of columns over its limit, or no row at all.
pub(super) fn first_rows(
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
fn delimiter(head: &[u8], is_whole: bool, encoding: Encoding) -> Delimiter {
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
fn is_header(rows: &[Record]) -> bool {
    let addresses = |row: &Record| row.cells().any(|cell| EmailAddress::parse(cell).is_ok());
    let Some((first, rest)) = rows.split_first() else {
        return false;
    };
    !addresses(first) && (first.cells().any(known_header) || rest.iter().any(addresses))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn detect(bytes: &[u8]) -> Result<Reading, FieldError> {
        let mut detector = Detector::default();
        for piece in bytes.chunks(7) {
            detector.feed(piece);
        }
        detector.finish().map(|found| found.reading)
    }

    fn written(encoding: Encoding, text: &str) -> Vec<u8> {
        let mut bytes = encoding.mark().to_vec();
        assert_eq!(encoding.encode(text, &mut bytes), 0, "{text}");
        bytes
    }

    #[test]
    fn every_encoding_is_told_from_its_bytes() {
        let text = "メールアドレス,氏名\r\na@example.jp,山田 花子\r\nb@example.jp,ｻﾄｳ ﾚﾝ\r\n";
        for encoding in Encoding::ALL {
            let reading = detect(&written(*encoding, text)).expect("text");
            assert_eq!(
                (reading.encoding, reading.delimiter, reading.has_header),
                (*encoding, Delimiter::Comma, true)
            );
        }
        let bare = &written(Encoding::Utf16Le, text)[2..];
        assert_eq!(detect(bare).expect("text").encoding, Encoding::Utf16Le);
        let bare = &written(Encoding::Utf16Be, text)[2..];
        assert_eq!(detect(bare).expect("text").encoding, Encoding::Utf16Be);
    }

    #[test]
    fn an_encoding_is_seen_behind_a_megabyte_of_ascii() {
        let mut text = "email,name\n".to_owned();
        for i in 0..60_000 {
            text.push_str(&format!("person{i}@example.jp,Name\n"));
        }
        text.push_str("z@example.jp,山田\n");
        let bytes = written(Encoding::ShiftJis, &text);
        assert!(bytes.len() > SAMPLE);
        let mut detector = Detector::default();
        for piece in bytes.chunks(64 * 1024) {
            detector.feed(piece);
        }
        let reading = detector.finish().expect("text").reading;
        assert_eq!(reading.encoding, Encoding::ShiftJis);
    }

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

    fn japanese() -> impl Strategy<Value = String> {
        prop::collection::vec(
            prop::sample::select(vec![
                "山田",
                "花子",
                "佐藤",
                "鈴木",
                "東京都",
                "株式会社",
                "さくら",
                "タロウ",
                "髙橋",
                "様",
                "営業部",
                "ｱｲｳ",
                "ー",
                "第①",
                "おおさか",
                "メモ",
                "請求書送付先",
            ]),
            3..20,
        )
        .prop_map(|words| {
            let rows: Vec<String> = words.chunks(2).map(|pair| pair.join(",")).collect();
            format!("氏名,備考\r\n{}\r\n", rows.join("\r\n"))
        })
    }

    proptest! {
        #[test]
        fn random_japanese_is_told_in_each_encoding(text in japanese(), encoding in prop::sample::select(Encoding::ALL)) {
            let reading = detect(&written(encoding, &text)).expect("text");
            prop_assert_eq!(reading.encoding, encoding);
        }

        #[test]
        fn nothing_makes_the_detector_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = detect(&bytes);
        }
    }
}
