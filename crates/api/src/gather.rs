//! What requests leave behind on its way into the database: opens and clicks,
//! looks at people's data. A request puts its item into a bounded queue and is
//! answered; one worker writes what gathered, several times a second, and tries
//! again until it is written.
//!
//! While the database is away the queue fills, and then requests wait for a
//! place in it. Whoever waits too long is answered without being counted, and
//! the log says how many were. At shutdown what is queued is written before the
//! process ends.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::error::Result;
use domain::ids::TenantId;
use domain::{Db, DomainError};
use futures_util::FutureExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Items that wait at most: a minute of a busy service, some 30 MB.
const QUEUE: usize = 100_000;
/// How long the first of a batch waits for company.
const GATHER: Duration = Duration::from_millis(250);
/// How long a request waits for a place in a full queue.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the end of the process waits for the database.
const DRAIN: Duration = Duration::from_secs(20);
/// Longest pause between two tries.
const MOST_PAUSE: Duration = Duration::from_secs(5);

/// Something of a tenant that is written in batches. Writing one again changes nothing.
pub trait Gathered: Send + Sync + Sized + 'static {
    /// In the log.
    const WHAT: &'static str;
    /// Most of one batch.
    const BATCH: usize;

    fn tenant(&self) -> TenantId;

    /// Writes items of one tenant in one transaction.
    fn write(db: &Db, tenant: TenantId, items: &[Self]) -> impl Future<Output = Result<()>> + Send;
}

enum Message<T> {
    Item(T),
    /// Tell me when all before this is written.
    Flush(oneshot::Sender<()>),
    Stop,
}

/// The queue.
pub struct Gatherer<T> {
    db: Db,
    sender: mpsc::Sender<Message<T>>,
    receiver: Mutex<Option<mpsc::Receiver<Message<T>>>>,
    /// Taken in and not yet written.
    pending: Arc<AtomicUsize>,
    lost: AtomicU64,
}

/// The worker, to be stopped before the process ends.
pub struct Running<T> {
    sender: mpsc::Sender<Message<T>>,
    pending: Arc<AtomicUsize>,
    worker: JoinHandle<()>,
}

impl<T: Gathered> Gatherer<T> {
    /// Writes nothing before [`Gatherer::start`].
    #[must_use]
    pub fn new(db: Db) -> Self {
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
    pub fn start(&self) -> Option<Running<T>> {
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

    /// Takes an item in; returns at once while there is room.
    pub async fn record(&self, item: T) {
        self.pending.fetch_add(1, Ordering::Relaxed);
        let message = match self.sender.try_send(Message::Item(item)) {
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
                tracing::error!(name: "gather.lost", what = T::WHAT, lost, "requests were answered without being noted: the database does not keep up");
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

impl<T: Gathered> Running<T> {
    /// Writes what is queued, and ends. Nothing may be taken in any more.
    pub async fn stop(self) {
        let _ = self.sender.send(Message::Stop).await;
        if timeout(DRAIN, self.worker).await.is_err() {
            let lost = self.pending.load(Ordering::Relaxed);
            tracing::error!(name: "gather.undrained", what = T::WHAT, lost, "the database did not take the last of them");
        }
    }
}

/// A panic is an answer like another: the worker goes on without what caused it.
async fn written<T: Gathered>(db: &Db, tenant: TenantId, items: &[T]) -> domain::Result<()> {
    AssertUnwindSafe(T::write(db, tenant, items))
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(DomainError::internal("panicked while writing")))
}

struct Worker<T> {
    db: Db,
    receiver: mpsc::Receiver<Message<T>>,
    pending: Arc<AtomicUsize>,
}

impl<T: Gathered> Worker<T> {
    async fn run(mut self) {
        let mut messages = Vec::with_capacity(T::BATCH);
        let mut goes_on = true;
        while goes_on && self.receiver.recv_many(&mut messages, T::BATCH).await > 0 {
            let until = Instant::now() + GATHER;
            while messages.len() < T::BATCH
                && messages.iter().all(|m| matches!(m, Message::Item(_)))
            {
                let room = T::BATCH - messages.len();
                match timeout_at(until, self.receiver.recv_many(&mut messages, room)).await {
                    Ok(n) if n > 0 => {}
                    Ok(_) | Err(_) => break,
                }
            }
            let mut by_tenant: BTreeMap<TenantId, Vec<T>> = BTreeMap::new();
            let mut to_tell = Vec::new();
            for message in messages.drain(..) {
                match message {
                    Message::Item(item) => by_tenant.entry(item.tenant()).or_default().push(item),
                    Message::Flush(tell) => to_tell.push(tell),
                    Message::Stop => goes_on = false,
                }
            }
            for (tenant, items) in by_tenant {
                self.write(tenant, items).await;
            }
            for tell in to_tell {
                let _ = tell.send(());
            }
        }
    }

    /// Writes items of a tenant, however long the database is away. One that it
    /// refuses is found by halving and left out, so that it holds up nobody's.
    async fn write(&self, tenant: TenantId, items: Vec<T>) {
        let mut parts = vec![items];
        let mut pause = Duration::from_millis(100);
        while let Some(mut items) = parts.pop() {
            match written(&self.db, tenant, &items).await {
                Ok(()) => {
                    self.pending.fetch_sub(items.len(), Ordering::Relaxed);
                    pause = Duration::from_millis(100);
                }
                Err(error) if error.is_passing() => {
                    tracing::warn!(name: "gather.waiting", what = T::WHAT, ?error, items = items.len(), "they wait for the database");
                    parts.push(items);
                    sleep(pause).await;
                    pause = (pause * 2).min(MOST_PAUSE);
                }
                Err(error) if items.len() == 1 => {
                    self.pending.fetch_sub(1, Ordering::Relaxed);
                    tracing::error!(name: "gather.refused", what = T::WHAT, error = ?error, "one can't be written, and is left out");
                }
                Err(_) => {
                    let rest = items.split_off(items.len() / 2);
                    parts.push(rest);
                    parts.push(items);
                }
            }
        }
    }
}
