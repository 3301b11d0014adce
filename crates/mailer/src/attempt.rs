//! One attempt at one mail: by a session of the relay, or by one with a server
//! of the recipient's domain.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use deadpool::managed::{Object, PoolError};
use domain::delivery::outcome::Outcome;
use domain::limit::admit::SessionLimits;

use crate::claim::Work;
use crate::classify;
use crate::compose::Composed;
use crate::handover::{Hands, Pending, hear, hear_reset, open_session, resting};
use crate::smtp::choice::{NoSession, Ready};
use crate::smtp::mx::{Direct, NoServer};
use crate::smtp::pool::Manager;
use crate::smtp::route::Route;
use crate::smtp::sessions::Held;
use crate::smtp::{Attempt, BeforeDot, ConnectError, Stage};
use crate::throttle::Permit;

/// Before a mail that found no session under its limits is looked at again.
const AGAIN: TimeDelta = TimeDelta::seconds(2);

/// By a direct route. Unlike a relay its servers are many, so the mail waits for
/// its own and keeps no other waiting; until then it can still be given back.
pub(crate) async fn direct(
    hands: &Hands,
    work: &Work,
    (route, direct): (&Arc<Route>, &Direct),
    limits: &SessionLimits,
    mail: &Composed,
    pending: &Pending,
    urgent: bool,
) -> Outcome {
    let domain = mail.to.rsplit('@').next().unwrap_or_default();
    let mut ending = hands.ending.clone();
    let opened = tokio::select! {
        biased;
        () = work.halted() => return Outcome::GivenBack,
        () = hands.journal_fails() => return Outcome::GivenBack,
        _ = ending.wait_for(|ending| *ending) => return Outcome::GivenBack,
        opened = direct.session(domain, limits) => opened,
    };
    let session = match opened {
        Ok(opened) => opened,
        Err(NoServer::Connect {
            error: ConnectError::Full { .. },
            ..
        }) => return full(hands.db.now()),
        Err(error) => {
            let outcome = classify::no_server(&error);
            if is_reset(&error) {
                hear_reset(hands, work, &pending.claimed, route.id, &outcome).await;
            }
            return outcome;
        }
    };
    // The site may have asked for less while this one waited.
    if !urgent && let Some(held) = resting(hands, work, &pending.claimed, Some(route.id)) {
        return held;
    }
    let Attempted { outcome, reset } = by(session, mail, pending).await;
    if reset {
        hear_reset(hands, work, &pending.claimed, route.id, &outcome).await;
    }
    direct.sessions().make_room().await;
    outcome
}

fn is_reset(error: &NoServer) -> bool {
    matches!(
        error,
        NoServer::Connect {
            error: ConnectError::Unreachable { reset: true, .. },
            ..
        }
    )
}

/// By whichever route, under limits of sessions: the mail waits for a session
/// without keeping the rest of its batch waiting, and goes back when there is none.
pub(crate) async fn counted(
    hands: &Hands,
    work: &Work,
    permit: &Permit,
    mail: &Composed,
    pending: &Pending,
    urgent: bool,
) -> Outcome {
    let mut ending = hands.ending.clone();
    let opened = tokio::select! {
        biased;
        () = work.halted() => return Outcome::GivenBack,
        () = hands.journal_fails() => return Outcome::GivenBack,
        _ = ending.wait_for(|ending| *ending) => return Outcome::GivenBack,
        opened = open_session(work, permit) => opened,
    };
    let now = hands.db.now();
    let (route, outcome) = match opened {
        Ok(Ready::Direct(route, to)) => {
            let way = (&route, &*to);
            let outcome = direct(hands, work, way, &permit.sessions, mail, pending, urgent).await;
            (route, outcome)
        }
        Ok(Ready::Relay(route, session)) => {
            if !urgent && let Some(held) = resting(hands, work, &pending.claimed, Some(route.id)) {
                return held;
            }
            let outcome = by(*session, mail, pending).await.outcome;
            route.sessions().make_room().await;
            (route, outcome)
        }
        Err(NoSession::Full) => return full(now),
        Err(NoSession::Changed) => {
            work.outdate();
            return Outcome::GivenBack;
        }
        Err(NoSession::Down { error, rest }) => {
            // Without an error of its own it was not tried at all.
            let until = now + TimeDelta::from_std(rest).unwrap_or_default();
            let untried = Outcome::HeldBack { until, asked: now };
            return error.as_ref().map_or(untried, classify::connect_error);
        }
    };
    hear(hands, work, &pending.claimed, route.id, &outcome).await;
    outcome
}

fn full(now: DateTime<Utc>) -> Outcome {
    Outcome::HeldBack {
        until: now + AGAIN,
        asked: now,
    }
}

/// What an attempt by a session came to.
pub(crate) struct Attempted {
    pub(crate) outcome: Outcome,
    /// The server cut the line by a TCP reset before it had the mail. Of a relay it
    /// is an accident; of a site's own server (au) it means that we are too fast.
    pub(crate) reset: bool,
}

impl Attempted {
    fn of(attempt: &Attempt, host: &str) -> Self {
        Self {
            outcome: classify::attempt(attempt, host),
            reset: matches!(
                attempt,
                Attempt::Cut { stage, error }
                    if *stage != Stage::Answer && error.kind() == ErrorKind::ConnectionReset
            ),
        }
    }

    fn without_reset(outcome: Outcome) -> Self {
        Self {
            outcome,
            reset: false,
        }
    }
}

/// One attempt; a session that had died in the pool does not count as one, nor
/// does a mail that could not be journalled and so did not go out.
pub(crate) async fn by(held: Held, mail: &Composed, pending: &Pending) -> Attempted {
    let (session, in_use) = held.into_parts();
    let refused = AtomicBool::new(false);
    let before_dot = || {
        pending
            .handing()
            .inspect_err(|_| refused.store(true, Ordering::Relaxed))
    };
    let attempted = with_session(session, mail, &before_dot).await;
    in_use.done();
    if refused.load(Ordering::Relaxed) {
        return Attempted::without_reset(Outcome::GivenBack);
    }
    attempted
}

async fn with_session(
    mut session: Object<Manager>,
    mail: &Composed,
    before_dot: BeforeDot<'_>,
) -> Attempted {
    let used_before = session.sent() > 0;
    let first = session
        .send(&mail.from, &mail.to, &mail.content, before_dot)
        .await;
    let host = session.host().to_owned();
    let pool = Object::pool(&session);
    drop(session);
    let died = match &first {
        Attempt::Cut { stage, error } => {
            *stage == Stage::Mail && error.kind() != ErrorKind::TimedOut
        }
        Attempt::Replied { stage, reply } => *stage == Stage::Mail && reply.code == 421,
    };
    if !(died && used_before) {
        return Attempted::of(&first, &host);
    }
    let Some(pool) = pool else {
        return Attempted::of(&first, &host);
    };
    match pool.get().await {
        Ok(mut session) => {
            let second = session
                .send(&mail.from, &mail.to, &mail.content, before_dot)
                .await;
            Attempted::of(&second, &host)
        }
        Err(PoolError::Backend(error)) => Attempted {
            reset: matches!(error, ConnectError::Unreachable { reset: true, .. }),
            outcome: classify::connect_error(&error),
        },
        Err(_) => Attempted::of(&first, &host),
    }
}
