//! From what a relay did to what became of the delivery. Pure.

use domain::delivery::outcome::{Outcome, Reason, Reply};
use domain::event::bounce::{BounceReason, Status};
use domain::limit::meaning;

use crate::inbound::words;
use crate::smtp::mx::{NoServer, Problem};
use crate::smtp::reply::Reply as SmtpReply;
use crate::smtp::{Attempt, ConnectError, Stage};

/// The outcome of an attempt at `host`.
#[must_use]
pub fn attempt(attempt: &Attempt, host: &str) -> Outcome {
    match attempt {
        Attempt::Replied { stage, reply } => replied(*stage, reply, host),
        Attempt::Cut {
            stage: Stage::Answer,
            error,
        } => Outcome::Unknown(Reason::NoAnswer, Some(no_reply(error, host))),
        Attempt::Cut { error, .. } => {
            Outcome::Deferred(Reason::Interrupted, Some(no_reply(error, host)))
        }
    }
}

fn replied(stage: Stage, reply: &SmtpReply, host: &str) -> Outcome {
    let kept = kept(reply, host);
    match (stage, reply.code / 100) {
        (Stage::Answer, 2) => Outcome::Accepted(kept),
        // RFC 4954 §6: the relay wants us to log in, or otherwise than we do.
        (Stage::Mail, _) if matches!(reply.code, 530 | 534 | 535 | 538) => {
            Outcome::Deferred(Reason::RelayAuth, Some(kept))
        }
        // docomo says so that we are too fast.
        (_, 5) if meaning::of(&kept).is_some() => Outcome::Deferred(Reason::PutOff, Some(kept)),
        (_, 5) => {
            let blame = blame(stage, &kept);
            Outcome::Failed(Reason::Rejected, Some(Reply { blame, ..kept }))
        }
        // A 2xx or 3xx where it has no meaning is treated as "not now".
        _ => Outcome::Deferred(Reason::PutOff, Some(kept)),
    }
}

/// What a refusal says of the recipient's address. `None` for all that may be
/// our own fault, and where nobody can tell: no report of it comes later, so
/// the words have to be plain.
fn blame(stage: Stage, reply: &Reply) -> Option<BounceReason> {
    if stage == Stage::Mail {
        return None;
    }
    let status = reply.enhanced.as_deref().and_then(Status::parse);
    // 5.1.3 (syntax) is missing: a strict relay says so of addresses that
    // Japanese carriers gave out with two dots, and these arrive by another one.
    let of_the_address = status.is_some_and(|status| {
        matches!(
            (status.subject, status.detail),
            (1, 1 | 2 | 6 | 10) | (2, 1 | 2)
        )
    });
    if reply.code == 501 && !of_the_address {
        return None;
    }
    // SoftBank says 553 when it can't find the sender's domain.
    if reply.code == 553 && !of_the_address {
        return None;
    }
    // 5.0.0 says nothing; any other status that is not of the address is of us.
    let says_nothing = |status: Status| (status.subject, status.detail) == (0, 0);
    if !of_the_address && !status.is_none_or(says_nothing) {
        return None;
    }
    let reason = words::reason(status, &format!("{} {}", reply.code, reply.text));
    (reason.is_final() || reason == BounceReason::MailboxFull).then_some(reason)
}

/// The outcome when there is no session at all: never the recipient's fault,
/// so never final at once.
#[must_use]
pub fn connect_error(error: &ConnectError) -> Outcome {
    match error {
        ConnectError::Unreachable { host, .. }
        | ConnectError::Private { host }
        | ConnectError::Own { host }
        | ConnectError::Resting { host, .. } => {
            Outcome::Deferred(Reason::Unreachable, Some(no_reply(error, host)))
        }
        ConnectError::Tls { host, .. } => {
            Outcome::Deferred(Reason::Tls, Some(no_reply(error, host)))
        }
        ConnectError::Refused { host, reply } => {
            Outcome::Deferred(Reason::Unreachable, Some(kept(reply, host)))
        }
        ConnectError::Auth { host, reply } => {
            Outcome::Deferred(Reason::RelayAuth, Some(kept(reply, host)))
        }
        // Nobody's fault: as if never claimed.
        ConnectError::Full { .. } => Outcome::GivenBack,
    }
}

/// The outcome when no server of the recipient's domain gave a session.
#[must_use]
pub fn no_server(error: &NoServer) -> Outcome {
    match error {
        NoServer::Unknown(domain, problem) => {
            let reply = Reply {
                enhanced: problem.status().map(str::to_owned),
                ..no_reply(problem, domain)
            };
            match problem {
                Problem::NoMail { .. } => {
                    let blame = Some(BounceReason::DomainUnknown);
                    Outcome::Failed(Reason::NoHost, Some(Reply { blame, ..reply }))
                }
                Problem::Dns(_) => Outcome::Deferred(Reason::Dns, Some(reply)),
                Problem::Policy(_) => Outcome::Deferred(Reason::TlsPolicy, Some(reply)),
            }
        }
        NoServer::Connect {
            error: ConnectError::Tls { host, error },
            enforced: true,
        } => {
            let text =
                format!("the domain asks for TLS with a valid certificate (MTA-STS): {error}");
            Outcome::Deferred(Reason::TlsPolicy, Some(no_reply(&text, host)))
        }
        // Here the site itself speaks: what it says may be about our pace.
        NoServer::Connect {
            error: ConnectError::Refused { host, reply },
            ..
        } => Outcome::Deferred(Reason::PutOff, Some(kept(reply, host))),
        NoServer::Connect { error, .. } => connect_error(error),
        NoServer::Closed => Outcome::GivenBack,
    }
}

fn kept(reply: &SmtpReply, host: &str) -> Reply {
    Reply {
        code: reply.code,
        enhanced: reply.enhanced(),
        text: reply.text(),
        host: host.to_owned(),
        blame: None,
    }
}

fn no_reply(error: &dyn std::fmt::Display, host: &str) -> Reply {
    Reply {
        code: 0,
        enhanced: None,
        text: error.to_string(),
        host: host.to_owned(),
        blame: None,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn replies_are_classified_by_stage_and_code() {
        let table = [
            (Stage::Answer, 250, "accepted"),
            (Stage::Mail, 250, "deferred"),
            (Stage::Mail, 421, "deferred"),
            (Stage::Rcpt, 450, "deferred"),
            (Stage::Rcpt, 550, "failed"),
            (Stage::Data, 554, "failed"),
            (Stage::Data, 250, "deferred"),
            (Stage::Answer, 451, "deferred"),
            (Stage::Answer, 554, "failed"),
            (Stage::Answer, 354, "deferred"),
        ];
        for (stage, code, expected) in table {
            let reply = SmtpReply {
                code,
                lines: vec!["x".into()],
            };
            let state = match attempt(&Attempt::Replied { stage, reply }, "relay") {
                Outcome::Accepted(_) => "accepted",
                Outcome::Deferred(Reason::PutOff, Some(_)) => "deferred",
                Outcome::Failed(Reason::Rejected, Some(_)) => "failed",
                other => panic!("{stage:?} {code}: {other:?}"),
            };
            assert_eq!(state, expected, "{stage:?} {code}");
        }
    }

    #[test]
    fn only_what_plainly_speaks_of_the_address_counts_against_it() {
        use BounceReason::{Closed, DomainUnknown, MailboxFull, UserUnknown};
        let table = [
            (
                Stage::Rcpt,
                550,
                "5.1.1 <a@b.jp>: Recipient address rejected: User unknown in virtual mailbox table",
                Some(UserUnknown),
            ),
            // docomo, au, SoftBank.
            (
                Stage::Rcpt,
                550,
                "Unknown user a@docomo.ne.jp",
                Some(UserUnknown),
            ),
            (
                Stage::Rcpt,
                550,
                "<a@ezweb.ne.jp>: User unknown",
                Some(UserUnknown),
            ),
            (
                Stage::Rcpt,
                550,
                "Invalid recipient: <a@softbank.ne.jp>",
                Some(UserUnknown),
            ),
            (
                Stage::Answer,
                550,
                "5.1.1 The email account that you tried to reach does not exist",
                Some(UserUnknown),
            ),
            (
                Stage::Rcpt,
                550,
                "5.1.2 Bad destination system: no such domain",
                Some(DomainUnknown),
            ),
            (
                Stage::Rcpt,
                550,
                "5.2.1 The email account that you tried to reach is inactive",
                Some(Closed),
            ),
            (Stage::Rcpt, 552, "5.2.2 Mailbox full", Some(MailboxFull)),
            // Our own fault, or nobody knows whose.
            (Stage::Mail, 550, "5.1.1 User unknown", None),
            (Stage::Rcpt, 553, "sorry, that domain does not exist", None),
            (
                Stage::Rcpt,
                553,
                "<info@example.co.jp>: Sender address domain does not exist",
                None,
            ),
            (
                Stage::Rcpt,
                550,
                "5.1.8 <info@example.co.jp>: Sender address rejected: Domain not found",
                None,
            ),
            (
                Stage::Rcpt,
                550,
                "5.1.7 Sender address rejected: User unknown",
                None,
            ),
            (
                Stage::Rcpt,
                550,
                "5.7.1 User unknown, or relaying denied",
                None,
            ),
            (
                Stage::Rcpt,
                554,
                "5.7.1 Service unavailable; Client host blocked using zen.spamhaus.org",
                None,
            ),
            (
                Stage::Answer,
                550,
                "5.7.26 This mail has been blocked because the sender is unauthenticated",
                None,
            ),
            (Stage::Answer, 554, "5.6.0 Message contains a virus", None),
            (Stage::Rcpt, 550, "Relaying denied", None),
            (Stage::Rcpt, 501, "5.1.3 Bad recipient address syntax", None),
            (
                Stage::Rcpt,
                501,
                "Error: Bad recipient address syntax",
                None,
            ),
            (Stage::Rcpt, 550, "no", None),
            (Stage::Rcpt, 550, "5.0.0 rejected", None),
            (
                Stage::Answer,
                552,
                "5.3.4 Message size exceeds fixed limit",
                None,
            ),
        ];
        for (stage, code, text, expected) in table {
            let reply = SmtpReply {
                code,
                lines: vec![text.into()],
            };
            let outcome = attempt(&Attempt::Replied { stage, reply }, "relay");
            let Outcome::Failed(Reason::Rejected, Some(reply)) = outcome else {
                panic!("{code} {text}: {outcome:?}");
            };
            assert_eq!(reply.blame, expected, "{stage:?} {code} {text}");
        }
    }

    #[test]
    fn a_cut_before_the_final_dot_is_tried_again_and_after_it_is_unknown() {
        let cut = |stage| Attempt::Cut {
            stage,
            error: io::Error::from(io::ErrorKind::ConnectionReset),
        };
        for stage in [Stage::Mail, Stage::Rcpt, Stage::Data, Stage::Content] {
            assert!(
                matches!(
                    attempt(&cut(stage), "relay"),
                    Outcome::Deferred(Reason::Interrupted, Some(_))
                ),
                "{stage:?}"
            );
        }
        assert!(matches!(
            attempt(&cut(Stage::Answer), "relay"),
            Outcome::Unknown(Reason::NoAnswer, Some(_))
        ));
    }

    #[test]
    fn a_relay_that_refuses_us_is_no_fault_of_the_recipient() {
        let reply = SmtpReply {
            code: 535,
            lines: vec!["5.7.8 no".into()],
        };
        let error = ConnectError::Auth {
            host: "relay".into(),
            reply,
        };
        let Outcome::Deferred(Reason::RelayAuth, Some(kept)) = connect_error(&error) else {
            panic!("{error}")
        };
        assert_eq!((kept.code, kept.enhanced.as_deref()), (535, Some("5.7.8")));
    }
}
