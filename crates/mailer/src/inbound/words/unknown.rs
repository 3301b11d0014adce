//! "User unknown" under a status of policy. Some servers have 5.7.1 for
//! everything; but nobody is stopped for what we did, so all of what is said has
//! to be of the address.

use super::{normal, status_in};

/// What some servers say under 5.7.1 when they mean that there is no such user.
const UNKNOWN: &[&str] = &[
    "user unknown",
    "unknown user",
    "user is unknown",
    "no such user",
    "user not found",
    "user does not exist",
    "user doesn't exist",
    "no such recipient",
    "recipient unknown",
    "unknown recipient",
    "recipient does not exist",
    "no such mailbox",
    "mailbox does not exist",
    "宛先不明",
    "ユーザーが不明",
];

/// Words by which the same sentence is about us, or about what we may.
const ABOUT_US: &[&str] = &[
    "sender",
    "from",
    "polic",
    "spam",
    "virus",
    "spf",
    "dkim",
    "dmarc",
    "block",
    "reputation",
    "relay",
    "denied",
    "authenti",
    "authori",
    "permi",
    "allowed",
    "prohibit",
    "restrict",
    "refused",
    "reverse",
    "ptr",
    "helo",
    "client",
    "may not",
    "might",
    " or ",
    "拒否",
];

/// Whether a refusal by policy is none: the line with the bare 5.7.0 or 5.7.1
/// says that there is no such user, and nothing of us. In doubt it is policy,
/// since nobody is stopped for what we did.
pub(super) fn is_plain(said: &str) -> bool {
    said.lines().any(|line| {
        let Some(status) = status_in(line) else {
            return false;
        };
        let is_bare = status.class == 5 && status.subject == 7 && status.detail < 2;
        let text = normal(&without_addresses(line));
        is_bare
            && UNKNOWN.iter().any(|words| text.contains(words))
            && !ABOUT_US.iter().any(|words| text.contains(words))
    })
}

/// An address or a host's name is no word that is said.
fn without_addresses(line: &str) -> String {
    let words = line.split_whitespace();
    let plain = words.filter(|word| !word.contains('@'));
    plain.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn a_refusal_that_says_plainly_that_there_is_no_such_user_is_no_policy() {
        for said in [
            "550 5.7.1 User unknown",
            "550 5.7.1 550 User Unknown: sender-list@example.org",
            "550 5.7.1 <taro@policy.example.jp>: Recipient address rejected: User unknown",
            "550 #5.7.1 No such user here",
            "smtp; 550-5.7.0 Mailbox does not exist",
            "550 5.7.1 宛先不明",
        ] {
            assert!(is_plain(said), "{said}");
        }
    }

    #[test]
    fn in_doubt_it_is_policy() {
        for said in [
            "550 User unknown",
            "550 5.1.1 User unknown",
            "450 4.7.1 User unknown",
            "550 5.7.13 User unknown",
            "550 5.7.26 User unknown, and not authenticated",
            "550 5.7.1 Sender address rejected: User unknown",
            "550 5.7.1 Mail from unknown user refused",
            "550 5.7.1 Relaying denied for unknown user",
            "550 5.7.1 user unknown or not permitted to receive mail",
            "550 5.7.1 The recipient may not exist: user unknown",
            "550 5.7.1 Rejected by our policy\n550 5.1.1 User unknown",
            "550 5.7.1 Blocked: no such user <taro@example.jp>",
            "550 5.7.1 Command rejected",
            "550 5.7.1 宛先不明のため受信拒否",
        ] {
            assert!(!is_plain(said), "{said}");
        }
    }
}
