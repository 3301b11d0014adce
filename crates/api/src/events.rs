//! Signals of the database for the event streams of this process: one LISTEN
//! connection, however many pages are open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::signal::{Signal, listen};
use domain::{Db, DomainError, Result};
use futures_util::StreamExt;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// Signals that a slow stream may be behind before it loses some. Then a page
/// is late until its next poll, no more.
const BEHIND: usize = 1024;
/// Streams of one person at a time: windows of a desk, not a way to use up ours.
const PER_PERSON: usize = 10;
const RECONNECT: Duration = Duration::from_secs(1);
/// How long a new stream waits for the LISTEN connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Hands out signals to streams.
pub struct Events {
    db: Db,
    signals: broadcast::Sender<Signal>,
    listening: watch::Sender<bool>,
    closing: watch::Sender<bool>,
    listener: Mutex<Option<JoinHandle<()>>>,
    open: Mutex<HashMap<Uuid, usize>>,
}

/// A stream's place; gives itself back.
pub struct Subscription {
    pub signals: broadcast::Receiver<Signal>,
    /// True when the process is to end.
    pub closing: watch::Receiver<bool>,
    holder: Uuid,
    events: Arc<Events>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Events {
    /// Connects at the first subscription.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self {
            db,
            signals: broadcast::Sender::new(BEHIND),
            listening: watch::Sender::new(false),
            closing: watch::Sender::new(false),
            listener: Mutex::default(),
            open: Mutex::default(),
        }
    }

    /// A place for a stream of `holder` (a person or an API token), from which nothing is missed that is
    /// signalled after the answer.
    ///
    /// # Errors
    /// [`DomainError::TooManyRequests`] for one stream too many, [`DomainError::Unavailable`] without database.
    pub async fn subscribe(self: &Arc<Self>, holder: Uuid) -> Result<Subscription> {
        let subscription = self.place(holder)?;
        self.listen();
        let mut listening = self.listening.subscribe();
        let heard = timeout(PATIENCE, listening.wait_for(|up| *up)).await;
        if heard.is_err() {
            return Err(DomainError::Unavailable {
                context: "no connection to listen on".to_owned(),
            });
        }
        Ok(subscription)
    }

    fn place(self: &Arc<Self>, holder: Uuid) -> Result<Subscription> {
        let mut open = locked(&self.open);
        let n = open.entry(holder).or_default();
        if *n >= PER_PERSON {
            return Err(DomainError::TooManyRequests {
                retry_after: Duration::from_secs(30),
            });
        }
        *n += 1;
        Ok(Subscription {
            signals: self.signals.subscribe(),
            closing: self.closing.subscribe(),
            holder,
            events: Arc::clone(self),
        })
    }

    /// Ends all streams, so that the process need not wait for them.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Starts the one listener, again if the thread it ran on is gone.
    fn listen(self: &Arc<Self>) {
        let mut listener = locked(&self.listener);
        if listener.as_ref().is_none_or(JoinHandle::is_finished) {
            self.listening.send_replace(false);
            *listener = Some(tokio::spawn(run(Arc::clone(self))));
        }
    }
}

async fn run(events: Arc<Events>) {
    loop {
        match listen(&events.db).await {
            Ok(stream) => {
                events.listening.send_replace(true);
                let mut stream = std::pin::pin!(stream);
                while let Some(signal) = stream.next().await {
                    // Nobody may be there to hear it.
                    events.signals.send(signal).ok();
                }
                events.listening.send_replace(false);
            }
            Err(error) => {
                tracing::warn!(name: "events.listen_failed", ?error, "pages poll meanwhile");
            }
        }
        sleep(RECONNECT).await;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut open = locked(&self.events.open);
        if let Some(n) = open.get_mut(&self.holder) {
            *n -= 1;
            if *n == 0 {
                open.remove(&self.holder);
            }
        }
    }
}
