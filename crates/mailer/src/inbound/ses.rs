//! Notifications of Amazon SES in JSON, as SNS mails them: the body is one
//! object, or one of SNS's own around it as a string, and words for people
//! follow it.

use domain::event::bounce::{BounceKind, BounceReason, Status};
use serde_json::Value;

use super::mime::Mime;
use super::report::{Action, Finding, MAX_RECIPIENTS};
use super::{address, words};

/// What the notification says; nothing when it is none.
pub(super) fn read(mime: &Mime) -> Vec<Finding> {
    let Some(notice) = object(&mime.text).and_then(unwrapped) else {
        return Vec::new();
    };
    match kind(&notice).unwrap_or_default() {
        "Bounce" => bounces(&notice["bounce"]),
        "Complaint" => complaints(&notice["complaint"]),
        "Delivery" => deliveries(&notice["delivery"]),
        _ => Vec::new(),
    }
}

/// `notificationType` in notifications of an identity, `eventType` in those of a
/// configuration set.
fn kind(notice: &Value) -> Option<&str> {
    notice["notificationType"]
        .as_str()
        .or_else(|| notice["eventType"].as_str())
}

/// The object that a text begins with.
fn object(text: &str) -> Option<Value> {
    let text = text.trim_start();
    if !text.starts_with('{') {
        return None;
    }
    first_value(text).or_else(|| first_value(&unbroken(text)?))
}

fn first_value(text: &str) -> Option<Value> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    values.next()?.ok()
}

/// With the breaks taken out that sendmail puts into lines over 990 bytes: an
/// exclamation mark, the end of the line and a blank. Nothing when there is
/// none. In JSON they can't be anything else, since a string holds no end of line.
fn unbroken(text: &str) -> Option<String> {
    let plain = text.replace("!\r\n ", "").replace("!\n ", "");
    (plain.len() < text.len()).then_some(plain)
}

fn unwrapped(value: Value) -> Option<Value> {
    if kind(&value).is_some() {
        return Some(value);
    }
    object(value["Message"].as_str()?).filter(|inner| kind(inner).is_some())
}

fn recipients(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten().take(MAX_RECIPIENTS)
}

fn address_of(value: &Value) -> Option<String> {
    address::of_field(value.as_str()?)
}

fn bounces(bounce: &Value) -> Vec<Finding> {
    let (class, detail) = (
        bounce["bounceType"].as_str().unwrap_or_default(),
        bounce["bounceSubType"].as_str().unwrap_or_default(),
    );
    recipients(&bounce["bouncedRecipients"])
        .map(|recipient| {
            let said = recipient["diagnosticCode"].as_str().unwrap_or_default();
            let status = recipient["status"].as_str().and_then(Status::parse);
            let reason = match words::reason(status, said) {
                BounceReason::Undefined => of_types(class, detail),
                plain => plain,
            };
            let address = address_of(&recipient["emailAddress"]);
            let mut finding = Finding::failed(address, status, reason, said);
            // SES gives up what is put off; that says nothing of the address for good.
            if class != "Permanent" {
                finding.kind = BounceKind::Soft;
            }
            finding
        })
        .collect()
}

/// What the types of SES's own say.
fn of_types(class: &str, detail: &str) -> BounceReason {
    match (class, detail) {
        (_, "MailboxFull") => BounceReason::MailboxFull,
        (_, "MessageTooLarge") => BounceReason::TooBig,
        (_, "ContentRejected" | "AttachmentRejected") => BounceReason::Content,
        ("Permanent", "General" | "NoEmail" | "Suppressed" | "OnAccountSuppressionList") => {
            BounceReason::UserUnknown
        }
        _ => BounceReason::Undefined,
    }
}

fn complaints(complaint: &Value) -> Vec<Finding> {
    let kind = complaint["complaintFeedbackType"].as_str();
    // As in feedback reports: these two complain of nothing.
    let (action, reason) = match kind.unwrap_or_default() {
        "auth-failure" => (Action::None, BounceReason::AuthReport),
        "not-spam" => (Action::None, BounceReason::Other),
        _ => (Action::Complaint, BounceReason::Complaint),
    };
    recipients(&complaint["complainedRecipients"])
        .map(|recipient| {
            let address = address_of(&recipient["emailAddress"]);
            Finding::none(address, action, None, reason, kind.unwrap_or_default())
        })
        .collect()
}

fn deliveries(delivery: &Value) -> Vec<Finding> {
    let reason = BounceReason::Delivered;
    let said = delivery["smtpResponse"].as_str().unwrap_or_default();
    recipients(&delivery["recipients"])
        .map(|recipient| {
            let action = Action::Delivered;
            Finding::none(address_of(recipient), action, reason.status(), reason, said)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    fn mail(body: &str) -> Vec<u8> {
        format!(
            "From: SES <no-reply@sns.amazonaws.com>\r\nTo: a@example.jp\r\nSubject: AWS Notification Message\r\n\
             Content-Type: text/plain; charset=UTF-8\r\n\r\n{body}\r\n\r\n--\r\nIf you wish to stop receiving notifications …\r\n"
        )
        .into_bytes()
    }

    fn said(body: &str) -> (Action, BounceKind, BounceReason, Option<String>) {
        let found = read(&mail(body));
        assert_eq!(found.len(), 1, "{found:?}");
        let one = &found[0];
        (one.action, one.kind, one.reason, one.address.clone())
    }

    #[test]
    fn lines_that_sendmail_broke_are_put_together_and_an_exclamation_mark_stays() {
        let bounce = r#"{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bounceSubType":"General","bouncedRecipients":[{"emailAddress":"x@example.com","status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 user unknown!"}]}}"#;
        let hard = said(bounce);
        assert_eq!(hard.1, BounceKind::Hard);
        let wrapped = serde_json::json!({"Type": "Notification", "Message": bounce}).to_string();
        for whole in [bounce, &wrapped] {
            for end in ["\n", "\r\n"] {
                for at in [1, 40, 100, 180] {
                    let broken = format!("{}!{end} {}", &whole[..at], &whole[at..]);
                    assert_eq!(said(&broken), hard, "{broken}");
                }
            }
        }
        // Broken somehow else: no notification.
        let (a, b) = bounce.split_at(100);
        assert_eq!(said(&format!("{a}\n {b}")).0, Action::None);
    }

    #[test]
    fn notifications_are_read_wrapped_or_not_and_anything_else_is_none() {
        let bounce = r#"{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bounceSubType":"General","bouncedRecipients":[{"emailAddress":"x@example.com","status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 user unknown"}]}}"#;
        let to = || Some("x@example.com".to_owned());
        let hard = (
            Action::Failed,
            BounceKind::Hard,
            BounceReason::UserUnknown,
            to(),
        );
        assert_eq!(said(bounce), hard);
        let wrapped = serde_json::json!({"Type": "Notification", "Message": bounce});
        assert_eq!(said(&wrapped.to_string()), hard);
        let passing = bounce.replace("Permanent", "Transient");
        assert_eq!(said(&passing).1, BounceKind::Soft);
        let by_type = r#"{"eventType":"Bounce","bounce":{"bounceType":"Transient","bounceSubType":"MailboxFull","bouncedRecipients":[{"emailAddress":"x@example.com"}]}}"#;
        assert_eq!(said(by_type).2, BounceReason::MailboxFull);
        let complaint = r#"{"notificationType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"x@example.com"}],"complaintFeedbackType":"abuse"}}"#;
        assert_eq!(
            said(complaint),
            (
                Action::Complaint,
                BounceKind::None,
                BounceReason::Complaint,
                to()
            )
        );
        let delivery = r#"{"notificationType":"Delivery","delivery":{"recipients":["x@example.com"],"smtpResponse":"250 ok"}}"#;
        assert_eq!(said(delivery).0, Action::Delivered);
        for nothing in [
            "{",
            "{}",
            r#"{"Message": "{\"a\": 1}"}"#,
            r#"{"notificationType":"Received"}"#,
            r#"{"notificationType":"Bounce","bounce":{"bouncedRecipients":7}}"#,
            &"[".repeat(10_000),
            &r#"{"a":"#.repeat(10_000),
        ] {
            assert_eq!(said(nothing).0, Action::None, "{nothing:.40}");
        }
    }
}
