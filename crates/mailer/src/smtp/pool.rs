//! Sessions with one server, kept between mails.

use std::time::Duration;

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};

use super::seat::Seat;
use super::{ConnectError, Endpoint, Session};

/// A session that was idle longer is not trusted to be alive: relays close
/// after some minutes, small ones after seconds.
const IDLE_MAX: Duration = Duration::from_secs(10);
/// The same of a session that limits count: others may be waiting for it.
const COUNTED_IDLE_MAX: Duration = Duration::from_secs(2);
/// Mails through one session before a new one, as relays that count want it.
const MAILS_MAX: u32 = 10_000;

/// Makes and checks sessions.
pub struct Manager {
    endpoint: Endpoint,
    seat: Seat,
}

impl Manager {
    pub(super) fn seat(&self) -> &Seat {
        &self.seat
    }

    pub(super) fn host(&self) -> &str {
        &self.endpoint.host
    }
}

impl managed::Manager for Manager {
    type Type = Session;
    type Error = ConnectError;

    async fn create(&self) -> Result<Session, ConnectError> {
        self.seat.open(&self.endpoint).await
    }

    async fn recycle(
        &self,
        session: &mut Session,
        metrics: &Metrics,
    ) -> RecycleResult<ConnectError> {
        if session.is_broken() || session.sent() >= MAILS_MAX || metrics.last_used() > IDLE_MAX {
            return Err(RecycleError::message("spent"));
        }
        if session.is_over() {
            session.part().await;
            return Err(RecycleError::message("given up for others"));
        }
        Ok(())
    }
}

/// Sessions with one server.
pub type Pool = managed::Pool<Manager>;

/// A pool of up to `max_sessions`.
///
/// # Errors
/// When the pool can't be built.
pub fn build(
    endpoint: Endpoint,
    max_sessions: usize,
    seat: Seat,
) -> Result<Pool, managed::BuildError> {
    // deadpool's own order: the session used last comes first, so that a
    // quiet route shrinks to few.
    managed::Pool::builder(Manager { endpoint, seat })
        .max_size(max_sessions)
        .queue_mode(managed::QueueMode::Lifo)
        .build()
}

/// Ends sessions that were idle too long.
pub async fn reap(pool: &Pool) {
    let reaped =
        pool.retain(|session, metrics| !session.is_broken() && metrics.last_used() <= IDLE_MAX);
    for session in reaped.removed {
        session.quit().await;
    }
}

/// Ends sessions that limits count and that nobody uses or others are to have.
pub async fn reap_counted(pool: &Pool) {
    let reaped = pool.retain(|session, metrics| {
        metrics.last_used() <= COUNTED_IDLE_MAX && !session.is_broken() && !session.is_over()
    });
    for session in reaped.removed {
        session.quit().await;
    }
}

/// Ends all idle sessions and opens no more.
pub async fn close(pool: &Pool) {
    let idle = take_idle(pool);
    pool.close();
    for session in idle {
        session.quit().await;
    }
}

/// Takes the idle sessions out.
pub fn take_idle(pool: &Pool) -> Vec<Session> {
    pool.retain(|_, _| false).removed
}
