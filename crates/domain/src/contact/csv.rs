//! What import and export have in common: the encodings of customer files and
//! rows of CSV.

use std::borrow::Cow;

use encoding_rs::{Decoder, EncoderResult};

use crate::csv_cell;
use crate::text_enum::text_enum;

text_enum! {
    /// How a file's text is written.
    pub enum Encoding {
        Utf8 = "utf-8",
        /// With the byte order mark that Excel wants.
        Utf8Bom = "utf-8-bom",
        /// CP932, as Windows writes it: with ①, 髙 and half-width kana.
        ShiftJis = "shift_jis",
        EucJp = "euc-jp",
        Utf16Le = "utf-16le",
        Utf16Be = "utf-16be",
    }
}

impl Encoding {
    fn library(self) -> &'static encoding_rs::Encoding {
        match self {
            Self::Utf8 | Self::Utf8Bom => encoding_rs::UTF_8,
            Self::ShiftJis => encoding_rs::SHIFT_JIS,
            Self::EucJp => encoding_rs::EUC_JP,
            Self::Utf16Le => encoding_rs::UTF_16LE,
            Self::Utf16Be => encoding_rs::UTF_16BE,
        }
    }

    /// Turns bytes into text; a mark at the beginning is dropped.
    #[must_use]
    pub fn decoder(self) -> Decoder {
        self.library().new_decoder_with_bom_removal()
    }

    /// What a file of this encoding begins with.
    #[must_use]
    pub fn mark(self) -> &'static [u8] {
        match self {
            Self::Utf8Bom => b"\xEF\xBB\xBF",
            Self::Utf16Le => b"\xFF\xFE",
            Self::Utf16Be => b"\xFE\xFF",
            Self::Utf8 | Self::ShiftJis | Self::EucJp => b"",
        }
    }

    /// The text with the spelling of its characters that the encoding has.
    #[must_use]
    pub fn spelling(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::ShiftJis | Self::EucJp => twins(text),
            Self::Utf8 | Self::Utf8Bom | Self::Utf16Le | Self::Utf16Be => Cow::Borrowed(text),
        }
    }

    /// Writes text; answers how many characters the encoding does not have.
    /// Those are written as `&#128512;`, never as `?`: it can be seen what
    /// stood there, and found again.
    pub fn encode(self, text: &str, out: &mut Vec<u8>) -> u64 {
        match self {
            Self::Utf8 | Self::Utf8Bom => {
                out.extend_from_slice(text.as_bytes());
                0
            }
            Self::Utf16Le => {
                out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
                0
            }
            Self::Utf16Be => {
                out.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
                0
            }
            Self::ShiftJis | Self::EucJp => self.encode_japanese(text, out),
        }
    }

    fn encode_japanese(self, text: &str, out: &mut Vec<u8>) -> u64 {
        let text = twins(text);
        let mut encoder = self.library().new_encoder();
        let mut rest = text.as_ref();
        let mut replaced = 0;
        loop {
            // Enough for the rest in either encoding: three bytes at most.
            let room = encoder
                .max_buffer_length_from_utf8_without_replacement(rest.len())
                .unwrap_or(rest.len() * 3 + 16);
            out.reserve(room);
            let (result, read) =
                encoder.encode_from_utf8_to_vec_without_replacement(rest, out, true);
            rest = &rest[read..];
            match result {
                EncoderResult::InputEmpty => return replaced,
                EncoderResult::OutputFull => {}
                EncoderResult::Unmappable(c) => {
                    out.extend_from_slice(format!("&#{};", u32::from(c)).as_bytes());
                    replaced += 1;
                }
            }
        }
    }
}

/// Characters that stand for the same one of JIS X 0208 in different tables
/// of Unicode, as the ones that CP932 knows. (¥ would otherwise come back as \.)
fn twins(text: &str) -> Cow<'_, str> {
    let twin = |c| match c {
        '\u{301C}' => '\u{FF5E}', // 〜
        '\u{2016}' => '\u{2225}', // ‖
        '\u{2014}' => '\u{2015}', // —
        '\u{2212}' => '\u{FF0D}', // −
        '\u{A2}' => '\u{FFE0}',
        '\u{A3}' => '\u{FFE1}',
        '\u{AC}' => '\u{FFE2}',
        '\u{A5}' => '\u{FFE5}',
        '\u{203E}' => '\u{FFE3}',
        c => c,
    };
    if text.chars().all(|c| twin(c) == c) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().map(twin).collect())
    }
}

/// Adds a row (RFC 4180: CRLF, quotes doubled, quoted only where needed).
pub(crate) fn push_row<C: AsRef<str>>(
    out: &mut String,
    delimiter: char,
    cells: impl IntoIterator<Item = C>,
) {
    let begin = out.len();
    let mut n = 0;
    for cell in cells {
        if n > 0 {
            out.push(delimiter);
        }
        n += 1;
        let cell = csv_cell::escape(cell.as_ref());
        if cell.contains(['"', '\r', '\n', ',', ';', '\t'])
            || cell.starts_with(' ')
            || cell.ends_with(' ')
        {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&cell);
        }
    }
    // A row of one empty cell would be a blank line, which readers skip.
    if out.len() == begin && n == 1 {
        out.push_str("\"\"");
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(encoding: Encoding, bytes: &[u8]) -> String {
        let mut text = String::with_capacity(bytes.len() * 3 + 16);
        let (_, _, had_errors) = encoding.decoder().decode_to_string(bytes, &mut text, true);
        assert!(!had_errors, "{encoding:?}");
        text
    }

    #[test]
    fn characters_of_japanese_files_survive_shift_jis() {
        let mut out = Vec::new();
        assert_eq!(Encoding::ShiftJis.encode("①髙﨑ｻﾄｳ～―－￥", &mut out), 0);
        assert_eq!(decode(Encoding::ShiftJis, &out), "①髙﨑ｻﾄｳ～―－￥");
        out.clear();
        assert_eq!(Encoding::ShiftJis.encode("〜−—¥", &mut out), 0);
        assert_eq!(decode(Encoding::ShiftJis, &out), "～－―￥");
    }

    #[test]
    fn what_an_encoding_does_not_have_becomes_a_reference_and_is_counted() {
        let mut out = Vec::new();
        assert_eq!(Encoding::ShiftJis.encode("花😀é", &mut out), 2);
        assert_eq!(decode(Encoding::ShiftJis, &out), "花&#128512;&#233;");
    }

    proptest! {
        #[test]
        fn unicode_encodings_hold_every_text(text in "\\PC{0,60}", encoding in prop::sample::select(&[Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be][..])) {
            let mut out = Vec::new();
            prop_assert_eq!(encoding.encode(&text, &mut out), 0);
            // A mark at the very beginning would be taken for one.
            prop_assume!(!text.starts_with('\u{FEFF}'));
            prop_assert_eq!(decode(encoding, &out), text);
        }
    }
}
