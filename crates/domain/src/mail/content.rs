//! What a mail says: shared by mails, their versions and templates.

use diesel::prelude::*;
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
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Serialize, Deserialize)]
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

/// A change of content; `None` leaves a value as it is.
#[derive(Debug, Clone, Default)]
pub struct ContentChange {
    pub subject: Option<String>,
    pub preheader: Option<String>,
    pub sender_name: Option<String>,
    pub sender_address: Option<String>,
    pub reply_to: Option<String>,
    pub text: Option<String>,
    pub html: Option<String>,
    pub text_mode: Option<TextMode>,
    pub locale: Option<Locale>,
}

impl ContentChange {
    /// The content after the change.
    pub(crate) fn apply(self, before: &Content) -> Content {
        let keep = |new: Option<String>, old: &String| new.unwrap_or_else(|| old.clone());
        Content {
            subject: keep(self.subject, &before.subject),
            preheader: keep(self.preheader, &before.preheader),
            sender_name: keep(self.sender_name, &before.sender_name),
            sender_address: keep(self.sender_address, &before.sender_address),
            reply_to: keep(self.reply_to, &before.reply_to),
            text: keep(self.text, &before.text),
            html: keep(self.html, &before.html),
            text_mode: self.text_mode.unwrap_or(before.text_mode),
            locale: self.locale.unwrap_or(before.locale),
        }
    }
}

/// The columns of a [`Content`] in its order, of a table that has them.
macro_rules! content_columns {
    ($table:ident) => {
        (
            $table::subject,
            $table::preheader,
            $table::sender_name,
            $table::sender_address,
            $table::reply_to,
            $table::text_part,
            $table::html_part,
            $table::text_mode,
            $table::locale,
        )
    };
}

/// A [`Content`] as values for these columns.
macro_rules! content_values {
    ($table:ident, $content:expr) => {
        (
            $table::subject.eq(&$content.subject),
            $table::preheader.eq(&$content.preheader),
            $table::sender_name.eq(&$content.sender_name),
            $table::sender_address.eq(&$content.sender_address),
            $table::reply_to.eq(&$content.reply_to),
            $table::text_part.eq(&$content.text),
            $table::html_part.eq(&$content.html),
            $table::text_mode.eq($content.text_mode),
            $table::locale.eq($content.locale),
        )
    };
}

pub(crate) use {content_columns, content_values};
