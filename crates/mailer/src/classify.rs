//! From what a relay did to what became of the delivery. Pure.

use domain::delivery::outcome::{Outcome, Reason, Reply};
use domain::limit::meaning;

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
        (_, 5) => Outcome::Failed(Reason::Rejected, Some(kept)),
        // A 2xx or 3xx where it has no meaning is treated as "not now".
        _ => Outcome::Deferred(Reason::PutOff, Some(kept)),
    }
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
                Problem::NoMail { .. } => Outcome::Failed(Reason::NoHost, Some(reply)),
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
    }
}

fn no_reply(error: &dyn std::fmt::Display, host: &str) -> Reply {
    Reply {
        code: 0,
        enhanced: None,
        text: error.to_string(),
        host: host.to_owned(),
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
