//! Complaints: feedback reports by RFC 5965.

use domain::event::bounce::BounceReason;

use super::address;
use super::dsn::fields;
use super::mime::Mime;
use super::report::{Action, Finding, MAX_RECIPIENTS};

/// What the first feedback report in the mail says; nothing when there is none.
pub(super) fn read(mime: &Mime) -> Vec<Finding> {
    let Some(report) = &mime.feedback else {
        return Vec::new();
    };
    let mut kind = String::new();
    let mut recipients: Vec<String> = Vec::new();
    for (name, value) in fields(report).flatten() {
        match name.as_str() {
            "feedback-type" => kind = value.trim().to_ascii_lowercase(),
            "original-rcpt-to" | "removal-recipient" if recipients.len() < MAX_RECIPIENTS => {
                if let Some(address) = address::of_field(&value)
                    && !recipients.contains(&address)
                {
                    recipients.push(address);
                }
            }
            _ => {}
        }
    }
    if recipients.is_empty() {
        recipients.extend(mime.original_to.first().cloned());
    }
    // Of the types of RFC 5965 §7.3 and its successors, two complain of nothing.
    let (action, reason) = match kind.as_str() {
        "auth-failure" | "dkim" => (Action::None, BounceReason::AuthReport),
        "not-spam" => (Action::None, BounceReason::Other),
        _ => (Action::Complaint, BounceReason::Complaint),
    };
    let finding = |address| Finding::none(address, action, None, reason, &kind);
    if recipients.is_empty() {
        return vec![finding(None)];
    }
    recipients.into_iter().map(Some).map(finding).collect()
}
