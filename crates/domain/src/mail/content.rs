//! What a mail says: shared by mails, their versions and templates.

use serde::{Deserialize, Serialize};

use crate::error::Validation;
use crate::text_enum::text_enum;

text_enum! {
    /// Where the text part comes from.
    pub enum TextMode {
        /// Made from the HTML part, and so always in step with it.
        Auto = "auto",
        /// As it was written.
        Manual = "manual",
    }
}

text_enum! {
    /// Language of a mail: of its fallbacks, dates and cancel page.
    pub enum Locale {
        Ja = "ja",
        En = "en",
    }
}

/// Longest text or HTML part, in characters.
pub const MAX_PART: usize = 1_048_576;
/// Longest subject, in characters: one header line (RFC 5322 §2.1.1).
pub const MAX_SUBJECT: usize = 998;

/// The content of a mail, merge fields and all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub subject: String,
    /// What inboxes show after the subject.
    pub preheader: String,
    pub sender_name: String,
    /// Without merge fields: its domain is the one that signs.
    pub sender_address: String,
    pub reply_to: String,
    pub text: String,
    pub html: String,
    pub text_mode: TextMode,
    pub locale: Locale,
}

impl Default for Content {
    fn default() -> Self {
        Self {
            subject: String::new(),
            preheader: String::new(),
            sender_name: String::new(),
            sender_address: String::new(),
            reply_to: String::new(),
            text: String::new(),
            html: String::new(),
            text_mode: TextMode::Auto,
            locale: Locale::Ja,
        }
    }
}

impl Content {
    /// Sizes and header lines; a draft may still be empty.
    pub(crate) fn check(&self, v: &mut Validation) {
        for (pointer, text, max) in [
            ("/subject", &self.subject, MAX_SUBJECT),
            ("/preheader", &self.preheader, MAX_SUBJECT),
            ("/sender_name", &self.sender_name, 200),
            ("/sender_address", &self.sender_address, 320),
            ("/reply_to", &self.reply_to, 320),
        ] {
            v.length(pointer, text, 0, max);
            if text.chars().any(char::is_control) {
                v.add(
                    pointer,
                    "line_break",
                    "must be one line without control characters",
                );
            }
        }
        v.length("/text", &self.text, 0, MAX_PART);
        v.length("/html", &self.html, 0, MAX_PART);
    }
}
