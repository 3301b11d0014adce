//! The job workers of `serve`: threads of their own, with a pool of
//! connections of their own, so that an import never makes a page wait for a
//! connection or for a core's turn.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use domain::Db;
use domain::access;
use domain::housekeeping;
use domain::job::worker::Worker;
use domain::signal::{Signal, listen};
use futures_util::StreamExt;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// How often a worker looks without being called.
const POLL: Duration = Duration::from_secs(5);
/// After an error of the database, and between tries to listen.
const RETRY: Duration = Duration::from_secs(2);
/// How long the steps under way may take when the process is to end.
const DRAIN: Duration = Duration::from_secs(15);
const HOUSEKEEPING: Duration = Duration::from_secs(3600);
/// Connections beside one for each worker: housekeeping, the reader of a file.
const SPARE_CONNECTIONS: usize = 3;

/// The running workers; [`Workers::end`] gives their jobs back.
pub struct Workers {
    runtime: Runtime,
    ending: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Workers {
    /// Starts `count` workers.
    ///
    /// # Errors
    /// When threads or the pool can't be made.
    pub fn start(db: &Db, count: usize, access_log_days: u32) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(count.clamp(1, 4))
            .thread_name("job")
            .enable_all()
            .build()
            .context("start the job workers")?;
        let db = db
            .with_own_pool(count * 2 + SPARE_CONNECTIONS)
            .map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let (ending, _) = watch::channel(false);
        let called = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        if count > 0 {
            tasks.spawn_on(
                hear(db.clone(), Arc::clone(&called), ending.subscribe()),
                runtime.handle(),
            );
        }
        for _ in 0..count {
            let worker = Worker::new(db.clone(), ending.subscribe());
            tasks.spawn_on(
                work(worker, Arc::clone(&called), ending.subscribe()),
                runtime.handle(),
            );
        }
        tasks.spawn_on(
            keep_house(db, access_log_days, ending.subscribe()),
            runtime.handle(),
        );
        Ok(Self {
            runtime,
            ending,
            tasks,
        })
    }

    /// Lets each finish its step and gives its job back.
    pub async fn end(mut self) {
        self.ending.send_replace(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(DRAIN, all).await.is_err() {
            tracing::warn!(name: "job.cut_off", "jobs under way go on elsewhere when their lease ends");
        }
        self.runtime.shutdown_background();
    }
}

async fn work(worker: Worker, called: Arc<Notify>, mut ending: watch::Receiver<bool>) {
    while !*ending.borrow() {
        // Hears also the call that comes between the look and the wait.
        let mut called = std::pin::pin!(called.notified());
        called.as_mut().enable();
        match worker.run_once().await {
            Ok(true) => {}
            Ok(false) => {
                tokio::select! {
                    () = called => {}
                    () = sleep(POLL) => {}
                    _ = ending.changed() => {}
                }
            }
            Err(error) => {
                tracing::warn!(name: "job.worker_failed", ?error, "trying again");
                sleep(RETRY).await;
            }
        }
    }
}

/// Wakes the workers when a job is enqueued anywhere.
async fn hear(db: Db, called: Arc<Notify>, mut ending: watch::Receiver<bool>) {
    let listening = async {
        loop {
            match listen(&db).await {
                Ok(signals) => {
                    let mut signals = std::pin::pin!(signals);
                    while let Some(signal) = signals.next().await {
                        if signal == Signal::JobQueued {
                            called.notify_waiters();
                        }
                    }
                }
                Err(error) => {
                    tracing::warn!(name: "job.listener_failed", ?error, "polling meanwhile");
                }
            }
            sleep(RETRY).await;
        }
    };
    tokio::select! {
        () = listening => {}
        _ = ending.wait_for(|ending| *ending) => {}
    }
}

async fn keep_house(db: Db, access_log_days: u32, mut ending: watch::Receiver<bool>) {
    let mut ticks = interval(HOUSEKEEPING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = ending.wait_for(|ending| *ending) => return,
        }
        let swept = async {
            housekeeping::run_once(&db).await?;
            access::forget(&db, access_log_days).await
        };
        if let Err(error) = swept.await {
            tracing::warn!(name: "housekeeping.failed", ?error, "trying again in an hour");
        }
    }
}
