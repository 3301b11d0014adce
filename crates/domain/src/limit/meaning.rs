//! What a site's "not now" means: of a person's mailbox, of a greylist, or of
//! us, who should send less. Pure; the words are hostile input and do no more
//! than choose one of these.

use chrono::TimeDelta;

use crate::delivery::outcome::Reply;
use crate::text_enum::text_enum;

text_enum! {
    /// Why a site wants less.
    pub enum Meaning {
        /// It can't keep up.
        Busy = "busy",
        /// We are too fast for it.
        TooFast = "too_fast",
        /// It doubts us: our address, our domain, what we send.
        Distrust = "distrust",
    }
}

impl Meaning {
    /// How long nothing goes there.
    #[must_use]
    pub fn rest(self) -> TimeDelta {
        match self {
            Self::Busy => TimeDelta::seconds(30),
            Self::TooFast => TimeDelta::seconds(60),
            Self::Distrust => TimeDelta::minutes(5),
        }
    }

    /// How long it must be content before it gets twice as much again.
    #[must_use]
    pub fn patience(self) -> TimeDelta {
        match self {
            Self::Busy => TimeDelta::minutes(1),
            Self::TooFast => TimeDelta::minutes(2),
            Self::Distrust => TimeDelta::minutes(10),
        }
    }

    /// What part of the pace is left.
    #[must_use]
    pub fn divisor(self) -> i32 {
        match self {
            Self::Busy | Self::TooFast => 2,
            Self::Distrust => 4,
        }
    }
}

/// A first try is put off on principle; the next one is welcome.
const GREYLIST: &[&str] = &["greylist", "graylist", "grey-list", "postgrey"];
/// Of one person's mailbox.
const PERSON: &[&str] = &[
    "mailbox",
    "quota",
    "over limit for user",
    "the user you are trying to contact",
    "user unknown",
];
const DISTRUST: &[&str] = &[
    "reputation",
    "unsolicited",
    "spam",
    "suspicious",
    "complaint",
    "blacklist",
    "blocklist",
    "block list",
    "blocked",
];
const TOO_FAST: &[&str] = &[
    "too many",
    "too fast",
    "rate limit",
    "limit exceeded",
    "unusual rate",
    "unexpected volume",
    "throttl",
    "slow down",
];

/// What a refusal means for all mails to the site; `None` when it is about this
/// mail or person alone.
#[must_use]
pub fn of(reply: &Reply) -> Option<Meaning> {
    let text = reply.text.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    // docomo's way to say that we are too fast.
    if reply.code == 552 && text.contains("too many recipients") {
        return Some(Meaning::TooFast);
    }
    if reply.code / 100 != 4 || says(GREYLIST) || says(PERSON) {
        return None;
    }
    if says(DISTRUST) {
        return Some(Meaning::Distrust);
    }
    if says(TOO_FAST) {
        return Some(Meaning::TooFast);
    }
    of_codes(reply)
}

/// RFC 3463: 4.1 and 4.2 speak of the person, 4.3 of the system, 4.4 of the
/// network, 4.5 of the protocol, 4.6 of the content, 4.7 of policy.
fn of_codes(reply: &Reply) -> Option<Meaning> {
    let subject = reply
        .enhanced
        .as_deref()
        .and_then(|status| status.split('.').nth(1));
    match (reply.code, subject) {
        // RFC 3207: no TLS at the moment.
        (454, _) | (_, Some("1" | "2" | "6")) => None,
        (_, Some("7")) => Some(Meaning::TooFast),
        (421, _) | (_, Some("3" | "4" | "5")) | (451, None) => Some(Meaning::Busy),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sites_say_is_told_apart() {
        use Meaning::{Busy, Distrust, TooFast};
        let table = [
            (
                421,
                Some("4.3.2"),
                "Service not available, closing transmission channel",
                Some(Busy),
            ),
            (421, None, "Service busy, try later", Some(Busy)),
            (
                421,
                Some("4.7.0"),
                "Too many connections from your host",
                Some(TooFast),
            ),
            (
                421,
                Some("4.7.0"),
                "[TSS04] Messages from 203.0.113.5 temporarily deferred due to unexpected volume or user complaints",
                Some(Distrust),
            ),
            (
                421,
                Some("4.7.28"),
                "Gmail has detected an unusual rate of unsolicited mail",
                Some(Distrust),
            ),
            (
                450,
                Some("4.2.1"),
                "The user you are trying to contact is receiving mail at a rate that prevents additional messages",
                None,
            ),
            (
                450,
                Some("4.2.0"),
                "<a@b.example>: Recipient address rejected: Greylisted",
                None,
            ),
            (
                451,
                Some("4.7.1"),
                "Greylisting in action, please come back later",
                None,
            ),
            (
                450,
                Some("4.1.2"),
                "Recipient address rejected: Domain not found",
                None,
            ),
            (450, None, "try again", None),
            (
                451,
                Some("4.7.500"),
                "Server busy. Please try again later",
                Some(TooFast),
            ),
            (
                451,
                Some("4.7.650"),
                "The mail server [203.0.113.5] has been temporarily rate limited due to IP reputation",
                Some(Distrust),
            ),
            (
                451,
                None,
                "Requested action aborted: local error in processing",
                Some(Busy),
            ),
            (452, Some("4.2.2"), "Mailbox full", None),
            (452, Some("4.5.3"), "Too many recipients", Some(TooFast)),
            (
                454,
                Some("4.7.0"),
                "TLS not available due to temporary reason",
                None,
            ),
            (552, None, "too many recipients", Some(TooFast)),
            (552, None, "Too much mail data", None),
            (550, Some("5.7.1"), "rejected as spam", None),
            (250, None, "too many mails, but all right", None),
        ];
        for (code, enhanced, text, meaning) in table {
            let reply = Reply {
                code,
                enhanced: enhanced.map(str::to_owned),
                text: text.to_owned(),
                ..Reply::default()
            };
            assert_eq!(of(&reply), meaning, "{code} {text}");
        }
    }
}
