//! Opens and clicks on their way into the database. A request puts its hit into
//! a bounded queue and is answered; one worker writes what gathered, several
//! times a second, and tries again until it is written.
//!
//! While the database is away the queue fills, and then requests wait for a
//! place in it. Whoever waits too long is answered without being counted, and
//! the log says how many were: a person has to reach the page behind the link.
//! At shutdown what is queued is written before the process ends.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::event::track::{self, BATCH, Hit};
use domain::ids::TenantId;
use domain::{Db, DomainError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Hits that wait at most: a minute of a busy service, some 30 MB.
const QUEUE: usize = 100_000;
/// How long the first of a batch waits for company.
const GATHER: Duration = Duration::from_millis(250);
/// How long a request waits for a place in a full queue.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the end of the process waits for the database.
const DRAIN: Duration = Duration::from_secs(20);
/// Longest pause between two tries.
const MOST_PAUSE: Duration = Duration::from_secs(5);

enum Message {
    Hit(Hit),
    /// Tell me when all before this is written.
    Flush(oneshot::Sender<()>),
    Stop,
}

/// The queue of hits.
pub struct Tracker {
    db: Db,
    sender: mpsc::Sender<Message>,
    receiver: Mutex<Option<mpsc::Receiver<Message>>>,
    /// Taken in and not yet written.
    pending: Arc<AtomicUsize>,
    lost: AtomicU64,
}

/// The worker, to be stopped before the process ends.
pub struct Running {
    sender: mpsc::Sender<Message>,
    pending: Arc<AtomicUsize>,
    worker: JoinHandle<()>,
}

impl Tracker {
    pub(super) fn new(db: Db) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        Self {
            db,
            sender,
            receiver: Mutex::new(Some(receiver)),
            pending: Arc::default(),
            lost: AtomicU64::new(0),
        }
    }

    /// Starts the worker; `None` when it runs already.
    pub fn start(&self) -> Option<Running> {
        let receiver = self
            .receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()?;
        let worker = Worker {
            db: self.db.clone(),
            receiver,
            pending: Arc::clone(&self.pending),
        };
        Some(Running {
            sender: self.sender.clone(),
            pending: Arc::clone(&self.pending),
            worker: tokio::spawn(worker.run()),
        })
    }

    /// Takes a hit in; returns at once while there is room.
    pub async fn record(&self, hit: Hit) {
        self.pending.fetch_add(1, Ordering::Relaxed);
        let message = match self.sender.try_send(Message::Hit(hit)) {
            Ok(()) => return,
            Err(
                mpsc::error::TrySendError::Full(message)
                | mpsc::error::TrySendError::Closed(message),
            ) => message,
        };
        if !matches!(
            timeout(PATIENCE, self.sender.send(message)).await,
            Ok(Ok(()))
        ) {
            self.pending.fetch_sub(1, Ordering::Relaxed);
            let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
            // Not a line for each of a flood.
            if lost.is_power_of_two() {
                tracing::error!(name: "track.lost", lost, "opens and clicks were answered without being counted: the database does not keep up");
            }
        }
    }

    /// Waits until all that was taken in is written.
    pub async fn flush(&self) {
        let (tell, told) = oneshot::channel();
        if self.sender.send(Message::Flush(tell)).await.is_ok() {
            let _ = told.await;
        }
    }
}

impl Running {
    /// Writes what is queued, and ends. Nothing may be taken in any more.
    pub async fn stop(self) {
        let _ = self.sender.send(Message::Stop).await;
        if timeout(DRAIN, self.worker).await.is_err() {
            let lost = self.pending.load(Ordering::Relaxed);
            tracing::error!(name: "track.undrained", lost, "the database did not take the last opens and clicks");
        }
    }
}

struct Worker {
    db: Db,
    receiver: mpsc::Receiver<Message>,
    pending: Arc<AtomicUsize>,
}

impl Worker {
    async fn run(mut self) {
        let mut messages = Vec::with_capacity(BATCH);
        let mut goes_on = true;
        while goes_on && self.receiver.recv_many(&mut messages, BATCH).await > 0 {
            let until = Instant::now() + GATHER;
            while messages.len() < BATCH && messages.iter().all(|m| matches!(m, Message::Hit(_))) {
                let room = BATCH - messages.len();
                match timeout_at(until, self.receiver.recv_many(&mut messages, room)).await {
                    Ok(n) if n > 0 => {}
                    Ok(_) | Err(_) => break,
                }
            }
            let mut by_tenant: BTreeMap<TenantId, Vec<Hit>> = BTreeMap::new();
            let mut to_tell = Vec::new();
            for message in messages.drain(..) {
                match message {
                    Message::Hit(hit) => by_tenant.entry(hit.tenant).or_default().push(hit),
                    Message::Flush(tell) => to_tell.push(tell),
                    Message::Stop => goes_on = false,
                }
            }
            for (tenant, hits) in by_tenant {
                self.write(tenant, hits).await;
            }
            for tell in to_tell {
                let _ = tell.send(());
            }
        }
    }

    /// Writes hits of a tenant, however long the database is away. One that it
    /// refuses is found by halving and left out, so that it holds up nobody's.
    async fn write(&self, tenant: TenantId, hits: Vec<Hit>) {
        let mut parts = vec![hits];
        let mut pause = Duration::from_millis(100);
        while let Some(mut hits) = parts.pop() {
            match track::record(&self.db, tenant, &hits).await {
                Ok(()) => {
                    self.pending.fetch_sub(hits.len(), Ordering::Relaxed);
                    pause = Duration::from_millis(100);
                }
                Err(DomainError::Unavailable { context }) => {
                    tracing::warn!(name: "track.waiting", context, hits = hits.len(), "opens and clicks wait for the database");
                    parts.push(hits);
                    sleep(pause).await;
                    pause = (pause * 2).min(MOST_PAUSE);
                }
                Err(error) if hits.len() == 1 => {
                    self.pending.fetch_sub(1, Ordering::Relaxed);
                    tracing::error!(name: "track.refused", error = ?error, "an open or click can't be written, and is left out");
                }
                Err(_) => {
                    let rest = hits.split_off(hits.len() / 2);
                    parts.push(rest);
                    parts.push(hits);
                }
            }
        }
    }
}
