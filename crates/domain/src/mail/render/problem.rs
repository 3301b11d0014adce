//! What keeps a mail from being compiled or rendered, and in which part of it.

/// Part of a mail that something is said of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Subject,
    Preheader,
    SenderName,
    ReplyTo,
    Text,
    Html,
}

impl Part {
    /// Name of the field of the mail.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Preheader => "preheader",
            Self::SenderName => "sender_name",
            Self::ReplyTo => "reply_to",
            Self::Text => "text",
            Self::Html => "html",
        }
    }
}

/// Why a mail can't be compiled: what its writer has to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub part: Part,
    /// Counted from 1.
    pub line: Option<usize>,
    /// `template_syntax`, `forbidden_tag`, `unknown_block`, `block_depth`, `malformed_html`.
    pub code: &'static str,
    pub detail: String,
}

/// Why a mail can't be rendered for one person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", .part.as_str())]
pub struct RenderError {
    pub part: Part,
    /// `line_break_in_header`, `too_long`, `template`.
    pub code: &'static str,
    pub detail: String,
}
