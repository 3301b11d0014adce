//! One mail that came back: whom it speaks of, and what it says.

use domain::event::bounce::{BounceKind, BounceReason, Status};
use serde::Serialize;

use super::mime::Mime;
use super::{arf, auto_reply, dsn, ses, wording};

/// Most recipients of one report that are looked at.
pub(super) const MAX_RECIPIENTS: usize = 100;
/// Longest explanation that is kept, in characters.
pub(super) const MAX_TEXT: usize = 1000;

/// What the other side did with the mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Failed,
    Delayed,
    Delivered,
    Relayed,
    Expanded,
    /// Somebody reported it as unwanted.
    Complaint,
    /// Nothing that we could tell.
    None,
}

/// What a report says of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// As the report spells it; hostile input.
    pub address: Option<String>,
    pub action: Action,
    pub status: Option<Status>,
    pub kind: BounceKind,
    pub reason: BounceReason,
    /// What the other side said, cut and freed of control characters.
    pub text: String,
}

impl Finding {
    pub(super) fn failed(
        address: Option<String>,
        status: Option<Status>,
        reason: BounceReason,
        text: &str,
    ) -> Self {
        Self {
            address,
            action: Action::Failed,
            status: status.or_else(|| reason.status()),
            kind: reason.kind(status),
            reason,
            text: kept(text),
        }
    }

    pub(super) fn none(
        address: Option<String>,
        action: Action,
        status: Option<Status>,
        reason: BounceReason,
        text: &str,
    ) -> Self {
        Self {
            address,
            action,
            status,
            kind: BounceKind::None,
            reason,
            text: kept(text),
        }
    }
}

/// One line, cut.
fn kept(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > MAX_TEXT * 4 {
            break;
        }
    }
    line.chars().take(MAX_TEXT).collect()
}

/// Reads a mail of any kind, whose line ends may be CRLF or LF. Always finds
/// something: of a mail that is no report, that it is none.
#[must_use]
pub fn read(raw: &[u8]) -> Vec<Finding> {
    let mime = Mime::read(raw);
    let mut findings = arf::read(&mime);
    if findings.is_empty() {
        findings = dsn::read(&mime);
    }
    if findings.is_empty() {
        findings = ses::read(&mime);
    }
    if findings.is_empty() && auto_reply::is(&mime) {
        findings = vec![Finding::none(
            mime.from.first().cloned(),
            Action::None,
            None,
            BounceReason::AutoReply,
            &mime.subject,
        )];
    }
    if findings.is_empty() {
        findings = wording::read(&mime);
    }
    if findings.is_empty() {
        findings = vec![Finding::none(
            None,
            Action::None,
            None,
            BounceReason::Other,
            &mime.subject,
        )];
    }
    findings.truncate(MAX_RECIPIENTS);
    findings
}
