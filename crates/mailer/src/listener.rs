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

/// Sends a call for every signal about sending, and one each [`POLL`]. A call
/// that nobody has taken yet stands for all that follow.
pub async fn run(db: Db, calls: mpsc::Sender<()>) {
    tokio::join!(signals(&db, &calls), ticks(&calls));
}

async fn ticks(calls: &mpsc::Sender<()>) {
    while !calls.is_closed() {
        sleep(POLL).await;
        calls.try_send(()).ok();
    }
}

async fn signals(db: &Db, calls: &mpsc::Sender<()>) {
    while !calls.is_closed() {
        match listen(db).await {
            Ok(stream) => {
                let mut stream = std::pin::pin!(stream);
                while let Some(signal) = stream.next().await {
                    if matches!(signal, Signal::SendQueue) {
                        calls.try_send(()).ok();
                    }
                }
            }
            Err(error) => tracing::warn!(name: "listener.failed", ?error, "polling meanwhile"),
        }
        sleep(RECONNECT).await;
    }
}
