//! What became of one attempt, and what that makes of the delivery.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::retry;
use crate::event::bounce::BounceReason;

/// What a server said last. Hostile input: kept as text, never interpreted
/// beyond the two codes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reply {
    /// Three digits of RFC 5321 §4.2; 0 when the line was cut before any.
    pub code: u16,
    /// RFC 3463 status as it stood in the reply, for example `4.2.1`.
    pub enhanced: Option<String>,
    /// All lines, joined by line feeds.
    pub text: String,
    /// Name of the host that said it.
    pub host: String,
    /// Of a refusal for good that speaks of the recipient's address, and not of us
    /// or our mail: what it says of that. It counts as a bounce.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blame: Option<BounceReason>,
}

/// Longest reply text that is kept, in characters.
pub const REPLY_TEXT_MAX: usize = 1000;

impl Reply {
    /// The text as the ledger keeps it: cut, without NUL, which PostgreSQL
    /// refuses.
    #[must_use]
    pub fn kept_text(&self) -> String {
        self.text
            .chars()
            .filter(|c| *c != '\0')
            .take(REPLY_TEXT_MAX)
            .collect()
    }
}

/// Why an attempt did not end in acceptance; the stable codes of
/// `delivery.reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The server answered 5xx.
    Rejected,
    /// The server answered 4xx.
    PutOff,
    /// No connection to the relay, or to the recipient's servers.
    Unreachable,
    /// The server's certificate or the TLS handshake failed.
    Tls,
    /// The recipient's domain does not exist or says that it takes no mail.
    NoHost,
    /// The name servers of the recipient's domain did not answer.
    Dns,
    /// The recipient's domain wants a line that its servers did not give (MTA-STS).
    TlsPolicy,
    /// The relay refused our log-in.
    RelayAuth,
    /// The line was cut, or the server was silent too long, before the mail was handed over.
    Interrupted,
    /// The line was cut, or the server was silent too long, after the mail's last byte.
    NoAnswer,
    /// A lease ran out with the delivery perhaps handed over.
    LeaseExpired,
    /// The mailer ended, by force or too late, while the mail was handed over.
    MailerGone,
    /// The retry schedule is at its end.
    GivenUp,
    /// A limit was used up, or the site is suspended or rests: it waits for its time.
    HeldBack,
    /// No mail could be made for this person (merge error, address that no server takes).
    NotComposed,
}

impl Reason {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::PutOff => "put_off",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::NoHost => "no_host",
            Self::Dns => "dns",
            Self::TlsPolicy => "tls_policy",
            Self::RelayAuth => "relay_auth",
            Self::Interrupted => "interrupted",
            Self::NoAnswer => "no_answer",
            Self::LeaseExpired => "lease_expired",
            Self::MailerGone => "mailer_gone",
            Self::GivenUp => "given_up",
            Self::HeldBack => "held_back",
            Self::NotComposed => "not_composed",
        }
    }
}

/// What became of one claimed delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The server took responsibility for the mail (2xx after the final dot).
    Accepted(Reply),
    /// To be tried again; not the recipient's fault for good.
    Deferred(Reason, Option<Reply>),
    /// Final.
    Failed(Reason, Option<Reply>),
    /// Whether the server took it can't be told; never sent again by itself.
    Unknown(Reason, Option<Reply>),
    /// Not handed over at all (pause, stop, shutdown, a route that is down):
    /// as if never claimed.
    GivenBack,
    /// As given back, but not before that time: a limit was used up. `asked`:
    /// when the limits said so; a later change of theirs makes it due at once.
    HeldBack {
        until: DateTime<Utc>,
        asked: DateTime<Utc>,
    },
}

impl Outcome {
    /// Whether nothing was tried at all.
    #[must_use]
    pub fn is_untried(&self) -> bool {
        matches!(self, Self::GivenBack | Self::HeldBack { .. })
    }
}

/// Values of the delivery's columns after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) state: &'static str,
    pub(super) reason: Option<&'static str>,
    pub(super) due_at: Option<DateTime<Utc>>,
    pub(super) attempts: u16,
    pub(super) reply: Option<Reply>,
}

/// `attempts` counts the attempts before this one.
pub(super) fn judge(
    outcome: Outcome,
    delivery: Uuid,
    attempts: u16,
    now: DateTime<Utc>,
) -> Verdict {
    let tried = attempts.saturating_add(1);
    let ended = |state, reason: Option<Reason>, reply| Verdict {
        state,
        reason: reason.map(Reason::as_str),
        due_at: None,
        attempts: tried,
        reply,
    };
    let untried = |reason: Option<Reason>, due_at| Verdict {
        state: if attempts == 0 { "queued" } else { "deferred" },
        reason: reason.map(Reason::as_str),
        due_at: Some(due_at),
        attempts,
        reply: None,
    };
    match outcome {
        Outcome::Accepted(reply) => ended("accepted", None, Some(reply)),
        Outcome::Failed(reason, reply) => ended("failed", Some(reason), reply),
        Outcome::Unknown(reason, reply) => ended("unknown", Some(reason), reply),
        Outcome::Deferred(reason, reply) => match retry::delay(tried, delivery) {
            None => ended("failed", Some(Reason::GivenUp), reply),
            Some(delay) => Verdict {
                due_at: Some(now + delay),
                ..ended("deferred", Some(reason), reply)
            },
        },
        Outcome::GivenBack => untried(None, now),
        Outcome::HeldBack { until, .. } => untried(Some(Reason::HeldBack), until),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_makes_its_state() {
        let now = crate::clock::Clock::system().now();
        let id = Uuid::now_v7();
        let reply = Reply {
            code: 450,
            text: "later".into(),
            ..Reply::default()
        };
        let table = [
            (
                Outcome::Accepted(reply.clone()),
                0,
                "accepted",
                None,
                1,
                false,
            ),
            (
                Outcome::Deferred(Reason::PutOff, Some(reply.clone())),
                0,
                "deferred",
                Some("put_off"),
                1,
                true,
            ),
            (
                Outcome::Deferred(Reason::Unreachable, None),
                30,
                "failed",
                Some("given_up"),
                31,
                false,
            ),
            (
                Outcome::Failed(Reason::Rejected, Some(reply.clone())),
                2,
                "failed",
                Some("rejected"),
                3,
                false,
            ),
            (
                Outcome::Unknown(Reason::NoAnswer, None),
                0,
                "unknown",
                Some("no_answer"),
                1,
                false,
            ),
            (Outcome::GivenBack, 0, "queued", None, 0, true),
            (Outcome::GivenBack, 4, "deferred", None, 4, true),
            (
                Outcome::HeldBack {
                    until: now,
                    asked: now,
                },
                0,
                "queued",
                Some("held_back"),
                0,
                true,
            ),
        ];
        for (outcome, attempts, state, reason, after, due) in table {
            let verdict = judge(outcome.clone(), id, attempts, now);
            assert_eq!(
                (verdict.state, verdict.reason, verdict.attempts),
                (state, reason, after),
                "{outcome:?}"
            );
            assert_eq!(verdict.due_at.is_some(), due, "{outcome:?}");
        }
    }

    #[test]
    fn hostile_reply_text_is_cut_and_freed_of_nul() {
        let reply = Reply {
            text: "\0<script>".to_owned() + &"あ".repeat(5000),
            ..Reply::default()
        };
        assert_eq!(reply.kept_text().chars().count(), REPLY_TEXT_MAX);
        assert!(!reply.kept_text().contains('\0'));
    }
}
