//! One attempt at one mail: by a session of the relay, or by one with a server
//! of the recipient's domain.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use deadpool::managed::Object;
use domain::delivery::outcome::Outcome;

use crate::claim::Work;
use crate::classify;
use crate::compose::Composed;
use crate::handover::{Hands, Pending, resting};
use crate::smtp::mx::Direct;
use crate::smtp::pool::Manager;
use crate::smtp::route::Route;
use crate::smtp::{Attempt, BeforeDot, Stage};

/// By a direct route. Unlike a relay its servers are many, so the mail waits for
/// its own and keeps no other waiting; until then it can still be given back.
pub(crate) async fn direct(
    hands: &Hands,
    work: &Work,
    (route, direct): (&Arc<Route>, &Direct),
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
        opened = direct.session(domain) => opened,
    };
    let session = match opened {
        Ok(opened) => opened,
        Err(error) => return classify::no_server(&error),
    };
    // The site may have asked for less while this one waited.
    if !urgent && let Some(held) = resting(hands, work, &pending.claimed, Some(route.id)) {
        return held;
    }
    let outcome = by(session, mail, pending).await;
    direct.make_room().await;
    outcome
}

/// One attempt; a session that had died in the pool does not count as one, nor
/// does a mail that could not be journalled and so did not go out.
pub(crate) async fn by(session: Object<Manager>, mail: &Composed, pending: &Pending) -> Outcome {
    let refused = AtomicBool::new(false);
    let before_dot = || {
        pending
            .handing()
            .inspect_err(|_| refused.store(true, Ordering::Relaxed))
    };
    let outcome = with_session(session, mail, &before_dot).await;
    if refused.load(Ordering::Relaxed) {
        return Outcome::GivenBack;
    }
    outcome
}

async fn with_session(
    mut session: Object<Manager>,
    mail: &Composed,
    before_dot: BeforeDot<'_>,
) -> Outcome {
    let used_before = session.sent() > 0;
    let first = session
        .send(&mail.from, &mail.to, &mail.content, before_dot)
        .await;
    let host = session.host().to_owned();
    let pool = Object::pool(&session);
    drop(session);
    let died = match &first {
        Attempt::Cut { stage, error } => {
            *stage == Stage::Mail && error.kind() != std::io::ErrorKind::TimedOut
        }
        Attempt::Replied { stage, reply } => *stage == Stage::Mail && reply.code == 421,
    };
    if !(died && used_before) {
        return classify::attempt(&first, &host);
    }
    let Some(pool) = pool else {
        return classify::attempt(&first, &host);
    };
    match pool.get().await {
        Ok(mut session) => {
            let second = session
                .send(&mail.from, &mail.to, &mail.content, before_dot)
                .await;
            classify::attempt(&second, &host)
        }
        Err(deadpool::managed::PoolError::Backend(error)) => classify::connect_error(&error),
        Err(_) => classify::attempt(&first, &host),
    }
}
