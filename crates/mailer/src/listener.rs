//! Wake-up calls: signals when they come, polling in case they don't.

use std::time::Duration;

use domain::Db;
use domain::signal::{Signal, listen};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// How often a mailer looks without being called: the bound of what a lost
/// call costs a pause or stop.
const POLL: Duration = Duration::from_millis(500);
const RECONNECT: Duration = Duration::from_secs(1);

/// Whom a signal about sending wakes. A call that somebody has not taken yet
/// stands for all that follow.
pub struct Calls {
    /// Takes batches; called each [`POLL`] too.
    pub sending: mpsc::Sender<()>,
    /// Halts what was paused or stopped; called each [`POLL`] too.
    pub heed: mpsc::Sender<()>,
    /// Freezes, starts and skips; looks by itself too.
    pub schedule: mpsc::Sender<()>,
    /// Sends the product's own mails; looks by itself too.
    pub system_mail: mpsc::Sender<()>,
}

/// Calls at every signal about sending, and each [`POLL`].
pub async fn run(db: Db, calls: Calls) {
    tokio::join!(signals(&db, &calls), ticks(&calls));
}

async fn ticks(calls: &Calls) {
    while !calls.sending.is_closed() {
        sleep(POLL).await;
        calls.sending.try_send(()).ok();
        calls.heed.try_send(()).ok();
    }
}

async fn signals(db: &Db, calls: &Calls) {
    while !calls.sending.is_closed() {
        match listen(db).await {
            Ok(stream) => {
                let mut stream = std::pin::pin!(stream);
                while let Some(signal) = stream.next().await {
                    match signal {
                        Signal::SendQueue => {
                            calls.sending.try_send(()).ok();
                            calls.heed.try_send(()).ok();
                            calls.schedule.try_send(()).ok();
                        }
                        Signal::SystemMail => {
                            calls.system_mail.try_send(()).ok();
                        }
                        // Webhooks listen for themselves, on their own pool.
                        Signal::Webhooks
                        | Signal::Job { .. }
                        | Signal::JobQueued
                        | Signal::Campaign { .. } => {}
                    }
                }
            }
            Err(error) => tracing::warn!(name: "listener.failed", ?error, "polling meanwhile"),
        }
        sleep(RECONNECT).await;
    }
}
