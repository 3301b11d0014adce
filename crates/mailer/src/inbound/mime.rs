//! The parts of a mail that a report is read from. mail-parser takes the MIME
//! apart; what hostile input could make grow without bound is cut before.

use std::borrow::Cow;

use encoding_rs::{EUC_JP, ISO_2022_JP, SHIFT_JIS};
use mail_parser::{Encoding, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::address;

/// Bytes of a mail that are looked at: reports stand at its beginning, and the
/// mail that is given back at its end.
pub(super) const MAX_BYTES: usize = 512 * 1024;
/// Each nested part needs a header of this name, and each costs a level of
/// recursion when the parsed mail is dropped.
const MAX_CONTENT_TYPES: usize = 100;
/// Characters of text that are looked at.
const MAX_TEXT: usize = 64 * 1024;
/// Mails within mails that are searched for reports.
const MAX_DEPTH: usize = 4;

/// Parts of one mail.
#[derive(Debug, Default)]
pub(super) struct Mime {
    pub(super) subject: String,
    pub(super) from: Vec<String>,
    pub(super) to: Vec<String>,
    headers: Vec<(String, String)>,
    /// The words for people, before the mail that is given back.
    pub(super) text: String,
    /// Parts of type message/delivery-status.
    pub(super) reports: Vec<String>,
    /// The first part of type message/feedback-report.
    pub(super) feedback: Option<String>,
    /// Recipients of the mail that is given back.
    pub(super) original_to: Vec<String>,
}

impl Mime {
    pub(super) fn read(raw: &[u8]) -> Self {
        let raw = bounded(raw);
        let mut mime = Self::default();
        let Some(message) = MessageParser::default().parse(raw) else {
            mime.text = cut(&decoded(raw));
            return mime;
        };
        if message.parts.is_empty() {
            mime.text = cut(&decoded(raw));
            return mime;
        }
        mime.subject = message.subject().unwrap_or_default().to_owned();
        mime.headers = headers(&message);
        mime.from = mime.header("from").map(addresses).unwrap_or_default();
        mime.to = mime.header("to").map(addresses).unwrap_or_default();
        mime.collect(&message, 0);
        if mime.text.trim().is_empty() && mime.reports.is_empty() {
            // A boundary that is never met, or a body of HTML only.
            let body = message.body_text(0).unwrap_or_default();
            mime.text = if body.trim().is_empty() {
                cut(&decoded(body_of(raw)))
            } else {
                cut(&body)
            };
        }
        mime
    }

    /// The header alone.
    pub(super) fn head(raw: &[u8]) -> Self {
        let parsed = MessageParser::default().parse_headers(bounded(raw));
        let Some(message) = parsed.filter(|message| !message.parts.is_empty()) else {
            return Self::default();
        };
        Self {
            subject: message.subject().unwrap_or_default().to_owned(),
            headers: headers(&message),
            ..Self::default()
        }
    }

    /// How many headers were read.
    pub(super) fn count(&self) -> usize {
        self.headers.len()
    }

    /// The values of all headers of a name in lower case.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.headers.iter().filter(move |(given, _)| given == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The value of a header, by its name in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether nobody is to answer it: so come reports, and automatic replies.
    pub(super) fn has_no_sender(&self) -> bool {
        self.header("return-path")
            .is_some_and(|path| path.trim() == "<>")
    }

    /// Whether it says that a mail system wrote it.
    pub(super) fn is_from_a_mail_system(&self) -> bool {
        let from = self.header("from").unwrap_or_default().to_ascii_lowercase();
        let names = [
            "mailer-daemon",
            "mailer daemon",
            "postmaster",
            "post_master",
            "mail delivery",
            "mail-daemon",
            "maildelivery",
            "mailadmin",
            "system administrator",
        ];
        names.iter().any(|name| from.contains(name))
    }

    fn collect(&mut self, message: &Message<'_>, depth: usize) {
        for part in &message.parts {
            match &part.body {
                PartType::Message(inner) => {
                    if self.original_to.is_empty() {
                        self.original_to = recipients(inner);
                    }
                    if depth < MAX_DEPTH && self.reports.is_empty() {
                        self.collect_reports(inner, depth + 1);
                    }
                }
                PartType::Text(text) => self.text_part(message, part, text),
                PartType::Html(html) if self.text.is_empty() => {
                    let text = mail_parser::decoders::html::html_to_text(html);
                    self.push_text(&text);
                }
                PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
                    self.report_part(part, bytes);
                }
                _ => {}
            }
        }
    }

    /// Of a mail within this one only the reports: its text is not ours.
    fn collect_reports(&mut self, message: &Message<'_>, depth: usize) {
        for part in &message.parts {
            match &part.body {
                PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
                    self.report_part(part, bytes);
                }
                PartType::Message(inner) if depth < MAX_DEPTH => {
                    self.collect_reports(inner, depth + 1);
                }
                _ => {}
            }
        }
    }

    fn text_part(&mut self, message: &Message<'_>, part: &MessagePart<'_>, text: &str) {
        let is = |subtype: &str| {
            part.content_type()
                .and_then(|ct| ct.subtype())
                .is_some_and(|s| s.eq_ignore_ascii_case(subtype))
        };
        if is("rfc822-headers") {
            if self.original_to.is_empty()
                && let Some(original) = MessageParser::default().parse_headers(text.as_bytes())
            {
                self.original_to = recipients(&original);
            }
            return;
        }
        if part.attachment_name().is_some() && !self.text.is_empty() {
            return;
        }
        let charset = part.content_type().and_then(|ct| ct.attribute("charset"));
        let raw = message
            .raw_message
            .get(part.offset_body as usize..part.offset_end as usize);
        match (charset, part.encoding, raw) {
            // What it doesn't say, its bytes tell.
            (None, Encoding::None, Some(raw)) => self.push_text(&decoded(raw)),
            _ => self.push_text(text),
        }
    }

    fn push_text(&mut self, text: &str) {
        let room = MAX_TEXT.saturating_sub(self.text.len());
        let mut end = room.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.push_str(&text[..end]);
        self.text.push('\n');
    }

    fn report_part(&mut self, part: &MessagePart<'_>, bytes: &[u8]) {
        let Some(content_type) = part.content_type() else {
            return;
        };
        if !content_type.ctype().eq_ignore_ascii_case("message") {
            return;
        }
        let text = || String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_TEXT)]).into_owned();
        match content_type
            .subtype()
            .unwrap_or_default()
            .to_ascii_lowercase()
            .as_str()
        {
            "delivery-status" | "global-delivery-status" if self.reports.len() < 10 => {
                self.reports.push(text());
            }
            "feedback-report" if self.feedback.is_none() => self.feedback = Some(text()),
            _ => {}
        }
    }
}

/// The subject of a mail, and nothing else of it.
pub(super) fn subject(raw: &[u8]) -> String {
    MessageParser::default()
        .parse_headers(bounded(raw))
        .filter(|message| !message.parts.is_empty())
        .and_then(|message| message.subject().map(str::to_owned))
        .unwrap_or_default()
}

/// Headers of a mail by name in lower case, their values cut.
fn headers(message: &Message<'_>) -> Vec<(String, String)> {
    let parts = message.parts.first();
    let headers = parts.into_iter().flat_map(|part| &part.headers).take(200);
    headers
        .map(|header| {
            let range = header.offset_start as usize..header.offset_end as usize;
            let raw = message.raw_message.get(range).unwrap_or_default();
            let value: String = decoded(raw).chars().take(4000).collect();
            (header.name().to_ascii_lowercase(), value.trim().to_owned())
        })
        .collect()
}

fn recipients(message: &Message<'_>) -> Vec<String> {
    headers(message)
        .iter()
        .find(|(name, _)| name == "to")
        .map(|(_, value)| addresses(value))
        .unwrap_or_default()
}

fn addresses(header: &str) -> Vec<String> {
    address::all(header).take(20).collect()
}

/// The beginning of a mail, as far as it may be parsed.
fn bounded(raw: &[u8]) -> &[u8] {
    let raw = &raw[..raw.len().min(MAX_BYTES)];
    let name = b"content-type";
    let found = raw
        .windows(name.len())
        .enumerate()
        .filter(|(_, window)| window.eq_ignore_ascii_case(name))
        .nth(MAX_CONTENT_TYPES);
    found.map_or(raw, |(at, _)| &raw[..at])
}

/// What stands behind the first blank line.
fn body_of(raw: &[u8]) -> &[u8] {
    let ends = [b"\n\n".as_slice(), b"\n\r\n"];
    let found = ends
        .iter()
        .filter_map(|end| memchr::memmem::find(raw, end))
        .min();
    found.map_or(raw, |at| &raw[at..])
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// Text whose charset nobody named: UTF-8, or what Japanese systems send.
fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    if bytes.windows(2).any(|two| two == b"\x1b$") {
        let (text, failed) = ISO_2022_JP.decode_without_bom_handling(bytes);
        if !failed {
            return text;
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    for encoding in [SHIFT_JIS, EUC_JP] {
        let (text, failed) = encoding.decode_without_bom_handling(bytes);
        if !failed {
            return text;
        }
    }
    String::from_utf8_lossy(bytes)
}
