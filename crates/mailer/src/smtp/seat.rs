//! Places for sessions: how many a route has in all, whether a server is worth
//! trying, and the slot where a limit counts sessions.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::slots::Group;
use super::{ConnectError, Endpoint, Session};

/// Longest time that a server is left alone.
const REST_MAX: Duration = Duration::from_secs(60);

/// The sessions that a route may have open, used or idle.
#[derive(Debug)]
pub(super) struct Room {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    wanted: Notify,
}

impl Room {
    pub(super) fn new(most: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(most)),
            waiting: AtomicUsize::new(0),
            wanted: Notify::new(),
        }
    }

    /// Whether somebody waits for a place.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0 && self.places.available_permits() == 0
    }

    /// Ends when somebody begins to wait.
    pub(super) async fn is_wanted(&self) {
        self.wanted.notified().await;
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(free) = Arc::clone(&self.places).try_acquire_owned() {
            return Some(free);
        }
        let _waiting = Waiting::begin(self);
        Arc::clone(&self.places).acquire_owned().await.ok()
    }
}

/// Counted for as long as it lives: a mail that is given back waits no more.
struct Waiting<'a>(&'a Room);

impl<'a> Waiting<'a> {
    fn begin(room: &'a Room) -> Self {
        room.waiting.fetch_add(1, Ordering::SeqCst);
        room.wanted.notify_one();
        Self(room)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What this mailer saw of a server.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    failures: u32,
    error: String,
    failed: Option<Instant>,
    /// Not tried before.
    until: Option<Instant>,
}

impl Health {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a failure has to be kept in mind.
    pub(super) fn is_remembered(&self) -> bool {
        self.seen()
            .until
            .is_some_and(|until| until + REST_MAX > Instant::now())
    }

    /// What it did, while it is left alone. Else whoever asks has the turn to try
    /// it, and the others wait as long as if that failed.
    fn rests(&self, now: Instant) -> Option<String> {
        let mut seen = self.seen();
        let until = seen.until?;
        if now < until {
            return Some(seen.error.clone());
        }
        seen.until = Some(now + rest(seen.failures));
        None
    }

    fn up(&self) {
        *self.seen() = Seen::default();
    }

    /// A try that began at `began` failed.
    fn down(&self, error: &ConnectError, began: Instant, now: Instant) {
        let mut seen = self.seen();
        // Those that are under way together fail together: that is one failure.
        if seen.failed.is_none_or(|failed| failed < began) {
            seen.failures = seen.failures.saturating_add(1);
        }
        seen.failed = Some(now);
        seen.until = Some(now + rest(seen.failures));
        seen.error = error.to_string();
    }
}

fn rest(failures: u32) -> Duration {
    Duration::from_secs(1_u64 << failures.saturating_sub(1).min(8)).min(REST_MAX)
}

/// What a session with a server needs beside the server.
pub struct Seat {
    room: Arc<Room>,
    /// Of servers of strangers; that of a relay is the route's.
    health: Option<Health>,
    /// Where limits count the session.
    group: Option<Arc<Group>>,
}

impl Seat {
    pub(super) fn new(room: Arc<Room>, health: Option<Health>, group: Option<Arc<Group>>) -> Self {
        Self {
            room,
            health,
            group,
        }
    }

    pub(super) fn health(&self) -> Option<&Health> {
        self.health.as_ref()
    }

    /// Opens a session that has a place.
    ///
    /// # Errors
    /// [`ConnectError`], at once while the server is left alone or the limits are
    /// used up.
    pub(super) async fn open(&self, to: &Endpoint) -> Result<Session, ConnectError> {
        let resting = |error| ConnectError::Resting {
            host: to.host.clone(),
            error,
        };
        if let Some(error) = self
            .health()
            .and_then(|health| health.rests(Instant::now()))
        {
            return Err(resting(error));
        }
        let Some(place) = self.room.place().await else {
            return Err(resting("the mailer is ending".to_owned()));
        };
        let lease = match &self.group {
            None => None,
            Some(group) => Some(group.lease().ok_or_else(|| ConnectError::Full {
                host: to.host.clone(),
            })?),
        };
        let began = Instant::now();
        let opened = to.connect().await;
        match (opened, &self.health) {
            (Ok(mut session), health) => {
                if let Some(health) = health {
                    health.up();
                }
                session.hold(place, lease);
                Ok(session)
            }
            (Err(error), health) => {
                if let Some(health) = health {
                    health.down(&error, began, Instant::now());
                }
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_failed_is_tried_by_one_after_a_rest_that_doubles_up_to_a_minute() {
        let health = Health::default();
        let error = ConnectError::Own { host: "mx".into() };
        let mut now = Instant::now();
        assert_eq!(health.rests(now), None);
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            health.down(&error, now, now);
            health.down(&error, now, now);
            now += Duration::from_secs(seconds);
            let before = now - Duration::from_millis(1);
            assert_eq!(health.rests(before), Some(error.to_string()), "{seconds}");
            assert_eq!(health.rests(now), None, "{seconds}");
            assert!(health.rests(now).is_some(), "one finds out");
        }
        health.up();
        assert_eq!(health.rests(now), None);
    }

    #[tokio::test]
    async fn a_place_is_free_again_when_its_session_ends() {
        let room = Room::new(1);
        let one = room.place().await.unwrap();
        assert!(!room.is_full(), "nobody waits");
        let (second, ()) = tokio::join!(room.place(), async {
            room.is_wanted().await;
            assert!(room.is_full());
            drop(one);
        });
        assert!(second.is_some());
        assert!(!room.is_full());
    }
}
