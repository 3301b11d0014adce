//! The encoding of a file, by its mark or by what its bytes decode to.
//!
//! A file that is valid UTF-8 is UTF-8: text in another encoding practically
//! never is by chance. Shift_JIS and EUC-JP are told apart by decoding with
//! both: one usually fails, and where both succeed, EUC-JP read as Shift_JIS
//! shows as rows of half-width kana. (A general detector was tried and is
//! worse here: it weighs in dozens of encodings that Japanese customer files
//! are never in, and files of short names give it little to go on.)

use encoding_rs::{CoderResult, Decoder};

use super::{Detector, wrong};
use crate::contact::csv::Encoding;
use crate::error::FieldError;

/// What the file reads as in one encoding, and how well.
pub(super) struct Candidate {
    decoder: Decoder,
    text: String,
    errors: u64,
    characters: u64,
    score: i64,
}

impl Candidate {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self {
            decoder: encoding.decoder(),
            text: String::new(),
            errors: 0,
            characters: 0,
            score: 0,
        }
    }

    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
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

impl Detector {
    pub(super) fn encoding(&self) -> Result<Encoding, FieldError> {
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

fn not_text() -> FieldError {
    wrong(
        "not_text",
        "this is no text file, or in an encoding that is not known: save it as CSV in UTF-8 or Shift_JIS",
    )
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::SAMPLE;
    use super::super::tests::detect;
    use super::*;
    use crate::contact::import::plan::Delimiter;

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
    }
}
