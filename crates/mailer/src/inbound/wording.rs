//! Reports in words alone: qmail, Exim, sendmail of old, Exchange, Gmail,
//! Yahoo!, the Japanese carriers and mail filters. They have in common that
//! each address that failed stands at a prominent place, with the reason
//! behind it, and the mail that is given back at the end.

use domain::event::bounce::{BounceKind, BounceReason};

use super::mime::Mime;
use super::report::{Finding, MAX_RECIPIENTS};
use super::{address, words};

/// Where the mail that is given back begins, in lower case.
const ORIGINAL: &[&str] = &[
    "this is a copy of",
    "copy of the message",
    "copy of the original",
    "copy of your message",
    "original message -----",
    "original message follows",
    "-------original",
    "original message headers",
    "message headers follow",
    "header of the original message",
    "unsent message follows",
    "unsent message below",
    "returned message ---",
    "returned message follows",
    "non-delivered message",
    "message text follows",
    "message contents follow",
    "copy of the message header",
    "begin of returned",
    "元のメール",
    "元のメッセージ",
    "送信されたメール",
];

/// Subjects and words that make a mail a report, in lower case.
const REPORTS: &[&str] = &[
    "undeliver",
    "delivery status",
    "delivery failure",
    "delivery failed",
    "delivery has failed",
    "delivery notification",
    "delivery report",
    "delayed mail",
    "failure delivery",
    "failure notice",
    "returned mail",
    "returned to sender",
    "mail failure",
    "non remis",
    "could not be delivered",
    "could not deliver",
    "couldn't be delivered",
    "not be delivered",
    "unable to deliver",
    "wasn't able to deliver",
    "trouble delivering",
    "error sending your mail",
    "failed permanently",
    "did not reach",
    "配信不能",
    "配信できません",
    "配信に失敗",
    "送信できません",
    "送信に失敗",
    "届けることができません",
    "お届けできません",
    "不達",
    "エラーメール",
];

/// What the words say; nothing when the mail is no report.
pub(super) fn read(mime: &Mime) -> Vec<Finding> {
    let text = before_the_original(&mime.text);
    let failed: Vec<String> = mime
        .header("x-failed-recipients")
        .map(|value| address::all(value).take(MAX_RECIPIENTS).collect())
        .unwrap_or_default();
    if failed.is_empty() && !is_report(mime, text) {
        return Vec::new();
    }
    if is_delay(text) {
        return found(mime, text)
            .into_iter()
            .map(|(address, _)| {
                let action = super::Action::Delayed;
                let status = BounceReason::Delayed.status();
                Finding::none(Some(address), action, status, BounceReason::Delayed, text)
            })
            .collect();
    }
    let found = match failed.as_slice() {
        [] => found(mime, text),
        // One address: all that is said is said of it.
        [one] => vec![(one.clone(), text)],
        many => {
            let sections = found(mime, text);
            many.iter()
                .map(|failed| {
                    let section = sections
                        .iter()
                        .find(|(address, _)| address.eq_ignore_ascii_case(failed));
                    (
                        failed.clone(),
                        section.map_or(text, |(_, section)| *section),
                    )
                })
                .collect()
        }
    };
    found
        .into_iter()
        .map(|(address, said)| judged(address, said))
        .collect()
}

fn judged(address: String, said: &str) -> Finding {
    let status = words::status_in(said);
    let reason = words::reason(status, said);
    let mut finding = Finding::failed(Some(address), status, reason, said);
    // A system that has given up a passing error has not found a bad address.
    if status.is_none() && words::code_in(said).is_some_and(|code| code < 500) {
        finding.kind = BounceKind::Soft;
    }
    finding
}

fn is_report(mime: &Mime, text: &str) -> bool {
    let speaks = |text: &str| {
        let text = text.to_lowercase().replace('\u{2019}', "'");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        REPORTS.iter().any(|words| text.contains(words))
    };
    let speaks = speaks(&mime.subject) || speaks(text);
    let from_a_system = mime.is_from_a_mail_system() || mime.has_no_sender();
    from_a_system && (speaks || words::reason(None, text) != BounceReason::Undefined)
        || speaks && mime.header("auto-submitted").is_some()
        || speaks && words::reason(None, text) != BounceReason::Undefined
}

fn is_delay(text: &str) -> bool {
    let text = text.to_lowercase();
    [
        "this is a warning only",
        "will be retried",
        "still being retried",
        "delivery will be attempted",
    ]
    .iter()
    .any(|words| text.contains(words))
}

/// The words before the mail that is given back.
pub(super) fn before_the_original(text: &str) -> &str {
    let mut at = 0;
    let mut seen_words = false;
    for line in text.split_inclusive('\n') {
        let lower = line.to_lowercase();
        let begins = ORIGINAL.iter().any(|words| lower.contains(words))
            || ["received:", "return-path:"]
                .iter()
                .any(|name| lower.starts_with(name));
        if begins && seen_words {
            return &text[..at];
        }
        seen_words |= lower.chars().filter(|c| c.is_alphanumeric()).count() > 10;
        at += line.len();
    }
    text
}

/// How likely an address in this line is one that failed.
fn weight(line: &str, address: &str) -> u8 {
    let lower = line.trim().to_lowercase();
    let bare = lower.trim_start_matches(['<', '>', '"', '\'', ' ', '*', '-']);
    let others = [
        "from",
        "sender",
        "to:",
        "cc:",
        "reply",
        "message-id",
        "subject",
        "return-path",
        "x-",
        "via",
        "date",
        "original sender",
        "by ",
        "envelope",
    ];
    if others.iter().any(|name| bare.starts_with(name)) && !lower.contains("rcpt") {
        return 0;
    }
    if lower.contains("mail from")
        || lower.contains("http") && !bare.starts_with(&address.to_lowercase())
    {
        return 1;
    }
    if bare.starts_with(&address.to_lowercase()) {
        let rest = &bare[address.len().min(bare.len())..];
        let rest = rest.trim_matches(|c: char| !c.is_alphanumeric());
        return if rest.is_empty() || rest.contains(&address.to_lowercase()) {
            4
        } else {
            3
        };
    }
    let tells = [
        "deliver",
        "recipient",
        "rcpt",
        "mailbox",
        "userid",
        "unknown",
        "failed",
        "宛先",
        "address",
        "550",
    ];
    if tells.iter().any(|word| lower.contains(word)) {
        2
    } else {
        1
    }
}

/// Addresses that failed, each with what is said of it.
fn found<'a>(mime: &Mime, text: &'a str) -> Vec<(String, &'a str)> {
    let mut best = 0;
    let mut found: Vec<(String, usize)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n').take(2000) {
        for address in address::all(line).take(4) {
            let own = |list: &[String]| list.iter().any(|one| one.eq_ignore_ascii_case(&address));
            let weight = if own(&mime.to) || own(&mime.from) {
                0
            } else {
                weight(line, &address)
            };
            if weight == 0 || weight < best || found.len() >= MAX_RECIPIENTS && weight == best {
                continue;
            }
            if weight > best {
                best = weight;
                found.clear();
            }
            if !found
                .iter()
                .any(|(one, _)| one.eq_ignore_ascii_case(&address))
            {
                found.push((address, at));
            }
        }
        at += line.len();
    }
    if best < 2 {
        // An address somewhere in a text: the first one at most.
        found.truncate(1);
    }
    if found.is_empty() {
        let original = mime.original_to.first().cloned();
        return original
            .map(|address| (address, text))
            .into_iter()
            .collect();
    }
    if let [(address, _)] = found.as_slice() {
        return vec![(address.clone(), text)];
    }
    let ends: Vec<usize> = found.iter().skip(1).map(|(_, at)| *at).collect();
    let ends = ends.into_iter().chain([text.len()]);
    let sections: Vec<(usize, usize)> = found.iter().map(|(_, at)| *at).zip(ends).collect();
    found
        .into_iter()
        .zip(sections)
        .map(|((address, _), (begin, end))| (address, &text[begin..end]))
        .collect()
}
