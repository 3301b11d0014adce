//! From a status and what was said to the reason. Words come first where they
//! are plain, since many systems send 5.0.0 or 5.1.1 for everything; then the
//! status; then weaker words.

mod unknown;

use std::sync::LazyLock;

use domain::event::bounce::{BounceReason, Status};

/// Bytes of a text that are looked at.
const MAX: usize = 16 * 1024;

/// A reason and its patterns.
type Rule = (BounceReason, Vec<&'static str>);

/// The first rule that holds decides.
static PLAIN: LazyLock<Vec<Rule>> = LazyLock::new(|| rules(include_str!("plain.txt")));
static WEAK: LazyLock<Vec<Rule>> = LazyLock::new(|| rules(include_str!("weak.txt")));

/// Reads sections, each headed by its reason in brackets.
fn rules(text: &'static str) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for line in text.lines().map(str::trim) {
        let heading = line.strip_prefix('[').and_then(|l| l.strip_suffix(']'));
        if let Some(reason) = heading.and_then(BounceReason::parse) {
            rules.push((reason, Vec::new()));
        } else if !line.is_empty()
            && !line.starts_with('#')
            && let Some((_, patterns)) = rules.last_mut()
        {
            patterns.push(line);
        }
    }
    rules
}

/// Why a mail failed.
pub(crate) fn reason(status: Option<Status>, said: &str) -> BounceReason {
    let text = normal(said);
    let inner = status_in(said);
    let policy = |status: Option<Status>| status.is_some_and(|status| status.subject == 7);
    if policy(status) || policy(inner) {
        return match unknown::is_plain(said) {
            true => BounceReason::UserUnknown,
            false => refusal(&text),
        };
    }
    let specific = [status, inner].into_iter().flatten().find_map(of_status);
    first(PLAIN.iter(), &text)
        .or(specific)
        .or_else(|| first(WEAK.iter(), &text))
        .or_else(|| [status, inner].into_iter().flatten().find_map(of_subject))
        .or_else(|| of_code(said))
        .unwrap_or(BounceReason::Undefined)
}

/// Of the refusals by policy (x.7.x), which.
fn refusal(text: &str) -> BounceReason {
    let rules = PLAIN.iter().chain(WEAK.iter()).filter(|(reason, _)| {
        matches!(
            reason,
            BounceReason::Authentication
                | BounceReason::Reputation
                | BounceReason::RateLimited
                | BounceReason::Content
        )
    });
    first(rules, text).unwrap_or(BounceReason::Policy)
}

/// What the status alone says of the address or the mailbox.
fn of_status(status: Status) -> Option<BounceReason> {
    Some(match (status.subject, status.detail) {
        (1, 0 | 1 | 3 | 10 | 11) => BounceReason::UserUnknown,
        (1, 2) => BounceReason::DomainUnknown,
        (1, 6) => BounceReason::Moved,
        (1, 7 | 8) => BounceReason::Policy,
        (2, 1) => BounceReason::Closed,
        (2, 2) => BounceReason::MailboxFull,
        (2, 3) | (3, 4) => BounceReason::TooBig,
        (4, 6) => BounceReason::Loop,
        (4, 7) => BounceReason::Expired,
        (5, 3) => BounceReason::RateLimited,
        _ => return None,
    })
}

/// What its subject alone says.
fn of_subject(status: Status) -> Option<BounceReason> {
    Some(match status.subject {
        3 => BounceReason::System,
        4 if status.class == 5 && status.detail == 4 => BounceReason::DomainUnknown,
        4 => BounceReason::Network,
        5 => BounceReason::Protocol,
        6 => BounceReason::Content,
        _ => return None,
    })
}

/// What an SMTP code says by itself: 552 is a matter of room.
fn of_code(said: &str) -> Option<BounceReason> {
    match code_in(said)? {
        552 => Some(BounceReason::MailboxFull),
        421 | 450 | 451 => Some(BounceReason::System),
        _ => None,
    }
}

fn first(rules: impl Iterator<Item = &'static Rule>, text: &str) -> Option<BounceReason> {
    let holds = |pattern: &str| {
        pattern.split('&').all(|one| match one.as_bytes() {
            [b'!', ..] => !text.contains(&one[1..]),
            [b'=', ..] => has_word(text, &one[1..]),
            _ => text.contains(one),
        })
    };
    let mut rules = rules;
    rules
        .find(|(_, patterns)| patterns.iter().any(|p| holds(p)))
        .map(|(reason, _)| *reason)
}

/// Whether `word` stands in `text` as a word of its own, not as a part of a host's name.
fn has_word(text: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '@' | '_' | '/');
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let mut after = text[at + word.len()..].chars();
        let next = after.next();
        let ends_sentence = next == Some('.') && !after.next().is_some_and(char::is_alphanumeric);
        !before.is_some_and(joins) && (ends_sentence || !next.is_some_and(joins))
    })
}

/// Lower case, single blanks, plain apostrophes, cut.
fn normal(text: &str) -> String {
    let mut end = text.len().min(MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let lower = text[..end].to_lowercase().replace('\u{2019}', "'");
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first enhanced status of a failure in a text; one behind an SMTP code before others.
pub(super) fn status_in(text: &str) -> Option<Status> {
    let mut other = None;
    let mut after_code = false;
    for word in tokens(text) {
        if let Some(status) = Status::parse(word)
            && status.class > 2
            && word.trim_end_matches('.').split('.').count() == 3
        {
            if after_code {
                return Some(status);
            }
            other = other.or(Some(status));
        }
        after_code = code(word).is_some();
    }
    other
}

/// The first SMTP code in a text.
pub(super) fn code_in(text: &str) -> Option<u16> {
    tokens(text).find_map(code)
}

fn code(word: &str) -> Option<u16> {
    let is_code = word.len() == 3 && word.starts_with(['4', '5']);
    is_code.then(|| word.parse().ok())?
}

/// Runs of digits and dots that nothing else touches but punctuation.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut end = text.len().min(MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end]
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '_' | '@')))
        .filter(|word| {
            word.starts_with(|c: char| c.is_ascii_digit())
                && word.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_section_of_the_word_lists_is_a_reason_and_each_pattern_in_lower_case() {
        for text in [include_str!("plain.txt"), include_str!("weak.txt")] {
            for line in text.lines().filter(|line| !line.starts_with('#')) {
                if let Some(heading) = line.strip_prefix('[') {
                    let reason = heading.strip_suffix(']').and_then(BounceReason::parse);
                    assert!(reason.is_some(), "{line}");
                }
                assert_eq!(line, line.to_lowercase());
                assert_eq!(line, line.trim());
            }
        }
    }

    #[test]
    fn the_carriers_and_providers_are_understood() {
        use BounceReason as R;
        for (status, said, reason) in [
            // NTT docomo
            (
                "5.2.0",
                "550 Unknown user taro@docomo.ne.jp",
                R::UserUnknown,
            ),
            ("", "552 Too much mail data", R::MailboxFull),
            ("", "552 too many recipients", R::RateLimited),
            // au
            (
                "5.0.0",
                "550 <taro@ezweb.ne.jp>: User unknown",
                R::UserUnknown,
            ),
            ("5.0.0", "550 : User unknown", R::UserUnknown),
            // SoftBank
            (
                "5.0.0",
                "550 Invalid recipient: <taro@softbank.ne.jp>",
                R::UserUnknown,
            ),
            (
                "5.0.0",
                "553 sender domain example.jp does not exist",
                R::Policy,
            ),
            // Google
            (
                "5.0.0",
                "550-5.1.1 The email account that you tried to reach does not exist.",
                R::UserUnknown,
            ),
            (
                "5.2.1",
                "550-5.2.1 The email account that you tried to reach is disabled.",
                R::Closed,
            ),
            (
                "4.2.1",
                "450-4.2.1 is receiving mail at a rate that prevents additional messages",
                R::RateLimited,
            ),
            (
                "5.7.26",
                "550-5.7.26 Unauthenticated email is not accepted due to DMARC policy",
                R::Authentication,
            ),
            // Microsoft
            (
                "5.4.1",
                "550 5.4.1 Recipient address rejected: Access denied",
                R::UserUnknown,
            ),
            (
                "5.1.10",
                "550 5.1.10 RESOLVER.ADR.RecipientNotFound",
                R::UserUnknown,
            ),
            (
                "5.7.1",
                "550 5.7.1 RESOLVER.RST.NotAuthorized; not authorized",
                R::Policy,
            ),
            (
                "5.2.2",
                "550 5.2.2 STOREDRV.Deliver: mailbox full",
                R::MailboxFull,
            ),
            // Yahoo!
            (
                "4.7.0",
                "421 4.7.0 [TSS04] temporarily deferred due to unexpected volume",
                R::RateLimited,
            ),
            // Postfix
            (
                "5.4.4",
                "Name service error for name=x.jp type=A: Host not found",
                R::DomainUnknown,
            ),
            (
                "5.4.4",
                "Name service error for name=x.jp: Malformed or unexpected name server reply",
                R::Network,
            ),
            (
                "4.4.1",
                "connect to mx.example.jp[192.0.2.1]:25: Connection timed out",
                R::Network,
            ),
            ("5.4.6", "mail for example.jp loops back to myself", R::Loop),
            // A refusal by policy stays one, unless it says plainly what else (unknown.rs).
            (
                "5.7.1",
                "550 5.7.1 Rejected: user unknown or policy",
                R::Policy,
            ),
            (
                "5.0.0",
                "554 5.7.1 Client host blocked using a list",
                R::Reputation,
            ),
            (
                "5.1.8",
                "553 5.1.8 Domain of sender address a@b.jp does not exist",
                R::Policy,
            ),
            // Words in the name of a host are no words.
            (
                "5.1.1",
                "host spam.dmarc.example.jp said: 550 nothing more",
                R::UserUnknown,
            ),
            ("", "もうこの宛先は存在しません", R::UserUnknown),
            ("", "メールボックスの容量を超えています", R::MailboxFull),
            ("5.0.0", "554 Transaction failed", R::Undefined),
        ] {
            assert_eq!(
                super::reason(Status::parse(status), said),
                reason,
                "{status} {said}"
            );
        }
    }

    #[test]
    fn the_status_behind_an_smtp_code_is_taken_and_no_address_of_a_host() {
        for (text, status) in [
            ("550-5.7.26 no", Some("5.7.26")),
            ("sorry (#5.1.2)", Some("5.1.2")),
            ("host 4.4.2.1 said: 550 5.1.1 no", Some("5.1.1")),
            ("4.4.7 then 550: 5.2.2 full", Some("5.2.2")),
            ("smtpd 2.10.1 at 192.0.2.1", None),
            ("a@5.1.1.jp", None),
        ] {
            let found = status_in(text).map(|status| status.to_string());
            assert_eq!(found.as_deref(), status, "{text}");
        }
    }
}
